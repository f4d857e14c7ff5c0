/*
 * The SM-DP+'s tables: profiles with their orders, packages, and what each statement does.
 *
 * All functions run inside a store_work (store/store.h). A profile row is read as a whole and
 * written back by compare-and-set on its revision.
 */
#ifndef CRISP_SMDPP_INVENTORY_H
#define CRISP_SMDPP_INVENTORY_H

#include "crypto/bsp.h"
#include "smdpp/state.h"
#include "store/store.h"

#define SMDPP_ICCID_DIGITS   20 /* most digits of an ICCID */
#define SMDPP_MAX_MATCHINGID 255
#define SMDPP_MAX_TYPE       64
#define SMDPP_MAX_OWNER      128
#define SMDPP_MAX_METADATA   8192 /* bytes of BF25 */
/* err->code of a lost compare-and-set: run the handler again. */
#define SMDPP_LOST 1001

#define SMDPP_MAX_UPP (1024 * 1024)

extern const struct store_migration smdpp_migrations[];
extern const size_t smdpp_migration_count;

/* One profile and its order. Strings and spans live in the arena they were read into. */
struct smdpp_profile {
    const char *iccid; /* decimal digits */
    const char *type;  /* profile type, "" = none */
    const char *owner; /* the operator who may order it (registered OID or name of its certificate);
                          "" = any */
    enum smdpp_state state;
    int64_t revision;      /* of the row as it was read */
    cr_span metadata;      /* BF25, complete TLV */
    int64_t profile_class; /* 0 test, 1 provisioning, 2 operational: of the metadata, for queries */
    int64_t policy_rules;  /* enum rsp_ppr of the metadata */
    int64_t size;          /* bytes of the UPP */
    int64_t package_version; /* major << 8 | minor of the UPP's header */

    /* The order. */
    const char *requester;    /* operator who ordered; NULL = nobody yet */
    const char *matching_id;  /* NULL = none given; "" = default SM-DP+ order */
    const char *eid;          /* 32 digits the order is tied to; NULL = any chip */
    const char *smds_address; /* NULL = no event */
    cr_span cc_hash;          /* sealed SHA-256 of the confirmation code; absent = not required */
    int64_t cc_failures, cc_limit;
    int64_t downloads, download_limit;
    int64_t expires_ms; /* 0 = never */

    /* The binding to a chip. */
    cr_span transaction_id; /* of the last session that got the BPP */
    const char *bound_eid;
    cr_span euicc_key;   /* point that verifies the installation result */
    int64_t euicc_curve; /* enum crypto_curve */
    int64_t otpk_curve;  /* enum crypto_curve of the one-time keys */
    cr_span otpk_euicc;  /* one-time keys of the binding */
    cr_span otpk_dp;
    cr_span bound_head; /* BPP behind BF23 up to the first '86' TLV (A0, A1, A2, header of A3) */
    cr_span host_id;
    const char *last_error; /* a sentence for the operator; NULL = none */
    int64_t created_ms, updated_ms;
};

/* A copy of its own in the arena; false when memory is short. */
bool smdpp_profile_copy(const struct smdpp_profile *from, cr_arena *arena,
                        struct smdpp_profile *out) CR_MUST_CHECK;

/* Each finds at most one row: *found tells. */
cr_status smdpp_profile_by_iccid(struct store_tx *tx, const char *iccid, cr_arena *arena,
                                 struct smdpp_profile *out, bool *found,
                                 struct cr_err *err) CR_MUST_CHECK;
/* The live order with this MatchingID (not empty). */
cr_status smdpp_profile_by_matching_id(struct store_tx *tx, cr_span matching_id, cr_arena *arena,
                                       struct smdpp_profile *out, bool *found,
                                       struct cr_err *err) CR_MUST_CHECK;
