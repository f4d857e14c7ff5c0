/*
 * Profiles and orders of an SM-DP+, found and shown.
 */
#include "cli/smdpp.h"

#include "cli/metadata_options.h"
#include "cli/units.h"

#include "base/text.h"
#include "rsp/activation_code.h"
#include "rsp/ids.h"

#include <strings.h>

#define BATCH 500

/* Those of smdpp_state_name(), as words of a command line. */
const char *const cli_state_words[] = {
    "available", "allocated", "linked",  "confirmed", "released",    "downloaded", "installed",
    "enabled",   "disabled",  "deleted", "error",     "unavailable", NULL,
};

enum smdpp_state cli_state_of(const char *word)
{
    for (int s = 1; word && s < SMDPP_STATES; s++) {
        if (strcasecmp(word, smdpp_state_name((enum smdpp_state)s)) == 0) {
            return (enum smdpp_state)s;
        }
    }
    return 0;
}

/* ---- finding ----------------------------------------------------------------------------------
 */

struct find {
    cr_arena *arena;
    const char *text, *iccid;
    struct smdpp_profile *out;
    bool found;
};

static cr_status find_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct find *f = ctx;
    if (f->iccid) {
        CR_TRY(smdpp_profile_by_iccid(tx, f->iccid, f->arena, f->out, &f->found, err));
    }
    if (!f->found) {
        CR_TRY(smdpp_profile_by_matching_id(tx, cr_span_str(f->text), f->arena, f->out, &f->found,
                                            err));
    }
    return CR_OK;
}

cr_status cli_smdpp_find(struct cli *cli, struct cli_smdpp *smdpp, const char *text,
                         struct smdpp_profile *out, struct cr_err *err)
{
    struct find f = {.arena = &cli->arena, .text = text, .out = out};
    if (cli_iccid(cli, text, &f.iccid, NULL) != CR_OK) {
        f.iccid = NULL;
    }
    CR_TRY(store_read(smdpp_store(smdpp->dp), find_work, &f, err));
    if (!f.found) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL,
                                   "there is no profile with the ICCID or MatchingID %s", text);
        return cr_err_next(err, status, "'crisp smdpp profile list' shows what there is");
    }
    return CR_OK;
}

/* ---- walking ----------------------------------------------------------------------------------
 */

struct batch {
    cr_arena arena;
    enum smdpp_state state;
    const char *after;
    struct smdpp_profile *rows;
    size_t count;
};

static cr_status copy_row(const struct smdpp_profile *p, void *ctx, struct cr_err *err)
{
    struct batch *b = ctx;
    struct smdpp_profile *to = &b->rows[b->count];
    const char **texts[] = {&to->iccid,        &to->type,        &to->owner,
                            &to->requester,    &to->matching_id, &to->eid,
                            &to->smds_address, &to->bound_eid,   &to->last_error};
    cr_span *spans[] = {&to->metadata,   &to->cc_hash, &to->transaction_id, &to->euicc_key,
                        &to->otpk_euicc, &to->otpk_dp, &to->bound_head,     &to->host_id};
    *to = *p;
    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        if (*texts[i]) {
            *texts[i] = cr_arena_printf(&b->arena, "%s", *texts[i]);
            if (!*texts[i]) {
                return cr_fail_memory(err);
            }
        }
    }
    for (size_t i = 0; i < CR_COUNT(spans); i++) {
        if (spans[i]->p) {
            *spans[i] = cr_arena_copy(&b->arena, *spans[i]);
            if (!spans[i]->p) {
                return cr_fail_memory(err);
            }
        }
    }
    b->count++;
    return CR_OK;
}

static cr_status read_batch(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct batch *b = ctx;
    return smdpp_profile_each(tx, b->state, b->after, BATCH, copy_row, b, err);
}

