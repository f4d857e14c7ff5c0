/*
 * crisp smdp: the SM-DP.
 */
#include "cli/smdp.h"

#include "base/file.h"
#include "base/text.h"

#include <string.h>

cr_status cli_smdp_open(struct cli *cli, const char *dir, const char *parties, bool make,
                        struct cli_smdp *out, struct cr_err *err)
{
    *out = (struct cli_smdp){0};
    if (!make && !cr_file_exists(dir)) {
        return cr_err_next(err, cr_fail(err, CR_RESOURCE, NULL, "there is no directory %s", dir),
                           "name the directory of the SM-DP; 'crisp smdp profile import' and "
                           "'crisp smdp serve' make one");
    }
    if (parties) {
        CR_TRY(m2m_parties_load(parties, &out->parties, err));
    }
    const struct smdp_options options = {.dir = dir, .parties = &out->parties, .env = cli->env};
    return smdp_open(&options, &out->dp, err);
}

void cli_smdp_close(struct cli_smdp *smdp)
{
    smdp_close(smdp->dp);
    m2m_parties_free(&smdp->parties);
}

cr_status cli_smdp_iccid(const char *text, struct cr_err *err)
{
    size_t n = strlen(text);
    if (n < 18 || n > SMDP_ICCID_DIGITS || !cr_is_digits(cr_span_str(text))) {
        return cr_fail(err, CR_MALFORMED, "SGP.02 2.2.1.2", "an ICCID has 18 to %d digits",
                       SMDP_ICCID_DIGITS);
    }
    return CR_OK;
}

/* ---- jobs -------------------------------------------------------------------------------------
 */

struct jobs_values {
    const char *dir;
    int64_t limit;
    bool json;
};

static const char *name_of(const struct smdp_job *j)
{
    return soap_functions[j->function - 1].name;
}

static const char *text_of(const char *text)
{
    return text && text[0] ? text : "-";
}

static cr_status add_job(const struct smdp_job *j, void *ctx, struct cr_err *err)
{
    static const char *const results[] = {NULL, "success", "warning", "failed", "expired"};
    char time[CR_TIME_TEXT];
    json_t *o = json_object();
    (void)json_object_set_new(o, "id", json_integer(j->id));
    cli_json_text(o, "function", name_of(j));
    cli_json_text(o, "step", smdp_step_name(j->step));
    cli_json_text(o, "operator", j->requester);
    cli_json_text(o, "smsr", j->smsr);
    cli_json_hex(o, "eid", j->eid);
    cli_json_text(o, "iccid", j->iccid);
    cli_json_text(o, "updated", cr_time_format(time, j->updated_ms));
    cli_json_text(o, "deadline", cr_time_format(time, j->deadline_ms));
    if (j->status > 0 && j->status < (int64_t)CR_COUNT(results)) {
        cli_json_text(o, "result", results[j->status]);
    }
    cli_json_text(o, "subject", j->subject);
    cli_json_text(o, "reason", j->reason);
    cli_json_text(o, "message", j->message);
    return o && json_array_append_new(ctx, o) == 0 ? CR_OK : cr_fail_memory(err);
}

struct listing {
    int64_t limit;
    json_t *rows;
};

static cr_status jobs_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct listing *l = ctx;
    return smdp_job_each(tx, l->limit, add_job, l->rows, err);
}

static const char *member(const json_t *row, const char *name)
{
    return text_of(json_string_value(json_object_get(row, name)));
}

static void print_jobs(struct cli *cli, const json_t *rows, bool json)
{
    size_t i;
    json_t *row;
    if (!json && json_array_size(rows) > 0) {
        (void)fprintf(cli->out, "%6s %-26s %-10s %-20s %s\n", "ID", "FUNCTION", "STEP", "ICCID",
                      "WHY");
    } else if (!json) {
        (void)fprintf(cli->out, "no jobs\n");
    }
    json_array_foreach(rows, i, row)
    {
        if (json) {
            cli_put_json(cli, json_incref(row));
            continue;
        }
        bool why = json_object_get(row, "subject") != NULL;
        (void)fprintf(cli->out, "%6lld %-26s %-10s %-20s %s%s%s %s\n",
                      (long long)json_integer_value(json_object_get(row, "id")),
                      member(row, "function"), member(row, "step"), member(row, "iccid"),
                      why ? member(row, "subject") : "", why ? "/" : "",
                      why ? member(row, "reason") : "", why ? member(row, "message") : "");
    }
}

