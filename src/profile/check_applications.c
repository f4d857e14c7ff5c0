/*
 * Security domains, remote file management, applications, authentication: who names whom.
 */
#include "base/text.h"
#include "profile/check.h"

#define HEX_AID 33

struct applications {
    const struct profile_package *package;
    const struct profile_tree *tree;
    const struct profile_reporter *reporter;
};

static const char *hex_of(cr_span aid, char out[HEX_AID])
{
    return cr_hex_into(out, HEX_AID, aid);
}

/* AIDs that an element gives to applications: number n of them; false behind the last. */
static bool aid_of(const struct profile_element *e, size_t n, cr_span *aid)
{
    if (e->kind == PROFILE_SECURITY_DOMAIN && n == 0) {
        *aid = e->sd.instance.instance_aid;
    } else if (e->kind == PROFILE_RFM && n == 0) {
        *aid = e->rfm.instance_aid;
    } else if (e->kind == PROFILE_APPLICATION && n < e->application.instance_list.count) {
        *aid = e->application.instance_list.items[n].instance_aid;
    } else {
        return false;
    }
    return true;
}

/* True when an element before (index, n) gives this AID. */
static bool is_taken(const struct applications *a, size_t index, size_t n, cr_span aid)
{
    cr_span other;
    for (size_t i = 0; i <= index; i++) {
        for (size_t k = 0; (i < index || k < n) && aid_of(&a->package->elements[i], k, &other);
             k++) {
            if (cr_span_equal(other, aid)) {
                return true;
            }
        }
    }
    return profile_tree_aid(a->tree, aid) != PROFILE_NO_NODE;
}

static void check_aids(const struct applications *a)
{
    char hex[HEX_AID];
    cr_span aid;
    for (size_t i = 0; i < a->package->count; i++) {
        for (size_t n = 0; aid_of(&a->package->elements[i], n, &aid); n++) {
            if (is_taken(a, i, n, aid)) {
                profile_report(a->reporter, PROFILE_RULE_AID_UNIQUE, i, NULL, "%s is taken",
                               hex_of(aid, hex));
            }
        }
    }
    for (size_t i = 0; i < a->tree->count; i++) {
        const struct profile_node *n = &a->tree->nodes[i];
        if (n->file.aid.n > 0 && profile_tree_aid(a->tree, n->file.aid) != i) {
            profile_report(a->reporter, PROFILE_RULE_AID_UNIQUE, n->element, n->name, "%s is taken",
                           hex_of(n->file.aid, hex));
        }
    }
}

static bool is_personalized(const struct profile_instance *instance)
{
    return instance->life_cycle_state.n == 1 &&
           instance->life_cycle_state.p[0] == PROFILE_LIFE_CYCLE_PERSONALIZED;
}

/* An absent AID stands for the MNO-SD, which order.sd-first is about. */
static void check_domain(const struct applications *a, size_t index, cr_span aid)
{
    char hex[HEX_AID];
    if (!cr_span_present(aid)) {
        return;
    }
    for (size_t i = 0; i < index; i++) {
        const struct profile_element *e = &a->package->elements[i];
        if (e->kind == PROFILE_SECURITY_DOMAIN && cr_span_equal(e->sd.instance.instance_aid, aid)) {
            if (!is_personalized(&e->sd.instance)) {
                profile_report(a->reporter, PROFILE_RULE_SD_MISSING, index, NULL,
                               "%s is not PERSONALIZED", hex_of(aid, hex));
            }
            return;
        }
    }
    profile_report(a->reporter, PROFILE_RULE_SD_MISSING, index, NULL, "%s", hex_of(aid, hex));
}

static void check_domains(const struct applications *a)
{
    bool mno = true;
    for (size_t i = 0; i < a->package->count; i++) {
        const struct profile_element *e = &a->package->elements[i];
        if (e->kind == PROFILE_SECURITY_DOMAIN && mno) {
            mno = false;
            if (!is_personalized(&e->sd.instance) ||
                cr_span_present(e->sd.instance.extradite_security_domain_aid)) {
                profile_report(a->reporter, PROFILE_RULE_SD_STATE, i, NULL,
                               "the first security domain is the MNO-SD");
            }
        } else if (e->kind == PROFILE_SECURITY_DOMAIN) {
            check_domain(a, i, e->sd.instance.extradite_security_domain_aid);
        } else if (e->kind == PROFILE_RFM) {
            check_domain(a, i, e->rfm.security_domain_aid);
        } else if (e->kind == PROFILE_APPLICATION) {
            const struct profile_application *app = &e->application;
            if (app->has_load_block) {
                check_domain(a, i, app->load_block.security_domain_aid);
            }
            for (size_t k = 0; k < app->instance_list.count; k++) {
                check_domain(a, i, app->instance_list.items[k].extradite_security_domain_aid);
            }
        }
    }
}

