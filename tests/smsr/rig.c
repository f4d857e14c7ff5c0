#include "rig.h"

#include "asn1/der.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/symmetric.h"
#include "pki/gpcert.h"
#include "pki/issue.h"
#include "soap/eum_signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const uint8_t rig_eid[16] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                             0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};

static const uint8_t TRANSPORT[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

const char *rig_iccid(int n)
{
    static const char *const names[] = {"8900101000000000000", "8900101000000000001",
                                        "8900101000000000002", "8900101000000000003",
                                        "8900101000000000004", "8900101000000000005"};
    return names[n];
}

/* The TARs that an SM-SR gives out, in order. */
cr_span rig_aid(int n)
{
    static const uint8_t aids[][16] = {
        {0},
        {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 0x10, 0},
        {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 0x11, 0},
        {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 0x12, 0},
        {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 0x13, 0},
        {0xA0, 0, 0, 5, 0x59, 0x10, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x89, 0, 0, 0x14, 0},
    };
    return CR_SPAN_ARRAY(aids[n]);
}

/* ---- world -------------------------------------------------------------------------------------
 */

static int64_t rig_now(void *ctx)
{
    return ((struct rig *)ctx)->now_ms;
}

static cr_status rig_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    struct rig *r = ctx;
    uint8_t block[CRYPTO_SHA256];
    (void)err;
    for (size_t i = 0; i < n; i++) {
        if (i % sizeof block == 0) {
            r->random++;
            crypto_sha256(cr_span_of(&r->random, sizeof r->random), block);
        }
        p[i] = block[i % sizeof block];
    }
    return CR_OK;
}

static void rig_log(void *ctx, enum cr_log_level level, const char *line)
{
    struct rig *r = ctx;
    (void)level;
    cr_buf_append_str(&r->log, line);
    cr_buf_append_byte(&r->log, '\n');
}

static cr_span keep(struct rig *r, const cr_buf *b)
{
    cr_span s = cr_arena_copy(&r->arena, cr_buf_span(b));
    assert_non_null(s.p);
    return s;
}

static struct pki_key *new_key(void)
{
    struct crypto_private *private = NULL;
    struct pki_key *key = NULL;
    assert_int_equal(crypto_private_generate(CRYPTO_P256, &private, NULL), CR_OK);
    assert_int_equal(pki_key_of_private(private, &key, NULL), CR_OK);
    return key;
}

static cr_span issue(struct rig *r, const struct pki_request *request, const struct pki_key *key,
                     const struct pki_cert *issuer, const struct pki_key *issuer_key)
{
    cr_buf der = {0};
    assert_int_equal(pki_issue(request, CRYPTO_P256, pki_key_point(key), issuer, issuer_key,
                               &r->env, &der, NULL),
                     CR_OK);
    cr_span out = keep(r, &der);
    cr_buf_free(&der);
    return out;
}

static void make_certificates(struct rig *r)
{
    const int64_t day = (int64_t)24 * 3600 * 1000;
    struct pki_cert ci, eum;
    cr_buf ecasd = {0};
    r->ci = new_key();
    r->eum = new_key();
    r->eum2 = new_key();
    const struct pki_request ci_request = {.role = PKI_ROLE_CI,
                                           .common_name = "CI",
                                           .organization = "CI",
                                           .registered_id = "2.999.1",
                                           .not_before_ms = RIG_NOW - 100 * day,
                                           .not_after_ms = RIG_NOW + 3650 * day};
    r->ci_der = issue(r, &ci_request, r->ci, NULL, r->ci);
    assert_int_equal(pki_cert_decode(r->ci_der, &ci, NULL), CR_OK);
    const struct pki_request eum_request = {.role = PKI_ROLE_EUM,
                                            .common_name = "EUM",
                                            .organization = "EUM",
                                            .ein_prefix = "89001012",
                                            .registered_id = "1.2.50",
                                            .not_before_ms = RIG_NOW - 100 * day,
                                            .not_after_ms = RIG_NOW + 1000 * day};
    r->eum_der = issue(r, &eum_request, r->eum, &ci, r->ci);
    assert_int_equal(pki_cert_decode(r->eum_der, &eum, NULL), CR_OK);
    struct gpcert_request request = {.subject = CR_SPAN_ARRAY(rig_eid),
                                     .expiry = 20401231,
                                     .curve = CRYPTO_P256,
                                     .point = pki_key_point(r->eum2)};
    assert_int_equal(gpcert_request_issuer(&request, &eum, NULL), CR_OK);
    assert_int_equal(gpcert_issue(&request, r->eum, &r->env, &ecasd, NULL), CR_OK);
    r->ecasd = keep(r, &ecasd);
    cr_buf_free(&ecasd);
}

