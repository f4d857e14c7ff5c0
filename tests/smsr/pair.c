#include "pair.h"

#include "asn1/der.h"
#include "base/file.h"
#include "base/text.h"
#include "gp/registry.h"
#include "ota/sms.h"
#include "pki/gpcert.h"
#include "soap/eum_signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const oids[] = {"1.2.20", "1.2.21"};
static const char *const urls[] = {"https://sr1/", "https://sr2/"};
static const char *const numbers[] = {"12345678", "87654321"};
#define MSISDN "4512345678"

static uint8_t eid[16];

/* ---- world -------------------------------------------------------------------------------------
 */

static int64_t now(void *ctx)
{
    return ((struct pair *)ctx)->now_ms;
}

static cr_status random_bytes(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    return cr_random(cr_env_system(), p, n, err);
}

static void quiet(void *ctx, enum cr_log_level level, const char *line)
{
    (void)ctx;
    if (getenv("PAIR_LOG")) {
        (void)fprintf(stderr, "%d %s\n", (int)level, line);
    }
}

static void make_parties(struct side *s, const struct pki_cert *eum)
{
    const int other = 1 - s->index;
    const struct m2m_party list[] = {
        {.name = "eum", .oid = "2.999.5", .roles = SOAP_EUM, .eum_certificate = eum->raw},
        {.name = "a", .oid = "1.2.1", .roles = SOAP_OPERATOR, .url = "https://a/"},
        {.name = "b", .oid = "1.2.2", .roles = SOAP_OPERATOR},
        {.name = "d", .oid = "1.2.10", .roles = SOAP_SMDP, .url = "https://d/"},
        {.name = "s", .oid = "1.2.30", .roles = SOAP_M2MSP, .url = "https://s/"},
        {.name = "sr", .oid = oids[other], .roles = SOAP_SMSR, .url = urls[other]},
        {.name = "x", .oid = "1.2.29", .roles = SOAP_SMSR, .url = "https://x/"},
    };
    memcpy(s->party, list, sizeof list);
    s->parties = (struct m2m_parties){.oid = oids[s->index],
                                      .name = "SR",
                                      .role = SOAP_SMSR,
                                      .address = urls[s->index],
                                      .parties = s->party,
                                      .count = CR_COUNT(list)};
}

static cr_status submit(void *ctx, const struct smsr_smsc *smsc, const struct smpp_message *m,
                        uint64_t ref, struct cr_err *err);

