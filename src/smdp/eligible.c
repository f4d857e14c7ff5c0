/*
 * Whether a Profile may go to a chip, by what its SM-SR says (SGP.02 3.1.1, procedure step "check
 * of eligibility"): who made it, its key, its memory, its platform.
 */
#include "asn1/der.h"
#include "base/text.h"
#include "rsp/ids.h"
#include "smdp/core.h"
#include "soap/eum_signature.h"

/* SCP03t and interoperable profile packages came with SGP.02 v3. */
#define MIN_REMOTE_PROVISIONING 3

const struct smdp_identity *smdp_identity_of(const struct smdp *dp, enum crypto_curve curve)
{
    for (size_t i = 0; i < dp->options.identity_count; i++) {
        if (pki_key_curve(dp->options.identities[i].key) == curve) {
            return &dp->options.identities[i];
        }
    }
    return NULL;
}

/* ---- the EUM -----------------------------------------------------------------------------------
 */

static bool has_oid(const struct pki_cert *eum, cr_span oid)
{
    char text[DER_OID_TEXT];
    return eum->registered_id.p && der_oid_text(eum->registered_id, text, NULL) == CR_OK &&
           cr_span_equal(cr_span_str(text), oid);
}

/* The EUM whose key signed EumSignedInfo. Several certificates may have one Eum-id (two curves, a
 * renewed one). */
static cr_status find_eum(struct smdp *dp, const struct soap_eis *eis, int64_t now_ms,
                          cr_arena *arena, const struct pki_cert **out, struct cr_err *err)
{
    const struct pki_expect expect = {.role = PKI_ROLE_EUM, .now_ms = now_ms};
    struct cr_err why = {0};
    bool known = false;
    if (!eis->eum_signature.p || !eis->signed_info.raw.p) {
        return cr_refuse(err, "8.6", "6.1", "SGP.02 3.1.1", "the EIS is not signed by its EUM");
    }
    for (size_t i = 0; i < dp->options.eum_count; i++) {
        const struct pki_cert *eum = &dp->options.eums[i];
        struct crypto_public *key = NULL;
        if (!has_oid(eum, eis->signed_info.eum_id)) {
            continue;
        }
        known = true;
        if (pki_chain_verify(dp->options.trust, eum, 1, &expect, NULL, &key, &why) != CR_OK) {
            (void)cr_refuse(&why, "8.5.1", why.code == PKI_EXPIRED ? "6.3" : "6.1",
                            "SGP.02 2.3.2.2", "the certificate of the EUM is not valid");
            continue;
        }
        cr_status status = soap_eum_verify(eis, key, eum->raw, arena, &why);
        crypto_public_free(key);
        if (status == CR_OK) {
            *out = eum;
            return CR_OK;
        }
    }
    if (!known) {
        return cr_err_next(err,
                           cr_refuse(err, "8.5.1", "6.1", "SGP.02 2.3.2.2",
                                     "no certificate of EUM %.*s is known here",
                                     (int)eis->signed_info.eum_id.n,
                                     (const char *)eis->signed_info.eum_id.p),
                           "Give the certificate of this EUM to the SM-DP.");
    }
    if (!why.subject[0]) {
        (void)cr_refuse(&why, "8.6", "6.1", "SGP.02 3.1.1", "the signature of the EUM is wrong");
    }
    if (err) {
        *err = why;
    }
    return CR_REFUSED;
}

/* ---- PK.ECASD.ECKA -----------------------------------------------------------------------------
 */

static cr_status try_certificate(struct smdp *dp, cr_span value, const struct pki_cert *eum,
                                 cr_span eid, int64_t now_ms, cr_arena *arena,
                                 struct smdp_chip *chip, struct cr_err *err)
{
    struct gpcert cert;
    struct crypto_public *key = NULL;
    struct cr_err why = {0};
    if (gpcert_decode(value, &cert, &why) != CR_OK ||
        gpcert_verify_ecasd(&cert, eum, dp->options.trust, eid, now_ms, &key, &why) != CR_OK) {
        return cr_refuse(err, "8.5.2", why.code == PKI_EXPIRED ? "6.3" : "6.1", "SGP.02 3.1.1",
                         "the certificate of the ECASD is not valid: %s", why.cause);
    }
    chip->curve = crypto_public_curve(key);
    chip->point = cr_arena_copy(arena, crypto_public_point(key));
    crypto_public_free(key);
    if (!chip->point.p) {
        return cr_fail_memory(err);
    }
    return smdp_identity_of(dp, chip->curve)
               ? CR_OK
               : cr_refuse(err, "8.5.2", "3.1", "SGP.02 2.3.3",
                           "this SM-DP has no certificate on the curve of the ECASD (%s)",
                           crypto_curve_name(chip->curve));
}

