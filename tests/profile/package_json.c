/*
 * Packages as JSON: byte for byte there and back, raw where members do not say it all, messages.
 */
#include "sample.h"

#include "profile/package_json.h"

/* JSON text of the package, parsed again, encoded: the same bytes. Counts the elements with raw. */
static size_t roundtrip(cr_span bytes)
{
    cr_arena arena = {0};
    cr_buf again = {0};
    struct cr_err err = {0};
    struct profile_package package;
    json_t *json = NULL;
    size_t raws = 0;
    assert_ok(profile_package_read(bytes, &arena, &package, &err));
    assert_ok(profile_package_to_json(&package, &json, &err));
    char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    assert_non_null(text);
    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    for (const char *at = text; (at = strstr(at, "\"raw\"")) != NULL; at++) {
        raws++;
    }
    assert_ok(profile_package_from_json(json, &arena, &package, &err));
    assert_ok(profile_package_encode(&package, &again, &err));
    if (!cr_span_equal(cr_buf_span(&again), bytes)) {
        fail_msg("other bytes come back from %s", text);
    }
    free(text);
    json_decref(json);
    cr_buf_free(&again);
    cr_arena_free(&arena);
    return raws;
}

static void test_ts48(void **state)
{
    (void)state;
    cr_buf bytes = {0};
    sample_ts48(SAMPLE_BER_SUCI, &bytes);
    assert_int_equal(roundtrip(cr_buf_span(&bytes)), 0);
    cr_buf_reset(&bytes);
    sample_ts48(SAMPLE_NO_BER, &bytes);
    assert_int_equal(roundtrip(cr_buf_span(&bytes)), 0);
    cr_buf_free(&bytes);
}

/* What members cannot say is kept as raw. */
static void test_raw(void **state)
{
    (void)state;
    static const char *const packages[] = {
        "AA0A A005 8000 810109 9F7F00",                 /* unknown component */
        "AA8107 A005 8000 810109",                      /* length that is not DER */
        "AB03 040100",                                  /* unknown element */
        "B011 A003 810101 8106 67810F010201 A200 A200", /* a member twice */
        "B011 A003 810101 8106 67810F010201 A400 A300", /* members out of order */
        "B00C A003 810101 8103 808080 A200",            /* a template OID that is none */
        "A217 A003 810101 A110 A00E 300C 800101 8108 3131313131313131 830107", /* DEFAULT stated */
    };
    cr_buf bytes = {0};
    for (size_t i = 0; i < CR_COUNT(packages); i++) {
        sample_hex(packages[i], &bytes);
        if (i == 6) { /* lengths counted here */
            bytes.p[1] = (uint8_t)(bytes.n - 2);
            bytes.p[8] = (uint8_t)(bytes.n - 9);
            bytes.p[10] = (uint8_t)(bytes.n - 11);
            bytes.p[12] = (uint8_t)(bytes.n - 13);
        }
        assert_int_equal(roundtrip(cr_buf_span(&bytes)), 1);
    }
    /* a member of a template that nobody knows has a name of its own, and needs no raw */
    sample_hex("B00F A003 810101 8106 67810F01027F BF2000", &bytes);
    bytes.p[1]++;
    assert_int_equal(roundtrip(cr_buf_span(&bytes)), 0);
    cr_buf_free(&bytes);
}

static cr_status from_text(const char *text, cr_buf *out, struct cr_err *err)
{
    cr_arena arena = {0};
    struct profile_package package;
    json_error_t where;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &where);
    if (!json) {
        fail_msg("%s: %s", text, where.text);
    }
    cr_status status = profile_package_from_json(json, &arena, &package, err);
    if (status == CR_OK) {
        status = profile_package_encode(&package, out, err);
    }
    json_decref(json);
    cr_arena_free(&arena);
    return status;
}

/* "raw" counts while the members agree with it, and not any more when one was changed. */
static void test_raw_and_members(void **state)
{
    (void)state;
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_ok(from_text("{\"elements\":[{\"end\":{\"end-header\":{\"mandated\":true,"
                        "\"identification\":9},\"raw\":\"AA0AA00580008101099F7F00\"}}]}",
                        &out, &err));
    assert_hex(cr_buf_span(&out), "AA0AA00580008101099F7F00");
    cr_buf_reset(&out);
    assert_ok(from_text("{\"elements\":[{\"end\":{\"end-header\":{\"mandated\":true,"
                        "\"identification\":10},\"raw\":\"AA0AA00580008101099F7F00\"}}]}",
                        &out, &err));
    assert_hex(cr_buf_span(&out), "AA07A005800081010A");
    cr_buf_reset(&out);
    assert_ok(
        from_text("{\"elements\":[{\"end\":{\"raw\":\"AA0AA00580008101099F7F00\"}}]}", &out, &err));
    assert_hex(cr_buf_span(&out), "AA0AA00580008101099F7F00");
    cr_buf_free(&out);
}

