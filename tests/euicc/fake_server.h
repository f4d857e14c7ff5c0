/*
 * A minimal SM-DP+ (or SM-DS) for the tests of the chip: signs what a server signs, verifies what a
 * chip answers, binds packages in both key modes. Everything that it says can be changed between
 * the steps, and each thing be broken alone.
 */
#ifndef CRISP_TESTS_EUICC_FAKE_SERVER_H
#define CRISP_TESTS_EUICC_FAKE_SERVER_H

#include "bed.h"

#include "profile/bpp.h"

/* One break for each thing that a chip has to notice; what is signed afterwards is signed rightly,
 * so that nothing else is wrong. */
enum fake_break {
    FAKE_OK,
    FAKE_SIGNATURE1,        /* one bit of serverSignature1 */
    FAKE_SIGNATURE1_BY_PB,  /* signed with the other key of the server */
    FAKE_SIGNED1_CHANGED,   /* serverChallenge changed behind the signature */
    FAKE_CHALLENGE,         /* euiccChallenge of another session */
    FAKE_CI_PKID,           /* euiccCiPKIdToBeUsed that the chip has no key for */
    FAKE_CERT_GARBAGE,      /* serverCertificate is a TLV that is no certificate */
    FAKE_CERT_ROLE,         /* CERT.DPpb in the place of CERT.DPauth, and signed with its key */
    FAKE_CERT_SIGNATURE,    /* one bit of the CI's signature */
    FAKE_SIGNATURE2,        /* one bit of smdpSignature2 */
    FAKE_SIGNATURE2_ALONE,  /* without euiccSignature1 in what is signed */
    FAKE_SIGNED2_TID,       /* another transactionId in smdpSigned2 */
    FAKE_PB_ROLE,           /* CERT.DPauth in the place of CERT.DPpb, and signed with its key */
    FAKE_PB_GARBAGE,        /* smdpCertificate that is none */
    FAKE_CHANNEL_SIGNATURE, /* one bit of smdpSign */
    FAKE_CHANNEL_WHOLE,     /* smdpSign over the BF23 header, too */
    FAKE_CHANNEL_TID,
    FAKE_CHANNEL_KEY_TYPE,
    FAKE_CHANNEL_KEY_LENGTH,
    FAKE_CHANNEL_OPERATION,
    FAKE_CHANNEL_POINT /* smdpOtpk that is on no curve */
};

struct fake_server {
    enum crypto_curve curve;
    cr_arena arena;
    struct pki_cert ci, auth, pb;
    struct pki_key *auth_key, *pb_key;

    enum fake_break broken;

    /* Of the session. */
    cr_span address;
    uint8_t transaction_id[16];
    cr_span challenge; /* of the chip */
    uint8_t own_challenge[16];
    cr_span ci_pkid; /* euiccCiPKIdToBeUsed; absent = the CI of its own certificates */
    cr_span euicc_signature1;
    cr_span smdp_signature2;
    bool confirmation_code; /* ccRequiredFlag */
    cr_span hash_cc;
    cr_span bpp_euicc_otpk; /* asks for this one-time key again */

    /* The package. */
    uint8_t eid[16];
    uint8_t host_id[8];
    struct rsp_store_metadata metadata;
    cr_span configure;    /* BF24 TLV; absent = empty */
    cr_span metadata_tlv; /* instead of metadata when present */
    cr_span upp;
    bool random_keys;
    struct crypto_private *otsk;      /* NULL = a new one at binding */
    struct crypto_public *otpk_euicc; /* from the chip's answer */
    cr_buf body, bpp;
};

/* "dpauth" and "dppb", or "dsauth" for an SM-DS, of the hierarchy. */
struct fake_server *fake_new(enum crypto_curve curve);
struct fake_server *fake_new_ds(enum crypto_curve curve);
void fake_free(struct fake_server *s);

/* Ten bytes of an ICCID, swapped: digits 89 00 00 ... and the number n. Static per call site. */
cr_span fake_iccid(struct fake_server *s, unsigned n);

/* A new transaction over a new challenge of the chip: BF38. */
cr_span fake_authenticate(struct fake_server *s, struct bed *bed);
/* BF21. */
cr_span fake_prepare(struct fake_server *s);
/* Binds what the chip prepared: s->body (when it is empty) and s->bpp. */
void fake_bind(struct fake_server *s, cr_span euicc_otpk);
/* BF23 of the session with what is to be broken in it, in front of s->body. */
void fake_rebind(struct fake_server *s);

/* A body from plain parts, cut as one likes: for what profile_bind_body() would never make. Absent
 * parts: configure BF24 00, metadata and upp of s, keys none. cut 0 = the largest. */
struct fake_plan {
    cr_span configure, metadata, keys, upp;
    size_t configure_cut, metadata_cut, keys_cut, upp_cut;
    bool bad_padding; /* of the first 86: the MAC is right, the padding is none */
};
#define FAKE_PPK 0x5A /* every byte of the three keys in fake_keys() */
/* A right BF26. */
cr_span fake_keys(struct fake_server *s);
/* Fills s->body and s->bpp. */
void fake_bind_plan(struct fake_server *s, const struct fake_plan *plan);

/* The steps on a chip. Verify all that the chip signs. */
void fake_run_authenticate(struct fake_server *s, struct bed *bed);    /* has to succeed */
int64_t fake_try_authenticate(struct fake_server *s, struct bed *bed); /* 0 or the error */
void fake_run_prepare(struct fake_server *s, struct bed *bed);
int64_t fake_try_prepare(struct fake_server *s, struct bed *bed);
/* Sends s->bpp until an answer has data: the result, verified; all zero (which 0) when no answer
 * came. *sw = the last status word. */
struct rsp_profile_installation_result fake_load(struct fake_server *s, struct bed *bed,
                                                 uint16_t *sw);
/* The whole download. */
struct rsp_profile_installation_result fake_download(struct fake_server *s, struct bed *bed);
/* The whole, asserted to be installed. */
void fake_install(struct fake_server *s, struct bed *bed);

/* Verifies a notification under the certificates that it carries, or of the chip for a result. */
void fake_verify_result(struct bed *bed, const struct rsp_profile_installation_result *result);
void fake_verify_notification(const struct rsp_pending_notification *pending);

/* One retry-free look at a result. */
#define ASSERT_INSTALLED(result)                                                                   \
    do {                                                                                           \
        const struct rsp_profile_installation_result asserted = (result);                          \
        if (asserted.data.final_result.which != RSP_INSTALL_SUCCESS) {                             \
            fail_msg("%s:%d: not installed: %s", __FILE__, __LINE__, fake_result_text(&asserted)); \
        }                                                                                          \
    } while (0)
#define ASSERT_REFUSED(result, command, reason)                                                    \
    do {                                                                                           \
        const struct rsp_profile_installation_result asserted = (result);                          \
        if (asserted.data.final_result.which != RSP_INSTALL_FAILURE ||                             \
            asserted.data.final_result.error_result.bpp_command_id != (command) ||                 \
            asserted.data.final_result.error_result.error_reason != (reason)) {                    \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, fake_result_text(&asserted));                \
        }                                                                                          \
    } while (0)
const char *fake_result_text(const struct rsp_profile_installation_result *result);

#endif
