/* test_config_mask.c: no way of writing a connection string shows its password. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/writer.h"
#include "server/config/config_mask.h"

static void assert_masked(const char *dsn, const char *expected)
{
    struct writer out;
    writer_init(&out, 4096);
    config_write_masked_dsn(dsn, &out);
    writer_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    writer_fini(&out);
}

static void keyword_strings_lose_their_passwords(void **state)
{
    (void)state;
    assert_masked("host=a dbname=b", "host=a dbname=b");
    assert_masked("", "");
    assert_masked("password=p", "password=****");
    assert_masked("host=a password=p dbname=b", "host=a password=**** dbname=b");
    assert_masked("host = a  password = 'p q' user=u", "host=a password=**** user=u");
    assert_masked("password='it\\'s mine' user='u v'", "password=**** user='u v'");
    assert_masked("password=a\\ b user=u", "password=**** user=u");
    assert_masked("password=p rest=q port=1", "password=**** ****=**** port=1");
    assert_masked("sslpassword=x SSLKEY=y passfile=z", "sslpassword=**** SSLKEY=**** passfile=z");
}

static void what_can_not_be_read_is_masked_whole(void **state)
{
    (void)state;
    assert_masked("password='never closed", "****");
    assert_masked("just some secret", "****");
    assert_masked("host=a =b", "****");
    assert_masked("host=a password='p\\'", "****");
}

static void uris_lose_their_passwords(void **state)
{
    (void)state;
    assert_masked("postgresql://h/d", "postgresql://h/d");
    assert_masked("postgres://u@h:5432/d", "postgres://u@h:5432/d");
    assert_masked("postgresql://u:p@h1:1,h2:2/d?a=b", "postgresql://u:****@h1:1,h2:2/d?a=b");
    assert_masked("postgresql://u:p@ss@w:rd/x@h/d", "postgresql://u:****@h/d");
    assert_masked("postgresql://u:p?q@h/d?x=y", "postgresql://u:****@h/d?x=y");
    assert_masked("postgresql://h/d?user=u&password=p&sslpassword=q&a",
                  "postgresql://h/d?user=u&password=****&sslpassword=****&****");
    assert_masked("postgresql://h:1/d?user=m@x&password=p&q=r",
                  "postgresql://h:****@x&password=****&****=****");
}

static void names_of_secrets_are_known(void **state)
{
    (void)state;
    const char *secret[] = {"sasl.password", "ssl.key.pem", "sasl.JAAS.config", "client_secret",
                            "ssl.keystore.location"};
    for (size_t i = 0; i < 5; i++)
        assert_true(config_name_is_secret(secret[i]));
    assert_false(config_name_is_secret("bootstrap.servers"));
    assert_false(config_name_is_secret("sasl.username"));
    assert_false(config_name_is_secret(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keyword_strings_lose_their_passwords),
        cmocka_unit_test(what_can_not_be_read_is_masked_whole),
        cmocka_unit_test(uris_lose_their_passwords),
        cmocka_unit_test(names_of_secrets_are_known),
    };
    return cmocka_run_group_tests_name("config_mask", tests, NULL, NULL);
}
