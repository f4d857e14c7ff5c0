#include "gp/perso.h"

#include "gp/internal.h"
#include "gp/registry_keys.h"

static struct gp_verdict verdict(enum rsp_pe_status_code status)
{
    return (struct gp_verdict){.status = status};
}

static struct gp_verdict fatal(enum rsp_pe_status_code status)
{
    return (struct gp_verdict){.status = status, .fatal = true};
}

static struct gp_verdict of_failure(cr_status status, const struct cr_err *err)
{
    if (status == CR_OK) {
        return verdict(RSP_PE_OK);
    }
    if (status == CR_RESOURCE || err->code == UICC_SW_NO_MEMORY) {
        return fatal(RSP_PE_NOT_ENOUGH_MEMORY);
    }
    return verdict(RSP_PE_BAD_VALUES);
}

/* --- whom it belongs to ------------------------------------------------------------------------
 */

/* The domain that an element names, the MNO-SD when it names none. */
static struct gp_verdict domain_for(const struct gp_registry *reg, cr_span aid, uint16_t *id)
{
    struct gp_object domain;
    bool found = aid.p ? gp_object_by_aid(reg, aid, &domain) && domain.kind == GP_DOMAIN
                       : gp_object_root(reg, &domain);
    if (!found || domain.state != GP_PERSONALIZED) {
        return fatal(RSP_PE_INVALID_PARAMETER);
    }
    *id = domain.id;
    return verdict(RSP_PE_OK);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static bool byte_of(cr_span v, uint8_t *out)
{
    if (v.n == 1) {
        *out = v.p[0];
    }
    return v.n == 1;
}

static bool components_distinct(const struct profile_key *key)
{
    for (size_t i = 0; i < key->key_components.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (cr_span_equal(key->key_components.items[i].key_type,
                              key->key_components.items[k].key_type)) {
                return false;
            }
        }
    }
    return true;
}

/* Usage and access qualifiers are kept; a key for one protocol is what its version says. */
static struct gp_verdict key_of(const struct profile_key *from, struct gp_key *out)
{
    const struct profile_key_component *component = from->key_components.items;
    cr_span usage = from->key_usage_qualifier;
    *out = (struct gp_key){0};
    if (!byte_of(from->key_identifier, &out->kid) ||
        !byte_of(from->key_version_number, &out->kvn) || usage.n < 1 || usage.n > 2 ||
        from->key_components.count == 0 || !components_distinct(from) ||
        (from->key_access.p && !byte_of(from->key_access, &out->access))) {
        return verdict(RSP_PE_BAD_VALUES);
    }
    for (size_t i = 0; i < from->key_components.count; i++) {
        cr_span type = from->key_components.items[i].key_type;
        if (type.n != 1) {
            return verdict(RSP_PE_BAD_VALUES);
        }
        bool known = type.p[0] == GP_KEY_DES || type.p[0] == GP_KEY_AES || type.p[0] == GP_KEY_PSK;
        if (!known || from->key_components.count > 1) {
            return verdict(RSP_PE_FEATURE_NOT_SUPPORTED);
        }
    }
    out->type = component->key_type.p[0];
    out->usage = (uint16_t)(usage.p[0] << 8 | (usage.n > 1 ? usage.p[1] : 0));
    if (!gp_key_valid(out->type, component->key_data.n) || component->mac_length < 0 ||
        component->mac_length > 16) {
        return verdict(RSP_PE_BAD_VALUES);
    }
    out->mac_size = (uint8_t)component->mac_length;
    out->n = (uint8_t)component->key_data.n;
    memcpy(out->value, component->key_data.p, out->n);
    return verdict(RSP_PE_OK);
}

/* keyCounterValue: where the counter of the version begins; the largest of its keys counts. */
static struct gp_verdict counter_put(const struct gp_registry *reg, uint16_t domain, uint8_t kvn,
                                     cr_span value)
{
    struct gp_counters counters;
    struct cr_err err;
    uint64_t start = 0;
    if (!value.p) {
        return verdict(RSP_PE_OK);
    }
    if (value.n == 0 || value.n > 5) {
        return verdict(RSP_PE_BAD_VALUES);
    }
    for (size_t i = 0; i < value.n; i++) {
        start = start << 8 | value.p[i];
    }
    gp_counters_get(reg, domain, kvn, &counters);
    if (kvn <= GP_KVN_SCP80_LAST && start > counters.packets) {
        counters.packets = start;
    } else if (kvn > GP_KVN_SCP80_LAST && value.n <= 3 && start > counters.sessions) {
        counters.sessions = (uint32_t)start;
    }
    return of_failure(gp_counters_put(reg, domain, kvn, &counters, &err), &err);
}

