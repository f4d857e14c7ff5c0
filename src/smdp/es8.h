/*
 * ES8: what the SM-DP says to an ISD-P through the SM-SR (SGP.02 4.1.3), as pure functions.
 *
 * "Data" is the content of ES3 SendData/Data: command TLVs of a script without its template.
 * "Answer" is EuiccResponseData: response TLVs without theirs.
 *
 * A secure channel is computed ahead: its commands follow from the keys, a host challenge and the
 * sequence counter that the chip will use. So nothing of a session has to be kept between two
 * scripts, and after a restart the next one is the same, octet for octet. The price, to compute the
 * scripts before it again, is small against a round over the air.
 *
 * What goes into data is a certificate, a signature, a one-time public key, and ciphertext.
 *
 * Failures: CR_REFUSED or CR_MALFORMED with subject and reason of SGP.02: 8.4/4.2 when the eUICC
 * answered with an error or with what is no answer, 8.5.2/6.1 for a wrong receipt.
 */
#ifndef CRISP_SMDP_ES8_H
#define CRISP_SMDP_ES8_H

#include "crypto/scp.h"
#include "ota/establish.h"
#include "ota/script.h"

#define SMDP_AID                 16   /* bytes of the AID of an ISD-P */
#define SMDP_KVN                 0x30 /* of the SCP03 key set that is established */
#define SMDP_SEGMENTS_PER_SCRIPT 7    /* 86 TLVs that a script takes: below OTA_HTTP_BODY_MAX */
#define SMDP_MAX_COMMANDS        4    /* SCP03 commands of one session */
#define SMDP_MAX_RESULT          1024 /* bytes of an installer result */

/* err->code: the chip has used another sequence counter, which it proved; begin again with the next
 * one. */
#define SMDP_OTHER_COUNTER 1

/* ---- key establishment ---- */

/* INSTALL [for personalization] of the ISD-P and the certificate. */
cr_status smdp_es8_put_certificate(cr_span aid, cr_span certificate, cr_buf *data,
                                   struct cr_err *err) CR_MUST_CHECK;
/* rc receives 16 or 32 bytes. */
cr_status smdp_es8_take_challenge(cr_span answer, cr_buf *rc, struct cr_err *err) CR_MUST_CHECK;

/* Template, one-time public key and signature. certificate: the one that was sent before. */
cr_status smdp_es8_put_request(const struct crypto_private *one_time, cr_span rc,
                               const struct pki_key *key, cr_span certificate, cr_buf *data,
                               struct cr_err *err) CR_MUST_CHECK;
/* Checks the receipt; keys receives the key set. ecasd: PK.ECASD.ECKA. */
cr_status smdp_es8_take_receipt(cr_span answer, const struct crypto_private *one_time,
                                const struct crypto_public *ecasd, struct scp_keys *keys,
                                struct cr_err *err) CR_MUST_CHECK;

/* ---- secure channels ---- */

struct smdp_channel {
    struct scp_keys keys;
    uint8_t kvn;
    uint8_t aid[SMDP_AID];
    uint8_t challenge[SCP_CHALLENGE];
    uint32_t counter; /* of this session */
    cr_span opened;   /* SCP03t, behind smdp_es8_take_open(): the answer to 84, its value */
};
void smdp_channel_wipe(struct smdp_channel *channel);

/* SCP03t: 84 and 85. */
cr_status smdp_es8_put_open(const struct smdp_channel *channel, cr_buf *data,
                            struct cr_err *err) CR_MUST_CHECK;
/* opened receives what the channel needs from now on. CR_REFUSED with SMDP_OTHER_COUNTER: *counter
 * is the chip's. */
cr_status smdp_es8_take_open(const struct smdp_channel *channel, cr_span answer, cr_buf *opened,
                             uint32_t *counter, struct cr_err *err) CR_MUST_CHECK;

/* How many scripts a package of n bytes takes; at least 1. */
size_t smdp_es8_load_scripts(size_t n);
/* The script with this number, from 0. */
cr_status smdp_es8_put_load(const struct smdp_channel *channel, cr_span upp, size_t number,
                            cr_buf *data, struct cr_err *err) CR_MUST_CHECK;
/* Its answer. result receives the plain answer of the installer when there is one: with the last
 * script, or earlier when it failed. */
cr_status smdp_es8_take_load(const struct smdp_channel *channel, cr_span upp, size_t number,
                             cr_span answer, cr_buf *result, struct cr_err *err) CR_MUST_CHECK;
/* The installer result: CR_OK when every element was accepted. */
cr_status smdp_es8_check_result(cr_span result, struct cr_err *err) CR_MUST_CHECK;

/* SCP03: INITIALIZE UPDATE, EXTERNAL AUTHENTICATE and the commands, in one script. */
cr_status smdp_es8_put_commands(const struct smdp_channel *channel, const cr_span *apdus,
                                size_t count, cr_buf *data, struct cr_err *err) CR_MUST_CHECK;
/* All have to be answered with 9000. CR_REFUSED with SMDP_OTHER_COUNTER: *counter is the chip's. */
cr_status smdp_es8_take_commands(const struct smdp_channel *channel, const cr_span *apdus,
                                 size_t count, cr_span answer, uint32_t *counter,
                                 struct cr_err *err) CR_MUST_CHECK;

#endif
