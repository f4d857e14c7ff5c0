#include "pki/gpcert.h"

#include "asn1/der.h"
#include "base/text.h"

#include <stdio.h>

#define CLAUSE     "SGP.02 2.3.2"
#define EID_BYTES  16
#define EID_DIGITS 32
#define DAY_MS     ((int64_t)24 * 3600 * 1000)
#define MAX_POINT  133 /* bytes of an uncompressed point on a curve of 521 bits */

static cr_status bad(struct cr_err *err, uint32_t tag, const char *what)
{
    char field[16];
    (void)snprintf(field, sizeof(field), "%X", tag);
    cr_status status =
        cr_fail(err, CR_MALFORMED, CLAUSE, "GlobalPlatform certificate: %X %s", tag, what);
    (void)cr_err_field(err, status, field);
    return cr_err_code(err, status, PKI_MALFORMED);
}

static cr_status refuse(struct cr_err *err, enum pki_problem problem, const char *tag,
                        const char *what)
{
    cr_status status = cr_fail(err, CR_REFUSED, CLAUSE, "GlobalPlatform certificate: %s", what);
    (void)cr_err_field(err, status, tag);
    return cr_err_code(err, status, (long)problem);
}

const char *gpcert_role_name(enum gpcert_role role)
{
    switch (role) {
    case GPCERT_ROLE_DP:
        return "m2m-dp";
    case GPCERT_ROLE_SR:
        return "m2m-sr";
    case GPCERT_ROLE_NONE:
        break;
    }
    return "ecasd";
}

bool gpcert_role_from_name(cr_span name, enum gpcert_role *out)
{
    static const enum gpcert_role roles[] = {GPCERT_ROLE_NONE, GPCERT_ROLE_DP, GPCERT_ROLE_SR};
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        if (cr_span_equal(name, cr_span_str(gpcert_role_name(roles[i])))) {
            *out = roles[i];
            return true;
        }
    }
    return false;
}

/* --- dates -------------------------------------------------------------------------------------
 */

uint32_t gpcert_date(int64_t ms)
{
    char text[CR_TIME_TEXT];
    uint32_t date = 0;
    (void)cr_time_format(text, ms);
    for (size_t i = 0; i < 10; i++) { /* 2026-11-21 */
        if (text[i] >= '0' && text[i] <= '9') {
            date = date * 10 + (uint32_t)(text[i] - '0');
        }
    }
    return date;
}

int64_t gpcert_day_begins_ms(uint32_t date)
{
    unsigned year = date / 10000;
    unsigned month = date / 100 % 100;
    unsigned day = date % 100;
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) {
        return -1;
    }
    /* 30 February is another day; the function wants a month and a day that can be */
    int64_t ms = cr_time_utc_ms((int)year, (int)month, (int)day, 0, 0, 0);
    return gpcert_date(ms) == date ? ms : -1;
}

int64_t gpcert_day_ends_ms(uint32_t date)
{
    int64_t begin = gpcert_day_begins_ms(date);
    return begin < 0 ? -1 : begin + DAY_MS - 1;
}

static cr_status read_date(cr_span value, uint32_t tag, uint32_t *out, struct cr_err *err)
{
    uint32_t date = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] >> 4 > 9 || (value.p[i] & 0x0F) > 9) {
            return bad(err, tag, "has digits that are none");
        }
        date = date * 100 + (uint32_t)(value.p[i] >> 4) * 10 + (value.p[i] & 0x0F);
    }
    if (gpcert_day_begins_ms(date) < 0) {
        return bad(err, tag, "is no day");
    }
    *out = date;
    return CR_OK;
}

/* --- decoding ----------------------------------------------------------------------------------
 */

enum {
    OBJ_SERIAL,
    OBJ_CA_ID,
    OBJ_SUBJECT,
    OBJ_USAGE,
    OBJ_EFFECTIVE,
    OBJ_EXPIRY,
    OBJ_DISCRETIONARY,
    OBJ_KEY,
    OBJ_SIGNATURE,
    OBJECTS
};
enum { DISC_ROLE, DISC_AUTHORITY, DISCS };
enum { KEY_POINT, KEY_CURVE, KEYS };

