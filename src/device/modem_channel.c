/*
 * Bearer Independent Protocol, the terminal's side (TS 102 223 6.4.27 to 6.4.31): channels with
 * their buffers between the chip and whoever has the sockets.
 *
 * A channel that broke stays until the chip closes it: what had come before can still be read.
 */
#include "device/internal.h"

static const cr_span nothing;

static bool is_udp(const struct modem_channel *c)
{
    return c->transport == CAT_TRANSPORT_UDP_CLIENT;
}

static void status_of(const struct modem_channel *c, unsigned channel, uint8_t out[2])
{
    struct cat_channel_status s = {.channel = (uint8_t)(channel + 1),
                                   .up = c->state == CHANNEL_OPEN};
    s.info = c->state == CHANNEL_DROPPED ? CAT_LINK_DROPPED : 0;
    cat_channel_status_write(out, &s);
}

static void release(struct modem_channel *c)
{
    cr_buf_free(&c->in);
    cr_buf_free(&c->out);
    cr_buf_free(&c->held[0]);
    cr_buf_free(&c->held[1]);
    *c = (struct modem_channel){0};
}

static void fail(struct device_modem *m, const struct cat_command *command, uint8_t info)
{
    modem_respond(m, command, CAT_RESULT_BIP, cr_span_of(&info, 1), nothing);
}

/* --- OPEN CHANNEL ------------------------------------------------------------------------------
 */

/* The bytes that wait for the chip, of a datagram those of the first one. */
static size_t waiting_in(const struct modem_channel *c)
{
    if (!is_udp(c) || c->in.n == 0) {
        return c->in.n - c->in_at;
    }
    return ((size_t)c->in.p[0] << 8 | c->in.p[1]) - c->in_at;
}

static void answer_open(struct device_modem *m, const struct cat_command *command, unsigned channel,
                        bool modified)
{
    struct modem_channel *c = &m->channels[channel];
    cr_buf more = {0};
    uint8_t status[2];
    const uint8_t size[] = {(uint8_t)(c->size >> 8), (uint8_t)c->size};
    status_of(c, channel, status);
    cat_put(&more, CAT_TAG_CHANNEL_STATUS | CAT_COMPREHENSION, CR_SPAN_ARRAY(status));
    cat_put(&more, CAT_TAG_BEARER | CAT_COMPREHENSION, cr_span_of(c->bearer, c->bearer_size));
    cat_put(&more, CAT_TAG_BUFFER_SIZE | CAT_COMPREHENSION, CR_SPAN_ARRAY(size));
    if ((command->qualifier & CAT_OPEN_WANTS_DNS) && m->config->has_dns) {
        uint8_t dns[5] = {CAT_ADDRESS_IPV4};
        memcpy(dns + 1, m->config->dns, sizeof m->config->dns);
        cat_put(&more, CAT_TAG_DNS_SERVER, CR_SPAN_ARRAY(dns));
    }
    modem_respond(m, command, modified ? CAT_RESULT_MODIFIED : CAT_RESULT_OK, nothing,
                  cr_buf_span(&more));
    cr_buf_free(&more);
}

void modem_channel_answer(struct device_modem *m)
{
    struct cat_command command;
    struct cat_channel asked = {0};
    unsigned channel = m->command_channel;
    struct modem_channel *c = &m->channels[channel];
    if (cat_command_read(cr_span_of(m->command, m->command_size), &command, NULL) != CR_OK ||
        cat_channel_read(command.tlvs, &asked, NULL) != CR_OK) {
        m->command_size = 0; /* cannot be: both were read before */
        return;
    }
    m->command_size = 0;
    if (c->state == CHANNEL_OPEN) {
        modem_say(m, DEVICE_EVENT_CHANNEL, "channel %u is open", channel + 1);
        answer_open(m, &command, channel, asked.buffer_size > c->size);
        return;
    }
    modem_say(m, DEVICE_EVENT_CHANNEL, "channel %u: not reachable", channel + 1);
    m->ops.close(m->ops.ctx, channel);
    release(c);
    fail(m, &command, CAT_BIP_NOT_REACHABLE);
}

