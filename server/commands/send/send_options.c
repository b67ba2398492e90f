/* send_options.c: reads the command line of `vsocd send`. Main thread. */
#include "server/commands/send/send_options.h"
#include "core/log/problem.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/writer.h"
#include "core/vin.h"
#include "server/files/trusted_file.h"

/* Below the default limits.body_bytes (8 MiB) even if it does not compress. */
#define BATCH_BYTES  ((size_t)4 << 20)
#define BATCH_EVENTS 10000

enum option_id {
    OPTION_URL = 256,
    OPTION_FORMAT,
    OPTION_FRAMING,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_CA,
    OPTION_TOKEN,
    OPTION_TOKEN_FILE,
    OPTION_ACK,
    OPTION_VEHICLE,
    OPTION_ENCODING,
    OPTION_BATCH_BYTES,
    OPTION_BATCH_EVENTS,
};

static const struct option option_table[] = {
    {"url", required_argument, NULL, OPTION_URL},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"framing", required_argument, NULL, OPTION_FRAMING},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"ca", required_argument, NULL, OPTION_CA},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
    {"ack", required_argument, NULL, OPTION_ACK},
    {"vehicle", required_argument, NULL, OPTION_VEHICLE},
    {"encoding", required_argument, NULL, OPTION_ENCODING},
    {"batch-bytes", required_argument, NULL, OPTION_BATCH_BYTES},
    {"batch-events", required_argument, NULL, OPTION_BATCH_EVENTS},
    {NULL, 0, NULL, 0},
};

static bool wrong(const char *what, const char *value)
{
    fprintf(stderr, "vsocd send: %s '%s'\n", what, value);
    return false;
}

/* Words for a path or header: no byte that could end them. */
static bool is_word(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
    return n > 0 && !text[n];
}

static bool read_number(const char *text, size_t most, size_t *out)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || v < 1 || v > most)
        return wrong("not a number in range:", text);
    *out = (size_t)v;
    return true;
}

static bool read_url(const char *text, struct send_options *o)
{
    struct problem problem;
    if (http_url_parse(text, &o->url, &problem) == STATUS_OK)
        return true;
    fprintf(stderr, "vsocd send: --url '%s': %s\n", text, problem.text);
    return false;
}

static bool read_framing(const char *text, struct send_options *o)
{
    o->framing = text;
    o->prefix = !strcmp(text, "u16")   ? SPLIT_PREFIX_U16
                : !strcmp(text, "u32") ? SPLIT_PREFIX_U32
                                       : SPLIT_PREFIX_NONE;
    return o->prefix != SPLIT_PREFIX_NONE || !strcmp(text, "none") ||
           wrong("--framing is none, u16 or u32, not", text);
}

static bool read_encoding(const char *text, struct send_options *o)
{
    return (inflate_coding_parse(slice_from_text(text), &o->coding) == STATUS_OK &&
            o->coding != INFLATE_DEFLATE) ||
           wrong("--encoding is gzip, zstd or identity, not", text);
}

/* RFC 6750 §2.1 b64token: nothing that could end a header. */
static bool read_token(const char *text, struct send_options *o)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    o->token = text;
    if (*text && !text[strspn(text, allowed)])
        return true;
    fputs(
        "vsocd send: the token is empty or has a character that is not allowed in a bearer token\n",
        stderr);
    return false;
}

static bool read_token_file(const char *path, struct send_options *o)
{
    struct writer text;
    struct problem problem;
    enum status s = trusted_file_read(path, TRUSTED_SECRET, &text, &problem);
    if (s != STATUS_OK) {
        fprintf(stderr, "vsocd send: --token-file: '%s' %s\n", path, problem.text);
    } else {
        size_t most = sizeof o->token_text - 1, size = text.size < most ? text.size : most;
        memcpy(o->token_text, text.data ? text.data : (const uint8_t *)"", size);
        o->token_text[size] = '\0';
        o->token_text[strcspn(o->token_text, "\r\n")] = '\0';
    }
    if (text.data)
        explicit_bzero(text.data, text.size);
    writer_fini(&text);
    return s == STATUS_OK && read_token(o->token_text, o);
}

static bool read_option(int id, const char *text, struct send_options *o)
{
    switch (id) {
    case OPTION_URL:
        return read_url(text, o);
    case OPTION_FORMAT:
        o->format = text;
        return is_word(text) || wrong("--format is a name that `vsocd formats` lists, not", text);
    case OPTION_FRAMING:
        return read_framing(text, o);
    case OPTION_CERT:
        o->certificate = text;
        return true;
    case OPTION_KEY:
        o->key = text;
        return true;
    case OPTION_CA:
        o->ca = text;
        return true;
    case OPTION_TOKEN:
        return read_token(text, o);
    case OPTION_TOKEN_FILE:
        return read_token_file(text, o);
    case OPTION_ACK:
        o->ack = text;
        return is_word(text) || wrong("--ack is spool, kafka, postgres or all, not", text);
    case OPTION_VEHICLE:
        o->vehicle = text;
        return vin_is_valid(slice_from_text(text)) || wrong("not a VIN:", text);
    case OPTION_ENCODING:
        return read_encoding(text, o);
    case OPTION_BATCH_BYTES:
        return read_number(text, (size_t)1 << 30, &o->batch_bytes);
    case OPTION_BATCH_EVENTS:
        return read_number(text, 16777214, &o->batch_events);
    default:
        return false;
    }
}

/* A URL without a path means the ingest route. */
static void complete_path(struct send_options *o)
{
    bool plain = !strcmp(o->url.path, "/v1/events") || !strcmp(o->url.path, "/v1/events/");
    if (strcmp(o->url.path, "/") != 0 && !(plain && o->format))
        return;
    snprintf(o->url.path, sizeof o->url.path, "/v1/events%s%s", o->format ? "/" : "",
             o->format ? o->format : "");
}

enum status send_options_parse(int argc, char **argv, struct send_options *out)
{
    *out = (struct send_options){
        .coding = INFLATE_GZIP, .batch_bytes = BATCH_BYTES, .batch_events = BATCH_EVENTS};
    optind = 0; /* glibc: start over, also when another getopt ran before */
    for (int id; (id = getopt_long(argc, argv, "", option_table, NULL)) != -1;)
        if (!read_option(id, optarg ? optarg : "", out))
            return STATUS_MALFORMED;
    if (!out->url.host[0] || optind >= argc) {
        fputs("vsocd send: --url and at least one file are required\n", stderr);
        return STATUS_MALFORMED;
    }
    if (!out->url.tls && (out->certificate || out->key || out->ca)) {
        fputs("vsocd send: --cert, --key and --ca require an https:// URL\n", stderr);
        return STATUS_MALFORMED;
    }
    complete_path(out);
    out->files = argv + optind;
    out->file_count = argc - optind;
    return STATUS_OK;
}
