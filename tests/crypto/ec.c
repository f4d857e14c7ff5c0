/*
 * Keys, signatures and key agreement: published vectors, and everything a hostile peer may send.
 */
#include "crypto/ec.h"

#include "vector.h"

#include <openssl/bn.h>
#include <pthread.h>

static const enum crypto_curve curves[] = {CRYPTO_P256, CRYPTO_BRAINPOOL};

static struct crypto_private *private_of(enum crypto_curve curve, const char *hex)
{
    struct crypto_private *key = NULL;
    assert_int_equal(crypto_private_new(curve, vector(hex), &key, NULL), CR_OK);
    return key;
}

static struct crypto_private *fresh(enum crypto_curve curve)
{
    struct crypto_private *key = NULL;
    assert_int_equal(crypto_private_generate(curve, &key, NULL), CR_OK);
    return key;
}

static struct crypto_public *public_of(const struct crypto_private *key)
{
    uint8_t point[CRYPTO_POINT];
    struct crypto_public *out = NULL;
    crypto_private_point(key, point);
    assert_int_equal(crypto_public_new(crypto_private_curve(key), CR_SPAN_ARRAY(point), &out, NULL),
                     CR_OK);
    return out;
}

/* n of the curve, from the domain parameters of the standards. */
static const char *const order_hex[] = {
    [CRYPTO_P256] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    [CRYPTO_BRAINPOOL] = "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"};
static const char *const prime_hex[] = {
    [CRYPTO_P256] = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    [CRYPTO_BRAINPOOL] = "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377"};

/* ---- names, hashes ---- */

static void test_curve_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        enum crypto_curve c = curves[i];
        assert_int_equal(crypto_curve_from_oid(crypto_curve_oid(c)), c);
        assert_int_equal(crypto_curve_from_name(cr_span_str(crypto_curve_name(c))), c);
    }
    assert_span(crypto_curve_oid(CRYPTO_P256), "2a8648ce3d030107");
    assert_span(crypto_curve_oid(CRYPTO_BRAINPOOL), "2b2403030208010107");
    assert_int_equal(crypto_curve_from_name(cr_span_str("nist")), CRYPTO_P256);
    assert_int_equal(crypto_curve_from_name(cr_span_str("brainpool")), CRYPTO_BRAINPOOL);
    assert_int_equal(crypto_curve_from_name(cr_span_str("P-384")), CRYPTO_CURVE_NONE);
    assert_int_equal(crypto_curve_from_oid(vector("2b81040022")), CRYPTO_CURVE_NONE);
    assert_int_equal(crypto_curve_from_oid((cr_span){0}), CRYPTO_CURVE_NONE);
    assert_false(cr_span_present(crypto_curve_oid(CRYPTO_CURVE_NONE)));
}

