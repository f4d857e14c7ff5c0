/*
 * A machine's chip that is sent nonsense by somebody who has the keys: scripts cut, turned and
 * mixed up. It answers something, stays whole and still obeys.
 */
#include "m2m_bed.h"

#define CREATE                                                                                     \
    "80E60C004510A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" AID_NEW     \
    "0380C0000CC90481020370EF0483020400"                                                           \
    "0000"

static const char *const seeds[] = {
    "AA1C221A80E28800153A03124F10" AID_B,
    "AA1C221A80E28800153A05124F10" AID_C,
    "AA1A221880E40040124F10" AID_C "00",
    "AA4D224B" CREATE,
    "AA27222580F240021F4F005C1A4F9F70538F914F9F70538F914F9F70538F914F9F70538F9100",
    "AA0D220B80CABF30045C027F2100",
    "AA1E830111221980E6200016000010" AID_B "000000",
    "AA12830111840A30000001020304050607860100",
    "AA13221180E288000C3A0709A3070805912143658700",
    "AA0F220D80E28900073A08044E02000100",
    "AE80221880E4004012"
    "4F10" AID_C "000000",
    "814283408413350103390205003C030220FB3E0521C000020A86070003250300030089208A0C736D73722E6578616D"
    "706C658C102F67736D612F61646D696E6167656E74",
    "AA1A2218"
    "80E20900133A01107F210D93010142010195018800000000"
    "00",
};

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static size_t mutate(uint8_t *bytes, size_t n, size_t room, uint32_t *state)
{
    for (unsigned times = next(state) % 4; times > 0 && n > 1; times--) {
        size_t at = next(state) % n;
        switch (next(state) % 4) {
        case 0:
            bytes[at] ^= (uint8_t)(1U << next(state) % 8);
            break;
        case 1:
            bytes[at] = (uint8_t)next(state);
            break;
        case 2:
            memmove(bytes + at, bytes + at + 1, n - at - 1);
            n--;
            break;
        default:
            if (n < room) {
                memmove(bytes + at + 1, bytes + at, n - at);
                n++;
            }
            break;
        }
    }
    return n;
}

static void nonsense(void **state)
{
    (void)state;
    static const uint32_t tars[] = {0x000001, 0x000001, 0x000001, 0x000011, 0x000013, 0x000002};
    struct m2m_bed *bed = m2m_bed_new();
    uint32_t random = 20261129;
    m2m_bed_attach(bed);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t bytes[512];
        char hex[2 * sizeof bytes + 1];
        const char *seed = seeds[next(&random) % CR_COUNT(seeds)];
        size_t n = strlen(seed) / 2;
        assert_true(cr_hex_fixed(bytes, n, cr_span_str(seed)));
        n = mutate(bytes, n, sizeof bytes, &random);
        m2m_clear(bed);
        (void)m2m_send(bed, tars[next(&random) % CR_COUNT(tars)],
                       cr_hex_into(hex, sizeof hex, cr_span_of(bytes, n)));
        if (bed->refreshed || i % 100 == 99) {
            m2m_check_consistent(bed);
            m2m_bed_reset(bed);
            m2m_bed_attach(bed);
        }
        m2m_advance(bed, next(&random) % 200);
    }
    m2m_check_consistent(bed);
    m2m_clear(bed);
    assert_int_equal(m2m_es5_sw(bed, "80CAFF2100"), 0x9000);
    m2m_bed_free(bed);
}

/* What the device may send by itself. */
static void device(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    uint32_t random = 4711;
    uint8_t select[] = {0x00, 0xA4, 0x04, 0x00, 0x10, 0xA0, 0x00, 0x00, 0x05, 0x59, 0x10,
                        0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t apdu[24] = {0x80, 0xE2, 0x88, 0x00, 0x03, 0x3A, (uint8_t)(next(&random) % 16),
                            0x00};
        size_t n = mutate(apdu, 8, sizeof apdu, &random);
        if (i % 10 == 0) {
            (void)terminal_send(&bed->terminal, CR_SPAN_ARRAY(select));
        }
        (void)terminal_send(&bed->terminal, cr_span_of(apdu, n));
        terminal_serve(&bed->terminal);
    }
    m2m_check_consistent(bed);
    assert_int_equal(m2m_enabled(bed), 0x0010);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense),
        cmocka_unit_test(device),
    };
    return cmocka_run_group_tests_name("euicc/m2m_robust", tests, NULL, NULL);
}
