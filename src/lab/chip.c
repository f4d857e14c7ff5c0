#include "lab/chip.h"

#include <stdlib.h>

#define MAX_RESTARTS 16    /* of one cut: a fault may cut the start as well */
#define MAX_COMMAND  65544 /* bytes */

struct lab_chip {
    struct lab_chip_options options;
    struct euicc *euicc;
    struct nvm *spare; /* committed memory of a chip in RAM that did not start */
    struct lab_faults faults;
    cr_env env;
    int64_t started_ms;
    bool exchanging; /* what is drawn belongs to an exchange */
    cr_buf drawn;
    int64_t *clock; /* LAB_MAX_CLOCK of them, when somebody writes down; owned */
    size_t clock_count;
    struct lab_event given; /* replay */
    size_t random_at, clock_at;
    bool short_of; /* it wanted more than was given */
};

/* ---- the world ---------------------------------------------------------------------------------
 */

cr_status lab_chip_random(struct lab_chip *chip, uint8_t *p, size_t n, struct cr_err *err)
{
    cr_span left = cr_span_sub(chip->given.random, chip->random_at, SIZE_MAX);
    if (chip->options.replay && chip->exchanging && left.n >= n) {
        if (n) {
            memcpy(p, left.p, n);
        }
        chip->random_at += n;
        return CR_OK;
    }
    chip->short_of = chip->short_of || (chip->options.replay && chip->exchanging);
    CR_TRY(cr_random(chip->options.env, p, n, err));
    if (chip->exchanging && chip->options.event) {
        cr_buf_append(&chip->drawn, p, n);
    }
    return CR_OK;
}

static cr_status draw(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    return lab_chip_random(ctx, p, n, err);
}

static int64_t look(void *ctx)
{
    struct lab_chip *chip = ctx;
    if (chip->options.replay && chip->exchanging && chip->clock_at < chip->given.clock_count) {
        return chip->given.clock[chip->clock_at++];
    }
    chip->short_of = chip->short_of || (chip->options.replay && chip->exchanging);
    int64_t now = cr_now_ms(chip->options.env);
    if (chip->exchanging && chip->clock && chip->clock_count < LAB_MAX_CLOCK) {
        chip->clock[chip->clock_count++] = now;
    }
    return now;
}

static void say(void *ctx, enum cr_log_level level, const char *line)
{
    const struct lab_chip *chip = ctx;
    cr_log(chip->options.env, level, "%s", line);
}

void lab_chip_give(struct lab_chip *chip, const struct lab_event *event)
{
    chip->given = *event;
    chip->random_at = 0;
    chip->clock_at = 0;
    chip->short_of = false;
}

bool lab_chip_drew_the_same(const struct lab_chip *chip)
{
    return !chip->short_of && chip->random_at == chip->given.random.n &&
           chip->clock_at == chip->given.clock_count;
}

/* ---- starting ----------------------------------------------------------------------------------
 */

static cr_status start(struct lab_chip *chip, struct cr_err *err)
{
    struct nvm *nvm = chip->spare;
    chip->spare = NULL;
    if (chip->options.dir) {
        CR_TRY(nvm_open(chip->options.dir, false, &nvm, err));
    } else if (chip->faults.count) {
        /* Kept for the case that the start is cut. */
        cr_status status = nvm_clone_committed(nvm, &chip->spare, err);
        if (status != CR_OK) {
            nvm_close(nvm);
            return status;
        }
    }
    if (lab_faults_of_memory(&chip->faults)) {
        nvm_set_fault(nvm, lab_fault_nvm, &chip->faults);
    }
    CR_TRY(euicc_open(nvm, &chip->env, &chip->euicc, err));
    nvm_close(chip->spare);
    chip->spare = NULL;
    return CR_OK;
}

cr_status lab_chip_open(const struct lab_chip_options *options, struct lab_chip **out,
                        struct cr_err *err)
{
    struct lab_chip *chip = calloc(1, sizeof(*chip));
    if (!chip) {
        nvm_close(options->nvm);
        return cr_fail_memory(err);
    }
    cr_status status = CR_OK;
    if (options->event && !(chip->clock = calloc(LAB_MAX_CLOCK, sizeof(*chip->clock)))) {
        status = cr_fail_memory(err);
    }
    chip->options = *options;
    chip->spare = options->nvm;
    chip->drawn.secret = true;
    chip->env = (cr_env){.ctx = chip, .now_ms = look, .random = draw, .log = say};
    chip->started_ms = cr_now_ms(options->env);
    for (size_t i = 0; status == CR_OK && i < options->fault_count; i++) {
        status = lab_fault_add(&chip->faults, options->faults[i], err);
    }
    if (status == CR_OK) {
        status = start(chip, err);
    }
    if (status != CR_OK) {
        lab_chip_free(chip);
        return options->dir ? cr_err_context(err, status, "chip %s", options->dir) : status;
    }
    *out = chip;
    return CR_OK;
}

void lab_chip_free(struct lab_chip *chip)
{
    if (!chip) {
        return;
    }
    euicc_free(chip->euicc);
    nvm_close(chip->spare);
    cr_buf_free(&chip->drawn);
    free(chip->clock);
    free(chip);
}

struct euicc *lab_chip_euicc(struct lab_chip *chip)
{
    return chip->euicc;
}

