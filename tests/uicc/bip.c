/* Channels over BIP: streams and datagrams through a terminal, all ways to end, power cut at each
 * step. */
#include "uicc/bip.h"

#include "sim.h"
#include "terminal.h"
#include "uicc/toolkit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct user {
    int opened, closed, writable;
    unsigned channel;
    uint16_t buffer;
    cr_buf got;
    unsigned pieces;
    struct bip_why why;
    bool echo;          /* sends back what comes */
    bool close_on_data; /* as soon as something came */
    bool open_again;    /* from within closed(): */
    bool again;         /* it did */
    struct uicc *uicc;
};

struct bed {
    struct sim *sim;
    struct terminal t;
    struct user user;
    cr_buf peer; /* what the far end got */
    unsigned peer_pieces;
    const char *answer; /* it says this for each piece */
};

static const struct bip_params *tcp(struct user *user);

static void opened(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_opened *o)
{
    struct user *user = ctx;
    (void)uicc;
    assert_int_equal(channel, user->channel);
    assert_true(user->closed == 0 || user->again);
    user->opened++;
    user->buffer = o->buffer_size;
}

static void received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct user *user = ctx;
    assert_int_equal(user->closed, 0);
    assert_true(data.n > 0);
    user->pieces++;
    cr_buf_append_span(&user->got, data);
    if (user->echo) {
        assert_int_equal(bip_send(uicc, channel, data, NULL), CR_OK);
    }
    if (user->close_on_data) {
        bip_close(uicc, channel);
    }
}

static void writable(void *ctx, struct uicc *uicc, unsigned channel)
{
    struct user *user = ctx;
    (void)uicc;
    (void)channel;
    user->writable++;
}

static void closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct user *user = ctx;
    assert_int_equal(channel, user->channel);
    user->closed++;
    user->why = *why;
    if (user->open_again) {
        user->open_again = false;
        user->again = true;
        assert_int_equal(bip_open(uicc, tcp(user), &user->channel, NULL), CR_OK);
    }
}

static void peer(void *ctx, struct terminal *t, unsigned channel, cr_span data)
{
    struct bed *bed = ctx;
    cr_buf_append_span(&bed->peer, data);
    bed->peer_pieces++;
    if (bed->answer) {
        terminal_deliver(t, channel, cr_span_str(bed->answer));
    }
}

static const uint8_t address[] = {CAT_ADDRESS_IPV4, 192, 0, 2, 10};

static struct bip_params params_of(struct user *user, uint8_t transport)
{
    return (struct bip_params){
        .channel = {.transport = transport, .port = 8443, .address = CR_SPAN_ARRAY(address)},
        .qualifier = CAT_OPEN_IMMEDIATE,
        .callbacks = {.opened = opened,
                      .received = received,
                      .writable = writable,
                      .closed = closed},
        .ctx = user};
}

static struct bip_params kept;

static const struct bip_params *tcp(struct user *user)
{
    kept = params_of(user, CAT_TRANSPORT_TCP_CLIENT);
    return &kept;
}

static void bed_new(struct bed *bed)
{
    *bed = (struct bed){.sim = sim_new()};
    terminal_init(&bed->t, bed->sim->uicc);
    bed->t.peer = peer;
    bed->t.peer_ctx = bed;
    (void)terminal_start(&bed->t);
}

static void bed_free(struct bed *bed)
{
    terminal_free(&bed->t);
    cr_buf_free(&bed->peer);
    cr_buf_free(&bed->user.got);
    sim_free(bed->sim);
}

static void bed_open(struct bed *bed, uint8_t transport)
{
    struct bip_params p = params_of(&bed->user, transport);
    assert_int_equal(bip_open(bed->sim->uicc, &p, &bed->user.channel, NULL), CR_OK);
    (void)terminal_status(&bed->t);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + i / 256);
    }
}

static void assert_same(const cr_buf *b, const uint8_t *p, size_t n)
{
    assert_true(cr_buf_ok(b));
    assert_int_equal(b->n, n);
    assert_memory_equal(b->p, p, n);
}

/* --- known bytes -------------------------------------------------------------------------------
 */

/* The channel of a complete download, byte for byte as in the SGP.02 exchange. */
static void known_bytes(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    struct user user = {0};
    unsigned channel = 0;
    struct bip_params p = params_of(&user, CAT_TRANSPORT_TCP_CLIENT);
    SIM_EXPECT(sim, "8010000011FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "9000");
    p.idle_seconds = 0;
    assert_int_equal(bip_open(sim->uicc, &p, &channel, NULL), CR_OK);
    user.channel = channel;
    SIM_EXPECT(sim, "80F2000C00", "910F");
    SIM_EXPECT(sim, "801200000F", "D00D8103010500820281829902090A9000");
    SIM_EXPECT(sim, "801400000C810301050082028281830100", "911E");
    SIM_EXPECT(sim, "801200001E",
               "D01C810302400182028182350103390205003C030220FB3E0521C000020A9000");
    SIM_EXPECT(sim, "80140000178103024001820282810301003802810035010339020500", "9000");
    assert_int_equal(user.opened, 1);
    assert_int_equal(user.buffer, 0x0500);
    assert_int_equal(bip_send(sim->uicc, channel, cr_span_str("AB"), NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "910F");
    SIM_EXPECT(sim, "801200000F", "D00D810303430182028121360241429000");
    SIM_EXPECT(sim, "801400000F8103034301820282810301003701FF", "9000");
    assert_int_equal(user.writable, 1);
    SIM_EXPECT(sim, "80C2000010D60E99010982028281B8028100B701FF", "910E");
    SIM_EXPECT(sim, "801200000E", "D00C8103044200820281213701ED9000");
    SIM_EXPECT(sim, "8014000015810304420082028281030100360441424344370105", "910E");
    /* no more than there is */
    SIM_EXPECT(sim, "801200000E", "D00C8103054200820281213701059000");
    SIM_EXPECT(sim, "801400001681030542008202828103010036054142434445370100", "9000");
    assert_int_equal(user.pieces, 2);
    assert_same(&user.got, (const uint8_t *)"ABCDABCDE", 9);
    bip_close(sim->uicc, channel);
    SIM_EXPECT(sim, "80F2000C00", "910B");
    SIM_EXPECT(sim, "801200000B", "D0098103064100820281219000");
    assert_int_equal(user.closed, 0);
    SIM_EXPECT(sim, "801400000C810306410082028281030100", "9000");
    assert_int_equal(user.closed, 1);
    assert_int_equal(user.why.end, BIP_CLOSED);
    assert_int_equal(bip_count(sim->uicc), 0);
    /* the next one: the list of events is known already; NAN, login and password go along */
    p.channel.nan = cr_span_of("\x03iot", 4);
    p.channel.login = cr_span_of("\x04u", 2);
    p.channel.password = cr_span_of("\x04p", 2);
    assert_int_equal(bip_open(sim->uicc, &p, &channel, NULL), CR_OK);
    SIM_EXPECT(sim, "80F2000C00", "912C");
    SIM_EXPECT(sim, "801200002C",
               "D02A81030740018202818235010339020500470403696F740D0204750D0204703C030220FB3E0521C00"
               "0020A9000");
    cr_buf_free(&user.got);
    sim_free(sim);
}

/* --- streams -----------------------------------------------------------------------------------
 */

static void a_stream(void **state)
{
    (void)state;
    static const struct {
        size_t out, in;
        uint16_t buffer;
        size_t receive_most;
    } cases[] = {{1, 1, 0, 237},        {240, 237, 0, 237},    {241, 238, 0, 237},
                 {1280, 254, 0, 237},   {1281, 255, 0, 237},   {8192, 256, 0, 237},
                 {3000, 20000, 0, 237}, {3000, 3000, 100, 50}, {500, 700, 1, 1},
                 {600, 600, 240, 237},  {600, 600, 255, 237}};
    uint8_t out[8192], in[20000];
    fill(out, sizeof out);
    fill(in, sizeof in);
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct bed bed;
        bed_new(&bed);
        bed.t.buffer = cases[i].buffer;
        bed.t.receive_most = cases[i].receive_most;
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(bed.user.opened, 1);
        assert_int_equal(bip_room(bed.sim->uicc, bed.user.channel), BIP_SEND_QUEUE);
        assert_int_equal(
            bip_send(bed.sim->uicc, bed.user.channel, cr_span_of(out, cases[i].out), NULL), CR_OK);
        (void)terminal_status(&bed.t);
        assert_same(&bed.peer, out, cases[i].out);
        assert_true(bed.user.writable > 0);
        terminal_deliver(&bed.t, 1, cr_span_of(in, cases[i].in));
        (void)terminal_status(&bed.t);
        assert_same(&bed.user.got, in, cases[i].in);
        bip_close(bed.sim->uicc, bed.user.channel);
        (void)terminal_status(&bed.t);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_CLOSED);
        assert_false(bed.t.channels[1].open);
        bed_free(&bed);
    }
}

