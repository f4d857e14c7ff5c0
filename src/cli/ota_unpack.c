/*
 * crisp ota unpack: the proof of receipt of a card.
 */
#include "cli/ota.h"

#include "asn1/der.h"
#include "base/text.h"

struct unpack_values {
    struct cli_list parts;
    struct cli_ota_options security;
    bool unproved, json;
};

/* The user data of a part: of an SMS-SUBMIT, of an SMS-DELIVER-REPORT, or the part itself when it
 * begins with the header of a response packet. False: a bare packet. */
static bool user_data(cr_span part, struct sms_tpdu *t)
{
    if (part.n > 3 && part.p[0] == 0x02 && part.p[1] == SMS_IEI_RESPONSE_PACKET) {
        *t = (struct sms_tpdu){.has_header = true, .ud = part};
        return true;
    }
    return (sms_decode(SMS_FROM_CARD, part, t, NULL) == CR_OK && t->has_header && t->ud.n > 0) ||
           (sms_decode(SMS_FROM_CARD_ERROR, part, t, NULL) == CR_OK && t->has_header &&
            t->ud.n > 0);
}

static cr_status add_part(struct sms_assembler *a, enum ota_dialect dialect, cr_span part,
                          cr_buf *packet, bool *whole, struct cr_err *err)
{
    struct sms_tpdu t;
    if (*whole) {
        return cr_fail(err, CR_MALFORMED, NULL, "bytes behind a whole packet");
    }
    if (dialect == OTA_BIP || !user_data(part, &t)) {
        cr_buf_append_span(packet, part);
        *whole = true;
        return CR_OK;
    }
    enum sms_assembly result = SMS_DROPPED;
    uint8_t iei = 0;
    CR_TRY(sms_assembler_add(a, &t.address, t.has_header, t.ud, 0, &result, &iei, packet, err));
    *whole = result == SMS_ASSEMBLED;
    if (result == SMS_DROPPED || (*whole && iei != SMS_IEI_RESPONSE_PACKET)) {
        return cr_fail(err, CR_MALFORMED, NULL, "the short messages carry no response packet");
    }
    return CR_OK;
}

static cr_status join(const struct unpack_values *v, enum ota_dialect dialect, cr_buf *packet,
                      struct cr_err *err)
{
    struct sms_assembler *a = NULL;
    static const struct sms_assembler_limits limits = {.bytes = 40000};
    bool whole = false;
    CR_TRY(sms_assembler_new(&limits, &a, err));
    cr_status status = CR_OK;
    for (size_t i = 0; i < v->parts.count && status == CR_OK; i++) {
        cr_buf part = {0};
        status = cr_hex_decode(&part, cr_span_str(v->parts.items[i]), err);
        if (status == CR_OK) {
            status = add_part(a, dialect, cr_buf_span(&part), packet, &whole, err);
        }
        cr_buf_free(&part);
    }
    sms_assembler_free(a);
    if (status == CR_OK && !whole) {
        status = cr_fail(err, CR_MALFORMED, NULL, "segments of the packet are missing");
    }
    return status;
}

static int show(struct cli *cli, const struct unpack_values *v, const struct ota_response *r)
{
    json_t *object = cli_ota_response(r);
    if (v->json) {
        cli_put_json(cli, object);
    } else {
        cr_buf text = {0};
        cli_ota_print(&text, object, 0);
        (void)fwrite(text.p ? (const char *)text.p : "", 1, text.n, cli->out);
        cr_buf_free(&text);
        json_decref(object);
    }
    return r->status == OTA_STATUS_OK ? CLI_OK : CLI_NEGATIVE;
}

static int unpack_run(struct cli *cli, const void *values)
{
    const struct unpack_values *v = values;
    struct cli_ota_security security;
    struct cr_err err;
    cr_buf packet = {0};
    cr_buf scratch = {0};
    struct ota_response r;
    if (cli_ota_security_of(&v->security, &security, &err) != CR_OK) {
        cr_wipe(&security, sizeof security);
        return cli_fail_usage(cli, &err);
    }
    struct ota_response_fields f = {.dialect = security.fields.dialect,
                                    .spi = {security.fields.spi[0], security.fields.spi[1]},
                                    .kic = security.fields.kic,
                                    .kid = security.fields.kid,
                                    .counter = security.fields.counter};
    memcpy(f.tar, security.fields.tar, sizeof f.tar);
    cr_status status = join(v, f.dialect, &packet, &err);
    if (status == CR_OK) {
        status = ota_response_open(&f, security.keys, v->unproved, cr_buf_span(&packet), &scratch,
                                   &r, &err);
    }
    int code = status == CR_OK ? show(cli, v, &r) : cli_fail(cli, &err, v->json);
    cr_wipe(&security, sizeof security);
    cr_buf_free(&packet);
    cr_buf_free(&scratch);
    return code;
}

#define FIELD(member) .offset = offsetof(struct unpack_values, member)

static const struct cli_option arguments[] = {
    {.name = "HEX",
     .kind = CLI_LIST,
     .help =
         "SMS-SUBMIT or SMS-DELIVER-REPORT of the card (all segments, any order), the data that "
         "it answered to the ENVELOPE (027100..), or the packet alone.",
     .required = true,
     FIELD(parts)},
};

static const struct cli_option options[] = {
    CLI_OTA_OPTIONS(struct unpack_values, security),
    {.name = "unproved",
     .kind = CLI_FLAG,
     .help =
         "Take the bare error of a card that does not know the keys, though SPI asked for more.",
     FIELD(unproved)},
    {.name = "json", .kind = CLI_FLAG, .help = "Print JSON.", FIELD(json)},
};

const struct cli_command cli_ota_unpack = {
    .name = "unpack",
    .summary = "read the proof of receipt that a card sent",
    .description =
        "Joins the segments, deciphers and verifies the response packet against the command that "
        "it answers (TAR, counter, checksum), and shows status and script. SPI, KIc, KID, TAR and "
        "counter are those of the command.\n\n"
        "Exit status 4 when the card reports an error, 3 when the packet does not belong to the "
        "command or is forged.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct unpack_values),
    .run = unpack_run,
    .examples =
        "# the answer of an M2M chip\n"
        "crisp ota unpack --kic 000102030405060708090A0B0C0D0E0F"
        " --kid 101112131415161718191A1B1C1D1E1F"
        " 41010881214365877FF629027100002412000001EF199DC12FB02C40F83C991B1F72E2C1983C7768AD"
        "4FCF5B8CB60062F12D02A9",
};
