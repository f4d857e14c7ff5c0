/*
 * The functions through the messenger: each refusal with its codes, who sees what, who hears what.
 */
#include "rig.h"

#include "base/text.h"

#include <string.h>

static int setup(void **state)
{
    *state = rig_new(false);
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void locked(struct rig *r)
{
    rig_pol2(r, 2, SMSR_POL2_DISABLE_NOT_ALLOWED | SMSR_POL2_AUTO_DELETE);
}

static void keep(struct rig *r)
{
    rig_pol2(r, 2, SMSR_POL2_DELETE_NOT_ALLOWED);
}

static void no_enable(struct rig *r)
{
    rig_pol2(r, 2, SMSR_POL2_ENABLE_NOT_ALLOWED);
}

static void one_stays(struct rig *r)
{
    rig_pol2(r, 1, SMSR_POL2_DISABLE_NOT_ALLOWED);
}

static void grant_nothing_useful(struct rig *r)
{
    rig_grant(r, "a", "s", "GetEIS");
}

static cr_status state_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return smsr_profile_put(tx, ctx, err);
}

static void emergency(struct rig *r)
{
    struct smsr_profile p;
    rig_profile(r, 2, &p);
    p.emergency = true;
    rig_store(r, state_work, &p);
}

static void emergency_enabled(struct rig *r)
{
    struct smsr_profile p;
    rig_profile(r, 1, &p);
    p.state = SMSR_DISABLED;
    rig_store(r, state_work, &p);
    rig_profile(r, 2, &p);
    p.emergency = true;
    p.state = SMSR_ENABLED;
    rig_store(r, state_work, &p);
}

static void created(struct rig *r)
{
    struct smsr_profile p;
    rig_profile(r, 2, &p);
    p.state = SMSR_CREATED;
    rig_store(r, state_work, &p);
}

static void in_creation(struct rig *r)
{
    struct smsr_profile p;
    rig_profile(r, 2, &p);
    p.state = SMSR_IN_CREATION;
    rig_store(r, state_work, &p);
}

static cr_status handover_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx, "UPDATE euicc_state SET handover = 1", NULL, NULL, NULL, NULL, err);
}

static void handed_over(struct rig *r)
{
    rig_store(r, handover_work, NULL);
}

