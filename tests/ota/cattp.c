/*
 * CAT_TP: the worked PDUs, every way to break one, the state machine event by event, and two ends
 * over a link that loses, doubles and reorders.
 */
#include "ota/cattp.h"

#include "../crypto/vector.h"

#include <stdio.h>

#define EID    "89001012012341234012345678901224"
#define SYN    "8000002740012710000000010000000A88E1020008001089001012012341234012345678901224"
#define SYNACK "C000001727104001000000640001000AD79F00C8FFFF00"
#define ACK    "4000001240012710000000020064000A586C"
#define PACKET                                                                                     \
    "01381516391212000001A011DE21EE4826CE110E97DC482E46294A0C8E55CA134B540F920202041E860B15361C40" \
    "F3869E381F19BFC071BB3595"
#define DATA "4000001227104001003A00650001000A595C" PACKET
#define ACK2 "4000001240012710000000020065000A586B"
#define EAK  "6000001640012710000000020065000A379800670068"
#define RST  "10000013271040010000006600000000887500"
#define NUL  "4800001240012710000000020065000A506B"
#define CARD 0x4001
#define SR   0x2710

/* ---- PDUs ---- */

static void worked_pdus(void **state)
{
    static const char *const rows[] = {SYN, SYNACK, ACK, DATA, ACK2, EAK, RST, NUL};
    (void)state;
    struct cattp_pdu p[CR_COUNT(rows)];
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf out = {0};
        if (cattp_pdu_read(vector(rows[i]), &p[i], NULL) != CR_OK) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(cattp_pdu_write(&out, &p[i], NULL), CR_OK);
        assert_span(cr_buf_span(&out), rows[i]);
        cr_buf_free(&out);
    }
    assert_int_equal(p[0].flags, CATTP_SYN);
    assert_int_equal(p[0].source, CARD);
    assert_int_equal(p[0].destination, SR);
    assert_int_equal(p[0].sequence, 1);
    assert_int_equal(p[0].window, 10);
    assert_int_equal(p[0].max_pdu, 512);
    assert_int_equal(p[0].max_sdu, 2048);
    assert_span(p[0].identification, EID);
    assert_int_equal(p[1].sequence, 100);
    assert_int_equal(p[1].acknowledgement, 1);
    assert_int_equal(p[1].max_sdu, 0xFFFF);
    assert_span(p[3].data, PACKET);
    assert_int_equal(p[5].out_count, 2);
    assert_int_equal(p[5].out_of_sequence[0], 103);
    assert_int_equal(p[5].out_of_sequence[1], 104);
    assert_int_equal(p[6].reason, CATTP_NORMAL);
    assert_string_equal(cattp_reason_name(5), "too many retries");
    assert_string_equal(cattp_reason_name(7), "reserved");
}

/* Puts the right checksum into a PDU that is wrong in another way. */
static cr_span mended(const char *hex)
{
    cr_span pdu = vector(hex);
    uint8_t *p = vector_mutable(pdu);
    uint32_t sum = 0;
    p[16] = p[17] = 0;
    for (size_t i = 0; i < pdu.n; i++) {
        sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
    }
    while (sum >> 16) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    p[16] = (uint8_t)(~sum >> 8);
    p[17] = (uint8_t)~sum;
    return cr_span_of(p, pdu.n);
}

