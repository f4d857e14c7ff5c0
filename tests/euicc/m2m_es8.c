/*
 * ES8 through the SM-SR's packets (SGP.02 4.1.3): key establishment, SCP03t, SCP03, Master Delete;
 * ES6 (4.1.2) over the MNO-SD of the enabled profile.
 */
#include "m2m_smsr.h"

#include "asn1/der.h"
#include "crypto/scp.h"
#include "crypto/symmetric.h"
#include "ota/establish.h"
#include "pki/gpcert.h"

#define CREATE(aid)                                                                                \
    "80E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010" aid         \
    "0380C00006C904810203700000"

/* The same over HTTPS: the second half of the tests. */
static bool over_https;
static struct smsr *smsr;

static struct m2m_bed *new_bed(void)
{
    struct m2m_bed *bed = m2m_bed_new();
    if (over_https) {
        smsr = smsr_new(bed);
        smsr_carry(smsr);
    }
    return bed;
}

static void end_session(void)
{
    if (smsr && smsr_waits(smsr)) {
        smsr_end(smsr);
    }
}

static void free_bed(struct m2m_bed *bed)
{
    if (smsr) {
        smsr_free(smsr);
        smsr = NULL;
    }
    m2m_bed_free(bed);
}

/* ---- an SM-DP, or an SM-SR ---------------------------------------------------------------------
 */

struct server {
    struct pki_key *key;
    cr_buf certificate;
    struct crypto_private *one_time;
    cr_buf objects;
    struct establish_keys keys;
    char rc[65];
};

static void server_init(struct server *s, enum gpcert_role role)
{
    struct cr_err err = {0};
    cr_arena arena = {0};
    struct pki_cert ci;
    struct pki_key *ci_key = NULL;
    struct crypto_private *own = NULL;
    *s = (struct server){0};
    MUST_OK(pki_hierarchy_load(m2m_pki(), CRYPTO_P256, "ci", &arena, &ci, &ci_key, &err));
    MUST_OK(crypto_private_generate(CRYPTO_P256, &own, &err));
    MUST_OK(pki_key_of_private(own, &s->key, &err));
    struct gpcert_request request = {
        .role = role, .expiry = 20991231, .curve = CRYPTO_P256, .point = pki_key_point(s->key)};
    MUST_OK(gpcert_request_issuer(&request, &ci, &err));
    MUST_OK(gpcert_issue(&request, ci_key, cr_env_system(), &s->certificate, &err));
    MUST_OK(crypto_private_generate(CRYPTO_P256, &s->one_time, &err));
    pki_key_free(ci_key);
    cr_arena_free(&arena);
}

