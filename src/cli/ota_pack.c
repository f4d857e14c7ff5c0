/*
 * crisp ota pack: APDUs to a secured packet, short messages, ENVELOPE commands.
 */
#include "cli/ota.h"

#include "asn1/der.h"
#include "base/text.h"

#include <time.h>

#define TAG_SMS_PP_DOWNLOAD 0xD1 /* TS 102 223 */
#define TAG_DEVICES         0x82
#define TAG_ADDRESS         0x06
#define TAG_TPDU            0x8B

struct pack_values {
    struct cli_list data;
    struct cli_ota_options security;
    struct cli_ota_smsc submit;
    const char *format, *chaining, *as, *from, *smsc, *time;
    int64_t reference, max_segments;
    bool wide;
};

/* What is filled while the packet is cut. */
struct pack {
    struct cli *cli;
    const struct pack_values *v;
    struct sms_address from, smsc;
    bool has_smsc;
    struct sms_time time;
    struct cli_ota_submit *submit; /* NULL = printed only */
};

static const char *const formats[] = {"expanded", "indefinite", "compact", "raw", NULL};
static const char *const layers[] = {"all", "packet", "tpdu", "envelope", NULL};
static const char *const chains[] = {"01", "11", "02", "03", NULL};

/* ---- the secured data ---- */

static cr_status add_one(const char *hex, bool raw, struct ota_writer *w, cr_buf *out,
                         struct cr_err *err)
{
    cr_buf bytes = {.secret = true};
    cr_status status = cr_hex_decode(&bytes, cr_span_str(hex), err);
    if (status == CR_OK && raw) {
        cr_buf_append_span(out, cr_buf_span(&bytes));
    } else if (status == CR_OK) {
        /* 84 to 86 in front and one whole TLV: SCP03t, which stands bare. Everything else is an
         * APDU. */
        cr_span rest = cr_buf_span(&bytes);
        struct der_tlv tlv;
        bool scp03t = rest.n > 0 && rest.p[0] >= 0x84 && rest.p[0] <= 0x86 &&
                      der_next(&rest, DER_BER_LENGTHS, &tlv, NULL) == CR_OK && rest.n == 0;
        status = scp03t ? ota_writer_tlv(w, cr_buf_span(&bytes), err)
                        : ota_writer_command(w, cr_buf_span(&bytes), err);
    }
    cr_buf_free(&bytes);
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "'%s'", hex);
}

static cr_status make_data(const struct pack_values *v, cr_buf *out, struct cr_err *err)
{
    bool raw = strcmp(v->format, "raw") == 0;
    enum ota_form form = strcmp(v->format, "compact") == 0      ? OTA_FORM_COMPACT
                         : strcmp(v->format, "indefinite") == 0 ? OTA_FORM_INDEFINITE
                                                                : OTA_FORM_DEFINITE;
    struct ota_writer w;
    if (!raw) {
        ota_writer_begin(&w, form, OTA_COMMANDS, out);
    }
    if (v->chaining) {
        uint8_t value = 0;
        if (raw || !cr_hex_fixed(&value, 1, cr_span_str(v->chaining))) {
            return cr_fail(err, CR_MALFORMED, NULL, "--chaining has no place in raw data");
        }
        CR_TRY(ota_writer_chaining(&w, value, err));
    }
    for (size_t i = 0; i < v->data.count; i++) {
        CR_TRY(add_one(v->data.items[i], raw, &w, out, err));
    }
    CR_TRY(raw ? CR_OK : ota_writer_end(&w, err));
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* ---- output ---- */

static void print(const struct pack *p, const char *layer, const char *label, cr_span bytes)
{
    bool all = strcmp(p->v->as, "all") == 0;
    if (!all && strcmp(p->v->as, layer) != 0) {
        return;
    }
    const char *hex = cr_hex(&p->cli->arena, bytes);
    (void)fprintf(p->cli->out, "%s%s%s\n", all ? label : "", all ? ": " : "", hex ? hex : "");
}

static cr_status put_envelope(const struct pack *p, cr_span tpdu, const char *label,
                              struct cr_err *err)
{
    static const uint8_t devices[] = {0x83, 0x81}; /* network to UICC */
    cr_buf out = {0};
    cr_status status = CR_OK;
    size_t mark = der_open(&out, TAG_SMS_PP_DOWNLOAD);
    der_put(&out, TAG_DEVICES, CR_SPAN_ARRAY(devices));
    if (p->has_smsc) {
        cr_buf address = {0};
        status = sms_address_put_rp(&p->smsc, &address, err);
        der_put(&out, TAG_ADDRESS, cr_buf_span(&address));
        cr_buf_free(&address);
    }
    der_put(&out, TAG_TPDU, tpdu);
    der_close(&out, mark);
    if (status == CR_OK && (!cr_buf_ok(&out) || out.n > 255)) {
        status = cr_fail(err, CR_MALFORMED, NULL, "the ENVELOPE is too long for one command");
    }
    if (status == CR_OK) {
        cr_buf apdu = {0};
        const uint8_t head[] = {0x80, 0xC2, 0x00, 0x00, (uint8_t)out.n};
        cr_buf_append(&apdu, head, sizeof head);
        cr_buf_append_span(&apdu, cr_buf_span(&out));
        print(p, "envelope", label, cr_buf_span(&apdu));
        cr_buf_free(&apdu);
    }
    cr_buf_free(&out);
    return status;
}

static cr_status emit(void *ctx, uint8_t number, uint8_t count, cr_span ud, struct cr_err *err)
{
    const struct pack *p = ctx;
    char label[40];
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .more_to_send = number < count,
                         .has_header = true,
                         .address = p->from,
                         .pid = SMS_PID_USIM_DOWNLOAD,
                         .dcs = SMS_DCS_8BIT_CLASS2,
                         .time = p->time,
                         .ud = ud};
    cr_buf tpdu = {0};
    cr_status status = sms_encode(&t, &tpdu, err);
    if (status == CR_OK) {
        (void)snprintf(label, sizeof label, "SMS-DELIVER %u/%u", number, count);
        print(p, "tpdu", label, cr_buf_span(&tpdu));
        (void)snprintf(label, sizeof label, "ENVELOPE %u/%u", number, count);
        status = put_envelope(p, cr_buf_span(&tpdu), label, err);
    }
    cr_buf_free(&tpdu);
    return status == CR_OK && p->submit ? cli_ota_submit_add(p->submit, ud, err) : status;
}

