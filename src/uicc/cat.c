#include "uicc/cat.h"

#include "asn1/der.h"

#define CLAUSE "TS 102 223 9"

/* --- COMPREHENSION-TLVs ------------------------------------------------------------------------
 */

#define LONG_TAG 0x7F /* first byte of the three byte form */

static cr_status malformed(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_MALFORMED, CLAUSE, "%s", what);
}

/* TS 101 220 7.1.2: one byte, or 81, 82, 83 and the bytes of the length. */
static bool length_read(cr_span in, size_t *at, size_t *length)
{
    if (*at >= in.n) {
        return false;
    }
    unsigned first = in.p[(*at)++];
    if (first < 0x80) {
        *length = first;
        return true;
    }
    unsigned more = first & 0x7F;
    if (more < 1 || more > 3 || in.n - *at < more) {
        return false;
    }
    *length = 0;
    for (unsigned i = 0; i < more; i++) {
        *length = *length << 8 | in.p[(*at)++];
    }
    return true;
}

cr_status cat_next(cr_span *in, struct cat_tlv *out, struct cr_err *err)
{
    size_t at = 1, length = 0;
    if (in->n == 0) {
        return malformed(err, "a TLV is missing");
    }
    unsigned tag = in->p[0] & 0x7F;
    bool comprehension = (in->p[0] & 0x80) != 0;
    if (in->p[0] == LONG_TAG) {
        if (in->n < 3) {
            return malformed(err, "a tag is cut off");
        }
        tag = (unsigned)(in->p[1] & 0x7F) << 8 | in->p[2];
        comprehension = (in->p[1] & 0x80) != 0;
        at = 3;
    } else if (tag == 0 || tag == LONG_TAG) {
        return malformed(err, "00, 80 and FF are no tags");
    }
    if (!length_read(*in, &at, &length) || length > in->n - at) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "the TLV with tag %02X is longer than its frame",
                       tag);
    }
    *out = (struct cat_tlv){.tag = tag,
                            .comprehension = comprehension,
                            .value = cr_span_of(in->p + at, length),
                            .all = cr_span_of(in->p, at + length)};
    *in = cr_span_of(in->p + at + length, in->n - at - length);
    return CR_OK;
}

/* All of it is TLVs, and not too many. */
static cr_status tlvs_check(cr_span tlvs, struct cr_err *err)
{
    struct cat_tlv tlv;
    for (unsigned i = 0; tlvs.n; i++) {
        if (i == CAT_MAX_TLVS) {
            return malformed(err, "too many TLVs");
        }
        CR_TRY(cat_next(&tlvs, &tlv, err));
    }
    return CR_OK;
}

bool cat_find(cr_span tlvs, unsigned tag, cr_span *value)
{
    struct cat_tlv tlv;
    while (tlvs.n && cat_next(&tlvs, &tlv, NULL) == CR_OK) {
        if (tlv.tag == tag) {
            *value = tlv.value;
            return true;
        }
    }
    return false;
}

bool cat_find_next(cr_span tlvs, unsigned tag, cr_span after, cr_span *value)
{
    size_t at = (size_t)(after.p - tlvs.p) + after.n;
    return cat_find(cr_span_sub(tlvs, at, tlvs.n - at), tag, value);
}

bool cat_find_byte(cr_span tlvs, unsigned tag, uint8_t *value)
{
    cr_span found;
    if (!cat_find(tlvs, tag, &found) || found.n != 1) {
        return false;
    }
    *value = found.p[0];
    return true;
}

static void put_length(cr_buf *b, size_t n)
{
    if (n > 0xFF) {
        cr_buf_append_byte(b, 0x82);
        cr_buf_append_be(b, n, 2);
        b->failed = b->failed || n > 0xFFFF;
    } else {
        if (n > 0x7F) {
            cr_buf_append_byte(b, 0x81);
        }
        cr_buf_append_byte(b, (uint8_t)n);
    }
}

void cat_put(cr_buf *b, unsigned tag, cr_span value)
{
    cr_buf_append_byte(b, (uint8_t)tag);
    put_length(b, value.n);
    cr_buf_append_span(b, value);
}

void cat_put_byte(cr_buf *b, unsigned tag, uint8_t value)
{
    cat_put(b, tag, cr_span_of(&value, 1));
}

/* --- outer TLVs --------------------------------------------------------------------------------
 */

