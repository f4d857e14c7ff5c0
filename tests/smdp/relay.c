/*
 * The other functions of ES2, notifications, and what the SM-DP does on its own.
 */
#include "rig.h"

#include "asn1/der.h"
#include "base/text.h"
#include "crypto/symmetric.h"

/* Profile 1 is on the chip, Disabled. */
static void install(struct rig *r)
{
    rig_import(r, 1, "iot", 300);
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    r->answers = 0;
}

static struct soap_body request_of(struct rig *r)
{
    return (struct soap_body){.eid = CR_SPAN_ARRAY(r->chip.eid),
                              .smsr_id = cr_span_str(RIG_SR),
                              .iccid = cr_span_str(rig_iccid(1))};
}

static void order(struct rig *r, enum soap_name name, const struct soap_body *body)
{
    r->answers = 0;
    rig_order(r, name, body, 3600);
    rig_settle(r);
}

static const enum soap_name about_profile[] = {
    SOAP_ENABLE_PROFILE,         SOAP_DISABLE_PROFILE,         SOAP_UPDATE_POLICY_RULES,
    SOAP_SET_FALLBACK_ATTRIBUTE, SOAP_SET_EMERGENCY_ATTRIBUTE, SOAP_UPDATE_SUBSCRIPTION_ADDRESS,
    SOAP_DELETE_PROFILE,
};

static void test_relayed(void **state)
{
    struct rig *r = *state;
    install(r);
    for (size_t i = 0; i < CR_COUNT(about_profile); i++) {
        struct soap_body body = request_of(r);
        body.has_address = true;
        body.address.msisdn = cr_span_str("49123");
        order(r, about_profile[i], &body);
        rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
        assert_int_equal(r->asked[about_profile[i]], 1);
        assert_true(cr_span_equal(r->last.iccid, body.iccid));
        /* The rest of the operator's time, a margin less. */
        assert_true(r->last.has_validity_period);
        assert_in_range(r->last.validity_period, 3500, 3590);
    }
    /* Deleted: its keys are forgotten, and it is not there any more. */
    assert_int_equal(rig_state(r, 1), SMDP_DELETED);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM isdp"), 0);
}

/* What the SM-SR says comes back as it is. */
static void test_codes_pass(void **state)
{
    struct rig *r = *state;
    install(r);
    for (size_t i = 0; i < CR_COUNT(about_profile); i++) {
        struct soap_body body = request_of(r);
        body.has_address = true;
        body.address.msisdn = cr_span_str("49123");
        r->faults[about_profile[i]].subject = "8.2.3";
        r->faults[about_profile[i]].reason = "3.8";
        order(r, about_profile[i], &body);
        rig_assert_status(r, SOAP_FAILED, "8.2.3", "3.8");
    }
    assert_int_equal(rig_state(r, 1), SMDP_INSTALLED);
}

static void test_not_own(void **state)
{
    struct rig *r = *state;
    install(r);
    const struct smdp_import import = {.upp = rig_upp(r, rig_iccid(2), 100), .owner = RIG_OTHER};
    assert_int_equal(smdp_import(r->dp, &import, NULL, NULL), CR_OK);
    for (size_t i = 0; i < CR_COUNT(about_profile); i++) {
        struct soap_body body = request_of(r);
        body.has_address = true;
        body.address.msisdn = cr_span_str("49123");
        body.iccid = cr_span_str(rig_iccid(9));
        order(r, about_profile[i], &body);
        rig_assert_status(r, SOAP_FAILED, "8.2.1", "3.9");
        body.iccid = cr_span_str(rig_iccid(2)); /* not on that chip */
        order(r, about_profile[i], &body);
        rig_assert_status(r, SOAP_FAILED, "8.2.1", "3.9");
        body = request_of(r);
        body.has_address = true;
        body.address.msisdn = cr_span_str("49123");
        body.smsr_id = cr_span_str("1.2.3");
        order(r, about_profile[i], &body);
        rig_assert_status(r, SOAP_FAILED, "8.7", "3.9");
        assert_int_equal(r->asked[about_profile[i]], 0);
    }
    /* Another operator's, though it is on the chip. */
    assert_int_equal(rig_count(r, "SELECT count(*) FROM profile WHERE iccid = "
                                  "'89000123450000000001' AND owner = '" RIG_OPERATOR "'"),
                     1);
    r->dp_known[2].url = "https://op/";
    struct soap_body body = request_of(r);
    rig_speak_as(r, RIG_OTHER);
    order(r, SOAP_ENABLE_PROFILE, &body);
    rig_assert_status(r, SOAP_FAILED, "8.2.1", "1.2");
    assert_int_equal(r->asked[SOAP_ENABLE_PROFILE], 0);
}

