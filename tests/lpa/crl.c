/* LoadCRL towards eUICCs that take lists, refuse them, lack parts, or take none. */
#include "fake.h"

#include "base/file.h"
#include "lpa/crl.h"
#include "lpa/es9_http.h"
#include "lpa/events.h"
#include "pki/issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

/* A CI and its list of two, made once for each test. */
struct bench {
    struct fake_world w;
    cr_buf ci_der, crl;
    struct pki_cert ci;
};

static void info2(struct bench *b, uint64_t capability)
{
    static const uint8_t bytes[20] = {2, 2, 0};
    static cr_span ids[1];
    ids[0] = cr_span_of(bytes, sizeof(bytes));
    cr_span version = cr_span_of(bytes, 3);
    struct rsp_euicc_info2 info = {
        .base_profile_package_version = version,
        .lowest_svn = version,
        .euicc_firmware_version = version,
        .ext_card_resource = cr_span_of(bytes, 0),
        .euicc_rsp_capability = capability,
        .euicc_ci_pkid_list_for_verification = {.items = ids, .count = 1, .present = true},
        .euicc_ci_pkid_list_for_signing = {.items = ids, .count = 1, .present = true},
        .pp_version = version,
        .sas_accreditation_number = cr_span_of(bytes, 0),
    };
    fake_card_gives(&b->w.card, 0xBF22, fake_encode(&b->w.arena, &rsp_euicc_info2_type, &info));
}

static void setup(struct bench *b)
{
    struct crypto_private *key = NULL;
    struct pki_key *handle = NULL;
    struct cr_err err;
    memset(b, 0, sizeof(*b));
    struct pki_request request = {.role = PKI_ROLE_CI,
                                  .common_name = "ci",
                                  .registered_id = "2.999.1",
                                  .not_before_ms = DAY_MS,
                                  .not_after_ms = 40000 * DAY_MS};
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &key, &err), CR_OK);
    assert_int_equal(pki_key_of_private(key, &handle, &err), CR_OK);
    assert_int_equal(pki_issue(&request, CRYPTO_P256, pki_key_point(handle), NULL, handle,
                               cr_env_system(), &b->ci_der, &err),
                     CR_OK);
    assert_int_equal(pki_cert_decode(cr_buf_span(&b->ci_der), &b->ci, &err), CR_OK);
    const cr_span serials[] = {cr_span_of("\x01\x02", 2), cr_span_of("\x01\x03", 2)};
    assert_int_equal(
        pki_issue_crl(&b->ci, handle, serials, 2, 7, 10 * DAY_MS, 20 * DAY_MS, &b->crl, &err),
        CR_OK);
    pki_key_free(handle);
    fake_world_init(&b->w, PKI_ROLE_DP_AUTH);
    b->w.options.block_size = 255;
    assert_int_equal(
        es10_open(&b->w.card.card, &b->w.options, &b->w.lpa.where, &b->w.lpa.card, NULL), CR_OK);
}

static void done(struct bench *b)
{
    fake_world_free(&b->w);
    cr_buf_free(&b->ci_der);
    cr_buf_free(&b->crl);
}

static cr_status load(struct bench *b, struct lpa_crl_loaded *out, struct cr_err *err)
{
    *err = (struct cr_err){0};
    return lpa_load_crl(&b->w.lpa, cr_buf_span(&b->crl), &b->w.arena, out, err);
}