/* As a power cut does it: everything that was not committed is gone. */
static cr_status restart(struct lab_chip *chip, struct cr_err *err)
{
    cr_status status = CR_OK;
    if (!chip->options.dir) {
        status = nvm_clone_committed(euicc_nvm(chip->euicc), &chip->spare, err);
    }
    euicc_free(chip->euicc);
    chip->euicc = NULL;
    for (int i = 0; status == CR_OK && !chip->euicc && i < MAX_RESTARTS; i++) {
        cr_status started = start(chip, err);
        bool again = started != CR_OK && lab_faults_of_memory(&chip->faults);
        status = again && i + 1 < MAX_RESTARTS ? CR_OK : started;
    }
    return status;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void tell(struct lab_chip *chip, struct lab_event *event)
{
    if (chip->options.event) {
        event->at_ms = cr_now_ms(chip->options.env) - chip->started_ms;
        chip->options.event(chip->options.ctx, event);
    }
}

cr_status lab_chip_power(struct lab_chip *chip, enum lab_event_kind kind, struct cr_err *err)
{
    struct lab_event event = {.kind = kind};
    cr_status status = CR_OK;
    if (kind != LAB_POWER_ON) {
        status = euicc_reset(chip->euicc, err);
        if (status != CR_OK && lab_faults_of_memory(&chip->faults)) {
            status = restart(chip, err); /* a fault cut the clean-up */
        }
    }
    tell(chip, &event);
    return status;
}

static cr_status power_cut(struct lab_chip *chip, struct cr_err *err)
{
    struct lab_event event = {.kind = LAB_CUT};
    cr_status status = restart(chip, err);
    tell(chip, &event);
    return status;
}

static void begin(struct lab_chip *chip)
{
    cr_buf_reset(&chip->drawn);
    chip->clock_count = 0;
    chip->exchanging = true;
}

/* What the chip makes of the command, faults included. *cut: it has no power any more. */
static cr_status execute(struct lab_chip *chip, uint8_t *command, size_t n, cr_buf *response,
                         bool *cut, lab_chip_delay delay, struct cr_err *err)
{
    struct lab_fault_plan plan = lab_fault_command(&chip->faults, command, n);
    cr_status status = CR_OK;
    size_t before = response->n;
    if (plan.delay_ms && delay) {
        delay(plan.delay_ms);
    }
    if (plan.cut_before) {
        *cut = true;
        return CR_OK;
    }
    if (plan.drop) {
        cr_buf_append_be(response, 0x6F00, 2);
        return CR_OK;
    }
    status = euicc_transmit(chip->euicc, cr_span_of(command, n), response, err);
    /* A fault in the memory leaves it dead: nothing is there to be read. */
    cr_span key;
    cr_span value;
    bool dead = status != CR_OK &&
                !nvm_next(euicc_nvm(chip->euicc), cr_span_of("", 0), (cr_span){0}, &key, &value);
    *cut = plan.cut_after || dead;
    if (*cut) {
        response->n = before;
        return CR_OK;
    }
    if (response->n > before) {
        lab_fault_response(&chip->faults, response->p + before, response->n - before);
    }
    return status;
}

cr_status lab_chip_transmit(struct lab_chip *chip, cr_span command, cr_buf *response, bool *cut,
                            lab_chip_delay delay, struct cr_err *err)
{
    uint8_t small[300];
    uint8_t *copy = command.n <= sizeof(small) ? small : malloc(command.n);
    size_t before = response->n;
    *cut = false;
    if (!copy || command.n > MAX_COMMAND) {
        if (copy != small) {
            free(copy);
        }
        cr_buf_append_be(response, 0x6F00, 2);
        return cr_fail_memory(err);
    }
    if (command.n) {
        memcpy(copy, command.p, command.n);
    }
    begin(chip);
    cr_status status = execute(chip, copy, command.n, response, cut, delay, err);
    chip->exchanging = false;
    struct lab_event event = {.kind = LAB_EXCHANGE,
                              .command = command,
                              .response = cr_span_sub(cr_buf_span(response), before, SIZE_MAX),
                              .random = cr_buf_span(&chip->drawn),
                              .clock = chip->clock,
                              .clock_count = chip->clock_count};
    tell(chip, &event);
    cr_wipe(copy, command.n);
    if (copy != small) {
        free(copy);
    }
    return *cut ? power_cut(chip, err) : status;
}

cr_status lab_chip_snapshot(struct lab_chip *chip, const char *program, cr_buf *out,
                            struct cr_err *err)
{
    char time[CR_TIME_TEXT];
    cr_buf atr = {0};
    euicc_atr(chip->euicc, &atr);
    struct lab_head head = {.program = program,
                            .time = cr_time_format(time, cr_now_ms(chip->options.env)),
                            .eid = euicc_eid(chip->euicc),
                            .atr = cr_buf_span(&atr),
                            .capacity = nvm_capacity(euicc_nvm(chip->euicc)),
                            .faults = chip->options.faults,
                            .fault_count = chip->options.fault_count};
    cr_status status = lab_recording_head(&head, out, err);
    cr_buf_free(&atr);
    if (status == CR_OK) {
        lab_recording_memory(euicc_nvm(chip->euicc), out);
        status = cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    return status;
}
