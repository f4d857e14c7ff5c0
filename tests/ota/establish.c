/*
 * Key establishment: published vectors in both directions, both ends against each other, what a
 * domain takes, and each way to break a command or an answer.
 */
#include "ota/establish.h"

#include "../crypto/vector.h"

#include "asn1/der.h"
#include "pki/gpcert.h"

/* --- vectors -----------------------------------------------------------------------------------
 */

#define POINT_DP                                                                                   \
    "045B36890DACBD7C9A96BB74A1EE28B3D2D75B72E09A20EF25CF8E6FD8A9F0350D0E14BED8D4682A34D83538BDFF" \
    "5B96E89A6666EC0DB5745D02FA1210072DF75A"
#define POINT_SR                                                                                   \
    "0457E977F6DB7E33C3FE7ACF2842ED987009CAF56D458682FCA447B7D3D762AB34C5AB3770BA573BDFF541406564" \
    "0FFB5B346DFA84DEC4DB4D68E5F59CC471C2EC"
#define POINT_ECASD                                                                                \
    "040217E617F0B6443928278F96999E69A23A4F2C152BDF6D6CDF66E5B80282D4ED194A7DEBCB97712D2DDA3CA85A" \
    "A8765A56F45FC758599652F2897C65306E5794"
#define ONE_TIME_DP                                                                                \
    "04D65A93977CAA3D1B081852FF57A79E465F1660577304BAEAD505DD3A48589CF350185E895372DF6221EA3A1375" \
    "57E473FDDB6755F05BD507C3C533FCE9C91285"
#define ONE_TIME_SR                                                                                \
    "040BBBC5E8BC84BD33D1D3CE03FFAC9A747F4C1993FDDB2EC93A4116A86F022A77C3C17191559A4C2A1AA57E79B8" \
    "D1977DA2C959172F478E341E27028D69FFFB7B"
#define CERTIFICATE                                                                                \
    "7F2181D89301014204A1A1A1A15F2014D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D19501885F250420200101" \
    "5F2404203001017319C80101C914A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A17F4946B041" POINT_DP      \
    "F001005F3740B9C6F2023A8738A93D366D10A1E368317CA97DC4287355DFDEA130C559069BF8A7233B09F8A9AE91" \
    "B1A0BCB39AFDBB34A5D24F3EFDFB87EF7F8EA0D694FC23A5"
#define RC    "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF"
#define DR    "000102030405060708090A0B0C0D0E0F"
#define HOST  "00112233445566778899AABBCCDDEEFF"
#define SIN   "4953444E"
#define SDIN  "0000000102030405"
#define A6_DP "A6159002030A9501108001888101108201018301309100"
#define A6_SR                                                                                      \
    "A6399002030E9501109601008001888101108201018301029105000000000145080000000102030405"           \
    "841000112233445566778899AABBCCDDEEFF"
#define OBJECTS_DP "3A0217" A6_DP "7F4941" ONE_TIME_DP
#define OBJECTS_SR "3A023B" A6_SR "7F4941" ONE_TIME_SR
#define SIGNATURE_DP                                                                               \
    "A4EF311FABB6553A065268CA2D45422566234DD8B25BA8E49E0D01374B7EB35142880B91168DE6E5FDF99FB96D3B" \
    "56C3B0197ED161CB71AB425F96CEE6BD9200"
#define SIGNATURE_SR                                                                               \
    "CED621067D16E599EE9A5C5A8919A7B13563E2A8B6A281C36EA228559373CDBC855BAA58E0224C84260489C4DB8F" \
    "E7F29159081F1B27487EC73EFD2EDE5414C0"

static const struct scene {
    uint8_t static_key, one_time; /* byte of which the scalar is made */
    const char *static_point, *one_time_point, *a6, *objects, *signature, *z;
    const char *receipt_key, *keys[3], *receipt;
    const char *sin, *sdin, *host; /* NULL = none */
    const char *command_2_head;    /* in front of the data */
} scenes[] = {
    {0x44,
     0x22,
     POINT_DP,
     ONE_TIME_DP,
     A6_DP,
     OBJECTS_DP,
     SIGNATURE_DP,
     "CCFC261F58193C98CA4AD4A53BBAC6F0EE29BC4D48438090446908622CA79AF6",
     "FEBCC59C6D536B6FD7A0CD7553C48CBD",
     {"3EF9DE61436E79E678D15459F2DF5DE0", "E6E0EA49CDD5D931745A3614655AFF70",
      "077C8F478632387F8E28E7A0656FC6D9"},
     "D92F9499D777F7ABE127B229ADA3A890",
     NULL,
     NULL,
     NULL,
     "80E28901A1"},
    {0x55,
     0x66,
     POINT_SR,
     ONE_TIME_SR,
     A6_SR,
     OBJECTS_SR,
     SIGNATURE_SR,
     "5F1C591A4BBA11BEE0D5A2A642EEF6385D59AAB8D6A6F151D8D857E2E822A67F",
     "D1D2DC0163AF45AE68E0094E1544EFE7",
     {"CCDE038ED490D555C7841FD5F5E4F8AC", "4BC1992FE66542042F382E37C5295C95",
      "0C7380F3469E378CEDFBDC98B6DAA9A6"},
     "597C66E641FF19704AF8A8B2FE095C4C",
     SIN,
     SDIN,
     HOST,
     "80E28901C5"},
};

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

static struct crypto_private *private_of(enum crypto_curve curve, uint8_t byte)
{
    uint8_t scalar[CRYPTO_SCALAR];
    struct crypto_private *key = NULL;
    memset(scalar, byte, sizeof scalar);
    assert_int_equal(crypto_private_new(curve, CR_SPAN_ARRAY(scalar), &key, NULL), CR_OK);
    return key;
}

static struct pki_key *handle_of(enum crypto_curve curve, uint8_t byte)
{
    struct pki_key *key = NULL;
    assert_int_equal(pki_key_of_private(private_of(curve, byte), &key, NULL), CR_OK);
    return key;
}

static struct crypto_public *public_of(enum crypto_curve curve, cr_span point)
{
    struct crypto_public *key = NULL;
    assert_int_equal(crypto_public_new(curve, point, &key, NULL), CR_OK);
    return key;
}

/* Randomness is DR. */
static cr_status give_dr(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    assert_int_equal(n, ESTABLISH_DR);
    memcpy(p, vector(DR).p, n);
    return CR_OK;
}

static cr_status give_nothing(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)p;
    (void)n;
    return cr_fail(err, CR_RESOURCE, NULL, "no randomness");
}

static const cr_env env = {.random = give_dr};

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
    static const char *const broken[] = {"", "A6", "A600FF", A6_DP "00", "A580", "A61690"};
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
        {"B040" RC RC RC RC "F00100", "7F49"},
        {"B041"
         "02" RC RC RC RC "F00100",
         "7F49"},
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
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_derivation),
        cmocka_unit_test(test_signature_input),
        cmocka_unit_test(test_meet),
        cmocka_unit_test(test_template_forms),
        cmocka_unit_test(test_template_twins),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_template_not_written),
        cmocka_unit_test(test_certificate_twins),
        cmocka_unit_test(test_certificate_lengths),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_key_forms),
        cmocka_unit_test(test_request_twins),
        cmocka_unit_test(test_signature_every_byte),
        cmocka_unit_test(test_answer_twins),
        cmocka_unit_test(test_host_refuses),
        cmocka_unit_test(test_card_refuses),
        cmocka_unit_test(test_rebuild),
        cmocka_unit_test(test_rebuild_forms),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
