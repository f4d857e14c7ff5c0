/* Messages byte by byte: golden twins from the standard's own examples and from what peers are
 * known to send, and their hostile twins. */
#include "common.h"

#include "rsp/es10a.h"
#include "rsp/es9plus.h"
#include "rsp/messages.h"

#define ICCID_TLV "5A0A 98001032547698103214"
#define SIG64                                                                                      \
    "0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20"                             \
    "2122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F40"
#define POINT65                                                                                    \
    "04"                                                                                           \
    "A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0"                             \
    "C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0"
#define CHALLENGE "000102030405060708090A0B0C0D0E0F"

/* Decodes (BER lengths tolerated, as towards peers); NULL when it is refused. */
static void *read_as(cr_arena *a, const struct asn1_type *t, cr_span der)
{
    void *v = cr_arena_alloc(a, t->size);
    assert_non_null(v);
    return asn1_decode(t, der, ASN1_DECODE_BER_LENGTHS, a, v, NULL) == CR_OK ? v : NULL;
}

/* A golden twin: decodes, and its fields encode to the same bytes. */
static void *golden(cr_arena *a, const struct asn1_type *t, const char *text)
{
    cr_span der = hex(a, text);
    void *v = read_as(a, t, der);
    cr_span again;
    if (!v) {
        fail_msg("%s refused: %s", t->name, text);
        return NULL;
    }
    assert_int_equal(asn1_encode_arena(t, v, ASN1_ENCODE_NO_RAW, a, &again, NULL), CR_OK);
    assert_bytes(a, again, der);
    return v;
}

/* A hostile twin: refused, with a cause. */
static void hostile(cr_arena *a, const struct asn1_type *t, const char *text)
{
    struct cr_err err = {0};
    void *v = cr_arena_alloc(a, t->size);
    cr_status status = asn1_decode(t, hex(a, text), ASN1_DECODE_BER_LENGTHS, a, v, &err);
    if (status != CR_MALFORMED) {
        fail_msg("%s accepted: %s", t->name, text);
    }
    assert_true(err.cause[0]);
}

