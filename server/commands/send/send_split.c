/* send_split.c: cuts a file between records. Any thread. It finds the end of records with
 * parsers/engine/split.c, as the server does. */
#include "server/commands/send/send_split.h"

void send_split_init(struct send_split *s, struct slice file, enum parser_framing framing,
                     enum split_prefix prefix, size_t max_bytes, size_t max_records)
{
    bool blind = framing == PARSER_FRAMING_BODY ||
                 (framing == PARSER_FRAMING_STREAM && prefix == SPLIT_PREFIX_NONE);
    *s = (struct send_split){
        .file = file,
        .whole = blind,
        .done = file.size == 0,
        .max_bytes = max_bytes,
        .max_records = max_records,
    };
    split_init(&s->records, file, framing, prefix);
}

/* Start of a record with its length prefix. */
static size_t start_of(const struct send_split *s, const struct split_record *r)
{
    size_t prefix = s->records.prefix == SPLIT_PREFIX_U16   ? 2
                    : s->records.prefix == SPLIT_PREFIX_U32 ? 4
                                                            : 0;
    return r->offset >= prefix ? r->offset - prefix : 0;
}

static bool look_ahead(struct send_split *s)
{
    if (s->has_next)
        return true;
    s->has_next = split_next(&s->records, &s->next) == STATUS_OK;
    s->next_in_array = s->records.in_array;
    return s->has_next;
}

static enum status whole_piece(struct send_split *s, size_t records, struct send_piece *piece)
{
    s->done = true;
    *piece = (struct send_piece){.bytes = s->file, .records = records};
    return STATUS_OK;
}

enum status send_split_next(struct send_split *s, struct send_piece *piece)
{
    if (s->done)
        return STATUS_END;
    if (s->whole)
        return whole_piece(s, 0, piece);
    if (!look_ahead(s))
        return STATUS_END;
    size_t start = start_of(s, &s->next), end = start, count = 0;
    bool in_array = s->next_in_array, first = !s->started;
    s->started = true;
    while (count < s->max_records && look_ahead(s)) {
        size_t next_end = s->next.offset + s->next.bytes.size;
        if (count > 0 && (next_end - start > s->max_bytes || s->next_in_array != in_array))
            break;
        end = next_end;
        count++;
        s->has_next = false;
    }
    if (first && s->file.size <= s->max_bytes && !look_ahead(s))
        return whole_piece(s, count, piece);
    *piece = (struct send_piece){.bytes = slice_sub(s->file, start, end - start),
                                 .offset = start,
                                 .records = count,
                                 .bracketed = in_array};
    return STATUS_OK;
}

struct slice send_piece_body(const struct send_piece *piece, struct writer *scratch)
{
    if (!piece->bracketed)
        return piece->bytes;
    writer_reset(scratch);
    writer_u8(scratch, '[');
    writer_add_slice(scratch, piece->bytes);
    writer_u8(scratch, ']');
    return writer_slice(scratch);
}
