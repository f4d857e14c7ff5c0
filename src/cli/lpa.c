/*
 * crisp lpa: the local profile assistant.
 */
#include "cli/lpa.h"

#include "base/text.h"
#include "lpa/events.h"

#include <stdlib.h>

#define V(member) offsetof(struct cli_lpa_values, member)

/* ---- options that several commands have ---- */

static const char *const le_words[] = {"auto", "always", "never", NULL};
static const char *const class_words[] = {"auto", "0n", "8n", NULL};
static const char *const refresh_words[] = {"auto", "yes", "no", NULL};
static const char *const notify_words[] = {"operation", "none", "all", NULL};

#define CARD_OPTIONS                                                                               \
    {.name = "reader",                                                                             \
     .letter = 'r',                                                                                \
     .kind = CLI_STRING,                                                                           \
     .metavar = "NAME",                                                                            \
     .help = "PC/SC reader: its name, the beginning of it, or its number; without it the first "   \
             "with a card.",                                                                       \
     .offset = V(reader)},                                                                         \
        {.name = "chip",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "DIR",                                                                         \
         .help = "Directory of a virtual eUICC (crisp euicc create), used without a reader.",      \
         .offset = V(chip)},                                                                       \
        {.name = "isdr-aid",                                                                       \
         .kind = CLI_LIST,                                                                         \
         .metavar = "HEX",                                                                         \
         .help = "AID of the ISD-R; several are tried in their order. Without it the standard's "  \
                 "and those of known removable cards are tried.",                                  \
         .offset = V(isdr_aids)},                                                                  \
        {.name = "block-size",                                                                     \
         .kind = CLI_INT,                                                                          \
         .metavar = "BYTES",                                                                       \
         .help = "Data bytes of one STORE DATA; some modems need 120.",                            \
         .fallback = "255",                                                                        \
         .offset = V(block_size),                                                                  \
         .min = 1,                                                                                 \
         .max = ES10_MAX_BLOCK},                                                                   \
        {.name = "le",                                                                             \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HABIT",                                                                       \
         .help = "Le byte behind commands with data: auto finds out at SELECT.",                   \
         .fallback = "auto",                                                                       \
         .offset = V(le),                                                                          \
         .one_of = le_words},                                                                      \
        {.name = "get-response",                                                                   \
         .kind = CLI_STRING,                                                                       \
         .metavar = "CLASS",                                                                       \
         .help = "Class byte of GET RESPONSE on channel n.",                                       \
         .fallback = "auto",                                                                       \
         .offset = V(get_response),                                                                \
         .one_of = class_words},                                                                   \
        {.name = "basic-channel",                                                                  \
         .kind = CLI_FLAG,                                                                         \
         .help = "Select the ISD-R on the basic channel instead of a logical one.",                \
         .offset = V(basic_channel)},                                                              \
        {.name = "behind-modem",                                                                   \
         .kind = CLI_FLAG,                                                                         \
         .help = "A modem owns the card: leave proactive commands, resets and the announcement "   \
                 "of the device to it.",                                                           \
         .offset = V(behind_modem)},                                                               \
        {.name = "trace",                                                                          \
         .kind = CLI_STRING,                                                                       \
         .metavar = "FILE",                                                                        \
         .help = "Write every APDU to this file, one a line, > to the card and < from it.",        \
         .offset = V(trace)},                                                                      \
    {                                                                                              \
        .name = "json", .kind = CLI_FLAG,                                                          \
        .help = "Print JSON lines (docs/lpa-json.md) instead of text.", .offset = V(json)          \
    }

#define SERVER_OPTIONS                                                                             \
    {.name = "ca",                                                                                 \
     .kind = CLI_STRING,                                                                           \
     .metavar = "FILE",                                                                            \
     .help = "CI certificates to trust for TLS, PEM (one or several) or DER; then the system's "   \
             "CAs are only trusted with --system-ca.",                                             \
     .offset = V(ca)},                                                                             \
        {.name = "system-ca",                                                                      \
         .kind = CLI_FLAG,                                                                         \
         .help = "Trust the system's CAs for TLS (the default without --ca).",                     \
         .offset = V(system_ca)},                                                                  \
        {.name = "crl",                                                                            \
         .kind = CLI_LIST,                                                                         \
         .metavar = "FILE",                                                                        \
         .help = "CRL (DER or PEM) that the certificates of servers are held against; what it "    \
                 "revokes is refused. Several may be given.",                                      \
         .offset = V(crls)},                                                                       \
        {.name = "connect",                                                                        \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HOST:PORT",                                                                   \
         .help = "Connect there instead of where DNS says; names are still verified against the "  \
                 "address of the server.",                                                         \
         .offset = V(connect)},                                                                    \
    {                                                                                              \
        .name = "timeout", .kind = CLI_INT, .metavar = "SECONDS",                                  \
        .help = "Longest time of one server function.", .fallback = "60", .offset = V(timeout),    \
        .min = 1, .max = 3600                                                                      \
    }

#define DEVICE_OPTIONS                                                                             \
    {.name = "imei",                                                                               \
     .kind = CLI_STRING,                                                                           \
     .metavar = "DIGITS",                                                                          \
     .help = "IMEI that servers are told (14 to 16 digits); the TAC is taken from it.",            \
     .offset = V(imei)},                                                                           \
        {.name = "tac",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "DIGITS",                                                                      \
         .help = "TAC that servers are told (8 digits); without it " LPA_DEFAULT_TAC ".",          \
         .offset = V(tac)},                                                                        \
    {                                                                                              \
        .name = "capability", .kind = CLI_LIST, .metavar = "NAME=RELEASE",                         \
        .help = "Device capability that servers are told (eutran=15, nr-5gc=no, none); without "   \
                "it GSM to 5G of release 15.",                                                     \
        .offset = V(capabilities)                                                                  \
    }

#define NOTIFY_OPTIONS                                                                             \
    {.name = "notifications",                                                                      \
     .kind = CLI_STRING,                                                                           \
     .metavar = "WHICH",                                                                           \
     .help = "Notifications sent afterwards: those of this operation (and older ones to the same " \
             "addresses, which go first), none, or all that are pending.",                         \
     .fallback = "operation",                                                                      \
     .offset = V(notifications),                                                                   \
     .one_of = notify_words},                                                                      \
    {                                                                                              \
        .name = "no-notifications", .kind = CLI_FLAG,                                              \
        .help = "Send none; `crisp lpa notification send` does it later.",                         \
        .offset = V(no_notifications)                                                              \
    }

#define YES_OPTION(text)                                                                           \
    {                                                                                              \
        .name = "yes", .letter = 'y', .kind = CLI_FLAG, .help = text, .offset = V(yes)             \
    }

/* What a download takes, however its order was found. */
#define DOWNLOAD_OPTIONS(enable_text)                                                              \
    {.name = "confirmation-code",                                                                  \
     .kind = CLI_STRING,                                                                           \
     .metavar = "TEXT",                                                                            \
     .help = "Confirmation code; without it you are asked when one is needed. " CLI_SECRET_HELP    \
             "asks as if it were not given.",                                                      \
     .offset = V(confirmation_code)},                                                              \
        YES_OPTION("Install without asking."),                                                     \
        {.name = "enable", .kind = CLI_FLAG, .help = (enable_text), .offset = V(enable)},          \
        NOTIFY_OPTIONS, SERVER_OPTIONS, DEVICE_OPTIONS, CARD_OPTIONS

#define REFRESH_OPTION                                                                             \
    {                                                                                              \
        .name = "refresh", .kind = CLI_STRING, .metavar = "FLAG",                                  \
        .help = "refreshFlag of the command; auto: set, and not set where the card refuses that.", \
        .fallback = "auto", .offset = V(refresh), .one_of = refresh_words                          \
    }

#define PROFILE_ARGUMENT                                                                           \
    {                                                                                              \
        .name = "PROFILE", .kind = CLI_STRING,                                                     \
        .help = "ICCID (18 to 20 digits), ISD-P AID (hexadecimal) or nickname.",                   \
        .offset = V(profile), .required = true                                                     \
    }

#define LEAF(variable, word, text, runner)                                                         \
    static const struct cli_command variable = {.name = word,                                      \
                                                .summary = text,                                   \
                                                .options = variable##_options,                     \
                                                .option_count = CR_COUNT(variable##_options),      \
                                                .values_size = sizeof(struct cli_lpa_values),      \
                                                .run = runner}

/* ---- info, list ---- */

static int run_info(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, false, &code)) {
        return code;
    }
    struct lpa_info info;
    struct cr_err err = {0};
    if (lpa_info(&l.lpa, &cli->arena, &info, &err) != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else if (l.v->json) {
        cr_buf line = {0};
        lpa_event_info(&line, &info);
        cli_lpa_line(&l, &line);
    } else {
        cli_lpa_print_info(&l, &info);
    }
    cli_lpa_close(&l);
    return code;
}

static void show_profiles(struct cli_lpa *l, const rsp_profile_info_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (l->v->json) {
            cr_buf line = {0};
            lpa_event_profile(&line, &list->items[i]);
            cli_lpa_line(l, &line);
        } else {
            cli_lpa_print_profile(l, &list->items[i]);
        }
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "list", (int64_t)list->count);
        cli_lpa_line(l, &line);
    } else if (list->count == 0) {
        (void)fprintf(l->cli->out, "There are no profiles on this eUICC.\n");
    }
}

