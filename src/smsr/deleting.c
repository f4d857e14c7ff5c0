/*
 * DeleteProfile, DeleteISDP (SGP.02 3.6) and Master Delete (3.10).
 */
#include "asn1/der.h"
#include "smsr/engine.h"

#define CLAUSE     "SGP.02 4.1.1.11"
#define MAX_OBJECT 32 /* bytes of 42, 45, 5F20, 93: an ICCID or an OID as text is one */

static uint16_t operation_of(const struct smsr_run *run)
{
    return run->p.kind == SMSR_PROC_MASTER_DELETE ? SMSR_OP_MASTER_DELETE : SMSR_OP_DELETE;
}

static cr_status send_delete(struct smsr_run *run, struct cr_err *err)
{
    cr_buf commands = {0};
    if (run->p.kind == SMSR_PROC_MASTER_DELETE) {
        cr_buf_append_span(&commands, run->p.data); /* with its token, made at the start */
    } else {
        smsr_es5_delete(run->p.aid, &commands);
    }
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
}

/* other is set when the target is Enabled: it is disabled first. */
cr_status smsr_start_delete(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    if (!run->p.other) {
        *to = SMSR_STATE_SENT;
        return send_delete(run, err);
    }
    cr_buf commands = {0};
    smsr_es5_disable(run->p.aid, &commands);
    *to = SMSR_STATE_DISABLING;
    return smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_SWITCH, err);
}

static cr_status gone(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    return there ? smsr_run_deleted(run, &target, operation_of(run),
                                    smsr_run_requester(run, &target), err)
                 : CR_OK;
}

static cr_status refused(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    /* To a Master Delete 6A88 says, too, that there is no token key. */
    if (run->p.kind == SMSR_PROC_MASTER_DELETE && run->sw == SMSR_SW_NO_DATA) {
        run->p.switched = true;
        return smsr_begin_settling(run, to, err);
    }
    if (run->sw == SMSR_SW_NO_DATA || run->sw == SMSR_SW_NO_FILE) {
        *to = smsr_run_ends(run, SMSR_STATE_DONE);
        smsr_run_warn(run, "8.2.1", "3.9", "the eUICC says that it was gone already");
        return gone(run, err);
    }
    *to = smsr_run_refused(run);
    return smsr_run_audit(run, operation_of(run), SOAP_FAILED, err);
}

static cr_status on_command(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    switch ((int)run->event) {
    case SMSR_EV_OK:
        *to = smsr_run_ends(run, SMSR_STATE_DONE);
        return gone(run, err);
    case SMSR_EV_ERROR:
        return refused(run, to, err);
    case SMSR_EV_UNREACHABLE:
        *to = smsr_run_refused(run);
        return CR_OK;
    case SMSR_EV_UNANSWERED:
        return smsr_begin_settling(run, to, err);
    case SMSR_EV_DEADLINE:
        return smsr_expire(run, to, err);
    default:
        return cr_fail(err, CR_INTERNAL, NULL, "no event of a deletion");
    }
}

static cr_status judge(struct smsr_run *run, bool *done, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    *done = !there;
    return CR_OK;
}

/* The disable part is over: DELETE follows, unless POL1 has deleted it already. */
static cr_status after_switch(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_profile target;
    bool there;
    CR_TRY(smsr_run_profile(run, run->p.iccid, &target, &there, err));
    if (!there) {
        return CR_OK; /* DONE */
    }
    run->p.switched = true;
    *to = SMSR_STATE_SENT;
    return send_delete(run, err);
}

static bool in_switch(const struct smsr_procedure *p)
{
    const bool lost = p->state == SMSR_STATE_DOUBT || p->state == SMSR_STATE_SETTLING;
    const enum smsr_proc_state state = lost ? p->before : p->state;
    return state != SMSR_STATE_SENT;
}

cr_status smsr_on_delete(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    const struct smsr_procedure *p = &run->p;
    if (p->state == SMSR_STATE_SETTLING) {
        CR_TRY(smsr_settle(run, judge, to, err));
        if (*to == SMSR_STATE_FAILED && p->kind == SMSR_PROC_MASTER_DELETE && p->switched) {
            *to = smsr_run_failed(run, "8.2.1", "3.8", "the eUICC has no token key for it");
            return smsr_run_audit(run, operation_of(run), SOAP_FAILED, err);
        }
        return CR_OK;
    }
    if (in_switch(p)) {
        CR_TRY(smsr_switch_part(run, to, err));
        return p->state == SMSR_STATE_CONFIRMING && *to == SMSR_STATE_DONE
                   ? after_switch(run, to, err)
                   : CR_OK;
    }
    if (p->state == SMSR_STATE_DOUBT && run->event != SMSR_EV_OK && run->event != SMSR_EV_ERROR) {
        return smsr_settle(run, judge, to, err);
    }
    return on_command(run, to, err);
}

