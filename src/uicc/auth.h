/*
 * Network authentication of the applications of one profile: 3GPP TS 31.102 clause 7.1, TS 31.103
 * clause 7.1, sequence numbers after TS 33.102 annex C.
 *
 * Each NAA (ADF) has its own parameters and array of sequence numbers, or uses those of another one
 * (mappingParameter). Both are in the chip's memory; the array is changed in the caller's
 * transaction, which has to be committed before the answer leaves.
 */
#ifndef CRISP_UICC_AUTH_H
#define CRISP_UICC_AUTH_H

#include "crypto/aka.h"
#include "uicc/fs.h"

#define UICC_SQN_COUNT 32 /* indices (IND has 5 bits) */
#define UICC_SQN_SIZE  6

/* sqnOptions of the profile package. Bits 1 to 3 as far as they are known (b3 not certain). */
#define UICC_SQN_AK_NOT_USED 0x01 /* SQN is not concealed */
#define UICC_SQN_CHECK_DELTA 0x02 /* SEQ - SEQ_MS <= sqnDelta */
#define UICC_SQN_CHECK_AGE   0x04 /* SEQ_MS - SEQ < sqnAgeLimit */

/* AKAParameter as the package says it. uicc_auth_default() gives the standard's defaults. */
struct uicc_auth {
    bool mapped; /* use the source's parameters; everything but the next two is then ignored */
    uint8_t mapping_options;
    cr_span mapping_source; /* AID of an ADF of the same profile */

    uint8_t algorithm_options; /* kept; see uicc_auth_apply_options() */
    struct aka_params params;  /* key, constants, sizes */
    uint8_t sqn_options;
    uint64_t sqn_delta, sqn_age_limit; /* in SEQ units */
    uint64_t sqn_init[UICC_SQN_COUNT]; /* SEQ for each index */
    uint32_t counter_max;              /* authCounterMax; 0 = no limit */
};

/* Defaults of the package format for one algorithm; key and opc stay to be filled. */
void uicc_auth_default(struct uicc_auth *auth, enum aka_algorithm algorithm);

/* Sets the sizes of RES, MAC, CK and IK in auth->params from algorithmOptions. CR_REFUSED: a
 * coding that is not defined. */
cr_status uicc_auth_apply_options(struct uicc_auth *auth, uint8_t options,
                                  struct cr_err *err) CR_MUST_CHECK;

/* Stores the parameters for an ADF, the sequence numbers as sqn_init says. CR_REFUSED: key sizes
 * that the algorithm does not have, a mapping source that does not exist or has no parameters.
 * Nothing of auth is kept; wipe it afterwards. */
cr_status uicc_auth_create(const struct uicc_fs *fs, uicc_file adf, const struct uicc_auth *auth,
                           struct cr_err *err) CR_MUST_CHECK;

/* True when the ADF has (or maps to) authentication parameters. */
bool uicc_auth_present(const struct uicc_fs *fs, uicc_file adf);

/* The array of an ADF as stored, for tests and tools; false = none. */
bool uicc_auth_sqn(const struct uicc_fs *fs, uicc_file adf, uint64_t seq[UICC_SQN_COUNT]);

/* True when the ADF is a USIM whose EF.UST (TS 31.102 4.2.8) says that the service is available.
 * Services count from 1. */
bool uicc_usim_service(const struct uicc_fs *fs, uicc_file adf, unsigned service);

enum uicc_auth_context {
    UICC_AUTH_GSM = 0x00,
    UICC_AUTH_3G = 0x01,   /* on an ISIM: IMS AKA */
    UICC_AUTH_VGCS = 0x02, /* on an ISIM: HTTP digest */
    UICC_AUTH_GBA = 0x04,
    UICC_AUTH_MBMS = 0x05,
    UICC_AUTH_LOCAL_KEY = 0x06
};

/* AUTHENTICATE without the checks of access: data is the command's data field, the response data is
 * appended to out. Answers DB..., DC... with 9000, or 9862, 9864 (a context that this card or the
 * application's service table does not have), 9866 (no room in EF.GBANL), 6A80, 6700, 6985 (limit
 * reached, no parameters, nothing bootstrapped), 6581. */
uicc_sw uicc_auth_run(const struct uicc_fs *fs, uicc_file adf, enum uicc_auth_context context,
                      cr_span data, cr_buf *out);

#endif
