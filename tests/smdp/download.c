/*
 * ES2 DownloadProfile against a fake SM-SR with a fake chip.
 */
#include "rig.h"

#include "base/text.h"

#include <stdlib.h>

static void assert_installed(struct rig *r, int n, size_t size)
{
    struct fake_isdp *d = fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(n)));
    assert_non_null(d);
    assert_true(d->installed);
    assert_true(cr_span_equal(cr_buf_span(&d->upp), rig_upp(r, rig_iccid(n), size)));
    assert_int_equal(rig_state(r, n), SMDP_INSTALLED);
}

static bool holds(cr_span hay, cr_span needle)
{
    return needle.n && memmem(hay.p, hay.n, needle.p, needle.n) != NULL;
}

static void test_good(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 20000);
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_true(cr_span_equal(r->answer.iccid, cr_span_str(rig_iccid(1))));
    assert_installed(r, 1, 20000);
    assert_int_equal(r->chip.isdps[0].state, SOAP_STATE_DISABLED);
    assert_int_equal(r->chip.isdps[0].memory, (int64_t)r->chip.isdps[0].upp.n); /* no files */
    assert_int_equal(r->asked[SOAP_ENABLE_PROFILE], 0);
    assert_int_equal(r->asked[SOAP_SEND_DATA], 3 + 3);
    /* Nothing of the Profile went through the SM-SR in the clear. */
    cr_span upp = cr_buf_span(&r->chip.isdps[0].upp);
    assert_true(r->carried.n > upp.n);
    for (size_t at = 0; at + 16 <= upp.n; at += 16) {
        assert_false(holds(cr_buf_span(&r->carried), cr_span_sub(upp, at, 16)));
    }
    const struct scp_keys *keys = &r->chip.isdps[0].keys;
    const struct scp_key *each[] = {&keys->enc, &keys->mac, &keys->dek};
    for (size_t i = 0; i < CR_COUNT(each); i++) {
        cr_span hex = cr_span_str(cr_hex(&r->arena, cr_span_of(each[i]->value, 16)));
        assert_int_equal(hex.n, 32);
        assert_false(holds(cr_buf_span(&r->seen), hex));
    }
    /* (What the search would find, it finds: the ISD-P's AID is there, in that form.) */
    assert_true(holds(cr_buf_span(&r->seen),
                      cr_span_str(cr_hex(&r->arena, CR_SPAN_ARRAY(r->chip.isdps[0].aid)))));
    /* And nothing secret stays with the job. */
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job WHERE one_time IS NOT NULL OR"
                                  " challenge IS NOT NULL OR payload IS NOT NULL"),
                     0);
    assert_int_equal(rig_count(r, "SELECT step FROM job"), SMDP_STEP_DONE);
}

static void test_enabled(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    rig_download(r, 1, true);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_int_equal(r->chip.isdps[0].state, SOAP_STATE_ENABLED);
}

static void test_by_type(void **state)
{
    struct rig *r = *state;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                             .smsr_id = cr_span_str(RIG_SR),
                             .profile_type = cr_span_str("iot"),
                             .has_enable_profile = true};
    rig_import(r, 1, "iot", 300);
    rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 3600);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_true(cr_span_equal(r->answer.iccid, cr_span_str(rig_iccid(1))));
    /* None is left; then one that nobody has. */
    r->answers = 0;
    rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 3600);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.2.5", "3.7");
    r->answers = 0;
    body.profile_type = cr_span_str("other");
    rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 3600);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.2.5", "3.9");
}

static void test_not_orderable(void **state)
{
    struct rig *r = *state;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                             .smsr_id = cr_span_str(RIG_SR),
                             .iccid = cr_span_str(rig_iccid(1)),
                             .has_enable_profile = true};
    static const struct {
        const char *owner, *smsr, *type, *subject, *reason;
        int n; /* asked for; 0 = no ICCID */
    } rows[] = {
        {RIG_OTHER, RIG_SR, NULL, "8.2.1", "1.2", 2},
        {RIG_OPERATOR, "1.2.3", NULL, "8.7", "3.9", 3},
        {RIG_OPERATOR, RIG_SR, NULL, "8.2.1", "3.9", 9},
        {RIG_OPERATOR, RIG_SR, NULL, "1.6", "2.3", 0},
        {RIG_OPERATOR, RIG_SR, "no", "8.2.5", "2.1", 5},
    };
    for (int i = 0; i < (int)CR_COUNT(rows); i++) {
        const struct smdp_import import = {.upp = rig_upp(r, rig_iccid(i + 2), 100),
                                           .owner = rows[i].owner};
        if (rows[i].n != 9) {
            assert_int_equal(smdp_import(r->dp, &import, NULL, NULL), CR_OK);
        }
        body.smsr_id = cr_span_str(rows[i].smsr);
        body.iccid =
            rows[i].n ? cr_span_str(rig_iccid(rows[i].n == 5 ? 6 : rows[i].n)) : (cr_span){0};
        body.profile_type = cr_span_str(rows[i].type);
        r->answers = 0;
        rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 3600);
        rig_settle(r);
        rig_assert_status(r, SOAP_FAILED, rows[i].subject, rows[i].reason);
    }
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job"), 0);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM profile WHERE state <> 1"), 0);
}