static int run_list(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, false, &code)) {
        return code;
    }
    rsp_profile_info_list list = {0};
    struct cr_err err = {0};
    if (lpa_profile_list(&l.lpa, &cli->arena, &list, &err) != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else {
        show_profiles(&l, &list);
    }
    cli_lpa_close(&l);
    return code;
}

/* ---- enable, disable, delete, nickname, memory-reset ---- */

typedef cr_status change_fn(struct lpa *lpa, cr_span profile,
                            const struct lpa_change_options *options, cr_arena *arena,
                            struct lpa_change *out, struct cr_err *err);

static struct lpa_change_options change_options(struct cli_lpa *l)
{
    struct lpa_change_options options = {
        .notify = cli_lpa_notify(l->v), .report = cli_lpa_sent, .ctx = l};
    if (l->v->refresh && strcmp(l->v->refresh, "auto") != 0) {
        options.refresh = strcmp(l->v->refresh, "yes") == 0 ? LPA_REFRESH_YES : LPA_REFRESH_NO;
    }
    return options;
}

static int report_change(struct cli_lpa *l, cr_status status, const char *command, const char *done,
                         const struct lpa_change *change, const struct cr_err *err)
{
    if (status != CR_OK) {
        return cli_lpa_fail(l, err);
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_change(&line, command, change);
        cli_lpa_line(l, &line);
    } else {
        (void)fprintf(l->cli->out, "%s is %s%s.\n", cli_lpa_iccid(l, change->profile.iccid),
                      change->already ? "already " : "", done);
    }
    cli_lpa_print_send(l, &change->send);
    return CLI_OK;
}

