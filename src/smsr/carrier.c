#include "smsr/carrier.h"

#include "smsr/core.h"

/* ---- the eUICC ---------------------------------------------------------------------------------
 */

/* The subscription that is in use when the message leaves; a confirmation may go where its
 * notification came from (off-card 7.2). */
static cr_status find_number(struct smsr_carrier *c, struct cr_err *err)
{
    struct smsr_profile enabled;
    bool there;
    CR_TRY(
        smsr_profile_special(c->tx, c->s.eid, SMSR_THE_ENABLED, c->arena, &enabled, &there, err));
    c->number[0] = 0;
    if (there && enabled.msisdn && smsr_air_number(enabled.msisdn, c->number)) {
        return CR_OK;
    }
    c->number[0] = 0;
    if (c->s.is_confirmation && c->e.msisdn && !smsr_air_number(c->e.msisdn, c->number)) {
        c->number[0] = 0;
    }
    return CR_OK;
}

cr_status smsr_carrier_load(struct smsr_carrier *c, struct cr_err *err)
{
    CR_TRY(smsr_euicc_get(c->tx, c->s.eid, c->arena, &c->e, err));
    CR_TRY(smsr_air_get(c->tx, c->s.eid, &c->air, err));
    CR_TRY(find_number(c, err));
    c->smsc = c->number[0] ? smsr_radio_route(c->config, c->number) : NULL;
    return CR_OK;
}

static cr_status has_psk(struct smsr_carrier *c, bool *out, struct cr_err *err)
{
    struct smsr_keysets keysets;
    *out = false;
    CR_TRY(smsr_keyset_list(c->tx, c->s.eid, c->arena, &keysets, err));
    for (size_t i = 0; i < keysets.count; i++) {
        *out = *out || keysets.items[i].type == SOAP_KEYSET_SCP81;
    }
    return CR_OK;
}

cr_status smsr_carrier_reach(struct smsr_carrier *c, enum smsr_channel open, bool https,
                             struct smsr_reach *out, struct cr_err *err)
{
    enum { CHAINING = 3, TEMPLATE = 4 }; /* bytes that they add at most */
    bool psk;
    CR_TRY(has_psk(c, &psk, err));
    *out = (struct smsr_reach){
        .open = open,
        .http = https && c->e.http && psk,
        .cattp = c->config->cattp && c->e.cattp,
        .failed_http = smsr_air_failures(c->air.failed_http, c->now_ms),
        .failed_cattp = smsr_air_failures(c->air.failed_cattp, c->now_ms),
        .packet = smsr_packet_size(c->s.commands.n + CHAINING + TEMPLATE),
        .more_to_do = c->s.more_to_do,
        .is_switch = c->s.is_switch,
        .is_confirmation = c->s.is_confirmation,
        .notification = c->s.is_confirmation ? c->s.channel : 0,
        .sms_slow = smsr_air_slow(&c->air, c->now_ms),
        .has_msisdn = c->smsc != NULL,
        .forced = smsr_radio_forced(c->config, c->s.eid),
    };
    return CR_OK;
}

/* ---- out ---------------------------------------------------------------------------------------
 */

static cr_span target_of(const struct smsr_carrier *c)
{
    return c->s.target.p ? c->s.target : c->e.isdr_aid;
}

static bool chain_is_of(const struct smsr_air *air, cr_span target)
{
    return air->chain_size && cr_span_equal(cr_span_of(air->chain, air->chain_size), target);
}

cr_status smsr_carrier_write(struct smsr_carrier *c, enum ota_form form, cr_buf *out,
                             struct cr_err *err)
{
    const cr_span target = target_of(c);
    const bool open = chain_is_of(&c->air, target) && c->now_ms - c->air.chain_ms < SMSR_CHAIN_MS;
    const uint8_t chaining = smsr_packet_chaining(open, &c->s);
    CR_TRY(smsr_packet_script(form, chaining, c->s.commands, out, err));
    /* A script that is not of the chain breaks it: the procedure that could close it is over. */
    c->air.chain_size = 0;
    if ((chaining == OTA_CHAIN_FIRST_KEEP || chaining == OTA_CHAIN_MIDDLE) &&
        target.n <= sizeof c->air.chain) {
        memcpy(c->air.chain, target.p, target.n);
        c->air.chain_size = target.n;
        c->air.chain_ms = c->now_ms;
    }
    return CR_OK;
}

/* ---- back --------------------------------------------------------------------------------------
 */

cr_status smsr_carrier_end(struct smsr_carrier *c, enum smsr_event event, cr_span response,
                           const char *why, struct cr_err *err)
{
    const struct smsr_outcome outcome = {
        .script = c->s.id, .event = event, .response = response, .why = why};
    if (event != SMSR_EV_OK) {
        c->air.chain_size = 0;
    }
    CR_TRY(smsr_air_put(c->tx, &c->air, err));
    return smsr_script_end(c->sr, c->tx, &outcome, err);
}

cr_status smsr_carrier_answered(struct smsr_carrier *c, cr_span response, struct cr_err *err)
{
    cr_buf tlvs = {.secret = true};
    enum smsr_event event;
    const char *why;
    cr_status status = smsr_packet_outcome(response, &tlvs, &event, &why, err);
    if (status == CR_OK) {
        status = smsr_carrier_end(c, event, cr_buf_span(&tlvs), why, err);
    }
    cr_buf_free(&tlvs);
    return status;
}

cr_status smsr_carrier_proved(struct smsr_carrier *c, const struct ota_response *response,
                              bool *ended, struct cr_err *err)
{
    *ended = true;
    switch (response->status) {
    case OTA_STATUS_OK:
        return smsr_carrier_answered(c, response->data, err);
    case OTA_STATUS_MORE_TIME:
    case OTA_STATUS_FOLLOWS_SMS:
    case OTA_STATUS_FOLLOWS_USSD:
        *ended = false; /* the answer itself comes later, or the packet is sent again */
        return CR_OK;
    case OTA_STATUS_COUNTER_LOW:
        /* Also for a first copy: the network may have doubled it. */
        return smsr_carrier_end(c, SMSR_EV_UNANSWERED, (cr_span){0},
                                "the eUICC had this counter already: an earlier copy was executed, "
                                "or its counter is higher than ours",
                                err);
    default:
        return smsr_carrier_end(c, SMSR_EV_ERROR, (cr_span){0}, ota_status_name(response->status),
                                err);
    }
}
