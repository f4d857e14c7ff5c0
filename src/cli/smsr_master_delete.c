/*
 * crisp smsr master-delete: the administrative request that SGP.02 3.10 leaves to the SM-SR.
 */
#include "cli/json_line.h"
#include "cli/m2m.h"
#include "cli/smsr.h"

#include "base/text.h"
#include "m2m/delete_token.h"
#include "smsr/policy.h"
#include "smsr/procedure.h"

#include <unistd.h>

#define LOOK_MS 200

struct delete_values {
    const char *dir, *parties, *eid, *iccid, *token, *initiator;
    int64_t wait;
    bool json;
};

struct deleting {
    struct cli *cli;
    const struct delete_values *v;
    struct cli_smsr smsr;
    cr_span eid;
    int64_t id;
    struct smsr_procedure procedure;
};

static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct deleting *d = ctx;
    return smsr_procedure_get(tx, d->id, &d->cli->arena, &d->procedure, err);
}

/* The server does it; here its row is looked at. */
static cr_status watch(struct deleting *d, struct cr_err *err)
{
    CR_TRY(store_read(smsr_store(d->smsr.sr), look_work, d, err));
    const int64_t until = cr_now_ms(d->cli->env) + d->v->wait * 1000;
    while (!smsr_proc_ended(d->procedure.state) && !cli_stop && cr_now_ms(d->cli->env) < until) {
        (void)usleep(LOOK_MS * 1000);
        CR_TRY(store_read(smsr_store(d->smsr.sr), look_work, d, err));
    }
    return CR_OK;
}

struct target {
    struct deleting *d;
    struct smsr_profile profile;
};

static cr_status target_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct target *t = ctx;
    CR_TRY(smsr_profile_get(tx, t->d->eid, cr_span_str(t->d->v->iccid), &t->d->cli->arena,
                            &t->profile, err));
    /* The owner's consent is good for one token: none is asked for in vain. */
    const struct smsr_subject subject = {.pol2 = t->profile.pol2,
                                         .state = (enum soap_profile_state)t->profile.state,
                                         .fallback = t->profile.fallback,
                                         .iccid = t->profile.iccid};
    return smsr_policy_check(SMSR_MASTER_DELETE, &subject, NULL, err);
}

/* From the SM-DP of the Profile, unless it is given. */
static cr_status fetch_token(struct deleting *d, const char *initiator, cr_buf *out,
                             struct cr_err *err)
{
    struct target t = {.d = d};
    CR_TRY(store_read(smsr_store(d->smsr.sr), target_work, &t, err));
    const struct m2m_party *smdp =
        t.profile.smdp_id ? m2m_party_by_oid(&d->smsr.parties, cr_span_str(t.profile.smdp_id))
                          : NULL;
    if (!smdp) {
        return cr_refuse(err, "8.2.1", "3.8", "SGP.02 3.10",
                         "no SM-DP of ours has loaded the Profile: there is no Delete Token");
    }
    const struct m2m_delete_request request = {
        .eid = d->eid, .iccid = d->v->iccid, .aid = t.profile.aid, .initiator = initiator};
    return m2m_delete_token_ask(&d->smsr.parties, smdp, &request, out, err);
}

static cr_status begin(struct deleting *d, cr_buf *tlvs, struct cr_err *err)
{
    struct smsr_delete_token token;
    const char *initiator = NULL;
    CR_TRY(cli_smsr_open(d->cli, d->v->dir, d->v->parties, &d->smsr, err));
    if (d->v->initiator) {
        const struct m2m_parties *all = &d->smsr.parties;
        const struct m2m_party *party = m2m_party_named(all, d->v->initiator);
        party = party ? party : m2m_party_by_oid(all, cr_span_str(d->v->initiator));
        if (!party || !(party->roles & (SOAP_OPERATOR | SOAP_M2MSP))) {
            return cr_fail(err, CR_REFUSED, "SGP.02 3.10",
                           "%.80s is no operator and no M2M service provider of this SM-SR",
                           d->v->initiator);
        }
        initiator = party->oid;
    }
    if (!d->v->token) {
        CR_TRY(fetch_token(d, initiator, tlvs, err));
    }
    CR_TRY(smsr_delete_token_read(cr_buf_span(tlvs), &token, err));
    return smsr_master_delete(d->smsr.sr, d->eid, d->v->iccid, initiator, &token, &d->id, err);
}