static void server_free(struct server *s)
{
    pki_key_free(s->key);
    crypto_private_free(s->one_time);
    cr_buf_free(&s->certificate);
    cr_buf_free(&s->objects);
    establish_keys_wipe(&s->keys);
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static void put_chain(cr_buf *b, uint8_t value)
{
    der_put(b, OTA_TAG_CHAINING, cr_span_of(&value, 1));
}

static void put_hex(cr_buf *b, const char *apdu)
{
    struct cr_err err = {0};
    cr_buf bytes = {0};
    MUST_OK(cr_hex_decode(&bytes, cr_span_str(apdu), &err));
    der_put(b, OTA_TAG_C_APDU, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
}

static void put_install(cr_buf *b, const char *aid)
{
    char apdu[80];
    (void)snprintf(apdu, sizeof apdu,
                   "80E62000160000"
                   "10%s00000000",
                   aid);
    put_hex(b, apdu);
}

/* STORE DATA of one of the two data, in as many blocks as it takes. */
static void put_store(cr_buf *b, cr_span data, bool last, uint8_t *block)
{
    struct cr_err err = {0};
    while (data.n) {
        cr_buf apdu = {0};
        MUST_OK(establish_next_command(&data, last, block, &apdu, &err));
        der_put(b, OTA_TAG_C_APDU, cr_buf_span(&apdu));
        cr_buf_free(&apdu);
    }
}

static bool send_tlvs(struct m2m_bed *bed, uint32_t tar, cr_buf *b)
{
    bool answered = m2m_send(bed, tar, m2m_tlvs(bed, cr_buf_span(b)));
    cr_buf_free(b);
    return answered;
}

/* The R-APDU number n (from 0) of the answer, as bytes; the last when n is large. */
static cr_span r_apdu(struct m2m_bed *bed, unsigned n, uint8_t *bytes, size_t room)
{
    struct der_tlv outer, tlv;
    cr_span found = {0};
    size_t size = strlen(bed->data) / 2;
    MUST(size <= room && cr_hex_fixed(bytes, size, cr_span_str(bed->data)));
    cr_span in = cr_span_of(bytes, size);
    MUST(der_next(&in, DER_STRICT, &outer, NULL) == CR_OK && outer.tag == 0xAB);
    for (in = outer.value; in.n;) {
        MUST(der_next(&in, DER_STRICT, &tlv, NULL) == CR_OK);
        if (tlv.tag != 0x80) {
            found = tlv.tag == 0x23 ? tlv.value : tlv.all;
            if (n-- == 0) {
                break;
            }
        }
    }
    return found;
}

static uicc_sw last_sw(struct m2m_bed *bed)
{
    uint8_t bytes[4200];
    cr_span r = r_apdu(bed, 100, bytes, sizeof bytes);
    return r.n < 2 ? 0 : (uicc_sw)(r.p[r.n - 2] << 8 | r.p[r.n - 1]);
}

/* ---- key establishment -------------------------------------------------------------------------
 */

/* aid NULL: for the ISD-R. The status word of the first command; RC in the server. */
static uicc_sw first(struct m2m_bed *bed, struct server *s, const char *aid, uint8_t *block)
{
    struct cr_err err = {0};
    cr_buf b = {0}, data = {0};
    uint8_t bytes[4200];
    cr_span rc;
    *block = 0;
    put_chain(&b, OTA_CHAIN_FIRST_KEEP);
    if (aid) {
        put_install(&b, aid);
    }
    MUST_OK(
        establish_put_certificate(cr_buf_span(&s->certificate), ESTABLISH_LENGTH_DGI, &data, &err));
    put_store(&b, cr_buf_span(&data), false, block);
    cr_buf_free(&data);
    MUST(send_tlvs(bed, 1, &b) && bed->status == 0);
    uicc_sw sw = last_sw(bed);
    if (sw == 0x9000) {
        cr_span r = r_apdu(bed, 100, bytes, sizeof bytes);
        MUST_OK(establish_take_challenge(cr_span_sub(r, 0, r.n - 2), &rc, &err));
        (void)cr_hex_into(s->rc, sizeof s->rc, rc);
    }
    return sw;
}

struct second {
    struct establish_template t;
    cr_span sin;
    bool bad_signature;
};

static uicc_sw second(struct m2m_bed *bed, struct server *s, const struct second *how,
                      uint8_t block)
{
    struct cr_err err = {0};
    cr_buf key = {0}, data = {0}, b = {0};
    uint8_t point[CRYPTO_POINT], rc[32], signature[CRYPTO_SIGNATURE], bytes[4200];
    size_t rc_size = strlen(s->rc) / 2;
    MUST(cr_hex_fixed(rc, rc_size, cr_span_str(s->rc)));
    crypto_private_point(s->one_time, point);
    cr_buf_reset(&s->objects);
    MUST_OK(establish_put_key(CRYPTO_P256, CR_SPAN_ARRAY(point), ESTABLISH_KEY_RAW, &key, &err));
    MUST_OK(establish_put_objects(&how->t, cr_buf_span(&key), &s->objects, &err));
    MUST_OK(
        establish_sign(cr_buf_span(&s->objects), cr_span_of(rc, rc_size), s->key, signature, &err));
    signature[10] ^= how->bad_signature;
    MUST_OK(establish_put_request(cr_buf_span(&s->objects), CR_SPAN_ARRAY(signature), &data, &err));
    put_chain(&b, OTA_CHAIN_LAST);
    put_store(&b, cr_buf_span(&data), true, &block);
    cr_buf_free(&data);
    cr_buf_free(&key);
    MUST(send_tlvs(bed, 1, &b) && bed->status == 0);
    if (last_sw(bed) != 0x9000) {
        return last_sw(bed);
    }
    struct euicc_credential_record record;
    struct gpcert ecasd;
    struct crypto_public *pk = NULL;
    cr_arena arena = {.secret = true};
    cr_span a6, dr, receipt, r = r_apdu(bed, 100, bytes, sizeof bytes);
    for (unsigned n = 0; !pk && euicc_credential_get(euicc_nvm(bed->euicc), n, &arena, &record);
         n++) {
        MUST_OK(gpcert_decode(record.euicc_cert, &ecasd, &err));
        if (ecasd.curve == CRYPTO_P256) {
            MUST_OK(crypto_public_new(ecasd.curve, ecasd.point, &pk, &err));
        }
    }
    MUST_OK(establish_a6_of(cr_buf_span(&s->objects), &a6, &err));
    MUST_OK(establish_take_answer(cr_span_sub(r, 0, r.n - 2), &dr, &receipt, &err));
    MUST_OK(establish_host_finish(a6, s->one_time, pk, how->sin, dr, receipt, &s->keys, &err));
    crypto_public_free(pk);
    cr_arena_free(&arena);
    return 0x9000;
}

/* A new ISD-P with keys; the server has them, too. */
static void personalized(struct m2m_bed *bed, struct server *s)
{
    uint8_t block;
    struct second how = {.t = establish_template_isdp(0x30)};
    server_init(s, GPCERT_ROLE_DP);
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_NEW)), 0x9000);
    assert_int_equal(first(bed, s, AID_NEW, &block), 0x9000);
    assert_int_equal(second(bed, s, &how, block), 0x9000);
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x0F);
}

static void establish_isdp(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server s;
    struct gp_object isdp;
    struct gp_key key;
    personalized(bed, &s);
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, 0x0013, &isdp));
    for (uint8_t i = 0; i < 3; i++) {
        assert_true(gp_key_get(&bed->euicc->m2m->reg, isdp.id, 0x30, (uint8_t)(i + 1), &key));
        assert_memory_equal(key.value, s.keys.keys[i], 16);
    }
    /* again, with another key: the old one is deleted first */
    uint8_t block;
    struct second how = {.t = establish_template_isdp(0x31)};
    how.t.parameters |= ESTABLISH_DELETE_KEYS;
    assert_int_equal(first(bed, &s, AID_NEW, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x9000);
    assert_false(gp_key_get(&bed->euicc->m2m->reg, isdp.id, 0x30, 1, &key));
    assert_true(gp_key_get(&bed->euicc->m2m->reg, isdp.id, 0x31, 1, &key));
    server_free(&s);
    free_bed(bed);
}

