#include "smdpp/credentials.h"

#include "base/file.h"
#include "pki/issue.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_FILE  ((size_t)4 << 20) /* bytes of a file with certificates */
#define MAX_CHAIN 16                /* certificates of a TLS file */
#define MAX_LIVES (SMDPP_MAX_IDENTITIES + SMDPP_MAX_TLS)

/* How long something that we show is valid, and what was said about it last. */
struct life {
    const char *kind, *name, *effect; /* "TLS certificate", its file, what its end means */
    int64_t from_ms, until_ms;        /* until is exclusive */
    enum { LIFE_GOOD, LIFE_SOON, LIFE_OVER } told;
};

struct smdpp_credentials {
    cr_arena arena;
    const struct smdpp_config *config;
    struct pki_cert *operator_cas;
    size_t operator_ca_count;
    struct life lives[MAX_LIVES];
    size_t life_count;
};

/* ---- files with several certificates ------------------------------------------------------------
 */

struct pile {
    cr_arena *arena;
    struct pki_cert *certs;
    size_t count, room;
};

static cr_status pile_up(void *ctx, cr_span der, struct cr_err *err)
{
    struct pile *pile = ctx;
    cr_span kept = cr_arena_copy(pile->arena, der);
    if (!kept.p) {
        return cr_fail_memory(err);
    }
    if (pile->count == pile->room) {
        return cr_fail(err, CR_REFUSED, NULL, "more than %zu certificates", pile->room);
    }
    CR_TRY(pki_cert_decode(kept, &pile->certs[pile->count], err));
    pile->count++;
    return CR_OK;
}

static cr_status read_pile(const char *path, struct pile *pile, struct cr_err *err)
{
    cr_buf file = {0};
    cr_status status = cr_file_read(path, MAX_FILE, &file, err);
    if (status == CR_OK) {
        status = pki_pem_each(cr_buf_span(&file), "CERTIFICATE", pile_up, pile, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "%s", path);
        }
    }
    cr_buf_free(&file);
    return status;
}

/* notAfter names a second that still belongs to the period (RFC 5280 4.1.2.5). */
static bool in_time(const struct pki_cert *c, int64_t now_ms)
{
    return now_ms >= c->not_before_ms && now_ms < c->not_after_ms + 1000;
}

/* ---- our own TLS certificates -------------------------------------------------------------------
 */

/* A CI judges what it has issued. Other faults than these are left to the peers: what a lab wants
 * to show on purpose is its own business. */
static cr_status judge_by_ci(const struct smdpp_config *c, const struct pile *pile, int64_t now_ms,
                             struct pki_verdict *verdict, struct cr_err *err)
{
    struct pki_expect expect = {.role = pile->certs[0].role, .now_ms = now_ms};
    struct cr_err local = {0};
    cr_status status =
        pki_chain_verify(c->trust, pile->certs, pile->count, &expect, verdict, NULL, &local);
    bool fatal = verdict->problem == PKI_EXPIRED || verdict->problem == PKI_REVOKED ||
                 verdict->problem == PKI_BAD_SIGNATURE;
    bool ours = status == CR_RESOURCE || status == CR_INTERNAL;
    if (status == CR_OK || (!fatal && !ours)) {
        return CR_OK;
    }
    if (err) {
        *err = local;
    }
    return status;
}

static cr_status judge_alone(const struct smdpp_config *c, const struct pile *pile, int64_t now_ms,
                             struct pki_verdict *verdict, struct cr_err *err)
{
    for (size_t i = 0; i < pile->count; i++) {
        if (!in_time(&pile->certs[i], now_ms)) {
            verdict->problem = PKI_EXPIRED;
            return cr_fail(err, CR_REFUSED, NULL,
                           "certificate %zu of it is outside of its validity period", i);
        }
    }
    return pki_chain_check_revoked(c->trust, pile->certs, pile->count, verdict, err);
}

static const char *advice(enum pki_problem problem)
{
    if (problem == PKI_REVOKED) {
        return "LPAs refuse this server: get a new TLS certificate (in a test set: 'crisp pki "
               "issue DIR "
               "dp-tls') and name it as tls-cert";
    }
    if (problem == PKI_EXPIRED) {
        return "LPAs refuse this server: renew the TLS certificate (in a test set: 'crisp pki "
               "issue DIR "
               "dp-tls'), or set the clock";
    }
    return "name a certificate with the intermediate certificates that belong to it as tls-cert, "
           "and CRLs that its CA has signed";
}

