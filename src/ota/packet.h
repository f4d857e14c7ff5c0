/*
 * Secured packets (ETSI TS 102 225; 3GPP TS 31.115 for SMS): the command that a server sends to an
 * application of a card, and the response packet (proof of receipt, PoR) that comes back.
 *
 * Pure functions over bytes: no key store, no counter store. A card receives in four steps, in this
 * order, because each may use only what the one before has proved:
 *
 *   1. ota_command_read()    clear header: TAR, SPI, KIc, KID. The card finds application and keys.
 *   2. ota_command_open()    redundancy check or MAC, after deciphering. Nothing else is believed
 *                            before this returned OTA_OK.
 *   3. ota_spi_sufficient()  is that what the application demands
 *   4. ota_counter_check()   and only then the counter; store it before the content is executed
 *
 * Each gives an enum ota_result; ota_result_row() says which status code belongs to it and whether
 * the sender may be told: an answer to a packet whose sender is not proved would be an oracle.
 *
 * Dialects: SMS (16-bit lengths, the response's MAC covers the UDH 02 71 00) and BIP, for CAT_TP
 * and TCP (identifier 01 or 02, BER lengths). Digital signatures (SPI "DS") are refused.
 */
#ifndef CRISP_OTA_PACKET_H
#define CRISP_OTA_PACKET_H

#include "base/buf.h"
#include "base/error.h"

#define OTA_TAR         3
#define OTA_COUNTER     5
#define OTA_COUNTER_MAX 0xFFFFFFFFFFULL
#define OTA_KEY_MAX     32
#define OTA_MAC_MAX     8
#define OTA_PADDING_MAX 15
#define OTA_PACKET_MAX  0xFFFF /* bytes of a packet, all fields */
#define OTA_DATA_MAX    0xFF00 /* bytes of secured data in one packet */

enum ota_dialect { OTA_SMS, OTA_BIP };

/* SPI, TS 102 225 5.1.1. */
#define OTA_SPI1_CHECK       0x03 /* mask: 0 none, 1 RC, 2 CC, 3 DS */
#define OTA_SPI1_RC          0x01
#define OTA_SPI1_CC          0x02
#define OTA_SPI1_DS          0x03
#define OTA_SPI1_CIPHER      0x04
#define OTA_SPI1_COUNTER     0x18 /* mask: 00 none, 08 not checked, 10 higher, 18 one higher */
#define OTA_SPI1_CNT_NONE    0x00
#define OTA_SPI1_CNT_IGNORED 0x08
#define OTA_SPI1_CNT_HIGHER  0x10
#define OTA_SPI1_CNT_NEXT    0x18
#define OTA_SPI1_RFU         0xE0
#define OTA_SPI2_POR         0x03 /* mask: 0 no PoR, 1 always, 2 on error only */
#define OTA_SPI2_POR_ALWAYS  0x01
#define OTA_SPI2_POR_ERROR   0x02
#define OTA_SPI2_CHECK       0x0C /* mask: 00 none, 04 RC, 08 CC, 0C DS */
#define OTA_SPI2_RC          0x04
#define OTA_SPI2_CC          0x08
#define OTA_SPI2_DS          0x0C
#define OTA_SPI2_CIPHER      0x10
#define OTA_SPI2_SUBMIT      0x20 /* PoR by SMS-SUBMIT, else in the answer to the ENVELOPE */
#define OTA_SPI2_RFU         0xC0

/* Algorithms: low nibble of KIc and KID; high nibble = key version number, 0 = implicit. */
enum ota_algorithm {
    OTA_ALGORITHM_IMPLICIT = 0x0, /* what the key says */
    OTA_DES_CBC = 0x1,            /* with KID: MAC */
    OTA_AES = 0x2,                /* CBC, CMAC */
    OTA_3DES_2 = 0x5,             /* outer CBC, two keys */
    OTA_3DES_3 = 0x9,
    OTA_DES_ECB = 0xD, /* KIc only */
};
/* With a redundancy check the low nibble of KID says which. */
#define OTA_KID_CRC16 0x1
#define OTA_KID_CRC32 0x5

/* One key as the card's or the server's key store has it. */
struct ota_key {
    enum ota_algorithm algorithm; /* what the key is for: 5 or 9 for DES keys of 16 or 24 bytes. An
                                     AES key serves OTA_AES only, a DES key the DES modes that its
                                     size allows. IMPLICIT = derived from n is not possible (16
                                     bytes are both): never in a key */
    uint8_t n;                    /* 8, 16, 24, 32 bytes */
    uint8_t mac_size;             /* KID: bytes of the MAC, 8 (also 0) or, AES only, 4 */
    uint8_t value[OTA_KEY_MAX];
};

