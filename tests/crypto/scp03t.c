/*
 * SCP03t of SGP.02: the worked session in both directions, and each way to break a TLV.
 */
#include "crypto/scp.h"

#include "crypto/symmetric.h"

#include "vector.h"

#define HOST_CHALLENGE "0001020304050607"
#define ISDP_AID       "A0000005591010FFFFFFFF8900001000"
#define INITIALISE     "840A30000001020304050607"
#define INITIALISED    "84200001020304050607080930037042EB72124C3AB6C6C1C94FB6910AA998000001"
#define AUTHENTICATE   "8511338D0E5F655BFAF098DB1CCB26C3B1410F"
#define SEGMENT        "A00F80010281010382074558414D504C45"
#define FIRST          "862804051321239E354108F477A68373DCF5513C2D3B6DB8E3E0B75E846CBD6DE72ACBB60AF4BA1B51A9"
#define SECOND                                                                                     \
    "86283B578194375F098449BBBE37E17C45DE5EB92CA0F31F7BB2DDB7ECBA476E5C53D55E9DD0A33A3FF9"
#define RESULT "3007A0053003800100"
#define ANSWER "8618C8D19F1729FF0C5863C129B7E41967DBE45C40D9A29F3670"

static cr_status challenge_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)i;
    }
    return CR_OK;
}

static const cr_env env = {.random = challenge_random};

static struct scp_keys keys(void)
{
    struct scp_keys k = {.enc.n = 16, .mac.n = 16, .dek.n = 16};
    memcpy(k.enc.value, vector("3EF9DE61436E79E678D15459F2DF5DE0").p, 16);
    memcpy(k.mac.value, vector("E6E0EA49CDD5D931745A3614655AFF70").p, 16);
    memcpy(k.dek.value, vector("077C8F478632387F8E28E7A0656FC6D9").p, 16);
    return k;
}

static struct scp_card_facts facts(uint32_t sequence)
{
    return (struct scp_card_facts){.protocol = SCP_03,
                                   .i = 0x70,
                                   .kvn = 0x30,
                                   .sequence = sequence,
                                   .diversification = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
}

static struct scp_session host_begun(void)
{
    struct scp_session s = {0};
    struct scp_keys k = keys();
    uint8_t challenge[SCP_CHALLENGE];
    assert_int_equal(scp_host_begin(&s, &k, 0x30, &env, challenge, NULL), CR_OK);
    return s;
}

static struct scp_session host_open(void)
{
    struct scp_session s = host_begun();
    cr_buf out = {0};
    assert_int_equal(scp03t_put_initialise(&s, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), INITIALISE);
    cr_buf_reset(&out);
    assert_int_equal(scp03t_take_initialise(&s, vector(INITIALISED), NULL), CR_OK);
    assert_int_equal(s.facts.sequence, 1);
    assert_span(cr_span_of(s.s_enc, 16), "F57F63B3BF98019958F1CF5B129E06E8");
    assert_span(cr_span_of(s.s_mac, 16), "17F53E0F0BA55ECBF60AF09A5C0C11FD");
    assert_span(cr_span_of(s.s_rmac, 16), "17002B3359C0ADDEBFA6BA748D37E1E3");
    assert_int_equal(scp03t_put_authenticate(&s, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), AUTHENTICATE);
    assert_bytes(s.chain, "DB1CCB26C3B1410FF92AE8C8F49CD9F1");
    assert_int_equal(scp03t_take_authenticate(&s, vector("8500"), NULL), CR_OK);
    cr_buf_free(&out);
    return s;
}

static struct scp_session card_begun(void)
{
    struct scp_session s = {0};
    struct scp_keys k = keys();
    struct scp_card_facts f = facts(1);
    uint8_t kvn = 0;
    uint8_t id = 0xFF;
    cr_span challenge;
    cr_buf out = {0};
    assert_int_equal(scp03t_card_parse_initialise(vector(INITIALISE), &kvn, &id, &challenge, NULL),
                     CR_OK);
    assert_int_equal(kvn, 0x30);
    assert_int_equal(id, 0);
    assert_int_equal(
        scp03t_card_initialise(&s, &f, &k, vector(ISDP_AID), challenge, &env, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), INITIALISED);
    cr_buf_free(&out);
    return s;
}

static struct scp_session card_open(void)
{
    struct scp_session s = card_begun();
    cr_buf out = {0};
    assert_int_equal(scp03t_card_authenticate(&s, vector(AUTHENTICATE), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "8500");
    assert_bytes(s.chain, "DB1CCB26C3B1410FF92AE8C8F49CD9F1");
    cr_buf_free(&out);
    return s;
}

static void test_host(void **state)
{
    (void)state;
    struct scp_session s = host_open();
    cr_buf out = {0};
    assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), FIRST);
    assert_bytes(s.chain, "CBB60AF4BA1B51A95B109D34EE7A4942");
    cr_buf_reset(&out);
    assert_int_equal(scp03t_open_answer(&s, NULL, vector("8600"), &out, NULL), CR_OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), SECOND);
    assert_bytes(s.chain, "D55E9DD0A33A3FF987B6D9D3BB495D2F");
    cr_buf_reset(&out);
    struct scp03t_mark mark;
    scp03t_remember(&s, &mark);
    assert_int_equal(mark.counter, 2);
    /* The answer comes after a third command has left. */
    assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
    cr_buf_reset(&out);
    assert_int_equal(scp03t_open_answer(&s, &mark, vector(ANSWER), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), RESULT);
    cr_buf_free(&out);
    scp_end(&s);
}

