/* The server side: addresses, HTTP and function status, device information. */
#include "fake.h"

#include "lpa/advice.h"
#include "lpa/es9_http.h"
#include "rsp/ids.h"

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL = refused */
    } rows[] = {
        {"smdp.example.com", "smdp.example.com"},
        {"SMDP.Example.COM", "SMDP.Example.COM"},
        {" smdp.example.com\r\n", "smdp.example.com"},
        {"smdp.example.com.", "smdp.example.com"},
        {"smdp.example.com:8443", "smdp.example.com:8443"},
        {"smdp.example.com.:8443", "smdp.example.com:8443"},
        {"127.0.0.1:1", "127.0.0.1:1"},
        {"[::1]:443", "[::1]:443"},
        {"[::1]", "[::1]"},
        {"", NULL},
        {"  ", NULL},
        {".", NULL},
        {"-a.example", NULL},
        {"https://smdp.example.com", NULL},
        {"smdp.example.com/path", NULL},
        {"user@smdp.example.com", NULL},
        {"smdp.example.com:", NULL},
        {"smdp.example.com:abc", NULL},
        {"smdp.example.com:123456", NULL},
        {"smdp example.com", NULL},
        {"smdp.example.com?x", NULL},
        {"smdp.example.com#x", NULL},
        {"smdp\nexample.com", NULL},
        {"[::1", NULL},
        {"[]", NULL},
        {"[::1]x", NULL},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char out[ES9_MAX_ADDRESS + 1];
        struct cr_err err = {0};
        cr_status status = es9_address(cr_span_str(rows[i].in), out, &err);
        if (rows[i].out) {
            if (status != CR_OK) {
                fail_msg("'%s': %s", rows[i].in, err.cause);
            }
            assert_string_equal(out, rows[i].out);
        } else {
            if (status != CR_MALFORMED) {
                fail_msg("'%s' was taken", rows[i].in);
            }
            assert_true(err.next[0]);
        }
    }
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    char out[ES9_MAX_ADDRESS + 1];
    assert_int_equal(es9_address(cr_span_of(longest, ES9_MAX_ADDRESS), out, NULL), CR_OK);
    assert_int_equal(es9_address(cr_span_of(longest, ES9_MAX_ADDRESS + 1), out, NULL),
                     CR_MALFORMED);
    assert_int_equal(es9_address((cr_span){0}, out, NULL), CR_MALFORMED);
}

static void test_same_host(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"a.example", "A.EXAMPLE", true},      {"a.example", "a.example:443", true},
        {"a.example.", "a.example", true},     {"a.example", "b.example", false},
        {"a.example", "a.example.org", false}, {"", "", false},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(es9_same_host(cr_span_str(rows[i].a), cr_span_str(rows[i].b)),
                         rows[i].same);
    }
}

/* ---- answers ---- */

struct client {
    struct fake_server server;
    struct lpa_where where;
    struct es9 *es9;
    cr_arena arena;
};

static void setup(struct client *c)
{
    memset(c, 0, sizeof(*c));
    fake_server_init(&c->server);
    assert_int_equal(es9_new(&c->server.transport, &c->where, &c->es9, NULL), CR_OK);
}

static void done(struct client *c)
{
    es9_free(c->es9);
    fake_server_free(&c->server);
    cr_arena_free(&c->arena);
}

static cr_status fetch(struct client *c, struct cr_err *err)
{
    static const uint8_t bytes[RSP_OTPK];
    struct rsp_get_bound_profile_package_request request = {
        .transaction_id = cr_span_of(bytes, 16),
        .prepare_download_response = {.which = RSP_PREPARE_DOWNLOAD_OK}};
    request.prepare_download_response.ok = (struct rsp_prepare_download_ok){
        .euicc_signed2 = {.transaction_id = cr_span_of(bytes, 16),
                          .euicc_otpk = cr_span_of(bytes, RSP_OTPK)},
        .euicc_signature2 = cr_span_of(bytes, RSP_SIGNATURE)};
    cr_span bpp = {0};
    return es9_get_bound_profile_package(c->es9, cr_span_str(FAKE_HOST), &request, &c->arena, &bpp,
                                         err);
}

static void test_http_status(void **state)
{
    (void)state;
    static const struct {
        int http;
        cr_status status;
    } rows[] = {{301, CR_MALFORMED}, {400, CR_REFUSED},  {401, CR_REFUSED},  {404, CR_REFUSED},
                {429, CR_RESOURCE},  {500, CR_RESOURCE}, {503, CR_RESOURCE}, {100, CR_MALFORMED}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct client c;
        setup(&c);
        fake_server_says(&c.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, rows[i].http, "<html>");
        struct cr_err err;
        assert_int_equal(fetch(&c, &err), rows[i].status);
        assert_int_equal(err.code, rows[i].http);
        assert_int_equal(c.where.http_status, rows[i].http);
        assert_string_equal(c.where.function, "ES9+.GetBoundProfilePackage");
        assert_true(err.next[0]);
        done(&c);
    }
}

static void test_hint_in_an_http_error(void **state)
{
    (void)state;
    struct client c;
    setup(&c);
    fake_server_says(&c.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, 500,
                     "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\","
                     "\"statusCodeData\":{\"subjectCode\":\"8.10.1\",\"reasonCode\":\"3.9\","
                     "\"message\":\"too late\"}}}}");
    struct cr_err err;
    assert_int_equal(fetch(&c, &err), CR_RESOURCE); /* not executed, whatever it says */
    assert_string_equal(err.subject, "8.10.1");
    assert_non_null(strstr(err.cause, "too late"));
    done(&c);
}

