/*
 * crisp decode: TLVs, APDUs around them, activation codes.
 */
#include "cli/decode.h"

#include "cli/cert_text.h"

#include "asn1/json.h"
#include "base/text.h"
#include "rsp/activation_code.h"
#include "rsp/messages.h"
#include "rsp/oids.h"

#include <strings.h>

#define INS_STORE_DATA 0xE2
#define P1_LAST        0x80
#define P1_BER         0x11 /* TLVs: ES10 */
#define P1_DGI         0x09 /* data groupings: key establishment of SGP.02 */

/* ---- output -----------------------------------------------------------------------------------
 */

void cli_decode_head(struct cli_decoder *d, const char *name, const char *remark)
{
    if (d->array) {
        json_t *object = json_object();
        cli_json_text(object, "type", name);
        cli_json_text(object, "remark", remark);
        (void)json_array_append_new(d->array, object);
    } else {
        cr_buf_appendf(&d->text, "%s%s%s%s\n", name, remark ? " (" : "", remark ? remark : "",
                       remark ? ")" : "");
    }
}

void cli_decode_value(struct cli_decoder *d, const char *name, json_t *value)
{
    json_t *last = json_array_get(d->array, json_array_size(d->array) - 1);
    (void)json_object_set_new(last, name, value);
}

void cli_decode_indent(cr_buf *text, size_t since, unsigned blanks)
{
    cr_buf moved = {0};
    size_t at = since;
    while (at < text->n) {
        const uint8_t *end = memchr(text->p + at, '\n', text->n - at);
        size_t n = end ? (size_t)(end - (text->p + at)) + 1 : text->n - at;
        cr_buf_appendf(&moved, "%*s", (int)blanks, "");
        cr_buf_append(&moved, text->p + at, n);
        at += n;
    }
    if (cr_buf_ok(&moved) && since <= text->n) {
        text->n = since;
        cr_buf_append_span(text, cr_buf_span(&moved));
    }
    cr_buf_free(&moved);
}

static bool cert_summary(cr_span tlv, cr_buf *out)
{
    struct pki_cert cert;
    struct pki_crl crl;
    if (pki_cert_decode(tlv, &cert, NULL) == CR_OK) {
        cr_buf_append_str(out, "certificate: ");
        pki_cert_summary(&cert, out);
        return true;
    }
    if (pki_crl_decode(tlv, &crl, NULL) == CR_OK) {
        char when[CR_TIME_TEXT];
        cr_buf_appendf(out, "CRL of %s, %zu revoked", cr_time_format(when, crl.this_update_ms),
                       crl.revoked_count);
        return true;
    }
    return false;
}

const struct asn1_print_hooks cli_decode_hooks = {.oid_name = rsp_oid_name,
                                                  .raw_summary = cert_summary};

/* ---- TLVs -------------------------------------------------------------------------------------
 */

static bool wants(const struct cli_decoder *d, const char *name)
{
    return !d->type || strcasecmp(d->type, name) == 0;
}

static bool decode_x509(struct cli_decoder *d, cr_span tlv)
{
    struct pki_cert cert;
    struct pki_crl crl;
    int64_t now = cr_now_ms(d->cli->env);
    if (wants(d, "Certificate") && pki_cert_decode(tlv, &cert, NULL) == CR_OK) {
        cli_decode_head(d, "Certificate", NULL);
        if (d->array) {
            cli_decode_value(d, "value", cli_cert_json(&cert));
        } else {
            cli_cert_text(&cert, 2, now, &d->text);
        }
        return true;
    }
    if (wants(d, "CRL") && pki_crl_decode(tlv, &crl, NULL) == CR_OK) {
        cli_decode_head(d, "CRL", NULL);
        if (d->array) {
            cli_decode_value(d, "value", cli_crl_json(&crl));
        } else {
            cli_crl_text(&crl, 2, now, &d->text);
        }
        return true;
    }
    return false;
}

static bool decode_gpcert(struct cli_decoder *d, cr_span tlv)
{
    struct gpcert cert;
    if (!wants(d, "GPCertificate") || gpcert_decode(tlv, &cert, NULL) != CR_OK) {
        return false;
    }
    cli_decode_head(d, "GPCertificate", "GlobalPlatform, SGP.02");
    if (d->array) {
        cli_decode_value(d, "value", cli_gpcert_json(&cert));
    } else {
        cli_gpcert_text(&cert, 2, cr_now_ms(d->cli->env), &d->text);
    }
    return true;
}

/* Encoded anew it is the same. */
static bool is_exact(const struct asn1_type *type, const void *value, cr_span tlv)
{
    cr_buf again = {0};
    bool same = asn1_encode(type, value, ASN1_ENCODE_NO_RAW, &again, NULL) == CR_OK &&
                cr_span_equal(cr_buf_span(&again), tlv);
    cr_buf_free(&again);
    return same;
}

