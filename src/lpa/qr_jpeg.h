/*
 * JPEG to grey pixels, for src/lpa/qr_picture.c alone.
 */
#ifndef CRISP_LPA_QR_JPEG_H
#define CRISP_LPA_QR_JPEG_H

#include "base/error.h"

/* One byte a pixel, row behind row; the caller frees pixels. */
struct lpa_qr_grey {
    uint8_t *pixels;
    unsigned width, height;
};

bool lpa_qr_is_jpeg(cr_span picture);

/* CR_MALFORMED for what the library cannot read, more than LPA_QR_MAX_SIDE pixels a side, and more
 * scans than an honest progressive picture has. Pictures that are cut are read as far as they go.
 */
cr_status lpa_qr_jpeg_decode(cr_span picture, struct lpa_qr_grey *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* The refusal of a picture beyond LPA_QR_MAX_SIDE. */
cr_status lpa_qr_too_large(unsigned width, unsigned height, struct cr_err *err);

#endif
