#include "net/tls_load.h"

#include "base/file.h"
#include "base/text.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CIPHERS_12                                                                                 \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"   \
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS     "X25519:P-256:P-384"
#define MIN_RSA    2048
#define MAX_PATH   150 /* bytes of a path that a message shows */

static cr_status read_file(const char *path, const char *what, cr_buf *out, struct cr_err *err)
{
    cr_status status = cr_file_read(path, TLS_MAX_FILE, out, err);
    if (status != CR_OK) {
        return cr_err_context(err, status, "%s", what);
    }
    return CR_OK;
}

static bool is_pem(cr_span content)
{
    return memmem(content.p, content.n, "-----BEGIN ", 11) != NULL;
}

/* An encrypted key must not make OpenSSL ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static bool push_cert(STACK_OF(X509) * stack, X509 *cert)
{
    if (cert && sk_X509_num(stack) < TLS_MAX_CERTS && sk_X509_push(stack, cert) > 0) {
        return true;
    }
    X509_free(cert);
    return false;
}

/* Takes the CERTIFICATE blocks, passes over others (keys, text). False when one is broken. */
static bool parse_pem_certs(cr_span content, STACK_OF(X509) * stack)
{
    BIO *bio = BIO_new_mem_buf(content.p, (int)content.n);
    bool sound = bio != NULL;
    while (sound) {
        ERR_clear_error();
        X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!cert) {
            unsigned long code = ERR_peek_last_error();
            sound = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
            break;
        }
        sound = push_cert(stack, cert);
    }
    ERR_clear_error();
    BIO_free(bio);
    return sound;
}

/* One certificate, or several one behind the other. */
static bool parse_der_certs(cr_span content, STACK_OF(X509) * stack)
{
    const unsigned char *at = content.p;
    const unsigned char *end = content.p + content.n;
    while (at < end) {
        if (!push_cert(stack, d2i_X509(NULL, &at, (long)(end - at)))) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

static cr_status no_certificate(const char *path, cr_span content, bool sound, struct cr_err *err)
{
    cr_status status;
    if (content.n == 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "certificate file %.*s is empty", MAX_PATH, path);
    }
    if (!sound) {
        status = cr_fail(err, CR_MALFORMED, NULL, "%.*s: a certificate in it cannot be decoded",
                         MAX_PATH, path);
        return cr_err_next(err, status, "check the file with: openssl x509 -in FILE -text");
    }
    if (memmem(content.p, content.n, "PRIVATE KEY-----", 16)) {
        status = cr_fail(err, CR_MALFORMED, NULL, "%.*s holds a private key but no certificate",
                         MAX_PATH, path);
        return cr_err_next(err, status, "are certificate and key file exchanged?");
    }
    status = cr_fail(err, CR_MALFORMED, NULL, "%.*s holds no certificate", MAX_PATH, path);
    return cr_err_next(err, status, "give an X.509 certificate as PEM or DER");
}

cr_status tls_load_certs(const char *path, STACK_OF(X509) * *out, struct cr_err *err)
{
    cr_buf content = {0};
    cr_status status = read_file(path, "certificate", &content, err);
    if (status != CR_OK) {
        cr_buf_free(&content);
        return status;
    }
    STACK_OF(X509) *stack = sk_X509_new_null();
    if (!stack) {
        cr_buf_free(&content);
        return cr_fail_memory(err);
    }
    cr_span span = cr_buf_span(&content);
    bool sound = is_pem(span) ? parse_pem_certs(span, stack) : parse_der_certs(span, stack);
    if (!sound || sk_X509_num(stack) == 0) {
        status = no_certificate(path, span, sound, err);
        sk_X509_pop_free(stack, X509_free);
    } else {
        *out = stack;
    }
    cr_buf_free(&content);
    return status;
}

static EVP_PKEY *parse_key(cr_span content)
{
    EVP_PKEY *key = NULL;
    if (is_pem(content)) {
        BIO *bio = BIO_new_mem_buf(content.p, (int)content.n);
        key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
        BIO_free(bio);
    } else {
        const unsigned char *at = content.p;
        key = d2i_AutoPrivateKey(NULL, &at, (long)content.n);
    }
    ERR_clear_error();
    return key;
}

static cr_status load_key(const char *path, EVP_PKEY **out, struct cr_err *err)
{
    cr_buf content = {.secret = true};
    cr_status status = read_file(path, "private key", &content, err);
    if (status == CR_OK) {
        cr_span span = cr_buf_span(&content);
        EVP_PKEY *key = parse_key(span);
        if (key) {
            *out = key;
        } else if (memmem(span.p, span.n, "ENCRYPTED", 9)) {
            status = cr_fail(err, CR_MALFORMED, NULL, "key file %.*s is encrypted", MAX_PATH, path);
            status = cr_err_next(err, status, "decrypt it with: openssl pkey -in FILE -out PLAIN");
        } else {
            status = cr_fail(err, CR_MALFORMED, NULL, "%.*s holds no private key", MAX_PATH, path);
            status = cr_err_next(err, status,
                                 memmem(span.p, span.n, "BEGIN CERTIFICATE", 17)
                                     ? "are certificate and key file exchanged?"
                                     : "give the private key as PEM or DER (PKCS#8 or SEC1)");
        }
    }
    cr_buf_free(&content);
    return status;
}

/* True for keys that every TLS peer in this world accepts. */
static bool is_tls_key(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA")) {
        return EVP_PKEY_get_bits(key) >= MIN_RSA;
    }
    char group[40] = "";
    if (!EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       NULL) != 1) {
        return false;
    }
    return strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0 ||
           strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0;
}

