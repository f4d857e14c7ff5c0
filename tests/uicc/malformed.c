/*
 * Malformed commands without end: every instruction, class, open and closed channel and length from
 * 0 to 260, with data that fits its length and data that does not. The card answers each with a
 * status word that its command may have (ETSI TS 102 221 10.2.2), never with data beside an error,
 * and a command that fails changes nothing but the counters of PINs and the sequence numbers.
 */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX_LENGTH 260

/* What every command may answer. */
static const uicc_sw common[] = {0x6700, 0x6881, 0x6882, 0x6E00, 0x6D00, 0x6F00, 0x6581};

#define OK        0x9000
#define WARNINGS  0x6282, 0x6283, 0x6284
#define CONDITION 0x6981, 0x6982, 0x6984, 0x6985, 0x6986
#define PIN_WORDS 0x63C0, 0x6983, 0x6984, 0x6985, 0x6A80, 0x6A86, 0x6A88

/* Words beside the common ones; 61xx and 6Cxx are in `more`. A word with a zero low digit of 63Cx
 * stands for all of them. */
static const struct allowed {
    uint8_t ins;
    bool more; /* 61xx, 6Cxx */
    uicc_sw words[14];
} table[] = {
    {0x04, false, {OK, CONDITION, 0x6A82, 0x6A86}},
    {0x10, false, {OK, 0x6A86, 0x6A84}},
    {0x12, true, {OK, 0x6985, 0x6A86}},
    {0x14, false, {OK, 0x6985, 0x6A80, 0x6A86}},
    {0x20, false, {OK, PIN_WORDS}},
    {0x24, false, {OK, PIN_WORDS}},
    {0x26, false, {OK, PIN_WORDS}},
    {0x28, false, {OK, PIN_WORDS}},
    {0x2C, false, {OK, PIN_WORDS}},
    {0x32, true, {OK, CONDITION, 0x6A82, 0x6A86, 0x9850}},
    {0x44, false, {OK, CONDITION, 0x6A82, 0x6A86}},
    {0x70, true, {OK, 0x6A86}},
    {0x78, true, {OK, 0x6982, 0x6985, 0x6A80, 0x6A86, 0x6A88}},
    {0x84, true, {OK, 0x6A86}},
    {0x88, true, {OK, 0x6982, 0x6985, 0x6A80, 0x6A86, 0x9862, 0x9864}},
    {0x89, true, {OK, 0x62F1, 0x62F3, 0x63F1, 0x6982, 0x6985, 0x6A80, 0x6A86, 0x9862, 0x9864}},
    {0xA2, true, {OK, CONDITION, 0x6282, 0x6A80, 0x6A82, 0x6A83, 0x6A86}},
    {0xA4, true, {OK, 0x6283, 0x6284, 0x6985, 0x6A82, 0x6A86}},
    {0xAA, false, {OK, 0x6A80, 0x6A84, 0x6A86}},
    {0xB0, true, {OK, CONDITION, 0x6282, 0x6A82, 0x6A86, 0x6B00}},
    {0xB2, true, {OK, CONDITION, 0x6A82, 0x6A83, 0x6A86}},
    {0xC0, true, {OK, 0x62F1, 0x6985, 0x6A86}},
    {0xC2, true, {OK, 0x6985, 0x6A80, 0x6A86}},
    {0xCB, true, {OK, CONDITION, 0x62F1, 0x6A80, 0x6A82, 0x6A86, 0x6A88}},
    {0xD4, false, {OK, CONDITION, 0x6A80, 0x6A82, 0x6A84, 0x6A86}},
    {0xD6, false, {OK, CONDITION, 0x6A82, 0x6A86, 0x6B00}},
    {0xDB, false, {OK, CONDITION, 0x63F1, 0x6A80, 0x6A82, 0x6A84, 0x6A86, 0x6A88}},
    {0xDC, false, {OK, CONDITION, 0x6A82, 0x6A83, 0x6A86}},
    {0xE0, false, {OK, CONDITION, 0x6A80, 0x6A82, 0x6A84, 0x6A86, 0x6A89}},
    {0xE4, false, {OK, CONDITION, 0x6A82, 0x6A86}},
    {0xE6, false, {OK, CONDITION, 0x6A82, 0x6A86}},
    {0xE8, false, {OK, CONDITION, 0x6A82, 0x6A86}},
    {0xF2, true, {OK, 0x6A86, 0x6A88}},
    {0xFE, false, {OK, 0x6982, 0x6985, 0x6A86}},
};

