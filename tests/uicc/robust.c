#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- the whole range of headers ----------------------------------------------------------------
 */

static uicc_sw exchange(struct sim *sim, const uint8_t *apdu, size_t n)
{
    cr_buf_reset(&sim->response);
    assert_int_equal(uicc_transmit(sim->uicc, cr_span_of(apdu, n), &sim->response, &sim->err),
                     CR_OK);
    assert_true(cr_buf_ok(&sim->response) && sim->response.n >= 2 && sim->response.n <= 258);
    const uint8_t *end = sim->response.p + sim->response.n;
    return (uicc_sw)(end[-2] << 8 | end[-1]);
}

static void every_class(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    for (unsigned cla = 0; cla < 256; cla++) {
        const uint8_t select[] = {(uint8_t)cla, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
        uicc_sw expected = UICC_SW_WRONG_CLA;
        switch (cla >> 4) {
        case 0x0:
            expected = cla & 0x0C ? UICC_SW_NO_SECURE_MESSAGING
                       : cla      ? UICC_SW_NO_CHANNEL
                                  : UICC_SW_OK;
            break;
        case 0x8: /* SELECT is none of these, but the channel is looked at first */
            expected = cla & 0x0C    ? UICC_SW_NO_SECURE_MESSAGING
                       : cla != 0x80 ? UICC_SW_NO_CHANNEL
                                     : UICC_SW_WRONG_CLA;
            break;
        case 0x4:
        case 0xC:
            expected = UICC_SW_NO_CHANNEL;
            break;
        case 0x6:
        case 0xE:
            expected = UICC_SW_NO_SECURE_MESSAGING;
            break;
        default:
            break;
        }
        uicc_sw sw = exchange(sim, select, sizeof select);
        if (sw != expected) {
            fail_msg("class %02X: %04X", cla, sw);
        }
    }
    sim_free(sim);
}

static void every_instruction(void **state)
{
    (void)state;
    static const uint8_t iso[] = {0x04, 0x20, 0x24, 0x26, 0x28, 0x2C, 0x44, 0x70, 0x84, 0x88, 0x89,
                                  0xA2, 0xA4, 0xB0, 0xB2, 0xD6, 0xDC, 0xE0, 0xE4, 0xE6, 0xE8, 0xFE};
    static const uint8_t etsi[] = {0x10, 0x12, 0x14, 0x32, 0x78, 0xAA,
                                   0xC2, 0xCB, 0xD4, 0xDB, 0xF2};
    struct sim *sim = sim_new();
    for (unsigned ins = 0; ins < 256; ins++) {
        bool is_iso = memchr(iso, (int)ins, sizeof iso) != NULL;
        bool is_etsi = memchr(etsi, (int)ins, sizeof etsi) != NULL;
        if (ins == 0xC0) {
            continue; /* GET RESPONSE: both */
        }
        for (unsigned cla = 0; cla <= 0x80; cla += 0x80) {
            const uint8_t apdu[] = {(uint8_t)cla, (uint8_t)ins, 0xFF, 0xFF};
            uicc_sw sw = exchange(sim, apdu, sizeof apdu);
            bool mine = cla ? is_etsi : is_iso;
            if (!is_iso && !is_etsi) {
                assert_int_equal(sw, UICC_SW_WRONG_INS);
            } else if (!mine) {
                assert_int_equal(sw, UICC_SW_WRONG_CLA);
            } else {
                assert_int_not_equal(sw, UICC_SW_WRONG_INS);
                assert_int_not_equal(sw, UICC_SW_WRONG_CLA);
                assert_int_not_equal(sw, UICC_SW_OK);
            }
        }
    }
    sim_free(sim);
}

static void every_length(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const uint8_t nothing[300];
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(exchange(sim, nothing, n), UICC_SW_WRONG_LENGTH);
    }
    /* For each Lc only the two right lengths get past 6700. */
    for (unsigned lc = 0; lc < 256; lc++) {
        for (size_t n = 6; n < 270; n++) {
            uint8_t apdu[300] = {0x80, 0x10, 0x00, 0x00, (uint8_t)lc};
            uicc_sw sw = exchange(sim, apdu, n);
            bool right = lc > 0 && (n == 5 + lc || n == 6 + lc);
            if (sw != (right ? UICC_SW_OK : UICC_SW_WRONG_LENGTH)) {
                fail_msg("Lc %u in %zu bytes: %04X", lc, n, sw);
            }
        }
    }
    /* extended lengths: no */
    SIM_EXPECT(sim,
               "00A4000400000"
               "23F000000",
               "6700");
    SIM_EXPECT(sim, "00B00000000100", "6700");
    SIM_EXPECT(sim,
               "00A40004000002"
               "3F00",
               "6700");
    sim_free(sim);
}