static cr_status outer_read(cr_span in, uint8_t *tag, cr_span *contents, struct cr_err *err)
{
    size_t at = 1, length = 0;
    if (in.n < 2 || in.p[0] < CAT_PROACTIVE) {
        return malformed(err, "there is no tag from D0 on");
    }
    if (!length_read(in, &at, &length) || length != in.n - at) {
        return malformed(err, "the length of the outer TLV is not that of its contents");
    }
    CR_TRY(tlvs_check(cr_span_of(in.p + at, length), err));
    *tag = in.p[0];
    *contents = cr_span_of(in.p + at, length);
    return CR_OK;
}

/* The length is one byte until cat_end(). */
static size_t outer_begin(cr_buf *b, uint8_t tag)
{
    cr_buf_append_byte(b, tag);
    cr_buf_append_byte(b, 0);
    return b->n;
}

void cat_end(cr_buf *b, size_t mark)
{
    if (!cr_buf_ok(b)) {
        return;
    }
    size_t n = b->n - mark;
    if (n > 0xFF) {
        b->failed = true; /* neither FETCH nor ENVELOPE can carry it */
        return;
    }
    if (n > 0x7F) {
        if (!cr_buf_extend(b, 1)) {
            return;
        }
        memmove(b->p + mark + 1, b->p + mark, n);
        b->p[mark - 1] = 0x81;
        mark++;
    }
    b->p[mark - 1] = (uint8_t)n;
}

static void put_devices(cr_buf *b, unsigned tag, uint8_t source, uint8_t target)
{
    const uint8_t devices[] = {source, target};
    cat_put(b, tag, CR_SPAN_ARRAY(devices));
}

/* --- proactive commands ------------------------------------------------------------------------
 */

static bool details_read(cr_span tlvs, uint8_t out[3])
{
    cr_span details;
    if (!cat_find(tlvs, CAT_TAG_COMMAND_DETAILS, &details) || details.n != 3) {
        return false;
    }
    memcpy(out, details.p, 3);
    return true;
}

static bool devices_read(cr_span tlvs, uint8_t *source, uint8_t *target)
{
    cr_span devices;
    if (!cat_find(tlvs, CAT_TAG_DEVICE_IDENTITIES, &devices) || devices.n != 2) {
        return false;
    }
    *source = devices.p[0];
    *target = devices.p[1];
    return true;
}

cr_status cat_command_read(cr_span tlv, struct cat_command *out, struct cr_err *err)
{
    uint8_t tag = 0, details[3];
    struct cat_command c = {0};
    CR_TRY(outer_read(tlv, &tag, &c.tlvs, err));
    if (tag != CAT_PROACTIVE) {
        return malformed(err, "a proactive command has the tag D0");
    }
    if (!details_read(c.tlvs, details)) {
        return malformed(err, "there are no command details of three bytes");
    }
    if (!devices_read(c.tlvs, &c.source, &c.target)) {
        return malformed(err, "there are no device identities of two bytes");
    }
    c.number = details[0];
    c.type = details[1];
    c.qualifier = details[2];
    *out = c;
    return CR_OK;
}

size_t cat_command_begin(cr_buf *b, const struct cat_command *c)
{
    const uint8_t details[] = {c->number, c->type, c->qualifier};
    size_t mark = outer_begin(b, CAT_PROACTIVE);
    cat_put(b, CAT_TAG_COMMAND_DETAILS | CAT_COMPREHENSION, CR_SPAN_ARRAY(details));
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION,
                c->source ? c->source : CAT_DEVICE_UICC,
                c->target ? c->target : CAT_DEVICE_TERMINAL);
    return mark;
}

/* --- TERMINAL RESPONSE -------------------------------------------------------------------------
 */

cr_status cat_response_read(cr_span data, struct cat_response *out, struct cr_err *err)
{
    uint8_t details[3];
    cr_span result;
    CR_TRY(tlvs_check(data, err));
    if (!details_read(data, details)) {
        return malformed(err, "there are no command details of three bytes");
    }
    if (!cat_find(data, CAT_TAG_RESULT, &result) || result.n == 0) {
        return malformed(err, "there is no result");
    }
    *out = (struct cat_response){.number = details[0],
                                 .type = details[1],
                                 .qualifier = details[2],
                                 .result = result.p[0],
                                 .info = cr_span_sub(result, 1, result.n - 1),
                                 .tlvs = data};
    return CR_OK;
}

