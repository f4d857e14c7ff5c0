/*
 * A download step by step: authentication, preparation, cancellation, and how commands reach the
 * ISD-R.
 */
#include "fake_server.h"
#include "package.h"

#include "pki/issue.h"

struct scene {
    struct fake_server *server;
    struct bed *bed;
    cr_buf upp;
};

static int set_up(void **state)
{
    struct scene *c = calloc(1, sizeof(*c));
    MUST(c);
    c->server = fake_new(CRYPTO_P256);
    c->bed = bed_new();
    package_small(c->server->metadata.iccid, &c->upp);
    c->server->upp = cr_buf_span(&c->upp);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *c = *state;
    fake_free(c->server);
    bed_free(c->bed);
    cr_buf_free(&c->upp);
    free(c);
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void test_every_way(void **state)
{
    static const size_t blocks[] = {255, 254, 120, 64};
    (void)state;
    for (int curve = CRYPTO_P256; curve < CRYPTO_CURVES; curve++) {
        for (size_t i = 0; i < CR_COUNT(blocks); i++) {
            cr_buf upp = {0};
            struct bed *bed = bed_new();
            struct fake_server *s = fake_new((enum crypto_curve)curve);
            package_small(s->metadata.iccid, &upp);
            s->upp = cr_buf_span(&upp);
            s->random_keys = i & 1;
            bed->block = blocks[i];
            struct rsp_profile_installation_result result = fake_download(s, bed);
            ASSERT_INSTALLED(result);
            /* 3007A0053003800100 is the answer of an installation without warnings. */
            static const uint8_t ok[] = {0x30, 0x07, 0xA0, 0x05, 0x30, 0x03, 0x80, 0x01, 0x00};
            assert_true(cr_span_equal(result.data.final_result.success_result.sima_response,
                                      CR_SPAN_ARRAY(ok)));
            assert_true(cr_span_equal(result.data.notification_metadata.iccid, s->metadata.iccid));
            assert_true(
                cr_span_equal(result.data.notification_metadata.notification_address, s->address));
            assert_true(cr_span_equal(result.data.smdp_oid, s->auth.registered_id));
            assert_int_equal(bed_state(bed, s->metadata.iccid), RSP_STATE_DISABLED);
            bed_check_consistent(bed);
            bed_free(bed);
            fake_free(s);
            cr_buf_free(&upp);
        }
    }
}

static void test_keys_of_one_ci_server_of_another(void **state)
{
    struct scene *c = *state;
    struct fake_server *other = fake_new(CRYPTO_BRAINPOOL);
    c->server->ci_pkid = other->ci.ski;
    fake_install(c->server, c->bed);
    fake_free(other);
}

/* ---- AuthenticateServer ------------------------------------------------------------------------
 */

static void test_authenticate_refusals(void **state)
{
    static const struct {
        enum fake_break broken;
        int64_t code;
    } rows[] = {
        {FAKE_SIGNATURE1, RSP_AUTHENTICATE_INVALID_SIGNATURE},
        {FAKE_SIGNATURE1_BY_PB, RSP_AUTHENTICATE_INVALID_SIGNATURE},
        {FAKE_SIGNED1_CHANGED, RSP_AUTHENTICATE_INVALID_SIGNATURE},
        {FAKE_CHALLENGE, RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH},
        {FAKE_CI_PKID, RSP_AUTHENTICATE_CI_PK_UNKNOWN},
        {FAKE_CERT_GARBAGE, RSP_AUTHENTICATE_INVALID_CERTIFICATE},
        {FAKE_CERT_ROLE, RSP_AUTHENTICATE_INVALID_CERTIFICATE},
        {FAKE_CERT_SIGNATURE, RSP_AUTHENTICATE_INVALID_CERTIFICATE},
    };
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        c->server->broken = rows[i].broken;
        int64_t code = fake_try_authenticate(c->server, c->bed);
        if (code != rows[i].code) {
            fail_msg("break %d: code %d instead of %d", (int)rows[i].broken, (int)code,
                     (int)rows[i].code);
        }
        /* A refusal opens nothing. */
        c->server->euicc_signature1 = cr_span_of(c->server->own_challenge, 0);
        struct rsp_cancel_session_request cancel = {.transaction_id =
                                                        CR_SPAN_ARRAY(c->server->transaction_id)};
        struct rsp_cancel_session_response answer;
        assert_int_equal(bed_call(c->bed, &rsp_cancel_session_request_type, &cancel,
                                  &rsp_cancel_session_response_type, &answer),
                         0x9000);
        assert_int_equal(answer.which, RSP_CANCEL_SESSION_ERROR);
        assert_int_equal(answer.error, RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID);
    }
    c->server->broken = FAKE_OK;
    fake_run_authenticate(c->server, c->bed);
}

