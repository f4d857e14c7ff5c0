/*
 * Procedures with a chip behind them: what the EIS, the chip, the requester and everybody else see.
 */
#include "rig.h"

#include "base/text.h"

#include <string.h>

#define ENABLE(r, from, n)  rig_do(r, from, SOAP_ES4, SOAP_ENABLE_PROFILE, n)
#define DISABLE(r, from, n) rig_do(r, from, SOAP_ES4, SOAP_DISABLE_PROFILE, n)
#define DELETE(r, from, n)  rig_do(r, from, SOAP_ES4, SOAP_DELETE_PROFILE, n)

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

static void states_are(struct rig *r, const char *text)
{
    assert_string_equal(rig_states(r), text);
    assert_string_equal(rig_chip_states(r), text);
}

static void free_again(struct rig *r)
{
    const struct smsr_euicc e = rig_euicc(r);
    assert_int_equal(e.procedure, 0);
    assert_false(e.in_doubt);
    assert_int_equal(rig_radio_take(r), 0);
}

/* ---- good --------------------------------------------------------------------------------------
 */

static void test_enable(void **state)
{
    struct rig *r = *state;
    struct reply a = ENABLE(r, "a", 2);
    rig_expect(r, &a, "...");
    rig_run(r);
    rig_expect(r, &a, "");
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_trail(r), "0200 0002");
    assert_string_equal(rig_procedures(r), "done");
    /* The requester hears of its other Profile, not of the one that it asked for. */
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1");
    free_again(r);
}

static void test_enable_by_smdp(void **state)
{
    struct rig *r = *state;
    struct reply d = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &d, "");
    states_are(r, "1DF 2D 3E");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1");
    /* Another operator's Profile gives way: its owner hears it through its SM-DP. */
    struct reply a = ENABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &a, "");
    assert_string_equal(rig_letters(r), "d ES3 ProfileDisabled 3 for 1.2.2");
    states_are(r, "1DF 2E 3D");
}

static void test_disable(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    rig_run(r);
    (void)rig_letters(r);
    reply = DISABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_trail(r), "0200 0002 0300 0002");
    assert_string_equal(rig_letters(r), "a ES4 ProfileEnabled 1");
    free_again(r);
}

/* Some eUICCs report a disable with type 05. */
static void test_disable_05(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    struct reply reply = DISABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 5, 1));
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 2D 3D");
}

static void test_delete(void **state)
{
    struct rig *r = *state;
    struct reply reply = DELETE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3D");
    assert_string_equal(rig_trail(r), "0400");
    assert_string_equal(rig_letters(r), "");
    assert_int_equal(rig_euicc(r).remaining_memory, 501000);
    free_again(r);
}

static void test_delete_enabled(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    (void)rig_letters(r);
    struct reply reply = DELETE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3D");
    assert_string_equal(rig_trail(r), "0200 0002 0300 0002 0400");
    assert_string_equal(rig_letters(r), "a ES4 ProfileEnabled 1");
    free_again(r);
}

static void test_create(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.2");
    body.has_required_memory = true;
    body.required_memory = 70000;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    assert_string_equal(rig_states(r), "1EF 2D 3D 4I");
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_true(cr_span_equal(reply.body.isdp_aid, rig_aid(4)));
    states_are(r, "1EF 2D 3D 4C");
    assert_int_equal(rig_euicc(r).remaining_memory, 430000);
    assert_string_equal(rig_trail(r), "0100");
    /* Data through ISD-R and through the ISD-P. */
    static const uint8_t prelude[] = {
        0x22, 0x1C, 0x80, 0xE6, 0x20, 0x00, 0x16, 0x00, 0x00, 0x10, 0xA0, 0x00, 0x00, 0x05,
        0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x13, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x22, 0x09, 0x80, 0xE2, 0x09, 0x00, 0x03, 0x3A, 0x01, 0x00, 0x00};
    const struct smsr_euicc e = rig_euicc(r);
    body = rig_body(4);
    body.iccid = (cr_span){0};
    body.sd_aid = e.isdr_aid;
    body.data = CR_SPAN_ARRAY(prelude);
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    static const uint8_t answers[] = {0x23, 0x02, 0x90, 0x00, 0x23, 0x02, 0x90, 0x00};
    assert_true(cr_span_equal(reply.body.euicc_response_data, CR_SPAN_ARRAY(answers)));
    static const uint8_t scp03t[] = {0x84, 0x01, 0x00, 0x85, 0x01, 0x00};
    static const uint8_t scp03t_answers[] = {0x84, 0x00, 0x85, 0x00};
    body.sd_aid = rig_aid(4);
    body.data = CR_SPAN_ARRAY(scp03t);
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_true(cr_span_equal(reply.body.euicc_response_data, CR_SPAN_ARRAY(scp03t_answers)));
    /* Completed; and once more, for the answer may have been lost. */
    struct soap_pol2_rule rule = {1, SOAP_POL2_DELETE, SOAP_POL2_NOT_ALLOWED};
    body = rig_body(4);
    body.profile_type = cr_span_str("meter");
    body.has_pol2 = true;
    body.pol2.rules.items = &rule;
    body.pol2.rules.count = 1;
    rig_grant(r, "b", "s", "HandleProfileDownloadedNotification");
    for (int i = 0; i < 2; i++) {
        reply = rig_call(r, "d", SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, &body);
        rig_expect(r, &reply, "");
        assert_string_equal(rig_letters(r), i ? "" : "s ES4 ProfileDownloaded 4");
    }
    struct smsr_profile p;
    rig_profile(r, 4, &p);
    assert_int_equal(p.state, SMSR_DISABLED);
    assert_int_equal(p.pol2, SMSR_POL2_DELETE_NOT_ALLOWED);
    assert_string_equal(p.smdp_id, "1.2.10");
    free_again(r);
}

