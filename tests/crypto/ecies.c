/*
 * Concealment of a subscription identifier: the vectors of TS 33.501 C.4, and a home network that
 * finds what was concealed.
 */
#include "crypto/ecies.h"

#include "vector.h"

#include "home.h"

/* Gives the bytes of a script, then fails. */
struct script {
    cr_span bytes;
    size_t at;
};

static cr_status script_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    struct script *script = ctx;
    if (script->bytes.n - script->at < n) {
        return cr_fail(err, CR_RESOURCE, NULL, "the script has ended");
    }
    memcpy(p, script->bytes.p + script->at, n);
    script->at += n;
    return CR_OK;
}

static cr_status conceal(int profile, const char *home_public, cr_span plain, cr_span random,
                         cr_buf *out, struct cr_err *err)
{
    struct script script = {.bytes = random};
    const cr_env env = {.ctx = &script, .random = script_random};
    return ecies_conceal((enum ecies_profile)profile, vector(home_public), plain, &env, out, err);
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        int profile;
        const char *home, *ephemeral, *output;
    } cases[] = {
        {1, HOME_PUBLIC_A, HOME_EPHEMERAL_A, HOME_OUTPUT_A},
        {2, HOME_PUBLIC_B, HOME_EPHEMERAL_B, HOME_OUTPUT_B},
        {2, HOME_FULL_B, HOME_EPHEMERAL_B, HOME_OUTPUT_B},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        cr_buf out = {0};
        assert_int_equal(conceal(cases[i].profile, cases[i].home, vector(HOME_MSIN),
                                 vector(cases[i].ephemeral), &out, NULL),
                         CR_OK);
        assert_span(cr_buf_span(&out), cases[i].output);
        cr_buf_free(&out);
    }
}

/* The private keys of the vectors open the published scheme outputs. */
static void test_home_opens_the_vectors(void **state)
{
    (void)state;
    uint8_t plain[8];
    size_t n = 0;
    assert_true(home_reveal(1, vector(HOME_PRIVATE_A).p, vector(HOME_OUTPUT_A), plain, &n));
    assert_span(cr_span_of(plain, n), HOME_MSIN);
    assert_true(home_reveal(2, vector(HOME_PRIVATE_B).p, vector(HOME_OUTPUT_B), plain, &n));
    assert_span(cr_span_of(plain, n), HOME_MSIN);
}