static void broken_pdus(void **state)
{
    static const struct {
        const char *pdu;
        long reason;
    } rows[] = {
        {"4100001240012710000000020064000A0000", 6},             /* version 1 */
        {"4200001240012710000000020064000A0000", 6},             /* version 2 */
        {"4000001140012710000100020064000A0000", 1},             /* and that byte taken for data */
        {"4000001140012710000000020064000A0000", 1},             /* header shorter than it is */
        {"4000001340012710000000020064000A0000", 1},             /* longer than the datagram */
        {"4000001240012710000100020064000A0000", 1},             /* data that is not there */
        {"4000001240012710000000020064000A000055", 1},           /* data not counted */
        {"4000001340012710000000020064000A000055", 1},           /* ACK with a variable part */
        {"0000001240012710000000020064000A0000", 1},             /* no flags */
        {"0800001240012710000000020064000A0000", 1},             /* NUL without ACK */
        {"2000001440012710000000020064000A00000067", 1},         /* EAK without ACK */
        {"4800001240012710000100020064000A000055", 1},           /* NUL with data */
        {"4C00001240012710000100020064000A000055", 1},           /* NUL with SEG */
        {"4400001240012710000000020064000A0000", 1},             /* SEG without data */
        {"6000001240012710000000020064000A0000", 1},             /* EAK without a list */
        {"6000001340012710000000020064000A000067", 1},           /* half a number */
        {"1000001240012710000000020064000A0000", 1},             /* RST without reason */
        {"9000001340012710000000020064000A000000", 1},           /* SYN with RST */
        {"8400001740012710000000010000000A00000200080000", 1},   /* SYN with SEG */
        {"8800001740012710000000010000000A00000200080000", 1},   /* SYN with NUL */
        {"A000001740012710000000010000000A00000200080000", 1},   /* SYN with EAK */
        {"8000001740012710000000010000000A00000200080001", 1},   /* identification not there */
        {"8000001840012710000000010000000A0000020008000000", 1}, /* or too long */
        {"8000001640012710000000010000000A000002000800", 1},     /* SYN too short */
        {"8000001740012710000000010000000A00000016080000", 1},   /* max PDU 22 */
        {"8000001740012710000100010000000A0000020008000055", 1}, /* SYN with data */
        {"400000124001271000000002", 1},
        {"", 1},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cattp_pdu pdu = {.window = 77};
        struct cr_err err = {0};
        cr_span bytes = vector(rows[i].pdu);
        bytes = bytes.n >= CATTP_HEADER ? mended(rows[i].pdu) : bytes;
        if (cattp_pdu_read(bytes, &pdu, &err) != CR_MALFORMED) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(err.code, rows[i].reason);
        assert_int_equal(pdu.window, 77);
    }
    /* Any bit that is turned. */
    cr_span whole = vector(DATA);
    for (size_t bit = 0; bit < whole.n * 8; bit++) {
        struct cattp_pdu pdu;
        uint8_t *copy = vector_mutable(whole);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(cattp_pdu_read(cr_span_of(copy, whole.n), &pdu, NULL), CR_MALFORMED);
    }
    /* The mended ones are right but for their one defect: so is an unharmed one. */
    struct cattp_pdu pdu;
    assert_int_equal(cattp_pdu_read(mended(ACK), &pdu, NULL), CR_OK);
    static uint8_t large[70000];
    struct cattp_pdu cannot[] = {
        {.flags = CATTP_NUL},
        {.flags = CATTP_ACK | 1},
        {.flags = CATTP_SYN, .max_pdu = 22},
        {.flags = CATTP_SYN, .max_pdu = 23, .data = cr_span_str("x")},
        {.flags = CATTP_SYN, .max_pdu = 23, .identification = cr_span_of(large, 65)},
        {.flags = CATTP_SYN | CATTP_ACK, .max_pdu = 23, .data = cr_span_str("x")},
        {.flags = CATTP_RST, .data = cr_span_str("x")},
        {.flags = CATTP_RST | CATTP_ACK, .data = cr_span_str("x")},
        {.flags = CATTP_ACK | CATTP_EAK},
        {.flags = CATTP_ACK | CATTP_EAK, .out_count = CATTP_EAK_MAX + 1},
        {.flags = CATTP_ACK | CATTP_SEG},
        {.flags = CATTP_ACK, .data = CR_SPAN_ARRAY(large)},
    };
    cr_buf out = {0};
    for (size_t i = 0; i < CR_COUNT(cannot); i++) {
        assert_int_equal(cattp_pdu_write(&out, &cannot[i], NULL), CR_MALFORMED);
    }
    assert_int_equal(out.n, 0);
    /* The largest of each, and an EAK that carries data. */
    struct cattp_pdu can[] = {
        {.flags = CATTP_SYN, .max_pdu = 23, .identification = cr_span_of(large, CATTP_ID_MAX)},
        {.flags = CATTP_ACK | CATTP_EAK, .out_count = CATTP_EAK_MAX},
        {.flags = CATTP_ACK | CATTP_EAK, .out_count = 1, .data = cr_span_str("x")},
        {.flags = CATTP_ACK | CATTP_EAK | CATTP_SEG, .out_count = 1, .data = cr_span_str("x")},
        {.flags = CATTP_ACK, .data = cr_span_of(large, 65535)},
    };
    for (size_t i = 0; i < CR_COUNT(can); i++) {
        cr_buf_reset(&out);
        assert_int_equal(cattp_pdu_write(&out, &can[i], NULL), CR_OK);
        assert_int_equal(cattp_pdu_read(cr_buf_span(&out), &pdu, NULL), CR_OK);
        assert_int_equal(pdu.flags, can[i].flags);
        assert_int_equal(pdu.out_count, can[i].out_count);
        assert_int_equal(pdu.identification.n, can[i].identification.n);
        assert_int_equal(pdu.data.n, can[i].data.n);
    }
    cr_buf_free(&out);
}

/* ---- an end under test ---- */

#define MAX_TRACE 2048

struct end {
    struct cattp_link *link;
    char trace[MAX_TRACE]; /* what it sent and told */
    enum cattp_reason verdict;
    cr_buf last;
    bool echo, close_on_receive;
};

static void note(struct end *end, const char *format, ...) CR_PRINTF(2, 3);
static void note(struct end *end, const char *format, ...)
{
    size_t n = strlen(end->trace);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(end->trace + n, sizeof(end->trace) - n, format, ap);
    va_end(ap);
}

static void on_transmit(void *ctx, cr_span datagram)
{
    struct end *end = ctx;
    struct cattp_pdu p;
    assert_int_equal(cattp_pdu_read(datagram, &p, NULL), CR_OK);
    cr_buf_reset(&end->last);
    cr_buf_append_span(&end->last, datagram);
    if (p.flags & CATTP_RST) {
        note(end, ">RST%u ", p.reason);
    } else if (p.flags & CATTP_SYN) {
        note(end, p.flags & CATTP_ACK ? ">SYNACK " : ">SYN ");
    } else {
        note(end, ">%s%u/%u",
             p.flags & CATTP_NUL   ? "NUL"
             : p.flags & CATTP_EAK ? "EAK"
                                   : "",
             p.sequence, p.acknowledgement);
        note(end, p.data.n ? ":%zu%s " : " ", p.data.n, p.flags & CATTP_SEG ? "+" : "");
    }
}