static void make_parties(struct rig *r)
{
    const struct m2m_party list[RIG_PARTIES] = {
        {.name = "eum",
         .oid = "1.2.50",
         .roles = SOAP_EUM,
         .eum_certificate = r->eum_der,
         .transport_key = r->transport_file},
        {.name = "a", .oid = "1.2.1", .roles = SOAP_OPERATOR, .url = "https://a/"},
        {.name = "b", .oid = "1.2.2", .roles = SOAP_OPERATOR},
        {.name = "d", .oid = "1.2.10", .roles = SOAP_SMDP, .url = "https://d/"},
        {.name = "d2", .oid = "1.2.11", .roles = SOAP_SMDP, .url = "https://d2/"},
        {.name = "s", .oid = "1.2.30", .roles = SOAP_M2MSP, .url = "https://s/"},
        {.name = "c", .oid = "1.2.3", .roles = SOAP_OPERATOR, .url = "https://c/"},
        {.name = "eum2", .oid = "1.2.51", .roles = SOAP_EUM},
        {.name = "sr2", .oid = "1.2.21", .roles = SOAP_SMSR, .url = "https://sr2/"},
    };
    memcpy(r->party, list, sizeof list);
    r->parties = (struct m2m_parties){.oid = "1.2.20",
                                      .name = "SR",
                                      .role = SOAP_SMSR,
                                      .address = "https://sr/",
                                      .parties = r->party,
                                      .count = RIG_PARTIES};
}