/* --- what hosts send ---------------------------------------------------------------------------
 */

static void a_phone(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    static const struct {
        const char *command;
        uicc_sw sw;
    } steps[] = {
        {"00A40004023F00", 0x612E},
        {"00C000002E", 0x9000},
        {"00A40804022FE2", 0x6119},
        {"00B000000A", 0x9000},
        {"00A4080C022FE2", 0x9000},
        {"00A4080402"
         "2F05",
         0x6119},
        {"801000001EFFFFFFFF7F9D00DFBF000000000000000000000000000000000000000000", 0x9000},
        {"00A40004022F00", 0x611C},
        {"00C000001C", 0x9000},
        {"00B2010414", 0x9000},
        {"00B2020414", 0x9000},
        {"00B2030414", 0x6A83},
        {"00A404040C" USIM_AID, 0x613F},
        {"00C000003F", 0x9000},
        {"0070000001", 0x9000},
        {"01A404040C" ISIM_AID, 0x613F},
        {"0020000100", 0x63C3},
        {"0020008100", 0x63C3},
        {"002C000100", 0x63CA},
        {"002C008100", 0x63CA},
        {"00A4080404"
         "7FFF6F07",
         0x6119},
        {"00B0000009", 0x9000},
        {"00A4080404"
         "7FFF6FAD",
         0x6A82}, /* not in this profile */
        {"00A4000C02"
         "3F00",
         0x9000},
        {"00A4080406"
         "7FFF5F3B4F20",
         0x6119},
        {"00A4080406"
         "7FFF5F3B4F52",
         0x6A82},
        {"80F201010E", 0x9000},
        {"00A4080C04"
         "7FFF6F7E",
         0x9000},
        {"00D600000BFFFFFFFF00F110000AFF00", 0x9000},
        {"00A40400"
         "09A00000015141434C00",
         0x6A82},
        {"80F2000C00", 0x9000},
        /* a phone and an LPA ask first whether the card is an eUICC */
        {"80AA00000AA9088100820101830107", 0x9000},
        {"00A4040010"
         "A0000005591010FFFFFFFF8900000100",
         0x6A82},
        {"00708001", 0x9000},
        /* old and generic readers */
        {"A0A40000023F00", 0x6E00},
        {"00A404000762"
         "7601FF000000",
         0x6A82},
        {"00A404000762"
         "7601FF00000000",
         0x6A82},
        {"B03C00000400000000", 0x6E00},
        {"B0F2000004", 0x6E00},
        {"B058000000", 0x6E00},
        {"00A4040005A000000001", 0x6A82},
        {"00CA9F7F00", 0x6D00},
        {"80CA9F7F00", 0x6D00},
        {"8076000000", 0x6D00},
        {"807A000000", 0x6D00},
        {"FFFFFFFFFF", 0x6E00},
    };
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        uicc_sw sw = sim_sw(sim, steps[i].command);
        if (sw != steps[i].sw) {
            fail_msg("step %zu %s: %04X", i, steps[i].command, sw);
        }
    }
    sim_free(sim);
}

static void challenges(void **state)
{
    (void)state;
    struct sim *sim = sim_new();
    sim->random = 1;
    SIM_EXPECT(sim, "0084000008", "01020304050607089000");
    SIM_EXPECT(sim, "0084000001", "099000");
    SIM_EXPECT(sim, "00840000", "6700");
    SIM_EXPECT(sim, "0084010008", "6A86");
    SIM_EXPECT(sim, "0084000001AA", "6700");
    (void)sim_send(sim, "0084000000");
    assert_int_equal(sim->response.n, 258);
    sim_free(sim);
}

/* --- random commands ---------------------------------------------------------------------------
 */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13; /* xorshift */
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static size_t below(uint32_t *seed, size_t n)
{
    return (next_random(seed) >> 4) % n;
}

static const char *const fids[] = {"3F00", "7FFF", "7F10", "6F07", "6F39", "6F3A", "6F3B", "6FC0",
                                   "5F3B", "5F3A", "4F20", "4F22", "2F00", "2FE2", "6FB7", "6F45"};