static int tell(struct deleting *d)
{
    const struct smsr_procedure *p = &d->procedure;
    const struct soap_status *result = &p->result;
    const char *how = result->status ? soap_execution_names[result->status - 1] : NULL;
    FILE *out = d->cli->out;
    if (d->v->json) {
        json_t *line = json_object();
        (void)json_object_set_new(line, "procedure", json_integer(p->id));
        cli_json_text(line, "state", smsr_proc_state_name(p->state));
        cli_json_text(line, "result", how);
        if (result->has_code) {
            cli_json_span(line, "subject", result->code.subject);
            cli_json_span(line, "reason", result->code.reason);
            cli_json_span(line, "message", result->code.message);
        }
        cli_put_json(d->cli, line);
    } else {
        (void)fprintf(out, "procedure %lld: %s", (long long)p->id, smsr_proc_state_name(p->state));
        if (how) {
            (void)fprintf(out, ", %s", how);
        }
        if (result->has_code) {
            (void)fprintf(out, " %.*s/%.*s %.*s", (int)result->code.subject.n,
                          (const char *)result->code.subject.p, (int)result->code.reason.n,
                          (const char *)result->code.reason.p, (int)result->code.message.n,
                          result->code.message.p ? (const char *)result->code.message.p : "");
        }
        (void)fputc('\n', out);
    }
    if (!smsr_proc_ended(p->state)) {
        return d->v->wait ? CLI_FAILED : CLI_OK; /* it goes on by itself */
    }
    return p->state == SMSR_STATE_DONE ? CLI_OK : CLI_REFUSED;
}

static int delete_run(struct cli *cli, const void *values)
{
    struct deleting d = {.cli = cli, .v = values};
    struct cr_err err = {0};
    char *text = NULL;
    cr_buf tlvs = {.secret = true};
    const char *wrong =
        soap_row_read(&soap_elements[SOAP_EL_EID], cr_span_str(d.v->eid), &cli->arena, &d.eid);
    if (wrong) {
        return cli_usage(cli, "EID '%.80s' must be 32 decimal digits", d.v->eid);
    }
    const size_t digits = strlen(d.v->iccid);
    if (!cr_is_digits(cr_span_str(d.v->iccid)) || digits < 18 || digits > 20) {
        return cli_usage(cli, "ICCID '%.80s' must be 18 to 20 digits", d.v->iccid);
    }
    cr_status status = d.v->token ? cli_secret(cli, "--token", d.v->token, &text, &err) : CR_OK;
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    if (text) {
        status = cr_hex_decode(&tlvs, cr_span_str(text), &err);
    }
    if (status != CR_OK || tlvs.n > M2M_DELETE_TOKEN_MAX) {
        cr_buf_free(&tlvs);
        return cli_usage(cli, "--token takes the hex of 'crisp smdp delete-token'");
    }
    cli_catch_signals();
    status = begin(&d, &tlvs, &err);
    if (status == CR_OK) {
        status = watch(&d, &err);
    }
    int code = status == CR_OK ? tell(&d) : cli_fail(cli, &err, d.v->json);
    cr_buf_free(&tlvs);
    cli_smsr_close(&d.smsr);
    return code;
}

#define FIELD(member) .offset = offsetof(struct delete_values, member)

static const struct cli_option options[] = {
    CLI_SMSR_DIR(offsetof(struct delete_values, dir)),
    {.name = "parties",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Who we are and who the others are: a file as 'crisp pki m2m-parties' makes it.",
     .required = true,
     FIELD(parties)},
    {.name = "token",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help =
         "Delete Token of the Profile's SM-DP; it is asked for one unless given. " CLI_SECRET_HELP
         "from the terminal.",
     FIELD(token)},
    {.name = "initiator",
     .kind = CLI_STRING,
     .metavar = "PARTY",
     .help = "Who asked for it, by name or OID; the SM-SR itself unless given.",
     FIELD(initiator)},
    {.name = "wait",
     .kind = CLI_INT,
     .metavar = "SECONDS",
     .fallback = "300",
     .min = 0,
     .max = 86400,
     .help = "How long the end is waited for; 0: it is only begun.",
     FIELD(wait)},
    {.name = "json", .kind = CLI_FLAG, .help = "Print JSON.", FIELD(json)},
};

static const struct cli_option arguments[] = {
    {.name = "EID",
     .kind = CLI_STRING,
     .help = "The eUICC, 32 digits.",
     .required = true,
     FIELD(eid)},
    {.name = "ICCID", .kind = CLI_STRING, .help = "The Profile.", .required = true, FIELD(iccid)},
};

const struct cli_command cli_smsr_master_delete = {
    .name = "master-delete",
    .summary = "delete a Profile whatever its policy rules say",
    .description =
        "Begins a Master Delete (SGP.02 3.10), which the running server carries out: the Profile "
        "goes though POL1 or POL2 forbid it, under the Delete Token that its SM-DP gives out when "
        "the operator agrees ('crisp smdp delete-token', with --consent over the network). It must "
        "be Disabled, and not have the "
        "Fall-Back Attribute. Its owner is told as of any deletion.\n\n"
        "Exit status 3 when it is refused or failed, 1 when it has not ended in time: the server "
        "goes on with it.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct delete_values),
    .run = delete_run,
    .examples = "# for an operator that cannot undo its own rules any more\n"
                "crisp smsr master-delete --dir sr --parties lab/smsr-1.ini --initiator operator-a"
                " 89001012012341234012345678901224 8988211000000000017",
};
