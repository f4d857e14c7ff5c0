/* What dates and CRLs do to a server: its own certificates, those of operators. */
#include "rig.h"

#include "base/file.h"
#include "base/text.h"
#include "smdpp/credentials.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

/* A set of its own, since the tests revoke. */
struct set {
    struct rig *rig;
    char dir[64];
    struct smdpp_config config;
    struct smdpp_credentials *credentials;
};

static void set_open(struct set *s, struct rig *rig)
{
    *s = (struct set){.rig = rig};
    rig_dir_make(s->dir);
    assert_ok(rig, pki_hierarchy_init(s->dir, NULL, &rig->env, &rig->err));
}

static void set_close(struct set *s)
{
    smdpp_credentials_free(s->credentials);
    smdpp_config_free(&s->config);
    rig_dir_remove(s->dir);
}

static const char *in_set(const struct set *s, const char *name)
{
    return cr_arena_printf(&s->rig->arena, "%s/nist/%s", s->dir, name);
}

static struct pki_cert cert_of(const struct set *s, const char *name)
{
    struct pki_cert cert;
    assert_ok(s->rig, pki_hierarchy_load(s->dir, CRYPTO_P256, name, &s->rig->arena, &cert, NULL,
                                         &s->rig->err));
    return cert;
}

static void put_on_list(const struct set *s, const char *name)
{
    struct pki_cert cert = cert_of(s, name);
    assert_ok(s->rig, pki_hierarchy_revoke(s->dir, CRYPTO_P256, &cert.serial, 1, &s->rig->env,
                                           &s->rig->err));
}

static cr_status load(struct set *s)
{
    smdpp_credentials_free(s->credentials);
    s->credentials = NULL;
    smdpp_config_free(&s->config);
    s->rig->err = (struct cr_err){0};
    CR_TRY(smdpp_config_from_pki(s->dir, &s->rig->env, &s->config, &s->rig->err));
    return smdpp_credentials_new(&s->config, true, true, s->rig->now_ms, &s->credentials,
                                 &s->rig->err);
}

static void refused(struct set *s, const char *says, const char *next)
{
    assert_int_equal(load(s), CR_REFUSED);
    assert_null(s->credentials);
    if (!strstr(s->rig->err.cause, says) || !strstr(s->rig->err.next, next)) {
        fail_msg("'%s' / '%s' says not '%s' / '%s'", s->rig->err.cause, s->rig->err.next, says,
                 next);
    }
}

static void issue_tls(const struct set *s, int64_t from, int64_t until)
{
    static const char *const names[] = {"testsmdpplus1.example.com", NULL};
    struct pki_request request = {.role = PKI_ROLE_DP_TLS,
                                  .common_name = names[0],
                                  .organization = "o",
                                  .registered_id = "2.999.10",
                                  .dns_names = names,
                                  .not_before_ms = from,
                                  .not_after_ms = until};
    assert_ok(s->rig, pki_hierarchy_issue_files(s->dir, CRYPTO_P256, "dptls", &request, NULL, true,
                                                &s->rig->env, &s->rig->err));
}

static void own_revoked(void **state)
{
    static const char *const names[] = {"dptls", "dpauth", "dppb"};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        struct set s;
        set_open(&s, *state);
        assert_ok(s.rig, load(&s));
        put_on_list(&s, names[i]);
        refused(&s, "revoked", i == 0 ? "crisp pki issue DIR dp-tls" : "withdrawn");
        assert_non_null(strstr(s.rig->err.cause, names[i]));
        set_close(&s);
    }
}

static void own_dates(void **state)
{
    struct set s;
    set_open(&s, *state);
    int64_t now = s.rig->now_ms / 1000 * 1000;
    issue_tls(&s, now - 10 * DAY_MS, now - DAY_MS);
    refused(&s, "validity period", "renew");
    issue_tls(&s, now + DAY_MS, now + 2 * DAY_MS);
    refused(&s, "validity period", "clock");
    issue_tls(&s, now - DAY_MS, now + DAY_MS);
    assert_ok(s.rig, load(&s));
    /* what is not shown is not judged */
    issue_tls(&s, now - 10 * DAY_MS, now - DAY_MS);
    smdpp_credentials_free(s.credentials);
    assert_ok(s.rig, smdpp_credentials_new(&s.config, false, true, s.rig->now_ms, &s.credentials,
                                           &s.rig->err));
    set_close(&s);
}

