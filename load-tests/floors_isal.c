/* The floor of inflating with isa-l. Runs on the only thread of `floors`. Sets no limits: the input
 * is our own. */
#include "floors.h"

#include <isa-l/igzip_lib.h>

uint32_t floors_inflate_isal(const struct floors_batch *batch, char *scratch)
{
    static struct inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP; /* header and checksum are read too, as a server must */
    state.next_in = (uint8_t *)(uintptr_t)batch->coded;
    state.avail_in = (uint32_t)batch->coded_bytes;
    state.next_out = (uint8_t *)scratch;
    state.avail_out = (uint32_t)batch->plain_bytes + FLOORS_PADDING;
    if (isal_inflate(&state) != ISAL_DECOMP_OK || state.block_state != ISAL_BLOCK_FINISH ||
        state.total_out != batch->plain_bytes)
        return 0;
    return batch->events;
}
