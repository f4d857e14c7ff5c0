/*
 * SCP81 through a terminal (SGP.02 2.4.4): trigger, BIP channel, TLS-PSK, scripts for ISD-R and
 * ISD-P; notifications in the URI; what breaks.
 */
#include "m2m_smsr.h"

#include "euicc/https.h"

#define CREATE(aid)                                                                                \
    "80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" aid         \
    "0380C00006C904810203700000"

/* Sheet 5.1, 5.3, 5.4 and A.3 rows 6 to 14. */
static void example(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    bed->counter = 3;
    smsr_trigger(s);
    assert_int_equal(bed->message_count, 0); /* SPI2 00: no proof of receipt */
    assert_memory_equal(bed->opened + 10, "4001", 4);
    assert_string_equal(bed->opened + 14, "820281823501033902"
                                          "05003C030220FB3E0521C000020A");
    assert_string_equal(s->identity,
                        "8001028110890010120123412340123456789012244F10A0000005591010FFFFFFFF890000"
                        "0100820101830140");
    assert_non_null(strstr(s->first, "POST /gsma/adminagent HTTP/1.1\r\n"));
    assert_non_null(strstr(s->first, "Host: smsr.example\r\n"));
    assert_non_null(strstr(s->first, "//se-id/eid/" M2M_EID
                                     ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100\r\n"));
    assert_null(strstr(s->first, "X-Admin-Script-Status"));
    static const char *const create = "AE802245" CREATE(AID_NEW) "0000";
    uint8_t script[100];
    assert_true(cr_hex_fixed(script, strlen(create) / 2, cr_span_str(create)));
    assert_true(smsr_script(s, cr_span_of(script, strlen(create) / 2), (cr_span){0}));
    assert_true(s->got_result);
    static const uint8_t want[] = {0xAF, 0x80, 0x23, 0x03, 0x00, 0x90, 0x00, 0x00, 0x00};
    assert_true(cr_span_equal(cr_buf_span(&s->result), CR_SPAN_ARRAY(want)));
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x07);
    smsr_end(s);
    assert_int_equal(bed->terminal.fetched[CAT_CLOSE_CHANNEL], 1);
    assert_int_equal(psk_engine_state(s->engine), PSK_ENDED); /* close_notify */
    assert_null(bed->euicc->m2m->https);
    smsr_free(s);
    m2m_bed_free(bed);
}

static void targets(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    smsr_carry(s);
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_NEW)), 0x9000);
    /* an ISD-P: no keys yet */
    assert_true(m2m_send(bed, 0x13, m2m_script(bed, "8050300008000102030405060700", NULL)));
    assert_string_equal(bed->data, "AB0780010123026A88");
    /* nobody */
    assert_false(m2m_send(bed, 0x77, m2m_script(bed, "8050300008000102030405060700", NULL)));
    assert_int_equal(s->result_status, OTA_ADMIN_UNKNOWN_APPLICATION);
    /* the set that secures the session stays */
    assert_int_equal(m2m_es5_sw(bed, "80E4000005F20301010300"), 0x6985);
    assert_int_equal(m2m_es5_sw(bed, "80E4000005F20340010200"), 0x9000);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* The switch waits for the end of the session. */
static void enable(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    smsr_carry(s);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    assert_false(bed->refreshed);
    smsr_end(s);
    assert_true(bed->refreshed);
    assert_int_equal(m2m_enabled(bed), 0x0011);
    smsr_free(s);
    m2m_bed_free(bed);
}

static struct m2m_bed *with_https(int64_t transport)
{
    static const uint8_t a5[] = {0x84, 0x13, 0x35, 0x01, 0x03, 0x39, 0x02, 0x05, 0x00, 0x3C, 0x03,
                                 0x02, 0x20, 0xFB, 0x3E, 0x05, 0x21, 0xC0, 0x00, 0x02, 0x0A, 0x89,
                                 0x20, 0x8A, 0x0C, 0x73, 0x6D, 0x73, 0x72, 0x2E, 0x65, 0x78, 0x61,
                                 0x6D, 0x70, 0x6C, 0x65, 0x8C, 0x10, 0x2F, 0x67, 0x73, 0x6D, 0x61,
                                 0x2F, 0x61, 0x64, 0x6D, 0x69, 0x6E, 0x61, 0x67, 0x65, 0x6E, 0x74};
    struct euicc_m2m_options options = {.https = CR_SPAN_ARRAY(a5),
                                        .timing = {.transport = transport}};
    return m2m_bed_new_with(&options);
}

