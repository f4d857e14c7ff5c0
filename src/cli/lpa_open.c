/*
 * The ends of `crisp lpa`: a reader or a chip directory on one side, HTTPS on the other.
 */
#include "cli/lpa.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/units.h"
#include "euicc/euicc.h"
#include "net/pcsc.h"

static void trace_apdu(void *ctx, bool command, cr_span apdu)
{
    struct cli_lpa *l = ctx;
    cr_buf hex = {0};
    cr_hex_append(&hex, apdu);
    const char *text = cr_buf_cstr(&hex);
    (void)fprintf(l->trace, "%s %s\n", command ? ">" : "<", text ? text : "");
    cr_buf_free(&hex);
}

static enum es10_le le_of(const char *word)
{
    return strcmp(word, "always") == 0  ? ES10_LE_ALWAYS
           : strcmp(word, "never") == 0 ? ES10_LE_NEVER
                                        : ES10_LE_AUTO;
}

static enum es10_class class_of(const char *word)
{
    return strcmp(word, "0n") == 0   ? ES10_CLASS_STANDARD
           : strcmp(word, "8n") == 0 ? ES10_CLASS_GP
                                     : ES10_CLASS_AUTO;
}

static cr_status describe_device(struct cli_lpa *l, struct cr_err *err)
{
    const struct cli_lpa_values *v = l->v;
    lpa_device_default(&l->device);
    if (v->imei) {
        CR_TRY(lpa_device_set_imei(&l->device, cr_span_str(v->imei), err));
    }
    if (v->tac) {
        CR_TRY(lpa_device_set_tac(&l->device, cr_span_str(v->tac), err));
    }
    for (size_t i = 0; i < v->capabilities.count; i++) {
        CR_TRY(lpa_device_set_capability(&l->device, cr_span_str(v->capabilities.items[i]), err));
    }
    return CR_OK;
}

/* Addresses of servers, MatchingID: what could not be sent anywhere is not tried. */
static cr_status check_servers(struct cli_lpa *l, struct cr_err *err)
{
    const struct cli_lpa_values *v = l->v;
    const char *const addresses[] = {v->smdp, v->smds, v->address};
    char address[ES9_MAX_ADDRESS + 1];
    for (size_t i = 0; i < CR_COUNT(addresses); i++) {
        if (addresses[i] && addresses[i][0]) {
            CR_TRY(es9_address(cr_span_str(addresses[i]), address, err));
        }
    }
    if (v->matching_id) {
        CR_TRY(rsp_matching_id_check(cr_span_str(v->matching_id), err));
    }
    const char *host = NULL;
    uint16_t port = 0;
    if (v->connect && (cli_host_port(&l->cli->arena, v->connect, &host, &port, err) != CR_OK ||
                       !host || strchr(host, '/') || port == 0)) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "--connect '%.80s' is no HOST:PORT", v->connect);
        return cr_err_next(err, status, "write it as 127.0.0.1:8443 or [::1]:8443");
    }
    return CR_OK;
}

/* Values of options that are no files and no places: what is wrong with them is a wrong use. */
static cr_status read_values(struct cli_lpa *l, struct es10_options *out, struct cr_err *err)
{
    const struct cli_lpa_values *v = l->v;
    *out = (struct es10_options){.block_size = (size_t)v->block_size,
                                 .le = le_of(v->le),
                                 .get_response = class_of(v->get_response),
                                 .basic_channel = v->basic_channel,
                                 .behind_modem = v->behind_modem};
    for (size_t i = 0; i < v->isdr_aids.count && i < ES10_MAX_AIDS; i++) {
        if (!es10_aid_parse(cr_span_str(v->isdr_aids.items[i]), &out->aids[i])) {
            cr_status status = cr_fail(err, CR_MALFORMED, NULL, "--isdr-aid '%.60s' is no AID",
                                       v->isdr_aids.items[i]);
            return cr_err_next(err, status, "an AID is 5 to 16 bytes in hexadecimal");
        }
        out->aid_count = i + 1;
    }
    CR_TRY(check_servers(l, err));
    return describe_device(l, err);
}

