/* send_options.h: the command line of `vsocd send`. Thread: main. */
#ifndef VSOC_SERVER_SEND_OPTIONS_H
#define VSOC_SERVER_SEND_OPTIONS_H

#include "parsers/engine/split.h"
#include "server/client/http_client.h"
#include "server/inflate/inflate.h"

struct send_options {
    struct http_url url;
    const char *format;  /* NULL: the server guesses */
    const char *framing; /* NULL: none */
    enum split_prefix prefix;
    const char *certificate, *key, *ca;
    const char *token;   /* bearer token; NULL: none */
    const char *ack;     /* NULL: spool */
    const char *vehicle; /* VSOC-Vehicle; NULL: none */
    enum inflate_coding coding;
    size_t batch_bytes, batch_events;
    char token_text[512]; /* what token points to when it came from a file */
    char **files;         /* "-": standard input */
    int file_count;
};

/* Fills *out, which must not move. argv[0] is the subcommand's name. MALFORMED, after a sentence on
 * stderr. */
enum status send_options_parse(int argc, char **argv, struct send_options *out) must_check;

#endif
