/*
 * The operator's security domain and remote file management.
 */
#include "profile/build_parts.h"

static const uint8_t domain_package[] = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50};
static const uint8_t domain_class[] = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50, 0x41};
static const uint8_t domain_aid[] = {0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};
static const uint8_t domain_privileges[] = {0x82, 0xDC, 0x00};
static const uint8_t personalized[] = {PROFILE_LIFE_CYCLE_PERSONALIZED};

/* Install parameters: SCP80 with any options, cumulative rights. */
static const uint8_t domain_c9[] = {0x81, 0x02, 0x80, 0x00, 0x82, 0x01, 0xF0,
                                    0x83, 0x01, 0xF0, 0x87, 0x01, 0xF0};

/* keyUsageQualifier for ENC, MAC, DEK; the identifiers are 1, 2, 3. */
static const uint8_t usage[3][1] = {{0x18}, {0x14}, {0x48}};
static const uint8_t identifier[3][1] = {{0x01}, {0x02}, {0x03}};
static const uint8_t type_aes[] = {PROFILE_KEY_TYPE_AES};
static const uint8_t type_des[] = {PROFILE_KEY_TYPE_DES};
static const uint8_t type_psk[] = {PROFILE_KEY_TYPE_TLS_PSK};

/* Keys with their components, as they are filled. */
struct keys {
    struct profile_key *keys;
    struct profile_key_component *parts;
    size_t count;
};

static void add_key(struct keys *to, const struct plan_key *from, size_t role, cr_span type,
                    cr_span value)
{
    struct profile_key *key = &to->keys[to->count];
    struct profile_key_component *part = &to->parts[to->count++];
    *part = (struct profile_key_component){.key_type = type, .key_data = value, .mac_length = 8};
    key->key_usage_qualifier = CR_SPAN_ARRAY(usage[role]);
    key->key_identifier = CR_SPAN_ARRAY(identifier[role]);
    key->key_version_number = cr_span_of(&from->version, 1);
    key->key_components.items = part;
    key->key_components.count = 1;
    key->key_components.present = true;
}

static cr_status make_keys(struct profile_maker *m, const struct profile_plan *plan,
                           struct profile_security_domain *sd)
{
    size_t most = plan->key_count * 3;
    struct keys to = {.keys = cr_arena_alloc_array(m->arena, most, sizeof(*to.keys)),
                      .parts = cr_arena_alloc_array(m->arena, most, sizeof(*to.parts))};
    if (!to.keys || !to.parts) {
        return cr_fail_memory(m->err);
    }
    for (size_t i = 0; i < plan->key_count; i++) {
        const struct plan_key *from = &plan->keys[i];
        cr_span type =
            from->type == PROFILE_KEY_TYPE_DES ? CR_SPAN_ARRAY(type_des) : CR_SPAN_ARRAY(type_aes);
        if (from->type == PROFILE_KEY_TYPE_TLS_PSK) {
            add_key(&to, from, 0, CR_SPAN_ARRAY(type_psk), from->psk);
        } else {
            add_key(&to, from, 0, type, from->enc);
            add_key(&to, from, 1, type, from->mac);
        }
        if (cr_span_present(from->dek)) {
            add_key(&to, from, 2, type, from->dek);
        }
    }
    sd->key_list.items = to.keys;
    sd->key_list.count = to.count;
    sd->key_list.present = to.count > 0;
    return CR_OK;
}

/* UICC toolkit parameters (TS 102 226 8.2.1.3.2.2.1): nothing of the toolkit (priority; timers,
 * text, menu entries, channels: none), minimum security level, TAR, no services. */
static cr_status toolkit_of(struct profile_maker *m, const struct profile_plan *plan, cr_span *out)
{
    static const uint8_t nothing[] = {0x01, 0x00, 0x00, 0x00, 0x00};
    cr_buf buf = {0};
    cr_buf_append(&buf, nothing, sizeof(nothing));
    cr_buf_append(&buf, "\x02\x01", 2);
    cr_buf_append_byte(&buf, plan->minimum_security_level);
    cr_buf_append_byte(&buf, (uint8_t)plan->tar.n);
    cr_buf_append_span(&buf, plan->tar);
    cr_buf_append_byte(&buf, 0x00);
    return profile_build_take(m, &buf, out);
}

/* Card recognition data (GlobalPlatform 2.2 H.2) as DGI 0070: card specification 2.2, SCP80. The
 * last OID carries the protocol's number as a byte, not as an arc. */
