/*
 * A chip behind an SM-SR that is none of ours: the card's ends of key establishment, SCP03t and
 * SCP03 over as many ISD-Ps as a test needs, and nothing else of an eUICC.
 */
#ifndef CRISP_TESTS_SMDP_FAKE_CHIP_H
#define CRISP_TESTS_SMDP_FAKE_CHIP_H

#include "../base/test.h"

#include "crypto/scp.h"
#include "pki/gpcert.h"

#define FAKE_ISDPS 8

struct fake_isdp {
    bool there, keyed, installed, jumps;
    char iccid[24];
    int state; /* of the SM-SR's row: enum soap_profile_state */
    uint8_t aid[16];
    struct scp_keys keys;
    uint32_t counter;
    struct scp_session session;
    cr_buf upp;        /* what was opened so far */
    cr_buf parameters; /* of 3A07 */
    uint8_t token_key[16];
    bool has_token_key;
    cr_buf token_data; /* 0070 */
    int64_t memory;
};

struct fake_chip {
    uint8_t eid[16];
    struct pki_key *ecasd;
    cr_buf certificate;       /* CERT.ECASD.ECKA */
    struct crypto_public *ci; /* PK.CI.ECDSA */
    cr_env env;
    struct fake_isdp isdps[FAKE_ISDPS];
    struct fake_isdp *personalised; /* by INSTALL [for personalization] */
    cr_buf store;                   /* STORE DATA so far */
    uint8_t rc[16];
    bool has_rc;
    struct crypto_public *dp; /* PK.DP.ECDSA, verified */
    /* What goes wrong: */
    bool wrong_receipt;
    unsigned skip;      /* counters that others have used */
    bool jumps;         /* others use some before each session */
    const char *result; /* of the installer instead of success, hex */
    bool early;         /* the result comes with the first segment */
    bool wrong_mac;     /* of answers to 86 */
    bool no_token;      /* PUT KEY is refused */
};

/* pki: a directory of pki_hierarchy_init(). */
void fake_chip_make(struct fake_chip *chip, const char *pki, enum crypto_curve curve,
                    const char *eid);
void fake_chip_free(struct fake_chip *chip);

struct fake_isdp *fake_chip_isdp(struct fake_chip *chip, cr_span iccid); /* NULL = none */
struct fake_isdp *fake_chip_create(struct fake_chip *chip, cr_span iccid);
void fake_chip_delete(struct fake_isdp *isdp);

/* Executes command TLVs addressed to a security domain; appends response TLVs. */
void fake_chip_execute(struct fake_chip *chip, cr_span aid, cr_span data, cr_buf *answer);

#endif