static enum cattp_reason on_admit(void *ctx, cr_span identification)
{
    struct end *end = ctx;
    note(end, "admit%zu ", identification.n);
    return end->verdict;
}

static void on_opened(void *ctx)
{
    note(ctx, "open ");
}

static void on_received(void *ctx, cr_span sdu)
{
    struct end *end = ctx;
    note(end, "got%zu ", sdu.n);
    if (end->close_on_receive) {
        cattp_close(end->link, 0);
    } else if (end->echo) {
        assert_int_equal(cattp_send(end->link, sdu, 0, NULL), CR_OK);
    }
}

static void on_drained(void *ctx)
{
    note(ctx, "drained ");
}

static void on_closed(void *ctx, enum cattp_end end, uint8_t reason)
{
    note(ctx, "closed%d/%u ", end, reason);
}

static const struct cattp_callbacks callbacks = {on_transmit, on_admit,   on_opened,
                                                 on_received, on_drained, on_closed};

static struct cattp_options options_of(struct end *end, bool card)
{
    return (struct cattp_options){
        .source = card ? CARD : SR,
        .destination = card ? SR : 0,
        .max_pdu = card ? 512 : 200,
        .max_sdu = card ? 2048 : 4096,
        .window = 10,
        .initial = card ? 1 : 100,
        .identification = card ? vector(EID) : (cr_span){0},
        .callbacks = callbacks,
        .ctx = end,
    };
}

static void end_open(struct end *end, bool card)
{
    memset(end, 0, sizeof(*end));
    struct cattp_options options = options_of(end, card);
    assert_int_equal(cattp_new(&options, &end->link, NULL), CR_OK);
}

static void end_free(struct end *end)
{
    cattp_free(end->link);
    cr_buf_free(&end->last);
}

static void feed(struct end *end, int64_t now, const struct cattp_pdu *pdu)
{
    cr_buf bytes = {0};
    assert_int_equal(cattp_pdu_write(&bytes, pdu, NULL), CR_OK);
    cattp_input(end->link, cr_buf_span(&bytes), now);
    cr_buf_free(&bytes);
}

/* From the server to a card's link that is open: flags, sequence, acknowledgement, data. */
static struct cattp_pdu from_server(uint8_t flags, uint16_t sequence, uint16_t ack, size_t n)
{
    static const uint8_t text[200];
    return (struct cattp_pdu){.flags = flags,
                              .source = SR,
                              .destination = CARD,
                              .sequence = sequence,
                              .acknowledgement = ack,
                              .window = 10,
                              .max_pdu = 200,
                              .max_sdu = 400,
                              .data = cr_span_of(text, n)};
}

static void assert_trace(struct end *end, const char *want)
{
    assert_string_equal(end->trace, want);
    end->trace[0] = 0;
}

/* The vectors through two links. */
static void worked_link(void **state)
{
    (void)state;
    struct end card;
    struct end server;
    end_open(&card, true);
    end_open(&server, false);
    assert_int_equal(cattp_listen(server.link, NULL), CR_OK);
    assert_int_equal(cattp_connect(card.link, 0, NULL), CR_OK);
    assert_span(cr_buf_span(&card.last), SYN);
    cattp_input(server.link, cr_buf_span(&card.last), 0);
    assert_int_equal(cattp_link_state(server.link), CATTP_SYN_RCVD);
    cattp_input(card.link, vector(SYNACK), 0);
    assert_span(cr_buf_span(&card.last), ACK);
    assert_int_equal(cattp_link_state(card.link), CATTP_OPEN);
    cattp_input(server.link, vector(ACK), 0);
    assert_int_equal(cattp_link_state(server.link), CATTP_OPEN);
    assert_span(cattp_peer_identification(server.link), EID);
    assert_int_equal(cattp_send(server.link, vector(PACKET), 0, NULL), CR_OK);
    assert_span(cr_buf_span(&server.last), DATA);
    cattp_input(card.link, cr_buf_span(&server.last), 0);
    assert_span(cr_buf_span(&card.last), ACK2);
    assert_int_equal(cattp_queued(server.link), 58);
    cattp_input(server.link, cr_buf_span(&card.last), 0);
    assert_int_equal(cattp_queued(server.link), 0);
    cattp_close(server.link, 0);
    assert_span(cr_buf_span(&server.last), RST);
    cattp_input(card.link, cr_buf_span(&server.last), 0);
    assert_int_equal(cattp_link_state(card.link), CATTP_CLOSE_WAIT);
    assert_trace(&card, ">SYN >2/100 open got58 >2/101 closed1/0 ");
    assert_trace(&server, "admit16 >SYNACK open >101/1:58 drained >RST0 closed0/0 ");
    assert_int_equal(cattp_deadline(card.link), 2000);
    cattp_tick(card.link, 2000);
    assert_int_equal(cattp_link_state(card.link), CATTP_CLOSED);
    end_free(&card);
    end_free(&server);
}

/* A card's link that is open at time 0, its trace empty. */
static void open_card(struct end *card)
{
    end_open(card, true);
    assert_int_equal(cattp_connect(card->link, 0, NULL), CR_OK);
    struct cattp_pdu pdu = from_server(CATTP_SYN | CATTP_ACK, 100, 1, 0);
    feed(card, 0, &pdu);
    assert_trace(card, ">SYN >2/100 open ");
}

