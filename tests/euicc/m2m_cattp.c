/*
 * CAT_TP through a terminal (SGP.02 2.4.3; TS 102 226, TS 102 127): push SMS, BIP channel, link,
 * secured packets for ISD-R and ISD-P; what breaks, what is not believed, what comes twice.
 */
#include "m2m_bed.h"

#include "asn1/der.h"
#include "ota/cattp.h"

#include <stdio.h>

#define SERVER 0x2710
#define PUSH                                                                                       \
    "AA38221880EC0101133501033902"                                                                 \
    "05003C030123283E0521C000020A221C80EC0102173C030027103610" M2M_EID
#define GET "80CAFF2100"

/* ---- the server's end --------------------------------------------------------------------------
 */

struct far {
    struct m2m_bed *bed;
    struct cattp_link *link;
    unsigned channel;
    int64_t now;
    cr_buf first; /* the last SYN */
    cr_buf sdu;   /* the last one that came */
    unsigned links, sdus, datagrams;
    uint16_t max_sdu, card; /* its port */
    bool deaf;              /* hears nothing */
    bool mute;              /* says nothing */
    unsigned lose_down;     /* datagrams that are lost on the way to the chip */
    bool ended;
    uint8_t reason;
};

static void far_transmit(void *ctx, cr_span datagram)
{
    struct far *f = ctx;
    if (f->lose_down) {
        f->lose_down--;
    } else if (!f->mute && f->bed->terminal.channels[f->channel].open) {
        terminal_deliver(&f->bed->terminal, f->channel, datagram);
    }
}

static void far_received(void *ctx, cr_span sdu)
{
    struct far *f = ctx;
    f->sdus++;
    cr_buf_reset(&f->sdu);
    cr_buf_append_span(&f->sdu, sdu);
}

static void far_closed(void *ctx, enum cattp_end end, uint8_t reason)
{
    struct far *f = ctx;
    (void)end;
    f->ended = true;
    f->reason = reason;
}

static void far_peer(void *ctx, struct terminal *t, unsigned channel, cr_span data)
{
    struct far *f = ctx;
    struct cattp_pdu pdu;
    (void)t;
    MUST(cattp_pdu_read(data, &pdu, NULL) == CR_OK);
    f->datagrams++;
    if (pdu.flags == CATTP_SYN) {
        cr_buf_reset(&f->first);
        cr_buf_append_span(&f->first, data);
    }
    if (f->deaf) {
        return;
    }
    if (pdu.flags == CATTP_SYN && pdu.source != f->card) {
        const struct cattp_options options = {
            .source = SERVER,
            .initial = 100,
            .max_sdu = f->max_sdu,
            .callbacks = {.transmit = far_transmit, .received = far_received, .closed = far_closed},
            .ctx = f};
        cattp_free(f->link);
        MUST(cattp_new(&options, &f->link, NULL) == CR_OK && cattp_listen(f->link, NULL) == CR_OK);
        f->links++;
        f->card = pdu.source;
        f->channel = channel;
        f->ended = false;
    }
    if (f->link) {
        cattp_input(f->link, data, f->now);
    }
}

static struct far *far_new(struct m2m_bed *bed)
{
    struct far *f = calloc(1, sizeof *f);
    MUST(f);
    f->bed = bed;
    bed->terminal.peer = far_peer;
    bed->terminal.peer_ctx = f;
    return f;
}

static void far_free(struct far *f)
{
    cattp_free(f->link);
    cr_buf_free(&f->first);
    cr_buf_free(&f->sdu);
    m2m_bed_free(f->bed);
    free(f);
}

/* Time for both. */
static void far_wait(struct far *f, unsigned seconds)
{
    while (seconds--) {
        f->now += 1000;
        if (f->link && cattp_deadline(f->link) <= f->now) {
            cattp_tick(f->link, f->now);
            terminal_serve(&f->bed->terminal);
        }
        m2m_advance(f->bed, 1);
    }
}

