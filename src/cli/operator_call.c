/*
 * crisp operator es2|es4|es4a FUNCTION: a function of the table with readable arguments.
 */
#include "cli/operator.h"

#include "base/text.h"
#include "cli/units.h"

struct call_values {
    struct cli_m2m_values m2m;
    const char *function;
    const char *eid, *smsr_id, *current_smsr_id, *target_smsr_id, *mno_id, *m2m_sp_id;
    const char *profile_type, *pol2, *imsi, *msisdn;
    struct cli_list iccids, operations, discards;
    bool enable_profile;
};

struct filling {
    struct cli *cli;
    const struct call_values *v;
    const struct m2m_parties *parties;
    struct soap_body *body;
};

#define FIELD(member) .offset = offsetof(struct call_values, member)

/* ---- the options of elements -------------------------------------------------------------------
 */

enum {
    O_EID,
    O_ICCID,
    O_SMSR_ID,
    O_CURRENT_SMSR_ID,
    O_TARGET_SMSR_ID,
    O_MNO_ID,
    O_M2M_SP_ID,
    O_PROFILE_TYPE,
    O_ENABLE_PROFILE,
    O_POL2,
    O_IMSI,
    O_MSISDN,
    O_OPERATION,
    O_DISCARD,
    O_COUNT /* options behind these are not elements */
};

static const struct cli_option options[] = {
    [O_EID] = {.name = "eid",
               .kind = CLI_STRING,
               .metavar = "EID",
               .help = "The eUICC, 32 digits.",
               FIELD(eid)},
    [O_ICCID] = {.name = "iccid",
                 .kind = CLI_LIST,
                 .metavar = "ICCID",
                 .help =
                     "The profile, 18 to 20 digits as people write them. AuditEIS takes several, "
                     "the other functions one.",
                 FIELD(iccids)},
    [O_SMSR_ID] = {.name = "smsr-id",
                   .kind = CLI_STRING,
                   .metavar = "PARTY",
                   .help = "The SM-SR that manages the eUICC: OID, or name of the file.",
                   FIELD(smsr_id)},
    [O_CURRENT_SMSR_ID] = {.name = "current-smsr-id",
                           .kind = CLI_STRING,
                           .metavar = "PARTY",
                           .help = "The SM-SR that hands the eUICC over: OID, or name of the file.",
                           FIELD(current_smsr_id)},
    [O_TARGET_SMSR_ID] = {.name = "target-smsr-id",
                          .kind = CLI_STRING,
                          .metavar = "PARTY",
                          .help = "The SM-SR that takes the eUICC over: OID, or name of the file.",
                          FIELD(target_smsr_id)},
    [O_MNO_ID] = {.name = "mno-id",
                  .kind = CLI_STRING,
                  .metavar = "PARTY",
                  .help = "The operator: OID, or name of the file; we ourselves unless given where "
                          "an authorisation or a setting is made.",
                  FIELD(mno_id)},
    [O_M2M_SP_ID] = {.name = "m2m-sp-id",
                     .kind = CLI_STRING,
                     .metavar = "PARTY",
                     .help = "The M2M service provider: OID, or name of the file.",
                     FIELD(m2m_sp_id)},
    [O_PROFILE_TYPE] = {.name = "profile-type",
                        .kind = CLI_STRING,
                        .metavar = "TYPE",
                        .help = "The type of profiles, as the operator named it.",
                        FIELD(profile_type)},
    [O_ENABLE_PROFILE] = {.name = "enable-profile",
                          .kind = CLI_FLAG,
                          .help = "Enable the profile once it is downloaded.",
                          FIELD(enable_profile)},
    [O_POL2] = {.name = "pol2",
                .kind = CLI_STRING,
                .metavar = "RULES",
                .help = "The rules, all of them, ACTION:QUALIFICATION with commas between: "
                        "'disable:not-allowed,delete:not-allowed', 'disable:auto-delete'; 'none' "
                        "for no rule.",
                FIELD(pol2)},
    [O_IMSI] = {.name = "imsi",
                .kind = CLI_STRING,
                .metavar = "IMSI",
                .help = "Of the new subscription address, 5 to 15 digits.",
                FIELD(imsi)},
    [O_MSISDN] = {.name = "msisdn",
                  .kind = CLI_STRING,
                  .metavar = "MSISDN",
                  .help = "Of the new subscription address, up to 15 digits, without +.",
                  FIELD(msisdn)},
    [O_OPERATION] = {.name = "operation",
                     .kind = CLI_LIST,
                     .metavar = "FUNCTION",
                     .help = "A function that the M2M service provider may call, or a notification "
                             "that it gets; none at all withdraws the authorisation.",
                     FIELD(operations)},
    [O_DISCARD] = {.name = "discard",
                   .kind = CLI_LIST,
                   .metavar = "NOTIFICATION",
                   .help = "A notification that the operator does not want; none at all: it wants "
                           "them all.",
                   FIELD(discards)},
    CLI_M2M_CALL_ROWS(offsetof(struct call_values, m2m)),
};

