/* JSON lines: one object a line, the promised members with the promised meaning
 * (docs/lpa-json.md). */
#include "fake.h"

#include "lpa/events.h"

#include <jansson.h>

/* Parses exactly one line and frees the buffer. */
static json_t *parse(cr_buf *line)
{
    assert_true(cr_buf_ok(line) && line->n > 1);
    assert_int_equal(line->p[line->n - 1], '\n');
    assert_null(memchr(line->p, '\n', line->n - 1));
    json_error_t error;
    json_t *json = json_loadb((const char *)line->p, line->n, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, (const char *)line->p);
    }
    cr_buf_free(line);
    return json;
}

static void expect_text(const json_t *json, const char *name, const char *text)
{
    const char *got = json_string_value(json_object_get(json, name));
    if (!got || strcmp(got, text) != 0) {
        fail_msg("%s is %s, not %s", name, got ? got : "absent", text);
    }
}

static void expect_int(const json_t *json, const char *name, int64_t value)
{
    const json_t *got = json_object_get(json, name);
    assert_true(json_is_integer(got));
    assert_int_equal(json_integer_value(got), value);
}

static void expect_absent(const json_t *json, const char *name)
{
    assert_null(json_object_get(json, name));
}

static void test_progress(void **state)
{
    (void)state;
    cr_buf line = {0};
    struct lpa_progress p = {
        .stage = LPA_STAGE_INSTALL, .step = 11, .steps = 12, .done = 5, .total = 10};
    lpa_event_progress(&line, &p);
    json_t *json = parse(&line);
    expect_text(json, "event", "progress");
    expect_text(json, "stage", "install");
    expect_int(json, "step", 11);
    expect_int(json, "steps", 12);
    expect_int(json, "done", 5);
    expect_int(json, "total", 10);
    json_decref(json);
    p.done = 0;
    p.total = 0;
    lpa_event_progress(&line, &p);
    json = parse(&line);
    expect_absent(json, "done");
    expect_absent(json, "total");
    json_decref(json);
}

static const uint8_t iccid[] = {0x98, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x54, 0xF6};

static void test_metadata(void **state)
{
    (void)state;
    struct rsp_store_metadata m = {.iccid = CR_SPAN_ARRAY(iccid),
                                   .service_provider_name = cr_span_str("Zw\xC3\xB6lf \"GmbH\"\n"),
                                   .profile_name = cr_span_str("\xFF\xFE"),
                                   .profile_class = RSP_CLASS_TEST,
                                   .has_icon_type = true,
                                   .icon_type = RSP_ICON_PNG,
                                   .icon = cr_span_str("icon"),
                                   .has_profile_owner = true,
                                   .profile_owner = {.mcc_mnc = cr_span_of("\x00\xF1\x10", 3)},
                                   .has_profile_policy_rules = true,
                                   .profile_policy_rules = RSP_PPR1 | RSP_PPR2};
    struct lpa_offer offer = {.metadata = &m,
                              .server = cr_span_str(FAKE_HOST),
                              .ppr = {.verdict = LPA_PPR_CONSENT, .rule = RSP_PPR1},
                              .confirmation_code_required = true};
    cr_buf line = {0};
    lpa_event_metadata(&line, &offer);
    json_t *json = parse(&line);
    expect_text(json, "event", "metadata");
    expect_text(json, "server", FAKE_HOST);
    expect_text(json, "iccid", "8901234567890123456");
    expect_text(json, "serviceProviderName", "Zw\xC3\xB6lf \"GmbH\"\n");
    expect_text(json, "profileName", "FFFE"); /* no UTF-8: the line stays readable */
    expect_text(json, "profileClass", "test");
    expect_text(json, "iconType", "png");
    expect_text(json, "icon", "aWNvbg==");
    expect_text(json_object_get(json, "profileOwner"), "mccMnc", "00F110");
    assert_int_equal(json_array_size(json_object_get(json, "profilePolicyRules")), 2);
    assert_true(json_is_true(json_object_get(json, "confirmationCodeRequired")));
    assert_true(json_is_true(json_object_get(json, "policyConsentRequired")));
    json_decref(json);
    offer.metadata = NULL;
    lpa_event_metadata(&line, &offer);
    json = parse(&line);
    expect_absent(json, "iccid");
    json_decref(json);
}

