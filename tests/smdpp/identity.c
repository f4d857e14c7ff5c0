/* The configuration of an SM-DP+: what is taken, and what each refusal says. */
#include "rig.h"

#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "[smdpp]\naddress = dp.example.com\ntrust = nist/ci.der\n  brainpool/ci.der\n"                 \
    "crl = nist/ci.crl ; a comment\n"                                                              \
    "tls-cert = nist/dptls.der\ntls-key = nist/dptls.key\noperator-ca = nist/ci.der\n"
#define NIST                                                                                       \
    "[identity nist]\ndpauth-cert = nist/dpauth.der\ndpauth-key = nist/dpauth.key\n"               \
    "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n"
#define BRAINPOOL                                                                                  \
    "[identity brp]\ndpauth-cert = brainpool/dpauth.der\ndpauth-key = brainpool/dpauth.key\n"      \
    "dppb-cert = brainpool/dppb.der\ndppb-key = brainpool/dppb.key\n"

static char file[512];

static cr_status load(struct rig *rig, const char *text, struct smdpp_config *out)
{
    rig->err = (struct cr_err){0};
    (void)snprintf(file, sizeof(file), "%s/smdpp.ini", rig_pki);
    assert_ok(rig, cr_file_write(file, cr_span_str(text), 0600, &rig->err));
    return smdpp_config_load(file, &rig->env, out, &rig->err);
}

static void good(void **state)
{
    struct rig *rig = *state;
    struct smdpp_config c;
    assert_ok(rig, load(rig,
                        HEAD NIST BRAINPOOL "[operator Example Telecom]\n"
                                            "notify = https://op.example:8443\nca = nist/ci.der\n"
                                            "[operator Other]\nnotify = https://other.example\n",
                        &c));
    assert_string_equal(c.address, "dp.example.com");
    assert_int_equal(c.identity_count, 2);
    assert_int_equal(c.tls_count, 1);
    assert_int_equal(pki_trust_ci_count(c.trust), 2);
    const struct smdpp_operator *op = smdpp_operator_named(&c, "Example Telecom");
    assert_non_null(op);
    assert_string_equal(op->notify, "https://op.example:8443");
    assert_non_null(strstr(op->ca, "/nist/ci.der"));
    assert_null(smdpp_operator_named(&c, "Other")->ca);
    assert_null(smdpp_operator_named(&c, "Nobody"));
    assert_non_null(smdpp_identity_under(&c, CR_SPAN_ARRAY(rig->nist.ci)));
    assert_non_null(smdpp_identity_under(&c, CR_SPAN_ARRAY(rig->brainpool.ci)));
    smdpp_config_free(&c);
    smdpp_config_free(&c); /* again does nothing */
    smdpp_config_free(NULL);
}

/* Each message names the file and says what to do. */
static void refused(struct rig *rig, const char *text, const char *says)
{
    struct smdpp_config c;
    assert_int_not_equal(load(rig, text, &c), CR_OK);
    if (!strstr(rig->err.cause, "smdpp.ini") && !strstr(rig->err.cause, rig_pki)) {
        fail_msg("'%s' names no file", rig->err.cause);
    }
    if (!strstr(rig->err.cause, says)) {
        fail_msg("'%s' does not say '%s'", rig->err.cause, says);
    }
    if (!rig->err.next[0]) {
        fail_msg("'%s' does not say what to do", rig->err.cause);
    }
    assert_null(c.trust);
    assert_int_equal(c.identity_count, 0);
}

static void bad_settings(void **state)
{
    struct rig *rig = *state;
    refused(rig, "", "no address");
    refused(rig, "[smdpp]\naddress =\n", "no address");
    refused(rig, "[smdpp]\naddress = a\n", "no CI is trusted");
    refused(rig, HEAD, "no [identity ...]");
    refused(rig, HEAD "adress = x\n" NIST, "line 9: [smdpp] has no setting 'adress'");
    refused(rig, HEAD "tls-cert.99 = x\n" NIST, "line 9");
    refused(rig, HEAD NIST "dpauth = x\n", "'dpauth'");
    refused(rig, HEAD NIST "[nonsense]\nx = y\n", "nonsense");
    refused(rig, HEAD NIST "[operator]\nnotify = x\n", "operator");
    refused(rig, HEAD NIST "[operator A]\nurl = x\n", "'url'");
    refused(rig, HEAD "this is no setting\n" NIST, "line 9");
    refused(rig, HEAD "tls-cert.2 = nist/dptls.der\n" NIST, "has no key");
    refused(rig, HEAD "tls-key.3 = nist/dptls.key\n" NIST, "has no");
    refused(rig, HEAD "[identity nist]\ndpauth-cert = nist/dpauth.der\n", "not complete");
    char text[2048];
    char filling[300];
    memset(filling, 'x', sizeof(filling) - 1);
    filling[sizeof(filling) - 1] = 0;
    (void)snprintf(text, sizeof(text), HEAD "crl = %s\n" NIST, filling);
    refused(rig, text, "line 9: longer than");
    char many[4096] = HEAD;
    for (int i = 0; i < SMDPP_MAX_IDENTITIES + 1; i++) {
        char one[64];
        (void)snprintf(one, sizeof(one), "[identity i%d]\ndppb-key = x\n", i);
        strcat(many, one);
    }
    refused(rig, many, "line");
}

