#include "rig.h"

#include "base/file.h"
#include "base/text.h"
#include "pki/hierarchy.h"
#include "profile/package.h"
#include "soap/eum_signature.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char pki[64];

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
            (void)snprintf(child, sizeof child, "%s/%s", path, e->d_name);
            remove_tree(child);
        }
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

int rig_group_setup(void **state)
{
    (void)state;
    struct pki_hierarchy_options options = {0};
    (void)snprintf(pki, sizeof pki, "/tmp/crisp-smdp-XXXXXX");
    assert_non_null(mkdtemp(pki));
    assert_int_equal(pki_hierarchy_init(pki, &options, cr_env_system(), NULL), CR_OK);
    return 0;
}

int rig_group_teardown(void **state)
{
    (void)state;
    remove_tree(pki);
    return 0;
}

static int64_t rig_now(void *ctx)
{
    return ((struct rig *)ctx)->now_ms;
}

static cr_status rig_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return cr_env_system()->random(NULL, p, n, err);
}

/* ---- the fake SM-SR ---- */

static cr_status faulty(struct rig *r, struct m2m_call *call, const struct soap_body *request,
                        struct cr_err *err)
{
    unsigned id = call->function->id;
    r->asked[id]++;
    r->last = *request;
    r->last.iccid = cr_arena_copy(&r->arena, request->iccid);
    r->last.mno_id = cr_arena_copy(&r->arena, request->mno_id);
    r->last.connectivity_parameters = cr_arena_copy(&r->arena, request->connectivity_parameters);
    if (r->faults[id].silent) {
        call->later = true;
        r->silent = call->id;
        return CR_OK;
    }
    if (r->faults[id].subject) {
        const char *subject = r->faults[id].subject;
        if (r->faults[id].times && --r->faults[id].times == 0) {
            r->faults[id].subject = NULL;
        }
        return cr_refuse(err, subject, r->faults[id].reason, NULL, "as the test wants");
    }
    return CR_OK;
}

#define BEGIN(r)                                                                                   \
    struct rig *r = ctx;                                                                           \
    CR_TRY(faulty(r, call, request, err));                                                         \
    if (call->later) {                                                                             \
        return CR_OK;                                                                              \
    }

static void put_profiles(struct rig *r, struct soap_eis *eis)
{
    eis->profiles.items =
        cr_arena_alloc_array(&r->arena, FAKE_ISDPS + 1, sizeof *eis->profiles.items);
    for (size_t i = 0; i < FAKE_ISDPS; i++) {
        const struct fake_isdp *d = &r->chip.isdps[i];
        if (d->there) {
            eis->profiles.items[eis->profiles.count++] =
                (struct soap_profile_info){.iccid = cr_span_str(d->iccid),
                                           .isdp_aid = CR_SPAN_ARRAY(d->aid),
                                           .mno_id = cr_span_str(RIG_OPERATOR),
                                           .smdp_id = cr_span_str(RIG_DP),
                                           .state = d->state};
        }
    }
    eis->profiles.items[eis->profiles.count++] =
        (struct soap_profile_info){.iccid = cr_span_str("8944000000000000001"),
                                   .isdp_aid = CR_SPAN_ARRAY(r->chip.isdps[0].aid),
                                   .mno_id = cr_span_str(RIG_OTHER),
                                   .smdp_id = cr_span_str("1.2.3"),
                                   .state = SOAP_STATE_ENABLED};
}

