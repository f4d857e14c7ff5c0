/*
 * The GSM 7 bit default alphabet (3GPP TS 23.038 6.2.1), one home for texts of files (TS 102 221
 * annex A) and of short messages.
 */
#ifndef CRISP_BASE_GSM7_H
#define CRISP_BASE_GSM7_H

#include "base/buf.h"

#define CR_GSM7_ESCAPE 0x1B

/* Unicode by code; 0 = the escape. */
extern const uint16_t cr_gsm7[128];

/* The code of a character, -1 when the basic table has none. */
int cr_gsm7_code(uint32_t unicode);

/* What the character behind an escape means (6.2.1.1); 0 = the extension table has none. */
uint32_t cr_gsm7_extension(uint8_t code);

/* Appends a character as UTF-8. */
void cr_utf8_append(cr_buf *out, uint32_t unicode);

#endif
