/*
 * Key establishment: what a domain takes, and each way to break a template, a command, an answer.
 */
#include "establish_vectors.h"

#include "asn1/der.h"
#include "pki/gpcert.h"

static cr_status give_nothing(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)p;
    (void)n;
    return cr_fail(err, CR_RESOURCE, NULL, "no randomness");
}

/* --- templates ---------------------------------------------------------------------------------
 */

#define T_90 "9002030A"
#define T_95 "950110"
#define T_80 "800188"
#define T_81 "810110"
#define T_82 "820101"
#define T_83 "830130"
#define T_91 "9100"
#define T_45 "450101"
#define T_84 "840102"

static void put_template_hex(const char *objects_hex, cr_buf *out)
{
    cr_buf_reset(out);
    der_put(out, 0xA6, vector(objects_hex));
}

static void test_template_forms(void **state)
{
    (void)state;
    static const char *const good[] = {
        T_91 T_83 T_82 T_81 T_80 T_95 T_90,
        T_90 T_95 "960100" T_80 T_81 T_82 T_83 "91020000",
        T_90 T_95 T_80 T_81 T_82 T_83 "9103000000",
        T_90 T_95 T_80 T_81 T_82 T_83 "91080000000000000000",
        T_90 "95810110" T_80 T_81 T_82 T_83 T_91,
        T_84 T_45 "9002030E" T_95 T_80 T_81 T_82 T_83 T_91,
    };
    cr_buf a6 = {0};
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        struct establish_template t;
        put_template_hex(good[i], &a6);
        assert_int_equal(establish_take_template(cr_buf_span(&a6), &t, NULL), CR_OK);
        assert_int_equal(t.kvn, 0x30);
        assert_int_equal(t.usage, 0x10);
        assert_int_equal(t.counter, 0);
    }
    cr_buf_free(&a6);
}

static void test_template_twins(void **state)
{
    (void)state;
    static const struct {
        const char *objects, *field;
    } rows[] = {
        {"", "90"},
        {T_95 T_80 T_81 T_82 T_83 T_91, "90"},
        {T_90 T_80 T_81 T_82 T_83 T_91, "95"},
        {T_90 T_95 T_81 T_82 T_83 T_91, "80"},
        {T_90 T_95 T_80 T_82 T_83 T_91, "81"},
        {T_90 T_95 T_80 T_81 T_83 T_91, "82"},
        {T_90 T_95 T_80 T_81 T_82 T_91, "83"},
        {T_90 T_95 T_80 T_81 T_82 T_83, "91"},
        {"9002010A" T_95 T_80 T_81 T_82 T_83 T_91, "90"},
        {"900103" T_95 T_80 T_81 T_82 T_83 T_91, "90"},
        {"9003030A00" T_95 T_80 T_81 T_82 T_83 T_91, "90"},
        {T_90 "95021010" T_80 T_81 T_82 T_83 T_91, "95"},
        {T_90 T_95 "9600" T_80 T_81 T_82 T_83 T_91, "96"},
        {T_90 T_95 "8000" T_81 T_82 T_83 T_91, "80"},
        {T_90 T_95 T_80 "81020010" T_82 T_83 T_91, "81"},
        {T_90 T_95 T_80 T_81 "8200" T_83 T_91, "82"},
        {T_90 T_95 T_80 T_81 T_82 "83023031" T_91, "83"},
        {T_90 T_95 T_80 T_81 T_82 T_83 "910100", "91"},
        {T_90 T_95 T_80 T_81 T_82 T_83 "910400000000", "91"},
        {T_90 T_95 T_80 T_81 T_82 T_83 "9109000000000000000000", "91"},
        {T_90 T_95 T_80 T_81 T_82 T_83 T_91 T_91, "91"},
        {T_90 T_95 T_80 T_81 T_82 T_83 T_91 "860100", "86"},
        {T_90 T_95 T_80 T_81 T_82 T_83 T_91 "45", "A6"},
        /* HostID, SDIN and the parameter belong together */
        {T_90 T_95 T_80 T_81 T_82 T_83 T_91 T_45, "45"},
        {T_90 T_95 T_80 T_81 T_82 T_83 T_91 T_84, "84"},
        {"9002030E" T_95 T_80 T_81 T_82 T_83 T_91 T_84, "45"},
        {"9002030E" T_95 T_80 T_81 T_82 T_83 T_91 T_45, "84"},
        {"9002030E" T_95 T_80 T_81 T_82 T_83 T_91 "4500" T_84, "45"},
        {"9002030E" T_95 T_80 T_81 T_82 T_83 T_91 T_45 "8411" HOST "00", "84"},
        {"9002030E" T_95 T_80 T_81 T_82 T_83 T_91 "4511" HOST "00" T_84, "45"},
    };
    cr_buf a6 = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct establish_template t = {.kvn = 0x77};
        struct cr_err err = {0};
        put_template_hex(rows[i].objects, &a6);
        assert_int_equal(establish_take_template(cr_buf_span(&a6), &t, &err), CR_MALFORMED);
        assert_string_equal(err.field, rows[i].field);
        assert_int_equal(err.code, ESTABLISH_SW_WRONG_DATA);
        assert_int_equal(t.kvn, 0x77);
    }
    struct establish_template t;
    static const char *const broken[] = {"",
                                         "A6",
                                         "A600FF",
                                         A6_DP "00",
                                         "A580",
                                         "A61690",
                                         "A7159002030A9501108001888101108201018301309100"};
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        assert_int_equal(establish_take_template(vector(broken[i]), &t, NULL), CR_MALFORMED);
    }
    cr_buf_free(&a6);
}

