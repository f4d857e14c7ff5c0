/*
 * crisp aka: the network's side of an authentication (3GPP TS 33.102 6.3).
 */
#include "cli/cli.h"

#include "cli/json_line.h"

#include "base/file.h"
#include "base/text.h"
#include "crypto/aka.h"

#include <stdlib.h>

#define SQN_SIZE        6
#define RAND_SIZE       16
#define MAX_DESCRIPTION 1048576 /* bytes */
#define IND_BITS        5       /* of SQN, the lowest */

struct aka_values {
    const char *k, *opc, *op, *algorithm, *profile, *rand, *sqn, *amf, *auts;
    int64_t res_size, iterations;
    bool json;
};

/* The subscriber's parameters, from options or from a description. */
struct subscriber {
    struct aka_params params;
    uint8_t rand[RAND_SIZE];
};

static const char *const algorithm_words[] = {"milenage", "tuak", "test", NULL};

/* ---- what is given -----------------------------------------------------------------------------
 */

static cr_status bad_hex(const char *what, size_t n, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, NULL, "%s has %zu bytes in hex", what, n);
}

static cr_status hex_exact(const char *what, const char *text, uint8_t *out, size_t n,
                           struct cr_err *err)
{
    return cr_hex_fixed(out, n, cr_span_str(text)) ? CR_OK : bad_hex(what, n, err);
}

/* Members of a description that stand for options which are not given. */
static cr_status read_description(struct cli *cli, struct aka_values *v, struct cr_err *err)
{
    cr_buf text = {.secret = true};
    json_error_t problem;
    bool given = v->op || v->opc; /* then those of the description do not count */
    CR_TRY(cr_file_read(v->profile, MAX_DESCRIPTION, &text, err));
    json_t *json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    cr_buf_free(&text);
    if (!json_is_object(json)) {
        json_decref(json);
        return cr_fail(err, CR_MALFORMED, NULL, "%.100s is no profile description", v->profile);
    }
    const struct {
        const char *member;
        const char **value;
    } rows[] = {
        {"k", &v->k},   {"opc", &v->opc}, {"topc", &v->opc},
        {"op", &v->op}, {"top", &v->op},  {"algorithm", &v->algorithm},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const char *found = json_string_value(json_object_get(json, rows[i].member));
        bool operator_given = rows[i].value != &v->k && rows[i].value != &v->algorithm && given;
        if (found && !*rows[i].value && !operator_given) {
            *rows[i].value = cr_arena_strn(&cli->arena, cr_span_str(found));
        }
    }
    json_decref(json);
    return CR_OK;
}

static cr_status read_key(struct aka_params *p, const char *text, struct cr_err *err)
{
    size_t n = text ? strlen(text) / 2 : 0;
    if (!text) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "K is missing");
        return cr_err_next(err, status, "give --k, or --profile with a description that has it");
    }
    if ((n != 16 && n != 32) || !cr_hex_fixed(p->key, n, cr_span_str(text))) {
        return cr_fail(err, CR_MALFORMED, NULL, "K has 16 bytes in hex (TUAK: or 32)");
    }
    p->key_size = n;
    return CR_OK;
}

static cr_status read_opc(struct aka_params *p, const struct aka_values *v, struct cr_err *err)
{
    size_t n = p->algorithm == AKA_TUAK ? 32 : 16;
    const char *what = p->algorithm == AKA_TUAK ? "TOPc" : "OPc";
    uint8_t op[32];
    if (p->algorithm == AKA_TEST) {
        return CR_OK;
    }
    if (v->op) {
        CR_TRY(hex_exact(p->algorithm == AKA_TUAK ? "TOP" : "OP", v->op, op, n, err));
        return aka_opc(p, cr_span_of(op, n), p->opc, err);
    }
    if (!v->opc) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "%s is missing", what);
        return cr_err_next(err, status, "give --opc or --op, or --profile with a description");
    }
    return hex_exact(what, v->opc, p->opc, n, err);
}

static cr_status read_subscriber(struct cli *cli, struct aka_values *v, struct subscriber *s,
                                 struct cr_err *err)
{
    if (v->profile) {
        CR_TRY(read_description(cli, v, err));
    }
    int i = 0;
    while (v->algorithm && algorithm_words[i] && strcmp(v->algorithm, algorithm_words[i]) != 0) {
        i++;
    }
    if (!algorithm_words[i]) {
        return cr_fail(err, CR_MALFORMED, NULL, "'%.20s' is no algorithm: milenage, tuak or test",
                       v->algorithm);
    }
    aka_params_default(&s->params, (enum aka_algorithm)(AKA_MILENAGE + i));
    if (v->res_size) {
        s->params.res_size = (size_t)v->res_size;
    }
    if (v->iterations) {
        s->params.keccak_iterations = (unsigned)v->iterations;
    }
    CR_TRY(read_key(&s->params, v->k, err));
    CR_TRY(read_opc(&s->params, v, err));
    if (v->rand) {
        return hex_exact("RAND", v->rand, s->rand, RAND_SIZE, err);
    }
    return cr_random(cli->env, s->rand, RAND_SIZE, err);
}

