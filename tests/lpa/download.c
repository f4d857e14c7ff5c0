/* The whole procedure, and what it does about each thing that can go wrong (SGP.22 3.1.3). */
#include "fake.h"

#include "asn1/der.h"

#define NO_CANCEL (-1)

/* What the person of a test says, and was asked. */
struct person {
    enum lpa_answer answer;
    const char *codes[4]; /* of each attempt; NULL = none */
    int consents, code_attempts;
    bool consent_before_code;
    enum lpa_ppr_verdict verdict;
    bool saw_metadata;
    int stages;
    enum lpa_stage last_stage;
    size_t done, total;
    int sent;
};

static enum lpa_answer on_consent(void *ctx, const struct lpa_offer *offer)
{
    struct person *p = ctx;
    p->consents++;
    p->verdict = offer->ppr.verdict;
    p->saw_metadata = offer->metadata != NULL;
    p->consent_before_code = p->code_attempts == 0;
    return p->answer;
}

static bool on_code(void *ctx, const struct lpa_offer *offer, int attempt, cr_buf *code)
{
    struct person *p = ctx;
    assert_true(offer->confirmation_code_required);
    p->code_attempts++;
    const char *text = attempt <= 4 ? p->codes[attempt - 1] : NULL;
    if (text) {
        cr_buf_append_str(code, text);
    }
    return text != NULL;
}

static void on_progress(void *ctx, const struct lpa_progress *progress)
{
    struct person *p = ctx;
    p->stages += progress->stage != p->last_stage;
    assert_true(progress->step >= 1 && progress->step <= progress->steps);
    assert_true(progress->stage >= p->last_stage || p->code_attempts > 1);
    p->last_stage = progress->stage;
    p->done = progress->done;
    p->total = progress->total;
}

static void on_sent(void *ctx, const struct lpa_notification *n, enum lpa_sent sent,
                    const struct cr_err *err)
{
    struct person *p = ctx;
    assert_int_equal(n->seq_number, 7);
    assert_true((sent == LPA_SENT) == (err == NULL));
    p->sent++;
}

struct run {
    cr_status status;
    struct cr_err err;
    struct lpa_download_result result;
};

static struct run download(struct fake_world *w, struct person *p,
                           const struct lpa_download_order *order)
{
    static const struct lpa_download_order plain = {
        .smdp_address = {(const uint8_t *)FAKE_HOST, sizeof(FAKE_HOST) - 1},
        .matching_id = {(const uint8_t *)"TOKEN", 5}};
    struct lpa_download_hooks hooks = {.ctx = p,
                                       .progress = on_progress,
                                       .consent = on_consent,
                                       .confirmation_code = on_code,
                                       .sent = on_sent};
    struct run run = {0};
    if (!w->started) {
        fake_world_start(w);
    }
    run.status = lpa_download(&w->lpa, order ? order : &plain, NULL, &hooks, &w->arena, &run.result,
                              &run.err);
    return run;
}

/* ---- success ---- */

static void test_installs(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_OK);
    assert_int_equal(p.consents, 1);
    assert_true(p.saw_metadata);
    assert_int_equal(p.code_attempts, 0);
    assert_int_equal(p.stages, 12);
    assert_int_equal(run.result.segments, 9);
    assert_int_equal(run.result.seq_number, 7);
    assert_true(run.result.notified);
    assert_false(run.result.warnings);
    assert_int_equal(p.sent, 1);
    assert_int_equal(fake_card_count(&w.card, 0xBF41), 0);
    assert_int_equal(fake_card_count(&w.card, 0xBF30), 1);
    /* Each function once, in order. */
    static const enum rsp_function_id order[] = {
        RSP_ES9_INITIATE_AUTHENTICATION, RSP_ES9_AUTHENTICATE_CLIENT,
        RSP_ES9_GET_BOUND_PROFILE_PACKAGE, RSP_ES9_HANDLE_NOTIFICATION};
    assert_int_equal(w.server.call_count, CR_COUNT(order));
    for (size_t i = 0; i < CR_COUNT(order); i++) {
        assert_string_equal(w.server.calls[i].function->path, rsp_function(order[i])->path);
        assert_string_equal(w.server.calls[i].server, FAKE_HOST);
    }
    struct rsp_initiate_authentication_request *first =
        fake_server_last(&w.server, RSP_ES9_INITIATE_AUTHENTICATION);
    assert_true(cr_span_equal(first->smdp_address, cr_span_str(FAKE_HOST)));
    assert_int_equal(first->euicc_challenge.p[1], 0x11);
    fake_world_free(&w);
}

