/* Pictures of activation codes: drawn here, read back. */
#include "fake.h"

#include "lpa/qr_picture.h"

#include <png.h>
#include <qrencode.h>
#include <stdlib.h>

#define CODE "LPA:1$SMDP.EXAMPLE.COM$04386-AGYFT-A74Y8-3F815$$1"

struct canvas {
    unsigned width, height;
    uint8_t *pixels; /* grey */
};

static void canvas_new(struct canvas *c, unsigned width, unsigned height)
{
    *c = (struct canvas){.width = width, .height = height};
    c->pixels = malloc((size_t)width * height);
    assert_non_null(c->pixels);
    memset(c->pixels, 255, (size_t)width * height);
}

static void draw(struct canvas *c, const char *text, unsigned left, unsigned scale)
{
    QRcode *qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    assert_non_null(qr);
    unsigned n = (unsigned)qr->width * scale;
    assert_true(left + n + 20 <= c->width && n + 40 <= c->height);
    for (unsigned y = 0; y < n; y++) {
        for (unsigned x = 0; x < n; x++) {
            unsigned at = y / scale * (unsigned)qr->width + x / scale;
            c->pixels[(size_t)(y + 20) * c->width + left + x] = qr->data[at] & 1 ? 0 : 255;
        }
    }
    QRcode_free(qr);
}

static void to_png(const struct canvas *c, cr_buf *out)
{
    png_image image;
    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    image.width = c->width;
    image.height = c->height;
    image.format = PNG_FORMAT_GRAY;
    png_alloc_size_t size = 0;
    assert_true(png_image_write_to_memory(&image, NULL, &size, 0, c->pixels, 0, NULL));
    uint8_t *to = cr_buf_extend(out, size);
    assert_non_null(to);
    assert_true(png_image_write_to_memory(&image, to, &size, 0, c->pixels, 0, NULL));
    out->n = size;
}

static cr_status read_back(const struct canvas *c, cr_buf *text, struct cr_err *err)
{
    cr_buf png = {0};
    to_png(c, &png);
    cr_status status = lpa_qr_read(cr_buf_span(&png), text, err);
    cr_buf_free(&png);
    return status;
}

static void expect(const struct canvas *c, const char *wanted)
{
    cr_buf text = {0};
    struct cr_err err = {0};
    if (read_back(c, &text, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_true(cr_span_equal(cr_buf_span(&text), cr_span_str(wanted)));
    cr_buf_free(&text);
}

static void test_reads(void **state)
{
    (void)state;
    static const unsigned scales[] = {3, 4, 8};
    for (size_t i = 0; i < CR_COUNT(scales); i++) {
        struct canvas c;
        canvas_new(&c, 500, 500);
        draw(&c, CODE, 40, scales[i]);
        expect(&c, CODE);
        for (size_t j = 0; j < 500 * 500; j++) {
            c.pixels[j] = (uint8_t)(255 - c.pixels[j]); /* light on dark */
        }
        expect(&c, CODE);
        free(c.pixels);
    }
}

static void test_prefers_the_activation_code(void **state)
{
    (void)state;
    struct canvas c;
    canvas_new(&c, 900, 400);
    draw(&c, "https://www.example.com/help", 40, 5);
    draw(&c, CODE, 450, 5);
    expect(&c, CODE);
    free(c.pixels);
}

static void test_refuses(void **state)
{
    (void)state;
    cr_buf text = {0};
    struct cr_err err;
    struct canvas c;
    canvas_new(&c, 200, 200);
    assert_int_equal(read_back(&c, &text, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "no QR code"));
    cr_buf png = {0};
    draw(&c, "1$A$B", 40, 3);
    to_png(&c, &png);
    for (size_t n = 0; n < png.n; n++) { /* cut anywhere: an error, or what is left is enough */
        cr_status status = lpa_qr_read(cr_span_of(png.p, n), &text, &err);
        assert_true(status == CR_MALFORMED || status == CR_OK);
        assert_true(status == CR_OK || err.cause[0]);
        cr_buf_reset(&text);
    }
    static const struct {
        const char *bytes;
        const char *name;
    } others[] = {
        {"\xFF\xD8\xFF\xE0", "JPEG"}, {"GIF89a", "GIF"}, {"<svg>", "SVG"}, {"hello", "unknown"}};
    for (size_t i = 0; i < CR_COUNT(others); i++) {
        assert_int_equal(lpa_qr_read(cr_span_str(others[i].bytes), &text, &err), CR_MALFORMED);
        assert_non_null(strstr(err.cause, others[i].name));
        assert_true(err.next[0]);
    }
    assert_int_equal(lpa_qr_read(cr_span_of("", 0), &text, &err), CR_MALFORMED);
    free(c.pixels);
    canvas_new(&c, LPA_QR_MAX_SIDE + 1, 1);
    assert_int_equal(read_back(&c, &text, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "too large"));
    free(c.pixels);
    cr_buf_free(&png);
    cr_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_prefers_the_activation_code),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
