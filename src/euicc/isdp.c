/*
 * ISD-P of the machine: what the SM-DP does in it (ES8: SGP.02 4.1.3), the download into the
 * installer, and Master Delete.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "crypto/scp.h"
#include "crypto/symmetric.h"

/* ---- commands ----------------------------------------------------------------------------------
 */

#define TAG_AID 0x4F /* DELETE of an object: not in an ISD-P */

/* What the SM-SR carries into an ISD-P has no right there: nothing happens outside of a session
 * that the SM-DP's keys opened, with MACs and ciphering both ways. */
uicc_sw euicc_m2m_es8(struct euicc_m2m *m, const struct gp_requester *who,
                      const struct uicc_apdu *apdu, cr_buf *out)
{
    bool session = who->trusted && !who->remote && who->level == SCP03T_LEVEL;
    (void)m;
    (void)out;
    switch (apdu->ins) {
    case 0x50: /* INITIALIZE UPDATE */
        return UICC_NOT_MINE;
    case 0xCA: /* GET DATA */
    case 0xD8: /* PUT KEY */
    case 0xE2: /* STORE DATA */
        return session ? UICC_NOT_MINE : UICC_SW_SECURITY;
    case 0xE4: /* DELETE [key] */
        if (apdu->data.n && apdu->data.p[0] == TAG_AID) {
            return UICC_SW_CONDITIONS;
        }
        return session ? UICC_NOT_MINE : UICC_SW_SECURITY;
    default:
        return UICC_SW_WRONG_INS;
    }
}

/* ---- download ----------------------------------------------------------------------------------
 */

void euicc_m2m_download_drop(struct euicc_m2m *m)
{
    struct m2m_download *d = &m->download;
    euicc_installer_free(d->installer);
    cr_buf_free(&d->elements);
    *d = (struct m2m_download){.elements = {.secret = true}};
}

static cr_status forget_files(struct euicc_m2m *m, uint16_t id, struct cr_err *err)
{
    char prefix[EUICC_PREFIX];
    return nvm_delete_prefix(m->e->nvm, euicc_profile_prefix(id, prefix), err);
}

bool euicc_m2m_download_begin(struct euicc_m2m *m, const struct gp_requester *who)
{
    struct gp_object isdp;
    struct cr_err err;
    char prefix[EUICC_PREFIX];
    if (!euicc_m2m_isdp_by_aid(&m->reg, gp_aid_span(&who->domain->aid), &isdp) ||
        isdp.state != GP_PERSONALIZED) {
        return false;
    }
    uint16_t id = euicc_m2m_isdp_id(&isdp);
    euicc_m2m_download_drop(m);
    struct euicc_installer_options options = {.nvm = m->e->nvm,
                                              .prefix = euicc_profile_prefix(id, prefix),
                                              .strict_test_keys = m->e->config.strict_test_keys};
    if (forget_files(m, id, &err) != CR_OK ||
        euicc_installer_new(&options, &m->download.installer, &err) != CR_OK) {
        return false;
    }
    m->download.isdp = id;
    return true;
}

cr_status euicc_m2m_install_complete(const struct gp_registry *reg, struct gp_object *isdp,
                                     const struct euicc_installer *installer, struct cr_err *err)
{
    struct euicc_installer_header header = euicc_installer_header(installer);
    uint8_t pol1 = 0;
    if (header.pol.n && !euicc_m2m_pol1_valid(header.pol, &pol1)) {
        return cr_fail(err, CR_REFUSED, "SGP.02 3.6.2", "the package's POL1 is none");
    }
    if (header.connectivity.n) {
        uicc_sw sw = euicc_m2m_store_parameters(reg, isdp->id, 0xA0, header.connectivity);
        if (sw != UICC_SW_OK) {
            return cr_fail(err, sw == UICC_SW_NO_MEMORY ? CR_RESOURCE : CR_REFUSED,
                           "SGP.02 4.1.3.4", "the package's connectivity parameters are none");
        }
    }
    CR_TRY(euicc_m2m_number_put(reg, isdp, M2M_DATA_POL1, pol1, 1, err));
    uint8_t iccid[2 + RSP_ICCID] = {M2M_DATA_ICCID, RSP_ICCID};
    memcpy(iccid + 2, header.iccid.p, RSP_ICCID);
    CR_TRY(gp_data_put(reg, isdp->id, M2M_DATA_ICCID, CR_SPAN_ARRAY(iccid), err));
    isdp->state = M2M_DISABLED;
    return gp_object_put(reg, isdp, err);
}

