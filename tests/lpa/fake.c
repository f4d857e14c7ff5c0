#include "fake.h"

#include "asn1/der.h"
#include "pki/issue.h"
#include "rsp/json_binding.h"

cr_span fake_hex(cr_arena *arena, const char *hex)
{
    cr_buf bytes = {0};
    assert_int_equal(cr_hex_decode(&bytes, cr_span_str(hex), NULL), CR_OK);
    cr_span out = cr_arena_copy(arena, cr_buf_span(&bytes));
    cr_buf_free(&bytes);
    assert_true(cr_span_present(out));
    return out;
}

cr_span fake_encode(cr_arena *arena, const struct asn1_type *type, const void *value)
{
    cr_span out = {0};
    struct cr_err err = {0};
    if (asn1_encode_arena(type, value, 0, arena, &out, &err) != CR_OK) {
        fail_msg("%s: %s (%s)", type->name, err.cause, err.field);
    }
    return out;
}

/* ---- card ---- */

static void put_sw(cr_buf *out, unsigned sw)
{
    cr_buf_append_be(out, sw, 2);
}

static void answer_pending(struct fake_card *c, cr_buf *out)
{
    size_t n = c->chunk && c->pending.n > c->chunk ? c->chunk : c->pending.n;
    cr_buf_append(out, c->pending.p, n);
    cr_buf rest = {0};
    cr_buf_append(&rest, c->pending.p + n, c->pending.n - n);
    cr_buf_free(&c->pending);
    c->pending = rest;
    if (rest.n > 0) {
        put_sw(out, 0x6100U | (rest.n > 255 ? 0 : (unsigned)rest.n));
    } else if (c->proactive_at < c->proactive_count) {
        put_sw(out, 0x9100U | (unsigned)c->proactive[c->proactive_at].n);
    } else {
        put_sw(out, 0x9000);
    }
}

/* With chunks nothing comes at once: 61xx, as in T=0. */
static void give(struct fake_card *c, cr_span data, cr_buf *out)
{
    cr_buf_reset(&c->pending);
    cr_buf_append_span(&c->pending, data);
    if (c->chunk && data.n > 0) {
        put_sw(out, 0x6100U | (data.n > 255 ? 0 : (unsigned)data.n));
        return;
    }
    answer_pending(c, out);
}

static struct fake_answer *next_answer(struct fake_card *c, uint32_t tag)
{
    struct fake_answer *last = NULL;
    for (size_t i = 0; i < c->answer_count; i++) {
        if (c->answers[i].tag != tag) {
            continue;
        }
        last = &c->answers[i];
        if (!last->used) {
            last->used = true;
            return last;
        }
    }
    return last;
}

static bool bpp_segment(struct fake_card *c, uint32_t tag)
{
    if (tag == 0xBF36) {
        c->in_bpp = true;
        c->segment_count = 0;
    }
    return c->in_bpp && (tag == 0xBF36 || tag == 0xA0 || tag == 0xA1 || tag == 0xA2 ||
                         tag == 0xA3 || tag == 0x86 || tag == 0x87 || tag == 0x88);
}

static cr_status run_command(struct fake_card *c, cr_buf *out, struct cr_err *err)
{
    cr_span command = cr_arena_copy(&c->arena, cr_buf_span(&c->chain));
    cr_buf_reset(&c->chain);
    c->commands[c->command_count++] = command;
    uint32_t tag = der_peek(command);
    if (bpp_segment(c, tag)) {
        size_t at = c->segment_count++;
        c->segments[at] = command;
        if (at == c->bpp_at) {
            if (c->bpp_sw != 0x9000) {
                put_sw(out, c->bpp_sw);
                return CR_OK;
            }
            c->in_bpp = false;
            give(c, c->bpp_answer, out);
            return CR_OK;
        }
        put_sw(out, 0x9000);
        return CR_OK;
    }
    struct fake_answer *answer = next_answer(c, tag);
    if (!answer) {
        put_sw(out, 0x6A88);
        return CR_OK;
    }
    if (answer->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card was removed");
    }
    if (answer->sw != 0x9000) {
        put_sw(out, answer->sw);
        return CR_OK;
    }
    give(c, answer->data, out);
    return CR_OK;
}