/* One event each on an open link. */
static void events_of_open(void **state)
{
    static const struct {
        uint8_t flags;
        uint16_t sequence, ack;
        size_t n;
        const char *trace;
        enum cattp_state end;
    } rows[] = {
        {CATTP_ACK, 101, 1, 5, "got5 >2/101 ", CATTP_OPEN},
        {CATTP_ACK | CATTP_SEG, 101, 1, 5, ">2/101 ", CATTP_OPEN},
        {CATTP_ACK | CATTP_NUL, 101, 1, 0, ">2/101 ", CATTP_OPEN},
        {CATTP_ACK, 101, 1, 0, "", CATTP_OPEN}, /* no ACK for an ACK */
        {CATTP_ACK, 500, 1, 0, "", CATTP_OPEN},
        {CATTP_ACK, 102, 1, 5, ">EAK2/100 ", CATTP_OPEN}, /* a gap */
        {CATTP_ACK, 110, 1, 5, ">EAK2/100 ", CATTP_OPEN}, /* the edge of the window */
        {CATTP_ACK, 111, 1, 5, ">2/100 ", CATTP_OPEN},    /* behind it */
        {CATTP_ACK, 100, 1, 5, ">2/100 ", CATTP_OPEN},    /* had it */
        {CATTP_ACK, 90, 1, 5, ">2/100 ", CATTP_OPEN},
        {CATTP_ACK | CATTP_NUL, 102, 1, 0, ">EAK2/100 ", CATTP_OPEN},
        {CATTP_SYN | CATTP_ACK, 100, 1, 0, ">2/100 ", CATTP_OPEN}, /* our ACK was lost */
        {CATTP_SYN | CATTP_ACK, 200, 1, 0, ">RST1 closed4/1 ", CATTP_CLOSED},
        {CATTP_SYN, 200, 0, 0, ">RST1 closed4/1 ", CATTP_CLOSED},
        {CATTP_RST, 101, 0, 0, "closed1/0 ", CATTP_CLOSE_WAIT},
        {CATTP_RST | CATTP_ACK, 111, 1, 0, "closed1/0 ", CATTP_CLOSE_WAIT},
        {CATTP_RST, 99, 0, 0, "", CATTP_OPEN}, /* forged: the number is none it could have */
        {CATTP_RST, 112, 0, 0, "", CATTP_OPEN},
        {CATTP_ACK, 101, 77, 5, "got5 >2/101 ", CATTP_OPEN}, /* acknowledges what was never sent */
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct end card;
        open_card(&card);
        struct cattp_pdu pdu = from_server(rows[i].flags, rows[i].sequence, rows[i].ack, rows[i].n);
        feed(&card, 1, &pdu);
        if (strcmp(card.trace, rows[i].trace) != 0) {
            fail_msg("row %zu: %s", i, card.trace);
        }
        assert_int_equal(cattp_link_state(card.link), rows[i].end);
        end_free(&card);
    }
    struct end card;
    open_card(&card);
    /* Other ports, larger than we said we take, no PDU at all. */
    struct cattp_pdu pdu = from_server(CATTP_ACK, 101, 1, 5);
    pdu.source++;
    feed(&card, 1, &pdu);
    pdu.source--;
    pdu.destination++;
    feed(&card, 1, &pdu);
    static const uint8_t large[600];
    pdu = from_server(CATTP_ACK, 101, 1, 0);
    pdu.data = CR_SPAN_ARRAY(large);
    feed(&card, 1, &pdu);
    cattp_input(card.link, cr_span_str("junk"), 1);
    assert_trace(&card, "");
    end_free(&card);
}

