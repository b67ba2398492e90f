/* policy_parse.c: a policy file becomes a policy. Pure, any thread. */
#include "storage/evidence/formats/policy_state.h"

#include <stdlib.h>

#include "core/utf8.h"
#include "storage/evidence/formats/note_text.h"

_Static_assert(POLICY_WITNESSES_MAX <= 64 && POLICY_GROUPS_MAX <= 64, "sets are 64 bits");

/* The next word of a line, ended with NUL; NULL: there is none. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, " \t");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t");
    *line = end;
    if (*end) {
        *end = 0;
        *line = end + 1;
    }
    return word;
}

static bool is_same_key(const struct note_verifier *a, const struct note_verifier *b)
{
    return a->key_bytes == b->key_bytes && memcmp(a->key, b->key, a->key_bytes) == 0;
}

/* Finds what a name stands for; false: it is not defined yet. */
static bool find_name(const struct policy *policy, const char *name, struct policy_set *found)
{
    for (size_t i = 0; i < policy->witnesses; i++)
        if (strcmp(policy->witness[i].name, name) == 0) {
            *found = (struct policy_set){UINT64_C(1) << i, 0};
            return true;
        }
    for (size_t i = 0; i < policy->groups; i++)
        if (strcmp(policy->group[i].name, name) == 0) {
            *found = (struct policy_set){0, UINT64_C(1) << i};
            return true;
        }
    return false;
}

static bool may_define(const struct policy *policy, const char *name)
{
    struct policy_set found;
    return strcmp(name, "none") != 0 && !find_name(policy, name, &found);
}

/* Why a line is refused goes to *why with the status. */
static enum status refuse(const char **why, enum status status, const char *text)
{
    *why = text;
    return status;
}

static const char *key_fault(enum status status)
{
    switch (status) {
    case STATUS_CONFLICT:
        return "the key's id (the 8 digits) does not fit its name and key: copy the whole key "
               "again";
    case STATUS_UNSUPPORTED:
        return "this kind of key is not known";
    default:
        return "not a verifier key: NAME+ID+KEY, as head.vkey has it";
    }
}

static enum status parse_log(struct policy *policy, char *rest, const char **why)
{
    const char *key = next_word(&rest);
    struct note_verifier v;
    next_word(&rest); /* URL: nothing here talks to the log */
    if (!key || next_word(&rest))
        return refuse(why, STATUS_MALFORMED, "a log is `log KEY` or `log KEY URL`");
    if (policy->logs == POLICY_LOGS_MAX)
        return refuse(why, STATUS_TOO_MANY, "there are too many logs");
    enum status s = note_verifier_parse(slice_from_text(key), &v);
    if (s != STATUS_OK)
        return refuse(why, s, key_fault(s));
    if (v.algorithm == NOTE_COSIGNATURE)
        return refuse(why, STATUS_UNSUPPORTED, "this is the key of a witness, not of a log");
    for (size_t i = 0; i < policy->logs; i++)
        if (is_same_key(&v, &policy->log[i]))
            return refuse(why, STATUS_CONFLICT, "a log before has the same key");
    policy->log[policy->logs++] = v;
    return STATUS_OK;
}

#define NAME_FAULT                                                                                 \
    "a witness or group before has this name, or it is `none`: each name is defined once"

static enum status parse_witness(struct policy *policy, char *rest, const char **why)
{
    const char *name = next_word(&rest), *key = next_word(&rest), *url = next_word(&rest);
    struct note_verifier v;
    if (!key || next_word(&rest))
        return refuse(why, STATUS_MALFORMED, "a witness is `witness NAME KEY` and may have a URL");
    if (policy->witnesses == POLICY_WITNESSES_MAX)
        return refuse(why, STATUS_TOO_MANY, "there are too many witnesses");
    enum status s = note_verifier_parse(slice_from_text(key), &v);
    if (s != STATUS_OK)
        return refuse(why, s, key_fault(s));
    if (v.algorithm == NOTE_ED25519)
        return refuse(why, STATUS_UNSUPPORTED, "this is the key of a log, not of a witness");
    for (size_t i = 0; i < policy->witnesses; i++)
        if (is_same_key(&v, &policy->witness[i].verifier))
            return refuse(why, STATUS_CONFLICT, "a witness before has the same key");
    if (!may_define(policy, name))
        return refuse(why, STATUS_CONFLICT, NAME_FAULT);
    policy->witness[policy->witnesses++] = (struct policy_witness){name, url, v};
    return STATUS_OK;
}

static enum status add_member(struct policy *policy, const char *name, struct policy_group *group,
                              const char **why)
{
    struct policy_set found;
    if (!find_name(policy, name, &found))
        return refuse(why, STATUS_NOT_FOUND,
                      "a member is no witness or group of a line before this one");
    if ((found.witnesses & policy->members.witnesses) || (found.groups & policy->members.groups))
        return refuse(why, STATUS_CONFLICT, /* so that each witness counts in one way */
                      "a member is in a group already: each is a member once");
    policy->members.witnesses |= found.witnesses;
    policy->members.groups |= found.groups;
    group->members.witnesses |= found.witnesses;
    group->members.groups |= found.groups;
    return STATUS_OK;
}

#define GROUP_FORM                                                                                 \
    "a group is `group NAME NUMBER MEMBER...`, with `any`, `all` or 1 to the count of members"