static void test_eis(void **state)
{
    struct rig *r = *state;
    install(r);
    struct soap_body body = request_of(r);
    order(r, SOAP_GET_EIS, &body);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_int_equal(r->eis_profiles, 1); /* the other operator's row is not shown */
    assert_false(r->eis_has_ecasd);
    assert_false(r->eis_has_isdr);
    cr_span iccid = body.iccid;
    body.iccids.items = &iccid;
    body.iccids.count = 1;
    order(r, SOAP_AUDIT_EIS, &body);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_int_equal(r->asked[SOAP_AUDIT_EIS], 1);
    iccid = cr_span_str(rig_iccid(9));
    order(r, SOAP_AUDIT_EIS, &body);
    rig_assert_status(r, SOAP_FAILED, "8.2.1", "3.9");
    assert_int_equal(r->asked[SOAP_AUDIT_EIS], 1);
}

static void test_plma_onc(void **state)
{
    struct rig *r = *state;
    struct soap_body body = {
        .smsr_id = cr_span_str(RIG_SR),
        .has_plma = true,
        .plma = {.mno_id = cr_span_str(RIG_OPERATOR),
                 .m2m_sp_id = cr_span_str("1.2.7"),
                 .profile_type = cr_span_str("iot")},
        .has_onc = true,
        .onc = {.mno_id = cr_span_str(RIG_OPERATOR), .profile_type = cr_span_str("iot")}};
    static const enum soap_name names[] = {SOAP_SET_PLMA, SOAP_GET_PLMA, SOAP_SET_ONC,
                                           SOAP_GET_ONC};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        order(r, names[i], &body);
        rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
        assert_int_equal(r->asked[names[i]], 1);
        assert_true(cr_span_equal(r->last.mno_id, cr_span_str(RIG_OPERATOR)));
    }
    body.plma.mno_id = body.onc.mno_id = cr_span_str(RIG_OTHER);
    order(r, SOAP_SET_PLMA, &body);
    rig_assert_status(r, SOAP_FAILED, "8.11", "2.1");
    order(r, SOAP_SET_ONC, &body);
    rig_assert_status(r, SOAP_FAILED, "8.12", "2.1");
    assert_int_equal(r->asked[SOAP_SET_PLMA] + r->asked[SOAP_SET_ONC], 2);
}

static void test_expired(void **state)
{
    struct rig *r = *state;
    install(r);
    struct soap_body body = request_of(r);
    r->faults[SOAP_ENABLE_PROFILE].silent = true;
    rig_order(r, SOAP_ENABLE_PROFILE, &body, 600);
    rig_settle(r);
    rig_pass(r, 600 * 1000);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXPIRED, "1.6", "5.3");
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job WHERE step < 15"), 0);
}

/* ---- notifications ---- */

static void test_notifications(void **state)
{
    struct rig *r = *state;
    install(r);
    struct soap_body notice = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                               .iccid = cr_span_str(rig_iccid(1)),
                               .mno_id = cr_span_str(RIG_OPERATOR),
                               .has_completion_timestamp = true,
                               .completion_timestamp = r->now_ms};
    static const enum soap_name names[] = {SOAP_PROFILE_ENABLED, SOAP_PROFILE_DISABLED,
                                           SOAP_FALLBACK_SET, SOAP_PROFILE_DELETED};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        rig_notify(r, names[i], &notice);
        rig_settle(r);
        assert_int_equal(r->notices, i + 1);
        assert_ptr_equal(r->noticed, soap_function(SOAP_ES2, names[i]));
        assert_true(cr_span_equal(r->notice.iccid, notice.iccid));
    }
    assert_int_equal(rig_state(r, 1), SMDP_DELETED);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM isdp"), 0);
    /* Without Mno-id the owner of the Profile is told; of an unknown one, nobody. */
    notice.mno_id = (cr_span){0};
    rig_notify(r, SOAP_PROFILE_ENABLED, &notice);
    rig_settle(r);
    assert_int_equal(r->notices, CR_COUNT(names) + 1);
    notice.iccid = cr_span_str(rig_iccid(9));
    rig_notify(r, SOAP_PROFILE_ENABLED, &notice);
    rig_settle(r);
    assert_int_equal(r->notices, CR_COUNT(names) + 1);
}

