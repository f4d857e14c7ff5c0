/*
 * What links of CAT_TP ask of the database: the next script for one, its answer, its loss.
 */
#include "smsr/carrier.h"
#include "smsr/cattp_internal.h"

static const cr_env *env_of(const struct smsr_cattp *c)
{
    return smsr_env(c->o.sr);
}

/* ---- works -------------------------------------------------------------------------------------
 */

struct working {
    struct smsr_cattp *c;
    struct smsr_peer *p;
    size_t room; /* the largest SDU of the peer */
    cr_arena arena;
    /* An answer. */
    bool found, ended, forged;
    /* A script. */
    cr_buf packet;
    struct smsr_script given;
};

static void carry(struct working *w, struct store_tx *tx, struct smsr_carrier *c)
{
    *c = (struct smsr_carrier){.sr = w->c->o.sr,
                               .config = w->c->o.config,
                               .tx = tx,
                               .arena = &w->arena,
                               .now_ms = cr_now_ms(env_of(w->c))};
}

/* The link is gone, or was never the eUICC's: it is called back, as far as that may be. */
static cr_status lose(struct smsr_carrier *c, const char *why, struct cr_err *err)
{
    if (c->s.is_switch || c->s.attempts > SMSR_CALL_BACKS) {
        return smsr_carrier_end(c, SMSR_EV_UNANSWERED, (cr_span){0}, why, err);
    }
    c->s.next_ms = c->now_ms;
    return smsr_script_sent(c->tx, &c->s, err);
}

/* The answer to the script that was given out. What is no answer to it comes from somebody else
 * than the eUICC. */
static cr_status take_answer(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct working *w = ctx;
    struct smsr_carrier c;
    struct ota_response response;
    struct cr_err why = {0};
    cr_buf scratch = {.secret = true};
    carry(w, tx, &c);
    w->ended = true;
    w->forged = false;
    CR_TRY(smsr_script_get(tx, w->p->script, &w->arena, &c.s, &w->found, err));
    if (!w->found) {
        return CR_OK; /* its time was over */
    }
    CR_TRY(smsr_carrier_load(&c, err));
    cr_status status =
        smsr_packet_answer(c.sr, tx, &c.s, cr_buf_span(&w->p->answer), &scratch, &response, &why);
    if (status == CR_REFUSED || status == CR_MALFORMED) {
        w->forged = true;
        status = lose(&c, "what came back on the CAT_TP link is not from the eUICC", err);
    } else if (status == CR_OK) {
        status = smsr_carrier_proved(&c, &response, &w->ended, err);
    } else if (err) {
        *err = why;
    }
    cr_buf_free(&scratch);
    return status;
}

static cr_status lose_script(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct working *w = ctx;
    struct smsr_carrier c;
    bool found;
    carry(w, tx, &c);
    CR_TRY(smsr_script_get(tx, w->p->script, &w->arena, &c.s, &found, err));
    if (!found) {
        return CR_OK;
    }
    CR_TRY(smsr_carrier_load(&c, err));
    return lose(&c, "the CAT_TP link broke before the eUICC answered", err);
}

static cr_status fits(struct smsr_carrier *c, bool *out, struct cr_err *err)
{
    struct smsr_reach reach;
    struct cr_err why;
    enum smsr_channel channel;
    const char *reason;
    *out = !(c->s.deadline_ms && c->now_ms >= c->s.deadline_ms) &&
           (!c->s.left || (c->s.channel == SMSR_CATTP && c->s.packet.p));
    if (!*out || c->s.channel == SMSR_CATTP) {
        return CR_OK; /* the link was opened for it */
    }
    CR_TRY(smsr_carrier_reach(c, SMSR_CATTP, false, &reach, err));
    *out = smsr_channel_choose(&reach, &channel, &reason, &why) == CR_OK && channel == SMSR_CATTP;
    return CR_OK;
}

/* The same octets once more: an eUICC that has executed them refuses the counter. */
static cr_status repeat(struct working *w, const struct smsr_carrier *c, struct cr_err *err)
{
    cr_buf_append_span(&w->packet, c->s.packet);
    return cr_buf_ok(&w->packet) ? CR_OK : cr_fail_memory(err);
}

static cr_status seal(struct working *w, struct smsr_carrier *c, struct cr_err *err)
{
    const struct smsr_sealing what = {.euicc = &c->e,
                                      .target = c->s.target,
                                      .por = OTA_SPI2_POR_ALWAYS,
                                      .on_link = true,
                                      .keep = SMSR_CALL_BACKS};
    cr_buf script = {.secret = true};
    cr_status status = smsr_carrier_write(c, OTA_FORM_DEFINITE, &script, err);
    if (status == CR_OK) {
        status = smsr_packet_seal(c->sr, c->tx, &what, cr_buf_span(&script), &w->packet,
                                  &c->s.keyset, &c->s.counter, err);
    }
    cr_buf_free(&script);
    return status;
}

