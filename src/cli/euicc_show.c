/*
 * crisp euicc show: a chip at one glance.
 */
#include "cli/euicc.h"

#include "cli/cert_text.h"
#include "cli/json_line.h"
#include "cli/metadata_options.h"
#include "cli/units.h"

#include "base/text.h"
#include "euicc/euicc.h"
#include "euicc/records.h"
#include "lpa/info.h"
#include "lpa/profiles.h"
#include "rsp/ids.h"

struct show_values {
    const char *dir;
    bool json;
};

/* Everything that is shown, in the command's arena. */
struct view {
    struct lpa_info info;
    rsp_profile_info_list profiles;
    struct lpa_notification_list notifications;
    struct euicc_credential_record credentials[EUICC_MAX_CREDENTIALS];
    size_t credential_count;
};

static cr_status read_chip(struct cli *cli, struct euicc *euicc, struct es10 *es10,
                           struct view *view, struct cr_err *err)
{
    struct lpa lpa = {.card = es10, .env = cli->env};
    CR_TRY(lpa_info(&lpa, &cli->arena, &view->info, err));
    CR_TRY(lpa_profile_list(&lpa, &cli->arena, &view->profiles, err));
    CR_TRY(lpa_notification_list(&lpa, &cli->arena, &view->notifications, err));
    for (unsigned n = 0; n < EUICC_MAX_CREDENTIALS; n++) {
        if (euicc_credential_get(euicc_nvm(euicc), n, &cli->arena,
                                 &view->credentials[view->credential_count])) {
            view->credential_count++;
        }
    }
    return CR_OK;
}

static cr_status look(struct cli *cli, const char *dir, struct view *view, struct cr_err *err)
{
    struct euicc *euicc = NULL;
    struct es10 *es10 = NULL;
    struct card card;
    struct es10_options options = {0};
    CR_TRY(euicc_open_dir(dir, cli->env, &euicc, err));
    euicc_card(euicc, &card);
    cr_status status = es10_open(&card, &options, NULL, &es10, err);
    if (status == CR_OK) {
        status = read_chip(cli, euicc, es10, view, err);
    }
    es10_free(es10);
    card.close(card.ctx);
    return status;
}

static const char *version_text(cr_span bytes, char out[RSP_VERSION_TEXT])
{
    struct rsp_version version;
    return rsp_version_from_bytes(bytes, &version) ? rsp_version_format(version, out) : "?";
}

static char *span_text(struct cli *cli, cr_span s)
{
    char *text = s.n ? cr_arena_strn(&cli->arena, s) : NULL;
    return text ? text : (char *)"-";
}

/* ---- for people -------------------------------------------------------------------------------
 */

static void put_info(struct cli *cli, const struct lpa_info *info)
{
    char eid[RSP_EID_TEXT];
    char version[RSP_VERSION_TEXT];
    char text[32];
    (void)rsp_eid_text(CR_SPAN_ARRAY(info->eid), eid);
    (void)fprintf(cli->out, "EID              %s\n", eid);
    if (info->has_info1) {
        (void)fprintf(cli->out, "SGP.22           %s\n",
                      version_text(info->info1.lowest_svn, version));
    }
    if (info->has_info2) {
        const struct rsp_euicc_info2 *i = &info->info2;
        cr_buf rules = {0};
        (void)fprintf(cli->out, "package format   %s\n",
                      version_text(i->base_profile_package_version, version));
        (void)fprintf(cli->out, "firmware         %s\n",
                      version_text(i->euicc_firmware_version, version));
        cli_ppr_text(i->forbidden_profile_policy_rules, &rules);
        (void)fprintf(cli->out, "forbidden rules  %s\n", cr_buf_cstr(&rules));
        cr_buf_free(&rules);
    }
    if (info->has_addresses) {
        (void)fprintf(cli->out, "default SM-DP+   %s\nroot SM-DS       %s\n",
                      span_text(cli, info->addresses.default_dp_address),
                      span_text(cli, info->addresses.root_ds_address));
    }
    if (info->has_resources) {
        (void)fprintf(
            cli->out, "free memory      %s\n",
            cli_bytes_text(text, sizeof(text), (int64_t)info->resources.free_non_volatile));
    }
}

static void put_credential(struct cli *cli, const struct euicc_credential_record *c)
{
    const struct {
        const char *name;
        cr_span der;
    } rows[] = {{"eUICC", c->euicc_cert}, {"EUM", c->eum_cert}, {"CI", c->ci_cert}};
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pki_cert cert;
        cr_buf line = {0};
        if (pki_cert_decode(rows[i].der, &cert, NULL) == CR_OK) {
            pki_cert_summary(&cert, &line);
            (void)fprintf(cli->out, "  %-6s %s\n", rows[i].name, cr_buf_cstr(&line));
        }
        cr_buf_free(&line);
    }
}

