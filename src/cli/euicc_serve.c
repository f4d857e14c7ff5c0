/*
 * crisp euicc serve: chips in virtual readers.
 */
#include "cli/euicc.h"

#include "cli/euicc_record.h"
#include "cli/progress.h"
#include "cli/units.h"

#include "base/text.h"
#include "euicc/euicc.h"
#include "lab/chip.h"
#include "lab/exchange.h"
#include "net/vpcd.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_CHIPS   4096
#define MAX_THREADS 256

struct serve_values {
    struct cli_list dirs, faults;
    const char *vpcd, *listen, *record, *pki;
    int64_t many;
    bool trace, one_port, fault_exit, fault_help;
};

struct serve;

/* One chip in one slot. */
struct chip {
    struct serve *serve;
    const char *name; /* its directory, or "chip 7" */
    const char *dir;  /* NULL = RAM */
    struct nvm *nvm;  /* RAM, until it is opened */
    struct lab_chip *lab;
    struct lab_session session; /* what the trace follows */
    uint64_t exchanges;
    bool cut;      /* take it out of the reader */
    bool finished; /* it does not go in again: broken, or --fault-exit */
    struct cr_err err;
};

struct serve {
    struct cli *cli;
    const struct serve_values *v;
    struct chip *chips;
    struct vpcd_slot *slots;
    size_t count;
    int64_t started_ms;
    struct cli_record *record; /* NULL = none */
    pthread_mutex_t lines;     /* of the trace */
};

/* A share of the slots. */
struct worker {
    struct serve *serve;
    pthread_t thread;
    size_t from, count;
    bool running;
    cr_status status;
    struct cr_err err;
};

/* ---- the trace ---------------------------------------------------------------------------------
 */

static void put_trace(struct chip *chip, const char *text)
{
    struct serve *s = chip->serve;
    int64_t ms = cr_now_ms(s->cli->env) - s->started_ms;
    (void)pthread_mutex_lock(&s->lines);
    (void)fprintf(s->cli->out, "%lld.%03lld ", (long long)(ms / 1000), (long long)(ms % 1000));
    if (s->count > 1) {
        (void)fprintf(s->cli->out, "%s: ", chip->name);
    }
    (void)fprintf(s->cli->out, "%s\n", text);
    (void)fflush(s->cli->out);
    (void)pthread_mutex_unlock(&s->lines);
}

static void trace_exchange(struct chip *chip, cr_span command, cr_span response)
{
    cr_buf line = {0};
    cr_buf_appendf(&line, "%llu: ", (unsigned long long)chip->exchanges);
    lab_exchange_text(&chip->session, command, response, &line);
    const char *text = cr_buf_cstr(&line);
    put_trace(chip, text ? text : "?");
    cr_buf_free(&line);
}

/* ---- the card ----------------------------------------------------------------------------------
 */

static void broken(struct chip *chip)
{
    chip->finished = true;
    cr_log(chip->serve->cli->env, CR_LOG_ERROR, "%s: %s", chip->name, chip->err.cause);
}

static void power_event(struct chip *chip, enum lab_event_kind kind)
{
    static const char *const texts[] = {
        [LAB_POWER_ON] = "power on", [LAB_POWER_OFF] = "power off", [LAB_POWER_RESET] = "reset"};
    cli_record_enter(chip->lab);
    if (!chip->finished && lab_chip_power(chip->lab, kind, &chip->err) != CR_OK) {
        broken(chip);
    }
    cli_record_leave();
    if (chip->serve->v->trace) {
        lab_session_reset(&chip->session);
        put_trace(chip, texts[kind]);
    }
}

static void power(void *ctx, bool on)
{
    power_event(ctx, on ? LAB_POWER_ON : LAB_POWER_OFF);
}

static void reset(void *ctx)
{
    power_event(ctx, LAB_POWER_RESET);
}

static void atr(void *ctx, cr_buf *out)
{
    const struct chip *chip = ctx;
    if (!chip->finished) {
        euicc_atr(lab_chip_euicc(chip->lab), out);
    }
}

static void sleep_ms(unsigned ms)
{
    for (unsigned gone = 0; gone < ms && !cli_stop; gone += 50) {
        unsigned part = ms - gone < 50 ? ms - gone : 50;
        (void)usleep(part * 1000);
    }
}