static void events_of_other_states(void **state)
{
    static const struct {
        enum cattp_state from;
        uint8_t flags;
        uint16_t ack;
        const char *trace;
        enum cattp_state to;
    } rows[] = {
        {CATTP_CLOSED, CATTP_SYN, 0, ">RST4 ", CATTP_CLOSED},
        {CATTP_CLOSED, CATTP_ACK, 0, ">RST4 ", CATTP_CLOSED},
        {CATTP_CLOSED, CATTP_RST, 0, "", CATTP_CLOSED},
        {CATTP_LISTEN, CATTP_SYN, 0, "admit0 >SYNACK ", CATTP_SYN_RCVD},
        {CATTP_LISTEN, CATTP_ACK, 0, ">RST4 ", CATTP_LISTEN},
        {CATTP_LISTEN, CATTP_SYN | CATTP_ACK, 0, ">RST4 ", CATTP_LISTEN},
        {CATTP_LISTEN, CATTP_RST, 0, "", CATTP_LISTEN},
        {CATTP_SYN_SENT, CATTP_SYN | CATTP_ACK, 1, ">2/100 open ", CATTP_OPEN},
        {CATTP_SYN_SENT, CATTP_SYN | CATTP_ACK, 2, ">RST4 ", CATTP_SYN_SENT},
        {CATTP_SYN_SENT, CATTP_SYN, 0, ">SYNACK ", CATTP_SYN_RCVD},
        {CATTP_SYN_SENT, CATTP_ACK, 1, ">RST4 ", CATTP_SYN_SENT},
        {CATTP_SYN_SENT, CATTP_RST, 0, "closed1/0 ", CATTP_CLOSED},
        {CATTP_SYN_SENT, CATTP_RST | CATTP_ACK, 1, "closed1/0 ", CATTP_CLOSED},
        {CATTP_SYN_SENT, CATTP_RST | CATTP_ACK, 9, "", CATTP_SYN_SENT},
        {CATTP_SYN_RCVD, CATTP_ACK, 1, "open ", CATTP_OPEN},
        {CATTP_SYN_RCVD, CATTP_ACK, 2, "", CATTP_SYN_RCVD},
        {CATTP_SYN_RCVD, CATTP_SYN, 0, ">SYNACK ", CATTP_SYN_RCVD},
        {CATTP_SYN_RCVD, CATTP_SYN | CATTP_ACK, 1, "open ", CATTP_OPEN},
        {CATTP_SYN_RCVD, CATTP_RST, 0, "closed1/0 ", CATTP_CLOSED},
        {CATTP_CLOSE_WAIT, CATTP_ACK, 1, ">RST0 ", CATTP_CLOSE_WAIT},
        {CATTP_CLOSE_WAIT, CATTP_RST, 0, "", CATTP_CLOSE_WAIT},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct end card;
        end_open(&card, true);
        struct cattp_pdu syn = from_server(CATTP_SYN, 100, 0, 0);
        if (rows[i].from == CATTP_LISTEN || rows[i].from == CATTP_SYN_RCVD) {
            assert_int_equal(cattp_listen(card.link, NULL), CR_OK);
        } else if (rows[i].from != CATTP_CLOSED) {
            assert_int_equal(cattp_connect(card.link, 0, NULL), CR_OK);
        }
        if (rows[i].from == CATTP_SYN_RCVD) {
            feed(&card, 0, &syn);
        } else if (rows[i].from == CATTP_CLOSE_WAIT) {
            cattp_close(card.link, 0);
        }
        assert_int_equal(cattp_link_state(card.link), rows[i].from);
        card.trace[0] = 0;
        struct cattp_pdu pdu = from_server(rows[i].flags, 100, rows[i].ack, 0);
        if (!(rows[i].flags & CATTP_SYN)) {
            pdu.sequence = 101;
        }
        feed(&card, 1, &pdu);
        if (strcmp(card.trace, rows[i].trace) != 0) {
            fail_msg("row %zu: %s", i, card.trace);
        }
        assert_int_equal(cattp_link_state(card.link), rows[i].to);
        end_free(&card);
    }
    /* Admission. */
    struct end server;
    end_open(&server, false);
    server.verdict = CATTP_TEMPORARILY_UNABLE;
    assert_int_equal(cattp_listen(server.link, NULL), CR_OK);
    cattp_input(server.link, vector(SYN), 0);
    assert_trace(&server, "admit16 >RST2 ");
    assert_int_equal(cattp_link_state(server.link), CATTP_LISTEN);
    cattp_close(server.link, 0);
    assert_trace(&server, "closed0/0 ");
    cattp_close(server.link, 0);
    assert_trace(&server, "");
    assert_int_equal(cattp_listen(server.link, NULL), CR_REFUSED);
    assert_int_equal(cattp_connect(server.link, 0, NULL), CR_REFUSED);
    assert_int_equal(cattp_send(server.link, vector("00"), 0, NULL), CR_REFUSED);
    end_free(&server);
    /* Data with the ACK that opens; a refusal that names a port. */
    end_open(&server, false);
    assert_int_equal(cattp_listen(server.link, NULL), CR_OK);
    cattp_input(server.link, vector(SYN), 0);
    struct cattp_pdu pdu = {.flags = CATTP_ACK,
                            .source = CARD,
                            .destination = SR,
                            .sequence = 2,
                            .acknowledgement = 100,
                            .window = 1,
                            .data = cr_span_str("abc")};
    feed(&server, 1, &pdu);
    assert_trace(&server, "admit16 >SYNACK open got3 >101/2 ");
    end_free(&server);
    cr_buf out = {0};
    assert_int_equal(cattp_refuse(&out, &pdu, CATTP_NO_PORT, NULL), CR_OK);
    struct cattp_pdu rst;
    assert_int_equal(cattp_pdu_read(cr_buf_span(&out), &rst, NULL), CR_OK);
    assert_int_equal(rst.reason, CATTP_NO_PORT);
    assert_int_equal(rst.sequence, 101);
    assert_int_equal(rst.destination, CARD);
    cr_buf_free(&out);
}