static void run_select(struct fake_card *c, cr_span data, bool le, cr_buf *out)
{
    c->selected = cr_span_equal(data, cr_span_of(c->aid, c->aid_size));
    if (!c->selected) {
        put_sw(out, 0x6A82);
    } else if (c->wants_le && !le) {
        put_sw(out, 0x9000);
    } else {
        give(c, c->select_answer, out);
    }
}

static void get_response(struct fake_card *c, uint8_t cla, uint8_t le, cr_buf *out)
{
    if (c->get_response_class >= 0 && (cla & 0x80) != c->get_response_class) {
        put_sw(out, 0x6E00);
    } else if (c->wrong_le_once) {
        c->wrong_le_once = false;
        put_sw(out, 0x6C00U | (c->pending.n > 255 ? 0 : (unsigned)c->pending.n));
    } else {
        (void)le;
        answer_pending(c, out);
    }
}

static cr_status transmit(void *ctx, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    struct fake_card *c = ctx;
    assert_true(apdu.n >= 4);
    c->apdus[c->apdu_count++] = cr_arena_copy(&c->arena, apdu);
    if (c->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card was removed");
    }
    uint8_t ins = apdu.p[1];
    cr_span data = {0};
    bool le = apdu.n == 5;
    if (apdu.n > 5) {
        assert_true(apdu.p[4] > 0);
        data = cr_span_sub(apdu, 5, apdu.p[4]);
        le = apdu.n == 5 + (size_t)apdu.p[4] + 1;
        assert_true(apdu.n == 5 + (size_t)apdu.p[4] || le);
    }
    if (ins == 0xC0) {
        get_response(c, apdu.p[0], apdu.p[4], out);
        return CR_OK;
    }
    if (data.n > 0 && le && c->refuses_le) {
        put_sw(out, 0x6700);
        return CR_OK;
    }
    switch (ins) {
    case 0x70:
        if (c->no_channels) {
            put_sw(out, 0x6881);
        } else if (apdu.p[2] == 0) {
            c->channels_open++;
            cr_buf_append_byte(out, 1);
            put_sw(out, 0x9000);
        } else {
            c->channels_open--;
            put_sw(out, 0x9000);
        }
        return CR_OK;
    case 0xA4:
        run_select(c, data, le, out);
        return CR_OK;
    case 0x12:
        assert_true(c->proactive_at < c->proactive_count);
        cr_buf_append_span(out, c->proactive[c->proactive_at++]);
        put_sw(out, 0x9000);
        return CR_OK;
    case 0x14:
        cr_buf_reset(&c->pending);
        answer_pending(c, out);
        return CR_OK;
    case 0xE2:
        if (!c->selected) {
            put_sw(out, 0x6E00);
            return CR_OK;
        }
        cr_buf_append_span(&c->chain, data);
        if (apdu.p[2] == 0x11) {
            put_sw(out, 0x9000);
            return CR_OK;
        }
        assert_int_equal(apdu.p[2], 0x91);
        return run_command(c, out, err);
    default: /* TERMINAL PROFILE, TERMINAL CAPABILITY */
        put_sw(out, 0x9000);
        return CR_OK;
    }
}

static cr_status reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct fake_card *c = ctx;
    if (c->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "the card was removed");
    }
    c->resets++;
    c->selected = false;
    c->in_bpp = false;
    c->channels_open = 0;
    cr_buf_append_be(atr, 0x3B00, 2);
    return CR_OK;
}

static void close_card(void *ctx)
{
    (void)ctx;
}

void fake_card_init(struct fake_card *c)
{
    static const uint8_t standard[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};
    memset(c, 0, sizeof(*c));
    c->card = (struct card){.ctx = c, .transmit = transmit, .reset = reset, .close = close_card};
    c->get_response_class = -1;
    memcpy(c->aid, standard, sizeof(standard));
    c->aid_size = sizeof(standard);
    c->bpp_at = SIZE_MAX;
    c->bpp_sw = 0x9000;
    c->select_answer = fake_hex(&c->arena, "6F1F8410A0000005591010FFFFFFFF8900000100A5049F6501FFE0"
                                           "058203020200");
}

