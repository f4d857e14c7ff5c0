#include "lpa/events.h"

#include "base/text.h"
#include "rsp/ids.h"
#include "rsp/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- values ---- */

static json_t *begin(const char *event)
{
    json_t *line = json_object();
    (void)json_object_set_new(line, "event", json_string(event));
    return line;
}

static void finish(cr_buf *out, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    if (text) {
        cr_buf_append_str(out, text);
        cr_buf_append_byte(out, '\n');
    } else {
        out->failed = true;
    }
    free(text);
    json_decref(line);
}

static void put_str(json_t *o, const char *name, const char *text)
{
    if (text && text[0]) {
        (void)json_object_set_new(o, name, json_string(text));
    }
}

/* Text from outside; what is no UTF-8 goes out as hex, so that the line stays readable. */
static void put_text(json_t *o, const char *name, cr_span text)
{
    if (!cr_span_present(text)) {
        return;
    }
    if (cr_utf8_valid(text)) {
        (void)json_object_set_new(o, name, json_stringn((const char *)text.p, text.n));
        return;
    }
    cr_buf hex = {0};
    cr_hex_append(&hex, text);
    put_str(o, name, cr_buf_cstr(&hex));
    cr_buf_free(&hex);
}

static void put_int(json_t *o, const char *name, int64_t value)
{
    (void)json_object_set_new(o, name, json_integer(value));
}

static void put_bool(json_t *o, const char *name, bool value)
{
    (void)json_object_set_new(o, name, json_boolean(value));
}

static void put_hex(json_t *o, const char *name, cr_span bytes)
{
    if (cr_span_present(bytes)) {
        cr_buf hex = {0};
        cr_hex_append(&hex, bytes);
        put_str(o, name, cr_buf_cstr(&hex));
        cr_buf_free(&hex);
    }
}

static void put_base64(json_t *o, const char *name, cr_span bytes)
{
    if (bytes.n > 0) {
        cr_buf text = {0};
        cr_base64_append(&text, bytes);
        put_str(o, name, cr_buf_cstr(&text));
        cr_buf_free(&text);
    }
}

static void put_iccid(json_t *o, cr_span iccid)
{
    char text[RSP_ICCID_TEXT];
    if (rsp_iccid_text(iccid, text)) {
        put_str(o, "iccid", text);
    }
}

static void put_version(json_t *o, const char *name, cr_span bytes)
{
    struct rsp_version version;
    char text[RSP_VERSION_TEXT];
    if (rsp_version_from_bytes(bytes, &version)) {
        put_str(o, name, rsp_version_format(version, text));
    }
}

/* A word of a names table, or the number as text where it has none. */
static void put_name(json_t *o, const char *name, const struct asn1_name *names, int64_t value)
{
    const char *word = asn1_name_of(names, value);
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)value);
    put_str(o, name, word ? word : number);
}

static void put_bits(json_t *o, const char *name, const struct asn1_name *names, uint64_t bits)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < 64; i++) {
        if (!(bits >> i & 1)) {
            continue;
        }
        const char *word = asn1_name_of(names, i);
        char number[24];
        (void)snprintf(number, sizeof(number), "%lld", (long long)i);
        (void)json_array_append_new(list, json_string(word ? word : number));
    }
    (void)json_object_set_new(o, name, list);
}

static json_t *operator_json(const struct rsp_operator_id *owner)
{
    json_t *o = json_object();
    put_hex(o, "mccMnc", owner->mcc_mnc);
    put_hex(o, "gid1", owner->gid1);
    put_hex(o, "gid2", owner->gid2);
    return o;
}

static void put_icon(json_t *o, bool has_type, int64_t type, cr_span icon)
{
    if (has_type && icon.n > 0) {
        put_name(o, "iconType", rsp_icon_type_names, type);
        put_base64(o, "icon", icon);
    }
}

static void put_configuration(json_t *o, const rsp_notification_configuration_list *list)
{
    if (list->count == 0) {
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *entry = json_object();
        put_text(entry, "address", list->items[i].notification_address);
        put_bits(entry, "operations", rsp_notification_event_names,
                 list->items[i].profile_management_operation);
        (void)json_array_append_new(array, entry);
    }
    (void)json_object_set_new(o, "notificationConfiguration", array);
}

