/*
 * ES1: a good registration to the last column, and every reason to refuse one.
 */
#include "rig.h"

#include "base/text.h"
#include "pki/gpcert.h"
#include "pki/issue.h"
#include "soap/eum_signature.h"

#include <string.h>

static struct reply register_changed(struct rig *r, const char *from,
                                     void (*change)(struct rig *r, struct soap_eis *e))
{
    struct soap_body body = {.has_eis = true};
    rig_eis(r, &body.eis, change);
    return rig_call(r, from, SOAP_ES1, SOAP_REGISTER_EIS, &body);
}

/* ---- good --------------------------------------------------------------------------------------
 */

static void add_properties(struct rig *r, struct soap_eis *e)
{
    static struct soap_property items[] = {{{(const uint8_t *)"k", 1}, {(const uint8_t *)"v", 1}}};
    (void)r;
    e->has_properties = true;
    e->properties.properties.items = items;
    e->properties.properties.count = 1;
}

static void test_good(void **state)
{
    struct rig *r = rig_new_empty(false);
    (void)state;
    struct reply reply = register_changed(r, "eum", add_properties);
    rig_expect(r, &reply, "");
    const struct smsr_euicc e = rig_euicc(r);
    assert_string_equal(e.eum_id, "1.2.50");
    assert_true(e.http && !e.cattp);
    assert_int_equal(e.remaining_memory, 500000);
    assert_int_equal(e.isdr_tars.n, 3);
    assert_true(cr_span_equal(e.ecasd_certificate, r->ecasd));
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    /* What the EUM signed goes on unchanged: the SM-DP can verify it. */
    reply = rig_do(r, "d", SOAP_ES3, SOAP_GET_EIS, 1);
    rig_expect(r, &reply, "");
    struct pki_cert eum;
    struct crypto_public *key = NULL;
    assert_int_equal(pki_cert_decode(r->eum_der, &eum, NULL), CR_OK);
    assert_int_equal(crypto_public_new(eum.curve, eum.point, &key, NULL), CR_OK);
    assert_int_equal(soap_eum_verify(&reply.body.eis, key, r->eum_der, &r->call, NULL), CR_OK);
    crypto_public_free(key);
    assert_int_equal(reply.body.eis.properties.properties.count, 1);
    /* Twice is once too often. */
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "8.1.1/3.3");
    rig_free(r);
}

/* ---- refused -----------------------------------------------------------------------------------
 */

#define KEYSET(e, i)  ((e)->isdr.keysets.items[i])
#define PROFILE(e, n) ((e)->profiles.items[(n)-1])

static void not_ours(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->smsr_id = cr_span_str("1.2.99");
}

static void other_eum(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->signed_info.eum_id = cr_span_str("1.2.51");
}

static void no_isdr(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->has_isdr = false;
}

static void no_memory(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->has_available_memory = false;
}

static void too_much_memory(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->remaining_memory = e->available_memory + 1;
}

static void no_load_file(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->signed_info.isdp_loadfile_aid = (cr_span){0};
}

static void two_enabled(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 2).state = SOAP_STATE_ENABLED;
}

static void no_fallback(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 1).fallback = false;
}

static void two_fallbacks(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 2).fallback = true;
}

static void fallback_for_emergencies(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 1).has_emergency = PROFILE(e, 1).emergency = true;
}

static void same_iccid(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 2).iccid = PROFILE(e, 1).iccid;
}

static void same_aid(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 2).isdp_aid = PROFILE(e, 1).isdp_aid;
}

static void no_owner(struct rig *r, struct soap_eis *e)
{
    (void)r;
    PROFILE(e, 3).mno_id = (cr_span){0};
}

static void bad_pol2(struct rig *r, struct soap_eis *e)
{
    static struct soap_pol2_rule rules[] = {{1, SOAP_POL2_DELETE, SOAP_POL2_NOT_ALLOWED},
                                            {1, SOAP_POL2_DISABLE, SOAP_POL2_AUTO_DELETE}};
    (void)r;
    PROFILE(e, 2).pol2.rules.items = rules;
    PROFILE(e, 2).pol2.rules.count = 2;
}

static void wrong_signer(struct rig *r, struct soap_eis *e)
{
    assert_int_equal(soap_eum_sign(e, r->eum2, r->eum_der, (cr_span){0}, &r->arena, NULL), CR_OK);
}

static void no_signature(struct rig *r, struct soap_eis *e)
{
    wrong_signer(r, e);
    e->eum_signature = cr_span_str("<rps3:EumSignature xmlns:rps3=\"" SOAP_NS_RPS "\"/>");
}

