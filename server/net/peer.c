/* peer.c: copies the names of a peer into memory of just their size, because a server holds them
 * for every open connection. Any thread. */
#include "server/net/peer.h"

/* Block of the arena, and the rounding of each piece. */
#define ARENA_OVERHEAD 64
#ifdef VSOCD_SANITIZED
#define PIECE_OVERHEAD 64 /* a block for each */
#else
#define PIECE_OVERHEAD 16
#endif

static struct slice *texts_of(struct http_peer *peer, size_t i)
{
    struct slice *texts[] = {&peer->fingerprint, &peer->serial,     &peer->subject,  &peer->issuer,
                             &peer->issuer_key,  &peer->subject_cn, &peer->subject_o};
    return i < sizeof texts / sizeof *texts ? texts[i] : NULL;
}

static struct slice_list *lists_of(struct http_peer *peer, size_t i)
{
    struct slice_list *lists[] = {&peer->subject_cns, &peer->subject_os, &peer->san_uri,
                                  &peer->san_dns, &peer->other_names};
    return i < sizeof lists / sizeof *lists ? lists[i] : NULL;
}

static size_t bytes_of(struct http_peer *peer)
{
    size_t bytes = ARENA_OVERHEAD;
    const struct slice *text;
    const struct slice_list *list;
    for (size_t i = 0; (text = texts_of(peer, i)); i++)
        bytes += text->size + PIECE_OVERHEAD;
    for (size_t i = 0; (list = lists_of(peer, i)); i++) {
        bytes += list->count * sizeof *list->items + PIECE_OVERHEAD;
        for (size_t k = 0; k < list->count; k++)
            bytes += list->items[k].size + PIECE_OVERHEAD;
    }
    return bytes;
}

static bool copy_list(struct slice_list *list, struct arena *arena)
{
    struct slice *items = (struct slice *)arena_alloc(arena, list->count * sizeof *items);
    if (!items)
        return false;
    for (size_t k = 0; k < list->count; k++)
        if (arena_copy(arena, list->items[k], &items[k]) != STATUS_OK)
            return false;
    list->items = items;
    return true;
}

enum status http_peer_pack(struct http_peer *peer, struct arena *arena)
{
    struct slice *text;
    struct slice_list *list;
    arena_init(arena, bytes_of(peer));
    for (size_t i = 0; (text = texts_of(peer, i)); i++)
        if (text->size && arena_copy(arena, *text, text) != STATUS_OK)
            return STATUS_NO_MEMORY;
    for (size_t i = 0; (list = lists_of(peer, i)); i++)
        if (list->count && !copy_list(list, arena))
            return STATUS_NO_MEMORY;
    return STATUS_OK;
}