static void far_deliver(struct far *f, cr_span datagram)
{
    terminal_deliver(&f->bed->terminal, f->channel, datagram);
    terminal_serve(&f->bed->terminal);
}

static const struct ota_key *key_of(const uint8_t value[16], struct ota_key *out)
{
    *out = (struct ota_key){.algorithm = OTA_AES, .n = 16, .mac_size = 8};
    memcpy(out->value, value, 16);
    return out;
}

static void packet_of(struct far *f, uint32_t tar, uint64_t counter, const char *payload,
                      struct ota_command_fields *fields, cr_buf *out)
{
    struct ota_key kic, kid;
    cr_buf bytes = {0};
    struct cr_err err = {0};
    *fields = (struct ota_command_fields){
        .dialect = OTA_BIP,
        .spi = {0x16, 0x39},
        .kic = 0x12,
        .kid = 0x12,
        .tar = {(uint8_t)(tar >> 16), (uint8_t)(tar >> 8), (uint8_t)tar},
        .counter = counter};
    MUST_OK(cr_hex_decode(&bytes, cr_span_str(payload), &err));
    MUST_OK(ota_command_build(
        fields, (struct ota_keys){key_of(f->bed->kic, &kic), key_of(f->bed->kid, &kid)},
        cr_buf_span(&bytes), out, &err));
    cr_buf_free(&bytes);
}

/* What came back last, as the answer to a packet. */
static bool take_answer(struct far *f, const struct ota_command_fields *sent)
{
    struct m2m_bed *bed = f->bed;
    struct ota_response_fields fields = {.dialect = OTA_BIP,
                                         .spi = {sent->spi[0], sent->spi[1]},
                                         .kic = sent->kic,
                                         .kid = sent->kid,
                                         .counter = sent->counter};
    struct ota_key kic, kid;
    struct ota_response response;
    cr_buf scratch = {0};
    memcpy(fields.tar, sent->tar, sizeof fields.tar);
    bed->answered = f->sdu.n > 0 &&
                    ota_response_open(
                        &fields, (struct ota_keys){key_of(bed->kic, &kic), key_of(bed->kid, &kid)},
                        false, cr_buf_span(&f->sdu), &scratch, &response, NULL) == CR_OK;
    bed->status = bed->answered ? response.status : 0xFF;
    bed->data[0] = 0;
    if (bed->answered) {
        (void)cr_hex_into(bed->data, sizeof bed->data, response.data);
    }
    cr_buf_free(&scratch);
    return bed->answered;
}

/* One packet over the link; whether an answer came. */
static bool far_send(struct far *f, uint32_t tar, const char *payload)
{
    struct ota_command_fields fields;
    cr_buf packet = {0};
    packet_of(f, tar, f->bed->counter++, payload, &fields, &packet);
    cr_buf_reset(&f->sdu);
    MUST(cattp_send(f->link, cr_buf_span(&packet), f->now, NULL) == CR_OK);
    cr_buf_free(&packet);
    terminal_serve(&f->bed->terminal);
    return take_answer(f, &fields);
}

static bool carry(void *ctx, struct m2m_bed *bed, uint32_t tar, cr_span script)
{
    char *text = calloc(1, 2 * script.n + 1);
    MUST(text);
    (void)cr_hex_into(text, 2 * script.n + 1, script);
    const bool answered = far_send(ctx, tar, text);
    free(text);
    (void)bed;
    return answered;
}

static unsigned closed(const struct far *f)
{
    return f->bed->terminal.fetched[CAT_CLOSE_CHANNEL];
}

static unsigned opened(const struct far *f)
{
    return f->bed->terminal.fetched[CAT_OPEN_CHANNEL];
}

static struct far *opened_link(void)
{
    struct far *f = far_new(m2m_bed_new());
    MUST(m2m_send_as(f->bed, 1, 0x1639, PUSH) && f->bed->status == 0);
    MUST(f->links == 1 && cattp_link_state(f->link) == CATTP_OPEN);
    return f;
}

