/*
 * Chips in a directory and cards in a reader, as one thing.
 */
#include "cli/euicc_card.h"

#include "euicc/euicc.h"
#include "net/pcsc.h"

cr_status cli_euicc_card_open(struct cli *cli, const char *dir, const char *reader,
                              struct card *out, struct cr_err *err)
{
    struct euicc *euicc = NULL;
    if (!dir) {
        return pcsc_open(reader && reader[0] ? reader : NULL, out, err);
    }
    CR_TRY(euicc_open_dir(dir, cli->env, &euicc, err));
    euicc_card(euicc, out);
    return CR_OK;
}