static bool open_for_change(struct cli_lpa *l, struct cli *cli, const struct cli_lpa_values *v,
                            int *code)
{
    return cli_lpa_open(l, cli, v, cli_lpa_notify(v) != LPA_NOTIFY_NONE, code);
}

static int change_profile(struct cli_lpa *l, change_fn *fn, const char *command, const char *done)
{
    struct lpa_change_options options = change_options(l);
    struct lpa_change change = {0};
    struct cr_err err = {0};
    cr_status status =
        fn(&l->lpa, cr_span_str(l->v->profile), &options, &l->cli->arena, &change, &err);
    return report_change(l, status, command, done, &change, &err);
}

static int run_change(struct cli *cli, const void *values, change_fn *fn, const char *command,
                      const char *done)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (open_for_change(&l, cli, values, &code)) {
        code = change_profile(&l, fn, command, done);
        cli_lpa_close(&l);
    }
    return code;
}

static int run_enable(struct cli *cli, const void *values)
{
    return run_change(cli, values, lpa_profile_enable, "enable", "enabled");
}

static int run_disable(struct cli *cli, const void *values)
{
    return run_change(cli, values, lpa_profile_disable, "disable", "disabled");
}

static int declined(struct cli *cli)
{
    (void)fprintf(cli->err, "%s: nothing was changed (--yes answers the question)\n", cli->path);
    return CLI_NEGATIVE;
}

