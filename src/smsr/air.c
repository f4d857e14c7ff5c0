#include "smsr/air.h"

#include "base/text.h"
#include "smsr/core.h"

const char smsr_air_schema[] = "CREATE TABLE air ("
                               " eid BLOB PRIMARY KEY,"
                               " number TEXT NOT NULL,"
                               " chain BLOB NOT NULL,"
                               " chain_ms INTEGER NOT NULL,"
                               " heard_ms INTEGER NOT NULL,"
                               " history INTEGER NOT NULL,"
                               " trip_ms INTEGER NOT NULL,"
                               " http1_ms INTEGER NOT NULL," /* failed openings, newest first */
                               " http2_ms INTEGER NOT NULL,"
                               " cattp1_ms INTEGER NOT NULL,"
                               " cattp2_ms INTEGER NOT NULL) WITHOUT ROWID;"
                               "CREATE INDEX air_number ON air(number);";

static cr_status take_air(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct smsr_air *air = ctx;
    (void)err;
    const cr_span chain = store_bytes(row, 1);
    (void)cr_str_copy(air->number, sizeof air->number, store_bytes(row, 0));
    air->chain_size = chain.n <= sizeof air->chain ? chain.n : 0;
    if (air->chain_size) {
        memcpy(air->chain, chain.p, air->chain_size);
    }
    air->chain_ms = store_int(row, 2);
    air->heard_ms = store_int(row, 3);
    air->history = (unsigned)store_int(row, 4);
    air->trip_ms = store_int(row, 5);
    for (int i = 0; i < 2; i++) {
        air->failed_http[i] = store_int(row, 6 + i);
        air->failed_cattp[i] = store_int(row, 8 + i);
    }
    return CR_OK;
}

cr_status smsr_air_get(struct store_tx *tx, cr_span eid, struct smsr_air *out, struct cr_err *err)
{
    *out = (struct smsr_air){0};
    if (eid.n != sizeof out->eid) {
        return cr_fail(err, CR_INTERNAL, NULL, "an EID has 16 bytes");
    }
    memcpy(out->eid, eid.p, sizeof out->eid);
    return store_exec(
        tx,
        "SELECT number, chain, chain_ms, heard_ms, history, trip_ms, http1_ms, http2_ms,"
        " cattp1_ms, cattp2_ms FROM air WHERE eid = ?",
        STORE_VALUES(STORE_B(eid)), take_air, out, NULL, err);
}

cr_status smsr_air_put(struct store_tx *tx, const struct smsr_air *air, struct cr_err *err)
{
    static const uint8_t nothing[1];
    const cr_span chain = cr_span_of(air->chain_size ? air->chain : nothing, air->chain_size);
    int64_t changed = 0;
    /* The number, which has an index, is mostly the same. */
    CR_TRY(store_exec(
        tx,
        "UPDATE air SET chain = ?, chain_ms = ?, heard_ms = ?, history = ?, trip_ms = ?,"
        " http1_ms = ?, http2_ms = ?, cattp1_ms = ?, cattp2_ms = ? WHERE eid = ? AND number = ?",
        STORE_VALUES(STORE_B(chain), STORE_I(air->chain_ms), STORE_I(air->heard_ms),
                     STORE_I(air->history), STORE_I(air->trip_ms), STORE_I(air->failed_http[0]),
                     STORE_I(air->failed_http[1]), STORE_I(air->failed_cattp[0]),
                     STORE_I(air->failed_cattp[1]), STORE_B(CR_SPAN_ARRAY(air->eid)),
                     STORE_T(air->number)),
        NULL, NULL, &changed, err));
    if (changed) {
        return CR_OK;
    }
    return store_exec(tx, "INSERT OR REPLACE INTO air VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      STORE_VALUES(STORE_B(CR_SPAN_ARRAY(air->eid)), STORE_T(air->number),
                                   STORE_B(chain), STORE_I(air->chain_ms), STORE_I(air->heard_ms),
                                   STORE_I(air->history), STORE_I(air->trip_ms),
                                   STORE_I(air->failed_http[0]), STORE_I(air->failed_http[1]),
                                   STORE_I(air->failed_cattp[0]), STORE_I(air->failed_cattp[1])),
                      NULL, NULL, NULL, err);
}

struct neighbours {
    uint8_t (*eids)[SOAP_EID_SIZE];
    size_t count;
};

static cr_status take_eid(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct neighbours *n = ctx;
    const cr_span eid = store_bytes(row, 0);
    (void)err;
    if (eid.n == SOAP_EID_SIZE && n->count < SMSR_NEIGHBOURS) {
        memcpy(n->eids[n->count++], eid.p, eid.n);
    }
    return CR_OK;
}

cr_status smsr_air_at(struct store_tx *tx, const char *number,
                      uint8_t eids[SMSR_NEIGHBOURS][SOAP_EID_SIZE], size_t *count,
                      struct cr_err *err)
{
    struct neighbours n = {.eids = eids};
    CR_TRY(store_exec(tx, "SELECT eid FROM air WHERE number = ? LIMIT ?",
                      STORE_VALUES(STORE_T(number), STORE_I(SMSR_NEIGHBOURS)), take_eid, &n, NULL,
                      err));
    *count = n.count;
    return CR_OK;
}

bool smsr_air_number(const char *text, char out[SMSR_NUMBER + 1])
{
    text += *text == '+';
    return *text && cr_is_digits(cr_span_str(text)) &&
           cr_str_copy(out, SMSR_NUMBER + 1, cr_span_str(text));
}

static void forget(struct smsr_air *air, int64_t now_ms)
{
    if (now_ms - air->heard_ms >= SMSR_HOUR_MS) {
        air->history = 0;
        air->trip_ms = 0;
    }
}

void smsr_air_heard(struct smsr_air *air, bool lost, int64_t now_ms)
{
    forget(air, now_ms);
    air->heard_ms = now_ms;
    air->history = ((air->history << 1) | (lost ? 1U : 0U)) & ((1U << SMSR_HISTORY) - 1);
}

void smsr_air_failed(int64_t failed[2], int64_t now_ms)
{
    failed[1] = failed[0];
    failed[0] = now_ms;
}

unsigned smsr_air_failures(const int64_t failed[2], int64_t now_ms)
{
    unsigned count = 0;
    for (int i = 0; i < 2; i++) {
        count += failed[i] && now_ms - failed[i] < SMSR_HOUR_MS ? 1 : 0;
    }
    return count;
}

bool smsr_air_slow(const struct smsr_air *air, int64_t now_ms)
{
    struct smsr_air a = *air;
    forget(&a, now_ms);
    return a.trip_ms > SMSR_SLOW_MS || __builtin_popcount(a.history) >= 2;
}