/* Segments, a peer's window, what is sent again and when. */
static void sending(void **state)
{
    (void)state;
    struct end card;
    static const uint8_t text[401];
    open_card(&card); /* the server takes PDUs of 200 bytes, SDUs of 400, 10 at a time */
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 401), 10, NULL), CR_REFUSED);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 0), 10, NULL), CR_REFUSED);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 400), 10, NULL), CR_OK);
    assert_trace(&card, ">2/100:182+ >3/100:182+ >4/100:36 ");
    assert_int_equal(cattp_deadline(card.link), 2010);
    cattp_tick(card.link, 2009);
    assert_trace(&card, "");
    cattp_tick(card.link, 2010);
    assert_trace(&card, ">2/100:182+ >3/100:182+ >4/100:36 ");
    assert_int_equal(cattp_deadline(card.link), 6010); /* doubled */
    struct cattp_pdu eak = from_server(CATTP_ACK | CATTP_EAK, 101, 2, 0);
    eak.out_of_sequence[0] = 4;
    eak.out_of_sequence[1] = 9; /* never sent */
    eak.out_count = 2;
    feed(&card, 3000, &eak); /* has 2 and 4: 3 goes at once, once */
    feed(&card, 3001, &eak);
    assert_trace(&card, ">3/100:182+ ");
    assert_int_equal(cattp_queued(card.link), 400 - 182);
    assert_int_equal(cattp_deadline(card.link), 5000); /* progress: from the beginning */
    cattp_tick(card.link, 5000);
    assert_trace(&card, ">3/100:182+ ");
    eak.out_of_sequence[1] = 5; /* the next to be sent: no PDU of ours */
    feed(&card, 5000, &eak);    /* a new round: the gap once more */
    assert_trace(&card, ">3/100:182+ ");
    struct cattp_pdu ack = from_server(CATTP_ACK, 101, 4, 0);
    ack.window = 2;
    feed(&card, 5001, &ack);
    assert_trace(&card, "drained ");
    /* Two PDUs fit the window now; the rest follows as it opens. */
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 400), 6000, NULL), CR_OK);
    assert_trace(&card, ">5/100:182+ >6/100:182+ ");
    ack.acknowledgement = 5;
    ack.window = 0;
    feed(&card, 6001, &ack);
    assert_trace(&card, "");
    ack.acknowledgement = 6;
    feed(&card, 6002, &ack);
    assert_trace(&card, ">7/100:36 "); /* a closed window still takes one */
    end_free(&card);
    /* A queue has its bound. */
    struct cattp_options options = options_of(&card, true);
    memset(&card, 0, sizeof(card));
    options.queue_max = 500;
    assert_int_equal(cattp_new(&options, &card.link, NULL), CR_OK);
    assert_int_equal(cattp_connect(card.link, 0, NULL), CR_OK);
    struct cattp_pdu syn = from_server(CATTP_SYN | CATTP_ACK, 100, 1, 0);
    feed(&card, 0, &syn);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 400), 0, NULL), CR_OK);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 101), 0, NULL), CR_RESOURCE);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 100), 0, NULL), CR_OK);
    assert_int_equal(cattp_send(card.link, cr_span_of(text, 1), 0, NULL), CR_RESOURCE);
    end_free(&card);
}

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        n++;
    }
    return n;
}

/* Runs the clock until nothing is due; returns when the link was over. */
static int64_t run_out(struct end *end)
{
    int64_t now = 0;
    for (unsigned i = 0; i < 1000 && cattp_deadline(end->link) != INT64_MAX; i++) {
        now = cattp_deadline(end->link);
        cattp_tick(end->link, now);
        if (cattp_link_state(end->link) == CATTP_CLOSED) {
            break;
        }
    }
    return now;
}

static void silence(void **state)
{
    (void)state;
    struct end card;
    end_open(&card, true);
    assert_int_equal(cattp_connect(card.link, 0, NULL), CR_OK);
    assert_int_equal(run_out(&card), (2 + 4 + 8 + 16 + 32) * 1000);
    assert_trace(&card, ">SYN >SYN >SYN >SYN >SYN >RST5 closed2/5 ");
    end_free(&card);
    open_card(&card);
    assert_int_equal(cattp_send(card.link, cr_span_str("x"), 0, NULL), CR_OK);
    assert_int_equal(run_out(&card), (2 + 4 + 8 + 16 + 32 + 6 * 60) * 1000);
    assert_int_equal(count_of(card.trace, ">2/100:1 "), 11);
    assert_non_null(strstr(card.trace, ">RST5 closed2/5 "));
    end_free(&card);
    open_card(&card);
    cattp_tick(card.link, 119999);
    assert_trace(&card, "");
    cattp_tick(card.link, 120000);
    assert_trace(&card, ">NUL2/100 ");
    struct cattp_pdu ack = from_server(CATTP_ACK, 101, 2, 0);
    feed(&card, 120001, &ack); /* it lives */
    assert_int_equal(cattp_deadline(card.link), 240001);
    (void)run_out(&card);
    assert_int_equal(count_of(card.trace, ">NUL3/100 "), 11);
    assert_non_null(strstr(card.trace, ">RST5 closed3/5 "));
    end_free(&card);
}

static void probing(void **state)
{
    (void)state;
    struct end card;
    end_open(&card, true);
    cattp_probe(card.link, 0); /* not open */
    assert_trace(&card, "");
    end_free(&card);
    open_card(&card);
    cattp_probe(card.link, 10);
    assert_trace(&card, ">NUL2/100 ");
    cattp_probe(card.link, 11); /* it is on its way */
    assert_trace(&card, "");
    cattp_tick(card.link, 2010);
    assert_trace(&card, ">NUL2/100 ");
    struct cattp_pdu ack = from_server(CATTP_ACK, 101, 2, 0);
    feed(&card, 2011, &ack);
    assert_int_equal(cattp_send(card.link, cr_span_str("x"), 2012, NULL), CR_OK);
    cattp_probe(card.link, 2013);
    assert_trace(&card, ">3/100:1 ");
    end_free(&card);
}