static cr_status recognition_of(struct profile_maker *m, cr_span *out)
{
    static const uint8_t global_platform[] = {0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B};
    static const struct {
        uint32_t tag; /* around the OID; 0 = none */
        uint8_t n;
        uint8_t tail[3];
    } oids[] = {{0, 1, {1}}, {0x60, 3, {2, 2, 2}}, {0x63, 1, {3}}, {0x64, 3, {4, 0x80, 0}}};
    cr_buf data = {0};
    cr_buf dgi = {0};
    size_t outer = der_open(&data, 0x66);
    size_t inner = der_open(&data, 0x73);
    for (size_t i = 0; i < CR_COUNT(oids); i++) {
        size_t wrapped = oids[i].tag ? der_open(&data, oids[i].tag) : 0;
        size_t oid = der_open(&data, 0x06);
        cr_buf_append(&data, global_platform, sizeof(global_platform));
        cr_buf_append(&data, oids[i].tail, oids[i].n);
        der_close(&data, oid);
        if (oids[i].tag) {
            der_close(&data, wrapped);
        }
    }
    der_close(&data, inner);
    der_close(&data, outer);
    cr_buf_append(&dgi, "\x00\x70", 2);
    cr_buf_append_byte(&dgi, (uint8_t)data.n);
    cr_buf_append_span(&dgi, cr_buf_span(&data));
    cr_buf_free(&data);
    return profile_build_take(m, &dgi, out);
}

/* DGI 0085: where sessions of the domain go. */
static cr_status session_of(struct profile_maker *m, const struct profile_plan *plan, cr_span *out)
{
    cr_buf dgi = {0};
    cr_buf_append(&dgi, "\x00\x85", 2);
    cr_buf_append_byte(&dgi, (uint8_t)plan->session_parameters.n);
    cr_buf_append_span(&dgi, plan->session_parameters);
    return profile_build_take(m, &dgi, out);
}

static cr_status make_domain(struct profile_maker *m, const struct profile_plan *plan)
{
    struct profile_element *e;
    cr_span *perso = cr_arena_alloc_array(m->arena, 2, sizeof(*perso));
    if (!perso) {
        return cr_fail_memory(m->err);
    }
    CR_TRY(profile_make_element(m, PROFILE_SECURITY_DOMAIN, &e));
    e->sd.instance = (struct profile_instance){
        .application_load_package_aid = CR_SPAN_ARRAY(domain_package),
        .class_aid = CR_SPAN_ARRAY(domain_class),
        .instance_aid = CR_SPAN_ARRAY(domain_aid),
        .application_privileges = CR_SPAN_ARRAY(domain_privileges),
        .life_cycle_state = CR_SPAN_ARRAY(personalized),
        .application_specific_parameters_c9 = CR_SPAN_ARRAY(domain_c9),
        .has_application_parameters = true,
    };
    CR_TRY(toolkit_of(m, plan, &e->sd.instance.application_parameters.uicc_toolkit));
    CR_TRY(recognition_of(m, perso));
    e->sd.sd_perso_data.items = perso;
    e->sd.sd_perso_data.count = 1;
    if (plan->session_parameters.n) {
        CR_TRY(session_of(m, plan, &perso[1]));
        e->sd.sd_perso_data.count = 2;
    }
    e->sd.sd_perso_data.present = true;
    return make_keys(m, plan, &e->sd);
}

/* Instance number n: the file system itself, or an application. */
static cr_status make_rfm(struct profile_maker *m, const struct profile_plan *plan, uint8_t n,
                          const uint8_t tar[3], cr_span adf)
{
    static const uint8_t full[] = {0x00};
    static const uint8_t start[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0x00, 0x00};
    struct profile_element *e;
    cr_buf aid = {0};
    cr_span *tars = cr_arena_alloc_array(m->arena, 1, sizeof(*tars));
    if (!tars) {
        return cr_fail_memory(m->err);
    }
    tars[0] = cr_span_of(tar, 3);
    CR_TRY(profile_make_element(m, PROFILE_RFM, &e));
    cr_buf_append(&aid, start, sizeof(start));
    cr_buf_append_byte(&aid, n);
    CR_TRY(profile_build_take(m, &aid, &e->rfm.instance_aid));
    e->rfm.tar_list.items = tars;
    e->rfm.tar_list.count = 1;
    e->rfm.tar_list.present = true;
    e->rfm.minimum_security_level = cr_span_of(&plan->minimum_security_level, 1);
    e->rfm.uicc_access_domain = CR_SPAN_ARRAY(full);
    e->rfm.uicc_admin_access_domain = CR_SPAN_ARRAY(full);
    if (cr_span_present(adf)) {
        e->rfm.has_adf_rfm_access = true;
        e->rfm.adf_rfm_access =
            (struct profile_adf_rfm_access){.adf_aid = adf,
                                            .adf_access_domain = CR_SPAN_ARRAY(full),
                                            .adf_admin_access_domain = CR_SPAN_ARRAY(full)};
    }
    return CR_OK;
}

cr_status profile_build_domain(struct profile_maker *m, const struct profile_plan *plan)
{
    static const uint8_t tars[3][3] = {{0xB0, 0x01, 0x20}, {0xB0, 0x01, 0x40}, {0xB0, 0x01, 0x41}};
    CR_TRY(make_domain(m, plan));
    if (!plan->rfm) {
        return CR_OK;
    }
    CR_TRY(make_rfm(m, plan, 1, tars[0], (cr_span){0}));
    CR_TRY(make_rfm(m, plan, 2, tars[1], plan->usim_aid));
    return plan->isim ? make_rfm(m, plan, 3, tars[2], plan->isim_aid) : CR_OK;
}
