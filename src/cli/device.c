/*
 * crisp device: the modem and the mobile network around chips.
 */
#include "cli/cli.h"

#include "cli/json_line.h"
#include "cli/units.h"

#include "base/file.h"
#include "base/text.h"
#include "device/run.h"
#include "euicc/euicc.h"
#include "net/pcsc.h"

#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#define POLL_MS 50

struct values {
    struct cli_list dirs, readers, faults, maps;
    const char *config, *smpp, *duration, *port_file;
    int64_t threads, seed;
    bool trace, json;
};

/* Where events go: lines of several threads. */
struct printer {
    struct cli *cli;
    const char **names; /* of chips */
    bool json;
    pthread_mutex_t lock;
};

static void print_event(void *ctx, uint32_t chip, enum device_event event, const char *text)
{
    struct printer *p = ctx;
    char time[CR_TIME_TEXT];
    (void)cr_time_format(time, cr_now_ms(p->cli->env));
    const char *name = chip == DEVICE_NO_CHIP ? "smsc" : p->names[chip];
    (void)pthread_mutex_lock(&p->lock);
    if (p->json) {
        json_t *line = json_object();
        cli_json_text(line, "time", time);
        cli_json_text(line, "chip", name);
        cli_json_text(line, "event", device_event_name(event));
        cli_json_text(line, "text", text);
        cli_put_json(p->cli, line);
    } else {
        (void)fprintf(p->cli->out, "%s %s %s: %s\n", time, name, device_event_name(event), text);
    }
    (void)fflush(p->cli->out);
    (void)pthread_mutex_unlock(&p->lock);
}

static cr_status read_config(const struct values *v, struct device_config *config,
                             struct cr_err *err)
{
    cr_status status = CR_OK;
    device_config_init(config);
    if (v->config) {
        status = device_config_load(v->config, config, err);
    }
    if (status == CR_OK && v->seed >= 0) {
        config->seed = (uint64_t)v->seed;
    }
    for (size_t i = 0; status == CR_OK && i < v->faults.count; i++) {
        status = device_config_add_fault(config, v->faults.items[i], err);
    }
    for (size_t i = 0; status == CR_OK && i < v->maps.count; i++) {
        status = device_config_add_map(config, v->maps.items[i], err);
    }
    return status;
}

static cr_status open_cards(struct cli *cli, const struct values *v, struct card *cards,
                            const char **names, struct cr_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < v->dirs.count; i++, n++) {
        struct euicc *euicc = NULL;
        names[n] = v->dirs.items[i];
        CR_TRY(euicc_open_dir(names[n], cli->env, &euicc, err));
        euicc_card(euicc, &cards[n]);
    }
    for (size_t i = 0; i < v->readers.count; i++, n++) {
        names[n] = v->readers.items[i];
        CR_TRY(pcsc_open(names[n], &cards[n], err));
    }
    return CR_OK;
}

static void close_cards(struct card *cards, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (cards[i].close) {
            cards[i].close(cards[i].ctx);
        }
    }
}

/* {"smpp":PORT,"pid":N}: for those who started it with port 0. */
static cr_status write_ports(const char *path, uint16_t port, struct cr_err *err)
{
    char text[80];
    int n = snprintf(text, sizeof text, "{\"smpp\":%u,\"pid\":%ld}\n", port, (long)getpid());
    return cr_file_write(path, cr_span_of(text, (size_t)n), 0644, err);
}

/* Until somebody stops it, its time is over or all chips are gone. */
static void wait_for_end(const struct cli *cli, struct device_run *run, int64_t duration_ms,
                         uint32_t count)
{
    int64_t end = cr_now_ms(cli->env) + duration_ms;
    while (!cli_stop && device_run_dead(run) < count &&
           (duration_ms == 0 || cr_now_ms(cli->env) < end)) {
        (void)usleep(POLL_MS * 1000);
    }
}

struct setting {
    struct device_config config;
    const char *host;
    uint16_t port;
    int64_t duration_ms;
    struct card *cards;
    struct printer printer;
};

