/*
 * ES5 over HTTPS: POSTs of an eUICC against the sessions, without a socket.
 */
#include "world.h"

#include "ota/admin.h"
#include "smsr/https.h"

#include <pthread.h>

#define PATH     "/gsma/adminagent"
#define FROM     "//se-id/eid/" W_EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100"
#define GET      "220580CA006600"
#define ANSWERED "AF80230290000000"
#define SECOND   1000

struct line {
    struct world w;
    struct smsr_https *https;
    char identity[OTA_PSK_IDENTITY_TEXT];
    uint64_t connection; /* that POSTs come on; 0 = nobody says */
    unsigned failures;   /* read by failures_of() */
    /* Of the last answer. */
    int status;
    char next[300], target[80];
    cr_buf body;
};

static void open_https(struct line *l)
{
    assert_int_equal(smsr_https_new(l->w.sr, &l->w.config, 4, &l->https, NULL), CR_OK);
}

static void line_open(struct line *l)
{
    struct ota_psk_identity identity = {.key_id = 1, .kvn = 0x40};
    *l = (struct line){.status = 0};
    world_open(&l->w, true);
    l->w.policy.hold_ms = 1;
    l->w.https = true;
    world_restart(&l->w);
    memcpy(identity.eid, vector(W_EID).p, OTA_EID);
    identity.aid.n = 16;
    memcpy(identity.aid.value, vector(W_ISDR).p, 16);
    ota_psk_identity_write(&identity, l->identity);
    open_https(l);
}

static void line_close(struct line *l)
{
    smsr_https_free(l->https);
    cr_buf_free(&l->body);
    world_close(&l->w);
}

static void line_restart(struct line *l)
{
    smsr_https_free(l->https);
    world_restart(&l->w);
    open_https(l);
}

/* uri NULL = the first POST. result NULL = no status; "" with another status than ok. */
static void post_as(struct line *l, const char *identity, const char *uri, const char *status,
                    const char *result, bool resume)
{
    struct http_fields fields = {.items = {{OTA_ADMIN_H_PROTOCOL, OTA_ADMIN_PROTOCOL},
                                           {OTA_ADMIN_H_FROM, FROM},
                                           {"Content-Type", OTA_ADMIN_RESPONSE_TYPE}},
                                 .count = 3};
    cr_arena arena = {0};
    struct http_response response = {0};
    cr_buf body = {0}; /* not of the test's arena: other threads come here too */
    char path[300];
    (void)snprintf(path, sizeof path, "%s", uri ? uri : PATH);
    char *query = strchr(path, '?');
    if (query) {
        *query++ = 0;
    }
    if (status) {
        fields.items[fields.count++] = (struct http_field){OTA_ADMIN_H_STATUS, status};
    }
    if (resume) {
        fields.items[fields.count++] = (struct http_field){OTA_ADMIN_H_RESUME, "true"};
    }
    if (cr_hex_decode(&body, cr_span_str(result ? result : ""), NULL) != CR_OK) {
        abort(); /* the test is wrong; no assertion works on another thread */
    }
    struct http_request request = {.method = "POST",
                                   .path = path,
                                   .query = query,
                                   .body = cr_buf_span(&body),
                                   .psk_identity = identity,
                                   .headers = &fields,
                                   .connection = l->connection,
                                   .arena = &arena};
    if (l->connection) { /* the event loop sees it first; it shall not be held */
        smsr_https_wake(l->https, vector(W_EID));
        request.ticket = (struct http_ticket *)l;
        smsr_https_handle(l->https, &request, &response);
        if (response.outcome != HTTP_WORKER) {
            abort();
        }
        request.ticket = NULL;
        response = (struct http_response){0};
    }
    smsr_https_handle(l->https, &request, &response);
    l->status = response.status;
    l->next[0] = l->target[0] = 0;
    for (size_t i = 0; i < response.header_count; i++) {
        if (strcmp(response.headers[i].name, OTA_ADMIN_H_NEXT) == 0) {
            (void)snprintf(l->next, sizeof l->next, "%s", response.headers[i].value);
        }
        if (strcmp(response.headers[i].name, OTA_ADMIN_H_TARGET) == 0) {
            (void)snprintf(l->target, sizeof l->target, "%s", response.headers[i].value);
        }
    }
    cr_buf_reset(&l->body);
    cr_buf_append_span(&l->body, cr_buf_span(&response.body));
    cr_buf_free(&response.body);
    cr_buf_free(&body);
    cr_arena_free(&arena);
}

