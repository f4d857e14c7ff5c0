/*
 * The directory of an SM-DP+: identity, settings, database.
 */
#include "cli/smdpp.h"

#include "base/file.h"
#include "rsp/activation_code.h"
#include "rsp/ids.h"

#include <limits.h>
#include <stdlib.h>

#define SETTINGS     "settings.json"
#define MAX_SETTINGS 65536

/* Settings that are numbers of the policy. */
static const struct {
    const char *name;
    size_t offset;
} policy_rows[] = {
    {"sessionMs", offsetof(struct smdpp_policy, session_ms)},
    {"downloadLimit", offsetof(struct smdpp_policy, download_limit)},
    {"ccLimit", offsetof(struct smdpp_policy, cc_limit)},
    {"orderMs", offsetof(struct smdpp_policy, order_ms)},
};

static int64_t *policy_number(struct smdpp_policy *policy, size_t row)
{
    return (int64_t *)(void *)((char *)policy + policy_rows[row].offset);
}

static cr_status settings_read(struct cli *cli, const char *dir, json_t **out, struct cr_err *err)
{
    const char *path = cr_arena_printf(&cli->arena, "%s/%s", dir, SETTINGS);
    cr_buf text = {0};
    *out = NULL;
    if (!path || !cr_file_exists(path)) {
        *out = json_object();
        return *out ? CR_OK : cr_fail_memory(err);
    }
    cr_status status = cr_file_read(path, MAX_SETTINGS, &text, err);
    if (status == CR_OK) {
        json_error_t problem;
        *out = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
        if (!json_is_object(*out)) {
            json_decref(*out);
            *out = NULL;
            status = cr_fail(err, CR_MALFORMED, NULL, "%s line %d: %s", path, problem.line,
                             problem.text);
            status = cr_err_next(err, status, "repair or remove the file; give --pki once more");
        }
    }
    cr_buf_free(&text);
    return status;
}

static cr_status settings_write(struct cli *cli, const char *dir, const json_t *settings,
                                struct cr_err *err)
{
    const char *path = cr_arena_printf(&cli->arena, "%s/%s", dir, SETTINGS);
    char *text = json_dumps(settings, JSON_INDENT(2) | JSON_SORT_KEYS);
    cr_status status = path && text ? cr_dir_make(dir, err) : cr_fail_memory(err);
    if (status == CR_OK) {
        cr_buf line = {0};
        cr_buf_appendf(&line, "%s\n", text);
        status = cr_file_write(path, cr_buf_span(&line), 0644, err);
        cr_buf_free(&line);
    }
    free(text);
    return status;
}

static const char *setting(struct cli *cli, const json_t *settings, const char *name)
{
    const char *text = json_string_value(json_object_get(settings, name));
    return text ? cr_arena_printf(&cli->arena, "%s", text) : NULL;
}

/* An absolute path: the next command may be started elsewhere. */
static cr_status whole_path(struct cli *cli, const char *path, const char **out, struct cr_err *err)
{
    char whole[PATH_MAX];
    if (!realpath(path, whole)) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot find %s", path);
    }
    *out = cr_arena_printf(&cli->arena, "%s", whole);
    return *out ? CR_OK : cr_fail_memory(err);
}

static cr_status load_identity(struct cli *cli, const struct cli_smdpp_place *place,
                               json_t *settings, struct cli_smdpp *out, struct cr_err *err)
{
    const char *pki = place->pki;
    const char *config = place->config;
    if (pki && config) {
        return cr_fail(err, CR_REFUSED, NULL, "--pki and --config are two identities: give one");
    }
    bool given = pki || config;
    if (!given) {
        pki = setting(cli, settings, "pki");
        config = setting(cli, settings, "config");
    }
    if (!pki && !config) {
        cr_status status = cr_dir_look(place->dir, err);
        if (status == CR_OK) {
            status =
                cr_fail(err, CR_REFUSED, NULL, "the SM-DP+ in %s has no identity yet", place->dir);
        }
        return cr_err_advise(err, status,
                             "check --dir; a new SM-DP+ is told --pki DIR or --config FILE, once");
    }
    CR_TRY(config ? smdpp_config_load(config, cli->env, &out->config, err)
                  : smdpp_config_from_pki(pki, cli->env, &out->config, err));
    if (!given) {
        return CR_OK;
    }
    return config ? whole_path(cli, config, &out->remember_config, err)
                  : whole_path(cli, pki, &out->remember_pki, err);
}

/* What activation codes name: given now, remembered, of the configuration, or the host name. */
static cr_status choose_address(struct cli *cli, const struct cli_smdpp_place *place,
                                const json_t *settings, struct cli_smdpp *out, struct cr_err *err)
{
    const char *address = place->public_address;
    out->forget_address = address && !address[0];
    if (out->forget_address) {
        address = NULL;
    } else if (!address) {
        address = setting(cli, settings, "publicAddress");
    }
    if (!address) {
        address = out->config.public_address;
    }
    if (!address) {
        out->address = out->config.address;
        return CR_OK;
    }
    cr_status status = cli_smdpp_check_address(address, err);
    if (status != CR_OK) {
        status = cr_err_context(err, status, "public address %s", address);
        return cr_err_next(err, status, "write HOST or HOST:PORT");
    }
    const char *port = strrchr(address, ':');
    size_t n = port && strcmp(port, ":443") == 0 ? (size_t)(port - address) : strlen(address);
    out->address = cr_arena_strn(&cli->arena, cr_span_of(address, n));
    out->remember_address = place->public_address && place->public_address[0] ? out->address : NULL;
    return out->address ? CR_OK : cr_fail_memory(err);
}