/* ---- the command ---- */

static void time_of(int64_t ms, struct sms_time *out)
{
    struct tm tm = {0};
    time_t seconds = (time_t)(ms / 1000);
    (void)gmtime_r(&seconds, &tm);
    *out = (struct sms_time){.year = (uint8_t)(tm.tm_year % 100),
                             .month = (uint8_t)(tm.tm_mon + 1),
                             .day = (uint8_t)tm.tm_mday,
                             .hour = (uint8_t)tm.tm_hour,
                             .minute = (uint8_t)tm.tm_min,
                             .second = (uint8_t)tm.tm_sec};
}

static cr_status read_options(struct pack *p, struct cr_err *err)
{
    int64_t ms = cr_now_ms(p->cli->env);
    CR_TRY(sms_address_parse(cr_span_str(p->v->from), &p->from, err));
    if (p->v->smsc) {
        CR_TRY(sms_address_parse(cr_span_str(p->v->smsc), &p->smsc, err));
        p->has_smsc = true;
    }
    if (p->v->time && !cr_time_parse(cr_span_str(p->v->time), &ms)) {
        return cr_fail(err, CR_MALFORMED, NULL, "--time takes a time like 2026-08-06T12:00:00Z");
    }
    time_of(ms, &p->time);
    return CR_OK;
}

static cr_status pack(struct pack *p, const struct cli_ota_security *security, struct cr_err *err)
{
    cr_buf data = {.secret = true};
    cr_buf packet = {0};
    cr_status status = make_data(p->v, &data, err);
    if (status == CR_OK) {
        status =
            ota_command_build(&security->fields, security->keys, cr_buf_span(&data), &packet, err);
    }
    if (status == CR_OK) {
        if (strcmp(p->v->as, "all") == 0) {
            print(p, "all", "data", cr_buf_span(&data));
        }
        print(p, "packet", "packet", cr_buf_span(&packet));
    }
    if (status == CR_OK && security->fields.dialect == OTA_SMS) {
        struct sms_cut cut = {.packet = SMS_IEI_COMMAND_PACKET,
                              .wide = p->v->wide,
                              .reference = (uint16_t)p->v->reference,
                              .max_segments = (unsigned)p->v->max_segments};
        if (p->v->submit.place) {
            status = cli_ota_submit_new(p->cli, &p->v->submit, p->v->from, &p->submit, err);
        }
        if (status == CR_OK) {
            status = sms_segment(&cut, cr_buf_span(&packet), emit, p, err);
        }
        if (p->submit) {
            bool good = status == CR_OK;
            struct cr_err other;
            cr_status end = cli_ota_submit_end(p->submit, good, good ? err : &other);
            status = good ? end : status;
        }
    }
    cr_buf_free(&data);
    cr_buf_free(&packet);
    return status;
}