static void post(struct line *l, const char *uri, const char *result)
{
    char next[300];
    (void)snprintf(next, sizeof next, "%s", uri ? uri : "");
    post_as(l, l->identity, uri ? next : NULL, result ? "ok" : NULL, result, false);
}

static void is_script(const struct line *l, const char *hex)
{
    const cr_span want = vector(hex);
    assert_int_equal(l->status, 200);
    assert_int_equal(l->body.n, want.n);
    assert_memory_equal(l->body.p, want.p, want.n);
    assert_true(l->next[0]);
}

static void is_end(const struct line *l)
{
    assert_int_equal(l->status, 204);
    assert_string_equal(l->next, "");
    assert_int_equal(l->body.n, 0);
}

static int64_t send_data(struct world *w, const char *data, bool more)
{
    return world_begin(w, &(struct smsr_procedure){.kind = SMSR_PROC_SEND_DATA,
                                                   .aid = vector(W_ISDP),
                                                   .data = vector(data),
                                                   .more_to_do = more});
}

/* ---- the normal way ---- */

static void test_session(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, true);
    world_due(&l.w);
    assert_int_equal(l.w.count, 1); /* the trigger */
    assert_false(smsr_https_has_session(l.https, vector(W_EID)));
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    assert_string_equal(l.target, "//aid/A000000559/1010FFFFFFFF8900001000");
    assert_true(smsr_https_has_session(l.https, vector(W_EID)));
    assert_true(world_look(&l.w, id).script.left);
    post(&l, l.next, ANSWERED);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    assert_int_equal(l.status, 204); /* more was announced: asked again */
    assert_true(l.next[0]);
    /* The next one goes into the same session, without a trigger. */
    l.w.session = true;
    const int64_t second = send_data(&l.w, "8603AABBCC", true);
    world_due(&l.w);
    assert_int_equal(l.w.count, 1);
    post(&l, l.next, NULL);
    is_script(&l, "AE808301118603AABBCC0000"); /* a chain begins */
    post(&l, l.next, "AF808602AABB0000");
    assert_int_equal(world_look(&l.w, second).now.state, SMSR_STATE_DONE);
    const int64_t third = send_data(&l.w, "8603AABBCC", true);
    post(&l, l.next, NULL);
    is_script(&l, "AE808301028603AABBCC0000");
    post(&l, l.next, "AF808602AABB0000");
    assert_int_equal(world_look(&l.w, third).now.state, SMSR_STATE_DONE);
    const int64_t last = send_data(&l.w, "8603AABBCC", false);
    post(&l, l.next, NULL);
    is_script(&l, "AE808301038603AABBCC0000");
    post(&l, l.next, "AF808602AABB0000");
    assert_int_equal(world_look(&l.w, last).now.state, SMSR_STATE_DONE);
    is_end(&l);
    assert_false(smsr_https_has_session(l.https, vector(W_EID)));
    smsr_https_tick(l.https);
    assert_int_equal(smsr_https_sessions(l.https), 0);
    line_close(&l);
}

static void test_held_too_long(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    (void)send_data(&l.w, GET, true);
    post(&l, NULL, NULL);
    post(&l, l.next, ANSWERED);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(l.status, 204);
        assert_true(l.next[0]);
        l.w.now_ms += 59 * SECOND;
        post(&l, l.next, NULL);
    }
    l.w.now_ms += 5 * SECOND;
    post(&l, l.next, NULL);
    is_end(&l);
    line_close(&l);
}