/* SGP.22 confirmation code: H1 = SHA-256(code), hashCc = SHA-256(H1 || TransactionID). */
static void test_hashes(void **state)
{
    (void)state;
    uint8_t h1[CRYPTO_SHA256];
    uint8_t h2[CRYPTO_SHA256];
    uint8_t sha1[20];
    crypto_sha256(cr_span_str("12345678"), h1);
    assert_bytes(h1, "ef797c8118f02dfb649607dd5d3f8c7623048c9c063d532cc95c5ed7a898a64f");
    const cr_span parts[] = {CR_SPAN_ARRAY(h1), {0}, vector("0102030405060708090a0b0c0d0e0f10")};
    crypto_sha256_parts(parts, CR_COUNT(parts), h2);
    assert_bytes(h2, "87b0215c5d8f952804b1c92d5f2ae9966568b47cd659519536d862e7a9470d2d");
    crypto_sha256((cr_span){0}, h1);
    assert_bytes(h1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha1(cr_span_str("abc"), sha1);
    assert_bytes(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* ---- key agreement ---- */

static const struct agreement {
    enum crypto_curve curve;
    const char *d_a, *q_a, *d_b, *q_b, *z;
} agreements[] = {
    {CRYPTO_P256, /* RFC 5903 8.1 */
     "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
     "04DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
     "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
     "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
     "04D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
     "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
     "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"},
    {CRYPTO_BRAINPOOL, /* RFC 7027 A.1 */
     "81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D",
     "0444106E913F92BC02A1705D9953A8414DB95E1AAA49E81D9E85F929A8E3100BE5"
     "8AB4846F11CACCB73CE49CBDD120F5A900A69FD32C272223F789EF10EB089BDC",
     "55E40BC41E37E3E2AD25C3C6654511FFA8474A91A0032087593852D3E7D76BD3",
     "048D2D688C6CF93E1160AD04CC4429117DC2C41825E1E9FCA0ADDD34E6F1B39F7B"
     "990C57520812BE512641E47034832106BC7D3E8DD0E4C7F1136D7006547CEC6A",
     "89AFC39D41D3B327814B80940B042590F96556EC91E6AE7939BCE31F3A18BF2B"},
};

static void test_agreement_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(agreements); i++) {
        const struct agreement *v = &agreements[i];
        struct crypto_private *a = private_of(v->curve, v->d_a);
        struct crypto_private *b = private_of(v->curve, v->d_b);
        struct crypto_public *qa = public_of(a);
        struct crypto_public *qb = public_of(b);
        assert_span(crypto_public_point(qa), v->q_a);
        assert_span(crypto_public_point(qb), v->q_b);
        uint8_t z[CRYPTO_SCALAR];
        assert_int_equal(crypto_ecka(a, qb, z, NULL), CR_OK);
        assert_bytes(z, v->z);
        memset(z, 0, sizeof z);
        assert_int_equal(crypto_ecka(b, qa, z, NULL), CR_OK);
        assert_bytes(z, v->z);
        crypto_private_scalar(a, z);
        assert_bytes(z, v->d_a);
        crypto_public_free(qa);
        crypto_public_free(qb);
        crypto_private_free(a);
        crypto_private_free(b);
    }
}

static void test_agreement_wrong_curve(void **state)
{
    (void)state;
    struct crypto_private *a = fresh(CRYPTO_P256);
    struct crypto_private *b = fresh(CRYPTO_BRAINPOOL);
    struct crypto_public *qa = public_of(a);
    struct crypto_public *qb = public_of(b);
    uint8_t z[CRYPTO_SCALAR] = {0x5A};
    struct cr_err err = {0};
    assert_int_equal(crypto_ecka(a, qb, z, &err), CR_REFUSED);
    assert_int_equal(err.category, CR_REFUSED);
    assert_int_equal(crypto_ecka(b, qa, z, NULL), CR_REFUSED);
    assert_int_equal(z[0], 0x5A);
    crypto_public_free(qa);
    crypto_public_free(qb);
    crypto_private_free(a);
    crypto_private_free(b);
}

/* ---- points ---- */

static void refuse_point(enum crypto_curve curve, cr_span point)
{
    struct crypto_public *key = NULL;
    struct cr_err err = {0};
    assert_int_equal(crypto_public_new(curve, point, &key, &err), CR_MALFORMED);
    assert_null(key);
    assert_int_equal(err.category, CR_MALFORMED);
    assert_true(err.cause[0] != '\0');
}

static void test_points_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(agreements); i++) {
        enum crypto_curve curve = agreements[i].curve;
        cr_span good = vector(agreements[i].q_a);
        for (size_t n = 0; n < good.n;
             n++) { /* every shorter length, 0 and 1 (infinity) among it */
            refuse_point(curve, cr_span_sub(good, 0, n));
        }
        refuse_point(curve, (cr_span){0});
        refuse_point(curve, vector("00"));
        uint8_t longer[CRYPTO_POINT + 1] = {0};
        memcpy(longer, good.p, good.n);
        refuse_point(curve, CR_SPAN_ARRAY(longer));
        for (size_t bit = 0; bit < good.n * 8; bit++) { /* any other form, any other point */
            uint8_t *p = vector_mutable(good);
            p[bit / 8] ^= (uint8_t)(1U << bit % 8);
            refuse_point(curve, cr_span_of(p, good.n));
        }
        /* compressed forms of the right point, alone and padded */
        for (uint8_t form = 2; form <= 3; form++) {
            uint8_t *p = vector_mutable(good);
            p[0] = form;
            refuse_point(curve, cr_span_of(p, 33));
            refuse_point(curve, cr_span_of(p, 65));
        }
        uint8_t zero[CRYPTO_POINT] = {0x04}; /* (0, 0) */
        refuse_point(curve, CR_SPAN_ARRAY(zero));
        /* coordinates that are not reduced: (p, p) */
        cr_span prime = vector(prime_hex[curve]);
        memcpy(zero + 1, prime.p, 32);
        memcpy(zero + 33, prime.p, 32);
        refuse_point(curve, CR_SPAN_ARRAY(zero));
        /* a good point of the other curve */
        refuse_point(agreements[1 - i].curve, good);
    }
    struct crypto_public *key = NULL;
    cr_span good = vector(agreements[0].q_a);
    assert_int_equal(crypto_public_new(CRYPTO_CURVE_NONE, good, &key, NULL), CR_REFUSED);
    assert_int_equal(crypto_public_new(CRYPTO_CURVES, good, &key, NULL), CR_REFUSED);
    assert_null(key);
    crypto_public_free(NULL);
}

