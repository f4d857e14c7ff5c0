/*
 * ES10: the card side of an LPA (SGP.22 5.7, ISO 7816 transport of the eUICC).
 *
 * es10_open() readies the card, opens a logical channel and selects the ISD-R; the functions of
 * ES10a, ES10b and ES10c follow as plain calls with the structs of rsp/. Answers live in the arena
 * given. A status word that is no success and an error number in an answer are failures, with the
 * function, the number and its name in the struct lpa_where given to es10_open().
 *
 * One thread at a time.
 */
#ifndef CRISP_LPA_ES10_H
#define CRISP_LPA_ES10_H

#include "lpa/lpa.h"
#include "net/card.h"
#include "rsp/es10a.h"
#include "rsp/es10b.h"
#include "rsp/es10c.h"

#define ES10_MAX_BLOCK    255               /* data bytes of one STORE DATA */
#define ES10_MAX_BLOCKS   256               /* P2 does not wrap */
#define ES10_MAX_RESPONSE ((size_t)4 << 20) /* bytes of one answer */
#define ES10_MAX_AIDS     16
#define ES10_MAX_AID      16

enum es10_le {
    ES10_LE_AUTO,  /* none, unless the answer to SELECT shows that the card needs one */
    ES10_LE_NEVER, /* commands with data end with the data */
    ES10_LE_ALWAYS /* Le = 00 behind the data of every command */
};

enum es10_class {
    ES10_CLASS_AUTO,     /* 0n; 8n when the card does not know it */
    ES10_CLASS_STANDARD, /* GET RESPONSE with 0n */
    ES10_CLASS_GP        /* GET RESPONSE with 8n, the class of the command */
};

struct es10_aid {
    uint8_t bytes[ES10_MAX_AID];
    size_t size; /* 5..16 */
};

struct es10_options {
    size_t block_size; /* 1..255; 0 = 255. Some modems need 120. */
    enum es10_le le;
    enum es10_class get_response;
    /* AIDs tried in this order; count 0 = the standard's, then those of known removable cards. */
    struct es10_aid aids[ES10_MAX_AIDS];
    size_t aid_count;
    bool basic_channel; /* do not open a logical channel */
    /* A modem owns the card: it alone sends TERMINAL PROFILE and TERMINAL CAPABILITY, fetches
     * proactive commands, and resets. */
    bool behind_modem;
    /* Each APDU in both directions, for logs. NULL = none. */
    void (*trace)(void *ctx, bool command, cr_span apdu);
    void *trace_ctx;
};

/* AID from hex text; false when it is none. */
bool es10_aid_parse(cr_span text, struct es10_aid *out) CR_MUST_CHECK;

struct es10;

/* Readies the card (TERMINAL PROFILE, TERMINAL CAPABILITY), opens a channel, selects the ISD-R. The
 * card stays the caller's and has to outlive *out. where may be NULL. CR_REFUSED when no AID could
 * be selected: code is the last status word. */
cr_status es10_open(const struct card *card, const struct es10_options *options,
                    struct lpa_where *where, struct es10 **out, struct cr_err *err) CR_MUST_CHECK;

/* Closes the channel (an open one hinders REFRESH) and frees. NULL is allowed. */
void es10_free(struct es10 *es10);

/* Power off and on, then everything of es10_open() again. Not behind a modem: there the channel is
 * only closed and opened. */
cr_status es10_reset(struct es10 *es10, struct cr_err *err) CR_MUST_CHECK;

/* The AID that was selected; the answer to SELECT (valid until the next reset). */
cr_span es10_selected_aid(const struct es10 *es10);
cr_span es10_select_answer(const struct es10 *es10);

/* Count of REFRESH commands that were carried out so far: a function that causes one has changed
 * the card under everybody's feet. */
unsigned es10_refreshes(const struct es10 *es10);

/* One STORE DATA chain: appends the response data. The bottom of all functions below, for messages
 * that have none. function is for errors. */
cr_status es10_store_data(struct es10 *es10, const char *function, cr_span data, cr_buf *response,
                          struct cr_err *err) CR_MUST_CHECK;

/* Encodes a request (towards a v2 eUICC), sends it, decodes the answer into *response. */
cr_status es10_call(struct es10 *es10, const char *function, const struct asn1_type *request_type,
                    const void *request, const struct asn1_type *response_type, cr_arena *arena,
                    void *response, struct cr_err *err) CR_MUST_CHECK;

/* An error number in an answer: notes it in where and fails with its name. */
cr_status es10_result_fail(struct es10 *es10, const char *function, int64_t result,
                           const struct asn1_name *names, struct cr_err *err);

/* ---- ES10a ---- */

cr_status es10a_get_configured_data(struct es10 *es10, cr_arena *arena,
                                    struct rsp_euicc_configured_data *out,
                                    struct cr_err *err) CR_MUST_CHECK;
