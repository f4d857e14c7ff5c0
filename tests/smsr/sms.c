/*
 * ES5 over SMS: what leaves, what is repeated, what is believed of what comes back; the SM-SR is
 * restarted between any two steps.
 */
#include "world.h"

#include <pthread.h>

#define MINUTE 60000

/* GET DATA FF21 with 1000 bytes free; the one ISD-P, enabled, with the Fall-Back Attribute. */
#define AUDIT_R1 "2312FF210D8101018204000003E8830200009000"
#define AUDIT_R2                                                                                   \
    "2321E31D4F10" W_ISDP "9F70013F530101"                                                         \
    "8F0203E8"                                                                                     \
    "9000"
#define AUDIT_GET "80CAFF2100"

static void restart(struct world *w)
{
    world_restart(w);
}

static const char *audit_answer(void)
{
    static char text[256];
    const char *body = "800102" AUDIT_R1 AUDIT_R2;
    (void)snprintf(text, sizeof text, "AB%02zX%s", strlen(body) / 2, body);
    return text;
}

static enum smsr_proc_state state_of(struct world *w, int64_t id)
{
    return world_look(w, id).now.state;
}

/* The packet of the last message is executed by the card. */
static void executes(struct world *w)
{
    enum ota_result result;
    assert_true(w->count > 0);
    assert_true(card_take(w, w->count - 1, &result));
}

/* ---- the normal way ---- */

static void way(struct world *w)
{
    const int64_t id = world_audit(w);
    restart(w);
    world_due(w);
    assert_int_equal(w->count, 1);
    assert_string_equal(w->messages[0].to, W_NUMBER);
    assert_int_equal(w->messages[0].registered_delivery, 1);
    restart(w);
    world_due(w); /* nothing leaves twice because of the restart */
    assert_int_equal(w->count, 1);
    executes(w);
    assert_int_equal(w->card_counter, 7); /* the EUM registered 6 */
    assert_int_equal(w->command.p[0], OTA_TAG_COMMANDS);
    assert_memory_equal(w->command.p + 2, vector("2205" AUDIT_GET).p, 7);
    assert_int_equal(state_of(w, id), SMSR_STATE_SENT);
    restart(w);
    card_answer(w, 0, audit_answer());
    assert_int_equal(state_of(w, id), SMSR_STATE_DONE);
    assert_false(world_look(w, id).has_script);
    restart(w);
    world_pass(w, 10 * MINUTE);
    assert_int_equal(w->count, 1);
    card_answer(w, 0, audit_answer()); /* once more: nobody waits for it */
    assert_int_equal(state_of(w, id), SMSR_STATE_DONE);
}

static void test_way(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    way(&w);
    world_close(&w);
}

static void test_way_restarted(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    way(&w);
    world_close(&w);
}

/* ---- repetition ---- */

static void test_repetition(void **state)
{
    struct world w;
    enum ota_result result;
    (void)state;
    world_open(&w, true);
    const int64_t id = world_audit(&w);
    world_due(&w);
    world_pass(&w, MINUTE - 1);
    assert_int_equal(w.count, 1);
    restart(&w);
    world_pass(&w, 1);
    restart(&w);
    world_pass(&w, MINUTE);
    assert_int_equal(w.count, 3);
    for (size_t i = 1; i < 3; i++) { /* the same octets */
        assert_int_equal(w.messages[i].text_size, w.messages[0].text_size);
        assert_memory_equal(w.messages[i].text, w.messages[0].text, w.messages[0].text_size);
    }
    assert_true(card_take(&w, 0, &result));
    assert_false(card_take(&w, 1, &result));
    assert_int_equal(result, OTA_COUNTER_LOW);
    assert_int_equal(w.executed, 1);
    assert_int_equal(state_of(&w, id), SMSR_STATE_SENT);
    world_pass(&w, MINUTE);
    assert_int_equal(w.count, 3);
    assert_int_not_equal(state_of(&w, id), SMSR_STATE_SENT); /* no answer */
    assert_int_not_equal(state_of(&w, id), SMSR_STATE_DONE);
    assert_false(world_look(&w, id).has_script);
    /* The counter of the next packet is another one. */
    (void)world_audit(&w);
    world_due(&w);
    executes(&w);
    assert_int_equal(w.card_counter, 8);
    world_close(&w);
}

