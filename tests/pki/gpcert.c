/* GlobalPlatform certificates: a published vector in both directions, every field broken once, and
 * both kinds of certificate against the X.509 certificates above them. */
#include "rig.h"

#include "../crypto/vector.h"

#include "asn1/der.h"
#include "pki/gpcert.h"

/* --- vector ------------------------------------------------------------------------------------
 */

#define SERIAL    "930101"
#define CA_ID     "4204A1A1A1A1"
#define SUBJECT   "5F2014D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1"
#define USAGE     "950188"
#define EFFECTIVE "5F250420200101"
#define EXPIRY    "5F240420300101"
#define AUTHORITY "C914A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1"
#define DISC      "7319C80101" AUTHORITY
#define PK_DP                                                                                      \
    "045B36890DACBD7C9A96BB74A1EE28B3D2D75B72E09A20EF25CF8E6FD8A9F0350D0E14BED8D4682A34D83538BDFF" \
    "5B96E89A6666EC0DB5745D02FA1210072DF75A"
#define KEY "7F4946B041" PK_DP "F00100"
#define SIGNATURE                                                                                  \
    "B9C6F2023A8738A93D366D10A1E368317CA97DC4287355DFDEA130C559069BF8A7233B09F8A9AE91B1A0BCB39AFD" \
    "BB34A5D24F3EFDFB87EF7F8EA0D694FC23A5"
#define SIGNATURE_OFF                                                                              \
    "B9C6F2023A8738A93D366D10A1E368317CA97DC4287355DFDEA130C559069BF8A7233B09F8A9AE91B1A0BCB39AFD" \
    "BB34A5D24F3EFDFB87EF7F8EA0D694FC23A6"
#define TBS    SERIAL CA_ID SUBJECT USAGE EFFECTIVE EXPIRY DISC KEY
#define VECTOR "7F2181D8" TBS "5F3740" SIGNATURE
#define CI_POINT                                                                                   \
    "0451A7580833898EA1B183CBD7350A4099078C6EF1C1E18E970CD7683035F25E7D0110522712B0B5A7CFF0816854" \
    "86984A94E6831EDAC46E7360FA9D834A7A81A1"

#define MAX_HEX 1024
#define DAY     (INT64_C(86400000))

static struct crypto_public *ci_key, *other_key;
static struct pki_key *ci_private; /* scalar 33 33 .. */

static int setup(void **state)
{
    (void)state;
    uint8_t scalar[32];
    struct crypto_private *key = NULL;
    memset(scalar, 0x33, sizeof scalar);
    assert_int_equal(crypto_public_new(CRYPTO_P256, vector(CI_POINT), &ci_key, NULL), CR_OK);
    assert_int_equal(crypto_public_new(CRYPTO_P256, vector(PK_DP), &other_key, NULL), CR_OK);
    assert_int_equal(crypto_private_new(CRYPTO_P256, CR_SPAN_ARRAY(scalar), &key, NULL), CR_OK);
    assert_int_equal(pki_key_of_private(key, &ci_private, NULL), CR_OK);
    return 0;
}

static int teardown(void **state)
{
    crypto_public_free(ci_key);
    crypto_public_free(other_key);
    pki_key_free(ci_private);
    return vector_teardown(state);
}

/* The signature of the sheet, whatever is signed. */
static cr_status sign_as_published(void *ctx, const cr_span *parts, size_t count,
                                   uint8_t out[CRYPTO_SIGNATURE], struct cr_err *err)
{
    (void)ctx;
    (void)err;
    assert_int_equal(count, 1);
    assert_span(parts[0], TBS);
    memcpy(out, vector(SIGNATURE).p, CRYPTO_SIGNATURE);
    return CR_OK;
}

static struct gpcert_request vector_request(void)
{
    return (struct gpcert_request){.serial = vector("01"),
                                   .ca_id = vector("A1A1A1A1"),
                                   .subject = vector("D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1"),
                                   .role = GPCERT_ROLE_DP,
                                   .effective = 20200101,
                                   .expiry = 20300101,
                                   .authority = vector("A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1"),
                                   .curve = CRYPTO_P256,
                                   .point = vector(PK_DP)};
}

static void test_vector_written(void **state)
{
    (void)state;
    static const struct pki_key_ops ops = {.sign = sign_as_published};
    struct gpcert_request request = vector_request();
    struct pki_key *key = NULL;
    cr_buf out = {0};
    assert_int_equal(pki_key_new(CRYPTO_P256, vector(CI_POINT), &ops, NULL, &key, NULL), CR_OK);
    assert_int_equal(gpcert_issue(&request, key, rig_env(), &out, NULL), CR_OK);
    assert_span(cr_buf_span(&out), VECTOR);
    cr_buf_free(&out);
    pki_key_free(key);
}

