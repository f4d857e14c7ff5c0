#include "net/tls.h"

#include "net/tls_load.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_IDENTITIES 64
#define MAX_NAMES      32 /* DNS names of one certificate */
#define MAX_VERIFY     8  /* depth of client chains */

struct identity {
    struct tls_pair pair;
    char *names[MAX_NAMES];
    size_t name_count;
};

/* Lives as long as its SSL_CTX. */
struct identity_table {
    struct identity *items;
    size_t count;
};

static pthread_once_t table_index_once = PTHREAD_ONCE_INIT;
static int table_index = -1; /* set once, below */

static void table_free(struct identity_table *table)
{
    for (size_t i = 0; table && i < table->count; i++) {
        tls_pair_clear(&table->items[i].pair);
        for (size_t k = 0; k < table->items[i].name_count; k++) {
            free(table->items[i].names[k]);
        }
    }
    if (table) {
        free(table->items);
    }
    free(table);
}

static void table_ex_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                          void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    table_free(ptr);
}

static void table_index_make(void)
{
    table_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, table_ex_free);
}

static bool name_matches(const char *pattern, const char *name, size_t n)
{
    if (pattern[0] == '*' && pattern[1] == '.') { /* one label (RFC 6125 6.4.3) */
        const char *dot = memchr(name, '.', n);
        if (!dot || dot == name) {
            return false;
        }
        n -= (size_t)(dot - name);
        name = dot;
        pattern++;
    }
    return strlen(pattern) == n && strncasecmp(pattern, name, n) == 0;
}

static const struct identity *table_find(const struct identity_table *table, const char *name)
{
    size_t n = strlen(name);
    if (n > 0 && name[n - 1] == '.') {
        n--;
    }
    for (size_t i = 0; i < table->count; i++) {
        for (size_t k = 0; k < table->items[i].name_count; k++) {
            if (name_matches(table->items[i].names[k], name, n)) {
                return &table->items[i];
            }
        }
    }
    return NULL;
}

/* The client's hello is read: takes the certificate for the name in it. The default is in place. */
static int choose_identity(SSL *ssl, void *arg)
{
    const struct identity_table *table = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct identity *found = name ? table_find(table, name) : NULL;
    if (!found || found == &table->items[0]) {
        return 1;
    }
    return SSL_use_cert_and_key(ssl, found->pair.leaf, found->pair.key, found->pair.chain, 1);
}

static bool identity_names(struct identity *identity)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(identity->pair.leaf, NID_subject_alt_name, NULL, NULL);
    bool sound = true;
    for (int i = 0; sound && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS || identity->name_count == MAX_NAMES) {
            continue;
        }
        const char *text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
        size_t n = (size_t)ASN1_STRING_length(name->d.dNSName);
        if (memchr(text, 0, n)) {
            continue; /* no host is called that */
        }
        char *copy = strndup(text, n);
        sound = copy != NULL;
        if (copy) {
            identity->names[identity->name_count++] = copy;
        }
    }
    GENERAL_NAMES_free(names);
    return sound;
}

static cr_status table_new(const struct tls_server_options *options, struct identity_table **out,
                           struct cr_err *err)
{
    if (options->identity_count == 0 || options->identity_count > MAX_IDENTITIES) {
        cr_status status =
            cr_fail(err, CR_REFUSED, NULL, "a TLS server has 1 to %d certificates, not %zu",
                    MAX_IDENTITIES, options->identity_count);
        return cr_err_next(err, status, "give a certificate and its key");
    }
    struct identity_table *table = calloc(1, sizeof(*table));
    if (table) {
        table->items = calloc(options->identity_count, sizeof(*table->items));
    }
    if (!table || !table->items) {
        table_free(table);
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < options->identity_count; i++) {
        const struct tls_identity *identity = &options->identities[i];
        cr_status status =
            tls_load_pair(identity->cert_file, identity->key_file, &table->items[i].pair, err);
        if (status == CR_OK) {
            table->count = i + 1;
            status = identity_names(&table->items[i]) ? CR_OK : cr_fail_memory(err);
        }
        if (status != CR_OK) {
            table_free(table);
            return status;
        }
    }
    *out = table;
    return CR_OK;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_n, http11, sizeof(http11) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK; /* go on without: a client that lists h2 only gets HTTP/1.1 */
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static cr_status use_client_cas(SSL_CTX *ctx, const struct tls_server_options *options,
                                struct cr_err *err)
{
    STACK_OF(X509) *cas = NULL;
    CR_TRY(tls_load_certs(options->client_ca_file, &cas, err));
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    bool sound = true;
    for (int i = 0; i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        sound = sound && X509_STORE_add_cert(store, ca) == 1 && SSL_CTX_add_client_CA(ctx, ca) == 1;
    }
    sk_X509_pop_free(cas, X509_free);
    if (!sound) {
        ERR_clear_error();
        return cr_fail_memory(err);
    }
    int mode = SSL_VERIFY_PEER;
    if (options->client_cert_required) {
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_verify_depth(ctx, MAX_VERIFY);
    return CR_OK;
}

/* The table goes to the context, also on failure. */
static cr_status server_set_up(SSL_CTX *ctx, const struct tls_server_options *options,
                               struct identity_table *table, struct cr_err *err)
{
    static const unsigned char session_context[] = "crisp";
    if (SSL_CTX_set_ex_data(ctx, table_index, table) != 1) {
        table_free(table);
        return cr_fail_memory(err);
    }
    CR_TRY(tls_apply_policy(ctx, err));
    const struct tls_pair *first = &table->items[0].pair;
    if (SSL_CTX_use_cert_and_key(ctx, first->leaf, first->key, first->chain, 1) != 1) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "OpenSSL refuses certificate %s: %s",
                                   options->identities[0].cert_file,
                                   ERR_reason_error_string(ERR_peek_last_error()));
        ERR_clear_error();
        return status;
    }
    if (table->count > 1) {
        SSL_CTX_set_cert_cb(ctx, choose_identity, table);
    }
    /* Sessions are resumed by tickets alone, nothing is kept here. The context id is demanded where
     * client certificates are asked for. One ticket: our clients keep one connection. */
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1);
    (void)SSL_CTX_set_num_tickets(ctx, options->no_tickets ? 0 : 1);
    (void)SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    return options->client_ca_file ? use_client_cas(ctx, options, err) : CR_OK;
}

cr_status tls_server_new(const struct tls_server_options *options, SSL_CTX **out,
                         struct cr_err *err)
{
    if (options->client_cert_required && !options->client_ca_file) {
        cr_status status =
            cr_fail(err, CR_REFUSED, NULL, "client certificates are required but no CA is given");
        return cr_err_next(err, status, "give the CA that issues the client certificates");
    }
    if (pthread_once(&table_index_once, table_index_make) != 0 || table_index < 0) {
        return cr_fail_memory(err);
    }
    struct identity_table *table = NULL;
    CR_TRY(table_new(options, &table, err));
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        table_free(table);
        return cr_fail_memory(err);
    }
    cr_status status = server_set_up(ctx, options, table, err);
    if (status != CR_OK) {
        SSL_CTX_free(ctx);
        return status;
    }
    *out = ctx;
    return CR_OK;
}

void tls_server_free(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}
