/*
 * The eUICC Information Set in the SM-SR's database (SGP.02 annex E): what the EUM registered, to
 * the letter, and what the SM-SR has done since. Runs inside works of the store (store/store.h).
 *
 * Keys of ISD-R key sets are sealed in the database (store/seal.h) and leave it only for the packet
 * that needs them.
 */
#ifndef CRISP_SMSR_EIS_H
#define CRISP_SMSR_EIS_H

#include "m2m/messenger.h"
#include "smsr/policy.h"

#define SMSR_MAX_KEY    32       /* bytes */
#define SMSR_ISDP_FIRST 0x000010 /* TARs that the SM-SR gives out */
#define SMSR_ISDP_LAST  0x00FFFF

/* The tables, one step of the migrations, after m2m_schema. */
extern const char smsr_schema[];

/* ---- eUICCs ------------------------------------------------------------------------------------
 */

/* One row. Texts and spans live in the arena given to the reader. */
struct smsr_euicc {
    cr_span eid; /* 16 bytes */
    const char *eum_id;
    /* As received (soap/types.h): long, and read by smsr_euicc_signed() only. */
    cr_span signed_info, eum_signature;
    cr_span ecasd_certificate;          /* 7F21 */
    cr_span isdp_loadfile, isdp_module; /* AIDs */
    cr_span isdr_aid, sin, sdin;
    cr_span isdr_tars; /* 3 bytes each */
    bool http, cattp;  /* supported by the eUICC */
    int64_t remaining_memory, available_memory;
    int64_t last_audit_ms; /* 0 = never */
    int64_t procedure;     /* id of the platform procedure that holds it; 0 = none */
    int64_t handover;      /* id of the hand-over that locks it; 0 = none */
    bool in_doubt;         /* a switch ended without an answer: audit first */
    /* The last default notification, to know its repetition (SGP.02 4.1.1.11). */
    bool has_notification;
    uint16_t notification_number;
    uint8_t notification_type;
    bool notification_confirmed;
    cr_span notification_aid;
    cr_span imei;       /* absent = not known */
    const char *msisdn; /* last originating address; NULL = not known */
    bool arriving;      /* is being taken over: not ours yet (SGP.02 3.8) */
};

/* CR_REFUSED 8.1.1/1.1 when there is no such eUICC here, or when it is arriving; the cause says
 * which SM-SR it was handed over to. */
cr_status smsr_euicc_get(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smsr_euicc *out,
                         struct cr_err *err) CR_MUST_CHECK;
/* The same, also one that is arriving. */
cr_status smsr_euicc_load(struct store_tx *tx, cr_span eid, cr_arena *arena, struct smsr_euicc *out,
                          struct cr_err *err) CR_MUST_CHECK;
