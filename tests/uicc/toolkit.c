#include "sim.h"

#include "terminal.h"
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

/* REFRESH, MORE TIME, DISPLAY TEXT, polling, SMS, local information, all of the event bytes,
 * timers: bytes 3 to 8; BIP and its transports. */
#define PROFILE                                                                                    \
    "8010000011FFFFFFFFFFFF00FFFF00001F02000000"                                                   \
    "03"
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
    SIM_EXPECT(sim, "801400000C810301010482028281830100", "6985"); /* nothing fetched */
    SIM_EXPECT(sim, "801200000A", "6C0B");
    SIM_EXPECT(sim, "80120000", "6C0B");
    SIM_EXPECT(sim, "8012010000", "6A86");
    SIM_EXPECT(sim, "801200000B", "D0098103010104820281829000");
    SIM_EXPECT(sim, "801200000B", "6985");
    SIM_EXPECT(sim, "80F2000C00", "9000"); /* it is with the terminal */
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    SIM_EXPECT(sim, "8014000003810301", "6A80");
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
    struct sim_bytes text = sim_hex("D00F8103012180820281028D0404414243");
    SIM_EXPECT(sim, PROFILE, "9000");
    assert_int_equal(uicc_proactive_push(sim->uicc, cr_span_of(text.p, text.n), UICC_RETRY_BUSY,
                                         heard, &h, &sim->err),
                     CR_OK);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, &sim->err), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9111");
    SIM_EXPECT(sim, "8012000011", "D00F8103012180820281028D04044142439000");
    SIM_EXPECT(sim, "801400000C810301218082028281830101", "910B");
    assert_int_equal(h.answers, 1);
    assert_int_equal(h.result, 1);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 2); /* the answer brought another one */
    SIM_SW(sim, "801200000B", 0x9000);
    SIM_EXPECT(sim, DONE("02"), "910B");
    SIM_EXPECT(sim, "801200000B", "D0098103030101820281829000");
    SIM_EXPECT(sim, "801400000C810303010182028281830100", "9000");
    assert_int_equal(h.answers, 2);
    /* what is no command, and too many */
    static const char *const wrong[] = {
        "", "D0", "D000", "D00381010", "D10781030101048200", "D005810301010400", "D0058203010104"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        struct sim_bytes b = {.n = strlen(wrong[i]) / 2};
        assert_true(cr_hex_fixed(b.p, b.n, cr_span_of(wrong[i], b.n * 2)));
        assert_int_equal(uicc_proactive_push(sim->uicc, cr_span_of(b.p, b.n), UICC_RETRY_BUSY, NULL,
                                             NULL, &sim->err),
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
    SIM_EXPECT(sim, "80CB0080018002", "800362F2");
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
    SIM_EXPECT(sim, "80AA00000AA9088100820101830107", "9000");
    assert_int_equal(uicc_terminal_capability(sim->uicc).n, 8);
    SIM_EXPECT(sim, "80AA000002A900", "9000");
    assert_int_equal(uicc_terminal_capability(sim->uicc).n, 0);
    assert_true(cr_span_present(uicc_terminal_capability(sim->uicc)));
    SIM_EXPECT(sim, "80AA000002A800", "6A80");
    SIM_EXPECT(sim, "80AA000002A901", "6A80");
    SIM_EXPECT(sim, "80AA000003A90000", "6A80");
    SIM_EXPECT(sim, "80AA010002A900", "6A86");
    SIM_EXPECT(sim, "80AA0000", "6700");
    SIM_EXPECT(sim, "00AA000002A900", "6E00");
    SIM_EXPECT(sim, "8010000000", "6700");
    SIM_EXPECT(sim, "801001000111", "6A86");
    sim_free(sim);
}

/* --- ENVELOPE ----------------------------------------------------------------------------------
 */

struct taker {
    uint8_t tag;
    uicc_sw answer;
    int asked;
};

static uicc_sw take(void *ctx, struct uicc_call *call, const struct cat_envelope *envelope)
{
    struct taker *t = ctx;
    t->tag = envelope->tag;
    t->asked++;
    if (t->answer == UICC_SW_OK) {
        cr_buf_append_span(call->out, call->apdu->data);
    }
    return t->answer;
}

static void envelopes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct taker first = {.answer = UICC_NOT_MINE}, second = {.answer = UICC_SW_OK};
    unsigned a, b;
    SIM_EXPECT(sim, "80C2000005D103020100", "6985");
    struct uicc_toolkit_owner owner = {.ctx = &first,
                                       .envelopes = UICC_ENVELOPE_BIT(CAT_SMS_PP_DOWNLOAD) |
                                                    UICC_ENVELOPE_BIT(CAT_MENU_SELECTION),
                                       .envelope = take};
    assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &a, NULL), CR_OK);
    owner.ctx = &second;
    owner.envelopes = UICC_ENVELOPE_BIT(CAT_SMS_PP_DOWNLOAD);
    assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &b, NULL), CR_OK);
    SIM_EXPECT(sim, "80C2000005D103020100", "6105");
    SIM_EXPECT(sim, "80C0000005", "D1030201009000");
    assert_int_equal(first.asked, 1);
    assert_int_equal(second.asked, 1);
    assert_int_equal(second.tag, CAT_SMS_PP_DOWNLOAD);
    SIM_EXPECT(sim, "80C2000002D300", "6985"); /* the one who might take it says no */
    assert_int_equal(first.tag, CAT_MENU_SELECTION);
    assert_int_equal(second.asked, 1);
    first.answer = UICC_SW_TOOLKIT_BUSY;
    SIM_EXPECT(sim, "80C2000002D300", "9300");
    SIM_EXPECT(sim, "80C2000002D100", "9300");
    assert_int_equal(second.asked, 1); /* an answer ends the asking */
    first.answer = 0x6200;
    SIM_EXPECT(sim, "80C2000002D100", "6200");
    SIM_EXPECT(sim, "80C2000002D400", "6985");
    owner.envelopes = UICC_ENVELOPE_BIT(CAT_PROSE_REPORT);
    unsigned prose;
    assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &prose, NULL), CR_OK);
    SIM_EXPECT(sim, "80C2000002DF00", "6102"); /* the last of the known tags */
    uicc_toolkit_unregister(sim->uicc, prose);
    owner.envelopes = UICC_ENVELOPE_BIT(CAT_SMS_PP_DOWNLOAD);
    SIM_EXPECT(sim, "80C2000002E100", "6985"); /* beyond the known tags: not D1 */
    static const char *const wrong[] = {"80C2000002D301",  "80C2000003D30000", "80C2000004D1020102",
                                        "80C2000002CF00",  "80C2000002D000",   "80C2000001D1",
                                        "80C2000003D18001"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        SIM_EXPECT(sim, wrong[i], "6A80");
    }
    SIM_EXPECT(sim, "80C2010002D100", "6A86");
    SIM_EXPECT(sim, "80C2000102D100", "6A86");
    SIM_EXPECT(sim, "80C20000", "6700");
    SIM_EXPECT(sim, "00C2000002D100", "6E00");
    uicc_toolkit_unregister(sim->uicc, a);
    uicc_toolkit_unregister(sim->uicc, 99);
    SIM_EXPECT(sim, "80C2000002D300", "6985");
    /* no room for what it leads to: come again */
    SIM_EXPECT(sim, PROFILE, "9000");
    for (int i = 0; i < UICC_MAX_PROACTIVE; i++) {
        assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, NULL), CR_OK);
    }
    assert_int_equal(uicc_proactive_room(sim->uicc), 0);
    SIM_EXPECT(sim, "80C2000002D100", "9300");
    SIM_EXPECT(sim, "80C2000002D300", "6985");
    /* the slot is given again; sixteen are the most */
    unsigned last = 0;
    for (int i = 0; i < UICC_MAX_TOOLKIT_OWNERS - 1; i++) {
        assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &last, NULL), CR_OK);
        assert_int_equal(last, i == 0 ? a : (unsigned)i + 1);
    }
    assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &last, NULL), CR_REFUSED);
    sim_free(sim);
}

