/*
 * Toolkit objects as one line each, for traces and crisp decode.
 */
#include "base/text.h"
#include "profile/ef.h"
#include "uicc/cat.h"

#define SHOWN 48 /* bytes of a value in hex before it is cut */

/* --- parts -------------------------------------------------------------------------------------
 */

static void put_hex(cr_buf *out, cr_span v)
{
    cr_hex_append(out, cr_span_sub(v, 0, SHOWN));
    if (v.n > SHOWN) {
        cr_buf_appendf(out, ".. (%zu bytes)", v.n);
    }
}

/* Moves the text out of b, made fit to be shown. */
static void put_cleaned(cr_buf *out, cr_buf *b)
{
    if (cr_buf_cstr(b)) {
        cr_text_clean((char *)b->p);
        cr_buf_append_str(out, (const char *)b->p);
    }
    cr_buf_free(b);
}

static void put_quoted(cr_buf *out, cr_span alpha)
{
    cr_buf text = {0};
    profile_alpha_text(alpha, &text);
    cr_buf_append_byte(out, '"');
    put_cleaned(out, &text);
    cr_buf_append_byte(out, '"');
}

static void put_named(cr_buf *out, const char *name, unsigned value)
{
    if (name) {
        cr_buf_append_str(out, name);
    } else {
        cr_buf_appendf(out, "%02X", value);
    }
}

/* --- values: false = not of the form that the tag has, to be shown in hex ----------------------
 */

static bool show_alpha(cr_buf *out, cr_span v)
{
    put_quoted(out, v);
    return true;
}

/* Data coding scheme and text (TS 102 223 8.15). */
static bool show_text(cr_buf *out, cr_span v)
{
    uint8_t plain[CAT_MAX_DATA + 1] = {0x80};
    if (v.n == 0) {
        cr_buf_append_str(out, "\"\"");
        return true;
    }
    cr_span text = cr_span_sub(v, 1, v.n - 1);
    if (text.n >= sizeof plain) {
        return false;
    }
    switch (v.p[0] & 0x0C) {
    case 0x00: { /* 7 bits, packed */
        size_t n = text.n * 8 / 7;
        if (n > sizeof plain) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            size_t at = i * 7 / 8, shift = i * 7 % 8;
            unsigned two = text.p[at] | (at + 1 < text.n ? (unsigned)text.p[at + 1] << 8 : 0);
            plain[i] = two >> shift & 0x7F;
        }
        put_quoted(out, cr_span_of(plain, n));
        return true;
    }
    case 0x04:
        put_quoted(out, text);
        return true;
    case 0x08:
        memcpy(plain + 1, text.p, text.n);
        put_quoted(out, cr_span_of(plain, text.n + 1));
        return true;
    default:
        return false;
    }
}

/* Type of number and digits, two each byte. */
static bool show_number(cr_buf *out, cr_span v)
{
    static const char digits[] = "0123456789*#abc";
    if (v.n == 0) {
        return false;
    }
    cr_buf_append_str(out, (v.p[0] & 0x70) == 0x10 ? "+" : "");
    for (size_t i = 2; i < 2 * v.n; i++) {
        unsigned d = (i % 2 ? v.p[i / 2] >> 4 : v.p[i / 2]) & 0x0F;
        if (d == 0x0F) {
            break;
        }
        cr_buf_append_byte(out, (uint8_t)digits[d]);
    }
    return true;
}

static bool show_duration(cr_buf *out, cr_span v)
{
    uint32_t tenths;
    if (!cat_duration_read(v, &tenths)) {
        return false;
    }
    if (tenths % 10) {
        cr_buf_appendf(out, "%u.%u s", tenths / 10, tenths % 10);
    } else {
        cr_buf_appendf(out, "%u s", tenths / 10);
    }
    return true;
}