void fake_card_free(struct fake_card *c)
{
    cr_buf_free(&c->chain);
    cr_buf_free(&c->pending);
    cr_arena_free(&c->arena);
}

void fake_card_gives(struct fake_card *c, uint32_t tag, cr_span data)
{
    assert_true(c->answer_count < FAKE_MAX);
    c->answers[c->answer_count++] =
        (struct fake_answer){.tag = tag, .data = cr_arena_copy(&c->arena, data), .sw = 0x9000};
}

void fake_card_says(struct fake_card *c, uint32_t tag, const char *hex, unsigned sw)
{
    assert_true(c->answer_count < FAKE_MAX);
    c->answers[c->answer_count++] = (struct fake_answer){
        .tag = tag, .data = hex ? fake_hex(&c->arena, hex) : (cr_span){0}, .sw = sw};
}

size_t fake_card_count(const struct fake_card *c, uint32_t tag)
{
    size_t n = 0;
    for (size_t i = 0; i < c->command_count; i++) {
        n += der_peek(c->commands[i]) == tag;
    }
    return n;
}

cr_span fake_card_last(const struct fake_card *c, uint32_t tag)
{
    for (size_t i = c->command_count; i-- > 0;) {
        if (der_peek(c->commands[i]) == tag) {
            return c->commands[i];
        }
    }
    return (cr_span){0};
}

bool fake_card_got(const struct fake_card *c, const char *hex)
{
    cr_arena arena = {0};
    cr_span wanted = fake_hex(&arena, hex);
    bool found = false;
    for (size_t i = 0; i < c->apdu_count; i++) {
        found |= cr_span_equal(c->apdus[i], wanted);
    }
    cr_arena_free(&arena);
    return found;
}

/* ---- server ---- */

static cr_status post(void *ctx, const char *host, const char *path, cr_span body, int *status,
                      cr_buf *response, struct cr_err *err)
{
    struct fake_server *s = ctx;
    const struct rsp_function *function = rsp_function_by_path(RSP_ES9PLUS, cr_span_str(path));
    assert_non_null(function);
    assert_true(s->call_count < FAKE_MAX);
    struct fake_call *call = &s->calls[s->call_count++];
    *call = (struct fake_call){.function = function, .body = cr_arena_copy(&s->arena, body)};
    assert_true(cr_str_copy(call->server, sizeof(call->server), cr_span_str(host)));
    if (s->refused_host && strcmp(s->refused_host, host) == 0) {
        *status = 500;
        return CR_OK;
    }
    struct fake_reply *reply = NULL;
    for (size_t i = 0; i < s->reply_count; i++) {
        if (strcmp(rsp_function(s->replies[i].function)->path, path) == 0) {
            reply = &s->replies[i];
            if (!reply->used) {
                break;
            }
        }
    }
    if (!reply) {
        *status = function->notification ? 204 : 404;
        return CR_OK;
    }
    reply->used = true;
    if (reply->gone) {
        return cr_fail(err, CR_RESOURCE, NULL, "connection lost");
    }
    *status = reply->status;
    cr_buf_append_span(response, reply->body);
    return CR_OK;
}

void fake_server_init(struct fake_server *s)
{
    memset(s, 0, sizeof(*s));
    s->transport = (struct lpa_transport){.ctx = s, .post = post};
}

void fake_server_free(struct fake_server *s)
{
    cr_arena_free(&s->arena);
}

static void add_reply(struct fake_server *s, enum rsp_function_id function, int status,
                      cr_buf *body)
{
    assert_true(s->reply_count < FAKE_MAX && cr_buf_ok(body));
    s->replies[s->reply_count++] =
        (struct fake_reply){.function = function,
                            .status = status,
                            .body = cr_arena_copy(&s->arena, cr_buf_span(body))};
    cr_buf_free(body);
}