static void test_check(void **state)
{
    (void)state;
    const struct establish_template isdp = establish_template_isdp(0x30);
    const struct establish_template scp80 = establish_template_scp80(0x01, 5);
    const struct establish_template scp81 = establish_template_scp81(0x4F);
    struct {
        struct establish_template t;
        enum establish_domain domain;
        long code; /* 0 = taken */
        const char *field;
    } rows[32];
    size_t n = 0;
#define ROW(base, member, value, where, sw, tag)                                                   \
    rows[n].t = (base);                                                                            \
    rows[n].t.member = (value);                                                                    \
    rows[n].domain = (where);                                                                      \
    rows[n].code = (sw);                                                                           \
    rows[n++].field = (tag)
    ROW(isdp, kvn, 0x30, ESTABLISH_ISDP, 0, "");
    ROW(isdp, kvn, 0x3F, ESTABLISH_ISDP, 0, "");
    ROW(isdp, kvn, 0x2F, ESTABLISH_ISDP, 0x6A80, "83");
    ROW(isdp, kvn, 0x00, ESTABLISH_ISDP, 0x6A80, "83");
    ROW(isdp, kvn, 0x50, ESTABLISH_ISDR, 0x6A80, "83");
    ROW(isdp, kvn, 0x10, ESTABLISH_ISDR, 0x6A80, "83");
    ROW(isdp, kvn, 0x30, ESTABLISH_ISDR, 0x6985, "83");
    ROW(scp80, kvn, 0x0F, ESTABLISH_ISDP, 0x6985, "83");
    ROW(scp81, kvn, 0x40, ESTABLISH_ISDP, 0x6985, "83");
    ROW(scp80, kvn, 0x0F, ESTABLISH_ISDR, 0, "");
    ROW(scp80, kvn, 0x40, ESTABLISH_ISDR, 0x6A80, "95");
    ROW(scp81, kvn, 0x40, ESTABLISH_ISDR, 0, "");
    ROW(scp81, kvn, 0x01, ESTABLISH_ISDR, 0x6A80, "95");
    ROW(scp80, has_access, false, ESTABLISH_ISDR, 0, "");
    ROW(isdp, parameters, 0x0B, ESTABLISH_ISDP, 0, "");
    ROW(isdp, parameters, 0x02, ESTABLISH_ISDP, 0x6A80, "90");
    ROW(isdp, parameters, 0x1A, ESTABLISH_ISDP, 0x6A80, "90");
    ROW(isdp, usage, 0x5C, ESTABLISH_ISDP, 0x6A80, "95");
    ROW(isdp, access, 0x01, ESTABLISH_ISDP, 0x6A80, "96");
    ROW(isdp, key_type, 0x80, ESTABLISH_ISDP, 0x6A80, "80");
    ROW(scp81, key_type, 0x88, ESTABLISH_ISDR, 0x6A80, "80");
    ROW(isdp, key_size, 0x20, ESTABLISH_ISDP, 0x6A80, "81");
    ROW(isdp, key_id, 0x02, ESTABLISH_ISDP, 0x6A80, "82");
    ROW(isdp, counter, 0xFFFFFE, ESTABLISH_ISDP, 0, "");
    ROW(isdp, counter, 0xFFFFFF, ESTABLISH_ISDP, 0x6A80, "91");
    ROW(scp80, counter, 0xFFFFFFFFFE, ESTABLISH_ISDR, 0, "");
    ROW(scp80, counter, 0xFFFFFFFFFF, ESTABLISH_ISDR, 0x6A80, "91");
#undef ROW
    for (size_t i = 0; i < n; i++) {
        struct cr_err err = {0};
        cr_status status = establish_check(&rows[i].t, rows[i].domain, &err);
        assert_int_equal(status == CR_OK, rows[i].code == 0);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.field, rows[i].field);
    }
}

