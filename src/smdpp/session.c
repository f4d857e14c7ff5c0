#include "smdpp/session.h"

#include "asn1/asn1.h"
#include "smdpp/inventory.h"

/* How a session's data is stored: a private type through the same codec as everything else. */
#define ROW(member_, tag_, kind_, flags_, has_)                                                    \
    {                                                                                              \
        .name = #member_, .tag = (tag_), .kind = (kind_), .flags = (flags_),                       \
        .offset = offsetof(struct smdpp_session, member_), .has = (has_), .max = SMDPP_SESSION_MAX \
    }
#define BYTES(member_, tag_) ROW(member_, tag_, ASN1_OCTETS, ASN1_OPTIONAL, ASN1_NO_OFFSET)
#define NUMBER(member_, tag_)                                                                      \
    {                                                                                              \
        .name = #member_, .tag = (tag_), .kind = ASN1_INTEGER, .flags = 0,                         \
        .offset = offsetof(struct smdpp_session, member_), .has = ASN1_NO_OFFSET                   \
    }

static const struct asn1_field session_fields[] = {
    NUMBER(version, 0x80),
    BYTES(euicc_challenge, 0x81),
    BYTES(server_challenge, 0x82),
    BYTES(server_ci, 0x83),
    BYTES(euicc_ci, 0x84),
    BYTES(svn, 0x85),
    BYTES(start_answer, 0x86),
    BYTES(start_request_hash, 0x87),
    BYTES(eid, 0x88),
    BYTES(iccid, 0x89),
    BYTES(euicc_point, 0x8A),
    NUMBER(euicc_curve, 0x8B),
    BYTES(smdp_signature2, 0x8C),
    ROW(cc_required, 0x8D, ASN1_NULL, ASN1_OPTIONAL, ASN1_NO_OFFSET),
    BYTES(auth_request_hash, 0x8E),
    BYTES(auth_answer, 0x8F),
    BYTES(bpp_request_hash, 0x90),
    BYTES(init_secure_channel, 0x91),
    BYTES(matching_id, 0x92),
    NUMBER(attempt, 0x93),
    BYTES(failed_request_hash, 0x94),
    BYTES(failed_subject, 0x95),
    BYTES(failed_reason, 0x96),
    BYTES(failed_cause, 0x97),
    BYTES(failed_next, 0x98),
};

static const struct asn1_type session_type = {
    .name = "SmdppSession",
    .tag = 0x30,
    .kind = ASN1_SEQUENCE,
    .raw_offset = ASN1_NO_OFFSET,
    .field_count = CR_COUNT(session_fields),
    .size = sizeof(struct smdpp_session),
    .fields = session_fields,
};

cr_status smdpp_session_add(struct store_tx *tx, struct smdpp_session *s, struct cr_err *err)
{
    cr_buf data = {0};
    s->version = 1;
    s->revision = 1;
    s->state = SMDPP_SESSION_STARTED;
    cr_status status = asn1_encode(&session_type, s, 0, &data, err);
    if (status == CR_OK) {
        status = store_exec(tx,
                            "INSERT INTO session(transaction_id, state, revision, expires_ms, data)"
                            " VALUES(?, ?, 1, ?, ?)",
                            STORE_VALUES(STORE_B(s->transaction_id), STORE_I(s->state),
                                         STORE_I(s->expires_ms), STORE_B(cr_buf_span(&data))),
                            NULL, NULL, NULL, err);
    }
    cr_buf_free(&data);
    return status;
}

struct take {
    cr_arena *arena;
    struct smdpp_session *out;
    bool *found;
};

static cr_status take_session(const struct store_row *row, void *ctx, struct cr_err *err)
{
    struct take *take = ctx;
    struct smdpp_session session;
    cr_span data = cr_arena_copy(take->arena, store_bytes(row, 4));
    cr_span id = cr_arena_copy(take->arena, store_bytes(row, 0));
    if (!data.p || !id.p) {
        return cr_fail_memory(err);
    }
    cr_status status = asn1_decode(&session_type, data, 0, take->arena, &session, err);
    if (status != CR_OK || session.version != 1) {
        /* Our own data: nothing that the peer sent is at fault. */
        return cr_fail(err, CR_INTERNAL, NULL, "a session was written by another version of crisp");
    }
    session.transaction_id = id;
    session.state = store_int(row, 1);
    session.revision = store_int(row, 2);
    session.expires_ms = store_int(row, 3);
    *take->out = session;
    *take->found = true;
    return CR_OK;
}