/* The question names the profile; one that is not there, or is enabled, is refused unasked. */
static int ask_delete(struct cli_lpa *l)
{
    rsp_profile_info_list list = {0};
    const struct rsp_profile_info *profile = NULL;
    struct cr_err err = {0};
    if (lpa_profile_list(&l->lpa, &l->cli->arena, &list, &err) != CR_OK) {
        return cli_lpa_fail(l, &err);
    }
    l->lpa.where.function = NULL; /* it did not fail */
    if (lpa_profile_find(&list, cr_span_str(l->v->profile), &profile, &err) != CR_OK) {
        return cli_lpa_fail(l, &err);
    }
    if (lpa_profile_enabled(profile)) {
        return CLI_OK;
    }
    char question[320];
    (void)snprintf(question, sizeof(question),
                   "Delete the profile %s (%.64s / %.128s)? Most operators do not let it be "
                   "installed a second time.",
                   cli_lpa_iccid(l, profile->iccid),
                   cli_lpa_clean(l, profile->service_provider_name),
                   cli_lpa_clean(l, profile->profile_name));
    return cli_confirm(l->cli, question) ? CLI_OK : declined(l->cli);
}

static int run_delete(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!open_for_change(&l, cli, values, &code)) {
        return code;
    }
    code = l.v->yes ? CLI_OK : ask_delete(&l);
    if (code == CLI_OK) {
        code = change_profile(&l, lpa_profile_delete, "delete", "deleted");
    }
    cli_lpa_close(&l);
    return code;
}

static int run_nickname(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    const struct cli_lpa_values *v = values;
    if (!cli_lpa_open(&l, cli, v, false, &code)) {
        return code;
    }
    struct lpa_change change = {0};
    struct cr_err err = {0};
    cr_span nickname = cr_span_str(v->nickname ? v->nickname : "");
    cr_status status =
        lpa_profile_nickname(&l.lpa, cr_span_str(v->profile), nickname, &cli->arena, &change, &err);
    code = report_change(&l, status, "nickname", nickname.n ? "renamed" : "without a nickname now",
                         &change, &err);
    cli_lpa_close(&l);
    return code;
}

static uint64_t reset_bits(const struct cli_lpa_values *v)
{
    uint64_t bits = (v->operational ? (uint64_t)RSP_RESET_DELETE_OPERATIONAL_PROFILES : 0) |
                    (v->test_profiles ? (uint64_t)RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES : 0) |
                    (v->default_smdp ? (uint64_t)RSP_RESET_DEFAULT_SMDP_ADDRESS : 0) |
                    (v->provisioning ? (uint64_t)RSP_RESET_DELETE_PROVISIONING_PROFILES : 0);
    return bits ? bits
                : RSP_RESET_DELETE_OPERATIONAL_PROFILES |
                      RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES | RSP_RESET_DEFAULT_SMDP_ADDRESS;
}

static int run_memory_reset(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    const struct cli_lpa_values *v = values;
    if (!v->yes && !cli_confirm(cli, "Delete the profiles of this eUICC? This cannot be undone.")) {
        return declined(cli);
    }
    if (!open_for_change(&l, cli, v, &code)) {
        return code;
    }
    struct lpa_change_options options = change_options(&l);
    struct lpa_change change = {0};
    struct cr_err err = {0};
    if (lpa_memory_reset(&l.lpa, reset_bits(v), &options, &cli->arena, &change, &err) != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else if (v->json) {
        cr_buf line = {0};
        lpa_event_change(&line, "memory-reset", &change);
        cli_lpa_line(&l, &line);
    } else {
        (void)fprintf(cli->out, "%s\n",
                      change.already ? "There was nothing to delete." : "The eUICC is reset.");
    }
    cli_lpa_print_send(&l, &change.send);
    cli_lpa_close(&l);
    return code;
}

/* ---- notifications ---- */

static void show_notifications(struct cli_lpa *l, const struct lpa_notification_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (l->v->json) {
            cr_buf line = {0};
            lpa_event_notification(&line, &list->items[i], NULL, NULL);
            cli_lpa_line(l, &line);
        } else {
            cli_lpa_print_notification(l, &list->items[i]);
        }
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "notification list", (int64_t)list->count);
        cli_lpa_line(l, &line);
    } else if (list->count == 0) {
        (void)fprintf(l->cli->out, "No notification is pending.\n");
    }
}

