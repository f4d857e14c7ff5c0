/* GlobalPlatform certificates: what is read lies inside, is printed as plain text, and is written
 * anew as a certificate that reads the same. */
#include "fuzz.h"

#include "base/text.h"
#include "pki/gpcert.h"

static void check_inside(cr_span part, cr_span whole)
{
    FUZZ_CHECK(!cr_span_present(part) ||
               (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_fields(const struct gpcert *c, cr_span whole)
{
    const cr_span parts[] = {c->raw,           c->tbs,       c->serial, c->ca_id,    c->subject,
                             c->discretionary, c->authority, c->point,  c->signature};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        check_inside(parts[i], whole);
    }
    FUZZ_CHECK(cr_span_equal(c->raw, whole));
    FUZZ_CHECK(c->tbs.p + c->tbs.n < c->signature.p);
    FUZZ_CHECK(gpcert_day_begins_ms(c->expiry) >= 0);
    FUZZ_CHECK(c->effective == 0 || gpcert_day_begins_ms(c->effective) >= 0);
    FUZZ_CHECK(c->curve == CRYPTO_CURVE_NONE || c->point.n == CRYPTO_POINT);
    FUZZ_CHECK(c->curve == gpcert_curve(c->curve_reference));
}

static void check_summary(const struct gpcert *c)
{
    cr_buf text = {0};
    gpcert_summary(c, &text);
    FUZZ_CHECK(cr_buf_ok(&text) && text.n > 0);
    for (size_t i = 0; i < text.n; i++) {
        FUZZ_CHECK(text.p[i] >= 0x20 && text.p[i] < 0x7F);
    }
    cr_buf_free(&text);
}

static cr_status sign_anything(void *ctx, const cr_span *parts, size_t count,
                               uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    (void)ctx;
    (void)parts;
    (void)count;
    (void)err;
    memset(out, 0x11, CRYPTO_SIGNATURE);
    return CR_OK;
}

/* The generator of P-256. */
static const uint8_t point[CRYPTO_POINT] = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5,
    0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4,
    0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
    0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33,
    0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};

static void check_anew(const struct gpcert *c)
{
    static const struct pki_key_ops ops = {.sign = sign_anything};
    const struct gpcert_request request = {.serial = c->serial,
                                           .ca_id = c->ca_id,
                                           .subject = c->subject,
                                           .role = (enum gpcert_role)c->role,
                                           .effective = c->effective,
                                           .expiry = c->expiry,
                                           .authority = c->authority,
                                           .curve = c->curve,
                                           .point = c->point};
    struct pki_key *key = NULL;
    struct gpcert again;
    cr_buf out = {0};
    FUZZ_CHECK(pki_key_new(CRYPTO_P256, CR_SPAN_ARRAY(point), &ops, NULL, &key, NULL) == CR_OK);
    if (gpcert_issue(&request, key, cr_env_system(), &out, NULL) == CR_OK) {
        FUZZ_CHECK(gpcert_decode(cr_buf_span(&out), &again, NULL) == CR_OK);
        FUZZ_CHECK(cr_span_equal(again.serial, c->serial) && cr_span_equal(again.ca_id, c->ca_id) &&
                   cr_span_equal(again.subject, c->subject) &&
                   cr_span_equal(again.authority, c->authority) &&
                   cr_span_equal(again.point, c->point) && again.role == c->role &&
                   again.effective == c->effective && again.expiry == c->expiry &&
                   again.curve == c->curve);
    } else {
        FUZZ_CHECK(out.n == 0);
    }
    cr_buf_free(&out);
    pki_key_free(key);
}

/* Whatever it says of itself: nobody is known, nobody is believed. */
static void check_verdict(const struct gpcert *c)
{
    struct cr_err err = {0};
    const struct gpcert_expect expect = {
        .role = c->role <= GPCERT_ROLE_SR ? (enum gpcert_role)c->role : GPCERT_ROLE_NONE};
    FUZZ_CHECK(gpcert_verify(c, NULL, 0, &expect, NULL, &err) == CR_REFUSED);
    FUZZ_CHECK(err.code != PKI_OK && err.field[0] && err.cause[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gpcert c;
    struct cr_err err = {0};
    cr_span whole = cr_span_of(data, size);
    if (gpcert_decode(whole, &c, &err) != CR_OK) {
        FUZZ_CHECK(err.category == CR_MALFORMED && err.code == PKI_MALFORMED && err.field[0]);
        return 0;
    }
    check_fields(&c, whole);
    check_summary(&c);
    check_anew(&c);
    check_verdict(&c);
    return 0;
}
