/* EID, ICCID, IMEI, TAC, versions and OID names. */
#include "common.h"

#include "rsp/ids.h"
#include "rsp/oids.h"

static void eids(void **state)
{
    (void)state;
    static const char *const good[] = {
        "89049032123451234512345678901235",
        "89882119900000000000000000001654",
        "89049032000000000000000000000066",
        "12345000000000000000000000000186",
    };
    static const char *const wrong[] = {
        "89049032123451234512345678901335",
        "89049032123451234512345678901299",
        "89049032118427504800000000000512",
        "12345000000000000000000000000133",
    };
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        uint8_t eid[16];
        char text[RSP_EID_TEXT];
        assert_true(rsp_eid_text_check(cr_span_str(good[i])));
        assert_int_equal(rsp_eid_parse(cr_span_str(good[i]), eid, NULL), CR_OK);
        assert_true(rsp_eid_check(CR_SPAN_ARRAY(eid)));
        assert_true(rsp_eid_text(CR_SPAN_ARRAY(eid), text));
        assert_string_equal(text, good[i]);
        eid[15] = 0x99;
        assert_true(rsp_eid_set_check_digits(eid));
        assert_true(rsp_eid_text(CR_SPAN_ARRAY(eid), text));
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        uint8_t eid[16];
        assert_false(rsp_eid_text_check(cr_span_str(wrong[i])));
        /* a wrong check digit is worth a warning, not a refusal */
        assert_int_equal(rsp_eid_parse(cr_span_str(wrong[i]), eid, NULL), CR_OK);
    }
    uint8_t eid[16];
    struct cr_err err = {0};
    assert_int_equal(
        rsp_eid_parse(cr_span_str("8904 9032 1234 5123 4512 3456 7890 1235\n"), eid, NULL), CR_OK);
    assert_int_equal(eid[0], 0x89);
    assert_int_equal(rsp_eid_parse(cr_span_str("8904903212345123451234567890123"), eid, &err),
                     CR_MALFORMED);
    assert_string_equal(err.field, "eid");
    assert_int_equal(rsp_eid_parse(cr_span_str("8904903212345123451234567890123A"), eid, &err),
                     CR_MALFORMED);
    assert_int_equal(rsp_eid_parse((cr_span){0}, eid, &err), CR_MALFORMED);
    char longer[100];
    memset(longer, '1', sizeof(longer));
    assert_int_equal(rsp_eid_parse(CR_SPAN_ARRAY(longer), eid, &err), CR_MALFORMED);
    char text[RSP_EID_TEXT] = "x";
    assert_false(rsp_eid_text(cr_span_of(eid, 15), text));
    assert_string_equal(text, "");
    eid[3] = 0x1A;
    assert_false(rsp_eid_text(CR_SPAN_ARRAY(eid), text));
    assert_false(rsp_eid_check(CR_SPAN_ARRAY(eid)));
    assert_false(rsp_eid_set_check_digits(eid));
}

static void assert_iccid(cr_arena *a, const char *text, const char *bytes, const char *back)
{
    uint8_t iccid[RSP_ICCID_BYTES];
    char out[RSP_ICCID_TEXT];
    assert_int_equal(rsp_iccid_parse(cr_span_str(text), iccid, NULL), CR_OK);
    assert_bytes(a, CR_SPAN_ARRAY(iccid), hex(a, bytes));
    assert_true(rsp_iccid_text(CR_SPAN_ARRAY(iccid), out));
    assert_string_equal(out, back);
}

static void iccids(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_iccid(&a, "89000123456789012341", "98001032547698103214", "89000123456789012341");
    assert_iccid(&a, "8900012345678901234", "980010325476981032F4", "8900012345678901234");
    assert_iccid(&a, "8900012345678901234F", "980010325476981032F4", "8900012345678901234");
    assert_iccid(&a, "8900012345678901234f\n", "980010325476981032F4", "8900012345678901234");
    assert_iccid(&a, "890001234567890123", "980010325476981032FF", "890001234567890123");
    assert_iccid(&a, "890001234567890123FF", "980010325476981032FF", "890001234567890123");
    assert_iccid(&a, " 8900 0123 4567 8901 2341 ", "98001032547698103214", "89000123456789012341");
    uint8_t iccid[RSP_ICCID_BYTES];
    struct cr_err err = {0};
    static const char *const wrong[] = {"",
                                        "F",
                                        "89000123456789012",
                                        "890001234567890123411",
                                        "8900012345678901234x",
                                        "8900012345F78901234"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        assert_int_equal(rsp_iccid_parse(cr_span_str(wrong[i]), iccid, &err), CR_MALFORMED);
        assert_string_equal(err.field, "iccid");
    }
    char out[RSP_ICCID_TEXT];
    assert_false(rsp_iccid_text(hex(&a, "9800103254769810321"
                                        "4FF"),
                                out));
    assert_false(rsp_iccid_text(hex(&a, "FFFFFFFFFFFFFFFFFFFF"), out));
    assert_false(rsp_iccid_text(hex(&a, "98F01032547698103214"), out));
    assert_string_equal(out, "");
    assert_true(rsp_iccid_luhn(cr_span_str("79927398713")));
    assert_false(rsp_iccid_luhn(cr_span_str("79927398710")));
    assert_false(rsp_iccid_luhn(cr_span_str("")));
    cr_arena_free(&a);
}

static void assert_imei(cr_arena *a, const char *bytes, const char *wanted)
{
    char out[RSP_IMEI_TEXT];
    assert_true(rsp_imei_text(hex(a, bytes), out));
    assert_string_equal(out, wanted);
}

