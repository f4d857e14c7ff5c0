/*
 * The messenger without a network: an operator and an SM-SR on stores of their own, with a wire
 * that the test moves letter by letter, loses and repeats.
 */
#include "../base/test.h"

#include "base/text.h"
#include "m2m/messenger.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t EID[16] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                                0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};

struct rig;

/* One end: its messenger and what its handlers saw. */
struct end {
    struct rig *rig;
    const char *path; /* of its database; NULL = in memory */
    char file[64];
    struct m2m_parties parties;
    struct m2m_party known[4];
    struct store *store;
    struct m2m *m2m;
    int executed, notified, answers, pokes;
    int64_t pending; /* id of a request answered later */
    bool later, refuse, last_none;
    enum soap_execution last_status;
    char last_context[M2M_MAX_CONTEXT], last_subject[16], last_reason[16];
    cr_buf last_data;
};

struct rig {
    int64_t now_ms;
    uint8_t counter;
    cr_env env;
    struct end a, b; /* operator, SM-SR */
    bool b_is_down;
};

static int64_t rig_now(void *ctx)
{
    return ((struct rig *)ctx)->now_ms;
}

static cr_status rig_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)err;
    memset(p, ++((struct rig *)ctx)->counter, n);
    return CR_OK;
}

static cr_status count_work(struct store_tx *tx, struct end *end, struct cr_err *err)
{
    return store_exec(tx, "INSERT INTO executed(n) VALUES(?)", STORE_VALUES(STORE_I(end->executed)),
                      NULL, NULL, NULL, err);
}

/* EnableProfile: counts in its own table, which a failure has to undo. */
static cr_status on_enable(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    struct end *end = ctx;
    assert_true(cr_span_equal(request->eid, CR_SPAN_ARRAY(EID)));
    end->executed++;
    CR_TRY(count_work(call->tx, end, err));
    if (end->refuse) {
        return cr_refuse(err, "8.2.3", "3.8", NULL, "POL2 says no");
    }
    if (end->later) {
        end->pending = call->id;
        call->later = true;
        return CR_OK;
    }
    response->euicc_response_data = cr_span_str("done");
    return CR_OK;
}

static cr_status on_get(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    response->has_eis = true;
    response->eis.smsr_id = cr_span_str("1.2.20");
    (void)request;
    return on_enable(ctx, call, request, response, err);
}

static cr_status on_notice(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                           struct soap_body *response, struct cr_err *err)
{
    struct end *end = ctx;
    (void)call;
    (void)err;
    assert_null(response);
    assert_true(cr_span_equal(notice->iccid, cr_span_str("8900101000000000001")));
    end->notified++;
    return CR_OK;
}

static cr_status on_answer(void *ctx, const struct m2m_answered *answer, struct cr_err *err)
{
    struct end *end = ctx;
    const struct soap_status *status = &answer->body->status;
    (void)err;
    end->answers++;
    end->last_none = answer->none;
    end->last_status = (enum soap_execution)status->status;
    (void)cr_str_copy(end->last_context, sizeof end->last_context, cr_span_str(answer->context));
    (void)cr_str_copy(end->last_subject, sizeof end->last_subject, status->code.subject);
    (void)cr_str_copy(end->last_reason, sizeof end->last_reason, status->code.reason);
    cr_buf_reset(&end->last_data);
    cr_buf_append_span(&end->last_data, answer->body->euicc_response_data);
    return CR_OK;
}

static const struct m2m_row smsr_rows[] = {
    {SOAP_ES4, SOAP_ENABLE_PROFILE, on_enable},
    {SOAP_ES4, SOAP_GET_EIS, on_get},
    {SOAP_ES4, SOAP_UPDATE_POLICY_RULES, on_enable},
    {0, 0, NULL},
};
static const struct m2m_row operator_rows[] = {
    {SOAP_ES4, SOAP_PROFILE_ENABLED, on_notice},
    {0, 0, NULL},
};

static void poked(void *ctx)
{
    ((struct end *)ctx)->pokes++;
}

