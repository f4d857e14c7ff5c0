#include "store/lanes.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_SECONDS 1 /* between looks that nobody asked for */

struct worker {
    struct lanes *lanes;
    pthread_t thread;
    pthread_cond_t given; /* there is something for it: nobody else is woken */
    bool idle;
    char *lane; /* what it works on; NULL = nothing */
};

/* The dispatcher looks which lanes have something due; free workers take one after the other of
 * them. It looks again when all are taken: what comes meanwhile is seen then, and a look, which may
 * cost more than a work, is shared by many. A lane belongs to one worker at a time, which keeps its
 * order. */
struct lanes {
    const struct lanes_ops *ops;
    void *ctx;
    pthread_t dispatcher;
    struct worker workers[LANES_MAX_WORKERS];
    size_t worker_count;
    pthread_mutex_t lock;       /* of what follows and of the workers' lanes */
    pthread_cond_t changed;     /* for the dispatcher */
    char *found[LANES_MAX_DUE]; /* by the last look */
    size_t taken, count;        /* of them */
    bool woken, stop;
};

bool lanes_stopping(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    bool stop = lanes->stop;
    (void)pthread_mutex_unlock(&lanes->lock);
    return stop;
}

static void after_a_while(struct timespec *until)
{
    (void)clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += LOOK_SECONDS;
}

/* With the lock held: our own side failed, the lane rests. */
static void rest(struct worker *worker)
{
    struct timespec until;
    after_a_while(&until);
    while (!worker->lanes->stop &&
           pthread_cond_timedwait(&worker->given, &worker->lanes->lock, &until) == 0) {
    }
}

/* With the lock held. */
static char *take_found(struct lanes *lanes)
{
    char *lane = NULL;
    if (lanes->taken < lanes->count) {
        lane = lanes->found[lanes->taken];
        lanes->found[lanes->taken++] = NULL;
    }
    return lane;
}

static void *worker_thread(void *ctx)
{
    struct worker *worker = ctx;
    struct lanes *lanes = worker->lanes;
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes->stop) {
        worker->lane = take_found(lanes);
        worker->idle = !worker->lane;
        if (lanes->woken && lanes->taken == lanes->count) {
            (void)pthread_cond_signal(&lanes->changed); /* somebody called while there was work */
        }
        if (worker->idle) {
            (void)pthread_cond_wait(&worker->given, &lanes->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&lanes->lock);
        bool good = lanes->ops->work(lanes->ctx, worker->lane);
        (void)pthread_mutex_lock(&lanes->lock);
        if (!good) {
            rest(worker);
        }
        free(worker->lane);
        worker->lane = NULL;
        lanes->woken = true; /* there may be more in it */
        if (lanes->taken == lanes->count) {
            (void)pthread_cond_signal(&lanes->changed);
        }
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

/* With the lock held. */
static bool is_worked_on(const struct lanes *lanes, const char *name)
{
    for (size_t i = 0; i < lanes->worker_count; i++) {
        const char *lane = lanes->workers[i].lane;
        if (lane && strcmp(lane, name) == 0) {
            return true;
        }
    }
    return false;
}

/* With the lock held, all that was found before is taken. */
static void offer(struct lanes *lanes, const char *const *names, size_t count)
{
    lanes->taken = lanes->count = 0;
    for (size_t i = 0; i < count; i++) {
        char *copy = is_worked_on(lanes, names[i]) ? NULL : strdup(names[i]);
        if (copy) {
            lanes->found[lanes->count++] = copy;
        }
    }
    for (size_t i = 0, called = 0; i < lanes->worker_count && called < lanes->count; i++) {
        struct worker *worker = &lanes->workers[i];
        if (worker->idle) {
            worker->idle = false;
            called++;
            (void)pthread_cond_signal(&worker->given);
        }
    }
}

static void look(struct lanes *lanes)
{
    cr_arena arena = {0};
    struct cr_err err;
    const char *names[LANES_MAX_DUE];
    size_t count = 0;
    if (lanes->ops->due(lanes->ctx, &arena, names, &count, &err) == CR_OK) {
        (void)pthread_mutex_lock(&lanes->lock);
        offer(lanes, names, count);
        (void)pthread_mutex_unlock(&lanes->lock);
    }
    cr_arena_free(&arena);
}

/* False: it is the end. */
static bool wait_for_a_look(struct lanes *lanes)
{
    struct timespec until;
    int late = 0;
    after_a_while(&until);
    (void)pthread_mutex_lock(&lanes->lock);
    while (!lanes->stop && (lanes->taken < lanes->count || (!lanes->woken && !late))) {
        late = pthread_cond_timedwait(&lanes->changed, &lanes->lock, &until);
        if (late) {
            after_a_while(&until);
        }
    }
    lanes->woken = false;
    const bool go_on = !lanes->stop;
    (void)pthread_mutex_unlock(&lanes->lock);
    return go_on;
}

static void *dispatcher_thread(void *ctx)
{
    struct lanes *lanes = ctx;
    do {
        look(lanes);
    } while (wait_for_a_look(lanes));
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
    for (size_t i = 0; i < lanes->worker_count; i++) {
        (void)pthread_cond_signal(&lanes->workers[i].given);
    }
    (void)pthread_mutex_unlock(&lanes->lock);
    for (size_t i = 0; i < lanes->worker_count; i++) {
        (void)pthread_join(lanes->workers[i].thread, NULL);
    }
}

static void lanes_free(struct lanes *lanes)
{
    for (size_t i = lanes->taken; i < lanes->count; i++) {
        free(lanes->found[i]);
    }
    for (size_t i = 0; i < LANES_MAX_WORKERS; i++) {
        free(lanes->workers[i].lane);
        (void)pthread_cond_destroy(&lanes->workers[i].given);
    }
    (void)pthread_mutex_destroy(&lanes->lock);
    (void)pthread_cond_destroy(&lanes->changed);
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
    for (size_t i = 0; i < LANES_MAX_WORKERS; i++) {
        (void)pthread_cond_init(&lanes->workers[i].given, &clock);
    }
    (void)pthread_condattr_destroy(&clock);
    workers = workers < 1 ? 1 : workers > LANES_MAX_WORKERS ? LANES_MAX_WORKERS : workers;
    *out = lanes; /* before the first work asks lanes_stopping() */
    if (!start_threads(lanes, workers)) {
        join_workers(lanes);
        *out = NULL; /* those that had begun may have asked by it until now */
        lanes_free(lanes);
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
    }
    return CR_OK;
}

void lanes_wake(struct lanes *lanes)
{
    (void)pthread_mutex_lock(&lanes->lock);
    lanes->woken = true;
    if (lanes->taken == lanes->count) {
        (void)pthread_cond_signal(&lanes->changed);
    }
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
