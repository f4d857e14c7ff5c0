/*
 * Scripts of remote commands on their target: a security domain (RAM) or files (RFM), TS 102 226
 * clauses 5 to 8.
 */
#include "gp/internal.h"

#include "asn1/der.h"

/* --- access domains ----------------------------------------------------------------------------
 */

/* The key references that the three bytes of "UICC access mechanism" stand for, first byte b1 to
 * b8, then the next. The table is from memory of TS 102 226 8.2.1.3.2.2.2: not certain. */
static const uint8_t references[24] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* application PINs */
    0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, /* second PINs */
    0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x8A, 0x8B, 0x11, /* ADM1 to 7, universal PIN */
};

static bool key_granted(const void *ctx, uint8_t reference)
{
    const struct gp_access *access = ctx;
    if (access->p[0] == GP_ACCESS_FULL) {
        return true; /* every condition but NEVER */
    }
    for (size_t i = 0; access->p[0] == GP_ACCESS_UICC && i < CR_COUNT(references); i++) {
        if (references[i] == reference) {
            return (access->p[1 + i / 8] >> (i % 8) & 1) != 0;
        }
    }
    return false;
}

/* Commands of TS 102 222 that the administrative access domain is for. */
static bool administrative(uint8_t ins)
{
    return ins == 0xE0 || ins == 0xE4 || ins == 0xD4;
}

/* --- the chain ---------------------------------------------------------------------------------
 */

#define CHAIN_VERSION 1
#define INS_PUSH      0xEC

static void chain_forget(const struct gp_script *s)
{
    struct gp_air *air = gp_air_of(s->gp, s->reg);
    struct cr_err err;
    air->chain.object = 0;
    air->chain.keep = false;
    if (!s->aside && gp_chain_get(s->reg).p) {
        cr_status status = gp_chain_put(s->reg, (cr_span){0}, &err);
        (void)status; /* a chain that could not be forgotten is found to be another one's */
    }
}

/* Where the script was, for the next one after a reset. */
static cr_status chain_save(const struct gp_script *s, struct cr_err *err)
{
    const struct gp_object *target = &s->target;
    const struct gp_context *ctx = &gp_air_of(s->gp, s->reg)->ctx;
    struct uicc_remote_place place;
    cr_buf b = {.secret = true};
    cr_buf_append_byte(&b, CHAIN_VERSION);
    cr_buf_append_be(&b, target->id, 2);
    if (target->kind == GP_RFM) {
        uicc_remote_where(s->gp->uicc, &place);
        cr_buf_append_byte(&b, place.adf_size);
        cr_buf_append(&b, place.adf, place.adf_size);
        cr_buf_append_byte(&b, place.in_adf ? 1 : 0);
        cr_buf_append_byte(&b, place.path_size);
        cr_buf_append(&b, place.path, place.path_size);
        cr_buf_append_byte(&b, place.record);
    } else {
        cr_buf_append_byte(&b, (uint8_t)ctx->perso);
        cr_buf_append_be(&b, ctx->perso_object, 2);
        cr_buf_append_byte(&b, ctx->perso_aid.n);
        cr_buf_append_span(&b, gp_aid_span(&ctx->perso_aid));
        cr_buf_append_byte(&b, ctx->store_open ? 1 : 0);
        cr_buf_append_byte(&b, ctx->store_next);
        cr_buf_append_span(&b, cr_buf_span(&ctx->store));
    }
    cr_status status =
        cr_buf_ok(&b) ? gp_chain_put(s->reg, cr_buf_span(&b), err) : cr_fail_memory(err);
    cr_buf_free(&b);
    return status;
}

/* A reader of the record; good stays false once something was missing. */
struct record {
    cr_span in;
    bool good;
};

static cr_span take(struct record *r, size_t n)
{
    cr_span v = cr_span_sub(r->in, 0, n);
    r->good = r->good && v.n == n;
    r->in = cr_span_sub(r->in, n, r->in.n);
    return v;
}