static void open_side(struct side *s)
{
    struct cr_err err = {0};
    const struct smsr_options options = {.dir = s->dir,
                                         .parties = &s->parties,
                                         .ci_file = m2m_pki(),
                                         .policy = s->policy,
                                         .env = &s->pair->env,
                                         .identities = {s->identity},
                                         .identity_count = s->identity.key ? 1 : 0,
                                         .radio = &s->config};
    if (smsr_open(&options, &s->sr, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const struct smsr_sms_options sms = {
        .sr = s->sr, .config = &s->config, .ctx = s, .submit = submit};
    assert_int_equal(smsr_sms_new(&sms, &s->sms, &err), CR_OK);
}

void pair_reopen(struct pair *p, int side)
{
    struct side *s = &p->side[side];
    smsr_sms_free(s->sms);
    smsr_close(s->sr);
    open_side(s);
}

static void make_side(struct pair *p, int index, const struct pki_cert *eum)
{
    struct side *s = &p->side[index];
    struct gpcert cert;
    s->pair = p;
    s->index = index;
    make_parties(s, eum);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/crisp-pair-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    smsr_radio_defaults(&s->config);
    s->config.smsc[0] = (struct smsr_smsc){.name = "one", .number = numbers[index], .prefix = ""};
    s->config.smsc_count = 1;
    s->config.https_address = index == ONE ? "192.0.2.1" : "192.0.2.2";
    s->config.https_port = 8443;
    assert_int_equal(
        pki_hierarchy_load_gp(m2m_pki(), CRYPTO_P256, "m2msr", &p->arena, &cert, &s->key, NULL),
        CR_OK);
    s->identity = (struct smsr_identity){.certificate = cert.raw, .key = s->key};
    open_side(s);
}

/* ---- the eUICC of the first --------------------------------------------------------------------
 */

struct registering {
    struct pair *p;
    struct soap_eis eis;
};

static void fill_domain(struct soap_security_domain *d, uint8_t n, cr_span *tar)
{
    static uint8_t aids[3][16], tars[3][3];
    (void)euicc_isdp_aid(n, aids[n]);
    tars[n][2] = n;
    *tar = CR_SPAN_ARRAY(tars[n]);
    *d = (struct soap_security_domain){.aid = CR_SPAN_ARRAY(aids[n]),
                                       .sin = cr_span_of(eid, 4),
                                       .sdin = cr_span_of(eid + 8, 8),
                                       .role = n == 1 ? SOAP_ROLE_ISD_R : SOAP_ROLE_ECASD};
    d->tars.items = tar;
    d->tars.count = 1;
}

static cr_status register_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct registering *g = ctx;
    struct pair *p = g->p;
    struct smsr *sr = p->side[ONE].sr;
    struct smsr_euicc e;
    const struct m2m_party self = {.name = "self", .oid = oids[ONE], .roles = SOAP_SMSR};
    struct smsr_keyset scp80 = {.version = 1, .type = SOAP_KEYSET_SCP80};
    struct smsr_keyset scp81 = {.version = 0x40, .type = SOAP_KEYSET_SCP81};
    CR_TRY(smsr_eis_take(sr, tx, &self, &g->eis, false, &p->arena, err));
    CR_TRY(smsr_euicc_load(tx, CR_SPAN_ARRAY(eid), &p->arena, &e, err));
    e.arriving = false;
    CR_TRY(smsr_euicc_update(tx, &e, err));
    for (uint8_t i = 0; i < 3; i++) {
        scp80.keys[i] = (struct smsr_key){.type = 0x88, .size = 16};
        for (uint8_t k = 0; k < 16; k++) {
            scp80.keys[i].value[k] = (uint8_t)(0x10 * i + k);
        }
    }
    scp81.keys[0] = (struct smsr_key){.type = 0x85, .size = 16};
    for (uint8_t k = 0; k < 16; k++) {
        scp81.keys[0].value[k] = (uint8_t)(0x30 + k);
    }
    CR_TRY(smsr_keyset_put(sr, tx, e.eid, &scp80, 100, err));
    return smsr_keyset_put(sr, tx, e.eid, &scp81, 0, err);
}

static void fill_profile(int n, struct soap_profile_info *info)
{
    static const char *const iccids[] = {"", "8900101000000000001", "8900101000000000002",
                                         "8900101000000000003"};
    static uint8_t aids[4][16];
    *info = (struct soap_profile_info){.iccid = cr_span_str(iccids[n]),
                                       .isdp_aid = euicc_isdp_aid((uint16_t)(0x0F + n), aids[n]),
                                       .mno_id = cr_span_str(n == 3 ? "1.2.2" : "1.2.1"),
                                       .has_fallback = true,
                                       .fallback = n == 1,
                                       .has_address = true,
                                       .address = {.msisdn = cr_span_str(MSISDN)},
                                       .state = n == 1 ? SOAP_STATE_ENABLED : SOAP_STATE_DISABLED,
                                       .smdp_id = n == 1 ? (cr_span){0} : cr_span_str("1.2.10"),
                                       .profile_type = cr_span_str("meter"),
                                       .has_allocated_memory = true,
                                       .allocated_memory = 1000,
                                       .has_pol2 = true};
}

/* The certificate that the chip itself gives out. */
static cr_span ecasd_of(struct pair *p)
{
    cr_buf bytes = {0};
    struct der_tlv list;
    const char *hex = m2m_es5_run(p->bed, "80CABF30045C027F2100");
    assert_int_equal(cr_hex_decode(&bytes, cr_span_str(hex), NULL), CR_OK);
    cr_span in = cr_buf_span(&bytes);
    assert_int_equal(der_next(&in, DER_BER_LENGTHS, &list, NULL), CR_OK);
    cr_span out = cr_arena_copy(&p->arena, list.value);
    cr_buf_free(&bytes);
    assert_non_null(out.p);
    return out;
}

static void make_euicc(struct pair *p, const struct pki_cert *eum, const struct pki_key *key)
{
    struct registering g = {.p = p};
    struct soap_eis *e = &g.eis;
    struct soap_profile_info profiles[3];
    struct soap_certificate certificate = {
        .has_index = true, .index = 1, .ca_id = cr_span_str("2.999.5"), .value = ecasd_of(p)};
    struct soap_keyset ca = {.has_version = true, .version = 116, .type = SOAP_KEYSET_CA};
    struct soap_keyset own[2] = {{.has_version = true, .version = 1, .type = SOAP_KEYSET_SCP80},
                                 {.has_version = true, .version = 0x40, .type = SOAP_KEYSET_SCP81}};
    cr_span tars[2];
    uint8_t loadfile[16], module[16];
    (void)euicc_isdp_aid(0x0D, loadfile);
    (void)euicc_isdp_aid(0x0E, module);
    *e = (struct soap_eis){
        .has_signed_info = true,
        .signed_info = {.eid = CR_SPAN_ARRAY(eid),
                        .eum_id = cr_span_str("2.999.5"),
                        .has_production_date = true,
                        .production_date = p->now_ms - 1000000,
                        .platform_type = cr_span_str("OS"),
                        .platform_version = cr_span_str("4.1.0"),
                        .isdp_loadfile_aid = CR_SPAN_ARRAY(loadfile),
                        .isdp_module_aid = CR_SPAN_ARRAY(module),
                        .has_ecasd = true,
                        .has_capabilities = true,
                        .capabilities = {.has_cattp = true,
                                         .has_http = true,
                                         .http = true,
                                         .http_version = cr_span_str("1.1.3"),
                                         .secure_packet_version = cr_span_str("12.1.0"),
                                         .remote_provisioning_version = cr_span_str("4.2.0")}},
        .has_remaining_memory = true,
        .remaining_memory = 500000,
        .has_available_memory = true,
        .available_memory = 600000,
        .smsr_id = cr_span_str(oids[ONE]),
        .has_isdr = true};
    fill_domain(&e->signed_info.ecasd, 2, &tars[0]);
    ca.certificates.items = &certificate;
    ca.certificates.count = 1;
    e->signed_info.ecasd.keysets.items = &ca;
    e->signed_info.ecasd.keysets.count = 1;
    fill_domain(&e->isdr, 1, &tars[1]);
    e->isdr.keysets.items = own;
    e->isdr.keysets.count = 2;
    for (int n = 1; n <= 3; n++) {
        fill_profile(n, &profiles[n - 1]);
    }
    e->profiles.items = profiles;
    e->profiles.count = 3;
    assert_int_equal(soap_eum_sign(e, key, eum->raw, (cr_span){0}, &p->arena, NULL), CR_OK);
    pair_store(p, ONE, register_work, &g);
}

/* ---- the chip ----------------------------------------------------------------------------------
 */

static void heard(void *ctx, cr_span command)
{
    struct pair *p = ctx;
    struct cat_command c;
    struct sms_tpdu t;
    cr_span tpdu;
    assert_int_equal(cat_command_read(command, &c, NULL), CR_OK);
    p->bed->refreshed = p->bed->refreshed || c.type == CAT_REFRESH;
    if (c.type != CAT_SEND_SHORT_MESSAGE) {
        return;
    }
    assert_true(cat_find(c.tlvs, CAT_TAG_SMS_TPDU, &tpdu));
    assert_int_equal(sms_decode(SMS_FROM_CARD, tpdu, &t, NULL), CR_OK);
    assert_true(p->said_count < PAIR_MESSAGES && t.ud.n <= sizeof p->said[0].ud);
    (void)snprintf(p->said[p->said_count].to, sizeof p->said[0].to, "%s", t.address.text);
    memcpy(p->said[p->said_count].ud, t.ud.p, t.ud.n);
    p->said[p->said_count++].n = t.ud.n;
}

struct current {
    cr_arena arena;
    struct smsr_script script;
    bool found;
};

static cr_status current_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct current *c = ctx;
    return smsr_script_current(tx, CR_SPAN_ARRAY(eid), &c->arena, &c->script, &c->found, err);
}