static enum status parse_group(struct policy *policy, char *rest, const char **why)
{
    struct policy_group group = {.name = next_word(&rest)};
    const char *needed = next_word(&rest), *member;
    uint64_t count = 0, number;
    if (!needed)
        return refuse(why, STATUS_MALFORMED, GROUP_FORM);
    if (policy->groups == POLICY_GROUPS_MAX)
        return refuse(why, STATUS_TOO_MANY, "there are too many groups");
    if (!may_define(policy, group.name))
        return refuse(why, STATUS_CONFLICT, NAME_FAULT);
    for (; (member = next_word(&rest)) != NULL; count++) {
        enum status s = add_member(policy, member, &group, why);
        if (s != STATUS_OK)
            return s;
    }
    if (strcmp(needed, "all") == 0)
        number = count;
    else if (strcmp(needed, "any") == 0)
        number = 1;
    else if (!note_text_number(slice_from_text(needed), count, &number))
        number = 0;
    if (!count || !number)
        return refuse(why, STATUS_MALFORMED, GROUP_FORM);
    group.needed = (unsigned)number;
    policy->group[policy->groups++] = group;
    return STATUS_OK;
}

static enum status parse_quorum(struct policy *policy, char *rest, const char **why)
{
    const char *name = next_word(&rest);
    if (!name || next_word(&rest))
        return refuse(why, STATUS_MALFORMED, "a quorum is `quorum NAME` or `quorum none`");
    if (policy->has_quorum)
        return refuse(why, STATUS_CONFLICT, "there is a second line `quorum`");
    policy->has_quorum = true;
    if (strcmp(name, "none") == 0 || find_name(policy, name, &policy->quorum))
        return STATUS_OK;
    return refuse(why, STATUS_NOT_FOUND,
                  "the quorum is no witness or group of a line before this one");
}

static enum status parse_line(struct policy *policy, char *line, const char **why)
{
    struct slice whole = slice_from_text(line);
    const char *word = line + strspn(line, " \t");
    if (!*word || word[0] == '#')
        return STATUS_OK;
    if (note_has_space(whole))
        return refuse(why, STATUS_MALFORMED, "a space that is neither U+0020 nor a tab");
    if (strchr(word, '#'))
        return refuse(why, STATUS_MALFORMED,
                      "a `#` within a line: comments are lines of their own");
    word = next_word(&line);
    if (strcmp(word, "log") == 0)
        return parse_log(policy, line, why);
    if (strcmp(word, "witness") == 0)
        return parse_witness(policy, line, why);
    if (strcmp(word, "group") == 0)
        return parse_group(policy, line, why);
    if (strcmp(word, "quorum") == 0)
        return parse_quorum(policy, line, why);
    return refuse(why, STATUS_MALFORMED,
                  "not a line of a policy: log, witness, group, quorum or #");
}

/* Octets that the format allows. */
static bool is_allowed(uint8_t c)
{
    return c == '\t' || c == '\n' || (c >= 0x20 && c != 0x7F);
}

static enum status check_octets(struct slice text, struct policy_fault *fault)
{
    if (text.size > POLICY_BYTES_MAX)
        return refuse(&fault->why, STATUS_TOO_LARGE, "it is too large");
    size_t line = 1;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_allowed(text.data[i])) {
            fault->line = line;
            return refuse(&fault->why, STATUS_MALFORMED,
                          text.data[i] == '\r' ? "a carriage return: lines end with LF alone"
                                               : "a control character");
        }
        line += text.data[i] == '\n';
    }
    return utf8_check(text) == STATUS_OK
               ? STATUS_OK
               : refuse(&fault->why, STATUS_INVALID_UTF8, "it is not UTF-8");
}

static enum status parse_lines(struct policy *policy, struct policy_fault *fault)
{
    char *rest = policy->text;
    for (size_t line = 1; *rest; line++) {
        char *start = rest, *end = rest + strcspn(rest, "\n");
        rest = *end ? end + 1 : end;
        *end = 0;
        enum status s = parse_line(policy, start, &fault->why);
        if (s != STATUS_OK) {
            fault->line = line;
            return s;
        }
    }
    return policy->has_quorum
               ? STATUS_OK
               : refuse(&fault->why, STATUS_NOT_FOUND,
                        "no line `quorum`: add `quorum NAME`, or `quorum none` for a log without "
                        "witnesses");
}

enum status policy_parse(struct slice text, struct policy **policy, struct policy_fault *fault)
{
    struct policy_fault found = {0, ""};
    struct policy *made = NULL;
    enum status s = check_octets(text, &found);
    if (s == STATUS_OK) {
        made = calloc(1, sizeof *made);
        if (!made || !(made->text = calloc(1, text.size + 1)))
            s = refuse(&found.why, STATUS_NO_MEMORY, "the program has no memory left");
    }
    if (s == STATUS_OK) {
        if (text.size)
            memcpy(made->text, text.data, text.size);
        s = parse_lines(made, &found);
    }
    if (fault)
        *fault = found;
    if (s == STATUS_OK)
        *policy = made;
    else
        policy_destroy(made);
    return s;
}

void policy_fault_write(struct writer *w, const struct policy_fault *fault)
{
    if (fault->line)
        writer_format(w, "line %zu: ", fault->line);
    writer_text(w, fault->why);
}