static void test_template_not_written(void **state)
{
    (void)state;
    static const uint8_t long_id[17] = {1};
    struct establish_template t = establish_template_isdp(0x30);
    struct cr_err err = {0};
    cr_buf out = {0};
    t.counter = 1; /* without a size */
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    assert_string_equal(err.field, "91");
    t.counter_size = 4;
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    t.counter_size = 2;
    t.counter = 0x10000;
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    t.counter = 0xFFFF;
    t.parameters |= ESTABLISH_WITH_HOST;
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    assert_string_equal(err.field, "45");
    t.sdin = CR_SPAN_ARRAY(long_id);
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    assert_string_equal(err.field, "45");
    t.sdin = cr_span_of(long_id, 16);
    t.host_id = CR_SPAN_ARRAY(long_id);
    assert_int_equal(establish_put_template(&t, &out, &err), CR_REFUSED);
    assert_string_equal(err.field, "84");
    assert_int_equal(out.n, 0);
    t.counter_size = 8;
    t.counter = UINT64_MAX;
    t.host_id = cr_span_of(long_id, 16);
    assert_int_equal(establish_put_template(&t, &out, &err), CR_OK);
    struct establish_template again;
    assert_int_equal(establish_take_template(cr_buf_span(&out), &again, NULL), CR_OK);
    assert_true(again.counter == UINT64_MAX && again.counter_size == 8);
    cr_buf_free(&out);
}

/* --- data of the commands ----------------------------------------------------------------------
 */

static void test_certificate_twins(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "3A01",
        "3A01DB" CERTIFICATE,
        "3A01DD" CERTIFICATE,
        "3A01DD" CERTIFICATE "00", /* behind the certificate, in the grouping */
        "3A01DC" CERTIFICATE "00", /* behind the grouping */
        "3A02DC" CERTIFICATE,
        "3A01FFDC" CERTIFICATE,
        "3A0181DB" CERTIFICATE,
        "3A0182DC" CERTIFICATE,
        "3A0183" CERTIFICATE,
        "3A0103300100",
        "3A0182",
        "3A01FF",
        "3A01FF00",
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_span certificate = {0};
        struct cr_err err = {0};
        assert_int_equal(establish_take_certificate(vector(rows[i]), &certificate, &err),
                         CR_MALFORMED);
        assert_int_equal(err.code, ESTABLISH_SW_WRONG_DATA);
        assert_string_equal(err.field, "3A01");
        assert_null(certificate.p);
    }
    cr_buf data = {0};
    assert_int_equal(
        establish_put_certificate(vector("7F210201"), ESTABLISH_LENGTH_DGI, &data, NULL),
        CR_MALFORMED);
    assert_int_equal(
        establish_put_certificate(vector("3003020101"), ESTABLISH_LENGTH_DGI, &data, NULL),
        CR_MALFORMED);
    assert_int_equal(data.n, 0);
    cr_span certificate;
    assert_int_equal(
        establish_take_certificate(vector("3A01FF00DC" CERTIFICATE), &certificate, NULL), CR_OK);
    assert_int_equal(
        establish_take_certificate(vector("3A018200DC" CERTIFICATE), &certificate, NULL), CR_OK);
}

/* A length byte 81 is 129 in one form and "one byte follows" in the other; certificates of each
 * length in each form come back whole, and are cut into blocks of 255. */