/* What is given in several pieces fills the terminal's buffer before it is sent. */
static void stored_in_the_terminal(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t out[2000];
    fill(out, sizeof out);
    for (int told = 0; told < 2; told++) {
        bed_new(&bed);
        bed.t.no_space = told == 0;
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        for (size_t at = 0; at < sizeof out; at += 100) {
            assert_int_equal(
                bip_send(bed.sim->uicc, bed.user.channel, cr_span_of(out + at, 100), NULL), CR_OK);
        }
        (void)terminal_status(&bed.t);
        assert_same(&bed.peer, out, sizeof out);
        assert_int_equal(bed.peer_pieces, 2);              /* 1280 and the rest */
        assert_int_equal(bed.t.fetched[CAT_SEND_DATA], 9); /* 5 * 240 + 80, 3 * 240 */
        bed_free(&bed);
    }
}

/* Answers what was fetched last with these TLVs behind the result 00. */
static uicc_sw answer_with(struct bed *bed, const char *tlvs)
{
    struct cat_command c;
    cr_buf b = {0};
    struct sim_bytes more = sim_hex(tlvs);
    assert_int_equal(cat_command_read(cr_buf_span(&bed->t.last), &c, NULL), CR_OK);
    cat_response_begin(&b, &c, CAT_RESULT_OK, (cr_span){0});
    cr_buf_append(&b, more.p, more.n);
    uicc_sw sw = terminal_command(&bed->t, 0x14, cr_buf_span(&b));
    cr_buf_free(&b);
    return sw;
}

/* A terminal that tells less space than its buffer has gets no more than that. */
static void space_that_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *told;
        uint8_t length;
    } cases[] = {{"37010A", 10}, {"3701FE", 240}, {"3701FF", 240}, {"370100", 240}, {"", 240}};
    uint8_t out[1000] = {0};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct bed bed;
        struct cat_command c;
        cr_span data;
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        bed.t.silent = true;
        assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, CR_SPAN_ARRAY(out), NULL),
                         CR_OK);
        (void)terminal_status(&bed.t);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        (void)answer_with(&bed, cases[i].told);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        assert_int_equal(cat_command_read(cr_buf_span(&bed.t.last), &c, NULL), CR_OK);
        assert_true(cat_find(c.tlvs, CAT_TAG_CHANNEL_DATA, &data));
        assert_int_equal(data.n, cases[i].length);
        assert_int_equal(c.qualifier, i == 0 ? CAT_SEND_IMMEDIATELY : CAT_SEND_STORE);
        bed_free(&bed);
    }
}

/* What OPEN CHANNEL is answered with. */
static void answers_to_open(void **state)
{
    (void)state;
    static const struct {
        const char *tlvs;
        bool opened;
        uint16_t buffer;
    } cases[] = {{"38028100390205DC", true, 1500}, {"38028100390205DD", true, 1500},
                 {"3802810039020000", true, 1280}, {"380281003903050000", true, 1280},
                 {"38028100", true, 1280},         {"3802070039020001", true, 1},
                 {"38028000", false, 0},           {"380181", false, 0},
                 {"3803810000", false, 0},         {"39020500", false, 0}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct bed bed;
        bed_new(&bed);
        bed.t.silent = true;
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK); /* the events */
        (void)terminal_answer(&bed.t);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        assert_int_equal(answer_with(&bed, cases[i].tlvs), UICC_SW_OK);
        assert_int_equal(bed.user.opened, cases[i].opened);
        assert_int_equal(bed.user.closed, !cases[i].opened);
        if (cases[i].opened) {
            assert_int_equal(bed.user.buffer, cases[i].buffer);
        } else {
            assert_int_equal(bed.user.why.end, BIP_FAILED);
        }
        bed_free(&bed);
    }
}

static void backpressure(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t out[BIP_SEND_QUEUE];
    fill(out, sizeof out);
    bed_new(&bed);
    struct uicc *uicc = bed.sim->uicc;
    struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bip_open(uicc, &p, &bed.user.channel, NULL), CR_OK);
    unsigned ch = bed.user.channel;
    /* before it is open, too */
    assert_int_equal(bip_send(uicc, ch, cr_span_of(out, 8000), NULL), CR_OK);
    assert_int_equal(bip_room(uicc, ch), 192);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(out, 193), NULL), CR_RESOURCE);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(out + 8000, 192), NULL), CR_OK);
    assert_int_equal(bip_room(uicc, ch), 0);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(out, 1), NULL), CR_RESOURCE);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(out, 0), NULL), CR_REFUSED);
    (void)terminal_status(&bed.t);
    assert_same(&bed.peer, out, sizeof out);
    assert_int_equal(bip_room(uicc, ch), BIP_SEND_QUEUE);
    /* in: nothing is fetched while paused */
    bip_pause(uicc, ch, true);
    terminal_deliver(&bed.t, 1, cr_span_of(out, 500));
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.user.got.n, 0);
    assert_int_equal(bed.t.fetched[CAT_RECEIVE_DATA], 0);
    bip_pause(uicc, ch, false);
    (void)terminal_status(&bed.t);
    assert_same(&bed.user.got, out, 500);
    /* numbers that are none */
    bip_pause(uicc, 0, true);
    bip_close(uicc, 8);
    bip_abort(uicc, 7);
    assert_int_equal(bip_room(uicc, 7), 0);
    assert_int_equal(bip_send(uicc, 7, cr_span_of(out, 1), NULL), CR_REFUSED);
    assert_int_equal(bip_count(uicc), 1);
    bed_free(&bed);
}

