/* Issuing: what is refused, and what strangers (the openssl command) read out of the result. */
#include "rig.h"

#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const dns[] = {"smdpp.example.com", "127.0.0.1", NULL};
static struct rig_party ci, eum, euicc, dpauth, dptls;

static int make_all(void **state)
{
    (void)state;
    const enum crypto_curve c = CRYPTO_P256;
    rig_make(&ci,
             (struct pki_request){.role = PKI_ROLE_CI,
                                  .common_name = "Test CI",
                                  .country = "IT",
                                  .crl_url = "http://ci.example.com/a.crl"},
             c, NULL);
    rig_make(&eum,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "RSP Test EUM",
                                  .ein_prefix = RIG_PREFIX,
                                  .registered_id = "2.999.5"},
             CRYPTO_BRAINPOOL, &ci);
    rig_make(&euicc,
             (struct pki_request){.role = PKI_ROLE_EUICC,
                                  .organization = "RSP Test EUM",
                                  .eid = RIG_EID,
                                  .not_after_ms = cr_time_utc_ms(9999, 12, 31, 23, 59, 59)},
             c, &eum);
    rig_make(&dpauth,
             (struct pki_request){.role = PKI_ROLE_DP_AUTH,
                                  .common_name = "TEST SM-DP+",
                                  .organization = "ACME",
                                  .registered_id = "2.999.10",
                                  .serial = RIG_SPAN(0xB8, 0x74)},
             c, &ci);
    rig_make(&dptls,
             (struct pki_request){.role = PKI_ROLE_DP_TLS,
                                  .common_name = "smdpp.example.com",
                                  .registered_id = "2.999.10",
                                  .dns_names = dns},
             c, &ci);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    struct rig_party *const all[] = {&ci, &eum, &euicc, &dpauth, &dptls};
    for (size_t i = 0; i < CR_COUNT(all); i++) {
        rig_party_free(all[i]);
    }
    return 0;
}

/* --- refusals ----------------------------------------------------------------------------------
 */

#define LONG_65 "12345678901234567890123456789012345678901234567890123456789012345"
#define TIMES   .not_before_ms = RIG_FROM, .not_after_ms = RIG_TO
#define DP      .role = PKI_ROLE_DP_AUTH, .common_name = "x", .registered_id = "2.999.1"