/* --- what the terminal offers ------------------------------------------------------------------
 */

static void only_what_is_offered(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {0};
    struct sim_bytes text = sim_hex("D00F8103012180820281028D0404414243");
    /* waiting before the profile: told when it comes, in order, the others stay */
    assert_int_equal(uicc_proactive_push(sim->uicc, cr_span_of(text.p, text.n), UICC_RETRY_BUSY,
                                         heard, &h, NULL),
                     CR_OK);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, NULL), CR_OK);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x09, heard, &h, NULL), CR_OK);
    SIM_EXPECT(sim, "8010000003000080", "910B");
    assert_int_equal(h.refusals, 2); /* DISPLAY TEXT; the mode of REFRESH */
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    SIM_EXPECT(sim, "801200000B", "D0098103020104820281829000");
    SIM_EXPECT(sim, DONE("02"), "9000");
    /* afterwards: refused at once, with the reason */
    assert_int_equal(uicc_proactive_push(sim->uicc, cr_span_of(text.p, text.n), UICC_RETRY_BUSY,
                                         heard, &h, &sim->err),
                     CR_REFUSED);
    assert_int_equal(sim->err.code, UICC_CODE_NOT_OFFERED);
    assert_non_null(strstr(sim->err.cause, "DISPLAY TEXT"));
    assert_int_equal(uicc_proactive_more_time(sim->uicc, NULL, NULL, NULL), CR_REFUSED);
    assert_int_equal(uicc_proactive_local_information(sim->uicc, CAT_LOCAL_IMEI, NULL, NULL, NULL),
                     CR_REFUSED);
    assert_int_equal(uicc_proactive_send_sms(sim->uicc, (cr_span){0}, cr_span_str("x"),
                                             UICC_RETRY_ANY, NULL, NULL, NULL),
                     CR_REFUSED);
    assert_int_equal(uicc_proactive_channel_status(sim->uicc, NULL, NULL, NULL), CR_REFUSED);
    unsigned timer = 77, owner;
    assert_int_equal(uicc_timer_start(sim->uicc, 10, NULL, NULL, &timer, &sim->err), CR_REFUSED);
    assert_int_equal(sim->err.code, UICC_CODE_NOT_OFFERED);
    assert_int_equal(timer, 77);
    assert_int_equal(
        uicc_toolkit_register(sim->uicc, &(struct uicc_toolkit_owner){.ctx = &h}, &owner, NULL),
        CR_OK);
    assert_int_equal(uicc_toolkit_events(sim->uicc, owner, CAT_EVENT_BIT(3), &sim->err),
                     CR_REFUSED);
    assert_non_null(strstr(sim->err.cause, "location status"));
    assert_int_equal(uicc_toolkit_poll(sim->uicc, owner, 30, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, owner, UICC_POLL_OFF, &sim->err), CR_REFUSED);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, owner, 0, &sim->err), CR_OK);
    assert_false(uicc_toolkit_offers(sim->uicc, CAT_MORE_TIME, 0));
    assert_true(uicc_toolkit_offers(sim->uicc, CAT_REFRESH, 0));
    SIM_EXPECT(sim, "80F2000C00", "9000");
    sim_free(sim);
}

/* --- the usual commands ------------------------------------------------------------------------
 */