static uint8_t take_byte(struct record *r)
{
    cr_span v = take(r, 1);
    return v.n ? v.p[0] : 0;
}

static bool take_into(struct record *r, uint8_t *n, uint8_t *p, size_t room)
{
    *n = take_byte(r);
    cr_span v = take(r, *n);
    if (!r->good || *n > room) {
        return false;
    }
    memcpy(p, v.p, v.n);
    return true;
}

static bool restore_place(struct gp *gp, struct record *r)
{
    struct uicc_remote_place place = {0};
    bool good = take_into(r, &place.adf_size, place.adf, sizeof place.adf);
    place.in_adf = take_byte(r) != 0;
    good = good && take_into(r, &place.path_size, place.path, sizeof place.path);
    place.record = take_byte(r);
    return good && r->good && uicc_remote_begin_at(gp->uicc, &place);
}

static bool restore_context(struct gp_context *ctx, uint16_t domain, struct record *r)
{
    gp_context_script_end(ctx);
    uint8_t perso = take_byte(r);
    cr_span object = take(r, 2);
    bool good = take_into(r, &ctx->perso_aid.n, ctx->perso_aid.p, sizeof ctx->perso_aid.p);
    bool open = take_byte(r) != 0;
    uint8_t next = take_byte(r);
    if (!good || !r->good || perso > GP_PERSO_HOOK) {
        gp_context_script_end(ctx);
        return false;
    }
    ctx->domain = domain;
    ctx->perso = perso;
    ctx->perso_object = (uint16_t)(object.p[0] << 8 | object.p[1]);
    ctx->store_open = open;
    ctx->store_next = next;
    cr_buf_append_span(&ctx->store, r->in);
    return cr_buf_ok(&ctx->store);
}

/* The chain that a reset interrupted, if it is this target's. */
static bool chain_restore(const struct gp_script *s)
{
    const struct gp_object *target = &s->target;
    struct gp_air *air = gp_air_of(s->gp, s->reg);
    /* Copied: what is restored may come from a value that changes. */
    uint8_t copy[GP_MAX_DATA + 64];
    cr_span v = gp_chain_get(s->reg);
    if (!v.p || v.n > sizeof copy) {
        return false;
    }
    memcpy(copy, v.p, v.n);
    struct record r = {.in = cr_span_of(copy, v.n), .good = true};
    bool version = take_byte(&r) == CHAIN_VERSION;
    cr_span id = take(&r, 2);
    bool good = version && r.good && (uint16_t)(id.p[0] << 8 | id.p[1]) == target->id;
    if (good) {
        good = target->kind == GP_RFM ? restore_place(s->gp, &r)
                                      : restore_context(&air->ctx, target->id, &r);
    }
    cr_wipe(copy, sizeof copy);
    if (good) {
        air->chain.object = target->id;
        air->chain.keep = true;
    }
    return good;
}

/* --- running -----------------------------------------------------------------------------------
 */

struct run {
    const struct gp_script *s;
    struct ota_writer writer;
    enum ota_form form;
    cr_buf data;      /* of the last command */
    bool failed;      /* a command did: the error action is due */
    cr_span on_error; /* contents of the error action; copied into error_space */
    uint8_t error_space[255];
    uint32_t commands; /* executed */
    bool chained;
    bool refused;     /* it was no part of a chain that goes on */
    uint8_t chaining; /* value of 83 */
};

static bool start_target(const struct gp_script *s)
{
    struct gp *gp = s->gp;
    const struct gp_object *target = &s->target;
    struct gp_context *ctx = &gp_air_of(gp, s->reg)->ctx;
    if (target->kind == GP_RFM) {
        cr_span adf = target->adf_count ? gp_aid_span(&target->adfs[0].adf) : (cr_span){0};
        return uicc_remote_begin(gp->uicc, adf);
    }
    if (ctx->domain != target->id) {
        gp_context_drop(ctx);
    }
    gp_context_script_end(ctx);
    ctx->domain = target->id;
    return true;
}

