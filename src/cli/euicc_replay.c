/*
 * crisp euicc replay: a recorded session again, compared byte by byte.
 */
#include "cli/euicc.h"

#include "cli/euicc_card.h"
#include "cli/euicc_random.h"
#include "cli/euicc_record.h"
#include "cli/json_line.h"

#include "base/file.h"
#include "base/text.h"
#include "lab/exchange.h"

#define MAX_SHOWN 20 /* differences that are printed by default */

struct replay_values {
    const char *file, *chip, *reader;
    int64_t show;
    bool trace, json;
};

struct replay {
    struct cli *cli;
    const struct replay_values *v;
    struct lab_recording recording;
    struct lab_chip *lab; /* a copy of the recorded chip; NULL = card */
    struct card card;
    struct lab_session expected, got; /* what was selected there and here */
    size_t exchanges, different;
    bool drew; /* random numbers were asked for otherwise, said once */
};

/* ---- output ------------------------------------------------------------------------------------
 */

static char *hex_text(struct replay *r, cr_span bytes)
{
    char *text = cr_hex(&r->cli->arena, bytes);
    return text ? text : (char *)"";
}

static void put_difference(struct replay *r, const struct lab_event *event, const char *expected,
                           const char *got, cr_span response)
{
    FILE *out = r->cli->out;
    size_t at = 0;
    while (at < response.n && at < event->response.n && response.p[at] == event->response.p[at]) {
        at++;
    }
    if (r->v->json) {
        json_t *json = json_object();
        cli_json_text(json, "event", "difference");
        (void)json_object_set_new(json, "exchange", json_integer((json_int_t)r->exchanges));
        cli_json_hex(json, "command", event->command);
        cli_json_hex(json, "recorded", event->response);
        cli_json_hex(json, "now", response);
        (void)json_object_set_new(json, "byte", json_integer((json_int_t)at));
        cli_put_json(r->cli, json);
        return;
    }
    (void)fprintf(out, "exchange %zu, byte %zu of the answer:\n", r->exchanges, at);
    (void)fprintf(out, "  command  %s\n", hex_text(r, event->command));
    (void)fprintf(out, "  recorded %s\n", hex_text(r, event->response));
    (void)fprintf(out, "           %s\n", expected);
    (void)fprintf(out, "  now      %s\n", hex_text(r, response));
    (void)fprintf(out, "           %s\n", got);
}

static void compare(struct replay *r, const struct lab_event *event, cr_span response)
{
    cr_buf expected = {0};
    cr_buf got = {0};
    bool same = cr_span_equal(event->response, response);
    lab_exchange_text(&r->expected, event->command, event->response, &expected);
    lab_exchange_text(&r->got, event->command, response, &got);
    const char *a = cr_buf_cstr(&expected);
    const char *b = cr_buf_cstr(&got);
    if (r->v->trace && !r->v->json) {
        (void)fprintf(r->cli->out, "%zu: %s\n", r->exchanges, b ? b : "");
    }
    if (!same && (int64_t)r->different++ < r->v->show) {
        put_difference(r, event, a ? a : "", b ? b : "", response);
    }
    cr_buf_free(&expected);
    cr_buf_free(&got);
}

/* ---- playing -----------------------------------------------------------------------------------
 */

static cr_status power(struct replay *r, enum lab_event_kind kind, struct cr_err *err)
{
    cr_buf atr = {0};
    cr_status status = CR_OK;
    lab_session_reset(&r->expected);
    lab_session_reset(&r->got);
    if (r->lab) {
        return kind == LAB_CUT ? CR_OK : lab_chip_power(r->lab, kind, err);
    }
    if (kind != LAB_POWER_ON) { /* a card in a reader is off and on again in one */
        status = r->card.reset(r->card.ctx, &atr, err);
    }
    cr_buf_free(&atr);
    return status;
}

static cr_status exchange(struct replay *r, const struct lab_event *event, bool cut_follows,
                          struct cr_err *err)
{
    cr_buf response = {0};
    bool cut = false;
    cr_status status;
    r->exchanges++;
    if (r->lab) {
        lab_chip_give(r->lab, event);
        cli_record_enter(r->lab);
        status = lab_chip_transmit(r->lab, event->command, &response, &cut, NULL, err);
        cli_record_leave();
        if (!lab_chip_drew_the_same(r->lab) && !r->drew && !r->v->json) {
            r->drew = true;
            (void)fprintf(r->cli->out,
                          "exchange %zu: the chip drew other random numbers than when it was "
                          "recorded\n",
                          r->exchanges);
        }
    } else {
        status = r->card.transmit(r->card.ctx, event->command, &response, err);
    }
    bool failed = status != CR_OK && response.n < 2;
    if (!failed) {
        status = CR_OK;
        if (cut != cut_follows && r->lab && !r->v->json) {
            (void)fprintf(r->cli->out, "exchange %zu: the power was %s\n", r->exchanges,
                          cut ? "cut, it was not when it was recorded"
                              : "not cut, it was when it was recorded");
        }
        compare(r, event, cr_buf_span(&response));
    }
    cr_buf_free(&response);
    return failed ? cr_err_context(err, status, "exchange %zu", r->exchanges) : CR_OK;
}

