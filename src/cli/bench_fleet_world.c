/*
 * The world around the servers: certificates and parties, chips in memory with their devices, the
 * stock of the SM-DP; and the servers.
 */
#include "cli/bench_fleet.h"
#include "cli/euicc_create_m2m.h"
#include "cli/progress.h"
#include "cli/smdp.h"

#include "base/file.h"
#include "m2m/lab.h"
#include "pki/hierarchy.h"
#include "rsp/ids.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HTTPS_OF_CHIPS  "192.0.2.10:8446/gsma/adminagent"
#define SMSC_NUMBER     "+4799000000"
#define SMSR_NUMBER     "+4790001"
#define SERVICE_MS      120000 /* until all chips have service */
#define LOOK_MS         20
#define MAX_CERTIFICATE 4096 /* bytes */
#define QUIET_LOOKS     10   /* in a row without a short message under way */
#define MAX_THREADS     64
#define PER_SECOND      200 /* profiles in stock for each second of downloading */

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* Chips lie anywhere between their neighbours, in every order that the database keeps. */
uint32_t fleet_number(size_t chip)
{
    return (uint32_t)((uint64_t)chip * 694847533U % 1000000000U); /* each once: no common factor */
}

void fleet_iccid(size_t chip, size_t profile, char out[BENCH_ICCID])
{
    (void)snprintf(out, BENCH_ICCID, "8900%015u%u", fleet_number(chip), (unsigned)(profile % 10));
}

void fleet_imsi(size_t chip, size_t profile, char out[FLEET_IMSI])
{
    (void)snprintf(out, FLEET_IMSI, "00101%09u%u", fleet_number(chip), (unsigned)(profile % 10));
}

/* As [msisdn] of the devices' configuration says. */
void fleet_msisdn(size_t chip, size_t profile, char out[FLEET_IMSI])
{
    (void)snprintf(out, FLEET_IMSI, "4700%09u%u", fleet_number(chip), (unsigned)(profile % 10));
}

cr_status fleet_eid(size_t chip, char out[FLEET_EID], uint8_t bytes[SOAP_EID_SIZE],
                    struct cr_err *err)
{
    /* Under the EUM's prefix; two check digits at the end. */
    (void)snprintf(out, FLEET_EID, "89049032%022u00", fleet_number(chip));
    CR_TRY(rsp_eid_parse(cr_span_str(out), bytes, err));
    return rsp_eid_set_check_digits(bytes) && rsp_eid_text(cr_span_of(bytes, SOAP_EID_SIZE), out)
               ? CR_OK
               : cr_fail(err, CR_INTERNAL, NULL, "cannot make an EID");
}

/* ---- by some threads ---------------------------------------------------------------------------
 */

struct sharing {
    struct fleet *f;
    fleet_work work;
    size_t end;
    atomic_size_t next, done;
    atomic_bool stop;
    pthread_mutex_t lock; /* of what follows */
    cr_status status;
    struct cr_err err;
};

static void *share(void *ctx)
{
    struct sharing *s = ctx;
    struct cli cli = *s->f->cli;
    cli.env = &s->f->env;
    cli.arena = (cr_arena){.secret = true};
    for (size_t i; !atomic_load(&s->stop) && (i = atomic_fetch_add(&s->next, 1)) < s->end;) {
        struct cr_err err = {0};
        cr_status status = s->work(s->f, &cli, i, &err);
        if (status != CR_OK) {
            (void)pthread_mutex_lock(&s->lock);
            if (s->status == CR_OK) {
                s->status = status;
                s->err = err;
            }
            (void)pthread_mutex_unlock(&s->lock);
            atomic_store(&s->stop, true);
        }
        (void)atomic_fetch_add(&s->done, 1);
        cr_arena_reset(&cli.arena);
    }
    cr_arena_free(&cli.arena);
    return NULL;
}

cr_status fleet_share_out(struct fleet *f, const char *what, size_t first, size_t end,
                          unsigned threads, fleet_work work, struct cr_err *err)
{
    struct sharing s = {.f = f, .work = work, .end = end, .next = first};
    struct cli_progress progress;
    pthread_t ids[MAX_THREADS];
    size_t started = 0;
    (void)pthread_mutex_init(&s.lock, NULL);
    cli_progress_start(&progress, f->cli, what, end - first);
    while (started < threads && started < MAX_THREADS &&
           pthread_create(&ids[started], NULL, share, &s) == 0) {
        started++;
    }
    while (started > 0 && atomic_load(&s.done) < end - first && !atomic_load(&s.stop)) {
        (void)usleep(LOOK_MS * 1000);
        cli_progress_at(&progress, atomic_load(&s.done));
        if (cli_stop) {
            atomic_store(&s.stop, true);
        }
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    cli_progress_end(&progress);
    (void)pthread_mutex_destroy(&s.lock);
    if (s.status != CR_OK) {
        *err = s.err;
        return s.status;
    }
    return started == 0 ? cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread")
           : cli_stop   ? cr_fail(err, CR_RESOURCE, NULL, "stopped")
                        : CR_OK;
}

static unsigned processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : (unsigned)n;
}