/* Sends a BF38 that was made earlier. */
static int64_t send_authenticate(struct bed *bed, cr_span command)
{
    struct cr_err err = {0};
    struct rsp_authenticate_server_response response;
    assert_int_equal(bed_store(bed, command), 0x9000);
    cr_span copy = cr_arena_copy(&bed->arena, cr_buf_span(&bed->out));
    MUST_OK(
        asn1_decode(&rsp_authenticate_server_response_type, copy, 0, &bed->arena, &response, &err));
    return response.which == RSP_AUTHENTICATE_RESPONSE_OK ? 0
                                                          : response.error.authenticate_error_code;
}

static void test_challenge_counts_once(void **state)
{
    struct scene *c = *state;
    cr_span command = fake_authenticate(c->server, c->bed);
    assert_int_equal(send_authenticate(c->bed, command), 0);
    assert_int_equal(send_authenticate(c->bed, command), RSP_AUTHENTICATE_NO_SESSION);
    /* used up by a failure, too */
    c->server->broken = FAKE_SIGNATURE1;
    cr_span bad = fake_authenticate(c->server, c->bed);
    assert_int_equal(send_authenticate(c->bed, bad), RSP_AUTHENTICATE_INVALID_SIGNATURE);
    assert_int_equal(send_authenticate(c->bed, bad), RSP_AUTHENTICATE_NO_SESSION);
    /* a new challenge ends the old one */
    c->server->broken = FAKE_OK;
    command = fake_authenticate(c->server, c->bed);
    (void)bed_challenge(c->bed);
    assert_int_equal(send_authenticate(c->bed, command), RSP_AUTHENTICATE_EUICC_CHALLENGE_MISMATCH);
    /* no challenge at all */
    bed_reset(c->bed);
    assert_int_equal(send_authenticate(c->bed, command), RSP_AUTHENTICATE_NO_SESSION);
}

static void test_challenges_differ(void **state)
{
    struct scene *c = *state;
    cr_span first = bed_challenge(c->bed);
    cr_span second = bed_challenge(c->bed);
    assert_int_equal(first.n, RSP_CHALLENGE);
    assert_false(cr_span_equal(first, second));
}

/* A certificate of the server that is issued for the purpose; the server then signs with its key.
 */
static void use_certificate(struct fake_server *s, enum crypto_curve curve,
                            const struct pki_request *request, cr_buf *der)
{
    struct cr_err err = {0};
    struct crypto_private *key = NULL;
    MUST_OK(pki_hierarchy_issue(bed_pki(), curve, request, NULL, cr_env_system(), der, &key, &err));
    MUST_OK(pki_cert_decode(cr_buf_span(der), &s->auth, &err));
    pki_key_free(s->auth_key);
    MUST_OK(pki_key_of_private(key, &s->auth_key, &err));
}

static void test_authenticate_certificates(void **state)
{
    struct scene *c = *state;
    cr_buf der = {0};
    /* roles that are no server's */
    static const enum pki_role roles[] = {PKI_ROLE_DP_TLS, PKI_ROLE_DS_TLS, PKI_ROLE_EUM};
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        static const char *const names[] = {"x.example.com", NULL};
        struct pki_request request = {.role = roles[i],
                                      .common_name = "x.example.com",
                                      .organization = "x",
                                      .country = "XX",
                                      .ein_prefix = "89049032",
                                      .registered_id = "2.999.10",
                                      .dns_names = names};
        cr_buf_reset(&der);
        use_certificate(c->server, CRYPTO_P256, &request, &der);
        assert_int_equal(fake_try_authenticate(c->server, c->bed),
                         RSP_AUTHENTICATE_INVALID_CERTIFICATE);
    }
    /* a right one, long expired: the chip has no clock */
    struct pki_request old = {.role = PKI_ROLE_DP_AUTH,
                              .common_name = "old",
                              .organization = "x",
                              .registered_id = "2.999.10",
                              .not_before_ms = cr_time_utc_ms(2001, 1, 1, 0, 0, 0),
                              .not_after_ms = cr_time_utc_ms(2002, 1, 1, 0, 0, 0)};
    cr_buf_reset(&der);
    use_certificate(c->server, CRYPTO_P256, &old, &der);
    assert_int_equal(fake_try_authenticate(c->server, c->bed), 0);
    cr_buf_free(&der);
}