static void test_nothing_to_do(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    post(&l, NULL, NULL);
    is_end(&l);
    line_close(&l);
}

/* ---- broken links ---- */

static void test_resume(void **state)
{
    struct line l;
    char used[300];
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    post_as(&l, l.identity, NULL, NULL, NULL, true); /* the answer was lost: the same again */
    is_script(&l, "AE80" GET "0000");
    (void)snprintf(used, sizeof used, "%s", l.next);
    post(&l, used, ANSWERED);
    is_end(&l);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    post_as(&l, l.identity, used, "ok", ANSWERED, true);
    is_end(&l);
    post(&l, used, ANSWERED); /* without the word resume it is nobody's */
    is_end(&l);
    line_close(&l);
}

static void test_begins_anew(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    post(&l, NULL, NULL); /* not executed twice */
    is_end(&l);
    assert_int_not_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    assert_int_not_equal(world_look(&l.w, id).now.state, SMSR_STATE_SENT);
    line_close(&l);
}

/* The time of a script that left, with three triggers, until nobody waits any more. */
static void give_up_waiting(struct line *l, int64_t id)
{
    const size_t before = l->w.count;
    for (size_t i = 0; i < 3; i++) {
        assert_true(world_look(&l->w, id).has_script);
        assert_int_equal(l->w.count, before + i);
        world_pass(&l->w, i == 0 ? 60 * SECOND : SMSR_TRIGGER_MS);
    }
    assert_int_equal(l->w.count, before + 3);
    world_pass(&l->w, SMSR_TRIGGER_MS - 1);
    assert_true(world_look(&l->w, id).has_script);
    world_pass(&l->w, 1);
    assert_int_equal(l->w.count, before + 3);
    assert_false(world_look(&l->w, id).has_script);
    assert_int_equal(world_look(&l->w, id).now.state, SMSR_STATE_FAILED);
}

static void test_restart(void **state)
{
    struct line l;
    char next[300];
    (void)state;
    line_open(&l);
    int64_t id = send_data(&l.w, GET, true);
    line_restart(&l);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    (void)snprintf(next, sizeof next, "%s", l.next);
    line_restart(&l);
    post(&l, next, ANSWERED); /* the row knows where its result comes to */
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    assert_int_equal(l.status, 204);
    assert_true(l.next[0]); /* more was announced */
    /* The answer with the script did not arrive, and the SM-SR was restarted. */
    id = send_data(&l.w, "8603AABBCC", false);
    (void)snprintf(next, sizeof next, "%s", l.next);
    post(&l, next, NULL);
    is_script(&l, "AE808603AABBCC0000");
    assert_string_equal(l.target, "//aid/A000000559/1010FFFFFFFF8900001000");
    line_restart(&l);
    post_as(&l, l.identity, next, NULL, NULL, true);
    is_script(&l, "AE808603AABBCC0000");
    assert_string_equal(l.target, "//aid/A000000559/1010FFFFFFFF8900001000");
    line_restart(&l);
    (void)snprintf(next, sizeof next, "%s", l.next);
    post_as(&l, l.identity, next, "ok", "AF808602AABB0000", true);
    is_end(&l);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    /* Nothing is owed: what is resumed now goes on as a new session. */
    line_restart(&l);
    post_as(&l, l.identity, next, "ok", "AF808602AABB0000", true);
    is_end(&l);
    line_restart(&l);
    id = send_data(&l.w, GET, false);
    post_as(&l, l.identity, next, "ok", "AF808602AABB0000", true);
    is_script(&l, "AE80" GET "0000");
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_SENT);
    /* Somebody else's URI does not bring the result, before and after a restart. */
    char other[300];
    (void)snprintf(other, sizeof other, "%s", l.next);
    (void)snprintf(next, sizeof next, "%s", l.next);
    other[strlen(PATH) + 3] = other[strlen(PATH) + 3] == '0' ? '1' : '0';
    for (int i = 0; i < 2; i++) {
        post_as(&l, l.identity, other, "ok", ANSWERED, true);
        is_end(&l);
        post(&l, other, ANSWERED);
        is_end(&l);
        assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_SENT);
        line_restart(&l);
    }
    post(&l, next, ANSWERED);
    is_end(&l);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    line_close(&l);
}

