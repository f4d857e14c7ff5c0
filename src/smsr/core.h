/*
 * What the files of the SM-SR share: the object, and small things that many of them need.
 */
#ifndef CRISP_SMSR_CORE_H
#define CRISP_SMSR_CORE_H

#include "pki/chain.h"
#include "smsr/smsr.h"
#include "store/seal.h"

#include <pthread.h>

struct smsr {
    const struct m2m_parties *parties;
    const cr_env *env;
    struct smsr_policy policy;
    struct smsr_identity identities[SMSR_MAX_IDENTITIES];
    size_t identity_count;
    const struct smsr_radio_config *radio; /* NULL = none */
    struct store_seal seal;
    struct pki_trust *trust; /* CIs of EUM certificates */
    struct store *store;
    struct m2m *m2m;
    pthread_mutex_t lock; /* of what follows */
    void (*due)(void *ctx);
    void *due_ctx;
};

/* The OID of this SM-SR. */
static inline const char *smsr_oid(const struct smsr *sr)
{
    return sr->parties->oid;
}

/* OIDs and other texts of which either may be NULL. */
static inline bool smsr_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* A column that may be NULL as a span or text in the arena; CR_RESOURCE when memory is short. */
cr_status smsr_take_bytes(const struct store_row *row, int column, cr_arena *arena, cr_span *out,
                          struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_take_text(const struct store_row *row, int column, cr_arena *arena, const char **out,
                         struct cr_err *err) CR_MUST_CHECK;

/* A text of a message as a C string in the arena; absent = NULL. */
cr_status smsr_text(cr_span text, cr_arena *arena, const char **out,
                    struct cr_err *err) CR_MUST_CHECK;

/* Columns from `first` on: status, subject, reason, identifier, message. status 0 = none. */
cr_status smsr_take_status(const struct store_row *row, int first, cr_arena *arena,
                           struct soap_status *out, struct cr_err *err) CR_MUST_CHECK;

#endif