static void test_revoked_server(void **state)
{
    struct scene *c = *state;
    struct cr_err err = {0};
    struct pki_key *ci_key = NULL;
    cr_buf crl = {0};
    cr_buf der = {0};
    struct pki_request request = {.role = PKI_ROLE_DP_AUTH,
                                  .common_name = "bad",
                                  .organization = "x",
                                  .registered_id = "2.999.10"};
    use_certificate(c->server, CRYPTO_P256, &request, &der);
    fake_run_authenticate(c->server, c->bed);
    MUST_OK(
        pki_hierarchy_load(bed_pki(), CRYPTO_P256, "ci", &c->server->arena, NULL, &ci_key, &err));
    int64_t now = cr_now_ms(cr_env_system());
    MUST_OK(pki_issue_crl(&c->server->ci, ci_key, &c->server->auth.serial, 1, 1000, now,
                          now + 86400000, &crl, &err));
    struct rsp_load_crl_request load = {0};
    struct rsp_load_crl_response answer;
    MUST_OK(rsp_retag(&c->bed->arena, cr_buf_span(&crl), 0xA0, &load.crl, &err));
    assert_int_equal(
        bed_call(c->bed, &rsp_load_crl_request_type, &load, &rsp_load_crl_response_type, &answer),
        0x9000);
    assert_int_equal(answer.which, RSP_LOAD_CRL_RESPONSE_OK);
    assert_int_equal(fake_try_authenticate(c->server, c->bed),
                     RSP_AUTHENTICATE_INVALID_CERTIFICATE);
    /* again: not fresher */
    assert_int_equal(
        bed_call(c->bed, &rsp_load_crl_request_type, &load, &rsp_load_crl_response_type, &answer),
        0x9000);
    assert_int_equal(answer.which, RSP_LOAD_CRL_RESPONSE_ERROR);
    assert_int_equal(answer.error, RSP_LOAD_CRL_FRESHER_CRL_ALREADY_LOADED);
    /* and it is known after the power was off */
    c->bed = bed_power_cycle(c->bed);
    assert_int_equal(fake_try_authenticate(c->server, c->bed),
                     RSP_AUTHENTICATE_INVALID_CERTIFICATE);
    /* wrong signature, wrong form, wrong issuer */
    cr_buf_reset(&crl);
    MUST_OK(pki_issue_crl(&c->server->ci, ci_key, NULL, 0, 1001, now, now + 86400000, &crl, &err));
    crl.p[crl.n - 1] ^= 1;
    MUST_OK(rsp_retag(&c->bed->arena, cr_buf_span(&crl), 0xA0, &load.crl, &err));
    assert_int_equal(
        bed_call(c->bed, &rsp_load_crl_request_type, &load, &rsp_load_crl_response_type, &answer),
        0x9000);
    assert_int_equal(answer.error, RSP_LOAD_CRL_INVALID_SIGNATURE);
    cr_buf_reset(&crl);
    MUST_OK(pki_issue_crl(&c->server->pb, c->server->pb_key, NULL, 0, 1002, now, now + 86400000,
                          &crl, &err));
    MUST_OK(rsp_retag(&c->bed->arena, cr_buf_span(&crl), 0xA0, &load.crl, &err));
    assert_int_equal(
        bed_call(c->bed, &rsp_load_crl_request_type, &load, &rsp_load_crl_response_type, &answer),
        0x9000);
    assert_int_equal(answer.error, RSP_LOAD_CRL_VERIFICATION_KEY_NOT_FOUND);
    assert_int_equal(bed_store_hex(c->bed, "BF3505A003020105"), 0x9000);
    bed_expect(c->bed, "BF3503810102");
    pki_key_free(ci_key);
    cr_buf_free(&crl);
    cr_buf_free(&der);
}

static void test_unknown_ci(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    /* The certificate says another issuer key: the byte of its AKI. */
    uint8_t *der = cr_arena_alloc(&s->arena, s->auth.raw.n);
    MUST(der);
    memcpy(der, s->auth.raw.p, s->auth.raw.n);
    der[s->auth.aki.p - s->auth.raw.p] ^= 1;
    s->auth.raw = cr_span_of(der, s->auth.raw.n);
    assert_int_equal(fake_try_authenticate(s, c->bed), RSP_AUTHENTICATE_CI_PK_UNKNOWN);
}