static void open_smsr(struct rig *r)
{
    struct cr_err err = {0};
    const struct smsr_options options = {.dir = r->on_disk ? r->dir : NULL,
                                         .parties = &r->parties,
                                         .ci_file = r->ci_file,
                                         .env = &r->env};
    if (smsr_open(&options, &r->sr, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

struct rig *rig_new_empty(bool on_disk)
{
    struct rig *r = calloc(1, sizeof *r);
    cr_buf hex = {0};
    assert_non_null(r);
    r->now_ms = RIG_NOW;
    r->on_disk = on_disk;
    r->env = (cr_env){.ctx = r, .now_ms = rig_now, .random = rig_random, .log = rig_log};
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/crisp-smsr-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->ci_file, sizeof r->ci_file, "%s/ci.der", r->dir);
    (void)snprintf(r->transport_file, sizeof r->transport_file, "%s/transport.key", r->dir);
    make_certificates(r);
    cr_hex_append(&hex, CR_SPAN_ARRAY(TRANSPORT));
    assert_int_equal(cr_file_write(r->ci_file, r->ci_der, 0600, NULL), CR_OK);
    assert_int_equal(cr_file_write(r->transport_file, cr_buf_span(&hex), 0600, NULL), CR_OK);
    cr_buf_free(&hex);
    make_parties(r);
    open_smsr(r);
    chip_init(&r->chip);
    return r;
}

void rig_free(struct rig *r)
{
    static const char *const files[] = {"ci.der",  "transport.key", "seal.key",
                                        "smsr.db", "smsr.db-wal",   "smsr.db-shm"};
    smsr_close(r->sr);
    pki_key_free(r->ci);
    pki_key_free(r->eum);
    pki_key_free(r->eum2);
    cr_arena_free(&r->arena);
    cr_arena_free(&r->call);
    cr_buf_free(&r->letters);
    cr_buf_free(&r->log);
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", r->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(r->dir);
    free(r);
}

void rig_reopen(struct rig *r)
{
    assert_true(r->on_disk);
    smsr_close(r->sr);
    open_smsr(r);
}

struct m2m_party *rig_party(struct rig *r, const char *name)
{
    for (size_t i = 0; i < RIG_PARTIES; i++) {
        if (strcmp(r->party[i].name, name) == 0) {
            return &r->party[i];
        }
    }
    fail_msg("no party %s", name);
    return NULL;
}

/* ---- EIS ---------------------------------------------------------------------------------------
 */

static void *zeroed(struct rig *r, size_t count, size_t size)
{
    void *p = cr_arena_alloc_array(&r->arena, count, size);
    assert_non_null(p);
    return p;
}

/* A key as it travels on ES1: `padded` as PKCS#7 wants it. */
static struct soap_key wrapped_key(struct rig *r, int64_t index, uint8_t type, uint8_t fill,
                                   bool padded)
{
    uint8_t plain[32], ones[16], kcv[16], zero[16] = {0};
    uint8_t *out = zeroed(r, 32, 1), *check = zeroed(r, 3, 1), *kind = zeroed(r, 1, 1);
    const size_t n = padded ? 32 : 16;
    struct soap_key key = {.has_index = true, .index = index};
    memset(plain, fill, 16);
    memset(plain + 16, 16, 16);
    memset(ones, 1, 16);
    for (size_t i = 0; i < n; i += 16) {
        assert_int_equal(
            crypto_aes_cbc(true, CR_SPAN_ARRAY(TRANSPORT), zero, plain + i, 16, out + i, NULL),
            CR_OK);
    }
    assert_int_equal(crypto_aes_block(cr_span_of(plain, 16), ones, kcv, NULL), CR_OK);
    memcpy(check, kcv, 3);
    *kind = type;
    key.kcv = cr_span_of(check, 3);
    key.components.items = zeroed(r, 1, sizeof *key.components.items);
    key.components.count = 1;
    key.components.items[0] =
        (struct soap_key_component){.type = cr_span_of(kind, 1), .value = cr_span_of(out, n)};
    return key;
}

static void fill_isdr(struct rig *r, struct soap_security_domain *d)
{
    static const uint8_t aid[] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0,    0,    1,    0};
    static const uint8_t tar[] = {0, 0, 1};
    *d = (struct soap_security_domain){.aid = CR_SPAN_ARRAY(aid),
                                       .sin = cr_span_str("ISDN"),
                                       .sdin = cr_span_str("12345678"),
                                       .role = SOAP_ROLE_ISD_R};
    d->tars.items = zeroed(r, 1, sizeof(cr_span));
    d->tars.items[0] = CR_SPAN_ARRAY(tar);
    d->tars.count = 1;
    d->keysets.items = zeroed(r, 2, sizeof *d->keysets.items);
    d->keysets.count = 2;
    struct soap_keyset *scp80 = &d->keysets.items[0], *scp81 = &d->keysets.items[1];
    *scp80 = (struct soap_keyset){.has_version = true,
                                  .version = 1,
                                  .type = SOAP_KEYSET_SCP80,
                                  .has_counter = true,
                                  .counter = 7};
    scp80->keys.items = zeroed(r, 3, sizeof *scp80->keys.items);
    scp80->keys.count = 3;
    for (int i = 0; i < 3; i++) {
        scp80->keys.items[i] = wrapped_key(r, i + 1, 0x88, (uint8_t)(0x10 * (i + 1)), i != 1);
    }
    *scp81 = (struct soap_keyset){.has_version = true, .version = 0x40, .type = SOAP_KEYSET_SCP81};
    scp81->keys.items = zeroed(r, 1, sizeof *scp81->keys.items);
    scp81->keys.count = 1;
    scp81->keys.items[0] = wrapped_key(r, 1, 0x85, 0x77, true);
}

static void fill_ecasd(struct rig *r, struct soap_security_domain *d)
{
    static const uint8_t aid[] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0,    0,    2,    0};
    *d = (struct soap_security_domain){.aid = CR_SPAN_ARRAY(aid),
                                       .sin = cr_span_str("ISDN"),
                                       .sdin = cr_span_str("12345678"),
                                       .role = SOAP_ROLE_ECASD};
    d->keysets.items = zeroed(r, 1, sizeof *d->keysets.items);
    d->keysets.count = 1;
    d->keysets.items[0] =
        (struct soap_keyset){.has_version = true, .version = 116, .type = SOAP_KEYSET_CA};
    d->keysets.items[0].certificates.items =
        zeroed(r, 1, sizeof *d->keysets.items[0].certificates.items);
    d->keysets.items[0].certificates.count = 1;
    d->keysets.items[0].certificates.items[0] = (struct soap_certificate){
        .has_index = true, .index = 1, .ca_id = cr_span_str("1.2.50"), .value = r->ecasd};
}

