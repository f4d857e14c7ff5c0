/*
 * The functions of ES10a, ES10b (information, notifications, rules) and ES10c, each result code.
 */
#include "fake_server.h"
#include "package.h"

struct scene {
    struct fake_server *server;
    struct bed *bed;
};

static struct scene *scene_new(struct bed *bed)
{
    struct scene *c = calloc(1, sizeof(*c));
    MUST(c);
    c->server = fake_new(CRYPTO_P256);
    c->bed = bed;
    return c;
}

static void scene_free(struct scene *c)
{
    fake_free(c->server);
    bed_free(c->bed);
    free(c);
}

static int set_up(void **state)
{
    *state = scene_new(bed_new());
    return 0;
}

static int tear_down(void **state)
{
    scene_free(*state);
    return 0;
}

/* Downloads a profile of this number, class and rules; what came of it. */
static struct rsp_profile_installation_result download(struct scene *c, unsigned n,
                                                       int64_t profile_class, uint64_t rules)
{
    static const uint8_t plmn[] = {0x00, 0xF1, 0x10};
    struct fake_server *s = c->server;
    cr_buf upp = {0};
    s->metadata.iccid = fake_iccid(s, n);
    s->metadata.profile_class = profile_class;
    s->metadata.has_profile_policy_rules = rules != 0;
    s->metadata.profile_policy_rules = rules;
    if (rules && !s->metadata.has_profile_owner) {
        s->metadata.has_profile_owner = true;
        s->metadata.profile_owner.mcc_mnc = CR_SPAN_ARRAY(plmn);
    }
    package_small(s->metadata.iccid, &upp);
    s->upp = cr_buf_span(&upp);
    crypto_private_free(s->otsk);
    s->otsk = NULL;
    struct rsp_profile_installation_result result = fake_download(s, c->bed);
    s->upp = (cr_span){0};
    cr_buf_free(&upp);
    return result;
}

static cr_span install(struct scene *c, unsigned n, int64_t profile_class, uint64_t rules)
{
    ASSERT_INSTALLED(download(c, n, profile_class, rules));
    return c->server->metadata.iccid;
}

/* Notifications for all four events to one address, for two of them to another. */
static void configure_notifications(struct scene *c)
{
    static struct rsp_notification_configuration rows[2];
    rows[0] = (struct rsp_notification_configuration){RSP_EVENT_INSTALL | RSP_EVENT_LOCAL_ENABLE |
                                                          RSP_EVENT_LOCAL_DISABLE |
                                                          RSP_EVENT_LOCAL_DELETE,
                                                      cr_span_str("all.example.com")};
    rows[1] = (struct rsp_notification_configuration){RSP_EVENT_LOCAL_ENABLE,
                                                      cr_span_str("enable.example.com")};
    c->server->metadata.notification_configuration_info.items = rows;
    c->server->metadata.notification_configuration_info.count = 2;
    c->server->metadata.notification_configuration_info.present = true;
}

static void remove_all(struct scene *c)
{
    rsp_pending_notification_list list = bed_notifications(c->bed);
    for (size_t i = 0; i < list.count; i++) {
        struct rsp_notification_sent_request request = {
            .seq_number = rsp_pending_notification_metadata(&list.items[i])->seq_number};
        struct rsp_notification_sent_response response;
        (void)bed_call(c->bed, &rsp_notification_sent_request_type, &request,
                       &rsp_notification_sent_response_type, &response);
        assert_int_equal(response.delete_notification_status, RSP_DELETE_NOTIFICATION_OK);
    }
}

/* The pending notifications as "event:address event:address", which are then removed. */
static const char *take_notifications(struct scene *c)
{
    static char text[1024];
    size_t at = 0;
    rsp_pending_notification_list list = bed_notifications(c->bed);
    text[0] = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct rsp_notification_metadata *m =
            rsp_pending_notification_metadata(&list.items[i]);
        if (list.items[i].which == RSP_PENDING_OTHER_SIGNED_NOTIFICATION) {
            fake_verify_notification(&list.items[i]);
        }
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d:%.3s", i ? " " : "",
                               (int)m->profile_management_operation,
                               (const char *)m->notification_address.p);
    }
    remove_all(c);
    return text;
}

/* ---- ES10a -------------------------------------------------------------------------------------
 */