cr_status cli_smdpp_each(struct cli *cli, struct cli_smdpp *smdpp, enum smdpp_state state,
                         cli_profile_fn fn, void *ctx, struct cr_err *err)
{
    struct batch b = {.state = state};
    struct cli view = *cli; /* what fn allocates lives as long as the batch */
    view.arena = (cr_arena){0};
    char after[SMDPP_ICCID_DIGITS + 1];
    cr_status status = CR_OK;
    do {
        cr_arena_reset(&b.arena);
        cr_arena_reset(&view.arena);
        b.count = 0;
        b.rows = cr_arena_alloc_array(&b.arena, BATCH, sizeof(*b.rows));
        status =
            b.rows ? store_read(smdpp_store(smdpp->dp), read_batch, &b, err) : cr_fail_memory(err);
        for (size_t i = 0; status == CR_OK && i < b.count; i++) {
            fn(&view, &b.rows[i], ctx);
        }
        if (b.count > 0) {
            (void)cr_str_copy(after, sizeof(after), cr_span_str(b.rows[b.count - 1].iccid));
            b.after = after;
        }
    } while (status == CR_OK && b.count == BATCH);
    cr_arena_free(&b.arena);
    cr_arena_free(&view.arena);
    return status;
}

/* ---- showing ----------------------------------------------------------------------------------
 */

char *cli_smdpp_activation_code(struct cli *cli, const struct cli_smdpp *smdpp,
                                const struct smdpp_profile *profile, const char *address, bool oid,
                                bool prefix, struct cr_err *err)
{
    char dotted[DER_OID_TEXT];
    struct rsp_activation_code code = {
        .smdp_address = cr_span_str(address ? address : smdpp->address),
        .matching_id = cr_span_str(profile->matching_id ? profile->matching_id : ""),
        .confirmation_code_required = cr_span_present(profile->cc_hash),
    };
    if (!profile->matching_id) {
        (void)cr_fail(err, CR_REFUSED, NULL, "ICCID %s has no confirmed order: it is %s",
                      profile->iccid, smdpp_state_name(profile->state));
        return NULL;
    }
    if (oid || smdpp->with_oid) {
        if (der_oid_text(smdpp->config.oid, dotted, err) != CR_OK) {
            return NULL;
        }
        code.smdp_oid = cr_span_str(dotted);
    }
    cr_buf text = {0};
    char *out = NULL;
    if (rsp_activation_code_build(&code, prefix, &text, err) == CR_OK) {
        out = cr_arena_strn(&cli->arena, cr_buf_span(&text));
        if (!out) {
            (void)cr_fail_memory(err);
        }
    }
    cr_buf_free(&text);
    return out;
}

static void put_number(json_t *json, const char *name, int64_t value)
{
    (void)json_object_set_new(json, name, json_integer(value));
}

static bool is_ordered(const struct smdpp_profile *p)
{
    return p->state != SMDPP_AVAILABLE && p->state != SMDPP_UNAVAILABLE;
}

/* The names in the metadata; empty when they cannot be read. */
static void read_metadata(struct cli *cli, const struct smdpp_profile *p,
                          struct rsp_store_metadata *out)
{
    *out = (struct rsp_store_metadata){0};
    if (asn1_decode(&rsp_store_metadata_type, p->metadata, ASN1_DECODE_BER_LENGTHS, &cli->arena,
                    out, NULL) != CR_OK) {
        *out = (struct rsp_store_metadata){0};
    }
}