static void receiving(void **state)
{
    (void)state;
    struct end card;
    open_card(&card);
    /* 103 and 104 before 102 and 101; 104 twice. */
    static const struct {
        uint16_t sequence;
        uint8_t seg;
        const char *trace;
    } rows[] = {
        {103, CATTP_SEG, ">EAK2/100 "},
        {104, 0, ">EAK2/100 "},
        {104, 0, ">EAK2/100 "},
        {102, 0, ">EAK2/100 "},
        {101, CATTP_SEG, "got20 got20 >2/104 "},
        {101, CATTP_SEG, ">2/104 "},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cattp_pdu pdu = from_server(CATTP_ACK | rows[i].seg, rows[i].sequence, 1, 10);
        feed(&card, 1, &pdu);
        assert_trace(&card, rows[i].trace);
    }
    end_free(&card);
    /* A NUL that fills a gap lets through what waits behind it. */
    open_card(&card);
    struct cattp_pdu behind = from_server(CATTP_ACK, 102, 1, 10);
    struct cattp_pdu filling = from_server(CATTP_ACK | CATTP_NUL, 101, 1, 0);
    feed(&card, 1, &behind);
    feed(&card, 1, &filling);
    assert_trace(&card, ">EAK2/100 got10 >2/102 ");
    end_free(&card);
    /* An SDU as large as we take. */
    open_card(&card);
    for (uint16_t i = 0; i < 16; i++) {
        struct cattp_pdu part =
            from_server(i < 15 ? CATTP_ACK | CATTP_SEG : CATTP_ACK, (uint16_t)(101 + i), 1, 128);
        feed(&card, 1, &part);
    }
    assert_non_null(strstr(card.trace, "got2048 >2/116 "));
    end_free(&card);
    /* An answer given inside the callback carries the acknowledgement. */
    open_card(&card);
    card.echo = true;
    struct cattp_pdu pdu = from_server(CATTP_ACK, 101, 1, 10);
    feed(&card, 1, &pdu);
    assert_trace(&card, "got10 >2/101:10 ");
    end_free(&card);
    /* The link closed inside it. */
    open_card(&card);
    card.close_on_receive = true;
    pdu = from_server(CATTP_ACK, 102, 1, 10);
    feed(&card, 1, &pdu);
    pdu = from_server(CATTP_ACK, 101, 1, 10);
    feed(&card, 1, &pdu);
    assert_trace(&card, ">EAK2/100 got10 >RST0 closed0/0 ");
    end_free(&card);
    /* An SDU that never ends. */
    open_card(&card);
    for (uint16_t i = 101; cattp_link_state(card.link) == CATTP_OPEN; i++) {
        pdu = from_server(CATTP_ACK | CATTP_SEG, i, 1, 100);
        feed(&card, 1, &pdu);
        assert_true(i < 200);
    }
    assert_non_null(strstr(card.trace, ">RST1 closed4/1 "));
    assert_null(strstr(card.trace, "got"));
    end_free(&card);
}

static void options_that_cannot_be(void **state)
{
    (void)state;
    static const uint8_t id[CATTP_ID_MAX + 1];
    struct cattp_options rows[] = {
        {.max_pdu = 22},
        {.max_pdu = CATTP_PDU_MAX + 1},
        {.max_sdu = CATTP_SDU_MAX + 1},
        {.window = CATTP_WINDOW_MAX + 1},
        {.identification = CR_SPAN_ARRAY(id)},
        {.identification = cr_span_of(id, 20), .max_pdu = 42},
        {.rto_ms = 61000},
        {.max_send = 22},
        {.max_send = CATTP_PDU_MAX + 1},
        {.identification = cr_span_of(id, 20), .max_send = 42},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cattp_link *link = NULL;
        assert_int_equal(cattp_new(&rows[i], &link, NULL), CR_REFUSED);
    }
    struct cattp_options fine[] = {
        {.max_pdu = 23, .identification = cr_span_of(id, 0)},
        {.max_pdu = 23 + CATTP_ID_MAX, .identification = cr_span_of(id, CATTP_ID_MAX)},
        {.max_pdu = CATTP_PDU_MAX},
        {.max_sdu = CATTP_SDU_MAX},
        {.window = CATTP_WINDOW_MAX},
        {.rto_ms = 60000},
    };
    for (size_t i = 0; i < CR_COUNT(fine); i++) {
        struct cattp_link *link = NULL;
        assert_int_equal(cattp_new(&fine[i], &link, NULL), CR_OK);
        cattp_free(link);
    }
    cattp_free(NULL);
    assert_string_equal(cattp_state_name(CATTP_SYN_RCVD), "SYN-RCVD");
}

/* ---- two ends over a bad link ---- */

#define MAX_FLYING 64

struct side {
    struct cattp_link *link;
    struct net *net;
    size_t to_send, sent, got;
    bool opened, closed;
};

struct net {
    uint32_t seed;
    unsigned loss, twice, late; /* in 256 */
    int64_t now;
    struct flying {
        cr_buf bytes;
        int64_t at;
        struct side *to;
    } flying[MAX_FLYING];
    struct side side[2];
};

static uint32_t chance(struct net *net)
{
    net->seed = net->seed * 1664525 + 1013904223;
    return net->seed >> 24;
}