/* A certificate whose signed part was changed, signed again by the CI. */
static cr_span sign_again(struct fake_server *s, cr_span tbs)
{
    struct cr_err err = {0};
    struct pki_key *key = NULL;
    uint8_t plain[CRYPTO_SIGNATURE];
    cr_buf out = {0};
    cr_buf signature = {0};
    static const uint8_t algorithm[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
    MUST_OK(pki_hierarchy_load(bed_pki(), s->curve, "ci", &s->arena, NULL, &key, &err));
    MUST_OK(pki_key_sign(key, &tbs, 1, plain, &err));
    cr_buf_append_byte(&signature, 0);
    MUST_OK(crypto_signature_to_der(CR_SPAN_ARRAY(plain), &signature, &err));
    size_t mark = der_open(&out, 0x30);
    cr_buf_append_span(&out, tbs);
    cr_buf_append_span(&out, CR_SPAN_ARRAY(algorithm));
    der_put(&out, 0x03, cr_buf_span(&signature));
    der_close(&out, mark);
    cr_span copy = cr_arena_copy(&s->arena, cr_buf_span(&out));
    pki_key_free(key);
    cr_buf_free(&out);
    cr_buf_free(&signature);
    return copy;
}

/* prime256v1 becomes prime256v2: a curve that nobody has here. */
static cr_span on_another_curve(struct fake_server *s, cr_span from)
{
    static const uint8_t oid[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    uint8_t *tbs = cr_arena_alloc(&s->arena, from.n);
    size_t at = 0;
    MUST(tbs);
    memcpy(tbs, from.p, from.n);
    while (memcmp(tbs + at, oid, sizeof(oid)) != 0) {
        at++;
        MUST(at + sizeof(oid) < from.n);
    }
    tbs[at + 7] = 0x06;
    return sign_again(s, cr_span_of(tbs, from.n));
}

static void test_unsupported_curve(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    s->auth.raw = sign_again(s, s->auth.tbs);
    fake_run_authenticate(s, c->bed); /* as it was */
    s->auth.raw = on_another_curve(s, s->auth.tbs);
    int64_t code = fake_try_authenticate(s, c->bed);
    assert_int_equal(code, RSP_AUTHENTICATE_UNSUPPORTED_CURVE);
}

static void test_long_server_address(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    char address[EUICC_MAX_ADDRESS + 1];
    memset(address, 'a', sizeof(address));
    s->address = cr_span_of(address, EUICC_MAX_ADDRESS);
    fake_run_authenticate(s, c->bed);
    s->address = cr_span_of(address, EUICC_MAX_ADDRESS + 1);
    assert_int_equal(fake_try_authenticate(s, c->bed), RSP_AUTHENTICATE_UNDEFINED);
}

static void test_server_without_oid(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    uint8_t *tbs = cr_arena_alloc(&s->arena, s->auth.tbs.n);
    MUST(tbs);
    memcpy(tbs, s->auth.tbs.p, s->auth.tbs.n);
    uint8_t *tag = tbs + (s->auth.registered_id.p - s->auth.tbs.p) - 2;
    MUST(*tag == 0x88); /* registeredID of the subjectAltName becomes a dNSName */
    *tag = 0x82;
    s->auth.raw = sign_again(s, cr_span_of(tbs, s->auth.tbs.n));
    assert_int_equal(fake_try_authenticate(s, c->bed), RSP_AUTHENTICATE_INVALID_OID);
}

/* ---- PrepareDownload ---------------------------------------------------------------------------
 */

static void test_prepare_refusals(void **state)
{
    static const struct {
        enum fake_break broken;
        int64_t code;
    } rows[] = {
        {FAKE_SIGNATURE2, RSP_DOWNLOAD_INVALID_SIGNATURE},
        {FAKE_SIGNATURE2_ALONE, RSP_DOWNLOAD_INVALID_SIGNATURE},
        {FAKE_SIGNED2_TID, RSP_DOWNLOAD_INVALID_TRANSACTION_ID},
        {FAKE_PB_ROLE, RSP_DOWNLOAD_INVALID_CERTIFICATE},
        {FAKE_PB_GARBAGE, RSP_DOWNLOAD_INVALID_CERTIFICATE},
    };
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        c->server->broken = FAKE_OK;
        fake_run_authenticate(c->server, c->bed);
        c->server->broken = rows[i].broken;
        int64_t code = fake_try_prepare(c->server, c->bed);
        if (code != rows[i].code) {
            fail_msg("break %d: code %d instead of %d", (int)rows[i].broken, (int)code,
                     (int)rows[i].code);
        }
    }
}

static void test_prepare_certificates(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    const struct pki_cert good = s->pb;
    fake_run_authenticate(s, c->bed);
    /* one bit of the CI's signature */
    uint8_t *bytes = cr_arena_alloc(&s->arena, good.raw.n);
    MUST(bytes);
    memcpy(bytes, good.raw.p, good.raw.n);
    bytes[good.raw.n - 1] ^= 0x01;
    s->pb.raw = cr_span_of(bytes, good.raw.n);
    assert_int_equal(fake_try_prepare(s, c->bed), RSP_DOWNLOAD_INVALID_CERTIFICATE);
    s->pb.raw = on_another_curve(s, good.tbs);
    assert_int_equal(fake_try_prepare(s, c->bed), RSP_DOWNLOAD_UNSUPPORTED_CURVE);
    /* none of that ended the session */
    s->pb.raw = sign_again(s, good.tbs);
    fake_run_prepare(s, c->bed);
}

static void test_prepare_without_session(void **state)
{
    struct scene *c = *state;
    uint8_t signature[RSP_SIGNATURE] = {1};
    c->server->euicc_signature1 = CR_SPAN_ARRAY(signature);
    assert_int_equal(fake_try_prepare(c->server, c->bed), RSP_DOWNLOAD_NO_SESSION);
    (void)bed_challenge(c->bed);
    assert_int_equal(fake_try_prepare(c->server, c->bed), RSP_DOWNLOAD_NO_SESSION);
}

static void test_prepare_with_an_sm_ds(void **state)
{
    struct scene *c = *state;
    struct fake_server *ds = fake_new_ds(CRYPTO_P256);
    fake_run_authenticate(ds, c->bed);
    assert_int_equal(fake_try_prepare(ds, c->bed), RSP_DOWNLOAD_NO_SESSION);
    fake_free(ds);
}

static void test_binder_of_another_server(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct cr_err err = {0};
    struct crypto_private *key = NULL;
    cr_buf der = {0};
    struct pki_request request = {.role = PKI_ROLE_DP_PB,
                                  .common_name = "another",
                                  .organization = "x",
                                  .registered_id = "2.999.77"};
    MUST_OK(pki_hierarchy_issue(bed_pki(), CRYPTO_P256, &request, NULL, cr_env_system(), &der, &key,
                                &err));
    fake_run_authenticate(s, c->bed);
    MUST_OK(pki_cert_decode(cr_buf_span(&der), &s->pb, &err));
    pki_key_free(s->pb_key);
    MUST_OK(pki_key_of_private(key, &s->pb_key, &err));
    assert_int_equal(fake_try_prepare(s, c->bed), RSP_DOWNLOAD_INVALID_CERTIFICATE);
    cr_buf_free(&der);
}

static void test_confirmation_code(void **state)
{
    struct scene *c = *state;
    uint8_t hash[RSP_HASH] = {7};
    fake_run_authenticate(c->server, c->bed);
    c->server->confirmation_code = true;
    assert_int_equal(fake_try_prepare(c->server, c->bed), RSP_DOWNLOAD_UNDEFINED);
    c->server->hash_cc = CR_SPAN_ARRAY(hash);
    assert_int_equal(fake_try_prepare(c->server, c->bed), 0);
    /* another try of the code in the same session */
    hash[0] = 8;
    assert_int_equal(fake_try_prepare(c->server, c->bed), 0);
    fake_bind(c->server, (cr_span){0});
    ASSERT_INSTALLED(fake_load(c->server, c->bed, NULL));
}

/* ---- one-time keys -----------------------------------------------------------------------------
 */

static cr_span otpk(struct fake_server *s)
{
    return cr_arena_copy(&s->arena, crypto_public_point(s->otpk_euicc));
}

static void test_one_time_key_rules(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    cr_span first = otpk(s);
    /* Asked for again in another session, and after the power was off: the same. */
    s->bpp_euicc_otpk = first;
    c->bed = bed_power_cycle(c->bed);
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    assert_true(cr_span_equal(otpk(s), first));
    /* Not asked for: a new one, and the old one is gone. */
    s->bpp_euicc_otpk = (cr_span){0};
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    cr_span second = otpk(s);
    assert_false(cr_span_equal(second, first));
    s->bpp_euicc_otpk = first;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    assert_false(cr_span_equal(otpk(s), first));
    assert_false(cr_span_equal(otpk(s), second));
    /* Used for a profile that is installed: gone. */
    cr_span used = otpk(s);
    fake_bind(s, (cr_span){0});
    ASSERT_INSTALLED(fake_load(s, c->bed, NULL));
    s->bpp_euicc_otpk = used;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    assert_false(cr_span_equal(otpk(s), used));
}

static void test_one_time_key_after_permanent_error(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    cr_span used = otpk(s);
    fake_bind(s, (cr_span){0});
    s->broken = FAKE_CHANNEL_KEY_TYPE;
    fake_rebind(s);
    ASSERT_REFUSED(fake_load(s, c->bed, NULL), RSP_BPP_INITIALISE_SECURE_CHANNEL,
                   RSP_INSTALL_UNSUPPORTED_CRT_VALUES);
    s->broken = FAKE_OK;
    s->bpp_euicc_otpk = used;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    assert_false(cr_span_equal(otpk(s), used));
}

/* A body once made is sent again in a session of its own, with the same keys on both sides. */
static void test_retry_with_the_same_body(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    uint16_t sw;
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    fake_bind(s, (cr_span){0});
    c->bed = bed_power_cycle(c->bed); /* nothing of it came */
    s->bpp_euicc_otpk = otpk(s);
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    fake_bind(s, (cr_span){0}); /* signs anew, keeps the body */
    ASSERT_INSTALLED(fake_load(s, c->bed, &sw));
    assert_int_equal(sw, 0x9000);
}

static void test_many_servers(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct cr_err err = {0};
    size_t count = 0;
    for (unsigned i = 0; i < EUICC_MAX_ONE_TIME_KEYS + 4; i++) {
        struct crypto_private *key = NULL;
        char oid[32];
        cr_buf auth = {0};
        cr_buf pb = {0};
        (void)snprintf(oid, sizeof(oid), "2.999.%u", 100 + i);
        struct pki_request request = {.role = PKI_ROLE_DP_AUTH,
                                      .common_name = "one of many",
                                      .organization = "x",
                                      .registered_id = oid};
        use_certificate(s, CRYPTO_P256, &request, &auth);
        request.role = PKI_ROLE_DP_PB;
        MUST_OK(pki_hierarchy_issue(bed_pki(), CRYPTO_P256, &request, NULL, cr_env_system(), &pb,
                                    &key, &err));
        MUST_OK(pki_cert_decode(cr_buf_span(&pb), &s->pb, &err));
        pki_key_free(s->pb_key);
        MUST_OK(pki_key_of_private(key, &s->pb_key, &err));
        fake_run_authenticate(s, c->bed);
        fake_run_prepare(s, c->bed);
        cr_buf_free(&auth);
        cr_buf_free(&pb);
    }
    (void)nvm_size_prefix(euicc_nvm(c->bed->euicc), cr_span_str("ot/"), &count);
    assert_int_equal(count, EUICC_MAX_ONE_TIME_KEYS);
}

/* ---- CancelSession -----------------------------------------------------------------------------
 */

static struct rsp_cancel_session_response cancel(struct scene *c, cr_span transaction_id)
{
    struct rsp_cancel_session_request request = {.transaction_id = transaction_id,
                                                 .reason = RSP_CANCEL_POSTPONED};
    struct rsp_cancel_session_response response;
    assert_int_equal(bed_call(c->bed, &rsp_cancel_session_request_type, &request,
                              &rsp_cancel_session_response_type, &response),
                     0x9000);
    return response;
}

static void check_cancelled(struct scene *c)
{
    struct cr_err err = {0};
    struct pki_cert cert;
    struct crypto_public *key = NULL;
    cr_span tid = CR_SPAN_ARRAY(c->server->transaction_id);
    struct rsp_cancel_session_response other = cancel(c, cr_span_sub(tid, 0, 15));
    assert_int_equal(other.which, RSP_CANCEL_SESSION_ERROR);
    assert_int_equal(other.error, RSP_CANCEL_SESSION_INVALID_TRANSACTION_ID);
    struct rsp_cancel_session_response response = cancel(c, tid);
    assert_int_equal(response.which, RSP_CANCEL_SESSION_OK);
    const struct rsp_euicc_cancel_session_signed *s = &response.ok.euicc_cancel_session_signed;
    assert_true(cr_span_equal(s->transaction_id, tid));
    assert_true(cr_span_equal(s->smdp_oid, c->server->auth.registered_id));
    assert_int_equal(s->reason, RSP_CANCEL_POSTPONED);
    MUST_OK(
        pki_cert_decode(euicc_ci_of(c->bed->euicc, c->server->ci.ski)->euicc_cert, &cert, &err));
    MUST_OK(crypto_public_new(cert.curve, cert.point, &key, &err));
    assert_int_equal(
        crypto_verify(key, &s->raw, 1, response.ok.euicc_cancel_session_signature, NULL), CR_OK);
    crypto_public_free(key);
    /* once */
    assert_int_equal(cancel(c, tid).which, RSP_CANCEL_SESSION_ERROR);
    bed_check_consistent(c->bed);
    assert_int_equal(bed_notifications(c->bed).count, 0);
}

static void test_cancel(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    static const uint8_t nothing[16];
    assert_int_equal(cancel(c, CR_SPAN_ARRAY(nothing)).which, RSP_CANCEL_SESSION_ERROR);
    fake_run_authenticate(s, c->bed);
    check_cancelled(c);
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    check_cancelled(c);
}

static void test_cancel_while_loading(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    struct cr_err err = {0};
    for (size_t stop = 1;; stop++) {
        s->otsk = NULL;
        fake_run_authenticate(s, c->bed);
        fake_run_prepare(s, c->bed);
        cr_buf_reset(&s->body);
        fake_bind(s, (cr_span){0});
        MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&s->bpp), &err));
        if (stop == segmenter.count) {
            break;
        }
        for (size_t i = 0; i < stop && rsp_segmenter_next(&segmenter, &segment); i++) {
            assert_int_equal(bed_store(c->bed, segment.bytes), 0x9000);
            assert_int_equal(c->bed->out.n, 0);
        }
        /* nothing else is answered now */
        assert_int_equal(bed_store_hex(c->bed, "BF2D00"), 0x6985);
        assert_int_equal(bed_store_hex(c->bed, "BF3E035C015A"), 0x6985);
        check_cancelled(c);
        /* what follows is a stranger now */
        assert_true(rsp_segmenter_next(&segmenter, &segment));
        assert_int_equal(bed_store(c->bed, segment.bytes), 0x6985);
        crypto_private_free(s->otsk);
    }
    ASSERT_INSTALLED(fake_load(s, c->bed, NULL));
}

