#include "lpa/es9_http.h"

#include "base/file.h"
#include "net/http_client.h"
#include "pki/issue.h"
#include "rsp/json_binding.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_CA_FILE ((size_t)4 << 20)
#define MAX_CIS     64
#define MAX_URL     (sizeof("https://") + ES9_MAX_ADDRESS + 128)

struct es9_http {
    struct http_client *client;
    struct ci {
        uint8_t key_id[64];
        size_t size;
    } cis[MAX_CIS]; /* key identifiers of the eSIM CIs in ca_file */
    size_t ci_count;
};

/* ---- who may be the peer ---- */

static void remember_ci(struct es9_http *http, cr_span der)
{
    struct pki_cert cert;
    if (http->ci_count == MAX_CIS || pki_cert_decode(der, &cert, NULL) != CR_OK ||
        cert.role != PKI_ROLE_CI || !cr_span_present(cert.ski) ||
        cert.ski.n > sizeof(http->cis[0].key_id)) {
        return;
    }
    struct ci *ci = &http->cis[http->ci_count++];
    memcpy(ci->key_id, cert.ski.p, cert.ski.n);
    ci->size = cert.ski.n;
}

/* All certificates of the file that are those of an eSIM CI. Others (a private CA of a lab) are
 * trusted too, but ask for no role. */
static cr_status load_cis(struct es9_http *http, const char *path, struct cr_err *err)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    cr_buf file = {0};
    CR_TRY(cr_file_read(path, MAX_CA_FILE, &file, err));
    cr_span rest = cr_buf_span(&file);
    if (rest.n > 0 && rest.p[0] == 0x30) {
        remember_ci(http, rest);
        rest.n = 0;
    }
    const uint8_t *at = NULL;
    while (rest.n > 0 && (at = memmem(rest.p, rest.n, begin, sizeof(begin) - 1)) != NULL) {
        rest = cr_span_sub(rest, (size_t)(at - rest.p), rest.n);
        cr_buf der = {0};
        if (pki_pem_decode(rest, "CERTIFICATE", &der, NULL) == CR_OK) {
            remember_ci(http, cr_buf_span(&der));
        }
        cr_buf_free(&der);
        rest = cr_span_sub(rest, sizeof(begin) - 1, rest.n);
    }
    cr_buf_free(&file);
    return CR_OK;
}

static bool issued_by_ci(const struct es9_http *http, const struct pki_cert *leaf)
{
    for (size_t i = 0; i < http->ci_count; i++) {
        if (cr_span_equal(leaf->aki, cr_span_of(http->cis[i].key_id, http->cis[i].size))) {
            return true;
        }
    }
    return false;
}

/* The chain is verified already; what is left is the role that SGP.22 wants of it. */
static cr_status check_peer(void *ctx, cr_span leaf_der, struct cr_err *err)
{
    const struct es9_http *http = ctx;
    struct pki_cert leaf;
    CR_TRY(pki_cert_decode(leaf_der, &leaf, err));
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
    cr_status status = options->ca_file ? load_cis(http, options->ca_file, err) : CR_OK;
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
        free(http);
    }
}

struct lpa_transport es9_http_transport(struct es9_http *http)
{
    return (struct lpa_transport){.ctx = http, .post = post};
}
