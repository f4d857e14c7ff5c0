/*
 * Inside src/ota only: the GSM 7 bit default alphabet (3GPP TS 23.038 6.2.1).
 */
#ifndef CRISP_OTA_SMS_INTERNAL_H
#define CRISP_OTA_SMS_INTERNAL_H

#include "ota/sms.h"

#define SMS_CLAUSE "TS 23.040 9.2"

/* The septet number i of packed bits that begin at bit `skip` of in; 0 beyond its end. */
uint8_t sms_septet(cr_span in, size_t skip, size_t i);

/* Appends count septets as UTF-8; 1B introduces the extension table. */
void sms_septets_text(cr_span in, size_t skip, size_t count, cr_buf *out);

/* UTF-8 to septets of the basic table, at most max; false when a character has none. */
bool sms_text_septets(cr_span text, uint8_t *out, size_t max, size_t *count);

#endif
