#include "net/http_client.h"

#include "net/tls_load.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define TIMEOUT_SECONDS 60
#define CONNECT_SECONDS 20
#define MAX_RESPONSE    ((size_t)16 << 20)
#define MAX_HOST        256
#define MAX_HEADERS     32  /* lines a caller may add */
#define NAMES_TEXT      160 /* bytes of the names of a certificate in a message */
#define MAX_CHAIN       16  /* certificates of a verified chain */

struct http_client {
    struct http_client_options options;
    char *connect_to_text; /* in curl's form */
    char *user_agent;
    CURL *curl;
    struct curl_slist *connect_to;
    X509_STORE *trust;
    int trusted; /* certificates from ca_file */
    struct tls_pair pair;
    char curl_error[CURL_ERROR_SIZE];

    /* Of the request that runs. */
    char host[MAX_HOST];      /* of the URL, without brackets and port */
    char place[2 * MAX_HOST]; /* host:port of the URL, and where it is dialled when elsewhere */
    cr_buf *response;
    size_t response_before;
    size_t max_response;
    bool too_large;
    bool aborted;
    int alert;            /* TLS alert received; -1 = none */
    cr_status tls_status; /* verdict on the peer's certificate, with tls_error */
    struct cr_err tls_error;
};

/* ---- once for the process ---- */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void curl_start(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- the peer's certificate ---- */

/* "a.example, b.example" */
static void leaf_names(X509 *leaf, char out[NAMES_TEXT])
{
    size_t used = 0;
    out[0] = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS && used < NAMES_TEXT) {
            int n = snprintf(out + used, NAMES_TEXT - used, "%s%.*s", used ? ", " : "",
                             ASN1_STRING_length(name->d.dNSName),
                             (const char *)ASN1_STRING_get0_data(name->d.dNSName));
            used += n > 0 ? (size_t)n : 0;
        }
    }
    GENERAL_NAMES_free(names);
}

static void name_text(const X509_NAME *name, char out[NAMES_TEXT])
{
    static const int kinds[] = {NID_commonName, NID_organizationName};
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        int n = X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, kinds[i], out, NAMES_TEXT);
        if (n > 0) {
            return;
        }
    }
    (void)snprintf(out, NAMES_TEXT, "an unnamed CA");
}

static cr_status refuse_host(struct http_client *client, X509 *leaf)
{
    char names[NAMES_TEXT];
    leaf_names(leaf, names);
    cr_status status = cr_fail(&client->tls_error, CR_REFUSED, "SGP.22 2.6.6",
                               "the certificate of host %.80s is for other names: %s", client->host,
                               names[0] ? names : "it has no DNS name");
    return cr_err_next(&client->tls_error, status,
                       "use the name that the server's certificate carries, or have the server "
                       "issued a certificate for %.80s",
                       client->host);
}

static cr_status refuse_untrusted(struct http_client *client, X509 *leaf, X509 *at, int code)
{
    char issuer[NAMES_TEXT];
    name_text(X509_get_issuer_name(at ? at : leaf), issuer);
    cr_status status = cr_fail(&client->tls_error, CR_REFUSED, "SGP.22 2.6.6",
                               "the certificate of host %.80s is issued by %.80s, which is not "
                               "trusted (%s)",
                               client->host, issuer, X509_verify_cert_error_string(code));
    if (client->trusted == 0 && !client->options.system_store) {
        return cr_err_next(&client->tls_error, status,
                           "nothing is trusted: give the certificate of the CI with --ca FILE");
    }
    if (client->options.system_store && client->trusted == 0) {
        return cr_err_next(&client->tls_error, status,
                           "only the system's CAs are trusted: give the certificate of the CI "
                           "with --ca FILE");
    }
    return cr_err_next(&client->tls_error, status,
                       "give the certificate of that CI with %s, or ask the server's "
                       "operator to send the intermediate certificates",
                       client->options.ca_option ? client->options.ca_option : "--ca FILE");
}

