/*
 * A card whose owners use everything of the toolkit, and a terminal that answers with any bytes.
 * The input is a script: a byte that says what happens, and what that needs.
 */
#include "fuzz.h"

#include "../tests/uicc/sim.h"
#include "uicc/bip.h"
#include "uicc/toolkit.h"

struct user {
    unsigned channel;
    bool open;
};

struct world {
    struct sim sim;
    struct user users[CAT_CHANNELS];
    cr_span script;
    unsigned owner, pushed, answered;
    cr_buf fetched;
    bool cut;
};

static uint8_t take(struct world *w)
{
    uint8_t byte = w->script.n ? w->script.p[0] : 0;
    w->script = cr_span_sub(w->script, 1, w->script.n ? w->script.n - 1 : 0);
    return byte;
}

/* At most n bytes. */
static cr_span take_bytes(struct world *w, size_t n)
{
    cr_span out = cr_span_sub(w->script, 0, n);
    w->script = cr_span_sub(w->script, out.n, w->script.n - out.n);
    return out;
}

static void received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    const struct user *user = ctx;
    FUZZ_CHECK(user->open && channel == user->channel);
    FUZZ_CHECK(data.n > 0 && data.n <= BIP_MAX_BUFFER);
    if (data.p[0] & 1) {
        cr_status ignored = bip_send(uicc, channel, data, NULL);
        (void)ignored;
    }
}

static void closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct user *user = ctx;
    (void)uicc;
    FUZZ_CHECK(user->open && channel == user->channel);
    FUZZ_CHECK(bip_end_name(why->end));
    user->open = false;
}

static void done(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    struct world *w = ctx;
    (void)uicc;
    (void)answer;
    w->answered++;
}

static void ticked(void *ctx, struct uicc *uicc, unsigned timer, enum uicc_timer_news news,
                   uint32_t seconds)
{
    (void)ctx;
    (void)uicc;
    (void)news;
    FUZZ_CHECK(timer >= 1 && timer <= CAT_TIMERS && seconds <= CAT_MAX_TIMER);
}

static void heard(void *ctx, struct uicc *uicc, uint8_t event, const struct cat_envelope *envelope)
{
    (void)ctx;
    (void)uicc;
    FUZZ_CHECK(event < CAT_EVENTS && envelope->tag == CAT_EVENT_DOWNLOAD);
}

static uicc_sw envelope(void *ctx, struct uicc_call *call, const struct cat_envelope *e)
{
    (void)ctx;
    (void)call;
    return e->tlvs.n & 1 ? UICC_SW_MEMORY : UICC_NOT_MINE; /* undone, or not wanted */
}

static bool cut(void *ctx, enum nvm_point point)
{
    const struct world *w = ctx;
    return w->cut && point == NVM_BEFORE_COMMIT;
}

static uicc_sw send(struct world *w, uint8_t ins, cr_span data)
{
    uint8_t apdu[5 + 255] = {0x80, ins, 0, 0, (uint8_t)data.n};
    size_t n = data.n && data.n <= 255 ? data.n : 0;
    if (n) {
        memcpy(apdu + 5, data.p, n);
    }
    struct sim *sim = &w->sim;
    cr_buf_reset(&sim->response);
    cr_status status = uicc_transmit(sim->uicc, cr_span_of(apdu, 5 + n), &sim->response, &sim->err);
    FUZZ_CHECK(status == CR_OK || w->cut);
    FUZZ_CHECK(cr_buf_ok(&sim->response) && sim->response.n >= 2 && sim->response.n <= 258);
    FUZZ_CHECK(uicc_proactive_pending(sim->uicc) <= UICC_MAX_PROACTIVE);
    const uint8_t *end = sim->response.p + sim->response.n;
    return (uicc_sw)(end[-2] << 8 | end[-1]);
}

static void fetch(struct world *w)
{
    struct cat_command c;
    if (send(w, 0x12, (cr_span){0}) == UICC_SW_OK) {
        cr_span tlv = cr_span_of(w->sim.response.p, w->sim.response.n - 2);
        FUZZ_CHECK(cat_command_read(tlv, &c, NULL) == CR_OK);
        FUZZ_CHECK(tlv.n <= CAT_MAX_COMMAND);
        cr_buf_reset(&w->fetched);
        cr_buf_append_span(&w->fetched, tlv);
    }
}

/* To what was fetched: a result, and TLVs as they come. */
static void answer(struct world *w, bool status)
{
    struct cat_command c;
    cr_buf b = {0};
    if (cat_command_read(cr_buf_span(&w->fetched), &c, NULL) != CR_OK) {
        return;
    }
    uint8_t result = take(w), info = take(w);
    cat_response_begin(&b, &c, result, cr_span_of(&info, 1));
    if (status) { /* what OPEN CHANNEL and RECEIVE DATA want to see */
        const uint8_t channel[] = {take(w), 0};
        cat_put(&b, CAT_TAG_CHANNEL_STATUS, CR_SPAN_ARRAY(channel));
        cat_put(&b, CAT_TAG_CHANNEL_DATA, take_bytes(w, take(w) % 200));
        cat_put_byte(&b, CAT_TAG_CHANNEL_DATA_LENGTH, take(w));
    } else {
        cr_buf_append_span(&b, take_bytes(w, take(w)));
    }
    (void)send(w, 0x14, cr_span_sub(cr_buf_span(&b), 0, 255));
    cr_buf_free(&b);
}

static void event(struct world *w)
{
    cr_buf b = {0};
    uint8_t which = take(w);
    const uint8_t status[] = {take(w), which & 2 ? 0x05 : 0x00};
    if (which & 1) {
        cat_envelope_data_available(&b, status, take(w));
    } else {
        cat_envelope_channel_status(&b, status);
    }
    (void)send(w, 0xC2, cr_buf_span(&b));
    cr_buf_free(&b);
}