/* A power cut at the moment when the packet leaves: its counter is used up, and it is known. */
static void cut_the_power(struct world *w)
{
    const struct world_proc p = world_look(w, 1);
    assert_true(p.has_script && p.script.left);
    assert_int_equal(p.script.attempts, 1);
    assert_int_equal(p.script.counter, 7);
}

static void test_committed_before_it_leaves(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    const int64_t id = world_audit(&w);
    assert_int_equal(id, 1);
    w.on_submit = cut_the_power;
    world_due(&w);
    w.on_submit = NULL;
    restart(&w);
    world_pass(&w, MINUTE);
    assert_int_equal(w.count, 2);
    assert_memory_equal(w.messages[1].text, w.messages[0].text, w.messages[0].text_size);
    executes(&w);
    assert_int_equal(w.card_counter, 7);
    card_answer(&w, 0, audit_answer());
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

static void test_late_answer_of_the_last_copy(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    const int64_t id = world_audit(&w);
    world_due(&w);
    world_pass(&w, MINUTE);
    world_pass(&w, MINUTE);
    executes(&w);
    world_pass(&w, MINUTE - 1);
    card_answer(&w, 0, audit_answer());
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

/* An answer that came after the end changes nothing. */
static void test_too_late(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    world_due(&w);
    executes(&w);
    for (int i = 0; i < 4; i++) {
        world_pass(&w, MINUTE);
    }
    const enum smsr_proc_state before = state_of(&w, id);
    card_answer(&w, 0, audit_answer());
    assert_int_equal(state_of(&w, id), before);
    world_close(&w);
}

static void test_counter_low(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    world_due(&w);
    executes(&w);
    world_pass(&w, MINUTE);
    card_answer(&w, OTA_STATUS_COUNTER_LOW, "");
    const struct world_proc p = world_look(&w, id);
    assert_false(p.has_script);
    assert_int_equal(p.now.state, SMSR_STATE_FAILED); /* an audit has nothing to be settled */
    world_close(&w);
}

static void test_statuses(void **state)
{
    static const struct {
        uint8_t status;
        bool ends;
    } rows[] = {{OTA_STATUS_COUNTER_HIGH, true},  {OTA_STATUS_COUNTER_BLOCKED, true},
                {OTA_STATUS_NO_MEMORY, true},     {OTA_STATUS_TAR_UNKNOWN, true},
                {OTA_STATUS_MORE_TIME, false},    {OTA_STATUS_FOLLOWS_SMS, false},
                {OTA_STATUS_FOLLOWS_USSD, false}, {OTA_STATUS_LEVEL_INSUFFICIENT, true}};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct world w;
        world_open(&w, false);
        const int64_t id = world_audit(&w);
        world_due(&w);
        executes(&w);
        card_answer(&w, rows[i].status, "");
        assert_int_equal(world_look(&w, id).has_script, !rows[i].ends);
        assert_int_equal(state_of(&w, id), rows[i].ends ? SMSR_STATE_FAILED : SMSR_STATE_SENT);
        if (!rows[i].ends) {
            card_answer(&w, 0, audit_answer());
            assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
        }
        world_close(&w);
    }
}

/* ---- what is not believed ---- */

static void test_forged(void **state)
{
    struct world w;
    struct card_out out;
    (void)state;
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    world_due(&w);
    executes(&w);
    const struct ota_response_fields asked = w.asked;
    const struct ota_key kid = w.kid;

    memset(w.kid.value, 0x99, 16); /* another key */
    card_answer(&w, 0, audit_answer());
    w.kid = kid;
    w.asked.counter++; /* of another command */
    card_answer(&w, 0, audit_answer());
    w.asked.counter -= 2;
    card_answer(&w, 0, audit_answer());
    w.asked = asked;
    w.asked.tar[2] = 9; /* of another application */
    card_answer(&w, 0, audit_answer());
    w.asked = asked;
    w.asked.spi[1] &= (uint8_t) ~(OTA_SPI2_CHECK | OTA_SPI2_CIPHER); /* unproved */
    card_answer(&w, OTA_STATUS_CHECK_FAILED, "");
    card_answer(&w, 0, audit_answer());
    w.asked = asked;
    card_por(&w, 0, audit_answer(), &out); /* from another number */
    (void)snprintf(out.messages[0].from, sizeof out.messages[0].from, "4612345678");
    card_send(&w, &out);
    for (size_t i = 0; i < 20; i++) { /* damaged */
        card_por(&w, 0, audit_answer(), &out);
        out.messages[0].text[3 + i * 3] ^= 0x40;
        card_send(&w, &out);
    }
    assert_int_equal(state_of(&w, id), SMSR_STATE_SENT);
    assert_true(world_look(&w, id).has_script);
    /* The numbers are compared without the plus. */
    card_por(&w, 0, audit_answer(), &out);
    (void)snprintf(out.messages[0].from, sizeof out.messages[0].from, "+" W_NUMBER);
    card_send(&w, &out);
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

static void test_garbage(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    world_due(&w);
    for (unsigned i = 0; i < 3000; i++) {
        struct smpp_message m = {.esm_class = i & 1 ? SMPP_UDHI : 0, .text_size = i % 141};
        (void)snprintf(m.from, sizeof m.from, i % 7 ? W_NUMBER : "shop");
        assert_int_equal(world_random(&w, m.text, m.text_size, NULL), CR_OK);
        if (i % 3 == 0 && m.text_size > 3) {
            memcpy(m.text, i % 2 ? "\x02\x71\x00" : "\x02\x70\x00", 3);
        }
        assert_int_equal(smsr_sms_received(w.sms, &m), SMPP_OK);
    }
    assert_int_equal(state_of(&w, id), SMSR_STATE_SENT);
    world_close(&w);
}

/* ---- long answers ---- */

static void test_segments(void **state)
{
    struct world w;
    struct card_out out;
    char zeros[521];
    static char answer[1024];
    (void)state;
    memset(zeros, '0', 520);
    zeros[520] = 0;
    /* GET DATA with something unknown behind the memory: three messages. */
    (void)snprintf(answer, sizeof answer,
                   "AB820141"
                   "800102"
                   "23820117FF218201108101018204000003E885820103%.518s9000" AUDIT_R2,
                   zeros);
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    world_due(&w);
    executes(&w);
    card_por(&w, 0, audit_answer(), &out);
    assert_int_equal(out.count, 1);
    card_por(&w, 0, answer, &out);
    assert_int_equal(out.count, 3);
    assert_true(vector(answer).n == 4 + 0x141);
    assert_int_equal(smsr_sms_received(w.sms, &out.messages[2]), SMPP_OK);
    assert_int_equal(smsr_sms_received(w.sms, &out.messages[0]), SMPP_OK);
    assert_int_equal(smsr_sms_received(w.sms, &out.messages[0]), SMPP_OK); /* doubled */
    assert_true(world_look(&w, id).has_script);
    assert_int_equal(smsr_sms_received(w.sms, &out.messages[1]), SMPP_OK);
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

/* ---- without waiting ---- */

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t count;
    uint32_t worst;
};

static void answered(void *ctx, uint32_t status)
{
    struct answers *a = ctx;
    (void)pthread_mutex_lock(&a->lock);
    a->count++;
    a->worst |= status;
    (void)pthread_cond_broadcast(&a->moved);
    (void)pthread_mutex_unlock(&a->lock);
}

static void wait_for(struct answers *a, size_t count)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->count < count) {
        (void)pthread_cond_wait(&a->moved, &a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

/* Each message is answered once: what is no packet, a part of one, the answer, and the same again,
 * which may stand in one commit with it. */
static void test_arrived(void **state)
{
    struct world w;
    struct card_out out;
    struct answers a = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    const struct smpp_message nobody = {.from = "shop"};
    struct smpp_message noise = {.esm_class = SMPP_UDHI, .text_size = 20};
    (void)state;
    (void)snprintf(noise.from, sizeof noise.from, W_NUMBER);
    memcpy(noise.text, "\x02\x71\x00", 3);
    world_open(&w, true);
    const int64_t id = world_audit(&w);
    world_due(&w);
    executes(&w);
    card_por(&w, 0, audit_answer(), &out);
    smsr_sms_arrived(w.sms, &nobody, answered, &a);
    smsr_sms_arrived(w.sms, &noise, answered, &a);
    for (size_t i = 0; i < 8; i++) {
        smsr_sms_arrived(w.sms, &out.messages[0], answered, &a);
    }
    wait_for(&a, 10);
    assert_int_equal(a.count, 10);
    assert_int_equal(a.worst, SMPP_OK);
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    restart(&w); /* it was on the disk when it was answered */
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

/* ---- receipts, submitting ---- */

static void test_receipts(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    const int64_t id = world_audit(&w);
    world_due(&w);
    smsr_sms_undelivered(w.sms, w.refs[0]);
    restart(&w);
    world_due(&w);
    assert_int_equal(w.count, 2); /* at once */
    assert_memory_equal(w.messages[1].text, w.messages[0].text, w.messages[0].text_size);
    smsr_sms_undelivered(w.sms, w.refs[0]); /* of a copy that was lost already */
    smsr_sms_undelivered(w.sms, 0xFFFFFFFF00);
    world_due(&w);
    assert_int_equal(w.count, 2);
    executes(&w);
    card_answer(&w, 0, audit_answer());
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    smsr_sms_undelivered(w.sms, w.refs[1]);
    world_pass(&w, MINUTE);
    assert_int_equal(w.count, 2);
    world_close(&w);
}

static void test_submit_fails(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    const int64_t id = world_audit(&w);
    w.submit_fails = true;
    world_due(&w);
    assert_int_equal(w.count, 0);
    w.submit_fails = false;
    world_pass(&w, MINUTE);
    executes(&w);
    card_answer(&w, 0, audit_answer());
    assert_int_equal(state_of(&w, id), SMSR_STATE_DONE);
    world_close(&w);
}

/* ---- no way to it ---- */

static cr_status forget_number(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "UPDATE profile SET msisdn = NULL", NULL, NULL, NULL, NULL, err);
}

static cr_status use_up_counter(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "UPDATE keyset SET counter = 1099511627775", NULL, NULL, NULL, NULL, err);
}

static cr_status forget_keys(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "DELETE FROM keyset", NULL, NULL, NULL, NULL, err);
}

static void test_unreachable(void **state)
{
    static const world_work works[] = {forget_number, use_up_counter, forget_keys};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(works); i++) {
        struct world w;
        world_open(&w, false);
        world_run(&w, works[i]);
        const int64_t id = world_audit(&w);
        world_due(&w);
        assert_int_equal(w.count, 0);
        assert_int_equal(state_of(&w, id), SMSR_STATE_FAILED);
        world_close(&w);
    }
    struct world w; /* no SMSC serves the number */
    world_open(&w, false);
    w.config.smsc[0].prefix = "46";
    const int64_t id = world_audit(&w);
    world_due(&w);
    assert_int_equal(w.count, 0);
    assert_int_equal(state_of(&w, id), SMSR_STATE_FAILED);
    world_close(&w);
}

