/*
 * A minimal eUICC with its LPA for the tests of the SM-DP+: makes every message that the SM-DP+
 * receives and checks every answer as a chip would. Each single thing can be broken by a knob.
 *
 * Requests are encoded and decoded again before they are handed out, as a binding does it: signed
 * parts carry their received bytes.
 */
#ifndef CRISP_TESTS_SMDPP_FAKE_CHIP_H
#define CRISP_TESTS_SMDPP_FAKE_CHIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/env.h"
#include "crypto/bsp.h"
#include "pki/hierarchy.h"
#include "rsp/es9plus.h"
#include "rsp/ids.h"

struct fake_chip {
    char eid_text[RSP_EID_TEXT];
    uint8_t eid[RSP_EID];
    enum crypto_curve curve;
    cr_buf certificate, eum;
    struct crypto_private *key;
    uint8_t ci[RSP_PKID]; /* verifies with it and signs under it */
    cr_span host;         /* address that the LPA uses */
    int64_t sequence;     /* of the last notification */

    /* the session */
    uint8_t challenge[RSP_CHALLENGE];
    uint8_t transaction_id[RSP_MAX_TRANSACTION_ID];
    size_t transaction_id_size;
    uint8_t server_challenge[RSP_CHALLENGE];
    uint8_t signature1[RSP_SIGNATURE];      /* euiccSignature1 */
    uint8_t smdp_signature2[RSP_SIGNATURE]; /* of the server */
    uint8_t offered_otpk[RSP_OTPK];         /* bppEuiccOtpk */
    bool has_offered_otpk, cc_required;
    struct crypto_private *otsk; /* one-time key of the chip, kept for a retry */
};

/* What is sent otherwise than it should be. Zeroed = nothing. */
struct fake_knobs {
    /* InitiateAuthentication */
    const char *address;
    const uint8_t *svn, *highest_svn;      /* 3 bytes */
    const cr_span *verification, *signing; /* list instead of the chip's CI */
    size_t verification_count, signing_count;
    /* AuthenticateClient */
    const char *matching_id;                    /* NULL = component absent */
    cr_span outer_id, signed_id;                /* TransactionIDs */
    bool bad_signature1, bad_challenge, no_ctx; /* no_ctx: ctxParams1 of another procedure */
    const uint8_t *svn2;                        /* svn of EUICCInfo2 */
    cr_span certificate, eum;
    const struct crypto_private *signer; /* instead of the chip's key */
    bool has_capability;
    uint64_t capability, forbidden;
    int64_t free_memory; /* 0 = plenty, <0 = none */
    uint8_t package_major;
    /* GetBoundProfilePackage */
    bool bad_signature2, fresh_otpk, bad_otpk;
    const char *code;  /* confirmation code as typed; NULL = no hashCc */
    bool random_hash;  /* hashCc of nothing */
    int64_t chip_says; /* an error of the chip instead of its answer, also above */
    /* CancelSession */
    cr_span smdp_oid;
    bool bad_cancel_signature, cancel_error;
    /* results and notifications */
    bool bad_result_signature;
    bool without_iccid;
};

void fake_chip_make(struct fake_chip *chip, const char *pki, enum crypto_curve curve,
                    const char *eid, const char *host);
void fake_chip_free(struct fake_chip *chip);

/* A new challenge: forgets the session. */
void fake_new_session(struct fake_chip *chip);

struct rsp_initiate_authentication_request *
fake_initiate(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena);
/* Checks serverSigned1, its signature and the certificate as the chip does, and remembers. */
void fake_take_initiate(struct fake_chip *chip, struct pki_trust *trust,
                        const struct rsp_initiate_authentication_response *answer);

struct rsp_authenticate_client_request *
fake_authenticate(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena);
void fake_take_authenticate(struct fake_chip *chip, struct pki_trust *trust,
                            const struct rsp_authenticate_client_response *answer);

struct rsp_get_bound_profile_package_request *
fake_prepare(struct fake_chip *chip, const struct fake_knobs *knobs, cr_arena *arena);
/* Opens the BPP as a chip does; the UPP is appended to upp, the StoreMetadata TLV to metadata. */
void fake_open_bpp(struct fake_chip *chip, cr_span bpp, cr_span dppb_point, cr_buf *upp,
                   cr_buf *metadata, cr_arena *arena);

struct rsp_cancel_session_request_es9 *fake_cancel(struct fake_chip *chip,
                                                   const struct fake_knobs *knobs, int64_t reason,
                                                   cr_span smdp_oid, cr_arena *arena);

/* reason 0 = success, else errorReason. */
struct rsp_handle_notification_request *fake_result(struct fake_chip *chip,
                                                    const struct fake_knobs *knobs,
                                                    const char *iccid, int64_t reason,
                                                    cr_span smdp_oid, cr_arena *arena);
struct rsp_handle_notification_request *fake_notification(struct fake_chip *chip,
                                                          const struct fake_knobs *knobs,
                                                          const char *iccid, uint64_t operation,
                                                          int64_t sequence, cr_arena *arena);

#endif
