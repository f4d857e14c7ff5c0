/*
 * ES5 over CAT_TP: the real chip behind a terminal, over good and bad networks; cards that break
 * the link, answer for others, say too much or nothing; strangers; the SM-SR is restarted.
 */
#include "../euicc/m2m_bed.h"
#include "world.h"

#include "asn1/der.h"
#include "ota/cattp.h"
#include "ota/push.h"
#include "smsr/handover.h"

#define MINUTE 60000
#define SECOND 1000
#define PORT   10000 /* of links */
#define QUEUE  256

struct datagram {
    bool up;
    struct udp_address to;
    size_t n;
    uint8_t bytes[UDP_DATAGRAM_MAX];
};

struct dialler {
    struct line *l;
    struct cattp_link *link;
    struct udp_address at;
    cr_buf sdu;
    unsigned sdus;
    bool opened, closed, deaf;
    uint8_t reason;
};

struct line {
    struct world w; /* first: transmit() is given it */
    struct m2m_bed *bed;
    size_t told; /* messages that the chip was given */
    struct dialler card;
    struct datagram queue[QUEUE];
    size_t first, last;
    unsigned dice, lost_percent;
    unsigned break_at; /* datagrams from now on until the chip's channel breaks; 0 = never */
    cr_buf out;        /* the last datagram to nobody */
    unsigned refusals;
};

static const struct udp_address chip_at = {.ip = {10, 0, 0, 1}, .size = 4, .port = 4711};
static const struct udp_address card_at = {.ip = {10, 0, 0, 2}, .size = 4, .port = 4712};
static const struct udp_address elsewhere = {.ip = {10, 0, 0, 3}, .size = 4, .port = 4713};

/* ---- the network -------------------------------------------------------------------------------
 */

static void put(struct line *l, bool up, const struct udp_address *to, cr_span bytes)
{
    assert_true(l->last < QUEUE && bytes.n <= UDP_DATAGRAM_MAX);
    if (l->break_at && --l->break_at == 0) {
        terminal_drop(&l->bed->terminal, 1);
        return;
    }
    l->dice = l->dice * 1103515245U + 12345U;
    if ((l->dice >> 16) % 100 < l->lost_percent) {
        return;
    }
    struct datagram *d = &l->queue[l->last++];
    *d = (struct datagram){.up = up, .to = *to, .n = bytes.n};
    memcpy(d->bytes, bytes.p, bytes.n);
}

static void on_transmit(void *ctx, const struct udp_address *to, cr_span datagram)
{
    put(ctx, false, to, datagram);
}

static void on_card_transmit(void *ctx, cr_span datagram)
{
    struct dialler *c = ctx;
    put(c->l, true, &c->at, datagram);
}

static void on_chip_data(void *ctx, struct terminal *t, unsigned channel, cr_span data)
{
    (void)t;
    assert_int_equal(channel, 1);
    put(ctx, true, &chip_at, data);
}

static void on_card_opened(void *ctx)
{
    ((struct dialler *)ctx)->opened = true;
}

static void on_card_received(void *ctx, cr_span sdu)
{
    struct dialler *c = ctx;
    c->sdus++;
    cr_buf_reset(&c->sdu);
    cr_buf_append_span(&c->sdu, sdu);
}

static void on_card_closed(void *ctx, enum cattp_end end, uint8_t reason)
{
    struct dialler *c = ctx;
    (void)end;
    c->closed = true;
    c->reason = reason;
}

static void down(struct line *l, const struct datagram *d)
{
    const cr_span bytes = cr_span_of(d->bytes, d->n);
    if (l->bed && udp_address_equal(&d->to, &chip_at)) {
        if (l->bed->terminal.channels[1].open) {
            terminal_deliver(&l->bed->terminal, 1, bytes);
            terminal_serve(&l->bed->terminal);
        }
    } else if (l->card.link && udp_address_equal(&d->to, &l->card.at)) {
        if (!l->card.deaf) {
            cattp_input(l->card.link, bytes, l->w.now_ms);
        }
    } else {
        l->refusals++;
        cr_buf_reset(&l->out);
        cr_buf_append_span(&l->out, bytes);
    }
}

/* Until nothing moves. */
static void settle(struct line *l)
{
    bool moved = true;
    while (moved) {
        moved = false;
        while (l->first < l->last) {
            const struct datagram d = l->queue[l->first++];
            if (d.up) {
                smsr_cattp_input(l->w.links, &d.to, cr_span_of(d.bytes, d.n));
            } else {
                down(l, &d);
            }
            moved = true;
        }
        l->first = l->last = 0;
        while (smsr_cattp_work(l->w.links)) {
            moved = true;
        }
    }
}

