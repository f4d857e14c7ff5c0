/*
 * What the commands of SGP.02 parties share: parties, peers, words, a call with its answer.
 */
#include "cli/m2m.h"

#include "base/text.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "pki/cert.h"

/* ---- words -------------------------------------------------------------------------------------
 */

/* Compares without case and hyphens. */
static bool same_letters(cr_span a, cr_span b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a.n && a.p[i] == '-') {
            i++;
        }
        while (k < b.n && b.p[k] == '-') {
            k++;
        }
        if (i == a.n || k == b.n) {
            return i == a.n && k == b.n;
        }
        if (!cr_span_equal_nocase(cr_span_sub(a, i++, 1), cr_span_sub(b, k++, 1))) {
            return false;
        }
    }
}

bool cli_m2m_same_word(const char *standard, cr_span word)
{
    static const char handle[] = "Handle", notification[] = "Notification";
    const cr_span whole = cr_span_str(standard);
    const size_t front = sizeof handle - 1, back = sizeof notification - 1;
    if (same_letters(whole, word)) {
        return true;
    }
    return whole.n > front + back && strncmp(standard, handle, front) == 0 &&
           same_letters(cr_span_sub(whole, front, whole.n - front - back), word);
}

const struct soap_function *cli_m2m_function(enum soap_interface interface, const char *word)
{
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->interface == interface &&
            (cli_m2m_same_word(f->name, cr_span_str(word)) ||
             (f->alias && cli_m2m_same_word(f->alias, cr_span_str(word))))) {
            return f;
        }
    }
    return NULL;
}

int cli_m2m_word(const char *const *names, cr_span word)
{
    for (int i = 0; names[i]; i++) {
        if (cli_m2m_same_word(names[i], word)) {
            return i + 1;
        }
    }
    return 0;
}

/* ---- parties -----------------------------------------------------------------------------------
 */

static cr_status check_role(const struct m2m_parties *parties, const char *path, unsigned roles,
                            struct cr_err *err)
{
    if (parties->role & roles) {
        return CR_OK;
    }
    return cr_err_next(err,
                       cr_fail(err, CR_REFUSED, NULL, "%s is the file of role %s", path,
                               soap_party_name(parties->role)),
                       "Give the file of the party that asks: role = ... of [self].");
}

/* The peer would only say that the handshake failed. */
static cr_status check_certificate(struct cli *cli, const struct m2m_parties *parties,
                                   struct cr_err *err)
{
    char when[CR_TIME_TEXT];
    cr_span der;
    struct pki_cert cert;
    cr_status status = cli_input_der(cli, parties->tls_cert, &der, err);
    if (status == CR_OK) {
        status = pki_cert_decode(der, &cert, err);
    }
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", parties->tls_cert);
    }
    const int64_t now = cr_now_ms(cli->env);
    if (now > cert.not_after_ms || now < cert.not_before_ms) {
        const bool over = now > cert.not_after_ms;
        return cr_err_next(
            err,
            cr_fail(err, CR_REFUSED, NULL, "our TLS certificate %s %s %s", parties->tls_cert,
                    over ? "expired on" : "is not valid before",
                    cr_time_format(when, over ? cert.not_after_ms : cert.not_before_ms)),
            "Issue a new one with 'crisp pki issue DIR party', and give it to the peers.");
    }
    return CR_OK;
}

cr_status cli_m2m_parties(struct cli *cli, const char *path, unsigned roles,
                          struct m2m_parties *out, struct cr_err *err)
{
    CR_TRY(m2m_parties_load(path, out, err));
    cr_status status = check_role(out, path, roles, err);
    return status == CR_OK ? check_certificate(cli, out, err) : status;
}