static cr_status refuse_chain(struct http_client *client, X509_STORE_CTX *store, X509 *leaf)
{
    int code = X509_STORE_CTX_get_error(store);
    X509 *at = X509_STORE_CTX_get_current_cert(store);
    cr_status status;
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return refuse_untrusted(client, leaf, at, code);
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        status = cr_fail(&client->tls_error, CR_REFUSED, "SGP.22 2.6.6", "%s of host %.80s %s",
                         at == leaf ? "the certificate" : "a CA certificate above the certificate",
                         client->host,
                         code == X509_V_ERR_CERT_HAS_EXPIRED ? "has expired" : "is not valid yet");
        return cr_err_next(&client->tls_error, status,
                           "check this machine's clock; else the server needs a new certificate");
    default:
        return cr_fail(&client->tls_error, CR_REFUSED, "SGP.22 2.6.6",
                       "the certificate of host %.80s is not accepted: %s", client->host,
                       X509_verify_cert_error_string(code));
    }
}

static cr_status check_by_caller(struct http_client *client, X509_STORE_CTX *store)
{
    STACK_OF(X509) *verified = X509_STORE_CTX_get0_chain(store);
    cr_span chain[MAX_CHAIN];
    uint8_t *ders[MAX_CHAIN] = {NULL};
    size_t count = 0;
    cr_status status = CR_OK;
    if (!client->options.check_peer) {
        return CR_OK;
    }
    for (int i = 0; i < sk_X509_num(verified) && i < MAX_CHAIN; i++) {
        int n = i2d_X509(sk_X509_value(verified, i), &ders[i]);
        if (n <= 0) {
            break;
        }
        chain[count++] = cr_span_of(ders[i], (size_t)n);
    }
    if (count == 0 || count != (size_t)sk_X509_num(verified)) {
        status = cr_fail(&client->tls_error, CR_INTERNAL, NULL,
                         "the certificates of host %.80s cannot be encoded", client->host);
    } else {
        status =
            client->options.check_peer(client->options.check_ctx, chain, count, &client->tls_error);
    }
    for (size_t i = 0; i < MAX_CHAIN; i++) {
        OPENSSL_free(ders[i]);
    }
    return status;
}

