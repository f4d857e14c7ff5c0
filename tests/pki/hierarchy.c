/* The directory of `crisp pki init`: complete, believed, private, and not easily destroyed. */
#include "rig.h"

#include "base/file.h"
#include "pki/hierarchy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/crisp-pki-XXXXXX";
static const char *const extra[] = {"localhost", "127.0.0.1", NULL};

static int make_all(void **state)
{
    (void)state;
    const struct pki_hierarchy_options options = {.dp_host = "dp.example.com",
                                                  .extra_names = extra};
    if (!mkdtemp(dir)) {
        return 1;
    }
    return pki_hierarchy_init(dir, &options, rig_env(), NULL) == CR_OK ? 0 : 1;
}

static void remove_dir(const char *path)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", path);
    assert_int_equal(system(command), 0);
}

static int free_all(void **state)
{
    (void)state;
    remove_dir(dir);
    return 0;
}

static const struct {
    const char *name;
    enum pki_role role;
    bool tls;
} files[] = {
    {"eum", PKI_ROLE_EUM, false},      {"dpauth", PKI_ROLE_DP_AUTH, false},
    {"dppb", PKI_ROLE_DP_PB, false},   {"dsauth", PKI_ROLE_DS_AUTH, false},
    {"dptls", PKI_ROLE_DP_TLS, true},  {"dstls", PKI_ROLE_DS_TLS, true},
    {"operator", PKI_ROLE_NONE, true},
};

static void test_complete_and_believed(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct pki_trust *trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    assert_int_equal(pki_trust_ci_count(trust), 2);
    for (int c = CRYPTO_P256; c < CRYPTO_CURVES; c++) {
        enum crypto_curve curve = (enum crypto_curve)c;
        assert_true(pki_hierarchy_has(dir, curve));
        struct pki_cert ci;
        assert_int_equal(pki_hierarchy_load(dir, curve, "ci", &arena, &ci, NULL, NULL), CR_OK);
        for (size_t i = 0; i < CR_COUNT(files); i++) {
            struct pki_cert cert;
            struct pki_key *key = NULL;
            cr_status status =
                pki_hierarchy_load(dir, curve, files[i].name, &arena, &cert, &key, NULL);
            if (files[i].tls && curve != CRYPTO_P256) {
                assert_int_equal(status, CR_RESOURCE); /* TLS is P-256 only */
                continue;
            }
            assert_int_equal(status, CR_OK);
            assert_int_equal(cert.curve, curve);
            struct pki_expect expect = {
                .role = files[i].role, .now_ms = RIG_NOW, .ci_key_id = ci.ski};
            assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL), CR_OK);
            expect.now_ms = RIG_NOW + 397 * INT64_C(86400000);
            assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL), CR_OK);
            expect.now_ms = RIG_NOW + 398 * INT64_C(86400000);
            assert_int_equal(pki_chain_verify(trust, &cert, 1, &expect, NULL, NULL, NULL),
                             files[i].tls ? CR_REFUSED : CR_OK);
            pki_key_free(key);
        }
    }
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

static void test_names_and_ids(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct pki_cert auth, pb, tls, ds;
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, "dpauth", &arena, &auth, NULL, NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, "dppb", &arena, &pb, NULL, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, "dptls", &arena, &tls, NULL, NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, "dstls", &arena, &ds, NULL, NULL), CR_OK);
    assert_true(cr_span_equal(auth.registered_id, pb.registered_id));
    assert_true(cr_span_equal(auth.registered_id, tls.registered_id));
    assert_false(cr_span_equal(auth.registered_id, ds.registered_id));
    struct pki_trust *trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    static const struct {
        bool ds;
        const char *name;
        cr_status status;
    } rows[] = {{false, "dp.example.com", CR_OK},   {false, "localhost", CR_OK},
                {false, "127.0.0.1", CR_OK},        {false, PKI_DEFAULT_DS_HOST, CR_REFUSED},
                {true, PKI_DEFAULT_DS_HOST, CR_OK}, {true, "dp.example.com", CR_REFUSED}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pki_expect expect = {.role = rows[i].ds ? PKI_ROLE_DS_TLS : PKI_ROLE_DP_TLS,
                                    .dns_name = cr_span_str(rows[i].name)};
        assert_int_equal(
            pki_chain_verify(trust, rows[i].ds ? &ds : &tls, 1, &expect, NULL, NULL, NULL),
            rows[i].status);
    }
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

