#include "cli/qr.h"

#include "base/file.h"

#include <png.h>
#include <qrencode.h>
#include <stdlib.h>
#include <unistd.h>

#define QUIET      4 /* modules around the symbol that ISO/IEC 18004 asks for */
#define PNG_MODULE 8 /* pixels */
#define SVG_MODULE 8

/* Modules of a symbol with its quiet zone: 0 .. size - 1 in both directions. */
static bool is_dark(const QRcode *code, int x, int y)
{
    x -= QUIET;
    y -= QUIET;
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1) != 0;
}

static int side(const QRcode *code)
{
    return code->width + 2 * QUIET;
}

static void draw_terminal(FILE *out, const QRcode *code)
{
    /* Each character is two modules, upper and lower. */
    static const char *const blocks[2][2] = {{"\u2588", "\u2580"}, {"\u2584", " "}};
    bool colours = isatty(fileno(out));
    for (int y = 0; y < side(code); y += 2) {
        (void)fputs(colours ? "\033[97;40m" : "", out);
        for (int x = 0; x < side(code); x++) {
            bool below = y + 1 < side(code) && is_dark(code, x, y + 1);
            (void)fputs(blocks[is_dark(code, x, y)][below], out);
        }
        (void)fputs(colours ? "\033[0m\n" : "\n", out);
    }
}

static cr_status draw_svg(const char *path, const QRcode *code, struct cr_err *err)
{
    cr_buf svg = {0};
    int pixels = side(code) * SVG_MODULE;
    cr_buf_appendf(&svg,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
                   " viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">\n"
                   "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<path d=\"",
                   pixels, pixels, side(code), side(code));
    for (int y = 0; y < side(code); y++) {
        for (int x = 0; x < side(code); x++) {
            int run = 0;
            while (is_dark(code, x + run, y)) {
                run++;
            }
            if (run > 0) {
                cr_buf_appendf(&svg, "M%d %dh%dv1h-%dz", x, y, run, run);
                x += run;
            }
        }
    }
    cr_buf_append_str(&svg, "\" fill=\"#000\"/>\n</svg>\n");
    cr_status status =
        cr_buf_ok(&svg) ? cr_file_write(path, cr_buf_span(&svg), 0600, err) : cr_fail_memory(err);
    cr_buf_free(&svg);
    return status;
}

static cr_status write_png(const char *path, const uint8_t *pixels, int width, struct cr_err *err)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)width,
                       .format = PNG_FORMAT_GRAY};
    png_alloc_size_t size = 0;
    if (!png_image_write_get_memory_size(image, size, 0, pixels, 0, NULL)) {
        return cr_fail(err, CR_INTERNAL, NULL, "making a PNG: %s", image.message);
    }
    uint8_t *file = malloc(size);
    cr_status status = file ? CR_OK : cr_fail_memory(err);
    if (file && !png_image_write_to_memory(&image, file, &size, 0, pixels, 0, NULL)) {
        status = cr_fail(err, CR_INTERNAL, NULL, "making a PNG: %s", image.message);
    }
    if (status == CR_OK) {
        status = cr_file_write(path, cr_span_of(file, size), 0600, err);
    }
    free(file);
    return status;
}

static cr_status draw_png(const char *path, const QRcode *code, struct cr_err *err)
{
    int width = side(code) * PNG_MODULE;
    uint8_t *pixels = malloc((size_t)width * (size_t)width);
    if (!pixels) {
        return cr_fail_memory(err);
    }
    for (int y = 0; y < width; y++) {
        for (int x = 0; x < width; x++) {
            pixels[y * width + x] = is_dark(code, x / PNG_MODULE, y / PNG_MODULE) ? 0 : 255;
        }
    }
    cr_status status = write_png(path, pixels, width, err);
    free(pixels);
    return status;
}

enum form { FORM_TERMINAL, FORM_PNG, FORM_SVG, FORM_NONE };

static enum form form_of(const char *how, const char **path)
{
    *path = NULL;
    if (strcmp(how, "terminal") == 0) {
        return FORM_TERMINAL;
    }
    if (strlen(how) < 5) {
        return FORM_NONE;
    }
    *path = how + 4;
    return strncmp(how, "png:", 4) == 0   ? FORM_PNG
           : strncmp(how, "svg:", 4) == 0 ? FORM_SVG
                                          : FORM_NONE;
}

cr_status cli_qr_check(const char *how, struct cr_err *err)
{
    const char *path;
    if (form_of(how, &path) != FORM_NONE) {
        return CR_OK;
    }
    return cr_fail(err, CR_REFUSED, NULL, "'%s' is no way to draw: terminal, png:FILE or svg:FILE",
                   how);
}

cr_status cli_qr_draw(struct cli *cli, const char *text, const char *how, struct cr_err *err)
{
    const char *path;
    enum form form = form_of(how, &path);
    /* Splits the text into the modes that need least room: alphanumeric where it can be. */
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!code) {
        return cr_fail(err, CR_REFUSED, NULL, "%zu characters do not fit a QR code", strlen(text));
    }
    cr_status status = CR_OK;
    if (form == FORM_PNG) {
        status = draw_png(path, code, err);
    } else if (form == FORM_SVG) {
        status = draw_svg(path, code, err);
    } else {
        draw_terminal(cli->out, code);
    }
    QRcode_free(code);
    return status;
}
