/*
 * SCP81 (SGP.02 2.4.4, 4.1.1.11): the session that a trigger or a notification opens. The agent
 * (ota/admin_agent.h) says what is next, TLS is an engine of net/psk.h, the channel is BIP; here
 * they are put together, and scripts reach the domains of the card.
 *
 * All of it is RAM. A session whose bytes could not be committed, and one that a reset ends, is
 * over: the server triggers anew. One whose link breaks is not: the agent keeps what was executed,
 * and a trigger for the same session makes it hurry, or tries once more when all retries were in
 * vain.
 */
#include "asn1/der.h"
#include "euicc/https_session.h"
#include "uicc/bip.h"

#include <stdlib.h>

static void obey(struct m2m_https *h, struct ota_agent_step step);

/* ---- the end -----------------------------------------------------------------------------------
 */

bool euicc_m2m_https_alive(const struct euicc_m2m *m, const struct m2m_https *h)
{
    const struct m2m_https *at = m->https;
    while (at && at != h) {
        at = at->next;
    }
    return at != NULL;
}

void euicc_m2m_https_end(struct m2m_https *h)
{
    struct euicc_m2m *m = h->m;
    struct m2m_https **place = &m->https;
    while (*place && *place != h) {
        place = &(*place)->next;
    }
    if (*place) {
        *place = h->next;
    }
    euicc_m2m_alarm_stop(m, &h->alarm);
    if (h->channel) {
        bip_abort(m->e->uicc, h->channel);
    }
    psk_engine_free(h->engine);
    ota_agent_free(h->agent);
    euicc_m2m_resolve_stop(h->resolve);
    cr_buf_free(&h->wanted);
    cr_buf_free(&h->connection);
    cr_buf_free(&h->servers);
    cr_wipe(h, sizeof *h);
    free(h);
}

void euicc_m2m_https_drop(struct euicc_m2m *m)
{
    while (m->https) {
        m->https->channel = 0; /* it is gone with the session of the toolkit */
        euicc_m2m_https_end(m->https);
    }
}

void euicc_m2m_https_leave(struct euicc_m2m *m)
{
    struct gp_object domain;
    struct m2m_https *h = m->https;
    while (h) {
        struct m2m_https *next = h->next;
        if (h->seat && !euicc_m2m_https_registry(h, &domain)) {
            euicc_m2m_https_end(h);
        }
        h = next;
    }
}

/* Nothing more is to be said: a switch that waited for it begins, a notification that is not
 * confirmed goes on waiting. */
