/*
 * What `crisp lpa` shows to people, and the choice between that and JSON lines.
 */
#include "base/text.h"
#include "cli/lpa.h"
#include "cli/units.h"
#include "lpa/events.h"
#include "rsp/ids.h"
#include "rsp/status.h"

#include <stdlib.h>
#include <unistd.h>

#define SHOW_EVERY_MS  100
#define CLEAR_THE_LINE "\r\033[K"

void cli_lpa_line(struct cli_lpa *l, cr_buf *line)
{
    const char *text = cr_buf_cstr(line);
    if (text) {
        (void)fputs(text, l->cli->out);
        (void)fflush(l->cli->out);
    }
    cr_buf_free(line);
}

/* A server or a card must not be able to steer the terminal. */
const char *cli_lpa_clean(struct cli_lpa *l, cr_span text)
{
    char *out = cr_arena_strn(&l->cli->arena, text);
    for (size_t i = 0; out && i < text.n; i++) {
        bool c1 = (uint8_t)out[i] == 0xC2 && i + 1 < text.n && (uint8_t)out[i + 1] < 0xA0;
        if ((uint8_t)out[i] < 0x20 || out[i] == 0x7F) {
            out[i] = '?';
        } else if (c1 || (!cr_utf8_valid(text) && (uint8_t)out[i] >= 0x80)) {
            out[i] = '?';
            if (c1) {
                out[++i] = '?';
            }
        }
    }
    return out ? out : "";
}

const char *cli_lpa_iccid(struct cli_lpa *l, cr_span iccid)
{
    char text[RSP_ICCID_TEXT];
    if (!rsp_iccid_text(iccid, text)) {
        return "unknown";
    }
    const char *out = cr_arena_strn(&l->cli->arena, cr_span_str(text));
    return out ? out : "unknown";
}

/* ---- failures ---- */

static void print_codes(FILE *to, const struct cr_err *err, const struct lpa_where *where)
{
    if (err->subject[0]) {
        const char *subject = rsp_subject_name(err->subject);
        const char *reason = rsp_reason_name(err->reason);
        (void)fprintf(to, "  status code: subject %s (%s), reason %s (%s)\n", err->subject,
                      subject ? subject : "unknown", err->reason, reason ? reason : "unknown");
    }
    if (where->status_word) {
        (void)fprintf(to, "  status word: %04X\n", where->status_word);
    }
    if (where->http_status) {
        (void)fprintf(to, "  HTTP status: %d\n", where->http_status);
    }
    if (where->has_result) {
        (void)fprintf(to, "  result:      %lld (%s)\n", (long long)where->result,
                      where->result_name ? where->result_name : "unknown");
    }
    if (where->has_bpp) {
        const char *command = asn1_name_of(rsp_bpp_command_names, where->bpp_command);
        const char *reason = asn1_name_of(rsp_install_error_names, where->bpp_reason);
        (void)fprintf(to, "  package:     %s (bppCommandId %lld), %s (errorReason %lld)\n",
                      command ? command : "unknown", (long long)where->bpp_command,
                      reason ? reason : "unknown", (long long)where->bpp_reason);
    }
}

static void print_failure(struct cli_lpa *l, const struct cr_err *err)
{
    FILE *to = l->cli->err;
    const struct lpa_where *where = &l->lpa.where;
    (void)fprintf(to, "%s: %s\n", l->cli->path,
                  err->cause[0] ? cli_lpa_clean(l, cr_span_str(err->cause)) : "it failed");
    if (where->stage != LPA_STAGE_NONE) {
        (void)fprintf(to, "  stage:       %s\n", lpa_stage_text(where->stage));
    }
    if (where->function) {
        (void)fprintf(to, "  function:    %s\n", where->function);
    }
    print_codes(to, err, where);
    if (err->field[0]) {
        (void)fprintf(to, "  field:       %s\n", err->field);
    }
    if (err->clause[0]) {
        (void)fprintf(to, "  rule:        %s\n", err->clause);
    }
    if (where->has_cancel) {
        const char *reason = asn1_name_of(rsp_cancel_reason_names, where->cancel_reason);
        (void)fprintf(to, "  session:     cancelled, reason %s; %s\n", reason ? reason : "unknown",
                      where->cancel_delivered ? "the server knows" : "the server does not know");
    }
    if (err->next[0]) {
        (void)fprintf(to, "  what to do:  %s\n", cli_lpa_clean(l, cr_span_str(err->next)));
    }
}