/* A peer that always answers and an owner that always sends back: neither direction starves. */
static void both_directions(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t in[5000];
    fill(in, sizeof in);
    bed_new(&bed);
    bed.user.echo = true;
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    terminal_deliver(&bed.t, 1, CR_SPAN_ARRAY(in));
    (void)terminal_status(&bed.t);
    assert_same(&bed.user.got, in, sizeof in);
    assert_same(&bed.peer, in, sizeof in);
    const uint8_t *first = memchr(bed.t.seen.p, CAT_SEND_DATA, bed.t.seen.n);
    const uint8_t *last = memrchr(bed.t.seen.p, CAT_RECEIVE_DATA, bed.t.seen.n);
    assert_true(first && last && first < last);
    bed_free(&bed);

    /* much to send: what comes is heard long before that is done */
    uint8_t out[BIP_SEND_QUEUE];
    fill(out, sizeof out);
    bed_new(&bed);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, CR_SPAN_ARRAY(out), NULL), CR_OK);
    terminal_deliver(&bed.t, 1, cr_span_of(in, 2000));
    bed.t.seen.n = 0;
    (void)terminal_status(&bed.t);
    assert_same(&bed.user.got, in, 2000);
    assert_same(&bed.peer, out, sizeof out);
    for (size_t i = 0; i < 16; i++) { /* nine pieces in */
        assert_int_equal(bed.t.seen.p[i], i % 2 ? CAT_RECEIVE_DATA : CAT_SEND_DATA);
    }
    bed_free(&bed);
}

/* --- datagrams ---------------------------------------------------------------------------------
 */

static void datagrams(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t data[BIP_MAX_BUFFER + 1];
    fill(data, sizeof data);
    bed_new(&bed);
    bed_open(&bed, CAT_TRANSPORT_UDP_CLIENT);
    struct uicc *uicc = bed.sim->uicc;
    unsigned ch = bed.user.channel;
    static const size_t sizes[] = {1, 100, 240, 241, 1280};
    size_t sum = 0;
    assert_int_equal(bip_room(uicc, ch), 1280);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(data, 1281), NULL), CR_REFUSED);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(data, 0), NULL), CR_REFUSED);
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        assert_int_equal(bip_send(uicc, ch, cr_span_of(data, sizes[i]), NULL), CR_OK);
        sum += sizes[i];
    }
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.peer.n, sum);
    assert_int_equal(bed.peer_pieces, CR_COUNT(sizes));
    assert_memory_equal(bed.peer.p + sum - 1280, data, 1280);
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        terminal_deliver(&bed.t, 1, cr_span_of(data, sizes[i]));
    }
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.user.pieces, CR_COUNT(sizes));
    assert_int_equal(bed.user.got.n, sum);
    /* one that is too large is dropped as a whole, the next one comes */
    terminal_deliver(&bed.t, 1, cr_span_of(data, BIP_MAX_BUFFER));
    terminal_deliver(&bed.t, 1, cr_span_of(data, BIP_MAX_BUFFER + 1));
    terminal_deliver(&bed.t, 1, cr_span_of(data, 3));
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.user.pieces, CR_COUNT(sizes) + 2);
    assert_int_equal(bed.user.got.n, sum + BIP_MAX_BUFFER + 3);
    /* room: two bytes more for each */
    bed.t.silent = true;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bip_send(uicc, ch, cr_span_of(data, 1280), NULL), CR_OK);
    }
    assert_int_equal(bip_room(uicc, ch), BIP_SEND_QUEUE - 6 * 1282 - 2);
    assert_int_equal(bip_send(uicc, ch, cr_span_of(data, 499), NULL), CR_RESOURCE);
    bed_free(&bed);
}

/* Queued before the terminal gave less than was asked for. */
static void a_datagram_that_does_not_fit(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t data[1000] = {0};
    bed_new(&bed);
    bed.t.buffer = 600;
    struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_UDP_CLIENT);
    assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_of(data, 600), NULL), CR_OK);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_of(data, 601), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.opened, 0);
    assert_int_equal(bed.user.why.end, BIP_FAILED);
    assert_int_equal(bed.user.why.info, CAT_BIP_BUFFER_SIZE);
    assert_false(bed.t.channels[1].open);
    bed_free(&bed);
    /* one that just fits goes out */
    bed_new(&bed);
    bed.t.buffer = 600;
    p = params_of(&bed.user, CAT_TRANSPORT_UDP_CLIENT);
    assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_of(data, 600), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.peer.n, 600);
    assert_int_equal(bed.peer_pieces, 1);
    assert_int_equal(bed.user.closed, 0);
    bed_free(&bed);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static void every_refusal(void **state)
{
    (void)state;
    static const struct {
        uint8_t result;
        int info;
    } refusals[] = {{0x30, -1},   {0x31, -1},   {0x32, -1},   {0x22, -1},   {0x3A, 0x00},
                    {0x3A, 0x01}, {0x3A, 0x04}, {0x3A, 0x05}, {0x3A, 0x06}, {0x3A, 0x07},
                    {0x3A, 0x08}, {0x3A, 0x10}, {0x36, -1},   {0x10, -1}};
    for (size_t i = 0; i < CR_COUNT(refusals); i++) {
        struct bed bed;
        bed_new(&bed);
        terminal_fault(&bed.t, CAT_OPEN_CHANNEL, refusals[i].result, refusals[i].info, 1);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(bed.user.opened, 0);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_REFUSED);
        assert_int_equal(bed.user.why.result, refusals[i].result);
        assert_int_equal(bed.user.why.info, refusals[i].info < 0 ? 0 : refusals[i].info);
        assert_int_equal(bed.t.fetched[CAT_CLOSE_CHANNEL], 0);
        assert_int_equal(bip_count(bed.sim->uicc), 0);
        /* the number is free again */
        bed.user.closed = 0;
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(bed.user.opened, 1);
        bed_free(&bed);
    }
}

