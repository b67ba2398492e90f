/* fuzz_archive_entry.c: any bytes as the index object of an archived segment. What must hold: what
 * is taken is written as one that is taken again and written the same. */
#include <stdlib.h>

#include "storage/evidence/archive/archive_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct archive_entry entry, again;
    struct writer head, other, first, second;
    char name[ARCHIVE_NAME_BYTES];
    uint8_t uid[UUID_BYTES];
    uint64_t segment;
    writer_init(&head, ARCHIVE_HEAD_BYTES_MAX);
    writer_init(&other, ARCHIVE_HEAD_BYTES_MAX);
    writer_init(&first, 4 * ARCHIVE_ENTRY_BYTES_MAX);
    writer_init(&second, 4 * ARCHIVE_ENTRY_BYTES_MAX);
    (void)archive_index_name_parse(slice_make(data, size), uid, &segment);
    if (archive_entry_read(slice_make(data, size), &entry, &head) == STATUS_OK) {
        archive_object_name(&entry, ARCHIVE_INDEX, name);
        if (!archive_index_name_parse(slice_from_text(name), uid, &segment) ||
            segment != entry.segment)
            abort();
        archive_entry_write(&first, &entry);
        if (first.status != STATUS_OK ||
            (first.size <= ARCHIVE_ENTRY_BYTES_MAX &&
             archive_entry_read(writer_slice(&first), &again, &other) != STATUS_OK))
            abort();
        if (first.size <= ARCHIVE_ENTRY_BYTES_MAX) {
            archive_entry_write(&second, &again);
            if (!slice_equal(writer_slice(&first), writer_slice(&second)))
                abort();
        }
    }
    writer_fini(&head);
    writer_fini(&other);
    writer_fini(&first);
    writer_fini(&second);
    return 0;
}