/* More than one script; the eUICC stops at the first failure, and nothing follows it. */
static void test_long_data(void **state)
{
    struct rig *r = *state;
    static uint8_t data[3 * 3004];
    struct soap_body body = rig_body(2);
    for (int i = 0; i < 3; i++) {
        memcpy(data + 3004 * i, (const uint8_t[]){0x86, 0x82, 0x0B, 0xB8}, 4);
    }
    body.sd_aid = rig_aid(2);
    body.data = CR_SPAN_ARRAY(data);
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "...");
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "");
    assert_int_equal(reply.body.euicc_response_data.n, 6);
    memcpy(data, (const uint8_t[]){0x22, 0x82, 0x0B, 0xB8, 0x80, 0xFF}, 6);
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    rig_run(r);
    rig_expect(r, &reply, "");
    static const uint8_t stopped[] = {0x23, 0x02, 0x6D, 0x00};
    assert_true(cr_span_equal(reply.body.euicc_response_data, CR_SPAN_ARRAY(stopped)));
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    assert_true(rig_radio(r, RADIO_BAD));
    rig_expect(r, &reply, "8.4/4.2");
    assert_int_equal(reply.body.euicc_response_data.n, 3);
    free_again(r);
}

static void test_attributes(void **state)
{
    struct rig *r = *state;
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1E 2DF 3D");
    assert_string_equal(rig_trail(r), "0700");
    assert_string_equal(rig_letters(r), "a ES4 FallBackAttributeUnset 1");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_SET_FALLBACK_ATTRIBUTE, 2);
    rig_expect(r, &reply, ""); /* it has it */
    reply = rig_do(r, "d", SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, 3);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1E 2DF 3DM");
    assert_string_equal(rig_trail(r), "0700 0A00");
    assert_string_equal(rig_letters(r), "");
    free_again(r);
}

static void test_audit(void **state)
{
    struct rig *r = *state;
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    r->chip.page = 1; /* the list comes in pieces */
    r->chip.memory = 123456;
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_int_equal(reply.body.eis.profiles.count, 2);
    assert_int_equal(reply.body.eis.remaining_memory, 123456);
    assert_int_equal(rig_euicc(r).last_audit_ms, r->now_ms);
    assert_string_equal(rig_trail(r), "0500");
    /* The eUICC wins; owners hear of it. */
    chip_find(&r->chip, rig_aid(3))->used = false;
    chip_find(&r->chip, rig_aid(2))->state = 0x3F;
    chip_find(&r->chip, rig_aid(1))->state = 0x1F;
    struct soap_body named = rig_body(2);
    named.iccids.items = &named.iccid;
    named.iccids.count = 1;
    reply = rig_call(r, "d2", SOAP_ES3, SOAP_AUDIT_EIS, &named);
    rig_expect(r, &reply, "8.2.1/1.2");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1DF 2E");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1; a ES4 ProfileEnabled 2; "
                                        "d ES3 ProfileDeleted 3 for 1.2.2");
    /* An empty list is no list. */
    for (int i = 0; i < CHIP_ISDPS; i++) {
        r->chip.isdps[i].used = false;
    }
    reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    rig_expect(r, &reply, "8.4/4.2");
    assert_string_equal(rig_states(r), "1DF 2E");
    free_again(r);
}

static void test_connectivity(void **state)
{
    struct rig *r = *state;
    static const uint8_t plain[] = {0xA0, 0x04, 0x06, 0x02, 0x91, 0x21};
    static const uint8_t with_dgi[] = {0x3A, 0x07, 0x06, 0xA0, 0x04, 0x06, 0x02, 0x91, 0x21};
    static const uint8_t secured[] = {0x22, 0x05, 0x84, 0xE2, 0x88, 0x00, 0x00};
    static const uint8_t wrong[] = {0x3A, 0x07, 0x07, 0xA0, 0x04, 0x06, 0x02, 0x91, 0x21};
    const struct {
        cr_span in;
        const char *answer;
    } rows[] = {{CR_SPAN_ARRAY(plain), ""},
                {CR_SPAN_ARRAY(with_dgi), ""},
                {CR_SPAN_ARRAY(secured), "8.4/4.2"}, /* by the chip of this test */
                {CR_SPAN_ARRAY(wrong), "1.6/2.1"},
                {cr_span_of("\xA5\x00", 2), "1.6/2.1"}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct soap_body body = rig_body(2);
        body.connectivity_parameters = rows[i].in;
        struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_UPDATE_CONNECTIVITY_PARAMETERS, &body);
        rig_run(r);
        rig_expect(r, &reply, rows[i].answer);
    }
    free_again(r);
}

