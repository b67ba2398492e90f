/* audit_append.h: an audit record in the spool of a stopped server. Thread: main. */
#ifndef VSOC_SERVER_AUDIT_APPEND_H
#define VSOC_SERVER_AUDIT_APPEND_H

#include "core/log/problem.h"
#include "core/status.h"
#include "server/audit/audit_field.h"

struct config;

/* Appends a record to the spool in data_dir, and signs a head that covers it if the key is at hand;
 * else the next start does. OK: the record is durable. LOCKED: a server runs; NOT_FOUND: there is
 * no spool; REFUSED: the spool has fewer records than its newest signed head; NO_SPACE, IO, …
 * *problem for any but OK. */
enum status audit_append(const struct config *config, enum audit_kind kind,
                         const struct audit_field *fields, size_t count,
                         struct problem *problem) must_check;

#endif