static void establish_errors(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server dp, sr;
    uint8_t block;
    struct second how = {.t = establish_template_isdp(0x30)};
    server_init(&dp, GPCERT_ROLE_DP);
    server_init(&sr, GPCERT_ROLE_SR);
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_NEW)), 0x9000);
    assert_int_equal(first(bed, &sr, AID_NEW, &block), 0x6985); /* not a CERT.DP */
    assert_int_equal(first(bed, &dp, NULL, &block), 0x6985);    /* not a CERT.SR */
    assert_int_equal(first(bed, &dp, AID_B, &block), 0x6985);   /* a profile is installed */
    dp.certificate.p[dp.certificate.n - 1] ^= 1;
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x6982);
    dp.certificate.p[dp.certificate.n - 1] ^= 1;
    /* a signature that is wrong uses the challenge up */
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x9000);
    how.bad_signature = true;
    assert_int_equal(second(bed, &dp, &how, block), 0x6982);
    how.bad_signature = false;
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x9000);
    char rc[65];
    memcpy(rc, dp.rc, sizeof rc);
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x9000); /* a new challenge */
    assert_string_not_equal(rc, dp.rc);
    memcpy(dp.rc, rc, sizeof rc);
    assert_int_equal(second(bed, &dp, &how, block), 0x6982);
    /* a key version of the other domain */
    how.t.kvn = 0x02;
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x9000);
    assert_int_equal(second(bed, &dp, &how, block), 0x6985);
    how.t = establish_template_isdp(0x30);
    /* a reset between the two */
    assert_int_equal(first(bed, &dp, AID_NEW, &block), 0x9000);
    m2m_bed_reset(bed);
    assert_int_equal(second(bed, &dp, &how, block), 0x6985);
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x07);
    server_free(&dp);
    server_free(&sr);
    free_bed(bed);
}

