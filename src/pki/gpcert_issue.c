#include "pki/gpcert.h"

#include "asn1/der.h"

#define CLAUSE        "SGP.02 2.3.2"
#define RANDOM_SERIAL 8

static cr_status refuse(struct cr_err *err, const char *field, const char *what)
{
    return cr_err_field(
        err, cr_fail(err, CR_REFUSED, CLAUSE, "cannot issue the certificate: %s %s", field, what),
        field);
}

static bool fits(cr_span s, size_t max)
{
    return s.n >= 1 && s.n <= max;
}

static cr_status check_request(const struct gpcert_request *r, struct cr_err *err)
{
    if (cr_span_present(r->serial) && !fits(r->serial, GPCERT_MAX_SERIAL)) {
        return refuse(err, "serial", "has no or too many bytes");
    }
    if (!fits(r->ca_id, GPCERT_MAX_CA_ID)) {
        return refuse(err, "ca_id", "has no or too many bytes");
    }
    if (cr_span_present(r->subject) && !fits(r->subject, GPCERT_MAX_SUBJECT)) {
        return refuse(err, "subject", "has no or too many bytes");
    }
    if (r->role == GPCERT_ROLE_NONE && !cr_span_present(r->subject)) {
        return refuse(err, "subject", "of an ECASD is its EID");
    }
    if ((unsigned)r->role > GPCERT_ROLE_SR) {
        return refuse(err, "role", "is none");
    }
    if (!fits(r->authority, GPCERT_MAX_AUTHORITY)) {
        return refuse(err, "authority", "has no or too many bytes");
    }
    if (r->effective && gpcert_day_begins_ms(r->effective) < 0) {
        return refuse(err, "effective", "is no day");
    }
    if (gpcert_day_begins_ms(r->expiry) < 0 || r->expiry < r->effective) {
        return refuse(err, "expiry", "is no day, or before the effective date");
    }
    struct crypto_public *key = NULL;
    cr_status status = crypto_public_new(r->curve, r->point, &key, err);
    crypto_public_free(key);
    return status == CR_REFUSED || status == CR_MALFORMED
               ? refuse(err, "point", "is no key on a supported curve")
               : status;
}

static void put_date(cr_buf *b, uint32_t tag, uint32_t date)
{
    uint8_t digits[4];
    for (size_t i = sizeof(digits); i-- > 0;) {
        digits[i] = (uint8_t)(date / 10 % 10 << 4 | date % 10);
        date /= 100;
    }
    der_put(b, tag, CR_SPAN_ARRAY(digits));
}

static void put_number(cr_buf *b, uint32_t tag, unsigned value, size_t bytes)
{
    der_put_header(b, tag, bytes);
    cr_buf_append_be(b, value, bytes);
}

static void put_discretionary(cr_buf *b, const struct gpcert_request *r)
{
    size_t mark = der_open(b, 0x73);
    if (r->role != GPCERT_ROLE_NONE) {
        put_number(b, 0xC8, (unsigned)r->role, 1);
    }
    der_put(b, 0xC9, r->authority);
    der_close(b, mark);
}

static void put_tbs(cr_buf *b, const struct gpcert_request *r, cr_span serial)
{
    uint8_t id[20];
    pki_key_id(r->point, id);
    der_put(b, 0x93, serial);
    der_put(b, 0x42, r->ca_id);
    der_put(b, 0x5F20, cr_span_present(r->subject) ? r->subject : CR_SPAN_ARRAY(id));
    if (r->role == GPCERT_ROLE_NONE) {
        put_number(b, 0x95, GPCERT_USAGE_AGREEMENT, 2);
    } else {
        put_number(b, 0x95, GPCERT_USAGE_SIGNING, 1);
    }
    if (r->effective) {
        put_date(b, 0x5F25, r->effective);
    }
    put_date(b, 0x5F24, r->expiry);
    put_discretionary(b, r);
    size_t key = der_open(b, 0x7F49);
    der_put(b, 0xB0, r->point);
    put_number(b, 0xF0, gpcert_curve_reference(r->curve), 1);
    der_close(b, key);
}

cr_status gpcert_issue(const struct gpcert_request *request, const struct pki_key *issuer_key,
                       const cr_env *env, cr_buf *out, struct cr_err *err)
{
    uint8_t random[RANDOM_SERIAL];
    uint8_t signature[CRYPTO_SIGNATURE];
    cr_span serial = request->serial;
    CR_TRY(check_request(request, err));
    if (!cr_span_present(serial)) {
        CR_TRY(cr_random(env, random, sizeof(random), err));
        serial = CR_SPAN_ARRAY(random);
    }
    cr_buf contents = {0};
    put_tbs(&contents, request, serial);
    cr_span tbs = cr_buf_span(&contents);
    cr_status status = cr_buf_ok(&contents) ? pki_key_sign(issuer_key, &tbs, 1, signature, err)
                                            : cr_fail_memory(err);
    if (status == CR_OK) {
        der_put(&contents, 0x5F37, CR_SPAN_ARRAY(signature));
        der_put(out, GPCERT_TAG, cr_buf_span(&contents));
        status = cr_buf_ok(&contents) && cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&contents);
    return status;
}

cr_status gpcert_request_issuer(struct gpcert_request *request, const struct pki_cert *issuer,
                                struct cr_err *err)
{
    if (!cr_span_present(issuer->ski)) {
        return refuse(err, "authority", "is missing: the issuer has no subjectKeyIdentifier");
    }
    bool named = issuer->registered_id.n > 0 && issuer->registered_id.n <= GPCERT_MAX_CA_ID;
    request->ca_id = named ? issuer->registered_id : cr_span_sub(issuer->ski, 0, GPCERT_MAX_CA_ID);
    request->authority = issuer->ski;
    return CR_OK;
}
