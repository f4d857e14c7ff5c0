/*
 * Inside src/ota only: commands and responses are the same frame,
 *
 *     [identifier] length [header length | names | fixed] check [data padding]
 *
 * with "names" clear (command: SPI KIc KID TAR; response: TAR) and all from "fixed" on enciphered
 * (command: CNTR PCNTR; response: CNTR PCNTR status).
 */
#ifndef CRISP_OTA_PACKET_INTERNAL_H
#define CRISP_OTA_PACKET_INTERNAL_H

#include "ota/packet.h"

#define OTA_FIXED_COMMAND  (OTA_COUNTER + 1)
#define OTA_FIXED_RESPONSE (OTA_COUNTER + 2)
#define OTA_NAMES_COMMAND  (2 + 1 + 1 + OTA_TAR)
#define OTA_NAMES_RESPONSE OTA_TAR
#define OTA_CLAUSE         "TS 102 225 5"

enum ota_check { OTA_CHECK_NONE, OTA_CHECK_CRC16, OTA_CHECK_CRC32, OTA_CHECK_MAC };

/* How one packet is secured. */
struct ota_security {
    enum ota_check check;
    size_t check_size;
    enum ota_algorithm mac; /* CHECK_MAC */
    cr_span kid;
    bool ciphered;
    enum ota_algorithm cipher;
    cr_span kic;
    size_t block; /* 1 when not ciphered */
};

/* What an SPI asks for: kind 0 none, 1 RC, 2 CC, 3 DS. given: bytes of the check in a packet that
 * was received, 0 when building (decides which CRC an implicit KID means). OTA_OK, OTA_KEY_UNKNOWN,
 * OTA_UNSUPPORTED. */
enum ota_result ota_security_of(uint8_t kind, bool ciphered, uint8_t kic, uint8_t kid,
                                struct ota_keys keys, size_t given, struct ota_security *out,
                                struct cr_err *err);

/* Whether it is a command or a response decides identifier, sizes and what precedes the check. */
struct ota_frame {
    enum ota_dialect dialect;
    bool response;
};

/* Reads lengths: *head from the first byte to the names, *body from fixed on. names: size. */
cr_status ota_frame_read(struct ota_frame frame, cr_span packet, cr_span *head, cr_span *body,
                         size_t *check_size, struct cr_err *err);

/* Deciphers body into scratch and verifies; *fixed and *data (with padding) point into scratch. */
enum ota_result ota_frame_open(struct ota_frame frame, const struct ota_security *security,
                               cr_span head, cr_span body, cr_buf *scratch, cr_span *fixed,
                               cr_span *data, struct cr_err *err);

/* Appends the packet. fixed[OTA_COUNTER] (PCNTR) is filled in. */
cr_status ota_frame_build(struct ota_frame frame, const struct ota_security *security,
                          cr_span names, uint8_t *fixed, cr_span data, cr_buf *out,
                          struct cr_err *err);

size_t ota_frame_size(struct ota_frame frame, const struct ota_security *security, size_t n);

/* PCNTR against the block and the data that is there. */
bool ota_padding_ok(const struct ota_security *security, uint8_t padding, size_t n);

void ota_counter_put(uint8_t out[OTA_COUNTER], uint64_t counter);
uint64_t ota_counter_get(const uint8_t in[OTA_COUNTER]);

/* A refusal of a builder for a result. */
cr_status ota_result_status(enum ota_result result);

#endif