/* The point with x = 0 exists on P-256 (b is a square): an x with 31 leading zeros keeps 65 bytes,
 * and its coordinate as Z keeps 32. */
static void test_leading_zeros(void **state)
{
    (void)state;
    struct crypto_public *key = NULL;
    cr_span point = vector("040000000000000000000000000000000000000000000000000000000000000000"
                           "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
    assert_int_equal(crypto_public_new(CRYPTO_P256, point, &key, NULL), CR_OK);
    struct crypto_private *one =
        private_of(CRYPTO_P256, "0000000000000000000000000000000000000000000000000000000000000001");
    uint8_t z[CRYPTO_SCALAR];
    assert_int_equal(crypto_ecka(one, key, z, NULL), CR_OK);
    assert_bytes(z, "0000000000000000000000000000000000000000000000000000000000000000");
    crypto_public_free(key);
    crypto_private_free(one);
}

static void test_scalars(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = NULL;
        cr_span n = vector(order_hex[curves[i]]);
        uint8_t scalar[33] = {0};
        const cr_span whole = cr_span_of(scalar, 32);
        assert_int_equal(crypto_private_new(curves[i], whole, &key, NULL), CR_MALFORMED);
        memcpy(scalar, n.p, 32);
        assert_int_equal(crypto_private_new(curves[i], whole, &key, NULL), CR_MALFORMED);
        memset(scalar, 0xFF, 32);
        assert_int_equal(crypto_private_new(curves[i], whole, &key, NULL), CR_MALFORMED);
        memcpy(scalar, n.p, 32);
        assert_int_equal(crypto_private_new(curves[i], cr_span_of(scalar, 31), &key, NULL),
                         CR_MALFORMED);
        assert_int_equal(crypto_private_new(curves[i], cr_span_of(scalar, 33), &key, NULL),
                         CR_MALFORMED);
        assert_int_equal(crypto_private_new(curves[i], (cr_span){0}, &key, NULL), CR_MALFORMED);
        assert_null(key);
        scalar[31]--; /* n - 1 */
        assert_int_equal(crypto_private_new(curves[i], whole, &key, NULL), CR_OK);
        crypto_private_free(key);
    }
    struct crypto_private *none = NULL;
    assert_int_equal(crypto_private_generate(CRYPTO_CURVE_NONE, &none, NULL), CR_REFUSED);
    assert_null(none);
    crypto_private_free(NULL);
}

