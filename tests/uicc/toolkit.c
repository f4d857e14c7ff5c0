#include "sim.h"

#include "uicc/toolkit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct heard {
    int answers, resets, refusals;
    uint8_t result, info;
    bool push_again;
};

static void heard(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    struct heard *h = ctx;
    if (answer->outcome == UICC_RESET) {
        h->resets++;
        return;
    }
    if (answer->outcome == UICC_NOT_OFFERED) {
        h->refusals++;
        return;
    }
    h->answers++;
    h->result = answer->result;
    h->info = answer->info;
    if (h->push_again) {
        h->push_again = false;
        assert_int_equal(uicc_proactive_refresh(uicc, 0x01, heard, h, NULL), CR_OK);
    }
}

/* REFRESH, MORE TIME, DISPLAY TEXT, polling, SMS, local information, all of the event bytes, timers:
 * bytes 3 to 8; BIP and its transports. */
#define PROFILE "8010000011FFFFFFFFFFFF00FFFF00001F02000000" "03"
#define DONE(n)                                                                                    \
    "801400000C"                                                                                   \
    "8103" n "0104"                                                                                \
    "82028281"                                                                                     \
    "830100"

static void a_refresh(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {0};
    assert_int_equal(
        uicc_proactive_refresh(sim->uicc, CAT_REFRESH_UICC_RESET, heard, &h, &sim->err), CR_OK);
    /* a terminal that never told its profile is not bothered */
    SIM_EXPECT(sim, "80F2000C00", "9000");
    SIM_EXPECT(sim, "8012000000", "6985");
    assert_false(cr_span_present(uicc_terminal_profile(sim->uicc)));
    SIM_EXPECT(sim, PROFILE, "910B");
    assert_int_equal(uicc_terminal_profile(sim->uicc).n, 17);
    SIM_EXPECT(sim, "00B0820001", "98910B");
    SIM_EXPECT(sim, "00B0830001", "6A82"); /* failures say nothing */
    SIM_EXPECT(sim, "00A40004023F00", "612E");
    SIM_SW(sim, "00C000002E", 0x910B);
    SIM_EXPECT(sim,
               "80140000"
               "0C"
               "810301010482028281830100",
               "6985"); /* nothing fetched */
    SIM_EXPECT(sim, "801200000A", "6C0B");
    SIM_EXPECT(sim, "80120000", "6C0B");
    SIM_EXPECT(sim, "8012010000", "6A86");
    SIM_EXPECT(sim, "801200000B",
               "D009810301010482028182"
               "9000");
    SIM_EXPECT(sim, "801200000B", "6985");
    SIM_EXPECT(sim, "80F2000C00", "9000"); /* it is with the terminal */
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    SIM_EXPECT(sim,
               "8014000003"
               "810301",
               "6A80");
    SIM_EXPECT(sim, DONE("02"), "6A80"); /* another command's */
    SIM_EXPECT(sim, "8014000109810301010482028281", "6A86");
    SIM_EXPECT(sim, "8014000009810301010482028281", "6A80"); /* no result */
    assert_int_equal(h.answers, 0);
    SIM_EXPECT(sim, DONE("01"), "9000");
    assert_int_equal(h.answers, 1);
    assert_int_equal(h.result, 0);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
    SIM_EXPECT(sim, DONE("01"), "6985");
    sim_free(sim);
}

static void the_queue(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {.push_again = true};
    struct sim_bytes text = sim_hex("D00D"
                                    "8103012180"
                                    "82028102"
                                    "8D0200"
                                    "41");
    text = sim_hex("D00F"
                   "8103012180"
                   "82028102"
                   "8D0404414243");
    SIM_EXPECT(sim, PROFILE, "9000");
    assert_int_equal(
        uicc_proactive_push(sim->uicc, cr_span_of(text.p, text.n), heard, &h, &sim->err), CR_OK);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, &sim->err), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9111");
    SIM_EXPECT(sim, "8012000011",
               "D00F81030121808202810"
               "28D04044142439000");
    SIM_EXPECT(sim,
               "801400000C"
               "8103012180"
               "82028281"
               "830101",
               "910B");
    assert_int_equal(h.answers, 1);
    assert_int_equal(h.result, 1);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 2); /* the answer brought another one */
    SIM_SW(sim, "801200000B", 0x9000);
    SIM_EXPECT(sim, DONE("01"), "910B");
    SIM_EXPECT(sim, "801200000B", "D0098103020101820281829000");
    SIM_EXPECT(sim,
               "801400000C"
               "8103020101"
               "82028281"
               "830100",
               "9000");
    assert_int_equal(h.answers, 2);
    /* what is no command, and too many */
    static const char *const wrong[] = {"",
                                        "D0",
                                        "D000",
                                        "D00381010",
                                        "D107810301010482"
                                        "00",
                                        "D0058103010104"
                                        "00",
                                        "D0058203010104"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct sim_bytes b = {.n = strlen(wrong[i]) / 2};
        assert_true(cr_hex_fixed(b.p, b.n, cr_span_of(wrong[i], b.n * 2)));
        assert_int_equal(
            uicc_proactive_push(sim->uicc, cr_span_of(b.p, b.n), NULL, NULL, &sim->err),
            CR_REFUSED);
    }
    for (int i = 0; i < UICC_MAX_PROACTIVE; i++) {
        assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, &sim->err), CR_OK);
    }
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, &sim->err), CR_REFUSED);
    h.resets = 0;
    uicc_reset(sim->uicc);
    assert_int_equal(h.resets, UICC_MAX_PROACTIVE);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
    assert_false(cr_span_present(uicc_terminal_profile(sim->uicc)));
    sim_free(sim);
}