static struct gp_verdict keys_put(const struct gp_registry *reg, uint16_t domain,
                                  const struct profile_security_domain *sd)
{
    struct gp_verdict v = verdict(RSP_PE_OK);
    struct gp_key key, other;
    struct cr_err err;
    for (size_t i = 0; v.status == RSP_PE_OK && i < sd->key_list.count; i++) {
        const struct profile_key *from = &sd->key_list.items[i];
        v = key_of(from, &key);
        if (v.status == RSP_PE_OK && gp_key_get(reg, domain, key.kvn, key.kid, &other)) {
            v = verdict(RSP_PE_BAD_VALUES); /* identifier and version twice */
        }
        if (v.status == RSP_PE_OK) {
            v = of_failure(gp_key_put(reg, domain, &key, &err), &err);
        }
        if (v.status == RSP_PE_OK) {
            v = counter_put(reg, domain, key.kvn, from->key_counter_value);
        }
    }
    cr_wipe(&key, sizeof key);
    cr_wipe(&other, sizeof other);
    return v;
}

/* --- the domain --------------------------------------------------------------------------------
 */

/* sdPersoData: each a data grouping as STORE DATA would bring it. */
static struct gp_verdict data_put(const struct gp_registry *reg, uint16_t domain,
                                  const struct profile_security_domain *sd)
{
    for (size_t i = 0; i < sd->sd_perso_data.count; i++) {
        cr_span dgi = sd->sd_perso_data.items[i];
        size_t header = dgi.n > 2 && dgi.p[2] == 0xFF ? 5 : 3;
        if (dgi.n < header) {
            return verdict(RSP_PE_BAD_VALUES);
        }
        size_t n = header == 3 ? dgi.p[2] : (size_t)dgi.p[3] << 8 | dgi.p[4];
        cr_span value = cr_span_sub(dgi, header, dgi.n);
        if (value.n != n) {
            return verdict(RSP_PE_BAD_VALUES);
        }
        uicc_sw sw = gp_data_grouping(reg, domain, (uint16_t)(dgi.p[0] << 8 | dgi.p[1]), value);
        if (sw == UICC_SW_NO_MEMORY || sw == UICC_SW_MEMORY) {
            return fatal(RSP_PE_NOT_ENOUGH_MEMORY);
        }
        if (sw == UICC_SW_NO_REFERENCE) {
            return verdict(RSP_PE_FEATURE_NOT_SUPPORTED); /* a grouping that the domain has not */
        }
        if (sw != UICC_SW_OK) {
            return verdict(RSP_PE_BAD_VALUES);
        }
    }
    return verdict(RSP_PE_OK);
}

/* openPersoData and catTpParameters, as data objects of their own: D9 and 04 in A4; SDU and PDU
 * size in A5. What reads them is the layer above. */
static struct gp_verdict extras_put(const struct gp_registry *reg, uint16_t domain, bool root,
                                    const struct profile_security_domain *sd)
{
    struct cr_err err;
    cr_buf b = {0};
    cr_status status = CR_OK;
    if (sd->has_open_perso_data && !root) {
        return verdict(RSP_PE_INVALID_PARAMETER); /* MNO-SD only */
    }
    if (sd->has_open_perso_data) {
        size_t mark = der_open(&b, 0xA4);
        if (sd->open_perso_data.restrict_parameter.p) {
            der_put(&b, 0xD9, sd->open_perso_data.restrict_parameter);
        }
        if (sd->open_perso_data.contactless_protocol.p) {
            der_put(&b, 0x04, sd->open_perso_data.contactless_protocol);
        }
        der_close(&b, mark);
        status = cr_buf_ok(&b) ? gp_data_put(reg, domain, 0xA4, cr_buf_span(&b), &err)
                               : cr_fail_memory(&err);
    }
    if (status == CR_OK && sd->has_cat_tp_parameters) {
        cr_buf_reset(&b);
        size_t mark = der_open(&b, 0xA5);
        der_put_integer(&b, 0x80, sd->cat_tp_parameters.max_sdu_size);
        der_put_integer(&b, 0x81, sd->cat_tp_parameters.max_pdu_size);
        der_close(&b, mark);
        status = cr_buf_ok(&b) ? gp_data_put(reg, domain, 0xA5, cr_buf_span(&b), &err)
                               : cr_fail_memory(&err);
    }
    cr_buf_free(&b);
    return of_failure(status, &err);
}