/* A data object that is known: its tag and how many bytes it may have. */
struct object {
    uint32_t tag;
    size_t min, max;
    bool optional;
};

static const struct object objects[OBJECTS] = {
    [OBJ_SERIAL] = {0x93, 1, GPCERT_MAX_SERIAL, false},
    [OBJ_CA_ID] = {0x42, 1, GPCERT_MAX_CA_ID, false},
    [OBJ_SUBJECT] = {0x5F20, 1, GPCERT_MAX_SUBJECT, false},
    [OBJ_USAGE] = {0x95, 1, 2, false},
    [OBJ_EFFECTIVE] = {0x5F25, 4, 4, true},
    [OBJ_EXPIRY] = {0x5F24, 4, 4, false},
    [OBJ_DISCRETIONARY] = {0x73, 0, GPCERT_MAX_DISCRETIONARY, true},
    [OBJ_KEY] = {0x7F49, 1, MAX_POINT + 7, false},
    /* r and s of the longest curve, 66 bytes each */
    [OBJ_SIGNATURE] = {0x5F37, CRYPTO_SIGNATURE, 132, false},
};

static const struct object discretionary_objects[DISCS] = {
    [DISC_ROLE] = {0xC8, 1, 1, true},
    [DISC_AUTHORITY] = {0xC9, 1, GPCERT_MAX_AUTHORITY, true},
};

static const struct object key_objects[KEYS] = {
    [KEY_POINT] = {0xB0, 1, MAX_POINT, false},
    [KEY_CURVE] = {0xF0, 1, 1, false},
};

static const struct object *find(const struct object *rows, size_t count, uint32_t tag)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].tag == tag) {
            return &rows[i];
        }
    }
    return NULL;
}

static cr_status take_object(const struct der_tlv *tlv, const struct object *row, cr_span *value,
                             struct cr_err *err)
{
    if (cr_span_present(*value)) {
        return bad(err, tlv->tag, "is there twice");
    }
    if (tlv->value.n < row->min || tlv->value.n > row->max) {
        return bad(err, tlv->tag, "has a wrong length");
    }
    *value = tlv->value;
    return CR_OK;
}

/* The objects of one template, in any order; values[i] belongs to rows[i]. last: the object that
 * has to be the last one, 0 = any. */
static cr_status take_objects(cr_span in, uint32_t within, uint32_t last, const struct object *rows,
                              size_t row_count, cr_span *values, struct cr_err *err)
{
    size_t count = 0;
    while (in.n > 0) {
        struct der_tlv tlv;
        if (der_next(&in, DER_DEFINITE, &tlv, NULL) != CR_OK) {
            return bad(err, within, "is cut, or has a length that is none");
        }
        if (++count > GPCERT_MAX_OBJECTS) {
            return bad(err, within, "has too many objects");
        }
        if (last && tlv.tag == last && in.n > 0) {
            return bad(err, last, "is not the last object");
        }
        const struct object *row = find(rows, row_count, tlv.tag);
        if (row) {
            CR_TRY(take_object(&tlv, row, &values[row - rows], err));
        }
    }
    for (size_t i = 0; i < row_count; i++) {
        if (!rows[i].optional && !cr_span_present(values[i])) {
            return bad(err, rows[i].tag, "is missing");
        }
    }
    return CR_OK;
}

enum crypto_curve gpcert_curve(uint8_t reference)
{
    return reference == GPCERT_CURVE_P256        ? CRYPTO_P256
           : reference == GPCERT_CURVE_BRAINPOOL ? CRYPTO_BRAINPOOL
                                                 : CRYPTO_CURVE_NONE;
}