/* The two keys that a packet names; NULL where the store has none (fine if none is used). They may
 * be of different versions: KIc and KID name theirs independently. */
struct ota_keys {
    const struct ota_key *kic, *kid;
};

/* ---- results ---- */

/* Status codes of response packets, TS 102 225 table 5. */
enum ota_status {
    OTA_STATUS_OK = 0x00,
    OTA_STATUS_CHECK_FAILED = 0x01,
    OTA_STATUS_COUNTER_LOW = 0x02,
    OTA_STATUS_COUNTER_HIGH = 0x03,
    OTA_STATUS_COUNTER_BLOCKED = 0x04,
    OTA_STATUS_CIPHER_ERROR = 0x05,
    OTA_STATUS_SECURITY_ERROR = 0x06, /* unidentified: unknown keyset, unsupported algorithm */
    OTA_STATUS_NO_MEMORY = 0x07,
    OTA_STATUS_MORE_TIME = 0x08,
    OTA_STATUS_TAR_UNKNOWN = 0x09,
    OTA_STATUS_LEVEL_INSUFFICIENT = 0x0A,
    OTA_STATUS_FOLLOWS_SMS = 0x0B,
    OTA_STATUS_FOLLOWS_USSD = 0x0C,
};

/* Name of a status code, of any byte ("reserved" for those the standard leaves). */
const char *ota_status_name(uint8_t status);

enum ota_result {
    OTA_OK = 0,
    OTA_MALFORMED,    /* no secured packet at all: lengths, truncated, trailing bytes, RFU bits */
    OTA_TAR_UNKNOWN,  /* for the card's own use: nobody has this TAR */
    OTA_KEY_UNKNOWN,  /* a key that the header names is not there */
    OTA_UNSUPPORTED,  /* DS, reserved algorithm, algorithm that does not fit the key */
    OTA_CIPHER_ERROR, /* ciphered part no multiple of the block, PCNTR larger than can be */
    OTA_CHECK_FAILED, /* RC or CC */
    OTA_LEVEL_INSUFFICIENT,
    OTA_COUNTER_LOW,
    OTA_COUNTER_HIGH,
    OTA_COUNTER_BLOCKED,
    OTA_RESULT_COUNT
};

/* What may be answered. */
enum ota_tell {
    OTA_TELL_NOTHING,  /* drop: there is no header that an answer could go back on */
    OTA_TELL_UNPROVED, /* the sender is not proved: a card may answer the status without MAC and
                          cipher if SPI2 asks for a PoR; SGP.02 forbids it (drop silently) */
    OTA_TELL_STATUS,   /* the sender is proved: a PoR with the security SPI2 asks for */
};

struct ota_result_row {
    const char *name; /* "counter low" */
    uint8_t status;   /* enum ota_status */
    enum ota_tell tell;
};

/* Never NULL; values out of range give the row of OTA_MALFORMED. */
const struct ota_result_row *ota_result_row(enum ota_result result);

/* ---- command packets ---- */

/* The clear part. Spans point into the packet. */
struct ota_command_header {
    enum ota_dialect dialect;
    uint8_t spi[2];
    uint8_t kic, kid;
    uint8_t tar[OTA_TAR];
    size_t check_size; /* bytes of RC/CC/DS, from CHL */
    cr_span head;      /* from CPL (BIP: from CPI) to TAR */
    cr_span body;      /* from CNTR to the end, ciphered if SPI says so */
};

#define OTA_KVN(kic_or_kid)       ((uint8_t)((kic_or_kid) >> 4))
#define OTA_ALGORITHM(kic_or_kid) ((enum ota_algorithm)((kic_or_kid)&0x0F))

/* Reads the clear header of a whole packet without UDH. OTA_OK or OTA_MALFORMED; err (may be NULL)
 * says what is wrong. Strict: lengths must meet the end of the packet exactly. */
enum ota_result ota_command_read(enum ota_dialect dialect, cr_span packet,
                                 struct ota_command_header *out, struct cr_err *err) CR_MUST_CHECK;

/* What a packet carried, after its check. */
struct ota_command {
    uint64_t counter; /* 0..OTA_COUNTER_MAX, whatever SPI says of it */
    uint8_t padding;  /* PCNTR */
    cr_span data;     /* secured data without padding, in the buffer given to open */
};