/* ---- the way to the ISD-R ----------------------------------------------------------------------
 */

static void test_channel_between_functions(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    fake_run_authenticate(s, c->bed);
    bed_close_channel(c->bed);
    bed_isdr(c->bed);
    fake_run_prepare(s, c->bed);
    bed_close_channel(c->bed);
    bed_isdr(c->bed);
    fake_bind(s, (cr_span){0});
    ASSERT_INSTALLED(fake_load(s, c->bed, NULL));
    bed_close_channel(c->bed);
    bed_isdr(c->bed);
    assert_int_equal(bed_profile_count(c->bed), 1);
}

static void test_channel_between_segments(void **state)
{
    struct scene *c = *state;
    struct fake_server *s = c->server;
    struct rsp_segmenter segmenter;
    struct rsp_segment segment;
    struct cr_err err = {0};
    fake_run_authenticate(s, c->bed);
    fake_run_prepare(s, c->bed);
    fake_bind(s, (cr_span){0});
    MUST_OK(rsp_segmenter_start(&segmenter, cr_buf_span(&s->bpp), &err));
    while (rsp_segmenter_next(&segmenter, &segment)) {
        assert_int_equal(bed_store(c->bed, segment.bytes), 0x9000);
        if (c->bed->out.n == 0) {
            bed_close_channel(c->bed);
            bed_isdr(c->bed);
        }
    }
    assert_int_equal(der_peek(cr_buf_span(&c->bed->out)), 0xBF37);
    assert_int_equal(bed_profile_count(c->bed), 1);
}