/* ---- Master Delete -----------------------------------------------------------------------------
 */

struct master {
    struct smsr *sr;
    cr_span eid;
    const char *iccid, *initiator;
    const struct smsr_delete_token *token;
    int64_t id;
};

cr_status smsr_delete_token_read(cr_span tlvs, struct smsr_delete_token *out, struct cr_err *err)
{
    struct smsr_delete_token t = {.token = {0}};
    const struct {
        uint32_t tag;
        cr_span *value;
    } parts[] = {{0x42, &t.provider_id},
                 {0x45, &t.image_number},
                 {0x5F20, &t.application_provider},
                 {0x93, &t.token_id},
                 {0x9E, &t.token}};
    size_t found = 0;
    while (tlvs.n) {
        struct der_tlv tlv;
        size_t i = 0;
        if (der_next(&tlvs, DER_DEFINITE, &tlv, NULL) != CR_OK) {
            return cr_fail(err, CR_MALFORMED, CLAUSE, "a Delete Token is a list of TLVs");
        }
        while (i < CR_COUNT(parts) && parts[i].tag != tlv.tag) {
            i++;
        }
        if (i == CR_COUNT(parts) || parts[i].value->p) {
            return cr_fail(err, CR_MALFORMED, CLAUSE,
                           "the object %X has no place in a Delete Token", (unsigned)tlv.tag);
        }
        *parts[i].value = tlv.value;
        found++;
    }
    if (found != CR_COUNT(parts)) {
        return cr_fail(err, CR_MALFORMED, CLAUSE,
                       "a Delete Token has the objects 42, 45, 5F20, 93 and 9E");
    }
    *out = t;
    return CR_OK;
}

#define MASTER_PERIOD_MS ((int64_t)SOAP_VALIDITY_PLATFORM * 1000)

static cr_status check_token(const struct smsr_delete_token *t, struct cr_err *err)
{
    const cr_span parts[] = {t->provider_id, t->image_number, t->application_provider, t->token_id};
    bool good = t->token.n == 16;
    for (size_t i = 0; i < CR_COUNT(parts); i++) {
        good = good && parts[i].n >= 1 && parts[i].n <= MAX_OBJECT;
    }
    return good ? CR_OK
                : cr_refuse(err, "1.6", "2.1", CLAUSE,
                            "the Delete Token needs objects of 1 to %d bytes and a token of 16",
                            MAX_OBJECT);
}

static cr_status master_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    struct master *m = ctx;
    struct smsr_euicc euicc;
    struct smsr_profile target;
    cr_arena arena = {0};
    cr_buf command = {0};
    cr_status status = smsr_euicc_get(tx, m->eid, &arena, &euicc, err);
    if (status == CR_OK) {
        status = smsr_profile_get(tx, m->eid, cr_span_str(m->iccid), &arena, &target, err);
    }
    if (status == CR_OK) {
        const struct smsr_subject subject = {.pol2 = target.pol2,
                                             .state = (enum soap_profile_state)target.state,
                                             .fallback = target.fallback,
                                             .iccid = target.iccid};
        status = smsr_policy_check(SMSR_MASTER_DELETE, &subject, NULL, err);
    }
    if (status == CR_OK) {
        smsr_es5_master_delete(target.aid, m->token, &command);
        const struct smsr_procedure what = {.kind = SMSR_PROC_MASTER_DELETE,
                                            .eid = m->eid,
                                            .requester = m->initiator,
                                            .iccid = m->iccid,
                                            .aid = target.aid,
                                            .data = cr_buf_span(&command)};
        status = cr_buf_ok(&command) ? smsr_procedure_start_own(m->sr, tx, &arena, &what,
                                                                MASTER_PERIOD_MS, &m->id, err)
                                     : cr_fail_memory(err);
    }
    cr_buf_free(&command);
    cr_arena_free(&arena);
    return status;
}

cr_status smsr_master_delete(struct smsr *sr, cr_span eid, const char *iccid, const char *initiator,
                             const struct smsr_delete_token *token, int64_t *id, struct cr_err *err)
{
    struct master m = {
        .sr = sr, .eid = eid, .iccid = iccid, .initiator = initiator, .token = token};
    CR_TRY(check_token(token, err));
    CR_TRY(store_run(sr->store, master_work, &m, err));
    *id = m.id;
    m2m_poke(sr->m2m);
    return CR_OK;
}
