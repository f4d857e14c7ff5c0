/*
 * Making a chip: what an EUM does.
 */
#include "euicc/chip.h"

#include "pki/hierarchy.h"
#include "rsp/types.h"

#include <stdio.h>
#include <stdlib.h>

/* Every operator may set every rule; the user is asked. */
static cr_status default_rat(cr_arena *arena, cr_span *out, struct cr_err *err)
{
    static const uint8_t any_plmn[] = {0xEE, 0xEE, 0xEE};
    struct rsp_operator_id any = {
        .mcc_mnc = CR_SPAN_ARRAY(any_plmn), .gid1 = cr_span_str(""), .gid2 = cr_span_str("")};
    struct rsp_profile_policy_authorisation_rule rule = {
        .ppr_ids = RSP_PPR1 | RSP_PPR2,
        .allowed_operators = {.items = &any, .count = 1, .present = true},
        .ppr_flags = RSP_PPR_CONSENT_REQUIRED,
    };
    struct rsp_get_rat_response rat = {.rat = {.items = &rule, .count = 1, .present = true}};
    return asn1_encode_arena(&rsp_get_rat_response_type, &rat, ASN1_ENCODE_V2, arena, out, err);
}

static cr_status make_config(const struct euicc_options *o, cr_arena *arena,
                             struct euicc_config *out, struct cr_err *err)
{
    uint8_t *eid = cr_arena_alloc(arena, RSP_EID);
    uint8_t *svn = cr_arena_alloc(arena, RSP_VERSION);
    struct rsp_version version;
    if (!eid || !svn) {
        return cr_fail_memory(err);
    }
    CR_TRY(rsp_eid_parse(cr_span_str(o->eid), eid, err));
    CR_TRY(rsp_eid_refuse_bad_check(cr_span_of(eid, RSP_EID), err));
    if (!rsp_version_parse(cr_span_str(o->svn ? o->svn : "2.5.0"), &version) ||
        version.major != 2 || version.minor > 6) {
        cr_status status = cr_fail(err, CR_REFUSED, NULL, "an eUICC of version %s cannot be made",
                                   o->svn ? o->svn : "");
        return cr_err_next(err, status, "versions 2.0.0 to 2.6.x can");
    }
    rsp_version_to_bytes(version, svn);
    *out = (struct euicc_config){
        .eid = cr_span_of(eid, RSP_EID),
        .svn = cr_span_of(svn, RSP_VERSION),
        .default_smdp = cr_span_str(o->default_smdp),
        .root_smds = cr_span_str(o->root_smds ? o->root_smds : PKI_DEFAULT_DS_HOST),
        .memory = (int64_t)(o->memory ? o->memory : EUICC_MEMORY),
        .m2m = o->m2m != NULL,
        .forbidden_pprs = o->forbidden_pprs,
        .no_test_profiles = o->no_test_profiles,
        .strict_test_keys = o->strict_test_keys,
    };
    if (out->default_smdp.n > EUICC_MAX_ADDRESS || out->root_smds.n > EUICC_MAX_ADDRESS) {
        return cr_fail(err, CR_REFUSED, NULL, "an address has more than %d characters",
                       EUICC_MAX_ADDRESS);
    }
    if (o->rat) {
        return asn1_encode_arena(&rsp_get_rat_response_type, o->rat, ASN1_ENCODE_V2, arena,
                                 &out->rat, err);
    }
    return default_rat(arena, &out->rat, err);
}

/* The certificates must be what servers will believe. */
static cr_status check_credential(const struct euicc_credential *c, const char *eid,
                                  struct cr_err *err)
{
    struct pki_cert chain[2];
    struct pki_verdict verdict;
    struct pki_expect expect = {.role = PKI_ROLE_EUICC};
    struct pki_trust *trust = pki_trust_new();
    if (!trust) {
        return cr_fail_memory(err);
    }
    cr_status status = pki_trust_add_ci(trust, c->ci_cert, err);
    if (status == CR_OK) {
        status = pki_cert_decode(c->euicc_cert, &chain[0], err);
    }
    if (status == CR_OK) {
        status = pki_cert_decode(c->eum_cert, &chain[1], err);
    }
    if (status == CR_OK) {
        status = pki_chain_verify(trust, chain, 2, &expect, &verdict, NULL, err);
    }
    if (status == CR_OK && !cr_span_equal(chain[0].subject_serial, cr_span_str(eid))) {
        status = cr_fail(err, CR_REFUSED, "SGP.22 4.5.2.1", "CERT.EUICC is for another EID than %s",
                         eid);
    }
    pki_trust_free(trust);
    return status;
}