static void test_card(void **state)
{
    (void)state;
    struct scp_session s = card_open();
    cr_buf out = {0};
    assert_int_equal(scp03t_card_open(&s, vector(FIRST), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), SEGMENT);
    cr_buf_reset(&out);
    assert_int_equal(scp03t_card_answer(&s, (cr_span){0}, &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "8600");
    cr_buf_reset(&out);
    assert_int_equal(scp03t_card_open(&s, vector(SECOND), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), SEGMENT);
    cr_buf_reset(&out);
    assert_int_equal(scp03t_card_answer(&s, vector(RESULT), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), ANSWER);
    cr_buf_free(&out);
    scp_end(&s);
}

/* Command and answer of every size; the largest stays below the limit of the standard. */
static void test_sizes(void **state)
{
    (void)state;
    struct scp_session host = host_open();
    struct scp_session card = card_open();
    static uint8_t bytes[SCP03T_MAX_PLAIN + 1];
    memset(bytes, 0x80, sizeof bytes);
    for (size_t n = 0; n <= SCP03T_MAX_PLAIN; n += n > 40 && n < 960 ? 53 : 1) {
        cr_buf wire = {0};
        cr_buf plain = {0};
        assert_int_equal(scp03t_seal(&host, cr_span_of(bytes, n), &wire, NULL), CR_OK);
        assert_int_equal(scp03t_card_open(&card, cr_buf_span(&wire), &plain, NULL), CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&plain), cr_span_of(bytes, n)));
        assert_true(wire.n <= SCP03T_MAX_VALUE);
        cr_buf_reset(&wire);
        cr_buf_reset(&plain);
        assert_int_equal(scp03t_card_answer(&card, cr_span_of(bytes, n), &wire, NULL), CR_OK);
        assert_int_equal(scp03t_open_answer(&host, NULL, cr_buf_span(&wire), &plain, NULL), CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&plain), cr_span_of(bytes, n)));
        cr_buf_free(&wire);
        cr_buf_free(&plain);
    }
    cr_buf out = {0};
    assert_int_equal(scp03t_seal(&host, CR_SPAN_ARRAY(bytes), &out, NULL), CR_MALFORMED);
    assert_int_equal(out.n, 0);
    assert_int_equal(scp03t_seal(&host, cr_span_of(bytes, 1), &out, NULL), CR_OK); /* still alive */
    scp_end(&host);
    scp_end(&card);
    cr_buf_free(&out);
}

