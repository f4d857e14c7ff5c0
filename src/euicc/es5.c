/*
 * ES5: the SM-SR to the ISD-R (SGP.02 4.1.1), one row for each command.
 */
#include "euicc/cattp.h"

#include "asn1/der.h"

#define SW_MORE_DATA 0x6310

/* Executable load file and module of ISD-Ps. */
static const uint8_t LOAD_FILE[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                    0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0D, 0x00};
static const uint8_t MODULE[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0E, 0x00};

struct es5_call {
    struct euicc_m2m *m;
    const struct gp_requester *who;
    const struct uicc_apdu *apdu;
    cr_buf *out;
    struct m2m_state state;
};

static uicc_sw keep(struct es5_call *c)
{
    return euicc_m2m_state_put(c->m->e->nvm, &c->state, NULL) == CR_OK ? UICC_SW_OK
                                                                       : UICC_SW_NO_MEMORY;
}

/* A profile that only the device enables, or that a change under way needs. */
static bool is_special(const struct es5_call *c, const struct gp_object *isdp)
{
    return (euicc_m2m_marks(&c->m->reg, isdp) & M2M_MARK_TEST) ||
           euicc_m2m_isdp_id(isdp) == c->state.emergency;
}

static bool change_waits(const struct es5_call *c)
{
    return c->state.cause == M2M_BY_ENABLE || c->state.cause == M2M_BY_DISABLE || c->m->switching;
}

/* ---- CreateISDP --------------------------------------------------------------------------------
 */

static bool take_lv(cr_span *in, cr_span *out)
{
    if (in->n == 0 || in->n - 1 < in->p[0]) {
        return false;
    }
    *out = cr_span_sub(*in, 1, in->p[0]);
    *in = cr_span_sub(*in, 1 + (size_t)in->p[0], in->n);
    return true;
}

/* C9 04 81 02 03 70, and the memory granted: EF L { 83 2..4 }. */
static bool take_parameters(cr_span in, uint32_t *quota)
{
    static const uint8_t protocol[] = {0x81, 0x02, 0x03, 0x70};
    struct der_tlv tlv, granted;
    bool scp03 = false;
    *quota = 0;
    while (in.n) {
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK) {
            return false;
        }
        if (tlv.tag == 0xC9) {
            scp03 = cr_span_equal(tlv.value, CR_SPAN_ARRAY(protocol));
        } else if (tlv.tag == 0xEF) {
            if (!der_find(tlv.value, 0x83, &granted) ||
                (granted.value.n != 2 && granted.value.n != 4)) {
                return false;
            }
            for (size_t i = 0; i < granted.value.n; i++) {
                *quota = *quota << 8 | granted.value.p[i];
            }
        } else {
            return false;
        }
    }
    return scp03;
}

static bool isdp_aid_good(cr_span aid)
{
    uint8_t expected[M2M_AID];
    uint16_t id = aid.n == M2M_AID ? (uint16_t)(aid.p[13] << 8 | aid.p[14]) : 0;
    return id >= M2M_FIRST_TAR && cr_span_equal(euicc_isdp_aid(id, expected), aid);
}