static int run_notification_list(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, false, &code)) {
        return code;
    }
    struct lpa_notification_list list = {0};
    struct cr_err err = {0};
    l.lpa.where.stage = LPA_STAGE_NOTIFY;
    if (lpa_notification_list(&l.lpa, &cli->arena, &list, &err) != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else {
        show_notifications(&l, &list);
    }
    cli_lpa_close(&l);
    return code;
}

/* Sequence numbers of the command line, in the arena; CLI_OK or the exit code. */
static int read_numbers(struct cli *cli, const struct cli_lpa_values *v, const int64_t **numbers)
{
    int64_t *out = cr_arena_alloc_array(&cli->arena, v->numbers.count + 1, sizeof(*out));
    if (!out) {
        return cli_fail_memory(cli);
    }
    for (size_t i = 0; i < v->numbers.count; i++) {
        cr_span text = cr_span_str(v->numbers.items[i]);
        if (!cr_is_digits(text) || text.n > 15) {
            return cli_usage(cli, "'%s' is no sequence number", v->numbers.items[i]);
        }
        out[i] = strtoll(v->numbers.items[i], NULL, 10);
    }
    *numbers = out;
    return CLI_OK;
}

static int report_sent(struct cli_lpa *l, const struct lpa_send_result *result)
{
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "notification send", (int64_t)result->sent);
        cli_lpa_line(l, &line);
    } else if (result->sent + result->failed + result->waiting == 0) {
        (void)fprintf(l->cli->out, "No notification is pending.\n");
    }
    cli_lpa_print_send(l, result);
    return result->failed || result->waiting ? CLI_FAILED : CLI_OK;
}

static int run_notification_send(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    const struct cli_lpa_values *v = values;
    const int64_t *numbers = NULL;
    int code = read_numbers(cli, v, &numbers);
    if (code == CLI_OK && v->all == (v->numbers.count > 0)) {
        code = cli_usage(cli, "give sequence numbers or --all");
    }
    if (code != CLI_OK || !cli_lpa_open(&l, cli, v, true, &code)) {
        return code;
    }
    struct lpa_send_options options = {.seq_numbers = numbers,
                                       .seq_count = v->numbers.count,
                                       .all = v->all,
                                       .keep = v->keep,
                                       .report = cli_lpa_sent,
                                       .ctx = &l};
    struct lpa_send_result result;
    struct cr_err err = {0};
    code = lpa_notification_send(&l.lpa, &options, &result, &err) == CR_OK
               ? report_sent(&l, &result)
               : cli_lpa_fail(&l, &err);
    cli_lpa_close(&l);
    return code;
}

static int run_notification_remove(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    const struct cli_lpa_values *v = values;
    const int64_t *numbers = NULL;
    int code = read_numbers(cli, v, &numbers);
    if (code != CLI_OK || !cli_lpa_open(&l, cli, v, false, &code)) {
        return code;
    }
    struct cr_err err = {0};
    int64_t removed = 0;
    for (size_t i = 0; i < v->numbers.count; i++) {
        if (lpa_notification_remove(&l.lpa, numbers[i], v->force, &err) == CR_OK) {
            removed++;
        } else {
            code = cli_lpa_fail(&l, &err);
        }
    }
    if (v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "notification remove", removed);
        cli_lpa_line(&l, &line);
    } else if (removed > 0) {
        (void)fprintf(cli->out, "%lld removed.\n", (long long)removed);
    }
    cli_lpa_close(&l);
    return code;
}

/* ---- default SM-DP+ ---- */

static int run_default_get(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, false, &code)) {
        return code;
    }
    struct rsp_euicc_configured_data data = {0};
    struct cr_err err = {0};
    l.lpa.where.stage = LPA_STAGE_MANAGE;
    if (es10a_get_configured_data(l.lpa.card, &cli->arena, &data, &err) != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else if (l.v->json) {
        cr_buf line = {0};
        lpa_event_default_smdp(&line, data.default_dp_address, data.root_ds_address);
        cli_lpa_line(&l, &line);
    } else {
        (void)fprintf(cli->out, "%s\n",
                      data.default_dp_address.n ? cli_lpa_clean(&l, data.default_dp_address)
                                                : "There is no default SM-DP+.");
    }
    cli_lpa_close(&l);
    return code;
}