/* 83: 0 = go on; else the answer. */
static uint8_t chain_enter(struct run *r, uint8_t value)
{
    struct gp *gp = r->s->gp;
    const struct gp_object *target = &r->s->target;
    struct gp_air *air = gp_air_of(gp, r->s->reg);
    switch (value) {
    case OTA_CHAIN_FIRST:
    case OTA_CHAIN_FIRST_KEEP:
        chain_forget(r->s);
        if (!start_target(r->s)) {
            return OTA_CHAIN_UNABLE;
        }
        air->chain.object = target->id;
        air->chain.keep = value == OTA_CHAIN_FIRST_KEEP;
        break;
    case OTA_CHAIN_MIDDLE:
    case OTA_CHAIN_LAST:
        if (air->chain.object != target->id && !(air->chain.object == 0 && chain_restore(r->s))) {
            return OTA_CHAIN_NO_PREVIOUS;
        }
        if (target->kind == GP_RFM && !uicc_remote_active(gp->uicc)) {
            return OTA_CHAIN_UNABLE;
        }
        break;
    default:
        return OTA_CHAIN_UNABLE;
    }
    r->chained = true;
    r->chaining = value;
    return 0;
}

/* Le 00 = all there is; without Le nothing, and the compact form tells that something waits. */
static uicc_sw answer_cut(const struct run *r, const struct uicc_apdu *apdu, cr_buf *data,
                          uicc_sw sw)
{
    size_t n = data->n;
    if (!apdu->has_le) {
        if (r->form == OTA_FORM_COMPACT && n && sw == UICC_SW_OK) {
            return (uicc_sw)(UICC_SW_MORE | (n > 255 ? 0 : n)); /* for a GET RESPONSE behind it */
        }
        cr_buf_reset(data);
    } else if (apdu->le < 256 && n > apdu->le) {
        cr_wipe(data->p + apdu->le, n - apdu->le);
        data->n = apdu->le;
    }
    return sw;
}

/* The access domain that a file's place and the command ask for; NULL = no access. */
static const void *grant_of(const void *ctx, cr_span adf, uint8_t ins)
{
    const struct gp_object *o = ctx;
    bool admin = administrative(ins);
    const struct gp_access *access = admin ? &o->admin : &o->files;
    for (size_t i = 0; i < o->adf_count; i++) {
        if (cr_span_equal(gp_aid_span(&o->adfs[i].adf), adf)) {
            access = admin ? &o->adfs[i].admin : &o->adfs[i].files;
        }
    }
    return access->n == 0 || access->p[0] == GP_ACCESS_NONE ? NULL : access;
}

static uicc_sw run_files(const struct run *r, cr_span apdu, cr_buf *data)
{
    struct uicc_rights rights = {.ctx = &r->s->target, .grant = grant_of, .key = key_granted};
    return uicc_remote_command(r->s->gp->uicc, &rights, apdu, data);
}

/* A domain of the card executes what its own server sends: another domain's keys (an ISD-P is
 * reached by those of the ISD-R) carry a session, and are no authority. */
static struct gp_command command_of(const struct run *r, const struct uicc_apdu *a, cr_buf *data)
{
    const struct gp_script *s = r->s;
    bool own = !gp_is_card(s->gp, s->reg) || s->target.id == s->packet_domain;
    struct gp_command c = {.gp = s->gp,
                           .reg = s->reg,
                           .ctx = &gp_air_of(s->gp, s->reg)->ctx,
                           .apdu = a,
                           .out = data,
                           .room = 256,
                           .authority = own ? GP_PACKET : GP_NOBODY,
                           .level = s->spi1,
                           .packet_domain = s->packet_domain,
                           .packet_kvn = s->packet_kvn};
    if (!gp_object_get(c.reg, s->target.id, &c.domain)) {
        c.domain.id = 0;
    }
    return c;
}

static uicc_sw run_domain(const struct run *r, cr_span apdu, const struct uicc_apdu *a,
                          cr_buf *data)
{
    struct gp_command c = command_of(r, a, data);
    return c.domain.id ? gp_domain_run(&c, apdu) : UICC_SW_NOT_FOUND;
}