static void over(struct m2m_https *h)
{
    struct euicc_m2m *m = h->m;
    bool note = h->note, first = h->seat == 0;
    euicc_m2m_https_end(h);
    if (note) {
        euicc_m2m_note_sent(m, true);
    }
    if (first) {
        euicc_m2m_switch_go(m);
    }
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

const struct gp_registry *euicc_m2m_https_registry(const struct m2m_https *h,
                                                   struct gp_object *domain)
{
    const struct euicc_m2m *m = h->m;
    const struct gp_registry *reg = h->seat ? gp_visible(m->e->gp) : &m->reg;
    struct gp_object isdp;
    bool same = reg && cr_span_equal(cr_span_of(reg->prefix, reg->prefix_size),
                                     cr_span_of(h->home.prefix, h->home.prefix_size));
    bool enabled = same && (!h->seat || euicc_m2m_es6_isdp(m, reg, &isdp));
    return enabled && gp_object_get(reg, h->domain, domain) && !(domain->state & GP_LOCKED) ? reg
                                                                                            : NULL;
}

/* With the rights of the session's domain, and in its registry only. */
enum ota_admin_status euicc_m2m_https_execute(void *ctx, const struct ota_aid *target,
                                              cr_span script, cr_buf *out)
{
    struct m2m_https *h = ctx;
    struct gp_object domain;
    struct cr_err err;
    const struct gp_registry *reg = euicc_m2m_https_registry(h, &domain);
    if (!reg) {
        return OTA_ADMIN_SECURITY_ERROR;
    }
    cr_span aid = target->n ? cr_span_of(target->value, target->n) : gp_aid_span(&domain.aid);
    cr_status status =
        gp_session_script(h->m->e->gp, reg, h->domain, h->kvn, aid, script, out, &err);
    return status == CR_OK        ? OTA_ADMIN_OK
           : status == CR_REFUSED ? OTA_ADMIN_UNKNOWN_APPLICATION
                                  : OTA_ADMIN_SECURITY_ERROR;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

/* What TLS has for the server, as far as the channel takes it. */
static void flush(struct m2m_https *h)
{
    for (;;) {
        cr_span wire = psk_engine_output(h->engine);
        size_t room = bip_room(h->m->e->uicc, h->channel);
        cr_span piece = cr_span_sub(wire, 0, room);
        if (piece.n == 0 || bip_send(h->m->e->uicc, h->channel, piece, NULL) != CR_OK) {
            return;
        }
        psk_engine_sent(h->engine, piece.n);
    }
}

/* What the agent has for the server, as far as TLS takes it. */
static bool speak(struct m2m_https *h)
{
    cr_span clear = ota_agent_output(h->agent);
    while (clear.n) {
        cr_span piece = cr_span_sub(clear, 0, PSK_RECORD_MAX);
        cr_status status = psk_engine_send(h->engine, piece, NULL);
        if (status != CR_OK) {
            return status == CR_RESOURCE; /* the rest when some of it has gone */
        }
        ota_agent_sent(h->agent, piece.n);
        clear = ota_agent_output(h->agent);
    }
    return true;
}

static void lost(struct m2m_https *h)
{
    if (h->m->switching) {
        over(h); /* the answer was given or will not be: a retry is for the next profile */
        return;
    }
    obey(h, ota_agent_lost(h->agent));
}

/* ---- what the channel tells --------------------------------------------------------------------
 * The callbacks of BIP know the machine: the session may be gone when they come.
 */

static struct m2m_https *session_of(const struct euicc_m2m *m, unsigned channel)
{
    struct m2m_https *h = m->https;
    while (h && h->channel != channel) {
        h = h->next;
    }
    return h;
}

static void on_opened(void *ctx, struct uicc *uicc, unsigned channel,
                      const struct bip_opened *opened)
{
    struct m2m_https *h = session_of(ctx, channel);
    (void)uicc;
    (void)opened;
    if (h) {
        flush(h);
    }
}

static void on_received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct euicc_m2m *m = ctx;
    struct m2m_https *h = session_of(m, channel);
    (void)uicc;
    if (!h || h->ending) {
        return;
    }
    cr_status status = psk_engine_feed(h->engine, data, NULL);
    flush(h);
    if (status != CR_OK) {
        lost(h);
        return;
    }
    if (!h->talking && psk_engine_state(h->engine) == PSK_OPEN) {
        h->talking = true;
        obey(h, ota_agent_opened(h->agent));
    }
    /* Where it was may be another by then, on another channel. */
    while (session_of(m, channel) == h && !h->ending && psk_engine_input(h->engine).n) {
        cr_span clear = psk_engine_input(h->engine);
        size_t n = clear.n;
        struct ota_agent_step step = ota_agent_received(h->agent, clear);
        if (psk_engine_used(h->engine, n, NULL) != CR_OK) {
            step = ota_agent_lost(h->agent);
        }
        obey(h, step);
    }
    if (session_of(m, channel) == h && !h->ending && psk_engine_state(h->engine) == PSK_ENDED) {
        lost(h);
    }
}

static void on_writable(void *ctx, struct uicc *uicc, unsigned channel)
{
    struct m2m_https *h = session_of(ctx, channel);
    (void)uicc;
    if (h && h->talking && !h->ending && !speak(h)) {
        lost(h);
    } else if (h) {
        flush(h);
    }
}

static void on_closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct euicc_m2m *m = ctx;
    struct m2m_https *h = session_of(m, channel);
    (void)uicc;
    if (!h) {
        return; /* one that was given up */
    }
    h->channel = 0;
    if (why->end == BIP_RESET || why->end == BIP_ABORTED) {
        bool note = h->note && why->end == BIP_ABORTED;
        euicc_m2m_https_end(h); /* without a transaction: RAM only */
        if (note) {
            euicc_m2m_note_sent(m, false);
        }
    } else if (h->ending) {
        over(h);
    } else {
        lost(h);
    }
}

/* ---- opening -----------------------------------------------------------------------------------
 */

/* One of those that the name has, the next one at each attempt. */
static cr_span next_address(struct m2m_https *h, uint8_t out[17])
{
    const struct m2m_resolve *r = h->resolve;
    if (!h->name[0] || !r->count) {
        return (cr_span){0};
    }
    const struct ota_dns_address *a = &r->addresses[h->attempt++ % r->count];
    out[0] = a->n == 4 ? CAT_ADDRESS_IPV4 : CAT_ADDRESS_IPV6;
    memcpy(out + 1, a->value, a->n);
    return cr_span_of(out, (size_t)1 + a->n);
}