static struct gpcert_authority vector_authority(void)
{
    return (struct gpcert_authority){vector("A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1"),
                                     vector("A1A1A1A1"), ci_key};
}

static void test_vector_read(void **state)
{
    (void)state;
    struct gpcert c;
    struct crypto_public *key = NULL;
    const struct gpcert_authority authority = vector_authority();
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP, .now_ms = RIG_NOW};
    cr_buf text = {0};
    assert_int_equal(gpcert_decode(vector(VECTOR), &c, NULL), CR_OK);
    assert_span(c.tbs, TBS);
    assert_span(c.serial, "01");
    assert_span(c.ca_id, "A1A1A1A1");
    assert_int_equal(c.subject.n, 20);
    assert_int_equal(c.usage, GPCERT_USAGE_SIGNING);
    assert_int_equal(c.usage_size, 1);
    assert_int_equal(c.effective, 20200101);
    assert_int_equal(c.expiry, 20300101);
    assert_int_equal(c.role, GPCERT_ROLE_DP);
    assert_int_equal(c.authority.n, 20);
    assert_int_equal(c.curve, CRYPTO_P256);
    assert_span(c.point, PK_DP);
    assert_span(c.signature, SIGNATURE);
    assert_int_equal(gpcert_verify(&c, &authority, 1, &expect, &key, NULL), CR_OK);
    assert_span(crypto_public_point(key), PK_DP);
    gpcert_summary(&c, &text);
    assert_string_equal(cr_buf_cstr(&text), "role m2m-dp, subject "
                                            "D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1D1, P-256, "
                                            "20200101 to 20300101");
    cr_buf_free(&text);
    crypto_public_free(key);
}

/* --- hostile twins -----------------------------------------------------------------------------
 */

/* A certificate of these contents, signed by the CI of the vector. */
static void forge(const char *tbs_hex, cr_buf *out)
{
    uint8_t signature[CRYPTO_SIGNATURE];
    cr_buf contents = {0};
    cr_span tbs = vector(tbs_hex);
    assert_int_equal(pki_key_sign(ci_private, &tbs, 1, signature, NULL), CR_OK);
    cr_buf_append_span(&contents, tbs);
    der_put(&contents, 0x5F37, CR_SPAN_ARRAY(signature));
    der_put(out, GPCERT_TAG, cr_buf_span(&contents));
    cr_buf_free(&contents);
}

#define POINT_OFF                                                                                  \
    "045B36890DACBD7C9A96BB74A1EE28B3D2D75B72E09A20EF25CF8E6FD8A9F0350D0E14BED8D4682A34D83538BDFF" \
    "5B96E89A6666EC0DB5745D02FA1210072DF75B"
#define EID "89049032123451234512345678901235"