/* The last command of a script begins with these octets. */
static bool is_command(cr_span commands, const char *hex)
{
    struct der_tlv tlv = {0};
    char text[32];
    while (commands.n && der_next(&commands, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
    }
    (void)cr_hex_into(text, sizeof text, cr_span_sub(tlv.value, 0, strlen(hex) / 2));
    return hex[0] && strcmp(text, hex) == 0;
}

static bool sends(struct side *s, const char *hex)
{
    struct current c = {0};
    if (!hex) {
        return false;
    }
    assert_int_equal(store_read(smsr_store(s->sr), current_work, &c, NULL), CR_OK);
    const bool is = c.found && is_command(c.script.commands, hex);
    cr_arena_free(&c.arena);
    return is;
}

static cr_status submit(void *ctx, const struct smsr_smsc *smsc, const struct smpp_message *m,
                        uint64_t ref, struct cr_err *err)
{
    struct side *s = ctx;
    struct pair *p = s->pair;
    struct sms_tpdu t = {.type = SMS_DELIVER,
                         .has_header = true,
                         .pid = m->protocol_id,
                         .dcs = m->data_coding,
                         .time = {.year = 26, .month = 8, .day = 20, .hour = 6, .minute = 12},
                         .ud = cr_span_of(m->text, m->text_size)};
    cr_buf tpdu = {0}, envelope = {0};
    (void)ref;
    const bool faulty = sends(s, p->on_air);
    if (faulty && p->air == AIR_DEAF) {
        return CR_OK;
    }
    const size_t before = p->said_count;
    t.address.ton_npi = SMS_TON_NPI_INTERNATIONAL;
    (void)cr_str_copy(t.address.text, sizeof t.address.text, cr_span_str(smsc->number));
    CR_TRY(sms_encode(&t, &tpdu, err));
    cat_envelope_sms_pp(&envelope, (cr_span){0}, cr_buf_span(&tpdu));
    cr_buf_free(&tpdu);
    (void)terminal_envelope(&p->bed->terminal, &envelope);
    if (faulty && p->air == AIR_LOST) {
        p->said_count = before;
    }
    return CR_OK;
}

/* What the chip said first goes to whoever has the number. */
static bool hear(struct pair *p)
{
    struct smpp_message m = {.esm_class = SMPP_UDHI, .protocol_id = 0x7F, .data_coding = 4};
    if (!p->said_count) {
        return false;
    }
    m.text_size = p->said[0].n;
    memcpy(m.text, p->said[0].ud, p->said[0].n);
    (void)snprintf(m.from, sizeof m.from, "%s", MSISDN);
    const int to = strcmp(p->said[0].to, numbers[TWO]) == 0 ? TWO : ONE;
    (void)cr_str_copy(m.to, sizeof m.to, cr_span_str(numbers[to]));
    p->said_count--;
    memmove(&p->said[0], &p->said[1], p->said_count * sizeof p->said[0]);
    assert_int_equal(smsr_sms_received(p->side[to].sms, &m), SMPP_OK);
    return true;
}

struct spoiling {
    struct pair *p;
    cr_arena arena;
    bool done;
};

static cr_status spoil_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct spoiling *s = ctx;
    struct smsr_script script;
    bool found;
    CR_TRY(smsr_script_current(tx, CR_SPAN_ARRAY(eid), &s->arena, &script, &found, err));
    if (!found || script.left || !is_command(script.commands, s->p->spoil)) {
        return CR_OK;
    }
    cr_span copy = cr_arena_copy(&s->arena, script.commands);
    /* Of a signature or a list of keys the last octet, before Le; of addresses the first tag. */
    const uint8_t *at = copy.p + copy.n - 2;
    if (strcmp(s->p->spoil, "80E288") == 0) {
        static const uint8_t dgi[] = {0x3A, 0x07};
        at = (const uint8_t *)memmem(copy.p, copy.n, dgi, sizeof dgi) + 3;
    }
    *(uint8_t *)(uintptr_t)at ^= 0x41;
    s->done = true;
    return store_exec(tx, "UPDATE script SET commands = ? WHERE id = ?",
                      STORE_VALUES(STORE_B(copy), STORE_I(script.id)), NULL, NULL, NULL, err);
}

