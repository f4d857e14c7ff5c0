/*
 * crisp pki m2m-parties: the parties of a lab for SGP.02, with certificates and configurations.
 */
#include "cli/pki.h"

#include "asn1/der.h"
#include "m2m/lab.h"
#include "pki/hierarchy.h"

#include <stdlib.h>

#define MAX_PORT 65535

struct parties_values {
    const char *dir, *host, *pki;
    int64_t first_port;
    struct cli_list oids, hosts, ports;
};

/* "NAME=VALUE": the party of the lab, and the value behind it. */
static struct m2m_lab_party *party_of(struct m2m_lab *lab, const char *text, const char **value)
{
    const char *sign = strchr(text, '=');
    *value = sign ? sign + 1 : NULL;
    return sign ? m2m_lab_named(lab, cr_span_of(text, (size_t)(sign - text))) : NULL;
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end = NULL;
    unsigned long n = strtoul(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '\0' && n >= 1 && n <= MAX_PORT;
    if (good) {
        *port = (uint16_t)n;
    }
    return good;
}

static const char *const names = "eum, operator-a, operator-b, m2m-sp, smdp, smsr-1 and smsr-2";

/* What the options change. */
static int apply(struct cli *cli, const struct parties_values *v, struct m2m_lab *lab)
{
    const struct {
        const char *option;
        const struct cli_list *list;
    } options[] = {{"oid", &v->oids}, {"host-of", &v->hosts}, {"port", &v->ports}};
    for (size_t i = 0; v->host && i < M2M_LAB_PARTIES; i++) {
        lab->parties[i].host = v->host;
    }
    for (size_t o = 0; o < CR_COUNT(options); o++) {
        for (size_t i = 0; i < options[o].list->count; i++) {
            const char *value;
            const char *text = options[o].list->items[i];
            struct m2m_lab_party *party = party_of(lab, text, &value);
            if (!party) {
                return cli_usage(cli, "--%s takes NAME=VALUE, the names are %s", options[o].option,
                                 names);
            }
            if (options[o].list == &v->ports && !read_port(value, &party->port)) {
                return cli_usage(cli, "--port takes numbers from 1 to %d, not '%s'", MAX_PORT,
                                 value);
            }
            if (options[o].list == &v->oids) {
                party->oid = value;
            } else if (options[o].list == &v->hosts) {
                party->host = value;
            }
        }
    }
    return CLI_OK;
}

/* An EIS names its EUM by the OID of the EUM's certificate, and is verified by it. */
static cr_status take_eum(struct cli *cli, const char *pki, struct m2m_lab *lab, struct cr_err *err)
{
    static const char name[] = "eum";
    struct pki_cert eum;
    char oid[DER_OID_TEXT];
    struct m2m_lab_party *party = m2m_lab_named(lab, cr_span_str(name));
    CR_TRY(pki_hierarchy_load(pki, CRYPTO_P256, name, &cli->arena, &eum, NULL, err));
    if (!cr_span_present(eum.registered_id) ||
        der_oid_text(eum.registered_id, oid, NULL) != CR_OK) {
        return cr_fail(err, CR_REFUSED, NULL, "the EUM's certificate in %s has no registeredID",
                       pki);
    }
    lab->eum_certificate = eum.raw;
    party->oid = cr_arena_printf(&cli->arena, "%s", oid);
    return party->oid ? CR_OK : cr_fail_memory(err);
}

/* What is started with which file, as far as this program has the command. */
static void put_commands(struct cli *cli, const struct parties_values *v, const struct m2m_lab *lab)
{
    static const struct {
        enum soap_party role;
        const char *command, *leaf;
        bool server; /* has a database and certificates for chips */
    } rows[] = {{SOAP_SMSR, "smsr", "serve", true},
                {SOAP_SMDP, "smdp", "serve", true},
                {SOAP_OPERATOR, "operator", "listen", false}};
    bool first = true;
    for (size_t r = 0; r < CR_COUNT(rows); r++) {
        const struct cli_command *group = cli_find(&cli_root, rows[r].command);
        if (!group || !cli_find(group, rows[r].leaf)) {
            continue;
        }
        for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
            const struct m2m_lab_party *p = &lab->parties[i];
            if (p->role != rows[r].role) {
                continue;
            }
            (void)fprintf(cli->out, "%s  crisp %s %s --parties %s/%s.ini",
                          first ? "To start them:\n" : "", rows[r].command, rows[r].leaf, v->dir,
                          p->name);
            if (rows[r].server) {
                (void)fprintf(cli->out, " --dir %s.data --pki %s", p->name,
                              v->pki ? v->pki : "PKI");
            }
            (void)fputc('\n', cli->out);
            first = false;
        }
    }
}

