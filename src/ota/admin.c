/*
 * Administration sessions: the codings around them.
 */
#include "ota/admin.h"

#include "asn1/der.h"
#include "base/text.h"

#include <stdio.h>

#define TRIGGER  "GP Amendment B"
#define IDENTITY "GP Amendment B"

#define TIMER_TAG    0x25
#define RID          5 /* bytes */
#define SECONDS_MAX  86399
#define KEY_ID_BYTES 2
#define FIRST_KVN    0x40 /* of SCP81 */
#define LAST_KVN     0x4F

/* ---- headers ---- */

static const char *const statuses[OTA_ADMIN_STATUS_COUNT] = {
    [OTA_ADMIN_OK] = "ok",
    [OTA_ADMIN_UNKNOWN_APPLICATION] = "unknown-application",
    [OTA_ADMIN_NOT_A_SECURITY_DOMAIN] = "not-a-security-domain",
    [OTA_ADMIN_SECURITY_ERROR] = "security-error",
};

const char *ota_admin_status_text(enum ota_admin_status status)
{
    return (unsigned)status < OTA_ADMIN_STATUS_COUNT ? statuses[status] : "security-error";
}

bool ota_admin_status_read(const char *text, enum ota_admin_status *out)
{
    for (size_t i = 0; i < CR_COUNT(statuses); i++) {
        if (cr_span_equal_nocase(cr_span_str(text), cr_span_str(statuses[i]))) {
            *out = (enum ota_admin_status)i;
            return true;
        }
    }
    return false;
}

void ota_admin_target_write(const struct ota_aid *aid, char out[OTA_ADMIN_TARGET_TEXT])
{
    char rid[2 * RID + 1];
    char pix[2 * OTA_AID_MAX + 1];
    cr_span all = cr_span_of(aid->value, aid->n);
    (void)snprintf(out, OTA_ADMIN_TARGET_TEXT, "//aid/%s/%s",
                   cr_hex_into(rid, sizeof(rid), cr_span_sub(all, 0, RID)),
                   cr_hex_into(pix, sizeof(pix), cr_span_sub(all, RID, OTA_AID_MAX)));
}

/* "RID/PIX". */
static bool read_aid(cr_span text, struct ota_aid *out)
{
    struct ota_aid aid = {0};
    size_t pix = text.n > 2 * RID ? text.n - 2 * RID - 1 : 0;
    if (text.n < 2 * RID + 1 || text.p[2 * RID] != '/' || pix % 2 != 0 ||
        pix / 2 > OTA_AID_MAX - RID) {
        return false;
    }
    aid.n = (uint8_t)(RID + pix / 2);
    if (!cr_hex_fixed(aid.value, RID, cr_span_sub(text, 0, 2 * RID)) ||
        (pix > 0 && !cr_hex_fixed(aid.value + RID, pix / 2, cr_span_sub(text, 2 * RID + 1, pix)))) {
        return false;
    }
    *out = aid;
    return true;
}

/* What follows a prefix that is there in any case; absent = it is not. */
static cr_span behind(cr_span text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (!cr_span_equal_nocase(cr_span_sub(text, 0, n), cr_span_str(prefix))) {
        return (cr_span){0};
    }
    return cr_span_of(text.p + n, text.n - n);
}

bool ota_admin_target_read(const char *text, struct ota_aid *out)
{
    cr_span aid = behind(cr_span_str(text), "//aid/");
    return cr_span_present(aid) && read_aid(aid, out);
}

void ota_admin_from_write(const uint8_t eid[OTA_EID], const struct ota_aid *agent,
                          char out[OTA_ADMIN_FROM_TEXT])
{
    char eid_text[2 * OTA_EID + 1];
    char aid[OTA_ADMIN_TARGET_TEXT];
    ota_admin_target_write(agent, aid);
    (void)snprintf(out, OTA_ADMIN_FROM_TEXT, "//se-id/eid/%s;//aa-id%s",
                   cr_hex_into(eid_text, sizeof(eid_text), cr_span_of(eid, OTA_EID)),
                   aid + 1); /* "/aid/.." */
}

bool ota_admin_from_eid(const char *text, uint8_t eid[OTA_EID])
{
    cr_span rest = behind(cr_span_str(text), "//se-id/eid/");
    uint8_t value[OTA_EID];
    if (!cr_span_present(rest) || (rest.n > 2 * OTA_EID && rest.p[2 * OTA_EID] != ';') ||
        !cr_hex_fixed(value, OTA_EID, cr_span_sub(rest, 0, 2 * OTA_EID))) {
        return false;
    }
    memcpy(eid, value, OTA_EID);
    return true;
}

