/*
 * crisp lpa download and discover: what a person is asked, and what becomes of the answer.
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/lpa.h"
#include "lpa/events.h"
#include "lpa/qr_picture.h"

#include <unistd.h>

/* ---- questions ---- */

static enum lpa_answer on_consent(void *ctx, const struct lpa_offer *offer)
{
    struct cli_lpa *l = ctx;
    cli_lpa_end_line(l);
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_metadata(&line, offer);
        cli_lpa_line(l, &line);
    } else {
        cli_lpa_print_offer(l, offer);
    }
    if (l->v->yes) {
        return LPA_ANSWER_YES;
    }
    /* "No" closes the order at the server, so it has to be said; silence leaves it open. */
    const char *answer = cli_ask(
        l->cli, "Install this profile? (y = yes, n = no and give the order up, Enter = later)",
        false);
    if (!answer) {
        return LPA_ANSWER_NONE;
    }
    cr_span said = cr_span_str(answer);
    if (cr_span_equal_nocase(said, cr_span_str("y")) ||
        cr_span_equal_nocase(said, cr_span_str("yes"))) {
        return LPA_ANSWER_YES;
    }
    if (cr_span_equal_nocase(said, cr_span_str("n")) ||
        cr_span_equal_nocase(said, cr_span_str("no"))) {
        return LPA_ANSWER_NO;
    }
    return LPA_ANSWER_LATER;
}

static bool on_code(void *ctx, const struct lpa_offer *offer, int attempt, cr_buf *code)
{
    (void)offer;
    struct cli_lpa *l = ctx;
    cli_lpa_end_line(l);
    if (attempt == 1 && l->confirmation_code) {
        cr_buf_append_str(code, l->confirmation_code);
        return true;
    }
    if (l->confirmation_code && !isatty(STDIN_FILENO)) {
        return false; /* the one given was wrong, and there is nobody to ask */
    }
    char *answer = cli_ask(
        l->cli,
        attempt == 1 ? "Confirmation code:" : "The code was refused. Confirmation code:", true);
    if (!answer || !answer[0]) {
        return false;
    }
    cr_buf_append_str(code, answer);
    cr_wipe(answer, strlen(answer));
    return true;
}

static struct lpa_download_hooks hooks_of(struct cli_lpa *l)
{
    return (struct lpa_download_hooks){.ctx = l,
                                       .progress = cli_lpa_progress,
                                       .consent = on_consent,
                                       .confirmation_code = on_code,
                                       .sent = cli_lpa_sent};
}

/* ---- what to download ---- */

static cr_status read_qr(struct cli_lpa *l, const char *path, cr_buf *text, struct cr_err *err)
{
    (void)l;
    cr_buf picture = {0};
    cr_status status = cr_file_read(path, LPA_QR_MAX_FILE, &picture, err);
    if (status == CR_OK) {
        status = lpa_qr_read(cr_buf_span(&picture), text, err);
        status = status == CR_OK ? CR_OK : cr_err_context(err, status, "%s", path);
    }
    cr_buf_free(&picture);
    return status;
}

/* The order, out of the one source that was given. CLI_OK, or the exit code after a report. */
static int read_order(struct cli_lpa *l, struct lpa_download_order *order)
{
    const struct cli_lpa_values *v = l->v;
    int sources = (v->code != NULL) + (v->qr != NULL) + (v->smdp != NULL);
    if (sources != 1) {
        return cli_usage(l->cli, sources == 0
                                     ? "give an activation code (LPA:1$...), --qr FILE or --smdp "
                                       "ADDRESS; what waits at the default SM-DP+ is fetched by "
                                       "`crisp lpa discover --download`"
                                     : "an activation code, --qr and --smdp exclude each other");
    }
    if (v->matching_id && !v->smdp) {
        return cli_usage(l->cli, "--matching-id goes with --smdp");
    }
    if (v->smdp) {
        *order = (struct lpa_download_order){.smdp_address = cr_span_str(v->smdp),
                                             .matching_id = cr_span_str(v->matching_id)};
        return CLI_OK;
    }
    struct cr_err err = {0};
    cr_buf text = {0};
    cr_status status = CR_OK;
    if (v->qr) {
        status = read_qr(l, v->qr, &text, &err);
    } else {
        cr_buf_append_str(&text, v->code);
    }
    struct rsp_activation_code code;
    if (status == CR_OK) {
        status = rsp_activation_code_parse(cr_buf_span(&text), &l->cli->arena, &code, &err);
    }
    cr_buf_free(&text);
    if (status != CR_OK) {
        int exit_code = cli_lpa_fail(l, &err);
        return v->code ? CLI_USAGE : exit_code;
    }
    *order = lpa_order_from_activation_code(&code);
    return CLI_OK;
}

/* ---- download ---- */