static void test_sends_what_the_order_says(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    assert_int_equal(download(&w, &p, NULL).status, CR_OK);
    struct rsp_authenticate_server_request sent = {0};
    assert_int_equal(asn1_decode(&rsp_authenticate_server_request_type,
                                 fake_card_last(&w.card, 0xBF38), 0, &w.arena, &sent, NULL),
                     CR_OK);
    const struct rsp_ctx_common_authentication *ctx = &sent.ctx_params1.common_authentication;
    assert_true(cr_span_equal(ctx->matching_id, cr_span_str("TOKEN")));
    assert_int_equal(ctx->device_info.tac.n, 4);
    assert_memory_equal(ctx->device_info.tac.p, "\x53\x92\x60\x11", 4);
    assert_false(cr_span_present(ctx->device_info.imei));
    assert_true(cr_span_present(ctx->device_info.device_capabilities.eutran_epc_supported_release));
    assert_false(cr_span_present(sent.ctx_params1.raw) &&
                 memmem(sent.ctx_params1.raw.p, sent.ctx_params1.raw.n, "\x82\x02\x07\x80", 4));
    fake_world_free(&w);
}

static void test_absent_matching_id(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    struct rsp_activation_code code;
    assert_int_equal(
        rsp_activation_code_parse(cr_span_str("lpa:1$SMDP.EXAMPLE.COM$"), &w.arena, &code, NULL),
        CR_OK);
    struct lpa_download_order order = lpa_order_from_activation_code(&code);
    assert_int_equal(download(&w, &p, &order).status, CR_OK);
    struct rsp_authenticate_server_request sent = {0};
    assert_int_equal(asn1_decode(&rsp_authenticate_server_request_type,
                                 fake_card_last(&w.card, 0xBF38), 0, &w.arena, &sent, NULL),
                     CR_OK);
    assert_false(cr_span_present(sent.ctx_params1.common_authentication.matching_id));
    assert_string_equal(w.server.calls[0].server, "SMDP.EXAMPLE.COM"); /* as typed */
    fake_world_free(&w);
}

static void test_segments(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    w.options.block_size = 120;
    struct person p = {0};
    assert_int_equal(download(&w, &p, NULL).status, CR_OK);
    cr_buf joined = {0};
    for (size_t i = 0; i < w.card.segment_count; i++) {
        cr_buf_append_span(&joined, w.card.segments[i]);
    }
    /* Put together again they are the package, byte for byte. */
    assert_true(cr_span_equal(cr_buf_span(&joined), w.bound.ok.bound_profile_package));
    cr_buf_free(&joined);
    static const uint32_t tags[] = {0xBF36, 0xA0, 0xA1, 0x88, 0x88, 0xA3, 0x86, 0x86, 0x86};
    assert_int_equal(w.card.segment_count, CR_COUNT(tags));
    for (size_t i = 0; i < CR_COUNT(tags); i++) {
        assert_int_equal(der_peek(w.card.segments[i]), tags[i]);
    }
    /* A block of 412 bytes: three of 120, one of 52; P2 from 00 again for each segment. */
    size_t last = 0;
    for (size_t i = 0; i < w.card.apdu_count; i++) {
        cr_span apdu = w.card.apdus[i];
        if (apdu.p[1] == 0xE2 && apdu.n > 5 && apdu.p[5] == 0x86 && apdu.p[3] == 0) {
            last = i;
        }
    }
    static const uint8_t heads[4][5] = {{0x81, 0xE2, 0x11, 0x00, 120},
                                        {0x81, 0xE2, 0x11, 0x01, 120},
                                        {0x81, 0xE2, 0x11, 0x02, 120},
                                        {0x81, 0xE2, 0x91, 0x03, 52}};
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(w.card.apdus[last + i].p, heads[i], 5);
        assert_int_equal(w.card.apdus[last + i].n, 5 + heads[i][4]);
    }
    fake_world_free(&w);
}

/* ---- confirmation code ---- */

static void test_confirmation_code(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    w.offered.ok.smdp_signed2.cc_required_flag = true;
    struct person p = {.codes = {"12345678"}};
    assert_int_equal(download(&w, &p, NULL).status, CR_OK);
    assert_int_equal(p.consents, 1);
    assert_true(p.consent_before_code);
    struct rsp_prepare_download_request sent = {0};
    assert_int_equal(asn1_decode(&rsp_prepare_download_request_type,
                                 fake_card_last(&w.card, 0xBF21), 0, &w.arena, &sent, NULL),
                     CR_OK);
    uint8_t expected[RSP_HASH]; /* recomputed: SHA256(SHA256("12345678") || tid) */
    assert_true(cr_hex_fixed(expected, sizeof(expected),
                             cr_span_str("87b0215c5d8f952804b1c92d5f2ae9966568b47cd659519536d862e7a"
                                         "9470d2d")));
    assert_true(cr_span_equal(sent.hash_cc, CR_SPAN_ARRAY(expected)));
    fake_world_free(&w);
}