void cat_response_begin(cr_buf *b, const struct cat_command *c, uint8_t result, cr_span info)
{
    const uint8_t details[] = {c->number, c->type, c->qualifier};
    cat_put(b, CAT_TAG_COMMAND_DETAILS | CAT_COMPREHENSION, CR_SPAN_ARRAY(details));
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION, CAT_DEVICE_TERMINAL,
                CAT_DEVICE_UICC);
    cr_buf_append_byte(b, CAT_TAG_RESULT);
    put_length(b, info.n + 1);
    cr_buf_append_byte(b, result);
    cr_buf_append_span(b, info);
}

/* --- ENVELOPE ----------------------------------------------------------------------------------
 */

cr_status cat_envelope_read(cr_span data, struct cat_envelope *out, struct cr_err *err)
{
    struct cat_envelope e = {0};
    CR_TRY(outer_read(data, &e.tag, &e.tlvs, err));
    if (e.tag == CAT_PROACTIVE) {
        return malformed(err, "D0 is no tag of an ENVELOPE");
    }
    (void)devices_read(e.tlvs, &e.source, &e.target);
    *out = e;
    return CR_OK;
}

size_t cat_envelope_begin(cr_buf *b, uint8_t tag)
{
    return outer_begin(b, tag);
}

void cat_envelope_sms_pp(cr_buf *b, cr_span smsc, cr_span tpdu)
{
    size_t mark = cat_envelope_begin(b, CAT_SMS_PP_DOWNLOAD);
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION, CAT_DEVICE_NETWORK,
                CAT_DEVICE_UICC);
    if (smsc.p) {
        cat_put(b, CAT_TAG_ADDRESS, smsc);
    }
    cat_put(b, CAT_TAG_SMS_TPDU | CAT_COMPREHENSION, tpdu);
    cat_end(b, mark);
}

void cat_envelope_event(cr_buf *b, uint8_t event, uint8_t source, cr_span more)
{
    size_t mark = cat_envelope_begin(b, CAT_EVENT_DOWNLOAD);
    cat_put_byte(b, CAT_TAG_EVENT_LIST | CAT_COMPREHENSION, event);
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION, source, CAT_DEVICE_UICC);
    cr_buf_append_span(b, more);
    cat_end(b, mark);
}

void cat_envelope_timer(cr_buf *b, uint8_t timer, uint32_t seconds)
{
    uint8_t value[3];
    size_t mark = cat_envelope_begin(b, CAT_TIMER_EXPIRATION);
    cat_timer_write(value, seconds);
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION, CAT_DEVICE_TERMINAL,
                CAT_DEVICE_UICC);
    cat_put_byte(b, CAT_TAG_TIMER_ID | CAT_COMPREHENSION, timer);
    cat_put(b, CAT_TAG_TIMER_VALUE | CAT_COMPREHENSION, CR_SPAN_ARRAY(value));
    cat_end(b, mark);
}

void cat_envelope_menu(cr_buf *b, uint8_t item)
{
    size_t mark = cat_envelope_begin(b, CAT_MENU_SELECTION);
    put_devices(b, CAT_TAG_DEVICE_IDENTITIES | CAT_COMPREHENSION, CAT_DEVICE_KEYPAD,
                CAT_DEVICE_UICC);
    cat_put_byte(b, CAT_TAG_ITEM_ID | CAT_COMPREHENSION, item);
    cat_end(b, mark);
}

void cat_envelope_data_available(cr_buf *b, const uint8_t status[2], uint8_t length)
{
    const uint8_t more[] = {
        CAT_TAG_CHANNEL_STATUS | CAT_COMPREHENSION,      2, status[0], status[1],
        CAT_TAG_CHANNEL_DATA_LENGTH | CAT_COMPREHENSION, 1, length};
    cat_envelope_event(b, CAT_EVENT_DATA_AVAILABLE, CAT_DEVICE_TERMINAL, CR_SPAN_ARRAY(more));
}

void cat_envelope_channel_status(cr_buf *b, const uint8_t status[2])
{
    const uint8_t more[] = {CAT_TAG_CHANNEL_STATUS | CAT_COMPREHENSION, 2, status[0], status[1]};
    cat_envelope_event(b, CAT_EVENT_CHANNEL_STATUS, CAT_DEVICE_TERMINAL, CR_SPAN_ARRAY(more));
}

bool cat_envelope_event_of(const struct cat_envelope *envelope, uint8_t *event)
{
    return envelope->tag == CAT_EVENT_DOWNLOAD &&
           cat_find_byte(envelope->tlvs, CAT_TAG_EVENT_LIST, event);
}