static void test_blocks(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    /* GetEID in one block and in three */
    assert_int_equal(bed_hex(bed, "81E2910006BF3E035C015A"), 0x9000);
    bed_expect(bed, "BF3E125A1089049032123451234512345678901235");
    assert_int_equal(bed_hex(bed, "81E2110002BF3E"), 0x9000);
    assert_int_equal(bed_hex(bed, "81E2110102035C"), 0x9000);
    assert_int_equal(bed_hex(bed, "81E2910202015A"), 0x9000);
    assert_int_equal(bed->out.n, 21);
    /* a number left out, a number twice: the chain is over, not the session */
    assert_int_equal(bed_hex(bed, "81E2110002BF3E"), 0x9000);
    assert_int_equal(bed_hex(bed, "81E2910205035C015A"), 0x6700); /* Lc does not fit */
    assert_int_equal(bed_hex(bed, "81E2910204035C015A"), 0x6A86);
    assert_int_equal(bed_hex(bed, "81E2910104035C015A00"), 0x6A86);
    assert_int_equal(bed_hex(bed, "81E2110002BF3E"), 0x9000);
    assert_int_equal(bed_hex(bed, "81E2110002BF3E"), 0x9000); /* begins anew */
    assert_int_equal(bed_hex(bed, "81E2910104035C015A"), 0x9000);
    assert_int_equal(bed->out.n, 21);
    /* Lc 00 */
    assert_int_equal(bed_hex(bed, "81E2110002BF3E"), 0x9000);
    assert_int_equal(bed_hex(bed, "81E2910100"), 0x6700);
    assert_int_equal(bed_hex(bed, "81E29101"), 0x6700);
    /* P1 that is none, another instruction, another class */
    assert_int_equal(bed_hex(bed, "81E2900006BF3E035C015A"), 0x6A86);
    assert_int_equal(bed_hex(bed, "81E4910006BF3E035C015A"), 0x6D00);
    assert_int_equal(bed_hex(bed, "01E2910006BF3E035C015A"), 0x6E00);
    assert_int_equal(bed_hex(bed, "81E2910006BF3E035C015A00"), 0x9000); /* with Le */
}