static bool goes_on(uicc_sw sw)
{
    unsigned sw1 = sw >> 8;
    return sw1 == 0x90 || sw1 == 0x61 || sw1 == 0x62 || sw1 == 0x63;
}

/* GET RESPONSE of the compact form: the data that the command before left. */
static uicc_sw get_response(struct run *r, const struct uicc_apdu *a)
{
    if (r->form != OTA_FORM_COMPACT || r->data.n == 0) {
        return r->form == OTA_FORM_COMPACT ? UICC_SW_CONDITIONS : UICC_SW_WRONG_INS;
    }
    if (a->has_le && a->le < 256 && a->le < r->data.n) {
        r->data.n = a->le;
    }
    return UICC_SW_OK;
}

/* One command of the script; false ends it. */
static bool run_command(struct run *r, cr_span apdu)
{
    struct uicc_apdu a;
    struct cr_err err;
    uicc_sw sw = uicc_apdu_parse(apdu, &a);
    bool response = sw == UICC_SW_OK && a.ins == 0xC0;
    if (response) {
        sw = get_response(r, &a);
    } else {
        cr_buf_reset(&r->data);
        if (sw == UICC_SW_OK && r->s->aside && a.ins != INS_PUSH) {
            sw = UICC_SW_CONDITIONS;
        }
        if (sw == UICC_SW_OK) {
            sw = r->s->target.kind == GP_RFM ? run_files(r, apdu, &r->data)
                                             : run_domain(r, apdu, &a, &r->data);
        }
        if (!cr_buf_ok(&r->data)) {
            cr_buf_reset(&r->data);
            sw = UICC_SW_TECHNICAL;
        }
        sw = answer_cut(r, &a, &r->data, sw);
    }
    bool waits = (sw >> 8) == 0x61;
    cr_span data = waits ? cr_span_of("", 0) : cr_buf_span(&r->data);
    r->commands++;
    if (r->writer.out->n - r->writer.start + data.n + 16 > GP_MAX_RESPONSE) {
        sw = UICC_SW_TECHNICAL;
        data = cr_span_of("", 0);
    }
    if (ota_writer_response(&r->writer, data, sw, &err) != CR_OK) {
        return false;
    }
    r->failed = !goes_on(sw);
    return !r->failed;
}

/* 84, 85, 86 in the place of a command. */
static bool run_scp03t(struct run *r, cr_span tlv)
{
    struct cr_err err;
    bool good;
    cr_buf_reset(&r->data);
    struct gp_command c = command_of(r, NULL, &r->data);
    if (!c.domain.id || !gp_is_card(c.gp, c.reg)) {
        cr_status status = ota_writer_bad_format(&r->writer, OTA_FORMAT_UNKNOWN_TAG, &err);
        (void)status;
        return false;
    }
    good = gp_scp03t_run(&c, tlv, &r->data);
    r->commands++;
    if (r->writer.out->n - r->writer.start + r->data.n + 16 > GP_MAX_RESPONSE ||
        ota_writer_tlv(&r->writer, cr_buf_span(&r->data), &err) != CR_OK) {
        return false;
    }
    r->failed = !good;
    return good;
}

/* --- actions -----------------------------------------------------------------------------------
 */

#define PLAY_TONE 0x20

/* A proactive command without its D0, or the record of EF.RMA (6F53 below DF.TELECOM) that holds
 * one with it. */
static void push_action(struct gp *gp, cr_span tlvs, const uint8_t *types, size_t type_count)
{
    struct cat_command command;
    cr_buf b = {0};
    size_t mark = der_open(&b, 0xD0);
    cr_buf_append_span(&b, tlvs);
    der_close(&b, mark);
    if (cr_buf_ok(&b) && cat_command_read(cr_buf_span(&b), &command, NULL) == CR_OK &&
        memchr(types, command.type, type_count)) {
        /* A terminal that does not want it has it not: nobody waits for an answer. */
        cr_status status =
            uicc_proactive_push(gp->uicc, cr_buf_span(&b), UICC_RETRY_BUSY, NULL, NULL, NULL);
        (void)status;
    }
    cr_buf_free(&b);
}