static void fetched(struct sim *sim, const char *expected)
{
    char fetch[11], answer[600];
    uicc_sw sw = sim_sw(sim, "80F2000C00");
    assert_int_equal(sw & 0xFF00, UICC_SW_PROACTIVE);
    (void)snprintf(fetch, sizeof fetch, "80120000%02X", sw & 0xFFU);
    (void)snprintf(answer, sizeof answer, "%s9000", expected);
    SIM_EXPECT(sim, fetch, answer);
    struct sim_bytes b = sim_hex(expected);
    struct cat_command c;
    assert_int_equal(cat_command_read(cr_span_of(b.p, b.n), &c, NULL), CR_OK);
    char done[64];
    (void)snprintf(done, sizeof done, "801400000C8103%02X%02X%02X82028281830100", c.number, c.type,
                   c.qualifier);
    SIM_SW(sim, done, 0x9000);
}

static void builders(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const uint8_t files[] = {0x01, 0x3F, 0x00, 0x7F, 0x20, 0x6F, 0x07};
    static const uint8_t aid[] = {0xA0, 0x00, 0x00, 0x00, 0x87};
    static const uint8_t smsc[] = {0x91, 0x94}, tpdu[] = {0x41, 0x00, 0x05};
    static uint8_t large[240];
    SIM_EXPECT(sim, PROFILE, "9000");
    SIM_EXPECT(sim, "80F2000C00", "9000"); /* nobody wants anything: silent */
    for (uint8_t mode = 0; mode <= 6; mode++) {
        char expected[32];
        assert_int_equal(uicc_proactive_refresh(sim->uicc, mode, NULL, NULL, NULL), CR_OK);
        (void)snprintf(expected, sizeof expected, "D0098103%02X01%02X82028182", mode + 1U, mode);
        fetched(sim, expected);
    }
    assert_int_equal(uicc_proactive_refresh_files(sim->uicc, 0x01, CR_SPAN_ARRAY(files),
                                                  CR_SPAN_ARRAY(aid), NULL, NULL, NULL),
                     CR_OK);
    fetched(sim, "D0198103080101820281829207013F007F206F072F05A000000087");
    assert_int_equal(uicc_proactive_more_time(sim->uicc, NULL, NULL, NULL), CR_OK);
    fetched(sim, "D009810309020082028182");
    assert_int_equal(uicc_proactive_local_information(sim->uicc, CAT_LOCAL_IMEI, NULL, NULL, NULL),
                     CR_OK);
    fetched(sim, "D00981030A260182028182");
    assert_int_equal(uicc_proactive_channel_status(sim->uicc, NULL, NULL, NULL), CR_OK);
    fetched(sim, "D00981030B440082028182");
    assert_int_equal(uicc_proactive_send_sms(sim->uicc, CR_SPAN_ARRAY(smsc), CR_SPAN_ARRAY(tpdu),
                                             UICC_RETRY_ANY, NULL, NULL, NULL),
                     CR_OK);
    fetched(sim, "D01281030C130082028183860291948B03410005");
    assert_int_equal(uicc_proactive_send_sms(sim->uicc, (cr_span){0}, CR_SPAN_ARRAY(tpdu),
                                             UICC_RETRY_ANY, NULL, NULL, NULL),
                     CR_OK);
    fetched(sim, "D00E81030D1300820281838B03410005");
    assert_int_equal(uicc_proactive_send_sms(sim->uicc, (cr_span){0}, CR_SPAN_ARRAY(large),
                                             UICC_RETRY_ANY, NULL, NULL, &sim->err),
                     CR_OK);
    SIM_SW(sim, "80F2000C00", 0x91FF);
    SIM_SW(sim, "80120000FF", 0x9000);
    /* 256 bytes: Le 00. One more has no way. */
    uint8_t d0[CAT_MAX_COMMAND + 1] = {0xD0, 0x81, 253,  0x81, 0x03, 0x01, 0x13, 0x00,
                                       0x82, 0x02, 0x81, 0x83, 0x8B, 0x81, 241};
    assert_int_equal(
        uicc_proactive_push(sim->uicc, cr_span_of(d0, 256), UICC_RETRY_NONE, NULL, NULL, &sim->err),
        CR_OK);
    d0[2]++;
    d0[14]++;
    assert_int_equal(
        uicc_proactive_push(sim->uicc, cr_span_of(d0, 257), UICC_RETRY_NONE, NULL, NULL, &sim->err),
        CR_REFUSED);
    SIM_SW(sim, "801400000C81030E130082028281830100", 0x9100);
    SIM_EXPECT(sim, "80120000FF", "6C00");
    SIM_SW(sim, "8012000000", 0x9000);
    assert_int_equal(sim->response.n, 258);
    sim_free(sim);
}

/* --- trying again ------------------------------------------------------------------------------
 */

