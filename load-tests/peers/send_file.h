/* The file of prepared bytes that peer_send sends. */
#ifndef LOAD_TESTS_PEERS_SEND_FILE_H
#define LOAD_TESTS_PEERS_SEND_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One batch: a whole HTTP request, or a piece of a stream that ends with an event. */
struct send_body {
    const char *bytes;
    size_t size;
    uint32_t events;
};

struct send_file {
    struct send_body *bodies;
    size_t count; /* at least 1 */
};

/* Maps the file: batches one behind the other, each two little-endian uint32 (bytes, events) and
 * the bytes. False with a line on stderr when it cannot be read or is not such a file. The mapping
 * and `bodies` live until the program ends. Thread: any. */
__attribute__((warn_unused_result)) bool send_file_open(const char *path, struct send_file *file);

#endif
