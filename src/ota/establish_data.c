/* Data of the two STORE DATA commands and their answers. */
#include "ota/establish_internal.h"

#include "asn1/der.h"
#include "pki/gpcert.h"

#define CLA_GP         0x80
#define INS_STORE_DATA 0xE2
#define P1_DGI         0x09 /* data groupings, an answer is expected */
#define P1_LAST        0x80
#define BLOCK_MAX      255 /* bytes of data in one command */

static cr_status bad(struct cr_err *err, uint32_t tag, const char *what)
{
    return establish_fail(err, CR_MALFORMED, ESTABLISH_SW_WRONG_DATA, tag, what);
}

static cr_status done(const cr_buf *out, struct cr_err *err)
{
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* --- data groupings ----------------------------------------------------------------------------
 */

static void put_grouping(cr_buf *b, unsigned id, enum establish_lengths lengths, cr_span value)
{
    if (lengths == ESTABLISH_LENGTH_BER) {
        uint8_t header[DER_HEADER_MAX]; /* of a tag of one byte, which is left out */
        size_t n = der_header_write(header, 0x80, value.n);
        cr_buf_append_be(b, id, 2);
        cr_buf_append(b, header + 1, n - 1);
    } else {
        cr_buf_append_be(b, id, 2);
        if (value.n >= 0xFF) {
            cr_buf_append_byte(b, 0xFF);
            cr_buf_append_be(b, value.n, 2);
        } else {
            cr_buf_append_byte(b, (uint8_t)value.n);
        }
    }
    cr_buf_append_span(b, value);
}

/* The span is one TLV of the tag and nothing else. */
static bool is_one(cr_span value, uint32_t tag)
{
    struct der_tlv tlv;
    return der_next(&value, DER_DEFINITE, &tlv, NULL) == CR_OK && tlv.tag == tag && value.n == 0;
}

/* Header with a length in the given form; false when it is none or the contents are cut. */
static bool grouping_value(cr_span in, enum establish_lengths lengths, cr_span *value)
{
    size_t header = 3;
    size_t n = in.p[2];
    if (lengths == ESTABLISH_LENGTH_BER && (n == 0x81 || n == 0x82)) {
        header += n - 0x80;
    } else if (lengths == ESTABLISH_LENGTH_DGI && n == 0xFF) {
        header += 2;
    }
    if (in.n < header) {
        return false;
    }
    if (header == 4) {
        n = in.p[3];
    } else if (header == 5) {
        n = (size_t)in.p[3] << 8 | in.p[4];
    }
    *value = cr_span_sub(in, header, n);
    return value->n == n;
}

/* A grouping that holds one TLV of the tag. A length byte 81 or 82 is read in both ways: only one
 * of them gives that TLV. */
static bool take_grouping(cr_span *in, unsigned id, uint32_t tag, cr_span *value)
{
    const enum establish_lengths forms[] = {ESTABLISH_LENGTH_DGI, ESTABLISH_LENGTH_BER};
    if (in->n < 3 || ((unsigned)in->p[0] << 8 | in->p[1]) != id) {
        return false;
    }
    for (size_t i = 0; i < CR_COUNT(forms); i++) {
        cr_span contents;
        if (grouping_value(*in, forms[i], &contents) && is_one(contents, tag)) {
            size_t used = (size_t)(contents.p - in->p) + contents.n;
            *value = contents;
            *in = cr_span_sub(*in, used, in->n);
            return true;
        }
    }
    return false;
}

/* --- certificate, challenge --------------------------------------------------------------------
 */

cr_status establish_put_certificate(cr_span certificate, enum establish_lengths lengths,
                                    cr_buf *data, struct cr_err *err)
{
    if (certificate.n > GPCERT_MAX || !is_one(certificate, GPCERT_TAG)) {
        return bad(err, GPCERT_TAG, "there is no certificate");
    }
    put_grouping(data, ESTABLISH_DGI_CERTIFICATE, lengths, certificate);
    return done(data, err);
}

cr_status establish_take_certificate(cr_span data, cr_span *certificate, struct cr_err *err)
{
    cr_span value;
    if (data.n > ESTABLISH_MAX_DATA ||
        !take_grouping(&data, ESTABLISH_DGI_CERTIFICATE, GPCERT_TAG, &value) || data.n > 0) {
        return bad(err, ESTABLISH_DGI_CERTIFICATE, "there is no certificate");
    }
    *certificate = value;
    return CR_OK;
}

static bool is_challenge(cr_span rc)
{
    return rc.n == 16 || rc.n == 32;
}

cr_status establish_put_challenge(cr_span rc, cr_buf *answer, struct cr_err *err)
{
    if (!is_challenge(rc)) {
        return bad(err, TAG_RANDOM, "a challenge has 16 or 32 bytes");
    }
    der_put(answer, TAG_RANDOM, rc);
    return done(answer, err);
}

cr_status establish_take_challenge(cr_span answer, cr_span *rc, struct cr_err *err)
{
    struct der_tlv tlv;
    if (der_next(&answer, DER_DEFINITE, &tlv, NULL) != CR_OK || tlv.tag != TAG_RANDOM ||
        answer.n > 0 || !is_challenge(tlv.value)) {
        return bad(err, TAG_RANDOM, "the answer is no challenge of 16 or 32 bytes");
    }
    *rc = tlv.value;
    return CR_OK;
}

/* --- one-time key ------------------------------------------------------------------------------
 */

cr_status establish_put_key(enum crypto_curve curve, cr_span point, enum establish_key_form form,
                            cr_buf *value, struct cr_err *err)
{
    const uint8_t reference = gpcert_curve_reference(curve);
    if (point.n != CRYPTO_POINT) {
        return bad(err, TAG_PUBLIC_KEY, "the point does not have 65 bytes");
    }
    if (form == ESTABLISH_KEY_WRAPPED) {
        der_put(value, 0xB0, point);
        der_put(value, 0xF0, cr_span_of(&reference, 1));
    } else {
        cr_buf_append_span(value, point);
    }
    return done(value, err);
}

cr_status establish_take_key(cr_span value, enum crypto_curve curve, cr_span *point,
                             struct cr_err *err)
{
    struct der_tlv key;
    struct der_tlv reference;
    if (value.n == CRYPTO_POINT && value.p[0] == 0x04) {
        *point = value;
        return CR_OK;
    }
    if (der_next(&value, DER_DEFINITE, &key, NULL) != CR_OK || key.tag != 0xB0 ||
        der_next(&value, DER_DEFINITE, &reference, NULL) != CR_OK || reference.tag != 0xF0 ||
        reference.value.n != 1 || value.n > 0 || key.value.n != CRYPTO_POINT ||
        key.value.p[0] != 0x04) {
        return bad(err, TAG_PUBLIC_KEY, "the one-time key has none of the two forms");
    }
    if (gpcert_curve(reference.value.p[0]) != curve) {
        return bad(err, 0xF0, "the one-time key is on another curve than that of the ECASD");
    }
    *point = key.value;
    return CR_OK;
}

/* --- request -----------------------------------------------------------------------------------
 */

cr_status establish_put_objects(const struct establish_template *t, cr_span key, cr_buf *objects,
                                struct cr_err *err)
{
    cr_buf a6 = {0};
    cr_status status = establish_put_template(t, &a6, err);
    if (status == CR_OK) {
        put_grouping(objects, ESTABLISH_DGI_REQUEST, ESTABLISH_LENGTH_DGI, cr_buf_span(&a6));
        put_grouping(objects, TAG_PUBLIC_KEY, ESTABLISH_LENGTH_DGI, key);
        status = done(objects, err);
    }
    cr_buf_free(&a6);
    return status;
}

/* What is signed behind the objects: the challenge as a data grouping. */
static size_t challenge_header(cr_span rc, uint8_t out[3])
{
    out[0] = 0x00;
    out[1] = TAG_RANDOM;
    out[2] = (uint8_t)rc.n;
    return 3;
}

cr_status establish_sign(cr_span objects, cr_span rc, const struct pki_key *key,
                         uint8_t signature[CRYPTO_SIGNATURE], struct cr_err *err)
{
    uint8_t header[3];
    if (!is_challenge(rc)) {
        return bad(err, TAG_RANDOM, "a challenge has 16 or 32 bytes");
    }
    const cr_span parts[] = {objects, {header, challenge_header(rc, header)}, rc};
    return pki_key_sign(key, parts, CR_COUNT(parts), signature, err);
}

cr_status establish_put_request(cr_span objects, cr_span signature, cr_buf *data,
                                struct cr_err *err)
{
    if (signature.n != CRYPTO_SIGNATURE) {
        return bad(err, TAG_SIGNATURE, "the signature does not have 64 bytes");
    }
    cr_buf_append_span(data, objects);
    put_grouping(data, TAG_SIGNATURE, ESTABLISH_LENGTH_DGI, signature);
    return done(data, err);
}

cr_status establish_take_request(cr_span data, struct establish_request *out, struct cr_err *err)
{
    struct establish_request r = {0};
    struct der_tlv key;
    struct der_tlv signature;
    cr_span in = data;
    if (data.n > ESTABLISH_MAX_DATA ||
        !take_grouping(&in, ESTABLISH_DGI_REQUEST, TAG_TEMPLATE, &r.a6)) {
        return bad(err, ESTABLISH_DGI_REQUEST, "there is no template");
    }
    if (der_next(&in, DER_DEFINITE, &key, NULL) != CR_OK || key.tag != TAG_PUBLIC_KEY) {
        return bad(err, TAG_PUBLIC_KEY, "there is no one-time key");
    }
    r.objects = cr_span_sub(data, 0, data.n - in.n);
    if (der_next(&in, DER_DEFINITE, &signature, NULL) != CR_OK || signature.tag != TAG_SIGNATURE ||
        signature.value.n != CRYPTO_SIGNATURE || in.n > 0) {
        return bad(err, TAG_SIGNATURE, "there is no signature of 64 bytes at the end");
    }
    CR_TRY(establish_take_template(r.a6, &r.t, err));
    r.key = key.value;
    r.signature = signature.value;
    *out = r;
    return CR_OK;
}

cr_status establish_a6_of(cr_span objects, cr_span *a6, struct cr_err *err)
{
    return take_grouping(&objects, ESTABLISH_DGI_REQUEST, TAG_TEMPLATE, a6)
               ? CR_OK
               : bad(err, ESTABLISH_DGI_REQUEST, "there is no template");
}

static cr_status verify(cr_span objects, cr_span rc, cr_span signature,
                        const struct crypto_public *key, struct cr_err *err)
{
    uint8_t header[3];
    struct cr_err why;
    if (!is_challenge(rc)) {
        return bad(err, TAG_RANDOM, "a challenge has 16 or 32 bytes");
    }
    const cr_span parts[] = {objects, {header, challenge_header(rc, header)}, rc};
    cr_status status = crypto_verify(key, parts, CR_COUNT(parts), signature, &why);
    if (status == CR_REFUSED) {
        return establish_fail(err, CR_REFUSED, ESTABLISH_SW_SECURITY, TAG_SIGNATURE,
                              "the signature is wrong");
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

cr_status establish_verify(const struct establish_request *request, cr_span rc,
                           const struct crypto_public *key, struct cr_err *err)
{
    return verify(request->objects, rc, request->signature, key, err);
}

/* --- the request of another SM-SR --------------------------------------------------------------
 */

/* Bits of a number that counts the forms of one request: what is changed. */
#define VARIANT_NO_ACCESS  1U
#define VARIANT_NO_COUNTER 2U
#define VARIANT_OTHER_KEY  4U
#define VARIANTS           8U

static cr_status put_variant(unsigned variant, const struct establish_template *given, cr_span key,
                             cr_span other_key, cr_buf *objects, struct cr_err *err)
{
    struct establish_template t = *given;
    if (variant & VARIANT_NO_ACCESS) {
        t.has_access = false;
    }
    if (variant & VARIANT_NO_COUNTER) {
        t.counter_size = 0;
        t.counter = 0;
    }
    return establish_put_objects(&t, variant & VARIANT_OTHER_KEY ? other_key : key, objects, err);
}

static cr_status try_variants(const struct establish_template *t, cr_span key, cr_span other_key,
                              cr_span rc, cr_span signature, const struct crypto_public *signer,
                              cr_buf *objects, struct cr_err *err)
{
    for (unsigned variant = 0; variant < VARIANTS; variant++) {
        cr_buf_reset(objects);
        CR_TRY(put_variant(variant, t, key, other_key, objects, err));
        cr_status status = verify(cr_buf_span(objects), rc, signature, signer, err);
        if (status != CR_REFUSED) {
            return status;
        }
    }
    return CR_REFUSED;
}

cr_status establish_rebuild(const struct establish_template *t, cr_span key,
                            enum crypto_curve curve, cr_span rc, cr_span signature,
                            const struct crypto_public *signer, cr_buf *data, struct cr_err *err)
{
    cr_buf other = {0};
    cr_buf objects = {0};
    cr_span point;
    CR_TRY(establish_take_key(key, curve, &point, err));
    bool raw = key.n == point.n;
    cr_status status = establish_put_key(
        curve, point, raw ? ESTABLISH_KEY_WRAPPED : ESTABLISH_KEY_RAW, &other, err);
    if (status == CR_OK) {
        status = try_variants(t, key, cr_buf_span(&other), rc, signature, signer, &objects, err);
    }
    if (status == CR_OK) {
        status = establish_put_request(cr_buf_span(&objects), signature, data, err);
    }
    cr_buf_free(&other);
    cr_buf_free(&objects);
    return status;
}

/* --- commands ----------------------------------------------------------------------------------
 */

cr_status establish_next_command(cr_span *data, bool last, uint8_t *block, cr_buf *apdu,
                                 struct cr_err *err)
{
    cr_span part = cr_span_sub(*data, 0, BLOCK_MAX);
    cr_span rest = cr_span_sub(*data, part.n, data->n);
    const uint8_t header[] = {CLA_GP, INS_STORE_DATA,
                              (uint8_t)(P1_DGI | (last && rest.n == 0 ? P1_LAST : 0)), *block,
                              (uint8_t)part.n};
    if (part.n == 0) {
        return bad(err, 0, "there is nothing to store");
    }
    cr_buf_append_span(apdu, CR_SPAN_ARRAY(header));
    cr_buf_append_span(apdu, part);
    cr_buf_append_byte(apdu, 0);
    CR_TRY(done(apdu, err));
    *data = rest;
    ++*block;
    return CR_OK;
}

/* --- answer ------------------------------------------------------------------------------------
 */

static bool is_dr(cr_span dr)
{
    return dr.n == 16 || dr.n == 24 || dr.n == 32;
}

cr_status establish_put_answer(cr_span dr, cr_span receipt, cr_buf *answer, struct cr_err *err)
{
    if (dr.n > 0 && !is_dr(dr)) {
        return bad(err, TAG_RANDOM, "a derivation random has 16, 24 or 32 bytes");
    }
    if (receipt.n != ESTABLISH_KEY) {
        return bad(err, TAG_RECEIPT, "a receipt has 16 bytes");
    }
    if (dr.n > 0) {
        der_put(answer, TAG_RANDOM, dr);
    }
    der_put(answer, TAG_RECEIPT, receipt);
    return done(answer, err);
}

cr_status establish_take_answer(cr_span answer, cr_span *dr, cr_span *receipt, struct cr_err *err)
{
    struct der_tlv tlv;
    cr_span random = {0};
    bool ok = der_next(&answer, DER_DEFINITE, &tlv, NULL) == CR_OK;
    if (ok && tlv.tag == TAG_RANDOM) {
        if (!is_dr(tlv.value)) {
            return bad(err, TAG_RANDOM, "a derivation random has 16, 24 or 32 bytes");
        }
        random = tlv.value;
        ok = der_next(&answer, DER_DEFINITE, &tlv, NULL) == CR_OK;
    }
    if (!ok || tlv.tag != TAG_RECEIPT || tlv.value.n != ESTABLISH_KEY || answer.n > 0) {
        return bad(err, TAG_RECEIPT, "the answer has no receipt of 16 bytes at its end");
    }
    *dr = random;
    *receipt = tlv.value;
    return CR_OK;
}
