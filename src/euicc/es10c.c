/*
 * ES10c (SGP.22 5.7.15 to 5.7.22): profiles listed, enabled, disabled, deleted, named; memory
 * reset; EID.
 *
 * A change of the enabled profile is in the memory when the answer leaves. What the terminal sees
 * follows at once (refreshFlag false, or no toolkit), or with the REFRESH that it is sent.
 */
#include "euicc/chip.h"

#include "rsp/es10c.h"

/* ---- finding -----------------------------------------------------------------------------------
 */

static bool find_by_iccid(struct euicc *e, cr_span iccid, cr_arena *arena,
                          struct euicc_profile *out)
{
    struct euicc_profile profile = {0};
    while (euicc_profile_next(e->nvm, profile.id, arena, &profile)) {
        if (cr_span_equal(profile.iccid, iccid)) {
            *out = profile;
            return true;
        }
    }
    return false;
}

static bool find_profile(struct euicc *e, const struct rsp_profile_identifier *identifier,
                         cr_arena *arena, struct euicc_profile *out)
{
    if (identifier->which == RSP_PROFILE_BY_ICCID) {
        return find_by_iccid(e, identifier->iccid, arena, out);
    }
    struct euicc_profile profile = {0};
    while (euicc_profile_next(e->nvm, profile.id, arena, &profile)) {
        uint8_t aid[16];
        if (cr_span_equal(euicc_isdp_aid(profile.id, aid), identifier->isdp_aid)) {
            *out = profile;
            return true;
        }
    }
    return false;
}

/* ---- GetProfilesInfo ---------------------------------------------------------------------------
 */

static cr_status fill_info(const struct euicc_profile *profile, cr_span tag_list, cr_arena *arena,
                           struct rsp_profile_info *out, struct cr_err *err)
{
    struct rsp_store_metadata m;
    uint8_t *aid = cr_arena_alloc(arena, 16);
    if (!aid) {
        return cr_fail_memory(err);
    }
    CR_TRY(asn1_decode(&rsp_store_metadata_type, profile->metadata, ASN1_DECODE_BER_LENGTHS, arena,
                       &m, err));
    *out = (struct rsp_profile_info){
        .iccid = profile->iccid,
        .isdp_aid = euicc_isdp_aid(profile->id, aid),
        .has_profile_state = true,
        .profile_state = profile->enabled ? RSP_STATE_ENABLED : RSP_STATE_DISABLED,
        .profile_nickname = profile->nickname,
        .service_provider_name = m.service_provider_name,
        .profile_name = m.profile_name,
        .has_icon_type = m.has_icon_type,
        .icon_type = m.icon_type,
        .icon = m.icon,
        .has_profile_class = true,
        .profile_class = profile->profile_class,
        .notification_configuration_info = m.notification_configuration_info,
        .has_profile_owner = m.has_profile_owner,
        .profile_owner = m.profile_owner,
        .has_profile_policy_rules = profile->policy_rules != 0,
        .profile_policy_rules = profile->policy_rules,
        .service_specific_data_stored_in_euicc = m.service_specific_data_stored_in_euicc,
        .carrier_privilege_rules = m.carrier_privilege_rules,
    };
    if (profile->dp_proprietary_data.p) {
        out->has_dp_proprietary_data = true;
        CR_TRY(asn1_decode(&rsp_dp_proprietary_data_type, profile->dp_proprietary_data,
                           ASN1_DECODE_BER_LENGTHS, arena, &out->dp_proprietary_data, err));
    }
    rsp_profile_info_select(out, tag_list);
    return CR_OK;
}

static bool is_wanted(const struct rsp_profile_info_list_request *in,
                      const struct euicc_profile *profile)
{
    uint8_t aid[16];
    const struct rsp_profiles_search *search = &in->search_criteria;
    if (in->iccid.p) {
        return cr_span_equal(profile->iccid, in->iccid);
    }
    switch (search->which) {
    case RSP_PROFILES_BY_AID:
        return cr_span_equal(euicc_isdp_aid(profile->id, aid), search->isdp_aid);
    case RSP_PROFILES_BY_ICCID:
        return cr_span_equal(profile->iccid, search->iccid);
    case RSP_PROFILES_BY_CLASS:
        return profile->profile_class == search->profile_class;
    default:
        return true;
    }
}

#define INFO_WITHOUT_ICON 512 /* bytes that one entry takes in most cases */

