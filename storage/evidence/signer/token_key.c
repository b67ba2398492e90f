/* token_key.c: signs with a PKCS#11 token (v3.0, CKM_EDDSA) through p11-kit. The owner's thread.
 * OpenSSL's way to tokens is a provider that Debian 12 does not have, and its older engine has no
 * Ed25519; p11-kit is in both releases. */
#include "storage/evidence/signer/token_key.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/object.h"
#include "storage/evidence/formats/ed25519.h"

#define SLOTS_MAX   64
#define ATTRIBUTES  4
#define POINT_BYTES 34 /* an OCTET STRING (04 20) of 32 bytes */

#define TOKEN_KEY_MAGIC 0x56544b59U

struct token_key {
    unsigned magic; /* TOKEN_KEY_MAGIC */
    struct note_verifier verifier;
    struct problem problem;
    P11KitUri *uri;
    CK_FUNCTION_LIST **modules; /* ended by NULL */
    bool owns_list;             /* of p11-kit's configuration */
    CK_FUNCTION_LIST *single[2];
    char pin[256];
    CK_FUNCTION_LIST *module; /* of the open session */
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    bool is_open;
};

OBJECT_CAST(token_key, TOKEN_KEY_MAGIC)

static enum status parse_uri(const char *text, P11KitUri **out, struct problem *problem)
{
    P11KitUri *uri = p11_kit_uri_new();
    if (!uri)
        return STATUS_NO_MEMORY;
    int code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (code == P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri)) {
        *out = uri;
        return STATUS_OK;
    }
    problem_say(problem, "is no PKCS#11 URI (RFC 7512): %s",
                code == P11_KIT_URI_OK ? "an attribute is unknown" : p11_kit_uri_message(code));
    p11_kit_uri_free(uri);
    return STATUS_MALFORMED;
}

enum status token_key_pin_file(const char *text, char *path, size_t path_bytes,
                               struct problem *problem)
{
    P11KitUri *uri = NULL;
    enum status status = parse_uri(text, &uri, problem);
    if (status != STATUS_OK)
        return status;
    const char *source = p11_kit_uri_get_pin_source(uri);
    if (!source) {
        status = STATUS_NOT_FOUND;
    } else {
        if (!strncmp(source, "file:", 5))
            source += 5;
        if (!strncmp(source, "//", 2))
            source += 2;
        status = (size_t)snprintf(path, path_bytes, "%s", source) < path_bytes ? STATUS_OK
                                                                               : STATUS_TOO_LARGE;
    }
    p11_kit_uri_free(uri);
    if (status != STATUS_OK)
        problem_say(problem, "names no file with the PIN: add ?pin-source=file:PATH");
    return status;
}

/* ---- the token and its key ---- */

static enum status say_rv(struct problem *problem, const char *what, CK_RV rv)
{
    problem_say(problem, "the PKCS#11 token: %s: %s", what, p11_kit_strerror(rv));
    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LOCKED:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_MECHANISM_INVALID:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
        return STATUS_REFUSED;
    case CKR_HOST_MEMORY:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_UNAVAILABLE;
    }
}

static enum status load_modules(struct token_key *t, struct problem *problem)
{
    const char *path = p11_kit_uri_get_module_path(t->uri);
    if (!path) {
        t->modules = p11_kit_modules_load_and_initialize(0);
        t->owns_list = t->modules != NULL;
    } else {
        t->single[0] = p11_kit_module_load(path, 0);
        if (t->single[0] && p11_kit_module_initialize(t->single[0]) != CKR_OK) {
            p11_kit_module_release(t->single[0]);
            t->single[0] = NULL;
        }
        t->modules = t->single[0] ? t->single : NULL;
    }
    if (t->modules)
        return STATUS_OK;
    const char *why = p11_kit_message();
    problem_say(problem, "the library of the PKCS#11 token can't be loaded: %s: %s",
                path ? path : "p11-kit's modules", why ? why : "it gives no reason");
    return STATUS_UNAVAILABLE;
}

