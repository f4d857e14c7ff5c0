/*
 * The chip: power, memory, credentials, one exchange.
 */
#include "euicc/chip.h"

#include "euicc/https.h"
#include "euicc/m2m.h"
#include "pki/gpcert.h"

#include <stdlib.h>

#define ISDP_AID_PREFIX                                                                            \
    {                                                                                              \
        0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0x00               \
    }

cr_span euicc_isdp_aid(uint16_t id, uint8_t out[16])
{
    static const uint8_t prefix[] = ISDP_AID_PREFIX;
    memcpy(out, prefix, sizeof(prefix));
    out[13] = (uint8_t)(id >> 8);
    out[14] = (uint8_t)id;
    out[15] = 0;
    return cr_span_of(out, 16);
}

size_t euicc_free_memory(const struct euicc *e)
{
    size_t used = nvm_used(e->nvm);
    size_t capacity = nvm_capacity(e->nvm);
    return used + EUICC_RESERVE < capacity ? capacity - used - EUICC_RESERVE : 0;
}

void euicc_remember_smdp(struct euicc *e, cr_span address)
{
    size_t n = address.n < EUICC_MAX_ADDRESS ? address.n : EUICC_MAX_ADDRESS;
    if (n) {
        memmove(e->default_smdp, address.p, n);
    }
    e->default_smdp[n] = 0;
    e->config.default_smdp = n ? cr_span_of(e->default_smdp, n) : (cr_span){0};
}

const struct euicc_ci *euicc_ci_of(const struct euicc *e, cr_span key_id)
{
    for (size_t i = 0; i < e->ci_count; i++) {
        if (cr_span_equal(e->cis[i].key_id, key_id)) {
            return &e->cis[i];
        }
    }
    return NULL;
}

cr_status euicc_sign(const struct euicc_ci *ci, const cr_span *parts, size_t count,
                     uint8_t out[RSP_SIGNATURE], struct cr_err *err)
{
    return pki_key_sign(ci->key, parts, count, out, err);
}

void euicc_session_drop(struct euicc *e)
{
    struct euicc_session *s = &e->session;
    crypto_public_free(s->pb_key);
    crypto_private_free(s->otsk);
    bsp_free(s->bsp);
    cr_buf_free(&s->control);
    cr_buf_free(&s->metadata);
    cr_buf_free(&s->elements);
    euicc_installer_free(s->installer);
    cr_wipe(s, sizeof(*s));
}

