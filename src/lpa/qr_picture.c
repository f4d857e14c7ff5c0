#include "lpa/qr_picture.h"

#include "base/text.h"
#include "lpa/qr_jpeg.h"

#include <png.h>
#include <stdlib.h>
#include <zbar.h>

static cr_status unreadable(cr_span picture, struct cr_err *err)
{
    static const struct {
        const char *magic;
        size_t size;
        const char *name;
    } formats[] = {{"GIF8", 4, "a GIF"}, {"RIFF", 4, "a WebP"}, {"BM", 2, "a BMP"},
                   {"%PDF", 4, "a PDF"}, {"<svg", 4, "an SVG"}, {"<?xml", 5, "an SVG"}};
    const char *name = NULL;
    for (size_t i = 0; i < CR_COUNT(formats) && !name; i++) {
        if (picture.n >= formats[i].size &&
            memcmp(picture.p, formats[i].magic, formats[i].size) == 0) {
            name = formats[i].name;
        }
    }
    cr_status status = cr_fail(err, CR_MALFORMED, NULL, "the picture is %s, neither PNG nor JPEG",
                               name ? name : "of an unknown format");
    return cr_err_next(err, status,
                       "convert it to PNG, or type the code below the picture instead");
}

cr_status lpa_qr_too_large(unsigned width, unsigned height, struct cr_err *err)
{
    cr_status status =
        cr_fail(err, CR_MALFORMED, NULL, "a picture of %u x %u pixels is too large", width, height);
    return cr_err_next(err, status, "crop the picture to the code");
}

/* Decodes to one byte a pixel, transparent parts white. */
static cr_status decode(cr_span picture, struct lpa_qr_grey *out, struct cr_err *err)
{
    static const uint8_t magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (picture.n < sizeof(magic) || memcmp(picture.p, magic, sizeof(magic)) != 0) {
        return lpa_qr_is_jpeg(picture) ? lpa_qr_jpeg_decode(picture, out, err)
                                       : unreadable(picture, err);
    }
    png_image image;
    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&image, picture.p, picture.n)) {
        return cr_fail(err, CR_MALFORMED, NULL, "the PNG cannot be read: %s", image.message);
    }
    if (image.width > LPA_QR_MAX_SIDE || image.height > LPA_QR_MAX_SIDE) {
        unsigned width = image.width;
        unsigned height = image.height;
        png_image_free(&image);
        return lpa_qr_too_large(width, height, err);
    }
    image.format = PNG_FORMAT_GRAY;
    static const png_color white = {255, 255, 255};
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    if (!pixels) {
        png_image_free(&image);
        return cr_fail_memory(err);
    }
    if (!png_image_finish_read(&image, &white, pixels, 0, NULL)) {
        free(pixels);
        return cr_fail(err, CR_MALFORMED, NULL, "the PNG cannot be read: %s", image.message);
    }
    *out = (struct lpa_qr_grey){.pixels = pixels, .width = image.width, .height = image.height};
    return CR_OK;
}

static bool looks_like_code(cr_span text)
{
    return cr_span_equal_nocase(cr_span_sub(text, 0, 4), cr_span_str("LPA:")) ||
           (text.n > 2 && text.p[0] == '1' && text.p[1] == '$') ||
           (text.n > 8 && memmem(text.p, text.n, "carddata=", 9));
}

/* Best text among the symbols of an image; absent when there is none. It lives in the image. */
static cr_span best_symbol(const zbar_image_t *image)
{
    cr_span best = {0};
    const zbar_symbol_t *symbol = zbar_image_first_symbol(image);
    for (; symbol; symbol = zbar_symbol_next(symbol)) {
        cr_span text =
            cr_span_of(zbar_symbol_get_data(symbol), zbar_symbol_get_data_length(symbol));
        if (!cr_span_present(best) || (looks_like_code(text) && !looks_like_code(best))) {
            best = text;
        }
    }
    return best;
}

static bool scan(zbar_image_scanner_t *scanner, const struct lpa_qr_grey *grey, cr_buf *text)
{
    zbar_image_t *image = zbar_image_create();
    if (!image) {
        return false;
    }
    zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(image, grey->width, grey->height);
    zbar_image_set_data(image, grey->pixels, (unsigned long)grey->width * grey->height, NULL);
    bool found = false;
    if (zbar_scan_image(scanner, image) > 0) {
        cr_span best = best_symbol(image);
        found = best.n > 0;
        cr_buf_append_span(text, best);
    }
    zbar_image_destroy(image);
    return found;
}

static bool scan_both(const struct lpa_qr_grey *grey, cr_buf *text)
{
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    if (!scanner) {
        return false;
    }
    (void)zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    (void)zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
    bool found = scan(scanner, grey, text);
    if (!found) {
        size_t n = (size_t)grey->width * grey->height;
        for (size_t i = 0; i < n; i++) {
            grey->pixels[i] = (uint8_t)(255 - grey->pixels[i]);
        }
        found = scan(scanner, grey, text);
    }
    zbar_image_scanner_destroy(scanner);
    return found;
}

cr_status lpa_qr_read(cr_span picture, cr_buf *text, struct cr_err *err)
{
    struct lpa_qr_grey grey = {0};
    CR_TRY(decode(picture, &grey, err));
    bool found = scan_both(&grey, text);
    free(grey.pixels);
    if (!cr_buf_ok(text)) {
        return cr_fail_memory(err);
    }
    if (!found) {
        cr_status status = cr_fail(err, CR_MALFORMED, NULL, "there is no QR code in the picture");
        return cr_err_next(err, status,
                           "crop the picture to the code, or type the code below it instead");
    }
    return CR_OK;
}