/* Each length, with keys that differ each time; one changed byte is noticed. */
static void test_home_finds_it(void **state)
{
    (void)state;
    static const struct {
        int profile;
        const char *home, *own;
        size_t head;
    } sides[] = {{1, HOME_PUBLIC_A, HOME_PRIVATE_A, ECIES_PUBLIC_A},
                 {2, HOME_PUBLIC_B, HOME_PRIVATE_B, ECIES_PUBLIC_B}};
    static const size_t sizes[] = {1, 4, 5, 15, 16, 17, 33, 255, ECIES_MAX_PLAIN};
    uint8_t plain[ECIES_MAX_PLAIN], found[ECIES_MAX_PLAIN], before[ECIES_PUBLIC_B] = {0};
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(i * 7);
    }
    for (size_t k = 0; k < CR_COUNT(sides) * CR_COUNT(sizes); k++) {
        size_t s = k % CR_COUNT(sides), size = sizes[k / CR_COUNT(sides)], n = 0;
        const uint8_t *own = vector(sides[s].own).p;
        cr_buf out = {0};
        assert_int_equal(ecies_conceal((enum ecies_profile)sides[s].profile, vector(sides[s].home),
                                       cr_span_of(plain, size), cr_env_system(), &out, NULL),
                         CR_OK);
        assert_int_equal(out.n, sides[s].head + size + ECIES_MAC);
        assert_memory_not_equal(out.p, before, sides[s].head);
        memcpy(before, out.p, sides[s].head);
        assert_true(home_reveal(sides[s].profile, own, cr_buf_span(&out), found, &n));
        assert_int_equal(n, size);
        assert_memory_equal(found, plain, size);
        for (size_t at = sides[s].head; at < out.n; at += 5) {
            out.p[at] ^= 0x10;
            assert_false(home_reveal(sides[s].profile, own, cr_buf_span(&out), found, &n));
            out.p[at] ^= 0x10;
        }
        cr_buf_free(&out);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        int profile;
        const char *home;
        cr_status status;
    } cases[] = {
        {0, HOME_PUBLIC_A, CR_REFUSED},
        {3, HOME_PUBLIC_B, CR_REFUSED},
        {15, HOME_PUBLIC_B, CR_REFUSED},
        /* sizes and forms */
        {1, "", CR_MALFORMED},
        {1, HOME_PUBLIC_B, CR_MALFORMED},
        {1, HOME_FULL_B, CR_MALFORMED},
        {2, "", CR_MALFORMED},
        {2, "00", CR_MALFORMED},
        {2, HOME_PUBLIC_A, CR_MALFORMED},
        {2, "04" HOME_X_B, CR_MALFORMED},
        {2, "00" HOME_X_B, CR_MALFORMED},
        {2, "02" HOME_X_B HOME_Y_B, CR_MALFORMED},
        {2, "06" HOME_X_B HOME_Y_B, CR_MALFORMED},
        /* not on the curve; a coordinate that is none */
        {2, "04" HOME_X_B HOME_X_B, CR_MALFORMED},
        {2, "02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", CR_MALFORMED},
        /* low order: 0, 1, p - 1, and one of order 8 */
        {1, "0000000000000000000000000000000000000000000000000000000000000000", CR_MALFORMED},
        {1, "0100000000000000000000000000000000000000000000000000000000000000", CR_MALFORMED},
        {1, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", CR_MALFORMED},
        {1, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", CR_MALFORMED},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct cr_err err = {0};
        cr_buf out = {0};
        cr_buf_append_byte(&out, 0x5A);
        cr_status got = conceal(cases[i].profile, cases[i].home, vector(HOME_MSIN),
                                vector(HOME_EPHEMERAL_B), &out, &err);
        if (got != cases[i].status) {
            fail_msg("case %zu: %s", i, cr_status_name(got));
        }
        if (got == CR_MALFORMED) {
            assert_string_equal(err.field, "Home Network Public Key");
        }
        assert_true(err.cause[0] != 0);
        assert_span(cr_buf_span(&out), "5a");
        cr_buf_free(&out);
    }
}

static void test_plain_sizes(void **state)
{
    (void)state;
    static const uint8_t plain[ECIES_MAX_PLAIN + 1];
    cr_buf out = {0};
    assert_int_equal(
        conceal(1, HOME_PUBLIC_A, cr_span_of(plain, 0), vector(HOME_EPHEMERAL_A), &out, NULL),
        CR_MALFORMED);
    assert_int_equal(
        conceal(1, HOME_PUBLIC_A, CR_SPAN_ARRAY(plain), vector(HOME_EPHEMERAL_A), &out, NULL),
        CR_MALFORMED);
    out.limit = 16;
    assert_int_equal(
        conceal(1, HOME_PUBLIC_A, vector(HOME_MSIN), vector(HOME_EPHEMERAL_A), &out, NULL),
        CR_RESOURCE);
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
}

#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define FOUR  ZERO ORDER ZERO ORDER

/* Numbers that are no private key are passed over, but not for ever. */
static void test_random_numbers(void **state)
{
    (void)state;
    cr_buf out = {0};
    assert_int_equal(conceal(1, HOME_PUBLIC_A, vector(HOME_MSIN), vector("00"), &out, NULL),
                     CR_RESOURCE);
    assert_int_equal(conceal(2, HOME_PUBLIC_B, vector(HOME_MSIN), vector("00"), &out, NULL),
                     CR_RESOURCE);
    assert_int_equal(conceal(2, HOME_PUBLIC_B, vector(HOME_MSIN),
                             vector(FOUR FOUR HOME_EPHEMERAL_B), &out, NULL),
                     CR_RESOURCE);
    assert_int_equal(out.n, 0);
    assert_int_equal(conceal(2, HOME_PUBLIC_B, vector(HOME_MSIN),
                             vector(FOUR ZERO ORDER ZERO HOME_EPHEMERAL_B), &out, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&out), HOME_OUTPUT_B);
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_home_opens_the_vectors),
        cmocka_unit_test(test_home_finds_it), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_plain_sizes),   cmocka_unit_test(test_random_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
