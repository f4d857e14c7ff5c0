/*
 * BER-TLV EFs: RETRIEVE DATA and SET DATA, in blocks (TS 102 221 11.3).
 */
#include "asn1/der.h"
#include "uicc/internal.h"

/* P2. */
#define BLOCK_FIRST 0x80
#define BLOCK_NEXT  0x00
#define BLOCK_AGAIN 0x40

#define TAG_LIST 0x5C

/* Exactly one tag of up to three bytes, nothing behind it. */
static bool tag_only(cr_span in, uint32_t *tag)
{
    if (in.n == 0 || in.n > 3 || ((in.p[0] & 0x1F) == 0x1F) != (in.n > 1)) {
        return false;
    }
    *tag = in.p[0];
    for (size_t i = 1; i < in.n; i++) {
        if (((in.p[i] & 0x80) != 0) != (i + 1 < in.n)) {
            return false;
        }
        *tag = *tag << 8 | in.p[i];
    }
    return true;
}

static void put_tag(cr_buf *out, uint32_t tag)
{
    cr_buf_append_be(out, tag, tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1);
}

/* 5C L and the tags of all objects. */
static void put_tag_list(struct command *c, uicc_file file, cr_buf *out)
{
    cr_buf scratch = {0};
    cr_span in = uicc_fs_content(&c->u->fs, file, &scratch);
    struct der_tlv tlv;
    size_t mark = der_open(out, TAG_LIST);
    while (in.n && der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        put_tag(out, tlv.tag);
    }
    der_close(out, mark);
    cr_buf_free(&scratch);
}

static uicc_sw retrieve_first(struct command *c, const struct target *t, struct exchange *ex)
{
    uint32_t tag;
    if (!c->apdu->data.p) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (!tag_only(c->apdu->data, &tag)) {
        return UICC_SW_WRONG_DATA;
    }
    uicc_transfer_end(ex);
    if (tag == TAG_LIST) {
        put_tag_list(c, t->file, &ex->data);
    } else {
        cr_span object = uicc_fs_bertlv_find(&c->u->fs, t->file, tag);
        if (!object.p) {
            return UICC_SW_NO_REFERENCE;
        }
        cr_buf_append_span(&ex->data, object);
    }
    ex->transfer = TRANSFER_RETRIEVE;
    ex->transfer_ef = t->file;
    return cr_buf_ok(&ex->data) ? uicc_transfer_send(c, ex) : UICC_SW_MEMORY;
}

uicc_sw command_retrieve_data(struct command *c)
{
    struct target t;
    uint8_t p1 = c->apdu->p1, p2 = c->apdu->p2;
    if (p1 > UICC_MAX_SFI || (p2 != BLOCK_FIRST && p2 != BLOCK_NEXT && p2 != BLOCK_AGAIN)) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = target_open(c, p1, KIND(UICC_BERTLV), access_of(c, UICC_AM_READ), &t);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    struct exchange *ex = uicc_exchange(c->u, c->apdu->channel);
    if (!ex) {
        return UICC_SW_MEMORY;
    }
    if (p2 == BLOCK_FIRST) {
        return retrieve_first(c, &t, ex);
    }
    if (c->apdu->data.p) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (ex->transfer != TRANSFER_RETRIEVE || ex->transfer_ef != t.file ||
        (p2 == BLOCK_NEXT && ex->data_at == ex->data.n)) {
        return UICC_SW_CONDITIONS;
    }
    if (p2 == BLOCK_AGAIN) {
        ex->data_at = ex->block_at;
    }
    return uicc_transfer_send(c, ex);
}

/* The object is complete: in one block, or with the last. */
static uicc_sw set_object(struct command *c, uicc_file file, cr_span tlv)
{
    struct cr_err err;
    cr_status status = uicc_fs_bertlv_set(&c->u->fs, file, tlv, &err);
    return status == CR_OK ? UICC_SW_OK : uicc_failed(c, status, &err);
}

/* How long an object will be by its first block; 0 = no object. */
static size_t object_size(cr_span block)
{
    uint32_t tag;
    size_t header, length;
    if (der_header(block, DER_BER_LENGTHS, &tag, &header, &length, NULL) != CR_OK ||
        length > UICC_MAX_BERTLV_SIZE) {
        return 0;
    }
    return header + length;
}

static uicc_sw set_first(struct command *c, const struct target *t, struct exchange *ex)
{
    uint32_t tag;
    struct cr_err err;
    cr_span block = c->apdu->data;
    uicc_transfer_end(ex);
    if (tag_only(block, &tag)) {
        cr_status status = uicc_fs_bertlv_delete(&c->u->fs, t->file, tag, &err);
        return status == CR_OK ? UICC_SW_OK : uicc_failed(c, status, &err);
    }
    size_t size = object_size(block);
    if (size == 0 || block.n > size) {
        return UICC_SW_WRONG_DATA;
    }
    if (size > (t->attr.max_size ? t->attr.max_size : UICC_MAX_BERTLV_SIZE)) {
        return UICC_SW_NO_MEMORY;
    }
    if (block.n == size) {
        return set_object(c, t->file, block);
    }
    cr_buf_append_span(&ex->data, block);
    ex->transfer = TRANSFER_SET;
    ex->transfer_ef = t->file;
    ex->transfer_used = true;
    return cr_buf_ok(&ex->data) ? UICC_SW_MORE_EXPECTED : UICC_SW_MEMORY;
}

static uicc_sw set_next(struct command *c, const struct target *t, struct exchange *ex)
{
    if (ex->transfer != TRANSFER_SET || ex->transfer_ef != t->file) {
        return UICC_SW_CONDITIONS;
    }
    size_t size = object_size(cr_buf_span(&ex->data));
    if (c->apdu->data.n > size - ex->data.n) {
        return UICC_SW_WRONG_DATA;
    }
    cr_buf_append_span(&ex->data, c->apdu->data);
    if (!cr_buf_ok(&ex->data)) {
        return UICC_SW_MEMORY;
    }
    if (ex->data.n < size) {
        ex->transfer_used = true;
        return UICC_SW_MORE_EXPECTED;
    }
    return set_object(c, t->file, cr_buf_span(&ex->data));
}

uicc_sw command_set_data(struct command *c)
{
    struct target t;
    uint8_t p1 = c->apdu->p1, p2 = c->apdu->p2;
    if (p1 > UICC_MAX_SFI || (p2 != BLOCK_FIRST && p2 != BLOCK_NEXT)) {
        return UICC_SW_WRONG_P1P2;
    }
    uicc_sw sw = target_open(c, p1, KIND(UICC_BERTLV), access_of(c, UICC_AM_UPDATE), &t);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    struct exchange *ex = uicc_exchange(c->u, c->apdu->channel);
    if (!ex) {
        return UICC_SW_MEMORY;
    }
    return p2 == BLOCK_FIRST ? set_first(c, &t, ex) : set_next(c, &t, ex);
}
