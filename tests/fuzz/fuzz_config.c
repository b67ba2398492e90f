/* fuzz_config.c: any bytes as a settings file and, behind NUL bytes, as --set texts. What must
 * hold: mistakes are told with a text, and settings that were taken print as a file that is taken
 * again and prints the same. */
#include <stdlib.h>

#include "core/writer.h"
#include "server/config/config.h"
#include "server/config/config_print.h"

#define SETS_MAX  16
#define PRINT_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count && i < 32; i++)
        if (!problems->items[i].text[0] || !problems->items[i].source[0])
            abort();
}

static void check_print(const struct config *config)
{
    static struct config_problems problems;
    struct writer first, second;
    struct config *again = NULL;
    writer_init(&first, PRINT_MAX);
    writer_init(&second, PRINT_MAX);
    config_print(config, &first);
    if (first.status != STATUS_OK)
        abort();
    if (config_from_text(writer_slice(&first), NULL, 0, &again, &problems) != STATUS_OK)
        abort();
    config_print(again, &second);
    if (!slice_equal(writer_slice(&first), writer_slice(&second)))
        abort();
    config_destroy(again);
    writer_fini(&first);
    writer_fini(&second);
}

/* The texts behind the first NUL; copy ends with one. */
static size_t find_sets(const char *copy, size_t size, const char **sets)
{
    size_t count = 0;
    for (size_t at = strlen(copy) + 1; at < size && count < SETS_MAX; at += strlen(copy + at) + 1)
        sets[count++] = copy + at;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_problems problems;
    const char *sets[SETS_MAX];
    struct config *config = NULL;
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    size_t count = find_sets(copy, size, sets);
    switch (config_from_text(slice_from_text(copy), sets, count, &config, &problems)) {
    case STATUS_OK:
        check_print(config);
        break;
    case STATUS_CONFIG:
        check_problems(&problems);
        break;
    default:
        break;
    }
    config_destroy(config);
    free(copy);
    return 0;
}