static bool host_matches(const struct http_client *client, X509 *leaf)
{
    if (X509_check_ip_asc(leaf, client->host, 0) == 1) {
        return true;
    }
    return X509_check_host(leaf, client->host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

/* In the handshake, instead of OpenSSL's verification: that, then the host name, then the caller's
 * word. Not called when a session is resumed that was judged before. */
static int verify_peer(X509_STORE_CTX *store, void *arg)
{
    struct http_client *client = arg;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    int good = X509_verify_cert(store);
    if (!leaf || good <= 0) {
        client->tls_status = leaf ? refuse_chain(client, store, leaf)
                                  : cr_fail(&client->tls_error, CR_REFUSED, "SGP.22 2.6.6",
                                            "host %.80s shows no certificate", client->host);
        return 0;
    }
    if (!host_matches(client, leaf)) {
        client->tls_status = refuse_host(client, leaf);
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    client->tls_status = check_by_caller(client, store);
    if (client->tls_status != CR_OK) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

/* Notes the alert that the server ends the handshake with: it says why. */
static void watch_alerts(int write_p, int version, int content_type, const void *buf, size_t len,
                         SSL *ssl, void *arg)
{
    struct http_client *client = arg;
    (void)version;
    (void)ssl;
    if (!write_p && content_type == SSL3_RT_ALERT && len == 2) {
        const uint8_t *alert = buf;
        if (alert[0] == SSL3_AL_FATAL) {
            client->alert = alert[1];
        }
    }
}

static CURLcode on_ssl_ctx(CURL *curl, void *ctx, void *arg)
{
    struct http_client *client = arg;
    (void)curl;
    if (tls_apply_policy(ctx, NULL) != CR_OK) {
        return CURLE_SSL_CERTPROBLEM;
    }
    SSL_CTX_set1_cert_store(ctx, client->trust);
    if (client->pair.leaf && SSL_CTX_use_cert_and_key(ctx, client->pair.leaf, client->pair.key,
                                                      client->pair.chain, 1) != 1) {
        ERR_clear_error();
        return CURLE_SSL_CERTPROBLEM;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify_peer, client);
    SSL_CTX_set_msg_callback(ctx, watch_alerts);
    SSL_CTX_set_msg_callback_arg(ctx, client);
    return CURLE_OK;
}

/* ---- curl's callbacks ---- */

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct http_client *client = arg;
    size_t n = size * count;
    if (n > client->max_response - (client->response->n - client->response_before)) {
        client->too_large = true;
        return 0;
    }
    cr_buf_append(client->response, data, n);
    return cr_buf_ok(client->response) ? n : 0;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t done, curl_off_t up_total,
                       curl_off_t up_done)
{
    struct http_client *client = arg;
    (void)up_total;
    (void)up_done;
    if (!client->options.progress(client->options.progress_ctx, (size_t)done, (size_t)total)) {
        client->aborted = true;
        return 1;
    }
    return 0;
}

/* ---- life ---- */

static cr_status load_trust(struct http_client *client, struct cr_err *err)
{
    client->trust = X509_STORE_new();
    if (!client->trust) {
        return cr_fail_memory(err);
    }
    if (client->options.system_store && X509_STORE_set_default_paths(client->trust) != 1) {
        ERR_clear_error();
        return cr_fail(err, CR_RESOURCE, NULL, "the system's CA certificates cannot be read");
    }
    if (!client->options.ca_file) {
        return CR_OK;
    }
    STACK_OF(X509) *cas = NULL;
    CR_TRY(tls_load_certs(client->options.ca_file, &cas, err));
    bool sound = true;
    for (int i = 0; i < sk_X509_num(cas); i++) {
        sound = sound && X509_STORE_add_cert(client->trust, sk_X509_value(cas, i)) == 1;
    }
    client->trusted = sk_X509_num(cas);
    sk_X509_pop_free(cas, X509_free);
    return sound ? CR_OK : cr_fail_memory(err);
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* Own copies of the texts that are looked at after http_client_new(). */
static cr_status copy_options(struct http_client *client, struct cr_err *err)
{
    const struct http_client_options *options = &client->options;
    client->user_agent = copy_text(options->user_agent);
    if (options->user_agent && !client->user_agent) {
        return cr_fail_memory(err);
    }
    if (!options->connect_to) {
        return CR_OK;
    }
    const char *colon = strrchr(options->connect_to, ':');
    if (!colon || colon == options->connect_to || colon[1] == 0 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "\"%.100s\" is no host:port", options->connect_to);
        return cr_err_next(err, status, "write it as 127.0.0.1:8443 or [::1]:8443");
    }
    size_t n = strlen(options->connect_to) + 3;
    client->connect_to_text = malloc(n);
    if (client->connect_to_text) {
        (void)snprintf(client->connect_to_text, n, "::%s", options->connect_to);
        client->connect_to = curl_slist_append(NULL, client->connect_to_text);
    }
    return client->connect_to ? CR_OK : cr_fail_memory(err);
}

static bool set_all(struct http_client *client)
{
    const struct http_client_options *options = &client->options;
    CURL *curl = client->curl;
    long timeout = options->timeout_seconds ? (long)options->timeout_seconds : TIMEOUT_SECONDS;
    CURLcode bad = CURLE_OK;
#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode set_code = curl_easy_setopt(curl, option, value);                                 \
        bad = bad != CURLE_OK ? bad : set_code;                                                    \
    } while (0)
    SET(CURLOPT_ERRORBUFFER, client->curl_error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_PROTOCOLS_STR, options->allow_plain ? "https,http" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_TIMEOUT, timeout);
    SET(CURLOPT_CONNECTTIMEOUT, timeout < CONNECT_SECONDS ? timeout : (long)CONNECT_SECONDS);
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_WRITEDATA, client);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)client->max_response);
    SET(CURLOPT_USERAGENT, client->user_agent);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_NO_PARTIALCHAIN);
    SET(CURLOPT_CAINFO, NULL); /* the store comes in through on_ssl_ctx() */
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    SET(CURLOPT_SSL_CTX_DATA, client);
    if (!options->environment_proxy) {
        SET(CURLOPT_PROXY, "");
    }
    if (client->connect_to) {
        SET(CURLOPT_CONNECT_TO, client->connect_to);
    }
    if (options->progress) {
        SET(CURLOPT_XFERINFOFUNCTION, on_progress);
        SET(CURLOPT_XFERINFODATA, client);
        SET(CURLOPT_NOPROGRESS, 0L);
    }