static void test_addresses(void **state)
{
    struct scene *c = *state;
    assert_int_equal(bed_store_hex(c->bed, "BF3C00"), 0x9000);
    bed_expect(c->bed, "BF3C1C8000811874657374726F6F74736D64732E6578616D706C652E636F6D");
    assert_int_equal(bed_store_hex(c->bed, "BF3F0580036B2E65"), 0x9000);
    bed_expect(c->bed, "BF3F03800100");
    c->bed = bed_power_cycle(c->bed);
    assert_int_equal(bed_store_hex(c->bed, "BF3C00"), 0x9000);
    bed_expect(c->bed, "BF3C1F80036B2E65811874657374726F6F74736D64732E6578616D706C652E636F6D");
    assert_int_equal(bed_store_hex(c->bed, "BF3F028000"), 0x9000);
    bed_expect(c->bed, "BF3F03800100");
    assert_int_equal(bed_store_hex(c->bed, "BF3C00"), 0x9000);
    bed_expect(c->bed, "BF3C1C8000811874657374726F6F74736D64732E6578616D706C652E636F6D");
    /* too long; no UTF-8 */
    cr_buf long_one = {0};
    size_t mark = der_open(&long_one, 0xBF3F);
    der_put_header(&long_one, 0x80, EUICC_MAX_ADDRESS + 1);
    for (size_t i = 0; i <= EUICC_MAX_ADDRESS; i++) {
        cr_buf_append_byte(&long_one, 'a');
    }
    der_close(&long_one, mark);
    uint16_t sw = bed_store(c->bed, cr_buf_span(&long_one));
    assert_true(sw == 0x6A80 || (sw == 0x9000 && c->bed->out.p[5] == 127));
    cr_buf_free(&long_one);
    assert_int_equal(bed_store_hex(c->bed, "BF3F048002C328"), 0x6A80);
    /* set often: nothing grows */
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(bed_store_hex(c->bed, i & 1 ? "BF3F0380016B" : "BF3F0480026B6C"), 0x9000);
    }
    size_t used = c->bed->euicc->arena.used;
    assert_int_equal(bed_store_hex(c->bed, "BF3F0380016B"), 0x9000);
    assert_int_equal(c->bed->euicc->arena.used, used);
}

static void test_lpae(void **state)
{
    struct scene *c = *state;
    assert_int_equal(bed_store_hex(c->bed, "BF420480020780"), 0x9000);
    bed_expect(c->bed, "BF4203800101");
}

static void test_select(void **state)
{
    struct scene *c = *state;
    assert_int_equal(bed_hex(c->bed, "01A4040010A0000005591010FFFFFFFF8900000100"), 0x9000);
    struct rsp_isdr_fci fci;
    struct cr_err err = {0};
    MUST_OK(
        asn1_decode(&rsp_isdr_fci_type, cr_buf_span(&c->bed->out), 0, &c->bed->arena, &fci, &err));
    assert_int_equal(fci.dedicated_file_name.n, 16);
    assert_true(fci.has_isdr_template);
    assert_memory_equal(fci.isdr_template.lowest_svn.p, "\2\5\0", 3);
    /* not an application of the basic channel unless selected there; unknown AIDs */
    assert_int_equal(bed_hex(c->bed, "80E2910006BF3E035C015A"), 0x6D00);
    assert_int_equal(bed_hex(c->bed, "01A4040010A0000005591010FFFFFFFF8900000200"), 0x6A82);
}

/* ---- ES10b: information ------------------------------------------------------------------------
 */

static void test_info(void **state)
{
    struct scene *c = *state;
    struct rsp_empty request = {0};
    struct rsp_euicc_info1 info1;
    struct rsp_euicc_info2 info2;
    struct rsp_ext_card_resource before;
    struct rsp_ext_card_resource after;
    struct cr_err err = {0};
    assert_int_equal(bed_call(c->bed, &rsp_get_euicc_info1_request_type, &request,
                              &rsp_euicc_info1_type, &info1),
                     0x9000);
    assert_int_equal(bed_call(c->bed, &rsp_get_euicc_info2_request_type, &request,
                              &rsp_euicc_info2_type, &info2),
                     0x9000);
    assert_true(cr_span_equal(info1.lowest_svn, info2.lowest_svn));
    assert_int_equal(info1.euicc_ci_pkid_list_for_signing.count, 2);
    assert_int_equal(info1.euicc_ci_pkid_list_for_verification.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(cr_span_equal(info1.euicc_ci_pkid_list_for_signing.items[i],
                                  info2.euicc_ci_pkid_list_for_signing.items[i]));
    }
    assert_true(cr_span_equal(info1.euicc_ci_pkid_list_for_signing.items[0], c->server->ci.ski));
    assert_false(info1.has_euicc_rsp_capability); /* nothing of v3 */
    assert_false(info2.has_lpa_mode);
    assert_true(info2.euicc_rsp_capability & RSP_EUICC_TEST_PROFILE);
    assert_false(info2.has_forbidden_profile_policy_rules);
    assert_int_equal(info2.pp_version.n, 3);
    assert_non_null(info2.sas_accreditation_number.p);
    MUST_OK(rsp_ext_card_resource_parse(info2.ext_card_resource, &before, &err));
    assert_int_equal(before.installed_applications, 0);
    assert_in_range(before.free_non_volatile, 1000000, EUICC_MEMORY);
    (void)install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    (void)bed_call(c->bed, &rsp_get_euicc_info2_request_type, &request, &rsp_euicc_info2_type,
                   &info2);
    MUST_OK(rsp_ext_card_resource_parse(info2.ext_card_resource, &after, &err));
    assert_int_equal(after.installed_applications, 1);
    assert_true(after.free_non_volatile < before.free_non_volatile);
}

static void test_eid(void **state)
{
    struct scene *c = *state;
    assert_int_equal(bed_store_hex(c->bed, "BF3E035C015A"), 0x9000);
    bed_expect(c->bed, "BF3E125A1089049032123451234512345678901235");
    assert_int_equal(bed_store_hex(c->bed, "BF3E035C0180"), 0x6A88);
    assert_string_equal(euicc_eid(c->bed->euicc), BED_EID);
}

