/* file_watch.c: polls files with stat. Main thread. Does not read them. */
#include "server/files/file_watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"

static struct file_mark look_at(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct file_mark){0};
    return (struct file_mark){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .modified_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec,
        .changed_ns = (int64_t)st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec,
    };
}

static bool is_same(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static const struct file_watched *find(const struct file_watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->count; i++)
        if (!strcmp(watch->items[i].path, path))
            return &watch->items[i];
    return NULL;
}

void file_watch_set(struct file_watch *watch, const char *const *paths, size_t count)
{
    static struct file_watch before;
    before = *watch;
    watch->count = 0;
    for (size_t i = 0; i < count && watch->count < FILE_WATCH_MAX; i++) {
        if (!paths[i])
            continue;
        struct file_watched *item = &watch->items[watch->count++];
        const struct file_watched *old = find(&before, paths[i]);
        snprintf(item->path, sizeof item->path, "%s", paths[i]);
        item->taken = item->seen = look_at(paths[i]);
        if (old) {
            item->taken = old->taken;
            item->seen = old->seen;
        }
    }
}

const char *file_watch_look(struct file_watch *watch)
{
    const char *changed = NULL;
    bool settled = true;
    for (size_t i = 0; i < watch->count; i++) {
        struct file_watched *item = &watch->items[i];
        struct file_mark now = look_at(item->path);
        settled &= is_same(&now, &item->seen);
        item->seen = now;
        if (!is_same(&now, &item->taken))
            changed = item->path;
    }
    if (!changed || !settled)
        return NULL;
    for (size_t i = 0; i < watch->count; i++)
        watch->items[i].taken = watch->items[i].seen;
    return changed;
}

void file_watch_take(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        watch->items[i].taken = watch->items[i].seen = look_at(watch->items[i].path);
}