static void test_delete_token(void **state)
{
    (void)state;
    static const char good[] = "420141"
                               "450142"
                               "5F200143"
                               "930144"
                               "9E10000102030405060708090A0B0C0D0E0F";
    static const char *const bad[] = {"",
                                      "4201414501429301449E0100",               /* no 5F20 */
                                      "4201414501425F2001439301449E0100420141", /* twice */
                                      "4201414501425F2001439301449E01004F0100", /* something else */
                                      "4201414501425F2001439301449E100001",
                                      "42"}; /* cut */
    struct smsr_delete_token t;
    struct cr_err err = {0};
    cr_buf bytes = {0};
    assert_int_equal(cr_hex_decode(&bytes, cr_span_str(good), &err), CR_OK);
    assert_int_equal(smsr_delete_token_read(cr_buf_span(&bytes), &t, &err), CR_OK);
    assert_int_equal(t.provider_id.p[0], 0x41);
    assert_int_equal(t.image_number.p[0], 0x42);
    assert_int_equal(t.application_provider.p[0], 0x43);
    assert_int_equal(t.token_id.p[0], 0x44);
    assert_int_equal(t.token.n, 16);
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        cr_buf_reset(&bytes);
        assert_int_equal(cr_hex_decode(&bytes, cr_span_str(bad[i]), &err), CR_OK);
        assert_int_equal(smsr_delete_token_read(cr_buf_span(&bytes), &t, &err), CR_MALFORMED);
    }
    cr_buf_free(&bytes);
}

static cr_status result_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct smsr_procedure *p = ctx;
    static cr_arena arena;
    cr_arena_free(&arena);
    return smsr_procedure_get(tx, p->id, &arena, p, err);
}

/* 6A88: the Profile may be there, and stays in the EIS then; or it is gone, and so it goes. */
static void test_master_delete_no_token(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    static const uint8_t token[16] = {1};
    const struct smsr_delete_token t = {.provider_id = cr_span_str("P"),
                                        .image_number = cr_span_str("I"),
                                        .application_provider = cr_span_str("A"),
                                        .token_id = cr_span_str("T"),
                                        .token = CR_SPAN_ARRAY(token)};
    for (int gone = 0; gone < 2; gone++) {
        struct smsr_procedure p = {.id = 0};
        struct chip_isdp *d = chip_find(&r->chip, rig_aid(2));
        d->no_token = !gone;
        d->used = !gone;
        assert_int_equal(
            smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), rig_iccid(2), NULL, &t, &p.id, &err),
            CR_OK);
        rig_run(r);
        assert_int_equal(store_read(smsr_store(r->sr), result_work, &p, &err), CR_OK);
        if (gone) {
            assert_int_equal(p.state, SMSR_STATE_DONE);
            assert_string_equal(rig_letters(r), "a ES4 ProfileDeleted 2");
        } else {
            assert_int_equal(p.state, SMSR_STATE_FAILED);
            assert_true(cr_span_equal(p.result.code.reason, cr_span_str("3.8")));
            assert_string_equal(rig_letters(r), "");
            states_are(r, "1EF 2D 3D");
        }
    }
    states_are(r, "1EF 3D");
    free_again(r);
}

static void test_master_delete(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    int64_t id;
    static const uint8_t token[16] = {1};
    struct smsr_delete_token t = {.provider_id = cr_span_str("P"),
                                  .image_number = cr_span_str("I"),
                                  .application_provider = cr_span_str("A"),
                                  .token_id = cr_span_str("T"),
                                  .token = CR_SPAN_ARRAY(token)};
    rig_pol2(r, 2, SMSR_POL2_DELETE_NOT_ALLOWED);
    chip_find(&r->chip, rig_aid(2))->pol1 = POL1_NO_DELETE | POL1_NO_DISABLE;
    const struct {
        int n;
        const char *subject;
    } refused[] = {{1, "8.2.7"}, {5, "8.2.1"}};
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        assert_int_equal(smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), rig_iccid(refused[i].n),
                                            "1.2.1", &t, &id, &err),
                         CR_REFUSED);
        assert_string_equal(err.subject, refused[i].subject);
    }
    assert_int_equal(smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), "8900101000000000099", NULL,
                                        &t, &id, &err),
                     CR_REFUSED);
    assert_string_equal(err.reason, "3.9");
    assert_int_equal(
        smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), rig_iccid(2), "1.2.1", &t, &id, &err),
        CR_OK);
    rig_run(r);
    states_are(r, "1EF 3D");
    assert_string_equal(rig_trail(r), "0600");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDeleted 2");
    t.token.n = 15;
    assert_int_equal(
        smsr_master_delete(r->sr, CR_SPAN_ARRAY(rig_eid), rig_iccid(3), "1.2.1", &t, &id, &err),
        CR_REFUSED);
    free_again(r);
}

/* ---- refused, unreachable ----------------------------------------------------------------------
 */

static void test_refused_by_chip(void **state)
{
    struct rig *r = *state;
    chip_find(&r->chip, rig_aid(1))->pol1 = POL1_NO_DISABLE;
    struct reply reply = ENABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "8.2.2/3.8");
    assert_string_equal(reply.identifier, rig_iccid(2));
    static const uint8_t erd[] = {0x23, 0x02, 0x69, 0xE1};
    assert_true(cr_span_equal(reply.body.euicc_response_data, CR_SPAN_ARRAY(erd)));
    assert_string_equal(rig_trail(r), "0200!");
    chip_find(&r->chip, rig_aid(1))->pol1 = 0;
    chip_find(&r->chip, rig_aid(2))->emergency = true;
    reply = ENABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "8.2.1/1.2");
    chip_find(&r->chip, rig_aid(2))->used = false;
    reply = ENABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "8.4/4.2");
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "");
    free_again(r);
}

