#include "smsr/sms.h"

#include "base/text.h"
#include "ota/sms.h"
#include "smsr/carrier.h"
#include "smsr/core.h"

#include <stdlib.h>

#define AT_ONCE         32 /* scripts of one transaction */
#define MAX_SEGMENTS    10
#define AFTER_FAILURE   ((int64_t)60 * 1000) /* a script that our own side cannot handle rests */
#define TON_NATIONAL    1                    /* international, ISDN */
#define ATTEMPT_BITS    8
#define SMSC_PARALLEL   64 /* answers of several segments at a time */
#define ASSEMBLER_BYTES ((size_t)1 << 20)

struct smsr_sms {
    struct smsr_sms_options o;
    pthread_mutex_t lock; /* of the assembler */
    struct sms_assembler *assembler;
};

cr_status smsr_sms_new(const struct smsr_sms_options *options, struct smsr_sms **out,
                       struct cr_err *err)
{
    const struct sms_assembler_limits limits = {
        .messages = SMSC_PARALLEL * 16, .bytes = ASSEMBLER_BYTES, .segments = MAX_SEGMENTS * 4};
    struct smsr_sms *sms = calloc(1, sizeof *sms);
    if (!sms) {
        return cr_fail_memory(err);
    }
    sms->o = *options;
    (void)pthread_mutex_init(&sms->lock, NULL);
    cr_status status = sms_assembler_new(&limits, &sms->assembler, err);
    if (status != CR_OK) {
        smsr_sms_free(sms);
        return status;
    }
    *out = sms;
    return CR_OK;
}

void smsr_sms_free(struct smsr_sms *sms)
{
    if (sms) {
        sms_assembler_free(sms->assembler);
        (void)pthread_mutex_destroy(&sms->lock);
        free(sms);
    }
}

static const cr_env *env_of(const struct smsr_sms *sms)
{
    return smsr_env(sms->o.sr);
}

static void load_carrier(struct smsr_sms *sms, struct store_tx *tx, cr_arena *arena,
                         struct smsr_carrier *c)
{
    *c = (struct smsr_carrier){.sr = sms->o.sr,
                               .config = sms->o.config,
                               .tx = tx,
                               .arena = arena,
                               .now_ms = cr_now_ms(env_of(sms))};
}

/* ---- sending -----------------------------------------------------------------------------------
 */

/* Messages that leave after the commit. */
struct letter {
    const struct smsr_smsc *smsc;
    char number[SMSR_NUMBER + 1];
    uint64_t ref;
    uint8_t reference; /* of the segments */
    cr_span packet;    /* in the arena */
};

struct round {
    struct smsr_sms *sms;
    cr_arena arena;
    struct smsr_script due[AT_ONCE];
    size_t count;
    size_t first, last; /* that this transaction is about */
    int64_t next_ms;
    struct letter letters[AT_ONCE];
    size_t letter_count;
    cr_span sessions[AT_ONCE]; /* EIDs, in the arena: work for their sessions */
    size_t session_count;
    cr_span pushed[AT_ONCE]; /* EIDs, likewise: their links are expected */
    size_t pushed_count;
};

static uint64_t ref_of(const struct smsr_script *s)
{
    return (uint64_t)s->id << ATTEMPT_BITS | (unsigned)s->attempts;
}

static void put_letter(struct round *r, const struct smsr_carrier *c, cr_span packet,
                       uint64_t counter)
{
    /* The same packet has the same reference: segments of both copies make one. */
    struct letter *letter = &r->letters[r->letter_count++];
    *letter = (struct letter){
        .smsc = c->smsc, .ref = ref_of(&c->s), .reference = (uint8_t)counter, .packet = packet};
    memcpy(letter->number, c->number, sizeof letter->number);
}

static cr_status written(struct smsr_carrier *c, int64_t next_ms, struct cr_err *err)
{
    c->s.next_ms = next_ms;
    CR_TRY(smsr_air_put(c->tx, &c->air, err));
    return smsr_script_sent(c->tx, &c->s, err);
}