static void was_cut(struct chip *chip)
{
    struct serve *s = chip->serve;
    chip->cut = true;
    if (s->v->trace) {
        put_trace(chip, "the power was cut by a fault, the answer is lost");
        lab_session_reset(&chip->session);
    }
    cr_log(s->cli->env, CR_LOG_WARNING, "%s: power cut by a fault behind command %llu", chip->name,
           (unsigned long long)chip->exchanges);
    chip->finished = chip->finished || s->v->fault_exit;
}

static void transmit(void *ctx, cr_span command, cr_buf *response)
{
    struct chip *chip = ctx;
    size_t before = response->n;
    bool cut = false;
    struct cr_err err = {0};
    if (chip->finished) {
        chip->cut = true;
        return;
    }
    chip->exchanges++;
    cli_record_enter(chip->lab);
    cr_status status = lab_chip_transmit(chip->lab, command, response, &cut, sleep_ms, &err);
    cli_record_leave();
    if (cut && status != CR_OK) { /* it did not come back */
        chip->err = err;
        broken(chip);
    } else if (status != CR_OK) {
        cr_log(chip->serve->cli->env, CR_LOG_ERROR, "%s: %s", chip->name, err.cause);
    }
    if (chip->serve->v->trace) {
        trace_exchange(chip, command, cr_span_sub(cr_buf_span(response), before, SIZE_MAX));
    }
    if (cut) {
        was_cut(chip);
    } else if (response->n < before + 2) {
        cr_buf_append_be(response, 0x6F00, 2);
    }
}

/* ---- the reader --------------------------------------------------------------------------------
 */

static void reader_event(void *ctx, enum vpcd_event event, const struct cr_err *err)
{
    struct chip *chip = ctx;
    struct serve *s = chip->serve;
    const struct vpcd_slot *slot = &s->slots[chip - s->chips];
    const char *host = slot->host ? slot->host : "127.0.0.1";
    switch (event) {
    case VPCD_WAITING:
        if (slot->listen) {
            cr_log(s->cli->env, CR_LOG_WARNING, "%s: %s. Waiting", chip->name, err->cause);
            break;
        }
        cr_log(s->cli->env, CR_LOG_WARNING,
               "%s: no reader at %s:%u yet (%s): is pcscd running with vsmartcard-vpcd? Waiting",
               chip->name, host, slot->port, err->cause);
        break;
    case VPCD_INSERTED:
        if (s->count <= 64) {
            cr_log(s->cli->env, CR_LOG_INFO, "%s: EID %s is in the reader at %s:%u", chip->name,
                   euicc_eid(lab_chip_euicc(chip->lab)), host, slot->port);
        }
        break;
    case VPCD_GONE:
        if (!cli_stop && s->count <= 64) {
            cr_log(s->cli->env, CR_LOG_INFO, "%s: the reader is gone", chip->name);
        }
        power_event(chip, LAB_POWER_OFF);
        break;
    case VPCD_REMOVED:
        break;
    case VPCD_BROKEN:
        cr_log(s->cli->env, CR_LOG_ERROR, "%s: %s", chip->name, err->cause);
        power_event(chip, LAB_POWER_OFF);
        break;
    }
}

static bool is_finished(void *ctx)
{
    return ((struct chip *)ctx)->finished;
}

/* ---- making them -------------------------------------------------------------------------------
 */

/* Where each chip goes; nothing is opened yet. */
static cr_status place_chips(struct serve *s, struct cr_err *err)
{
    const char *host = NULL;
    uint16_t port = VPCD_PORT;
    bool listens = s->v->listen != NULL;
    CR_TRY(cli_host_port(&s->cli->arena, listens ? s->v->listen : s->v->vpcd, &host, &port, err));
    size_t ports = s->v->one_port ? 1 : s->count;
    if (port == 0 || (size_t)port + ports - 1 > UINT16_MAX) {
        return cr_fail(err, CR_REFUSED, NULL, "port %u does not leave room for %zu readers", port,
                       s->count);
    }
    for (size_t i = 0; i < s->count; i++) {
        s->slots[i] = (struct vpcd_slot){
            .card = {.ctx = &s->chips[i],
                     .power = power,
                     .reset = reset,
                     .atr = atr,
                     .transmit = transmit,
                     .removed = &s->chips[i].cut},
            .host = host,
            .port = (uint16_t)(s->v->one_port ? port : port + i),
            .listen = listens,
            .event = reader_event,
            .finished = is_finished,
        };
    }
    return CR_OK;
}