/* ---- the chip ----------------------------------------------------------------------------------
 */

/* Short messages to the chip, and from it. */
static void carry_messages(struct line *l)
{
    for (; l->told < l->w.count; l->told++) {
        const struct smpp_message *m = &l->w.messages[l->told];
        struct sms_tpdu t = {.type = SMS_DELIVER,
                             .has_header = true,
                             .pid = m->protocol_id,
                             .dcs = m->data_coding,
                             .time = {.year = 26, .month = 8, .day = 20},
                             .ud = cr_span_of(m->text, m->text_size)};
        cr_buf tpdu = {0}, envelope = {0};
        assert_int_equal(sms_address_parse(cr_span_str("+" W_SR), &t.address, NULL), CR_OK);
        assert_int_equal(sms_encode(&t, &tpdu, NULL), CR_OK);
        cat_envelope_sms_pp(&envelope, (cr_span){0}, cr_buf_span(&tpdu));
        cr_buf_free(&tpdu);
        (void)terminal_envelope(&l->bed->terminal, &envelope);
    }
    for (size_t i = 0; i < l->bed->message_count; i++) {
        struct sms_tpdu t;
        struct smpp_message m = {.esm_class = SMPP_UDHI, .protocol_id = 0x7F, .data_coding = 4};
        assert_int_equal(sms_decode(SMS_FROM_CARD, vector(l->bed->messages[i].tpdu), &t, NULL),
                         CR_OK);
        (void)snprintf(m.from, sizeof m.from, "%s", W_NUMBER);
        m.text_size = t.ud.n;
        memcpy(m.text, t.ud.p, t.ud.n);
        assert_int_equal(smsr_sms_received(l->w.sms, &m), SMPP_OK);
    }
    m2m_clear(l->bed);
}

static void go_on(struct line *l)
{
    for (int i = 0; i < 6; i++) {
        world_due(&l->w);
        if (l->bed) {
            carry_messages(l);
        }
        settle(l);
    }
}

