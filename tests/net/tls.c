#include "net/tls.h"

#include "base/file.h"
#include "certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char dir[TEST_PATH];
static struct test_ca ca;

static int set_up(void **state)
{
    (void)state;
    test_dir_make(dir);
    test_ca_make(&ca, "Test CI", NULL);
    test_ca_write(&ca, dir, "ca", false);
    test_ca_write(&ca, dir, "ca", true);
    static const struct test_leaf good = {.cn = "dp", .dns = "dp.example"};
    test_leaf_write(&good, &ca, dir, "good", &ca, false);
    test_leaf_write(&good, &ca, dir, "good", NULL, true);
    test_leaf_write(&good, &ca, dir, "other", NULL, false);
    static const struct test_leaf brainpool = {.cn = "bp", .curve = "brainpoolP256r1"};
    test_leaf_write(&brainpool, &ca, dir, "brainpool", NULL, false);
    static const struct test_leaf p384 = {.cn = "p384", .curve = "P-384"};
    test_leaf_write(&p384, &ca, dir, "p384", NULL, false);
    static const struct {
        const char *name;
        const char *content;
    } files[] = {
        {"empty", ""},
        {"noise", "not a certificate"},
        {"broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
        {"locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                       "-----END ENCRYPTED PRIVATE KEY-----\n"},
    };
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        assert_int_equal(
            cr_file_write(test_path(dir, files[i].name), cr_span_str(files[i].content), 0600, NULL),
            CR_OK);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_ca_free(&ca);
    test_dir_remove(dir);
    return 0;
}

static cr_status make(const char *cert, const char *key, const char *client_ca, bool required,
                      struct cr_err *err)
{
    struct tls_identity identity = {.cert_file = cert ? test_path(dir, cert) : NULL,
                                    .key_file = key ? test_path(dir, key) : NULL};
    struct tls_server_options options = {.identities = &identity,
                                         .identity_count = 1,
                                         .client_ca_file =
                                             client_ca ? test_path(dir, client_ca) : NULL,
                                         .client_cert_required = required};
    struct ssl_ctx_st *tls = NULL;
    cr_status status = tls_server_new(&options, &tls, err);
    assert_int_equal(status == CR_OK, tls != NULL);
    tls_server_free(tls);
    return status;
}

static void good_files(void **state)
{
    (void)state;
    struct cr_err err = {0};
    assert_int_equal(make("good.pem", "good.key", NULL, false, &err), CR_OK);
    assert_int_equal(make("good.der", "good.key.der", NULL, false, &err), CR_OK);
    assert_int_equal(make("p384.pem", "p384.key", NULL, false, &err), CR_OK);
    assert_int_equal(make("good.pem", "good.key", "ca.pem", true, &err), CR_OK);
    assert_int_equal(make("good.pem", "good.key", "ca.der", false, &err), CR_OK);
}

/* Each message names the file and what is wrong with it. */
static void bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *cert;
        const char *key;
        const char *client_ca;
        bool required;
        cr_status status;
        const char *file;
        const char *cause;
    } rows[] = {
        {"absent", "good.key", NULL, false, CR_RESOURCE, "absent", "certificate"},
        {"good.pem", "absent", NULL, false, CR_RESOURCE, "absent", "private key"},
        {"empty", "good.key", NULL, false, CR_MALFORMED, "empty", "is empty"},
        {"noise", "good.key", NULL, false, CR_MALFORMED, "noise", "cannot be decoded"},
        {"broken.pem", "good.key", NULL, false, CR_MALFORMED, "broken.pem", "cannot be decoded"},
        {"good.key", "good.pem", NULL, false, CR_MALFORMED, "good.key", "no certificate"},
        {"good.pem", "other.pem", NULL, false, CR_MALFORMED, "other.pem", "no private key"},
        {"good.pem", "noise", NULL, false, CR_MALFORMED, "noise", "no private key"},
        {"good.pem", "locked.key", NULL, false, CR_MALFORMED, "locked.key", "encrypted"},
        {"good.pem", "other.key", NULL, false, CR_REFUSED, "other.key", "does not belong"},
        {"brainpool.pem", "brainpool.key", NULL, false, CR_REFUSED, "brainpool.pem", "for TLS"},
        {NULL, "good.key", NULL, false, CR_REFUSED, "", "certificate is missing"},
        {"good.pem", NULL, NULL, false, CR_REFUSED, "", "key is missing"},
        {"good.pem", "good.key", "noise", false, CR_MALFORMED, "noise", "cannot be decoded"},
        {"good.pem", "good.key", NULL, true, CR_REFUSED, "", "no CA is given"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        cr_status status =
            make(rows[i].cert, rows[i].key, rows[i].client_ca, rows[i].required, &err);
        if (status != rows[i].status || !strstr(err.cause, rows[i].file) ||
            !strstr(err.cause, rows[i].cause)) {
            fail_msg("row %zu: %s: %s", i, cr_status_name(status), err.cause);
        }
    }
    struct tls_server_options none = {0};
    struct ssl_ctx_st *tls = NULL;
    assert_int_equal(tls_server_new(&none, &tls, NULL), CR_REFUSED);
    assert_null(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),
        cmocka_unit_test(bad_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
