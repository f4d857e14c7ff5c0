#include "cli/euicc_create_m2m.h"

#include "cli/input.h"
#include "cli/ota.h"
#include "cli/units.h"

#include "asn1/der.h"
#include "base/file.h"
#include "ota/sms.h"
#include "uicc/cat.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- addresses ---------------------------------------------------------------------------------
 */

static cr_status keep(struct cli *cli, cr_buf *b, cr_span *out, struct cr_err *err)
{
    *out = cr_buf_ok(b) ? cr_arena_copy(&cli->arena, cr_buf_span(b)) : (cr_span){0};
    cr_buf_free(b);
    return out->p ? CR_OK : cr_fail_memory(err);
}

/* "192.0.2.10:9000" into the value of a TLV 3E and a port. */
static cr_status place_of(struct cli *cli, const char *text, const char **host, uint8_t address[17],
                          size_t *size, uint16_t *port, struct cr_err *err)
{
    *host = NULL;
    CR_TRY(cli_host_port(&cli->arena, text, host, port, err));
    address[0] = CAT_ADDRESS_IPV4;
    *size = 5;
    if (*host && inet_pton(AF_INET6, *host, address + 1) == 1) {
        address[0] = CAT_ADDRESS_IPV6;
        *size = 17;
    } else if (!*host || inet_pton(AF_INET, *host, address + 1) != 1) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "'%.80s' does not begin with an IP address", text);
        return cr_err_next(err, status,
                           "a chip without DNS parameters needs one, as in 192.0.2.10:8443");
    }
    return CR_OK;
}

cr_status cli_m2m_https(struct cli *cli, const char *text, cr_span *out, struct cr_err *err)
{
    struct ota_admin_params params = {.connection = {0}};
    cr_buf b = {0};
    CR_TRY(cli_ota_place(cli, text, &params, err));
    CR_TRY(ota_admin_params_write(&b, &params, err));
    return keep(cli, &b, out, err);
}

/* A4 { 3C transport, 3E address }. */
static cr_status cattp_of(struct cli *cli, const char *text, cr_span *out, struct cr_err *err)
{
    uint8_t address[17];
    const char *host;
    uint16_t port = 0;
    size_t size;
    CR_TRY(place_of(cli, text, &host, address, &size, &port, err));
    const struct cat_channel channel = {
        .transport = CAT_TRANSPORT_UDP_CLIENT, .port = port, .address = cr_span_of(address, size)};
    cr_buf b = {0};
    cat_channel_put(&b, &channel);
    return keep(cli, &b, out, err);
}

cr_status cli_m2m_connectivity(struct cli *cli, const char *smsc_number, const char *access_point,
                               cr_span *out, struct cr_err *err)
{
    static const uint8_t bearer[] = {0x03};
    struct sms_address smsc;
    cr_buf b = {0}, number = {0}, nan = {0};
    cr_status status = CR_OK;
    if (smsc_number) {
        status = sms_address_parse(cr_span_str(smsc_number), &smsc, err);
        if (status == CR_OK) {
            status = sms_address_put_rp(&smsc, &number, err);
        }
        size_t mark = der_open(&b, 0xA0);
        der_put(&b, 0x06, cr_buf_span(&number));
        der_close(&b, mark);
    }
    if (status == CR_OK && access_point) {
        status = cat_nan_write(&nan, cr_span_str(access_point), err);
        for (uint32_t tag = 0xA1; tag <= 0xA2; tag++) {
            size_t mark = der_open(&b, tag);
            der_put(&b, 0x35, CR_SPAN_ARRAY(bearer));
            der_put(&b, 0x47, cr_buf_span(&nan));
            der_close(&b, mark);
        }
    }
    cr_buf_free(&number);
    cr_buf_free(&nan);
    if (status != CR_OK || b.n == 0) {
        cr_buf_free(&b);
        return status;
    }
    return keep(cli, &b, out, err);
}

/* ---- timers ------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    size_t offset;
    bool count; /* a number, else a duration */
} timers[] = {
    {"attach", offsetof(struct euicc_m2m_timing, attach), false},
    {"look", offsetof(struct euicc_m2m_timing, look), false},
    {"confirm", offsetof(struct euicc_m2m_timing, confirm), false},
    {"slow", offsetof(struct euicc_m2m_timing, slow), false},
    {"loss", offsetof(struct euicc_m2m_timing, loss), false},
    {"repeats", offsetof(struct euicc_m2m_timing, repeats), true},
};

