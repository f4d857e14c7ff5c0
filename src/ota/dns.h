/*
 * The chip's resolver (SGP.02: HTTPS addressing parameters with a name): DNS messages (RFC 1035,
 * RFC 3596) and the rules of asking, without a socket and without a clock.
 *
 *     ota_dns_start() -> SEND: one datagram to a server; a timer of .seconds
 *     ota_dns_input() with each datagram that comes, ota_dns_expired() when the timer ends
 *         -> WAIT (go on with the same timer), SEND (the next one), DONE, FAILED
 *
 * First A, then AAAA, each with an id of its own; three tries of five seconds per server, servers
 * in the order of their configuration. An answer counts only if id, question and the bits of the
 * header match; others are passed over, since anybody can send datagrams. A server that says that
 * the name has no address of that kind is believed; one that refuses or fails is left for the next.
 */
#ifndef CRISP_OTA_DNS_H
#define CRISP_OTA_DNS_H

#include "base/buf.h"
#include "base/env.h"

#define OTA_DNS_NAME_MAX  253 /* characters of a name, without the last dot */
#define OTA_DNS_LABEL_MAX 63
#define OTA_DNS_MESSAGE   512 /* bytes of a UDP message (RFC 1035 4.2.1) */
#define OTA_DNS_ADDRESSES 8   /* kept of an answer, of both kinds together */
#define OTA_DNS_SERVERS   4
#define OTA_DNS_CNAMES    8     /* of a chain that is followed */
#define OTA_DNS_RECORDS   64    /* of a message that are looked at */
#define OTA_DNS_TRIES     3     /* of each question at each server */
#define OTA_DNS_SECONDS   5     /* for an answer */
#define OTA_DNS_TTL_MAX   86400 /* seconds: an answer is not kept for longer */

#define OTA_DNS_A     1
#define OTA_DNS_CNAME 5
#define OTA_DNS_AAAA  28

/* ---- messages ---- */

/* Appends a query with recursion desired. CR_REFUSED: no name that DNS knows. */
cr_status ota_dns_query_write(cr_buf *out, uint16_t id, const char *name, uint16_t type,
                              struct cr_err *err) CR_MUST_CHECK;

struct ota_dns_address {
    uint8_t n; /* 4 or 16 */
    uint8_t value[16];
};

struct ota_dns_answer {
    uint8_t rcode;  /* 0 none, 3 no such name .. */
    bool truncated; /* TC: what is there may be used */
    struct ota_dns_address addresses[OTA_DNS_ADDRESSES];
    size_t count;
    uint32_t ttl; /* seconds: the least of all records used, capped; 0 with count 0 */
};

/* Reads the answer to a query of (id, name, type): CNAMEs are followed, addresses of type taken.
 * CR_REFUSED: a message that answers something else; pass it over. CR_MALFORMED: the answer to this
 * question, but broken. */
cr_status ota_dns_answer_read(cr_span message, uint16_t id, const char *name, uint16_t type,
                              struct ota_dns_answer *out, struct cr_err *err) CR_MUST_CHECK;

/* ---- asking ---- */

enum ota_dns_action {
    OTA_DNS_SEND,  /* .datagram to .server, and start the timer anew */
    OTA_DNS_WAIT,  /* nothing changed */
    OTA_DNS_DONE,  /* .addresses: at least one, A first */
    OTA_DNS_FAILED /* no server knew one */
};

struct ota_dns_step {
    enum ota_dns_action action;
    size_t server;    /* index */
    cr_span datagram; /* valid until the next call */
    uint32_t seconds;
};

/* Zeroed is empty; nothing to free. */
struct ota_dns_resolver {
    /* After OTA_DNS_DONE. */
    struct ota_dns_address addresses[OTA_DNS_ADDRESSES];
    size_t count;
    uint32_t ttl; /* seconds that they may be kept */

    /* Inside. */
    const cr_env *env;
    char name[OTA_DNS_NAME_MAX + 1];
    size_t servers, server;
    bool over;
    uint16_t type, id;
    unsigned tries;
    uint8_t query[OTA_DNS_MESSAGE];
    size_t query_n;
};

/* servers: how many there are, 1 to OTA_DNS_SERVERS. env (its randomness gives the ids) lives as
 * long as the resolver. */
cr_status ota_dns_start(struct ota_dns_resolver *r, const cr_env *env, const char *name,
                        size_t servers, struct ota_dns_step *step,
                        struct cr_err *err) CR_MUST_CHECK;
/* A datagram from a server. */
cr_status ota_dns_input(struct ota_dns_resolver *r, cr_span datagram, struct ota_dns_step *step,
                        struct cr_err *err) CR_MUST_CHECK;
/* The timer ended, or the datagram could not be sent (then at once). */
cr_status ota_dns_expired(struct ota_dns_resolver *r, struct ota_dns_step *step,
                          struct cr_err *err) CR_MUST_CHECK;

#endif