static const struct twin {
    const char *tbs;
    enum pki_problem problem; /* OK = taken */
    const char *field;
} twins[] = {
    /* any order, unknown objects, optional ones, long forms of a length, both usages */
    {KEY DISC EXPIRY EFFECTIVE USAGE SUBJECT CA_ID SERIAL, PKI_OK, ""},
    {SERIAL CA_ID SUBJECT "950182" EXPIRY "731C" AUTHORITY "C80101C00111" KEY "450101", PKI_OK, ""},
    {"93810101" CA_ID SUBJECT USAGE EXPIRY DISC KEY, PKI_OK, ""},
    /* missing */
    {CA_ID SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED, "93"},
    {SERIAL SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED, "42"},
    {SERIAL CA_ID USAGE EXPIRY DISC KEY, PKI_MALFORMED, "5F20"},
    {SERIAL CA_ID SUBJECT EXPIRY DISC KEY, PKI_MALFORMED, "95"},
    {SERIAL CA_ID SUBJECT USAGE EFFECTIVE DISC KEY, PKI_MALFORMED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC, PKI_MALFORMED, "7F49"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4943B041" PK_DP, PKI_MALFORMED, "F0"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4903F00100", PKI_MALFORMED, "B0"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY KEY, PKI_BAD_PROFILE, "C9"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7303C80101" KEY, PKI_BAD_PROFILE, "C9"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7316" AUTHORITY KEY, PKI_WRONG_ROLE, "C8"},
    /* twice */
    {SERIAL SERIAL CA_ID SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED, "93"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC KEY KEY, PKI_MALFORMED, "7F49"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "731CC80101" AUTHORITY "C80102" KEY, PKI_MALFORMED, "C8"},
    /* lengths */
    {"9300" CA_ID SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED, "93"},
    {"93110102030405060708090A0B0C0D0E0F1011" CA_ID SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED,
     "93"},
    {SERIAL "4200" SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED, "42"},
    {SERIAL "42110102030405060708090A0B0C0D0E0F1011" SUBJECT USAGE EXPIRY DISC KEY, PKI_MALFORMED,
     "42"},
    {SERIAL CA_ID "5F2000" USAGE EXPIRY DISC KEY, PKI_MALFORMED, "5F20"},
    {SERIAL CA_ID SUBJECT "9500" EXPIRY DISC KEY, PKI_MALFORMED, "95"},
    {SERIAL CA_ID SUBJECT "9503008000" EXPIRY DISC KEY, PKI_MALFORMED, "95"},
    {SERIAL CA_ID SUBJECT USAGE "5F2403203001" DISC KEY, PKI_MALFORMED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7302C800" KEY, PKI_MALFORMED, "C8"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7302C900" KEY, PKI_MALFORMED, "C9"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7303C80201" KEY, PKI_MALFORMED, "73"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4908B00304FFFFF00100", PKI_MALFORMED, "B0"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4947B041" PK_DP "F0020000", PKI_MALFORMED, "F0"},
    /* dates */
    {SERIAL CA_ID SUBJECT USAGE "5F2404203A0101" DISC KEY, PKI_MALFORMED, "5F24"},
    /* read as numbers these would be days: 2040, January 2031 */
    {SERIAL CA_ID SUBJECT USAGE "5F24042030A101" DISC KEY, PKI_MALFORMED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE "5F240420301301" DISC KEY, PKI_MALFORMED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE "5F240420300230" DISC KEY, PKI_MALFORMED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE "5F250420200100" EXPIRY DISC KEY, PKI_MALFORMED, "5F25"},
    {SERIAL CA_ID SUBJECT USAGE "5F250420260922" EXPIRY DISC KEY, PKI_EXPIRED, "5F25"},
    {SERIAL CA_ID SUBJECT USAGE "5F250420260921" EXPIRY DISC KEY, PKI_OK, ""},
    {SERIAL CA_ID SUBJECT USAGE "5F240420260920" DISC KEY, PKI_EXPIRED, "5F24"},
    {SERIAL CA_ID SUBJECT USAGE "5F240420260921" DISC KEY, PKI_OK, ""},
    /* usage, role, issuer, curve, point */
    {SERIAL CA_ID SUBJECT "950180" EXPIRY DISC KEY, PKI_BAD_PROFILE, "95"},
    {SERIAL CA_ID SUBJECT "95020080" EXPIRY DISC KEY, PKI_BAD_PROFILE, "95"},
    {SERIAL CA_ID SUBJECT "95020088" EXPIRY DISC KEY, PKI_BAD_PROFILE, "95"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7319C80102" AUTHORITY KEY, PKI_WRONG_ROLE, "C8"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7319C80103" AUTHORITY KEY, PKI_WRONG_ROLE, "C8"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY "7306C80101C901A1" KEY, PKI_UNKNOWN_CI, "C9"},
    {SERIAL "4204A1A1A1A2" SUBJECT USAGE EXPIRY DISC KEY, PKI_UNKNOWN_CI, "42"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4946B041" PK_DP "F00101", PKI_WRONG_CURVE, "F0"},
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4946B041" POINT_OFF "F00100", PKI_MALFORMED, "B0"},
    /* a point of P-256 said to be on the other curve */
    {SERIAL CA_ID SUBJECT USAGE EXPIRY DISC "7F4946B041" PK_DP "F00103", PKI_MALFORMED, "B0"},
};

static void check_twin(const struct twin *t, const struct gpcert_expect *expect)
{
    struct gpcert c;
    struct cr_err err = {0};
    struct crypto_public *key = NULL;
    const struct gpcert_authority authority = vector_authority();
    cr_buf der = {0};
    forge(t->tbs, &der);
    cr_status status = gpcert_decode(cr_buf_span(&der), &c, &err);
    if (status == CR_OK) {
        assert_span(c.tbs, t->tbs);
        status = gpcert_verify(&c, &authority, 1, expect, &key, &err);
    }
    if (t->problem == PKI_OK) {
        assert_int_equal(status, CR_OK);
        assert_span(crypto_public_point(key), PK_DP);
    } else {
        assert_int_equal(status, t->problem == PKI_MALFORMED ? CR_MALFORMED : CR_REFUSED);
        assert_int_equal(err.code, t->problem);
        assert_string_equal(err.field, t->field);
        assert_null(key);
    }
    crypto_public_free(key);
    cr_buf_free(&der);
}

static void test_twins(void **state)
{
    (void)state;
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP, .now_ms = RIG_NOW};
    for (size_t i = 0; i < CR_COUNT(twins); i++) {
        check_twin(&twins[i], &expect);
    }
}

/* A chip has no clock: dates are read, and not compared. */
static void test_no_clock(void **state)
{
    (void)state;
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP};
    check_twin(&(struct twin){SERIAL CA_ID SUBJECT USAGE "5F240420000101" DISC KEY, PKI_OK, ""},
               &expect);
    check_twin(
        &(struct twin){SERIAL CA_ID SUBJECT USAGE "5F250420990101" EXPIRY DISC KEY, PKI_OK, ""},
        &expect);
}

