#include "net/psk.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#define CLAUSE    "SGP.02 ES5"
#define GCM       "PSK-AES128-GCM-SHA256"
#define CBC       "PSK-AES128-CBC-SHA256"
#define OVERHEAD  128 /* bytes that a record adds to its clear text, at most */
#define READ_STEP ((size_t)4096)

/* ---- policy: what both ends have in common -----------------------------------------------------
 */

struct policy {
    psk_find find;
    void *ctx;
};

static bool apply_policy(SSL_CTX *ctx)
{
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    /* The level of a system's configuration may forbid suites without forward secrecy. */
    SSL_CTX_set_security_level(ctx, 2);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, GCM ":" CBC) == 1;
}

/* 0 is answered with unknown_psk_identity. */
static unsigned find_key(SSL *ssl, const char *identity, unsigned char *out, unsigned room)
{
    const struct policy *policy = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    uint8_t key[PSK_KEY_MAX] = {0};
    size_t length = identity ? strnlen(identity, PSK_IDENTITY_MAX + 1) : 0;
    size_t n = 0;
    if (length > 0 && length <= PSK_IDENTITY_MAX) {
        n = policy->find(policy->ctx, cr_span_of(identity, length), key);
    }
    if (n < PSK_KEY_MIN || n > PSK_KEY_MAX || n > room) {
        n = 0;
    }
    memcpy(out, key, n);
    cr_wipe(key, sizeof(key));
    return (unsigned)n;
}

cr_status psk_server_new(const struct psk_server_options *options, SSL_CTX **out,
                         struct cr_err *err)
{
    size_t record = options->max_record ? options->max_record : PSK_RECORD_MAX;
    if (record < PSK_RECORD_MIN || record > PSK_RECORD_MAX) {
        return cr_fail(err, CR_REFUSED, NULL, "a TLS record has %d to %d bytes, not %zu",
                       PSK_RECORD_MIN, PSK_RECORD_MAX, record);
    }
    struct policy *policy = calloc(1, sizeof(*policy));
    SSL_CTX *ctx = policy ? SSL_CTX_new(TLS_server_method()) : NULL;
    if (!ctx) {
        ERR_clear_error();
        free(policy);
        return cr_fail_memory(err);
    }
    policy->find = options->find;
    policy->ctx = options->ctx;
    if (!apply_policy(ctx) || SSL_CTX_set_app_data(ctx, policy) != 1 ||
        SSL_CTX_set_max_send_fragment(ctx, (long)record) != 1) {
        ERR_clear_error();
        SSL_CTX_free(ctx);
        free(policy);
        return cr_fail(err, CR_INTERNAL, CLAUSE, "OpenSSL does not know the suites of TLS-PSK");
    }
    if (options->no_encrypt_then_mac) {
        (void)SSL_CTX_set_options(ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
    }
    SSL_CTX_set_psk_server_callback(ctx, find_key);
    *out = ctx;
    return CR_OK;
}

void psk_server_free(SSL_CTX *policy)
{
    if (policy) {
        struct policy *own = SSL_CTX_get_app_data(policy);
        SSL_CTX_free(policy);
        free(own);
    }
}

/* ---- engines -----------------------------------------------------------------------------------
 */

struct psk_engine {
    SSL *ssl;
    BIO *from_peer; /* owned by ssl, as the next */
    BIO *to_peer;
    enum psk_state state;
    bool finished; /* close_notify was sent */
    int alert_sent, alert_received;
    cr_buf out; /* for the peer */
    cr_buf in;  /* clear text */
    /* Client. */
    char identity[PSK_IDENTITY_MAX + 1];
    uint8_t key[PSK_KEY_MAX];
    size_t key_n;
};

static void on_alert(const SSL *ssl, int where, int value)
{
    struct psk_engine *engine = SSL_get_app_data(ssl);
    if (!(where & SSL_CB_ALERT) || value >> 8 != SSL3_AL_FATAL) {
        return;
    }
    if (where & SSL_CB_READ) {
        engine->alert_received = value & 0xFF;
    } else {
        engine->alert_sent = value & 0xFF;
    }
}

static unsigned give_key(SSL *ssl, const char *hint, char *identity, unsigned identity_room,
                         unsigned char *key, unsigned key_room)
{
    const struct psk_engine *engine = SSL_get_app_data(ssl);
    (void)hint; /* a server that sends one is not answered differently */
    size_t n = strlen(engine->identity);
    if (n >= identity_room || engine->key_n > key_room) {
        return 0;
    }
    memcpy(identity, engine->identity, n + 1);
    memcpy(key, engine->key, engine->key_n);
    return (unsigned)engine->key_n;
}

static pthread_once_t client_once = PTHREAD_ONCE_INIT;
static SSL_CTX *client_ctx; /* set once, below, for the life of the process; never changed */

static void client_make(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx && apply_policy(ctx)) {
        SSL_CTX_set_psk_client_callback(ctx, give_key);
        client_ctx = ctx;
    } else {
        SSL_CTX_free(ctx);
    }
    ERR_clear_error();
}

