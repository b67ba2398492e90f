/* count_locks.c: LD_PRELOAD library: counts the mutexes that the program's own code locks on
 * threads whose name starts with $COUNT_LOCKS_THREAD, by the place of the call. At exit it writes a
 * line "OFFSET COUNT" for each place to $COUNT_LOCKS. Calls of libraries are not counted. Any
 * thread. */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define PLACES 1024

static int (*real_lock)(pthread_mutex_t *lock);
static uintptr_t base, end; /* of the program */
static char thread_name[16];
static size_t thread_name_size;
static struct {
    atomic_uintptr_t offset; /* 0: free */
    atomic_ulong count;
} places[PLACES];

static int find_program(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t behind = base + part->p_vaddr + part->p_memsz;
        if (part->p_type == PT_LOAD && behind > end)
            end = behind;
    }
    return 1; /* the program is the first */
}

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("COUNT_LOCKS_THREAD");
    snprintf(thread_name, sizeof thread_name, "%s", name ? name : "");
    thread_name_size = strlen(thread_name);
    dl_iterate_phdr(find_program, NULL);
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
}

__attribute__((destructor)) static void write_counts(void)
{
    const char *path = getenv("COUNT_LOCKS");
    FILE *out = path ? fopen(path, "w") : NULL;
    for (size_t i = 0; out && i < PLACES; i++)
        if (places[i].offset)
            fprintf(out, "%zx %lu\n", (size_t)places[i].offset, (unsigned long)places[i].count);
    if (out)
        fclose(out);
}

static void count(uintptr_t offset)
{
    for (size_t i = offset % PLACES;; i = (i + 1) % PLACES) {
        uintptr_t there = 0;
        if (atomic_compare_exchange_strong(&places[i].offset, &there, offset) || there == offset) {
            atomic_fetch_add(&places[i].count, 1);
            return;
        }
    }
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    char name[16] = "";
    if (!real_lock)
        *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    if (caller > base && caller < end && prctl(PR_GET_NAME, name) == 0 && thread_name_size &&
        strncmp(name, thread_name, thread_name_size) == 0)
        count(caller - base - 1); /* of the call, not behind it */
    return real_lock(lock);
}
