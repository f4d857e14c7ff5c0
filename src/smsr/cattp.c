#include "base/text.h"
#include "smsr/cattp_internal.h"
#include "smsr/sms.h"

#include <stdlib.h>

#define SECOND_MS 1000

static const cr_env *env_of(const struct smsr_cattp *c)
{
    return smsr_env(c->o.sr);
}

int64_t smsr_cattp_now(struct smsr_cattp *c)
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
    return hash % CATTP_BUCKETS;
}

static struct smsr_peer **by_eid(struct smsr_cattp *c, cr_span eid)
{
    struct smsr_peer **place = &c->eids[hash_of(eid, (cr_span){0})];
    while (*place && !cr_span_equal(CR_SPAN_ARRAY((*place)->eid), eid)) {
        place = &(*place)->next_eid;
    }
    return place;
}

static struct smsr_peer **by_place(struct smsr_cattp *c, const struct udp_address *at,
                                   uint16_t port)
{
    const uint8_t ports[] = {(uint8_t)(at->port >> 8), (uint8_t)at->port, (uint8_t)(port >> 8),
                             (uint8_t)port};
    struct smsr_peer **place =
        &c->places[hash_of(cr_span_of(at->ip, at->size), CR_SPAN_ARRAY(ports))];
    while (*place && !((*place)->port == port && udp_address_equal(&(*place)->at, at))) {
        place = &(*place)->next_place;
    }
    return place;
}

void smsr_cattp_queue(struct smsr_peer *p)
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

/* What it owed it does not answer any more. */
static void lose(struct smsr_peer *p)
{
    p->lost = p->script && !p->has_answer;
    if (p->lost) {
        smsr_cattp_queue(p);
    }
}

static void drop_link(struct smsr_peer *p)
{
    if (p->link) {
        struct smsr_peer **place = by_place(p->owner, &p->at, p->port);
        *place = p->next_place;
        cattp_free(p->link);
        p->link = NULL;
        p->open = p->over = p->last = p->announced = false;
        p->owner->links--;
        lose(p);
    }
}

static void peer_free(struct smsr_peer *p)
{
    cattp_free(p->link);
    cr_buf_free(&p->answer);
    free(p);
}

/* ---- links -------------------------------------------------------------------------------------
 */

void smsr_cattp_say(const struct smsr_peer *p, enum cr_log_level level, const char *what)
{
    char eid[2 * SOAP_EID_SIZE + 1], at[UDP_ADDRESS_TEXT];
    cr_log(env_of(p->owner), level, "CAT_TP link of %s, %s: %s",
           cr_hex_into(eid, sizeof eid, CR_SPAN_ARRAY(p->eid)), udp_address_text(&p->at, at), what);
}

static void on_transmit(void *ctx, cr_span datagram)
{
    struct smsr_peer *p = ctx;
    p->owner->o.transmit(p->owner->o.ctx, &p->at, datagram);
}

static void on_opened(void *ctx)
{
    struct smsr_peer *p = ctx;
    p->open = p->called = true;
    p->worked_ms = p->owner->now;
    smsr_cattp_say(p, CR_LOG_INFO, "open");
    smsr_cattp_queue(p);
}