/* Members in any order are written in the order of the module. */
static void test_order(void **state)
{
    (void)state;
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_ok(from_text("{\"elements\":[{\"mf\":{\"ef-iccid\":[{\"fillFileContent\":\"98\"}],"
                        "\"mf\":[{\"fileDescriptor\":{\"pinStatusTemplateDO\":\"01\"}}],"
                        "\"templateID\":\"2.23.143.1.2.1\","
                        "\"mf-header\":{\"identification\":1}}}]}",
                        &out, &err));
    assert_hex(cr_buf_span(&out),
               "B019 A003 810101 8106 67810F010201 A205 A103 C60101 A403 830198");
    cr_buf_free(&out);
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"[]", "not an object"},
        {"{}", "elements"},
        {"{\"elements\":[],\"element\":1}", "one member"},
        {"{\"elements\":{}}", "elements"},
        {"{\"elements\":[{\"end\":{\"end-header\":{\"identification\":1}}},7]}", "elements[1]"},
        {"{\"elements\":[{\"ende\":{}}]}", "elements[0]: ende"},
        {"{\"elements\":[{\"end\":[]}]}", "elements[0]: end"},
        {"{\"elements\":[{\"end\":{}}]}", "end-header"},
        {"{\"elements\":[{\"end\":{\"end-header\":{\"identification\":1},\"x\":1}}]}", "x"},
        {"{\"elements\":[{\"unknown\":{}}]}", "unknown.raw"},
        {"{\"elements\":[{\"unknown\":{\"raw\":\"AB00\",\"x\":1}}]}", "unknown"},
        {"{\"elements\":[{\"end\":{\"raw\":7}}]}", "end.raw"},
        {"{\"elements\":[{\"end\":{\"raw\":\"AB00\"}}]}", "end.raw"},
        {"{\"elements\":[{\"end\":{\"raw\":\"AA07A005800081010A00\"}}]}", "end.raw"},
        {"{\"elements\":[{\"end\":{\"raw\":\"XY\"}}]}", "end.raw"},
        {"{\"elements\":[{\"mf\":{\"mf-header\":{\"identification\":1}}}]}", "templateID"},
        {"{\"elements\":[{\"mf\":{\"templateID\":\"2.23\"}}]}", "mf-header"},
        {"{\"elements\":[{\"mf\":{\"templateID\":\"x\",\"mf-header\":{\"identification\":1}}}]}",
         "templateID"},
        {"{\"elements\":[{\"mf\":{\"templateID\":\"2.23.143.1.2.1\",\"mf-header\":"
         "{\"identification\":1},\"ef-imsi\":[]}}]}",
         "ef-imsi"},
        {"{\"elements\":[{\"mf\":{\"templateID\":\"2.23.143.1.2.1\",\"mf-header\":"
         "{\"identification\":1},\"ef-dir\":[{\"fillFileContent\":\"0\"}]}}]}",
         "ef-dir"},
        {"{\"elements\":[{\"mf\":{\"templateID\":\"2.23.143.1.2.1\",\"mf-header\":"
         "{\"identification\":1},\"[1]\":[]}}]}",
         "[1]"},
    };
    cr_buf out = {0};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_err err = {0};
        if (from_text(bad[i].text, &out, &err) == CR_OK) {
            fail_msg("%s is taken", bad[i].text);
        }
        if (!strstr(err.cause, bad[i].says)) {
            fail_msg("%s: \"%s\" does not name %s", bad[i].text, err.cause, bad[i].says);
        }
        assert_int_equal(out.n, 0);
    }
    cr_buf_free(&out);
}

/* Every changed byte of a real package that still reads comes back as it is. */
static void test_changed_bytes(void **state)
{
    (void)state;
    cr_buf bytes = {0};
    cr_arena arena = {0};
    struct profile_package package;
    sample_ts48(SAMPLE_NO_BER, &bytes);
    for (size_t i = 0; i < bytes.n; i += 23) {
        uint8_t kept = bytes.p[i];
        bytes.p[i] = (uint8_t)(kept ^ (1u << (i % 8)));
        cr_arena_reset(&arena);
        if (profile_package_read(cr_buf_span(&bytes), &arena, &package, NULL) == CR_OK) {
            (void)roundtrip(cr_buf_span(&bytes));
        }
        bytes.p[i] = kept;
    }
    cr_arena_free(&arena);
    cr_buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ts48),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_raw_and_members),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