static void test_flag_of_the_activation_code(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {.codes = {"1"}};
    struct lpa_download_order order = {.smdp_address = cr_span_str(FAKE_HOST),
                                       .confirmation_code_required = true};
    assert_int_equal(download(&w, &p, &order).status, CR_OK);
    assert_int_equal(p.code_attempts, 1);
    fake_world_free(&w);
}

static void test_wrong_code_is_asked_again(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    w.offered.ok.smdp_signed2.cc_required_flag = true;
    fake_server_refuses(&w.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, "8.2.7", "3.8");
    struct person p = {.codes = {"wrong", "right"}};
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_OK);
    assert_int_equal(p.code_attempts, 2);
    assert_int_equal(p.consents, 1); /* asked once only */
    assert_int_equal(fake_server_count(&w.server, RSP_ES9_INITIATE_AUTHENTICATION), 2);
    struct rsp_cancel_session_request cancel = {0};
    assert_int_equal(asn1_decode(&rsp_cancel_session_request_type, fake_card_last(&w.card, 0xBF41),
                                 0, &w.arena, &cancel, NULL),
                     CR_OK);
    assert_int_equal(cancel.reason, RSP_CANCEL_POSTPONED); /* leaves the order open */
    assert_false(w.lpa.where.has_cancel);                  /* of the run that succeeded */
    fake_world_free(&w);
}

static void test_wrong_code_and_no_other(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    w.offered.ok.smdp_signed2.cc_required_flag = true;
    fake_server_refuses(&w.server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, "8.2.7", "3.8");
    struct person p = {.codes = {"wrong"}};
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_REFUSED);
    assert_string_equal(run.err.subject, "8.2.7");
    assert_string_equal(run.err.reason, "3.8");
    assert_non_null(strstr(run.err.cause, "confirmation code is wrong"));
    assert_true(run.err.next[0]);
    assert_int_equal(w.lpa.where.stage, LPA_STAGE_FETCH);
    fake_world_free(&w);
}

/* ---- each failure ---- */

typedef void setup_fn(struct fake_world *w, struct person *p);

struct failure {
    const char *name;
    setup_fn *setup;
    enum lpa_stage stage;
    cr_status status;
    int64_t cancel; /* NO_CANCEL = the card is not asked to */
    const char *cause;
    const char *function;
};