/* The EID of another EUM's range, properly signed, with a certificate of its own. */
static void other_range(struct rig *r, struct soap_eis *e)
{
    static uint8_t eid[16];
    memcpy(eid, rig_eid, 16);
    eid[2] = 0x99;
    (void)r;
    e->signed_info.eid = CR_SPAN_ARRAY(eid);
}

static struct gpcert_request ecasd_request(struct rig *r)
{
    struct pki_cert eum;
    struct gpcert_request request = {.subject = CR_SPAN_ARRAY(rig_eid),
                                     .expiry = 20401231,
                                     .curve = CRYPTO_P256,
                                     .point = pki_key_point(r->eum2)};
    assert_int_equal(pki_cert_decode(r->eum_der, &eum, NULL), CR_OK);
    assert_int_equal(gpcert_request_issuer(&request, &eum, NULL), CR_OK);
    return request;
}

static void put_ecasd(struct rig *r, struct soap_eis *e, const struct gpcert_request *request,
                      const struct pki_key *key)
{
    cr_buf der = {0};
    assert_int_equal(gpcert_issue(request, key, &r->env, &der, NULL), CR_OK);
    e->signed_info.ecasd.keysets.items[0].certificates.items[0].value =
        cr_arena_copy(&r->arena, cr_buf_span(&der));
    cr_buf_free(&der);
}

static void ecasd_of_another(struct rig *r, struct soap_eis *e)
{
    static uint8_t eid[16];
    struct gpcert_request request = ecasd_request(r);
    memcpy(eid, rig_eid, 16);
    eid[15] ^= 1;
    request.subject = CR_SPAN_ARRAY(eid);
    put_ecasd(r, e, &request, r->eum);
}

static void ecasd_expired(struct rig *r, struct soap_eis *e)
{
    struct gpcert_request request = ecasd_request(r);
    request.expiry = 20200101;
    put_ecasd(r, e, &request, r->eum);
}

static void ecasd_forged(struct rig *r, struct soap_eis *e)
{
    struct gpcert_request request = ecasd_request(r);
    put_ecasd(r, e, &request, r->eum2);
}

static void ecasd_is_a_server(struct rig *r, struct soap_eis *e)
{
    struct gpcert_request request = ecasd_request(r);
    request.role = GPCERT_ROLE_DP;
    put_ecasd(r, e, &request, r->eum);
}

static void ecasd_garbage(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->signed_info.ecasd.keysets.items[0].certificates.items[0].value = cr_span_str("7F21");
}

static void no_ecasd(struct rig *r, struct soap_eis *e)
{
    (void)r;
    e->signed_info.ecasd.keysets.items[0].certificates.count = 0;
}

static void wrong_kcv(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[2].kcv = cr_span_str("123");
}

static void short_kcv(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[0].kcv.n = 2;
}

static void odd_value(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[0].components.items[0].value.n = 17;
}

static void long_value(struct rig *r, struct soap_eis *e)
{
    static uint8_t value[64];
    (void)r;
    KEYSET(e, 0).keys.items[0].components.items[0].value = CR_SPAN_ARRAY(value);
}

static void des_key(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[0].components.items[0].type = cr_span_of("\x80", 1);
}

static void index_twice(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[1].index = 1;
}

static void index_out(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.items[1].index = 4;
}

static void no_kid(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).keys.count = 1;
}

static void no_scp80(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0) = KEYSET(e, 1);
    e->isdr.keysets.count = 1;
}

static void keyset_twice(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 1) = KEYSET(e, 0);
}

static void version_of_another_type(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).version = 0x41;
}

static void counter_too_large(struct rig *r, struct soap_eis *e)
{
    (void)r;
    KEYSET(e, 0).counter = 0x10000000000;
}