static void end_open(struct end *end, const struct m2m_row *rows)
{
    static const struct store_migration steps[] = {{1, m2m_schema},
                                                   {2, "CREATE TABLE executed(n INTEGER)"}};
    const struct store_options store = {.url = end->path ? end->path : ":memory:",
                                        .migrations = steps,
                                        .migration_count = 2,
                                        .volatile_commits = true};
    struct cr_err err = {0};
    assert_int_equal(store_open(&store, &end->store, &err), CR_OK);
    const struct m2m_options options = {.store = end->store,
                                        .parties = &end->parties,
                                        .env = &end->rig->env,
                                        .rows = rows,
                                        .answered = on_answer,
                                        .ctx = end};
    assert_int_equal(m2m_new(&options, &end->m2m, &err), CR_OK);
    m2m_on_change(end->m2m, poked, end);
}

static void end_close(struct end *end)
{
    m2m_free(end->m2m);
    store_close(end->store);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    r->now_ms = 1767225600000;
    r->env = (cr_env){.ctx = r, .now_ms = rig_now, .random = rig_random};
    r->a = (struct end){.rig = r};
    r->b = (struct end){.rig = r};
    r->b.known[0] = (struct m2m_party){
        .name = "a", .oid = "1.2.10", .roles = SOAP_OPERATOR, .url = "https://a/"};
    r->b.known[1] = (struct m2m_party){
        .name = "sp", .oid = "1.2.30", .roles = SOAP_M2MSP, .url = "https://sp/"};
    r->b.known[2] = (struct m2m_party){.name = "mute", .oid = "1.2.40", .roles = SOAP_OPERATOR};
    r->a.known[0] =
        (struct m2m_party){.name = "b", .oid = "1.2.20", .roles = SOAP_SMSR, .url = "https://b/"};
    r->a.known[1] =
        (struct m2m_party){.name = "c", .oid = "1.2.21", .roles = SOAP_SMSR, .url = "https://c/"};
    r->a.parties = (struct m2m_parties){
        .oid = "1.2.10", .name = "A", .address = "https://a/", .parties = r->a.known, .count = 2};
    r->b.parties = (struct m2m_parties){
        .oid = "1.2.20", .name = "B", .address = "https://b/", .parties = r->b.known, .count = 3};
    end_open(&r->a, operator_rows);
    end_open(&r->b, smsr_rows);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    end_close(&r->a);
    end_close(&r->b);
    cr_buf_free(&r->a.last_data);
    cr_buf_free(&r->b.last_data);
    free(r);
    return 0;
}

/* ---- the wire ----------------------------------------------------------------------------------
 */

/* Whom a URL reaches; NULL = nobody. */
static struct end *at(struct rig *r, const char *url)
{
    if (strcmp(url, "https://a/") == 0) {
        return &r->a;
    }
    return strcmp(url, "https://b/") == 0 && !r->b_is_down ? &r->b : NULL;
}

static int http_status(enum m2m_verdict verdict)
{
    return verdict == M2M_ANSWER         ? 200
           : verdict == M2M_ACCEPTED     ? 202
           : verdict == M2M_FAULT_SENDER ? 400
           : verdict == M2M_FORBIDDEN    ? 403
                                         : 500;
}

/* Posts every letter that is due, once. Returns how many there were. */
static int carry(struct end *from)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    int carried = 0;
    assert_int_equal(m2m_due(from->m2m, &arena, lanes, &count, &err), CR_OK);
    for (size_t i = 0; i < count; i++) {
        struct m2m_parcel parcel;
        bool found = true;
        for (int k = 0; k < 100; k++) {
            assert_int_equal(m2m_take(from->m2m, lanes[i], &arena, &parcel, &found, &err), CR_OK);
            if (!found) {
                break;
            }
            struct end *to = at(from->rig, parcel.url);
            cr_buf out = {0};
            int status = 0;
            if (to) {
                const struct m2m_party *peer =
                    m2m_party_by_oid(&to->parties, cr_span_str(from->parties.oid));
                int64_t id;
                status = http_status(m2m_receive(to->m2m, peer, parcel.body, &arena, &out, &id));
            }
            assert_int_equal(m2m_delivered(from->m2m, parcel.id, status, cr_buf_span(&out),
                                           to ? NULL : "not reached", &err),
                             CR_OK);
            cr_buf_free(&out);
            carried++;
        }
    }
    cr_arena_free(&arena);
    return carried;
}

struct asking {
    struct end *end;
    struct m2m_request request;
};

static cr_status ask_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct asking *a = ctx;
    return m2m_ask(a->end->m2m, tx, &a->request, err);
}

