/*
 * Activation codes out of pictures: a PNG or a JPEG (a screenshot, a photograph, a file from an
 * operator) with a QR code.
 */
#ifndef CRISP_LPA_QR_PICTURE_H
#define CRISP_LPA_QR_PICTURE_H

#include "base/buf.h"
#include "base/error.h"

#define LPA_QR_MAX_FILE ((size_t)32 << 20) /* bytes */
#define LPA_QR_MAX_SIDE 8192               /* pixels */

/* Appends the text of the QR code in a PNG or JPEG picture. Of several codes the one that begins
 * like an activation code. Light codes on dark ground are read too. CR_MALFORMED when it is neither
 * (other formats are named), too large, or holds no QR code. */
cr_status lpa_qr_read(cr_span picture, cr_buf *text, struct cr_err *err) CR_MUST_CHECK;

#endif