static void test_roles(void **state)
{
    (void)state;
    const struct gpcert_expect sr = {.role = GPCERT_ROLE_SR};
    const struct gpcert_expect ecasd = {.role = GPCERT_ROLE_NONE};
    const struct gpcert_expect one = {.eid = vector(EID)};
    check_twin(&(struct twin){TBS, PKI_WRONG_ROLE, "C8"}, &sr);
    check_twin(
        &(struct twin){SERIAL CA_ID SUBJECT USAGE EXPIRY "7319C80102" AUTHORITY KEY, PKI_OK, ""},
        &sr);
    check_twin(&(struct twin){TBS, PKI_BAD_PROFILE, "95"}, &ecasd);
#define ECASD SERIAL CA_ID "5F2010" EID "95020080" EXPIRY "7316" AUTHORITY KEY
    check_twin(&(struct twin){ECASD, PKI_OK, ""}, &ecasd);
    check_twin(&(struct twin){ECASD, PKI_OK, ""}, &one);
    check_twin(&(struct twin){ECASD, PKI_BAD_PROFILE, "95"}, &sr);
    check_twin(
        &(struct twin){SERIAL CA_ID "5F2010" EID "95020080" EXPIRY DISC KEY, PKI_WRONG_ROLE, "C8"},
        &ecasd);
    check_twin(&(struct twin){SERIAL CA_ID "5F2010890490321234512345123456789012FF"
                                           "95020080" EXPIRY "7316" AUTHORITY KEY,
                              PKI_EID_RANGE, "5F20"},
               &one);
}

static void test_envelope(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *field;
    } rows[] = {
        {"", "7F21"},
        {"7F21", "7F21"},
        {"7F2100", "93"},
        {"7F2180" TBS "5F3740" SIGNATURE "0000", "7F21"},   /* indefinite */
        {"7F2181D9" TBS "5F3740" SIGNATURE, "7F21"},        /* cut */
        {"7F2181D7" TBS "5F3740" SIGNATURE, "7F21"},        /* cut inside */
        {VECTOR "00", "7F21"},                              /* bytes behind */
        {"7F4181D8" TBS "5F3740" SIGNATURE, "7F21"},        /* another tag */
        {"7F218195" TBS, "5F37"},                           /* not signed */
        {"7F2181DB" TBS "5F3740" SIGNATURE SERIAL, "5F37"}, /* signature is not the last */
        {"7F2181DB"
         "5F3740" SIGNATURE TBS SERIAL,
         "5F37"},
        {"7F218198" TBS "5F3700", "5F37"},
        /* a key is looked at when it is read */
        {"7F21819A" SERIAL CA_ID SUBJECT USAGE EFFECTIVE EXPIRY DISC "7F4908B00304FFFFF00100"
         "5F3740" SIGNATURE,
         "B0"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct gpcert c;
        struct cr_err err = {0};
        assert_int_equal(gpcert_decode(vector(rows[i].hex), &c, &err), CR_MALFORMED);
        assert_int_equal(err.code, PKI_MALFORMED);
        assert_string_equal(err.field, rows[i].field);
    }
    assert_true(gpcert_is(vector(VECTOR)));
    assert_false(gpcert_is(vector("3000")));
}