int cli_lpa_fail(struct cli_lpa *l, const struct cr_err *err)
{
    cli_lpa_end_line(l);
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_error(&line, err, &l->lpa.where);
        cli_lpa_line(l, &line);
    } else {
        print_failure(l, err);
    }
    return err->category == CR_REFUSED ? CLI_REFUSED : CLI_FAILED;
}

/* ---- progress ---- */

void cli_lpa_end_line(struct cli_lpa *l)
{
    if (l->line_shown) {
        (void)fputs(CLEAR_THE_LINE, l->cli->err);
        (void)fflush(l->cli->err);
        l->line_shown = false;
    }
}

/* The first of a stage and the last are always shown, those between ten times a second. */
static bool worth_showing(struct cli_lpa *l, const struct lpa_progress *p)
{
    int64_t now = cr_now_ms(l->cli->env);
    bool edge = p->stage != l->stage_shown ||
                (p->total > 0 && p->done == p->total && p->done != l->done_shown);
    if (!edge && now - l->shown_ms < SHOW_EVERY_MS) {
        return false;
    }
    l->shown_ms = now;
    l->done_shown = p->done;
    return true;
}

void cli_lpa_progress(void *ctx, const struct lpa_progress *p)
{
    struct cli_lpa *l = ctx;
    bool terminal = isatty(fileno(l->cli->err)) == 1;
    bool new_stage = p->stage != l->stage_shown;
    if (!worth_showing(l, p)) {
        return;
    }
    l->stage_shown = p->stage;
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_progress(&line, p);
        cli_lpa_line(l, &line);
        return;
    }
    char bytes[96] = "";
    char done[32];
    char total[32];
    if (p->total > 0) {
        (void)snprintf(bytes, sizeof(bytes), ": %s of %s (%zu %%)",
                       cli_bytes_text(done, sizeof(done), (int64_t)p->done),
                       cli_bytes_text(total, sizeof(total), (int64_t)p->total),
                       p->done * 100 / p->total);
    } else if (p->done > 0) {
        (void)snprintf(bytes, sizeof(bytes), ": %s",
                       cli_bytes_text(done, sizeof(done), (int64_t)p->done));
    }
    if (terminal) {
        (void)fprintf(l->cli->err, CLEAR_THE_LINE "[%2d/%d] %s%s", p->step, p->steps,
                      lpa_stage_text(p->stage), bytes);
        l->line_shown = true;
    } else if (new_stage) {
        (void)fprintf(l->cli->err, "[%2d/%d] %s\n", p->step, p->steps, lpa_stage_text(p->stage));
    }
    (void)fflush(l->cli->err);
}

/* ---- notifications ---- */

void cli_lpa_print_notification(struct cli_lpa *l, const struct lpa_notification *n)
{
    (void)fprintf(l->cli->out, "%6lld  %-8s %-20s  %s\n", (long long)n->seq_number,
                  lpa_notification_event_name(n->event),
                  cr_span_present(n->iccid) ? cli_lpa_iccid(l, n->iccid) : "-",
                  cli_lpa_clean(l, n->address));
}

void cli_lpa_sent(void *ctx, const struct lpa_notification *n, enum lpa_sent sent,
                  const struct cr_err *err)
{
    struct cli_lpa *l = ctx;
    cli_lpa_end_line(l);
    if (l->v->json) {
        cr_buf line = {0};
        lpa_event_notification(&line, n, &sent, err);
        cli_lpa_line(l, &line);
        return;
    }
    static const char *const texts[] = {
        [LPA_SENT] = "sent and removed",
        [LPA_SENT_KEPT] = "sent, kept on the eUICC",
        [LPA_SENT_NOT_REMOVED] = "sent, but the eUICC did not remove it",
        [LPA_SENT_FAILED] = "not sent",
        [LPA_SENT_WAITING] = "waits for the one before it",
    };
    (void)fprintf(l->cli->err, "notification %lld (%s) to %s: %s%s%s\n", (long long)n->seq_number,
                  lpa_notification_event_name(n->event), cli_lpa_clean(l, n->address), texts[sent],
                  err ? ": " : "", err ? cli_lpa_clean(l, cr_span_str(err->cause)) : "");
}

