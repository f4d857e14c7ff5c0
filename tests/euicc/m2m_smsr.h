/*
 * The server's end of HTTPS sessions, in memory: TLS-PSK and the administration server behind the
 * BIP channels of a terminal. POSTs without work are held. An SM-SR, and beside it servers of
 * operators on ports of their own.
 */
#ifndef CRISP_TESTS_EUICC_M2M_SMSR_H
#define CRISP_TESTS_EUICC_M2M_SMSR_H

#include "m2m_bed.h"

#include "net/http_parse.h"
#include "net/psk.h"
#include "ota/admin_server.h"

#define SMSR_PORT 8443

struct smsr {
    struct m2m_bed *bed;
    struct smsr *next; /* that was there before */
    uint16_t port;
    unsigned channel; /* of the last session; 0 = none yet */
    struct ssl_ctx_st *policy;
    struct psk_engine *engine;
    unsigned engine_of; /* which OPEN CHANNEL */
    bool stranger;      /* knows no identity */
    struct http_parser parser;
    struct ota_admin_server *server;
    uint8_t psk[16];
    char identity[PSK_IDENTITY_MAX + 1]; /* that was proved last */

    size_t wire;           /* bytes that went over the links, both ways added */
    size_t cut;            /* the link breaks when so many went over it; SIZE_MAX = never */
    unsigned cuts;         /* left */
    const cr_span *plan;   /* scripts that it gives by itself, then the end; NULL = none */
    size_t planned, given; /* of the plan */
    unsigned taken;        /* results */
    char results[1000];    /* of them, hex, a space behind each */

    unsigned posts;   /* received */
    unsigned drop_at; /* drops the link instead of answering this one; 0 = never */
    bool refuses;     /* answers each with status 500 and closes TLS in the same breath */
    bool resumed;     /* a POST came with X-Admin-Resume */
    bool got_result;
    enum ota_admin_status result_status;
    cr_buf result;
    char note[2 * 128 + 1]; /* E1 of the last notification */
    bool confirm;           /* answers notifications with a confirmation at once */
    char first[600];        /* head of the first POST */
    unsigned failures;      /* handshakes that failed */
};

/* Takes over the terminal's peer; another one beside it, on its port. */
struct smsr *smsr_new(struct m2m_bed *bed);
struct smsr *smsr_new_at(struct m2m_bed *bed, uint16_t port, const uint8_t psk[16]);
void smsr_free(struct smsr *smsr); /* the newest first */
/* m2m_send() goes this way from now on: opens a session by a trigger when none is open. */
void smsr_carry(struct smsr *smsr);
/* The trigger of sheet 5.3, SPI 1600. retries: "03" hex digits of count and delay as 86 says. */
void smsr_trigger(struct smsr *smsr);
/* Answers the held POST; false: none is held. */
bool smsr_script(struct smsr *smsr, cr_span script, cr_span aid);
void smsr_end(struct smsr *smsr);
/* A whole session by itself: the scripts one after the other, then the end. The link breaks after
 * cut bytes and again after as many, cuts times. Time goes by until the chip has closed its
 * session. */
void smsr_run(struct smsr *smsr, const cr_span *scripts, size_t count, size_t cut, unsigned cuts);
bool smsr_waits(const struct smsr *smsr);

#endif