/* The length may come in a longer form; the MAC is over the bytes as received. */
static void test_long_length(void **state)
{
    (void)state;
    struct scp_session card = card_begun();
    cr_buf out = {0};
    cr_span good = vector(AUTHENTICATE);
    uint8_t longer[40] = {0x85, 0x81, 0x11};
    memcpy(longer + 3, good.p + 2, 17);
    struct cr_err err;
    assert_int_equal(scp03t_card_authenticate(&card, cr_span_of(longer, 20), &out, &err),
                     CR_REFUSED);
    assert_int_equal(err.code, SCP03T_SECURITY); /* understood, but not what the MAC covers */
    cr_buf_free(&out);
}

/* A wrong cryptogram under a right MAC. */
static void test_wrong_cryptogram(void **state)
{
    (void)state;
    struct scp_session card = card_begun();
    struct scp_session host = host_begun();
    struct cr_err err;
    cr_buf out = {0};
    assert_int_equal(scp03t_take_initialise(&host, vector(INITIALISED), NULL), CR_OK);
    host.challenge_card[7] ^= 1;
    assert_int_equal(scp03t_put_authenticate(&host, &out, NULL), CR_OK);
    assert_int_equal(scp03t_card_authenticate(&card, cr_buf_span(&out), &out, &err), CR_REFUSED);
    assert_int_equal(err.code, SCP03T_SECURITY);
    assert_int_equal(card.state, SCP_STATE_NONE);
    scp_end(&host);
    cr_buf_free(&out);
}

/* Another security level than 33, under a right MAC. */
static void test_level(void **state)
{
    (void)state;
    static const uint8_t zero[16];
    for (unsigned level = 0x31; level <= 0x33; level++) {
        struct scp_session card = card_begun();
        uint8_t tlv[19];
        uint8_t mac[16];
        struct cr_err err;
        cr_buf out = {0};
        memcpy(tlv, vector(AUTHENTICATE).p, sizeof tlv);
        tlv[2] = (uint8_t)level;
        const cr_span parts[] = {CR_SPAN_ARRAY(zero), cr_span_of(tlv, 11)};
        assert_int_equal(crypto_cmac(cr_span_of(card.s_mac, 16), parts, 2, mac, NULL), CR_OK);
        memcpy(tlv + 11, mac, SCP_MAC);
        assert_int_equal(scp03t_card_authenticate(&card, CR_SPAN_ARRAY(tlv), &out, &err),
                         level == 0x33 ? CR_OK : CR_REFUSED);
        if (level != 0x33) {
            assert_int_equal(err.code, SCP03T_SECURITY);
            assert_int_equal(card.state, SCP_STATE_NONE);
        }
        scp_end(&card);
        cr_buf_free(&out);
    }
}

static void assert_gone(const struct scp_session *s)
{
    static const struct scp_session none;
    assert_memory_equal(s, &none, sizeof none);
}

enum step { STEP_INITIALISED, STEP_AUTHENTICATE, STEP_DATA, STEP_ANSWER };

static cr_status run(enum step step, cr_span tlv, struct cr_err *err)
{
    struct scp_session s;
    cr_buf out = {0};
    cr_status status = CR_INTERNAL;
    switch (step) {
    case STEP_INITIALISED:
        s = host_begun();
        status = scp03t_take_initialise(&s, tlv, err);
        break;
    case STEP_AUTHENTICATE:
        s = card_begun();
        status = scp03t_card_authenticate(&s, tlv, &out, err);
        break;
    case STEP_DATA:
        s = card_open();
        status = scp03t_card_open(&s, tlv, &out, err);
        break;
    case STEP_ANSWER:
        s = host_open();
        assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
        assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
        cr_buf_reset(&out);
        status = scp03t_open_answer(&s, NULL, tlv, &out, err);
        break;
    }
    if (status != CR_OK) {
        assert_gone(&s);
        assert_int_equal(out.n, 0);
    }
    scp_end(&s);
    cr_buf_free(&out);
    return status;
}