/* ---- eligibility ---- */

static void expect_release(struct rig *r, const char *subject, const char *reason)
{
    r->answers = 0;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, subject, reason);
    assert_int_equal(rig_state(r, 1), SMDP_AVAILABLE);
    assert_int_equal(r->asked[SOAP_CREATE_ISDP], 0);
}

static void test_eligibility(void **state)
{
    struct rig *r = *state;
    const struct smdp_import import = {.upp = rig_upp(r, rig_iccid(1), 1000),
                                       .owner = RIG_OPERATOR,
                                       .platform_type = "platform",
                                       .platform_version = "4.1.0"};
    assert_int_equal(smdp_import(r->dp, &import, NULL, NULL), CR_OK);
    r->spoil_signature = true;
    expect_release(r, "8.6", "6.1");
    r->spoil_signature = false;
    r->spoil_ecasd = true;
    expect_release(r, "8.5.2", "6.1");
    r->spoil_ecasd = false;
    r->no_eis = true;
    expect_release(r, "8.6", "2.1");
    r->no_eis = false;
    r->remaining_memory = 100;
    expect_release(r, "8.1", "4.8");
    r->remaining_memory = 500000;
    r->platform_type = "another";
    expect_release(r, "8.2.1", "2.1");
    r->platform_type = "platform";
    r->platform_version = "4.0.9";
    expect_release(r, "8.2.1", "2.1");
    r->platform_version = "4.1.0";
    r->provisioning = "2.0.0";
    expect_release(r, "8.2.1", "2.1");
    r->provisioning = "3.0.0";
    r->chip.eid[15] ^= 1; /* the EIS of another chip than the certificate says */
    expect_release(r, "8.5.2", "6.1");
    r->chip.eid[15] ^= 1;
    r->faults[SOAP_GET_EIS].subject = "8.1.1";
    r->faults[SOAP_GET_EIS].reason = "1.1";
    expect_release(r, "8.1.1", "1.1");
    r->faults[SOAP_GET_EIS].subject = NULL;
    struct fake_isdp *d = fake_chip_create(&r->chip, cr_span_str(rig_iccid(1)));
    d->state = SOAP_STATE_DISABLED;
    expect_release(r, "8.2.1", "3.3");
    fake_chip_delete(d);
    r->options.identity_count = 0; /* no certificate on the chip's curve */
    rig_restart(r);
    expect_release(r, "8.5.2", "3.1");
    r->options.identity_count = 1;
    /* An EUM that nobody told us about. */
    r->options.eum_count = 0;
    rig_restart(r);
    expect_release(r, "8.5.1", "6.1");
    r->options.eum_count = 1;
    rig_restart(r);
    r->answers = 0;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
}

/* ISD-Ps that earlier jobs left behind are deleted first, whatever their ICCID. */
static void test_clean_up(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->remaining_memory = 10; /* what is deleted comes back */
    for (int n = 7; n < 9; n++) {
        fake_chip_create(&r->chip, cr_span_str(rig_iccid(n)))->state = SOAP_STATE_CREATED;
    }
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_int_equal(r->asked[SOAP_DELETE_PROFILE], 2);
    assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(7))));
    assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(8))));
    assert_installed(r, 1, 300);
}

/* ---- failures behind the eligibility ---- */

static const struct {
    enum soap_name name;
    enum smdp_state profile; /* afterwards */
    int deletes;
    int status;
} step_rows[] = {
    {SOAP_CREATE_ISDP, SMDP_AVAILABLE, 0, SOAP_FAILED},
    {SOAP_SEND_DATA, SMDP_AVAILABLE, 1, SOAP_FAILED},
    {SOAP_PROFILE_DOWNLOAD_COMPLETED, SMDP_FAILED, 1, SOAP_FAILED},
};