static cr_status timer_of(struct cli *cli, const char *text, struct euicc_m2m_timing *out,
                          struct cr_err *err)
{
    const char *name, *value;
    int64_t ms;
    CR_TRY(cli_pair(&cli->arena, text, "timer", &name, &value, err));
    for (size_t i = 0; i < CR_COUNT(timers); i++) {
        if (strcmp(timers[i].name, name) != 0) {
            continue;
        }
        int64_t *slot = (int64_t *)(void *)((char *)out + timers[i].offset);
        if (timers[i].count) {
            char *end;
            *slot = strtol(value, &end, 10);
            return !*end && *slot >= 1 && *slot <= 100
                       ? CR_OK
                       : cr_fail(err, CR_MALFORMED, NULL, "%s is from 1 to 100", name);
        }
        CR_TRY(cli_duration(value, &ms, err));
        *slot = ms / 1000;
        return CR_OK;
    }
    return cr_fail(err, CR_MALFORMED, NULL,
                   "there is no timer '%s': there are attach, look, confirm, slow, loss and "
                   "repeats",
                   name);
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static cr_status add_profile(struct cli *cli, const char *path, struct cli_m2m_chip *chip,
                             struct euicc_m2m_profile **out, struct cr_err *err)
{
    size_t at = chip->options.profile_count;
    if (at == CLI_M2M_PROFILES) {
        return cr_fail(err, CR_REFUSED, NULL, "a chip is made with %d profiles at most",
                       CLI_M2M_PROFILES);
    }
    CR_TRY(cli_input_der(cli, path, &chip->profiles[at].package, err));
    chip->options.profile_count++;
    *out = &chip->profiles[at];
    return CR_OK;
}

static bool m2m_only(const struct cli_m2m_values *v)
{
    return v->profiles.count || v->timers.count || v->test_profile || v->emergency_profile ||
           v->smsr_number || v->smsr_https || v->smsr_cattp || v->smsc || v->nan || v->eis;
}

cr_status cli_m2m_read(struct cli *cli, const struct cli_m2m_values *v, struct cli_m2m_chip *chip,
                       struct cr_err *err)
{
    struct euicc_m2m_profile *profile = NULL;
    *chip = (struct cli_m2m_chip){.options = {.smsr_number = v->smsr_number}};
    chip->options.profiles = chip->profiles;
    if (!v->m2m) {
        return m2m_only(v) ? cr_fail(err, CR_REFUSED, NULL,
                                     "profiles, addresses, timers and the EIS are for a chip made "
                                     "with --m2m")
                           : CR_OK;
    }
    for (size_t i = 0; i < v->profiles.count; i++) {
        CR_TRY(add_profile(cli, v->profiles.items[i], chip, &profile, err));
        profile->enabled = profile->fall_back = i == 0;
        if (i == 0) {
            CR_TRY(cli_m2m_connectivity(cli, v->smsc, v->nan, &profile->connectivity, err));
        }
    }
    if (v->test_profile) {
        CR_TRY(add_profile(cli, v->test_profile, chip, &profile, err));
        profile->test = true;
    }
    if (v->emergency_profile) {
        CR_TRY(add_profile(cli, v->emergency_profile, chip, &profile, err));
        profile->emergency = true;
    }
    for (size_t i = 0; i < v->timers.count; i++) {
        CR_TRY(timer_of(cli, v->timers.items[i], &chip->options.timing, err));
    }
    if (v->smsr_cattp) {
        CR_TRY(cattp_of(cli, v->smsr_cattp, &chip->options.cattp, err));
    }
    return v->smsr_https ? cli_m2m_https(cli, v->smsr_https, &chip->options.https, err) : CR_OK;
}

cr_status cli_m2m_write_eis(struct cli *cli, const char *dir, const char *path, struct cr_err *err)
{
    struct euicc *euicc = NULL;
    cr_buf json = {.secret = true};
    cr_status status = euicc_open_dir(dir, cli->env, &euicc, err);
    if (status == CR_OK) {
        status = euicc_eis(euicc, true, &json, err);
    }
    if (status == CR_OK) {
        status = cr_file_write(path, cr_buf_span(&json), 0600, err);
    }
    euicc_free(euicc);
    cr_buf_free(&json);
    return status;
}