static void test_broken(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        const char *good;
        size_t free_from, free_to; /* bytes that nothing proves: diversification, sequence */
    } steps[] = {
        {STEP_INITIALISED, INITIALISED, 2, 12},
        {STEP_AUTHENTICATE, AUTHENTICATE, 0, 0},
        {STEP_DATA, FIRST, 0, 0},
        {STEP_ANSWER, ANSWER, 0, 0},
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        cr_span good = vector(steps[i].good);
        assert_int_equal(run(steps[i].step, good, NULL), CR_OK);
        for (size_t n = 0; n < good.n; n++) {
            struct cr_err err = {0};
            assert_int_equal(run(steps[i].step, cr_span_sub(good, 0, n), &err), CR_MALFORMED);
            assert_int_equal(err.code, SCP03T_WRONG_LENGTH);
        }
        uint8_t longer[64] = {0};
        memcpy(longer, good.p, good.n);
        assert_int_equal(run(steps[i].step, cr_span_of(longer, good.n + 1), NULL), CR_MALFORMED);
        for (size_t bit = 0; bit < 8 * good.n; bit++) {
            size_t at = bit / 8;
            if (at >= steps[i].free_from && at < steps[i].free_to) {
                continue;
            }
            if (steps[i].step == STEP_INITIALISED && (at == 14 || at >= 31)) {
                continue; /* i is covered by length and level, the sequence is told only */
            }
            struct cr_err err = {0};
            uint8_t *bad = vector_mutable(good);
            bad[at] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(run(steps[i].step, cr_span_of(bad, good.n), &err), CR_OK);
            assert_int_not_equal(err.code, 0);
        }
    }
    /* Lengths that no 86 has: no cipher block, half a block, more than the limit. */
    static const char *const lengths[] = {
        "8600", "860101", "86080102030405060708", "8610000102030405060708090a0b0c0d0e0f",
        "86190000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < CR_COUNT(lengths); i++) {
        struct cr_err err = {0};
        assert_int_equal(run(STEP_DATA, vector(lengths[i]), &err), CR_MALFORMED);
        assert_int_equal(err.code, SCP03T_WRONG_LENGTH);
    }
    static uint8_t huge[4 + 1032] = {0x86, 0x82, 0x04, 0x08};
    assert_int_equal(run(STEP_DATA, CR_SPAN_ARRAY(huge), NULL), CR_MALFORMED);
}

/* What the card answers when it refuses, and what the host makes of it. */
static void test_errors(void **state)
{
    (void)state;
    cr_buf out = {0};
    struct cr_err err;
    scp03t_put_error(0x84, SCP03T_KEY_SET_UNKNOWN, &out);
    assert_span(cr_buf_span(&out), "9F440103");
    assert_int_equal(run(STEP_INITIALISED, cr_buf_span(&out), &err), CR_REFUSED);
    assert_int_equal(err.code, SCP03T_KEY_SET_UNKNOWN);
    cr_buf_reset(&out);
    scp03t_put_error(0x85, SCP03T_SECURITY, &out);
    assert_span(cr_buf_span(&out), "9F450102");
    struct scp_session s = host_open();
    assert_int_equal(scp03t_take_authenticate(&s, cr_buf_span(&out), &err), CR_REFUSED);
    assert_int_equal(err.code, SCP03T_SECURITY);
    assert_gone(&s);
    cr_buf_reset(&out);
    scp03t_put_error(0x86, SCP03T_SECURITY, &out);
    assert_int_equal(run(STEP_ANSWER, cr_buf_span(&out), &err), CR_REFUSED);
    assert_int_equal(err.code, SCP03T_SECURITY);
    /* An error of another tag is no answer. */
    assert_int_equal(run(STEP_INITIALISED, cr_buf_span(&out), &err), CR_MALFORMED);
    cr_buf_free(&out);

    uint8_t kvn;
    uint8_t id;
    cr_span challenge;
    cr_span good = vector(INITIALISE);
    for (size_t n = 0; n < good.n; n++) {
        assert_int_equal(
            scp03t_card_parse_initialise(cr_span_sub(good, 0, n), &kvn, &id, &challenge, &err),
            CR_MALFORMED);
        assert_int_equal(err.code, SCP03T_WRONG_LENGTH);
    }
    assert_int_equal(scp03t_card_parse_initialise(vector("840930000001020304050607"), &kvn, &id,
                                                  &challenge, &err),
                     CR_MALFORMED);
    assert_int_equal(scp03t_card_parse_initialise(vector("840930000001020304050"
                                                         "6"),
                                                  &kvn, &id, &challenge, &err),
                     CR_MALFORMED);
}

