#include "device/run.h"

#include "device/smsc.h"
#include "device/sockets.h"

#include <event2/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define DEFAULT_THREADS 2
#define TICK_MS         500

struct worker;

/* One device. */
struct unit {
    struct worker *worker;
    uint32_t number;
    struct device_modem *modem;
    struct device_sockets sockets;
    struct event *timer;
    bool powered, counted_dead, counted_served;
    uint32_t registrations; /* changed under the lock of the service centre */
};

/* A message on its way to a thread. */
struct item {
    struct item *next;
    struct unit *unit;
    uint32_t registrations; /* as they were: another subscriber must not get it */
    uint64_t ref;
    uint8_t size, bytes[SMS_TPDU_MAX];
};

struct worker {
    struct device_run *run;
    struct event_base *base;
    struct event *wake, *tick; /* tick: of the first one, for the service centre */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of what follows */
    struct item *first, **last;
    bool stop;
};

struct device_run {
    struct device_run_options options;
    struct worker workers[DEVICE_MAX_THREADS];
    unsigned worker_count;
    struct unit *units;
    pthread_mutex_t lock; /* of the service centre */
    struct smsc *smsc;
    struct smpp_server *smpp;
    int64_t wall_ms, monotonic_ms; /* both at the start */
    atomic_uint dead, served;
};

/* --- time: real, but not turned back -----------------------------------------------------------
 */

static int64_t monotonic_ms(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t now_of(const struct device_run *run)
{
    return run->wall_ms + monotonic_ms() - run->monotonic_ms;
}

static int64_t unit_now(void *ctx)
{
    const struct unit *u = ctx;
    return now_of(u->worker->run);
}

/* When the modem wants to be run again. */
static void schedule(void *ctx)
{
    struct unit *u = ctx;
    int64_t due = device_modem_due(u->modem), now = unit_now(u);
    if (device_modem_dead(u->modem) && !u->counted_dead) {
        u->counted_dead = true;
        atomic_fetch_add(&u->worker->run->dead, 1);
    }
    if (due == INT64_MAX) {
        (void)event_del(u->timer);
        return;
    }
    int64_t ms = due > now ? due - now : 0;
    const struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)event_add(u->timer, &in);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct unit *u = ctx;
    (void)fd;
    (void)what;
    if (u->powered) {
        device_modem_run(u->modem, unit_now(u));
    } else {
        u->powered = true;
        device_modem_power(u->modem, unit_now(u));
    }
    schedule(u);
}

/* --- what a modem wants ------------------------------------------------------------------------
 */

static void op_open(void *ctx, unsigned channel, uint8_t transport, cr_span address, uint16_t port)
{
    struct unit *u = ctx;
    sockets_open(&u->sockets, channel, transport, address, port);
}

static void op_send(void *ctx, unsigned channel, cr_span bytes)
{
    struct unit *u = ctx;
    sockets_send(&u->sockets, channel, bytes);
}

static void op_room(void *ctx, unsigned channel)
{
    struct unit *u = ctx;
    sockets_room(&u->sockets, channel);
}

static void op_close(void *ctx, unsigned channel)
{
    struct unit *u = ctx;
    sockets_close(&u->sockets, channel);
}

static bool op_originate(void *ctx, const struct sms_tpdu *submit)
{
    struct unit *u = ctx;
    struct device_run *run = u->worker->run;
    (void)pthread_mutex_lock(&run->lock);
    bool taken = smsc_originate(run->smsc, u->number, submit, now_of(run));
    (void)pthread_mutex_unlock(&run->lock);
    return taken;
}

static void op_registered(void *ctx, const char *imsi)
{
    struct unit *u = ctx;
    struct device_run *run = u->worker->run;
    (void)pthread_mutex_lock(&run->lock);
    u->registrations++;
    smsc_registered(run->smsc, u->number, imsi, now_of(run));
    (void)pthread_mutex_unlock(&run->lock);
    if (u->counted_served != (imsi != NULL)) {
        u->counted_served = imsi != NULL;
        (void)(imsi ? atomic_fetch_add(&run->served, 1) : atomic_fetch_sub(&run->served, 1));
    }
}

