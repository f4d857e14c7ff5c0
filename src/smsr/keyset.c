/*
 * Key sets of ISD-R, sealed; and their counters.
 */
#include "base/text.h"
#include "smsr/core.h"
#include "smsr/eis.h"

#include <stdio.h>

#define MAX_COUNTER ((int64_t)0xFFFFFFFFFF) /* 5 bytes (ETSI TS 102 225 5.1.4) */
#define LABEL       "keyset"
#define WHOSE       48 /* EID in hex, version */

static const char *whose(char out[WHOSE], cr_span eid, uint8_t version)
{
    char hex[2 * SOAP_EID_SIZE + 1];
    cr_hex_into(hex, sizeof hex, eid);
    (void)snprintf(out, WHOSE, "%s/%u", hex, version);
    return out;
}

struct reading {
    cr_arena arena;
    uint8_t version;
    cr_span keys;
    bool found;
};

static cr_status take_keyset(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    r->found = true;
    r->version = (uint8_t)store_int(row, 0);
    return smsr_take_bytes(row, 1, &r->arena, &r->keys, err);
}

/* For each key: type, size, value. */
static void keys_write(const struct smsr_keyset *keyset, cr_buf *out)
{
    for (size_t i = 0; i < CR_COUNT(keyset->keys); i++) {
        const struct smsr_key *key = &keyset->keys[i];
        cr_buf_append_byte(out, key->type);
        cr_buf_append_byte(out, key->size);
        cr_buf_append(out, key->value, key->size);
    }
}

static bool keys_read(cr_span in, struct smsr_keyset *out)
{
    for (size_t i = 0; i < CR_COUNT(out->keys); i++) {
        struct smsr_key *key = &out->keys[i];
        if (in.n < 2 || in.p[1] > SMSR_MAX_KEY || in.n < 2 + (size_t)in.p[1]) {
            return false;
        }
        key->type = in.p[0];
        key->size = in.p[1];
        memcpy(key->value, in.p + 2, key->size);
        in = cr_span_sub(in, 2 + (size_t)key->size, in.n);
    }
    return in.n == 0;
}

cr_status smsr_keyset_get(struct smsr *sr, struct store_tx *tx, cr_span eid, int type,
                          uint8_t version, struct smsr_keyset *out, struct cr_err *err)
{
    struct reading r = {0};
    cr_buf plain = {.secret = true};
    char text[WHOSE];
    *out = (struct smsr_keyset){0};
    cr_status status = store_exec(tx,
                                  "SELECT version, keys FROM keyset WHERE eid = ?1 AND type = ?2"
                                  " AND (?3 = 0 OR version = ?3) ORDER BY version LIMIT 1",
                                  STORE_VALUES(STORE_B(eid), STORE_I(type), STORE_I(version)),
                                  take_keyset, &r, NULL, err);
    if (status == CR_OK && !r.found) {
        status = cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.2.5", "the eUICC has no such key set");
    }
    if (status == CR_OK) {
        status = store_unseal(&sr->seal, LABEL, whose(text, eid, r.version), r.keys, &plain, err);
    }
    if (status == CR_OK && !keys_read(cr_buf_span(&plain), out)) {
        status = cr_fail(err, CR_INTERNAL, NULL, "a sealed key set has a wrong size");
    }
    out->version = r.version;
    out->type = type;
    if (status != CR_OK) {
        cr_wipe(out, sizeof *out);
    }
    cr_buf_free(&plain);
    cr_arena_free(&r.arena);
    return status;
}

cr_status smsr_keyset_put(struct smsr *sr, struct store_tx *tx, cr_span eid,
                          const struct smsr_keyset *keyset, uint64_t counter, struct cr_err *err)
{
    cr_buf plain = {.secret = true}, sealed = {0};
    char text[WHOSE];
    if (counter > (uint64_t)MAX_COUNTER) {
        return cr_refuse(err, "8.6", "2.1", "SGP.02 annex E", "a counter has more than 5 bytes");
    }
    keys_write(keyset, &plain);
    cr_status status = cr_buf_ok(&plain) ? CR_OK : cr_fail_memory(err);
    if (status == CR_OK) {
        status = store_seal(&sr->seal, LABEL, whose(text, eid, keyset->version),
                            cr_buf_span(&plain), sr->env, &sealed, err);
    }
    if (status == CR_OK) {
        status =
            store_exec(tx,
                       "INSERT INTO keyset(eid, version, type, counter, keys)"
                       " VALUES(?, ?, ?, ?, ?) ON CONFLICT(eid, version) DO UPDATE SET"
                       " type = excluded.type, counter = excluded.counter,"
                       " keys = excluded.keys",
                       STORE_VALUES(STORE_B(eid), STORE_I(keyset->version), STORE_I(keyset->type),
                                    STORE_I((int64_t)counter), STORE_B(cr_buf_span(&sealed))),
                       NULL, NULL, NULL, err);
    }
    cr_buf_free(&plain);
    cr_buf_free(&sealed);
    return status;
}

cr_status smsr_keyset_delete(struct store_tx *tx, cr_span eid, uint8_t version, struct cr_err *err)
{
    return store_exec(tx, "DELETE FROM keyset WHERE eid = ? AND version = ?",
                      STORE_VALUES(STORE_B(eid), STORE_I(version)), NULL, NULL, NULL, err);
}

struct listing {
    struct smsr_keyset_info *items;
    size_t count;
};

static cr_status take_info(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct listing *l = ctx;
    (void)err;
    if (l->count < SOAP_MAX_KEYSETS) {
        l->items[l->count++] = (struct smsr_keyset_info){.version = (uint8_t)store_int(row, 0),
                                                         .type = (int)store_int(row, 1),
                                                         .counter = (uint64_t)store_int(row, 2)};
    }
    return CR_OK;
}

cr_status smsr_keyset_list(struct store_tx *tx, cr_span eid, cr_arena *arena,
                           struct smsr_keysets *out, struct cr_err *err)
{
    struct listing l = {.items = cr_arena_alloc_array(arena, SOAP_MAX_KEYSETS, sizeof *l.items)};
    if (!l.items) {
        return cr_fail_memory(err);
    }
    CR_TRY(store_exec(tx,
                      "SELECT version, type, counter FROM keyset WHERE eid = ?"
                      " ORDER BY version",
                      STORE_VALUES(STORE_B(eid)), take_info, &l, NULL, err));
    *out = (struct smsr_keysets){.items = l.items, .count = l.count};
    return CR_OK;
}

struct counting {
    int64_t counter;
    bool found;
};

static cr_status take_counter(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct counting *c = ctx;
    (void)err;
    *c = (struct counting){.counter = store_int(row, 0), .found = true};
    return CR_OK;
}

cr_status smsr_keyset_count(struct store_tx *tx, cr_span eid, uint8_t version, uint64_t *out,
                            struct cr_err *err)
{
    struct counting c = {0};
    CR_TRY(store_exec(tx,
                      "UPDATE keyset SET counter = counter + 1 WHERE eid = ? AND version = ?"
                      " AND counter < ? RETURNING counter",
                      STORE_VALUES(STORE_B(eid), STORE_I(version), STORE_I(MAX_COUNTER)),
                      take_counter, &c, NULL, err));
    if (!c.found) {
        return cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.2.5",
                         "the key set is not there, or its counter is used up");
    }
    *out = (uint64_t)c.counter;
    return CR_OK;
}
