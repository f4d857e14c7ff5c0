/*
 * Profile metadata: the bytes of the specification's example, limits, icons, descriptions in JSON.
 */
#include "sample.h"

#include "profile/metadata.h"

static const uint8_t png_64[] = {0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13,
                                 'I',  'H', 'D', 'R', 0,    0,    0,    64,   0, 0, 0, 64};
static const uint8_t jpeg_64[] = {0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x04, 0,    0,  0xFF,
                                  0xC0, 0x00, 0x0B, 8,    0x00, 64,   0x00, 64, 1};

static struct profile_metadata sample(void)
{
    return (struct profile_metadata){
        .iccid = cr_span_str("89000123456789012341"),
        .service_provider_name = cr_span_str("GSMA_TEST"),
        .profile_name = cr_span_str("GSMA_TEST_PROFILE"),
        .profile_class = RSP_CLASS_TEST,
    };
}

static void test_example(void **state)
{
    (void)state;
    cr_buf out = {0};
    struct cr_err err = {0};
    struct profile_metadata m = sample();
    assert_ok(profile_metadata_encode(&m, &out, &err));
    assert_hex(cr_buf_span(&out), "bf252d5a0a98001032547698103214910947534d415f54455354921147534d41"
                                  "5f544553545f50524f46494c45950100");
    cr_buf_free(&out);
}

static void test_all_members(void **state)
{
    (void)state;
    cr_buf out = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct rsp_store_metadata back;
    struct profile_metadata m = sample();
    m.profile_class = RSP_CLASS_OPERATIONAL;
    m.icon = CR_SPAN_ARRAY(png_64);
    m.owner = cr_span_str("001-01");
    m.gid1 = cr_span_str("1");
    m.rules = RSP_PPR1 | RSP_PPR2;
    m.notifications[0] = (struct profile_notification){
        .events = RSP_EVENT_INSTALL | RSP_EVENT_LOCAL_DELETE, .address = cr_span_str("dp.example")};
    m.notification_count = 1;
    assert_ok(profile_metadata_encode(&m, &out, &err));
    assert_ok(asn1_decode(&rsp_store_metadata_type, cr_buf_span(&out), 0, &arena, &back, &err));
    assert_int_equal(back.profile_class, RSP_CLASS_OPERATIONAL);
    assert_int_equal(back.icon_type, RSP_ICON_PNG);
    assert_true(cr_span_equal(back.icon, CR_SPAN_ARRAY(png_64)));
    assert_hex(back.profile_owner.mcc_mnc, "00F110");
    assert_hex(back.profile_owner.gid1, "31");
    assert_false(cr_span_present(back.profile_owner.gid2));
    assert_int_equal(back.profile_policy_rules, RSP_PPR1 | RSP_PPR2);
    assert_int_equal(back.notification_configuration_info.count, 1);
    assert_true(cr_span_equal(back.notification_configuration_info.items[0].notification_address,
                              cr_span_str("dp.example")));
    cr_arena_free(&arena);
    cr_buf_free(&out);
}

static void test_icons(void **state)
{
    (void)state;
    int64_t type = -1;
    struct cr_err err = {0};
    uint8_t changed[2000] = {0};
    assert_ok(profile_icon_check(CR_SPAN_ARRAY(png_64), &type, &err));
    assert_int_equal(type, RSP_ICON_PNG);
    assert_ok(profile_icon_check(CR_SPAN_ARRAY(jpeg_64), &type, &err));
    assert_int_equal(type, RSP_ICON_JPEG);
    memcpy(changed, png_64, sizeof(png_64));
    changed[19] = 65;
    assert_int_equal(profile_icon_check(cr_span_of(changed, 100), &type, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "65 x 64"));
    changed[19] = 64;
    assert_ok(profile_icon_check(cr_span_of(changed, 1024), &type, &err));
    assert_int_equal(profile_icon_check(cr_span_of(changed, 1025), &type, &err), CR_REFUSED);
    assert_string_equal(err.field, "icon");
    for (size_t n = 0; n < sizeof(jpeg_64) - 1; n++) {
        assert_int_equal(profile_icon_check(cr_span_of(jpeg_64, n), &type, &err), CR_REFUSED);
    }
    for (size_t n = 0; n < sizeof(png_64); n++) {
        assert_int_equal(profile_icon_check(cr_span_of(png_64, n), &type, &err), CR_REFUSED);
    }
}

static void refused(const struct profile_metadata *m, const char *says)
{
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_int_not_equal(profile_metadata_encode(m, &out, &err), CR_OK);
    if (!strstr(err.cause, says)) {
        fail_msg("\"%s\" does not say %s", err.cause, says);
    }
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
}

