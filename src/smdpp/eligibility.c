#include "smdpp/eligibility.h"

#include "rsp/ids.h"
#include "rsp/metadata.h"

#define CLAUSE                "SGP.22 3.1.3"
#define TAG_FREE_NON_VOLATILE 0x82 /* of extCardResource */

static cr_status check_memory(const struct smdpp_profile *profile,
                              const struct rsp_euicc_info2 *info, struct cr_err *err)
{
    struct rsp_ext_card_resource resource;
    if (!(info->euicc_rsp_capability & RSP_EUICC_ADDITIONAL_PROFILE)) {
        return cr_refuse(err, "8.1", "4.8", CLAUSE, "the eUICC takes no additional profile");
    }
    /* A chip that does not say how much it has left is believed to have enough. */
    struct der_tlv said;
    if (der_find(info->ext_card_resource, TAG_FREE_NON_VOLATILE, &said) &&
        rsp_ext_card_resource_parse(info->ext_card_resource, &resource, NULL) == CR_OK &&
        resource.free_non_volatile < (uint64_t)profile->size) {
        cr_status status = cr_refuse(
            err, "8.1", "4.8", CLAUSE, "the eUICC has %llu bytes free, the profile needs %lld",
            (unsigned long long)resource.free_non_volatile, (long long)profile->size);
        return cr_err_next(err, status, "delete a profile on the eUICC and try again");
    }
    return CR_OK;
}

/* Major versions count: within one, the package says what it needs by its own service list. */
static bool package_version_supported(int64_t package_version, const struct rsp_euicc_info2 *info)
{
    struct rsp_version version;
    if (rsp_version_from_bytes(info->base_profile_package_version, &version) &&
        version.major >= package_version >> 8) {
        return true;
    }
    const rsp_span_list *more = &info->additional_euicc_profile_package_versions;
    for (size_t i = 0; i < more->count; i++) {
        if (rsp_version_from_bytes(more->items[i], &version) &&
            version.major == package_version >> 8) {
            return true;
        }
    }
    return false;
}

cr_status smdpp_check_eligibility(const struct smdpp_profile *profile,
                                  const struct rsp_euicc_info2 *info, bool *temporary,
                                  struct cr_err *err)
{
    *temporary = true;
    CR_TRY(check_memory(profile, info, err));
    *temporary = false;
    if (profile->profile_class == RSP_CLASS_TEST &&
        !(info->euicc_rsp_capability & RSP_EUICC_TEST_PROFILE)) {
        return cr_refuse(err, "8.2.5", "4.3", CLAUSE, "the eUICC takes no test profiles");
    }
    if (!package_version_supported(profile->package_version, info)) {
        return cr_refuse(err, "8.2.5", "4.3", CLAUSE,
                         "the eUICC does not support profile packages of version %lld",
                         (long long)(profile->package_version >> 8));
    }
    if (info->has_forbidden_profile_policy_rules &&
        (info->forbidden_profile_policy_rules & (uint64_t)profile->policy_rules)) {
        return cr_refuse(err, "8.2.5", "4.3", CLAUSE,
                         "the eUICC forbids a policy rule of the profile");
    }
    return CR_OK;
}