static void notification(void **state)
{
    (void)state;
    struct m2m_bed *bed = with_https(EUICC_M2M_AUTO);
    struct smsr *s = smsr_new(bed);
    s->confirm = true;
    m2m_bed_attach(bed);
    assert_memory_equal(s->note, "E1", 2);
    assert_non_null(strstr(s->note, "4D0101"
                                    "4E020001"));
    assert_int_equal(bed->message_count, 0);
    assert_true(s->got_result);
    static const uint8_t want[] = {0xAF, 0x80, 0x23, 0x02, 0x90, 0x00, 0x00, 0x00};
    assert_true(cr_span_equal(cr_buf_span(&s->result), CR_SPAN_ARRAY(want)));
    assert_true(m2m_bed_record(bed).declared);
    smsr_end(s);
    m2m_advance(bed, 5000);
    assert_int_equal(bed->message_count, 0);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* HTTPS does not answer: SMS, then HTTPS again. */
static void alternation(void **state)
{
    (void)state;
    struct m2m_bed *bed = with_https(EUICC_M2M_AUTO);
    struct smsr *s = smsr_new(bed);
    s->psk[0] ^= 1; /* wrong key: TLS fails */
    m2m_bed_attach(bed);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    assert_int_equal(m2m_note_count(bed), 0);
    assert_null(bed->euicc->m2m->https);
    m2m_advance(bed, 300);
    assert_int_equal(m2m_note_count(bed), 1);
    m2m_advance(bed, 299);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    s->psk[0] ^= 1;
    s->confirm = true;
    m2m_advance(bed, 1);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    assert_true(m2m_bed_record(bed).declared);
    smsr_free(s);
    m2m_bed_free(bed);
}

static void transports(void **state)
{
    (void)state;
    struct m2m_bed *bed = with_https(EUICC_M2M_SMS);
    struct smsr *s = smsr_new(bed);
    m2m_bed_attach(bed);
    m2m_advance(bed, 300);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 0);
    assert_int_equal(m2m_note_count(bed), 2);
    smsr_free(s);
    m2m_bed_free(bed);
    bed = with_https(EUICC_M2M_HTTPS);
    s = smsr_new(bed);
    s->psk[0] ^= 1;
    m2m_bed_attach(bed);
    m2m_advance(bed, 300);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    assert_int_equal(m2m_note_count(bed), 0);
    smsr_free(s);
    m2m_bed_free(bed);
    /* a terminal without BIP: SMS */
    bed = with_https(EUICC_M2M_AUTO);
    memset(bed->terminal.profile + 11, 0, 2); /* 89 to 104 */
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note_count(bed), 1);
    m2m_bed_free(bed);
}

/* The link breaks: the last POST again under the retry policy, and no script runs twice. */
static void broken_link(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    s->drop_at = 2; /* the result of the first script */
    smsr_trigger(s);
    static const char *const create = "AE802245" CREATE(AID_NEW) "0000";
    uint8_t script[100];
    assert_true(cr_hex_fixed(script, strlen(create) / 2, cr_span_str(create)));
    assert_true(smsr_script(s, cr_span_of(script, strlen(create) / 2), (cr_span){0}));
    assert_false(s->got_result);
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x07);
    m2m_advance(bed, 1799);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    m2m_advance(bed, 1);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    assert_true(s->resumed);
    assert_true(s->got_result);
    static const uint8_t want[] = {0xAF, 0x80, 0x23, 0x03, 0x00, 0x90, 0x00, 0x00, 0x00};
    assert_true(cr_span_equal(cr_buf_span(&s->result), CR_SPAN_ARRAY(want)));
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* ---- the link breaks at any byte ----------------------------------------------------------------
 */

#define CREATED "AF8023030090000000 "