cr_status smdpp_session_get(struct store_tx *tx, cr_span transaction_id, int64_t now_ms,
                            cr_arena *arena, struct smdpp_session *out, bool *found,
                            struct cr_err *err)
{
    *found = false;
    struct take take = {arena, out, found};
    return store_exec(tx,
                      "SELECT transaction_id, state, revision, expires_ms, data FROM session"
                      " WHERE transaction_id = ? AND expires_ms > ?",
                      STORE_VALUES(STORE_B(transaction_id), STORE_I(now_ms)), take_session, &take,
                      NULL, err);
}

cr_status smdpp_session_save(struct store_tx *tx, struct smdpp_session *s,
                             enum smdpp_session_state from_state, enum smdpp_session_state to_state,
                             struct cr_err *err)
{
    cr_buf data = {0};
    int64_t changed = 0;
    cr_status status = asn1_encode(&session_type, s, 0, &data, err);
    if (status == CR_OK) {
        status = store_exec(tx,
                            "UPDATE session SET state = ?, revision = revision + 1, data = ?,"
                            " expires_ms = ? WHERE transaction_id = ? AND state = ?"
                            " AND revision = ?",
                            STORE_VALUES(STORE_I(to_state), STORE_B(cr_buf_span(&data)),
                                         STORE_I(s->expires_ms), STORE_B(s->transaction_id),
                                         STORE_I(from_state), STORE_I(s->revision)),
                            NULL, NULL, &changed, err);
    }
    cr_buf_free(&data);
    CR_TRY(status);
    if (changed != 1) {
        cr_status lost =
            cr_fail(err, CR_RESOURCE, NULL, "the session was moved by somebody else meanwhile");
        return cr_err_code(err, lost, SMDPP_LOST);
    }
    s->state = to_state;
    s->revision++;
    return CR_OK;
}

cr_status smdpp_session_purge(struct store_tx *tx, int64_t now_ms, int64_t limit, int64_t *removed,
                              struct cr_err *err)
{
    /* By age: all live equally long after each of their few steps, so that the oldest expire
     * first, but for a few that a later step has renewed. */
    return store_exec(tx,
                      "DELETE FROM session WHERE expires_ms <= ?1 AND id IN (SELECT id FROM"
                      " session ORDER BY id LIMIT ?2)",
                      STORE_VALUES(STORE_I(now_ms), STORE_I(limit)), NULL, NULL, removed, err);
}

bool smdpp_session_copy(const struct smdpp_session *from, cr_arena *arena,
                        struct smdpp_session *out)
{
    bool sound = true;
    *out = *from;
    out->raw = (cr_span){0};
    out->transaction_id = cr_arena_copy(arena, from->transaction_id);
    for (size_t i = 0; i < CR_COUNT(session_fields); i++) {
        if (session_fields[i].kind == ASN1_OCTETS) {
            cr_span *member = (cr_span *)(void *)((uint8_t *)out + session_fields[i].offset);
            bool present = member->p != NULL;
            *member = cr_arena_copy(arena, *member);
            sound = sound && (member->p || !present);
        }
    }
    return sound && out->transaction_id.p;
}

static cr_status take_number(const struct store_row *row, void *ctx, struct cr_err *err)
{
    (void)err;
    *(int64_t *)ctx = store_int(row, 0);
    return CR_OK;
}

cr_status smdpp_session_count(struct store_tx *tx, int64_t *count, struct cr_err *err)
{
    *count = 0;
    return store_exec(tx,
                      "SELECT ifnull((SELECT max(id) FROM session) -"
                      " (SELECT min(id) FROM session) + 1, 0)",
                      NULL, take_number, count, NULL, err);
}