static void over_link(struct far *f)
{
    f->bed->carry = carry;
    f->bed->carry_ctx = f;
}

/* ---- the normal way ----------------------------------------------------------------------------
 */

/* Sheet 6.3, and its SYN of 6.1. */
static void example(void **state)
{
    struct cattp_pdu syn;
    (void)state;
    struct far *f = far_new(m2m_bed_new());
    f->bed->counter = 4;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->bed->status, 0);
    assert_string_equal(f->bed->data, "AB0B8001022302900023029000");
    assert_memory_equal(f->bed->opened + 10, "4001", 4);
    assert_string_equal(f->bed->opened + 14, "82028182350103390205003C030123283E0521C000020A");
    assert_int_equal(cattp_pdu_read(cr_buf_span(&f->first), &syn, NULL), CR_OK);
    assert_int_equal(syn.destination, SERVER);
    assert_int_equal(syn.max_pdu, 0x0500);
    assert_int_equal(syn.max_sdu, 8192);
    char id[2 * CATTP_ID_MAX + 1];
    assert_string_equal(cr_hex_into(id, sizeof id, syn.identification), M2M_EID);
    assert_int_equal(cattp_link_state(f->link), CATTP_OPEN);
    /* commands, one after the other, by the counter of the ISD-R */
    over_link(f);
    assert_int_equal(m2m_es5_sw(f->bed, GET), 0x9000);
    assert_int_equal(m2m_platform(f->bed, "3A05", AID_C), 0x9000);
    assert_int_equal(m2m_platform(f->bed, "3A05", AID_NEW), 0x6A88);
    assert_int_equal(f->bed->counter, 8);
    struct gp_counters counters;
    gp_counters_get(&f->bed->euicc->m2m->reg, f->bed->euicc->m2m->isdr, 1, &counters);
    assert_int_equal(counters.packets, 7);
    assert_int_equal(f->bed->message_count, 1); /* the answers went over the link */
    cattp_close(f->link, f->now);
    terminal_serve(&f->bed->terminal);
    assert_int_equal(closed(f), 1);
    assert_false(f->bed->euicc->refresh_pending);
    far_free(f);
}

/* What the request leaves out: address stored in the ISD-R, the ICCID, what an SDU may be. */
static void stored(void **state)
{
    static const uint8_t a4[] = {0x3C, 0x03, 0x01, 0x23, 0x28, 0x3E, 0x05, 0x21, 0xC0, 0, 2, 0x0A};
    const struct euicc_m2m_options options = {.cattp = CR_SPAN_ARRAY(a4)};
    struct cattp_pdu syn;
    (void)state;
    struct far *f = far_new(m2m_bed_new_with(&options));
    assert_true(m2m_send_as(
        f->bed, 1, 0x1639,
        m2m_script(f->bed, "80EC010107350103390205DC", "80EC0102093C03002710390207D0", NULL)));
    assert_string_equal(f->bed->opened + 14, "82028182350103390205DC3C030123283E0521C000020A");
    assert_int_equal(cattp_pdu_read(cr_buf_span(&f->first), &syn, NULL), CR_OK);
    assert_int_equal(syn.max_pdu, 1400);
    assert_int_equal(syn.max_sdu, 2000);
    assert_int_equal(syn.identification.n, 10);
    assert_memory_equal(syn.identification.p, "\x98\x10\x00\x00\x00\x00\x00\x00\x01\xF0", 10);
    far_free(f);
    /* requests in two messages */
    f = far_new(m2m_bed_new_with(&options));
    (void)m2m_send_as(f->bed, 1, 0x1639, m2m_script(f->bed, "80EC010100", NULL));
    assert_int_equal(opened(f), 0);
    (void)m2m_send_as(f->bed, 1, 0x1639, m2m_script(f->bed, "80EC0102053C03002710", NULL));
    assert_int_equal(opened(f), 1);
    far_free(f);
}

