/*
 * Which channel a script goes over: the first row that fits (SGP.02 2.4; rows are a choice of this
 * SM-SR).
 */
#include "ota/sms.h"
#include "smsr/radio.h"

#define FEW_SEGMENTS  3  /* a short command */
#define MANY_SEGMENTS 10 /* what is sent by SMS at all */
#define MAX_FAILED    2  /* openings in an hour */

static size_t segments(const struct smsr_reach *r)
{
    const struct sms_cut cut = {.packet = SMS_IEI_COMMAND_PACKET, .max_segments = MANY_SEGMENTS};
    return sms_segment_count(&cut, r->packet);
}

static bool fits_session(const struct smsr_reach *r, enum smsr_channel channel)
{
    /* A switch ends the session: it goes into one only where that was asked for. */
    return r->open == channel && !r->is_confirmation && (!r->is_switch || r->forced == channel) &&
           (!r->forced || r->forced == channel);
}

static bool in_https(const struct smsr_reach *r)
{
    return fits_session(r, SMSR_HTTPS);
}

static bool in_cattp(const struct smsr_reach *r)
{
    return fits_session(r, SMSR_CATTP);
}

static bool back_sms(const struct smsr_reach *r)
{
    return r->is_confirmation && r->notification == SMSR_SMS && r->has_msisdn;
}

static bool back_https(const struct smsr_reach *r)
{
    return r->is_confirmation && r->notification == SMSR_HTTPS;
}

static bool forced_sms(const struct smsr_reach *r)
{
    return r->forced == SMSR_SMS && r->has_msisdn && segments(r) <= MANY_SEGMENTS;
}

static bool forced_https(const struct smsr_reach *r)
{
    return r->forced == SMSR_HTTPS && r->http && r->has_msisdn;
}

static bool forced_cattp(const struct smsr_reach *r)
{
    return r->forced == SMSR_CATTP && r->cattp && r->has_msisdn;
}

static bool is_free(const struct smsr_reach *r)
{
    return !r->forced && r->has_msisdn;
}

static bool is_short(const struct smsr_reach *r)
{
    return is_free(r) && segments(r) <= FEW_SEGMENTS && !r->more_to_do;
}

static bool short_and_fast(const struct smsr_reach *r)
{
    return is_short(r) && !r->sms_slow;
}

static bool https_opens(const struct smsr_reach *r)
{
    return is_free(r) && r->http && r->failed_http < MAX_FAILED;
}

static bool cattp_opens(const struct smsr_reach *r)
{
    return is_free(r) && r->cattp && r->failed_cattp < MAX_FAILED;
}

static bool many_sms(const struct smsr_reach *r)
{
    return is_free(r) && segments(r) <= MANY_SEGMENTS;
}

static const struct {
    bool (*fits)(const struct smsr_reach *reach);
    enum smsr_channel channel;
    const char *reason;
} rows[] = {
    {in_https, SMSR_HTTPS, "a session is open"},
    {in_cattp, SMSR_CATTP, "a session is open"},
    {back_sms, SMSR_SMS, "the notification came on it"},
    {back_https, SMSR_HTTPS, "the notification came on it"},
    {forced_sms, SMSR_SMS, "by configuration"},
    {forced_https, SMSR_HTTPS, "by configuration"},
    {forced_cattp, SMSR_CATTP, "by configuration"},
    {short_and_fast, SMSR_SMS, "few messages, nothing follows"},
    {https_opens, SMSR_HTTPS, "long, or more follows, or SMS is slow"},
    {is_short, SMSR_SMS, "slow, but HTTPS cannot be had"},
    {cattp_opens, SMSR_CATTP, "HTTPS cannot be had"},
    {many_sms, SMSR_SMS, "no session can be had"},
};

cr_status smsr_channel_choose(const struct smsr_reach *reach, enum smsr_channel *out,
                              const char **reason, struct cr_err *err)
{
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        if (rows[i].fits(reach)) {
            *out = rows[i].channel;
            *reason = rows[i].reason;
            return CR_OK;
        }
    }
    if (!reach->has_msisdn) {
        return cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.4",
                         "the eUICC cannot be reached: its enabled Profile has no Msisdn that a "
                         "short message can go to");
    }
    if (reach->forced) {
        return cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.4",
                         "the channel that the configuration demands cannot be used");
    }
    return cr_refuse(err, "8.1.1", "5.1", "SGP.02 2.4",
                     "no channel fits: %zu bytes are too long for short messages, and HTTPS is not "
                     "supported or failed in the last hour",
                     reach->packet);
}