static void fill_profile(int n, struct soap_profile_info *p)
{
    *p = (struct soap_profile_info){
        .iccid = cr_span_str(rig_iccid(n)),
        .isdp_aid = rig_aid(n),
        .mno_id = cr_span_str(n == 3 ? "1.2.2" : "1.2.1"),
        .has_fallback = true,
        .fallback = n == 1,
        .has_address = true,
        .address = {.msisdn = cr_span_str(n == 1 ? "001900000001" : "001900000002")},
        .state = n == 1 ? SOAP_STATE_ENABLED : SOAP_STATE_DISABLED,
        .smdp_id = n == 1 ? (cr_span){0} : cr_span_str("1.2.10"),
        .profile_type = cr_span_str(n == 1 ? "bootstrap" : "meter"),
        .has_allocated_memory = true,
        .allocated_memory = 1000,
        .has_pol2 = true};
}

void rig_eis(struct rig *r, struct soap_eis *e, void (*change)(struct rig *r, struct soap_eis *e))
{
    static const uint8_t loadfile[] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0x89, 0,    0,    0x0D, 0};
    static const uint8_t module[] = {0xA0, 0,    0,    5,    0x59, 0x10, 0x10, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0x89, 0,    0,    0x0E, 0};
    *e = (struct soap_eis){
        .has_signed_info = true,
        .signed_info = {.eid = CR_SPAN_ARRAY(rig_eid),
                        .eum_id = cr_span_str("1.2.50"),
                        .has_production_date = true,
                        .production_date = RIG_NOW - 1000000,
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
        .smsr_id = cr_span_str("1.2.20"),
        .has_isdr = true};
    fill_ecasd(r, &e->signed_info.ecasd);
    fill_isdr(r, &e->isdr);
    e->profiles.items = zeroed(r, 3, sizeof *e->profiles.items);
    e->profiles.count = 3;
    for (int n = 1; n <= 3; n++) {
        fill_profile(n, &e->profiles.items[n - 1]);
    }
    if (change) {
        change(r, e);
    }
    if (!e->eum_signature.p) {
        assert_int_equal(soap_eum_sign(e, r->eum, r->eum_der, (cr_span){0}, &r->arena, NULL),
                         CR_OK);
    }
}