static void net_put(struct net *net, struct side *to, cr_span datagram)
{
    for (size_t i = 0; i < MAX_FLYING; i++) {
        struct flying *f = &net->flying[i];
        if (f->bytes.n == 0) {
            cr_buf_append_span(&f->bytes, datagram);
            f->to = to;
            f->at = net->now + 50 + (chance(net) < net->late ? 400 : 0);
            return;
        }
    }
}

static void net_transmit(void *ctx, cr_span datagram)
{
    struct side *side = ctx;
    struct net *net = side->net;
    struct side *to = side == &net->side[0] ? &net->side[1] : &net->side[0];
    if (chance(net) < net->loss) {
        return;
    }
    net_put(net, to, datagram);
    if (chance(net) < net->twice) {
        net_put(net, to, datagram);
    }
}

/* SDU number i of a side: size and bytes follow from i. */
static size_t sdu_size(size_t i)
{
    return 1 + i * 37 % 700;
}

static void net_opened(void *ctx)
{
    struct side *side = ctx;
    side->opened = true;
}

static void net_received(void *ctx, cr_span sdu)
{
    struct side *side = ctx;
    assert_int_equal(sdu.n, sdu_size(side->got));
    for (size_t i = 0; i < sdu.n; i++) {
        assert_int_equal(sdu.p[i], (uint8_t)(side->got + i));
    }
    side->got++;
}

static void net_closed(void *ctx, enum cattp_end end, uint8_t reason)
{
    struct side *side = ctx;
    (void)reason;
    assert_false(side->closed);
    assert_true(end == CATTP_END_LOCAL || end == CATTP_END_PEER);
    side->closed = true;
}

static void side_send(struct side *side)
{
    uint8_t bytes[800];
    while (side->opened && side->sent < side->to_send) {
        size_t n = sdu_size(side->sent);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(side->sent + i);
        }
        if (cattp_send(side->link, cr_span_of(bytes, n), side->net->now, NULL) != CR_OK) {
            return;
        }
        side->sent++;
    }
}

static int64_t net_next(struct net *net)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < MAX_FLYING; i++) {
        at = net->flying[i].bytes.n && net->flying[i].at < at ? net->flying[i].at : at;
    }
    for (size_t i = 0; i < 2; i++) {
        int64_t due = cattp_deadline(net->side[i].link);
        at = due < at ? due : at;
    }
    return at;
}

static void net_step(struct net *net)
{
    net->now = net_next(net);
    assert_true(net->now != INT64_MAX);
    for (size_t i = 0; i < MAX_FLYING; i++) {
        struct flying *f = &net->flying[i];
        if (f->bytes.n && f->at <= net->now) {
            cr_buf bytes = f->bytes;
            f->bytes = (cr_buf){0};
            cattp_input(f->to->link, cr_buf_span(&bytes), net->now);
            cr_buf_free(&bytes);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        cattp_tick(net->side[i].link, net->now);
        side_send(&net->side[i]);
    }
}

static void a_bad_link(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 60; seed++) {
        struct net net = {
            .seed = seed, .loss = seed % 3 * 30, .twice = seed % 4 * 20, .late = seed % 5 * 25};
        for (size_t i = 0; i < 2; i++) {
            struct cattp_options options = {
                .source = i ? SR : CARD,
                .destination = i ? CARD : SR,
                .max_pdu = i ? 200 : 150,
                .max_sdu = 1000,
                .window = i ? 8 : (uint16_t)(1 + seed % CATTP_WINDOW_MAX),
                .initial = (uint16_t)(0xFFF0 + seed), /* the numbers wrap */
                .queue_max = 4000,
                .retries = 50,
                .syn_tries = 50,
                .callbacks = {.transmit = net_transmit,
                              .opened = net_opened,
                              .received = net_received,
                              .closed = net_closed},
                .ctx = &net.side[i],
            };
            net.side[i].net = &net;
            net.side[i].to_send = 40;
            assert_int_equal(cattp_new(&options, &net.side[i].link, NULL), CR_OK);
        }
        assert_int_equal(cattp_listen(net.side[1].link, NULL), CR_OK);
        assert_int_equal(cattp_connect(net.side[0].link, 0, NULL), CR_OK);
        for (unsigned i = 0; i < 100000; i++) {
            if (net.side[0].got == 40 && net.side[1].got == 40 &&
                cattp_queued(net.side[0].link) + cattp_queued(net.side[1].link) == 0) {
                break;
            }
            net_step(&net);
        }
        assert_int_equal(net.side[0].got, 40);
        assert_int_equal(net.side[1].got, 40);
        cattp_close(net.side[0].link, net.now);
        assert_true(net.side[0].closed);
        for (size_t i = 0; i < MAX_FLYING; i++) {
            cr_buf_free(&net.flying[i].bytes);
        }
        cattp_free(net.side[0].link);
        cattp_free(net.side[1].link);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_pdus),
        cmocka_unit_test(broken_pdus),
        cmocka_unit_test(worked_link),
        cmocka_unit_test(events_of_open),
        cmocka_unit_test(events_of_other_states),
        cmocka_unit_test(sending),
        cmocka_unit_test(silence),
        cmocka_unit_test(probing),
        cmocka_unit_test(receiving),
        cmocka_unit_test(options_that_cannot_be),
        cmocka_unit_test(a_bad_link),
    };
    return cmocka_run_group_tests_name("ota/cattp", tests, NULL, vector_teardown);
}
