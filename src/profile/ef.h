/*
 * Contents of well-known files: telephone numbers, identities, lists of networks, service tables
 * (3GPP TS 31.102, TS 31.103, ETSI TS 102 221). Encoders from what people write, texts from bytes.
 *
 * Used by builder, personaliser and printer of packages, and for looking into a card's files. All
 * encoders refuse with a sentence that says what is wrong; names of fields are the caller's to add.
 */
#ifndef CRISP_PROFILE_EF_H
#define CRISP_PROFILE_EF_H

#include "base/buf.h"
#include "base/error.h"

/* ------------------------------------------------------------------ identities */

#define PROFILE_ICCID      10 /* bytes */
#define PROFILE_ICCID_TEXT 21
#define PROFILE_IMSI       9
#define PROFILE_IMSI_TEXT  16

/* 18 to 20 digits to EF.ICCID (nibbles swapped, F padded). */
cr_status profile_iccid_encode(cr_span digits, uint8_t out[PROFILE_ICCID],
                               struct cr_err *err) CR_MUST_CHECK;
/* 18 to 20 digits to the ICCID of a ProfileHeader (reading order, F padded). */
cr_status profile_iccid_plain(cr_span digits, uint8_t out[PROFILE_ICCID],
                              struct cr_err *err) CR_MUST_CHECK;
/* Digits of EF.ICCID, or of the header's form; "" when there are other nibbles. */
const char *profile_iccid_text(cr_span ef, char out[PROFILE_ICCID_TEXT]);
const char *profile_iccid_plain_text(cr_span iccid, char out[PROFILE_ICCID_TEXT]);

/* 6 to 15 digits to EF.IMSI. */
cr_status profile_imsi_encode(cr_span digits, uint8_t out[PROFILE_IMSI],
                              struct cr_err *err) CR_MUST_CHECK;
/* Digits of EF.IMSI; "" when it holds none. */
const char *profile_imsi_text(cr_span ef, char out[PROFILE_IMSI_TEXT]);

/* PIN or PUK of 4 to 8 digits (PUK: exactly 8) as 8 bytes FF padded; an ADM key also as 16 hex
 * digits. */
#define PROFILE_CODE 8
cr_status profile_pin_encode(cr_span digits, uint8_t out[PROFILE_CODE],
                             struct cr_err *err) CR_MUST_CHECK;
cr_status profile_puk_encode(cr_span digits, uint8_t out[PROFILE_CODE],
                             struct cr_err *err) CR_MUST_CHECK;
cr_status profile_adm_encode(cr_span text, uint8_t out[PROFILE_CODE],
                             struct cr_err *err) CR_MUST_CHECK;

/* EF.ACC: four hex digits ("0001"), or a comma separated list of classes 0..9, 11..15 ("0,11"). */
#define PROFILE_ACC 2
cr_status profile_acc_encode(cr_span text, uint8_t out[PROFILE_ACC],
                             struct cr_err *err) CR_MUST_CHECK;
/* The class that the last digit of the IMSI gives (TS 22.011 4.2). */
void profile_acc_of_imsi(cr_span digits, uint8_t out[PROFILE_ACC]);

/* ------------------------------------------------------------------ networks */

#define PROFILE_PLMN      3
#define PROFILE_PLMN_TEXT 8

/* "99970", "999-70", "001/01", "310410" to three bytes. */
cr_status profile_plmn_encode(cr_span text, uint8_t out[PROFILE_PLMN],
                              struct cr_err *err) CR_MUST_CHECK;
/* "999-70"; "" for FFFFFF. */
const char *profile_plmn_text(cr_span plmn, char out[PROFILE_PLMN_TEXT]);

/* A PLMN with its access technologies: "999-70", or "999-70:eutran,ngran" (gsm, gsm-compact, utran,
 * eutran, ec-gsm-iot, cdma-hrpd, cdma-1x, ngran; all when none is named). Appends 5 bytes. */
