#include "euicc/resolve.h"

#include "uicc/bip.h"

#define DNS_PORT 53

/* The n-th address behind the transport; *count = how many there are. */
static cr_span server_of(cr_span tlvs, size_t n, size_t *count)
{
    cr_span found = {0};
    bool behind = false;
    *count = 0;
    while (tlvs.n >= 2 && tlvs.n - 2 >= tlvs.p[1]) {
        uint8_t tag = tlvs.p[0] & 0x7F;
        cr_span value = cr_span_sub(tlvs, 2, tlvs.p[1]);
        behind = behind || tag == CAT_TAG_TRANSPORT;
        if (behind && tag == CAT_TAG_OTHER_ADDRESS) {
            found = (*count)++ == n ? value : found;
        }
        tlvs = cr_span_sub(tlvs, 2 + value.n, tlvs.n);
    }
    return found;
}

static void obey(struct m2m_resolve *r, cr_status status, const struct ota_dns_step *step);

static void give_up_channel(struct m2m_resolve *r)
{
    unsigned channel = r->channel;
    r->channel = 0;
    bip_abort(r->m->e->uicc, channel);
}

void euicc_m2m_resolve_stop(struct m2m_resolve *r)
{
    if (r->busy) {
        r->busy = false;
        euicc_m2m_alarm_stop(r->m, &r->alarm);
        give_up_channel(r);
        cr_buf_free(&r->connection);
    }
}

static void finish(struct m2m_resolve *r, bool found)
{
    euicc_m2m_resolve_stop(r);
    if (found) {
        memcpy(r->addresses, r->resolver.addresses, sizeof r->addresses);
        r->count = r->resolver.count;
        r->until_ms = cr_now_ms(r->m->e->env) + (int64_t)r->resolver.ttl * 1000;
    } else {
        r->name[0] = 0;
    }
    r->done(r->ctx, found);
}

static void expired(struct m2m_resolve *r)
{
    struct ota_dns_step step;
    cr_status status = ota_dns_expired(&r->resolver, &step, NULL);
    obey(r, status, &step);
}

static void on_received(void *ctx, struct uicc *uicc, unsigned channel, cr_span data)
{
    struct m2m_resolve *r = ctx;
    struct ota_dns_step step;
    (void)uicc;
    if (r->busy && channel == r->channel) {
        cr_status status = ota_dns_input(&r->resolver, data, &step, NULL);
        obey(r, status, &step);
    }
}

static void on_closed(void *ctx, struct uicc *uicc, unsigned channel, const struct bip_why *why)
{
    struct m2m_resolve *r = ctx;
    (void)uicc;
    if (!r->busy || channel != r->channel) {
        return;
    }
    r->channel = 0;
    if (why->end == BIP_RESET || why->end == BIP_ABORTED) {
        euicc_m2m_resolve_stop(r);
    } else {
        expired(r); /* as an answer that does not come */
    }
}

static bool open_channel(struct m2m_resolve *r, size_t server)
{
    size_t count;
    struct bip_params params = {.qualifier = CAT_OPEN_IMMEDIATE,
                                .callbacks = {.received = on_received, .closed = on_closed},
                                .ctx = r};
    if (cat_channel_read(cr_buf_span(&r->connection), &params.channel, NULL) != CR_OK) {
        return false;
    }
    params.channel.transport = CAT_TRANSPORT_UDP_CLIENT;
    params.channel.port = params.channel.port ? params.channel.port : DNS_PORT;
    params.channel.local_address = (cr_span){0};
    params.channel.address = server_of(cr_buf_span(&r->connection), server, &count);
    r->server = server;
    return bip_open(r->m->e->uicc, &params, &r->channel, NULL) == CR_OK;
}

static void obey(struct m2m_resolve *r, cr_status status, const struct ota_dns_step *step)
{
    if (status != CR_OK || step->action == OTA_DNS_FAILED) {
        finish(r, false);
    } else if (step->action == OTA_DNS_DONE) {
        finish(r, true);
    } else if (step->action == OTA_DNS_SEND) {
        euicc_m2m_alarm_start(r->m, &r->alarm, step->seconds);
        if (r->channel && r->server != step->server) {
            give_up_channel(r);
        }
        /* What cannot be sent is one of the tries: the timer runs. */
        if (r->channel || open_channel(r, step->server)) {
            cr_status sent = bip_send(r->m->e->uicc, r->channel, step->datagram, NULL);
            (void)sent;
        }
    }
}

static void rings(void *ctx)
{
    struct m2m_resolve *r = ctx;
    if (r->busy) {
        expired(r);
    }
}

void euicc_m2m_resolve_start(struct m2m_resolve *r, cr_span name, cr_span connection)
{
    struct ota_dns_step step;
    size_t servers;
    euicc_m2m_resolve_stop(r);
    r->alarm = (struct m2m_alarm){.ctx = r, .rings = rings};
    r->busy = true;
    r->channel = 0;
    size_t n = name.n < OTA_DNS_NAME_MAX ? name.n : OTA_DNS_NAME_MAX;
    memcpy(r->name, name.p, n);
    r->name[n] = 0;
    cr_buf_append_span(&r->connection, connection);
    (void)server_of(connection, 0, &servers);
    servers = servers < OTA_DNS_SERVERS ? servers : OTA_DNS_SERVERS;
    cr_status status = ota_dns_start(&r->resolver, r->m->e->env, r->name, servers, &step, NULL);
    obey(r, status, &step);
}

void euicc_m2m_resolve_forget(struct m2m_resolve *r)
{
    r->name[0] = 0;
    r->count = 0;
}

bool euicc_m2m_resolve_fresh(const struct m2m_resolve *r, cr_span name)
{
    return r->count && cr_span_equal(cr_span_str(r->name), name) &&
           cr_now_ms(r->m->e->env) < r->until_ms;
}