/* Signed by somebody else, or over something else. */
static void test_signature(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "7F2181D8" TBS "5F3740" SIGNATURE_OFF,
        "7F2181D8930102" CA_ID SUBJECT USAGE EFFECTIVE EXPIRY DISC KEY "5F3740" SIGNATURE,
    };
    const struct gpcert_authority authority = vector_authority();
    const struct gpcert_authority other = {authority.key_id, authority.ca_id, other_key};
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP};
    struct gpcert c;
    struct cr_err err = {0};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(gpcert_decode(vector(rows[i]), &c, NULL), CR_OK);
        assert_int_equal(gpcert_verify(&c, &authority, 1, &expect, NULL, &err), CR_REFUSED);
        assert_int_equal(err.code, PKI_BAD_SIGNATURE);
        assert_string_equal(err.field, "5F37");
    }
    assert_int_equal(gpcert_decode(vector(VECTOR), &c, NULL), CR_OK);
    assert_int_equal(gpcert_verify(&c, &other, 1, &expect, NULL, &err), CR_REFUSED);
    assert_int_equal(err.code, PKI_BAD_SIGNATURE);
}

/* One of several; a CI without a name is found by its key alone. */
static void test_authorities(void **state)
{
    (void)state;
    struct gpcert_authority list[] = {vector_authority(), vector_authority(), vector_authority()};
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP};
    struct gpcert c;
    assert_int_equal(gpcert_decode(vector(VECTOR), &c, NULL), CR_OK);
    list[0].key_id = vector("A2");
    list[1].ca_id = vector("A2");
    assert_int_equal(gpcert_verify(&c, list, 2, &expect, NULL, NULL), CR_REFUSED);
    assert_int_equal(gpcert_verify(&c, list, 3, &expect, NULL, NULL), CR_OK);
    list[1].ca_id = (cr_span){0};
    assert_int_equal(gpcert_verify(&c, list, 2, &expect, NULL, NULL), CR_OK);
}

static void test_summary(void **state)
{
    (void)state;
    struct gpcert c;
    cr_buf text = {0};
    assert_int_equal(gpcert_decode(vector(VECTOR), &c, NULL), CR_OK);
    c.role = GPCERT_ROLE_NONE;
    c.subject = vector(EID);
    c.effective = 0;
    gpcert_summary(&c, &text);
    assert_string_equal(cr_buf_cstr(&text), "ECASD of EID " EID ", P-256, until 20300101");
    cr_buf_reset(&text);
    c.role = 7;
    c.curve = CRYPTO_CURVE_NONE;
    gpcert_summary(&c, &text);
    assert_string_equal(cr_buf_cstr(&text),
                        "role 07, subject " EID ", unsupported key, until 20300101");
    cr_buf_free(&text);
}

/* Each byte of what is signed, and each of the signature. */
static void test_every_byte(void **state)
{
    (void)state;
    uint8_t bytes[MAX_HEX];
    cr_span good = vector(VECTOR);
    const struct gpcert_authority authority = vector_authority();
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_DP};
    for (size_t i = 0; i < good.n; i++) {
        struct gpcert c;
        memcpy(bytes, good.p, good.n);
        bytes[i] ^= 0x01;
        assert_true(gpcert_decode(cr_span_of(bytes, good.n), &c, NULL) != CR_OK ||
                    gpcert_verify(&c, &authority, 1, &expect, NULL, NULL) != CR_OK);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct gpcert c;
    struct cr_err err = {0};
    cr_buf contents = {0};
    cr_buf der = {0};
    for (size_t i = 0; i < GPCERT_MAX_OBJECTS - 8 + 1; i++) {
        der_put(&contents, 0x45, vector("01"));
    }
    cr_buf_append_span(&contents, vector(TBS "5F3740" SIGNATURE));
    der_put(&der, GPCERT_TAG, cr_buf_span(&contents));
    assert_int_equal(gpcert_decode(cr_buf_span(&der), &c, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "too many"));
    cr_buf_reset(&contents);
    cr_buf_reset(&der);
    uint8_t *fill = cr_buf_extend(&contents, GPCERT_MAX);
    memset(fill, 0x45, GPCERT_MAX);
    der_put(&der, GPCERT_TAG, cr_buf_span(&contents));
    assert_int_equal(gpcert_decode(cr_buf_span(&der), &c, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "too long"));
    cr_buf_free(&contents);
    cr_buf_free(&der);
}

/* --- dates -------------------------------------------------------------------------------------
 */

