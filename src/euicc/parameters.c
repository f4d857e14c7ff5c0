/*
 * Connectivity parameters of a profile and addressing parameters of the SM-SR: DGI 3A07 (SGP.02
 * 4.1.1.10, 4.1.2.2, 4.1.3.4).
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "ota/sms.h"
#include "uicc/cat.h"

#define TEMPLATES 3 /* SMS, CAT_TP, HTTPS */

/* The addresses that the chip itself has to understand; the rest is read when it is used. */
static bool address_good(uint32_t tag, cr_span contents)
{
    struct der_tlv tlv;
    struct sms_address address;
    if (tag == 0xA0 && der_find(contents, 0x06, &tlv)) {
        return sms_address_take_rp(tlv.value, &address, NULL) == CR_OK;
    }
    if (tag == 0xA3 && der_find(contents, 0x81, &tlv)) {
        cr_span in = tlv.value;
        return sms_address_take(&in, &address, NULL) == CR_OK && in.n == 0;
    }
    return true;
}

static bool contents_good(uint32_t tag, cr_span contents)
{
    struct der_tlv tlv;
    for (cr_span in = contents; in.n;) {
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK) {
            return false;
        }
    }
    return address_good(tag, contents);
}

uicc_sw euicc_m2m_store_parameters(const struct gp_registry *reg, uint16_t object, uint32_t first,
                                   cr_span value)
{
    struct der_tlv tlv;
    struct cr_err err;
    unsigned seen = 0;
    for (cr_span in = value; in.n;) {
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag < first ||
            tlv.tag >= first + TEMPLATES || (seen & 1U << (tlv.tag - first)) ||
            !contents_good(tlv.tag, tlv.value)) {
            return UICC_SW_WRONG_DATA;
        }
        seen |= 1U << (tlv.tag - first);
        /* An empty one erases: nothing is read from it later. */
        cr_status status = gp_data_put(reg, object, tlv.tag, tlv.all, &err);
        if (status != CR_OK) {
            return UICC_SW_NO_MEMORY;
        }
    }
    return seen ? UICC_SW_OK : UICC_SW_WRONG_DATA;
}

cr_span euicc_m2m_parameter(const struct gp_registry *reg, uint16_t object, uint32_t template,
                            uint32_t tag)
{
    struct der_tlv outer, inner;
    cr_span data = gp_data_get(reg, object, template);
    if (!data.p || der_next(&data, DER_DEFINITE, &outer, NULL) != CR_OK ||
        !der_find(outer.value, tag, &inner)) {
        return (cr_span){0};
    }
    return inner.value;
}

void euicc_m2m_fill_channel(const struct euicc_m2m *m, uint32_t template, struct cat_channel *c)
{
    struct gp_object isdp;
    struct der_tlv outer;
    struct cat_channel own;
    if (!euicc_m2m_isdp(&m->reg, euicc_id_get(m->e->nvm, "on"), &isdp)) {
        return;
    }
    cr_span data = gp_data_get(&m->reg, isdp.id, template);
    if (!data.p || der_next(&data, DER_DEFINITE, &outer, NULL) != CR_OK ||
        cat_channel_read(outer.value, &own, NULL) != CR_OK) {
        return;
    }
    bool bare = !c->bearer.p || (c->bearer.n == 1 && c->bearer.p[0] == 0x03);
    c->bearer = bare && own.bearer.p ? own.bearer : c->bearer;
    c->nan = c->nan.p ? c->nan : own.nan;
    c->login = c->login.p ? c->login : own.login;
    c->password = c->password.p ? c->password : own.password;
}