static void make_eis(struct rig *r, struct soap_eis *eis)
{
    static const uint8_t aid[16] = {0xA0}, sin[] = {1, 2}, sdin[] = {3, 4};
    struct soap_certificate *c = cr_arena_alloc(&r->arena, sizeof *c);
    struct soap_keyset *set = cr_arena_alloc(&r->arena, sizeof *set);
    cr_span value = cr_arena_copy(&r->arena, cr_buf_span(&r->chip.certificate));
    if (r->spoil_ecasd) {
        ((uint8_t *)(uintptr_t)value.p)[value.n - 1] ^= 1;
    }
    *c = (struct soap_certificate){
        .has_index = true, .index = 1, .ca_id = cr_span_str("2.999.5"), .value = value};
    *set = (struct soap_keyset){.has_version = true, .version = 1, .type = SOAP_KEYSET_CA};
    set->certificates.items = c;
    set->certificates.count = 1;
    *eis = (struct soap_eis){
        .has_signed_info = true,
        .signed_info = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                        .eum_id = cr_span_str(PKI_DEFAULT_EUM_OID),
                        .has_production_date = true,
                        .production_date = 1790000000000,
                        .platform_type = cr_span_str(r->platform_type),
                        .platform_version = cr_span_str(r->platform_version),
                        .isdp_loadfile_aid = CR_SPAN_ARRAY(aid),
                        .isdp_module_aid = CR_SPAN_ARRAY(aid),
                        .has_ecasd = true,
                        .ecasd = {.aid = CR_SPAN_ARRAY(aid),
                                  .sin = CR_SPAN_ARRAY(sin),
                                  .sdin = CR_SPAN_ARRAY(sdin),
                                  .role = SOAP_ROLE_ECASD},
                        .has_capabilities = true,
                        .capabilities = {.has_cattp = true,
                                         .has_http = true,
                                         .http = true,
                                         .secure_packet_version = cr_span_str("12.0.0"),
                                         .remote_provisioning_version =
                                             cr_span_str(r->provisioning)}},
        .has_remaining_memory = true,
        .remaining_memory = r->remaining_memory,
        .smsr_id = cr_span_str(RIG_SR),
        .has_isdr = true,
        .isdr = {.aid = CR_SPAN_ARRAY(aid),
                 .sin = CR_SPAN_ARRAY(sin),
                 .sdin = CR_SPAN_ARRAY(sdin),
                 .role = SOAP_ROLE_ISD_R},
    };
    eis->signed_info.ecasd.keysets.items = set;
    eis->signed_info.ecasd.keysets.count = 1;
    assert_int_equal(soap_eum_sign(eis, r->eum_key, r->eums[0].raw, (cr_span){0}, &r->arena, NULL),
                     CR_OK);
    if (r->spoil_signature) {
        eis->signed_info.platform_type = cr_span_str("another");
        eis->signed_info.raw = (cr_span){0};
    }
    put_profiles(r, eis);
}

static cr_status on_eis(void *ctx, struct m2m_call *call, const struct soap_body *request,
                        struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    response->has_eis = !r->no_eis;
    if (response->has_eis) {
        make_eis(r, &response->eis);
    }
    return CR_OK;
}

static cr_status on_create(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    struct fake_isdp *d = fake_chip_create(&r->chip, request->iccid);
    d->state = SOAP_STATE_CREATED;
    d->memory = request->required_memory;
    if (!r->no_aid) {
        response->isdp_aid = CR_SPAN_ARRAY(d->aid);
    }
    return CR_OK;
}