static void no(struct fake_world *w, struct person *p)
{
    (void)w;
    p->answer = LPA_ANSWER_NO;
}
static void later(struct fake_world *w, struct person *p)
{
    (void)w;
    p->answer = LPA_ANSWER_LATER;
}
static void silent(struct fake_world *w, struct person *p)
{
    (void)w;
    p->answer = LPA_ANSWER_NONE;
}
static void no_code(struct fake_world *w, struct person *p)
{
    (void)p;
    w->offered.ok.smdp_signed2.cc_required_flag = true;
}
static void unknown_token(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_refuses(&w->server, RSP_ES9_AUTHENTICATE_CLIENT, "8.2.6", "3.8");
}
static void initiate_refused(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_refuses(&w->server, RSP_ES9_INITIATE_AUTHENTICATION, "8.8.2", "3.1");
}
static void initiate_gone(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_gone(&w->server, RSP_ES9_INITIATE_AUTHENTICATION);
}
static void authenticate_client_gone(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_gone(&w->server, RSP_ES9_AUTHENTICATE_CLIENT);
}
static void authenticate_client_500(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_says(&w->server, RSP_ES9_AUTHENTICATE_CLIENT, 500, "oops");
}
static void authenticate_client_html(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_says(&w->server, RSP_ES9_AUTHENTICATE_CLIENT, 200, "<html>hotel wifi</html>");
}
static void other_tid(struct fake_world *w, struct person *p)
{
    (void)p;
    w->offered.ok.transaction_id = cr_span_str("another");
}
static void other_signed_tid(struct fake_world *w, struct person *p)
{
    (void)p;
    w->initiated.ok.server_signed1.transaction_id = cr_span_str("another");
}
static void other_address(struct fake_world *w, struct person *p)
{
    (void)p;
    w->initiated.ok.server_signed1.server_address = cr_span_str("evil.example.com");
}
static void bad_certificate(struct fake_world *w, struct person *p)
{
    (void)p;
    w->initiated.ok.server_certificate = fake_hex(&w->arena, "3003020101");
}
static void card_refuses_server(struct fake_world *w, struct person *p)
{
    (void)p;
    w->authenticated = (struct rsp_authenticate_server_response){
        .which = RSP_AUTHENTICATE_RESPONSE_ERROR,
        .error = {.transaction_id = cr_span_str("0123456789ABCDEF"),
                  .authenticate_error_code = RSP_AUTHENTICATE_CI_PK_UNKNOWN}};
}
static void card_6985(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_card_says(&w->card, 0xBF38, NULL, 0x6985);
}
static void card_refuses_binding(struct fake_world *w, struct person *p)
{
    (void)p;
    w->prepared = (struct rsp_prepare_download_response){
        .which = RSP_PREPARE_DOWNLOAD_ERROR,
        .error = {.transaction_id = cr_span_str("0123456789ABCDEF"),
                  .download_error_code = RSP_DOWNLOAD_INVALID_SIGNATURE}};
}
static void card_lost_session(struct fake_world *w, struct person *p)
{
    card_refuses_binding(w, p);
    w->prepared.error.download_error_code = RSP_DOWNLOAD_NO_SESSION;
}
static void rule_not_allowed(struct fake_world *w, struct person *p)
{
    (void)p;
    w->metadata.has_profile_policy_rules = true;
    w->metadata.profile_policy_rules = RSP_PPR2;
}
static void fetch_refused(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_refuses(&w->server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, "8.2", "3.7");
}
static void fetch_gone(struct fake_world *w, struct person *p)
{
    (void)p;
    fake_server_gone(&w->server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE);
}
static void cut_package(struct fake_world *w, struct person *p)
{
    (void)p;
    cr_span bpp =
        fake_bpp(&w->arena, fake_encode(&w->arena, &rsp_store_metadata_type, &w->bpp_metadata));
    cr_buf cut = {0}; /* well-formed outside, but without its last part */
    struct der_tlv all;
    struct der_tlv part;
    assert_int_equal(der_next(&bpp, DER_STRICT, &all, NULL), CR_OK);
    size_t mark = der_open(&cut, 0xBF36);
    cr_span rest = all.value;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(der_next(&rest, DER_STRICT, &part, NULL), CR_OK);
        cr_buf_append_span(&cut, part.all);
    }
    der_close(&cut, mark);
    w->bound.ok.bound_profile_package = cr_arena_copy(&w->arena, cr_buf_span(&cut));
    cr_buf_free(&cut);
}
static void unreadable_metadata(struct fake_world *w, struct person *p)
{
    (void)p;
    w->bound.ok.bound_profile_package = fake_bpp(
        &w->arena, cr_span_of("\xBF\x25\x0C\x5A\x0A\x98\x00\x10\x32\x54\x76\x98\x10\x32\x14", 15));
}
static void other_rules(struct fake_world *w, struct person *p)
{
    (void)p;
    w->bpp_metadata.has_profile_policy_rules = true;
    w->bpp_metadata.profile_policy_rules = RSP_PPR1;
}
static void other_name(struct fake_world *w, struct person *p)
{
    (void)p;
    w->bpp_metadata.profile_name = cr_span_str("Premium rate");
}
static void other_owner(struct fake_world *w, struct person *p)
{
    (void)p;
    w->bpp_metadata.profile_owner.mcc_mnc = cr_span_of("\x62\xF2\x10", 3);
}
static void other_class(struct fake_world *w, struct person *p)
{
    (void)p;
    w->bpp_metadata.profile_class = RSP_CLASS_TEST;
}
static void segment_6a80(struct fake_world *w, struct person *p)
{
    (void)p;
    w->card.bpp_at = 4;
    w->card.bpp_sw = 0x6A80;
    fake_card_says(&w->card, 0xBF28, "BF2802A000", 0x9000); /* and no result is kept */
    fake_card_says(&w->card, 0xBF28, "BF2802A000", 0x9000);
    fake_card_says(&w->card, 0xBF28, "BF2802A000", 0x9000);
}
static void fails_midway(struct fake_world *w, struct person *p)
{
    (void)p;
    w->card.bpp_at = 5;
    w->result.data.final_result = (struct rsp_final_result){
        .which = RSP_INSTALL_FAILURE,
        .error_result = {.bpp_command_id = RSP_BPP_STORE_METADATA,
                         .error_reason = RSP_INSTALL_ICCID_ALREADY_EXISTS}};
}
static void fails_hidden(struct fake_world *w, struct person *p)
{
    /* The card had its result ready before, and answers 6A88 from then on. */
    fails_midway(w, p);
    w->card.bpp_at = 6;
    w->card.bpp_sw = 0x6A88;
}
static void no_memory(struct fake_world *w, struct person *p)
{
    fails_midway(w, p);
    w->result.data.final_result.error_result.error_reason = RSP_INSTALL_INSUFFICIENT_MEMORY;
}
static void no_result(struct fake_world *w, struct person *p)
{
    (void)p;
    w->card.bpp_at = 1000;
    segment_6a80(w, p);
    w->card.bpp_at = 1000;
}