static void test_rat(void **state)
{
    struct scene *c = *state;
    assert_int_equal(bed_store_hex(c->bed, "BF4300"), 0x9000);
    bed_expect(c->bed, "BF4319A017301580020560A10B30098003EEEEEE8100820082020780");
}

/* ---- GetProfilesInfo ---------------------------------------------------------------------------
 */

static void test_profiles_info(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    assert_int_equal(bed_store_hex(bed, "BF2D00"), 0x9000);
    bed_expect(bed, "BF2D02A000");
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    (void)install(c, 2, RSP_CLASS_TEST, 0);
    (void)install(c, 3, RSP_CLASS_PROVISIONING, RSP_PPR2);
    assert_int_equal(bed_profile_count(bed), 3);
    /* the default set of the first */
    assert_int_equal(bed_store_hex(bed, "BF2D0EA00C5A0A98000000000000000010"), 0x9000);
    bed_expect(bed, "BF2D47A045E343"
                    "5A0A98000000000000000010"
                    "4F10A0000005591010FFFFFFFF8900001000"
                    "9F700100"
                    "9109"
                    "47534D415F54455354"
                    "9211"
                    "47534D415F544553545F50524F46494C45"
                    "950102");
    /* by AID, by class, the form of an old host, no hit */
    assert_int_equal(bed_store_hex(bed, "BF2D17A0124F10A0000005591010FFFFFFFF89000011005C015A"),
                     0x9000);
    bed_expect(bed, "BF2D10A00EE30C5A0A98000000000000000020");
    assert_int_equal(bed_store_hex(bed, "BF2D08A0039501015C015A"), 0x9000);
    bed_expect(bed, "BF2D10A00EE30C5A0A98000000000000000030");
    assert_int_equal(bed_store_hex(bed, "BF2D0F5A0A980000000000000000205C015A"), 0x9000);
    bed_expect(bed, "BF2D10A00EE30C5A0A98000000000000000020");
    assert_int_equal(bed_store_hex(bed, "BF2D0EA00C5A0A98000000000000000090"), 0x9000);
    bed_expect(bed, "BF2D02A000");
    /* the list of a widespread platform, with tags nobody knows */
    assert_int_equal(bed_store_hex(bed, "BF2D1BA0039501025C14"
                                        "5A909192B79F709599BF769F24DF7F0102BF7F81"),
                     0x9000);
    bed_expect(bed, "BF2D35A033E331"
                    "5A0A98000000000000000010"
                    "9F700100"
                    "9109"
                    "47534D415F54455354"
                    "9211"
                    "47534D415F544553545F50524F46494C45"
                    "950102");
    /* rules and owner when they are asked for */
    assert_int_equal(bed_store_hex(bed, "BF2D09A0039501015C02B799"), 0x9000);
    bed_expect(bed, "BF2D0FA00DE30BB705800300F110"
                    "99020520");
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    assert_int_equal(bed_state(bed, one), RSP_STATE_ENABLED);
}

static void test_nickname(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    cr_span iccid = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    assert_int_equal(bed_store_hex(bed, "BF29105A0A9800000000000000001090026869"), 0x9000);
    bed_expect(bed, "BF2903800100");
    c->bed = bed = bed_power_cycle(bed);
    assert_int_equal(bed_store_hex(bed, "BF2D035C0190"), 0x9000);
    bed_expect(bed, "BF2D08A006E30490026869");
    assert_int_equal(bed_enable(bed, iccid, false), RSP_PROFILE_OK); /* kept over a change */
    assert_int_equal(bed_store_hex(bed, "BF2D035C0190"), 0x9000);
    bed_expect(bed, "BF2D08A006E30490026869");
    assert_int_equal(bed_store_hex(bed, "BF290E5A0A980000000000000000109000"), 0x9000);
    bed_expect(bed, "BF2903800100");
    assert_int_equal(bed_store_hex(bed, "BF2D035C0190"), 0x9000);
    bed_expect(bed, "BF2D04A002E300");
    assert_int_equal(bed_store_hex(bed, "BF290E5A0A980000000000000000909000"), 0x9000);
    bed_expect(bed, "BF2903800101");
    /* 65 bytes */
    char hex[200] = "BF294F5A0A980000000000000000109041";
    for (size_t i = 0; i < 65; i++) {
        (void)strcat(hex, "41");
    }
    assert_int_equal(bed_store_hex(bed, hex), 0x6A80);
}

/* ---- states ------------------------------------------------------------------------------------
 */

static const char *selected_iccid(struct bed *bed)
{
    static char hex[64];
    assert_int_equal(bed_hex(bed, "00A40004022FE2") & 0xFE00, 0x9000); /* or 91xx */
    assert_int_equal(bed_hex(bed, "00B000000A") & 0xFE00, 0x9000);
    return cr_hex_into(hex, sizeof(hex), cr_buf_span(&bed->out));
}

