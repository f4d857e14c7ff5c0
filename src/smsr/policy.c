#include "smsr/policy.h"

/* ---- rules as bits -----------------------------------------------------------------------------
 */

/* The four rules that mean something. */
static const struct {
    int action, qualification; /* enum soap_pol2_... */
    unsigned bit;
} rules[] = {
    {SOAP_POL2_ENABLE, SOAP_POL2_NOT_ALLOWED, SMSR_POL2_ENABLE_NOT_ALLOWED},
    {SOAP_POL2_DISABLE, SOAP_POL2_NOT_ALLOWED, SMSR_POL2_DISABLE_NOT_ALLOWED},
    {SOAP_POL2_DELETE, SOAP_POL2_NOT_ALLOWED, SMSR_POL2_DELETE_NOT_ALLOWED},
    {SOAP_POL2_DISABLE, SOAP_POL2_AUTO_DELETE, SMSR_POL2_AUTO_DELETE},
};

static cr_status invalid(struct cr_err *err, const char *why)
{
    return cr_err_field(err, cr_refuse(err, "8.2.3", "2.1", "SGP.02 annex C", "%s", why), "pol2");
}

cr_status smsr_pol2_read(const struct soap_pol2 *pol2, unsigned *out, struct cr_err *err)
{
    unsigned bits = 0;
    for (size_t i = 0; i < pol2->rules.count; i++) {
        const struct soap_pol2_rule *rule = &pol2->rules.items[i];
        unsigned bit = 0;
        for (size_t r = 0; r < CR_COUNT(rules); r++) {
            if (rules[r].action == rule->action && rules[r].qualification == rule->qualification) {
                bit = rules[r].bit;
            }
        }
        if (!bit) {
            return invalid(err, "Auto-Delete goes with DISABLE only");
        }
        if (bits & bit) {
            return invalid(err, "a rule stands there twice");
        }
        bits |= bit;
    }
    if ((bits & SMSR_POL2_DELETE_NOT_ALLOWED) && (bits & SMSR_POL2_AUTO_DELETE)) {
        return invalid(err, "deletion cannot be both forbidden and mandatory");
    }
    *out = bits;
    return CR_OK;
}

cr_status smsr_pol2_write(unsigned bits, cr_arena *arena, struct soap_pol2 *out, struct cr_err *err)
{
    struct soap_pol2_rule *items = cr_arena_alloc_array(arena, CR_COUNT(rules), sizeof *items);
    size_t count = 0;
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t r = 0; r < CR_COUNT(rules); r++) {
        if (bits & rules[r].bit) {
            items[count++] = (struct soap_pol2_rule){
                .subject = 1, .action = rules[r].action, .qualification = rules[r].qualification};
        }
    }
    out->rules.items = items;
    out->rules.count = count;
    return CR_OK;
}

/* ---- decisions ---------------------------------------------------------------------------------
 */

static cr_status by_rule(struct cr_err *err, const struct smsr_subject *whose, const char *what)
{
    return cr_refuse(err, "8.2.3", "3.8", "SGP.02 annex C", "POL2 of %s forbids %s", whose->iccid,
                     what);
}

static cr_status by_fallback(struct cr_err *err, const struct smsr_subject *whose)
{
    return cr_refuse(err, "8.2.7", "3.8", "SGP.02 3.3", "%s is the Fall-Back Profile",
                     whose->iccid);
}

static cr_status by_state(struct cr_err *err, const struct smsr_subject *whose, const char *must_be)
{
    return cr_refuse(err, "8.2.1", "1.2", "SGP.02 3", "%s is not %s", whose->iccid, must_be);
}

static cr_status check_enable(const struct smsr_subject *target, const struct smsr_subject *enabled,
                              struct cr_err *err)
{
    if (target->state != SOAP_STATE_DISABLED) {
        return by_state(err, target, "Disabled");
    }
    if (enabled && (enabled->pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED)) {
        return by_rule(err, enabled, "that it is disabled");
    }
    if (target->pol2 & SMSR_POL2_ENABLE_NOT_ALLOWED) {
        return by_rule(err, target, "that it is enabled");
    }
    return CR_OK;
}

static cr_status check_disable(const struct smsr_subject *target, struct cr_err *err)
{
    if (target->state != SOAP_STATE_ENABLED) {
        return by_state(err, target, "Enabled");
    }
    if (target->fallback) {
        return by_fallback(err, target);
    }
    if (target->pol2 & SMSR_POL2_DISABLE_NOT_ALLOWED) {
        return by_rule(err, target, "that it is disabled");
    }
    return CR_OK;
}

static cr_status check_delete(const struct smsr_subject *target, struct cr_err *err)
{
    const unsigned locked = SMSR_POL2_DISABLE_NOT_ALLOWED | SMSR_POL2_AUTO_DELETE;
    if (target->fallback) {
        return by_fallback(err, target);
    }
    if ((target->pol2 & SMSR_POL2_DELETE_NOT_ALLOWED) || (target->pol2 & locked) == locked) {
        return by_rule(err, target, "that it is deleted");
    }
    return target->state == SOAP_STATE_ENABLED ? check_disable(target, err) : CR_OK;
}

static cr_status check_master_delete(const struct smsr_subject *target, struct cr_err *err)
{
    if (target->fallback) {
        return by_fallback(err, target);
    }
    return target->state == SOAP_STATE_DISABLED ? CR_OK : by_state(err, target, "Disabled");
}

cr_status smsr_policy_check(enum smsr_operation operation, const struct smsr_subject *target,
                            const struct smsr_subject *enabled, struct cr_err *err)
{
    switch (operation) {
    case SMSR_ENABLE:
        return check_enable(target, enabled, err);
    case SMSR_DISABLE:
        return check_disable(target, err);
    case SMSR_DELETE:
        return check_delete(target, err);
    case SMSR_MASTER_DELETE:
        return check_master_delete(target, err);
    }
    return cr_fail(err, CR_INTERNAL, NULL, "no such operation");
}

bool smsr_policy_deletes(const struct smsr_subject *disabled, bool by_command)
{
    return by_command && !disabled->fallback && (disabled->pol2 & SMSR_POL2_AUTO_DELETE) &&
           !(disabled->pol2 & SMSR_POL2_DELETE_NOT_ALLOWED);
}
