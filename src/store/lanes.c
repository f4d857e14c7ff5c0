#include "store/lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_SECONDS 1 /* between looks that nobody asked for */

struct worker {
    struct lanes *lanes;
    pthread_t thread;
    char *lane; /* what it works on; NULL = it is free */
};

/* The dispatcher looks which lanes have something due and gives each to a free worker. A lane
 * belongs to one worker at a time, which keeps its order. */
struct lanes {
    const struct lanes_ops *ops;
    void *ctx;
    pthread_t dispatcher;
    struct worker workers[LANES_MAX_WORKERS];
    size_t worker_count;
    pthread_mutex_t lock;   /* of what follows and of the workers' lanes */
    pthread_cond_t changed; /* for the dispatcher */
    pthread_cond_t work;    /* for the workers */
    bool woken, stop;
};

bool lanes_stopping(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    bool stop = lanes->stop;
    (void)pthread_mutex_unlock(&lanes->lock);
    return stop;
}

/* With the lock held: until somebody says so, the end, or a look is due. */
static void wait_a_while(struct lanes *lanes, pthread_cond_t *cond, const bool *unless)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_SECONDS;
    while (!lanes->stop && !(unless && *unless)) {
        if (pthread_cond_timedwait(cond, &lanes->lock, &until) != 0) {
            break;
        }
    }
}

static void *worker_thread(void *ctx)
{
    struct worker *worker = ctx;
    struct lanes *lanes = worker->lanes;
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes->stop) {
        if (!worker->lane) {
            (void)pthread_cond_wait(&lanes->work, &lanes->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&lanes->lock);
        bool good = lanes->ops->work(lanes->ctx, worker->lane);
        (void)pthread_mutex_lock(&lanes->lock);
        if (!good) {
            wait_a_while(lanes, &lanes->work, NULL);
        }
        free(worker->lane);
        worker->lane = NULL;
        lanes->woken = true; /* there may be more, and a worker is free */
        (void)pthread_cond_signal(&lanes->changed);
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

/* With the lock held: gives the lane to a worker; false when all are busy. */
static bool assign(struct lanes *lanes, const char *name)
{
    struct worker *idle = NULL;
    for (size_t i = 0; i < lanes->worker_count; i++) {
        struct worker *worker = &lanes->workers[i];
        if (!worker->lane) {
            idle = idle ? idle : worker;
        } else if (strcmp(worker->lane, name) == 0) {
            return true; /* it is being worked on */
        }
    }
    if (!idle) {
        return false;
    }
    idle->lane = strdup(name);
    return idle->lane != NULL;
}

static void dispatch(struct lanes *lanes)
{
    cr_arena arena = {0};
    struct cr_err err;
    const char *names[LANES_MAX_DUE];
    size_t count = 0;
    if (lanes->ops->due(lanes->ctx, &arena, names, &count, &err) == CR_OK) {
        (void)pthread_mutex_lock(&lanes->lock);
        for (size_t i = 0; i < count && assign(lanes, names[i]); i++) {
        }
        (void)pthread_cond_broadcast(&lanes->work);
        (void)pthread_mutex_unlock(&lanes->lock);
    }
    cr_arena_free(&arena);
}

static void *dispatcher_thread(void *ctx)
{
    struct lanes *lanes = ctx;
    while (!lanes_stopping(lanes)) {
        dispatch(lanes);
        (void)pthread_mutex_lock(&lanes->lock);
        wait_a_while(lanes, &lanes->changed, &lanes->woken);
        lanes->woken = false;
        (void)pthread_mutex_unlock(&lanes->lock);
    }
    return NULL;
}

static bool start_threads(struct lanes *lanes, unsigned workers)
{
    for (unsigned i = 0; i < workers; i++) {
        lanes->workers[i].lanes = lanes;
        if (pthread_create(&lanes->workers[i].thread, NULL, worker_thread, &lanes->workers[i]) !=
            0) {
            return false;
        }
        lanes->worker_count++;
    }
    return pthread_create(&lanes->dispatcher, NULL, dispatcher_thread, lanes) == 0;
}

static void join_workers(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    lanes->stop = true;
    (void)pthread_cond_broadcast(&lanes->changed);
    (void)pthread_cond_broadcast(&lanes->work);
    (void)pthread_mutex_unlock(&lanes->lock);
    for (size_t i = 0; i < lanes->worker_count; i++) {
        (void)pthread_join(lanes->workers[i].thread, NULL);
    }
}

static void lanes_free(struct lanes *lanes)
{
    for (size_t i = 0; i < LANES_MAX_WORKERS; i++) {
        free(lanes->workers[i].lane);
    }
    (void)pthread_mutex_destroy(&lanes->lock);
    (void)pthread_cond_destroy(&lanes->changed);
    (void)pthread_cond_destroy(&lanes->work);
    free(lanes);
}

cr_status lanes_start(const struct lanes_ops *ops, void *ctx, unsigned workers, struct lanes **out,
                      struct cr_err *err)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);
    pthread_condattr_t clock;
    if (!lanes) {
        return cr_fail_memory(err);
    }
    lanes->ops = ops;
    lanes->ctx = ctx;
    /* The wall clock may be set while a thread waits by it. */
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&lanes->lock, NULL);
    (void)pthread_cond_init(&lanes->changed, &clock);
    (void)pthread_cond_init(&lanes->work, &clock);
    (void)pthread_condattr_destroy(&clock);
    workers = workers < 1 ? 1 : workers > LANES_MAX_WORKERS ? LANES_MAX_WORKERS : workers;
    *out = lanes; /* before the first work asks lanes_stopping() */
    if (!start_threads(lanes, workers)) {
        *out = NULL;
        join_workers(lanes);
        lanes_free(lanes);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    return CR_OK;
}

void lanes_wake(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    lanes->woken = true;
    (void)pthread_cond_signal(&lanes->changed);
    (void)pthread_mutex_unlock(&lanes->lock);
}

void lanes_stop(struct lanes *lanes)
{
    if (!lanes) {
        return;
    }
    join_workers(lanes);
    (void)pthread_join(lanes->dispatcher, NULL);
    lanes_free(lanes);
}