uint8_t gpcert_curve_reference(enum crypto_curve curve)
{
    return curve == CRYPTO_BRAINPOOL ? GPCERT_CURVE_BRAINPOOL : GPCERT_CURVE_P256;
}

static cr_status read_key(cr_span value, struct gpcert *out, struct cr_err *err)
{
    cr_span parts[KEYS] = {{0}};
    CR_TRY(take_objects(value, 0x7F49, 0, key_objects, KEYS, parts, err));
    out->point = parts[KEY_POINT];
    out->curve_reference = parts[KEY_CURVE].p[0];
    out->curve = gpcert_curve(out->curve_reference);
    bool known = out->curve != CRYPTO_CURVE_NONE;
    if (known && (out->point.n != CRYPTO_POINT || out->point.p[0] != 0x04)) {
        return bad(err, 0xB0, "is no uncompressed point of its curve");
    }
    return CR_OK;
}

static cr_status read_parts(const cr_span parts[OBJECTS], struct gpcert *out, struct cr_err *err)
{
    cr_span discretionary[DISCS] = {{0}};
    cr_span usage = parts[OBJ_USAGE];
    out->serial = parts[OBJ_SERIAL];
    out->ca_id = parts[OBJ_CA_ID];
    out->subject = parts[OBJ_SUBJECT];
    out->usage_size = usage.n;
    out->usage = usage.n == 1 ? usage.p[0] : (unsigned)usage.p[0] << 8 | usage.p[1];
    out->signature = parts[OBJ_SIGNATURE];
    out->discretionary = parts[OBJ_DISCRETIONARY];
    if (cr_span_present(parts[OBJ_EFFECTIVE])) {
        CR_TRY(read_date(parts[OBJ_EFFECTIVE], 0x5F25, &out->effective, err));
    }
    CR_TRY(read_date(parts[OBJ_EXPIRY], 0x5F24, &out->expiry, err));
    if (cr_span_present(out->discretionary)) {
        CR_TRY(take_objects(out->discretionary, 0x73, 0, discretionary_objects, DISCS,
                            discretionary, err));
    }
    out->role = discretionary[DISC_ROLE].n ? discretionary[DISC_ROLE].p[0] : GPCERT_ROLE_NONE;
    out->authority = discretionary[DISC_AUTHORITY];
    return read_key(parts[OBJ_KEY], out, err);
}

bool gpcert_is(cr_span tlv)
{
    return der_peek(tlv) == GPCERT_TAG;
}

/* Signed is all before 5F37, which is the last object. */
static cr_span before_signature(cr_span contents)
{
    cr_span in = contents;
    struct der_tlv tlv = {0};
    while (in.n > 0 && der_next(&in, DER_DEFINITE, &tlv, NULL) == CR_OK) {
    }
    return cr_span_sub(contents, 0, contents.n - tlv.all.n);
}

cr_status gpcert_decode(cr_span tlv, struct gpcert *out, struct cr_err *err)
{
    struct gpcert cert = {0};
    struct der_tlv all;
    cr_span in = tlv;
    cr_span parts[OBJECTS] = {{0}};
    if (tlv.n > GPCERT_MAX) {
        return bad(err, GPCERT_TAG, "is too long");
    }
    if (der_next(&in, DER_DEFINITE, &all, NULL) != CR_OK || all.tag != GPCERT_TAG) {
        return bad(err, GPCERT_TAG, "is missing or cut");
    }
    if (in.n > 0) {
        return bad(err, GPCERT_TAG, "has bytes behind it");
    }
    CR_TRY(take_objects(all.value, GPCERT_TAG, 0x5F37, objects, OBJECTS, parts, err));
    CR_TRY(read_parts(parts, &cert, err));
    cert.raw = all.all;
    cert.tbs = before_signature(all.value);
    *out = cert;
    return CR_OK;
}