static const struct {
    const char *from;
    enum soap_interface interface;
    enum soap_name name;
    int n;
    void (*prepare)(struct rig *r);
    const char *codes;
} rows[] = {
    /* C0: the role, what is not offered here. */
    {"a", SOAP_ES3, SOAP_ENABLE_PROFILE, 2, NULL, "1.6/1.2"},
    {"d", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, NULL, "1.6/1.2"},
    {"s", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, 2, NULL, "1.6/1.2"},
    {"a", SOAP_ES2, SOAP_GET_EIS, 2, NULL, "1.6/3.1"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, handed_over, "1.2/4.4"},
    {"a", SOAP_ES4, SOAP_GET_EIS, 2, handed_over, "1.2/4.4"},
    {"a", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, 2, handed_over, "1.2/4.4"},
    /* CP: no such Profile, not the caller's, not in its state. */
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 5, NULL, "8.2.1/3.9"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, in_creation, "8.2.1/3.9"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 3, NULL, "8.2.1/1.2"},
    {"d2", SOAP_ES3, SOAP_ENABLE_PROFILE, 3, NULL, "8.2.1/1.2"},
    {"d", SOAP_ES3, SOAP_ENABLE_PROFILE, 1, NULL, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 1, NULL, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, created, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_DISABLE_PROFILE, 2, NULL, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_DELETE_PROFILE, 2, created, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, 2, created, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, 2, created, "8.2.1/1.2"},
    {"a", SOAP_ES4, SOAP_SET_EMERGENCY_ATTRIBUTE, 2, created, "8.2.1/1.2"},
    {"d", SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, 2, NULL, "8.2.1/1.2"},
    {"d2", SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, 2, created, "8.2.1/1.2"},
    {"d", SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, 5, NULL, "8.2.1/3.9"},
    /* C2: POL2, of the target and of the one that gives way. */
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, no_enable, "8.2.3/3.8"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, one_stays, "8.2.3/3.8"},
    {"a", SOAP_ES4, SOAP_DELETE_PROFILE, 2, keep, "8.2.3/3.8"},
    {"d", SOAP_ES3, SOAP_DELETE_PROFILE, 2, locked, "8.2.3/3.8"},
    /* CF: the Fall-Back Profile; the Emergency Profile. */
    {"a", SOAP_ES4, SOAP_DISABLE_PROFILE, 1, NULL, "8.2.7/3.8"},
    {"a", SOAP_ES4, SOAP_DELETE_PROFILE, 1, NULL, "8.2.7/3.8"},
    {"a", SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, 2, emergency, "8.2.7/3.8"},
    {"a", SOAP_ES4, SOAP_SET_EMERGENCY_ATTRIBUTE, 1, NULL, "8.2.8/3.8"},
    {"a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, emergency, "8.2.8/3.8"},
    {"a", SOAP_ES4, SOAP_DISABLE_PROFILE, 2, emergency_enabled, "8.2.8/3.8"},
    {"a", SOAP_ES4, SOAP_DELETE_PROFILE, 2, emergency_enabled, "8.2.8/3.8"},
    /* CM: no PLMA, another PLMA; consent of the old holder's owner. */
    {"s", SOAP_ES4, SOAP_GET_EIS, 2, NULL, "8.11/3.9"},
    {"s", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, NULL, "8.11/3.9"},
    {"s", SOAP_ES4, SOAP_ENABLE_PROFILE, 2, grant_nothing_useful, "1.6/1.2"},
    {"s", SOAP_ES4, SOAP_AUDIT_EIS, 2, grant_nothing_useful, "8.11/3.9"},
    {"d", SOAP_ES3, SOAP_SET_FALLBACK_ATTRIBUTE, 3, NULL, "8.2.1/1.2"},
    {"c", SOAP_ES4, SOAP_GET_EIS, 2, NULL, "1.6/1.2"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct rig *r = rig_new(false);
        if (rows[i].prepare) {
            rows[i].prepare(r);
        }
        struct soap_body body = rig_body(rows[i].n);
        body.smsr_id = cr_span_str("1.2.20");
        struct reply reply = rig_call(r, rows[i].from, rows[i].interface, rows[i].name, &body);
        rig_expect(r, &reply, rows[i].codes);
        assert_int_equal(rig_radio_take(r), 0);
        rig_free(r);
    }
}

/* CE: every function that names an eUICC. */
static void test_unknown_eid(void **state)
{
    struct rig *r = *state;
    static const uint8_t stranger[16] = {0x89};
    for (int i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        const bool es3 = f->interface == SOAP_ES3, es4 = f->interface == SOAP_ES4;
        if (f->pattern == SOAP_NOTIFICATION || !(es3 || es4) ||
            f->request[0].element != SOAP_EL_EID || f->id == SOAP_PREPARE_SMSR_CHANGE) {
            continue;
        }
        struct soap_body body = rig_body(2);
        body.eid = CR_SPAN_ARRAY(stranger);
        body.mno_id = body.smsr_id = cr_span_str("1.2.1");
        body.has_required_memory = true;
        body.sd_aid = rig_aid(2);
        body.data = body.connectivity_parameters = cr_span_of("\x84\x00", 2);
        body.has_address = true;
        struct reply reply = rig_call(r, es3 ? "d" : "a", (enum soap_interface)f->interface,
                                      (enum soap_name)f->id, &body);
        rig_expect(r, &reply, "8.1.1/1.1");
        rig_forget(r);
    }
}

static void test_create(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(2);
    body.mno_id = cr_span_str("1.2.1");
    body.has_required_memory = true;
    body.required_memory = 1;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "8.2.1/3.3");
    body.iccid = cr_span_str(rig_iccid(4));
    body.required_memory = 500001;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "8.1/4.8");
    /* In creation: nobody sees it, nobody can touch it. */
    body.required_memory = 500000;
    body.mno_id = cr_span_str("1.2.3");
    struct reply waiting = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &waiting, "...");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_GET_EIS, 4);
    rig_expect(r, &reply, "");
    assert_int_equal(reply.body.eis.profiles.count, 2);
    reply = rig_do(r, "c", SOAP_ES4, SOAP_GET_EIS, 4);
    rig_expect(r, &reply, "1.6/1.2");
    rig_run(r);
    reply = rig_do(r, "c", SOAP_ES4, SOAP_GET_EIS, 4);
    rig_expect(r, &reply, "");
    /* The lowest AID that is free again. */
    reply = rig_do(r, "a", SOAP_ES4, SOAP_DELETE_PROFILE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    body.iccid = cr_span_str(rig_iccid(5));
    body.required_memory = 1;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_true(cr_span_equal(reply.body.isdp_aid, rig_aid(2)));
}