static void test_unknown_functions(void **state)
{
    static const char *const unknown[] = {"BF5600", "BF5500", "BF5A00",       "BF4500", "3000",
                                          "8000",   "00",     "BF23038001FF", "9F",     "BFFF00"};
    struct scene *c = *state;
    fake_run_authenticate(c->server, c->bed);
    for (size_t i = 0; i < CR_COUNT(unknown); i++) {
        assert_int_equal(bed_store_hex(c->bed, unknown[i]), 0x6A88);
        assert_int_equal(c->bed->out.n, 0);
    }
    /* and no harm done */
    fake_run_prepare(c->server, c->bed);
    fake_bind(c->server, (cr_span){0});
    ASSERT_INSTALLED(fake_load(c->server, c->bed, NULL));
}

static void test_malformed_functions(void **state)
{
    static const char *const malformed[] = {"BF3E03",           "BF3E045C015A",    "BF3E035C015A00",
                                            "BF38053003800101", "BF2104FFFFFFFF",  "BF31038101FF",
                                            "BF3E80",           "BF2E8400000000FF"};
    struct scene *c = *state;
    for (size_t i = 0; i < CR_COUNT(malformed); i++) {
        assert_int_equal(bed_store_hex(c->bed, malformed[i]), 0x6A80);
    }
}

