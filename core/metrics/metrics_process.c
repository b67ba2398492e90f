/* metrics_process.c: the process_* families, read from /proc/self when asked. Thread: main. */
#include "core/metrics/metrics.h"
#include "core/metrics/metrics_table.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

/* Text of a /proc file into buffer, empty when it can't be read. */
static void read_proc(const char *path, char *buffer, size_t size)
{
    buffer[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    buffer[fread(buffer, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Number in field n of /proc/self/stat (proc(5) counts from 1; n > 2). The second one, the name,
 * may hold anything, so counting starts after its last parenthesis. */
static double stat_field(int n)
{
    char text[1024];
    read_proc("/proc/self/stat", text, sizeof text);
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < n; field++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    return at ? strtod(at, NULL) : 0;
}

static double boot_seconds(void)
{
    struct timespec wall, boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
}

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
    char text[256];
    read_proc("/proc/self/statm", text, sizeof text);
    const char *second = strchr(text, ' ');
    return second ? strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    double count = -1; /* the directory's own */
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static double max_fds(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

static void write_one(struct writer *out, enum metric_family family, double v)
{
    metrics_write_head(out, family);
    writer_format(out, "%s ", metric_family_table[family].name);
    writer_json_double(out, v);
    writer_u8(out, '\n');
}

void metrics_write_process(struct writer *out)
{
    static double start; /* read once: must not wander with the wall clock */
    if (start == 0)
        start = boot_seconds() + stat_field(22) / (double)sysconf(_SC_CLK_TCK);
    write_one(out, METRIC_process_cpu_seconds_total, cpu_seconds());
    write_one(out, METRIC_process_resident_memory_bytes, resident_bytes());
    write_one(out, METRIC_process_open_fds, open_fds());
    write_one(out, METRIC_process_max_fds, max_fds());
    write_one(out, METRIC_process_threads, stat_field(20));
    write_one(out, METRIC_process_start_time_seconds, start);
}