static void test_certificate_lengths(void **state)
{
    (void)state;
    for (size_t n = 1; n < 1200; n++) {
        cr_buf certificate = {0};
        cr_buf contents = {0};
        memset(cr_buf_extend(&contents, n), 0x7F, n);
        der_put(&certificate, GPCERT_TAG, cr_buf_span(&contents));
        for (int form = 0; form < 2; form++) {
            cr_buf data = {0}, apdu = {0}, joined = {0};
            cr_span got;
            uint8_t block = 0;
            assert_int_equal(establish_put_certificate(cr_buf_span(&certificate),
                                                       (enum establish_lengths)form, &data, NULL),
                             CR_OK);
            assert_int_equal(establish_take_certificate(cr_buf_span(&data), &got, NULL), CR_OK);
            assert_true(cr_span_equal(got, cr_buf_span(&certificate)));
            cr_span left = cr_buf_span(&data);
            while (left.n) {
                cr_buf_reset(&apdu);
                assert_int_equal(establish_next_command(&left, n & 1, &block, &apdu, NULL), CR_OK);
                assert_int_equal(apdu.n, 6U + apdu.p[4]);
                assert_int_equal(apdu.p[2], left.n == 0 && (n & 1) ? 0x89 : 0x09);
                assert_int_equal(apdu.p[3], block - 1);
                cr_buf_append(&joined, apdu.p + 5, apdu.p[4]);
            }
            assert_true(cr_span_equal(cr_buf_span(&joined), cr_buf_span(&data)));
            assert_int_equal(establish_next_command(&left, true, &block, &apdu, NULL),
                             CR_MALFORMED);
            cr_buf_free(&data);
            cr_buf_free(&apdu);
            cr_buf_free(&joined);
        }
        cr_buf_free(&certificate);
        cr_buf_free(&contents);
    }
}

static void test_long_data(void **state)
{
    (void)state;
    static const size_t sizes[] = {GPCERT_MAX - 5, GPCERT_MAX, ESTABLISH_MAX_DATA};
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        cr_buf contents = {0}, certificate = {0}, data = {0};
        cr_span got;
        memset(cr_buf_extend(&contents, sizes[i]), 0x42, sizes[i]);
        der_put(&certificate, GPCERT_TAG, cr_buf_span(&contents));
        assert_int_equal(
            establish_put_certificate(cr_buf_span(&certificate), ESTABLISH_LENGTH_DGI, &data, NULL),
            i == 0 ? CR_OK : CR_MALFORMED);
        assert_int_equal(data.n > 0, i == 0);
        cr_buf_reset(&data);
        cr_buf_append_span(&data, vector("3A01FF"));
        cr_buf_append_be(&data, certificate.n, 2);
        cr_buf_append_span(&data, cr_buf_span(&certificate));
        assert_int_equal(establish_take_certificate(cr_buf_span(&data), &got, NULL),
                         i < 2 ? CR_OK : CR_MALFORMED);
        cr_buf_free(&contents);
        cr_buf_free(&certificate);
        cr_buf_free(&data);
    }
}

static void test_challenge(void **state)
{
    (void)state;
    static const char *const rows[] = {"",        "85",     "8510" RC "00", "850F" RC,
                                       "8610" RC, "850101", "8511" RC "00", "8580" RC "0000"};
    cr_span rc;
    cr_buf answer = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(establish_take_challenge(vector(rows[i]), &rc, NULL), CR_MALFORMED);
    }
    assert_int_equal(establish_put_challenge(vector(RC), &answer, NULL), CR_OK);
    assert_span(cr_buf_span(&answer), "8510" RC);
    assert_int_equal(establish_take_challenge(cr_buf_span(&answer), &rc, NULL), CR_OK);
    assert_span(rc, RC);
    assert_int_equal(establish_take_challenge(vector("8520" RC RC), &rc, NULL), CR_OK);
    assert_int_equal(establish_put_challenge(vector("0102"), &answer, NULL), CR_MALFORMED);
    cr_buf_free(&answer);
}