static void test_unreachable(void **state)
{
    struct rig *r = *state;
    static const enum soap_name names[] = {SOAP_ENABLE_PROFILE, SOAP_DELETE_PROFILE,
                                           SOAP_SET_FALLBACK_ATTRIBUTE, SOAP_AUDIT_EIS};
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        struct reply reply = rig_do(r, "a", SOAP_ES4, names[i], 2);
        assert_true(rig_radio(r, RADIO_UNREACHABLE));
        rig_expect(r, &reply, "8.1.1/5.1");
        reply = rig_do(r, "a", SOAP_ES4, names[i], 2);
        assert_true(rig_radio(r, RADIO_BAD));
        rig_expect(r, &reply, "8.4/4.2");
    }
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.2");
    body.has_required_memory = true;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    assert_true(rig_radio(r, RADIO_UNREACHABLE));
    rig_expect(r, &reply, "8.1.1/5.1");
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    free_again(r);
}

/* An answer that is lost: an audit tells. */
static void test_answer_lost(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.2");
    body.has_required_memory = true;
    body.required_memory = 1000;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    assert_true(rig_radio(r, RADIO_DEAF));
    rig_run(r);
    rig_expect(r, &reply, "8.1.1/5.2");
    states_are(r, "1EF 2D 3D");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    assert_true(rig_radio(r, RADIO_LOST));
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 2D 3D 4C");
    reply = DELETE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_LOST));
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3D 4C");
    /* The requester of a deletion that the audit found has its Response, nobody else is told. */
    assert_string_equal(rig_letters(r), "");
    reply = rig_do(r, "d", SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, 3);
    assert_true(rig_radio(r, RADIO_LOST));
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3DM 4C");
    free_again(r);
}

/* An audit that finds nobody is tried again, until the deadline. */
static void test_settling(void **state)
{
    struct rig *r = *state;
    struct reply reply = DELETE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_string_equal(rig_procedures(r), "settling");
    assert_false(rig_radio(r, RADIO_GOOD));
    rig_pass(r, 301);
    assert_true(rig_radio(r, RADIO_UNREACHABLE));
    rig_expect(r, &reply, "...");
    rig_pass(r, 301);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_procedures(r), "doubt");
    rig_pass(r, 601);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_string_equal(rig_procedures(r), "expired");
    states_are(r, "1EF 2D 3D");
    free_again(r);
}

/* ---- time --------------------------------------------------------------------------------------
 */

static void test_expired_before_anything_left(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_procedures(r), "expired");
    free_again(r);
}

/* 7.6: late, not confirmed, rolled back. */
static void test_late(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_true(rig_euicc(r).in_doubt);
    struct reply second = ENABLE(r, "d", 3);
    (void)second;
    assert_false(rig_notify(r, 2, 2));
    assert_false(rig_notify_again(r, 2, 2));
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    assert_string_equal(rig_procedures(r), "doubt");
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    assert_string_equal(rig_procedures(r), "expired");
    assert_true(rig_radio(r, RADIO_GOOD)); /* the confirmation */
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_trail(r), "0200 0002 0003");
    assert_string_equal(rig_letters(r), "");
    free_again(r);
}

/* The receiver had it in time, the worker not; and the other way round: nobody ticked. */
static void test_received_in_time(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    r->now_ms += 1000 * (RIG_PERIOD_S + 5);
    assert_true(rig_notify_at(r, 2, ++r->chip.number, 2, r->now_ms - 10000));
    rig_run(r);
    rig_expect(r, &reply, "");
    reply = DISABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    r->now_ms += 1000 * (RIG_PERIOD_S + 5);
    assert_false(rig_notify(r, 2, 1));
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_states(r), "1DF 2E 3D");
}

static void test_confirmation_late(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 2));
    const int64_t script = rig_radio_take(r);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_states(r), "1DF 2E 3D"); /* as the eUICC said */
    assert_false(rig_notify_again(r, 2, 2));
    rig_radio_end(r, script, RADIO_GOOD);
    assert_string_equal(rig_procedures(r), "expired");
    states_are(r, "1DF 2E 3D");
    /* Nobody had a Response that says so. */
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1; a ES4 ProfileEnabled 2");
    free_again(r);
}

/* The confirmation was executed after all: POL2 gets its deletion, late. */
static void test_late_cleaning(void **state)
{
    struct rig *r = *state;
    rig_pol2(r, 2, SMSR_POL2_AUTO_DELETE);
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    struct reply reply = DISABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 1));
    const int64_t script = rig_radio_take(r);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    rig_radio_end(r, script, RADIO_GOOD);
    rig_pass(r, 10);
    assert_string_equal(rig_procedures(r), "done cleaning");
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_string_equal(rig_procedures(r), "done expired");
    states_are(r, "1EF 3D");
    free_again(r);
}

static cr_status lock_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx, "UPDATE euicc_state SET handover = 1", NULL, NULL, NULL, NULL, err);
}

static void test_unexpected_in_handover(void **state)
{
    struct rig *r = *state;
    rig_store(r, lock_work, NULL);
    assert_false(rig_notify(r, 2, 3));
    assert_true(rig_notify(r, 5, 1)); /* the fall-back is heard */
    assert_string_equal(rig_procedures(r), "");
}

