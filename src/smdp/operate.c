/*
 * Secure channels to ISD-Ps that are there: counters, connectivity parameters (SGP.02 4.1.3.4), the
 * key and the token of Master Delete (SGP.02 3.10, 4.1.1.12).
 */
#include "asn1/der.h"
#include "base/text.h"
#include "crypto/symmetric.h"
#include "smdp/core.h"

#define KEYS            (3 * ESTABLISH_KEY)
#define COUNTER_LAST    0xFFFFFF /* three bytes */
#define KVN_TOKEN       0x70
#define DGI_TOKEN_DATA  0x0070
#define DGI_PARAMETERS  0x3A07
#define TAG_IIN         0x42
#define TAG_IMAGE       0x45
#define TAG_PROVIDER    0x5F20
#define TAG_TOKEN_ID    0x93
#define TAG_TOKEN       0x9E
#define TAG_AID         0x4F
#define TAG_TOKEN_INPUT 0xB6
#define P1_DELETE       0x00
#define P2_DELETE       0x40

/* ---- channels ----------------------------------------------------------------------------------
 */

static cr_status load_keys(struct smdp *dp, const struct smdp_isdp *isdp, struct scp_keys *out,
                           struct cr_err *err)
{
    cr_buf all = {.secret = true};
    cr_status status = smdp_unseal(dp, SMDP_LABEL_KEYS, isdp->iccid, isdp->keys, &all, err);
    if (status == CR_OK && all.n != KEYS) {
        status = cr_fail(err, CR_INTERNAL, NULL, "the key set of %s is none", isdp->iccid);
    }
    struct scp_key *keys[] = {&out->enc, &out->mac, &out->dek};
    for (size_t i = 0; status == CR_OK && i < CR_COUNT(keys); i++) {
        keys[i]->n = ESTABLISH_KEY;
        memcpy(keys[i]->value, all.p + i * ESTABLISH_KEY, ESTABLISH_KEY);
    }
    cr_buf_free(&all);
    return status;
}

cr_status smdp_channel_again(struct smdp_run *run, const struct smdp_isdp *isdp,
                             struct smdp_channel *out, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    *out = (struct smdp_channel){
        .kvn = SMDP_KVN, .counter = (uint32_t)j->counter, .opened = j->opened};
    if (isdp->aid.n != SMDP_AID || j->challenge.n != SCP_CHALLENGE) {
        return cr_fail(err, CR_INTERNAL, NULL, "job %lld has no secure channel", (long long)j->id);
    }
    memcpy(out->aid, isdp->aid.p, SMDP_AID);
    memcpy(out->challenge, j->challenge.p, SCP_CHALLENGE);
    return load_keys(run->dp, isdp, &out->keys, err);
}

cr_status smdp_channel_next(struct smdp_run *run, struct smdp_isdp *isdp, struct smdp_channel *out,
                            struct cr_err *err)
{
    struct smdp_job *j = run->job;
    uint8_t challenge[SCP_CHALLENGE];
    if (isdp->counter >= COUNTER_LAST) {
        return cr_refuse(err, "8.3.1", "3.8", "GlobalPlatform Amendment D 6.2.2.1",
                         "the sequence counter of the ISD-P is used up");
    }
    CR_TRY(cr_random(run->dp->env, challenge, sizeof challenge, err));
    isdp->counter++;
    CR_TRY(smdp_isdp_put(run->tx, isdp, err));
    j->attempts++;
    j->counter = isdp->counter;
    j->challenge = cr_arena_copy(run->arena, CR_SPAN_ARRAY(challenge));
    j->opened = (cr_span){0};
    return j->challenge.p ? smdp_channel_again(run, isdp, out, err) : cr_fail_memory(err);
}

cr_status smdp_channel_counter(struct smdp_run *run, struct smdp_isdp *isdp, uint32_t counter,
                               cr_status status, enum smdp_event *event, struct cr_err *err)
{
    if (status != CR_REFUSED || !err || err->code != SMDP_OTHER_COUNTER ||
        run->job->attempts >= SMDP_MAX_ATTEMPTS) {
        return status;
    }
    isdp->counter = counter;
    *event = SMDP_EV_MORE;
    return smdp_isdp_put(run->tx, isdp, err);
}

/* ---- commands ----------------------------------------------------------------------------------
 */