static cr_status write_chip(struct nvm *nvm, const struct euicc_options *o,
                            const struct euicc_config *config, const cr_env *env,
                            struct cr_err *err)
{
    CR_TRY(euicc_config_put(nvm, config, err));
    for (size_t i = 0; i < o->credential_count; i++) {
        const struct euicc_credential *c = &o->credentials[i];
        struct euicc_credential_record record = {.ci_cert = c->ci_cert,
                                                 .eum_cert = c->eum_cert,
                                                 .euicc_cert = c->euicc_cert,
                                                 .scalar = c->scalar};
        CR_TRY(o->m2m ? euicc_check_ecasd(c, config->eid, err) : check_credential(c, o->eid, err));
        CR_TRY(euicc_credential_put(nvm, (unsigned)i, &record, err));
    }
    return o->m2m ? euicc_make_m2m(nvm, o->m2m, config->eid, env, err) : CR_OK;
}

cr_status euicc_make(struct nvm *nvm, const struct euicc_options *o, const cr_env *env,
                     struct cr_err *err)
{
    cr_arena arena = {0};
    struct euicc_config config;
    cr_status status = CR_OK;
    if (o->credential_count == 0 || o->credential_count > EUICC_MAX_CREDENTIALS) {
        return cr_fail(err, CR_REFUSED, NULL, "a chip has 1 to %d CIs", EUICC_MAX_CREDENTIALS);
    }
    if (nvm_get(nvm, cr_span_str("cfg")).p) {
        return cr_fail(err, CR_REFUSED, NULL, "there is a chip in this memory already");
    }
    status = make_config(o, &arena, &config, err);
    if (status == CR_OK) {
        nvm_begin(nvm);
        status = write_chip(nvm, o, &config, env, err);
        if (status == CR_OK) {
            status = nvm_commit(nvm, err);
        } else {
            nvm_rollback(nvm);
        }
    }
    cr_arena_free(&arena);
    return status;
}

/* ---- with the EUM of a hierarchy ---------------------------------------------------------------
 */

struct issued {
    cr_buf ci[CRYPTO_CURVES], eum[CRYPTO_CURVES], euicc[CRYPTO_CURVES];
    uint8_t scalar[CRYPTO_CURVES][CRYPTO_SCALAR];
    struct euicc_credential credentials[CRYPTO_CURVES];
    size_t count;
};

static void issued_free(struct issued *issued)
{
    for (size_t i = 0; i < CRYPTO_CURVES; i++) {
        cr_buf_free(&issued->ci[i]);
        cr_buf_free(&issued->eum[i]);
        cr_buf_free(&issued->euicc[i]);
    }
    cr_wipe(issued->scalar, sizeof(issued->scalar));
}

static cr_status issue_curve(const char *pki_dir, enum crypto_curve curve, const char *eid,
                             bool m2m, const cr_env *env, struct issued *issued, struct cr_err *err)
{
    size_t i = issued->count;
    cr_arena arena = {0};
    struct pki_cert ci;
    struct crypto_private *key = NULL;
    cr_status status = pki_hierarchy_load(pki_dir, curve, "ci", &arena, &ci, NULL, err);
    if (status == CR_OK) {
        cr_buf_append_span(&issued->ci[i], ci.raw);
        status = (m2m ? euicc_issue_ecasd : pki_issue_euicc)(
            pki_dir, curve, eid, env, &issued->euicc[i], &issued->eum[i], &key, err);
    }
    if (status == CR_OK) {
        crypto_private_scalar(key, issued->scalar[i]);
        issued->credentials[i] =
            (struct euicc_credential){.ci_cert = cr_buf_span(&issued->ci[i]),
                                      .eum_cert = cr_buf_span(&issued->eum[i]),
                                      .euicc_cert = cr_buf_span(&issued->euicc[i]),
                                      .scalar = CR_SPAN_ARRAY(issued->scalar[i])};
        issued->count++;
    }
    crypto_private_free(key);
    cr_arena_free(&arena);
    return status;
}

