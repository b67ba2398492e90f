/* tokens.h: the bearer tokens of identity.tokens_file: who may send without a certificate.
 *
 * A token is "ID.SECRET". The file has one JSON object a line:
 *   {"id":"gateway-1","tenant":"demo","salt":HEX32,"hash":HEX64,"formats":["hec"],
 *    "vehicles":["1M8*"],
 *    "events_per_second":100,"burst":1000,"created":TIME,"revoked":TIME}
 * hash is SHA-256 over the salt's bytes and the secret: a secret has 192 random bits, so a slow
 * hash would add no protection. formats, vehicles, events_per_second, burst and revoked are
 * optional. */
#ifndef VSOC_SERVER_TOKENS_H
#define VSOC_SERVER_TOKENS_H

#include "core/log/problem.h"
#include "core/hash.h"
#include "core/writer.h"
#include "server/identity/vehicle_set.h"

#define TOKEN_SALT_BYTES   16
#define TOKEN_SECRET_BYTES 24
#define TOKEN_ID_MAX       64

/* One token. Texts live as long as its struct tokens. */
struct token {
    struct slice id, tenant;
    uint8_t salt[TOKEN_SALT_BYTES], hash[SHA256_BYTES];
    struct slice formats;              /* names with commas; empty: all */
    struct slice vehicles;             /* VINs and prefixes separated by commas; empty: any */
    struct vehicle_set *vehicle_set;   /* of vehicles, made by tokens_add; NULL: any */
    uint64_t events_per_second, burst; /* 0: limits.sender_… */
    struct slice created, revoked;     /* RFC 3339; revoked empty: valid */
};

/* All tokens of a file, immutable except by tokens_add. */
struct tokens;

/* Reads the text of a file. CONFIG with *problem (line and what is wrong), NO_MEMORY. */
enum status tokens_parse(struct slice text, struct tokens **out,
                         struct problem *problem) must_check;
/* Reads a file; IO and the like too, with *reason. Thread: not a worker. */
enum status tokens_load(const char *path, struct tokens **out, struct problem *problem) must_check;
/* No tokens. NULL when memory is out. */
struct tokens *tokens_create(void);
/* NULL is allowed. */
void tokens_destroy(struct tokens *tokens);

size_t tokens_count(const struct tokens *tokens);
/* In the order of the file; the owner of the tokens may change them, with texts that stay valid. */
struct token *tokens_at(const struct tokens *tokens, size_t index);
/* By id, or NULL. */
struct token *tokens_find(const struct tokens *tokens, struct slice id);
/* Copies a token. EXISTS: its id exists; OUT_OF_RANGE: id, tenant, formats or vehicles are
 * malformed; NO_MEMORY. */
enum status tokens_add(struct tokens *tokens, const struct token *token) must_check;
/* The text of a file. */
void tokens_write(const struct tokens *tokens, struct writer *out);

/* The presented token "ID.SECRET". NOT_FOUND: no such token; REFUSED: revoked, *out is the token.
 * The duration does not depend on the secret. Thread: any. */
enum status tokens_check(const struct tokens *tokens, struct slice shown,
                         const struct token **out) must_check;
/* Gives the token a new secret, as text in hex. */
void token_renew(struct token *token, char secret[2 * TOKEN_SECRET_BYTES + 1]);
/* Whether a list of formats (empty: all) contains this one. */
bool token_formats_allow(struct slice formats, struct slice format);

#endif
