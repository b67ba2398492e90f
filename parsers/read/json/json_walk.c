/* json_walk.c: finds the members of a JSON object or array. Pure, any thread. Checks only the
 * syntax that it passes: the reader of a part checks that part. */
#include "parsers/read/json/json_walk.h"
#include "parsers/read/split_scan.h"

/* Beside the bytes of a container inside. */
#define WORK_OF_MEMBER 32
/* Bytes of one string or number between two checks of the work. */
#define LOOK_BYTES 8192

struct json_walk json_walk_make(struct slice body, size_t at)
{
    return (struct json_walk){.body = body, .at = at + 1, .is_object = body.data[at] == '{'};
}

size_t json_walk_space(struct slice body, size_t at)
{
    while (at < body.size && (body.data[at] == ' ' || body.data[at] == '\n' ||
                              body.data[at] == '\r' || body.data[at] == '\t'))
        at++;
    return at;
}

static int byte_at(const struct json_walk *walk)
{
    return walk->at < walk->body.size ? walk->body.data[walk->at] : -1;
}

/* Continues after byte i of a string or scalar that is scanned byte by byte. */
static bool may_go_on(const struct json_walk *walk, size_t start, size_t i)
{
    return (i - start) % LOOK_BYTES > 1 || work_add(walk->work, LOOK_BYTES / 4);
}

static bool skip_string(struct json_walk *walk, struct slice *content)
{
    size_t start = walk->at + 1, i = start;
    while (i < walk->body.size && walk->body.data[i] != '"' && walk->body.data[i] >= ' ' &&
           may_go_on(walk, start, i))
        i += walk->body.data[i] == '\\' ? 2 : 1;
    if (i >= walk->body.size || walk->body.data[i] != '"')
        return false;
    *content = slice_sub(walk->body, start, i - start);
    walk->at = i + 1;
    return true;
}

static bool skip_scalar(struct json_walk *walk)
{
    size_t start = walk->at;
    for (int c = byte_at(walk); (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' ||
                                c == '+' || c == '.' || c == 'E';
         c = byte_at(walk)) {
        walk->at++;
        if (!may_go_on(walk, start, walk->at))
            return false;
    }
    return walk->at > start;
}

bool json_walk_skip(struct json_walk *walk)
{
    struct slice content;
    size_t end;
    int c = byte_at(walk);
    if (c == '"')
        return skip_string(walk, &content);
    if (c != '{' && c != '[')
        return skip_scalar(walk);
    if (split_scan_value(walk->body, walk->at, walk->work, &end) != SPLIT_SCAN_COMPLETE)
        return false;
    walk->at = end;
    return true;
}

static bool read_key(struct json_walk *walk, struct slice *key)
{
    if (byte_at(walk) != '"' || !skip_string(walk, key))
        return false;
    walk->at = work_skip_space(walk->work, walk->body, walk->at);
    if (byte_at(walk) != ':')
        return false;
    walk->at = work_skip_space(walk->work, walk->body, walk->at + 1);
    return true;
}

enum json_walk_result json_walk_next(struct json_walk *walk, struct slice *key)
{
    *key = SLICE_EMPTY;
    if (!work_add(walk->work, WORK_OF_MEMBER))
        return JSON_WALK_BROKEN;
    walk->at = work_skip_space(walk->work, walk->body, walk->at);
    if (byte_at(walk) == (walk->is_object ? '}' : ']')) {
        walk->at++;
        return JSON_WALK_END;
    }
    if (walk->inside) {
        if (byte_at(walk) != ',')
            return JSON_WALK_BROKEN;
        walk->at = work_skip_space(walk->work, walk->body, walk->at + 1);
    }
    walk->inside = true;
    bool there = !walk->is_object || read_key(walk, key);
    return there && walk->at < walk->body.size ? JSON_WALK_VALUE : JSON_WALK_BROKEN;
}