static void test_refusals(void **state)
{
    (void)state;
    static const char *const bad_dns[] = {"a b", NULL}, *const url[] = {"https://x", NULL},
                             *const empty[] = {"", NULL}, *const no_names[] = {NULL},
                             *const many[] = {"a", "a", "a", "a", "a", "a", "a", "a", "a",
                                              "a", "a", "a", "a", "a", "a", "a", "a", NULL};
    static const struct {
        struct pki_request request;
        const char *field; /* "" = issued */
    } rows[] = {
        {{DP, TIMES}, ""},
        {{.role = PKI_ROLE_NONE, .common_name = "x", TIMES}, "role"},
        {{.role = PKI_ROLES, .common_name = "x", TIMES}, "role"},
        {{DP, TIMES, .operator_tls = true}, "role"},
        {{.role = PKI_ROLE_DP_SUBCA, .common_name = "x", TIMES}, "role"},
        {{.role = PKI_ROLE_DP_SUBCA, .common_name = "x", TIMES, .v3 = true}, ""},
        {{.role = PKI_ROLE_DP_AUTH, .registered_id = "2.999.1", TIMES}, "common_name"},
        {{.role = PKI_ROLE_DP_AUTH, .common_name = "", .registered_id = "2.9", TIMES},
         "common_name"},
        {{.role = PKI_ROLE_DP_AUTH, .common_name = LONG_65, .registered_id = "2.9", TIMES},
         "common_name"},
        {{DP, TIMES, .organization = LONG_65}, "organization"},
        {{DP, TIMES, .organization = "\xff"}, "organization"},
        {{DP, TIMES, .organizational_unit = ""}, "organizational_unit"},
        {{DP, TIMES, .country = "es"}, "country"},
        {{DP, TIMES, .country = "ESP"}, "country"},
        {{.role = PKI_ROLE_DP_AUTH, .common_name = "x", TIMES}, "registered_id"},
        {{.role = PKI_ROLE_DP_PB, .common_name = "x", TIMES}, "registered_id"},
        {{.role = PKI_ROLE_DS_AUTH, .common_name = "x", TIMES}, "registered_id"},
        {{.role = PKI_ROLE_DP_AUTH, .common_name = "x", .registered_id = "2.x", TIMES},
         "registered_id"},
        {{.role = PKI_ROLE_DP_TLS, .common_name = "x", TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DP_TLS, .common_name = "x", .dns_names = no_names, TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DP_TLS, .common_name = "x", .dns_names = bad_dns, TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DP_TLS, .common_name = "x", .dns_names = url, TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DS_TLS, .common_name = "x", .dns_names = empty, TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DS_TLS, .common_name = "x", .dns_names = many, TIMES}, "dns_names"},
        {{.role = PKI_ROLE_DS_TLS, .common_name = "x", .dns_names = dns, TIMES}, ""},
        {{.role = PKI_ROLE_EUICC, .organization = "x", TIMES}, "eid"},
        {{.role = PKI_ROLE_EUICC, .organization = "x", .eid = "8904903212345", TIMES}, "eid"},
        {{.role = PKI_ROLE_EUICC,
          .organization = "x",
          .eid = "8904903212345123451234567890123A",
          TIMES},
         "eid"},
        {{.role = PKI_ROLE_EUICC, .common_name = "x", .eid = RIG_EID, TIMES}, "organization"},
        {{.role = PKI_ROLE_EUM, .common_name = "x", .ein_prefix = "8", TIMES}, "organization"},
        {{.role = PKI_ROLE_EUM, .organization = "x", TIMES}, "ein_prefix"},
        {{.role = PKI_ROLE_EUM, .organization = "x", .ein_prefix = "", TIMES}, "ein_prefix"},
        {{.role = PKI_ROLE_EUM, .organization = "x", .ein_prefix = "8,", TIMES}, "ein_prefix"},
        {{.role = PKI_ROLE_EUM, .organization = "x", .ein_prefix = "8,a", TIMES}, "ein_prefix"},
        {{.role = PKI_ROLE_EUM,
          .organization = "x",
          .ein_prefix = "123456789012345678901234567890123",
          TIMES},
         "ein_prefix"},
        {{.role = PKI_ROLE_EUM, .organization = "x", .ein_prefix = "8", .permitted_o = "", TIMES},
         "permitted_o"},
        {{DP}, "not_after_ms"},
        {{DP, .not_before_ms = RIG_FROM, .not_after_ms = RIG_FROM}, "not_after_ms"},
        {{DP, .not_before_ms = RIG_FROM, .not_after_ms = INT64_C(253402300800000)}, "not_after_ms"},
        {{DP, .not_before_ms = INT64_C(-631152000001), .not_after_ms = RIG_TO}, "not_after_ms"},
        {{DP, TIMES, .serial = {(const uint8_t *)"", 0}}, "serial"},
        {{DP, TIMES, .serial = {(const uint8_t *)"12345678901234567890123456789012", 32}},
         "serial"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        cr_buf der = {0};
        cr_status status = pki_issue(&rows[i].request, CRYPTO_P256, pki_key_point(ci.key), &ci.cert,
                                     ci.key, rig_env(), &der, &err);
        if ((status == CR_OK) != (rows[i].field[0] == 0) || strcmp(err.field, rows[i].field) != 0 ||
            (status != CR_OK && der.n != 0)) {
            fail_msg("row %zu: status %d, field '%s': %s", i, status, err.field, err.cause);
        }
        cr_buf_free(&der);
    }
}

static void test_wrong_issuer(void **state)
{
    (void)state;
    const struct pki_request dp = {DP, TIMES};
    cr_buf der = {0};
    struct cr_err err = {0};
    cr_span point = pki_key_point(dpauth.key);
    assert_int_equal(pki_issue(&dp, CRYPTO_P256, point, NULL, dpauth.key, rig_env(), &der, &err),
                     CR_REFUSED);
    assert_string_equal(err.field, "issuer");
    assert_int_equal(
        pki_issue(&dp, CRYPTO_P256, point, &ci.cert, dpauth.key, rig_env(), &der, &err),
        CR_REFUSED);
    assert_string_equal(err.field, "issuer_key");
    assert_int_equal(
        pki_issue(&dp, CRYPTO_CURVE_NONE, point, &ci.cert, ci.key, rig_env(), &der, &err),
        CR_REFUSED);
    assert_string_equal(err.field, "point");
    point.n = 64;
    assert_int_equal(pki_issue(&dp, CRYPTO_P256, point, &ci.cert, ci.key, rig_env(), &der, &err),
                     CR_REFUSED);
    assert_int_equal(pki_issue_crl(&ci.cert, dpauth.key, NULL, 0, 1, RIG_NOW, 0, &der, &err),
                     CR_REFUSED);
    assert_int_equal(der.n, 0);
    cr_buf_free(&der);
}

/* A home of keys that signs nothing: its refusal comes through, and nothing is put out. */
static cr_status locked_sign(void *ctx, const cr_span *parts, size_t count,
                             uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    (void)parts, (void)count, (void)out;
    (*(int *)ctx)++;
    return cr_fail(err, CR_RESOURCE, NULL, "the token is locked");
}

static void no_free(void *ctx)
{
    (void)ctx;
}

static void test_key_is_a_handle(void **state)
{
    (void)state;
    static const struct pki_key_ops ops = {.sign = locked_sign, .free = no_free};
    int calls = 0;
    struct pki_key *locked = NULL;
    struct cr_err err = {0};
    cr_buf der = {0};
    const struct pki_request dp = {DP, TIMES};
    assert_int_equal(pki_key_new(CRYPTO_P256, pki_key_point(ci.key), &ops, &calls, &locked, &err),
                     CR_OK);
    assert_int_equal(pki_issue(&dp, CRYPTO_P256, pki_key_point(dpauth.key), &ci.cert, locked,
                               rig_env(), &der, &err),
                     CR_RESOURCE);
    assert_string_equal(err.cause, "the token is locked");
    assert_int_equal(pki_issue_crl(&ci.cert, locked, NULL, 0, 1, RIG_NOW, 0, &der, &err),
                     CR_RESOURCE);
    assert_int_equal(calls, 2);
    assert_int_equal(der.n, 0);
    pki_key_free(locked);
    cr_buf_free(&der);
}

static void test_serials(void **state)
{
    (void)state;
    assert_true(cr_span_equal(dpauth.cert.serial, RIG_SPAN(0x00, 0xB8, 0x74)));
    assert_int_equal(eum.cert.serial.n, 8); /* random, positive */
    assert_int_equal(eum.cert.serial.p[0] & 0x80, 0);
    assert_false(cr_span_equal(eum.cert.serial, euicc.cert.serial));
}

static void test_pem(void **state)
{
    (void)state;
    cr_buf pem = {0}, der = {0};
    pki_pem_append(&pem, "X509 CRL",
                   cr_span_str("0123456789012345678901234567890123456789012345678"));
    assert_string_equal(cr_buf_cstr(&pem),
                        "-----BEGIN X509 CRL-----\n"
                        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3\n"
                        "OA==\n"
                        "-----END X509 CRL-----\n");
    assert_int_equal(pki_pem_decode(cr_buf_span(&pem), "X509 CRL", &der, NULL), CR_OK);
    assert_int_equal(der.n, 49);
    assert_int_equal(pki_pem_decode(cr_buf_span(&pem), "CERTIFICATE", &der, NULL), CR_MALFORMED);
    assert_int_equal(pki_pem_decode((cr_span){0}, "CERTIFICATE", &der, NULL), CR_MALFORMED);
    cr_buf_free(&pem);
    cr_buf_free(&der);
}

struct seen {
    size_t count, bytes, stop_at;
};

static cr_status see(void *ctx, cr_span der, struct cr_err *err)
{
    struct seen *seen = ctx;
    seen->bytes += der.n;
    return ++seen->count == seen->stop_at ? cr_fail(err, CR_REFUSED, NULL, "enough") : CR_OK;
}

static cr_status look(cr_span text, size_t stop_at, struct seen *seen)
{
    *seen = (struct seen){.stop_at = stop_at};
    return pki_pem_each(text, "X509 CRL", see, seen, NULL);
}

static void test_pem_each(void **state)
{
    (void)state;
    cr_buf pem = {0};
    struct seen seen;
    cr_buf_append_str(&pem, "a comment\n");
    pki_pem_append(&pem, "X509 CRL", cr_span_str("one"));
    pki_pem_append(&pem, "CERTIFICATE", cr_span_str("another thing"));
    pki_pem_append(&pem, "X509 CRL", cr_span_str("two two"));
    assert_int_equal(look(cr_buf_span(&pem), 0, &seen), CR_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.bytes, 3 + 7);
    assert_int_equal(look(cr_buf_span(&pem), 1, &seen), CR_REFUSED);
    assert_int_equal(seen.count, 1);
    /* a block without end spoils the rest, not what came before */
    cr_buf_append_str(&pem, "-----BEGIN X509 CRL-----\nAAAA\n");
    assert_int_equal(look(cr_buf_span(&pem), 0, &seen), CR_MALFORMED);
    assert_int_equal(seen.count, 2);
    /* DER is one; nothing is none */
    assert_int_equal(look(cr_span_of("\x30\x00", 2), 0, &seen), CR_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.bytes, 2);
    assert_int_equal(look(cr_span_str("neither"), 0, &seen), CR_MALFORMED);
    assert_int_equal(look((cr_span){0}, 0, &seen), CR_MALFORMED);
    assert_int_equal(seen.count, 0);
    cr_buf_free(&pem);
}

/* --- strangers ---------------------------------------------------------------------------------
 */

struct stranger {
    char dir[32];
    cr_arena arena;
};

static bool stranger_start(struct stranger *s)
{
    memset(s, 0, sizeof(*s));
    if (system("openssl version >/dev/null 2>&1") != 0) {
        print_message("skipped: no openssl command here\n");
        return false;
    }
    (void)strcpy(s->dir, "/tmp/crisp-issue-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    return true;
}

static void stranger_end(struct stranger *s)
{
    char *command = cr_arena_printf(&s->arena, "rm -r %s", s->dir);
    assert_int_equal(system(command), 0);
    cr_arena_free(&s->arena);
}

static const char *stranger_pem(struct stranger *s, const char *name, const char *label,
                                cr_span der)
{
    cr_buf pem = {0};
    const char *path = cr_arena_printf(&s->arena, "%s/%s", s->dir, name);
    pki_pem_append(&pem, label, der);
    assert_int_equal(cr_file_write(path, cr_buf_span(&pem), 0600, NULL), CR_OK);
    cr_buf_free(&pem);
    return path;
}

/* What a command prints, both channels; the exit code in *code. */
static const char *run(struct stranger *s, int *code, const char *command)
{
    char line[512];
    cr_buf out = {0};
    FILE *pipe = popen(cr_arena_printf(&s->arena, "%s 2>&1", command), "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe)) {
        cr_buf_append_str(&out, line);
    }
    *code = pclose(pipe);
    char *text = cr_arena_strn(&s->arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return text;
}

static void want_in(const char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part)) {
        fail_msg("'%s' is not in:\n%s", part, text);
    }
}

static void test_openssl_reads_certificates(void **state)
{
    (void)state;
    static const struct {
        const struct rig_party *party;
        const char *parts[12];
    } rows[] = {
        {&ci,
         {"CA:TRUE", "Certificate Sign, CRL Sign", "Policy: 2.23.146.1.2.1.0",
          "notBefore=May 28 20:26:40 2026 GMT", "notAfter=Mar 17 17:46:40 2030 GMT",
          "Basic Constraints: critical", "Key Usage: critical", "Certificate Policies: critical",
          "URI:http://ci.example.com/a.crl"}},
        {&eum,
         {"CA:TRUE, pathlen:0", "Policy: 2.23.146.1.2.1.2", "Registered ID:2.999.5",
          "Name Constraints: critical", "DirName:O = RSP Test EUM, serialNumber = 89049032"}},
        {&euicc,
         {"Policy: 2.23.146.1.2.1.1", "notAfter=Dec 31 23:59:59 9999 GMT",
          "serialNumber = 89049032123451234512345678901235", "Digital Signature"}},
        {&dpauth, {"serial=B874", "Policy: 2.23.146.1.2.1.4", "Registered ID:2.999.10"}},
        {&dptls,
         {"Policy: 2.23.146.1.2.1.3", "DNS:smdpp.example.com, IP Address:127.0.0.1",
          "Extended Key Usage: critical",
          "TLS Web Server Authentication, TLS Web Client Authentication"}},
    };
    struct stranger s;
    if (!stranger_start(&s)) {
        skip();
    }
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        int code;
        char serial[80], dates[CR_TIME_TEXT];
        const struct pki_cert *c = &rows[i].party->cert;
        const char *path = stranger_pem(&s, "c.pem", "CERTIFICATE", c->raw);
        const char *text =
            run(&s, &code,
                cr_arena_printf(&s.arena,
                                "openssl x509 -in %s -noout -text -dates -serial -subject", path));
        assert_int_equal(code, 0);
        for (size_t k = 0; rows[i].parts[k]; k++) {
            want_in(text, rows[i].parts[k]);
        }
        /* What our decoder reads is what openssl reads. */
        cr_span magnitude = c->serial;
        if (magnitude.p[0] == 0) {
            magnitude = cr_span_sub(magnitude, 1, magnitude.n);
        }
        char hex[64];
        (void)snprintf(serial, sizeof(serial), "serial=%s\n",
                       cr_hex_into(hex, sizeof(hex), magnitude));
        want_in(text, serial);
        (void)cr_time_format(dates, c->not_before_ms);
        text = run(&s, &code,
                   cr_arena_printf(
                       &s.arena, "openssl x509 -in %s -noout -dateopt iso_8601 -startdate", path));
        dates[10] = ' ';
        want_in(text, dates);
        text = run(&s, &code,
                   cr_arena_printf(&s.arena, "openssl x509 -in %s -noout -ext subjectKeyIdentifier",
                                   path));
        cr_buf ski = {0};
        for (size_t k = 0; k < c->ski.n; k++) {
            cr_buf_appendf(&ski, "%s%02X", k ? ":" : "", c->ski.p[k]);
        }
        want_in(text, cr_buf_cstr(&ski));
        cr_buf_free(&ski);
    }
    stranger_end(&s);
}