struct rig *rig_new(bool on_disk)
{
    struct rig *r = rig_new_empty(on_disk);
    struct soap_body body = {.has_eis = true};
    rig_eis(r, &body.eis, NULL);
    struct reply reply = rig_call(r, "eum", SOAP_ES1, SOAP_REGISTER_EIS, &body);
    rig_expect(r, &reply, "");
    for (int n = 1; n <= 3; n++) {
        struct chip_isdp *d = chip_add(&r->chip, rig_aid(n), n == 1 ? 0x3F : 0x1F);
        d->fallback = n == 1;
    }
    return r;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

struct soap_body rig_body(int n)
{
    return (struct soap_body){.eid = CR_SPAN_ARRAY(rig_eid),
                              .iccid = cr_span_str(rig_iccid(n)),
                              .has_validity_period = true,
                              .validity_period = RIG_PERIOD_S};
}

static void take_reply(struct rig *r, cr_span envelope, struct reply *reply)
{
    struct soap_message m;
    struct cr_err err = {0};
    cr_span kept = cr_arena_copy(&r->call, envelope);
    assert_non_null(kept.p);
    if (soap_parse(kept, &r->call, &m, &err) != CR_OK) {
        fail_msg("%s: %.*s", err.cause, (int)kept.n, (const char *)kept.p);
    }
    assert_int_equal(m.kind, SOAP_RESPONSE);
    reply->waiting = false;
    reply->body = m.body;
    reply->status = m.body.status.status;
    (void)cr_str_copy(reply->subject, sizeof reply->subject, m.body.status.code.subject);
    (void)cr_str_copy(reply->reason, sizeof reply->reason, m.body.status.code.reason);
    (void)cr_str_copy(reply->identifier, sizeof reply->identifier,
                      m.body.status.code.subject_identifier);
}

struct reply rig_call_id(struct rig *r, const char *from, enum soap_interface interface,
                         enum soap_name name, const struct soap_body *body, const char *id)
{
    struct reply reply = {0};
    struct cr_err err = {0};
    cr_buf text = {0}, out = {0};
    const struct m2m_party *party = rig_party(r, from);
    struct soap_message m = {
        .kind = SOAP_REQUEST,
        .function = soap_function(interface, name),
        .body = *body,
        .header = {.from = {.uri = cr_span_str("https://x/"), .entity_id = cr_span_str(party->oid)},
                   .to = {.uri = cr_span_str("https://sr/"), .entity_id = cr_span_str("1.2.20")},
                   .message_id = cr_span_str(id)}};
    m.body.function_call_identifier = cr_span_str(id);
    if (soap_build(&m, NULL, &text, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    enum m2m_verdict verdict =
        m2m_receive(smsr_messenger(r->sr), party, cr_buf_span(&text), &r->call, &out, &reply.id);
    reply.waiting = verdict == M2M_WAIT;
    if (verdict == M2M_ANSWER) {
        take_reply(r, cr_buf_span(&out), &reply);
    } else if (verdict != M2M_WAIT) {
        fail_msg("verdict %d: %.*s", (int)verdict, (int)out.n, (const char *)out.p);
    }
    cr_buf_free(&text);
    cr_buf_free(&out);
    return reply;
}

struct reply rig_call(struct rig *r, const char *from, enum soap_interface interface,
                      enum soap_name name, const struct soap_body *body)
{
    char id[64];
    (void)snprintf(id, sizeof id, "//x/%d?MessageDate=2026-03-02T08:00:00Z", ++r->calls);
    return rig_call_id(r, from, interface, name, body, id);
}

struct reply rig_do(struct rig *r, const char *from, enum soap_interface interface,
                    enum soap_name name, int n)
{
    const struct soap_body body = rig_body(n);
    return rig_call(r, from, interface, name, &body);
}

void rig_wait(struct rig *r, struct reply *reply)
{
    cr_buf out = {0};
    if (!reply->waiting) {
        return;
    }
    enum m2m_verdict verdict = m2m_held(smsr_messenger(r->sr), reply->id, false, &r->call, &out);
    if (verdict == M2M_ANSWER) {
        take_reply(r, cr_buf_span(&out), reply);
    } else {
        assert_int_equal(verdict, M2M_WAIT);
    }
    cr_buf_free(&out);
}

void rig_expect(struct rig *r, struct reply *reply, const char *codes)
{
    char have[64] = "...";
    rig_wait(r, reply);
    if (reply->status) {
        static const char *const signs[] = {"", "", "w", "", "x"};
        (void)snprintf(have, sizeof have, "%s%s%s%s", signs[reply->status], reply->subject,
                       reply->subject[0] ? "/" : "", reply->reason);
    }
    if (strcmp(have, codes) != 0) {
        fail_msg("answered '%s' instead of '%s': %.*s", have, codes,
                 (int)reply->body.status.code.message.n,
                 (const char *)reply->body.status.code.message.p);
    }
}

void rig_forget(struct rig *r)
{
    cr_arena_reset(&r->call);
}

/* ---- radio -------------------------------------------------------------------------------------
 */

void rig_store(struct rig *r, store_work work, void *ctx)
{
    struct cr_err err = {0};
    if (store_run(smsr_store(r->sr), work, ctx, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    m2m_poke(smsr_messenger(r->sr));
}

struct taking {
    struct rig *r;
    cr_arena arena;
    struct smsr_script script;
    bool found;
};

static cr_status take_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct taking *t = ctx;
    size_t count = 0;
    CR_TRY(smsr_script_due(tx, t->r->now_ms, &t->arena, &t->script, 1, &count, NULL, err));
    t->found = count > 0;
    if (!t->found) {
        return CR_OK;
    }
    t->script.left = true;
    t->script.attempts++;
    t->script.next_ms = t->r->now_ms + 60000;
    CR_TRY(smsr_keyset_count(tx, t->script.eid, 1, &t->script.counter, err));
    return smsr_script_sent(tx, &t->script, err);
}

int64_t rig_radio_take(struct rig *r)
{
    struct taking t = {.r = r};
    if (r->restart) {
        rig_reopen(r);
    }
    rig_store(r, take_work, &t);
    const int64_t id = t.found ? t.script.id : 0;
    cr_arena_free(&t.arena);
    return id;
}

struct ending {
    struct rig *r;
    struct smsr_outcome outcome;
    struct smsr_script script;
    cr_arena arena;
    bool found;
};

static cr_status get_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct ending *e = ctx;
    return smsr_script_get(tx, e->outcome.script, &e->arena, &e->script, &e->found, err);
}

static cr_status end_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct ending *e = ctx;
    return smsr_script_end(e->r->sr, tx, &e->outcome, err);
}

void rig_radio_end(struct rig *r, int64_t script, enum rig_radio how)
{
    struct ending e = {.r = r, .outcome = {.script = script}};
    cr_buf response = {0};
    rig_store(r, get_work, &e);
    if (e.found && (how == RADIO_GOOD || how == RADIO_LOST)) {
        chip_execute(&r->chip, e.script.commands, &response);
    }
    static const uint8_t bad[] = {0x90, 0x01, 0x01};
    switch (how) {
    case RADIO_GOOD:
        e.outcome.event = SMSR_EV_OK;
        e.outcome.response = cr_buf_span(&response);
        break;
    case RADIO_LOST:
    case RADIO_DEAF:
        e.outcome.event = SMSR_EV_UNANSWERED;
        break;
    case RADIO_UNREACHABLE:
        e.outcome.event = SMSR_EV_UNREACHABLE;
        e.outcome.why = "no address";
        break;
    case RADIO_BAD:
        e.outcome.event = SMSR_EV_ERROR;
        e.outcome.response = CR_SPAN_ARRAY(bad);
        break;
    }
    if (r->restart) {
        rig_reopen(r);
    }
    rig_store(r, end_work, &e);
    cr_arena_free(&e.arena);
    cr_buf_free(&response);
}

bool rig_radio(struct rig *r, enum rig_radio how)
{
    const int64_t id = rig_radio_take(r);
    if (id) {
        rig_radio_end(r, id, how);
    }
    return id != 0;
}

struct hearing {
    struct rig *r;
    struct smsr_notification n;
    bool confirm;
};

static cr_status hear_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct hearing *h = ctx;
    return smsr_procedure_notified(h->r->sr, tx, &h->n, &h->confirm, err);
}

bool rig_notify_at(struct rig *r, uint8_t type, uint16_t number, int n, int64_t received_ms)
{
    static const uint8_t imei[] = {0x3A, 0x45, 0x99, 0, 0x57, 0x91, 0x85, 3};
    struct hearing h = {.r = r,
                        .n = {.eid = CR_SPAN_ARRAY(rig_eid),
                              .type = type,
                              .number = number,
                              .aid = rig_aid(n),
                              .imei = CR_SPAN_ARRAY(imei),
                              .from = "001900000099",
                              .received_ms = received_ms}};
    if (r->restart) {
        rig_reopen(r);
    }
    rig_store(r, hear_work, &h);
    return h.confirm;
}

bool rig_notify(struct rig *r, uint8_t type, int n)
{
    return rig_notify_at(r, type, ++r->chip.number, n, r->now_ms);
}

bool rig_notify_again(struct rig *r, uint8_t type, int n)
{
    return rig_notify_at(r, type, r->chip.number, n, r->now_ms);
}

static int index_of(cr_span aid)
{
    for (int n = 1; n <= 5; n++) {
        if (cr_span_equal(rig_aid(n), aid)) {
            return n;
        }
    }
    fail_msg("no such AID");
    return 0;
}

void rig_run(struct rig *r)
{
    int reported = -1;
    for (int i = 0; i < 50; i++) {
        if (rig_radio(r, RADIO_GOOD)) {
            continue;
        }
        if (!r->chip.pending || reported == r->chip.number) {
            return;
        }
        (void)rig_notify(r, 2, index_of(CR_SPAN_ARRAY(chip_enabled(&r->chip)->aid)));
        reported = r->chip.number;
    }
    fail_msg("the radio does not come to rest");
}

void rig_pass(struct rig *r, int64_t seconds)
{
    struct cr_err err = {0};
    r->now_ms += seconds * 1000;
    if (r->restart) {
        rig_reopen(r);
    }
    if (smsr_tick(r->sr, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

/* ---- what is there -----------------------------------------------------------------------------
 */

struct look {
    struct rig *r;
    char *text;
    size_t size;
    cr_arena arena;
    struct smsr_euicc euicc;
    struct smsr_profile profile;
    int n;
    unsigned pol2;
};

static void add(struct look *l, const char *word)
{
    const size_t n = strlen(l->text);
    (void)snprintf(l->text + n, l->size - n, "%s%s", n ? " " : "", word);
}

static cr_status states_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct smsr_profiles all;
    CR_TRY(smsr_profile_list(tx, CR_SPAN_ARRAY(rig_eid), &l->arena, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        const struct smsr_profile *p = &all.items[i];
        char word[16];
        (void)snprintf(word, sizeof word, "%d%c%s%s", index_of(p->aid),
                       p->state == SMSR_ENABLED    ? 'E'
                       : p->state == SMSR_DISABLED ? 'D'
                       : p->state == SMSR_CREATED  ? 'C'
                                                   : 'I',
                       p->fallback ? "F" : "", p->emergency ? "M" : "");
        add(l, word);
    }
    return CR_OK;
}

const char *rig_states(struct rig *r)
{
    static char text[256];
    struct look l = {.r = r, .text = text, .size = sizeof text};
    text[0] = 0;
    rig_store(r, states_work, &l);
    cr_arena_free(&l.arena);
    return text;
}

const char *rig_chip_states(struct rig *r)
{
    static char text[256];
    struct look l = {.text = text, .size = sizeof text};
    text[0] = 0;
    for (int n = 1; n <= 5; n++) {
        const struct chip_isdp *d = chip_find(&r->chip, rig_aid(n));
        char word[16];
        if (d) {
            (void)snprintf(word, sizeof word, "%d%c%s%s", n,
                           d->state == 0x3F   ? 'E'
                           : d->state == 0x1F ? 'D'
                                              : 'C',
                           d->fallback ? "F" : "", d->emergency ? "M" : "");
            add(&l, word);
        }
    }
    return text;
}

static cr_status procedures_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct smsr_procedure list[32];
    size_t count;
    CR_TRY(smsr_procedure_list(tx, CR_SPAN_ARRAY(rig_eid), false, 0, &l->arena, list,
                               CR_COUNT(list), &count, err));
    for (size_t i = 0; i < count; i++) {
        add(l, smsr_proc_state_name(list[i].state));
    }
    return CR_OK;
}

const char *rig_procedures(struct rig *r)
{
    static char text[512];
    struct look l = {.r = r, .text = text, .size = sizeof text};
    text[0] = 0;
    rig_store(r, procedures_work, &l);
    cr_arena_free(&l.arena);
    return text;
}

static cr_status trail_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    struct soap_audit_trail trail;
    CR_TRY(smsr_audit_list(tx, CR_SPAN_ARRAY(rig_eid), &l->arena, &trail, err));
    for (size_t i = 0; i < trail.records.count; i++) {
        char word[16];
        (void)snprintf(word, sizeof word, "%02X%02X%s", trail.records.items[i].operation_type.p[0],
                       trail.records.items[i].operation_type.p[1],
                       trail.records.items[i].status.status == SOAP_FAILED ? "!" : "");
        add(l, word);
    }
    return CR_OK;
}

const char *rig_trail(struct rig *r)
{
    static char text[512];
    struct look l = {.r = r, .text = text, .size = sizeof text};
    text[0] = 0;
    rig_store(r, trail_work, &l);
    cr_arena_free(&l.arena);
    return text;
}

static cr_status euicc_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    return smsr_euicc_get(tx, CR_SPAN_ARRAY(rig_eid), &l->r->call, &l->euicc, err);
}

struct smsr_euicc rig_euicc(struct rig *r)
{
    struct look l = {.r = r};
    rig_store(r, euicc_work, &l);
    return l.euicc;
}

static cr_status profile_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    return smsr_profile_get(tx, CR_SPAN_ARRAY(rig_eid), cr_span_str(rig_iccid(l->n)), &l->r->call,
                            &l->profile, err);
}