static cr_status play(struct replay *r, struct cr_err *err)
{
    const struct lab_recording *recording = &r->recording;
    for (size_t i = 0; i < recording->count && !cli_stop; i++) {
        const struct lab_event *event = &recording->events[i];
        bool cut = i + 1 < recording->count && recording->events[i + 1].kind == LAB_CUT;
        CR_TRY(event->kind == LAB_EXCHANGE ? exchange(r, event, cut, err)
                                           : power(r, event->kind, err));
    }
    return CR_OK;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static cr_status open_copy(struct replay *r, struct cr_err *err)
{
    const struct lab_head *head = &r->recording.head;
    cr_buf atr = {0};
    struct lab_chip_options options = {.nvm = r->recording.memory,
                                       .env = r->cli->env,
                                       .faults = head->faults,
                                       .fault_count = head->fault_count,
                                       .replay = true};
    r->recording.memory = NULL;
    CR_TRY(cli_random_hook(err));
    CR_TRY(lab_chip_open(&options, &r->lab, err));
    euicc_atr(lab_chip_euicc(r->lab), &atr);
    if (!cr_span_equal(cr_buf_span(&atr), head->atr)) {
        r->different++;
        if (!r->v->json) {
            (void)fprintf(r->cli->out, "the ATR was %s and is %s\n", hex_text(r, head->atr),
                          hex_text(r, cr_buf_span(&atr)));
        }
    }
    cr_buf_free(&atr);
    return CR_OK;
}

static cr_status read_recording(struct replay *r, struct cr_err *err)
{
    cr_buf text = {.secret = true};
    cr_status status = cr_file_read(r->v->file, LAB_MAX_RECORDING, &text, err);
    if (status == CR_OK) {
        status = lab_recording_read(cr_buf_span(&text), &r->cli->arena, &r->recording, err);
        status = status == CR_OK ? CR_OK : cr_err_context(err, status, "%.100s", r->v->file);
    }
    cr_buf_free(&text);
    return status;
}

static int verdict(struct replay *r)
{
    bool same = r->different == 0;
    if (r->v->json) {
        json_t *json = json_object();
        cli_json_text(json, "event", "end");
        cli_json_text(json, "eid", r->recording.head.eid);
        (void)json_object_set_new(json, "exchanges", json_integer((json_int_t)r->exchanges));
        (void)json_object_set_new(json, "different", json_integer((json_int_t)r->different));
        cli_put_json(r->cli, json);
    } else if (same) {
        (void)fprintf(r->cli->out, "%zu exchanges, all as recorded\n", r->exchanges);
    } else {
        (void)fprintf(r->cli->out, "%zu exchanges, %zu differ\n", r->exchanges, r->different);
    }
    return same ? CLI_OK : CLI_FAILED;
}

static int replay_run(struct cli *cli, const void *values)
{
    const struct replay_values *v = values;
    struct replay r = {.cli = cli, .v = v};
    struct cr_err err = {0};
    if (v->chip && v->reader) {
        return cli_usage(cli, "CHIP and --reader exclude each other");
    }
    cli_catch_signals();
    cli->arena.limit = LAB_MAX_RECORDING * 2;
    lab_session_init(&r.expected);
    lab_session_init(&r.got);
    cr_status status = read_recording(&r, &err);
    if (status == CR_OK) {
        status = v->chip || v->reader ? cli_euicc_card_open(cli, v->chip, v->reader, &r.card, &err)
                                      : open_copy(&r, &err);
    }
    if (status == CR_OK) {
        status = play(&r, &err);
    }
    int code = status == CR_OK ? verdict(&r) : cli_fail(cli, &err, v->json);
    lab_chip_free(r.lab);
    if (r.card.close) {
        r.card.close(r.card.ctx);
    }
    nvm_close(r.recording.memory);
    lab_session_free(&r.expected);
    lab_session_free(&r.got);
    return code;
}

#define FIELD(member) .offset = offsetof(struct replay_values, member)
static const struct cli_option arguments[] = {
    {.name = "FILE",
     .kind = CLI_STRING,
     .help = "Recording made by 'crisp euicc serve --record'.",
     .required = true,
     FIELD(file)},
    {.name = "CHIP",
     .kind = CLI_STRING,
     .help = "Play it on this chip, which keeps what the commands change, instead of on a copy of "
             "the recorded one in RAM.",
     FIELD(chip)},
};

static const struct cli_option options[] = {
    {.name = "reader",
     .kind = CLI_STRING,
     .metavar = "NAME",
     .help =
         "Play it on a card in a reader of pcscd: its name, the beginning of it, or its number.",
     FIELD(reader)},
    {.name = "trace", .kind = CLI_FLAG, .help = "Print each exchange in words.", FIELD(trace)},
    {.name = "show",
     .kind = CLI_INT,
     .metavar = "N",
     .help = "Print so many differences; all are counted.",
     .fallback = "20",
     .min = 0,
     .max = 1000000,
     FIELD(show)},
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "JSON lines: one for each difference, one at the end.",
     FIELD(json)},
};

const struct cli_command cli_euicc_replay = {
    .name = "replay",
    .summary = "play a recorded session again and compare",
    .description =
        "Sends the commands of a recording once more and compares each answer with the recorded "
        "one, byte by byte. On a copy of the recorded chip everything has to be equal: the copy "
        "gets the random numbers, the time and the faults of then. Another chip or card has its "
        "own keys and random numbers, and differs where these show.\n\n"
        "Exit status 1 when anything differs.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct replay_values),
    .run = replay_run,
    .examples = "# write a session down, then look whether a new build does the same\n"
                "crisp euicc serve --record session.jsonl chip\n"
                "crisp euicc replay session.jsonl",
};
