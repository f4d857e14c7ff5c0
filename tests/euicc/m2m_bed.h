/*
 * What the tests of a machine's chip stand on: a chip with the EID, keys and addresses of the
 * sheet's examples, three small profiles in it, a terminal, and an SM-SR that sends secured packets
 * by SMS and takes what the chip sends.
 *
 *   0010  ENABLED, Fall-Back Attribute, service centre +1234567890
 *   0011  DISABLED
 *   0012  DISABLED
 */
#ifndef CRISP_TESTS_EUICC_M2M_BED_H
#define CRISP_TESTS_EUICC_M2M_BED_H

#include "bed.h"

#include "../uicc/terminal.h"
#include "euicc/m2m.h"
#include "ota/packet.h"
#include "ota/script.h"
#include "ota/sms.h"
#include "package.h"

#define M2M_EID  "89001012012341234012345678901224"
#define AID_A    "A0000005591010FFFFFFFF8900001000"
#define AID_B    "A0000005591010FFFFFFFF8900001100"
#define AID_C    "A0000005591010FFFFFFFF8900001200"
#define AID_NEW  "A0000005591010FFFFFFFF8900001300"
#define AID_ISDR "A0000005591010FFFFFFFF8900000100"

#define M2M_MESSAGES 128

struct m2m_bed {
    struct euicc *euicc;
    struct terminal terminal;
    uint64_t counter; /* of the next packet */
    uint8_t reference;

    /* The keys that the SM-SR uses, and those of the operator of the enabled profile. */
    uint8_t kvn, kic[16], kid[16];

    /* What came back for the last packet. */
    bool answered;
    uint8_t status;
    char data[2 * 4200 + 1]; /* hex */
    bool refreshed;          /* a REFRESH was fetched since m2m_clear() */

    /* Messages that the chip sent, user data without concatenation. */
    size_t message_count;
    struct {
        uint8_t packet; /* 70 or 71 */
        char hex[2 * 300 + 1];
        char tpdu[2 * 180 + 1];
        char smsc[32];
    } messages[M2M_MESSAGES];
    char text[2 * 4200 + 64];
    char opened[2 * 260 + 1]; /* the last OPEN CHANNEL */

    /* Another way than SMS for m2m_send(); NULL = SMS. */
    bool (*carry)(void *ctx, struct m2m_bed *bed, uint32_t tar, cr_span script);
    void *carry_ctx;
};

struct m2m_bed *m2m_bed_new(void);
/* With options of its own; keys and profiles that are left out are the usual ones. */
struct m2m_bed *m2m_bed_new_with(const struct euicc_m2m_options *options);
struct m2m_bed *m2m_bed_open(struct nvm *nvm, uint64_t counter); /* powered, TERMINAL PROFILE */
struct m2m_bed *m2m_bed_power_cycle(struct m2m_bed *bed);        /* frees the old one */
void m2m_bed_free(struct m2m_bed *bed);
/* The memory of the usual chip; to be closed. */
struct nvm *m2m_bed_memory(void);
/* A reset of the card by the terminal, TERMINAL PROFILE sent. */
void m2m_bed_reset(struct m2m_bed *bed);
/* As the terminal does after a REFRESH of mode 04. */
void m2m_bed_attach(struct m2m_bed *bed); /* location status: normal service */

/* One secured packet (hex of what it carries) for the TAR, SPI 1639; whether an answer came. */
bool m2m_send(struct m2m_bed *bed, uint32_t tar, const char *payload);
bool m2m_send_as(struct m2m_bed *bed, uint32_t tar, uint16_t spi, const char *payload);
/* The same from the operator, keys KVN 01 of its MNO-SD. */
bool m2m_send_es6(struct m2m_bed *bed, uint64_t counter, const char *payload);
/* first: of the bytes of the KID that is used, 30 in a good packet. */
bool m2m_send_es6_as(struct m2m_bed *bed, uint32_t tar, uint16_t spi, uint8_t first,
                     uint64_t counter, const char *payload);
/* One command to the ISD-R in a definite script; the R-APDU as hex ("9000"), "" = none. */
const char *m2m_es5_run(struct m2m_bed *bed, const char *apdu);
uicc_sw m2m_es5_sw(struct m2m_bed *bed, const char *apdu);
/* A definite script of hex commands, NULL at the end. Valid until the next call. */
const char *m2m_script(struct m2m_bed *bed, const char *first, ...);
/* A definite script of TLVs as they are (83, 22, 84, 85, 86). Valid until the next call. */
const char *m2m_tlvs(struct m2m_bed *bed, cr_span tlvs);
/* The hierarchy of this program, its EUM for M2M_EID's range. */
const char *m2m_pki(void);
/* Platform commands by DGI: 3A03 .. */
uicc_sw m2m_platform(struct m2m_bed *bed, const char *dgi, const char *aid);
uicc_sw m2m_confirm_sw(struct m2m_bed *bed, unsigned sequence);

uint8_t m2m_bed_state(struct m2m_bed *bed, uint16_t id); /* of an ISD-P; 0 = not there */
uint16_t m2m_enabled(struct m2m_bed *bed);
struct m2m_state m2m_bed_record(struct m2m_bed *bed);
void m2m_set_pol1(struct m2m_bed *bed, uint16_t id, uint8_t pol1);
void m2m_clear(struct m2m_bed *bed); /* messages */
/* The last notification: its type, 0 = none; *sequence, *aid may be NULL. */
unsigned m2m_note(struct m2m_bed *bed, unsigned *sequence, uint16_t *aid);
size_t m2m_note_count(struct m2m_bed *bed);
/* Time goes by; what the chip says in it is heard. */
void m2m_advance(struct m2m_bed *bed, uint32_t seconds);

/* Everything of the memory hangs together: one ENABLED profile, the one that is recorded; nothing
 * half installed; attributes name profiles that are there. */
void m2m_check_consistent(struct m2m_bed *bed);

/* A small package whose MNO-SD has the keys of the sheet. header: JSON members added to the header
 * element, NULL = none. Its PSK for SCP81 is version 40, 50 51 .. 5F. */
void m2m_package(unsigned n, const char *pol, const char *connectivity, cr_buf *out);

#endif