static unsigned mode_of(const char *name)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void test_keys_are_private(void **state)
{
    (void)state;
    static const char *const keys[] = {"nist/ci.key",       "nist/eum.key",
                                       "nist/dptls.key",    "brainpool/ci.key",
                                       "nist/operator.key", "brainpool/dppb.key"};
    for (size_t i = 0; i < CR_COUNT(keys); i++) {
        assert_int_equal(mode_of(keys[i]), 0600);
    }
    assert_int_equal(mode_of("nist/ci.der"), 0644);
    char path[256];
    cr_buf text = {0};
    (void)snprintf(path, sizeof(path), "%s/nist/ci.key", dir);
    assert_int_equal(cr_file_read(path, 4096, &text, NULL), CR_OK);
    assert_memory_equal(text.p, "-----BEGIN PRIVATE KEY-----", 27);
    cr_buf_reset(&text);
    (void)snprintf(path, sizeof(path), "%s/pki.json", dir);
    assert_int_equal(cr_file_read(path, 4096, &text, NULL), CR_OK);
    assert_non_null(strstr(cr_buf_cstr(&text), "\"dpHost\": \"dp.example.com\""));
    assert_non_null(strstr(cr_buf_cstr(&text), "\"einPrefix\": \"89049032\""));
    cr_buf_free(&text);
}

static void test_euicc(void **state)
{
    (void)state;
    for (int c = CRYPTO_P256; c < CRYPTO_CURVES; c++) {
        cr_buf cert = {0}, eum = {0};
        struct crypto_private *key = NULL;
        struct pki_cert chain[2];
        uint8_t point[CRYPTO_POINT];
        assert_int_equal(
            pki_issue_euicc(dir, (enum crypto_curve)c, RIG_EID, rig_env(), &cert, &eum, &key, NULL),
            CR_OK);
        assert_int_equal(pki_cert_decode(cr_buf_span(&cert), &chain[0], NULL), CR_OK);
        assert_int_equal(pki_cert_decode(cr_buf_span(&eum), &chain[1], NULL), CR_OK);
        crypto_private_point(key, point);
        assert_true(cr_span_equal(chain[0].point, CR_SPAN_ARRAY(point)));
        assert_true(chain[0].not_after_ms > cr_time_utc_ms(7000, 1, 1, 0, 0, 0));
        struct pki_trust *trust = pki_trust_new();
        struct pki_expect expect = {.role = PKI_ROLE_EUICC, .now_ms = RIG_NOW};
        assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
        assert_int_equal(pki_chain_verify(trust, chain, 2, &expect, NULL, NULL, NULL), CR_OK);
        pki_trust_free(trust);
        crypto_private_free(key);
        cr_buf_free(&cert);
        cr_buf_free(&eum);
    }
}