/* It begins anew after a restart of ours: nobody knows what it did. */
static void test_restart_and_anew(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    line_restart(&l);
    post(&l, NULL, NULL);
    is_end(&l);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_FAILED);
    line_close(&l);
}

static void test_no_answer(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    give_up_waiting(&l, id);
    post(&l, l.next, ANSWERED); /* late: nobody waits */
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_FAILED);
    is_end(&l);
    line_close(&l);
}

/* ---- links that break, as the HTTP server tells it ---- */

static void line_breaks(struct line *l)
{
    smsr_https_closed(l->https, l->connection++, l->identity);
    smsr_https_tick(l->https);
}

static void test_link_is_waited_for(void **state)
{
    struct line l;
    char next[300];
    (void)state;
    line_open(&l);
    l.connection = 7;
    const int64_t id = send_data(&l.w, GET, true);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    (void)snprintf(next, sizeof next, "%s", l.next);
    smsr_https_closed(l.https, 6, l.identity); /* one before it */
    smsr_https_closed(l.https, 7, NULL);       /* nobody's */
    smsr_https_closed(l.https, 7, "8001");
    assert_true(smsr_https_has_session(l.https, vector(W_EID)));
    line_breaks(&l);
    assert_false(smsr_https_has_session(l.https, vector(W_EID)));
    world_pass(&l.w, SMSR_RESUME_MS - 1); /* longer than for a result: it comes back by itself */
    assert_int_equal(l.w.count, 0);
    assert_true(world_look(&l.w, id).has_script);
    post_as(&l, l.identity, NULL, NULL, NULL, true);
    is_script(&l, "AE80" GET "0000");
    assert_true(smsr_https_has_session(l.https, vector(W_EID)));
    line_breaks(&l);
    world_pass(&l.w, SMSR_RESUME_MS - 1);
    assert_int_equal(l.w.count, 0);
    world_pass(&l.w, 1);
    assert_int_equal(l.w.count, 1); /* it does not: a trigger */
    smsr_sms_undelivered(l.w.sms, l.w.refs[0]);
    world_due(&l.w);
    assert_int_equal(l.w.count, 2); /* lost: the next one at once */
    post_as(&l, l.identity, next, "ok", ANSWERED, true);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    /* Between two scripts: the next one does not wait for an eUICC that is not there. */
    assert_int_equal(l.status, 204);
    (void)snprintf(next, sizeof next, "%s", l.next);
    line_breaks(&l);
    l.w.session = smsr_https_has_session(l.https, vector(W_EID));
    (void)send_data(&l.w, GET, true);
    world_due(&l.w);
    assert_int_equal(l.w.count, 3);
    post_as(&l, l.identity, next, NULL, NULL, true);
    is_script(&l, "AE80" GET "0000");
    line_close(&l);
}

/* A short deadline: half of it for the eUICC, half for the trigger. */
static void test_link_before_a_deadline(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    l.connection = 1;
    (void)send_data(&l.w, GET, true);
    l.w.now_ms += (20 * 60 - 100) * SECOND; /* of world_begin() */
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    line_breaks(&l);
    world_pass(&l.w, 50 * SECOND - 1);
    assert_int_equal(l.w.count, 0);
    world_pass(&l.w, 1);
    assert_int_equal(l.w.count, 1);
    line_close(&l);
}

static cr_status read_failures(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct line *l = ctx;
    struct smsr_air air;
    CR_TRY(smsr_air_get(tx, vector(W_EID), &air, err));
    l->failures = smsr_air_failures(air.failed_http, l->w.now_ms);
    return CR_OK;
}