static const struct failure failures[] = {
    {"declined", no, LPA_STAGE_CONSENT, CR_REFUSED, RSP_CANCEL_END_USER_REJECTION, "declined",
     NULL},
    {"postponed", later, LPA_STAGE_CONSENT, CR_REFUSED, RSP_CANCEL_POSTPONED, "postponed", NULL},
    {"no answer", silent, LPA_STAGE_CONSENT, CR_REFUSED, RSP_CANCEL_TIMEOUT, "nobody", NULL},
    {"no code", no_code, LPA_STAGE_CONSENT, CR_REFUSED, RSP_CANCEL_POSTPONED, "confirmation code",
     NULL},
    {"initiate refused", initiate_refused, LPA_STAGE_CONTACT, CR_REFUSED, NO_CANCEL, "in common",
     "ES9+.InitiateAuthentication"},
    {"initiate gone", initiate_gone, LPA_STAGE_CONTACT, CR_RESOURCE, NO_CANCEL, "connection lost",
     "ES9+.InitiateAuthentication"},
    {"other signed transaction", other_signed_tid, LPA_STAGE_CHECK_SERVER, CR_MALFORMED, NO_CANCEL,
     "transactionId", NULL},
    {"other server address", other_address, LPA_STAGE_CHECK_SERVER, CR_REFUSED, NO_CANCEL,
     "evil.example.com", NULL},
    {"bad certificate", bad_certificate, LPA_STAGE_CHECK_SERVER, CR_MALFORMED, NO_CANCEL, "", NULL},
    {"card refuses server", card_refuses_server, LPA_STAGE_AUTHENTICATE_SERVER, CR_REFUSED,
     NO_CANCEL, "does not know the certificate issuer", "ES10b.AuthenticateServer"},
    {"card 6985", card_6985, LPA_STAGE_AUTHENTICATE_SERVER, CR_REFUSED, NO_CANCEL,
     "conditions of use", "ES10b.AuthenticateServer"},
    {"unknown token", unknown_token, LPA_STAGE_AUTHENTICATE_CLIENT, CR_REFUSED, NO_CANCEL,
     "does not know this code", "ES9+.AuthenticateClient"},
    {"authenticate client gone", authenticate_client_gone, LPA_STAGE_AUTHENTICATE_CLIENT,
     CR_RESOURCE, RSP_CANCEL_TIMEOUT, "connection lost", "ES9+.AuthenticateClient"},
    {"authenticate client 500", authenticate_client_500, LPA_STAGE_AUTHENTICATE_CLIENT, CR_RESOURCE,
     RSP_CANCEL_TIMEOUT, "HTTP status 500", "ES9+.AuthenticateClient"},
    {"authenticate client html", authenticate_client_html, LPA_STAGE_AUTHENTICATE_CLIENT,
     CR_MALFORMED, RSP_CANCEL_TIMEOUT, "", "ES9+.AuthenticateClient"},
    {"other transaction", other_tid, LPA_STAGE_AUTHENTICATE_CLIENT, CR_MALFORMED,
     RSP_CANCEL_TIMEOUT, "transactionId", "ES9+.AuthenticateClient"},
    {"rule not allowed", rule_not_allowed, LPA_STAGE_CHECK_PROFILE, CR_REFUSED,
     RSP_CANCEL_PPR_NOT_ALLOWED, "PPR2", NULL},
    {"card refuses binding", card_refuses_binding, LPA_STAGE_PREPARE, CR_REFUSED,
     RSP_CANCEL_UNDEFINED, "second signature", "ES10b.PrepareDownload"},
    {"card lost session", card_lost_session, LPA_STAGE_PREPARE, CR_REFUSED, RSP_CANCEL_TIMEOUT,
     "lost its session", "ES10b.PrepareDownload"},
    {"fetch refused", fetch_refused, LPA_STAGE_FETCH, CR_REFUSED, NO_CANCEL, "cannot be bound",
     "ES9+.GetBoundProfilePackage"},
    {"fetch gone", fetch_gone, LPA_STAGE_FETCH, CR_RESOURCE, RSP_CANCEL_TIMEOUT, "connection lost",
     "ES9+.GetBoundProfilePackage"},
    {"cut package", cut_package, LPA_STAGE_CHECK_PACKAGE, CR_MALFORMED,
     RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR, "", NULL},
    {"unreadable metadata", unreadable_metadata, LPA_STAGE_CHECK_PACKAGE, CR_MALFORMED,
     RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR, "metadata", NULL},
    {"other rules", other_rules, LPA_STAGE_CHECK_PACKAGE, CR_REFUSED, RSP_CANCEL_PPR_NOT_ALLOWED,
     "profilePolicyRules", NULL},
    {"other name", other_name, LPA_STAGE_CHECK_PACKAGE, CR_REFUSED, RSP_CANCEL_METADATA_MISMATCH,
     "profileName", NULL},
    {"other owner", other_owner, LPA_STAGE_CHECK_PACKAGE, CR_REFUSED, RSP_CANCEL_METADATA_MISMATCH,
     "profileOwner", NULL},
    {"other class", other_class, LPA_STAGE_CHECK_PACKAGE, CR_REFUSED, RSP_CANCEL_METADATA_MISMATCH,
     "profileClass", NULL},
    {"segment 6A80", segment_6a80, LPA_STAGE_INSTALL, CR_REFUSED,
     RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR, "6A80", "ES10b.LoadBoundProfilePackage"},
    {"fails midway", fails_midway, LPA_STAGE_INSTALL, CR_REFUSED, NO_CANCEL, "installed already",
     NULL},
    {"fails hidden", fails_hidden, LPA_STAGE_INSTALL, CR_REFUSED, NO_CANCEL, "installed already",
     NULL},
    {"no memory", no_memory, LPA_STAGE_INSTALL, CR_RESOURCE, NO_CANCEL, "not enough memory", NULL},
    {"no result", no_result, LPA_STAGE_INSTALL, CR_MALFORMED, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR,
     "no result", NULL},
};

