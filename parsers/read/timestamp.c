/* timestamp.c: times as text or numbers → ns since 1970 UTC. Pure, any thread. Knows offsets, but
 * no time zone names. */
#include "parsers/read/timestamp.h"
#include "core/clock.h"

#include <math.h>

#define SECONDS_PER_DAY INT64_C(86400)

int64_t timestamp_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    /* Years are counted from March, so that the leap day is their last day; eras have 400 years. */
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* A time of the calendar and clock, not yet checked. */
struct civil {
    int64_t year;
    unsigned month, day, hour, minute, second;
    int64_t ns;
    int64_t offset_s;
};

static bool civil_exists(const struct civil *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60;
}

static enum status seconds_to_ns(int64_t seconds, int64_t ns, int64_t *out)
{
    __int128 total = (__int128)seconds * NS_PER_S + ns;
    if (total < INT64_MIN || total > INT64_MAX)
        return STATUS_OUT_OF_RANGE;
    *out = (int64_t)total;
    return STATUS_OK;
}

static enum status civil_to_ns(struct civil c, int64_t *ns)
{
    if (!civil_exists(&c))
        return STATUS_OUT_OF_RANGE;
    if (c.second == 60) { /* leap second: the last ns of the minute */
        c.second = 59;
        c.ns = NS_PER_S - 1;
    }
    int64_t seconds = timestamp_days_from_civil(c.year, c.month, c.day) * SECONDS_PER_DAY +
                      c.hour * 3600 + c.minute * 60 + c.second - c.offset_s;
    int64_t result;
    enum status status = seconds_to_ns(seconds, c.ns, &result);
    if (status == STATUS_OK)
        *ns = result;
    return status;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* count digits at p; false when one is not a digit. */
static bool read_digits(const uint8_t *p, unsigned count, unsigned *value)
{
    unsigned v = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(p[i]))
            return false;
        v = v * 10 + (p[i] - (unsigned)'0');
    }
    *value = v;
    return true;
}

/* Reads ".123" at the head of s, if present: its ns, 0 without it; digits past the ninth are
 * ignored. False for a point without digits. */
static bool read_fraction(struct slice *s, int64_t *ns)
{
    *ns = 0;
    if (!s->size || (s->data[0] != '.' && s->data[0] != ','))
        return true;
    static const int32_t units[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                    10000,      1000,      100,      10,      1};
    size_t n = 1, most = s->size < 10 ? s->size : 10;
    int64_t digits = 0;
    for (; n < most && is_digit(s->data[n]); n++)
        digits = digits * 10 + (s->data[n] - '0');
    *ns = digits * units[n - 1];
    while (n < s->size && is_digit(s->data[n]))
        n++;
    *s = slice_sub(*s, n, s->size);
    return n > 1;
}