static void test_key_forms(void **state)
{
    (void)state;
    static const struct {
        const char *value, *field;
    } rows[] = {
        {"", "7F49"},
        {ONE_TIME_DP "00", "7F49"},
        {"03" RC RC, "7F49"},
        {"B041" ONE_TIME_DP, "7F49"},
        {"B041" ONE_TIME_DP "F00100"
         "00",
         "7F49"},
        {"B041" ONE_TIME_DP "F0020000", "7F49"},
        {"F00100"
         "B041" ONE_TIME_DP,
         "7F49"},
        {"B04004" RC RC RC "C0C1C2C3C4C5C6C7C8C9CACBCCCDCE"
         "F00100",
         "7F49"},
        {"B041"
         "02" RC RC RC RC "F00100",
         "7F49"},
        {"B141" ONE_TIME_DP "F00100", "7F49"},
        {"B041" ONE_TIME_DP "F10100", "7F49"},
        {"B041" ONE_TIME_DP "F00103", "F0"},
        {"B041" ONE_TIME_DP "F00101", "F0"},
    };
    cr_span point;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        assert_int_equal(establish_take_key(vector(rows[i].value), CRYPTO_P256, &point, &err),
                         CR_MALFORMED);
        assert_string_equal(err.field, rows[i].field);
    }
    assert_int_equal(
        establish_take_key(vector("B041" ONE_TIME_DP "F00100"), CRYPTO_P256, &point, NULL), CR_OK);
    assert_span(point, ONE_TIME_DP);
    assert_int_equal(
        establish_take_key(vector("B041" ONE_TIME_DP "F00103"), CRYPTO_BRAINPOOL, &point, NULL),
        CR_OK);
    cr_buf value = {0};
    assert_int_equal(establish_put_key(CRYPTO_BRAINPOOL, vector(ONE_TIME_DP), ESTABLISH_KEY_WRAPPED,
                                       &value, NULL),
                     CR_OK);
    assert_span(cr_buf_span(&value), "B041" ONE_TIME_DP "F00103");
    assert_int_equal(
        establish_put_key(CRYPTO_P256, vector("0401"), ESTABLISH_KEY_RAW, &value, NULL),
        CR_MALFORMED);
    cr_buf_free(&value);
}

#define SIGNED_DP "5F3740" SIGNATURE_DP