static void busy_terminal(void **state)
{
    (void)state;
    static const struct {
        enum uicc_retry retry;
        uint8_t result;
        unsigned attempts;
    } cases[] = {
        {UICC_RETRY_BUSY, 0x20, 3}, {UICC_RETRY_BUSY, 0x21, 3}, {UICC_RETRY_BUSY, 0x35, 1},
        {UICC_RETRY_ANY, 0x35, 3},  {UICC_RETRY_ANY, 0x20, 3},  {UICC_RETRY_NONE, 0x20, 1},
    };
    for (size_t i = 0; i < 2 * CR_COUNT(cases); i++) {
        bool timers = i % 2;
        struct sim *sim = sim_new();
        struct terminal t;
        struct heard h = {0};
        terminal_init(&t, sim->uicc);
        if (!timers) {
            t.profile[7] = 0;
        }
        (void)terminal_start(&t);
        terminal_fault(&t, CAT_SEND_SHORT_MESSAGE, cases[i / 2].result, 0x04, 5);
        assert_int_equal(uicc_proactive_send_sms(sim->uicc, (cr_span){0}, cr_span_str("x"),
                                                 cases[i / 2].retry, heard, &h, NULL),
                         CR_OK);
        (void)terminal_status(&t);
        for (unsigned k = 1; k < cases[i / 2].attempts; k++) {
            assert_int_equal(t.fetched[CAT_SEND_SHORT_MESSAGE], k);
            assert_int_equal(h.answers, 0);
            assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
            if (timers) {
                (void)terminal_status(&t); /* is not the clock then */
                terminal_advance(&t, UICC_RETRY_SECONDS - 1);
                assert_int_equal(t.fetched[CAT_SEND_SHORT_MESSAGE], k);
                terminal_advance(&t, 1);
            } else {
                (void)terminal_status(&t);
            }
        }
        assert_int_equal(t.fetched[CAT_SEND_SHORT_MESSAGE], cases[i / 2].attempts);
        assert_int_equal(h.answers, 1);
        assert_int_equal(h.result, cases[i / 2].result);
        assert_int_equal(h.info, 0x04);
        assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
        terminal_free(&t);
        sim_free(sim);
    }
}

/* While one waits to be tried again, others go on; the second attempt succeeds. A terminal that is
 * too busy for the timer as well: STATUS is the clock. */
static void held_behind(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct terminal t;
    struct heard h = {0}, other = {0};
    terminal_init(&t, sim->uicc);
    (void)terminal_start(&t);
    terminal_fault(&t, CAT_SEND_SHORT_MESSAGE, 0x20, -1, 1);
    terminal_fault(&t, CAT_TIMER_MANAGEMENT, 0x20, -1, 1);
    assert_int_equal(uicc_proactive_send_sms(sim->uicc, (cr_span){0}, cr_span_str("x"),
                                             UICC_RETRY_BUSY, heard, &h, NULL),
                     CR_OK);
    assert_int_equal(uicc_proactive_more_time(sim->uicc, heard, &other, NULL), CR_OK);
    (void)terminal_status(&t);
    assert_int_equal(h.answers, 0);
    assert_int_equal(other.answers, 1);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 2); /* and TIMER MANAGEMENT */
    (void)terminal_status(&t);
    assert_int_equal(h.answers, 1);
    assert_int_equal(h.result, 0);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
    terminal_free(&t);
    sim_free(sim);
}

/* --- events and polling ------------------------------------------------------------------------
 */

struct listener {
    int started, resets, events, polled;
    uint8_t event, status;
    unsigned owner;
    uint32_t wish; /* asked for at each reset */
};

static void l_started(void *ctx, struct uicc *uicc)
{
    (void)uicc;
    ((struct listener *)ctx)->started++;
}

static void l_reset(void *ctx, struct uicc *uicc)
{
    struct listener *l = ctx;
    l->resets++;
    if (l->wish) {
        assert_int_equal(uicc_toolkit_events(uicc, l->owner, l->wish, NULL), CR_OK);
    }
}

static void l_event(void *ctx, struct uicc *uicc, uint8_t event,
                    const struct cat_envelope *envelope)
{
    struct listener *l = ctx;
    (void)uicc;
    l->events++;
    l->event = event;
    (void)cat_find_byte(envelope->tlvs, CAT_TAG_LOCATION_STATUS, &l->status);
}

static void l_polled(void *ctx, struct uicc *uicc)
{
    (void)uicc;
    ((struct listener *)ctx)->polled++;
}

static void listen(struct sim *sim, struct listener *l)
{
    *l = (struct listener){.status = 0xFF};
    struct uicc_toolkit_owner owner = {
        .ctx = l, .started = l_started, .reset = l_reset, .event = l_event, .polled = l_polled};
    assert_int_equal(uicc_toolkit_register(sim->uicc, &owner, &l->owner, NULL), CR_OK);
}

#define LOCATION CAT_EVENT_BIT(CAT_EVENT_LOCATION_STATUS)
#define DATA     CAT_EVENT_BIT(CAT_EVENT_DATA_AVAILABLE)
#define CHANNEL  CAT_EVENT_BIT(CAT_EVENT_CHANNEL_STATUS)

