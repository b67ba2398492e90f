/* trc_line.c: one line of a PEAK CAN trace → what it says, as the columns of its version have it
 * ("PEAK CAN TRC File Format", PEAK-System, 2020). Pure: no I/O, no memory. */
#include "trc_line.h"

#define NS_PER_MS     INT64_C(1000000)
#define NS_PER_DAY    INT64_C(86400000000000)
#define EPOCH_DAY     25569  /* 1970-01-01, in days since 1899-12-30 */
#define LAST_DAY      131000 /* in 2258: ns since 1970 and an offset fit int64_t */
#define WARNING_ID    UINT32_C(0xFFFFFFFF)
#define OFFSET_MS_MAX UINT64_C(100000000000) /* 3 years */

static const struct {
    const char *version, *columns;
} versions[] = {
    {"1.0", "NOILD"},    {"1.1", "NOTILD"},  {"1.2", "NOBTILD"},
    {"1.3", "NOBTIRLD"}, {"2.0", "NOTIdlD"}, {"2.1", "NOTBIdRLD"},
};

static const struct {
    const char *type;
    enum trc_kind kind;
    uint8_t flags;
    const char *direction;
} types[] = {
    {"Rx", TRC_FRAME, 0, "rx"},
    {"Tx", TRC_FRAME, 0, "tx"},
    {"Warng", TRC_STATUS, 0, NULL},
    {"Error", TRC_ERROR, TRC_ERR, NULL},
    {"DT", TRC_FRAME, 0, NULL},
    {"FD", TRC_FRAME, TRC_FDF, NULL},
    {"FB", TRC_FRAME, TRC_FDF | TRC_BRS, NULL},
    {"FE", TRC_FRAME, TRC_FDF | TRC_ESI, NULL},
    {"BI", TRC_FRAME, TRC_FDF | TRC_BRS | TRC_ESI, NULL},
    {"RR", TRC_REMOTE, TRC_RTR, NULL},
    {"ST", TRC_STATUS, 0, NULL},
    {"ER", TRC_ERROR, TRC_ERR, NULL},
    {"EC", TRC_COUNTERS, 0, NULL},
    {"EV", TRC_EVENT, 0, NULL},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- words and numbers ---- */

/* The next word of *rest, which loses it. */
static struct slice next_word(struct slice *rest)
{
    size_t size = 0;
    *rest = slice_trim(*rest);
    while (size < rest->size && rest->data[size] != ' ' && rest->data[size] != '\t')
        size++;
    struct slice word = slice_sub(*rest, 0, size);
    *rest = slice_sub(*rest, size, rest->size);
    return word;
}

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* A number that takes all of word and is at most max. */
static bool read_number(struct slice word, int base, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < word.size; i++) {
        int digit = digit_of(word.data[i]);
        if (digit >= base || value > (max - (uint64_t)digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    *out = value;
    return word.size > 0;
}

/* ns between min and word, such as "1059.9", which counts units of so many ns. What is smaller than
 * 1 ns is cut off. */
static bool read_decimal(struct slice word, uint64_t min, uint64_t max, int64_t unit_ns,
                         int64_t *ns)
{
    const uint8_t *dot = slice_find_byte(word, '.');
    size_t whole_size = dot ? (size_t)(dot - word.data) : word.size;
    struct slice digits = slice_sub(word, whole_size + 1, word.size);
    uint64_t whole, fraction = 0;
    if (!read_number(slice_sub(word, 0, whole_size), 10, max, &whole) || whole < min)
        return false;
    if (dot && (digits.size > 18 || !read_number(digits, 10, UINT64_MAX, &fraction)))
        return false;
    unsigned __int128 part = (unsigned __int128)fraction * (uint64_t)unit_ns;
    for (size_t i = 0; i < digits.size; i++)
        part /= 10;
    *ns = (int64_t)(whole - min) * unit_ns + (int64_t)part;
    return true;
}

/* ---- the header ---- */

void trc_header_init(struct trc_header *header)
{
    *header = (struct trc_header){.columns = "NOILD"};
}

static bool columns_are_known(struct slice letters)
{
    for (size_t i = 0; i < letters.size; i++)
        if (!memchr("NOTIBdRLlD", letters.data[i], 10))
            return false;
    return letters.size > 0 && letters.size < TRC_COLUMNS_MAX;
}

static void take_columns(struct trc_header *header, struct slice list)
{
    uint8_t letters[TRC_COLUMNS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < list.size && count < sizeof letters; i++)
        if (list.data[i] != ',')
            letters[count++] = list.data[i];
    memset(header->columns, 0, sizeof header->columns);
    if (columns_are_known(slice_make(letters, count)))
        memcpy(header->columns, letters, count);
}

static void take_version(struct trc_header *header, struct slice version)
{
    memset(header->columns, 0, sizeof header->columns);
    for (size_t i = 0; i < COUNT(versions); i++)
        if (slice_equal_text(version, versions[i].version))
            memcpy(header->columns, versions[i].columns, strlen(versions[i].columns));
}

static void take_start(struct trc_header *header, struct slice days)
{
    header->has_start = read_decimal(days, EPOCH_DAY, LAST_DAY, NS_PER_DAY, &header->start_ns);
}

void trc_header_read(struct trc_header *header, struct slice line)
{
    static const struct {
        const char *keyword;
        void (*take)(struct trc_header *header, struct slice value);
    } keywords[] = {{";$FILEVERSION=", take_version},
                    {";$STARTTIME=", take_start},
                    {";$COLUMNS=", take_columns}};
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (slice_starts_with(line, keywords[i].keyword))
            keywords[i].take(header,
                             slice_trim(slice_sub(line, strlen(keywords[i].keyword), line.size)));
}

/* ---- a line ---- */

static const char *take_type(struct trc_line *out, struct slice word)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (slice_equal_text(word, types[i].type)) {
            out->kind = types[i].kind;
            out->flags |= types[i].flags;
            out->direction = types[i].direction;
            return NULL;
        }
    return "type of the message is not known";
}

/* Four digits at most are an 11-bit id, more a 29-bit one. */
static const char *take_id(struct trc_line *out, struct slice word)
{
    uint64_t id;
    if (slice_equal_text(word, "-"))
        return NULL;
    if (!read_number(word, 16, WARNING_ID, &id))
        return "id is no hexadecimal number";
    if (id == WARNING_ID) {
        out->kind = TRC_STATUS;
        return NULL;
    }
    if (id > (word.size > 4 ? 0x1FFFFFFFu : 0x7FFu))
        return "id is too large";
    out->flags |= word.size > 4 ? TRC_EXT : 0;
    out->has_id = true;
    out->id = (uint32_t)id;
    return NULL;
}

static const char *take_direction(struct trc_line *out, struct slice word)
{
    if (slice_equal_text(word, "Rx"))
        out->direction = "rx";
    else if (slice_equal_text(word, "Tx"))
        out->direction = "tx";
    else if (!slice_equal_text(word, "-"))
        return "direction is neither Rx nor Tx";
    return NULL;
}

static const char *take_length(struct trc_line *out, struct slice word, bool is_code)
{
    static const uint8_t fd_sizes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};
    uint64_t value;
    if (slice_equal_text(word, "-"))
        return NULL;
    if (!read_number(word, 10, is_code ? 15 : TRC_DATA_MAX, &value))
        return "length of the data is no number or too large";
    out->dlc = (unsigned)value;
    if (is_code && out->flags & TRC_FDF)
        out->size = fd_sizes[value];
    else
        out->size = is_code && value > 8 ? 8 : (size_t)value;
    return !(out->flags & TRC_FDF) && out->size > 8
               ? "more than 8 bytes in a frame of classical CAN"
               : NULL;
}

/* The rest of the line. Behind the bytes of a status its meaning may stand in words. */
static const char *take_data(struct trc_line *out, struct slice rest)
{
    uint64_t byte;
    if (slice_equal_text(slice_trim(rest), "RTR")) {
        out->kind = TRC_REMOTE;
        out->flags |= TRC_RTR;
    }
    if (out->kind == TRC_REMOTE) {
        out->size = 0;
        return NULL;
    }
    for (size_t i = 0; i < out->size; i++) {
        struct slice word = next_word(&rest);
        if (word.size != 2 || !read_number(word, 16, 255, &byte))
            return "data bytes are missing or not two hexadecimal digits";
        out->data[i] = (uint8_t)byte;
    }
    return next_word(&rest).size && out->kind != TRC_STATUS ? "more data than its length says"
                                                            : NULL;
}

static const char *take_number(struct trc_line *out, struct slice word)
{
    if (word.size && word.data[word.size - 1] == ')')
        word.size--;
    return read_number(word, 10, INT64_MAX, &out->number) ? NULL : "number of the line is none";
}

static const char *take_offset(struct trc_line *out, struct slice word)
{
    out->offset = word;
    return read_decimal(word, 0, OFFSET_MS_MAX, NS_PER_MS, &out->offset_ns)
               ? NULL
               : "time offset is no number of milliseconds";
}

static const char *take_bus(struct trc_line *out, struct slice word)
{
    uint64_t bus;
    if (slice_equal_text(word, "-"))
        return NULL;
    out->bus = word;
    return read_number(word, 10, 999, &bus) ? NULL : "bus is no number";
}

static const char *take_column(struct trc_line *out, char column, struct slice word)
{
    switch (column) {
    case 'N':
        return take_number(out, word);
    case 'O':
        return take_offset(out, word);
    case 'T':
        return take_type(out, word);
    case 'B':
        return take_bus(out, word);
    case 'I':
        return take_id(out, word);
    case 'd':
        return take_direction(out, word);
    case 'L':
    case 'l':
        return take_length(out, word, column == 'L');
    default: /* R: reserved */
        return NULL;
    }
}

const char *trc_line_read(const struct trc_header *header, struct slice line, struct trc_line *out)
{
    const char *problem = NULL;
    *out = (struct trc_line){.kind = TRC_FRAME};
    if (!header->columns[0])
        return "version or columns of the trace are not known";
    for (const char *column = header->columns; !problem && *column; column++) {
        if (*column == 'D')
            return take_data(out, line);
        struct slice word = next_word(&line);
        problem = word.size ? take_column(out, *column, word) : "columns are missing";
        if (!problem && *column == 'T' && out->kind == TRC_EVENT) {
            out->text = slice_trim(line);
            return NULL;
        }
    }
    return problem;
}
