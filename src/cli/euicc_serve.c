/*
 * crisp euicc serve: chips in virtual readers.
 */
#include "cli/euicc.h"

#include "cli/units.h"

#include "euicc/euicc.h"
#include "net/vpcd.h"

#include <pthread.h>
#include <unistd.h>

#define RETRY_MS  500
#define MAX_CHIPS 64

struct serve_values {
    struct cli_list dirs;
    const char *vpcd;
};

/* One chip, one thread, one slot. */
struct chip {
    struct cli *cli;
    const char *dir;
    const char *host;
    uint16_t port;
    struct euicc *euicc;
    pthread_t thread;
    bool running;
    bool waiting; /* the reader is not there; said so already */
    bool broken;  /* the memory failed */
    struct cr_err err;
};

static void power(void *ctx, bool on)
{
    struct chip *chip = ctx;
    if (!on && !chip->broken && euicc_reset(chip->euicc, &chip->err) != CR_OK) {
        chip->broken = true;
    }
}

static void reset(void *ctx)
{
    power(ctx, false);
}

static void atr(void *ctx, cr_buf *out)
{
    const struct chip *chip = ctx;
    euicc_atr(chip->euicc, out);
}

static void transmit(void *ctx, cr_span command, cr_buf *response)
{
    struct chip *chip = ctx;
    size_t before = response->n;
    struct cr_err err;
    if (euicc_transmit(chip->euicc, command, response, &err) != CR_OK) {
        cr_log(chip->cli->env, CR_LOG_ERROR, "%s: %s", chip->dir, err.cause);
    }
    if (response->n < before + 2) {
        cr_buf_append_be(response, 0x6F00, 2);
    }
}

static const char *host_of(const struct chip *chip)
{
    return chip->host ? chip->host : "127.0.0.1";
}

static void wait_a_little(void)
{
    for (int i = 0; i < RETRY_MS / 100 && !cli_stop; i++) {
        (void)usleep(100 * 1000);
    }
}

/* Connects when the reader listens; says once that it waits. */
static void connect_once(struct chip *chip)
{
    static const struct vpcd_card card_functions = {
        .power = power, .reset = reset, .atr = atr, .transmit = transmit};
    struct vpcd_card card = card_functions;
    struct vpcd *vpcd = NULL;
    struct cr_err err;
    if (vpcd_connect(chip->host, chip->port, &vpcd, &err) != CR_OK) {
        if (!chip->waiting) {
            cr_log(
                chip->cli->env, CR_LOG_WARNING,
                "%s: no reader at %s:%u yet (%s): is pcscd running with vsmartcard-vpcd? Waiting",
                chip->dir, host_of(chip), chip->port, err.cause);
        }
        chip->waiting = true;
        wait_a_little();
        return;
    }
    chip->waiting = false;
    card.ctx = chip;
    cr_log(chip->cli->env, CR_LOG_INFO, "%s: EID %s is in the reader at %s:%u", chip->dir,
           euicc_eid(chip->euicc), host_of(chip), chip->port);
    cr_status status = vpcd_serve(vpcd, &card, &cli_stop, &err);
    vpcd_free(vpcd);
    if (status != CR_OK) {
        cr_log(chip->cli->env, CR_LOG_ERROR, "%s: %s", chip->dir, err.cause);
        wait_a_little();
    } else if (!cli_stop) {
        cr_log(chip->cli->env, CR_LOG_INFO, "%s: the reader is gone", chip->dir);
        wait_a_little(); /* two chips that fight for one slot must not spin */
    }
}

static void *chip_thread(void *ctx)
{
    struct chip *chip = ctx;
    while (!cli_stop && !chip->broken) {
        connect_once(chip);
    }
    if (chip->broken) {
        cr_log(chip->cli->env, CR_LOG_ERROR, "%s: %s", chip->dir, chip->err.cause);
    }
    return NULL;
}

/* Where each chip goes; nothing is opened yet. */
static cr_status place_chips(struct cli *cli, const struct serve_values *v, struct chip *chips,
                             struct cr_err *err)
{
    const char *host = NULL;
    uint16_t port = VPCD_PORT;
    CR_TRY(cli_host_port(&cli->arena, v->vpcd, &host, &port, err));
    if (port == 0 || (size_t)port + v->dirs.count - 1 > UINT16_MAX) {
        return cr_fail(err, CR_REFUSED, NULL, "port %u does not leave room for %zu readers", port,
                       v->dirs.count);
    }
    for (size_t i = 0; i < v->dirs.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(chips[j].dir, v->dirs.items[i]) == 0) {
                return cr_fail(err, CR_REFUSED, NULL, "%s is named twice: a chip is in one reader",
                               chips[j].dir);
            }
        }
        chips[i] = (struct chip){
            .cli = cli, .dir = v->dirs.items[i], .host = host, .port = (uint16_t)(port + i)};
    }
    return CR_OK;
}

static cr_status open_chips(struct chip *chips, size_t count, struct cr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        CR_TRY(euicc_open_dir(chips[i].dir, chips[i].cli->env, &chips[i].euicc, err));
    }
    return CR_OK;
}

static cr_status run_chips(struct chip *chips, size_t count, struct cr_err *err)
{
    cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        if (pthread_create(&chips[i].thread, NULL, chip_thread, &chips[i]) != 0) {
            status = cr_fail(err, CR_RESOURCE, NULL, "cannot start a thread");
            cli_stop = true;
        } else {
            chips[i].running = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (chips[i].running) {
            (void)pthread_join(chips[i].thread, NULL);
        }
        if (chips[i].broken && status == CR_OK) {
            *err = chips[i].err;
            status = err->category;
        }
    }
    return status;
}

static int serve_run(struct cli *cli, const void *values)
{
    const struct serve_values *v = values;
    struct cr_err err;
    if (v->dirs.count > MAX_CHIPS) {
        return cli_usage(cli, "one process serves at most %d chips", MAX_CHIPS);
    }
    struct chip *chips = cr_arena_alloc_array(&cli->arena, v->dirs.count, sizeof(*chips));
    if (!chips) {
        return cli_fail_memory(cli);
    }
    if (place_chips(cli, v, chips, &err) != CR_OK) {
        return cli_fail_usage(cli, &err);
    }
    cli_catch_signals();
    cr_status status = open_chips(chips, v->dirs.count, &err);
    if (status == CR_OK) {
        status = run_chips(chips, v->dirs.count, &err);
    }
    for (size_t i = 0; i < v->dirs.count; i++) {
        euicc_free(chips[i].euicc);
    }
    return status == CR_OK ? CLI_OK : cli_fail(cli, &err, false);
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_LIST,
     .help = "Chip made by 'crisp euicc create'; several go into the slots in their order.",
     .required = true,
     .offset = offsetof(struct serve_values, dirs)},
};

static const struct cli_option options[] = {
    {.name = "vpcd",
     .kind = CLI_STRING,
     .metavar = "[HOST:]PORT",
     .help = "Where the virtual reader of pcscd listens for the first chip; the others take the "
             "ports behind it.",
     .fallback = "127.0.0.1:35963",
     .offset = offsetof(struct serve_values, vpcd)},
};

const struct cli_command cli_euicc_serve = {
    .name = "serve",
    .summary = "put chips into virtual readers",
    .description =
        "Connects chips to vsmartcard-vpcd, a reader driver of pcscd, as inserted cards, and waits "
        "for it when it is not there yet. Every PC/SC program can use them. Stops with Ctrl-C: the "
        "card is then taken out.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# two chips in the two slots of the reader as Debian sets it up\n"
                "crisp euicc serve chip1 chip2",
};