/* Nothing is heard of it: busy for one more period, then an audit. */
static void test_doubt(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_LOST));
    assert_string_equal(rig_procedures(r), "settling");
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    reply = DELETE(r, "a", 2);
    rig_expect(r, &reply, "1.2/4.4");
    rig_pass(r, RIG_PERIOD_S + 1);
    assert_string_equal(rig_procedures(r), "settling");
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_string_equal(rig_procedures(r), "doubt");
    rig_pass(r, RIG_PERIOD_S + 1);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_string_equal(rig_procedures(r), "expired");
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1; a ES4 ProfileEnabled 2");
    /* Should it still roll back, owners hear that too. */
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 2; a ES4 ProfileEnabled 1");
    free_again(r);
}

#define AGAIN_S 300 /* policy.again_ms */

/* No answer to the switch: the eUICC may tell by itself, then it is asked, long before the time of
 * the request is over. */
static void test_unanswered(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_DEAF));
    rig_pass(r, AGAIN_S - 1);
    assert_false(rig_radio(r, RADIO_GOOD));
    rig_pass(r, 2);
    assert_string_equal(rig_procedures(r), "settling");
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "8.1.1/5.2");
    states_are(r, "1EF 2D 3D");

    reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_LOST));
    assert_true(rig_notify(r, 2, 2));
    assert_string_equal(rig_procedures(r), "failed confirming");
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "");
    states_are(r, "1DF 2E 3D");

    reply = DISABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_LOST));
    rig_pass(r, AGAIN_S + 1);
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "");
    states_are(r, "1EF 2D 3D");
    assert_true(rig_notify(r, 2, 1)); /* confirmed all the same */
    rig_run(r);
    free_again(r);
}

/* No answer to the confirmation: the eUICC that has it repeats nothing. It is asked again. */
static void test_unanswered_confirmation(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 2));
    assert_true(rig_radio(r, RADIO_LOST));
    assert_string_equal(rig_procedures(r), "confirming");
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "");
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 1");
    free_again(r);
}

static void test_doubt_settled_by_audit(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_DEAF));
    rig_pass(r, RIG_PERIOD_S + 1);
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_procedures(r), "expired done");
    free_again(r);
}

static void test_expired_creation(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.2");
    body.has_required_memory = true;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    /* It left, and the answer comes too late for the requester, but not for the EIS. */
    reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    const int64_t script = rig_radio_take(r);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_string_equal(rig_states(r), "1EF 2D 3D 4I");
    rig_radio_end(r, script, RADIO_GOOD);
    states_are(r, "1EF 2D 3D 4C");
    /* Installed says the eUICC, but its SM-DP has not: still a container. */
    chip_find(&r->chip, rig_aid(4))->state = 0x1F;
    reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    assert_string_equal(rig_states(r), "1EF 2D 3D 4C");
    /* A container that is lost is nobody's news. */
    chip_find(&r->chip, rig_aid(4))->used = false;
    reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "");
    free_again(r);
}

/* The command itself is refused, too late to say so. */
static void test_refused_late(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    const int64_t script = rig_radio_take(r);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    rig_radio_end(r, script, RADIO_BAD);
    assert_string_equal(rig_procedures(r), "expired");
    assert_string_equal(rig_trail(r), "0200!");
    free_again(r);
}

/* While the audit that settles a doubt is on its way, the change is still too late. */
static void test_late_while_settling(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_pass(r, RIG_PERIOD_S + 1);
    assert_string_equal(rig_procedures(r), "settling");
    assert_false(rig_notify(r, 2, 2));
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    assert_string_equal(rig_procedures(r), "expired");
    rig_run(r);
    free_again(r);
}

/* An AuditEIS that fails leaves the doubt as it was. */
static void test_audit_beside_doubt_fails(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_DEAF));
    rig_pass(r, RIG_PERIOD_S + 1);
    struct reply reply = rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    assert_true(rig_radio(r, RADIO_UNREACHABLE));
    rig_expect(r, &reply, "8.1.1/5.1");
    assert_true(rig_euicc(r).in_doubt);
    reply = DELETE(r, "a", 2);
    rig_expect(r, &reply, "1.2/4.4");
}

/* ---- notifications -----------------------------------------------------------------------------
 */

static void test_roll_back(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    rig_expect(r, &reply, "8.4/4.2");
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "");
    /* After its notification had been believed. */
    reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 2));
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_string_equal(rig_states(r), "1DF 2E 3D");
    chip_roll_back(&r->chip);
    assert_true(rig_notify(r, 3, 1));
    rig_expect(r, &reply, "8.4/4.2");
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "");
    free_again(r);
}

static void test_fall_back(void **state)
{
    struct rig *r = *state;
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    (void)rig_letters(r);
    rig_pol2(r, 2, SMSR_POL2_AUTO_DELETE); /* not by fall-back */
    chip_fall_back(&r->chip);
    assert_true(rig_notify(r, 5, 1));
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileDisabled 2; a ES4 ProfileEnabled 1");
    assert_string_equal(rig_trail(r), "0200 0002 0005");
    /* In the middle of somebody's operation. */
    struct reply reply = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    assert_true(rig_radio(r, RADIO_GOOD));
    chip_fall_back(&r->chip);
    assert_true(rig_notify(r, 5, 1));
    rig_expect(r, &reply, "8.4/4.2");
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    free_again(r);
}

static void test_notification_first(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    const int64_t script = rig_radio_take(r);
    struct chip_isdp *two = chip_find(&r->chip, rig_aid(2)), *one = chip_find(&r->chip, rig_aid(1));
    one->state = 0x1F;
    two->state = 0x3F;
    assert_true(rig_notify(r, 2, 2));
    rig_radio_end(r, script, RADIO_DEAF); /* of no interest any more */
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_trail(r), "0002 0200");
}