/* ---- events ---- */

void lpa_event_progress(cr_buf *out, const struct lpa_progress *progress)
{
    json_t *line = begin("progress");
    put_str(line, "stage", lpa_stage_name(progress->stage));
    put_int(line, "step", progress->step);
    put_int(line, "steps", progress->steps);
    if (progress->done > 0 || progress->total > 0) {
        put_int(line, "done", (int64_t)progress->done);
    }
    if (progress->total > 0) {
        put_int(line, "total", (int64_t)progress->total);
    }
    finish(out, line);
}

static void put_metadata(json_t *o, const struct rsp_store_metadata *m)
{
    put_iccid(o, m->iccid);
    put_text(o, "serviceProviderName", m->service_provider_name);
    put_text(o, "profileName", m->profile_name);
    put_name(o, "profileClass", rsp_profile_class_names, m->profile_class);
    put_icon(o, m->has_icon_type, m->icon_type, m->icon);
    if (m->has_profile_owner) {
        (void)json_object_set_new(o, "profileOwner", operator_json(&m->profile_owner));
    }
    if (m->has_profile_policy_rules) {
        put_bits(o, "profilePolicyRules", rsp_ppr_names, m->profile_policy_rules);
    }
    put_configuration(o, &m->notification_configuration_info);
}

void lpa_event_metadata(cr_buf *out, const struct lpa_offer *offer)
{
    json_t *line = begin("metadata");
    put_text(line, "server", offer->server);
    put_bool(line, "confirmationCodeRequired", offer->confirmation_code_required);
    put_bool(line, "policyConsentRequired", offer->ppr.verdict == LPA_PPR_CONSENT);
    if (offer->metadata) {
        put_metadata(line, offer->metadata);
    }
    finish(out, line);
}

static void put_error(json_t *o, const struct cr_err *err)
{
    put_str(o, "category", cr_status_name(err->category));
    put_str(o, "cause", err->cause);
    put_str(o, "next", err->next);
    if (err->subject[0]) {
        put_str(o, "subjectCode", err->subject);
        put_str(o, "subject", rsp_subject_name(err->subject));
        put_str(o, "reasonCode", err->reason);
        put_str(o, "reason", rsp_reason_name(err->reason));
    }
    put_str(o, "field", err->field);
    put_str(o, "clause", err->clause);
}

static void put_send(json_t *o, const struct lpa_send_result *send)
{
    json_t *n = json_object();
    put_int(n, "sent", (int64_t)send->sent);
    put_int(n, "failed", (int64_t)send->failed);
    put_int(n, "waiting", (int64_t)send->waiting);
    if (send->failed > 0) {
        json_t *first = json_object();
        put_error(first, &send->first);
        (void)json_object_set_new(n, "error", first);
    }
    (void)json_object_set_new(o, "notifications", n);
}

void lpa_event_download(cr_buf *out, const struct lpa_download_result *result)
{
    json_t *line = begin("result");
    put_str(line, "command", "download");
    put_iccid(line, result->iccid);
    put_hex(line, "isdpAid", result->isdp_aid);
    put_int(line, "seqNumber", result->seq_number);
    put_int(line, "bytes", (int64_t)result->bpp_bytes);
    put_text(line, "elementStatus", result->sima_text);
    put_bool(line, "warnings", result->warnings);
    put_send(line, &result->send);
    finish(out, line);
}

void lpa_event_change(cr_buf *out, const char *command, const struct lpa_change *change)
{
    json_t *line = begin("result");
    put_str(line, "command", command);
    put_iccid(line, change->profile.iccid);
    put_hex(line, "isdpAid", change->profile.isdp_aid);
    put_bool(line, "already", change->already);
    if (change->notified) {
        put_send(line, &change->send);
    }
    finish(out, line);
}

void lpa_event_done(cr_buf *out, const char *command, int64_t count)
{
    json_t *line = begin("result");
    put_str(line, "command", command);
    if (count >= 0) {
        put_int(line, "count", count);
    }
    finish(out, line);
}