static cr_status open_trace(struct cli_lpa *l, struct es10_options *out, struct cr_err *err)
{
    const struct cli_lpa_values *v = l->v;
    if (v->trace) {
        l->trace = fopen(v->trace, "w");
        if (!l->trace) {
            return cr_file_fail(err, "cannot write", v->trace);
        }
        out->trace = trace_apdu;
        out->trace_ctx = l;
    }
    return CR_OK;
}

static cr_status open_card(struct cli_lpa *l, struct es10_options *options, struct cr_err *err)
{
    CR_TRY(open_trace(l, options, err));
    l->lpa.where.stage = LPA_STAGE_OPEN;
    if (l->v->chip) {
        struct euicc *euicc = NULL;
        CR_TRY(euicc_open_dir(l->v->chip, l->cli->env, &euicc, err));
        euicc_card(euicc, &l->card);
    } else {
        CR_TRY(pcsc_open(l->v->reader, &l->card, err));
    }
    l->card_open = true;
    return es10_open(&l->card, options, &l->lpa.where, &l->lpa.card, err);
}

static cr_status open_servers(struct cli_lpa *l, struct cr_err *err)
{
    const struct cli_lpa_values *v = l->v;
    l->fetch = (struct lpa_fetch_progress){
        .lpa = &l->lpa, .ctx = l, .progress = cli_lpa_progress, .stop = &cli_stop};
    struct es9_http_options options = {.ca_file = v->ca,
                                       .system_store = v->system_ca || !v->ca,
                                       .crl_files = v->crls.items,
                                       .crl_count = v->crls.count,
                                       .connect_to = v->connect,
                                       .timeout_seconds = (unsigned)v->timeout,
                                       .progress = lpa_fetch_progress,
                                       .progress_ctx = &l->fetch,
                                       .env = l->cli->env};
    CR_TRY(es9_http_new(&options, &l->http, err));
    struct lpa_transport transport = es9_http_transport(l->http);
    return es9_new(&transport, &l->lpa.where, &l->lpa.server, err);
}

bool cli_lpa_open(struct cli_lpa *l, struct cli *cli, const struct cli_lpa_values *v, bool servers,
                  int *code)
{
    *l = (struct cli_lpa){.cli = cli, .v = v, .lpa = {.env = cli->env}};
    if (v->reader && v->chip) {
        *code = cli_usage(cli, "--reader and --chip exclude each other");
        return false;
    }
    if (servers) {
        cli_catch_signals(); /* a session that is broken off is cancelled, not just left */
    }
    struct cr_err err = {0};
    struct es10_options options;
    if (read_values(l, &options, &err) != CR_OK) {
        *code = cli_fail_usage(cli, &err);
        return false;
    }
    cr_status status = CR_OK;
    if (v->confirmation_code && strcmp(v->confirmation_code, "-") != 0) {
        status = cli_secret(cli, "--confirmation-code", v->confirmation_code, &l->confirmation_code,
                            &err);
    }
    if (status == CR_OK && servers) {
        status = open_servers(l, &err);
    }
    if (status == CR_OK) {
        status = open_card(l, &options, &err);
    }
    if (status != CR_OK) {
        *code = cli_lpa_fail(l, &err);
        cli_lpa_close(l);
        return false;
    }
    return true;
}

void cli_lpa_close(struct cli_lpa *l)
{
    es10_free(l->lpa.card);
    if (l->card_open) {
        l->card.close(l->card.ctx);
    }
    es9_free(l->lpa.server);
    es9_http_free(l->http);
    if (l->trace) {
        bool failed = ferror(l->trace) != 0;
        if (fclose(l->trace) != 0 || failed) {
            (void)fprintf(l->cli->err, "%s: %s is not complete: it could not be written\n",
                          l->cli->path, l->v->trace);
        }
    }
    if (l->confirmation_code) {
        cr_wipe(l->confirmation_code, strlen(l->confirmation_code));
    }
    *l = (struct cli_lpa){0};
}

enum lpa_notify cli_lpa_notify(const struct cli_lpa_values *v)
{
    if (v->no_notifications || (v->notifications && strcmp(v->notifications, "none") == 0)) {
        return LPA_NOTIFY_NONE;
    }
    return v->notifications && strcmp(v->notifications, "all") == 0 ? LPA_NOTIFY_ALL
                                                                    : LPA_NOTIFY_OPERATION;
}