static void wait_seconds(struct line *l, unsigned seconds)
{
    while (seconds--) {
        l->w.now_ms += SECOND;
        if (l->card.link && cattp_deadline(l->card.link) <= l->w.now_ms) {
            cattp_tick(l->card.link, l->w.now_ms);
        }
        if (l->bed) {
            m2m_advance(l->bed, 1);
        }
        smsr_cattp_tick(l->w.links);
        go_on(l);
    }
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static cr_status prepare(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    struct smsr_keyset scp80 = {.version = 1, .type = SOAP_KEYSET_SCP80};
    for (int i = 0; i < 3; i++) {
        scp80.keys[i] = (struct smsr_key){.type = 0x88, .size = 16};
        for (uint8_t k = 0; k < 16; k++) {
            scp80.keys[i].value[k] = (uint8_t)(0x10 * i + k); /* those of the real chip */
        }
    }
    memcpy(w->kic.value, scp80.keys[0].value, 16);
    memcpy(w->kid.value, scp80.keys[1].value, 16);
    CR_TRY(store_exec(tx, "UPDATE euicc SET cattp = 1", NULL, NULL, NULL, NULL, err));
    CR_TRY(store_exec(tx, "DELETE FROM keyset WHERE type = ?",
                      STORE_VALUES(STORE_I(SOAP_KEYSET_SCP80)), NULL, NULL, NULL, err));
    return smsr_keyset_put(w->sr, tx, vector(W_EID), &scp80, 6, err);
}

static struct line *line_open(bool on_disk, bool real)
{
    struct line *l = calloc(1, sizeof *l);
    assert_non_null(l);
    world_open(&l->w, on_disk);
    world_stop(&l->w);
    l->w.cattp = true;
    l->w.transmit = on_transmit;
    world_start(&l->w);
    if (!on_disk) {
        world_run(&l->w, world_fill);
    }
    world_run(&l->w, prepare);
    l->w.config.channel = SMSR_CATTP;
    l->card.l = l;
    if (real) {
        l->bed = m2m_bed_new();
        l->bed->terminal.peer = on_chip_data;
        l->bed->terminal.peer_ctx = l;
        l->w.config.push = vector("350103390205783C030123283E0521C000020A");
    }
    return l;
}

static void card_free(struct line *l)
{
    cattp_free(l->card.link);
    cr_buf_free(&l->card.sdu);
    l->card = (struct dialler){.l = l};
}

static void line_close(struct line *l)
{
    card_free(l);
    cr_buf_free(&l->out);
    if (l->bed) {
        m2m_bed_free(l->bed);
    }
    world_close(&l->w);
    free(l);
}

static enum smsr_proc_state state_of(struct line *l, int64_t id)
{
    return world_look(&l->w, id).now.state;
}

static int64_t send_data(struct line *l, const char *commands, bool more)
{
    return world_begin(&l->w, &(struct smsr_procedure){.kind = SMSR_PROC_SEND_DATA,
                                                       .aid = vector(W_ISDP),
                                                       .data = vector(commands),
                                                       .more_to_do = more});
}

/* A scripted card dials. */
static void card_dial_as(struct line *l, const struct udp_address *at, const char *identification,
                         uint16_t max_sdu)
{
    card_free(l);
    l->card.at = *at;
    const struct cattp_options options = {.source = 0x4001,
                                          .destination = PORT,
                                          .max_sdu = max_sdu,
                                          .initial = (uint16_t)(l->w.random++),
                                          .identification = vector(identification),
                                          .callbacks = {.transmit = on_card_transmit,
                                                        .opened = on_card_opened,
                                                        .received = on_card_received,
                                                        .closed = on_card_closed},
                                          .ctx = &l->card};
    assert_int_equal(cattp_new(&options, &l->card.link, NULL), CR_OK);
    assert_int_equal(cattp_connect(l->card.link, l->w.now_ms, NULL), CR_OK);
    settle(l);
}

static void card_dial(struct line *l)
{
    card_dial_as(l, &card_at, W_EID, 0);
}

/* Opens the packet that the card was given. */
static bool card_opens(struct line *l)
{
    struct ota_command_header header;
    struct ota_command command;
    cr_buf scratch = {.secret = true};
    assert_int_equal(ota_command_read(OTA_BIP, cr_buf_span(&l->card.sdu), &header, NULL), OTA_OK);
    const enum ota_result result = ota_command_open(
        &header, (struct ota_keys){&l->w.kic, &l->w.kid}, &scratch, &command, NULL);
    if (result == OTA_OK) {
        ota_response_fields_of(&header, command.counter, &l->w.asked);
        assert_true(command.counter > l->w.card_counter);
        l->w.card_counter = command.counter;
    }
    cr_buf_free(&scratch);
    return result == OTA_OK;
}

static void card_says(struct line *l, uint8_t status, const char *data)
{
    cr_buf packet = {0};
    assert_int_equal(ota_response_build(&l->w.asked, (struct ota_keys){&l->w.kic, &l->w.kid},
                                        status, vector(data), &packet, NULL),
                     CR_OK);
    assert_int_equal(cattp_send(l->card.link, cr_buf_span(&packet), l->w.now_ms, NULL), CR_OK);
    cr_buf_free(&packet);
    settle(l);
}

#define GET      "220580CA006600"
#define ANSWERED "AB0780010123029000"

/* A script is with a scripted card. */
static int64_t with_script(struct line *l)
{
    const int64_t id = send_data(l, GET, false);
    world_due(&l->w);
    card_dial(l);
    assert_true(l->card.opened);
    assert_int_equal(l->card.sdus, 1);
    assert_true(card_opens(l));
    assert_true(world_look(&l->w, id).script.left);
    return id;
}

/* ---- the real chip -----------------------------------------------------------------------------
 */

static void the_way(struct line *l)
{
    const int64_t audit = world_audit(&l->w);
    go_on(l);
    assert_int_equal(l->w.count, 1); /* the push SMS */
    assert_int_equal(smsr_cattp_links(l->w.links), 1);
    assert_int_equal(state_of(l, audit), SMSR_STATE_DONE);
    const int64_t data = send_data(l, "220580CAFF2100", true);
    go_on(l);
    const struct world_proc p = world_look(&l->w, data);
    assert_int_equal(p.now.state, SMSR_STATE_DONE);
    assert_int_equal(l->w.count, 1); /* on the same link */
}

static void test_way(void **state)
{
    (void)state;
    struct line *l = line_open(false, true);
    the_way(l);
    wait_seconds(l, 290); /* more was announced */
    assert_int_equal(smsr_cattp_links(l->w.links), 1);
    wait_seconds(l, 30);
    assert_int_equal(smsr_cattp_links(l->w.links), 0);
    assert_int_equal(l->bed->terminal.fetched[CAT_CLOSE_CHANNEL], 1);
    /* the next command pushes again */
    const int64_t audit = world_audit(&l->w);
    go_on(l);
    assert_int_equal(state_of(l, audit), SMSR_STATE_DONE);
    assert_int_equal(l->w.count, 3); /* with the confirmation of the chip's declaration */
    wait_seconds(l, 19);
    assert_int_equal(smsr_cattp_links(l->w.links), 1);
    wait_seconds(l, 5);
    assert_int_equal(smsr_cattp_links(l->w.links), 0);
    line_close(l);
}

/* Datagrams are lost, both ways. */
static void test_bad_network(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 6; seed++) {
        struct line *l = line_open(false, true);
        l->dice = seed;
        l->lost_percent = 20;
        const int64_t audit = world_audit(&l->w);
        for (int i = 0; i < 300 && state_of(l, audit) != SMSR_STATE_DONE; i++) {
            go_on(l);
            wait_seconds(l, 1);
        }
        assert_int_equal(state_of(l, audit), SMSR_STATE_DONE);
        char data[2 * 7 * 600 + 1] = "";
        for (int i = 0; i < 600; i++) { /* 4200 bytes: four datagrams */
            memcpy(data + (size_t)14 * (size_t)i, "220580CAFF2100", 15);
        }
        const int64_t id = send_data(l, data, false);
        for (int i = 0; i < 300 && state_of(l, id) != SMSR_STATE_DONE; i++) {
            go_on(l);
            wait_seconds(l, 1);
        }
        assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
        line_close(l);
    }
}