static void test_openssl_verifies(void **state)
{
    (void)state;
    struct stranger s;
    int code;
    if (!stranger_start(&s)) {
        skip();
    }
    const char *root = stranger_pem(&s, "ci.pem", "CERTIFICATE", ci.cert.raw);
    const char *time = cr_arena_printf(&s.arena, "-attime %lld", (long long)(RIG_NOW / 1000));
    const struct rig_party *const good[] = {&dpauth, &dptls, &eum};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        const char *leaf = stranger_pem(&s, "leaf.pem", "CERTIFICATE", good[i]->cert.raw);
        const char *text =
            run(&s, &code,
                cr_arena_printf(&s.arena, "openssl verify -x509_strict %s -CAfile %s %s", time,
                                root, leaf));
        if (code != 0) {
            fail_msg("openssl refuses: %s", text);
        }
    }
    const char *leaf = stranger_pem(&s, "leaf.pem", "CERTIFICATE", dptls.cert.raw);
    (void)run(&s, &code,
              cr_arena_printf(&s.arena,
                              "openssl verify %s -purpose sslserver -verify_hostname "
                              "smdpp.example.com -CAfile %s %s",
                              time, root, leaf));
    assert_int_equal(code, 0);
    (void)run(&s, &code,
              cr_arena_printf(&s.arena,
                              "openssl verify %s -purpose sslclient -verify_ip 127.0.0.1 "
                              "-CAfile %s %s",
                              time, root, leaf));
    assert_int_equal(code, 0);
    (void)run(&s, &code,
              cr_arena_printf(&s.arena,
                              "openssl verify %s -verify_hostname other.example.com -CAfile %s %s",
                              time, root, leaf));
    assert_int_not_equal(code, 0);
    /* An eUICC is a valid chain that generic code refuses: it compares nameConstraints as whole
     * names. This is why chain.c exists; if openssl ever accepts it, we want to know. */
    const char *middle = stranger_pem(&s, "eum.pem", "CERTIFICATE", eum.cert.raw);
    leaf = stranger_pem(&s, "leaf.pem", "CERTIFICATE", euicc.cert.raw);
    const char *text =
        run(&s, &code,
            cr_arena_printf(&s.arena, "openssl verify %s -CAfile %s -untrusted %s %s", time, root,
                            middle, leaf));
    assert_int_not_equal(code, 0);
    want_in(text, "permitted subtree violation");
    stranger_end(&s);
}

