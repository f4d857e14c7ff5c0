/* The JSON and the ASN.1 binding: the same structs through both, lenient where peers need it, and
 * every way in which a text is no message. */
#include "common.h"

#include "rsp/asn1_binding.h"
#include "rsp/es2plus.h"
#include "rsp/es9plus.h"
#include "rsp/json_binding.h"

#include <jansson.h>

#define SIG64                                                                                      \
    "0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20"                             \
    "2122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F40"

static void *request_of(cr_arena *a, enum rsp_function_id id, const char *text)
{
    struct cr_err err = {0};
    void *request = NULL;
    if (rsp_json_parse_request(rsp_function(id), cr_span_str(text), a, &request, &err) != CR_OK) {
        fail_msg("%s: %s", text, err.cause);
    }
    return request;
}

static void assert_refused(enum rsp_function_id id, const char *text, const char *subject,
                           const char *reason, const char *field)
{
    cr_arena a = {0};
    struct cr_err err = {0};
    void *request = NULL;
    if (rsp_json_parse_request(rsp_function(id), cr_span_str(text), &a, &request, &err) !=
        CR_MALFORMED) {
        fail_msg("accepted: %s", text);
    }
    assert_null(request);
    assert_true(err.cause[0]);
    assert_string_equal(err.subject, subject);
    assert_string_equal(err.reason, reason);
    assert_string_equal(err.field, field);
    cr_arena_free(&a);
}

/* 16 bytes 00..0F; EUICCInfo1 with empty lists. */
#define CHALLENGE64 "AAECAwQFBgcICQoLDA0ODw=="
#define INFO1_64    "vyAJggMCAgOpAKoA"

static void initiate_authentication_request(void **state)
{
    (void)state;
    cr_arena a = {0};
    static const char *const same[] = {
        "{\"euiccChallenge\":\"" CHALLENGE64 "\",\"euiccInfo1\":\"" INFO1_64
        "\",\"smdpAddress\":\"dp.test\"}",
        /* null, white space, no padding, URL alphabet, unknown members, a header: all read */
        "\xEF\xBB\xBF {\"header\":{\"functionRequesterIdentifier\":7},\"smdpAddress\":\"dp.test\","
        "\"euiccChallenge\":\"AAECAwQF\\r\\n BgcICQoLDA0ODw\",\"euiccInfo1\":\"vyAJggMC AgOpAKoA\","
        "\"lpaRspCapability\":null,\"more\":[1,{}]}",
    };
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        const struct rsp_initiate_authentication_request *r =
            request_of(&a, RSP_ES9_INITIATE_AUTHENTICATION, same[i]);
        assert_bytes(&a, r->euicc_challenge, hex(&a, "000102030405060708090A0B0C0D0E0F"));
        assert_span_text(r->smdp_address, "dp.test");
        assert_bytes(&a, r->euicc_info1.raw, hex(&a, "BF20{8203020203A900AA00}"));
        assert_false(r->has_lpa_rsp_capability);
        cr_buf out = {0};
        assert_int_equal(
            rsp_json_build_request(rsp_function(RSP_ES9_INITIATE_AUTHENTICATION), r, 0, &out, NULL),
            CR_OK);
        assert_string_equal(cr_buf_cstr(&out),
                            "{\"euiccChallenge\":\"" CHALLENGE64 "\",\"smdpAddress\":\"dp.test\","
                            "\"euiccInfo1\":\"" INFO1_64 "\"}");
        cr_buf_free(&out);
    }
    struct rsp_initiate_authentication_request *r =
        request_of(&a, RSP_ES9_INITIATE_AUTHENTICATION,
                   "{\"euiccChallenge\":\"" CHALLENGE64 "\",\"euiccInfo1\":\"" INFO1_64
                   "\",\"smdpAddress\":\"dp.test\",\"lpaRspCapability\":\"AwIGwA==\"}");
    assert_true(r->has_lpa_rsp_capability);
    assert_int_equal(r->lpa_rsp_capability, RSP_LPA_CRL_STAPLING_V3 | RSP_LPA_CERT_CHAIN_V3);
    cr_buf out = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_INITIATE_AUTHENTICATION);
    assert_int_equal(rsp_json_build_request(f, r, 0, &out, NULL), CR_OK);
    assert_non_null(strstr(cr_buf_cstr(&out), "AwIGwA=="));
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_request(f, r, RSP_JSON_V2, &out, NULL), CR_OK);
    assert_null(strstr(cr_buf_cstr(&out), "lpaRsp"));
    cr_buf_reset(&out);
    r->smdp_address = (cr_span){0};
    struct cr_err err = {0};
    assert_int_equal(rsp_json_build_request(f, r, 0, &out, &err), CR_REFUSED);
    assert_string_equal(err.field, "smdpAddress");
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void texts_that_are_no_request(void **state)
{
    (void)state;
    enum rsp_function_id id = RSP_ES9_INITIATE_AUTHENTICATION;
    assert_refused(id, "", "1.3.1", "2.1", "");
    assert_refused(id, "{", "1.3.1", "2.1", "");
    assert_refused(id, "[]", "1.3.1", "2.1", "");
    assert_refused(id, "7", "1.3.1", "2.1", "");
    assert_refused(id, "{\"a\":1,\"a\":1}", "1.3.1", "2.1", "");
    assert_refused(id, "{} x", "1.3.1", "2.1", "");
    assert_refused(id, "{}", "1.6", "2.2", "euiccChallenge");
    assert_refused(id, "{\"euiccChallenge\":null}", "1.6", "2.2", "euiccChallenge");
    assert_refused(id, "{\"euiccChallenge\":7}", "1.3.1", "2.1", "euiccChallenge");
    assert_refused(id, "{\"euiccChallenge\":\"*\"}", "1.3.1", "2.1", "euiccChallenge");
    assert_refused(id, "{\"euiccChallenge\":\"AAEC\"}", "1.3.1", "2.1", "euiccChallenge");
    assert_refused(id, "{\"euiccChallenge\":\"" CHALLENGE64 "\"}", "1.6", "2.2", "smdpAddress");
    assert_refused(id,
                   "{\"euiccChallenge\":\"" CHALLENGE64 "\",\"smdpAddress\":\"x\","
                   "\"euiccInfo1\":\"vyAJggMCAgOpAA==\"}",
                   "1.3.1", "2.1", "EUICCInfo1");
    assert_refused(RSP_ES9_CANCEL_SESSION, "{}", "8.10.1", "2.2", "transactionId");
    assert_refused(RSP_ES9_CANCEL_SESSION, "{\"transactionId\":\"0\"}", "8.10.1", "2.1",
                   "transactionId");
    assert_refused(RSP_ES9_CANCEL_SESSION, "{\"transactionId\":\"\"}", "8.10.1", "2.1",
                   "transactionId");
    assert_refused(RSP_ES9_CANCEL_SESSION,
                   "{\"transactionId\":\"000102030405060708090A0B0C0D0E0F10\"}", "8.10.1", "2.1",
                   "transactionId");
}

