/* Commands and answers of key establishment, by a first byte that says which: what is taken lies
 * inside, is put again as something that reads the same, and nothing unsigned is believed. */
#include "fuzz.h"

#include "ota/establish.h"
#include "pki/gpcert.h"

static void check_inside(cr_span part, cr_span whole)
{
    FUZZ_CHECK(!cr_span_present(part) ||
               (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_certificate(cr_span in)
{
    cr_span certificate, again;
    if (establish_take_certificate(in, &certificate, NULL) != CR_OK) {
        return;
    }
    check_inside(certificate, in);
    for (int form = 0; form < 2; form++) {
        cr_buf data = {0};
        if (establish_put_certificate(certificate, (enum establish_lengths)form, &data, NULL) ==
            CR_OK) {
            FUZZ_CHECK(establish_take_certificate(cr_buf_span(&data), &again, NULL) == CR_OK);
            FUZZ_CHECK(cr_span_equal(certificate, again));
        } else {
            FUZZ_CHECK(certificate.n > GPCERT_MAX);
        }
        cr_buf_free(&data);
    }
}

static void check_template(const struct establish_template *t)
{
    struct establish_template again;
    cr_buf out = {0};
    FUZZ_CHECK(establish_put_template(t, &out, NULL) == CR_OK);
    FUZZ_CHECK(establish_take_template(cr_buf_span(&out), &again, NULL) == CR_OK);
    FUZZ_CHECK(t->parameters == again.parameters && t->usage == again.usage &&
               t->has_access == again.has_access && t->access == again.access &&
               t->key_type == again.key_type && t->key_size == again.key_size &&
               t->key_id == again.key_id && t->kvn == again.kvn && t->counter == again.counter &&
               t->counter_size == again.counter_size && cr_span_equal(t->sdin, again.sdin) &&
               cr_span_equal(t->host_id, again.host_id));
    bool isdp = establish_check(t, ESTABLISH_ISDP, NULL) == CR_OK;
    bool isdr = establish_check(t, ESTABLISH_ISDR, NULL) == CR_OK;
    FUZZ_CHECK(!isdp || !isdr);
    FUZZ_CHECK(!(isdp || isdr) || (establish_key_count(t) == (t->kvn >= 0x40 ? 1 : 3)));
    cr_buf_free(&out);
}

/* The generator of P-256. */
static const uint8_t point[CRYPTO_POINT] = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5,
    0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4,
    0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
    0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33,
    0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};

static void check_request(cr_span in)
{
    struct establish_request r;
    struct cr_err err = {0};
    struct crypto_public *key = NULL;
    static const uint8_t rc[ESTABLISH_CHALLENGE] = {1};
    if (establish_take_request(in, &r, &err) != CR_OK) {
        FUZZ_CHECK(err.code == ESTABLISH_SW_WRONG_DATA && err.field[0]);
        return;
    }
    const cr_span parts[] = {r.objects, r.a6, r.key, r.signature, r.t.sdin, r.t.host_id};
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        check_inside(parts[i], in);
    }
    check_template(&r.t);
    FUZZ_CHECK(crypto_public_new(CRYPTO_P256, CR_SPAN_ARRAY(point), &key, NULL) == CR_OK);
    FUZZ_CHECK(establish_verify(&r, CR_SPAN_ARRAY(rc), key, NULL) == CR_REFUSED);
    crypto_public_free(key);
    cr_span p;
    if (establish_take_key(r.key, CRYPTO_P256, &p, NULL) == CR_OK) {
        check_inside(p, in);
        FUZZ_CHECK(p.n == CRYPTO_POINT);
    }
}

static void check_answer(cr_span in)
{
    cr_span dr, receipt, rc;
    cr_buf out = {0};
    if (establish_take_answer(in, &dr, &receipt, NULL) == CR_OK) {
        check_inside(dr, in);
        check_inside(receipt, in);
        FUZZ_CHECK(establish_put_answer(dr, receipt, &out, NULL) == CR_OK);
        FUZZ_CHECK(out.n <= in.n);
    }
    if (establish_take_challenge(in, &rc, NULL) == CR_OK) {
        check_inside(rc, in);
        FUZZ_CHECK(rc.n == 16 || rc.n == 32);
    }
    cr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    cr_span in = cr_span_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        check_certificate(in);
        break;
    case 1:
        check_request(in);
        break;
    default:
        check_answer(in);
        break;
    }
    return 0;
}