static void busy_then_open(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    terminal_fault(&bed.t, CAT_OPEN_CHANNEL, 0x20, 0x02, 2);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bed.user.opened, 0);
    terminal_advance(&bed.t, 30);
    assert_int_equal(bed.user.opened, 0);
    terminal_advance(&bed.t, 30);
    assert_int_equal(bed.user.opened, 1);
    /* Without a network it is for the owner to say when to try again. */
    struct bed alone;
    bed_new(&alone);
    terminal_fault(&alone.t, CAT_OPEN_CHANNEL, 0x20, 0x04, 1);
    bed_open(&alone, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(alone.user.closed, 1);
    assert_int_equal(alone.user.why.end, BIP_REFUSED);
    assert_int_equal(alone.user.why.info, 0x04);
    terminal_advance(&alone.t, 100);
    assert_int_equal(alone.user.opened, 0);
    bed_free(&alone);
    /* three times is too often */
    terminal_fault(&bed.t, CAT_SEND_DATA, 0x21, -1, 3);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    terminal_advance(&bed.t, 59);
    assert_int_equal(bed.user.closed, 0);
    terminal_advance(&bed.t, 1);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.why.end, BIP_FAILED);
    assert_int_equal(bed.user.why.result, 0x21);
    assert_false(bed.t.channels[1].open); /* CLOSE CHANNEL all the same */
    bed_free(&bed);
}

static void wrong_parameters(void **state)
{
    (void)state;
    struct bed bed;
    static uint8_t longest[250];
    bed_new(&bed);
    struct uicc *uicc = bed.sim->uicc;
    unsigned ch = 99;
    struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_TCP_SERVER);
    assert_int_equal(bip_open(uicc, &p, &ch, NULL), CR_REFUSED);
    p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.channel.address = (cr_span){0};
    assert_int_equal(bip_open(uicc, &p, &ch, NULL), CR_REFUSED);
    p.channel.address = cr_span_of("", 0);
    assert_int_equal(bip_open(uicc, &p, &ch, NULL), CR_REFUSED);
    p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.channel.buffer_size = BIP_MAX_BUFFER + 1;
    assert_int_equal(bip_open(uicc, &p, &ch, NULL), CR_REFUSED);
    p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.idle_seconds = CAT_MAX_TIMER + 1;
    assert_int_equal(bip_open(uicc, &p, &ch, NULL), CR_REFUSED);
    p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.channel.password = CR_SPAN_ARRAY(longest);
    assert_int_equal(bip_open(uicc, &p, &ch, &bed.sim->err), CR_REFUSED);
    assert_non_null(strstr(bed.sim->err.cause, "too long"));
    /* 256 bytes are the most: 30 of them without a password; its head, the empty login, D0 81 */
    for (size_t n = 220; n <= 222; n++) {
        p.channel.password = cr_span_of(longest, n);
        assert_int_equal(bip_open(uicc, &p, &ch, NULL), n <= 220 ? CR_OK : CR_REFUSED);
        bed.user.channel = ch;
    }
    bip_abort(uicc, ch);
    assert_int_equal(bed.user.closed, 1);
    p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.channel.buffer_size = BIP_MAX_BUFFER;
    p.idle_seconds = CAT_MAX_TIMER;
    (void)terminal_status(&bed.t);
    assert_int_equal(bip_open(uicc, &p, &bed.user.channel, NULL), CR_OK);
    bip_abort(uicc, bed.user.channel);
    (void)terminal_status(&bed.t);
    ch = 99;
    assert_int_equal(ch, 99);
    assert_int_equal(bip_count(uicc), 0);
    /* each bit of the profile that a channel needs */
    static const unsigned bits[] = {33, 43, 89, 90, 91, 92, CAT_PROFILE_TCP_CLIENT};
    for (size_t i = 0; i < CR_COUNT(bits); i++) {
        p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
        terminal_reset(&bed.t);
        assert_int_equal(bip_open(uicc, &p, &ch, &bed.sim->err), CR_REFUSED); /* none yet */
        memset(bed.t.profile, 0xFF, sizeof bed.t.profile);
        bed.t.profile[(bits[i] - 1) / 8] &= (uint8_t) ~(1U << (bits[i] - 1) % 8);
        (void)terminal_start(&bed.t);
        assert_int_equal(bip_open(uicc, &p, &ch, &bed.sim->err), CR_REFUSED);
        assert_int_equal(bed.sim->err.code, UICC_CODE_NOT_OFFERED);
    }
    bed_free(&bed);
}

static void seven_channels(void **state)
{
    (void)state;
    struct bed bed;
    struct user users[CAT_CHANNELS] = {0};
    struct user one_more = {0};
    bed_new(&bed);
    struct uicc *uicc = bed.sim->uicc;
    struct bip_params p;
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        p = params_of(&users[i], i % 2 ? CAT_TRANSPORT_UDP_CLIENT : CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(bip_open(uicc, &p, &users[i].channel, NULL), CR_OK);
        assert_int_equal(users[i].channel, i + 1);
    }
    p = params_of(&one_more, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bip_open(uicc, &p, &one_more.channel, NULL), CR_REFUSED);
    (void)terminal_status(&bed.t);
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        char text[2] = {(char)('a' + i), 0};
        assert_int_equal(users[i].opened, 1);
        assert_int_equal(bip_send(uicc, users[i].channel, cr_span_str(text), NULL), CR_OK);
        terminal_deliver(&bed.t, i + 1, cr_span_str(text));
    }
    (void)terminal_status(&bed.t);
    assert_int_equal(bed.peer.n, CAT_CHANNELS);
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        assert_int_equal(users[i].got.n, 1);
        assert_int_equal(users[i].got.p[0], 'a' + i);
    }
    terminal_drop(&bed.t, 3);
    assert_int_equal(users[2].closed, 1);
    assert_int_equal(bip_count(uicc), CAT_CHANNELS - 1);
    assert_int_equal(bip_open(uicc, &p, &one_more.channel, NULL), CR_OK);
    assert_int_equal(one_more.channel, 3);
    (void)terminal_status(&bed.t);
    assert_int_equal(one_more.opened, 1);
    terminal_reset(&bed.t);
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        assert_int_equal(users[i].closed, 1);
        assert_int_equal(users[i].why.end, i == 2 ? BIP_DROPPED : BIP_RESET);
        cr_buf_free(&users[i].got);
    }
    assert_int_equal(one_more.closed, 1);
    bed_free(&bed);
}

/* A terminal that does not say which channel it opened, or one that is in use. */
static void confused_terminals(void **state)
{
    (void)state;
    struct bed bed;
    struct user second = {0};
    bed_new(&bed);
    bed.t.no_status = true;
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.why.end, BIP_FAILED);
    bed_free(&bed);

    bed = (struct bed){0};
    bed_new(&bed);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    bed.t.channels[1].open = false; /* gives the same number again */
    struct bip_params p = params_of(&second, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bip_open(bed.sim->uicc, &p, &second.channel, NULL), CR_OK);
    (void)terminal_status(&bed.t);
    assert_int_equal(second.closed, 1);
    assert_int_equal(second.why.end, BIP_FAILED);
    assert_int_equal(bed.user.closed, 0);
    assert_int_equal(bed.t.fetched[CAT_CLOSE_CHANNEL], 0); /* it would be the other one's */
    /* events of channels that nobody has, and malformed ones */
    static const char *const events[] = {
        "D60E99010982028281B8028500B701FF", "D60E99010982028281B8028000B701FF",
        "D60D99010982028281B8018100B701FF", "D60799010982028281",
        "D60A99010982028281B70105",         "D60E99010982028281B8028100B70100",
        "D60B99010382028281B8020105", /* not of this event */
        "D60B99010A82028281B8020605"};
    for (size_t i = 0; i < CR_COUNT(events); i++) {
        struct sim_bytes b = sim_hex(events[i]);
        (void)terminal_command(&bed.t, 0xC2, cr_span_of(b.p, b.n));
        assert_int_equal(bed.t.fetched[CAT_RECEIVE_DATA], 0);
        assert_int_equal(bed.user.closed, 0);
    }
    bed_free(&bed);
}

