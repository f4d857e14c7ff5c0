/*
 * ES8 against published values: the scripts of a session whose keys, challenge and counter are
 * known (SGP.02 4.1.3; GlobalPlatform Amendment D), and the tables of states.
 */
#include "../base/test.h"

#include "../crypto/vector.h"

#include "smdp/es8.h"
#include "smdp/state.h"

#define ENC "3EF9DE61436E79E678D15459F2DF5DE0"
#define MAC "E6E0EA49CDD5D931745A3614655AFF70"
#define DEK "077C8F478632387F8E28E7A0656FC6D9"
#define AID "A0000005591010FFFFFFFF8900001000"

#define ANSWER_84 "84200001020304050607080930037042EB72124C3AB6C6C1C94FB6910AA998000001"
#define SEGMENT   "A00F80010281010382074558414D504C45"

static struct scp_key key_of(const char *hex)
{
    struct scp_key key = {.n = 16};
    memcpy(key.value, vector(hex).p, 16);
    return key;
}

static struct smdp_channel channel_of(const char *challenge, uint32_t counter)
{
    struct smdp_channel c = {.keys = {.enc = key_of(ENC), .mac = key_of(MAC), .dek = key_of(DEK)},
                             .kvn = SMDP_KVN,
                             .counter = counter};
    memcpy(c.aid, vector(AID).p, sizeof c.aid);
    memcpy(c.challenge, vector(challenge).p, sizeof c.challenge);
    return c;
}

static void test_open(void **state)
{
    (void)state;
    struct smdp_channel c = channel_of("0001020304050607", 1);
    cr_buf data = {0}, opened = {0};
    uint32_t counter = 0;
    struct cr_err err = {0};
    assert_int_equal(smdp_es8_put_open(&c, &data, &err), CR_OK);
    assert_span(cr_buf_span(&data), "840A30000001020304050607"
                                    "8511338D0E5F655BFAF098DB1CCB26C3B1410F");
    assert_int_equal(smdp_es8_take_open(&c, vector(ANSWER_84 "8500"), &opened, &counter, &err),
                     CR_OK);
    /* One segment, and the answer of the installer (to the second 86 of the published session). */
    c.opened = cr_buf_span(&opened);
    cr_buf_reset(&data);
    assert_int_equal(smdp_es8_put_load(&c, vector(SEGMENT), 0, &data, &err), CR_OK);
    assert_span(cr_buf_span(&data),
                "862804051321239E354108F477A68373DCF5513C2D3B6DB8E3E0B75E846CBD6"
                "DE72ACBB60AF4BA1B51A9");
    cr_buf_free(&data);
    cr_buf_free(&opened);
}

/* Every answer to 84 and 85 that is not the right one. */
static void test_open_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "8500",
        ANSWER_84,
        ANSWER_84 "9F450102",
        "9F440103",
        ANSWER_84 "85008500",
        ANSWER_84 "850100",
        "90010183",
        "830101",
        "23029000",
        ANSWER_84 "86008500",
        "84200001020304050607080930037042EB72124C3AB6C6C1C94FB6910AA99900000185008500",
        "84200001020304050607080930037042EB72124C3AB6C6C1C94FB6910AA9980000028500",
    };
    struct smdp_channel c = channel_of("0001020304050607", 1);
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_buf opened = {0};
        uint32_t counter = 0;
        struct cr_err err = {0};
        assert_int_equal(smdp_es8_take_open(&c, vector(bad[i]), &opened, &counter, &err),
                         CR_REFUSED);
        assert_string_equal(err.subject, "8.4");
        assert_string_equal(err.reason, "4.2");
        assert_int_not_equal(err.code, SMDP_OTHER_COUNTER);
        cr_buf_free(&opened);
    }
    /* The published answer proves counter 1 to whoever expected another. */
    c = channel_of("0001020304050607", 7);
    cr_buf opened = {0};
    uint32_t counter = 0;
    struct cr_err err = {0};
    assert_int_equal(smdp_es8_take_open(&c, vector(ANSWER_84 "9F450102"), &opened, &counter, &err),
                     CR_REFUSED);
    assert_int_equal(err.code, SMDP_OTHER_COUNTER);
    assert_int_equal(counter, 1);
    cr_buf_free(&opened);
}

