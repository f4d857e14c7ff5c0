/* GlobalPlatform certificates in the directory of `crisp pki init`: there on both curves, believed
 * by a chip and by a server, private, and not easily destroyed. */
#include "rig.h"

#include "base/file.h"
#include "pki/hierarchy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/crisp-pki-gp-XXXXXX";
static const uint8_t eid[16] = {0x89, 0x04, 0x90, 0x32, 0x12, 0x34, 0x51, 0x23,
                                0x45, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x35};

static int make_all(void **state)
{
    (void)state;
    return mkdtemp(dir) && pki_hierarchy_init(dir, NULL, rig_env(), NULL) == CR_OK ? 0 : 1;
}

static int free_all(void **state)
{
    char command[64];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

/* As a chip does: one CI key, no clock. */
static cr_status verify_as_chip(const struct gpcert *cert, const struct pki_cert *ci,
                                enum gpcert_role role)
{
    struct crypto_public *key = NULL;
    assert_int_equal(crypto_public_new(ci->curve, ci->point, &key, NULL), CR_OK);
    const struct gpcert_authority authority = {ci->ski, ci->registered_id, key};
    const struct gpcert_expect expect = {.role = role};
    cr_status status = gpcert_verify(cert, &authority, 1, &expect, NULL, NULL);
    crypto_public_free(key);
    return status;
}

static void test_servers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum gpcert_role role;
    } rows[] = {{"m2mdp", GPCERT_ROLE_DP}, {"m2msr", GPCERT_ROLE_SR}};
    cr_arena arena = {0};
    struct pki_trust *trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        enum crypto_curve curve = (enum crypto_curve)c;
        struct pki_cert ci;
        assert_int_equal(pki_hierarchy_load(dir, curve, "ci", &arena, &ci, NULL, NULL), CR_OK);
        for (size_t i = 0; i < CR_COUNT(rows); i++) {
            struct gpcert cert;
            struct pki_key *key = NULL;
            struct gpcert_expect expect = {.role = rows[i].role, .now_ms = RIG_NOW};
            assert_int_equal(
                pki_hierarchy_load_gp(dir, curve, rows[i].name, &arena, &cert, &key, NULL), CR_OK);
            assert_int_equal(cert.curve, curve);
            assert_true(cr_span_equal(pki_key_point(key), cert.point));
            assert_int_equal(gpcert_verify_server(&cert, trust, &expect, NULL, NULL), CR_OK);
            assert_int_equal(verify_as_chip(&cert, &ci, rows[i].role), CR_OK);
            /* it ends with its CI, and not before */
            expect.now_ms = ci.not_after_ms;
            assert_int_equal(gpcert_verify_server(&cert, trust, &expect, NULL, NULL), CR_OK);
            assert_true(gpcert_day_begins_ms(cert.expiry) <= ci.not_after_ms);
            assert_int_equal(cert.effective, 20260920);
            pki_key_free(key);
        }
    }
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

static void test_ecasd(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct pki_trust *trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(dir, trust, NULL), CR_OK);
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        enum crypto_curve curve = (enum crypto_curve)c;
        const struct pki_gp_request request = {.eid = RIG_EID};
        struct pki_cert eum;
        struct gpcert cert;
        struct crypto_private *key = NULL;
        struct crypto_public *verified = NULL;
        uint8_t point[CRYPTO_POINT];
        cr_buf der = {0};
        assert_int_equal(pki_hierarchy_load(dir, curve, "eum", &arena, &eum, NULL, NULL), CR_OK);
        assert_int_equal(pki_hierarchy_issue_gp(dir, curve, &request, rig_env(), &der, &key, NULL),
                         CR_OK);
        assert_int_equal(gpcert_decode(cr_buf_span(&der), &cert, NULL), CR_OK);
        assert_int_equal(cert.expiry, GPCERT_FOREVER);
        assert_int_equal(
            gpcert_verify_ecasd(&cert, &eum, trust, CR_SPAN_ARRAY(eid), RIG_NOW, &verified, NULL),
            CR_OK);
        crypto_private_point(key, point);
        assert_true(cr_span_equal(crypto_public_point(verified), CR_SPAN_ARRAY(point)));
        crypto_public_free(verified);
        crypto_private_free(key);
        cr_buf_free(&der);
    }
    pki_trust_free(trust);
    cr_arena_free(&arena);
}

static void test_dates(void **state)
{
    (void)state;
    const struct pki_gp_request request = {
        .role = GPCERT_ROLE_DP, .effective = 20250101, .expiry = 20251231};
    struct gpcert cert;
    struct crypto_private *key = NULL;
    cr_buf der = {0};
    assert_int_equal(
        pki_hierarchy_issue_gp(dir, CRYPTO_P256, &request, rig_env(), &der, &key, NULL), CR_OK);
    assert_int_equal(gpcert_decode(cr_buf_span(&der), &cert, NULL), CR_OK);
    assert_int_equal(cert.effective, 20250101);
    assert_int_equal(cert.expiry, 20251231);
    crypto_private_free(key);
    cr_buf_free(&der);
}