static const struct cli_option arguments[] = {
    {.name = "FUNCTION",
     .kind = CLI_STRING,
     .help = "The function: EnableProfile, or enable-profile.",
     .required = true,
     FIELD(function)},
};

static const void *given(const struct filling *f, int option)
{
    return (const char *)f->v + options[option].offset;
}

static const char *text_of(const struct filling *f, int option)
{
    return *(const char *const *)given(f, option);
}

static bool is_given(const struct filling *f, int option)
{
    if (options[option].kind == CLI_FLAG) {
        return *(const bool *)given(f, option);
    }
    return options[option].kind == CLI_LIST ? ((const struct cli_list *)given(f, option))->count > 0
                                            : text_of(f, option) != NULL;
}

/* Puts the text of an option into a value of a row. */
static int read_value(const struct filling *f, int option, const struct soap_row *row,
                      const char *text, void *value)
{
    const char *wrong = soap_row_read(row, cr_span_str(text), &f->cli->arena, value);
    return wrong ? cli_usage(f->cli, "--%s '%.80s' %s", options[option].name, text, wrong) : CLI_OK;
}

/* The row of a type by its name. */
static const struct soap_row *row_named(const struct soap_type *type, const char *name)
{
    const struct soap_row *row = type->rows;
    while (row->name && strcmp(row->name, name) != 0) {
        row++;
    }
    return row;
}

static void *in_struct(void *base, const struct soap_row *row)
{
    return (char *)base + row->offset;
}

/* ---- filling a body ----------------------------------------------------------------------------
 */

static int fill_text(const struct filling *f, int option, const struct soap_row *row)
{
    return read_value(f, option, row, text_of(f, option), in_struct(f->body, row));
}

static int fill_one(const struct filling *f, int option, const struct soap_row *row)
{
    const struct cli_list *list = given(f, option);
    if (list->count > 1) {
        return cli_usage(f->cli, "--%s is taken once by %s", options[option].name, f->v->function);
    }
    return read_value(f, option, row, list->items[0], in_struct(f->body, row));
}

