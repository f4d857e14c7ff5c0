/*
 * The service centre in memory: keeps, routes, tries again, gives up, tells.
 */
#include "fake.h"

#include "base/text.h"
#include "device/smsc.h"

#include <stdio.h>

#define CONFIG                                                                                     \
    "[msisdn]\n001010000000001 = +4711\n001010000000002 = +4722\n00102* = +88*\n"                  \
    "[esme a]\nnumber = +4790\n[device]\nsms-validity = 60\nsms-retry = 5\n"

struct world {
    struct device_config config;
    struct smsc *smsc;
    cr_buf log;
    uint64_t ref; /* of the last message, either way */
    uint8_t deliver[SMS_TPDU_MAX];
    size_t deliver_size;
    struct smpp_message up;
    bool no_room;
};

static void on_down(void *ctx, uint32_t modem, uint64_t ref, cr_span deliver)
{
    struct world *w = ctx;
    cr_buf_appendf(&w->log, "down %u %.*s\n", (unsigned)modem, 1,
                   (const char *)deliver.p + deliver.n - 1);
    w->ref = ref;
    memcpy(w->deliver, deliver.p, deliver.n);
    w->deliver_size = deliver.n;
}

static bool on_up(void *ctx, const char *system_id, const struct smpp_message *message,
                  uint64_t ref)
{
    struct world *w = ctx;
    cr_buf_appendf(&w->log, "up %s %s to %s\n", system_id, message->from, message->to);
    w->ref = ref;
    w->up = *message;
    return !w->no_room;
}

static void on_receipt(void *ctx, const char *system_id, const struct smpp_receipt *receipt,
                       const struct smpp_message *about)
{
    struct world *w = ctx;
    cr_buf_appendf(&w->log, "receipt %s %s %u about %s\n", system_id, receipt->id, receipt->state,
                   about->to);
}

static void begin(struct world *w)
{
    *w = (struct world){0};
    const struct smsc_ops ops = {.ctx = w, .down = on_down, .up = on_up, .receipt = on_receipt};
    assert_int_equal(device_config_read(CONFIG, &w->config, NULL), CR_OK);
    assert_int_equal(smsc_new(&w->config, 3, &ops, &w->smsc, NULL), CR_OK);
}

static void end(struct world *w)
{
    smsc_free(w->smsc);
    device_config_free(&w->config);
    cr_buf_free(&w->log);
}

static void log_is(struct world *w, const char *want)
{
    const char *got = cr_buf_cstr(&w->log);
    assert_string_equal(got ? got : "", want);
    cr_buf_reset(&w->log);
}

static struct smpp_message message_to(const char *to, char mark)
{
    struct smpp_message m = {.from_ton = 1,
                             .from_npi = 1,
                             .from = "4790",
                             .esm_class = SMPP_UDHI,
                             .protocol_id = 0x7F,
                             .data_coding = 0xF6,
                             .registered_delivery = 1,
                             .text = {0x02, 0x70, 0x00, (uint8_t)mark},
                             .text_size = 4};
    (void)snprintf(m.to, sizeof m.to, "%s", to);
    return m;
}

static uint32_t submit(struct world *w, const char *to, char mark, int64_t now, char id[])
{
    char other[SMPP_MAX_ID + 1];
    const struct smpp_message m = message_to(to, mark);
    return smsc_submit(w->smsc, "a", &m, now, id ? id : other);
}

static void test_down(void **state)
{
    (void)state;
    struct world w;
    char id[SMPP_MAX_ID + 1], want[200];
    begin(&w);
    smsc_registered(w.smsc, 2, "001010000000001", 1000);
    assert_int_equal(submit(&w, "4711", 'x', 1793264400000, id), SMPP_OK); /* 2026-10-29 05:00 */
    log_is(&w, "down 2 x\n");
    struct sms_tpdu t;
    assert_int_equal(sms_decode(SMS_TO_CARD, cr_span_of(w.deliver, w.deliver_size), &t, NULL),
                     CR_OK);
    assert_int_equal(t.address.ton_npi, 0x91);
    assert_string_equal(t.address.text, "4790");
    assert_int_equal(t.pid, 0x7F);
    assert_int_equal(t.dcs, 0xF6);
    assert_true(t.has_header);
    assert_int_equal(t.time.year, 26);
    assert_int_equal(t.time.month, 10);
    assert_int_equal(t.time.day, 29);
    assert_int_equal(t.ud.n, 4);
    smsc_ended(w.smsc, w.ref + 1, DEVICE_SMS_DELIVERED, 1000); /* none of ours */
    log_is(&w, "");
    smsc_ended(w.smsc, w.ref, DEVICE_SMS_DELIVERED, 1000);
    (void)snprintf(want, sizeof want, "receipt a %s 2 about 4711\n", id);
    log_is(&w, want);
    smsc_ended(w.smsc, w.ref, DEVICE_SMS_DELIVERED, 1000); /* twice */
    log_is(&w, "");
    assert_int_equal(smsc_pending(w.smsc), 0);
    end(&w);
}

