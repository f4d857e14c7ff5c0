/*
 * crisp smsr: the SM-SR of SGP.02.
 */
#include "cli/smsr.h"

#include "base/file.h"
#include "cli/m2m.h"

/* A directory that is mistyped must not become an SM-SR. */
static cr_status look(struct cli *cli, const char *dir, struct cr_err *err)
{
    const char *path = cr_arena_printf(&cli->arena, "%s/smsr.db", dir);
    CR_TRY(cr_dir_look(dir, err));
    return path && cr_file_exists(path)
               ? CR_OK
               : cr_fail(err, CR_RESOURCE, NULL, "%s is not the directory of an SM-SR", dir);
}

cr_status cli_smsr_open(struct cli *cli, const char *dir, const char *parties, struct cli_smsr *out,
                        struct cr_err *err)
{
    *out = (struct cli_smsr){0};
    CR_TRY(look(cli, dir, err));
    CR_TRY(cli_m2m_parties(cli, parties, SOAP_SMSR, &out->parties, err));
    const struct smsr_options options = {.dir = dir, .parties = &out->parties, .env = cli->env};
    return smsr_open(&options, &out->sr, err);
}

void cli_smsr_close(struct cli_smsr *smsr)
{
    smsr_close(smsr->sr);
    m2m_parties_free(&smsr->parties);
    *smsr = (struct cli_smsr){0};
}

static const struct cli_command *const children[] = {
    &cli_smsr_serve, &cli_smsr_eis, &cli_smsr_procedures, &cli_smsr_master_delete, NULL,
};

const struct cli_command cli_smsr = {
    .name = "smsr",
    .summary = "run an SM-SR: the server that manages chips in machines",
    .description =
        "The server that manages the chips of machines (SGP.02): ES1, ES3, ES4, ES4A and "
        "ES7 towards the parties, ES5 towards the chips over SMS and HTTPS. EIS, "
        "procedures and audit trail are in one directory. The commands beside 'serve' work while "
        "the server runs and while it does not.",
    .children = children,
};