/* ---- parties -----------------------------------------------------------------------------------
 */

static cr_status put_file(const char *path, cr_buf *text, struct cr_err *err)
{
    cr_status status =
        cr_buf_ok(text) ? cr_file_write(path, cr_buf_span(text), 0600, err) : cr_fail_memory(err);
    cr_buf_free(text);
    return status;
}

static cr_status make_lab(struct fleet *f, struct cr_err *err)
{
    uint16_t ports[M2M_LAB_PARTIES + 2];
    struct m2m_lab lab = m2m_lab_usual(0);
    char path[BENCH_PATH];
    cr_buf eum = {0};
    (void)snprintf(path, sizeof path, "%s/nist/eum.der", f->pki);
    CR_TRY(bench_free_ports(ports, CR_COUNT(ports), err));
    for (size_t i = 0; i < M2M_LAB_PARTIES; i++) {
        lab.parties[i].port = ports[i];
    }
    f->smdp_port = m2m_lab_named(&lab, cr_span_str("smdp"))->port;
    f->es5_port = ports[M2M_LAB_PARTIES];
    f->smpp_port = ports[M2M_LAB_PARTIES + 1];
    cr_status status = cr_file_read(path, MAX_CERTIFICATE, &eum, err);
    if (status == CR_OK) {
        lab.eum_certificate = cr_buf_span(&eum);
        status = m2m_lab_make(f->lab, &lab, &f->env, err);
    }
    cr_buf_free(&eum);
    return status;
}

cr_status fleet_make_parties(struct fleet *f, struct cr_err *err)
{
    struct pki_hierarchy_options pki = {.dp_host = "smdp.bench"};
    char path[BENCH_PATH];
    cr_buf radio = {0};
    (void)snprintf(f->pki, sizeof f->pki, "%s/pki", f->dir);
    (void)snprintf(f->lab, sizeof f->lab, "%s/lab", f->dir);
    (void)snprintf(f->smsr_dir, sizeof f->smsr_dir, "%s/smsr", f->dir);
    (void)snprintf(f->smdp_dir, sizeof f->smdp_dir, "%s/smdp", f->dir);
    (void)snprintf(f->smsr_ini, sizeof f->smsr_ini, "%s/smsr-1.ini", f->lab);
    (void)snprintf(f->smdp_ini, sizeof f->smdp_ini, "%s/smdp.ini", f->lab);
    (void)snprintf(f->radio_ini, sizeof f->radio_ini, "%s/radio.ini", f->dir);
    (void)snprintf(f->smsr_ports, sizeof f->smsr_ports, "%s/smsr.json", f->dir);
    (void)snprintf(f->smdp_ports, sizeof f->smdp_ports, "%s/smdp.json", f->dir);
    (void)snprintf(f->smsr_log, sizeof f->smsr_log, "%s/smsr.log", f->dir);
    (void)snprintf(f->smdp_log, sizeof f->smdp_log, "%s/smdp.log", f->dir);
    CR_TRY(pki_hierarchy_init(f->pki, &pki, &f->env, err));
    CR_TRY(make_lab(f, err));
    cr_buf_appendf(&radio,
                   "[smsc bench]\nport = %u\nsystem-id = smsr\npassword = secret\n"
                   "number = " SMSR_NUMBER "\nwindow = 64\n",
                   f->smpp_port);
    CR_TRY(put_file(f->radio_ini, &radio, err));
    (void)snprintf(path, sizeof path, "%s/" FLEET_OPERATOR ".ini", f->lab);
    return m2m_parties_load(path, &f->desk_parties, err);
}

/* ---- chips -------------------------------------------------------------------------------------
 */

static cr_status keep_eis(const struct euicc *euicc, struct fleet_chip *chip, struct cr_err *err)
{
    cr_buf json = {.secret = true};
    cr_status status = euicc_eis(euicc, true, &json, err);
    if (status == CR_OK) {
        uint8_t *copy = malloc(json.n);
        if (copy) {
            memcpy(copy, json.p, json.n);
            chip->eis = cr_span_of(copy, json.n);
        }
        status = copy ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&json);
    return status;
}

