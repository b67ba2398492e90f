/* cloud_event.h: common to both modes of a CloudEvent (one JSON object; headers with a body): its
 * attributes as columns, its data in whatever format it is. One owner, one record. */
#ifndef VSOC_PARSERS_CLOUD_EVENT_H
#define VSOC_PARSERS_CLOUD_EVENT_H

#include "parsers/fill/text_event.h"

enum cloud_data {
    CLOUD_DATA_NONE,
    CLOUD_DATA_JSON,   /* text of a JSON value that is no string */
    CLOUD_DATA_STRING, /* a JSON string, unescaped */
    CLOUD_DATA_BYTES,
};

/* Attributes that may name the vehicle; the first one counts. */
enum cloud_vehicle {
    CLOUD_VEHICLE_VIN,
    CLOUD_VEHICLE_SOURCE,
    CLOUD_VEHICLE_SUBJECT,
    CLOUD_VEHICLE_PARTITION_KEY,
    CLOUD_VEHICLES
};

struct cloud_event {
    struct text_event t; /* the envelope */
    struct slice record; /* position that its events report */
    struct slice id, source, type, version, content_type;
    struct slice severity_number, severity_text;
    struct slice vehicles[CLOUD_VEHICLES]; /* VINs that attributes are */
    bool json_is_free; /* context->json reads no document that is needed later */
    enum cloud_data kind;
    struct slice data; /* followed by 64 readable bytes */
};

void cloud_event_init(struct cloud_event *e, const struct parser_context *context,
                      struct slice record);
/* Takes an attribute. raw: its JSON text when it is not a string, and then text is the same; else
 * empty */
void cloud_event_take(struct cloud_event *e, struct slice name, struct slice text,
                      struct slice raw);
/* Emits the events of the data, or one that holds the data. */
void cloud_event_finish(struct cloud_event *e, struct parser_outcome *outcome);

#endif