void psk_engine_free(struct psk_engine *engine)
{
    if (engine) {
        SSL_free(engine->ssl);
        cr_buf_free(&engine->out);
        cr_buf_free(&engine->in);
        cr_wipe(engine->key, sizeof(engine->key));
        free(engine);
    }
}

static cr_status engine_new(SSL_CTX *ctx, struct psk_engine **out, struct cr_err *err)
{
    struct psk_engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        return cr_fail_memory(err);
    }
    engine->alert_sent = engine->alert_received = -1;
    engine->in.secret = true;
    engine->ssl = SSL_new(ctx);
    engine->from_peer = BIO_new(BIO_s_mem());
    engine->to_peer = BIO_new(BIO_s_mem());
    if (!engine->ssl || !engine->from_peer || !engine->to_peer ||
        SSL_set_app_data(engine->ssl, engine) != 1) {
        BIO_free(engine->from_peer);
        BIO_free(engine->to_peer);
        psk_engine_free(engine);
        ERR_clear_error();
        return cr_fail_memory(err);
    }
    SSL_set_bio(engine->ssl, engine->from_peer, engine->to_peer);
    SSL_set_info_callback(engine->ssl, on_alert);
    *out = engine;
    return CR_OK;
}

/* Moves what OpenSSL wrote into the output. */
static void drain(struct psk_engine *engine)
{
    size_t n = BIO_ctrl_pending(engine->to_peer);
    uint8_t *at = n ? cr_buf_extend(&engine->out, n) : NULL;
    size_t got = 0;
    if (at && (BIO_read_ex(engine->to_peer, at, n, &got) != 1 || got != n)) {
        engine->out.failed = true;
    }
}

static cr_status fail(struct psk_engine *engine, const char *what, struct cr_err *err)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    cr_status status = cr_fail(err, CR_REFUSED, CLAUSE, "%s: %s", what,
                               reason ? reason : "the peer sends something else than TLS");
    ERR_clear_error();
    engine->state = PSK_FAILED;
    if (!cr_buf_ok(&engine->out) || !cr_buf_ok(&engine->in)) {
        return cr_fail_memory(err);
    }
    return status;
}

static cr_status shake_hands(struct psk_engine *engine, struct cr_err *err)
{
    ERR_clear_error();
    int result = SSL_do_handshake(engine->ssl);
    int why = SSL_get_error(engine->ssl, result);
    drain(engine);
    if (result == 1) {
        engine->state = PSK_OPEN;
    } else if (why != SSL_ERROR_WANT_READ) {
        return fail(engine, "TLS handshake failed", err);
    }
    return cr_buf_ok(&engine->out) ? CR_OK : fail(engine, "TLS", err);
}