static void test_dates(void **state)
{
    (void)state;
    assert_int_equal(gpcert_date(0), 19700101);
    assert_int_equal(gpcert_date(RIG_NOW), 20260921);
    assert_int_equal(gpcert_day_begins_ms(19700102), DAY);
    assert_int_equal(gpcert_day_ends_ms(19700102), 2 * DAY - 1);
    assert_int_equal(gpcert_date(gpcert_day_ends_ms(20240229)), 20240229);
    assert_int_equal(gpcert_day_begins_ms(20230229), -1);
    assert_int_equal(gpcert_day_begins_ms(20231301), -1);
    assert_int_equal(gpcert_day_begins_ms(0), -1);
    assert_int_equal(gpcert_day_ends_ms(20230100), -1);
    assert_int_equal(gpcert_day_begins_ms(19691231), -1);
    assert_int_equal(gpcert_day_begins_ms(100000101), -1);
    assert_true(gpcert_day_ends_ms(99991231) > 0);
}

/* --- issuing -----------------------------------------------------------------------------------
 */

static void test_issue_refusals(void **state)
{
    (void)state;
    static const uint8_t many[GPCERT_MAX_SUBJECT + 1] = {1};
    const struct gpcert_request good = vector_request();
    const cr_span none = {.p = many};
    struct {
        struct gpcert_request request;
        const char *field;
    } rows[20];
    size_t n = 0;
#define ROW(name, member, ...)                                                                     \
    rows[n].request = good;                                                                        \
    rows[n].request.member = __VA_ARGS__;                                                          \
    rows[n++].field = (name)
    ROW("serial", serial, none);
    ROW("serial", serial, cr_span_of(many, GPCERT_MAX_SERIAL + 1));
    ROW("ca_id", ca_id, none);
    ROW("ca_id", ca_id, cr_span_of(many, GPCERT_MAX_CA_ID + 1));
    ROW("subject", subject, none);
    ROW("subject", subject, CR_SPAN_ARRAY(many));
    ROW("authority", authority, none);
    ROW("authority", authority, CR_SPAN_ARRAY(many));
    ROW("effective", effective, 20200231);
    ROW("expiry", expiry, 0);
    ROW("expiry", expiry, 20191231);
    ROW("expiry", expiry, 20300231);
    ROW("point", point, vector(POINT_OFF));
    ROW("point", curve, CRYPTO_CURVE_NONE);
    ROW("role", role, (enum gpcert_role)3);
    ROW("subject", role, GPCERT_ROLE_NONE);
    rows[n - 1].request.subject = (cr_span){0};
    for (size_t i = 0; i < n; i++) {
        struct cr_err err = {0};
        cr_buf out = {0};
        assert_int_equal(gpcert_issue(&rows[i].request, ci_private, rig_env(), &out, &err),
                         CR_REFUSED);
        assert_string_equal(err.field, rows[i].field);
        assert_int_equal(out.n, 0);
        cr_buf_free(&out);
    }
}

/* What is left out gets its default; serials differ. */
static void test_issue_defaults(void **state)
{
    (void)state;
    struct gpcert c[2];
    cr_buf out[2] = {{0}, {0}};
    uint8_t id[20];
    struct gpcert_request request = vector_request();
    request.serial = request.subject = (cr_span){0};
    request.effective = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(gpcert_issue(&request, ci_private, rig_env(), &out[i], NULL), CR_OK);
        assert_int_equal(gpcert_decode(cr_buf_span(&out[i]), &c[i], NULL), CR_OK);
    }
    pki_key_id(vector(PK_DP), id);
    assert_true(cr_span_equal(c[0].subject, CR_SPAN_ARRAY(id)));
    assert_int_equal(c[0].serial.n, 8);
    assert_false(cr_span_equal(c[0].serial, c[1].serial));
    assert_int_equal(c[0].effective, 0);
    cr_buf_free(&out[0]);
    cr_buf_free(&out[1]);
}

/* --- under X.509 -------------------------------------------------------------------------------
 */

static const uint8_t eid[16] = {0x89, 0x04, 0x90, 0x32, 0x12, 0x34, 0x51, 0x23,
                                0x45, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x35};

struct world {
    struct rig_party ci, other_ci, eum, subject;
    struct pki_trust *trust;
    cr_buf der;
    struct gpcert cert;
};

