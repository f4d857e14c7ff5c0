/*
 * SM-SR change, after the commit point (SGP.02 3.8, 4.1.1.9, 4.1.1.10): the keys of the SM-SR
 * before leave the eUICC, our addresses and an SCP81 key set come. The eUICC is ours whatever
 * becomes of it: what fails makes a warning, what the eUICC does not answer to is tried again
 * later.
 */
#include "smsr/handover.h"

#include "smsr/radio_config.h"

#define SCP81_VERSION 0x40
#define MAX_DOUBLINGS 8 /* of the pause between two tries */
#define DAY_MS        ((int64_t)24 * 3600 * 1000)

/* ---- ends --------------------------------------------------------------------------------------
 */

/* Everybody who shall know that the eUICC is here, once. */
static cr_status announce(struct smsr_run *run, struct smsr_handover *h, struct cr_err *err)
{
    if (h->announced) {
        return CR_OK;
    }
    h->announced = true;
    return smsr_fan_out_change(run->sr, run->tx, &run->e, err);
}

static cr_status finished(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                          struct cr_err *err)
{
    *to = SMSR_STATE_DONE;
    h->one_time = (cr_span){0};
    CR_TRY(announce(run, h, err));
    return smsr_handover_put(run->tx, h, err);
}

/* The other SM-SR is told, with a warning, and the eUICC is free for others meanwhile. */
static cr_status pause(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state step,
                       enum smsr_proc_state *to, struct cr_err *err)
{
    const int doublings = h->tries < MAX_DOUBLINGS ? h->tries : MAX_DOUBLINGS;
    const int64_t wait = run->sr->policy.again_ms << doublings;
    smsr_run_warned(run);
    CR_TRY(smsr_run_recall(run, err));
    CR_TRY(announce(run, h, err));
    CR_TRY(smsr_run_answer(run, err));
    h->tries++;
    h->one_time = (cr_span){0};
    run->e.procedure = 0;
    run->p.before = step;
    run->p.due_ms = run->now_ms + (wait < DAY_MS ? wait : DAY_MS);
    *to = SMSR_STATE_PAUSED;
    return smsr_handover_put(run->tx, h, err);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static cr_status put_finalise(const struct smsr_handover *h, cr_buf *commands)
{
    const struct smsr_key_range own = {.version = h->version, .first = 1, .last = 3};
    smsr_es5_finalise(&own, 1, commands);
    return CR_OK;
}

static cr_status put_addresses(struct smsr_run *run, cr_buf *commands, struct cr_err *err)
{
    struct smsr_profile enabled;
    cr_buf tlvs = {0};
    bool there;
    if (!run->sr->radio) {
        return CR_OK;
    }
    CR_TRY(smsr_profile_special(run->tx, run->p.eid, SMSR_THE_ENABLED, run->arena, &enabled, &there,
                                err));
    cr_status status =
        smsr_addressing(run->sr->radio, &run->e, there ? enabled.msisdn : NULL, &tlvs, err);
    if (status == CR_OK && tlvs.n) {
        smsr_es5_parameters(cr_buf_span(&tlvs), commands);
    }
    cr_buf_free(&tlvs);
    return status;
}

/* Only for sessions that we have an address for. */
static cr_status put_certificate(struct smsr_run *run, cr_buf *commands, uint8_t *block,
                                 struct cr_err *err)
{
    const struct smsr_identity *identity;
    cr_buf data = {0};
    if (!run->e.http || !run->sr->radio || !run->sr->radio->https_address) {
        return CR_OK;
    }
    CR_TRY(smsr_identity_for(run->sr, &run->e, &identity, err));
    cr_status status =
        establish_put_certificate(identity->certificate, ESTABLISH_LENGTH_DGI, &data, err);
    if (status == CR_OK) {
        smsr_es5_establish(cr_buf_span(&data), false, block, commands);
    }
    cr_buf_free(&data);
    return status;
}

cr_status smsr_finish_step(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state step,
                           enum smsr_proc_state *to, struct cr_err *err)
{
    static const enum smsr_proc_state steps[] = {SMSR_STATE_FINALISING, SMSR_STATE_ADDRESSING,
                                                 SMSR_STATE_CERTIFYING};
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        cr_buf commands = {0};
        uint8_t block = 0;
        if (steps[i] < step) {
            continue; /* done before */
        }
        cr_status status = steps[i] == SMSR_STATE_FINALISING ? put_finalise(h, &commands)
                           : steps[i] == SMSR_STATE_ADDRESSING
                               ? put_addresses(run, &commands, err)
                               : put_certificate(run, &commands, &block, err);
        if (status != CR_OK || commands.n || commands.failed) {
            const bool more = steps[i] == SMSR_STATE_CERTIFYING;
            *to = steps[i];
            CR_TRY(status);
            CR_TRY(smsr_handover_put(run->tx, h, err));
            return smsr_run_send(run, (cr_span){0}, &commands, more ? SMSR_SEND_MORE : 0, err);
        }
    }
    return finished(run, h, to, err);
}

/* ---- the SCP81 key set -------------------------------------------------------------------------
 */

static cr_status bad_answer(struct smsr_run *run, struct smsr_handover *h, const char *sentence,
                            enum smsr_proc_state *to, struct cr_err *err)
{
    smsr_run_warn(run, "8.4", "4.2", sentence);
    return finished(run, h, to, err);
}