static void test_eid_refused(void **state)
{
    (void)state;
    static const char *const eids[] = {NULL, "", "8904903212345123451234567890123",
                                       "8904903212345123451234567890123A",
                                       "89049033123451234512345678901235"};
    for (size_t i = 0; i < CR_COUNT(eids); i++) {
        const struct pki_gp_request request = {.eid = eids[i]};
        struct crypto_private *key = NULL;
        struct cr_err err = {0};
        cr_buf der = {0};
        assert_int_equal(
            pki_hierarchy_issue_gp(dir, CRYPTO_P256, &request, rig_env(), &der, &key, &err),
            CR_REFUSED);
        assert_string_equal(err.field, "eid");
        assert_null(key);
        assert_int_equal(der.n, 0);
        cr_buf_free(&der);
    }
}

static int64_t later(void *ctx)
{
    return RIG_NOW + *(const int64_t *)ctx * INT64_C(86400000);
}

/* Below an issuer that is not valid now nothing is issued. */
static void test_issuer_not_valid(void **state)
{
    (void)state;
    static const int64_t days[] = {-2, 36 * 366};
    for (size_t i = 0; i < CR_COUNT(days); i++) {
        int64_t shift = days[i];
        const cr_env env = {.ctx = &shift, .now_ms = later, .random = rig_env()->random};
        const struct pki_gp_request requests[] = {{.role = GPCERT_ROLE_SR}, {.eid = RIG_EID}};
        for (size_t k = 0; k < CR_COUNT(requests); k++) {
            struct crypto_private *key = NULL;
            cr_buf der = {0};
            assert_int_equal(
                pki_hierarchy_issue_gp(dir, CRYPTO_P256, &requests[k], &env, &der, &key, NULL),
                CR_REFUSED);
            assert_null(key);
            cr_buf_free(&der);
        }
    }
}

static cr_status put(const char *name, bool force)
{
    const struct pki_gp_request request = {.role = GPCERT_ROLE_SR};
    return pki_hierarchy_issue_gp_files(dir, CRYPTO_P256, name, &request, force, rig_env(), NULL);
}

static cr_status put_x509(const char *name, bool force)
{
    const struct pki_request request = {.operator_tls = true, .common_name = "x"};
    return pki_hierarchy_issue_files(dir, CRYPTO_P256, name, &request, NULL, force, rig_env(),
                                     NULL);
}

/* Neither kind takes the key of the other away. */
static void test_files(void **state)
{
    (void)state;
    struct stat st;
    char path[64];
    cr_arena arena = {0};
    struct gpcert cert;
    struct pki_key *key = NULL;
    assert_int_equal(put("second", false), CR_OK);
    assert_int_equal(put("second", false), CR_REFUSED);
    assert_int_equal(put("second", true), CR_OK);
    assert_int_equal(put("eum", true), CR_REFUSED);
    assert_int_equal(put_x509("second", true), CR_REFUSED);
    assert_int_equal(put("../second", true), CR_REFUSED);
    (void)snprintf(path, sizeof(path), "%s/nist/second.key", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pki_hierarchy_load_gp(dir, CRYPTO_P256, "second", &arena, &cert, &key, NULL),
                     CR_OK);
    pki_key_free(key);
    cr_arena_free(&arena);
}

static void test_load_refuses(void **state)
{
    (void)state;
    char path[64];
    cr_arena arena = {0};
    struct gpcert cert;
    struct pki_key *key = NULL;
    struct cr_err err = {0};
    cr_buf other = {0};
    assert_int_equal(put("third", false), CR_OK);
    (void)snprintf(path, sizeof(path), "%s/nist/m2mdp.key", dir);
    assert_int_equal(cr_file_read(path, 4096, &other, NULL), CR_OK);
    (void)snprintf(path, sizeof(path), "%s/nist/third.key", dir);
    assert_int_equal(cr_file_write(path, cr_buf_span(&other), 0600, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load_gp(dir, CRYPTO_P256, "third", &arena, &cert, &key, &err),
                     CR_REFUSED);
    assert_non_null(strstr(err.cause, "not the key"));
    assert_null(key);
    assert_int_equal(pki_hierarchy_load_gp(dir, CRYPTO_P256, "third", &arena, &cert, NULL, NULL),
                     CR_OK);
    assert_int_equal(pki_hierarchy_load_gp(dir, CRYPTO_P256, "none", &arena, &cert, NULL, &err),
                     CR_RESOURCE);
    assert_non_null(strstr(err.next, "crisp pki"));
    (void)snprintf(path, sizeof(path), "%s/nist/third.gp", dir);
    assert_int_equal(cr_file_write(path, cr_span_str("nothing"), 0644, NULL), CR_OK);
    assert_int_equal(pki_hierarchy_load_gp(dir, CRYPTO_P256, "third", &arena, &cert, NULL, &err),
                     CR_MALFORMED);
    assert_non_null(strstr(err.cause, "third.gp"));
    cr_buf_free(&other);
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_ecasd),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_eid_refused),
        cmocka_unit_test(test_issuer_not_valid),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_load_refuses),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