static int fill_iccids(const struct filling *f, int option, const struct soap_row *row)
{
    const struct cli_list *list = given(f, option);
    f->body->iccids.items = cr_arena_alloc_array(&f->cli->arena, list->count, sizeof(cr_span));
    if (!f->body->iccids.items) {
        return cli_fail_memory(f->cli);
    }
    for (size_t i = 0; i < list->count; i++) {
        int code = read_value(f, option, row, list->items[i],
                              &f->body->iccids.items[f->body->iccids.count++]);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

/* A party by its name in the file, else an OID. */
static int read_party(const struct filling *f, int option, const struct soap_row *row, void *value)
{
    const char *text = text_of(f, option);
    const struct m2m_party *party = m2m_party_named(f->parties, text);
    if (!party && !strchr(text, '.')) {
        return cli_usage(f->cli, "--%s: %.60s is no party of %.100s, and no OID",
                         options[option].name, text, f->v->m2m.parties);
    }
    return read_value(f, option, row, party ? party->oid : text, value);
}

static int fill_party(const struct filling *f, int option, const struct soap_row *row)
{
    return read_party(f, option, row, in_struct(f->body, row));
}

static int fill_flag(const struct filling *f, int option, const struct soap_row *row)
{
    *(bool *)in_struct(f->body, row) = *(const bool *)given(f, option);
    *((bool *)(void *)((char *)f->body + row->has)) = true;
    return CLI_OK;
}

static bool read_rule(cr_span word, struct soap_pol2_rule *rule)
{
    const struct soap_row *actions = row_named(&soap_pol2_rule_type, "Action");
    const struct soap_row *qualifications = row_named(&soap_pol2_rule_type, "Qualification");
    const uint8_t *colon = word.n ? memchr(word.p, ':', word.n) : NULL;
    const size_t n = colon ? (size_t)(colon - word.p) : word.n;
    *rule = (struct soap_pol2_rule){.subject = 1};
    rule->action = cli_m2m_word(actions->names, cr_span_sub(word, 0, n));
    rule->qualification =
        colon ? cli_m2m_word(qualifications->names, cr_span_sub(word, n + 1, word.n)) : 0;
    return rule->action && rule->qualification;
}

static int fill_pol2(const struct filling *f, int option, const struct soap_row *row)
{
    struct soap_pol2 *pol2 = in_struct(f->body, row);
    cr_span list = cr_span_str(text_of(f, option)), word;
    f->body->has_pol2 = true;
    if (strcmp(text_of(f, option), "none") == 0) {
        return CLI_OK;
    }
    pol2->rules.items =
        cr_arena_alloc_array(&f->cli->arena, SOAP_MAX_RULES, sizeof *pol2->rules.items);
    if (!pol2->rules.items) {
        return cli_fail_memory(f->cli);
    }
    while (cli_next_word(&list, &word)) {
        if (pol2->rules.count == SOAP_MAX_RULES) {
            return cli_usage(f->cli, "--pol2 has more than %d rules", SOAP_MAX_RULES);
        }
        if (!read_rule(word, &pol2->rules.items[pol2->rules.count++])) {
            return cli_usage(f->cli,
                             "--pol2: '%.*s' is no rule: enable, disable or delete, a colon, "
                             "not-allowed or auto-delete",
                             (int)word.n, (const char *)word.p);
        }
    }
    return CLI_OK;
}

static int fill_address(const struct filling *f, int option, const struct soap_row *row)
{
    static const struct {
        int option;
        const char *name;
    } parts[] = {{O_IMSI, "Imsi"}, {O_MSISDN, "Msisdn"}};
    (void)option;
    f->body->has_address = true;
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        const struct soap_row *part = row_named(row->type, parts[i].name);
        int code = text_of(f, parts[i].option)
                       ? read_value(f, parts[i].option, part, text_of(f, parts[i].option),
                                    in_struct(in_struct(f->body, row), part))
                       : CLI_OK;
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

/* The words of a repeated option as numbers of a list of names. */
static int read_words(const struct filling *f, int option, const struct soap_row *row,
                      struct soap_list *out)
{
    const struct cli_list *list = given(f, option);
    int *items = cr_arena_alloc_array(&f->cli->arena, list->count, sizeof *items);
    if (!items) {
        return cli_fail_memory(f->cli);
    }
    for (size_t i = 0; i < list->count; i++) {
        items[i] = cli_m2m_word(row->names, cr_span_str(list->items[i]));
        if (!items[i]) {
            (void)fprintf(f->cli->err, "The names are:");
            for (const char *const *name = row->names; *name; name++) {
                (void)fprintf(f->cli->err, "%s %s", name == row->names ? "" : ",", *name);
            }
            (void)fputc('\n', f->cli->err);
            return cli_usage(f->cli, "--%s cannot be '%.80s'", options[option].name,
                             list->items[i]);
        }
    }
    *out = (struct soap_list){.items = items, .count = list->count};
    return CLI_OK;
}

/* PLMA and ONC are made of the same kinds of members. */
static int fill_setting(const struct filling *f, const struct soap_type *type, void *base,
                        int words_option, const char *words)
{
    const struct {
        int option;
        const char *name;
    } texts[] = {{O_MNO_ID, "Mno-id"}, {O_M2M_SP_ID, "M2M-sp-id"}, {O_PROFILE_TYPE, "ProfileType"}};
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        const struct soap_row *row = row_named(type, texts[i].name);
        if (!row->name) {
            continue; /* an ONC has no M2M SP */
        }
        void *value = in_struct(base, row);
        if (texts[i].option == O_MNO_ID && !text_of(f, O_MNO_ID)) {
            *(cr_span *)value = cr_span_str(f->parties->oid);
            continue;
        }
        int code = texts[i].option == O_PROFILE_TYPE
                       ? read_value(f, O_PROFILE_TYPE, row, text_of(f, O_PROFILE_TYPE), value)
                       : read_party(f, texts[i].option, row, value);
        if (code != CLI_OK) {
            return code;
        }
    }
    const struct soap_row *row = row_named(type, words);
    return read_words(f, words_option, row, in_struct(base, row));
}

static int fill_plma(const struct filling *f, int option, const struct soap_row *row)
{
    (void)option;
    f->body->has_plma = true;
    return fill_setting(f, row->type, in_struct(f->body, row), O_OPERATION, "AuthorisedOperation");
}

static int fill_onc(const struct filling *f, int option, const struct soap_row *row)
{
    (void)option;
    f->body->has_onc = true;
    return fill_setting(f, row->type, in_struct(f->body, row), O_DISCARD, "DiscardedNotification");
}

/* ---- what a function takes ---------------------------------------------------------------------
 */

#define MAX_OPTIONS 4

/* By which options an element is given. The first `must` of them have to be there with a mandatory
 * element; with any_of, one of them all; conditional and optional elements are left out when none
 * is given. */
static const struct member {
    enum soap_element element;
    int (*fill)(const struct filling *f, int option, const struct soap_row *row);
    int options[MAX_OPTIONS];
    size_t count, must;
    bool any_of;
    bool always; /* absence means something, so it is said: "--pol2 none" */
} members[] = {
    {SOAP_EL_EID, fill_text, {O_EID}, 1, 1, false, false},
    {SOAP_EL_ICCID, fill_one, {O_ICCID}, 1, 1, false, false},
    {SOAP_EL_ICCIDS, fill_iccids, {O_ICCID}, 1, 0, false, false},
    {SOAP_EL_SM_SR_ID, fill_party, {O_SMSR_ID}, 1, 1, false, false},
    {SOAP_EL_SMSR_ID, fill_party, {O_SMSR_ID}, 1, 1, false, false},
    {SOAP_EL_CURRENT_SMSR_ID, fill_party, {O_CURRENT_SMSR_ID}, 1, 1, false, false},
    {SOAP_EL_TARGET_SMSR_ID, fill_party, {O_TARGET_SMSR_ID}, 1, 1, false, false},
    {SOAP_EL_MNO_ID, fill_party, {O_MNO_ID}, 1, 1, false, false},
    {SOAP_EL_M2M_SP_ID, fill_party, {O_M2M_SP_ID}, 1, 1, false, false},
    {SOAP_EL_PROFILE_TYPE, fill_text, {O_PROFILE_TYPE}, 1, 1, false, false},
    {SOAP_EL_ENABLE_PROFILE, fill_flag, {O_ENABLE_PROFILE}, 1, 0, false, false},
    {SOAP_EL_POL2, fill_pol2, {O_POL2}, 1, 1, false, true},
    {SOAP_EL_NEW_ADDRESS, fill_address, {O_IMSI, O_MSISDN}, 2, 0, true, false},
    {SOAP_EL_PLMA,
     fill_plma,
     {O_M2M_SP_ID, O_PROFILE_TYPE, O_OPERATION, O_MNO_ID},
     4,
     2,
     false,
     false},
    {SOAP_EL_ONC, fill_onc, {O_PROFILE_TYPE, O_DISCARD, O_MNO_ID}, 3, 1, false, false},
};

static const struct member *member_of(unsigned element)
{
    for (size_t i = 0; i < CR_COUNT(members); i++) {
        if (members[i].element == element) {
            return &members[i];
        }
    }
    return NULL;
}

bool cli_operator_calls(const struct soap_function *f)
{
    if (!(f->callers & OPERATOR_ROLES) || f->pattern == SOAP_NOTIFICATION) {
        return false;
    }
    return f->interface == SOAP_ES2 || f->interface == SOAP_ES4 || f->interface == SOAP_ES4A;
}

void cli_operator_arguments(const struct soap_function *f, cr_buf *out)
{
    for (const struct soap_use *u = f->request; cli_operator_calls(f) && u->element; u++) {
        const struct member *m = member_of(u->element);
        for (size_t i = 0; m && i < m->count; i++) {
            const struct cli_option *o = &options[m->options[i]];
            const bool must = i < m->must && (u->presence == SOAP_M || m->always);
            cr_buf_appendf(out, "%s%s--%s%s%s%s", out->n ? " " : "", must ? "" : "[", o->name,
                           o->metavar ? " " : "", o->metavar ? o->metavar : "", must ? "" : "]");
        }
    }
}

static int usage_of(struct cli *cli, const struct soap_function *f, const char *what)
{
    cr_buf takes = {0};
    cli_operator_arguments(f, &takes);
    const char *text = cr_buf_cstr(&takes);
    int code = cli_usage(cli, "%s; %s takes %s", what, f->name, text ? text : "");
    cr_buf_free(&takes);
    return code;
}

/* Options of elements that the function has not would be lost silently. */
static int check_unused(const struct filling *f, const struct soap_function *function)
{
    for (int option = 0; option < O_COUNT; option++) {
        bool used = !is_given(f, option);
        for (const struct soap_use *u = function->request; u->element && !used; u++) {
            const struct member *m = member_of(u->element);
            for (size_t i = 0; m && i < m->count; i++) {
                used = used || m->options[i] == option;
            }
        }
        if (!used) {
            const char *what =
                cr_arena_printf(&f->cli->arena, "--%s is not for it", options[option].name);
            return usage_of(f->cli, function, what ? what : "");
        }
    }
    return CLI_OK;
}

static int fill_member(const struct filling *f, const struct soap_function *function,
                       const struct soap_use *use)
{
    const struct member *m = member_of(use->element);
    const bool mandatory = use->presence == SOAP_M;
    size_t there = 0;
    if (!m) {
        return CLI_OK; /* none that the desk sends */
    }
    for (size_t i = 0; i < m->count; i++) {
        there += is_given(f, m->options[i]);
        if (i < m->must && (mandatory || m->always) && !is_given(f, m->options[i])) {
            const char *what =
                cr_arena_printf(&f->cli->arena, "--%s is missing", options[m->options[i]].name);
            return usage_of(f->cli, function, what ? what : "");
        }
    }
    if (m->any_of && mandatory && there == 0) {
        return usage_of(f->cli, function, "what is new is missing");
    }
    return there > 0 || mandatory ? m->fill(f, m->options[0], &soap_elements[m->element]) : CLI_OK;
}

static int fill_body(const struct filling *f, const struct soap_function *function)
{
    int code = check_unused(f, function);
    for (const struct soap_use *u = function->request; u->element && code == CLI_OK; u++) {
        code = fill_member(f, function, u);
    }
    if (code == CLI_OK && function->id == SOAP_DOWNLOAD_PROFILE &&
        !f->body->iccid.p == !f->body->profile_type.p) {
        code = usage_of(f->cli, function, "it takes either --iccid or --profile-type");
    }
    return code;
}

/* ---- running -----------------------------------------------------------------------------------
 */

/* What is left when case and hyphens do not count. */
static const char *letters_of(struct cli *cli, const char *word)
{
    char *out = cr_arena_alloc(&cli->arena, strlen(word) + 1);
    size_t n = 0;
    for (; out && *word; word++) {
        if (*word != '-') {
            out[n++] = (char)(*word >= 'A' && *word <= 'Z' ? *word - 'A' + 'a' : *word);
        }
    }
    return out ? out : ""; /* zeroed memory ends it */
}

static int unknown_function(struct cli *cli, enum soap_interface interface, const char *word)
{
    const char *best = NULL;
    const char *meant = letters_of(cli, word);
    unsigned least = CR_TEXT_MEANT;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->interface == interface && cli_operator_calls(f)) {
            best = cr_text_nearer(letters_of(cli, f->name), meant, &least) ? f->name : best;
        }
    }
    return cli_usage(cli,
                     "%s has no function %.60s%s%s%s; 'crisp operator functions %s' lists them",
                     soap_interface_name(interface), word, best ? "; did you mean " : "",
                     best ? best : "", best ? "?" : "", soap_interface_name(interface));
}