/* SM-SR change: a key set more, used at once, the old one goes with FinaliseISDRhandover. */
static void establish_isdr(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct server s;
    uint8_t block;
    static const uint8_t sdin[] = {0x12, 0x34, 0x12, 0x34, 0x01, 0x23, 0x45, 0x67};
    uint8_t own[8], host[16] = {1}, sin[4] = {0x89, 0x00, 0x10, 0x12};
    char eid[] = M2M_EID;
    assert_true(cr_hex_fixed(own, 8, cr_span_str(eid + 16)));
    struct second how = {.t = establish_template_scp80(2, 1), .sin = CR_SPAN_ARRAY(sin)};
    how.t.parameters |= ESTABLISH_WITH_HOST;
    how.t.sdin = CR_SPAN_ARRAY(own);
    how.t.host_id = CR_SPAN_ARRAY(host);
    server_init(&s, GPCERT_ROLE_SR);
    assert_int_equal(first(bed, &s, NULL, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x9000);
    assert_int_equal(m2m_es5_sw(bed, "80CAFF2100"), 0x9000); /* the old one stays valid */
    /* another chip's SDIN */
    how.t.sdin = CR_SPAN_ARRAY(sdin);
    assert_int_equal(first(bed, &s, NULL, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x6A80);
    /* over itself */
    how.t = establish_template_scp80(1, 0);
    assert_int_equal(first(bed, &s, NULL, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x6985);
    how.t = establish_template_scp81(0x41);
    struct establish_keys kept = s.keys;
    assert_int_equal(first(bed, &s, NULL, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x9000);
    bed->kvn = 2;
    memcpy(bed->kic, kept.keys[0], 16);
    memcpy(bed->kid, kept.keys[1], 16);
    bed->counter = 1;
    assert_int_equal(m2m_es5_sw(bed, "80CAFF2100"), 0); /* the initial counter was 1 */
    assert_int_equal(m2m_es5_sw(bed, "80E400000AF203020103F20341010100"), 0x9000);
    struct gp_key key;
    assert_false(gp_key_get(&bed->euicc->m2m->reg, bed->euicc->m2m->isdr, 1, 1, &key));
    assert_true(gp_key_get(&bed->euicc->m2m->reg, bed->euicc->m2m->isdr, 0x41, 1, &key));
    assert_memory_equal(key.value, s.keys.keys[0], 16);
    /* notifications are under the new set */
    m2m_bed_attach(bed);
    assert_int_equal(m2m_note(bed, NULL, NULL), M2M_NOTE_DECLARATION);
    server_free(&s);
    m2m_bed_free(bed);
}

/* ---- the examples of SCP03t and SCP03 -----------------------------------------------------------
 */

static struct m2m_bed *example_isdp(void)
{
    static const char *const keys[] = {"3EF9DE61436E79E678D15459F2DF5DE0",
                                       "E6E0EA49CDD5D931745A3614655AFF70",
                                       "077C8F478632387F8E28E7A0656FC6D9"};
    static const struct euicc_m2m_profile none[1];
    static const uint8_t diversification[] = {0xCF, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct euicc_m2m_options options = {.profiles = none};
    struct m2m_bed *bed = m2m_bed_new_with(&options);
    const struct gp_registry *reg = &bed->euicc->m2m->reg;
    struct gp_object isdp;
    struct cr_err err = {0};
    assert_int_equal(m2m_es5_sw(bed, CREATE(AID_A)), 0x9000);
    assert_true(euicc_m2m_isdp(reg, 0x0010, &isdp));
    for (uint8_t i = 0; i < 3; i++) {
        struct gp_key key = {
            .kvn = 0x30, .kid = (uint8_t)(i + 1), .type = GP_KEY_AES, .mac_size = 8, .n = 16};
        assert_true(cr_hex_fixed(key.value, 16, cr_span_str(keys[i])));
        MUST_OK(gp_key_put(reg, isdp.id, &key, &err));
    }
    isdp.state = 0x0F;
    MUST_OK(gp_object_put(reg, &isdp, &err));
    MUST_OK(gp_data_put(reg, isdp.id, 0xCF, CR_SPAN_ARRAY(diversification), &err));
    return bed;
}

static void examples(void **state)
{
    (void)state;
    struct m2m_bed *bed = example_isdp();
    assert_true(m2m_send(bed, 0x10,
                         "AA22830111840A30000001020304050607"
                         "8511338D0E5F655BFAF098DB1CCB26C3B1410F"));
    assert_string_equal(bed->data, "AB2780010284200001020304050607080930037042EB72124C3AB6C6"
                                   "C1C94FB6910AA9980000018500");
    /* sheet 8.4: an APDU session, sequence 2 */
    const char *script = m2m_script(
        bed, "8050300008101112131415161700", "84823300108DBF43DD1F9B25F965B0896851EE7C79",
        "84E28800180078C97B1B1F66C8881E495F5588039B1D651A286B4DC92E00", NULL);
    assert_true(m2m_send(bed, 0x10, script));
    assert_string_equal(bed->data, "AB37800103232200010203040506070809"
                                   "3003702EEB01F5C736A840AB3CFD920322C1B5000002900023029000230A"
                                   "2D2214F487CC2F329000");
    struct gp_object isdp;
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, 0x0010, &isdp));
    char hex[32];
    assert_string_equal(
        cr_hex_into(hex, sizeof hex,
                    euicc_m2m_parameter(&bed->euicc->m2m->reg, isdp.id, 0xA0, 0x06)),
        "912143658709F1");
    m2m_bed_free(bed);
}

/* What the SM-SR carries into an ISD-P it may not do there itself. */
static void no_session(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "80E288000E3A070BA0090607912143658709F1",
        "80E28800063A0603810103",
        "80D8000118708811105B813452BD70AC3B47842F4B6117F02E035EAADA00",
        "80E4000006D00101D2013000",
        "80CA00CF00",
        "80CA00C200"};
    static const char *const unknown[] = {"80E60C0000", "80F24002024F0000", "80F040070100",
                                          "80E6200016000010" AID_A "00000000"};
    struct m2m_bed *bed = example_isdp();
    for (size_t i = 0; i < CR_COUNT(commands); i++) {
        assert_true(m2m_send(bed, 0x10, m2m_script(bed, commands[i], NULL)));
        assert_int_equal(last_sw(bed), 0x6982);
    }
    for (size_t i = 0; i < CR_COUNT(unknown); i++) {
        assert_true(m2m_send(bed, 0x10, m2m_script(bed, unknown[i], NULL)));
        assert_int_equal(last_sw(bed), 0x6D00);
    }
    m2m_bed_free(bed);
}

/* ---- download ----------------------------------------------------------------------------------
 */

static void host_begin(struct server *s, uint8_t kvn, struct scp_session *session)
{
    struct scp_keys keys = {.enc.n = 16, .mac.n = 16, .dek.n = 16};
    uint8_t challenge[SCP_CHALLENGE];
    struct cr_err err = {0};
    memcpy(keys.enc.value, s->keys.keys[0], 16);
    memcpy(keys.mac.value, s->keys.keys[1], 16);
    memcpy(keys.dek.value, s->keys.keys[2], 16);
    MUST_OK(scp_host_begin(session, &keys, kvn, cr_env_system(), challenge, &err));
}

/* 84 in one script, 85 in the next. */
static void open_scp03t(struct m2m_bed *bed, struct server *s, struct scp_session *session)
{
    struct cr_err err = {0};
    uint8_t bytes[4200];
    cr_buf b = {0};
    host_begin(s, 0x30, session);
    put_chain(&b, OTA_CHAIN_FIRST_KEEP);
    MUST_OK(scp03t_put_initialise(session, &b, &err));
    MUST(send_tlvs(bed, 0x13, &b));
    MUST_OK(scp03t_take_initialise(session, r_apdu(bed, 100, bytes, sizeof bytes), &err));
    put_chain(&b, OTA_CHAIN_MIDDLE);
    MUST_OK(scp03t_put_authenticate(session, &b, &err));
    MUST(send_tlvs(bed, 0x13, &b));
    MUST_OK(scp03t_take_authenticate(session, r_apdu(bed, 100, bytes, sizeof bytes), &err));
}

/* The answer to the last segment as hex, "" for 86 00. */
static const char *segment(struct m2m_bed *bed, struct scp_session *session, cr_span plain,
                           bool last)
{
    static char hex[2 * 4200 + 1];
    struct cr_err err = {0};
    struct scp03t_mark mark;
    uint8_t bytes[4200];
    cr_buf b = {0}, out = {0};
    put_chain(&b, last ? OTA_CHAIN_LAST : OTA_CHAIN_MIDDLE);
    MUST_OK(scp03t_seal(session, plain, &b, &err));
    scp03t_remember(session, &mark);
    MUST(send_tlvs(bed, 0x13, &b));
    if (scp03t_open_answer(session, &mark, r_apdu(bed, 100, bytes, sizeof bytes), &out, &err) !=
        CR_OK) {
        (void)snprintf(hex, sizeof hex, "%s", bed->data);
    } else {
        (void)cr_hex_into(hex, sizeof hex, cr_buf_span(&out));
    }
    cr_buf_free(&out);
    return hex;
}

static const char *download(struct m2m_bed *bed, struct scp_session *session, cr_span package,
                            size_t step)
{
    const char *answer = "";
    while (package.n && !*answer) {
        cr_span piece = cr_span_sub(package, 0, step);
        package = cr_span_sub(package, piece.n, package.n);
        answer = segment(bed, session, piece, package.n == 0);
    }
    return answer;
}

static void whole_download(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server s;
    struct scp_session session = {0};
    cr_buf package = {0};
    m2m_package(9, "04", "A0050603912143", &package);
    personalized(bed, &s);
    open_scp03t(bed, &s, &session);
    assert_string_equal(download(bed, &session, cr_buf_span(&package), 700), "3007A0053003800100");
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x1F);
    struct gp_object isdp;
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, 0x0013, &isdp));
    assert_int_equal(euicc_m2m_pol1(&bed->euicc->m2m->reg, &isdp), 0x04);
    assert_int_equal(euicc_m2m_parameter(&bed->euicc->m2m->reg, isdp.id, 0xA0, 0x06).n, 3);
    m2m_check_consistent(bed);
    /* once is enough */
    cr_buf b = {0};
    put_chain(&b, OTA_CHAIN_FIRST);
    static const uint8_t again[] = {0x84, 0x0A, 0x30, 0x00, 1, 2, 3, 4, 5, 6, 7, 8};
    cr_buf_append(&b, again, sizeof again);
    MUST(send_tlvs(bed, 0x13, &b));
    assert_non_null(strstr(bed->data, "9F440103"));
    /* and it works */
    assert_int_equal(m2m_platform(bed, "3A03", AID_NEW), 0x9000);
    end_session();
    m2m_bed_reset(bed);
    m2m_bed_attach(bed);
    assert_int_equal(m2m_confirm_sw(bed, 1), 0x9000);
    uint8_t select[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x2F, 0xE2};
    uicc_sw sw = terminal_send(&bed->terminal, CR_SPAN_ARRAY(select));
    assert_true(sw == 0x9000 || sw >> 8 == 0x91 || sw >> 8 == 0x61);
    scp_end(&session);
    cr_buf_free(&package);
    server_free(&s);
    free_bed(bed);
}