/* --- values ------------------------------------------------------------------------------------
 */

static uint8_t swapped_bcd(unsigned v)
{
    return (uint8_t)(v % 10 << 4 | v / 10);
}

void cat_timer_write(uint8_t out[3], uint32_t seconds)
{
    uint32_t s = seconds < CAT_MAX_TIMER ? seconds : CAT_MAX_TIMER;
    out[0] = swapped_bcd(s / 3600);
    out[1] = swapped_bcd(s / 60 % 60);
    out[2] = swapped_bcd(s % 60);
}

bool cat_timer_read(cr_span value, uint32_t *seconds)
{
    static const unsigned most[] = {23, 59, 59};
    uint32_t sum = 0;
    if (value.n != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        unsigned tens = value.p[i] & 0x0F, ones = value.p[i] >> 4;
        if (tens > 9 || ones > 9 || tens * 10 + ones > most[i]) {
            return false;
        }
        sum = sum * 60 + tens * 10 + ones;
    }
    *seconds = sum;
    return true;
}

enum { UNIT_MINUTES, UNIT_SECONDS, UNIT_TENTHS };

void cat_duration_write(uint8_t out[2], uint32_t seconds)
{
    uint32_t minutes = seconds / 60 + (seconds % 60 != 0);
    bool in_seconds = seconds <= 255;
    uint32_t count = in_seconds ? seconds : minutes < 255 ? minutes : 255;
    out[0] = in_seconds ? UNIT_SECONDS : UNIT_MINUTES;
    out[1] = (uint8_t)count;
}

bool cat_duration_read(cr_span value, uint32_t *tenths)
{
    static const uint32_t unit[] = {600, 10, 1};
    if (value.n != 2 || value.p[0] > UNIT_TENTHS || value.p[1] == 0) {
        return false;
    }
    *tenths = unit[value.p[0]] * value.p[1];
    return true;
}

cr_status cat_nan_write(cr_buf *out, cr_span text, struct cr_err *err)
{
    if (text.n == 0 || text.n + 1 > CAT_MAX_NAN) {
        return cr_fail(err, CR_REFUSED, "TS 23.003 9", "a network access name has 1 to %d bytes",
                       CAT_MAX_NAN - 1);
    }
    cr_buf labels = {0};
    for (size_t at = 0; at <= text.n;) {
        const uint8_t *dot = at < text.n ? memchr(text.p + at, '.', text.n - at) : NULL;
        size_t n = dot ? (size_t)(dot - text.p) - at : text.n - at;
        if (n == 0 || n > 63) {
            cr_buf_free(&labels);
            return cr_fail(err, CR_REFUSED, "TS 23.003 9",
                           "a label of a network access name has 1 to 63 bytes");
        }
        cr_buf_append_byte(&labels, (uint8_t)n);
        cr_buf_append(&labels, text.p + at, n);
        at += n + 1;
    }
    bool fits = cr_buf_ok(&labels);
    if (fits) {
        cr_buf_append_span(out, cr_buf_span(&labels));
    }
    cr_buf_free(&labels);
    return fits ? CR_OK : cr_fail_memory(err);
}

bool cat_nan_read(cr_span value, char out[CAT_MAX_NAN + 1])
{
    size_t to = 0;
    if (value.n == 0 || value.n > CAT_MAX_NAN) {
        return false;
    }
    for (size_t at = 0; at < value.n;) {
        size_t n = value.p[at++];
        if (n == 0 || n > 63 || n > value.n - at || memchr(value.p + at, 0, n)) {
            return false;
        }
        if (to) {
            out[to++] = '.';
        }
        memcpy(out + to, value.p + at, n);
        to += n;
        at += n;
    }
    out[to] = 0;
    return true;
}

/* --- OPEN CHANNEL ------------------------------------------------------------------------------
 */

static bool address_valid(cr_span v)
{
    return v.n == 0 || (v.p[0] == CAT_ADDRESS_IPV4 && v.n == 5) ||
           (v.p[0] == CAT_ADDRESS_IPV6 && v.n == 17);
}

/* What is found on the way besides the values. */
struct channel_state {
    bool destination_seen; /* a 3E behind 3C */
    bool early_seen;       /* a 3E before it */
    bool login_seen;
};

