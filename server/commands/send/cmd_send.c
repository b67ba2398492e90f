/* cmd_send.c: `vsocd send`: posts files as batches until each is acknowledged. Main thread.
 * send_split.c cuts batches, send_report.c reads reports. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/problem.h"
#include "core/hash.h"
#include "core/writer.h"
#include "parsers/registry/registry.h"
#include "server/commands/command.h"
#include "server/inflate/deflate.h"
#include "server/client/http_client.h"
#include "server/commands/send/send_options.h"
#include "server/commands/send/send_report.h"
#include "server/commands/send/send_split.h"

#define TIMEOUT_MS     60000
#define BACKOFF_MIN_MS 500u
#define BACKOFF_MAX_MS 30000u
#define BODY_MAX       ((size_t)2 << 30)
#define BAR_WIDTH      30
/* Interval of progress lines without a terminal. */
#define PROGRESS_LINE_NS (5 * NS_PER_S)

struct sender {
    struct send_options options;
    struct http_client *client;
    struct registry *registry;
    struct send_totals totals;
    struct writer brackets, body;
    uint64_t bytes_all, bytes_done;
    int64_t progress_ns; /* when the last line of progress was due */
    bool terminal;
    bool stopped; /* no further batch can be sent: the reason is among the errors */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* The first Ctrl-C or SIGTERM ends the run with its totals, the second one immediately. */
static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
        fputs("vsocd send: signals can't be caught; Ctrl-C prints no totals\n", stderr);
}

static void show_progress_line(struct sender *s, unsigned percent)
{
    int64_t now = clock_monotonic_ns();
    if (now - s->progress_ns < PROGRESS_LINE_NS)
        return;
    s->progress_ns = now;
    fprintf(stderr, "vsocd send: %u %%, %" PRIu64 " batches, %" PRIu64 " events accepted\n",
            percent, s->totals.batches, s->totals.accepted);
}

static void show_progress(struct sender *s, const char *note)
{
    char bar[BAR_WIDTH + 1];
    uint64_t all = s->bytes_all ? s->bytes_all : 1;
    if (!s->terminal) {
        show_progress_line(s, (unsigned)(s->bytes_done * 100 / all));
        return;
    }
    size_t full = (size_t)(s->bytes_done * BAR_WIDTH / all);
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3u %%  %" PRIu64 " batches, %" PRIu64 " events accepted%s%.60s",
            bar, (unsigned)(s->bytes_done * 100 / all), s->totals.batches, s->totals.accepted,
            *note ? "; " : "", note);
}

static void clear_progress(const struct sender *s)
{
    if (s->terminal)
        fputs("\r\033[K", stderr);
}

/* Waits as long as the server requests, otherwise with exponential backoff; adds up to one half, so
 * that many senders do not retry at the same time. */