static void assert_message(cr_arena *a, const char *text, const char *name)
{
    const struct rsp_message *m = NULL;
    void *value;
    struct cr_err err = {0};
    if (rsp_message_decode(hex(a, text), a, &m, &value, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
        return;
    }
    assert_string_equal(m->name, name);
}

static void local_management(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_get_euicc_data_request *eid =
        golden(&a, &rsp_get_euicc_data_request_type, "BF3E 03 5C015A");
    assert_bytes(&a, eid->tag_list, hex(&a, "5A"));
    struct rsp_get_euicc_data_response *got = golden(
        &a, &rsp_get_euicc_data_response_type, "BF3E 12 5A10 89049032123451234512345678901235");
    assert_int_equal(got->eid_value.n, 16);
    hostile(&a, &rsp_get_euicc_data_response_type, "BF3E 11 5A0F 890490321234512345123456789012");

    struct rsp_enable_profile_request *enable =
        golden(&a, &rsp_enable_profile_request_type, "BF31 11 A00C " ICCID_TLV " 8101FF");
    assert_int_equal(enable->profile_identifier.which, RSP_PROFILE_BY_ICCID);
    assert_true(enable->refresh_flag);
    assert_false(enable->has_target_esim_port);
    enable = golden(&a, &rsp_enable_profile_request_type,
                    "BF31{A012 4F10 A0000005591010FFFFFFFF8900001000 810100 820101}");
    assert_int_equal(enable->profile_identifier.which, RSP_PROFILE_BY_AID);
    assert_false(enable->refresh_flag);
    assert_true(enable->has_target_esim_port && enable->target_esim_port == 1);
    enable =
        read_as(&a, &rsp_enable_profile_request_type, hex(&a, "BF31 11 A00C " ICCID_TLV " 810101"));
    assert_true(enable && enable->refresh_flag); /* TRUE coded as 01 is met in the field */
    hostile(&a, &rsp_enable_profile_request_type, "BF31{A0{" ICCID_TLV "}}");
    hostile(&a, &rsp_enable_profile_request_type, "BF31{A0{5A09 980010325476981032} 8101FF}");
    hostile(&a, &rsp_enable_profile_request_type, "BF31 05 A000 8101FF");

    (void)golden(&a, &rsp_disable_profile_request_type, "BF32 11 A00C " ICCID_TLV " 8101FF");
    struct rsp_profile_identifier *del =
        golden(&a, &rsp_delete_profile_request_type, "BF33 0C " ICCID_TLV);
    assert_int_equal(del->which, RSP_PROFILE_BY_ICCID);
    hostile(&a, &rsp_delete_profile_request_type, "BF33{A0{" ICCID_TLV "}}");

    struct rsp_euicc_memory_reset_request *reset =
        golden(&a, &rsp_euicc_memory_reset_request_type, "BF34 04 820205E0");
    assert_int_equal(reset->reset_options, RSP_RESET_DELETE_OPERATIONAL_PROFILES |
                                               RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES |
                                               RSP_RESET_DEFAULT_SMDP_ADDRESS);
    hostile(&a, &rsp_euicc_memory_reset_request_type, "BF34 03 8201E0");

    struct rsp_set_nickname_request *nick =
        golden(&a, &rsp_set_nickname_request_type, "BF29 0E " ICCID_TLV " 9000");
    assert_true(cr_span_present(nick->profile_nickname) && nick->profile_nickname.n == 0);
    hostile(&a, &rsp_set_nickname_request_type, "BF29 { " ICCID_TLV " 9001FF}"); /* no UTF-8 */
    cr_arena_free(&a);
}

static void profile_lists(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_profile_info_list_response *list =
        golden(&a, &rsp_profile_info_list_response_type, "BF2D 02 A000");
    assert_int_equal(list->which, RSP_PROFILE_INFO_LIST_OK);
    assert_int_equal(list->profile_info_list_ok.count, 0);
    list = golden(&a, &rsp_profile_info_list_response_type,
                  "BF2D{A0{E3{" ICCID_TLV " 4F10 A0000005591010FFFFFFFF8900001000"
                  " 9F700101 9103 414243 9200 950102}}}");
    const struct rsp_profile_info *p = &list->profile_info_list_ok.items[0];
    assert_true(p->has_profile_state && p->profile_state == RSP_STATE_ENABLED);
    assert_true(p->has_profile_class && p->profile_class == RSP_CLASS_OPERATIONAL);
    assert_true(cr_span_present(p->profile_name) && !cr_span_present(p->profile_nickname));
    list = golden(&a, &rsp_profile_info_list_response_type, "BF2D 03 81010B");
    assert_int_equal(list->which, RSP_PROFILE_INFO_LIST_ERROR);

    struct rsp_profile_info_list_request *request =
        golden(&a, &rsp_profile_info_list_request_type, "BF2D{5C{5A909192B79F709599BF76}}");
    assert_int_equal(request->search_criteria.which, 0);
    assert_true(rsp_tag_list_has(request->tag_list, 0xBF76));
    assert_true(rsp_tag_list_has(request->tag_list, 0x9F70));
    assert_true(rsp_tag_list_has(request->tag_list, 0x99));
    assert_false(rsp_tag_list_has(request->tag_list, 0x70));
    assert_false(rsp_tag_list_has(request->tag_list, 0x94));
    assert_false(rsp_tag_list_has(hex(&a, "5A9F"), 0x9F));
    assert_false(rsp_tag_list_has(hex(&a, "BF"), 0xBF));
    assert_false(rsp_tag_list_has(hex(&a, "9FFFFFFFFF01 5A"), 0x5A));

    request = read_as(&a, &rsp_profile_info_list_request_type, hex(&a, "BF2D 0C " ICCID_TLV));
    assert_true(request && cr_span_present(request->iccid)); /* the old host build */

    struct rsp_profile_info all = *p;
    all.has_profile_owner = true;
    all.has_profile_policy_rules = true;
    rsp_profile_info_select(&all, (cr_span){0});
    assert_false(all.has_profile_owner || all.has_profile_policy_rules);
    assert_true(cr_span_present(all.iccid) && all.has_profile_state && all.has_profile_class);
    all = *p;
    all.has_profile_policy_rules = true;
    rsp_profile_info_select(&all, hex(&a, "5A 99 5F99 B7"));
    assert_true(cr_span_present(all.iccid) && all.has_profile_policy_rules);
    assert_false(all.has_profile_state || cr_span_present(all.isdp_aid));
    cr_arena_free(&a);
}

static void notifications(void **state)
{
    (void)state;
    cr_arena a = {0};
    (void)golden(&a, &rsp_notification_sent_request_type, "BF30 03 800105");
    struct rsp_retrieve_notifications_list_request *r =
        golden(&a, &rsp_retrieve_notifications_list_request_type, "BF2B 05 A003 800105");
    assert_int_equal(r->search_criteria.which, RSP_RETRIEVE_BY_SEQ_NUMBER);
    r = golden(&a, &rsp_retrieve_notifications_list_request_type, "BF2B 05 A003 800100");
    assert_int_equal(r->search_criteria.which, RSP_RETRIEVE_BY_SEQ_NUMBER); /* 0 is not "absent" */
    assert_int_equal(r->search_criteria.seq_number, 0);
    r = golden(&a, &rsp_retrieve_notifications_list_request_type, "BF2B 00");
    assert_int_equal(r->search_criteria.which, 0);

    static const struct {
        const char *tlv;
        uint64_t event;
    } events[] = {
        {"81020780", RSP_EVENT_INSTALL},
        {"81020640", RSP_EVENT_LOCAL_ENABLE},
        {"81020520", RSP_EVENT_LOCAL_DISABLE},
        {"81020410", RSP_EVENT_LOCAL_DELETE},
    };
    for (size_t i = 0; i < CR_COUNT(events); i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "BF28 04 %s", events[i].tlv);
        struct rsp_list_notification_request *l =
            golden(&a, &rsp_list_notification_request_type, text);
        assert_true(l->has_profile_management_operation);
        assert_int_equal(l->profile_management_operation, events[i].event);
    }
    struct rsp_list_notification_request *loose =
        read_as(&a, &rsp_list_notification_request_type, hex(&a, "BF28 04 81020080"));
    assert_true(loose && loose->profile_management_operation == RSP_EVENT_INSTALL);

    struct rsp_notification_metadata *m =
        golden(&a, &rsp_notification_metadata_type,
               "BF2F{8002 0081 81020410 0C04 64702E78 " ICCID_TLV "}");
    assert_int_equal(m->seq_number, 0x81);
    assert_span_text(m->notification_address, "dp.x");
    assert_int_equal(m->raw.n, 3 + 0x1A);
    hostile(&a, &rsp_notification_metadata_type, "BF2F{81020410 0C04 64702E78}");
    cr_arena_free(&a);
}