static void test_each_step_refused(void **state)
{
    struct rig *r = *state;
    for (int i = 0; i < (int)CR_COUNT(step_rows); i++) {
        enum soap_name name = step_rows[i].name;
        rig_import(r, i + 1, "iot", 300);
        r->faults[name].subject = "8.4";
        r->faults[name].reason = "4.2";
        r->answers = 0;
        r->asked[SOAP_DELETE_PROFILE] = 0;
        rig_download(r, i + 1, true);
        rig_settle(r);
        rig_assert_status(r, step_rows[i].status, "8.4", "4.2");
        assert_int_equal(rig_state(r, i + 1), step_rows[i].profile);
        assert_int_equal(r->asked[SOAP_DELETE_PROFILE], step_rows[i].deletes);
        assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(i + 1))));
        r->faults[name].subject = NULL;
    }
}

static void test_enable_refused(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->faults[SOAP_ENABLE_PROFILE].subject = "8.2.3";
    r->faults[SOAP_ENABLE_PROFILE].reason = "3.8";
    rig_download(r, 1, true);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_WITHWARNING, "8.2.1", "4.2");
    assert_true(holds(r->status.code.message, cr_span_str("8.2.3/3.8")));
    assert_installed(r, 1, 300);
}

static void test_wrong_receipt(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.wrong_receipt = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.5.2", "6.1");
    assert_int_equal(rig_state(r, 1), SMDP_AVAILABLE);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM isdp"), 0);
    assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(1))));
}

/* A chip whose counter is elsewhere says so, and the second session fits. */
static void test_other_counter(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.skip = 41;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_installed(r, 1, 300);
    assert_int_equal(rig_count(r, "SELECT counter FROM isdp"), 43);
}

/* ... but not for ever. */
static void test_no_counter(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.jumps = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.4", "4.2");
    assert_int_equal(r->asked[SOAP_SEND_DATA], 2 + SMDP_MAX_ATTEMPTS);
    assert_int_equal(rig_state(r, 1), SMDP_AVAILABLE);
}

static void test_brainpool(void **state)
{
    struct rig *r = *state;
    rig_use_curve(r, CRYPTO_BRAINPOOL);
    rig_import(r, 1, "iot", 300);
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_installed(r, 1, 300);
}

static void test_import(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    char long_type[SMDP_MAX_TYPE + 2];
    memset(long_type, 'x', sizeof long_type);
    long_type[SMDP_MAX_TYPE + 1] = 0;
    cr_span good = rig_upp(r, rig_iccid(1), 100);
    const cr_span end = cr_span_sub(good, good.n - 7, 7);
    const struct smdp_import bad[] = {
        {.upp = cr_span_str("garbage")},
        {.upp = cr_span_str("")},
        {.upp = cr_span_sub(good, 0, good.n - 1)},
        {.upp = cr_span_sub(good, 0, good.n - end.n)}, /* no end */
        {.upp = end},                                  /* no header */
        {.upp = good, .type = long_type},
        {.upp = good, .platform_version = "new"},
    };
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_not_equal(smdp_import(r->dp, &bad[i], NULL, &err), CR_OK);
    }
    assert_int_equal(rig_count(r, "SELECT count(*) FROM profile"), 0);
    const struct smdp_import import = {.upp = good};
    assert_int_equal(smdp_import(r->dp, &import, NULL, &err), CR_OK);
    assert_int_equal(smdp_import(r->dp, &import, NULL, &err), CR_REFUSED);
    assert_string_equal(err.reason, "3.3");
}

static void test_installer(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *result;
        bool early;
        const char *says; /* NULL = anything */
    } rows[] = {
        {"3007A0053003800104", false,
         "did not install the Profile: status 4 (not-enough-memory)"}, /* not enough memory */
        {"300AA0083006800103810103", false, NULL},                     /* bad values of element 3 */
        {"300EA00C3003800100300580010C810107", false, NULL}, /* only the second one fails */
        {"300AA0053003800100810100", false, NULL},           /* aborted */
        {"300AA0053003800104810100", false,
         "aborted the installation: status 4 (not-enough-memory)"}, /* the same, and why */
        {"3007A0053003800100", true, NULL},                         /* done before the end */
        {"3002A000", false, NULL},                                  /* says nothing */
        {"0500", false, NULL},                                      /* no result */
        {"3007A005300380010600", false, NULL},                      /* bytes behind */
    };
    for (int i = 0; i < (int)CR_COUNT(rows); i++) {
        rig_import(r, i + 1, "iot", 9000);
        r->chip.result = rows[i].result;
        r->chip.early = rows[i].early;
        r->answers = 0;
        rig_download(r, i + 1, false);
        rig_settle(r);
        rig_assert_status(r, SOAP_FAILED, "8.4", "4.2");
        assert_true(r->answer.euicc_response_data.n > 0);
        if (rows[i].says) {
            const cr_span message = r->status.code.message;
            assert_non_null(memmem(message.p, message.n, rows[i].says, strlen(rows[i].says)));
        }
        /* Its credentials have left: never for another chip. */
        assert_int_equal(rig_state(r, i + 1), SMDP_FAILED);
        assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(i + 1))));
    }
    assert_int_equal(rig_count(r, "SELECT count(*) FROM isdp"), 0);
}

