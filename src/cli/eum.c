/*
 * crisp eum: the EUM's part of SGP.02, ES1: eUICCs are registered at their first SM-SR.
 */
#include "cli/m2m.h"

#include "base/text.h"
#include "cli/eum_eis.h"
#include "cli/eum_json.h"
#include "cli/input.h"
#include "cli/json_line.h"
#include "cli/units.h"
#include "pki/hierarchy.h"

struct eum_values {
    struct cli_m2m_values m2m;
    struct cli_list files, properties;
    const char *pki, *name, *transport, *eid, *mno_id;
};

struct eum {
    struct cli *cli;
    const struct eum_values *v;
    struct m2m_parties parties;
    const struct m2m_party *to;
    struct cli_eum eum;
};

static void eum_close(struct eum *e)
{
    cr_wipe(e->eum.transport, sizeof e->eum.transport);
    pki_key_free(e->eum.key);
    m2m_parties_free(&e->parties);
}

static cr_status eum_open(struct eum *e, struct cr_err *err)
{
    CR_TRY(cli_m2m_parties(e->cli, e->v->m2m.parties, SOAP_EUM, &e->parties, err));
    CR_TRY(cli_m2m_peer(&e->parties, e->v->m2m.to, SOAP_SMSR, &e->to, err));
    e->eum.oid = e->parties.oid;
    e->eum.smsr_oid = e->to->oid;
    e->eum.env = e->cli->env;
    return CR_OK;
}

static cr_status wrong_way(const struct eum_values *v, struct cr_err *err)
{
    return v->m2m.poll + v->m2m.sync + (v->m2m.listen != NULL) > 1
               ? cr_fail(err, CR_REFUSED, NULL, "--poll, --sync and --listen exclude each other")
               : CR_OK;
}

/* ---- RegisterEIS -------------------------------------------------------------------------------
 */

static cr_status read_eis(const struct eum *e, const char *path, struct soap_eis *eis,
                          struct cr_err *err)
{
    cr_span text;
    CR_TRY(cli_input_read(e->cli, path, &text, err));
    if (cli_form_of(text) == CLI_FORM_JSON) {
        const struct m2m_party *owner =
            e->v->mno_id ? m2m_party_named(&e->parties, e->v->mno_id) : NULL;
        const struct cli_eum_said said = {.owner = owner ? owner->oid : e->v->mno_id,
                                          .ca_id = e->parties.oid,
                                          .eum_certificate = e->eum.cert.raw};
        CR_TRY(cli_eum_json(e->cli, text, &said, eis, err));
    } else {
        CR_TRY(soap_type_read(&soap_eis_type, text, &e->cli->arena, eis, err));
    }
    if (!eis->has_signed_info || !eis->has_isdr) {
        return cr_fail(err, CR_MALFORMED, "SGP.02 annex E", "it has no %s",
                       eis->has_isdr ? "EumSignedInfo" : "Isd-r");
    }
    return CR_OK;
}

static cr_status register_one(const struct eum *e, const char *path, struct cr_err *err)
{
    struct soap_body body = {.has_eis = true};
    struct soap_message answer = {0};
    char eid[2 * SOAP_EID_SIZE + 1];
    cr_status status = read_eis(e, path, &body.eis, err);
    if (status == CR_OK) {
        status = cli_eum_finish(&e->eum, &body.eis, &e->cli->arena, err);
    }
    if (status == CR_OK) {
        status = cli_m2m_ask(e->cli, &e->v->m2m, &e->parties, e->to,
                             soap_function(SOAP_ES1, SOAP_REGISTER_EIS), &body, &answer, err);
    }
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", path);
    }
    cr_hex_into(eid, sizeof eid, body.eis.signed_info.eid);
    if (e->v->m2m.json) {
        json_t *extra = json_object();
        cli_json_text(extra, "file", path);
        cli_json_text(extra, "eid", eid);
        cli_m2m_print(e->cli, &answer, true, extra);
    } else {
        (void)fprintf(e->cli->out, "%s: registered at %s\n", eid, e->to->name);
    }
    return CR_OK;
}

static cr_status transport_key(struct eum *e, struct cr_err *err)
{
    struct m2m_party with = *e->to;
    with.transport_key = e->v->transport ? e->v->transport : with.transport_key;
    return m2m_party_transport_key(&with, e->eum.transport, err);
}

static int register_run(struct cli *cli, const void *values)
{
    const struct eum_values *v = values;
    struct eum e = {.cli = cli, .v = v};
    struct cr_err err = {0};
    int code = CLI_OK;
    cli->arena.secret = true; /* keys of ISD-R */
    cr_status status = wrong_way(v, &err);
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    status = eum_open(&e, &err);
    if (status == CR_OK) {
        status = pki_hierarchy_load(v->pki, CRYPTO_P256, v->name, &cli->arena, &e.eum.cert,
                                    &e.eum.key, &err);
    }
    if (status == CR_OK) {
        status = transport_key(&e, &err);
    }
    if (status != CR_OK) {
        code = cli_fail(cli, &err, v->m2m.json);
    }
    /* One that is refused does not keep the others out. */
    for (size_t i = 0; status == CR_OK && i < v->files.count && !cli_stop; i++) {
        if (register_one(&e, v->files.items[i], &err) != CR_OK) {
            code = cli_fail(cli, &err, v->m2m.json);
        }
    }
    eum_close(&e);
    return code;
}

