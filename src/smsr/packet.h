/*
 * What goes over the air on ES5: command scripts, secured packets, and what comes back.
 *
 * Keys stay here: they are opened for one packet and wiped.
 */
#ifndef CRISP_SMSR_PACKET_H
#define CRISP_SMSR_PACKET_H

#include "ota/packet.h"
#include "ota/push.h"
#include "ota/script.h"
#include "smsr/radio.h"

/* ---- scripts ---- */

/* The value of tag 83 for a script (oncard sheet of TS 102 226 5.4.1.4): 0 = none. open: the
 * target's chain is open. */
uint8_t smsr_packet_chaining(bool open, const struct smsr_script *script);

/* Appends the template: AA for SMS and CAT_TP (OTA_FORM_DEFINITE), AE for HTTPS. */
cr_status smsr_packet_script(enum ota_form form, uint8_t chaining, cr_span commands, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* Appends the script of a push SMS (TS 102 226): open a channel as these TLVs say, and a link over
 * it: port, max_sdu, identification. */
cr_status smsr_packet_push(cr_span channel, const struct ota_push *link, cr_buf *out,
                           struct cr_err *err) CR_MUST_CHECK;

/* Reads a response script: its TLVs as struct smsr_outcome wants them, appended to tlvs, and the
 * event: OK; ERROR (83 or 90 is in it: not run); UNANSWERED (unreadable: it ran, nobody knows how).
 * *why is a literal, NULL with OK. */
cr_status smsr_packet_outcome(cr_span response, cr_buf *tlvs, enum smsr_event *event,
                              const char **why, struct cr_err *err) CR_MUST_CHECK;

/* ---- secured packets (ETSI TS 102 225; SGP.02 2.4.3) ---- */

struct smsr_sealing {
    const struct smsr_euicc *euicc;
    cr_span target; /* AID; absent = ISD-R */
    uint8_t por;    /* proof of receipt: OTA_SPI2_POR_ALWAYS, OTA_SPI2_POR_ERROR, 0 = none */
    bool on_link;   /* dialect of CAT_TP, else of SMS */
    /* Counters below the packet's own that are kept, to be used later by whoever seals with
     * .counter: an eUICC that has executed the packet refuses them, one that has not takes them,
     * and the packet after them. */
    unsigned keep;
    uint64_t counter; /* one that was kept, each once; 0 = a fresh one */
    uint8_t version;  /* of the key set; 0 = the lowest */
};

/* Bytes of the packet of n bytes of payload. */
size_t smsr_packet_size(size_t n);

/* Seals a payload under the eUICC's lowest SCP80 key set and a fresh counter (or what says
 * another); the transaction has to be committed before the packet leaves. CR_REFUSED 8.1.1/5.1: no
 * key set, no counter left. */
cr_status smsr_packet_seal(struct smsr *sr, struct store_tx *tx, const struct smsr_sealing *what,
                           cr_span payload, cr_buf *packet, uint8_t *version, uint64_t *counter,
                           struct cr_err *err) CR_MUST_CHECK;

/* Opens a response packet as the answer to the packet of a script: what the script's channel is, or
 * while it has not left, to its push SMS. CR_REFUSED, CR_MALFORMED: it is not, or is forged. out
 * points into scratch. */
cr_status smsr_packet_answer(struct smsr *sr, struct store_tx *tx, const struct smsr_script *script,
                             cr_span response, cr_buf *scratch, struct ota_response *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* ---- default notifications (SGP.02 4.1.1.11) ---- */

/* Reads E1. CR_MALFORMED: EID, type, number or AID is missing or has a wrong size. Spans point into
 * e1. */
cr_status smsr_notification_read(cr_span e1, struct smsr_notification *out,
                                 struct cr_err *err) CR_MUST_CHECK;

/* A command packet that came from an eUICC: E1 in it, authenticated by the key set that it names.
 * out points into scratch. */
cr_status smsr_packet_notification(struct smsr *sr, struct store_tx *tx, cr_span packet,
                                   cr_buf *scratch, struct smsr_notification *out,
                                   struct cr_err *err) CR_MUST_CHECK;

#endif