/* ---- PSK identity ---- */

void ota_psk_identity_write(const struct ota_psk_identity *identity,
                            char out[OTA_PSK_IDENTITY_TEXT])
{
    uint8_t bytes[OTA_PSK_IDENTITY_TEXT / 2];
    size_t n = 0;
    const uint8_t format[] = {0x80, 1, 2, 0x81, OTA_EID};
    memcpy(bytes, format, sizeof(format));
    n += sizeof(format);
    memcpy(bytes + n, identity->eid, OTA_EID);
    n += OTA_EID;
    bytes[n++] = 0x4F;
    bytes[n++] = identity->aid.n;
    memcpy(bytes + n, identity->aid.value, identity->aid.n);
    n += identity->aid.n;
    const uint8_t keys[] = {0x82, 1, identity->key_id, 0x83, 1, identity->kvn};
    memcpy(bytes + n, keys, sizeof(keys));
    n += sizeof(keys);
    (void)cr_hex_into(out, OTA_PSK_IDENTITY_TEXT, cr_span_of(bytes, n));
}

enum { SEEN_FORMAT = 1, SEEN_EID = 2, SEEN_AID = 4, SEEN_KEY = 8, SEEN_KVN = 16, SEEN_ALL = 31 };

/* One TLV: the bit of what it was, 0 = something unknown, -1 = it cannot be. */
static int identity_part(const struct der_tlv *tlv, struct ota_psk_identity *out)
{
    cr_span v = tlv->value;
    switch (tlv->tag) {
    case 0x80:
        return v.n == 1 && v.p[0] == 2 ? SEEN_FORMAT : -1;
    case 0x81:
        if (v.n != OTA_EID) {
            return -1;
        }
        memcpy(out->eid, v.p, v.n);
        return SEEN_EID;
    case 0x4F:
        if (v.n < OTA_AID_MIN || v.n > OTA_AID_MAX) {
            return -1;
        }
        out->aid.n = (uint8_t)v.n;
        memcpy(out->aid.value, v.p, v.n);
        return SEEN_AID;
    case 0x82:
        out->key_id = v.n == 1 ? v.p[0] : 0;
        return v.n == 1 ? SEEN_KEY : -1;
    case 0x83:
        out->kvn = v.n == 1 ? v.p[0] : 0;
        return v.n == 1 && v.p[0] >= FIRST_KVN && v.p[0] <= LAST_KVN ? SEEN_KVN : -1;
    default:
        return 0;
    }
}

static cr_status identity_tlvs(cr_span in, struct ota_psk_identity *out, struct cr_err *err)
{
    struct ota_psk_identity found = {0};
    int seen = 0;
    while (in.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&in, DER_STRICT, &tlv, err));
        int part = identity_part(&tlv, &found);
        if (part < 0 || (part & seen)) {
            return cr_fail(err, CR_MALFORMED, IDENTITY,
                           "tag %02X of the PSK identity has a value that it cannot have, or is "
                           "there twice",
                           (unsigned)tlv.tag);
        }
        seen |= part;
    }
    if (seen != SEEN_ALL) {
        return cr_fail(err, CR_MALFORMED, IDENTITY,
                       "the PSK identity lacks one of the tags 80, 81, 4F, 82, 83");
    }
    *out = found;
    return CR_OK;
}

cr_status ota_psk_identity_read(cr_span text, struct ota_psk_identity *out, struct cr_err *err)
{
    uint8_t bytes[128];
    if (text.n % 2 != 0 || text.n > 2 * sizeof(bytes) || text.n == 0 ||
        !cr_hex_fixed(bytes, text.n / 2, text)) {
        return cr_fail(err, CR_MALFORMED, IDENTITY, "the PSK identity is no TLVs in hex");
    }
    return identity_tlvs(cr_span_of(bytes, text.n / 2), out, err);
}

/* ---- parameters: reading ---- */

static cr_status part_broken(struct cr_err *err, const char *tag)
{
    return cr_err_field(err,
                        cr_fail(err, CR_MALFORMED, TRIGGER,
                                "tag %s of the session parameters is not what it should be", tag),
                        tag);
}