static void put_profile(struct cli *cli, const struct rsp_profile_info *p)
{
    char iccid[RSP_ICCID_TEXT];
    int64_t class = lpa_profile_class(p);
    (void)rsp_iccid_text(p->iccid, iccid);
    (void)fprintf(cli->out, "  %-20s %-9s %-12s %s / %s", iccid,
                  lpa_profile_enabled(p) ? "enabled" : "disabled",
                  class >= 0 && class <= RSP_CLASS_OPERATIONAL ? cli_profile_class_words[class]
                                                               : "?",
                  span_text(cli, p->service_provider_name), span_text(cli, p->profile_name));
    if (p->profile_nickname.n) {
        (void)fprintf(cli->out, " \"%s\"", span_text(cli, p->profile_nickname));
    }
    if (p->has_profile_policy_rules && p->profile_policy_rules) {
        cr_buf rules = {0};
        cli_ppr_text(p->profile_policy_rules, &rules);
        (void)fprintf(cli->out, " [%s]", cr_buf_cstr(&rules));
        cr_buf_free(&rules);
    }
    (void)fputc('\n', cli->out);
}

static void put_view(struct cli *cli, const struct view *view)
{
    put_info(cli, &view->info);
    (void)fprintf(cli->out, "certificates\n");
    for (size_t i = 0; i < view->credential_count; i++) {
        put_credential(cli, &view->credentials[i]);
    }
    (void)fprintf(cli->out, "profiles         %s\n", view->profiles.count ? "" : "none");
    for (size_t i = 0; i < view->profiles.count; i++) {
        put_profile(cli, &view->profiles.items[i]);
    }
    (void)fprintf(cli->out, "notifications    %s\n",
                  view->notifications.count ? "" : "none pending");
    for (size_t i = 0; i < view->notifications.count; i++) {
        const struct lpa_notification *n = &view->notifications.items[i];
        char iccid[RSP_ICCID_TEXT];
        (void)rsp_iccid_text(n->iccid, iccid);
        (void)fprintf(cli->out, "  %-6lld %-8s %-20s to %s\n", (long long)n->seq_number,
                      lpa_notification_event_name(n->event), iccid, span_text(cli, n->address));
    }
}

/* ---- for programs -----------------------------------------------------------------------------
 */

static json_t *profile_json(const struct rsp_profile_info *p)
{
    json_t *json = json_object();
    char iccid[RSP_ICCID_TEXT];
    int64_t class = lpa_profile_class(p);
    (void)rsp_iccid_text(p->iccid, iccid);
    cli_json_text(json, "iccid", iccid);
    cli_json_hex(json, "aid", p->isdp_aid);
    cli_json_text(json, "state", lpa_profile_enabled(p) ? "enabled" : "disabled");
    if (class >= 0 && class <= RSP_CLASS_OPERATIONAL) {
        cli_json_text(json, "class", cli_profile_class_words[class]);
    }
    cli_json_span(json, "serviceProviderName", p->service_provider_name);
    cli_json_span(json, "profileName", p->profile_name);
    cli_json_span(json, "nickname", p->profile_nickname);
    return json;
}

static json_t *notification_json(const struct lpa_notification *n)
{
    json_t *json = json_object();
    char iccid[RSP_ICCID_TEXT];
    (void)rsp_iccid_text(n->iccid, iccid);
    (void)json_object_set_new(json, "sequence", json_integer(n->seq_number));
    cli_json_text(json, "event", lpa_notification_event_name(n->event));
    cli_json_text(json, "iccid", iccid);
    cli_json_span(json, "address", n->address);
    return json;
}

