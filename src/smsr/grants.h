/*
 * What operators said: who may do what with their Profiles and hears of them (PLMA, SGP.02 3.20),
 * and what they do not want to hear themselves (ONC, 3.22). By type of Profile.
 */
#ifndef CRISP_SMSR_GRANTS_H
#define CRISP_SMSR_GRANTS_H

#include "smsr/eis.h"

/* Operations as bits: 1 << index in soap_plma_operations. 0 = nothing that can be granted. */
typedef uint32_t smsr_grant;
smsr_grant smsr_grant_named(const char *name); /* "EnableProfile", "UnsetFallBackAttribute" ... */
/* Of a function or notification, whatever its interface calls it. */
smsr_grant smsr_grant_of(enum soap_name name);
/* The bit of a notification in soap_notifications (ONC); 0 = cannot be discarded. */
uint32_t smsr_discard_of(enum soap_name name);

/* What owner lets grantee do with its Profiles of a type; 0 = no PLMA. type NULL = 0. */
cr_status smsr_plma_find(struct store_tx *tx, const char *owner, const char *type,
                         const char *grantee, smsr_grant *out, struct cr_err *err) CR_MUST_CHECK;
/* Inserts or replaces; no operations = removes. */
cr_status smsr_plma_put(struct store_tx *tx, const struct soap_plma *plma,
                        struct cr_err *err) CR_MUST_CHECK;

/* Those that match; owner, grantee, type absent = any. At most SOAP_MAX_PLMAS. */
struct smsr_plma_filter {
    cr_span owner, grantee, type;
};
struct smsr_plmas {
    struct soap_plma *items;
    size_t count;
};
cr_status smsr_plma_list(struct store_tx *tx, const struct smsr_plma_filter *filter,
                         cr_arena *arena, struct smsr_plmas *out, struct cr_err *err) CR_MUST_CHECK;
/* OIDs of those whom owner granted `grant` for Profiles of a type. */
struct smsr_oids {
    const char **items;
    size_t count;
};
cr_status smsr_plma_grantees(struct store_tx *tx, const char *owner, const char *type,
                             smsr_grant grant, cr_arena *arena, struct smsr_oids *out,
                             struct cr_err *err) CR_MUST_CHECK;

cr_status smsr_onc_put(struct store_tx *tx, const struct soap_onc *onc,
                       struct cr_err *err) CR_MUST_CHECK;
/* Bits that owner does not want for a type; type NULL = none. */
cr_status smsr_onc_find(struct store_tx *tx, const char *owner, const char *type, uint32_t *out,
                        struct cr_err *err) CR_MUST_CHECK;
struct smsr_oncs {
    struct soap_onc *items;
    size_t count;
};
cr_status smsr_onc_list(struct store_tx *tx, cr_span owner, cr_span type, cr_arena *arena,
                        struct smsr_oncs *out, struct cr_err *err) CR_MUST_CHECK;

#endif
