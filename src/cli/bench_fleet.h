/*
 * crisp bench fleet: what its files share.
 *
 *   bench_fleet_world.c   certificates, parties, chips, devices, the stock of the SM-DP, servers
 *   bench_fleet_eis.c     the EUM: chips and their neighbours are registered
 *   bench_fleet_desk.c    the operator: campaigns of procedures
 *   bench_fleet.c         what is run in which order, what is printed
 *
 * SM-SR and SM-DP are processes of their own, with databases on disk and durable commits. All else
 * is in this process: the chips in memory, their modems and the SMSC, the operator with a messenger
 * as the servers have one.
 */
#ifndef CRISP_CLI_BENCH_FLEET_H
#define CRISP_CLI_BENCH_FLEET_H

#include "cli/bench.h"
#include "cli/bench_process.h"
#include "device/run.h"
#include "euicc/euicc.h"
#include "m2m/messenger.h"

#define FLEET_MAX_SIZES 8
#define FLEET_PROFILES  2 /* that a chip is shipped with */
#define FLEET_EID       33
#define FLEET_IMSI      16 /* and of an MSISDN */
#define FLEET_OPERATOR  "operator-a"

struct fleet_chip {
    char eid[FLEET_EID];
    uint8_t eid_bytes[SOAP_EID_SIZE];
    struct card card;
    cr_span eis;             /* JSON with the keys, until it is registered; malloc */
    size_t enabled;          /* of its two profiles */
    size_t loaded;           /* number of the profile that was downloaded; 0 = none */
    double started_ms;       /* of the procedure under way */
    struct fleet_chip *next; /* that waits for a procedure */
};

enum fleet_kind { FLEET_ENABLE, FLEET_DOWNLOAD, FLEET_DELETE, FLEET_KINDS };

/* What became of the procedures of one kind. */
struct fleet_tally {
    size_t done, failed;
    double seconds, smsr_cpu_ms, smdp_cpu_ms;
    struct bench_latencies latencies;
    struct cr_err first_failure;
};

/* One size of the fleet. */
struct fleet_size {
    size_t registered;
    struct fleet_tally enable;
    double smsr_rss_mb_begin, smsr_rss_mb; /* after its start; after the campaign */
    double smsr_db_mb;
};

struct fleet_desk;
struct fleet_eum;

struct fleet {
    struct cli *cli;
    const struct bench_fleet_values *options;
    cr_env env; /* of what runs in this process: without a log */
    char dir[BENCH_DIR], pki[BENCH_PATH - 32], lab[BENCH_PATH - 32];
    char smsr_dir[BENCH_PATH - 32], smdp_dir[BENCH_PATH];
    char smsr_ini[BENCH_PATH], smdp_ini[BENCH_PATH], radio_ini[BENCH_PATH];
    char smsr_ports[BENCH_PATH], smdp_ports[BENCH_PATH];
    char smsr_log[BENCH_PATH], smdp_log[BENCH_PATH];
    uint16_t es5_port, smpp_port, smdp_port;
    struct m2m_parties desk_parties;
    struct fleet_chip *chips;
    size_t chip_count, profiles, package_size;
    size_t registered; /* chips and neighbours */
    struct device_config network;
    struct device_run *devices;
    struct bench_process smsr, smdp;
    struct fleet_eum *eum; /* while chips are registered */
    struct fleet_desk *desk;
    struct fleet_size sizes[FLEET_MAX_SIZES];
    size_t size_count;
    struct fleet_tally download, deletion;
};

/* ---- bench_fleet_world.c ---- */

/* Numbers of a chip (or of a neighbour) and its profiles, each its own; EIDs are in their order. */
uint32_t fleet_number(size_t chip);
void fleet_iccid(size_t chip, size_t profile, char out[BENCH_ICCID]);
void fleet_imsi(size_t chip, size_t profile, char out[FLEET_IMSI]);
void fleet_msisdn(size_t chip, size_t profile, char out[FLEET_IMSI]);
cr_status fleet_eid(size_t chip, char out[FLEET_EID], uint8_t bytes[SOAP_EID_SIZE],
                    struct cr_err *err) CR_MUST_CHECK;

cr_status fleet_make_parties(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
cr_status fleet_make_chips(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
cr_status fleet_make_stock(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
/* Powers the chips on and waits until all have service. */
cr_status fleet_start_devices(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
cr_status fleet_start_smsr(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
cr_status fleet_start_smdp(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
/* A chip that is powered on sends a notification: waits until all are taken and confirmed. */
cr_status fleet_wait_for_quiet(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
double fleet_smsr_db_mb(const struct fleet *f);
void fleet_free_world(struct fleet *f);

/* Runs work(ctx, i) for each i from first to end, by some threads. The first failure ends it; so
 * does cli_stop. what: of the progress line. */
typedef cr_status (*fleet_work)(struct fleet *f, struct cli *cli, size_t i, struct cr_err *err);
cr_status fleet_share_out(struct fleet *f, const char *what, size_t first, size_t end,
                          unsigned threads, fleet_work work, struct cr_err *err) CR_MUST_CHECK;

/* ---- bench_fleet_eis.c ---- */

/* Registers the chips that are not yet, then neighbours, which have an EIS and no chip, until so
 * many are registered: through the SM-SR's own handler of ES1, in its directory, while it does not
 * run. */
cr_status fleet_register(struct fleet *f, size_t count, struct cr_err *err) CR_MUST_CHECK;

/* ---- bench_fleet_desk.c ---- */

cr_status fleet_desk_open(struct fleet *f, struct cr_err *err) CR_MUST_CHECK;
void fleet_desk_close(struct fleet_desk *desk); /* NULL allowed */
/* Procedures of a kind on the chips that it fits, so many at a time, until the time is over (0: one
 * for each chip) or no chip is left, and then until the last answer. Adds to the tally. */
cr_status fleet_campaign(struct fleet *f, enum fleet_kind kind, double ms,
                         struct fleet_tally *tally, struct cr_err *err) CR_MUST_CHECK;

#endif
