/*
 * crisp lpa load-crl: revocation lists handed to an eUICC.
 */
#include "cli/lpa.h"

#include "cli/input.h"
#include "lpa/events.h"

static void print(struct cli_lpa *l, const char *path, const struct lpa_crl_loaded *loaded)
{
    char when[CR_TIME_TEXT];
    FILE *out = l->cli->out;
    (void)fprintf(out, "%s: %s, %zu certificate%s revoked\n", path,
                  loaded->already ? "the eUICC has this list, or a newer one, already" : "loaded",
                  loaded->crl.revoked_count, loaded->crl.revoked_count == 1 ? "" : "s");
    if (loaded->crl.next_update_ms && cr_now_ms(l->cli->env) >= loaded->crl.next_update_ms) {
        (void)fprintf(out, "  a newer list was due at %s\n",
                      cr_time_format(when, loaded->crl.next_update_ms));
    }
    for (size_t i = 0; i < loaded->missing && i < LPA_MAX_MISSING_PARTS; i++) {
        (void)fprintf(out, "  part %lld of this list is still missing\n",
                      (long long)loaded->missing_parts[i]);
    }
}

static cr_status load(struct cli_lpa *l, const char *path, struct cr_err *err)
{
    cr_span der;
    struct lpa_crl_loaded loaded;
    CR_TRY(cli_input_der(l->cli, path, &der, err));
    cr_status status = lpa_load_crl(&l->lpa, der, &l->cli->arena, &loaded, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", path);
    }
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_crl(&line, path, &loaded);
        cli_lpa_line(l, &line);
    } else {
        print(l, path, &loaded);
    }
    return CR_OK;
}

int cli_lpa_run_load_crl(struct cli *cli, const void *values)
{
    struct cli_lpa l;
    struct cr_err err = {0};
    int code = CLI_OK;
    if (!cli_lpa_open(&l, cli, values, false, &code)) {
        return code;
    }
    for (size_t i = 0; code == CLI_OK && i < l.v->crls.count; i++) {
        if (load(&l, l.v->crls.items[i], &err) != CR_OK) {
            code = cli_lpa_fail(&l, &err);
        }
    }
    if (code == CLI_OK && l.v->json) {
        cr_buf line = {0};
        lpa_event_done(&line, "load-crl", (int64_t)l.v->crls.count);
        cli_lpa_line(&l, &line);
    }
    cli_lpa_close(&l);
    return code;
}