#undef SET
    return bad == CURLE_OK;
}

static cr_status client_open(struct http_client *client, struct cr_err *err)
{
    const struct http_client_options *options = &client->options;
    CR_TRY(copy_options(client, err));
    CR_TRY(load_trust(client, err));
    if (options->client_cert || options->client_key) {
        CR_TRY(tls_load_pair(options->client_cert, options->client_key, &client->pair, err));
    }
    client->max_response = options->max_response ? options->max_response : MAX_RESPONSE;
    client->curl = curl_easy_init();
    if (!client->curl) {
        return cr_fail_memory(err);
    }
    if (!set_all(client)) {
        return cr_fail(err, CR_INTERNAL, NULL, "libcurl refuses an option of the HTTP client");
    }
    return CR_OK;
}

cr_status http_client_new(const struct http_client_options *options, struct http_client **out,
                          struct cr_err *err)
{
    if (pthread_once(&curl_once, curl_start) != 0 || curl_ready != CURLE_OK) {
        return cr_fail(err, CR_INTERNAL, NULL, "libcurl cannot be started");
    }
    struct http_client *client = calloc(1, sizeof(*client));
    if (!client) {
        return cr_fail_memory(err);
    }
    client->options = *options;
    cr_status status = client_open(client, err);
    if (status != CR_OK) {
        http_client_free(client);
        return status;
    }
    /* Texts of the caller are not looked at any more. */
    client->options.ca_file = NULL;
    client->options.client_cert = NULL;
    client->options.client_key = NULL;
    client->options.connect_to = client->connect_to_text ? client->connect_to_text + 2 : NULL;
    client->options.user_agent = client->user_agent;
    *out = client;
    return CR_OK;
}

void http_client_free(struct http_client *client)
{
    if (!client) {
        return;
    }
    curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->connect_to);
    X509_STORE_free(client->trust);
    tls_pair_clear(&client->pair);
    free(client->connect_to_text);
    free(client->user_agent);
    free(client);
}

/* ---- what went wrong ---- */

static cr_status refused_connection(const struct http_client *client, struct cr_err *err)
{
    long problem = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &problem);
    cr_status status;
    if (problem == ECONNREFUSED) {
        status = cr_fail(err, CR_RESOURCE, NULL, "nothing listens at %s (connection refused)",
                         client->place);
        return cr_err_next(err, status, "check address and port, and whether the server runs");
    }
    if (problem == ETIMEDOUT) {
        status = cr_fail(err, CR_RESOURCE, NULL, "%s does not answer (connection timed out)",
                         client->place);
        return cr_err_next(err, status, "check the address, the network and firewalls between");
    }
    status = cr_fail(err, CR_RESOURCE, NULL, "%s cannot be reached: %s", client->place,
                     problem ? strerror((int)problem) : client->curl_error);
    return cr_err_next(err, status, "check the network");
}

/* OpenSSL 3.0 has no text for the alert of TLS 1.3. */
static const char *alert_text(int alert)
{
    return alert == TLS13_AD_CERTIFICATE_REQUIRED ? "certificate required"
                                                  : SSL_alert_desc_string_long(alert);
}

