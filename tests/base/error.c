#include "test.h"

#include "base/error.h"

static cr_status fails(struct cr_err *err)
{
    return cr_refuse(err, "8.2.6", "3.8", "SGP.22 5.6.3", "no order has MatchingID %s", "X");
}

static cr_status passes_on(struct cr_err *err)
{
    CR_TRY(CR_OK);
    CR_TRY(fails(err));
    return CR_INTERNAL;
}

static void said_once_and_added_to(void **state)
{
    (void)state;
    struct cr_err err = {0};
    assert_int_equal(passes_on(&err), CR_REFUSED);
    assert_int_equal(err.category, CR_REFUSED);
    assert_string_equal(err.subject, "8.2.6");
    assert_string_equal(err.reason, "3.8");
    assert_string_equal(err.clause, "SGP.22 5.6.3");
    assert_string_equal(err.cause, "no order has MatchingID X");
    assert_int_equal(cr_err_field(&err, CR_REFUSED, "matchingId"), CR_REFUSED);
    assert_int_equal(cr_err_code(&err, CR_REFUSED, 17), CR_REFUSED);
    assert_int_equal(cr_err_next(&err, CR_REFUSED, "order it: %s", "now"), CR_REFUSED);
    assert_int_equal(cr_err_context(&err, CR_REFUSED, "line %d", 3), CR_REFUSED);
    assert_string_equal(err.field, "matchingId");
    assert_int_equal(err.code, 17);
    assert_string_equal(err.next, "order it: now");
    assert_string_equal(err.cause, "line 3: no order has MatchingID X");
    assert_int_equal(cr_fail(&err, CR_MALFORMED, NULL, "again"), CR_MALFORMED);
    assert_string_equal(err.field, ""); /* nothing of the former error is left */
    assert_string_equal(err.next, "");
    assert_string_equal(err.clause, "");
    assert_int_equal(err.code, 0);
}

static void null_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(passes_on(NULL), CR_REFUSED);
    assert_int_equal(cr_fail_memory(NULL), CR_RESOURCE);
    assert_int_equal(cr_err_field(NULL, CR_REFUSED, "x"), CR_REFUSED);
    assert_int_equal(cr_err_code(NULL, CR_REFUSED, 1), CR_REFUSED);
    assert_int_equal(cr_err_next(NULL, CR_REFUSED, "x"), CR_REFUSED);
    assert_int_equal(cr_err_advise(NULL, CR_REFUSED, "x"), CR_REFUSED);
    struct cr_err bare;
    assert_int_equal(cr_fail(&bare, CR_RESOURCE, NULL, "x"), CR_RESOURCE);
    assert_int_equal(cr_err_advise(&bare, CR_RESOURCE, "first %d", 1), CR_RESOURCE);
    assert_string_equal(bare.next, "first 1");
    assert_int_equal(cr_err_advise(&bare, CR_RESOURCE, "second"), CR_RESOURCE);
    assert_string_equal(bare.next, "first 1");
    assert_int_equal(cr_err_context(NULL, CR_REFUSED, "x"), CR_REFUSED);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct cr_err err;
    assert_int_equal(cr_fail(&err, CR_MALFORMED, NULL, "%0500d", 1), CR_MALFORMED);
    assert_int_equal(strlen(err.cause), sizeof(err.cause) - 1);
    assert_int_equal(cr_err_context(&err, CR_MALFORMED, "%0100d", 1), CR_MALFORMED);
    assert_int_equal(strlen(err.cause), sizeof(err.cause) - 1);
    assert_int_equal(cr_err_context(&err, CR_MALFORMED, "%0500d", 1), CR_MALFORMED);
    assert_int_equal(strlen(err.cause), sizeof(err.cause) - 1);
    assert_int_equal(cr_err_field(&err, CR_MALFORMED, err.cause), CR_MALFORMED);
    assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
}

/* What a peer sends gets into messages: it must not steer the terminal or begin a line of a log. */
static void texts_of_peers_are_cleaned(void **state)
{
    (void)state;
    struct cr_err err;
    assert_int_equal(cr_fail(&err, CR_REFUSED, NULL, "name '%s'",
                             "a\nERROR b\x1B[2J\x7F\xC2\x9B"
                             "1m"),
                     CR_REFUSED);
    assert_string_equal(err.cause, "name 'a?ERROR b?[2J???1m'");
    assert_int_equal(cr_err_next(&err, CR_REFUSED, "%s", "x\ry"), CR_REFUSED);
    assert_string_equal(err.next, "x?y");
    assert_int_equal(cr_err_field(&err, CR_REFUSED, "f\t"), CR_REFUSED);
    assert_string_equal(err.field, "f?");
    assert_int_equal(cr_err_context(&err, CR_REFUSED, "\b%s", "p"), CR_REFUSED);
    assert_string_equal(err.cause, "?p: name 'a?ERROR b?[2J???1m'");
    assert_int_equal(cr_refuse(&err, "8.1", "6.1", NULL, "%s", "\xC3\xA4 \xE2\x82\xAC \xFF \xC3"),
                     CR_REFUSED);
    assert_string_equal(err.cause, "\xC3\xA4 \xE2\x82\xAC ? ?");
    /* a character that the buffer's end cuts in two is no UTF-8 any more */
    assert_int_equal(cr_fail(&err, CR_REFUSED, NULL, "%0254d\xC3\xA4", 1), CR_REFUSED);
    assert_int_equal(strlen(err.cause), sizeof(err.cause) - 1);
    assert_int_equal(err.cause[254], '?');
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(cr_status_name(CR_OK), "ok");
    assert_string_equal(cr_status_name(CR_REFUSED), "refused");
    assert_string_equal(cr_status_name(CR_MALFORMED), "malformed");
    assert_string_equal(cr_status_name(CR_RESOURCE), "resource");
    assert_string_equal(cr_status_name(CR_INTERNAL), "internal");
    assert_string_equal(cr_status_name((cr_status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(said_once_and_added_to),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(texts_of_peers_are_cleaned),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
