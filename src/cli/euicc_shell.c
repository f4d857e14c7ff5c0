/*
 * The shell of `crisp euicc apdu`: lines into commands, answers into text, and the terminal around
 * it (editing, history, completion).
 */
#include "cli/euicc_card.h"

#include "base/file.h"
#include "base/text.h"
#include "lab/commands.h"

#include <histedit.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_LINES 1000
#define MAX_FOLLOW    300 /* GET RESPONSE behind one command */
#define MAX_CHOICES   200 /* of a completion */

struct cli_shell {
    struct cli *cli;
    struct card *card;
    struct cli_shell_options options;
    struct lab_session session;
    unsigned channel; /* of commands by name */
    cr_arena arena;   /* of a line */
    cr_buf atr;
    char prompt[24];
};

cr_status cli_shell_new(struct cli *cli, struct card *card, const struct cli_shell_options *options,
                        struct cli_shell **out, struct cr_err *err)
{
    struct cli_shell *shell = calloc(1, sizeof(*shell));
    if (!shell) {
        return cr_fail_memory(err);
    }
    *shell = (struct cli_shell){.cli = cli, .card = card, .options = *options};
    shell->arena.secret = true;
    lab_session_init(&shell->session);
    *out = shell;
    return CR_OK;
}

void cli_shell_free(struct cli_shell *shell)
{
    if (!shell) {
        return;
    }
    lab_session_free(&shell->session);
    cr_arena_free(&shell->arena);
    cr_buf_free(&shell->atr);
    free(shell);
}

/* ---- one exchange ------------------------------------------------------------------------------
 */

static void put_answer(struct cli_shell *s, cr_span command, cr_span response)
{
    cr_buf line = {.secret = true};
    cr_buf words = {0};
    FILE *out = s->cli->out;
    const char *hex;
    if (s->options.decode) { /* what was sent: names are many, bytes are few */
        cr_hex_append(&line, command);
        hex = cr_buf_cstr(&line);
        (void)fprintf(out, "> %s\n", hex ? hex : "");
        cr_buf_reset(&line);
    }
    cr_hex_append(&line, response);
    hex = cr_buf_cstr(&line);
    (void)fprintf(out, "%s", hex ? hex : "");
    cr_buf_reset(&line);
    lab_exchange_text(&s->session, command, response, &line);
    if (s->options.decode && response.n >= 2) {
        uint16_t sw = (uint16_t)(response.p[response.n - 2] << 8 | response.p[response.n - 1]);
        lab_sw_text(sw, &words);
        const char *text = cr_buf_cstr(&words);
        (void)fprintf(out, "  %s\n", text ? text : "");
        cr_buf_reset(&words);
        lab_answer_text(&s->session, command, response, &words);
        text = cr_buf_cstr(&words);
        (void)fputs(text ? text : "", out);
    } else {
        (void)fputc('\n', out);
    }
    (void)fflush(out);
    cr_buf_free(&line);
    cr_buf_free(&words);
}

static cr_status send_one(struct cli_shell *s, cr_span command, cr_buf *response,
                          struct cr_err *err)
{
    cr_buf_reset(response);
    cr_status status = s->card->transmit(s->card->ctx, command, response, err);
    if (response->n >= 2) {
        put_answer(s, command, cr_buf_span(response));
    }
    return status;
}

/* A command, and what its answer asks for. */
static cr_status send_all(struct cli_shell *s, cr_span command, bool follow, struct cr_err *err)
{
    cr_buf response = {0};
    cr_buf again = {.secret = true};
    cr_status status = send_one(s, command, &response, err);
    for (int i = 0; follow && status == CR_OK && response.n >= 2 && i < MAX_FOLLOW; i++) {
        uint8_t sw1 = response.p[response.n - 2];
        uint8_t sw2 = response.p[response.n - 1];
        if (sw1 == 0x61) {
            uint8_t get[] = {command.p[0], 0xC0, 0x00, 0x00, sw2};
            status = send_one(s, CR_SPAN_ARRAY(get), &response, err);
        } else if (sw1 == 0x6C && command.n >= 5 && i == 0) {
            /* Only a command whose last byte is Le can be repeated with another one. */
            bool only_le = command.n == 5 || command.n == 6u + command.p[4];
            if (!only_le) {
                break;
            }
            cr_buf_append_span(&again, command);
            if (!cr_buf_ok(&again)) {
                status = cr_fail_memory(err);
                break;
            }
            again.p[again.n - 1] = sw2;
            status = send_one(s, cr_buf_span(&again), &response, err);
        } else {
            break;
        }
    }
    cr_buf_free(&response);
    cr_buf_free(&again);
    return status;
}