/* An SM-SR that does not have the chip says nothing about it. */
static void test_foreign_notification(void **state)
{
    struct rig *r = *state;
    install(r);
    struct soap_body notice = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                               .iccid = cr_span_str(rig_iccid(1)),
                               .mno_id = cr_span_str(RIG_OPERATOR),
                               .has_completion_timestamp = true};
    assert_int_equal(rig_count(r, "SELECT count(*) FROM chip WHERE smsr = '" RIG_SR "'"), 1);
    struct soap_body moved = {.has_eis = true,
                              .eis = {.has_signed_info = true,
                                      .signed_info = {.eid = CR_SPAN_ARRAY(r->chip.eid)},
                                      .smsr_id = cr_span_str("1.2.99")},
                              .mno_id = cr_span_str(RIG_OPERATOR),
                              .has_completion_timestamp = true};
    rig_notify(r, SOAP_SMSR_CHANGED, &moved);
    rig_settle(r);
    assert_int_equal(r->notices, 1);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM chip WHERE smsr = '1.2.99'"), 1);
    rig_notify(r, SOAP_PROFILE_DELETED, &notice);
    rig_settle(r);
    assert_int_equal(r->notices, 1);
    assert_int_equal(rig_state(r, 1), SMDP_INSTALLED);
}

/* ---- own operations ---- */

static void test_connectivity(void **state)
{
    struct rig *r = *state;
    static const uint8_t parameters[] = {0xA0, 0x09, 0x06, 0x07, 0x91, 0x21,
                                         0x43, 0x65, 0x87, 0x09, 0xF1};
    struct cr_err err = {0};
    int64_t job = 0;
    assert_int_equal(
        smdp_update_connectivity(r->dp, rig_iccid(1), CR_SPAN_ARRAY(parameters), &job, &err),
        CR_REFUSED);
    install(r);
    struct fake_isdp *d = &r->chip.isdps[0];
    for (int i = 0; i < 2; i++) { /* the second time, others have used the counter */
        cr_buf_reset(&d->parameters);
        assert_int_equal(
            smdp_update_connectivity(r->dp, rig_iccid(1), CR_SPAN_ARRAY(parameters), &job, &err),
            CR_OK);
        rig_settle(r);
        assert_true(cr_span_equal(cr_buf_span(&d->parameters), CR_SPAN_ARRAY(parameters)));
        assert_int_equal(rig_count(r, "SELECT step FROM job ORDER BY id DESC LIMIT 1"),
                         SMDP_STEP_DONE);
        /* Sealed on its way. */
        assert_null(memmem(r->last.connectivity_parameters.p, r->last.connectivity_parameters.n,
                           parameters + 4, sizeof parameters - 4));
        d->counter += 5;
    }
    d->keyed = false;
    assert_int_equal(
        smdp_update_connectivity(r->dp, rig_iccid(1), CR_SPAN_ARRAY(parameters), &job, &err),
        CR_OK);
    rig_settle(r);
    assert_int_equal(rig_count(r, "SELECT step FROM job ORDER BY id DESC LIMIT 1"),
                     SMDP_STEP_FAILED);
    assert_int_equal(smdp_update_connectivity(r->dp, rig_iccid(1), (cr_span){0}, &job, &err),
                     CR_REFUSED);
}

static void check_token(struct rig *r, cr_span objects, uint8_t number)
{
    const struct fake_isdp *d = &r->chip.isdps[0];
    struct der_tlv token, id;
    cr_buf input = {0}, b6 = {0};
    uint8_t mac[16];
    assert_true(der_find(objects, 0x9E, &token));
    assert_true(der_find(objects, 0x93, &id));
    assert_int_equal(id.value.n, 2);
    assert_int_equal(id.value.p[1], number);
    cr_span signed_part = cr_span_sub(objects, 0, (size_t)(token.all.p - objects.p));
    der_put(&b6, 0xB6, signed_part);
    const uint8_t head[] = {0x00, 0x40, (uint8_t)(18 + b6.n), 0x4F, 0x10};
    cr_buf_append(&input, head, sizeof head);
    cr_buf_append(&input, d->aid, sizeof d->aid);
    cr_buf_append_span(&input, cr_buf_span(&b6));
    cr_span part = cr_buf_span(&input);
    assert_int_equal(crypto_cmac(CR_SPAN_ARRAY(d->token_key), &part, 1, mac, NULL), CR_OK);
    assert_true(cr_span_equal(token.value, CR_SPAN_ARRAY(mac)));
    cr_buf_free(&input);
    cr_buf_free(&b6);
}