/* The chip's channel breaks at each datagram in turn: the command is executed once, or it is known
 * that nobody knows. */
static void test_broken_everywhere(void **state)
{
    bool whole = false;
    unsigned done = 0, failed = 0;
    (void)state;
    for (unsigned n = 1; !whole; n++) {
        struct line *l = line_open(false, true);
        struct gp_counters counters;
        l->break_at = n;
        const int64_t id = send_data(l, GET, false);
        for (int i = 0; i < 400 && state_of(l, id) == SMSR_STATE_SENT; i++) {
            go_on(l);
            wait_seconds(l, 1);
        }
        whole = l->break_at > 0;
        const enum smsr_proc_state end = state_of(l, id);
        done += end == SMSR_STATE_DONE;
        failed += end == SMSR_STATE_FAILED;
        assert_int_equal(done + failed, n);
        gp_counters_get(&l->bed->euicc->m2m->reg, l->bed->euicc->m2m->isdr, 1, &counters);
        assert_true(counters.packets >= 10); /* the script's, or that of a push behind it */
        line_close(l);
    }
    assert_true(done > failed && failed > 0); /* only where its answer is lost */
}

/* ---- choice ------------------------------------------------------------------------------------
 */

static cr_status without_cattp(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "UPDATE euicc SET cattp = 0", NULL, NULL, NULL, NULL, err);
}

/* Where we are: what push SMS say, and what chips that are taken over are told. */
static void test_address(void **state)
{
    static const struct {
        const char *ini, *push, *told;
    } rows[] = {
        {"[radio]\n", "35010339020578", "A400"},
        {"[radio]\ncattp-address = 192.0.2.10:9000\n", "350103390205783C030123283E0521C000020A",
         "A40C3C030123283E0521C000020A"},
        {"[radio]\ncattp-address = [2001:db8::1]:1\ncattp-port = 7\nchannel = cattp\n",
         "350103390205783C030100013E115720010DB8000000000000000000000001",
         "A4183C030100013E115720010DB8000000000000000000000001"},
    };
    const struct smsr_euicc with = {.cattp = true}, without = {.cattp = false};
    char dir[] = "/tmp/crisp-smsr-cattp-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/radio.ini", dir);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct smsr_radio_config config;
        cr_buf told = {0};
        assert_int_equal(cr_file_write(path, cr_span_str(rows[i].ini), 0600, NULL), CR_OK);
        assert_int_equal(smsr_radio_load(path, &config, NULL), CR_OK);
        assert_true(cr_span_equal(config.push, vector(rows[i].push)));
        assert_int_equal(config.cattp_port, i == 2 ? 7 : PORT);
        assert_int_equal(config.channel, i == 2 ? SMSR_CATTP : 0);
        assert_int_equal(smsr_addressing(&config, &with, NULL, &told, NULL), CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&told), vector(rows[i].told)));
        cr_buf_reset(&told);
        assert_int_equal(smsr_addressing(&config, &without, NULL, &told, NULL), CR_OK);
        assert_int_equal(told.n, 0);
        cr_buf_free(&told);
        smsr_radio_free(&config);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_not_supported(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    world_run(&l->w, without_cattp);
    const int64_t id = world_audit(&l->w);
    world_due(&l->w);
    assert_int_equal(l->w.count, 0);
    assert_int_equal(state_of(l, id), SMSR_STATE_FAILED);
    line_close(l);
    /* not served here */
    l = line_open(false, false);
    l->w.config.cattp = false;
    l->w.config.channel = 0;
    (void)send_data(l, GET, true);
    world_due(&l->w);
    enum ota_result result;
    assert_true(card_take(&l->w, 0, &result));
    assert_memory_equal(l->w.command.p + 2, vector(GET).p, 7); /* the script itself */
    line_close(l);
}