/* A script that would not run twice in the same way, one that tells, one that undoes the first. */
struct plan {
    uint8_t bytes[3][120];
    cr_span scripts[3];
};

static void plan_init(struct plan *p)
{
    static const char *const hex[] = {"AE802245" CREATE(AID_NEW) "0000",
                                      "AE80221880F24002124F10" AID_NEW "000000",
                                      "AE80221880E40040124F10" AID_NEW "000000"};
    for (size_t i = 0; i < CR_COUNT(hex); i++) {
        const size_t n = strlen(hex[i]) / 2;
        assert_true(n <= sizeof p->bytes[i] && cr_hex_fixed(p->bytes[i], n, cr_span_str(hex[i])));
        p->scripts[i] = cr_span_of(p->bytes[i], n);
    }
}

/* Each script was run once, each result is there once; nothing is left. */
static void check_plan(struct m2m_bed *bed, const struct smsr *s, size_t count, const char *want,
                       size_t cut)
{
    if (s->taken != count || strcmp(s->results, want) != 0 || s->given != count) {
        fail_msg("cut after %zu bytes: %u results: %s", cut, s->taken, s->results);
    }
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0);
    assert_true(ota_admin_server_idle(s->server));
    for (unsigned i = 1; i <= CAT_CHANNELS; i++) {
        assert_false(bed->terminal.channels[i].open);
    }
}

static void cut_anywhere(void **state)
{
    enum { STEP = 1 };
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    struct plan plan;
    char want[sizeof s->results];
    unsigned handshakes = 0, resumed = 0;
    plan_init(&plan);
    smsr_run(s, plan.scripts, 3, SIZE_MAX, 0);
    (void)snprintf(want, sizeof want, "%s", s->results);
    assert_memory_equal(want, CREATED, strlen(CREATED));
    check_plan(bed, s, 3, want, SIZE_MAX);
    const size_t whole = s->wire;
    assert_true(whole > 1500);
    assert_false(s->resumed);
    for (size_t cut = 0; cut < whole; cut += STEP) {
        const unsigned posts = s->posts;
        s->resumed = false;
        smsr_run(s, plan.scripts, 3, cut, 1);
        assert_int_equal(s->cuts, 0);
        check_plan(bed, s, 3, want, cut);
        resumed += s->resumed;
        handshakes += !s->resumed;
        assert_true(s->posts >= posts + 4 && s->posts <= posts + 5);
    }
    assert_true(handshakes > 50 && resumed > 200);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* Every link breaks: as long as something gets through, it goes on; the retries begin anew. */
static void cut_again_and_again(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    struct plan plan;
    char want[sizeof s->results];
    plan_init(&plan);
    const cr_span many[] = {plan.scripts[0], plan.scripts[1], plan.scripts[1], plan.scripts[1],
                            plan.scripts[1], plan.scripts[1], plan.scripts[2]};
    smsr_run(s, many, CR_COUNT(many), SIZE_MAX, 0);
    (void)snprintf(want, sizeof want, "%s", s->results);
    smsr_run(s, many, CR_COUNT(many), 1200, 20);
    check_plan(bed, s, CR_COUNT(many), want, 1200);
    assert_true(s->cuts < 20 - 3); /* more than the three retries that the trigger allows */
    smsr_run(s, plan.scripts, 3, SIZE_MAX, 0);
    (void)snprintf(want, sizeof want, "%s", s->results);
    /* Nothing gets through: three retries, then the chip waits for a trigger. */
    s->plan = plan.scripts;
    s->given = s->taken = 0;
    s->results[0] = 0;
    s->cut = 700;
    s->cuts = 1000;
    smsr_trigger(s);
    m2m_advance(bed, 80000);
    assert_int_equal(s->cuts, 1000 - 4);
    assert_non_null(bed->euicc->m2m->https);
    s->cuts = 0;
    smsr_trigger(s); /* the same session: what it has not told it tells now */
    check_plan(bed, s, 3, want, 700);
    assert_null(bed->euicc->m2m->https);
    s->plan = NULL;
    smsr_free(s);
    m2m_bed_free(bed);
}

/* A server that answers and closes, but with nothing that the chip can use: each retry waits for
 * its time, and after the last one the session waits for a trigger. */
static void useless_answers(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    s->refuses = true;
    smsr_trigger(s);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    m2m_advance(bed, 2); /* the retry is for later */
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    m2m_advance(bed, 80000);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 4); /* and three retries */
    assert_non_null(bed->euicc->m2m->https);
    s->refuses = false;
    smsr_trigger(s);
    assert_true(smsr_waits(s));
    smsr_end(s);
    assert_null(bed->euicc->m2m->https);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* While a retry waits: another trigger replaces the session, a notification goes by SMS. */
static void what_a_retry_gives_way_to(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    smsr_trigger(s);
    terminal_drop(&bed->terminal, 1);
    terminal_serve(&bed->terminal);
    const struct m2m_https *waits = bed->euicc->m2m->https;
    assert_non_null(waits);
    assert_false(euicc_m2m_https_note(bed->euicc->m2m, cr_span_str("\xE1\x00")));
    assert_ptr_equal(bed->euicc->m2m->https, waits);
    s->resumed = false;
    (void)m2m_send_as(bed, 1, 0x1600, /* another host in it */
                      "814283408413350103390205003C030220FB3E0521C000020A86070003250300030089208A0C"
                      "736D73722E6578616D706C648C102F67736D612F61646D696E6167656E74");
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    assert_false(s->resumed);
    assert_true(smsr_waits(s));
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* A trigger while a session is open is ignored; while a retry waits it opens at once. */
static void second_trigger(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    smsr_trigger(s);
    smsr_trigger(s);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    terminal_drop(&bed->terminal, 1);
    terminal_serve(&bed->terminal);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    smsr_trigger(s);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    smsr_end(s);
    m2m_advance(bed, 80000);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* Tries end; a reset ends everything; a server that holds its answer for too long is left. */
static void ends(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    s->psk[0] ^= 1;
    smsr_trigger(s);
    m2m_advance(bed, 80000);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 4); /* and three retries */
    assert_null(bed->euicc->m2m->https);
    s->psk[0] ^= 1;
    smsr_trigger(s);
    assert_non_null(bed->euicc->m2m->https);
    m2m_bed_reset(bed);
    assert_null(bed->euicc->m2m->https);
    smsr_trigger(s);
    unsigned opened = bed->terminal.fetched[CAT_OPEN_CHANNEL];
    m2m_advance(bed, 61); /* the POST is held */
    assert_true(bed->euicc->m2m->https != NULL);
    m2m_advance(bed, 1800);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], opened + 1);
    assert_true(s->resumed);
    smsr_free(s);
    m2m_bed_free(bed);
}

