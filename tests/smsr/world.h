/*
 * An SM-SR with one eUICC in it, a clock that the test moves, and the card's side of secured
 * packets: what the tests of the radio share.
 */
#ifndef CRISP_TESTS_SMSR_WORLD_H
#define CRISP_TESTS_SMSR_WORLD_H

#include "../crypto/vector.h"

#include "base/file.h"
#include "ota/sms.h"
#include "smsr/cattp.h"
#include "smsr/packet.h"
#include "smsr/sms.h"
#include "smsr/smsr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define W_EID      "89001012012341234012345678901224"
#define W_ISDR     "A0000005591010FFFFFFFF8900000100"
#define W_ISDP     "A0000005591010FFFFFFFF8900001000"
#define W_NUMBER   "4512345678"
#define W_SR       "4599"
#define W_ICCID    "89460000000000000018"
#define W_MESSAGES 64
#define W_START    1700000000000

struct world {
    int64_t now_ms;
    uint32_t random;
    cr_env env;
    struct m2m_parties parties;
    char dir[32]; /* empty = in memory */
    struct smsr *sr;
    struct smsr_radio_config config;
    struct smsr_sms *sms;
    struct smsr_policy policy;
    bool session, https; /* what the HTTPS engine would say */
    bool cattp;          /* links are served */
    struct smsr_cattp *links;
    void (*transmit)(void *ctx, const struct udp_address *to, cr_span datagram);
    /* Messages that left. */
    struct smpp_message messages[W_MESSAGES];
    uint64_t refs[W_MESSAGES];
    size_t count;
    bool submit_fails;
    void (*on_submit)(struct world *w); /* NULL = nothing */
    /* The card. */
    struct ota_key kic, kid;
    struct sms_assembler *card_in;
    uint64_t card_counter;
    struct ota_response_fields asked; /* of the last packet */
    cr_buf command;                   /* its content */
    unsigned executed;
};

static inline int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static inline cr_status world_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    struct world *w = ctx;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        w->random = w->random * 1103515245U + 12345U;
        p[i] = (uint8_t)(w->random >> 16);
    }
    return CR_OK;
}

static inline cr_status world_submit(void *ctx, const struct smsr_smsc *smsc,
                                     const struct smpp_message *m, uint64_t ref, struct cr_err *err)
{
    struct world *w = ctx;
    assert_non_null(smsc);
    if (w->submit_fails) {
        return cr_fail(err, CR_RESOURCE, NULL, "the queue is full");
    }
    if (w->on_submit) {
        w->on_submit(w);
    }
    assert_true(w->count < W_MESSAGES);
    w->messages[w->count] = *m;
    w->refs[w->count++] = ref;
    return CR_OK;
}

static inline bool world_session(void *ctx, cr_span eid)
{
    (void)eid;
    return ((struct world *)ctx)->session;
}

static inline bool world_link(void *ctx, cr_span eid)
{
    return smsr_cattp_has_link(((struct world *)ctx)->links, eid);
}

static inline void world_pushed(void *ctx, cr_span eid)
{
    smsr_cattp_expect(((struct world *)ctx)->links, eid);
}

static inline void world_session_due(void *ctx, cr_span eid)
{
    struct world *w = ctx;
    if (w->links) {
        smsr_cattp_wake(w->links, eid);
    }
}

/* ---- the SM-SR ---- */

