/*
 * The eUICC (SGP.22 2.4, 3.1.3 to 3.5, 5.7): a UICC with an ISD-R and profiles in ISD-Ps.
 *
 * A chip is its memory (store/nvm.h) and a function from command APDU to response APDU. Everything
 * that survives a power cut is in the memory, changed in one transaction per APDU; RSP sessions,
 * channels and PIN states are RAM. One thread at a time.
 */
#ifndef CRISP_EUICC_EUICC_H
#define CRISP_EUICC_EUICC_H

#include "base/env.h"
#include "net/card.h"
#include "pki/chain.h"
#include "rsp/es10b.h"
#include "store/nvm.h"

#define EUICC_MAX_CREDENTIALS 8             /* CIs */
#define EUICC_MAX_PROFILES    64            /* installed at one time */
#define EUICC_MAX_PENDING     128           /* notifications kept; the oldest goes first */
#define EUICC_MEMORY          (1536 * 1024) /* default size of the chip's memory, bytes */

/* ---- making a chip --------------------------------------------------------------------------- */

/* What the chip holds under one CI. */
struct euicc_credential {
    cr_span ci_cert;    /* DER */
    cr_span eum_cert;   /* DER */
    cr_span euicc_cert; /* DER */
    cr_span scalar;     /* SK.EUICC, 32 bytes */
};

struct euicc_options {
    const char *eid; /* 32 digits with right check digits */
    const struct euicc_credential *credentials;
    size_t credential_count;
    const char *default_smdp; /* NULL = none */
    const char *root_smds;    /* NULL = PKI_DEFAULT_DS_HOST */
    const char *svn;          /* "2.5.0" when NULL; 2.0.0 to 2.6.x */
    size_t memory;            /* bytes; 0 = EUICC_MEMORY */
    bool no_test_profiles;    /* capability testProfileSupport off */
    bool strict_test_keys;    /* refuse test profiles with unknown keys (errorReason 14) */
    uint64_t forbidden_pprs;  /* enum rsp_ppr */
    const struct rsp_get_rat_response
        *rat; /* NULL = every operator may set every rule, with consent */
};

/* Writes a new chip into an empty memory. */
cr_status euicc_make(struct nvm *nvm, const struct euicc_options *options,
                     struct cr_err *err) CR_MUST_CHECK;

/* Makes a chip in a directory, with certificates issued by the EUM of a hierarchy
 * (pki/hierarchy.h) for each of its curves. options->credentials are ignored. eid NULL in options =
 * a random one in the EUM's range; *eid_out (33 bytes, may be NULL) tells. */
cr_status euicc_create_dir(const char *dir, const char *pki_dir,
                           const struct euicc_options *options, const cr_env *env, char *eid_out,
                           struct cr_err *err) CR_MUST_CHECK;

/* The same in RAM, for load tests. */
cr_status euicc_create_ram(const char *pki_dir, const struct euicc_options *options,
                           const cr_env *env, struct nvm **out, struct cr_err *err) CR_MUST_CHECK;

/* ---- using it -------------------------------------------------------------------------------- */

struct euicc;

/* Power on. Takes the memory (also on failure). env is not owned. What a power cut left half done
 * is cleaned up here: a half-installed profile leaves its signed result (interruption) only. */
cr_status euicc_open(struct nvm *nvm, const cr_env *env, struct euicc **out,
                     struct cr_err *err) CR_MUST_CHECK;
cr_status euicc_open_dir(const char *dir, const cr_env *env, struct euicc **out,
                         struct cr_err *err) CR_MUST_CHECK;
void euicc_free(struct euicc *euicc); /* power off; NULL allowed */

/* Reset: everything volatile is forgotten. */
cr_status euicc_reset(struct euicc *euicc, struct cr_err *err) CR_MUST_CHECK;
void euicc_atr(const struct euicc *euicc, cr_buf *out);

/* One exchange; appends the response APDU. Not CR_OK when the memory failed (response has 6581). */
cr_status euicc_transmit(struct euicc *euicc, cr_span command, cr_buf *response,
                         struct cr_err *err);

/* The chip as a card; close frees the euicc. */
void euicc_card(struct euicc *euicc, struct card *out);

struct nvm *euicc_nvm(struct euicc *euicc);
struct uicc *euicc_uicc(struct euicc *euicc);
/* 32 digits. */
const char *euicc_eid(const struct euicc *euicc);

#endif