static int pack_run(struct cli *cli, const void *values)
{
    struct pack p = {.cli = cli, .v = values};
    struct cli_ota_security security;
    struct cr_err err;
    if (p.v->submit.place && (!p.v->submit.to || !p.v->submit.esme)) {
        return cli_usage(cli, "--submit needs --to and --esme");
    }
    if (cli_ota_security_of(&p.v->security, &security, &err) != CR_OK ||
        read_options(&p, &err) != CR_OK) {
        cr_wipe(&security, sizeof security);
        return cli_fail_usage(cli, &err);
    }
    if (security.fields.dialect == OTA_BIP &&
        (strcmp(p.v->as, "tpdu") == 0 || strcmp(p.v->as, "envelope") == 0)) {
        cr_wipe(&security, sizeof security);
        return cli_usage(cli, "packets of the BIP dialect go into no short message");
    }
    if (security.fields.dialect == OTA_BIP && p.v->submit.place) {
        cr_wipe(&security, sizeof security);
        return cli_usage(cli, "packets of the BIP dialect go to no service centre");
    }
    cr_status status = pack(&p, &security, &err);
    cr_wipe(&security, sizeof security);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct pack_values, member)

static const struct cli_option arguments[] = {
    {.name = "APDU",
     .kind = CLI_LIST,
     .help =
         "Commands of the script in hex, in their order; a whole TLV of tag 84 to 86 is SCP03t. "
         "With --format raw: the secured data itself.",
     .required = true,
     FIELD(data)},
};

static const struct cli_option options[] = {
    CLI_OTA_OPTIONS(struct pack_values, security),
    {.name = "format",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .fallback = "expanded",
     .one_of = formats,
     .help = "Form of the script (TS 102 226): expanded (AA), indefinite (AE), compact, or raw.",
     FIELD(format)},
    {.name = "chaining",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .one_of = chains,
     .help = "Script chaining: 01 first, 11 first and kept over a reset, 02 middle, 03 last.",
     FIELD(chaining)},
    {.name = "as",
     .kind = CLI_STRING,
     .metavar = "LAYER",
     .fallback = "all",
     .one_of = layers,
     .help = "What is printed: all with labels, or the hex of one layer alone, one a line.",
     FIELD(as)},
    {.name = "from",
     .kind = CLI_STRING,
     .metavar = "NUMBER",
     .fallback = "12345678",
     .help = "Sender of the short messages; with '+' an international number.",
     FIELD(from)},
    {.name = "smsc",
     .kind = CLI_STRING,
     .metavar = "NUMBER",
     .help = "Service centre, named in the ENVELOPE.",
     FIELD(smsc)},
    {.name = "time",
     .kind = CLI_STRING,
     .metavar = "TIME",
     .help = "Time stamp of the service centre, 2026-08-06T12:00:00Z; now, when not given.",
     FIELD(time)},
    {.name = "reference",
     .kind = CLI_INT,
     .metavar = "N",
     .fallback = "1",
     .min = 0,
     .max = 65535,
     .help = "Reference of the segments, when there are several.",
     FIELD(reference)},
    {.name = "wide",
     .kind = CLI_FLAG,
     .help = "Segments with a reference of 16 bits.",
     FIELD(wide)},
    {.name = "max-segments",
     .kind = CLI_INT,
     .metavar = "N",
     .fallback = "10",
     .min = 1,
     .max = SMS_SEGMENTS_MAX,
     .help = "Short messages that one packet may take.",
     FIELD(max_segments)},
    {.name = "submit",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Give the messages to this service centre (SMPP 3.4), too.",
     FIELD(submit.place)},
    {.name = "to",
     .kind = CLI_STRING,
     .metavar = "NUMBER",
     .help = "Number of the card.",
     FIELD(submit.to)},
    {.name = "esme",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "System id at the service centre.",
     FIELD(submit.esme)},
    {.name = "password",
     .kind = CLI_STRING,
     .metavar = "SECRET",
     .help = "Password there. " CLI_SECRET_HELP "from the terminal.",
     FIELD(submit.password)},
};

const struct cli_command cli_ota_pack = {
    .name = "pack",
    .summary = "APDUs to a secured packet, short messages and ENVELOPE commands",
    .description =
        "Puts commands into a script, secures it as SPI, KIc and KID say, cuts the packet into "
        "short messages and wraps each into the ENVELOPE (SMS-PP DOWNLOAD) that a phone gives to "
        "its card. Keys are needed as far as SPI asks for them. Keys on a command line can be seen "
        "by other users of the machine: use keys of test cards.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct pack_values),
    .run = pack_run,
    .examples = "# enable a profile of an M2M chip, under AES\n"
                "crisp ota pack --kic 000102030405060708090A0B0C0D0E0F"
                " --kid 101112131415161718191A1B1C1D1E1F"
                " 80E28800153A03124F10A0000005591010FFFFFFFF8900001000\n"
                "# read EF.IMSI by remote file management, 3DES, compact, PoR in the answer\n"
                "crisp ota pack --spi 1619 --kic-id 35 --kid-id 35 --tar B00011 --format compact"
                " --kic 300102030405060708090A0B0C0D0E0F --kid 301102030405060708090A0B0C0D0E0F"
                " 00A40004027FFF 00A40004026F07 00B0000009",
};