static void test_generated_keys_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *a = fresh(curves[i]);
        struct crypto_private *b = fresh(curves[i]);
        uint8_t sa[CRYPTO_SCALAR];
        uint8_t sb[CRYPTO_SCALAR];
        crypto_private_scalar(a, sa);
        crypto_private_scalar(b, sb);
        assert_memory_not_equal(sa, sb, sizeof sa);
        crypto_private_free(a);
        crypto_private_free(b);
    }
}

/* ---- signatures ---- */

/* RFC 6979 A.2.5, P-256 with SHA-256, message "sample". */
#define SAMPLE_KEY "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"
#define SAMPLE_SIGNATURE                                                                           \
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"                             \
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"

static void test_signature_vector(void **state)
{
    (void)state;
    struct crypto_private *key = private_of(CRYPTO_P256, SAMPLE_KEY);
    struct crypto_public *pub = public_of(key);
    assert_span(crypto_public_point(pub),
                "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    cr_span signature = vector(SAMPLE_SIGNATURE);
    cr_span whole = cr_span_str("sample");
    assert_int_equal(crypto_verify(pub, &whole, 1, signature, NULL), CR_OK);
    const cr_span parts[] = {cr_span_str("sam"), cr_span_str(""), {0}, cr_span_str("ple")};
    assert_int_equal(crypto_verify(pub, parts, CR_COUNT(parts), signature, NULL), CR_OK);
    cr_buf der = {0};
    assert_int_equal(crypto_signature_to_der(signature, &der, NULL), CR_OK);
    assert_int_equal(crypto_verify_der(pub, whole, cr_buf_span(&der), NULL), CR_OK);
    assert_int_equal(crypto_verify_der(pub, cr_span_str("Sample"), cr_buf_span(&der), NULL),
                     CR_REFUSED);
    /* the plain form is not DER, and DER is not the plain form */
    assert_int_equal(crypto_verify_der(pub, whole, signature, NULL), CR_REFUSED);
    assert_int_equal(crypto_verify(pub, &whole, 1, cr_buf_span(&der), NULL), CR_REFUSED);
    cr_buf_free(&der);
    crypto_public_free(pub);
    crypto_private_free(key);
}

static void refuse_signature(const struct crypto_public *pub, cr_span data, cr_span signature)
{
    struct cr_err err = {0};
    assert_int_equal(crypto_verify(pub, &data, 1, signature, &err), CR_REFUSED);
    assert_int_equal(err.category, CR_REFUSED);
    if (signature.n == CRYPTO_SIGNATURE) {
        cr_buf der = {0};
        assert_int_equal(crypto_signature_to_der(signature, &der, NULL), CR_OK);
        assert_int_equal(crypto_verify_der(pub, data, cr_buf_span(&der), NULL), CR_REFUSED);
        cr_buf_free(&der);
    }
}

static void test_sign_and_refuse(void **state)
{
    (void)state;
    cr_span data = cr_span_str("euiccSigned1");
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = fresh(curves[i]);
        struct crypto_private *other = fresh(curves[i]);
        struct crypto_public *pub = public_of(key);
        struct crypto_public *stranger = public_of(other);
        uint8_t sig[CRYPTO_SIGNATURE];
        uint8_t bad[CRYPTO_SIGNATURE + 1];
        assert_int_equal(crypto_sign(key, &data, 1, sig, NULL), CR_OK);
        assert_int_equal(crypto_verify(pub, &data, 1, CR_SPAN_ARRAY(sig), NULL), CR_OK);
        refuse_signature(stranger, data, CR_SPAN_ARRAY(sig));
        refuse_signature(pub, cr_span_str("euiccSigned2"), CR_SPAN_ARRAY(sig));
        refuse_signature(pub, (cr_span){0}, CR_SPAN_ARRAY(sig));
        refuse_signature(pub, data, cr_span_of(sig, 63));
        refuse_signature(pub, data, (cr_span){0});
        memcpy(bad, sig, sizeof sig);
        bad[CRYPTO_SIGNATURE] = 0;
        refuse_signature(pub, data, CR_SPAN_ARRAY(bad));
        for (size_t byte = 0; byte < sizeof sig; byte++) {
            memcpy(bad, sig, sizeof sig);
            bad[byte] ^= 0x10;
            refuse_signature(pub, data, cr_span_of(bad, sizeof sig));
        }
        /* r and s at the borders of their range and beyond */
        cr_span n = vector(order_hex[curves[i]]);
        for (size_t half = 0; half < 2; half++) {
            static const char *const edges[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0000000000000000000000000000000000000000000000000000000000000001",
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
            for (size_t e = 0; e < CR_COUNT(edges); e++) {
                memcpy(bad, sig, sizeof sig);
                memcpy(bad + 32 * half, vector(edges[e]).p, 32);
                refuse_signature(pub, data, cr_span_of(bad, sizeof sig));
            }
            memcpy(bad, sig, sizeof sig);
            memcpy(bad + 32 * half, n.p, 32);
            refuse_signature(pub, data, cr_span_of(bad, sizeof sig));
            bad[32 * half + 31]--; /* n - 1 */
            refuse_signature(pub, data, cr_span_of(bad, sizeof sig));
        }
        memset(bad, 0, sizeof bad);
        refuse_signature(pub, data, cr_span_of(bad, sizeof sig));
        crypto_public_free(pub);
        crypto_public_free(stranger);
        crypto_private_free(key);
        crypto_private_free(other);
    }
}

static void test_range_congruent(void **state)
{
    /* r + n still fits into 32 bytes for some signatures on brainpoolP256r1: it is the same number
     * modulo n and must be refused for its size alone. */
    (void)state;
    cr_span data = cr_span_str("data");
    struct crypto_private *key = fresh(CRYPTO_BRAINPOOL);
    struct crypto_public *pub = public_of(key);
    cr_span n = vector(order_hex[CRYPTO_BRAINPOOL]);
    size_t tried = 0;
    for (int i = 0; i < 200 && tried < 3; i++) {
        uint8_t sig[CRYPTO_SIGNATURE];
        assert_int_equal(crypto_sign(key, &data, 1, sig, NULL), CR_OK);
        unsigned carry = 0;
        for (size_t at = 64; at > 32; at--) {
            carry += (unsigned)sig[at - 1] + n.p[at - 33];
            sig[at - 1] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry == 0) {
            refuse_signature(pub, data, CR_SPAN_ARRAY(sig));
            tried++;
        }
    }
    assert_true(tried > 0);
    crypto_public_free(pub);
    crypto_private_free(key);
}

static void test_signature_at_infinity(void **state)
{
    /* r = -e / d makes u1 * G + u2 * Q the point at infinity: a lie of the signer, not a fault of
     * ours. */
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = fresh(curves[i]);
        struct crypto_public *pub = public_of(key);
        cr_span data = cr_span_str("data");
        uint8_t hash[CRYPTO_SHA256];
        uint8_t scalar[CRYPTO_SCALAR];
        uint8_t sig[CRYPTO_SIGNATURE];
        crypto_sha256(data, hash);
        crypto_private_scalar(key, scalar);
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *e = BN_bin2bn(hash, 32, NULL);
        BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
        BIGNUM *n = BN_bin2bn(vector(order_hex[curves[i]]).p, 32, NULL);
        BIGNUM *r = BN_new();
        assert_non_null(BN_mod_inverse(r, d, n, ctx));
        assert_int_equal(BN_mod_mul(r, r, e, n, ctx), 1);
        assert_int_equal(BN_sub(r, n, r), 1);
        assert_int_equal(BN_bn2binpad(r, sig, 32), 32);
        memset(sig + 32, 0x11, 32);
        refuse_signature(pub, data, CR_SPAN_ARRAY(sig));
        BN_free(e);
        BN_free(d);
        BN_free(n);
        BN_free(r);
        BN_CTX_free(ctx);
        crypto_public_free(pub);
        crypto_private_free(key);
    }
}

