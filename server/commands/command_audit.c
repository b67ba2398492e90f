/* command_audit.c: audit records of subcommands, before they act: posted to the running server, or
 * appended to the spool of a stopped one (audit_append.c). Main thread. Decides nothing about the
 * action. */
#include "server/commands/command_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/object.h"
#include "core/uuid7.h"
#include "core/writer.h"
#include "server/audit/audit_door.h"
#include "server/audit/audit_text.h"
#include "server/client/http_client.h"
#include "server/commands/audit_append.h"
#include "server/ingest/spool_config.h"

#define ASK_TIMEOUT_MS 15000
#define ACTOR_BYTES    160

/* Who runs the command: name (number), and who became that user with sudo. */
static void name_actor(char actor[ACTOR_BYTES])
{
    const struct passwd *user = getpwuid(getuid());
    const char *before = getenv("SUDO_USER");
    snprintf(actor, ACTOR_BYTES, "%.64s (%u)%s%.48s", user ? user->pw_name : "?",
             (unsigned)getuid(), before ? " sudo by " : "", before ? before : "");
}

struct entry {
    enum audit_kind kind;
    struct audit_field fields[AUDIT_FIELDS_MAX];
    size_t count;
    char actor[ACTOR_BYTES];
};

static void make_entry(struct entry *e, enum audit_kind kind, const struct audit_field *fields,
                       size_t count)
{
    ensure(count < AUDIT_FIELDS_MAX);
    *e = (struct entry){.kind = kind, .count = count};
    memcpy(e->fields, fields, count * sizeof *fields);
    if (!audit_kind_has(kind, "actor"))
        return;
    name_actor(e->actor);
    e->fields[e->count++] = AUDIT_TEXT(actor, e->actor);
}

/* --- the running server --------------------------------------------------------------------- */

/* The answer holds what only the maker of the door could compute of this very request. */
static bool is_proven(const struct audit_door *door, struct slice nonce, struct slice body,
                      struct slice answer)
{
    char proof[AUDIT_DOOR_PROOF_BYTES], wanted[AUDIT_DOOR_PROOF_BYTES + 64];
    audit_door_prove(door, nonce, body, proof);
    snprintf(wanted, sizeof wanted, "{\"durable\":true,\"proof\":\"%s\"}\n", proof);
    return answer.size == strlen(wanted) && memcmp(answer.data, wanted, answer.size) == 0;
}

/* OK: the record is durable, and it is the server that says so. UNAVAILABLE: nobody listens there;
 * REFUSED: what the server, or somebody else, says. */
static enum status post(const struct audit_door *door, const struct entry *e,
                        struct problem *problem)
{
    struct http_url url;
    struct http_client *client = NULL;
    struct http_reply_seen reply;
    struct writer body;
    char text[AUDIT_DOOR_URL_BYTES + 32], headers[AUDIT_DOOR_TOKEN_BYTES + 160];
    char nonce[UUID_TEXT_BYTES + 1] = "";
    uint8_t drawn[UUID_BYTES];
    random_bytes(drawn, sizeof drawn);
    uuid_to_text(drawn, nonce);
    snprintf(text, sizeof text, "%s/api/v1/audit", door->url);
    snprintf(headers, sizeof headers,
             "Content-Type: application/json\r\nAuthorization: Bearer %s\r\n" AUDIT_DOOR_NONCE
             ": %s\r\n",
             door->token, nonce);
    enum status status = http_url_parse(text, &url, problem);
    const struct http_client_options options = {.url = &url, .timeout_ms = ASK_TIMEOUT_MS};
    if (status == STATUS_OK)
        status = http_client_create(&options, &client, problem);
    if (status != STATUS_OK)
        return status;
    writer_init(&body, AUDIT_RECORD_BYTES);
    audit_text_request(&body, e->kind, e->fields, e->count);
    status = body.status == STATUS_OK ? http_client_request(client, "POST", url.path, headers,
                                                            writer_slice(&body), &reply, problem)
                                      : body.status;
    if (status == STATUS_OK && reply.status != 200) {
        problem_say(problem, "the server answers %d: %.*s", reply.status,
                    (int)(reply.body.size < 300 ? reply.body.size : 300),
                    (const char *)reply.body.data);
        status = STATUS_REFUSED;
    } else if (status == STATUS_OK &&
               !is_proven(door, slice_from_text(nonce), writer_slice(&body), reply.body)) {
        problem_say(problem, "who answers at %s is not the server that made " AUDIT_DOOR_FILE,
                    door->url);
        status = STATUS_REFUSED;
    }
    writer_fini(&body);
    http_client_destroy(client);
    return status;
}

/* A process has this spool open, or that can't be known: then it is asked, or nothing is done. */
static bool is_live(const char *spool_dir)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/lock", spool_dir);
    errno = 0;
    int fd = n > 0 && n < PATH_MAX ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0)
        return errno != ENOENT && errno != ENOTDIR;
    bool live = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return live;
}

/* Of a live server. */
static enum status ask_server(const char *data_dir, const struct entry *e, struct problem *problem)
{
    struct audit_door door;
    enum status status = audit_door_read(data_dir, &door, problem);
    if (status == STATUS_OK)
        status = post(&door, e, problem);
    if (status == STATUS_NOT_FOUND || status == STATUS_UNAVAILABLE)
        problem_say(problem,
                    "a server has this spool open, but %s/" AUDIT_DOOR_FILE
                    " does not lead to it: run this as the server's user",
                    data_dir);
    return status;
}

static enum status explain(enum status status, enum audit_kind kind, struct problem *problem)
{
    struct problem why = *problem;
    if (status != STATUS_OK)
        problem_say(problem,
                    "nothing is done, because it could not be recorded (%s) in the audit log: "
                    "%.300s",
                    audit_kind_table[kind].name, why.text);
    return status;
}

enum status command_audit(const struct config *config, enum audit_kind kind,
                          const struct audit_field *fields, size_t count, struct problem *problem)
{
    struct entry e;
    char dir[SPOOL_CONFIG_DIR_BYTES];
    (void)spool_options_from_config(config, dir);
    make_entry(&e, kind, fields, count);
    enum status status = is_live(dir) ? ask_server(config->data_dir, &e, problem)
                                      : audit_append(config, e.kind, e.fields, e.count, problem);
    return explain(status, kind, problem);
}

enum status command_audit_if_kept(const struct config *config, enum audit_kind kind,
                                  const struct audit_field *fields, size_t count, bool *recorded,
                                  struct problem *problem)
{
    char dir[SPOOL_CONFIG_DIR_BYTES];
    (void)spool_options_from_config(config, dir);
    *recorded = access(dir, F_OK) == 0 || errno != ENOENT;
    return *recorded ? command_audit(config, kind, fields, count, problem) : STATUS_OK;
}

/* --- only a directory ------------------------------------------------------------------------ */

enum status command_audit_live(const char *dir, enum audit_kind kind,
                               const struct audit_field *fields, size_t count, bool *recorded,
                               struct problem *problem)
{
    struct entry e;
    char spool[PATH_MAX], data[PATH_MAX];
    int n = snprintf(spool, sizeof spool, "%s/spool", dir);
    bool below = n > 0 && n < PATH_MAX && access(spool, F_OK) == 0;
    if (!below)
        snprintf(spool, sizeof spool, "%s", dir);
    snprintf(data, sizeof data, "%s%s", dir, below ? "" : "/..");
    *recorded = is_live(spool);
    if (!*recorded)
        return STATUS_OK;
    make_entry(&e, kind, fields, count);
    return explain(ask_server(data, &e, problem), kind, problem);
}
