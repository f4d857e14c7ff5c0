/*
 * EstablishISDRKeySet as the SM-SR whose key set it will be (SGP.02 4.1.1.8): the certificate, the
 * one-time key and its signature, the receipt.
 */
#include "smsr/handover.h"

#include "pki/gpcert.h"

#include <stdio.h>

#define LABEL "one-time"
#define WHOSE 24

/* ---- identities --------------------------------------------------------------------------------
 */

cr_status smsr_identity_for(const struct smsr *sr, const struct smsr_euicc *euicc,
                            const struct smsr_identity **out, struct cr_err *err)
{
    struct gpcert ecasd;
    CR_TRY(gpcert_decode(euicc->ecasd_certificate, &ecasd, err));
    for (size_t i = 0; i < sr->identity_count; i++) {
        if (pki_key_curve(sr->identities[i].key) == ecasd.curve) {
            *out = &sr->identities[i];
            return CR_OK;
        }
    }
    return cr_refuse(err, "8.1", "1.2", "SGP.02 3.8",
                     "this SM-SR has no certificate on the curve of the eUICC");
}

cr_status smsr_identity_check(const struct smsr *sr, struct cr_err *err)
{
    const struct gpcert_expect expect = {.role = GPCERT_ROLE_SR, .now_ms = cr_now_ms(sr->env)};
    struct cr_err why = {0};
    if (!sr->identity_count) {
        return cr_refuse(err, "8.1", "1.2", "SGP.02 3.8",
                         "this SM-SR takes no eUICC over: it has no certificate to show to them");
    }
    for (size_t i = 0; i < sr->identity_count; i++) {
        struct gpcert cert;
        cr_status status = gpcert_decode(sr->identities[i].certificate, &cert, &why);
        if (status == CR_OK) {
            status = gpcert_verify_server(&cert, sr->trust, &expect, NULL, &why);
        }
        if (status == CR_OK || status == CR_RESOURCE) {
            return status == CR_OK ? CR_OK : cr_fail_memory(err);
        }
    }
    return cr_refuse(err, "8.5.3", why.code == PKI_EXPIRED ? "6.3" : "6.1", "SGP.02 3.8",
                     "the certificate of this SM-SR: %s", why.cause);
}

/* ---- one-time keys -----------------------------------------------------------------------------
 */

static const char *whose(char out[WHOSE], const struct smsr_run *run)
{
    (void)snprintf(out, WHOSE, "%lld", (long long)run->p.id);
    return out;
}

static cr_status seal(struct smsr_run *run, const struct crypto_private *key,
                      struct smsr_handover *h, struct cr_err *err)
{
    uint8_t scalar[CRYPTO_SCALAR];
    char text[WHOSE];
    cr_buf sealed = {0};
    crypto_private_scalar(key, scalar);
    cr_status status = store_seal(&run->sr->seal, LABEL, whose(text, run), CR_SPAN_ARRAY(scalar),
                                  run->sr->env, &sealed, err);
    cr_wipe(scalar, sizeof scalar);
    if (status == CR_OK) {
        h->one_time = cr_arena_copy(run->arena, cr_buf_span(&sealed));
        status = h->one_time.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&sealed);
    return status;
}

static cr_status unseal(struct smsr_run *run, enum crypto_curve curve,
                        const struct smsr_handover *h, struct crypto_private **out,
                        struct cr_err *err)
{
    char text[WHOSE];
    cr_buf scalar = {.secret = true};
    if (!h->one_time.p) {
        return cr_fail(err, CR_INTERNAL, NULL, "a one-time key is used up");
    }
    cr_status status =
        store_unseal(&run->sr->seal, LABEL, whose(text, run), h->one_time, &scalar, err);
    if (status == CR_OK) {
        status = crypto_private_new(curve, cr_buf_span(&scalar), out, err);
    }
    cr_buf_free(&scalar);
    return status;
}

