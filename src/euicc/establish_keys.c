/*
 * EstablishISDPKeySet and EstablishISDRKeySet, scenario 3 (SGP.02 4.1.3.1, 4.1.1.8): the ISD-R
 * takes the STORE DATA, the ECASD verifies and agrees, the keys go to the domain they are for.
 */
#include "euicc/m2m.h"

#include "asn1/der.h"
#include "ota/establish.h"
#include "pki/gpcert.h"

#define P1_LAST 0x80

void euicc_m2m_establishment_drop(struct euicc_m2m *m)
{
    struct m2m_establishment *s = &m->establishment;
    crypto_public_free(s->signer);
    cr_buf_free(&s->data);
    cr_wipe(s, sizeof(*s));
    s->data.secret = true;
}

static uicc_sw failed(cr_status status, const struct cr_err *err)
{
    if (status == CR_RESOURCE) {
        return UICC_SW_NO_MEMORY;
    }
    return err->code == ESTABLISH_SW_SECURITY || err->code == ESTABLISH_SW_CONDITIONS ||
                   err->code == ESTABLISH_SW_WRONG_DATA
               ? (uicc_sw)err->code
               : UICC_SW_WRONG_DATA;
}

/* ---- ECASD -------------------------------------------------------------------------------------
 */

/* The CI that a certificate names: PK.CI is in the chip as the CI's certificate. */
static uicc_sw ecasd_verify(struct euicc_m2m *m, cr_span certificate, enum gpcert_role role,
                            struct crypto_public **key)
{
    struct gpcert_authority authorities[EUICC_MAX_CREDENTIALS];
    struct crypto_public *keys[EUICC_MAX_CREDENTIALS] = {NULL};
    struct gpcert_expect expect = {.role = role};
    struct euicc_credential_record record;
    struct pki_cert ci;
    struct gpcert cert;
    struct cr_err err = {0};
    cr_arena arena = {.secret = true};
    size_t count = 0;
    uicc_sw sw = UICC_SW_WRONG_DATA;
    for (unsigned n = 0; n < EUICC_MAX_CREDENTIALS; n++) {
        if (euicc_credential_get(m->e->nvm, n, &arena, &record) &&
            pki_cert_decode(record.ci_cert, &ci, &err) == CR_OK &&
            crypto_public_new(ci.curve, ci.point, &keys[count], &err) == CR_OK) {
            authorities[count] = (struct gpcert_authority){
                .key_id = ci.ski, .ca_id = ci.registered_id, .key = keys[count]};
            count++;
        }
    }
    if (gpcert_decode(certificate, &cert, &err) == CR_OK) {
        cr_status status = gpcert_verify(&cert, authorities, count, &expect, key, &err);
        sw = status == CR_OK                 ? UICC_SW_OK
             : err.code == PKI_UNKNOWN_CI    ? UICC_SW_NO_REFERENCE
             : err.code == PKI_WRONG_ROLE    ? UICC_SW_CONDITIONS
             : err.code == PKI_BAD_SIGNATURE ? UICC_SW_SECURITY
             : status == CR_RESOURCE         ? UICC_SW_NO_MEMORY
                                             : UICC_SW_WRONG_DATA;
    }
    for (size_t i = 0; i < count; i++) {
        crypto_public_free(keys[i]);
    }
    cr_arena_free(&arena);
    return sw;
}

/* The ECASD's key on the curve of the signer. */
static const struct pki_key *ecasd_key(const struct euicc_m2m *m, enum crypto_curve curve)
{
    for (size_t i = 0; i < m->e->ci_count; i++) {
        if (pki_key_curve(m->e->cis[i].key) == curve) {
            return m->e->cis[i].key;
        }
    }
    return NULL;
}

/* ---- first command -----------------------------------------------------------------------------
 */

static bool is_isdr(const struct euicc_m2m *m, uint16_t target)
{
    return target == m->isdr;
}

/* Bytes that the data of the first command has, by its grouping; 0 = not known yet. The length is a
 * data grouping's, or BER: then the certificate's tag follows behind it. */
static size_t expected_size(cr_span data)
{
    if (data.n < 3) {
        return 0;
    }
    uint8_t n = data.p[2];
    if (n == 0xFF) {
        return data.n < 5 ? 0 : 5 + ((size_t)data.p[3] << 8 | data.p[4]);
    }
    if (n == 0x81 && data.n >= 6 && data.p[4] == 0x7F && data.p[5] == 0x21) {
        return 4 + (size_t)data.p[3];
    }
    if (n == 0x82 && data.n >= 7 && data.p[5] == 0x7F && data.p[6] == 0x21) {
        return 5 + ((size_t)data.p[3] << 8 | data.p[4]);
    }
    return 3 + (size_t)n;
}