/* ---- what the shell does itself ----------------------------------------------------------------
 */

static void put_help(struct cli_shell *s, cr_span about)
{
    FILE *out = s->cli->out;
    cr_span rest;
    const struct lab_command *one = about.n ? lab_line_command(about, &rest) : NULL;
    for (size_t i = 0; i < lab_command_count; i++) {
        const struct lab_command *row = &lab_commands[i];
        char typed[80];
        if (!row->name || (one && row != one)) {
            continue;
        }
        (void)snprintf(typed, sizeof(typed), "%s %s", row->name, row->usage ? row->usage : "");
        (void)fprintf(out, "  %-32s %s\n", typed, row->help ? row->help : row->standard);
    }
    if (!one) {
        (void)fprintf(out,
                      "  %-32s a command as it is: 00 A4 00 04 02 3F00\n\n"
                      "Files are named as in MF/ADF.USIM/EF.IMSI, ADF.USIM/6F07, 3F00/2FE2, or by "
                      "a name alone.\nBytes are hex, numbers decimal (or 0x...).\n",
                      "HEX");
    }
}

static cr_status power(struct cli_shell *s, struct cr_err *err)
{
    cr_buf_reset(&s->atr);
    CR_TRY(s->card->reset(s->card->ctx, &s->atr, err));
    lab_session_reset(&s->session);
    s->channel = 0;
    return CR_OK;
}

static cr_status put_atr(struct cli_shell *s, struct cr_err *err)
{
    char hex[80];
    if (s->atr.n == 0) {
        CR_TRY(power(s, err));
    }
    (void)fprintf(s->cli->out, "%s\n", cr_hex_into(hex, sizeof(hex), cr_buf_span(&s->atr)));
    return CR_OK;
}

static cr_status use_channel(struct cli_shell *s, cr_span words, struct cr_err *err)
{
    char text[8];
    if (!cr_is_digits(words) || !cr_str_copy(text, sizeof(text), words) ||
        strtoul(text, NULL, 10) >= LAB_CHANNELS) {
        return cr_fail(err, CR_MALFORMED, NULL, "a logical channel is a number from 0 to %d",
                       LAB_CHANNELS - 1);
    }
    unsigned channel = (unsigned)strtoul(text, NULL, 10);
    if (!s->session.channel[channel].open) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "channel %u is not open", channel);
        return cr_err_next(err, status, "open it: channel open");
    }
    s->channel = channel;
    return CR_OK;
}

