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
    cr_span euicc_cert; /* DER; of a machine's chip CERT.ECASD.ECKA, 7F21 */
    cr_span scalar;     /* SK.EUICC or SK.ECASD, 32 bytes */
};

/* ---- the machine's personality (SGP.02) ---- */

/* Durations in seconds, and how often; 0 = the default. The standard leaves them to the chip. */
struct euicc_m2m_timing {
    int64_t version;      /* of the record; not for callers */
    int64_t attach;       /* until the enabled profile has service: 600 */
    int64_t look;         /* between two looks for service: 60 */
    int64_t confirm;      /* for a confirmation: 300 */
    int64_t repeats;      /* of a notification, behind the first one: 3 */
    int64_t slow;         /* between repetitions of one that rolls nothing back: 3600 */
    int64_t loss;         /* of service until the Fall-Back Profile is enabled: 300 */
    int64_t disable_type; /* of the notification after DisableProfile: 2, or 5 */
    int64_t transport;    /* of notifications: enum euicc_m2m_transport */
};

enum euicc_m2m_transport { EUICC_M2M_AUTO = 0, EUICC_M2M_SMS, EUICC_M2M_HTTPS };

/* A profile that the chip is made with. */
struct euicc_m2m_profile {
    cr_span package;      /* UPP */
    cr_span connectivity; /* A0, A1, A2 TLVs; absent = the package's */
    size_t memory;        /* granted; 0 = no limit */
    bool enabled, fall_back, emergency, test;
};

#define EUICC_M2M_KEY 16 /* bytes of a key */

struct euicc_m2m_options {
    /* SCP80 key version 01: KIc, KID, DEK; SCP81 key version 40: PSK and DEK. Absent = random. */
    cr_span kic, kid, dek, psk, psk_dek;
    cr_span sin, sdin;       /* of the ISD-R; absent = the EIN, the last 8 bytes of the EID */
    const char *smsr_number; /* where notifications go by SMS (A3); NULL = none */
    cr_span cattp, https;    /* contents of A4, A5; absent = none */
    const struct euicc_m2m_profile *profiles;
    size_t profile_count;
    struct euicc_m2m_timing timing;
};

struct euicc_options {
    const struct euicc_m2m_options *m2m; /* NULL = a consumer's chip (SGP.22) */
    const char *eid;                     /* 32 digits with right check digits */
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
cr_status euicc_make(struct nvm *nvm, const struct euicc_options *options, const cr_env *env,
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

/* What the EUM tells an SM-SR about a machine's chip (ES1 RegisterEIS), as JSON: EID, platform
 * and capabilities, memory, certificates, profiles, domains; with_keys: and the keys of the ISD-R
 * in the clear, for the EUM's own eyes. CR_REFUSED for a consumer's chip. */
cr_status euicc_eis(const struct euicc *euicc, bool with_keys, cr_buf *json,
                    struct cr_err *err) CR_MUST_CHECK;
bool euicc_is_m2m(const struct euicc *euicc);

#endif