/* First copy: script, packet and counter are committed together, then they leave. */
static cr_status send_first(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    const struct smsr_sealing what = {
        .euicc = &c->e, .target = c->s.target, .por = OTA_SPI2_POR_ALWAYS};
    cr_buf script = {.secret = true}, packet = {0};
    cr_status status = smsr_carrier_write(c, OTA_FORM_DEFINITE, &script, err);
    if (status == CR_OK) {
        status = smsr_packet_seal(c->sr, c->tx, &what, cr_buf_span(&script), &packet, &c->s.keyset,
                                  &c->s.counter, err);
    }
    if (status == CR_OK) {
        c->s.packet = cr_arena_copy(c->arena, cr_buf_span(&packet));
        status = c->s.packet.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&script);
    cr_buf_free(&packet);
    CR_TRY(status);
    c->s.left = true;
    c->s.attempts = 1;
    memcpy(c->air.number, c->number, sizeof c->air.number);
    put_letter(r, c, c->s.packet, c->s.counter);
    return written(c, c->now_ms + c->config->repeat_ms, err);
}

static cr_status send_again(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    smsr_air_heard(&c->air, true, c->now_ms);
    if (c->s.attempts >= c->config->tries) {
        return smsr_carrier_end(c, SMSR_EV_UNANSWERED, (cr_span){0},
                                "the eUICC did not answer any copy of a short message", err);
    }
    c->s.attempts++;
    if (c->smsc) {
        memcpy(c->air.number, c->number, sizeof c->air.number);
        put_letter(r, c, c->s.packet, c->s.counter);
    }
    return written(c, c->now_ms + c->config->repeat_ms, err);
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

static cr_status seal_wake(struct smsr_carrier *c, const struct smsr_sealing *what, cr_span payload,
                           cr_span *packet, uint8_t *version, uint64_t *counter, struct cr_err *err)
{
    cr_buf sealed = {0};
    cr_status status =
        smsr_packet_seal(c->sr, c->tx, what, payload, &sealed, version, counter, err);
    if (status == CR_OK) {
        *packet = cr_arena_copy(c->arena, cr_buf_span(&sealed));
        status = packet->p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&sealed);
    return status;
}

static cr_status put_wake(struct round *r, struct smsr_carrier *c, cr_span packet, uint64_t counter,
                          struct cr_err *err)
{
    c->s.attempts++;
    memcpy(c->air.number, c->number, sizeof c->air.number);
    put_letter(r, c, packet, counter);
    return written(c, c->now_ms + c->config->trigger_ms, err);
}

static cr_status send_trigger(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    const struct smsr_sealing what = {.euicc = &c->e};
    cr_span packet;
    uint8_t version;
    uint64_t counter;
    CR_TRY(seal_wake(c, &what, c->config->trigger, &packet, &version, &counter, err));
    return put_wake(r, c, packet, counter, err);
}

/* It left, and its time is over: the link broke, or the eUICC says nothing. A trigger brings back
 * an eUICC that has given up; what it says then tells whether the script was executed. One that
 * switches tells by a notification, one that waits for a confirmation sends that again. */
static cr_status call_back(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    if (!c->s.is_switch && !c->s.is_confirmation && c->s.attempts < c->config->tries && c->smsc) {
        return send_trigger(r, c, err);
    }
    return smsr_carrier_end(c, SMSR_EV_UNANSWERED, (cr_span){0},
                            "the eUICC took a script in its session and did not answer", err);
}

static cr_status seal_push(struct smsr_carrier *c, const struct smsr_sealing *what, cr_span *packet,
                           uint8_t *version, uint64_t *counter, struct cr_err *err)
{
    const struct ota_push link = {
        .port = c->config->cattp_port, .max_sdu = SMSR_LINK_SDU, .identification = c->s.eid};
    cr_buf script = {0};
    cr_status status = smsr_packet_push(c->config->push, &link, &script, err);
    if (status == CR_OK) {
        status = seal_wake(c, what, cr_buf_span(&script), packet, version, counter, err);
    }
    cr_buf_free(&script);
    return status;
}

/* The packet is kept: a proof of receipt that it was refused is believed. */
static cr_status send_push(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    const struct smsr_sealing what = {.euicc = &c->e, .por = OTA_SPI2_POR_ERROR};
    CR_TRY(seal_push(c, &what, &c->s.packet, &c->s.keyset, &c->s.counter, err));
    r->pushed[r->pushed_count++] = c->s.eid;
    return put_wake(r, c, c->s.packet, c->s.counter, err);
}

/* The push SMS that calls back, of this number from 1 on; nothing of the script is changed. */
static cr_status seal_call_back(struct smsr_carrier *c, int number, cr_span *packet,
                                uint64_t *counter, struct cr_err *err)
{
    const struct smsr_sealing what = {.euicc = &c->e,
                                      .por = OTA_SPI2_POR_ERROR,
                                      .version = c->s.keyset,
                                      .counter =
                                          c->s.counter - SMSR_CALL_BACKS + (unsigned)number - 1};
    uint8_t version;
    return seal_push(c, &what, packet, &version, counter, err);
}

/* The eUICC was given the script, and its link broke. attempts: 1 when it was, and one for each
 * call. */
static cr_status call_back_link(struct round *r, struct smsr_carrier *c, bool open,
                                struct cr_err *err)
{
    cr_span packet;
    uint64_t counter;
    if (open || c->s.is_switch || c->s.attempts > SMSR_CALL_BACKS || !c->smsc) {
        return smsr_carrier_end(c, SMSR_EV_UNANSWERED, (cr_span){0},
                                "the eUICC took a script on a link and did not answer", err);
    }
    CR_TRY(seal_call_back(c, c->s.attempts, &packet, &counter, err));
    r->pushed[r->pushed_count++] = c->s.eid;
    return put_wake(r, c, packet, counter, err);
}

/* Over HTTPS or CAT_TP; open: the eUICC has a session or a link. */
static cr_status on_session(struct round *r, struct smsr_carrier *c, bool open, struct cr_err *err)
{
    const struct smsr_policy *policy = smsr_policy_of(c->sr);
    const bool https = c->s.channel == SMSR_HTTPS;
    if (c->s.left && !https) {
        return call_back_link(r, c, open, err);
    }
    if (c->s.left) {
        return call_back(r, c, err);
    }
    if (open) { /* it is handed out with the next POST, or on the link */
        r->sessions[r->session_count++] = c->s.eid;
        return written(c, c->now_ms + policy->hold_ms, err);
    }
    if (c->s.is_confirmation) {
        return smsr_carrier_end(c, SMSR_EV_UNREACHABLE, (cr_span){0},
                                "the session of the notification is over", err);
    }
    if (c->s.attempts < c->config->tries && c->smsc) {
        return https ? send_trigger(r, c, err) : send_push(r, c, err);
    }
    smsr_air_failed(https ? c->air.failed_http : c->air.failed_cattp, c->now_ms);
    c->s.channel = 0;
    c->s.attempts = 0;
    return written(c, c->now_ms, err);
}

/* ---- what is due -------------------------------------------------------------------------------
 */

/* The session or link that the eUICC has; 0 = none. */
static enum smsr_channel open_channel(const struct smsr_sms *sms, cr_span eid)
{
    if (sms->o.has_session && sms->o.has_session(sms->o.ctx, eid)) {
        return SMSR_HTTPS;
    }
    return sms->o.has_link && sms->o.has_link(sms->o.ctx, eid) ? SMSR_CATTP : 0;
}

static cr_status choose(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    static const char *const names[] = {
        [SMSR_SMS] = "SMS", [SMSR_HTTPS] = "HTTPS", [SMSR_CATTP] = "CAT_TP"};
    struct smsr_reach reach;
    const char *reason;
    char eid[2 * SOAP_EID_SIZE + 1];
    CR_TRY(smsr_carrier_reach(c, open_channel(r->sms, c->s.eid), r->sms->o.has_session != NULL,
                              &reach, err));
    CR_TRY(smsr_channel_choose(&reach, &c->s.channel, &reason, err));
    cr_log(env_of(r->sms), CR_LOG_INFO, "script %lld to %s: %s, %s", (long long)c->s.id,
           cr_hex_into(eid, sizeof eid, c->s.eid), names[c->s.channel], reason);
    return CR_OK;
}

static bool is_open(const struct smsr_sms *sms, const struct smsr_script *s)
{
    bool (*has)(void *ctx, cr_span eid) =
        s->channel == SMSR_HTTPS ? sms->o.has_session : sms->o.has_link;
    return has && has(sms->o.ctx, s->eid);
}

static cr_status look(struct round *r, struct smsr_carrier *c, struct cr_err *err)
{
    CR_TRY(smsr_carrier_load(c, err));
    if (c->s.deadline_ms && c->now_ms >= c->s.deadline_ms) {
        return smsr_carrier_end(c, c->s.left ? SMSR_EV_UNANSWERED : SMSR_EV_UNREACHABLE,
                                (cr_span){0}, "the time of the command was over", err);
    }
    if (!c->s.left && !c->s.attempts) {
        CR_TRY(choose(r, c, err));
    }
    if (c->s.channel != SMSR_SMS) {
        return on_session(r, c, is_open(r->sms, &c->s), err);
    }
    return c->s.left ? send_again(r, c, err) : send_first(r, c, err);
}

/* What the rules refuse has its end; what our side cannot do fails the work. */
static cr_status look_at(struct round *r, struct store_tx *tx, size_t i, struct cr_err *err)
{
    struct smsr_carrier c;
    struct cr_err why = {0};
    const size_t letters = r->letter_count, pushed = r->pushed_count;
    bool found;
    load_carrier(r->sms, tx, &r->arena, &c);
    CR_TRY(smsr_script_get(tx, r->due[i].id, &r->arena, &c.s, &found, err));
    if (!found || c.s.next_ms > c.now_ms) {
        return CR_OK; /* answered in the meantime */
    }
    cr_status status = look(r, &c, &why);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        r->letter_count = letters;
        r->pushed_count = pushed;
        CR_TRY(smsr_air_get(tx, c.s.eid, &c.air, err));
        return smsr_carrier_end(&c, c.s.left ? SMSR_EV_UNANSWERED : SMSR_EV_UNREACHABLE,
                                (cr_span){0}, why.cause, err);
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    return status;
}

static cr_status find_due(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct round *r = ctx;
    return smsr_script_due(tx, cr_now_ms(env_of(r->sms)), &r->arena, r->due, AT_ONCE, &r->count,
                           &r->next_ms, err);
}

static cr_status look_at_some(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct round *r = ctx;
    for (size_t i = r->first; i < r->last; i++) {
        CR_TRY(look_at(r, tx, i, err));
    }
    return CR_OK;
}

static cr_status rest(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct round *r = ctx;
    struct smsr_script s;
    bool found;
    CR_TRY(smsr_script_get(tx, r->due[r->first].id, &r->arena, &s, &found, err));
    s.next_ms = cr_now_ms(env_of(r->sms)) + AFTER_FAILURE;
    return found ? smsr_script_sent(tx, &s, err) : CR_OK;
}

struct posting {
    struct smsr_sms *sms;
    const struct letter *letter;
};

static cr_status post_segment(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                              struct cr_err *err)
{
    const struct posting *p = ctx;
    struct smpp_message m = {.from_ton = TON_NATIONAL,
                             .from_npi = 1,
                             .to_ton = TON_NATIONAL,
                             .to_npi = 1,
                             .esm_class = SMPP_UDHI,
                             .protocol_id = SMS_PID_USIM_DOWNLOAD,
                             .data_coding = SMS_DCS_8BIT_CLASS2,
                             .registered_delivery = 1,
                             .text_size = ud.n};
    (void)number;
    (void)count;
    (void)cr_str_copy(m.from, sizeof m.from, cr_span_str(p->letter->smsc->number));
    (void)cr_str_copy(m.to, sizeof m.to, cr_span_str(p->letter->number));
    memcpy(m.text, ud.p, ud.n);
    return p->sms->o.submit(p->sms->o.ctx, p->letter->smsc, &m, p->letter->ref, err);
}

static void forget(struct round *r)
{
    r->letter_count = r->session_count = r->pushed_count = 0;
}

static void post(struct round *r)
{
    struct cr_err err;
    for (size_t i = 0; r->sms->o.pushed && i < r->pushed_count; i++) {
        r->sms->o.pushed(r->sms->o.ctx, r->pushed[i]);
    }
    for (size_t i = 0; i < r->letter_count; i++) {
        struct posting p = {.sms = r->sms, .letter = &r->letters[i]};
        const struct sms_cut cut = {.packet = SMS_IEI_COMMAND_PACKET,
                                    .reference = p.letter->reference,
                                    .max_segments = MAX_SEGMENTS};
        if (sms_segment(&cut, p.letter->packet, post_segment, &p, &err) != CR_OK) {
            cr_log(env_of(r->sms), CR_LOG_WARNING, "a short message cannot be submitted: %s",
                   err.cause);
        }
    }
    for (size_t i = 0; r->sms->o.session_due && i < r->session_count; i++) {
        r->sms->o.session_due(r->sms->o.ctx, r->sessions[i]);
    }
    forget(r);
}

/* All in one transaction; when that fails one by one, so that one cannot stop the others. */
static cr_status run_round(struct round *r, struct cr_err *err)
{
    struct store *store = smsr_store(r->sms->o.sr);
    struct cr_err why;
    r->first = 0;
    r->last = r->count;
    if (store_run(store, look_at_some, r, &why) == CR_OK) {
        post(r);
        return CR_OK;
    }
    for (size_t i = 0; i < r->count; i++) {
        forget(r);
        r->first = i;
        r->last = i + 1;
        if (store_run(store, look_at_some, r, &why) == CR_OK) {
            post(r);
            continue;
        }
        forget(r);
        cr_log(env_of(r->sms), CR_LOG_ERROR, "script %lld: %s", (long long)r->due[i].id, why.cause);
        CR_TRY(store_run(store, rest, r, err));
    }
    return CR_OK;
}

cr_status smsr_sms_run(struct smsr_sms *sms, int64_t *next_ms, struct cr_err *err)
{
    struct round r = {.sms = sms};
    cr_status status = store_read(smsr_store(sms->o.sr), find_due, &r, err);
    *next_ms = r.next_ms;
    if (status == CR_OK && r.count) {
        *next_ms = cr_now_ms(env_of(sms)); /* there may be others */
        status = run_round(&r, err);
        m2m_poke(smsr_messenger(sms->o.sr));
    }
    cr_arena_free(&r.arena);
    return status;
}

/* ---- what comes back ---------------------------------------------------------------------------
 */

struct arrival {
    struct smsr_sms *sms;
    cr_arena arena;
    char from[SMSR_NUMBER + 1];
    uint8_t kind; /* of the packet: SMS_IEI_... */
    cr_buf packet;
    bool taken;
    void (*answered)(void *ctx, uint32_t status); /* NULL = somebody waits */
    void *ctx;
};

static cr_status on_answer(struct smsr_carrier *c, const struct ota_response *response,
                           struct cr_err *err)
{
    bool ended;
    if (response->status == OTA_STATUS_OK) {
        smsr_air_heard(&c->air, false, c->now_ms);
        if (c->s.attempts == 1) { /* of a repetition nobody knows which copy was answered */
            c->air.trip_ms = c->now_ms - (c->s.next_ms - c->config->repeat_ms);
        }
    }
    return smsr_carrier_proved(c, response, &ended, err);
}

/* Is the answer one to the push SMS that went out last? */
static cr_status refused_push(struct smsr_carrier *c, cr_span answer, cr_buf *scratch,
                              struct ota_response *response, struct cr_err *err)
{
    struct smsr_script push = c->s;
    if (c->s.left) {
        CR_TRY(smsr_carrier_load(c, err));
        CR_TRY(seal_call_back(c, c->s.attempts - 1, &push.packet, &push.counter, err));
        push.left = false;
    }
    return smsr_packet_answer(c->sr, c->tx, &push, answer, scratch, response, err);
}

/* The eUICC does not take a push SMS: another will not help. One that it was called back with it
 * refuses because it has executed the script, which has a higher counter. */
static cr_status on_refused_push(struct smsr_carrier *c, const struct ota_response *response,
                                 struct cr_err *err)
{
    cr_log(smsr_env(c->sr), CR_LOG_WARNING, "a push SMS was refused: %s",
           ota_status_name(response->status));
    if (c->s.left) {
        return smsr_carrier_end(
            c, SMSR_EV_UNANSWERED, (cr_span){0},
            "the eUICC executed a script, and its link broke before it answered", err);
    }
    c->s.attempts = c->config->tries;
    return written(c, c->now_ms, err);
}

static cr_status match(struct arrival *a, struct store_tx *tx, cr_span eid, struct cr_err *err)
{
    struct smsr_carrier c;
    struct ota_response response;
    struct cr_err why = {0};
    cr_buf scratch = {.secret = true};
    bool found;
    load_carrier(a->sms, tx, &a->arena, &c);
    CR_TRY(smsr_script_current(tx, eid, &a->arena, &c.s, &found, err));
    const bool pushed = found && c.s.channel == SMSR_CATTP && (!c.s.left || c.s.attempts > 1);
    if (!found || !c.s.packet.p || !(pushed || (c.s.left && c.s.channel == SMSR_SMS))) {
        return CR_OK;
    }
    cr_status status = pushed ? refused_push(&c, cr_buf_span(&a->packet), &scratch, &response, &why)
                              : smsr_packet_answer(c.sr, tx, &c.s, cr_buf_span(&a->packet),
                                                   &scratch, &response, &why);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        cr_buf_free(&scratch);
        return CR_OK; /* not of this one */
    }
    if (status != CR_OK && err) {
        *err = why;
    }
    if (status == CR_OK) {
        a->taken = true;
        status = smsr_carrier_load(&c, err);
    }
    if (status == CR_OK) {
        status = pushed ? on_refused_push(&c, &response, err) : on_answer(&c, &response, err);
    }
    cr_buf_free(&scratch);
    return status;
}