static cr_status ask(struct rig *r, enum soap_name name, const char *context, int64_t seconds,
                     struct cr_err *err)
{
    struct soap_body body = {.eid = CR_SPAN_ARRAY(EID),
                             .iccid = cr_span_str("8900101000000000001")};
    struct asking a = {.end = &r->a,
                       .request = {.to = &r->a.known[0],
                                   .function = soap_function(SOAP_ES4, name),
                                   .body = &body,
                                   .context = context,
                                   .deadline_ms = r->now_ms + seconds * 1000}};
    return store_run(r->a.store, ask_work, &a, err);
}

static cr_status answer_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct end *end = ctx;
    struct soap_body body = {.euicc_response_data = cr_span_str("late")};
    return m2m_answer(end->m2m, tx, end->pending, &body, err);
}

static cr_status notify_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct end *end = ctx;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(EID),
                             .iccid = cr_span_str("8900101000000000001"),
                             .has_completion_timestamp = true,
                             .completion_timestamp = end->rig->now_ms};
    return m2m_notify(end->m2m, tx, &end->known[0], soap_function(SOAP_ES4, SOAP_PROFILE_ENABLED),
                      &body, err);
}

static cr_status count_rows(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

struct query {
    const char *sql;
    int64_t result;
};

static cr_status query_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct query *q = ctx;
    return store_exec(tx, q->sql, NULL, count_rows, &q->result, NULL, err);
}

static int64_t rows_of(struct end *end, const char *sql)
{
    struct query q = {.sql = sql};
    assert_int_equal(store_read(end->store, query_work, &q, NULL), CR_OK);
    return q.result;
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void test_answer_here(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job 1", 60, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1);
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(r->a.answers, 1);
    assert_int_equal(r->a.last_status, SOAP_EXECUTED_SUCCESS);
    assert_false(r->a.last_none);
    assert_string_equal(r->a.last_context, "job 1");
    assert_int_equal(rows_of(&r->a, "SELECT (SELECT count(*) FROM asked) + count(*) FROM letter"),
                     0);
    assert_true(r->a.pokes > 0 && r->b.pokes > 0);
}

static void test_called_back(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job 2", 600, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1);
    assert_int_equal(r->a.answers, 0);
    assert_int_equal(carry(&r->b), 0);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    /* A second answer to the same request is refused. */
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_REFUSED);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 1);
    assert_string_equal(r->a.last_context, "job 2");
    assert_true(cr_span_equal(cr_buf_span(&r->a.last_data), cr_span_str("late")));
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter"), 0);
    assert_int_equal(rows_of(&r->a, "SELECT count(*) FROM asked"), 0);
}

/* The letter of a request, as it went out. */
static cr_span letter_of(struct end *end, cr_arena *arena)
{
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    struct m2m_parcel parcel;
    bool found = false;
    assert_int_equal(m2m_due(end->m2m, arena, lanes, &count, NULL), CR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(m2m_take(end->m2m, lanes[0], arena, &parcel, &found, NULL), CR_OK);
    assert_true(found);
    return parcel.body;
}

static enum m2m_verdict give(struct end *to, const struct m2m_party *peer, cr_span text,
                             cr_arena *arena, cr_buf *out)
{
    int64_t id = 0;
    cr_buf_reset(out);
    enum m2m_verdict verdict = m2m_receive(to->m2m, peer, text, arena, out, &id);
    if (verdict == M2M_WAIT) {
        to->pending = id;
    }
    return verdict;
}

/* The same MessageID again: the same answer, executed once; also after a restart of the SM-SR. */
static void test_repeated(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf first = {0}, again = {0};
    end_close(&r->b);
    (void)snprintf(r->b.file, sizeof r->b.file, "/tmp/crisp-m2m-%ld.db", (long)getpid());
    r->b.path = r->b.file;
    end_open(&r->b, smsr_rows);
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &first), M2M_ANSWER);
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &again), M2M_ANSWER);
    assert_true(cr_span_equal(cr_buf_span(&first), cr_buf_span(&again)));
    end_close(&r->b);
    end_open(&r->b, smsr_rows);
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &again), M2M_ANSWER);
    assert_true(cr_span_equal(cr_buf_span(&first), cr_buf_span(&again)));
    assert_int_equal(r->b.executed, 1);
    (void)unlink(r->b.file);
    char side[80];
    (void)snprintf(side, sizeof side, "%s-wal", r->b.file);
    (void)unlink(side);
    (void)snprintf(side, sizeof side, "%s-shm", r->b.file);
    (void)unlink(side);
    cr_buf_free(&first);
    cr_buf_free(&again);
    cr_arena_free(&arena);
}