static void test_request_twins(void **state)
{
    (void)state;
    static const struct {
        const char *data, *field;
    } rows[] = {
        {"", "3A02"},
        {"3A0117" A6_DP "7F4941" ONE_TIME_DP SIGNED_DP, "3A02"},
        {"3A0216" A6_DP "7F4941" ONE_TIME_DP SIGNED_DP, "3A02"},
        {"3A0218" A6_DP "7F4941" ONE_TIME_DP SIGNED_DP, "3A02"},
        {"3A0217" A6_DP SIGNED_DP, "7F49"},
        {"3A0217" A6_DP "7F4841" ONE_TIME_DP SIGNED_DP, "7F49"},
        {OBJECTS_DP, "5F37"},
        {OBJECTS_DP "5F3840" SIGNATURE_DP, "5F37"},
        {OBJECTS_DP "5F373F" SIGNATURE_DP, "5F37"},
        {OBJECTS_DP SIGNED_DP "00", "5F37"},
        {OBJECTS_DP "5F3741" SIGNATURE_DP "00", "5F37"},
        {"3A0217A6159002010A9501108001888101108201018301309100"
         "7F4941" ONE_TIME_DP SIGNED_DP,
         "90"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct establish_request r = {0};
        struct cr_err err = {0};
        assert_int_equal(establish_take_request(vector(rows[i].data), &r, &err), CR_MALFORMED);
        assert_string_equal(err.field, rows[i].field);
        assert_int_equal(err.code, ESTABLISH_SW_WRONG_DATA);
        assert_null(r.objects.p);
    }
    cr_span a6 = {0};
    assert_int_equal(establish_a6_of(vector("3A0117" A6_DP), &a6, NULL), CR_MALFORMED);
    cr_buf data = {0};
    assert_int_equal(establish_put_request(vector(OBJECTS_DP), vector("00"), &data, NULL),
                     CR_MALFORMED);
    assert_int_equal(data.n, 0);
    cr_buf_free(&data);
}

static void test_long_request(void **state)
{
    (void)state;
    const size_t others = vector("3A0217" A6_DP SIGNED_DP).n + 5; /* 7F49 82 L L */
    for (size_t over = 0; over < 2; over++) {
        size_t n = ESTABLISH_MAX_DATA - others + over;
        struct establish_request r;
        cr_buf data = {0};
        cr_buf_append_span(&data, vector("3A0217" A6_DP "7F4982"));
        cr_buf_append_be(&data, n, 2);
        memset(cr_buf_extend(&data, n), 0x42, n);
        cr_buf_append_span(&data, vector(SIGNED_DP));
        assert_int_equal(data.n, ESTABLISH_MAX_DATA + over);
        assert_int_equal(establish_take_request(cr_buf_span(&data), &r, NULL),
                         over ? CR_MALFORMED : CR_OK);
        cr_buf_free(&data);
    }
}

/* Each byte that is signed, the challenge and the signature. */
static void test_signature_every_byte(void **state)
{
    (void)state;
    struct crypto_public *signer = public_of(CRYPTO_P256, vector(POINT_DP));
    struct crypto_public *other = public_of(CRYPTO_P256, vector(POINT_SR));
    cr_span good = vector(OBJECTS_DP SIGNED_DP);
    struct establish_request r;
    struct cr_err err = {0};
    for (size_t i = 0; i < good.n; i++) {
        uint8_t *bytes = vector_mutable(good);
        bytes[i] ^= 0x01;
        assert_true(establish_take_request(cr_span_of(bytes, good.n), &r, NULL) != CR_OK ||
                    establish_verify(&r, vector(RC), signer, NULL) == CR_REFUSED);
    }
    assert_int_equal(establish_take_request(good, &r, NULL), CR_OK);
    assert_int_equal(establish_verify(&r, vector(RC), signer, NULL), CR_OK);
    assert_int_equal(establish_verify(&r, vector(DR), signer, &err), CR_REFUSED);
    assert_int_equal(err.code, ESTABLISH_SW_SECURITY);
    assert_string_equal(err.field, "5F37");
    assert_int_equal(establish_verify(&r, vector(RC RC), signer, NULL), CR_REFUSED);
    assert_int_equal(establish_verify(&r, vector(RC), other, NULL), CR_REFUSED);
    assert_int_equal(establish_verify(&r, vector("C0"), signer, NULL), CR_MALFORMED);
    crypto_public_free(signer);
    crypto_public_free(other);
}

/* --- answers -----------------------------------------------------------------------------------
 */

#define RECEIPT_DP "D92F9499D777F7ABE127B229ADA3A890"

static void test_answer_twins(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "8510" DR,
        "8610",
        "860F" RECEIPT_DP,
        "8610" RECEIPT_DP "00",
        "8611" RECEIPT_DP "00",
        "850100"
        "8610" RECEIPT_DP,
        "8500"
        "8610" RECEIPT_DP,
        "8610" RECEIPT_DP "8510" DR,
        "8510" DR "8510" DR "8610" RECEIPT_DP,
        "8710" RECEIPT_DP,
    };
    cr_span dr, receipt;
    cr_buf answer = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        assert_int_equal(establish_take_answer(vector(rows[i]), &dr, &receipt, &err), CR_MALFORMED);
        assert_int_equal(err.code, ESTABLISH_SW_WRONG_DATA);
    }
    assert_int_equal(establish_take_answer(vector("8610" RECEIPT_DP), &dr, &receipt, NULL), CR_OK);
    assert_null(dr.p);
    assert_int_equal(
        establish_take_answer(vector("8520" DR DR "8610" RECEIPT_DP), &dr, &receipt, NULL), CR_OK);
    assert_int_equal(dr.n, 32);
    assert_int_equal(establish_put_answer(vector("01"), vector(RECEIPT_DP), &answer, NULL),
                     CR_MALFORMED);
    assert_int_equal(establish_put_answer(vector(DR), vector("01"), &answer, NULL), CR_MALFORMED);
    assert_int_equal(answer.n, 0);
    cr_buf_free(&answer);
}

static void assert_host_refuses(const char *a6, const char *sin, const char *dr,
                                const char *receipt, const char *field)
{
    struct crypto_private *one_time = private_of(CRYPTO_P256, sin ? 0x66 : 0x22);
    struct crypto_public *ecasd = public_of(CRYPTO_P256, vector(POINT_ECASD));
    struct establish_keys keys = {.count = 77};
    struct cr_err err = {0};
    assert_int_equal(
        establish_host_finish(vector(a6), one_time, ecasd, sin ? vector(sin) : (cr_span){0},
                              dr ? vector(dr) : (cr_span){0}, vector(receipt), &keys, &err),
        CR_REFUSED);
    assert_string_equal(err.field, field);
    assert_int_equal(keys.count, 77);
    crypto_private_free(one_time);
    crypto_public_free(ecasd);
}

