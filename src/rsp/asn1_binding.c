#include "rsp/asn1_binding.h"

#include "rsp/types.h"

#define ENVELOPE 0xA2
#define ERROR    0x81

static cr_status envelope_open(cr_span body, cr_span *inner, struct cr_err *err)
{
    struct der_tlv envelope;
    CR_TRY(der_expect(&body, DER_BER_LENGTHS, ENVELOPE, &envelope, err));
    if (body.n) {
        return cr_fail(err, CR_MALFORMED, "SGP.22 6.5.1", "%zu bytes after the message", body.n);
    }
    *inner = envelope.value;
    return CR_OK;
}

static cr_status envelope_write(const struct asn1_type *type, const void *value, bool peer_v3,
                                cr_buf *out, struct cr_err *err)
{
    size_t before = out->n;
    size_t mark = der_open(out, ENVELOPE);
    cr_status status = asn1_encode(type, value, peer_v3 ? 0 : ASN1_ENCODE_V2, out, err);
    if (status != CR_OK) {
        out->n = before;
        return status;
    }
    der_close(out, mark);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* Tries the usual form of a message and then the other one; err keeps the complaint about the
 * usual one. */
static cr_status decode_either(const struct asn1_type *usual, const struct asn1_type *other,
                               cr_span inner, cr_arena *arena, void *out, struct cr_err *err)
{
    cr_status status = asn1_decode(usual, inner, ASN1_DECODE_BER_LENGTHS, arena, out, err);
    if (status == CR_MALFORMED && other) {
        if (asn1_decode(other, inner, ASN1_DECODE_BER_LENGTHS, arena, out, NULL) == CR_OK) {
            return CR_OK;
        }
    }
    return status;
}

static const struct rsp_function *function_of(enum rsp_interface interface, uint32_t tag)
{
    size_t count;
    const struct rsp_function *rows = rsp_function_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].interface == interface && rows[i].asn1_request &&
            rows[i].asn1_request->tag == tag) {
            return &rows[i];
        }
    }
    return NULL;
}

cr_status rsp_asn1_parse_request(enum rsp_interface interface, cr_span body, cr_arena *arena,
                                 const struct rsp_function **function, void **request,
                                 struct cr_err *err)
{
    cr_span inner;
    CR_TRY(envelope_open(body, &inner, err));
    const struct rsp_function *found = function_of(interface, der_peek(inner));
    if (!found) {
        (void)cr_refuse(err, "1.6", "3.1", "SGP.22 6.5.1", "%s has no function with tag %X",
                        rsp_interface_name(interface), der_peek(inner));
        return CR_REFUSED;
    }
    void *at = rsp_function_new_request(found, arena);
    if (!at) {
        return cr_fail_memory(err);
    }
    CR_TRY(decode_either(found->asn1_request, found->asn1_request_alt, inner, arena, at, err));
    *function = found;
    *request = at;
    return CR_OK;
}

cr_status rsp_asn1_build_request(const struct rsp_function *function, const void *request,
                                 bool peer_v3, cr_buf *out, struct cr_err *err)
{
    if (!function->asn1_request) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s has no ASN.1 binding", function->name);
    }
    return envelope_write(function->asn1_request, request, peer_v3, out, err);
}

/* The alternative 81 of an answer, and its number in a CHOICE. */
static const struct asn1_field *error_row(const struct asn1_type *type, int *which)
{
    for (uint16_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].tag == ERROR) {
            *which = i + 1;
            return &type->fields[i];
        }
    }
    return NULL;
}

cr_status rsp_asn1_build_response(const struct rsp_function *function, const void *response,
                                  const struct cr_err *failure, bool peer_v3, cr_buf *out,
                                  struct cr_err *err)
{
    const struct asn1_type *type = peer_v3 && function->asn1_response_v3
                                       ? function->asn1_response_v3
                                       : function->asn1_response;
    if (!type) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s has no answer", function->name);
    }
    if (!failure) {
        return envelope_write(type, response, peer_v3, out, err);
    }
    int which = 0;
    const struct asn1_field *row = error_row(type, &which);
    if (!row) {
        return cr_fail(err, CR_INTERNAL, NULL, "%s has no error alternative", function->name);
    }
    struct rsp_function_status pair;
    rsp_status_from_err(failure, &pair);
    int64_t number =
        rsp_error_number_of(function->errors, pair.subject_code, pair.reason_code, peer_v3);
    /* Written by hand: a struct of the function's size would only carry the number. */
    size_t before = out->n;
    size_t envelope = der_open(out, ENVELOPE);
    size_t message = der_open(out, type->tag);
    der_put_integer(out, row->tag, number);
    der_close(out, message);
    der_close(out, envelope);
    if (!cr_buf_ok(out)) {
        out->n = before;
        return cr_fail_memory(err);
    }
    return CR_OK;
}

static cr_status refused(const struct rsp_function *function, int64_t number, struct cr_err *err)
{
    const struct rsp_error_number *row = rsp_error_row(function->errors, number);
    cr_status status = cr_refuse(err, row ? row->subject : "", row ? row->reason : "", NULL,
                                 "%s: the server answered error %lld (%s)", function->name,
                                 (long long)number, row ? row->name : "unknown");
    return cr_err_code(err, status, (long)number);
}

cr_status rsp_asn1_parse_response(const struct rsp_function *function, cr_span body,
                                  cr_arena *arena, void **response, struct cr_err *err)
{
    if (!function->asn1_response) {
        *response = NULL; /* a notification: whatever came is an acknowledgement */
        return CR_OK;
    }
    cr_span inner;
    CR_TRY(envelope_open(body, &inner, err));
    void *at = rsp_function_new_response(function, arena);
    if (!at) {
        return cr_fail_memory(err);
    }
    CR_TRY(
        decode_either(function->asn1_response, function->asn1_response_v3, inner, arena, at, err));
    int which = 0;
    const struct asn1_field *row = error_row(function->asn1_response, &which);
    if (row && *(const int *)at == which) {
        return refused(function, *(const int64_t *)(const void *)((uint8_t *)at + row->offset),
                       err);
    }
    *response = at;
    return CR_OK;
}