void fake_server_gives(struct fake_server *s, enum rsp_function_id function, const void *response)
{
    cr_buf body = {0};
    struct cr_err err = {0};
    if (response && rsp_json_build_response(rsp_function(function), response, NULL, RSP_JSON_V2,
                                            &body, &err) != CR_OK) {
        fail_msg("%s: %s", rsp_function(function)->name, err.cause);
    }
    add_reply(s, function, response ? 200 : 204, &body);
}

void fake_server_refuses(struct fake_server *s, enum rsp_function_id function, const char *subject,
                         const char *reason)
{
    struct cr_err why;
    struct rsp_function_status status;
    cr_buf body = {0};
    (void)cr_refuse(&why, subject, reason, NULL, "no");
    rsp_status_from_err(&why, &status);
    assert_int_equal(rsp_json_build_response(rsp_function(function), NULL, &status, 0, &body, NULL),
                     CR_OK);
    add_reply(s, function, 200, &body);
}

void fake_server_says(struct fake_server *s, enum rsp_function_id function, int status,
                      const char *text)
{
    cr_buf body = {0};
    cr_buf_append_str(&body, text);
    add_reply(s, function, status, &body);
}

void fake_server_gone(struct fake_server *s, enum rsp_function_id function)
{
    s->replies[s->reply_count++] = (struct fake_reply){.function = function, .gone = true};
}

size_t fake_server_count(const struct fake_server *s, enum rsp_function_id function)
{
    size_t n = 0;
    for (size_t i = 0; i < s->call_count; i++) {
        n += strcmp(s->calls[i].function->path, rsp_function(function)->path) == 0;
    }
    return n;
}

void *fake_server_last(struct fake_server *s, enum rsp_function_id function)
{
    for (size_t i = s->call_count; i-- > 0;) {
        if (strcmp(s->calls[i].function->path, rsp_function(function)->path) == 0) {
            void *request = NULL;
            assert_int_equal(rsp_json_parse_request(rsp_function(function), s->calls[i].body,
                                                    &s->arena, &request, NULL),
                             CR_OK);
            return request;
        }
    }
    fail_msg("%s was not called", rsp_function(function)->name);
    return NULL;
}

/* ---- world ---- */

static const uint8_t tid[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                              0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10};
static const uint8_t zeros[RSP_OTPK];
static const uint8_t version[] = {2, 5, 0};
static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
static const uint8_t mcc_mnc[] = {0x00, 0xF1, 0x10};
static cr_span ski = {(const uint8_t *)"12345678901234567890", 20};

/* A certificate of the role over a key of the moment; what the LPA reads of it is real. */
static cr_span make_certificate(cr_arena *arena, enum pki_role role)
{
    struct crypto_private *private = NULL;
    struct pki_key *key = NULL;
    uint8_t point[CRYPTO_POINT];
    cr_buf ci_der = {0};
    cr_buf der = {0};
    struct pki_cert ci;
    struct pki_request request = {.role = PKI_ROLE_CI,
                                  .common_name = "CI",
                                  .organization = "Test",
                                  .registered_id = "2.999.1",
                                  .not_before_ms = 0,
                                  .not_after_ms = 4000000000000};
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &private, NULL), CR_OK);
    crypto_private_point(private, point);
    assert_int_equal(pki_key_of_private(private, &key, NULL), CR_OK);
    struct cr_err err = {0};
    if (pki_issue(&request, CRYPTO_P256, CR_SPAN_ARRAY(point), NULL, key, cr_env_system(), &ci_der,
                  &err) != CR_OK) {
        fail_msg("%s (%s)", err.cause, err.field);
    }
    assert_int_equal(pki_cert_decode(cr_buf_span(&ci_der), &ci, NULL), CR_OK);
    request.role = role;
    request.common_name = "server";
    request.registered_id = "2.999.10";
    request.crl_url = "http://ci.test.example.com/CRL-A.crl";
    if (pki_issue(&request, CRYPTO_P256, CR_SPAN_ARRAY(point), &ci, key, cr_env_system(), &der,
                  &err) != CR_OK) {
        fail_msg("%s (%s)", err.cause, err.field);
    }
    cr_span out = cr_arena_copy(arena, cr_buf_span(&der));
    cr_buf_free(&ci_der);
    cr_buf_free(&der);
    pki_key_free(key);
    return out;
}