static uicc_sw create_isdp(struct es5_call *c)
{
    static const uint8_t privileges[] = {0x80, 0xC0, 0x00};
    struct cr_err err;
    cr_span in = c->apdu->data, f[6];
    uint32_t quota;
    for (size_t i = 0; i < CR_COUNT(f); i++) {
        if (!take_lv(&in, &f[i])) {
            return UICC_SW_WRONG_DATA;
        }
    }
    if (in.n || f[5].n || !cr_span_equal(f[3], CR_SPAN_ARRAY(privileges)) ||
        !take_parameters(f[4], &quota) || !isdp_aid_good(f[2])) {
        return UICC_SW_WRONG_DATA;
    }
    if (!cr_span_equal(f[0], CR_SPAN_ARRAY(LOAD_FILE)) ||
        !cr_span_equal(f[1], CR_SPAN_ARRAY(MODULE))) {
        return UICC_SW_NO_REFERENCE;
    }
    size_t room = euicc_m2m_free_memory(c->m);
    if (room == 0 || quota > room) {
        return UICC_SW_NO_MEMORY;
    }
    struct gp_object isdp = {.kind = GP_DOMAIN,
                             .state = GP_SELECTABLE,
                             .domain = c->m->isdr,
                             .privileges = GP_PRIV_DOMAIN | GP_PRIV_TRUSTED_PATH,
                             .has_msl = true,
                             .msl = c->who->domain->msl, /* it is reached under our keys */
                             .tar_count = 1,
                             .tars = {{f[2].p[12], f[2].p[13], f[2].p[14]}}};
    cr_status status = gp_aid_set(&isdp.aid, f[2]) && gp_aid_set(&isdp.package, f[0]) &&
                               gp_aid_set(&isdp.module, f[1])
                           ? gp_object_add(&c->m->reg, &isdp, &err)
                           : CR_MALFORMED;
    if (status != CR_OK) {
        return status == CR_REFUSED    ? (uicc_sw)err.code
               : status == CR_RESOURCE ? UICC_SW_NO_MEMORY
                                       : UICC_SW_WRONG_DATA;
    }
    if (quota && euicc_m2m_number_put(&c->m->reg, &isdp, M2M_DATA_QUOTA, quota, 4, &err) != CR_OK) {
        return UICC_SW_NO_MEMORY;
    }
    cr_buf_append_byte(c->out, 0x00);
    return UICC_SW_OK;
}

/* ---- platform commands of STORE DATA ------------------------------------------------------------
 */

