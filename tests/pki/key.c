/*
 * Handles over keys: in memory, from files, and over a home of one's own.
 */
#include "pki/key.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const enum crypto_curve curves[] = {CRYPTO_P256, CRYPTO_BRAINPOOL};

static struct crypto_private *fresh(enum crypto_curve curve)
{
    struct crypto_private *key = NULL;
    assert_int_equal(crypto_private_generate(curve, &key, NULL), CR_OK);
    return key;
}

/* Signs and verifies through the handle, and agrees with a fresh key from both sides. */
static void check_handle(const struct pki_key *key)
{
    enum crypto_curve curve = pki_key_curve(key);
    const cr_span parts[] = {cr_span_str("one"), cr_span_str("two")};
    uint8_t sig[CRYPTO_SIGNATURE];
    struct crypto_public *pub = NULL;
    assert_int_equal(crypto_public_new(curve, pki_key_point(key), &pub, NULL), CR_OK);
    assert_int_equal(pki_key_sign(key, parts, 2, sig, NULL), CR_OK);
    cr_span whole = cr_span_str("onetwo");
    assert_int_equal(crypto_verify(pub, &whole, 1, CR_SPAN_ARRAY(sig), NULL), CR_OK);

    struct crypto_private *peer = fresh(curve);
    struct crypto_public *peer_public = NULL;
    uint8_t point[CRYPTO_POINT];
    uint8_t z1[CRYPTO_SCALAR];
    uint8_t z2[CRYPTO_SCALAR];
    crypto_private_point(peer, point);
    assert_int_equal(crypto_public_new(curve, CR_SPAN_ARRAY(point), &peer_public, NULL), CR_OK);
    assert_int_equal(pki_key_agree(key, peer_public, z1, NULL), CR_OK);
    assert_int_equal(crypto_ecka(peer, pub, z2, NULL), CR_OK);
    assert_memory_equal(z1, z2, sizeof z1);
    crypto_public_free(pub);
    crypto_public_free(peer_public);
    crypto_private_free(peer);
}

static void test_in_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *private = fresh(curves[i]);
        struct pki_key *key = NULL;
        uint8_t point[CRYPTO_POINT];
        crypto_private_point(private, point);
        assert_int_equal(pki_key_of_private(private, &key, NULL), CR_OK);
        assert_int_equal(pki_key_curve(key), curves[i]);
        assert_true(cr_span_equal(pki_key_point(key), CR_SPAN_ARRAY(point)));
        check_handle(key);
        pki_key_free(key);
    }
    struct pki_key *none = NULL;
    assert_int_equal(pki_key_of_private(NULL, &none, NULL), CR_INTERNAL);
    assert_null(none);
    pki_key_free(NULL);
}

static void test_from_file(void **state)
{
    (void)state;
    char path[] = "/tmp/crisp-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct pki_key *key = NULL;
    struct cr_err err = {0};
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *private = fresh(curves[i]);
        uint8_t point[CRYPTO_POINT];
        cr_buf pem = {.secret = true};
        crypto_private_point(private, point);
        assert_int_equal(crypto_private_pem(private, &pem, NULL), CR_OK);
        assert_int_equal(cr_file_write(path, cr_buf_span(&pem), 0600, NULL), CR_OK);
        assert_int_equal(pki_key_open_file(path, &key, NULL), CR_OK);
        assert_true(cr_span_equal(pki_key_point(key), CR_SPAN_ARRAY(point)));
        check_handle(key);
        pki_key_free(key);
        key = NULL;
        cr_buf_free(&pem);
        crypto_private_free(private);
    }
    assert_int_equal(cr_file_write(path, cr_span_str("no key\n"), 0600, NULL), CR_OK);
    assert_int_equal(pki_key_open_file(path, &key, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, path)); /* the user is told which file */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pki_key_open_file(path, &key, &err), CR_RESOURCE);
    assert_null(key);
}

