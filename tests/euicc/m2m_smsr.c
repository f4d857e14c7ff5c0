#include "m2m_smsr.h"

#include "asn1/der.h"

static size_t find_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    struct smsr *s = ctx;
    MUST(identity.n < sizeof s->identity);
    memcpy(s->identity, identity.p, identity.n);
    s->identity[identity.n] = 0;
    memcpy(key, s->psk, sizeof s->psk);
    return s->stranger ? 0 : sizeof s->psk;
}

/* What of some bytes gets over the link; it breaks behind them when there are fewer. */
static cr_span over_link(struct smsr *s, cr_span bytes, bool *breaks)
{
    const size_t room = s->cuts ? s->cut - s->wire : SIZE_MAX;
    *breaks = bytes.n > room;
    bytes = cr_span_sub(bytes, 0, room);
    s->wire = *breaks ? 0 : s->wire + bytes.n;
    s->cuts -= *breaks;
    return bytes;
}

static bool is_broken(const struct smsr *s)
{
    return s->bed->terminal.channels[s->channel].dropped;
}

static void deliver(struct smsr *s)
{
    cr_span wire = psk_engine_output(s->engine);
    bool breaks;
    if (!wire.n || is_broken(s)) {
        return;
    }
    const cr_span there = over_link(s, wire, &breaks);
    if (there.n) {
        terminal_deliver(&s->bed->terminal, s->channel, there);
    }
    psk_engine_sent(s->engine, wire.n);
    if (breaks) {
        terminal_drop(&s->bed->terminal, s->channel);
    }
}

static void send_answer(struct smsr *s, const struct ota_admin_answer *answer)
{
    struct cr_err err = {0};
    cr_buf out = {0};
    cr_buf_appendf(&out, "HTTP/1.1 %d X\r\n", answer->status);
    for (size_t i = 0; i < answer->header_count; i++) {
        cr_buf_appendf(&out, "%s: %s\r\n", answer->headers[i].name, answer->headers[i].value);
    }
    if (answer->content_type) {
        cr_buf_appendf(&out, "Content-Type: %s\r\n", answer->content_type);
    }
    if (answer->body.p) {
        cr_buf_appendf(&out, "Transfer-Encoding: chunked\r\n\r\n%zX\r\n", answer->body.n);
        cr_buf_append_span(&out, answer->body);
        cr_buf_append_str(&out, "\r\n0\r\n\r\n");
    } else {
        cr_buf_append_str(&out, answer->status == 204 ? "\r\n" : "Content-Length: 0\r\n\r\n");
    }
    MUST_OK(psk_engine_send(s->engine, cr_buf_span(&out), &err));
    cr_buf_free(&out);
    deliver(s);
}

static void answer_work(struct smsr *s, const struct ota_admin_work *work)
{
    struct ota_admin_answer answer;
    struct cr_err err = {0};
    MUST_OK(ota_admin_server_answer(s->server, work, &answer, &err));
    send_answer(s, &answer);
}

static void confirm_note(struct smsr *s, cr_span note)
{
    struct der_tlv e1, number;
    uint8_t script[] = {0xAE, 0x80, 0x22, 0x0D, 0x80, 0xE2, 0x89, 0x00, 0x07, 0x3A,
                        0x08, 0x04, 0x4E, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00};
    MUST(der_next(&note, DER_STRICT, &e1, NULL) == CR_OK && der_find(e1.value, 0x4E, &number));
    memcpy(script + 14, number.value.p, 2);
    struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT, .script = CR_SPAN_ARRAY(script)};
    answer_work(s, &work);
}

static void follow_plan(struct smsr *s)
{
    struct ota_admin_work work = {.kind = OTA_ADMIN_END};
    if (s->plan && s->given < s->planned) {
        work.kind = OTA_ADMIN_SCRIPT;
        work.script = s->plan[s->given++];
    }
    if (s->plan) {
        answer_work(s, &work);
    }
}

