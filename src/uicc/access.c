#include "uicc/access.h"

#include "asn1/der.h"

#define MAX_DEPTH 6 /* nested conditions */

/* Tags of ISO 7816-4 5.4.3.2. 81 to 8F: a list of command headers, of which the low bits of the tag
 * say what is given. */
#define AM_BYTE   0x80 /* access mode byte */
#define AM_LAST   0x8F
#define AM_CLA    0x08
#define AM_INS    0x04
#define AM_P1     0x02
#define AM_P2     0x01
#define SC_ALWAYS 0x90
#define SC_NEVER  0x97
#define SC_BYTE   0x9E
#define SC_OR     0xA0
#define SC_KEY    0xA4 /* control reference template: user authentication */
#define SC_NOT    0xA7
#define SC_AND    0xAF

#define USAGE_USER 0x08 /* usage qualifier: knowledge of the key (a PIN) */

/* What is not understood stays unknown through NOT: it never opens a file. */
enum verdict { NO, YES, UNKNOWN };

struct asker {
    uicc_access_key key;
    const void *ctx;
};

static enum verdict condition(const struct asker *asker, const struct der_tlv *tlv, int depth);

static enum verdict key_met(const struct asker *asker, cr_span crt)
{
    struct der_tlv reference, usage;
    if (!der_find(crt, 0x83, &reference) || reference.value.n != 1) {
        return UNKNOWN;
    }
    if (der_find(crt, 0x95, &usage) && (usage.value.n != 1 || !(usage.value.p[0] & USAGE_USER))) {
        return UNKNOWN;
    }
    return asker->key(asker->ctx, reference.value.p[0]) ? YES : NO;
}

/* OR: one is enough, AND: all of at least one, NOT: exactly one. */
static enum verdict combined(const struct asker *asker, uint32_t how, cr_span in, int depth)
{
    int count = 0, yes = 0, no = 0;
    while (in.n) {
        struct der_tlv child;
        if (der_next(&in, DER_BER_LENGTHS, &child, NULL) != CR_OK) {
            return UNKNOWN;
        }
        enum verdict v = condition(asker, &child, depth + 1);
        count++;
        yes += v == YES;
        no += v == NO;
    }
    switch (how) {
    case SC_OR:
        return yes ? YES : no == count ? NO : UNKNOWN;
    case SC_AND:
        return no ? NO : count && yes == count ? YES : UNKNOWN;
    default:
        return count != 1 ? UNKNOWN : yes ? NO : no ? YES : UNKNOWN;
    }
}

static enum verdict condition(const struct asker *asker, const struct der_tlv *tlv, int depth)
{
    if (depth > MAX_DEPTH) {
        return UNKNOWN;
    }
    switch (tlv->tag) {
    case SC_ALWAYS:
        return tlv->value.n == 0 ? YES : UNKNOWN;
    case SC_NEVER:
        return NO;
    case SC_BYTE:
        return tlv->value.n != 1         ? UNKNOWN
               : tlv->value.p[0] == 0x00 ? YES
               : tlv->value.p[0] == 0xFF ? NO
                                         : UNKNOWN;
    case SC_KEY:
        return key_met(asker, tlv->value);
    case SC_OR:
    case SC_AND:
    case SC_NOT:
        return combined(asker, tlv->tag, tlv->value, depth);
    default:
        return UNKNOWN;
    }
}

/* One command header of a list. The class is compared without its channel. */
static bool header_covers(uint32_t tag, const uint8_t *p, struct uicc_access access)
{
    bool same = true;
    if (tag & AM_CLA) {
        same = same && (*p & 0x80) == (access.cla & 0x80);
        p++;
    }
    if (tag & AM_INS) {
        same = same && *p++ == access.ins;
    }
    if (tag & AM_P1) {
        same = same && *p++ == access.p1;
    }
    if (tag & AM_P2) {
        same = same && *p++ == access.p2;
    }
    return same;
}

static bool mode_covers(const struct der_tlv *tlv, struct uicc_access access)
{
    if (tlv->tag == AM_BYTE) {
        return tlv->value.n == 1 && !(tlv->value.p[0] & 0x80) &&
               (tlv->value.p[0] & access.mode) != 0;
    }
    /* A list without instructions would cover commands that nobody thought of. */
    size_t size = 0;
    for (uint32_t bit = AM_P2; bit <= AM_CLA; bit <<= 1) {
        size += (tlv->tag & bit) != 0;
    }
    if (!(tlv->tag & AM_INS) || tlv->value.n % size) {
        return false;
    }
    for (size_t at = 0; at < tlv->value.n; at += size) {
        if (header_covers(tlv->tag, tlv->value.p + at, access)) {
            return true;
        }
    }
    return false;
}

