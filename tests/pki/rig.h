/*
 * A small PKI in memory for the tests, and a forger: takes a good certificate, changes exactly one
 * thing and signs it again, so that nothing but that thing can be the reason of a refusal.
 */
#ifndef CRISP_TESTS_PKI_RIG_H
#define CRISP_TESTS_PKI_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/chain.h"
#include "pki/issue.h"

#define RIG_NOW    INT64_C(1790000000000) /* 2026-09-21 */
#define RIG_FROM   INT64_C(1780000000000)
#define RIG_TO     INT64_C(1900000000000)
#define RIG_EID    "89049032123451234512345678901235"
#define RIG_PREFIX "89049032"

#define RIG_SPAN(...)                                                                              \
    cr_span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define RIG_STR(s)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    } /* in initialisers */

/* A certificate with its key. */
struct rig_party {
    cr_buf der;
    struct pki_cert cert;
    struct pki_key *key;
};

/* Makes a key and a certificate; issuer NULL = self-signed. Fields of validity left 0 are filled.
 */
void rig_make(struct rig_party *out, struct pki_request request, enum crypto_curve curve,
              const struct rig_party *issuer);
void rig_party_free(struct rig_party *party);

enum rig_field { /* children of tbsCertificate */
                 RIG_VERSION,
                 RIG_SERIAL,
                 RIG_ALGORITHM,
                 RIG_ISSUER,
                 RIG_VALIDITY,
                 RIG_SUBJECT,
                 RIG_SPKI,
                 RIG_EXTENSIONS
};

enum rig_action {
    RIG_KEEP,     /* nothing; ends a list of edits */
    RIG_DROP,     /* leave the extension out */
    RIG_SET,      /* replace or add the extension: critical, value */
    RIG_CRITICAL, /* only change the flag */
    RIG_FIELD,    /* replace a child of tbs by value (complete TLVs; empty = drop) */
    RIG_OUTER,    /* replace the outer AlgorithmIdentifier by value; the inner is not touched */
    RIG_CORRUPT   /* change a bit of the signature */
};

struct rig_edit {
    enum rig_action action;
    cr_span oid; /* extension */
    bool critical;
    cr_span value;
    enum rig_field field;
};

#define RIG_MAX_EDITS 4

/* Appends the changed certificate, signed with the key. */
void rig_forge(cr_span der, const struct rig_edit edits[RIG_MAX_EDITS], const struct pki_key *key,
               cr_buf *out);

/* Deterministic world: clock RIG_NOW, random numbers of the system. */
const cr_env *rig_env(void);

/* Path of a file of the SGP.26 set ("NIST/CERT_CI_ECDSA_NIST.der") in the arena; NULL (and a
 * message) when the data is not there. */
const char *rig_data(cr_arena *arena, const char *name);

#endif