static void test_refused(void **state)
{
    (void)state;
    struct world w;
    char id[SMPP_MAX_ID + 1];
    begin(&w);
    assert_int_equal(submit(&w, "4733", 'x', 0, NULL), SMPP_BAD_DEST);
    assert_int_equal(submit(&w, "471", 'x', 0, NULL), SMPP_BAD_DEST);
    struct smpp_message m = message_to("4711", 'x');
    m.text_size = SMS_USER_DATA_MAX + 1;
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMSC_INVALID_SIZE);
    m = message_to("4711", 'x');
    (void)snprintf(m.from, sizeof m.from, "far too long text");
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMPP_BAD_SOURCE);
    assert_int_equal(smsc_pending(w.smsc), 0);
    log_is(&w, "");
    end(&w);
}

/* Nobody has the number yet; the order stays; another subscriber in the modem gets nothing. */
static void test_kept(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(submit(&w, "4711", '1', 0, NULL), SMPP_OK);
    assert_int_equal(submit(&w, "4722", '2', 0, NULL), SMPP_OK);
    assert_int_equal(submit(&w, "+4711", '3', 0, NULL), SMPP_OK);
    log_is(&w, "");
    smsc_registered(w.smsc, 0, "001019999999999", 1); /* a subscription without a number */
    log_is(&w, "");
    smsc_registered(w.smsc, 0, "001010000000001", 1);
    log_is(&w, "down 0 1\ndown 0 3\n");
    smsc_ended(w.smsc, w.ref, DEVICE_SMS_ABSENT, 1);
    smsc_registered(w.smsc, 0, NULL, 1);
    smsc_registered(w.smsc, 0, "001010000000002", 2);
    log_is(&w, "down 0 2\n");
    smsc_run(w.smsc, 10000); /* time to try again, but nobody is there */
    log_is(&w, "");
    smsc_registered(w.smsc, 1, "001010000000001", 10001);
    log_is(&w, "down 1 3\n");
    end(&w);
}

static void test_tried_again_and_expired(void **state)
{
    (void)state;
    struct world w;
    char id[SMPP_MAX_ID + 1], want[100];
    begin(&w);
    smsc_registered(w.smsc, 0, "001010000000001", 0);
    assert_int_equal(submit(&w, "4711", '1', 0, id), SMPP_OK);
    smsc_ended(w.smsc, w.ref, DEVICE_SMS_ABSENT, 0); /* no room in the modem */
    log_is(&w, "down 0 1\n");
    smsc_run(w.smsc, 4999);
    log_is(&w, "");
    smsc_run(w.smsc, 5000);
    log_is(&w, "down 0 1\n");
    smsc_ended(w.smsc, w.ref, DEVICE_SMS_ABSENT, 5000);
    smsc_registered(w.smsc, 0, NULL, 5000);
    smsc_run(w.smsc, 59999);
    log_is(&w, "");
    smsc_run(w.smsc, 60000);
    (void)snprintf(want, sizeof want, "receipt a %s 3 about 4711\n", id);
    log_is(&w, want);
    assert_int_equal(smsc_pending(w.smsc), 0);
    end(&w);
}

static void test_receipts(void **state)
{
    (void)state;
    static const struct {
        uint8_t registered;
        enum device_sms_end end;
        const char *tells;
    } rows[] = {
        {1, DEVICE_SMS_DELIVERED, " 2 "}, {1, DEVICE_SMS_REFUSED, " 5 "},
        {2, DEVICE_SMS_DELIVERED, NULL},  {2, DEVICE_SMS_REFUSED, " 5 "},
        {0, DEVICE_SMS_DELIVERED, NULL},  {0, DEVICE_SMS_REFUSED, NULL},
        {1, DEVICE_SMS_LOST, NULL},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct world w;
        char id[SMPP_MAX_ID + 1];
        begin(&w);
        smsc_registered(w.smsc, 0, "001010000000001", 0);
        struct smpp_message m = message_to("4711", 'x');
        m.registered_delivery = rows[i].registered;
        assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMPP_OK);
        cr_buf_reset(&w.log);
        smsc_ended(w.smsc, w.ref, rows[i].end, 0);
        const char *got = cr_buf_cstr(&w.log);
        assert_true(rows[i].tells ? strstr(got, rows[i].tells) != NULL : got[0] == '\0');
        assert_int_equal(smsc_pending(w.smsc), 0);
        end(&w);
    }
}

