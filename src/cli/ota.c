/*
 * crisp ota: the group, and its options as the codecs want them.
 */
#include "cli/ota.h"

#include "base/text.h"

const char *const cli_ota_dialects[] = {"sms", "bip", NULL};

static cr_status fixed(const char *name, const char *hex, uint8_t *out, size_t n,
                       struct cr_err *err)
{
    return cr_hex_fixed(out, n, cr_span_str(hex))
               ? CR_OK
               : cr_fail(err, CR_MALFORMED, NULL, "--%s takes %zu byte%s in hex, not '%s'", name, n,
                         n == 1 ? "" : "s", hex);
}

cr_status cli_ota_key(const char *name, const char *hex, uint8_t id, struct ota_key *out,
                      struct cr_err *err)
{
    cr_buf bytes = {.secret = true};
    struct ota_key key = {.algorithm = OTA_ALGORITHM(id)};
    cr_status status = cr_hex_decode(&bytes, cr_span_str(hex), err);
    if (status == CR_OK && bytes.n != 8 && bytes.n != 16 && bytes.n != 24 && bytes.n != 32) {
        status =
            cr_fail(err, CR_MALFORMED, NULL, "a key has 8, 16, 24 or 32 bytes, not %zu", bytes.n);
    }
    if (status == CR_OK) {
        memcpy(key.value, bytes.p, bytes.n);
        key.n = (uint8_t)bytes.n;
        if (key.algorithm == OTA_ALGORITHM_IMPLICIT) { /* no key store here that would know */
            key.algorithm = OTA_AES;
        }
        *out = key;
    }
    cr_buf_free(&bytes);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "--%s", name);
}

cr_status cli_ota_security_of(const struct cli_ota_options *o, struct cli_ota_security *out,
                              struct cr_err *err)
{
    memset(out, 0, sizeof *out);
    struct ota_command_fields *f = &out->fields;
    CR_TRY(fixed("spi", o->spi, f->spi, sizeof f->spi, err));
    CR_TRY(fixed("kic-id", o->kic_id, &f->kic, 1, err));
    CR_TRY(fixed("kid-id", o->kid_id, &f->kid, 1, err));
    CR_TRY(fixed("tar", o->tar, f->tar, sizeof f->tar, err));
    f->dialect = strcmp(o->dialect, "bip") == 0 ? OTA_BIP : OTA_SMS;
    f->counter = (uint64_t)o->counter;
    if (o->mac_size != 4 && o->mac_size != 8) {
        return cr_fail(err, CR_MALFORMED, NULL, "--mac-size is 4 or 8");
    }
    if (o->kic) {
        CR_TRY(cli_ota_key("kic", o->kic, f->kic, &out->kic, err));
        out->keys.kic = &out->kic;
    }
    if (o->kid) {
        CR_TRY(cli_ota_key("kid", o->kid, f->kid, &out->kid, err));
        out->kid.mac_size = (uint8_t)o->mac_size;
        out->keys.kid = &out->kid;
    }
    return CR_OK;
}

static const struct cli_command *const children[] = {&cli_ota_pack, &cli_ota_unpack,
                                                     &cli_ota_trigger, &cli_ota_serve, NULL};

const struct cli_command cli_ota = {
    .name = "ota",
    .summary = "make and read secured packets for cards, serve their sessions",
    .description =
        "Remote management of a card by short message (SCP80): scripts of APDUs in secured packets "
        "of ETSI TS 102 225, cut into short messages and wrapped into the ENVELOPE commands that a "
        "phone gives to its card; and the proof of receipt that comes back: bytes in, bytes "
        "out, no network. And sessions over HTTPS (SCP81): what triggers one, and a server for "
        "them. For people who test cards.",
    .children = children,
};
