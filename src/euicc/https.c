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
#include "euicc/https.h"

#include "asn1/der.h"
#include "euicc/resolve.h"
#include "net/psk.h"
#include "ota/admin_agent.h"
#include "uicc/bip.h"

#include <stdlib.h>

#define MAX_CONNECTION 255 /* bytes of TLVs for OPEN CHANNEL */

struct m2m_https {
    struct euicc_m2m *m;
    struct ota_agent *agent;
    struct psk_engine *engine;
    unsigned channel; /* 0 = none */
    bool note;        /* it carries the notification under way */
    bool talking;     /* TLS is open and the agent knows */
    bool ending;      /* the channel closes because the session is over */
    bool pausing;     /* a retry waits */
    bool failed;      /* no retry is left: kept for a trigger that asks for it again */
    struct m2m_alarm alarm;
    uint8_t kvn, key_id;
    char identity[PSK_IDENTITY_MAX + 1];
    cr_buf wanted; /* parameters that it was opened with */
    cr_buf connection;
    char name[OTA_DNS_NAME_MAX + 1]; /* asked for when connection has no address; "" = none */
    cr_buf servers;
    size_t attempt; /* which of the addresses comes next */
};

static void obey(struct m2m_https *h, struct ota_agent_step step);

/* ---- the end -----------------------------------------------------------------------------------
 */

static void forget(struct m2m_https *h)
{
    cr_buf_free(&h->wanted);
    cr_buf_free(&h->connection);
    cr_buf_free(&h->servers);
    cr_wipe(h, sizeof *h);
    free(h);
}

static void drop(struct m2m_https *h)
{
    struct euicc_m2m *m = h->m;
    euicc_m2m_alarm_stop(m, &h->alarm);
    if (h->channel) {
        bip_abort(m->e->uicc, h->channel);
    }
    psk_engine_free(h->engine);
    ota_agent_free(h->agent);
    euicc_m2m_resolve_stop(m->resolve);
    forget(h);
    m->https = NULL;
}

void euicc_m2m_https_drop(struct euicc_m2m *m)
{
    if (m->https) {
        m->https->channel = 0; /* it is gone with the session of the toolkit */
        drop(m->https);
    }
}

/* Nothing more is to be said: a switch that waited for it begins, a notification that is not
 * confirmed goes on waiting. */