static void events(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct listener a, b;
    listen(sim, &a);
    listen(sim, &b);
    /* asked before the profile; merged into the list of the sheet */
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION | DATA, NULL), CR_OK);
    assert_int_equal(uicc_toolkit_events(sim->uicc, b.owner, DATA | CHANNEL, NULL), CR_OK);
    assert_int_equal(uicc_toolkit_events(sim->uicc, 2, DATA, NULL), CR_REFUSED);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    SIM_EXPECT(sim, PROFILE, "9110");
    assert_int_equal(a.started, 1);
    fetched(sim, "D00E810301050082028182990303090A");
    SIM_EXPECT(sim, "80F2000C00", "9000");
    SIM_EXPECT(sim, "80C200000CD60A990103820282819B0102", "9000");
    assert_int_equal(a.events, 1);
    assert_int_equal(a.event, CAT_EVENT_LOCATION_STATUS);
    assert_int_equal(a.status, CAT_SERVICE_NONE);
    assert_int_equal(b.events, 0);
    SIM_EXPECT(sim, "80C2000010D60E99010982028281B8028100B701FF", "9000");
    assert_int_equal(a.events, 2);
    assert_int_equal(b.events, 1);
    /* the same union: nothing to say; a smaller one; none */
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    uicc_toolkit_unregister(sim->uicc, 2);
    uicc_toolkit_unregister(sim->uicc, b.owner);
    assert_int_equal(uicc_toolkit_events(sim->uicc, b.owner, DATA, NULL), CR_REFUSED);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, 30, NULL), CR_REFUSED);
    SIM_EXPECT(sim, "80F2000C00", "910E");
    fetched(sim, "D00C810302050082028182990103");
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, 0, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910D");
    fetched(sim, "D00B8103030500820281829900");
    SIM_EXPECT(sim, "80C200000CD60A990103820282819B0102", "9000"); /* late: nobody's any more */
    assert_int_equal(a.events, 2);
    static const char *const wrong[] = {"80C2000004D6028200", "80C2000002D600",
                                        "80C2000006D60499020309", "80C2000005D603990120"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        SIM_EXPECT(sim, wrong[i], "6A80");
    }
    /* changed while the list is under way: the newer one follows */
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910E");
    SIM_SW(sim, "801200000E", 0x9000);
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION | DATA, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    SIM_EXPECT(sim, "801400000C810304050082028281830130", "910F"); /* refused: not said again */
    fetched(sim, "D00D81030505008202818299020309");
    SIM_EXPECT(sim, "80F2000C00", "9000");
    /* a terminal that begins again is told again; one with less gets less */
    SIM_EXPECT(sim, PROFILE, "910F");
    fetched(sim, "D00D81030605008202818299020309");
    assert_int_equal(a.started, 2);
    SIM_EXPECT(sim, "80100000050000000011", "910E");
    fetched(sim, "D00C810307050082028182990103");
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION | DATA, NULL), CR_REFUSED);
    /* reset: the wishes are gone, unless they are made again */
    a.wish = 0;
    uicc_reset(sim->uicc);
    assert_int_equal(a.resets, 1);
    SIM_EXPECT(sim, PROFILE, "9000");
    a.wish = LOCATION;
    uicc_reset(sim->uicc);
    SIM_EXPECT(sim, PROFILE, "910E");
    fetched(sim, "D00C810301050082028182990103");
    assert_true(a.polled > 10);
    sim_free(sim);
}

static void polling(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct terminal t;
    struct listener a, b;
    listen(sim, &a);
    listen(sim, &b);
    terminal_init(&t, sim->uicc);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, UICC_POLL_OFF, NULL), CR_OK);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 15301, NULL), CR_REFUSED);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, 2, 10, NULL), CR_REFUSED);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, 15300, NULL), CR_OK);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, 0, NULL), CR_OK);
    (void)terminal_start(&t);
    assert_int_equal(t.fetched[CAT_POLLING_OFF], 1);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 0);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, 600, NULL), CR_OK);
    (void)terminal_status(&t);
    assert_int_equal(t.fetched[CAT_POLL_INTERVAL], 1);
    assert_int_equal(t.poll_tenths, 6000);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 600);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 30, NULL), CR_OK);
    (void)terminal_status(&t);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 30);
    (void)terminal_status(&t);
    assert_int_equal(t.fetched[CAT_POLL_INTERVAL], 2);
    /* refused: the old one holds, and it is not said again */
    terminal_fault(&t, CAT_POLL_INTERVAL, 0x32, -1, 1);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 10, NULL), CR_OK);
    (void)terminal_status(&t);
    (void)terminal_status(&t);
    assert_int_equal(t.fetched[CAT_POLL_INTERVAL], 3);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 30);
    /* a terminal that begins again is told again */
    (void)terminal_start(&t);
    assert_int_equal(t.fetched[CAT_POLL_INTERVAL], 4);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 10);
    /* one under way is enough */
    t.silent = true;
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 9, NULL), CR_OK);
    (void)terminal_status(&t);
    assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 8, NULL), CR_OK);
    (void)terminal_status(&t);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    t.silent = false;
    terminal_reset(&t);
    (void)terminal_start(&t);
    assert_int_equal(t.fetched[CAT_POLL_INTERVAL], 4);
    /* each of the two has its bit */
    for (int off = 0; off < 2; off++) {
        t.profile[2] = off ? 0x40 : 0x20;
        t.fetched[CAT_POLL_INTERVAL] = t.fetched[CAT_POLLING_OFF] = 0;
        terminal_reset(&t);
        assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 60, NULL), CR_OK);
        assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, UICC_POLL_OFF, NULL), CR_OK);
        (void)terminal_start(&t);
        assert_int_equal(t.fetched[CAT_POLL_INTERVAL], !off);
        assert_int_equal(t.fetched[CAT_POLLING_OFF], off);
        assert_int_equal(uicc_toolkit_poll(sim->uicc, a.owner, 60, NULL), off ? CR_REFUSED : CR_OK);
        assert_int_equal(uicc_toolkit_poll(sim->uicc, b.owner, UICC_POLL_OFF, NULL),
                         off ? CR_OK : CR_REFUSED);
    }
    terminal_reset(&t);
    (void)terminal_start(&t);
    assert_int_equal(uicc_toolkit_poll_interval(sim->uicc), 0);
    terminal_free(&t);
    sim_free(sim);
}

/* --- timers ------------------------------------------------------------------------------------
 */

struct clock {
    int expired, failed, values, resets;
    unsigned timer;
    uint32_t seconds;
    unsigned heard; /* sum of the numbers of the timers */
};

static void ticked(void *ctx, struct uicc *uicc, unsigned timer, enum uicc_timer_news news,
                   uint32_t seconds)
{
    struct clock *c = ctx;
    (void)uicc;
    c->timer = timer;
    c->heard += timer;
    c->seconds = seconds;
    switch (news) {
    case UICC_TIMER_EXPIRED:
        c->expired++;
        break;
    case UICC_TIMER_FAILED:
        c->failed++;
        break;
    case UICC_TIMER_VALUE:
        c->values++;
        break;
    case UICC_TIMER_RESET:
        c->resets++;
        break;
    }
}