static void forget_eis(struct fleet_chip *chip)
{
    if (chip->eis.p) {
        cr_wipe((uint8_t *)(uintptr_t)chip->eis.p, chip->eis.n);
        free((void *)(uintptr_t)chip->eis.p);
        chip->eis = (cr_span){0};
    }
}

/* Two profiles, the first one enabled and the Fall-Back Profile; it reports by SMS. */
static cr_status make_chip(struct fleet *f, struct cli *cli, size_t i, struct cr_err *err)
{
    struct fleet_chip *chip = &f->chips[i];
    struct euicc_m2m_profile profiles[FLEET_PROFILES] = {{.enabled = true, .fall_back = true}};
    struct euicc_m2m_options m2m = {.smsr_number = SMSR_NUMBER,
                                    .profiles = profiles,
                                    .profile_count = FLEET_PROFILES,
                                    .timing = {.transport = EUICC_M2M_SMS}};
    struct euicc_options options = {.m2m = &m2m, .eid = chip->eid};
    struct nvm *nvm = NULL;
    struct euicc *euicc = NULL;
    CR_TRY(fleet_eid(i, chip->eid, chip->eid_bytes, err));
    for (size_t p = 0; p < FLEET_PROFILES; p++) {
        char iccid[BENCH_ICCID], imsi[FLEET_IMSI];
        fleet_iccid(i, p, iccid);
        fleet_imsi(i, p, imsi);
        CR_TRY(bench_package(iccid, imsi, false, &cli->arena, &profiles[p].package, err));
        CR_TRY(cli_m2m_connectivity(cli, SMSC_NUMBER, "internet", &profiles[p].connectivity, err));
    }
    CR_TRY(cli_m2m_https(cli, HTTPS_OF_CHIPS, &m2m.https, err));
    CR_TRY(euicc_create_ram(f->pki, &options, &f->env, &nvm, err));
    CR_TRY(euicc_open(nvm, &f->env, &euicc, err));
    euicc_card(euicc, &chip->card);
    return keep_eis(euicc, chip, err);
}

cr_status fleet_make_chips(struct fleet *f, struct cr_err *err)
{
    f->chips = calloc(f->chip_count, sizeof *f->chips);
    return f->chips
               ? fleet_share_out(f, "making chips", 0, f->chip_count, processors(), make_chip, err)
               : cr_fail_memory(err);
}

/* ---- devices -----------------------------------------------------------------------------------
 */

static cr_status wait_for_service(struct fleet *f, struct cr_err *err)
{
    struct cli_progress progress;
    const double start = bench_now_ms();
    uint32_t served = 0;
    cli_progress_start(&progress, f->cli, "attaching chips", f->chip_count);
    while (served < f->chip_count && bench_now_ms() - start < SERVICE_MS && !cli_stop) {
        (void)usleep(LOOK_MS * 1000);
        served = device_run_served(f->devices);
        cli_progress_at(&progress, served);
    }
    cli_progress_end(&progress);
    return served == f->chip_count
               ? CR_OK
               : cr_fail(err, CR_RESOURCE, NULL, "%u of %zu chips found service", (unsigned)served,
                         f->chip_count);
}

cr_status fleet_start_devices(struct fleet *f, struct cr_err *err)
{
    cr_buf text = {0};
    struct card *cards = cr_arena_alloc_array(&f->cli->arena, f->chip_count, sizeof *cards);
    cr_buf_appendf(&text,
                   "[device]\nsmsc = " SMSC_NUMBER
                   "\nsms-retry = 1\nmap = 192.0.2.10:8446 127.0.0.1:%u\n"
                   "[network bench]\nimsi = 00101\ndelay-ms = 1\nretry-ms = 100\n"
                   "[msisdn]\n00101* = 4700*\n"
                   "[esme smsr]\npassword = secret\nnumber = " SMSR_NUMBER "\n",
                   f->es5_port);
    cr_status status = cards && cr_buf_cstr(&text) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = device_config_read(cr_buf_cstr(&text), &f->network, err);
    }
    cr_buf_free(&text);
    CR_TRY(status);
    for (size_t i = 0; i < f->chip_count; i++) {
        cards[i] = f->chips[i].card;
        f->chips[i].card = (struct card){0}; /* the devices' now */
    }
    const struct device_run_options options = {.config = &f->network,
                                               .cards = cards,
                                               .count = (uint32_t)f->chip_count,
                                               .threads = processors(),
                                               .smpp = true,
                                               .smpp_port = f->smpp_port,
                                               .env = &f->env};
    CR_TRY(device_run_start(&options, &f->devices, err));
    return wait_for_service(f, err);
}

