/* s3_credentials.h: the keys of an S3 account, from a file in the format of the AWS tools. Thread:
 * any. */
#ifndef VSOC_EVIDENCE_S3_CREDENTIALS_H
#define VSOC_EVIDENCE_S3_CREDENTIALS_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"

#define S3_CREDENTIAL_BYTES 2048

struct s3_credentials {
    char id[256], secret[256], token[S3_CREDENTIAL_BYTES]; /* token: may be empty */
};

/* Reads section [default] (or lines before any section). REFUSED: others than its owner may read
 * the file. CONFIG: a key is missing or too long. IO, NOT_FOUND. Wipe *out when done. */
enum status s3_credentials_read(const char *path, struct s3_credentials *out,
                                struct problem *problem) must_check;
/* The same from text. CONFIG. */
enum status s3_credentials_parse(struct slice text, struct s3_credentials *out) must_check;

#endif
