#include "smsr/fanout.h"

#include "smsr/core.h"
#include "smsr/grants.h"

/* Whether the owner of the Profile is among the recipients; grantees always are. */
enum owner_rule {
    UNLESS_REQUESTER, /* who asked for it has the Response */
    NEVER,            /* the owner hears of it in another way */
    BY_SMDP           /* when an SM-DP did it */
};

static const struct {
    enum soap_name name;
    enum owner_rule owner;
} rules[] = {
    {SOAP_PROFILE_ENABLED, UNLESS_REQUESTER}, {SOAP_PROFILE_DISABLED, UNLESS_REQUESTER},
    {SOAP_PROFILE_DELETED, UNLESS_REQUESTER}, {SOAP_PROFILE_DOWNLOADED, NEVER},
    {SOAP_PROFILE_POL2_UPDATED, BY_SMDP},     {SOAP_EMERGENCY_SET, UNLESS_REQUESTER},
    {SOAP_EMERGENCY_UNSET, UNLESS_REQUESTER}, {SOAP_FALLBACK_SET, UNLESS_REQUESTER},
    {SOAP_FALLBACK_UNSET, UNLESS_REQUESTER},
};

/* ---- routes ------------------------------------------------------------------------------------
 */

struct route {
    const struct m2m_party *to; /* NULL = none */
    enum soap_interface interface;
};

/* To a recipient: through its SM-DP when the configuration says so, directly when it listens,
 * through `smdp` (of the Profile; NULL = none) otherwise. */
static struct route route_to(const struct smsr *sr, const char *recipient, const char *smdp)
{
    const struct m2m_party *party = m2m_party_by_oid(sr->parties, cr_span_str(recipient));
    const char *through = party && party->through ? party->through : NULL;
    if (party && !through && m2m_party_url(party, SOAP_ES4) &&
        (party->roles & (SOAP_OPERATOR | SOAP_M2MSP))) {
        return (struct route){.to = party, .interface = SOAP_ES4};
    }
    through = through ? through : smdp;
    const struct m2m_party *relay =
        through ? m2m_party_by_oid(sr->parties, cr_span_str(through)) : NULL;
    if (relay && (relay->roles & SOAP_SMDP) && m2m_party_url(relay, SOAP_ES3)) {
        return (struct route){.to = relay, .interface = SOAP_ES3};
    }
    return (struct route){0};
}

static cr_status put_on(struct smsr *sr, struct store_tx *tx, enum soap_name name,
                        const char *recipient, const struct route *route,
                        const struct soap_body *body, struct cr_err *err)
{
    if (!route->to) {
        cr_log(sr->env, CR_LOG_WARNING, "no route to %s for a notification", recipient);
        return CR_OK;
    }
    struct soap_body out = *body;
    if (route->interface == SOAP_ES3) {
        out.mno_id = cr_span_str(recipient);
    }
    return m2m_notify(sr->m2m, tx, route->to, soap_function(route->interface, name), &out, err);
}

static cr_status put_out(struct smsr *sr, struct store_tx *tx, enum soap_name name,
                         const char *recipient, const char *smdp, const struct soap_body *body,
                         struct cr_err *err)
{
    const struct route route = route_to(sr, recipient, smdp);
    return put_on(sr, tx, name, recipient, &route, body, err);
}

/* ---- Profiles ----------------------------------------------------------------------------------
 */

static cr_status to_owner(struct smsr *sr, struct store_tx *tx, const struct smsr_news *news,
                          enum owner_rule rule, const struct soap_body *body, struct cr_err *err)
{
    const struct smsr_profile *p = news->profile;
    uint32_t discarded = 0;
    if (rule == NEVER || (rule == BY_SMDP && !news->by_smdp) ||
        (rule == UNLESS_REQUESTER && smsr_same(news->requester, p->mno_id))) {
        return CR_OK;
    }
    CR_TRY(smsr_onc_find(tx, p->mno_id, p->type, &discarded, err));
    if (discarded & smsr_discard_of(news->name)) {
        return CR_OK;
    }
    return put_out(sr, tx, news->name, p->mno_id, p->smdp_id, body, err);
}

static cr_status to_grantees(struct smsr *sr, struct store_tx *tx, const struct smsr_news *news,
                             const struct soap_body *body, cr_arena *arena, struct cr_err *err)
{
    const struct smsr_profile *p = news->profile;
    struct smsr_oids grantees;
    CR_TRY(smsr_plma_grantees(tx, p->mno_id, p->type, smsr_grant_of(news->name), arena, &grantees,
                              err));
    for (size_t i = 0; i < grantees.count; i++) {
        if (!smsr_same(grantees.items[i], news->requester)) {
            CR_TRY(put_out(sr, tx, news->name, grantees.items[i], NULL, body, err));
        }
    }
    return CR_OK;
}