static void own_forged(void **state)
{
    struct set s;
    cr_buf der = {0};
    set_open(&s, *state);
    assert_ok(s.rig, cr_file_read(in_set(&s, "dptls.der"), 65536, &der, &s.rig->err));
    der.p[der.n - 3] ^= 1;
    assert_ok(s.rig, cr_file_write(in_set(&s, "dptls.der"), cr_buf_span(&der), 0600, &s.rig->err));
    refused(&s, "not made by the issuer's key", "tls-cert");
    der.n--;
    assert_ok(s.rig, cr_file_write(in_set(&s, "dptls.der"), cr_buf_span(&der), 0600, &s.rig->err));
    assert_int_not_equal(load(&s), CR_OK);
    cr_buf_free(&der);
    set_close(&s);
}

/* A TLS certificate of a CA that is no trusted CI: a PEM file with its chain, CRLs as PEM. */
static void own_of_a_lab(void **state)
{
    struct set s;
    struct set lab;
    cr_buf pem = {0};
    cr_buf crl = {0};
    cr_buf ini = {0};
    char path[200];
    set_open(&s, *state);
    set_open(&lab, *state);
    struct rig *rig = s.rig;
    pki_pem_append(&pem, "CERTIFICATE", cert_of(&lab, "dptls").raw);
    pki_pem_append(&pem, "CERTIFICATE", cert_of(&lab, "ci").raw);
    assert_ok(rig, cr_file_write(in_set(&s, "lab.pem"), cr_buf_span(&pem), 0600, &rig->err));
    cr_buf_appendf(&ini,
                   "[smdpp]\naddress = dp.example.com\ntrust = nist/ci.der\ncrl = nist/ci.crl\n"
                   "  lab.crl\ntls-cert = nist/lab.pem\ntls-key = x\n[identity n]\n"
                   "dpauth-cert = nist/dpauth.der\ndpauth-key = nist/dpauth.key\n"
                   "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n");
    (void)snprintf(path, sizeof(path), "%s/smdpp.ini", s.dir);
    assert_ok(rig, cr_file_write(path, cr_buf_span(&ini), 0600, &rig->err));
    (void)snprintf(path, sizeof(path), "%s/lab.crl", s.dir);
    enum { GOOD, REVOKED, FORGED, ROUNDS };
    for (int round = 0; round < ROUNDS; round++) {
        cr_buf der = {0};
        if (round == REVOKED) {
            put_on_list(&lab, "dptls");
        }
        assert_ok(rig, cr_file_read(in_set(&lab, "ci.crl"), 65536, &der, &rig->err));
        der.p[der.n - 3] ^= round == FORGED; /* names the lab's CA, not signed by it */
        cr_buf_reset(&crl);
        pki_pem_append(&crl, "X509 CRL", cr_buf_span(&der));
        assert_ok(rig, cr_file_write(path, cr_buf_span(&crl), 0600, &rig->err));
        cr_buf_free(&der);
        smdpp_config_free(&s.config);
        char file[200];
        (void)snprintf(file, sizeof(file), "%s/smdpp.ini", s.dir);
        assert_ok(rig, smdpp_config_load(file, &rig->env, &s.config, &rig->err));
        cr_status status =
            smdpp_credentials_new(&s.config, true, true, rig->now_ms, &s.credentials, &rig->err);
        assert_int_equal(status, round == GOOD ? CR_OK : CR_REFUSED);
        if (round == GOOD) {
            smdpp_credentials_free(s.credentials);
            s.credentials = NULL;
        } else {
            assert_int_equal(rig->err.code, round == REVOKED ? PKI_REVOKED : PKI_BAD_SIGNATURE);
        }
    }
    /* after its end */
    assert_int_equal(smdpp_credentials_new(&s.config, true, true, rig->now_ms + 500 * DAY_MS,
                                           &s.credentials, &rig->err),
                     CR_REFUSED);
    assert_non_null(strstr(rig->err.cause, "validity period"));
    cr_buf_free(&pem);
    cr_buf_free(&crl);
    cr_buf_free(&ini);
    set_close(&lab);
    set_close(&s);
}

/* ---- operators ---- */

static cr_status judge(struct set *s, const struct pki_cert *leaf, int64_t now_ms)
{
    s->rig->err = (struct cr_err){0};
    return smdpp_credentials_check_operator(s->credentials, leaf, now_ms, &s->rig->err);
}

