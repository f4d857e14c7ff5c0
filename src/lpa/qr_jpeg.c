#include "lpa/qr_jpeg.h"

#include "lpa/qr_picture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h> /* wants FILE to be known */

#define MAX_SCANS 100 /* each costs a walk over all pixels; pictures have about ten */

/* The library reports a failure by a function that must not come back. */
struct failure {
    struct jpeg_error_mgr manager; /* first: the library hands out a pointer to it */
    jmp_buf back;
    char text[JMSG_LENGTH_MAX];
};

struct decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress;
    struct failure failure;
    struct lpa_qr_grey grey;
    bool short_of_memory;
};

static _Noreturn void on_error(j_common_ptr info)
{
    struct failure *failure = (struct failure *)(void *)info->err;
    info->err->format_message(info, failure->text);
    longjmp(failure->back, 1);
}

/* Warnings: a picture with a flaw may still show its code. */
static void on_warning(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

static void on_progress(j_common_ptr info)
{
    struct failure *failure = (struct failure *)(void *)info->err;
    if (info->is_decompressor &&
        ((struct jpeg_decompress_struct *)(void *)info)->input_scan_number > MAX_SCANS) {
        (void)snprintf(failure->text, sizeof(failure->text), "it has too many scans");
        longjmp(failure->back, 1);
    }
}

static void read_rows(struct decoder *d)
{
    struct jpeg_decompress_struct *info = &d->info;
    info->out_color_space = JCS_GRAYSCALE;
    (void)jpeg_start_decompress(info);
    size_t width = info->output_width;
    d->grey.pixels = malloc(width * info->output_height);
    d->short_of_memory = !d->grey.pixels;
    while (!d->short_of_memory && info->output_scanline < info->output_height) {
        JSAMPROW row = d->grey.pixels + width * info->output_scanline;
        (void)jpeg_read_scanlines(info, &row, 1);
    }
    d->grey.width = info->output_width;
    d->grey.height = info->output_height;
}

static cr_status run(struct decoder *d, cr_span picture, struct cr_err *err)
{
    if (setjmp(d->failure.back) != 0) {
        cr_status status =
            cr_fail(err, CR_MALFORMED, NULL, "the JPEG cannot be read: %s", d->failure.text);
        return cr_err_next(err, status,
                           "convert it to PNG, or type the code below the picture instead");
    }
    jpeg_create_decompress(&d->info);
    d->info.progress = &d->progress;
    jpeg_mem_src(&d->info, picture.p, (unsigned long)picture.n);
    (void)jpeg_read_header(&d->info, TRUE);
    if (d->info.image_width > LPA_QR_MAX_SIDE || d->info.image_height > LPA_QR_MAX_SIDE) {
        return lpa_qr_too_large(d->info.image_width, d->info.image_height, err);
    }
    read_rows(d);
    return d->short_of_memory ? cr_fail_memory(err) : CR_OK;
}

bool lpa_qr_is_jpeg(cr_span picture)
{
    return picture.n >= 3 && memcmp(picture.p, "\xFF\xD8\xFF", 3) == 0;
}

cr_status lpa_qr_jpeg_decode(cr_span picture, struct lpa_qr_grey *out, struct cr_err *err)
{
    struct decoder d = {.progress = {.progress_monitor = on_progress}};
    d.info.err = jpeg_std_error(&d.failure.manager);
    d.failure.manager.error_exit = on_error;
    d.failure.manager.emit_message = on_warning;
    cr_status status = run(&d, picture, err);
    jpeg_destroy_decompress(&d.info);
    if (status != CR_OK) {
        free(d.grey.pixels);
        return status;
    }
    *out = d.grey;
    return CR_OK;
}
