/*
 * A peer for black-box tests of SGP.02 clients: an SM-DP or SM-SR that offers every function of its
 * interfaces, writes down what it was asked, and answers with a full message.
 *
 *     m2m_peer PARTIES.ini PORT_FILE LOG_FILE
 *
 * The last digits of the ICCID ask for another answer: 38 refused by POL2, 53 expired, 77 done with
 * a warning, 99 none at all. Functions that need an eUICC are answered later. After EnableProfile
 * on ES4 the caller gets the notification. Ends with SIGTERM.
 */
#include "../soap/fill.h"
#include "base/file.h"
#include "m2m/service.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PENDING 64
#define TICK_MS     50

struct job {
    int64_t id;
    const struct soap_function *function;
    const struct m2m_party *caller;
    char iccid[32];
    uint8_t eid[SOAP_EID_SIZE];
};

struct peer {
    const char *log;
    struct store *store;
    struct m2m *m2m;
    pthread_mutex_t lock; /* of what follows */
    struct job jobs[MAX_PENDING];
    size_t count;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- what was asked ----------------------------------------------------------------------------
 */

static void put_value(const struct soap_row *row, const void *value, cr_buf *out);

static void put_row(const struct soap_row *row, const void *base, cr_buf *out)
{
    const uint8_t *value = (const uint8_t *)base + row->offset;
    size_t count = 1;
    if (!soap_row_present(row, base)) {
        return;
    }
    if (row->flags & SOAP_REPEATED) {
        const struct soap_list *list = (const void *)value;
        count = list->count;
        value = list->items;
    }
    for (size_t i = 0; i < count; i++) {
        cr_buf_appendf(out, " %s=", row->name);
        put_value(row, value + i * soap_row_size(row), out);
    }
}

static void put_value(const struct soap_row *row, const void *value, cr_buf *out)
{
    if (row->kind != SOAP_COMPLEX) {
        soap_row_text(row, value, out);
        return;
    }
    cr_buf_append_byte(out, '{');
    for (const struct soap_row *r = row->type->rows; r->name; r++) {
        put_row(r, value, out);
    }
    cr_buf_append_str(out, " }");
}

static void write_down(struct peer *p, const struct m2m_call *call, const struct soap_body *body)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    cr_buf line = {0};
    cr_buf_appendf(&line, "%s %s by %s reply=%d", soap_interface_name(call->function->interface),
                   call->function->name, call->caller->name, (int)call->header->reply);
    soap_message_uses(call->function, SOAP_REQUEST, uses, &count);
    for (size_t i = 0; i < count; i++) {
        put_row(&soap_elements[uses[i].element], body, &line);
    }
    FILE *f = fopen(p->log, "a");
    if (f) {
        (void)fprintf(f, "%.*s\n", (int)line.n, (const char *)line.p);
        (void)fclose(f);
    }
    cr_buf_free(&line);
}

/* ---- answers -----------------------------------------------------------------------------------
 */

static bool ends_with(const char *iccid, const char *digits)
{
    size_t n = strlen(iccid);
    return n >= 2 && strcmp(iccid + n - 2, digits) == 0;
}

static cr_status make_answer(const struct soap_function *f, const char *iccid, cr_arena *arena,
                             struct soap_body *out, struct cr_err *err)
{
    if (ends_with(iccid, "38")) {
        return cr_refuse(err, "8.2.3", "3.8", NULL, "POL2 of\x1b[31m the profile says no");
    }
    if (ends_with(iccid, "53")) {
        return cr_refuse(err, "1.6", "5.3", NULL, "the eUICC did not answer");
    }
    struct soap_message m = {0};
    fill_message(&m, f, SOAP_RESPONSE, false, arena);
    *out = m.body;
    out->status = (struct soap_status){.status = SOAP_EXECUTED_SUCCESS};
    if (ends_with(iccid, "77")) {
        out->status = (struct soap_status){.status = SOAP_EXECUTED_WITHWARNING,
                                           .has_code = true,
                                           .code = {.subject = cr_span_str("8.2"),
                                                    .reason = cr_span_str("4.3"),
                                                    .message = cr_span_str("nearly")}};
    }
    return CR_OK;
}