/* 8 MB of "[]," would be 400 MB of values: refused before they are made. Text in strings is none.
 */
static void values_are_counted_first(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_CANCEL_SESSION);
    static const char *const pieces[] = {"[],", "{},", "0,"};
    void *request = NULL;
    struct cr_err err = {0};
    cr_buf body = {0};
    for (size_t i = 0; i < CR_COUNT(pieces); i++) {
        cr_buf_reset(&body);
        cr_buf_append_str(&body, "{\"x\":[");
        for (int n = 0; n < RSP_JSON_MAX_VALUES; n++) {
            cr_buf_append_str(&body, pieces[i]);
        }
        cr_buf_append_str(&body, "0]}");
        assert_int_equal(rsp_json_parse_request(f, cr_buf_span(&body), &a, &request, &err),
                         CR_MALFORMED);
        assert_string_equal(err.subject, "1.3.1");
        assert_non_null(strstr(err.cause, "16384 values"));
    }
    cr_buf_reset(&body);
    cr_buf_append_str(&body, "{\"x\":\"\\\\\\\"");
    for (int n = 0; n <= RSP_JSON_MAX_VALUES; n++) {
        cr_buf_append_str(&body, ",[{");
    }
    cr_buf_append_str(&body, "\"}");
    assert_int_equal(rsp_json_parse_request(f, cr_buf_span(&body), &a, &request, &err),
                     CR_MALFORMED);
    assert_string_equal(err.field, "transactionId"); /* missing, otherwise fine */
    cr_buf_free(&body);
    cr_arena_free(&a);
}

static void transaction_ids(void **state)
{
    (void)state;
    cr_arena a = {0};
    /* cancelSessionResponse BF41{81 7F} */
    const struct rsp_cancel_session_request_es9 *c =
        request_of(&a, RSP_ES9_CANCEL_SESSION,
                   "{\"transactionId\":\"00aAfF\",\"cancelSessionResponse\":\"v0EDgQF/\"}");
    assert_bytes(&a, c->transaction_id, hex(&a, "00AAFF"));
    assert_int_equal(c->cancel_session_response.which, RSP_CANCEL_SESSION_ERROR);
    assert_bytes(&a, c->cancel_session_response.raw, hex(&a, "BF41{81017F}"));
    cr_buf out = {0};
    assert_int_equal(rsp_json_build_request(rsp_function(RSP_ES9_CANCEL_SESSION), c, 0, &out, NULL),
                     CR_OK);
    assert_string_equal(cr_buf_cstr(&out),
                        "{\"transactionId\":\"00AAFF\",\"cancelSessionResponse\":\"v0EDgQF/\"}");
    /* echoed as it came */
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_request(rsp_function(RSP_ES9_CANCEL_SESSION), c,
                                            RSP_JSON_LOWER_HEX, &out, NULL),
                     CR_OK);
    assert_string_equal(cr_buf_cstr(&out),
                        "{\"transactionId\":\"00aaff\",\"cancelSessionResponse\":\"v0EDgQF/\"}");
    assert_int_equal(rsp_json_hex_flags(cr_buf_span(&out)), RSP_JSON_LOWER_HEX);
    assert_int_equal(
        rsp_json_hex_flags(cr_span_str("{\"transactionId\" : \"00AAFF\",\"a\":\"a\"}")), 0);
    static const char *const none[] = {"", "{}", "{\"transactionId\"", "{\"transactionId\":\"",
                                       "{\"transactionId\":\"0"};
    for (size_t i = 0; i < CR_COUNT(none); i++) {
        assert_int_equal(rsp_json_hex_flags(cr_span_str(none[i])), 0);
    }
    cr_buf_free(&out);
    cr_arena_free(&a);
}

