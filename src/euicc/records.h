/*
 * What a chip keeps in its memory, record by record.
 *
 *   cfg          what it is: EID, version, addresses, rules
 *   ca/<n>       a credential: CI, EUM and eUICC certificate, private key
 *   m/<id>       a profile: state, metadata, nickname (id = four hex digits of the ISD-P)
 *   p/<id>/...   its file system, PINs and keys (uicc/fs.h)
 *   on           id of the enabled profile
 *   back         id of the operational profile that a test profile interrupted
 *   seq          last notification sequence number
 *   n/<seq>      a pending notification, complete TLV (eight hex digits)
 *   ot/<oid>     an unused one-time key pair for an SM-DP+ (hash of its OID)
 *   work         the installation under way
 *   c/g/..       a machine's chip: its domains; m2m, m2mtime: see euicc/m2m.h
 *   crl/<n>      the CRL of CI n; crl/<n>/<part> a part of one
 */
#ifndef CRISP_EUICC_RECORDS_H
#define CRISP_EUICC_RECORDS_H

#include "asn1/asn1.h"
#include "crypto/ec.h"
#include "store/nvm.h"

#define EUICC_FIRST_ISDP 0x0010
#define EUICC_LAST_ISDP  0xFFFE

struct euicc_config {
    int64_t version; /* of this layout: 1 */
    cr_span eid;     /* 16 bytes */
    cr_span svn;     /* 3 bytes */
    cr_span default_smdp, root_smds;
    int64_t memory;
    uint64_t forbidden_pprs;
    bool no_test_profiles, strict_test_keys;
    cr_span rat; /* GetRATResponse BF43, as it is answered */
    bool m2m;    /* a machine's chip */
};

struct euicc_profile {
    uint16_t id; /* from the key; 0 = none */
    int64_t version;
    cr_span iccid;               /* 10 bytes */
    cr_span metadata;            /* BF25 as it came */
    cr_span nickname;            /* absent = none */
    cr_span dp_proprietary_data; /* B8 contents; absent = none */
    cr_span smdp_oid;
    cr_span ci_key_id; /* CI whose credential signs its notifications */
    int64_t profile_class;
    uint64_t policy_rules;
    bool enabled;
    int64_t size; /* bytes in the memory, when it was installed */
};

/* The installation under way: enough to sign a result after a power cut. */
struct euicc_work {
    int64_t version;
    cr_span transaction_id, server_address, smdp_oid, ci_key_id;
    int64_t isdp;    /* id */
    int64_t command; /* enum rsp_bpp_command */
    cr_span iccid;   /* absent until the metadata came */
};

/* An unused one-time key pair. */
struct euicc_otk {
    int64_t version;
    int64_t curve;
    cr_span scalar, point;
};

/* Each get fills the struct with spans into the arena (values may move while it is in use). *found
 * false when there is no such record. */
cr_status euicc_config_get(const struct nvm *nvm, cr_arena *arena, struct euicc_config *out,
                           struct cr_err *err) CR_MUST_CHECK;
cr_status euicc_config_put(struct nvm *nvm, const struct euicc_config *config,
                           struct cr_err *err) CR_MUST_CHECK;

bool euicc_profile_get(const struct nvm *nvm, uint16_t id, cr_arena *arena,
                       struct euicc_profile *out);
cr_status euicc_profile_put(struct nvm *nvm, const struct euicc_profile *profile,
                            struct cr_err *err) CR_MUST_CHECK;
/* Record, file system and all. */
cr_status euicc_profile_delete(struct nvm *nvm, uint16_t id, struct cr_err *err) CR_MUST_CHECK;
/* In order of id: the first behind `after` (0 = from the start); false at the end. */
bool euicc_profile_next(const struct nvm *nvm, uint16_t after, cr_arena *arena,
                        struct euicc_profile *out);
/* A free id; 0 = too many profiles. */
uint16_t euicc_profile_free_id(const struct nvm *nvm);

/* Prefix of a profile's file system: "p/0010/". */
#define EUICC_PREFIX 8
cr_span euicc_profile_prefix(uint16_t id, char out[EUICC_PREFIX]);

/* Ids kept under a name ("on", "back"); 0 = none. */
uint16_t euicc_id_get(const struct nvm *nvm, const char *name);
cr_status euicc_id_put(struct nvm *nvm, const char *name, uint16_t id,
                       struct cr_err *err) CR_MUST_CHECK;

bool euicc_work_get(const struct nvm *nvm, cr_arena *arena, struct euicc_work *out);
cr_status euicc_work_put(struct nvm *nvm, const struct euicc_work *work,
                         struct cr_err *err) CR_MUST_CHECK;
cr_status euicc_work_delete(struct nvm *nvm, struct cr_err *err) CR_MUST_CHECK;

bool euicc_otk_get(const struct nvm *nvm, cr_span oid, cr_arena *arena, struct euicc_otk *out);
cr_status euicc_otk_put(struct nvm *nvm, cr_span oid, const struct euicc_otk *otk,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status euicc_otk_delete(struct nvm *nvm, cr_span oid, struct cr_err *err) CR_MUST_CHECK;

/* Credentials, for making and opening. */
struct euicc_credential_record {
    int64_t version;
    cr_span ci_cert, eum_cert, euicc_cert, scalar;
};
cr_status euicc_credential_put(struct nvm *nvm, unsigned n,
                               const struct euicc_credential_record *record,
                               struct cr_err *err) CR_MUST_CHECK;
bool euicc_credential_get(const struct nvm *nvm, unsigned n, cr_arena *arena,
                          struct euicc_credential_record *out);

#endif