/* The same length, so that the text stays as long as it was. */
static cr_span readdressed(cr_span text, cr_arena *arena)
{
    cr_span copy = cr_arena_copy(arena, text);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.p;
    size_t count = 0;
    for (size_t i = 0; i + 10 <= copy.n; i++) {
        if (memcmp(bytes + i, "https://a/", 10) == 0) {
            bytes[i + 8] = 'x';
            count++;
        }
    }
    assert_true(count > 0);
    return copy;
}

/* Who asked is gone and asks again from another address: the answer goes there, once more when it
 * was there already, and does not wait behind the one that nobody takes. */
static void test_copies(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const struct m2m_party *peer = &r->b.known[0];
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 60, &err), CR_OK);
    cr_span here = letter_of(&r->a, &arena), gone = readdressed(here, &arena);
    assert_int_equal(give(&r->b, peer, gone, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 0);
    assert_int_equal(give(&r->b, peer, here, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 1);
    assert_true(cr_span_equal(cr_buf_span(&r->a.last_data), cr_span_str("late")));
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter WHERE url = 'https://x/'"), 1);

    /* Before there is an answer. */
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job 2", 60, &err), CR_OK);
    here = letter_of(&r->a, &arena);
    gone = readdressed(here, &arena);
    assert_int_equal(give(&r->b, peer, gone, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(give(&r->b, peer, here, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(r->b.executed, 2);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 2);
    assert_string_equal(r->a.last_context, "job 2");

    /* Another function under the same MessageID is no copy. */
    cr_span other = cr_arena_copy(&arena, here);
    uint8_t *bytes = (uint8_t *)(uintptr_t)other.p;
    for (size_t i = 0; i + 13 <= other.n; i++) {
        if (memcmp(bytes + i, "EnableProfile", 13) == 0) {
            memcpy(bytes + i, "DeleteProfile", 13);
        }
    }
    assert_int_equal(give(&r->b, peer, other, &arena, &out), M2M_FAULT_SENDER);
    assert_int_equal(r->b.executed, 2);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* The answer is called back before the POST of the request has its reply, and brings forth the next
 * request: the late reply is not taken for one to that. */
static void test_overtaken(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    struct m2m_parcel parcel;
    bool found = false;
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "first", 60, &err), CR_OK);
    assert_int_equal(m2m_due(r->a.m2m, &arena, lanes, &count, &err), CR_OK);
    assert_int_equal(m2m_take(r->a.m2m, lanes[0], &arena, &parcel, &found, &err), CR_OK);
    assert_int_equal(give(&r->b, &r->b.known[0], parcel.body, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 1);
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "second", 60, &err), CR_OK);
    assert_int_equal(m2m_delivered(r->a.m2m, parcel.id, 202, (cr_span){0}, NULL, &err), CR_OK);
    assert_int_equal(rows_of(&r->a, "SELECT count(*) FROM letter"), 1);
    assert_int_equal(carry(&r->a), 1);
    assert_int_equal(r->b.executed, 2);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* The letter under another MessageID; other: with another ICCID, too. */
static cr_span repeated(cr_span letter, char digit, bool other, cr_arena *arena)
{
    char *text = cr_arena_strn(arena, letter);
    char *id = strstr(text, "MessageID");
    id = id ? strstr(id, "urn:uuid:") : NULL;
    char *iccid = strstr(text, "8900101000000000001");
    if (!id || !iccid) {
        fail_msg("no request of ours");
        return letter;
    }
    id[9] = digit;
    iccid[18] = other ? '2' : iccid[18];
    return cr_span_str(text);
}

/* The same FunctionCallIdentifier under another MessageID (off-card 7.14). */
static void test_same_call(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const struct m2m_party *peer = &r->b.known[0];
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, peer, letter, &arena, &out), M2M_ANSWER);
    cr_span first = cr_arena_copy(&arena, cr_buf_span(&out));
    cr_buf_reset(&out);
    /* the same answer, for the new message; and for the first one once more */
    assert_int_equal(give(&r->b, peer, repeated(letter, 'x', false, &arena), &arena, &out),
                     M2M_ANSWER);
    assert_int_equal(r->b.executed, 1);
    assert_non_null(strstr(cr_buf_cstr(&out), "EXECUTED_SUCCESS"));
    assert_non_null(strstr(cr_buf_cstr(&out), "urn:uuid:x"));
    assert_false(cr_span_equal(cr_buf_span(&out), first));
    cr_buf_reset(&out);
    assert_int_equal(give(&r->b, peer, letter, &arena, &out), M2M_ANSWER);
    assert_int_equal(r->b.executed, 1);
    assert_null(strstr(cr_buf_cstr(&out), "urn:uuid:x"));
    cr_buf_reset(&out);
    /* something else under that identifier is refused, each time, and changes nothing */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(give(&r->b, peer, repeated(letter, 'y', true, &arena), &arena, &out),
                         M2M_ANSWER);
        assert_non_null(strstr(cr_buf_cstr(&out), ">1.6<"));
        assert_non_null(strstr(cr_buf_cstr(&out), ">3.3<"));
        assert_int_equal(r->b.executed, 1);
        cr_buf_reset(&out);
    }
    assert_int_equal(give(&r->b, peer, repeated(letter, 'z', false, &arena), &arena, &out),
                     M2M_ANSWER);
    assert_int_equal(r->b.executed, 1);
    cr_buf_reset(&out);
    /* unless its peer is known not to be careful */
    r->b.known[0].free_calls = true;
    assert_int_equal(give(&r->b, peer, repeated(letter, 'w', true, &arena), &arena, &out),
                     M2M_ANSWER);
    assert_int_equal(r->b.executed, 2);
    r->b.known[0].free_calls = false;
    cr_buf_reset(&out);
    /* kept as long as answers are kept */
    r->now_ms += M2M_KEEP_MS + 1;
    assert_int_equal(m2m_tick(r->b.m2m, 100, &err), CR_OK);
    assert_int_equal(give(&r->b, peer, repeated(letter, 'v', true, &arena), &arena, &out),
                     M2M_ANSWER);
    assert_int_equal(r->b.executed, 3);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* Whoever else has that identifier has another call. */
static void test_same_call_of_another(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    assert_int_equal(ask(r, SOAP_GET_EIS, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &out), M2M_ANSWER);
    char *text = cr_arena_strn(&arena, letter), *oid;
    while ((oid = strstr(text, "EntityId=1.2.10"))) {
        memcpy(oid, "EntityId=1.2.40", 15);
    }
    cr_buf_reset(&out);
    assert_int_equal(give(&r->b, &r->b.known[2], cr_span_str(text), &arena, &out), M2M_ANSWER);
    assert_int_equal(r->b.executed, 2);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* Repeated while it is executed: one answer, for the message that came last. */
static void test_same_call_open(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const struct m2m_party *peer = &r->b.known[0];
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, peer, readdressed(letter, &arena), &arena, &out), M2M_ACCEPTED);
    assert_int_equal(give(&r->b, peer, repeated(letter, 'x', false, &arena), &arena, &out),
                     M2M_ACCEPTED);
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter WHERE url = 'https://a/'"), 1);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter"), 1);
    /* the callback got lost: it comes once more, where the last message wants it */
    assert_int_equal(give(&r->b, peer, repeated(letter, 'y', false, &arena), &arena, &out),
                     M2M_ACCEPTED);
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter"), 2);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM inbox"), 1);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* What ran out of time is not settled by asking: it is executed again. */
static void test_same_call_expired(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const struct m2m_party *peer = &r->b.known[0];
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 600, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, peer, letter, &arena, &out), M2M_WAIT);
    assert_int_equal(m2m_held(r->b.m2m, r->b.pending, true, &arena, &out), M2M_ANSWER);
    r->b.later = false;
    for (int i = 0; i < 2; i++) {
        cr_buf_reset(&out);
        assert_int_equal(
            give(&r->b, peer, repeated(letter, (char)('x' + i), false, &arena), &arena, &out),
            M2M_ANSWER);
        assert_non_null(strstr(cr_buf_cstr(&out), "EXECUTED_SUCCESS"));
        assert_int_equal(r->b.executed, 2);
    }
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* A handler that fails undoes what it did; the failure is the answer, and stays the answer. */
static void test_failed(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf first = {0}, again = {0};
    r->b.refuse = true;
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &first), M2M_ANSWER);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM executed"), 0);
    r->b.refuse = false;
    assert_int_equal(give(&r->b, &r->b.known[0], letter, &arena, &again), M2M_ANSWER);
    assert_true(cr_span_equal(cr_buf_span(&first), cr_buf_span(&again)));
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(carry(&r->a), 1);
    assert_int_equal(r->a.last_status, SOAP_FAILED);
    assert_false(r->a.last_none);
    assert_string_equal(r->a.last_subject, "8.2.3");
    assert_string_equal(r->a.last_reason, "3.8");
    cr_buf_free(&first);
    cr_buf_free(&again);
    cr_arena_free(&arena);
}