static void open_channel(struct world *w)
{
    static const uint8_t address[] = {CAT_ADDRESS_IPV4, 192, 0, 2, 10};
    struct user *user = &w->users[take(w) % CAT_CHANNELS];
    uint8_t how = take(w);
    if (user->open) {
        return;
    }
    struct bip_params p = {
        .channel = {.transport = how & 1 ? CAT_TRANSPORT_TCP_CLIENT : CAT_TRANSPORT_UDP_CLIENT,
                    .port = 1,
                    .buffer_size = take(w),
                    .address = CR_SPAN_ARRAY(address)},
        .qualifier = how & 0x06,
        .idle_seconds = how & 0x10 ? 60 : 0,
        .callbacks = {.received = received, .closed = closed},
        .ctx = user};
    user->open = bip_open(w->sim.uicc, &p, &user->channel, NULL) == CR_OK;
}

static void use_channel(struct world *w)
{
    struct user *user = &w->users[take(w) % CAT_CHANNELS];
    struct uicc *uicc = w->sim.uicc;
    uint8_t how = take(w);
    unsigned channel = user->open ? user->channel : how;
    cr_status ignored = CR_OK;
    switch (how % 5) {
    case 0:
        if (user->open) {
            bip_close(uicc, channel);
        }
        break;
    case 1:
        if (user->open) {
            bip_abort(uicc, channel);
        }
        break;
    case 2:
        bip_pause(uicc, channel, how & 8);
        break;
    default:
        ignored = bip_send(uicc, channel, take_bytes(w, take(w)), NULL);
        break;
    }
    (void)ignored;
    FUZZ_CHECK(bip_room(uicc, channel) <= BIP_SEND_QUEUE);
}

static void wishes(struct world *w)
{
    struct uicc *uicc = w->sim.uicc;
    unsigned timer = take(w) % 10;
    cr_status status = CR_OK;
    switch (take(w) % 7) {
    case 0:
        status = uicc_timer_start(uicc, take(w), ticked, w, &timer, NULL);
        break;
    case 1:
        uicc_timer_stop(uicc, timer);
        break;
    case 2:
        status = uicc_timer_restart(uicc, timer, take(w), NULL);
        break;
    case 3:
        status = uicc_timer_read(uicc, timer, NULL);
        break;
    case 4:
        status = uicc_toolkit_events(uicc, w->owner, take(w) * 0x01010101U, NULL);
        break;
    case 5:
        status = uicc_toolkit_poll(uicc, w->owner, take(w), NULL);
        break;
    default:
        status =
            uicc_proactive_send_sms(uicc, (cr_span){0}, take_bytes(w, 20),
                                    timer & 1 ? UICC_RETRY_ANY : UICC_RETRY_BUSY, done, w, NULL);
        w->pushed += status == CR_OK;
        break;
    }
    (void)status;
}

static void step(struct world *w)
{
    switch (take(w) % 12) {
    case 0:
        (void)send(w, 0xF2, (cr_span){0});
        break;
    case 1:
        fetch(w);
        break;
    case 2:
        answer(w, false);
        break;
    case 3:
        answer(w, true);
        break;
    case 4:
        (void)send(w, 0x14, take_bytes(w, take(w)));
        break;
    case 5:
        (void)send(w, 0xC2, take_bytes(w, take(w)));
        break;
    case 6:
        event(w);
        break;
    case 7:
        open_channel(w);
        break;
    case 8:
        use_channel(w);
        break;
    case 9:
        wishes(w);
        break;
    case 10:
        (void)send(w, 0x10, take_bytes(w, take(w)));
        break;
    default:
        uicc_reset(w->sim.uicc);
        break;
    }
}

static struct nvm *fresh_memory(void)
{
    static struct sim *origin;
    struct nvm *copy;
    if (!origin) {
        origin = sim_new();
    }
    FUZZ_CHECK(nvm_clone_committed(origin->nvm, &copy, NULL) == CR_OK);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t everything[36];
    struct world w = {.script = cr_span_of(data, size)};
    struct uicc_toolkit_owner owner = {.ctx = &w,
                                       .event = heard,
                                       .envelopes = UICC_ENVELOPE_BIT(CAT_MENU_SELECTION),
                                       .envelope = envelope};
    memset(everything, 0xFF, sizeof everything);
    w.sim.nvm = fresh_memory();
    sim_power_on(&w.sim);
    nvm_set_fault(w.sim.nvm, cut, &w);
    FUZZ_CHECK(uicc_toolkit_register(w.sim.uicc, &owner, &w.owner, NULL) == CR_OK);
    (void)send(&w, 0x10, CR_SPAN_ARRAY(everything));
    while (w.script.n) {
        step(&w);
    }
    if (size && data[size - 1] & 1) {
        w.cut = true; /* the last command before the reset is lost */
        fetch(&w);
        (void)send(&w, 0x14, cr_span_of(data, size < 255 ? size : 255));
    }
    uicc_reset(w.sim.uicc);
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        FUZZ_CHECK(!w.users[i].open);
    }
    FUZZ_CHECK(w.answered == w.pushed); /* each push was answered or told lost, once */
    FUZZ_CHECK(bip_count(w.sim.uicc) == 0 && uicc_proactive_pending(w.sim.uicc) == 0);
    uicc_free(w.sim.uicc);
    nvm_close(w.sim.nvm);
    cr_buf_free(&w.sim.response);
    cr_buf_free(&w.fetched);
    return 0;
}