static void on_received(void *ctx, cr_span sdu)
{
    struct smsr_peer *p = ctx;
    if (!p->script || p->has_answer || p->lost) {
        smsr_cattp_say(p, CR_LOG_WARNING, "says something that nobody asked for");
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
    smsr_cattp_queue(p);
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
    struct smsr_peer *p = ctx;
    (void)reason;
    p->over = true;
    p->open = false;
    smsr_cattp_say(p, CR_LOG_INFO, names[end]);
    lose(p);
}

static cr_status new_link(struct smsr_peer *p, struct cr_err *err)
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
static struct smsr_peer *who_comes(struct smsr_cattp *c, cr_span identification)
{
    struct smsr_peer *p =
        identification.n == SOAP_EID_SIZE && !c->stop ? *by_eid(c, identification) : NULL;
    if (!p || p->expected_ms <= c->now) {
        return NULL;
    }
    return p->link && !p->over && c->now - p->heard_ms < SMSR_LINK_QUIET_MS ? NULL : p;
}

static void take_syn(struct smsr_cattp *c, const struct udp_address *from,
                     const struct cattp_pdu *syn, cr_span datagram)
{
    struct smsr_peer *p = who_comes(c, syn->identification);
    struct cr_err err;
    if (!p) {
        refuse(c, from, syn, CATTP_TEMPORARILY_UNABLE);
        return;
    }
    drop_link(p);
    if (*by_place(c, from, syn->source)) { /* one that is over, of another eUICC */
        drop_link(*by_place(c, from, syn->source));
    }
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
    struct smsr_peer **place = by_place(c, from, syn->source);
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
    const int64_t now = smsr_cattp_now(c);
    struct smsr_peer *p = *by_place(c, from, pdu.source);
    if (pdu.destination != c->o.config->cattp_port) {
        refuse(c, from, &pdu, CATTP_NO_PORT);
    } else if (p && !(p->over && pdu.flags == CATTP_SYN)) {
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
    struct smsr_peer **place = by_eid(c, eid);
    struct smsr_peer *p = *place;
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
        p->expected_ms = smsr_cattp_now(c) + SMSR_LINK_EXPECT_MS;
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
    const struct smsr_peer *p = *by_eid(c, eid);
    const bool open = p && p->open && !p->last;
    (void)pthread_mutex_unlock(&c->lock);
    return open;
}

void smsr_cattp_wake(struct smsr_cattp *c, cr_span eid)
{
    (void)pthread_mutex_lock(&c->lock);
    struct smsr_peer *p = *by_eid(c, eid);
    if (p && p->open) {
        p->called = true;
        if (!p->script) {
            smsr_cattp_queue(p);
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

static bool is_idle(const struct smsr_peer *p, int64_t now)
{
    return !p->script && !p->busy && !p->queued &&
           now - p->worked_ms >= (p->announced ? SMSR_LINK_MORE_MS : SMSR_LINK_END_MS);
}

static void tick_link(struct smsr_peer *p, int64_t now)
{
    const int64_t given = smsr_policy_of(p->owner->o.sr)->script_ms;
    if (now >= cattp_deadline(p->link)) {
        cattp_tick(p->link, now);
    }
    if (p->open && is_idle(p, now)) {
        cattp_close(p->link, now);
    } else if (p->open && p->script && !p->has_answer && now - p->given_ms >= given) {
        smsr_cattp_say(p, CR_LOG_WARNING, "does not answer");
        cattp_close(p->link, now);
    }
    if (p->over && cattp_deadline(p->link) == INT64_MAX) {
        drop_link(p);
    }
}

void smsr_cattp_tick(struct smsr_cattp *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const int64_t now = smsr_cattp_now(c);
    for (size_t i = 0; i < CATTP_BUCKETS; i++) {
        for (struct smsr_peer **place = &c->eids[i]; *place;) {
            struct smsr_peer *p = *place;
            if (p->link) {
                tick_link(p, now);
            }
            if (p->rests && !p->busy) {
                p->rests = false;
                smsr_cattp_queue(p);
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

/* ---- the object --------------------------------------------------------------------------------
 */

void smsr_cattp_stop(struct smsr_cattp *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    const int64_t now = smsr_cattp_now(c);
    for (size_t i = 0; i < CATTP_BUCKETS; i++) {
        for (struct smsr_peer *p = c->eids[i]; p; p = p->next_eid) {
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
    return store_exec(tx,
                      "SELECT DISTINCT eid FROM script WHERE channel = ? AND attempts > has_left",
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
    for (size_t i = 0; i < CATTP_BUCKETS; i++) {
        while (c->eids[i]) {
            struct smsr_peer *next = c->eids[i]->next_eid;
            peer_free(c->eids[i]);
            c->eids[i] = next;
        }
    }
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