/* ISD-R takes from an SM-DP what establishes keys of its own ISD-P: not a switch, not a deletion.
 */
static void test_send_data(void **state)
{
    struct rig *r = *state;
    const struct smsr_euicc e = rig_euicc(r);
    const struct {
        const char *from;
        cr_span aid;
        const char *hex, *codes;
    } sends[] = {
        {"d", rig_aid(5), "8400", "8.3.1/3.9"},
        {"d", rig_aid(1), "8400", "8.3.1/1.2"},
        {"d2", rig_aid(2), "8400", "8.3.1/1.2"},
        {"d2", e.isdr_aid, "220780E209003A0100", "8.3.1/1.2"},
        {"d", rig_aid(2), "84", "1.6/2.1"},
        {"d", rig_aid(2), "8402AA", "1.6/2.1"},
        {"d", rig_aid(2), "830111", "1.6/2.1"},
        {"d", rig_aid(2), "AA028400", "1.6/2.1"},
        {"d", e.isdr_aid, "8400", "8.3.1/1.2"},
        {"d", e.isdr_aid, "221A80E28800153A03124F10A0000005591010FFFFFFFF8900001100", "8.3.1/1.2"},
        {"d", e.isdr_aid, "221A80E28901153A03124F10A0000005591010FFFFFFFF8900001100", "8.3.1/1.2"},
        {"d", e.isdr_aid, "221880E40040124F10A0000005591010FFFFFFFF890000110000", "8.3.1/1.2"},
        {"d", e.isdr_aid, "220580CAFF2100", "8.3.1/1.2"},
        {"d", e.isdr_aid, "220480E2", "1.6/2.1"},
        {"d", e.isdr_aid, "220280E2", "8.3.1/1.2"},
        /* Keys of ISD-R itself: 3A01 without an ISD-P in front of it. */
        {"d", e.isdr_aid, "220980E20900033A010000", "8.3.1/1.2"},
        /* INSTALL [for personalization] of the ISD-P of nobody it manages, and of its own. */
        {"d", e.isdr_aid, "221C80E6200016000010A0000005591010FFFFFFFF890000100000000000",
         "8.3.1/1.2"},
        {"d", e.isdr_aid, "221C80E60C0016000010A0000005591010FFFFFFFF890000110000000000",
         "8.3.1/1.2"},
        {"d", e.isdr_aid, "221C80E6200016000010A0000005591010FFFFFFFF890000110000000000", "..."},
    };
    for (size_t i = 0; i < CR_COUNT(sends); i++) {
        cr_buf data = {0};
        struct soap_body body = rig_body(2);
        assert_int_equal(cr_hex_decode(&data, cr_span_str(sends[i].hex), NULL), CR_OK);
        body.sd_aid = sends[i].aid;
        body.data = cr_buf_span(&data);
        struct reply reply = rig_call(r, sends[i].from, SOAP_ES3, SOAP_SEND_DATA, &body);
        rig_expect(r, &reply, sends[i].codes);
        cr_buf_free(&data);
    }
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void test_get_eis(void **state)
{
    struct rig *r = *state;
    rig_grant(r, "b", "s", "GetEIS");
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_GET_EIS, 1);
    rig_expect(r, &reply, "");
    const struct soap_eis *eis = &reply.body.eis;
    assert_int_equal(eis->profiles.count, 2);
    assert_int_equal(eis->profiles.items[0].state, SOAP_STATE_ENABLED);
    assert_true(eis->has_remaining_memory && eis->eum_signature.p &&
                eis->signed_info.platform_type.p);
    assert_false(eis->signed_info.has_ecasd || eis->has_isdr || eis->has_audit_trail ||
                 eis->has_last_audit || eis->signed_info.isdp_loadfile_aid.p);
    reply = rig_do(r, "s", SOAP_ES4, SOAP_GET_EIS, 1);
    rig_expect(r, &reply, "");
    eis = &reply.body.eis;
    assert_int_equal(eis->profiles.count, 1);
    assert_true(cr_span_equal(eis->profiles.items[0].iccid, cr_span_str(rig_iccid(3))));
    reply = rig_do(r, "d", SOAP_ES3, SOAP_GET_EIS, 1);
    rig_expect(r, &reply, "");
    eis = &reply.body.eis;
    assert_int_equal(eis->profiles.count, 2); /* its own, of both operators */
    assert_true(eis->signed_info.has_ecasd && eis->has_isdr);
    assert_int_equal(eis->isdr.keysets.count, 0);
    assert_false(eis->has_audit_trail);
    /* One that is about to download, without a Profile there. */
    reply = rig_do(r, "d2", SOAP_ES3, SOAP_GET_EIS, 1);
    rig_expect(r, &reply, "");
    assert_int_equal(reply.body.eis.profiles.count, 0);
}