static void test_enable_disable_delete(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    configure_notifications(c);
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    cr_span two = install(c, 2, RSP_CLASS_OPERATIONAL, 0);
    cr_span none = fake_iccid(c->server, 99);
    assert_string_equal(take_notifications(c), "1:tes 1:all 1:tes 1:all");
    assert_int_equal(bed_enable(bed, none, false), RSP_PROFILE_ICCID_OR_AID_NOT_FOUND);
    assert_int_equal(bed_disable(bed, none, false), RSP_PROFILE_ICCID_OR_AID_NOT_FOUND);
    assert_int_equal(bed_delete(bed, none), RSP_PROFILE_ICCID_OR_AID_NOT_FOUND);
    assert_int_equal(bed_disable(bed, one, false), RSP_PROFILE_NOT_IN_EXPECTED_STATE);
    assert_string_equal(take_notifications(c), "");
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    assert_string_equal(take_notifications(c), "2:all 2:ena");
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_NOT_IN_EXPECTED_STATE);
    assert_int_equal(bed_delete(bed, one), RSP_PROFILE_NOT_IN_EXPECTED_STATE);
    /* the other one: this one is disabled by that */
    assert_int_equal(bed_enable(bed, two, false), RSP_PROFILE_OK);
    assert_string_equal(take_notifications(c), "4:all 2:all 2:ena");
    assert_int_equal(bed_state(bed, one), RSP_STATE_DISABLED);
    assert_int_equal(bed_state(bed, two), RSP_STATE_ENABLED);
    assert_string_equal(selected_iccid(bed), "98000000000000000020");
    assert_int_equal(bed_disable(bed, two, false), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(bed, "00A40004022FE2"), 0x6A82); /* nothing is there */
    assert_int_equal(bed_delete(bed, one), RSP_PROFILE_OK);
    assert_string_equal(take_notifications(c), "4:all 8:all");
    assert_int_equal(bed_state(bed, one), -1);
    assert_int_equal(bed_delete(bed, one), RSP_PROFILE_ICCID_OR_AID_NOT_FOUND);
    /* by AID */
    assert_int_equal(bed_store_hex(bed, "BF3117A0124F10A0000005591010FFFFFFFF8900001100810100"),
                     0x9000);
    bed_expect(bed, "BF3103800100");
    assert_int_equal(bed_store_hex(bed, "BF3217A0124F10A0000005591010FFFFFFFF8900001100810100"),
                     0x9000);
    bed_expect(bed, "BF3203800100");
    assert_int_equal(bed_store_hex(bed, "BF33124F10A0000005591010FFFFFFFF8900001100"), 0x9000);
    bed_expect(bed, "BF3303800100");
    assert_int_equal(bed_profile_count(bed), 0);
    bed_check_consistent(bed);
    /* an id that is free again */
    (void)install(c, 3, RSP_CLASS_OPERATIONAL, 0);
}

/* TERMINAL PROFILE with everything offered; the mode "eUICC profile state change" if wanted. */
static void terminal_profile(struct bed *bed, bool new_mode)
{
    uint8_t apdu[5 + 34] = {0x80, 0x10, 0x00, 0x00, new_mode ? 34 : 33};
    memset(apdu + 5, 0xFF, 33);
    apdu[5 + 33] = 0x20; /* byte 34, bit 6 */
    assert_int_equal(bed_apdu(bed, cr_span_of(apdu, new_mode ? 39 : 38)) & 0xFE00, 0x9000);
}

static void terminal_response(struct bed *bed, uint8_t number, uint8_t mode)
{
    char hex[64];
    (void)snprintf(hex, sizeof(hex), "801400000C8103%02X01%02X82028281830100", number, mode);
    assert_int_equal(bed_hex(bed, hex), 0x9000);
}

static void test_refresh(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    cr_span two = install(c, 2, RSP_CLASS_OPERATIONAL, 0);
    /* no toolkit: at once */
    assert_int_equal(bed_enable(bed, one, true), RSP_PROFILE_OK);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    /* with it: with the REFRESH */
    terminal_profile(bed, false);
    assert_int_equal(bed_enable(bed, two, true), RSP_PROFILE_OK);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    assert_int_equal(bed_store_hex(bed, "BF2D00"), 0x6985);
    assert_int_equal(bed_store_hex(bed, "BF330C5A0A98000000000000000010"), 0x6985);
    assert_int_equal(bed_enable(bed, one, true), RSP_PROFILE_CAT_BUSY);
    assert_int_equal(bed_disable(bed, two, true), RSP_PROFILE_CAT_BUSY);
    assert_int_equal(bed_memory_reset(bed, 7), RSP_RESET_CAT_BUSY);
    assert_int_equal(bed_hex(bed, "801200000B"), 0x9000);
    bed_expect(bed, "D009810301010482028182");
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    terminal_response(bed, 1, 4);
    assert_string_equal(selected_iccid(bed), "98000000000000000020");
    assert_int_equal(bed_state(bed, two), RSP_STATE_ENABLED);
    assert_int_equal(bed_state(bed, one), RSP_STATE_DISABLED);
    /* refreshFlag false: at once, toolkit or not */
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    /* the reset instead of the REFRESH */
    assert_int_equal(bed_disable(bed, one, true), RSP_PROFILE_OK);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    bed_reset(bed);
    assert_int_equal(bed_hex(bed, "00A40004022FE2"), 0x6A82);
    assert_int_equal(bed_state(bed, one), RSP_STATE_DISABLED);
    /* the newer mode */
    terminal_profile(bed, true);
    assert_int_equal(bed_enable(bed, two, true), RSP_PROFILE_OK);
    assert_int_equal(bed_hex(bed, "801200000B"), 0x9000);
    bed_expect(bed, "D009810301010982028182");
    terminal_response(bed, 1, 9);
    assert_string_equal(selected_iccid(bed), "98000000000000000020");
    /* a terminal whose profile lacks REFRESH cannot be waited for */
    assert_int_equal(bed_hex(bed, "8010000003FFFF7F"), 0x9000);
    assert_int_equal(bed_enable(bed, one, true), RSP_PROFILE_OK);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    assert_int_equal(bed_enable(bed, two, true), RSP_PROFILE_OK);
    terminal_profile(bed, false);
    /* and the power that goes while it waits */
    assert_int_equal(bed_enable(bed, one, true), RSP_PROFILE_OK);
    c->bed = bed = bed_power_cycle(bed);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    bed_check_consistent(bed);
}