static void timers(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct clock c = {0};
    unsigned timer = 0;
    assert_int_equal(uicc_timer_start(sim->uicc, 1800, ticked, &c, &timer, NULL), CR_REFUSED);
    SIM_EXPECT(sim, PROFILE, "9000");
    assert_int_equal(uicc_timer_start(sim->uicc, 0, ticked, &c, &timer, NULL), CR_REFUSED);
    assert_int_equal(uicc_timer_start(sim->uicc, 86400, ticked, &c, &timer, NULL), CR_REFUSED);
    assert_int_equal(uicc_timer_start(sim->uicc, 1800, ticked, &c, &timer, NULL), CR_OK);
    assert_int_equal(timer, 1);
    fetched(sim, "D011810301270082028182A40101A503000300");
    assert_int_equal(uicc_timer_read(sim->uicc, timer, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910E");
    SIM_SW(sim, "801200000E", 0x9000);
    SIM_EXPECT(sim, "8014000014810302270282028281830100A40101A503000210", "9000");
    assert_int_equal(c.values, 1);
    assert_int_equal(c.timer, 1);
    assert_int_equal(c.seconds, 20 * 60 + 1);
    /* begun anew while it runs; the expiration that crossed it is swallowed */
    assert_int_equal(uicc_timer_restart(sim->uicc, timer, 60, NULL), CR_OK);
    SIM_EXPECT(sim, "80C200000ED70C82028281A40101A503000300", "9113");
    assert_int_equal(c.expired, 0);
    fetched(sim, "D011810303270082028182A40101A503001000");
    SIM_EXPECT(sim, "80C200000ED70C82028281A40101A503001000", "9000");
    assert_int_equal(c.expired, 1);
    assert_int_equal(c.seconds, 60);
    SIM_EXPECT(sim, "80C200000ED70C82028281A40101A503001000", "6985"); /* once */
    assert_int_equal(uicc_timer_restart(sim->uicc, timer, 60, NULL), CR_REFUSED);
    assert_int_equal(uicc_timer_read(sim->uicc, timer, NULL), CR_REFUSED);
    assert_int_equal(uicc_timer_read(sim->uicc, 0, NULL), CR_REFUSED);
    assert_int_equal(uicc_timer_read(sim->uicc, 9, NULL), CR_REFUSED);
    /* stopped before the terminal heard of it: nothing is said */
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
    uicc_timer_stop(sim->uicc, timer);
    uicc_timer_stop(sim->uicc, 0);
    uicc_timer_stop(sim->uicc, 9);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    /* stopped while its start is with the terminal, and expired before that was said */
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9113");
    SIM_SW(sim, "8012000013", 0x9000);
    uicc_timer_stop(sim->uicc, timer);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1); /* one of a timer at a time */
    SIM_EXPECT(sim, "801400000C810304270082028281830100", "910E");
    SIM_EXPECT(sim, "80C200000ED70C82028281A40101A503000050", "910E");
    fetched(sim, "D00C810305270182028182A40101");
    assert_int_equal(c.expired, 1);
    /* refused by the terminal */
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9113");
    SIM_SW(sim, "8012000013", 0x9000);
    SIM_EXPECT(sim, "801400000C810306270082028281830130", "9000");
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.timer, timer);
    /* stopped, and refused meanwhile: nobody's news; stopped, and expired meanwhile: no more to say
     */
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9113");
    SIM_SW(sim, "8012000013", 0x9000);
    uicc_timer_stop(sim->uicc, timer);
    SIM_EXPECT(sim, "801400000C810307270082028281830130", "9000");
    assert_int_equal(c.failed, 1);
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "9113");
    SIM_SW(sim, "8012000013", 0x9000);
    SIM_EXPECT(sim, "801400000C810308270082028281830100", "9000");
    uicc_timer_stop(sim->uicc, timer);
    SIM_EXPECT(sim, "80C200000ED70C82028281A40101A503000050", "9000");
    assert_int_equal(c.expired, 1);
    SIM_EXPECT(sim, "80F2000C00", "9000");
    /* the bounds of what a timer runs */
    assert_int_equal(uicc_timer_start(sim->uicc, 1, ticked, &c, &timer, NULL), CR_OK);
    uicc_timer_stop(sim->uicc, timer);
    assert_int_equal(uicc_timer_start(sim->uicc, CAT_MAX_TIMER, ticked, &c, &timer, NULL), CR_OK);
    uicc_timer_stop(sim->uicc, timer);
    /* all eight, and one too many */
    for (unsigned i = 1; i <= CAT_TIMERS; i++) {
        assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_OK);
        assert_int_equal(timer, i);
    }
    assert_int_equal(uicc_timer_start(sim->uicc, 5, ticked, &c, &timer, NULL), CR_REFUSED);
    static const char *const wrong[] = {
        "80C2000002D700", "80C2000009D707A40101A5020000", "80C2000007D705A503000050",
        "80C200000AD708A40101A503000006", "80C2000009D707A40001A5020000"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        SIM_EXPECT(sim, wrong[i], "6A80");
    }
    SIM_SW(sim, "80C200000AD708A40100A503000050", 0x6985);
    SIM_SW(sim, "80C200000AD708A40109A503000050", 0x6985);
    c.heard = 0;
    uicc_timer_stop(sim->uicc, 8);
    uicc_reset(sim->uicc);
    assert_int_equal(c.resets, 7);
    assert_int_equal(c.heard, 1 + 2 + 3 + 4 + 5 + 6 + 7);
    SIM_EXPECT(sim, PROFILE, "9000");
    sim_free(sim);
}

