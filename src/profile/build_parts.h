/*
 * The parts of the builder. Private.
 */
#ifndef CRISP_PROFILE_BUILD_PARTS_H
#define CRISP_PROFILE_BUILD_PARTS_H

#include "profile/maker.h"
#include "profile/plan.h"

/* pinCodes with PIN2, for the application made before. */
cr_status profile_build_local_pins(struct profile_maker *m,
                                   const struct profile_plan *plan) CR_MUST_CHECK;
/* akaParameter of the application made before. */
cr_status profile_build_aka(struct profile_maker *m, const struct profile_plan *plan) CR_MUST_CHECK;

/* DF.TELECOM with a phonebook, when there are contacts. */
cr_status profile_build_telecom(struct profile_maker *m,
                                const struct profile_plan *plan) CR_MUST_CHECK;
/* ADF.USIM and everything below it, PIN2 and keys. */
cr_status profile_build_usim(struct profile_maker *m,
                             const struct profile_plan *plan) CR_MUST_CHECK;
/* The same for ADF.ISIM, when there is one. */
cr_status profile_build_isim(struct profile_maker *m,
                             const struct profile_plan *plan) CR_MUST_CHECK;
/* MNO-SD, remote file management. */
cr_status profile_build_domain(struct profile_maker *m,
                               const struct profile_plan *plan) CR_MUST_CHECK;

/* Copies buf into the arena, frees it. */
cr_status profile_build_take(struct profile_maker *m, cr_buf *buf, cr_span *out) CR_MUST_CHECK;

#endif
