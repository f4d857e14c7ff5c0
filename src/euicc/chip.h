/*
 * The inside of the chip: what the files of src/euicc share.
 */
#ifndef CRISP_EUICC_CHIP_H
#define CRISP_EUICC_CHIP_H

#include "crypto/bsp.h"
#include "euicc/euicc.h"
#include "euicc/installer.h"
#include "euicc/records.h"
#include "gp/gp.h"
#include "pki/key.h"
#include "rsp/ids.h"
#include "rsp/metadata.h"
#include "uicc/toolkit.h"
#include "uicc/uicc.h"

#define EUICC_MAX_COMMAND       ((size_t)255 * 256) /* bytes of one command over all its blocks */
#define EUICC_MAX_ADDRESS       255
#define EUICC_MAX_OID           64
#define EUICC_MAX_METADATA      16384 /* bytes of BF25 */
#define EUICC_MAX_CONTROL       4096  /* plain bytes of ConfigureISDP and ReplaceSessionKeys */
#define EUICC_MAX_ONE_TIME_KEYS 16    /* unused pairs kept, one for each SM-DP+ */

/* Bytes of the memory that profiles cannot take: what is needed to end an installation, to keep its
 * result and to delete. Notifications leave half of it alone as long as there are older ones that
 * can go. */
#define EUICC_RESERVE ((size_t)8 * 1024)

/* One CI: what is needed to sign and to answer. */
struct euicc_ci {
    cr_span key_id; /* of the CI */
    cr_span eum_cert, euicc_cert;
    struct pki_key *key;
};

/* The RSP session: RAM. */
enum euicc_session_state {
    EUICC_IDLE = 0,
    EUICC_CHALLENGE,     /* GetEUICCChallenge answered */
    EUICC_AUTHENTICATED, /* AuthenticateServer answered ok */
    EUICC_PREPARED,      /* PrepareDownload answered ok */
    EUICC_INSTALLING     /* BF23 accepted */
};

/* Which part of the BPP comes next. */
enum euicc_bpp_part {
    EUICC_BPP_CONFIGURE = 0,    /* A0, with none, some or all of its 87 */
    EUICC_BPP_CONFIGURE_REST,   /* 87 ... of A0 */
    EUICC_BPP_METADATA_HEAD,    /* A1 */
    EUICC_BPP_METADATA,         /* 88 ... */
    EUICC_BPP_KEYS_OR_ELEMENTS, /* A2 (as A0) or A3 */
    EUICC_BPP_KEYS_REST,        /* 87 ... of A2 */
    EUICC_BPP_ELEMENTS_HEAD,    /* A3 */
    EUICC_BPP_ELEMENTS          /* 86 ... */
};

struct euicc_session {
    enum euicc_session_state state;
    uint8_t challenge[RSP_CHALLENGE];
    uint8_t transaction_id[RSP_MAX_TRANSACTION_ID];
    size_t transaction_id_size;
    char server_address[EUICC_MAX_ADDRESS + 1];
    uint8_t server_oid[EUICC_MAX_OID];
    size_t server_oid_size;
    bool server_is_dp;         /* else an SM-DS */
    const struct euicc_ci *ci; /* whose key signs in this session */
    uint8_t euicc_signature1[RSP_SIGNATURE];

    struct crypto_public *pb_key; /* of CERT.DPpb; owned */
    struct crypto_private *otsk;  /* owned */

    /* The installation. */
    uint16_t isdp;
    enum rsp_bpp_command command;
    enum euicc_bpp_part part;
    size_t bpp_left;  /* bytes of BF36 to come */
    size_t list_left; /* bytes of the list under way to come */
    struct bsp *bsp;  /* owned */
    cr_buf control;   /* plain bytes of A0 or A2 as far as they came */
    cr_buf metadata;  /* BF25 as far as it came */
    cr_buf elements;  /* bytes of the profile element that is not complete yet */
    uint8_t iccid[RSP_ICCID];
    bool has_iccid;
    struct euicc_installer *installer; /* owned */
};

struct euicc {
    struct nvm *nvm; /* owned */
    const cr_env *env;
    struct uicc *uicc; /* owned */
    struct gp *gp;     /* owned */
    cr_arena arena;    /* holds config and certificates */
    struct euicc_config config;
    char default_smdp[EUICC_MAX_ADDRESS + 1]; /* what config.default_smdp points to */
    char eid_text[RSP_EID_TEXT];
    struct pki_trust *trust; /* CIs it verifies with */
    struct euicc_ci cis[EUICC_MAX_CREDENTIALS];
    size_t ci_count;
    struct euicc_session session;
    cr_buf command;   /* blocks of the command under way */
    unsigned channel; /* on which it comes */
    unsigned next_block;
    bool refresh_pending;  /* a switch waits for REFRESH to be performed */
    struct euicc_m2m *m2m; /* owned; NULL = a consumer's chip */
};