/* Whoever needed --connect or --ca for the download forgets them easily here. */
static const char *same_options(const struct cli_lpa *l)
{
    return l->v->connect && l->v->ca ? " --ca ... --connect ..."
           : l->v->connect           ? " --connect ..."
           : l->v->ca                ? " --ca ..."
                                     : "";
}

void cli_lpa_print_send(struct cli_lpa *l, const struct lpa_send_result *send)
{
    if (l->v->json || (send->failed == 0 && send->waiting == 0)) {
        return;
    }
    (void)fprintf(l->cli->err,
                  "%zu notification(s) could not be delivered; the operator does not know yet. "
                  "`crisp lpa notification send --all%s` tries again.\n",
                  send->failed + send->waiting, same_options(l));
    if (send->failed > 0 && send->first.next[0]) {
        (void)fprintf(l->cli->err, "  what to do:  %s\n",
                      cli_lpa_clean(l, cr_span_str(send->first.next)));
    }
    if (!l->v->connect || !l->v->ca) {
        (void)fprintf(l->cli->err,
                      "  what to do:  a server that is not in DNS needs --connect HOST:PORT here "
                      "too, a CI of your own --ca FILE\n");
    }
}

/* ---- profiles ---- */

#define OPERATOR_TEXT 16

/* "999-70"; E stands for any digit in the rules of a card (SGP.22 2.9.3.2). NULL for no operator.
 */
static const char *operator_text(const struct rsp_operator_id *owner, char out[OPERATOR_TEXT])
{
    cr_span m = owner->mcc_mnc;
    if (m.n != 3) {
        return NULL;
    }
    if (cr_span_equal(m, cr_span_of("\xEE\xEE\xEE", 3))) {
        return "any operator";
    }
    /* Nibbles of TS 24.008: MCC2 MCC1, MNC3 MCC3, MNC2 MNC1; F where the MNC has two digits. */
    static const char digits[] = "0123456789ABCDEF";
    bool three = m.p[1] >> 4 != 0xF;
    (void)snprintf(out, OPERATOR_TEXT, "%c%c%c-%c%c%.*s", digits[m.p[0] & 0xF], digits[m.p[0] >> 4],
                   digits[m.p[1] & 0xF], digits[m.p[2] & 0xF], digits[m.p[2] >> 4], three ? 1 : 0,
                   &digits[m.p[1] >> 4]);
    return out;
}

static void print_owner(struct cli_lpa *l, const struct rsp_operator_id *owner)
{
    char text[OPERATOR_TEXT];
    const char *name = operator_text(owner, text);
    if (name) {
        (void)fprintf(l->cli->out, "  operator:      %s\n", name);
    }
}

static void print_rules(struct cli_lpa *l, uint64_t rules)
{
    for (uint64_t rule = 1; rule; rule <<= 1) {
        const char *text = rules & rule ? lpa_ppr_text(rule) : NULL;
        if (text) {
            (void)fprintf(l->cli->out, "  policy rule:   %s\n", text);
        }
    }
}

static void print_text(struct cli_lpa *l, const char *label, cr_span text)
{
    if (text.n > 0) {
        (void)fprintf(l->cli->out, "  %-14s %s\n", label, cli_lpa_clean(l, text));
    }
}

static void print_class(struct cli_lpa *l, int64_t value)
{
    const char *name = asn1_name_of(rsp_profile_class_names, value);
    if (value != RSP_CLASS_OPERATIONAL) {
        (void)fprintf(l->cli->out, "  class:         %s\n", name ? name : "unknown");
    }
}

static void print_icon(struct cli_lpa *l, bool has_type, int64_t type, cr_span icon)
{
    if (has_type && icon.n > 0) {
        const char *name = asn1_name_of(rsp_icon_type_names, type);
        (void)fprintf(l->cli->out, "  icon:          %s, %zu bytes\n", name ? name : "unknown",
                      icon.n);
    }
}