static int ask(struct cli *cli, const struct call_values *v, const struct m2m_parties *parties,
               const struct soap_function *function)
{
    struct soap_body body = {0};
    struct soap_message answer = {0};
    struct cr_err err = {0};
    const struct m2m_party *to = NULL;
    const struct filling f = {.cli = cli, .v = v, .parties = parties, .body = &body};
    const enum soap_party peer = function->interface == SOAP_ES2 ? SOAP_SMDP : SOAP_SMSR;
    int code = fill_body(&f, function);
    if (code != CLI_OK) {
        return code;
    }
    cr_status status = cli_m2m_peer(parties, v->m2m.to, peer, &to, &err);
    if (status == CR_OK) {
        status = cli_m2m_ask(cli, &v->m2m, parties, to, function, &body, &answer, &err);
    }
    if (status != CR_OK) {
        return cli_fail(cli, &err, v->m2m.json);
    }
    if (!v->m2m.json) {
        (void)fprintf(cli->out, "%s: done by %s\n", function->name, to->name);
    }
    cli_m2m_print(cli, &answer, v->m2m.json, NULL);
    return CLI_OK;
}

static int call_run(struct cli *cli, const struct call_values *v, enum soap_interface interface)
{
    const struct soap_function *function = cli_m2m_function(interface, v->function);
    struct m2m_parties parties = {0};
    struct cr_err err = {0};
    if (!function || !cli_operator_calls(function)) {
        return unknown_function(cli, interface, v->function);
    }
    if (v->m2m.poll + v->m2m.sync + (v->m2m.listen != NULL) > 1) {
        return cli_usage(cli, "--poll, --sync and --listen exclude each other");
    }
    cr_status status = cli_m2m_parties(cli, v->m2m.parties, OPERATOR_ROLES, &parties, &err);
    int code = status == CR_OK ? ask(cli, v, &parties, function) : cli_fail(cli, &err, v->m2m.json);
    m2m_parties_free(&parties);
    return code;
}