static cr_status sign(struct smsr_run *run, const struct establish_template *t,
                      struct smsr_handover *h, cr_span point, uint8_t signature[CRYPTO_SIGNATURE],
                      struct cr_err *err)
{
    const struct smsr_identity *identity;
    cr_buf key = {0}, objects = {0};
    CR_TRY(smsr_identity_for(run->sr, &run->e, &identity, err));
    cr_status status =
        establish_put_key(pki_key_curve(identity->key), point, ESTABLISH_KEY_RAW, &key, err);
    if (status == CR_OK) {
        status = establish_put_objects(t, cr_buf_span(&key), &objects, err);
    }
    if (status == CR_OK) {
        h->objects = cr_arena_copy(run->arena, cr_buf_span(&objects));
        status = h->objects.p ? CR_OK : cr_fail_memory(err);
    }
    if (status == CR_OK) {
        status = establish_sign(h->objects, h->challenge, identity->key, signature, err);
    }
    cr_buf_free(&key);
    cr_buf_free(&objects);
    return status;
}

cr_status smsr_keys_begin(struct smsr_run *run, const struct establish_template *t,
                          struct smsr_handover *h, uint8_t point[CRYPTO_POINT],
                          uint8_t signature[CRYPTO_SIGNATURE], struct cr_err *err)
{
    const struct smsr_identity *identity;
    struct crypto_private *key = NULL;
    CR_TRY(smsr_identity_for(run->sr, &run->e, &identity, err));
    CR_TRY(crypto_private_generate(pki_key_curve(identity->key), &key, err));
    crypto_private_point(key, point);
    cr_status status = seal(run, key, h, err);
    crypto_private_free(key);
    return status == CR_OK ? sign(run, t, h, cr_span_of(point, CRYPTO_POINT), signature, err)
                           : status;
}

/* ---- the receipt -------------------------------------------------------------------------------
 */

cr_status smsr_keys_finish(struct smsr_run *run, struct smsr_handover *h, cr_span dr,
                           cr_span receipt, struct establish_keys *keys, struct cr_err *err)
{
    struct gpcert cert;
    struct crypto_public *ecasd = NULL;
    struct crypto_private *key = NULL;
    struct cr_err why = {0};
    cr_span a6;
    CR_TRY(gpcert_decode(run->e.ecasd_certificate, &cert, err));
    CR_TRY(establish_a6_of(h->objects, &a6, err));
    cr_status status = unseal(run, cert.curve, h, &key, err);
    if (status == CR_OK) {
        status = crypto_public_new(cert.curve, cert.point, &ecasd, err);
    }
    if (status == CR_OK) {
        status = establish_host_finish(a6, key, ecasd, run->e.sin, dr, receipt, keys, &why);
        if (status == CR_REFUSED || status == CR_MALFORMED) {
            status = cr_refuse(err, "8.5.2", "6.1", "SGP.02 4.1.1.8",
                               "the receipt of the key establishment is wrong: %s", why.cause);
        } else if (status != CR_OK && err) {
            *err = why;
        }
    }
    crypto_public_free(ecasd);
    crypto_private_free(key);
    h->one_time = (cr_span){0};
    return status;
}

cr_status smsr_keys_keep(struct smsr_run *run, const struct smsr_handover *h,
                         const struct establish_keys *keys, struct cr_err *err)
{
    struct establish_template t;
    struct smsr_keyset set = {0};
    cr_span a6;
    CR_TRY(establish_a6_of(h->objects, &a6, err));
    CR_TRY(establish_take_template(a6, &t, err));
    set.version = t.kvn;
    set.type = t.usage == ESTABLISH_USAGE_ONE ? SOAP_KEYSET_SCP81 : SOAP_KEYSET_SCP80;
    for (size_t i = 0; i < keys->count; i++) {
        set.keys[i] = (struct smsr_key){.type = t.key_type, .size = ESTABLISH_KEY};
        memcpy(set.keys[i].value, keys->keys[i], ESTABLISH_KEY);
    }
    cr_status status = smsr_keyset_put(run->sr, run->tx, run->e.eid, &set, t.counter, err);
    cr_wipe(&set, sizeof set);
    return status;
}
