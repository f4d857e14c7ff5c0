/*
 * A command to a security domain: class, secure messaging, which handler, and whether it may.
 */
#include "gp/internal.h"

/* --- helpers -----------------------------------------------------------------------------------
 */

uicc_sw gp_failed(cr_status status, const struct cr_err *err)
{
    switch (status) {
    case CR_OK:
        return UICC_SW_OK;
    case CR_REFUSED:
    case CR_MALFORMED:
        return err->code ? (uicc_sw)err->code : UICC_SW_WRONG_DATA;
    case CR_RESOURCE:
        return UICC_SW_NO_MEMORY;
    case CR_INTERNAL:
    default:
        return UICC_SW_TECHNICAL;
    }
}

bool gp_manages(const struct gp_command *c, const struct gp_object *o, uint32_t global)
{
    return gp_object_below(c->reg, o->id, c->domain.id) ||
           (global && (c->domain.privileges & global) == global);
}

/* --- the session -------------------------------------------------------------------------------
 */

/* The protocol that a key version is for and its options. */
static bool session_facts(const struct gp_command *c, uint8_t kvn, struct scp_card_facts *out)
{
    bool scp02 = kvn >= GP_KVN_SCP02_FIRST && kvn <= GP_KVN_SCP02_LAST;
    bool scp03 = kvn >= GP_KVN_SCP03_FIRST && kvn <= GP_KVN_SCP03_LAST;
    if (!scp02 && !scp03) {
        return false;
    }
    out->protocol = scp02 ? SCP_02 : SCP_03;
    out->i = scp02 ? 0x55 : 0x70;
    out->kvn = kvn;
    for (size_t i = 0; i < c->domain.protocol_count; i++) {
        if (c->domain.protocols[i].protocol == (uint8_t)out->protocol &&
            scp_i_supported(out->protocol, c->domain.protocols[i].i)) {
            out->i = c->domain.protocols[i].i;
            break;
        }
    }
    return true;
}

static bool session_key(const struct gp_command *c, uint8_t kvn, uint8_t kid, uint8_t type,
                        struct scp_key *out)
{
    struct gp_key key;
    bool good = gp_key_get(c->reg, c->domain.id, kvn, kid, &key) && key.type == type &&
                key.n <= SCP_KEY_MAX && (type != GP_KEY_DES || key.n == 16);
    if (good) {
        memcpy(out->value, key.value, key.n);
        out->n = key.n;
    }
    cr_wipe(&key, sizeof key);
    return good;
}

static bool session_keys(const struct gp_command *c, const struct scp_card_facts *facts,
                         struct scp_keys *out)
{
    uint8_t type = facts->protocol == SCP_02 ? GP_KEY_DES : GP_KEY_AES;
    return session_key(c, facts->kvn, GP_KID_ENC, type, &out->enc) &&
           session_key(c, facts->kvn, GP_KID_MAC, type, &out->mac) &&
           session_key(c, facts->kvn, GP_KID_DEK, type, &out->dek) && out->enc.n == out->mac.n &&
           out->mac.n == out->dek.n;
}

/* P1 00: the first version that can open a session. */
static bool session_choose(const struct gp_command *c, uint8_t kvn, struct scp_card_facts *facts,
                           struct scp_keys *keys)
{
    if (kvn) {
        return session_facts(c, kvn, facts) && session_keys(c, facts, keys);
    }
    for (kvn = GP_KVN_SCP02_FIRST; kvn <= GP_KVN_SCP03_LAST; kvn++) {
        if (session_facts(c, kvn, facts) && session_keys(c, facts, keys)) {
            return true;
        }
    }
    return false;
}

/* Key diversification data: GET DATA CF when it was personalized, else the end of the AID. */
static void session_diversification(const struct gp_command *c, struct scp_card_facts *facts)
{
    cr_span data = gp_data_get(c->reg, c->domain.id, 0xCF);
    if (data.n == 2 + SCP_DIVERSIFICATION) {
        memcpy(facts->diversification, data.p + 2, SCP_DIVERSIFICATION);
        return;
    }
    size_t n = c->domain.aid.n < SCP_DIVERSIFICATION ? c->domain.aid.n : SCP_DIVERSIFICATION;
    memcpy(facts->diversification, c->domain.aid.p + (c->domain.aid.n - n), n);
}