static cr_status name_chips(struct serve *s, struct cr_err *err)
{
    const struct cli_list *dirs = &s->v->dirs;
    for (size_t i = 0; i < s->count; i++) {
        struct chip *chip = &s->chips[i];
        chip->serve = s;
        lab_session_init(&chip->session);
        if (s->v->many) {
            chip->name = cr_arena_printf(&s->cli->arena, "chip %zu", i + 1);
            continue;
        }
        chip->name = chip->dir = dirs->items[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(s->chips[j].dir, chip->dir) == 0) {
                return cr_fail(err, CR_REFUSED, NULL, "%s is named twice: a chip is in one reader",
                               chip->dir);
            }
        }
    }
    return CR_OK;
}

/* Chips in RAM: copies of one in a directory, or new ones, each with its own EID. */
static cr_status fill_ram(struct serve *s, struct cr_err *err)
{
    struct nvm *one = NULL;
    struct cli_progress progress;
    cr_status status = CR_OK;
    if (s->v->dirs.count) {
        CR_TRY(nvm_open(s->v->dirs.items[0], false, &one, err));
    }
    cli_progress_start(&progress, s->cli, "making chips", s->count);
    for (size_t i = 0; status == CR_OK && i < s->count; i++) {
        struct euicc_options options = {0};
        status = one ? nvm_clone_committed(one, &s->chips[i].nvm, err)
                     : euicc_create_ram(s->v->pki, &options, s->cli->env, &s->chips[i].nvm, err);
        cli_progress_at(&progress, i + 1);
    }
    cli_progress_end(&progress);
    nvm_close(one); /* the original is not needed any more, nor locked */
    return status;
}

static cr_status open_chips(struct serve *s, struct cr_err *err)
{
    if (s->v->many) {
        CR_TRY(fill_ram(s, err));
    }
    for (size_t i = 0; i < s->count; i++) {
        struct chip *chip = &s->chips[i];
        struct lab_chip_options options = {.dir = chip->dir,
                                           .nvm = chip->nvm,
                                           .env = s->cli->env,
                                           .faults = s->v->faults.items,
                                           .fault_count = s->v->faults.count};
        if (s->record) {
            options.event = cli_record_event;
            options.ctx = s->record;
        }
        chip->nvm = NULL;
        CR_TRY(lab_chip_open(&options, &chip->lab, err));
    }
    return s->record ? cli_record_start(s->record, s->chips[0].lab, err) : CR_OK;
}

static void free_chips(struct serve *s)
{
    for (size_t i = 0; i < s->count; i++) {
        lab_chip_free(s->chips[i].lab);
        nvm_close(s->chips[i].nvm);
        lab_session_free(&s->chips[i].session);
    }
}

/* ---- running -----------------------------------------------------------------------------------
 */

static void *worker_main(void *ctx)
{
    struct worker *w = ctx;
    w->status = vpcd_run(w->serve->slots + w->from, w->count, &cli_stop, &w->err);
    return NULL;
}

/* A thread for each processor; one for each chip when a fault may hold it up. */
static size_t thread_count(const struct serve *s)
{
    struct lab_faults faults = {.count = 0};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = processors < 1 ? 1 : (size_t)processors;
    for (size_t i = 0; i < s->v->faults.count; i++) {
        (void)!lab_fault_add(&faults, s->v->faults.items[i], NULL);
    }
    if (lab_faults_delay(&faults)) {
        count = MAX_THREADS;
    }
    count = count > MAX_THREADS ? MAX_THREADS : count;
    return count > s->count ? s->count : count;
}