/* ---- answers ---- */

static struct rsp_initiate_authentication_response *initiate_ok(cr_arena *a)
{
    static const uint8_t certificate[] = {0x30, 0x02, 0x05, 0x00};
    struct rsp_initiate_authentication_response *r = cr_arena_alloc(a, sizeof(*r));
    r->which = RSP_INITIATE_AUTHENTICATION_OK;
    r->ok.transaction_id = hex(a, "0A0B");
    r->ok.server_signed1.transaction_id = hex(a, "0A0B");
    r->ok.server_signed1.euicc_challenge = hex(a, "000102030405060708090A0B0C0D0E0F");
    r->ok.server_signed1.server_address = cr_span_str("dp.test");
    r->ok.server_signed1.server_challenge = hex(a, "000102030405060708090A0B0C0D0E0F");
    r->ok.server_signature1 = hex(a, SIG64);
    r->ok.euicc_ci_pkid_to_be_used = hex(a, "F54172BD");
    r->ok.server_certificate = CR_SPAN_ARRAY(certificate);
    return r;
}

static void answers_come_back(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_INITIATE_AUTHENTICATION);
    struct rsp_initiate_authentication_response *r = initiate_ok(&a);
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_int_equal(rsp_json_build_response(f, r, NULL, 0, &out, &err), CR_OK);
    json_t *text = json_loads(cr_buf_cstr(&out), 0, NULL);
    assert_non_null(text);
    assert_string_equal(json_string_value(json_object_get(text, "transactionId")), "0A0B");
    /* tag and length are part of these members */
    assert_string_equal(json_string_value(json_object_get(text, "euiccCiPKIdToBeUsed")),
                        "BAT1QXK9");
    assert_memory_equal(json_string_value(json_object_get(text, "serverSignature1")), "XzdA", 4);
    assert_null(json_object_get(text, "otherCertsInChain"));
    json_decref(text);
    struct rsp_initiate_authentication_response *back = NULL;
    struct rsp_function_status status;
    assert_int_equal(
        rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, &status, &err), CR_OK);
    assert_int_equal(status.status, RSP_EXECUTED_SUCCESS);
    assert_int_equal(back->which, RSP_INITIATE_AUTHENTICATION_OK);
    assert_bytes(&a, back->ok.server_signature1, r->ok.server_signature1);
    assert_span_text(back->ok.server_signed1.server_address, "dp.test");

    /* chains and CRLs as arrays; not for v2 */
    cr_span certs[2] = {hex(&a, "30020500"), hex(&a, "3003020101")};
    r->ok.other_certs_in_chain.items = certs;
    r->ok.other_certs_in_chain.count = 2;
    r->ok.other_certs_in_chain.present = true;
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_response(f, r, NULL, 0, &out, &err), CR_OK);
    assert_non_null(strstr(cr_buf_cstr(&out), "\"otherCertsInChain\":[\"MAIFAA==\",\"MAMCAQE=\"]"));
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, NULL, &err),
                     CR_OK);
    assert_int_equal(back->ok.other_certs_in_chain.count, 2);
    assert_bytes(&a, back->ok.other_certs_in_chain.items[1], certs[1]);
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_response(f, r, NULL, RSP_JSON_V2, &out, &err), CR_OK);
    assert_null(strstr(cr_buf_cstr(&out), "otherCerts"));

    /* a handler that filled nothing is our mistake, not an answer */
    r->which = RSP_INITIATE_AUTHENTICATION_ERROR;
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_response(f, r, NULL, 0, &out, &err), CR_INTERNAL);
    assert_int_equal(out.n, 0);
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void failures_come_back(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_AUTHENTICATE_CLIENT);
    struct cr_err err = {0};
    struct rsp_function_status status = {RSP_FAILED, "8.2.6", "3.8", "", "no \"order\"\n\x01"};
    cr_buf out = {0};
    assert_int_equal(rsp_json_build_response(f, NULL, &status, 0, &out, &err), CR_OK);
    assert_string_equal(cr_buf_cstr(&out),
                        "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Failed\","
                        "\"statusCodeData\":{\"subjectCode\":\"8.2.6\",\"reasonCode\":\"3.8\","
                        "\"message\":\"no \\\"order\\\"\\u000A\\u0001\"}}}}");
    void *back = NULL;
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, &back, &status, &err),
                     CR_REFUSED);
    assert_null(back);
    assert_string_equal(err.subject, "8.2.6");
    assert_string_equal(err.reason, "3.8");
    assert_string_equal(status.message, "no \"order\"\n\x01");
    cr_buf_free(&out);

    static const char *const none[] = {
        "",
        "{}",
        "[]",
        "{\"header\":{}}",
        "{\"header\":{\"functionExecutionStatus\":{}}}",
        "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Great\"}}}",
        "{\"header\":{\"functionExecutionStatus\":{\"status\":\"Executed-Success\"}}}",
    };
    for (size_t i = 0; i < CR_COUNT(none); i++) {
        assert_int_equal(rsp_json_parse_response(f, cr_span_str(none[i]), &a, &back, &status, &err),
                         CR_MALFORMED);
        assert_string_equal(err.subject, ""); /* the server said no such thing */
        assert_non_null(strstr(err.cause, "authenticateClient"));
    }
    /* a header is enough where nothing else is owed */
    f = rsp_function(RSP_ES9_CANCEL_SESSION);
    struct rsp_cancel_session_response_es9 *done = NULL;
    assert_int_equal(
        rsp_json_parse_response(f, cr_span_str(none[6]), &a, (void **)&done, NULL, &err), CR_OK);
    assert_int_equal(done->which, RSP_CANCEL_SESSION_ES9_OK);
    /* a notification is acknowledged by whatever comes with a 2xx */
    f = rsp_function(RSP_ES9_HANDLE_NOTIFICATION);
    assert_int_equal(rsp_json_parse_response(f, cr_span_str(""), &a, &back, NULL, &err), CR_OK);
    assert_int_equal(rsp_json_parse_response(f, cr_span_str("{}"), &a, &back, NULL, &err), CR_OK);
    cr_arena_free(&a);
}

