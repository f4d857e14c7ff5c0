#include "lab/fault.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum what {
    CUT_BEFORE,
    CUT_AFTER,
    CUT_AT_WRITE,
    CUT_BEFORE_COMMIT,
    CUT_AFTER_COMMIT,
    FLIP_RESPONSE,
    FLIP_COMMAND,
    DELAY,
    DROP
};

struct lab_fault_row {
    enum what what;
    const char *words; /* N: a count, BIT and MS: numbers; all else as it stands */
    bool commands;     /* N counts commands: an instruction may follow */
    const char *help;
};

/* Longer sentences of one beginning come first. */
static const struct lab_fault_row rows[] = {
    {CUT_BEFORE_COMMIT, "cut before commit N", false,
     "power is cut before the Nth commit of the chip's memory: what the command wrote is lost"},
    {CUT_AFTER_COMMIT, "cut after commit N", false,
     "power is cut behind the Nth commit: what was written stays, the answer is lost"},
    {CUT_AT_WRITE, "cut at write N", false,
     "power is cut before the Nth write to the chip's memory"},
    {CUT_BEFORE, "cut before N", true, "power is cut before the chip gets the Nth command"},
    {CUT_AFTER, "cut after N", true,
     "power is cut when the chip has done the Nth command; the answer is lost"},
    {FLIP_RESPONSE, "flip BIT of response N", true,
     "turns a bit of the answer to the Nth command over (0 = lowest bit of the first byte)"},
    {FLIP_COMMAND, "flip BIT of command N", true, "turns a bit of the Nth command over"},
    {DELAY, "delay MS at N", true, "waits so many milliseconds before the Nth command"},
    {DROP, "drop N", true, "the chip does not get the Nth command; the reader is answered 6F00"},
};

#define COUNT_MAX 1000000000u
#define BIT_MAX   524279u /* the last bit of the longest command */

void lab_fault_help(cr_buf *out)
{
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf_appendf(out, "%-24s %s\n", rows[i].words, rows[i].help);
    }
    cr_buf_append_str(out,
                      "N is a number from 1, or 'every' and a number; behind N of a command may "
                      "stand an instruction: cut after 3 STORE DATA\n");
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct reader {
    const char *text;
    const char *at;
};

static void skip(struct reader *r)
{
    while (*r->at == ' ') {
        r->at++;
    }
}

static cr_span peek_word(struct reader *r)
{
    skip(r);
    return cr_span_of(r->at, strcspn(r->at, " "));
}

static cr_status expected(const struct reader *r, struct cr_err *err, const char *what)
{
    cr_status status = cr_fail(err, CR_MALFORMED, NULL, "%s is expected here", what);
    return cr_err_code(err, status, (long)(r->at - r->text) + 1);
}

static cr_status read_number(struct reader *r, const char *what, uint64_t least, uint64_t most,
                             uint64_t *out, struct cr_err *err)
{
    cr_span word = peek_word(r);
    char message[80];
    uint64_t v = 0;
    (void)snprintf(message, sizeof(message), "%s from %llu to %llu", what,
                   (unsigned long long)least, (unsigned long long)most);
    if (!cr_is_digits(word) || word.n > 10) {
        return expected(r, err, message);
    }
    for (size_t i = 0; i < word.n; i++) {
        v = v * 10 + (uint64_t)(word.p[i] - '0');
    }
    if (v < least || v > most) {
        return expected(r, err, message);
    }
    r->at += word.n;
    *out = v;
    return CR_OK;
}

static cr_status read_count(struct reader *r, struct lab_fault *f, struct cr_err *err)
{
    cr_span word = peek_word(r);
    if (cr_span_equal_nocase(word, cr_span_str("every"))) {
        f->every = true;
        r->at += word.n;
    }
    return read_number(r, f->every ? "a number" : "'every' or a number", 1, COUNT_MAX, &f->number,
                       err);
}

/* The rest of the line names an instruction: as the standard does, or two hex digits. */
static cr_status read_instruction(struct reader *r, struct lab_fault *f, struct cr_err *err)
{
    cr_span rest = cr_span_str((skip(r), r->at));
    while (rest.n > 0 && rest.p[rest.n - 1] == ' ') {
        rest.n--;
    }
    if (rest.n == 0) {
        return CR_OK;
    }
    if (!f->row->commands) {
        return expected(r, err, "the end");
    }
    const struct lab_command *row = lab_command_standard(rest);
    if (row) {
        f->ins = row->ins;
    } else if (rest.n != 2 || !cr_hex_fixed(&f->ins, 1, rest)) {
        return expected(r, err, "an instruction (STORE DATA, READ BINARY, or two hex digits)");
    }
    f->has_ins = true;
    return CR_OK;
}

/* How many of the words of a row the text has; *whole: all, up to its first number. */
static size_t words_alike(const char *words, const char *text)
{
    size_t count = 0;
    struct reader typed = {text, text};
    struct reader row = {words, words};
    for (;;) {
        cr_span want = peek_word(&row);
        cr_span have = peek_word(&typed);
        bool number = want.n > 0 && want.p[0] >= 'A' && want.p[0] <= 'Z';
        bool digits = have.n > 0 && have.p[0] >= '0' && have.p[0] <= '9';
        if (want.n == 0 || have.n == 0 || !(number ? digits : cr_span_equal_nocase(want, have))) {
            return count;
        }
        count++;
        row.at += want.n;
        typed.at += have.n;
    }
}

