/*
 * What the tests of src/gp stand on: the SIM of tests/uicc with a registry beside its files, the
 * other end of a secure channel, and a server that sends secured packets by SMS.
 *
 * Registry (keys below):
 *   A000000151000000  MNO-SD, PERSONALIZED, privileges 82DC00, TARs B20100 000000
 *   A000000151000001  domain below it, PERSONALIZED, privileges 80C000, TAR B20101
 *   A000000151000002  domain below it, SELECTABLE, no keys, no rights, TAR B20102
 *   RFM B00120 (MF, full access), B00140 (ADF.USIM, full), B00150 (PIN1 only), B00160 (none),
 *   B00170 (full below ADF.USIM, none outside)
 */
#ifndef CRISP_TESTS_GP_BED_H
#define CRISP_TESTS_GP_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../uicc/sim.h"
#include "crypto/scp.h"
#include "gp/gp.h"
#include "gp/perso.h"
#include "ota/packet.h"
#include "ota/script.h"
#include "ota/sms.h"

#define MNO_SD  "A000000151000000"
#define SUB_SD  "A000000151000001"
#define WEAK_SD "A000000151000002"

/* Key versions: 01 3DES and 02 AES for packets, 20 SCP02, 30 SCP03 (MNO-SD); 03 and 31 (SUB_SD).
 * Key n of a version is its first byte counted up. */
struct bed {
    struct sim *sim;
    struct gp *gp;
    const struct gp_registry *reg;

    struct scp_session host; /* of the last bed_open() */
    unsigned channel;

    uint64_t counter; /* of the next packet */
    uint8_t reference;
    bool no_por;    /* nothing came back for the last packet */
    bool rp_error;  /* it came with 63xx */
    bool followed;  /* status 0B came first, then this one by SMS */
    uint8_t status; /* of the PoR */
    bool secured;
    unsigned messages;   /* SMS-SUBMITs that carried it; 0 = in the answer to the ENVELOPE */
    char data[2 * 4200]; /* of the PoR, as hex */
    char text[2 * 4200];
};

struct bed *bed_new(void);
struct bed *bed_open_memory(struct nvm *nvm); /* taken; a power cut and power on */
void bed_free(struct bed *bed);
/* Another bed with the committed memory of this one; frees this one. */
struct bed *bed_power_cycle(struct bed *bed);

/* The n-th key of a version as the registry of bed_new() has it. */
struct gp_key bed_key(uint8_t kvn, uint8_t kid);

/* --- a channel ---------------------------------------------------------------------------------
 */

/* One command, GET RESPONSE followed: data and status word as hex. */
const char *bed_send(struct bed *bed, const char *hex);
uicc_sw bed_sw(struct bed *bed, const char *hex);

/* Selects the domain on channel 0 and opens a session; asserts that it opens. */
void bed_session(struct bed *bed, const char *aid, uint8_t kvn, uint8_t level);
/* INITIALIZE UPDATE and EXTERNAL AUTHENTICATE on what is selected; the status word. */
uicc_sw bed_authenticate(struct bed *bed, uint8_t kvn, uint8_t level);
/* A command through the session: wrapped, answer unwrapped; data and status word as hex. */
const char *bed_secure(struct bed *bed, const char *hex);
uicc_sw bed_secure_sw(struct bed *bed, const char *hex);

#define BED_EXPECT(bed, command, answer)  assert_string_equal(bed_send((bed), (command)), (answer))
#define BED_SW(bed, command, sw)          assert_int_equal(bed_sw((bed), (command)), (sw))
#define SECURE_EXPECT(bed, command, want) assert_string_equal(bed_secure((bed), (command)), (want))
#define SECURE_SW(bed, command, sw)       assert_int_equal(bed_secure_sw((bed), (command)), (sw))

#define SELECT_MNO  "00A4040008" MNO_SD "00"
#define SELECT_SUB  "00A4040008" SUB_SD "00"
#define SELECT_WEAK "00A4040008" WEAK_SD "00"

/* PUT KEY data for one key, encrypted under the session's DEK: type, value, check value. */
const char *bed_key_field(struct bed *bed, uint8_t type, const char *key_hex);

/* --- the air -----------------------------------------------------------------------------------
 */

/* SPI 1639 with KIc and KID of version 02 (AES): CC, cipher, counter; PoR always, CC, ciphered, by
 * SMS-SUBMIT. 1619: in the answer to the ENVELOPE. */
struct bed_packet {
    const char *tar;  /* hex */
    uint16_t spi;     /* 0 = 1619 */
    uint8_t kic, kid; /* 0 = 22 */
    uint64_t counter; /* 0 = the next */
    bool wrong_mac;   /* one bit of the packet is turned */
    uint8_t pid, dcs; /* 0 = 7F, F6 */
};

/* Sends a script (hex) as it is in a secured packet; what came back is in the bed. The status word
 * of the last ENVELOPE, or of the last GET RESPONSE. */
uicc_sw bed_ota(struct bed *bed, struct bed_packet packet, const char *script);
/* The same, expecting a PoR with status 00 and this data. */
void bed_ota_expect(struct bed *bed, const char *tar, const char *script, const char *data);

/* A definite script of these commands (hex, NULL ends), and the response of these answers. Valid
 * until the third next call. */
const char *bed_script(const char *first, ...);
const char *bed_answer(const char *first, ...);
/* The same with a chaining TLV in front. */
const char *bed_chained(uint8_t value, const char *first, ...);

/* Head (4 bytes as hex), Lc, data (hex) and Le 00. Valid until the eighth next call. */
const char *bed_apdu(const char *head, const char *data);

#endif