static int run_default_set(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    int code = CLI_OK;
    const struct cli_lpa_values *v = values;
    if (!cli_lpa_open(&l, cli, v, false, &code)) {
        return code;
    }
    struct cr_err err = {0};
    char address[ES9_MAX_ADDRESS + 1] = "";
    l.lpa.where = (struct lpa_where){.stage = LPA_STAGE_MANAGE};
    cr_status status = v->address[0] ? es9_address(cr_span_str(v->address), address, &err) : CR_OK;
    if (status == CR_OK) {
        status = es10a_set_default_dp_address(l.lpa.card, cr_span_str(address), &err);
    }
    if (status != CR_OK) {
        code = cli_lpa_fail(&l, &err);
    } else if (v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "default-smdp set", -1);
        cli_lpa_line(&l, &line);
    } else if (address[0]) {
        (void)fprintf(cli->out, "The default SM-DP+ is %s.\n", address);
    } else {
        (void)fprintf(cli->out, "There is no default SM-DP+ any more.\n");
    }
    cli_lpa_close(&l);
    return code;
}

/* ---- tables ---- */

static const struct cli_option cmd_info_options[] = {CARD_OPTIONS};
LEAF(cmd_info, "info", "show EID, versions, memory, CIs and addresses of an eUICC", run_info);

static const struct cli_option cmd_list_options[] = {CARD_OPTIONS};
LEAF(cmd_list, "list", "list the profiles of an eUICC", run_list);