static cr_status on_send(void *ctx, struct m2m_call *call, const struct soap_body *request,
                         struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    cr_buf out = {0};
    cr_buf_append_span(&r->carried, request->data);
    assert_true(request->data.n + 16 < 8192);
    fake_chip_execute(&r->chip, request->sd_aid, request->data, &out);
    response->euicc_response_data = cr_arena_copy(call->arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return CR_OK;
}

static struct fake_isdp *isdp_of(struct rig *r, const struct soap_body *request, struct cr_err *err)
{
    struct fake_isdp *d = fake_chip_isdp(&r->chip, request->iccid);
    if (!d) {
        (void)cr_refuse(err, "8.2.1", "3.9", NULL, "no such Profile");
    }
    return d;
}

static cr_status on_completed(void *ctx, struct m2m_call *call, const struct soap_body *request,
                              struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    (void)response;
    struct fake_isdp *d = isdp_of(r, request, err);
    if (!d) {
        return CR_REFUSED;
    }
    assert_true(d->installed);
    d->state = SOAP_STATE_DISABLED;
    return CR_OK;
}

static cr_status on_enable(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    (void)response;
    struct fake_isdp *d = isdp_of(r, request, err);
    if (!d) {
        return CR_REFUSED;
    }
    d->state = SOAP_STATE_ENABLED;
    return CR_OK;
}

static cr_status on_delete(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    (void)response;
    struct fake_isdp *d = isdp_of(r, request, err);
    if (!d) {
        return CR_REFUSED;
    }
    fake_chip_delete(d);
    return CR_OK;
}

static cr_status on_connectivity(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                 struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    cr_buf out = {0};
    struct fake_isdp *d = isdp_of(r, request, err);
    if (!d) {
        return CR_REFUSED;
    }
    fake_chip_execute(&r->chip, CR_SPAN_ARRAY(d->aid), request->connectivity_parameters, &out);
    response->euicc_response_data = cr_arena_copy(call->arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return CR_OK;
}

static cr_status on_other(void *ctx, struct m2m_call *call, const struct soap_body *request,
                          struct soap_body *response, struct cr_err *err)
{
    BEGIN(r)
    (void)response;
    return CR_OK;
}

static const struct m2m_row sr_rows[] = {
    {SOAP_ES3, SOAP_GET_EIS, on_eis},
    {SOAP_ES3, SOAP_AUDIT_EIS, on_eis},
    {SOAP_ES3, SOAP_CREATE_ISDP, on_create},
    {SOAP_ES3, SOAP_SEND_DATA, on_send},
    {SOAP_ES3, SOAP_PROFILE_DOWNLOAD_COMPLETED, on_completed},
    {SOAP_ES3, SOAP_ENABLE_PROFILE, on_enable},
    {SOAP_ES3, SOAP_DELETE_PROFILE, on_delete},
    {SOAP_ES3, SOAP_UPDATE_CONNECTIVITY_PARAMETERS, on_connectivity},
    {SOAP_ES3, SOAP_DISABLE_PROFILE, on_other},
    {SOAP_ES3, SOAP_UPDATE_POLICY_RULES, on_other},
    {SOAP_ES3, SOAP_UPDATE_SUBSCRIPTION_ADDRESS, on_other},
    {SOAP_ES3, SOAP_SET_FALLBACK_ATTRIBUTE, on_other},
    {SOAP_ES3, SOAP_SET_EMERGENCY_ATTRIBUTE, on_other},
    {SOAP_ES3, SOAP_SET_PLMA, on_other},
    {SOAP_ES3, SOAP_GET_PLMA, on_other},
    {SOAP_ES3, SOAP_SET_ONC, on_other},
    {SOAP_ES3, SOAP_GET_ONC, on_other},
    {0, 0, NULL},
};

/* ---- the operator ---- */

static cr_status on_answer(void *ctx, const struct m2m_answered *a, struct cr_err *err)
{
    struct rig *r = ctx;
    (void)err;
    r->answers++;
    r->answer = *a->body;
    r->answer.iccid = cr_arena_copy(&r->arena, a->body->iccid);
    r->answer.euicc_response_data = cr_arena_copy(&r->arena, a->body->euicc_response_data);
    r->status = a->body->status;
    r->eis_profiles = a->body->eis.profiles.count;
    r->eis_has_ecasd = a->body->eis.signed_info.has_ecasd;
    r->eis_has_isdr = a->body->eis.has_isdr;
    r->status.code.subject = cr_arena_copy(&r->arena, r->status.code.subject);
    r->status.code.reason = cr_arena_copy(&r->arena, r->status.code.reason);
    r->status.code.message = cr_arena_copy(&r->arena, r->status.code.message);
    return CR_OK;
}

static cr_status on_notice(void *ctx, struct m2m_call *call, const struct soap_body *notice,
                           struct soap_body *response, struct cr_err *err)
{
    struct rig *r = ctx;
    (void)response;
    (void)err;
    r->notices++;
    r->noticed = call->function;
    r->notice = *notice;
    r->notice.iccid = cr_arena_copy(&r->arena, notice->iccid);
    return CR_OK;
}

static const struct m2m_row op_rows[] = {
    {SOAP_ES2, SOAP_PROFILE_DISABLED, on_notice},
    {SOAP_ES2, SOAP_PROFILE_ENABLED, on_notice},
    {SOAP_ES2, SOAP_PROFILE_DELETED, on_notice},
    {SOAP_ES2, SOAP_SMSR_CHANGED, on_notice},
    {SOAP_ES2, SOAP_FALLBACK_SET, on_notice},
    {SOAP_ES2, SOAP_PLMA_CHANGED, on_notice},
    {0, 0, NULL},
};

/* ---- setting up ---- */

static struct m2m *end_open(struct rig *r, const struct m2m_parties *parties,
                            const struct m2m_row *rows, m2m_answer_handler answered,
                            struct store **store)
{
    static const struct store_migration steps[] = {{1, m2m_schema}};
    const struct store_options options = {
        .url = ":memory:", .migrations = steps, .migration_count = 1, .volatile_commits = true};
    struct m2m *m2m = NULL;
    assert_int_equal(store_open(&options, store, NULL), CR_OK);
    const struct m2m_options o = {.store = *store,
                                  .parties = parties,
                                  .env = &r->env,
                                  .rows = rows,
                                  .answered = answered,
                                  .ctx = r};
    assert_int_equal(m2m_new(&o, &m2m, NULL), CR_OK);
    return m2m;
}

static void make_parties(struct rig *r)
{
    const struct m2m_party dp = {
        .name = "dp", .oid = RIG_DP, .roles = SOAP_SMDP, .url = "https://dp/"};
    const struct m2m_party sr = {
        .name = "sr", .oid = RIG_SR, .roles = SOAP_SMSR, .url = "https://sr/"};
    const struct m2m_party op = {
        .name = "op", .oid = RIG_OPERATOR, .roles = SOAP_OPERATOR, .url = "https://op/"};
    const struct m2m_party other = {.name = "other", .oid = RIG_OTHER, .roles = SOAP_OPERATOR};
    r->op_known[0] = r->sr_known[0] = dp;
    r->dp_known[0] = sr;
    r->dp_known[1] = op;
    r->dp_known[2] = other;
    r->op_parties = (struct m2m_parties){.oid = RIG_OPERATOR,
                                         .name = "Operator",
                                         .address = "https://op/",
                                         .parties = r->op_known,
                                         .count = 1};
    r->dp_parties = (struct m2m_parties){
        .oid = RIG_DP, .name = "DP", .address = "https://dp/", .parties = r->dp_known, .count = 3};
    r->sr_parties = (struct m2m_parties){
        .oid = RIG_SR, .name = "SR", .address = "https://sr/", .parties = r->sr_known, .count = 1};
}

static void make_identity(struct rig *r, enum crypto_curve curve)
{
    struct pki_cert ci;
    struct pki_key *ci_key = NULL;
    struct crypto_private *private = NULL;
    struct gpcert_request request = {.role = GPCERT_ROLE_DP, .expiry = 20990101, .curve = curve};
    assert_int_equal(pki_hierarchy_load(pki, curve, "ci", &r->arena, &ci, &ci_key, NULL), CR_OK);
    assert_int_equal(crypto_private_generate(curve, &private, NULL), CR_OK);
    assert_int_equal(pki_key_of_private(private, &r->dp_key, NULL), CR_OK);
    request.point = pki_key_point(r->dp_key);
    assert_int_equal(gpcert_request_issuer(&request, &ci, NULL), CR_OK);
    assert_int_equal(gpcert_issue(&request, ci_key, cr_env_system(), &r->dp_cert, NULL), CR_OK);
    pki_key_free(ci_key);
}

void rig_restart(struct rig *r)
{
    struct cr_err err = {0};
    smdp_close(r->dp);
    r->dp = NULL;
    assert_int_equal(smdp_open(&r->options, &r->dp, &err), CR_OK);
}

int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    r->now_ms = cr_now_ms(cr_env_system()); /* certificates are of this moment */
    r->env = (cr_env){.ctx = r, .now_ms = rig_now, .random = rig_random};
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/crisp-smdp-dp-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    r->speaker = RIG_OPERATOR;
    make_parties(r);
    make_identity(r, CRYPTO_P256);
    r->trust = pki_trust_new();
    assert_int_equal(pki_hierarchy_trust(pki, r->trust, NULL), CR_OK);
    assert_int_equal(
        pki_hierarchy_load(pki, CRYPTO_P256, "eum", &r->arena, &r->eums[0], &r->eum_key, NULL),
        CR_OK);
    fake_chip_make(&r->chip, pki, CRYPTO_P256, RIG_EID);
    r->remaining_memory = 500000;
    r->platform_type = "platform";
    r->platform_version = "4.2.0";
    r->provisioning = "4.2.0";
    r->options = (struct smdp_options){.dir = r->dir,
                                       .parties = &r->dp_parties,
                                       .env = &r->env,
                                       .identities = {{cr_buf_span(&r->dp_cert), r->dp_key}},
                                       .identity_count = 1,
                                       .trust = r->trust,
                                       .eums = r->eums,
                                       .eum_count = 1};
    rig_restart(r);
    r->op = end_open(r, &r->op_parties, op_rows, on_answer, &r->op_store);
    r->sr = end_open(r, &r->sr_parties, sr_rows, NULL, &r->sr_store);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *r = *state;
    smdp_close(r->dp);
    m2m_free(r->op);
    m2m_free(r->sr);
    store_close(r->op_store);
    store_close(r->sr_store);
    fake_chip_free(&r->chip);
    pki_trust_free(r->trust);
    pki_key_free(r->dp_key);
    pki_key_free(r->eum_key);
    cr_buf_free(&r->dp_cert);
    cr_buf_free(&r->seen);
    cr_buf_free(&r->carried);
    cr_arena_free(&r->arena);
    remove_tree(r->dir);
    free(r);
    return 0;
}

/* ---- profiles ---- */

const char *rig_iccid(int n)
{
    static char ring[16][24];
    static unsigned at;
    char *text = ring[at++ % 16];
    (void)snprintf(text, 24, "8900012345%010d", n);
    return text;
}

cr_span rig_upp(struct rig *r, const char *iccid, size_t size)
{
    static const uint8_t issuer[] = {0x88, 0x37, 0x0A};
    uint8_t digits[10];
    uint8_t *filling = cr_arena_alloc(&r->arena, size + 1);
    struct profile_element header = {.kind = PROFILE_HEADER};
    struct profile_element body = {.kind = PROFILE_NON_STANDARD,
                                   .header = {.identification = 2},
                                   .non_standard = {.issuer_id = CR_SPAN_ARRAY(issuer)}};
    struct profile_element end = {.kind = PROFILE_END, .header = {.identification = 3}};
    cr_buf out = {0};
    assert_true(cr_hex_fixed(digits, sizeof digits, cr_span_str(iccid)));
    header.profile_header.major_version = 2;
    header.profile_header.minor_version = 3;
    header.profile_header.iccid = CR_SPAN_ARRAY(digits);
    header.profile_header.gfste_list.present = true;
    for (size_t i = 0; i < size; i++) {
        filling[i] = (uint8_t)(i * 7);
    }
    body.non_standard.content = cr_span_of(filling, size);
    assert_int_equal(profile_element_encode(&header, &out, NULL), CR_OK);
    assert_int_equal(profile_element_encode(&body, &out, NULL), CR_OK);
    assert_int_equal(profile_element_encode(&end, &out, NULL), CR_OK);
    cr_span upp = cr_arena_copy(&r->arena, cr_buf_span(&out));
    cr_buf_free(&out);
    return upp;
}

void rig_import(struct rig *r, int n, const char *type, size_t size)
{
    char iccid[SMDP_ICCID_DIGITS + 1];
    struct cr_err err = {0};
    const struct smdp_import import = {.upp = rig_upp(r, rig_iccid(n), size),
                                       .owner = RIG_OPERATOR,
                                       .type = type,
                                       .address = {.msisdn = cr_span_str("4912345")}};
    assert_int_equal(smdp_import(r->dp, &import, iccid, &err), CR_OK);
    assert_string_equal(iccid, rig_iccid(n));
}

/* ---- orders ---- */

struct asking {
    struct rig *r;
    enum soap_name name;
    const struct soap_body *body;
    int64_t seconds;
};

static cr_status ask_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct asking *a = ctx;
    const struct m2m_request request = {.to = &a->r->op_known[0],
                                        .function = soap_function(SOAP_ES2, a->name),
                                        .body = a->body,
                                        .context = "order",
                                        .deadline_ms = a->r->now_ms + a->seconds * 1000};
    return m2m_ask(a->r->op, tx, &request, err);
}