json_t *cli_smdpp_profile_json(struct cli *cli, const struct cli_smdpp *smdpp,
                               const struct smdpp_profile *p)
{
    struct rsp_store_metadata m;
    json_t *json = json_object();
    char when[CR_TIME_TEXT];
    cr_buf rules = {0};
    read_metadata(cli, p, &m);
    cli_ppr_text((uint64_t)p->policy_rules, &rules);
    cli_json_text(json, "iccid", p->iccid);
    cli_json_text(json, "state", smdpp_state_name(p->state));
    cli_json_text(json, "type", p->type);
    cli_json_text(json, "owner", p->owner);
    cli_json_span(json, "serviceProviderName", m.service_provider_name);
    cli_json_span(json, "profileName", m.profile_name);
    if (p->profile_class >= 0 && p->profile_class <= RSP_CLASS_OPERATIONAL) {
        cli_json_text(json, "class", cli_profile_class_words[p->profile_class]);
    }
    cli_json_text(json, "policyRules", cr_buf_cstr(&rules));
    put_number(json, "size", p->size);
    cli_json_text(json, "imported", cr_time_format(when, p->created_ms));
    cli_json_text(json, "changed", cr_time_format(when, p->updated_ms));
    cli_json_text(json, "lastError", p->last_error);
    if (is_ordered(p)) {
        cli_json_text(json, "requester", p->requester);
        cli_json_text(json, "eid", p->eid);
        cli_json_text(json, "boundEid", p->bound_eid);
        if (p->matching_id) {
            (void)json_object_set_new(json, "matchingId", json_string(p->matching_id));
            cli_json_text(json, "activationCode",
                          cli_smdpp_activation_code(cli, smdpp, p, NULL, false, true, NULL));
        }
        (void)json_object_set_new(json, "confirmationCodeRequired",
                                  json_boolean(cr_span_present(p->cc_hash)));
        put_number(json, "confirmationCodeFailures", p->cc_failures);
        put_number(json, "confirmationCodeLimit", p->cc_limit);
        put_number(json, "downloads", p->downloads);
        put_number(json, "downloadLimit", p->download_limit);
        cli_json_text(json, "expires", p->expires_ms ? cr_time_format(when, p->expires_ms) : NULL);
    }
    cr_buf_free(&rules);
    return json;
}

static void line(struct cli *cli, const char *name, const char *value)
{
    if (value && value[0]) {
        (void)fprintf(cli->out, "%-18s %s\n", name, value);
    }
}

static void span_line(struct cli *cli, const char *name, cr_span s)
{
    line(cli, name, s.n ? cr_arena_strn(&cli->arena, s) : NULL);
}

static void order_text(struct cli *cli, const struct cli_smdpp *smdpp,
                       const struct smdpp_profile *p)
{
    char text[96];
    line(cli, "ordered by", p->requester && p->requester[0] ? p->requester : "the command line");
    line(cli, "for EID", p->eid ? p->eid : "any");
    line(cli, "MatchingID",
         !p->matching_id     ? "none yet: not confirmed"
         : p->matching_id[0] ? p->matching_id
                             : "none: default SM-DP+ order");
    if (p->matching_id) {
        line(cli, "activation code",
             cli_smdpp_activation_code(cli, smdpp, p, NULL, false, true, NULL));
    }
    (void)snprintf(text, sizeof(text), "required, %lld of %lld wrong attempts",
                   (long long)p->cc_failures, (long long)p->cc_limit);
    line(cli, "confirmation code", cr_span_present(p->cc_hash) ? text : "not required");
    (void)snprintf(text, sizeof(text), "%lld of %lld", (long long)p->downloads,
                   (long long)p->download_limit);
    line(cli, "download attempts", text);
    line(cli, "expires", p->expires_ms ? cr_time_format(text, p->expires_ms) : "never");
    line(cli, "bound to EID", p->bound_eid);
}

void cli_smdpp_profile_text(struct cli *cli, const struct cli_smdpp *smdpp,
                            const struct smdpp_profile *p)
{
    struct rsp_store_metadata m;
    char text[64];
    cr_buf rules = {0};
    read_metadata(cli, p, &m);
    cli_ppr_text((uint64_t)p->policy_rules, &rules);
    line(cli, "ICCID", p->iccid);
    line(cli, "state", smdpp_state_name(p->state));
    line(cli, "last error", p->last_error);
    line(cli, "type", p->type);
    line(cli, "owner", p->owner);
    span_line(cli, "provider", m.service_provider_name);
    span_line(cli, "name", m.profile_name);
    if (p->profile_class >= 0 && p->profile_class <= RSP_CLASS_OPERATIONAL) {
        line(cli, "class", cli_profile_class_words[p->profile_class]);
    }
    line(cli, "policy rules", cr_buf_cstr(&rules));
    line(cli, "package", cli_bytes_text(text, sizeof(text), p->size));
    line(cli, "imported", cr_time_format(text, p->created_ms));
    line(cli, "changed", cr_time_format(text, p->updated_ms));
    if (is_ordered(p)) {
        order_text(cli, smdpp, p);
    }
    cr_buf_free(&rules);
}
