/*
 * The GlobalPlatform registry (Card Specification 6.6): security domains, applications, remote file
 * management, load files, with keys, counters and data of the domains.
 *
 * Records of the chip's memory below a key prefix that the caller chooses ("p/0010/" for a profile:
 * they go with it). Changes go into the transaction the caller has open; nothing is cached. The
 * handle is a plain value. Objects are plain values too: got, changed, put back.
 *
 * Failures carry a status word in err->code (6A80 wrong data, 6A84 no room, 6A88 not there).
 */
#ifndef CRISP_GP_REGISTRY_H
#define CRISP_GP_REGISTRY_H

#include "base/buf.h"
#include "base/error.h"
#include "store/nvm.h"
#include "uicc/fs.h"

#define GP_MAX_OBJECTS   48    /* in one registry; the UICC has room for 32 that can be selected */
#define GP_MAX_TARS      8     /* of one object */
#define GP_MAX_ADF       4     /* access domains by ADF, of one object */
#define GP_MAX_PROTOCOLS 4     /* secure channel protocols that a domain's parameters name */
#define GP_MAX_KEYS      64    /* of one domain */
#define GP_MAX_KEY       64    /* bytes of a key */
#define GP_MAX_DATA      2048  /* bytes of a data object of a domain, tag and length counted */
#define GP_MAX_DATA_ALL  16384 /* of all data objects of one domain */
#define GP_MAX_LOAD_FILE 65536 /* bytes of a load file data block */
#define GP_MAX_MODULES   10    /* of one load file: they fit one answer of GET STATUS */

struct gp_aid {
    uint8_t n; /* 0 = none; 5..16 */
    uint8_t p[UICC_MAX_AID];
};

static inline cr_span gp_aid_span(const struct gp_aid *aid)
{
    return cr_span_of(aid->p, aid->n);
}
/* False for other lengths than 5 to 16. */
bool gp_aid_set(struct gp_aid *out, cr_span aid) CR_MUST_CHECK;

enum gp_kind {
    GP_DOMAIN = 1,
    GP_APPLICATION, /* an instance of a load file: there is no runtime to execute it */
    GP_RFM,         /* remote file management: an application that is part of the card */
    GP_PACKAGE      /* executable load file */
};

/* Life cycle, Card Specification 5.3 and 11.1.1. LOCKED is bit 80 beside the state before. */
enum {
    GP_LOADED = 0x01, /* load files */
    GP_INSTALLED = 0x03,
    GP_SELECTABLE = 0x07,
    GP_PERSONALIZED = 0x0F,
    GP_LOCKED = 0x80
};

/* Privileges, 11.1.2: byte 1 is the most significant. */
#define GP_PRIV_DOMAIN             0x800000U
#define GP_PRIV_DAP                0xC00000U /* DAP verification: with the bit of the domain */
#define GP_PRIV_DELEGATED          0xA00000U
#define GP_PRIV_MANDATED_DAP       0xC10000U
#define GP_PRIV_TRUSTED_PATH       0x008000U
#define GP_PRIV_AUTHORIZED         0x004000U
#define GP_PRIV_TOKEN_VERIFICATION 0x002000U
#define GP_PRIV_GLOBAL_DELETE      0x001000U
#define GP_PRIV_GLOBAL_LOCK        0x000800U
#define GP_PRIV_GLOBAL_REGISTRY    0x000400U

/* An access domain (TS 102 226 8.2.1.3.2.2.2): 00 full access, 02 and three bytes of conditions, FF
 * none. n 0 = not given: no access. */
#define GP_ACCESS_FULL 0x00
#define GP_ACCESS_UICC 0x02
#define GP_ACCESS_NONE 0xFF
struct gp_access {
    uint8_t n;
    uint8_t p[4];
};

/* Access to the files below one ADF. */
struct gp_adf_access {
    struct gp_aid adf;
    struct gp_access files, admin;
};

struct gp_object {
    uint16_t id; /* given by gp_object_add(); 0 = none */
    enum gp_kind kind;
    struct gp_aid aid;
    uint8_t state;
    uint16_t domain;     /* the security domain it is associated with; the root with itself */
    uint32_t privileges; /* GP_PRIV_... */
    struct gp_aid package, module;
    bool builtin; /* load files that came with the card: not deletable */

    uint8_t tar_count;
    uint8_t tars[GP_MAX_TARS][3];
    bool has_msl;
    uint8_t msl;                   /* minimum security level, coded as SPI1 */
    struct gp_access files, admin; /* the files that are below no ADF of the list */
    uint8_t adf_count;
    struct gp_adf_access adfs[GP_MAX_ADF]; /* RFM: the first one is the default directory */

    uint8_t protocol_count; /* of a domain's install parameters; 0 = what its keys say */
    struct {
        uint8_t protocol, i;
    } protocols[GP_MAX_PROTOCOLS];

    uint32_t size; /* of a load file: bytes of its data block */
};

struct gp_registry {
    struct nvm *nvm; /* not owned */
    uint8_t prefix_size;
    char prefix[UICC_MAX_PREFIX];
};

/* False when the prefix is empty or too long. */
bool gp_registry_init(struct gp_registry *reg, struct nvm *nvm, cr_span prefix) CR_MUST_CHECK;

/* --- objects -----------------------------------------------------------------------------------
 */

/* Adds and gives *object its id; with domain 0 it is associated with itself. CR_REFUSED: too many,
 * an AID or TAR that is taken. */
cr_status gp_object_add(const struct gp_registry *reg, struct gp_object *object,
                        struct cr_err *err) CR_MUST_CHECK;
