#include "smsr/cattp.h"

#include "base/text.h"
#include "ota/cattp.h"
#include "smsr/carrier.h"
#include "smsr/core.h"
#include "smsr/sms.h"

#include <stdlib.h>

#define BUCKETS   4096
#define CLAUSE    "SGP.02 2.4.3"
#define SECOND_MS 1000
#define LATE_MS   ((int64_t)5000) /* behind the time of a script: its link is of no more use */

/* An eUICC that is expected, or has a link. */
struct peer {
    struct smsr_cattp *owner;
    struct peer *next_eid, *next_place; /* in their buckets */
    uint8_t eid[SOAP_EID_SIZE];
    int64_t expected_ms; /* a SYN is taken until then */

    struct cattp_link *link; /* NULL = none */
    struct udp_address at;
    uint16_t port; /* of the link, at its end */
    int64_t heard_ms, worked_ms;
    bool open;
    bool over;      /* the link answers what still comes, no more */
    bool announced; /* more was */
    bool last;      /* a switch was answered: the link ends */

    int64_t script; /* given out; 0 = none */
    int64_t given_ms;
    cr_buf answer; /* to it */
    bool has_answer, lost;
    bool called; /* look for a script */
    bool busy, queued;
    bool rests; /* our own side failed: not before the next tick */
    struct peer *next_work;
};

struct smsr_cattp {
    struct smsr_cattp_options o;
    pthread_mutex_t lock; /* of all that follows, and of the peers */
    struct peer *eids[BUCKETS], *places[BUCKETS];
    struct peer *work, **work_end;
    size_t count, links;
    bool stop;
    int64_t now; /* does not go back */
    int64_t refusing_ms;
    unsigned refused;
};

static const cr_env *env_of(const struct smsr_cattp *c)
{
    return smsr_env(c->o.sr);
}

/* Under the lock. */
static int64_t now_of(struct smsr_cattp *c)
{
    const int64_t now = cr_now_ms(env_of(c));
    c->now = now > c->now ? now : c->now;
    return c->now;
}

/* ---- peers -------------------------------------------------------------------------------------
 */

static uint32_t hash_of(cr_span a, cr_span b)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < a.n; i++) {
        hash = (hash ^ a.p[i]) * 16777619U;
    }
    for (size_t i = 0; i < b.n; i++) {
        hash = (hash ^ b.p[i]) * 16777619U;
    }
    return hash % BUCKETS;
}

static struct peer **by_eid(struct smsr_cattp *c, cr_span eid)
{
    struct peer **place = &c->eids[hash_of(eid, (cr_span){0})];
    while (*place && !cr_span_equal(CR_SPAN_ARRAY((*place)->eid), eid)) {
        place = &(*place)->next_eid;
    }
    return place;
}

static struct peer **by_place(struct smsr_cattp *c, const struct udp_address *at, uint16_t port)
{
    const uint8_t ports[] = {(uint8_t)(at->port >> 8), (uint8_t)at->port, (uint8_t)(port >> 8),
                             (uint8_t)port};
    struct peer **place = &c->places[hash_of(cr_span_of(at->ip, at->size), CR_SPAN_ARRAY(ports))];
    while (*place && !((*place)->port == port && udp_address_equal(&(*place)->at, at))) {
        place = &(*place)->next_place;
    }
    return place;
}

/* Somebody will look at it. */
static void queue(struct peer *p)
{
    struct smsr_cattp *c = p->owner;
    if (p->queued || p->busy || p->rests) {
        return; /* is looked at, or will be, after what is under way */
    }
    p->queued = true;
    p->next_work = NULL;
    *c->work_end = p;
    c->work_end = &p->next_work;
    if (c->o.due) {
        c->o.due(c->o.ctx);
    }
}

static bool has_work(const struct peer *p)
{
    return p->has_answer || p->lost || (p->called && p->open && !p->script);
}

/* What it owed it does not answer any more. */
static void lose(struct peer *p)
{
    p->lost = p->script && !p->has_answer;
    if (p->lost) {
        queue(p);
    }
}

static void drop_link(struct peer *p)
{
    if (p->link) {
        struct peer **place = by_place(p->owner, &p->at, p->port);
        *place = p->next_place;
        cattp_free(p->link);
        p->link = NULL;
        p->open = p->over = p->last = p->announced = false;
        p->owner->links--;
        lose(p);
    }
}

static void peer_free(struct peer *p)
{
    cattp_free(p->link);
    cr_buf_free(&p->answer);
    free(p);
}

/* ---- links -------------------------------------------------------------------------------------
 */

