/*
 * Policy rules of a Profile in the SM-SR (POL2, SGP.02 3.15 and annex C): pure decisions, no store.
 *
 * POL2 is evaluated before anything goes over the air; the eUICC evaluates POL1 when it executes.
 * Both apply, the stricter wins: whatever one of them forbids does not happen.
 */
#ifndef CRISP_SMSR_POLICY_H
#define CRISP_SMSR_POLICY_H

#include "soap/types.h"

/* POL2 as a set of bits: what the store keeps. */
#define SMSR_POL2_ENABLE_NOT_ALLOWED  0x01
#define SMSR_POL2_DISABLE_NOT_ALLOWED 0x02
#define SMSR_POL2_DELETE_NOT_ALLOWED  0x04
#define SMSR_POL2_AUTO_DELETE         0x08 /* deletion is mandatory once it becomes disabled */

/* Rules to bits. CR_REFUSED 8.2.3/2.1: a rule twice, a qualification without meaning (Auto-Delete
 * of ENABLE or DELETE), DELETE Not-Allowed together with Auto-Delete. DISABLE Not-Allowed with
 * Auto-Delete is legal: locked forever. */
cr_status smsr_pol2_read(const struct soap_pol2 *pol2, unsigned *out,
                         struct cr_err *err) CR_MUST_CHECK;
/* Bits to rules, in the arena. */
cr_status smsr_pol2_write(unsigned bits, cr_arena *arena, struct soap_pol2 *out,
                          struct cr_err *err) CR_MUST_CHECK;

enum smsr_operation { SMSR_ENABLE = 1, SMSR_DISABLE, SMSR_DELETE, SMSR_MASTER_DELETE };

/* What the decision is about: the target and, for ENABLE, the Profile that gives way. */
struct smsr_subject {
    unsigned pol2;
    enum soap_profile_state state;
    bool fallback;
    const char *iccid; /* for the message */
};

/* CR_OK, or CR_REFUSED with 8.2.3/3.8 (a rule), 8.2.7/3.8 (the Fall-Back Profile) or 8.2.1/1.2 (the
 * state); the ICCID that is in the way is named. enabled: the Profile that is enabled now; NULL =
 * none, or the target itself.
 *
 *   ENABLE         enabled DISABLE Not-Allowed; target ENABLE Not-Allowed; target not Disabled
 *   DISABLE        target DISABLE Not-Allowed; target Fall-Back; target not Enabled
 *   DELETE         target DELETE Not-Allowed, or DISABLE Not-Allowed with Auto-Delete (locked);
 *                  target Fall-Back; an Enabled one: as DISABLE too
 *   MASTER_DELETE  target Fall-Back; target not Disabled. No rule counts. */
cr_status smsr_policy_check(enum smsr_operation operation, const struct smsr_subject *target,
                            const struct smsr_subject *enabled, struct cr_err *err) CR_MUST_CHECK;

/* True when a Profile that has just become Disabled must be deleted: Auto-Delete, not forbidden by
 * DELETE Not-Allowed, not the Fall-Back Profile, and not by fall-back or a local switch. */
bool smsr_policy_deletes(const struct smsr_subject *disabled, bool by_command);

#endif