static void test_der_forms(void **state)
{
    (void)state;
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_buf out = {0};
    memset(plain, 0, sizeof plain);
    plain[31] = 0x80;
    plain[63] = 0x7F;
    assert_int_equal(crypto_signature_to_der(CR_SPAN_ARRAY(plain), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "3007 02020080 02017f");
    memset(plain, 0xFF, sizeof plain);
    assert_int_equal(crypto_signature_from_der(cr_buf_span(&out), plain, NULL), CR_OK);
    assert_bytes(plain, "0000000000000000000000000000000000000000000000000000000000000080"
                        "000000000000000000000000000000000000000000000000000000000000007f");
    cr_buf_free(&out);
    assert_int_equal(crypto_signature_to_der(cr_span_of(plain, 63), &out, NULL), CR_MALFORMED);
    assert_int_equal(out.n, 0);
    static const char *const refused[] = {
        "",                          /* nothing */
        "30",                        /* half a header */
        "3006 020101 020101 00",     /* something follows */
        "3007 020101 020101 00",     /* something follows inside */
        "3003 020101",               /* one number */
        "3009 020101 020101 020101", /* three */
        "3007 02020001 020101",      /* not minimal */
        "308106 020101 020101",      /* length not minimal */
        "3006 0201ff 020101",        /* negative */
        "3005 0200 020101",          /* empty number */
        "3106 020101 020101",        /* a set */
        "3006 030101 020101",        /* another type */
        "3080 020101 020101 0000",   /* indefinite length */
        "3026 0221 010000000000000000000000000000000000000000000000000000000000000000 020101"
        /* 33 bytes */};
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        memset(plain, 0x5A, sizeof plain);
        assert_int_equal(crypto_signature_from_der(vector(refused[i]), plain, NULL), CR_MALFORMED);
        assert_int_equal(plain[0], 0x5A);
    }
}