static void say(const struct peer *p, enum cr_log_level level, const char *what)
{
    char eid[2 * SOAP_EID_SIZE + 1], at[UDP_ADDRESS_TEXT];
    cr_log(env_of(p->owner), level, "CAT_TP link of %s, %s: %s",
           cr_hex_into(eid, sizeof eid, CR_SPAN_ARRAY(p->eid)), udp_address_text(&p->at, at), what);
}

static void on_transmit(void *ctx, cr_span datagram)
{
    struct peer *p = ctx;
    p->owner->o.transmit(p->owner->o.ctx, &p->at, datagram);
}

static void on_opened(void *ctx)
{
    struct peer *p = ctx;
    p->open = p->called = true;
    p->worked_ms = p->owner->now;
    say(p, CR_LOG_INFO, "open");
    queue(p);
}

static void on_received(void *ctx, cr_span sdu)
{
    struct peer *p = ctx;
    if (!p->script || p->has_answer || p->lost) {
        say(p, CR_LOG_WARNING, "says something that nobody asked for");
        cattp_close(p->link, p->owner->now);
        return;
    }
    cr_buf_reset(&p->answer);
    p->answer.secret = true;
    cr_buf_append_span(&p->answer, sdu);
    if (!cr_buf_ok(&p->answer)) {
        cr_buf_free(&p->answer);
        cattp_close(p->link, p->owner->now); /* an answer that is not taken is none */
        return;
    }
    p->has_answer = true;
    queue(p);
}

static void on_closed(void *ctx, enum cattp_end end, uint8_t reason)
{
    static const char *const names[] = {
        [CATTP_END_LOCAL] = "ended",
        [CATTP_END_PEER] = "ended by the eUICC",
        [CATTP_END_RETRIES] = "broken: the eUICC does not acknowledge",
        [CATTP_END_IDLE] = "broken: nothing was heard for long",
        [CATTP_END_ILLEGAL] = "broken: the eUICC does not keep to the protocol",
    };
    struct peer *p = ctx;
    (void)reason;
    p->over = true;
    p->open = false;
    say(p, CR_LOG_INFO, names[end]);
    lose(p);
}

static cr_status new_link(struct peer *p, struct cr_err *err)
{
    uint8_t random[2];
    CR_TRY(cr_random(env_of(p->owner), random, sizeof random, err));
    const struct cattp_options options = {.source = p->owner->o.config->cattp_port,
                                          .max_sdu = SMSR_LINK_SDU,
                                          .initial = (uint16_t)(random[0] << 8 | random[1]),
                                          .callbacks = {.transmit = on_transmit,
                                                        .opened = on_opened,
                                                        .received = on_received,
                                                        .closed = on_closed},
                                          .ctx = p};
    CR_TRY(cattp_new(&options, &p->link, err));
    return cattp_listen(p->link, err);
}

/* ---- who comes ---------------------------------------------------------------------------------
 */

static void refuse(struct smsr_cattp *c, const struct udp_address *to, const struct cattp_pdu *pdu,
                   enum cattp_reason reason)
{
    cr_buf rst = {0};
    if (c->now - c->refusing_ms >= SECOND_MS) {
        c->refusing_ms = c->now;
        c->refused = 0;
    }
    if (c->refused < SMSR_REFUSALS && cattp_refuse(&rst, pdu, reason, NULL) == CR_OK && rst.n) {
        c->refused++;
        c->o.transmit(c->o.ctx, to, cr_buf_span(&rst));
    }
    cr_buf_free(&rst);
}

/* NULL: it is not taken. */
static struct peer *who_comes(struct smsr_cattp *c, cr_span identification)
{
    struct peer *p =
        identification.n == SOAP_EID_SIZE && !c->stop ? *by_eid(c, identification) : NULL;
    if (!p || p->expected_ms <= c->now) {
        return NULL;
    }
    return p->link && !p->over && c->now - p->heard_ms < SMSR_LINK_QUIET_MS ? NULL : p;
}

static void take_syn(struct smsr_cattp *c, const struct udp_address *from,
                     const struct cattp_pdu *syn, cr_span datagram)
{
    struct peer *p = who_comes(c, syn->identification);
    struct cr_err err;
    if (!p) {
        refuse(c, from, syn, CATTP_TEMPORARILY_UNABLE);
        return;
    }
    drop_link(p);
    if (new_link(p, &err) != CR_OK) {
        cattp_free(p->link);
        p->link = NULL;
        cr_log(env_of(c), CR_LOG_ERROR, "a CAT_TP link cannot be opened: %s", err.cause);
        refuse(c, from, syn, CATTP_TEMPORARILY_UNABLE);
        return;
    }
    p->at = *from;
    p->port = syn->source;
    p->heard_ms = c->now;
    c->links++;
    struct peer **place = by_place(c, from, syn->source);
    p->next_place = *place;
    *place = p;
    cattp_input(p->link, datagram, c->now);
}

