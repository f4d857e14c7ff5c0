/*
 * The SM-SR on the network: SOAP over HTTPS towards the parties, SMPP towards the SMSCs, TLS with
 * pre-shared keys and CAT_TP over UDP towards the eUICCs.
 */
#ifndef CRISP_SMSR_SERVICE_H
#define CRISP_SMSR_SERVICE_H

#include "smsr/radio_config.h"
#include "smsr/smsr.h"

struct smsr_service_options {
    struct smsr_options core;
    const struct smsr_radio_config *radio; /* not owned */
    const char *soap_host;                 /* address to bind; NULL = 127.0.0.1 */
    uint16_t soap_port;                    /* 0 = a free one */
    bool no_https;                         /* no administration sessions: SMS only */
    const char *https_host;
    uint16_t https_port;
    bool cattp; /* links of CAT_TP are served; needs .cattp of the radio, too */
    const char *cattp_host;
    uint16_t cattp_port; /* UDP */
    unsigned workers;    /* threads of each of the two servers; 0 = 32 */
};

struct smsr_service;
cr_status smsr_service_start(const struct smsr_service_options *options, struct smsr_service **out,
                             struct cr_err *err) CR_MUST_CHECK;
uint16_t smsr_service_soap_port(const struct smsr_service *service);
uint16_t smsr_service_https_port(const struct smsr_service *service); /* 0 = not served */
uint16_t smsr_service_cattp_port(const struct smsr_service *service); /* the same */
struct smsr *smsr_service_core(struct smsr_service *service);
/* Deadlines and housekeeping; to be called every second or so. */
void smsr_service_tick(struct smsr_service *service);
/* Answers that are held leave, SMSCs are unbound. NULL allowed. */
void smsr_service_stop(struct smsr_service *service);

#endif