/* ---- policy rules ------------------------------------------------------------------------------
 */

static void test_ppr1(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    cr_span fixed = install(c, 1, RSP_CLASS_OPERATIONAL, RSP_PPR1);
    cr_span other = install(c, 2, RSP_CLASS_OPERATIONAL, 0);
    cr_span test = install(c, 3, RSP_CLASS_TEST, 0);
    cr_span provisioning = install(c, 4, RSP_CLASS_PROVISIONING, 0);
    assert_int_equal(bed_enable(bed, fixed, false), RSP_PROFILE_OK);
    assert_int_equal(bed_disable(bed, fixed, false), RSP_PROFILE_DISALLOWED_BY_POLICY);
    assert_int_equal(bed_enable(bed, other, false), RSP_PROFILE_DISALLOWED_BY_POLICY);
    assert_int_equal(bed_state(bed, fixed), RSP_STATE_ENABLED);
    assert_int_equal(bed_enable(bed, provisioning, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, fixed, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_disable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_state(bed, fixed), RSP_STATE_ENABLED);
    /* a second one cannot come while an operational profile is there */
    ASSERT_REFUSED(download(c, 5, RSP_CLASS_OPERATIONAL, RSP_PPR1), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_PPR_NOT_ALLOWED);
    ASSERT_REFUSED(download(c, 6, RSP_CLASS_TEST, RSP_PPR2), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_PPR_NOT_ALLOWED);
    /* the memory reset asks no rule */
    assert_int_equal(bed_memory_reset(bed, RSP_RESET_DELETE_OPERATIONAL_PROFILES), RSP_RESET_OK);
    assert_int_equal(bed_state(bed, fixed), -1);
}

static void test_ppr2(void **state)
{
    struct scene *c = *state;
    cr_span fixed = install(c, 1, RSP_CLASS_OPERATIONAL, RSP_PPR2);
    assert_int_equal(bed_delete(c->bed, fixed), RSP_PROFILE_DISALLOWED_BY_POLICY);
    assert_int_equal(bed_enable(c->bed, fixed, false), RSP_PROFILE_OK);
    assert_int_equal(bed_delete(c->bed, fixed), RSP_PROFILE_NOT_IN_EXPECTED_STATE);
    assert_int_equal(bed_disable(c->bed, fixed, false), RSP_PROFILE_OK);
    assert_int_equal(bed_memory_reset(c->bed, RSP_RESET_DELETE_OPERATIONAL_PROFILES), RSP_RESET_OK);
}

struct rat_case {
    const char *plmn, *gid1, *gid2; /* of the table, hex; NULL = absent, "" = any */
    const char *owner, *owner_gid1; /* of the profile */
    bool allowed;
};

static cr_span optional_hex(cr_arena *arena, const char *hex)
{
    cr_buf bytes = {0};
    if (!hex) {
        return (cr_span){0};
    }
    MUST(cr_hex_decode(&bytes, cr_span_str(hex), NULL) == CR_OK);
    cr_span copy = cr_arena_copy(arena, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
    return copy;
}

static void test_rat_matching(void **state)
{
    static const struct rat_case rows[] = {
        {"00F110", NULL, NULL, "00F110", NULL, true},
        {"00F110", NULL, NULL, "00F120", NULL, false},
        {"EEEEEE", NULL, NULL, "42F618", NULL, true},
        {"00FEE0", NULL, NULL, "00F110", NULL, true},
        {"00FE1E", NULL, NULL, "00F110", NULL, true},
        {"00FE1E", NULL, NULL, "00F120", NULL, false},
        {"0EFE10", NULL, NULL, "10F110", NULL, false},
        {"0EF1E0", NULL, NULL, "02F150", NULL, true},
        {"00F110", NULL, NULL, "00F110", "01", false}, /* absent: has to be absent */
        {"00F110", "", NULL, "00F110", "01", true},
        {"00F110", "", NULL, "00F110", NULL, true},
        {"00F110", "01", NULL, "00F110", "01", true},
        {"00F110", "01", NULL, "00F110", "02", false},
        {"00F110", "01", NULL, "00F110", NULL, false},
        {"00F110", "01", "02", "00F110", "01", false},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_arena arena = {0};
        struct rsp_operator_id operator= {.mcc_mnc = optional_hex(&arena, rows[i].plmn),
                                          .gid1 = optional_hex(&arena, rows[i].gid1),
                                          .gid2 = optional_hex(&arena, rows[i].gid2)};
        struct rsp_profile_policy_authorisation_rule rule = {
            .ppr_ids = RSP_PPR2,
            .allowed_operators = {.items = &operator, .count = 1, .present = true}};
        struct rsp_get_rat_response rat = {.rat = {.items = &rule, .count = 1, .present = true}};
        struct euicc_options options = {.rat = &rat};
        struct scene *c = scene_new(bed_new_with(&options));
        c->server->metadata.has_profile_owner = true;
        c->server->metadata.profile_owner.mcc_mnc = optional_hex(&arena, rows[i].owner);
        c->server->metadata.profile_owner.gid1 = optional_hex(&arena, rows[i].owner_gid1);
        struct rsp_profile_installation_result result =
            download(c, 1, RSP_CLASS_OPERATIONAL, RSP_PPR2);
        if ((result.data.final_result.which == RSP_INSTALL_SUCCESS) != rows[i].allowed) {
            fail_msg("row %zu: %s", i, fake_result_text(&result));
        }
        if (rows[i].allowed) { /* PPR1 is not in the table */
            ASSERT_REFUSED(download(c, 2, RSP_CLASS_PROVISIONING, RSP_PPR1), RSP_BPP_STORE_METADATA,
                           RSP_INSTALL_PPR_NOT_ALLOWED);
        }
        scene_free(c);
        cr_arena_free(&arena);
    }
}

static void test_forbidden_and_empty_rat(void **state)
{
    (void)state;
    struct euicc_options options = {.forbidden_pprs = RSP_PPR2};
    struct scene *c = scene_new(bed_new_with(&options));
    ASSERT_REFUSED(download(c, 1, RSP_CLASS_OPERATIONAL, RSP_PPR2), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_PPR_NOT_ALLOWED);
    ASSERT_INSTALLED(download(c, 2, RSP_CLASS_OPERATIONAL, RSP_PPR1));
    scene_free(c);
    struct rsp_get_rat_response none = {.rat = {.present = true}};
    options = (struct euicc_options){.rat = &none, .no_test_profiles = true};
    c = scene_new(bed_new_with(&options));
    assert_int_equal(bed_store_hex(c->bed, "BF4300"), 0x9000);
    bed_expect(c->bed, "BF4302A000");
    ASSERT_REFUSED(download(c, 1, RSP_CLASS_OPERATIONAL, RSP_PPR1), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_PPR_NOT_ALLOWED);
    ASSERT_REFUSED(download(c, 1, RSP_CLASS_TEST, 0), RSP_BPP_STORE_METADATA,
                   RSP_INSTALL_UNSUPPORTED_PROFILE_CLASS);
    ASSERT_INSTALLED(download(c, 1, RSP_CLASS_OPERATIONAL, 0));
    scene_free(c);
}

/* ---- test profiles -----------------------------------------------------------------------------
 */

static void test_test_profiles(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    configure_notifications(c);
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    cr_span two = install(c, 2, RSP_CLASS_OPERATIONAL, 0);
    cr_span test = install(c, 3, RSP_CLASS_TEST, 0);
    cr_span test2 = install(c, 4, RSP_CLASS_TEST, 0);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, test2, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, two, false), RSP_PROFILE_WRONG_REENABLING);
    c->bed = bed = bed_power_cycle(bed);
    (void)take_notifications(c);
    assert_int_equal(bed_disable(bed, test2, false), RSP_PROFILE_OK);
    assert_string_equal(take_notifications(c), "4:all 2:all 2:ena");
    assert_int_equal(bed_state(bed, one), RSP_STATE_ENABLED);
    assert_int_equal(bed_state(bed, test), RSP_STATE_DISABLED);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    /* back to the operational one by its own enabling */
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, two, false), RSP_PROFILE_OK);
    /* the one that was interrupted is deleted meanwhile */
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_delete(bed, two), RSP_PROFILE_OK);
    assert_int_equal(bed_disable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_state(bed, one), RSP_STATE_DISABLED);
    assert_int_equal(euicc_id_get(euicc_nvm(bed->euicc), "on"), 0);
    /* a test profile alone: nothing to come back */
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_WRONG_REENABLING);
    assert_int_equal(bed_disable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    /* the enabled test profile vanishes in a reset: the operational one comes back */
    assert_int_equal(bed_enable(bed, test, false), RSP_PROFILE_OK);
    assert_int_equal(bed_memory_reset(bed, RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES),
                     RSP_RESET_OK);
    assert_int_equal(bed_state(bed, test), -1);
    assert_int_equal(bed_state(bed, test2), -1);
    assert_int_equal(bed_state(bed, one), RSP_STATE_ENABLED);
    assert_string_equal(selected_iccid(bed), "98000000000000000010");
    bed_check_consistent(bed);
}

