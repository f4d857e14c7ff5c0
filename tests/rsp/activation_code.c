/* Activation codes: SGP.22 4.1 and what users of other tools stumbled over. */
#include "common.h"

#include "rsp/activation_code.h"

#define TOKEN "04386-AGYFT-A74Y8-3F815"

static bool parse(cr_arena *a, const char *text, struct rsp_activation_code *out,
                  struct cr_err *err)
{
    cr_status status = rsp_activation_code_parse(cr_span_str(text), a, out, err);
    assert_true(status == CR_OK || (status == CR_MALFORMED && err->cause[0] && err->field[0]));
    return status == CR_OK;
}

static void assert_code(const char *text, const char *address, const char *token, const char *oid,
                        bool flag)
{
    cr_arena a = {0};
    struct rsp_activation_code c;
    struct cr_err err = {0};
    if (!parse(&a, text, &c, &err)) {
        fail_msg("%s: %s", text, err.cause);
    }
    assert_span_text(c.smdp_address, address);
    assert_span_text(c.matching_id, token);
    assert_int_equal(cr_span_present(c.smdp_oid), oid != NULL);
    if (oid) {
        assert_span_text(c.smdp_oid, oid);
    }
    assert_int_equal(c.confirmation_code_required, flag);
    cr_arena_free(&a);
}

static void valid_codes(void **state)
{
    (void)state;
    const char *host = "SMDP.EXAMPLE.COM";
    const char *oid = "1.3.6.1.4.1.31746";
    /* examples of the standard */
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN, host, TOKEN, NULL, false);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$$1", host, TOKEN, NULL, true);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$1.3.6.1.4.1.31746$1", host, TOKEN, oid, true);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$1.3.6.1.4.1.31746", host, TOKEN, oid, false);
    assert_code("1$SMDP.EXAMPLE.COM$$1.3.6.1.4.1.31746", host, "", oid, false);
    /* prefix in any case, white space around, trailing empty fields */
    assert_code("LPA:1$SMDP.EXAMPLE.COM$" TOKEN "$$1", host, TOKEN, NULL, true);
    assert_code(" lpa:1$SMDP.EXAMPLE.COM$" TOKEN "\n", host, TOKEN, NULL, false);
    assert_code("Lpa: 1 $ SMDP.EXAMPLE.COM $ " TOKEN " $ $ 1 ", host, TOKEN, NULL, true);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$", host, TOKEN, NULL, false);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$$", host, TOKEN, NULL, false);
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$$0", host, TOKEN, NULL, false);
    assert_code("1$SMDP.EXAMPLE.COM$", host, "", NULL, false);
    assert_code("1$SMDP.EXAMPLE.COM$$$1", host, "", NULL, true);
    /* more fields than we know */
    assert_code("1$SMDP.EXAMPLE.COM$" TOKEN "$$1$$$$later$still", host, TOKEN, NULL, true);
    /* test set-ups */
    assert_code("1$localhost:8443$EVENT_001", "localhost:8443", "EVENT_001", NULL, false);
    assert_code("1$127.0.0.1:1$x", "127.0.0.1:1", "x", NULL, false);
    assert_code("1$dp.test$A$2.999.10", "dp.test", "A", "2.999.10", false);
    /* carrier URLs */
    assert_code("https://esimsetup.example.com/esim_qrcode_provisioning?carddata="
                "LPA%3A1%24SMDP.EXAMPLE.COM%24" TOKEN "%24%241",
                host, TOKEN, NULL, true);
    assert_code("LPA%3a1%24SMDP.EXAMPLE.COM%24" TOKEN "%24%241", host, TOKEN, NULL, true);
    assert_code("LPA:1%24SMDP.EXAMPLE.COM%24" TOKEN, host, TOKEN, NULL, false);
    assert_code("HTTPS://x.y/z?a=b&carddata=1$SMDP.EXAMPLE.COM$" TOKEN "&c=d#e", host, TOKEN, NULL,
                false);
}

