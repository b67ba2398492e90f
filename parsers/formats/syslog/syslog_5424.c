/* syslog_5424.c: the header of RFC 5424 section 6.2, read field by field. Pure, any thread. A field
 * that breaks its rule is kept unchanged and named in the flaws; the other fields are read as
 * usual. */
#include "parsers/formats/syslog/syslog_5424.h"
#include "parsers/formats/syslog/syslog_data.h"
#include "parsers/formats/syslog/syslog_tag.h"
#include "parsers/formats/syslog/syslog_word.h"
#include "parsers/read/timestamp.h"

#define FIELDS 4 /* HOSTNAME, APP-NAME, PROCID, MSGID */

/* How certain it is that STRUCTURED-DATA starts at an offset. */
enum data_kind { DATA_NONE, DATA_NIL, DATA_ELEMENTS };

struct header {
    struct slice field[FIELDS];
    size_t at[FIELDS]; /* of each field */
    unsigned count;
    size_t end; /* of the fields, blanks included */
    enum data_kind data;
    size_t data_size;
    unsigned data_flaws;
    bool has_odd_blanks;
};

static void find_data(struct slice s, struct header *h)
{
    bool is_nil = slice_starts_with(s, "-") && (s.size == 1 || s.data[1] == ' ');
    h->data_size = is_nil;
    if (slice_starts_with(s, "["))
        h->data_size = syslog_data_size(s, &h->data_flaws);
    h->data = is_nil ? DATA_NIL : h->data_size ? DATA_ELEMENTS : DATA_NONE;
}

/* Data with a parameter: a field like "[123]" has none. */
static bool starts_data(struct slice s)
{
    struct syslog_data_place place = {.at = 0};
    struct syslog_param param;
    return slice_starts_with(s, "[") && syslog_param_next(s, &place, &param) && param.name.size;
}

/* The fields of s up to the data. is_squeezed: several blanks count as one and data may come early;
 * otherwise there is an empty field between two blanks. Guides of CEF and LEEF end the header at
 * the start of their record. */
static void read_fields(struct slice s, bool is_squeezed, struct header *h)
{
    size_t at = 0;
    *h = (struct header){.count = 0};
    for (; at < s.size; h->has_odd_blanks |= at < s.size && s.data[at] == ' ') {
        struct slice rest = syslog_from(s, at);
        if (is_squeezed && rest.data[0] == ' ') {
            h->has_odd_blanks = true;
            at++;
            continue;
        }
        if (h->count == FIELDS || syslog_starts_record(rest) || (is_squeezed && starts_data(rest)))
            break;
        size_t size = syslog_word_bytes(rest);
        h->at[h->count] = at;
        h->field[h->count++] = slice_sub(rest, 0, size);
        at += size + (size < rest.size);
    }
    h->end = at;
    find_data(syslog_from(s, at), h);
}

/* As the grammar says, when that leads to the data. */
static void choose_fields(struct slice s, struct header *h)
{
    struct header strict;
    read_fields(s, false, &strict);
    *h = strict;
    if (strict.data != DATA_NONE && !strict.has_odd_blanks)
        return;
    read_fields(s, true, h);
    if (strict.data > h->data || (strict.data == h->data && strict.count > h->count))
        *h = strict;
}

/* ---- parts ---- */

static void take_field(const struct header *h, unsigned i, size_t most, unsigned flaw,
                       struct slice *value, struct syslog_line *out)
{
    struct slice word = h->field[i];
    *value = SLICE_EMPTY;
    if (i >= h->count)
        return;
    if (!syslog_is_printable(word) || word.size > most)
        out->flaws |= flaw;
    if (!slice_equal_text(word, "-"))
        *value = word;
}

/* Looks like yyyy-mm-dd. */
static bool starts_date(struct slice s)
{
    static const char shape[] = "dddd-dd-dd";
    if (s.size < sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? !syslog_is_digit(s.data[i]) : s.data[i] != '-')
            return false;
    return true;
}

/* Form of the VERSION field; it decides whether an invalid time may follow. */
enum version { VERSION_MISSING, VERSION_ODD, VERSION_RIGHT };

/* VERSION SP: non-zero, at most three digits (section 6.1). */
static enum version read_version(struct slice *s, struct syslog_line *out)
{
    struct slice trimmed = syslog_skip_blanks(*s), rest = trimmed;
    struct slice word = syslog_take_word(&rest);
    bool is_number = word.size >= 1 && word.size <= 3 && word.data[0] != '0';
    for (size_t i = 0; i < word.size; i++)
        is_number &= syslog_is_digit(word.data[i]);
    if (trimmed.size != s->size)
        out->flaws |= SYSLOG_FLAW_BLANKS;
    *s = trimmed;
    if (starts_date(trimmed))
        return VERSION_MISSING;
    *s = syslog_skip_blanks(rest);
    if (s->size != rest.size)
        out->flaws |= SYSLOG_FLAW_BLANKS;
    return is_number ? VERSION_RIGHT : VERSION_ODD;
}

