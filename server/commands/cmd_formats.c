/* cmd_formats.c: `vsocd formats`: lists the parsers. Runs on the main thread. */
#include "server/commands/command.h"

#include <stdio.h>
#include <string.h>

#include "core/writer.h"
#include "server/commands/config_cli.h"
#include "server/plugins/plugins.h"

static const char *framing_name(enum parser_framing framing)
{
    switch (framing) {
    case PARSER_FRAMING_JSON:
        return "json";
    case PARSER_FRAMING_LINES:
        return "lines";
    case PARSER_FRAMING_STREAM:
        return "stream";
    case PARSER_FRAMING_SYSLOG:
        return "syslog";
    case PARSER_FRAMING_BODY:
        break;
    }
    return "body";
}

static void print_text(const struct parser *p, const char *file)
{
    printf("%-10s %-8s %s\n", p->name, p->version, p->description);
    printf("%-10s %-8s ", "", "");
    for (const char *const *type = p->content_types; type && *type; type++)
        printf("%s, ", *type);
    printf("POST /v1/events/%s%s\n", p->name, p->probe ? ", guessed" : "");
    if (file)
        printf("%-10s %-8s plug-in %s\n", "", "", file);
}

static void write_json(struct writer *w, const struct parser *p, const char *file)
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
    writer_text(w, "],\"plugin\":");
    if (file)
        writer_json_string(w, slice_from_text(file));
    else
        writer_text(w, "null");
    writer_text(w, "}\n");
}

static int list(const struct plugins *plugins, bool json)
{
    struct writer w;
    writer_init(&w, (size_t)1 << 20);
    for (size_t i = 0; i < registry_count(plugins->registry); i++) {
        const struct parser *p = registry_at(plugins->registry, i);
        const char *file = plugins_file_of(plugins, p);
        if (json)
            write_json(&w, p, file);
        else
            print_text(p, file);
    }
    if (w.size)
        fwrite(w.data, 1, w.size, stdout);
    writer_fini(&w);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

int cmd_formats(int argc, char **argv)
{
    bool json = false;
    struct config_cli cli;
    struct config *config = NULL;
    struct plugins plugins;
    char reason[PLUGINS_REASON];
    const struct config_cli_option options[] = {{"--json", &json, NULL}, {NULL, NULL, NULL}};
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    int status = config_cli_load(argc, argv, &spec, &cli, &config);
    if (status != EXIT_DONE)
        return status;
    if (plugins_open_configured(config, &plugins, reason) == STATUS_OK) {
        status = list(&plugins, json);
        plugins_close(&plugins);
    } else {
        fprintf(stderr, "vsocd formats: %s\n", reason);
        status = EXIT_CONFIG;
    }
    config_destroy(config);
    return status;
}