static void later_fields(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_activation_code c;
    struct cr_err err = {0};
    assert_true(parse(&a, "1$dp.test$A$$$F541-72BD$QUJD", &c, &err));
    assert_span_text(c.ci_pk_indicator, "F541-72BD");
    assert_span_text(c.delete_notification, "QUJD");
    assert_false(c.confirmation_code_required);
    assert_true(parse(&a, "1$dp.test$A", &c, &err));
    assert_false(cr_span_present(c.ci_pk_indicator) || cr_span_present(c.delete_notification));
    cr_arena_free(&a);
}

static void assert_bad(const char *text, const char *field, const char *cause)
{
    cr_arena a = {0};
    struct rsp_activation_code c = {.smdp_address = cr_span_str("untouched")};
    struct cr_err err = {0};
    if (parse(&a, text, &c, &err)) {
        fail_msg("accepted: %s", text);
    }
    assert_string_equal(err.field, field);
    if (!strstr(err.cause, cause)) {
        fail_msg("%s: %s", text, err.cause);
    }
    assert_span_text(c.smdp_address, "untouched");
    cr_arena_free(&a);
}

static void invalid_codes(void **state)
{
    (void)state;
    assert_bad("LPA:1%2", "Activation Code", "there is no '$'");
    assert_bad("2$dp.test$A", "AC_Format", "format 2 is not supported");
    assert_bad("LPA:2$dp.test$A", "AC_Format", "format 2 is not supported");
    assert_bad("3$dp.test$A", "AC_Format", "begins with 1$");
    assert_bad("$dp.test$A", "AC_Format", "begins with 1$");
    assert_bad("dp.test$A", "AC_Format", "begins with 1$");
    assert_bad("1$dp.test", "AC_Token", "ends after the address");
    assert_bad("1$$A", "SM-DP+ Address", "no SM-DP+ address");
    assert_bad("1$https://dp.test$A", "SM-DP+ Address", "http");
    assert_bad("1$dp.test/path$A", "SM-DP+ Address", "no host name");
    assert_bad("1$dp test$A", "SM-DP+ Address", "no host name");
    assert_bad("1$dp.test:$A", "SM-DP+ Address", "no host name");
    assert_bad("1$dp.test:123456$A", "SM-DP+ Address", "no host name");
    assert_bad("1$:443$A", "SM-DP+ Address", "no host name");
    assert_bad("1$dp.test$A B", "AC_Token", "space");
    assert_bad("1$dp.test$A\x01", "AC_Token", "control character");
    assert_bad("1$dp.test$A\xFF", "AC_Token", "control character");
    assert_bad("1$dp.test$A$1", "SM-DP+ OID", "no OID"); /* the flag in the wrong place */
    assert_bad("1$dp.test$A$1.2.x$1", "SM-DP+ OID", "no OID");
    assert_bad("1$dp.test$A$$2", "Confirmation Code Required Flag", "neither 1 nor empty");
    assert_bad("1$dp.test$A$$yes", "Confirmation Code Required Flag", "neither 1 nor empty");
    assert_bad("1$dp.test$A$$1$xyz", "CI Public Key Indicator", "not hexadecimal");
    assert_bad("dp.test", "Activation Code", "there is no '$' in the activation code");
    assert_bad("LPA:1.test", "Activation Code", "there is no '$' in the activation code");
    assert_bad("", "Activation Code", "empty");
    assert_bad("LPA:", "Activation Code", "empty");
    assert_bad(" \n", "Activation Code", "empty");
    assert_bad("EID:89049032123451234512345678901235", "Activation Code", "EID of a device");
    assert_bad("https://dp.test/", "carddata", "web address");
    assert_bad("https://dp.test/?carddata=1%2", "carddata", "%");
    assert_bad("https://dp.test/?carddata=", "Activation Code", "empty");
    char longer[RSP_AC_MAX_TOTAL + 2];
    memset(longer, 'A', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_bad(longer, "Activation Code", "too long");
    memcpy(longer, "1$dp.test$", 10);
    longer[10 + RSP_MATCHING_ID_MAX + 1] = 0;
    assert_bad(longer, "AC_Token", "too long");
    cr_arena small = {.limit = 8};
    struct rsp_activation_code c;
    assert_int_equal(rsp_activation_code_parse(cr_span_str("1$dp.test$A"), &small, &c, NULL),
                     CR_RESOURCE);
    cr_arena_free(&small);
}

static void assert_built(const struct rsp_activation_code *c, bool prefix, const char *wanted)
{
    cr_buf out = {0};
    assert_int_equal(rsp_activation_code_build(c, prefix, &out, NULL), CR_OK);
    assert_string_equal(cr_buf_cstr(&out), wanted);
    cr_buf_free(&out);
}

static void building(void **state)
{
    (void)state;
    struct rsp_activation_code c = {.smdp_address = cr_span_str("dp.test"),
                                    .matching_id = cr_span_str("A-1")};
    assert_built(&c, false, "1$dp.test$A-1");
    assert_built(&c, true, "LPA:1$dp.test$A-1");
    c.confirmation_code_required = true;
    assert_built(&c, false, "1$dp.test$A-1$$1");
    c.smdp_oid = cr_span_str("2.999.10");
    assert_built(&c, false, "1$dp.test$A-1$2.999.10$1");
    c.confirmation_code_required = false;
    assert_built(&c, false, "1$dp.test$A-1$2.999.10");
    c.smdp_oid = (cr_span){0};
    c.matching_id = (cr_span){0};
    assert_built(&c, false, "1$dp.test$");
    c.ci_pk_indicator = cr_span_str("F541");
    assert_built(&c, false, "1$dp.test$$$$F541");

    struct cr_err err = {0};
    cr_buf out = {0};
    c.matching_id = cr_span_str("A$B");
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_REFUSED);
    c.matching_id = cr_span_str("A B");
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_REFUSED);
    c.matching_id = cr_span_str("A");
    c.smdp_oid = cr_span_str("no");
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_REFUSED);
    c.smdp_oid = (cr_span){0};
    c.smdp_address = (cr_span){0};
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_REFUSED);
    char longer[300];
    memset(longer, 'A', sizeof(longer));
    c.smdp_address = cr_span_str("dp.test");
    c.matching_id = CR_SPAN_ARRAY(longer);
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_REFUSED);
    assert_int_equal(out.n, 0);
    c.delete_notification = cr_span_str("QUJD"); /* exceeds 255 by nature */
    assert_int_equal(rsp_activation_code_build(&c, false, &out, &err), CR_OK);
    cr_buf_free(&out);
}