static void check_cancel(struct fake_world *w, const struct failure *f)
{
    size_t cancels = fake_card_count(&w->card, 0xBF41);
    if (f->cancel == NO_CANCEL) {
        assert_int_equal(cancels, 0);
        assert_int_equal(fake_server_count(&w->server, RSP_ES9_CANCEL_SESSION), 0);
        assert_false(w->lpa.where.has_cancel);
        return;
    }
    assert_int_equal(cancels, 1);
    struct rsp_cancel_session_request request = {0};
    assert_int_equal(asn1_decode(&rsp_cancel_session_request_type, fake_card_last(&w->card, 0xBF41),
                                 0, &w->arena, &request, NULL),
                     CR_OK);
    assert_int_equal(request.reason, f->cancel);
    assert_int_equal(fake_server_count(&w->server, RSP_ES9_CANCEL_SESSION), 1);
    assert_true(w->lpa.where.has_cancel);
    assert_true(w->lpa.where.cancel_delivered);
    assert_int_equal(w->lpa.where.cancel_reason, f->cancel);
}

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(failures); i++) {
        const struct failure *f = &failures[i];
        print_message("  %s\n", f->name);
        struct fake_world w;
        fake_world_init(&w, PKI_ROLE_DP_AUTH);
        struct person p = {0};
        f->setup(&w, &p);
        struct run run = download(&w, &p, NULL);
        assert_int_equal(run.status, f->status);
        assert_int_equal(run.err.category, f->status);
        assert_int_equal(w.lpa.where.stage, f->stage);
        if (!strstr(run.err.cause, f->cause)) {
            fail_msg("'%s' is not in '%s'", f->cause, run.err.cause);
        }
        if (f->function) {
            assert_non_null(w.lpa.where.function);
            assert_string_equal(w.lpa.where.function, f->function);
        }
        assert_true(run.err.cause[0]);
        if (!f->function && f->stage < LPA_STAGE_INSTALL) {
            assert_null(w.lpa.where.function); /* nobody else is blamed */
        }
        check_cancel(&w, f);
        fake_world_free(&w);
    }
}