static bool listed(const uicc_sw *words, size_t n, uicc_sw sw)
{
    for (size_t i = 0; i < n; i++) {
        bool retries = words[i] == 0x63C0 && (sw & 0xFFF0) == 0x63C0;
        if (words[i] && (words[i] == sw || retries)) {
            return true;
        }
    }
    return false;
}

static bool may_answer(uint8_t ins, uicc_sw sw)
{
    if (listed(common, CR_COUNT(common), sw)) {
        return true;
    }
    for (size_t i = 0; i < CR_COUNT(table); i++) {
        if (table[i].ins == ins) {
            bool more = table[i].more && (sw >> 8 == 0x61 || sw >> 8 == 0x6C);
            return more || listed(table[i].words, CR_COUNT(table[i].words), sw);
        }
    }
    return false; /* 6D00 is a common one */
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13; /* xorshift */
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Without the counters that a failed PIN or an authentication changes: k, u, q. */
static void dump(const struct nvm *nvm, cr_buf *out)
{
    cr_span key = {0}, value;
    size_t at = strlen(SIM_PREFIX);
    cr_buf_reset(out);
    while (nvm_next(nvm, cr_span_str(SIM_PREFIX), key, &key, &value)) {
        if (memchr("kuq", key.p[at], 3)) {
            continue;
        }
        cr_buf_append_span(out, key);
        cr_buf_append_byte(out, '=');
        cr_buf_append_span(out, value);
    }
    SIM_MUST(cr_buf_ok(out));
}

/* A card with channels 1 and 5 open, an EF current, all keys of the USIM verified. */
static struct sim *prepared(void)
{
    struct sim *sim = sim_new();
    SIM_SW(sim, SELECT_USIM, 0x9000);
    SIM_SW(sim, "0070000000", 0x9000);
    SIM_SW(sim, "0070000500", 0x9000);
    SIM_SW(sim, "01A4040C0C" USIM_AID, 0x9000);
    SIM_SW(sim, "41A4040C0C" ISIM_AID, 0x9000);
    SIM_SW(sim, VERIFY_ADM1, 0x9000);
    SIM_SW(sim, VERIFY_PIN2, 0x9000);
    SIM_SW(sim, "00A4000C026F7E", 0x9000);
    SIM_SW(sim, "01A4000C026F3B", 0x9000);
    return sim;
}

/* How the third length byte is chosen. */
enum fit { CASE_3, CASE_4, ANY };

static void make(uint8_t apdu[MAX_LENGTH], size_t n, uint8_t cla, uint8_t ins, enum fit fit,
                 uint32_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        apdu[i] = (uint8_t)next_random(seed);
    }
    /* Parameters that get far more often than random ones would. */
    static const uint8_t p1[] = {0x00, 0x01, 0x04, 0x08, 0x80, 0x87};
    static const uint8_t p2[] = {0x00, 0x04, 0x0C, 0x80, 0x81, 0x01};
    if (n > 0) {
        apdu[0] = cla;
    }
    if (n > 1) {
        apdu[1] = ins;
    }
    if (n > 3 && next_random(seed) % 4) {
        apdu[2] = p1[next_random(seed) % CR_COUNT(p1)];
        apdu[3] = p2[next_random(seed) % CR_COUNT(p2)];
    }
    if (n > 5 && fit == CASE_3) {
        apdu[4] = (uint8_t)(n - 5);
    } else if (n > 6 && fit == CASE_4) {
        apdu[4] = (uint8_t)(n - 6);
    }
}