/* No parameters anywhere, a key that is not there, a terminal that opens nothing. */
static void refused(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    (void)m2m_send_as(bed, 1, 0x1600, "8100");
    assert_null(bed->euicc->m2m->https);
    (void)m2m_send_as(bed, 1, 0x1600, "8105FFFFFFFFFF");
    assert_null(bed->euicc->m2m->https);
    (void)m2m_send_as(bed, 1, 0x1600, /* key version 4F */
                      "81418350"
                      "00");
    assert_null(bed->euicc->m2m->https);
    terminal_fault(&bed->terminal, CAT_OPEN_CHANNEL, CAT_RESULT_BEYOND_CAPABILITIES, -1, 1);
    smsr_trigger(s);
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 1);
    m2m_advance(bed, 1800); /* the retry */
    assert_int_equal(bed->terminal.fetched[CAT_OPEN_CHANNEL], 2);
    assert_true(smsr_waits(s));
    smsr_free(s);
    m2m_bed_free(bed);
}

/* ---- a name instead of an address ---------------------------------------------------------------
 */

struct resolver {
    struct smsr *smsr;
    void (*next)(void *ctx, struct terminal *t, unsigned channel, cr_span data);
    unsigned queries;
    bool silent, no_such_name;
    uint8_t last_address; /* of the answer */
};