static void test_error(void **state)
{
    (void)state;
    struct cr_err err;
    (void)cr_refuse(&err, "8.2.6", "3.10", "SGP.22 5.6.3", "no such code");
    (void)cr_err_next(&err, CR_REFUSED, "look again");
    struct lpa_where where = {.stage = LPA_STAGE_INSTALL,
                              .function = "ES10b.LoadBoundProfilePackage",
                              .status_word = 0x6A88,
                              .http_status = 500,
                              .has_result = true,
                              .result = 127,
                              .result_name = "undefinedError",
                              .has_bpp = true,
                              .bpp_command = RSP_BPP_STORE_METADATA,
                              .bpp_reason = RSP_INSTALL_ICCID_ALREADY_EXISTS,
                              .has_cancel = true,
                              .cancel_reason = RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR,
                              .cancel_delivered = true};
    cr_buf line = {0};
    lpa_event_error(&line, &err, &where);
    json_t *json = parse(&line);
    expect_text(json, "event", "error");
    expect_text(json, "stage", "install");
    expect_text(json, "function", "ES10b.LoadBoundProfilePackage");
    expect_text(json, "category", "refused");
    expect_text(json, "cause", "no such code");
    expect_text(json, "next", "look again");
    expect_text(json, "subjectCode", "8.2.6");
    expect_text(json, "subject", rsp_subject_name("8.2.6"));
    expect_text(json, "reasonCode", "3.10");
    expect_text(json, "reason", rsp_reason_name("3.10"));
    expect_text(json, "clause", "SGP.22 5.6.3");
    expect_text(json, "statusWord", "6A88");
    expect_int(json, "httpStatus", 500);
    expect_int(json, "result", 127);
    expect_text(json, "resultName", "undefinedError");
    expect_int(json, "bppCommandId", 2);
    expect_text(json, "bppCommand", "storeMetadata");
    expect_int(json, "errorReason", 9);
    expect_int(json, "cancelReason", 5);
    expect_text(json, "cancelReasonName", "loadBppExecutionError");
    assert_true(json_is_true(json_object_get(json, "cancelDelivered")));
    assert_true(json_is_false(json_object_get(json, "retry")));
    json_decref(json);

    where = (struct lpa_where){.stage = LPA_STAGE_CONTACT};
    (void)cr_fail(&err, CR_RESOURCE, NULL, "not reached");
    lpa_event_error(&line, &err, &where);
    json = parse(&line);
    assert_true(json_is_true(json_object_get(json, "retry")));
    static const char *const absent[] = {"function",   "statusWord", "httpStatus", "result",
                                         "bppCommand", "subject",    "reason",     "cancelReason",
                                         "next",       "field"};
    for (size_t i = 0; i < CR_COUNT(absent); i++) {
        expect_absent(json, absent[i]);
    }
    json_decref(json);
}

static void test_results(void **state)
{
    (void)state;
    cr_buf line = {0};
    struct lpa_download_result result = {.iccid = CR_SPAN_ARRAY(iccid),
                                         .isdp_aid = cr_span_of("\xA0\x01", 2),
                                         .seq_number = 7,
                                         .bpp_bytes = 1000,
                                         .sima_text = cr_span_str("ok"),
                                         .send = {.sent = 1, .failed = 1}};
    (void)cr_fail(&result.send.first, CR_RESOURCE, NULL, "not reached");
    lpa_event_download(&line, &result);
    json_t *json = parse(&line);
    expect_text(json, "event", "result");
    expect_text(json, "command", "download");
    expect_text(json, "iccid", "8901234567890123456");
    expect_text(json, "isdpAid", "A001");
    expect_int(json, "seqNumber", 7);
    expect_text(json, "elementStatus", "ok");
    const json_t *notifications = json_object_get(json, "notifications");
    expect_int(notifications, "sent", 1);
    expect_int(notifications, "failed", 1);
    expect_int(notifications, "waiting", 0);
    expect_text(json_object_get(notifications, "error"), "cause", "not reached");
    json_decref(json);

    struct lpa_change change = {.profile = {.iccid = CR_SPAN_ARRAY(iccid)}, .already = true};
    lpa_event_change(&line, "enable", &change);
    json = parse(&line);
    expect_text(json, "command", "enable");
    assert_true(json_is_true(json_object_get(json, "already")));
    expect_absent(json, "notifications");
    json_decref(json);

    lpa_event_done(&line, "list", 0);
    json = parse(&line);
    expect_int(json, "count", 0);
    json_decref(json);
    lpa_event_done(&line, "default-smdp set", -1);
    json = parse(&line);
    expect_absent(json, "count");
    json_decref(json);
}