static cr_status check_pair(const struct tls_pair *pair, const char *cert_path,
                            const char *key_path, struct cr_err *err)
{
    cr_status status;
    EVP_PKEY *public = X509_get0_pubkey(pair->leaf);
    if (!public || !is_tls_key(public)) {
        ERR_clear_error();
        status =
            cr_fail(err, CR_REFUSED, "SGP.22 2.6.6",
                    "the key of certificate %.*s cannot be used for TLS here", MAX_PATH, cert_path);
        return cr_err_next(err, status,
                           "TLS uses P-256 (or P-384, or RSA from 2048 bits); brainpool "
                           "certificates are for RSP signatures only");
    }
    if (EVP_PKEY_eq(public, pair->key) != 1) {
        ERR_clear_error();
        status = cr_fail(err, CR_REFUSED, NULL, "key file %.*s does not belong to certificate %.*s",
                         MAX_PATH / 2, key_path, MAX_PATH / 2, cert_path);
        return cr_err_next(err, status, "give the key the certificate was issued for");
    }
    return CR_OK;
}

cr_status tls_load_pair(const char *cert_path, const char *key_path, struct tls_pair *out,
                        struct cr_err *err)
{
    if (!cert_path || !key_path) {
        return cr_fail(err, CR_REFUSED, NULL,
                       "TLS needs both a certificate file and a key file: the %s is missing",
                       cert_path ? "key" : "certificate");
    }
    struct tls_pair pair = {0};
    cr_status status = tls_load_certs(cert_path, &pair.chain, err);
    if (status == CR_OK) {
        pair.leaf = sk_X509_shift(pair.chain);
        status = load_key(key_path, &pair.key, err);
    }
    if (status == CR_OK) {
        status = check_pair(&pair, cert_path, key_path, err);
    }
    if (status != CR_OK) {
        tls_pair_clear(&pair);
        return status;
    }
    *out = pair;
    return CR_OK;
}

void tls_pair_clear(struct tls_pair *pair)
{
    X509_free(pair->leaf);
    sk_X509_pop_free(pair->chain, X509_free);
    EVP_PKEY_free(pair->key);
    *pair = (struct tls_pair){0};
}

cr_status tls_apply_policy(SSL_CTX *ctx, struct cr_err *err)
{
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, CIPHERS_12) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, CIPHERS_13) != 1 ||
        SSL_CTX_set1_groups_list(ctx, GROUPS) != 1) {
        ERR_clear_error();
        return cr_fail(err, CR_INTERNAL, NULL, "OpenSSL does not know the TLS ciphers or groups");
    }
    return CR_OK;
}