static void wait_before_retry(struct sender *s, unsigned attempt, unsigned retry_after_s,
                              const char *why)
{
    uint32_t dice;
    char note[PROBLEM_BYTES + 32];
    unsigned ms = BACKOFF_MIN_MS << (attempt < 6 ? attempt : 6);
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    if (retry_after_s)
        ms = (retry_after_s < 3600 ? retry_after_s : 3600) * 1000;
    random_bytes(&dice, sizeof dice);
    ms += dice % (ms / 2 + 1);
    if (s->terminal) {
        snprintf(note, sizeof note, "again in %u s: %s", ms / 1000 + 1, why);
        show_progress(s, note);
    } else {
        fprintf(stderr, "vsocd send: %s; again in %u ms\n", why, ms);
    }
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (!interrupted && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* The same batch may be accepted later. */
static bool is_transient(const struct http_reply_seen *reply)
{
    static const char reused[] = "\"key_reused\"";
    int status = reply->status;
    if (status == 409) /* in progress, unless the key belongs to another batch */
        return !memmem(reply->body.data, reply->body.size, reused, sizeof reused - 1);
    return status == 408 || status == 425 || status == 429 || status == 500 ||
           (status >= 502 && status <= 504);
}

/* No batch will be accepted: the credentials or the URL are wrong. */
static bool is_hopeless(int status)
{
    return status == 401 || status == 403 || status == 404 || status == 405;
}

/* Headers of a batch. The key is derived from the content, so that the server recognises a batch
 * that is sent again, also by a later run. */
static void write_headers(const struct sender *s, struct writer *out)
{
    uint8_t digest[SHA256_BYTES];
    const struct send_options *o = &s->options;
    struct sha256 *hash = sha256_create();
    writer_format(out, "Content-Type: application/octet-stream%s%s\r\n",
                  o->framing ? "; framing=" : "", o->framing ? o->framing : "");
    if (o->coding != INFLATE_IDENTITY)
        writer_format(out, "Content-Encoding: %s\r\n", inflate_coding_name(o->coding));
    if (o->token)
        writer_format(out, "Authorization: Bearer %s\r\n", o->token);
    if (o->vehicle)
        writer_format(out, "VSOC-Vehicle: %s\r\n", o->vehicle);
    if (o->ack)
        writer_format(out, "VSOC-Ack: %s\r\n", o->ack);
    if (hash) {
        sha256_start(hash);
        sha256_update(hash, slice_from_text(o->url.path));
        sha256_update(hash, slice_from_text(o->vehicle));
        sha256_update(hash, writer_slice(&s->body));
        sha256_finish(hash, digest);
        writer_text(out, "Idempotency-Key: ");
        writer_hex(out, slice_make(digest, sizeof digest));
        writer_text(out, "\r\n");
        sha256_destroy(hash);
    }
    writer_u8(out, 0);
}

/* Processes an answer. True: this batch is finished, successfully or not. */
static bool settle(struct sender *s, const struct http_reply_seen *reply, const char *file,
                   size_t offset)
{
    if ((reply->status == 200 || reply->status == 422) &&
        send_totals_add(&s->totals, reply->body, file, offset, s->options.ack) == STATUS_OK)
        return true;
    if (is_transient(reply))
        return false;
    send_totals_refused(&s->totals, reply->status, reply->body, file, offset);
    s->stopped = is_hopeless(reply->status);
    return true;
}

/* Why the batch is sent again. */
static void say_transient(struct sender *s, const struct http_reply_seen *reply,
                          struct problem *problem)
{
    char words[224];
    send_totals_reason(&s->totals, reply->body, words, sizeof words);
    problem_say(problem, "the server answers %d%s%s", reply->status, *words ? " " : "", words);
}

static void post(struct sender *s, const char *headers, const char *file, size_t offset)
{
    struct problem problem;
    for (unsigned attempt = 0;; attempt++) {
        struct http_reply_seen reply = {0};
        enum status status = http_client_request(s->client, "POST", s->options.url.path, headers,
                                                 writer_slice(&s->body), &reply, &problem);
        if (status == STATUS_OK && settle(s, &reply, file, offset))
            return;
        if (status == STATUS_OK) {
            say_transient(s, &reply, &problem);
        } else if (status == STATUS_REFUSED || status == STATUS_MALFORMED) {
            send_totals_error(&s->totals, "%s", problem.text);
            s->totals.failed++;
            s->stopped = true;
            return;
        }
        if (!interrupted)
            wait_before_retry(s, attempt, reply.retry_after_s, problem.text);
        if (interrupted) {
            s->totals.unknown++;
            s->stopped = true;
            return;
        }
    }
}

static void send_piece(struct sender *s, const struct send_piece *piece, const char *file)
{
    struct slice plain = send_piece_body(piece, &s->brackets);
    struct writer headers;
    writer_init(&headers, 4096);
    enum status status = deflate_body(s->options.coding, plain, &s->body);
    write_headers(s, &headers);
    if (status == STATUS_OK)
        status = headers.status;
    if (status == STATUS_OK) {
        post(s, (const char *)headers.data, file, piece->offset);
    } else {
        send_totals_error(&s->totals, "%s: %s", file, status_text(status));
        s->totals.failed++;
    }
    writer_fini(&headers);
}

static enum parser_framing framing_of(const struct sender *s, struct slice bytes)
{
    const char *format = s->options.format;
    const struct parser *p = format ? registry_by_name(s->registry, slice_from_text(format))
                                    : registry_probe(s->registry, slice_sub(bytes, 0, 4096));
    if (p)
        return p->framing;
    /* A format that only the server knows: cut text at line ends, send anything else as one batch.
     */
    return format || memchr(bytes.data, 0, bytes.size) ? PARSER_FRAMING_STREAM
                                                       : PARSER_FRAMING_LINES;
}

static void send_bytes(struct sender *s, struct slice bytes, const char *file)
{
    struct send_split split;
    struct send_piece piece;
    uint64_t before = s->bytes_done;
    if (!bytes.size)
        return;
    send_split_init(&split, bytes, framing_of(s, bytes), s->options.prefix, s->options.batch_bytes,
                    s->options.batch_events);
    while (!s->stopped && send_split_next(&split, &piece) == STATUS_OK) {
        send_piece(s, &piece, file);
        s->bytes_done = before + piece.offset + piece.bytes.size;
        show_progress(s, "");
        s->stopped = s->stopped || interrupted;
    }
    s->bytes_done = before + bytes.size;
    show_progress(s, "");
}

/* Standard input as a file without a name, or -1 and errno. */
static int open_stdin_copy(struct sender *s)
{
    static uint8_t bytes[65536];
    FILE *copy = tmpfile();
    if (!copy)
        return -1;
    ssize_t n = 0;
    while (!interrupted && (n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        if (fwrite(bytes, 1, (size_t)n, copy) != (size_t)n)
            break;
    int fd = n == 0 && fflush(copy) == 0 ? dup(fileno(copy)) : -1;
    int error = interrupted ? EINTR : n > 0 ? ENOSPC : errno;
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0)
        s->bytes_all += (uint64_t)st.st_size;
    fclose(copy);
    errno = error;
    return fd;
}

/* Maps a file, so that one larger than memory can be sent too. */
static bool send_file(struct sender *s, const char *path)
{
    struct stat st;
    int fd = strcmp(path, "-") == 0 ? open_stdin_copy(s) : open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (regular && st.st_size > 0)
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (bytes != MAP_FAILED) {
        send_bytes(s, slice_make(bytes, (size_t)st.st_size), path);
        munmap(bytes, (size_t)st.st_size);
        return true;
    }
    if (regular && st.st_size == 0)
        return true;
    send_totals_error(&s->totals, "%s: %s", path,
                      fd >= 0 && !regular ? "is not a regular file" : strerror(error));
    return false;
}

static int run(struct sender *s)
{
    bool good = true;
    struct stat st;
    catch_interrupts();
    s->progress_ns = clock_monotonic_ns();
    for (int i = 0; i < s->options.file_count; i++)
        if (stat(s->options.files[i], &st) == 0 && S_ISREG(st.st_mode))
            s->bytes_all += (uint64_t)st.st_size;
    show_progress(s, "");
    for (int i = 0; i < s->options.file_count && !s->stopped; i++)
        good = send_file(s, s->options.files[i]) && good;
    clear_progress(s);
    send_totals_print(&s->totals);
    good = good && !interrupted && !s->totals.failed && !s->totals.quarantined && !s->totals.below;
    return good ? EXIT_DONE : EXIT_FAILED;
}

int cmd_send(int argc, char **argv)
{
    struct sender s = {.terminal = isatty(STDERR_FILENO)};
    struct problem problem = {"no memory"};
    int code = EXIT_FAILED;
    if (send_options_parse(argc, argv, &s.options) != STATUS_OK)
        return command_usage(argv[0]);
    const struct http_client_options client = {.url = &s.options.url,
                                               .certificate = s.options.certificate,
                                               .key = s.options.key,
                                               .ca = s.options.ca,
                                               .timeout_ms = TIMEOUT_MS};
    writer_init(&s.brackets, BODY_MAX);
    writer_init(&s.body, BODY_MAX);
    s.registry = registry_create();
    if (!s.registry || send_totals_init(&s.totals) != STATUS_OK ||
        http_client_create(&client, &s.client, &problem) != STATUS_OK)
        fprintf(stderr, "vsocd send: %s\n", problem.text);
    else
        code = run(&s);
    http_client_destroy(s.client);
    send_totals_fini(&s.totals);
    registry_destroy(s.registry);
    writer_fini(&s.brackets);
    writer_fini(&s.body);
    return code;
}
