/* A body from an LPA, in either binding, through the decoder into the handler of an SM-DP+ that has
 * one released order and one session: whatever comes is answered, and moves the order only where a
 * signature proves it. */
#include "fuzz.h"

#include "pki/hierarchy.h"
#include "rsp/asn1_binding.h"
#include "rsp/ids.h"
#include "rsp/json_binding.h"
#include "smdpp/smdpp.h"
#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define CONSTANT    0x5A /* every random byte until the session has begun */
#define NOW_MS      INT64_C(1800000000000)
#define RESET_EVERY 4096 /* inputs: sessions pile up */
#define ICCID       "89000123450000000001"

static struct smdpp_config config;
static struct smdpp *dp;
static uint64_t counter;
static bool constant;

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return NOW_MS;
}

static cr_status randomly(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    memset(p, CONSTANT, n);
    if (!constant) {
        counter++;
        memcpy(p, &counter, n < sizeof(counter) ? n : sizeof(counter));
    }
    return CR_OK;
}

static const cr_env env = {.now_ms = now_ms, .random = randomly};

static void remove_dir(const char *path)
{
    char child[512];
    DIR *dir = opendir(path);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        if (unlink(child) != 0) {
            remove_dir(child);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

static void make_config(void)
{
    char dir[] = "/tmp/crisp-fuzz-XXXXXX";
    FUZZ_CHECK(mkdtemp(dir));
    FUZZ_CHECK(pki_hierarchy_init(dir, NULL, &env, NULL) == CR_OK);
    FUZZ_CHECK(smdpp_config_from_pki(dir, &env, &config, NULL) == CR_OK);
    remove_dir(dir);
}

static cr_status add_order(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    (void)ctx;
    static const uint8_t bytes[] = {0xBF, 0x25, 0x00};
    struct smdpp_profile profile = {
        .iccid = ICCID, .type = "", .owner = "", .metadata = CR_SPAN_ARRAY(bytes), .size = 1};
    struct smdpp_package package = {
        .upp = CR_SPAN_ARRAY(bytes), .ppk = CR_SPAN_ARRAY(bytes), .segments = CR_SPAN_ARRAY(bytes)};
    CR_TRY(smdpp_profile_add(tx, &profile, &package, err));
    profile.state = SMDPP_AVAILABLE;
    profile.revision = 1;
    profile.matching_id = "ABC";
    profile.requester = "";
    profile.download_limit = 10;
    CR_TRY(smdpp_profile_save(tx, &profile, SMDPP_EV_DOWNLOAD_ORDER, NOW_MS, err));
    return smdpp_profile_save(tx, &profile, SMDPP_EV_CONFIRM_RELEASE, NOW_MS, err);
}

/* One order, one session with a TransactionID of CONSTANT bytes. */
static void begin(void)
{
    static const uint8_t svn[] = {2, 5, 0};
    static const uint8_t challenge[RSP_CHALLENGE] = {1};
    struct smdpp_options options = {.config = &config, .env = &env};
    cr_arena arena = {0};
    struct smdpp_call call = {.arena = &arena};
    cr_span ci = config.identities[0].ci_key_id;
    struct rsp_initiate_authentication_request request = {
        .euicc_challenge = CR_SPAN_ARRAY(challenge),
        .smdp_address = cr_span_str(config.address),
        .euicc_info1 = {.raw = CR_SPAN_ARRAY(svn),
                        .lowest_svn = CR_SPAN_ARRAY(svn),
                        .euicc_ci_pkid_list_for_verification = {&ci, 1, true},
                        .euicc_ci_pkid_list_for_signing = {&ci, 1, true}}};
    struct rsp_initiate_authentication_response response = {0};
    if (!config.address) {
        make_config();
    }
    request.smdp_address = cr_span_str(config.address);
    ci = config.identities[0].ci_key_id;
    smdpp_close(dp);
    dp = NULL;
    FUZZ_CHECK(smdpp_open(&options, &dp, NULL) == CR_OK);
    FUZZ_CHECK(store_run(smdpp_store(dp), add_order, NULL, NULL) == CR_OK);
    constant = true;
    FUZZ_CHECK(smdpp_initiate_authentication(dp, &call, &request, &response, NULL) == CR_OK);
    constant = false;
    cr_arena_free(&arena);
}

struct look {
    enum smdpp_state state;
    cr_arena arena;
};

static cr_status look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *look = ctx;
    struct smdpp_profile profile;
    bool found = false;
    CR_TRY(smdpp_profile_by_iccid(tx, ICCID, &look->arena, &profile, &found, err));
    FUZZ_CHECK(found);
    look->state = profile.state;
    return CR_OK;
}

static void handle(const struct rsp_function *f, const void *request, cr_arena *arena, bool asn1)
{
    struct smdpp_call call = {.arena = arena};
    struct cr_err err = {0};
    struct rsp_function_status failed = {0};
    cr_buf out = {0};
    smdpp_handler handler = smdpp_handler_of(f->id);
    void *response = f->notification ? NULL : rsp_function_new_response(f, arena);
    if (!handler) {
        return;
    }
    cr_status status = handler(dp, &call, request, response, &err);
    FUZZ_CHECK(status == CR_OK || status == CR_REFUSED);
    FUZZ_CHECK(status == CR_OK || (err.subject[0] && err.reason[0] && err.cause[0]));
    rsp_status_from_err(&err, &failed);
    if (f->notification) {
        return;
    }
    /* every answer can be said */
    FUZZ_CHECK((asn1 ? rsp_asn1_build_response(f, response, status == CR_OK ? NULL : &err, false,
                                               &out, NULL)
                     : rsp_json_build_response(f, response, status == CR_OK ? NULL : &failed,
                                               RSP_JSON_V2, &out, NULL)) == CR_OK);
    FUZZ_CHECK(out.n > 0);
    cr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static unsigned inputs;
    cr_arena arena = {0};
    cr_span body = cr_span_of(p, n);
    void *request = NULL;
    if (inputs++ % RESET_EVERY == 0) {
        begin();
    }
    const struct rsp_function *f = NULL;
    if (rsp_asn1_parse_request(RSP_ES9PLUS, body, &arena, &f, &request, NULL) == CR_OK) {
        handle(f, request, &arena, true);
    }
    for (int id = RSP_ES9_INITIATE_AUTHENTICATION; id <= RSP_ES9_CANCEL_SESSION; id++) {
        f = rsp_function((enum rsp_function_id)id);
        if (n > 0 && p[0] == '{' &&
            rsp_json_parse_request(f, body, &arena, &request, NULL) == CR_OK) {
            handle(f, request, &arena, false);
        }
    }
    struct look look = {0};
    FUZZ_CHECK(store_read(smdpp_store(dp), look_work, &look, NULL) == CR_OK);
    FUZZ_CHECK(look.state == SMDPP_RELEASED); /* nobody can sign here */
    cr_arena_free(&look.arena);
    cr_arena_free(&arena);
    return 0;
}