static uicc_sw get_profiles_info(struct euicc *e, cr_arena *arena, const void *request,
                                 void *response)
{
    const struct rsp_profile_info_list_request *in = request;
    struct rsp_profile_info_list_response *out = response;
    struct euicc_profile profile = {0};
    if (e->refresh_pending) {
        return UICC_SW_CONDITIONS;
    }
    out->which = RSP_PROFILE_INFO_LIST_OK;
    out->profile_info_list_ok.present = true;
    out->profile_info_list_ok.items =
        cr_arena_alloc_array(arena, EUICC_MAX_PROFILES, sizeof(struct rsp_profile_info));
    bool ok = out->profile_info_list_ok.items != NULL;
    size_t bytes = 0;
    while (ok && out->profile_info_list_ok.count < EUICC_MAX_PROFILES &&
           euicc_profile_next(e->nvm, profile.id, arena, &profile)) {
        if (is_wanted(in, &profile)) {
            size_t i = out->profile_info_list_ok.count++;
            struct rsp_profile_info *info = &out->profile_info_list_ok.items[i];
            ok = fill_info(&profile, in->tag_list, arena, info, NULL) == CR_OK;
            /* More icons than an answer can carry: the host asks again without them. */
            bytes += ok ? info->icon.n + INFO_WITHOUT_ICON : 0;
            ok = ok && bytes <= UICC_MAX_RESPONSE;
        }
    }
    if (!ok) {
        memset(out, 0, sizeof(*out));
        out->which = RSP_PROFILE_INFO_LIST_ERROR;
        out->profile_info_list_error = RSP_PROFILES_INFO_UNDEFINED;
    }
    return UICC_SW_OK;
}

/* ---- the switch --------------------------------------------------------------------------------
 */

/* The terminal performed the REFRESH, or will not; or the card was reset: then the new one shows.
 */
static void refreshed(void *ctx, struct uicc *uicc, const struct uicc_answer *answer)
{
    struct euicc *e = ctx;
    (void)uicc;
    if (answer->outcome != UICC_RESET) {
        /* Fails for a wrong prefix only, and this one is made here. */
        cr_status status = euicc_show_profile(e, NULL);
        (void)status;
    }
}

/* A terminal whose profile lacks REFRESH is none to wait for. */
static bool has_toolkit(const struct euicc *e)
{
    return uicc_toolkit_offers(e->uicc, CAT_REFRESH, CAT_REFRESH_UICC_RESET);
}

static bool toolkit_busy(const struct euicc *e, bool refresh)
{
    return refresh && has_toolkit(e) && uicc_proactive_pending(e->uicc) > 0;
}

static uint8_t refresh_mode(const struct euicc *e)
{
    return uicc_toolkit_offers(e->uicc, CAT_REFRESH, CAT_REFRESH_PROFILE_STATE)
               ? CAT_REFRESH_PROFILE_STATE
               : CAT_REFRESH_UICC_RESET;
}

/* Makes the memory's enabled profile visible, now or by REFRESH. */
static cr_status switch_view(struct euicc *e, bool refresh, struct cr_err *err)
{
    if (refresh && has_toolkit(e)) {
        CR_TRY(uicc_proactive_refresh(e->uicc, refresh_mode(e), refreshed, e, err));
        e->refresh_pending = true;
        return CR_OK;
    }
    return euicc_show_profile(e, err);
}

static cr_status set_state(struct euicc *e, struct euicc_profile *profile, bool enabled,
                           struct cr_err *err)
{
    profile->enabled = enabled;
    CR_TRY(euicc_profile_put(e->nvm, profile, err));
    CR_TRY(euicc_id_put(e->nvm, "on", enabled ? profile->id : 0, err));
    return euicc_notify(e, profile, enabled ? RSP_EVENT_LOCAL_ENABLE : RSP_EVENT_LOCAL_DISABLE,
                        err);
}

/* 0 or why not (SGP.22 5.7.16). */
static int64_t check_enable(struct euicc *e, const struct euicc_profile *target,
                            const struct euicc_profile *current)
{
    if (target->enabled) {
        return RSP_PROFILE_NOT_IN_EXPECTED_STATE;
    }
    if (!current->id) {
        return RSP_PROFILE_OK;
    }
    if ((current->policy_rules & RSP_PPR1) && target->profile_class == RSP_CLASS_OPERATIONAL) {
        return RSP_PROFILE_DISALLOWED_BY_POLICY;
    }
    if (current->profile_class == RSP_CLASS_TEST && target->profile_class != RSP_CLASS_TEST &&
        target->id != euicc_id_get(e->nvm, "back")) {
        return RSP_PROFILE_WRONG_REENABLING;
    }
    return RSP_PROFILE_OK;
}

static cr_status do_enable(struct euicc *e, struct euicc_profile *target,
                           struct euicc_profile *current, bool refresh, struct cr_err *err)
{
    if (current->id) {
        CR_TRY(set_state(e, current, false, err));
        bool interrupted = target->profile_class == RSP_CLASS_TEST &&
                           current->profile_class == RSP_CLASS_OPERATIONAL;
        if (interrupted) {
            CR_TRY(euicc_id_put(e->nvm, "back", current->id, err));
        }
    }
    if (target->profile_class != RSP_CLASS_TEST) {
        CR_TRY(euicc_id_put(e->nvm, "back", 0, err));
    }
    CR_TRY(set_state(e, target, true, err));
    return switch_view(e, refresh, err);
}