static cr_status run_chips(struct serve *s, struct cr_err *err)
{
    struct worker workers[MAX_THREADS] = {0};
    size_t count = thread_count(s);
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        size_t from = s->count * i / count;
        workers[i] =
            (struct worker){.serve = s, .from = from, .count = s->count * (i + 1) / count - from};
        workers[i].running =
            pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0;
        if (!workers[i].running) {
            status = cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
            cli_stop = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (workers[i].running) {
            (void)pthread_join(workers[i].thread, NULL);
        }
        if (status == CR_OK && workers[i].status != CR_OK) {
            *err = workers[i].err;
            status = workers[i].status;
        }
    }
    for (size_t i = 0; status == CR_OK && i < s->count; i++) {
        if (s->chips[i].err.cause[0]) {
            *err = s->chips[i].err;
            status = err->category;
        }
    }
    return status;
}

/* ---- the command -------------------------------------------------------------------------------
 */

/* The place of a mistake, below the text. */
static int fault_mistake(struct cli *cli, const char *text, const struct cr_err *err)
{
    (void)fprintf(cli->err, "%s: --fault: %s\n", cli->path, err->cause);
    if (err->code > 0) {
        char *clean = cr_arena_strn(&cli->arena, cr_span_str(text));
        if (clean) {
            cr_text_clean(clean);
            (void)fprintf(cli->err, "  %s\n  %*s\n", clean, (int)err->code, "^");
        }
    }
    (void)fprintf(cli->err, "'%s --fault-help' tells what can be said.\n", cli->path);
    return CLI_USAGE;
}

static int check_faults(struct cli *cli, const struct cli_list *texts)
{
    struct lab_faults faults = {.count = 0};
    struct cr_err err;
    for (size_t i = 0; i < texts->count; i++) {
        if (lab_fault_add(&faults, texts->items[i], &err) != CR_OK) {
            return fault_mistake(cli, texts->items[i], &err);
        }
    }
    return CLI_OK;
}

static int check_values(struct cli *cli, const struct serve_values *v)
{
    if (v->many && v->dirs.count > 1) {
        return cli_usage(cli, "--many copies one DIR, not %zu", v->dirs.count);
    }
    if (v->many && v->dirs.count == 0 && !v->pki) {
        return cli_usage(cli, "--many needs a DIR to copy, or --pki for new chips");
    }
    if (!v->many && v->pki) {
        return cli_usage(cli, "--pki makes chips for --many only");
    }
    if (!v->many && v->dirs.count == 0) {
        return cli_usage(cli, "DIR is missing");
    }
    if (v->dirs.count > MAX_CHIPS) {
        return cli_usage(cli, "one process serves at most %d chips", MAX_CHIPS);
    }
    if (v->record && (v->many > 1 || v->dirs.count > 1)) {
        return cli_usage(cli, "--record takes one chip at a time");
    }
    if (v->one_port && v->listen) {
        return cli_usage(cli, "--one-port and --listen exclude each other");
    }
    return check_faults(cli, &v->faults);
}