/* Bytes of the word in the place of the time, and its meaning in *out. */
static size_t read_time(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    struct slice word = slice_sub(s, 0, syslog_word_bytes(s));
    if (slice_equal_text(word, "-"))
        return 1;
    out->time = (struct syslog_time){.text = word};
    out->has_time = timestamp_rfc3339(word, &out->time.ns) == STATUS_OK;
    if (out->has_time)
        return word.size;
    size_t size = syslog_time_read(s, received_ns, &out->time);
    out->has_time = size > 0;
    out->flaws |= size ? SYSLOG_FLAW_TIME_FORM : SYSLOG_FLAW_TIME;
    if (!size) {
        out->time = (struct syslog_time){.text = SLICE_EMPTY};
        out->bad_time = word;
        return word.size;
    }
    while (size && s.data[size - 1] == ' ')
        size--;
    return size;
}

/* "sshd[12]: text", as in RFC 3164, in the place of APP-NAME. */
static bool read_tag(struct slice s, const struct header *h, struct syslog_line *out)
{
    if (h->data != DATA_NONE || h->count < 2 || !h->field[1].size ||
        h->field[1].data[h->field[1].size - 1] != ':')
        return false;
    struct slice rest = syslog_from(s, h->at[1]);
    size_t size = syslog_tag_read(rest, out);
    out->message = syslog_skip_blanks(syslog_from(rest, size));
    return size > 0;
}

static void read_data(struct slice s, const struct header *h, struct syslog_line *out)
{
    size_t size = h->data_size;
    if (h->data == DATA_ELEMENTS)
        out->data = slice_sub(s, 0, size);
    out->flaws |= h->data_flaws;
    if (h->count < FIELDS && !(h->count == 1 && syslog_starts_record(s)))
        out->flaws |= SYSLOG_FLAW_FIELDS;
    else if (h->count == FIELDS && !size)
        out->flaws |= SYSLOG_FLAW_NO_DATA;
    s = syslog_from(s, size);
    if (size && s.size && s.data[0] != ' ')
        out->flaws |= SYSLOG_FLAW_DATA_END;
    else if (size)
        s = syslog_from(s, 1);
    if (slice_starts_with(s, "\xEF\xBB\xBF"))
        s = syslog_from(s, 3);
    out->message = s;
}

/* Lines of RFC 3164 may start with a number or a time too: with a flaw at the head, the rest must
 * look like RFC 5424. */
static bool is_plausible(enum version version, const struct header *h,
                         const struct syslog_line *out)
{
    bool is_whole = h->count == FIELDS && h->data != DATA_NONE;
    bool has_date = out->has_time || starts_date(out->bad_time);
    bool is_nil = !out->has_time && !out->bad_time.size;
    if (version == VERSION_RIGHT)
        return has_date || is_whole || (is_nil && h->count == FIELDS);
    if (version == VERSION_ODD)
        return is_whole && out->has_time && !(out->flaws & SYSLOG_FLAW_TIME_FORM);
    return is_whole && h->data == DATA_ELEMENTS && h->field[1].size &&
           h->field[1].data[h->field[1].size - 1] != ':';
}

bool syslog_5424_read(struct slice s, int64_t received_ns, struct syslog_line *out)
{
    struct syslog_line line = *out;
    struct header h;
    enum version version = read_version(&s, &line);
    s = syslog_from(s, read_time(s, received_ns, &line));
    s = syslog_from(s, s.size && s.data[0] == ' ');
    choose_fields(s, &h);
    if (!is_plausible(version, &h, &line))
        return false;
    line.is_5424 = true;
    line.flaws |= version == VERSION_RIGHT ? 0 : SYSLOG_FLAW_VERSION;
    line.flaws |= h.has_odd_blanks ? SYSLOG_FLAW_BLANKS : 0;
    take_field(&h, 0, 255, SYSLOG_FLAW_HOSTNAME, &line.host, &line);
    if (read_tag(s, &h, &line)) {
        line.flaws |= SYSLOG_FLAW_NO_DATA;
        *out = line;
        return true;
    }
    take_field(&h, 1, 48, SYSLOG_FLAW_APP_NAME, &line.app, &line);
    take_field(&h, 2, 128, SYSLOG_FLAW_PROCID, &line.procid, &line);
    take_field(&h, 3, 32, SYSLOG_FLAW_MSGID, &line.msgid, &line);
    read_data(syslog_from(s, h.end), &h, &line);
    *out = line;
    return true;
}
