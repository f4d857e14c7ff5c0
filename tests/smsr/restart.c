/*
 * The SM-SR is ended and started again before every step: nothing is lost, nothing happens twice.
 */
#include "rig.h"

#include "base/text.h"

static int setup(void **state)
{
    struct rig *r = rig_new(true);
    r->restart = true;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static void same(struct rig *r, const char *text)
{
    assert_string_equal(rig_states(r), text);
    assert_string_equal(rig_chip_states(r), text);
    assert_int_equal(rig_euicc(r).procedure, 0);
}

static void test_switches(void **state)
{
    struct rig *r = *state;
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1DF 2E 3D");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1DF 2D 3E");
    rig_pol2(r, 3, SMSR_POL2_AUTO_DELETE);
    reply = rig_do(r, "d", SOAP_ES3, SOAP_DISABLE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1EF 2D");
    /* With the deletion after the disabling. */
    (void)rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    rig_run(r);
    reply = rig_do(r, "a", SOAP_ES4, SOAP_DELETE_PROFILE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1EF");
    assert_string_equal(rig_trail(r),
                        "0200 0002 0200 0002 0300 0002 0400 0200 0002 0300 0002 0400");
    assert_int_equal(r->chip.executed, 12);
}

static void test_commands(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.2");
    body.has_required_memory = true;
    body.required_memory = 1000;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1EF 2D 3D 4C");
    body = rig_body(4);
    body.sd_aid = rig_aid(4);
    body.data = cr_span_of("\x84\x00\x85\x00", 4);
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_true(cr_span_equal(reply.body.euicc_response_data, body.data));
    reply = rig_do(r, "a", SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1E 2DF 3DM 4C");
    r->chip.page = 1;
    reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_DELETE_PROFILE, 4);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1E 2DF 3DM");
}

/* What goes wrong goes wrong in the same way: lost answers, deadlines, roll-back, doubt. */
static void test_trouble(void **state)
{
    struct rig *r = *state;
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    assert_true(rig_radio(r, RADIO_LOST));
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_false(rig_notify(r, 2, 2));
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    rig_run(r);
    same(r, "1EF 2D 3D");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_DELETE_PROFILE, 2);
    assert_true(rig_radio(r, RADIO_LOST));
    assert_true(rig_radio(r, RADIO_DEAF));
    rig_pass(r, 301);
    rig_run(r);
    rig_expect(r, &reply, "");
    same(r, "1EF 3D");
    assert_string_equal(rig_procedures(r), "expired done");
}

/* The sealing key belongs to the database; the counter goes on. */
static cr_status keys_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct rig *r = ctx;
    struct smsr_keyset keyset;
    uint64_t counter;
    assert_int_equal(
        smsr_keyset_get(r->sr, tx, CR_SPAN_ARRAY(rig_eid), SOAP_KEYSET_SCP80, 0, &keyset, err),
        CR_OK);
    assert_int_equal(keyset.version, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(keyset.keys[i].size, 16);
        assert_int_equal(keyset.keys[i].value[5], 0x10 * (i + 1));
    }
    assert_int_equal(
        smsr_keyset_get(r->sr, tx, CR_SPAN_ARRAY(rig_eid), SOAP_KEYSET_SCP81, 0x40, &keyset, err),
        CR_OK);
    assert_int_equal(keyset.keys[0].type, 0x85);
    assert_int_equal(
        smsr_keyset_get(r->sr, tx, CR_SPAN_ARRAY(rig_eid), SOAP_KEYSET_SCP80, 2, &keyset, err),
        CR_REFUSED);
    CR_TRY(smsr_keyset_count(tx, CR_SPAN_ARRAY(rig_eid), 1, &counter, err));
    assert_int_equal(counter, r->calls);
    return CR_OK;
}

static cr_status spend_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    uint64_t counter;
    (void)ctx;
    CR_TRY(store_exec(tx, "UPDATE keyset SET counter = 1099511627774 WHERE version = 1", NULL, NULL,
                      NULL, NULL, err));
    CR_TRY(smsr_keyset_count(tx, CR_SPAN_ARRAY(rig_eid), 1, &counter, err));
    assert_int_equal(counter, 0xFFFFFFFFFF);
    assert_int_equal(smsr_keyset_count(tx, CR_SPAN_ARRAY(rig_eid), 1, &counter, err), CR_REFUSED);
    assert_string_equal(err->subject, "8.1.1");
    return CR_OK;
}

static void test_keys(void **state)
{
    struct rig *r = *state;
    for (int i = 0; i < 3; i++) {
        rig_reopen(r);
        r->calls = 8 + i; /* registered with 7 */
        rig_store(r, keys_work, r);
    }
    rig_store(r, spend_work, r);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {T(switches), T(commands), T(trouble), T(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
