/*
 * crisp euicc create: a new chip in a directory.
 */
#include "cli/euicc.h"

#include "cli/euicc_create_m2m.h"
#include "cli/units.h"

#include "base/text.h"
#include "euicc/euicc.h"
#include "pki/hierarchy.h"
#include "profile/ef.h"
#include "rsp/activation_code.h"
#include "rsp/ids.h"

#define MIN_MEMORY (64 * 1024)
#define MAX_MEMORY (64 * 1024 * 1024)

struct create_values {
    const char *dir, *pki, *eid, *svn, *default_smdp, *root_smds, *forbid_ppr, *rat;
    struct cli_list rat_rules;
    int64_t memory;
    bool no_test_profiles, strict_test_keys;
    struct cli_m2m_values m2m;
};

static const char *const rat_words[] = {"all", "none", NULL};

static const struct {
    const char *text;
    uint64_t bit;
} ppr_words[] = {{"ppr1", RSP_PPR1}, {"ppr2", RSP_PPR2}};

static cr_status parse_pprs(const char *text, uint64_t *bits, struct cr_err *err)
{
    cr_span list = cr_span_str(text);
    cr_span word;
    *bits = 0;
    while (cli_next_word(&list, &word)) {
        size_t i = 0;
        while (i < CR_COUNT(ppr_words) &&
               !cr_span_equal_nocase(word, cr_span_str(ppr_words[i].text))) {
            i++;
        }
        if (i == CR_COUNT(ppr_words)) {
            return cr_fail(err, CR_MALFORMED, NULL,
                           "'%.*s' is no policy rule: there are ppr1 and ppr2", (int)word.n,
                           (const char *)word.p);
        }
        *bits |= ppr_words[i].bit;
    }
    return CR_OK;
}

/* An operator of the RAT: digits of MCC and MNC, or * for any. */
static cr_status parse_operator(cr_arena *arena, cr_span text, struct rsp_operator_id *out,
                                struct cr_err *err)
{
    uint8_t plmn[PROFILE_PLMN] = {0xEE, 0xEE, 0xEE};
    if (!cr_span_equal(text, cr_span_str("*"))) {
        CR_TRY(profile_plmn_encode(text, plmn, err));
    }
    /* Group identifiers of length zero: any. */
    *out = (struct rsp_operator_id){.mcc_mnc = cr_arena_copy(arena, CR_SPAN_ARRAY(plmn)),
                                    .gid1 = cr_span_of("", 0),
                                    .gid2 = cr_span_of("", 0)};
    return out->mcc_mnc.p ? CR_OK : cr_fail_memory(err);
}

/* "ppr1,ppr2=999-70,001-01", with "!" behind for "without consent". */
static cr_status parse_rule(cr_arena *arena, const char *text,
                            struct rsp_profile_policy_authorisation_rule *rule, struct cr_err *err)
{
    const char *rules;
    const char *operators;
    CR_TRY(cli_pair(arena, text, "rule of the RAT", &rules, &operators, err));
    uint64_t bits;
    CR_TRY(parse_pprs(rules, &bits, err));
    cr_span list = cr_span_str(operators);
    cr_span word;
    size_t room = 1;
    for (const char *c = operators; *c; c++) {
        room += *c == ',';
    }
    bool silent = list.p[list.n - 1] == '!';
    list.n -= silent;
    struct rsp_operator_id *items = cr_arena_alloc_array(arena, room, sizeof(*items));
    if (!items) {
        return cr_fail_memory(err);
    }
    size_t count = 0;
    while (cli_next_word(&list, &word)) {
        CR_TRY(parse_operator(arena, word, &items[count++], err));
    }
    rule->ppr_ids = bits;
    rule->allowed_operators.items = items;
    rule->allowed_operators.count = count;
    rule->allowed_operators.present = true;
    rule->ppr_flags = silent ? 0 : RSP_PPR_CONSENT_REQUIRED;
    return CR_OK;
}

static cr_status parse_rat(struct cli *cli, const struct create_values *v,
                           struct rsp_get_rat_response *rat, struct cr_err *err)
{
    size_t count = v->rat_rules.count;
    rat->rat.items = cr_arena_alloc_array(&cli->arena, count, sizeof(*rat->rat.items));
    if (!rat->rat.items) {
        return cr_fail_memory(err);
    }
    rat->rat.present = true;
    for (size_t i = 0; i < count; i++) {
        CR_TRY(parse_rule(&cli->arena, v->rat_rules.items[i], &rat->rat.items[i], err));
    }
    rat->rat.count = count;
    return CR_OK;
}

