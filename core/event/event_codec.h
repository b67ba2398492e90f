/* event_codec.h: event ↔ bytes of the spool, versioned.
 *
 * A batch's items form one byte string: a version byte, then one entry per item. Each event is
 * coded against the ones before it: a field that is unset, unchanged or as predicted takes no byte;
 * a text that occurred earlier in the batch takes one. Byte layout: docs/event-encoding.md. */
#ifndef VSOC_CORE_EVENT_CODEC_H
#define VSOC_CORE_EVENT_CODEC_H

#include "core/event.h"
#include "core/reader.h"
#include "core/writer.h"

/* Raised with every change of the layout and every row added to event_fields.def. Older versions
 * can be read: 1 had the same layout and the fields up to message. */
#define EVENT_CODEC_VERSION 2
#define EVENT_CODEC_OLDEST  1
/* Most texts in all LIST fields of one event. */
#define EVENT_LIST_ITEMS_MAX 256

/* Texts of a batch that later events may refer to by number; the oldest is dropped first. */
#define EVENT_TEXTS_REMEMBERED 128
/* Longest text that is coded as its difference from the one before. */
#define EVENT_SERIAL_MAX 64

/* Finds remembered texts: slots by their hash, numbers by slot. */
#define EVENT_TEXT_SLOTS 256

/* Encoder of one batch. Its state refers to the writer's bytes, so nobody else may change the
 * writer between calls. */
struct event_encoder {
    struct writer *writer; /* borrowed */
    /* Last value of each field, set or not. data of a slice is an offset into the writer; a LIST is
     * kept as its encoded bytes (offset, size). batch_index and raw_offset hold the values
     * predicted for the next item. */
    struct event previous;
    struct event_reject previous_reject; /* parser, code, detail: offsets as well */
    uint64_t raw_gap;                    /* bytes between one record and the next */
    uint32_t events, rejects;
    struct slice texts[EVENT_TEXTS_REMEMBERED]; /* offsets as well */
    struct slice_ends text_ends[EVENT_TEXTS_REMEMBERED];
    uint8_t text_of_slot[EVENT_TEXT_SLOTS]; /* numbers, right or wrong */
    unsigned next_text;
    /* First and last bytes of each kept text. */
    struct slice_ends ends[EVENT_FIELD_COUNT];
    /* Last values of serial texts that are not too long: only their ends are in the writer. */
    uint8_t serials[EVENT_FIELD_COUNT][EVENT_SERIAL_MAX];
};

/* Starts a batch at the writer's end. */
void event_encoder_init(struct event_encoder *encoder, struct writer *writer);
/* What follows refers to nothing before: runs of items between two restarts can be removed, or
 * joined with others. On an empty writer, instead of event_encoder_init's beginning. */
void event_encoder_restart(struct event_encoder *encoder);
/* Appends one event. Fields the record's header carries (batch_uid, tenant_id, …) need not be set,
 * see batch_complete_event in storage/spool/batch.h. Errors are sticky in writer->status:
 * TOO_LARGE, NO_MEMORY, TOO_MANY (over EVENT_LIST_ITEMS_MAX). */
void event_encoder_add(struct event_encoder *encoder, const struct event *event);
/* Appends one reject. */
void event_encoder_reject(struct event_encoder *encoder, const struct event_reject *reject);

/* Decoder of one batch's bytes. */
struct event_decoder {
    struct reader reader;
    struct event current;                       /* as in the encoder, but slices are real */
    struct slice list_bytes[EVENT_FIELD_COUNT]; /* LIST fields: their encoded bytes */
    size_t list_used;
    struct event_reject reject; /* of the last reject */
    uint64_t raw_gap;
    struct slice texts[EVENT_TEXTS_REMEMBERED];
    unsigned next_text;
    struct slice list_items[EVENT_LIST_ITEMS_MAX]; /* texts of the current event's LIST fields */
    uint8_t serials[EVENT_FIELD_COUNT][EVENT_SERIAL_MAX]; /* serial texts put together */
};

/* Starts at the head of bytes, which must stay valid while the decoder is used. VERSION if made by
 * a newer version. */
enum status event_decoder_init(struct event_decoder *decoder, struct slice bytes) must_check;
/* Next item into *item (slices point into bytes or the decoder, valid until the next call). END
 * after the last; MALFORMED or TRUNCATED on damaged bytes. */
enum status event_decoder_next(struct event_decoder *decoder, struct event_item *item) must_check;

#endif