/* ---- eUICCMemoryReset --------------------------------------------------------------------------
 */

static void test_memory_reset(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    configure_notifications(c);
    assert_int_equal(bed_memory_reset(bed, 7), RSP_RESET_NOTHING_TO_DELETE);
    for (uint64_t options = 0; options < 32; options++) {
        cr_span operational = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
        cr_span test = install(c, 2, RSP_CLASS_TEST, 0);
        cr_span provisioning = install(c, 3, RSP_CLASS_PROVISIONING, 0);
        assert_int_equal(bed_store_hex(bed, "BF3F0380016B"), 0x9000);
        assert_int_equal(bed_enable(bed, operational, false), RSP_PROFILE_OK);
        remove_all(c);
        bool none = (options & ~(uint64_t)RSP_RESET_DELETE_PRE_LOADED_TEST_PROFILES) == 0;
        assert_int_equal(bed_memory_reset(bed, options),
                         none ? RSP_RESET_NOTHING_TO_DELETE : RSP_RESET_OK);
        assert_int_equal(bed_state(bed, operational),
                         options & RSP_RESET_DELETE_OPERATIONAL_PROFILES ? -1 : RSP_STATE_ENABLED);
        assert_int_equal(bed_state(bed, test), options & RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES
                                                   ? -1
                                                   : RSP_STATE_DISABLED);
        assert_int_equal(bed_state(bed, provisioning),
                         options & RSP_RESET_DELETE_PROVISIONING_PROFILES ? -1
                                                                          : RSP_STATE_DISABLED);
        assert_int_equal(bed->euicc->config.default_smdp.n,
                         options & RSP_RESET_DEFAULT_SMDP_ADDRESS ? 0 : 1);
        assert_int_equal(bed_hex(bed, "00A40004022FE2"),
                         options & RSP_RESET_DELETE_OPERATIONAL_PROFILES ? 0x6A82 : 0x9000);
        bed_check_consistent(bed);
        (void)bed_memory_reset(bed, 0x1F);
        remove_all(c);
    }
}