static void test_commands(void **state)
{
    (void)state;
    const struct smdp_channel c = channel_of("1011121314151617", 2);
    const cr_span apdu = vector("80E288000E3A070BA0090607912143658709F1");
    cr_buf data = {0};
    uint32_t counter = 0;
    struct cr_err err = {0};
    assert_int_equal(smdp_es8_put_commands(&c, &apdu, 1, &data, &err), CR_OK);
    assert_span(cr_buf_span(&data),
                "220E8050300008101112131415161700"
                "221584823300108DBF43DD1F9B25F965B0896851EE7C79"
                "221D84E28800180078C97B1B1F66C8881E495F5588039B1D651A286B4DC92E");
#define ANSWER_50 "2322000102030405060708093003702EEB01F5C736A840AB3CFD920322C1B50000029000"
    assert_int_equal(smdp_es8_take_commands(&c, &apdu, 1,
                                            vector(ANSWER_50 "23029000"
                                                             "230A2D2214F487CC2F329000"),
                                            &counter, &err),
                     CR_OK);
    static const char *const bad[] = {
        "",
        "23026A88",
        ANSWER_50,
        ANSWER_50 "23026300",
        ANSWER_50 "23029000",
        ANSWER_50 "23029000"
                  "230A2D2214F487CC2F339000", /* MAC */
        ANSWER_50 "23029000"
                  "23029000",
        ANSWER_50 "23029000"
                  "23026A80",
        ANSWER_50 "23029000"
                  "8600",
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(smdp_es8_take_commands(&c, &apdu, 1, vector(bad[i]), &counter, &err),
                         CR_REFUSED);
    }
    cr_buf_free(&data);
}

static void test_certificate(void **state)
{
    (void)state;
    uint8_t certificate[600];
    cr_buf data = {0};
    struct cr_err err = {0};
    memset(certificate, 0x11, sizeof certificate);
    memcpy(certificate, vector("7F21820253").p, 5);
    assert_int_equal(smdp_es8_put_certificate(vector(AID), CR_SPAN_ARRAY(certificate), &data, &err),
                     CR_OK);
    assert_true(data.n > 640);
    assert_memory_equal(data.p, vector("221C80E6200016000010" AID "00000000").p, 30);
    assert_int_equal(
        smdp_es8_put_certificate(vector("A000"), CR_SPAN_ARRAY(certificate), &data, &err),
        CR_REFUSED);
    cr_buf_free(&data);
}

/* ---- tables ---- */

static void test_tables(void **state)
{
    (void)state;
    for (int s = 0; s <= SMDP_STEPS; s++) {
        int any = 0;
        for (int e = 0; e <= SMDP_EVENTS; e++) {
            enum smdp_step to = smdp_step_next((enum smdp_step)s, (enum smdp_event)e);
            any += to != 0;
            if (to) {
                assert_non_null(smdp_step_name(to));
                assert_non_null(smdp_event_name((enum smdp_event)e));
            }
        }
        /* What has ended is not moved, and whatever is under way has an end: each step that asks
         * has a way for each kind of answer. */
        bool asks = s > SMDP_STEP_QUEUED && s < SMDP_STEP_DONE;
        assert_int_equal(any > 0, asks || s == SMDP_STEP_QUEUED);
        for (int e = SMDP_EV_OK; asks && e <= SMDP_EV_LOST; e++) {
            if (e != SMDP_EV_MORE && e != SMDP_EV_BESIDE) {
                assert_true(smdp_step_next((enum smdp_step)s, (enum smdp_event)e) != 0);
            }
        }
    }
    assert_int_equal(smdp_state_next(SMDP_FAILED, SMDP_MOVE_RELEASE), 0);
    assert_int_equal(smdp_state_next(SMDP_LOADING, SMDP_MOVE_RELEASE), 0);
    assert_int_equal(smdp_state_next(SMDP_INSTALLED, SMDP_MOVE_RESERVE), 0);
    assert_null(smdp_state_name(0));
    assert_null(smdp_step_name(SMDP_STEPS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),     cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