/* Decrypts as far as bytes and room go. */
static cr_status pump(struct psk_engine *engine, struct cr_err *err)
{
    if (engine->state == PSK_HANDSHAKE) {
        CR_TRY(shake_hands(engine, err));
    }
    while (engine->state == PSK_OPEN && engine->in.n < PSK_CLEAR_MAX) {
        uint8_t *at = cr_buf_reserve(&engine->in, READ_STEP) ? engine->in.p + engine->in.n : NULL;
        if (!at) {
            return fail(engine, "TLS", err);
        }
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_read_ex(engine->ssl, at, READ_STEP, &n);
        int why = SSL_get_error(engine->ssl, result);
        drain(engine);
        if (result == 1) {
            engine->in.n += n;
        } else if (why == SSL_ERROR_WANT_READ) {
            break;
        } else if (why == SSL_ERROR_ZERO_RETURN) {
            engine->state = PSK_ENDED;
        } else {
            return fail(engine, "TLS connection failed", err);
        }
    }
    return cr_buf_ok(&engine->out) ? CR_OK : fail(engine, "TLS", err);
}

static uint8_t fragment_code(size_t bytes)
{
    switch (bytes) {
    case 512:
        return TLSEXT_max_fragment_length_512;
    case 1024:
        return TLSEXT_max_fragment_length_1024;
    case 2048:
        return TLSEXT_max_fragment_length_2048;
    case 4096:
        return TLSEXT_max_fragment_length_4096;
    default:
        return TLSEXT_max_fragment_length_DISABLED;
    }
}

cr_status psk_client_new(const struct psk_client_options *options, struct psk_engine **out,
                         struct cr_err *err)
{
    size_t n = options->identity ? strlen(options->identity) : 0;
    uint8_t fragment = fragment_code(options->max_fragment);
    if (n == 0 || n > PSK_IDENTITY_MAX || options->key.n < PSK_KEY_MIN ||
        options->key.n > PSK_KEY_MAX || (options->max_fragment && !fragment)) {
        return cr_fail(err, CR_REFUSED, CLAUSE,
                       "TLS-PSK wants an identity of 1 to %d bytes, a key of %d to %d bytes, and a "
                       "fragment length of 512, 1024, 2048 or 4096 bytes or none",
                       PSK_IDENTITY_MAX, PSK_KEY_MIN, PSK_KEY_MAX);
    }
    if (pthread_once(&client_once, client_make) != 0 || !client_ctx) {
        return cr_fail(err, CR_INTERNAL, CLAUSE, "OpenSSL does not know the suites of TLS-PSK");
    }
    struct psk_engine *engine = NULL;
    CR_TRY(engine_new(client_ctx, &engine, err));
    memcpy(engine->identity, options->identity, n);
    memcpy(engine->key, options->key.p, options->key.n);
    engine->key_n = options->key.n;
    SSL_set_connect_state(engine->ssl);
    bool sound = !fragment || SSL_set_tlsext_max_fragment_length(engine->ssl, fragment) == 1;
    sound = sound && (!options->cbc_only || SSL_set_cipher_list(engine->ssl, CBC) == 1);
    if (options->no_encrypt_then_mac) {
        (void)SSL_set_options(engine->ssl, SSL_OP_NO_ENCRYPT_THEN_MAC);
    }
    cr_status status = sound ? shake_hands(engine, err) : cr_fail_memory(err);
    if (status != CR_OK) {
        psk_engine_free(engine);
        return status;
    }
    *out = engine;
    return CR_OK;
}

cr_status psk_server_accept(SSL_CTX *policy, struct psk_engine **out, struct cr_err *err)
{
    struct psk_engine *engine = NULL;
    CR_TRY(engine_new(policy, &engine, err));
    SSL_set_accept_state(engine->ssl);
    *out = engine;
    return CR_OK;
}

enum psk_state psk_engine_state(const struct psk_engine *engine)
{
    return engine->state;
}

