#include "smsr/cattp_edge.h"

#include <pthread.h>
#include <stdlib.h>

#define TICK_MS     200
#define MAX_WORKERS 64

struct smsr_cattp_edge {
    struct smsr_cattp *core;
    struct udp_socket *socket;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool due, stop;
    pthread_t threads[MAX_WORKERS];
    unsigned running;
};

/* ---- the core's wishes -------------------------------------------------------------------------
 */

static void transmit(void *ctx, const struct udp_address *to, cr_span datagram)
{
    struct smsr_cattp_edge *e = ctx;
    udp_send(e->socket, to, datagram);
}

static void on_due(void *ctx)
{
    struct smsr_cattp_edge *e = ctx;
    (void)pthread_mutex_lock(&e->lock);
    e->due = true;
    (void)pthread_cond_signal(&e->changed);
    (void)pthread_mutex_unlock(&e->lock);
}

/* ---- threads -----------------------------------------------------------------------------------
 */

static void received(void *ctx, const struct udp_address *from, cr_span datagram)
{
    struct smsr_cattp_edge *e = ctx;
    smsr_cattp_input(e->core, from, datagram);
}

static void tick(void *ctx)
{
    struct smsr_cattp_edge *e = ctx;
    smsr_cattp_tick(e->core);
}

static bool wait_for_work(struct smsr_cattp_edge *e)
{
    (void)pthread_mutex_lock(&e->lock);
    while (!e->due && !e->stop) {
        (void)pthread_cond_wait(&e->changed, &e->lock);
    }
    e->due = false;
    const bool go_on = !e->stop;
    (void)pthread_mutex_unlock(&e->lock);
    return go_on;
}

static void *run(void *ctx)
{
    struct smsr_cattp_edge *e = ctx;
    while (wait_for_work(e)) {
        while (smsr_cattp_work(e->core)) {
        }
    }
    return NULL;
}

/* ---- start and stop ----------------------------------------------------------------------------
 */

static cr_status start(struct smsr_cattp_edge *e, struct smsr *sr,
                       const struct smsr_radio_config *config, const char *host, uint16_t port,
                       unsigned workers, struct cr_err *err)
{
    const struct smsr_cattp_options core = {
        .sr = sr, .config = config, .ctx = e, .transmit = transmit, .due = on_due};
    const struct udp_options udp = {.host = host,
                                    .port = port,
                                    .tick_ms = TICK_MS,
                                    .ctx = e,
                                    .received = received,
                                    .tick = tick};
    CR_TRY(smsr_cattp_new(&core, &e->core, err));
    CR_TRY(udp_start(&udp, &e->socket, err));
    for (unsigned i = 0; i < workers && i < MAX_WORKERS; i++) {
        if (pthread_create(&e->threads[e->running], NULL, run, e) != 0) {
            return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
        }
        e->running++;
    }
    return CR_OK;
}

cr_status smsr_cattp_edge_start(struct smsr *sr, const struct smsr_radio_config *config,
                                const char *host, uint16_t port, unsigned workers,
                                struct smsr_cattp_edge **out, struct cr_err *err)
{
    struct smsr_cattp_edge *e = calloc(1, sizeof *e);
    if (!e) {
        return cr_fail_memory(err);
    }
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_cond_init(&e->changed, NULL);
    cr_status status = start(e, sr, config, host, port, workers, err);
    if (status != CR_OK) {
        smsr_cattp_edge_stop(e);
        smsr_cattp_edge_free(e);
        return status;
    }
    *out = e;
    return CR_OK;
}

struct smsr_cattp *smsr_cattp_edge_core(struct smsr_cattp_edge *e)
{
    return e->core;
}

uint16_t smsr_cattp_edge_port(const struct smsr_cattp_edge *e)
{
    return udp_port(e->socket);
}

void smsr_cattp_edge_stop(struct smsr_cattp_edge *e)
{
    if (!e) {
        return;
    }
    if (e->core && e->socket) {
        smsr_cattp_stop(e->core);
    }
    (void)pthread_mutex_lock(&e->lock);
    e->stop = true;
    (void)pthread_cond_broadcast(&e->changed);
    (void)pthread_mutex_unlock(&e->lock);
    while (e->running) {
        (void)pthread_join(e->threads[--e->running], NULL);
    }
    udp_stop(e->socket);
}

void smsr_cattp_edge_free(struct smsr_cattp_edge *e)
{
    if (e) {
        udp_free(e->socket);
        smsr_cattp_free(e->core);
        (void)pthread_cond_destroy(&e->changed);
        (void)pthread_mutex_destroy(&e->lock);
        free(e);
    }
}