static void put_protected(cr_buf *out, uint32_t tag, cr_span content)
{
    der_put_header(out, tag, content.n + 8);
    cr_buf_append_span(out, content);
    cr_buf_append(out, zeros, 8);
}

cr_span fake_bpp(cr_arena *arena, cr_span metadata)
{
    struct rsp_initialise_secure_channel channel = {
        .remote_op_id = RSP_REMOTE_OP_INSTALL_BPP,
        .transaction_id = CR_SPAN_ARRAY(tid),
        .control_ref_template = {.key_type = cr_span_of("\x88", 1),
                                 .key_len = cr_span_of("\x10", 1),
                                 .host_id = cr_span_of("host", 4)},
        .smdp_otpk = cr_span_of(zeros, RSP_OTPK),
        .smdp_sign = cr_span_of(zeros, RSP_SIGNATURE)};
    cr_buf out = {0};
    size_t bpp = der_open(&out, 0xBF36);
    cr_buf_append_span(&out, fake_encode(arena, &rsp_initialise_secure_channel_type, &channel));
    size_t part = der_open(&out, 0xA0);
    put_protected(&out, 0x87, cr_span_of(zeros, 16));
    der_close(&out, part);
    part = der_open(&out, 0xA1);
    put_protected(&out, 0x88, cr_span_sub(metadata, 0, metadata.n / 2));
    put_protected(&out, 0x88, cr_span_sub(metadata, metadata.n / 2, metadata.n));
    der_close(&out, part);
    part = der_open(&out, 0xA3);
    for (int i = 0; i < 3; i++) {
        uint8_t block[400];
        memset(block, i, sizeof(block));
        put_protected(&out, 0x86, CR_SPAN_ARRAY(block));
    }
    der_close(&out, part);
    der_close(&out, bpp);
    assert_true(cr_buf_ok(&out));
    cr_span kept = cr_arena_copy(arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return kept;
}

static struct rsp_euicc_info2 info2(void)
{
    struct rsp_euicc_info2 info = {.base_profile_package_version = CR_SPAN_ARRAY(version),
                                   .lowest_svn = CR_SPAN_ARRAY(version),
                                   .euicc_firmware_version = CR_SPAN_ARRAY(version),
                                   .ext_card_resource =
                                       cr_span_of("\x81\x01\x00\x82\x02\x10\x00\x83\x01\x10", 10),
                                   .euicc_rsp_capability = RSP_EUICC_ADDITIONAL_PROFILE,
                                   .pp_version = CR_SPAN_ARRAY(version),
                                   .sas_accreditation_number = cr_span_of("x", 1)};
    info.euicc_ci_pkid_list_for_verification.items = &ski;
    info.euicc_ci_pkid_list_for_verification.count = 1;
    info.euicc_ci_pkid_list_for_verification.present = true;
    info.euicc_ci_pkid_list_for_signing = info.euicc_ci_pkid_list_for_verification;
    return info;
}

static void init_result(struct fake_world *w)
{
    w->result = (struct rsp_profile_installation_result){
        .data = {.transaction_id = CR_SPAN_ARRAY(tid),
                 .notification_metadata = {.seq_number = 7,
                                           .profile_management_operation = RSP_EVENT_INSTALL,
                                           .notification_address = cr_span_str(FAKE_HOST),
                                           .iccid = CR_SPAN_ARRAY(iccid)},
                 .smdp_oid = cr_span_of("\x88\x37\x0A", 3),
                 .final_result = {.which = RSP_INSTALL_SUCCESS}},
        .euicc_sign_pir = cr_span_of(zeros, RSP_SIGNATURE)};
    w->result.data.final_result.success_result.aid = cr_span_of(w->card.aid, 16);
    w->result.data.final_result.success_result.sima_response =
        fake_hex(&w->arena, "3007A0053003800100");
}

void fake_world_init(struct fake_world *w, enum pki_role role)
{
    memset(w, 0, sizeof(*w));
    fake_card_init(&w->card);
    fake_server_init(&w->server);
    w->lpa.env = cr_env_system();
    cr_span certificate = make_certificate(&w->arena, role);
    w->initiated = (struct rsp_initiate_authentication_response){
        .which = RSP_INITIATE_AUTHENTICATION_OK,
        .ok = {.transaction_id = CR_SPAN_ARRAY(tid),
               .server_signed1 = {.transaction_id = CR_SPAN_ARRAY(tid),
                                  .euicc_challenge = cr_span_of(zeros, 16),
                                  .server_address = cr_span_str(FAKE_HOST),
                                  .server_challenge = cr_span_of(zeros, 16)},
               .server_signature1 = cr_span_of(zeros, RSP_SIGNATURE),
               .euicc_ci_pkid_to_be_used = ski,
               .server_certificate = certificate}};
    w->authenticated.which = RSP_AUTHENTICATE_RESPONSE_OK;
    struct rsp_authenticate_response_ok *ok = &w->authenticated.ok;
    ok->euicc_signed1 =
        (struct rsp_euicc_signed1){.transaction_id = CR_SPAN_ARRAY(tid),
                                   .server_address = cr_span_str(FAKE_HOST),
                                   .server_challenge = cr_span_of(zeros, 16),
                                   .euicc_info2 = info2(),
                                   .ctx_params1 = {.which = RSP_CTX_COMMON_AUTHENTICATION}};
    ok->euicc_signed1.ctx_params1.common_authentication.operation_type =
        RSP_OPERATION_PROFILE_DOWNLOAD;
    ok->euicc_signed1.ctx_params1.common_authentication.device_info.tac = cr_span_of(zeros, 4);
    ok->euicc_signature1 = cr_span_of(zeros, RSP_SIGNATURE);
    ok->euicc_certificate = certificate;
    ok->next_cert_in_chain = certificate;
    w->metadata = (struct rsp_store_metadata){.iccid = CR_SPAN_ARRAY(iccid),
                                              .service_provider_name = cr_span_str("Provider"),
                                              .profile_name = cr_span_str("Profile"),
                                              .profile_class = RSP_CLASS_OPERATIONAL,
                                              .has_profile_owner = true,
                                              .profile_owner = {.mcc_mnc = CR_SPAN_ARRAY(mcc_mnc)}};
    w->bpp_metadata = w->metadata;
    w->offered.which = RSP_AUTHENTICATE_CLIENT_OK;
    w->offered.ok =
        (struct rsp_authenticate_client_ok){.transaction_id = CR_SPAN_ARRAY(tid),
                                            .smdp_signed2 = {.transaction_id = CR_SPAN_ARRAY(tid)},
                                            .smdp_signature2 = cr_span_of(zeros, RSP_SIGNATURE),
                                            .smdp_certificate = certificate};
    w->prepared.which = RSP_PREPARE_DOWNLOAD_OK;
    w->prepared.ok = (struct rsp_prepare_download_ok){
        .euicc_signed2 = {.transaction_id = CR_SPAN_ARRAY(tid),
                          .euicc_otpk = cr_span_of(zeros, RSP_OTPK)},
        .euicc_signature2 = cr_span_of(zeros, RSP_SIGNATURE)};
    w->bound.which = RSP_GET_BOUND_PROFILE_PACKAGE_OK;
    w->bound.ok.transaction_id = CR_SPAN_ARRAY(tid);
    w->rat.rat.present = true;
    init_result(w);
}

static void script_card(struct fake_world *w)
{
    struct rsp_euicc_info1 info1 = {.lowest_svn = CR_SPAN_ARRAY(version)};
    info1.euicc_ci_pkid_list_for_verification = info2().euicc_ci_pkid_list_for_verification;
    info1.euicc_ci_pkid_list_for_signing = info1.euicc_ci_pkid_list_for_verification;
    cr_arena *a = &w->arena;
    fake_card_gives(&w->card, 0xBF20, fake_encode(a, &rsp_euicc_info1_type, &info1));
    fake_card_says(&w->card, 0xBF2E, "BF2E12801000112233445566778899AABBCCDDEEFF", 0x9000);
    fake_card_gives(&w->card, 0xBF38,
                    fake_encode(a, &rsp_authenticate_server_response_type, &w->authenticated));
    fake_card_gives(&w->card, 0xBF21,
                    fake_encode(a, &rsp_prepare_download_response_type, &w->prepared));
    if (w->rat_error) {
        fake_card_says(&w->card, 0xBF43, w->rat_error, 0x9000);
    } else {
        fake_card_gives(&w->card, 0xBF43, fake_encode(a, &rsp_get_rat_response_type, &w->rat));
    }
    struct rsp_cancel_session_response cancelled = {.which = RSP_CANCEL_SESSION_OK};
    cancelled.ok.euicc_cancel_session_signed = (struct rsp_euicc_cancel_session_signed){
        .transaction_id = CR_SPAN_ARRAY(tid), .smdp_oid = cr_span_of("\x88\x37\x0A", 3)};
    cancelled.ok.euicc_cancel_session_signature = cr_span_of(zeros, RSP_SIGNATURE);
    fake_card_gives(&w->card, 0xBF41,
                    fake_encode(a, &rsp_cancel_session_response_type, &cancelled));
    cr_span pir = fake_encode(a, &rsp_profile_installation_result_type, &w->result);
    if (!cr_span_present(w->card.bpp_answer)) {
        w->card.bpp_answer = cr_arena_copy(&w->card.arena, pir);
    }
    if (w->card.bpp_at == SIZE_MAX) {
        w->card.bpp_at = 8; /* the last: BF23, A0, A1 and two 88, A3 and three 86 */
    }
    fake_card_says(&w->card, 0xBF2D, "BF2D02A000", 0x9000);
    fake_card_says(&w->card, 0xBF30, "BF3003800100", 0x9000);
    /* Nothing before, the result after. */
    cr_span metadata =
        fake_encode(a, &rsp_notification_metadata_type, &w->result.data.notification_metadata);
    cr_buf list = {0};
    size_t outer = der_open(&list, 0xBF28);
    der_put(&list, 0xA0, metadata);
    der_close(&list, outer);
    fake_card_says(&w->card, 0xBF28, "BF2802A000", 0x9000);
    fake_card_gives(&w->card, 0xBF28, cr_buf_span(&list));
    cr_buf_reset(&list);
    outer = der_open(&list, 0xBF2B);
    der_put(&list, 0xA0, pir);
    der_close(&list, outer);
    fake_card_gives(&w->card, 0xBF2B, cr_buf_span(&list));
    cr_buf_free(&list);
}

void fake_world_start(struct fake_world *w)
{
    script_card(w);
    cr_span bf25 = fake_encode(&w->arena, &rsp_store_metadata_type, &w->bpp_metadata);
    if (!cr_span_present(w->bound.ok.bound_profile_package)) {
        w->bound.ok.bound_profile_package = fake_bpp(&w->arena, bf25);
    }
    if (!w->no_metadata) {
        w->offered.ok.has_profile_metadata = true;
        w->offered.ok.profile_metadata = w->metadata;
    }
    fake_server_gives(&w->server, RSP_ES9_INITIATE_AUTHENTICATION, &w->initiated);
    fake_server_gives(&w->server, RSP_ES9_AUTHENTICATE_CLIENT, &w->offered);
    fake_server_gives(&w->server, RSP_ES9_GET_BOUND_PROFILE_PACKAGE, &w->bound);
    struct rsp_cancel_session_response_es9 cancelled = {.which = RSP_CANCEL_SESSION_ES9_OK};
    fake_server_gives(&w->server, RSP_ES9_CANCEL_SESSION, &cancelled);
    struct cr_err err = {0};
    if (es10_open(&w->card.card, &w->options, &w->lpa.where, &w->lpa.card, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_int_equal(es9_new(&w->server.transport, &w->lpa.where, &w->lpa.server, &err), CR_OK);
    w->started = true;
}

void fake_world_free(struct fake_world *w)
{
    es10_free(w->lpa.card);
    es9_free(w->lpa.server);
    fake_card_free(&w->card);
    fake_server_free(&w->server);
    cr_arena_free(&w->arena);
}