static void test_repeated_notification(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 2));
    assert_true(rig_radio(r, RADIO_DEAF));
    assert_true(rig_notify_again(r, 2, 2)); /* the same confirmation again */
    assert_true(rig_notify_again(r, 2, 2));
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_true(rig_notify_again(r, 2, 2));  /* long done */
    assert_false(rig_notify_again(r, 3, 1)); /* a used number */
    assert_false(rig_notify_at(r, 3, (uint16_t)(r->chip.number - 1), 1, r->now_ms));
    rig_run(r);
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_trail(r), "0200 0002");
    /* FFFF is followed by 0000. */
    r->chip.number = 0x7FFE;
    assert_true(rig_notify(r, 2, 2));
    r->chip.number = 0xFFFE - 1;
    assert_true(rig_notify(r, 2, 2));
    assert_true(rig_notify(r, 2, 2));
    assert_int_equal(r->chip.number, 0xFFFF);
    assert_true(rig_notify(r, 1, 2));
    assert_int_equal(r->chip.number, 0);
    rig_run(r);
    free_again(r);
}

/* Nobody asked: the eUICC is asked what it did, then confirmed. */
static void test_unexpected(void **state)
{
    struct rig *r = *state;
    chip_find(&r->chip, rig_aid(1))->state = 0x1F;
    chip_find(&r->chip, rig_aid(3))->state = 0x3F;
    assert_false(rig_notify(r, 2, 3));
    assert_true(rig_radio(r, RADIO_GOOD));
    states_are(r, "1DF 2D 3E");
    assert_string_equal(rig_letters(r),
                        "a ES4 ProfileDisabled 1; d ES3 ProfileEnabled 3 for 1.2.2");
    assert_true(rig_radio(r, RADIO_GOOD)); /* the confirmation */
    assert_false(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify_again(r, 2, 3));
    assert_false(rig_notify(r, 7, 3)); /* a type of the future */
    rig_run(r);
    states_are(r, "1DF 2D 3E");
    /* Another Profile than was asked for. */
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_LOST));
    chip_roll_back(&r->chip);
    assert_false(rig_notify(r, 2, 1));
    assert_string_equal(rig_procedures(r), "done done settling");
    rig_run(r);
    rig_expect(r, &reply, "8.1.1/5.2");
    states_are(r, "1DF 2D 3E");
    free_again(r);
}

/* A newer notification comes before the audit is done: the old one is not waited for any more. */
static void test_overtaken(void **state)
{
    struct rig *r = *state;
    chip_find(&r->chip, rig_aid(1))->state = 0x1F;
    chip_find(&r->chip, rig_aid(3))->state = 0x3F;
    assert_false(rig_notify(r, 2, 3));
    chip_fall_back(&r->chip);
    assert_true(rig_notify(r, 5, 1));
    rig_run(r);
    states_are(r, "1EF 2D 3D");
    assert_int_equal(r->chip.executed, 3); /* one confirmation, an audit of two commands */
    free_again(r);
}

/* Confirmations first; but what has left is waited for. */
static void test_order_of_scripts(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(2);
    body.sd_aid = rig_aid(2);
    body.data = cr_span_of("\x84\x00", 2);
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    assert_true(rig_notify(r, 5, 1));
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "...");
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_expect(r, &reply, "");
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    const int64_t script = rig_radio_take(r);
    assert_true(rig_notify(r, 5, 1));
    assert_int_equal(rig_radio_take(r), 0); /* it is waited for */
    rig_radio_end(r, script, RADIO_GOOD);
    rig_expect(r, &reply, "");
    assert_true(rig_radio(r, RADIO_GOOD));
    rig_radio_end(r, script, RADIO_GOOD); /* ended twice: no error */
    free_again(r);
}

/* Busy the first time: the repetition is heard. */
static void test_unexpected_while_busy(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(2);
    body.sd_aid = rig_aid(2);
    body.data = cr_span_of("\x84\x00", 2);
    assert_true(rig_notify(r, 1, 1)); /* one that is confirmed, in front of it */
    rig_run(r);
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    chip_find(&r->chip, rig_aid(1))->state = 0x1F;
    chip_find(&r->chip, rig_aid(3))->state = 0x3F;
    assert_false(rig_notify(r, 2, 3));
    assert_false(rig_notify_again(r, 2, 3));
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_states(r), "1EF 2D 3D");
    assert_false(rig_notify_again(r, 2, 3));
    rig_run(r);
    states_are(r, "1DF 2D 3E");
    assert_true(rig_notify_again(r, 2, 3));
    assert_string_equal(rig_trail(r), "0001 0002 0500"); /* heard four times, written down once */
    rig_run(r);
    free_again(r);
}