/* CI and EUM on one curve, the subject's key on the other one or the same. */
static void world_make(struct world *w, enum crypto_curve curve, enum crypto_curve own)
{
    memset(w, 0, sizeof *w);
    const struct pki_request ci = {
        .role = PKI_ROLE_CI, .common_name = "CI", .registered_id = "2.999.1"};
    rig_make(&w->ci, ci, curve, NULL);
    rig_make(&w->other_ci, ci, curve, NULL);
    rig_make(&w->eum,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "EUM",
                                  .ein_prefix = RIG_PREFIX,
                                  .registered_id = "2.999.5"},
             curve, &w->ci);
    rig_make(&w->subject,
             (struct pki_request){.role = PKI_ROLE_CI, .common_name = "only its key matters"}, own,
             NULL);
    w->trust = pki_trust_new();
    assert_int_equal(pki_trust_add_ci(w->trust, w->ci.cert.raw, NULL), CR_OK);
}

static void world_issue(struct world *w, enum gpcert_role role, const struct rig_party *issuer,
                        uint32_t expiry)
{
    struct gpcert_request request = {.role = role,
                                     .subject = role ? (cr_span){0} : CR_SPAN_ARRAY(eid),
                                     .effective = 20200101,
                                     .expiry = expiry,
                                     .curve = w->subject.cert.curve,
                                     .point = w->subject.cert.point};
    cr_buf_reset(&w->der);
    assert_int_equal(gpcert_request_issuer(&request, &issuer->cert, NULL), CR_OK);
    assert_int_equal(gpcert_issue(&request, issuer->key, rig_env(), &w->der, NULL), CR_OK);
    assert_int_equal(gpcert_decode(cr_buf_span(&w->der), &w->cert, NULL), CR_OK);
}

static void world_free(struct world *w)
{
    pki_trust_free(w->trust);
    rig_party_free(&w->ci);
    rig_party_free(&w->other_ci);
    rig_party_free(&w->eum);
    rig_party_free(&w->subject);
    cr_buf_free(&w->der);
}

static void assert_server(struct world *w, enum gpcert_role role, int64_t now, enum pki_problem p)
{
    struct cr_err err = {0};
    struct crypto_public *key = NULL;
    const struct gpcert_expect expect = {.role = role, .now_ms = now};
    cr_status status = gpcert_verify_server(&w->cert, w->trust, &expect, &key, &err);
    assert_int_equal(err.code, p);
    assert_int_equal(status, p ? CR_REFUSED : CR_OK);
    assert_true(p || cr_span_equal(crypto_public_point(key), w->subject.cert.point));
    crypto_public_free(key);
}

static void test_server(void **state)
{
    (void)state;
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        struct world w;
        world_make(&w, (enum crypto_curve)c, (enum crypto_curve)c);
        world_issue(&w, GPCERT_ROLE_DP, &w.ci, 20500101);
        assert_server(&w, GPCERT_ROLE_DP, RIG_NOW, PKI_OK);
        assert_server(&w, GPCERT_ROLE_DP, 0, PKI_OK);
        assert_server(&w, GPCERT_ROLE_SR, RIG_NOW, PKI_WRONG_ROLE);
        assert_server(&w, GPCERT_ROLE_DP, RIG_TO + 1000, PKI_EXPIRED); /* the CI */
        assert_server(&w, GPCERT_ROLE_DP, RIG_FROM - 1, PKI_EXPIRED);  /* the CI */
        world_issue(&w, GPCERT_ROLE_SR, &w.ci, 20260920);
        assert_server(&w, GPCERT_ROLE_SR, RIG_NOW, PKI_EXPIRED);
        world_issue(&w, GPCERT_ROLE_SR, &w.other_ci, 20500101);
        assert_server(&w, GPCERT_ROLE_SR, RIG_NOW, PKI_UNKNOWN_CI);
        /* an EUM cannot make an SM-SR */
        world_issue(&w, GPCERT_ROLE_SR, &w.eum, 20500101);
        assert_server(&w, GPCERT_ROLE_SR, RIG_NOW, PKI_UNKNOWN_CI);
        world_free(&w);
    }
}

static void assert_ecasd(struct world *w, cr_span id, int64_t now, long code)
{
    struct cr_err err = {0};
    struct crypto_public *key = NULL;
    cr_status status = gpcert_verify_ecasd(&w->cert, &w->eum.cert, w->trust, id, now, &key, &err);
    assert_int_equal(err.code, code);
    assert_int_equal(status, code ? CR_REFUSED : CR_OK);
    assert_true(code || cr_span_equal(crypto_public_point(key), w->subject.cert.point));
    crypto_public_free(key);
}