static void answer_query(void *ctx, struct terminal *t, unsigned channel, cr_span data)
{
    struct resolver *r = ctx;
    cr_buf answer = {0};
    if (!t->channels[channel].datagrams) {
        r->next(r->smsr, t, channel, data);
        return;
    }
    r->queries++;
    assert_true(data.n > 16);
    bool is_a = data.p[data.n - 3] == 1;
    const uint8_t flags[] = {
        0x81, r->no_such_name ? 0x83 : 0x80, 0, 1, 0, is_a && !r->no_such_name, 0, 0, 0, 0};
    const uint8_t record[] = {0xC0, 0x0C, 0, 1, 0,   1, 0, 0,
                              0,    60,   0, 4, 192, 0, 2, r->last_address};
    cr_buf_append(&answer, data.p, 2);
    cr_buf_append(&answer, flags, sizeof flags);
    cr_buf_append(&answer, data.p + 12, data.n - 12);
    if (is_a && !r->no_such_name) {
        cr_buf_append(&answer, record, sizeof record);
    }
    if (!r->silent) {
        terminal_deliver(t, channel, cr_buf_span(&answer));
    }
    cr_buf_free(&answer);
}

#define NAMED                                                                                      \
    "81578330840C350103390205003C030220FB89208A0C736D73722E6578616D706C658C102F67736D612F61646D69" \
    "6E6167656E74B323D60C736D73722E6578616D706C65FA13350103390205003C030100353E0521C0000235"

static void name(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    struct resolver r = {.smsr = s, .next = bed->terminal.peer, .last_address = 10};
    bed->terminal.peer = answer_query;
    bed->terminal.peer_ctx = &r;
    (void)m2m_send_as(bed, 1, 0x1600, NAMED);
    assert_int_equal(r.queries, 2); /* A, then AAAA */
    assert_non_null(strstr(bed->opened, "3C030220FB3E0521C000020A"));
    assert_true(smsr_waits(s));
    smsr_end(s);
    /* kept as long as the answer allows */
    (void)m2m_send_as(bed, 1, 0x1600, NAMED);
    assert_int_equal(r.queries, 2);
    smsr_end(s);
    smsr_free(s);
    m2m_bed_free(bed);
}

static void no_name(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct smsr *s = smsr_new(bed);
    struct resolver r = {.smsr = s, .next = bed->terminal.peer, .no_such_name = true};
    bed->terminal.peer = answer_query;
    bed->terminal.peer_ctx = &r;
    (void)m2m_send_as(bed, 1, 0x1600, NAMED);
    assert_int_equal(r.queries, 1); /* there is no such name: of any kind */
    /* Nobody said how often to try again. */
    m2m_advance(bed, M2M_HTTPS_RETRY_SECONDS - 1);
    assert_int_equal(r.queries, 1);
    m2m_advance(bed, 1 + (M2M_HTTPS_RETRIES - 2) * M2M_HTTPS_RETRY_SECONDS);
    assert_non_null(bed->euicc->m2m->https);
    m2m_advance(bed, M2M_HTTPS_RETRY_SECONDS);
    assert_int_equal(r.queries, 1 + M2M_HTTPS_RETRIES);
    assert_null(bed->euicc->m2m->https); /* nothing was said that would have to be resumed */
    r.silent = true;
    (void)m2m_send_as(bed, 1, 0x1600, NAMED);
    m2m_advance(bed, 100);
    assert_true(r.queries >= 1 + M2M_HTTPS_RETRIES + 3);
    m2m_advance(bed, 1000);
    assert_null(bed->euicc->m2m->https);
    smsr_free(s);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(targets),
        cmocka_unit_test(enable),
        cmocka_unit_test(notification),
        cmocka_unit_test(alternation),
        cmocka_unit_test(transports),
        cmocka_unit_test(broken_link),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(cut_again_and_again),
        cmocka_unit_test(useless_answers),
        cmocka_unit_test(what_a_retry_gives_way_to),
        cmocka_unit_test(second_trigger),
        cmocka_unit_test(ends),
        cmocka_unit_test(refused),
        cmocka_unit_test(name),
        cmocka_unit_test(no_name),
    };
    return cmocka_run_group_tests_name("euicc/m2m_https", tests, NULL, NULL);
}