void cli_lpa_print_profile(struct cli_lpa *l, const struct rsp_profile_info *p)
{
    (void)fprintf(l->cli->out, "%s  %s\n", cli_lpa_iccid(l, p->iccid),
                  lpa_profile_enabled(p) ? "enabled" : "disabled");
    print_text(l, "nickname:", p->profile_nickname);
    print_text(l, "provider:", p->service_provider_name);
    print_text(l, "profile:", p->profile_name);
    print_class(l, lpa_profile_class(p));
    if (p->has_profile_owner) {
        print_owner(l, &p->profile_owner);
    }
    if (p->has_profile_policy_rules) {
        print_rules(l, p->profile_policy_rules);
    }
    print_icon(l, p->has_icon_type, p->icon_type, p->icon);
    char aid[2 * RSP_MAX_AID + 1];
    if (p->isdp_aid.n > 0) {
        (void)fprintf(l->cli->out, "  ISD-P:         %s\n",
                      cr_hex_into(aid, sizeof(aid), p->isdp_aid));
    }
}

void cli_lpa_print_offer(struct cli_lpa *l, const struct lpa_offer *offer)
{
    cli_lpa_end_line(l);
    (void)fprintf(l->cli->out, "%s offers:\n", cli_lpa_clean(l, offer->server));
    const struct rsp_store_metadata *m = offer->metadata;
    if (!m) {
        (void)fprintf(l->cli->out, "  a profile that it does not describe\n");
        return;
    }
    (void)fprintf(l->cli->out, "  ICCID:         %s\n", cli_lpa_iccid(l, m->iccid));
    print_text(l, "provider:", m->service_provider_name);
    print_text(l, "profile:", m->profile_name);
    print_class(l, m->profile_class);
    if (m->has_profile_owner) {
        print_owner(l, &m->profile_owner);
    }
    if (m->has_profile_policy_rules) {
        print_rules(l, m->profile_policy_rules);
    }
    print_icon(l, m->has_icon_type, m->icon_type, m->icon);
    if (offer->ppr.verdict == LPA_PPR_CONSENT) {
        (void)fprintf(l->cli->out,
                      "  These policy rules bind you until the operator lifts them.\n");
    }
    (void)fflush(l->cli->out);
}

/* ---- info ---- */

static void print_version(struct cli_lpa *l, const char *label, cr_span bytes)
{
    struct rsp_version version;
    char text[RSP_VERSION_TEXT];
    if (rsp_version_from_bytes(bytes, &version)) {
        (void)fprintf(l->cli->out, "%-22s %s\n", label, rsp_version_format(version, text));
    }
}

static void print_cis(struct cli_lpa *l, const char *label, const rsp_span_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        char id[2 * RSP_MAX_PKID + 1];
        const char *name = lpa_ci_name(list->items[i]);
        (void)fprintf(l->cli->out, "%-22s %s%s%s%s\n", i == 0 ? label : "",
                      cr_hex_into(id, sizeof(id), list->items[i]), name ? " (" : "",
                      name ? name : "", name ? ")" : "");
    }
}

static void print_bits(struct cli_lpa *l, const char *label, const struct asn1_name *names,
                       uint64_t bits)
{
    cr_buf text = {0};
    rsp_bits_text(names, bits, &text);
    const char *words = cr_buf_cstr(&text);
    if (words && words[0]) {
        (void)fprintf(l->cli->out, "%-22s %s\n", label, words);
    }
    cr_buf_free(&text);
}

static void print_memory(struct cli_lpa *l, const struct rsp_ext_card_resource *r)
{
    char text[32];
    (void)fprintf(l->cli->out, "%-22s %llu bytes (%s) for profiles; %llu bytes volatile\n",
                  "free memory", (unsigned long long)r->free_non_volatile,
                  cli_bytes_text(text, sizeof(text), (int64_t)r->free_non_volatile),
                  (unsigned long long)r->free_volatile);
}

static void print_addresses(struct cli_lpa *l, const struct rsp_euicc_configured_data *a)
{
    (void)fprintf(l->cli->out, "%-22s %s\n", "default SM-DP+",
                  a->default_dp_address.n ? cli_lpa_clean(l, a->default_dp_address) : "none");
    (void)fprintf(l->cli->out, "%-22s %s\n", "root SM-DS",
                  a->root_ds_address.n ? cli_lpa_clean(l, a->root_ds_address) : "none");
}

