#include "pki/issue.h"

#include "base/text.h"

#include <stdio.h>

#define LINE 64 /* characters of base64 in a line (RFC 7468 2) */

void pki_pem_append(cr_buf *out, const char *label, cr_span der)
{
    cr_buf text = {0};
    cr_base64_append(&text, der);
    cr_buf_appendf(out, "-----BEGIN %s-----\n", label);
    cr_span all = cr_buf_span(&text);
    for (size_t at = 0; at < all.n; at += LINE) {
        cr_buf_append_span(out, cr_span_sub(all, at, LINE));
        cr_buf_append_byte(out, '\n');
    }
    cr_buf_appendf(out, "-----END %s-----\n", label);
    out->failed |= !cr_buf_ok(&text);
    cr_buf_free(&text);
}

/* Cuts *text behind the first mark; false when there is none. *before = what stood in front. */
static bool cut(cr_span *text, const char *kind, const char *label, cr_span *before)
{
    char mark[80];
    int n = snprintf(mark, sizeof(mark), "-----%s %s-----", kind, label);
    if (n < 0 || (size_t)n >= sizeof(mark) || text->n == 0) {
        return false;
    }
    const uint8_t *at = memmem(text->p, text->n, mark, (size_t)n);
    if (!at) {
        return false;
    }
    size_t front = (size_t)(at - text->p);
    *before = cr_span_sub(*text, 0, front);
    *text = cr_span_sub(*text, front + (size_t)n, text->n);
    return true;
}

cr_status pki_pem_decode(cr_span text, const char *label, cr_buf *out, struct cr_err *err)
{
    cr_span before, body;
    if (!cut(&text, "BEGIN", label, &before)) {
        if (text.n > 0 && text.p[0] == 0x30) {
            cr_buf_append_span(out, text);
            return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
        }
        return cr_fail(err, CR_MALFORMED, "RFC 7468", "neither DER nor PEM with a block %s", label);
    }
    if (!cut(&text, "END", label, &body)) {
        return cr_fail(err, CR_MALFORMED, "RFC 7468", "the PEM block %s has no end", label);
    }
    return cr_base64_decode(out, body, err);
}