static void test_forged_result(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.wrong_mac = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.4", "4.2");
    assert_int_equal(rig_state(r, 1), SMDP_FAILED);
}

/* POL1 of what was loaded forbids the deletion: the Profile is there. */
static void test_locked(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.wrong_mac = true; /* installed, but the answer is spoilt */
    r->faults[SOAP_DELETE_PROFILE].subject = "8.2.2";
    r->faults[SOAP_DELETE_PROFILE].reason = "3.8";
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_WITHWARNING, "8.2.1", "4.2");
    assert_int_equal(rig_state(r, 1), SMDP_INSTALLED);
}

/* ... but when the SM-SR will not have it either, there is an end. */
static void test_locked_and_refused(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->chip.wrong_mac = true;
    r->faults[SOAP_DELETE_PROFILE].subject = "8.2.2";
    r->faults[SOAP_DELETE_PROFILE].reason = "3.8";
    r->faults[SOAP_PROFILE_DOWNLOAD_COMPLETED].subject = "8.2.1";
    r->faults[SOAP_PROFILE_DOWNLOAD_COMPLETED].reason = "1.2";
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.4", "4.2");
    assert_int_equal(rig_state(r, 1), SMDP_FAILED);
}

static void test_no_aid(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->no_aid = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_FAILED, "8.3.1", "2.1");
    assert_int_equal(r->asked[SOAP_DELETE_PROFILE], 1);
    assert_int_equal(rig_state(r, 1), SMDP_AVAILABLE);
}

/* ---- time ---- */

static void test_silent(void **state)
{
    struct rig *r = *state;
    static const enum soap_name silent[] = {SOAP_GET_EIS, SOAP_CREATE_ISDP, SOAP_SEND_DATA};
    for (int i = 0; i < (int)CR_COUNT(silent); i++) {
        rig_import(r, i + 1, "iot", 300);
        r->faults[silent[i]].silent = true;
        r->answers = 0;
        rig_download(r, i + 1, false);
        rig_settle(r);
        assert_int_equal(r->answers, 0);
        rig_pass(r, 3600 * 1000);
        rig_settle(r);
        rig_assert_status(r, SOAP_EXPIRED, "1.6", "5.3");
        assert_int_equal(rig_state(r, i + 1), SMDP_AVAILABLE);
        assert_null(fake_chip_isdp(&r->chip, cr_span_str(rig_iccid(i + 1))));
        r->faults[silent[i]].silent = false;
    }
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job WHERE step < 15"), 0);
}

/* What the SM-SR says when nobody waits for it any more. */
static void test_late(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->faults[SOAP_SEND_DATA].silent = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_pass(r, 3600 * 1000);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXPIRED, "1.6", "5.3");
    int asked = r->asked[SOAP_SEND_DATA];
    rig_answer_late(r);
    rig_settle(r);
    assert_int_equal(r->asked[SOAP_SEND_DATA], asked);
    assert_int_equal(r->answers, 1);
    assert_int_equal(rig_state(r, 1), SMDP_AVAILABLE);
    /* Ended jobs are kept for a while. */
    rig_pass(r, SMDP_KEEP_MS - 60000);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job"), 1);
    rig_pass(r, 120000);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job"), 0);
}

/* A Profile for any operator becomes that of the one it was loaded for, not of one that failed. */
static void test_any_owner(void **state)
{
    struct rig *r = *state;
    const struct smdp_import import = {.upp = rig_upp(r, rig_iccid(1), 300)};
    assert_int_equal(smdp_import(r->dp, &import, NULL, NULL), CR_OK);
    r->spoil_ecasd = true;
    expect_release(r, "8.5.2", "6.1");
    assert_int_equal(rig_count(r, "SELECT count(*) FROM profile WHERE owner = ''"), 1);
    r->spoil_ecasd = false;
    r->answers = 0;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM profile WHERE owner = '" RIG_OPERATOR "'"),
                     1);
}