static void in_background(void **state)
{
    (void)state;
    for (int drop = 0; drop < 3; drop++) {
        struct bed bed;
        bed_new(&bed);
        bed.t.link_later = true;
        struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
        p.qualifier = CAT_OPEN_IMMEDIATE | CAT_OPEN_BACKGROUND;
        p.idle_seconds = 60;
        assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
        assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("hi"), NULL), CR_OK);
        (void)terminal_status(&bed.t);
        assert_int_equal(bed.user.opened, 0);
        assert_int_equal(bed.peer.n, 0);
        if (drop == 1) {
            terminal_drop(&bed.t, 1);
            assert_int_equal(bed.user.why.end, BIP_DROPPED);
        } else if (drop == 2) {
            terminal_advance(&bed.t, 60);
            assert_int_equal(bed.user.why.end, BIP_TIMEOUT);
        } else {
            terminal_link_up(&bed.t, 1);
            assert_int_equal(bed.user.opened, 1);
            assert_same(&bed.peer, (const uint8_t *)"hi", 2);
        }
        assert_int_equal(bed.user.closed, drop != 0);
        assert_int_equal(bed.t.channels[1].open, drop == 0);
        bed_free(&bed);
    }
}

/* Not in background the answer is what counts, whatever it says of the link. */
static void link_down_but_open(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    bed.t.link_later = true;
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bed.user.opened, 1);
    terminal_link_up(&bed.t, 1); /* no second opened() */
    assert_int_equal(bed.user.opened, 1);
    assert_int_equal(bed.user.closed, 0);
    bed_free(&bed);
}

static void status_event(struct bed *bed, const char *status)
{
    struct sim_bytes b = sim_hex(status);
    cr_buf envelope = {0};
    cat_envelope_channel_status(&envelope, b.p);
    (void)terminal_envelope(&bed->t, &envelope);
}

/* A link that is down without a reason: of a connection it is the end; datagrams have none; in
 * background it is not up yet. */
static void link_down_without_reason(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct bed bed;
        bed_new(&bed);
        bed.t.link_later = how == 2;
        struct bip_params p =
            params_of(&bed.user, how == 1 ? CAT_TRANSPORT_UDP_CLIENT : CAT_TRANSPORT_TCP_CLIENT);
        p.qualifier = how == 2 ? CAT_OPEN_BACKGROUND : CAT_OPEN_ON_DEMAND;
        assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
        (void)terminal_status(&bed.t);
        assert_int_equal(bed.user.opened, how != 2);
        status_event(&bed, "0100");
        assert_int_equal(bed.user.opened, how != 2);
        assert_int_equal(bed.user.closed, how == 0);
        status_event(&bed, "8100");
        assert_int_equal(bed.user.opened, 1);
        bed_free(&bed);
    }
}

/* --- ends --------------------------------------------------------------------------------------
 */

/* What the terminal had before the link went is read first. */
static void the_tail_is_read(void **state)
{
    (void)state;
    uint8_t in[1000];
    fill(in, sizeof in);
    for (int told = 0; told < 3; told++) {
        struct bed bed;
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        terminal_deliver(&bed.t, 1, CR_SPAN_ARRAY(in));
        if (told == 0) {
            bed.t.events = 0; /* Data available never comes */
        } else if (told == 1) {
            bip_pause(bed.sim->uicc, bed.user.channel, true);
            (void)terminal_status(&bed.t);
            assert_int_equal(bed.user.got.n, 0);
        }
        terminal_drop(&bed.t, 1);
        if (told == 1) {
            assert_int_equal(bed.user.closed, 0);
            terminal_drop(&bed.t, 1); /* said twice */
            assert_int_equal(bed.user.closed, 0);
            assert_int_equal(bip_room(bed.sim->uicc, bed.user.channel), 0);
            assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL),
                             CR_REFUSED);
            bip_pause(bed.sim->uicc, bed.user.channel, false);
            (void)terminal_status(&bed.t);
        }
        assert_same(&bed.user.got, in, sizeof in);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_DROPPED);
        assert_false(bed.t.channels[1].open);
        bed_free(&bed);
    }
}

/* Link gone while sending: the terminal says so in its answer. */
static void dropped_while_sending(void **state)
{
    (void)state;
    static const uint8_t infos[] = {CAT_BIP_CHANNEL_CLOSED, CAT_BIP_WRONG_CHANNEL};
    for (size_t i = 0; i < CR_COUNT(infos); i++) {
        struct bed bed;
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        bed.t.events = 0;
        terminal_deliver(&bed.t, 1, cr_span_str("tail"));
        terminal_fault(&bed.t, CAT_SEND_DATA, CAT_RESULT_BIP, infos[i], 1);
        assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL), CR_OK);
        (void)terminal_status(&bed.t);
        assert_same(&bed.user.got, (const uint8_t *)"tail", 4);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_DROPPED);
        bed_free(&bed);
    }
}

static void errors_of_data(void **state)
{
    (void)state;
    static const struct {
        uint8_t type, result;
        int info;
        enum bip_end end;
    } cases[] = {
        {CAT_SEND_DATA, 0x3A, 0x00, BIP_FAILED},  {CAT_SEND_DATA, 0x30, -1, BIP_FAILED},
        {CAT_SEND_DATA, 0x3A, 0x05, BIP_FAILED},  {CAT_RECEIVE_DATA, 0x3A, 0, BIP_FAILED},
        {CAT_RECEIVE_DATA, 0x3A, 2, BIP_DROPPED}, {CAT_RECEIVE_DATA, 0x32, -1, BIP_FAILED}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct bed bed;
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        terminal_fault(&bed.t, cases[i].type, cases[i].result, cases[i].info, 1);
        if (cases[i].type == CAT_SEND_DATA) {
            assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL),
                             CR_OK);
        } else {
            terminal_deliver(&bed.t, 1, cr_span_str("y"));
        }
        (void)terminal_status(&bed.t);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, cases[i].end);
        assert_int_equal(bed.t.fetched[CAT_CLOSE_CHANNEL], 1);
        assert_int_equal(bip_count(bed.sim->uicc), 0);
        bed_free(&bed);
    }
}