/* A random EID under the first permitted EIN prefix of the EUM. */
static cr_status random_eid(const char *pki_dir, const cr_env *env, char out[RSP_EID_TEXT],
                            struct cr_err *err)
{
    cr_arena arena = {0};
    struct pki_cert eum;
    uint8_t random[RSP_EID];
    uint8_t eid[RSP_EID];
    enum crypto_curve curve =
        pki_hierarchy_has(pki_dir, CRYPTO_P256) ? CRYPTO_P256 : CRYPTO_BRAINPOOL;
    cr_status status = pki_hierarchy_load(pki_dir, curve, "eum", &arena, &eum, NULL, err);
    if (status == CR_OK) {
        status = cr_random(env, random, sizeof(random), err);
    }
    if (status == CR_OK) {
        cr_span prefix = eum.permitted_ein_count ? eum.permitted_eins[0] : cr_span_str("");
        char digits[RSP_EID_TEXT];
        for (size_t i = 0; i < RSP_EID_DIGITS; i++) {
            digits[i] = (char)(i < prefix.n ? prefix.p[i] : '0' + random[i / 2] % 10);
            random[i / 2] = (uint8_t)(random[i / 2] / 10 + i);
        }
        digits[RSP_EID_DIGITS] = 0;
        status = rsp_eid_parse(cr_span_str(digits), eid, err);
        if (status == CR_OK &&
            (!rsp_eid_set_check_digits(eid) || !rsp_eid_text(CR_SPAN_ARRAY(eid), out))) {
            status = cr_fail(err, CR_INTERNAL, NULL, "cannot make an EID");
        }
    }
    cr_arena_free(&arena);
    return status;
}

static cr_status create(struct nvm *nvm, const char *pki_dir, const struct euicc_options *options,
                        const cr_env *env, char eid[RSP_EID_TEXT], struct cr_err *err)
{
    struct euicc_options o = *options;
    struct issued issued = {0};
    size_t curves = 0;
    for (int curve = CRYPTO_P256; curve < CRYPTO_CURVES; curve++) {
        curves += pki_hierarchy_has(pki_dir, (enum crypto_curve)curve) ? 1 : 0;
    }
    cr_status status = curves > 0 ? CR_OK : pki_hierarchy_absent(pki_dir, err);
    if (o.eid) {
        (void)snprintf(eid, RSP_EID_TEXT, "%s", o.eid);
    } else if (status == CR_OK) {
        status = random_eid(pki_dir, env, eid, err);
    }
    o.eid = eid;
    for (int curve = CRYPTO_P256; status == CR_OK && curve < CRYPTO_CURVES; curve++) {
        if (pki_hierarchy_has(pki_dir, (enum crypto_curve)curve)) {
            status = issue_curve(pki_dir, (enum crypto_curve)curve, eid, o.m2m != NULL, env,
                                 &issued, err);
        }
    }
    if (status == CR_OK) {
        o.credentials = issued.credentials;
        o.credential_count = issued.count;
        status = euicc_make(nvm, &o, env, err);
    }
    issued_free(&issued);
    return status;
}

cr_status euicc_create_ram(const char *pki_dir, const struct euicc_options *options,
                           const cr_env *env, struct nvm **out, struct cr_err *err)
{
    struct nvm *nvm = NULL;
    char eid[RSP_EID_TEXT];
    CR_TRY(nvm_open(NULL, true, &nvm, err));
    cr_status status = create(nvm, pki_dir, options, env, eid, err);
    if (status != CR_OK) {
        nvm_close(nvm);
        return status;
    }
    *out = nvm;
    return CR_OK;
}

cr_status euicc_create_dir(const char *dir, const char *pki_dir,
                           const struct euicc_options *options, const cr_env *env, char *eid_out,
                           struct cr_err *err)
{
    struct nvm *nvm = NULL;
    char eid[RSP_EID_TEXT];
    /* A rehearsal: what cannot be made shows before there is a directory. */
    CR_TRY(euicc_create_ram(pki_dir, options, env, &nvm, err));
    nvm_close(nvm);
    CR_TRY(nvm_open(dir, true, &nvm, err));
    cr_status status = create(nvm, pki_dir, options, env, eid, err);
    nvm_close(nvm);
    if (status == CR_OK && eid_out) {
        memcpy(eid_out, eid, sizeof(eid));
    }
    return status;
}
