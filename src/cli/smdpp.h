/*
 * crisp smdpp: what its sub-commands share.
 *
 * All of them work on one directory: the database, the sealing key, and settings.json, in which
 * the identity (--pki or --config), the public address and the limits of the last server stand, so
 * that whoever orders a profile beside a running server need not repeat them.
 */
#ifndef CRISP_CLI_SMDPP_H
#define CRISP_CLI_SMDPP_H

#include "cli/cli.h"
#include "cli/json_line.h"
#include "smdpp/smdpp.h"

extern const struct cli_command cli_smdpp_serve;
extern const struct cli_command cli_smdpp_states;
extern const struct cli_command cli_smdpp_profile;
extern const struct cli_command cli_smdpp_profile_import;
extern const struct cli_command cli_smdpp_profile_list;
extern const struct cli_command cli_smdpp_profile_remove;
extern const struct cli_command cli_smdpp_order;
extern const struct cli_command cli_smdpp_order_create;
extern const struct cli_command cli_smdpp_order_confirm;
extern const struct cli_command cli_smdpp_order_release;
extern const struct cli_command cli_smdpp_order_cancel;
extern const struct cli_command cli_smdpp_order_list;
extern const struct cli_command cli_smdpp_order_show;

/* Which server. */
struct cli_smdpp_place {
    const char *dir, *pki, *config, *public_address;
};

#define CLI_SMDPP_ROWS(at)                                                                         \
    {.name = "dir",                                                                                \
     .letter = 'd',                                                                                \
     .kind = CLI_STRING,                                                                           \
     .metavar = "DIR",                                                                             \
     .help = "Directory of the SM-DP+: database and settings; made when it is not there.",         \
     .required = true,                                                                             \
     .offset = (at) + offsetof(struct cli_smdpp_place, dir)},                                      \
        {.name = "pki",                                                                            \
         .kind = CLI_STRING,                                                                       \
         .metavar = "DIR",                                                                         \
         .help = "Identity: a directory of 'crisp pki init'. Remembered in the directory of the "  \
                 "SM-DP+.",                                                                        \
         .offset = (at) + offsetof(struct cli_smdpp_place, pki)},                                  \
        {.name = "config",                                                                         \
         .kind = CLI_STRING,                                                                       \
         .metavar = "FILE",                                                                        \
         .help = "Identity: a configuration file with address, certificates and keys, instead of " \
                 "--pki. Remembered likewise.",                                                    \
         .offset = (at) + offsetof(struct cli_smdpp_place, config)},                               \
    {                                                                                              \
        .name = "public-address", .kind = CLI_STRING, .metavar = "HOST[:PORT]", .empty = true,     \
        .help =                                                                                    \
            "Where LPAs reach ES9+: what activation codes name from now on (443 is left out). "    \
            "Remembered likewise; \"\" forgets it. Without it, public-address of the "             \
            "configuration, or the host name of the identity at port 443.",                        \
        .offset = (at) + offsetof(struct cli_smdpp_place, public_address)                          \
    }

/* An open SM-DP+. */
struct cli_smdpp {
    struct smdpp_config config;
    struct smdpp_policy policy;
    struct smdpp *dp;    /* NULL after cli_smdpp_identity() */
    const char *address; /* for activation codes: host and, unless 443, port */
    bool with_oid;       /* the codes name the OID, too */
    const char *remember_pki, *remember_config, *remember_address; /* given now; NULL = not */
    bool forget_address;                                           /* "" was given */
};

/* Reads settings and identity; nothing is opened, made or remembered. */
cr_status cli_smdpp_identity(struct cli *cli, const struct cli_smdpp_place *place,
                             struct cli_smdpp *out, struct cr_err *err) CR_MUST_CHECK;
/* The same, opens the database and remembers what was given. To be closed also after a failure. */
cr_status cli_smdpp_open(struct cli *cli, const struct cli_smdpp_place *place,
                         struct cli_smdpp *out, struct cr_err *err) CR_MUST_CHECK;
void cli_smdpp_close(struct cli_smdpp *smdpp);

/* Remembers identity and public address where they were given, and (policy) how the server works.
 * To be called when everything else went well: what fails leaves nothing behind. */
cr_status cli_smdpp_remember(struct cli *cli, const char *dir, const struct cli_smdpp *smdpp,
                             bool policy, struct cr_err *err) CR_MUST_CHECK;

/* Whether an activation code can name this address. */
cr_status cli_smdpp_check_address(const char *address, struct cr_err *err) CR_MUST_CHECK;

/* 18 to 20 digits, in the form of the database; in the arena. */
cr_status cli_iccid(struct cli *cli, const char *text, const char **out,
                    struct cr_err *err) CR_MUST_CHECK;
/* 32 digits; warns on cli->err when the check digits are wrong. */
cr_status cli_eid(struct cli *cli, const char *text, const char **out,
                  struct cr_err *err) CR_MUST_CHECK;

/* ---- profiles and their orders (smdpp_view.c) ---- */

extern const char *const cli_state_words[];      /* "available" ... */
enum smdpp_state cli_state_of(const char *word); /* 0 for NULL */

/* By ICCID or MatchingID; CR_REFUSED when there is none. */
cr_status cli_smdpp_find(struct cli *cli, struct cli_smdpp *smdpp, const char *text,
                         struct smdpp_profile *out, struct cr_err *err) CR_MUST_CHECK;

/* Gives each profile to fn, read in batches so that a slow terminal does not hold the database.
 * state 0 = all. */
typedef void (*cli_profile_fn)(struct cli *cli, const struct smdpp_profile *profile, void *ctx);
cr_status cli_smdpp_each(struct cli *cli, struct cli_smdpp *smdpp, enum smdpp_state state,
                         cli_profile_fn fn, void *ctx, struct cr_err *err) CR_MUST_CHECK;

/* Activation code of an order, with or without "LPA:" and the OID; NULL (and *err filled) when it
 * has none. In the arena. */
char *cli_smdpp_activation_code(struct cli *cli, const struct cli_smdpp *smdpp,
                                const struct smdpp_profile *profile, const char *address, bool oid,
                                bool prefix, struct cr_err *err) CR_MUST_CHECK;

/* All that is known about a profile and its order: new reference; as lines on cli->out. */
json_t *cli_smdpp_profile_json(struct cli *cli, const struct cli_smdpp *smdpp,
                               const struct smdpp_profile *profile);
void cli_smdpp_profile_text(struct cli *cli, const struct cli_smdpp *smdpp,
                            const struct smdpp_profile *profile);

#endif