static int enable_now(struct cli_lpa *l, cr_span iccid)
{
    struct lpa_change_options options = {
        .notify = cli_lpa_notify(l->v), .report = cli_lpa_sent, .ctx = l};
    struct lpa_change change;
    struct cr_err err = {0};
    cr_status status = lpa_profile_enable(&l->lpa, cr_span_str(cli_lpa_iccid(l, iccid)), &options,
                                          &l->cli->arena, &change, &err);
    if (status != CR_OK) {
        (void)cr_err_context(&err, status, "the profile is installed, but enabling it failed");
        return cli_lpa_fail(l, &err);
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_change(&line, "enable", &change);
        cli_lpa_line(l, &line);
    } else {
        (void)fprintf(l->cli->out, "%s is enabled.\n", cli_lpa_iccid(l, iccid));
    }
    cli_lpa_print_send(l, &change.send);
    return CLI_OK;
}

static int report_installed(struct cli_lpa *l, const struct lpa_download_result *result)
{
    cli_lpa_end_line(l);
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_download(&line, result);
        cli_lpa_line(l, &line);
    } else {
        (void)fprintf(l->cli->out, "%s is installed%s.\n", cli_lpa_iccid(l, result->iccid),
                      l->v->enable ? "" : " and disabled; `crisp lpa enable` switches it on");
        if (result->warnings) {
            (void)fprintf(l->cli->out, "The eUICC remarks: %s\n",
                          cli_lpa_clean(l, result->sima_text));
        }
    }
    cli_lpa_print_send(l, &result->send);
    return l->v->enable ? enable_now(l, result->iccid) : CLI_OK;
}

static int after_failure(struct cli_lpa *l, const struct lpa_download_result *result,
                         const struct cr_err *err)
{
    int code = cli_lpa_fail(l, err);
    cli_lpa_print_send(l, &result->send);
    return code;
}

int cli_lpa_run_download(struct cli *cli, const void *values)
{
    struct cli_lpa l = {.cli = cli, .v = values};
    struct lpa_download_order order = {0};
    int code = read_order(&l, &order);
    if (code != CLI_OK || !cli_lpa_open(&l, cli, values, true, &code)) {
        return code;
    }
    struct lpa_download_options options = {.device = &l.device, .notify = cli_lpa_notify(values)};
    struct lpa_download_hooks hooks = hooks_of(&l);
    struct lpa_download_result result;
    struct cr_err err = {0};
    cr_status status = lpa_download(&l.lpa, &order, &options, &hooks, &cli->arena, &result, &err);
    code = status == CR_OK ? report_installed(&l, &result) : after_failure(&l, &result, &err);
    cli_lpa_close(&l);
    return code;
}

/* ---- discover ---- */

static void show_waiting(struct cli_lpa *l, const struct lpa_event *event)
{
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_waiting(&line, event);
        cli_lpa_line(l, &line);
        return;
    }
    if (event->from_default) {
        (void)fprintf(l->cli->out, "%s (default SM-DP+): a profile may wait there for this EID\n",
                      cli_lpa_clean(l, event->address));
    } else {
        (void)fprintf(l->cli->out, "%s: event %s\n", cli_lpa_clean(l, event->address),
                      cli_lpa_clean(l, event->event_id));
    }
}

/* Nothing being there for this EID is how a default SM-DP+ usually answers. */
static bool nothing_waits(const struct lpa_event *event, const struct cr_err *err)
{
    return event->from_default && err->category == CR_REFUSED &&
           (strcmp(err->subject, "8.2.6") == 0 || strcmp(err->subject, "8.1.1") == 0);
}

static int download_event(struct cli_lpa *l, const struct lpa_event *event)
{
    struct lpa_download_options options = {.device = &l->device, .notify = cli_lpa_notify(l->v)};
    struct lpa_download_hooks hooks = hooks_of(l);
    struct lpa_download_result result;
    struct cr_err err = {0};
    cr_status status =
        lpa_discover_download(&l->lpa, event, &options, &hooks, &l->cli->arena, &result, &err);
    if (status == CR_OK) {
        return report_installed(l, &result);
    }
    if (nothing_waits(event, &err)) {
        cli_lpa_end_line(l);
        if (!l->v->json) {
            (void)fprintf(l->cli->out, "%s: nothing waits there\n",
                          cli_lpa_clean(l, event->address));
        }
        return CLI_OK;
    }
    return after_failure(l, &result, &err);
}

static int discover(struct cli_lpa *l)
{
    struct lpa_event_list list = {0};
    struct cr_err err = {0};
    bool smds_failed = false;
    if (lpa_discover(&l->lpa, cr_span_str(l->v->smds), &l->device, &l->cli->arena, &list,
                     &smds_failed, &err) != CR_OK) {
        return cli_lpa_fail(l, &err);
    }
    int code = CLI_OK;
    if (smds_failed) {
        code = cli_lpa_fail(l, &err); /* and go on with the default SM-DP+ */
    }
    for (size_t i = 0; i < list.count; i++) {
        show_waiting(l, &list.items[i]);
    }
    for (size_t i = 0; i < list.count && l->v->download; i++) {
        int one = download_event(l, &list.items[i]);
        code = one != CLI_OK ? one : code;
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "discover", (int64_t)list.count);
        cli_lpa_line(l, &line);
    } else if (list.count == 0) {
        (void)fprintf(l->cli->out, "Nothing waits for this eUICC.\n");
    }
    return code;
}

int cli_lpa_run_discover(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, true, &code)) {
        return code;
    }
    code = discover(&l);
    cli_lpa_close(&l);
    return code;
}