static const struct {
    void (*change)(struct rig *r, struct soap_eis *e);
    const char *codes;
} rows[] = {
    {not_ours, "8.6/2.1"},
    {other_eum, "8.6/2.1"},
    {no_isdr, "8.6/2.1"},
    {no_memory, "8.6/2.1"},
    {too_much_memory, "8.6/2.1"},
    {no_load_file, "8.6/2.1"},
    {two_enabled, "8.6/2.1"},
    {no_fallback, "8.6/2.1"},
    {two_fallbacks, "8.6/2.1"},
    {fallback_for_emergencies, "8.6/2.1"},
    {same_iccid, "8.6/2.1"},
    {same_aid, "8.6/2.1"},
    {no_owner, "8.6/2.1"},
    {bad_pol2, "8.6/2.1"},
    {other_range, "8.6/2.1"},
    {wrong_signer, "8.6/6.1"},
    {no_signature, "8.6/6.1"},
    {ecasd_of_another, "8.5.2/6.1"},
    {ecasd_expired, "8.5.2/6.3"},
    {ecasd_forged, "8.5.2/6.1"},
    {ecasd_is_a_server, "8.5.2/6.1"},
    {ecasd_garbage, "8.5.2/6.1"},
    {no_ecasd, "8.5.2/6.1"},
    {wrong_kcv, "8.4/4.2"},
    {short_kcv, "8.4/4.2"},
    {odd_value, "8.4/4.2"},
    {long_value, "8.4/4.2"},
    {des_key, "8.4/4.2"},
    {index_twice, "8.4/4.2"},
    {index_out, "8.4/4.2"},
    {no_kid, "8.4/4.2"},
    {no_scp80, "8.4/4.2"},
    {keyset_twice, "8.4/4.2"},
    {version_of_another_type, "8.4/4.2"},
    {counter_too_large, "8.6/2.1"},
};

static cr_status count_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smsr_euicc e;
    bool found;
    cr_arena arena = {0};
    (void)ctx;
    CR_TRY(smsr_euicc_next(tx, (cr_span){0}, &arena, &e, &found, err));
    assert_false(found);
    cr_arena_free(&arena);
    return CR_OK;
}

static void test_refused(void **state)
{
    struct rig *r = rig_new_empty(false);
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct reply reply = register_changed(r, "eum", rows[i].change);
        rig_expect(r, &reply, rows[i].codes);
        rig_store(r, count_work, NULL); /* nothing stays */
    }
    struct reply reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "");
    rig_free(r);
}

/* The EUM itself: unknown, of no CI, expired, without a transport key, or no EUM at all. */
static void test_eum(void **state)
{
    struct rig *r = rig_new_empty(false);
    const int64_t day = (int64_t)24 * 3600 * 1000;
    (void)state;
    struct reply reply = register_changed(r, "eum2", NULL);
    rig_expect(r, &reply, "8.6/2.1");
    reply = register_changed(r, "a", NULL);
    rig_expect(r, &reply, "1.6/1.2");
    r->now_ms += 1001 * day;
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "8.5.1/6.3");
    r->now_ms -= 1001 * day;
    struct m2m_party *eum = rig_party(r, "eum");
    const struct m2m_party good = *eum;
    eum->transport_key = NULL;
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "8.4/4.2");
    *eum = good;
    eum->eum_certificate = (cr_span){0};
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "8.5.1/6.1");
    eum->eum_certificate = r->ci_der; /* a CI is no EUM */
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "8.5.1/6.1");
    *eum = good;
    reply = register_changed(r, "eum", NULL);
    rig_expect(r, &reply, "");
    rig_free(r);
}

static void test_properties(void **state)
{
    struct rig *r = rig_new(false);
    struct soap_property items[2] = {{cr_span_str("a"), cr_span_str("1")},
                                     {cr_span_str("b"), cr_span_str("2")}};
    struct soap_body body = rig_body(1);
    (void)state;
    body.has_properties = true;
    body.properties.properties.items = items;
    body.properties.properties.count = 2;
    struct reply reply = rig_call(r, "eum", SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, &body);
    rig_expect(r, &reply, "");
    items[0].value = cr_span_str("3");
    body.properties.properties.count = 1;
    reply = rig_call(r, "eum", SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, &body);
    rig_expect(r, &reply, "");
    reply = rig_call(r, "eum2", SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, &body);
    rig_expect(r, &reply, "8.1.1/1.2");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_GET_EIS, 1);
    const struct soap_properties *p = &reply.body.eis.properties;
    assert_int_equal(p->properties.count, 2);
    assert_true(cr_span_equal(p->properties.items[0].value, cr_span_str("3")));
    assert_true(cr_span_equal(p->properties.items[1].value, cr_span_str("2")));
    static const uint8_t stranger[16] = {0x89};
    body.eid = CR_SPAN_ARRAY(stranger);
    reply = rig_call(r, "eum", SOAP_ES1, SOAP_UPDATE_EIS_ADDITIONAL_PROPERTIES, &body);
    rig_expect(r, &reply, "8.1.1/1.1");
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_eum),
        cmocka_unit_test(test_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