static cr_status local(struct cli_shell *s, const struct lab_command *row, cr_span words,
                       bool *quit, struct cr_err *err)
{
    switch ((enum lab_local)row->local) {
    case LAB_HELP:
        put_help(s, words);
        return CR_OK;
    case LAB_QUIT:
        *quit = true;
        return CR_OK;
    case LAB_RESET:
        CR_TRY(power(s, err));
        return put_atr(s, err);
    case LAB_ATR:
        return put_atr(s, err);
    case LAB_USE:
        return use_channel(s, words, err);
    case LAB_SEND:
        break;
    }
    return CR_OK;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

cr_status cli_shell_check(struct cli_shell *s, const char *line, struct cr_err *err)
{
    const struct lab_command *row;
    cr_span words;
    struct lab_apdus apdus;
    cr_status status = lab_line_parse(cr_span_str(line), &s->session, s->channel, &s->arena, &row,
                                      &words, &apdus, err);
    cr_arena_reset(&s->arena);
    return status;
}

cr_status cli_shell_line(struct cli_shell *s, const char *line, bool *quit, struct cr_err *err)
{
    const struct lab_command *row = NULL;
    cr_span words;
    struct lab_apdus apdus;
    cr_status status = lab_line_parse(cr_span_str(line), &s->session, s->channel, &s->arena, &row,
                                      &words, &apdus, err);
    if (status == CR_OK && row && row->local) {
        status = local(s, row, words, quit, err);
    }
    bool follow = row ? s->options.follow_names : s->options.follow;
    for (size_t i = 0; status == CR_OK && i < apdus.count; i++) {
        status = send_all(s, apdus.items[i], follow, err);
    }
    cr_arena_reset(&s->arena);
    return status;
}

/* ---- completion --------------------------------------------------------------------------------
 */

struct choices {
    char *words[MAX_CHOICES];
    size_t count;
};

static void add_choice(struct choices *c, cr_arena *arena, const char *typed, const char *word)
{
    size_t n = strlen(typed);
    if (c->count < MAX_CHOICES && strlen(word) >= n &&
        cr_span_equal_nocase(cr_span_of(word, n), cr_span_of(typed, n))) {
        char *copy = cr_arena_strn(arena, cr_span_str(word));
        if (copy) {
            c->words[c->count++] = copy;
        }
    }
}

static void command_choices(struct choices *c, cr_arena *arena, const char *typed)
{
    for (size_t i = 0; i < lab_command_count; i++) {
        if (lab_commands[i].name) {
            add_choice(c, arena, typed, lab_commands[i].name);
        }
    }
}

/* A path: what stands before its last slash, and the names below that. */
static void file_choices(struct cli_shell *s, struct choices *c, const char *typed)
{
    const char *slash = strrchr(typed, '/');
    size_t n = slash ? (size_t)(slash - typed) : 0;
    struct lab_place df = s->session.channel[s->channel].df;
    char name[LAB_NAME];
    char whole[LAB_PATH_TEXT];
    size_t cursor = 0;
    bool top = !slash;
    if (slash && lab_place_parse(cr_span_of(typed, n), &df, &df, NULL) != CR_OK) {
        return;
    }
    if (top || (df.base == LAB_BASE_MF && df.depth == 0)) {
        for (size_t i = 0; lab_application_name(i); i++) {
            (void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)n, typed, slash ? "/" : "",
                           lab_application_name(i));
            add_choice(c, &s->arena, typed, whole);
        }
    }
    if (top) {
        add_choice(c, &s->arena, typed, "MF");
    }
    while (lab_place_next_name(&df, &cursor, name)) {
        (void)snprintf(whole, sizeof(whole), "%.*s%s%s", (int)n, typed, slash ? "/" : "", name);
        add_choice(c, &s->arena, typed, whole);
    }
}

/* How much all of them have in common. */
static size_t common(const struct choices *c)
{
    size_t n = strlen(c->words[0]);
    for (size_t i = 1; i < c->count; i++) {
        size_t k = 0;
        while (k < n && c->words[i][k] && c->words[i][k] == c->words[0][k]) {
            k++;
        }
        n = k;
    }
    return n;
}

static unsigned char complete(EditLine *el, int ch)
{
    struct cli_shell *s = NULL;
    const LineInfo *info = el_line(el);
    char typed[LAB_PATH_TEXT];
    struct choices c = {.count = 0};
    (void)ch;
    (void)el_get(el, EL_CLIENTDATA, &s);
    if (!s || !cr_str_copy(typed, sizeof(typed),
                           cr_span_of(info->buffer, (size_t)(info->cursor - info->buffer)))) {
        return CC_ERROR;
    }
    const char *word = typed;
    if (strncmp(typed, "select ", 7) == 0) {
        word = typed + 7;
        file_choices(s, &c, word);
    } else {
        command_choices(&c, &s->arena, word);
    }
    unsigned char result = CC_ERROR;
    if (c.count > 0) {
        size_t have = strlen(word);
        size_t n = common(&c);
        if (n > have || (n == have && strncmp(c.words[0], word, have) != 0)) {
            el_deletestr(el, (int)have);
            char *text = cr_arena_strn(&s->arena, cr_span_of(c.words[0], n));
            (void)el_insertstr(el, text ? text : word);
            result = CC_REFRESH;
        } else if (c.count > 1) {
            (void)fputc('\n', s->cli->out);
            for (size_t i = 0; i < c.count; i++) {
                (void)fprintf(s->cli->out, "  %s\n", c.words[i]);
            }
            (void)fflush(s->cli->out);
            result = CC_REDISPLAY;
        }
    }
    cr_arena_reset(&s->arena);
    return result;
}