/* The first one that is good; if none is, why the last was not. */
static cr_status find_key(struct smdp *dp, const struct soap_eis *eis, const struct pki_cert *eum,
                          int64_t now_ms, cr_arena *arena, struct smdp_chip *chip,
                          struct cr_err *err)
{
    const struct soap_security_domain *ecasd = &eis->signed_info.ecasd;
    struct cr_err why = {0};
    (void)cr_refuse(&why, "8.5.2", "6.1", "SGP.02 3.1.1",
                    "the EIS has no certificate of the ECASD");
    for (size_t i = 0; eis->signed_info.has_ecasd && i < ecasd->keysets.count; i++) {
        const struct soap_keyset *set = &ecasd->keysets.items[i];
        for (size_t k = 0; k < set->certificates.count; k++) {
            cr_status status = try_certificate(dp, set->certificates.items[k].value, eum, chip->eid,
                                               now_ms, arena, chip, &why);
            if (status == CR_OK) {
                return CR_OK;
            }
        }
    }
    chip->point = (cr_span){0};
    if (err) {
        *err = why;
    }
    return why.category;
}

/* ---- what it can -------------------------------------------------------------------------------
 */

static cr_status unsuited(const struct smdp_job *job, struct cr_err *err, const char *what)
{
    return cr_refuse(err, job->by_type ? "8.2.5" : "8.2.1", "2.1", "SGP.02 5.3.2",
                     "the Profile is not for this eUICC: %s", what);
}

static cr_status check_platform(const struct soap_eum_signed_info *info, const struct smdp_job *job,
                                const struct smdp_profile *p, struct cr_err *err)
{
    struct rsp_version has, needs;
    const struct soap_capabilities *c = &info->capabilities;
    if (info->has_capabilities && c->remote_provisioning_version.p &&
        (!rsp_version_parse(c->remote_provisioning_version, &has) ||
         has.major < MIN_REMOTE_PROVISIONING)) {
        return unsuited(job, err, "its version of remote provisioning is too old");
    }
    if (p->platform_type && !cr_span_equal(info->platform_type, cr_span_str(p->platform_type))) {
        return unsuited(job, err, "it is made for another platform");
    }
    if (p->platform_version && rsp_version_parse(cr_span_str(p->platform_version), &needs) &&
        (!rsp_version_parse(info->platform_version, &has) || rsp_version_compare(has, needs) < 0)) {
        return unsuited(job, err, "it needs a newer version of the platform");
    }
    return CR_OK;
}

/* Our own rows: what is still Created was left behind; our ICCID must not be there otherwise. */
static cr_status look_for_own(struct smdp *dp, const struct soap_eis *eis,
                              const struct smdp_profile *p, cr_arena *arena, const char **rest,
                              struct cr_err *err)
{
    cr_span self = cr_span_str(dp->options.parties->oid);
    *rest = NULL;
    for (size_t i = 0; i < eis->profiles.count; i++) {
        const struct soap_profile_info *row = &eis->profiles.items[i];
        bool own = cr_span_equal(row->smdp_id, self);
        if (own && row->state == SOAP_STATE_CREATED) {
            char *more = cr_arena_printf(arena, "%s%s%.*s", *rest ? *rest : "", *rest ? "," : "",
                                         (int)row->iccid.n, (const char *)row->iccid.p);
            if (!more) {
                return cr_fail_memory(err);
            }
            *rest = more;
        } else if (cr_span_equal(row->iccid, cr_span_str(p->iccid))) {
            return cr_refuse(err, "8.2.1", "3.3", "SGP.02 5.3.2", "the eUICC has ICCID %s already",
                             p->iccid);
        }
    }
    return CR_OK;
}

cr_status smdp_check_eis(struct smdp *dp, const struct soap_eis *eis, const struct smdp_job *job,
                         const struct smdp_profile *profile, int64_t now_ms, cr_arena *arena,
                         struct smdp_chip *chip, const char **rest, struct cr_err *err)
{
    const struct pki_cert *eum = NULL;
    const struct soap_eum_signed_info *info = &eis->signed_info;
    if (!eis->has_signed_info || !cr_span_equal(info->eid, job->eid)) {
        return cr_refuse(err, "8.6", "2.1", "SGP.02 3.1.1", "the EIS is that of another eUICC");
    }
    *chip = (struct smdp_chip){.eid = job->eid, .smsr = job->smsr, .eis_ms = now_ms};
    if (eis->has_isdr) {
        chip->sin = eis->isdr.sin;
        chip->sdin = eis->isdr.sdin;
    }
    CR_TRY(find_eum(dp, eis, now_ms, arena, &eum, err));
    CR_TRY(find_key(dp, eis, eum, now_ms, arena, chip, err));
    CR_TRY(check_platform(info, job, profile, err));
    CR_TRY(look_for_own(dp, eis, profile, arena, rest, err));
    /* What is going to be deleted comes back. */
    if (!*rest && eis->has_remaining_memory && eis->remaining_memory < profile->required_memory) {
        return cr_refuse(err, "8.1", "4.8", "SGP.02 5.3.2",
                         "the eUICC has %lld bytes left, the Profile needs %lld",
                         (long long)eis->remaining_memory, (long long)profile->required_memory);
    }
    return CR_OK;
}
