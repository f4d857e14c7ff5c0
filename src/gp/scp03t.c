/*
 * SCP03t on a domain of the card (SGP.02 4.1.3.3): the session of SCP03, carried by TLVs in a
 * script instead of APDUs. What the segments bring is the layer above's business.
 */
#include "asn1/der.h"
#include "gp/internal.h"

#define TAG_INITIALISE   0x84
#define TAG_AUTHENTICATE 0x85
#define TAG_SEGMENT      0x86

static enum scp03t_reason reason_of(const struct cr_err *err)
{
    return err->code == SCP03T_WRONG_LENGTH ? SCP03T_WRONG_LENGTH : SCP03T_SECURITY;
}

static enum scp03t_reason initialise(struct gp_command *c, cr_span tlv, cr_buf *answer)
{
    struct cr_err err;
    struct gp_object target;
    uint8_t kvn, key_id;
    cr_span challenge;
    cr_buf data = {0};
    gp_context_script_end(c->ctx); /* whatever comes of it, the old session is over */
    if (scp03t_card_parse_initialise(tlv, &kvn, &key_id, &challenge, &err) != CR_OK) {
        return SCP03T_WRONG_LENGTH;
    }
    struct gp_requester who = gp_requester_of(c, &target);
    bool ready = key_id == 0 && c->gp->hooks.segments &&
                 c->gp->hooks.segments(c->gp->hooks.ctx, &who) &&
                 gp_session_begin(c, kvn, challenge, &data) == UICC_SW_OK &&
                 c->ctx->session.facts.protocol == SCP_03;
    if (ready) {
        der_put(answer, TAG_INITIALISE, cr_buf_span(&data));
    } else {
        scp_end(&c->ctx->session);
    }
    cr_buf_free(&data);
    return ready ? SCP03T_OK : SCP03T_KEY_SET_UNKNOWN;
}

static enum scp03t_reason authenticate(struct gp_command *c, cr_span tlv, cr_buf *answer)
{
    struct cr_err err;
    return scp03t_card_authenticate(&c->ctx->session, tlv, answer, &err) == CR_OK ? SCP03T_OK
                                                                                  : reason_of(&err);
}

static enum scp03t_reason segment(struct gp_command *c, cr_span tlv, cr_buf *answer)
{
    struct cr_err err;
    struct gp_object target;
    cr_buf plain = {.secret = true}, out = {.secret = true};
    enum scp03t_reason reason = SCP03T_OK;
    if (c->ctx->session.state != SCP_STATE_OPEN) {
        return SCP03T_SECURITY;
    }
    if (scp03t_card_open(&c->ctx->session, tlv, &plain, &err) != CR_OK) {
        reason = reason_of(&err);
    } else {
        struct gp_requester who = gp_requester_of(c, &target);
        uicc_sw sw = c->gp->hooks.segment
                         ? c->gp->hooks.segment(c->gp->hooks.ctx, &who, cr_buf_span(&plain), &out)
                         : UICC_SW_CONDITIONS;
        if (sw != UICC_SW_OK ||
            scp03t_card_answer(&c->ctx->session, cr_buf_span(&out), answer, &err) != CR_OK) {
            reason = SCP03T_SECURITY;
        }
    }
    cr_buf_free(&plain);
    cr_buf_free(&out);
    return reason;
}

bool gp_scp03t_run(struct gp_command *c, cr_span tlv, cr_buf *answer)
{
    size_t mark = nvm_mark(c->reg->nvm);
    uint8_t tag = tlv.n ? tlv.p[0] : 0;
    enum scp03t_reason reason = tag == TAG_INITIALISE     ? initialise(c, tlv, answer)
                                : tag == TAG_AUTHENTICATE ? authenticate(c, tlv, answer)
                                : tag == TAG_SEGMENT      ? segment(c, tlv, answer)
                                                          : SCP03T_WRONG_LENGTH;
    if (reason == SCP03T_OK) {
        return true;
    }
    /* 87 and 88 are of the consumer scheme; the answer to them is that of the segment. */
    nvm_rollback_to(c->reg->nvm, mark);
    gp_context_script_end(c->ctx);
    cr_buf_reset(answer);
    scp03t_put_error(tag == TAG_INITIALISE || tag == TAG_AUTHENTICATE ? tag : TAG_SEGMENT, reason,
                     answer);
    return false;
}