/* ---- the SM-DP's stock -------------------------------------------------------------------------
 */

cr_status fleet_make_stock(struct fleet *f, struct cr_err *err)
{
    struct cli_smdp smdp;
    struct cli_progress progress;
    const struct m2m_parties *self = &f->desk_parties;
    f->profiles = (size_t)f->options->seconds * PER_SECOND;
    cr_status status = cli_smdp_open(f->cli, f->smdp_dir, NULL, true, &smdp, err);
    cli_progress_start(&progress, f->cli, "making profiles", f->profiles);
    for (size_t i = 1; status == CR_OK && i <= f->profiles && !cli_stop; i++) {
        char iccid[BENCH_ICCID];
        cr_arena arena = {.secret = true};
        struct smdp_import import = {.owner = self->oid, .type = "bench"};
        bench_iccid(i, iccid);
        status = bench_package(iccid, "001019000000000", true, &arena, &import.upp, err);
        if (status == CR_OK) {
            f->package_size = import.upp.n;
            status = smdp_import(smdp.dp, &import, NULL, err);
        }
        cr_arena_free(&arena);
        cli_progress_at(&progress, i);
    }
    cli_progress_end(&progress);
    cli_smdp_close(&smdp);
    return status == CR_OK && cli_stop ? cr_fail(err, CR_RESOURCE, NULL, "stopped") : status;
}

/* ---- servers -----------------------------------------------------------------------------------
 */

cr_status fleet_start_smsr(struct fleet *f, struct cr_err *err)
{
    char es5[32], workers[16];
    (void)snprintf(es5, sizeof es5, "127.0.0.1:%u", f->es5_port);
    (void)snprintf(workers, sizeof workers, "%lld", (long long)f->options->workers);
    const char *argv[] = {"crisp",       "smsr",        "serve",    "--dir",      f->smsr_dir,
                          "--parties",   f->smsr_ini,   "--config", f->radio_ini, "--pki",
                          f->pki,        "--es5",       es5,        "--workers",  workers,
                          "--port-file", f->smsr_ports, NULL};
    return bench_process_start(&f->smsr, argv, f->smsr_ports, f->smsr_log, err);
}

cr_status fleet_start_smdp(struct fleet *f, struct cr_err *err)
{
    char workers[16];
    (void)snprintf(workers, sizeof workers, "%lld", (long long)f->options->workers);
    const char *argv[] = {"crisp",     "smdp",        "serve",       "--dir", f->smdp_dir,
                          "--parties", f->smdp_ini,   "--pki",       f->pki,  "--workers",
                          workers,     "--port-file", f->smdp_ports, NULL};
    return bench_process_start(&f->smdp, argv, f->smdp_ports, f->smdp_log, err);
}

cr_status fleet_wait_for_quiet(struct fleet *f, struct cr_err *err)
{
    struct cli_progress progress;
    const double start = bench_now_ms();
    cli_progress_start(&progress, f->cli, "short messages of chips", 0);
    size_t pending = 1;
    for (int quiet = 0; quiet < QUIET_LOOKS && bench_now_ms() - start < SERVICE_MS && !cli_stop;) {
        (void)usleep(LOOK_MS * 1000);
        pending = device_run_pending(f->devices);
        quiet = pending ? 0 : quiet + 1;
        cli_progress_at(&progress, pending);
    }
    cli_progress_end(&progress);
    return pending == 0 ? CR_OK
                        : cr_fail(err, CR_RESOURCE, NULL,
                                  "the chips' first notifications were not all taken: %zu are left",
                                  pending);
}

double fleet_smsr_db_mb(const struct fleet *f)
{
    static const char *const files[] = {"smsr.db", "smsr.db-wal"};
    double bytes = 0;
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        char path[BENCH_PATH];
        struct stat s;
        (void)snprintf(path, sizeof path, "%s/%s", f->smsr_dir, files[i]);
        bytes += stat(path, &s) == 0 ? (double)s.st_size : 0;
    }
    return bytes / 1048576;
}

void fleet_free_world(struct fleet *f)
{
    fleet_desk_close(f->desk);
    bench_process_stop(&f->smsr);
    bench_process_stop(&f->smdp);
    device_run_stop(f->devices);
    for (size_t i = 0; f->chips && i < f->chip_count; i++) {
        forget_eis(&f->chips[i]);
        if (f->chips[i].card.close) {
            f->chips[i].card.close(f->chips[i].card.ctx);
        }
    }
    free(f->chips);
    device_config_free(&f->network);
    m2m_parties_free(&f->desk_parties);
}
