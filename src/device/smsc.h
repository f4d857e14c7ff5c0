/*
 * The service centre between the modems and those who bind to it over SMPP: keeps a message until
 * it is delivered or its time is over, knows which modem has which number at the moment, makes
 * receipts.
 *
 *     ESME --submit_sm--> device_smsc_submit() --down()--> modem --device_smsc_ended()--> receipt()
 *     modem --device_smsc_originate()--> up() --deliver_sm--> ESME --device_smsc_answered()
 *
 * Pure as the modem is: time comes in, operations go out, from within the functions. One thread at
 * a time.
 */
#ifndef CRISP_DEVICE_SMSC_H
#define CRISP_DEVICE_SMSC_H

#include "device/modem.h"

#define SMSC_MAX_MESSAGES 65536 /* kept at one time */
#define SMSC_INVALID_SIZE 0x01u /* ESME_RINVMSGLEN */

struct smsc_ops {
    void *ctx;
    /* A SMS-DELIVER to a modem; device_smsc_ended() with this ref follows. */
    void (*down)(void *ctx, uint32_t modem, uint64_t ref, cr_span deliver);
    /* A deliver_sm; device_smsc_answered() with this ref follows. False: no room, later. */
    bool (*up)(void *ctx, const char *system_id, const struct smpp_message *message, uint64_t ref);
    void (*receipt)(void *ctx, const char *system_id, const struct smpp_receipt *receipt,
                    const struct smpp_message *about);
    /* For traces; NULL allowed. */
    void (*event)(void *ctx, enum device_event event, const char *text);
};

struct smsc;
/* modems: their numbers are below this. */
cr_status smsc_new(const struct device_config *config, uint32_t modems, const struct smsc_ops *ops,
                   struct smsc **out, struct cr_err *err) CR_MUST_CHECK;
void smsc_free(struct smsc *smsc); /* NULL allowed */

/* A submit_sm: the answer is its command_status; id is set with SMPP_OK. */
uint32_t smsc_submit(struct smsc *smsc, const char *system_id, const struct smpp_message *message,
                     int64_t now_ms, char id[SMPP_MAX_ID + 1]);
/* The modem has service with this IMSI, or (NULL) no more. */
void smsc_registered(struct smsc *smsc, uint32_t modem, const char *imsi, int64_t now_ms);
void smsc_ended(struct smsc *smsc, uint64_t ref, enum device_sms_end end, int64_t now_ms);
/* A message of a modem. False: it has no number, nobody has the one that it is for, or no room. */
bool smsc_originate(struct smsc *smsc, uint32_t modem, const struct sms_tpdu *submit,
                    int64_t now_ms);
void smsc_answered(struct smsc *smsc, uint64_t ref, uint32_t status, int64_t now_ms);
/* Tries again what waits, ends what is too old. Once a second is enough. */
void smsc_run(struct smsc *smsc, int64_t now_ms);
size_t smsc_pending(const struct smsc *smsc);

#endif