/* A profile is switched when the link is over, and not before the server has the answer. */
static void enable(void **state)
{
    (void)state;
    struct far *f = opened_link();
    over_link(f);
    assert_int_equal(m2m_platform(f->bed, "3A03", AID_B), 0x9000);
    assert_true(f->bed->euicc->m2m->switching);
    assert_false(f->bed->refreshed);
    cattp_close(f->link, f->now);
    terminal_serve(&f->bed->terminal);
    assert_int_equal(closed(f), 1);
    assert_true(f->bed->refreshed);
    m2m_bed_reset(f->bed);
    m2m_bed_attach(f->bed);
    unsigned sequence;
    assert_int_equal(m2m_note(f->bed, &sequence, NULL), M2M_NOTE_CHANGED);
    f->bed->carry = NULL;
    assert_int_equal(m2m_confirm_sw(f->bed, sequence), 0x9000);
    assert_int_equal(m2m_enabled(f->bed), 0x0011);
    far_free(f);
    /* the server's end of the link gets lost: the chip does not wait for ever */
    f = opened_link();
    over_link(f);
    assert_int_equal(m2m_platform(f->bed, "3A03", AID_B), 0x9000);
    f->mute = true;
    cattp_close(f->link, f->now);
    far_wait(f, 4);
    assert_false(f->bed->refreshed);
    far_wait(f, 4);
    assert_true(f->bed->refreshed);
    far_free(f);
    /* the answer is not acknowledged */
    f = opened_link();
    over_link(f);
    f->mute = false;
    struct ota_command_fields fields;
    cr_buf packet = {0};
    packet_of(f, 1, f->bed->counter++, m2m_script(f->bed, "80E28800153A03124F10" AID_B, NULL),
              &fields, &packet);
    assert_int_equal(cattp_send(f->link, cr_buf_span(&packet), f->now, NULL), CR_OK);
    f->deaf = true;
    terminal_serve(&f->bed->terminal);
    assert_true(f->bed->euicc->m2m->switching);
    far_wait(f, 50);
    assert_false(f->bed->refreshed);
    far_wait(f, 100);
    assert_true(f->bed->refreshed);
    cr_buf_free(&packet);
    far_free(f);
}

/* Packets in many PDUs, both ways, and a bad network. */
static void long_packets(void **state)
{
    (void)state;
    struct far *f = opened_link();
    cr_buf tlvs = {0};
    for (unsigned i = 0; i < 180; i++) {
        der_put(&tlvs, 0x22, cr_span_of("\x80\xCA\xFF\x21\x00", 5));
    }
    char *text = strdup(m2m_tlvs(f->bed, cr_buf_span(&tlvs)));
    const unsigned before = f->datagrams;
    f->lose_down = 1;
    struct ota_command_fields fields;
    cr_buf packet = {0};
    packet_of(f, 1, f->bed->counter++, text, &fields, &packet);
    assert_true(packet.n > 1280);
    assert_int_equal(cattp_send(f->link, cr_buf_span(&packet), f->now, NULL), CR_OK);
    terminal_serve(&f->bed->terminal);
    far_wait(f, 20);
    assert_true(take_answer(f, &fields));
    assert_int_equal(f->bed->status, 0);
    assert_true(strlen(f->bed->data) / 2 > 2600);
    assert_true(f->datagrams - before >= 3);
    free(text);
    cr_buf_free(&tlvs);
    cr_buf_free(&packet);
    far_free(f);
}

