/*
 * crisp operator listen: prints notifications as they come.
 */
#include "cli/json_line.h"
#include "cli/operator.h"

#include "base/text.h"
#include "m2m/service.h"

#include <pthread.h>
#include <unistd.h>

#define TICK_MS 100

struct listen_values {
    struct cli_m2m_values m2m;
    int64_t count;
};

struct listening {
    struct cli *cli;
    const struct listen_values *v;
    pthread_mutex_t lock; /* of the output and of what follows */
    int64_t printed;
};

/* Printed before it is acknowledged: what could not be written is sent again. */
static cr_status on_notification(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                                 struct soap_body *response, struct cr_err *err)
{
    struct listening *l = ctx;
    struct cli *cli = l->cli;
    const struct soap_message m = {
        .kind = SOAP_NOTICE, .function = call->function, .body = *notice};
    char when[CR_TIME_TEXT];
    (void)response;
    (void)cr_time_format(when, call->now_ms);
    (void)pthread_mutex_lock(&l->lock);
    if (l->v->count > 0 && l->printed >= l->v->count) {
        (void)pthread_mutex_unlock(&l->lock);
        return cr_fail(err, CR_RESOURCE, NULL, "enough were printed"); /* the sender keeps it */
    }
    if (l->v->m2m.json) {
        json_t *extra = json_object();
        cli_json_text(extra, "received", when);
        cli_json_text(extra, "from", call->caller->name);
        cli_m2m_print(cli, &m, true, extra);
    } else {
        (void)fprintf(cli->out, "%s %s %s from %s\n", when,
                      soap_interface_name(call->function->interface), call->function->name,
                      call->caller->name);
        cli_m2m_print(cli, &m, false, NULL);
    }
    bool written = fflush(cli->out) == 0 && !ferror(cli->out);
    l->printed += written;
    (void)pthread_mutex_unlock(&l->lock);
    return written ? CR_OK : cr_fail(err, CR_RESOURCE, NULL, "it could not be printed");
}

void cli_operator_notices(m2m_handler handler, struct m2m_row rows[SOAP_FUNCTIONS + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->pattern == SOAP_NOTIFICATION &&
            (f->interface == SOAP_ES2 || f->interface == SOAP_ES4)) {
            rows[n++] =
                (struct m2m_row){(enum soap_interface)f->interface, (enum soap_name)f->id, handler};
        }
    }
    rows[n] = (struct m2m_row){0, 0, NULL};
}

static bool enough(struct listening *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool all = l->v->count > 0 && l->printed >= l->v->count;
    (void)pthread_mutex_unlock(&l->lock);
    return all;
}

static cr_status serve(struct listening *l, struct m2m *m2m, const struct m2m_parties *parties,
                       struct cr_err *err)
{
    struct m2m_service_options options = {.m2m = m2m, .workers = 4, .deliverers = 1};
    struct m2m_service *service = NULL;
    CR_TRY(cli_m2m_listener(l->cli, parties, l->v->m2m.listen, &options.host, &options.port, err));
    cli_catch_signals();
    CR_TRY(m2m_service_start(&options, &service, err));
    (void)fprintf(l->cli->err, "%s listens on %s:%u\n", parties->name ? parties->name : "operator",
                  options.host ? options.host : "127.0.0.1", m2m_service_port(service));
    (void)fflush(l->cli->err);
    while (!cli_stop && !enough(l)) {
        (void)usleep(TICK_MS * 1000);
        m2m_service_tick(service);
    }
    m2m_service_stop(service); /* what has begun is answered first */
    return CR_OK;
}

static cr_status run(struct listening *l, struct cr_err *err)
{
    static const struct store_migration steps[] = {{1, m2m_schema}};
    const struct store_options memory = {
        .url = ":memory:", .migrations = steps, .migration_count = 1};
    struct m2m_row rows[SOAP_FUNCTIONS + 1];
    struct m2m_parties parties = {0};
    struct store *store = NULL;
    struct m2m *m2m = NULL;
    cli_operator_notices(on_notification, rows);
    cr_status status = cli_m2m_parties(l->cli, l->v->m2m.parties, OPERATOR_ROLES, &parties, err);
    if (status == CR_OK) {
        status = store_open(&memory, &store, err);
    }
    if (status == CR_OK) {
        const struct m2m_options options = {
            .store = store, .parties = &parties, .env = l->cli->env, .rows = rows, .ctx = l};
        status = m2m_new(&options, &m2m, err);
    }
    if (status == CR_OK) {
        status = serve(l, m2m, &parties, err);
    }
    m2m_free(m2m);
    store_close(store);
    m2m_parties_free(&parties);
    return status;
}

static int listen_run(struct cli *cli, const void *values)
{
    struct listening l = {.cli = cli, .v = values};
    struct cr_err err = {0};
    (void)pthread_mutex_init(&l.lock, NULL);
    cr_status status = run(&l, &err);
    (void)pthread_mutex_destroy(&l.lock);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, l.v->m2m.json);
}

static const struct cli_option options[] = {
    CLI_M2M_PARTIES_ROW(offsetof(struct listen_values, m2m)),
    {.name = "listen",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .help = "Where to listen; port 0 takes a free one. The address of the file unless given.",
     .offset = offsetof(struct listen_values, m2m.listen)},
    {.name = "count",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "End after so many notifications; 0: until it is stopped.",
     .fallback = "0",
     .min = 0,
     .max = 1000000000,
     .offset = offsetof(struct listen_values, count)},
    CLI_M2M_JSON_ROW(offsetof(struct listen_values, m2m)),
};

const struct cli_command cli_operator_listen = {
    .name = "listen",
    .summary = "print notifications as they come",
    .description =
        "Takes the notifications of SM-DPs and SM-SRs (ES2, ES4) at the address of the file and "
        "prints each once, before it is acknowledged. Repetitions that come within one run are "
        "acknowledged and not printed again.",
    .options = options,
    .option_count = CR_COUNT(options),
    .values_size = sizeof(struct listen_values),
    .run = listen_run,
    .examples = "# for a program\n"
                "crisp operator listen --parties lab/operator-a.ini --json",
};