/* The chip cannot be reached for the deletion either: nobody knows, so nobody else gets it. */
static void test_silent_deletion(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    r->faults[SOAP_SEND_DATA].subject = "8.1.1";
    r->faults[SOAP_SEND_DATA].reason = "5.1";
    r->faults[SOAP_DELETE_PROFILE].silent = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_pass(r, 3601 * 1000);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXPIRED, NULL, NULL);
    rig_pass(r, (int64_t)SOAP_VALIDITY_PLATFORM * 1000);
    rig_settle(r);
    assert_int_equal(rig_state(r, 1), SMDP_FAILED);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job WHERE step < 15"), 0);
}

/* Two downloads for one chip, one after the other. */
static void test_two_at_once(void **state)
{
    struct rig *r = *state;
    rig_import(r, 1, "iot", 300);
    rig_import(r, 2, "iot", 300);
    rig_download(r, 1, false);
    rig_download(r, 2, true);
    rig_settle(r);
    assert_int_equal(r->answers, 2);
    assert_int_equal(r->asked[SOAP_DELETE_PROFILE], 0);
    assert_installed(r, 1, 300);
    assert_installed(r, 2, 300);
    assert_int_equal(rig_count(r, "SELECT count(*) FROM job WHERE step = 15"), 2);
}

/* The second one waits too long behind the first. */
static void test_queued_too_long(void **state)
{
    struct rig *r = *state;
    struct soap_body body = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                             .smsr_id = cr_span_str(RIG_SR),
                             .iccid = cr_span_str(rig_iccid(2)),
                             .has_enable_profile = true};
    rig_import(r, 1, "iot", 300);
    rig_import(r, 2, "iot", 300);
    r->faults[SOAP_GET_EIS].silent = true;
    rig_download(r, 1, false);
    rig_settle(r);
    rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 600);
    rig_settle(r);
    assert_int_equal(rig_state(r, 2), SMDP_RESERVED);
    rig_pass(r, 600 * 1000);
    rig_settle(r);
    rig_assert_status(r, SOAP_EXPIRED, "1.6", "5.3");
    assert_int_equal(rig_state(r, 2), SMDP_AVAILABLE);
    assert_int_equal(rig_state(r, 1), SMDP_RESERVED);
}

/* ---- the wire ---- */

static enum fate at_letter(struct rig *r, int letter)
{
    return letter == r->at ? r->what : FATE_DELIVER;
}

/* Each letter of a download lost once, its answer lost once, delivered twice. */
static void test_each_letter(void **state)
{
    struct rig *r = *state;
    int letters = 0, n = 1;
    rig_import(r, n, "iot", 9000);
    rig_download(r, n, true);
    rig_settle(r);
    letters = r->letters;
    assert_true(letters > 15);
    r->fate = at_letter;
    for (int what = FATE_LOSE; what <= FATE_TWICE; what++) {
        for (int at = 0; at < letters; at++) {
            fake_chip_delete(&r->chip.isdps[0]);
            n++;
            r->answers = 0;
            r->letters = 0;
            r->at = at;
            r->what = (enum fate)what;
            rig_import(r, n, "iot", 9000);
            rig_download(r, n, true);
            rig_settle(r);
            rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
            assert_installed(r, n, 9000);
            assert_int_equal(r->chip.isdps[0].state, SOAP_STATE_ENABLED);
            assert_int_equal(r->chip.isdps[0].counter, 1);
        }
    }
}

/* The SM-DP is started anew whenever something has come. */
static void test_restarts(void **state)
{
    struct rig *r = *state;
    r->options.token_keys = true;
    rig_restart(r);
    rig_import(r, 1, "iot", 9000);
    rig_download(r, 1, true);
    for (int i = 0; i < 200 && !r->answers; i++) {
        int before = r->letters;
        rig_step(r);
        if (r->letters != before) {
            rig_restart(r);
        } else {
            rig_pass(r, 2000);
        }
    }
    rig_assert_status(r, SOAP_EXECUTED_SUCCESS, NULL, NULL);
    assert_installed(r, 1, 9000);
    assert_true(r->chip.isdps[0].has_token_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
        T(test_good),
        T(test_enabled),
        T(test_by_type),
        T(test_not_orderable),
        T(test_eligibility),
        T(test_clean_up),
        T(test_each_step_refused),
        T(test_enable_refused),
        T(test_wrong_receipt),
        T(test_other_counter),
        T(test_installer),
        T(test_forged_result),
        T(test_locked),
        T(test_locked_and_refused),
        T(test_no_aid),
        T(test_no_counter),
        T(test_brainpool),
        T(test_import),
        T(test_late),
        T(test_any_owner),
        T(test_silent),
        T(test_silent_deletion),
        T(test_two_at_once),
        T(test_queued_too_long),
        T(test_each_letter),
        T(test_restarts),
    };
    return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
