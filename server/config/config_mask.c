/* config_mask.c: writes settings without their secrets. Any thread. Masks too much rather than too
 * little. */
#include "server/config/config_mask.h"

#include <ctype.h>
#include <strings.h>

#include "core/writer.h"

#define MASK "****"

static bool is_secret_name(struct slice name)
{
    static const char *const words[] = {"password", "secret", "key", "jaas"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        size_t n = strlen(words[w]);
        for (size_t i = 0; i + n <= name.size; i++)
            if (!strncasecmp((const char *)name.data + i, words[w], n))
                return true;
    }
    return false;
}

bool config_name_is_secret(const char *name)
{
    return is_secret_name(slice_from_text(name));
}

bool config_value_is_secret(const char *name)
{
    static const char location[] = ".location";
    size_t size = strlen(name), end = sizeof location - 1;
    return config_name_is_secret(name) && (size < end || strcmp(name + size - end, location) != 0);
}

/* libpq parameters with these names can't be secret; an unknown name may be the rest of a secret.
 */
static bool is_shown_name(struct slice name)
{
    static const char *const names[] = {"host",
                                        "hostaddr",
                                        "port",
                                        "dbname",
                                        "user",
                                        "sslmode",
                                        "sslrootcert",
                                        "sslcert",
                                        "application_name",
                                        "connect_timeout",
                                        "target_session_attrs",
                                        "options",
                                        "keepalives",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "client_encoding",
                                        "channel_binding",
                                        "gssencmode",
                                        "load_balance_hosts",
                                        "passfile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_text(name, names[i]))
            return true;
    return false;
}

/* Writes a parameter's name; once there was a secret, one that libpq does not know may be more of
 * it. True: the value is shown, too. */
static bool write_name(struct slice name, bool *secret_seen, struct writer *out)
{
    bool shown = is_shown_name(name) || (!*secret_seen && !is_secret_name(name));
    if (shown || is_secret_name(name))
        writer_add_slice(out, name);
    else
        writer_text(out, MASK);
    *secret_seen = *secret_seen || is_secret_name(name);
    return shown;
}

/* "a=1&sslpassword=2", size bytes of it. */
static void write_query(const char *query, size_t left, bool *secret_seen, struct writer *out)
{
    while (left) {
        const char *and = memchr(query, '&', left);
        size_t size = and? (size_t)(and-query) : left;
        const char *equals = memchr(query, '=', size);
        size_t name = equals ? (size_t)(equals - query) : size;
        if (write_name(slice_make(query, name), secret_seen, out))
            writer_bytes(out, query + name, size - name);
        else if (equals)
            writer_text(out, "=" MASK);
        query += size;
        left -= size;
        if (left) {
            writer_u8(out, '&');
            query++;
            left--;
        }
    }
}

/* postgresql://user:password@host/db?… ; a raw @ in a password does not reveal it. */
static void write_uri(const char *uri, struct writer *out)
{
    const char *user = strstr(uri, "://") + 3, *at = strrchr(user, '@');
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    const char *rest = uri;
    bool secret_seen = false;
    if (colon) {
        writer_bytes(out, uri, (size_t)(colon - uri));
        writer_text(out, ":" MASK);
        rest = at;
    }
    size_t before = strcspn(rest, "?");
    write_query(rest, before, &secret_seen, out); /* its @ may have been one of the query's */
    if (!rest[before])
        return;
    writer_u8(out, '?');
    write_query(rest + before + 1, strlen(rest + before + 1), &secret_seen, out);
}

static const char *skip_spaces(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* End of a value: quoted with ', or up to a space; \ escapes. NULL: no closing quote. */
static const char *value_end(const char *p)
{
    bool quoted = *p == '\'';
    if (quoted)
        p++;
    for (; *p && (quoted ? *p != '\'' : !isspace((unsigned char)*p)); p++)
        if (*p == '\\' && p[1])
            p++;
    if (!quoted)
        return p;
    return *p ? p + 1 : NULL;
}

/* A value that looks like another part of a URI may hold a misplaced password. */
static bool is_plain(struct slice name, struct slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = (char)value.data[i];
        if ((c == '@' && i > 0) || (c == '=' && slice_equal_text(name, "dbname")) ||
            (c == ':' && slice_equal_text(name, "dbname")) ||
            (slice_equal_text(name, "port") && !strchr("0123456789,'", c)))
            return false;
    }
    return true;
}

/* host=… password='…' (libpq, "Keyword/Value Connection Strings"). */
static bool write_keywords(const char *p, struct writer *out)
{
    const char *separator = "";
    bool secret_seen = false;
    for (p = skip_spaces(p); *p; p = skip_spaces(p)) {
        size_t size = strcspn(p, "= \t\r\n\f\v");
        struct slice name = slice_make(p, size);
        p = skip_spaces(p + size);
        if (!size || *p != '=')
            return false;
        p = skip_spaces(p + 1);
        const char *end = value_end(p);
        if (!end)
            return false;
        writer_text(out, separator);
        bool shown = write_name(name, &secret_seen, out);
        writer_u8(out, '=');
        if (shown && is_plain(name, slice_make(p, (size_t)(end - p))))
            writer_bytes(out, p, (size_t)(end - p));
        else
            writer_text(out, MASK);
        separator = " ";
        p = end;
    }
    return true;
}

void config_write_masked_dsn(const char *dsn, struct writer *out)
{
    size_t start = out->size;
    if (!strncmp(dsn, "postgres://", 11) || !strncmp(dsn, "postgresql://", 13)) {
        write_uri(dsn, out);
    } else if (!write_keywords(dsn, out)) {
        out->size = start;
        writer_text(out, MASK);
    }
}

bool config_dsn_has_secret(const char *dsn)
{
    struct writer masked;
    writer_init(&masked, 65536);
    config_write_masked_dsn(dsn, &masked);
    bool secret = masked.status != STATUS_OK ||
                  memmem(masked.data, masked.size, MASK, sizeof MASK - 1) != NULL;
    writer_fini(&masked);
    return secret;
}

bool config_sets_show_dsn(const char *const *sets, size_t count)
{
    static const char name[] = "sinks.postgres.dsn=";
    for (size_t i = 0; i < count; i++)
        if (strncmp(sets[i], name, sizeof name - 1) == 0)
            return true;
    return false;
}