void smdp_commands_free(struct smdp_commands *commands)
{
    for (size_t i = 0; i < commands->count; i++) {
        cr_buf_free(&commands->bytes[i]);
    }
    commands->count = 0;
}

/* A new command APDU to append to: header, then data by the caller, then end_command(). */
static cr_buf *begin_command(struct smdp_commands *c, uint8_t ins, uint8_t p1, uint8_t p2)
{
    cr_buf *b = &c->bytes[c->count++];
    b->secret = true;
    const uint8_t head[] = {0x80, ins, p1, p2, 0};
    cr_buf_append(b, head, sizeof head);
    return b;
}

static cr_status end_command(struct smdp_commands *c, struct cr_err *err)
{
    enum { HEAD = 5, MOST = 239 }; /* with padding and MAC of the channel below 256 */
    cr_buf *b = &c->bytes[c->count - 1];
    if (!cr_buf_ok(b)) {
        return cr_fail_memory(err);
    }
    if (b->n - HEAD > MOST) {
        return cr_fail(err, CR_REFUSED, NULL, "%zu bytes do not fit into one secured command",
                       b->n - HEAD);
    }
    b->p[HEAD - 1] = (uint8_t)(b->n - HEAD);
    cr_buf_append_byte(b, 0); /* Le: an answer without data still has its MAC in the channel */
    if (!cr_buf_ok(b)) {
        return cr_fail_memory(err);
    }
    c->apdus[c->count - 1] = cr_buf_span(b);
    return CR_OK;
}

static cr_status put_store_data(struct smdp_commands *c, uint16_t dgi, cr_span content,
                                struct cr_err *err)
{
    cr_buf *b = begin_command(c, 0xE2, 0x88, 0x00);
    cr_buf_append_be(b, dgi, 2);
    cr_buf_append_byte(b, (uint8_t)content.n);
    cr_buf_append_span(b, content);
    return end_command(c, err);
}

/* Who gives the token and for what: the ISD-P keeps it with 0070 and compares (42, 45, 5F20). */
static cr_status put_identity(struct smdp *dp, const char *iccid, bool image_first, cr_buf *out,
                              struct cr_err *err)
{
    cr_buf oid = {0};
    CR_TRY(der_oid_from_text(&oid, cr_span_str(dp->options.parties->oid), err));
    if (image_first) {
        der_put(out, TAG_IMAGE, cr_span_str(iccid));
        der_put(out, TAG_IIN, cr_buf_span(&oid));
    } else {
        der_put(out, TAG_IIN, cr_buf_span(&oid));
        der_put(out, TAG_IMAGE, cr_span_str(iccid));
    }
    der_put(out, TAG_PROVIDER, cr_buf_span(&oid));
    cr_buf_free(&oid);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

static cr_status put_key(struct smdp_commands *c, const struct smdp_channel *channel, cr_span key,
                         struct cr_err *err)
{
    static const uint8_t iv[16] = {0};
    uint8_t ones[16], check[16], sealed[SMDP_TOKEN_KEY];
    memset(ones, 0x01, sizeof ones);
    CR_TRY(crypto_aes_block(key, ones, check, err));
    CR_TRY(crypto_aes_cbc(true, cr_span_of(channel->keys.dek.value, channel->keys.dek.n), iv, key.p,
                          SMDP_TOKEN_KEY, sealed, err));
    cr_buf *b = begin_command(c, 0xD8, 0x00, 0x01);
    cr_buf_append_byte(b, KVN_TOKEN);
    cr_buf_append_byte(b, ESTABLISH_TYPE_AES);
    cr_buf_append_byte(b, SMDP_TOKEN_KEY + 1);
    cr_buf_append_byte(b, SMDP_TOKEN_KEY);
    cr_buf_append(b, sealed, sizeof sealed);
    cr_buf_append_byte(b, 3);
    cr_buf_append(b, check, 3);
    cr_wipe(check, sizeof check);
    return end_command(c, err);
}

cr_status smdp_token_commands(struct smdp *dp, const struct smdp_channel *channel,
                              const char *iccid, cr_span key, struct smdp_commands *out,
                              struct cr_err *err)
{
    cr_buf identity = {0};
    cr_status status = put_identity(dp, iccid, true, &identity, err);
    if (status == CR_OK) {
        status = put_store_data(out, DGI_TOKEN_DATA, cr_buf_span(&identity), err);
    }
    cr_buf_free(&identity);
    return status == CR_OK ? put_key(out, channel, key, err) : status;
}

/* ---- Master Delete -----------------------------------------------------------------------------
 */

struct authorising {
    struct smdp *dp;
    cr_span eid;
    const char *iccid;
    cr_buf *out;
    /* Asked for by an SM-SR, for this ISD-P: there has to be consent. */
    const struct m2m_party *smsr;
    cr_span aid;
};

/* CMAC over P1, P2, length, 4F and B6. */
static cr_status put_token(struct smdp *dp, const struct smdp_isdp *isdp, cr_span b6,
                           uint8_t token[16], struct cr_err *err)
{
    cr_buf key = {.secret = true}, input = {0}, aid = {0};
    der_put(&aid, TAG_AID, isdp->aid);
    cr_buf_append_byte(&input, P1_DELETE);
    cr_buf_append_byte(&input, P2_DELETE);
    cr_buf_append_byte(&input, (uint8_t)(aid.n + b6.n));
    cr_buf_append_span(&input, cr_buf_span(&aid));
    cr_buf_append_span(&input, b6);
    cr_status status = cr_buf_ok(&input) && cr_buf_ok(&aid) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = smdp_unseal(dp, SMDP_LABEL_TOKEN, isdp->iccid, isdp->token_key, &key, err);
    }
    if (status == CR_OK) {
        const cr_span part = cr_buf_span(&input);
        status = crypto_cmac(cr_buf_span(&key), &part, 1, token, err);
    }
    cr_buf_free(&key);
    cr_buf_free(&input);
    cr_buf_free(&aid);
    return status;
}

