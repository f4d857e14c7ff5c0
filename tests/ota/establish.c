/*
 * Key establishment: published vectors in both directions, both ends against each other in every
 * form, and what one SM-SR finds again of another's signature.
 */
#include "establish_vectors.h"

static struct establish_template template_of(const struct scene *s)
{
    struct establish_template t =
        s->sin ? establish_template_scp80(0x02, 1) : establish_template_isdp(0x30);
    if (s->sin) {
        t.parameters |= ESTABLISH_WITH_HOST;
        t.sdin = vector(s->sdin);
        t.host_id = vector(s->host);
    }
    return t;
}

static void test_certificate(void **state)
{
    (void)state;
    cr_buf data = {0};
    cr_buf apdu = {0};
    cr_span certificate;
    uint8_t block = 0;
    assert_int_equal(
        establish_put_certificate(vector(CERTIFICATE), ESTABLISH_LENGTH_DGI, &data, NULL), CR_OK);
    assert_span(cr_buf_span(&data), "3A01DC" CERTIFICATE);
    assert_int_equal(establish_take_certificate(cr_buf_span(&data), &certificate, NULL), CR_OK);
    assert_span(certificate, CERTIFICATE);
    cr_span left = cr_buf_span(&data);
    assert_int_equal(establish_next_command(&left, false, &block, &apdu, NULL), CR_OK);
    assert_span(cr_buf_span(&apdu), "80E20900DF3A01DC" CERTIFICATE "00");
    assert_int_equal(left.n, 0);
    assert_int_equal(block, 1);
    cr_buf_reset(&data);
    assert_int_equal(
        establish_put_certificate(vector(CERTIFICATE), ESTABLISH_LENGTH_BER, &data, NULL), CR_OK);
    assert_span(cr_buf_span(&data), "3A0181DC" CERTIFICATE);
    assert_int_equal(establish_take_certificate(cr_buf_span(&data), &certificate, NULL), CR_OK);
    assert_span(certificate, CERTIFICATE);
    cr_buf_free(&data);
    cr_buf_free(&apdu);
}

static void scene_host_sends(const struct scene *s, cr_buf *data)
{
    struct establish_template t = template_of(s);
    cr_buf objects = {0};
    cr_buf apdu = {0};
    cr_span a6;
    uint8_t block = 1;
    assert_int_equal(establish_put_objects(&t, vector(s->one_time_point), &objects, NULL), CR_OK);
    assert_span(cr_buf_span(&objects), s->objects);
    assert_int_equal(establish_a6_of(cr_buf_span(&objects), &a6, NULL), CR_OK);
    assert_span(a6, s->a6);
    assert_int_equal(establish_put_request(cr_buf_span(&objects), vector(s->signature), data, NULL),
                     CR_OK);
    cr_span left = cr_buf_span(data);
    assert_int_equal(establish_next_command(&left, true, &block, &apdu, NULL), CR_OK);
    assert_memory_equal(apdu.p, vector(s->command_2_head).p, 5);
    assert_memory_equal(apdu.p + 5, data->p, data->n);
    assert_int_equal(apdu.n, 5 + data->n + 1);
    assert_int_equal(apdu.p[apdu.n - 1], 0);
    cr_buf_free(&objects);
    cr_buf_free(&apdu);
}

static void scene_card_answers(const struct scene *s, cr_span data, cr_buf *answer)
{
    struct establish_request r;
    struct establish_keys keys = {0};
    struct crypto_public *signer = public_of(CRYPTO_P256, vector(s->static_point));
    struct pki_key *ecasd = handle_of(CRYPTO_P256, 0x11);
    cr_span sin = s->sin ? vector(s->sin) : (cr_span){0};
    assert_span(pki_key_point(ecasd), POINT_ECASD);
    assert_int_equal(establish_take_request(data, &r, NULL), CR_OK);
    assert_span(r.objects, s->objects);
    assert_span(r.a6, s->a6);
    assert_int_equal(establish_check(&r.t, s->sin ? ESTABLISH_ISDR : ESTABLISH_ISDP, NULL), CR_OK);
    assert_int_equal(establish_verify(&r, vector(RC), signer, NULL), CR_OK);
    assert_int_equal(establish_card_finish(&r, ecasd, sin, &env, &keys, answer, NULL), CR_OK);
    assert_int_equal(keys.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_bytes(keys.keys[i], s->keys[i]);
    }
    assert_bytes(keys.receipt, "00000000000000000000000000000000");
    crypto_public_free(signer);
    pki_key_free(ecasd);
}

