/* event_codec.h: event ↔ bytes of the spool, versioned.
 *
 * A batch's items form one byte string: version byte, then an entry an item. Each event is coded
 * against the one before it: a field that is unset or equal takes no byte. Byte layout:
 * docs/spool-format.md. */
#ifndef VSOC_CORE_EVENT_CODEC_H
#define VSOC_CORE_EVENT_CODEC_H

#include "core/event.h"
#include "core/reader.h"
#include "core/writer.h"

#define EVENT_CODEC_VERSION 1

/* Encoder of one batch. Keeps a copy of the previous event that points into writer's bytes, so
 * writer must not be touched by others between calls. */
struct event_encoder {
    struct writer *writer; /* borrowed */
    struct event previous; /* slices are offsets into writer until used, see event_codec.c */
    uint32_t events, rejects;
};

/* Starts a batch at the writer's end. */
void event_encoder_init(struct event_encoder *encoder, struct writer *writer);
/* Appends one event. Fields the record's header carries (batch_uid, tenant_id, …) need not be set,
 * see event_derive in storage/batch.h. Errors are sticky in writer->status. */
void event_encoder_add(struct event_encoder *encoder, const struct event *event);
/* Appends one reject. */
void event_encoder_reject(struct event_encoder *encoder, const struct event_reject *reject);

/* Decoder of one batch's bytes. LIST members are built in list_items. */
struct event_decoder {
    struct reader reader;
    struct event current;
    struct slice list_items[256]; /* texts of all LIST fields of the current event */
    size_t list_used;
};

/* Starts at the head of bytes, which must stay valid while the decoder is used. VERSION if made by
 * a newer version. */
enum status event_decoder_init(struct event_decoder *decoder, struct slice bytes) must_check;
/* Next item into *item (slices point into bytes or the decoder, valid until the next call). END
 * after the last; MALFORMED or TRUNCATED on damaged bytes. */
enum status event_decoder_next(struct event_decoder *decoder, struct event_item *item) must_check;

#endif