void rig_profile(struct rig *r, int n, struct smsr_profile *out)
{
    struct look l = {.r = r, .n = n};
    rig_store(r, profile_work, &l);
    *out = l.profile;
}

static cr_status pol2_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct look *l = ctx;
    CR_TRY(profile_work(tx, ctx, err));
    l->profile.pol2 = l->pol2;
    return smsr_profile_put(tx, &l->profile, err);
}

void rig_pol2(struct rig *r, int n, unsigned pol2)
{
    struct look l = {.r = r, .n = n, .pol2 = pol2};
    rig_store(r, pol2_work, &l);
}

void rig_grant(struct rig *r, const char *owner, const char *grantee, const char *operations)
{
    struct soap_body body = rig_body(1);
    int items[32];
    struct soap_plma *plma = &body.plma;
    body.has_plma = true;
    *plma = (struct soap_plma){.mno_id = cr_span_str(rig_party(r, owner)->oid),
                               .m2m_sp_id = cr_span_str(rig_party(r, grantee)->oid),
                               .profile_type = cr_span_str("meter")};
    plma->operations.items = items;
    for (const char *at = operations; *at;) {
        const size_t n = strcspn(at, " ");
        int found = 0;
        for (int i = 0; soap_plma_operations[i]; i++) {
            if (strlen(soap_plma_operations[i]) == n &&
                memcmp(soap_plma_operations[i], at, n) == 0) {
                found = i + 1;
            }
        }
        assert_int_not_equal(found, 0);
        items[plma->operations.count++] = found;
        at += n + (at[n] == ' ');
    }
    struct reply reply = rig_call(r, owner, SOAP_ES4A, SOAP_SET_PLMA, &body);
    rig_expect(r, &reply, "");
    (void)rig_letters(r);
}