void gpcert_summary(const struct gpcert *cert, cr_buf *out)
{
    if (cert->role == GPCERT_ROLE_NONE && cert->subject.n == EID_BYTES) {
        cr_buf_append_str(out, "ECASD of EID ");
    } else if (cert->role <= GPCERT_ROLE_SR) {
        cr_buf_appendf(out, "role %s, subject ", gpcert_role_name((enum gpcert_role)cert->role));
    } else {
        cr_buf_appendf(out, "role %02X, subject ", cert->role);
    }
    cr_hex_append(out, cert->subject);
    cr_buf_appendf(out, ", %s, ",
                   cert->curve == CRYPTO_CURVE_NONE ? "unsupported key"
                                                    : crypto_curve_name(cert->curve));
    if (cert->effective) {
        cr_buf_appendf(out, "%08u to %08u", cert->effective, cert->expiry);
    } else {
        cr_buf_appendf(out, "until %08u", cert->expiry);
    }
}

/* --- verifying ---------------------------------------------------------------------------------
 */

static cr_status check_usage(const struct gpcert *c, enum gpcert_role role, struct cr_err *err)
{
    bool good = role == GPCERT_ROLE_NONE
                    ? c->usage_size == 2 && c->usage == GPCERT_USAGE_AGREEMENT
                    : c->usage_size == 1 &&
                          (c->usage == GPCERT_USAGE_SIGNING || c->usage == GPCERT_USAGE_VERIFYING);
    return good ? CR_OK
                : refuse(err, PKI_BAD_PROFILE, "95",
                         role == GPCERT_ROLE_NONE ? "the key is not for key agreement"
                                                  : "the key is not for signatures");
}

static cr_status check_role(const struct gpcert *c, const struct gpcert_expect *expect,
                            struct cr_err *err)
{
    if (c->role != (unsigned)expect->role) {
        return refuse(err, PKI_WRONG_ROLE, "C8",
                      expect->role == GPCERT_ROLE_DP   ? "it is not that of an SM-DP"
                      : expect->role == GPCERT_ROLE_SR ? "it is not that of an SM-SR"
                                                       : "it is that of a server");
    }
    if (cr_span_present(expect->eid) && !cr_span_equal(expect->eid, c->subject)) {
        return refuse(err, PKI_EID_RANGE, "5F20", "it is that of another eUICC");
    }
    return CR_OK;
}

static cr_status check_dates(const struct gpcert *c, int64_t now_ms, struct cr_err *err)
{
    if (now_ms == 0) {
        return CR_OK;
    }
    if (c->effective && now_ms < gpcert_day_begins_ms(c->effective)) {
        return refuse(err, PKI_EXPIRED, "5F25", "it is not valid yet");
    }
    if (now_ms > gpcert_day_ends_ms(c->expiry)) {
        return refuse(err, PKI_EXPIRED, "5F24", "it has expired");
    }
    return CR_OK;
}

static const struct gpcert_authority *authority_of(const struct gpcert *c,
                                                   const struct gpcert_authority *list,
                                                   size_t count, bool *other_name)
{
    *other_name = false;
    for (size_t i = 0; i < count; i++) {
        if (cr_span_equal(list[i].key_id, c->authority)) {
            if (!cr_span_present(list[i].ca_id) || cr_span_equal(list[i].ca_id, c->ca_id)) {
                return &list[i];
            }
            *other_name = true;
        }
    }
    return NULL;
}

