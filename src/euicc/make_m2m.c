/*
 * Making a machine's chip: ECASD, ISD-R and the profiles it is shipped with (SGP.02 3.1, 2.2.1).
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "ota/sms.h"
#include "pki/gpcert.h"
#include "pki/hierarchy.h"

/* ---- CERT.ECASD --------------------------------------------------------------------------------
 */

#define FOR_EVER 99991231

cr_status euicc_issue_ecasd(const char *pki_dir, enum crypto_curve curve, const char *eid,
                            const cr_env *env, cr_buf *ecasd, cr_buf *eum,
                            struct crypto_private **key, struct cr_err *err)
{
    cr_arena arena = {0};
    struct pki_cert issuer;
    struct pki_key *issuer_key = NULL;
    struct crypto_private *own = NULL;
    uint8_t point[CRYPTO_POINT], subject[RSP_EID];
    cr_status status = pki_hierarchy_load(pki_dir, curve, "eum", &arena, &issuer, &issuer_key, err);
    if (status == CR_OK) {
        status = rsp_eid_parse(cr_span_str(eid), subject, err);
    }
    if (status == CR_OK) {
        status = crypto_private_generate(curve, &own, err);
    }
    if (status == CR_OK) {
        crypto_private_point(own, point);
        struct gpcert_request request = {.subject = CR_SPAN_ARRAY(subject),
                                         .role = GPCERT_ROLE_NONE,
                                         .effective = gpcert_date(cr_now_ms(env)),
                                         .expiry = FOR_EVER,
                                         .curve = curve,
                                         .point = CR_SPAN_ARRAY(point)};
        status = gpcert_request_issuer(&request, &issuer, err);
        if (status == CR_OK) {
            status = gpcert_issue(&request, issuer_key, env, ecasd, err);
        }
    }
    if (status == CR_OK) {
        cr_buf_append_span(eum, issuer.raw);
        *key = own;
        own = NULL;
    }
    crypto_private_free(own);
    pki_key_free(issuer_key);
    cr_arena_free(&arena);
    return status;
}

cr_status euicc_check_ecasd(const struct euicc_credential *c, cr_span eid, struct cr_err *err)
{
    struct gpcert cert;
    struct pki_cert eum;
    struct pki_trust *trust = pki_trust_new();
    if (!trust) {
        return cr_fail_memory(err);
    }
    cr_status status = pki_trust_add_ci(trust, c->ci_cert, err);
    if (status == CR_OK) {
        status = pki_cert_decode(c->eum_cert, &eum, err);
    }
    if (status == CR_OK) {
        status = gpcert_decode(c->euicc_cert, &cert, err);
    }
    if (status == CR_OK) {
        status = gpcert_verify_ecasd(&cert, &eum, trust, eid, 0, NULL, err);
    }
    pki_trust_free(trust);
    return status;
}

/* ---- ISD-R and ECASD ---------------------------------------------------------------------------
 */

static cr_status add_domain(const struct gp_registry *reg, uint16_t tar, struct gp_object *out,
                            struct cr_err *err)
{
    uint8_t aid[M2M_AID];
    *out = (struct gp_object){.kind = GP_DOMAIN,
                              .state = GP_PERSONALIZED,
                              .privileges = GP_PRIV_DOMAIN,
                              .tar_count = 1,
                              .tars = {{0x00, (uint8_t)(tar >> 8), (uint8_t)tar}},
                              /* SGP.02 2.4.3: ciphered, with a CC and a counter that rises */
                              .has_msl = true,
                              .msl = 0x16};
    if (!gp_aid_set(&out->aid, euicc_isdp_aid(tar, aid))) {
        return cr_fail(err, CR_INTERNAL, NULL, "AID");
    }
    return gp_object_add(reg, out, err);
}

static cr_status put_key(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                         uint8_t type, cr_span given, const cr_env *env, struct cr_err *err)
{
    struct gp_key key = {.kvn = kvn, .kid = kid, .type = type, .mac_size = 8, .n = EUICC_M2M_KEY};
    cr_status status = CR_OK;
    if (given.p && given.n != EUICC_M2M_KEY) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.3", "a key of the ISD-R has %d bytes",
                       EUICC_M2M_KEY);
    }
    if (given.p) {
        memcpy(key.value, given.p, given.n);
    } else {
        status = cr_random(env, key.value, key.n, err);
    }
    if (status == CR_OK) {
        status = gp_key_put(reg, domain, &key, err);
    }
    cr_wipe(&key, sizeof key);
    return status;
}

