/*
 * The radio of the SM-SR, by configuration.
 *
 *     [radio]
 *     channel = sms             ; or https, cattp: for every eUICC; default: by
 *                               ; smsr_channel_choose()
 *     trigger = 8100            ; hex, what the triggering SMS says (81 ...); default: open a
 *                               ; session with the parameters stored in the ISD-R
 *     path = /gsma/adminagent   ; of administration sessions
 *     https-address = 192.0.2.10:8446
 *                               ; where eUICCs that are taken over find our sessions; left
 *                               ; out: they are told none, and get no key set for them
 *     https-host = smsr.example ; what they call us there; default: the address
 *     encrypt-then-mac = no     ; for eUICCs that fail on that extension of TLS
 *     cattp-address = 192.0.2.10:9000
 *                               ; where the push SMS sends eUICCs, and where those that are
 *                               ; taken over are told that we are; left out: to what is stored
 *                               ; in the ISD-R, and these are told none
 *     cattp-port = 10000        ; of links (TS 102 127), not of UDP; default 10000
 *     tries = 3                 ; copies of a short message, triggers of a session or link
 *     repeat-seconds = 60       ; a short message without an answer is sent again
 *     trigger-seconds = 120     ; a session or link is waited for after its trigger
 *     resume-seconds = 120      ; a session whose link broke is waited for before it is
 *                               ; triggered
 *
 *     [smsc one]                   ; as many as there are
 *     host = 127.0.0.1             ; default
 *     port = 2775
 *     system-id = smsr
 *     password = secret
 *     number = 4512345678          ; our number there: messages come from it
 *     prefix = 46                  ; numbers that it serves; the longest one wins, none = the rest
 *     per-second = 100             ; messages at most; default no limit
 *     window = 16                  ; messages without an answer
 *
 *     [euicc 89001012012341234012345678901224]
 *     channel = https
 */
#ifndef CRISP_SMSR_RADIO_CONFIG_H
#define CRISP_SMSR_RADIO_CONFIG_H

#include "smsr/air.h"

#define SMSR_MAX_SMSC   16
#define SMSR_MAX_FORCED 4096 /* eUICCs with a channel of their own */

#define SMSR_TRIES      3
#define SMSR_REPEAT_MS  ((int64_t)60 * 1000)
#define SMSR_TRIGGER_MS ((int64_t)120 * 1000)
#define SMSR_RESUME_MS  ((int64_t)120 * 1000)

struct smsr_smsc {
    const char *name, *host;
    uint16_t port;
    const char *system_id, *password;
    const char *number; /* digits */
    const char *prefix; /* digits; "" = any number */
    unsigned per_second, window;
};

struct smsr_forced {
    uint8_t eid[SOAP_EID_SIZE];
    enum smsr_channel channel;
};

struct smsr_radio_config {
    cr_arena arena; /* holds everything below */
    enum smsr_channel channel;
    cr_span trigger;
    const char *path;
    const char *https_address; /* IP address; NULL = none */
    uint16_t https_port;
    const char *https_host; /* NULL = the address */
    bool no_encrypt_then_mac;
    bool cattp;          /* links are served; set by who serves them */
    cr_span push;        /* TLVs of the push SMS: how to open the channel */
    cr_span cattp_place; /* the TLVs in it that say where; absent = none */
    uint16_t cattp_port; /* of links */
    int tries;
    int64_t repeat_ms, trigger_ms, resume_ms;
    struct smsr_smsc smsc[SMSR_MAX_SMSC];
    size_t smsc_count;
    struct smsr_forced *forced;
    size_t forced_count;
};

/* The settings without a file: no SMSC. */
void smsr_radio_defaults(struct smsr_radio_config *out);
/* Reads the file. CR_REFUSED names line, section and setting that are wrong or missing. */
cr_status smsr_radio_load(const char *path, struct smsr_radio_config *out,
                          struct cr_err *err) CR_MUST_CHECK;
void smsr_radio_free(struct smsr_radio_config *config);

/* Who serves a number (digits); NULL = nobody. */
const struct smsr_smsc *smsr_radio_route(const struct smsr_radio_config *config,
                                         const char *number);
/* 0 = not forced. */
enum smsr_channel smsr_radio_forced(const struct smsr_radio_config *config, cr_span eid);

#endif