/* Timers of several owners on the clock of a terminal. */
static void owners_of_timers(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct terminal t;
    struct clock c[CAT_TIMERS] = {0};
    unsigned timer[CAT_TIMERS];
    terminal_init(&t, sim->uicc);
    (void)terminal_start(&t);
    for (unsigned i = 0; i < CAT_TIMERS; i++) {
        assert_int_equal(uicc_timer_start(sim->uicc, 10 * (i + 1), ticked, &c[i], &timer[i], NULL),
                         CR_OK);
    }
    (void)terminal_status(&t);
    uicc_timer_stop(sim->uicc, timer[2]);
    (void)terminal_status(&t);
    for (unsigned i = 0; i < CAT_TIMERS; i++) {
        assert_int_equal(c[i].expired, 0);
        terminal_advance(&t, 10);
        assert_int_equal(c[i].expired, i != 2);
        assert_int_equal(c[i].timer, i != 2 ? timer[i] : 0);
    }
    terminal_free(&t);
    sim_free(sim);
}

/* --- lost commands -----------------------------------------------------------------------------
 */

static void push_on_event(void *ctx, struct uicc *uicc, uint8_t event,
                          const struct cat_envelope *envelope)
{
    struct clock *c = ctx;
    unsigned timer;
    (void)event;
    (void)envelope;
    assert_int_equal(uicc_proactive_more_time(uicc, NULL, NULL, NULL), CR_OK);
    assert_int_equal(uicc_timer_start(uicc, 5, ticked, c, &timer, NULL), CR_OK);
    c->timer = timer;
}

static uicc_sw push_and_fail(void *ctx, struct uicc_call *call, const struct cat_envelope *envelope)
{
    (void)ctx;
    (void)envelope;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(uicc_proactive_more_time(call->uicc, NULL, NULL, NULL), CR_OK);
    }
    return UICC_SW_MEMORY;
}

/* What waited before is untouched by what is undone. */
static void undone_pushes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {0};
    unsigned owner;
    struct uicc_toolkit_owner what = {.envelopes = UICC_ENVELOPE_BIT(CAT_MENU_SELECTION),
                                      .envelope = push_and_fail};
    assert_int_equal(uicc_toolkit_register(sim->uicc, &what, &owner, NULL), CR_OK);
    SIM_EXPECT(sim, PROFILE, "9000");
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, NULL), CR_OK);
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x03, heard, &h, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910B");
    SIM_SW(sim, "801200000B", 0x9000);
    SIM_EXPECT(sim, "80C2000005D303900101", "6581");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 2);
    SIM_EXPECT(sim, DONE("01"), "910B");
    SIM_EXPECT(sim, "801200000B", "D0098103020103820281829000");
    assert_int_equal(uicc_proactive_more_time(sim->uicc, NULL, NULL, NULL), CR_OK);
    SIM_EXPECT(sim, "801400000C810302010382028281830100", "910B");
    SIM_EXPECT(sim, "801200000B", "D0098103030200820281829000"); /* the number is not used up */
    assert_int_equal(h.answers, 2);
    sim_free(sim);
}

/* What was asked for in a command whose changes are lost did not happen; the command can be
 * repeated. */
static void lost_commands(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct clock c = {0};
    unsigned owner;
    int left = 1 << 20;
    struct uicc_toolkit_owner what = {.ctx = &c, .event = push_on_event};
    assert_int_equal(uicc_toolkit_register(sim->uicc, &what, &owner, NULL), CR_OK);
    assert_int_equal(uicc_toolkit_events(sim->uicc, owner, LOCATION, NULL), CR_OK);
    nvm_set_fault(sim->nvm, cut_before_commit, &left);
    SIM_EXPECT(sim, PROFILE, "910E");
    fetched(sim, "D00C810301050082028182990103");
    left = 0;
    SIM_EXPECT(sim, "80C200000CD60A990103820282819B0102", "6581");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
    assert_int_equal(uicc_timer_restart(sim->uicc, c.timer, 5, NULL), CR_REFUSED);
    sim_free(sim);

    /* TERMINAL PROFILE itself: there is no session */
    sim = sim_new();
    nvm_set_fault(sim->nvm, cut_before_commit, &left);
    left = 0;
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, NULL), CR_OK);
    SIM_EXPECT(sim, PROFILE, "6581");
    assert_false(cr_span_present(uicc_terminal_profile(sim->uicc)));
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    sim_free(sim);

    /* one that would have refused a waiting command: it waits on */
    sim = sim_new();
    nvm_set_fault(sim->nvm, cut_before_commit, &left);
    left = 0;
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, NULL), CR_OK);
    SIM_EXPECT(sim, "801000000100", "6581");
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    sim_free(sim);
}

/* A reset at each step of an exchange: the owner hears of exactly one end, and the next session
 * works. */
static void reset_at_each_step(void **state)
{
    (void)state;
    static const char *const steps[] = {PROFILE, "80F2000C00", "801200000B", DONE("01"),
                                        "80F2000C00"};
    for (size_t cut = 0; cut <= CR_COUNT(steps); cut++) {
        struct sim *sim = sim_new();
        struct heard h = {0};
        assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, NULL), CR_OK);
        for (size_t i = 0; i < cut; i++) {
            (void)sim_send(sim, steps[i]);
        }
        uicc_reset(sim->uicc);
        assert_int_equal(h.answers, cut >= 4);
        assert_int_equal(h.resets, cut < 4);
        assert_int_equal(uicc_proactive_pending(sim->uicc), 0);
        SIM_EXPECT(sim, PROFILE, "9000");
        SIM_EXPECT(sim, "8012000000", "6985");
        SIM_EXPECT(sim, DONE("01"), "6985");
        assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, NULL), CR_OK);
        SIM_EXPECT(sim, "80F2000C00", "910B");
        SIM_EXPECT(sim, "801200000B", "D0098103010104820281829000"); /* counted from 1 again */
        sim_free(sim);
    }
}