/* ---- notifications ---- */

static void notification(struct world *w, uint8_t type, uint16_t number, const char *eid,
                         struct card_out *out)
{
    const struct ota_command_fields fields = {
        .dialect = OTA_SMS, .spi = {0x02, 0}, .kic = 0x10, .kid = 0x12, .tar = {0, 0, 1}};
    const struct sms_cut cut = {.packet = SMS_IEI_COMMAND_PACKET, .max_segments = 2};
    char text[160];
    cr_buf packet = {0};
    (void)snprintf(text, sizeof text, "E12B4C10%s4D01%02X4E02%04X2F10" W_ISDP, eid, type, number);
    *out = (struct card_out){.w = w};
    assert_int_equal(ota_command_build(&fields, (struct ota_keys){&w->kic, &w->kid}, vector(text),
                                       &packet, NULL),
                     CR_OK);
    assert_int_equal(sms_segment(&cut, cr_buf_span(&packet), card_emit, out, NULL), CR_OK);
    cr_buf_free(&packet);
}

static void test_notification(void **state)
{
    struct world w;
    struct card_out out;
    (void)state;
    world_open(&w, true);
    notification(&w, 1, 1, W_EID, &out);
    card_send(&w, &out);
    restart(&w);
    world_due(&w);
    assert_int_equal(w.count, 1);
    executes(&w);
    assert_memory_equal(w.command.p, vector("AA0F220D80E28900073A08044E02000100").p, w.command.n);
    /* Repeated: confirmed again, under a new counter when the first one was answered. */
    card_answer(&w, 0, "AB0780010123029000");
    card_send(&w, &out);
    world_due(&w);
    assert_int_equal(w.count, 2);
    executes(&w);
    assert_int_equal(w.card_counter, 8);
    world_close(&w);
}