static uicc_sw take_certificate(struct euicc_m2m *m, cr_buf *out)
{
    struct m2m_establishment *s = &m->establishment;
    struct cr_err err = {0};
    cr_span data = cr_buf_span(&s->data), certificate;
    size_t size = expected_size(data);
    if (size > ESTABLISH_MAX_DATA) {
        return UICC_SW_WRONG_DATA;
    }
    if (data.n < size || size == 0) {
        return UICC_SW_OK; /* the next block, please */
    }
    cr_status status = establish_take_certificate(data, &certificate, &err);
    if (status != CR_OK) {
        return failed(status, &err);
    }
    enum gpcert_role role = is_isdr(m, s->target) ? GPCERT_ROLE_SR : GPCERT_ROLE_DP;
    uicc_sw sw = ecasd_verify(m, certificate, role, &s->signer);
    if (sw != UICC_SW_OK) {
        return sw;
    }
    status = cr_random(m->e->env, s->challenge, sizeof s->challenge, &err);
    if (status == CR_OK) {
        status = establish_put_challenge(CR_SPAN_ARRAY(s->challenge), out, &err);
    }
    if (status != CR_OK) {
        return UICC_SW_NO_MEMORY;
    }
    s->has_challenge = true;
    s->part = M2M_ESTABLISH_REQUEST;
    cr_buf_reset(&s->data);
    return UICC_SW_OK;
}

/* ---- second command ----------------------------------------------------------------------------
 */

static cr_status delete_keys(const struct gp_registry *reg, uint16_t domain, uint8_t keep_kvn,
                             struct cr_err *err)
{
    struct gp_key key = {0};
    cr_status status = CR_OK;
    while (status == CR_OK && gp_key_next(reg, domain, key.kvn, key.kid, &key)) {
        if (key.kvn != keep_kvn) {
            status = gp_key_delete(reg, domain, key.kvn, key.kid, err);
        }
    }
    cr_wipe(&key, sizeof key);
    return status;
}

static cr_status store_keys(const struct gp_registry *reg, uint16_t domain,
                            const struct establish_template *t, const struct establish_keys *keys,
                            uint8_t session_kvn, struct cr_err *err)
{
    struct gp_counters counters = {.packets = t->counter};
    cr_status status = CR_OK;
    if (t->parameters & ESTABLISH_DELETE_KEYS) {
        /* The set that secures this session stays until FinaliseISDRhandover. */
        CR_TRY(delete_keys(reg, domain, session_kvn, err));
    }
    for (size_t i = 0; status == CR_OK && i < keys->count; i++) {
        struct gp_key key = {.kvn = t->kvn,
                             .kid = (uint8_t)(t->key_id + i),
                             .type = t->key_type,
                             .access = t->access,
                             .mac_size = 8,
                             .n = ESTABLISH_KEY};
        memcpy(key.value, keys->keys[i], ESTABLISH_KEY);
        status = gp_key_put(reg, domain, &key, err);
        cr_wipe(&key, sizeof key);
    }
    return status == CR_OK ? gp_counters_put(reg, domain, t->kvn, &counters, err) : status;
}

static cr_span object_value(const struct gp_registry *reg, uint16_t domain, uint32_t tag)
{
    struct der_tlv tlv;
    cr_span data = gp_data_get(reg, domain, tag);
    return data.p && der_next(&data, DER_DEFINITE, &tlv, NULL) == CR_OK ? tlv.value : (cr_span){0};
}

/* HostID, SIN and SDIN: the template names this domain. */
static bool domain_named(const struct gp_registry *reg, uint16_t domain,
                         const struct establish_template *t)
{
    cr_span sdin = object_value(reg, domain, 0x45);
    return !(t->parameters & ESTABLISH_WITH_HOST) || !sdin.p || cr_span_equal(sdin, t->sdin);
}