/* What nobody would believe is not issued. */
static void test_issue_refuses(void **state)
{
    (void)state;
    struct crypto_private *key = NULL;
    cr_buf cert = {0};
    struct cr_err err = {0};
    assert_int_equal(pki_issue_euicc(dir, CRYPTO_P256, "89049033123451234512345678901235",
                                     rig_env(), &cert, NULL, &key, &err),
                     CR_REFUSED);
    assert_int_equal(err.code, PKI_EID_RANGE);
    assert_int_equal(
        pki_issue_euicc(dir, CRYPTO_P256, "890490321", rig_env(), &cert, NULL, &key, &err),
        CR_REFUSED);
    assert_string_equal(err.field, "eid");
    const struct pki_request other_o = {
        .role = PKI_ROLE_EUICC, .organization = "Somebody", .eid = RIG_EID};
    assert_int_equal(
        pki_hierarchy_issue(dir, CRYPTO_P256, &other_o, NULL, rig_env(), &cert, &key, &err),
        CR_REFUSED);
    assert_int_equal(err.code, PKI_EID_RANGE);
    const struct pki_request dp = {
        .role = PKI_ROLE_DP_AUTH, .common_name = "x", .registered_id = "2.999.12"};
    assert_int_equal(
        pki_hierarchy_issue(dir, CRYPTO_P256, &dp, "eum", rig_env(), &cert, &key, &err),
        CR_REFUSED);
    assert_int_equal(err.code, PKI_WRONG_ROLE);
    assert_int_equal(
        pki_hierarchy_issue(dir, CRYPTO_P256, &dp, "nobody", rig_env(), &cert, &key, &err),
        CR_RESOURCE);
    assert_true(err.next[0] != 0);
    static const char *const outside[] = {"../nist/ci", "a/b", ".", "..", "", ".hidden"};
    for (size_t i = 0; i < CR_COUNT(outside); i++) {
        assert_int_equal(pki_hierarchy_issue_files(dir, CRYPTO_P256, outside[i], &dp, NULL, true,
                                                   rig_env(), &err),
                         CR_REFUSED);
        assert_int_equal(
            pki_hierarchy_issue(dir, CRYPTO_P256, &dp, outside[i], rig_env(), &cert, &key, &err),
            CR_REFUSED);
    }
    assert_int_equal(
        pki_hierarchy_issue(dir, CRYPTO_CURVE_NONE, &dp, NULL, rig_env(), &cert, &key, &err),
        CR_REFUSED);
    assert_null(key);
    assert_int_equal(cert.n, 0);
    cr_buf_free(&cert);
}

static int64_t later(void *ctx)
{
    return cr_now_ms(rig_env()) + *(const int64_t *)ctx;
}

/* Below an issuer that is not valid now nothing is issued. */
static void test_issuer_out_of_date(void **state)
{
    (void)state;
    static const struct {
        int64_t days;
        const char *cause;
    } cases[] = {{-2, "is not valid yet"}, {36 * 366, "has expired"}};
    const struct pki_request dp = {.role = PKI_ROLE_DP_AUTH, .registered_id = "2.999.10"};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        int64_t by = cases[i].days * 86400000;
        const cr_env env = {.ctx = &by, .now_ms = later, .random = rig_env()->random};
        struct crypto_private *key = NULL;
        cr_buf cert = {0};
        struct cr_err err = {0};
        assert_int_equal(pki_issue_euicc(dir, CRYPTO_P256, RIG_EID, &env, &cert, NULL, &key, &err),
                         CR_REFUSED);
        assert_non_null(strstr(err.cause, cases[i].cause));
        assert_non_null(strstr(err.next, "clock"));
        assert_int_equal(pki_hierarchy_issue(dir, CRYPTO_P256, &dp, NULL, &env, &cert, &key, &err),
                         CR_REFUSED);
        assert_non_null(strstr(err.cause, cases[i].cause));
        assert_null(key);
        assert_int_equal(cert.n, 0);
    }
}