static const struct cli_option cmd_download_options[] = {
    {.name = "qr",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Read the activation code from the QR code in this picture (PNG or JPEG).",
     .offset = V(qr)},
    {.name = "smdp",
     .kind = CLI_STRING,
     .metavar = "ADDRESS",
     .help = "Address of the SM-DP+, instead of an activation code.",
     .offset = V(smdp)},
    {.name = "matching-id",
     .kind = CLI_STRING,
     .metavar = "TEXT",
     .help = "MatchingID, with --smdp; without it the server gives what waits for this EID.",
     .offset = V(matching_id)},
    DOWNLOAD_OPTIONS("Enable the profile when it is installed."),
};
static const struct cli_option cmd_download_arguments[] = {
    {.name = "CODE",
     .kind = CLI_STRING,
     .help = "Activation code, with or without LPA: (quote it: it has $ signs).",
     .offset = V(code)},
};
static const struct cli_command cmd_download = {
    .name = "download",
    .summary = "download and install a profile",
    .description =
        "Downloads and installs the profile of an activation code. What the server offers is shown "
        "and consent asked before anything is bound to the eUICC; a confirmation code is asked for "
        "after that.\n\n"
        "Saying no gives the order up at the server. Enter alone, an interruption and technical "
        "trouble leave it usable: the same code works again.",
    .options = cmd_download_options,
    .option_count = CR_COUNT(cmd_download_options),
    .arguments = cmd_download_arguments,
    .argument_count = CR_COUNT(cmd_download_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = cli_lpa_run_download,
    .examples = "# from the code under a QR picture\n"
                "crisp lpa download 'LPA:1$smdp.example.com$04386-AGYFT-A74Y8-3F815'\n"
                "# from the picture, into a virtual chip, from a server of your own\n"
                "crisp lpa download --qr order.png --chip chip --ca pki/ci.pem --connect "
                "127.0.0.1:8443 --yes --enable",
};

static const struct cli_option cmd_enable_options[] = {REFRESH_OPTION, NOTIFY_OPTIONS,
                                                       SERVER_OPTIONS, CARD_OPTIONS};
static const struct cli_option profile_arguments[] = {PROFILE_ARGUMENT};
static const struct cli_command cmd_enable = {
    .name = "enable",
    .summary = "enable a profile (the enabled one is disabled)",
    .options = cmd_enable_options,
    .option_count = CR_COUNT(cmd_enable_options),
    .arguments = profile_arguments,
    .argument_count = CR_COUNT(profile_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_enable,
};
static const struct cli_command cmd_disable = {
    .name = "disable",
    .summary = "disable a profile",
    .options = cmd_enable_options,
    .option_count = CR_COUNT(cmd_enable_options),
    .arguments = profile_arguments,
    .argument_count = CR_COUNT(profile_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_disable,
};

static const struct cli_option cmd_delete_options[] = {
    YES_OPTION("Delete without asking."), NOTIFY_OPTIONS, SERVER_OPTIONS, CARD_OPTIONS};
static const struct cli_command cmd_delete = {
    .name = "delete",
    .summary = "delete a disabled profile",
    .options = cmd_delete_options,
    .option_count = CR_COUNT(cmd_delete_options),
    .arguments = profile_arguments,
    .argument_count = CR_COUNT(profile_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_delete,
};

static const struct cli_option cmd_nickname_options[] = {CARD_OPTIONS};
static const struct cli_option cmd_nickname_arguments[] = {
    PROFILE_ARGUMENT,
    {.name = "NICKNAME",
     .kind = CLI_STRING,
     .help = "The new nickname, at most 64 bytes of UTF-8; without it, or when it is empty (\"\"), "
             "the old one is removed.",
     .offset = V(nickname),
     .empty = true},
};
static const struct cli_command cmd_nickname = {
    .name = "nickname",
    .summary = "give a profile a nickname, or take it away",
    .options = cmd_nickname_options,
    .option_count = CR_COUNT(cmd_nickname_options),
    .arguments = cmd_nickname_arguments,
    .argument_count = CR_COUNT(cmd_nickname_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_nickname,
};

static const struct cli_option cmd_reset_options[] = {
    {.name = "operational",
     .kind = CLI_FLAG,
     .help = "Delete all operational profiles.",
     .offset = V(operational)},
    {.name = "test-profiles",
     .kind = CLI_FLAG,
     .help = "Delete test profiles that were loaded in the field.",
     .offset = V(test_profiles)},
    {.name = "default-smdp",
     .kind = CLI_FLAG,
     .help = "Clear the default SM-DP+ address.",
     .offset = V(default_smdp)},
    {.name = "provisioning",
     .kind = CLI_FLAG,
     .help = "Delete provisioning profiles (eUICCs of version 3 only).",
     .offset = V(provisioning)},
    YES_OPTION("Reset without asking."),
    NOTIFY_OPTIONS,
    SERVER_OPTIONS,
    CARD_OPTIONS,
};
static const struct cli_command cmd_reset = {
    .name = "memory-reset",
    .summary = "delete all profiles of an eUICC",
    .description = "Without one of --operational, --test-profiles, --default-smdp and "
                   "--provisioning the first three are meant.",
    .options = cmd_reset_options,
    .option_count = CR_COUNT(cmd_reset_options),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_memory_reset,
};

static const struct cli_option cmd_notify_list_options[] = {CARD_OPTIONS};
LEAF(cmd_notify_list, "list", "list what servers have not been told yet", run_notification_list);

static const struct cli_option cmd_notify_send_options[] = {
    {.name = "all", .kind = CLI_FLAG, .help = "Send all that are pending.", .offset = V(all)},
    {.name = "keep",
     .kind = CLI_FLAG,
     .help = "Leave them on the eUICC after they were acknowledged.",
     .offset = V(keep)},
    SERVER_OPTIONS,
    CARD_OPTIONS,
};
static const struct cli_option cmd_notify_send_arguments[] = {
    {.name = "NUMBER",
     .kind = CLI_LIST,
     .help = "Sequence number; older ones to the same address go first.",
     .offset = V(numbers)},
};
static const struct cli_command cmd_notify_send = {
    .name = "send",
    .summary = "send notifications and remove those that were acknowledged",
    .options = cmd_notify_send_options,
    .option_count = CR_COUNT(cmd_notify_send_options),
    .arguments = cmd_notify_send_arguments,
    .argument_count = CR_COUNT(cmd_notify_send_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_notification_send,
};

static const struct cli_option cmd_notify_remove_options[] = {
    {.name = "force",
     .kind = CLI_FLAG,
     .help = "Also drop an undelivered notification of a deletion: the operator will go on taking "
             "the profile for installed.",
     .offset = V(force)},
    CARD_OPTIONS,
};
static const struct cli_option cmd_notify_remove_arguments[] = {
    {.name = "NUMBER",
     .kind = CLI_LIST,
     .help = "Sequence number.",
     .offset = V(numbers),
     .required = true},
};
static const struct cli_command cmd_notify_remove = {
    .name = "remove",
    .summary = "remove notifications without sending them",
    .options = cmd_notify_remove_options,
    .option_count = CR_COUNT(cmd_notify_remove_options),
    .arguments = cmd_notify_remove_arguments,
    .argument_count = CR_COUNT(cmd_notify_remove_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_notification_remove,
};

static const struct cli_command *const notification_commands[] = {
    &cmd_notify_list, &cmd_notify_send, &cmd_notify_remove, NULL};
static const struct cli_command cmd_notification = {
    .name = "notification",
    .summary = "what servers have to be told: list, send, remove",
    .children = notification_commands,
};

static const struct cli_option cmd_default_get_options[] = {CARD_OPTIONS};
LEAF(cmd_default_get, "get", "show the default SM-DP+ address", run_default_get);

static const struct cli_option cmd_default_set_options[] = {CARD_OPTIONS};
static const struct cli_option cmd_default_set_arguments[] = {
    {.name = "ADDRESS",
     .kind = CLI_STRING,
     .help = "Host name of the SM-DP+; empty (\"\") clears.",
     .offset = V(address),
     .required = true,
     .empty = true},
};
static const struct cli_command cmd_default_set = {
    .name = "set",
    .summary = "set or clear the default SM-DP+ address",
    .options = cmd_default_set_options,
    .option_count = CR_COUNT(cmd_default_set_options),
    .arguments = cmd_default_set_arguments,
    .argument_count = CR_COUNT(cmd_default_set_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = run_default_set,
};

static const struct cli_command *const default_commands[] = {&cmd_default_get, &cmd_default_set,
                                                             NULL};
static const struct cli_command cmd_default = {
    .name = "default-smdp",
    .summary = "the SM-DP+ that is asked without an activation code: get, set",
    .children = default_commands,
};

static const struct cli_option cmd_load_crl_options[] = {CARD_OPTIONS};
static const struct cli_option cmd_load_crl_arguments[] = {
    {.name = "FILE",
     .kind = CLI_LIST,
     .help = "CRL of a CI that the eUICC trusts: DER, PEM, hex or base64; - is standard input.",
     .offset = V(crls),
     .required = true},
};
static const struct cli_command cmd_load_crl = {
    .name = "load-crl",
    .summary = "give an eUICC revocation lists",
    .description = "ES10b.LoadCRL: from then on the eUICC refuses SM-DP+ and SM-DS whose "
                   "certificates the list revokes. It checks the signature of the CI, and keeps "
                   "the newest list. What eUICCs of version 3 get from servers they do not take "
                   "from here.",
    .options = cmd_load_crl_options,
    .option_count = CR_COUNT(cmd_load_crl_options),
    .arguments = cmd_load_crl_arguments,
    .argument_count = CR_COUNT(cmd_load_crl_arguments),
    .values_size = sizeof(struct cli_lpa_values),
    .run = cli_lpa_run_load_crl,
    .examples = "# the list of a test CI\n"
                "crisp lpa load-crl pki/nist/ci.crl --chip chip",
};

static const struct cli_option cmd_discover_options[] = {
    {.name = "smds",
     .kind = CLI_STRING,
     .metavar = "ADDRESS",
     .help = "Ask this SM-DS instead of the one configured in the eUICC.",
     .offset = V(smds)},
    {.name = "download",
     .kind = CLI_FLAG,
     .help = "Download what is found, asking for each.",
     .offset = V(download)},
    DOWNLOAD_OPTIONS("Enable each profile when it is installed."),
};
LEAF(cmd_discover, "discover", "look for profiles that wait for this eUICC", cli_lpa_run_discover);

static const struct cli_command *const lpa_commands[] = {
    &cmd_info,     &cmd_list,     &cmd_download, &cmd_enable,       &cmd_disable,
    &cmd_delete,   &cmd_nickname, &cmd_reset,    &cmd_notification, &cmd_default,
    &cmd_discover, &cmd_load_crl, NULL};

const struct cli_command cli_lpa = {
    .name = "lpa",
    .summary = "the assistant: download, switch and delete profiles of an eUICC",
    .description = "Talks to an eUICC in a PC/SC reader (--reader) or to a virtual one in a "
                   "directory (--chip), and to SM-DP+ and SM-DS over HTTPS. Every server's "
                   "certificate is verified.",
    .children = lpa_commands,
};
