/* floor_sync: what the disk costs at least. Writes N bytes and calls fdatasync, again and again, in
 * a preallocated file, as the spool's writer does with a group of batches. One thread. It measures
 * no program of ours. */
#include "fleet_histogram.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 64, BYTES_MAX = 64 << 20, FILE_BYTES_MIN = 256 << 20 };

struct options {
    const char *folder;
    uint64_t bytes, blocks;
    double seconds;
    bool written;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A file of `size` bytes. The first write into preallocated blocks changes the file's metadata, and
 * its fdatasync pays for that; blocks that were written once are free of it. */
static bool prepare(int fd, const char *block, uint64_t bytes, uint64_t size, bool written)
{
    if (!written)
        return posix_fallocate(fd, 0, (off_t)size) == 0 && fsync(fd) == 0;
    for (uint64_t at = 0; at < size; at += bytes) {
        if (pwrite(fd, block, bytes, (off_t)at) != (ssize_t)bytes)
            return false;
    }
    return fsync(fd) == 0;
}

static bool measure(int fd, const char *block, const struct options *options, uint64_t slots,
                    struct fleet_histogram *times)
{
    uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(options->seconds * 1e9);
    for (uint64_t i = 0; i < options->blocks; i++) {
        uint64_t start = clock_ns(CLOCK_MONOTONIC);
        off_t at = (off_t)(i % slots * options->bytes);
        if (start > deadline || (!options->written && i == slots))
            break;
        if (pwrite(fd, block, options->bytes, at) != (ssize_t)options->bytes || fdatasync(fd) != 0)
            return false;
        fleet_histogram_add(times, clock_ns(CLOCK_MONOTONIC) - start);
    }
    return times->count > 0;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option NAMES[] = {
        {"folder", required_argument, NULL, 'f'}, {"bytes", required_argument, NULL, 'b'},
        {"blocks", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 's'},
        {"written", no_argument, NULL, 'n'},      {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", NAMES, NULL)) != -1) {
        if (name == 'f')
            options->folder = optarg;
        else if (name == 'b')
            options->bytes = strtoull(optarg, NULL, 10);
        else if (name == 'c')
            options->blocks = strtoull(optarg, NULL, 10);
        else if (name == 's')
            options->seconds = strtod(optarg, NULL);
        else if (name == 'n')
            options->written = true;
        else
            return false;
    }
    return optind == argc && options->bytes > 0 && options->bytes <= BYTES_MAX &&
           options->blocks > 0 && options->seconds > 0 && options->seconds <= 3600;
}

static void print_json(const struct options *options, const struct fleet_histogram *times,
                       double seconds, double cpu)
{
    uint64_t blocks = times->count;
    printf("{\"events\":%" PRIu64
           ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes_written\":%" PRIu64,
           blocks, seconds, cpu, blocks * options->bytes);
    printf(",\"syncs\":%" PRIu64 ",\"block_bytes\":%" PRIu64 ",\"syncs_per_second\":%.1f", blocks,
           options->bytes, (double)blocks / seconds);
    printf(",\"latency_ms\":{\"p50\":%.4f,\"p99\":%.4f,\"p99_9\":%.4f,\"max\":%.4f}}\n",
           (double)fleet_histogram_at(times, 0.5) / 1e6,
           (double)fleet_histogram_at(times, 0.99) / 1e6,
           (double)fleet_histogram_at(times, 0.999) / 1e6, (double)times->max / 1e6);
}

int main(int argc, char **argv)
{
    struct options options = {.folder = ".", .bytes = 65536, .blocks = UINT64_MAX, .seconds = 2};
    static struct fleet_histogram times;
    char path[4096];
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: floor_sync [--folder DIR] [--bytes N (up to 67108864)] [--blocks N] "
                "[--seconds N (up to 3600)] [--written]\n");
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "%s/floor_sync.XXXXXX", options.folder);
    uint64_t slots = (FILE_BYTES_MIN + options.bytes - 1) / options.bytes;
    char *block = malloc(options.bytes);
    int fd = mkstemp(path);
    if (block == NULL || fd < 0) {
        fprintf(stderr, "floor_sync: %s: %s\n", options.folder, strerror(errno));
        return EXIT_FAILURE;
    }
    unlink(path);
    memset(block, 'x', options.bytes);
    bool good = prepare(fd, block, options.bytes, slots * options.bytes, options.written);
    uint64_t start = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    good = good && measure(fd, block, &options, slots, &times);
    if (good)
        print_json(&options, &times, (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9,
                   (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9);
    else
        fprintf(stderr, "floor_sync: %s: %s\n", options.folder, strerror(errno));
    close(fd);
    free(block);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