static void test_issue_files(void **state)
{
    (void)state;
    const struct pki_request dp = {
        .role = PKI_ROLE_DP_AUTH, .common_name = "x", .registered_id = "2.999.12"};
    const char *name = "dpauth2";
    cr_arena arena = {0};
    struct pki_cert first, second;
    struct pki_key *key = NULL;
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, name, &dp, NULL, false, rig_env(), NULL),
        CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, name, &arena, &first, &key, NULL), CR_OK);
    pki_key_free(key);
    assert_int_equal(mode_of("nist/dpauth2.key"), 0600);
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, name, &dp, NULL, false, rig_env(), NULL),
        CR_REFUSED);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, name, &arena, &second, NULL, NULL),
                     CR_OK);
    assert_true(cr_span_equal(first.raw, second.raw));
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, name, &dp, NULL, true, rig_env(), NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, name, &arena, &second, NULL, NULL),
                     CR_OK);
    assert_false(cr_span_equal(first.raw, second.raw));
    /* A v3 SubCA and what stands below it. */
    const struct pki_request sub = {
        .role = PKI_ROLE_DP_SUBCA, .common_name = "DP SubCA", .v3 = true};
    struct pki_request below = dp;
    below.v3 = true;
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, "dpsub", &sub, NULL, false, rig_env(), NULL),
        CR_OK);
    assert_int_equal(pki_hierarchy_issue_files(dir, CRYPTO_P256, "dpauth3", &below, "dpsub", false,
                                               rig_env(), NULL),
                     CR_OK);
    /* One level deeper than the directory knows the way: issued, and up to the caller. */
    const struct pki_request eum3 = {.role = PKI_ROLE_EUM,
                                     .organization = "E",
                                     .ein_prefix = RIG_PREFIX,
                                     .v3 = true,
                                     .sub_cas = 1};
    struct pki_request deeper = eum3;
    deeper.role = PKI_ROLE_EUM_SUBCA;
    deeper.sub_cas = 0;
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, "eum3", &eum3, NULL, false, rig_env(), NULL),
        CR_OK);
    assert_int_equal(pki_hierarchy_issue_files(dir, CRYPTO_P256, "eumsub", &deeper, "eum3", false,
                                               rig_env(), NULL),
                     CR_OK);
    const struct pki_request chip = {.role = PKI_ROLE_EUICC, .eid = RIG_EID, .v3 = true};
    assert_int_equal(pki_hierarchy_issue_files(dir, CRYPTO_P256, "chip", &chip, "eumsub", false,
                                               rig_env(), NULL),
                     CR_OK);
    struct pki_cert chain[3];
    struct pki_trust *trust = pki_trust_new();
    struct pki_expect expect = {.role = PKI_ROLE_EUICC, .now_ms = RIG_NOW};
    const char *const levels[] = {"chip", "eumsub", "eum3"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            pki_hierarchy_load(dir, CRYPTO_P256, levels[i], &arena, &chain[i], NULL, NULL), CR_OK);
    }
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    assert_int_equal(pki_chain_verify(trust, chain, 3, &expect, NULL, NULL, NULL), CR_OK);
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