static cr_status put_keys(const struct gp_registry *reg, uint16_t isdr,
                          const struct euicc_m2m_options *o, const cr_env *env, struct cr_err *err)
{
    const struct {
        uint8_t kvn, kid, type;
        cr_span value;
    } keys[] = {{0x01, GP_KID_ENC, GP_KEY_AES, o->kic},
                {0x01, GP_KID_MAC, GP_KEY_AES, o->kid},
                {0x01, GP_KID_DEK, GP_KEY_AES, o->dek},
                {M2M_KVN_SCP81, 0x01, GP_KEY_PSK, o->psk},
                {M2M_KVN_SCP81, 0x02, GP_KEY_AES, o->psk_dek}};
    for (size_t i = 0; i < CR_COUNT(keys); i++) {
        CR_TRY(put_key(reg, isdr, keys[i].kvn, keys[i].kid, keys[i].type, keys[i].value, env, err));
    }
    return CR_OK;
}

static cr_status put_object(const struct gp_registry *reg, uint16_t object, uint32_t tag,
                            cr_span value, struct cr_err *err)
{
    cr_buf tlv = {0};
    der_put(&tlv, tag, value);
    cr_status status = cr_buf_ok(&tlv) ? gp_data_put(reg, object, tag, cr_buf_span(&tlv), err)
                                       : cr_fail_memory(err);
    cr_buf_free(&tlv);
    return status;
}

static cr_status put_addresses(const struct gp_registry *reg, uint16_t isdr,
                               const struct euicc_m2m_options *o, struct cr_err *err)
{
    struct sms_address address;
    cr_buf all = {0}, number = {0};
    cr_status status = CR_OK;
    if (o->smsr_number) {
        status = sms_address_parse(cr_span_str(o->smsr_number), &address, err);
        if (status == CR_OK) {
            status = sms_address_put(&address, &number, err);
        }
        size_t mark = der_open(&all, 0xA3);
        der_put(&all, 0x81, cr_buf_span(&number));
        der_close(&all, mark);
    }
    if (o->cattp.p) {
        der_put(&all, 0xA4, o->cattp);
    }
    if (o->https.p) {
        der_put(&all, 0xA5, o->https);
    }
    if (status == CR_OK && all.n &&
        euicc_m2m_store_parameters(reg, isdr, 0xA3, cr_buf_span(&all)) != UICC_SW_OK) {
        status = cr_fail(err, CR_REFUSED, "SGP.02 4.1.1.10",
                         "the addressing parameters of the SM-SR are none");
    }
    cr_buf_free(&all);
    cr_buf_free(&number);
    return status;
}

/* ---- profiles ----------------------------------------------------------------------------------
 */

static cr_status install(struct nvm *nvm, const struct gp_registry *reg, struct gp_object *isdp,
                         cr_span package, struct cr_err *err)
{
    char prefix[EUICC_PREFIX];
    cr_arena arena = {.secret = true};
    struct euicc_installer *installer = NULL;
    struct euicc_installer_options options = {
        .nvm = nvm, .prefix = euicc_profile_prefix(euicc_m2m_isdp_id(isdp), prefix)};
    enum euicc_install_step step = EUICC_INSTALL_MORE;
    struct der_tlv element;
    cr_status status = euicc_installer_new(&options, &installer, err);
    while (status == CR_OK && step == EUICC_INSTALL_MORE && package.n) {
        status = der_next(&package, DER_BER_LENGTHS, &element, err);
        if (status == CR_OK) {
            step = euicc_installer_element(installer, element.all, &arena);
        }
    }
    if (status == CR_OK && step != EUICC_INSTALL_DONE) {
        status = cr_fail(err, CR_REFUSED, "SGP.02 3.1", "the chip does not take the profile");
        status = cr_err_next(err, status, "'crisp profile check' says what is wrong with it");
    }
    if (status == CR_OK) {
        status = euicc_m2m_install_complete(reg, isdp, installer, err);
    }
    euicc_installer_free(installer);
    cr_arena_free(&arena);
    return status;
}

/* Nobody could tell two profiles of one ICCID apart. */
static cr_status check_iccid(const struct gp_registry *reg, uint16_t id, struct cr_err *err)
{
    const cr_span iccid = gp_data_get(reg, id, M2M_DATA_ICCID);
    struct gp_object other = {.id = 0};
    while (iccid.p && euicc_m2m_isdp_next(reg, other.id, &other)) {
        if (other.id != id && cr_span_equal(gp_data_get(reg, other.id, M2M_DATA_ICCID), iccid)) {
            return cr_fail(err, CR_REFUSED, "SGP.02 2.2.1.2",
                           "two of the profiles have the same ICCID");
        }
    }
    return CR_OK;
}

