/*
 * Administration sessions of the machine's chip (SCP81): the ISD-R's with the SM-SR, and those of
 * the security domains of the enabled profile with their own servers (ES6). One at a time for each
 * domain, M2M_SESSIONS in all; one place is the ISD-R's.
 *
 * A session whose link breaks is resumed: as often as its parameters say (86), and where they say
 * nothing M2M_HTTPS_RETRIES times. What was executed and not answered yet is kept until then.
 */
#ifndef CRISP_EUICC_HTTPS_H
#define CRISP_EUICC_HTTPS_H

#include "euicc/m2m.h"
#include "ota/admin.h"

#define M2M_HTTPS_RETRIES       5
#define M2M_HTTPS_RETRY_SECONDS 20

/* With the object, and its end. */
cr_status euicc_m2m_https_init(struct euicc_m2m *m, struct cr_err *err) CR_MUST_CHECK;
void euicc_m2m_https_free(struct euicc_m2m *m);

/* Opens a session of a domain with these parameters, what they leave out from those that are
 * stored: addressing parameters of the SM-SR (A5), for the domain of a profile its object 85; and
 * the connectivity parameters of the enabled profile (A2). note: E1 .., of the ISD-R, goes with the
 * first POST; absent = none. CR_REFUSED: nobody said where to, no key, a session is open, no place.
 * When a session of the ISD-R is over a switch that waits begins, and euicc_m2m_note_sent() is
 * called for a notification.
 */
cr_status euicc_m2m_https_open(struct euicc_m2m *m, const struct gp_registry *reg, uint16_t domain,
                               const struct ota_admin_params *given, cr_span note,
                               struct cr_err *err) CR_MUST_CHECK;

/* The payload of a triggering SMS for a domain. Ignored while its session is open. A retry
 * that waits is made at once when the trigger asks for the same session; for another one it gives
 * way. */
void euicc_m2m_https_trigger(struct euicc_m2m *m, const struct gp_registry *reg, uint16_t domain,
                             cr_span tlv);

/* False: notifications cannot go this way now. A retry that waits gives way to one, unless it will
 * resume a session. */
bool euicc_m2m_https_note(struct euicc_m2m *m, cr_span note);

/* STATUS came: an alarm without a timer counts. */
void euicc_m2m_https_polled(struct euicc_m2m *m);

/* The enabled profile is another one: sessions of the old one's domains are over. */
void euicc_m2m_https_leave(struct euicc_m2m *m);

/* Reset: RAM only. */
void euicc_m2m_https_drop(struct euicc_m2m *m);

#endif
