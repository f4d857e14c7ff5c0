/*
 * Push SMS (ETSI TS 102 226): the APDUs that ask a card to open a BIP channel
 * and a link over it. They travel in a script to the ISD-R.
 *
 * The TLVs of OPEN CHANNEL inside are kept as they are: uicc/cat.h reads and writes them.
 */
#ifndef CRISP_OTA_PUSH_H
#define CRISP_OTA_PUSH_H

#include "base/buf.h"
#include "base/error.h"

/* P2 of 80 EC 01. */
enum ota_push_kind {
    OTA_PUSH_CHANNEL = 1,       /* open a BIP channel for UDP: CAT_TP */
    OTA_PUSH_CATTP = 2,         /* open a CAT_TP link */
    OTA_PUSH_TCP = 3,           /* open a TCP connection */
    OTA_PUSH_IDENTIFICATION = 4 /* send an identification packet */
};

struct ota_push {
    enum ota_push_kind kind;
    cr_span tlvs; /* all of the data */
    /* CATTP: */
    uint16_t port;    /* destination */
    uint16_t max_sdu; /* 0 = not given */
    /* CATTP, IDENTIFICATION; absent = the card's ICCID: */
    cr_span identification;
};

/* The command APDU, with or without Le. CR_MALFORMED: no push command, or broken (6A80). Spans
 * point into apdu. */
cr_status ota_push_read(cr_span apdu, struct ota_push *out, struct cr_err *err) CR_MUST_CHECK;

/* Appends the APDU. CHANNEL and TCP write tlvs; CATTP and IDENTIFICATION write their members. */
cr_status ota_push_write(cr_buf *out, const struct ota_push *push,
                         struct cr_err *err) CR_MUST_CHECK;

/* Appends the TLVs of a UDP destination to those of a CHANNEL: transport, address (4 or 16 bytes).
 */
void ota_push_put_address(cr_buf *out, cr_span ip, uint16_t port);

#endif