static cr_status send_request(struct smsr_run *run, struct smsr_handover *h, cr_span signature,
                              struct cr_err *err)
{
    cr_buf data = {0}, sent = {0}, commands = {0};
    uint8_t block = 0; /* counting goes on behind the certificate's blocks */
    cr_status status = put_certificate(run, &sent, &block, err);
    cr_buf_free(&sent);
    if (status == CR_OK) {
        status = establish_put_request(h->objects, signature, &data, err);
    }
    if (status == CR_OK) {
        smsr_es5_establish(cr_buf_span(&data), true, &block, &commands);
        status = smsr_run_send(run, (cr_span){0}, &commands, SMSR_SEND_PLAIN, err);
    }
    cr_buf_free(&data);
    return status;
}

static cr_status certified(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                           struct cr_err *err)
{
    const struct establish_template t = establish_template_scp81(SCP81_VERSION);
    uint8_t point[CRYPTO_POINT], signature[CRYPTO_SIGNATURE];
    struct smsr_r_apdu last;
    if (!smsr_es5_last(run->outcome->response, &last) ||
        establish_take_challenge(last.data, &h->challenge, NULL) != CR_OK) {
        return bad_answer(run, h, "the eUICC gave no random challenge", to, err);
    }
    *to = SMSR_STATE_KEYING;
    CR_TRY(smsr_keys_begin(run, &t, h, point, signature, err));
    CR_TRY(smsr_handover_put(run->tx, h, err));
    return send_request(run, h, CR_SPAN_ARRAY(signature), err);
}

static cr_status keyed(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                       struct cr_err *err)
{
    struct smsr_r_apdu last;
    struct establish_keys keys = {0};
    struct cr_err why = {0};
    cr_span dr, receipt;
    if (!smsr_es5_last(run->outcome->response, &last) ||
        establish_take_answer(last.data, &dr, &receipt, NULL) != CR_OK) {
        return bad_answer(run, h, "the eUICC gave no receipt", to, err);
    }
    cr_status status = smsr_keys_finish(run, h, dr, receipt, &keys, &why);
    if (status == CR_OK) {
        status = smsr_keys_keep(run, h, &keys, err);
    } else if (status == CR_REFUSED) {
        smsr_run_warn(run, why.subject, why.reason, why.cause);
        status = CR_OK;
    } else if (err) {
        *err = why;
    }
    establish_keys_wipe(&keys);
    CR_TRY(status);
    CR_TRY(smsr_run_audit(run, SMSR_OP_ESTABLISH, SOAP_EXECUTED_SUCCESS, err));
    return finished(run, h, to, err);
}

/* ---- events ------------------------------------------------------------------------------------
 */

/* The eUICC said no: it will not say otherwise later. The steps do not depend on each other. */
static cr_status refused(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                         struct cr_err *err)
{
    smsr_run_warned(run);
    switch ((int)run->p.state) {
    case SMSR_STATE_FINALISING:
        CR_TRY(smsr_run_audit(run, SMSR_OP_FINALISE, SOAP_FAILED, err));
        return smsr_finish_step(run, h, SMSR_STATE_ADDRESSING, to, err);
    case SMSR_STATE_ADDRESSING:
        return smsr_finish_step(run, h, SMSR_STATE_CERTIFYING, to, err);
    default:
        CR_TRY(smsr_run_audit(run, SMSR_OP_ESTABLISH, SOAP_FAILED, err));
        return finished(run, h, to, err);
    }
}

static cr_status executed(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                          struct cr_err *err)
{
    switch ((int)run->p.state) {
    case SMSR_STATE_FINALISING:
        CR_TRY(smsr_run_audit(run, SMSR_OP_FINALISE, SOAP_EXECUTED_SUCCESS, err));
        return smsr_finish_step(run, h, SMSR_STATE_ADDRESSING, to, err);
    case SMSR_STATE_ADDRESSING:
        return smsr_finish_step(run, h, SMSR_STATE_CERTIFYING, to, err);
    case SMSR_STATE_CERTIFYING:
        return certified(run, h, to, err);
    default:
        return keyed(run, h, to, err);
    }
}

/* PAUSED, and its time has come. */
static cr_status resume(struct smsr_run *run, struct smsr_handover *h, enum smsr_proc_state *to,
                        struct cr_err *err)
{
    if (run->gone) { /* handed on meanwhile */
        *to = SMSR_STATE_DONE;
        return CR_OK;
    }
    if (run->e.procedure || run->e.handover) {
        run->p.due_ms = run->now_ms + run->sr->policy.again_ms;
        return CR_OK;
    }
    run->e.procedure = run->p.id;
    return smsr_finish_step(run, h, run->p.before, to, err);
}

cr_status smsr_on_finish(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    struct smsr_handover h;
    CR_TRY(smsr_handover_get(run->tx, run->p.id, run->arena, &h, err));
    if (run->p.state == SMSR_STATE_PAUSED) {
        return resume(run, &h, to, err);
    }
    switch ((int)run->event) {
    case SMSR_EV_OK:
        return executed(run, &h, to, err);
    case SMSR_EV_ERROR:
        return refused(run, &h, to, err);
    default: /* UNREACHABLE, UNANSWERED, DEADLINE */
        return pause(run, &h,
                     run->p.state == SMSR_STATE_KEYING ? SMSR_STATE_CERTIFYING : run->p.state, to,
                     err);
    }
}