static bool privileges_of(cr_span v, uint32_t *out)
{
    *out = 0;
    if (v.n != 1 && v.n != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        *out = *out << 8 | (i < v.n ? v.p[i] : 0);
    }
    return true;
}

static struct gp_verdict object_of(const struct profile_instance *from, struct gp_object *o)
{
    uint8_t state = GP_SELECTABLE;
    *o = (struct gp_object){.kind = GP_DOMAIN};
    bool good = gp_aid_set(&o->aid, from->instance_aid) &&
                gp_aid_set(&o->package, from->application_load_package_aid) &&
                gp_aid_set(&o->module, from->class_aid) &&
                privileges_of(from->application_privileges, &o->privileges) &&
                (!from->life_cycle_state.p || byte_of(from->life_cycle_state, &state));
    if (good) {
        o->state = state;
        gp_take_domain_parameters(o, from->application_specific_parameters_c9);
    }
    if (good && from->has_application_parameters) {
        const struct profile_application_parameters *p = &from->application_parameters;
        good = (!p->uicc_toolkit.p || gp_take_toolkit(o, p->uicc_toolkit)) &&
               gp_take_access(o, p->uicc_access, false) &&
               gp_take_access(o, p->uicc_administrative_access, true);
    }
    good = good && (o->privileges & GP_PRIV_DOMAIN) &&
           (state == GP_INSTALLED || state == GP_SELECTABLE || state == GP_PERSONALIZED);
    gp_default_tar(o);
    return verdict(good ? RSP_PE_OK : RSP_PE_BAD_VALUES);
}

/* The load file that the domain's class comes from is part of the card, whatever the package calls
 * it. */
static struct gp_verdict package_put(const struct gp_registry *reg, const struct gp_object *domain)
{
    struct gp_object package;
    struct cr_err err;
    cr_buf list = {0};
    cr_status status = CR_OK;
    if (gp_object_by_aid(reg, gp_aid_span(&domain->package), &package)) {
        if (package.kind != GP_PACKAGE) {
            return verdict(RSP_PE_BAD_VALUES);
        }
        cr_buf_append_span(&list, gp_modules_get(reg, package.id));
    } else {
        package = (struct gp_object){.kind = GP_PACKAGE,
                                     .aid = domain->package,
                                     .state = GP_LOADED,
                                     .domain = domain->domain ? domain->domain : domain->id,
                                     .builtin = true};
        status = gp_object_add(reg, &package, &err);
    }
    bool known = status == CR_OK && gp_modules_have(reg, package.id, gp_aid_span(&domain->module));
    if (status == CR_OK && !known && gp_modules_count(reg, package.id) == GP_MAX_MODULES) {
        status = gp_refuse(&err, UICC_SW_WRONG_DATA, "too many classes of one load file");
    }
    if (status == CR_OK && !known) {
        cr_buf_append_byte(&list, domain->module.n);
        cr_buf_append_span(&list, gp_aid_span(&domain->module));
        status = cr_buf_ok(&list) ? gp_modules_put(reg, package.id, cr_buf_span(&list), &err)
                                  : cr_fail_memory(&err);
    }
    cr_buf_free(&list);
    return of_failure(status, &err);
}