static unsigned failures_of(struct line *l)
{
    assert_int_equal(store_run(smsr_store(l->w.sr), read_failures, l, NULL), CR_OK);
    return l->failures;
}

/* Two openings failed: HTTPS is not tried for an hour, but for an eUICC that comes after all. */
static void test_openings_that_failed(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    l.connection = 1;
    (void)send_data(&l.w, GET, true);
    world_due(&l.w);
    for (int i = 0; i < 6; i++) { /* two openings of three triggers */
        assert_int_equal(failures_of(&l), i / 3);
        world_pass(&l.w, SMSR_TRIGGER_MS);
    }
    assert_int_equal(failures_of(&l), 2);
    post(&l, NULL, NULL);
    assert_int_equal(failures_of(&l), 0);
    line_close(&l);
}

/* The SM-SR gave the script up: who shows that it never had it does not get it any more. */
static void test_withdrawn(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    give_up_waiting(&l, id);
    post_as(&l, l.identity, NULL, NULL, NULL, true);
    is_end(&l);
    const int64_t second = send_data(&l.w, "8603AABBCC", false);
    post(&l, NULL, NULL);
    is_script(&l, "AE808603AABBCC0000");
    post(&l, l.next, "AF808602AABB0000");
    assert_int_equal(world_look(&l.w, second).now.state, SMSR_STATE_DONE);
    line_close(&l);
}

/* The same in the middle: other work takes its place under the same URI. */
static void test_withdrawn_for_another(void **state)
{
    struct line l;
    char asked[300];
    (void)state;
    line_open(&l);
    (void)send_data(&l.w, GET, true);
    post(&l, NULL, NULL);
    post(&l, l.next, ANSWERED);
    assert_int_equal(l.status, 204);
    (void)snprintf(asked, sizeof asked, "%s", l.next);
    const int64_t lost = send_data(&l.w, "220580CA006700", true);
    post(&l, asked, NULL);
    is_script(&l, "AE80220580CA0067000000");
    give_up_waiting(&l, lost);
    const int64_t other = send_data(&l.w, "220580CA006800", false);
    post_as(&l, l.identity, asked, NULL, NULL, true);
    is_script(&l, "AE80220580CA0068000000");
    post(&l, l.next, ANSWERED);
    is_end(&l);
    assert_int_equal(world_look(&l.w, other).now.state, SMSR_STATE_DONE);
    assert_int_equal(world_look(&l.w, lost).now.state, SMSR_STATE_FAILED);
    line_close(&l);
}

/* The first POST names no session. After a trigger it may be that of another session than the one
 * that had the script: nobody knows, so it does not run twice. */
static void test_first_after_a_trigger(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    world_pass(&l.w, 60 * SECOND);
    assert_int_equal(l.w.count, 1);
    post_as(&l, l.identity, NULL, NULL, NULL, true);
    is_end(&l);
    assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_FAILED);
    line_close(&l);
}

/* ---- every exchange of a session, broken ---- */

enum loss { LOSS_REQUEST, LOSS_ANSWER, LOSSES };

/* An eUICC that executes what it gets and resumes what breaks. */
struct resumer {
    char uri[300]; /* of its next POST; empty = the first one */
    char result[40];
    bool has_result, posted, over;
    char ran[200]; /* third byte of each GET DATA */
    unsigned posts;
};

/* One POST; lost: before the SM-SR has it, or its answer. */
static void exchange(struct line *l, struct resumer *r, bool resume, int lost)
{
    r->posted = true;
    r->posts++;
    if (lost == LOSS_REQUEST) {
        return;
    }
    post_as(l, l->identity, r->uri[0] ? r->uri : NULL, r->has_result ? "ok" : NULL,
            r->has_result ? r->result : NULL, resume);
    assert_true(l->status == 200 || l->status == 204);
    if (lost == LOSS_ANSWER) {
        return;
    }
    r->has_result = false;
    if (l->status == 200) {
        assert_true(l->body.n > 9);
        const size_t n = strlen(r->ran);
        (void)snprintf(r->ran + n, sizeof r->ran - n, "%02X ", l->body.p[7]);
        (void)snprintf(r->result, sizeof r->result, "%s", ANSWERED);
        r->has_result = true;
    }
    (void)snprintf(r->uri, sizeof r->uri, "%s", l->next);
    r->over = !l->next[0];
}