/* The sequence counter of SCP03 is that of this session, SCP02's the one of the keys so far: it
 * moves when the session opens (scp.h). At its end the keys are of no more use. */
static uicc_sw session_count(struct gp_command *c, const struct scp_card_facts *facts, bool opened,
                             uint32_t *sequence)
{
    struct gp_counters counters;
    struct cr_err err;
    uint32_t most = facts->protocol == SCP_02 ? 0xFFFF : 0xFFFFFF;
    gp_counters_get(c->reg, c->domain.id, facts->kvn, &counters);
    if (counters.sessions >= most) {
        return UICC_SW_CONDITIONS;
    }
    if (opened == (facts->protocol == SCP_02)) {
        counters.sessions++;
        cr_status status = gp_counters_put(c->reg, c->domain.id, facts->kvn, &counters, &err);
        if (status != CR_OK) {
            return gp_failed(status, &err);
        }
    }
    *sequence = counters.sessions;
    return UICC_SW_OK;
}

uicc_sw gp_session_begin(struct gp_command *c, uint8_t kvn, cr_span challenge, cr_buf *out)
{
    struct scp_card_facts facts = {0};
    struct scp_keys keys = {0};
    struct cr_err err;
    if (!session_choose(c, kvn, &facts, &keys)) {
        cr_wipe(&keys, sizeof keys);
        return UICC_SW_NO_REFERENCE;
    }
    session_diversification(c, &facts);
    uicc_sw sw = session_count(c, &facts, false, &facts.sequence);
    if (sw == UICC_SW_OK) {
        sw = gp_failed(scp_card_initialise(&c->ctx->session, &facts, &keys,
                                           gp_aid_span(&c->domain.aid), challenge,
                                           uicc_env(c->gp->uicc), out, &err),
                       &err);
    }
    cr_wipe(&keys, sizeof keys);
    return sw;
}

uicc_sw gp_initialize_update(struct gp_command *c)
{
    gp_context_script_end(c->ctx); /* whatever comes of it, the old session is over */
    if (c->apdu->p2) {
        return UICC_SW_WRONG_P1P2;
    }
    if (c->apdu->data.n != SCP_CHALLENGE) {
        return UICC_SW_WRONG_LENGTH;
    }
    return gp_session_begin(c, c->apdu->p1, c->apdu->data, c->out);
}

/* The class a message is authenticated with: no channel, secure messaging of GlobalPlatform. */
static void on_channel_zero(cr_span apdu, uint8_t out[SCP_COMMAND_MAX])
{
    memcpy(out, apdu.p, apdu.n);
    out[0] = (uint8_t)((apdu.p[0] & 0x80) | 0x04);
}

static uicc_sw external_authenticate(struct gp_command *c, cr_span apdu)
{
    uint8_t zero[SCP_COMMAND_MAX];
    struct cr_err err;
    uint32_t sequence;
    if (!c->apdu->secure) {
        scp_end(&c->ctx->session);
        return UICC_SW_SECURITY;
    }
    on_channel_zero(apdu, zero);
    cr_status status = scp_card_authenticate(&c->ctx->session, cr_span_of(zero, apdu.n), &err);
    if (status != CR_OK) {
        return gp_failed(status, &err);
    }
    uicc_sw sw = session_count(c, &c->ctx->session.facts, true, &sequence);
    if (sw != UICC_SW_OK) {
        scp_end(&c->ctx->session);
    }
    return sw;
}

/* --- secrets -----------------------------------------------------------------------------------
 */