/* 85: L identity 02 KVN key-id [hash]. Some put the key id first. */
static cr_status read_security(cr_span v, struct ota_admin_params *out, struct cr_err *err)
{
    size_t n = v.n > 0 ? v.p[0] : 0;
    if (n == 0 || n >= 0x80 || v.n < 1 + n + 1 + KEY_ID_BYTES || v.n > 1 + n + 2 + KEY_ID_BYTES ||
        v.p[1 + n] != KEY_ID_BYTES) {
        return part_broken(err, "85");
    }
    const uint8_t *key = v.p + 1 + n + 1;
    bool first = key[0] >= FIRST_KVN && key[0] <= LAST_KVN;
    bool second = key[1] >= FIRST_KVN && key[1] <= LAST_KVN;
    if (!first && !second) {
        return part_broken(err, "85");
    }
    out->security.present = true;
    out->security.identity = cr_span_of(v.p + 1, n);
    out->security.kvn = first ? key[0] : key[1];
    out->security.key_id = first ? key[1] : key[0];
    out->security.has_hash = v.n > 1 + n + 1 + KEY_ID_BYTES;
    out->security.hash = out->security.has_hash ? key[KEY_ID_BYTES] : 0;
    return CR_OK;
}

/* Two decimal digits, the low nibble first; false when they are none, or more than most. */
static bool read_swapped(uint8_t byte, unsigned most, unsigned *out)
{
    unsigned value = (byte & 0x0FU) * 10 + (byte >> 4);
    *out = value;
    return (byte & 0x0F) <= 9 && byte >> 4 <= 9 && value <= most;
}

/* 86: count (2), timer value 25 03 hh mm ss, then the report. */
static cr_status read_retry(cr_span v, struct ota_admin_params *out, struct cr_err *err)
{
    unsigned hours;
    unsigned minutes;
    unsigned seconds;
    if (v.n < 7 || (v.p[2] & 0x7F) != TIMER_TAG || v.p[3] != 3 ||
        !read_swapped(v.p[4], 23, &hours) || !read_swapped(v.p[5], 59, &minutes) ||
        !read_swapped(v.p[6], 59, &seconds)) {
        return part_broken(err, "86");
    }
    out->retry.present = true;
    out->retry.count = (uint16_t)(v.p[0] << 8 | v.p[1]);
    out->retry.seconds = (hours * 60 + minutes) * 60 + seconds;
    out->retry.report = v.n > 7 ? cr_span_sub(v, 7, v.n) : (cr_span){0};
    return CR_OK;
}

/* A member that may be there once. */
static bool take_once(cr_span *member, cr_span value)
{
    bool first = !cr_span_present(*member);
    *member = value;
    return first;
}

static cr_status read_post(cr_span v, struct ota_admin_params *out, struct cr_err *err)
{
    out->post.present = true;
    while (v.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&v, DER_STRICT, &tlv, err));
        cr_span *member = tlv.tag == 0x8A   ? &out->post.host
                          : tlv.tag == 0x8B ? &out->post.agent
                          : tlv.tag == 0x8C ? &out->post.uri
                                            : NULL;
        if (member && (!take_once(member, tlv.value) || tlv.value.n > OTA_ADMIN_URI)) {
            return part_broken(err, "89");
        }
    }
    return CR_OK;
}

static cr_status read_dns(cr_span v, struct ota_admin_params *out, struct cr_err *err)
{
    out->dns.present = true;
    while (v.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&v, DER_STRICT, &tlv, err));
        cr_span *member = tlv.tag == 0xD6   ? &out->dns.name
                          : tlv.tag == 0xFA ? &out->dns.connection
                                            : NULL;
        if (member && (!take_once(member, tlv.value) || tlv.value.n > OTA_ADMIN_HOST)) {
            return part_broken(err, "B3");
        }
    }
    return CR_OK;
}

static cr_status read_part(const struct der_tlv *tlv, struct ota_admin_params *out,
                           struct cr_err *err)
{
    switch (tlv->tag) {
    case 0x84:
        return take_once(&out->connection, tlv->value) ? CR_OK : part_broken(err, "84");
    case 0x85:
        return out->security.present ? part_broken(err, "85") : read_security(tlv->value, out, err);
    case 0xA5:
        return take_once(&out->extended_security, tlv->value) ? CR_OK : part_broken(err, "A5");
    case 0x86:
        return out->retry.present ? part_broken(err, "86") : read_retry(tlv->value, out, err);
    case 0x89:
        return out->post.present ? part_broken(err, "89") : read_post(tlv->value, out, err);
    case 0xB3:
        return out->dns.present ? part_broken(err, "B3") : read_dns(tlv->value, out, err);
    default:
        return CR_OK;
    }
}

static cr_status read_parts(cr_span tlvs, struct ota_admin_params *out, struct cr_err *err)
{
    while (tlvs.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&tlvs, DER_STRICT, &tlv, err));
        CR_TRY(read_part(&tlv, out, err));
    }
    return CR_OK;
}