static void test_limits(void **state)
{
    (void)state;
    char text[66];
    memset(text, 'x', sizeof(text));
    struct profile_metadata m = sample();
    m.iccid = cr_span_str("123");
    refused(&m, "iccid");
    m = sample();
    m.service_provider_name = cr_span_of(text, 33);
    refused(&m, "serviceProviderName");
    m = sample();
    m.profile_name = cr_span_of(text, 65);
    refused(&m, "profileName");
    m.profile_name = cr_span_str("\xC3");
    refused(&m, "UTF-8");
    m = sample();
    m.profile_class = 3;
    refused(&m, "profileClass");
    m = sample();
    m.rules = RSP_PPR1;
    refused(&m, "profileOwner");
    m = sample();
    m.owner = cr_span_str("0");
    refused(&m, "profileOwner");
    m.owner = cr_span_str("001-01");
    m.gid2 = cr_span_of(text, 9);
    refused(&m, "group identifiers");
    m = sample();
    m.icon = cr_span_str("GIF89a");
    refused(&m, "PNG");
    m = sample();
    m.notification_count = 1;
    refused(&m, "no event");
    m.notifications[0].events = RSP_EVENT_INSTALL;
    m.notifications[0].address = cr_span_str("http://x");
    refused(&m, "host name");
    /* exactly at the limit */
    cr_buf out = {0};
    struct cr_err err = {0};
    m = sample();
    m.service_provider_name = cr_span_of(text, 32);
    m.profile_name = cr_span_of(text, 64);
    assert_ok(profile_metadata_encode(&m, &out, &err));
    cr_buf_free(&out);
}

static cr_status from_json(const char *text, cr_arena *arena, struct profile_metadata *m,
                           struct cr_err *err)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    cr_status status = profile_metadata_from_json(json, arena, m, err);
    json_decref(json);
    return status;
}

static void test_json(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_metadata m = sample();
    assert_ok(from_json("{\"profileName\":\"Other\",\"owner\":\"999-70\",\"gid1\":\"AB\","
                        "\"profileClass\":\"operational\",\"policyRules\":[\"ppr1\"],"
                        "\"icon\":\"iVBORw0KGgo=\",\"notifications\":[{\"events\":"
                        "[\"notificationInstall\",\"notificationLocalDelete\"],"
                        "\"address\":\"dp.example\"}]}",
                        &arena, &m, &err));
    assert_true(cr_span_equal(m.profile_name, cr_span_str("Other")));
    assert_true(cr_span_equal(m.service_provider_name, cr_span_str("GSMA_TEST")));
    assert_int_equal(m.profile_class, RSP_CLASS_OPERATIONAL);
    assert_int_equal(m.rules, RSP_PPR1);
    assert_int_equal(m.icon.n, 8);
    assert_int_equal(m.notification_count, 1);
    assert_int_equal(m.notifications[0].events, RSP_EVENT_INSTALL | RSP_EVENT_LOCAL_DELETE);
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"{\"name\":1}", "name"},
        {"{\"profileName\":1}", "profileName"},
        {"{\"profileClass\":\"x\"}", "profileClass"},
        {"{\"gid1\":\"A\"}", "gid1"},
        {"{\"icon\":\"*\"}", "icon"},
        {"{\"policyRules\":\"ppr1\"}", "policyRules"},
        {"{\"policyRules\":[\"ppr9\"]}", "ppr9"},
        {"{\"policyRules\":[1]}", "policyRules[0]"},
        {"{\"notifications\":[1]}", "notifications[0]"},
        {"{\"notifications\":[{\"events\":[],\"x\":1}]}", "notifications[0].x"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (from_json(bad[i].text, &arena, &m, &err) == CR_OK || !strstr(err.cause, bad[i].says)) {
            fail_msg("%s: %s", bad[i].text, err.cause);
        }
    }
    cr_arena_free(&arena);
}

static void test_of_package(void **state)
{
    (void)state;
    cr_buf bytes = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_metadata m;
    sample_ts48(SAMPLE_BER_SUCI, &bytes);
    assert_ok(profile_package_read(cr_buf_span(&bytes), &arena, &package, &err));
    assert_ok(profile_metadata_of_package(&package, &arena, &m, &err));
    assert_true(cr_span_equal(m.iccid, cr_span_str("89000123456789012341")));
    assert_true(cr_span_equal(m.service_provider_name, cr_span_str("GSMA_TEST")));
    assert_true(cr_span_equal(m.owner, cr_span_str("00101")));
    package.count = 0;
    assert_int_equal(profile_metadata_of_package(&package, &arena, &m, &err), CR_REFUSED);
    cr_arena_free(&arena);
    cr_buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example), cmocka_unit_test(test_all_members),
        cmocka_unit_test(test_icons),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_of_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
