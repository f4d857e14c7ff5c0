/*
 * ES6: the operator to its profile, over the MNO-SD (SGP.02 4.1.2). gp runs the MNO-SD; what it
 * cannot reach inside its registry, the ISD-P that it lives in, comes here.
 */
#include "euicc/m2m.h"

#define DGI_POL1       0x3A06
#define DGI_PARAMETERS 0x3A07

/* "The ISD-P I live in", as seen from inside a profile. */
static const uint8_t OWN_ISDP[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                   0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x0F, 0x00};

bool euicc_m2m_es6_isdp(const struct euicc_m2m *m, const struct gp_registry *reg,
                        struct gp_object *out)
{
    char prefix[EUICC_PREFIX];
    struct gp_object isdp = {0};
    while (euicc_m2m_isdp_next(&m->reg, isdp.id, &isdp)) {
        cr_span own = euicc_profile_prefix(euicc_m2m_isdp_id(&isdp), prefix);
        if (cr_span_equal(own, cr_span_of(reg->prefix, reg->prefix_size))) {
            *out = isdp;
            /* The switch is under way: the profile is not enabled any more. */
            return isdp.state == M2M_ENABLED;
        }
    }
    return false;
}

uicc_sw euicc_m2m_es6_personalize(struct euicc_m2m *m, const struct gp_requester *who, cr_span aid)
{
    struct gp_object isdp;
    if (!who->remote) {
        return UICC_SW_SECURITY; /* ES6 is remote; the terminal is nobody's operator */
    }
    if (!euicc_m2m_es6_isdp(m, who->reg, &isdp)) {
        return UICC_SW_CONDITIONS;
    }
    return cr_span_equal(aid, CR_SPAN_ARRAY(OWN_ISDP)) || cr_span_equal(aid, gp_aid_span(&isdp.aid))
               ? UICC_SW_OK
               : UICC_SW_NO_REFERENCE;
}

static uicc_sw update_pol1(struct euicc_m2m *m, const struct gp_object *isdp, cr_span value)
{
    uint8_t pol1;
    if (value.n != 3 || !euicc_m2m_pol1_valid(value, &pol1) || euicc_m2m_pol1_contradicts(pol1)) {
        return UICC_SW_WRONG_DATA;
    }
    return euicc_m2m_number_put(&m->reg, isdp, M2M_DATA_POL1, pol1, 1, NULL) == CR_OK
               ? UICC_SW_OK
               : UICC_SW_NO_MEMORY;
}

uicc_sw euicc_m2m_es6_store(struct euicc_m2m *m, const struct gp_requester *who, uint16_t dgi,
                            cr_span value, bool last)
{
    struct gp_object isdp;
    (void)last;
    if (!euicc_m2m_es6_isdp(m, who->reg, &isdp)) {
        return UICC_SW_CONDITIONS;
    }
    switch (dgi) {
    case DGI_POL1:
        return update_pol1(m, &isdp, value);
    case DGI_PARAMETERS:
        return euicc_m2m_store_parameters(&m->reg, isdp.id, 0xA0, value);
    default:
        return UICC_SW_WRONG_DATA;
    }
}