static void bad_downloads(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server s;
    struct scp_session session = {0};
    cr_buf package = {0}, bad_pol = {0}, big = {0};
    m2m_package(9, NULL, NULL, &package);
    m2m_package(9, "F0", NULL, &bad_pol);
    personalized(bed, &s);
    cr_span whole = cr_buf_span(&package);
    /* a wrong MAC ends it; nothing is left, the next session begins anew */
    open_scp03t(bed, &s, &session);
    assert_string_equal(segment(bed, &session, cr_span_sub(whole, 0, 300), false), "");
    struct scp_session kept = session;
    session.s_mac[0] ^= 1;
    assert_non_null(
        strstr(segment(bed, &session, cr_span_sub(whole, 300, 300), false), "9F460102"));
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x0F);
    /* no session any more, also for the right MAC */
    assert_non_null(strstr(segment(bed, &kept, cr_span_sub(whole, 300, 300), true), "9F460102"));
    /* an element that is none: the installer's answer, and the ISD-P stays */
    open_scp03t(bed, &s, &session);
    static const uint8_t nonsense[] = {0xA0, 0x02, 0x80, 0x00};
    assert_non_null(strstr(segment(bed, &session, CR_SPAN_ARRAY(nonsense), true), "8100"));
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x0F);
    m2m_check_consistent(bed);
    /* POL1 that is none */
    open_scp03t(bed, &s, &session);
    assert_string_equal(download(bed, &session, cr_buf_span(&bad_pol), 800),
                        "3009A00530038001038100");
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x0F);
    m2m_check_consistent(bed);
    /* a reset in the middle */
    open_scp03t(bed, &s, &session);
    assert_string_equal(segment(bed, &session, cr_span_sub(whole, 0, 300), false), "");
    m2m_bed_reset(bed);
    m2m_check_consistent(bed);
    cr_buf b = {0};
    struct cr_err err = {0};
    put_chain(&b, OTA_CHAIN_MIDDLE);
    MUST_OK(scp03t_seal(&session, cr_span_sub(whole, 300, 300), &b, &err));
    MUST(send_tlvs(bed, 0x13, &b));
    assert_true(strstr(bed->data, "830101") || strstr(bed->data, "9F460102"));
    /* and after all of that a good one */
    open_scp03t(bed, &s, &session);
    assert_string_equal(download(bed, &session, whole, 1007), "3007A0053003800100");
    scp_end(&session);
    cr_buf_free(&package);
    cr_buf_free(&bad_pol);
    cr_buf_free(&big);
    server_free(&s);
    free_bed(bed);
}