cr_status smsr_fan_out(struct smsr *sr, struct store_tx *tx, const struct smsr_news *news,
                       struct cr_err *err)
{
    const struct smsr_profile *p = news->profile;
    size_t i = 0;
    while (i < CR_COUNT(rules) && rules[i].name != news->name) {
        i++;
    }
    if (i == CR_COUNT(rules)) {
        return cr_fail(err, CR_INTERNAL, NULL, "no notification about a Profile");
    }
    const struct soap_body body = {.eid = p->eid,
                                   .iccid = cr_span_str(p->iccid),
                                   .mno_id = cr_span_str(p->mno_id),
                                   .profile_type = cr_span_str(p->type),
                                   .has_completion_timestamp = true,
                                   .completion_timestamp = cr_now_ms(sr->env)};
    cr_arena arena = {0};
    cr_status status = to_owner(sr, tx, news, rules[i].owner, &body, err);
    if (status == CR_OK) {
        status = to_grantees(sr, tx, news, &body, &arena, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- authorisations ----------------------------------------------------------------------------
 */

cr_status smsr_fan_out_plma(struct smsr *sr, struct store_tx *tx, const struct soap_plma *plma,
                            struct cr_err *err)
{
    const struct soap_body body = {.has_plma = true,
                                   .plma = *plma,
                                   .has_completion_timestamp = true,
                                   .completion_timestamp = cr_now_ms(sr->env)};
    cr_arena arena = {0};
    const char *grantee = NULL;
    cr_status status = smsr_text(plma->m2m_sp_id, &arena, &grantee, err);
    if (status == CR_OK) {
        status = put_out(sr, tx, SOAP_PLMA_CHANGED, grantee, NULL, &body, err);
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- SM-SR change ------------------------------------------------------------------------------
 */

struct audience {
    const char *oid, *smdp;
};

static cr_status add_audience(struct audience *list, size_t room, size_t *count, const char *oid,
                              const char *smdp, struct cr_err *err)
{
    for (size_t i = 0; i < *count; i++) {
        if (smsr_same(list[i].oid, oid)) {
            return CR_OK;
        }
    }
    if (*count == room) {
        return cr_fail(err, CR_RESOURCE, NULL, "too many parties for one eUICC");
    }
    list[(*count)++] = (struct audience){.oid = oid, .smdp = smdp};
    return CR_OK;
}

static cr_status audience_of(struct store_tx *tx, const struct smsr_euicc *euicc, cr_arena *arena,
                             struct audience *list, size_t room, size_t *count, struct cr_err *err)
{
    struct smsr_profiles profiles;
    CR_TRY(smsr_profile_list(tx, euicc->eid, arena, &profiles, err));
    *count = 0;
    for (size_t i = 0; i < profiles.count; i++) {
        const struct smsr_profile *p = &profiles.items[i];
        struct smsr_oids grantees;
        CR_TRY(add_audience(list, room, count, p->mno_id, p->smdp_id, err));
        CR_TRY(smsr_plma_grantees(tx, p->mno_id, p->type, smsr_grant_of(SOAP_SMSR_CHANGED), arena,
                                  &grantees, err));
        for (size_t k = 0; k < grantees.count; k++) {
            CR_TRY(add_audience(list, room, count, grantees.items[k], NULL, err));
        }
    }
    return CR_OK;
}

static cr_status tell_change(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *euicc,
                             const char *oid, const struct route *route, cr_arena *arena,
                             struct cr_err *err)
{
    struct soap_body body = {.has_eis = true,
                             .has_completion_timestamp = true,
                             .completion_timestamp = cr_now_ms(sr->env)};
    CR_TRY(smsr_eis_show(sr, tx, euicc, SMSR_VIEW_CHANGE, oid, arena, &body.eis, err));
    return put_on(sr, tx, SOAP_SMSR_CHANGED, oid, route, &body, err);
}

/* An SM-DP has to know too whom to ask about the eUICC from now on, also where the owners of its
 * Profiles hear of it directly. */
static cr_status to_smdps(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *euicc,
                          struct audience *told, size_t room, size_t count, cr_arena *arena,
                          struct cr_err *err)
{
    struct smsr_profiles profiles;
    CR_TRY(smsr_profile_list(tx, euicc->eid, arena, &profiles, err));
    for (size_t i = 0; i < profiles.count; i++) {
        const struct smsr_profile *p = &profiles.items[i];
        const size_t before = count;
        const struct route route = {
            .to = p->smdp_id ? m2m_party_by_oid(sr->parties, cr_span_str(p->smdp_id)) : NULL,
            .interface = SOAP_ES3};
        if (!route.to || !(route.to->roles & SOAP_SMDP) || !m2m_party_url(route.to, SOAP_ES3)) {
            continue;
        }
        CR_TRY(add_audience(told, room, &count, p->smdp_id, NULL, err));
        if (count > before) {
            CR_TRY(tell_change(sr, tx, euicc, p->mno_id, &route, arena, err));
        }
    }
    return CR_OK;
}

cr_status smsr_fan_out_change(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *euicc,
                              struct cr_err *err)
{
    struct audience list[M2M_MAX_PARTIES], smdps[M2M_MAX_PARTIES];
    size_t count = 0, told = 0;
    cr_arena arena = {0};
    cr_status status = audience_of(tx, euicc, &arena, list, CR_COUNT(list), &count, err);
    for (size_t i = 0; status == CR_OK && i < count; i++) {
        const struct route route = route_to(sr, list[i].oid, list[i].smdp);
        if (route.to && route.interface == SOAP_ES3) {
            status = add_audience(smdps, CR_COUNT(smdps), &told, route.to->oid, NULL, err);
        }
        if (status == CR_OK) {
            status = tell_change(sr, tx, euicc, list[i].oid, &route, &arena, err);
        }
    }
    if (status == CR_OK) {
        status = to_smdps(sr, tx, euicc, smdps, CR_COUNT(smdps), told, &arena, err);
    }
    cr_arena_free(&arena);
    return status;
}