/* Deciphers into scratch (reset, marked .secret; at least as big as the packet) and verifies RC or
 * CC in constant time. OTA_OK, or OTA_KEY_UNKNOWN, OTA_UNSUPPORTED, OTA_CIPHER_ERROR,
 * OTA_CHECK_FAILED, OTA_MALFORMED; *out is written only with OTA_OK. A lack of memory or of OpenSSL
 * is OTA_UNSUPPORTED with err->category CR_RESOURCE or CR_INTERNAL. PCNTR must be below the block
 * (0 where nothing is ciphered, TS 102 225 5.1); what the padding bytes are is not looked at. With
 * a RC or CC nothing of the plain text, PCNTR included, is looked at before it is verified. */
enum ota_result ota_command_open(const struct ota_command_header *header, struct ota_keys keys,
                                 cr_buf *scratch, struct ota_command *out,
                                 struct cr_err *err) CR_MUST_CHECK;

/* Does SPI1 reach the minimum security level, a byte coded as SPI1 (TS 102 226 8.2.1.3.2.4.2,
 * profile package 81)? CC is more than RC; the counter rules rise as their codes do. DS demanded
 * is never reached. RFU bits of minimum are ignored. */
bool ota_spi_sufficient(uint8_t spi1, uint8_t minimum);

/* The counter rule. stored: the highest accepted so far. OTA_OK: accept, and store *next first
 * (unchanged for SPI1 without a checked counter). OTA_COUNTER_BLOCKED once stored is
 * OTA_COUNTER_MAX. With "one higher", more than one higher is OTA_COUNTER_HIGH. */
enum ota_result ota_counter_check(uint8_t spi1, uint64_t stored, uint64_t received,
                                  uint64_t *next) CR_MUST_CHECK;

/* What the server puts in. */
struct ota_command_fields {
    enum ota_dialect dialect;
    uint8_t spi[2];
    uint8_t kic, kid;
    uint8_t tar[OTA_TAR];
    uint64_t counter; /* goes into the packet whatever SPI says */
};

/* Appends a command packet without UDH. CR_REFUSED: DS, keys that do not fit, counter above the
 * maximum; CR_MALFORMED: data above OTA_DATA_MAX. */
cr_status ota_command_build(const struct ota_command_fields *fields, struct ota_keys keys,
                            cr_span data, cr_buf *out, struct cr_err *err) CR_MUST_CHECK;

/* Bytes that ota_command_build() makes of n bytes of data; 0 when it would refuse. */
size_t ota_command_size(const struct ota_command_fields *fields, struct ota_keys keys, size_t n);

/* ---- response packets ---- */

/* Is a PoR wanted: SPI2 says so for this status. */
bool ota_response_wanted(uint8_t spi2, uint8_t status);

/* What the response of a command is built and read with; of the command as sent or received. */
struct ota_response_fields {
    enum ota_dialect dialect;
    uint8_t spi[2], kic, kid;
    uint8_t tar[OTA_TAR];
    uint64_t counter;
};

void ota_response_fields_of(const struct ota_command_header *header, uint64_t counter,
                            struct ota_response_fields *out);

/* Card: appends the response packet without UDH; security as SPI2 of the command asks. For
 * OTA_TELL_UNPROVED clear the bits OTA_SPI2_CHECK and OTA_SPI2_CIPHER of fields.spi[1] first. */
cr_status ota_response_build(const struct ota_response_fields *fields, struct ota_keys keys,
                             uint8_t status, cr_span data, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;

struct ota_response {
    uint8_t tar[OTA_TAR];
    uint64_t counter;
    uint8_t padding;
    uint8_t status; /* enum ota_status or reserved */
    cr_span data;   /* in scratch */
    bool secured;   /* false: check and cipher that SPI2 asked for are missing, see below */
};

/* Server: reads a response packet without UDH against the command it answers: lengths, TAR, RC or
 * CC in constant time, echo of the counter. CR_MALFORMED = no response packet, CR_REFUSED = one
 * that does not belong to the command or is forged. scratch as in ota_command_open().
 *
 * A card that could not find or verify the keys answers without check and cipher although SPI2
 * asked for them. Such a packet is taken only with unproved_ok, only with a status other than 00
 * and without data, and gives secured == false: a hint for a person, never a proof. */
cr_status ota_response_open(const struct ota_response_fields *fields, struct ota_keys keys,
                            bool unproved_ok, cr_span packet, cr_buf *scratch,
                            struct ota_response *out, struct cr_err *err) CR_MUST_CHECK;

/* The clear header of a response, for tools without keys: TAR and the bytes behind. */
struct ota_response_header {
    enum ota_dialect dialect;
    uint8_t tar[OTA_TAR];
    size_t check_size;
    cr_span head, body;
};
cr_status ota_response_read(enum ota_dialect dialect, cr_span packet,
                            struct ota_response_header *out, struct cr_err *err) CR_MUST_CHECK;

#endif
