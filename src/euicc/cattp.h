/*
 * CAT_TP links of the machine's chip (SGP.02 2.4.3; TS 102 226 push, TS 102 127): what a push SMS
 * asks for. One at a time, in RAM.
 */
#ifndef CRISP_EUICC_CATTP_H
#define CRISP_EUICC_CATTP_H

#include "euicc/m2m.h"

/* With the object, and its end. */
cr_status euicc_m2m_cattp_init(struct euicc_m2m *m, struct cr_err *err) CR_MUST_CHECK;
void euicc_m2m_cattp_free(struct euicc_m2m *m);

/* 80 EC 01 xx for the ISD-R. 01 says how to open the channel, 02 opens it and a link over it. What
 * they leave out is taken from the addressing parameters of the SM-SR (A4) and the connectivity
 * parameters of the enabled profile (A1). 6A80: not to be understood, or nobody said where to;
 * 6985: the profile changes, or it came over a link; 6F00: the terminal opens no such channel.
 *
 * While a link is in use the server is asked whether it still knows it; if not, or if it says
 * nothing for 10 s, the new one takes its place. When a link is over a switch that waits begins. */
uicc_sw euicc_m2m_cattp_push(struct euicc_m2m *m, const struct uicc_apdu *apdu);

/* A packet of the link is being executed: its answer has to reach the server before the profile
 * changes. */
bool euicc_m2m_cattp_busy(const struct euicc_m2m *m);

/* STATUS came: an alarm without a timer counts. */
void euicc_m2m_cattp_polled(struct euicc_m2m *m);

/* Reset: RAM only. */
void euicc_m2m_cattp_drop(struct euicc_m2m *m);

#endif