static unsigned free_channel(const struct device_modem *m)
{
    unsigned i = 0;
    while (i < CAT_CHANNELS && m->channels[i].state != CHANNEL_FREE) {
        i++;
    }
    return i;
}

/* False: answered already. */
static bool may_open(struct device_modem *m, const struct cat_command *command,
                     const struct cat_channel *p)
{
    const uint8_t info = CAT_INFO_NO_SERVICE;
    bool known = p->transport == 0 || p->transport == CAT_TRANSPORT_UDP_CLIENT ||
                 p->transport == CAT_TRANSPORT_TCP_CLIENT;
    bool address = (p->address.n == 5 && p->address.p[0] == CAT_ADDRESS_IPV4) ||
                   (p->address.n == 17 && p->address.p[0] == CAT_ADDRESS_IPV6);
    if (!known) {
        modem_respond(m, command, CAT_RESULT_BEYOND_CAPABILITIES, nothing, nothing);
    } else if (p->transport == 0 || p->bearer.n == 0 || p->buffer_size == 0 || !address ||
               p->port == 0) {
        modem_respond(m, command, CAT_RESULT_VALUES_MISSING, nothing, nothing);
    } else if (m->service != SERVICE_NORMAL) {
        modem_respond(m, command, CAT_RESULT_TERMINAL_BUSY, cr_span_of(&info, 1), nothing);
    } else {
        return true;
    }
    return false;
}

static void open_channel(struct device_modem *m, const struct cat_command *command)
{
    struct cat_channel p = {0};
    uint32_t budget = 0;
    if (cat_channel_read(command->tlvs, &p, NULL) != CR_OK) {
        modem_respond(m, command, CAT_RESULT_DATA_NOT_UNDERSTOOD, nothing, nothing);
        return;
    }
    if (!may_open(m, command, &p)) {
        return;
    }
    unsigned channel = free_channel(m);
    if (channel == CAT_CHANNELS) {
        fail(m, command, CAT_BIP_NO_CHANNEL);
        return;
    }
    struct modem_channel *c = &m->channels[channel];
    *c = (struct modem_channel){
        .state = CHANNEL_OPENING,
        .transport = p.transport,
        .size = p.buffer_size < DEVICE_MAX_BUFFER ? p.buffer_size : DEVICE_MAX_BUFFER,
        .background = (command->qualifier & CAT_OPEN_BACKGROUND) != 0,
        .bearer_size = (uint8_t)(p.bearer.n < sizeof c->bearer ? p.bearer.n : sizeof c->bearer)};
    memcpy(c->bearer, p.bearer.p, c->bearer_size);
    c->in.secret = c->out.secret = true; /* sessions of the chip run through them */
    c->limited = device_fault_strikes(&m->faults, DEVICE_DROP_CHANNEL, m->imsi, &budget);
    c->budget = budget;
    if (c->background) {
        answer_open(m, command, channel, p.buffer_size > c->size);
    } else {
        /* D0 and its length are made anew: the answer needs the content only */
        cr_buf copy = {0};
        size_t mark = cat_command_begin(&copy, command);
        cat_channel_put(&copy, &p);
        cat_end(&copy, mark);
        if (!cr_buf_ok(&copy) || copy.n > sizeof m->command) {
            cr_buf_free(&copy);
            release(c);
            modem_respond(m, command, CAT_RESULT_DATA_NOT_UNDERSTOOD, nothing, nothing);
            return;
        }
        memcpy(m->command, copy.p, copy.n);
        m->command_size = copy.n;
        m->command_channel = channel;
        cr_buf_free(&copy);
    }
    m->ops.open(m->ops.ctx, channel, p.transport, cr_span_sub(p.address, 1, 16), p.port);
}