cr_status cli_m2m_peer(const struct m2m_parties *parties, const char *name, enum soap_party role,
                       const struct m2m_party **out, struct cr_err *err)
{
    const struct m2m_party *found = NULL;
    cr_buf names = {0};
    size_t count = 0;
    for (size_t i = 0; i < parties->count; i++) {
        if (parties->parties[i].roles & role) {
            found = &parties->parties[i];
            cr_buf_appendf(&names, "%s%s", count++ ? ", " : "", found->name);
        }
    }
    const char *list = count ? cr_buf_cstr(&names) : "none";
    cr_status status = CR_OK;
    if (name) {
        found = m2m_party_named(parties, name);
        if (!found || !(found->roles & role)) {
            status = cr_fail(err, CR_REFUSED, NULL, "%s is no %s of the file of parties", name,
                             soap_party_name(role));
            status = cr_err_next(err, status, "There is: %s.", list ? list : "");
        }
    } else if (count != 1) {
        status = cr_fail(err, CR_REFUSED, NULL, "the file of parties has %zu of role %s", count,
                         soap_party_name(role));
        status = cr_err_next(err, status, "Say with --to whom to ask: %s.", list ? list : "");
    }
    if (status == CR_OK) {
        *out = found;
    }
    cr_buf_free(&names);
    return status;
}

cr_status cli_m2m_listener(struct cli *cli, const struct m2m_parties *parties, const char *given,
                           const char **host, uint16_t *port, struct cr_err *err)
{
    *host = NULL;
    *port = 0;
    if (given) {
        return cli_host_port(&cli->arena, given, host, port, err);
    }
    return m2m_caller_bind(parties->address, &cli->arena, host, port)
               ? CR_OK
               : cr_fail(err, CR_REFUSED, NULL, "address = %s of [self] cannot be listened on",
                         parties->address);
}

/* ---- a call ------------------------------------------------------------------------------------
 */

struct waiting {
    struct cli *cli;
    struct cli_progress progress;
};

static bool go_on(void *ctx)
{
    struct waiting *w = ctx;
    cli_progress_at(&w->progress,
                    (size_t)((cr_now_ms(w->cli->env) - w->progress.started_ms) / 1000));
    return !cli_stop;
}

/* What a reason means for whoever asked. */
static cr_status advise(struct cr_err *err, cr_status status)
{
    static const struct {
        const char *reason, *next;
    } rows[] = {
        {"1.1", "Check EID, ICCID and OIDs: it is not known there."},
        {"1.2",
         "The caller may not do this: is the profile its own, or is it authorised (SetPLMA)?"},
        {"3.8", "A rule forbids it: read POL2 with GetEIS, change it with UpdatePolicyRules."},
        {"3.9", "Check EID and ICCID: read the eUICC with GetEIS."},
        {"4.4", "Another procedure runs on this eUICC: ask again when it has ended."},
        {"5.1", "The eUICC or a server cannot be reached now: ask again later."},
        {"5.3", "It was not done in time; ask for an audit (AuditEIS), then again."},
    };
    for (size_t i = 0; err && i < CR_COUNT(rows); i++) {
        if (strcmp(err->reason, rows[i].reason) == 0) {
            return cr_err_advise(err, status, "%s", rows[i].next);
        }
    }
    return status;
}

cr_status cli_m2m_ask(struct cli *cli, const struct cli_m2m_values *v,
                      const struct m2m_parties *parties, const struct m2m_party *to,
                      const struct soap_function *function, const struct soap_body *body,
                      struct soap_message *answer, struct cr_err *err)
{
    struct waiting w = {.cli = cli};
    struct soap_body request = *body;
    struct m2m_caller_options options = {
        .parties = parties, .env = cli->env, .identity = v->message_id, .go_on = go_on, .ctx = &w};
    if (v->poll) {
        options.how = SOAP_REPLY_POLL;
    } else if (!v->sync && (function->pattern == SOAP_ASYNC || v->listen)) {
        options.how = SOAP_REPLY_CALLBACK;
        CR_TRY(cli_m2m_listener(cli, parties, v->listen, &options.listen_host, &options.listen_port,
                                err));
    }
    if (v->validity > 0) {
        request.has_validity_period = true;
        request.validity_period = v->validity;
    }
    cli_catch_signals();
    cli_progress_start(&w.progress, cli, "seconds waited for the answer", 0);
    cr_status status = m2m_caller_ask(&options, to, function, &request, &cli->arena, answer, err);
    cli_progress_end(&w.progress);
    CR_TRY(status);
    return advise(err, soap_status_to_err(&answer->body.status, function->name, err));
}