/* The oldest default SM-DP+ order (empty MatchingID) for this EID. */
cr_status smdpp_profile_by_default_order(struct store_tx *tx, const char *eid, cr_arena *arena,
                                         struct smdpp_profile *out, bool *found,
                                         struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_profile_by_transaction(struct store_tx *tx, cr_span transaction_id, cr_arena *arena,
                                       struct smdpp_profile *out, bool *found,
                                       struct cr_err *err) CR_MUST_CHECK;
/* An Available profile of the type that the requester may order; "" = the owner of the server, who
 * may order any. */
cr_status smdpp_profile_available(struct store_tx *tx, const char *type, const char *requester,
                                  cr_arena *arena, struct smdpp_profile *out, bool *found,
                                  struct cr_err *err) CR_MUST_CHECK;
/* Whether the type exists at all, whoever owns it, and whether the requester may order it. */
cr_status smdpp_profile_type_known(struct store_tx *tx, const char *type, const char *requester,
                                   bool *known, bool *allowed, struct cr_err *err) CR_MUST_CHECK;

/* Calls fn for each profile, by ICCID; state 0 = all; after = ICCID to start behind, NULL = start.
 * limit 0 = all. */
typedef cr_status (*smdpp_profile_fn)(const struct smdpp_profile *profile, void *ctx,
                                      struct cr_err *err);
cr_status smdpp_profile_each(struct store_tx *tx, enum smdpp_state state, const char *after,
                             int64_t limit, smdpp_profile_fn fn, void *ctx,
                             struct cr_err *err) CR_MUST_CHECK;

/* Moves the profile by the table (event 0 = stay) and writes every changeable field where the
 * stored revision is still profile->revision. CR_RESOURCE: somebody else was faster, run the work
 * again. CR_INTERNAL: the table has no such move (callers ask smdpp_state_next() first and answer
 * with the code of their function). On success profile->state and ->revision are the new ones. */
cr_status smdpp_profile_save(struct store_tx *tx, struct smdpp_profile *profile,
                             enum smdpp_event event, int64_t now_ms,
                             struct cr_err *err) CR_MUST_CHECK;

/* The same for what a session changes, without touching the order and its indexes: counters and
 * binding, or counters alone. */
cr_status smdpp_profile_save_binding(struct store_tx *tx, struct smdpp_profile *profile,
                                     enum smdpp_event event, int64_t now_ms,
                                     struct cr_err *err) CR_MUST_CHECK;
cr_status smdpp_profile_save_progress(struct store_tx *tx, struct smdpp_profile *profile,
                                      enum smdpp_event event, int64_t now_ms,
                                      struct cr_err *err) CR_MUST_CHECK;

/* Forgets order and binding of a profile that returns to Available. */
void smdpp_profile_clear_order(struct smdpp_profile *profile);

/* A package in the inventory: the UPP and the PPP made of it ahead of any order. */
struct smdpp_package {
    cr_span upp;      /* sealed (store/seal.h, "upp"): it holds the subscription's keys */
    cr_span ppk;      /* mcv, s_enc, s_mac: 48 bytes, sealed ("ppk") */
    cr_span segments; /* '86' TLVs */
};

/* Adds a profile in state Available. CR_REFUSED when the ICCID is there already. */
cr_status smdpp_profile_add(struct store_tx *tx, const struct smdpp_profile *profile,
                            const struct smdpp_package *package, struct cr_err *err) CR_MUST_CHECK;
/* Removes a profile that is Available, Unavailable, Deleted or in Error; *removed tells. */
cr_status smdpp_profile_remove(struct store_tx *tx, const char *iccid, bool *removed,
                               struct cr_err *err) CR_MUST_CHECK;
/* A copy of its own in the arena; false when memory is short. */
bool smdpp_package_copy(const struct smdpp_package *from, cr_arena *arena,
                        struct smdpp_package *out) CR_MUST_CHECK;

/* The '86' TLVs and sealed keys; upp is filled only when asked for. */
cr_status smdpp_package_get(struct store_tx *tx, const char *iccid, bool want_upp, cr_arena *arena,
                            struct smdpp_package *out, struct cr_err *err) CR_MUST_CHECK;

#endif
