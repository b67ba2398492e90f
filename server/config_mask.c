/* config_mask.c: writes settings that may hold secrets so that people can read them over a
 * shoulder. Any thread. Masks too much rather than too little. */
#include "server/config_print.h"

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

/* "a=1&sslpassword=2" */
static void write_query(const char *query, struct writer *out)
{
    while (*query) {
        size_t size = strcspn(query, "&"), name = strcspn(query, "=&");
        writer_bytes(out, query, name);
        if (name < size && is_secret_name(slice_make(query, name)))
            writer_text(out, "=" MASK);
        else
            writer_bytes(out, query + name, size - name);
        query += size;
        if (*query == '&') {
            writer_u8(out, '&');
            query++;
        }
    }
}

/* postgresql://user:password@host/db?… ; a raw @ in a password does not show it. */
static void write_uri(const char *uri, struct writer *out)
{
    const char *user = strstr(uri, "://") + 3, *at = strrchr(user, '@');
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    const char *rest = uri;
    if (colon) {
        writer_bytes(out, uri, (size_t)(colon - uri));
        writer_text(out, ":" MASK);
        rest = at;
    }
    size_t before = strcspn(rest, "?");
    writer_bytes(out, rest, before);
    if (!rest[before])
        return;
    writer_u8(out, '?');
    write_query(rest + before + 1, out);
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

/* host=… password='…' (libpq, "Keyword/Value Connection Strings"). */
static bool write_keywords(const char *p, struct writer *out)
{
    const char *separator = "";
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
        writer_add_slice(out, name);
        writer_u8(out, '=');
        if (is_secret_name(name))
            writer_text(out, MASK);
        else
            writer_bytes(out, p, (size_t)(end - p));
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