/* Push SMS, as the sheet has it; then what fits by SMS goes that way. */
static void test_no_link(void **state)
{
    (void)state;
    struct line *l = line_open(true, false);
    enum ota_result result;
    l->w.config.channel = 0;
    (void)send_data(l, GET, true);
    world_due(&l->w);
    for (size_t i = 0; i < 6; i++) { /* two openings of three */
        struct ota_push push;
        assert_int_equal(l->w.count, i + 1);
        assert_true(card_take(&l->w, i, &result));
        assert_int_equal(l->w.asked.spi[1], 0x3A); /* proof of receipt on error */
        assert_memory_equal(l->w.asked.tar, "\x00\x00\x01", 3);
        const cr_span script = cr_buf_span(&l->w.command);
        assert_true(script.n > 11 && script.p[0] == 0xAA && script.p[2] == 0x22);
        assert_int_equal(ota_push_read(cr_span_sub(script, 4, script.p[3]), &push, NULL), CR_OK);
        assert_int_equal(push.kind, OTA_PUSH_CHANNEL);
        assert_true(cr_span_equal(push.tlvs, l->w.config.push));
        const cr_span second = cr_span_sub(script, (size_t)4 + script.p[3], script.n);
        assert_int_equal(ota_push_read(cr_span_sub(second, 2, second.p[1]), &push, NULL), CR_OK);
        assert_int_equal(push.kind, OTA_PUSH_CATTP);
        assert_int_equal(push.port, PORT);
        assert_int_equal(push.max_sdu, SMSR_LINK_SDU);
        assert_true(cr_span_equal(push.identification, vector(W_EID)));
        world_pass(&l->w, 2 * MINUTE - 1);
        assert_int_equal(l->w.count, i + 1);
        world_restart(&l->w);
        world_pass(&l->w, 1);
    }
    assert_int_equal(l->w.count, 7);
    assert_true(card_take(&l->w, 6, &result));
    assert_memory_equal(l->w.command.p + 2, vector(GET).p, 7);
    line_close(l);
}

/* The card refuses the push SMS: a proof of it is believed, and nothing else. */
static void test_refused_push(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    enum ota_result result;
    l->w.config.channel = 0;
    (void)send_data(l, GET, true);
    world_due(&l->w);
    assert_true(card_take(&l->w, 0, &result));
    const struct ota_key kid = l->w.kid;
    memset(l->w.kid.value, 0x99, 16);
    card_answer(&l->w, OTA_STATUS_TAR_UNKNOWN, "");
    world_due(&l->w);
    assert_int_equal(l->w.count, 1);
    l->w.kid = kid;
    for (size_t i = 0; i < 2; i++) { /* two openings failed */
        card_answer(&l->w, OTA_STATUS_TAR_UNKNOWN, "");
        world_due(&l->w);
        assert_int_equal(l->w.count, i + 2);
        assert_true(card_take(&l->w, i + 1, &result));
    }
    assert_memory_equal(l->w.command.p + 2, vector(GET).p, 7);
    line_close(l);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static void test_answers(void **state)
{
    static const struct {
        uint8_t status;
        const char *data;
        bool ends;
        enum smsr_proc_state state;
    } rows[] = {{OTA_STATUS_OK, ANSWERED, true, SMSR_STATE_DONE},
                {OTA_STATUS_COUNTER_LOW, "", true, SMSR_STATE_FAILED},
                {OTA_STATUS_NO_MEMORY, "", true, SMSR_STATE_FAILED},
                {OTA_STATUS_MORE_TIME, "", false, SMSR_STATE_SENT},
                {OTA_STATUS_OK, "30030101FF", true, SMSR_STATE_FAILED}};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct line *l = line_open(false, false);
        const int64_t id = with_script(l);
        card_says(l, rows[i].status, rows[i].data);
        assert_int_equal(state_of(l, id), rows[i].state);
        assert_int_equal(world_look(&l->w, id).has_script, !rows[i].ends);
        if (!rows[i].ends) {
            card_says(l, 0, ANSWERED);
            assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
        }
        assert_false(l->card.closed);
        line_close(l);
    }
}

