/*
 * The SM-DP of SGP.02 (2.2.1, 3.1, 5.3, 5.4): ES2 towards operators, ES3 towards SM-SRs, ES8
 * through them into the chip.
 *
 * The core is a set of handlers of a messenger (m2m/messenger.h) over one store; it knows no
 * socket. What an operator orders is a job (smdp/job.h), moved by what the SM-SR answers.
 *
 * What is secret (Profile packages, key sets of ISD-Ps, one-time keys) is in the store sealed, and
 * leaves it as ciphertext under keys that only the chip has besides.
 */
#ifndef CRISP_SMDP_SMDP_H
#define CRISP_SMDP_SMDP_H

#include "m2m/delete_token.h"
#include "m2m/messenger.h"
#include "pki/gpcert.h"
#include "smdp/state.h"

#define SMDP_MAX_IDENTITIES 2 /* one for each curve */
#define SMDP_MAX_EUMS       64
#define SMDP_ICCID_DIGITS   20
#define SMDP_MAX_TYPE       100 /* characters of a profile type */
#define SMDP_MAX_PARAMETERS 128 /* bytes of connectivity parameters: one STORE DATA */
#define SMDP_TOKEN_KEY      16  /* bytes of the key that makes Delete Tokens */

/* What the SM-DP shows to chips: CERT.DP.ECDSA and its key. */
struct smdp_identity {
    cr_span certificate; /* 7F21 */
    const struct pki_key *key;
};

struct smdp_options {
    const char *dir;                   /* database and sealing key; NULL = in memory (tests) */
    const struct m2m_parties *parties; /* not owned, like all below */
    const cr_env *env;
    struct smdp_identity identities[SMDP_MAX_IDENTITIES];
    size_t identity_count;
    struct pki_trust *trust;     /* CIs, under which the EUMs are */
    const struct pki_cert *eums; /* their X.509 certificates; registeredID = Eum-id */
    size_t eum_count;
    bool token_keys; /* give each Profile a key for Master Delete when it is downloaded */
};

struct smdp;

cr_status smdp_open(const struct smdp_options *options, struct smdp **out,
                    struct cr_err *err) CR_MUST_CHECK;
void smdp_close(struct smdp *dp); /* NULL allowed */

struct store *smdp_store(struct smdp *dp);
struct m2m *smdp_m2m(struct smdp *dp); /* to be put on the network: m2m/service.h */

/* Deadlines of jobs; jobs that ended SMDP_KEEP_MS ago are removed. To be called every second or so.
 */
#define SMDP_KEEP_MS ((int64_t)30 * 24 * 3600 * 1000)
cr_status smdp_tick(struct smdp *dp, struct cr_err *err) CR_MUST_CHECK;

/* ---- the stock ---- */

struct smdp_import {
    cr_span upp;
    const char *owner; /* OID of the operator that may order it; NULL = any */
    const char *type;  /* profile type; NULL = none */
    struct soap_subscription_address address;
    struct soap_pol2 pol2;
    int64_t required_memory;      /* bytes; 0 = what its files and its package come to */
    const char *platform_type;    /* that the eUICC must have; NULL = any */
    const char *platform_version; /* "n.n.n", at least; NULL = any */
};
/* Checks that it is a package and keeps it sealed. iccid (may be NULL) receives its digits.
 * CR_REFUSED when the ICCID is there already. */
cr_status smdp_import(struct smdp *dp, const struct smdp_import *import,
                      char iccid[SMDP_ICCID_DIGITS + 1], struct cr_err *err) CR_MUST_CHECK;

/* ---- own operations on an installed Profile; they become jobs ---- */

/* ES3 UpdateConnectivityParameters, sealed for the ISD-P (SGP.02 4.1.3.4). parameters: content of
 * 3A07. *job (may be NULL) = its number. */
cr_status smdp_update_connectivity(struct smdp *dp, const char *iccid, cr_span parameters,
                                   int64_t *job, struct cr_err *err) CR_MUST_CHECK;

/* The Delete Token of a Profile (SGP.02 3.10, 4.1.1.12): its operator has consented, by means that
 * are outside of the standard. CR_REFUSED 8.2.1/3.8 when it has no token key. out receives 42, 45,
 * 5F20, 93 and 9E as TLVs, in this order. */
cr_status smdp_authorise_master_delete(struct smdp *dp, cr_span eid, const char *iccid, cr_buf *out,
                                       struct cr_err *err) CR_MUST_CHECK;
/* The operator has consented, or takes that back: the SM-SR of the eUICC may ask for one token. */
cr_status smdp_consent_master_delete(struct smdp *dp, cr_span eid, const char *iccid, bool consent,
                                     struct cr_err *err) CR_MUST_CHECK;
/* What the SM-SR asks (m2m/delete_token.h; ctx is the struct smdp): the token, when there is
 * consent, which is used up. CR_REFUSED also for another SM-SR, or another ISD-P. */
cr_status smdp_authorise_smsr(void *ctx, const struct m2m_party *smsr,
                              const struct m2m_delete_request *request, cr_buf *token,
                              struct cr_err *err);

#endif