static void add_life(struct smdpp_credentials *credentials, struct life life)
{
    if (credentials->life_count < MAX_LIVES) { /* there are no more than that */
        credentials->lives[credentials->life_count++] = life;
    }
}

static cr_status load_tls(struct smdpp_credentials *credentials, const char *path, int64_t now_ms,
                          struct cr_err *err)
{
    const struct smdpp_config *c = credentials->config;
    struct pki_cert certs[MAX_CHAIN];
    struct pile pile = {.arena = &credentials->arena, .certs = certs, .room = MAX_CHAIN};
    struct pki_verdict verdict = {0};
    CR_TRY(read_pile(path, &pile, err));
    /* A file may end with its root, which is no part of the chain that is sent. */
    const struct pki_cert *top = &certs[pile.count - 1];
    bool by_ci = pki_trust_ci(c->trust, top->aki) != NULL;
    if (by_ci && pile.count > 1 && pki_name_equal(top->issuer, top->subject)) {
        pile.count--;
    }
    cr_status status = by_ci ? judge_by_ci(c, &pile, now_ms, &verdict, err)
                             : judge_alone(c, &pile, now_ms, &verdict, err);
    if (status != CR_OK) {
        status = cr_err_context(err, status, "TLS certificate %s", path);
        return cr_err_next(err, status, "%s", advice(verdict.problem));
    }
    struct life life = {.kind = "TLS certificate",
                        .name = path,
                        .effect = "LPAs refuse to connect",
                        .from_ms = certs[0].not_before_ms,
                        .until_ms = certs[0].not_after_ms + 1000};
    for (size_t i = 1; i < pile.count; i++) {
        if (certs[i].not_after_ms + 1000 < life.until_ms) {
            life.until_ms = certs[i].not_after_ms + 1000;
        }
    }
    add_life(credentials, life);
    return CR_OK;
}

static cr_status load_all_tls(struct smdpp_credentials *credentials, int64_t now_ms,
                              struct cr_err *err)
{
    for (size_t i = 0; i < credentials->config->tls_count; i++) {
        if (credentials->config->tls[i].cert) {
            CR_TRY(load_tls(credentials, credentials->config->tls[i].cert, now_ms, err));
        }
    }
    return CR_OK;
}

/* ---- certificates of operators ------------------------------------------------------------------
 */

static cr_status load_operator_cas(struct smdpp_credentials *credentials, struct cr_err *err)
{
    const struct smdpp_config *c = credentials->config;
    struct pile pile = {.arena = &credentials->arena, .room = SMDPP_MAX_OPERATOR_CAS};
    if (!c->operator_ca) {
        return CR_OK; /* the service says what is missing */
    }
    pile.certs = cr_arena_alloc_array(&credentials->arena, pile.room, sizeof(*pile.certs));
    if (!pile.certs) {
        return cr_fail_memory(err);
    }
    cr_status status = read_pile(c->operator_ca, &pile, err);
    if (status != CR_OK) {
        return cr_err_next(err, status, "name a file with the CAs of operators as operator-ca");
    }
    for (size_t i = 0; i < pile.count; i++) {
        /* Nobody in particular below this CA: only whether its lists are its own. */
        const struct pki_cert pair[] = {{.aki = pile.certs[i].ski}, pile.certs[i]};
        status = pki_chain_check_revoked(c->trust, pair, 2, NULL, err);
        if (status != CR_OK) {
            status = cr_err_context(err, status, "operator-ca %s", c->operator_ca);
            return cr_err_next(err, status, "name CRLs of this CA under 'crl', or another CA");
        }
    }
    credentials->operator_cas = pile.certs;
    credentials->operator_ca_count = pile.count;
    return CR_OK;
}

