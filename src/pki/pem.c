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

/* Takes the next block off *text and appends what it holds; *found tells whether there was one. */
static cr_status take_block(cr_span *text, const char *label, cr_buf *out, bool *found,
                            struct cr_err *err)
{
    cr_span before, body;
    *found = cut(text, "BEGIN", label, &before);
    if (!*found) {
        return CR_OK;
    }
    if (!cut(text, "END", label, &body)) {
        return cr_fail(err, CR_MALFORMED, "RFC 7468", "the PEM block %s has no end", label);
    }
    return cr_base64_decode(out, body, err);
}

static cr_status neither(const char *label, struct cr_err *err)
{
    return cr_fail(err, CR_MALFORMED, "RFC 7468", "neither DER nor PEM with a block %s", label);
}

cr_status pki_pem_decode(cr_span text, const char *label, cr_buf *out, struct cr_err *err)
{
    cr_span rest = text;
    bool found = false;
    CR_TRY(take_block(&rest, label, out, &found, err));
    if (found) {
        return CR_OK;
    }
    if (text.n > 0 && text.p[0] == 0x30) {
        cr_buf_append_span(out, text);
        return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    return neither(label, err);
}

cr_status pki_pem_each(cr_span text, const char *label, pki_pem_fn each, void *ctx,
                       struct cr_err *err)
{
    cr_buf der = {0};
    size_t count = 0;
    cr_status status = CR_OK;
    for (cr_span rest = text; status == CR_OK; count++) {
        bool found = false;
        cr_buf_reset(&der);
        status = take_block(&rest, label, &der, &found, err);
        if (status != CR_OK || !found) {
            break;
        }
        status = each(ctx, cr_buf_span(&der), err);
    }
    cr_buf_free(&der);
    if (status != CR_OK || count > 0) {
        return status;
    }
    return text.n > 0 && text.p[0] == 0x30 ? each(ctx, text, err) : neither(label, err);
}
