/*
 * Secured packets: responses (proof of receipt).
 */
#include "ota/packet_internal.h"

bool ota_response_wanted(uint8_t spi2, uint8_t status)
{
    uint8_t when = spi2 & OTA_SPI2_POR;
    return when == OTA_SPI2_POR_ALWAYS || (when == OTA_SPI2_POR_ERROR && status != OTA_STATUS_OK);
}

void ota_response_fields_of(const struct ota_command_header *header, uint64_t counter,
                            struct ota_response_fields *out)
{
    *out = (struct ota_response_fields){
        .dialect = header->dialect,
        .spi = {header->spi[0], header->spi[1]},
        .kic = header->kic,
        .kid = header->kid,
        .tar = {header->tar[0], header->tar[1], header->tar[2]},
        .counter = counter,
    };
}

static enum ota_result fields_security(const struct ota_response_fields *f, struct ota_keys keys,
                                       size_t given, struct ota_security *out, struct cr_err *err)
{
    return ota_security_of((f->spi[1] & OTA_SPI2_CHECK) >> 2, (f->spi[1] & OTA_SPI2_CIPHER) != 0,
                           f->kic, f->kid, keys, given, out, err);
}

cr_status ota_response_build(const struct ota_response_fields *fields, struct ota_keys keys,
                             uint8_t status, cr_span data, cr_buf *out, struct cr_err *err)
{
    struct ota_security security;
    if (fields->counter > OTA_COUNTER_MAX) {
        return cr_fail(err, CR_REFUSED, OTA_CLAUSE, "a counter has 5 bytes");
    }
    enum ota_result result = fields_security(fields, keys, 0, &security, err);
    if (result != OTA_OK) {
        return ota_result_status(result);
    }
    uint8_t fixed[OTA_FIXED_RESPONSE] = {0};
    ota_counter_put(fixed, fields->counter);
    fixed[OTA_COUNTER + 1] = status;
    struct ota_frame frame = {.dialect = fields->dialect, .response = true};
    return ota_frame_build(frame, &security, CR_SPAN_ARRAY(fields->tar), fixed, data, out, err);
}

cr_status ota_response_read(enum ota_dialect dialect, cr_span packet,
                            struct ota_response_header *out, struct cr_err *err)
{
    cr_span head;
    cr_span body;
    size_t check_size = 0;
    struct ota_frame frame = {.dialect = dialect, .response = true};
    CR_TRY(ota_frame_read(frame, packet, &head, &body, &check_size, err));
    const uint8_t *tar = head.p + head.n - OTA_TAR;
    *out = (struct ota_response_header){
        .dialect = dialect,
        .tar = {tar[0], tar[1], tar[2]},
        .check_size = check_size,
        .head = head,
        .body = body,
    };
    return CR_OK;
}

/* A card that found no keys answers the bare status: no check, no cipher, no data. Its length
 * tells, for it is no whole number of blocks. */
static bool is_bare(const struct ota_response_header *h)
{
    return h->check_size == 0 && h->body.n == OTA_FIXED_RESPONSE && h->body.p[OTA_COUNTER] == 0 &&
           h->body.p[OTA_COUNTER + 1] != OTA_STATUS_OK;
}

static cr_status not_ours(struct cr_err *err, const char *field)
{
    cr_status status = cr_fail(err, CR_REFUSED, OTA_CLAUSE,
                               "the response packet has another %s than the command", field);
    return cr_err_field(err, status, field);
}

cr_status ota_response_open(const struct ota_response_fields *fields, struct ota_keys keys,
                            bool unproved_ok, cr_span packet, cr_buf *scratch,
                            struct ota_response *out, struct cr_err *err)
{
    struct ota_response_header header;
    CR_TRY(ota_response_read(fields->dialect, packet, &header, err));
    if (memcmp(header.tar, fields->tar, OTA_TAR) != 0) {
        return not_ours(err, "TAR");
    }
    bool demands = (fields->spi[1] & (OTA_SPI2_CHECK | OTA_SPI2_CIPHER)) != 0;
    struct ota_security security = {.block = 1};
    bool bare = demands && unproved_ok && is_bare(&header);
    if (!bare) {
        enum ota_result result = fields_security(fields, keys, header.check_size, &security, err);
        if (result != OTA_OK) {
            return ota_result_status(result);
        }
    }
    if (header.check_size != security.check_size) {
        return cr_fail(err, CR_REFUSED, OTA_CLAUSE,
                       "the response packet has %zu bytes of checksum, the command asked for %zu",
                       header.check_size, security.check_size);
    }
    cr_span fixed;
    cr_span data;
    struct ota_frame frame = {.dialect = fields->dialect, .response = true};
    enum ota_result result =
        ota_frame_open(frame, &security, header.head, header.body, scratch, &fixed, &data, err);
    if (result != OTA_OK) {
        return ota_result_status(result);
    }
    uint64_t counter = ota_counter_get(fixed.p);
    uint8_t padding = fixed.p[OTA_COUNTER];
    cr_status status = CR_OK;
    if (!ota_padding_ok(&security, padding, data.n)) {
        status = cr_fail(err, CR_MALFORMED, OTA_CLAUSE, "the padding counter is not possible");
    } else if (counter != fields->counter && !(bare && counter == 0)) {
        status = not_ours(err, "CNTR");
    }
    if (status != CR_OK) {
        cr_buf_reset(scratch);
        return status;
    }
    *out = (struct ota_response){
        .tar = {header.tar[0], header.tar[1], header.tar[2]},
        .counter = counter,
        .padding = padding,
        .status = fixed.p[OTA_COUNTER + 1],
        .data = cr_span_sub(data, 0, data.n - padding),
        .secured = !bare,
    };
    return CR_OK;
}