cr_status gp_object_put(const struct gp_registry *reg, const struct gp_object *object,
                        struct cr_err *err) CR_MUST_CHECK;
/* With keys, counters, data and load file. */
cr_status gp_object_delete(const struct gp_registry *reg, uint16_t id,
                           struct cr_err *err) CR_MUST_CHECK;

bool gp_object_get(const struct gp_registry *reg, uint16_t id, struct gp_object *out);
/* The first behind id `after` (0 = from the start), in order of id. */
bool gp_object_next(const struct gp_registry *reg, uint16_t after, struct gp_object *out);
bool gp_object_by_aid(const struct gp_registry *reg, cr_span aid, struct gp_object *out);
bool gp_object_by_tar(const struct gp_registry *reg, const uint8_t tar[3], struct gp_object *out);
/* The first domain that was added: the issuer's, in a profile the MNO-SD. */
bool gp_object_root(const struct gp_registry *reg, struct gp_object *out);
size_t gp_object_count(const struct gp_registry *reg);
/* True when `id` is `domain` or associated with it over any number of domains. */
bool gp_object_below(const struct gp_registry *reg, uint16_t id, uint16_t domain);

/* --- keys --------------------------------------------------------------------------------------
 */

/* Key types, Card Specification 11.1.8. */
enum { GP_KEY_DES = 0x80, GP_KEY_PSK = 0x85, GP_KEY_AES = 0x88 };

/* Key versions by protocol. */
#define GP_KVN_SCP80_LAST  0x0F
#define GP_KVN_SCP02_FIRST 0x20
#define GP_KVN_SCP02_LAST  0x2F
#define GP_KVN_SCP03_FIRST 0x30
#define GP_KVN_SCP03_LAST  0x3F
#define GP_KVN_SCP81_FIRST 0x40
#define GP_KVN_SCP81_LAST  0x4F
#define GP_KVN_TOKEN       0x70
#define GP_KVN_LAST        0x7F

#define GP_KID_ENC 0x01 /* KIc */
#define GP_KID_MAC 0x02 /* KID */
#define GP_KID_DEK 0x03

struct gp_key {
    uint8_t kvn, kid; /* 01..7F both */
    uint8_t type;     /* GP_KEY_... */
    uint8_t access;   /* 00 = domain and its applications */
    uint16_t usage;   /* key usage qualifier; one byte in the high half */
    uint8_t mac_size; /* of MACs made with it: 8 or 4 */
    uint8_t n;
    uint8_t value[GP_MAX_KEY]; /* secret: wipe */
};

/* True for a type that the card has, of a size that it can have. */
bool gp_key_valid(uint8_t type, size_t n);

cr_status gp_key_put(const struct gp_registry *reg, uint16_t domain, const struct gp_key *key,
                     struct cr_err *err) CR_MUST_CHECK;
bool gp_key_get(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                struct gp_key *out);
/* In order of version and identifier, the first behind (kvn, kid); both 0 = from the start. The
 * value is there too: wipe. */
bool gp_key_next(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                 struct gp_key *out);
/* kid 0 = the whole version. With the last key of a version its counters go. CR_REFUSED (6A88):
 * there is none. */
cr_status gp_key_delete(const struct gp_registry *reg, uint16_t domain, uint8_t kvn, uint8_t kid,
                        struct cr_err *err) CR_MUST_CHECK;
size_t gp_key_count(const struct gp_registry *reg, uint16_t domain);

/* What a key version counts. Absent = zeros. */
struct gp_counters {
    uint64_t packets;  /* SCP80: the last value accepted, 5 bytes */
    uint32_t sessions; /* SCP02, SCP03: the sequence counter */
};
void gp_counters_get(const struct gp_registry *reg, uint16_t domain, uint8_t kvn,
                     struct gp_counters *out);
cr_status gp_counters_put(const struct gp_registry *reg, uint16_t domain, uint8_t kvn,
                          const struct gp_counters *counters, struct cr_err *err) CR_MUST_CHECK;

/* --- data --------------------------------------------------------------------------------------
 */

/* Data objects of a domain by tag (42, 45, 66, 5F20 ...): whole TLVs. The span is valid until the
 * next change. */
cr_span gp_data_get(const struct gp_registry *reg, uint16_t domain, uint32_t tag);
cr_status gp_data_put(const struct gp_registry *reg, uint16_t domain, uint32_t tag, cr_span tlv,
                      struct cr_err *err) CR_MUST_CHECK;

/* The data block of a load file and the AIDs of its modules (a list of length and AID). */
cr_span gp_load_file_get(const struct gp_registry *reg, uint16_t package);
cr_status gp_load_file_put(const struct gp_registry *reg, uint16_t package, cr_span block,
                           struct cr_err *err) CR_MUST_CHECK;
cr_span gp_modules_get(const struct gp_registry *reg, uint16_t package);
cr_status gp_modules_put(const struct gp_registry *reg, uint16_t package, cr_span list,
                         struct cr_err *err) CR_MUST_CHECK;
bool gp_modules_have(const struct gp_registry *reg, uint16_t package, cr_span aid);
size_t gp_modules_count(const struct gp_registry *reg, uint16_t package);

/* What a chain of remote scripts keeps over a reset (remote.c); absent = nothing. */
cr_span gp_chain_get(const struct gp_registry *reg);
cr_status gp_chain_put(const struct gp_registry *reg, cr_span state,
                       struct cr_err *err) CR_MUST_CHECK; /* absent deletes */

#endif