static bool open_channel(struct m2m_https *h)
{
    struct euicc_m2m *m = h->m;
    struct gp_key key;
    struct psk_client_options tls = {.identity = h->identity};
    struct bip_params params = {.qualifier = CAT_OPEN_IMMEDIATE,
                                .callbacks = {.opened = on_opened,
                                              .received = on_received,
                                              .writable = on_writable,
                                              .closed = on_closed},
                                .ctx = m};
    psk_engine_free(h->engine);
    h->engine = NULL;
    h->talking = false;
    if (!gp_key_get(&h->home, h->domain, h->kvn, h->key_id, &key) || key.type != GP_KEY_PSK) {
        cr_wipe(&key, sizeof key);
        return false;
    }
    tls.key = cr_span_of(key.value, key.n);
    bool good = psk_client_new(&tls, &h->engine, NULL) == CR_OK;
    cr_wipe(&key, sizeof key);
    good = good && cat_channel_read(cr_buf_span(&h->connection), &params.channel, NULL) == CR_OK;
    uint8_t address[17];
    if (good && !params.channel.address.p) {
        params.channel.address = next_address(h, address);
    }
    if (good) {
        euicc_m2m_fill_channel(m, 0xA2, &params.channel);
        good = bip_open(m->e->uicc, &params, &h->channel, NULL) == CR_OK;
    }
    if (good) {
        flush(h);
    }
    return good;
}

/* DNS has an answer, or none. */
void euicc_m2m_https_resolved(void *ctx, bool found)
{
    struct m2m_https *h = ctx;
    if (!(found && open_channel(h))) {
        obey(h, ota_agent_lost(h->agent));
    }
}

/* ---- what the agent says ------------------------------------------------------------------------
 */

void euicc_m2m_https_rings(void *ctx)
{
    struct m2m_https *h = ctx;
    h->pausing = false;
    if (h->m->switching) {
        over(h);
        return;
    }
    obey(h, ota_agent_expired(h->agent));
}

static void give_up_channel(struct m2m_https *h)
{
    unsigned channel = h->channel;
    h->channel = 0;
    bip_abort(h->m->e->uicc, channel);
}

static void obey(struct m2m_https *h, struct ota_agent_step step)
{
    struct euicc_m2m *m = h->m;
    switch (step.action) {
    case OTA_AGENT_OPEN:
        if (h->name[0] && !euicc_m2m_resolve_fresh(h->resolve, cr_span_str(h->name))) {
            euicc_m2m_resolve_start(h->resolve, cr_span_str(h->name), cr_buf_span(&h->servers));
        } else if (!open_channel(h)) {
            obey(h, ota_agent_lost(h->agent));
        }
        break;
    case OTA_AGENT_WAIT:
        if (step.seconds) {
            euicc_m2m_alarm_start(m, &h->alarm, step.seconds);
        }
        if (!speak(h)) {
            lost(h);
            break;
        }
        flush(h);
        break;
    case OTA_AGENT_CLOSE:
        h->ending = true;
        euicc_m2m_alarm_stop(m, &h->alarm);
        psk_engine_finish(h->engine);
        flush(h);
        bip_close(m->e->uicc, h->channel);
        break;
    case OTA_AGENT_RETRY:
        give_up_channel(h);
        h->pausing = true;
        euicc_m2m_alarm_start(m, &h->alarm, step.seconds);
        break;
    case OTA_AGENT_FAILED:
    default:
        give_up_channel(h);
        if (h->note || !ota_agent_resumes(h->agent)) {
            over(h);
            break;
        }
        euicc_m2m_alarm_stop(m, &h->alarm);
        psk_engine_free(h->engine);
        h->engine = NULL;
        h->failed = true;
        break;
    }
}

void euicc_m2m_https_start(struct m2m_https *h)
{
    obey(h, ota_agent_start(h->agent));
}

void euicc_m2m_https_hurry(struct m2m_https *h)
{
    euicc_m2m_alarm_stop(h->m, &h->alarm);
    h->pausing = h->failed = false;
    obey(h, ota_agent_called(h->agent));
}

void euicc_m2m_https_polled(struct euicc_m2m *m)
{
    /* Each alarm may end its session, or another one: from the start until none rings. */
    struct m2m_https *h = m->https;
    for (unsigned seat = 0; seat < M2M_SESSIONS; seat++) {
        for (h = m->https; h && h->seat != seat; h = h->next) {
        }
        if (h) {
            euicc_m2m_alarm_poll(&h->alarm);
        }
        euicc_m2m_alarm_poll(&m->resolve[seat].alarm);
    }
}