/* Who asked has its answer before the news. */
static void test_answer_first(void **state)
{
    struct rig *r = *state;
    struct soap_body body = rig_body(2);
    struct m2m *m2m = smsr_messenger(r->sr);
    cr_buf text = {0}, out = {0};
    int64_t id;
    struct soap_message m = {
        .kind = SOAP_REQUEST,
        .function = soap_function(SOAP_ES4, SOAP_ENABLE_PROFILE),
        .body = body,
        .header = {
            .from = {.uri = cr_span_str("https://a/"), .entity_id = cr_span_str("1.2.1")},
            .to = {.uri = cr_span_str("https://sr/"), .entity_id = cr_span_str("1.2.20")},
            .message_id = cr_span_str("//a/cb?MessageDate=2026-03-02T08:00:00Z"),
            .reply = SOAP_REPLY_CALLBACK,
            .reply_to = {.uri = cr_span_str("https://a/"), .entity_id = cr_span_str("1.2.1")}}};
    m.body.function_call_identifier = cr_span_str("call");
    assert_int_equal(soap_build(&m, NULL, &text, NULL), CR_OK);
    assert_int_equal(m2m_receive(m2m, rig_party(r, "a"), cr_buf_span(&text), &r->call, &out, &id),
                     M2M_ACCEPTED);
    rig_run(r);
    assert_string_equal(rig_letters(r), "a ES4 EnableProfile; a ES4 ProfileDisabled 1");
    cr_buf_free(&text);
    cr_buf_free(&out);
}

static cr_status spoil_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx,
                      "UPDATE procedure SET kind = 1, state = 5, iccid = NULL, aid = NULL,"
                      " due_ms = 1 WHERE id = 1",
                      NULL, NULL, NULL, NULL, err);
}

static cr_status break_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    return store_exec(tx,
                      "CREATE TRIGGER broken BEFORE UPDATE OF state ON procedure WHEN new.id = 1"
                      " BEGIN SELECT RAISE(ABORT, 'broken'); END",
                      NULL, NULL, NULL, NULL, err);
}

/* One row that cannot be moved keeps no other from its deadline. */
static void test_broken_row(void **state)
{
    struct rig *r = *state;
    struct reply first = DELETE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &first, "");
    rig_store(r, spoil_work, NULL);
    rig_store(r, break_work, NULL);
    struct reply reply = rig_do(r, "d", SOAP_ES3, SOAP_ENABLE_PROFILE, 3);
    rig_pass(r, RIG_PERIOD_S + 1);
    rig_expect(r, &reply, "x1.6/5.3");
    assert_non_null(strstr(cr_buf_cstr(&r->log), "put off"));
}

/* ---- policies ----------------------------------------------------------------------------------
 */

/* Both stores want the same deletion: they meet without an error. */
static void test_two_deletions_meet(void **state)
{
    struct rig *r = *state;
    rig_pol2(r, 2, SMSR_POL2_AUTO_DELETE);
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    (void)rig_letters(r);
    chip_find(&r->chip, rig_aid(2))->pol1 = POL1_AUTO_DELETE;
    struct reply reply = DISABLE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileEnabled 1; a ES4 ProfileDeleted 2");
    assert_string_equal(rig_trail(r), "0200 0002 0300 0002 0400");
    free_again(r);
}

/* POL1 deletes, but its list is lost: POL2's DELETE finds it gone. */
static void test_gone_already(void **state)
{
    struct rig *r = *state;
    rig_pol2(r, 2, SMSR_POL2_AUTO_DELETE);
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    struct reply reply = DISABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 1));
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_string_equal(rig_procedures(r), "done cleaning");
    rig_expect(r, &reply, "...");
    chip_find(&r->chip, rig_aid(2))->used = false;
    rig_run(r);
    rig_expect(r, &reply, "");
    states_are(r, "1EF 3D");
    /* Asked for by somebody, that is worth a warning. */
    chip_find(&r->chip, rig_aid(3))->used = false;
    reply = rig_do(r, "d", SOAP_ES3, SOAP_DELETE_PROFILE, 3);
    rig_run(r);
    rig_expect(r, &reply, "w8.2.1/3.9");
    states_are(r, "1EF");
    free_again(r);
}

static void test_cleaning_fails(void **state)
{
    struct rig *r = *state;
    static const enum rig_radio how[] = {RADIO_UNREACHABLE, RADIO_DEAF, RADIO_BAD};
    static const char *const codes[] = {"w8.1.1/5.1", "w8.1.1/5.2", "w8.4/4.2", "w1.6/5.3",
                                        "w8.2.2/3.8"};
    rig_pol2(r, 2, SMSR_POL2_AUTO_DELETE);
    for (size_t i = 0; i < CR_COUNT(codes); i++) {
        (void)ENABLE(r, "a", 2);
        rig_run(r);
        struct reply reply = DISABLE(r, "a", 2);
        assert_true(rig_radio(r, RADIO_GOOD));
        assert_true(rig_notify(r, 2, 1));
        assert_true(rig_radio(r, RADIO_GOOD));
        if (i < CR_COUNT(how)) {
            assert_true(rig_radio(r, how[i]));
        } else if (i == 3) {
            rig_pass(r, RIG_PERIOD_S + 1);
        } else {
            chip_find(&r->chip, rig_aid(2))->pol1 = POL1_NO_DELETE;
            rig_run(r);
        }
        rig_expect(r, &reply, codes[i]);
        states_are(r, "1EF 2D 3D");
        free_again(r);
    }
}

/* A confirmation's answer cannot delete what is enabled, nor what is not there. */
static void test_hostile_list(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    assert_true(rig_radio(r, RADIO_GOOD));
    assert_true(rig_notify(r, 2, 2));
    chip_find(&r->chip, rig_aid(2))->pol1 = POL1_AUTO_DELETE;
    r->chip.from = (int)(chip_find(&r->chip, rig_aid(2)) - r->chip.isdps);
    rig_run(r);
    rig_expect(r, &reply, "");
    assert_string_equal(rig_states(r), "1DF 2E 3D");
}