/* ---- power that is cut in a download ------------------------------------------------------------
 */

struct cut {
    long left;
};

static bool cut_hook(void *ctx, enum nvm_point point)
{
    struct cut *cut = ctx;
    (void)point;
    return cut->left-- <= 0;
}

static bool said(struct m2m_bed *bed, cr_buf *b, const char *part)
{
    return send_tlvs(bed, 0x13, b) && strstr(bed->data, part);
}

/* As far as it comes; true: the chip said that the profile is installed. */
static bool try_download(struct m2m_bed *bed, struct server *s, cr_span package)
{
    struct scp_session session = {0};
    struct cr_err err = {0};
    uint8_t bytes[4200];
    cr_buf b = {0};
    host_begin(s, 0x30, &session);
    put_chain(&b, OTA_CHAIN_FIRST_KEEP);
    MUST_OK(scp03t_put_initialise(&session, &b, &err));
    bool good = said(bed, &b, "8420");
    if (good) {
        MUST_OK(scp03t_take_initialise(&session, r_apdu(bed, 100, bytes, sizeof bytes), &err));
        put_chain(&b, OTA_CHAIN_MIDDLE);
        MUST_OK(scp03t_put_authenticate(&session, &b, &err));
        good = said(bed, &b, "8500");
        if (good) {
            MUST_OK(
                scp03t_take_authenticate(&session, r_apdu(bed, 100, bytes, sizeof bytes), &err));
        }
    }
    while (good && package.n) {
        cr_span piece = cr_span_sub(package, 0, 300);
        package = cr_span_sub(package, piece.n, package.n);
        put_chain(&b, package.n ? OTA_CHAIN_MIDDLE : OTA_CHAIN_LAST);
        MUST_OK(scp03t_seal(&session, piece, &b, &err));
        good = said(bed, &b, package.n ? "8600" : "8618");
    }
    scp_end(&session);
    return good;
}

static void cut_downloads(void **state)
{
    (void)state;
    struct m2m_bed *origin = m2m_bed_new();
    struct server s;
    cr_buf package = {0};
    bool done = false;
    m2m_package(9, NULL, NULL, &package);
    personalized(origin, &s);
    for (long n = 0; !done; n += n < 40 ? 1 : 7) {
        struct nvm *nvm;
        assert_int_equal(nvm_clone_committed(euicc_nvm(origin->euicc), &nvm, NULL), CR_OK);
        struct m2m_bed *bed = m2m_bed_open(nvm, origin->counter);
        struct cut cut = {.left = n};
        nvm_set_fault(euicc_nvm(bed->euicc), cut_hook, &cut);
        done = try_download(bed, &s, cr_buf_span(&package));
        bed = m2m_bed_power_cycle(bed);
        m2m_check_consistent(bed);
        uint8_t now = m2m_bed_state(bed, 0x0013);
        assert_true(now == 0x1F || (now == 0x0F && !done));
        bed->counter += 20;
        if (now == 0x0F) {
            assert_true(try_download(bed, &s, cr_buf_span(&package)));
            assert_int_equal(m2m_bed_state(bed, 0x0013), 0x1F);
        }
        m2m_check_consistent(bed);
        m2m_bed_free(bed);
        assert_true(n < 5000 && (!done || n > 60)); /* there was something to cut */
    }
    cr_buf_free(&package);
    server_free(&s);
    m2m_bed_free(origin);
}

/* What CreateISDP granted is what there is. */
static void quota(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server s;
    struct scp_session session = {0};
    cr_buf package = {0};
    uint8_t block;
    struct second how = {.t = establish_template_isdp(0x30)};
    m2m_package(9, NULL, NULL, &package);
    server_init(&s, GPCERT_ROLE_DP);
    assert_int_equal(
        m2m_es5_sw(bed, "80E60C004510A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF890000"
                        "0E0010" AID_NEW "0380C0000CC90481020370EF0483020400"
                        "0000"),
        0x9000);
    assert_non_null(
        strstr(m2m_es5_run(bed, "80F24002184F10" AID_NEW "5C048F919F7000"), "8F0400000400"));
    assert_int_equal(first(bed, &s, AID_NEW, &block), 0x9000);
    assert_int_equal(second(bed, &s, &how, block), 0x9000);
    open_scp03t(bed, &s, &session);
    const char *answer = download(bed, &session, cr_buf_span(&package), 900);
    assert_non_null(strstr(answer, "800104")); /* not enough memory */
    assert_int_equal(m2m_bed_state(bed, 0x0013), 0x0F);
    m2m_check_consistent(bed);
    scp_end(&session);
    cr_buf_free(&package);
    server_free(&s);
    free_bed(bed);
}

/* ---- Master Delete -----------------------------------------------------------------------------
 */

