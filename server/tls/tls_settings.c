/* tls_settings.c: the tls.* rows of the settings as one value. Any thread. Reads no files. */
#include "server/tls/tls_settings.h"

struct tls_settings tls_settings_from_config(const struct config *config)
{
    return (struct tls_settings){
        .certificate = config->tls_certificate,
        .key = config->tls_key,
        .client_ca = config->tls_client_ca,
        .crl = config->tls_crl,
        .deny_list = config->tls_deny_list,
        .client_auth = (enum config_client_auth)config->tls_client_auth,
        .need_client_eku = config->tls_client_eku == CLIENT_EKU_REQUIRED,
        .chain_depth = (unsigned)config->tls_chain_depth,
        .resumption_ns = (int64_t)config->tls_resumption,
        .min_version = config->tls_min_version,
    };
}