/* --- the others --------------------------------------------------------------------------------
 */

/* The channel that a command is for; NULL: answered already. */
static struct modem_channel *target(struct device_modem *m, const struct cat_command *command,
                                    unsigned *channel)
{
    *channel = (unsigned)command->target - CAT_DEVICE_CHANNEL - 1;
    if (command->target <= CAT_DEVICE_CHANNEL || *channel >= CAT_CHANNELS ||
        m->channels[*channel].state == CHANNEL_FREE) {
        fail(m, command, CAT_BIP_WRONG_CHANNEL);
        return NULL;
    }
    return &m->channels[*channel];
}

static void close_channel(struct device_modem *m, const struct cat_command *command)
{
    unsigned channel = 0;
    struct modem_channel *c = target(m, command, &channel);
    if (!c) {
        return;
    }
    modem_say(m, DEVICE_EVENT_CHANNEL, "channel %u is closed by the chip", channel + 1);
    m->ops.close(m->ops.ctx, channel);
    release(c);
    modem_respond(m, command, CAT_RESULT_OK, nothing, nothing);
}

/* The scripted end of the radio or of the channel comes before the exchange; true: it came. */
static bool disturbed(struct device_modem *m, struct modem_channel *c, unsigned channel, size_t n)
{
    uint32_t seconds = 0;
    if (device_fault_strikes(&m->faults, DEVICE_RADIO_OFF, m->imsi, &seconds)) {
        modem_say(m, DEVICE_EVENT_FAULT, "radio-off for %u s", seconds);
        modem_radio_off(m, (int64_t)seconds * 1000);
        return true;
    }
    if (c->limited && n > c->budget) {
        modem_say(m, DEVICE_EVENT_FAULT, "drop-channel: channel %u", channel + 1);
        m->ops.close(m->ops.ctx, channel);
        c->state = CHANNEL_DROPPED;
        c->tell_status = true;
        c->limited = false;
        return true;
    }
    c->budget -= c->limited ? n : 0;
    return false;
}

/* ---- datagrams --------------------------------------------------------------------------------
 */

static bool deliver(struct device_modem *m, unsigned channel, bool up, cr_span bytes)
{
    struct modem_channel *c = &m->channels[channel];
    if (up) {
        m->ops.send(m->ops.ctx, channel, bytes);
        return true;
    }
    if (c->in.n + 2 + bytes.n > (size_t)4 * DEVICE_MAX_DATAGRAM) {
        return false;
    }
    c->tell_data = c->tell_data || c->in.n == 0;
    cr_buf_append_be(&c->in, bytes.n, 2);
    cr_buf_append_span(&c->in, bytes);
    return true;
}

static bool strikes(struct device_modem *m, enum device_fault_action action)
{
    uint32_t value;
    if (!device_fault_strikes(&m->faults, action, m->imsi, &value)) {
        return false;
    }
    modem_say(m, DEVICE_EVENT_FAULT, "%s", device_fault_rows[action].name);
    return true;
}

bool modem_datagram(struct device_modem *m, unsigned channel, bool up, cr_span bytes)
{
    cr_buf *held = &m->channels[channel].held[up];
    if (strikes(m, up ? DEVICE_LOSE_DATA_UP : DEVICE_LOSE_DATA_DOWN)) {
        return true;
    }
    if (held->n == 0 && strikes(m, up ? DEVICE_SWAP_DATA_UP : DEVICE_SWAP_DATA_DOWN)) {
        held->secret = true;
        cr_buf_append_span(held, bytes);
        return true;
    }
    bool good = deliver(m, channel, up, bytes);
    if (strikes(m, up ? DEVICE_DOUBLE_DATA_UP : DEVICE_DOUBLE_DATA_DOWN)) {
        (void)deliver(m, channel, up, bytes);
    }
    if (held->n) {
        (void)deliver(m, channel, up, cr_buf_span(held));
        cr_buf_reset(held);
    }
    return good;
}