static void answers_with_alternatives(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_AUTHENTICATE_CLIENT);
    struct cr_err err = {0};
    cr_buf out = {0};
    struct rsp_authenticate_client_response r = {.which = RSP_AUTHENTICATE_CLIENT_OK};
    struct rsp_authenticate_client_response *back = NULL;
    r.ok.transaction_id = hex(&a, "01");
    r.ok.smdp_signed2.transaction_id = hex(&a, "01");
    r.ok.smdp_signature2 = hex(&a, SIG64);
    r.ok.smdp_certificate = hex(&a, "30020500");
    assert_int_equal(rsp_json_build_response(f, &r, NULL, 0, &out, &err), CR_OK);
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, NULL, &err),
                     CR_OK);
    assert_int_equal(back->which, RSP_AUTHENTICATE_CLIENT_OK);
    assert_false(back->ok.has_profile_metadata); /* some servers send none */

    memset(&r, 0, sizeof(r));
    r.which = RSP_AUTHENTICATE_CLIENT_OK_DEVICE_CHANGE;
    r.ok_device_change.transaction_id = hex(&a, "02");
    r.ok_device_change.smdp_signed4.transaction_id = hex(&a, "02");
    r.ok_device_change.smdp_signature4 = hex(&a, SIG64);
    r.ok_device_change.has_service_provider_message_for_dc = true;
    r.ok_device_change.service_provider_message_for_dc.service_provider_message =
        cr_span_str("moving");
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_response(f, &r, NULL, 0, &out, &err), CR_OK);
    assert_null(strstr(cr_buf_cstr(&out), "smdpSigned2"));
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, NULL, &err),
                     CR_OK);
    assert_int_equal(back->which, RSP_AUTHENTICATE_CLIENT_OK_DEVICE_CHANGE);
    assert_bytes(&a, back->ok_device_change.transaction_id, hex(&a, "02"));
    assert_span_text(
        back->ok_device_change.service_provider_message_for_dc.service_provider_message, "moving");

    f = rsp_function(RSP_ES11_AUTHENTICATE_CLIENT);
    struct rsp_event_entry entries[2] = {{cr_span_str("E1"), cr_span_str("dp1.test")},
                                         {cr_span_str("E2"), cr_span_str("dp2.test")}};
    struct rsp_authenticate_client_response_ds ds = {.which = RSP_AUTHENTICATE_CLIENT_DS_OK};
    struct rsp_authenticate_client_response_ds *ds_back = NULL;
    ds.ok.transaction_id = hex(&a, "03");
    ds.ok.event_entries.items = entries;
    ds.ok.event_entries.count = 2;
    ds.ok.event_entries.present = true;
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_response(f, &ds, NULL, 0, &out, &err), CR_OK);
    assert_non_null(
        strstr(cr_buf_cstr(&out),
               "\"eventEntries\":[{\"eventId\":\"E1\",\"rspServerAddress\":\"dp1.test\"},"
               "{\"eventId\":\"E2\",\"rspServerAddress\":\"dp2.test\"}]"));
    assert_int_equal(
        rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&ds_back, NULL, &err), CR_OK);
    assert_int_equal(ds_back->ok.event_entries.count, 2);
    assert_span_text(ds_back->ok.event_entries.items[1].event_id, "E2");
    /* no list at all means no events */
    assert_int_equal(
        rsp_json_parse_response(f,
                                cr_span_str("{\"header\":{\"functionExecutionStatus\":{\"status\":"
                                            "\"Executed-Success\"}},\"transactionId\":\"03\"}"),
                                &a, (void **)&ds_back, NULL, &err),
        CR_OK);
    assert_int_equal(ds_back->ok.event_entries.count, 0);
    cr_buf_free(&out);
    cr_arena_free(&a);
}