static void test_bad_bodies(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"header\":{}}",
        "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Executed-Success\"}}}",
        ("{\"header\":{\"functionExecutionStatus\":{\"status\":\"Executed-Success\"}},"
         "\"transactionId\":\"00\",\"boundProfilePackage\":\"!!\"}")};
    for (size_t i = 0; i < CR_COUNT(bodies); i++) {
        struct client c;
        setup(&c);
        fake_server_says(&c.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, 200, bodies[i]);
        struct cr_err err;
        if (fetch(&c, &err) != CR_MALFORMED) {
            fail_msg("'%s' was taken", bodies[i]);
        }
        assert_true(err.next[0]);
        done(&c);
    }
}

/* Codes that people meet say more than their names, and each has a next step. */
static void test_every_refusal_has_a_next_step(void **state)
{
    (void)state;
    for (size_t s = 0; rsp_subject_codes[s].code; s++) {
        for (size_t r = 0; rsp_reason_codes[r].code; r++) {
            struct client c;
            setup(&c);
            fake_server_refuses(&c.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE,
                                rsp_subject_codes[s].code, rsp_reason_codes[r].code);
            struct cr_err err;
            assert_int_equal(fetch(&c, &err), CR_REFUSED);
            assert_string_equal(err.subject, rsp_subject_codes[s].code);
            assert_string_equal(err.reason, rsp_reason_codes[r].code); /* 3.10 is not 3.1 */
            assert_true(err.next[0]);
            assert_non_null(strstr(err.cause, "ES9+.GetBoundProfilePackage"));
            done(&c);
        }
    }
}

static void test_friendly_texts(void **state)
{
    (void)state;
    static const struct {
        const char *subject, *reason, *text;
    } rows[] = {{"8.2.6", "3.8", "was used already"},
                {"8.1", "4.8", "not enough memory"},
                {"8.1.1", "3.8", "another eUICC"},
                {"1.6", "2.1", "does not say why"}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct client c;
        setup(&c);
        fake_server_refuses(&c.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, rows[i].subject,
                            rows[i].reason);
        struct cr_err err;
        assert_int_equal(fetch(&c, &err), CR_REFUSED);
        assert_non_null(strstr(err.cause, rows[i].text));
        done(&c);
    }
    for (int64_t reason = 0; reason < 130; reason++) {
        const struct lpa_number_advice *advice = lpa_advise_install(reason);
        assert_non_null(advice);
        assert_true(advice->text[0] && advice->next[0]);
    }
}

static void test_http_without_trust(void **state)
{
    (void)state;
    struct es9_http *http = NULL;
    struct cr_err err = {0};
    struct es9_http_options options = {.ca_file = "/nonexistent/ci.pem"};
    assert_int_not_equal(es9_http_new(&options, &http, &err), CR_OK);
    assert_true(err.cause[0]);
    assert_null(http);
}

/* ---- device ---- */

static void test_device(void **state)
{
    (void)state;
    struct lpa_device device;
    struct rsp_device_info info;
    struct cr_err err;
    lpa_device_default(&device);
    lpa_device_info(&device, &info);
    assert_memory_equal(info.tac.p, "\x53\x92\x60\x11", 4);
    assert_false(cr_span_present(info.imei));
    assert_memory_equal(info.device_capabilities.gsm_supported_release.p, "\x0F\x00\x00", 3);
    assert_false(cr_span_present(info.device_capabilities.contactless_supported_release));

    assert_int_equal(lpa_device_set_imei(&device, cr_span_str("490154203237518"), &err), CR_OK);
    lpa_device_info(&device, &info);
    assert_memory_equal(info.imei.p, "\x94\x10\x45\x02\x23\x73\x15\x8F", 8);
    assert_memory_equal(info.tac.p, "\x94\x10\x45\x02", 4);
    assert_int_equal(lpa_device_set_imei(&device, cr_span_str("12"), &err), CR_MALFORMED);
    assert_int_equal(lpa_device_set_tac(&device, cr_span_str("3529061"), &err), CR_MALFORMED);

    assert_int_equal(lpa_device_set_capability(&device, cr_span_str("eutran=no"), &err), CR_OK);
    assert_int_equal(lpa_device_set_capability(&device, cr_span_str("NR-5GC=16"), &err), CR_OK);
    assert_int_equal(lpa_device_set_capability(&device, cr_span_str("contactless=9.1.2"), &err),
                     CR_OK);
    lpa_device_info(&device, &info);
    assert_false(cr_span_present(info.device_capabilities.eutran_epc_supported_release));
    assert_memory_equal(info.device_capabilities.nr5gc_supported_release.p, "\x10\x00\x00", 3);
    assert_memory_equal(info.device_capabilities.contactless_supported_release.p, "\x09\x01\x02",
                        3);
    static const char *const bad[] = {"", "eutran", "eutran=", "eutran=x", "wifi=6", "=15"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(lpa_device_set_capability(&device, cr_span_str(bad[i]), &err),
                         CR_MALFORMED);
        assert_non_null(strstr(err.next, "eutran-5gc"));
    }
    assert_int_equal(lpa_device_set_capability(&device, cr_span_str("none"), &err), CR_OK);
    lpa_device_info(&device, &info);
    cr_arena arena = {0};
    cr_span der = fake_encode(&arena, &rsp_device_info_type, &info);
    assert_non_null(memmem(der.p, der.n, "\xA1\x00", 2)); /* mandatory, may be empty */
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),      cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_http_status),    cmocka_unit_test(test_hint_in_an_http_error),
        cmocka_unit_test(test_bad_bodies),     cmocka_unit_test(test_every_refusal_has_a_next_step),
        cmocka_unit_test(test_friendly_texts), cmocka_unit_test(test_http_without_trust),
        cmocka_unit_test(test_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