static void scene_host_ends(const struct scene *s, cr_span answer)
{
    struct establish_keys keys = {0};
    struct crypto_private *one_time = private_of(CRYPTO_P256, s->one_time);
    struct crypto_public *ecasd = public_of(CRYPTO_P256, vector(POINT_ECASD));
    uint8_t point[CRYPTO_POINT];
    cr_span sin = s->sin ? vector(s->sin) : (cr_span){0};
    cr_span dr;
    cr_span receipt;
    crypto_private_point(one_time, point);
    assert_bytes(point, s->one_time_point);
    assert_int_equal(establish_take_answer(answer, &dr, &receipt, NULL), CR_OK);
    assert_span(dr, DR);
    assert_span(receipt, s->receipt);
    assert_int_equal(
        establish_host_finish(vector(s->a6), one_time, ecasd, sin, dr, receipt, &keys, NULL),
        CR_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_bytes(keys.keys[i], s->keys[i]);
    }
    assert_bytes(keys.receipt, "00000000000000000000000000000000");
    crypto_private_free(one_time);
    crypto_public_free(ecasd);
}

static void test_scenes(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(scenes); i++) {
        cr_buf data = {0};
        cr_buf answer = {0};
        scene_host_sends(&scenes[i], &data);
        scene_card_answers(&scenes[i], cr_buf_span(&data), &answer);
        scene_host_ends(&scenes[i], cr_buf_span(&answer));
        cr_buf_free(&data);
        cr_buf_free(&answer);
    }
}

static void test_derivation(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(scenes); i++) {
        const struct scene *s = &scenes[i];
        struct establish_template t;
        struct establish_keys keys;
        uint8_t receipt[ESTABLISH_KEY];
        cr_span sin = s->sin ? vector(s->sin) : (cr_span){0};
        assert_int_equal(establish_take_template(vector(s->a6), &t, NULL), CR_OK);
        assert_int_equal(establish_derive(&t, vector(s->z), vector(DR), sin, &keys, NULL), CR_OK);
        assert_bytes(keys.receipt, s->receipt_key);
        assert_int_equal(establish_receipt(&keys, vector(s->a6), vector(DR), receipt, NULL), CR_OK);
        assert_bytes(receipt, s->receipt);
    }
}

/* What the signature of the host is over, by a handle that looks. */
static cr_status sign_looking(void *ctx, const cr_span *parts, size_t count,
                              uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    const struct scene *s = ctx;
    cr_buf all = {0};
    (void)err;
    for (size_t i = 0; i < count; i++) {
        cr_buf_append_span(&all, parts[i]);
    }
    cr_span want = vector(s->objects);
    assert_memory_equal(all.p, want.p, want.n);
    assert_span(cr_span_sub(cr_buf_span(&all), want.n, all.n), "008510" RC);
    memcpy(out, vector(s->signature).p, CRYPTO_SIGNATURE);
    cr_buf_free(&all);
    return CR_OK;
}

static void test_signature_input(void **state)
{
    (void)state;
    static const struct pki_key_ops ops = {.sign = sign_looking};
    for (size_t i = 0; i < CR_COUNT(scenes); i++) {
        struct scene s = scenes[i];
        struct pki_key *key = NULL;
        uint8_t signature[CRYPTO_SIGNATURE];
        assert_int_equal(pki_key_new(CRYPTO_P256, vector(s.static_point), &ops, &s, &key, NULL),
                         CR_OK);
        assert_int_equal(establish_sign(vector(s.objects), vector(RC), key, signature, NULL),
                         CR_OK);
        assert_bytes(signature, s.signature);
        assert_int_equal(establish_sign(vector(s.objects), vector("C0C1"), key, signature, NULL),
                         CR_MALFORMED);
        pki_key_free(key);
    }
}