/* ---- letters -----------------------------------------------------------------------------------
 */

static void write_letter(struct rig *r, const struct m2m_parcel *parcel, cr_arena *arena)
{
    struct soap_message m;
    struct cr_err err = {0};
    if (soap_parse(parcel->body, arena, &m, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const char *name = m.function->name;
    const size_t n = strlen(name);
    const bool notice = m.kind == SOAP_NOTICE;
    cr_buf_appendf(&r->letters, "%s%s %s %.*s", r->letters.n ? "; " : "", parcel->to->name,
                   soap_interface_name(m.function->interface),
                   notice ? (int)(n - strlen("HandleNotification")) : (int)n,
                   notice ? name + strlen("Handle") : name);
    if (m.body.iccid.n) {
        cr_buf_appendf(&r->letters, " %c", m.body.iccid.p[m.body.iccid.n - 1]);
    }
    if (m.function->interface == SOAP_ES3 && m.body.mno_id.n) {
        cr_buf_appendf(&r->letters, " for %.*s", (int)m.body.mno_id.n,
                       (const char *)m.body.mno_id.p);
    }
}

const char *rig_letters(struct rig *r)
{
    struct m2m *m2m = smsr_messenger(r->sr);
    const char *lanes[M2M_MAX_LANES];
    size_t count = 0;
    cr_arena arena = {0};
    cr_buf_reset(&r->letters);
    assert_int_equal(m2m_due(m2m, &arena, lanes, &count, NULL), CR_OK);
    for (size_t i = 0; i < count; i++) {
        struct m2m_parcel parcel;
        bool found = true;
        for (;;) {
            assert_int_equal(m2m_take(m2m, lanes[i], &arena, &parcel, &found, NULL), CR_OK);
            if (!found) {
                break;
            }
            write_letter(r, &parcel, &arena);
            assert_int_equal(m2m_delivered(m2m, parcel.id, 202, (cr_span){0}, NULL, NULL), CR_OK);
        }
    }
    cr_arena_free(&arena);
    return r->letters.n ? cr_buf_cstr(&r->letters) : "";
}