/* The options of the chip out of those of the command line. */
static cr_status read_values(struct cli *cli, const struct create_values *v,
                             struct euicc_options *options, struct rsp_get_rat_response *rat,
                             struct cr_err *err)
{
    uint8_t eid[16];
    *options = (struct euicc_options){
        .eid = v->eid,
        .default_smdp = v->default_smdp,
        .root_smds = v->root_smds,
        .svn = v->svn,
        .memory = (size_t)v->memory,
        .no_test_profiles = v->no_test_profiles,
        .strict_test_keys = v->strict_test_keys,
    };
    const char *const servers[] = {v->default_smdp, v->root_smds};
    for (size_t i = 0; i < CR_COUNT(servers); i++) {
        if (servers[i] && !rsp_address_valid(cr_span_str(servers[i]))) {
            return cr_fail(err, CR_MALFORMED, NULL, "'%.80s' is no address of a server",
                           servers[i]);
        }
    }
    if (v->eid) {
        CR_TRY(rsp_eid_parse(cr_span_str(v->eid), eid, err));
    }
    if (v->forbid_ppr) {
        CR_TRY(parse_pprs(v->forbid_ppr, &options->forbidden_pprs, err));
    }
    if (v->rat_rules.count > 0 || strcmp(v->rat, "none") == 0) {
        CR_TRY(parse_rat(cli, v, rat, err));
        options->rat = rat;
    }
    return CR_OK;
}

static int create_run(struct cli *cli, const void *values)
{
    const struct create_values *v = values;
    struct cr_err err;
    char eid[RSP_EID_TEXT] = "";
    struct rsp_version version;
    if (!rsp_version_parse(cr_span_str(v->svn), &version)) {
        return cli_usage(cli, "--svn takes a version such as 2.5.0, not '%s'", v->svn);
    }
    struct rsp_get_rat_response rat = {0};
    struct euicc_options chip;
    struct cli_m2m_chip m2m;
    if (read_values(cli, v, &chip, &rat, &err) != CR_OK ||
        cli_m2m_read(cli, &v->m2m, &m2m, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    chip.m2m = v->m2m.m2m ? &m2m.options : NULL;
    cr_status status = euicc_create_dir(v->dir, v->pki, &chip, cli->env, eid, &err);
    if (status == CR_OK && v->m2m.eis) {
        status = cli_m2m_write_eis(cli, v->dir, v->m2m.eis, &err);
    }
    if (status != CR_OK) {
        (void)cr_err_context(&err, status, "%s", v->dir);
        return cli_fail(cli, &err, false);
    }
    (void)fprintf(cli->out, "%s is an eUICC %swith EID %s\n", v->dir,
                  chip.m2m ? "of a machine " : "", eid);
    return CLI_OK;
}

#define FIELD(member) .offset = offsetof(struct create_values, member)

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Directory of the new chip.",
     .required = true,
     FIELD(dir)},
};

