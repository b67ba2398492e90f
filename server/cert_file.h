/* cert_file.h: a certificate from a file. Thread: not a worker. */
#ifndef VSOC_SERVER_CERT_FILE_H
#define VSOC_SERVER_CERT_FILE_H

struct x509_st;

/* The first certificate of a PEM file, or a DER file; NULL: there is none that can be read.
 * cert_file_free it. */
struct x509_st *cert_file_read(const char *path);
/* NULL is allowed. */
void cert_file_free(struct x509_st *certificate);

#endif