/* 84 and 85 in one script, before the answer to 84. */
static void test_predicted(void **state)
{
    (void)state;
    for (uint32_t sequence = 0; sequence < 3; sequence++) {
        struct scp_session s = host_begun();
        struct scp_card_facts f = facts(sequence);
        cr_buf out = {0};
        assert_int_equal(scp03t_put_initialise(&s, &out, NULL), CR_OK);
        assert_int_equal(scp_host_predict(&s, &f, vector(ISDP_AID), NULL), CR_OK);
        assert_int_equal(scp03t_put_authenticate(&s, &out, NULL), CR_OK);
        if (sequence == 1) {
            assert_span(cr_buf_span(&out), INITIALISE AUTHENTICATE);
        }
        /* Nothing of the card is believed before its cryptogram came. */
        cr_buf_reset(&out);
        assert_int_equal(scp03t_take_authenticate(&s, vector("8500"), NULL), CR_REFUSED);
        assert_int_equal(scp03t_open_answer(&s, NULL, vector("8600"), &out, NULL), CR_REFUSED);
        assert_int_equal(scp03t_take_initialise(&s, vector(INITIALISED), NULL),
                         sequence == 1 ? CR_OK : CR_REFUSED);
        if (sequence == 1) {
            assert_int_equal(scp03t_take_authenticate(&s, vector("8500"), NULL), CR_OK);
            assert_int_equal(scp03t_seal(&s, vector(SEGMENT), &out, NULL), CR_OK);
            assert_span(cr_buf_span(&out), FIRST);
        } else {
            assert_gone(&s);
        }
        cr_buf_free(&out);
        scp_end(&s);
    }
}

static void test_order(void **state)
{
    (void)state;
    struct scp_session card = card_begun();
    cr_buf out = {0};
    assert_int_equal(scp03t_card_open(&card, vector(FIRST), &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_card_answer(&card, vector(RESULT), &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_card_authenticate(&card, vector(AUTHENTICATE), &out, NULL), CR_OK);
    assert_int_equal(scp03t_card_authenticate(&card, vector(AUTHENTICATE), &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_card_answer(&card, vector(RESULT), &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_card_open(&card, vector(SECOND), &out, NULL), CR_REFUSED); /* order */
    assert_gone(&card);
    card = card_open();
    assert_int_equal(scp03t_card_open(&card, vector(FIRST), &out, NULL), CR_OK);
    /* The first wants its answer before the second is looked at; the session lives on. */
    assert_int_equal(scp03t_card_open(&card, vector(SECOND), &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_card_answer(&card, (cr_span){0}, &out, NULL), CR_OK);
    assert_int_equal(scp03t_card_open(&card, vector(FIRST), &out, NULL), CR_REFUSED); /* replay */
    assert_gone(&card);
    /* A keyset that is not for R-ENCRYPTION. */
    struct scp_card_facts f = facts(1);
    struct scp_keys k = keys();
    struct cr_err err;
    f.i = 0x30;
    assert_int_equal(scp03t_card_initialise(&card, &f, &k, vector(ISDP_AID), vector(HOST_CHALLENGE),
                                            &env, &out, &err),
                     CR_REFUSED);
    assert_int_equal(err.code, SCP03T_KEY_SET_UNKNOWN);
    struct scp_session host = host_begun();
    cr_buf_reset(&out);
    assert_int_equal(scp03t_put_authenticate(&host, &out, NULL), CR_REFUSED);
    assert_int_equal(scp03t_seal(&host, vector(SEGMENT), &out, NULL), CR_REFUSED);
    assert_int_equal(out.n, 0);
    scp_end(&host);
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_card),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_long_length),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_wrong_cryptogram),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_predicted),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
