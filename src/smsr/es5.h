/*
 * The commands of ES5 (SGP.02 4.1.1) as command TLVs of a script, and the answers to them.
 */
#ifndef CRISP_SMSR_ES5_H
#define CRISP_SMSR_ES5_H

#include "smsr/procedure.h"

/* All append `22 L <C-APDU>`; failure is sticky in out. */
void smsr_es5_create_isdp(const struct smsr_euicc *euicc, cr_span aid, int64_t memory, cr_buf *out);
void smsr_es5_enable(cr_span aid, cr_buf *out);
void smsr_es5_disable(cr_span aid, cr_buf *out);
void smsr_es5_delete(cr_span aid, cr_buf *out);
void smsr_es5_master_delete(cr_span aid, const struct smsr_delete_token *token, cr_buf *out);
void smsr_es5_set_fallback(cr_span aid, cr_buf *out);
void smsr_es5_set_emergency(cr_span aid, cr_buf *out);
void smsr_es5_confirm(uint16_t number, cr_buf *out);
/* STORE DATA of DGI 3A07: connectivity parameters (to an ISD-P), addressing (to ISD-R). */
void smsr_es5_parameters(cr_span tlvs, cr_buf *out);
/* Memory and list of ISD-Ps; next: the rest of a list that ended with 6310. */
void smsr_es5_audit(bool next, cr_buf *out);

/* The data of one of the two commands of EstablishISDRKeySet (ota/establish.h), in as many STORE
 * DATA as it takes; *block goes on from the first command to the second. */
void smsr_es5_establish(cr_span data, bool last, uint8_t *block, cr_buf *out);
/* FinaliseISDRhandover: these keys stay, all others of the ISD-R go. */
struct smsr_key_range {
    uint8_t version, first, last; /* key identifiers */
};
void smsr_es5_finalise(const struct smsr_key_range *keep, size_t count, cr_buf *out);

#define SMSR_SW_OK        0x9000
#define SMSR_SW_MORE      0x6310
#define SMSR_SW_POL1      0x69E1
#define SMSR_SW_SECURITY  0x6982
#define SMSR_SW_CONDITION 0x6985
#define SMSR_SW_NO_FILE   0x6A82
#define SMSR_SW_NO_SPACE  0x6A84
#define SMSR_SW_NO_DATA   0x6A88

/* Takes the next R-APDU (tag 23) out of response TLVs; other TLVs are passed over. False at the end
 * or when the rest is no TLV. */
struct smsr_r_apdu {
    cr_span data;
    uint16_t sw;
};
bool smsr_es5_next(cr_span *response, struct smsr_r_apdu *out);
/* The last one, the one that a script ended with. False = none. */
bool smsr_es5_last(cr_span response, struct smsr_r_apdu *out);
/* True when the status word stands for an executed command: 9000, 62xx, 63xx. */
bool smsr_es5_good(uint16_t sw);

/* What a status word of a refusing eUICC is for the requester (SGP.02 5.1.6.4, off-card CO, C1). */
cr_status smsr_es5_refusal(uint16_t sw, const char *iccid, struct cr_err *err);

/* ISD-Ps in the answer to a confirmation: 80 L { 4F L AID }*. */
bool smsr_es5_next_deleted(cr_span *list, cr_span *aid);
/* False when data is no such list; an absent or empty one is the empty list. */
bool smsr_es5_deleted(cr_span data, cr_span *list);

/* What an audit said. -1 = not told. */
struct smsr_es5_isdp {
    cr_span aid;
    int state;      /* 07, 0F, 1F, 3F */
    int properties; /* bit 01 Fall-Back, 02 Emergency, 04 Test */
    int64_t granted, remaining;
};
/* One entry E3 of GET STATUS. */
bool smsr_es5_next_isdp(cr_span *data, struct smsr_es5_isdp *out);
/* Free non volatile memory of GET DATA FF21. */
bool smsr_es5_memory(cr_span data, int64_t *free_memory);

#endif