cr_status psk_engine_feed(struct psk_engine *engine, cr_span wire, struct cr_err *err)
{
    if (engine->state == PSK_ENDED || wire.n == 0) {
        return CR_OK;
    }
    if (engine->state == PSK_FAILED) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the TLS connection has failed before");
    }
    if (wire.n > PSK_WIRE_MAX - BIO_ctrl_pending(engine->from_peer)) {
        return cr_fail(err, CR_RESOURCE, NULL, "more than %zu bytes wait to be decrypted",
                       PSK_WIRE_MAX);
    }
    size_t n = 0;
    if (BIO_write_ex(engine->from_peer, wire.p, wire.n, &n) != 1 || n != wire.n) {
        engine->state = PSK_FAILED;
        ERR_clear_error();
        return cr_fail_memory(err);
    }
    return pump(engine, err);
}

cr_status psk_engine_eof(struct psk_engine *engine, struct cr_err *err)
{
    if (engine->state == PSK_ENDED) {
        return CR_OK;
    }
    engine->state = PSK_FAILED;
    return cr_fail(err, CR_REFUSED, CLAUSE, "the TLS connection ended without close_notify");
}

cr_status psk_engine_send(struct psk_engine *engine, cr_span clear, struct cr_err *err)
{
    if (engine->state != PSK_OPEN || engine->finished) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the TLS connection is not open");
    }
    if (clear.n == 0) {
        return CR_OK;
    }
    if (clear.n > PSK_WIRE_MAX ||
        clear.n + OVERHEAD * (clear.n / PSK_RECORD_MIN + 1) + engine->out.n > PSK_WIRE_MAX) {
        return cr_fail(err, CR_RESOURCE, NULL, "more than %zu bytes wait to be sent", PSK_WIRE_MAX);
    }
    size_t n = 0;
    ERR_clear_error();
    int result = SSL_write_ex(engine->ssl, clear.p, clear.n, &n);
    drain(engine);
    if (result != 1 || n != clear.n || !cr_buf_ok(&engine->out)) {
        return fail(engine, "TLS cannot send", err);
    }
    return CR_OK;
}

void psk_engine_finish(struct psk_engine *engine)
{
    if (!engine->finished && (engine->state == PSK_OPEN || engine->state == PSK_ENDED)) {
        engine->finished = true;
        ERR_clear_error();
        (void)SSL_shutdown(engine->ssl);
        ERR_clear_error();
        drain(engine);
    }
}

static void drop(cr_buf *b, size_t n)
{
    size_t rest = n < b->n ? b->n - n : 0;
    if (rest > 0) {
        memmove(b->p, b->p + n, rest);
    }
    if (b->secret && b->n > rest) {
        cr_wipe(b->p + rest, b->n - rest);
    }
    b->n = rest;
}

cr_span psk_engine_output(const struct psk_engine *engine)
{
    return cr_buf_span(&engine->out);
}

void psk_engine_sent(struct psk_engine *engine, size_t n)
{
    drop(&engine->out, n);
}

cr_span psk_engine_input(const struct psk_engine *engine)
{
    return cr_buf_span(&engine->in);
}

cr_status psk_engine_used(struct psk_engine *engine, size_t n, struct cr_err *err)
{
    drop(&engine->in, n);
    return engine->state == PSK_OPEN ? pump(engine, err) : CR_OK;
}

const char *psk_engine_identity(const struct psk_engine *engine)
{
    return engine->state == PSK_HANDSHAKE ? NULL : SSL_get_psk_identity(engine->ssl);
}

unsigned psk_engine_suite(const struct psk_engine *engine)
{
    const SSL_CIPHER *cipher =
        engine->state == PSK_HANDSHAKE ? NULL : SSL_get_current_cipher(engine->ssl);
    return cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;
}

int psk_engine_alert_sent(const struct psk_engine *engine)
{
    return engine->alert_sent;
}

int psk_engine_alert_received(const struct psk_engine *engine)
{
    return engine->alert_received;
}