uicc_sw gp_decrypt(struct gp_command *c, cr_span cipher, cr_buf *plain)
{
    struct cr_err err;
    struct gp_key dek;
    static const uint8_t iv[16] = {0};
    plain->secret = true;
    if (c->ctx->session.state == SCP_STATE_OPEN) {
        return gp_failed(scp_decrypt_sensitive(&c->ctx->session, cipher, plain, &err), &err);
    }
    if (c->authority != GP_PACKET ||
        !gp_key_get(c->reg, c->packet_domain, c->packet_kvn, GP_KID_DEK, &dek)) {
        return UICC_SW_CONDITIONS;
    }
    cr_status status = CR_OK;
    uint8_t *out = cipher.n ? cr_buf_extend(plain, cipher.n) : NULL;
    if (!out) {
        status = cr_fail(&err, CR_MALFORMED, NULL, "nothing to decipher");
    } else if (dek.type == GP_KEY_AES) {
        status =
            crypto_aes_cbc(false, cr_span_of(dek.value, dek.n), iv, cipher.p, cipher.n, out, &err);
    } else if (dek.type == GP_KEY_DES) {
        status = crypto_des_ecb(false, cr_span_of(dek.value, dek.n), cipher.p, cipher.n, out, &err);
    } else {
        status = cr_fail(&err, CR_REFUSED, NULL, "a key of this type deciphers nothing");
    }
    cr_wipe(&dek, sizeof dek);
    return status == CR_OK ? UICC_SW_OK : UICC_SW_WRONG_DATA;
}

/* --- the table ---------------------------------------------------------------------------------
 */

/* Card Specification table 11-1 and 11-2: what a command needs before it is looked at. */
enum need { NEED_NOTHING, NEED_AUTHORITY };

struct row {
    uint8_t ins;
    bool iso; /* class 0X will do */
    enum need need;
    gp_handler handler;
};

static const struct row rows[] = {
    {GP_INS_INITIALIZE_UPDATE, false, NEED_NOTHING, gp_initialize_update},
    {0xCA, true, NEED_NOTHING, gp_get_data},
    {0xD8, false, NEED_AUTHORITY, gp_put_key},
    {0xE2, false, NEED_AUTHORITY, gp_store_data},
    {0xE4, false, NEED_AUTHORITY, gp_delete},
    {0xE6, false, NEED_AUTHORITY, gp_install},
    {0xE8, false, NEED_AUTHORITY, gp_load},
    {0xF0, false, NEED_AUTHORITY, gp_set_status},
    {0xF2, false, NEED_AUTHORITY, gp_get_status},
};

static const struct row *row_of(uint8_t ins)
{
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].ins == ins) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool went_well(uicc_sw sw)
{
    unsigned sw1 = sw >> 8;
    return sw1 == 0x90 || sw1 == 0x62 || sw1 == 0x63;
}

static bool is_open(const struct gp_command *c)
{
    return c->ctx->session.state == SCP_STATE_OPEN;
}

struct gp_requester gp_requester_of(const struct gp_command *c, struct gp_object *target)
{
    const struct gp_context *ctx = c->ctx;
    cr_span aid = gp_aid_span(&c->domain.aid);
    if (ctx->perso == GP_PERSO_OBJECT && gp_object_get(c->reg, ctx->perso_object, target)) {
        aid = gp_aid_span(&target->aid);
    } else if (ctx->perso == GP_PERSO_HOOK) {
        aid = gp_aid_span(&ctx->perso_aid);
    }
    return (struct gp_requester){.gp = c->gp,
                                 .reg = c->reg,
                                 .domain = &c->domain,
                                 .remote = c->authority == GP_PACKET,
                                 .level = c->level,
                                 .trusted = c->authority != GP_NOBODY,
                                 .kvn = c->packet_kvn,
                                 .target = aid};
}

static uicc_sw dispatch(struct gp_command *c)
{
    const struct row *row = row_of(c->apdu->ins);
    if (gp_is_card(c->gp, c->reg) && c->gp->hooks.command) {
        struct gp_object target;
        struct gp_requester who = gp_requester_of(c, &target);
        uicc_sw sw = c->gp->hooks.command(c->gp->hooks.ctx, &who, c->apdu, c->out);
        if (sw != UICC_NOT_MINE) {
            return sw;
        }
    }
    if (!row) {
        return UICC_SW_WRONG_INS;
    }
    if (!c->apdu->proprietary && !row->iso) {
        return UICC_SW_WRONG_CLA;
    }
    if (row->need == NEED_AUTHORITY && c->authority == GP_NOBODY) {
        return UICC_SW_SECURITY;
    }
    if (row->need == NEED_AUTHORITY && c->domain.state & GP_LOCKED) {
        return UICC_SW_CONDITIONS;
    }
    return row->handler(c);
}