/* Commands that succeed in some state, to be varied: nn = random byte, ffff = one of the FIDs. */
static const char *const shapes[] = {
    "00A4000C02ffff",
    "00A40004"
    "02ffff"
    "00",
    "00A40004"
    "02ffff",
    "00A4080C02ffff",
    "00A4080C047FFFffff",
    "00A4080C06"
    "7FFF"
    "ffff"
    "ffff",
    "00A4090C02ffff",
    "00A4010C02ffff",
    "00A4030C",
    SELECT_USIM,
    SELECT_ISIM,
    "00A4040E05A000000087",
    "00A4044C05A000000087",
    "01A4040C0C" USIM_AID,
    "01A4000C02ffff",
    "0070000001",
    "00708001",
    "00C0000000",
    "80F2000000",
    "80F2000100",
    "00B0000000",
    "00B000nnnn",
    "00B0nn0000",
    "00D60000"
    "02nnnn",
    "00B2010400",
    "00B2nnnn00",
    "00B2000200",
    "00B2000300",
    "00DC010404nnnnnnnn",
    "00DC010408nnnnnnnnnnnnnnnn",
    "00DC000303nnnnnn",
    "00A2010401nn"
    "00",
    "00A2010604"
    "0C"
    "nn"
    "nnnn",
    "8032000001nn",
    "8032000003FFnnnn",
    "80CB0080015C00",
    "80CB008001"
    "80"
    "02",
    "80CB000000",
    "80CB004000",
    "80DB008005"
    "8003nnnnnn",
    "80DB008004"
    "8006nnnn",
    "80DB000002nnnn",
    "80DB008001"
    "80",
    "0020000100",
    VERIFY_PIN1,
    VERIFY_PIN2,
    ENABLE_PIN1,
    "00200001"
    "08"
    "3030303nFFFFFFFF",
    "002C000110"
    "31313131313131313030303"
    "0FFFFFFFF",
    "002600010830303030FFFFFFFF",
    "0088008011"
    "10"
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    "0089808113"
    "7322"
    "10"
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
    "0089A08100",
    "0084000008",
    "0004000002ffff",
    "0044000002ffff",
    "00E4000002ffff",
    "80D400000A"
    "6208"
    "8302ffff"
    "800200nn",
    "00E0000018"
    "6216"
    "82024121"
    "83026Fnn"
    "8A0105"
    "8B036F0607"
    "80020003"
    "8800",
    "8010000003nnnnnn",
    "8012000000",
    "801400000C"
    "8103010104"
    "82028281"
    "830100",
    "80C2000003D101nn",
    "80AA00000AA9088100820101830107",
};

static size_t random_apdu(uint32_t *seed, uint8_t apdu[300])
{
    char text[600];
    (void)snprintf(text, sizeof text, "%s", shapes[below(seed, CR_COUNT(shapes))]);
    for (char *p = text; *p; p++) {
        if (strncmp(p, "ffff", 4) == 0) {
            memcpy(p, fids[below(seed, CR_COUNT(fids))], 4);
        } else if (*p == 'n') {
            *p = "0123456789ABCDEF"[below(seed, 16)];
        }
    }
    struct sim_bytes b = sim_hex(text);
    memcpy(apdu, b.p, b.n);
    size_t n = b.n;
    /* One in four is damaged: a byte, the length, a longer end. */
    switch (below(seed, 12)) {
    case 0:
        apdu[below(seed, n)] = (uint8_t)next_random(seed);
        break;
    case 1:
        n = below(seed, n) + 1;
        break;
    case 2:
        for (size_t more = below(seed, 200); more > 0; more--) {
            apdu[n++] = (uint8_t)next_random(seed);
        }
        break;
    default:
        break;
    }
    return n;
}