/* The script whose turn it is: its packet and counter are committed before it leaves. */
static cr_status take_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct working *w = ctx;
    struct smsr_carrier c;
    struct cr_err why = {0};
    bool found;
    w->found = false;
    cr_buf_reset(&w->packet);
    carry(w, tx, &c);
    CR_TRY(smsr_script_current(tx, CR_SPAN_ARRAY(w->p->eid), &w->arena, &c.s, &found, err));
    if (!found) {
        return CR_OK;
    }
    CR_TRY(smsr_carrier_load(&c, err));
    CR_TRY(fits(&c, &found, err));
    if (!found) {
        return CR_OK;
    }
    const bool again = c.s.left;
    cr_status status = again ? repeat(w, &c, &why) : seal(w, &c, &why);
    if (status == CR_MALFORMED || status == CR_REFUSED) {
        CR_TRY(smsr_air_get(tx, c.s.eid, &c.air, err));
        return smsr_carrier_end(&c, SMSR_EV_UNREACHABLE, (cr_span){0}, why.cause, err);
    }
    if (status != CR_OK) {
        if (err) {
            *err = why;
        }
        return status;
    }
    if (w->packet.n > w->room) {
        CR_TRY(smsr_air_get(tx, c.s.eid, &c.air, err));
        return smsr_carrier_end(&c, again ? SMSR_EV_UNANSWERED : SMSR_EV_UNREACHABLE, (cr_span){0},
                                "the commands are longer than what the eUICC takes over CAT_TP",
                                err);
    }
    c.s.left = true;
    c.s.channel = SMSR_CATTP;
    c.s.attempts = again ? c.s.attempts : 1;
    c.s.next_ms = c.now_ms + smsr_policy_of(c.sr)->script_ms + CATTP_LATE_MS;
    c.s.packet = cr_buf_span(&w->packet);
    w->given = c.s;
    w->found = true;
    CR_TRY(smsr_air_put(tx, &c.air, err));
    return smsr_script_sent(tx, &c.s, err);
}

/* ---- doing them --------------------------------------------------------------------------------
 */

static void done(struct smsr_cattp *c, struct smsr_peer *p)
{
    p->script = 0;
    p->lost = p->has_answer = false;
    cr_buf_free(&p->answer);
    p->worked_ms = smsr_cattp_now(c);
    p->called = true; /* the next one may be there */
}

static cr_status do_answer(struct working *w, struct cr_err *err)
{
    struct smsr_cattp *c = w->c;
    struct smsr_peer *p = w->p;
    CR_TRY(store_run(smsr_store(c->o.sr), take_answer, w, err));
    (void)pthread_mutex_lock(&c->lock);
    if (w->ended) {
        done(c, p);
    } else {
        p->has_answer = false;
    }
    if (w->forged) {
        smsr_cattp_say(p, CR_LOG_WARNING, "its answer is not from the eUICC");
    }
    if (p->open && w->ended && (w->forged || p->last)) {
        cattp_close(p->link, c->now); /* the eUICC switches when the channel is closed */
    }
    (void)pthread_mutex_unlock(&c->lock);
    m2m_poke(smsr_messenger(c->o.sr));
    return CR_OK;
}

static cr_status do_loss(struct working *w, struct cr_err *err)
{
    struct smsr_cattp *c = w->c;
    CR_TRY(store_run(smsr_store(c->o.sr), lose_script, w, err));
    (void)pthread_mutex_lock(&c->lock);
    done(c, w->p);
    (void)pthread_mutex_unlock(&c->lock);
    m2m_poke(smsr_messenger(c->o.sr));
    return CR_OK;
}

static cr_status do_script(struct working *w, struct cr_err *err)
{
    struct smsr_cattp *c = w->c;
    struct smsr_peer *p = w->p;
    cr_status status = store_run(smsr_store(c->o.sr), take_work, w, err);
    (void)pthread_mutex_lock(&c->lock);
    if (status == CR_OK && w->found) {
        p->script = w->given.id;
        p->given_ms = p->worked_ms = smsr_cattp_now(c);
        p->announced = w->given.more_to_do;
        p->last = w->given.is_switch;
        p->lost = !p->open || cattp_send(p->link, cr_buf_span(&w->packet), c->now, NULL) != CR_OK;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (status == CR_OK && !w->found) {
        m2m_poke(smsr_messenger(c->o.sr)); /* one may have been ended */
    }
    return status;
}

static bool has_work(const struct smsr_peer *p)
{
    return p->has_answer || p->lost || (p->called && p->open && !p->script);
}

bool smsr_cattp_work(struct smsr_cattp *c)
{
    struct working w = {.c = c, .packet = {.secret = true}, .arena = {.secret = true}};
    struct cr_err err = {0};
    (void)pthread_mutex_lock(&c->lock);
    struct smsr_peer *p = c->work;
    if (p) {
        c->work = p->next_work;
        c->work_end = c->work ? c->work_end : &c->work;
        p->queued = false;
        p->busy = true;
    }
    const bool answer = p && p->has_answer;
    const bool loss = p && !answer && p->lost;
    const bool script = p && !answer && !loss && has_work(p) && !c->stop;
    if (script) {
        p->called = false;
        w.room = cattp_peer_sdu(p->link);
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (!p) {
        return false;
    }
    w.p = p;
    cr_status status = answer   ? do_answer(&w, &err)
                       : loss   ? do_loss(&w, &err)
                       : script ? do_script(&w, &err)
                                : CR_OK;
    (void)pthread_mutex_lock(&c->lock);
    p->busy = false;
    if (status != CR_OK) {
        cr_log(env_of(c), CR_LOG_ERROR, "a CAT_TP link: %s", err.cause);
        p->called = true;
        p->rests = true;
    } else if (has_work(p) && !c->stop) {
        smsr_cattp_queue(p);
    }
    (void)pthread_mutex_unlock(&c->lock);
    cr_buf_free(&w.packet);
    cr_arena_free(&w.arena);
    return true;
}