/* Three scripts, each ordered when the one before is done; exchange number `at` breaks. */
static void broken_session(unsigned at, enum loss loss, bool restart, unsigned *posts)
{
    static const char *const commands[] = {"220580CA006600", "220580CA006700", "220580CA006800"};
    struct line l;
    struct resumer r = {.over = false};
    int64_t ids[3];
    size_t begun = 0;
    line_open(&l);
    l.connection = 1;
    l.w.config.channel = SMSR_HTTPS;
    while (!r.over) {
        if (begun == 0 ||
            (begun < 3 && world_look(&l.w, ids[begun - 1]).now.state == SMSR_STATE_DONE)) {
            ids[begun] = send_data(&l.w, commands[begun], begun < 2);
            begun++;
        }
        const bool breaks = r.posts == at;
        exchange(&l, &r, false, breaks ? (int)loss : (int)LOSSES);
        if (breaks) {
            line_breaks(&l);
            if (restart) {
                line_restart(&l);
            }
            world_pass(&l.w, 10 * SECOND);
            exchange(&l, &r, true, LOSSES);
        }
        if (r.over && begun < 3 && restart) { /* forgotten between two scripts: a trigger follows */
            r.uri[0] = 0;
            r.over = r.has_result = false;
        }
        assert_true(r.posts < 20);
    }
    assert_string_equal(r.ran, "66 67 68 ");
    assert_int_equal(begun, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_look(&l.w, ids[i]).now.state, SMSR_STATE_DONE);
    }
    *posts = r.posts;
    line_close(&l);
}

static void test_every_exchange(void **state)
{
    unsigned whole, posts;
    (void)state;
    broken_session(UINT32_MAX, LOSS_REQUEST, false, &whole);
    assert_true(whole >= 6);
    for (unsigned at = 0; at < whole; at++) {
        for (int loss = 0; loss < LOSSES; loss++) {
            broken_session(at, (enum loss)loss, false, &posts);
            broken_session(at, (enum loss)loss, true, &posts);
        }
    }
}

/* ---- results that are none ---- */

static void test_statuses(void **state)
{
    static const char *const statuses[] = {"unknown-application", "not-a-security-domain",
                                           "security-error"};
    (void)state;
    for (size_t i = 0; i < CR_COUNT(statuses); i++) {
        struct line l;
        line_open(&l);
        const int64_t id = send_data(&l.w, GET, false);
        post(&l, NULL, NULL);
        char next[300];
        (void)snprintf(next, sizeof next, "%s", l.next);
        post_as(&l, l.identity, next, "all-is-well", NULL, false);
        assert_int_equal(l.status, 400);
        assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_SENT);
        post_as(&l, l.identity, next, statuses[i], NULL, false);
        is_end(&l);
        assert_int_equal(world_look(&l.w, id).now.state, SMSR_STATE_FAILED);
        line_close(&l);
    }
}

static void test_broken_result(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    const int64_t id = send_data(&l.w, GET, false);
    post(&l, NULL, NULL);
    post(&l, l.next, "AF8023FF");
    assert_false(world_look(&l.w, id).has_script);
    assert_int_not_equal(world_look(&l.w, id).now.state, SMSR_STATE_DONE);
    line_close(&l);
}

/* ---- switches ---- */

static cr_status put_switch(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    const struct smsr_script s = {.eid = vector(W_EID), .commands = vector(GET), .is_switch = true};
    return smsr_script_put(w->sr, tx, &s, err);
}