static bool address_take(struct cat_channel *c, struct channel_state *s, cr_span value)
{
    if (!address_valid(value)) {
        return false;
    }
    if (!c->transport && !s->early_seen) {
        c->local_address = value;
        s->early_seen = true;
    } else if (!s->destination_seen) {
        c->address = value; /* further ones: other servers, for those who look themselves */
        s->destination_seen = true;
    }
    return true;
}

static bool channel_take(struct cat_channel *c, struct channel_state *s, const struct cat_tlv *tlv)
{
    cr_span v = tlv->value;
    switch (tlv->tag) {
    case CAT_TAG_ALPHA:
        c->alpha = v;
        return true;
    case CAT_TAG_BEARER:
        c->bearer = v;
        return v.n > 0;
    case CAT_TAG_BUFFER_SIZE:
        if (v.n != 2) {
            return false;
        }
        c->buffer_size = (uint16_t)(v.p[0] << 8 | v.p[1]);
        return true;
    case CAT_TAG_NETWORK_ACCESS_NAME:
        c->nan = v;
        return v.n <= CAT_MAX_NAN;
    case CAT_TAG_TEXT:
        if (s->login_seen) {
            c->password = v;
        } else {
            c->login = v;
            s->login_seen = true;
        }
        return true;
    case CAT_TAG_TRANSPORT:
        if (v.n != 3 || v.p[0] == 0) {
            return false;
        }
        c->transport = v.p[0];
        c->port = (uint16_t)(v.p[1] << 8 | v.p[2]);
        return true;
    case CAT_TAG_OTHER_ADDRESS:
        return address_take(c, s, v);
    default:
        return true;
    }
}

cr_status cat_channel_read(cr_span tlvs, struct cat_channel *out, struct cr_err *err)
{
    struct cat_channel c = {0};
    struct channel_state s = {0};
    struct cat_tlv tlv;
    for (unsigned i = 0; tlvs.n; i++) {
        if (i == CAT_MAX_TLVS) {
            return malformed(err, "too many TLVs");
        }
        CR_TRY(cat_next(&tlvs, &tlv, err));
        if (!channel_take(&c, &s, &tlv)) {
            return cr_fail(err, CR_MALFORMED, "TS 102 223 8", "%s has a wrong size or value",
                           cat_tag_name(tlv.tag));
        }
    }
    if (s.early_seen && !s.destination_seen) {
        c.address = c.local_address;
        c.local_address = (cr_span){0};
    }
    *out = c;
    return CR_OK;
}

static void put_present(cr_buf *b, unsigned tag, cr_span value)
{
    if (value.p) {
        cat_put(b, tag, value);
    }
}

void cat_channel_put(cr_buf *b, const struct cat_channel *c)
{
    put_present(b, CAT_TAG_ALPHA, c->alpha);
    put_present(b, CAT_TAG_BEARER, c->bearer);
    if (c->buffer_size) {
        const uint8_t size[] = {(uint8_t)(c->buffer_size >> 8), (uint8_t)c->buffer_size};
        cat_put(b, CAT_TAG_BUFFER_SIZE, CR_SPAN_ARRAY(size));
    }
    put_present(b, CAT_TAG_NETWORK_ACCESS_NAME, c->nan);
    put_present(b, CAT_TAG_OTHER_ADDRESS, c->local_address);
    if (c->password.p && !c->login.p) {
        cat_put(b, CAT_TAG_TEXT, cr_span_of("", 0)); /* or the password would be taken for it */
    }
    put_present(b, CAT_TAG_TEXT, c->login);
    put_present(b, CAT_TAG_TEXT, c->password);
    if (c->transport) {
        const uint8_t transport[] = {c->transport, (uint8_t)(c->port >> 8), (uint8_t)c->port};
        cat_put(b, CAT_TAG_TRANSPORT, CR_SPAN_ARRAY(transport));
    }
    put_present(b, CAT_TAG_OTHER_ADDRESS, c->address);
}

bool cat_channel_status_read(cr_span value, struct cat_channel_status *out)
{
    if (value.n != 2) {
        return false;
    }
    *out = (struct cat_channel_status){
        .channel = value.p[0] & 0x07, .up = (value.p[0] & 0x80) != 0, .info = value.p[1]};
    return true;
}

void cat_channel_status_write(uint8_t out[2], const struct cat_channel_status *status)
{
    out[0] = (uint8_t)((status->up ? 0x80 : 0) | (status->channel & 0x07));
    out[1] = status->info;
}