/* A full buffer in the terminal is no failure yet. */
static void the_terminal_is_full(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    terminal_fault(&bed.t, CAT_SEND_DATA, CAT_RESULT_BIP, CAT_BIP_BUFFER_SIZE, 2);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    terminal_advance(&bed.t, 30);
    assert_int_equal(bed.peer.n, 0);
    terminal_advance(&bed.t, 30);
    assert_same(&bed.peer, (const uint8_t *)"x", 1);
    assert_int_equal(bed.user.closed, 0);
    bed_free(&bed);
}

static void closing(void **state)
{
    (void)state;
    uint8_t out[3000];
    fill(out, sizeof out);
    for (int how = 0; how < 5; how++) {
        struct bed bed;
        bed_new(&bed);
        struct uicc *uicc = bed.sim->uicc;
        struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
        assert_int_equal(bip_open(uicc, &p, &bed.user.channel, NULL), CR_OK);
        unsigned ch = bed.user.channel;
        if (how == 0) {
            /* before the terminal heard of it: told at once, nothing is sent */
            bip_close(uicc, ch);
            assert_int_equal(bed.user.closed, 1);
            (void)terminal_status(&bed.t);
            assert_int_equal(bed.t.fetched[CAT_OPEN_CHANNEL], 0);
        } else if (how == 1) {
            /* while OPEN CHANNEL is with the terminal */
            bed.t.silent = true;
            (void)terminal_status(&bed.t); /* the events */
            assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
            (void)terminal_answer(&bed.t);
            assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
            assert_int_equal(bed.t.last.p[5], CAT_OPEN_CHANNEL);
            bip_close(uicc, ch);
            assert_int_equal(bed.user.closed, 0);
            bed.t.silent = false;
            (void)terminal_answer(&bed.t);
            terminal_serve(&bed.t);
            assert_int_equal(bed.user.opened, 0);
            assert_int_equal(bed.t.fetched[CAT_CLOSE_CHANNEL], 1);
        } else if (how == 2) {
            /* all that is queued goes out; what comes is not wanted any more */
            (void)terminal_status(&bed.t);
            assert_int_equal(bip_send(uicc, ch, CR_SPAN_ARRAY(out), NULL), CR_OK);
            bip_close(uicc, ch);
            assert_int_equal(bip_send(uicc, ch, CR_SPAN_ARRAY(out), NULL), CR_REFUSED);
            assert_int_equal(bip_room(uicc, ch), 0);
            bed.answer = "late";
            (void)terminal_status(&bed.t);
            assert_same(&bed.peer, out, sizeof out);
            assert_int_equal(bed.user.got.n, 0);
            assert_int_equal(bed.user.writable, 0);
        } else if (how == 3) {
            /* nothing more goes out */
            (void)terminal_status(&bed.t);
            assert_int_equal(bip_send(uicc, ch, CR_SPAN_ARRAY(out), NULL), CR_OK);
            bip_abort(uicc, ch);
            (void)terminal_status(&bed.t);
            assert_int_equal(bed.peer.n, 0);
        } else {
            /* from within a callback; CLOSE CHANNEL fails, and a new one is opened in closed() */
            bed.user.close_on_data = true;
            bed.user.open_again = true;
            (void)terminal_status(&bed.t);
            terminal_fault(&bed.t, CAT_CLOSE_CHANNEL, 0x3A, 0x03, 1);
            terminal_deliver(&bed.t, 1, CR_SPAN_ARRAY(out));
            (void)terminal_status(&bed.t);
            assert_int_equal(bed.user.got.n, CAT_MAX_RECEIVE);
            assert_int_equal(bed.t.fetched[CAT_OPEN_CHANNEL], 2);
        }
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_CLOSED);
        assert_int_equal(bip_count(uicc), how == 4);
        bed_free(&bed);
    }
}

/* Closed while RECEIVE DATA is with the terminal: what it brings is not wanted. The link that goes
 * while the rest is sent: nothing is read any more, and it was the owner who closed. */
static void closing_meanwhile(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct bed bed;
        cr_buf b = {0};
        static const uint8_t status[] = {0x81, 0x00};
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        terminal_deliver(&bed.t, 1, cr_span_str("late"));
        bed.t.silent = true;
        if (how == 0) {
            cat_envelope_data_available(&b, status, 4);
            (void)terminal_envelope(&bed.t, &b);
            assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
            bip_close(bed.sim->uicc, bed.user.channel);
            (void)terminal_answer(&bed.t);
        } else {
            bed.t.events = 0;
            assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL),
                             CR_OK);
            bip_close(bed.sim->uicc, bed.user.channel);
            terminal_drop(&bed.t, 1);
        }
        bed.t.silent = false;
        terminal_serve(&bed.t);
        assert_int_equal(bed.user.pieces, 0);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_CLOSED);
        assert_false(bed.t.channels[1].open);
        bed_free(&bed);
    }
}

static void timeouts(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    struct bip_params p = params_of(&bed.user, CAT_TRANSPORT_TCP_CLIENT);
    p.idle_seconds = 100;
    assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
    (void)terminal_status(&bed.t);
    terminal_advance(&bed.t, 100); /* it was opened in this time */
    assert_int_equal(bed.user.closed, 0);
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    terminal_advance(&bed.t, 100);
    assert_int_equal(bed.user.closed, 0);
    terminal_deliver(&bed.t, 1, cr_span_str("y"));
    (void)terminal_status(&bed.t);
    terminal_advance(&bed.t, 100);
    assert_int_equal(bed.user.closed, 0);
    terminal_advance(&bed.t, 99);
    assert_int_equal(bed.user.closed, 0);
    terminal_advance(&bed.t, 1);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.why.end, BIP_TIMEOUT);
    assert_false(bed.t.channels[1].open);
    /* closed in time: the timer is given back */
    for (int i = 0; i < 20; i++) {
        bed.user.closed = 0;
        assert_int_equal(bip_open(bed.sim->uicc, &p, &bed.user.channel, NULL), CR_OK);
        (void)terminal_status(&bed.t);
        bip_close(bed.sim->uicc, bed.user.channel);
        (void)terminal_status(&bed.t);
        assert_int_equal(bed.user.closed, 1);
    }
    for (unsigned i = 1; i <= CAT_TIMERS; i++) {
        assert_false(bed.t.timers[i].running);
    }
    bed_free(&bed);
}

