/*
 * TLS 1.2 with pre-shared keys (RFC 4279, RFC 5487), as SCP81 uses it (GlobalPlatform Amendment B;
 * ES5 of SGP.02): TLS_PSK_WITH_AES_128_GCM_SHA256 and TLS_PSK_WITH_AES_128_CBC_SHA256 only. No
 * tickets, no session ids, no identity hint, no renegotiation.
 *
 * Two ways to use it:
 *
 *   - psk_server_new() gives the TLS policy of a listener of net/http_server.h; the identity that a
 *     client has proved is in its requests.
 *   - an engine is one end of one connection without a socket, bytes in, bytes out: a chip over a
 *     BIP channel (client), or a server inside a simulation.
 *
 *     psk_engine_feed(e, what came in)       psk_engine_output(e) -> to the peer
 *     psk_engine_input(e) -> clear text      psk_engine_send(e, clear text)
 *
 * Randomness is OpenSSL's own.
 */
#ifndef CRISP_NET_PSK_H
#define CRISP_NET_PSK_H

#include "base/buf.h"
#include "base/error.h"

struct ssl_ctx_st; /* SSL_CTX of OpenSSL */

#define PSK_KEY_MIN      16  /* bytes: 128 bits of entropy are demanded */
#define PSK_KEY_MAX      64  /* bytes */
#define PSK_IDENTITY_MAX 128 /* bytes of an identity; that of SGP.02 has 90 */
#define PSK_RECORD_MIN   512 /* the smallest record size that TLS can agree on (RFC 6066 4) */
#define PSK_RECORD_MAX   16384
#define PSK_WIRE_MAX     ((size_t)64 << 10) /* bytes for the peer that an engine keeps at most */
#define PSK_CLEAR_MAX    ((size_t)32 << 10) /* bytes of clear text nobody has taken, at most */

/* The key of an identity (as received, no NUL in it): writes it and gives its size, PSK_KEY_MIN to
 * PSK_KEY_MAX; 0 = nobody has that identity. Runs inside the handshake, on the event loop's thread:
 * it does not wait. Others' identities are compared in any case (SGP.02). The array is wiped by the
 * caller. */
typedef size_t (*psk_find)(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX]);

struct psk_server_options {
    psk_find find;
    void *ctx; /* of find; lives as long as the policy */
    /* Bytes of clear text in a record that is sent, PSK_RECORD_MIN to PSK_RECORD_MAX; 0 = the most.
     * A client that negotiates less (max_fragment_length) gets less. */
    size_t max_record;
    bool no_encrypt_then_mac; /* for cards that fail on the extension (RFC 7366) */
};

/* An unknown identity is answered with alert 115, a wrong key with 20. Freed with
 * psk_server_free(), after the last connection. */
cr_status psk_server_new(const struct psk_server_options *options, struct ssl_ctx_st **out,
                         struct cr_err *err) CR_MUST_CHECK;
void psk_server_free(struct ssl_ctx_st *policy); /* NULL allowed */

/* ---- engines ---- */

struct psk_client_options {
    const char *identity; /* at most PSK_IDENTITY_MAX bytes */
    cr_span key;          /* PSK_KEY_MIN to PSK_KEY_MAX bytes */
    /* max_fragment_length to ask for: 512, 1024, 2048 or 4096; 0 = none. */
    size_t max_fragment;
    bool no_encrypt_then_mac;
    bool cbc_only; /* do not offer GCM, as old cards */
};

enum psk_state {
    PSK_HANDSHAKE,
    PSK_OPEN,   /* clear text may be sent and comes in */
    PSK_ENDED,  /* the peer said close_notify; what it sent before is still in psk_engine_input() */
    PSK_FAILED, /* an alert was sent or received, or bytes were no TLS */
};

struct psk_engine;

/* The hello is in the output at once. Identity and key are copied; the key is wiped with the
 * engine. CR_REFUSED: options that cannot be. */
cr_status psk_client_new(const struct psk_client_options *options, struct psk_engine **out,
                         struct cr_err *err) CR_MUST_CHECK;

/* One connection of a server, under a policy that outlives it. */
cr_status psk_server_accept(struct ssl_ctx_st *policy, struct psk_engine **out,
                            struct cr_err *err) CR_MUST_CHECK;
void psk_engine_free(struct psk_engine *engine); /* NULL allowed */

enum psk_state psk_engine_state(const struct psk_engine *engine);

/* Bytes of the peer; all are taken. CR_REFUSED: the connection failed (state PSK_FAILED, the reason
 * in err; an alert may be in the output, send it). CR_RESOURCE: more than PSK_WIRE_MAX bytes wait
 * to be decrypted because nobody takes the clear text; nothing was taken then. Bytes that come
 * after the end are dropped. */
cr_status psk_engine_feed(struct psk_engine *engine, cr_span wire,
                          struct cr_err *err) CR_MUST_CHECK;

/* The peer's bytes have ended (socket or channel closed): without close_notify before it, what came
 * may have been cut. CR_REFUSED then, and PSK_FAILED. */
cr_status psk_engine_eof(struct psk_engine *engine, struct cr_err *err) CR_MUST_CHECK;

/* Encrypts, in records as large as agreed. CR_REFUSED: not open, or finished. CR_RESOURCE: it would
 * make more than PSK_WIRE_MAX bytes of output; nothing was taken. */
cr_status psk_engine_send(struct psk_engine *engine, cr_span clear,
                          struct cr_err *err) CR_MUST_CHECK;

/* Says close_notify; nothing can be sent afterwards. Reading goes on until the peer's. */
void psk_engine_finish(struct psk_engine *engine);

/* Bytes for the peer; valid until the next call. Those that went out are given to
 * psk_engine_sent(). */
cr_span psk_engine_output(const struct psk_engine *engine);
void psk_engine_sent(struct psk_engine *engine, size_t n);

/* Clear text of the peer, and how much of it was used. Using it may decrypt more. */
cr_span psk_engine_input(const struct psk_engine *engine);
cr_status psk_engine_used(struct psk_engine *engine, size_t n, struct cr_err *err) CR_MUST_CHECK;

/* Once open: the client's identity (server), as received; the suite (TLS code, 0x00A8 or 0x00AE);
 * NULL and 0 before. */
const char *psk_engine_identity(const struct psk_engine *engine);
unsigned psk_engine_suite(const struct psk_engine *engine);

/* Alerts (RFC 5246 7.2), for logs and tests: last fatal one sent and received, -1 = none. */
int psk_engine_alert_sent(const struct psk_engine *engine);
int psk_engine_alert_received(const struct psk_engine *engine);

#endif