/* The published SGP.26 keys: SEC1 behind an EC PARAMETERS block. */
static void test_published_files(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"NIST/SK_EUICC_ECDSA_NIST.pem", "P-256"},
                                           {"BRP/SK_CI_ECDSA_BRP.pem", "brainpoolP256r1"}};
    const char *dir = getenv("CRISP_TEST_DATA");
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        char path[4096];
        struct pki_key *key = NULL;
        (void)snprintf(path, sizeof path, "%s/sgp26/%s", dir ? dir : "../shared/data", names[i][0]);
        if (!cr_file_exists(path)) {
            print_message("skipped: no published keys at %s\n", path);
            skip();
        }
        assert_int_equal(pki_key_open_file(path, &key, NULL), CR_OK);
        assert_string_equal(crypto_curve_name(pki_key_curve(key)), names[i][1]);
        check_handle(key);
        pki_key_free(key);
    }
}

/* ---- a home of one's own ---- */

struct home {
    int signs, freed;
    cr_status answer;
};

static cr_status home_sign(void *ctx, const cr_span *parts, size_t count,
                           uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    struct home *home = ctx;
    (void)parts;
    home->signs += (int)count;
    if (home->answer != CR_OK) {
        return cr_fail(err, home->answer, NULL, "the token was pulled out");
    }
    memset(out, 0x11, CRYPTO_SIGNATURE);
    return CR_OK;
}

static void home_free(void *ctx)
{
    struct home *home = ctx;
    home->freed++;
}

static void test_other_home(void **state)
{
    (void)state;
    static const struct pki_key_ops ops = {.sign = home_sign, .free = home_free};
    static const struct pki_key_ops no_sign = {.free = home_free};
    struct home home = {0};
    struct pki_key *key = NULL;
    struct cr_err err = {0};
    struct crypto_private *private = fresh(CRYPTO_P256);
    uint8_t point[CRYPTO_POINT];
    uint8_t sig[CRYPTO_SIGNATURE];
    crypto_private_point(private, point);
    cr_span q = CR_SPAN_ARRAY(point);
    assert_int_equal(pki_key_new(CRYPTO_P256, q, &ops, &home, &key, NULL), CR_OK);
    const cr_span parts[] = {q, q, q};
    assert_int_equal(pki_key_sign(key, parts, 3, sig, NULL), CR_OK);
    assert_int_equal(home.signs, 3);
    assert_int_equal(sig[63], 0x11);
    home.answer = CR_RESOURCE;
    assert_int_equal(pki_key_sign(key, parts, 1, sig, &err), CR_RESOURCE);
    assert_string_equal(err.cause, "the token was pulled out");
    struct crypto_public *pub = NULL;
    uint8_t z[CRYPTO_SCALAR];
    assert_int_equal(crypto_public_new(CRYPTO_P256, q, &pub, NULL), CR_OK);
    assert_int_equal(pki_key_agree(key, pub, z, &err), CR_REFUSED); /* this home cannot */
    crypto_public_free(pub);
    assert_int_equal(home.freed, 0);
    pki_key_free(key);
    assert_int_equal(home.freed, 1);
    key = NULL;
    /* A point that is none, a wrong curve, a home that cannot sign: nothing is taken over. */
    assert_int_equal(pki_key_new(CRYPTO_BRAINPOOL, q, &ops, &home, &key, NULL), CR_MALFORMED);
    assert_int_equal(pki_key_new(CRYPTO_CURVE_NONE, q, &ops, &home, &key, NULL), CR_REFUSED);
    assert_int_equal(pki_key_new(CRYPTO_P256, q, &no_sign, &home, &key, NULL), CR_INTERNAL);
    point[40] ^= 1;
    assert_int_equal(pki_key_new(CRYPTO_P256, q, &ops, &home, &key, NULL), CR_MALFORMED);
    assert_null(key);
    assert_int_equal(home.freed, 1);
    crypto_private_free(private);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_from_file),
        cmocka_unit_test(test_published_files),
        cmocka_unit_test(test_other_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