/* ---- output ------------------------------------------------------------------------------------
 */

struct row {
    const char *name;
    cr_span bytes;
    const char *says; /* for people */
};

static void put_rows(struct cli *cli, const struct row *rows, size_t count, bool as_json)
{
    json_t *json = as_json ? json_object() : NULL;
    for (size_t i = 0; i < count; i++) {
        char *hex = cr_hex(&cli->arena, rows[i].bytes);
        if (as_json) {
            cli_json_text(json, rows[i].name, hex);
        } else {
            (void)fprintf(cli->out, "%-5s %-34s %s\n", rows[i].name, hex ? hex : "", rows[i].says);
        }
    }
    if (as_json) {
        cli_put_json(cli, json);
    }
}

/* ---- challenge ---------------------------------------------------------------------------------
 */

static cr_status challenge(struct cli *cli, struct aka_values *v, struct cr_err *err)
{
    struct subscriber s = {0};
    struct aka_vector vector = {0};
    uint8_t sqn[SQN_SIZE];
    uint8_t amf[2];
    uint8_t autn[AKA_AUTN];
    uint8_t kc[8];
    CR_TRY(read_subscriber(cli, v, &s, err));
    CR_TRY(hex_exact("SQN", v->sqn, sqn, sizeof(sqn), err));
    CR_TRY(hex_exact("AMF", v->amf, amf, sizeof(amf), err));
    cr_status status = aka_compute(&s.params, s.rand, sqn, amf, &vector, err);
    if (status == CR_OK) {
        aka_autn(&vector, sqn, amf, autn);
        aka_kc(vector.ck, vector.ik, kc);
        const struct row rows[] = {
            {"RAND", CR_SPAN_ARRAY(s.rand), "the challenge"},
            {"AUTN", CR_SPAN_ARRAY(autn), "proves to the card that the network knows K"},
            {"XRES", cr_span_of(vector.res, s.params.res_size), "what the card has to answer"},
            {"CK", cr_span_of(vector.ck, s.params.ck_size), "key for ciphering"},
            {"IK", cr_span_of(vector.ik, s.params.ik_size), "key for integrity"},
            {"Kc", CR_SPAN_ARRAY(kc), "key for GSM"},
        };
        put_rows(cli, rows, CR_COUNT(rows), v->json);
    }
    cr_wipe(&s, sizeof(s));
    cr_wipe(&vector, sizeof(vector));
    return status;
}

/* ---- resync ------------------------------------------------------------------------------------
 */

/* The next SQN that the card takes: SEQ one higher, the same index. */
static void next_sqn(const uint8_t sqn_ms[SQN_SIZE], uint8_t out[SQN_SIZE])
{
    uint64_t v = 0;
    for (size_t i = 0; i < SQN_SIZE; i++) {
        v = v << 8 | sqn_ms[i];
    }
    v += (uint64_t)1 << IND_BITS;
    for (size_t i = SQN_SIZE; i-- > 0; v >>= 8) {
        out[i] = (uint8_t)v;
    }
}

static cr_status resync(struct cli *cli, struct aka_values *v, struct cr_err *err)
{
    struct subscriber s = {0};
    uint8_t auts[AKA_AUTS];
    uint8_t sqn_ms[SQN_SIZE];
    uint8_t next[SQN_SIZE];
    if (!v->rand) {
        return cr_fail(err, CR_MALFORMED, NULL, "--rand is missing: AUTS belongs to a challenge");
    }
    CR_TRY(read_subscriber(cli, v, &s, err));
    CR_TRY(hex_exact("AUTS", v->auts, auts, sizeof(auts), err));
    cr_status status = aka_auts(&s.params, s.rand, auts, sqn_ms, err);
    if (status == CR_OK) {
        next_sqn(sqn_ms, next);
        const struct row rows[] = {
            {"SQNms", CR_SPAN_ARRAY(sqn_ms), "highest sequence number of the card"},
            {"SQN", CR_SPAN_ARRAY(next), "for the next challenge"},
        };
        put_rows(cli, rows, CR_COUNT(rows), v->json);
    }
    cr_wipe(&s, sizeof(s));
    return status;
}

/* ---- the commands ------------------------------------------------------------------------------
 */