struct showing {
    struct rig *r;
    enum smsr_view view;
    const char *viewer;
    struct soap_eis eis;
};

static cr_status show_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct showing *s = ctx;
    struct smsr_euicc e;
    CR_TRY(smsr_euicc_get(tx, CR_SPAN_ARRAY(rig_eid), &s->r->call, &e, err));
    return smsr_eis_show(s->r->sr, tx, &e, s->view, s->viewer, &s->r->call, &s->eis, err);
}

static void test_other_views(void **state)
{
    struct rig *r = *state;
    struct showing s = {.r = r, .view = SMSR_VIEW_HANDOVER};
    (void)rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    rig_store(r, show_work, &s);
    assert_int_equal(s.eis.profiles.count, 3);
    assert_int_equal(s.eis.isdr.keysets.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(s.eis.isdr.keysets.items[i].keys.count, 0); /* never */
    }
    assert_int_equal(s.eis.isdr.keysets.items[0].counter, 9);
    assert_int_equal(s.eis.audit_trail.records.count, 2);
    assert_true(
        cr_span_equal(s.eis.audit_trail.records.items[0].requester_id, cr_span_str("1.2.1")));
    s.view = SMSR_VIEW_CHANGE;
    s.viewer = "1.2.1";
    rig_store(r, show_work, &s);
    assert_int_equal(s.eis.profiles.count, 2);
    assert_int_equal(s.eis.profiles.items[0].state, 0);
    assert_false(s.eis.has_remaining_memory || s.eis.has_isdr || s.eis.signed_info.eum_id.p);
}

/* ---- records -----------------------------------------------------------------------------------
 */

static void test_policy_and_address(void **state)
{
    struct rig *r = *state;
    struct soap_pol2_rule rules[2] = {{1, SOAP_POL2_DISABLE, SOAP_POL2_NOT_ALLOWED},
                                      {1, SOAP_POL2_DELETE, SOAP_POL2_NOT_ALLOWED}};
    struct smsr_profile p;
    struct soap_body body = rig_body(2);
    rig_grant(r, "a", "s", "HandleProfilePOL2UpdatedNotification UpdateSubscriptionAddress");
    body.has_pol2 = true;
    body.pol2.rules.items = rules;
    body.pol2.rules.count = 2;
    struct reply reply = rig_call(r, "a", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, &body);
    rig_expect(r, &reply, "");
    rig_profile(r, 2, &p);
    assert_int_equal(p.pol2, SMSR_POL2_DISABLE_NOT_ALLOWED | SMSR_POL2_DELETE_NOT_ALLOWED);
    assert_string_equal(rig_letters(r), "s ES4 ProfilePOL2Updated 2");
    rules[0] = rules[1];
    reply = rig_call(r, "a", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, &body);
    rig_expect(r, &reply, "8.2.3/2.1");
    /* Without pol2: no rule. By its SM-DP, so the owner hears of it. */
    reply = rig_do(r, "d", SOAP_ES3, SOAP_UPDATE_POLICY_RULES, 2);
    rig_expect(r, &reply, "");
    rig_profile(r, 2, &p);
    assert_int_equal(p.pol2, 0);
    assert_string_equal(rig_letters(r), "a ES4 ProfilePOL2Updated 2; s ES4 ProfilePOL2Updated 2");
    body = rig_body(2);
    body.has_address = true;
    reply = rig_call(r, "s", SOAP_ES4, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, &body);
    rig_expect(r, &reply, "8.2.6/2.1");
    body.address.imsi = cr_span_str("001010000000027");
    reply = rig_call(r, "s", SOAP_ES4, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, &body);
    rig_expect(r, &reply, "");
    rig_profile(r, 2, &p);
    assert_string_equal(p.imsi, "001010000000027");
    assert_null(p.msisdn); /* replaced as a whole */
}