static void operators(void **state)
{
    struct set s;
    set_open(&s, *state);
    struct rig *rig = s.rig;
    struct pki_request request = {.operator_tls = true, .common_name = "other"};
    assert_ok(rig, pki_hierarchy_issue_files(s.dir, CRYPTO_P256, "other", &request, NULL, true,
                                             &rig->env, &rig->err));
    struct pki_cert operator_cert = cert_of(&s, "operator");
    struct pki_cert other = cert_of(&s, "other");
    assert_ok(rig, load(&s));
    assert_ok(rig, judge(&s, &operator_cert, rig->now_ms));
    assert_int_equal(judge(&s, &operator_cert, operator_cert.not_before_ms - 1), CR_REFUSED);
    assert_ok(rig, judge(&s, &operator_cert, operator_cert.not_after_ms + 999));
    assert_int_equal(judge(&s, &operator_cert, operator_cert.not_after_ms + 1000), CR_REFUSED);
    put_on_list(&s, "operator");
    assert_ok(rig, load(&s));
    assert_int_equal(judge(&s, &operator_cert, rig->now_ms), CR_REFUSED);
    assert_non_null(strstr(rig->err.cause, "revoked"));
    assert_ok(rig, judge(&s, &other, rig->now_ms));
    set_close(&s);
}

/* CAs of operators that are no CIs, with an intermediate. */
static void operators_of_other_cas(void **state)
{
    struct set s;
    struct set lab;
    cr_buf der = {0};
    cr_buf pem = {0};
    cr_buf crl = {0};
    set_open(&s, *state);
    set_open(&lab, *state);
    struct rig *rig = s.rig;
    /* lab CI -> intermediate -> operator */
    struct pki_request sub = {.role = PKI_ROLE_DP_SUBCA,
                              .common_name = "sub",
                              .organization = "o",
                              .registered_id = "2.999.10",
                              .v3 = true};
    assert_ok(rig, pki_hierarchy_issue_files(lab.dir, CRYPTO_P256, "sub", &sub, NULL, true,
                                             &rig->env, &rig->err));
    struct pki_cert sub_cert = cert_of(&lab, "sub");
    struct pki_cert leaf_key = cert_of(&lab, "operator");
    struct pki_request leaf_request = {.operator_tls = true,
                                       .common_name = "operator",
                                       .not_before_ms = rig->now_ms - DAY_MS,
                                       .not_after_ms = rig->now_ms + DAY_MS};
    struct pki_key *sub_key = NULL;
    struct pki_cert leaf;
    assert_ok(rig,
              pki_hierarchy_load(lab.dir, CRYPTO_P256, "sub", NULL, NULL, &sub_key, &rig->err));
    assert_ok(rig, pki_issue(&leaf_request, CRYPTO_P256, leaf_key.point, &sub_cert, sub_key,
                             &rig->env, &der, &rig->err));
    assert_ok(rig, pki_cert_decode(cr_buf_span(&der), &leaf, &rig->err));
    assert_ok(rig, pki_issue_crl(&sub_cert, sub_key, &leaf.serial, 1, 1, rig->now_ms,
                                 rig->now_ms + DAY_MS, &crl, &rig->err));
    pki_key_free(sub_key);

    /* without lists all is well, whatever is known of its CAs */
    assert_ok(rig, load(&s));
    assert_ok(rig, judge(&s, &leaf, rig->now_ms));
    /* a list of a CA that is not at hand: it cannot be judged, so it is refused */
    assert_ok(rig, pki_trust_add_crl(s.config.trust, cr_buf_span(&crl), &rig->err));
    assert_int_equal(judge(&s, &leaf, rig->now_ms), CR_REFUSED);
    assert_non_null(strstr(rig->err.next, "operator-ca"));
    /* with the CA at hand: the leaf is revoked */
    pki_pem_append(&pem, "CERTIFICATE", cert_of(&lab, "ci").raw);
    pki_pem_append(&pem, "CERTIFICATE", sub_cert.raw);
    const char *cas = in_set(&s, "cas.pem");
    assert_ok(rig, cr_file_write(cas, cr_buf_span(&pem), 0600, &rig->err));
    s.config.operator_ca = cas;
    smdpp_credentials_free(s.credentials);
    assert_ok(rig,
              smdpp_credentials_new(&s.config, true, true, rig->now_ms, &s.credentials, &rig->err));
    assert_int_equal(judge(&s, &leaf, rig->now_ms), CR_REFUSED);
    assert_int_equal(rig->err.code, PKI_REVOKED);
    /* the intermediate is revoked by its CA */
    assert_ok(rig, load(&s));
    s.config.operator_ca = cas;
    put_on_list(&lab, "sub");
    cr_buf_reset(&der);
    cr_buf list = {0};
    assert_ok(rig, cr_file_read(in_set(&lab, "ci.crl"), 65536, &list, &rig->err));
    assert_ok(rig, pki_trust_add_crl(s.config.trust, cr_buf_span(&list), &rig->err));
    cr_buf_free(&list);
    smdpp_credentials_free(s.credentials);
    assert_ok(rig,
              smdpp_credentials_new(&s.config, true, true, rig->now_ms, &s.credentials, &rig->err));
    assert_int_equal(judge(&s, &leaf, rig->now_ms), CR_REFUSED);
    assert_int_equal(rig->err.code, PKI_REVOKED);
    /* a list that names such a CA and is not signed by it stops the server at once */
    crl.p[crl.n - 3] ^= 1;
    assert_ok(rig, pki_trust_add_crl(s.config.trust, cr_buf_span(&crl), &rig->err));
    struct smdpp_credentials *none = NULL;
    assert_int_equal(smdpp_credentials_new(&s.config, true, true, rig->now_ms, &none, &rig->err),
                     CR_REFUSED);
    assert_int_equal(rig->err.code, PKI_BAD_SIGNATURE);
    assert_null(none);
    cr_buf_free(&der);
    cr_buf_free(&pem);
    cr_buf_free(&crl);
    set_close(&lab);
    set_close(&s);
}

