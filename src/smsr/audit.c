/*
 * The audit trail (append only), and the additional properties.
 */
#include "smsr/core.h"
#include "smsr/eis.h"

struct entry {
    const char *smsr_id;
    int64_t date_ms;
    uint16_t operation;
    cr_span requester;
    const struct soap_status *status;
    cr_span aid, iccid, imei, meid;
};

static cr_status insert_entry(struct store_tx *tx, cr_span eid, const struct entry *e,
                              struct cr_err *err)
{
    const struct soap_status none = {0};
    const struct soap_status *s = e->status ? e->status : &none;
    const struct store_value null = {.kind = STORE_NULL};
    return store_exec(
        tx,
        "INSERT INTO audit(eid, smsr_id, date_ms, operation, requester, status, subject, reason,"
        " identifier, message, aid, iccid, imei, meid)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        STORE_VALUES(STORE_B(eid), STORE_T(e->smsr_id), STORE_I(e->date_ms), STORE_I(e->operation),
                     STORE_S(e->requester), s->status ? STORE_I(s->status) : null,
                     STORE_S(s->code.subject), STORE_S(s->code.reason),
                     STORE_S(s->code.subject_identifier), STORE_S(s->code.message), STORE_B(e->aid),
                     STORE_S(e->iccid), STORE_B(e->imei), STORE_B(e->meid)),
        NULL, NULL, NULL, err);
}

cr_status smsr_audit_add(struct smsr *sr, struct store_tx *tx, const struct smsr_audit *record,
                         struct cr_err *err)
{
    const struct entry e = {.smsr_id = smsr_oid(sr),
                            .date_ms = cr_now_ms(sr->env),
                            .operation = record->operation,
                            .requester = cr_span_str(record->requester),
                            .status = record->status,
                            .aid = record->aid,
                            .iccid = cr_span_str(record->iccid),
                            .imei = record->imei,
                            .meid = record->meid};
    return insert_entry(tx, record->eid, &e, err);
}

cr_status smsr_audit_take(struct store_tx *tx, cr_span eid, const struct soap_audit_trail *trail,
                          struct cr_err *err)
{
    for (size_t i = 0; i < trail->records.count; i++) {
        const struct soap_audit_record *r = &trail->records.items[i];
        cr_arena arena = {0};
        const char *smsr_id = NULL;
        cr_status status = smsr_text(r->smsr_id, &arena, &smsr_id, err);
        if (status == CR_OK && (!smsr_id || r->operation_type.n != 2)) {
            status = cr_refuse(err, "8.6", "2.1", "SGP.02 annex E",
                               "a record of the audit trail is not complete");
        }
        if (status == CR_OK) {
            const struct entry e = {
                .smsr_id = smsr_id,
                .date_ms = r->date,
                .operation = (uint16_t)(r->operation_type.p[0] << 8 | r->operation_type.p[1]),
                .requester = r->requester_id,
                .status = r->has_status ? &r->status : NULL,
                .aid = r->isdp_aid,
                .iccid = r->iccid,
                .imei = r->imei,
                .meid = r->meid};
            status = insert_entry(tx, eid, &e, err);
        }
        cr_arena_free(&arena);
        CR_TRY(status);
    }
    return CR_OK;
}

struct listing {
    cr_arena *arena;
    cr_span eid;
    struct soap_audit_record *items;
    size_t room, count;
};

static cr_status take_record(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct listing *l = ctx;
    if (l->count == l->room) {
        return CR_OK;
    }
    struct soap_audit_record *r = &l->items[l->count++];
    uint8_t *operation = cr_arena_alloc(l->arena, 2);
    if (!operation) {
        return cr_fail_memory(err);
    }
    *r = (struct soap_audit_record){.eid = l->eid, .has_date = true, .date = store_int(row, 1)};
    operation[0] = (uint8_t)(store_int(row, 2) >> 8);
    operation[1] = (uint8_t)store_int(row, 2);
    r->operation_type = cr_span_of(operation, 2);
    CR_TRY(smsr_take_bytes(row, 0, l->arena, &r->smsr_id, err));
    CR_TRY(smsr_take_bytes(row, 3, l->arena, &r->requester_id, err));
    CR_TRY(smsr_take_status(row, 4, l->arena, &r->status, err));
    r->has_status = r->status.status != 0;
    CR_TRY(smsr_take_bytes(row, 9, l->arena, &r->isdp_aid, err));
    CR_TRY(smsr_take_bytes(row, 10, l->arena, &r->iccid, err));
    CR_TRY(smsr_take_bytes(row, 11, l->arena, &r->imei, err));
    return smsr_take_bytes(row, 12, l->arena, &r->meid, err);
}

cr_status smsr_audit_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                          struct soap_audit_trail *out, struct cr_err *err)
{
    struct listing l = {.arena = arena, .eid = eid, .room = SOAP_MAX_AUDIT};
    l.items = cr_arena_alloc_array(arena, l.room, sizeof *l.items);
    if (!l.items) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx,
                      "SELECT smsr_id, date_ms, operation, requester, status, subject, reason,"
                      " identifier, message, aid, iccid, imei, meid FROM (SELECT * FROM audit"
                      " WHERE eid = ? ORDER BY id DESC LIMIT ?) ORDER BY id",
                      STORE_VALUES(STORE_B(eid), STORE_I(SOAP_MAX_AUDIT)), take_record, &l, NULL,
                      err));
    out->records.items = l.items;
    out->records.count = l.count;
    return CR_OK;
}

/* ---- additional properties ---------------------------------------------------------------------
 */

#define MAX_PROPERTIES 256 /* of one eUICC */

cr_status smsr_properties_put(struct store_tx *tx, cr_span eid,
                              const struct soap_properties *properties, struct cr_err *err)
{
    for (size_t i = 0; i < properties->properties.count; i++) {
        const struct soap_property *p = &properties->properties.items[i];
        CR_TRY(store_exec(tx,
                          "INSERT INTO property(eid, key, value) VALUES(?, ?, ?)"
                          " ON CONFLICT(eid, key) DO UPDATE SET value = excluded.value",
                          STORE_VALUES(STORE_B(eid), STORE_S(p->key), STORE_S(p->value)), NULL,
                          NULL, NULL, err));
    }
    struct soap_properties all;
    cr_arena arena = {0};
    cr_status status = smsr_properties_list(tx, eid, &arena, &all, err);
    if (status == CR_OK && all.properties.count > MAX_PROPERTIES) {
        status = cr_refuse(err, "1.6", "2.1", NULL, "more than %d additional properties",
                           MAX_PROPERTIES);
    }
    cr_arena_free(&arena);
    return status;
}

struct properties {
    cr_arena *arena;
    struct soap_property *items;
    size_t count;
};

static cr_status take_property(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct properties *p = ctx;
    struct soap_property *out = &p->items[p->count++];
    CR_TRY(smsr_take_bytes(row, 0, p->arena, &out->key, err));
    return smsr_take_bytes(row, 1, p->arena, &out->value, err);
}

cr_status smsr_properties_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                               struct soap_properties *out, struct cr_err *err)
{
    /* One more than may be, so that too many are seen. */
    struct properties p = {.arena = arena};
    p.items = cr_arena_alloc_array(arena, MAX_PROPERTIES + 1, sizeof *p.items);
    if (!p.items) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx, "SELECT key, value FROM property WHERE eid = ? ORDER BY key LIMIT ?",
                      STORE_VALUES(STORE_B(eid), STORE_I(MAX_PROPERTIES + 1)), take_property, &p,
                      NULL, err));
    out->properties.items = p.items;
    out->properties.count = p.count;
    return CR_OK;
}
