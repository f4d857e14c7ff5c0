/*
 * Secured packets: lengths, check and cipher of a frame, command or response.
 */
#include "ota/packet_internal.h"

#include "asn1/der.h"
#include "crypto/des.h"
#include "crypto/symmetric.h"

#define CPI      0x01
#define RPI      0x02
#define HEAD_MAX (1 + 5 + 5 + OTA_NAMES_COMMAND) /* BIP: identifier, two BER lengths */

static const uint8_t zero_iv[CRYPTO_AES_BLOCK];
/* The response's check covers the user data header that announces it (TS 31.115). */
static const uint8_t response_udh[] = {0x02, 0x71, 0x00};

/* ---- keys and algorithms ---- */

/* The algorithm of a key, if the packet may use it this way. A DES key serves the mode of its size
 * only: were K1 of a longer key taken for single DES, a forger would need to break that alone. */
static bool algorithm_fits(const struct ota_key *key, enum ota_algorithm asked, bool mac,
                           enum ota_algorithm *out)
{
    size_t n = key->n;
    enum ota_algorithm algorithm = asked == OTA_ALGORITHM_IMPLICIT ? key->algorithm : asked;
    bool fits = false;
    switch (algorithm) {
    case OTA_AES:
        fits = key->algorithm == OTA_AES && (n == 16 || n == 24 || n == 32);
        break;
    case OTA_3DES_2:
        fits = key->algorithm == OTA_3DES_2 && n == 16;
        break;
    case OTA_3DES_3:
        fits = key->algorithm == OTA_3DES_3 && n == 24;
        break;
    case OTA_DES_CBC:
        fits = (key->algorithm == OTA_DES_CBC || key->algorithm == OTA_DES_ECB) && n == 8;
        break;
    case OTA_DES_ECB:
        fits = (key->algorithm == OTA_DES_CBC || key->algorithm == OTA_DES_ECB) && n == 8 && !mac;
        break;
    case OTA_ALGORITHM_IMPLICIT:
        break;
    }
    if (fits) {
        *out = algorithm;
    }
    return fits;
}

static enum ota_result use_kic(uint8_t kic, const struct ota_key *key, struct ota_security *out,
                               struct cr_err *err)
{
    if (!key) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "there is no key for KIc %02X", kic);
        return OTA_KEY_UNKNOWN;
    }
    if (!algorithm_fits(key, OTA_ALGORITHM(kic), false, &out->cipher)) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE,
                      "KIc %02X names an algorithm that is reserved or does not fit the key", kic);
        return OTA_UNSUPPORTED;
    }
    out->ciphered = true;
    out->kic = cr_span_of(key->value, key->n);
    out->block = out->cipher == OTA_AES ? CRYPTO_AES_BLOCK : CRYPTO_DES_BLOCK;
    return OTA_OK;
}

static enum ota_result use_kid(uint8_t kid, const struct ota_key *key, struct ota_security *out,
                               struct cr_err *err)
{
    if (!key) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "there is no key for KID %02X", kid);
        return OTA_KEY_UNKNOWN;
    }
    size_t size = key->mac_size ? key->mac_size : 8;
    if (!algorithm_fits(key, OTA_ALGORITHM(kid), true, &out->mac) ||
        !(size == 8 || (size == 4 && out->mac == OTA_AES))) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE,
                      "KID %02X names an algorithm that is reserved or does not fit the key", kid);
        return OTA_UNSUPPORTED;
    }
    out->check = OTA_CHECK_MAC;
    out->check_size = size;
    out->kid = cr_span_of(key->value, key->n);
    return OTA_OK;
}

static enum ota_result use_crc(uint8_t kid, size_t given, struct ota_security *out,
                               struct cr_err *err)
{
    unsigned kind = kid & 0x0F;
    if (kind == 0) { /* implicit: what came, and the longer one when sending */
        kind = given == 2 ? OTA_KID_CRC16 : OTA_KID_CRC32;
    }
    if (kind != OTA_KID_CRC16 && kind != OTA_KID_CRC32) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "KID %02X names no redundancy check", kid);
        return OTA_UNSUPPORTED;
    }
    out->check = kind == OTA_KID_CRC16 ? OTA_CHECK_CRC16 : OTA_CHECK_CRC32;
    out->check_size = kind == OTA_KID_CRC16 ? 2 : 4;
    return OTA_OK;
}