/* 4F 10 AID and nothing else. */
static uicc_sw take_isdp(const struct es5_call *c, cr_span value, struct gp_object *out)
{
    struct der_tlv tlv;
    if (der_next(&value, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != 0x4F || value.n ||
        tlv.value.n != M2M_AID) {
        return UICC_SW_WRONG_DATA;
    }
    return euicc_m2m_isdp_by_aid(&c->m->reg, tlv.value, out) ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
}

static uicc_sw begin_switch(struct es5_call *c, enum m2m_cause cause, uint16_t from, uint16_t to)
{
    return euicc_m2m_switch(c->m, &c->state, cause, from, to, NULL) == CR_OK ? UICC_SW_OK
                                                                             : UICC_SW_MEMORY;
}

static uicc_sw enable_profile(struct es5_call *c, const struct gp_object *isdp)
{
    uicc_sw sw;
    if (isdp->state != M2M_DISABLED || change_waits(c) || c->state.local || is_special(c, isdp)) {
        return UICC_SW_CONDITIONS;
    }
    sw = euicc_m2m_allowed(&c->m->reg, &c->state, M2M_ENABLE, isdp);
    return sw == UICC_SW_OK ? begin_switch(c, M2M_BY_ENABLE, euicc_id_get(c->m->e->nvm, "on"),
                                           euicc_m2m_isdp_id(isdp))
                            : sw;
}

static uicc_sw disable_profile(struct es5_call *c, const struct gp_object *isdp)
{
    struct gp_object holder;
    uicc_sw sw;
    if (isdp->state != M2M_ENABLED || euicc_m2m_isdp_id(isdp) == c->state.fall_back ||
        !euicc_m2m_isdp(&c->m->reg, (uint16_t)c->state.fall_back, &holder) ||
        holder.state != M2M_DISABLED || change_waits(c) || c->state.local) {
        return UICC_SW_CONDITIONS;
    }
    sw = euicc_m2m_allowed(&c->m->reg, &c->state, M2M_DISABLE, isdp);
    return sw == UICC_SW_OK ? begin_switch(c, M2M_BY_DISABLE, euicc_m2m_isdp_id(isdp),
                                           euicc_m2m_isdp_id(&holder))
                            : sw;
}

static uicc_sw set_fall_back(struct es5_call *c, const struct gp_object *isdp)
{
    uicc_sw sw;
    if (c->state.local || is_special(c, isdp) || isdp->state < M2M_DISABLED) {
        return UICC_SW_CONDITIONS;
    }
    sw = euicc_m2m_allowed(&c->m->reg, &c->state, M2M_SET_FALL_BACK, isdp);
    c->state.fall_back = euicc_m2m_isdp_id(isdp);
    return sw == UICC_SW_OK ? keep(c) : sw;
}

static uicc_sw set_emergency(struct es5_call *c, const struct gp_object *isdp)
{
    uint16_t id = euicc_m2m_isdp_id(isdp);
    bool holder_enabled =
        c->state.emergency && c->state.emergency == euicc_id_get(c->m->e->nvm, "on");
    if (c->state.local || isdp->state != M2M_DISABLED || id == c->state.fall_back ||
        holder_enabled || change_waits(c) || (euicc_m2m_marks(&c->m->reg, isdp) & M2M_MARK_TEST)) {
        return UICC_SW_CONDITIONS;
    }
    c->state.emergency = id;
    return keep(c);
}

static uicc_sw store_addresses(struct es5_call *c, cr_span value)
{
    return euicc_m2m_store_parameters(&c->m->reg, c->m->isdr, 0xA3, value);
}

static uicc_sw confirm(struct es5_call *c, cr_span value)
{
    struct der_tlv tlv;
    if (der_next(&value, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != 0x4E || value.n ||
        tlv.value.n != 2) {
        return UICC_SW_WRONG_DATA;
    }
    return euicc_m2m_confirm(c->m, (uint16_t)(tlv.value.p[0] << 8 | tlv.value.p[1]), c->out);
}

static const struct {
    uint16_t dgi;
    uicc_sw (*on_isdp)(struct es5_call *c, const struct gp_object *isdp);
    uicc_sw (*on_value)(struct es5_call *c, cr_span value);
} groupings[] = {
    {0x3A03, enable_profile, NULL},  {0x3A04, disable_profile, NULL}, {0x3A05, set_fall_back, NULL},
    {0x3A07, NULL, store_addresses}, {0x3A08, NULL, confirm},         {0x3A09, set_emergency, NULL},
};

#define P1_LAST 0x80
#define P1_DATA 0x01 /* response data may come */
#define P1_DGI  0x08

static uicc_sw store_data(struct es5_call *c)
{
    cr_span in = c->apdu->data;
    struct gp_object isdp;
    uint8_t p1 = c->apdu->p1;
    cr_span own = gp_aid_span(&c->who->domain->aid);
    bool to_isdr = cr_span_equal(c->who->target, own);
    if ((p1 & ~(P1_LAST | P1_DATA)) != P1_DGI) {
        return UICC_SW_WRONG_P1P2;
    }
    uint16_t dgi = in.n >= 3 ? (uint16_t)(in.p[0] << 8 | in.p[1]) : 0;
    if (!(p1 & P1_LAST) || c->apdu->p2 != 0 || dgi == 0x3A01 || dgi == 0x3A02) {
        return euicc_m2m_establish(c->m, c->who, c->apdu, c->out);
    }
    if (in.n < 3 || in.p[2] == 0xFF || in.p[2] != in.n - 3) {
        return in.n ? UICC_SW_WRONG_DATA : UICC_SW_WRONG_LENGTH;
    }
    in = cr_span_sub(in, 3, in.n);
    for (size_t i = 0; to_isdr && i < CR_COUNT(groupings); i++) {
        if (groupings[i].dgi != dgi) {
            continue;
        }
        if (groupings[i].on_value) {
            return groupings[i].on_value(c, in);
        }
        uicc_sw sw = take_isdp(c, in, &isdp);
        return sw == UICC_SW_OK ? groupings[i].on_isdp(c, &isdp) : sw;
    }
    return UICC_SW_WRONG_DATA;
}

/* ---- DeleteProfile, MasterDelete, FinaliseISDRhandover ------------------------------------------
 */

static uicc_sw delete_profile(struct es5_call *c)
{
    struct der_tlv aid;
    struct gp_object isdp;
    cr_span in = c->apdu->data;
    if (der_next(&in, DER_DEFINITE, &aid, NULL) != CR_OK || aid.tag != 0x4F) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_sw sw = take_isdp(c, aid.all, &isdp);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    uint16_t id = euicc_m2m_isdp_id(&isdp);
    bool needed = change_waits(c) && (id == c->state.from || id == c->state.to);
    if (isdp.state == M2M_ENABLED || id == c->state.fall_back || needed || c->state.local) {
        return UICC_SW_CONDITIONS;
    }
    bool master = in.n > 0;
    if (master && isdp.state != M2M_DISABLED) {
        return UICC_SW_CONDITIONS;
    }
    sw = master ? euicc_m2m_master_delete(c->m, &isdp, c->apdu)
                : euicc_m2m_allowed(&c->m->reg, &c->state, M2M_DELETE, &isdp);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    c->state.pinned = c->state.pinned == id ? 0 : c->state.pinned;
    c->state.emergency = c->state.emergency == id ? 0 : c->state.emergency;
    if (c->m->download.isdp == id) {
        euicc_m2m_download_drop(c->m);
    }
    if (euicc_m2m_isdp_delete(&c->m->reg, &isdp, NULL) != CR_OK || keep(c) != UICC_SW_OK) {
        return UICC_SW_MEMORY;
    }
    cr_buf_append_byte(c->out, 0x00);
    return UICC_SW_OK;
}

struct range {
    uint8_t kvn, first, last;
};
#define MAX_RANGES 16

static bool in_ranges(const struct range *ranges, size_t count, uint8_t kvn, uint8_t kid)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].kvn == kvn && kid >= ranges[i].first && kid <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static uicc_sw take_ranges(struct es5_call *c, struct range ranges[MAX_RANGES], size_t *count)
{
    struct der_tlv tlv;
    struct gp_key key;
    *count = 0;
    for (cr_span in = c->apdu->data; in.n;) {
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != 0xF2 ||
            tlv.value.n != 3 || tlv.value.p[1] == 0 || tlv.value.p[1] > tlv.value.p[2] ||
            *count == MAX_RANGES) {
            return UICC_SW_WRONG_DATA;
        }
        struct range r = {tlv.value.p[0], tlv.value.p[1], tlv.value.p[2]};
        for (unsigned kid = r.first; kid <= r.last; kid++) {
            bool there = gp_key_get(&c->m->reg, c->m->isdr, r.kvn, (uint8_t)kid, &key);
            cr_wipe(&key, sizeof key);
            if (!there) {
                return UICC_SW_NO_REFERENCE;
            }
        }
        ranges[(*count)++] = r;
    }
    return *count ? UICC_SW_OK : UICC_SW_WRONG_DATA;
}

