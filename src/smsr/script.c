/*
 * Scripts on their way, as rows.
 */
#include "smsr/core.h"
#include "smsr/engine.h"

#define COLUMNS                                                                                    \
    "SELECT id, procedure, eid, target, commands, more_to_do, is_switch, is_confirmation,"         \
    " deadline_ms, has_left, channel, attempts, next_ms, packet, keyset, counter, uri FROM "       \
    "script "

const char smsr_script_uri_schema[] = "ALTER TABLE script ADD COLUMN uri TEXT;";

struct reading {
    cr_arena *arena;
    struct smsr_script *out;
    size_t room, count;
};

static cr_status take_script(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct reading *r = ctx;
    if (r->count == r->room) {
        return CR_OK;
    }
    struct smsr_script *s = &r->out[r->count++];
    *s = (struct smsr_script){.id = store_int(row, 0),
                              .procedure = store_int(row, 1),
                              .more_to_do = store_int(row, 5) != 0,
                              .is_switch = store_int(row, 6) != 0,
                              .is_confirmation = store_int(row, 7) != 0,
                              .deadline_ms = store_int(row, 8),
                              .left = store_int(row, 9) != 0,
                              .channel = (enum smsr_channel)store_int(row, 10),
                              .attempts = (int)store_int(row, 11),
                              .next_ms = store_int(row, 12),
                              .keyset = (uint8_t)store_int(row, 14),
                              .counter = (uint64_t)store_int(row, 15)};
    CR_TRY(smsr_take_bytes(row, 2, r->arena, &s->eid, err));
    CR_TRY(smsr_take_bytes(row, 3, r->arena, &s->target, err));
    CR_TRY(smsr_take_bytes(row, 4, r->arena, &s->commands, err));
    CR_TRY(smsr_take_text(row, 16, r->arena, &s->uri, err));
    return smsr_take_bytes(row, 13, r->arena, &s->packet, err);
}

cr_status smsr_script_put(struct smsr *sr, struct store_tx *tx, const struct smsr_script *s,
                          struct cr_err *err)
{
    return store_exec(
        tx,
        "INSERT INTO script(procedure, eid, target, commands, more_to_do, is_switch,"
        " is_confirmation, deadline_ms, has_left, channel, attempts, next_ms, keyset, counter)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, 0, 0)",
        STORE_VALUES(STORE_I(s->procedure), STORE_B(s->eid), STORE_B(s->target),
                     STORE_B(s->commands), STORE_I(s->more_to_do), STORE_I(s->is_switch),
                     STORE_I(s->is_confirmation), STORE_I(s->deadline_ms), STORE_I(s->channel),
                     STORE_I(cr_now_ms(sr->env))),
        NULL, NULL, NULL, err);
}

cr_status smsr_script_current(struct store_tx *tx, cr_span eid, cr_arena *arena,
                              struct smsr_script *out, bool *found, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(store_exec(tx,
                      COLUMNS "WHERE eid = ? ORDER BY has_left DESC, is_confirmation DESC, id"
                              " LIMIT 1",
                      STORE_VALUES(STORE_B(eid)), take_script, &r, NULL, err));
    *found = r.count > 0;
    return CR_OK;
}

cr_status smsr_script_get(struct store_tx *tx, int64_t id, cr_arena *arena, struct smsr_script *out,
                          bool *found, struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = 1};
    CR_TRY(store_exec(tx, COLUMNS "WHERE id = ?", STORE_VALUES(STORE_I(id)), take_script, &r, NULL,
                      err));
    *found = r.count > 0;
    return CR_OK;
}

static cr_status take_int(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

/* A script that is not current waits for the one in front of it: its own time says nothing. */
#define IS_CURRENT                                                                                 \
    "id = (SELECT c.id FROM script c WHERE c.eid = s.eid"                                          \
    " ORDER BY c.has_left DESC, c.is_confirmation DESC, c.id LIMIT 1)"

cr_status smsr_script_due(struct store_tx *tx, int64_t now_ms, cr_arena *arena,
                          struct smsr_script *out, size_t room, size_t *count, int64_t *next_ms,
                          struct cr_err *err)
{
    struct reading r = {.arena = arena, .out = out, .room = room};
    CR_TRY(store_exec(
        tx, COLUMNS "s WHERE next_ms <= ? AND " IS_CURRENT " ORDER BY next_ms LIMIT ?",
        STORE_VALUES(STORE_I(now_ms), STORE_I((int64_t)room)), take_script, &r, NULL, err));
    *count = r.count;
    if (next_ms) {
        *next_ms = 0;
        CR_TRY(store_exec(tx,
                          "SELECT next_ms FROM script s WHERE next_ms > ? AND " IS_CURRENT
                          " ORDER BY next_ms LIMIT 1",
                          STORE_VALUES(STORE_I(now_ms)), take_int, next_ms, NULL, err));
    }
    return CR_OK;
}

cr_status smsr_script_sent(struct store_tx *tx, const struct smsr_script *s, struct cr_err *err)
{
    return store_exec(tx,
                      "UPDATE script SET has_left = max(has_left, ?), channel = ?, attempts = ?,"
                      " next_ms = ?, packet = ?, keyset = ?, counter = ?, uri = ? WHERE id = ?",
                      STORE_VALUES(STORE_I(s->left), STORE_I(s->channel), STORE_I(s->attempts),
                                   STORE_I(s->next_ms), STORE_B(s->packet), STORE_I(s->keyset),
                                   STORE_I((int64_t)s->counter), STORE_T(s->uri), STORE_I(s->id)),
                      NULL, NULL, NULL, err);
}

cr_status smsr_script_end(struct smsr *sr, struct store_tx *tx, const struct smsr_outcome *outcome,
                          struct cr_err *err)
{
    cr_arena arena = {0};
    struct smsr_script script;
    bool found = false;
    cr_status status = smsr_script_get(tx, outcome->script, &arena, &script, &found, err);
    if (status == CR_OK && found) {
        status = store_exec(tx, "DELETE FROM script WHERE id = ?", STORE_VALUES(STORE_I(script.id)),
                            NULL, NULL, NULL, err);
    }
    if (status == CR_OK && found) {
        status = smsr_procedure_answered(sr, tx, &script, outcome, err);
    }
    cr_arena_free(&arena);
    return status;
}