static void master_delete(void **state)
{
    (void)state;
    static const uint8_t identifiers[][6] = {
        {0x45, 0x01, 0x01}, {0x42, 0x03, 0xA1, 0xA2, 0xA3}, {0x5F, 0x20, 0x02, 0xB1, 0xB2}};
    static const size_t sizes[] = {3, 5, 5};
    static const uint32_t tags[] = {0x45, 0x42, 0x5F20};
    struct m2m_bed *bed = m2m_bed_new();
    const struct gp_registry *reg = &bed->euicc->m2m->reg;
    struct gp_object isdp;
    struct gp_key key = {.kvn = 0x70, .kid = 1, .type = GP_KEY_AES, .n = 16, .mac_size = 8};
    struct cr_err err = {0};
    uint8_t token[16], input[64];
    char apdu[160], hex[40];
    assert_true(euicc_m2m_isdp(reg, 0x0011, &isdp));
    m2m_set_pol1(bed, 0x0011, M2M_POL1_NO_DELETE); /* ignored */
    for (uint8_t i = 0; i < 16; i++) {
        key.value[i] = (uint8_t)(0x30 + i);
    }
    const char *covered = "0040254F10" AID_B "B6114203A1A2A34501015F2002B1B293020001";
    size_t n = strlen(covered) / 2;
    assert_true(cr_hex_fixed(input, n, cr_span_str(covered)));
    cr_span part = cr_span_of(input, n);
    MUST_OK(crypto_cmac(cr_span_of(key.value, 16), &part, 1, token, &err));
    (void)snprintf(apdu, sizeof apdu,
                   "80E40040374F10" AID_B "B6114203A1A2A34501015F2002B1B2930200019E10%s00",
                   cr_hex_into(hex, sizeof hex, CR_SPAN_ARRAY(token)));
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6A88); /* no token key */
    MUST_OK(gp_key_put(reg, isdp.id, &key, &err));
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6982); /* no identifiers */
    for (size_t i = 0; i < 3; i++) {
        MUST_OK(gp_data_put(reg, isdp.id, tags[i], cr_span_of(identifiers[i], sizes[i]), &err));
    }
    apdu[strlen(apdu) - 3] ^= 1; /* a digit of the token */
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6982);
    apdu[strlen(apdu) - 3] ^= 1;
    static const uint8_t other_id[] = {0x93, 0x02, 0x00, 0x02};
    MUST_OK(gp_data_put(reg, isdp.id, 0x93, CR_SPAN_ARRAY(other_id), &err));
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6982);
    static const uint8_t same_id[] = {0x93, 0x02, 0x00, 0x01};
    MUST_OK(gp_data_put(reg, isdp.id, 0x93, CR_SPAN_ARRAY(same_id), &err));
    /* not the Fall-Back Profile, not while it is ENABLED */
    assert_int_equal(m2m_platform(bed, "3A05", AID_B), 0x9000);
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6985);
    assert_int_equal(m2m_platform(bed, "3A05", AID_A), 0x9000);
    assert_string_equal(m2m_es5_run(bed, apdu), "009000");
    assert_int_equal(m2m_bed_state(bed, 0x0011), 0);
    assert_int_equal(m2m_es5_sw(bed, apdu), 0x6A88);
    m2m_check_consistent(bed);
    m2m_bed_free(bed);
}

/* Sheet 2.2: the SM-DP prepares it in a session of SCP03. */
static void master_delete_prepared(void **state)
{
    (void)state;
    struct m2m_bed *bed = new_bed();
    struct server s;
    struct scp_session session = {0};
    struct cr_err err = {0};
    cr_buf b = {0}, apdu = {0}, wrapped = {0};
    uint8_t bytes[4200];
    personalized(bed, &s);
    host_begin(&s, 0x30, &session);
    char init[40], hex[20];
    (void)snprintf(init, sizeof init, "8050300008%s00",
                   cr_hex_into(hex, sizeof hex, cr_span_of(session.challenge_host, 8)));
    put_chain(&b, OTA_CHAIN_FIRST);
    put_hex(&b, init);
    MUST(send_tlvs(bed, 0x13, &b));
    cr_span r = r_apdu(bed, 0, bytes, sizeof bytes);
    MUST_OK(scp_host_take(&session, cr_span_sub(r, 0, r.n - 2), &err));
    put_chain(&b, OTA_CHAIN_LAST);
    MUST_OK(scp_host_authenticate(&session, 0x33, &apdu, &err));
    der_put(&b, 0x22, cr_buf_span(&apdu));
    cr_buf_reset(&apdu);
    MUST_OK(cr_hex_decode(&apdu, cr_span_str("80E288001000700D4501014203A1A2A35F2002B1B2"), &err));
    MUST_OK(scp_wrap_command(&session, cr_buf_span(&apdu), &wrapped, &err));
    der_put(&b, 0x22, cr_buf_span(&wrapped));
    MUST(send_tlvs(bed, 0x13, &b));
    assert_int_equal(last_sw(bed), 0x9000);
    struct gp_object isdp;
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, 0x0013, &isdp));
    assert_int_equal(gp_data_get(&bed->euicc->m2m->reg, isdp.id, 0x5F20).n, 5);
    cr_buf_free(&apdu);
    cr_buf_free(&wrapped);
    scp_end(&session);
    server_free(&s);
    free_bed(bed);
}

/* ---- ES6 ---------------------------------------------------------------------------------------
 */

#define OWN "A0000005591010FFFFFFFF8900000F00"

static uicc_sw es6(struct m2m_bed *bed, uint64_t counter, const char *aid, const char *store)
{
    char install[80];
    (void)snprintf(install, sizeof install, "80E6200016000010%s00000000", aid);
    return m2m_send_es6(bed, counter, m2m_script(bed, install, store, NULL)) && bed->status == 0
               ? last_sw(bed)
               : 0;
}