void rig_order(struct rig *r, enum soap_name name, const struct soap_body *body, int64_t seconds)
{
    struct asking a = {r, name, body, seconds};
    struct cr_err err = {0};
    if (store_run(r->op_store, ask_work, &a, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

void rig_download(struct rig *r, int n, bool enable)
{
    const struct soap_body body = {.eid = CR_SPAN_ARRAY(r->chip.eid),
                                   .smsr_id = cr_span_str(RIG_SR),
                                   .iccid = cr_span_str(rig_iccid(n)),
                                   .has_enable_profile = true,
                                   .enable_profile = enable};
    rig_order(r, SOAP_DOWNLOAD_PROFILE, &body, 3600);
}

struct noticing {
    struct rig *r;
    enum soap_name name;
    const struct soap_body *body;
};

static cr_status notify_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct noticing *n = ctx;
    return m2m_notify(n->r->sr, tx, &n->r->sr_known[0], soap_function(SOAP_ES3, n->name), n->body,
                      err);
}

void rig_notify(struct rig *r, enum soap_name name, const struct soap_body *body)
{
    struct noticing n = {r, name, body};
    struct cr_err err = {0};
    if (store_run(r->sr_store, notify_work, &n, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

/* ---- the wire ---- */

static int http_status(enum m2m_verdict verdict)
{
    return verdict == M2M_ANSWER                            ? 200
           : verdict == M2M_ACCEPTED || verdict == M2M_WAIT ? 202
           : verdict == M2M_FAULT_SENDER                    ? 400
           : verdict == M2M_FORBIDDEN                       ? 403
                                                            : 500;
}

static struct m2m *whom(struct rig *r, const char *url, const struct m2m_parties **parties)
{
    if (strcmp(url, "https://op/") == 0) {
        *parties = &r->op_parties;
        return r->op;
    }
    *parties = strcmp(url, "https://dp/") == 0 ? &r->dp_parties : &r->sr_parties;
    return *parties == &r->dp_parties ? smdp_m2m(r->dp) : r->sr;
}

#define HOLD 20 /* rounds that a connection waits */
static int carry(struct rig *r, struct m2m *from, const char *sender);

static void post(struct rig *r, struct m2m *from, const char *sender, struct m2m_parcel *parcel)
{
    const struct m2m_parties *parties = NULL;
    struct m2m *to = whom(r, parcel->url, &parties);
    enum fate fate = r->fate ? r->fate(r, r->letters) : FATE_DELIVER;
    cr_arena arena = {0};
    cr_buf out = {0};
    int status = 0;
    r->letters++;
    if (to == r->sr || from == r->sr) {
        cr_buf_append_span(&r->seen, parcel->body);
    }
    for (int times = fate == FATE_LOSE ? 0 : fate == FATE_TWICE ? 2 : 1; times; times--) {
        const struct m2m_party *peer = m2m_party_by_oid(parties, cr_span_str(sender));
        int64_t id;
        cr_buf_reset(&out);
        enum m2m_verdict verdict = m2m_receive(to, peer, parcel->body, &arena, &out, &id);
        /* The operator's connections wait; those of the SM-DP do not, it takes callbacks. */
        for (int i = 0; verdict == M2M_WAIT && from == r->op && i < HOLD; i++) {
            (void)carry(r, smdp_m2m(r->dp), RIG_DP);
            (void)carry(r, r->sr, RIG_SR);
            verdict = m2m_held(to, id, i + 1 == HOLD, &arena, &out);
        }
        status = http_status(verdict);
    }
    bool lost = fate == FATE_LOSE || fate == FATE_LOSE_ANSWER;
    assert_int_equal(m2m_delivered(from, parcel->id, lost ? 0 : status,
                                   lost ? (cr_span){0} : cr_buf_span(&out),
                                   lost ? "not reached" : NULL, NULL),
                     CR_OK);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static int carry(struct rig *r, struct m2m *from, const char *sender)
{
    cr_arena arena = {0};
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    int carried = 0;
    assert_int_equal(m2m_due(from, &arena, lanes, &count, NULL), CR_OK);
    for (size_t i = 0; i < count; i++) {
        struct m2m_parcel parcel;
        bool found = false;
        assert_int_equal(m2m_take(from, lanes[i], &arena, &parcel, &found, NULL), CR_OK);
        if (found) {
            post(r, from, sender, &parcel);
            carried++;
        }
    }
    cr_arena_free(&arena);
    return carried;
}

static int carry_all(struct rig *r)
{
    return carry(r, r->op, r->speaker) + carry(r, smdp_m2m(r->dp), RIG_DP) +
           carry(r, r->sr, RIG_SR);
}

void rig_pass(struct rig *r, int64_t ms)
{
    r->now_ms += ms;
    assert_int_equal(m2m_tick(smdp_m2m(r->dp), 100, NULL), CR_OK);
    assert_int_equal(smdp_tick(r->dp, NULL), CR_OK);
    assert_int_equal(m2m_tick(r->op, 100, NULL), CR_OK);
}

void rig_settle(struct rig *r)
{
    for (int idle = 0, i = 0; idle < 3; i++) {
        assert_true(i < 2000);
        if (carry_all(r)) {
            idle = 0;
        } else {
            rig_pass(r, 2000);
            idle++;
        }
    }
}

/* ---- looking ---- */

void rig_assert_status(struct rig *r, int status, const char *subject, const char *reason)
{
    assert_int_equal(r->answers, 1);
    if (r->status.status != status) {
        fail_msg("status %d: %.*s/%.*s %.*s", r->status.status, (int)r->status.code.subject.n,
                 (const char *)r->status.code.subject.p, (int)r->status.code.reason.n,
                 (const char *)r->status.code.reason.p, (int)r->status.code.message.n,
                 (const char *)r->status.code.message.p);
    }
    if (subject) {
        assert_true(r->status.has_code);
        char text[64];
        (void)snprintf(text, sizeof text, "%.*s/%.*s", (int)r->status.code.subject.n,
                       (const char *)r->status.code.subject.p, (int)r->status.code.reason.n,
                       (const char *)r->status.code.reason.p);
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "%s/%s", subject, reason);
        assert_string_equal(text, wanted);
    }
}

struct query {
    const char *sql;
    int64_t result;
};

static cr_status take_number(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

static cr_status query_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct query *q = ctx;
    return store_exec(tx, q->sql, NULL, take_number, &q->result, NULL, err);
}

int64_t rig_count(struct rig *r, const char *sql)
{
    struct query q = {.sql = sql};
    assert_int_equal(store_read(smdp_store(r->dp), query_work, &q, NULL), CR_OK);
    return q.result;
}

struct looking {
    const char *iccid;
    enum smdp_state state;
};

static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct looking *l = ctx;
    struct smdp_profile p;
    bool found = false;
    cr_arena arena = {0};
    cr_status status = smdp_profile_find(tx, l->iccid, &arena, &p, &found, err);
    l->state = found ? p.state : 0;
    cr_arena_free(&arena);
    return status;
}

enum smdp_state rig_state(struct rig *r, int n)
{
    struct looking l = {.iccid = rig_iccid(n)};
    assert_int_equal(store_read(smdp_store(r->dp), look_work, &l, NULL), CR_OK);
    return l.state;
}

void rig_step(struct rig *r)
{
    (void)carry_all(r);
}

void rig_speak_as(struct rig *r, const char *oid)
{
    r->speaker = oid;
    r->op_parties.oid = oid;
}

static cr_status late_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct rig *r = ctx;
    static const uint8_t answer[] = {0x23, 0x02, 0x90, 0x00};
    const struct soap_body body = {.euicc_response_data = CR_SPAN_ARRAY(answer)};
    return m2m_answer(r->sr, tx, r->silent, &body, err);
}

void rig_answer_late(struct rig *r)
{
    assert_int_equal(store_run(r->sr_store, late_work, r, NULL), CR_OK);
}

void rig_use_curve(struct rig *r, enum crypto_curve curve)
{
    fake_chip_free(&r->chip);
    pki_key_free(r->eum_key);
    pki_key_free(r->dp_key);
    cr_buf_reset(&r->dp_cert);
    make_identity(r, curve);
    fake_chip_make(&r->chip, pki, curve, RIG_EID);
    assert_int_equal(
        pki_hierarchy_load(pki, curve, "eum", &r->arena, &r->eums[0], &r->eum_key, NULL), CR_OK);
    r->options.identities[0] = (struct smdp_identity){cr_buf_span(&r->dp_cert), r->dp_key};
    rig_restart(r);
}
