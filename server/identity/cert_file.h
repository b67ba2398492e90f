/* cert_file.h: a certificate from a file. Thread: not a worker. */
#ifndef VSOC_SERVER_CERT_FILE_H
#define VSOC_SERVER_CERT_FILE_H

#include <stdbool.h>

struct stack_st_X509;
struct x509_st;

/* The first certificate of a PEM file, or a DER file; NULL: no certificate can be read.
 * cert_file_free it. */
struct x509_st *cert_file_read(const char *path);
/* The certificates after the first one of a PEM file, in *out (NULL: none): free with
 * cert_file_free_chain. False: the file is damaged after a good one, or memory ran out. */
bool cert_file_read_chain(const char *path, struct stack_st_X509 **out);
/* NULL is allowed. */
void cert_file_free_chain(struct stack_st_X509 *chain);
/* NULL is allowed. */
void cert_file_free(struct x509_st *certificate);

#endif