void smsr_cattp_input(struct smsr_cattp *c, const struct udp_address *from, cr_span datagram)
{
    struct cattp_pdu pdu;
    if (cattp_pdu_read(datagram, &pdu, NULL) != CR_OK) {
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    const int64_t now = now_of(c);
    struct peer *p = *by_place(c, from, pdu.source);
    if (pdu.destination != c->o.config->cattp_port) {
        refuse(c, from, &pdu, CATTP_NO_PORT);
    } else if (p) {
        p->heard_ms = now;
        cattp_input(p->link, datagram, now);
    } else if (pdu.flags == CATTP_SYN) {
        take_syn(c, from, &pdu, datagram);
    } else {
        refuse(c, from, &pdu, CATTP_UNEXPECTED_PDU);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static bool expect(struct smsr_cattp *c, cr_span eid)
{
    struct peer **place = by_eid(c, eid);
    struct peer *p = *place;
    if (!p && eid.n == SOAP_EID_SIZE && c->count < SMSR_LINKS) {
        p = calloc(1, sizeof *p);
        if (p) {
            p->owner = c;
            memcpy(p->eid, eid.p, sizeof p->eid);
            *place = p;
            c->count++;
        }
    }
    if (p) {
        p->expected_ms = now_of(c) + SMSR_LINK_EXPECT_MS;
    }
    return p != NULL;
}

void smsr_cattp_expect(struct smsr_cattp *c, cr_span eid)
{
    (void)pthread_mutex_lock(&c->lock);
    if (!expect(c, eid)) {
        cr_log(env_of(c), CR_LOG_WARNING, "too many CAT_TP links are expected");
    }
    (void)pthread_mutex_unlock(&c->lock);
}

bool smsr_cattp_has_link(struct smsr_cattp *c, cr_span eid)
{
    (void)pthread_mutex_lock(&c->lock);
    const struct peer *p = *by_eid(c, eid);
    const bool open = p && p->open && !p->last;
    (void)pthread_mutex_unlock(&c->lock);
    return open;
}

void smsr_cattp_wake(struct smsr_cattp *c, cr_span eid)
{
    (void)pthread_mutex_lock(&c->lock);
    struct peer *p = *by_eid(c, eid);
    if (p && p->open) {
        p->called = true;
        if (!p->script) {
            queue(p);
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
}

size_t smsr_cattp_links(struct smsr_cattp *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const size_t links = c->links;
    (void)pthread_mutex_unlock(&c->lock);
    return links;
}

/* ---- time --------------------------------------------------------------------------------------
 */

static bool is_idle(const struct peer *p, int64_t now)
{
    return !p->script && !p->busy && !p->queued &&
           now - p->worked_ms >= (p->announced ? SMSR_LINK_MORE_MS : SMSR_LINK_END_MS);
}

static void tick_link(struct peer *p, int64_t now)
{
    const int64_t given = smsr_policy_of(p->owner->o.sr)->script_ms + LATE_MS;
    if (now >= cattp_deadline(p->link)) {
        cattp_tick(p->link, now);
    }
    if (p->open && is_idle(p, now)) {
        cattp_close(p->link, now);
    } else if (p->open && p->script && !p->has_answer && now - p->given_ms >= given) {
        say(p, CR_LOG_WARNING, "does not answer");
        cattp_close(p->link, now);
    }
    if (p->over && cattp_deadline(p->link) == INT64_MAX) {
        drop_link(p);
    }
}

void smsr_cattp_tick(struct smsr_cattp *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const int64_t now = now_of(c);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct peer **place = &c->eids[i]; *place;) {
            struct peer *p = *place;
            if (p->link) {
                tick_link(p, now);
            }
            if (p->rests && !p->busy) {
                p->rests = false;
                queue(p);
            }
            if (!p->link && !p->busy && !p->queued && !p->script && p->expected_ms <= now) {
                *place = p->next_eid;
                peer_free(p);
                c->count--;
            } else {
                place = &p->next_eid;
            }
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- works -------------------------------------------------------------------------------------
 */

struct working {
    struct smsr_cattp *c;
    struct peer *p;
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

/* The answer to the script that was given out. What is no answer to it comes from somebody else
 * than the eUICC: it has not got the script then, and nobody knows. */
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
        status = smsr_carrier_end(&c, SMSR_EV_UNANSWERED, (cr_span){0},
                                  "what came back on the CAT_TP link is not from the eUICC", err);
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
    return smsr_carrier_end(&c, SMSR_EV_UNANSWERED, (cr_span){0},
                            "the CAT_TP link broke before the eUICC answered", err);
}

static cr_status fits(struct smsr_carrier *c, bool *out, struct cr_err *err)
{
    struct smsr_reach reach;
    struct cr_err why;
    enum smsr_channel channel;
    const char *reason;
    *out = !c->s.left && !(c->s.deadline_ms && c->now_ms >= c->s.deadline_ms);
    if (!*out || c->s.channel == SMSR_CATTP) {
        return CR_OK; /* the link was opened for it */
    }
    CR_TRY(smsr_carrier_reach(c, SMSR_CATTP, false, &reach, err));
    *out = smsr_channel_choose(&reach, &channel, &reason, &why) == CR_OK && channel == SMSR_CATTP;
    return CR_OK;
}

static cr_status seal(struct working *w, struct smsr_carrier *c, struct cr_err *err)
{
    const struct smsr_sealing what = {
        .euicc = &c->e, .target = c->s.target, .por = OTA_SPI2_POR_ALWAYS, .on_link = true};
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
    cr_status status = seal(w, &c, &why);
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
        return smsr_carrier_end(&c, SMSR_EV_UNREACHABLE, (cr_span){0},
                                "the commands are longer than what the eUICC takes over CAT_TP",
                                err);
    }
    c.s.left = true;
    c.s.channel = SMSR_CATTP;
    c.s.attempts = 1;
    c.s.next_ms = c.now_ms + smsr_policy_of(c.sr)->script_ms;
    c.s.packet = cr_buf_span(&w->packet);
    w->given = c.s;
    w->found = true;
    CR_TRY(smsr_air_put(tx, &c.air, err));
    return smsr_script_sent(tx, &c.s, err);
}

/* ---- doing them --------------------------------------------------------------------------------
 */

static void done(struct smsr_cattp *c, struct peer *p)
{
    p->script = 0;
    p->lost = p->has_answer = false;
    cr_buf_free(&p->answer);
    p->worked_ms = now_of(c);
    p->called = true; /* the next one may be there */
}

static cr_status do_answer(struct working *w, struct cr_err *err)
{
    struct smsr_cattp *c = w->c;
    struct peer *p = w->p;
    CR_TRY(store_run(smsr_store(c->o.sr), take_answer, w, err));
    (void)pthread_mutex_lock(&c->lock);
    if (w->ended) {
        done(c, p);
    } else {
        p->has_answer = false;
    }
    if (w->forged) {
        say(p, CR_LOG_WARNING, "its answer is not from the eUICC");
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
    struct peer *p = w->p;
    cr_status status = store_run(smsr_store(c->o.sr), take_work, w, err);
    (void)pthread_mutex_lock(&c->lock);
    if (status == CR_OK && w->found) {
        p->script = w->given.id;
        p->given_ms = p->worked_ms = now_of(c);
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

bool smsr_cattp_work(struct smsr_cattp *c)
{
    struct working w = {.c = c, .packet = {.secret = true}, .arena = {.secret = true}};
    struct cr_err err = {0};
    (void)pthread_mutex_lock(&c->lock);
    struct peer *p = c->work;
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
        queue(p);
    }
    (void)pthread_mutex_unlock(&c->lock);
    cr_buf_free(&w.packet);
    cr_arena_free(&w.arena);
    return true;
}

/* ---- the object --------------------------------------------------------------------------------
 */

void smsr_cattp_stop(struct smsr_cattp *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    const int64_t now = now_of(c);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct peer *p = c->eids[i]; p; p = p->next_eid) {
            if (p->link && !p->over) {
                cattp_close(p->link, now);
            }
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static cr_status take_pushed(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    (void)expect(ctx, store_bytes(row, 0));
    return CR_OK;
}

static cr_status find_pushed(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    return store_exec(
        tx, "SELECT DISTINCT eid FROM script WHERE channel = ? AND has_left = 0 AND attempts > 0",
        STORE_VALUES(STORE_I(SMSR_CATTP)), take_pushed, ctx, NULL, err);
}

cr_status smsr_cattp_new(const struct smsr_cattp_options *options, struct smsr_cattp **out,
                         struct cr_err *err)
{
    struct smsr_cattp *c = calloc(1, sizeof *c);
    if (!c) {
        return cr_fail_memory(err);
    }
    c->o = *options;
    c->work_end = &c->work;
    (void)pthread_mutex_init(&c->lock, NULL);
    cr_status status = store_read(smsr_store(c->o.sr), find_pushed, c, err);
    if (status != CR_OK) {
        smsr_cattp_free(c);
        return status;
    }
    *out = c;
    return CR_OK;
}

void smsr_cattp_free(struct smsr_cattp *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (c->eids[i]) {
            struct peer *next = c->eids[i]->next_eid;
            peer_free(c->eids[i]);
            c->eids[i] = next;
        }
    }
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