/* ---- authorisations ----------------------------------------------------------------------------
 */

static void test_plma(void **state)
{
    struct rig *r = *state;
    int operations[] = {3, 12}; /* EnableProfile, HandleProfileEnabledNotification */
    struct soap_body body = rig_body(1);
    body.has_plma = true;
    body.plma = (struct soap_plma){.mno_id = cr_span_str("1.2.2"),
                                   .m2m_sp_id = cr_span_str("1.2.30"),
                                   .profile_type = cr_span_str("meter")};
    body.plma.operations.items = operations;
    body.plma.operations.count = 2;
    struct reply reply = rig_call(r, "a", SOAP_ES4A, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "1.6/1.2"); /* in the name of another */
    body.mno_id = cr_span_str("1.2.3");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "1.6/1.2"); /* it does not act for c */
    body.mno_id = cr_span_str("1.2.2");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r), "s ES4 PLMAChanged");
    body.plma.m2m_sp_id = cr_span_str("1.2.99");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "8.10/3.9");
    body.plma.m2m_sp_id = cr_span_str("1.2.50"); /* an EUM is no M2M SP */
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "8.10/3.9");
    body.plma.m2m_sp_id = cr_span_str("1.2.2");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "8.11/2.1");
    /* It works, and its grantee hears of it when others do it. */
    reply = rig_do(r, "s", SOAP_ES4, SOAP_ENABLE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r),
                        "a ES4 ProfileDisabled 1; d ES3 ProfileEnabled 3 for 1.2.2");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    (void)rig_letters(r);
    reply = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_run(r);
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 2; s ES4 ProfileEnabled 3");
    /* Read by both ends; nobody else's. */
    struct soap_body ask = rig_body(1);
    reply = rig_call(r, "s", SOAP_ES4, SOAP_GET_PLMA, &ask);
    assert_int_equal(reply.body.plmas.count, 1);
    assert_int_equal(reply.body.plmas.items[0].operations.count, 2);
    assert_int_equal(reply.body.plmas.items[0].operations.items[1], 12);
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_GET_PLMA, &ask);
    assert_int_equal(reply.body.plmas.count, 0);
    ask.mno_id = cr_span_str("1.2.2");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_GET_PLMA, &ask);
    assert_int_equal(reply.body.plmas.count, 1);
    reply = rig_call(r, "d2", SOAP_ES3, SOAP_GET_PLMA, &ask);
    rig_expect(r, &reply, "1.6/1.2");
    /* Withdrawn. */
    body.plma.m2m_sp_id = cr_span_str("1.2.30");
    body.plma.operations.count = 0;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r), "s ES4 PLMAChanged");
    reply = rig_do(r, "s", SOAP_ES4, SOAP_DISABLE_PROFILE, 3);
    rig_expect(r, &reply, "8.11/3.9");
}

static void test_onc(void **state)
{
    struct rig *r = *state;
    int discarded[] = {3}; /* HandleProfileDisabledNotification */
    struct soap_body body = rig_body(1);
    body.has_onc = true;
    body.onc =
        (struct soap_onc){.mno_id = cr_span_str("1.2.1"), .profile_type = cr_span_str("bootstrap")};
    body.onc.discarded.items = discarded;
    body.onc.discarded.count = 1;
    struct reply reply = rig_call(r, "c", SOAP_ES4A, SOAP_SET_ONC, &body);
    rig_expect(r, &reply, "1.6/1.2");
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_SET_ONC, &body);
    rig_expect(r, &reply, "");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r), ""); /* not wanted */
    reply = rig_do(r, "a", SOAP_ES4, SOAP_DISABLE_PROFILE, 2);
    rig_run(r);
    assert_string_equal(rig_letters(r), "a ES4 ProfileEnabled 1"); /* another one is */
    body.profile_type = cr_span_str("meter");
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_GET_ONC, &body);
    assert_int_equal(reply.body.oncs.count, 0);
    body.profile_type = cr_span_str("bootstrap");
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_GET_ONC, &body);
    assert_int_equal(reply.body.oncs.count, 1);
    assert_int_equal(reply.body.oncs.items[0].discarded.items[0], 3);
    body.onc.discarded.count = 0;
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_SET_ONC, &body);
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_GET_ONC, &body);
    assert_int_equal(reply.body.oncs.count, 0);
}