static void test_whole_blocks(void **state)
{
    struct scene *c = *state;
    /* A command whose size is a multiple of the block size: an unknown component fills it. */
    for (size_t blocks = 1; blocks <= 3; blocks++) {
        cr_buf command = {0};
        size_t size = blocks * 255;
        size_t header = der_header_size(0xBF3E, size - 4);
        size_t mark = der_open(&command, 0xBF3E);
        static const uint8_t list[] = {0x5C, 0x01, 0x5A};
        cr_buf_append_span(&command, CR_SPAN_ARRAY(list));
        size_t filler = size - header - 3;
        filler -= der_header_size(0x9F7F, filler);
        der_put_header(&command, 0x9F7F, filler);
        for (size_t i = 0; i < filler; i++) {
            cr_buf_append_byte(&command, 0);
        }
        der_close(&command, mark);
        assert_int_equal(command.n, size);
        assert_int_equal(bed_store(c->bed, cr_buf_span(&command)), 0x9000);
        assert_int_equal(c->bed->out.n, 21);
        cr_buf_free(&command);
    }
}

static void test_longest_command(void **state)
{
    struct scene *c = *state;
    cr_buf junk = {0};
    for (size_t i = 0; i < EUICC_MAX_COMMAND; i++) {
        cr_buf_append_byte(&junk, 0x00);
    }
    const uint8_t head[] = {0xBF, 0x56, 0x82, 0xFE, 0xFB};
    memcpy(junk.p, head, sizeof(head));
    assert_int_equal(bed_store(c->bed, cr_buf_span(&junk)), 0x6A88); /* 256 blocks */
    assert_int_equal(bed_profile_count(c->bed), 0);
    cr_buf_free(&junk);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way),
        WITH_SCENE(test_keys_of_one_ci_server_of_another),
        WITH_SCENE(test_authenticate_refusals),
        WITH_SCENE(test_challenge_counts_once),
        WITH_SCENE(test_challenges_differ),
        WITH_SCENE(test_authenticate_certificates),
        WITH_SCENE(test_revoked_server),
        WITH_SCENE(test_unknown_ci),
        WITH_SCENE(test_unsupported_curve),
        WITH_SCENE(test_long_server_address),
        WITH_SCENE(test_server_without_oid),
        WITH_SCENE(test_prepare_refusals),
        WITH_SCENE(test_prepare_certificates),
        WITH_SCENE(test_prepare_without_session),
        WITH_SCENE(test_prepare_with_an_sm_ds),
        WITH_SCENE(test_binder_of_another_server),
        WITH_SCENE(test_confirmation_code),
        WITH_SCENE(test_one_time_key_rules),
        WITH_SCENE(test_one_time_key_after_permanent_error),
        WITH_SCENE(test_retry_with_the_same_body),
        WITH_SCENE(test_many_servers),
        WITH_SCENE(test_cancel),
        WITH_SCENE(test_cancel_while_loading),
        WITH_SCENE(test_channel_between_functions),
        WITH_SCENE(test_channel_between_segments),
        WITH_SCENE(test_blocks),
        WITH_SCENE(test_unknown_functions),
        WITH_SCENE(test_malformed_functions),
        WITH_SCENE(test_whole_blocks),
        WITH_SCENE(test_longest_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