/* Data available that crosses the answer which says that nothing is left. */
static void crossing_events(void **state)
{
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        struct bed bed;
        cr_buf b = {0};
        static const uint8_t status[] = {0x81, 0x00};
        bed_new(&bed);
        bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
        bed.t.silent = true;
        cat_envelope_data_available(&b, status, 1);
        (void)terminal_envelope(&bed.t, &b);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        uint8_t number = bed.t.last.p[4];
        cat_envelope_data_available(&b, status, 4);
        (void)terminal_envelope(&bed.t, &b);
        const uint8_t answer[] = {0x81, 0x03, number, CAT_RECEIVE_DATA,
                                  0x00, 0x82, 0x02,   0x82,
                                  0x81, 0x03, 0x01,   0x00,
                                  0x36, 0x01, '1',    0x37,
                                  0x01, 0x00};
        (void)terminal_command(&bed.t, 0x14, CR_SPAN_ARRAY(answer));
        if (fails) {
            terminal_fault(&bed.t, CAT_RECEIVE_DATA, 0x3A, 0x00, 1);
        } else {
            terminal_deliver(&bed.t, 1, cr_span_str("2345"));
            bed.t.channels[1].announced = true;
        }
        bed.t.silent = false;
        terminal_serve(&bed.t);
        assert_same(&bed.user.got, (const uint8_t *)"12345", fails ? 1 : 5);
        assert_int_equal(bed.t.fetched[CAT_RECEIVE_DATA], 2);
        assert_int_equal(bed.user.closed, 0);
        bed_free(&bed);
    }
}

/* A terminal that says that more is left and gives nothing does not keep the card busy for ever. */
static void more_of_nothing(void **state)
{
    (void)state;
    for (int udp = 0; udp < 4; udp++) {
        struct bed bed;
        cr_buf b = {0};
        static const uint8_t status[] = {0x81, 0x00};
        bed_new(&bed);
        bed_open(&bed, udp & 1 ? CAT_TRANSPORT_UDP_CLIENT : CAT_TRANSPORT_TCP_CLIENT);
        bed.t.silent = true;
        cat_envelope_data_available(&b, status, 0xFF);
        (void)terminal_envelope(&bed.t, &b);
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        if (udp & 2) { /* not even a TLV of nothing */
            assert_int_equal(answer_with(&bed, "3701FF"), UICC_SW_OK);
            assert_int_equal(bed.user.pieces, 0);
            bed_free(&bed);
            continue;
        }
        const uint8_t answer[] = {0x81,
                                  0x03,
                                  bed.t.last.p[4],
                                  CAT_RECEIVE_DATA,
                                  0x00,
                                  0x82,
                                  0x02,
                                  0x82,
                                  0x81,
                                  0x03,
                                  0x01,
                                  0x00,
                                  0x36,
                                  0x00,
                                  0x37,
                                  0x01,
                                  0xFF};
        assert_int_equal(terminal_command(&bed.t, 0x14, CR_SPAN_ARRAY(answer)), UICC_SW_OK);
        assert_int_equal(bed.user.pieces, 0);
        assert_int_equal(uicc_proactive_pending(bed.sim->uicc), 0);
        bed_free(&bed);
    }
}

/* TERMINAL PROFILE again, with less: the waiting command is refused, the channel ends. */
static void a_lesser_profile(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    bed.t.silent = true;
    assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    bed.t.profile[11] = 0;
    (void)terminal_start(&bed.t);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.why.end, BIP_NOT_OFFERED);
    assert_int_equal(bip_count(bed.sim->uicc), 0);
    bed_free(&bed);
}

static void names(void **state)
{
    (void)state;
    for (int i = BIP_CLOSED; i <= BIP_RESET; i++) {
        assert_non_null(bip_end_name((enum bip_end)i));
    }
    assert_string_equal(bip_end_name(BIP_DROPPED), "link dropped");
}

/* --- power -------------------------------------------------------------------------------------
 */

struct cut {
    int left;
};

static bool cut_before_commit(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    return point == NVM_BEFORE_COMMIT && cut->left >= 0 && cut->left-- == 0;
}

/* A whole session; the power of the memory goes at the nth command (n < 0: never), or the card is
 * reset behind it. Gives the number of commands. */
static int session(struct bed *bed, int cut_at, int reset_at)
{
    struct cut cut = {.left = cut_at};
    struct uicc *uicc = bed->sim->uicc;
    uint8_t out[700], in[600];
    int commands = 0;
    fill(out, sizeof out);
    fill(in, sizeof in);
    nvm_set_fault(bed->sim->nvm, cut_before_commit, &cut);
    struct bip_params p = params_of(&bed->user, CAT_TRANSPORT_TCP_CLIENT);
    p.idle_seconds = 60;
    assert_int_equal(bip_open(uicc, &p, &bed->user.channel, NULL), CR_OK);
    assert_int_equal(bip_send(uicc, bed->user.channel, CR_SPAN_ARRAY(out), NULL), CR_OK);
    static const uint8_t status[] = {0x80, 0xF2, 0x00, 0x0C}, channel[] = {0x81, 0x00};
    bool delivered = false, dropped = false;
    (void)terminal_send(&bed->t, CR_SPAN_ARRAY(status));
    commands++;
    bed->t.silent = true;
    while (bed->user.closed == 0 && commands < 100) {
        if (commands == reset_at) {
            terminal_reset(&bed->t);
            break;
        }
        commands++;
        if ((bed->t.sw & 0xFF00) == UICC_SW_PROACTIVE) {
            if (terminal_fetch(&bed->t) == UICC_SW_OK) {
                if (commands == reset_at) {
                    terminal_reset(&bed->t);
                    break;
                }
                commands++;
                (void)terminal_answer(&bed->t);
            }
        } else if (bed->t.sw == UICC_SW_MEMORY) {
            break;
        } else if (!delivered) {
            cr_buf b = {0};
            delivered = true;
            terminal_deliver(&bed->t, 1, CR_SPAN_ARRAY(in));
            cat_envelope_data_available(&b, channel, 0xFF);
            (void)terminal_envelope(&bed->t, &b);
        } else if (!dropped) {
            dropped = true;
            terminal_drop(&bed->t, 1);
        } else {
            (void)terminal_send(&bed->t, CR_SPAN_ARRAY(status));
        }
    }
    return commands;
}

static void power_at_each_step(void **state)
{
    (void)state;
    struct bed bed;
    bed_new(&bed);
    int all = session(&bed, -1, -1);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.got.n, 600);
    assert_int_equal(bed.peer.n, 700);
    bed_free(&bed);
    assert_true(all > 20 && all < 100);
    for (int n = 0; n < all; n++) {
        for (int reset = 0; reset < 2; reset++) {
            bed_new(&bed);
            (void)session(&bed, reset ? -1 : n, reset ? n + 1 : -1);
            bool whole = bed.user.closed == 1;
            uicc_reset(bed.sim->uicc);
            /* exactly one end, and nothing is left behind */
            assert_int_equal(bed.user.closed, 1);
            assert_int_equal(bip_count(bed.sim->uicc), 0);
            assert_int_equal(uicc_proactive_pending(bed.sim->uicc), 0);
            assert_true(bed.user.got.n <= 600 && bed.peer.n <= 700);
            if (!whole) {
                assert_int_equal(bed.user.why.end, BIP_RESET);
            }
            bed_free(&bed);
        }
    }
}

static bool one_fails(void *ctx, enum nvm_point point)
{
    (void)ctx;
    (void)point;
    return false;
}

/* The owner fails a command in which bytes were handed over (its memory is full): they cannot be
 * handed over again, so the channel is given up; one that heard nothing goes on. */