static int jobs_run(struct cli *cli, const void *values)
{
    const struct jobs_values *v = values;
    struct cli_smdp smdp;
    struct cr_err err;
    struct listing l = {.limit = v->limit, .rows = json_array()};
    cr_status status = cli_smdp_open(cli, v->dir, NULL, false, &smdp, &err);
    if (status == CR_OK) {
        status = store_read(smdp_store(smdp.dp), jobs_work, &l, &err);
    }
    if (status == CR_OK) {
        print_jobs(cli, l.rows, v->json);
    }
    json_decref(l.rows);
    cli_smdp_close(&smdp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
}

static const struct cli_option jobs_options[] = {
    CLI_SMDP_DIR(offsetof(struct jobs_values, dir)),
    {.name = "limit",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "At most so many, the newest.",
     .fallback = "50",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct jobs_values, limit)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "A JSON object for each, one a line.",
     .offset = offsetof(struct jobs_values, json)},
};

const struct cli_command cli_smdp_jobs = {
    .name = "jobs",
    .summary = "what operators have ordered, and how far it is",
    .description =
        "Lists the newest jobs first: each function of ES2 that was taken on, the step that it is "
        "in ('crisp smdp states'), and why it failed. A job goes on after a restart of the server.",
    .options = jobs_options,
    .option_count = CR_COUNT(jobs_options),
    .values_size = sizeof(struct jobs_values),
    .run = jobs_run,
    .examples = "crisp smdp jobs --dir dp",
};

/* ---- states -----------------------------------------------------------------------------------
 */

struct states_values {
    bool jobs;
};

static int states_run(struct cli *cli, const void *values)
{
    const struct states_values *v = values;
    cr_buf diagram = {0};
    if (v->jobs) {
        smdp_step_diagram(&diagram);
    } else {
        smdp_state_diagram(&diagram);
    }
    (void)fprintf(cli->out, "%.*s", (int)diagram.n, (const char *)diagram.p);
    cr_buf_free(&diagram);
    return CLI_OK;
}

static const struct cli_option states_options[] = {
    {.name = "jobs",
     .kind = CLI_FLAG,
     .help = "The steps of a job instead of the states of a Profile.",
     .offset = offsetof(struct states_values, jobs)},
};

static const struct cli_command cli_smdp_states = {
    .name = "states",
    .summary = "print the life of a Profile or of a job as a Mermaid diagram",
    .description = "Prints the tables by which the SM-DP moves a Profile and a job.",
    .options = states_options,
    .option_count = CR_COUNT(states_options),
    .values_size = sizeof(struct states_values),
    .run = states_run,
};

/* ---- connectivity ------------------------------------------------------------------------------
 */

struct connectivity_values {
    const char *dir, *parties, *iccid, *hex;
};