static cr_status take_answer(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct arrival *a = ctx;
    uint8_t eids[SMSR_NEIGHBOURS][SOAP_EID_SIZE];
    size_t count;
    a->taken = false; /* it may be run again */
    CR_TRY(smsr_air_at(tx, a->from, eids, &count, err));
    for (size_t i = 0; i < count && !a->taken; i++) {
        CR_TRY(match(a, tx, CR_SPAN_ARRAY(eids[i]), err));
    }
    return CR_OK;
}

static cr_status take_notification(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct arrival *a = ctx;
    struct smsr_notification n;
    cr_buf scratch = {.secret = true};
    bool confirm;
    cr_status status =
        smsr_packet_notification(a->sms->o.sr, tx, cr_buf_span(&a->packet), &scratch, &n, err);
    if (status == CR_OK) {
        a->taken = true;
        n.from = a->from;
        n.received_ms = cr_now_ms(env_of(a->sms));
        status = smsr_procedure_notified(a->sms->o.sr, tx, &n, &confirm, err);
    }
    cr_buf_free(&scratch);
    return status;
}

static cr_status assemble(struct smsr_sms *sms, const struct smpp_message *m, cr_buf *whole,
                          uint8_t *packet, enum sms_assembly *result, struct cr_err *err)
{
    struct sms_address from = {.ton_npi = SMS_TON_NPI_INTERNATIONAL};
    (void)cr_str_copy(from.text, sizeof from.text, cr_span_str(m->from));
    (void)pthread_mutex_lock(&sms->lock);
    cr_status status = sms_assembler_add(sms->assembler, &from, (m->esm_class & SMPP_UDHI) != 0,
                                         cr_span_of(m->text, m->text_size), cr_now_ms(env_of(sms)),
                                         result, packet, whole, err);
    (void)pthread_mutex_unlock(&sms->lock);
    return status;
}