cr_status profile_plmn_act_encode(cr_span text, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;
/* Appends "999-70:eutran,ngran" for 5 bytes. */
void profile_plmn_act_text(cr_span entry, cr_buf *out);

/* ------------------------------------------------------------------ texts and numbers */

/* UTF-8 to the coding of SIM texts (GSM default alphabet, else UCS2 behind 80), padded with FF to n
 * bytes. Refused when it is longer. */
cr_status profile_alpha_encode(cr_span utf8, uint8_t *out, size_t n,
                               struct cr_err *err) CR_MUST_CHECK;
/* Appends the text as UTF-8, all three UCS2 codings understood; unknown characters become '?'. */
void profile_alpha_text(cr_span alpha, cr_buf *out);

#define PROFILE_SPN 17
/* EF.SPN: display condition byte and name of at most 16 bytes. */
cr_status profile_spn_encode(uint8_t display, cr_span name, uint8_t out[PROFILE_SPN],
                             struct cr_err *err) CR_MUST_CHECK;

#define PROFILE_ADN_TAIL 14 /* bytes of a number record behind its text */
/* Dialling number record (EF.MSISDN, EF.ADN ...): "+" and up to 20 digits, * and #. record is
 * filled whole; record_length at least PROFILE_ADN_TAIL. An empty number gives an empty record. */
cr_status profile_adn_encode(cr_span alpha, cr_span number, uint8_t *record, size_t record_length,
                             struct cr_err *err) CR_MUST_CHECK;
/* Appends "text +1234", or nothing for an empty record. */
void profile_adn_text(cr_span record, cr_buf *out);

#define PROFILE_SMSP_TAIL 28
/* EF.SMSP record with a service centre address and nothing else but an optional name. */
cr_status profile_smsp_encode(cr_span alpha, cr_span smsc, uint8_t *record, size_t record_length,
                              struct cr_err *err) CR_MUST_CHECK;

/* EF.IMPI, EF.IMPU, EF.DOMAIN: text in a TLV with tag 80. */
void profile_text_tlv_encode(cr_span utf8, cr_buf *out);
cr_span profile_text_tlv(cr_span content); /* absent when it holds no such TLV */

/* EF.DIR record: application template with AID and label. */
void profile_dir_encode(cr_span aid, cr_span label, cr_buf *out);

/* EF.ECC record: "112" or "911" with its service category, then an optional name. Fills record. */
cr_status profile_ecc_encode(cr_span digits, cr_span alpha, uint8_t category, uint8_t *record,
                             size_t record_length, struct cr_err *err) CR_MUST_CHECK;

/* ------------------------------------------------------------------ service tables */

/* A service of EF.UST and the files that stand for it, by member names divided by blanks. */
struct profile_ust_service {
    uint8_t number; /* 1... */
    const char *name;
    const char *files; /* NULL = none */
};
extern const struct profile_ust_service profile_ust_services[];
extern const size_t profile_ust_service_count;
extern const struct profile_ust_service profile_ist_services[]; /* EF.IST */
extern const size_t profile_ist_service_count;

/* The row with this number; NULL when it is not known. */
const struct profile_ust_service *profile_ust_service(unsigned number);

/* True when the row's files name this member. */
bool profile_ust_service_has_file(const struct profile_ust_service *service, const char *member);

/* Bit of service n (from 1) in a table. Outside the table it is not set. */
bool profile_table_has(cr_span table, unsigned n);
/* Sets it; false when the table is too short. */
bool profile_table_set(uint8_t *table, size_t size, unsigned n);

/* ------------------------------------------------------------------ any known file */

/* Where a file stands: file ids mean something only there. */
enum profile_ef_place {
    PROFILE_EF_MF,
    PROFILE_EF_TELECOM,
    PROFILE_EF_USIM, /* also DF.TELECOM/DF.GSM copies of its files */
    PROFILE_EF_ISIM,
    PROFILE_EF_CSIM,
    PROFILE_EF_5GS,
    PROFILE_EF_SAIP,
    PROFILE_EF_GSM_ACCESS,
    PROFILE_EF_PHONEBOOK,
    PROFILE_EF_OTHER
};

/* Appends a readable text of a file's content ("001010123456789"), lines divided by newlines,
 * without one at the end. record_length 0 for transparent files. False when the file is not known
 * or holds nothing to tell. */
bool profile_ef_text(enum profile_ef_place place, uint16_t fid, cr_span content,
                     size_t record_length, cr_buf *out);

/* Appends an access rule (a record of EF.ARR, FF padding allowed) as "read: PIN1; update: ADM1".
 * df: the rule of an MF, DF or ADF, whose bits mean other things. */
void profile_arr_text(cr_span rule, bool df, cr_buf *out);

/* Names and file ids of the known files of a place one after the other: *cursor is 0 before the
 * first; NULL at the end. */
const char *profile_ef_next(enum profile_ef_place place, size_t *cursor, uint16_t *fid);

/* "EF.IMSI"; NULL when not known. */
const char *profile_ef_name(enum profile_ef_place place, uint16_t fid);

#endif