/* Executes every element that is complete. */
static enum euicc_install_step run_elements(struct m2m_download *d, cr_arena *arena)
{
    enum euicc_install_step step = EUICC_INSTALL_MORE;
    cr_span rest = cr_buf_span(&d->elements);
    while (step == EUICC_INSTALL_MORE && rest.n) {
        uint32_t tag;
        size_t header, length;
        cr_status status = der_header(rest, DER_BER_LENGTHS, &tag, &header, &length, NULL);
        if (status == CR_MALFORMED) {
            return euicc_installer_abort(d->installer, RSP_PE_INVALID_REQUEST_FORMAT);
        }
        if (status == CR_OK && length > PROFILE_MAX_ELEMENT) {
            return euicc_installer_abort(d->installer, RSP_PE_NOT_ENOUGH_MEMORY);
        }
        if (status != CR_OK || rest.n - header < length) {
            break;
        }
        cr_span element = cr_span_sub(rest, 0, header + length);
        rest = cr_span_sub(rest, header + length, rest.n);
        if (tag == profile_kind_tag(PROFILE_END) && rest.n) {
            return euicc_installer_abort(d->installer, RSP_PE_INVALID_REQUEST_FORMAT);
        }
        step = euicc_installer_element(d->installer, element, arena);
    }
    if (rest.n) {
        memmove(d->elements.p, rest.p, rest.n);
    }
    d->elements.n = rest.n;
    return step;
}

/* The installation has ended: the answer, and what stays. */
static uicc_sw ended(struct euicc_m2m *m, struct gp_object *isdp, enum euicc_install_step step,
                     size_t mark, cr_buf *out)
{
    struct cr_err err;
    bool good = step == EUICC_INSTALL_DONE &&
                euicc_m2m_install_complete(&m->reg, isdp, m->download.installer, &err) == CR_OK;
    if (step == EUICC_INSTALL_DONE && !good) {
        /* The package's last element went through, its header did not fit the chip. */
        nvm_rollback_to(m->e->nvm, mark);
        static const uint8_t bad_values[] = {0x30, 0x09, 0xA0, 0x05, 0x30, 0x03,
                                             0x80, 0x01, 0x03, 0x81, 0x00};
        cr_buf_append(out, bad_values, sizeof bad_values);
    } else {
        cr_buf_append_span(out, euicc_installer_response(m->download.installer));
    }
    uint16_t id = m->download.isdp;
    euicc_m2m_download_drop(m);
    return good || forget_files(m, id, &err) == CR_OK ? UICC_SW_OK : UICC_SW_MEMORY;
}

/* Memory that this profile may have: what others were promised and the reserve are not for it. */
static size_t capacity_for(const struct euicc_m2m *m, const struct gp_object *isdp)
{
    size_t used = nvm_used(m->e->nvm), size = euicc_m2m_size(&m->reg, isdp);
    size_t quota = euicc_m2m_quota(&m->reg, isdp);
    size_t own = quota > size ? quota - size : 0;
    return used + (quota ? own : euicc_m2m_free_memory(m));
}