/* ---- files ---- */

static void test_pem_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        struct crypto_private *key = fresh(curves[i]);
        struct crypto_private *again = NULL;
        uint8_t a[CRYPTO_SCALAR];
        uint8_t b[CRYPTO_SCALAR];
        cr_buf pem = {.secret = true};
        assert_int_equal(crypto_private_pem(key, &pem, NULL), CR_OK);
        assert_memory_equal(pem.p, "-----BEGIN PRIVATE KEY-----", 27);
        assert_int_equal(crypto_private_parse(cr_buf_span(&pem), &again, NULL), CR_OK);
        assert_int_equal(crypto_private_curve(again), curves[i]);
        crypto_private_scalar(key, a);
        crypto_private_scalar(again, b);
        assert_memory_equal(a, b, sizeof a);
        crypto_private_free(again);
        again = NULL;
        for (size_t n = 0; n + 2 < pem.n; n += 7) { /* cut anywhere before the last line end */
            assert_int_equal(crypto_private_parse(cr_buf_span(&pem).p
                                                      ? cr_span_sub(cr_buf_span(&pem), 0, n)
                                                      : (cr_span){0},
                                                  &again, NULL),
                             CR_MALFORMED);
            assert_null(again);
        }
        cr_buf_free(&pem);
        crypto_private_free(key);
    }
}

/* SEC1 in DER of the RFC 6979 key; the public key is in it. */
#define SAMPLE_SEC1                                                                                \
    "3077020101 0420" SAMPLE_KEY "a00a06082a8648ce3d030107 a144034200"                             \
    "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"                           \
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"