static void test_openssl_reads_crl(void **state)
{
    (void)state;
    struct stranger s;
    int code;
    cr_buf der = {0};
    if (!stranger_start(&s)) {
        skip();
    }
    assert_int_equal(pki_issue_crl(&ci.cert, ci.key, &dpauth.cert.serial, 1, 7, RIG_NOW,
                                   RIG_NOW + INT64_C(86400000), &der, NULL),
                     CR_OK);
    const char *root = stranger_pem(&s, "ci.pem", "CERTIFICATE", ci.cert.raw);
    const char *crl = stranger_pem(&s, "ci.crl", "X509 CRL", cr_buf_span(&der));
    const char *text =
        run(&s, &code,
            cr_arena_printf(&s.arena, "openssl crl -in %s -noout -text -CAfile %s", crl, root));
    assert_int_equal(code, 0);
    want_in(text, "verify OK");
    want_in(text, "Version 2");
    want_in(text, "Serial Number: B874");
    want_in(text, "Issuing Distribution Point: critical");
    want_in(text, "URI:http://ci.example.com/a.crl");
    want_in(text, "X509v3 CRL Number: \n                7");
    stranger_end(&s);
    cr_buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_issuer),
        cmocka_unit_test(test_key_is_a_handle),
        cmocka_unit_test(test_serials),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_pem_each),
        cmocka_unit_test(test_openssl_reads_certificates),
        cmocka_unit_test(test_openssl_verifies),
        cmocka_unit_test(test_openssl_reads_crl),
    };
    return cmocka_run_group_tests_name("pki/issue", tests, make_all, free_all);
}