/* A package of half a megabyte: as it is, not encoded again. */
static void a_large_package(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_GET_BOUND_PROFILE_PACKAGE);
    size_t n = 500000;
    cr_buf bpp = {0};
    der_put_header(&bpp, 0xBF36, n);
    memset(cr_buf_extend(&bpp, n), 0xA5, n);
    struct rsp_get_bound_profile_package_response r = {.which = RSP_GET_BOUND_PROFILE_PACKAGE_OK};
    struct rsp_get_bound_profile_package_response *back = NULL;
    r.ok.transaction_id = hex(&a, "01");
    r.ok.bound_profile_package = cr_buf_span(&bpp);
    cr_buf out = {0};
    struct cr_err err = {0};
    assert_int_equal(rsp_json_build_response(f, &r, NULL, 0, &out, &err), CR_OK);
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, NULL, &err),
                     CR_OK);
    assert_true(cr_span_equal(back->ok.bound_profile_package, cr_buf_span(&bpp)));
    cr_buf_reset(&out);
    assert_int_equal(rsp_asn1_build_response(f, &r, NULL, false, &out, &err), CR_OK);
    assert_int_equal(rsp_asn1_parse_response(f, cr_buf_span(&out), &a, (void **)&back, &err),
                     CR_OK);
    assert_true(cr_span_equal(back->ok.bound_profile_package, cr_buf_span(&bpp)));
    cr_buf_free(&out);
    cr_buf_free(&bpp);
    cr_arena_free(&a);
}

/* ---- ES2+ and ES12 ---- */

#define HEADER                                                                                     \
    "\"header\":{\"functionRequesterIdentifier\":\"OP\",\"functionCallIdentifier\":\"1\"}"