static struct sms_tpdu submit_to(const char *to)
{
    struct sms_tpdu t = {.type = SMS_SUBMIT,
                         .has_header = true,
                         .pid = 0x7F,
                         .dcs = 0xF6,
                         .ud = cr_span_of("\x02\x71\x00y", 4)};
    assert_int_equal(sms_address_parse(cr_span_str(to), &t.address, NULL), CR_OK);
    return t;
}

static void test_up(void **state)
{
    (void)state;
    struct world w;
    struct sms_tpdu t = submit_to("4790");
    begin(&w);
    assert_false(smsc_originate(w.smsc, 0, &t, 0)); /* who is that? */
    smsc_registered(w.smsc, 0, "001010000000001", 0);
    assert_true(smsc_originate(w.smsc, 0, &t, 0));
    log_is(&w, "up a 4711 to 4790\n");
    assert_int_equal(w.up.from_ton, 1);
    assert_int_equal(w.up.esm_class, SMPP_UDHI);
    assert_int_equal(w.up.protocol_id, 0x7F);
    assert_int_equal(w.up.data_coding, 0xF6);
    assert_int_equal(w.up.text_size, 4);
    smsc_answered(w.smsc, w.ref, SMPP_LOST, 0); /* not bound: kept */
    smsc_run(w.smsc, 5000);
    log_is(&w, "up a 4711 to 4790\n");
    smsc_answered(w.smsc, w.ref, SMPP_THROTTLED, 5000);
    w.no_room = true;
    smsc_run(w.smsc, 10000);
    w.no_room = false;
    smsc_run(w.smsc, 15000);
    log_is(&w, "up a 4711 to 4790\nup a 4711 to 4790\n");
    smsc_answered(w.smsc, w.ref, SMPP_OK, 0);
    assert_int_equal(smsc_pending(w.smsc), 0);
    assert_true(smsc_originate(w.smsc, 0, &t, 0));
    smsc_answered(w.smsc, w.ref, SMPP_BAD_SOURCE, 0); /* no: for good */
    assert_int_equal(smsc_pending(w.smsc), 0);
    cr_buf_reset(&w.log);
    /* to a number that nobody has; to another device */
    t = submit_to("+4733");
    assert_false(smsc_originate(w.smsc, 0, &t, 0));
    smsc_registered(w.smsc, 1, "001020000000003", 0);
    t = submit_to("+880000000003");
    assert_true(smsc_originate(w.smsc, 0, &t, 0));
    log_is(&w, "down 1 y\n");
    end(&w);
}

/* Texts in the GSM alphabet: a byte a character in SMPP, septets in the TPDU. */
static void test_septets(void **state)
{
    (void)state;
    struct world w;
    char id[SMPP_MAX_ID + 1];
    begin(&w);
    smsc_registered(w.smsc, 0, "001010000000001", 0);
    struct smpp_message m = message_to("4711", 'x');
    m.esm_class = m.protocol_id = m.data_coding = 0;
    memcpy(m.text, "hellohello", 10);
    m.text_size = 10;
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMPP_OK);
    struct sms_tpdu t;
    assert_int_equal(sms_decode(SMS_TO_CARD, cr_span_of(w.deliver, w.deliver_size), &t, NULL),
                     CR_OK);
    char hex[40]; /* the example that everybody knows */
    assert_string_equal(cr_hex_into(hex, sizeof hex, t.ud), "E8329BFD4697D9EC37");
    assert_int_equal(t.udl, 10);
    /* and back */
    t.type = SMS_SUBMIT;
    assert_int_equal(sms_address_parse(cr_span_str("4790"), &t.address, NULL), CR_OK);
    assert_true(smsc_originate(w.smsc, 0, &t, 0));
    assert_int_equal(w.up.text_size, 10);
    assert_memory_equal(w.up.text, "hellohello", 10);
    m.text_size = 160;
    memset(m.text, 'z', 160);
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMPP_OK);
    m.text_size = 161;
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMSC_INVALID_SIZE);
    m.text_size = 10;
    m.esm_class = SMPP_UDHI;
    assert_int_equal(smsc_submit(w.smsc, "a", &m, 0, id), SMPP_BAD_SOURCE);
    end(&w);
}

static void test_full(void **state)
{
    (void)state;
    struct world w;
    unsigned taken = 0;
    begin(&w);
    while (submit(&w, "4711", 'x', 0, NULL) == SMPP_OK) {
        taken++;
    }
    assert_int_equal(taken, SMSC_MAX_MESSAGES);
    assert_int_equal(submit(&w, "4711", 'x', 0, NULL), SMPP_QUEUE_FULL);
    smsc_run(w.smsc, 60000);
    assert_int_equal(smsc_pending(w.smsc), 0);
    assert_int_equal(submit(&w, "4711", 'x', 60000, NULL), SMPP_OK);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_kept),     cmocka_unit_test(test_tried_again_and_expired),
        cmocka_unit_test(test_receipts), cmocka_unit_test(test_up),
        cmocka_unit_test(test_septets),  cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
