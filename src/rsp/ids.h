/*
 * Identifiers as text and as bytes: EID, ICCID, IMEI, TAC, versions.
 */
#ifndef CRISP_RSP_IDS_H
#define CRISP_RSP_IDS_H

#include "base/error.h"

/* ---- EID (SGP.29): 32 decimal digits, plain BCD in 16 bytes ---- */

#define RSP_EID_DIGITS 32
#define RSP_EID_TEXT   33 /* with NUL */

/* Blanks between digits are skipped. CR_MALFORMED on anything but 32 digits. A wrong check digit is
 * no failure: see rsp_eid_check(). */
cr_status rsp_eid_parse(cr_span text, uint8_t out[16], struct cr_err *err) CR_MUST_CHECK;

/* Digits of 16 bytes; false (and an empty text) when n != 16 or a nibble is no digit. */
bool rsp_eid_text(cr_span eid, char out[RSP_EID_TEXT]);

/* Check digits right: the whole number mod 97 is 1. Servers warn, they do not refuse (7.3). */
bool rsp_eid_check(cr_span eid);
/* The same as a refusal, whose next step names the EID with the right digits. */
cr_status rsp_eid_refuse_bad_check(cr_span eid, struct cr_err *err) CR_MUST_CHECK;
bool rsp_eid_text_check(cr_span text);

/* Sets the last two digits so that the check holds. eid[0..14] are 30 digits. False when they are
 * not. */
bool rsp_eid_set_check_digits(uint8_t eid[16]);

/* ---- ICCID: 18 to 20 digits, nibble-swapped BCD in 10 bytes, F as filler ---- */

#define RSP_ICCID_BYTES 10
#define RSP_ICCID_TEXT  21

/* Text of 18..20 digits in natural order; blanks and trailing F or f are skipped. */
cr_status rsp_iccid_parse(cr_span text, uint8_t out[RSP_ICCID_BYTES],
                          struct cr_err *err) CR_MUST_CHECK;

/* Digits in natural order without F; false (and an empty text) when it is no ICCID. */
bool rsp_iccid_text(cr_span iccid, char out[RSP_ICCID_TEXT]);

/* True when the last digit is the Luhn digit of the others. For information only. */
bool rsp_iccid_luhn(cr_span digits);

/* ---- IMEI (8 bytes) and TAC (4 bytes) of deviceInfo ---- */

#define RSP_IMEI_TEXT 17
#define RSP_TAC_TEXT  9

/* 15 digits (or 16 of an IMEISV; or 14, the check digit is added) -> 8 bytes as from v2.1: swapped,
 * the last byte = check digit in the high nibble and F in the low one. */
cr_status rsp_imei_parse(cr_span text, uint8_t out[8], struct cr_err *err) CR_MUST_CHECK;

/* First four bytes of the IMEI: 8 digits, swapped. */
cr_status rsp_tac_parse(cr_span text, uint8_t out[4], struct cr_err *err) CR_MUST_CHECK;

/* Digits of a received IMEI; last byte in any of the forms 5F, F5 and 05. */
bool rsp_imei_text(cr_span imei, char out[RSP_IMEI_TEXT]);

/* Digits of a received TAC. LPAs send it swapped and unswapped: with an IMEI at hand the form that
 * agrees with it, else swapped. imei may be absent. */
bool rsp_tac_text(cr_span tac, cr_span imei, char out[RSP_TAC_TEXT]);

/* ---- VersionType: major, minor, revision ---- */

struct rsp_version {
    uint8_t major, minor, revision;
};
#define RSP_VERSION_TEXT 12 /* "255.255.255" and NUL */

/* "2.5.0", "2.5", "v2.5.0", "gsma/rsp/v2.5.0". False when it is none of these. */
bool rsp_version_parse(cr_span text, struct rsp_version *out) CR_MUST_CHECK;
char *rsp_version_format(struct rsp_version v, char out[RSP_VERSION_TEXT]);

/* From and to the 3 bytes of a message; false when n != 3. */
bool rsp_version_from_bytes(cr_span bytes, struct rsp_version *out) CR_MUST_CHECK;
void rsp_version_to_bytes(struct rsp_version v, uint8_t out[3]);

/* <0, 0, >0 */
int rsp_version_compare(struct rsp_version a, struct rsp_version b);

#endif