static cr_status make_token(struct smdp *dp, const struct smdp_isdp *isdp, cr_buf *out,
                            struct cr_err *err)
{
    uint8_t id[2] = {(uint8_t)(isdp->tokens >> 8), (uint8_t)isdp->tokens};
    uint8_t token[16];
    cr_buf objects = {0}, b6 = {0};
    cr_status status = put_identity(dp, isdp->iccid, false, &objects, err);
    if (status == CR_OK) {
        der_put(&objects, TAG_TOKEN_ID, CR_SPAN_ARRAY(id));
        der_put(&b6, TAG_TOKEN_INPUT, cr_buf_span(&objects));
        status = cr_buf_ok(&objects) && cr_buf_ok(&b6) ? CR_OK : cr_fail_memory(err);
    }
    if (status == CR_OK) {
        status = put_token(dp, isdp, cr_buf_span(&b6), token, err);
    }
    if (status == CR_OK) {
        cr_buf_append_span(out, cr_buf_span(&objects));
        der_put(out, TAG_TOKEN, CR_SPAN_ARRAY(token));
        status = cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&objects);
    cr_buf_free(&b6);
    return status;
}

/* Only the SM-SR that manages the chip learns anything about it. */
static cr_status check_smsr(const struct authorising *a, struct store_tx *tx, cr_arena *arena,
                            struct cr_err *err)
{
    struct smdp_chip chip;
    bool found = false;
    if (!a->smsr) {
        return CR_OK; /* asked for on this side */
    }
    CR_TRY(smdp_chip_find(tx, a->eid, arena, &chip, &found, err));
    return found && strcmp(chip.smsr, a->smsr->oid) == 0
               ? CR_OK
               : cr_refuse(err, "1.6", "1.2", "SGP.02 3.10", "%s does not manage that eUICC",
                           a->smsr->name);
}

/* About the ISD-P that we loaded, with the owner's consent. */
static cr_status check_consent(const struct authorising *a, const struct smdp_isdp *isdp,
                               struct cr_err *err)
{
    if (!cr_span_equal(isdp->aid, a->aid)) {
        return cr_refuse(err, "8.2.1", "3.9", "SGP.02 3.10", "Profile %s is in another ISD-P",
                         a->iccid);
    }
    return isdp->consent ? CR_OK
                         : cr_refuse(err, "8.2.1", "1.2", "SGP.02 3.10",
                                     "the owner of Profile %s has not consented", a->iccid);
}

