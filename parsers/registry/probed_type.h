/* probed_type.h: media types that name no format. Pure, any thread. */
#ifndef VSOC_PARSERS_PROBED_TYPE_H
#define VSOC_PARSERS_PROBED_TYPE_H

#include "core/slice.h"

/* True for media types that mean "guess": text/plain, application/octet-stream. */
bool registry_is_probed_type(struct slice media_type);

#endif
