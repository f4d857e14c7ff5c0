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
                                  0xA2, 0xA4, 0xB0, 0xB2, 0xD6, 0xDC, 0xE0, 0xE4, 0xE6, 0xE8};
    static const uint8_t etsi[] = {0x10, 0x12, 0x14, 0x32, 0xAA, 0xC2, 0xCB, 0xD4, 0xDB, 0xF2};
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

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Headers that mean something are drawn often, so that the depth of the card is reached. */
static size_t random_apdu(uint32_t *seed, uint8_t apdu[300])
{
    static const uint8_t ins[] = {0x04, 0x10, 0x12, 0x14, 0x20, 0x24, 0x26, 0x28, 0x2C, 0x32, 0x44,
                                  0x70, 0x84, 0x88, 0x89, 0xA2, 0xA4, 0xA4, 0xA4, 0xAA, 0xB0, 0xB2,
                                  0xC0, 0xC2, 0xCB, 0xD4, 0xD6, 0xDB, 0xDC, 0xE0, 0xE4, 0xE8, 0xF2};
    static const uint8_t cla[] = {0x00, 0x80, 0x00, 0x80, 0x01, 0x81, 0x02, 0x40, 0xC0, 0x0C, 0xA0};
    static const uint8_t p[] = {0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A,
                                0x0C, 0x80, 0x81, 0x84, 0xF4, 0x40, 0xA0, 0x20};
    static const uint16_t fids[] = {0x3F00, 0x7FFF, 0x7F10, 0x6F07, 0x6F39, 0x6F3A, 0x6F3B, 0x6FC0,
                                    0x5F3B, 0x5F3A, 0x4F20, 0x4F22, 0x2F00, 0x2FE2, 0x6FB7, 0x6F45};
    apdu[0] = cla[next_random(seed) % sizeof cla];
    apdu[1] = ins[next_random(seed) % sizeof ins];
    apdu[2] = p[next_random(seed) % sizeof p];
    apdu[3] = p[next_random(seed) % sizeof p];
    if (next_random(seed) % 16 == 0) {
        for (int i = 0; i < 4; i++) {
            apdu[i] = (uint8_t)next_random(seed);
        }
    }
    size_t lc = next_random(seed) % 4 == 0 ? next_random(seed) % 256 : next_random(seed) % 20;
    size_t n = 4;
    if (next_random(seed) % 3) {
        apdu[n++] = (uint8_t)lc;
        for (size_t i = 0; i < lc; i++) {
            apdu[n++] = (uint8_t)(next_random(seed) % 4 ? next_random(seed) % 8 : 0x80);
        }
        if (lc >= 2 && apdu[1] == 0xA4) {
            uint16_t fid = fids[next_random(seed) % CR_COUNT(fids)];
            apdu[5] = (uint8_t)(fid >> 8);
            apdu[6] = (uint8_t)fid;
            apdu[4] = 2;
            n = 7;
        }
    }
    if (next_random(seed) % 2) {
        apdu[n++] = (uint8_t)(next_random(seed) % 2 ? 0 : next_random(seed));
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
            if (next_random(&seed) % 3000 == 0) {
                uicc_reset(sim->uicc);
                (void)sim_sw(sim, SELECT_USIM);
            }
        }
        assert_true(succeeded > 1000); /* the commands do get somewhere */
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