/* The first line says what the headline has said already. */
static void drop_title(cr_buf *text, size_t since, const char *name)
{
    size_t n = strlen(name);
    bool title = text->n >= since + n + 2 && memcmp(text->p + since, name, n) == 0 &&
                 memcmp(text->p + since + n, ":\n", 2) == 0;
    if (title) {
        memmove(text->p + since, text->p + since + n + 2, text->n - since - n - 2);
        text->n -= n + 2;
    } else {
        cli_decode_indent(text, since, 2);
    }
}

static cr_status put_message(struct cli_decoder *d, const struct rsp_message *m, const void *value,
                             cr_span tlv, struct cr_err *err)
{
    static const char *const directions[] = {
        [RSP_REQUEST] = "request", [RSP_RESPONSE] = "response", [RSP_DATA] = "data"};
    char remark[128];
    (void)snprintf(remark, sizeof(remark), "%s %s%s", m->interface, directions[m->direction],
                   is_exact(m->type, value, tlv)
                       ? ""
                       : "; not DER, or with components that the standard does not name");
    cli_decode_head(d, m->name, remark);
    if (d->array) {
        json_t *json = NULL;
        CR_TRY(asn1_to_json(m->type, value, &json, err));
        cli_decode_value(d, "value", json);
        return CR_OK;
    }
    size_t start = d->text.n;
    CR_TRY(asn1_print(m->type, value, &cli_decode_hooks, &d->text, err));
    drop_title(&d->text, start, m->type->name);
    return CR_OK;
}

static cr_status put_tree(struct cli_decoder *d, const struct der_tlv *tlv, const char *why,
                          struct cr_err *err)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "TLV %X", tlv->tag);
    cli_decode_head(d, name, why);
    if (d->array) {
        cr_buf hex = {0};
        cr_hex_append(&hex, tlv->all);
        cli_decode_value(d, "value", json_string(cr_buf_cstr(&hex)));
        cr_buf_free(&hex);
        return CR_OK;
    }
    size_t start = d->text.n;
    CR_TRY(asn1_print_tlv(tlv->all, &d->text, err));
    cli_decode_indent(&d->text, start, 2);
    return CR_OK;
}

static cr_status decode_typed(struct cli_decoder *d, const struct der_tlv *tlv, struct cr_err *err)
{
    const struct rsp_message *m = rsp_message_by_name(cr_span_str(d->type));
    if (!m) {
        /* "TLV", or a certificate that was none */
        return wants(d, "TLV") ? put_tree(d, tlv, NULL, err)
                               : cr_fail(err, CR_MALFORMED, NULL, "this is no %s", d->type);
    }
    void *value = cr_arena_alloc(&d->cli->arena, m->type->size);
    if (!value) {
        return cr_fail_memory(err);
    }
    CR_TRY(asn1_decode(m->type, tlv->all, ASN1_DECODE_BER_LENGTHS, &d->cli->arena, value, err));
    return put_message(d, m, value, tlv->all, err);
}

static cr_status decode_tlv(struct cli_decoder *d, const struct der_tlv *tlv, struct cr_err *err)
{
    const struct rsp_message *m = NULL;
    void *value = NULL;
    struct cr_err why;
    size_t candidates = 0;
    if (tlv->tag == 0x30 && decode_x509(d, tlv->all)) {
        return CR_OK;
    }
    if (tlv->tag == GPCERT_TAG && decode_gpcert(d, tlv->all)) {
        return CR_OK;
    }
    if (d->type) {
        return decode_typed(d, tlv, err);
    }
    if (rsp_message_decode(tlv->all, &d->cli->arena, &m, &value, &why) == CR_OK) {
        return put_message(d, m, value, tlv->all, err);
    }
    /* A tag of a message that does not fit its type: say what is wrong with it. */
    const struct rsp_message *likeliest = rsp_message_likeliest(tlv->all);
    (void)rsp_message_candidates(tlv->tag, &candidates);
    const char *remark =
        likeliest && tlv->tag != 0x30
            ? cr_arena_printf(&d->cli->arena, "not a valid %s%s: %s", likeliest->name,
                              candidates > 1 ? ", which it resembles most" : "", why.cause)
            : "no message of SGP.22";
    return put_tree(d, tlv, remark, err);
}

/* All of it is TLVs. */
static cr_status check_tlvs(cr_span bytes, struct cr_err *err)
{
    cr_span rest = bytes;
    if (bytes.n < 2) {
        return cr_fail(err, CR_MALFORMED, NULL, "%zu bytes are no message", bytes.n);
    }
    while (rest.n > 0) {
        struct der_tlv tlv;
        cr_status status = der_next(&rest, DER_BER_LENGTHS, &tlv, err);
        if (status != CR_OK) {
            return cr_err_context(err, status, "no TLV at offset %zu of %zu bytes",
                                  bytes.n - rest.n, bytes.n);
        }
    }
    return CR_OK;
}

cr_status cli_decode_tlvs(struct cli_decoder *d, cr_span bytes, struct cr_err *err)
{
    CR_TRY(check_tlvs(bytes, err));
    while (bytes.n > 0) {
        struct der_tlv tlv;
        CR_TRY(der_next(&bytes, DER_BER_LENGTHS, &tlv, err));
        CR_TRY(decode_tlv(d, &tlv, err));
    }
    return CR_OK;
}

