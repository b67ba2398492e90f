/* admin_catalog.c: GET /api/v1/catalog/unknown: which catalogue is in force and which ids arrived
 * without a row in it. Main thread's loop. */
#include "server/daemon/app_internal.h"

#include <time.h>

#include "core/clock.h"
#include "core/reasons/refusal.h"

#define ROUTE      "/api/v1/catalog/unknown"
#define BODY_LIMIT ((size_t)16 << 20)

static void write_time(struct writer *w, int64_t ns)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)(ns / NS_PER_S);
    if (gmtime_r(&seconds, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        writer_json_string(w, slice_from_text(text));
    else
        writer_text(w, "null");
}

static void write_files(struct writer *w, const struct catalog_set *set)
{
    for (size_t i = 0; i < set->file_count; i++) {
        writer_text(w, i ? ",\n  {\"path\":" : "\n  {\"path\":");
        writer_json_string(w, slice_from_text(set->files[i].path));
        writer_text(w, ",\"sha256\":\"");
        writer_hex(w, slice_make(set->files[i].sha256, SHA256_BYTES));
        writer_text(w, "\"}");
    }
}

static void write_ids(struct writer *w, const struct catalog_unknown_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct catalog_unknown_item *item = &list->items[i];
        writer_text(w, i ? ",\n  {\"tenant\":" : "\n  {\"tenant\":");
        writer_json_string(w, item->tenant);
        writer_text(w, ",\"format\":");
        writer_json_string(w, item->format);
        writer_text(w, ",\"id\":");
        writer_json_string(w, item->id);
        writer_format(w, ",\"count\":%llu,\"error\":%llu}", (unsigned long long)item->count,
                      (unsigned long long)item->error);
    }
}

static void write_page(struct writer *w, const struct catalog_set *set,
                       const struct catalog_unknown_list *list)
{
    writer_text(w, "{\"since\":");
    write_time(w, set->loaded_ns);
    writer_format(w, ",\"rows\":%zu,\"files\":[", catalog_count(set->catalog));
    write_files(w, set);
    writer_format(w, "],\n \"events\":%llu,\"others_at_most\":%llu,\"ids\":[",
                  (unsigned long long)list->total, (unsigned long long)list->others_at_most);
    write_ids(w, list);
    writer_text(w, "]}\n");
}

void admin_unknown_ids(struct app *app, struct http_exchange *x)
{
    struct catalog_unknown *tables[APP_WORKERS_MAX];
    struct catalog_unknown_list list;
    struct refusal refusal;
    struct writer w;
    for (size_t i = 0; i < app->worker_count; i++)
        tables[i] = worker_unknown_ids(app->workers[i]);
    if (catalog_unknown_list(tables, app->worker_count, &list) != STATUS_OK) {
        refusal_set(&refusal, REFUSAL_memory);
        http_problem(x, &refusal, ROUTE);
        return;
    }
    writer_init(&w, BODY_LIMIT);
    write_page(&w, app->catalog, &list);
    http_reply(x, 200, "application/json", writer_slice(&w), NULL, 0, ROUTE);
    writer_fini(&w);
    catalog_unknown_list_fini(&list);
}