static bool show_timer(cr_buf *out, cr_span v)
{
    uint32_t s;
    if (!cat_timer_read(v, &s)) {
        return false;
    }
    cr_buf_appendf(out, "%02u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    return true;
}

static bool show_events(cr_buf *out, cr_span v)
{
    cr_buf_append_str(out, v.n ? "" : "none");
    for (size_t i = 0; i < v.n; i++) {
        cr_buf_append_str(out, i ? "+" : "");
        put_named(out, cat_event_name(v.p[i]), v.p[i]);
    }
    return true;
}

static bool show_location_status(cr_buf *out, cr_span v)
{
    static const char *const names[] = {"normal service", "limited service", "no service"};
    if (v.n != 1 || v.p[0] >= CR_COUNT(names)) {
        return false;
    }
    cr_buf_append_str(out, names[v.p[0]]);
    return true;
}

static bool show_number_byte(cr_buf *out, cr_span v)
{
    if (v.n != 1) {
        return false;
    }
    cr_buf_appendf(out, "%u", v.p[0]);
    return true;
}

static bool show_data_length(cr_buf *out, cr_span v)
{
    if (v.n == 1 && v.p[0] == 0xFF) {
        cr_buf_append_str(out, "255 or more");
        return true;
    }
    return show_number_byte(out, v);
}

static bool show_size(cr_buf *out, cr_span v)
{
    if (v.n != 2) {
        return false;
    }
    cr_buf_appendf(out, "%u", v.p[0] << 8 | v.p[1]);
    return true;
}

static bool show_data(cr_buf *out, cr_span v)
{
    cr_buf_appendf(out, "%zu bytes ", v.n);
    cr_hex_append(out, cr_span_sub(v, 0, SHOWN));
    cr_buf_append_str(out, v.n > SHOWN ? ".." : "");
    return true;
}

static bool show_channel_status(cr_buf *out, cr_span v)
{
    struct cat_channel_status s;
    if (!cat_channel_status_read(v, &s)) {
        return false;
    }
    cr_buf_appendf(out, "channel %u %s", s.channel,
                   s.info == CAT_LINK_DROPPED ? "link dropped"
                   : s.up                     ? "up"
                                              : "down");
    if (s.info && s.info != CAT_LINK_DROPPED) {
        cr_buf_appendf(out, " info %02X", s.info);
    }
    return true;
}

static bool show_bearer(cr_buf *out, cr_span v)
{
    static const struct {
        uint8_t type;
        const char *name;
    } bearers[] = {{0x01, "CSD"},       {0x02, "GPRS"},   {0x03, "default"}, {0x04, "local link"},
                   {0x05, "Bluetooth"}, {0x06, "IrDA"},   {0x07, "RS232"},   {0x08, "cdma2000"},
                   {0x09, "UTRAN PS"},  {0x0A, "I-WLAN"}, {0x0B, "E-UTRAN"}, {0x0C, "NG-RAN"},
                   {0x10, "USB"}};
    const char *name = NULL;
    if (v.n == 0) {
        return false;
    }
    for (size_t i = 0; i < CR_COUNT(bearers); i++) {
        name = bearers[i].type == v.p[0] ? bearers[i].name : name;
    }
    put_named(out, name, v.p[0]);
    if (v.n > 1) {
        cr_buf_append_byte(out, ' ');
        put_hex(out, cr_span_sub(v, 1, v.n - 1));
    }
    return true;
}

static bool show_transport(cr_buf *out, cr_span v)
{
    static const char *const names[] = {NULL,         "UDP",        "TCP",   "TCP server",
                                        "UDP, local", "TCP, local", "direct"};
    if (v.n != 3 || v.p[0] == 0 || v.p[0] >= CR_COUNT(names)) {
        return false;
    }
    cr_buf_appendf(out, "%s port %u", names[v.p[0]], v.p[1] << 8 | v.p[2]);
    return true;
}

static bool show_address(cr_buf *out, cr_span v)
{
    if (v.n == 0) {
        cr_buf_append_str(out, "dynamic");
        return true;
    }
    if (v.p[0] == CAT_ADDRESS_IPV4 && v.n == 5) {
        cr_buf_appendf(out, "%u.%u.%u.%u", v.p[1], v.p[2], v.p[3], v.p[4]);
        return true;
    }
    if (v.p[0] != CAT_ADDRESS_IPV6 || v.n != 17) {
        return false;
    }
    for (size_t i = 1; i < 17; i += 2) {
        cr_buf_appendf(out, "%s%x", i > 1 ? ":" : "", v.p[i] << 8 | v.p[i + 1]);
    }
    return true;
}

static bool show_nan(cr_buf *out, cr_span v)
{
    char name[CAT_MAX_NAN + 1];
    if (!cat_nan_read(v, name)) {
        return false;
    }
    cr_text_clean(name);
    cr_buf_append_str(out, name);
    return true;
}

static bool show_item(cr_buf *out, cr_span v)
{
    if (v.n == 0) {
        return false;
    }
    cr_buf_appendf(out, "%u ", v.p[0]);
    put_quoted(out, cr_span_sub(v, 1, v.n - 1));
    return true;
}

/* Tags whose values are shown in another way than hex, and shorter names for the line. */
static const struct {
    uint8_t tag;
    const char *name;
    bool (*show)(cr_buf *out, cr_span value);
} shown[] = {
    {CAT_TAG_DURATION, "duration", show_duration},
    {CAT_TAG_ALPHA, "alpha", show_alpha},
    {CAT_TAG_ADDRESS, "address", show_number},
    {CAT_TAG_SMS_TPDU, "TPDU", NULL},
    {CAT_TAG_TEXT, "text", show_text},
    {CAT_TAG_ITEM, "item", show_item},
    {CAT_TAG_ITEM_ID, "item", show_number_byte},
    {CAT_TAG_EVENT_LIST, "events", show_events},
    {CAT_TAG_LOCATION_STATUS, "location status", show_location_status},
    {CAT_TAG_TIMER_ID, "timer", show_number_byte},
    {CAT_TAG_TIMER_VALUE, "value", show_timer},
    {CAT_TAG_BEARER, "bearer", show_bearer},
    {CAT_TAG_CHANNEL_DATA, "data", show_data},
    {CAT_TAG_CHANNEL_DATA_LENGTH, "length", show_data_length},
    {CAT_TAG_CHANNEL_STATUS, "status", show_channel_status},
    {CAT_TAG_BUFFER_SIZE, "buffer", show_size},
    {CAT_TAG_TRANSPORT, "transport", show_transport},
    {CAT_TAG_OTHER_ADDRESS, "address", show_address},
    {CAT_TAG_NETWORK_ACCESS_NAME, "NAN", show_nan},
};

static void put_tlv(cr_buf *out, const struct cat_tlv *tlv)
{
    const char *name = cat_tag_name(tlv->tag);
    bool done = false;
    size_t start = out->n;
    for (size_t i = 0; i < CR_COUNT(shown) && !done; i++) {
        if (shown[i].tag == tlv->tag) {
            name = shown[i].name;
            cr_buf_appendf(out, "%s ", name);
            done = shown[i].show && shown[i].show(out, tlv->value);
        }
    }
    if (!done && cr_buf_ok(out)) {
        out->n = start;
        cr_buf_append_str(out, name ? "" : "tag ");
        put_named(out, name, tlv->tag);
        cr_buf_append_byte(out, ' ');
        put_hex(out, tlv->value);
    }
}

/* The TLVs that the head of the line does not say, each behind a comma. */
static bool put_tlvs(cr_buf *out, cr_span tlvs, bool secret_texts)
{
    struct cat_tlv tlv;
    const char *separator = ": ";
    while (tlvs.n) {
        if (cat_next(&tlvs, &tlv, NULL) != CR_OK) {
            cr_buf_appendf(out, "%snot a TLV", separator);
            return false;
        }
        if (tlv.tag == CAT_TAG_COMMAND_DETAILS || tlv.tag == CAT_TAG_DEVICE_IDENTITIES ||
            tlv.tag == CAT_TAG_RESULT) {
            continue;
        }
        cr_buf_append_str(out, separator);
        separator = ", ";
        if (secret_texts && tlv.tag == CAT_TAG_TEXT) {
            cr_buf_append_str(out, "text not shown");
        } else {
            put_tlv(out, &tlv);
        }
    }
    return true;
}

static void put_details(cr_buf *out, uint8_t number, uint8_t type, uint8_t qualifier)
{
    const char *name = cat_command_name(type);
    const char *how = cat_qualifier_name(type, qualifier);
    cr_buf_append_str(out, name ? "" : "command ");
    put_named(out, name, type);
    cr_buf_appendf(out, " #%u", number);
    if (how) {
        cr_buf_appendf(out, " %s", how);
    } else if (qualifier) {
        cr_buf_appendf(out, " qualifier %02X", qualifier);
    }
}

static bool malformed(cr_buf *out, const char *what, const struct cr_err *err, cr_span bytes)
{
    cr_buf_appendf(out, "malformed %s (%s): ", what, err->cause);
    put_hex(out, bytes);
    return false;
}

/* --- lines -------------------------------------------------------------------------------------
 */

bool cat_print_command(cr_buf *out, cr_span tlv)
{
    struct cr_err err = {0};
    struct cat_command c;
    if (cat_command_read(tlv, &c, &err) != CR_OK) {
        return malformed(out, "proactive command", &err, tlv);
    }
    put_details(out, c.number, c.type, c.qualifier);
    if (c.target != CAT_DEVICE_TERMINAL) {
        cr_buf_append_str(out, " to ");
        put_named(out, cat_device_name(c.target), c.target);
    }
    return put_tlvs(out, c.tlvs, c.type == CAT_OPEN_CHANNEL);
}

bool cat_print_response(cr_buf *out, cr_span data)
{
    struct cr_err err = {0};
    struct cat_response r;
    if (cat_response_read(data, &r, &err) != CR_OK) {
        return malformed(out, "TERMINAL RESPONSE", &err, data);
    }
    put_details(out, r.number, r.type, r.qualifier);
    cr_buf_append_str(out, " -> ");
    put_named(out, cat_result_name(r.result), r.result);
    for (size_t i = 0; i < r.info.n; i++) {
        const char *info = i == 0 ? cat_result_info_name(r.result, r.info.p[0]) : NULL;
        cr_buf_append_str(out, i == 0 ? ", " : " ");
        put_named(out, info, r.info.p[i]);
    }
    return put_tlvs(out, r.tlvs, false);
}

bool cat_print_envelope(cr_buf *out, cr_span data)
{
    struct cr_err err = {0};
    struct cat_envelope e;
    if (cat_envelope_read(data, &e, &err) != CR_OK) {
        return malformed(out, "ENVELOPE", &err, data);
    }
    const char *name = cat_outer_name(e.tag);
    cr_buf_append_str(out, name ? "" : "ENVELOPE ");
    put_named(out, name, e.tag);
    return put_tlvs(out, e.tlvs, false);
}

bool cat_print_profile(cr_buf *out, cr_span profile)
{
    const char *separator = ": ";
    cr_buf_appendf(out, "profile of %zu bytes", profile.n);
    for (unsigned bit = 1; bit <= 8 * profile.n; bit++) {
        const char *name = cat_profile_bit(profile, bit) ? cat_profile_name(bit) : NULL;
        if (name) {
            cr_buf_appendf(out, "%s%s", separator, name);
            separator = ", ";
        }
    }
    return profile.n > 0 && profile.n <= CAT_MAX_PROFILE;
}