static void empty_requests_and_answers(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_message(&a, "BF2000", "GetEuiccInfo1Request");
    assert_message(&a, "BF2200", "GetEuiccInfo2Request");
    assert_message(&a, "BF2E00", "GetEuiccChallengeRequest");
    assert_message(&a, "BF2D00", "ProfileInfoListRequest");
    assert_message(&a, "BF2D02A000", "ProfileInfoListResponse");
    assert_message(&a, "BF2800", "ListNotificationRequest");
    assert_message(&a, "BF2802A000", "ListNotificationResponse");
    assert_message(&a, "BF280381017F", "ListNotificationResponse");
    assert_message(&a, "BF2B00", "RetrieveNotificationsListRequest");
    assert_message(&a, "BF2B02A000", "RetrieveNotificationsListResponse");
    assert_message(&a, "BF3C00", "EuiccConfiguredDataRequest");
    assert_message(&a, "BF3C{8000 8102 6473}", "EuiccConfiguredDataResponse");
    assert_message(&a, "BF4300", "GetRatRequest");
    assert_message(&a, "BF4302A000", "GetRatResponse");
    assert_message(&a, "BF3F02 8000", "SetDefaultDpAddressRequest");
    assert_message(&a, "BF3F{80{736D64702E746573742E}}", "SetDefaultDpAddressRequest");
    assert_message(&a, "BF3F03 800100", "SetDefaultDpAddressResponse");
    assert_message(&a, "BF3403 800100", "EuiccMemoryResetResponse");

    cr_arena_free(&a);
}

static void select_isdr(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_isdr_fci *fci =
        golden(&a, &rsp_isdr_fci_type,
               "6F1F 8410 A0000005591010FFFFFFFF8900000100 A504 9F6501FF E005 8203020200");
    assert_true(fci->has_isdr_template);
    assert_bytes(&a, fci->isdr_template.lowest_svn, hex(&a, "020200"));
    assert_false(fci->isdr_template.has_lpae_support);
    struct rsp_isdr_template *e0 = golden(&a, &rsp_isdr_template_type, "E0{8203030100 03020520}");
    assert_true(e0->has_lpae_support);
    assert_int_equal(e0->lpae_support, RSP_LPAE_ENABLED_PROFILE);
    hostile(&a, &rsp_isdr_template_type, "E0{82020302}");
    cr_arena_free(&a);
}

/* ---- profile package ---- */

