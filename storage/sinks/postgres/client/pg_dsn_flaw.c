/* pg_dsn_flaw.c: explains what is wrong with a connection string without quoting it. libpq's
 * messages quote the wrong part, which is often the rest of a password with a blank, an @ or a % in
 * it. Any thread. Connects to nothing. */
#include "storage/sinks/postgres/client/pg_dsn_flaw.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_SHOWN 32
#define NOT_SHOWN      "; it is not shown, because it may hold a password"

static bool is_uri(const char *dsn)
{
    return strncmp(dsn, "postgresql://", 13) == 0 || strncmp(dsn, "postgres://", 11) == 0;
}

static bool tell(struct problem *problem, const char *text)
{
    problem_say(problem, "%s%s", text, NOT_SHOWN);
    return true;
}

bool pg_dsn_is_misread(const char *dsn, struct problem *problem)
{
    if (!is_uri(dsn))
        return false;
    const char *start = strstr(dsn, "://") + 3, *at = strchr(start, '@');
    const char *end = start + strcspn(start, "/?");
    if (!at || (at < end && !strchr(at + 1, '@')))
        return false;
    return tell(problem,
                "the connection URI has an @ where none belongs: in user name and password write @ "
                "as %40, / as %2F, ? as %3F, : as %3A, % as %25");
}

/* At most two letters exchanged, added or missing, by a rough check. */
static bool is_near(const char *known, const char *name, size_t size)
{
    size_t n = strlen(known), same = 0;
    int letters[256] = {0};
    for (size_t i = 0; i < n; i++)
        letters[(unsigned char)known[i]]++;
    for (size_t i = 0; i < size; i++)
        same += letters[(unsigned char)name[i]]-- > 0;
    size_t longer = n > size ? n : size;
    return longer - same <= (longer > 4 ? 2 : 0) && n >= 4;
}

static const char *nearest_keyword(const char *name, size_t size)
{
    static const char *const known[] = {
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "connect_timeout",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "application_name",
        "target_session_attrs",
        "options",
        "passfile",
        "channel_binding",
        "gssencmode",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_near(known[i], name, size))
            return known[i];
    return NULL;
}

void pg_dsn_tell_unreadable(const char *dsn, struct problem *problem)
{
    size_t size = strspn(dsn, "abcdefghijklmnopqrstuvwxyz_");
    const char *near =
        dsn[size] == '=' && size < NAME_MAX_SHOWN ? nearest_keyword(dsn, size) : NULL;
    if (is_uri(dsn))
        tell(
            problem,
            "the connection URI can't be read: in user name and password write % as %25, @ as "
            "%40, / as %2F, ? as %3F, : as %3A; the rest is host, port, /database and ?name=value");
    else if (near && strlen(near) == size && strncmp(near, dsn, size) != 0)
        problem_say(
            problem,
            "the connection string can't be read: '%.*s' is not a keyword, did you mean '%s'?",
            (int)size, dsn, near);
    else
        tell(problem,
             "the connection string can't be read: it has a word without =, a keyword that libpq "
             "does not know, or an open quote; put a value with blanks between ' and write ' and "
             "\\ in it as \\' and \\\\");
}

static bool is_list_of(const char *list, const char *characters)
{
    return list[strspn(list, characters)] == '\0';
}

bool pg_dsn_value_is_misread(const char *keyword, const char *value, struct problem *problem)
{
    if (strcmp(keyword, "port") == 0 && !is_list_of(value, "0123456789,"))
        return tell(
            problem,
            "the port of the connection string is not a number: in a URI write : in user name "
            "and password as %3A and / as %2F");
    if (strcmp(keyword, "host") == 0 && strchr(value + (*value == '@'), '@'))
        return tell(problem,
                    "the host of the connection string has an @: a password with special "
                    "characters goes between ' or, in a URI, is percent-encoded (@ as %40)");
    if (strcmp(keyword, "hostaddr") == 0 && !is_list_of(value, "0123456789abcdefABCDEF.:,%"))
        return tell(problem,
                    "hostaddr of the connection string is not an IP address: put names in host");
    if (strcmp(keyword, "dbname") == 0 && (strstr(value, "://") || strchr(value, '=')))
        return tell(
            problem,
            "dbname of the connection string holds a connection string: pass only that one");
    return false;
}