static void take_result(struct smsr *s, const struct ota_admin_received *received)
{
    const size_t n = strlen(s->results);
    s->got_result = true;
    s->result_status = received->status;
    cr_buf_reset(&s->result);
    cr_buf_append_span(&s->result, received->script);
    s->taken++;
    if (s->plan) {
        MUST(n + 2 * received->script.n + 2 < sizeof s->results);
        (void)cr_hex_into(s->results + n, sizeof s->results - n, received->script);
        strcat(s->results, " ");
    }
}

static void refuse(struct smsr *s)
{
    static const char no[] = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";
    struct cr_err err = {0};
    MUST_OK(psk_engine_send(s->engine, cr_span_str(no), &err));
    psk_engine_finish(s->engine);
    deliver(s);
}

static void take_post(struct smsr *s)
{
    struct ota_admin_received received;
    struct cr_err err = {0};
    struct ota_admin_post post = {.method = s->parser.method,
                                  .path = s->parser.path,
                                  .query = s->parser.query,
                                  .fields = &s->parser.fields,
                                  .body = cr_buf_span(&s->parser.body)};
    s->posts++;
    s->resumed = s->resumed || http_fields_find(&s->parser.fields, OTA_ADMIN_H_RESUME) != NULL;
    if (s->drop_at == s->posts) {
        terminal_drop(&s->bed->terminal, s->channel);
        return;
    }
    if (s->refuses) {
        refuse(s);
        return;
    }
    MUST_OK(ota_admin_server_post(s->server, &post, &received, &err));
    switch (received.event) {
    case OTA_ADMIN_RESULT:
        take_result(s, &received);
        follow_plan(s);
        break;
    case OTA_ADMIN_NOTIFY:
        (void)cr_hex_into(s->note, sizeof s->note, received.notification);
        if (s->confirm) {
            confirm_note(s, received.notification);
        }
        break;
    case OTA_ADMIN_REPEATED:
    case OTA_ADMIN_STRANGER:
    case OTA_ADMIN_BAD:
        send_answer(s, &received.answer);
        break;
    case OTA_ADMIN_FIRST:
    case OTA_ADMIN_ASK:
    default:
        follow_plan(s);
        break;
    }
}

static void peer(void *ctx, struct terminal *t, unsigned channel, cr_span data)
{
    struct smsr *s = ctx;
    struct cr_err err = {0};
    while (s->next && s->port != t->channels[channel].port) {
        s = s->next;
    }
    MUST(s->port == t->channels[channel].port);
    s->channel = channel;
    if (s->engine_of != t->channels[channel].opening) {
        s->engine_of = t->channels[channel].opening;
        s->wire = 0;
        psk_engine_free(s->engine);
        http_parser_reset(&s->parser);
        MUST_OK(psk_server_accept(s->policy, &s->engine, &err));
    }
    bool breaks;
    data = over_link(s, data, &breaks);
    cr_status status = data.n ? psk_engine_feed(s->engine, data, &err) : CR_OK;
    s->failures += status != CR_OK; /* a card with a wrong key is one of the tests */
    deliver(s);
    while (psk_engine_input(s->engine).n) {
        cr_span clear = psk_engine_input(s->engine);
        if (!s->first[0]) {
            (void)snprintf(s->first, sizeof s->first, "%.*s", (int)clear.n, (const char *)clear.p);
        }
        size_t n = http_parser_feed(&s->parser, clear);
        MUST(s->parser.state != HTTP_PARSE_FAILED);
        MUST_OK(psk_engine_used(s->engine, n, &err));
        if (s->parser.state == HTTP_PARSE_DONE) {
            take_post(s);
            http_parser_reset(&s->parser);
        }
    }
    if (breaks && !is_broken(s)) {
        terminal_drop(t, s->channel);
    }
}

struct smsr *smsr_new(struct m2m_bed *bed)
{
    uint8_t psk[16];
    for (uint8_t i = 0; i < 16; i++) {
        psk[i] = (uint8_t)(0x30 + i);
    }
    return smsr_new_at(bed, SMSR_PORT, psk);
}