static cr_status authorise_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct authorising *a = ctx;
    cr_arena arena = {0};
    struct smdp_isdp isdp;
    bool found = false;
    cr_buf_reset(a->out);
    cr_status status = check_smsr(a, tx, &arena, err);
    if (status == CR_OK) {
        status = smdp_isdp_find(tx, a->eid, a->iccid, &arena, &isdp, &found, err);
    }
    if (status == CR_OK && !found) {
        status = cr_refuse(err, "8.2.1", "3.9", "SGP.02 3.10",
                           "this SM-DP has loaded no Profile %s onto that eUICC", a->iccid);
    } else if (status == CR_OK && (!isdp.token_key.p || isdp.tokens >= 0xFFFF)) {
        status =
            cr_refuse(err, "8.2.1", "3.8", "SGP.02 3.10", "Profile %s has no token key", a->iccid);
    }
    if (status == CR_OK && a->smsr) {
        status = check_consent(a, &isdp, err);
        isdp.consent = false;
    }
    if (status == CR_OK) {
        isdp.tokens++;
        status = smdp_isdp_put(tx, &isdp, err);
    }
    if (status == CR_OK) {
        status = make_token(a->dp, &isdp, a->out, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status smdp_authorise_master_delete(struct smdp *dp, cr_span eid, const char *iccid, cr_buf *out,
                                       struct cr_err *err)
{
    struct authorising a = {.dp = dp, .eid = eid, .iccid = iccid, .out = out};
    return store_run(dp->store, authorise_work, &a, err);
}

cr_status smdp_authorise_smsr(void *ctx, const struct m2m_party *smsr,
                              const struct m2m_delete_request *request, cr_buf *token,
                              struct cr_err *err)
{
    struct smdp *dp = ctx;
    struct authorising a = {.dp = dp,
                            .eid = request->eid,
                            .iccid = request->iccid,
                            .out = token,
                            .smsr = smsr,
                            .aid = request->aid};
    return store_run(dp->store, authorise_work, &a, err);
}

struct consenting {
    cr_span eid;
    const char *iccid;
    bool consent;
};

static cr_status consent_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct consenting *c = ctx;
    cr_arena arena = {0};
    struct smdp_isdp isdp;
    bool found = false;
    cr_status status = smdp_isdp_find(tx, c->eid, c->iccid, &arena, &isdp, &found, err);
    if (status == CR_OK && !found) {
        status = cr_refuse(err, "8.2.1", "3.9", "SGP.02 3.10",
                           "this SM-DP has loaded no Profile %s onto that eUICC", c->iccid);
    } else if (status == CR_OK && !isdp.token_key.p) {
        status =
            cr_refuse(err, "8.2.1", "3.8", "SGP.02 3.10", "Profile %s has no token key", c->iccid);
    }
    if (status == CR_OK) {
        isdp.consent = c->consent;
        status = smdp_isdp_put(tx, &isdp, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status smdp_consent_master_delete(struct smdp *dp, cr_span eid, const char *iccid, bool consent,
                                     struct cr_err *err)
{
    struct consenting c = {.eid = eid, .iccid = iccid, .consent = consent};
    return store_run(dp->store, consent_work, &c, err);
}

/* ---- connectivity parameters -------------------------------------------------------------------
 */

static cr_status channel_of(struct smdp_run *run, bool next, struct smdp_isdp *isdp,
                            struct smdp_channel *channel, struct cr_err *err)
{
    bool found = false;
    CR_TRY(smdp_isdp_find(run->tx, run->job->eid, run->job->iccid, run->arena, isdp, &found, err));
    if (!found) {
        return cr_refuse(err, "8.2.1", "3.9", "SGP.02 4.1.3.4",
                         "the Profile is not there any more");
    }
    return next ? smdp_channel_next(run, isdp, channel, err)
                : smdp_channel_again(run, isdp, channel, err);
}

static cr_status enter_operating(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel = {0};
    struct smdp_commands commands = {0};
    cr_buf data = {0};
    cr_status status = channel_of(run, true, &isdp, &channel, err);
    if (status == CR_OK) {
        status = put_store_data(&commands, DGI_PARAMETERS, run->job->payload, err);
    }
    if (status == CR_OK) {
        status = smdp_es8_put_commands(&channel, commands.apdus, commands.count, &data, err);
    }
    if (status == CR_OK) {
        /* Commands instead of parameters: the SM-SR passes them through (annex A leaves both). */
        const struct soap_body body = {.eid = run->job->eid,
                                       .iccid = cr_span_str(run->job->iccid),
                                       .connectivity_parameters = cr_buf_span(&data)};
        status =
            smdp_job_ask(run, SOAP_UPDATE_CONNECTIVITY_PARAMETERS, &body, smdp_job_time(run), err);
    }
    smdp_commands_free(&commands);
    smdp_channel_wipe(&channel);
    cr_buf_free(&data);
    return status;
}

static cr_status take_operating(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel = {0};
    struct smdp_commands commands = {0};
    uint32_t counter = 0;
    cr_status status = channel_of(run, false, &isdp, &channel, err);
    if (status == CR_OK) {
        status = put_store_data(&commands, DGI_PARAMETERS, run->job->payload, err);
    }
    if (status == CR_OK) {
        status = smdp_es8_take_commands(&channel, commands.apdus, commands.count,
                                        run->body->euicc_response_data, &counter, err);
        status = smdp_channel_counter(run, &isdp, counter, status, event, err);
    }
    smdp_commands_free(&commands);
    smdp_channel_wipe(&channel);
    return status;
}

const struct smdp_step_ops smdp_operate_steps[SMDP_STEPS] = {
    [SMDP_STEP_RELAYING] = {NULL, NULL, false}, /* asked by the handler: relay.c */
    [SMDP_STEP_OPERATING] = {enter_operating, take_operating, false},
};

struct updating {
    struct smdp *dp;
    const char *iccid;
    cr_span parameters;
    int64_t job;
};

static cr_status update_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct updating *u = ctx;
    cr_arena arena = {0};
    struct smdp_profile p;
    struct smdp_chip chip;
    bool found = false;
    cr_status status = smdp_profile_find(tx, u->iccid, &arena, &p, &found, err);
    if (status == CR_OK && !found) {
        status = cr_refuse(err, "8.2.1", "3.9", NULL, "the stock has no Profile %s", u->iccid);
    } else if (status == CR_OK && p.state != SMDP_INSTALLED) {
        status = cr_refuse(err, "8.2.1", "1.2", NULL, "Profile %s is %s, not on an eUICC", u->iccid,
                           smdp_state_name(p.state));
    }
    if (status == CR_OK) {
        status = smdp_chip_find(tx, p.eid, &arena, &chip, &found, err);
        if (status == CR_OK && !found) {
            status = cr_refuse(err, "8.7", "3.9", NULL, "no SM-SR of that eUICC is known");
        }
    }
    if (status == CR_OK) {
        int64_t now = cr_now_ms(u->dp->env);
        struct smdp_job job = {
            .step = SMDP_STEP_OPERATING,
            .function = soap_function(SOAP_ES3, SOAP_UPDATE_CONNECTIVITY_PARAMETERS)->number,
            .answered = true,
            .requester = "",
            .smsr = chip.smsr,
            .eid = p.eid,
            .iccid = p.iccid,
            .deadline_ms = now + (int64_t)SOAP_VALIDITY_CARD * 1000,
            .payload = u->parameters,
            .created_ms = now};
        status = smdp_job_add(tx, &job, err);
        struct smdp_run run = {.dp = u->dp, .tx = tx, .job = &job, .arena = &arena, .now_ms = now};
        if (status == CR_OK) {
            u->job = job.id;
            status = smdp_job_event(&run, SMDP_EV_MORE, err);
        }
    }
    cr_arena_free(&arena);
    return status;
}

cr_status smdp_update_connectivity(struct smdp *dp, const char *iccid, cr_span parameters,
                                   int64_t *job, struct cr_err *err)
{
    struct updating u = {.dp = dp, .iccid = iccid, .parameters = parameters};
    if (parameters.n == 0 || parameters.n > SMDP_MAX_PARAMETERS) {
        return cr_fail(err, CR_REFUSED, "SGP.02 4.1.3.4",
                       "connectivity parameters have 1 to %d bytes", SMDP_MAX_PARAMETERS);
    }
    CR_TRY(store_run(dp->store, update_work, &u, err));
    m2m_poke(dp->m2m);
    if (job) {
        *job = u.job;
    }
    return CR_OK;
}