/* ---- the terminal ------------------------------------------------------------------------------
 */

static char *prompt(EditLine *el)
{
    static char fallback[] = "apdu> ";
    struct cli_shell *s = NULL;
    (void)el_get(el, EL_CLIENTDATA, &s);
    if (!s || s->channel == 0) {
        return fallback;
    }
    (void)snprintf(s->prompt, sizeof(s->prompt), "apdu %u> ", s->channel);
    return s->prompt;
}

/* $XDG_STATE_HOME/crisp/apdu_history, ~/.local/state/crisp/apdu_history; NULL = nowhere. */
static const char *history_path(struct cli_shell *s)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const char *dir = state && state[0] ? cr_arena_printf(&s->cli->arena, "%s/crisp", state)
                      : home && home[0]
                          ? cr_arena_printf(&s->cli->arena, "%s/.local/state/crisp", home)
                          : NULL;
    if (!dir || cr_dir_make(dir, NULL) != CR_OK) {
        return NULL;
    }
    return cr_arena_printf(&s->cli->arena, "%s/apdu_history", dir);
}

/* PINs, and commands in hex that carry them, are not written down. */
static bool is_secret(const char *line)
{
    cr_span rest;
    const struct lab_command *row = lab_line_command(cr_span_str(line), &rest);
    cr_buf bytes = {.secret = true};
    bool secret = row && row->secret;
    if (!row && cr_hex_decode(&bytes, cr_span_str(line), NULL) == CR_OK) {
        row = lab_command_of(cr_buf_span(&bytes));
        secret = row && row->secret;
    }
    cr_buf_free(&bytes);
    return secret;
}

static cr_status lines(struct cli_shell *s, EditLine *el, History *past, const char *path,
                       struct cr_err *err)
{
    HistEvent event;
    bool quit = false;
    int n = 0;
    const char *typed;
    while (!quit && (typed = el_gets(el, &n)) && n > 0) {
        struct cr_err problem = {0};
        char *line = cr_arena_strn(&s->cli->arena, cr_span_str(typed));
        if (!line) {
            return cr_fail_memory(err);
        }
        line[strcspn(line, "\r\n")] = 0;
        if (!line[0]) {
            continue;
        }
        if (!is_secret(line)) {
            (void)history(past, &event, H_ENTER, line);
        }
        cr_status status = cli_shell_line(s, line, &quit, &problem);
        if (status == CR_RESOURCE || status == CR_INTERNAL) {
            *err = problem;
            return status;
        }
        if (status != CR_OK) {
            (void)fprintf(s->cli->err, "%s%s%s\n", problem.cause, problem.next[0] ? "\n  " : "",
                          problem.next);
        }
    }
    if (!quit) {
        (void)fputc('\n', s->cli->out); /* behind the Ctrl-D */
    }
    if (path) {
        mode_t before = umask(077);
        (void)history(past, &event, H_SAVE, path);
        (void)umask(before);
    }
    return CR_OK;
}

cr_status cli_shell_interact(struct cli_shell *s, struct cr_err *err)
{
    HistEvent event;
    const char *path = history_path(s);
    EditLine *el = el_init("crisp", stdin, s->cli->out, s->cli->err);
    History *past = history_init();
    cr_status status;
    if (!el || !past) {
        status = cr_fail_memory(err);
    } else {
        (void)el_set(el, EL_CLIENTDATA, s);
        (void)el_set(el, EL_PROMPT, prompt);
        (void)el_set(el, EL_EDITOR, "emacs");
        (void)el_set(el, EL_SIGNAL, 1);
        (void)el_set(el, EL_HIST, history, past);
        (void)el_set(el, EL_ADDFN, "complete", "Complete a command or a file", complete);
        (void)el_set(el, EL_BIND, "^I", "complete", NULL);
        (void)history(past, &event, H_SETSIZE, HISTORY_LINES);
        if (path) {
            (void)history(past, &event, H_LOAD, path); /* the first time there is none */
        }
        status = lines(s, el, past, path, err);
    }
    if (el) {
        el_end(el);
    }
    if (past) {
        history_end(past);
    }
    return status;
}