static uicc_sw finalise_handover(struct es5_call *c)
{
    struct range ranges[MAX_RANGES];
    struct cr_err err;
    struct gp_key key = {0};
    size_t count;
    uicc_sw sw = take_ranges(c, ranges, &count);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    /* Every key of the set that secures this session stays, or the chip is nobody's. */
    while (gp_key_next(&c->m->reg, c->m->isdr, key.kvn, key.kid, &key)) {
        if (key.kvn == c->who->kvn && !in_ranges(ranges, count, key.kvn, key.kid)) {
            cr_wipe(&key, sizeof key);
            return UICC_SW_CONDITIONS;
        }
    }
    key = (struct gp_key){0};
    while (sw == UICC_SW_OK && gp_key_next(&c->m->reg, c->m->isdr, key.kvn, key.kid, &key)) {
        if (!in_ranges(ranges, count, key.kvn, key.kid) &&
            gp_key_delete(&c->m->reg, c->m->isdr, key.kvn, key.kid, &err) != CR_OK) {
            sw = UICC_SW_MEMORY;
        }
    }
    cr_wipe(&key, sizeof key);
    if (sw == UICC_SW_OK) {
        cr_buf_append_byte(c->out, 0x00);
    }
    return sw;
}

/* ---- eUICCCapabilityAudit ----------------------------------------------------------------------
 */