static void test_sec1(void **state)
{
    (void)state;
    struct crypto_private *key = NULL;
    cr_span der = vector(SAMPLE_SEC1);
    uint8_t scalar[CRYPTO_SCALAR];
    assert_int_equal(crypto_private_parse(der, &key, NULL), CR_OK);
    crypto_private_scalar(key, scalar);
    assert_bytes(scalar, SAMPLE_KEY);
    crypto_private_free(key);
    key = NULL;
    /* without the public key: it is computed */
    cr_span bare = vector("3031020101 0420" SAMPLE_KEY "a00a06082a8648ce3d030107");
    assert_int_equal(crypto_private_parse(bare, &key, NULL), CR_OK);
    crypto_private_free(key);
    key = NULL;
    /* a byte behind it; a public key that belongs to another private key */
    assert_int_equal(crypto_private_parse(vector(SAMPLE_SEC1 "00"), &key, NULL), CR_MALFORMED);
    uint8_t *wrong = vector_mutable(der);
    wrong[7 + 31] ^= 1;
    assert_int_equal(crypto_private_parse(cr_span_of(wrong, der.n), &key, NULL), CR_MALFORMED);
    /* scalar zero */
    memset(wrong + 7, 0, 32);
    assert_int_equal(crypto_private_parse(cr_span_of(wrong, der.n), &key, NULL), CR_MALFORMED);
    assert_null(key);
}

static void test_foreign_files(void **state)
{
    (void)state;
    struct crypto_private *key = NULL;
    struct cr_err err = {0};
    assert_int_equal(crypto_private_parse((cr_span){0}, &key, NULL), CR_MALFORMED);
    assert_int_equal(crypto_private_parse(cr_span_str("not a key\n"), &key, NULL), CR_MALFORMED);
    /* secp384r1, SEC1 */
    cr_span p384 = vector("303e020101 0430 000000000000000000000000000000000000000000000000"
                          "000000000000000000000000000000000000000000000001 a00706052b81040022");
    assert_int_equal(crypto_private_parse(p384, &key, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "secp384r1"));
    /* Encrypted with a passphrase: refused at once, nobody is asked for one at the terminal. */
    static const char encrypted[] = "-----BEGIN EC PRIVATE KEY-----\n"
                                    "Proc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n"
                                    "\n"
                                    "AAECAwQFBgcICQoLDA0ODw==\n"
                                    "-----END EC PRIVATE KEY-----\n";
    assert_int_equal(crypto_private_parse(cr_span_str(encrypted), &key, &err), CR_REFUSED);
    assert_true(err.next[0] != '\0');
    assert_null(key);
}

/* ---- threads ---- */

struct shared {
    struct crypto_private *key;
    struct crypto_public *pub;
};

/* Returns its argument when all went well. */
static void *worker(void *arg)
{
    const struct shared *s = (const struct shared *)arg;
    for (int i = 0; i < 20; i++) {
        uint8_t sig[CRYPTO_SIGNATURE];
        uint8_t z[CRYPTO_SCALAR];
        cr_span data = cr_span_of(&i, sizeof i);
        if (crypto_sign(s->key, &data, 1, sig, NULL) != CR_OK ||
            crypto_verify(s->pub, &data, 1, CR_SPAN_ARRAY(sig), NULL) != CR_OK ||
            crypto_ecka(s->key, s->pub, z, NULL) != CR_OK) {
            return NULL;
        }
    }
    return arg;
}

/* The first use of a key, by several threads at once. */
static void test_shared_between_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct shared s = {.key = fresh(CRYPTO_P256)};
        s.pub = public_of(s.key);
        pthread_t threads[4];
        for (size_t i = 0; i < CR_COUNT(threads); i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, worker, &s), 0);
        }
        for (size_t i = 0; i < CR_COUNT(threads); i++) {
            void *result = NULL;
            assert_int_equal(pthread_join(threads[i], &result), 0);
            assert_ptr_equal(result, &s);
        }
        crypto_public_free(s.pub);
        crypto_private_free(s.key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curve_names),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_agreement_vectors),
        cmocka_unit_test(test_agreement_wrong_curve),
        cmocka_unit_test(test_points_refused),
        cmocka_unit_test(test_leading_zeros),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_generated_keys_differ),
        cmocka_unit_test(test_signature_vector),
        cmocka_unit_test(test_sign_and_refuse),
        cmocka_unit_test(test_range_congruent),
        cmocka_unit_test(test_signature_at_infinity),
        cmocka_unit_test(test_der_forms),
        cmocka_unit_test(test_pem_and_back),
        cmocka_unit_test(test_sec1),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_shared_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