cr_status cli_smdpp_check_address(const char *address, struct cr_err *err)
{
    const struct rsp_activation_code sample = {.smdp_address = cr_span_str(address),
                                               .matching_id = cr_span_str("")};
    cr_buf text = {0};
    cr_status status = rsp_activation_code_build(&sample, false, &text, err);
    cr_buf_free(&text);
    return status;
}

cr_status cli_smdpp_identity(struct cli *cli, const struct cli_smdpp_place *place,
                             struct cli_smdpp *out, struct cr_err *err)
{
    json_t *settings = NULL;
    *out = (struct cli_smdpp){0};
    CR_TRY(settings_read(cli, place->dir, &settings, err));
    cr_status status = load_identity(cli, place, settings, out, err);
    if (status == CR_OK) {
        status = choose_address(cli, place, settings, out, err);
    }
    for (size_t i = 0; i < CR_COUNT(policy_rows); i++) {
        *policy_number(&out->policy, i) =
            json_integer_value(json_object_get(settings, policy_rows[i].name));
    }
    json_decref(settings);
    return status;
}

cr_status cli_smdpp_open(struct cli *cli, const struct cli_smdpp_place *place,
                         struct cli_smdpp *out, struct cr_err *err)
{
    CR_TRY(cli_smdpp_identity(cli, place, out, err));
    struct smdpp_options options = {
        .dir = place->dir, .config = &out->config, .policy = out->policy, .env = cli->env};
    CR_TRY(smdpp_open(&options, &out->dp, err));
    return cli_smdpp_remember(cli, place->dir, out, false, err);
}

void cli_smdpp_close(struct cli_smdpp *smdpp)
{
    smdpp_close(smdpp->dp);
    smdpp_config_free(&smdpp->config);
}

cr_status cli_smdpp_remember(struct cli *cli, const char *dir, const struct cli_smdpp *smdpp,
                             bool policy, struct cr_err *err)
{
    json_t *settings = NULL;
    struct smdpp_policy numbers = smdpp->policy;
    if (!policy && !smdpp->remember_pki && !smdpp->remember_config && !smdpp->remember_address &&
        !smdpp->forget_address) {
        return CR_OK;
    }
    CR_TRY(settings_read(cli, dir, &settings, err));
    json_t *before = json_copy(settings);
    if (smdpp->remember_pki || smdpp->remember_config) {
        bool pki = smdpp->remember_pki != NULL;
        (void)json_object_del(settings, pki ? "config" : "pki");
        (void)json_object_set_new(settings, pki ? "pki" : "config",
                                  json_string(pki ? smdpp->remember_pki : smdpp->remember_config));
    }
    if (smdpp->forget_address) {
        (void)json_object_del(settings, "publicAddress");
    }
    if (smdpp->remember_address) {
        (void)json_object_set_new(settings, "publicAddress", json_string(smdpp->remember_address));
    }
    for (size_t i = 0; policy && i < CR_COUNT(policy_rows); i++) {
        (void)json_object_set_new(settings, policy_rows[i].name,
                                  json_integer(*policy_number(&numbers, i)));
    }
    /* Who says what is remembered already needs no right to write. */
    cr_status status =
        json_equal(before, settings) ? CR_OK : settings_write(cli, dir, settings, err);
    json_decref(before);
    json_decref(settings);
    return status;
}

cr_status cli_iccid(struct cli *cli, const char *text, const char **out, struct cr_err *err)
{
    uint8_t bytes[RSP_ICCID_BYTES];
    char digits[RSP_ICCID_TEXT];
    CR_TRY(rsp_iccid_parse(cr_span_str(text), bytes, err));
    if (!rsp_iccid_text(CR_SPAN_ARRAY(bytes), digits)) {
        return cr_fail(err, CR_MALFORMED, NULL, "'%s' is no ICCID", text);
    }
    *out = cr_arena_printf(&cli->arena, "%s", digits);
    return *out ? CR_OK : cr_fail_memory(err);
}

cr_status cli_eid(struct cli *cli, const char *text, const char **out, struct cr_err *err)
{
    uint8_t bytes[16];
    char digits[RSP_EID_TEXT];
    CR_TRY(rsp_eid_parse(cr_span_str(text), bytes, err));
    if (!rsp_eid_text(CR_SPAN_ARRAY(bytes), digits)) {
        return cr_fail(err, CR_MALFORMED, NULL, "'%s' is no EID", text);
    }
    if (!rsp_eid_check(CR_SPAN_ARRAY(bytes))) {
        (void)fprintf(cli->err, "%s: warning: the check digits of EID %s are wrong\n", cli->path,
                      digits);
    }
    *out = cr_arena_printf(&cli->arena, "%s", digits);
    return *out ? CR_OK : cr_fail_memory(err);
}
