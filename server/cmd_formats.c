/* cmd_formats.c: `vsocd formats`: lists the parsers. Runs on the main thread. */
#include "server/command.h"

#include <stdio.h>
#include <string.h>

#include "core/writer.h"
#include "parsers/registry.h"

static const char *framing_name(enum parser_framing framing)
{
    switch (framing) {
    case PARSER_FRAMING_JSON:
        return "json";
    case PARSER_FRAMING_LINES:
        return "lines";
    case PARSER_FRAMING_STREAM:
        return "stream";
    case PARSER_FRAMING_BODY:
        break;
    }
    return "body";
}

static void print_text(const struct parser *p)
{
    printf("%-10s %-8s %s\n", p->name, p->version, p->description);
    printf("%-10s %-8s ", "", "");
    for (const char *const *type = p->content_types; type && *type; type++)
        printf("%s, ", *type);
    printf("POST /v1/events/%s%s\n", p->name, p->probe ? ", guessed" : "");
}

static void write_json(struct writer *w, const struct parser *p)
{
    writer_text(w, "{\"name\":");
    writer_json_string(w, slice_from_text(p->name));
    writer_text(w, ",\"version\":");
    writer_json_string(w, slice_from_text(p->version));
    writer_text(w, ",\"description\":");
    writer_json_string(w, slice_from_text(p->description));
    writer_text(w, ",\"framing\":");
    writer_json_string(w, slice_from_text(framing_name(p->framing)));
    writer_format(w, ",\"probed\":%s,\"content_types\":[", p->probe ? "true" : "false");
    for (const char *const *type = p->content_types; type && *type; type++) {
        if (type != p->content_types)
            writer_u8(w, ',');
        writer_json_string(w, slice_from_text(*type));
    }
    writer_text(w, "]}\n");
}

int cmd_formats(int argc, char **argv)
{
    bool json = argc == 2 && !strcmp(argv[1], "--json");
    if (argc > 1 && !json)
        return command_usage("formats");
    struct registry *registry = registry_create();
    if (!registry)
        return EXIT_FAILED;
    struct writer w;
    writer_init(&w, (size_t)1 << 20);
    for (size_t i = 0; i < registry_count(registry); i++) {
        if (json)
            write_json(&w, registry_at(registry, i));
        else
            print_text(registry_at(registry, i));
    }
    if (w.size)
        fwrite(w.data, 1, w.size, stdout);
    writer_fini(&w);
    registry_destroy(registry);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