static void op_ended(void *ctx, uint64_t ref, enum device_sms_end end)
{
    struct unit *u = ctx;
    struct device_run *run = u->worker->run;
    (void)pthread_mutex_lock(&run->lock);
    smsc_ended(run->smsc, ref, end, now_of(run));
    (void)pthread_mutex_unlock(&run->lock);
}

static void op_event(void *ctx, enum device_event event, const char *text)
{
    const struct unit *u = ctx;
    const struct device_run_options *o = &u->worker->run->options;
    o->event(o->ctx, u->number, event, text);
}

/* --- what the service centre wants; its lock is held -------------------------------------------
 */

static void smsc_down(void *ctx, uint32_t modem, uint64_t ref, cr_span deliver)
{
    struct device_run *run = ctx;
    struct unit *u = &run->units[modem];
    struct worker *w = u->worker;
    struct item *i = deliver.n <= sizeof i->bytes ? calloc(1, sizeof *i) : NULL;
    if (!i) {
        smsc_ended(run->smsc, ref, DEVICE_SMS_ABSENT, now_of(run));
        return;
    }
    i->unit = u;
    i->registrations = u->registrations;
    i->ref = ref;
    i->size = (uint8_t)deliver.n;
    memcpy(i->bytes, deliver.p, deliver.n);
    (void)pthread_mutex_lock(&w->lock);
    *w->last = i;
    w->last = &i->next;
    (void)pthread_mutex_unlock(&w->lock);
    event_active(w->wake, 0, 0);
}

static bool smsc_up(void *ctx, const char *system_id, const struct smpp_message *message,
                    uint64_t ref)
{
    struct device_run *run = ctx;
    return run->smpp && smpp_server_deliver(run->smpp, system_id, message, ref, NULL) == CR_OK;
}

static void smsc_receipt(void *ctx, const char *system_id, const struct smpp_receipt *receipt,
                         const struct smpp_message *about)
{
    struct device_run *run = ctx;
    if (run->smpp && smpp_server_receipt(run->smpp, system_id, receipt, about, NULL) != CR_OK) {
        cr_log(run->options.env, CR_LOG_WARNING, "a receipt for %s does not fit the queue",
               system_id);
    }
}

static void smsc_event(void *ctx, enum device_event event, const char *text)
{
    struct device_run *run = ctx;
    run->options.event(run->options.ctx, DEVICE_NO_CHIP, event, text);
}

/* --- SMPP --------------------------------------------------------------------------------------
 */

static bool admit(void *ctx, const char *system_id, const char *password)
{
    const struct device_run *run = ctx;
    const struct device_config *c = run->options.config;
    for (size_t i = 0; i < c->esme_count; i++) {
        if (strcmp(c->esmes[i].system_id, system_id) == 0) {
            return !c->esmes[i].password ||
                   cr_span_equal_ct(cr_span_str(c->esmes[i].password), cr_span_str(password));
        }
    }
    return false;
}

static uint32_t submitted(void *ctx, const char *system_id, const struct smpp_message *message,
                          char id[SMPP_MAX_ID + 1])
{
    struct device_run *run = ctx;
    (void)pthread_mutex_lock(&run->lock);
    uint32_t status = smsc_submit(run->smsc, system_id, message, now_of(run), id);
    (void)pthread_mutex_unlock(&run->lock);
    return status;
}

static void delivered(void *ctx, uint64_t ref, uint32_t status)
{
    struct device_run *run = ctx;
    (void)pthread_mutex_lock(&run->lock);
    smsc_answered(run->smsc, ref, status, now_of(run));
    (void)pthread_mutex_unlock(&run->lock);
}

/* --- threads -----------------------------------------------------------------------------------
 */