/* No command breaks the card, and none that fails changes what is stored, retry counters aside. */
static void random_commands(void **state)
{
    (void)state;
    for (uint32_t run = 0; run < 8; run++) {
        struct sim *sim = sim_new();
        uint32_t seed = 4711 + run;
        int succeeded = 0;
        (void)sim_sw(sim, SELECT_USIM);
        if (run % 2) {
            (void)sim_sw(sim, VERIFY_ADM1);
            (void)sim_sw(sim, VERIFY_PIN2);
        }
        for (int i = 0; i < 20000; i++) {
            uint8_t apdu[300];
            size_t n = random_apdu(&seed, apdu);
            size_t used = nvm_used(sim->nvm);
            uicc_sw sw = exchange(sim, apdu, n);
            unsigned sw1 = sw >> 8;
            if (sw1 >= 0x64 && sw1 <= 0x6F) {
                assert_int_equal(sim->response.n, 2);
                assert_int_equal(nvm_used(sim->nvm), used);
            }
            assert_false(nvm_in_transaction(sim->nvm));
            succeeded += sw1 == 0x90 || sw1 == 0x91 || sw1 == 0x61;
            if (below(&seed, 300) == 0) {
                uicc_reset(sim->uicc);
                (void)sim_sw(sim, SELECT_USIM);
            }
        }
        assert_true(succeeded > 2000); /* the commands do get somewhere */
        sim_free(sim);
    }
}

/* --- power cuts --------------------------------------------------------------------------------
 */

static bool cut_at(void *ctx, enum nvm_point point)
{
    (void)point;
    return (*(int *)ctx)-- == 0;
}

static void dump(const struct nvm *nvm, cr_buf *out)
{
    cr_span key = {0}, value;
    cr_buf_reset(out);
    while (nvm_next(nvm, cr_span_str(""), key, &key, &value)) {
        cr_buf_append_span(out, key);
        cr_buf_append_byte(out, '=');
        cr_buf_append_span(out, value);
    }
}

/* Power is cut at each write and around each commit of each command that changes something: the
 * memory has the state before or the state after, never one between. */
static void power_cuts(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "00DC0104080101010101010101",
        "00D60000050102030405",
        "80320000"
        "03000001",
        "80DB00800580030A0B0C",
        "00E4000002"
        "5F3B",
        "00E0000018"
        "6216"
        "82024121"
        "83026F10"
        "8A0105"
        "8B036F0607"
        "80020003"
        "8800",
        "80D400000A"
        "6208"
        "83026F3B"
        "80020010",
        "0004000002"
        "6F07",
        "002C000110"
        "31313131313131313232323232323232",
        ENABLE_PIN1,
    };
    static const char *const selects[] = {
        "00A4000C026F3A", "00A4000C026F7E", "00A4000C026F39", "00A4000C026FC0", SELECT_USIM,
        SELECT_USIM,      SELECT_USIM,      SELECT_USIM,      SELECT_USIM,      SELECT_USIM,
    };
    cr_buf before = {0}, after = {0}, now = {0};
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        bool finished = false;
        for (int at = 0; !finished; at++) {
            struct sim *sim = sim_new();
            struct nvm *committed;
            int left = at;
            (void)sim_sw(sim, SELECT_USIM);
            (void)sim_sw(sim, VERIFY_ADM1);
            SIM_SW(sim, selects[i], 0x9000);
            dump(sim->nvm, &before);
            nvm_set_fault(sim->nvm, cut_at, &left);
            uicc_sw sw = sim_sw(sim, commands[i]);
            finished = left >= 0;
            nvm_set_fault(sim->nvm, NULL, NULL);
            assert_int_equal(nvm_clone_committed(sim->nvm, &committed, &sim->err), CR_OK);
            dump(committed, &now);
            nvm_close(committed);
            if (finished) {
                assert_true(sw == 0x9000 || sw >> 8 == 0x61);
                assert_true(at >= 3); /* a write and both sides of the commit */
            } else {
                assert_int_equal(sw, 0x6581);
            }
            /* The state after is what the finished run leaves: compare by a second card. */
            struct sim *whole = sim_new();
            (void)sim_sw(whole, SELECT_USIM);
            (void)sim_sw(whole, VERIFY_ADM1);
            (void)sim_sw(whole, selects[i]);
            (void)sim_sw(whole, commands[i]);
            dump(whole->nvm, &after);
            sim_free(whole);
            assert_true(cr_span_equal(cr_buf_span(&now), cr_buf_span(&before)) ||
                        cr_span_equal(cr_buf_span(&now), cr_buf_span(&after)));
            assert_false(cr_span_equal(cr_buf_span(&before), cr_buf_span(&after)));
            sim_free(sim);
        }
    }
    cr_buf_free(&before);
    cr_buf_free(&after);
    cr_buf_free(&now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class),  cmocka_unit_test(every_instruction),
        cmocka_unit_test(every_length), cmocka_unit_test(a_phone),
        cmocka_unit_test(challenges),   cmocka_unit_test(random_commands),
        cmocka_unit_test(power_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