static void send_data(struct device_modem *m, const struct cat_command *command)
{
    unsigned channel = 0;
    cr_span data = {0};
    struct modem_channel *c = target(m, command, &channel);
    if (!c) {
        return;
    }
    if (!cat_find(command->tlvs, CAT_TAG_CHANNEL_DATA, &data)) {
        modem_respond(m, command, CAT_RESULT_VALUES_MISSING, nothing, nothing);
        return;
    }
    if (c->state == CHANNEL_OPEN) {
        (void)disturbed(m, c, channel, data.n);
    }
    if (c->state != CHANNEL_OPEN) {
        fail(m, command, CAT_BIP_CHANNEL_CLOSED);
        return;
    }
    if (data.n > c->size - c->out.n) {
        fail(m, command, CAT_BIP_BUFFER_SIZE);
        return;
    }
    cr_buf_append_span(&c->out, data);
    if (command->qualifier & CAT_SEND_IMMEDIATELY) {
        if (c->out.n && is_udp(c)) {
            (void)modem_datagram(m, channel, true, cr_buf_span(&c->out));
        } else if (c->out.n) {
            m->ops.send(m->ops.ctx, channel, cr_buf_span(&c->out));
        }
        cr_buf_reset(&c->out);
    }
    size_t room = c->size - c->out.n;
    const uint8_t more[] = {CAT_TAG_CHANNEL_DATA_LENGTH | CAT_COMPREHENSION, 1,
                            (uint8_t)(room < 0xFF ? room : 0xFF)};
    modem_respond(m, command, CAT_RESULT_OK, nothing, CR_SPAN_ARRAY(more));
}

/* Takes n bytes that the chip has now out of the buffer. */
static void consume(struct modem_channel *c, size_t n)
{
    c->in_at += n;
    if (waiting_in(c) > 0) {
        return;
    }
    size_t gone = is_udp(c) && c->in.n ? 2 + c->in_at : c->in_at;
    size_t left = c->in.n - gone;
    if (left) {
        memmove(c->in.p, c->in.p + gone, left);
    }
    c->in.n = left;
    c->in_at = 0;
    c->tell_data = left > 0; /* the next datagram is news */
}

static void receive_data(struct device_modem *m, const struct cat_command *command)
{
    unsigned channel = 0;
    uint8_t wanted = 0;
    struct modem_channel *c = target(m, command, &channel);
    if (!c) {
        return;
    }
    if (!cat_find_byte(command->tlvs, CAT_TAG_CHANNEL_DATA_LENGTH, &wanted)) {
        modem_respond(m, command, CAT_RESULT_VALUES_MISSING, nothing, nothing);
        return;
    }
    if (c->state == CHANNEL_OPEN) {
        (void)disturbed(m, c, channel, 0);
    }
    size_t there = waiting_in(c), n = there < wanted ? there : wanted;
    n = n < CAT_MAX_RECEIVE ? n : CAT_MAX_RECEIVE;
    if (there == 0 && c->state == CHANNEL_DROPPED) {
        fail(m, command, CAT_BIP_CHANNEL_CLOSED);
        return;
    }
    cr_buf more = {.secret = true};
    size_t left = there - n;
    cat_put(&more, CAT_TAG_CHANNEL_DATA | CAT_COMPREHENSION,
            n ? cr_span_of(c->in.p + c->in_at + (is_udp(c) ? 2 : 0), n) : cr_span_of("", 0));
    cat_put_byte(&more, CAT_TAG_CHANNEL_DATA_LENGTH | CAT_COMPREHENSION,
                 (uint8_t)(left < 0xFF ? left : 0xFF));
    if (n) {
        c->tell_data = false;
        consume(c, n);
    }
    /* asked for more than was there: performed with missing information */
    modem_respond(m, command,
                  n < wanted && n == there ? CAT_RESULT_MISSING_INFORMATION : CAT_RESULT_OK,
                  nothing, cr_buf_span(&more));
    cr_buf_free(&more);
    if (n && c->state == CHANNEL_OPEN && m->ops.room) {
        m->ops.room(m->ops.ctx, channel);
    }
}