static int serve(struct serve *s)
{
    struct cli *cli = s->cli;
    const struct serve_values *v = s->v;
    struct cr_err err;
    if (name_chips(s, &err) != CR_OK) {
        return cli_usage(cli, "%s", err.cause);
    }
    if (place_chips(s, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cli_catch_signals();
    /* Each chip has a connection, and may have a place to listen at. */
    cli_raise_files(2 * s->count + 64);
    cr_status status = v->record ? cli_record_open(cli, v->record, &s->record, &err) : CR_OK;
    if (status == CR_OK) {
        status = open_chips(s, &err);
    }
    if (status == CR_OK && s->count > 64) {
        cr_log(cli->env, CR_LOG_INFO, "%zu chips are ready", s->count);
    }
    if (status == CR_OK) {
        status = run_chips(s, &err);
    }
    cr_status written = cli_record_close(s->record, status == CR_OK ? &err : NULL);
    return status == CR_OK && written == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static int serve_run(struct cli *cli, const void *values)
{
    const struct serve_values *v = values;
    struct serve s = {.cli = cli, .v = v, .started_ms = cr_now_ms(cli->env)};
    if (v->fault_help) {
        cr_buf text = {0};
        lab_fault_help(&text);
        (void)fputs(cr_buf_cstr(&text), cli->out);
        cr_buf_free(&text);
        return CLI_OK;
    }
    int code = check_values(cli, v);
    if (code != CLI_OK) {
        return code;
    }
    s.count = v->many ? (size_t)v->many : v->dirs.count;
    s.chips = cr_arena_alloc_array(&cli->arena, s.count, sizeof(*s.chips));
    s.slots = cr_arena_alloc_array(&cli->arena, s.count, sizeof(*s.slots));
    if (!s.chips || !s.slots) {
        return cli_fail_memory(cli);
    }
    (void)pthread_mutex_init(&s.lines, NULL);
    code = serve(&s);
    free_chips(&s);
    (void)pthread_mutex_destroy(&s.lines);
    return code;
}

#define FIELD(member) .offset = offsetof(struct serve_values, member)
static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_LIST,
     .help = "Chip made by 'crisp euicc create'; several go into the slots in their order.",
     FIELD(dirs)},
};

static const struct cli_option options[] = {
    {.name = "vpcd",
     .kind = CLI_STRING,
     .metavar = "[HOST:]PORT",
     .help = "Where the virtual reader of pcscd listens for the first chip; the others take the "
             "ports behind it.",
     .fallback = "127.0.0.1:35963",
     FIELD(vpcd)},
    {.name = "one-port",
     .kind = CLI_FLAG,
     .help = "All chips connect to the same port: for a load generator that takes many.",
     FIELD(one_port)},
    {.name = "listen",
     .kind = CLI_STRING,
     .metavar = "[HOST:]PORT",
     .help =
         "Wait for readers to connect (the reversed mode of vpcd), the first chip at this port, "
         "the others behind it, instead of connecting to a reader.",
     FIELD(listen)},
    {.name = "many",
     .kind = CLI_INT,
     .metavar = "N",
     .help =
         "N chips in RAM: copies of the one in DIR, with its EID, or without DIR new ones. Nothing "
         "is kept "
         "afterwards.",
     .min = 1,
     .max = MAX_CHIPS,
     FIELD(many)},
    {.name = "pki",
     .kind = CLI_STRING,
     .metavar = "DIR",
     .help = "With --many: certificates for new chips, as 'crisp pki init' makes them.",
     FIELD(pki)},
    {.name = "trace",
     .kind = CLI_FLAG,
     .help = "Print each exchange in words, one line each: seconds, number, logical channel, "
             "command, what was answered, status word. Values of PINs and keys are not shown.",
     FIELD(trace)},
    {.name = "record",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write the session down for 'crisp euicc replay'. The file holds the chip with its "
             "private keys, and PINs.",
     FIELD(record)},
    {.name = "fault",
     .kind = CLI_LIST,
     .metavar = "SPEC",
     .help = "Do something wrong at a certain point, such as 'cut after 12' or 'flip 3 of response "
             "5 STORE DATA'; see --fault-help. May be given several times.",
     FIELD(faults)},
    {.name = "fault-exit",
     .kind = CLI_FLAG,
     .help = "End after a power cut instead of putting the card in again.",
     FIELD(fault_exit)},
    {.name = "fault-help",
     .kind = CLI_FLAG,
     .help = "Print what can be said in --fault.",
     FIELD(fault_help)},
};

const struct cli_command cli_euicc_serve = {
    .name = "serve",
    .summary = "put chips into virtual readers",
    .description =
        "Connects chips to vsmartcard-vpcd, a reader driver of pcscd, as inserted cards, and waits "
        "for it when it is not there yet. Every PC/SC program can use them. Stops with Ctrl-C: the "
        "card is then taken out.\n\n"
        "A power cut by a fault is what it is for a card: what was not committed is lost, the card "
        "leaves the reader without an answer and comes back half a second later, or the command "
        "ends (--fault-exit).",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# two chips in the two slots of the reader as Debian sets it up\n"
                "crisp euicc serve chip1 chip2\n"
                "# watch what an LPA does\n"
                "crisp euicc serve --trace chip\n"
                "# power goes at the 40th write, once\n"
                "crisp euicc serve --fault 'cut at write 40' chip\n"
                "# five hundred new chips for a load generator that listens at port 9000\n"
                "crisp euicc serve --many 500 --pki pki --one-port --vpcd 127.0.0.1:9000",
};
