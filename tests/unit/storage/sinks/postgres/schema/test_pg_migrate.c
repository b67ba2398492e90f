/* test_pg_migrate.c: the migrations in the program against the event model and their folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/writer.h"
#include "storage/sinks/postgres/schema/pg_migrate.h"
#include "storage/sinks/postgres/pg_tables.h"

/* All migrations, one after the other, NUL-terminated; the caller frees. */
static char *all_sql(void)
{
    size_t count, size = 0;
    const struct pg_migration *m = pg_migrations(&count);
    char *text = NULL;
    for (size_t i = 0; i < count; i++) {
        text = realloc(text, size + *m[i].sql_size + 1);
        memcpy(text + size, m[i].sql, *m[i].sql_size);
        size += *m[i].sql_size;
    }
    text[size] = '\0';
    return text;
}

static void versions_count_up_and_names_carry_them(void **state)
{
    (void)state;
    size_t count;
    const struct pg_migration *m = pg_migrations(&count);
    for (size_t i = 0; i < count; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "%03u_", m[i].version);
        assert_int_equal(m[i].version, i + 1);
        assert_int_equal(strncmp(m[i].name, prefix, 4), 0);
        assert_true(*m[i].sql_size > 0);
    }
    assert_int_equal(pg_migrate_latest(), count);
}

/* Column definitions of CREATE TABLE vsoc.events, then of each ALTER TABLE … ADD COLUMN,
 * as "name type[ NOT NULL]". */
static size_t read_columns(char *sql, char lines[][256], size_t most)
{
    size_t n = 0;
    char *table = strstr(sql, "CREATE TABLE vsoc.events (");
    assert_non_null(table);
    char *end = strstr(table, "PRIMARY KEY");
    for (char *p = strchr(table, '\n') + 1; p < end && n < most; p = strchr(p, '\n') + 1) {
        char name[128], type[64];
        if (sscanf(p, " %127s %63[^,\n ]", name, type) != 2 || strcmp(name, "PRIMARY") == 0)
            break;
        size_t length = strcspn(p, ",\n");
        bool required = memmem(p, length, "NOT NULL", 8) != NULL;
        snprintf(lines[n++], 256, "%s %s%s", name, type, required ? " NOT NULL" : "");
    }
    /* From migration 15 on, columns are added at the parent. */
    static const char *const add[] = {"ALTER TABLE vsoc.events ADD COLUMN ",
                                      "ALTER TABLE vsoc.tenant_events ADD COLUMN "};
    for (size_t i = 0; i < 2; i++) {
        for (char *p = sql; (p = strstr(p, add[i])) && n < most; p++) {
            const char *column = p + strlen(add[i]);
            snprintf(lines[n++], 256, "%.*s", (int)strcspn(column, ";\n"), column);
        }
    }
    return n;
}

static void columns_of_events_are_those_of_the_event_model(void **state)
{
    (void)state;
    static char lines[EVENT_FIELD_COUNT + 8][256];
    char *sql = all_sql();
    size_t count = read_columns(sql, lines, EVENT_FIELD_COUNT + 8);
    for (size_t i = 0; i < count && i < EVENT_FIELD_COUNT; i++) {
        const struct event_field_info *f = &event_field_table[i];
        char expected[256];
        snprintf(expected, sizeof expected, "%s %s%s", f->name, f->sql,
                 f->required ? " NOT NULL" : "");
        assert_string_equal(lines[i], expected);
    }
    assert_int_equal(count, EVENT_FIELD_COUNT);
    free(sql);
}

static void comments_of_events_are_the_help_of_the_event_model(void **state)
{
    (void)state;
    char *sql = all_sql();
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        struct writer w;
        writer_init(&w, 4096);
        writer_format(&w, "COMMENT ON COLUMN vsoc.events.%s IS '", event_field_table[i].name);
        for (const char *p = event_field_table[i].help; *p; p++) {
            if (*p == '\'')
                writer_u8(&w, '\'');
            writer_u8(&w, (uint8_t)*p);
        }
        writer_bytes(&w, "';\n", 4);
        if (!strstr(sql, (const char *)w.data))
            fail_msg("missing or different: %s", (const char *)w.data);
        writer_fini(&w);
    }
    free(sql);
}

static void copy_names_every_column_once_in_order(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1 << 16);
    pg_table_write_copy(&w, PG_TABLE_EVENTS, false, NULL);
    assert_int_equal(w.status, STATUS_OK);
    char *list = strchr((char *)w.data, '(') + 1;
    *strchr(list, ')') = '\0';
    char *rest, *name = strtok_r(list, ",", &rest);
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++, name = strtok_r(NULL, ",", &rest))
        assert_string_equal(name, event_field_table[i].name);
    assert_null(name);
    writer_fini(&w);
}

static void copy_names_the_columns_that_are_asked_for(void **state)
{
    (void)state;
    struct writer w;
    struct pg_columns columns;
    writer_init(&w, 1 << 16);
    pg_columns_init(&columns);
    pg_table_write_copy(&w, PG_TABLE_EVENTS, false, &columns);
    assert_int_equal(w.status, STATUS_OK);
    char *list = strchr((char *)w.data, '(') + 1;
    *strchr(list, ')') = '\0';
    char *rest, *name = strtok_r(list, ",", &rest);
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        if (!event_field_table[i].required)
            continue;
        assert_string_equal(name, event_field_table[i].name);
        name = strtok_r(NULL, ",", &rest);
    }
    assert_null(name);
    writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_count_up_and_names_carry_them),
        cmocka_unit_test(columns_of_events_are_those_of_the_event_model),
        cmocka_unit_test(comments_of_events_are_the_help_of_the_event_model),
        cmocka_unit_test(copy_names_every_column_once_in_order),
        cmocka_unit_test(copy_names_the_columns_that_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
