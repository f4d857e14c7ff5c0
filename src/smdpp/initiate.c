/* ES9+ InitiateAuthentication (SGP.22 5.6.1). */
#include "smdpp/es9plus.h"

#include "base/text.h"
#include "rsp/ids.h"

/* Host part of an address as peers send it: port and trailing dot do not count. */
static cr_span host_of(cr_span address)
{
    while (address.n > 0 && (address.p[0] == ' ' || address.p[0] == '\t')) {
        address = cr_span_sub(address, 1, address.n);
    }
    size_t n = 0;
    while (n < address.n && address.p[n] != ':' && address.p[n] > ' ') {
        n++;
    }
    if (n > 0 && address.p[n - 1] == '.') {
        n--;
    }
    return cr_span_sub(address, 0, n);
}

static cr_status check_version(const struct rsp_euicc_info1 *info, struct cr_err *err)
{
    struct rsp_version lowest;
    struct rsp_version highest;
    if (!rsp_version_from_bytes(info->lowest_svn, &lowest)) {
        return cr_refuse(err, "8.8.3", "3.1", "SGP.22 5.6.1", "the eUICC's svn is no version");
    }
    if (!rsp_version_from_bytes(info->highest_svn, &highest)) {
        highest = lowest;
    }
    /* We speak version 2: the range of the chip has to reach into it. */
    if (lowest.major > 2 || highest.major < 2) {
        return cr_refuse(err, "8.8.3", "3.1", "SGP.22 5.6.1",
                         "the eUICC speaks version %u.%u.%u, this SM-DP+ version 2", lowest.major,
                         lowest.minor, lowest.revision);
    }
    return CR_OK;
}

/* The CI that the eUICC shall sign under: the first of its list that we trust. */
static cr_span choose_euicc_ci(const struct smdpp *dp, const rsp_span_list *signing)
{
    for (size_t i = 0; i < signing->count; i++) {
        if (pki_trust_ci(dp->config->trust, signing->items[i])) {
            return signing->items[i];
        }
    }
    return (cr_span){0};
}

/* serverSigned1 and its signature. */
static cr_status sign_start(const struct smdpp *dp, const struct smdpp_identity *identity,
                            struct smdpp_session *session, cr_arena *arena, struct cr_err *err)
{
    struct rsp_server_signed1 signed1 = {
        .transaction_id = session->transaction_id,
        .euicc_challenge = session->euicc_challenge,
        .server_address = cr_span_str(dp->config->address),
        .server_challenge = session->server_challenge,
    };
    cr_span signed1_tlv;
    cr_span signature;
    CR_TRY(asn1_encode_arena(&rsp_server_signed1_type, &signed1, ASN1_ENCODE_V2, arena,
                             &signed1_tlv, err));
    CR_TRY(smdpp_sign(identity->auth_key, &signed1_tlv, 1, arena, &signature, err));
    uint8_t *answer = cr_arena_alloc(arena, signed1_tlv.n + CRYPTO_SIGNATURE);
    if (!answer) {
        return cr_fail_memory(err);
    }
    memcpy(answer, signed1_tlv.p, signed1_tlv.n);
    memcpy(answer + signed1_tlv.n, signature.p, CRYPTO_SIGNATURE);
    session->start_answer = cr_span_of(answer, signed1_tlv.n + CRYPTO_SIGNATURE);
    return CR_OK;
}

static void fill_initiate_ok(const struct smdpp_identity *identity,
                             const struct smdpp_session *session,
                             struct rsp_initiate_authentication_response *out)
{
    size_t n = session->start_answer.n - CRYPTO_SIGNATURE;
    out->which = RSP_INITIATE_AUTHENTICATION_OK;
    out->ok.transaction_id = session->transaction_id;
    out->ok.server_signed1.raw = cr_span_sub(session->start_answer, 0, n);
    out->ok.server_signature1 = cr_span_sub(session->start_answer, n, CRYPTO_SIGNATURE);
    out->ok.euicc_ci_pkid_to_be_used = session->euicc_ci;
    out->ok.server_certificate = identity->auth.raw;
}

/* The same request again (the LPA did not get the answer) gets the session that it started, as long
 * as this process remembers: a session that is only begun has changed nothing, so that another one
 * does no harm. */
struct repeated {
    uint8_t transaction_id[SMDPP_TRANSACTION_ID];
    cr_span request_hash;
    int64_t now_ms;
    cr_arena *arena;
    struct smdpp_session session;
    bool found;
};

static cr_status repeated_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct repeated *r = ctx;
    return smdpp_session_get(tx, CR_SPAN_ARRAY(r->transaction_id), r->now_ms, r->arena, &r->session,
                             &r->found, err);
}

static cr_status find_repeated(struct smdpp *dp, struct repeated *r, struct cr_err *err)
{
    if (!smdpp_memo_find_start(dp->memos, r->request_hash, r->transaction_id)) {
        return CR_OK;
    }
    CR_TRY(store_read(dp->store, repeated_work, r, err));
    const struct smdpp_session *s = &r->session;
    r->found = r->found && s->state == SMDPP_SESSION_STARTED &&
               cr_span_equal(s->start_request_hash, r->request_hash) &&
               s->start_answer.n > CRYPTO_SIGNATURE;
    return CR_OK;
}

