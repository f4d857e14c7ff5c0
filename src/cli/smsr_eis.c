/*
 * crisp smsr eis, procedures: what an SM-SR keeps, read from its directory, while the server runs
 * or not.
 */
#include "cli/json_line.h"
#include "cli/m2m.h"
#include "cli/smsr.h"

#include "base/text.h"
#include "smsr/procedure.h"
#include "smsr/smsr.h"

#define BATCH 64 /* procedures read at once */

struct smsr_values {
    struct cli_m2m_values m2m;
    const char *dir, *eid;
    bool open;
};

struct reading {
    struct cli *cli;
    const struct smsr_values *v;
    struct smsr *sr;
    cr_span eid; /* absent = all */
    size_t count;
};

static const char *state_of_profile(enum smsr_profile_state state)
{
    switch (state) {
    case SMSR_CREATED:
        return "Created";
    case SMSR_DISABLED:
        return "Disabled";
    case SMSR_ENABLED:
        return "Enabled";
    case SMSR_IN_CREATION:
        return "In-Creation";
    }
    return "?";
}

/* ---- EIS ---------------------------------------------------------------------------------------
 */

static cr_status put_euicc(struct reading *r, struct store_tx *tx, const struct smsr_euicc *euicc,
                           cr_arena *arena, struct cr_err *err)
{
    struct smsr_profiles profiles = {0};
    const struct smsr_profile *enabled = NULL;
    char eid[2 * SOAP_EID_SIZE + 1];
    CR_TRY(smsr_profile_list(tx, euicc->eid, arena, &profiles, err));
    for (size_t i = 0; i < profiles.count; i++) {
        enabled = profiles.items[i].state == SMSR_ENABLED ? &profiles.items[i] : enabled;
    }
    cr_hex_into(eid, sizeof eid, euicc->eid);
    if (r->v->m2m.json) {
        json_t *line = json_object(), *list = json_array();
        cli_json_text(line, "eid", eid);
        cli_json_text(line, "enabled", enabled ? enabled->iccid : NULL);
        for (size_t i = 0; i < profiles.count; i++) {
            json_t *p = json_object();
            cli_json_text(p, "iccid", profiles.items[i].iccid);
            cli_json_text(p, "state", state_of_profile(profiles.items[i].state));
            cli_json_text(p, "owner", profiles.items[i].mno_id);
            (void)json_array_append_new(list, p);
        }
        (void)json_object_set_new(line, "profiles", list);
        (void)json_object_set_new(line, "availableMemory", json_integer(euicc->available_memory));
        (void)json_object_set_new(line, "procedure", json_integer(euicc->procedure));
        (void)json_object_set_new(line, "inDoubt", json_boolean(euicc->in_doubt));
        cli_put_json(r->cli, line);
        return CR_OK;
    }
    if (r->count++ == 0) {
        (void)fprintf(r->cli->out, "%-32s %8s  %-20s %10s  %s\n", "EID", "PROFILES", "ENABLED",
                      "MEMORY", "BUSY");
    }
    (void)fprintf(r->cli->out, "%-32s %8zu  %-20s %10lld  ", eid, profiles.count,
                  enabled ? enabled->iccid : "-", (long long)euicc->available_memory);
    if (euicc->procedure) {
        (void)fprintf(r->cli->out, "procedure %lld\n", (long long)euicc->procedure);
    } else {
        (void)fprintf(r->cli->out, "%s\n",
                      euicc->handover   ? "hand-over"
                      : euicc->in_doubt ? "in doubt"
                                        : "-");
    }
    return CR_OK;
}

static cr_status list_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    uint8_t after[SOAP_EID_SIZE];
    cr_span from = {0};
    for (bool found = true; found;) {
        cr_arena arena = {0};
        struct smsr_euicc euicc = {0};
        cr_status status = smsr_euicc_next(tx, from, &arena, &euicc, &found, err);
        if (status == CR_OK && found) {
            status = put_euicc(r, tx, &euicc, &arena, err);
            memcpy(after, euicc.eid.p, sizeof after);
            from = CR_SPAN_ARRAY(after);
        }
        cr_arena_free(&arena);
        CR_TRY(status);
    }
    if (!r->v->m2m.json && r->count == 0) {
        (void)fprintf(r->cli->out, "no eUICC is registered\n");
    }
    return CR_OK;
}