static void test_memory_reset_refresh_and_session(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    terminal_profile(bed, false);
    fake_run_authenticate(c->server, bed);
    assert_int_equal(bed_memory_reset(bed, RSP_RESET_DELETE_OPERATIONAL_PROFILES), RSP_RESET_OK);
    assert_int_equal(uicc_proactive_pending(euicc_uicc(bed->euicc)), 1);
    assert_int_equal(bed_hex(bed, "801200000B"), 0x9000);
    terminal_response(bed, 1, 4);
    assert_int_equal(uicc_proactive_pending(euicc_uicc(bed->euicc)), 0);
    /* the session is over */
    c->server->confirmation_code = false;
    assert_int_equal(fake_try_prepare(c->server, bed), RSP_DOWNLOAD_NO_SESSION);
}

/* ---- notifications -----------------------------------------------------------------------------
 */

static void test_notifications(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    configure_notifications(c);
    assert_int_equal(bed_store_hex(bed, "BF2800"), 0x9000);
    bed_expect(bed, "BF2802A000");
    assert_int_equal(bed_store_hex(bed, "BF2B00"), 0x9000);
    bed_expect(bed, "BF2B02A000");
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
    /* 1 the result, 2 install, 3 and 4 enable */
    assert_int_equal(bed_store_hex(bed, "BF28048102"
                                        "0640"),
                     0x9000);
    bed_expect(bed, "BF2853A051"
                    "BF2F24800103810206400C0F616C6C2E6578616D706C652E636F6D5A0A98000000000000000010"
                    "BF2F27800104810206400C12656E61626C652E6578616D706C652E636F6D"
                    "5A0A98000000000000000010");
    assert_int_equal(bed_store_hex(bed, "BF280481020430"), 0x9000); /* disable, delete */
    bed_expect(bed, "BF2802A000");
    assert_int_equal(bed_store_hex(bed, "BF2B05A003800100"), 0x9000); /* number 0 */
    bed_expect(bed, "BF2B02A000");
    struct rsp_retrieve_notifications_list_request request = {
        .search_criteria = {.which = RSP_RETRIEVE_BY_EVENT,
                            .profile_management_operation = RSP_EVENT_INSTALL}};
    struct rsp_retrieve_notifications_list_response response;
    assert_int_equal(bed_call(bed, &rsp_retrieve_notifications_list_request_type, &request,
                              &rsp_retrieve_notifications_list_response_type, &response),
                     0x9000);
    assert_int_equal(response.notification_list.count, 2);
    assert_int_equal(response.notification_list.items[0].which,
                     RSP_PENDING_PROFILE_INSTALLATION_RESULT);
    request.search_criteria.which = RSP_RETRIEVE_BY_SEQ_NUMBER;
    request.search_criteria.seq_number = 3;
    assert_int_equal(bed_call(bed, &rsp_retrieve_notifications_list_request_type, &request,
                              &rsp_retrieve_notifications_list_response_type, &response),
                     0x9000);
    assert_int_equal(response.notification_list.count, 1);
    fake_verify_notification(&response.notification_list.items[0]);
    /* removed once; others, and numbers that never were */
    assert_int_equal(bed_store_hex(bed, "BF3003800103"), 0x9000);
    bed_expect(bed, "BF3003800100");
    assert_int_equal(bed_store_hex(bed, "BF3003800103"), 0x9000);
    bed_expect(bed, "BF3003800101");
    assert_int_equal(bed_store_hex(bed, "BF3003800163"), 0x9000);
    bed_expect(bed, "BF3003800101");
    assert_int_equal(bed_store_hex(bed, "BF30038001FF"), 0x9000);
    bed_expect(bed, "BF3003800101");
    assert_int_equal(bed_store_hex(bed, "BF30088006010000000003"), 0x9000);
    bed_expect(bed, "BF3003800101");
    assert_int_equal(bed_notifications(bed).count, 3);
    /* the numbers go on: over removal, reset, memory reset and power */
    remove_all(c);
    assert_int_equal(bed_memory_reset(bed, 0x1F), RSP_RESET_OK);
    c->bed = bed = bed_power_cycle(bed);
    rsp_pending_notification_list list = bed_notifications(bed);
    assert_int_equal(list.count, 1); /* delete */
    assert_int_equal(rsp_pending_notification_metadata(&list.items[0])->seq_number, 5);
}

