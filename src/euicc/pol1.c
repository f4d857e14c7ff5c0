/*
 * POL1 at the moment of execution (SGP.02 3.6; sheet 9.7): which rule of which profile forbids
 * what.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"

#define SW_POL1 0x69E1

enum whose { ENABLED_NOW, TARGET };

static const struct {
    enum m2m_operation operation;
    enum whose whose;
    uint8_t rule;
} rules[] = {
    {M2M_ENABLE, ENABLED_NOW, M2M_POL1_NO_DISABLE},
    {M2M_ENABLE, TARGET, M2M_POL1_NO_ENABLE},
    {M2M_DISABLE, TARGET, M2M_POL1_NO_DISABLE},
    {M2M_DELETE, TARGET, M2M_POL1_NO_DELETE},
};

/* What a pinned profile forbids: everything about others, or about itself. */
static const struct {
    enum m2m_operation operation;
    bool about_others, about_itself;
} pins[] = {
    {M2M_ENABLE, true, false},
    {M2M_DELETE, false, true},
    {M2M_SET_FALL_BACK, true, true},
};

uicc_sw euicc_m2m_allowed(const struct gp_registry *reg, const struct m2m_state *state,
                          enum m2m_operation operation, const struct gp_object *target)
{
    struct gp_object current;
    bool enabled = euicc_m2m_isdp(reg, euicc_id_get(reg->nvm, "on"), &current);
    for (size_t i = 0; i < CR_COUNT(rules); i++) {
        const struct gp_object *whose = rules[i].whose == TARGET ? target
                                        : enabled                ? &current
                                                                 : NULL;
        if (rules[i].operation == operation && whose &&
            (euicc_m2m_pol1(reg, whose) & rules[i].rule)) {
            return SW_POL1;
        }
    }
    for (size_t i = 0; state->pinned && i < CR_COUNT(pins); i++) {
        bool itself = euicc_m2m_isdp_id(target) == state->pinned;
        if (pins[i].operation == operation &&
            (itself ? pins[i].about_itself : pins[i].about_others)) {
            return SW_POL1;
        }
    }
    return UICC_SW_OK;
}

bool euicc_m2m_pol1_contradicts(uint8_t pol1)
{
    return (pol1 & M2M_POL1_NO_DELETE) && (pol1 & M2M_POL1_DELETE_DISABLED);
}

bool euicc_m2m_pol1_deletes(uint8_t pol1)
{
    return (pol1 & M2M_POL1_DELETE_DISABLED) && !(pol1 & M2M_POL1_NO_DELETE);
}

bool euicc_m2m_pol1_valid(cr_span value, uint8_t *pol1)
{
    bool tagged = value.n == 3 && value.p[0] == 0x81 && value.p[1] == 1;
    if (value.n != 1 && !tagged) {
        return false;
    }
    *pol1 = value.p[value.n - 1];
    return (*pol1 & ~M2M_POL1_ALL) == 0;
}
