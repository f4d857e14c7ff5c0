/*
 * An EIS for somebody's eyes (SGP.02 annex E): which parts a view has is one table.
 */
#include "smsr/core.h"
#include "smsr/grants.h"

enum part {
    SIGNED_WHOLE = 1 << 0, /* EumSignedInfo as received */
    SIGNED_PART = 1 << 1,  /* without load file, module and ECASD */
    SIGNATURE = 1 << 2,
    MEMORY = 1 << 3,
    LAST_AUDIT = 1 << 4,
    PROFILE_STATE = 1 << 5, /* beyond the names of a Profile */
    ISDR = 1 << 6,
    KEYSETS = 1 << 7, /* versions, types and counters; values never */
    TRAIL = 1 << 8,
    PROPERTIES = 1 << 9
};

static const unsigned views[] = {
    [SMSR_VIEW_OPERATOR] = SIGNED_PART | SIGNATURE | MEMORY | PROFILE_STATE | PROPERTIES,
    [SMSR_VIEW_SMDP] = SIGNED_WHOLE | SIGNATURE | MEMORY | PROFILE_STATE | ISDR | PROPERTIES,
    [SMSR_VIEW_CHANGE] = 0,
    [SMSR_VIEW_HANDOVER] = SIGNED_WHOLE | SIGNATURE | MEMORY | LAST_AUDIT | PROFILE_STATE | ISDR |
                           KEYSETS | TRAIL | PROPERTIES,
    [SMSR_VIEW_OWNER] = SIGNED_WHOLE | SIGNATURE | MEMORY | LAST_AUDIT | PROFILE_STATE | ISDR |
                        KEYSETS | TRAIL | PROPERTIES,
};

/* ---- the EUM's part ----------------------------------------------------------------------------
 */

static cr_status show_signed(struct store_tx *tx, const struct smsr_euicc *e, unsigned parts,
                             cr_arena *arena, struct soap_eis *out, struct cr_err *err)
{
    struct soap_eum_signed_info *info = &out->signed_info;
    struct smsr_euicc whole = *e;
    out->has_signed_info = true;
    if (parts & (SIGNED_WHOLE | SIGNED_PART | SIGNATURE)) {
        CR_TRY(smsr_euicc_signed(tx, arena, &whole, err));
    }
    if (parts & SIGNATURE) {
        out->eum_signature = whole.eum_signature;
    }
    if (!(parts & (SIGNED_WHOLE | SIGNED_PART))) {
        info->eid = e->eid;
        return CR_OK;
    }
    if (soap_type_read(&soap_eum_signed_info_type, whole.signed_info, arena, info, err) != CR_OK) {
        return cr_fail(err, CR_INTERNAL, NULL, "the stored EumSignedInfo cannot be read");
    }
    info->raw = whole.signed_info; /* byte for byte, not a second canonical form */
    if (parts & SIGNED_PART) {
        info->raw = info->isdp_loadfile_aid = info->isdp_module_aid = (cr_span){0};
        info->has_ecasd = false;
    }
    return CR_OK;
}

/* ---- ISD-R -------------------------------------------------------------------------------------
 */

static cr_status show_isdr(struct store_tx *tx, const struct smsr_euicc *e, unsigned parts,
                           cr_arena *arena, struct soap_eis *out, struct cr_err *err)
{
    struct soap_security_domain *d = &out->isdr;
    out->has_isdr = true;
    *d = (struct soap_security_domain){
        .aid = e->isdr_aid, .sin = e->sin, .sdin = e->sdin, .role = SOAP_ROLE_ISD_R};
    d->tars.count = e->isdr_tars.n / 3;
    d->tars.items = cr_arena_alloc_array(arena, d->tars.count, sizeof *d->tars.items);
    if (!d->tars.items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < d->tars.count; i++) {
        d->tars.items[i] = cr_span_sub(e->isdr_tars, 3 * i, 3);
    }
    if (!(parts & KEYSETS)) {
        return CR_OK;
    }
    struct smsr_keysets sets;
    CR_TRY(smsr_keyset_list(tx, e->eid, arena, &sets, err));
    d->keysets.items = cr_arena_alloc_array(arena, sets.count, sizeof *d->keysets.items);
    if (!d->keysets.items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < sets.count; i++) {
        d->keysets.items[d->keysets.count++] =
            (struct soap_keyset){.has_version = true,
                                 .version = sets.items[i].version,
                                 .type = sets.items[i].type,
                                 .has_counter = sets.items[i].type == SOAP_KEYSET_SCP80,
                                 .counter = (int64_t)sets.items[i].counter};
    }
    return CR_OK;
}

/* ---- Profiles ----------------------------------------------------------------------------------
 */