static void bad_files(void **state)
{
    struct rig *rig = *state;
    struct smdpp_config c;
    assert_int_equal(smdpp_config_load("/nowhere/at/all.ini", &rig->env, &c, &rig->err),
                     CR_RESOURCE);
    assert_non_null(strstr(rig->err.cause, "/nowhere/at/all.ini"));
#define SMDPP "[smdpp]\naddress = dp.example.com\n"
    refused(rig, SMDPP "trust = nist/none.der\n" NIST, "none.der");
    refused(rig, SMDPP "trust = nist/dpauth.der\n" NIST, "dpauth.der");
    refused(rig, SMDPP "trust = pki.json\n" NIST, "pki.json");
    refused(rig, SMDPP "trust = nist/ci.der\ncrl = nist/ci.der\n" NIST, "ci.der");
    refused(rig, SMDPP "trust = brainpool/ci.der\n" NIST, "dpauth.der");
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/none.der\ndpauth-key = nist/dpauth.key\n"
                 "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n",
            "none.der");
    /* certificates of other roles, changed places, of two CIs, keys of others */
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/dppb.der\ndpauth-key = nist/dppb.key\n"
                 "dppb-cert = nist/dpauth.der\ndppb-key = nist/dpauth.key\n",
            "dppb.der");
    assert_non_null(strstr(rig->err.next, "dp-auth"));
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/dsauth.der\ndpauth-key = nist/dsauth.key\n"
                 "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n",
            "dsauth.der");
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/dpauth.der\ndpauth-key = nist/dpauth.key\n"
                 "dppb-cert = brainpool/dppb.der\ndppb-key = brainpool/dppb.key\n",
            "brainpool/dppb.der");
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/dpauth.der\ndpauth-key = nist/dppb.key\n"
                 "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n",
            "dppb.key is not the key");
    refused(rig,
            HEAD "[identity x]\ndpauth-cert = nist/dpauth.der\ndpauth-key = nist/none.key\n"
                 "dppb-cert = nist/dppb.der\ndppb-key = nist/dppb.key\n",
            "none.key");
    refused(rig,
            HEAD NIST "[identity again]\ndpauth-cert = nist/dpauth.der\n"
                      "dpauth-key = nist/dpauth.key\ndppb-cert = nist/dppb.der\n"
                      "dppb-key = nist/dppb.key\n",
            "same CI");
}

static void expired_and_other_oid(void **state)
{
    struct rig *rig = *state;
    struct pki_request request = {.role = PKI_ROLE_DP_PB,
                                  .common_name = "other",
                                  .organization = "other",
                                  .registered_id = "2.999.77"};
    assert_ok(rig, pki_hierarchy_issue_files(rig_pki, CRYPTO_P256, "otherpb", &request, NULL, true,
                                             &rig->env, &rig->err));
#define OTHER                                                                                      \
    "[identity x]\ndpauth-cert = nist/dpauth.der\ndpauth-key = nist/dpauth.key\n"                  \
    "dppb-cert = nist/otherpb.der\ndppb-key = nist/otherpb.key\n"
    refused(rig, HEAD OTHER, "another OID");
    request.registered_id = "2.999.10";
    request.not_before_ms = rig->now_ms - 10000;
    request.not_after_ms = rig->now_ms - 5000;
    assert_ok(rig, pki_hierarchy_issue_files(rig_pki, CRYPTO_P256, "otherpb", &request, NULL, true,
                                             &rig->env, &rig->err));
    refused(rig, HEAD OTHER, "otherpb.der");
    assert_non_null(strstr(rig->err.next, "renew"));
}

static void operators(void **state)
{
    struct rig *rig = *state;
    char name[32];
    assert_int_equal(smdpp_operator_set(&rig->config, "", "https://x", NULL, &rig->err),
                     CR_REFUSED);
    for (int i = (int)rig->config.operator_count; i < SMDPP_MAX_OPERATORS; i++) {
        (void)snprintf(name, sizeof(name), "op-%d", i);
        assert_ok(rig, smdpp_operator_set(&rig->config, name, "https://x", NULL, &rig->err));
    }
    assert_int_equal(smdpp_operator_set(&rig->config, "one more", "https://x", NULL, &rig->err),
                     CR_REFUSED);
    assert_ok(rig, smdpp_operator_set(&rig->config, "op-5", NULL, "ca.pem", &rig->err));
    assert_string_equal(smdpp_operator_named(&rig->config, "op-5")->notify, "https://x");
    assert_string_equal(smdpp_operator_named(&rig->config, "op-5")->ca, "ca.pem");
}

static void pki_directory(void **state)
{
    struct rig *rig = *state;
    struct smdpp_config c;
    char dir[64];
    rig_dir_make(dir);
    assert_int_equal(smdpp_config_from_pki(dir, &rig->env, &c, &rig->err), CR_RESOURCE);
    assert_non_null(strstr(rig->err.cause, dir));
    assert_non_null(strstr(rig->err.next, "pki init"));
    rig_dir_remove(dir);
    assert_string_equal(rig->config.address, PKI_DEFAULT_DP_HOST);
    assert_int_equal(rig->config.identity_count, 2);
    assert_non_null(rig->config.operator_ca);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(good),      TEST(bad_settings),  TEST(bad_files), TEST(expired_and_other_oid),
        TEST(operators), TEST(pki_directory),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