static void test_onc_unsupported(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(1);
    body.has_onc = true;
    body.onc =
        (struct soap_onc){.mno_id = cr_span_str("1.2.1"), .profile_type = cr_span_str("bootstrap")};
    r->sr->policy.no_onc = true;
    struct reply reply = rig_call(r, "a", SOAP_ES4A, SOAP_SET_ONC, &body);
    rig_expect(r, &reply, "8.12/3.1");
    reply = rig_call(r, "a", SOAP_ES4A, SOAP_GET_ONC, &body);
    rig_expect(r, &reply, "8.12/3.1");
}

/* The attribute leaves another owner's Profile only with its consent. */
static void test_consent(void **state)
{
    struct rig *r = *state;
    struct reply reply = rig_do(r, "d", SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_SET_EMERGENCY_ATTRIBUTE, 2);
    rig_expect(r, &reply, "8.2.1/1.2");
    int items[] = {10}; /* UnsetEmergencyProfileAttribute */
    struct soap_body body = rig_body(1);
    body.has_plma = true;
    body.mno_id = cr_span_str("1.2.2");
    body.plma = (struct soap_plma){.mno_id = cr_span_str("1.2.2"),
                                   .m2m_sp_id = cr_span_str("1.2.1"),
                                   .profile_type = cr_span_str("meter")};
    body.plma.operations.items = items;
    body.plma.operations.count = 1;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "");
    (void)rig_letters(r);
    /* By the SM-DP too, for the operator that has the consent. */
    reply = rig_do(r, "d", SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_states(r), "1EF 2DM 3D");
    assert_string_equal(rig_letters(r), "d ES3 EmergencyProfileAttributeUnset 3 for 1.2.2");
}

