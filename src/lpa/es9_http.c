#include "lpa/es9_http.h"

#include "base/file.h"
#include "base/text.h"
#include "net/http_client.h"
#include "pki/chain.h"
#include "pki/issue.h"
#include "rsp/json_binding.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_CA_FILE  ((size_t)4 << 20)
#define MAX_CRL_FILE ((size_t)4 << 20)
#define MAX_CIS      64
#define MAX_CHAIN    16 /* certificates of a server, with its root */
#define MAX_URL      (sizeof("https://") + ES9_MAX_ADDRESS + 128)

struct es9_http {
    struct http_client *client;
    struct ci {
        uint8_t key_id[64];
        size_t size;
    } cis[MAX_CIS]; /* key identifiers of the eSIM CIs in ca_file */
    size_t ci_count;
    struct pki_trust *trust; /* CRLs, and the CIs of ca_file to verify them */
    bool has_crls;
};

/* ---- who may be the peer ---- */

/* Certificates that are no CI of eSIM (a private CA of a lab) are trusted for TLS too, but ask for
 * no role. */
static cr_status remember_ci(void *ctx, cr_span der, struct cr_err *err)
{
    struct es9_http *http = ctx;
    struct pki_cert cert;
    (void)err;
    if (http->ci_count == MAX_CIS || pki_cert_decode(der, &cert, NULL) != CR_OK ||
        cert.role != PKI_ROLE_CI || !cr_span_present(cert.ski) ||
        cert.ski.n > sizeof(http->cis[0].key_id)) {
        return CR_OK;
    }
    struct ci *ci = &http->cis[http->ci_count++];
    memcpy(ci->key_id, cert.ski.p, cert.ski.n);
    ci->size = cert.ski.n;
    /* For its CRLs; one that cannot judge them is known by its identifier all the same. */
    (void)!pki_trust_add_ci(http->trust, der, NULL);
    return CR_OK;
}

static cr_status load_cis(struct es9_http *http, const char *path, struct cr_err *err)
{
    cr_buf file = {0};
    CR_TRY(cr_file_read(path, MAX_CA_FILE, &file, err));
    /* What is no certificate at all is said by the TLS client, which reads the file too. */
    (void)!pki_pem_each(cr_buf_span(&file), "CERTIFICATE", remember_ci, http, NULL);
    cr_buf_free(&file);
    return CR_OK;
}

/* ---- revocation ---- */

struct list {
    struct es9_http *http;
    const struct es9_http_options *options;
    const char *path;
};

static cr_status add_crl(void *ctx, cr_span der, struct cr_err *err)
{
    const struct list *list = ctx;
    const cr_env *env = list->options->env;
    struct pki_crl crl;
    char when[CR_TIME_TEXT];
    CR_TRY(pki_crl_decode(der, &crl, err));
    CR_TRY(pki_trust_add_crl(list->http->trust, der, err));
    if (env && crl.next_update_ms && cr_now_ms(env) >= crl.next_update_ms) {
        cr_log(env, CR_LOG_WARNING,
               "the CRL %s is out of date: a newer one was due at %s; what has been revoked since "
               "is not in it",
               list->path, cr_time_format(when, crl.next_update_ms));
    }
    return CR_OK;
}

static cr_status load_crls(struct es9_http *http, const struct es9_http_options *options,
                           struct cr_err *err)
{
    for (size_t i = 0; i < options->crl_count; i++) {
        struct list list = {http, options, options->crl_files[i]};
        cr_buf file = {0};
        cr_status status = cr_file_read(list.path, MAX_CRL_FILE, &file, err);
        if (status == CR_OK) {
            status = pki_pem_each(cr_buf_span(&file), "X509 CRL", add_crl, &list, err);
            if (status != CR_OK) {
                status = cr_err_context(err, status, "--crl %s", list.path);
                status = cr_err_next(err, status,
                                     "give a CRL in DER or PEM, signed by the CI that it names");
            }
        }
        cr_buf_free(&file);
        CR_TRY(status);
    }
    return CR_OK;
}