static void over(struct m2m_https *h)
{
    struct euicc_m2m *m = h->m;
    bool note = h->note;
    drop(h);
    if (note) {
        euicc_m2m_note_sent(m, true);
    }
    euicc_m2m_switch_go(m);
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static enum ota_admin_status execute(void *ctx, const struct ota_aid *target, cr_span script,
                                     cr_buf *out)
{
    struct m2m_https *h = ctx;
    struct euicc_m2m *m = h->m;
    struct gp_object isdr;
    struct cr_err err;
    if (!gp_object_get(&m->reg, m->isdr, &isdr)) {
        return OTA_ADMIN_SECURITY_ERROR;
    }
    cr_span aid = target->n ? cr_span_of(target->value, target->n) : gp_aid_span(&isdr.aid);
    cr_status status = gp_card_script(m->e->gp, aid, m->isdr, h->kvn, script, out, &err);
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

static void on_opened(void *ctx, struct uicc *uicc, unsigned channel,
                      const struct bip_opened *opened)
{
    (void)uicc;
    (void)channel;
    (void)opened;
    flush(ctx);
}

static void on_received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct m2m_https *h = ctx;
    struct euicc_m2m *m = h->m;
    (void)uicc;
    if (h->ending || channel != h->channel) {
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
    while (m->https == h && !h->ending && psk_engine_input(h->engine).n) {
        cr_span clear = psk_engine_input(h->engine);
        size_t n = clear.n;
        struct ota_agent_step step = ota_agent_received(h->agent, clear);
        if (psk_engine_used(h->engine, n, NULL) != CR_OK) {
            step = ota_agent_lost(h->agent);
        }
        obey(h, step);
    }
    if (m->https == h && !h->ending && psk_engine_state(h->engine) == PSK_ENDED) {
        lost(h);
    }
}

static void on_writable(void *ctx, struct uicc *uicc, unsigned channel)
{
    struct m2m_https *h = ctx;
    (void)uicc;
    (void)channel;
    if (h->talking && !h->ending && !speak(h)) {
        lost(h);
        return;
    }
    flush(h);
}

static void on_closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct euicc_m2m *m = ctx;
    struct m2m_https *h = m->https;
    (void)uicc;
    if (!h || h->channel != channel) {
        return; /* one that was given up */
    }
    h->channel = 0;
    if (why->end == BIP_RESET || why->end == BIP_ABORTED) {
        bool note = h->note && why->end == BIP_ABORTED;
        drop(h); /* without a transaction: RAM only */
        if (note) {
            euicc_m2m_note_sent(m, false);
        }
    } else if (h->ending) {
        over(h);
    } else {
        lost(h);
    }
}

/* The callbacks of BIP know the machine: the session may be gone when they come. */
static void bip_opened_of(void *ctx, struct uicc *uicc, unsigned channel,
                          const struct bip_opened *opened)
{
    struct euicc_m2m *m = ctx;
    if (m->https && m->https->channel == channel) {
        on_opened(m->https, uicc, channel, opened);
    }
}

static void bip_received_of(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct euicc_m2m *m = ctx;
    if (m->https && m->https->channel == channel) {
        on_received(m->https, uicc, channel, data);
    }
}

static void bip_writable_of(void *ctx, struct uicc *uicc, unsigned channel)
{
    struct euicc_m2m *m = ctx;
    if (m->https && m->https->channel == channel) {
        on_writable(m->https, uicc, channel);
    }
}

/* ---- opening -----------------------------------------------------------------------------------
 */

/* One of those that the name has, the next one at each attempt. */
static cr_span next_address(struct m2m_https *h, uint8_t out[17])
{
    const struct m2m_resolve *r = h->m->resolve;
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
                                .callbacks = {.opened = bip_opened_of,
                                              .received = bip_received_of,
                                              .writable = bip_writable_of,
                                              .closed = on_closed},
                                .ctx = m};
    psk_engine_free(h->engine);
    h->engine = NULL;
    h->talking = false;
    if (!gp_key_get(&m->reg, m->isdr, h->kvn, h->key_id, &key) || key.type != GP_KEY_PSK) {
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
static void resolved(struct euicc_m2m *m, bool found)
{
    struct m2m_https *h = m->https;
    if (h && !(found && open_channel(h))) {
        obey(h, ota_agent_lost(h->agent));
    }
}

/* ---- what the agent says ------------------------------------------------------------------------
 */

static void rings(struct euicc_m2m *m)
{
    struct m2m_https *h = m->https;
    if (h) {
        h->pausing = false;
        if (h->m->switching) {
            over(h);
            return;
        }
        obey(h, ota_agent_expired(h->agent));
    }
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
        if (h->name[0] && !euicc_m2m_resolve_fresh(m->resolve, cr_span_str(h->name))) {
            euicc_m2m_resolve_start(m->resolve, cr_span_str(h->name), cr_buf_span(&h->servers));
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

/* ---- beginning ---------------------------------------------------------------------------------
 */

/* The parameters that are stored (A5), as far as the trigger says nothing. */
static cr_status fill_params(const struct euicc_m2m *m, struct ota_admin_params *params,
                             struct cr_err *err)
{
    struct der_tlv outer;
    struct ota_admin_params stored;
    cr_span data = gp_data_get(&m->reg, m->isdr, 0xA5);
    if (data.p && der_next(&data, DER_DEFINITE, &outer, NULL) == CR_OK &&
        ota_admin_params_read(outer.value, &stored, NULL) == CR_OK) {
        ota_admin_params_fill(params, &stored);
    }
    if (!params->retry.present) {
        params->retry.present = true;
        params->retry.count = M2M_HTTPS_RETRIES;
        params->retry.seconds = M2M_HTTPS_RETRY_SECONDS;
    }
    return params->connection.n && params->connection.n <= MAX_CONNECTION && params->post.host.p &&
                   params->post.uri.p
               ? CR_OK
               : cr_fail(err, CR_REFUSED, "SGP.02 4.1.1.10",
                         "nobody told the chip where the SM-SR is");
}

/* Key 85 names, or the lowest of SCP81. */
static bool choose_key(struct m2m_https *h, const struct ota_admin_params *params)
{
    struct gp_key key;
    struct gp_object isdr;
    struct ota_psk_identity identity;
    bool found = false;
    h->kvn = params->security.present ? params->security.kvn : 0;
    h->key_id = params->security.present ? params->security.key_id : 1;
    for (uint8_t kvn = 0x40; !h->kvn && kvn <= 0x4F; kvn++) {
        h->kvn = gp_key_get(&h->m->reg, h->m->isdr, kvn, 1, &key) ? kvn : 0;
    }
    found = gp_key_get(&h->m->reg, h->m->isdr, h->kvn, h->key_id, &key) && key.type == GP_KEY_PSK &&
            gp_object_get(&h->m->reg, h->m->isdr, &isdr);
    cr_wipe(&key, sizeof key);
    if (!found) {
        return false;
    }
    if (params->security.present && params->security.identity.n) {
        size_t n = params->security.identity.n;
        if (n > PSK_IDENTITY_MAX || memchr(params->security.identity.p, 0, n)) {
            return false;
        }
        memcpy(h->identity, params->security.identity.p, n);
        return true;
    }
    memcpy(identity.eid, h->m->e->config.eid.p, sizeof identity.eid);
    identity.aid.n = isdr.aid.n;
    memcpy(identity.aid.value, isdr.aid.p, isdr.aid.n);
    identity.kvn = h->kvn;
    identity.key_id = h->key_id;
    ota_psk_identity_write(&identity, h->identity);
    return true;
}

static cr_status make_agent(struct m2m_https *h, const struct ota_admin_params *params, cr_span uri,
                            struct cr_err *err)
{
    struct gp_object isdr;
    struct ota_agent_options options = {.agent = params->post.agent,
                                        .host = params->post.host,
                                        .uri = uri,
                                        .retries = params->retry.count,
                                        .retry_seconds = params->retry.seconds,
                                        .execute = execute,
                                        .ctx = h};
    if (!gp_object_get(&h->m->reg, h->m->isdr, &isdr)) {
        return cr_fail(err, CR_INTERNAL, NULL, "no ISD-R");
    }
    memcpy(options.eid, h->m->e->config.eid.p, sizeof options.eid);
    options.aid.n = isdr.aid.n;
    memcpy(options.aid.value, isdr.aid.p, isdr.aid.n);
    return ota_agent_new(&options, &h->agent, err);
}

/* A name to be asked for where the parameters have no address (sheet 10.3). */
static cr_status take_name(struct m2m_https *h, const struct ota_admin_params *params,
                           struct cr_err *err)
{
    struct cat_channel channel;
    CR_TRY(cat_channel_read(params->connection, &channel, err));
    if (channel.address.p) {
        return CR_OK;
    }
    if (!params->dns.present || !params->dns.name.n || params->dns.name.n > OTA_DNS_NAME_MAX ||
        memchr(params->dns.name.p, 0, params->dns.name.n)) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.5", "neither an address nor a name to ask for");
    }
    memcpy(h->name, params->dns.name.p, params->dns.name.n);
    cr_buf_append_span(&h->servers, params->dns.connection);
    return cr_buf_ok(&h->servers) ? CR_OK : cr_fail_memory(err);
}

static void alarm_init(struct m2m_https *h)
{
    h->alarm = (struct m2m_alarm){.m2m = h->m, .rings = rings};
}

/* A trigger for the session that waits to be opened again: it is opened now. */
static bool hurry(struct m2m_https *h, const cr_buf *wanted)
{
    if (!h || !ota_agent_resumes(h->agent) || h->note ||
        !cr_span_equal(cr_buf_span(&h->wanted), cr_buf_span(wanted))) {
        return false;
    }
    euicc_m2m_alarm_stop(h->m, &h->alarm);
    h->pausing = h->failed = false;
    obey(h, ota_agent_called(h->agent));
    return true;
}

/* All parts of a session but the way there, which may fail. */
static cr_status prepare(struct m2m_https *h, const struct ota_admin_params *params, cr_span note,
                         struct cr_err *err)
{
    cr_buf uri = {0};
    cr_buf_append_span(&h->connection, params->connection);
    CR_TRY(take_name(h, params, err));
    if (!choose_key(h, params)) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.4", "the ISD-R has no such key");
    }
    cr_status status = CR_OK;
    if (note.n) {
        status = ota_admin_notification_write(&uri, params->post.uri, note, err);
    } else {
        cr_buf_append_span(&uri, params->post.uri);
    }
    if (status == CR_OK) {
        status = make_agent(h, params, cr_buf_span(&uri), err);
    }
    cr_buf_free(&uri);
    return status;
}

cr_status euicc_m2m_https_open(struct euicc_m2m *m, const struct ota_admin_params *given,
                               cr_span note, struct cr_err *err)
{
    struct ota_admin_params params = *given;
    cr_buf wanted = {0};
    if (m->https && !m->https->pausing && !m->https->failed) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.4", "a session is open");
    }
    CR_TRY(fill_params(m, &params, err));
    if (note.n) {
        params.retry.count = 0; /* what is to be said once more is said by itself */
    }
    cr_status status = ota_admin_params_write(&wanted, &params, err);
    if (status != CR_OK || hurry(m->https, &wanted)) {
        cr_buf_free(&wanted);
        return status;
    }
    struct m2m_https *h = calloc(1, sizeof *h);
    if (!h) {
        cr_buf_free(&wanted);
        return cr_fail_memory(err);
    }
    h->m = m;
    h->wanted = wanted;
    alarm_init(h);
    status = prepare(h, &params, note, err);
    if (status != CR_OK) {
        forget(h);
        return status;
    }
    if (m->https) {
        drop(m->https); /* a retry that waited gives way */
    }
    m->https = h;
    obey(h, ota_agent_start(h->agent));
    if (m->https != h) {
        return cr_fail(err, CR_REFUSED, "SGP.02 2.4.4", "the terminal opens no channel");
    }
    h->note = note.n > 0; /* from here its end is told by euicc_m2m_note_sent() */
    return CR_OK;
}

void euicc_m2m_https_trigger(struct euicc_m2m *m, cr_span tlv)
{
    struct ota_admin_trigger trigger;
    struct cr_err err;
    if (ota_admin_trigger_read(tlv, &trigger, &err) == CR_OK && trigger.session && !m->switching) {
        /* A session that cannot be opened has no way to say so. */
        cr_status status = euicc_m2m_https_open(m, &trigger.params, (cr_span){0}, &err);
        (void)status;
    }
}

bool euicc_m2m_https_note(struct euicc_m2m *m, cr_span note)
{
    const struct ota_admin_params none = {.security = {.present = false}};
    struct cr_err err;
    if ((m->https && m->https->pausing && ota_agent_resumes(m->https->agent)) ||
        !gp_data_get(&m->reg, m->isdr, 0xA5).p ||
        !uicc_toolkit_offers(m->e->uicc, CAT_OPEN_CHANNEL, 0)) {
        return false;
    }
    return euicc_m2m_https_open(m, &none, note, &err) == CR_OK;
}

void euicc_m2m_https_polled(struct euicc_m2m *m)
{
    if (m->https) {
        euicc_m2m_alarm_poll(&m->https->alarm);
    }
    euicc_m2m_alarm_poll(&m->resolve->alarm);
}

cr_status euicc_m2m_https_init(struct euicc_m2m *m, struct cr_err *err)
{
    m->resolve = calloc(1, sizeof *m->resolve);
    if (!m->resolve) {
        return cr_fail_memory(err);
    }
    m->resolve->m = m;
    m->resolve->done = resolved;
    return CR_OK;
}

void euicc_m2m_https_free(struct euicc_m2m *m)
{
    if (m->resolve) {
        cr_buf_free(&m->resolve->connection);
        free(m->resolve);
        m->resolve = NULL;
    }
}