static void test_switch(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    world_run(&l.w, put_switch);
    post(&l, NULL, NULL); /* by the rules it goes by SMS */
    is_end(&l);
    l.w.config.channel = SMSR_HTTPS;
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    assert_string_equal(l.target, "");
    (void)send_data(&l.w, GET, false); /* would be next, but the session is over */
    post(&l, l.next, ANSWERED);
    is_end(&l);
    post(&l, NULL, NULL);
    is_script(&l, "AE80" GET "0000");
    line_close(&l);
}

/* ---- notifications ---- */

static void notify(struct line *l, const char *eid, uint8_t type, uint16_t number)
{
    char uri[300];
    (void)snprintf(uri, sizeof uri, PATH "?msg=E12B4C10%s4D01%02X4E02%04X2F10" W_ISDP, eid, type,
                   number);
    post(l, uri, NULL);
}

static void test_notification(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    notify(&l, W_EID, 1, 1);
    is_script(&l, "AE80220D80E28900073A08044E020001000000");
    post(&l, l.next, ANSWERED);
    is_end(&l);
    world_due(&l.w);
    assert_int_equal(l.w.count, 0); /* nothing goes by SMS */
    notify(&l, W_EID, 1, 1);        /* repeated: confirmed again */
    is_script(&l, "AE80220D80E28900073A08044E020001000000");
    notify(&l, "89001012012341234012345678901299", 1, 2);
    is_end(&l);
    post(&l, PATH "?msg=E1", NULL);
    is_end(&l);
    line_close(&l);
}

/* Its session is over before the confirmation left. */
static cr_status put_confirmation(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    const struct smsr_script s = {.eid = vector(W_EID),
                                  .commands = vector(GET),
                                  .is_confirmation = true,
                                  .channel = SMSR_HTTPS};
    return smsr_script_put(w->sr, tx, &s, err);
}

static void test_lost_confirmation(void **state)
{
    struct line l;
    (void)state;
    line_open(&l);
    world_run(&l.w, put_confirmation);
    world_due(&l.w);
    assert_int_equal(l.w.count, 0);
    struct world_proc p = {.w = &l.w};
    p.id = world_audit(&l.w);
    assert_int_equal(store_run(smsr_store(l.w.sr), world_look_work, &p, NULL), CR_OK);
    assert_false(p.script.is_confirmation);
    line_close(&l);
}

/* ---- who is there ---- */

static void test_keys(void **state)
{
    static const struct {
        const char *name, *from, *to;
        size_t size;
    } rows[] = {
        {"the key", "", "", 16},
        {"another EID", "89001012012341234012345678901224", "89001012012341234012345678901299", 0},
        {"another domain", W_ISDR, W_ISDP, 0},
        {"another key set", "830140", "830141", 0},
        {"another key", "820101", "820102", 0},
        {"no key", "820101", "820104", 0},
    };
    struct line l;
    uint8_t key[PSK_KEY_MAX];
    (void)state;
    line_open(&l);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char identity[OTA_PSK_IDENTITY_TEXT];
        memcpy(identity, l.identity, sizeof identity);
        char *at = strstr(identity, rows[i].from);
        assert_non_null(at);
        memcpy(at, rows[i].to, strlen(rows[i].to));
        assert_int_equal(smsr_https_key(l.https, cr_span_str(identity), key), rows[i].size);
    }
    assert_int_equal(key[0], 0x77);
    assert_int_equal(smsr_https_key(l.https, cr_span_str("nobody"), key), 0);
    post_as(&l, NULL, NULL, NULL, NULL, false);
    assert_int_equal(l.status, 403);
    post_as(&l, "nobody", NULL, NULL, NULL, false);
    assert_int_equal(l.status, 403);
    line_close(&l);
}

/* ---- waiting ---- */

struct waiter {
    struct line *l;
    char uri[300];
    struct line answer; /* of its own */
};

