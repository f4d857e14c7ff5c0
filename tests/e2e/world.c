#include "world.h"

#include "base/file.h"
#include "pki/hierarchy.h"
#include "profile/build.h"
#include "profile/metadata.h"
#include "rsp/ids.h"
#include "rsp/json_binding.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* cmocka wants its includes in this order. */
#include <cmocka.h>

#define CHECK(expression)                                                                          \
    do {                                                                                           \
        struct cr_err *check_err = &world_err;                                                     \
        (void)check_err;                                                                           \
        if ((expression) != CR_OK) {                                                               \
            fail_msg("%s: %s", #expression, world_err.cause);                                      \
        }                                                                                          \
    } while (0)

static struct cr_err world_err;

static int64_t world_now(void *ctx)
{
    const struct world *w = ctx;
    return cr_now_ms(cr_env_system()) + w->clock_offset_ms;
}

static cr_status world_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return cr_random(cr_env_system(), p, n, err);
}

/* ---- the server, called by function ------------------------------------------------------------
 */

static cr_status serve(struct world *w, const struct rsp_function *function, cr_span body,
                       cr_buf *answer, struct cr_err *err)
{
    cr_arena arena = {0};
    struct smdpp_call call = {.arena = &arena};
    void *in = NULL;
    void *out = function->notification ? NULL : rsp_function_new_response(function, &arena);
    smdpp_handler handler = smdpp_handler_of(function->id);
    struct cr_err failure = {0};
    cr_status status = rsp_json_parse_request(function, body, &arena, &in, &failure);
    if (status == CR_OK) {
        status = handler ? handler(w->dp, &call, in, out, &failure)
                         : cr_refuse(&failure, "1.6", "3.1", NULL, "not offered");
    }
    struct rsp_function_status failed;
    rsp_status_from_err(&failure, &failed);
    if (!function->notification) {
        status = rsp_json_build_response(function, out, status == CR_OK ? NULL : &failed,
                                         RSP_JSON_V2, answer, err);
    } else {
        status = CR_OK;
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status post(void *ctx, const char *server, const char *path, cr_span body,
                      int *http_status, cr_buf *response, struct cr_err *err)
{
    struct world *w = ctx;
    const struct rsp_function *function = rsp_function_by_path(RSP_ES9PLUS, cr_span_str(path));
    w->posts++;
    assert_string_equal(server, WORLD_HOST);
    assert_non_null(function);
    if (w->fail_post == w->posts) {
        return cr_fail(err, CR_RESOURCE, NULL, "the line is down");
    }
    CR_TRY(serve(w, function, body, response, err));
    if (w->lose_answer == w->posts) {
        cr_buf_reset(response);
        return cr_fail(err, CR_RESOURCE, NULL, "the line went down");
    }
    *http_status = function->notification ? 204 : 200;
    return CR_OK;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static void make_chip(struct world *w)
{
    struct euicc_options options = {0};
    struct nvm *nvm = NULL;
    CHECK(euicc_create_ram(w->pki, &options, &w->env, &nvm, &world_err));
    CHECK(euicc_open(nvm, &w->env, &w->chip, &world_err));
    euicc_card(w->chip, &w->card);
}

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    struct pki_hierarchy_options options = {.dp_host = WORLD_HOST};
    assert_non_null(w);
    w->env = (cr_env){.ctx = w, .now_ms = world_now, .random = world_random};
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/crisp-world-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->pki, sizeof(w->pki), "%s/pki", w->dir);
    CHECK(pki_hierarchy_init(w->pki, &options, &w->env, &world_err));
    CHECK(smdpp_config_from_pki(w->pki, &w->env, &w->config, &world_err));
    struct smdpp_options dp = {.config = &w->config, .env = &w->env};
    CHECK(smdpp_open(&dp, &w->dp, &world_err));
    make_chip(w);
    w->lpa.env = &w->env;
    w->transport = (struct lpa_transport){.ctx = w, .post = post};
    CHECK(es9_new(&w->transport, &w->lpa.where, &w->lpa.server, &world_err));
    world_open_lpa(w);
    return w;
}

void world_open_lpa(struct world *w)
{
    struct es10_options options = {0};
    es10_free(w->lpa.card);
    w->lpa.card = NULL;
    CHECK(es10_open(&w->card, &options, &w->lpa.where, &w->lpa.card, &world_err));
}

void world_power_cycle(struct world *w)
{
    CHECK(euicc_reset(w->chip, &world_err));
    world_open_lpa(w);
}

void world_free(struct world *w)
{
    char command[128];
    es10_free(w->lpa.card);
    es9_free(w->lpa.server);
    euicc_free(w->chip);
    smdpp_close(w->dp);
    smdpp_config_free(&w->config);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
}

/* ---- using -------------------------------------------------------------------------------------
 */

void world_order(struct world *w, cr_span upp, const char *iccid, const char *matching_id,
                 const char *code, int64_t profile_class)
{
    cr_arena arena = {0};
    cr_buf metadata = {0};
    struct smdpp_call call = {.arena = &arena};
    struct profile_metadata m = {
        .iccid = cr_span_str(iccid),
        .service_provider_name = cr_span_str("World"),
        .profile_name = cr_span_str("A world's profile"),
        .profile_class = profile_class,
        .notifications = {{.events = RSP_EVENT_LOCAL_ENABLE | RSP_EVENT_LOCAL_DISABLE |
                                     RSP_EVENT_LOCAL_DELETE,
                           .address = cr_span_str(WORLD_HOST)}},
        .notification_count = 1,
    };
    CHECK(profile_metadata_encode(&m, &metadata, &world_err));
    struct smdpp_import import = {.upp = upp, .metadata = cr_buf_span(&metadata)};
    CHECK(smdpp_import(w->dp, &import, 1, &world_err));
    struct rsp_download_order_request order = {.iccid = cr_span_str(iccid)};
    struct rsp_download_order_response ordered = {0};
    CHECK(smdpp_download_order(w->dp, &call, &order, &ordered, &world_err));
    struct rsp_confirm_order_request confirm = {.iccid = cr_span_str(iccid),
                                                .matching_id = cr_span_str(matching_id),
                                                .confirmation_code = cr_span_str(code),
                                                .release_flag = true};
    struct rsp_confirm_order_response confirmed = {0};
    CHECK(smdpp_confirm_order(w->dp, &call, &confirm, &confirmed, &world_err));
    cr_buf_free(&metadata);
    cr_arena_free(&arena);
}

cr_span world_package(cr_arena *arena, const char *iccid)
{
    cr_buf upp = {0};
    const char *text =
        cr_arena_printf(arena,
                        "{\"profileType\":\"world\",\"iccid\":\"%s\",\"imsi\":\"001010000000001\","
                        "\"k\":\"465B5CE8B199B49FAA5F0A2EE238A6BC\","
                        "\"opc\":\"CD63CB71954A9F4E48A5994E37A02BAF\","
                        "\"puk1\":\"12345678\",\"puk2\":\"12345678\",\"adm1\":\"88888888\"}",
                        iccid);
    assert_non_null(text);
    CHECK(profile_build_text(cr_span_str(text), &upp, &world_err));
    cr_span copy = cr_arena_copy(arena, cr_buf_span(&upp));
    cr_buf_free(&upp);
    assert_non_null(copy.p);
    return copy;
}

struct answers {
    const char *code;
};

static bool give_code(void *ctx, const struct lpa_offer *offer, int attempt, cr_buf *code)
{
    const struct answers *answers = ctx;
    (void)offer;
    if (!answers->code || attempt > 1) {
        return false;
    }
    cr_buf_append_str(code, answers->code);
    return true;
}

cr_status world_download(struct world *w, const char *matching_id, const char *code,
                         cr_arena *arena, struct lpa_download_result *result, struct cr_err *err)
{
    struct answers answers = {code};
    struct lpa_download_order order = {.smdp_address = cr_span_str(WORLD_HOST),
                                       .matching_id = cr_span_str(matching_id)};
    struct lpa_download_options options = {.notify = LPA_NOTIFY_OPERATION};
    struct lpa_download_hooks hooks = {.ctx = &answers, .confirmation_code = give_code};
    memset(result, 0, sizeof(*result));
    return lpa_download(&w->lpa, &order, &options, &hooks, arena, result, err);
}

struct find_state {
    const char *iccid;
    enum smdpp_state state;
};

static cr_status find_state(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct find_state *find = ctx;
    cr_arena arena = {0};
    struct smdpp_profile profile;
    bool found = false;
    cr_status status = smdpp_profile_by_iccid(tx, find->iccid, &arena, &profile, &found, err);
    find->state = status == CR_OK && found ? profile.state : 0;
    cr_arena_free(&arena);
    return status;
}

enum smdpp_state world_state(struct world *w, const char *iccid)
{
    struct find_state find = {iccid, 0};
    CHECK(store_read(smdpp_store(w->dp), find_state, &find, &world_err));
    return find.state;
}

cr_span world_data(cr_arena *arena, const char *name)
{
    const char *dir = getenv("CRISP_TEST_DATA");
    char path[4096];
    cr_buf content = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : TEST_DATA_DEFAULT, name);
    cr_span out = {0};
    if (cr_file_exists(path) && cr_file_read(path, 1 << 20, &content, NULL) == CR_OK) {
        out = cr_arena_copy(arena, cr_buf_span(&content));
    }
    cr_buf_free(&content);
    return out;
}