/* The slot whose token the URI describes. */
static enum status find_slot(const struct token_key *t, CK_FUNCTION_LIST **module, CK_SLOT_ID *slot,
                             struct problem *problem)
{
    size_t found = 0;
    for (CK_FUNCTION_LIST **m = t->modules; *m; m++) {
        CK_SLOT_ID slots[SLOTS_MAX];
        CK_ULONG count = SLOTS_MAX;
        if ((*m)->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
            continue;
        for (CK_ULONG i = 0; i < count; i++) {
            CK_TOKEN_INFO info;
            if ((*m)->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
                !(info.flags & CKF_TOKEN_INITIALIZED) ||
                p11_kit_uri_match_token_info(t->uri, &info) != 1)
                continue;
            *module = *m;
            *slot = slots[i];
            found++;
        }
    }
    if (found == 1)
        return STATUS_OK;
    problem_say(problem, found ? "several PKCS#11 tokens match the URI"
                               : "no PKCS#11 token matches the URI");
    return found ? STATUS_CONFLICT : STATUS_NOT_FOUND;
}

static void add_attribute(CK_ATTRIBUTE *attributes, CK_ULONG *count, const CK_ATTRIBUTE *attribute)
{
    if (attribute)
        attributes[(*count)++] = *attribute;
}

/* The one object of this class with the URI's label and id. */
static enum status find_object(const struct token_key *t, CK_FUNCTION_LIST *module,
                               CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
                               CK_OBJECT_HANDLE *object, struct problem *problem)
{
    CK_ATTRIBUTE attributes[ATTRIBUTES];
    CK_ULONG count = 0, found = 0;
    CK_OBJECT_HANDLE objects[2];
    const CK_ATTRIBUTE of_class = {CKA_CLASS, &class, sizeof class};
    add_attribute(attributes, &count, &of_class);
    add_attribute(attributes, &count, p11_kit_uri_get_attribute(t->uri, CKA_LABEL));
    add_attribute(attributes, &count, p11_kit_uri_get_attribute(t->uri, CKA_ID));
    CK_RV rv = module->C_FindObjectsInit(session, attributes, count);
    if (rv == CKR_OK) {
        rv = module->C_FindObjects(session, objects, 2, &found);
        CK_RV ended = module->C_FindObjectsFinal(session);
        rv = rv == CKR_OK ? ended : rv;
    }
    if (rv != CKR_OK)
        return say_rv(problem, "the key can't be looked for", rv);
    if (found == 1) {
        *object = objects[0];
        return STATUS_OK;
    }
    problem_say(problem, "%s %s key of the PKCS#11 token matches the URI",
                found ? "more than one" : "no", class == CKO_PRIVATE_KEY ? "private" : "public");
    return found ? STATUS_CONFLICT : STATUS_NOT_FOUND;
}

static enum status read_public(const struct token_key *t, CK_FUNCTION_LIST *module,
                               CK_SESSION_HANDLE session, struct slice name,
                               struct note_verifier *out, struct problem *problem)
{
    CK_OBJECT_HANDLE object = 0;
    CK_KEY_TYPE type = 0;
    uint8_t point[POINT_BYTES];
    enum status status = find_object(t, module, session, CKO_PUBLIC_KEY, &object, problem);
    if (status != STATUS_OK)
        return status;
    CK_ATTRIBUTE wanted[] = {{CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_EC_POINT, point, sizeof point}};
    CK_RV rv = module->C_GetAttributeValue(session, object, wanted, 2);
    struct slice key = slice_make(point, wanted[1].ulValueLen);
    if (rv == CKR_OK && key.size == POINT_BYTES && point[0] == 0x04 && point[1] == 0x20)
        key = slice_sub(key, 2, key.size);
    if (rv != CKR_OK || type != CKK_EC_EDWARDS || key.size != ED25519_KEY_BYTES) {
        problem_say(problem, "the key of the PKCS#11 token is no Ed25519 key");
        return STATUS_REFUSED;
    }
    status = note_verifier_make(name, NOTE_ED25519, key, out);
    if (status != STATUS_OK)
        problem_say(problem, "the key's name is not valid");
    return status;
}

static void close_session(struct token_key *t)
{
    if (t->is_open)
        (void)t->module->C_CloseSession(t->session);
    t->is_open = false;
}

/* Opens a session, with *key the public key that is found there. */
static enum status open_session(struct token_key *t, struct slice name, struct note_verifier *key,
                                struct problem *problem)
{
    CK_SLOT_ID slot = 0;
    enum status status = find_slot(t, &t->module, &slot, problem);
    if (status != STATUS_OK)
        return status;
    CK_RV rv = t->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return say_rv(problem, "no session", rv);
    t->is_open = true;
    rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)t->pin, strlen(t->pin));
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        status = say_rv(problem, "login", rv);
    if (status == STATUS_OK)
        status = find_object(t, t->module, t->session, CKO_PRIVATE_KEY, &t->key, problem);
    if (status == STATUS_OK)
        status = read_public(t, t->module, t->session, name, key, problem);
    if (status != STATUS_OK)
        close_session(t);
    return status;
}