static void other_announcements(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, PROFILE, "9000");
    SIM_EXPECT(sim, SELECT_USIM, "9000");
    SIM_EXPECT(sim, "00A4000C026FC0", "9000");
    SIM_EXPECT(sim, "80DB0080058003010203", "9000");
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, &sim->err), CR_OK);
    SIM_EXPECT(sim,
               "80CB008001"
               "80"
               "02",
               "800362F2");
    SIM_EXPECT(sim, "80CB000000", "010203910B");
    SIM_EXPECT(sim, "80DB008003800301", "63F2");
    SIM_EXPECT(sim, "80DB0000020203", "910B");
    sim_free(sim);
}

static bool cut_before_commit(void *ctx, enum nvm_point point)
{
    return point == NVM_BEFORE_COMMIT && (*(int *)ctx)-- == 0;
}

/* A command whose changes are lost leaves no proactive command behind, and has not answered one. */
static void aborted_commands(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {.push_again = true};
    int left = 1 << 20;
    SIM_EXPECT(sim, PROFILE, "9000");
    nvm_set_fault(sim->nvm, cut_before_commit, &left);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, &sim->err), CR_OK);
    SIM_SW(sim, "8012000000", 0x9000);
    left = 0;
    SIM_EXPECT(sim, DONE("01"), "6581");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    sim_free(sim);
}

static void capability(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, "80AA00000AA90881008201018301", "6700");
    SIM_EXPECT(sim,
               "80AA00000A"
               "A9088100820101830107",
               "9000");
    assert_int_equal(uicc_terminal_capability(sim->uicc).n, 8);
    SIM_EXPECT(sim,
               "80AA000002"
               "A900",
               "9000");
    assert_int_equal(uicc_terminal_capability(sim->uicc).n, 0);
    assert_true(cr_span_present(uicc_terminal_capability(sim->uicc)));
    SIM_EXPECT(sim,
               "80AA000002"
               "A800",
               "6A80");
    SIM_EXPECT(sim,
               "80AA000002"
               "A901",
               "6A80");
    SIM_EXPECT(sim,
               "80AA000003"
               "A90000",
               "6A80");
    SIM_EXPECT(sim,
               "80AA010002"
               "A900",
               "6A86");
    SIM_EXPECT(sim, "80AA0000", "6700");
    SIM_EXPECT(sim,
               "00AA000002"
               "A900",
               "6E00");
    SIM_EXPECT(sim, "8010000000", "6700");
    SIM_EXPECT(sim,
               "8010010001"
               "11",
               "6A86");
    sim_free(sim);
}

static uicc_sw envelope(void *ctx, struct uicc_call *call, uint8_t tag)
{
    *(uint8_t *)ctx = tag;
    if (tag == 0xD1) {
        cr_buf_append_span(call->out, call->apdu->data);
        return UICC_SW_OK;
    }
    return tag == 0xD6 ? UICC_SW_OK : UICC_SW_TOOLKIT_BUSY;
}

static void envelopes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    uint8_t tag = 0;
    SIM_EXPECT(sim, "80C2000003D10101", "6985");
    uicc_set_envelope_handler(sim->uicc, envelope, &tag);
    SIM_EXPECT(sim, "80C2000003D10155", "6103");
    SIM_EXPECT(sim, "80C0000003", "D101559000");
    assert_int_equal(tag, 0xD1);
    SIM_EXPECT(sim, "80C2000003D6015500", "9000");
    SIM_EXPECT(sim, "80C2000002D300", "9300");
    SIM_EXPECT(sim, "80C2000003D10255", "6A80");
    SIM_EXPECT(sim, "80C2000004D1015500", "6A80");
    SIM_EXPECT(sim, "80C2010003D10155", "6A86");
    SIM_EXPECT(sim, "80C20000", "6700");
    SIM_EXPECT(sim, "00C2000003D10155", "6E00");
    uicc_set_envelope_handler(sim->uicc, NULL, NULL);
    SIM_EXPECT(sim, "80C2000003D10155", "6985");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh),           cmocka_unit_test(the_queue),
        cmocka_unit_test(other_announcements), cmocka_unit_test(aborted_commands),
        cmocka_unit_test(capability),          cmocka_unit_test(envelopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