struct failing {
    struct user *user;
    bool fail, sends;
};

static uicc_sw fails(void *ctx, struct uicc_call *call, const struct cat_envelope *envelope)
{
    const struct failing *f = ctx;
    (void)envelope;
    if (f->sends) {
        assert_int_equal(bip_send(call->uicc, f->user->channel, cr_span_str("lost"), NULL), CR_OK);
    } else if (f->user) {
        bip_abort(call->uicc, f->user->channel);
        assert_int_equal(bip_send(call->uicc, f->user->channel, cr_span_str("lost"), NULL),
                         CR_REFUSED);
    }
    return f->fail ? UICC_SW_MEMORY : UICC_SW_OK;
}

static void aborted_commands(void **state)
{
    (void)state;
    struct bed bed;
    unsigned owner;
    struct failing f = {.fail = true};
    struct user opened_in_vain = {0};
    bed_new(&bed);
    nvm_set_fault(bed.sim->nvm, one_fails, NULL);
    struct uicc *uicc = bed.sim->uicc;
    struct uicc_toolkit_owner what = {
        .ctx = &f, .envelopes = UICC_ENVELOPE_BIT(CAT_MENU_SELECTION), .envelope = fails};
    assert_int_equal(uicc_toolkit_register(uicc, &what, &owner, NULL), CR_OK);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    (void)opened_in_vain;
    /* bip_abort() in a command that is undone: the channel and its queue are as before */
    assert_int_equal(bip_send(uicc, bed.user.channel, cr_span_str("kept"), NULL), CR_OK);
    f.user = &bed.user;
    cr_buf b = {0};
    cat_envelope_menu(&b, 1);
    bed.t.silent = true;
    assert_int_equal(terminal_envelope(&bed.t, &b), UICC_SW_MEMORY);
    bed.t.silent = false;
    assert_int_equal(bed.user.closed, 0);
    (void)terminal_status(&bed.t);
    assert_same(&bed.peer, (const uint8_t *)"kept", 4);
    f.sends = true;
    cat_envelope_menu(&b, 1);
    assert_int_equal(terminal_envelope(&bed.t, &b), UICC_SW_MEMORY);
    assert_int_equal(bip_room(uicc, bed.user.channel), BIP_SEND_QUEUE);
    assert_int_equal(bip_send(uicc, bed.user.channel, cr_span_str(" too"), NULL), CR_OK);
    (void)terminal_status(&bed.t);
    assert_same(&bed.peer, (const uint8_t *)"kept too", 8);
    f.sends = false;
    /* the same before OPEN CHANNEL was sent: closed() was told in it, once */
    struct user second = {0};
    struct bip_params p = params_of(&second, CAT_TRANSPORT_TCP_CLIENT);
    assert_int_equal(bip_open(uicc, &p, &second.channel, NULL), CR_OK);
    f.user = &second;
    cat_envelope_menu(&b, 1);
    assert_int_equal(terminal_envelope(&bed.t, &b), UICC_SW_MEMORY);
    assert_int_equal(second.closed, 1);
    (void)terminal_status(&bed.t);
    assert_int_equal(second.closed, 1);
    assert_int_equal(bip_count(uicc), 1);
    assert_int_equal(bed.t.fetched[CAT_OPEN_CHANNEL], 1);
    bed_free(&bed);
}

/* The memory loses its power in the command that says opened() or writable(): what the owner did
 * then is lost, so the channel is given up. */
static void news_that_were_undone(void **state)
{
    (void)state;
    for (int sending = 0; sending < 2; sending++) {
        struct bed bed;
        struct cut cut = {.left = -1};
        bed_new(&bed);
        nvm_set_fault(bed.sim->nvm, cut_before_commit, &cut);
        if (sending) {
            bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
            assert_int_equal(bip_send(bed.sim->uicc, bed.user.channel, cr_span_str("x"), NULL),
                             CR_OK);
            bed.t.silent = true;
            (void)terminal_status(&bed.t);
        } else {
            bed.t.silent = true;
            bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
            assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
            (void)terminal_answer(&bed.t);
        }
        assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
        cut.left = 0;
        assert_int_equal(terminal_answer(&bed.t), UICC_SW_MEMORY);
        assert_int_equal(bed.user.opened, 1);
        assert_int_equal(bed.user.writable, sending);
        assert_int_equal(bed.user.closed, 1);
        assert_int_equal(bed.user.why.end, BIP_ABORTED);
        bed_free(&bed);
    }
}

/* The memory loses its power in the command that hands bytes over. */
static void bytes_cannot_be_given_twice(void **state)
{
    (void)state;
    struct bed bed;
    struct cut cut = {.left = -1};
    bed_new(&bed);
    nvm_set_fault(bed.sim->nvm, cut_before_commit, &cut);
    bed_open(&bed, CAT_TRANSPORT_TCP_CLIENT);
    bed.t.silent = true;
    terminal_deliver(&bed.t, 1, cr_span_str("once"));
    cr_buf b = {0};
    static const uint8_t status[] = {0x81, 0x00};
    cat_envelope_data_available(&b, status, 4);
    (void)terminal_envelope(&bed.t, &b);
    assert_int_equal(terminal_fetch(&bed.t), UICC_SW_OK);
    cut.left = 0;
    assert_int_equal(terminal_answer(&bed.t), UICC_SW_MEMORY);
    assert_int_equal(bed.user.pieces, 1);
    assert_int_equal(bed.user.closed, 1);
    assert_int_equal(bed.user.why.end, BIP_ABORTED);
    assert_int_equal(bip_count(bed.sim->uicc), 0);
    bed_free(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(a_stream),
        cmocka_unit_test(stored_in_the_terminal),
        cmocka_unit_test(space_that_is_told),
        cmocka_unit_test(answers_to_open),
        cmocka_unit_test(link_down_but_open),
        cmocka_unit_test(link_down_without_reason),
        cmocka_unit_test(closing_meanwhile),
        cmocka_unit_test(news_that_were_undone),
        cmocka_unit_test(backpressure),
        cmocka_unit_test(both_directions),
        cmocka_unit_test(datagrams),
        cmocka_unit_test(a_datagram_that_does_not_fit),
        cmocka_unit_test(every_refusal),
        cmocka_unit_test(busy_then_open),
        cmocka_unit_test(wrong_parameters),
        cmocka_unit_test(seven_channels),
        cmocka_unit_test(confused_terminals),
        cmocka_unit_test(in_background),
        cmocka_unit_test(the_tail_is_read),
        cmocka_unit_test(dropped_while_sending),
        cmocka_unit_test(errors_of_data),
        cmocka_unit_test(the_terminal_is_full),
        cmocka_unit_test(closing),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(crossing_events),
        cmocka_unit_test(more_of_nothing),
        cmocka_unit_test(a_lesser_profile),
        cmocka_unit_test(names),
        cmocka_unit_test(power_at_each_step),
        cmocka_unit_test(aborted_commands),
        cmocka_unit_test(bytes_cannot_be_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