/* ---- APDUs ------------------------------------------------------------------------------------
 */

static bool is_store_data(cr_span in, uint8_t p1)
{
    return in.n > 5 && (in.p[0] & 0x80) && in.p[1] == INS_STORE_DATA && (in.p[2] & 0x7F) == p1 &&
           in.p[4] > 0 && in.n >= 5U + in.p[4];
}

/* Blocks of a chain behind each other, each with or without Le. */
static bool join_blocks(cr_span in, uint8_t p1, cr_buf *data, size_t *blocks, bool *last)
{
    while (in.n > 0) {
        if (!is_store_data(in, p1)) {
            return false;
        }
        *last = (in.p[2] & P1_LAST) != 0;
        cr_buf_append(data, in.p + 5, in.p[4]);
        ++*blocks;
        in = cr_span_sub(in, 5U + in.p[4], in.n);
        if (in.n > 0 && in.p[0] == 0) {
            in = cr_span_sub(in, 1, in.n);
        }
    }
    return *blocks > 0 && cr_buf_ok(data);
}

static bool decode_command(struct cli_decoder *d, cr_span bytes)
{
    cr_buf data = {0};
    size_t blocks = 0;
    bool last = false;
    char remark[64];
    bool ok = join_blocks(bytes, P1_BER, &data, &blocks, &last);
    cr_span joined = ok ? cr_arena_copy(&d->cli->arena, cr_buf_span(&data)) : (cr_span){0};
    ok = ok && joined.p && (!last || check_tlvs(joined, NULL) == CR_OK);
    if (ok) {
        (void)snprintf(remark, sizeof(remark), "%zu block%s, %zu bytes%s", blocks,
                       blocks == 1 ? "" : "s", joined.n, last ? "" : ", more to come");
        cli_decode_head(d, "STORE DATA", remark);
        if (last) {
            ok = cli_decode_tlvs(d, joined, NULL) == CR_OK;
        }
    }
    cr_buf_free(&data);
    return ok;
}

/* Commands of key establishment: each its blocks, of which the last is the last of all or the next
 * command begins anew. */
static bool decode_groupings(struct cli_decoder *d, cr_span bytes)
{
    cr_buf data = {0};
    size_t blocks = 0;
    bool last = false;
    bool ok = join_blocks(bytes, P1_DGI, &data, &blocks, &last);
    cr_span joined = ok ? cr_arena_copy(&d->cli->arena, cr_buf_span(&data)) : (cr_span){0};
    cr_buf_free(&data);
    return joined.p && cli_decode_establish(d, joined);
}

static bool decode_answer(struct cli_decoder *d, cr_span bytes)
{
    if (bytes.n < 4) {
        return false;
    }
    cr_span data = cr_span_sub(bytes, 0, bytes.n - 2);
    const uint8_t *sw = bytes.p + data.n;
    bool ok = sw[0] == 0x90 && sw[1] == 0; /* would also be an empty TLV with the tag 90 */
    bool other = sw[0] == 0x91 || (sw[0] >= 0x61 && sw[0] <= 0x6F);
    if ((!ok && (!other || check_tlvs(bytes, NULL) == CR_OK)) || check_tlvs(data, NULL) != CR_OK) {
        return false;
    }
    char remark[32];
    (void)snprintf(remark, sizeof(remark), "status word %02X%02X", sw[0], sw[1]);
    cli_decode_head(d, "answer of a card", remark);
    return cli_decode_tlvs(d, data, NULL) == CR_OK;
}

bool cli_decode_apdu(struct cli_decoder *d, cr_span bytes)
{
    return cli_decode_establish(d, bytes) || decode_groupings(d, bytes) ||
           decode_command(d, bytes) || decode_answer(d, bytes);
}

/* ---- activation codes -------------------------------------------------------------------------
 */

cr_status cli_decode_activation_code(struct cli_decoder *d, cr_span text, struct cr_err *err)
{
    struct rsp_activation_code code;
    CR_TRY(rsp_activation_code_parse(text, &d->cli->arena, &code, err));
    json_t *json = json_object();
    cli_json_span(json, "smdpAddress", code.smdp_address);
    cli_json_span(json, "matchingId", code.matching_id);
    cli_json_span(json, "smdpOid", code.smdp_oid);
    (void)json_object_set_new(json, "confirmationCodeRequired",
                              json_boolean(code.confirmation_code_required));
    cli_json_span(json, "ciPkIndicator", code.ci_pk_indicator);
    cli_json_span(json, "deleteNotification", code.delete_notification);
    cli_decode_head(d, "ActivationCode", "SGP.22 4.1");
    if (d->array) {
        cli_decode_value(d, "value", json);
        return CR_OK;
    }
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        const char *shown = json_is_string(value) ? json_string_value(value)
                            : json_is_true(value) ? "yes"
                                                  : "no";
        cr_buf_appendf(&d->text, "  %s: %s\n", name, shown);
    }
    json_decref(json);
    return CR_OK;
}
