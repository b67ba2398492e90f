/* sign_server.c: the process that holds the signing key: takes requests, decides, signs. Main
 * thread. It believes nothing of the server: what it may sign follows from its own state alone. */
#include "storage/evidence/signer/sign_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/disk/fault.h"
#include "storage/evidence/signer/sign_channel.h"
#include "storage/evidence/signer/sign_judge.h"
#include "storage/evidence/signer/sign_wire.h"

#define LOG_COMPONENT "signer"
#include "core/log/log.h"

static void answer_text(struct writer *out, enum sign_answer_kind kind, const char *text)
{
    const struct sign_answer answer = {.kind = kind, .text = slice_from_text(text)};
    sign_answer_write(out, &answer);
}

static void answer_key(const struct sign_server *server, struct writer *out)
{
    struct writer key;
    writer_init(&key, SIGN_WIRE_TEXT_MAX);
    note_verifier_write(&key, server->key.verifier);
    const struct sign_answer answer = {.kind = SIGN_ANSWER_KEY, .text = writer_slice(&key)};
    sign_answer_write(out, &answer);
    writer_fini(&key);
}

/* The state is durable before there is a signature. */
static enum status advance_and_sign(const struct sign_server *server,
                                    const struct add_checkpoint *request,
                                    const struct sign_head *next, struct sign_answer *answer,
                                    struct problem *problem)
{
    const struct sign_head *last = sign_state_head(server->state);
    enum status status = STATUS_OK;
    if (next->size != last->size)
        status = sign_state_advance(server->state, next, problem);
    fault_point(signer_head_durable);
    if (status == STATUS_OK) {
        status = server->key.sign(server->key.arg, request->note, answer->signature);
        problem_say(problem, "the key can't be used: %s", status_text(status));
    }
    fault_point(signer_signed);
    return status;
}

static void answer_head(const struct sign_server *server, const struct add_checkpoint *request,
                        struct writer *out)
{
    struct problem problem = {""};
    struct sign_head next;
    const struct sign_head *last = sign_state_head(server->state);
    struct sign_answer answer = {.kind = SIGN_ANSWER_SIGNATURE, .size = last->size};
    struct slice origin = slice_from_text(server->key.verifier->name);
    enum status status = sign_judge(origin, last, request, &next, &problem);
    if (status == STATUS_CONFLICT) {
        answer.kind = SIGN_ANSWER_SIZE;
    } else if (status != STATUS_OK) {
        log_error("a head is refused", LOG_TEXT("problem", problem.text));
        answer.kind = SIGN_ANSWER_REFUSED;
    } else if (advance_and_sign(server, request, &next, &answer, &problem) != STATUS_OK) {
        log_error("a head can't be signed", LOG_TEXT("problem", problem.text));
        answer.kind = SIGN_ANSWER_FAILED;
    }
    answer.text = slice_from_text(problem.text);
    sign_answer_write(out, &answer);
}

void sign_server_answer(const struct sign_server *server, struct slice request, struct writer *out)
{
    struct add_checkpoint head;
    if (slice_equal_text(request, SIGN_WIRE_KEY))
        answer_key(server, out);
    else if (add_checkpoint_parse(request, &head) != STATUS_OK)
        answer_text(out, SIGN_ANSWER_REFUSED, "the request can't be read");
    else
        answer_head(server, &head, out);
}

static bool is_allowed(const struct sign_server *server, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    for (size_t i = 0; i < server->peer_count; i++)
        if (server->peers[i] == peer.uid)
            return true;
    log_warn("a process of another user asked and was refused", LOG_U64("uid", peer.uid),
             LOG_I64("pid", peer.pid));
    return false;
}

/* What a stranger has sent, and nobody reads: with it in the socket, the close would reset the
 * connection before the answer is read. No more comes from now on. Waits for nothing. */
static void drop_input(int fd)
{
    uint8_t dropped[4096];
    (void)shutdown(fd, SHUT_RD);
    for (int i = 0; i < 16 && recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) > 0; i++)
        ;
}

static void serve_one(const struct sign_server *server, int fd)
{
    struct writer request, answer;
    int64_t end_ns = sign_channel_end_ns();
    writer_init(&request, SIGN_WIRE_TEXT_MAX);
    writer_init(&answer, SIGN_WIRE_TEXT_MAX);
    enum status status = STATUS_OK;
    if (is_allowed(server, fd)) {
        status = sign_channel_receive(fd, &request, end_ns);
        if (status == STATUS_OK)
            sign_server_answer(server, writer_slice(&request), &answer);
    } else {
        answer_text(&answer, SIGN_ANSWER_REFUSED, "this user may not ask (--peer)");
        drop_input(fd);
    }
    if (status == STATUS_OK)
        status = answer.status;
    if (status == STATUS_OK)
        status = sign_channel_send(fd, writer_slice(&answer), end_ns);
    if (status != STATUS_OK && status != STATUS_CLOSED)
        log_warn("a request was not answered", LOG_STATUS(status));
    writer_fini(&request);
    writer_fini(&answer);
}

void sign_server_run(const struct sign_server *server, int listen_fd, int stop_fd)
{
    struct pollfd waits[] = {{.fd = stop_fd, .events = POLLIN},
                             {.fd = listen_fd, .events = POLLIN}};
    for (;;) {
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return;
        if (waits[0].revents)
            return;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            continue;
        serve_one(server, fd);
        close(fd);
    }
}