/* Who speaks, in whose name, to whom, and in which role. */
static void test_identity(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    assert_int_equal(give(&r->b, NULL, letter, &arena, &out), M2M_FORBIDDEN);
    assert_int_equal(give(&r->b, &r->b.known[2], letter, &arena, &out), M2M_FORBIDDEN);
    /* The role: POL2 is never for an M2M SP. */
    char *text = cr_arena_strn(&arena, letter);
    char *from = strstr(text, "EntityId=1.2.10");
    memcpy(from, "EntityId=1.2.30", 15);
    assert_int_equal(give(&r->b, &r->b.known[1], cr_span_str(text), &arena, &out), M2M_ANSWER);
    assert_non_null(strstr(cr_buf_cstr(&out), "<rps3:Subject>1.6</rps3:Subject>"));
    assert_non_null(strstr(cr_buf_cstr(&out), "<rps3:Reason>1.2</rps3:Reason>"));
    /* Meant for somebody else. */
    text = cr_arena_strn(&arena, letter);
    memcpy(strstr(text, "EntityId=1.2.20"), "EntityId=1.2.21", 15);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_span_str(text), &arena, &out),
                     M2M_FAULT_SENDER);
    /* Not offered: DeleteProfile has no handler here. */
    assert_int_equal(ask(r, SOAP_DELETE_PROFILE, "job", 60, &err), CR_OK);
    assert_int_equal(r->b.executed, 0);
    (void)carry(&r->a);
    assert_int_equal(carry(&r->b), 1); /* the failure is called back */
    assert_string_equal(r->a.last_subject, "1.6");
    assert_string_equal(r->a.last_reason, "3.1");
    assert_int_equal(r->b.executed, 1); /* the first letter, meanwhile */
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static void test_bad_messages(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    assert_int_equal(give(&r->b, &r->b.known[0], cr_span_str("no xml"), &arena, &out),
                     M2M_FAULT_SENDER);
    assert_non_null(strstr(cr_buf_cstr(&out), "Fault"));
    assert_int_equal(give(&r->b, &r->b.known[0], (cr_span){0}, &arena, &out), M2M_FAULT_SENDER);
    /* A value that is wrong in a message that can be answered is answered, not faulted. */
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    char *text = cr_arena_strn(&arena, letter_of(&r->a, &arena));
    memcpy(strstr(text, "<rps3:Iccid>8"), "<rps3:Iccid>X", 13);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_span_str(text), &arena, &out), M2M_ANSWER);
    assert_non_null(strstr(cr_buf_cstr(&out), "<rps3:Reason>2.1</rps3:Reason>"));
    assert_int_equal(r->b.executed, 0);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static void test_poll(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0}, text = {0};
    r->b.later = true;
    struct soap_message m = {.kind = SOAP_REQUEST,
                             .function = soap_function(SOAP_ES4, SOAP_ENABLE_PROFILE)};
    m.header.from =
        (struct soap_end){.uri = cr_span_str("https://a/"), .entity_id = cr_span_str("1.2.10")};
    m.header.message_id = cr_span_str("//1.2.10/1");
    m.header.reply = SOAP_REPLY_POLL;
    m.header.poll_address = cr_span_str(SOAP_POLL_ANONYMOUS "?id=1");
    m.body.function_call_identifier = cr_span_str("x");
    m.body.eid = CR_SPAN_ARRAY(EID);
    m.body.iccid = cr_span_str("8900101000000000001");
    assert_int_equal(soap_build(&m, NULL, &text, &err), CR_OK);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_buf_span(&text), &arena, &out), M2M_ACCEPTED);
    struct soap_message poll = {
        .kind = SOAP_MAKE_CONNECTION,
        .header = {.message_id = cr_span_str("//1.2.10/2"), .poll_address = m.header.poll_address}};
    cr_buf_reset(&text);
    assert_int_equal(soap_build(&poll, NULL, &text, &err), CR_OK);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_buf_span(&text), &arena, &out), M2M_ACCEPTED);
    assert_int_equal(out.n, 0);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(carry(&r->b), 0); /* kept, not called back */
    /* Only for the one who asked; again and again, should the answer be lost. */
    assert_int_equal(give(&r->b, &r->b.known[1], cr_buf_span(&text), &arena, &out), M2M_ACCEPTED);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_buf_span(&text), &arena, &out), M2M_ANSWER);
    assert_int_equal(give(&r->b, &r->b.known[0], cr_buf_span(&text), &arena, &out), M2M_ANSWER);
    assert_non_null(strstr(cr_buf_cstr(&out), "ES4-EnableProfileResponse"));
    cr_buf_free(&out);
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