void lpa_event_error(cr_buf *out, const struct cr_err *err, const struct lpa_where *where)
{
    json_t *line = begin("error");
    put_error(line, err);
    put_str(line, "stage", lpa_stage_name(where->stage));
    put_str(line, "function", where->function);
    if (where->status_word) {
        char sw[8];
        (void)snprintf(sw, sizeof(sw), "%04X", where->status_word & 0xFFFF);
        put_str(line, "statusWord", sw);
    }
    if (where->http_status) {
        put_int(line, "httpStatus", where->http_status);
    }
    if (where->has_result) {
        put_int(line, "result", where->result);
        put_str(line, "resultName", where->result_name);
    }
    if (where->has_bpp) {
        put_int(line, "bppCommandId", where->bpp_command);
        put_str(line, "bppCommand", asn1_name_of(rsp_bpp_command_names, where->bpp_command));
        put_int(line, "errorReason", where->bpp_reason);
        put_str(line, "errorReasonName", asn1_name_of(rsp_install_error_names, where->bpp_reason));
    }
    if (where->has_cancel) {
        put_int(line, "cancelReason", where->cancel_reason);
        put_str(line, "cancelReasonName",
                asn1_name_of(rsp_cancel_reason_names, where->cancel_reason));
        put_bool(line, "cancelDelivered", where->cancel_delivered);
    }
    put_bool(line, "retry", where->retry_makes_sense || err->category == CR_RESOURCE);
    finish(out, line);
}

void lpa_event_profile(cr_buf *out, const struct rsp_profile_info *p)
{
    json_t *line = begin("profile");
    put_iccid(line, p->iccid);
    put_hex(line, "isdpAid", p->isdp_aid);
    put_str(line, "state", lpa_profile_enabled(p) ? "enabled" : "disabled");
    put_name(line, "profileClass", rsp_profile_class_names, lpa_profile_class(p));
    put_text(line, "nickname", p->profile_nickname);
    put_text(line, "serviceProviderName", p->service_provider_name);
    put_text(line, "profileName", p->profile_name);
    put_icon(line, p->has_icon_type, p->icon_type, p->icon);
    if (p->has_profile_owner) {
        (void)json_object_set_new(line, "profileOwner", operator_json(&p->profile_owner));
    }
    if (p->has_profile_policy_rules) {
        put_bits(line, "profilePolicyRules", rsp_ppr_names, p->profile_policy_rules);
    }
    put_configuration(line, &p->notification_configuration_info);
    finish(out, line);
}

void lpa_event_notification(cr_buf *out, const struct lpa_notification *n,
                            const enum lpa_sent *outcome, const struct cr_err *err)
{
    json_t *line = begin("notification");
    put_int(line, "seqNumber", n->seq_number);
    put_str(line, "operation", lpa_notification_event_name(n->event));
    put_text(line, "address", n->address);
    put_iccid(line, n->iccid);
    if (outcome) {
        put_str(line, "outcome", lpa_sent_name(*outcome));
    }
    if (err) {
        put_error(line, err);
    }
    finish(out, line);
}

/* ---- info ---- */

static void put_ci_list(json_t *o, const char *name, const rsp_span_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *ci = json_object();
        put_hex(ci, "keyId", list->items[i]);
        put_str(ci, "name", lpa_ci_name(list->items[i]));
        (void)json_array_append_new(array, ci);
    }
    (void)json_object_set_new(o, name, array);
}

static void put_info2(json_t *o, const struct lpa_info *info)
{
    const struct rsp_euicc_info2 *i2 = &info->info2;
    put_version(o, "profileVersion", i2->base_profile_package_version);
    put_version(o, "firmwareVersion", i2->euicc_firmware_version);
    put_version(o, "ts102241Version", i2->ts102241_version);
    put_version(o, "globalPlatformVersion", i2->globalplatform_version);
    put_version(o, "ppVersion", i2->pp_version);
    put_text(o, "sasAccreditationNumber", i2->sas_accreditation_number);
    put_bits(o, "uiccCapability", rsp_uicc_capability_names, i2->uicc_capability);
    put_bits(o, "rspCapability", rsp_euicc_capability_names, i2->euicc_rsp_capability);
    if (i2->has_euicc_category) {
        put_name(o, "category", rsp_euicc_category_names, i2->euicc_category);
    }
    if (i2->has_forbidden_profile_policy_rules) {
        put_bits(o, "forbiddenProfilePolicyRules", rsp_ppr_names,
                 i2->forbidden_profile_policy_rules);
    }
    if (info->has_resources) {
        put_int(o, "installedApplications", (int64_t)info->resources.installed_applications);
        put_int(o, "freeNonVolatileMemory", (int64_t)info->resources.free_non_volatile);
        put_int(o, "freeVolatileMemory", (int64_t)info->resources.free_volatile);
    }
}

