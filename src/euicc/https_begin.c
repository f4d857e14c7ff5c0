/*
 * How a session of SCP81 begins (SGP.02 2.4.4, 4.1.1.10): parameters, key and identity of the
 * domain's agent.
 */
#include "asn1/der.h"
#include "euicc/https_session.h"
#include "uicc/cat.h"
#include "uicc/toolkit.h"

#include <stdlib.h>

#define MAX_CONNECTION 255 /* bytes of TLVs for OPEN CHANNEL */
#define CLAUSE         "SGP.02 2.4.4"

/* Whom a session is for. */
struct agent_of {
    const struct gp_registry *reg;
    struct gp_object domain;
    bool card; /* the ISD-R */
};

/* Where the domain keeps its parameters: the ISD-R among those of the SM-SR, others as object 85.
 */
static uint32_t stored_tag(const struct agent_of *a)
{
    return a->card ? 0xA5 : 0x85;
}

/* The parameters that are stored, as far as the trigger says nothing. */
static cr_status fill_params(const struct agent_of *a, struct ota_admin_params *params,
                             struct cr_err *err)
{
    struct der_tlv outer;
    struct ota_admin_params stored;
    cr_span data = gp_data_get(a->reg, a->domain.id, stored_tag(a));
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
                         "nobody told the chip where the server is");
}

/* Key 85 names, or the lowest of SCP81. */
static bool choose_key(struct m2m_https *h, const struct agent_of *a,
                       const struct ota_admin_params *params)
{
    struct gp_key key;
    struct ota_psk_identity identity;
    h->kvn = params->security.present ? params->security.kvn : 0;
    h->key_id = params->security.present ? params->security.key_id : 1;
    for (uint8_t kvn = GP_KVN_SCP81_FIRST; !h->kvn && kvn <= GP_KVN_SCP81_LAST; kvn++) {
        h->kvn = gp_key_get(a->reg, h->domain, kvn, 1, &key) ? kvn : 0;
    }
    bool found = h->kvn >= GP_KVN_SCP81_FIRST && h->kvn <= GP_KVN_SCP81_LAST &&
                 gp_key_get(a->reg, h->domain, h->kvn, h->key_id, &key) && key.type == GP_KEY_PSK;
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
    identity.aid.n = a->domain.aid.n;
    memcpy(identity.aid.value, a->domain.aid.p, a->domain.aid.n);
    identity.kvn = h->kvn;
    identity.key_id = h->key_id;
    ota_psk_identity_write(&identity, h->identity);
    return true;
}

static cr_status make_agent(struct m2m_https *h, const struct gp_aid *aid,
                            const struct ota_admin_params *params, cr_span uri, struct cr_err *err)
{
    struct ota_agent_options options = {.agent = params->post.agent,
                                        .host = params->post.host,
                                        .uri = uri,
                                        .retries = params->retry.count,
                                        .retry_seconds = params->retry.seconds,
                                        .execute = euicc_m2m_https_execute,
                                        .ctx = h};
    memcpy(options.eid, h->m->e->config.eid.p, sizeof options.eid);
    options.aid.n = aid->n;
    memcpy(options.aid.value, aid->p, aid->n);
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

/* ---- places ------------------------------------------------------------------------------------
 */

static struct m2m_https *session_of(const struct euicc_m2m *m, const struct agent_of *a)
{
    struct m2m_https *h = m->https;
    while (h && !(h->domain == a->domain.id &&
                  cr_span_equal(cr_span_of(h->home.prefix, h->home.prefix_size),
                                cr_span_of(a->reg->prefix, a->reg->prefix_size)))) {
        h = h->next;
    }
    return h;
}

/* The first place is the ISD-R's: no profile can keep the SM-SR out. */
static bool take_seat(const struct euicc_m2m *m, const struct agent_of *a, unsigned *out)
{
    unsigned seat = a->card ? 0 : 1;
    const struct m2m_https *h = m->https;
    while (h && seat < M2M_SESSIONS) {
        if (h->seat == seat) {
            seat++;
            h = m->https;
        } else {
            h = h->next;
        }
    }
    *out = seat;
    return seat < (a->card ? 1 : M2M_SESSIONS);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static void session_free(struct m2m_https *h)
{
    ota_agent_free(h->agent);
    cr_buf_free(&h->wanted);
    cr_buf_free(&h->connection);
    cr_buf_free(&h->servers);
    cr_wipe(h, sizeof *h);
    free(h);
}

/* All parts of a session but the way there, which may fail. */
static cr_status prepare(struct m2m_https *h, const struct agent_of *a,
                         const struct ota_admin_params *params, cr_span note, struct cr_err *err)
{
    cr_buf uri = {0};
    h->home = *a->reg;
    h->domain = a->domain.id;
    h->alarm = (struct m2m_alarm){.ctx = h, .rings = euicc_m2m_https_rings};
    cr_buf_append_span(&h->connection, params->connection);
    CR_TRY(take_name(h, params, err));
    if (!choose_key(h, a, params)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the security domain has no such key");
    }
    cr_status status = CR_OK;
    if (note.n) {
        status = ota_admin_notification_write(&uri, params->post.uri, note, err);
    } else {
        cr_buf_append_span(&uri, params->post.uri);
    }
    if (status == CR_OK) {
        status = make_agent(h, &a->domain.aid, params, cr_buf_span(&uri), err);
    }
    cr_buf_free(&uri);
    return status;
}

/* A trigger for the session that waits to be opened again: it is opened now. */
static bool hurry(struct m2m_https *h, const cr_buf *wanted)
{
    if (!h || !ota_agent_resumes(h->agent) || h->note ||
        !cr_span_equal(cr_buf_span(&h->wanted), cr_buf_span(wanted))) {
        return false;
    }
    euicc_m2m_https_hurry(h);
    return true;
}

/* One that only waits for a trigger gives up its place. */
static bool clear_place(struct euicc_m2m *m)
{
    struct m2m_https *h = m->https;
    while (h && !(h->seat && h->failed)) {
        h = h->next;
    }
    if (h) {
        euicc_m2m_https_end(h);
    }
    return h != NULL;
}

static cr_status take_place(struct m2m_https *h, const struct agent_of *a, struct cr_err *err)
{
    struct m2m_https *old = session_of(h->m, a);
    if (old) {
        euicc_m2m_https_end(old); /* a retry that waited gives way */
    }
    if (!take_seat(h->m, a, &h->seat) && !(clear_place(h->m) && take_seat(h->m, a, &h->seat))) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "too many sessions are open");
    }
    h->resolve = &h->m->resolve[h->seat];
    h->resolve->ctx = h;
    if (!a->card) {
        euicc_m2m_resolve_forget(h->resolve); /* what another domain's server said */
    }
    h->next = h->m->https;
    h->m->https = h;
    return CR_OK;
}