/* --- both ends, every form ---------------------------------------------------------------------
 */

static void meet(enum crypto_curve curve, const struct establish_template *t,
                 enum establish_domain domain, enum establish_key_form form, const char *rc)
{
    struct crypto_private *one_time = private_of(curve, 0x66);
    struct pki_key *host = handle_of(curve, 0x55);
    struct pki_key *ecasd = handle_of(curve, 0x11);
    struct crypto_public *host_public = public_of(curve, pki_key_point(host));
    struct crypto_public *ecasd_public = public_of(curve, pki_key_point(ecasd));
    uint8_t point[CRYPTO_POINT];
    uint8_t signature[CRYPTO_SIGNATURE];
    cr_buf key = {0}, objects = {0}, data = {0}, answer = {0};
    struct establish_request r;
    struct establish_keys card = {0}, off = {0};
    cr_span dr, receipt;
    crypto_private_point(one_time, point);
    assert_int_equal(establish_put_key(curve, CR_SPAN_ARRAY(point), form, &key, NULL), CR_OK);
    assert_int_equal(establish_put_objects(t, cr_buf_span(&key), &objects, NULL), CR_OK);
    assert_int_equal(establish_sign(cr_buf_span(&objects), vector(rc), host, signature, NULL),
                     CR_OK);
    assert_int_equal(
        establish_put_request(cr_buf_span(&objects), CR_SPAN_ARRAY(signature), &data, NULL), CR_OK);
    assert_int_equal(establish_take_request(cr_buf_span(&data), &r, NULL), CR_OK);
    assert_int_equal(establish_check(&r.t, domain, NULL), CR_OK);
    assert_int_equal(establish_verify(&r, vector(rc), host_public, NULL), CR_OK);
    assert_int_equal(establish_card_finish(&r, ecasd, vector(SIN), &env, &card, &answer, NULL),
                     CR_OK);
    assert_int_equal(establish_take_answer(cr_buf_span(&answer), &dr, &receipt, NULL), CR_OK);
    assert_int_equal(cr_span_present(dr), (t->parameters & ESTABLISH_WITH_DR) != 0);
    assert_int_equal(
        establish_host_finish(r.a6, one_time, ecasd_public, vector(SIN), dr, receipt, &off, NULL),
        CR_OK);
    assert_int_equal(off.count, t->usage == ESTABLISH_USAGE_ONE ? 1 : 3);
    assert_memory_equal(&card, &off, sizeof card);
    cr_buf_free(&key);
    cr_buf_free(&objects);
    cr_buf_free(&data);
    cr_buf_free(&answer);
    crypto_private_free(one_time);
    crypto_public_free(host_public);
    crypto_public_free(ecasd_public);
    pki_key_free(host);
    pki_key_free(ecasd);
}

static void test_meet(void **state)
{
    (void)state;
    struct establish_template scp81 = establish_template_scp81(0x40);
    struct establish_template scp80 = establish_template_scp80(0x0F, 0xFFFFFFFFFE);
    struct establish_template isdp = establish_template_isdp(0x3F);
    struct establish_template host = scp80;
    struct establish_template no_dr = isdp;
    host.parameters |= ESTABLISH_WITH_HOST | ESTABLISH_DELETE_KEYS;
    host.sdin = vector(SDIN);
    host.host_id = cr_span_str(""); /* may be empty */
    no_dr.parameters = ESTABLISH_CERTIFICATE;
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        enum crypto_curve curve = (enum crypto_curve)c;
        meet(curve, &isdp, ESTABLISH_ISDP, ESTABLISH_KEY_RAW, RC);
        meet(curve, &isdp, ESTABLISH_ISDP, ESTABLISH_KEY_WRAPPED, RC RC);
        meet(curve, &no_dr, ESTABLISH_ISDP, ESTABLISH_KEY_RAW, RC);
        meet(curve, &scp80, ESTABLISH_ISDR, ESTABLISH_KEY_RAW, RC);
        meet(curve, &host, ESTABLISH_ISDR, ESTABLISH_KEY_WRAPPED, RC);
        meet(curve, &scp81, ESTABLISH_ISDR, ESTABLISH_KEY_RAW, RC);
    }
}