static int parties_run(struct cli *cli, const void *values)
{
    const struct parties_values *v = values;
    struct m2m_lab lab = m2m_lab_usual((uint16_t)v->first_port);
    struct cr_err err;
    cr_status status = v->pki ? take_eum(cli, v->pki, &lab, &err) : CR_OK;
    if (status != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    int code = apply(cli, v, &lab);
    if (code != CLI_OK) {
        return code;
    }
    if (m2m_lab_make(v->dir, &lab, cli->env, &err) != CR_OK) {
        return cli_fail(cli, &err, false);
    }
    (void)fprintf(cli->out, "%s has the parties of a lab, a file for each:\n", v->dir);
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        const struct m2m_lab_party *p = &lab.parties[i];
        (void)fprintf(cli->out, "  %-15s %-11s %-14s %s:%u\n",
                      cr_arena_printf(&cli->arena, "%s.ini", p->name), p->title, p->oid, p->host,
                      p->port);
    }
    put_commands(cli, v, &lab);
    return CLI_OK;
}

#define FIELD(member) .offset = offsetof(struct parties_values, member)

static const struct cli_option arguments[] = {
    {.name = "DIR", .kind = CLI_STRING, .help = "Directory to make.", .required = true, FIELD(dir)},
};

static const struct cli_option options[] = {
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "Directory of 'crisp pki init': the OID of the EUM is taken from its certificate, and "
             "the SM-SRs of the lab verify by it what the EUM signs.",
     FIELD(pki)},
    {.name = "host",
     .kind = CLI_STRING,
     .metavar = "HOST",
     .help = "Host name or IP address of all parties: in their URLs and certificates.",
     .fallback = M2M_LAB_HOST,
     FIELD(host)},
    {.name = "host-of",
     .kind = CLI_LIST,
     .metavar = "NAME=HOST",
     .help = "The same for one party.",
     FIELD(hosts)},
    {.name = "first-port",
     .kind = CLI_INT,
     .metavar = "PORT",
     .help = "TCP port of the first party; the others follow.",
     .fallback = "9101",
     .min = 1,
     .max = MAX_PORT - M2M_LAB_PARTIES + 1,
     FIELD(first_port)},
    {.name = "port",
     .kind = CLI_LIST,
     .metavar = "NAME=PORT",
     .help = "TCP port of one party.",
     FIELD(ports)},
    {.name = "oid",
     .kind = CLI_LIST,
     .metavar = "NAME=OID",
     .help = "OID of one party.",
     FIELD(oids)},
};

const struct cli_command cli_pki_m2m_parties = {
    .name = "m2m-parties",
    .summary = "make the parties of a lab for SGP.02",
    .description =
        "Makes a directory with a CA and, for an EUM, two operators, an M2M service provider, an "
        "SM-DP and two SM-SRs, a TLS certificate (client and server) and a file that says who it "
        "is "
        "and where it finds the others: what '--parties FILE' takes. The names are eum, "
        "operator-a, "
        "operator-b, m2m-sp, smdp, smsr-1 and smsr-2. The EUM and each SM-SR have agreed on a "
        "random transport key, which "
        "their files name.\n\nThe directory is one of 'crisp pki', so "
        "that "
        "'crisp pki issue DIR party' adds certificates of more parties.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct parties_values),
    .run = parties_run,
    .examples = "# a lab on this machine\n"
                "crisp pki init pki\n"
                "crisp pki m2m-parties lab --pki pki\n"
                "# another port for one of them\n"
                "crisp pki m2m-parties lab2 --first-port 9201 --port smdp=9443",
};