static json_t *view_json(const struct view *view)
{
    json_t *json = json_object();
    json_t *certificates = json_array();
    json_t *profiles = json_array();
    json_t *notifications = json_array();
    char text[RSP_EID_TEXT];
    (void)rsp_eid_text(CR_SPAN_ARRAY(view->info.eid), text);
    cli_json_text(json, "eid", text);
    cli_json_text(json, "svn", version_text(view->info.info1.lowest_svn, text));
    cli_json_span(json, "defaultSmdp", view->info.addresses.default_dp_address);
    cli_json_span(json, "rootSmds", view->info.addresses.root_ds_address);
    (void)json_object_set_new(json, "freeMemory",
                              json_integer((json_int_t)view->info.resources.free_non_volatile));
    for (size_t i = 0; i < view->credential_count; i++) {
        struct pki_cert cert;
        if (pki_cert_decode(view->credentials[i].euicc_cert, &cert, NULL) == CR_OK) {
            (void)json_array_append_new(certificates, cli_cert_json(&cert));
        }
    }
    for (size_t i = 0; i < view->profiles.count; i++) {
        (void)json_array_append_new(profiles, profile_json(&view->profiles.items[i]));
    }
    for (size_t i = 0; i < view->notifications.count; i++) {
        (void)json_array_append_new(notifications,
                                    notification_json(&view->notifications.items[i]));
    }
    (void)json_object_set_new(json, "certificates", certificates);
    (void)json_object_set_new(json, "profiles", profiles);
    (void)json_object_set_new(json, "notifications", notifications);
    return json;
}

/* ---- a machine's chip --------------------------------------------------------------------------
 */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "-";
}

static void put_m2m(struct cli *cli, const json_t *eis)
{
    const json_t *profiles = json_object_get(eis, "profiles");
    (void)fprintf(cli->out, "EID        %s (a machine's chip, SGP.02)\n", text_of(eis, "eid"));
    (void)fprintf(cli->out, "memory     %" JSON_INTEGER_FORMAT " bytes free for profiles\n",
                  json_integer_value(json_object_get(eis, "remainingMemory")));
    for (size_t i = 0; i < json_array_size(profiles); i++) {
        const json_t *p = json_array_get(profiles, i);
        (void)fprintf(cli->out, "profile    %s %s %s, POL1 %02X%s%s%s\n", text_of(p, "isd-p-aid"),
                      text_of(p, "iccid"), text_of(p, "state"),
                      (unsigned)json_integer_value(json_object_get(p, "pol1")),
                      json_is_true(json_object_get(p, "fallbackAttribute")) ? ", fall-back" : "",
                      json_is_true(json_object_get(p, "emergencyProfileAttribute")) ? ", emergency"
                                                                                    : "",
                      json_is_true(json_object_get(p, "testProfile")) ? ", test" : "");
    }
}

/* True when it is one, and was shown (or err says why not). */
static bool show_m2m(struct cli *cli, const struct show_values *v, cr_status *status,
                     struct cr_err *err)
{
    struct euicc *euicc = NULL;
    cr_buf text = {0};
    *status = euicc_open_dir(v->dir, cli->env, &euicc, err);
    if (*status != CR_OK || !euicc_is_m2m(euicc)) {
        euicc_free(euicc);
        return *status != CR_OK;
    }
    *status = euicc_eis(euicc, false, &text, err);
    json_t *eis = *status == CR_OK ? json_loadb((const char *)text.p, text.n, 0, NULL) : NULL;
    if (*status == CR_OK && !eis) {
        *status = cr_fail_memory(err);
    } else if (eis && v->json) {
        cli_put_json(cli, eis);
    } else if (eis) {
        put_m2m(cli, eis);
        json_decref(eis);
    }
    cr_buf_free(&text);
    euicc_free(euicc);
    return true;
}

static int show_run(struct cli *cli, const void *values)
{
    const struct show_values *v = values;
    struct cr_err err;
    struct view *view = cr_arena_alloc(&cli->arena, sizeof(*view));
    if (!view) {
        return cli_fail_memory(cli);
    }
    cr_status status;
    if (show_m2m(cli, v, &status, &err)) {
        return status == CR_OK ? CLI_OK : cli_fail(cli, &err, v->json);
    }
    if (look(cli, v->dir, view, &err) != CR_OK) {
        return cli_fail(cli, &err, v->json);
    }
    if (v->json) {
        cli_put_json(cli, view_json(view));
    } else {
        put_view(cli, view);
    }
    return CLI_OK;
}

static const struct cli_option arguments[] = {
    {.name = "DIR",
     .kind = CLI_STRING,
     .help = "Chip made by 'crisp euicc create'.",
     .required = true,
     .offset = offsetof(struct show_values, dir)},
};

static const struct cli_option options[] = {
    {.name = "json",
     .kind = CLI_FLAG,
     .help = "One JSON object instead of lines.",
     .offset = offsetof(struct show_values, json)},
};

const struct cli_command cli_euicc_show = {
    .name = "show",
    .summary = "show what a chip is and holds",
    .description = "Prints EID, versions, certificates, profiles, pending notifications and free "
                   "memory of a chip that no program uses at the moment.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct show_values),
    .run = show_run,
};