/* --- the request of another SM-SR --------------------------------------------------------------
 */

static void test_rebuild(void **state)
{
    (void)state;
    const struct scene *s = &scenes[1];
    struct crypto_public *signer = public_of(CRYPTO_P256, vector(POINT_SR));
    struct establish_template t = template_of(s);
    struct cr_err err = {0};
    cr_buf data = {0};
    assert_int_equal(establish_rebuild(&t, vector(ONE_TIME_SR), CRYPTO_P256, vector(RC),
                                       vector(SIGNATURE_SR), signer, &data, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&data), OBJECTS_SR "5F3740" SIGNATURE_SR);
    cr_buf_reset(&data);
    /* the same key given in the other form than was signed */
    assert_int_equal(establish_rebuild(&t, vector("B041" ONE_TIME_SR "F00100"), CRYPTO_P256,
                                       vector(RC), vector(SIGNATURE_SR), signer, &data, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&data), OBJECTS_SR "5F3740" SIGNATURE_SR);
    cr_buf_reset(&data);
    t.kvn = 0x03;
    assert_int_equal(establish_rebuild(&t, vector(ONE_TIME_SR), CRYPTO_P256, vector(RC),
                                       vector(SIGNATURE_SR), signer, &data, &err),
                     CR_REFUSED);
    assert_string_equal(err.field, "5F37");
    assert_int_equal(establish_rebuild(&t, vector("04"), CRYPTO_P256, vector(RC),
                                       vector(SIGNATURE_SR), signer, &data, &err),
                     CR_MALFORMED);
    assert_int_equal(data.n, 0);
    crypto_public_free(signer);
    cr_buf_free(&data);
}

/* What the other SM-SR may have signed: each form is found again. */
static void test_rebuild_forms(void **state)
{
    (void)state;
    struct pki_key *key = handle_of(CRYPTO_P256, 0x55);
    struct crypto_public *signer = public_of(CRYPTO_P256, vector(POINT_SR));
    const struct establish_template usual = template_of(&scenes[1]);
    for (unsigned form = 0; form < 8; form++) {
        struct establish_template other = usual;
        cr_buf objects = {0}, data = {0}, want = {0};
        uint8_t signature[CRYPTO_SIGNATURE];
        other.has_access = !(form & 1);
        other.counter_size = form & 2 ? 0 : other.counter_size;
        other.counter = form & 2 ? 0 : other.counter;
        cr_span value = vector(form & 4 ? "B041" ONE_TIME_SR "F00100" : ONE_TIME_SR);
        assert_int_equal(establish_put_objects(&other, value, &objects, NULL), CR_OK);
        assert_int_equal(establish_sign(cr_buf_span(&objects), vector(RC), key, signature, NULL),
                         CR_OK);
        assert_int_equal(
            establish_put_request(cr_buf_span(&objects), CR_SPAN_ARRAY(signature), &want, NULL),
            CR_OK);
        assert_int_equal(establish_rebuild(&usual, vector(ONE_TIME_SR), CRYPTO_P256, vector(RC),
                                           CR_SPAN_ARRAY(signature), signer, &data, NULL),
                         CR_OK);
        assert_true(cr_span_equal(cr_buf_span(&data), cr_buf_span(&want)));
        cr_buf_free(&objects);
        cr_buf_free(&data);
        cr_buf_free(&want);
    }
    pki_key_free(key);
    crypto_public_free(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate),   cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_derivation),    cmocka_unit_test(test_signature_input),
        cmocka_unit_test(test_meet),          cmocka_unit_test(test_rebuild),
        cmocka_unit_test(test_rebuild_forms),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
