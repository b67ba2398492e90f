/* syslog_data.c: reads STRUCTURED-DATA (RFC 5424 section 6.3). Pure, any thread. One walk measures
 * and reads, so both see the same parameters; violations of the grammar are read as far as their
 * meaning is clear, and reported. Does not undo escapes. */
#include "parsers/formats/syslog/syslog_data.h"
#include "parsers/formats/syslog/syslog_flaws.h"

#define SD_NAME_MAX 32

enum step {
    STEP_PARAM,
    STEP_EMPTY, /* an element that ended without a parameter */
    STEP_END,   /* no further element */
    STEP_BROKEN,
};

static bool is_at(struct slice s, size_t at, uint8_t c)
{
    return at < s.size && s.data[at] == c;
}

static size_t skip_blanks(struct slice s, size_t at)
{
    while (is_at(s, at, ' '))
        at++;
    return at;
}

/* SD-NAME at s.data[at]: its end. */
static size_t name_end(struct slice s, size_t at)
{
    while (at < s.size && s.data[at] > 32 && s.data[at] != 127 && s.data[at] != '=' &&
           s.data[at] != ']' && s.data[at] != '"')
        at++;
    return at;
}

static struct slice take_name(struct slice s, size_t *at, unsigned *flaws)
{
    size_t start = *at;
    *at = name_end(s, start);
    struct slice name = slice_sub(s, start, *at - start);
    bool is_plain = name.size >= 1 && name.size <= SD_NAME_MAX;
    for (size_t i = 0; i < name.size && is_plain; i++)
        is_plain = name.data[i] < 127;
    *flaws |= is_plain ? 0 : SYSLOG_FLAW_DATA_NAME;
    return name;
}

static bool ends_value(struct slice s, size_t behind)
{
    return behind >= s.size || s.data[behind] == ' ' || s.data[behind] == ']';
}

/* PARAM-VALUE that starts after its quote: offset of the closing quote. Without one it is s.size,
 * or the bracket that most likely ends the element. */
static size_t quoted_end(struct slice s, size_t at, unsigned *flaws)
{
    size_t bracket = s.size;
    while (at < s.size && s.data[at] != '"') {
        if (s.data[at] == ']' && bracket == s.size)
            bracket = at;
        at += s.data[at] == '\\' ? 2 : 1;
    }
    at = at < s.size ? at : s.size;
    if (bracket == s.size && at < s.size)
        return at;
    *flaws |= SYSLOG_FLAW_DATA_FORM;
    return at < s.size && ends_value(s, at + 1) ? at : bracket;
}

/* The value after the = at `at`. */
static struct slice take_value(struct slice s, size_t *at, unsigned *flaws)
{
    size_t start = skip_blanks(s, *at), end = start;
    *flaws |= start != *at || !is_at(s, start, '"') ? SYSLOG_FLAW_DATA_FORM : 0;
    if (is_at(s, start, '"')) {
        end = quoted_end(s, ++start, flaws);
        *at = is_at(s, end, '"') ? end + 1 : end;
    } else {
        while (end < s.size && s.data[end] != ' ' && s.data[end] != ']')
            end++;
        *at = end;
    }
    return slice_sub(s, start, end - start);
}

/* The head of an element at the bracket. */
static bool open_element(struct slice s, struct syslog_data_place *p, unsigned *flaws)
{
    size_t start = p->at + 1, at = skip_blanks(s, start), name_at = at;
    struct slice name = take_name(s, &at, flaws);
    if (!name.size)
        return false;
    if (is_at(s, at, '=')) { /* a parameter: SD-ID is missing */
        *flaws |= SYSLOG_FLAW_DATA_FORM;
        at = name_at;
        name = SLICE_EMPTY;
    }
    *flaws |= name_at != start ? SYSLOG_FLAW_DATA_FORM : 0;
    *p = (struct syslog_data_place){.at = at, .element = name, .is_inside = true};
    return true;
}

static enum step read_param(struct slice s, struct syslog_data_place *p, size_t at,
                            struct syslog_param *param, unsigned *flaws)
{
    *flaws |= at != p->at + 1 && p->element.size ? SYSLOG_FLAW_DATA_FORM : 0;
    param->element = p->element;
    param->name = take_name(s, &at, flaws);
    size_t equals = skip_blanks(s, at);
    if (!param->name.size || !is_at(s, equals, '='))
        return STEP_BROKEN;
    *flaws |= equals != at ? SYSLOG_FLAW_DATA_FORM : 0;
    p->at = equals + 1;
    param->value = take_value(s, &p->at, flaws);
    p->has_params = true;
    return STEP_PARAM;
}

static enum step step(struct slice s, struct syslog_data_place *p, struct syslog_param *param,
                      unsigned *flaws)
{
    for (;;) {
        if (!p->is_inside) {
            if (!is_at(s, p->at, '['))
                return STEP_END;
            if (!open_element(s, p, flaws))
                return STEP_BROKEN;
        }
        size_t at = skip_blanks(s, p->at);
        if (at >= s.size)
            return STEP_BROKEN;
        if (s.data[at] != ']')
            return read_param(s, p, at, param, flaws);
        *flaws |= at != p->at ? SYSLOG_FLAW_DATA_FORM : 0;
        p->at = at + 1;
        p->is_inside = false;
        if (!p->has_params) {
            *param = (struct syslog_param){.element = p->element};
            return STEP_EMPTY;
        }
    }
}

size_t syslog_data_size(struct slice s, unsigned *flaws)
{
    struct syslog_data_place p = {.at = 0};
    struct syslog_param param;
    unsigned found = 0, kept = 0;
    size_t end = 0;
    enum step result;
    for (;;) {
        result = step(s, &p, &param, &found);
        if (result == STEP_END || result == STEP_BROKEN)
            break;
        end = p.at;
        kept = found;
    }
    if (!end)
        return 0;
    *flaws |= result == STEP_END ? found : kept | SYSLOG_FLAW_DATA_FORM;
    return result == STEP_END ? p.at : end;
}

bool syslog_param_next(struct slice data, struct syslog_data_place *place,
                       struct syslog_param *param)
{
    unsigned flaws = 0;
    enum step result = step(data, place, param, &flaws);
    return result == STEP_PARAM || result == STEP_EMPTY;
}