static void metadata_vector(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_store_metadata *m =
        golden(&a, &rsp_store_metadata_type,
               "BF252D " ICCID_TLV
               " 9109 47534D415F54455354 9211 47534D415F544553545F50524F46494C45 950100");
    assert_span_text(m->service_provider_name, "GSMA_TEST");
    assert_int_equal(m->profile_class, RSP_CLASS_TEST);
    assert_int_equal(m->raw.n, 48);
    m = golden(&a, &rsp_store_metadata_type, "BF25{" ICCID_TLV " 9100 9200}");
    assert_int_equal(m->profile_class, RSP_CLASS_OPERATIONAL); /* the DEFAULT */
    hostile(&a, &rsp_store_metadata_type, "BF25{" ICCID_TLV "}");
    hostile(&a, &rsp_store_metadata_type,
            "BF25{" ICCID_TLV
            " 91{414141414141414141414141414141414141414141414141414141414141414141} 9200}");

    /* vendor data: A1 as it should be, 81 as one compiler has it */
    m = golden(&a, &rsp_store_metadata_type,
               "BF25{" ICCID_TLV " 9100 9200 BF22{30{8003883703 A1{04020102}}}}");
    assert_int_equal(m->service_specific_data_stored_in_euicc.count, 1);
    m = golden(&a, &rsp_store_metadata_type,
               "BF25{" ICCID_TLV " 9100 9200 BF22{30{8003883703 81020102}}}");
    assert_bytes(&a, m->service_specific_data_stored_in_euicc.items[0].data, hex(&a, "81020102"));

    /* carrier privileges come last */
    m = golden(&a, &rsp_store_metadata_type,
               "BF25{" ICCID_TLV " 9100 9200 BF76{E2{E1{C1{"
               "00112233445566778899AABBCCDDEEFF00112233}} E3{DB{0000000000000001}}}}}");
    assert_int_equal(m->carrier_privilege_rules.count, 1);
    assert_true(m->carrier_privilege_rules.items[0].has_ar_do);

    /* an extension is passed over and stays in raw */
    m = read_as(&a, &rsp_store_metadata_type, hex(&a, "BF25{" ICCID_TLV " 9100 9200 DF8877 0101}"));
    assert_non_null(m);
    cr_span again;
    assert_int_equal(asn1_encode_arena(&rsp_store_metadata_type, m, 0, &a, &again, NULL), CR_OK);
    assert_bytes(&a, again, hex(&a, "BF25{" ICCID_TLV " 9100 9200 DF8877 0101}"));
    cr_arena_free(&a);
}

#define CHANNEL "820101 8010 " CHALLENGE " A6{800188 810110 84020A0B} 5F4941 " POINT65

static void secure_channel(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_initialise_secure_channel *m =
        golden(&a, &rsp_initialise_secure_channel_type, "BF23{" CHANNEL " 5F3740 " SIG64 "}");
    cr_span otpk = hex(&a, POINT65);
    cr_buf out = {0};
    assert_int_equal(rsp_initialise_secure_channel_signed(m, otpk, &out, NULL), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, CHANNEL " 5F4941 " POINT65));
    /* the same before there is a signature, from the members */
    m->raw = (cr_span){0};
    m->smdp_sign = (cr_span){0};
    cr_buf_reset(&out);
    assert_int_equal(rsp_initialise_secure_channel_signed(m, otpk, &out, NULL), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, CHANNEL " 5F4941 " POINT65));
    /* lengths as they were sent: the BER form of 80 stays in what is signed */
    m = read_as(&a, &rsp_initialise_secure_channel_type,
                hex(&a, "BF23{820101 808110 " CHALLENGE
                        " A6{800188 810110 84020A0B} 5F4941 " POINT65 " 5F3740 " SIG64 "}"));
    assert_non_null(m);
    cr_buf_reset(&out);
    assert_int_equal(rsp_initialise_secure_channel_signed(m, otpk, &out, NULL), CR_OK);
    assert_true(out.p[4] == 0x81 && out.p[5] == 0x10);
    m->raw = (cr_span){0};
    m->transaction_id = (cr_span){0};
    size_t before = out.n;
    assert_int_equal(rsp_initialise_secure_channel_signed(m, otpk, &out, NULL), CR_REFUSED);
    assert_int_equal(out.n, before);
    cr_buf_free(&out);
    hostile(&a, &rsp_initialise_secure_channel_type,
            "BF23{820101 8010 " CHALLENGE
            " A6{800188 810110 84020A0B} 5F4904 04010203 5F3740 " SIG64 "}");

    (void)golden(&a, &rsp_configure_isdp_type, "BF2400");
    (void)golden(&a, &rsp_configure_isdp_type, "BF24{B8{8003883703}}");
    struct rsp_replace_session_keys *k =
        golden(&a, &rsp_replace_session_keys_type,
               "BF26{8010 000102030405060708090A0B0C0D0E0F 8110 010102030405060708090A0B0C0D0E0F"
               " 8210 020102030405060708090A0B0C0D0E0F}");
    cr_buf text = {0};
    assert_int_equal(asn1_print(&rsp_replace_session_keys_type, k, NULL, &text, NULL), CR_OK);
    assert_null(strstr(cr_buf_cstr(&text), "0A0B0C0D"));
    cr_buf_free(&text);
    cr_arena_free(&a);
}

static void sima_text(cr_arena *a, const char *response, const char *wanted)
{
    rsp_euicc_response_list list = {0};
    cr_buf out = {0};
    assert_int_equal(rsp_sima_response_decode(hex(a, response), a, &list, NULL), CR_OK);
    rsp_sima_response_text(&list, &out);
    assert_string_equal(cr_buf_cstr(&out), wanted);
    cr_buf_free(&out);
}

