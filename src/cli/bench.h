/*
 * Benchmarks: what the files of `crisp bench` share.
 */
#ifndef CRISP_CLI_BENCH_H
#define CRISP_CLI_BENCH_H

#include "cli/cli.h"

/* The bare cost, in microseconds of CPU on this machine now, of each cryptographic operation that a
 * server cannot do without, measured with OpenSSL alone (nothing of src/crypto). */
struct bench_floor {
    double sign_us, verify_us, keypair_us, agree_us, point_us; /* P-256 */
    /* The server's half of a full TLS 1.3 handshake, X25519, ECDSA P-256, AES-128-GCM, no ticket.
     */
    double handshake_us;
    double psk_handshake_us;                  /* TLS 1.2, PSK-AES128-GCM-SHA256, likewise */
    double tls_us_per_byte;                   /* AES-128-GCM records of 4 KB */
    double cmac_us_per_byte, cbc_us_per_byte; /* BSP */
};

/* Measures for about a second. CR_INTERNAL when OpenSSL fails. */
cr_status bench_floor_measure(struct bench_floor *out, struct cr_err *err) CR_MUST_CHECK;

/* Milliseconds that one SGP.22 download costs at the floor: 3 signatures, 4 verifications (the
 * EUM's certificate is known), 1 key pair, 1 key agreement, 2 public keys read, 1 handshake, TLS
 * over tls_bytes, BSP over bsp_bytes. */
double bench_floor_download_ms(const struct bench_floor *floor, double tls_bytes, double bsp_bytes);

/* The same for the chip, which has no connection: 3 signatures, 5 verifications, a key pair, a key
 * agreement, BSP over the package. */
double bench_floor_install_ms(const struct bench_floor *floor, double bsp_bytes);

/* Makes profiles with released orders; profile i has this ICCID and this MatchingID. */
#define BENCH_MATCHING_ID 32 /* bytes */
#define BENCH_ICCID       21
struct smdpp;
cr_status bench_inventory_fill(struct cli *cli, struct smdpp *dp, size_t profiles,
                               size_t *package_size, struct cr_err *err) CR_MUST_CHECK;
/* A profile as the builder makes it, in the arena; of a usual size (15.7 KB), or the bare
 * subscription. */
cr_status bench_package(const char *iccid, const char *imsi, bool usual_size, cr_arena *arena,
                        cr_span *upp, struct cr_err *err) CR_MUST_CHECK;
void bench_iccid(size_t i, char out[BENCH_ICCID]);
void bench_matching_id(size_t i, char out[BENCH_MATCHING_ID]);

int bench_rsp_run(struct cli *cli, const void *values);

struct bench_rsp_values {
    int64_t clients, seconds, profiles, workers;
    const char *dir;
};

int bench_chips_run(struct cli *cli, const void *values);

struct bench_chips_values {
    int64_t chips, seconds, profiles, threads;
};

#define BENCH_MAX_FLEET 1000000 /* chips in the SM-SR */
int bench_fleet_run(struct cli *cli, const void *values);

struct bench_fleet_values {
    int64_t chips, parallel, seconds, workers;
    const char *fleet, *dir;
};

#endif
