/* pg_dsn.c: connection string → parameters of one attempt per host. Runs on a sink's lane thread or
 * on main (migrate). Does not connect and resolves no name. */
#include "storage/sinks/postgres/client/pg_dsn.h"

#include "storage/sinks/postgres/client/pg_dsn_flaw.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS_MAX 96

/* Set unless the string overrides them. A dead peer is detected within 30 s. */
static const struct {
    const char *keyword, *value;
} dsn_defaults[] = {
    {"client_encoding", "UTF8"}, {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "4"},   {"tcp_user_timeout", "30000"},
};

struct pg_dsn {
    PQconninfoOption *options;
    char *application;
    char *host, *hostaddr, *port; /* of the current attempt */
    size_t hosts;
    const char *keywords[PARAMETERS_MAX + 1], *values[PARAMETERS_MAX + 1];
};

static const char *dsn_value(const struct pg_dsn *d, const char *keyword)
{
    for (const PQconninfoOption *o = d->options; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val && *o->val ? o->val : NULL;
    return NULL;
}

/* Items of a comma-separated list; 0 for none. */
static size_t list_count(const char *list)
{
    size_t n = list != NULL;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

/* Copy of item i of a comma-separated list; a list of one item applies to all. */
static char *list_item(const char *list, size_t i)
{
    if (!list)
        return NULL;
    for (; i && strchr(list, ','); i--)
        list = strchr(list, ',') + 1;
    return strndup(list, strcspn(list, ","));
}

enum status pg_dsn_parse(const char *dsn, const char *application, struct pg_dsn **out,
                         struct problem *problem)
{
    struct pg_dsn *d = calloc(1, sizeof *d);
    if (!d)
        return STATUS_NO_MEMORY;
    bool misread = pg_dsn_is_misread(dsn, problem);
    d->options = misread ? NULL : PQconninfoParse(dsn, NULL);
    d->application = strdup(application);
    if (!misread && !d->options)
        pg_dsn_tell_unreadable(dsn, problem);
    for (const PQconninfoOption *o = d->options; o && o->keyword && !misread; o++)
        misread = o->val && pg_dsn_value_is_misread(o->keyword, o->val, problem);
    if (misread || !d->options || !d->application) {
        pg_dsn_destroy(d);
        return STATUS_CONFIG;
    }
    size_t hosts = list_count(dsn_value(d, "host")),
           addresses = list_count(dsn_value(d, "hostaddr"));
    d->hosts = hosts > addresses ? hosts : addresses;
    if (d->hosts == 0)
        d->hosts = 1;
    *out = d;
    return STATUS_OK;
}

static void attempt_free(struct pg_dsn *d)
{
    free(d->host);
    free(d->hostaddr);
    free(d->port);
    d->host = d->hostaddr = d->port = NULL;
}

void pg_dsn_destroy(struct pg_dsn *d)
{
    if (!d)
        return;
    attempt_free(d);
    PQconninfoFree(d->options);
    free(d->application);
    free(d);
}

size_t pg_dsn_hosts(const struct pg_dsn *d)
{
    return d->hosts;
}

static void add(struct pg_dsn *d, size_t *n, const char *keyword, const char *value)
{
    if (!value || *n == PARAMETERS_MAX)
        return;
    d->keywords[*n] = keyword;
    d->values[(*n)++] = value;
}

static bool names_host(const char *keyword)
{
    return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
           strcmp(keyword, "port") == 0;
}

void pg_dsn_attempt(struct pg_dsn *d, size_t i, const char *const **keywords,
                    const char *const **values)
{
    size_t n = 0;
    attempt_free(d);
    add(d, &n, "host", d->host = list_item(dsn_value(d, "host"), i));
    add(d, &n, "hostaddr", d->hostaddr = list_item(dsn_value(d, "hostaddr"), i));
    add(d, &n, "port", d->port = list_item(dsn_value(d, "port"), i));
    for (const PQconninfoOption *o = d->options; o->keyword; o++)
        if (o->val && *o->val && !names_host(o->keyword))
            add(d, &n, o->keyword, o->val);
    for (size_t k = 0; k < sizeof dsn_defaults / sizeof *dsn_defaults; k++)
        if (!dsn_value(d, dsn_defaults[k].keyword))
            add(d, &n, dsn_defaults[k].keyword, dsn_defaults[k].value);
    if (!dsn_value(d, "application_name"))
        add(d, &n, "fallback_application_name", d->application);
    if (d->hosts > 1 && !dsn_value(d, "target_session_attrs"))
        add(d, &n, "target_session_attrs", "read-write");
    d->keywords[n] = d->values[n] = NULL;
    *keywords = d->keywords;
    *values = d->values;
}
