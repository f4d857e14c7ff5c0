/*
 * What the files of `crisp lpa` share: values of the command line, the opened ends, output.
 */
#ifndef CRISP_CLI_LPA_H
#define CRISP_CLI_LPA_H

#include "cli/cli.h"

#include "lpa/discover.h"
#include "lpa/es9_http.h"
#include "lpa/info.h"
#include "lpa/profiles.h"

/* All options and arguments of all commands; each command's table names those it has. */
struct cli_lpa_values {
    /* the card */
    const char *reader, *chip, *le, *get_response, *trace;
    struct cli_list isdr_aids;
    int64_t block_size;
    bool basic_channel, behind_modem;
    /* servers */
    const char *ca, *connect;
    bool system_ca;
    int64_t timeout;
    /* the device */
    const char *imei, *tac;
    struct cli_list capabilities;
    /* behaviour */
    bool json, yes, no_notifications, enable, force, keep, all, download;
    const char *notifications, *refresh, *confirmation_code;
    /* what it is about */
    const char *code, *qr, *smdp, *matching_id, *smds;
    const char *profile, *nickname, *address;
    struct cli_list numbers;
    struct cli_list crls; /* --crl, or what load-crl loads */
    bool operational, test_profiles, default_smdp, provisioning;
};

/* A running command. */
struct cli_lpa {
    struct cli *cli;
    const struct cli_lpa_values *v;
    struct lpa lpa;
    struct lpa_device device;
    bool card_open;
    struct card card;
    struct es9_http *http;
    struct lpa_fetch_progress fetch;
    char *confirmation_code; /* given beforehand; NULL = to be asked for */
    FILE *trace;
    bool line_shown; /* a progress line stands on the terminal */
    enum lpa_stage stage_shown;
    int64_t shown_ms;
    size_t done_shown;
};

/* Opens the card (and, when servers, what is needed to reach them). On failure it has been reported
 * and *code is the exit code. */
bool cli_lpa_open(struct cli_lpa *l, struct cli *cli, const struct cli_lpa_values *v, bool servers,
                  int *code);
void cli_lpa_close(struct cli_lpa *l);

/* --no-notifications and --notifications. */
enum lpa_notify cli_lpa_notify(const struct cli_lpa_values *v);

/* ---- output: text for people, or JSON lines ---- */

/* Reports a failure with everything lpa.where knows; gives the exit code. */
int cli_lpa_fail(struct cli_lpa *l, const struct cr_err *err);
/* Prints one JSON line and frees the buffer. */
void cli_lpa_line(struct cli_lpa *l, cr_buf *line);
/* Text from outside without control characters, in the arena. */
const char *cli_lpa_clean(struct cli_lpa *l, cr_span text);
const char *cli_lpa_iccid(struct cli_lpa *l, cr_span iccid);

void cli_lpa_progress(void *ctx, const struct lpa_progress *progress);
/* Takes the progress line away before something else is printed. */
void cli_lpa_end_line(struct cli_lpa *l);
lpa_sent_fn cli_lpa_sent;

void cli_lpa_print_info(struct cli_lpa *l, const struct lpa_info *info);
void cli_lpa_print_profile(struct cli_lpa *l, const struct rsp_profile_info *profile);
void cli_lpa_print_offer(struct cli_lpa *l, const struct lpa_offer *offer);
void cli_lpa_print_notification(struct cli_lpa *l, const struct lpa_notification *notification);
/* What became of notifications, for people; nothing when all were sent. */
void cli_lpa_print_send(struct cli_lpa *l, const struct lpa_send_result *send);

/* ---- commands ---- */

int cli_lpa_run_download(struct cli *cli, const void *values);
int cli_lpa_run_discover(struct cli *cli, const void *values);
int cli_lpa_run_load_crl(struct cli *cli, const void *values);

#endif