#define FIELD(member) .offset = offsetof(struct eum_values, member)

static const struct cli_option register_options[] = {
    {.name = "eis",
     .kind = CLI_LIST,
     .metavar = "FILE",
     .help = "The information set of an eUICC: an element Eis of the messages' namespace, with "
             "key values in the clear and without EumSignature, or the JSON of 'crisp euicc create "
             "--eis'.",
     .required = true,
     FIELD(files)},
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Directory of 'crisp pki init' with the EUM's key and certificate.",
     .required = true,
     FIELD(pki)},
    {.name = "name",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Name of the EUM in that directory.",
     .fallback = "eum",
     FIELD(name)},
    {.name = "mno-id",
     .kind = CLI_STRING,
     .metavar = "PARTY",
     .help = "Whose the profiles of a JSON file are: OID, or name of the file of parties.",
     FIELD(mno_id)},
    {.name = "transport-key",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "The key agreed with the SM-SR that wraps the key sets, 32 hex digits; that of the "
             "file of parties (transport-key) unless given.",
     FIELD(transport)},
    CLI_M2M_CALL_ROWS(offsetof(struct eum_values, m2m)),
};

static const struct cli_command eum_register = {
    .name = "register",
    .summary = "register eUICCs at their first SM-SR (ES1 RegisterEIS)",
    .description =
        "Reads the information sets of eUICCs, checks EIDs and key check values, wraps the keys of "
        "ISD-R by the transport key, signs EumSignedInfo and registers each (SGP.02 5.2.1). "
        "Smsr-id, Eum-id and ProductionDate are filled in where a file leaves them out.",
    .options = register_options,
    .option_count = CR_COUNT(register_options),
    .values_size = sizeof(struct eum_values),
    .run = register_run,
    .examples = "# a chip that was just made\n"
                "crisp eum register --parties lab/eum.ini --to smsr-1 --pki pki --eis chip.eis"
                "--transport-key transport.key",
};

/* ---- UpdateEISAdditionalProperties -------------------------------------------------------------
 */

static cr_status read_properties(struct eum *e, struct soap_body *body, struct cr_err *err)
{
    const struct cli_list *list = &e->v->properties;
    const char *wrong = soap_row_read(&soap_elements[SOAP_EL_EID], cr_span_str(e->v->eid),
                                      &e->cli->arena, &body->eid);
    if (wrong) {
        return cr_fail(err, CR_MALFORMED, NULL, "--eid %s", wrong);
    }
    struct soap_property *items = cr_arena_alloc_array(&e->cli->arena, list->count, sizeof *items);
    if (!items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *name, *value;
        CR_TRY(cli_pair(&e->cli->arena, list->items[i], "--property", &name, &value, err));
        items[i] = (struct soap_property){.key = cr_span_str(name), .value = cr_span_str(value)};
    }
    body->has_properties = true;
    body->properties.properties.items = items;
    body->properties.properties.count = list->count;
    return CR_OK;
}

static int properties_run(struct cli *cli, const void *values)
{
    const struct eum_values *v = values;
    struct eum e = {.cli = cli, .v = v};
    struct soap_body body = {0};
    struct soap_message answer = {0};
    struct cr_err err = {0};
    cr_status status = wrong_way(v, &err);
    if (status == CR_OK) {
        status = read_properties(&e, &body, &err);
    }
    if (status != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    status = eum_open(&e, &err);
    if (status == CR_OK) {
        status = cli_m2m_ask(cli, &v->m2m, &e.parties, e.to,
                             soap_function(SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES), &body,
                             &answer, &err);
    }
    int code = CLI_OK;
    if (status != CR_OK) {
        code = cli_fail(cli, &err, v->m2m.json);
    } else if (v->m2m.json) {
        cli_m2m_print(cli, &answer, true, NULL);
    } else {
        (void)fprintf(cli->out, "%s: %zu properties set at %s\n", v->eid, v->properties.count,
                      e.to->name);
    }
    eum_close(&e);
    return code;
}

static const struct cli_option properties_options[] = {
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "The eUICC, 32 digits.",
     .required = true,
     FIELD(eid)},
    {.name = "property",
     .kind = CLI_LIST,
     .metavar = "KEY=VALUE",
     .help = "A property to add or to replace.",
     .required = true,
     FIELD(properties)},
    CLI_M2M_CALL_ROWS(offsetof(struct eum_values, m2m)),
};

static const struct cli_command eum_properties = {
    .name = "properties",
    .summary = "change additional properties of an eUICC (ES1)",
    .description = "Adds or replaces additional properties of a registered eUICC (SGP.02 5.2.2, "
                   "UpdateEISAdditionalProperties).",
    .options = properties_options,
    .option_count = CR_COUNT(properties_options),
    .values_size = sizeof(struct eum_values),
    .run = properties_run,
    .examples = "# where it was built in\n"
                "crisp eum properties --parties lab/eum.ini --to smsr-1 --eid "
                "89049032000000000000000000000051 --property meter=4711",
};

static const struct cli_command *const children[] = {&eum_register, &eum_properties, NULL};

const struct cli_command cli_eum = {
    .name = "eum",
    .summary = "the maker of eUICCs: register them at their first SM-SR",
    .description = "The EUM's side of ES1 (SGP.02).",
    .children = children,
};
