/* probed_type.c: media types whose bodies are probed. Pure, any thread. */
#include "parsers/registry/probed_type.h"

bool registry_is_probed_type(struct slice media_type)
{
    return slice_equal_nocase(media_type, "text/plain") ||
           slice_equal_nocase(media_type, "application/octet-stream");
}