static void installation_results(void **state)
{
    (void)state;
    cr_arena a = {0};
    sima_text(&a, "3007 A005 3003 800100", "ok");
    sima_text(&a, "300F A00B 3009 800107 81010D 830109 8100",
              "pe 13: runtime-not-supported (7), offset 9, aborted");
    sima_text(&a, "30{A0{30{800101 810107}}} 3007 A005 3003 800100", "pe 7: pe-not-supported (1)");
    sima_text(&a, "30{A0{30{80026A82}}}", "status word 6A82");
    sima_text(&a, "30{A0{30{8003009862}}}", "status word 9862");
    sima_text(&a, "", "ok");
    rsp_euicc_response_list list;
    assert_int_equal(rsp_sima_response_decode(hex(&a, "3007A00530038001"), &a, &list, NULL),
                     CR_MALFORMED);

    struct rsp_profile_installation_result *r = golden(
        &a, &rsp_profile_installation_result_type,
        "BF37{BF27{8010 " CHALLENGE " BF2F{800101 81020780 0C04 64702E78} 0603883703 A2{A0{4F10 "
        "A0000005591010FFFFFFFF8900001000 04{3007A0053003800100}}}} 5F3740 " SIG64 "}");
    assert_int_equal(r->data.final_result.which, RSP_INSTALL_SUCCESS);
    assert_int_equal(der_peek(r->data.raw), 0xBF27);
    /* errors carry simaResponse under 82, the first module had no smdpOid */
    r = golden(&a, &rsp_profile_installation_result_type,
               "BF37{BF27{8010 " CHALLENGE " BF2F{800101 81020780 0C04 64702E78}"
               " A2{A1{800105 81010C 82{3007A0053003800100}}}} 5F3740 " SIG64 "}");
    assert_int_equal(r->data.final_result.which, RSP_INSTALL_FAILURE);
    assert_int_equal(r->data.final_result.error_result.error_reason,
                     RSP_INSTALL_PE_PROCESSING_ERROR);
    assert_false(cr_span_present(r->data.smdp_oid));
    struct rsp_pending_notification *pending = read_as(&a, &rsp_pending_notification_type, r->raw);
    assert_int_equal(pending->which, RSP_PENDING_PROFILE_INSTALLATION_RESULT);
    assert_int_equal(rsp_pending_notification_metadata(pending)->seq_number, 1);
    assert_bytes(&a, pending->raw, r->raw);
    assert_null(rsp_pending_notification_metadata(&(struct rsp_pending_notification){0}));
    hostile(&a, &rsp_profile_installation_result_type, "BF37{5F3740 " SIG64 "}");

    assert_true(rsp_install_error_temporary(10) && rsp_install_error_temporary(11));
    assert_false(rsp_install_error_temporary(12));
    assert_true(rsp_install_error_allowed(RSP_BPP_LOAD_PROFILE_ELEMENTS, 12));
    assert_false(rsp_install_error_allowed(RSP_BPP_STORE_METADATA, 12));
    assert_false(rsp_install_error_allowed(RSP_BPP_INITIALISE_SECURE_CHANNEL, 8));
    assert_false(rsp_install_error_allowed(6, 1) || rsp_install_error_allowed(-1, 1));
    assert_false(rsp_install_error_allowed(2, 99));
    cr_arena_free(&a);
}

/* ---- mutual authentication ---- */

#define SERVER_SIGNED1                                                                             \
    "30{8010 " CHALLENGE " 8110 " CHALLENGE " 8306 64702E746C64 8410 " CHALLENGE "}"
#define CTX_COMMON "A0{8000 A1{8004 53010000 A100}}"

static void ctx_params(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_ctx_params1 *c = golden(&a, &rsp_ctx_params1_type, CTX_COMMON);
    assert_int_equal(c->which, RSP_CTX_COMMON_AUTHENTICATION);
    assert_int_equal(c->common_authentication.operation_type, RSP_OPERATION_PROFILE_DOWNLOAD);
    assert_true(cr_span_present(c->common_authentication.matching_id));
    assert_bytes(&a, c->raw, hex(&a, CTX_COMMON));
    c = golden(&a, &rsp_ctx_params1_type, "A0{A1{8004 53010000 A100}}");
    assert_false(cr_span_present(c->common_authentication.matching_id));
    c = golden(&a, &rsp_ctx_params1_type,
               "A0{8000 A1{8004 53010000 A100 8208 530100002000005F} 82020640 " ICCID_TLV
               " A3{8100}}");
    assert_int_equal(c->common_authentication.operation_type, RSP_OPERATION_RPM);
    assert_int_equal(c->common_authentication.matching_id_source.which, RSP_MATCHING_ID_SOURCE_AC);
    hostile(&a, &rsp_ctx_params1_type, "A0{8000 A1{8008 5301000000000000 A100}}");
    hostile(&a, &rsp_ctx_params1_type, "A002 8000");
    hostile(&a, &rsp_ctx_params1_type, "A700");

    c = golden(&a, &rsp_ctx_params1_type,
               "A1{" ICCID_TLV " A1{8004 53010000 A100}"
               " 5A10 89049032123451234512345678901235}");
    assert_int_equal(c->which, RSP_CTX_DEVICE_CHANGE);
    assert_int_equal(c->device_change.target_eid_value.n, 16);
    c = golden(&a, &rsp_ctx_params1_type, "A1{" ICCID_TLV " A1{8004 53010000 A100}}");
    assert_false(cr_span_present(c->device_change.target_eid_value));
    cr_arena_free(&a);
}