static cr_status on_request(void *ctx, struct m2m_call *call, const struct soap_body *request,
                            struct soap_body *response, struct cr_err *err)
{
    struct peer *p = ctx;
    struct job job = {.id = call->id, .function = call->function, .caller = call->caller};
    if (request->iccid.n && request->iccid.n < sizeof job.iccid) {
        memcpy(job.iccid, request->iccid.p, request->iccid.n);
    }
    if (request->eid.n == sizeof job.eid) {
        memcpy(job.eid, request->eid.p, sizeof job.eid);
    }
    write_down(p, call, request);
    if (call->function->pattern == SOAP_SYNC && !ends_with(job.iccid, "99")) {
        return make_answer(call->function, job.iccid, call->arena, response, err);
    }
    call->later = true;
    (void)pthread_mutex_lock(&p->lock);
    if (p->count < MAX_PENDING && !ends_with(job.iccid, "99")) {
        p->jobs[p->count++] = job;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return CR_OK;
}

struct ending {
    struct peer *p;
    struct job job;
};

static cr_status end_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct ending *e = ctx;
    struct soap_body body = {0};
    struct cr_err why = {0};
    cr_arena arena = {0};
    if (make_answer(e->job.function, e->job.iccid, &arena, &body, &why) != CR_OK) {
        body = (struct soap_body){.has_status = true};
        soap_status_from_err(&why, &arena, &body.status);
    }
    cr_status status = m2m_answer(e->p->m2m, tx, e->job.id, &body, err);
    if (status == CR_OK && e->job.function->id == SOAP_ENABLE_PROFILE &&
        e->job.function->interface == SOAP_ES4) {
        const struct soap_body notice = {.eid = CR_SPAN_ARRAY(e->job.eid),
                                         .iccid = cr_span_str(e->job.iccid),
                                         .has_completion_timestamp = true,
                                         .completion_timestamp = 1767225600000};
        status = m2m_notify(e->p->m2m, tx, e->job.caller,
                            soap_function(SOAP_ES4, SOAP_PROFILE_ENABLED), &notice, err);
    }
    cr_arena_free(&arena);
    return status;
}

static void end_jobs(struct peer *p)
{
    struct ending e = {.p = p};
    struct cr_err err = {0};
    for (;;) {
        (void)pthread_mutex_lock(&p->lock);
        bool there = p->count > 0;
        if (there) {
            e.job = p->jobs[--p->count];
        }
        (void)pthread_mutex_unlock(&p->lock);
        if (!there) {
            return;
        }
        if (store_run(p->store, end_work, &e, &err) != CR_OK) {
            (void)fprintf(stderr, "m2m_peer: %s\n", err.cause);
        }
        m2m_poke(p->m2m);
    }
}

/* ---- life --------------------------------------------------------------------------------------
 */

static void offer(enum soap_party role, struct m2m_row rows[SOAP_FUNCTIONS + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        bool ours = role == SOAP_SMDP ? f->interface == SOAP_ES2 : f->interface != SOAP_ES2;
        if (ours && f->pattern != SOAP_NOTIFICATION) {
            rows[n++] = (struct m2m_row){(enum soap_interface)f->interface, (enum soap_name)f->id,
                                         on_request};
        }
    }
    rows[n] = (struct m2m_row){0, 0, NULL};
}

static int failed(const struct cr_err *err)
{
    (void)fprintf(stderr, "m2m_peer: %s\n", err->cause);
    return 1;
}

static int serve(struct peer *p, const char *port_file)
{
    const struct m2m_service_options options = {.m2m = p->m2m, .workers = 8};
    struct m2m_service *service = NULL;
    struct cr_err err = {0};
    char port[16];
    if (m2m_service_start(&options, &service, &err) != CR_OK) {
        return failed(&err);
    }
    (void)snprintf(port, sizeof port, "%u\n", m2m_service_port(service));
    if (cr_file_write(port_file, cr_span_str(port), 0644, &err) != CR_OK) {
        m2m_service_stop(service);
        return failed(&err);
    }
    while (!stop) {
        (void)usleep(TICK_MS * 1000);
        end_jobs(p);
        m2m_service_tick(service);
    }
    m2m_service_stop(service);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct store_migration steps[] = {{1, m2m_schema}};
    const struct store_options memory = {
        .url = ":memory:", .migrations = steps, .migration_count = 1};
    struct m2m_row rows[SOAP_FUNCTIONS + 1];
    struct m2m_parties parties = {0};
    struct peer p = {.log = argc == 4 ? argv[3] : NULL};
    struct cr_err err = {0};
    if (argc != 4) {
        (void)fprintf(stderr, "usage: m2m_peer PARTIES.ini PORT_FILE LOG_FILE\n");
        return 2;
    }
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)pthread_mutex_init(&p.lock, NULL);
    if (m2m_parties_load(argv[1], &parties, &err) != CR_OK ||
        store_open(&memory, &p.store, &err) != CR_OK) {
        return failed(&err);
    }
    offer(parties.role, rows);
    const struct m2m_options options = {
        .store = p.store, .parties = &parties, .env = cr_env_system(), .rows = rows, .ctx = &p};
    if (m2m_new(&options, &p.m2m, &err) != CR_OK) {
        return failed(&err);
    }
    int code = serve(&p, argv[2]);
    m2m_free(p.m2m);
    store_close(p.store);
    m2m_parties_free(&parties);
    (void)pthread_mutex_destroy(&p.lock);
    return code;
}