struct start {
    struct smdpp_session *session; /* to be added */
    int64_t limit;                 /* of live sessions */
};

static cr_status start_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct start *start = ctx;
    int64_t count = 0;
    CR_TRY(smdpp_session_count(tx, &count, err));
    if (count >= start->limit) {
        return cr_fail(err, CR_RESOURCE, NULL, "%lld sessions are under way, more are not taken",
                       (long long)count);
    }
    return smdpp_session_add(tx, start->session, err);
}

/* An address from outside for a message: what cannot be printed is not. */
static const char *printable(cr_arena *arena, cr_span text)
{
    char *out = cr_arena_strn(arena, cr_span_sub(text, 0, 64));
    for (char *at = out; at && *at; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
    return out ? out : "";
}

cr_status smdpp_initiate_authentication(struct smdpp *dp, const struct smdpp_call *call,
                                        const void *request, void *response, struct cr_err *err)
{
    const struct rsp_initiate_authentication_request *in = request;
    const struct rsp_euicc_info1 *info = &in->euicc_info1;
    cr_arena *arena = call->arena;
    int64_t now = cr_now_ms(dp->env);

    if (!cr_span_equal_nocase(host_of(in->smdp_address), cr_span_str(dp->config->address))) {
        cr_status status =
            cr_refuse(err, "8.8.1", "3.8", "SGP.22 5.6.1", "the address '%s' is not ours",
                      printable(arena, in->smdp_address));
        return cr_err_next(err, status, "this SM-DP+ is %s", dp->config->address);
    }
    CR_TRY(check_version(info, err));
    cr_span euicc_ci = choose_euicc_ci(dp, &info->euicc_ci_pkid_list_for_signing);
    if (!euicc_ci.p) {
        return cr_refuse(err, "8.8.2", "3.1", "SGP.22 5.6.1",
                         "none of the CIs that the eUICC signs under is trusted here");
    }
    const struct smdpp_identity *identity =
        smdpp_identity_for(dp->config, info->euicc_ci_pkid_list_for_verification.items,
                           info->euicc_ci_pkid_list_for_verification.count, now);
    if (!identity) {
        return cr_refuse(err, "8.8.4", "3.7", "SGP.22 5.6.1",
                         "there is no certificate under a CI that the eUICC verifies with");
    }

    const cr_span hashed[] = {in->euicc_challenge, info->raw, in->smdp_address};
    struct repeated repeated = {
        .request_hash = smdpp_hash(arena, hashed, CR_COUNT(hashed)), .now_ms = now, .arena = arena};
    if (!repeated.request_hash.p) {
        return cr_fail_memory(err);
    }
    CR_TRY(find_repeated(dp, &repeated, err));
    if (repeated.found && cr_span_equal(repeated.session.server_ci, identity->ci_key_id)) {
        fill_initiate_ok(identity, &repeated.session, response);
        return CR_OK;
    }

    uint8_t *fresh = cr_arena_alloc(arena, SMDPP_TRANSACTION_ID + RSP_CHALLENGE);
    struct start *start = cr_arena_alloc(arena, sizeof(*start));
    struct smdpp_session *session = cr_arena_alloc(arena, sizeof(*session));
    if (!fresh || !start || !session) {
        return cr_fail_memory(err);
    }
    for (size_t i = 0; i < SMDPP_TRANSACTION_MS; i++) {
        fresh[i] = (uint8_t)(now >> (8 * (SMDPP_TRANSACTION_MS - 1 - i)));
    }
    CR_TRY(cr_random(dp->env, fresh + SMDPP_TRANSACTION_MS,
                     SMDPP_TRANSACTION_ID + RSP_CHALLENGE - SMDPP_TRANSACTION_MS, err));
    *session = (struct smdpp_session){
        .version = 1,
        .revision = 1,
        .state = SMDPP_SESSION_STARTED,
        .transaction_id = cr_span_of(fresh, SMDPP_TRANSACTION_ID),
        .server_challenge = cr_span_of(fresh + SMDPP_TRANSACTION_ID, RSP_CHALLENGE),
        .euicc_challenge = in->euicc_challenge,
        .server_ci = identity->ci_key_id,
        .euicc_ci = euicc_ci,
        .svn = info->lowest_svn,
        .expires_ms = now + dp->policy.session_ms,
        .start_request_hash = repeated.request_hash,
    };
    CR_TRY(sign_start(dp, identity, session, arena, err));
    *start = (struct start){.session = session, .limit = dp->policy.session_limit};
    CR_TRY(smdpp_write(dp, call, start_work, start, true, NULL, err));
    smdpp_memo_keep(dp->memos, session, NULL, NULL, NULL);
    smdpp_memo_note_start(dp->memos, session->start_request_hash, session->transaction_id);
    fill_initiate_ok(identity, session, response);
    return CR_OK;
}
