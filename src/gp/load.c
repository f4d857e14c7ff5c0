/*
 * LOAD (Card Specification 11.6): blocks of a load file. Nothing executes what is in it; it is kept
 * and its applets are listed.
 */
#include "asn1/der.h"
#include "crypto/ec.h"
#include "gp/internal.h"

#define P1_LAST 0x80

/* Room for the DAP blocks in front of the data block. */
#define MAX_FILE (GP_MAX_LOAD_FILE + 1024)

static void load_end(struct gp_load *load)
{
    cr_buf_free(&load->file);
    *load = (struct gp_load){0};
}

/* Signatures of load files (DAP) are read, but there is nothing here to verify them with: a load
 * that one is mandated for, or that one was made for, is refused rather than taken unverified. */
static bool dap_mandated(const struct gp_registry *reg)
{
    struct gp_object o;
    for (uint16_t id = 0; gp_object_next(reg, id, &o); id = o.id) {
        if ((o.privileges & GP_PRIV_MANDATED_DAP) == GP_PRIV_MANDATED_DAP) {
            return true;
        }
    }
    return false;
}

static bool dap_domain(const struct gp_registry *reg, cr_span aid)
{
    struct gp_object o;
    return gp_object_by_aid(reg, aid, &o) && (o.privileges & GP_PRIV_DAP) == GP_PRIV_DAP;
}

/* E2 { 4F domain, C3 signature } any number of times, then C4 the data block. */
static uicc_sw take_block(const struct gp_registry *reg, cr_span in, cr_span *block)
{
    struct der_tlv tlv, aid, signature;
    bool found = false;
    while (in.n) {
        if (found || der_next(&in, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return UICC_SW_WRONG_DATA;
        }
        switch (tlv.tag) {
        case 0xE2:
            if (!der_find(tlv.value, 0x4F, &aid) || !der_find(tlv.value, 0xC3, &signature)) {
                return UICC_SW_WRONG_DATA;
            }
            if (dap_domain(reg, aid.value)) {
                return UICC_SW_CONDITIONS;
            }
            break;
        case 0xC4:
            *block = tlv.value;
            found = true;
            break;
        default:
            return UICC_SW_WRONG_DATA;
        }
    }
    if (!found || block->n == 0) {
        return UICC_SW_WRONG_DATA;
    }
    return block->n > GP_MAX_LOAD_FILE ? UICC_SW_NO_MEMORY : UICC_SW_OK;
}

static bool hash_good(const struct gp_load *load, cr_span block)
{
    uint8_t hash[CRYPTO_SHA256];
    switch (load->hash_size) {
    case 0:
        return true;
    case 20:
        crypto_sha1(block, hash);
        break;
    default:
        crypto_sha256(block, hash);
        break;
    }
    return memcmp(hash, load->hash, load->hash_size) == 0;
}

/* Java Card CAP components: tag, length (2), content. Component 3 is a count and, for each applet,
 * length, AID and the offset of its install method (2). */
#define COMPONENT_APPLET 3

static bool put_applets(cr_span in, cr_buf *list)
{
    uint8_t count = in.n ? in.p[0] : 0;
    in = cr_span_sub(in, 1, in.n);
    for (uint8_t i = 0; i < count; i++) {
        cr_span aid;
        struct gp_aid checked;
        if (!gp_take_lv(&in, &aid) || !gp_aid_set(&checked, aid) || in.n < 2 ||
            i == GP_MAX_MODULES) {
            return false;
        }
        in = cr_span_sub(in, 2, in.n);
        cr_buf_append_byte(list, checked.n);
        cr_buf_append_span(list, gp_aid_span(&checked));
    }
    return true;
}

static bool put_modules(cr_span in, cr_buf *list)
{
    while (in.n >= 3) {
        size_t n = (size_t)in.p[1] << 8 | in.p[2];
        cr_span content = cr_span_sub(in, 3, n);
        if (content.n != n) {
            return true; /* no CAP file: a load file without modules */
        }
        if (in.p[0] == COMPONENT_APPLET) {
            return put_applets(content, list);
        }
        in = cr_span_sub(in, 3 + n, in.n);
    }
    return true;
}

static uicc_sw keep(struct gp_command *c, const struct gp_load *load, cr_span block)
{
    struct gp_object o = {.kind = GP_PACKAGE,
                          .aid = load->aid,
                          .state = GP_LOADED,
                          .domain = load->domain,
                          .size = (uint32_t)block.n};
    struct cr_err err;
    cr_buf modules = {0};
    cr_status status = CR_OK;
    if (!put_modules(block, &modules)) {
        status = cr_err_code(&err, cr_fail(&err, CR_REFUSED, "JCVM 6.6", "broken applet component"),
                             UICC_SW_WRONG_DATA);
    }
    if (status == CR_OK) {
        status = gp_object_add(c->reg, &o, &err);
    }
    if (status == CR_OK) {
        status = gp_load_file_put(c->reg, o.id, block, &err);
    }
    if (status == CR_OK) {
        status = gp_modules_put(c->reg, o.id, cr_buf_span(&modules), &err);
    }
    cr_buf_free(&modules);
    return gp_failed(status, &err);
}

uicc_sw gp_load(struct gp_command *c)
{
    struct gp_load *load = &c->ctx->load;
    cr_span block;
    if (c->apdu->p1 & (uint8_t)~P1_LAST) {
        return UICC_SW_WRONG_P1P2;
    }
    if (!load->open) {
        return UICC_SW_CONDITIONS;
    }
    if (c->apdu->p2 != load->next || c->apdu->data.n == 0) {
        load_end(load);
        return c->apdu->data.n ? UICC_SW_WRONG_P1P2 : UICC_SW_WRONG_LENGTH;
    }
    load->file.limit = MAX_FILE;
    cr_buf_append_span(&load->file, c->apdu->data);
    if (!cr_buf_ok(&load->file)) {
        load_end(load);
        return UICC_SW_NO_MEMORY;
    }
    load->next++;
    if (!(c->apdu->p1 & P1_LAST)) {
        return UICC_SW_OK;
    }
    uicc_sw sw = take_block(c->reg, cr_buf_span(&load->file), &block);
    if (sw == UICC_SW_OK && dap_mandated(c->reg)) {
        sw = UICC_SW_CONDITIONS;
    }
    if (sw == UICC_SW_OK && !hash_good(load, block)) {
        sw = UICC_SW_WRONG_DATA;
    }
    if (sw == UICC_SW_OK) {
        sw = keep(c, load, block);
    }
    if (sw == UICC_SW_OK) {
        cr_buf_append_byte(c->out, 0x00); /* no receipt */
    }
    load_end(load);
    return sw;
}
