/*
 * The SM-SR (SGP.02 2.3.1): keeps the EIS of every eUICC it manages, checks rights and POL2,
 * carries commands and sealed envelopes over the air, and tells everybody who shall know.
 *
 * The core works on a store: handlers of requests (m2m/messenger.h) and events of the radio run in
 * its transactions. SMPP, TLS-PSK and SOAP are at the edges (service.h).
 */
#ifndef CRISP_SMSR_SMSR_H
#define CRISP_SMSR_SMSR_H

#include "m2m/messenger.h"
#include "pki/key.h"

struct smsr_radio_config; /* radio_config.h */

struct smsr_policy {
    bool no_onc;             /* SetONC and GetONC are refused; default off */
    bool allow_m2msp_change; /* an M2M SP may ask for an SM-SR change; default off */
    int64_t hold_ms;         /* HTTPS: how long a POST is held for the next script; default 20 s */
    int64_t script_ms;       /* how long an answer to a script is waited for; default 60 s */
    int64_t again_ms;        /* pause between audits that settle a doubt; default 5 min */
    int64_t keep_ms;         /* how long ended procedures are kept; default 90 days */
    int64_t max_euiccs;      /* with so many none is taken over; default 0 = no limit */
};

/* What this SM-SR shows to eUICCs that it takes over: CERT.SR.ECDSA and its key. */
#define SMSR_MAX_IDENTITIES 2 /* one for each curve */
struct smsr_identity {
    cr_span certificate; /* 7F21 */
    const struct pki_key *key;
};

struct smsr_options {
    const char *dir;                   /* database and sealing key; NULL = in memory */
    const struct m2m_parties *parties; /* not owned */
    const char *ci_file; /* CI certificates (PEM) under which EUM certificates stand, or a directory
                            of pki/hierarchy.h; NULL = none: nobody can register */
    struct smsr_policy policy; /* zeroed members take the defaults */
    const cr_env *env;         /* not owned */
    /* Without an identity no eUICC can be taken over; without a radio those that are keep the
     * addresses of the SM-SR before. Not owned. */
    struct smsr_identity identities[SMSR_MAX_IDENTITIES];
    size_t identity_count;
    const struct smsr_radio_config *radio;
};

struct smsr;
cr_status smsr_open(const struct smsr_options *options, struct smsr **out,
                    struct cr_err *err) CR_MUST_CHECK;
void smsr_close(struct smsr *sr); /* NULL allowed */

struct m2m *smsr_messenger(struct smsr *sr);
struct store *smsr_store(struct smsr *sr);
const struct smsr_policy *smsr_policy_of(const struct smsr *sr); /* with the defaults filled in */
const cr_env *smsr_env(const struct smsr *sr);
/* Something may be due for the radio: called after commits, from any thread. */
void smsr_on_script(struct smsr *sr, void (*due)(void *ctx), void *ctx);

/* Deadlines and housekeeping; every second or so. */
cr_status smsr_tick(struct smsr *sr, struct cr_err *err) CR_MUST_CHECK;

#endif