static void test_forged_notification(void **state)
{
    struct world w;
    struct card_out out;
    (void)state;
    world_open(&w, false);
    notification(&w, 1, 1, "89001012012341234012345678901299", &out); /* unknown */
    card_send(&w, &out);
    const struct ota_key kid = w.kid;
    memset(w.kid.value, 0x99, 16);
    notification(&w, 1, 1, W_EID, &out);
    card_send(&w, &out);
    w.kid = kid;
    for (size_t i = 5; i < 70; i++) { /* any byte of it */
        notification(&w, 1, 1, W_EID, &out);
        out.messages[0].text[i] ^= 1;
        card_send(&w, &out);
    }
    world_due(&w);
    assert_int_equal(w.count, 0);
    world_close(&w);
}

/* ---- triggers of sessions ---- */

static void test_triggers(void **state)
{
    struct world w;
    enum ota_result result;
    (void)state;
    world_open(&w, true);
    w.https = true;
    world_restart(&w);
    w.config.channel = SMSR_HTTPS;
    const int64_t id = world_audit(&w);
    world_due(&w);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(w.count, i + 1);
        assert_true(card_take(&w, i, &result)); /* each under a counter of its own */
        assert_int_equal(w.asked.spi[1], 0);    /* nobody answers it */
        assert_int_equal(w.command.n, 2);
        assert_memory_equal(w.command.p, "\x81\x00", 2);
        assert_false(world_look(&w, id).script.left);
        world_pass(&w, 2 * MINUTE - 1);
        assert_int_equal(w.count, i + 1);
        restart(&w);
        world_pass(&w, 1);
    }
    /* An opening failed: once more by the rules, then another channel. */
    world_pass(&w, 2 * MINUTE);
    assert_int_equal(w.count, 5);
    w.session = true; /* it came: no trigger any more */
    world_pass(&w, 2 * MINUTE);
    world_pass(&w, 2 * MINUTE);
    assert_int_equal(w.count, 5);
    world_close(&w);
}

