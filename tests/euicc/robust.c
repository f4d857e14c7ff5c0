/*
 * Commands of any content against a chip with profiles and a download under way: always an answer,
 * never a chip that does not add up. The same bytes at every run.
 */
#include "fake_server.h"
#include "package.h"

static uint64_t state64;

static uint32_t draw(uint32_t below)
{
    state64 ^= state64 << 13;
    state64 ^= state64 >> 7;
    state64 ^= state64 << 17;
    return (uint32_t)(state64 >> 20) % below;
}

static void spoil(uint8_t *p, size_t n)
{
    for (uint32_t i = draw(4); i > 0 && n > 0; i--) {
        size_t at = draw((uint32_t)n);
        switch (draw(3)) {
        case 0:
            p[at] = (uint8_t)draw(256);
            break;
        case 1:
            p[at] ^= (uint8_t)(1 << draw(8));
            break;
        default:
            p[at] = (uint8_t)(p[at] + (draw(2) ? 1 : 255));
            break;
        }
    }
}

static const char *const functions[] = {
    "BF3C00",
    "BF3F0580036B2E65",
    "BF420480020780",
    "BF2000",
    "BF2200",
    "BF2E00",
    "BF4300",
    "BF2800",
    "BF280481020640",
    "BF2B00",
    "BF2B05A003800101",
    "BF2B06A00481020780",
    "BF3003800101",
    "BF2D00",
    "BF2D0EA00C5A0A98000000000000000010",
    "BF2D1BA0039501025C145A909192B79F709599BF769F24DF7F0102BF7F81",
    "BF3111A00C5A0A980000000000000000108101FF",
    "BF3111A00C5A0A98000000000000000020810100",
    "BF3211A00C5A0A980000000000000000108101FF",
    "BF3211A00C5A0A98000000000000000020810100",
    "BF29105A0A9800000000000000001090026869",
    "BF3E035C015A",
    "BF411580108000000000000000000000000000000081 0100",
    "BF3505A003020105",
    "BF3600",
    "A000",
    "8600",
};

static const char *const commands[] = {
    "0070000001",
    "0070800200",
    "01A4040010A0000005591010FFFFFFFF8900000100",
    "00A4040010A0000005591010FFFFFFFF8900000100",
    "00A40004023F00",
    "00A40004022FE2",
    "00B000000A",
    "00A4040C0CA0000000871002FF49FF0589",
    "00880081221023553CBE9637A89D218AE64DAE47BF351055F328B43577B9B94A9FFAC354DFAFB300",
    "80100000 02FFFF",
    "801200000B",
    "801400000C810301010482028281830100",
    "80F2000000",
    "01C0000000",
    "80C2000005D103820281 83",
};

static void send(struct bed *bed, cr_span command)
{
    cr_buf response = {0};
    assert_int_equal(euicc_transmit(bed->euicc, command, &response, NULL), CR_OK);
    assert_in_range(response.n, 2, 258);
    cr_buf_free(&response);
}

static void send_hex(struct bed *bed, const char *hex, bool as_function)
{
    struct cr_err err = {0};
    cr_buf bytes = {0};
    uint8_t head[] = {(uint8_t)(0x80 | (draw(8) ? 1 : draw(4))), 0xE2, draw(6) ? 0x91 : 0x11,
                      (uint8_t)(draw(6) ? 0 : draw(3)), 0};
    if (as_function) {
        cr_buf_append_span(&bytes, CR_SPAN_ARRAY(head));
    }
    MUST_OK(cr_hex_decode(&bytes, cr_span_str(hex), &err));
    size_t skip = as_function ? sizeof(head) : 0;
    if (as_function) {
        bytes.p[4] = (uint8_t)(bytes.n - 5);
    }
    if (draw(2)) {
        spoil(bytes.p + skip, bytes.n - skip);
    }
    send(bed, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
}

static void send_junk(struct bed *bed)
{
    uint8_t junk[300];
    size_t n = draw(20) ? draw(24) : draw(sizeof(junk));
    for (size_t i = 0; i < n; i++) {
        junk[i] = (uint8_t)draw(256);
    }
    if (n > 1 && draw(2)) {
        static const uint8_t classes[] = {0x00, 0x01, 0x80, 0x81, 0xA0, 0xC0};
        junk[0] = classes[draw(sizeof(classes))];
    }
    send(bed, cr_span_of(junk, n));
}

/* Segments of a right package, some of them spoiled, until something ends it. */
static void send_package(struct fake_server *s, struct bed *bed)
{
    struct cr_err err = {0};
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    if (bed_hex(bed, "0070800100") != 0x9000) {
        (void)bed_hex(bed, "00A40004023F00");
    }
    bed_reset(bed); /* a channel again, whatever the junk did */
    (void)bed_memory_reset(bed, 0x1F);
    fake_run_authenticate(s, bed);
    fake_run_prepare(s, bed);
    cr_buf_reset(&s->body);
    crypto_private_free(s->otsk);
    s->otsk = NULL;
    fake_bind(s, (cr_span){0});
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&s->bpp), &err));
    uint32_t bad = draw((uint32_t)segmenter.count * 2);
    for (uint32_t i = 0; rsp_segmenter_next(&segmenter, &segment); i++) {
        uint8_t bytes[1100];
        MUST(segment.bytes.n <= sizeof(bytes));
        memcpy(bytes, segment.bytes.p, segment.bytes.n);
        if (i == bad) {
            spoil(bytes, segment.bytes.n);
        }
        uint16_t sw = bed_store(bed, cr_span_of(bytes, segment.bytes.n));
        if (sw != 0x9000 || bed->out.n) {
            return;
        }
    }
}

static void test_any_command(void **state)
{
    (void)state;
    struct fake_server *s = fake_new(CRYPTO_P256);
    struct bed *bed = bed_new();
    cr_buf upp = {0};
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    state64 = 0x9E3779B97F4A7C15U;
    for (unsigned round = 0; round < 200; round++) {
        send_package(s, bed);
        for (unsigned i = 0; i < 150; i++) {
            switch (draw(4)) {
            case 0:
                send_junk(bed);
                break;
            case 1:
                send_hex(bed, commands[draw(CR_COUNT(commands))], false);
                break;
            default:
                send_hex(bed, functions[draw(CR_COUNT(functions))], true);
                break;
            }
        }
        bed_reset(bed);
        bed_check_consistent(bed);
        cr_arena_reset(&bed->arena);
        if (round % 10 == 9) {
            bed = bed_power_cycle(bed);
            bed_check_consistent(bed);
        }
    }
    bed_free(bed);
    fake_free(s);
    cr_buf_free(&upp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
