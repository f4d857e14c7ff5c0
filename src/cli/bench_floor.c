/*
 * The cryptographic floor: OpenSSL alone, one operation at a time, contexts reused as far as
 * OpenSSL lets them be.
 */
#include "cli/bench.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define MEASURE_MS 120 /* of each operation */

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

typedef bool (*operation)(void *ctx);

/* Microseconds of one run; negative when it failed. */
static double measure(operation run, void *ctx)
{
    size_t count = 0;
    double start = cpu_us();
    double now = start;
    while (now - start < MEASURE_MS * 1000.0) {
        for (int i = 0; i < 8; i++) {
            if (!run(ctx)) {
                return -1;
            }
        }
        count += 8;
        now = cpu_us();
    }
    return (now - start) / (double)count;
}

/* ---- curves ------------------------------------------------------------------------------------
 */

struct curve {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign, *verify, *generate;
    EVP_MD *sha256;
    uint8_t data[200]; /* about what is signed in a session */
    uint8_t signature[80];
    size_t signature_size;
    EC_GROUP *group;
    uint8_t point[65]; /* of peer, as it comes in */
    EC_POINT *peer;
    BIGNUM *scalar;
    BN_CTX *bn;
};

static bool digest(const struct curve *c, uint8_t out[32])
{
    unsigned n = 32;
    return EVP_Digest(c->data, sizeof(c->data), out, &n, c->sha256, NULL) == 1;
}

static bool run_sign(void *ctx)
{
    struct curve *c = ctx;
    uint8_t hash[32];
    c->signature_size = sizeof(c->signature);
    return digest(c, hash) &&
           EVP_PKEY_sign(c->sign, c->signature, &c->signature_size, hash, sizeof(hash)) == 1;
}

static bool run_verify(void *ctx)
{
    struct curve *c = ctx;
    uint8_t hash[32];
    return digest(c, hash) &&
           EVP_PKEY_verify(c->verify, c->signature, c->signature_size, hash, sizeof(hash)) == 1;
}

static bool run_keypair(void *ctx)
{
    struct curve *c = ctx;
    EVP_PKEY *key = NULL;
    bool ok = EVP_PKEY_generate(c->generate, &key) == 1;
    EVP_PKEY_free(key);
    return ok;
}

static bool run_agree(void *ctx)
{
    struct curve *c = ctx;
    EC_POINT *shared = EC_POINT_new(c->group);
    BIGNUM *x = BN_new();
    bool ok = shared && x && EC_POINT_mul(c->group, shared, NULL, c->peer, c->scalar, c->bn) == 1 &&
              EC_POINT_get_affine_coordinates(c->group, shared, x, NULL, c->bn) == 1;
    BN_free(x);
    EC_POINT_free(shared);
    return ok;
}

/* A public key that came in: on the curve or not is the first of the checks. */
static bool run_point(void *ctx)
{
    struct curve *c = ctx;
    EC_POINT *point = EC_POINT_new(c->group);
    bool ok = point && EC_POINT_oct2point(c->group, point, c->point, sizeof(c->point), c->bn) == 1;
    EC_POINT_free(point);
    return ok;
}