struct smsr *smsr_new_at(struct m2m_bed *bed, uint16_t port, const uint8_t psk[16])
{
    struct smsr *s = calloc(1, sizeof *s);
    struct cr_err err = {0};
    MUST(s);
    struct psk_server_options tls = {.find = find_key, .ctx = s};
    struct ota_admin_server_options options = {.path = "/gsma/adminagent", .env = cr_env_system()};
    MUST(cr_hex_fixed(options.eid, sizeof options.eid, cr_span_str(M2M_EID)));
    memcpy(s->psk, psk, sizeof s->psk);
    s->bed = bed;
    s->port = port;
    s->next = bed->terminal.peer == peer ? bed->terminal.peer_ctx : NULL;
    s->parser.max_header = 4096;
    s->parser.max_body = 8192;
    MUST_OK(psk_server_new(&tls, &s->policy, &err));
    MUST_OK(ota_admin_server_new(&options, &s->server, &err));
    bed->terminal.peer = peer;
    bed->terminal.peer_ctx = s;
    return s;
}

void smsr_free(struct smsr *s)
{
    psk_engine_free(s->engine);
    psk_server_free(s->policy);
    ota_admin_server_free(s->server);
    http_parser_free(&s->parser);
    cr_buf_free(&s->result);
    s->bed->carry = NULL;
    s->bed->terminal.peer = s->next ? peer : NULL;
    s->bed->terminal.peer_ctx = s->next;
    free(s);
}

void smsr_trigger(struct smsr *s)
{
    s->bed->carry = NULL;
    (void)m2m_send_as(s->bed, 1, 0x1600,
                      "814283408413350103390205003C030220FB3E0521C000020A86070003250300030089208A0C"
                      "736D73722E6578616D706C658C102F67736D612F61646D696E6167656E74");
}

bool smsr_waits(const struct smsr *s)
{
    return s->engine && s->bed->terminal.channels[s->channel].open &&
           ota_admin_server_waits(s->server);
}

bool smsr_script(struct smsr *s, cr_span script, cr_span aid)
{
    struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT, .script = script};
    if (!smsr_waits(s)) {
        return false;
    }
    work.target.n = (uint8_t)aid.n;
    if (aid.n) {
        memcpy(work.target.value, aid.p, aid.n);
    }
    s->got_result = false;
    answer_work(s, &work);
    terminal_serve(&s->bed->terminal);
    return true;
}

void smsr_end(struct smsr *s)
{
    struct ota_admin_work work = {.kind = OTA_ADMIN_END};
    MUST(smsr_waits(s));
    answer_work(s, &work);
    terminal_serve(&s->bed->terminal);
}

void smsr_run(struct smsr *s, const cr_span *scripts, size_t count, size_t cut, unsigned cuts)
{
    s->plan = scripts;
    s->planned = count;
    s->given = s->taken = 0;
    s->results[0] = 0;
    s->cut = cut;
    s->cuts = cuts;
    m2m_clear(s->bed);
    smsr_trigger(s);
    for (unsigned i = 0; s->bed->euicc->m2m->https && i < 100; i++) {
        m2m_clear(s->bed);
        m2m_advance(s->bed, 1800);
    }
    MUST(!s->bed->euicc->m2m->https);
    s->plan = NULL;
}

static bool carry(void *ctx, struct m2m_bed *bed, uint32_t tar, cr_span script)
{
    struct smsr *s = ctx;
    uint8_t aid[16];
    cr_span target = tar == 1 ? (cr_span){0} : euicc_isdp_aid((uint16_t)tar, aid);
    cr_buf copy = {0};
    cr_buf_append_span(&copy, script);
    if (!smsr_waits(s)) {
        smsr_trigger(s);
        smsr_carry(s);
    }
    bed->data[0] = 0;
    bed->answered = smsr_script(s, cr_buf_span(&copy), target) && s->got_result &&
                    s->result_status == OTA_ADMIN_OK;
    cr_buf_free(&copy);
    bed->status = bed->answered ? 0 : 0xFF;
    if (bed->answered) {
        (void)cr_hex_into(bed->data, sizeof bed->data, cr_buf_span(&s->result));
    }
    return bed->answered;
}

void smsr_carry(struct smsr *s)
{
    s->bed->carry = carry;
    s->bed->carry_ctx = s;
}