static cr_status refused_by_alert(const struct http_client *client, struct cr_err *err)
{
    cr_status status = cr_fail(err, CR_RESOURCE, NULL, "%s refused the TLS connection: %s",
                               client->place, alert_text(client->alert));
    switch (client->alert) {
    case TLS13_AD_CERTIFICATE_REQUIRED:
    case SSL3_AD_NO_CERTIFICATE:
        return cr_err_next(err, status, "it demands a client certificate: give one with its key");
    case SSL3_AD_HANDSHAKE_FAILURE:
        return cr_err_next(err, status,
                           client->pair.leaf
                               ? "no cipher in common, or it does not accept the client certificate"
                               : "no cipher in common, or it demands a client certificate");
    case SSL3_AD_BAD_CERTIFICATE:
    case SSL3_AD_UNSUPPORTED_CERTIFICATE:
    case SSL3_AD_CERTIFICATE_REVOKED:
    case SSL3_AD_CERTIFICATE_EXPIRED:
    case SSL3_AD_CERTIFICATE_UNKNOWN:
    case TLS1_AD_UNKNOWN_CA:
    case TLS1_AD_ACCESS_DENIED:
        return cr_err_next(err, status,
                           "it does not accept the client certificate: use one from a CA that "
                           "the server trusts");
    case TLS1_AD_PROTOCOL_VERSION:
        return cr_err_next(err, status, "TLS 1.2 or 1.3 is spoken here: the server is too old");
    case TLS1_AD_UNRECOGNIZED_NAME:
        return cr_err_next(err, status, "it does not serve the name %.80s", client->host);
    default:
        return status;
    }
}

static cr_status explain_tls(const struct http_client *client, struct cr_err *err)
{
    if (strstr(client->curl_error, "wrong version number") ||
        strstr(client->curl_error, "http request")) {
        cr_status status = cr_fail(err, CR_RESOURCE, NULL, "%s does not speak TLS", client->place);
        return cr_err_next(err, status, "is this the port of a plain HTTP server?");
    }
    return cr_fail(err, CR_RESOURCE, NULL, "no TLS connection with %s: %s", client->place,
                   client->curl_error[0] ? client->curl_error : "handshake failed");
}

static cr_status explain(const struct http_client *client, CURLcode code, struct cr_err *err)
{
    cr_status status;
    if (client->tls_status != CR_OK) {
        if (err) {
            *err = client->tls_error;
        }
        return client->tls_status;
    }
    if (client->aborted) {
        /* Whoever stops it may try again: no rule and no peer has said no. */
        status = cr_fail(err, CR_RESOURCE, NULL, "stopped before %s had answered", client->place);
        return cr_err_next(err, status, "nothing is lost: the same command may be given again");
    }
    if (client->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return cr_fail(err, CR_MALFORMED, NULL, "the answer of %s is larger than %zu bytes",
                       client->place, client->max_response);
    }
    if (client->alert >= 0) {
        return refused_by_alert(client, err);
    }
    switch ((int)code) { /* of a hundred codes a dozen are of interest */
    case CURLE_COULDNT_RESOLVE_HOST:
        status = cr_fail(err, CR_RESOURCE, NULL, "the host name %.100s is not known (DNS)",
                         client->host);
        return cr_err_next(err, status, "check the spelling of the address and the network");
    case CURLE_COULDNT_CONNECT:
        return refused_connection(client, err);
    case CURLE_OPERATION_TIMEDOUT:
        status = cr_fail(err, CR_RESOURCE, NULL, "%s did not answer in time: %s", client->place,
                         client->curl_error);
        return cr_err_next(err, status, "try again, or allow more time");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
        return explain_tls(client, err);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        status = cr_fail(err, CR_RESOURCE, NULL, "%s closed the connection without an answer",
                         client->place);
        return cr_err_next(err, status, "look into the server's log");
    case CURLE_PARTIAL_FILE:
        return cr_fail(err, CR_RESOURCE, NULL,
                       "%s closed the connection in the middle of its answer", client->place);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: no status line; the URL was looked at before */
    case CURLE_WEIRD_SERVER_REPLY:
        return cr_fail(err, CR_MALFORMED, NULL, "the answer of %s is no HTTP", client->place);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
        return cr_fail_memory(err);
    default:
        return cr_fail(err, CR_RESOURCE, NULL, "request to %s failed: %s", client->place,
                       client->curl_error[0] ? client->curl_error : curl_easy_strerror(code));
    }
}

/* ---- requests ---- */