static void authenticate_server(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct rsp_authenticate_server_request *r = golden(
        &a, &rsp_authenticate_server_request_type,
        "BF38{" SERVER_SIGNED1 " 5F3740 " SIG64 " 0404 F54172BD 3004 02020100 " CTX_COMMON "}");
    assert_bytes(&a, r->server_signed1.raw, hex(&a, SERVER_SIGNED1));
    assert_false(r->other_certs_in_chain.present);
    /* ctxParams1 and the chain may both be A1: the order tells */
    r = golden(&a, &rsp_authenticate_server_request_type,
               "BF38{" SERVER_SIGNED1 " 5F3740 " SIG64 " 3004 02020100"
               " A1{" ICCID_TLV " A1{8004 53010000 A100}} A1{3004 02020200} A2{3004 02020300}}");
    assert_int_equal(r->ctx_params1.which, RSP_CTX_DEVICE_CHANGE);
    assert_false(cr_span_present(r->euicc_ci_pkid_to_be_used));
    assert_int_equal(r->other_certs_in_chain.count, 1);
    assert_bytes(&a, r->other_certs_in_chain.items[0], hex(&a, "300402020200"));
    assert_int_equal(r->crl_list.count, 1);
    hostile(&a, &rsp_authenticate_server_request_type,
            "BF38{" SERVER_SIGNED1 " 5F3740 " SIG64 " 0404 F54172BD 3004 02020100}");

    struct rsp_authenticate_server_response *e =
        golden(&a, &rsp_authenticate_server_response_type, "BF38{A1{8010 " CHALLENGE " 020107}}");
    assert_int_equal(e->which, RSP_AUTHENTICATE_RESPONSE_ERROR);
    assert_int_equal(e->error.authenticate_error_code, RSP_AUTHENTICATE_CI_PK_UNKNOWN);
    cr_arena_free(&a);
}

/* One compiler nests re-tagged types instead of replacing the tag. */
static void nested_forms(void **state)
{
    (void)state;
    cr_arena a = {0};

    struct rsp_cancel_session_request_es9 *c =
        golden(&a, &rsp_cancel_session_request_es9_type, "BF41{800101 A1{81017F}}");
    assert_int_equal(c->cancel_session_response.which, RSP_CANCEL_SESSION_ERROR);
    assert_int_equal(c->cancel_session_response.raw.p[0], 0xA1);
    c = read_as(&a, &rsp_cancel_session_request_es9_type, hex(&a, "BF41{800101 A1{BF41{81017F}}}"));
    assert_non_null(c);
    assert_int_equal(c->cancel_session_response.error, 127);
    cr_span again;
    assert_int_equal(asn1_encode_arena(&rsp_cancel_session_request_es9_type, c, ASN1_ENCODE_NO_RAW,
                                       &a, &again, NULL),
                     CR_OK);
    assert_bytes(&a, again, hex(&a, "BF41{800101 A1{81017F}}")); /* we send the right form */

    struct rsp_authenticate_client_request *r =
        golden(&a, &rsp_authenticate_client_request_type, "BF3B{800101 BF38{A1{800101 020104}}}");
    assert_int_equal(r->authenticate_server_response.error.authenticate_error_code, 4);
    r = read_as(&a, &rsp_authenticate_client_request_type,
                hex(&a, "BF3B{800101 BF38{BF38{A1{800101 020104}}}}"));
    assert_non_null(r);
    assert_int_equal(r->authenticate_server_response.error.authenticate_error_code, 4);
    struct rsp_get_bound_profile_package_request *g =
        read_as(&a, &rsp_get_bound_profile_package_request_type,
                hex(&a, "BF3A{800101 BF21{BF21{A1{800101 020105}}}}"));
    assert_non_null(g);
    assert_int_equal(g->prepare_download_response.error.download_error_code,
                     RSP_DOWNLOAD_INVALID_TRANSACTION_ID);
    cr_arena_free(&a);
}