/* True when an ADF with this AID is made before element index. */
static bool adf_before(const struct applications *a, cr_span aid, size_t index)
{
    size_t node = profile_tree_aid(a->tree, aid);
    return node != PROFILE_NO_NODE && a->tree->nodes[node].element < index;
}

/* TAR number n of a remote file management instance; false behind the last. */
static bool tar_of(const struct profile_rfm *rfm, size_t n, cr_span *tar)
{
    if (!rfm->tar_list.present) {
        *tar = cr_span_sub(rfm->instance_aid, 12, 3);
        return n == 0 && tar->n == 3;
    }
    if (n >= rfm->tar_list.count) {
        return false;
    }
    *tar = rfm->tar_list.items[n];
    return true;
}

static bool tar_is_taken(const struct applications *a, size_t index, size_t n, cr_span tar)
{
    cr_span other;
    for (size_t i = 0; i <= index; i++) {
        const struct profile_element *e = &a->package->elements[i];
        for (size_t k = 0;
             e->kind == PROFILE_RFM && (i < index || k < n) && tar_of(&e->rfm, k, &other); k++) {
            if (cr_span_equal(other, tar)) {
                return true;
            }
        }
    }
    return false;
}

static void check_rfm(const struct applications *a, size_t index)
{
    char hex[HEX_AID];
    cr_span tar;
    const struct profile_rfm *rfm = &a->package->elements[index].rfm;
    if (rfm->has_adf_rfm_access && !adf_before(a, rfm->adf_rfm_access.adf_aid, index)) {
        profile_report(a->reporter, PROFILE_RULE_RFM_ADF, index, NULL, "no ADF %s",
                       hex_of(rfm->adf_rfm_access.adf_aid, hex));
    }
    for (size_t n = 0; tar_of(rfm, n, &tar); n++) {
        if (tar_is_taken(a, index, n, tar)) {
            profile_report(a->reporter, PROFILE_RULE_TAR_UNIQUE, index, NULL, "%s is taken",
                           hex_of(tar, hex));
        }
    }
}

/* The akaParameter with keys that belongs to the ADF made by element `naa`. */
static bool has_own_keys(const struct profile_package *package, size_t naa, size_t before)
{
    for (size_t i = naa + 1; i < before; i++) {
        const struct profile_element *e = &package->elements[i];
        if (e->kind == PROFILE_USIM || e->kind == PROFILE_ISIM || e->kind == PROFILE_CSIM) {
            return false;
        }
        if (e->kind == PROFILE_AKA) {
            return e->aka.algo_configuration.which == PROFILE_AKA_OWN;
        }
    }
    return false;
}

static void check_mapping(const struct applications *a, size_t index)
{
    char hex[HEX_AID];
    const struct profile_aka *aka = &a->package->elements[index].aka;
    if (aka->algo_configuration.which != PROFILE_AKA_MAPPED) {
        return;
    }
    cr_span source = aka->algo_configuration.mapping_parameter.mapping_source;
    size_t node = profile_tree_aid(a->tree, source);
    if (node == PROFILE_NO_NODE || !has_own_keys(a->package, a->tree->nodes[node].element, index)) {
        profile_report(a->reporter, PROFILE_RULE_AKA_MAPPING, index, NULL, "%s",
                       hex_of(source, hex));
    }
}

void profile_check_applications(const struct profile_package *package,
                                const struct profile_tree *tree,
                                const struct profile_reporter *reporter)
{
    const struct applications a = {.package = package, .tree = tree, .reporter = reporter};
    check_aids(&a);
    check_domains(&a);
    for (size_t i = 0; i < package->count; i++) {
        if (package->elements[i].kind == PROFILE_RFM) {
            check_rfm(&a, i);
        } else if (package->elements[i].kind == PROFILE_AKA) {
            check_mapping(&a, i);
        }
    }
}