/* "Z", "+hh:mm" or "+hhmm" that is all of s. */
static bool read_offset(struct slice s, int64_t *offset_s)
{
    unsigned hours, minutes;
    *offset_s = 0;
    if (s.size == 1 && (s.data[0] | 0x20) == 'z')
        return true;
    if ((s.size != 6 || s.data[3] != ':') && s.size != 5)
        return false;
    if ((s.data[0] != '+' && s.data[0] != '-') || !read_digits(s.data + 1, 2, &hours) ||
        !read_digits(s.data + s.size - 2, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s = (int64_t)(hours * 3600 + minutes * 60) * (s.data[0] == '-' ? -1 : 1);
    return true;
}

static bool read_clock(const uint8_t *p, struct civil *c)
{
    return read_digits(p, 2, &c->hour) && p[2] == ':' && read_digits(p + 3, 2, &c->minute) &&
           p[5] == ':' && read_digits(p + 6, 2, &c->second);
}

#define DATE_TIME_SIZE 19 /* 2026-01-01T00:00:00 */

/* Eight characters of a date, as the low four bits of each: digits where like has 0, else the same
 * characters. False when they are not. */
static inline bool read_eight(const uint8_t *p, const char like[9], uint8_t digits[8])
{
    const uint64_t all = UINT64_MAX / 255, zeros = all * '0';
    uint64_t pattern = slice_load8((const uint8_t *)like), word = slice_load8(p) ^ pattern;
    /* Only where the pattern is a zero may the word differ from it, by up to 9. */
    uint64_t marks = pattern ^ zeros;
    marks = ((marks & all * 0x7f) + all * 0x7f) | marks;
    bool good = !(((word + all * 0x76) | word) & all * 0x80) &&
                !((marks & all * 0x80) >> 7 & (word | word >> 1 | word >> 2 | word >> 3));
    memcpy(digits, &word, sizeof word);
    return good;
}

static inline unsigned two(const uint8_t *digits)
{
    return digits[0] * 10u + digits[1];
}

/* Date, T and clock by words of eight characters. */
static inline bool read_usual_date_time(const uint8_t *p, struct civil *c)
{
    uint8_t date[8], rest[8], end[8];
    if (!read_eight(p, "0000-00-", date) || !read_eight(p + 8, "00T00:00", rest) ||
        !read_eight(p + 11, "00:00:00", end))
        return false;
    c->year = two(date) * 100 + two(date + 2);
    c->month = two(date + 5);
    c->day = two(rest);
    c->hour = two(rest + 3);
    c->minute = two(rest + 6);
    c->second = two(end + 6);
    return true;
}

/* With t or a space between date and clock, too. */
static bool read_date_time(const uint8_t *p, struct civil *c)
{
    unsigned year;
    if (!read_digits(p, 4, &year) || p[4] != '-' || !read_digits(p + 5, 2, &c->month) ||
        p[7] != '-' || !read_digits(p + 8, 2, &c->day) || ((p[10] | 0x20) != 't' && p[10] != ' ') ||
        !read_clock(p + 11, c))
        return false;
    c->year = year;
    return true;
}

enum status timestamp_rfc3339(struct slice text, int64_t *ns)
{
    struct civil c = {0};
    const uint8_t *p = text.data;
    if (text.size <= DATE_TIME_SIZE || !(read_usual_date_time(p, &c) || read_date_time(p, &c)))
        return STATUS_MALFORMED;
    struct slice rest = slice_sub(text, DATE_TIME_SIZE, text.size);
    if (rest.data[0] == ',' || !read_fraction(&rest, &c.ns) || !read_offset(rest, &c.offset_s))
        return STATUS_MALFORMED;
    return civil_to_ns(c, ns);
}

/* ---- RFC 3164 ---- */

static unsigned month_from_name(const uint8_t *p)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (unsigned m = 0; m < 12; m++)
        if ((p[0] | 0x20) == names[3 * m] && (p[1] | 0x20) == names[3 * m + 1] &&
            (p[2] | 0x20) == names[3 * m + 2])
            return m + 1;
    return 0;
}

static int64_t year_of(int64_t ns)
{
    int64_t days = ns / (NS_PER_S * SECONDS_PER_DAY);
    int64_t year = 1970 + days / 366;
    while (timestamp_days_from_civil(year + 1, 1, 1) <= days)
        year++;
    return year;
}

/* How far a sender's clock may be ahead before its time counts as last year's. */
#define AHEAD_DAYS 31

/* 29 February may be four years away, eight around 2100. */
#define YEARS_BACK 8

static enum status latest_year(struct civil c, int64_t received_ns, int64_t *ns)
{
    int64_t here = year_of(received_ns < 0 ? 0 : received_ns);
    int64_t latest = received_ns + AHEAD_DAYS * SECONDS_PER_DAY * NS_PER_S;
    for (c.year = here + 1; c.year >= here - YEARS_BACK; c.year--)
        if (civil_to_ns(c, ns) == STATUS_OK && *ns <= latest)
            return STATUS_OK;
    return STATUS_OUT_OF_RANGE;
}

/* Digits at the head of *s, at most `most`; 0 when there are no digits. */
static unsigned take_number(struct slice *s, unsigned most, unsigned *value)
{
    unsigned n = 0;
    *value = 0;
    while (n < most && n < s->size && is_digit(s->data[n]))
        *value = *value * 10 + (s->data[n++] - (unsigned)'0');
    *s = slice_sub(*s, n, s->size);
    return n;
}

static void skip_blanks(struct slice *s)
{
    while (s->size && s->data[0] == ' ')
        *s = slice_sub(*s, 1, s->size);
}

enum status timestamp_rfc3164(struct slice text, int64_t received_ns, int64_t *ns, size_t *consumed)
{
    struct civil c = {0};
    unsigned year = 0;
    if (text.size < 14 || !(c.month = month_from_name(text.data)) || text.data[3] != ' ')
        return STATUS_MALFORMED;
    struct slice rest = slice_sub(text, 4, text.size);
    skip_blanks(&rest);
    if (!take_number(&rest, 2, &c.day) || !rest.size || rest.data[0] != ' ')
        return STATUS_MALFORMED;
    skip_blanks(&rest);
    if (rest.size > 5 && is_digit(rest.data[2])) { /* yyyy before the clock */
        if (take_number(&rest, 4, &year) != 4 || !rest.size || rest.data[0] != ' ')
            return STATUS_MALFORMED;
        skip_blanks(&rest);
    }
    if (rest.size < 8 || !read_clock(rest.data, &c))
        return STATUS_MALFORMED;
    rest = slice_sub(rest, 8, rest.size);
    if (rest.size > 1 && rest.data[0] == '.' && is_digit(rest.data[1]) &&
        !read_fraction(&rest, &c.ns))
        return STATUS_MALFORMED;
    c.year = year;
    int64_t result;
    enum status status = year ? civil_to_ns(c, &result) : latest_year(c, received_ns, &result);
    if (status == STATUS_OK) {
        *ns = result;
        *consumed = text.size - rest.size;
    }
    return status;
}

/* ---- epoch numbers ---- */

/* ns of one unit of an epoch number of this size. */
static int64_t epoch_unit(uint64_t magnitude)
{
    if (magnitude < UINT64_C(100000000000))
        return NS_PER_S;
    if (magnitude < UINT64_C(100000000000000))
        return NS_PER_MS;
    return magnitude < UINT64_C(100000000000000000) ? NS_PER_US : 1;
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

enum status timestamp_epoch_int(int64_t value, int64_t *ns)
{
    int64_t result;
    if (__builtin_mul_overflow(value, epoch_unit(magnitude_of(value)), &result))
        return STATUS_OUT_OF_RANGE;
    *ns = result;
    return STATUS_OK;
}

enum status timestamp_epoch_real(double value, int64_t *ns)
{
    if (!(fabs(value) < 9223372036854775808.0))
        return STATUS_OUT_OF_RANGE;
    int64_t whole = (int64_t)value, result;
    int64_t unit = epoch_unit(magnitude_of(whole));
    int64_t part = llround((value - (double)whole) * (double)unit);
    if (__builtin_mul_overflow(whole, unit, &result) ||
        __builtin_add_overflow(result, part, &result))
        return STATUS_OUT_OF_RANGE;
    *ns = result;
    return STATUS_OK;
}

enum status timestamp_epoch_text(struct slice text, int64_t *ns)
{
    bool negative = text.size && text.data[0] == '-';
    if (text.size && (text.data[0] == '-' || text.data[0] == '+'))
        text = slice_sub(text, 1, text.size);
    uint64_t whole = 0;
    size_t digits = 0;
    for (; digits < text.size && is_digit(text.data[digits]); digits++)
        if (__builtin_mul_overflow(whole, 10u, &whole) ||
            __builtin_add_overflow(whole, text.data[digits] - (uint64_t)'0', &whole))
            return STATUS_OUT_OF_RANGE;
    struct slice rest = slice_sub(text, digits, text.size);
    int64_t fraction;
    if (!digits || (rest.size && rest.data[0] == ',') || !read_fraction(&rest, &fraction) ||
        rest.size)
        return STATUS_MALFORMED;
    int64_t unit = epoch_unit(whole);
    __int128 total = (__int128)whole * unit + fraction / (NS_PER_S / unit);
    if (negative)
        total = -total;
    if (total < INT64_MIN || total > INT64_MAX)
        return STATUS_OUT_OF_RANGE;
    *ns = (int64_t)total;
    return STATUS_OK;
}