static void loaded(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        bool already;
        size_t missing;
    } rows[] = {
        {"BF3502A000", false, 0},
        {"BF3508A006A00402010302", false, 0}, /* see below: cut off */
        {"BF350AA008A006020103020104", false, 2},
        {"BF350EA00CA00A30038001033003800104", false, 2}, /* the older module */
        {"BF3503810105", true, 0},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct bench b;
        struct lpa_crl_loaded out;
        struct cr_err err;
        setup(&b);
        info2(&b, RSP_EUICC_LOAD_CRL);
        fake_card_says(&b.w.card, 0xBF35, rows[i].answer, 0x9000);
        cr_status status = load(&b, &out, &err);
        if (i == 1) {
            assert_int_equal(status, CR_MALFORMED);
            done(&b);
            continue;
        }
        if (status != CR_OK) {
            fail_msg("row %zu: %s", i, err.cause);
        }
        assert_int_equal(out.already, rows[i].already);
        assert_int_equal(out.missing, rows[i].missing);
        if (out.missing) {
            assert_int_equal(out.missing_parts[0], 3);
            assert_int_equal(out.missing_parts[1], 4);
        }
        assert_int_equal(out.crl.revoked_count, 2);
        /* the list goes over with another tag and the same contents */
        cr_span sent = fake_card_last(&b.w.card, 0xBF35);
        cr_span body = cr_buf_span(&b.crl);
        assert_true(sent.n > body.n);
        cr_span tail = cr_span_sub(sent, sent.n - body.n, body.n);
        assert_int_equal(tail.p[0], 0xA0);
        assert_memory_equal(tail.p + 1, body.p + 1, body.n - 1);
        cr_buf line = {0};
        lpa_event_crl(&line, "ci.crl", &out);
        const char *text = cr_buf_cstr(&line);
        assert_non_null(strstr(text, "\"event\":\"crl\""));
        assert_non_null(strstr(text, "\"crlNumber\":\"07\""));
        assert_non_null(strstr(text, "\"nextUpdate\":\"1970-01-21T00:00:00Z\""));
        assert_non_null(
            strstr(text, rows[i].missing ? "\"missingParts\":[3,4]" : "\"missingParts\":[]"));
        cr_buf_free(&line);
        done(&b);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *says;
    } rows[] = {{1, "invalidSignature"},     {2, "invalidCRLFormat"},
                {3, "notEnoughMemorySpace"}, {4, "verificationKeyNotFound"},
                {6, "baseCrlMissing"},       {127, "undefinedError"}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct bench b;
        struct lpa_crl_loaded out;
        struct cr_err err;
        char answer[16];
        setup(&b);
        info2(&b, RSP_EUICC_LOAD_CRL);
        (void)snprintf(answer, sizeof(answer), "BF35038101%02X", (unsigned)rows[i].number);
        fake_card_says(&b.w.card, 0xBF35, answer, 0x9000);
        assert_int_equal(load(&b, &out, &err), CR_REFUSED);
        assert_non_null(strstr(err.cause, rows[i].says));
        assert_true(rows[i].number == 127 || err.next[0]);
        assert_int_equal(b.w.lpa.where.result, rows[i].number);
        assert_string_equal(b.w.lpa.where.function, "ES10b.LoadCRL");
        done(&b);
    }
}

static void not_taken(void **state)
{
    (void)state;
    struct bench b;
    struct lpa_crl_loaded out;
    struct cr_err err;
    setup(&b);
    info2(&b, RSP_EUICC_ADDITIONAL_PROFILE); /* all but loadCrlSupport */
    assert_int_equal(load(&b, &out, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "takes no CRLs"));
    assert_non_null(strstr(err.next, "--crl"));
    assert_int_equal(fake_card_count(&b.w.card, 0xBF35), 0);
    /* what is no list is not sent */
    b.crl.n--;
    assert_int_equal(load(&b, &out, &err), CR_MALFORMED);
    assert_true(err.next[0]);
    assert_int_equal(fake_card_count(&b.w.card, 0xBF35), 0);
    done(&b);
}

/* ---- lists that servers are held against: what is said of them when they are read ---- */

static char told[512];

static void take_line(void *ctx, enum cr_log_level level, const char *line)
{
    (void)ctx;
    assert_int_equal(level, CR_LOG_WARNING);
    assert_string_equal(told, "");
    (void)snprintf(told, sizeof(told), "%s", line);
}

static int64_t now_of(void *ctx)
{
    return *(const int64_t *)ctx;
}

static void overdue(void **state)
{
    (void)state;
    struct bench b;
    struct cr_err err;
    char dir[] = "/tmp/crisp-lpa-XXXXXX";
    char crl[64];
    char ca[64];
    const char *files[] = {crl};
    int64_t now = 0;
    cr_env env = {.ctx = &now, .now_ms = now_of, .log = take_line};
    setup(&b);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(crl, sizeof(crl), "%s/ci.crl", dir);
    (void)snprintf(ca, sizeof(ca), "%s/ci.der", dir);
    assert_int_equal(cr_file_write(crl, cr_buf_span(&b.crl), 0600, &err), CR_OK);
    assert_int_equal(cr_file_write(ca, cr_buf_span(&b.ci_der), 0600, &err), CR_OK);
    struct es9_http_options options = {
        .ca_file = ca, .crl_files = files, .crl_count = 1, .env = &env};
    for (int late = 0; late < 2; late++) {
        struct es9_http *http = NULL;
        now = 20 * DAY_MS - !late; /* nextUpdate itself is late */
        told[0] = 0;
        assert_int_equal(es9_http_new(&options, &http, &err), CR_OK);
        es9_http_free(http);
        if (late) {
            assert_non_null(strstr(told, crl));
            assert_non_null(strstr(told, "1970-01-21T00:00:00Z"));
        } else {
            assert_string_equal(told, "");
        }
    }
    (void)unlink(crl);
    (void)unlink(ca);
    (void)rmdir(dir);
    done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded),
        cmocka_unit_test(refused),
        cmocka_unit_test(not_taken),
        cmocka_unit_test(overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