/* Host and host:port of the URL, for the certificate and for messages. */
static cr_status take_url(struct http_client *client, const char *url, struct cr_err *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    cr_status status = CR_OK;
    if (!parts) {
        return cr_fail_memory(err);
    }
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        strlen(host) >= MAX_HOST) {
        status = cr_fail(err, CR_MALFORMED, NULL, "\"%.150s\" is no URL of an HTTPS server", url);
        status = cr_err_next(err, status, "an address looks like https://smdp.example.com");
    } else if (strcasecmp(scheme, "https") != 0 &&
               !(client->options.allow_plain && strcasecmp(scheme, "http") == 0)) {
        status =
            cr_fail(err, CR_MALFORMED, NULL, "\"%.150s\": %.20s is not spoken here", url, scheme);
        status = cr_err_next(err, status, "an address looks like https://smdp.example.com");
    } else {
        const char *dialled = client->options.connect_to;
        (void)snprintf(client->place, sizeof(client->place), "%s:%s%s%.200s%s", host, port,
                       dialled ? " (at " : "", dialled ? dialled : "", dialled ? ")" : "");
        size_t n = strlen(host);
        bool bracket = host[0] == '[' && n > 2;
        (void)snprintf(client->host, sizeof(client->host), "%.*s", (int)(bracket ? n - 2 : n),
                       host + (bracket ? 1 : 0));
        n = strlen(client->host);
        if (n > 1 && client->host[n - 1] == '.') {
            client->host[n - 1] = 0;
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return status;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer ? longer : *list;
    return longer != NULL;
}

static cr_status make_headers(const char *const *headers, struct curl_slist **out,
                              struct cr_err *err)
{
    struct curl_slist *list = NULL;
    bool typed = false;
    /* No "Expect: 100-continue": old servers let the client wait a second for it. */
    bool sound = add_line(&list, "Expect:");
    for (size_t i = 0; sound && headers && headers[i]; i++) {
        if (i == MAX_HEADERS || strpbrk(headers[i], "\r\n") || !strchr(headers[i], ':')) {
            curl_slist_free_all(list);
            return cr_fail(err, CR_MALFORMED, NULL, "\"%.80s\" is no header line", headers[i]);
        }
        typed = typed || strncasecmp(headers[i], "Content-Type:", 13) == 0;
        sound = add_line(&list, headers[i]);
    }
    if (sound && !typed) {
        sound = add_line(&list, "Content-Type:"); /* else curl calls it a form */
    }
    if (!sound) {
        curl_slist_free_all(list);
        return cr_fail_memory(err);
    }
    *out = list;
    return CR_OK;
}

static cr_status check_redirect(const struct http_client *client, long code, struct cr_err *err)
{
    const char *to = NULL;
    (void)curl_easy_getinfo(client->curl, CURLINFO_REDIRECT_URL, &to);
    cr_status status = cr_fail(err, CR_REFUSED, "SGP.22 6.2",
                               "%s answers with a redirection (%ld) to %.100s, which is not "
                               "followed",
                               client->place, code, to ? to : "an unnamed place");
    status = cr_err_code(err, status, code);
    return cr_err_next(err, status, "if that place is to be trusted, use its address directly");
}

static cr_status perform(struct http_client *client, int *status, struct cr_err *err)
{
    CURLcode code = curl_easy_perform(client->curl);
    if (code != CURLE_OK) {
        return explain(client, code, err);
    }
    long http = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http);
    if (http >= 300 && http < 400 && http != 304) {
        return check_redirect(client, http, err);
    }
    *status = (int)http;
    return CR_OK;
}

cr_status http_client_post(struct http_client *client, const char *url, const char *const *headers,
                           cr_span body, int *status, cr_buf *response, struct cr_err *err)
{
    CR_TRY(take_url(client, url, err));
    struct curl_slist *list = NULL;
    CR_TRY(make_headers(headers, &list, err));
    client->response = response;
    client->response_before = response->n;
    client->too_large = false;
    client->aborted = false;
    client->alert = -1;
    client->tls_status = CR_OK;
    client->curl_error[0] = 0;
    memset(&client->tls_error, 0, sizeof(client->tls_error));
    CURL *curl = client->curl;
    cr_status result;
    if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p ? (const char *)body.p : "") !=
            CURLE_OK) {
        result = cr_fail_memory(err);
    } else {
        result = perform(client, status, err);
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
    if (result != CR_OK) {
        response->n = client->response_before; /* outputs are written only on success */
    }
    client->response = NULL;
    return result;
}
