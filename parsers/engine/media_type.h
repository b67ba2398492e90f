/* media_type.h: the value of Content-Type. Thread: any. */
#ifndef VSOC_PARSERS_MEDIA_TYPE_H
#define VSOC_PARSERS_MEDIA_TYPE_H

#include "core/slice.h"
#include "core/status.h"
#include "parsers/engine/split.h"

/* Sets *media to the media type without parameters (a part of value, may be empty), and the prefix
 * that the parameter framing= selects. UNSUPPORTED: a framing other than none, u16 and u32. */
enum status media_type_read(struct slice value, struct slice *media,
                            enum split_prefix *prefix) must_check;

#endif
