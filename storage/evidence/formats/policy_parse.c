/* policy_parse.c: a policy file becomes a policy. Pure, any thread. */
#include "storage/evidence/formats/policy_state.h"

#include <stdlib.h>

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

static enum status parse_log(struct policy *policy, char *rest)
{
    const char *key = next_word(&rest);
    struct note_verifier v;
    next_word(&rest); /* URL: nothing here talks to the log */
    if (!key || next_word(&rest))
        return STATUS_MALFORMED;
    if (policy->logs == POLICY_LOGS_MAX)
        return STATUS_TOO_MANY;
    enum status s = note_verifier_parse(slice_from_text(key), &v);
    if (s != STATUS_OK)
        return s;
    if (v.algorithm == NOTE_COSIGNATURE)
        return STATUS_UNSUPPORTED; /* a witness's */
    for (size_t i = 0; i < policy->logs; i++)
        if (is_same_key(&v, &policy->log[i]))
            return STATUS_CONFLICT;
    policy->log[policy->logs++] = v;
    return STATUS_OK;
}

static enum status parse_witness(struct policy *policy, char *rest)
{
    const char *name = next_word(&rest), *key = next_word(&rest), *url = next_word(&rest);
    struct note_verifier v;
    if (!key || next_word(&rest))
        return STATUS_MALFORMED;
    if (policy->witnesses == POLICY_WITNESSES_MAX)
        return STATUS_TOO_MANY;
    enum status s = note_verifier_parse(slice_from_text(key), &v);
    if (s != STATUS_OK)
        return s;
    if (v.algorithm == NOTE_ED25519)
        return STATUS_UNSUPPORTED; /* a log's */
    for (size_t i = 0; i < policy->witnesses; i++)
        if (is_same_key(&v, &policy->witness[i].verifier))
            return STATUS_CONFLICT;
    if (!may_define(policy, name))
        return STATUS_CONFLICT;
    policy->witness[policy->witnesses++] = (struct policy_witness){name, url, v};
    return STATUS_OK;
}

static enum status add_member(struct policy *policy, const char *name, struct policy_group *group)
{
    struct policy_set found;
    if (!find_name(policy, name, &found))
        return STATUS_NOT_FOUND;
    if ((found.witnesses & policy->members.witnesses) || (found.groups & policy->members.groups))
        return STATUS_CONFLICT; /* a member once, so that each witness counts in one way */
    policy->members.witnesses |= found.witnesses;
    policy->members.groups |= found.groups;
    group->members.witnesses |= found.witnesses;
    group->members.groups |= found.groups;
    return STATUS_OK;
}

static enum status parse_group(struct policy *policy, char *rest)
{
    struct policy_group group = {.name = next_word(&rest)};
    const char *needed = next_word(&rest), *member;
    uint64_t count = 0, number;
    if (!needed)
        return STATUS_MALFORMED;
    if (policy->groups == POLICY_GROUPS_MAX)
        return STATUS_TOO_MANY;
    if (!may_define(policy, group.name))
        return STATUS_CONFLICT;
    for (; (member = next_word(&rest)) != NULL; count++) {
        enum status s = add_member(policy, member, &group);
        if (s != STATUS_OK)
            return s;
    }
    if (strcmp(needed, "all") == 0)
        number = count;
    else if (strcmp(needed, "any") == 0)
        number = 1;
    else if (!note_text_number(slice_from_text(needed), count, &number))
        return STATUS_MALFORMED;
    if (!count || !number)
        return STATUS_MALFORMED;
    group.needed = (unsigned)number;
    policy->group[policy->groups++] = group;
    return STATUS_OK;
}

static enum status parse_quorum(struct policy *policy, char *rest)
{
    const char *name = next_word(&rest);
    if (!name || next_word(&rest))
        return STATUS_MALFORMED;
    if (policy->has_quorum)
        return STATUS_CONFLICT;
    policy->has_quorum = true;
    if (strcmp(name, "none") == 0)
        return STATUS_OK;
    return find_name(policy, name, &policy->quorum) ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status parse_line(struct policy *policy, char *line)
{
    const char *word = next_word(&line);
    if (!word || word[0] == '#')
        return STATUS_OK;
    if (strcmp(word, "log") == 0)
        return parse_log(policy, line);
    if (strcmp(word, "witness") == 0)
        return parse_witness(policy, line);
    if (strcmp(word, "group") == 0)
        return parse_group(policy, line);
    if (strcmp(word, "quorum") == 0)
        return parse_quorum(policy, line);
    return STATUS_MALFORMED;
}

/* Octets that the format allows. */
static bool is_allowed(uint8_t c)
{
    return c == '\t' || c == '\n' || (c >= 0x20 && c != 0x7F);
}

static enum status check_octets(struct slice text, size_t *line)
{
    if (text.size > POLICY_BYTES_MAX)
        return STATUS_TOO_LARGE;
    *line = 1;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_allowed(text.data[i]))
            return STATUS_MALFORMED;
        *line += text.data[i] == '\n';
    }
    return STATUS_OK;
}

static enum status parse_lines(struct policy *policy, size_t *line)
{
    enum status s = STATUS_OK;
    char *rest = policy->text;
    for (*line = 1; s == STATUS_OK && *rest; (*line)++) {
        char *start = rest, *end = rest + strcspn(rest, "\n");
        rest = *end ? end + 1 : end;
        *end = 0;
        s = parse_line(policy, start);
        if (s != STATUS_OK)
            return s;
    }
    *line = 0;
    return policy->has_quorum ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status policy_parse(struct slice text, struct policy **policy, size_t *line)
{
    size_t at = 0;
    struct policy *made = NULL;
    enum status s = check_octets(text, &at);
    if (s == STATUS_TOO_LARGE)
        at = 0;
    if (s == STATUS_OK) {
        at = 0;
        made = calloc(1, sizeof *made);
        if (!made || !(made->text = calloc(1, text.size + 1)))
            s = STATUS_NO_MEMORY;
    }
    if (s == STATUS_OK) {
        if (text.size)
            memcpy(made->text, text.data, text.size);
        s = parse_lines(made, &at);
    }
    if (line)
        *line = at;
    if (s == STATUS_OK)
        *policy = made;
    else
        policy_destroy(made);
    return s;
}