static uicc_sw enable_profile(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_enable_profile_request *in = request;
    struct rsp_enable_profile_response *out = response;
    struct euicc_profile target;
    struct euicc_profile current = {0};
    if (!find_profile(e, &in->profile_identifier, arena, &target)) {
        out->enable_result = RSP_PROFILE_ICCID_OR_AID_NOT_FOUND;
        return UICC_SW_OK;
    }
    (void)euicc_profile_get(e->nvm, euicc_id_get(e->nvm, "on"), arena, &current);
    out->enable_result = check_enable(e, &target, &current);
    if (out->enable_result == RSP_PROFILE_OK && toolkit_busy(e, in->refresh_flag)) {
        out->enable_result = RSP_PROFILE_CAT_BUSY;
    }
    if (out->enable_result != RSP_PROFILE_OK) {
        return UICC_SW_OK;
    }
    return do_enable(e, &target, &current, in->refresh_flag, NULL) == CR_OK ? UICC_SW_OK
                                                                            : UICC_SW_MEMORY;
}

/* An operational profile that a test profile interrupted comes back now that no profile is enabled.
 */
static cr_status bring_back(struct euicc *e, cr_arena *arena, struct cr_err *err)
{
    struct euicc_profile back;
    uint16_t id = euicc_id_get(e->nvm, "back");
    CR_TRY(euicc_id_put(e->nvm, "back", 0, err));
    return euicc_profile_get(e->nvm, id, arena, &back) ? set_state(e, &back, true, err) : CR_OK;
}

static cr_status do_disable(struct euicc *e, struct euicc_profile *target, bool refresh,
                            cr_arena *arena, struct cr_err *err)
{
    CR_TRY(set_state(e, target, false, err));
    CR_TRY(bring_back(e, arena, err));
    return switch_view(e, refresh, err);
}