static void test_next_step_always(void **state)
{
    (void)state;
    static const char *const without[] = {"bad certificate", "initiate gone", "other transaction",
                                          "authenticate client gone", "fetch gone"};
    for (size_t i = 0; i < CR_COUNT(failures); i++) {
        bool excused = false;
        for (size_t j = 0; j < CR_COUNT(without); j++) {
            excused |= strcmp(failures[i].name, without[j]) == 0; /* the transport's own advice */
        }
        struct fake_world w;
        fake_world_init(&w, PKI_ROLE_DP_AUTH);
        struct person p = {0};
        failures[i].setup(&w, &p);
        struct run run = download(&w, &p, NULL);
        if (!run.err.next[0] && !excused) {
            fail_msg("%s: no next step", failures[i].name);
        }
        fake_world_free(&w);
    }
}

/* ---- the result on failure ---- */

static void test_stops_at_the_result(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    fails_midway(&w, &p);
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_REFUSED);
    assert_int_equal(w.card.segment_count, 6); /* of nine: nothing after the answer */
    assert_int_equal(run.result.segments, 6);
    assert_true(w.lpa.where.has_bpp);
    assert_int_equal(w.lpa.where.bpp_command, RSP_BPP_STORE_METADATA);
    assert_int_equal(w.lpa.where.bpp_reason, RSP_INSTALL_ICCID_ALREADY_EXISTS);
    assert_false(w.lpa.where.retry_makes_sense);
    /* The server hears of the failure too, and the card forgets it then. */
    assert_int_equal(fake_server_count(&w.server, RSP_ES9_HANDLE_NOTIFICATION), 1);
    assert_int_equal(fake_card_count(&w.card, 0xBF30), 1);
    fake_world_free(&w);
}

static void test_temporary_failures_may_be_retried(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    no_memory(&w, &p);
    assert_int_equal(download(&w, &p, NULL).status, CR_RESOURCE);
    assert_true(w.lpa.where.retry_makes_sense);
    fake_world_free(&w);
}

static void test_result_after_a_lost_answer(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    /* The last segment was taken, but its answer got lost: the kept result says success. */
    w.card.bpp_at = 8;
    w.card.bpp_sw = 0x6F00;
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_OK);
    assert_int_equal(run.result.seq_number, 7);
    assert_int_equal(fake_card_count(&w.card, 0xBF41), 0);
    fake_world_free(&w);
}

static void test_undelivered_result_is_kept(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    fake_server_says(&w.server, RSP_ES9_HANDLE_NOTIFICATION, 503, "");
    struct person p = {0};
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_OK); /* the profile is there all the same */
    assert_false(run.result.notified);
    assert_int_equal(run.result.send.failed, 1);
    assert_int_equal(run.result.send.where.http_status, 503);
    assert_int_equal(fake_card_count(&w.card, 0xBF30), 0);
    fake_world_free(&w);
}

/* ---- rules, servers ---- */

static void allow(struct fake_world *w, struct rsp_profile_policy_authorisation_rule *rule,
                  struct rsp_operator_id *operator_id, uint64_t flags)
{
    *operator_id = (struct rsp_operator_id){.mcc_mnc = cr_span_of("\xEE\xEE\xEE", 3),
                                            .gid1 = cr_span_of("", 0),
                                            .gid2 = cr_span_of("", 0)};
    *rule = (struct rsp_profile_policy_authorisation_rule){.ppr_ids = RSP_PPR1 | RSP_PPR2,
                                                           .ppr_flags = flags};
    rule->allowed_operators.items = operator_id;
    rule->allowed_operators.count = 1;
    rule->allowed_operators.present = true;
    w->rat.rat.items = rule;
    w->rat.rat.count = 1;
    w->metadata.has_profile_policy_rules = true;
    w->metadata.profile_policy_rules = RSP_PPR2;
    w->bpp_metadata = w->metadata;
}

static void test_rule_with_consent(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct rsp_profile_policy_authorisation_rule rule;
    struct rsp_operator_id operator_id;
    allow(&w, &rule, &operator_id, RSP_PPR_CONSENT_REQUIRED);
    struct person p = {0};
    assert_int_equal(download(&w, &p, NULL).status, CR_OK);
    assert_int_equal(p.verdict, LPA_PPR_CONSENT);
    fake_world_free(&w);
}

static void test_metadata_only_in_the_package(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    w.no_metadata = true;
    struct person p = {0};
    /* A server of v2 always tells: the JSON binding refuses an answer without. Whichever way it is
     * read, the person is asked with what is known before anything is installed. */
    struct run run = download(&w, &p, NULL);
    if (run.status == CR_OK) {
        assert_int_equal(p.consents, 2);
        assert_true(p.saw_metadata);
    } else {
        assert_int_equal(w.lpa.where.stage, LPA_STAGE_AUTHENTICATE_CLIENT);
        assert_int_equal(w.card.segment_count, 0);
    }
    fake_world_free(&w);
}