/* The SM-DP an operator without a connection of its own stands behind. */
static bool acts_for(const struct smsr *sr, const char *smdp, const char *owner)
{
    const struct m2m_party *party = m2m_party_by_oid(sr->parties, cr_span_str(owner));
    return party && smsr_same(party->through, smdp);
}

static cr_status visible(struct smsr *sr, struct store_tx *tx, const struct smsr_profile *p,
                         enum smsr_view view, const char *viewer, bool *out, struct cr_err *err)
{
    *out = false;
    if (p->state == SMSR_IN_CREATION) {
        return CR_OK;
    }
    if (!viewer) {
        *out = true;
        return CR_OK;
    }
    if (view == SMSR_VIEW_SMDP) {
        *out = smsr_same(p->smdp_id, viewer) || acts_for(sr, viewer, p->mno_id);
        return CR_OK;
    }
    if (smsr_same(p->mno_id, viewer)) {
        *out = true;
        return CR_OK;
    }
    smsr_grant granted;
    const smsr_grant wanted = view == SMSR_VIEW_CHANGE
                                  ? smsr_grant_of(SOAP_SMSR_CHANGED)
                                  : smsr_grant_of(SOAP_GET_EIS) | smsr_grant_of(SOAP_AUDIT_EIS);
    CR_TRY(smsr_plma_find(tx, p->mno_id, p->type, viewer, &granted, err));
    *out = (granted & wanted) != 0;
    return CR_OK;
}

static cr_status show_profile(const struct smsr_profile *p, unsigned parts, cr_arena *arena,
                              struct soap_profile_info *out, struct cr_err *err)
{
    *out = (struct soap_profile_info){.iccid = cr_span_str(p->iccid),
                                      .isdp_aid = p->aid,
                                      .mno_id = cr_span_str(p->mno_id),
                                      .smdp_id = cr_span_str(p->smdp_id),
                                      .profile_type = cr_span_str(p->type)};
    if (!(parts & PROFILE_STATE)) {
        return CR_OK;
    }
    out->has_fallback = true;
    out->fallback = p->fallback;
    out->has_address = true;
    out->address.imsi = cr_span_str(p->imsi);
    out->address.msisdn = cr_span_str(p->msisdn);
    out->state = (int)p->state;
    out->has_allocated_memory = true;
    out->allocated_memory = p->allocated_memory;
    out->has_free_memory = p->free_memory >= 0;
    out->free_memory = p->free_memory;
    out->has_pol2 = true;
    out->has_emergency = p->emergency;
    out->emergency = p->emergency;
    return smsr_pol2_write(p->pol2, arena, &out->pol2, err);
}

static cr_status show_profiles(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *e,
                               enum smsr_view view, const char *viewer, cr_arena *arena,
                               struct soap_eis *out, struct cr_err *err)
{
    struct smsr_profiles all;
    CR_TRY(smsr_profile_list(tx, e->eid, arena, &all, err));
    out->profiles.items = cr_arena_alloc_array(arena, all.count, sizeof *out->profiles.items);
    out->profiles.count = 0;
    if (!out->profiles.items) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < all.count; i++) {
        bool show;
        CR_TRY(visible(sr, tx, &all.items[i], view, viewer, &show, err));
        if (show) {
            CR_TRY(show_profile(&all.items[i], views[view], arena,
                                &out->profiles.items[out->profiles.count++], err));
        }
    }
    return CR_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

cr_status smsr_eis_show(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *e,
                        enum smsr_view view, const char *viewer, cr_arena *arena,
                        struct soap_eis *out, struct cr_err *err)
{
    const unsigned parts = views[view];
    *out = (struct soap_eis){.smsr_id = cr_span_str(smsr_oid(sr))};
    CR_TRY(show_signed(tx, e, parts, arena, out, err));
    CR_TRY(show_profiles(sr, tx, e, view, viewer, arena, out, err));
    if (parts & MEMORY) {
        out->has_remaining_memory = out->has_available_memory = true;
        out->remaining_memory = e->remaining_memory;
        out->available_memory = e->available_memory;
    }
    if (parts & LAST_AUDIT) {
        out->has_last_audit = e->last_audit_ms != 0;
        out->last_audit = e->last_audit_ms;
    }
    if (parts & ISDR) {
        CR_TRY(show_isdr(tx, e, parts, arena, out, err));
    }
    if (parts & TRAIL) {
        out->has_audit_trail = true;
        CR_TRY(smsr_audit_list(tx, e->eid, arena, &out->audit_trail, err));
    }
    if (parts & PROPERTIES) {
        CR_TRY(smsr_properties_list(tx, e->eid, arena, &out->properties, err));
        out->has_properties = out->properties.properties.count > 0;
    }
    return CR_OK;
}