static void push_record(struct gp *gp, uint8_t number, const uint8_t *types, size_t type_count)
{
    static const uint8_t path[] = {0x7F, 0x10, 0x6F, 0x53};
    const struct uicc_fs *fs = uicc_profile(gp->uicc);
    struct uicc_file_attr a;
    struct der_tlv tlv;
    uicc_file file = fs ? uicc_fs_resolve(fs, CR_SPAN_ARRAY(path)) : 0;
    if (!file || !uicc_fs_attr(fs, file, &a) || a.kind != UICC_LINEAR) {
        return;
    }
    cr_buf scratch = {0};
    cr_span record = cr_span_sub(uicc_fs_content(fs, file, &scratch),
                                 (number - 1u) * (size_t)a.record_size, a.record_size);
    if (record.n && der_next(&record, DER_BER_LENGTHS, &tlv, NULL) == CR_OK && tlv.tag == 0xD0) {
        push_action(gp, tlv.value, types, type_count);
    }
    cr_buf_free(&scratch);
}

static void run_action(struct gp *gp, cr_span value, bool on_error)
{
    static const uint8_t immediate[] = {CAT_REFRESH};
    static const uint8_t error[] = {CAT_DISPLAY_TEXT, PLAY_TONE};
    const uint8_t *types = on_error ? error : immediate;
    size_t count = on_error ? sizeof error : sizeof immediate;
    if (value.n == 1 && value.p[0] >= 0x01 && value.p[0] <= 0x7F) {
        push_record(gp, value.p[0], types, count);
    } else if (value.n > 1) {
        push_action(gp, value, types, count);
    }
}

/* --- the script --------------------------------------------------------------------------------
 */

/* One item; false ends the script. */
static bool run_item(struct run *r, const struct ota_item *item)
{
    struct cr_err err;
    uint8_t wrong;
    switch (item->kind) {
    case OTA_ITEM_APDU:
        return run_command(r, item->value);
    case OTA_ITEM_CHAINING:
        wrong = chain_enter(r, (uint8_t)item->number);
        r->refused = wrong != 0;
        if (wrong) {
            cr_status status = ota_writer_chaining(&r->writer, wrong, &err);
            (void)status;
        }
        return wrong == 0;
    case OTA_ITEM_IMMEDIATE:
        run_action(r->s->gp, item->value, false);
        return true;
    case OTA_ITEM_ERROR_ACTION:
        r->on_error = cr_span_of(r->error_space, 0);
        if (item->value.n <= sizeof r->error_space) {
            memcpy(r->error_space, item->value.p, item->value.n);
            r->on_error.n = item->value.n;
        }
        return true;
    case OTA_ITEM_SCP03T:
        return run_scp03t(r, item->value);
    case OTA_ITEM_COUNT:
    case OTA_ITEM_BAD_FORMAT:
    default: {
        cr_status status = ota_writer_bad_format(&r->writer, OTA_FORMAT_UNKNOWN_TAG, &err);
        (void)status;
        return false;
    }
    }
}

/* The target is started by the first command, chained or not. */
static bool ready(struct run *r, const struct ota_item *item, bool *started)
{
    if (*started || item->kind == OTA_ITEM_CHAINING) {
        *started = true;
        return true;
    }
    *started = true;
    chain_forget(r->s);
    return start_target(r->s);
}

static void run_items(struct run *r, struct ota_reader *reader)
{
    struct ota_item item;
    struct cr_err err;
    bool started = false, more = true;
    while (more) {
        switch (ota_reader_next(reader, &item, &err)) {
        case OTA_STEP_ITEM:
            more = ready(r, &item, &started) && run_item(r, &item);
            break;
        case OTA_STEP_BAD: {
            cr_status status = ota_writer_bad_format(&r->writer, ota_reader_bad(reader), &err);
            (void)status;
            more = false;
            break;
        }
        case OTA_STEP_MORE:
        case OTA_STEP_END:
        default:
            more = false;
            break;
        }
    }
}