/* The eUICC is called back under a counter that it takes if it has not executed the script. */
static void is_called_back(struct line *l, size_t pushes, uint64_t counter)
{
    enum ota_result result;
    world_due(&l->w);
    assert_int_equal(l->w.count, pushes);
    l->w.card_counter = counter - 1; /* the last one that it took */
    assert_true(card_take(&l->w, pushes - 1, &result));
    assert_int_equal(l->w.card_counter, counter);
    assert_int_equal(l->w.asked.spi[1], 0x3A);
}

/* And gets the same octets. */
static void is_given_again(struct line *l)
{
    cr_buf before = {0};
    cr_buf_append_span(&before, cr_buf_span(&l->card.sdu));
    card_dial(l);
    assert_true(l->card.opened);
    assert_int_equal(l->card.sdus, 1);
    assert_true(cr_span_equal(cr_buf_span(&l->card.sdu), cr_buf_span(&before)));
    assert_true(card_opens(l));
    cr_buf_free(&before);
}

/* What comes back is not from the eUICC: the link is ended, and the eUICC called back. */
static void test_forged(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct line *l = line_open(false, false);
        const int64_t id = with_script(l);
        const struct ota_response_fields asked = l->w.asked;
        const struct ota_key kid = l->w.kid;
        if (i == 0) {
            memset(l->w.kid.value, 0x99, 16);
            card_says(l, 0, ANSWERED);
            l->w.kid = kid;
        } else if (i == 1) { /* of another command */
            l->w.asked.counter--;
            card_says(l, 0, ANSWERED);
        } else if (i == 2) { /* unproved */
            l->w.asked.spi[1] &= (uint8_t) ~(OTA_SPI2_CHECK | OTA_SPI2_CIPHER);
            card_says(l, OTA_STATUS_CHECK_FAILED, "");
        } else {
            assert_int_equal(cattp_send(l->card.link, cr_span_str("x"), l->w.now_ms, NULL), CR_OK);
            settle(l);
        }
        assert_true(l->card.closed);
        assert_int_equal(state_of(l, id), SMSR_STATE_SENT);
        is_called_back(l, 2, asked.counter - 2);
        is_given_again(l);
        card_says(l, 0, ANSWERED);
        assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
        line_close(l);
    }
}

/* A card that says more than it was asked. */
static void test_unasked(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    const int64_t id = with_script(l);
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
    assert_false(l->card.closed);
    card_says(l, 0, ANSWERED);
    assert_true(l->card.closed);
    line_close(l);
}

/* The link breaks before the eUICC has executed the script: it does, once. */
static void test_called_back(void **state)
{
    (void)state;
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        struct line *l = line_open(on_disk, false);
        int64_t id = with_script(l);
        const uint64_t counter = l->w.asked.counter;
        assert_int_equal(counter, 10); /* the push had 7 */
        for (unsigned n = 0; n < 2; n++) {
            cattp_close(l->card.link, l->w.now_ms); /* RST */
            settle(l);
            assert_int_equal(state_of(l, id), SMSR_STATE_SENT);
            world_restart(&l->w);
            is_called_back(l, n + 2, counter - 2 + n);
            world_restart(&l->w);
            is_given_again(l);
        }
        if (on_disk) {
            card_says(l, 0, ANSWERED);
            assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
        } else { /* a third time it is not called */
            cattp_close(l->card.link, l->w.now_ms);
            settle(l);
            world_due(&l->w);
            assert_int_equal(l->w.count, 3);
            assert_int_equal(state_of(l, id), SMSR_STATE_FAILED);
        }
        /* the next script has counters of its own */
        id = send_data(l, GET, false);
        world_due(&l->w);
        if (!on_disk) {
            card_dial(l);
        }
        settle(l);
        assert_true(card_opens(l));
        assert_true(l->w.asked.counter > counter);
        line_close(l);
    }
}

/* It has executed the script: it refuses the push SMS, and proves that it does. */
static void test_executed(void **state)
{
    (void)state;
    struct line *l = line_open(true, false);
    enum ota_result result;
    const int64_t id = with_script(l);
    cattp_close(l->card.link, l->w.now_ms);
    settle(l);
    world_due(&l->w);
    assert_int_equal(l->w.count, 2);
    assert_false(card_take(&l->w, 1, &result));
    assert_int_equal(result, OTA_COUNTER_LOW);
    world_restart(&l->w);
    const struct ota_key kid = l->w.kid;
    memset(l->w.kid.value, 0x99, 16);
    card_answer(&l->w, OTA_STATUS_COUNTER_LOW, ""); /* from somebody else */
    l->w.kid = kid;
    l->w.asked.counter++; /* of another packet */
    card_answer(&l->w, OTA_STATUS_COUNTER_LOW, "");
    l->w.asked.counter--;
    assert_int_equal(state_of(l, id), SMSR_STATE_SENT);
    card_answer(&l->w, OTA_STATUS_COUNTER_LOW, "");
    assert_int_equal(state_of(l, id), SMSR_STATE_FAILED);
    assert_false(world_look(&l->w, id).has_script);
    line_close(l);
}