static void check(struct sim *sim, const uint8_t *apdu, size_t n, cr_buf *before, cr_buf *after)
{
    cr_buf_reset(&sim->response);
    assert_int_equal(uicc_transmit(sim->uicc, cr_span_of(apdu, n), &sim->response, &sim->err),
                     CR_OK);
    assert_in_range(sim->response.n, 2, 258);
    const uint8_t *end = sim->response.p + sim->response.n;
    uicc_sw sw = (uicc_sw)(end[-2] << 8 | end[-1]);
    uint8_t ins = n > 1 ? apdu[1] : 0;
    char hex[2 * MAX_LENGTH + 1];
    if (!may_answer(ins, sw)) {
        fail_msg("%s: %04X", cr_hex_into(hex, sizeof hex, cr_span_of(apdu, n)), sw);
    }
    unsigned sw1 = sw >> 8;
    bool failed = (sw1 >= 0x64 && sw1 <= 0x6F) || sw1 == 0x98;
    if (failed && sim->response.n != 2) {
        fail_msg("%s: data beside %04X", cr_hex_into(hex, sizeof hex, cr_span_of(apdu, n)), sw);
    }
    if (nvm_in_transaction(sim->nvm)) {
        fail_msg("%s: the transaction is open", cr_hex_into(hex, sizeof hex, cr_span_of(apdu, n)));
    }
    if (before) {
        dump(sim->nvm, after);
        bool same = cr_span_equal(cr_buf_span(before), cr_buf_span(after));
        if (failed && !same) {
            fail_msg("%s: %04X, and the memory is another",
                     cr_hex_into(hex, sizeof hex, cr_span_of(apdu, n)), sw);
        }
        if (!same) {
            cr_buf_reset(before);
            cr_buf_append_span(before, cr_buf_span(after));
        }
    }
}

/* Basic, open, closed channels; secure messaging; classes of nobody. */
static const uint8_t classes[] = {0x00, 0x80, 0x01, 0x81, 0x41, 0xC1, 0x03, 0x4F, 0x04,
                                  0x0C, 0x88, 0x60, 0xE0, 0x10, 0x20, 0x90, 0xA0, 0xFF};

static void every_length(void **state)
{
    (void)state;
    uint32_t seed = 102221;
    for (unsigned ins = 0; ins < 256; ins++) {
        struct sim *sim = prepared();
        for (size_t c = 0; c < CR_COUNT(classes); c++) {
            for (size_t n = 0; n <= MAX_LENGTH; n++) {
                uint8_t apdu[MAX_LENGTH];
                make(apdu, n, classes[c], (uint8_t)ins, n % 3, &seed);
                check(sim, apdu, n, NULL, NULL);
            }
        }
        sim_free(sim);
    }
}

/* The instructions that there are, more often, in all three ways, and with a look at the memory. */
static void known_instructions(void **state)
{
    (void)state;
    uint32_t seed = 102222;
    cr_buf before = {0}, after = {0};
    for (size_t i = 0; i < CR_COUNT(table); i++) {
        struct sim *sim = prepared();
        dump(sim->nvm, &before);
        for (size_t n = 4; n <= MAX_LENGTH; n += n < 40 ? 1 : 9) {
            for (enum fit fit = CASE_3; fit <= ANY; fit++) {
                for (size_t c = 0; c < 6; c++) {
                    uint8_t apdu[MAX_LENGTH];
                    make(apdu, n, classes[c], table[i].ins, fit, &seed);
                    check(sim, apdu, n, &before, &after);
                }
            }
        }
        sim_free(sim);
    }
    cr_buf_free(&before);
    cr_buf_free(&after);
}

/* Every P1 and P2 of every instruction, without data and with some. */
static void every_parameter(void **state)
{
    (void)state;
    static const char *const data[] = {"", "00", "023F00", "0480010100"};
    for (size_t i = 0; i < CR_COUNT(table); i++) {
        struct sim *sim = prepared();
        for (unsigned p = 0; p < 0x10000; p += p % 256 == 255 ? 1 + 256 * 2 : 1) {
            for (size_t k = 0; k < CR_COUNT(data); k++) {
                struct sim_bytes b = sim_hex(data[k]);
                uint8_t apdu[16] = {0x00, table[i].ins, (uint8_t)(p >> 8), (uint8_t)p};
                memcpy(apdu + 4, b.p, b.n);
                check(sim, apdu, 4 + b.n, NULL, NULL);
                apdu[0] = 0x80;
                check(sim, apdu, 4 + b.n, NULL, NULL);
            }
        }
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length),
        cmocka_unit_test(known_instructions),
        cmocka_unit_test(every_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