/* A push SMS leaves a chain of scripts as it is, on both sides of a reset; other scripts do not. */
static void chain(void **state)
{
    static const char *const first[] = {"AA0A830101220580CAFF2100", "AA0A830111220580CAFF2100"};
    static const char *const last = "AA0A830103220580CAFF2100";
    static const char *const no_previous = "AB06800100830101";
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct far *f = opened_link();
        assert_true(far_send(f, 1, first[keep]));
        assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
        assert_true(far_send(f, 1, last));
        assert_memory_equal(f->bed->data, "AB", 2);
        assert_string_not_equal(f->bed->data, no_previous);
        assert_true(far_send(f, 1, first[keep]));
        assert_true(m2m_send_as(f->bed, 1, 0x1639, m2m_script(f->bed, GET, NULL)));
        assert_true(far_send(f, 1, last));
        assert_string_equal(f->bed->data, no_previous);
        assert_true(far_send(f, 1, first[keep]));
        m2m_bed_reset(f->bed);
        assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
        assert_int_equal(f->links, 2);
        assert_true(far_send(f, 1, last));
        assert_int_equal(strcmp(f->bed->data, no_previous) == 0, !keep);
        /* and nothing hides behind it */
        assert_true(
            m2m_send_as(f->bed, 1, 0x1639,
                        m2m_script(f->bed, "80EC010100", "80E28800153A03124F10" AID_B, NULL)));
        assert_string_equal(f->bed->data, "AB0B8001022302900023026985");
        assert_int_equal(m2m_enabled(f->bed), 0x0010);
        far_free(f);
    }
}

/* ---- what is wrong -----------------------------------------------------------------------------
 */

/* The status word of the last of two commands. */
static const char *refused(const char *first, const char *second)
{
    static char sw[5];
    struct far *f = far_new(m2m_bed_new());
    assert_true(m2m_send_as(f->bed, 1, 0x1639, m2m_script(f->bed, first, second, NULL)));
    assert_true(strlen(f->bed->data) > 4);
    memcpy(sw, f->bed->data + strlen(f->bed->data) - 4, 4);
    assert_int_equal(opened(f), 0);
    far_free(f);
    return sw;
}

#define CHANNEL                                                                                    \
    "80EC0101133501033902"                                                                         \
    "05003C030123283E0521C000020A"

static void malformed(void **state)
{
    static const struct {
        const char *first, *second, *sw;
    } rows[] = {
        {"80EC010103350503", NULL, "6A80"},                     /* TLVs that do not add up */
        {"80EC0101053C03022328", NULL, "6A80"},                 /* TCP in a request for UDP */
        {"80EC010104390205FF", NULL, "6A80"},                   /* a buffer that no channel has */
        {"80EC0103053C03022328", NULL, "6A81"},                 /* a TCP connection */
        {"80EC0104023600", NULL, "6A81"},                       /* an identification packet */
        {"80EC010500", NULL, "6A80"},                           /* no request */
        {"80EC020100", NULL, "6A86"},                           /* no push command */
        {"80EC0102053C03002710", NULL, "6A80"},                 /* no channel asked for */
        {"80EC010104390205DC", "80EC0102053C03002710", "6A80"}, /* nobody said where to */
        {CHANNEL, "80EC010200", "6A80"},                        /* no port */
        {CHANNEL, "80EC0102053C03000000", "6A80"},              /* none */
        {CHANNEL, "80EC0102043C022710", "6A80"},                /* half a transport */
        {CHANNEL, "80EC0102073C03002710390108", "6A80"},        /* half a size */
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const char *sw = refused(rows[i].first, rows[i].second);
        if (strcmp(sw, rows[i].sw) != 0) {
            fail_msg("row %zu: %s", i, sw);
        }
    }
    /* an identification that is too long */
    char apdu[300] = "80EC01024B3C03002710";
    (void)strcat(apdu, "3644");
    for (int i = 0; i < 0x44; i++) {
        (void)strcat(apdu, "AA");
    }
    assert_string_equal(refused(CHANNEL, apdu), "6A80");
}

static void not_offered(void **state)
{
    (void)state;
    struct far *f = far_new(m2m_bed_new());
    f->bed->terminal.profile[16] &= 0xFD; /* 130: UDP */
    m2m_bed_reset(f->bed);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_string_equal(f->bed->data + strlen(f->bed->data) - 4, "6F00");
    assert_int_equal(opened(f), 0);
    far_free(f);
    /* the terminal opens none: nothing is left, the next push is as the first */
    f = far_new(m2m_bed_new());
    terminal_fault(&f->bed->terminal, CAT_OPEN_CHANNEL, CAT_RESULT_BIP, CAT_BIP_NOT_REACHABLE, 1);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->links, 0);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->links, 1);
    far_free(f);
}