/* ---- signing ---- */

/* After a token was taken out and put in again, or its daemon restarted. */
static enum status reopen(struct token_key *t)
{
    struct note_verifier key;
    enum status status = open_session(t, slice_from_text(t->verifier.name), &key, &t->problem);
    if (status == STATUS_OK && !note_verifier_equal(&key, &t->verifier)) {
        close_session(t);
        problem_say(&t->problem, "the PKCS#11 token has another key now");
        status = STATUS_REFUSED;
    }
    return status;
}

static enum status sign_once(struct token_key *t, struct slice text,
                             uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_ULONG size = ED25519_SIGNATURE_BYTES;
    CK_RV rv = t->module->C_SignInit(t->session, &mechanism, t->key);
    if (rv == CKR_OK)
        rv = t->module->C_Sign(t->session, (CK_BYTE *)(uintptr_t)text.data, text.size, signature,
                               &size);
    if (rv != CKR_OK)
        return say_rv(&t->problem, "it does not sign", rv);
    if (size == ED25519_SIGNATURE_BYTES &&
        ed25519_verify(t->verifier.key, text, signature) == STATUS_OK)
        return STATUS_OK;
    problem_say(&t->problem, "the PKCS#11 token gave a signature that is not valid");
    return STATUS_REFUSED;
}

static enum status sign(void *arg, struct slice message, uint8_t signature[64])
{
    struct token_key *t = token_key_cast(arg);
    enum status status = STATUS_UNAVAILABLE;
    if (t->is_open)
        status = sign_once(t, message, signature);
    if (status != STATUS_UNAVAILABLE)
        return status;
    close_session(t);
    status = reopen(t);
    return status == STATUS_OK ? sign_once(t, message, signature) : status;
}

struct note_signer token_key_signer(struct token_key *key)
{
    return (struct note_signer){.verifier = &key->verifier, .sign = sign, .arg = key};
}

const char *token_key_problem(const struct token_key *key)
{
    return key->problem.text;
}

void token_key_close(struct token_key *t)
{
    if (!t)
        return;
    close_session(t);
    if (t->owns_list) {
        p11_kit_modules_finalize_and_release(t->modules);
    } else if (t->single[0]) {
        p11_kit_module_finalize(t->single[0]);
        p11_kit_module_release(t->single[0]);
    }
    p11_kit_uri_free(t->uri);
    explicit_bzero(t->pin, sizeof t->pin);
    object_end(&t->magic);
    free(t);
}

enum status token_key_open(const char *uri, struct slice name, struct slice pin,
                           struct token_key **out, struct problem *problem)
{
    struct token_key *t = calloc(1, sizeof *t);
    if (!t) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    t->magic = TOKEN_KEY_MAGIC;
    enum status status = parse_uri(uri, &t->uri, problem);
    if (status == STATUS_OK && pin.size >= sizeof t->pin) {
        problem_say(problem, "the PIN is too long");
        status = STATUS_TOO_LARGE;
    }
    if (status == STATUS_OK && pin.size)
        memcpy(t->pin, pin.data, pin.size);
    if (status == STATUS_OK)
        status = load_modules(t, problem);
    if (status == STATUS_OK)
        status = open_session(t, name, &t->verifier, problem);
    if (status == STATUS_OK)
        *out = t;
    else
        token_key_close(t);
    return status;
}