static void spoil(struct pair *p, int side)
{
    struct spoiling s = {.p = p};
    if (p->spoil) {
        pair_store(p, side, spoil_work, &s);
        p->spoil = s.done ? NULL : p->spoil;
    }
    cr_arena_free(&s.arena);
}

static bool send(struct pair *p, int side)
{
    int64_t next = 0;
    struct cr_err err = {0};
    spoil(p, side);
    if (smsr_sms_run(p->side[side].sms, &next, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return next && next <= p->now_ms;
}

/* ---- letters -----------------------------------------------------------------------------------
 */

static void note(struct pair *p, const struct m2m_parcel *parcel, const struct soap_message *m)
{
    cr_buf_appendf(&p->letters, "%s%s %s %s", p->letters.n ? "; " : "", parcel->to->name,
                   soap_interface_name(m->function->interface), m->function->name);
    if (m->function->interface == SOAP_ES3 && m->body.mno_id.n) {
        cr_buf_appendf(&p->letters, " for %.*s", (int)m->body.mno_id.n,
                       (const char *)m->body.mno_id.p);
    }
}

/* The first digit behind the text is another. */
static void tamper(struct pair *p, cr_span body)
{
    const size_t n = p->tamper ? strlen(p->tamper) : 0;
    for (size_t i = 0; n && i + n < body.n; i++) {
        if (memcmp(body.p + i, p->tamper, n) == 0 && body.p[i + n] != '<') {
            uint8_t *digit = (uint8_t *)(uintptr_t)body.p + i + n;
            *digit = *digit == '1' ? '2' : '1';
            p->tamper = NULL;
            return;
        }
    }
}

static void hand_over(struct pair *p, int from, const struct m2m_parcel *parcel, bool ack_lost)
{
    struct side *to = &p->side[1 - from];
    const struct m2m_party *peer =
        m2m_party_by_oid(&to->parties, cr_span_str(p->side[from].parties.oid));
    cr_arena arena = {0};
    cr_buf out = {0};
    int64_t id = 0;
    const enum m2m_verdict verdict =
        m2m_receive(smsr_messenger(to->sr), peer, parcel->body, &arena, &out, &id);
    const int status = verdict == M2M_ANSWER         ? 200
                       : verdict == M2M_ACCEPTED     ? 202
                       : verdict == M2M_FAULT_SENDER ? 400
                       : verdict == M2M_FAULT_SELF   ? 500
                                                     : 403;
    assert_int_not_equal(verdict, M2M_WAIT);
    assert_int_equal(m2m_delivered(smsr_messenger(p->side[from].sr), parcel->id,
                                   ack_lost ? 0 : status,
                                   ack_lost ? (cr_span){0} : cr_buf_span(&out), "lost", NULL),
                     CR_OK);
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

static void deliver(struct pair *p, int from, const struct m2m_parcel *parcel)
{
    struct m2m *m2m = smsr_messenger(p->side[from].sr);
    struct soap_message m;
    cr_arena arena = {0};
    struct cr_err err = {0};
    if (soap_parse(parcel->body, &arena, &m, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const bool chosen =
        m.function->id == p->on_mail && m.kind == p->mail_kind && (parcel->to->roles & SOAP_SMSR);
    if (chosen && p->mail == MAIL_DOWN) {
        assert_int_equal(m2m_delivered(m2m, parcel->id, 0, (cr_span){0}, "down", NULL), CR_OK);
    } else if (parcel->to->roles & SOAP_SMSR) {
        tamper(p, parcel->body);
        hand_over(p, from, parcel, chosen && p->mail == MAIL_ACK_LOST);
    } else {
        note(p, parcel, &m);
        assert_int_equal(m2m_delivered(m2m, parcel->id, 202, (cr_span){0}, NULL, NULL), CR_OK);
    }
    cr_arena_free(&arena);
}

static bool post(struct pair *p, int side)
{
    struct m2m *m2m = smsr_messenger(p->side[side].sr);
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    cr_arena arena = {0};
    bool found = false;
    struct m2m_parcel parcel;
    assert_int_equal(m2m_due(m2m, &arena, lanes, &count, NULL), CR_OK);
    if (count) {
        assert_int_equal(m2m_take(m2m, lanes[0], &arena, &parcel, &found, NULL), CR_OK);
    }
    if (found) {
        deliver(p, side, &parcel);
    }
    cr_arena_free(&arena);
    return found;
}

/* ---- what happens ------------------------------------------------------------------------------
 */

static void check_one_owner(struct pair *p);

bool pair_step(struct pair *p)
{
    check_one_owner(p);
    if (p->bed->refreshed) { /* another Profile: the device starts it, the network takes it */
        p->bed->refreshed = false;
        m2m_bed_reset(p->bed);
        m2m_bed_attach(p->bed);
        return true;
    }
    bool moved = hear(p);
    for (int side = ONE; side <= TWO && !moved; side++) {
        if (p->restart) {
            pair_reopen(p, side);
        }
        moved = post(p, side) || send(p, side);
    }
    return moved;
}

void pair_run(struct pair *p)
{
    for (int i = 0; i < 500; i++) {
        if (!pair_step(p)) {
            return;
        }
    }
    fail_msg("it does not come to rest");
}

void pair_pass(struct pair *p, int64_t seconds)
{
    struct cr_err err = {0};
    p->now_ms += seconds * 1000;
    for (int side = ONE; side <= TWO; side++) {
        if (p->restart) {
            pair_reopen(p, side);
        }
        if (smsr_tick(p->side[side].sr, &err) != CR_OK) {
            fail_msg("%s", err.cause);
        }
    }
    pair_run(p);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

struct soap_body pair_body(void)
{
    return (struct soap_body){
        .eid = CR_SPAN_ARRAY(eid), .has_validity_period = true, .validity_period = PAIR_PERIOD_S};
}

static void take(struct pair *p, cr_span envelope, struct ask *ask)
{
    struct soap_message m;
    struct cr_err err = {0};
    cr_arena arena = {0};
    (void)p;
    if (soap_parse(envelope, &arena, &m, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const struct soap_status_code *code = &m.body.status.code;
    static const char *const signs[] = {"", "", "w", "", "x"};
    ask->status = m.body.status.status;
    (void)snprintf(ask->codes, sizeof ask->codes, "%s%.*s%s%.*s", signs[ask->status],
                   (int)code->subject.n, (const char *)code->subject.p, code->subject.n ? "/" : "",
                   (int)code->reason.n, (const char *)code->reason.p);
    (void)snprintf(ask->message, sizeof ask->message, "%.*s", (int)code->message.n,
                   (const char *)code->message.p);
    cr_arena_free(&arena);
}

struct ask pair_call(struct pair *p, int side, const char *from, enum soap_interface interface,
                     enum soap_name name, const struct soap_body *body)
{
    struct side *s = &p->side[side];
    struct ask ask = {.side = side, .codes = "..."};
    struct cr_err err = {0};
    cr_buf text = {0}, out = {0};
    cr_arena arena = {0};
    char id[64];
    const struct m2m_party *party = m2m_party_named(&s->parties, from);
    (void)snprintf(id, sizeof id, "//x/%d?MessageDate=2026-03-02T08:00:00Z", ++p->calls);
    struct soap_message m = {
        .kind = SOAP_REQUEST,
        .function = soap_function(interface, name),
        .body = *body,
        .header = {.from = {.uri = cr_span_str("https://x/"), .entity_id = cr_span_str(party->oid)},
                   .to = {.uri = cr_span_str(urls[side]), .entity_id = cr_span_str(oids[side])},
                   .message_id = cr_span_str(id)}};
    if (!m.body.function_call_identifier.p) {
        m.body.function_call_identifier = cr_span_str(id); /* each call is one of its own */
    }
    if (soap_build(&m, NULL, &text, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const enum m2m_verdict verdict =
        m2m_receive(smsr_messenger(s->sr), party, cr_buf_span(&text), &arena, &out, &ask.id);
    if (verdict == M2M_ANSWER) {
        take(p, cr_buf_span(&out), &ask);
    } else {
        assert_int_equal(verdict, M2M_WAIT);
    }
    cr_buf_free(&text);
    cr_buf_free(&out);
    cr_arena_free(&arena);
    return ask;
}

struct ask pair_prepare(struct pair *p, int to)
{
    struct soap_body body = pair_body();
    body.smsr_id = cr_span_str(oids[1 - to]);
    return pair_call(p, to, "a", SOAP_ES4, SOAP_PREPARE_SMSR_CHANGE, &body);
}

struct ask pair_change(struct pair *p, int from)
{
    struct soap_body body = pair_body();
    body.smsr_id = cr_span_str(oids[1 - from]);
    return pair_call(p, from, "a", SOAP_ES4, SOAP_SMSR_CHANGE, &body);
}

void pair_expect(struct pair *p, struct ask *ask, const char *codes)
{
    cr_buf out = {0};
    cr_arena arena = {0};
    if (!ask->status) {
        const enum m2m_verdict verdict =
            m2m_held(smsr_messenger(p->side[ask->side].sr), ask->id, false, &arena, &out);
        if (verdict == M2M_ANSWER) {
            take(p, cr_buf_span(&out), ask);
        }
    }
    if (strcmp(ask->codes, codes) != 0) {
        fail_msg("answered '%s' instead of '%s': %s; one %s, two %s", ask->codes, codes,
                 ask->message, pair_procedures(p, ONE), pair_procedures(p, TWO));
    }
    cr_buf_free(&out);
    cr_arena_free(&arena);
}

/* ---- what is there -----------------------------------------------------------------------------
 */

void pair_store(struct pair *p, int side, store_work work, void *ctx)
{
    struct cr_err err = {0};
    if (store_run(smsr_store(p->side[side].sr), work, ctx, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

struct look {
    char *text;
    size_t size;
    cr_arena arena;
};

static void add(struct look *l, const char *word)
{
    const size_t n = strlen(l->text);
    (void)snprintf(l->text + n, l->size - n, "%s%s", n ? " " : "", word);
}

static cr_status procedures_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct smsr_procedure list[16];
    size_t count;
    CR_TRY(smsr_procedure_list(tx, CR_SPAN_ARRAY(eid), false, 0, &l->arena, list, CR_COUNT(list),
                               &count, err));
    for (size_t i = 0; i < count; i++) {
        char word[64];
        (void)snprintf(word, sizeof word, "%s:%s", smsr_kind_name(list[i].kind),
                       smsr_proc_state_name(list[i].state));
        add(l, word);
    }
    return CR_OK;
}

static cr_status has_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct smsr_euicc e;
    (void)err;
    add(l, smsr_euicc_load(tx, CR_SPAN_ARRAY(eid), &l->arena, &e, NULL) != CR_OK ? "-"
           : e.arriving                                                          ? "A"
           : e.handover                                                          ? "L"
                                                                                 : "E");
    return CR_OK;
}

static cr_status keysets_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct smsr_keysets sets;
    CR_TRY(smsr_keyset_list(tx, CR_SPAN_ARRAY(eid), &l->arena, &sets, err));
    for (size_t i = 0; i < sets.count; i++) {
        char word[8];
        (void)snprintf(word, sizeof word, "%02X", sets.items[i].version);
        add(l, word);
    }
    return CR_OK;
}

static cr_status trail_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct soap_audit_trail trail;
    CR_TRY(smsr_audit_list(tx, CR_SPAN_ARRAY(eid), &l->arena, &trail, err));
    for (size_t i = 0; i < trail.records.count; i++) {
        const struct soap_audit_record *r = &trail.records.items[i];
        char word[16];
        (void)snprintf(word, sizeof word, "%02X%02X%s", r->operation_type.p[0],
                       r->operation_type.p[1], r->status.status == SOAP_FAILED ? "!" : "");
        add(l, word);
    }
    return CR_OK;
}

struct keys {
    struct pair *p;
    int side;
    cr_arena arena;
};

static cr_status keys_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct keys *k = ctx;
    struct gp_registry reg;
    struct gp_object isdr;
    struct smsr_keysets sets;
    assert_true(euicc_m2m_registry(euicc_nvm(k->p->bed->euicc), &reg) &&
                gp_object_root(&reg, &isdr));
    CR_TRY(smsr_keyset_list(tx, CR_SPAN_ARRAY(eid), &k->arena, &sets, err));
    assert_true(sets.count > 0);
    for (size_t i = 0; i < sets.count; i++) {
        struct smsr_keyset set;
        CR_TRY(smsr_keyset_get(k->p->side[k->side].sr, tx, CR_SPAN_ARRAY(eid), sets.items[i].type,
                               sets.items[i].version, &set, err));
        for (uint8_t n = 0; n < 3 && set.keys[n].size; n++) {
            struct gp_key key;
            assert_true(gp_key_get(&reg, isdr.id, set.version, (uint8_t)(n + 1), &key));
            assert_int_equal(key.type, set.keys[n].type);
            assert_int_equal(key.n, set.keys[n].size);
            assert_memory_equal(key.value, set.keys[n].value, key.n);
        }
    }
    return CR_OK;
}

struct notifying {
    struct pair *p;
    int side;
    struct smsr_notification n;
    bool confirm;
};

static cr_status notify_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct notifying *n = ctx;
    return smsr_procedure_notified(n->p->side[n->side].sr, tx, &n->n, &n->confirm, err);
}

struct showing {
    struct pair *p;
    int side;
    cr_arena *arena;
    struct soap_eis *out;
};

static cr_status show_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct showing *s = ctx;
    struct smsr_euicc e;
    CR_TRY(smsr_euicc_load(tx, CR_SPAN_ARRAY(eid), s->arena, &e, err));
    return smsr_eis_show(s->p->side[s->side].sr, tx, &e, SMSR_VIEW_HANDOVER, NULL, s->arena, s->out,
                         err);
}

static const char *look(struct pair *p, int side, store_work work)
{
    static char texts[8][512];
    static int turn;
    struct look l = {.text = texts[turn++ & 7], .size = sizeof texts[0]};
    l.text[0] = 0;
    assert_int_equal(store_read(smsr_store(p->side[side].sr), work, &l, NULL), CR_OK);
    cr_arena_free(&l.arena);
    return l.text;
}

/* Exactly one SM-SR has the eUICC at any instant, and who hands it over lets nobody else at it. */
static void check_one_owner(struct pair *p)
{
    const char one = *pair_has(p, ONE), two = *pair_has(p, TWO);
    const bool good = one == '-'   ? two == 'E' || two == 'L'
                      : two == '-' ? one == 'E' || one == 'L'
                      : one == 'A' ? two == 'E' || two == 'L'
                      : two == 'A' ? one == 'E' || one == 'L'
                                   : (one == 'L') != (two == 'L');
    if (!good) {
        fail_msg("one has %c, two has %c", one, two);
    }
}

const char *pair_procedures(struct pair *p, int side)
{
    return look(p, side, procedures_work);
}

const char *pair_has(struct pair *p, int side)
{
    return look(p, side, has_work);
}

const char *pair_keysets(struct pair *p, int side)
{
    return look(p, side, keysets_work);
}

const char *pair_trail(struct pair *p, int side)
{
    return look(p, side, trail_work);
}

const char *pair_chip_keysets(struct pair *p)
{
    static char text[64];
    struct look l = {.text = text, .size = sizeof text};
    struct gp_registry reg;
    struct gp_object isdr;
    struct gp_key key = {0};
    uint8_t last = 0;
    text[0] = 0;
    assert_true(euicc_m2m_registry(euicc_nvm(p->bed->euicc), &reg) && gp_object_root(&reg, &isdr));
    while (gp_key_next(&reg, isdr.id, key.kvn, key.kid, &key)) {
        char word[8];
        (void)snprintf(word, sizeof word, "%02X", key.kvn);
        if (key.kvn != last) {
            add(&l, word);
        }
        last = key.kvn;
    }
    return text;
}

void pair_same_keys(struct pair *p, int side)
{
    struct keys k = {.p = p, .side = side};
    pair_store(p, side, keys_work, &k);
    cr_arena_free(&k.arena);
}

bool pair_notify(struct pair *p, int side, uint8_t type, uint16_t number, uint16_t isdp)
{
    struct notifying n = {.p = p, .side = side};
    uint8_t aid[16];
    n.n = (struct smsr_notification){.eid = CR_SPAN_ARRAY(eid),
                                     .type = type,
                                     .number = number,
                                     .aid = euicc_isdp_aid(isdp, aid),
                                     .from = MSISDN,
                                     .received_ms = p->now_ms};
    pair_store(p, side, notify_work, &n);
    return n.confirm;
}

void pair_eis(struct pair *p, int side, cr_arena *arena, struct soap_eis *out)
{
    struct showing s = {.p = p, .side = side, .arena = arena, .out = out};
    pair_store(p, side, show_work, &s);
}

const char *pair_letters(struct pair *p)
{
    static char text[1024];
    (void)snprintf(text, sizeof text, "%.*s", (int)p->letters.n,
                   p->letters.n ? (const char *)p->letters.p : "");
    cr_buf_reset(&p->letters);
    return text;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof *p);
    struct pki_cert eum;
    struct pki_key *key = NULL;
    const struct euicc_m2m_options chip = {.timing = {.transport = EUICC_M2M_SMS}};
    assert_non_null(p);
    p->now_ms = cr_now_ms(cr_env_system());
    p->env = (cr_env){.ctx = p, .now_ms = now, .random = random_bytes, .log = quiet};
    assert_true(cr_hex_fixed(eid, sizeof eid, cr_span_str(M2M_EID)));
    p->bed = m2m_bed_new_with(&chip);
    assert_int_equal(pki_hierarchy_load(m2m_pki(), CRYPTO_P256, "eum", &p->arena, &eum, &key, NULL),
                     CR_OK);
    make_side(p, ONE, &eum);
    make_side(p, TWO, &eum);
    make_euicc(p, &eum, key);
    pki_key_free(key);
    p->bed->terminal.heard = heard;
    p->bed->terminal.heard_ctx = p;
    return p;
}

void pair_free(struct pair *p)
{
    static const char *const files[] = {"seal.key", "smsr.db", "smsr.db-wal", "smsr.db-shm"};
    for (int i = ONE; i <= TWO; i++) {
        struct side *s = &p->side[i];
        smsr_sms_free(s->sms);
        smsr_close(s->sr);
        pki_key_free(s->key);
        for (size_t k = 0; k < CR_COUNT(files); k++) {
            char path[128];
            (void)snprintf(path, sizeof path, "%s/%s", s->dir, files[k]);
            (void)unlink(path);
        }
        assert_int_equal(rmdir(s->dir), 0);
    }
    m2m_bed_free(p->bed);
    cr_buf_free(&p->letters);
    cr_arena_free(&p->arena);
    free(p);
}
