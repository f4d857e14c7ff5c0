/*
 * The SM-DP+ as a network service: ES9+ (JSON and ASN.1 binding) and ES2+ over HTTPS, delivery of
 * notifications, housekeeping.
 */
#ifndef CRISP_SMDPP_SERVICE_H
#define CRISP_SMDPP_SERVICE_H

#include "net/http_server.h"
#include "smdpp/smdpp.h"

struct smdpp_service_options {
    const char *dir; /* database; NULL = in memory */
    const struct smdpp_config *config;
    struct smdpp_policy policy;
    const cr_env *env;
    const char *es9_host; /* address to bind; NULL = 127.0.0.1 */
    uint16_t es9_port;    /* 0 = a free one */
    bool es2;             /* ES2+ too (needs config->operator_ca) */
    const char *es2_host;
    uint16_t es2_port;
    unsigned workers; /* 0 = 8 for each processor */
    bool plain;       /* HTTP without TLS on ES9+, behind a proxy or for measurements */
};

struct smdpp_service;
cr_status smdpp_service_start(const struct smdpp_service_options *options,
                              struct smdpp_service **out, struct cr_err *err) CR_MUST_CHECK;
uint16_t smdpp_service_es9_port(const struct smdpp_service *service);
uint16_t smdpp_service_es2_port(const struct smdpp_service *service); /* 0 = off */
struct smdpp *smdpp_service_core(struct smdpp_service *service);
/* To be called every second or so: housekeeping. */
void smdpp_service_tick(struct smdpp_service *service);
void smdpp_service_stop(struct smdpp_service *service); /* NULL allowed */

/* The handler of the ES2+ listener; ctx is the service. Wipes the body and marks the arena secret
 * (base/arena.h): confirmation codes are in them. */
void smdpp_service_handle_es2(void *ctx, const struct http_request *request,
                              struct http_response *out);

#endif