/* Only the ISD-R hears it, and only from the SM-SR. */
static void not_allowed(void **state)
{
    (void)state;
    struct far *f = far_new(m2m_bed_new());
    (void)m2m_send_es6(f->bed, 1, PUSH);
    (void)m2m_send_as(f->bed, 0x000010, 0x1639, PUSH);
    f->bed->kid[0] ^= 1;
    assert_false(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    f->bed->kid[0] ^= 1;
    assert_int_equal(opened(f), 0);
    f->bed->counter = 1; /* a replay */
    (void)m2m_send_as(f->bed, 1, 0x1639, m2m_script(f->bed, GET, NULL));
    f->bed->counter = 1;
    (void)m2m_send_as(f->bed, 1, 0x1639, PUSH);
    assert_int_equal(f->bed->status, OTA_STATUS_COUNTER_LOW);
    assert_int_equal(opened(f), 0);
    far_free(f);
}

static void not_believed(void **state)
{
    (void)state;
    struct far *f = opened_link();
    const char *get = strdup(m2m_script(f->bed, GET, NULL));
    assert_true(far_send(f, 1, get));
    f->bed->counter--; /* the same once more, from another packet */
    assert_true(far_send(f, 1, get));
    assert_int_equal(f->bed->status, OTA_STATUS_COUNTER_LOW);
    f->bed->kid[0] ^= 1; /* forged: not a word */
    const unsigned sdus = f->sdus;
    assert_false(far_send(f, 1, get));
    f->bed->kid[0] ^= 1;
    assert_int_equal(f->sdus, sdus);
    assert_true(far_send(f, 1, get));
    assert_int_equal(f->bed->status, 0);
    /* the profile's own domain is not reached this way, nor what nobody has */
    (void)far_send(f, 0xB20100, get);
    assert_int_equal(f->sdus, sdus + 2);
    assert_true(f->bed->answered == false || f->bed->status == OTA_STATUS_TAR_UNKNOWN);
    /* an SDU that is no packet */
    assert_int_equal(cattp_send(f->link, cr_span_str("no packet"), f->now, NULL), CR_OK);
    terminal_serve(&f->bed->terminal);
    assert_true(far_send(f, 1, get));
    assert_int_equal(f->bed->status, 0);
    assert_int_equal(closed(f), 0);
    free((void *)(uintptr_t)get);
    far_free(f);
}

/* Datagrams of strangers: other ports, broken, of other links. None harms the link. */
static void strangers(void **state)
{
    (void)state;
    struct far *f = opened_link();
    const struct cattp_pdu pdus[] = {
        {.flags = CATTP_RST, .source = SERVER + 1, .destination = f->card, .sequence = 101},
        {.flags = CATTP_RST,
         .source = SERVER,
         .destination = (uint16_t)(f->card + 1),
         .sequence = 101},
        {.flags = CATTP_RST, .source = SERVER, .destination = f->card, .sequence = 9000},
        {.flags = CATTP_ACK,
         .source = SERVER,
         .destination = f->card,
         .sequence = 5000,
         .acknowledgement = 77,
         .window = 8,
         .data = cr_span_str("x")},
    };
    for (size_t i = 0; i < CR_COUNT(pdus); i++) {
        cr_buf b = {0};
        assert_int_equal(cattp_pdu_write(&b, &pdus[i], NULL), CR_OK);
        far_deliver(f, cr_buf_span(&b));
        cr_buf_free(&b);
    }
    for (unsigned n = 1; n < 1500; n += 37) {
        uint8_t bytes[1500];
        memset(bytes, (int)n, n);
        far_deliver(f, cr_span_of(bytes, n));
    }
    assert_true(far_send(f, 1, m2m_script(f->bed, GET, NULL)));
    assert_int_equal(f->bed->status, 0);
    assert_int_equal(closed(f), 0);
    far_free(f);
}

/* An SDU beyond what was agreed ends the link, and it alone. */
static void oversize(void **state)
{
    (void)state;
    struct far *f = opened_link();
    uint8_t data[1200] = {0};
    for (uint16_t i = 0; i < 7; i++) { /* 8400 bytes */
        const struct cattp_pdu pdu = {.flags = CATTP_ACK | CATTP_SEG,
                                      .source = SERVER,
                                      .destination = f->card,
                                      .sequence = (uint16_t)(101 + i),
                                      .acknowledgement =
                                          (uint16_t)(f->first.p[10] << 8 | f->first.p[11]),
                                      .window = 8,
                                      .data = CR_SPAN_ARRAY(data)};
        cr_buf b = {0};
        assert_int_equal(closed(f), 0);
        assert_int_equal(cattp_pdu_write(&b, &pdu, NULL), CR_OK);
        far_deliver(f, cr_buf_span(&b));
        cr_buf_free(&b);
    }
    assert_int_equal(closed(f), 1);
    assert_true(f->ended);
    assert_int_equal(f->reason, CATTP_ILLEGAL_PARAMETER);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->links, 2);
    far_free(f);
    /* an answer that the server cannot take is told to be so */
    f = far_new(m2m_bed_new());
    f->max_sdu = 100;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_true(far_send(f, 1, m2m_script(f->bed, GET, GET, GET, GET, GET, NULL)));
    assert_int_equal(f->bed->status, OTA_STATUS_NO_MEMORY);
    assert_string_equal(f->bed->data, "");
    far_free(f);
}