static int connectivity_run(struct cli *cli, const void *values)
{
    const struct connectivity_values *v = values;
    struct cli_smdp smdp = {0};
    struct cr_err err;
    cr_buf parameters = {0};
    int64_t job = 0;
    cr_status status = cli_smdp_iccid(v->iccid, &err);
    if (status == CR_OK) {
        status = cr_hex_decode(&parameters, cr_span_str(v->hex), &err);
    }
    if (status != CR_OK) {
        cr_buf_free(&parameters);
        return cli_fail_usage(cli, &err);
    }
    status = cli_smdp_open(cli, v->dir, v->parties, false, &smdp, &err);
    if (status == CR_OK) {
        status = smdp_update_connectivity(smdp.dp, v->iccid, cr_buf_span(&parameters), &job, &err);
    }
    if (status == CR_OK) {
        (void)fprintf(cli->out, "job %lld: 'crisp smdp jobs --dir %s' tells how it goes\n",
                      (long long)job, v->dir);
    }
    cr_buf_free(&parameters);
    cli_smdp_close(&smdp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static const struct cli_option connectivity_options[] = {
    CLI_SMDP_DIR(offsetof(struct connectivity_values, dir)),
    CLI_SMDP_PARTIES(offsetof(struct connectivity_values, parties)),
};
static const struct cli_option connectivity_arguments[] = {
    {.name = "ICCID",
     .kind = CLI_STRING,
     .help = "A Profile that this SM-DP has installed.",
     .required = true,
     .offset = offsetof(struct connectivity_values, iccid)},
    {.name = "HEX",
     .kind = CLI_STRING,
     .help = "The parameters: A0 (SMS), A1 (CAT_TP) and A2 (HTTPS) as TLVs.",
     .required = true,
     .offset = offsetof(struct connectivity_values, hex)},
};

const struct cli_command cli_smdp_connectivity = {
    .name = "connectivity",
    .summary = "change the connectivity parameters of an installed Profile",
    .description =
        "Seals the parameters for the ISD-P by SCP03 and sends them through the SM-SR (ES3 "
        "UpdateConnectivityParameters, SGP.02 4.1.3.4). 'crisp smdp serve' has to run, or to be "
        "started later: it delivers the request.",
    .options = connectivity_options,
    .option_count = CR_COUNT(connectivity_options),
    .arguments = connectivity_arguments,
    .argument_count = CR_COUNT(connectivity_arguments),
    .values_size = sizeof(struct connectivity_values),
    .run = connectivity_run,
    .examples = "# the SMS centre\n"
                "crisp smdp connectivity --dir dp --parties lab/smdp.ini 8900012345000000001 "
                "A0090607912143658709F1",
};

/* ---- delete-token ------------------------------------------------------------------------------
 */

struct token_values {
    const char *dir, *parties, *eid, *iccid;
    bool consent, withdraw;
};

static int token_run(struct cli *cli, const void *values)
{
    const struct token_values *v = values;
    struct cli_smdp smdp = {0};
    struct cr_err err;
    cr_buf out = {0};
    uint8_t eid[SOAP_EID_SIZE];
    cr_status status = cli_smdp_iccid(v->iccid, &err);
    if (status == CR_OK && !cr_hex_fixed(eid, sizeof eid, cr_span_str(v->eid))) {
        status = cr_fail(&err, CR_MALFORMED, NULL, "an EID has 32 digits");
    }
    if (status == CR_OK && v->consent && v->withdraw) {
        status = cr_fail(&err, CR_MALFORMED, NULL, "--consent and --withdraw exclude each other");
    }
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    status = cli_smdp_open(cli, v->dir, v->parties, false, &smdp, &err);
    if (status == CR_OK && (v->consent || v->withdraw)) {
        status =
            smdp_consent_master_delete(smdp.dp, CR_SPAN_ARRAY(eid), v->iccid, v->consent, &err);
    } else if (status == CR_OK) {
        status = smdp_authorise_master_delete(smdp.dp, CR_SPAN_ARRAY(eid), v->iccid, &out, &err);
    }
    if (status == CR_OK && out.n) {
        char *hex = cr_hex(&cli->arena, cr_buf_span(&out));
        (void)fprintf(cli->out, "%s\n", hex ? hex : "");
    }
    cr_buf_free(&out);
    cli_smdp_close(&smdp);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static const struct cli_option token_options[] = {
    CLI_SMDP_DIR(offsetof(struct token_values, dir)),
    CLI_SMDP_PARTIES(offsetof(struct token_values, parties)),
    {.name = "consent",
     .kind = CLI_FLAG,
     .help = "Print nothing: the SM-SR of the chip may fetch one token from the running server.",
     .offset = offsetof(struct token_values, consent)},
    {.name = "withdraw",
     .kind = CLI_FLAG,
     .help = "It may not, after all.",
     .offset = offsetof(struct token_values, withdraw)},
};
static const struct cli_option token_arguments[] = {
    {.name = "EID",
     .kind = CLI_STRING,
     .help = "The chip: 32 digits.",
     .required = true,
     .offset = offsetof(struct token_values, eid)},
    {.name = "ICCID",
     .kind = CLI_STRING,
     .help = "The Profile on it.",
     .required = true,
     .offset = offsetof(struct token_values, iccid)},
};

const struct cli_command cli_smdp_delete_token = {
    .name = "delete-token",
    .summary = "authorise the Master Delete of a Profile",
    .description =
        "Prints the objects 42, 45, 5F20, 93 and 9E in hex, for the SM-SR (SGP.02 3.10): with them "
        "the Profile can be deleted whatever its policy rules say. Give it out only when the "
        "operator of the Profile agrees. The Profile must have got a token key when it was "
        "downloaded ('crisp smdp serve --master-delete').",
    .options = token_options,
    .option_count = CR_COUNT(token_options),
    .arguments = token_arguments,
    .argument_count = CR_COUNT(token_arguments),
    .values_size = sizeof(struct token_values),
    .run = token_run,
};

/* ---- the group ---------------------------------------------------------------------------------
 */

static const struct cli_command *const profile_children[] = {
    &cli_smdp_profile_import,
    &cli_smdp_profile_list,
    NULL,
};

static const struct cli_command cli_smdp_profile = {
    .name = "profile",
    .summary = "the stock: Profiles that operators can order",
    .children = profile_children,
};

static const struct cli_command *const children[] = {
    &cli_smdp_serve,        &cli_smdp_profile, &cli_smdp_jobs, &cli_smdp_connectivity,
    &cli_smdp_delete_token, &cli_smdp_states,  NULL,
};

const struct cli_command cli_smdp = {
    .name = "smdp",
    .summary = "run an SM-DP: Profiles for machines (SGP.02)",
    .description =
        "The server that prepares Profiles for chips in machines (SGP.02): ES2 towards operators, "
        "ES3 towards SM-SRs, ES8 through them into the chip, a stock of Profiles and the jobs on "
        "them in one directory. The commands beside 'serve' work while the server runs and while "
        "it does not.",
    .children = children,
};