static void get_status(struct device_modem *m, const struct cat_command *command)
{
    cr_buf more = {0};
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        if (m->channels[i].state != CHANNEL_FREE) {
            uint8_t status[2];
            status_of(&m->channels[i], i, status);
            cat_put(&more, CAT_TAG_CHANNEL_STATUS | CAT_COMPREHENSION, CR_SPAN_ARRAY(status));
        }
    }
    if (more.n == 0) {
        static const uint8_t none[2] = {0};
        cat_put(&more, CAT_TAG_CHANNEL_STATUS | CAT_COMPREHENSION, CR_SPAN_ARRAY(none));
    }
    modem_respond(m, command, CAT_RESULT_OK, nothing, cr_buf_span(&more));
    cr_buf_free(&more);
}

bool modem_channel_command(struct device_modem *m, const struct cat_command *c)
{
    static const struct {
        uint8_t type;
        void (*perform)(struct device_modem *m, const struct cat_command *c);
    } commands[] = {{CAT_OPEN_CHANNEL, open_channel},
                    {CAT_CLOSE_CHANNEL, close_channel},
                    {CAT_SEND_DATA, send_data},
                    {CAT_RECEIVE_DATA, receive_data},
                    {CAT_GET_CHANNEL_STATUS, get_status}};
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        if (commands[i].type == c->type) {
            commands[i].perform(m, c);
            return true;
        }
    }
    return false;
}

/* --- events ------------------------------------------------------------------------------------
 */

static bool tell_status(struct device_modem *m, struct modem_channel *c, unsigned channel)
{
    cr_buf b = {0};
    uint8_t status[2];
    unsigned sw = 0x9000;
    status_of(c, channel, status);
    if (m->events & CAT_EVENT_BIT(CAT_EVENT_CHANNEL_STATUS)) {
        cat_envelope_channel_status(&b, status);
        modem_envelope(m, &b, &sw);
    }
    c->tell_status = sw == 0x9300;
    return true;
}

static bool tell_data(struct device_modem *m, struct modem_channel *c, unsigned channel)
{
    size_t there = waiting_in(c);
    cr_buf b = {0};
    uint8_t status[2];
    unsigned sw = 0x9000;
    status_of(c, channel, status);
    if (there > 0 && (m->events & CAT_EVENT_BIT(CAT_EVENT_DATA_AVAILABLE))) {
        cat_envelope_data_available(&b, status, (uint8_t)(there < 0xFF ? there : 0xFF));
        modem_envelope(m, &b, &sw);
    }
    c->tell_data = sw == 0x9300;
    return true;
}

bool modem_channel_run(struct device_modem *m)
{
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        struct modem_channel *c = &m->channels[i];
        if (c->tell_data) { /* before the news that the link is down */
            return tell_data(m, c, i);
        }
        if (c->tell_status) {
            return tell_status(m, c, i);
        }
    }
    return false;
}

void modem_channels_drop(struct device_modem *m)
{
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        struct modem_channel *c = &m->channels[i];
        if (c->state == CHANNEL_OPEN || c->state == CHANNEL_OPENING) {
            m->ops.close(m->ops.ctx, i);
            c->tell_status = c->state == CHANNEL_OPEN || c->background;
            c->state = CHANNEL_DROPPED;
        }
    }
}

void modem_channels_forget(struct device_modem *m)
{
    for (unsigned i = 0; i < CAT_CHANNELS; i++) {
        struct modem_channel *c = &m->channels[i];
        if (c->state != CHANNEL_FREE) {
            m->ops.close(m->ops.ctx, i);
        }
        release(c);
    }
    cr_wipe(m->command, sizeof m->command);
}