static int run_devices(struct cli *cli, const struct values *v, struct setting *s, uint32_t count)
{
    struct cr_err err;
    struct device_run *run = NULL;
    bool listens = v->smpp || s->config.esme_count > 0;
    const struct device_run_options options = {.config = &s->config,
                                               .cards = s->cards,
                                               .count = count,
                                               .threads = (unsigned)v->threads,
                                               .smpp = listens,
                                               .smpp_host = s->host,
                                               .smpp_port = s->port,
                                               .env = cli->env,
                                               .ctx = &s->printer,
                                               .event = v->trace || v->json ? print_event : NULL};
    cr_status status = device_run_start(&options, &run, &err);
    if (status == CR_OK && listens) {
        cr_log(cli->env, CR_LOG_INFO, "the service centre listens on %s:%u (SMPP 3.4)",
               s->host ? s->host : "127.0.0.1", device_run_smpp_port(run));
    }
    if (status == CR_OK && v->port_file) {
        status = write_ports(v->port_file, device_run_smpp_port(run), &err);
    }
    if (status == CR_OK) {
        wait_for_end(cli, run, s->duration_ms, count);
        if (device_run_dead(run) == count && !cli_stop) {
            status = cr_fail(&err, CR_RESOURCE, NULL, "no chip is left");
        }
    }
    device_run_stop(run);
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
}

static int device_run_run(struct cli *cli, const void *values)
{
    const struct values *v = values;
    struct setting s = {.port = 2775};
    struct cr_err err;
    size_t count = v->dirs.count + v->readers.count;
    if (count == 0 || count > DEVICE_MAX_CHIPS) {
        return cli_usage(cli, "give 1 to %d chips: directories, or --reader", DEVICE_MAX_CHIPS);
    }
    if ((v->smpp && cli_host_port(&cli->arena, v->smpp, &s.host, &s.port, &err) != CR_OK) ||
        (v->duration && cli_duration(v->duration, &s.duration_ms, &err) != CR_OK)) {
        return cli_fail_usage(cli, &err);
    }
    cr_status status = read_config(v, &s.config, &err);
    if (status != CR_OK) {
        device_config_free(&s.config);
        return status == CR_REFUSED ? cli_fail_usage(cli, &err) : cli_fail(cli, &err, v->json);
    }
    s.cards = cr_arena_alloc_array(&cli->arena, count, sizeof *s.cards);
    s.printer =
        (struct printer){.cli = cli,
                         .json = v->json,
                         .names = cr_arena_alloc_array(&cli->arena, count, sizeof *s.printer.names),
                         .lock = PTHREAD_MUTEX_INITIALIZER};
    int code = CLI_FAILED;
    if (!s.cards || !s.printer.names) {
        code = cli_fail_memory(cli);
    } else {
        memset(s.cards, 0, count * sizeof *s.cards);
        cli_catch_signals();
        cli_raise_files(count * 2 + 64); /* some have several channels */
        if (open_cards(cli, v, s.cards, s.printer.names, &err) == CR_OK) {
            code = run_devices(cli, v, &s, (uint32_t)count);
        } else {
            close_cards(s.cards, count);
            code = cli_fail(cli, &err, v->json);
        }
    }
    device_config_free(&s.config);
    return code;
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_LIST,
     .help = "Chip made by 'crisp euicc create'; chips are numbered from 0 in their order, readers "
             "behind them.",
     .offset = offsetof(struct values, dirs)},
};

