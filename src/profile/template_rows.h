/*
 * The rows of the template tables, and the short words in which they are written. Private to
 * template*.c; everybody else looks rows up with profile/template.h.
 */
#ifndef CRISP_PROFILE_TEMPLATE_ROWS_H
#define CRISP_PROFILE_TEMPLATE_ROWS_H

#include "profile/template.h"

#define MF  PROFILE_TYPE_MF
#define DF  PROFILE_TYPE_DF
#define ADF PROFILE_TYPE_ADF
#define TR  PROFILE_TYPE_TR
#define LF  PROFILE_TYPE_LF
#define CY  PROFILE_TYPE_CY
#define BT  PROFILE_TYPE_BT

#define RECORDS    PROFILE_MUST_RECORDS
#define SIZE       PROFILE_MUST_SIZE
#define CONTENT    PROFILE_MUST_CONTENT
#define SFI        PROFILE_MUST_SFI
#define PIN_STATUS PROFILE_MUST_PIN_STATUS
#define AID        PROFILE_MUST_AID
#define FID        PROFILE_MUST_FID

#define FILLED(how, bytes)                                                                         \
    .fill = PROFILE_FILL_##how, .fill_length = sizeof(bytes) - 1, .pattern = (bytes)
#define LITERAL(bytes) FILLED(LITERAL, bytes)
#define PATTERN(bytes) FILLED(PATTERN, bytes)
#define REPEAT(bytes)  FILLED(REPEAT, bytes)

extern const struct profile_template_member profile_rows_mf[6];
extern const struct profile_template_member profile_rows_cd[3];
extern const struct profile_template_member profile_rows_telecom[46];
extern const struct profile_template_member profile_rows_phonebook[18];
extern const struct profile_template_member profile_rows_usim[24];
extern const struct profile_template_member profile_rows_opt_usim[86];
extern const struct profile_template_member profile_rows_gsm_access[5];
extern const struct profile_template_member profile_rows_5gs[20];
extern const struct profile_template_member profile_rows_saip[2];
extern const struct profile_template_member profile_rows_snpn[2];
extern const struct profile_template_member profile_rows_5gprose[7];
extern const struct profile_template_member profile_rows_isim[7];
extern const struct profile_template_member profile_rows_opt_isim[14];
extern const struct profile_template_member profile_rows_csim[35];
extern const struct profile_template_member profile_rows_opt_csim[67];
extern const struct profile_template_member profile_rows_eap[8];
extern const struct profile_template_member profile_rows_iot[22];
extern const struct profile_template_member profile_rows_opt_iot[26];

#endif