static void test_memory_is_no_more_than_there_is(void **state)
{
    struct rig *r = *state;
    r->chip.memory = 599500;
    (void)rig_do(r, "a", SOAP_ES4, SOAP_AUDIT_EIS, 2);
    rig_run(r);
    (void)DELETE(r, "a", 2);
    rig_run(r);
    assert_int_equal(rig_euicc(r).remaining_memory, 600000);
}

/* Deletion of an Enabled Profile: the disable part was done, the rest was not. */
static void test_half_a_deletion(void **state)
{
    struct rig *r = *state;
    chip_find(&r->chip, rig_aid(2))->pol1 = POL1_NO_DELETE;
    (void)ENABLE(r, "a", 2);
    rig_run(r);
    (void)rig_letters(r);
    struct reply reply = DELETE(r, "a", 2);
    rig_run(r);
    rig_expect(r, &reply, "8.2.2/3.8");
    states_are(r, "1EF 2D 3D");
    assert_string_equal(rig_letters(r), "a ES4 ProfileEnabled 1");
    free_again(r);
}

/* ---- one at a time -----------------------------------------------------------------------------
 */

static void test_one_at_a_time(void **state)
{
    struct rig *r = *state;
    static const enum soap_name busy[] = {SOAP_ENABLE_PROFILE,          SOAP_DISABLE_PROFILE,
                                          SOAP_DELETE_PROFILE,          SOAP_SET_FALLBACK_ATTRIBUTE,
                                          SOAP_SET_EMERGENCY_ATTRIBUTE, SOAP_AUDIT_EIS};
    struct reply first = ENABLE(r, "a", 2);
    for (size_t i = 0; i < CR_COUNT(busy); i++) {
        struct reply reply = rig_do(r, "a", SOAP_ES4, busy[i], 2);
        rig_expect(r, &reply, "1.2/4.4");
    }
    struct soap_body body = rig_body(4);
    body.mno_id = cr_span_str("1.2.1");
    body.has_required_memory = true;
    struct reply reply = rig_call(r, "d", SOAP_ES3, SOAP_CREATE_ISDP, &body);
    rig_expect(r, &reply, "1.2/4.4");
    body.sd_aid = rig_aid(3);
    body.data = cr_span_of("\x84\x00", 2);
    reply = rig_call(r, "d", SOAP_ES3, SOAP_SEND_DATA, &body);
    rig_expect(r, &reply, "1.2/4.4");
    /* Reading and POL2 are not kept waiting. */
    reply = rig_do(r, "a", SOAP_ES4, SOAP_GET_EIS, 2);
    rig_expect(r, &reply, "");
    reply = rig_do(r, "a", SOAP_ES4, SOAP_UPDATE_POLICY_RULES, 2);
    rig_expect(r, &reply, "");
    rig_run(r);
    rig_expect(r, &first, "");
}

/* The same request twice is one procedure, and has one answer. */
static void test_duplicate(void **state)
{
    struct rig *r = *state;
    const struct soap_body body = rig_body(2);
    const char *id = "//a/twice?MessageDate=2026-03-02T08:00:00Z";
    struct reply one = rig_call_id(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, &body, id);
    struct reply two = rig_call_id(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, &body, id);
    rig_expect(r, &two, "...");
    rig_run(r);
    rig_expect(r, &one, "");
    rig_expect(r, &two, "");
    two = rig_call_id(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, &body, id);
    rig_expect(r, &two, "");
    assert_string_equal(rig_procedures(r), "done");
    assert_int_equal(r->chip.executed, 2); /* the command, the confirmation */
}

/* A connection that was held as long as could be has its answer: the procedure goes on alone. */
static void test_held_too_long(void **state)
{
    struct rig *r = *state;
    struct reply reply = ENABLE(r, "a", 2);
    cr_buf out = {0};
    assert_int_equal(m2m_held(smsr_messenger(r->sr), reply.id, true, &r->call, &out), M2M_ANSWER);
    cr_buf_free(&out);
    rig_run(r);
    states_are(r, "1DF 2E 3D");
    assert_string_equal(rig_procedures(r), "done");
    free_again(r);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(enable),
        T(enable_by_smdp),
        T(disable),
        T(disable_05),
        T(delete),
        T(delete_enabled),
        T(create),
        T(long_data),
        T(attributes),
        T(audit),
        T(connectivity),
        T(delete_token),
        T(master_delete),
        T(master_delete_no_token),
        T(refused_by_chip),
        T(unreachable),
        T(answer_lost),
        T(settling),
        T(expired_before_anything_left),
        T(late),
        T(received_in_time),
        T(confirmation_late),
        T(doubt),
        T(unanswered),
        T(unanswered_confirmation),
        T(doubt_settled_by_audit),
        T(late_cleaning),
        T(unexpected_in_handover),
        T(expired_creation),
        T(refused_late),
        T(late_while_settling),
        T(audit_beside_doubt_fails),
        T(overtaken),
        T(order_of_scripts),
        T(hostile_list),
        T(memory_is_no_more_than_there_is),
        T(roll_back),
        T(fall_back),
        T(notification_first),
        T(repeated_notification),
        T(unexpected),
        T(unexpected_while_busy),
        T(answer_first),
        T(broken_row),
        T(two_deletions_meet),
        T(gone_already),
        T(cleaning_fails),
        T(half_a_deletion),
        T(one_at_a_time),
        T(duplicate),
        T(held_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