static void print_rat(struct cli_lpa *l, const struct rsp_get_rat_response *rat)
{
    if (rat->rat.count == 0) {
        (void)fprintf(l->cli->out, "%-22s none allowed\n", "policy rules");
    }
    for (size_t i = 0; i < rat->rat.count; i++) {
        const struct rsp_profile_policy_authorisation_rule *rule = &rat->rat.items[i];
        cr_buf text = {0};
        rsp_bits_text(rsp_ppr_names, rule->ppr_ids, &text);
        for (size_t j = 0; j < rule->allowed_operators.count; j++) {
            char plmn[OPERATOR_TEXT];
            const char *name = operator_text(&rule->allowed_operators.items[j], plmn);
            cr_buf_appendf(&text, "%s%s", j ? ", " : " for ", name ? name : "an unknown operator");
        }
        const char *words = cr_buf_cstr(&text);
        (void)fprintf(l->cli->out, "%-22s %s, %s consent\n", i == 0 ? "policy rules" : "",
                      words ? words : "",
                      rule->ppr_flags & RSP_PPR_CONSENT_REQUIRED ? "with" : "without");
        cr_buf_free(&text);
    }
}

/* An answer that is none of the standard's. */
static void print_raw(struct cli_lpa *l, const char *name, cr_span bytes, const char *why)
{
    cr_buf hex = {0};
    cr_hex_append(&hex, bytes);
    const char *text = cr_buf_cstr(&hex);
    (void)fprintf(l->cli->out, "%-22s %s (%s)\n", name, text ? text : "", why ? why : "unreadable");
    cr_buf_free(&hex);
}

void cli_lpa_print_info(struct cli_lpa *l, const struct lpa_info *info)
{
    char eid[RSP_EID_TEXT];
    char aid[2 * ES10_MAX_AID + 1];
    if (info->has_eid && rsp_eid_text(CR_SPAN_ARRAY(info->eid), eid)) {
        (void)fprintf(l->cli->out, "%-22s %s%s\n", "EID", eid,
                      rsp_eid_check(CR_SPAN_ARRAY(info->eid)) ? "" : " (check digits are wrong)");
    }
    (void)fprintf(l->cli->out, "%-22s %s\n", "ISD-R",
                  cr_hex_into(aid, sizeof(aid), info->isdr_aid));
    if (info->has_info1) {
        print_version(l, "SGP.22 version", info->info1.lowest_svn);
        print_version(l, "up to", info->info1.highest_svn);
        print_cis(l, "CIs it trusts", &info->info1.euicc_ci_pkid_list_for_verification);
        print_cis(l, "CIs it signs under", &info->info1.euicc_ci_pkid_list_for_signing);
    }
    if (info->has_info2) {
        print_version(l, "profile packages", info->info2.base_profile_package_version);
        print_version(l, "firmware", info->info2.euicc_firmware_version);
        print_version(l, "GlobalPlatform", info->info2.globalplatform_version);
        print_version(l, "Java Card API", info->info2.ts102241_version);
        print_version(l, "protection profile", info->info2.pp_version);
        if (info->info2.sas_accreditation_number.n > 0) {
            (void)fprintf(l->cli->out, "%-22s %s\n", "SAS accreditation",
                          cli_lpa_clean(l, info->info2.sas_accreditation_number));
        }
        print_bits(l, "UICC capability", rsp_uicc_capability_names, info->info2.uicc_capability);
        print_bits(l, "RSP capability", rsp_euicc_capability_names,
                   info->info2.euicc_rsp_capability);
        if (info->info2.has_forbidden_profile_policy_rules) {
            print_bits(l, "forbidden rules", rsp_ppr_names,
                       info->info2.forbidden_profile_policy_rules);
        }
    }
    if (info->has_resources) {
        print_memory(l, &info->resources);
    }
    if (info->has_addresses) {
        print_addresses(l, &info->addresses);
    }
    if (info->addresses_raw.n > 0) {
        print_raw(l, "addresses, raw", info->addresses_raw, info->addresses_why);
    }
    if (info->has_rat) {
        print_rat(l, &info->rat);
    }
}