/* smdpSigned2 is 30 in v2 and A1 in the module of v3. */
static void smdp_signed2_of_v3(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const char v2[] = "BF3B{A0{800101 30{800101 010100} 5F3740 " SIG64 " 3004 02020100}}";
    static const char v3[] = "BF3B{A0{800101 A1{800101 010100} 5F3740 " SIG64 " 3004 02020100}}";
    (void)golden(&a, &rsp_authenticate_client_response_type, v2);
    hostile(&a, &rsp_authenticate_client_response_type, v3);
    struct rsp_authenticate_client_response *r =
        golden(&a, &rsp_authenticate_client_response_v3_type, v3);
    assert_false(r->ok.has_profile_metadata);
    /* what came as A1 goes to the eUICC as 30 */
    struct rsp_prepare_download_request p = {
        .smdp_signed2 = r->ok.smdp_signed2,
        .smdp_signature2 = r->ok.smdp_signature2,
        .smdp_certificate = r->ok.smdp_certificate,
    };
    cr_span out;
    assert_int_equal(asn1_encode_arena(&rsp_prepare_download_request_type, &p, 0, &a, &out, NULL),
                     CR_OK);
    assert_bytes(&a, out, hex(&a, "BF21{30{800101 010100} 5F3740 " SIG64 " 3004 02020100}"));
    cr_arena_free(&a);
}

static void euicc_info(void **state)
{
    (void)state;
    cr_arena a = {0};
#define CI "0414 F54172BDF98A95D65CBEB88A38A1C11D800A85C3"
    struct rsp_euicc_info1 *i =
        golden(&a, &rsp_euicc_info1_type, "BF20{8203020203 A9{" CI "} AA{" CI "}}");
    assert_false(i->has_euicc_rsp_capability);
    assert_true(rsp_span_list_has(&i->euicc_ci_pkid_list_for_signing,
                                  hex(&a, "F54172BDF98A95D65CBEB88A38A1C11D800A85C3")));
    assert_false(rsp_span_list_has(&i->euicc_ci_pkid_list_for_signing, hex(&a, "00")));
    i = golden(&a, &rsp_euicc_info1_type,
               "BF20{8203020203 A9{" CI "} AA{" CI "} B1{" CI "} 88{079880} 9303030100}");
    assert_true(i->euicc_rsp_capability & RSP_EUICC_ADDITIONAL_PROFILE);
    hostile(&a, &rsp_euicc_info1_type, "BF20{8203020203 A9{" CI "}}");

    struct rsp_ext_card_resource res = {0};
    assert_int_equal(
        rsp_ext_card_resource_parse(hex(&a, "810105 8204 00048BDB 8302 1F3A"), &res, NULL), CR_OK);
    assert_int_equal(res.installed_applications, 5);
    assert_int_equal(res.free_non_volatile, 0x48BDB);
    assert_int_equal(res.free_volatile, 0x1F3A);
    cr_buf out = {0};
    rsp_ext_card_resource_build(&res, &out);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, "810105 8203048BDB 83021F3A"));
    cr_buf_reset(&out);
    assert_int_equal(rsp_ext_card_resource_parse(hex(&a, "8209 010101010101010101"), &res, NULL),
                     CR_MALFORMED);
    assert_int_equal(rsp_ext_card_resource_parse(hex(&a, "8204 0101"), &res, NULL), CR_MALFORMED);
    assert_int_equal(rsp_ext_card_resource_parse(hex(&a, ""), &res, NULL), CR_OK);
    rsp_bits_text(rsp_ppr_names, RSP_PPR1 | RSP_PPR2 | 1 << 9, &out);
    assert_string_equal(cr_buf_cstr(&out), "ppr1, ppr2, 9");
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void retagging(void **state)
{
    (void)state;
    cr_arena a = {0};
    cr_span out;
    assert_int_equal(rsp_retag(&a, hex(&a, "A103 800101"), 0x30, &out, NULL), CR_OK);
    assert_bytes(&a, out, hex(&a, "3003 800101"));
    assert_int_equal(rsp_retag(&a, hex(&a, "A100"), 0xBF36, &out, NULL), CR_OK);
    assert_bytes(&a, out, hex(&a, "BF3600"));
    assert_int_equal(rsp_retag(&a, hex(&a, "A10300"), 0x30, &out, NULL), CR_MALFORMED);
    assert_int_equal(rsp_retag(&a, hex(&a, "A10000"), 0x30, &out, NULL), CR_MALFORMED);
    /* LoadCRL: A0 has the contents of the CertificateList */
    struct rsp_load_crl_request *r = golden(&a, &rsp_load_crl_request_type, "BF35{A0{020101}}");
    assert_int_equal(rsp_retag(&a, r->crl, 0x30, &out, NULL), CR_OK);
    assert_bytes(&a, out, hex(&a, "3003 020101"));
    (void)golden(&a, &rsp_load_crl_response_type, "BF35{A0{A0{020101 020103}}}");
    struct rsp_load_crl_response *old =
        golden(&a, &rsp_load_crl_response_type, "BF35{A0{A0{30{800102}}}}");
    assert_int_equal(old->ok.missing_parts.items[0].old_form.number, 2);
    cr_arena_free(&a);
}