static cr_status counting(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)err;
    uint8_t *next = ctx;
    for (size_t i = 0; i < n; i++) {
        p[i] = (*next)++;
    }
    return CR_OK;
}

static void matching_ids(void **state)
{
    (void)state;
    uint8_t next = 0;
    const cr_env env = {.ctx = &next, .random = counting};
    char id[RSP_MATCHING_ID_TEXT];
    assert_int_equal(rsp_matching_id_generate(&env, id, NULL), CR_OK);
    assert_string_equal(id, "23456-789AB-CDEFG-HJKLM");
    next = 236; /* only five bits of each byte count */
    assert_int_equal(rsp_matching_id_generate(&env, id, NULL), CR_OK);
    assert_string_equal(id, "EFGHJ-KLMNP-QRSTU-VWXYZ");
    assert_true(rsp_matching_id_valid(cr_span_str(id)));
    char other[RSP_MATCHING_ID_TEXT];
    assert_int_equal(rsp_matching_id_generate(cr_env_system(), id, NULL), CR_OK);
    assert_int_equal(rsp_matching_id_generate(cr_env_system(), other, NULL), CR_OK);
    assert_string_not_equal(id, other);
    const cr_env none = {0};
    assert_int_equal(rsp_matching_id_generate(&none, id, NULL), CR_INTERNAL);
    assert_true(rsp_matching_id_valid(cr_span_str("")));
    assert_false(rsp_matching_id_valid(cr_span_str("EVENT_001")));
    assert_false(rsp_matching_id_valid(cr_span_str("abc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_codes),   cmocka_unit_test(later_fields),
        cmocka_unit_test(invalid_codes), cmocka_unit_test(building),
        cmocka_unit_test(matching_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
