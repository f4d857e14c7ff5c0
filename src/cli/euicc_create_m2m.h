/*
 * crisp euicc create --m2m: the options of a machine's chip.
 */
#ifndef CRISP_CLI_EUICC_CREATE_M2M_H
#define CRISP_CLI_EUICC_CREATE_M2M_H

#include "cli/cli.h"

#include "euicc/euicc.h"

#define CLI_M2M_PROFILES 8

struct cli_m2m_values {
    bool m2m;
    struct cli_list profiles, timers;
    const char *test_profile, *emergency_profile, *smsr_number, *smsr_https, *smsr_cattp, *smsc,
        *nan, *eis;
};

struct cli_m2m_chip {
    struct euicc_m2m_options options;
    struct euicc_m2m_profile profiles[CLI_M2M_PROFILES];
};

/* Everything lives in the command's arena. CR_REFUSED: an option of a machine's chip without --m2m.
 */
cr_status cli_m2m_read(struct cli *cli, const struct cli_m2m_values *v, struct cli_m2m_chip *chip,
                       struct cr_err *err) CR_MUST_CHECK;

/* What their options stand for, in the command's arena. */
/* Where the SM-SR's HTTPS is, "192.0.2.10:8443/gsma/adminagent": the content of A5 { 84 { how to
 * connect }, 89 { 8A host, 8C path } }. */
cr_status cli_m2m_https(struct cli *cli, const char *text, cr_span *out,
                        struct cr_err *err) CR_MUST_CHECK;
/* A0 with the service centre, A1 and A2 with the access point; each may be NULL. */
cr_status cli_m2m_connectivity(struct cli *cli, const char *smsc_number, const char *access_point,
                               cr_span *out, struct cr_err *err) CR_MUST_CHECK;

/* Writes the EIS of the chip in dir to a file that is there for its owner only. */
cr_status cli_m2m_write_eis(struct cli *cli, const char *dir, const char *path,
                            struct cr_err *err) CR_MUST_CHECK;

#endif