static uicc_sw take_request(struct euicc_m2m *m, uint8_t session_kvn, cr_buf *out)
{
    struct m2m_establishment *s = &m->establishment;
    struct establish_request request;
    struct establish_keys keys = {0};
    struct gp_object target;
    struct cr_err err = {0};
    enum establish_domain domain = is_isdr(m, s->target) ? ESTABLISH_ISDR : ESTABLISH_ISDP;
    const struct pki_key *ecasd = ecasd_key(m, crypto_public_curve(s->signer));
    if (!gp_object_get(&m->reg, s->target, &target) || !s->has_challenge || !ecasd) {
        return UICC_SW_CONDITIONS;
    }
    s->has_challenge = false; /* once only, whatever comes of it */
    cr_status status = establish_take_request(cr_buf_span(&s->data), &request, &err);
    if (status == CR_OK) {
        status = establish_check(&request.t, domain, &err);
    }
    if (status == CR_OK && !domain_named(&m->reg, target.id, &request.t)) {
        return UICC_SW_WRONG_DATA;
    }
    if (status == CR_OK) {
        status = establish_verify(&request, CR_SPAN_ARRAY(s->challenge), s->signer, &err);
    }
    if (status == CR_OK) {
        status = establish_card_finish(&request, ecasd, object_value(&m->reg, target.id, 0x42),
                                       m->e->env, &keys, out, &err);
    }
    if (status != CR_OK) {
        return failed(status, &err);
    }
    uint8_t session = is_isdr(m, target.id) ? session_kvn : 0;
    uicc_sw sw = request.t.kvn == session ? UICC_SW_CONDITIONS : UICC_SW_OK;
    if (sw == UICC_SW_OK &&
        store_keys(&m->reg, target.id, &request.t, &keys, session, &err) != CR_OK) {
        sw = UICC_SW_NO_MEMORY;
    }
    establish_keys_wipe(&keys);
    if (sw == UICC_SW_OK && target.state == GP_SELECTABLE) {
        target.state = GP_PERSONALIZED;
        sw = gp_object_put(&m->reg, &target, &err) == CR_OK ? UICC_SW_OK : UICC_SW_MEMORY;
    }
    return sw;
}

/* ---- the sequence ------------------------------------------------------------------------------
 */

static uicc_sw begin(struct euicc_m2m *m, const struct gp_requester *who)
{
    struct gp_object target;
    euicc_m2m_establishment_drop(m);
    if (!gp_object_by_aid(&m->reg, who->target, &target) || target.kind != GP_DOMAIN) {
        return UICC_SW_NO_REFERENCE;
    }
    if (!is_isdr(m, target.id) && target.state != GP_SELECTABLE &&
        target.state != GP_PERSONALIZED) {
        return UICC_SW_CONDITIONS;
    }
    m->establishment.target = target.id;
    m->establishment.data.limit = ESTABLISH_MAX_DATA;
    return UICC_SW_OK;
}

static bool continues(const struct euicc_m2m *m, const struct gp_requester *who,
                      const struct uicc_apdu *apdu)
{
    const struct m2m_establishment *s = &m->establishment;
    struct gp_object target;
    return s->target && apdu->p2 == s->next_block &&
           gp_object_by_aid(&m->reg, who->target, &target) && target.id == s->target;
}

/* P2 counts the blocks of both commands; the one with 80 in P1 is the last of the second. */
uicc_sw euicc_m2m_establish(struct euicc_m2m *m, const struct gp_requester *who,
                            const struct uicc_apdu *apdu, cr_buf *out)
{
    struct m2m_establishment *s = &m->establishment;
    bool last = (apdu->p1 & P1_LAST) != 0;
    uicc_sw sw = UICC_SW_OK;
    if (apdu->p2 == 0) {
        sw = begin(m, who);
    } else if (!continues(m, who, apdu)) {
        sw = UICC_SW_CONDITIONS;
    }
    if (sw == UICC_SW_OK && apdu->data.n == 0) {
        sw = UICC_SW_WRONG_LENGTH;
    }
    if (sw == UICC_SW_OK) {
        s->next_block = (uint8_t)(apdu->p2 + 1);
        s->data.secret = true;
        cr_buf_append_span(&s->data, apdu->data);
        sw = !cr_buf_ok(&s->data)                           ? UICC_SW_WRONG_DATA
             : s->part == M2M_ESTABLISH_CERTIFICATE && last ? UICC_SW_CONDITIONS
             : s->part == M2M_ESTABLISH_CERTIFICATE         ? take_certificate(m, out)
             : last                                         ? take_request(m, who->kvn, out)
                                                            : UICC_SW_OK;
    }
    if (sw != UICC_SW_OK || last) {
        euicc_m2m_establishment_drop(m);
    }
    return sw;
}