static cr_status read_row(struct reader *r, struct lab_fault *f, struct cr_err *err)
{
    struct reader words = {f->row->words, f->row->words};
    for (cr_span want = peek_word(&words); want.n > 0; want = peek_word(&words)) {
        uint64_t v = 0;
        words.at += want.n;
        if (cr_span_equal(want, cr_span_str("N"))) {
            CR_TRY(read_count(r, f, err));
        } else if (cr_span_equal(want, cr_span_str("BIT"))) {
            CR_TRY(read_number(r, "a bit", 0, BIT_MAX, &v, err));
            f->bit = (unsigned)v;
        } else if (cr_span_equal(want, cr_span_str("MS"))) {
            CR_TRY(read_number(r, "milliseconds", 1, LAB_MAX_FAULT_MS, &v, err));
            f->ms = (unsigned)v;
        } else {
            cr_span have = peek_word(r);
            if (!cr_span_equal_nocase(want, have)) {
                char message[40];
                (void)snprintf(message, sizeof(message), "'%.*s'", (int)want.n,
                               (const char *)want.p);
                return expected(r, err, message);
            }
            r->at += have.n;
        }
    }
    return read_instruction(r, f, err);
}

static bool begins_like(const char *words, const char *text)
{
    return words_alike(words, text) > 0;
}

cr_status lab_fault_add(struct lab_faults *f, const char *text, struct cr_err *err)
{
    struct reader r = {text, text};
    struct lab_fault fault = {0};
    size_t best = 0;
    if (f->count == LAB_MAX_FAULTS) {
        return cr_fail(err, CR_REFUSED, NULL, "more than %d faults", LAB_MAX_FAULTS);
    }
    /* The row with the most words in common says best what is wrong with the rest. */
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        size_t alike = words_alike(rows[i].words, text);
        if (begins_like(rows[i].words, text) && alike >= best) {
            best = alike;
            fault.row = &rows[i];
        }
    }
    skip(&r);
    if (!fault.row) {
        return expected(&r, err, "cut, flip, delay or drop");
    }
    CR_TRY(read_row(&r, &fault, err));
    f->items[f->count++] = fault;
    return CR_OK;
}

/* ---- happening ---------------------------------------------------------------------------------
 */

static bool hit(struct lab_fault *f)
{
    f->seen++;
    return f->every ? f->seen % f->number == 0 : f->seen == f->number;
}

static bool concerns(const struct lab_fault *f, const uint8_t *command, size_t n)
{
    return f->row->commands && (!f->has_ins || (n > 1 && command[1] == f->ins));
}

static void flip(uint8_t *bytes, size_t n, unsigned bit)
{
    if (n > 0) {
        bytes[bit / 8 % n] ^= (uint8_t)(1u << bit % 8);
    }
}

struct lab_fault_plan lab_fault_command(struct lab_faults *f, uint8_t *command, size_t n)
{
    struct lab_fault_plan plan = {0};
    uint8_t before[2] = {0};
    memcpy(before, command, n < sizeof(before) ? n : sizeof(before));
    for (size_t i = 0; i < f->count; i++) {
        struct lab_fault *fault = &f->items[i];
        /* A flipped instruction byte does not change what the others count. */
        fault->due = false;
        if (!concerns(fault, before, n) || !hit(fault)) {
            continue;
        }
        switch (fault->row->what) {
        case CUT_BEFORE:
            plan.cut_before = true;
            break;
        case CUT_AFTER:
            plan.cut_after = true;
            break;
        case FLIP_COMMAND:
            flip(command, n, fault->bit);
            break;
        case DELAY:
            plan.delay_ms += fault->ms;
            break;
        case DROP:
            plan.drop = true;
            break;
        case CUT_AT_WRITE:
        case CUT_BEFORE_COMMIT:
        case CUT_AFTER_COMMIT:
            break;
        case FLIP_RESPONSE:
            fault->due = true;
            break;
        }
    }
    return plan;
}

void lab_fault_response(struct lab_faults *f, uint8_t *response, size_t n)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].due) {
            flip(response, n, f->items[i].bit);
        }
        f->items[i].due = false;
    }
}

bool lab_fault_nvm(void *ctx, enum nvm_point point)
{
    static const enum what of_point[] = {[NVM_WRITE] = CUT_AT_WRITE,
                                         [NVM_BEFORE_COMMIT] = CUT_BEFORE_COMMIT,
                                         [NVM_AFTER_COMMIT] = CUT_AFTER_COMMIT};
    struct lab_faults *f = ctx;
    bool cut = false;
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].row->what == of_point[point] && hit(&f->items[i])) {
            cut = true;
        }
    }
    return cut;
}

bool lab_faults_of_memory(const struct lab_faults *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (!f->items[i].row->commands) {
            return true;
        }
    }
    return false;
}

bool lab_faults_delay(const struct lab_faults *f)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].row->what == DELAY) {
            return true;
        }
    }
    return false;
}
