/*
 * crisp smdpp order: what its sub-commands share.
 */
#ifndef CRISP_CLI_SMDPP_ORDER_H
#define CRISP_CLI_SMDPP_ORDER_H

#include "cli/smdpp.h"

/* What create and confirm say about the MatchingID and the confirmation code. */
struct cli_confirm_options {
    const char *matching_id, *confirmation_code, *smds;
    bool by_default, hold;
};

/* How an activation code is shown. */
struct cli_code_options {
    const char *address;
    struct cli_list qr;
    bool oid, json;
};

#define CLI_CONFIRM_ROWS(at)                                                                       \
    {.name = "matching-id",                                                                        \
     .kind = CLI_STRING,                                                                           \
     .metavar = "ID",                                                                              \
     .help = "MatchingID (0-9, A-Z and -); a random one unless given.",                            \
     .offset = (at) + offsetof(struct cli_confirm_options, matching_id)},                          \
        {.name = "default",                                                                        \
         .kind = CLI_FLAG,                                                                         \
         .help = "No MatchingID: the chip gets it when it asks its default SM-DP+. Needs an EID.", \
         .offset = (at) + offsetof(struct cli_confirm_options, by_default)},                       \
        {.name = "confirmation-code",                                                              \
         .kind = CLI_STRING,                                                                       \
         .metavar = "CODE",                                                                        \
         .help = "Code that the user has to enter. " CLI_SECRET_HELP "asks for it.",               \
         .offset = (at) + offsetof(struct cli_confirm_options, confirmation_code)},                \
        {.name = "smds",                                                                           \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HOST",                                                                        \
         .help = "SM-DS to register an event at.",                                                 \
         .offset = (at) + offsetof(struct cli_confirm_options, smds)},                             \
    {                                                                                              \
        .name = "hold", .kind = CLI_FLAG,                                                          \
        .help = "Confirm, but do not release: 'crisp smdpp order release' does that later.",       \
        .offset = (at) + offsetof(struct cli_confirm_options, hold)                                \
    }

#define CLI_CODE_ROWS(at)                                                                          \
    {.name = "address",                                                                            \
     .kind = CLI_STRING,                                                                           \
     .metavar = "HOST[:PORT]",                                                                     \
     .help = "SM-DP+ address in this activation code, instead of the public address.",             \
     .offset = (at) + offsetof(struct cli_code_options, address)},                                 \
        {.name = "with-oid",                                                                       \
         .kind = CLI_FLAG,                                                                         \
         .help = "Put the OID of the SM-DP+ into the activation code; some phones cannot read "    \
                 "that.",                                                                          \
         .offset = (at) + offsetof(struct cli_code_options, oid)},                                 \
        {.name = "qr",                                                                             \
         .kind = CLI_LIST,                                                                         \
         .metavar = "HOW",                                                                         \
         .help = "Draw the activation code: terminal, png:FILE or svg:FILE.",                      \
         .offset = (at) + offsetof(struct cli_code_options, qr)},                                  \
    {                                                                                              \
        .name = "json", .kind = CLI_FLAG, .help = "One JSON object instead of lines.",             \
        .offset = (at) + offsetof(struct cli_code_options, json)                                   \
    }

/* A command at work on an order. */
struct cli_order {
    struct cli *cli;
    struct cli_smdpp smdpp;
    struct smdpp_call call;
};

/* Opens the SM-DP+. operator_name NULL = the owner of the server. To be ended in any case. */
cr_status cli_order_open(struct cli_order *o, struct cli *cli, const struct cli_smdpp_place *place,
                         const char *operator_name, struct cr_err *err) CR_MUST_CHECK;
/* Closes, reports a failure, gives the exit code. */
int cli_order_end(struct cli_order *o, cr_status status, bool json, const struct cr_err *err);

/* Everything about the options that can be said before anything is changed. */
cr_status cli_order_check(const struct cli_confirm_options *confirm,
                          const struct cli_code_options *code, struct cr_err *err) CR_MUST_CHECK;

/* The part of it about how the activation code is shown. */
cr_status cli_order_check_code(const struct cli_code_options *code,
                               struct cr_err *err) CR_MUST_CHECK;

/* ConfirmOrder; asks for the confirmation code where the options say so. eid NULL = as ordered. */
cr_status cli_order_confirm(struct cli_order *o, const char *iccid, const char *eid,
                            const struct cli_confirm_options *c, struct cr_err *err) CR_MUST_CHECK;

/* CancelOrder; of the profile ICCID and EID are needed. */
cr_status cli_order_cancel(struct cli_order *o, const struct smdpp_profile *profile,
                           bool unavailable, struct cr_err *err) CR_MUST_CHECK;

/* Prints the order as it is now, with its activation code in all forms that were asked for. */
cr_status cli_order_show_code(struct cli_order *o, const char *iccid,
                              const struct cli_code_options *code,
                              struct cr_err *err) CR_MUST_CHECK;

#endif