static bool curve_open(struct curve *c)
{
    BIGNUM *other = BN_new();
    c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    c->key = EVP_EC_gen("P-256");
    c->sign = EVP_PKEY_CTX_new(c->key, NULL);
    c->verify = EVP_PKEY_CTX_new(c->key, NULL);
    c->generate = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    c->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    c->peer = c->group ? EC_POINT_new(c->group) : NULL;
    c->scalar = BN_new();
    c->bn = BN_CTX_new();
    bool ok = other && c->sha256 && c->key && c->sign && c->verify && c->generate && c->peer &&
              c->scalar && c->bn && BN_rand(other, 255, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
              BN_rand(c->scalar, 255, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
              EC_POINT_mul(c->group, c->peer, other, NULL, NULL, c->bn) == 1 &&
              EC_POINT_point2oct(c->group, c->peer, POINT_CONVERSION_UNCOMPRESSED, c->point,
                                 sizeof(c->point), c->bn) == sizeof(c->point) &&
              EVP_PKEY_sign_init(c->sign) == 1 && EVP_PKEY_verify_init(c->verify) == 1 &&
              EVP_PKEY_keygen_init(c->generate) == 1 &&
              EVP_PKEY_CTX_set_group_name(c->generate, "P-256") == 1;
    BN_free(other);
    return ok;
}

static void curve_close(struct curve *c)
{
    EVP_PKEY_CTX_free(c->sign);
    EVP_PKEY_CTX_free(c->verify);
    EVP_PKEY_CTX_free(c->generate);
    EVP_PKEY_free(c->key);
    EVP_MD_free(c->sha256);
    EC_POINT_free(c->peer);
    EC_GROUP_free(c->group);
    BN_free(c->scalar);
    BN_CTX_free(c->bn);
}

/* ---- TLS ---------------------------------------------------------------------------------------
 */

/* The handshake that is measured: certificates in TLS 1.3, or pre-shared keys in TLS 1.2. */
struct tls {
    SSL_CTX *server, *client;
    double server_us; /* of all handshakes */
    size_t count;
};

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    if (!cert) {
        return NULL;
    }
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"bench", -1, -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    (void)X509_set_pubkey(cert, key);
    if (X509_sign(cert, key, EVP_sha256()) == 0) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static bool tls_open(struct tls *t)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? self_signed(key) : NULL;
    t->server = SSL_CTX_new(TLS_server_method());
    t->client = SSL_CTX_new(TLS_client_method());
    bool ok = cert && t->server && t->client && SSL_CTX_use_certificate(t->server, cert) == 1 &&
              SSL_CTX_use_PrivateKey(t->server, key) == 1 &&
              SSL_CTX_set1_groups_list(t->client, "X25519") == 1 &&
              SSL_CTX_set_min_proto_version(t->server, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_ciphersuites(t->server, "TLS_AES_128_GCM_SHA256") == 1 &&
              SSL_CTX_set_num_tickets(t->server, 0) == 1;
    /* Nothing that the server under test does without: no tickets, no search for a chain. */
    (void)SSL_CTX_set_mode(t->server, SSL_MODE_NO_AUTO_CHAIN);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static unsigned psk_of_client(SSL *ssl, const char *hint, char *identity, unsigned identity_room,
                              unsigned char *key, unsigned room)
{
    (void)ssl;
    (void)hint;
    (void)snprintf(identity, identity_room, "bench");
    memset(key, 1, room < 16 ? room : 16);
    return 16;
}

static unsigned psk_of_server(SSL *ssl, const char *identity, unsigned char *key, unsigned room)
{
    (void)ssl;
    (void)identity;
    memset(key, 1, room < 16 ? room : 16);
    return 16;
}

static bool psk_open(struct tls *t)
{
    SSL_CTX *both[2];
    both[0] = t->server = SSL_CTX_new(TLS_server_method());
    both[1] = t->client = SSL_CTX_new(TLS_client_method());
    if (!t->server || !t->client) {
        return false;
    }
    for (size_t i = 0; i < CR_COUNT(both); i++) {
        (void)SSL_CTX_set_options(both[i], SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_session_cache_mode(both[i], SSL_SESS_CACHE_OFF);
        if (SSL_CTX_set_max_proto_version(both[i], TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_cipher_list(both[i], "PSK-AES128-GCM-SHA256") != 1) {
            return false;
        }
    }
    SSL_CTX_set_psk_server_callback(t->server, psk_of_server);
    SSL_CTX_set_psk_client_callback(t->client, psk_of_client);
    return true;
}

/* One handshake in memory; only what the server does is counted, its SSL object included. */
static bool run_handshake(struct tls *t)
{
    BIO *to_server = BIO_new(BIO_s_mem());
    BIO *to_client = BIO_new(BIO_s_mem());
    SSL *client = SSL_new(t->client);
    double begin = cpu_us();
    SSL *server = SSL_new(t->server);
    t->server_us += cpu_us() - begin;
    bool done = false;
    if (to_server && to_client && server && client) {
        (void)BIO_up_ref(to_server);
        (void)BIO_up_ref(to_client);
        SSL_set_bio(server, to_server, to_client);
        SSL_set_bio(client, to_client, to_server);
        SSL_set_accept_state(server);
        SSL_set_connect_state(client);
        for (int i = 0; i < 8 && !done; i++) {
            (void)SSL_do_handshake(client);
            double start = cpu_us();
            (void)SSL_do_handshake(server);
            t->server_us += cpu_us() - start;
            done = SSL_is_init_finished(client) && SSL_is_init_finished(server);
        }
        t->count++;
    }
    begin = cpu_us();
    SSL_free(server);
    t->server_us += cpu_us() - begin;
    SSL_free(client);
    return done;
}

/* ---- ciphers -----------------------------------------------------------------------------------
 */

#define CIPHER_BLOCK 4096

struct cipher {
    EVP_CIPHER_CTX *ctx;
    EVP_CIPHER *cipher;
    bool aead;
    uint8_t data[CIPHER_BLOCK + 32];
};

static bool run_cipher(void *ctx)
{
    static const uint8_t iv[16] = {1};
    struct cipher *c = ctx;
    uint8_t tag[16];
    int n = 0;
    if (EVP_EncryptInit_ex2(c->ctx, NULL, NULL, iv, NULL) != 1 ||
        EVP_EncryptUpdate(c->ctx, c->data, &n, c->data, CIPHER_BLOCK) != 1) {
        return false;
    }
    return !c->aead || (EVP_EncryptFinal_ex(c->ctx, c->data, &n) == 1 &&
                        EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
}

static double measure_cipher(const char *name, bool aead)
{
    static const uint8_t key[16] = {2};
    struct cipher *c = OPENSSL_zalloc(sizeof(*c));
    double us = -1;
    if (c) {
        c->cipher = EVP_CIPHER_fetch(NULL, name, NULL);
        c->ctx = EVP_CIPHER_CTX_new();
        c->aead = aead;
        if (c->cipher && c->ctx && EVP_EncryptInit_ex2(c->ctx, c->cipher, key, NULL, NULL) == 1 &&
            EVP_CIPHER_CTX_set_padding(c->ctx, 0) == 1) {
            us = measure(run_cipher, c);
        }
        EVP_CIPHER_CTX_free(c->ctx);
        EVP_CIPHER_free(c->cipher);
        OPENSSL_free(c);
    }
    return us / CIPHER_BLOCK;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static bool measure_handshake(bool (*open)(struct tls *t), double *us)
{
    struct tls t = {0};
    bool ok = open(&t);
    double start = cpu_us();
    while (ok && cpu_us() - start < 3 * MEASURE_MS * 1000.0) {
        ok = run_handshake(&t);
    }
    *us = t.count ? t.server_us / (double)t.count : -1;
    SSL_CTX_free(t.server);
    SSL_CTX_free(t.client);
    return ok;
}

static bool measure_all(struct bench_floor *out)
{
    struct curve c = {0};
    bool ok = curve_open(&c);
    if (ok) {
        out->sign_us = measure(run_sign, &c);
        out->verify_us = measure(run_verify, &c);
        out->keypair_us = measure(run_keypair, &c);
        out->agree_us = measure(run_agree, &c);
        out->point_us = measure(run_point, &c);
    }
    curve_close(&c);
    ok = ok && measure_handshake(tls_open, &out->handshake_us) &&
         measure_handshake(psk_open, &out->psk_handshake_us);
    out->tls_us_per_byte = measure_cipher("AES-128-GCM", true);
    out->cbc_us_per_byte = measure_cipher("AES-128-CBC", false);
    out->cmac_us_per_byte = out->cbc_us_per_byte; /* a CMAC is one CBC pass */
    return ok && out->sign_us > 0 && out->verify_us > 0 && out->keypair_us > 0 &&
           out->agree_us > 0 && out->point_us > 0 && out->handshake_us > 0 &&
           out->psk_handshake_us > 0 && out->tls_us_per_byte > 0 && out->cbc_us_per_byte > 0;
}

struct measurer {
    pthread_t thread;
    struct bench_floor floor;
    bool started, ok;
};

static void *measurer_main(void *ctx)
{
    struct measurer *m = ctx;
    m->ok = measure_all(&m->floor);
    return NULL;
}

#define MAX_MEASURERS 64

/* On every processor at once: the server that it is held against shares its core with the clients,
 * and busy neighbours share caches with it. */
cr_status bench_floor_measure(struct bench_floor *out, struct cr_err *err)
{
    struct measurer measurers[MAX_MEASURERS] = {0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = processors < 1 ? 1 : (size_t)processors;
    bool ok = true;
    count = count > MAX_MEASURERS ? MAX_MEASURERS : count;
    for (size_t i = 0; i < count; i++) {
        measurers[i].started =
            pthread_create(&measurers[i].thread, NULL, measurer_main, &measurers[i]) == 0;
        ok = ok && measurers[i].started;
    }
    for (size_t i = 0; i < count; i++) {
        if (measurers[i].started) {
            (void)pthread_join(measurers[i].thread, NULL);
            ok = ok && measurers[i].ok;
        }
    }
    if (!ok) {
        return cr_fail(err, CR_INTERNAL, NULL, "OpenSSL failed while the floor was measured");
    }
    *out = measurers[0].floor;
    return CR_OK;
}

double bench_floor_download_ms(const struct bench_floor *f, double tls_bytes, double bsp_bytes)
{
    double us = 3 * f->sign_us + 4 * f->verify_us + f->keypair_us + f->agree_us + 2 * f->point_us +
                f->handshake_us + tls_bytes * f->tls_us_per_byte +
                bsp_bytes * (f->cbc_us_per_byte + f->cmac_us_per_byte);
    return us / 1000;
}

double bench_floor_install_ms(const struct bench_floor *f, double bsp_bytes)
{
    double us = 3 * f->sign_us + 5 * f->verify_us + f->keypair_us + f->agree_us +
                bsp_bytes * (f->cbc_us_per_byte + f->cmac_us_per_byte);
    return us / 1000;
}