/* Runs what is plain now; what an error leaves in the memory is taken back. */
static uicc_sw run_plain(struct gp_command *c)
{
    size_t mark = nvm_mark(c->reg->nvm), start = c->out->n;
    if (is_open(c)) {
        c->authority = c->authority == GP_PACKET ? GP_PACKET : GP_SESSION;
        c->level = c->authority == GP_PACKET ? c->level : c->ctx->session.level;
    }
    uicc_sw sw = dispatch(c);
    if (sw == UICC_SW_OK && !cr_buf_ok(c->out)) {
        sw = UICC_SW_NO_MEMORY;
    }
    if (!went_well(sw)) {
        nvm_rollback_to(c->reg->nvm, mark);
        if (cr_buf_ok(c->out) && c->out->n > start) {
            cr_wipe(c->out->p + start, c->out->n - start);
            c->out->n = start;
        }
        gp_sync(c->gp); /* what was installed or deleted meanwhile is not */
    }
    return sw;
}

/* In a session with a level above 00: off with the protection, run, and protection on the answer.
 */
static uicc_sw run_protected(struct gp_command *c, cr_span apdu)
{
    cr_buf command = {.secret = true}, data = {.secret = true}, response = {.secret = true};
    struct uicc_apdu plain;
    struct cr_err err;
    uint8_t zero[SCP_COMMAND_MAX];
    const struct uicc_apdu *outer = c->apdu;
    memcpy(zero, apdu.p, apdu.n);
    if (outer->secure) {
        on_channel_zero(apdu, zero);
    }
    cr_status status =
        scp_unwrap_command(&c->ctx->session, cr_span_of(zero, apdu.n), &command, &err);
    uicc_sw sw = gp_failed(status, &err);
    if (sw != UICC_SW_OK) {
        gp_context_script_end(c->ctx);
    } else {
        sw = uicc_apdu_parse(cr_buf_span(&command), &plain);
    }
    if (sw == UICC_SW_OK) {
        cr_buf *out = c->out;
        size_t overhead = scp_response_overhead(&c->ctx->session);
        plain.channel = outer->channel;
        c->apdu = &plain;
        c->out = &data;
        c->room = c->room > overhead ? c->room - overhead : 0;
        sw = run_plain(c);
        c->apdu = outer;
        c->out = out;
        if (c->ctx->session.state == SCP_STATE_OPEN) {
            status = scp_wrap_response(&c->ctx->session, cr_buf_span(&data), sw, &response, &err);
            if (status == CR_OK && response.n >= 2) {
                cr_buf_append(c->out, response.p, response.n - 2);
            } else {
                sw = status == CR_OK ? UICC_SW_TECHNICAL : gp_failed(status, &err);
                gp_context_script_end(c->ctx);
            }
        } else {
            cr_buf_append_span(c->out, cr_buf_span(&data));
        }
    }
    cr_buf_free(&command);
    cr_buf_free(&data);
    cr_buf_free(&response);
    return sw;
}

uicc_sw gp_domain_run(struct gp_command *c, cr_span apdu)
{
    uint8_t ins = c->apdu->ins;
    if (apdu.n > SCP_COMMAND_MAX) {
        return UICC_SW_WRONG_LENGTH;
    }
    if (ins == GP_INS_EXTERNAL_AUTHENTICATE) {
        return c->apdu->proprietary ? external_authenticate(c, apdu) : UICC_SW_WRONG_CLA;
    }
    if (is_open(c) && ins != GP_INS_INITIALIZE_UPDATE &&
        (c->ctx->session.level & SCP_LEVEL_C_MAC || c->ctx->session.level & SCP_LEVEL_R_MAC ||
         c->apdu->secure)) {
        return run_protected(c, apdu);
    }
    if (c->apdu->secure) {
        return UICC_SW_SECURITY; /* no session, or one without protection */
    }
    return run_plain(c);
}