uicc_sw euicc_m2m_download_segment(struct euicc_m2m *m, const struct gp_requester *who,
                                   cr_span plain, cr_buf *out)
{
    struct m2m_download *d = &m->download;
    struct gp_object isdp;
    if (!d->installer || !euicc_m2m_isdp_by_aid(&m->reg, gp_aid_span(&who->domain->aid), &isdp) ||
        euicc_m2m_isdp_id(&isdp) != d->isdp || isdp.state != GP_PERSONALIZED) {
        return UICC_SW_CONDITIONS;
    }
    cr_arena arena = {.secret = true};
    size_t mark = nvm_mark(m->e->nvm), capacity = nvm_capacity(m->e->nvm);
    d->elements.secret = true;
    d->elements.limit = PROFILE_MAX_ELEMENT + SCP03T_MAX_VALUE;
    cr_buf_append_span(&d->elements, plain);
    nvm_set_capacity(m->e->nvm, capacity_for(m, &isdp));
    enum euicc_install_step step =
        cr_buf_ok(&d->elements) ? run_elements(d, &arena)
                                : euicc_installer_abort(d->installer, RSP_PE_NOT_ENOUGH_MEMORY);
    nvm_set_capacity(m->e->nvm, capacity);
    uicc_sw sw = step == EUICC_INSTALL_MORE ? UICC_SW_OK : ended(m, &isdp, step, mark, out);
    cr_arena_free(&arena);
    return sw;
}

/* ---- Master Delete -----------------------------------------------------------------------------
 */

/* The ISD-P has the same object: identifiers of its provider. */
static bool same_object(const struct gp_registry *reg, const struct gp_object *isdp,
                        const struct der_tlv *given)
{
    struct der_tlv own;
    cr_span data = gp_data_get(reg, isdp->id, given->tag);
    return data.p && der_next(&data, DER_DEFINITE, &own, NULL) == CR_OK &&
           cr_span_equal(own.value, given->value);
}

static bool identifiers_good(const struct gp_registry *reg, const struct gp_object *isdp,
                             cr_span template)
{
    static const uint32_t tags[] = {0x42, 0x45, 0x5F20};
    struct der_tlv tlv;
    for (size_t i = 0; i < CR_COUNT(tags); i++) {
        if (!der_find(template, tags[i], &tlv) || !same_object(reg, isdp, &tlv)) {
            return false;
        }
    }
    return !gp_data_get(reg, isdp->id, 0x93).p ||
           (der_find(template, 0x93, &tlv) && same_object(reg, isdp, &tlv));
}

uicc_sw euicc_m2m_master_delete(struct euicc_m2m *m, struct gp_object *isdp,
                                const struct uicc_apdu *apdu)
{
    struct der_tlv aid, template, token;
    struct gp_key key;
    struct cr_err err;
    uint8_t mac[16];
    cr_span in = apdu->data;
    if (der_next(&in, DER_DEFINITE, &aid, NULL) != CR_OK ||
        der_next(&in, DER_DEFINITE, &template, NULL) != CR_OK || template.tag != 0xB6 ||
        der_next(&in, DER_DEFINITE, &token, NULL) != CR_OK || token.tag != 0x9E ||
        token.value.n != sizeof mac || in.n) {
        return UICC_SW_WRONG_DATA;
    }
    if (!gp_key_get(&m->reg, isdp->id, GP_KVN_TOKEN, 1, &key)) {
        return UICC_SW_NO_REFERENCE;
    }
    cr_span covered = cr_span_of(aid.all.p, aid.all.n + template.all.n);
    const uint8_t head[] = {apdu->p1, apdu->p2, (uint8_t)covered.n};
    const cr_span parts[] = {CR_SPAN_ARRAY(head), covered};
    cr_status status = crypto_cmac(cr_span_of(key.value, key.n), parts, 2, mac, &err);
    bool good = status == CR_OK && key.type == GP_KEY_AES &&
                cr_span_equal_ct(CR_SPAN_ARRAY(mac), token.value) &&
                identifiers_good(&m->reg, isdp, template.value);
    cr_wipe(&key, sizeof key);
    cr_wipe(mac, sizeof mac);
    return good ? UICC_SW_OK : UICC_SW_SECURITY;
}