static cr_status add_profile(struct nvm *nvm, const struct gp_registry *reg, uint16_t isdr,
                             const struct euicc_m2m_profile *p, uint16_t id,
                             struct m2m_state *state, struct cr_err *err)
{
    struct gp_object isdp;
    CR_TRY(add_domain(reg, id, &isdp, err));
    isdp.domain = isdr;
    isdp.privileges |= GP_PRIV_TRUSTED_PATH;
    CR_TRY(gp_object_put(reg, &isdp, err));
    CR_TRY(install(nvm, reg, &isdp, p->package, err));
    CR_TRY(check_iccid(reg, isdp.id, err));
    if (p->connectivity.p &&
        euicc_m2m_store_parameters(reg, isdp.id, 0xA0, p->connectivity) != UICC_SW_OK) {
        return cr_fail(err, CR_REFUSED, "SGP.02 4.1.3.4", "the connectivity parameters are none");
    }
    if (p->memory) {
        CR_TRY(euicc_m2m_number_put(reg, &isdp, M2M_DATA_QUOTA, p->memory, 4, err));
    }
    if (p->test) {
        CR_TRY(euicc_m2m_number_put(reg, &isdp, M2M_DATA_MARKS, M2M_MARK_TEST, 1, err));
    }
    if (p->enabled) {
        isdp.state = M2M_ENABLED;
        CR_TRY(gp_object_put(reg, &isdp, err));
        CR_TRY(euicc_id_put(nvm, "on", id, err));
    }
    state->fall_back = p->fall_back ? id : state->fall_back;
    state->emergency = p->emergency ? id : state->emergency;
    return CR_OK;
}

static cr_status check_profiles(const struct euicc_m2m_options *o, struct cr_err *err)
{
    size_t enabled = 0, fall_back = 0, emergency = 0;
    bool special = false;
    for (size_t i = 0; i < o->profile_count; i++) {
        const struct euicc_m2m_profile *p = &o->profiles[i];
        enabled += p->enabled;
        fall_back += p->fall_back;
        emergency += p->emergency;
        special = special || ((p->emergency || p->test) && (p->fall_back || p->enabled)) ||
                  (p->emergency && p->test);
    }
    if (enabled > 1 || fall_back > 1 || emergency > 1 || special) {
        return cr_fail(err, CR_REFUSED, "SGP.02 3.15",
                       "one profile at most is enabled, has the Fall-Back Attribute, has the "
                       "Emergency Attribute; a test or emergency profile is neither of the first "
                       "two");
    }
    return CR_OK;
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value ? value : otherwise;
}

static cr_status put_timing(struct nvm *nvm, const struct euicc_m2m_timing *t, struct cr_err *err)
{
    struct euicc_m2m_timing timing = {.attach = or_default(t->attach, 600),
                                      .look = or_default(t->look, 60),
                                      .confirm = or_default(t->confirm, 300),
                                      .repeats = or_default(t->repeats, 3),
                                      .slow = or_default(t->slow, 3600),
                                      .loss = or_default(t->loss, 300),
                                      .disable_type = or_default(t->disable_type, 2),
                                      .transport = t->transport};
    const int64_t seconds[] = {timing.attach, timing.look, timing.confirm, timing.slow,
                               timing.loss};
    for (size_t i = 0; i < CR_COUNT(seconds); i++) {
        if (seconds[i] < 1 || seconds[i] > CAT_MAX_TIMER) {
            return cr_fail(err, CR_REFUSED, NULL, "a duration is 1 to %d seconds", CAT_MAX_TIMER);
        }
    }
    return euicc_m2m_timing_put(nvm, &timing, err);
}

cr_status euicc_make_m2m(struct nvm *nvm, const struct euicc_m2m_options *o, cr_span eid,
                         const cr_env *env, struct cr_err *err)
{
    struct gp_registry reg;
    struct gp_object isdr, ecasd;
    struct m2m_state state = {0};
    if (!euicc_m2m_registry(nvm, &reg)) {
        return cr_fail(err, CR_INTERNAL, NULL, "registry");
    }
    CR_TRY(check_profiles(o, err));
    CR_TRY(put_timing(nvm, &o->timing, err));
    CR_TRY(add_domain(&reg, 0x0001, &isdr, err));
    CR_TRY(add_domain(&reg, 0x0002, &ecasd, err));
    CR_TRY(put_keys(&reg, isdr.id, o, env, err));
    CR_TRY(put_object(&reg, isdr.id, 0x42, o->sin.p ? o->sin : cr_span_sub(eid, 0, 4), err));
    CR_TRY(put_object(&reg, isdr.id, 0x45, o->sdin.p ? o->sdin : cr_span_sub(eid, 8, 8), err));
    CR_TRY(put_addresses(&reg, isdr.id, o, err));
    for (size_t i = 0; i < o->profile_count; i++) {
        CR_TRY(add_profile(nvm, &reg, isdr.id, &o->profiles[i], (uint16_t)(M2M_FIRST_TAR + i),
                           &state, err));
    }
    return euicc_m2m_state_put(nvm, &state, err);
}