static void orders(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_download_order_request *d = request_of(
        &a, RSP_ES2_DOWNLOAD_ORDER, "{" HEADER ",\"iccid\":\"8900012345678901234F\",\"eid\":null}");
    assert_span_text(d->header.function_requester_identifier, "OP");
    assert_span_text(d->iccid, "8900012345678901234");
    assert_false(cr_span_present(d->eid) || cr_span_present(d->profile_type));
    const struct rsp_confirm_order_request *c =
        request_of(&a, RSP_ES2_CONFIRM_ORDER,
                   "{" HEADER ",\"iccid\":\"890001234567890123\",\"matchingId\":\"\","
                   "\"eid\":\"89049032123451234512345678901235\",\"confirmationCode\":\"12345678\","
                   "\"releaseFlag\":true}");
    assert_true(cr_span_present(c->matching_id) && c->matching_id.n == 0); /* "" is not absent */
    assert_span_text(c->confirmation_code, "12345678");
    assert_true(c->release_flag);
    c = request_of(&a, RSP_ES2_CONFIRM_ORDER,
                   "{" HEADER ",\"iccid\":\"890001234567890123\",\"releaseFlag\":false}");
    assert_false(cr_span_present(c->matching_id) || c->release_flag);

    assert_refused(RSP_ES2_CONFIRM_ORDER, "{" HEADER ",\"releaseFlag\":true}", "8.2.1", "2.2",
                   "iccid");
    assert_refused(RSP_ES2_CONFIRM_ORDER, "{" HEADER ",\"iccid\":\"89\",\"releaseFlag\":true}",
                   "8.2.1", "2.1", "iccid");
    assert_refused(RSP_ES2_CONFIRM_ORDER, "{" HEADER ",\"iccid\":\"890001234567890123\"}", "1.6",
                   "2.2", "releaseFlag");
    assert_refused(RSP_ES2_CONFIRM_ORDER,
                   "{" HEADER ",\"iccid\":\"890001234567890123\",\"releaseFlag\":\"true\"}",
                   "1.3.1", "2.1", "releaseFlag");
    assert_refused(RSP_ES2_DOWNLOAD_ORDER, "{\"iccid\":\"890001234567890123\"}", "1.6", "2.2",
                   "header");
    assert_refused(RSP_ES2_DOWNLOAD_ORDER, "{\"header\":7}", "1.3.1", "2.1", "");
    assert_refused(RSP_ES2_DOWNLOAD_ORDER, "{\"header\":{\"functionCallIdentifier\":\"1\"}}", "1.1",
                   "2.2", "functionRequesterIdentifier");
    assert_refused(RSP_ES2_DOWNLOAD_ORDER, "{" HEADER ",\"eid\":\"8904\"}", "8.1.1", "2.1", "eid");
    assert_refused(RSP_ES2_RPM_ORDER, "{" HEADER ",\"eid\":\"89049032123451234512345678901235\"}",
                   "8.10.2", "2.2", "rpmScript");
    assert_refused(RSP_ES12_REGISTER_EVENT, "{" HEADER "}", "8.1.1", "2.2", "eid");

    struct rsp_confirm_order_response r = {.matching_id = cr_span_str("")};
    struct rsp_confirm_order_response *back = NULL;
    const struct rsp_function *f = rsp_function(RSP_ES2_CONFIRM_ORDER);
    cr_buf out = {0};
    assert_int_equal(rsp_json_build_response(f, &r, NULL, 0, &out, NULL), CR_OK);
    assert_string_equal(cr_buf_cstr(&out), "{\"header\":{\"functionExecutionStatus\":{\"status\":"
                                           "\"Executed-Success\"}},\"matchingId\":\"\"}");
    assert_int_equal(rsp_json_parse_response(f, cr_buf_span(&out), &a, (void **)&back, NULL, NULL),
                     CR_OK);
    assert_true(cr_span_present(back->matching_id) && back->matching_id.n == 0);
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void operator_notifications(void **state)
{
    (void)state;
    cr_arena a = {0};
    const struct rsp_function *f = rsp_function(RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO);
    struct rsp_handle_download_progress_info_request p = {
        .header = {cr_span_str("DP"), cr_span_str("9")},
        .iccid = cr_span_str("890001234567890123"),
        .profile_type = cr_span_str("gold"),
        .timestamp = cr_span_str("2026-11-21T09:05:00Z"),
        .notification_point_id = RSP_POINT_BPP_INSTALLATION,
        .notification_point_status = {RSP_FAILED, "8.2.10", "4.2", "", ""},
        .result_data = hex(&a, "BF3700"),
    };
    cr_buf out = {0};
    assert_int_equal(rsp_json_build_request(f, &p, 0, &out, NULL), CR_OK);
    assert_string_equal(
        cr_buf_cstr(&out),
        "{\"header\":{\"functionRequesterIdentifier\":\"DP\",\"functionCallIdentifier\":\"9\"},"
        "\"iccid\":\"890001234567890123\",\"profileType\":\"gold\","
        "\"timestamp\":\"2026-11-21T09:05:00Z\",\"notificationPointId\":4,"
        "\"notificationPointStatus\":{\"status\":\"Failed\",\"statusCodeData\":{"
        "\"subjectCode\":\"8.2.10\",\"reasonCode\":\"4.2\"}},\"resultData\":\"vzcA\"}");
    struct rsp_handle_download_progress_info_request *back =
        request_of(&a, RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO, cr_buf_cstr(&out));
    assert_int_equal(back->notification_point_id, 4);
    assert_string_equal(back->notification_point_status.subject_code, "8.2.10");
    /* spellings met in the field: timeStamp, the number as digits */
    back = request_of(&a, RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO,
                      "{" HEADER ",\"iccid\":\"890001234567890123\",\"profileType\":\"\","
                      "\"timeStamp\":\"t\",\"notificationPointId\":\"101\","
                      "\"notificationPointStatus\":{\"status\":\"executed-success\"}}");
    assert_int_equal(back->notification_point_id, RSP_POINT_ENABLE);
    assert_span_text(back->timestamp, "t");
    assert_int_equal(back->notification_point_status.status, RSP_EXECUTED_SUCCESS);
    assert_refused(RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO,
                   "{" HEADER ",\"iccid\":\"890001234567890123\",\"profileType\":\"\","
                   "\"timestamp\":\"t\",\"notificationPointId\":\"x\"}",
                   "1.3.1", "2.1", "notificationPointId");
    assert_refused(RSP_ES2_HANDLE_DOWNLOAD_PROGRESS_INFO,
                   "{" HEADER ",\"iccid\":\"890001234567890123\",\"profileType\":\"\","
                   "\"timestamp\":\"t\",\"notificationPointId\":1,"
                   "\"notificationPointStatus\":\"Failed\"}",
                   "1.3.1", "2.1", "notificationPointStatus");
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void strings(void **state)
{
    (void)state;
    cr_buf out = {0};
    rsp_json_append_string(&out, cr_span_str("a\"b\\c\td/\xC3\xA9\x7F"));
    assert_string_equal(cr_buf_cstr(&out), "\"a\\\"b\\\\c\\u0009d/\xC3\xA9\x7F\"");
    cr_buf_reset(&out);
    rsp_json_append_string(&out, cr_span_str("\xFF\xC3x")); /* no UTF-8: still JSON */
    assert_string_equal(cr_buf_cstr(&out), "\"??x\"");
    cr_buf_reset(&out);
    rsp_json_append_string(&out, cr_span_str(""));
    assert_string_equal(cr_buf_cstr(&out), "\"\"");
    cr_buf_free(&out);
}

/* ---- ASN.1 binding ---- */

static void asn1_calls(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct cr_err err = {0};
    const struct rsp_function *f = NULL;
    void *request = NULL;
    cr_span body = hex(&a, "A2{BF41{80010A A1{81017F}}}");
    assert_int_equal(rsp_asn1_parse_request(RSP_ES9PLUS, body, &a, &f, &request, &err), CR_OK);
    assert_int_equal(f->id, RSP_ES9_CANCEL_SESSION);
    cr_buf out = {0};
    assert_int_equal(rsp_asn1_build_request(f, request, false, &out, &err), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), body);
    /* the same struct in the other binding, with the tag that is right there */
    cr_buf_reset(&out);
    assert_int_equal(rsp_json_build_request(f, request, 0, &out, &err), CR_OK);
    assert_string_equal(cr_buf_cstr(&out),
                        "{\"transactionId\":\"0A\",\"cancelSessionResponse\":\"v0EDgQF/\"}");

    assert_int_equal(
        rsp_asn1_parse_request(RSP_ES11, hex(&a, "A2{BF3A00}"), &a, &f, &request, &err),
        CR_REFUSED);
    assert_string_equal(err.subject, "1.6");
    static const char *const none[] = {"",
                                       "A200",
                                       "A3{BF41{80010A A1{81017F}}}",
                                       "A2{BF41{80010A}}",
                                       "A2{BF41{80010A A1{81017F}}} 00",
                                       "A2{BF41{80010A A1{81017F}} 0500}"};
    for (size_t i = 0; i < CR_COUNT(none); i++) {
        cr_status status =
            rsp_asn1_parse_request(RSP_ES9PLUS, hex(&a, none[i]), &a, &f, &request, &err);
        assert_true(status == CR_MALFORMED || status == CR_REFUSED);
    }
    /* confirmDeviceChange: the answer of the eUICC under BF21 (as the module has it) or BF4D */
    static const char *const forms[] = {"A2{BF4C{04010A BF21{A1{80010A 020104}}}}",
                                        "A2{BF4C{04010A BF21{BF4D{A1{80010A 020104}}}}}",
                                        "A2{BF4C{04010A BF4D{A1{80010A 020104}}}}"};
    for (size_t i = 0; i < CR_COUNT(forms); i++) {
        assert_int_equal(
            rsp_asn1_parse_request(RSP_ES9PLUS, hex(&a, forms[i]), &a, &f, &request, &err), CR_OK);
        const struct rsp_confirm_device_change_request *c = request;
        assert_int_equal(c->prepare_device_change_response.error.download_error_code, 4);
    }
    cr_buf_free(&out);
    cr_arena_free(&a);
}

static void asn1_answers(void **state)
{
    (void)state;
    cr_arena a = {0};
    struct cr_err err = {0};
    struct cr_err failure = {0};
    const struct rsp_function *f = rsp_function(RSP_ES9_INITIATE_AUTHENTICATION);
    cr_buf out = {0};
    assert_int_equal(rsp_asn1_build_response(f, initiate_ok(&a), NULL, false, &out, &err), CR_OK);
    struct rsp_initiate_authentication_response *back = NULL;
    assert_int_equal(rsp_asn1_parse_response(f, cr_buf_span(&out), &a, (void **)&back, &err),
                     CR_OK);
    assert_span_text(back->ok.server_signed1.server_address, "dp.test");

    (void)cr_refuse(&failure, "8.8.1", "3.8", NULL, "not our address");
    cr_buf_reset(&out);
    assert_int_equal(rsp_asn1_build_response(f, NULL, &failure, false, &out, &err), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, "A2{BF39{810101}}"));
    assert_int_equal(rsp_asn1_parse_response(f, cr_buf_span(&out), &a, (void **)&back, &err),
                     CR_REFUSED);
    assert_int_equal(err.code, 1);
    assert_string_equal(err.subject, "8.8.1");
    assert_non_null(strstr(err.cause, "invalidDpAddress"));
    assert_int_equal(
        rsp_asn1_parse_response(f, hex(&a, "A2{BF39{810163}}"), &a, (void **)&back, &err),
        CR_REFUSED);
    assert_int_equal(err.code, 0x63);
    assert_string_equal(err.subject, "");

    /* 124 is for v3 peers */
    (void)cr_fail(&failure, CR_MALFORMED, NULL, "broken");
    cr_buf_reset(&out);
    assert_int_equal(rsp_asn1_build_response(f, NULL, &failure, true, &out, &err), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, "A2{BF39{81017C}}"));
    cr_buf_reset(&out);
    assert_int_equal(rsp_asn1_build_response(f, NULL, &failure, false, &out, &err), CR_OK);
    assert_bytes(&a, cr_buf_span(&out), hex(&a, "A2{BF39{81017F}}"));

    f = rsp_function(RSP_ES9_HANDLE_NOTIFICATION);
    cr_buf_reset(&out);
    assert_int_equal(rsp_asn1_build_response(f, NULL, NULL, false, &out, &err), CR_INTERNAL);
    f = rsp_function(RSP_ES2_DOWNLOAD_ORDER);
    assert_int_equal(rsp_asn1_build_request(f, NULL, false, &out, &err), CR_INTERNAL);
    assert_int_equal(out.n, 0);

    /* smdpSigned2 as 30 for v2 peers and as A1 for v3 peers; both are read */
    f = rsp_function(RSP_ES9_AUTHENTICATE_CLIENT);
    struct rsp_authenticate_client_response r = {.which = RSP_AUTHENTICATE_CLIENT_OK};
    r.ok.transaction_id = hex(&a, "01");
    r.ok.smdp_signed2.transaction_id = hex(&a, "01");
    r.ok.smdp_signature2 = hex(&a, SIG64);
    r.ok.smdp_certificate = hex(&a, "30020500");
    for (int v3 = 0; v3 < 2; v3++) {
        struct rsp_authenticate_client_response *read = NULL;
        cr_buf_reset(&out);
        assert_int_equal(rsp_asn1_build_response(f, &r, NULL, v3, &out, &err), CR_OK);
        assert_bytes(&a, cr_buf_span(&out),
                     hex(&a, v3 ? "A2{BF3B{A0{800101 A1{800101 010100} 5F3740" SIG64 "30020500}}}"
                                : "A2{BF3B{A0{800101 30{800101 010100} 5F3740" SIG64
                                  "30020500}}}"));
        assert_int_equal(rsp_asn1_parse_response(f, cr_buf_span(&out), &a, (void **)&read, &err),
                         CR_OK);
        assert_bytes(&a, read->ok.smdp_signed2.transaction_id, hex(&a, "01"));
    }
    cr_buf_free(&out);
    cr_arena_free(&a);
}

