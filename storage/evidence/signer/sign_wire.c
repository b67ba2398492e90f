/* sign_wire.c: the texts between server and signer. Any thread. Opens no sockets. */
#include "storage/evidence/signer/sign_wire.h"

#include "core/base64.h"
#include "core/utf8.h"

static const char *const words[] = {
    [SIGN_ANSWER_KEY] = "key ",       [SIGN_ANSWER_SIGNATURE] = "signature ",
    [SIGN_ANSWER_SIZE] = "size ",     [SIGN_ANSWER_REFUSED] = "refused ",
    [SIGN_ANSWER_FAILED] = "failed ",
};

/* Decimal digits without leading zeros. */
static bool read_size(struct slice text, uint64_t *out)
{
    uint64_t n = 0;
    if (!text.size || text.size > 19 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = n;
    return true;
}

static bool read_signature(struct slice text, uint8_t signature[64])
{
    uint8_t room[128];
    struct slice bytes;
    if (text.size != 88 || base64_decode(text, room, &bytes) != STATUS_OK || bytes.size != 64)
        return false;
    memcpy(signature, bytes.data, 64);
    return true;
}

static bool read_value(struct slice value, struct sign_answer *answer)
{
    if (answer->kind == SIGN_ANSWER_SIZE)
        return read_size(value, &answer->size);
    if (answer->kind == SIGN_ANSWER_SIGNATURE)
        return read_signature(value, answer->signature);
    answer->text = value;
    return value.size && !slice_find_byte(value, '\n') && utf8_check(value) == STATUS_OK;
}

enum status sign_answer_parse(struct slice bytes, struct sign_answer *answer)
{
    if (!bytes.size || bytes.size > SIGN_WIRE_TEXT_MAX || bytes.data[bytes.size - 1] != '\n')
        return STATUS_MALFORMED;
    bytes.size--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct sign_answer read = {.kind = (enum sign_answer_kind)i};
        size_t skip = strlen(words[i]);
        if (!slice_starts_with(bytes, words[i]))
            continue;
        if (!read_value(slice_sub(bytes, skip, bytes.size), &read))
            return STATUS_MALFORMED;
        *answer = read;
        return STATUS_OK;
    }
    return STATUS_MALFORMED;
}

void sign_answer_write(struct writer *w, const struct sign_answer *answer)
{
    writer_text(w, words[answer->kind]);
    if (answer->kind == SIGN_ANSWER_SIZE)
        writer_format(w, "%llu", (unsigned long long)answer->size);
    else if (answer->kind == SIGN_ANSWER_SIGNATURE)
        writer_base64(w, slice_make(answer->signature, sizeof answer->signature));
    else
        writer_add_slice(w, answer->text);
    writer_text(w, "\n");
}