static cr_status make_switch(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "UPDATE script SET is_switch = 1", NULL, NULL, NULL, NULL, err);
}

/* One that switches tells what it did by a notification: it is not called back, and its link is
 * ended as soon as it has answered. */
static void test_switch(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct line *l = line_open(false, false);
        const int64_t id = send_data(l, GET, false);
        world_run(&l->w, make_switch);
        world_due(&l->w);
        card_dial(l);
        assert_int_equal(l->card.sdus, 1);
        assert_true(card_opens(l));
        assert_false(smsr_cattp_has_link(l->w.links, vector(W_EID))); /* for nothing else */
        if (answers) {
            card_says(l, 0, ANSWERED);
            assert_true(l->card.closed);
            assert_int_equal(l->card.reason, CATTP_NORMAL);
        } else {
            cattp_close(l->card.link, l->w.now_ms);
            settle(l);
        }
        world_due(&l->w);
        assert_int_equal(state_of(l, id), answers ? SMSR_STATE_DONE : SMSR_STATE_FAILED);
        assert_int_equal(l->w.count, 1);
        line_close(l);
    }
}

/* It says nothing: after the time for a script the link is ended, and it is called back. */
static void test_silent(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        struct line *l = line_open(false, false);
        const int64_t id = with_script(l);
        l->card.deaf = deaf;
        wait_seconds(l, 59);
        assert_int_equal(l->w.count, 1);
        wait_seconds(l, 3);
        assert_int_equal(l->card.closed, !deaf);
        assert_int_equal(l->w.count, 2);
        wait_seconds(l, 115);
        assert_int_equal(l->w.count, 2);
        wait_seconds(l, 10);
        assert_int_equal(l->w.count, 3);
        assert_int_equal(state_of(l, id), SMSR_STATE_SENT);
        wait_seconds(l, 120);
        assert_int_equal(l->w.count, 3);
        assert_int_equal(state_of(l, id), SMSR_STATE_FAILED);
        assert_int_equal(smsr_cattp_links(l->w.links), 0);
        line_close(l);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    const int64_t id = send_data(l, GET, false);
    world_due(&l->w);
    card_dial_as(l, &card_at, W_EID, 30);
    assert_true(l->card.opened);
    assert_int_equal(l->card.sdus, 0);
    assert_int_equal(state_of(l, id), SMSR_STATE_FAILED);
    line_close(l);
}

/* ---- strangers ---------------------------------------------------------------------------------
 */

static uint8_t refusal(struct line *l)
{
    struct cattp_pdu pdu;
    if (l->out.n == 0) {
        return 0;
    }
    assert_int_equal(cattp_pdu_read(cr_buf_span(&l->out), &pdu, NULL), CR_OK);
    assert_true(pdu.flags & CATTP_RST);
    cr_buf_reset(&l->out);
    return pdu.reason;
}

static void stranger_sends(struct line *l, const struct cattp_pdu *pdu)
{
    cr_buf b = {0};
    assert_int_equal(cattp_pdu_write(&b, pdu, NULL), CR_OK);
    put(l, true, &elsewhere, cr_buf_span(&b));
    cr_buf_free(&b);
    settle(l);
}

static struct cattp_pdu syn_of(const char *identification)
{
    return (struct cattp_pdu){.flags = CATTP_SYN,
                              .source = 0x4001,
                              .destination = PORT,
                              .sequence = 1,
                              .window = 8,
                              .max_pdu = 1400,
                              .max_sdu = 8192,
                              .identification = vector(identification)};
}

