/*
 * Secured packets: commands, and the rules of the card about them.
 */
#include "ota/packet_internal.h"

/* ---- names ---- */

const char *ota_status_name(uint8_t status)
{
    static const char *const names[] = {
        [OTA_STATUS_OK] = "PoR OK",
        [OTA_STATUS_CHECK_FAILED] = "RC/CC/DS failed",
        [OTA_STATUS_COUNTER_LOW] = "counter low",
        [OTA_STATUS_COUNTER_HIGH] = "counter high",
        [OTA_STATUS_COUNTER_BLOCKED] = "counter blocked",
        [OTA_STATUS_CIPHER_ERROR] = "ciphering error",
        [OTA_STATUS_SECURITY_ERROR] = "unidentified security error",
        [OTA_STATUS_NO_MEMORY] = "insufficient memory to process the message",
        [OTA_STATUS_MORE_TIME] = "more time needed",
        [OTA_STATUS_TAR_UNKNOWN] = "TAR unknown",
        [OTA_STATUS_LEVEL_INSUFFICIENT] = "insufficient security level",
        [OTA_STATUS_FOLLOWS_SMS] = "actual response follows in SMS-SUBMIT",
        [OTA_STATUS_FOLLOWS_USSD] = "actual response follows in USSD",
    };
    return status < CR_COUNT(names) ? names[status] : "reserved";
}

const struct ota_result_row *ota_result_row(enum ota_result result)
{
    static const struct ota_result_row rows[OTA_RESULT_COUNT] = {
        [OTA_OK] = {"accepted", OTA_STATUS_OK, OTA_TELL_STATUS},
        [OTA_MALFORMED] = {"no secured packet", OTA_STATUS_SECURITY_ERROR, OTA_TELL_NOTHING},
        [OTA_TAR_UNKNOWN] = {"TAR unknown", OTA_STATUS_TAR_UNKNOWN, OTA_TELL_UNPROVED},
        [OTA_KEY_UNKNOWN] = {"key unknown", OTA_STATUS_SECURITY_ERROR, OTA_TELL_UNPROVED},
        [OTA_UNSUPPORTED] = {"not supported", OTA_STATUS_SECURITY_ERROR, OTA_TELL_UNPROVED},
        [OTA_CIPHER_ERROR] = {"ciphering error", OTA_STATUS_CIPHER_ERROR, OTA_TELL_UNPROVED},
        [OTA_CHECK_FAILED] = {"RC/CC failed", OTA_STATUS_CHECK_FAILED, OTA_TELL_UNPROVED},
        [OTA_LEVEL_INSUFFICIENT] = {"insufficient security level", OTA_STATUS_LEVEL_INSUFFICIENT,
                                    OTA_TELL_UNPROVED},
        [OTA_COUNTER_LOW] = {"counter low", OTA_STATUS_COUNTER_LOW, OTA_TELL_STATUS},
        [OTA_COUNTER_HIGH] = {"counter high", OTA_STATUS_COUNTER_HIGH, OTA_TELL_STATUS},
        [OTA_COUNTER_BLOCKED] = {"counter blocked", OTA_STATUS_COUNTER_BLOCKED, OTA_TELL_STATUS},
    };
    return &rows[(unsigned)result < OTA_RESULT_COUNT ? result : OTA_MALFORMED];
}

cr_status ota_result_status(enum ota_result result)
{
    return result == OTA_OK                                        ? CR_OK
           : result == OTA_MALFORMED || result == OTA_CIPHER_ERROR ? CR_MALFORMED
                                                                   : CR_REFUSED;
}

void ota_counter_put(uint8_t out[OTA_COUNTER], uint64_t counter)
{
    for (unsigned i = 0; i < OTA_COUNTER; i++) {
        out[i] = (uint8_t)(counter >> (8 * (OTA_COUNTER - 1 - i)));
    }
}

uint64_t ota_counter_get(const uint8_t in[OTA_COUNTER])
{
    uint64_t counter = 0;
    for (unsigned i = 0; i < OTA_COUNTER; i++) {
        counter = counter << 8 | in[i];
    }
    return counter;
}

/* ---- receiving ---- */

enum ota_result ota_command_read(enum ota_dialect dialect, cr_span packet,
                                 struct ota_command_header *out, struct cr_err *err)
{
    cr_span head;
    cr_span body;
    size_t check_size = 0;
    struct ota_frame frame = {.dialect = dialect};
    if (ota_frame_read(frame, packet, &head, &body, &check_size, err) != CR_OK) {
        return OTA_MALFORMED;
    }
    const uint8_t *names = head.p + head.n - OTA_NAMES_COMMAND;
    if (names[0] & OTA_SPI1_RFU || names[1] & OTA_SPI2_RFU ||
        (names[1] & OTA_SPI2_POR) == OTA_SPI2_POR) {
        (void)cr_fail(err, CR_MALFORMED, OTA_CLAUSE, "SPI %02X%02X has bits that are reserved",
                      names[0], names[1]);
        return OTA_MALFORMED;
    }
    *out = (struct ota_command_header){
        .dialect = dialect,
        .spi = {names[0], names[1]},
        .kic = names[2],
        .kid = names[3],
        .tar = {names[4], names[5], names[6]},
        .check_size = check_size,
        .head = head,
        .body = body,
    };
    return OTA_OK;
}

