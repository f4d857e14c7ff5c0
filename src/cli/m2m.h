/*
 * What the commands of SGP.02 parties share: the file of parties, the peer, words of the messages,
 * and messages as text and JSON.
 */
#ifndef CRISP_CLI_M2M_H
#define CRISP_CLI_M2M_H

#include "cli/cli.h"
#include "m2m/caller.h"

/* ---- who talks to whom -------------------------------------------------------------------------
 */

struct cli_m2m_values {
    const char *parties, *to, *listen, *message_id;
    int64_t validity;
    bool poll, sync, json;
};

#define CLI_M2M_PARTIES_ROW(at)                                                                    \
    {                                                                                              \
        .name = "parties", .kind = CLI_STRING, .metavar = "FILE",                                  \
        .help = "Who we are and who the others are: a file as 'crisp pki m2m-parties' makes it.",  \
        .required = true, .offset = (at) + offsetof(struct cli_m2m_values, parties)                \
    }
#define CLI_M2M_JSON_ROW(at)                                                                       \
    {                                                                                              \
        .name = "json", .kind = CLI_FLAG, .help = "Print JSON, one object a line.",                \
        .offset = (at) + offsetof(struct cli_m2m_values, json)                                     \
    }
/* Of the commands that call a function. */
#define CLI_M2M_CALL_ROWS(at)                                                                      \
    CLI_M2M_PARTIES_ROW(at),                                                                       \
        {.name = "to",                                                                             \
         .kind = CLI_STRING,                                                                       \
         .metavar = "PARTY",                                                                       \
         .help = "Whom to ask: name or OID of the file; the only one with the role unless given.", \
         .offset = (at) + offsetof(struct cli_m2m_values, to)},                                    \
        {.name = "poll",                                                                           \
         .kind = CLI_FLAG,                                                                         \
         .help = "Fetch the answer by polling.",                                                   \
         .offset = (at) + offsetof(struct cli_m2m_values, poll)},                                  \
        {.name = "sync",                                                                           \
         .kind = CLI_FLAG,                                                                         \
         .help = "Wait for the answer on the same connection, up to a minute.",                    \
         .offset = (at) + offsetof(struct cli_m2m_values, sync)},                                  \
        {.name = "listen",                                                                         \
         .kind = CLI_STRING,                                                                       \
         .metavar = "HOST:PORT",                                                                   \
         .help = "Where an answer that is called back is taken; port 0 takes a free one. The "     \
                 "address of the file unless given.",                                              \
         .offset = (at) + offsetof(struct cli_m2m_values, listen)},                                \
        {.name = "message-id",                                                                     \
         .kind = CLI_STRING,                                                                       \
         .metavar = "ID",                                                                          \
         .help =                                                                                   \
             "Identity of the request, of your own choice: asked again under the same one, it "    \
             "is not executed again, and the first answer comes (once more).",                     \
         .offset = (at) + offsetof(struct cli_m2m_values, message_id)},                            \
        {.name = "validity",                                                                       \
         .kind = CLI_INT,                                                                          \
         .metavar = "SECONDS",                                                                     \
         .help = "ValidityPeriod: how long it may take; 0: as long as the function usually does.", \
         .fallback = "0",                                                                          \
         .min = 0,                                                                                 \
         .max = 31536000,                                                                          \
         .offset = (at) + offsetof(struct cli_m2m_values, validity)},                              \
        CLI_M2M_JSON_ROW(at)

/* Loads the file of parties; *out is freed with m2m_parties_free(). roles: enum soap_party bits
 * that [self] may have. CR_REFUSED: another role, or a TLS certificate of ours that is not valid
 * now. */
cr_status cli_m2m_parties(struct cli *cli, const char *path, unsigned roles,
                          struct m2m_parties *out, struct cr_err *err) CR_MUST_CHECK;

/* The party of a role that is asked for: by name or OID, or the only one. */
cr_status cli_m2m_peer(const struct m2m_parties *parties, const char *name, enum soap_party role,
                       const struct m2m_party **out, struct cr_err *err) CR_MUST_CHECK;

/* Where to listen: HOST:PORT when given, else the address of [self]. */
cr_status cli_m2m_listener(struct cli *cli, const struct m2m_parties *parties, const char *given,
                           const char **host, uint16_t *port, struct cr_err *err) CR_MUST_CHECK;

/* Asks and waits, with a progress line. An answer that says FAILED or EXPIRED is CR_REFUSED with
 * its codes and what to do. */
cr_status cli_m2m_ask(struct cli *cli, const struct cli_m2m_values *values,
                      const struct m2m_parties *parties, const struct m2m_party *to,
                      const struct soap_function *function, const struct soap_body *body,
                      struct soap_message *answer, struct cr_err *err) CR_MUST_CHECK;

/* ---- words -------------------------------------------------------------------------------------
 */

/* Names as people write them: any case, with or without hyphens, "Handle...Notification" may be
 * left out. */
bool cli_m2m_same_word(const char *standard, cr_span word);
/* NULL = the interface has none of this name. */
const struct soap_function *cli_m2m_function(enum soap_interface interface, const char *word);
/* 1 + index in a list that ends with NULL; 0 = none. */
int cli_m2m_word(const char *const *names, cr_span word);

/* ---- messages ----------------------------------------------------------------------------------
 */

/* Prints the elements of a message that are there: indented lines, or one JSON object with the
 * standard's names, after "function" and "interface" and `extra` (its reference is taken; NULL =
 * none). Secrets are left out. */
void cli_m2m_print(struct cli *cli, const struct soap_message *message, bool json, void *extra);
/* The same for one struct of a type: lines indented by `indent`, or an object (json_t *). */
void cli_m2m_print_type(struct cli *cli, const struct soap_type *type, const void *value,
                        int indent);
void *cli_m2m_type_json(const struct soap_type *type, const void *value);

#endif