static struct item *take_items(struct worker *w, bool *stop)
{
    (void)pthread_mutex_lock(&w->lock);
    struct item *items = w->first;
    w->first = NULL;
    w->last = &w->first;
    *stop = w->stop;
    (void)pthread_mutex_unlock(&w->lock);
    return items;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *w = ctx;
    bool stop = false;
    (void)fd;
    (void)what;
    struct item *items = take_items(w, &stop), *next = NULL;
    for (struct item *i = items; i; i = next) {
        next = i->next;
        if (i->registrations == i->unit->registrations) {
            device_modem_sms(i->unit->modem, i->ref, cr_span_of(i->bytes, i->size),
                             unit_now(i->unit));
            schedule(i->unit);
        } else {
            op_ended(i->unit, i->ref, DEVICE_SMS_ABSENT);
        }
        free(i);
    }
    if (stop) {
        (void)event_base_loopbreak(w->base);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *w = ctx;
    (void)fd;
    (void)what;
    (void)pthread_mutex_lock(&w->run->lock);
    smsc_run(w->run->smsc, now_of(w->run));
    (void)pthread_mutex_unlock(&w->run->lock);
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    const struct timeval every = {.tv_usec = TICK_MS * 1000};
    if (w->tick) {
        (void)event_add(w->tick, &every);
    }
    (void)event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static cr_status start_worker(struct device_run *run, unsigned i, struct cr_err *err)
{
    struct worker *w = &run->workers[i];
    w->run = run;
    w->last = &w->first;
    if (pthread_mutex_init(&w->lock, NULL) != 0) {
        return cr_fail_memory(err);
    }
    run->worker_count++;
    w->base = event_base_new();
    w->wake = w->base ? event_new(w->base, -1, EV_PERSIST, on_wake, w) : NULL;
    w->tick = w->base && i == 0 ? event_new(w->base, -1, EV_PERSIST, on_tick, w) : NULL;
    return w->wake && (i > 0 || w->tick) ? CR_OK : cr_fail_memory(err);
}

static cr_status start_unit(struct device_run *run, uint32_t i, struct cr_err *err)
{
    const struct device_run_options *o = &run->options;
    struct unit *u = &run->units[i];
    u->worker = &run->workers[i % run->worker_count];
    u->number = i;
    const struct device_modem_options options = {.config = o->config,
                                                 .card = o->cards[i],
                                                 .number = i,
                                                 .env = o->env,
                                                 .ops = {.ctx = u,
                                                         .open = op_open,
                                                         .send = op_send,
                                                         .room = op_room,
                                                         .close = op_close,
                                                         .originate = op_originate,
                                                         .registered = op_registered,
                                                         .ended = op_ended,
                                                         .event = o->event ? op_event : NULL}};
    o->cards[i].close = NULL; /* the modem's now */
    CR_TRY(device_modem_new(&options, &u->modem, err));
    u->sockets = (struct device_sockets){.base = u->worker->base,
                                         .config = o->config,
                                         .modem = u->modem,
                                         .ctx = u,
                                         .now = unit_now,
                                         .told = schedule};
    u->timer = evtimer_new(u->worker->base, on_timer, u);
    const struct timeval now = {0};
    return u->timer && evtimer_add(u->timer, &now) == 0 ? CR_OK : cr_fail_memory(err);
}

static cr_status start_smpp(struct device_run *run, struct cr_err *err)
{
    const struct device_run_options *o = &run->options;
    const struct smpp_server_options options = {.host = o->smpp_host,
                                                .port = o->smpp_port,
                                                .env = o->env,
                                                .ctx = run,
                                                .admit = admit,
                                                .submitted = submitted,
                                                .delivered = delivered};
    return o->smpp ? smpp_server_start(&options, &run->smpp, err) : CR_OK;
}

static cr_status start(struct device_run *run, struct cr_err *err)
{
    const struct device_run_options *o = &run->options;
    const struct smsc_ops ops = {.ctx = run,
                                 .down = smsc_down,
                                 .up = smsc_up,
                                 .receipt = smsc_receipt,
                                 .event = o->event ? smsc_event : NULL};
    unsigned threads = o->threads ? o->threads : DEFAULT_THREADS;
    threads = threads < DEVICE_MAX_THREADS ? threads : DEVICE_MAX_THREADS;
    if (evthread_use_pthreads() != 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "no threads for the event loops");
    }
    if (o->count == 0 || o->count > DEVICE_MAX_CHIPS) {
        return cr_fail(err, CR_REFUSED, NULL, "%u chips: 1 to %d can run", (unsigned)o->count,
                       DEVICE_MAX_CHIPS);
    }
    run->units = calloc(o->count, sizeof *run->units);
    if (!run->units) {
        return cr_fail_memory(err);
    }
    CR_TRY(smsc_new(o->config, o->count, &ops, &run->smsc, err));
    for (unsigned i = 0; i < threads && i < o->count; i++) {
        CR_TRY(start_worker(run, i, err));
    }
    for (uint32_t i = 0; i < o->count; i++) {
        CR_TRY(start_unit(run, i, err));
    }
    CR_TRY(start_smpp(run, err));
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct worker *w = &run->workers[i];
        w->running = pthread_create(&w->thread, NULL, work, w) == 0;
        if (!w->running) {
            return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
        }
    }
    return CR_OK;
}