/* ---- silence -----------------------------------------------------------------------------------
 */

static void silence(void **state)
{
    (void)state;
    struct far *f = far_new(m2m_bed_new());
    f->deaf = true;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->datagrams, 1);
    far_wait(f, 100);
    assert_int_equal(f->datagrams, 6); /* five SYNs, and the RST */
    assert_int_equal(closed(f), 1);
    far_wait(f, 1000);
    assert_int_equal(f->datagrams, 6);
    far_free(f);
    /* a link that nobody ends: asked for, then left */
    f = opened_link();
    far_wait(f, 119);
    const unsigned before = f->datagrams;
    far_wait(f, 5);
    assert_true(f->datagrams > before); /* NUL */
    assert_int_equal(closed(f), 0);
    f->deaf = true;
    far_wait(f, 1000);
    assert_int_equal(closed(f), 1);
    far_free(f);
    /* a server that acknowledges, and never ends it */
    f = opened_link();
    far_wait(f, 1000);
    assert_true(far_send(f, 1, m2m_script(f->bed, GET, NULL)));
    far_wait(f, 1000);
    assert_int_equal(closed(f), 0);
    far_wait(f, 1500);
    assert_int_equal(closed(f), 1);
    assert_true(f->ended);
    assert_int_equal(f->reason, CATTP_NORMAL);
    far_free(f);
    /* without timers: by the terminal's polls */
    f = far_new(m2m_bed_new());
    f->bed->terminal.profile[7] = 0; /* 57 to 64 */
    m2m_bed_reset(f->bed);
    f->deaf = true;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(closed(f), 0);
        (void)terminal_status(&f->bed->terminal);
        if (f->datagrams >= 6) {
            break;
        }
    }
    terminal_serve(&f->bed->terminal);
    assert_int_equal(f->datagrams, 6);
    assert_int_equal(closed(f), 1);
    far_free(f);
}