static struct gp_verdict domain_put(const struct gp_registry *reg,
                                    const struct profile_security_domain *sd)
{
    struct gp_object o, first;
    struct cr_err err;
    bool root = !gp_object_root(reg, &first);
    struct gp_verdict v = object_of(&sd->instance, &o);
    if (v.status == RSP_PE_OK && root) {
        cr_span to = sd->instance.extradite_security_domain_aid;
        v = !to.p || cr_span_equal(to, gp_aid_span(&o.aid)) ? v : fatal(RSP_PE_INVALID_PARAMETER);
    } else if (v.status == RSP_PE_OK) {
        v = domain_for(reg, sd->instance.extradite_security_domain_aid, &o.domain);
    }
    if (v.status == RSP_PE_OK) {
        v = of_failure(gp_object_add(reg, &o, &err), &err);
    }
    if (v.status == RSP_PE_OK) {
        v = package_put(reg, &o);
    }
    if (v.status == RSP_PE_OK) {
        v = keys_put(reg, o.id, sd);
    }
    if (v.status == RSP_PE_OK) {
        v = data_put(reg, o.id, sd);
    }
    return v.status == RSP_PE_OK ? extras_put(reg, o.id, root, sd) : v;
}

struct gp_verdict gp_perso_domain(const struct gp_registry *reg,
                                  const struct profile_security_domain *sd)
{
    size_t mark = nvm_mark(reg->nvm);
    struct gp_verdict v = domain_put(reg, sd);
    if (v.status != RSP_PE_OK) {
        nvm_rollback_to(reg->nvm, mark);
    }
    return v;
}

/* --- remote file management --------------------------------------------------------------------
 */

static bool access_of(cr_span from, struct gp_access *out)
{
    if (!gp_access_valid(from)) {
        return false;
    }
    out->n = (uint8_t)from.n;
    memcpy(out->p, from.p, from.n);
    return true;
}

static struct gp_verdict rfm_tars(const struct profile_rfm *rfm, struct gp_object *o)
{
    if (!rfm->tar_list.present) {
        gp_default_tar(o);
        return verdict(o->tar_count ? RSP_PE_OK : RSP_PE_BAD_VALUES);
    }
    if (rfm->tar_list.count == 0 || rfm->tar_list.count > GP_MAX_TARS) {
        return verdict(RSP_PE_BAD_VALUES);
    }
    for (size_t i = 0; i < rfm->tar_list.count; i++) {
        if (rfm->tar_list.items[i].n != 3) {
            return verdict(RSP_PE_BAD_VALUES);
        }
        memcpy(o->tars[i], rfm->tar_list.items[i].p, 3);
    }
    o->tar_count = (uint8_t)rfm->tar_list.count;
    return verdict(RSP_PE_OK);
}

struct gp_verdict gp_perso_rfm(const struct gp_registry *reg, const struct uicc_fs *files,
                               const struct profile_rfm *rfm)
{
    struct gp_object o = {.kind = GP_RFM, .state = GP_SELECTABLE};
    struct cr_err err;
    struct gp_verdict v = domain_for(reg, rfm->security_domain_aid, &o.domain);
    if (v.status != RSP_PE_OK) {
        return v;
    }
    o.has_msl = byte_of(rfm->minimum_security_level, &o.msl);
    bool good = gp_aid_set(&o.aid, rfm->instance_aid) && o.has_msl &&
                access_of(rfm->uicc_access_domain, &o.files) &&
                access_of(rfm->uicc_admin_access_domain, &o.admin);
    if (good && rfm->has_adf_rfm_access) {
        const struct profile_adf_rfm_access *from = &rfm->adf_rfm_access;
        struct gp_adf_access *adf = &o.adfs[o.adf_count++];
        good = gp_aid_set(&adf->adf, from->adf_aid) && uicc_fs_adf(files, from->adf_aid) &&
               access_of(from->adf_access_domain, &adf->files) &&
               access_of(from->adf_admin_access_domain, &adf->admin);
    }
    if (!good) {
        return verdict(RSP_PE_BAD_VALUES);
    }
    v = rfm_tars(rfm, &o);
    if (v.status == RSP_PE_OK) {
        size_t mark = nvm_mark(reg->nvm);
        v = of_failure(gp_object_add(reg, &o, &err), &err);
        if (v.status != RSP_PE_OK) {
            nvm_rollback_to(reg->nvm, mark);
        }
    }
    return v;
}

struct gp_verdict gp_perso_application(const struct profile_application *application)
{
    (void)application;
    return verdict(RSP_PE_RUNTIME_NOT_SUPPORTED);
}