/* *work NULL: nothing is to be done yet. */
static cr_status begin(struct arrival *a, const struct smpp_message *m, store_work *work,
                       struct cr_err *err)
{
    enum sms_assembly result = SMS_DROPPED;
    *work = NULL;
    if (m->text_size > sizeof m->text || !smsr_air_number(m->from, a->from)) {
        return cr_fail(err, CR_MALFORMED, NULL, "a message whose sender is no number");
    }
    CR_TRY(assemble(a->sms, m, &a->packet, &a->kind, &result, err));
    if (result != SMS_ASSEMBLED) {
        return CR_OK;
    }
    *work = a->kind == SMS_IEI_RESPONSE_PACKET  ? take_answer
            : a->kind == SMS_IEI_COMMAND_PACKET ? take_notification
                                                : NULL;
    return *work ? CR_OK
                 : cr_fail(err, CR_REFUSED, "SGP.02 2.4.3", "a message without a secured packet");
}

/* What the SMSC is answered. worked: the work was run. */
static uint32_t end(struct arrival *a, bool worked, cr_status status, const struct cr_err *why)
{
    const cr_env *env = env_of(a->sms);
    if (worked && status == CR_OK) {
        m2m_poke(smsr_messenger(a->sms->o.sr));
        if (!a->taken && a->kind == SMS_IEI_RESPONSE_PACKET) {
            cr_log(env, CR_LOG_INFO,
                   "dropped: a proof of receipt that answers nothing that was sent");
        }
    } else if (status == CR_REFUSED || status == CR_MALFORMED) {
        cr_log(env, CR_LOG_INFO, "dropped: %s", why->cause);
    } else if (status != CR_OK) {
        cr_log(env, CR_LOG_ERROR, "a message could not be taken: %s", why->cause);
    }
    cr_buf_free(&a->packet);
    cr_arena_free(&a->arena);
    return status == CR_OK || status == CR_REFUSED || status == CR_MALFORMED ? SMPP_OK
                                                                             : SMPP_SYSTEM;
}

