/*
 * What is carried without being looked at: SendData (SGP.02 5.4.4), connectivity parameters
 * (5.4.11), addressing parameters (4.1.1.10). data holds the command TLVs that still have to be
 * sent.
 */
#include "asn1/der.h"
#include "smsr/engine.h"

#define TAG_SCP03T_ERROR 0x9F44 /* to 9F46: an SCP03t TLV that was refused */

/* As many whole TLVs as one script takes, at least one. */
static cr_status cut(cr_span *rest, cr_span *out, struct cr_err *err)
{
    const cr_span all = *rest;
    struct der_tlv tlv;
    size_t taken = 0;
    while (rest->n) {
        const cr_span before = *rest;
        CR_TRY(der_next(rest, DER_BER_LENGTHS, &tlv, err));
        if (taken && taken + tlv.all.n > SMSR_SCRIPT_MAX) {
            *rest = before;
            break;
        }
        taken += tlv.all.n;
    }
    *out = cr_span_sub(all, 0, taken);
    return CR_OK;
}

static cr_status send_next(struct smsr_run *run, struct cr_err *err)
{
    struct smsr_procedure *p = &run->p;
    cr_buf commands = {0};
    cr_span now;
    CR_TRY(cut(&p->data, &now, err));
    cr_buf_append_span(&commands, now);
    const bool more = p->more_to_do || p->data.n > 0;
    const cr_span target = p->kind == SMSR_PROC_ADDRESSING ? (cr_span){0} : p->aid;
    return smsr_run_send(run, target, &commands, more ? SMSR_SEND_MORE : 0, err);
}

cr_status smsr_start_data(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    *to = SMSR_STATE_SENT;
    return send_next(run, err);
}

/* After a command that failed the eUICC has stopped: the rest would be out of its context. */
static bool stopped(cr_span response)
{
    struct smsr_r_apdu last;
    struct der_tlv tlv;
    if (smsr_es5_last(response, &last) && !smsr_es5_good(last.sw)) {
        return true;
    }
    while (response.n && der_next(&response, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (tlv.tag >= TAG_SCP03T_ERROR && tlv.tag <= TAG_SCP03T_ERROR + 2) {
            return true;
        }
    }
    return false;
}

cr_status smsr_on_data(struct smsr_run *run, enum smsr_proc_state *to, struct cr_err *err)
{
    if (run->event == SMSR_EV_DEADLINE) {
        return smsr_expire(run, to, err);
    }
    struct cr_err why = {0};
    if (smsr_run_answered(run, &why) == CR_REFUSED) {
        *to = smsr_run_failed(run, "8.4", "4.2", why.cause);
        return CR_OK;
    }
    if (run->event != SMSR_EV_OK) {
        *to = smsr_run_refused(run);
        return CR_OK;
    }
    if (run->p.data.n && !stopped(run->outcome->response)) {
        *to = SMSR_STATE_SENT;
        return send_next(run, err);
    }
    *to = SMSR_STATE_DONE;
    return CR_OK;
}