static void test_strangers(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    struct cattp_pdu pdu = syn_of(W_EID);
    stranger_sends(l, &pdu); /* nobody pushed to it */
    assert_int_equal(refusal(l), CATTP_TEMPORARILY_UNABLE);
    const int64_t id = with_script(l);
    pdu = syn_of("89001012012341234012345678901299");
    stranger_sends(l, &pdu); /* unknown */
    assert_int_equal(refusal(l), CATTP_TEMPORARILY_UNABLE);
    pdu = syn_of("8900");
    stranger_sends(l, &pdu);
    assert_int_equal(refusal(l), CATTP_TEMPORARILY_UNABLE);
    pdu = syn_of(W_EID);
    stranger_sends(l, &pdu); /* it has a link that was heard just now */
    assert_int_equal(refusal(l), CATTP_TEMPORARILY_UNABLE);
    pdu.destination = PORT + 1;
    stranger_sends(l, &pdu);
    assert_int_equal(refusal(l), CATTP_NO_PORT);
    pdu = (struct cattp_pdu){.flags = CATTP_ACK,
                             .source = 0x4001,
                             .destination = PORT,
                             .window = 8,
                             .data = cr_span_str("x")};
    stranger_sends(l, &pdu);
    assert_int_equal(refusal(l), CATTP_UNEXPECTED_PDU);
    pdu = (struct cattp_pdu){.flags = CATTP_RST, .source = 0x4001, .destination = PORT};
    stranger_sends(l, &pdu);
    assert_int_equal(l->out.n, 0); /* never an RST for an RST */
    for (size_t n = 1; n < 1500; n += 13) {
        uint8_t bytes[1500];
        assert_int_equal(world_random(&l->w, bytes, n, NULL), CR_OK);
        put(l, true, n % 2 ? &elsewhere : &card_at, cr_span_of(bytes, n));
        settle(l);
    }
    assert_int_equal(l->out.n, 0);
    /* the link is none the worse */
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
    assert_int_equal(smsr_cattp_links(l->w.links), 1);
    line_close(l);
}

static void test_flood(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    struct cattp_pdu pdu = syn_of(W_EID);
    for (int second = 0; second < 2; second++) {
        l->refusals = 0;
        for (int i = 0; i < 1000; i++) {
            pdu.sequence++;
            stranger_sends(l, &pdu);
        }
        assert_int_equal(l->refusals, SMSR_REFUSALS);
        l->w.now_ms += SECOND;
    }
    assert_int_equal(smsr_cattp_links(l->w.links), 0);
    line_close(l);
}

/* A second link of the same eUICC takes the place of one that is silent, and gets what that one
 * had. */
static void test_second_link(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    const int64_t id = with_script(l);
    l->card.deaf = true;
    wait_seconds(l, 11);
    card_dial_as(l, &elsewhere, W_EID, 0);
    assert_true(l->card.opened);
    assert_int_equal(smsr_cattp_links(l->w.links), 1);
    assert_int_equal(l->card.sdus, 1);
    l->w.card_counter = 9;
    assert_true(card_opens(l));
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
    const int64_t next = send_data(l, GET, false);
    go_on(l);
    assert_int_equal(l->card.sdus, 2);
    assert_true(card_opens(l));
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, next), SMSR_STATE_DONE);
    line_close(l);
}

/* ---- restarts ----------------------------------------------------------------------------------
 */

static void test_restart(void **state)
{
    (void)state;
    struct line *l = line_open(true, false);
    const int64_t id = send_data(l, GET, false);
    world_due(&l->w);
    world_restart(&l->w); /* the card is still expected */
    card_dial(l);
    assert_int_equal(l->card.sdus, 1);
    assert_true(card_opens(l));
    world_restart(&l->w); /* the script has left: not a second time */
    card_dial(l);
    assert_false(l->card.opened);
    assert_true(l->card.closed);
    assert_int_equal(l->card.reason, CATTP_TEMPORARILY_UNABLE);
    world_pass(&l->w, 59 * SECOND);
    assert_int_equal(l->w.count, 1);
    world_pass(&l->w, 7 * SECOND);
    is_called_back(l, 2, 8);
    card_dial(l);
    assert_int_equal(l->card.sdus, 1);
    assert_true(card_opens(l));
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
    line_close(l);
}

/* Stopped: links are ended, nothing is begun. */
static void test_stop(void **state)
{
    (void)state;
    struct line *l = line_open(false, false);
    const int64_t id = with_script(l);
    card_says(l, 0, ANSWERED);
    assert_int_equal(state_of(l, id), SMSR_STATE_DONE);
    smsr_cattp_stop(l->w.links);
    settle(l);
    assert_true(l->card.closed);
    assert_int_equal(l->card.reason, CATTP_NORMAL);
    card_dial(l);
    assert_false(l->card.opened);
    line_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_way),
        cmocka_unit_test(test_bad_network),
        cmocka_unit_test(test_broken_everywhere),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_not_supported),
        cmocka_unit_test(test_no_link),
        cmocka_unit_test(test_refused_push),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_called_back),
        cmocka_unit_test(test_executed),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_second_link),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