uint32_t smsr_sms_received(struct smsr_sms *sms, const struct smpp_message *m)
{
    struct arrival a = {.sms = sms};
    struct cr_err err = {0};
    store_work work = NULL;
    cr_status status = begin(&a, m, &work, &err);
    if (status == CR_OK && work) {
        status = store_run(smsr_store(sms->o.sr), work, &a, &err);
    }
    return end(&a, work != NULL, status, &err);
}

static void arrival_done(void *ctx, cr_status status, const struct cr_err *why)
{
    struct arrival *a = ctx;
    void (*answered)(void *ctx, uint32_t status) = a->answered;
    void *answered_ctx = a->ctx;
    const uint32_t answer = end(a, true, status, why);
    free(a);
    answered(answered_ctx, answer);
}

void smsr_sms_arrived(struct smsr_sms *sms, const struct smpp_message *m,
                      void (*answered)(void *ctx, uint32_t status), void *ctx)
{
    struct arrival *a = calloc(1, sizeof *a);
    struct cr_err err = {0};
    store_work work = NULL;
    if (!a) {
        answered(ctx, SMPP_SYSTEM);
        return;
    }
    *a = (struct arrival){.sms = sms, .answered = answered, .ctx = ctx};
    cr_status status = begin(a, m, &work, &err);
    if (status == CR_OK && work) {
        status = store_submit(smsr_store(sms->o.sr), work, a, false, arrival_done, a, &err);
        if (status == CR_OK) {
            return;
        }
    }
    const uint32_t answer = end(a, false, status, &err);
    free(a);
    answered(ctx, answer);
}