static void test_ecasd(void **state)
{
    (void)state;
    for (int c = 1; c < CRYPTO_CURVES; c++) {
        struct world w;
        uint8_t other[16];
        world_make(&w, (enum crypto_curve)c, c == CRYPTO_P256 ? CRYPTO_BRAINPOOL : CRYPTO_P256);
        world_issue(&w, GPCERT_ROLE_NONE, &w.eum, 20500101);
        assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_NOW, PKI_OK);
        assert_ecasd(&w, CR_SPAN_ARRAY(eid), 0, PKI_OK);
        memcpy(other, eid, sizeof other);
        other[15] ^= 1;
        assert_ecasd(&w, CR_SPAN_ARRAY(other), RIG_NOW, PKI_EID_RANGE); /* not in 5F20 */
        other[0] = 0x88;
        assert_ecasd(&w, CR_SPAN_ARRAY(other), RIG_NOW, PKI_EID_RANGE); /* not of this EUM */
        assert_ecasd(&w, cr_span_of(eid, 15), RIG_NOW, PKI_EID_RANGE);
        assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_TO + 1000, PKI_EXPIRED); /* the EUM */
        world_issue(&w, GPCERT_ROLE_NONE, &w.ci, 20500101);
        assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_NOW, PKI_UNKNOWN_CI);
        world_issue(&w, GPCERT_ROLE_NONE, &w.eum, 20260920);
        assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_NOW, PKI_EXPIRED);
        world_free(&w);
    }
}

/* Chips of a EUM whose CI nobody trusts, or with a range of another EUM. */
static void test_ecasd_eum(void **state)
{
    (void)state;
    struct world w;
    struct rig_party eum = {0};
    world_make(&w, CRYPTO_P256, CRYPTO_P256);
    struct rig_party own = w.eum;
    rig_make(&eum,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "EUM",
                                  .ein_prefix = RIG_PREFIX,
                                  .registered_id = "2.999.5"},
             CRYPTO_P256, &w.other_ci);
    w.eum = eum;
    world_issue(&w, GPCERT_ROLE_NONE, &w.eum, 20500101);
    assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_NOW, PKI_UNKNOWN_CI);
    rig_party_free(&eum);
    rig_make(&eum,
             (struct pki_request){.role = PKI_ROLE_EUM,
                                  .organization = "EUM",
                                  .ein_prefix = "89049033",
                                  .registered_id = "2.999.5"},
             CRYPTO_P256, &w.ci);
    w.eum = eum;
    world_issue(&w, GPCERT_ROLE_NONE, &w.eum, 20500101);
    assert_ecasd(&w, CR_SPAN_ARRAY(eid), RIG_NOW, PKI_EID_RANGE);
    rig_party_free(&eum);
    w.eum = own;
    world_free(&w);
}

static void test_role_names(void **state)
{
    (void)state;
    for (int r = GPCERT_ROLE_NONE; r <= GPCERT_ROLE_SR; r++) {
        enum gpcert_role back = GPCERT_ROLE_NONE;
        const char *name = gpcert_role_name((enum gpcert_role)r);
        assert_true(gpcert_role_from_name(cr_span_str(name), &back));
        assert_int_equal(back, r);
    }
    enum gpcert_role role;
    assert_false(gpcert_role_from_name(cr_span_str("dp-auth"), &role));
}

static void test_issuer_of_request(void **state)
{
    (void)state;
    struct world w;
    struct gpcert_request request = {0};
    struct cr_err err = {0};
    world_make(&w, CRYPTO_P256, CRYPTO_P256);
    struct pki_cert cert = w.ci.cert;
    cert.registered_id = (cr_span){0};
    assert_int_equal(gpcert_request_issuer(&request, &cert, &err), CR_OK);
    assert_true(cr_span_equal(request.ca_id, cr_span_sub(cert.ski, 0, GPCERT_MAX_CA_ID)));
    assert_true(cr_span_equal(request.authority, cert.ski));
    request = (struct gpcert_request){0};
    cert = w.ci.cert;
    cert.ski = (cr_span){0};
    assert_int_equal(gpcert_request_issuer(&request, &cert, &err), CR_REFUSED);
    assert_string_equal(err.field, "authority");
    assert_null(request.ca_id.p);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_written),
        cmocka_unit_test(test_vector_read),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_no_clock),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_issue_refusals),
        cmocka_unit_test(test_issue_defaults),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_ecasd),
        cmocka_unit_test(test_ecasd_eum),
        cmocka_unit_test(test_role_names),
        cmocka_unit_test(test_issuer_of_request),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