static void *wait_with_post(void *ctx)
{
    struct waiter *waiter = ctx;
    post_as(&waiter->answer, waiter->answer.identity, waiter->uri, "ok", ANSWERED, false);
    return NULL;
}

static void waiter_start(struct waiter *waiter, struct line *l, pthread_t *thread)
{
    *waiter = (struct waiter){.l = l};
    waiter->answer.https = l->https;
    memcpy(waiter->answer.identity, l->identity, sizeof l->identity);
    (void)snprintf(waiter->uri, sizeof waiter->uri, "%s", l->next);
    assert_int_equal(pthread_create(thread, NULL, wait_with_post, waiter), 0);
}

/* What the engine does when it finds the script. */
static void wake(struct line *l)
{
    smsr_https_wake(l->https, vector(W_EID));
}

/* A POST that waits in a session to which more was announced. */
static void start_waiting(struct line *l, struct waiter *waiter, pthread_t *thread)
{
    line_open(l);
    (void)send_data(&l->w, GET, true);
    l->w.policy.hold_ms = 600000;
    line_restart(l);
    post(l, NULL, NULL);
    is_script(l, "AE80" GET "0000");
    waiter_start(waiter, l, thread);
}

static void stop_waiting(struct line *l, struct waiter *waiter)
{
    cr_buf_free(&waiter->answer.body);
    line_close(l);
}

static void until_done(struct line *l, int64_t id)
{
    while (world_look(&l->w, id).now.state != SMSR_STATE_DONE) {
        (void)usleep(1000);
    }
}

static void test_woken(void **state)
{
    struct line l;
    struct waiter waiter;
    pthread_t thread;
    (void)state;
    start_waiting(&l, &waiter, &thread);
    until_done(&l, 1); /* the result is in: the POST is held now, or will be */
    (void)send_data(&l.w, "220580CA006700", true);
    wake(&l);
    (void)pthread_join(thread, NULL);
    if (waiter.answer.status == 204) { /* it had not waited so long on a slow machine */
        post(&l, waiter.answer.next, NULL);
        is_script(&l, "AE80220580CA0067000000");
    } else {
        is_script(&waiter.answer, "AE80220580CA0067000000");
    }
    stop_waiting(&l, &waiter);
}

/* The card lost the link and comes again: the first one gives way. */
static void test_gives_way(void **state)
{
    struct line l;
    struct waiter waiter;
    pthread_t thread;
    (void)state;
    start_waiting(&l, &waiter, &thread);
    until_done(&l, 1);
    (void)send_data(&l.w, "220580CA006700", false);
    post_as(&l, l.identity, waiter.uri, "ok", ANSWERED, true);
    (void)pthread_join(thread, NULL);
    /* Either the first had its answer already, and it is the same. */
    assert_true(waiter.answer.status == 503 || waiter.answer.status == 200 ||
                waiter.answer.status == 204);
    if (waiter.answer.status == 204) {
        post(&l, waiter.answer.next, NULL);
    }
    is_script(&l, "AE80220580CA0067000000");
    stop_waiting(&l, &waiter);
}

static void test_stopped(void **state)
{
    struct line l;
    struct waiter waiter;
    pthread_t thread;
    (void)state;
    start_waiting(&l, &waiter, &thread);
    until_done(&l, 1);
    smsr_https_stop(l.https);
    (void)pthread_join(thread, NULL);
    assert_int_equal(waiter.answer.status, 204);
    assert_true(waiter.answer.next[0]);
    stop_waiting(&l, &waiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_held_too_long),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_begins_anew),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_restart_and_anew),
        cmocka_unit_test(test_link_is_waited_for),
        cmocka_unit_test(test_link_before_a_deadline),
        cmocka_unit_test(test_openings_that_failed),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_withdrawn_for_another),
        cmocka_unit_test(test_first_after_a_trigger),
        cmocka_unit_test(test_every_exchange),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_broken_result),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_notification),
        cmocka_unit_test(test_lost_confirmation),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_woken),
        cmocka_unit_test(test_gives_way),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