static void test_list_full(void **state)
{
    struct scene *c = *state;
    struct bed *bed = c->bed;
    configure_notifications(c);
    cr_span one = install(c, 1, RSP_CLASS_OPERATIONAL, 0);
    for (unsigned i = 0; i < EUICC_MAX_PENDING; i++) {
        assert_int_equal(bed_enable(bed, one, false), RSP_PROFILE_OK);
        assert_int_equal(bed_disable(bed, one, false), RSP_PROFILE_OK);
    }
    /* 2 + 3 * 128 were made; the newest 128 are left, and all of them are listed */
    struct rsp_list_notification_request request = {0};
    struct rsp_list_notification_response response;
    assert_int_equal(bed_call(bed, &rsp_list_notification_request_type, &request,
                              &rsp_list_notification_response_type, &response),
                     0x9000);
    assert_int_equal(response.notification_metadata_list.count, EUICC_MAX_PENDING);
    int64_t last = 2 + 3 * EUICC_MAX_PENDING;
    for (size_t i = 0; i < EUICC_MAX_PENDING; i++) {
        assert_int_equal(response.notification_metadata_list.items[i].seq_number,
                         last - EUICC_MAX_PENDING + 1 + (int64_t)i);
    }
    /* as many as an answer can carry are retrieved, oldest first, until none is left */
    size_t rounds = 0;
    size_t count = 0;
    rsp_pending_notification_list list;
    while ((list = bed_notifications(bed)).count > 0) {
        count += list.count;
        rounds++;
        remove_all(c);
    }
    assert_int_equal(count, EUICC_MAX_PENDING);
    assert_true(rounds > 1);
}

/* As many profiles as there is room for ids, with large icons. */
static void test_many_profiles(void **state)
{
    struct scene *c = *state;
    uint8_t icon[RSP_MAX_ICON];
    memset(icon, 0x42, sizeof(icon));
    c->server->metadata.icon = CR_SPAN_ARRAY(icon);
    c->server->metadata.has_icon_type = true;
    for (unsigned i = 1; i <= EUICC_MAX_PROFILES; i++) {
        (void)install(c, i, RSP_CLASS_OPERATIONAL, 0);
        remove_all(c);
    }
    ASSERT_REFUSED(download(c, 100, RSP_CLASS_OPERATIONAL, 0), RSP_BPP_CONFIGURE_ISDP,
                   RSP_INSTALL_INSUFFICIENT_MEMORY);
    assert_int_equal(bed_store_hex(c->bed, "BF2D00"), 0x9000);
    bed_expect(c->bed, "BF2D0381017F"); /* more than an answer carries */
    struct rsp_profile_info_list_request request = {.tag_list = cr_span_str("Z")};
    struct rsp_profile_info_list_response response;
    assert_int_equal(bed_call(c->bed, &rsp_profile_info_list_request_type, &request,
                              &rsp_profile_info_list_response_type, &response),
                     0x9000);
    assert_int_equal(response.profile_info_list_ok.count, EUICC_MAX_PROFILES);
    assert_int_equal(bed_memory_reset(c->bed, 0x1F), RSP_RESET_OK);
    assert_int_equal(bed_profile_count(c->bed), 0);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(test_addresses),
        WITH_SCENE(test_lpae),
        WITH_SCENE(test_select),
        WITH_SCENE(test_info),
        WITH_SCENE(test_eid),
        WITH_SCENE(test_rat),
        WITH_SCENE(test_profiles_info),
        WITH_SCENE(test_nickname),
        WITH_SCENE(test_enable_disable_delete),
        WITH_SCENE(test_refresh),
        WITH_SCENE(test_ppr1),
        WITH_SCENE(test_ppr2),
        cmocka_unit_test(test_rat_matching),
        cmocka_unit_test(test_forbidden_and_empty_rat),
        WITH_SCENE(test_test_profiles),
        WITH_SCENE(test_memory_reset),
        WITH_SCENE(test_memory_reset_refresh_and_session),
        WITH_SCENE(test_notifications),
        WITH_SCENE(test_list_full),
        WITH_SCENE(test_many_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