bool uicc_access_compact(cr_span rule, struct uicc_access access)
{
    uint8_t modes = rule.n ? rule.p[0] : 0;
    size_t at = 1;
    /* b8: proprietary meaning of the modes. Only "always" and "never" name no environment. */
    for (uint8_t bit = 0x40; bit && !(modes & 0x80); bit >>= 1) {
        if (!(modes & bit)) {
            continue;
        }
        if (at >= rule.n) {
            return false;
        }
        if (bit == access.mode) {
            return rule.p[at] == 0x00;
        }
        at++;
    }
    return false;
}

bool uicc_access_rule(cr_span rule, struct uicc_access access, uicc_access_key key, const void *ctx)
{
    struct asker asker = {.key = key, .ctx = ctx};
    bool covers = false, in_modes = false;
    while (rule.n && rule.p[0] != 0xFF && rule.p[0] != 0x00) {
        struct der_tlv tlv;
        if (der_next(&rule, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return false;
        }
        if (tlv.tag >= AM_BYTE && tlv.tag <= AM_LAST) {
            covers = (in_modes && covers) || mode_covers(&tlv, access);
            in_modes = true;
            continue;
        }
        in_modes = false;
        if (covers && condition(&asker, &tlv, 0) == YES) {
            return true;
        }
    }
    return false;
}

/* --- in the file system ------------------------------------------------------------------------
 */

struct place {
    const struct uicc_fs *fs;
    const struct uicc_pin_session *session;
    const struct uicc_path *path;
};

static bool place_key(const void *ctx, uint8_t reference)
{
    const struct place *place = ctx;
    return uicc_pin_met(place->fs, place->session, place->path, reference);
}

/* TS 102 221 9.2.7: for an EF from its DF upwards, for a DF from its parent upwards, for the MF and
 * ADFs below the MF. */
static uicc_file find_arr(const struct uicc_fs *fs, const struct uicc_path *path,
                          const struct uicc_file_attr *attr)
{
    uint8_t from = path->depth;
    if (attr->kind == UICC_MF || attr->kind == UICC_ADF) {
        from = 1;
    } else if (attr->kind == UICC_DF && from > 1) {
        from--;
    }
    for (uint8_t i = from; i-- > 0;) {
        uicc_file arr = uicc_fs_child(fs, path->df[i], attr->arr_fid);
        if (arr) {
            return arr;
        }
    }
    return 0;
}

cr_span uicc_access_find(const struct uicc_fs *fs, const struct uicc_path *path,
                         const struct uicc_file_attr *attr, cr_buf *scratch)
{
    struct uicc_file_attr arr;
    if (attr->rule_tag) {
        return attr->rule_tag == UICC_RULE_EXPANDED ? attr->rule : (cr_span){0};
    }
    uicc_file file = attr->arr_record ? find_arr(fs, path, attr) : 0;
    if (!file || !uicc_fs_attr(fs, file, &arr) || arr.kind != UICC_LINEAR) {
        return (cr_span){0};
    }
    size_t at = (size_t)(attr->arr_record - 1) * arr.record_size;
    return cr_span_sub(uicc_fs_content(fs, file, scratch), at, arr.record_size);
}

bool uicc_access_allowed_by(const struct uicc_fs *fs, uicc_access_key key, const void *ctx,
                            const struct uicc_path *path, const struct uicc_file_attr *attr,
                            struct uicc_access access)
{
    if (attr->rule_tag && attr->rule_tag != UICC_RULE_EXPANDED) {
        return uicc_access_compact(attr->rule, access);
    }
    cr_buf scratch = {0};
    cr_span rule = uicc_access_find(fs, path, attr, &scratch);
    bool allowed = uicc_access_rule(rule, access, key, ctx);
    cr_buf_free(&scratch);
    return allowed;
}

bool uicc_access_allowed(const struct uicc_fs *fs, const struct uicc_pin_session *session,
                         const struct uicc_path *path, const struct uicc_file_attr *attr,
                         struct uicc_access access)
{
    struct place place = {.fs = fs, .session = session, .path = path};
    return uicc_access_allowed_by(fs, place_key, &place, path, attr, access);
}