static uicc_sw audit_resources(struct es5_call *c)
{
    struct gp_object isdp = {0};
    uint8_t count = 0;
    while (euicc_m2m_isdp_next(&c->m->reg, isdp.id, &isdp)) {
        count++;
    }
    size_t mark = der_open(c->out, 0xFF21);
    der_put(c->out, 0x81, cr_span_of(&count, 1));
    der_put_header(c->out, 0x82, 4);
    cr_buf_append_be(c->out, euicc_m2m_free_memory(c->m), 4);
    der_put_header(c->out, 0x83, 4);
    cr_buf_append_be(c->out, M2M_VOLATILE, 4);
    der_close(c->out, mark);
    return UICC_SW_OK;
}

static uicc_sw audit_certificate(struct es5_call *c)
{
    struct euicc_credential_record record;
    struct der_tlv list;
    cr_span in = c->apdu->data;
    bool wanted = false, more = false;
    if (der_next(&in, DER_DEFINITE, &list, NULL) != CR_OK || list.tag != 0x5C || in.n) {
        return UICC_SW_WRONG_DATA;
    }
    for (size_t i = 0; i + 1 < list.value.n; i += 2) {
        wanted = wanted || (list.value.p[i] == 0x7F && list.value.p[i + 1] == 0x21);
        more = more || (list.value.p[i] == 0xFF && list.value.p[i + 1] == 0x21);
    }
    cr_arena arena = {.secret = true};
    uicc_sw sw = UICC_SW_NO_REFERENCE;
    if ((wanted || more) && euicc_credential_get(c->m->e->nvm, 0, &arena, &record)) {
        size_t mark = der_open(c->out, 0xBF30);
        if (wanted) {
            cr_buf_append_span(c->out, record.euicc_cert);
        }
        sw = more ? audit_resources(c) : UICC_SW_OK;
        der_close(c->out, mark);
    }
    cr_arena_free(&arena);
    return sw;
}

static bool tag_wanted(cr_span tags, uint32_t tag)
{
    while (tags.p && tags.n) {
        size_t n = (tags.p[0] & 0x1F) == 0x1F ? 2 : 1;
        uint32_t t = n == 1 ? tags.p[0] : tags.n >= n ? (uint32_t)(tags.p[0] << 8 | tags.p[1]) : 0;
        if (t == tag) {
            return true;
        }
        tags = cr_span_sub(tags, n, tags.n);
    }
    return !tags.p;
}

static void put_number(cr_buf *out, uint32_t tag, uint64_t value)
{
    der_put_header(out, tag, 4);
    cr_buf_append_be(out, value, 4);
}

static void put_isdp(const struct es5_call *c, const struct gp_object *isdp, cr_span tags,
                     cr_buf *out)
{
    uint16_t id = euicc_m2m_isdp_id(isdp);
    bool test = euicc_m2m_marks(&c->m->reg, isdp) & M2M_MARK_TEST;
    uint8_t properties = (uint8_t)((id == c->state.fall_back ? 1 : 0) |
                                   (id == c->state.emergency ? 2 : 0) | (test ? 4 : 0));
    size_t size = euicc_m2m_size(&c->m->reg, isdp), quota = euicc_m2m_quota(&c->m->reg, isdp);
    size_t left = quota > size ? quota - size : 0;
    size_t mark = der_open(out, 0xE3);
    if (tag_wanted(tags, 0x4F)) {
        der_put(out, 0x4F, gp_aid_span(&isdp->aid));
    }
    if (tag_wanted(tags, 0x9F70)) {
        der_put(out, 0x9F70, cr_span_of(&isdp->state, 1));
    }
    if (tag_wanted(tags, 0x53)) {
        der_put(out, 0x53, cr_span_of(&properties, 1));
    }
    if (quota && tag_wanted(tags, 0x8F)) { /* nothing was granted: not zero */
        put_number(out, 0x8F, quota);
    }
    if (tag_wanted(tags, 0x91)) {
        put_number(out, 0x91, quota ? left : euicc_m2m_free_memory(c->m));
    }
    der_close(out, mark);
}