/* A request without ReplyTo whose answer takes longer. */
static void test_held(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 600, &err), CR_OK);
    cr_span letter = letter_of(&r->a, &arena);
    for (int expired = 0; expired < 2; expired++) {
        char *text = cr_arena_strn(&arena, letter);
        /* another MessageID, and another call */
        for (char *id = text; (id = strstr(id, "urn:uuid:")); id++) {
            id[9] = (char)('a' + expired);
        }
        assert_int_equal(give(&r->b, &r->b.known[0], cr_span_str(text), &arena, &out), M2M_WAIT);
        assert_int_equal(m2m_held(r->b.m2m, r->b.pending, false, &arena, &out), M2M_WAIT);
        if (expired) {
            assert_int_equal(m2m_held(r->b.m2m, r->b.pending, true, &arena, &out), M2M_ANSWER);
            assert_non_null(strstr(cr_buf_cstr(&out), "EXPIRED"));
            assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_REFUSED);
        } else {
            assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
            assert_int_equal(m2m_held(r->b.m2m, r->b.pending, false, &arena, &out), M2M_ANSWER);
            assert_non_null(strstr(cr_buf_cstr(&out), "EXECUTED_SUCCESS"));
        }
        cr_buf_reset(&out);
    }
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* Without its ReplyTo. */
static cr_span awaited(cr_span text, cr_arena *arena)
{
    static const char end[] = "</wsa:ReplyTo>";
    char *copy = cr_arena_strn(arena, text);
    char *from = strstr(copy, "<wsa:ReplyTo>"), *to = strstr(copy, end);
    assert_true(from && to);
    to += strlen(end);
    memmove(from, to, strlen(to) + 1);
    return cr_span_str(copy);
}