/* A push while there is a link: it stays if the server knows it. */
static void second_push(void **state)
{
    (void)state;
    struct far *f = opened_link();
    const unsigned before = f->datagrams;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->datagrams, before + 1); /* NUL, and it is acknowledged */
    far_wait(f, 30);
    assert_int_equal(f->links, 1);
    assert_int_equal(closed(f), 0);
    far_free(f);
    /* the server lost it: RST */
    f = opened_link();
    cattp_free(f->link);
    f->link = NULL;
    f->deaf = true;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    const struct cattp_pdu nul = {.flags = CATTP_NUL | CATTP_ACK,
                                  .source = f->card,
                                  .destination = SERVER,
                                  .sequence =
                                      (uint16_t)((f->first.p[10] << 8 | f->first.p[11]) + 1),
                                  .acknowledgement = 100};
    cr_buf rst = {0};
    assert_int_equal(cattp_refuse(&rst, &nul, CATTP_UNEXPECTED_PDU, NULL), CR_OK);
    f->deaf = false;
    far_deliver(f, cr_buf_span(&rst));
    cr_buf_free(&rst);
    assert_int_equal(opened(f), 2);
    assert_int_equal(f->links, 2);
    assert_true(far_send(f, 1, m2m_script(f->bed, GET, NULL)));
    far_free(f);
    /* the server is silent: after ten seconds */
    f = opened_link();
    f->deaf = true;
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    far_wait(f, 9);
    assert_int_equal(opened(f), 1);
    f->deaf = false;
    f->card = 0;
    cattp_free(f->link);
    f->link = NULL;
    far_wait(f, 3);
    assert_int_equal(opened(f), 2);
    assert_int_equal(f->links, 2);
    far_free(f);
    /* over the link itself it cannot be */
    f = opened_link();
    assert_true(far_send(f, 1, PUSH));
    assert_string_equal(f->bed->data + strlen(f->bed->data) - 4, "6985");
    assert_int_equal(opened(f), 1);
    far_free(f);
}

/* ---- the end of power --------------------------------------------------------------------------
 */

static void reset(void **state)
{
    (void)state;
    struct far *f = opened_link();
    m2m_bed_reset(f->bed);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->links, 2);
    assert_true(far_send(f, 1, m2m_script(f->bed, GET, NULL)));
    /* the radio is gone */
    terminal_drop(&f->bed->terminal, f->channel);
    terminal_serve(&f->bed->terminal);
    assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
    assert_int_equal(f->links, 3);
    far_free(f);
}

struct cut {
    long left;
    bool fired;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    (void)point;
    if (cut->left > 0) {
        cut->left--;
        return false;
    }
    cut->fired = true;
    return true;
}

/* Power that is cut at every write while a command comes over the link: done and its counter used
 * up, or neither. */
static void power(void **state)
{
    (void)state;
    bool done = false;
    for (long n = 0; !done; n++) {
        struct far *f = opened_link();
        struct cut cut = {.left = n};
        const uint64_t counter = f->bed->counter;
        over_link(f);
        nvm_set_fault(euicc_nvm(f->bed->euicc), cut_hook, &cut);
        done = m2m_platform(f->bed, "3A05", AID_C) == 0x9000 && !cut.fired;
        f->bed->carry = NULL;
        f->bed = m2m_bed_power_cycle(f->bed);
        struct gp_counters counters;
        gp_counters_get(&f->bed->euicc->m2m->reg, f->bed->euicc->m2m->isdr, 1, &counters);
        const bool moved = m2m_bed_record(f->bed).fall_back == 0x0012;
        assert_true(moved == (counters.packets == counter));
        assert_true(!done || moved);
        m2m_check_consistent(f->bed);
        f->bed->terminal.peer = far_peer;
        f->bed->terminal.peer_ctx = f;
        assert_true(m2m_send_as(f->bed, 1, 0x1639, PUSH));
        assert_int_equal(f->links, 2);
        far_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),      cmocka_unit_test(stored),
        cmocka_unit_test(enable),       cmocka_unit_test(long_packets),
        cmocka_unit_test(chain),        cmocka_unit_test(malformed),
        cmocka_unit_test(not_offered),  cmocka_unit_test(not_allowed),
        cmocka_unit_test(not_believed), cmocka_unit_test(strangers),
        cmocka_unit_test(oversize),     cmocka_unit_test(silence),
        cmocka_unit_test(second_push),  cmocka_unit_test(reset),
        cmocka_unit_test(power),
    };
    return cmocka_run_group_tests_name("euicc/m2m_cattp", tests, NULL, NULL);
}