/* Reads what the EUM signed into it. */
cr_status smsr_euicc_signed(struct store_tx *tx, cr_arena *arena, struct smsr_euicc *euicc,
                            struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_euicc_put(struct store_tx *tx, const struct smsr_euicc *euicc,
                         struct cr_err *err) CR_MUST_CHECK; /* by EID: inserts or replaces */
/* Writes what changes: memory, last audit, locks, notification, IMEI, MSISDN. */
cr_status smsr_euicc_update(struct store_tx *tx, const struct smsr_euicc *euicc,
                            struct cr_err *err) CR_MUST_CHECK;
/* Forgets an eUICC with its Profiles, key sets, audit trail and properties. */
cr_status smsr_euicc_delete(struct store_tx *tx, cr_span eid, struct cr_err *err) CR_MUST_CHECK;
/* The same, and remembers which SM-SR (OID) has it now; smsr_euicc_arrived() forgets that: it is
 * here again. */
cr_status smsr_euicc_depart(struct store_tx *tx, cr_span eid, const char *smsr, int64_t now_ms,
                            struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_euicc_arrived(struct store_tx *tx, cr_span eid, struct cr_err *err) CR_MUST_CHECK;
/* EIDs in order behind `after` (absent = from the start); false in *found at the end. */
cr_status smsr_euicc_next(struct store_tx *tx, cr_span after, cr_arena *arena,
                          struct smsr_euicc *out, bool *found, struct cr_err *err) CR_MUST_CHECK;

/* ---- Profiles ----------------------------------------------------------------------------------
 */

/* States beyond those that EIS shows (soap/types.h). */
enum smsr_profile_state {
    SMSR_CREATED = SOAP_STATE_CREATED,
    SMSR_DISABLED = SOAP_STATE_DISABLED,
    SMSR_ENABLED = SOAP_STATE_ENABLED,
    SMSR_IN_CREATION = 16 /* CreateISDP is on its way: hidden */
};

struct smsr_profile {
    cr_span eid, aid;
    const char *iccid;
    const char *mno_id, *smdp_id; /* smdp_id NULL = loaded at production */
    const char *type;             /* NULL = none */
    const char *imsi, *msisdn;    /* NULL = not known */
    enum smsr_profile_state state;
    bool fallback, emergency;
    unsigned pol2; /* SMSR_POL2_... */
    int64_t allocated_memory;
    int64_t free_memory; /* -1 = not known */
};

/* CR_REFUSED 8.2.1/3.9 when there is none. In-Creation rows are found. */
cr_status smsr_profile_get(struct store_tx *tx, cr_span eid, cr_span iccid, cr_arena *arena,
                           struct smsr_profile *out, struct cr_err *err) CR_MUST_CHECK;
/* By ISD-P AID; *found false = none. */
cr_status smsr_profile_by_aid(struct store_tx *tx, cr_span eid, cr_span aid, cr_arena *arena,
                              struct smsr_profile *out, bool *found,
                              struct cr_err *err) CR_MUST_CHECK;
/* The enabled one, the one with the Fall-Back Attribute, the emergency one; *found false = none. */
enum smsr_special { SMSR_THE_ENABLED, SMSR_THE_FALLBACK, SMSR_THE_EMERGENCY };
cr_status smsr_profile_special(struct store_tx *tx, cr_span eid, enum smsr_special which,
                               cr_arena *arena, struct smsr_profile *out, bool *found,
                               struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_profile_put(struct store_tx *tx, const struct smsr_profile *profile,
                           struct cr_err *err) CR_MUST_CHECK; /* by EID and ICCID */
cr_status smsr_profile_delete(struct store_tx *tx, cr_span eid, cr_span iccid,
                              struct cr_err *err) CR_MUST_CHECK;
/* All of an eUICC in order of AID, In-Creation rows too. */
struct smsr_profiles {
    struct smsr_profile *items;
    size_t count;
};
cr_status smsr_profile_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                            struct smsr_profiles *out, struct cr_err *err) CR_MUST_CHECK;
/* The lowest free ISD-P AID (16 bytes); CR_REFUSED 8.1/4.8 when there is none. */
cr_status smsr_profile_new_aid(struct store_tx *tx, cr_span eid, uint8_t out[16],
                               struct cr_err *err) CR_MUST_CHECK;

/* ---- key sets ----------------------------------------------------------------------------------
 */

struct smsr_key {
    uint8_t type; /* GlobalPlatform key type: 88 AES, 85 PSK ... */
    uint8_t size; /* bytes */
    uint8_t value[SMSR_MAX_KEY];
};
struct smsr_keyset {
    uint8_t version;
    int type;                /* enum soap_keyset_type */
    struct smsr_key keys[3]; /* by key identifier - 1; size 0 = absent */
};

/* Opens the sealed keys; wipe *out after use. version 0 = the lowest of the type. CR_REFUSED
 * 8.1.1/5.1 when there is none. */
struct smsr;
cr_status smsr_keyset_get(struct smsr *sr, struct store_tx *tx, cr_span eid, int type,
                          uint8_t version, struct smsr_keyset *out,
                          struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_keyset_delete(struct store_tx *tx, cr_span eid, uint8_t version,
                             struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_keyset_put(struct smsr *sr, struct store_tx *tx, cr_span eid,
                          const struct smsr_keyset *keyset, uint64_t counter,
                          struct cr_err *err) CR_MUST_CHECK;
/* Versions, types and counters without the keys, by version. */
struct smsr_keyset_info {
    uint8_t version;
    int type; /* enum soap_keyset_type */
    uint64_t counter;
};
struct smsr_keysets {
    struct smsr_keyset_info *items;
    size_t count;
};
cr_status smsr_keyset_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                           struct smsr_keysets *out, struct cr_err *err) CR_MUST_CHECK;
/* The next counter of a key set, never given twice: committed before the packet leaves. CR_REFUSED
 * 8.1.1/5.1 when the key set has used up its counters. */
cr_status smsr_keyset_count(struct store_tx *tx, cr_span eid, uint8_t version, uint64_t *out,
                            struct cr_err *err) CR_MUST_CHECK;

/* ---- audit trail (append only) -----------------------------------------------------------------
 */

/* SGP.02 annex E, audit trail. */
#define SMSR_OP_CREATE        0x0100
#define SMSR_OP_ENABLE        0x0200
#define SMSR_OP_DISABLE       0x0300
#define SMSR_OP_DELETE        0x0400
#define SMSR_OP_AUDIT         0x0500
#define SMSR_OP_MASTER_DELETE 0x0600
#define SMSR_OP_FALLBACK      0x0700
#define SMSR_OP_ESTABLISH     0x0800
#define SMSR_OP_FINALISE      0x0900
#define SMSR_OP_EMERGENCY     0x0A00

struct smsr_audit {
    cr_span eid;
    uint16_t operation;               /* SMSR_OP_...; notifications: their type */
    const char *requester;            /* OID; NULL for notifications of the eUICC */
    const struct soap_status *status; /* NULL = none */
    cr_span aid, imei, meid;
    const char *iccid;
};
cr_status smsr_audit_add(struct smsr *sr, struct store_tx *tx, const struct smsr_audit *record,
                         struct cr_err *err) CR_MUST_CHECK;
/* The newest SOAP_MAX_AUDIT records, oldest first. */
cr_status smsr_audit_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                          struct soap_audit_trail *out, struct cr_err *err) CR_MUST_CHECK;
/* Takes over a trail as it was handed over. */
cr_status smsr_audit_take(struct store_tx *tx, cr_span eid, const struct soap_audit_trail *trail,
                          struct cr_err *err) CR_MUST_CHECK;

/* ---- additional properties ---------------------------------------------------------------------
 */

/* Replaces those with the same key, adds the others. */
cr_status smsr_properties_put(struct store_tx *tx, cr_span eid,
                              const struct soap_properties *properties,
                              struct cr_err *err) CR_MUST_CHECK;
cr_status smsr_properties_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                               struct soap_properties *out, struct cr_err *err) CR_MUST_CHECK;

/* ---- EIS as a message --------------------------------------------------------------------------
 */

/* Who gets to see it (annex E, visibility). */
enum smsr_view {
    SMSR_VIEW_OPERATOR, /* ES2, ES4: without ISD-R, ECASD; own Profiles */
    SMSR_VIEW_SMDP,     /* ES3: with the ECASD certificate and ISD-R without keys; own Profiles */
    SMSR_VIEW_CHANGE,   /* HandleSMSRChangeNotification: EID, Smsr-id, own Profiles by name */
    SMSR_VIEW_HANDOVER, /* ES7: all but key values */
    SMSR_VIEW_OWNER     /* our own people: all but key values */
};

/* Fills an EIS for a viewer (an OID; NULL = all Profiles). In the arena. */
cr_status smsr_eis_show(struct smsr *sr, struct store_tx *tx, const struct smsr_euicc *euicc,
                        enum smsr_view view, const char *viewer, cr_arena *arena,
                        struct soap_eis *out, struct cr_err *err) CR_MUST_CHECK;

/* Takes a registered or handed-over EIS into the tables: EumSignature, EUM certificate, ECASD
 * certificate, EID range, Smsr-id, consistency and (from_eum) key values verified and unwrapped by
 * the EUM's transport key. One that is handed over is arriving, without key sets. CR_REFUSED with
 * the codes of SGP.02 5.2.1. */
cr_status smsr_eis_take(struct smsr *sr, struct store_tx *tx, const struct m2m_party *from,
                        const struct soap_eis *eis, bool from_eum, cr_arena *arena,
                        struct cr_err *err) CR_MUST_CHECK;

#endif