#define P2_FIRST 0x02
#define P2_NEXT  0x03

static uicc_sw list_isdps(struct es5_call *c, cr_span aid, cr_span tags)
{
    struct gp_object isdp = {.id = c->apdu->p2 == P2_NEXT ? c->m->listed : 0};
    bool any = false;
    c->m->listed = 0;
    while (euicc_m2m_isdp_next(&c->m->reg, isdp.id, &isdp)) {
        cr_buf entry = {0};
        if (aid.n && !cr_span_equal(aid, gp_aid_span(&isdp.aid))) {
            continue;
        }
        put_isdp(c, &isdp, tags, &entry);
        bool fits = c->out->n + entry.n <= 256;
        if (fits) {
            cr_buf_append_span(c->out, cr_buf_span(&entry));
            c->m->listed = isdp.id;
        }
        cr_buf_free(&entry);
        if (!fits) {
            return SW_MORE_DATA;
        }
        any = true;
    }
    c->m->listed = 0;
    return any ? UICC_SW_OK : UICC_SW_NO_REFERENCE;
}

static uicc_sw audit_isdps(struct es5_call *c)
{
    struct der_tlv tlv;
    cr_span in = c->apdu->data, tags = {0};
    if (c->apdu->p2 == P2_NEXT && !c->m->listed) {
        return UICC_SW_CONDITIONS;
    }
    if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != 0x4F) {
        return UICC_SW_WRONG_DATA;
    }
    cr_span aid = tlv.value;
    if (in.n) {
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != 0x5C || in.n) {
            return UICC_SW_WRONG_DATA;
        }
        tags = tlv.value;
    }
    return list_isdps(c, aid, tags);
}

/* ---- push --------------------------------------------------------------------------------------
 */

static uicc_sw push(struct es5_call *c)
{
    return euicc_m2m_cattp_push(c->m, c->apdu);
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static uicc_sw personalize(struct es5_call *c)
{
    (void)c;
    return UICC_NOT_MINE; /* INSTALL [for personalization] of an ISD-P: gp */
}

#define ANY 0x100

static const struct {
    uint8_t ins;
    uint16_t p1, p2;
    uicc_sw (*run)(struct es5_call *c);
} commands[] = {
    {0xE6, 0x0C, 0x00, create_isdp},       {0xE6, 0x20, 0x00, personalize},
    {0xE2, ANY, ANY, store_data},          {0xE4, 0x00, 0x40, delete_profile},
    {0xE4, 0x00, 0x00, finalise_handover}, {0xCA, 0xFF, 0x21, audit_resources},
    {0xCA, 0xBF, 0x30, audit_certificate}, {0xF2, 0x40, P2_FIRST, audit_isdps},
    {0xF2, 0x40, P2_NEXT, audit_isdps},    {0xEC, 0x01, ANY, push},
};

uicc_sw euicc_m2m_es5(struct euicc_m2m *m, const struct gp_requester *who,
                      const struct uicc_apdu *apdu, cr_buf *out)
{
    struct es5_call c = {.m = m, .who = who, .apdu = apdu, .out = out};
    bool known = false;
    if (!apdu->proprietary) {
        return UICC_SW_WRONG_CLA;
    }
    if (!who->remote || !who->trusted) {
        return UICC_SW_SECURITY;
    }
    if (!euicc_m2m_state_get(m->e->nvm, &c.state)) {
        return UICC_SW_MEMORY;
    }
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        known = known || commands[i].ins == apdu->ins;
        if (commands[i].ins == apdu->ins && (commands[i].p1 == ANY || commands[i].p1 == apdu->p1) &&
            (commands[i].p2 == ANY || commands[i].p2 == apdu->p2)) {
            return commands[i].run(&c);
        }
    }
    return known ? UICC_SW_WRONG_P1P2 : UICC_SW_WRONG_INS;
}