enum ota_result ota_security_of(uint8_t kind, bool ciphered, uint8_t kic, uint8_t kid,
                                struct ota_keys keys, size_t given, struct ota_security *out,
                                struct cr_err *err)
{
    struct ota_security s = {.block = 1};
    enum ota_result result = OTA_OK;
    if (kind == OTA_SPI1_DS) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "digital signatures are not supported");
        return OTA_UNSUPPORTED;
    }
    if (ciphered) {
        result = use_kic(kic, keys.kic, &s, err);
    }
    if (result == OTA_OK && kind == OTA_SPI1_CC) {
        result = use_kid(kid, keys.kid, &s, err);
    } else if (result == OTA_OK && kind == OTA_SPI1_RC) {
        result = use_crc(kid, given, &s, err);
    }
    if (result == OTA_OK) {
        *out = s;
    }
    return result;
}

/* ---- the two primitives ---- */

static cr_status check_make(const struct ota_security *s, const cr_span *parts, size_t count,
                            uint8_t out[CRYPTO_AES_BLOCK], struct cr_err *err)
{
    switch (s->check) {
    case OTA_CHECK_CRC16: {
        uint16_t crc = crypto_crc16(parts, count);
        out[0] = (uint8_t)(crc >> 8);
        out[1] = (uint8_t)crc;
        return CR_OK;
    }
    case OTA_CHECK_CRC32: {
        uint32_t crc = crypto_crc32(parts, count);
        for (unsigned i = 0; i < 4; i++) {
            out[i] = (uint8_t)(crc >> (24 - 8 * i));
        }
        return CR_OK;
    }
    case OTA_CHECK_MAC:
        return s->mac == OTA_AES
                   ? crypto_cmac(s->kid, parts, count, out, err)
                   : crypto_des_mac(s->kid, zero_iv, parts, count, CRYPTO_DES_PAD_ZERO, out, err);
    case OTA_CHECK_NONE:
        break;
    }
    return CR_OK;
}

/* In place; n is a multiple of the block. */
static cr_status cipher_run(const struct ota_security *s, bool encrypt, uint8_t *p, size_t n,
                            struct cr_err *err)
{
    switch (s->cipher) {
    case OTA_AES:
        return crypto_aes_cbc(encrypt, s->kic, zero_iv, p, n, p, err);
    case OTA_DES_ECB:
        return crypto_des_ecb(encrypt, s->kic, p, n, p, err);
    case OTA_DES_CBC:
    case OTA_3DES_2:
    case OTA_3DES_3:
        return crypto_des_cbc(encrypt, s->kic, zero_iv, p, n, p, err);
    case OTA_ALGORITHM_IMPLICIT:
        break;
    }
    return cr_fail(err, CR_INTERNAL, OTA_CLAUSE, "a cipher without algorithm");
}

/* What is under the check: prefix, head, fixed, data with padding. */
static size_t check_parts(struct ota_frame frame, cr_span head, cr_span fixed, cr_span data,
                          cr_span parts[4])
{
    size_t n = 0;
    if (frame.response && frame.dialect == OTA_SMS) {
        parts[n++] = CR_SPAN_ARRAY(response_udh);
    }
    parts[n++] = head;
    parts[n++] = fixed;
    parts[n++] = data;
    return n;
}

/* ---- reading ---- */

/* One BER length at *at; false when it is cut, indefinite or longer than four bytes. */
static bool take_length(cr_span in, size_t *at, size_t *length)
{
    if (*at >= in.n) {
        return false;
    }
    size_t first = in.p[(*at)++];
    size_t bytes = first & 0x7F;
    if (first < 0x80) {
        *length = first;
        return true;
    }
    if (bytes == 0 || bytes > 4 || in.n - *at < bytes) {
        return false;
    }
    *length = 0;
    while (bytes-- > 0) {
        *length = *length << 8 | in.p[(*at)++];
    }
    return true;
}