static void put_rat(json_t *o, const struct rsp_get_rat_response *rat)
{
    json_t *array = json_array();
    for (size_t i = 0; i < rat->rat.count; i++) {
        const struct rsp_profile_policy_authorisation_rule *rule = &rat->rat.items[i];
        json_t *entry = json_object();
        put_bits(entry, "profilePolicyRules", rsp_ppr_names, rule->ppr_ids);
        put_bool(entry, "consentRequired", (rule->ppr_flags & RSP_PPR_CONSENT_REQUIRED) != 0);
        json_t *operators = json_array();
        for (size_t j = 0; j < rule->allowed_operators.count; j++) {
            (void)json_array_append_new(operators,
                                        operator_json(&rule->allowed_operators.items[j]));
        }
        (void)json_object_set_new(entry, "operators", operators);
        (void)json_array_append_new(array, entry);
    }
    (void)json_object_set_new(o, "rulesAuthorisationTable", array);
}

void lpa_event_info(cr_buf *out, const struct lpa_info *info)
{
    json_t *line = begin("info");
    char eid[RSP_EID_TEXT];
    if (info->has_eid && rsp_eid_text(CR_SPAN_ARRAY(info->eid), eid)) {
        put_str(line, "eid", eid);
        put_bool(line, "eidCheckDigits", rsp_eid_check(CR_SPAN_ARRAY(info->eid)));
    }
    put_hex(line, "isdrAid", info->isdr_aid);
    if (info->has_info1) {
        put_version(line, "svn", info->info1.lowest_svn);
        put_version(line, "highestSvn", info->info1.highest_svn);
        put_ci_list(line, "ciForVerification", &info->info1.euicc_ci_pkid_list_for_verification);
        put_ci_list(line, "ciForSigning", &info->info1.euicc_ci_pkid_list_for_signing);
    }
    if (info->has_info2) {
        put_info2(line, info);
    }
    if (info->has_addresses) {
        put_text(line, "defaultSmdpAddress", info->addresses.default_dp_address);
        put_text(line, "rootSmdsAddress", info->addresses.root_ds_address);
    }
    put_hex(line, "euiccConfiguredDataRaw", info->addresses_raw);
    if (info->has_rat) {
        put_rat(line, &info->rat);
    }
    finish(out, line);
}

void lpa_event_crl(cr_buf *out, const char *file, const struct lpa_crl_loaded *loaded)
{
    json_t *line = begin("crl");
    char when[CR_TIME_TEXT];
    json_t *missing = json_array();
    put_text(line, "file", cr_span_str(file));
    put_hex(line, "ciKeyId", loaded->crl.aki);
    put_hex(line, "crlNumber", loaded->crl.number);
    put_int(line, "revoked", (int64_t)loaded->crl.revoked_count);
    if (loaded->crl.next_update_ms) {
        put_str(line, "nextUpdate", cr_time_format(when, loaded->crl.next_update_ms));
    }
    put_bool(line, "already", loaded->already);
    for (size_t i = 0; i < loaded->missing && i < LPA_MAX_MISSING_PARTS; i++) {
        (void)json_array_append_new(missing, json_integer(loaded->missing_parts[i]));
    }
    (void)json_object_set_new(line, "missingParts", missing);
    finish(out, line);
}

void lpa_event_default_smdp(cr_buf *out, cr_span default_smdp, cr_span root_smds)
{
    json_t *line = begin("default-smdp");
    put_text(line, "defaultSmdpAddress",
             cr_span_present(default_smdp) ? default_smdp : cr_span_str(""));
    put_text(line, "rootSmdsAddress", root_smds);
    finish(out, line);
}

void lpa_event_waiting(cr_buf *out, const struct lpa_event *event)
{
    json_t *line = begin("waiting");
    put_text(line, "address", event->address);
    put_text(line, "eventId", event->event_id);
    put_bool(line, "defaultSmdp", event->from_default);
    finish(out, line);
}