static inline void world_start(struct world *w)
{
    const struct smsr_options options = {.dir = w->dir[0] ? w->dir : NULL,
                                         .parties = &w->parties,
                                         .policy = w->policy,
                                         .env = &w->env};
    struct cr_err err = {0};
    if (smsr_open(&options, &w->sr, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    const struct smsr_sms_options sms = {.sr = w->sr,
                                         .config = &w->config,
                                         .ctx = w,
                                         .submit = world_submit,
                                         .has_session = w->https ? world_session : NULL,
                                         .has_link = w->cattp ? world_link : NULL,
                                         .pushed = w->cattp ? world_pushed : NULL,
                                         .session_due = world_session_due};
    const struct smsr_cattp_options cattp = {
        .sr = w->sr, .config = &w->config, .ctx = w, .transmit = w->transmit};
    w->config.cattp = w->cattp;
    if (w->cattp) {
        assert_int_equal(smsr_cattp_new(&cattp, &w->links, &err), CR_OK);
    }
    assert_int_equal(smsr_sms_new(&sms, &w->sms, &err), CR_OK);
}

static inline void world_stop(struct world *w)
{
    smsr_sms_free(w->sms);
    smsr_cattp_free(w->links);
    smsr_close(w->sr);
    w->links = NULL;
    w->sms = NULL;
    w->sr = NULL;
}

static inline void world_restart(struct world *w)
{
    if (w->dir[0]) {
        world_stop(w);
        world_start(w);
    }
}

typedef cr_status (*world_work)(struct world *w, struct store_tx *tx, struct cr_err *err);
struct world_call {
    struct world *w;
    world_work work;
};

static inline cr_status world_call(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct world_call *call = ctx;
    return call->work(call->w, tx, err);
}

static inline void world_run(struct world *w, world_work work)
{
    struct world_call call = {.w = w, .work = work};
    struct cr_err err = {0};
    if (store_run(smsr_store(w->sr), world_call, &call, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

static inline cr_status world_fill(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    const cr_span aid = vector(W_ISDP);
    const struct smsr_euicc e = {.eid = vector(W_EID),
                                 .eum_id = "1.3.6.1.4.1.1",
                                 .signed_info = vector("3000"),
                                 .eum_signature = vector("3000"),
                                 .ecasd_certificate = vector("7F2100"),
                                 .isdp_loadfile = vector("A0000005591010FFFFFFFF8900000D00"),
                                 .isdp_module = vector("A0000005591010FFFFFFFF8900000E00"),
                                 .isdr_aid = vector(W_ISDR),
                                 .isdr_tars = vector("000001"),
                                 .sin = vector("01"),
                                 .sdin = vector("02"),
                                 .http = true,
                                 .cattp = w->cattp,
                                 .remaining_memory = 100000,
                                 .available_memory = 100000};
    const struct smsr_profile p = {.eid = e.eid,
                                   .aid = aid,
                                   .iccid = W_ICCID,
                                   .mno_id = "1.3.6.1.4.1.2",
                                   .msisdn = "+" W_NUMBER,
                                   .state = SMSR_ENABLED,
                                   .fallback = true,
                                   .allocated_memory = 1000,
                                   .free_memory = -1};
    struct smsr_keyset scp80 = {.version = 1, .type = SOAP_KEYSET_SCP80};
    struct smsr_keyset scp81 = {.version = 0x40, .type = SOAP_KEYSET_SCP81};
    for (int i = 0; i < 3; i++) {
        scp80.keys[i] = (struct smsr_key){.type = 0x88, .size = 16};
        memset(scp80.keys[i].value, 0x11 * (i + 1), 16);
    }
    memcpy(w->kic.value, scp80.keys[0].value, 16);
    memcpy(w->kid.value, scp80.keys[1].value, 16);
    scp81.keys[0] = (struct smsr_key){.type = 0x85, .size = 16};
    memset(scp81.keys[0].value, 0x77, 16);
    CR_TRY(smsr_euicc_put(tx, &e, err));
    CR_TRY(smsr_profile_put(tx, &p, err));
    CR_TRY(smsr_keyset_put(w->sr, tx, e.eid, &scp80, 6, err));
    return smsr_keyset_put(w->sr, tx, e.eid, &scp81, 0, err);
}

static inline void world_open(struct world *w, bool on_disk)
{
    *w = (struct world){.now_ms = W_START, .random = 1};
    w->env = (cr_env){.ctx = w, .now_ms = world_now, .random = world_random};
    w->parties = (struct m2m_parties){.oid = "1.3.6.1.4.1.9", .name = "SR", .role = SOAP_SMSR};
    smsr_radio_defaults(&w->config);
    w->config.smsc[0] = (struct smsr_smsc){.name = "one", .number = W_SR, .prefix = ""};
    w->config.smsc_count = 1;
    w->kic = (struct ota_key){.algorithm = OTA_AES, .n = 16, .mac_size = 8};
    w->kid = w->kic;
    w->card_counter = 6;
    assert_int_equal(sms_assembler_new(NULL, &w->card_in, NULL), CR_OK);
    if (on_disk) {
        (void)snprintf(w->dir, sizeof w->dir, "/tmp/crisp-smsr-radio-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
    }
    world_start(w);
    world_run(w, world_fill);
}

static inline void world_close(struct world *w)
{
    static const char *const files[] = {"smsr.db", "smsr.db-wal", "smsr.db-shm", "seal.key"};
    world_stop(w);
    sms_assembler_free(w->card_in);
    cr_buf_free(&w->command);
    for (size_t i = 0; w->dir[0] && i < CR_COUNT(files); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
        (void)unlink(path);
    }
    if (w->dir[0]) {
        assert_int_equal(rmdir(w->dir), 0);
    }
}

/* Looks until nothing is due now. */
static inline void world_due(struct world *w)
{
    int64_t next;
    struct cr_err err = {0};
    for (int i = 0; i < 20; i++) {
        if (smsr_sms_run(w->sms, &next, &err) != CR_OK) {
            fail_msg("%s", err.cause);
        }
        if (!next || next > w->now_ms) {
            return;
        }
    }
    fail_msg("the engine does not come to rest");
}

static inline void world_pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    world_due(w);
}

/* ---- the card ---- */

/* Takes message i as a card does. True: a packet is complete and was executed (w->command). A
 * replay and what fails the check are dropped: *result says which. */
static inline bool card_take(struct world *w, size_t i, enum ota_result *result)
{
    const struct smpp_message *m = &w->messages[i];
    struct sms_address from = {.ton_npi = SMS_TON_NPI_INTERNATIONAL};
    struct ota_command_header header;
    struct ota_command command;
    cr_buf whole = {0}, scratch = {.secret = true};
    enum sms_assembly assembly;
    uint8_t packet = 0;
    bool executed = false;
    (void)snprintf(from.text, sizeof from.text, "%s", m->from);
    assert_string_equal(m->from, W_SR);
    assert_true(m->esm_class & SMPP_UDHI);
    assert_int_equal(m->protocol_id, 0x7F);
    assert_int_equal(m->data_coding, 0xF6);
    assert_true(m->text_size <= SMS_USER_DATA_MAX);
    assert_int_equal(sms_assembler_add(w->card_in, &from, true, cr_span_of(m->text, m->text_size),
                                       w->now_ms, &assembly, &packet, &whole, NULL),
                     CR_OK);
    *result = OTA_MALFORMED;
    if (assembly == SMS_ASSEMBLED) {
        assert_int_equal(packet, SMS_IEI_COMMAND_PACKET);
        assert_int_equal(ota_command_read(OTA_SMS, cr_buf_span(&whole), &header, NULL), OTA_OK);
        *result = ota_command_open(&header, (struct ota_keys){&w->kic, &w->kid}, &scratch, &command,
                                   NULL);
        if (*result == OTA_OK) {
            assert_true(ota_spi_sufficient(header.spi[0], 0x16));
            ota_response_fields_of(&header, command.counter, &w->asked);
            *result = ota_counter_check(header.spi[0], w->card_counter, command.counter,
                                        &w->card_counter);
        }
        if (*result == OTA_OK) {
            cr_buf_reset(&w->command);
            cr_buf_append_span(&w->command, command.data);
            w->executed++;
            executed = true;
        }
    }
    cr_buf_free(&whole);
    cr_buf_free(&scratch);
    return executed;
}

struct card_out {
    struct world *w;
    struct smpp_message messages[8];
    size_t count;
};

static inline cr_status card_emit(void *ctx, uint8_t number, uint8_t count, cr_span ud,
                                  struct cr_err *err)
{
    struct card_out *out = ctx;
    struct smpp_message *m = &out->messages[out->count++];
    (void)number;
    (void)count;
    (void)err;
    *m = (struct smpp_message){
        .esm_class = SMPP_UDHI, .protocol_id = 0x7F, .data_coding = 4, .text_size = ud.n};
    (void)snprintf(m->from, sizeof m->from, "%s", W_NUMBER);
    (void)snprintf(m->to, sizeof m->to, "%s", W_SR);
    memcpy(m->text, ud.p, ud.n);
    return CR_OK;
}

/* The messages of a proof of receipt for what was asked last. */
static inline void card_por(struct world *w, uint8_t status, const char *data, struct card_out *out)
{
    const struct sms_cut cut = {
        .packet = SMS_IEI_RESPONSE_PACKET, .reference = 9, .max_segments = 8};
    cr_buf packet = {0};
    *out = (struct card_out){.w = w};
    assert_int_equal(ota_response_build(&w->asked, (struct ota_keys){&w->kic, &w->kid}, status,
                                        vector(data), &packet, NULL),
                     CR_OK);
    assert_int_equal(sms_segment(&cut, cr_buf_span(&packet), card_emit, out, NULL), CR_OK);
    cr_buf_free(&packet);
}

static inline void card_send(struct world *w, const struct card_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        assert_int_equal(smsr_sms_received(w->sms, &out->messages[i]), SMPP_OK);
    }
}

static inline void card_answer(struct world *w, uint8_t status, const char *data)
{
    struct card_out out;
    card_por(w, status, data, &out);
    card_send(w, &out);
}

/* ---- procedures ---- */

struct world_proc {
    struct world *w;
    struct smsr_procedure what;
    int64_t id;
    struct smsr_procedure now; /* texts are gone: numbers only */
    bool has_script;
    struct smsr_script script; /* likewise */
};

static inline cr_status world_begin_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct world_proc *p = ctx;
    cr_arena arena = {0};
    cr_status status = smsr_procedure_start_own(p->w->sr, tx, &arena, &p->what,
                                                (int64_t)20 * 60 * 1000, &p->id, err);
    cr_arena_free(&arena);
    return status;
}

static inline int64_t world_begin(struct world *w, const struct smsr_procedure *what)
{
    struct world_proc p = {.w = w, .what = *what};
    struct cr_err err = {0};
    p.what.eid = vector(W_EID);
    if (store_run(smsr_store(w->sr), world_begin_work, &p, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    return p.id;
}

static inline int64_t world_audit(struct world *w)
{
    return world_begin(w, &(struct smsr_procedure){.kind = SMSR_PROC_AUDIT});
}

static inline cr_status world_look_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct world_proc *p = ctx;
    cr_arena arena = {0};
    cr_status status = smsr_procedure_get(tx, p->id, &arena, &p->now, err);
    if (status == CR_OK) {
        status = smsr_script_current(tx, vector(W_EID), &arena, &p->script, &p->has_script, err);
    }
    cr_arena_free(&arena);
    return status;
}

static inline struct world_proc world_look(struct world *w, int64_t id)
{
    struct world_proc p = {.w = w, .id = id};
    assert_int_equal(store_run(smsr_store(w->sr), world_look_work, &p, NULL), CR_OK);
    return p;
}

#endif