/* The toolkit talks on the basic channel; what sleeps or negotiates is not offered. */
static void other_classes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    SIM_EXPECT(sim, PROFILE, "9000");
    SIM_EXPECT(sim, "0070000001", "019000");
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, NULL, NULL, NULL), CR_OK);
    static const char *const wrong[] = {"8112000000", "8110000001FF", "81C2000002D100",
                                        "811400000C810301010482028281830100"};
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        SIM_EXPECT(sim, wrong[i], "6E00");
    }
    SIM_EXPECT(sim, "81F2000C00", "910B");     /* announced on all */
    SIM_EXPECT(sim, "8076000002000A", "6D00"); /* SUSPEND UICC */
    SIM_EXPECT(sim, "807A00000100", "6D00");   /* EXCHANGE CAPABILITIES */
    sim_free(sim);
}

/* A terminal that is too busy for the list of events is asked again, for ever but not at once. */
static void busy_for_events(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct terminal t;
    struct listener a;
    listen(sim, &a);
    terminal_init(&t, sim->uicc);
    terminal_fault(&t, CAT_SET_UP_EVENT_LIST, 0x20, -1, 7);
    assert_int_equal(uicc_toolkit_events(sim->uicc, a.owner, LOCATION, NULL), CR_OK);
    (void)terminal_start(&t);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(t.events, 0);
        terminal_advance(&t, UICC_RETRY_SECONDS);
    }
    assert_int_equal(t.events, LOCATION);
    assert_int_equal(t.fetched[CAT_SET_UP_EVENT_LIST], 8);
    terminal_location(&t, CAT_SERVICE_LIMITED);
    assert_int_equal(a.status, CAT_SERVICE_LIMITED);
    terminal_free(&t);
    sim_free(sim);
}

/* A terminal that begins again with TERMINAL PROFILE gets what it had fetched once more. */
static void a_second_profile(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct heard h = {0};
    assert_int_equal(uicc_proactive_refresh(sim->uicc, 0x04, heard, &h, NULL), CR_OK);
    SIM_EXPECT(sim, PROFILE, "910B");
    SIM_SW(sim, "801200000B", 0x9000);
    SIM_EXPECT(sim, PROFILE, "910B");
    SIM_EXPECT(sim, DONE("01"), "6985");
    SIM_SW(sim, "801200000B", 0x9000);
    SIM_EXPECT(sim, DONE("01"), "9000");
    assert_int_equal(h.answers, 1);
    sim_free(sim);
}

/* Answers of every kind to a fetched command: another number, type or qualifier, or malformed, is
 * refused and the command stays; each result ends it. */
static void every_answer(void **state)
{
    (void)state;
    static const char *const wrong[] = {"810302010482028281830100", "810301020482028281830100",
                                        "810301010582028281830100", "82028281830100",
                                        "8103010104820282818300",   "810301010482028281",
                                        "81030101048202828183010",  "810301010482028281830200"};
    struct sim *sim = sim_new();
    struct heard h = {0};
    SIM_EXPECT(sim, PROFILE, "9000");
    assert_int_equal(uicc_proactive_push(
                         sim->uicc, cr_span_of("\xD0\x09\x81\x03\x01\x01\x04\x82\x02\x81\x82", 11),
                         UICC_RETRY_NONE, heard, &h, NULL),
                     CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910B");
    SIM_SW(sim, "801200000B", 0x9000);
    for (size_t i = 0; i < CR_COUNT(wrong); i++) {
        char apdu[100];
        if (strlen(wrong[i]) % 2) {
            continue;
        }
        (void)snprintf(apdu, sizeof apdu, "80140000%02zX%s", strlen(wrong[i]) / 2, wrong[i]);
        SIM_EXPECT(sim, apdu, "6A80");
    }
    SIM_EXPECT(sim, "80140000", "6700");
    SIM_EXPECT(sim, "8014000100", "6700");
    assert_int_equal(h.answers, 0);
    assert_int_equal(uicc_proactive_pending(sim->uicc), 1);
    SIM_EXPECT(sim, DONE("01"), "9000");
    for (unsigned result = 0; result <= 0xFF; result++) {
        char apdu[100];
        unsigned number = (result + 1) % 254 + 1;
        assert_int_equal(uicc_proactive_push(sim->uicc,
                                             cr_span_of("\xD0\x09\x81\x03\x01\x01\x04\x82\x02"
                                                        "\x81\x82",
                                                        11),
                                             UICC_RETRY_NONE, heard, &h, NULL),
                         CR_OK);
        SIM_EXPECT(sim, "80F2000C00", "910B");
        SIM_SW(sim, "801200000B", 0x9000);
        (void)snprintf(apdu, sizeof apdu,
                       "801400000C8103%02X01048202828183"
                       "01%02X",
                       number, result);
        SIM_EXPECT(sim, apdu, "9000");
        assert_int_equal(h.answers, result + 2);
        assert_int_equal(h.result, result);
    }
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh),
        cmocka_unit_test(the_queue),
        cmocka_unit_test(other_announcements),
        cmocka_unit_test(aborted_commands),
        cmocka_unit_test(capability),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(only_what_is_offered),
        cmocka_unit_test(builders),
        cmocka_unit_test(busy_terminal),
        cmocka_unit_test(held_behind),
        cmocka_unit_test(events),
        cmocka_unit_test(polling),
        cmocka_unit_test(timers),
        cmocka_unit_test(owners_of_timers),
        cmocka_unit_test(undone_pushes),
        cmocka_unit_test(lost_commands),
        cmocka_unit_test(reset_at_each_step),
        cmocka_unit_test(other_classes),
        cmocka_unit_test(busy_for_events),
        cmocka_unit_test(a_second_profile),
        cmocka_unit_test(every_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