/* Every function, filled from its tables, through both bindings in both directions. */
static void every_function_comes_back(void **state)
{
    (void)state;
    size_t count;
    const struct rsp_function *rows = rsp_function_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct rsp_function *f = &rows[i];
        if (!f->asn1_request) {
            continue;
        }
        for (size_t round = 0; round < 8; round++) {
            cr_arena a = {0};
            const struct filling filling = {&a, round, true};
            struct cr_err err = {0};
            void *request = cr_arena_alloc(&a, f->request_size);
            fill_type(&filling, f->asn1_request, request, 0);
            cr_buf json = {0};
            cr_buf der = {0};
            if (rsp_json_build_request(f, request, 0, &json, &err) != CR_OK) {
                fail_msg("%s: %s", f->name, err.cause);
            }
            assert_int_equal(rsp_asn1_build_request(f, request, true, &der, &err), CR_OK);
            void *from_json = NULL;
            if (rsp_json_parse_request(f, cr_buf_span(&json), &a, &from_json, &err) != CR_OK) {
                fail_msg("%s: %s", f->name, err.cause);
            }
            cr_buf again = {0};
            assert_int_equal(rsp_asn1_build_request(f, from_json, true, &again, &err), CR_OK);
            assert_bytes(&a, cr_buf_span(&again), cr_buf_span(&der));
            const struct rsp_function *found = NULL;
            void *from_der = NULL;
            assert_int_equal(rsp_asn1_parse_request(f->interface, cr_buf_span(&der), &a, &found,
                                                    &from_der, &err),
                             CR_OK);
            assert_ptr_equal(found, f);
            cr_buf_free(&json);
            cr_buf_free(&der);
            cr_buf_free(&again);
            cr_arena_free(&a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initiate_authentication_request),
        cmocka_unit_test(texts_that_are_no_request),
        cmocka_unit_test(values_are_counted_first),
        cmocka_unit_test(transaction_ids),
        cmocka_unit_test(answers_come_back),
        cmocka_unit_test(failures_come_back),
        cmocka_unit_test(answers_with_alternatives),
        cmocka_unit_test(a_large_package),
        cmocka_unit_test(orders),
        cmocka_unit_test(operator_notifications),
        cmocka_unit_test(strings),
        cmocka_unit_test(asn1_calls),
        cmocka_unit_test(asn1_answers),
        cmocka_unit_test(every_function_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
