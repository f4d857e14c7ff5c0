/* Pictures of activation codes: drawn here, read back. */
#include "fake.h"

#include "lpa/qr_picture.h"

#include <png.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h> /* wants FILE to be known */

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

enum jpeg_kind { BASELINE, PROGRESSIVE, MANY_SCANS };

/* A scan for each coefficient, and one more to refine it: a picture that nobody makes. */
static int many_scans(jpeg_scan_info scans[200])
{
    int n = 0;
    scans[n++] = (jpeg_scan_info){.comps_in_scan = 1};
    for (int k = 1; k < 64; k++) {
        scans[n++] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Al = 1};
        scans[n++] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Ah = 1};
    }
    return n;
}

static void to_jpeg(const struct canvas *c, enum jpeg_kind kind, cr_buf *out)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr manager;
    jpeg_scan_info scans[200];
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    info.err = jpeg_std_error(&manager);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = c->width;
    info.image_height = c->height;
    info.input_components = 1;
    info.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 60, TRUE);
    if (kind == PROGRESSIVE) {
        jpeg_simple_progression(&info);
    } else if (kind == MANY_SCANS) {
        info.num_scans = many_scans(scans);
        info.scan_info = scans;
    }
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = c->pixels + (size_t)info.next_scanline * c->width;
        (void)jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    cr_buf_append(out, bytes, size);
    free(bytes);
}

static cr_status read_jpeg(const struct canvas *c, enum jpeg_kind kind, cr_buf *text,
                           struct cr_err *err)
{
    cr_buf jpeg = {0};
    to_jpeg(c, kind, &jpeg);
    cr_status status = lpa_qr_read(cr_buf_span(&jpeg), text, err);
    cr_buf_free(&jpeg);
    return status;
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
    for (enum jpeg_kind kind = BASELINE; kind <= PROGRESSIVE; kind++) {
        cr_buf_reset(&text);
        if (read_jpeg(c, kind, &text, &err) != CR_OK) {
            fail_msg("JPEG: %s", err.cause);
        }
        assert_true(cr_span_equal(cr_buf_span(&text), cr_span_str(wanted)));
    }
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
    cr_buf jpeg = {0};
    to_jpeg(&c, BASELINE, &jpeg);
    for (size_t n = 0; n < jpeg.n; n += 7) {
        cr_status status = lpa_qr_read(cr_span_of(jpeg.p, n), &text, &err);
        assert_true(status == CR_MALFORMED || status == CR_OK);
        assert_true(status == CR_OK || err.cause[0]);
        cr_buf_reset(&text);
    }
    for (size_t i = 0; i < jpeg.n; i += 5) { /* damaged anywhere */
        jpeg.p[i] ^= 0x55;
        cr_status status = lpa_qr_read(cr_buf_span(&jpeg), &text, &err);
        assert_true(status == CR_MALFORMED || status == CR_OK);
        jpeg.p[i] ^= 0x55;
        cr_buf_reset(&text);
    }
    cr_buf_free(&jpeg);
    assert_int_equal(read_jpeg(&c, MANY_SCANS, &text, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "too many scans"));
    assert_true(err.next[0]);
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
    assert_int_equal(read_jpeg(&c, BASELINE, &text, &err), CR_MALFORMED);
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
