/*
 * The addressing parameters of this SM-SR (SGP.02 4.1.1.10): what its eUICCs are told.
 */
#include "smsr/handover.h"

#include "asn1/der.h"
#include "base/text.h"
#include "ota/admin.h"
#include "ota/sms.h"
#include "smsr/radio_config.h"

#include <arpa/inet.h>
#include <stdio.h>

#define TAG_SMS    0xA3
#define TAG_CATTP  0xA4
#define TAG_HTTPS  0xA5
#define BUFFER     0x0500 /* bytes that a channel asks for */
#define TCP_CLIENT 0x02
#define IPV4       0x21
#define IPV6       0x57

static cr_status put_sms(const struct smsr_smsc *smsc, cr_buf *out, struct cr_err *err)
{
    struct sms_address address = {.ton_npi = SMS_TON_NPI_INTERNATIONAL};
    cr_buf number = {0};
    (void)cr_str_copy(address.text, sizeof address.text, cr_span_str(smsc->number));
    cr_status status = sms_address_put(&address, &number, err);
    const size_t mark = der_open(out, TAG_SMS);
    der_put(out, 0x81, cr_buf_span(&number));
    der_close(out, mark);
    cr_buf_free(&number);
    return status;
}

/* The TLVs of OPEN CHANNEL: default bearer, buffer, port, address. */
static cr_status put_connection(const struct smsr_radio_config *config, cr_buf *out,
                                struct cr_err *err)
{
    static const uint8_t bearer[] = {0x03};
    const uint8_t buffer[] = {BUFFER >> 8, BUFFER & 0xFF};
    const uint8_t port[] = {TCP_CLIENT, (uint8_t)(config->https_port >> 8),
                            (uint8_t)config->https_port};
    uint8_t address[17] = {IPV4};
    size_t size = 5;
    if (inet_pton(AF_INET6, config->https_address, address + 1) == 1) {
        address[0] = IPV6;
        size = sizeof address;
    } else if (inet_pton(AF_INET, config->https_address, address + 1) != 1) {
        return cr_fail(err, CR_REFUSED, NULL, "%.60s is no IP address", config->https_address);
    }
    der_put(out, 0x35, CR_SPAN_ARRAY(bearer));
    der_put(out, 0x39, CR_SPAN_ARRAY(buffer));
    der_put(out, 0x3C, CR_SPAN_ARRAY(port));
    der_put(out, 0x3E, cr_span_of(address, size));
    return CR_OK;
}

static cr_status put_https(const struct smsr_radio_config *config, cr_buf *out, struct cr_err *err)
{
    struct ota_admin_params params = {.post = {.present = true}};
    char host[OTA_ADMIN_HOST + 1];
    cr_buf connection = {0};
    cr_status status = put_connection(config, &connection, err);
    params.connection = cr_buf_span(&connection);
    if (config->https_host) {
        (void)cr_str_copy(host, sizeof host, cr_span_str(config->https_host));
    } else {
        const bool colon = strchr(config->https_address, ':') != NULL; /* IPv6 */
        (void)snprintf(host, sizeof host, "%s%s%s", colon ? "[" : "", config->https_address,
                       colon ? "]" : "");
    }
    params.post.host = cr_span_str(host);
    params.post.uri = cr_span_str(config->path);
    const size_t mark = der_open(out, TAG_HTTPS);
    if (status == CR_OK) {
        status = ota_admin_params_write(out, &params, err);
    }
    der_close(out, mark);
    cr_buf_free(&connection);
    return status;
}

cr_status smsr_addressing(const struct smsr_radio_config *config, const struct smsr_euicc *euicc,
                          const char *msisdn, cr_buf *out, struct cr_err *err)
{
    char number[SMSR_NUMBER + 1] = "";
    const struct smsr_smsc *smsc =
        msisdn && smsr_air_number(msisdn, number) ? smsr_radio_route(config, number) : NULL;
    if (smsc) {
        CR_TRY(put_sms(smsc, out, err));
    }
    if (euicc->cattp) {
        der_put(out, TAG_CATTP, config->cattp_place.n ? config->cattp_place : cr_span_str(""));
    }
    if (euicc->http && config->https_address) {
        return put_https(config, out, err);
    }
    if (euicc->http) {
        der_put(out, TAG_HTTPS, cr_span_str(""));
    }
    return CR_OK;
}
