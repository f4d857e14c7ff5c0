/*
 * crisp ota trigger: what a triggering SMS of SCP81 says, or what a security domain keeps of it.
 */
#include "cli/ota.h"

#include "base/text.h"
#include "cli/units.h"
#include "ota/admin.h"
#include "uicc/cat.h"

#include <arpa/inet.h>

#define PATH   "/gsma/adminagent"
#define PORT   8443
#define BUFFER 0x0500 /* bytes that a BIP channel asks for */

cr_status cli_ota_place(struct cli *cli, const char *text, struct ota_admin_params *params,
                        struct cr_err *err)
{
    static const uint8_t bearer[] = {0x03};
    uint8_t address[17] = {CAT_ADDRESS_IPV4};
    const char *slash = strchr(text, '/'), *host = NULL;
    const char *copy = cr_arena_printf(&cli->arena, "%.*s",
                                       (int)(slash ? (size_t)(slash - text) : strlen(text)), text);
    uint16_t port = PORT;
    if (!copy) {
        return cr_fail_memory(err);
    }
    CR_TRY(cli_host_port(&cli->arena, copy, &host, &port, err));
    size_t size = 5;
    if (host && inet_pton(AF_INET6, host, address + 1) == 1) {
        address[0] = CAT_ADDRESS_IPV6;
        size = 17;
    } else if (!host || inet_pton(AF_INET, host, address + 1) != 1) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "'%.80s' does not begin with an IP address", text);
        return cr_err_next(err, status,
                           "a chip without DNS parameters needs one: 192.0.2.10:8443/path");
    }
    struct cat_channel channel = {.bearer = CR_SPAN_ARRAY(bearer),
                                  .buffer_size = BUFFER,
                                  .transport = CAT_TRANSPORT_TCP_CLIENT,
                                  .port = port,
                                  .address = cr_span_of(address, size)};
    cr_buf tlvs = {0};
    cat_channel_put(&tlvs, &channel);
    params->connection = cr_arena_copy(&cli->arena, cr_buf_span(&tlvs));
    cr_buf_free(&tlvs);
    params->post.present = true;
    params->post.host = cr_span_str(host);
    params->post.uri = cr_span_str(slash ? slash : PATH);
    return params->connection.p ? CR_OK : cr_fail_memory(err);
}

/* ---- the command ---- */

struct trigger_values {
    const char *place, *host, *identity, *kvn;
    int64_t retries, delay, key_id;
    bool stored;
};

static cr_status params_of(struct cli *cli, const struct trigger_values *v,
                           struct ota_admin_params *params, struct cr_err *err)
{
    if (v->place) {
        CR_TRY(cli_ota_place(cli, v->place, params, err));
    }
    if (v->host) {
        params->post.present = true;
        params->post.host = cr_span_str(v->host);
    }
    if (v->retries >= 0) {
        params->retry.present = true;
        params->retry.count = (uint16_t)v->retries;
        params->retry.seconds = (uint32_t)v->delay;
    }
    if (v->identity && !v->kvn) {
        return cr_fail(err, CR_MALFORMED, NULL, "--identity needs the key it is for: --kvn");
    }
    if (v->kvn) {
        params->security.present = true;
        params->security.key_id = (uint8_t)v->key_id;
        params->security.identity = cr_span_str(v->identity ? v->identity : "");
        if (!cr_hex_fixed(&params->security.kvn, 1, cr_span_str(v->kvn)) ||
            (params->security.kvn & 0xF0) != 0x40) {
            return cr_fail(err, CR_MALFORMED, NULL, "--kvn is 40 to 4F");
        }
    }
    return CR_OK;
}

static int trigger_run(struct cli *cli, const void *values)
{
    const struct trigger_values *v = values;
    struct ota_admin_trigger trigger = {.session = true};
    struct cr_err err;
    cr_buf out = {0};
    if (params_of(cli, v, &trigger.params, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = v->stored ? ota_admin_params_write(&out, &trigger.params, &err)
                                 : ota_admin_trigger_write(&out, &trigger, &err);
    if (status == CR_OK) {
        const char *hex = cr_hex(&cli->arena, cr_buf_span(&out));
        (void)fprintf(cli->out, "%s\n", hex ? hex : "");
    }
    cr_buf_free(&out);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

#define FIELD(member) .offset = offsetof(struct trigger_values, member)

static const struct cli_option arguments[] = {
    {.name = "PLACE",
     .kind = CLI_STRING,
     .help = "Where the server is: IP-ADDRESS[:PORT][/PATH], port 8443 and /gsma/adminagent unless "
             "given. Without it the card takes what it has stored.",
     FIELD(place)},
};

static const struct cli_option options[] = {
    {.name = "host",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Host of the HTTP requests; the address unless given.",
     FIELD(host)},
    {.name = "retries",
     .kind = CLI_INT,
     .metavar = "N",
     .fallback = "-1",
     .min = -1,
     .max = 65535,
     .help = "How often the card tries again; -1 leaves it to what it has stored.",
     FIELD(retries)},
    {.name = "delay",
     .kind = CLI_INT,
     .metavar = "SECONDS",
     .fallback = "60",
     .min = 1,
     .max = 359999,
     .help = "Before each of them.",
     FIELD(delay)},
    {.name = "kvn",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "Version of the key set, 40 to 4F; the lowest one unless given.",
     FIELD(kvn)},
    {.name = "key-id",
     .kind = CLI_INT,
     .metavar = "N",
     .fallback = "1",
     .min = 1,
     .max = 127,
     .help = "Key of that set.",
     FIELD(key_id)},
    {.name = "identity",
     .kind = CLI_STRING,
     .metavar = "TEXT",
     .help = "PSK identity that the card gives instead of EID, AID and key in hex.",
     FIELD(identity)},
    {.name = "stored",
     .kind = CLI_FLAG,
     .help = "What the card shall store instead: for DGI 0085 of STORE DATA, or "
             "sd.sessionParameters of a profile.",
     FIELD(stored)},
};

const struct cli_command cli_ota_trigger = {
    .name = "trigger",
    .summary = "what a message says that makes a card open a session",
    .description =
        "Prints the parameters of an administration session over HTTPS (SCP81, GlobalPlatform "
        "Amendment B) as hex. Secured by crisp ota pack --format raw for the TAR of a security "
        "domain they make its agent call the server: the ISD-R its SM-SR, the MNO-SD of the "
        "enabled profile its operator (ES6).",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct trigger_values),
    .run = trigger_run,
    .examples = "# the MNO-SD calls its operator\n"
                "crisp ota pack --tar B20100 --spi 1600 --format raw"
                " --kic 101112131415161718191A1B1C1D1E1F --kid 202122232425262728292A2B2C2D2E2F"
                " $(crisp ota trigger 192.0.2.10:8444/ota --retries 3)",
};