static cr_status check_revocation(struct es9_http *http, const cr_span *ders, size_t count,
                                  struct cr_err *err)
{
    struct pki_cert chain[MAX_CHAIN];
    struct pki_verdict verdict;
    char who[80];
    if (count > MAX_CHAIN) {
        return cr_fail(err, CR_REFUSED, "SGP.22 4.5.2", "the server's chain is too long");
    }
    for (size_t i = 0; i < count; i++) {
        if (pki_cert_decode(ders[i], &chain[i], NULL) != CR_OK) {
            chain[i] = (struct pki_cert){0}; /* an old root of the system: no list is of it */
        }
    }
    cr_status status = pki_chain_check_revoked(http->trust, chain, count, &verdict, err);
    if (status != CR_REFUSED || verdict.failed_at < 0) {
        return status;
    }
    cr_span cn = chain[verdict.failed_at].subject_cn;
    (void)snprintf(who, sizeof(who), "%.*s", (int)(cn.n < 60 ? cn.n : 60),
                   cn.n ? (const char *)cn.p : "");
    cr_text_clean(who);
    if (verdict.problem == PKI_REVOKED) {
        status =
            cr_fail(err, CR_REFUSED, "SGP.22 4.5.2", "%s of the server (%s) is revoked by its CA",
                    verdict.failed_at == 0 ? "the TLS certificate" : "a CA certificate", who);
        status = cr_err_code(err, status, PKI_REVOKED);
        return cr_err_next(err, status,
                           "do not use this server: its operator needs a new certificate");
    }
    status = cr_err_context(err, status, "the server's certificate (%s)", who);
    return cr_err_next(err, status, "give the CRL that the issuer itself has signed with --crl");
}

/* ---- the verdict ---- */

static bool issued_by_ci(const struct es9_http *http, const struct pki_cert *leaf)
{
    for (size_t i = 0; i < http->ci_count; i++) {
        if (cr_span_equal(leaf->aki, cr_span_of(http->cis[i].key_id, http->cis[i].size))) {
            return true;
        }
    }
    return false;
}

/* The chain is verified already; what is left is revocation and the role that SGP.22 wants. */
static cr_status check_peer(void *ctx, const cr_span *chain, size_t count, struct cr_err *err)
{
    struct es9_http *http = ctx;
    struct pki_cert leaf;
    CR_TRY(pki_cert_decode(chain[0], &leaf, err));
    if (http->has_crls) {
        CR_TRY(check_revocation(http, chain, count, err));
    }
    bool tls_role = leaf.role == PKI_ROLE_DP_TLS || leaf.role == PKI_ROLE_DS_TLS;
    if (tls_role || (leaf.role == PKI_ROLE_NONE && !issued_by_ci(http, &leaf))) {
        return CR_OK;
    }
    cr_status status =
        cr_fail(err, CR_REFUSED, "SGP.22 4.5.2.1.0.4",
                "the server's TLS certificate has the role %s, not that of an SM-DP+ or SM-DS",
                leaf.role == PKI_ROLE_NONE ? "of nobody" : pki_role_name(leaf.role));
    return cr_err_next(
        err, status, "the server shows a certificate made for another purpose: tell its operator");
}

/* ---- transport ---- */

static cr_status post(void *ctx, const char *server, const char *path, cr_span body,
                      int *http_status, cr_buf *response, struct cr_err *err)
{
    static const char *const headers[] = {"Content-Type: " RSP_JSON_CONTENT_TYPE,
                                          "X-Admin-Protocol: " ES9_PROTOCOL, NULL};
    struct es9_http *http = ctx;
    char url[MAX_URL];
    int n = snprintf(url, sizeof(url), "https://%s%s", server, path);
    if (n < 0 || (size_t)n >= sizeof(url)) {
        return cr_fail(err, CR_MALFORMED, NULL, "the address of the server is too long");
    }
    return http_client_post(http->client, url, headers, body, http_status, response, err);
}

cr_status es9_http_new(const struct es9_http_options *options, struct es9_http **out,
                       struct cr_err *err)
{
    struct es9_http *http = calloc(1, sizeof(*http));
    if (!http) {
        return cr_fail_memory(err);
    }
    struct http_client_options client = {
        .ca_file = options->ca_file,
        .system_store = options->system_store,
        .connect_to = options->connect_to,
        .timeout_seconds = options->timeout_seconds,
        .max_response = RSP_JSON_MAX_BODY,
        .user_agent = ES9_USER_AGENT,
        .progress = options->progress,
        .progress_ctx = options->progress_ctx,
        .check_peer = check_peer,
        .check_ctx = http,
    };
    http->has_crls = options->crl_count > 0;
    http->trust = pki_trust_new();
    cr_status status = http->trust ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK && options->ca_file) {
        status = load_cis(http, options->ca_file, err);
    }
    if (status == CR_OK) {
        status = load_crls(http, options, err);
    }
    if (status == CR_OK) {
        status = http_client_new(&client, &http->client, err);
    }
    if (status != CR_OK) {
        es9_http_free(http);
        return status;
    }
    *out = http;
    return CR_OK;
}

void es9_http_free(struct es9_http *http)
{
    if (http) {
        http_client_free(http->client);
        pki_trust_free(http->trust);
        free(http);
    }
}

struct lpa_transport es9_http_transport(struct es9_http *http)
{
    return (struct lpa_transport){.ctx = http, .post = post};
}