/* Who waited asks again and wants to be called back: the connection that is left behind neither
 * gets the answer nor ends the request when its time is over. */
static void test_held_left(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    const struct m2m_party *peer = &r->b.known[0];
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 600, &err), CR_OK);
    cr_span called_back = letter_of(&r->a, &arena);
    cr_span here = awaited(called_back, &arena);
    assert_int_equal(give(&r->b, peer, here, &arena, &out), M2M_WAIT);
    assert_int_equal(give(&r->b, peer, called_back, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(r->b.executed, 1);
    assert_int_equal(m2m_held(r->b.m2m, r->b.pending, false, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(m2m_held(r->b.m2m, r->b.pending, true, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter"), 0);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(m2m_held(r->b.m2m, r->b.pending, false, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 1);
    assert_int_equal(r->a.last_status, SOAP_EXECUTED_SUCCESS);
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* A notification that arrives twice is one event. */
static void test_notification(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    assert_int_equal(store_run(r->b.store, notify_work, &r->b, &err), CR_OK);
    cr_span letter = letter_of(&r->b, &arena);
    assert_int_equal(give(&r->a, &r->a.known[0], letter, &arena, &out), M2M_ACCEPTED);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.notified, 1);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM letter"), 0);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* A peer that is down: tried again, later and later; what goes to it about one eUICC keeps its
 * order; when the time is over the procedure hears of it. */
static void test_down(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    r->b_is_down = true;
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "first", 3600, &err), CR_OK);
    assert_int_equal(ask(r, SOAP_GET_EIS, "second", 3600, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1); /* the second waits behind the first */
    assert_int_equal(carry(&r->a), 0);
    r->now_ms += 999;
    assert_int_equal(carry(&r->a), 0);
    r->now_ms += 1;
    assert_int_equal(carry(&r->a), 1);
    r->now_ms += 1000;
    assert_int_equal(carry(&r->a), 0); /* 2 s now */
    r->now_ms += 1000;
    r->b_is_down = false;
    assert_int_equal(carry(&r->a), 2);
    assert_int_equal(r->a.answers, 2);
    assert_string_equal(r->a.last_context, "second");

    r->b_is_down = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "third", 10, &err), CR_OK);
    for (int i = 0; i < 8; i++) {
        (void)carry(&r->a);
        r->now_ms += 1500;
    }
    assert_int_equal(r->a.answers, 3);
    assert_string_equal(r->a.last_context, "third");
    assert_string_equal(r->a.last_subject, "8.7");
    assert_string_equal(r->a.last_reason, "5.1");
    assert_int_equal(rows_of(&r->a, "SELECT (SELECT count(*) FROM asked) + count(*) FROM letter"),
                     0);
}

/* Accepted, and then nothing: EXPIRED when the other side could have said so itself, and a late
 * answer changes nothing. */
static void test_expired(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 600, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1);
    r->now_ms += 600000 + M2M_PATIENCE_MS - 1;
    assert_int_equal(m2m_tick(r->a.m2m, 100, &err), CR_OK);
    assert_int_equal(r->a.answers, 0);
    r->now_ms += 1;
    assert_int_equal(m2m_tick(r->a.m2m, 100, &err), CR_OK);
    assert_int_equal(r->a.answers, 1);
    assert_int_equal(r->a.last_status, SOAP_EXPIRED);
    assert_true(r->a.last_none);
    assert_string_equal(r->a.last_subject, "1.6");
    assert_string_equal(r->a.last_reason, "5.3");
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    assert_int_equal(carry(&r->b), 1);
    assert_int_equal(r->a.answers, 1);
    /* Asking with no time left is refused. */
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 0, &err), CR_REFUSED);
}