static void test_oid_of_the_activation_code(void **state)
{
    (void)state;
    static const struct {
        const char *oid;
        cr_status status;
    } rows[] = {{"2.999.10", CR_OK}, {"2.999.12", CR_REFUSED}, {"no oid", CR_MALFORMED}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct fake_world w;
        fake_world_init(&w, PKI_ROLE_DP_AUTH);
        struct person p = {0};
        struct lpa_download_order order = {.smdp_address = cr_span_str(FAKE_HOST),
                                           .smdp_oid = cr_span_str(rows[i].oid)};
        struct run run = download(&w, &p, &order);
        assert_int_equal(run.status, rows[i].status);
        if (run.status != CR_OK) {
            assert_int_equal(w.lpa.where.stage, LPA_STAGE_CHECK_SERVER);
            assert_int_equal(fake_card_count(&w.card, 0xBF38), 0);
        }
        fake_world_free(&w);
    }
}

static void test_smds_instead_of_smdp(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DS_AUTH);
    struct person p = {0};
    struct run run = download(&w, &p, NULL);
    assert_int_equal(run.status, CR_REFUSED);
    assert_true(run.result.is_smds);
    assert_string_equal(run.err.field, "serverCertificate");
    fake_world_free(&w);
}

static void test_server_is_told_of_the_refusal(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    struct person p = {0};
    card_refuses_server(&w, &p);
    assert_int_equal(download(&w, &p, NULL).status, CR_REFUSED);
    struct rsp_authenticate_client_request *told =
        fake_server_last(&w.server, RSP_ES9_AUTHENTICATE_CLIENT);
    assert_int_equal(told->authenticate_server_response.which, RSP_AUTHENTICATE_RESPONSE_ERROR);
    assert_true(w.lpa.where.has_result);
    assert_string_equal(w.lpa.where.result_name, "ciPKUnknown");
    fake_world_free(&w);
}

static void test_events_of_an_smds(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DS_AUTH);
    fake_world_start(&w);
    w.server.reply_count = 0;
    struct rsp_event_entry entries[] = {
        {.event_id = cr_span_str("E1"), .rsp_server_address = cr_span_str("a.example.com")},
        {.event_id = cr_span_str("E2"), .rsp_server_address = cr_span_str("b.example.com")}};
    struct rsp_authenticate_client_response_ds events = {.which = RSP_AUTHENTICATE_CLIENT_DS_OK};
    events.ok.transaction_id = w.initiated.ok.transaction_id;
    events.ok.event_entries.items = entries;
    events.ok.event_entries.count = 2;
    events.ok.event_entries.present = true;
    fake_server_gives(&w.server, RSP_ES11_INITIATE_AUTHENTICATION, &w.initiated);
    fake_server_gives(&w.server, RSP_ES11_AUTHENTICATE_CLIENT, &events);
    struct lpa_event_list list = {0};
    struct cr_err err = {0};
    assert_int_equal(lpa_discover_events(&w.lpa, cr_span_str(FAKE_HOST), (cr_span){0}, NULL,
                                         &w.arena, &list, &err),
                     CR_OK);
    assert_int_equal(list.count, 2);
    assert_true(cr_span_equal(list.items[0].event_id, cr_span_str("E1")));
    assert_true(cr_span_equal(list.items[1].address, cr_span_str("b.example.com")));
    fake_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_installs),
        cmocka_unit_test(test_sends_what_the_order_says),
        cmocka_unit_test(test_absent_matching_id),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_confirmation_code),
        cmocka_unit_test(test_flag_of_the_activation_code),
        cmocka_unit_test(test_wrong_code_is_asked_again),
        cmocka_unit_test(test_wrong_code_and_no_other),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_next_step_always),
        cmocka_unit_test(test_stops_at_the_result),
        cmocka_unit_test(test_temporary_failures_may_be_retried),
        cmocka_unit_test(test_result_after_a_lost_answer),
        cmocka_unit_test(test_undelivered_result_is_kept),
        cmocka_unit_test(test_rule_with_consent),
        cmocka_unit_test(test_metadata_only_in_the_package),
        cmocka_unit_test(test_oid_of_the_activation_code),
        cmocka_unit_test(test_smds_instead_of_smdp),
        cmocka_unit_test(test_server_is_told_of_the_refusal),
        cmocka_unit_test(test_events_of_an_smds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
