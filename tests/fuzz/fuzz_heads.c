/* fuzz_heads.c: any bytes as the file of stored heads, and as a head from elsewhere. What must
 * hold: entries are within the file, and each that is taken holds a checkpoint of its size. */
#include <stdlib.h>

#include "storage/evidence/heads_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(slice_make(data, size));
    struct evidence_head head, again;
    size_t entries = 0;
    while (heads_next_entry(&r, &head) == STATUS_OK) {
        entries++;
        if (head.note.data < data || head.note.data + head.note.size > data + size ||
            evidence_head_parse(head.note, head.signed_ns, &again) != STATUS_OK ||
            again.size != head.size)
            abort();
    }
    if (entries > size / HEADS_ENTRY_HEAD_BYTES)
        abort();
    if (evidence_head_parse(slice_make(data, size), 0, &head) == STATUS_OK && !head.note.size)
        abort();
    return 0;
}