static void which_message(void **state)
{
    (void)state;
    cr_arena a = {0};
    assert_message(&a, "BF3E 03 5C015A", "GetEuiccDataRequest");
    assert_message(&a, "BF3E 12 5A10 89049032123451234512345678901235", "GetEuiccDataResponse");
    assert_message(&a, "BF31 11 A00C " ICCID_TLV " 8101FF", "EnableProfileRequest");
    assert_message(&a, "BF31 03 800105", "EnableProfileResponse");
    assert_message(&a, "BF41 06 800101 810103", "CancelSessionRequest");
    assert_message(&a, "BF41 03 810105", "CancelSessionResponse");
    assert_message(&a, "BF41{800101 A1{81017F}}", "CancelSessionRequestEs9");
    assert_message(&a, "BF41 02 A000", "CancelSessionResponseEs9");
    assert_message(&a, "A2{BF41{800101 A1{81017F}}}", "RemoteProfileProvisioningRequest");
    assert_message(&a, "A2{BF41{A000}}", "RemoteProfileProvisioningResponse");
    assert_message(&a, SERVER_SIGNED1, "ServerSigned1");
    assert_message(&a, "3006 800101 0101FF", "SmdpSigned2");
    assert_message(&a, "3007 A005 3003 800100", "EUICCResponse");
    assert_message(&a, CTX_COMMON, "CtxParams1");
    struct cr_err err = {0};
    const struct rsp_message *m;
    void *value;
    assert_int_equal(rsp_message_decode(hex(&a, "BF7700"), &a, &m, &value, &err), CR_MALFORMED);
    assert_int_equal(rsp_message_decode(hex(&a, "BF3E03"), &a, &m, &value, &err), CR_MALFORMED);
    assert_int_equal(rsp_message_decode(hex(&a, ""), &a, &m, &value, &err), CR_MALFORMED);
    assert_true(err.cause[0]);
    cr_arena_free(&a);
}

/* What a damaged message was meant to be; which complaint is given. */
static void damaged(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *likeliest;
        cr_status status;
        const char *says;
    } rows[] = {
        {"BF3C 05 8003612E62", "EuiccConfiguredDataResponse", CR_MALFORMED, "rootDsAddress"},
        {"BF3C 08 8003612E62 830161", "EuiccConfiguredDataResponse", CR_MALFORMED, "rootDsAddress"},
        {"BF3C 00", "EuiccConfiguredDataRequest", CR_OK, NULL},
        {"BF2E 02 8000", "GetEuiccChallengeResponse", CR_MALFORMED, "euiccChallenge"},
        {"BF22 05 8103020202", "EUICCInfo2", CR_MALFORMED, "lowestSvn"},
        {"BF31 02 8000", "EnableProfileResponse", CR_MALFORMED, "enableResult"},
        {"BF31 07 A0055A0398FFFF", "EnableProfileRequest", CR_MALFORMED, "iccid"},
        {"BF2D 05 A003E30102", "ProfileInfoListResponse", CR_MALFORMED, "profileInfoListOk[0]"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_arena a = {0};
        struct cr_err err = {0};
        const struct rsp_message *m = NULL;
        void *value = NULL;
        cr_span tlv = hex(&a, rows[i].hex);
        if (rows[i].status != CR_OK) {
            assert_string_equal(rsp_message_likeliest(tlv)->name, rows[i].likeliest);
        }
        cr_status status = rsp_message_decode(tlv, &a, &m, &value, &err);
        if (status != rows[i].status || (status != CR_OK && !strstr(err.cause, rows[i].says))) {
            fail_msg("%s: %d %s", rows[i].hex, status, err.cause);
        }
        if (status == CR_OK) {
            assert_string_equal(m->name, rows[i].likeliest);
        }
        cr_arena_free(&a);
    }
    assert_null(rsp_message_likeliest((cr_span){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged),
        cmocka_unit_test(local_management),
        cmocka_unit_test(profile_lists),
        cmocka_unit_test(notifications),
        cmocka_unit_test(empty_requests_and_answers),
        cmocka_unit_test(select_isdr),
        cmocka_unit_test(metadata_vector),
        cmocka_unit_test(secure_channel),
        cmocka_unit_test(installation_results),
        cmocka_unit_test(ctx_params),
        cmocka_unit_test(authenticate_server),
        cmocka_unit_test(nested_forms),
        cmocka_unit_test(smdp_signed2_of_v3),
        cmocka_unit_test(euicc_info),
        cmocka_unit_test(retagging),
        cmocka_unit_test(which_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