static const struct cli_option run_options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Networks, numbers, keys, who may bind to the service centre (INI). Without it every "
             "chip finds service, and no short messages go.",
     .offset = offsetof(struct values, config)},
    {.name = "reader",
     .kind = CLI_LIST,
     .metavar = "NAME",
     .help = "Chip in a PC/SC reader, by its name, the beginning of one, or its number.",
     .offset = offsetof(struct values, readers)},
    {.name = "smpp",
     .kind = CLI_STRING,
     .metavar = "[HOST:]PORT",
     .help = "Where the service centre listens for those who bind to it (SMPP 3.4); port 0 takes a "
             "free one. With an [esme] in the configuration it listens anyhow, on "
             "127.0.0.1:2775.",
     .offset = offsetof(struct values, smpp)},
    {.name = "map",
     .kind = CLI_LIST,
     .metavar = "'FROM TO'",
     .help = "Channels to address FROM lead to address TO; '*' stands for any address or port: "
             "'*:443 127.0.0.1:8443'.",
     .offset = offsetof(struct values, maps)},
    {.name = "fault",
     .kind = CLI_LIST,
     .metavar = "SCRIPT",
     .help = "What goes wrong, when, for whom; see above.",
     .offset = offsetof(struct values, faults)},
    {.name = "seed",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Of what is random in faults; that of the configuration unless given.",
     .fallback = "-1",
     .min = -1,
     .max = INT64_MAX,
     .offset = offsetof(struct values, seed)},
    {.name = "trace",
     .kind = CLI_FLAG,
     .help = "Print a line for each event: power, service, proactive commands and their answers, "
             "envelopes, short messages, channels, faults.",
     .offset = offsetof(struct values, trace)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "The same as JSON lines: time, chip, event, text.",
     .offset = offsetof(struct values, json)},
    {.name = "duration",
     .kind = CLI_STRING,
     .metavar = "TIME",
     .help = "End after this time (30s, 15m, 12h) instead of with Ctrl-C.",
     .offset = offsetof(struct values, duration)},
    {.name = "threads",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Threads that the chips are shared out to.",
     .fallback = "2",
     .min = 1,
     .max = DEVICE_MAX_THREADS,
     .offset = offsetof(struct values, threads)},
    {.name = "port-file",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write the SMPP port as JSON when the devices run.",
     .offset = offsetof(struct values, port_file)},
};

#define FAULT_LINE(id, name, value, what, fallback) "\n\n- " name value ": " what "."

static const struct cli_command cli_device_run = {
    .name = "run",
    .summary = "run chips in modems with a mobile network around them",
    .description =
        "Powers chips on and is their terminal and network: TERMINAL PROFILE, attach to the "
        "network of the IMSI, STATUS polls, every proactive command answered, timers, channels "
        "onto real TCP and UDP sockets, short messages both ways through a service centre to "
        "which an SM-SR binds over SMPP 3.4. Stops with Ctrl-C.\n\n"
        "The configuration has the sections [device] (imei, smsc, pin, poll, access, seed, dns, "
        "sms-validity, sms-retry, map), [network NAME] (imsi, attach = works | refuses | "
        "times-out, tries, delay-ms, retry-ms, plmn, area, cell), [msisdn] (IMSI = number, or "
        "PREFIX* = PREFIX*), [keys] (IMSI = milenage K OPC | tuak K TOPC), [esme SYSTEM-ID] "
        "(password, number) and [faults] (anything = SCRIPT). A subscriber of none of the "
        "networks is refused; without networks all have service.\n\n"
        "Faults are written ACTION[=VALUE] [at=N | every=N | odds=PERCENT] [times=N] [chip=N] "
        "[imsi=PREFIX]. Each action has its opportunities, which every chip counts for itself: at "
        "takes the Nth, every each Nth, odds some by chance, none of them all; times is the most "
        "for one chip. Actions:" DEVICE_FAULTS(FAULT_LINE),
    .options = run_options,
    .option_count = CR_COUNT(run_options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct values),
    .run = device_run_run,
    .examples = "# one chip, all that happens, the second short message to it lost\n"
                "crisp device run -c network.ini --trace --fault 'lose-down at=2' chip1\n"
                "# a chip in a reader, its server on this machine\n"
                "crisp device run --reader 0 --trace --map '*:443 127.0.0.1:8443'",
};

static const struct cli_command *const children[] = {&cli_device_run, NULL};

const struct cli_command cli_device = {
    .name = "device",
    .summary = "be the modem and the mobile network of chips",
    .description = "What stands between a machine's chip and its SM-SR: a modem for each chip, the "
                   "network that it attaches to, the service centre of its short messages.",
    .children = children,
};