static void test_lists(void **state)
{
    (void)state;
    cr_buf line = {0};
    struct rsp_profile_info profile = {.iccid = CR_SPAN_ARRAY(iccid),
                                       .has_profile_state = true,
                                       .profile_state = RSP_STATE_ENABLED,
                                       .profile_nickname = cr_span_str("work")};
    lpa_event_profile(&line, &profile);
    json_t *json = parse(&line);
    expect_text(json, "event", "profile");
    expect_text(json, "state", "enabled");
    expect_text(json, "profileClass", "operational"); /* absent means that */
    expect_text(json, "nickname", "work");
    json_decref(json);

    struct lpa_notification n = {.seq_number = 0,
                                 .event = RSP_EVENT_LOCAL_DELETE,
                                 .address = cr_span_str(FAKE_HOST),
                                 .iccid = CR_SPAN_ARRAY(iccid)};
    lpa_event_notification(&line, &n, NULL, NULL);
    json = parse(&line);
    expect_int(json, "seqNumber", 0);
    expect_text(json, "operation", "delete");
    expect_absent(json, "outcome");
    json_decref(json);
    enum lpa_sent sent = LPA_SENT_WAITING;
    lpa_event_notification(&line, &n, &sent, NULL);
    json = parse(&line);
    expect_text(json, "outcome", "waiting");
    json_decref(json);

    struct cr_err refused;
    (void)cr_refuse(&refused, "8.1", "4.8", "SGP.22 5.6.4", "no");
    (void)cr_err_field(&refused, CR_REFUSED, "seqNumber");
    sent = LPA_SENT_FAILED;
    lpa_event_notification(&line, &n, &sent, &refused);
    json = parse(&line);
    expect_text(json, "outcome", "failed");
    expect_text(json, "category", "refused");
    expect_text(json, "subjectCode", "8.1");
    expect_text(json, "subject", rsp_subject_name("8.1"));
    expect_text(json, "reasonCode", "4.8");
    expect_text(json, "reason", rsp_reason_name("4.8"));
    expect_text(json, "field", "seqNumber");
    json_decref(json);

    struct lpa_event event = {.address = cr_span_str("a"), .event_id = cr_span_str("E1")};
    lpa_event_waiting(&line, &event);
    json = parse(&line);
    expect_text(json, "event", "waiting");
    expect_text(json, "eventId", "E1");
    json_decref(json);

    lpa_event_default_smdp(&line, (cr_span){0}, cr_span_str("ds"));
    json = parse(&line);
    expect_text(json, "defaultSmdpAddress", ""); /* none, said */
    json_decref(json);
}

static void test_info(void **state)
{
    (void)state;
    cr_buf line = {0};
    struct lpa_info info = {.has_eid = true, .has_resources = true, .has_info2 = true};
    assert_true(cr_hex_fixed(info.eid, 16, cr_span_str("89049032123451234512345678901235")));
    info.resources.free_non_volatile = 123456;
    info.info2.euicc_rsp_capability = RSP_EUICC_ADDITIONAL_PROFILE;
    static const uint8_t gsma[] = {0x81, 0x37, 0x0F, 0x51, 0x25, 0xD0, 0xB1, 0xD4, 0x08, 0xD4,
                                   0xC3, 0xB2, 0x32, 0xE6, 0xD2, 0x5E, 0x79, 0x5B, 0xEB, 0xFB};
    cr_span ids[] = {CR_SPAN_ARRAY(gsma), cr_span_of("\x01\x02", 2)};
    info.has_info1 = true;
    info.info1.euicc_ci_pkid_list_for_verification.items = ids;
    info.info1.euicc_ci_pkid_list_for_verification.count = 2;
    info.info1.highest_svn = cr_span_of("\x03\x01\x00", 3);
    struct rsp_operator_id operators[] = {{.mcc_mnc = cr_span_of("\xEE\xEE\xEE", 3),
                                           .gid1 = cr_span_of("\x01", 1),
                                           .gid2 = cr_span_of("\x02", 1)}};
    struct rsp_profile_policy_authorisation_rule rules[] = {
        {.ppr_ids = RSP_PPR1,
         .allowed_operators = {.items = operators, .count = 1},
         .ppr_flags = RSP_PPR_CONSENT_REQUIRED}};
    info.has_rat = true;
    info.rat.rat.items = rules;
    info.rat.rat.count = 1;
    lpa_event_info(&line, &info);
    json_t *json = parse(&line);
    expect_text(json, "eid", "89049032123451234512345678901235");
    expect_int(json, "freeNonVolatileMemory", 123456);
    const json_t *cis = json_object_get(json, "ciForVerification");
    assert_int_equal(json_array_size(cis), 2);
    expect_text(json_array_get(cis, 0), "name", "GSMA live CI");
    expect_absent(json_array_get(cis, 1), "name");
    expect_text(json_array_get(cis, 1), "keyId", "0102");
    expect_absent(json, "rootSmdsAddress");
    expect_text(json, "highestSvn", "3.1.0");
    const json_t *rule = json_array_get(json_object_get(json, "rulesAuthorisationTable"), 0);
    assert_true(json_is_true(json_object_get(rule, "consentRequired")));
    assert_int_equal(json_array_size(json_object_get(rule, "profilePolicyRules")), 1);
    const json_t *allowed = json_array_get(json_object_get(rule, "operators"), 0);
    expect_text(allowed, "mccMnc", "EEEEEE");
    expect_text(allowed, "gid1", "01");
    expect_text(allowed, "gid2", "02");
    json_decref(json);

    info = (struct lpa_info){.addresses_raw = cr_span_of("\xBF\x3C", 2), .addresses_why = "cut"};
    lpa_event_info(&line, &info);
    json = parse(&line);
    expect_text(json, "euiccConfiguredDataRaw", "BF3C");
    json_decref(json);

    info = (struct lpa_info){0};
    lpa_event_info(&line, &info);
    json = parse(&line);
    expect_absent(json, "euiccConfiguredDataRaw");
    expect_absent(json, "eid");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_error),    cmocka_unit_test(test_results),
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
