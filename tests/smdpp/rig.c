#include "rig.h"

#include "base/file.h"
#include "base/text.h"
#include "profile/package.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char rig_pki[256];

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    char child[1024];
    if (!dir) {
        (void)unlink(path);
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            (void)snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
            remove_tree(child);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void rig_dir_make(char dir[64])
{
    (void)snprintf(dir, 64, "/tmp/crisp-smdpp-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

void rig_dir_remove(const char *dir)
{
    remove_tree(dir);
}

int rig_group_setup(void **state)
{
    (void)state;
    static const char *const names[] = {"127.0.0.1", "localhost", NULL};
    struct pki_hierarchy_options options = {.extra_names = names};
    struct cr_err err;
    rig_dir_make(rig_pki);
    if (pki_hierarchy_init(rig_pki, &options, cr_env_system(), &err) != CR_OK) {
        print_error("%s\n", err.cause);
        return 1;
    }
    return 0;
}

int rig_group_teardown(void **state)
{
    (void)state;
    rig_dir_remove(rig_pki);
    return 0;
}

static int64_t rig_now(void *ctx)
{
    return __atomic_load_n(&((struct rig *)ctx)->now_ms, __ATOMIC_SEQ_CST);
}

static cr_status rig_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return cr_env_system()->random(NULL, p, n, err);
}

static void rig_woken(void *ctx)
{
    __atomic_add_fetch(&((struct rig *)ctx)->wakes, 1, __ATOMIC_SEQ_CST);
}

void rig_reopen(struct rig *rig, const char *dir, const struct smdpp_policy *policy)
{
    struct smdpp_options options = {.dir = dir,
                                    .config = &rig->config,
                                    .env = &rig->env,
                                    .outbox_filled = rig_woken,
                                    .outbox_ctx = rig};
    if (policy) {
        options.policy = *policy;
    }
    smdpp_close(rig->dp);
    rig->dp = NULL;
    assert_ok(rig, smdpp_open(&options, &rig->dp, &rig->err));
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->now_ms = cr_now_ms(cr_env_system());
    rig->env = (cr_env){.ctx = rig, .now_ms = rig_now, .random = rig_random};
    assert_ok(rig, smdpp_config_from_pki(rig_pki, &rig->env, &rig->config, &rig->err));
    assert_ok(rig, smdpp_operator_set(&rig->config, RIG_OPERATOR, "https://127.0.0.1:1", NULL,
                                      &rig->err));
    rig_reopen(rig, NULL, NULL);
    fake_chip_make(&rig->nist, rig_pki, CRYPTO_P256, RIG_EID, rig->config.address);
    fake_chip_make(&rig->nist2, rig_pki, CRYPTO_P256, RIG_EID_2, rig->config.address);
    fake_chip_make(&rig->brainpool, rig_pki, CRYPTO_BRAINPOOL, RIG_EID, rig->config.address);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    smdpp_close(rig->dp);
    smdpp_config_free(&rig->config);
    fake_chip_free(&rig->nist);
    fake_chip_free(&rig->nist2);
    fake_chip_free(&rig->brainpool);
    cr_arena_free(&rig->arena);
    free(rig);
    return 0;
}

/* ---- profiles ---- */

const char *rig_iccid(int n)
{
    static char ring[64][RSP_ICCID_TEXT];
    static unsigned at;
    char *text = ring[at++ % 64];
    (void)snprintf(text, RSP_ICCID_TEXT, "8900012345%010d", n);
    return text;
}

cr_span rig_upp(struct rig *rig, const char *iccid, int64_t version, size_t size)
{
    static const uint8_t issuer[] = {0x88, 0x37, 0x0A};
    uint8_t digits[RSP_ICCID_BYTES];
    uint8_t *filling = cr_arena_alloc(&rig->arena, size ? size : 1);
    struct profile_element header = {.kind = PROFILE_HEADER};
    struct profile_element body = {.kind = PROFILE_NON_STANDARD,
                                   .header = {.identification = 2},
                                   .non_standard = {.issuer_id = CR_SPAN_ARRAY(issuer)}};
    struct profile_element end = {.kind = PROFILE_END, .header = {.identification = 3}};
    cr_buf out = {0};
    assert_non_null(filling);
    assert_true(cr_hex_fixed(digits, sizeof(digits), cr_span_str(iccid)));
    header.profile_header.major_version = version;
    header.profile_header.minor_version = 3;
    header.profile_header.iccid = CR_SPAN_ARRAY(digits);
    header.profile_header.gfste_list.present = true;
    for (size_t i = 0; i < size; i++) {
        filling[i] = (uint8_t)(i * 7);
    }
    body.non_standard.content = cr_span_of(filling, size);
    assert_ok(rig, profile_element_encode(&header, &out, &rig->err));
    assert_ok(rig, profile_element_encode(&body, &out, &rig->err));
    assert_ok(rig, profile_element_encode(&end, &out, &rig->err));
    cr_span upp = cr_arena_copy(&rig->arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return upp;
}

cr_span rig_metadata(struct rig *rig, const char *iccid, const struct rig_metadata *m)
{
    uint8_t bytes[RSP_ICCID];
    cr_span tlv;
    assert_ok(rig, rsp_iccid_parse(cr_span_str(iccid), bytes, &rig->err));
    struct rsp_store_metadata metadata = {
        .iccid = CR_SPAN_ARRAY(bytes),
        .service_provider_name = cr_span_str("crisp"),
        .profile_name = cr_span_str(m->name ? m->name : "test"),
        .profile_class = m->profile_class,
        .has_profile_policy_rules = m->policy_rules != 0,
        .profile_policy_rules = m->policy_rules,
    };
    assert_ok(rig, asn1_encode_arena(&rsp_store_metadata_type, &metadata, 0, &rig->arena, &tlv,
                                     &rig->err));
    return tlv;
}

void rig_import_as(struct rig *rig, int n, const char *type, const char *owner,
                   const struct rig_metadata *m, int64_t version, size_t size)
{
    struct smdpp_import import = {.upp = rig_upp(rig, rig_iccid(n), version, size),
                                  .metadata = rig_metadata(rig, rig_iccid(n), m),
                                  .type = type,
                                  .owner = owner};
    assert_ok(rig, smdpp_import(rig->dp, &import, 1, &rig->err));
}

void rig_import(struct rig *rig, int n)
{
    struct rig_metadata m = {.profile_class = RSP_CLASS_OPERATIONAL};
    rig_import_as(rig, n, "type", "", &m, 2, 3000);
}

void rig_release(struct rig *rig, int n, const char *matching_id, const char *eid, const char *code)
{
    rig_import(rig, n);
    assert_ok(rig, rig_download_order(rig, RIG_OPERATOR, NULL, eid, rig_iccid(n), NULL, NULL));
    assert_ok(rig, rig_confirm_order(rig, RIG_OPERATOR, NULL, rig_iccid(n), NULL, matching_id, code,
                                     NULL, true, NULL));
}

/* ---- ES2+ ---- */

static cr_status es2_call(struct rig *rig, const char *requester, enum rsp_function_id function,
                          const void *request, void *response)
{
    struct smdpp_call call = {.arena = &rig->arena, .requester = requester};
    return smdpp_handler_of(function)(rig->dp, &call, request, response, &rig->err);
}

static struct rsp_request_header header_of(const char *call_id)
{
    return (struct rsp_request_header){.function_requester_identifier = cr_span_str("1.2.3"),
                                       .function_call_identifier = cr_span_str(call_id)};
}

cr_status rig_download_order(struct rig *rig, const char *requester, const char *call_id,
                             const char *eid, const char *iccid, const char *type, const char **got)
{
    struct rsp_download_order_request r = {.header = header_of(call_id),
                                           .eid = cr_span_str(eid),
                                           .iccid = cr_span_str(iccid),
                                           .profile_type = cr_span_str(type)};
    struct rsp_download_order_response answer = {0};
    cr_status status = es2_call(rig, requester, RSP_ES2_DOWNLOAD_ORDER, &r, &answer);
    if (status == CR_OK) {
        assert_true(answer.iccid.n >= 18);
        if (got) {
            *got = cr_arena_strn(&rig->arena, answer.iccid);
        }
    }
    return status;
}

cr_status rig_confirm_order(struct rig *rig, const char *requester, const char *call_id,
                            const char *iccid, const char *eid, const char *matching_id,
                            const char *code, const char *smds, bool release, const char **matching)
{
    struct rsp_confirm_order_request r = {.header = header_of(call_id),
                                          .iccid = cr_span_str(iccid),
                                          .eid = cr_span_str(eid),
                                          .matching_id = cr_span_str(matching_id),
                                          .confirmation_code = cr_span_str(code),
                                          .smds_address = cr_span_str(smds),
                                          .release_flag = release};
    struct rsp_confirm_order_response answer = {0};
    cr_status status = es2_call(rig, requester, RSP_ES2_CONFIRM_ORDER, &r, &answer);
    if (status == CR_OK) {
        assert_true(answer.matching_id.p != NULL);
        assert_true(cr_span_equal(answer.smdp_address, cr_span_str(rig->config.address)));
        if (matching) {
            *matching = cr_arena_strn(&rig->arena, answer.matching_id);
        }
    }
    return status;
}

cr_status rig_cancel_order(struct rig *rig, const char *requester, const char *call_id,
                           const char *iccid, const char *eid, const char *matching_id,
                           const char *indicator)
{
    struct rsp_cancel_order_request r = {.header = header_of(call_id),
                                         .iccid = cr_span_str(iccid),
                                         .eid = cr_span_str(eid),
                                         .matching_id = cr_span_str(matching_id),
                                         .final_profile_status_indicator = cr_span_str(indicator)};
    struct rsp_header_only answer;
    return es2_call(rig, requester, RSP_ES2_CANCEL_ORDER, &r, &answer);
}

cr_status rig_release_profile(struct rig *rig, const char *requester, const char *call_id,
                              const char *iccid)
{
    struct rsp_release_profile_request r = {.header = header_of(call_id),
                                            .iccid = cr_span_str(iccid)};
    struct rsp_header_only answer;
    return es2_call(rig, requester, RSP_ES2_RELEASE_PROFILE, &r, &answer);
}

/* ---- ES9+ ---- */

cr_status rig_call(struct rig *rig, enum rsp_function_id function, const void *request,
                   void *response)
{
    struct smdpp_deferred deferred = {0};
    struct smdpp_call call = {.arena = &rig->arena, .deferred = &deferred};
    smdpp_handler handler = smdpp_handler_of(function);
    if (!getenv("CRISP_TEST_DEFERRED")) {
        call.deferred = NULL;
        return handler(rig->dp, &call, request, response, &rig->err);
    }
    /* As the service does it: the answer first, and again when it did not come true. */
    cr_status status = handler(rig->dp, &call, request, response, &rig->err);
    struct cr_err local;
    if (!deferred.work) {
        return status;
    }
    cr_status written =
        deferred.soft ? store_run_soft(smdpp_store(rig->dp), deferred.work, deferred.ctx, &local)
                      : store_run(smdpp_store(rig->dp), deferred.work, deferred.ctx, &local);
    if (written == CR_OK) {
        if (deferred.written) {
            deferred.written(deferred.ctx);
        }
        return status;
    }
    call.deferred = NULL;
    return handler(rig->dp, &call, request, response, &rig->err);
}

cr_status rig_initiate(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs)
{
    struct rsp_initiate_authentication_response answer = {0};
    cr_status status = rig_call(rig, RSP_ES9_INITIATE_AUTHENTICATION,
                                fake_initiate(chip, knobs, &rig->arena), &answer);
    if (status == CR_OK) {
        fake_take_initiate(chip, rig->config.trust, &answer);
    }
    return status;
}

cr_status rig_authenticate(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs)
{
    struct rsp_authenticate_client_response answer = {0};
    cr_status status = rig_call(rig, RSP_ES9_AUTHENTICATE_CLIENT,
                                fake_authenticate(chip, knobs, &rig->arena), &answer);
    if (status == CR_OK) {
        fake_take_authenticate(chip, rig->config.trust, &answer);
    }
    return status;
}

cr_status rig_get_bpp(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs,
                      cr_span *bpp)
{
    struct rsp_get_bound_profile_package_response answer = {0};
    cr_status status = rig_call(rig, RSP_ES9_GET_BOUND_PROFILE_PACKAGE,
                                fake_prepare(chip, knobs, &rig->arena), &answer);
    if (status == CR_OK) {
        assert_int_equal(answer.which, RSP_GET_BOUND_PROFILE_PACKAGE_OK);
        if (bpp) {
            *bpp = answer.ok.bound_profile_package;
        }
    }
    return status;
}

cr_status rig_cancel(struct rig *rig, struct fake_chip *chip, const struct fake_knobs *knobs,
                     int64_t reason)
{
    struct rsp_cancel_session_response_es9 answer = {0};
    cr_status status =
        rig_call(rig, RSP_ES9_CANCEL_SESSION,
                 fake_cancel(chip, knobs, reason, rig->config.oid, &rig->arena), &answer);
    if (status == CR_OK) {
        assert_int_equal(answer.which, RSP_CANCEL_SESSION_ES9_OK);
    }
    return status;
}

cr_status rig_notify(struct rig *rig, const struct rsp_handle_notification_request *request)
{
    return rig_call(rig, RSP_ES9_HANDLE_NOTIFICATION, request, NULL);
}

cr_status rig_result(struct rig *rig, struct fake_chip *chip, int n, int64_t reason)
{
    struct fake_knobs none = {0};
    return rig_notify(rig,
                      fake_result(chip, &none, rig_iccid(n), reason, rig->config.oid, &rig->arena));
}

void rig_to_authenticated(struct rig *rig, struct fake_chip *chip, const char *matching_id)
{
    struct fake_knobs knobs = {.matching_id = matching_id};
    fake_new_session(chip);
    assert_ok(rig, rig_initiate(rig, chip, &knobs));
    assert_ok(rig, rig_authenticate(rig, chip, &knobs));
}

void rig_to_downloaded(struct rig *rig, struct fake_chip *chip, const char *matching_id)
{
    struct fake_knobs knobs = {0};
    rig_to_authenticated(rig, chip, matching_id);
    assert_ok(rig, rig_get_bpp(rig, chip, &knobs, NULL));
}

void rig_to_installed(struct rig *rig, struct fake_chip *chip, int n, const char *matching_id)
{
    rig_to_downloaded(rig, chip, matching_id);
    assert_ok(rig, rig_result(rig, chip, n, 0));
    rig_assert_state(rig, n, SMDPP_INSTALLED);
}

/* ---- looking ---- */

struct look {
    struct rig *rig;
    const char *iccid;
    struct smdpp_profile profile;
    bool found;
};

static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    return smdpp_profile_by_iccid(tx, look->iccid, &look->rig->arena, &look->profile, &look->found,
                                  err);
}

struct smdpp_profile rig_profile(struct rig *rig, int n)
{
    struct look look = {.rig = rig, .iccid = rig_iccid(n)};
    struct cr_err err; /* rig->err is what a test looks at */
    assert_int_equal(store_read(smdpp_store(rig->dp), look_work, &look, &err), CR_OK);
    assert_true(look.found);
    return look.profile;
}

void rig_assert_state(struct rig *rig, int n, enum smdpp_state state)
{
    assert_string_equal(smdpp_state_name(rig_profile(rig, n).state), smdpp_state_name(state));
}

struct number {
    const char *sql;
    int64_t value;
};

static cr_status number_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    ((struct number *)ctx)->value = store_int(row, 0);
    return CR_OK;
}

static cr_status number_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct number *number = ctx;
    return store_exec(tx, number->sql, NULL, number_row, number, NULL, err);
}

int64_t rig_number(struct rig *rig, const char *sql)
{
    struct number number = {.sql = sql};
    struct cr_err err;
    assert_int_equal(store_read(smdpp_store(rig->dp), number_work, &number, &err), CR_OK);
    return number.value;
}

struct outbox_look {
    struct rig *rig;
    int i;
    const char *body;
};

static cr_status outbox_row(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct outbox_look *look = ctx;
    (void)err;
    look->body = cr_arena_strn(&look->rig->arena, store_bytes(row, 0));
    return CR_OK;
}

static cr_status outbox_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct outbox_look *look = ctx;
    return store_exec(tx, "SELECT body FROM outbox ORDER BY id LIMIT 1 OFFSET ?",
                      STORE_VALUES(STORE_I(look->i)), outbox_row, look, NULL, err);
}

const char *rig_outbox(struct rig *rig, int i)
{
    struct outbox_look look = {.rig = rig, .i = i};
    struct cr_err err;
    assert_int_equal(store_read(smdpp_store(rig->dp), outbox_work, &look, &err), CR_OK);
    return look.body;
}