/* ---- chip.c ---- */

/* The credential under this CI; NULL. */
const struct euicc_ci *euicc_ci_of(const struct euicc *e, cr_span key_id);
/* Signs parts with the credential's key. */
cr_status euicc_sign(const struct euicc_ci *ci, const cr_span *parts, size_t count,
                     uint8_t out[RSP_SIGNATURE], struct cr_err *err) CR_MUST_CHECK;
/* Forgets the session and everything it holds. */
void euicc_session_drop(struct euicc *e);
/* Makes the enabled profile of the memory the visible one. */
cr_status euicc_show_profile(struct euicc *e, struct cr_err *err) CR_MUST_CHECK;
/* AID of an ISD-P: 16 bytes. */
cr_span euicc_isdp_aid(uint16_t id, uint8_t out[16]);
/* Takes over a default SM-DP+ address (empty or absent = none) that is in the memory. */
void euicc_remember_smdp(struct euicc *e, cr_span address);
/* Bytes that are free for profiles. */
size_t euicc_free_memory(const struct euicc *e);

/* ---- isdr.c ---- */

/* Registers the ISD-R with the UICC. */
cr_status euicc_isdr_register(struct euicc *e, struct cr_err *err) CR_MUST_CHECK;

/* A function of ES10: request and response are the structs of its row. Anything but 9000 is
 * answered alone. Changes to the memory stand when the status word is 9000. */
typedef uicc_sw (*euicc_function)(struct euicc *e, cr_arena *arena, const void *request,
                                  void *response);

struct euicc_function_row {
    uint32_t tag;
    const struct asn1_type *request;
    const struct asn1_type *response;
    euicc_function run;
};

/* The tables of es10a.c, es10b.c, notifications.c and es10c.c. */
extern const struct euicc_function_row euicc_es10a_functions[];
extern const size_t euicc_es10a_count;
extern const struct euicc_function_row euicc_es10b_functions[];
extern const size_t euicc_es10b_count;
extern const struct euicc_function_row euicc_notification_functions[];
extern const size_t euicc_notification_count;
extern const struct euicc_function_row euicc_es10c_functions[];
extern const size_t euicc_es10c_count;

/* ---- es8.c ---- */

/* True when the first tag of a command belongs to a BPP. */
bool euicc_bpp_tag(uint32_t tag);
/* One segment of a BPP: appends BF37 when the installation has ended. */
uicc_sw euicc_bpp_segment(struct euicc *e, cr_arena *arena, cr_span segment, cr_buf *out);
/* After a power cut: removes a half-installed profile and stores its result. In a transaction. */
cr_status euicc_bpp_recover(struct euicc *e, struct cr_err *err) CR_MUST_CHECK;
/* The session was cancelled: removes a half-installed profile without a result. */
cr_status euicc_bpp_abandon(struct euicc *e, struct cr_err *err) CR_MUST_CHECK;

/* ---- notifications.c ---- */

/* Next sequence number, stored. */
cr_status euicc_next_sequence(struct euicc *e, int64_t *out, struct cr_err *err) CR_MUST_CHECK;
/* Keeps a complete PendingNotification. */
cr_status euicc_keep_notification(struct euicc *e, int64_t sequence, cr_span tlv,
                                  struct cr_err *err) CR_MUST_CHECK;
/* Signed notifications for one event of a profile, one for each configured address. */
cr_status euicc_notify(struct euicc *e, const struct euicc_profile *profile,
                       enum rsp_notification_event event, struct cr_err *err) CR_MUST_CHECK;

/* ---- make_m2m.c ---- */

/* CERT.ECASD.ECKA and its key for an EID, by the hierarchy's EUM. */
cr_status euicc_issue_ecasd(const char *pki_dir, enum crypto_curve curve, const char *eid,
                            const cr_env *env, cr_buf *ecasd, cr_buf *eum,
                            struct crypto_private **key, struct cr_err *err) CR_MUST_CHECK;
/* CERT.ECASD as servers will believe it. */
cr_status euicc_check_ecasd(const struct euicc_credential *c, cr_span eid,
                            struct cr_err *err) CR_MUST_CHECK;
/* The machine's part of a new chip; in a transaction. */
cr_status euicc_make_m2m(struct nvm *nvm, const struct euicc_m2m_options *options, cr_span eid,
                         const cr_env *env, struct cr_err *err) CR_MUST_CHECK;

/* ---- rules.c ---- */

/* Whether the RAT lets the owner of metadata set its policy rules, and none is forbidden or
 * impossible now (SGP.22 2.9.2.4). */
bool euicc_rules_allowed(const struct euicc *e, const struct rsp_store_metadata *metadata);

#endif