/* A callback without RelatesTo goes to the only open request of its transaction. */
static void test_callback_without_relates_to(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf out = {0};
    r->b.later = true;
    assert_int_equal(ask(r, SOAP_ENABLE_PROFILE, "job", 600, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1);
    assert_int_equal(store_run(r->b.store, answer_work, &r->b, &err), CR_OK);
    char *text = cr_arena_strn(&arena, letter_of(&r->b, &arena));
    char *from = strstr(text, "<wsa:RelatesTo>");
    char *to = strstr(text, "</wsa:RelatesTo>") + strlen("</wsa:RelatesTo>");
    memmove(from, to, strlen(to) + 1);
    /* From another party it answers nothing. */
    assert_int_equal(give(&r->a, &r->a.known[1], cr_span_str(text), &arena, &out), M2M_FORBIDDEN);
    assert_int_equal(give(&r->a, &r->a.known[0], cr_span_str(text), &arena, &out), M2M_ACCEPTED);
    assert_int_equal(r->a.answers, 1);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static cr_status notify_mute(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct end *end = ctx;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(EID),
                             .iccid = cr_span_str("8900101000000000001"),
                             .has_completion_timestamp = true};
    return m2m_notify(end->m2m, tx, &end->known[2], soap_function(SOAP_ES4, SOAP_PROFILE_ENABLED),
                      &body, err);
}

static void test_no_address(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    assert_int_equal(store_run(r->b.store, notify_mute, &r->b, &err), CR_REFUSED);
    assert_non_null(strstr(err.next, "[party mute]"));
}

static void test_old_rows_go(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    assert_int_equal(ask(r, SOAP_UPDATE_POLICY_RULES, "job", 60, &err), CR_OK);
    assert_int_equal(carry(&r->a), 1);
    r->now_ms += M2M_KEEP_MS;
    assert_int_equal(m2m_tick(r->b.m2m, 100, &err), CR_OK);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM inbox"), 1);
    r->now_ms += 1;
    assert_int_equal(m2m_tick(r->b.m2m, 100, &err), CR_OK);
    assert_int_equal(rows_of(&r->b, "SELECT count(*) FROM inbox"), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_answer_here),
        TEST(test_called_back),
        TEST(test_repeated),
        TEST(test_copies),
        TEST(test_same_call),
        TEST(test_same_call_of_another),
        TEST(test_same_call_open),
        TEST(test_same_call_expired),
        TEST(test_overtaken),
        TEST(test_failed),
        TEST(test_identity),
        TEST(test_bad_messages),
        TEST(test_poll),
        TEST(test_held),
        TEST(test_held_left),
        TEST(test_notification),
        TEST(test_down),
        TEST(test_expired),
        TEST(test_callback_without_relates_to),
        TEST(test_no_address),
        TEST(test_old_rows_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
