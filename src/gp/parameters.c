/*
 * Install parameters (Card Specification 11.5.2.3.7, TS 102 226 8.2.1.3.2).
 */
#include "asn1/der.h"
#include "gp/internal.h"

/* One byte from the front. */
static bool take_byte(cr_span *in, uint8_t *out)
{
    if (in->n == 0) {
        return false;
    }
    *out = in->p[0];
    *in = cr_span_sub(*in, 1, in->n);
    return true;
}

bool gp_take_lv(cr_span *in, cr_span *out)
{
    uint8_t n;
    cr_span rest = *in;
    if (!take_byte(&rest, &n) || n > rest.n) {
        return false;
    }
    *out = cr_span_sub(rest, 0, n);
    *in = cr_span_sub(rest, n, rest.n);
    return true;
}

/* Minimum security level field: parameter (01 = minimum SPI1), data. */
static bool take_level(struct gp_object *o, cr_span field)
{
    if (field.n == 0) {
        return true;
    }
    if (field.n != 2 || field.p[0] != 0x01) {
        return false;
    }
    o->has_msl = true;
    o->msl = field.p[1];
    return true;
}

bool gp_take_toolkit(struct gp_object *o, cr_span in)
{
    uint8_t priority, timers, text, entries, channels, services;
    cr_span level, tars;
    if (!take_byte(&in, &priority) || !take_byte(&in, &timers) || !take_byte(&in, &text) ||
        !take_byte(&in, &entries) || in.n < (size_t)entries * 2) {
        return false;
    }
    in = cr_span_sub(in, (size_t)entries * 2, in.n);
    if (!take_byte(&in, &channels) || !gp_take_lv(&in, &level) || !take_level(o, level)) {
        return false;
    }
    /* Older parameters end here. */
    if (in.n == 0) {
        return true;
    }
    if (!gp_take_lv(&in, &tars) || tars.n % 3 || tars.n > sizeof o->tars) {
        return false;
    }
    if (tars.n) {
        memcpy(o->tars, tars.p, tars.n);
    }
    o->tar_count = (uint8_t)(tars.n / 3);
    return in.n == 0 || (take_byte(&in, &services) && in.n == 0);
}

bool gp_access_valid(cr_span access)
{
    if (access.n == 0) {
        return false;
    }
    switch (access.p[0]) {
    case GP_ACCESS_FULL:
    case GP_ACCESS_NONE:
        return access.n == 1;
    case GP_ACCESS_UICC:
        return access.n == 4;
    default:
        return false;
    }
}

static struct gp_adf_access *adf_of(struct gp_object *o, cr_span aid)
{
    for (size_t i = 0; i < o->adf_count; i++) {
        if (cr_span_equal(gp_aid_span(&o->adfs[i].adf), aid)) {
            return &o->adfs[i];
        }
    }
    if (o->adf_count == GP_MAX_ADF || !gp_aid_set(&o->adfs[o->adf_count].adf, aid)) {
        return NULL;
    }
    return &o->adfs[o->adf_count++];
}

bool gp_take_access(struct gp_object *o, cr_span in, bool admin)
{
    /* Length and AID (00 = the UICC file system), length and access domain, length and DAP. */
    while (in.n) {
        cr_span aid, access, dap;
        if (!gp_take_lv(&in, &aid) || !gp_take_lv(&in, &access) || !gp_take_lv(&in, &dap) ||
            !gp_access_valid(access)) {
            return false;
        }
        struct gp_adf_access *adf = aid.n ? adf_of(o, aid) : NULL;
        if (aid.n && !adf) {
            return false;
        }
        struct gp_access *to = adf     ? (admin ? &adf->admin : &adf->files)
                               : admin ? &o->admin
                                       : &o->files;
        to->n = (uint8_t)access.n;
        memcpy(to->p, access.p, access.n);
    }
    return true;
}

void gp_take_domain_parameters(struct gp_object *o, cr_span in)
{
    struct der_tlv tlv;
    while (in.n && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag == 0x81 && tlv.value.n == 2 && o->protocol_count < GP_MAX_PROTOCOLS) {
            o->protocols[o->protocol_count].protocol = tlv.value.p[0];
            o->protocols[o->protocol_count].i = tlv.value.p[1];
            o->protocol_count++;
        }
    }
}

static bool take_uicc(struct gp_object *o, cr_span in)
{
    struct der_tlv tlv;
    bool good = true;
    while (good && in.n) {
        good = der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK;
        if (good && tlv.tag == 0x80) {
            good = gp_take_toolkit(o, tlv.value);
        } else if (good && (tlv.tag == 0x81 || tlv.tag == 0x82)) {
            good = gp_take_access(o, tlv.value, tlv.tag == 0x82);
        }
    }
    return good;
}

bool gp_take_parameters(struct gp_object *o, cr_span in)
{
    struct der_tlv tlv;
    bool good = true;
    while (good && in.n) {
        good = der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK;
        if (good && tlv.tag == 0xC9 && o->kind == GP_DOMAIN) {
            gp_take_domain_parameters(o, tlv.value);
        } else if (good && tlv.tag == 0xEA) {
            good = take_uicc(o, tlv.value);
        }
    }
    return good;
}

void gp_default_tar(struct gp_object *o)
{
    if (o->tar_count == 0 && o->aid.n >= 15) {
        memcpy(o->tars[0], o->aid.p + 12, 3);
        o->tar_count = 1;
    }
}