cr_status euicc_m2m_https_open(struct euicc_m2m *m, const struct gp_registry *reg, uint16_t domain,
                               const struct ota_admin_params *given, cr_span note,
                               struct cr_err *err)
{
    struct agent_of a = {.reg = reg, .card = reg == &m->reg && domain == m->isdr};
    if (!gp_object_get(reg, domain, &a.domain) || a.domain.kind != GP_DOMAIN ||
        (reg == &m->reg && !a.card)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "no security domain with sessions of its own");
    }
    struct ota_admin_params params = *given;
    struct m2m_https *open = session_of(m, &a);
    cr_buf wanted = {0};
    if (open && !open->pausing && !open->failed) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "a session is open");
    }
    CR_TRY(fill_params(&a, &params, err));
    if (note.n) {
        params.retry.count = 0; /* what is to be said once more is said by itself */
    }
    cr_status status = ota_admin_params_write(&wanted, &params, err);
    if (status != CR_OK || hurry(open, &wanted)) {
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
    status = prepare(h, &a, &params, note, err);
    if (status == CR_OK) {
        status = take_place(h, &a, err);
    }
    if (status != CR_OK) {
        session_free(h);
        return status;
    }
    euicc_m2m_https_start(h);
    if (!euicc_m2m_https_alive(m, h)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the terminal opens no channel");
    }
    h->note = note.n > 0; /* from here its end is told by euicc_m2m_note_sent() */
    return CR_OK;
}

void euicc_m2m_https_trigger(struct euicc_m2m *m, const struct gp_registry *reg, uint16_t domain,
                             cr_span tlv)
{
    struct ota_admin_trigger trigger;
    struct cr_err err;
    if (ota_admin_trigger_read(tlv, &trigger, &err) == CR_OK && trigger.session && !m->switching) {
        /* A session that cannot be opened has no way to say so. */
        cr_status status =
            euicc_m2m_https_open(m, reg, domain, &trigger.params, (cr_span){0}, &err);
        (void)status;
    }
}

bool euicc_m2m_https_note(struct euicc_m2m *m, cr_span note)
{
    const struct ota_admin_params none = {.security = {.present = false}};
    const struct agent_of isdr = {.reg = &m->reg, .domain = {.id = m->isdr}, .card = true};
    const struct m2m_https *open = session_of(m, &isdr);
    struct cr_err err;
    if ((open && open->pausing && ota_agent_resumes(open->agent)) ||
        !gp_data_get(&m->reg, m->isdr, 0xA5).p ||
        !uicc_toolkit_offers(m->e->uicc, CAT_OPEN_CHANNEL, 0)) {
        return false;
    }
    return euicc_m2m_https_open(m, &m->reg, m->isdr, &none, note, &err) == CR_OK;
}

/* ---- with the object ---------------------------------------------------------------------------
 */

cr_status euicc_m2m_https_init(struct euicc_m2m *m, struct cr_err *err)
{
    m->resolve = calloc(M2M_SESSIONS, sizeof *m->resolve);
    if (!m->resolve) {
        return cr_fail_memory(err);
    }
    for (unsigned seat = 0; seat < M2M_SESSIONS; seat++) {
        m->resolve[seat].m = m;
        m->resolve[seat].done = euicc_m2m_https_resolved;
    }
    return CR_OK;
}

void euicc_m2m_https_free(struct euicc_m2m *m)
{
    for (unsigned seat = 0; m->resolve && seat < M2M_SESSIONS; seat++) {
        cr_buf_free(&m->resolve[seat].connection);
    }
    free(m->resolve);
    m->resolve = NULL;
}