static int es2_run(struct cli *cli, const void *values)
{
    return call_run(cli, values, SOAP_ES2);
}

static int es4_run(struct cli *cli, const void *values)
{
    return call_run(cli, values, SOAP_ES4);
}

static int es4a_run(struct cli *cli, const void *values)
{
    return call_run(cli, values, SOAP_ES4A);
}

const struct cli_command cli_operator_es2 = {
    .name = "es2",
    .summary = "call a function of an SM-DP",
    .description =
        "Calls a function of ES2 (SGP.02 5.3) and prints the answer.\n\nAn answer that needs the "
        "eUICC is called back to a small listener that lives as long as the command, or fetched "
        "with --poll, or waited for on the connection with --sync. 'crisp operator functions ES2 "
        "--arguments' lists the functions with the options that they take.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct call_values),
    .run = es2_run,
    .examples = "# a profile of a type for a meter\n"
                "crisp operator es2 download-profile --parties lab/operator-a.ini --eid "
                "89001012012341234012345678901224 --smsr-id smsr-1 --profile-type meter "
                "--enable-profile",
};

const struct cli_command cli_operator_es4 = {
    .name = "es4",
    .summary = "call a function of an SM-SR",
    .description =
        "Calls a function of ES4 (SGP.02 5.5) and prints the answer.\n\nAn answer that needs the "
        "eUICC is called back to a small listener that lives as long as the command, or fetched "
        "with --poll, or waited for on the connection with --sync. 'crisp operator functions ES4 "
        "--arguments' lists the functions with the options that they take.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct call_values),
    .run = es4_run,
    .examples = "# what is on an eUICC, of ours\n"
                "crisp operator es4 get-eis --parties lab/operator-a.ini --to smsr-1 --eid "
                "89001012012341234012345678901224\n"
                "# nobody disables it\n"
                "crisp operator es4 update-policy-rules --parties lab/operator-a.ini --to smsr-1 "
                "--eid 89001012012341234012345678901224 --iccid 8900101000000000001 --pol2 "
                "disable:not-allowed,delete:not-allowed",
};

const struct cli_command cli_operator_es4a = {
    .name = "es4a",
    .summary = "set what M2M service providers may do, and which notifications are wanted",
    .description =
        "Calls a function of ES4A: authorisations (PLMA) and notification settings (ONC) at an "
        "SM-SR. 'crisp operator functions ES4A --arguments' lists the functions with the options "
        "that they take.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct call_values),
    .run = es4a_run,
    .examples = "# a service provider may switch the profiles of a type\n"
                "crisp operator es4a set-plma --parties lab/operator-a.ini --to smsr-1 --m2m-sp-id "
                "m2m-sp --profile-type meter --operation enable-profile --operation "
                "disable-profile --operation profile-enabled",
};