static uicc_sw disable_profile(struct euicc *e, cr_arena *arena, const void *request,
                               void *response)
{
    const struct rsp_disable_profile_request *in = request;
    struct rsp_disable_profile_response *out = response;
    struct euicc_profile target;
    if (!find_profile(e, &in->profile_identifier, arena, &target)) {
        out->disable_result = RSP_PROFILE_ICCID_OR_AID_NOT_FOUND;
    } else if (!target.enabled) {
        out->disable_result = RSP_PROFILE_NOT_IN_EXPECTED_STATE;
    } else if (target.policy_rules & RSP_PPR1) {
        out->disable_result = RSP_PROFILE_DISALLOWED_BY_POLICY;
    } else if (toolkit_busy(e, in->refresh_flag)) {
        out->disable_result = RSP_PROFILE_CAT_BUSY;
    } else if (do_disable(e, &target, in->refresh_flag, arena, NULL) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    return UICC_SW_OK;
}

/* ---- DeleteProfile -----------------------------------------------------------------------------
 */

/* The notification comes last: what is deleted makes room for it. */
static cr_status do_delete(struct euicc *e, const struct euicc_profile *target, struct cr_err *err)
{
    if (euicc_id_get(e->nvm, "back") == target->id) {
        CR_TRY(euicc_id_put(e->nvm, "back", 0, err));
    }
    CR_TRY(euicc_profile_delete(e->nvm, target->id, err));
    return euicc_notify(e, target, RSP_EVENT_LOCAL_DELETE, err);
}

static uicc_sw delete_profile(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_profile_identifier *in = request;
    struct rsp_delete_profile_response *out = response;
    struct euicc_profile target;
    if (e->refresh_pending) {
        return UICC_SW_CONDITIONS; /* what is to be deleted may still be what the terminal sees */
    }
    if (!find_profile(e, in, arena, &target)) {
        out->delete_result = RSP_PROFILE_ICCID_OR_AID_NOT_FOUND;
    } else if (target.enabled) {
        out->delete_result = RSP_PROFILE_NOT_IN_EXPECTED_STATE;
    } else if (target.policy_rules & RSP_PPR2) {
        out->delete_result = RSP_PROFILE_DISALLOWED_BY_POLICY;
    } else if (do_delete(e, &target, NULL) != CR_OK) {
        return UICC_SW_MEMORY;
    }
    return UICC_SW_OK;
}

/* ---- eUICCMemoryReset --------------------------------------------------------------------------
 */

/* Every profile of this chip came over the air: "pre-loaded" sets are empty. */
static bool is_chosen(uint64_t options, const struct euicc_profile *profile)
{
    switch (profile->profile_class) {
    case RSP_CLASS_TEST:
        return options & RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES;
    case RSP_CLASS_PROVISIONING:
        return options & RSP_RESET_DELETE_PROVISIONING_PROFILES;
    default:
        return options & RSP_RESET_DELETE_OPERATIONAL_PROFILES;
    }
}

static cr_status reset_profiles(struct euicc *e, uint64_t options, cr_arena *arena, size_t *deleted,
                                bool *enabled_gone, struct cr_err *err)
{
    struct euicc_profile profile = {0};
    while (euicc_profile_next(e->nvm, profile.id, arena, &profile)) {
        if (!is_chosen(options, &profile)) {
            continue;
        }
        (*deleted)++;
        *enabled_gone = *enabled_gone || profile.enabled;
        if (profile.enabled) {
            CR_TRY(euicc_id_put(e->nvm, "on", 0, err));
        }
        CR_TRY(do_delete(e, &profile, err));
    }
    return CR_OK;
}

static uicc_sw memory_reset(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_euicc_memory_reset_request *in = request;
    struct rsp_euicc_memory_reset_response *out = response;
    size_t deleted = 0;
    bool enabled_gone = false;
    bool address_gone =
        (in->reset_options & RSP_RESET_DEFAULT_SMDP_ADDRESS) && e->config.default_smdp.n > 0;
    if (toolkit_busy(e, true)) {
        out->reset_result = RSP_RESET_CAT_BUSY;
        return UICC_SW_OK;
    }
    if (reset_profiles(e, in->reset_options, arena, &deleted, &enabled_gone, NULL) != CR_OK ||
        (enabled_gone && bring_back(e, arena, NULL) != CR_OK)) {
        return UICC_SW_MEMORY;
    }
    if (address_gone) {
        struct euicc_config config = e->config;
        config.default_smdp = (cr_span){0};
        if (euicc_config_put(e->nvm, &config, NULL) != CR_OK) {
            return UICC_SW_MEMORY;
        }
        euicc_remember_smdp(e, (cr_span){0});
    }
    if (deleted == 0 && !address_gone) {
        out->reset_result = RSP_RESET_NOTHING_TO_DELETE;
        return UICC_SW_OK;
    }
    euicc_session_drop(e);
    /* What was visible is gone already: the REFRESH only tells the terminal. */
    if (enabled_gone && (euicc_show_profile(e, NULL) != CR_OK ||
                         (has_toolkit(e) && uicc_proactive_refresh(e->uicc, refresh_mode(e),
                                                                   refreshed, e, NULL) != CR_OK))) {
        return UICC_SW_MEMORY;
    }
    return UICC_SW_OK;
}

/* ---- GetEID, SetNickname -----------------------------------------------------------------------
 */

static uicc_sw get_eid(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_get_euicc_data_request *in = request;
    struct rsp_get_euicc_data_response *out = response;
    (void)arena;
    if (!rsp_tag_list_has(in->tag_list, 0x5A)) {
        return UICC_SW_NO_REFERENCE;
    }
    out->eid_value = e->config.eid;
    return UICC_SW_OK;
}

static uicc_sw set_nickname(struct euicc *e, cr_arena *arena, const void *request, void *response)
{
    const struct rsp_set_nickname_request *in = request;
    struct rsp_set_nickname_response *out = response;
    struct euicc_profile profile;
    if (!find_by_iccid(e, in->iccid, arena, &profile)) {
        out->set_nickname_result = RSP_SET_NICKNAME_ICCID_NOT_FOUND;
        return UICC_SW_OK;
    }
    profile.nickname = in->profile_nickname.n ? in->profile_nickname : (cr_span){0};
    out->set_nickname_result = euicc_profile_put(e->nvm, &profile, NULL) == CR_OK
                                   ? RSP_SET_NICKNAME_OK
                                   : RSP_SET_NICKNAME_UNDEFINED;
    return UICC_SW_OK;
}

const struct euicc_function_row euicc_es10c_functions[] = {
    {0xBF2D, &rsp_profile_info_list_request_type, &rsp_profile_info_list_response_type,
     get_profiles_info},
    {0xBF31, &rsp_enable_profile_request_type, &rsp_enable_profile_response_type, enable_profile},
    {0xBF32, &rsp_disable_profile_request_type, &rsp_disable_profile_response_type,
     disable_profile},
    {0xBF33, &rsp_delete_profile_request_type, &rsp_delete_profile_response_type, delete_profile},
    {0xBF34, &rsp_euicc_memory_reset_request_type, &rsp_euicc_memory_reset_response_type,
     memory_reset},
    {0xBF3E, &rsp_get_euicc_data_request_type, &rsp_get_euicc_data_response_type, get_eid},
    {0xBF29, &rsp_set_nickname_request_type, &rsp_set_nickname_response_type, set_nickname},
};
const size_t euicc_es10c_count = CR_COUNT(euicc_es10c_functions);