/* ---- while the server runs ---- */

struct told {
    struct rig *rig;
    int errors, warnings;
    char last[512];
};

static int64_t told_now(void *ctx)
{
    return ((struct told *)ctx)->rig->now_ms;
}

static void told_log(void *ctx, enum cr_log_level level, const char *line)
{
    struct told *t = ctx;
    t->errors += level == CR_LOG_ERROR;
    t->warnings += level == CR_LOG_WARNING;
    (void)snprintf(t->last, sizeof(t->last), "%s", line);
}

static void expiry_is_told(void **state)
{
    struct set s;
    set_open(&s, *state);
    struct rig *rig = s.rig;
    struct told told = {.rig = rig};
    cr_env env = {.ctx = &told, .now_ms = told_now, .random = rig->env.random, .log = told_log};
    int64_t end = cert_of(&s, "dptls").not_after_ms;
    assert_ok(rig, load(&s));
    const struct {
        int64_t at;
        int errors, warnings;
    } steps[] = {
        {rig->now_ms, 0, 0},
        {end - SMDPP_LIFE_WARN_MS - 1000, 0, 0},
        {end - SMDPP_LIFE_WARN_MS + 1000, 0, 1},
        {end + 999, 0, 1}, /* once only */
        {end + 1000, 1, 1},
        {end + DAY_MS, 1, 1},
        {rig->now_ms, 1, 1}, /* the clock was wrong */
        {end + DAY_MS, 2, 1},
        {0, 4, 1}, /* long ago: both identities too; of the TLS certificate it is known */
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        rig->now_ms = steps[i].at;
        smdpp_credentials_watch(s.credentials, &env);
        assert_int_equal(told.errors, steps[i].errors);
        assert_int_equal(told.warnings, steps[i].warnings);
        if (i == 4) {
            assert_non_null(strstr(told.last, "dptls.der"));
            assert_non_null(strstr(told.last, "renew"));
        }
    }
    set_close(&s);
}

static void expired_identity_is_not_shown(void **state)
{
    struct rig *rig = *state;
    struct fake_knobs none = {0};
    const struct smdpp_identity *id =
        smdpp_identity_under(&rig->config, CR_SPAN_ARRAY(rig->nist.ci));
    assert_non_null(id);
    cr_span ci = CR_SPAN_ARRAY(rig->nist.ci);
    assert_ptr_equal(smdpp_identity_for(&rig->config, &ci, 1, id->from_ms), id);
    assert_null(smdpp_identity_for(&rig->config, &ci, 1, id->from_ms - 1));
    assert_ptr_equal(smdpp_identity_for(&rig->config, &ci, 1, id->until_ms - 1), id);
    assert_null(smdpp_identity_for(&rig->config, &ci, 1, id->until_ms));
    assert_ok(rig, rig_initiate(rig, &rig->nist, &none));
    rig->now_ms = id->until_ms;
    assert_int_equal(rig_initiate(rig, &rig->nist, &none), CR_REFUSED);
    assert_string_equal(rig->err.subject, "8.8.4");
    assert_string_equal(rig->err.reason, "3.7");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(own_revoked),    TEST(own_dates),
        TEST(own_forged),     TEST(own_of_a_lab),
        TEST(operators),      TEST(operators_of_other_cas),
        TEST(expiry_is_told), TEST(expired_identity_is_not_shown),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