static cr_status verify_signature(const struct gpcert *c, const struct crypto_public *signer,
                                  struct cr_err *err)
{
    struct cr_err why;
    cr_status status = crypto_verify(signer, &c->tbs, 1, c->signature, &why);
    if (status == CR_REFUSED) {
        return refuse(err, PKI_BAD_SIGNATURE, "5F37", "the signature is not the issuer's");
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

static cr_status validated_key(const struct gpcert *c, struct crypto_public **key,
                               struct cr_err *err)
{
    struct crypto_public *point = NULL;
    cr_status status = crypto_public_new(c->curve, c->point, &point, err);
    if (status == CR_MALFORMED) {
        return bad(err, 0xB0, "is no point of its curve");
    }
    if (status == CR_OK && key) {
        *key = point;
    } else {
        crypto_public_free(point);
    }
    return status;
}

cr_status gpcert_verify(const struct gpcert *cert, const struct gpcert_authority *authorities,
                        size_t count, const struct gpcert_expect *expect,
                        struct crypto_public **key, struct cr_err *err)
{
    bool other_name;
    CR_TRY(check_usage(cert, expect->role, err));
    if (!cr_span_present(cert->authority)) {
        return refuse(err, PKI_BAD_PROFILE, "C9", "it names no key of its issuer");
    }
    if (cert->curve == CRYPTO_CURVE_NONE) {
        return refuse(err, PKI_WRONG_CURVE, "F0", "the curve of its key is not supported");
    }
    const struct gpcert_authority *authority = authority_of(cert, authorities, count, &other_name);
    if (!authority) {
        return other_name
                   ? refuse(err, PKI_UNKNOWN_CI, "42", "the issuer's name is not that of its key")
                   : refuse(err, PKI_UNKNOWN_CI, "C9", "its issuer is not known");
    }
    CR_TRY(check_role(cert, expect, err));
    CR_TRY(check_dates(cert, expect->now_ms, err));
    CR_TRY(verify_signature(cert, authority->key, err));
    return validated_key(cert, key, err);
}

/* One X.509 certificate as the authority; its point was or is validated here. */
static cr_status verify_under(const struct gpcert *cert, const struct pki_cert *issuer,
                              const struct gpcert_expect *expect, struct crypto_public **key,
                              struct cr_err *err)
{
    struct crypto_public *signer = NULL;
    CR_TRY(crypto_public_new(issuer->curve, issuer->point, &signer, err));
    /* What 42 is when the OID is too long for it or not there is the issuer's choice. */
    bool named = issuer->registered_id.n > 0 && issuer->registered_id.n <= GPCERT_MAX_CA_ID;
    struct gpcert_authority authority = {.key_id = issuer->ski,
                                         .ca_id = named ? issuer->registered_id : (cr_span){0},
                                         .key = signer};
    cr_status status = gpcert_verify(cert, &authority, 1, expect, key, err);
    crypto_public_free(signer);
    return status;
}

cr_status gpcert_verify_server(const struct gpcert *cert, const struct pki_trust *trust,
                               const struct gpcert_expect *expect, struct crypto_public **key,
                               struct cr_err *err)
{
    const struct pki_cert *ci =
        cr_span_present(cert->authority) ? pki_trust_ci(trust, cert->authority) : NULL;
    if (!ci) {
        return gpcert_verify(cert, NULL, 0, expect, key, err); /* says what is missing */
    }
    if (expect->now_ms &&
        (expect->now_ms < ci->not_before_ms || expect->now_ms >= ci->not_after_ms + 1000)) {
        return refuse(err, PKI_EXPIRED, "C9", "its CI has expired or is not valid yet");
    }
    return verify_under(cert, ci, expect, key, err);
}

cr_status gpcert_verify_ecasd(const struct gpcert *cert, const struct pki_cert *eum,
                              struct pki_trust *trust, cr_span eid, int64_t now_ms,
                              struct crypto_public **key, struct cr_err *err)
{
    char digits[EID_DIGITS + 1];
    const struct pki_expect expect_eum = {.role = PKI_ROLE_EUM, .now_ms = now_ms};
    const struct gpcert_expect expect = {.eid = eid, .now_ms = now_ms};
    CR_TRY(pki_chain_verify(trust, eum, 1, &expect_eum, NULL, NULL, err));
    if (eid.n != EID_BYTES ||
        !pki_eum_permits(eum, cr_span_str(cr_hex_into(digits, sizeof(digits), eid)))) {
        return refuse(err, PKI_EID_RANGE, "5F20",
                      "the EID is outside of the range that the EUM may issue");
    }
    return verify_under(cert, eum, &expect, key, err);
}