/* The answer as it came, for cards whose answer is none of the standard's. */
cr_status es10a_get_configured_data_raw(struct es10 *es10, cr_arena *arena, cr_span *out,
                                        struct cr_err *err) CR_MUST_CHECK;
/* Empty address: clears. */
cr_status es10a_set_default_dp_address(struct es10 *es10, cr_span address,
                                       struct cr_err *err) CR_MUST_CHECK;

/* ---- ES10b ---- */

/* crl: a CertificateList. Comes back with CR_OK also when the eUICC has this list or a newer one
 * (out->which says so: fresherCrlAlreadyLoaded); other errors are failures. */
cr_status es10b_load_crl(struct es10 *es10, cr_span crl, cr_arena *arena,
                         struct rsp_load_crl_response *out, struct cr_err *err) CR_MUST_CHECK;

cr_status es10b_get_euicc_info1(struct es10 *es10, cr_arena *arena, struct rsp_euicc_info1 *out,
                                struct cr_err *err) CR_MUST_CHECK;
cr_status es10b_get_euicc_info2(struct es10 *es10, cr_arena *arena, struct rsp_euicc_info2 *out,
                                struct cr_err *err) CR_MUST_CHECK;
cr_status es10b_get_euicc_challenge(struct es10 *es10, uint8_t challenge[RSP_CHALLENGE],
                                    struct cr_err *err) CR_MUST_CHECK;
/* *out is filled also when the eUICC answers with an error (CR_REFUSED): the server may be told. */
cr_status es10b_authenticate_server(struct es10 *es10,
                                    const struct rsp_authenticate_server_request *request,
                                    cr_arena *arena, struct rsp_authenticate_server_response *out,
                                    struct cr_err *err) CR_MUST_CHECK;
cr_status es10b_prepare_download(struct es10 *es10,
                                 const struct rsp_prepare_download_request *request,
                                 cr_arena *arena, struct rsp_prepare_download_response *out,
                                 struct cr_err *err) CR_MUST_CHECK;
/* One segment of rsp/segment.h; response data (absent: none yet) in the arena. */
cr_status es10b_load_bpp_segment(struct es10 *es10, cr_span segment, cr_arena *arena,
                                 cr_span *answer, struct cr_err *err) CR_MUST_CHECK;
cr_status es10b_cancel_session(struct es10 *es10, cr_span transaction_id, int64_t reason,
                               cr_arena *arena, struct rsp_cancel_session_response *out,
                               struct cr_err *err) CR_MUST_CHECK;
/* events 0 = all. The list as the card gives it; its old "no result" is an empty list. */
cr_status es10b_list_notification(struct es10 *es10, uint64_t events, cr_arena *arena,
                                  struct rsp_notification_metadata **list, size_t *count,
                                  struct cr_err *err) CR_MUST_CHECK;
/* One notification by its number (0 is a number); *found false when the card has none such. */
cr_status es10b_retrieve_notification(struct es10 *es10, int64_t seq_number, cr_arena *arena,
                                      struct rsp_pending_notification *out, bool *found,
                                      struct cr_err *err) CR_MUST_CHECK;
/* "Nothing to delete" counts as done. */
cr_status es10b_remove_notification(struct es10 *es10, int64_t seq_number,
                                    struct cr_err *err) CR_MUST_CHECK;
cr_status es10b_get_rat(struct es10 *es10, cr_arena *arena, struct rsp_get_rat_response *out,
                        struct cr_err *err) CR_MUST_CHECK;

/* ---- ES10c ---- */

/* search NULL = all profiles; tag_list absent = the card's default set. */
cr_status es10c_get_profiles_info(struct es10 *es10, const struct rsp_profiles_search *search,
                                  cr_span tag_list, cr_arena *arena, rsp_profile_info_list *out,
                                  struct cr_err *err) CR_MUST_CHECK;
cr_status es10c_enable_profile(struct es10 *es10, const struct rsp_profile_identifier *profile,
                               bool refresh, struct cr_err *err) CR_MUST_CHECK;
cr_status es10c_disable_profile(struct es10 *es10, const struct rsp_profile_identifier *profile,
                                bool refresh, struct cr_err *err) CR_MUST_CHECK;
cr_status es10c_delete_profile(struct es10 *es10, const struct rsp_profile_identifier *profile,
                               struct cr_err *err) CR_MUST_CHECK;
cr_status es10c_memory_reset(struct es10 *es10, uint64_t options, struct cr_err *err) CR_MUST_CHECK;
cr_status es10c_get_eid(struct es10 *es10, uint8_t eid[RSP_EID], struct cr_err *err) CR_MUST_CHECK;
/* Empty nickname: removes. */
cr_status es10c_set_nickname(struct es10 *es10, cr_span iccid, cr_span nickname,
                             struct cr_err *err) CR_MUST_CHECK;

#endif