/* ---- receipts ----------------------------------------------------------------------------------
 */

struct losing {
    struct smsr_sms *sms;
    cr_arena arena;
    uint64_t ref;
    bool lost;
};

static cr_status lose(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct losing *l = ctx;
    struct smsr_script s;
    bool found;
    CR_TRY(smsr_script_get(tx, (int64_t)(l->ref >> ATTEMPT_BITS), &l->arena, &s, &found, err));
    const int64_t now = cr_now_ms(env_of(l->sms));
    /* Another copy is on its way already, or the session or link came all the same. */
    if (!found || ref_of(&s) != l->ref || s.next_ms <= now || (s.channel == SMSR_CATTP && s.left)) {
        return CR_OK;
    }
    l->lost = true;
    s.next_ms = now;
    return smsr_script_sent(tx, &s, err);
}

void smsr_sms_undelivered(struct smsr_sms *sms, uint64_t ref)
{
    struct losing l = {.sms = sms, .ref = ref};
    struct cr_err err;
    if (store_run(smsr_store(sms->o.sr), lose, &l, &err) != CR_OK) {
        cr_log(env_of(sms), CR_LOG_ERROR, "a delivery receipt could not be taken: %s", err.cause);
    } else if (l.lost) {
        m2m_poke(smsr_messenger(sms->o.sr));
    }
    cr_arena_free(&l.arena);
}