static const struct cli_option options[] = {
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Directory of 'crisp pki init' whose EUM issues the chip's certificates, on each of "
             "its curves.",
     .required = true,
     FIELD(pki)},
    {.name = "eid",
     .kind = CLI_STRING,
     .metavar = "EID",
     .help = "32 digits with right check digits, in the range of the EUM; a random one unless "
             "given.",
     FIELD(eid)},
    {.name = "svn",
     .kind = CLI_STRING,
     .metavar = "VERSION",
     .help = "Version of SGP.22 that the chip speaks: 2.0.0 to 2.6.x.",
     .fallback = "2.5.0",
     FIELD(svn)},
    {.name = "default-smdp",
     .kind = CLI_STRING,
     .metavar = "HOST",
     .help = "Default SM-DP+ address; none unless given.",
     FIELD(default_smdp)},
    {.name = "root-smds",
     .kind = CLI_STRING,
     .metavar = "HOST",
     .help = "Root SM-DS address.",
     .fallback = PKI_DEFAULT_DS_HOST,
     FIELD(root_smds)},
    {.name = "memory",
     .kind = CLI_INT,
     .metavar = "BYTES",
     .help = "Size of the memory for profiles; 1.5 MiB unless given.",
     .min = MIN_MEMORY,
     .max = MAX_MEMORY,
     FIELD(memory)},
    {.name = "forbid-ppr",
     .kind = CLI_STRING,
     .metavar = "RULES",
     .help = "Profile policy rules that the chip refuses: ppr1, ppr2, or both divided by a comma.",
     FIELD(forbid_ppr)},
    {.name = "rat",
     .kind = CLI_STRING,
     .metavar = "WHICH",
     .help = "Rules Authorisation Table. all: every operator may set every policy rule, with the "
             "user's consent; none: nobody may.",
     .fallback = "all",
     .one_of = rat_words,
     FIELD(rat)},
    {.name = "rat-rule",
     .kind = CLI_LIST,
     .metavar = "RULES=PLMNS",
     .help = "Row of the table instead of --rat: 'ppr1,ppr2=999-70,001-01' lets these operators "
             "set these rules; * is any operator, ! at the end means without consent.",
     FIELD(rat_rules)},
    {.name = "no-test-profiles",
     .kind = CLI_FLAG,
     .help = "The chip does not take test profiles.",
     FIELD(no_test_profiles)},
    {.name = "strict-test-keys",
     .kind = CLI_FLAG,
     .help = "Refuse test profiles with keys other than the public test keys.",
     FIELD(strict_test_keys)},
    {.name = "m2m",
     .kind = CLI_FLAG,
     .help =
         "A machine's chip (SGP.02) with ISD-R, ECASD and fresh keys of the SM-SR, instead of a "
         "consumer's. The options below are for it.",
     FIELD(m2m.m2m)},
    {.name = "profile",
     .kind = CLI_LIST,
     .metavar = "FILE",
     .help = "Profile package that the chip is shipped with; the first one is enabled and has the "
             "Fall-Back Attribute.",
     FIELD(m2m.profiles)},
    {.name = "test-profile",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Profile package that the device may enable as Test Profile.",
     FIELD(m2m.test_profile)},
    {.name = "emergency-profile",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Profile package that the device may enable as Emergency Profile.",
     FIELD(m2m.emergency_profile)},
    {.name = "smsr-number",
     .kind = CLI_STRING,
     .metavar = "NUMBER",
     .help = "Number that the chip sends its notifications to.",
     FIELD(m2m.smsr_number)},
    {.name = "smsr-https",
     .kind = CLI_STRING,
     .metavar = "IP:PORT/PATH",
     .help = "Where the SM-SR answers HTTPS sessions of the chip.",
     FIELD(m2m.smsr_https)},
    {.name = "smsr-cattp",
     .kind = CLI_STRING,
     .metavar = "IP:PORT",
     .help = "Where the SM-SR answers CAT_TP links of the chip (UDP).",
     FIELD(m2m.smsr_cattp)},
    {.name = "smsc",
     .kind = CLI_STRING,
     .metavar = "NUMBER",
     .help = "Service centre in the connectivity parameters of the first profile.",
     FIELD(m2m.smsc)},
    {.name = "nan",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help = "Network access name (APN) in the connectivity parameters of the first profile.",
     FIELD(m2m.nan)},
    {.name = "timer",
     .kind = CLI_LIST,
     .metavar = "NAME=VALUE",
     .help = "A time that the chip waits, such as attach=10m: attach (10m, for service of a newly "
             "enabled profile), look (1m, between two looks for service), confirm (5m, for the "
             "confirmation of a notification), repeats (3, of the notification), slow (1h, between "
             "repetitions that nothing hangs on), loss (5m, of service until fall-back).",
     FIELD(m2m.timers)},
    {.name = "eis",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write what the EUM registers at the SM-SR, with the keys of the ISD-R in the clear.",
     FIELD(m2m.eis)},
};

const struct cli_command cli_euicc_create = {
    .name = "create",
    .summary = "make a new chip",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct create_values),
    .run = create_run,
    .examples = "# a chip with a random EID\n"
                "crisp euicc create chip --pki pki\n"
                "# an old one with little memory that lets nobody lock a profile\n"
                "crisp euicc create old --pki pki --svn 2.0.0 --memory 131072 --rat none\n"
                "# a machine's chip, and what its EUM registers\n"
                "crisp euicc create meter --pki pki --m2m --profile first.der --smsr-number "
                "12345678 --eis meter.json",
};
