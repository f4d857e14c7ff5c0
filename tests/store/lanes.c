/* Lanes: order within one, independence of the others, rest after a failure of our own side. */
#include "../base/test.h"

#include "store/lanes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LANES 3
#define WORKS 20

struct rig {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int left[LANES], done[LANES], inside[LANES];
    bool blocked[LANES]; /* work() of this lane does not return */
    bool broken;         /* due() fails */
    bool overlap;        /* two works of one lane at a time */
    int looks;
    struct lanes *lanes;
};

static cr_status due(void *ctx, cr_arena *arena, const char *names[LANES_MAX_DUE], size_t *count,
                     struct cr_err *err)
{
    struct rig *r = ctx;
    (void)pthread_mutex_lock(&r->lock);
    bool broken = r->broken;
    r->looks++;
    *count = 0;
    for (int i = 0; i < LANES; i++) {
        if (r->left[i]) {
            names[(*count)++] = cr_arena_printf(arena, "%d", i);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return broken ? cr_fail(err, CR_RESOURCE, NULL, "no database") : CR_OK;
}

static bool work(void *ctx, const char *lane)
{
    struct rig *r = ctx;
    int i = atoi(lane);
    (void)pthread_mutex_lock(&r->lock);
    r->overlap |= r->inside[i]++ > 0;
    while (r->blocked[i] && !lanes_stopping(r->lanes)) {
        (void)pthread_mutex_unlock(&r->lock);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&r->lock);
    }
    if (!r->blocked[i] && r->left[i]) {
        r->left[i]--;
        r->done[i]++;
    }
    r->inside[i]--;
    (void)pthread_cond_broadcast(&r->moved);
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

static const struct lanes_ops ops = {.due = due, .work = work};

static void wait_for(struct rig *r, const int *count, int value)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&r->lock);
    int rc = 0;
    while (*count < value && rc == 0) {
        rc = pthread_cond_timedwait(&r->moved, &r->lock, &until);
    }
    assert_true(*count >= value);
    (void)pthread_mutex_unlock(&r->lock);
}

static void test_lanes(void **state)
{
    (void)state;
    struct rig r = {.left = {WORKS, WORKS, WORKS}, .blocked = {true, false, false}};
    struct cr_err err;
    (void)pthread_mutex_init(&r.lock, NULL);
    (void)pthread_cond_init(&r.moved, NULL);
    /* Held until r.lanes is there, since work() asks it. */
    (void)pthread_mutex_lock(&r.lock);
    assert_int_equal(lanes_start(&ops, &r, 2, &r.lanes, &err), CR_OK);
    (void)pthread_mutex_unlock(&r.lock);
    /* One of the two workers hangs in lane 0; the other serves lanes 1 and 2. */
    wait_for(&r, &r.done[1], WORKS);
    wait_for(&r, &r.done[2], WORKS);
    assert_int_equal(r.done[0], 0);
    (void)pthread_mutex_lock(&r.lock);
    r.blocked[0] = false;
    (void)pthread_mutex_unlock(&r.lock);
    wait_for(&r, &r.done[0], WORKS);
    /* Something new, and somebody says so. */
    (void)pthread_mutex_lock(&r.lock);
    r.left[1] = 1;
    (void)pthread_mutex_unlock(&r.lock);
    lanes_wake(r.lanes);
    wait_for(&r, &r.done[1], WORKS + 1);
    /* A look that fails is made again. */
    (void)pthread_mutex_lock(&r.lock);
    r.broken = true;
    r.left[2] = 1;
    int looks = r.looks;
    (void)pthread_mutex_unlock(&r.lock);
    lanes_wake(r.lanes);
    (void)pthread_mutex_lock(&r.lock);
    while (r.looks == looks) {
        (void)pthread_mutex_unlock(&r.lock);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        (void)pthread_mutex_lock(&r.lock);
    }
    r.broken = false;
    (void)pthread_mutex_unlock(&r.lock);
    wait_for(&r, &r.done[2], WORKS + 1);
    /* The end does not wait for a lane that hangs. */
    (void)pthread_mutex_lock(&r.lock);
    r.left[0] = 1;
    r.blocked[0] = true;
    (void)pthread_mutex_unlock(&r.lock);
    lanes_wake(r.lanes);
    lanes_stop(r.lanes);
    assert_false(r.overlap);
    (void)pthread_mutex_destroy(&r.lock);
    (void)pthread_cond_destroy(&r.moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lanes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