cr_status euicc_show_profile(struct euicc *e, struct cr_err *err)
{
    char prefix[EUICC_PREFIX];
    uint16_t id = euicc_id_get(e->nvm, "on");
    e->refresh_pending = false;
    return uicc_set_profile(e->uicc, id ? euicc_profile_prefix(id, prefix) : (cr_span){0}, err);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

/* The curve of the chip's own key. */
static cr_status own_curve(const struct euicc *e, cr_span cert, enum crypto_curve *out,
                           struct cr_err *err)
{
    struct pki_cert own;
    struct gpcert ecasd;
    if (e->config.m2m) {
        CR_TRY(gpcert_decode(cert, &ecasd, err));
        *out = ecasd.curve;
        return CR_OK;
    }
    CR_TRY(pki_cert_decode(cert, &own, err));
    *out = own.curve;
    return CR_OK;
}

static cr_status open_credential(struct euicc *e, const struct euicc_credential_record *record,
                                 struct cr_err *err)
{
    struct euicc_ci *ci = &e->cis[e->ci_count];
    struct pki_cert ca;
    enum crypto_curve curve;
    struct crypto_private *private = NULL;
    CR_TRY(pki_cert_decode(record->ci_cert, &ca, err));
    CR_TRY(own_curve(e, record->euicc_cert, &curve, err));
    CR_TRY(pki_trust_add_ci(e->trust, record->ci_cert, err));
    CR_TRY(crypto_private_new(curve, record->scalar, &private, err));
    CR_TRY(pki_key_of_private(private, &ci->key, err));
    ci->key_id = ca.ski;
    ci->eum_cert = record->eum_cert;
    ci->euicc_cert = record->euicc_cert;
    e->ci_count++;
    return CR_OK;
}

static cr_status open_crls(struct euicc *e, struct cr_err *err)
{
    cr_span key;
    cr_span value;
    cr_span after = {0};
    (void)err;
    while (nvm_next(e->nvm, cr_span_str("crl/"), after, &key, &value)) {
        /* They were verified when they were loaded. */
        cr_status status = pki_trust_add_crl(e->trust, value, NULL);
        (void)status;
        after = key;
    }
    return CR_OK;
}

static cr_status load(struct euicc *e, struct cr_err *err)
{
    struct euicc_credential_record record;
    CR_TRY(euicc_config_get(e->nvm, &e->arena, &e->config, err));
    euicc_remember_smdp(e, e->config.default_smdp);
    if (!rsp_eid_text(e->config.eid, e->eid_text)) {
        return cr_fail(err, CR_MALFORMED, NULL, "the chip's EID is damaged");
    }
    e->trust = pki_trust_new();
    if (!e->trust) {
        return cr_fail_memory(err);
    }
    nvm_set_capacity(e->nvm, (size_t)e->config.memory);
    for (unsigned n = 0; n < EUICC_MAX_CREDENTIALS; n++) {
        if (euicc_credential_get(e->nvm, n, &e->arena, &record)) {
            CR_TRY(open_credential(e, &record, err));
        }
    }
    if (e->ci_count == 0) {
        return cr_fail(err, CR_MALFORMED, NULL, "the chip has no credentials");
    }
    return open_crls(e, err);
}

/* What a power cut left behind. */
static cr_status recover(struct euicc *e, struct cr_err *err)
{
    struct gp_registry reg;
    nvm_begin(e->nvm);
    cr_status status = euicc_bpp_recover(e, err);
    if (status == CR_OK && e->config.m2m && euicc_m2m_registry(e->nvm, &reg)) {
        status = euicc_m2m_recover(e->nvm, &reg, err);
    }
    if (status != CR_OK) {
        nvm_rollback(e->nvm);
        return status;
    }
    return nvm_commit(e->nvm, err);
}

static cr_status power_on(struct euicc *e, struct cr_err *err)
{
    struct uicc_options options = {.nvm = e->nvm, .env = e->env, .euicc = true};
    CR_TRY(load(e, err));
    CR_TRY(recover(e, err));
    CR_TRY(uicc_new(&options, &e->uicc, err));
    if (e->config.m2m) {
        CR_TRY(euicc_m2m_new(e, err));
    } else {
        CR_TRY(euicc_isdr_register(e, err));
        CR_TRY(gp_new(e->uicc, NULL, &e->gp, err));
    }
    uicc_reset(e->uicc);
    return euicc_show_profile(e, err);
}

cr_status euicc_open(struct nvm *nvm, const cr_env *env, struct euicc **out, struct cr_err *err)
{
    struct euicc *e = calloc(1, sizeof(*e));
    if (!e) {
        nvm_close(nvm);
        return cr_fail_memory(err);
    }
    e->nvm = nvm;
    e->env = env;
    e->arena.secret = true;
    e->command.limit = EUICC_MAX_COMMAND;
    cr_status status = power_on(e, err);
    if (status != CR_OK) {
        euicc_free(e);
        return status;
    }
    *out = e;
    return CR_OK;
}

cr_status euicc_open_dir(const char *dir, const cr_env *env, struct euicc **out, struct cr_err *err)
{
    struct nvm *nvm = NULL;
    cr_status status = nvm_open(dir, false, &nvm, err);
    if (status == CR_OK) {
        status = euicc_open(nvm, env, out, err);
    }
    return status == CR_OK ? CR_OK : cr_err_context(err, status, "chip %s", dir);
}

void euicc_free(struct euicc *e)
{
    if (!e) {
        return;
    }
    if (e->m2m) {
        euicc_m2m_https_drop(e->m2m);
    }
    gp_free(e->gp);
    if (e->uicc) {
        uicc_free(e->uicc);
    }
    euicc_m2m_free(e->m2m);
    euicc_session_drop(e);
    for (size_t i = 0; i < e->ci_count; i++) {
        pki_key_free(e->cis[i].key);
    }
    pki_trust_free(e->trust);
    nvm_close(e->nvm);
    cr_buf_free(&e->command);
    cr_arena_free(&e->arena);
    free(e);
}

cr_status euicc_reset(struct euicc *e, struct cr_err *err)
{
    euicc_session_drop(e);
    cr_buf_reset(&e->command);
    e->next_block = 0;
    CR_TRY(recover(e, err));
    uicc_reset(e->uicc);
    return euicc_show_profile(e, err);
}

void euicc_atr(const struct euicc *e, cr_buf *out)
{
    uicc_atr(e->uicc, out);
}

cr_status euicc_transmit(struct euicc *e, cr_span command, cr_buf *response, struct cr_err *err)
{
    return uicc_transmit(e->uicc, command, response, err);
}

struct nvm *euicc_nvm(struct euicc *e)
{
    return e->nvm;
}

struct uicc *euicc_uicc(struct euicc *e)
{
    return e->uicc;
}

const char *euicc_eid(const struct euicc *e)
{
    return e->eid_text;
}

/* ---- as a card ---------------------------------------------------------------------------------
 */

static cr_status card_transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    return euicc_transmit(ctx, command, response, err);
}

static cr_status card_reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    CR_TRY(euicc_reset(ctx, err));
    euicc_atr(ctx, atr);
    return CR_OK;
}

static void card_close(void *ctx)
{
    euicc_free(ctx);
}

void euicc_card(struct euicc *e, struct card *out)
{
    *out = (struct card){
        .ctx = e, .transmit = card_transmit, .reset = card_reset, .close = card_close};
}
