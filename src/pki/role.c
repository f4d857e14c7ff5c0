#include "pki/role.h"

#include "base/text.h"

#define ARC        0x67, 0x81, 0x12, 0x01, 0x02, 0x01 /* 2.23.146.1.2.1 */
#define CA_USAGE   PKI_KU_KEY_CERT_SIGN
#define CI_BIT     PKI_ROLE_BIT(PKI_ROLE_CI)
#define CI_SUB_BIT PKI_ROLE_BIT(PKI_ROLE_CI_SUBCA)
#define DP_SUB_BIT PKI_ROLE_BIT(PKI_ROLE_DP_SUBCA)
#define DS_SUB_BIT PKI_ROLE_BIT(PKI_ROLE_DS_SUBCA)
#define EUM_BIT    PKI_ROLE_BIT(PKI_ROLE_EUM)
#define EUM_SUB    PKI_ROLE_BIT(PKI_ROLE_EUM_SUBCA)

static const struct pki_role_profile profiles[PKI_ROLES] = {
    [PKI_ROLE_NONE] = {.name = "none",
                       .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                       .tls = true,
                       .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT}},
    [PKI_ROLE_CI] = {.name = "ci",
                     .policy = {{ARC, 0}},
                     .policy_size = {7, 0},
                     .ca = true,
                     .key_usage = CA_USAGE | PKI_KU_CRL_SIGN,
                     .policies_critical = true,
                     .any_depth = true},
    [PKI_ROLE_CI_SUBCA] = {.name = "ci-subca",
                           .policy = {{0}, {ARC, 0, 0}},
                           .policy_size = {0, 8},
                           .ca = true,
                           .key_usage = CA_USAGE,
                           .policies_critical = true,
                           .issuers = {0, CI_BIT},
                           .any_depth = true},
    [PKI_ROLE_EUM] = {.name = "eum",
                      .policy = {{ARC, 2}, {ARC, 0, 0, 0}},
                      .policy_size = {7, 9},
                      .ca = true,
                      .key_usage = CA_USAGE,
                      .policies_critical = true,
                      .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT}},
    [PKI_ROLE_EUM_SUBCA] = {.name = "eum-subca",
                            .policy = {{0}, {ARC, 0, 0, 0, 0}},
                            .policy_size = {0, 10},
                            .ca = true,
                            .key_usage = CA_USAGE,
                            .policies_critical = true,
                            .issuers = {0, EUM_BIT}},
    [PKI_ROLE_EUICC] = {.name = "euicc",
                        .policy = {{ARC, 1}, {ARC, 0, 0, 0, 0, 0}},
                        .policy_size = {7, 11},
                        .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                        .policies_critical = true,
                        .issuers = {EUM_BIT, EUM_BIT | EUM_SUB}},
    [PKI_ROLE_DP_SUBCA] = {.name = "dp-subca",
                           .policy = {{0}, {ARC, 0, 0, 1}},
                           .policy_size = {0, 9},
                           .ca = true,
                           .key_usage = CA_USAGE,
                           .policies_critical = true,
                           .issuers = {0, CI_BIT | CI_SUB_BIT}},
    [PKI_ROLE_DP_TLS] = {.name = "dp-tls",
                         .policy = {{ARC, 3}, {ARC, 0, 0, 1, 0}},
                         .policy_size = {7, 10},
                         .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                         .tls = true,
                         .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT | DP_SUB_BIT}},
    [PKI_ROLE_DP_AUTH] = {.name = "dp-auth",
                          .policy = {{ARC, 4}, {ARC, 0, 0, 1, 1}},
                          .policy_size = {7, 10},
                          .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                          .policies_critical = true,
                          .needs_registered_id = true,
                          .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT | DP_SUB_BIT}},
    [PKI_ROLE_DP_PB] = {.name = "dp-pb",
                        .policy = {{ARC, 5}, {ARC, 0, 0, 1, 2}},
                        .policy_size = {7, 10},
                        .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                        .policies_critical = true,
                        .needs_registered_id = true,
                        .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT | DP_SUB_BIT}},
    [PKI_ROLE_DS_SUBCA] = {.name = "ds-subca",
                           .policy = {{0}, {ARC, 0, 0, 2}},
                           .policy_size = {0, 9},
                           .ca = true,
                           .key_usage = CA_USAGE,
                           .policies_critical = true,
                           .issuers = {0, CI_BIT | CI_SUB_BIT}},
    [PKI_ROLE_DS_TLS] = {.name = "ds-tls",
                         .policy = {{ARC, 6}, {ARC, 0, 0, 2, 0}},
                         .policy_size = {7, 10},
                         .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                         .tls = true,
                         .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT | DS_SUB_BIT}},
    [PKI_ROLE_DS_AUTH] = {.name = "ds-auth",
                          .policy = {{ARC, 7}, {ARC, 0, 0, 2, 1}},
                          .policy_size = {7, 10},
                          .key_usage = PKI_KU_DIGITAL_SIGNATURE,
                          .policies_critical = true,
                          .needs_registered_id = true,
                          .issuers = {CI_BIT, CI_BIT | CI_SUB_BIT | DS_SUB_BIT}},
};

const struct pki_role_profile *pki_role_profile(enum pki_role role)
{
    return &profiles[role];
}

const char *pki_role_name(enum pki_role role)
{
    return (unsigned)role < PKI_ROLES ? profiles[role].name : "unknown";
}

enum pki_role pki_role_from_name(cr_span name)
{
    for (unsigned i = 1; i < PKI_ROLES; i++) {
        if (cr_span_equal_nocase(name, cr_span_str(profiles[i].name))) {
            return (enum pki_role)i;
        }
    }
    return PKI_ROLE_NONE;
}

cr_span pki_role_policy(enum pki_role role, bool v3)
{
    /* One OID of the CI serves both versions. */
    size_t version = v3 && role != PKI_ROLE_CI ? 1 : 0;
    const struct pki_role_profile *p = &profiles[role];
    return p->policy_size[version] ? cr_span_of(p->policy[version], p->policy_size[version])
                                   : (cr_span){0};
}

enum pki_role pki_role_from_policy(cr_span oid, bool *v3)
{
    for (unsigned i = 1; i < PKI_ROLES; i++) {
        for (unsigned version = 0; version < 2; version++) {
            if (profiles[i].policy_size[version] == oid.n &&
                memcmp(profiles[i].policy[version], oid.p, oid.n) == 0 && oid.n > 0) {
                *v3 = version == 1;
                return (enum pki_role)i;
            }
        }
    }
    return PKI_ROLE_NONE;
}

bool pki_role_may_issue(enum pki_role issuer, bool issuer_v3, enum pki_role child, bool child_v3)
{
    if (issuer != PKI_ROLE_CI && child != PKI_ROLE_NONE && issuer_v3 != child_v3) {
        return false;
    }
    size_t version = child == PKI_ROLE_NONE ? issuer_v3 : child_v3;
    return (profiles[child].issuers[version] & PKI_ROLE_BIT(issuer)) != 0;
}