static void test_master_delete(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_buf out = {0};
    r->options.token_keys = true;
    rig_restart(r);
    install(r);
    assert_true(r->chip.isdps[0].has_token_key);
    assert_int_equal(r->chip.isdps[0].token_data.p[0], 0x45);
    for (uint8_t i = 1; i < 3; i++) {
        assert_int_equal(smdp_authorise_master_delete(r->dp, CR_SPAN_ARRAY(r->chip.eid),
                                                      rig_iccid(1), &out, &err),
                         CR_OK);
        check_token(r, cr_buf_span(&out), i);
    }
    assert_int_equal(
        smdp_authorise_master_delete(r->dp, CR_SPAN_ARRAY(r->chip.eid), rig_iccid(9), &out, &err),
        CR_REFUSED);
    assert_string_equal(err.reason, "3.9");
    cr_buf_free(&out);
}

/* What an SM-SR asks for: the one that manages the chip gets it, once for each consent. Others are
 * not even told what is on the chip. */
static void test_asked_by_smsr(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_buf out = {0};
    r->options.token_keys = true;
    rig_restart(r);
    install(r);
    const struct m2m_party stranger = {.name = "other", .oid = "1.2.99", .roles = SOAP_SMSR};
    struct m2m_party manager = stranger;
    manager.oid = RIG_SR;
    struct m2m_delete_request request = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                                         .aid = CR_SPAN_ARRAY(r->chip.isdps[0].aid)};
    for (int i = 1; i <= 9; i += 8) { /* a Profile that is there, and one that is not */
        request.iccid = rig_iccid((uint8_t)i);
        assert_int_equal(smdp_authorise_smsr(r->dp, &stranger, &request, &out, &err), CR_REFUSED);
        assert_string_equal(err.subject, "1.6");
        assert_string_equal(err.reason, "1.2");
    }
    assert_int_equal(smdp_authorise_smsr(r->dp, &manager, &request, &out, &err), CR_REFUSED);
    assert_string_equal(err.reason, "3.9");
    request.iccid = rig_iccid(1);
    assert_int_equal(smdp_authorise_smsr(r->dp, &manager, &request, &out, &err), CR_REFUSED);
    assert_string_equal(err.reason, "1.2");
    assert_int_equal(
        smdp_consent_master_delete(r->dp, CR_SPAN_ARRAY(r->chip.eid), rig_iccid(1), true, &err),
        CR_OK);
    assert_int_equal(smdp_authorise_smsr(r->dp, &stranger, &request, &out, &err), CR_REFUSED);
    assert_int_equal(smdp_authorise_smsr(r->dp, &manager, &request, &out, &err), CR_OK);
    check_token(r, cr_buf_span(&out), 1);
    assert_int_equal(smdp_authorise_smsr(r->dp, &manager, &request, &out, &err), CR_REFUSED);
    cr_buf_free(&out);
}

/* A chip that does not take the key has the Profile all the same. */
static void test_no_token_key(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    cr_buf out = {0};
    r->options.token_keys = true;
    r->chip.no_token = true;
    rig_restart(r);
    rig_import(r, 1, "iot", 300);
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_WITHWARNING, "8.2.1", "4.2");
    assert_int_equal(rig_state(r, 1), SMDP_INSTALLED);
    assert_int_equal(
        smdp_authorise_master_delete(r->dp, CR_SPAN_ARRAY(r->chip.eid), rig_iccid(1), &out, &err),
        CR_REFUSED);
    assert_string_equal(err.reason, "3.8");
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        T(test_relayed),       T(test_codes_pass),
        T(test_not_own),       T(test_eis),
        T(test_plma_onc),      T(test_expired),
        T(test_notifications), T(test_foreign_notification),
        T(test_connectivity),  T(test_master_delete),
        T(test_no_token_key),  T(test_asked_by_smsr),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