static void test_https_gives_up(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, false);
    w.https = true;
    world_stop(&w);
    world_start(&w);
    world_run(&w, world_fill);
    w.config.trigger = vector("8100");
    struct smsr_procedure what = {.kind = SMSR_PROC_SEND_DATA,
                                  .aid = vector(W_ISDP),
                                  .data = vector("220580CA006600"),
                                  .more_to_do = true};
    (void)world_begin(&w, &what);
    world_due(&w);
    for (int i = 0; i < 6; i++) { /* two openings of three triggers */
        assert_int_equal(w.count, i + 1);
        world_pass(&w, 2 * MINUTE);
    }
    assert_int_equal(w.count, 7); /* the script itself, by SMS */
    executes(&w);
    assert_int_equal(w.command.p[0], OTA_TAG_COMMANDS);
    assert_memory_equal(w.asked.tar, "\x00\x00\x10", 3); /* to the ISD-P */
    world_close(&w);
}

/* ---- chains ---- */

static void test_chaining(void **state)
{
    struct smsr_script s = {.more_to_do = true, .commands = vector("220580E2090000")};
    (void)state;
    assert_int_equal(smsr_packet_chaining(false, &s), 0x11);
    assert_int_equal(smsr_packet_chaining(true, &s), 0x02);
    s.commands = vector("860100");
    assert_int_equal(smsr_packet_chaining(false, &s), 0x11);
    s.more_to_do = false;
    assert_int_equal(smsr_packet_chaining(false, &s), 0);
    assert_int_equal(smsr_packet_chaining(true, &s), 0x03);
    s.more_to_do = true;
    s.commands = vector("220580E2890100");
    assert_int_equal(smsr_packet_chaining(false, &s), 0);
    assert_int_equal(smsr_packet_chaining(true, &s), 0x03);
    s.commands = vector("220580CA006600220580E2090000"); /* the last one counts */
    assert_int_equal(smsr_packet_chaining(false, &s), 0x11);
}