cr_status ota_admin_params_read(cr_span tlvs, struct ota_admin_params *out, struct cr_err *err)
{
    struct ota_admin_params params = {0};
    CR_TRY(read_parts(tlvs, &params, err));
    *out = params;
    return CR_OK;
}

/* Inside 81: 83 with its parts, and B3 beside it. */
static cr_status read_session(cr_span v, struct ota_admin_params *out, struct cr_err *err)
{
    bool seen = false;
    while (v.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&v, DER_STRICT, &tlv, err));
        if (tlv.tag == 0x83 && seen) {
            return part_broken(err, "83");
        }
        seen = seen || tlv.tag == 0x83;
        CR_TRY(tlv.tag == 0x83   ? read_parts(tlv.value, out, err)
               : tlv.tag == 0xB3 ? read_part(&tlv, out, err)
                                 : CR_OK);
    }
    return CR_OK;
}

cr_status ota_admin_trigger_read(cr_span payload, struct ota_admin_trigger *out, struct cr_err *err)
{
    struct ota_admin_trigger trigger = {0};
    while (payload.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&payload, DER_STRICT, &tlv, err));
        if (tlv.tag == 0x81) {
            if (trigger.session) {
                return part_broken(err, "81");
            }
            trigger.session = true;
            CR_TRY(read_session(tlv.value, &trigger.params, err));
        } else if (tlv.tag == 0x82 && !take_once(&trigger.resource, tlv.value)) {
            return part_broken(err, "82");
        }
    }
    if (!trigger.session && !cr_span_present(trigger.resource)) {
        return cr_fail(err, CR_MALFORMED, TRIGGER, "a trigger has the tag 81 or 82");
    }
    *out = trigger;
    return CR_OK;
}

/* ---- parameters: writing ---- */

static cr_status write_security(cr_buf *out, const struct ota_admin_params *p, struct cr_err *err)
{
    cr_span identity = p->security.identity;
    if (identity.n == 0 || identity.n >= 0x80 || p->security.kvn < FIRST_KVN ||
        p->security.kvn > LAST_KVN) {
        return part_broken(err, "85");
    }
    size_t mark = der_open(out, 0x85);
    cr_buf_append_byte(out, (uint8_t)identity.n);
    cr_buf_append_span(out, identity);
    cr_buf_append_byte(out, KEY_ID_BYTES);
    cr_buf_append_byte(out, p->security.kvn);
    cr_buf_append_byte(out, p->security.key_id);
    if (p->security.has_hash) {
        cr_buf_append_byte(out, p->security.hash);
    }
    der_close(out, mark);
    return CR_OK;
}

static uint8_t swapped(uint32_t value)
{
    return (uint8_t)((value % 10) << 4 | value / 10);
}

static cr_status write_retry(cr_buf *out, const struct ota_admin_params *p, struct cr_err *err)
{
    uint32_t s = p->retry.seconds;
    if (s > SECONDS_MAX) {
        return part_broken(err, "86");
    }
    size_t mark = der_open(out, 0x86);
    cr_buf_append_be(out, p->retry.count, 2);
    const uint8_t timer[] = {TIMER_TAG, 3, swapped(s / 3600), swapped(s / 60 % 60),
                             swapped(s % 60)};
    cr_buf_append(out, timer, sizeof(timer));
    cr_buf_append_span(out, p->retry.report);
    der_close(out, mark);
    return CR_OK;
}

static void put_present(cr_buf *out, uint32_t tag, cr_span value)
{
    if (cr_span_present(value)) {
        der_put(out, tag, value);
    }
}

static cr_status write_parts(cr_buf *out, const struct ota_admin_params *p, struct cr_err *err)
{
    put_present(out, 0x84, p->connection);
    if (p->security.present) {
        CR_TRY(write_security(out, p, err));
    }
    put_present(out, 0xA5, p->extended_security);
    if (p->retry.present) {
        CR_TRY(write_retry(out, p, err));
    }
    if (p->post.host.n > OTA_ADMIN_HOST || p->post.agent.n > OTA_ADMIN_URI ||
        p->post.uri.n > OTA_ADMIN_URI) {
        return part_broken(err, "89");
    }
    if (p->post.present) {
        size_t mark = der_open(out, 0x89);
        put_present(out, 0x8A, p->post.host);
        put_present(out, 0x8B, p->post.agent);
        put_present(out, 0x8C, p->post.uri);
        der_close(out, mark);
    }
    return CR_OK;
}