static const struct pki_cert *operator_issuer(const struct smdpp_credentials *credentials,
                                              const struct pki_cert *cert)
{
    for (size_t i = 0; cr_span_present(cert->aki) && i < credentials->operator_ca_count; i++) {
        if (cr_span_equal(credentials->operator_cas[i].ski, cert->aki)) {
            return &credentials->operator_cas[i];
        }
    }
    return pki_trust_ci(credentials->config->trust, cert->aki);
}

cr_status smdpp_credentials_check_operator(const struct smdpp_credentials *credentials,
                                           const struct pki_cert *leaf, int64_t now_ms,
                                           struct cr_err *err)
{
    struct pki_trust *trust = credentials->config->trust;
    struct pki_cert chain[PKI_MAX_CHAIN + 1] = {*leaf};
    size_t count = 1;
    if (!in_time(leaf, now_ms)) {
        return cr_fail(err, CR_REFUSED, NULL, "its certificate is outside of its validity period");
    }
    while (count < CR_COUNT(chain)) {
        const struct pki_cert *below = &chain[count - 1];
        const struct pki_cert *issuer = operator_issuer(credentials, below);
        if (!issuer && pki_trust_has_crl(trust, below->aki)) {
            cr_status status = cr_fail(err, CR_REFUSED, NULL,
                                       "a CRL names its issuer, whose certificate is not here");
            return cr_err_next(err, status, "put the certificate of that CA into operator-ca, too");
        }
        if (!issuer || cr_span_equal(issuer->raw, below->raw)) {
            break;
        }
        chain[count++] = *issuer;
    }
    return pki_chain_check_revoked(trust, chain, count, NULL, err);
}

/* ---- life ---------------------------------------------------------------------------------------
 */

cr_status smdpp_credentials_new(const struct smdpp_config *config, bool tls, bool operators,
                                int64_t now_ms, struct smdpp_credentials **out, struct cr_err *err)
{
    struct smdpp_credentials *credentials = calloc(1, sizeof(*credentials));
    if (!credentials) {
        return cr_fail_memory(err);
    }
    credentials->config = config;
    for (size_t i = 0; i < config->identity_count; i++) {
        const struct smdpp_identity *id = &config->identities[i];
        add_life(credentials, (struct life){.kind = "DPauth or DPpb certificate of identity",
                                            .name = id->name,
                                            .effect = "eUICCs of its CI are refused (8.8.4/3.7)",
                                            .from_ms = id->from_ms,
                                            .until_ms = id->until_ms});
    }
    cr_status status = tls ? load_all_tls(credentials, now_ms, err) : CR_OK;
    if (status == CR_OK && operators) {
        status = load_operator_cas(credentials, err);
    }
    if (status != CR_OK) {
        smdpp_credentials_free(credentials);
        return status;
    }
    *out = credentials;
    return CR_OK;
}

void smdpp_credentials_free(struct smdpp_credentials *credentials)
{
    if (credentials) {
        cr_arena_free(&credentials->arena);
        free(credentials);
    }
}

static void watch(struct life *life, const cr_env *env)
{
    char when[CR_TIME_TEXT];
    int64_t now = cr_now_ms(env);
    bool over = now < life->from_ms || now >= life->until_ms;
    bool soon = now >= life->until_ms - SMDPP_LIFE_WARN_MS;
    int state = over ? LIFE_OVER : soon ? LIFE_SOON : LIFE_GOOD;
    if (state == (int)life->told) {
        return;
    }
    if (state == LIFE_OVER) {
        bool early = now < life->from_ms;
        cr_log(env, CR_LOG_ERROR,
               "the %s %s %s %s: %s; renew it and start the server again, or set the clock",
               life->kind, life->name, early ? "is not valid before" : "has expired at",
               cr_time_format(when, early ? life->from_ms : life->until_ms), life->effect);
        life->told = LIFE_OVER;
    } else if (state == LIFE_SOON) {
        cr_log(env, CR_LOG_WARNING, "the %s %s expires at %s: renew it in time", life->kind,
               life->name, cr_time_format(when, life->until_ms));
        life->told = LIFE_SOON;
    } else {
        life->told = LIFE_GOOD; /* somebody has set the clock */
    }
}

void smdpp_credentials_watch(struct smdpp_credentials *credentials, const cr_env *env)
{
    for (size_t i = 0; i < credentials->life_count; i++) {
        watch(&credentials->lives[i], env);
    }
}