/* What goes on and what ends with the script. */
static cr_status chain_leave(struct run *r, struct cr_err *err)
{
    struct gp *gp = r->s->gp;
    struct gp_air *air = gp_air_of(gp, r->s->reg);
    if (r->chained && r->chaining != OTA_CHAIN_LAST && air->chain.object) {
        return air->chain.keep ? chain_save(r->s, err) : CR_OK;
    }
    if (r->refused) {
        return CR_OK; /* the chain is left as it is, also one that a reset interrupted */
    }
    if (r->s->target.kind == GP_RFM) {
        uicc_remote_end(gp->uicc);
    } else {
        gp_context_script_end(&air->ctx);
    }
    chain_forget(r->s);
    return CR_OK;
}

static bool looks_expanded(cr_span script)
{
    return script.n &&
           (script.p[0] == OTA_TAG_COMMANDS || script.p[0] == OTA_TAG_COMMANDS_INDEFINITE);
}

static bool is_push(const struct gp_script *s, cr_span script)
{
    struct der_tlv template, first;
    if (!gp_is_card(s->gp, s->reg) ||
        der_next(&script, DER_BER_LENGTHS, &template, NULL) != CR_OK ||
        template.tag != OTA_TAG_COMMANDS ||
        der_next(&template.value, DER_BER_LENGTHS, &first, NULL) != CR_OK) {
        return false;
    }
    return first.tag == OTA_TAG_C_APDU && first.value.n > 1 && first.value.p[1] == INS_PUSH;
}

static cr_status run_script(const struct gp_script *s, cr_span script, cr_buf *response,
                            struct cr_err *err)
{
    struct ota_reader *reader = NULL;
    struct run r = {.s = s, .data = {.secret = true, .limit = 65535}};
    bool compact = !looks_expanded(script);
    CR_TRY(ota_reader_new(OTA_COMMANDS, compact, &reader, err));
    cr_status status = ota_reader_feed(reader, script, err);
    if (status == CR_OK) {
        ota_reader_finish(reader);
        r.form = compact                           ? OTA_FORM_COMPACT
                 : script.p[0] == OTA_TAG_COMMANDS ? OTA_FORM_DEFINITE
                                                   : OTA_FORM_INDEFINITE;
        ota_writer_begin(&r.writer, r.form, OTA_RESPONSES, response);
        run_items(&r, reader);
        if (r.failed && r.on_error.n) {
            run_action(s->gp, r.on_error, true);
        }
        status = chain_leave(&r, err);
    }
    if (status == CR_OK) {
        status = ota_writer_end(&r.writer, err);
    }
    ota_reader_free(reader);
    cr_buf_free(&r.data);
    return status;
}

cr_status gp_script_run(const struct gp_script *s, cr_span script, cr_buf *response,
                        struct cr_err *err)
{
    if (!is_push(s, script)) {
        return run_script(s, script, response, err);
    }
    struct gp_air *air = gp_air_of(s->gp, s->reg);
    struct gp_air open = *air;
    struct gp_script push = *s;
    push.aside = true;
    *air = (struct gp_air){0};
    cr_status status = run_script(&push, script, response, err);
    gp_context_drop(&air->ctx);
    *air = open;
    return status;
}

cr_status gp_session_script(struct gp *gp, const struct gp_registry *reg, uint16_t owner,
                            uint8_t kvn, cr_span aid, cr_span script, cr_buf *response,
                            struct cr_err *err)
{
    struct gp_script s = {.gp = gp, .reg = reg, .packet_domain = owner, .packet_kvn = kvn};
    if (!gp_object_by_aid(reg, aid, &s.target) || !gp_reachable(&s.target) ||
        gp_owner_of(reg, &s.target, GP_KVN_SCP81_FIRST, GP_KVN_SCP81_LAST) != owner) {
        return cr_fail(err, CR_REFUSED, "SGP.02 4.1", "the session reaches no such application");
    }
    return gp_script_run(&s, script, response, err);
}