/* What is refused of an SM-SR change before it begins; the whole of it is in handover.c. */
static void test_change(void **state)
{
    struct rig *r = *state;
    static const uint8_t stranger[16] = {0x89};
    const struct {
        const char *from;
        enum soap_name name;
        bool here;
        const char *smsr, *codes;
    } asks[] = {
        {"a", SOAP_PREPARE_SMSR_CHANGE, true, "1.2.21", "8.1.1/3.3"},
        {"a", SOAP_PREPARE_SMSR_CHANGE, false, "1.2.22", "8.7/3.9"},
        {"s", SOAP_PREPARE_SMSR_CHANGE, false, "1.2.21", "1.6/1.2"},
        {"a", SOAP_PREPARE_SMSR_CHANGE, false, "1.2.21", "8.1/1.2"}, /* no CERT.SR of ours */
        {"a", SOAP_SMSR_CHANGE, false, "1.2.21", "8.1.1/1.1"},
        {"a", SOAP_SMSR_CHANGE, true, "1.2.10", "8.7/3.9"},
        {"c", SOAP_SMSR_CHANGE, true, "1.2.21", "8.1/1.2"},
        {"s", SOAP_SMSR_CHANGE, true, "1.2.21", "1.6/1.2"},
    };
    for (size_t i = 0; i < CR_COUNT(asks); i++) {
        struct soap_body body = rig_body(1);
        body.eid = asks[i].here ? body.eid : CR_SPAN_ARRAY(stranger);
        body.smsr_id = cr_span_str(asks[i].smsr);
        struct reply reply = rig_call(r, asks[i].from, SOAP_ES4, asks[i].name, &body);
        rig_expect(r, &reply, asks[i].codes);
    }
    (void)rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    struct soap_body body = rig_body(1);
    body.smsr_id = cr_span_str("1.2.21");
    struct reply reply = rig_call(r, "a", SOAP_ES4, SOAP_SMSR_CHANGE, &body);
    rig_expect(r, &reply, "1.2/4.4");
    /* ES7: no hand-over is under way. */
    body.smsr_certificate = body.ephemeral_public_key = body.signature = cr_span_str("x");
    body.host_id = cr_span_str("h");
    body.has_key_version_number = body.has_initial_sequence_counter = true;
    body.has_scenario_parameter = true;
    body.key_version_number = 2;
    body.ecc_key_length = SOAP_ECC_256;
    reply = rig_call(r, "sr2", SOAP_ES7, SOAP_AUTHENTICATE_SMSR, &body);
    rig_expect(r, &reply, "1.6/1.2");
    reply = rig_call(r, "sr2", SOAP_ES7, SOAP_CREATE_ADDITIONAL_KEY_SET, &body);
    rig_expect(r, &reply, "1.6/1.2");
    body.eid = (cr_span){0};
    reply = rig_call(r, "sr2", SOAP_ES7, SOAP_AUTHENTICATE_SMSR, &body);
    rig_expect(r, &reply, "1.6/2.3");
    rig_eis(r, &body.eis, NULL);
    body.has_eis = true;
    reply = rig_call(r, "sr2", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    rig_expect(r, &reply, "8.1.1/3.3");
    body.eis.signed_info.eid = CR_SPAN_ARRAY(stranger);
    body.eis.signed_info.raw = (cr_span){0};
    reply = rig_call(r, "sr2", SOAP_ES7, SOAP_HANDOVER_EUICC, &body);
    rig_expect(r, &reply, "8.1.1/1.1");
}

/* An operator that stands behind an SM-DP: that one acts for it, and passes on what it hears. */
static void test_through(void **state)
{
    struct rig *r = *state;
    rig_party(r, "a")->through = "1.2.11";
    struct reply reply = rig_do(r, "d2", SOAP_ES3, SOAP_GET_EIS, 1);
    assert_int_equal(reply.body.eis.profiles.count, 2);
    reply = rig_do(r, "d2", SOAP_ES3, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r), "d2 ES3 ProfileDisabled 1 for 1.2.1");
    reply = rig_do(r, "d2", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_expect(r, &reply, "8.2.1/1.2");
}

static cr_status fill_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct rig *r = ctx;
    for (int i = 0; i < SOAP_MAX_PROFILES - 3; i++) {
        uint8_t aid[16];
        CR_TRY(smsr_profile_new_aid(tx, CR_SPAN_ARRAY(rig_eid), aid, err));
        const struct smsr_profile p = {.eid = CR_SPAN_ARRAY(rig_eid),
                                       .aid = CR_SPAN_ARRAY(aid),
                                       .iccid = cr_arena_printf(&r->call, "89001010000001%05d", i),
                                       .mno_id = "1.2.1",
                                       .state = SMSR_DISABLED};
        CR_TRY(smsr_profile_put(tx, &p, err));
    }
    return store_exec(tx, "UPDATE euicc_state SET remaining_memory = 8589934592", NULL, NULL, NULL,
                      NULL, err);
}

static cr_status thin_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx, "DELETE FROM profile WHERE iccid LIKE '89001010000001%0'", NULL, NULL,
                      NULL, NULL, err);
}

/* As many Profiles as an EIS can show; no more memory than a quota can say. */
static void test_full(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.1");
    body.has_required_memory = true;
    rig_store(r, fill_work, r);
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "8.1/4.8");
    rig_store(r, thin_work, NULL);
    body.required_memory = 0x100000000;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "8.1/4.8");
    body.required_memory = 0xFFFFFFFF;
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "...");
}

/* No route to anybody is no reason to fail. */
static void test_no_route(void **state)
{
    struct rig *r = *state;
    rig_party(r, "d")->url = NULL;
    rig_party(r, "a")->url = NULL;
    struct reply reply = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_letters(r), "");
    assert_non_null(strstr(cr_buf_cstr(&r->log), "no route to 1.2.1"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        T(unknown_eid),
        T(create),
        T(send_data),
        T(get_eis),
        T(other_views),
        T(policy_and_address),
        T(plma),
        T(onc),
        T(onc_unsupported),
        T(consent),
        T(change),
        T(no_route),
        T(through),
        T(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