static void test_outcomes(void **state)
{
    static const struct {
        const char *response, *tlvs;
        enum smsr_event event;
    } rows[] = {
        {"AB0780010123029000", "23029000", SMSR_EV_OK},
        {"AF8023029000230290000000", "2302900023029000", SMSR_EV_OK},
        {"AB0B80010123029000860211229F4401", NULL, SMSR_EV_UNANSWERED},
        {"AB0B800102230290008602ABCD", "230290008602ABCD", SMSR_EV_OK},
        {"AB03830101", "830101", SMSR_EV_ERROR},
        {"AB06800100900101", "900101", SMSR_EV_ERROR},
        {"", "", SMSR_EV_OK},
        {"30030101FF", NULL, SMSR_EV_UNANSWERED},
        {"AB07800101230290", NULL, SMSR_EV_UNANSWERED},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf tlvs = {0};
        enum smsr_event event;
        const char *why;
        assert_int_equal(smsr_packet_outcome(vector(rows[i].response), &tlvs, &event, &why, NULL),
                         CR_OK);
        assert_int_equal(event, rows[i].event);
        assert_int_equal(why != NULL, event != SMSR_EV_OK);
        if (rows[i].tlvs) {
            const cr_span want = vector(rows[i].tlvs);
            assert_int_equal(tlvs.n, want.n);
            assert_true(cr_span_equal(cr_buf_span(&tlvs), want) || want.n == 0);
        }
        cr_buf_free(&tlvs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_way),
        cmocka_unit_test(test_way_restarted),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_committed_before_it_leaves),
        cmocka_unit_test(test_late_answer_of_the_last_copy),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_counter_low),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_arrived),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_submit_fails),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_notification),
        cmocka_unit_test(test_forged_notification),
        cmocka_unit_test(test_triggers),
        cmocka_unit_test(test_https_gives_up),
        cmocka_unit_test(test_chaining),
        cmocka_unit_test(test_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