static uint8_t pol1_of(struct m2m_bed *bed, uint16_t id)
{
    struct gp_object isdp;
    assert_true(euicc_m2m_isdp(&bed->euicc->m2m->reg, id, &isdp));
    return euicc_m2m_pol1(&bed->euicc->m2m->reg, &isdp);
}

static void operator_rules(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    uint64_t n = 1;
    assert_int_equal(es6(bed, n++, OWN, "80E28800063A0603810103"), 0x9000);
    assert_int_equal(pol1_of(bed, 0x0010), 0x03);
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x69E1);
    assert_int_equal(es6(bed, n++, AID_A, "80E28800063A0603810100"), 0x9000);
    assert_int_equal(es6(bed, n++, AID_B, "80E28800063A0603810101"), 0x6A88); /* another's */
    assert_int_equal(es6(bed, n++, OWN, "80E28800063A0603810106"), 0x6A80);   /* contradiction */
    assert_int_equal(es6(bed, n++, OWN, "80E28800063A0603810110"), 0x6A80);
    assert_int_equal(es6(bed, n++, OWN,
                         "80E28800063A060382010"
                         "1"),
                     0x6A80);
    assert_int_equal(es6(bed, n++, OWN, "80E28800043A060101"), 0x6A80);
    assert_int_equal(es6(bed, n++, OWN,
                         "80E28800073A06048102"
                         "0000"),
                     0x6A80);
    assert_int_equal(pol1_of(bed, 0x0010), 0x00);
    assert_int_equal(es6(bed, n++, OWN, "80E288000E3A070BA0090607914455667788F9"), 0x9000);
    assert_int_equal(es6(bed, n++, OWN, "80E28800053A0702A300"), 0x6A80); /* the SM-SR's */
    assert_int_equal(es6(bed, n++, OWN, "80E28800153A03124F10" AID_B), 0x6A80);
    m2m_clear(bed);
    m2m_bed_attach(bed);
    assert_string_equal(bed->messages[0].smsc, "914455667788F9");
    /* wrong counter: nothing */
    assert_int_equal(es6(bed, 1, OWN, "80E28800063A0603810101"), 0);
    assert_int_equal(pol1_of(bed, 0x0010), 0x00);
    /* the operator of the enabled profile has its own counter; the other one is not reached */
    assert_int_equal(m2m_platform(bed, "3A03", AID_B), 0x9000);
    m2m_bed_reset(bed);
    assert_int_equal(es6(bed, 1, OWN, "80E28800063A0603810101"), 0x9000);
    assert_int_equal(pol1_of(bed, 0x0011), 0x01);
    assert_int_equal(pol1_of(bed, 0x0010), 0x00);
    m2m_bed_free(bed);
}

/* Sheet 2.3 byte for byte. */
static void operator_example(void **state)
{
    (void)state;
    struct m2m_bed *bed = m2m_bed_new();
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = 0x7F,
                         .dcs = 0xF6,
                         .time = {.year = 26, .month = 8, .day = 20}};
    const char *packet = "02700000481516391212B20100E902002C4831063AAB1FBD31AD0F75DCF605B0F383EDC9"
                         "ECC06D32831F5E4F52796F406D5569AF3D69A2CABC8A4087F73FDF380FC998AD72B103C7"
                         "1742BC5B29";
    uint8_t ud[140];
    struct cr_err err = {0};
    cr_buf tpdu = {0}, envelope = {0};
    size_t n = strlen(packet) / 2;
    assert_true(cr_hex_fixed(ud, n, cr_span_str(packet)));
    t.ud = cr_span_of(ud, n);
    MUST_OK(sms_address_parse(cr_span_str("12345678"), &t.address, &err));
    MUST_OK(sms_encode(&t, &tpdu, &err));
    cat_envelope_sms_pp(&envelope, (cr_span){0}, cr_buf_span(&tpdu));
    (void)terminal_envelope(&bed->terminal, &envelope);
    assert_int_equal(pol1_of(bed, 0x0010), 0x03);
    cr_buf_free(&tpdu);
    m2m_bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(establish_isdp),
        cmocka_unit_test(establish_errors),
        cmocka_unit_test(establish_isdr),
        cmocka_unit_test(examples),
        cmocka_unit_test(no_session),
        cmocka_unit_test(whole_download),
        cmocka_unit_test(bad_downloads),
        cmocka_unit_test(quota),
        cmocka_unit_test(cut_downloads),
        cmocka_unit_test(master_delete),
        cmocka_unit_test(master_delete_prepared),
        cmocka_unit_test(operator_rules),
        cmocka_unit_test(operator_example),
    };
    const struct CMUnitTest again[] = {
        cmocka_unit_test(establish_isdp), cmocka_unit_test(establish_errors),
        cmocka_unit_test(whole_download), cmocka_unit_test(bad_downloads),
        cmocka_unit_test(quota),          cmocka_unit_test(master_delete_prepared),
    };
    int failed = cmocka_run_group_tests_name("euicc/m2m_es8 by SMS", tests, NULL, NULL);
    over_https = true;
    return failed + cmocka_run_group_tests_name("euicc/m2m_es8 by HTTPS", again, NULL, NULL);
}