enum ota_result ota_command_open(const struct ota_command_header *header, struct ota_keys keys,
                                 cr_buf *scratch, struct ota_command *out, struct cr_err *err)
{
    struct ota_security security;
    cr_span fixed;
    cr_span data;
    enum ota_result result =
        ota_security_of(header->spi[0] & OTA_SPI1_CHECK, (header->spi[0] & OTA_SPI1_CIPHER) != 0,
                        header->kic, header->kid, keys, header->check_size, &security, err);
    if (result != OTA_OK) {
        return result;
    }
    if (header->check_size != security.check_size) {
        (void)cr_fail(err, CR_MALFORMED, OTA_CLAUSE,
                      "CHL leaves %zu bytes for the checksum that SPI and KID give %zu",
                      header->check_size, security.check_size);
        return OTA_MALFORMED;
    }
    struct ota_frame frame = {.dialect = header->dialect};
    result =
        ota_frame_open(frame, &security, header->head, header->body, scratch, &fixed, &data, err);
    if (result != OTA_OK) {
        return result;
    }
    uint8_t padding = fixed.p[OTA_COUNTER];
    if (!ota_padding_ok(&security, padding, data.n)) {
        cr_buf_reset(scratch);
        (void)cr_fail(err, CR_MALFORMED, OTA_CLAUSE, "the padding counter is not possible");
        return OTA_CIPHER_ERROR;
    }
    out->counter = ota_counter_get(fixed.p);
    out->padding = padding;
    out->data = cr_span_sub(data, 0, data.n - padding);
    return OTA_OK;
}

bool ota_spi_sufficient(uint8_t spi1, uint8_t minimum)
{
    return (minimum & OTA_SPI1_CHECK) != OTA_SPI1_DS &&
           (spi1 & OTA_SPI1_CHECK) >= (minimum & OTA_SPI1_CHECK) &&
           (spi1 & OTA_SPI1_CIPHER) >= (minimum & OTA_SPI1_CIPHER) &&
           (spi1 & OTA_SPI1_COUNTER) >= (minimum & OTA_SPI1_COUNTER);
}

enum ota_result ota_counter_check(uint8_t spi1, uint64_t stored, uint64_t received, uint64_t *next)
{
    uint8_t rule = spi1 & OTA_SPI1_COUNTER;
    if (rule == OTA_SPI1_CNT_NONE || rule == OTA_SPI1_CNT_IGNORED) {
        *next = stored;
        return OTA_OK;
    }
    if (stored >= OTA_COUNTER_MAX) {
        return OTA_COUNTER_BLOCKED;
    }
    if (received <= stored) {
        return OTA_COUNTER_LOW;
    }
    if (rule == OTA_SPI1_CNT_NEXT && received != stored + 1) {
        return OTA_COUNTER_HIGH;
    }
    *next = received;
    return OTA_OK;
}

/* ---- sending ---- */

static enum ota_result fields_security(const struct ota_command_fields *f, struct ota_keys keys,
                                       struct ota_security *out, struct cr_err *err)
{
    if (f->counter > OTA_COUNTER_MAX) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "a counter has 5 bytes");
        return OTA_COUNTER_BLOCKED;
    }
    if (f->spi[0] & OTA_SPI1_RFU || f->spi[1] & OTA_SPI2_RFU ||
        (f->spi[1] & OTA_SPI2_POR) == OTA_SPI2_POR) {
        (void)cr_fail(err, CR_REFUSED, OTA_CLAUSE, "SPI %02X%02X has bits that are reserved",
                      f->spi[0], f->spi[1]);
        return OTA_UNSUPPORTED;
    }
    return ota_security_of(f->spi[0] & OTA_SPI1_CHECK, (f->spi[0] & OTA_SPI1_CIPHER) != 0, f->kic,
                           f->kid, keys, 0, out, err);
}

cr_status ota_command_build(const struct ota_command_fields *fields, struct ota_keys keys,
                            cr_span data, cr_buf *out, struct cr_err *err)
{
    struct ota_security security;
    enum ota_result result = fields_security(fields, keys, &security, err);
    if (result != OTA_OK) {
        return ota_result_status(result);
    }
    const uint8_t names[OTA_NAMES_COMMAND] = {fields->spi[0], fields->spi[1], fields->kic,
                                              fields->kid,    fields->tar[0], fields->tar[1],
                                              fields->tar[2]};
    uint8_t fixed[OTA_FIXED_COMMAND] = {0};
    ota_counter_put(fixed, fields->counter);
    struct ota_frame frame = {.dialect = fields->dialect};
    return ota_frame_build(frame, &security, CR_SPAN_ARRAY(names), fixed, data, out, err);
}

size_t ota_command_size(const struct ota_command_fields *fields, struct ota_keys keys, size_t n)
{
    struct ota_security security;
    struct ota_frame frame = {.dialect = fields->dialect};
    return fields_security(fields, keys, &security, NULL) == OTA_OK
               ? ota_frame_size(frame, &security, n)
               : 0;
}