static cr_status write_dns(cr_buf *out, const struct ota_admin_params *p, struct cr_err *err)
{
    if (!p->dns.present) {
        return CR_OK;
    }
    if (p->dns.name.n > OTA_ADMIN_HOST || p->dns.connection.n > OTA_ADMIN_HOST) {
        return part_broken(err, "B3");
    }
    size_t mark = der_open(out, 0xB3);
    put_present(out, 0xD6, p->dns.name);
    put_present(out, 0xFA, p->dns.connection);
    der_close(out, mark);
    return CR_OK;
}

static cr_status written(const cr_buf *out, struct cr_err *err)
{
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

cr_status ota_admin_params_write(cr_buf *out, const struct ota_admin_params *params,
                                 struct cr_err *err)
{
    CR_TRY(write_parts(out, params, err));
    CR_TRY(write_dns(out, params, err));
    return written(out, err);
}

static bool has_parts(const struct ota_admin_params *p)
{
    return cr_span_present(p->connection) || p->security.present ||
           cr_span_present(p->extended_security) || p->retry.present || p->post.present;
}

cr_status ota_admin_trigger_write(cr_buf *out, const struct ota_admin_trigger *trigger,
                                  struct cr_err *err)
{
    if (trigger->session) {
        size_t session = der_open(out, 0x81);
        if (has_parts(&trigger->params)) {
            size_t mark = der_open(out, 0x83);
            CR_TRY(write_parts(out, &trigger->params, err));
            der_close(out, mark);
        }
        CR_TRY(write_dns(out, &trigger->params, err));
        der_close(out, session);
    }
    put_present(out, 0x82, trigger->resource);
    return written(out, err);
}

static void fill(cr_span *mine, cr_span other)
{
    if (!cr_span_present(*mine)) {
        *mine = other;
    }
}

void ota_admin_params_fill(struct ota_admin_params *trigger, const struct ota_admin_params *stored)
{
    fill(&trigger->connection, stored->connection);
    fill(&trigger->extended_security, stored->extended_security);
    if (!trigger->security.present) {
        trigger->security = stored->security;
    }
    if (!trigger->retry.present) {
        trigger->retry = stored->retry;
    }
    if (!trigger->dns.present) {
        trigger->dns = stored->dns;
    }
    trigger->post.present = trigger->post.present || stored->post.present;
    fill(&trigger->post.host, stored->post.host);
    fill(&trigger->post.agent, stored->post.agent);
    fill(&trigger->post.uri, stored->post.uri);
}

/* ---- notification ---- */

#define NOTIFICATION "SGP.02 4.1.1.11"

cr_status ota_admin_notification_write(cr_buf *out, cr_span uri, cr_span notification,
                                       struct cr_err *err)
{
    static const char msg[] = "msg=";
    if (uri.n + sizeof(msg) + 2 * notification.n > OTA_ADMIN_URI) {
        return cr_fail(err, CR_REFUSED, NOTIFICATION,
                       "the URI with the notification has more than %d characters", OTA_ADMIN_URI);
    }
    cr_buf_append_span(out, uri);
    cr_buf_append_byte(out, memchr(uri.p, '?', uri.n) ? '&' : '?');
    cr_buf_append_str(out, msg);
    cr_hex_append(out, notification);
    return written(out, err);
}

/* The value of msg among the parts of a query; absent = there is none. */
static cr_span find_msg(const char *query)
{
    while (query && *query) {
        size_t n = strcspn(query, "&");
        if (n >= 4 && memcmp(query, "msg=", 4) == 0) {
            return cr_span_of(query + 4, n - 4);
        }
        query += n;
        query += *query == '&';
    }
    return (cr_span){0};
}

cr_status ota_admin_notification_read(const char *query, cr_buf *out, bool *found,
                                      struct cr_err *err)
{
    cr_span text = find_msg(query);
    if (!cr_span_present(text)) {
        *found = false;
        return CR_OK;
    }
    uint8_t *at = text.n > 0 && text.n % 2 == 0 ? cr_buf_extend(out, text.n / 2) : NULL;
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    cr_span tlv = cr_span_of(at, at ? text.n / 2 : 0);
    struct der_tlv e1;
    if (!at || !cr_hex_fixed(at, text.n / 2, text) ||
        der_expect(&tlv, DER_STRICT, 0xE1, &e1, err) != CR_OK || tlv.n > 0) {
        out->n -= at ? text.n / 2 : 0;
        return cr_fail(err, CR_MALFORMED, NOTIFICATION,
                       "msg is not one notification (E1) in hexadecimal");
    }
    *found = true;
    return CR_OK;
}