static void test_key_of_another(void **state)
{
    (void)state;
    char from[256], to[256];
    cr_buf text = {0};
    cr_arena arena = {0};
    struct pki_cert cert;
    struct pki_key *key = NULL;
    const struct pki_request dp = {
        .role = PKI_ROLE_DP_PB, .common_name = "x", .registered_id = "2.999.12"};
    assert_int_equal(
        pki_hierarchy_issue_files(dir, CRYPTO_P256, "mixed", &dp, NULL, true, rig_env(), NULL),
        CR_OK);
    (void)snprintf(from, sizeof(from), "%s/nist/dppb.key", dir);
    (void)snprintf(to, sizeof(to), "%s/nist/mixed.key", dir);
    assert_int_equal(cr_file_read(from, 4096, &text, NULL), CR_OK);
    assert_int_equal(cr_file_write(to, cr_buf_span(&text), 0600, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_P256, "mixed", &arena, &cert, &key, NULL),
                     CR_REFUSED);
    assert_null(key);
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

static cr_status verify(enum pki_role role, const struct pki_cert *cert)
{
    struct pki_trust *trust = pki_trust_new();
    struct pki_expect expect = {.role = role, .now_ms = RIG_NOW};
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    cr_status status = pki_chain_verify(trust, cert, 1, &expect, NULL, NULL, NULL);
    pki_trust_free(trust);
    return status;
}

static void test_revoke(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct pki_cert auth, pb;
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_BRAINPOOL, "dpauth", &arena, &auth, NULL, NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_load(dir, CRYPTO_BRAINPOOL, "dppb", &arena, &pb, NULL, NULL),
                     CR_OK);
    assert_int_equal(verify(PKI_ROLE_DP_AUTH, &auth), CR_OK);
    assert_int_equal(pki_hierarchy_revoke(dir, CRYPTO_BRAINPOOL, &auth.serial, 1, rig_env(), NULL),
                     CR_OK);
    assert_int_equal(verify(PKI_ROLE_DP_AUTH, &auth), CR_REFUSED);
    assert_int_equal(verify(PKI_ROLE_DP_PB, &pb), CR_OK);
    assert_int_equal(pki_hierarchy_revoke(dir, CRYPTO_BRAINPOOL, &pb.serial, 1, rig_env(), NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_revoke(dir, CRYPTO_BRAINPOOL, &pb.serial, 1, rig_env(), NULL),
                     CR_OK);
    assert_int_equal(verify(PKI_ROLE_DP_AUTH, &auth), CR_REFUSED);
    assert_int_equal(verify(PKI_ROLE_DP_PB, &pb), CR_REFUSED);
    char path[256];
    cr_buf der = {0};
    struct pki_crl crl;
    (void)snprintf(path, sizeof(path), "%s/brainpool/ci.crl", dir);
    assert_int_equal(cr_file_read(path, 4096, &der, NULL), CR_OK);
    assert_int_equal(pki_crl_decode(cr_buf_span(&der), &crl, NULL), CR_OK);
    assert_int_equal(crl.revoked_count, 2); /* not three */
    assert_true(cr_span_equal(crl.number, RIG_SPAN(0x04)));
    cr_buf_free(&der);
    cr_arena_free(&arena);
}

static void test_overwrite(void **state)
{
    (void)state;
    char again[] = "/tmp/crisp-pki-again-XXXXXX";
    cr_arena arena = {0};
    struct pki_cert old, new, dp;
    struct cr_err err = {0};
    assert_non_null(mkdtemp(again));
    assert_int_equal(pki_hierarchy_init(again, NULL, rig_env(), NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(again, CRYPTO_P256, "ci", &arena, &old, NULL, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(again, CRYPTO_P256, "dpauth", &arena, &dp, NULL, NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_revoke(again, CRYPTO_P256, &dp.serial, 1, rig_env(), NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_init(again, NULL, rig_env(), &err), CR_REFUSED);
    assert_non_null(strstr(err.next, "--force"));
    assert_int_equal(pki_hierarchy_load(again, CRYPTO_P256, "ci", &arena, &new, NULL, NULL), CR_OK);
    assert_true(cr_span_equal(old.raw, new.raw));
    const struct pki_hierarchy_options force = {.force = true};
    assert_int_equal(pki_hierarchy_init(again, &force, rig_env(), NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(again, CRYPTO_P256, "ci", &arena, &new, NULL, NULL), CR_OK);
    assert_false(cr_span_equal(old.raw, new.raw));
    struct pki_trust *trust = pki_trust_new(); /* the list of the old CI would not be taken */
    assert_int_equal(pki_hierarchy_trust(again, trust, NULL), CR_OK);
    pki_trust_free(trust);
    remove_dir(again);
    trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(again, trust, &err), CR_RESOURCE);
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

/* Under a CI that exists already: its certificate and key files. */
static void under_ci(const char *cert_path, const char *key_path, enum crypto_curve curve)
{
    char below[] = "/tmp/crisp-pki-below-XXXXXX";
    cr_arena arena = {0};
    struct pki_cert ci, copied, dp;
    struct pki_hierarchy_options options = {0};
    assert_non_null(mkdtemp(below));
    options.ci_cert[curve] = cert_path;
    options.ci_key[curve] = key_path;
    assert_int_equal(pki_hierarchy_init(below, &options, rig_env(), NULL), CR_OK);
    assert_int_equal(pki_cert_load(cert_path, &arena, &ci, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load(below, curve, "ci", &arena, &copied, NULL, NULL), CR_OK);
    assert_true(cr_span_equal(ci.raw, copied.raw));
    assert_int_equal(pki_hierarchy_load(below, curve, "dpauth", &arena, &dp, NULL, NULL), CR_OK);
    struct pki_trust *trust = pki_trust_new();
    struct pki_expect expect = {.role = PKI_ROLE_DP_AUTH, .now_ms = RIG_NOW};
    assert_int_equal(pki_trust_add_ci(trust, ci.raw, NULL), CR_OK);
    assert_int_equal(pki_chain_verify(trust, &dp, 1, &expect, NULL, NULL, NULL), CR_OK);
    assert_true(dp.not_after_ms <= ci.not_after_ms); /* nobody outlives his CI */
    pki_trust_free(trust);
    cr_arena_free(&arena);
    remove_dir(below);
}

static void test_under_existing_ci(void **state)
{
    (void)state;
    char cert[256], key[256], other[256], leaf[256], below[] = "/tmp/crisp-pki-bad-XXXXXX";
    (void)snprintf(cert, sizeof(cert), "%s/brainpool/ci.der", dir);
    (void)snprintf(key, sizeof(key), "%s/brainpool/ci.key", dir);
    (void)snprintf(other, sizeof(other), "%s/brainpool/eum.key", dir);
    (void)snprintf(leaf, sizeof(leaf), "%s/brainpool/eum.der", dir);
    under_ci(cert, key, CRYPTO_BRAINPOOL);
    const struct pki_hierarchy_options bad[] = {
        {.ci_cert = {NULL, NULL, cert}, .ci_key = {NULL, NULL, other}}, /* key of another */
        {.ci_cert = {NULL, NULL, leaf}, .ci_key = {NULL, NULL, other}}, /* no CI */
        {.ci_cert = {NULL, cert}, .ci_key = {NULL, key}},               /* curve */
        {.ci_cert = {NULL, NULL, cert}},                                /* no key */
        {.ci_cert = {NULL, NULL, cert}, .ci_key = {NULL, NULL, cert}},  /* key is no key */
        {.ci_cert = {NULL, NULL, "/nonexistent"}, .ci_key = {NULL, NULL, key}},
    };
    assert_non_null(mkdtemp(below));
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct pki_hierarchy_options options = bad[i];
        char json[256];
        options.force = true;
        assert_int_not_equal(pki_hierarchy_init(below, &options, rig_env(), NULL), CR_OK);
        (void)snprintf(json, sizeof(json), "%s/pki.json", below);
        assert_false(cr_file_exists(json)); /* unfinished sets do not look finished */
    }
    remove_dir(below);
}

static void test_too_many_names(void **state)
{
    (void)state;
    char many[] = "/tmp/crisp-pki-many-XXXXXX";
    const char *names[PKI_MAX_DNS_NAMES + 1] = {0};
    for (size_t i = 0; i < PKI_MAX_DNS_NAMES; i++) {
        names[i] = "localhost"; /* and the host itself: one too many */
    }
    const struct pki_hierarchy_options options = {.extra_names = names};
    assert_non_null(mkdtemp(many));
    assert_int_equal(pki_hierarchy_init(many, &options, rig_env(), NULL), CR_REFUSED);
    remove_dir(many);
}

static void test_under_sgp26(void **state)
{
    (void)state;
    cr_arena arena = {0};
    const char *nist = rig_data(&arena, "NIST/CERT_CI_ECDSA_NIST.der");
    const char *brp = rig_data(&arena, "BRP/CERT_CI_ECDSA_BRP.der");
    if (!nist || !brp) {
        cr_arena_free(&arena);
        skip();
    }
    under_ci(nist, rig_data(&arena, "NIST/SK_CI_ECDSA_NIST.pem"), CRYPTO_P256);
    under_ci(brp, rig_data(&arena, "BRP/SK_CI_ECDSA_BRP.pem"), CRYPTO_BRAINPOOL);
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_and_believed),
        cmocka_unit_test(test_names_and_ids),
        cmocka_unit_test(test_keys_are_private),
        cmocka_unit_test(test_euicc),
        cmocka_unit_test(test_issue_refuses),
        cmocka_unit_test(test_issuer_out_of_date),
        cmocka_unit_test(test_issue_files),
        cmocka_unit_test(test_key_of_another),
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_under_existing_ci),
        cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_under_sgp26),
    };
    return cmocka_run_group_tests_name("pki/hierarchy", tests, make_all, free_all);
}
