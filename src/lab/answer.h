/*
 * Answers of a card for people: status words and file control parameters.
 */
#ifndef CRISP_LAB_ANSWER_H
#define CRISP_LAB_ANSWER_H

#include "base/buf.h"

/* Appends "file or application not found", "25 bytes waiting", "3 tries left" (ISO 7816-4, TS 102
 * 221 10.2, TS 31.102 7.3). Never nothing. */
void lab_sw_text(uint16_t sw, cr_buf *out);

/* True for answers that did what was asked, warnings included: 9000, 91xx, 61xx, 62xx, 63xx but
 * 63Cx. */
bool lab_sw_ok(uint16_t sw);

enum lab_file_kind { LAB_DF = 1, LAB_TRANSPARENT, LAB_LINEAR, LAB_CYCLIC, LAB_BERTLV };

/* What an FCP template says (TS 102 221 11.1.1.3). */
struct lab_fcp {
    enum lab_file_kind kind;
    bool has_fid, has_sfi, has_size, has_rule;
    uint16_t fid;
    uint8_t sfi; /* 0 = none */
    uint32_t size;
    uint16_t record_length;
    uint8_t records;
    uint8_t life_cycle;
    uint16_t rule_fid;
    uint8_t rule_record;
    cr_span aid;        /* absent: none */
    cr_span pin_status; /* contents of C6; absent: none */
};

/* False when it is no FCP. */
bool lab_fcp_read(cr_span response, struct lab_fcp *out);

/* Appends "transparent, 9 bytes, SFI 07, rule 6F06/10, activated". */
void lab_fcp_text(const struct lab_fcp *fcp, cr_buf *out);

/* "activated"; "life cycle 2A" is appended for what is not defined. */
void lab_life_cycle_text(uint8_t status, cr_buf *out);

#endif