static void close_cards(const struct device_run_options *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->cards[i].close) {
            o->cards[i].close(o->cards[i].ctx);
            o->cards[i].close = NULL;
        }
    }
}

cr_status device_run_start(const struct device_run_options *options, struct device_run **out,
                           struct cr_err *err)
{
    struct device_run *run = calloc(1, sizeof *run);
    if (!run || pthread_mutex_init(&run->lock, NULL) != 0) {
        free(run);
        close_cards(options);
        return cr_fail_memory(err);
    }
    run->options = *options;
    run->wall_ms = cr_now_ms(options->env);
    run->monotonic_ms = monotonic_ms();
    cr_status status = start(run, err);
    if (status != CR_OK) {
        device_run_stop(run);
        return status;
    }
    *out = run;
    return CR_OK;
}

uint16_t device_run_smpp_port(const struct device_run *run)
{
    return run->smpp ? smpp_server_port(run->smpp) : 0;
}

uint32_t device_run_dead(struct device_run *run)
{
    return atomic_load(&run->dead);
}

uint32_t device_run_served(struct device_run *run)
{
    return atomic_load(&run->served);
}

size_t device_run_pending(struct device_run *run)
{
    (void)pthread_mutex_lock(&run->lock);
    const size_t pending = smsc_pending(run->smsc);
    (void)pthread_mutex_unlock(&run->lock);
    return pending;
}

/* --- the end -----------------------------------------------------------------------------------
 */

static void ask_stop(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_mutex_unlock(&w->lock);
    event_active(w->wake, 0, 0);
}

static void worker_free(struct worker *w)
{
    bool stop = false;
    struct item *next = NULL;
    for (struct item *i = take_items(w, &stop); i; i = next) {
        next = i->next;
        free(i);
    }
    if (w->tick) {
        event_free(w->tick);
    }
    if (w->wake) {
        event_free(w->wake);
    }
    if (w->base) {
        (void)event_base_loop(w->base, EVLOOP_NONBLOCK); /* ends the sockets that were closed */
        event_base_free(w->base);
    }
    (void)pthread_mutex_destroy(&w->lock);
}

void device_run_stop(struct device_run *run)
{
    if (!run) {
        return;
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        if (run->workers[i].running) {
            ask_stop(&run->workers[i]);
        }
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        if (run->workers[i].running) {
            (void)pthread_join(run->workers[i].thread, NULL);
        }
    }
    smpp_server_stop(run->smpp); /* its last news go to the service centre */
    run->smpp = NULL;
    for (uint32_t i = 0; run->units && i < run->options.count; i++) {
        struct unit *u = &run->units[i];
        device_modem_free(u->modem); /* closes its channels */
        if (u->timer) {
            event_free(u->timer);
        }
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        worker_free(&run->workers[i]);
    }
    close_cards(&run->options);
    smsc_free(run->smsc);
    free(run->units);
    (void)pthread_mutex_destroy(&run->lock);
    free(run);
}