static cr_status bad_frame(struct ota_frame frame, const char *what, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, OTA_CLAUSE, "this is no %s packet: %s",
                   frame.response ? "response" : "command", what);
}

cr_status ota_frame_read(struct ota_frame frame, cr_span packet, cr_span *head, cr_span *body,
                         size_t *check_size, struct cr_err *err)
{
    size_t at = 0;
    size_t length = 0;
    size_t header = 0;
    if (packet.n > OTA_PACKET_MAX) {
        return bad_frame(frame, "too long", err);
    }
    if (frame.dialect == OTA_SMS) {
        if (packet.n < 3) {
            return bad_frame(frame, "it is cut", err);
        }
        length = (size_t)packet.p[0] << 8 | packet.p[1];
        header = packet.p[2];
        at = 3;
        if (length != packet.n - 2) {
            return bad_frame(frame, "its length is not that of the bytes", err);
        }
    } else {
        if (packet.n < 1 || packet.p[0] != (frame.response ? RPI : CPI)) {
            return bad_frame(frame, "it begins with another identifier", err);
        }
        at = 1;
        if (!take_length(packet, &at, &length) || length != packet.n - at ||
            !take_length(packet, &at, &header)) {
            return bad_frame(frame, "its length is not that of the bytes", err);
        }
    }
    size_t names = frame.response ? OTA_NAMES_RESPONSE : OTA_NAMES_COMMAND;
    size_t least = names + (frame.response ? OTA_FIXED_RESPONSE : OTA_FIXED_COMMAND);
    if (header < least || header > packet.n - at) {
        return bad_frame(frame, "its header length is not possible", err);
    }
    *head = cr_span_sub(packet, 0, at + names);
    *body = cr_span_sub(packet, at + names, packet.n);
    *check_size = header - least;
    return CR_OK;
}

enum ota_result ota_frame_open(struct ota_frame frame, const struct ota_security *security,
                               cr_span head, cr_span body, cr_buf *scratch, cr_span *fixed,
                               cr_span *data, struct cr_err *err)
{
    size_t fixed_size = frame.response ? OTA_FIXED_RESPONSE : OTA_FIXED_COMMAND;
    if (body.n % security->block != 0) {
        (void)cr_fail(err, CR_MALFORMED, OTA_CLAUSE,
                      "the enciphered part has %zu bytes, no whole number of blocks", body.n);
        return OTA_CIPHER_ERROR;
    }
    scratch->secret = true;
    cr_buf_reset(scratch);
    cr_buf_append_span(scratch, body);
    cr_status status = cr_buf_ok(scratch) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK && security->ciphered) {
        status = cipher_run(security, false, scratch->p, scratch->n, err);
    }
    cr_span plain = cr_buf_span(scratch);
    cr_span check = cr_span_sub(plain, fixed_size, security->check_size);
    cr_span content = cr_span_sub(plain, fixed_size + security->check_size, plain.n);
    uint8_t expected[CRYPTO_AES_BLOCK] = {0};
    if (status == CR_OK && security->check != OTA_CHECK_NONE) {
        cr_span parts[4];
        size_t n = check_parts(frame, head, cr_span_sub(plain, 0, fixed_size), content, parts);
        status = check_make(security, parts, n, expected, err);
    }
    if (status != CR_OK) {
        return OTA_UNSUPPORTED;
    }
    bool same = cr_span_equal_ct(cr_span_of(expected, security->check_size), check);
    cr_wipe(expected, sizeof expected);
    if (!same) {
        cr_buf_reset(scratch);
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "the %s is wrong",
                      security->check == OTA_CHECK_MAC ? "cryptographic checksum"
                                                       : "redundancy check");
        return OTA_CHECK_FAILED;
    }
    *fixed = cr_span_sub(plain, 0, fixed_size);
    *data = content;
    return OTA_OK;
}