static int run(struct cli *cli, const void *values,
               cr_status (*what)(struct cli *, struct aka_values *, struct cr_err *))
{
    struct aka_values v = *(const struct aka_values *)values;
    struct cr_err err = {0};
    cr_status status = what(cli, &v, &err);
    if (status == CR_OK) {
        return CLI_OK;
    }
    return status == CR_MALFORMED ? cli_fail_usage(cli, &err) : cli_fail(cli, &err, v.json);
}

static int challenge_run(struct cli *cli, const void *values)
{
    return run(cli, values, challenge);
}

static int resync_run(struct cli *cli, const void *values)
{
    return run(cli, values, resync);
}

#define FIELD(member) .offset = offsetof(struct aka_values, member)
/* clang-format off */
#define SUBSCRIBER                                                                                 \
    {.name = "k", .kind = CLI_STRING, .metavar = "HEX",                                            \
     .help = "The subscriber's key.", FIELD(k)},                                                   \
    {.name = "opc", .kind = CLI_STRING, .metavar = "HEX",                                          \
     .help = "OPc, for TUAK TOPc.", FIELD(opc)},                                                   \
    {.name = "op", .kind = CLI_STRING, .metavar = "HEX",                                           \
     .help = "OP (TOP) of the operator instead.", FIELD(op)},                                      \
    {.name = "algorithm", .kind = CLI_STRING, .metavar = "NAME",                                   \
     .help = "milenage (the default), tuak, or test (XOR).", .one_of = algorithm_words,            \
     FIELD(algorithm)},                                                                            \
    {.name = "profile", .kind = CLI_STRING, .metavar = "FILE",                                     \
     .help = "Take K, OPc and algorithm from a profile description, as far as no option gives "    \
             "them.", FIELD(profile)},                                                             \
    {.name = "res-size", .kind = CLI_INT, .metavar = "N",                                          \
     .help = "Bytes of RES; otherwise 8, for the test algorithm 16.", .min = 4, .max = 32,         \
     FIELD(res_size)},                                                                             \
    {.name = "keccak", .kind = CLI_INT, .metavar = "N",                                            \
     .help = "TUAK: iterations of Keccak; otherwise 1.", .min = 1, .max = AKA_KECCAK_MAX,          \
     FIELD(iterations)},                                                                           \
    {.name = "json", .kind = CLI_FLAG, .help = "One JSON object.", FIELD(json)}
/* clang-format on */

static const struct cli_option challenge_options[] = {
    SUBSCRIBER,
    {.name = "rand",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "The challenge, 16 bytes; without it a random one.",
     FIELD(rand)},
    {.name = "sqn",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "Sequence number, 6 bytes, the lowest 5 bits its index. A card takes each index only "
             "upwards; it answers with AUTS otherwise.",
     .fallback = "000000000020",
     FIELD(sqn)},
    {.name = "amf",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "Authentication management field, 2 bytes; 8000 as LTE and 5G want it.",
     .fallback = "8000",
     FIELD(amf)},
};

static const struct cli_option resync_options[] = {
    SUBSCRIBER,
    {.name = "rand",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "The challenge that the card answered, 16 bytes.",
     FIELD(rand)},
    {.name = "auts",
     .kind = CLI_STRING,
     .metavar = "HEX",
     .help = "What it answered, 14 bytes (behind DC 0E).",
     .required = true,
     FIELD(auts)},
};

static const struct cli_command aka_challenge = {
    .name = "challenge",
    .summary = "make a challenge for a card",
    .description = "Computes what a network sends in an authentication (RAND, AUTN) and what it "
                   "expects (XRES, CK, IK): 3GPP TS 33.102 6.3. The card's answer to AUTHENTICATE "
                   "has to begin with DB and hold the same RES.",
    .options = challenge_options,
    .option_count = CR_COUNT(challenge_options),
    .values_size = sizeof(struct aka_values),
    .run = challenge_run,
    .examples = "# for the subscriber of a description, into the chip\n"
                "crisp aka challenge --profile private-network-999-70.json\n"
                "crisp euicc apdu chip --decode 'select ADF.USIM' 'authenticate RAND AUTN'",
};

static const struct cli_command aka_resync = {
    .name = "resync",
    .summary = "read the sequence number out of a card's AUTS",
    .description = "A card that finds the sequence number of a challenge used up answers with AUTS "
                   "(DC 0E ...): its own number, proved with K. Checks the proof and prints the "
                   "number, and the next one that the card will take. Exit status 3: the proof is "
                   "wrong.",
    .options = resync_options,
    .option_count = CR_COUNT(resync_options),
    .values_size = sizeof(struct aka_values),
    .run = resync_run,
};

static const struct cli_command *const children[] = {&aka_challenge, &aka_resync, NULL};

const struct cli_command cli_aka = {
    .name = "aka",
    .summary = "authenticate a card as a network does",
    .description = "The network's side of an authentication: Milenage, TUAK and the XOR test "
                   "algorithm, from K and OPc.",
    .children = children,
};
