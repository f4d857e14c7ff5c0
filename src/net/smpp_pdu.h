/*
 * PDUs of SMPP 3.4 as tables, for net/smpp_link.c: bytes to a struct and back.
 */
#ifndef CRISP_NET_SMPP_PDU_H
#define CRISP_NET_SMPP_PDU_H

#include "net/smpp.h"

#define SMPP_HEADER 16 /* bytes */

/* command_id; an answer has the high bit set. */
#define SMPP_RESPONSE         0x80000000u
#define SMPP_GENERIC_NACK     0x80000000u
#define SMPP_BIND_RECEIVER    0x00000001u
#define SMPP_BIND_TRANSMITTER 0x00000002u
#define SMPP_SUBMIT_SM        0x00000004u
#define SMPP_DELIVER_SM       0x00000005u
#define SMPP_UNBIND           0x00000006u
#define SMPP_BIND_TRANSCEIVER 0x00000009u
#define SMPP_ENQUIRE_LINK     0x00000015u

struct smpp_pdu {
    uint32_t command, status, sequence;
    char system_id[SMPP_MAX_NAME + 1]; /* bind and its answer */
    char password[9];                  /* bind */
    struct smpp_message message;       /* submit_sm, deliver_sm */
    char id[SMPP_MAX_ID + 1];          /* submit_sm_resp; receipted_message_id of deliver_sm */
    uint8_t message_state;             /* of deliver_sm; 0 = not told */
};

/* The length in a header; 0 when it cannot be one (below SMPP_HEADER, above SMPP_MAX_PDU). */
size_t smpp_pdu_length(const uint8_t header[4]);

/* One whole PDU. False: malformed, or a command that is not known here (then command and sequence
 * are filled, known is false, so that it can be refused with generic_nack). */
bool smpp_pdu_read(cr_span bytes, struct smpp_pdu *out, bool *known);

/* Appends. False: a text that does not fit its field. */
bool smpp_pdu_write(const struct smpp_pdu *pdu, cr_buf *out);

#endif