bool ota_padding_ok(const struct ota_security *security, uint8_t padding, size_t n)
{
    return padding < security->block && padding <= n;
}

/* ---- building ---- */

static size_t padding_of(size_t n, size_t block)
{
    return (block - n % block) % block;
}

static size_t body_size(struct ota_frame frame, const struct ota_security *s, size_t n)
{
    size_t fixed = frame.response ? OTA_FIXED_RESPONSE : OTA_FIXED_COMMAND;
    size_t body = fixed + s->check_size + n;
    return body + padding_of(body, s->block);
}

/* From the first byte to the names; gives its size. */
static size_t head_make(struct ota_frame frame, const struct ota_security *s, cr_span names,
                        size_t n, uint8_t out[HEAD_MAX])
{
    size_t fixed = frame.response ? OTA_FIXED_RESPONSE : OTA_FIXED_COMMAND;
    size_t header = names.n + fixed + s->check_size; /* always below 80 */
    size_t length = 1 + names.n + body_size(frame, s, n);
    size_t at = 0;
    if (frame.dialect == OTA_SMS) {
        out[at++] = (uint8_t)(length >> 8);
        out[at++] = (uint8_t)length;
    } else {
        at = der_header_write(out, frame.response ? RPI : CPI, length);
    }
    out[at++] = (uint8_t)header;
    memcpy(out + at, names.p, names.n);
    return at + names.n;
}

size_t ota_frame_size(struct ota_frame frame, const struct ota_security *security, size_t n)
{
    static const uint8_t some[OTA_NAMES_COMMAND];
    uint8_t head[HEAD_MAX];
    if (n > OTA_DATA_MAX) {
        return 0;
    }
    cr_span names = cr_span_of(some, frame.response ? OTA_NAMES_RESPONSE : OTA_NAMES_COMMAND);
    return head_make(frame, security, names, n, head) + body_size(frame, security, n);
}

cr_status ota_frame_build(struct ota_frame frame, const struct ota_security *security,
                          cr_span names, uint8_t *fixed, cr_span data, cr_buf *out,
                          struct cr_err *err)
{
    if (data.n > OTA_DATA_MAX) {
        return cr_fail(err, CR_MALFORMED, OTA_CLAUSE,
                       "%zu bytes do not fit one secured packet, which carries at most %d", data.n,
                       OTA_DATA_MAX);
    }
    uint8_t head[HEAD_MAX];
    size_t head_size = head_make(frame, security, names, data.n, head);
    size_t fixed_size = frame.response ? OTA_FIXED_RESPONSE : OTA_FIXED_COMMAND;
    size_t used = fixed_size + security->check_size + data.n;
    size_t padding = padding_of(used, security->block);
    size_t before = out->n;
    fixed[OTA_COUNTER] = (uint8_t)padding;
    cr_buf_append(out, head, head_size);
    uint8_t *p = cr_buf_extend(out, used + padding);
    if (!p) {
        out->n = before;
        return cr_fail_memory(err);
    }
    uint8_t *content = p + fixed_size + security->check_size;
    memcpy(p, fixed, fixed_size);
    if (data.n > 0) {
        memcpy(content, data.p, data.n);
    }
    memset(content + data.n, 0, padding);

    uint8_t check[CRYPTO_AES_BLOCK] = {0};
    cr_span parts[4];
    size_t n = check_parts(frame, cr_span_of(head, head_size), cr_span_of(p, fixed_size),
                           cr_span_of(content, data.n + padding), parts);
    cr_status status = check_make(security, parts, n, check, err);
    memcpy(p + fixed_size, check, security->check_size);
    if (status == CR_OK && security->ciphered) {
        status = cipher_run(security, true, p, used + padding, err);
    }
    if (status != CR_OK) {
        cr_wipe(out->p + before, out->n - before);
        out->n = before;
    }
    return status;
}