static void imeis(void **state)
{
    (void)state;
    cr_arena a = {0};
    uint8_t imei[8];
    assert_int_equal(rsp_imei_parse(cr_span_str("490154203237518"), imei, NULL), CR_OK);
    assert_bytes(&a, CR_SPAN_ARRAY(imei), hex(&a, "941045022373158F"));
    assert_int_equal(rsp_imei_parse(cr_span_str("49015420323751"), imei, NULL), CR_OK);
    assert_bytes(&a, CR_SPAN_ARRAY(imei), hex(&a, "941045022373158F"));
    assert_int_equal(rsp_imei_parse(cr_span_str("4901542032375112"), imei, NULL), CR_OK);
    assert_bytes(&a, CR_SPAN_ARRAY(imei), hex(&a, "9410450223731521"));
    assert_imei(&a, "941045022373158F", "490154203237518"); /* from v2.1 */
    assert_imei(&a, "94104502237315F8", "490154203237518"); /* before v2.1 */
    assert_imei(&a, "9410450223731508", "490154203237518"); /* one platform */
    assert_imei(&a, "9410450223731521", "4901542032375112");
    char out[RSP_IMEI_TEXT];
    assert_false(rsp_imei_text(hex(&a, "94104502237315"), out));
    assert_false(rsp_imei_text(hex(&a, "9A1045022373158F"), out));
    assert_false(rsp_imei_text((cr_span){0}, out));
    struct cr_err err = {0};
    assert_int_equal(rsp_imei_parse(cr_span_str("4901542032375"), imei, &err), CR_MALFORMED);
    assert_int_equal(rsp_imei_parse(cr_span_str("49015420323751899"), imei, &err), CR_MALFORMED);

    uint8_t tac[4];
    assert_int_equal(rsp_tac_parse(cr_span_str("49015420"), tac, NULL), CR_OK);
    assert_bytes(&a, CR_SPAN_ARRAY(tac), hex(&a, "94104502"));
    assert_int_equal(rsp_tac_parse(cr_span_str("4901542"), tac, &err), CR_MALFORMED);
    char text[RSP_TAC_TEXT];
    assert_true(rsp_tac_text(hex(&a, "94104502"), (cr_span){0}, text));
    assert_string_equal(text, "49015420");
    assert_true(rsp_tac_text(hex(&a, "94104502"), hex(&a, "941045022373158F"), text));
    assert_string_equal(text, "49015420");
    assert_true(rsp_tac_text(hex(&a, "49015420"), hex(&a, "941045022373158F"), text));
    assert_string_equal(text, "49015420"); /* unswapped: the IMEI tells */
    assert_false(rsp_tac_text(hex(&a, "4901542A"), (cr_span){0}, text));
    assert_false(rsp_tac_text(hex(&a, "490154"), (cr_span){0}, text));
    cr_arena_free(&a);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t major, minor, revision;
    } good[] = {{"2.5.0", 2, 5, 0},
                {"2.5", 2, 5, 0},
                {"v2.2.2", 2, 2, 2},
                {"gsma/rsp/v3.1.0", 3, 1, 0},
                {"255.255.255", 255, 255, 255}};
    static const char *const wrong[] = {"",
                                        "2",
                                        "2.",
                                        "2.5.",
                                        "2.5.0.1",
                                        "256.0.0",
                                        "2.5.0x",
                                        "x.y.z",
                                        "gsma/rsp/",
                                        "gsma/rsp/2.a",
                                        "2..5",
                                        "02222.1.1",
                                        "123456789012345678901234567890123.1"};
    char text[RSP_VERSION_TEXT];
    struct rsp_version v = {0};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        assert_true(rsp_version_parse(cr_span_str(good[i].text), &v));
        assert_int_equal(v.major, good[i].major);
        assert_int_equal(v.minor, good[i].minor);
        assert_int_equal(v.revision, good[i].revision);
    }
    assert_string_equal(rsp_version_format(v, text), "255.255.255");
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        if (rsp_version_parse(cr_span_str(wrong[i]), &v)) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    uint8_t bytes[3];
    rsp_version_to_bytes((struct rsp_version){2, 10, 1}, bytes);
    assert_true(rsp_version_from_bytes(CR_SPAN_ARRAY(bytes), &v));
    assert_int_equal(v.minor, 10);
    assert_false(rsp_version_from_bytes(cr_span_of(bytes, 2), &v));
    const struct rsp_version a = {2, 9, 9};
    assert_true(rsp_version_compare(a, v) < 0 && rsp_version_compare(v, a) > 0);
    assert_int_equal(rsp_version_compare(v, v), 0);
    assert_true(rsp_version_compare((struct rsp_version){3, 0, 0}, v) > 0);
    assert_true(rsp_version_compare((struct rsp_version){2, 10, 0}, v) < 0);
}

static void oid_names(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_string_equal(rsp_oid_name(hex(&a, "67811201020105")), "id-rspRole-dp-pb");
    assert_string_equal(rsp_oid_name(hex(&a, "88370A")), "SGP.26 test SM-DP+ 1");
    assert_null(rsp_oid_name(hex(&a, "883709")));
    assert_null(rsp_oid_name(hex(&a, "")));
    for (const struct rsp_oid *o = rsp_oids; o->dotted; o++) {
        cr_buf out = {0};
        assert_int_equal(der_oid_from_text(&out, cr_span_str(o->dotted), NULL), CR_OK);
        assert_string_equal(rsp_oid_name(cr_buf_span(&out)), o->name);
        assert_string_equal(rsp_oid_name_dotted(cr_span_str(o->dotted)), o->name);
        cr_buf_free(&out);
    }
    cr_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eids),     cmocka_unit_test(iccids),    cmocka_unit_test(imeis),
        cmocka_unit_test(versions), cmocka_unit_test(oid_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
