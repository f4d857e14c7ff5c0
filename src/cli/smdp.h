/*
 * crisp smdp: what its sub-commands share.
 */
#ifndef CRISP_CLI_SMDP_H
#define CRISP_CLI_SMDP_H

#include "cli/cli.h"
#include "cli/json_line.h"
#include "smdp/rows.h"

extern const struct cli_command cli_smdp_serve;
extern const struct cli_command cli_smdp_profile_import;
extern const struct cli_command cli_smdp_profile_list;
extern const struct cli_command cli_smdp_jobs;
extern const struct cli_command cli_smdp_connectivity;
extern const struct cli_command cli_smdp_delete_token;

#define CLI_SMDP_DIR(at)                                                                           \
    {                                                                                              \
        .name = "dir", .letter = 'd', .kind = CLI_STRING, .metavar = "DIR",                        \
        .help =                                                                                    \
            "Directory of the SM-DP: its database and sealing key; made when it is not there.",    \
        .required = true, .offset = (at)                                                           \
    }
#define CLI_SMDP_PARTIES(at)                                                                       \
    {                                                                                              \
        .name = "parties", .kind = CLI_STRING, .metavar = "FILE",                                  \
        .help = "Who this SM-DP is, and the operators and SM-SRs it talks to: a file as 'crisp "   \
                "pki m2m-parties' makes them.",                                                    \
        .required = true, .offset = (at)                                                           \
    }

/* An open SM-DP that serves nobody: for the commands beside a server. parties may be NULL. */
struct cli_smdp {
    struct m2m_parties parties;
    struct smdp *dp;
};
/* make: a directory that is not there is made, else refused. */
cr_status cli_smdp_open(struct cli *cli, const char *dir, const char *parties, bool make,
                        struct cli_smdp *out, struct cr_err *err) CR_MUST_CHECK;
void cli_smdp_close(struct cli_smdp *smdp);

/* 18 to 20 digits. */
cr_status cli_smdp_iccid(const char *text, struct cr_err *err) CR_MUST_CHECK;

#endif
