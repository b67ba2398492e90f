/* fuzz_bundle.c: an evidence bundle, with its headers, padding and SHA256SUMS made right, so that
 * heads, proofs, leaves and commitments are looked at. The input is a list of files: u8 name,
 * u16 size, bytes. What is proven must lie within the archive. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "core/reader.h"
#include "core/thread.h"
#include "storage/evidence/bundle/bundle_files.h"
#include "storage/evidence/bundle/bundle_verify.h"
#include "storage/evidence/bundle/bundle_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "README.txt",
    "policy.txt",
    "heads/4.checkpoint",
    "heads/2.checkpoint",
    "heads/2.consistency",
    "records/9/leaf.bin",
    "records/9/body",
    "records/9/meta",
    "records/9/events",
    "records/9/seed",
    "records/9/erased",
    "records/9/proof.tlog-proof",
    "custody/leaf.bin",
    "custody/body",
    "custody/meta",
    "custody/events",
    "custody/seed",
    "custody/proof.tlog-proof",
    "manifest.json",
    "time/2-0.tsr",
    "versions.json",
    "records/9/record.json",
    "records/9/events.ndjson",
};

static void ensure_within(struct slice s, struct slice all)
{
    ensure(s.size <= all.size);
    ensure(!s.size || (s.data >= all.data && s.data + s.size <= all.data + all.size));
}

static struct slice *whole;
static void on_record(void *arg, const struct bundle_record *record)
{
    (void)arg;
    ensure_within(record->folder, *whole);
    ensure_within(record->leaf.tenant, *whole);
    for (size_t i = 0; i < BUNDLE_PARTS; i++)
        ensure_within(record->parts[i], *whole);
}

/* Makes an archive of the input; its policy.txt is the policy. */
static struct slice make(struct slice input, int fd, struct slice *policy)
{
    struct reader r = reader_make(input);
    struct bundle_writer *w = bundle_writer_create(fd);
    ensure(w);
    *policy = SLICE_EMPTY;
    while (reader_left(&r)) {
        const char *name = names[reader_u8(&r) % (sizeof names / sizeof *names)];
        size_t size = (size_t)reader_uint_be(&r, 2);
        struct slice bytes = reader_bytes(&r, size < reader_left(&r) ? size : reader_left(&r));
        bundle_writer_add(w, slice_from_text(name), bytes);
        if (name == names[1])
            *policy = bytes;
    }
    ensure(bundle_writer_finish(w) == STATUS_OK);
    size_t bytes = (size_t)bundle_writer_bytes(w);
    bundle_writer_destroy(w);
    uint8_t *copy = malloc(bytes);
    ensure(copy && pread(fd, copy, bytes, 0) == (ssize_t)bytes);
    return slice_make(copy, bytes);
}

static void verify(struct slice archive, const struct policy *policy)
{
    struct bundle_request request = {.policy = policy, .on_record = on_record};
    struct bundle_result result;
    struct problem problem;
    whole = &archive;
    if (bundle_verify(archive, &request, &result, &problem) == STATUS_OK)
        ensure_within(result.custody.folder, archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct slice policy_text;
    struct policy *policy = NULL;
    if (fd < 0)
        fd = memfd_create("bundle", MFD_CLOEXEC);
    ensure(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    struct slice archive = make(slice_make(data, size), fd, &policy_text);
    if (policy_parse(policy_text, &policy, NULL) == STATUS_OK) {
        verify(archive, policy);
        verify(slice_make(data, size), policy); /* as an archive itself */
    }
    policy_destroy(policy);
    free((void *)(uintptr_t)archive.data);
    return 0;
}