static cr_status show_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    struct smsr_euicc euicc = {0};
    struct soap_eis eis = {0};
    CR_TRY(smsr_euicc_get(tx, r->eid, &r->cli->arena, &euicc, err));
    CR_TRY(smsr_eis_show(r->sr, tx, &euicc, SMSR_VIEW_OWNER, NULL, &r->cli->arena, &eis, err));
    if (r->v->m2m.json) {
        cli_put_json(r->cli, cli_m2m_type_json(&soap_eis_type, &eis));
    } else {
        cli_m2m_print_type(r->cli, &soap_eis_type, &eis, 0);
    }
    return CR_OK;
}

static cr_status audit_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    struct smsr_euicc euicc = {0};
    struct soap_audit_trail trail = {0};
    CR_TRY(smsr_euicc_get(tx, r->eid, &r->cli->arena, &euicc, err));
    CR_TRY(smsr_audit_list(tx, r->eid, &r->cli->arena, &trail, err));
    for (size_t i = 0; i < trail.records.count; i++) {
        const struct soap_audit_record *record = &trail.records.items[i];
        if (r->v->m2m.json) {
            cli_put_json(r->cli, cli_m2m_type_json(&soap_audit_record_type, record));
        } else {
            (void)fprintf(r->cli->out, "Record:\n");
            cli_m2m_print_type(r->cli, &soap_audit_record_type, record, 2);
        }
    }
    return CR_OK;
}

/* ---- procedures --------------------------------------------------------------------------------
 */

static void put_procedure(struct reading *r, const struct smsr_procedure *p)
{
    char eid[2 * SOAP_EID_SIZE + 1], when[CR_TIME_TEXT];
    cr_hex_into(eid, sizeof eid, p->eid);
    (void)cr_time_format(when, p->started_ms);
    const char *result = p->result.status ? soap_execution_names[p->result.status - 1] : NULL;
    if (r->v->m2m.json) {
        json_t *line = json_object();
        (void)json_object_set_new(line, "id", json_integer(p->id));
        cli_json_text(line, "kind", smsr_kind_name(p->kind));
        cli_json_text(line, "state", smsr_proc_state_name(p->state));
        cli_json_text(line, "eid", eid);
        cli_json_text(line, "iccid", p->iccid);
        cli_json_text(line, "requester", p->requester);
        if (p->kind == SMSR_PROC_CHANGE || p->kind == SMSR_PROC_TAKEOVER) {
            cli_json_text(line, "other", p->other); /* SM-SR */
        }
        cli_json_text(line, "started", when);
        cli_json_text(line, "result", result);
        if (p->result.has_code) {
            cli_json_span(line, "subject", p->result.code.subject);
            cli_json_span(line, "reason", p->result.code.reason);
            cli_json_span(line, "message", p->result.code.message);
        }
        cli_put_json(r->cli, line);
        return;
    }
    if (r->count++ == 0) {
        (void)fprintf(r->cli->out, "%6s %-20s %-28s %-11s %-32s %-20s %s\n", "ID", "STARTED",
                      "PROCEDURE", "STATE", "EID", "ICCID", "RESULT");
    }
    (void)fprintf(r->cli->out, "%6lld %-20s %-28s %-11s %-32s %-20s %s", (long long)p->id, when,
                  smsr_kind_name(p->kind), smsr_proc_state_name(p->state), eid,
                  p->iccid ? p->iccid : "-", result ? result : "-");
    if (p->result.has_code) {
        (void)fprintf(r->cli->out, " %.*s/%.*s", (int)p->result.code.subject.n,
                      (const char *)p->result.code.subject.p, (int)p->result.code.reason.n,
                      (const char *)p->result.code.reason.p);
    }
    (void)fputc('\n', r->cli->out);
}

