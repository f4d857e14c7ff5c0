#include "asn1/json.h"
#include "sample.h"

static void assert_json(cr_arena *a, const char *der, const char *expected)
{
    struct all v;
    json_t *json = NULL;
    assert_int_equal(asn1_decode(&all_type, hex(a, der), 0, a, &v, NULL), CR_OK);
    assert_int_equal(asn1_to_json(&all_type, &v, &json, NULL), CR_OK);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void forms(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_json(&a, "BF3800", "{}");
    assert_json(&a, "BF3809 8001FF 8101FB 820100",
                "{\"flag\":true,\"number\":-5,\"level\":\"low\"}");
    assert_json(&a, "BF3803 820107", "{\"level\":7}");
    assert_json(&a, "BF3807 9303064840 9400", "{\"bits\":[\"second\",4,\"tenth\"],\"null\":true}");
    assert_json(&a, "BF380C 5A0A 981032547698103254F6", "{\"iccid\":\"8901234567890123456\"}");
    assert_json(&a, "BF3805 8603020500", "{\"version\":\"2.5.0\"}");
    assert_json(&a, "BF3804 86020205", "{\"version\":\"0205\"}");
    assert_json(&a, "BF3805 0603883703", "{\"oid\":\"2.999.3\"}");
    assert_json(&a, "BF3804 1602E941",
                "{\"latin\":\"\xC3\xA9"
                "A\"}");
    assert_json(&a, "BF3806 A504 30020500", "{\"certificate\":\"A50430020500\"}");
    assert_json(&a, "BF3804 A602 0500", "{\"open\":\"0500\"}");
    assert_json(&a, "BF3807 A705 3003020101", "{\"list\":[{\"number\":1}]}");
    assert_json(&a, "BF3802 A700", "{\"list\":[]}");
    assert_json(&a, "BF3804 AA02 8300", "{\"wrapped\":{\"deep\":{\"flag\":true}}}");
    assert_json(&a, "BF3805 A103 81017F", "{\"cancel\":{\"error\":\"undefined\"}}");
    cr_arena_free(&a);
}

static void assert_reads(cr_arena *a, const char *text, const char *der)
{
    struct all v;
    struct cr_err err = {0};
    cr_span out;
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    if (asn1_from_json(&all_type, json, a, &v, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    json_decref(json); /* strings live in the arena */
    assert_int_equal(asn1_encode_arena(&all_type, &v, 0, a, &out, &err), CR_OK);
    assert_hex(a, out, der);
}

static void people_write_it_loosely(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_reads(&a, "{\"level\":0}", "BF3803 820100");
    assert_reads(&a, "{\"level\":\"high\"}", "BF3800");
    assert_reads(&a, "{\"bits\":[0,\"first\",1]}", "BF3804 930206C0");
    assert_reads(&a, "{\"iccid\":\"8901234567890123456f\"}", "BF380C 5A0A 981032547698103254F6");
    assert_reads(&a, "{\"version\":\"020500\"}", "BF3805 8603020500");
    assert_reads(&a, "{\"version\":\"255.0.10\"}", "BF3805 8603FF000A");
    assert_reads(&a, "{\"octets\":\"aa bb\"}", "BF3804 0402AABB");
    cr_arena_free(&a);
}

static void refusals_name_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *field;
        const char *cause;
    } bad[] = {
        {"[]", "All", "All: an object is expected"},
        {"{\"flagg\":true}", "flagg", "All.flagg: All has no such component"},
        {"{\"flag\":1}", "flag", "All.flag: true or false is expected"},
        {"{\"null\":false}", "null", "All.null: true is expected"},
        {"{\"number\":1.5}", "number", "All.number: a whole number is expected"},
        {"{\"number\":\"one\"}", "number", "All.number: no value has the name \"one\""},
        {"{\"level\":[]}", "level", "All.level: a number or a name is expected"},
        {"{\"level\":\"middle\"}", "level", "All.level: no value has the name \"middle\""},
        {"{\"bits\":3}", "bits", "All.bits: an array of bits is expected"},
        {"{\"bits\":[64]}", "bits", "All.bits[0]: a bit of 0 to 63 is expected"},
        {"{\"bits\":[1,-1]}", "bits", "All.bits[1]: a bit of 0 to 63 is expected"},
        {"{\"octets\":5}", "octets", "All.octets: a string is expected"},
        {"{\"octets\":\"0\"}", "octets", "All.octets: not hexadecimal at character 1"},
        {"{\"octets\":\"\"}", "octets", "All.octets: 0 bytes, 1 to 300 are allowed"},
        {"{\"iccid\":\"89x\"}", "iccid", "All.iccid: a string of digits is expected"},
        {"{\"iccid\":\"890123456789012345678\"}", "iccid",
         "All.iccid: 11 bytes, 10 to 10 are allowed"},
        {"{\"version\":\"2.5\"}", "version", "All.version: a version a.b.c is expected"},
        {"{\"version\":\"2.5.\"}", "version", "All.version: a version a.b.c is expected"},
        {"{\"version\":\"2..5\"}", "version", "All.version: a version a.b.c is expected"},
        {"{\"version\":\"2.5.256\"}", "version", "All.version: a version a.b.c is expected"},
        {"{\"version\":\"2.5.0.0\"}", "version", "All.version: a version a.b.c is expected"},
        {"{\"latin\":\"\xE2\x82\xAC\"}", "latin",
         "All.latin: a string of 8-bit characters is expected"},
        {"{\"oid\":\"1.x\"}", "oid", "All.oid: no dotted OID: \"1.x\""},
        {"{\"time\":\"noon\"}", "time", "All.time: neither UTCTime nor GeneralizedTime"},
        {"{\"certificate\":\"300105\"}", "certificate", NULL},
        {"{\"certificate\":\"3001\"}", "certificate",
         "All.certificate: one complete TLV is expected"},
        {"{\"certificate\":\"050000\"}", "certificate",
         "All.certificate: one complete TLV is expected"},
        {"{\"inner\":{}}", "number", "All.inner.number: missing"},
        {"{\"inner\":5}", "inner", "All.inner: an object is expected"},
        {"{\"list\":{}}", "list", "All.list: an array is expected"},
        {"{\"list\":[1]}", "list", "All.list[0]: an object is expected"},
        {"{\"list\":[{\"number\":1},{\"number\":1,\"text\":\"123456789\"}]}", "text",
         "All.list[1].text: 9 bytes, 0 to 8 are allowed"},
        {"{\"list\":[{},{},{},{}]}", "list", "All.list: 4 elements, 0 to 3 are allowed"},
        {"{\"cancel\":{}}", "cancel", "All.cancel: an object of exactly one member is expected"},
        {"{\"cancel\":{\"ok\":{\"number\":1},\"error\":1}}", "cancel",
         "All.cancel: an object of exactly one member is expected"},
        {"{\"cancel\":{\"oops\":1}}", "oops", "All.cancel.oops: Cancel has no such component"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_arena a = {0};
        struct all v;
        struct cr_err err = {0};
        json_t *json = json_loads(bad[i].text, 0, NULL);
        assert_non_null(json);
        cr_status status = asn1_from_json(&all_type, json, &a, &v, &err);
        if (bad[i].cause) {
            assert_string_equal(err.cause, bad[i].cause);
            assert_string_equal(err.field, bad[i].field);
            assert_int_equal(status, CR_MALFORMED);
        } else {
            assert_int_equal(status, CR_OK); /* what is inside a RAW is not looked at */
        }
        json_decref(json);
        cr_arena_free(&a);
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    cr_arena a = {.limit = 4};
    struct all v;
    json_t *json = json_loads("{\"octets\":\"0102030405\"}", 0, NULL);
    assert_int_equal(asn1_from_json(&all_type, json, &a, &v, NULL), CR_RESOURCE);
    assert_null(v.octets.p);
    json_decref(json);
    cr_arena_free(&a);
    struct cancel c = {0};
    json = NULL;
    assert_int_equal(asn1_to_json(&cancel_type, &c, &json, NULL), CR_REFUSED);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(people_write_it_loosely),
        cmocka_unit_test(refusals_name_the_path),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("asn1/json", tests, NULL, NULL);
}