static void test_host_refuses(void **state)
{
    (void)state;
    const struct scene *sr = &scenes[1];
    assert_host_refuses(A6_DP, NULL, DR, "D92F9499D777F7ABE127B229ADA3A891", "86");
    assert_host_refuses(A6_DP, NULL, DR, "D92F9499D777F7ABE127B229ADA3A8", "86");
    assert_host_refuses(A6_DP, NULL, RC, RECEIPT_DP, "86");
    assert_host_refuses(A6_DP, NULL, NULL, RECEIPT_DP, "85");
    assert_host_refuses("A615900203089501108001888101108201018301309100", NULL, DR, RECEIPT_DP,
                        "85");
    /* another template than was sent */
    assert_host_refuses("A6159002030A9501108001888101108201018301319100", NULL, DR, RECEIPT_DP,
                        "86");
    assert_host_refuses(A6_SR, "4953444F", DR, sr->receipt, "86");
    assert_host_refuses(A6_SR, "", DR, sr->receipt, "42");
    assert_host_refuses(A6_SR, HOST "00", DR, sr->receipt, "42");
    /* AES-256 */
    assert_host_refuses("A6159002030A9501108001888101208201018301309100", NULL, DR, RECEIPT_DP,
                        "81");
    assert_host_refuses("A6159002030A9501118001888101108201018301309100", NULL, DR, RECEIPT_DP,
                        "81");
}

static void test_card_refuses(void **state)
{
    (void)state;
    static const char *const bad_keys[] = {
        /* not on the curve; of the other curve; said to be of the other curve */
        "04D65A93977CAA3D1B081852FF57A79E465F1660577304BAEAD505DD3A48589CF350185E895372DF6221EA3A13"
        "7557E473FDDB6755F05BD507C3C533FCE9C91286",
        "B041" ONE_TIME_DP "F00103",
        "00",
    };
    static const cr_env no_dice = {.random = give_nothing};
    struct pki_key *ecasd = handle_of(CRYPTO_P256, 0x11);
    struct establish_keys keys = {.count = 77};
    struct establish_request r;
    struct cr_err err = {0};
    cr_buf answer = {0};
    assert_int_equal(establish_take_request(vector(OBJECTS_DP SIGNED_DP), &r, NULL), CR_OK);
    assert_int_equal(establish_card_finish(&r, ecasd, (cr_span){0}, &no_dice, &keys, &answer, NULL),
                     CR_RESOURCE);
    for (size_t i = 0; i < CR_COUNT(bad_keys); i++) {
        struct establish_request bad = r;
        bad.key = vector(bad_keys[i]);
        assert_int_equal(
            establish_card_finish(&bad, ecasd, (cr_span){0}, &env, &keys, &answer, &err),
            CR_MALFORMED);
        assert_int_equal(err.code, ESTABLISH_SW_WRONG_DATA);
    }
    assert_int_equal(establish_take_request(vector(OBJECTS_SR "5F3740" SIGNATURE_SR), &r, NULL),
                     CR_OK);
    assert_int_equal(establish_card_finish(&r, ecasd, (cr_span){0}, &env, &keys, &answer, NULL),
                     CR_REFUSED);
    assert_int_equal(keys.count, 77);
    assert_int_equal(answer.n, 0);
    pki_key_free(ecasd);
    cr_buf_free(&answer);
}

static void test_wipe(void **state)
{
    (void)state;
    struct establish_keys keys = {.receipt = {1}, .keys = {{2}}, .count = 3};
    establish_keys_wipe(&keys);
    establish_keys_wipe(NULL);
    assert_bytes(keys.keys[0], "00000000000000000000000000000000");
    assert_int_equal(keys.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template_forms),
        cmocka_unit_test(test_template_twins),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_template_not_written),
        cmocka_unit_test(test_certificate_twins),
        cmocka_unit_test(test_certificate_lengths),
        cmocka_unit_test(test_long_data),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_key_forms),
        cmocka_unit_test(test_request_twins),
        cmocka_unit_test(test_long_request),
        cmocka_unit_test(test_signature_every_byte),
        cmocka_unit_test(test_answer_twins),
        cmocka_unit_test(test_host_refuses),
        cmocka_unit_test(test_card_refuses),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