static cr_status procedures_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    int64_t after = 0;
    for (size_t count = BATCH; count == BATCH;) {
        cr_arena arena = {0};
        struct smsr_procedure rows[BATCH];
        cr_status status =
            smsr_procedure_list(tx, r->eid, r->v->open, after, &arena, rows, BATCH, &count, err);
        for (size_t i = 0; status == CR_OK && i < count; i++) {
            put_procedure(r, &rows[i]);
            after = rows[i].id;
        }
        cr_arena_free(&arena);
        CR_TRY(status);
    }
    if (!r->v->m2m.json && r->count == 0) {
        (void)fprintf(r->cli->out, "no procedures\n");
    }
    return CR_OK;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static int run(struct cli *cli, const struct smsr_values *v, store_work work)
{
    struct reading r = {.cli = cli, .v = v};
    struct cli_smsr smsr = {0};
    struct cr_err err = {0};
    if (v->eid) {
        const char *wrong =
            soap_row_read(&soap_elements[SOAP_EL_EID], cr_span_str(v->eid), &cli->arena, &r.eid);
        if (wrong) {
            return cli_usage(cli, "EID '%.80s' %s", v->eid, wrong);
        }
    }
    cr_status status = cli_smsr_open(cli, v->dir, v->m2m.parties, &smsr, &err);
    if (status == CR_OK) {
        r.sr = smsr.sr;
        status = store_read(smsr_store(r.sr), work, &r, &err);
    }
    cli_smsr_close(&smsr);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->m2m.json);
}

static int list_run(struct cli *cli, const void *values)
{
    return run(cli, values, list_work);
}

static int show_run(struct cli *cli, const void *values)
{
    return run(cli, values, show_work);
}

static int audit_run(struct cli *cli, const void *values)
{
    return run(cli, values, audit_work);
}

static int procedures_run(struct cli *cli, const void *values)
{
    return run(cli, values, procedures_work);
}

/* ---- tables ------------------------------------------------------------------------------------
 */

#define FIELD(member) .offset = offsetof(struct smsr_values, member)
static const struct cli_option eid_argument[] = {
    {.name = "EID",
     .kind = CLI_STRING,
     .help = "The eUICC, 32 digits.",
     .required = true,
     FIELD(eid)},
};

static const struct cli_option eis_options[] = {
    CLI_SMSR_DIR(offsetof(struct smsr_values, dir)),
    CLI_M2M_PARTIES_ROW(offsetof(struct smsr_values, m2m)),
    CLI_M2M_JSON_ROW(offsetof(struct smsr_values, m2m)),
};

static const struct cli_option procedures_options[] = {
    CLI_SMSR_DIR(offsetof(struct smsr_values, dir)),
    CLI_M2M_PARTIES_ROW(offsetof(struct smsr_values, m2m)),
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "Only those of this eUICC.",
     FIELD(eid)},
    {.name = "open", .kind = CLI_FLAG, .help = "Only those that have not ended.", FIELD(open)},
    CLI_M2M_JSON_ROW(offsetof(struct smsr_values, m2m)),
};

static const struct cli_command eis_list = {
    .name = "list",
    .summary = "list the eUICCs that are registered",
    .options = eis_options,
    .option_count = CR_COUNT(eis_options),
    .values_size = sizeof(struct smsr_values),
    .run = list_run,
};

static const struct cli_command eis_show = {
    .name = "show",
    .summary = "show the information set of an eUICC",
    .description = "Shows the EIS (SGP.02 annex E) of an eUICC with all profiles, key sets without "
                   "the keys, and the audit trail.",
    .options = eis_options,
    .option_count = CR_COUNT(eis_options),
    .arguments = eid_argument,
    .argument_count = CR_COUNT(eid_argument),
    .values_size = sizeof(struct smsr_values),
    .run = show_run,
};

static const struct cli_command eis_audit = {
    .name = "audit",
    .summary = "print the audit trail of an eUICC",
    .description = "Prints what was done on an eUICC, and by whom, oldest first (SGP.02 annex E).",
    .options = eis_options,
    .option_count = CR_COUNT(eis_options),
    .arguments = eid_argument,
    .argument_count = CR_COUNT(eid_argument),
    .values_size = sizeof(struct smsr_values),
    .run = audit_run,
};

static const struct cli_command *const eis_children[] = {&eis_list, &eis_show, &eis_audit, NULL};

const struct cli_command cli_smsr_eis = {
    .name = "eis",
    .summary = "the information sets of eUICCs",
    .children = eis_children,
};

const struct cli_command cli_smsr_procedures = {
    .name = "procedures",
    .summary = "list procedures, oldest first",
    .description = "Lists the procedures on eUICCs that run or have ended: what was asked by whom, "
                   "in which state it is, how it ended.",
    .options = procedures_options,
    .option_count = CR_COUNT(procedures_options),
    .values_size = sizeof(struct smsr_values),
    .run = procedures_run,
    .examples = "# what is under way\n"
                "crisp smsr procedures --dir smsr-1.data --parties lab/smsr-1.ini --open",
};
