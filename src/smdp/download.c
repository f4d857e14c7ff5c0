/*
 * ES2 DownloadProfile (SGP.02 3.1.1, 3.1.2, 5.3.2): the steps of a download.
 */
#include "smdp/core.h"

static const uint8_t isdr_aid[SMDP_AID] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x00, 0x01, 0x00};

#define LOCKED (-1) /* attempts: POL1 has forbidden the deletion once */
#define KEYS   (3 * ESTABLISH_KEY)

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What has to be done even when the order's time is over. */
static int64_t long_time(const struct smdp_run *run)
{
    return later_of(smdp_job_time(run), run->now_ms + (int64_t)SOAP_VALIDITY_PLATFORM * 1000);
}

static cr_status profile_of(struct smdp_run *run, struct smdp_profile *out, struct cr_err *err)
{
    bool found = false;
    CR_TRY(smdp_profile_find(run->tx, run->job->iccid, run->arena, out, &found, err));
    return found ? CR_OK
                 : cr_fail(err, CR_INTERNAL, NULL, "the stock has no Profile %s", run->job->iccid);
}

static cr_status isdp_of(struct smdp_run *run, struct smdp_isdp *out, struct cr_err *err)
{
    bool found = false;
    CR_TRY(smdp_isdp_find(run->tx, run->job->eid, run->job->iccid, run->arena, out, &found, err));
    return found ? CR_OK
                 : cr_fail(err, CR_INTERNAL, NULL, "no keys of the ISD-P of %s", run->job->iccid);
}

static cr_status chip_of(struct smdp_run *run, struct smdp_chip *out, struct cr_err *err)
{
    bool found = false;
    CR_TRY(smdp_chip_find(run->tx, run->job->eid, run->arena, out, &found, err));
    return found && out->point.p ? CR_OK
                                 : cr_fail(err, CR_INTERNAL, NULL, "the chip's key is not known");
}

/* ---- EIS, cleaning -----------------------------------------------------------------------------
 */

static cr_status enter_eis(struct smdp_run *run, struct cr_err *err)
{
    const struct soap_body body = {.eid = run->job->eid};
    return smdp_job_ask(run, SOAP_GET_EIS, &body, smdp_job_time(run), err);
}

static cr_status take_eis(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_profile profile;
    struct smdp_chip chip;
    if (!run->body->has_eis) {
        return cr_refuse(err, "8.6", "2.1", "SGP.02 5.4.2", "the answer has no EIS");
    }
    CR_TRY(profile_of(run, &profile, err));
    CR_TRY(smdp_check_eis(run->dp, &run->body->eis, run->job, &profile, run->now_ms, run->arena,
                          &chip, &run->job->rest, err));
    CR_TRY(smdp_chip_put(run->tx, &chip, err));
    *event = run->job->rest ? SMDP_EV_BESIDE : SMDP_EV_OK;
    return CR_OK;
}

static cr_span first_of(const char *rest)
{
    return rest ? cr_span_of(rest, strcspn(rest, ",")) : (cr_span){0};
}

static cr_status enter_cleaning(struct smdp_run *run, struct cr_err *err)
{
    const struct soap_body body = {.eid = run->job->eid, .iccid = first_of(run->job->rest)};
    return smdp_job_ask(run, SOAP_DELETE_PROFILE, &body, smdp_job_time(run), err);
}

static cr_status take_cleaning(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    if (*event != SMDP_EV_OK && !smdp_status_is(run->body, "8.2.1", "3.9")) {
        return smdp_job_note(run, run->body, err);
    }
    cr_span gone = first_of(j->rest);
    char *iccid = cr_arena_strn(run->arena, gone);
    if (!iccid) {
        return cr_fail_memory(err);
    }
    CR_TRY(smdp_isdp_remove(run->tx, j->eid, iccid, err));
    j->rest = j->rest && j->rest[gone.n] == ',' ? j->rest + gone.n + 1 : NULL;
    *event = j->rest ? SMDP_EV_MORE : SMDP_EV_OK;
    return CR_OK;
}

/* ---- the ISD-P ---------------------------------------------------------------------------------
 */

static cr_status enter_creating(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_profile profile;
    CR_TRY(profile_of(run, &profile, err));
    const struct soap_body body = {.eid = run->job->eid,
                                   .iccid = cr_span_str(run->job->iccid),
                                   .mno_id = cr_span_str(run->job->requester),
                                   .has_required_memory = true,
                                   .required_memory = profile.required_memory,
                                   .has_more_to_do = true,
                                   .more_to_do = true};
    CR_TRY(smdp_job_ask(run, SOAP_CREATE_ISDP, &body, smdp_job_time(run), err));
    run->job->clean = false;
    return CR_OK;
}

static cr_status take_creating(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_profile profile;
    if (*event == SMDP_EV_FAILED) {
        run->job->clean = true;
    }
    if (*event != SMDP_EV_OK) {
        return smdp_job_note(run, run->body, err);
    }
    CR_TRY(profile_of(run, &profile, err));
    if (run->body->isdp_aid.n != SMDP_AID) {
        /* There is an ISD-P that cannot be named: it is undone as if nobody knew. */
        *event = SMDP_EV_LOST;
        struct cr_err why = {0};
        (void)cr_refuse(&why, "8.3.1", "2.1", "SGP.02 5.4.4", "the answer has no AID of an ISD-P");
        return smdp_job_note_err(run, &why, err);
    }
    run->job->aid = run->body->isdp_aid;
    return smdp_profile_move(run->tx, &profile, SMDP_MOVE_CREATE, run->now_ms, err);
}

/* ---- key establishment -------------------------------------------------------------------------
 */

static cr_status send(struct smdp_run *run, cr_span aid, cr_buf *data, bool more, int64_t deadline,
                      struct cr_err *err)
{
    const struct soap_body body = {.eid = run->job->eid,
                                   .sd_aid = aid,
                                   .data = cr_buf_span(data),
                                   .has_more_to_do = true,
                                   .more_to_do = more};
    return smdp_job_ask(run, SOAP_SEND_DATA, &body, deadline, err);
}

static cr_status enter_certifying(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_chip chip;
    cr_buf data = {0};
    CR_TRY(chip_of(run, &chip, err));
    const struct smdp_identity *own = smdp_identity_of(run->dp, chip.curve);
    if (!own) {
        return cr_refuse(err, "8.5.4", "3.1", "SGP.02 2.3.3",
                         "this SM-DP has no certificate on the curve of the ECASD");
    }
    cr_status status = smdp_es8_put_certificate(run->job->aid, own->certificate, &data, err);
    if (status == CR_OK) {
        status = send(run, CR_SPAN_ARRAY(isdr_aid), &data, true, smdp_job_time(run), err);
    }
    cr_buf_free(&data);
    return status;
}

static cr_status take_certifying(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    cr_buf rc = {0};
    (void)event;
    cr_status status = smdp_es8_take_challenge(run->body->euicc_response_data, &rc, err);
    if (status == CR_OK) {
        run->rc = cr_arena_copy(run->arena, cr_buf_span(&rc));
        status = run->rc.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&rc);
    return status;
}

static cr_status seal_one_time(struct smdp_run *run, const struct crypto_private *key,
                               struct cr_err *err)
{
    uint8_t scalar[CRYPTO_SCALAR];
    crypto_private_scalar(key, scalar);
    cr_status status = smdp_seal(run->dp, SMDP_LABEL_ONE_TIME, run->job->iccid,
                                 CR_SPAN_ARRAY(scalar), run->arena, &run->job->one_time, err);
    cr_wipe(scalar, sizeof scalar);
    return status;
}

static cr_status enter_agreeing(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_chip chip;
    struct crypto_private *one_time = NULL;
    cr_buf data = {0};
    CR_TRY(chip_of(run, &chip, err));
    const struct smdp_identity *own = smdp_identity_of(run->dp, chip.curve);
    if (!own) {
        return cr_refuse(err, "8.5.4", "3.1", "SGP.02 2.3.3",
                         "this SM-DP has no certificate on the curve of the ECASD");
    }
    cr_status status = crypto_private_generate(chip.curve, &one_time, err);
    if (status == CR_OK) {
        status = smdp_es8_put_request(one_time, run->rc, own->key, own->certificate, &data, err);
    }
    if (status == CR_OK) {
        status = seal_one_time(run, one_time, err);
    }
    if (status == CR_OK) {
        status = send(run, CR_SPAN_ARRAY(isdr_aid), &data, true, smdp_job_time(run), err);
    }
    crypto_private_free(one_time);
    cr_buf_free(&data);
    return status;
}

static cr_status keep_keys(struct smdp_run *run, const struct scp_keys *keys, struct cr_err *err)
{
    uint8_t all[KEYS];
    struct smdp_isdp isdp = {.eid = run->job->eid, .iccid = run->job->iccid, .aid = run->job->aid};
    memcpy(all, keys->enc.value, ESTABLISH_KEY);
    memcpy(all + ESTABLISH_KEY, keys->mac.value, ESTABLISH_KEY);
    memcpy(all + 2 * ESTABLISH_KEY, keys->dek.value, ESTABLISH_KEY);
    cr_status status = smdp_seal(run->dp, SMDP_LABEL_KEYS, run->job->iccid, CR_SPAN_ARRAY(all),
                                 run->arena, &isdp.keys, err);
    cr_wipe(all, sizeof all);
    return status == CR_OK ? smdp_isdp_put(run->tx, &isdp, err) : status;
}

static cr_status take_agreeing(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_chip chip;
    struct crypto_private *one_time = NULL;
    struct crypto_public *ecasd = NULL;
    struct scp_keys keys = {0};
    cr_buf scalar = {.secret = true};
    (void)event;
    CR_TRY(chip_of(run, &chip, err));
    cr_status status = smdp_unseal(run->dp, SMDP_LABEL_ONE_TIME, run->job->iccid,
                                   run->job->one_time, &scalar, err);
    if (status == CR_OK) {
        status = crypto_private_new(chip.curve, cr_buf_span(&scalar), &one_time, err);
    }
    if (status == CR_OK) {
        status = crypto_public_new(chip.curve, chip.point, &ecasd, err);
    }
    run->job->one_time = (cr_span){0};
    if (status == CR_OK) {
        status = smdp_es8_take_receipt(run->body->euicc_response_data, one_time, ecasd, &keys, err);
    }
    if (status == CR_OK) {
        status = keep_keys(run, &keys, err);
    }
    cr_wipe(&keys, sizeof keys);
    cr_buf_free(&scalar);
    crypto_private_free(one_time);
    crypto_public_free(ecasd);
    return status;
}

/* ---- SCP03t ------------------------------------------------------------------------------------
 */

static cr_status enter_opening(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel;
    cr_buf data = {0};
    CR_TRY(isdp_of(run, &isdp, err));
    cr_status status = smdp_channel_next(run, &isdp, &channel, err);
    if (status == CR_OK) {
        status = smdp_es8_put_open(&channel, &data, err);
    }
    if (status == CR_OK) {
        status = send(run, run->job->aid, &data, true, smdp_job_time(run), err);
    }
    smdp_channel_wipe(&channel);
    cr_buf_free(&data);
    return status;
}

static cr_status take_opening(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel;
    uint32_t counter = 0;
    cr_buf opened = {0};
    CR_TRY(isdp_of(run, &isdp, err));
    cr_status status = smdp_channel_again(run, &isdp, &channel, err);
    if (status == CR_OK) {
        status =
            smdp_es8_take_open(&channel, run->body->euicc_response_data, &opened, &counter, err);
        status = smdp_channel_counter(run, &isdp, counter, status, event, err);
    }
    if (status == CR_OK && *event == SMDP_EV_OK) {
        run->job->opened = cr_arena_copy(run->arena, cr_buf_span(&opened));
        run->job->script = 0;
        status = run->job->opened.p ? CR_OK : cr_fail_memory(err);
    }
    smdp_channel_wipe(&channel);
    cr_buf_free(&opened);
    return status;
}

/* The package in the clear and the channel it goes through. Ended with end_load(). */
struct load {
    struct smdp_profile profile;
    struct smdp_channel channel;
    cr_buf upp;
    size_t scripts;
};

static void end_load(struct load *load)
{
    smdp_channel_wipe(&load->channel);
    cr_buf_free(&load->upp);
}

static cr_status begin_load(struct smdp_run *run, struct load *load, struct cr_err *err)
{
    struct smdp_isdp isdp;
    cr_span sealed;
    load->upp.secret = true;
    CR_TRY(profile_of(run, &load->profile, err));
    CR_TRY(isdp_of(run, &isdp, err));
    CR_TRY(smdp_profile_package(run->tx, run->job->iccid, run->arena, &sealed, err));
    CR_TRY(smdp_unseal(run->dp, SMDP_LABEL_UPP, run->job->iccid, sealed, &load->upp, err));
    load->scripts = smdp_es8_load_scripts(load->upp.n);
    return smdp_channel_again(run, &isdp, &load->channel, err);
}

static cr_status enter_loading(struct smdp_run *run, struct cr_err *err)
{
    struct load load = {0};
    cr_buf data = {0};
    size_t number = (size_t)run->job->script;
    cr_status status = begin_load(run, &load, err);
    if (status == CR_OK) {
        status = smdp_es8_put_load(&load.channel, cr_buf_span(&load.upp), number, &data, err);
    }
    if (status == CR_OK) {
        bool more = number + 1 < load.scripts || run->dp->options.token_keys;
        status = send(run, run->job->aid, &data, more, smdp_job_time(run), err);
    }
    if (status == CR_OK && load.profile.state == SMDP_CREATED) {
        load.profile.owner = run->job->requester; /* until now it could be any operator's */
        status = smdp_profile_move(run->tx, &load.profile, SMDP_MOVE_LOAD, run->now_ms, err);
    }
    end_load(&load);
    cr_buf_free(&data);
    return status;
}

/* What the installer says: nothing while it wants more, its result at the end. */
static cr_status judge_result(struct smdp_run *run, cr_span result, bool last,
                              enum smdp_event *event, struct cr_err *err)
{
    if (result.n == 0 && !last) {
        run->job->script++;
        *event = SMDP_EV_MORE;
        return CR_OK;
    }
    run->job->answer = cr_arena_copy(run->arena, result);
    CR_TRY(smdp_es8_check_result(result, err));
    if (!last) {
        return cr_refuse(err, "8.4", "4.2", "SGP.02 4.1.3.3",
                         "the eUICC has finished before the end of the Profile");
    }
    run->job->answer = (cr_span){0};
    *event = run->dp->options.token_keys ? SMDP_EV_BESIDE : SMDP_EV_OK;
    return CR_OK;
}

static cr_status take_loading(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct load load = {0};
    cr_buf result = {0};
    size_t number = (size_t)run->job->script;
    cr_status status = begin_load(run, &load, err);
    if (status == CR_OK) {
        status = smdp_es8_take_load(&load.channel, cr_buf_span(&load.upp), number,
                                    run->body->euicc_response_data, &result, err);
    }
    if (status == CR_OK) {
        status = judge_result(run, cr_buf_span(&result), number + 1 == load.scripts, event, err);
    }
    end_load(&load);
    cr_buf_free(&result);
    return status;
}

/* ---- token key ---------------------------------------------------------------------------------
 */

static cr_status token_key(struct smdp_run *run, cr_buf *key, struct cr_err *err)
{
    uint8_t fresh[SMDP_TOKEN_KEY];
    if (run->job->payload.p) {
        return smdp_unseal(run->dp, SMDP_LABEL_TOKEN, run->job->iccid, run->job->payload, key, err);
    }
    CR_TRY(cr_random(run->dp->env, fresh, sizeof fresh, err));
    cr_buf_append(key, fresh, sizeof fresh);
    cr_wipe(fresh, sizeof fresh);
    if (!cr_buf_ok(key)) {
        return cr_fail_memory(err);
    }
    return smdp_seal(run->dp, SMDP_LABEL_TOKEN, run->job->iccid, cr_buf_span(key), run->arena,
                     &run->job->payload, err);
}

static cr_status enter_preparing(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel = {0};
    struct smdp_commands commands = {0};
    cr_buf data = {0}, key = {.secret = true};
    CR_TRY(isdp_of(run, &isdp, err));
    cr_status status = token_key(run, &key, err);
    if (status == CR_OK) {
        status = smdp_channel_next(run, &isdp, &channel, err);
    }
    if (status == CR_OK) {
        status = smdp_token_commands(run->dp, &channel, run->job->iccid, cr_buf_span(&key),
                                     &commands, err);
    }
    if (status == CR_OK) {
        status = smdp_es8_put_commands(&channel, commands.apdus, commands.count, &data, err);
    }
    if (status == CR_OK) {
        status = send(run, run->job->aid, &data, false, long_time(run), err);
    }
    smdp_commands_free(&commands);
    smdp_channel_wipe(&channel);
    cr_buf_free(&data);
    cr_buf_free(&key);
    return status;
}

static cr_status take_preparing(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_isdp isdp;
    struct smdp_channel channel = {0};
    struct smdp_commands commands = {0};
    uint32_t counter = 0;
    cr_buf key = {.secret = true};
    CR_TRY(isdp_of(run, &isdp, err));
    cr_status status = token_key(run, &key, err);
    if (status == CR_OK) {
        status = smdp_channel_again(run, &isdp, &channel, err);
    }
    if (status == CR_OK) {
        status = smdp_token_commands(run->dp, &channel, run->job->iccid, cr_buf_span(&key),
                                     &commands, err);
    }
    if (status == CR_OK) {
        status = smdp_es8_take_commands(&channel, commands.apdus, commands.count,
                                        run->body->euicc_response_data, &counter, err);
        status = smdp_channel_counter(run, &isdp, counter, status, event, err);
    }
    if (status == CR_OK && *event == SMDP_EV_OK) {
        isdp.token_key = run->job->payload;
        status = smdp_isdp_put(run->tx, &isdp, err);
    }
    smdp_commands_free(&commands);
    smdp_channel_wipe(&channel);
    cr_buf_free(&key);
    return status;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static cr_status enter_completing(struct smdp_run *run, struct cr_err *err)
{
    struct smdp_profile p;
    struct soap_pol2_rule rules[SOAP_MAX_RULES];
    CR_TRY(profile_of(run, &p, err));
    struct soap_body body = {.eid = run->job->eid, .iccid = cr_span_str(p.iccid)};
    if (p.type[0]) {
        body.profile_type = cr_span_str(p.type);
    }
    if (p.imsi || p.msisdn) {
        body.has_address = true;
        body.address.imsi = cr_span_str(p.imsi);
        body.address.msisdn = cr_span_str(p.msisdn);
    }
    for (size_t i = 0; i < p.pol2.n / 3 && i < SOAP_MAX_RULES; i++) {
        const uint8_t *r = p.pol2.p + 3 * i;
        rules[i] = (struct soap_pol2_rule){.subject = r[0], .action = r[1], .qualification = r[2]};
        body.has_pol2 = true;
        body.pol2.rules.items = rules;
        body.pol2.rules.count = i + 1;
    }
    return smdp_job_ask(run, SOAP_PROFILE_DOWNLOAD_COMPLETED, &body, long_time(run), err);
}

static cr_status take_completing(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_profile p;
    CR_TRY(profile_of(run, &p, err));
    CR_TRY(smdp_profile_move(run->tx, &p, SMDP_MOVE_INSTALL, run->now_ms, err));
    *event = run->job->enable ? SMDP_EV_BESIDE : SMDP_EV_OK;
    return CR_OK;
}

static cr_status enter_enabling(struct smdp_run *run, struct cr_err *err)
{
    const struct soap_body body = {.eid = run->job->eid, .iccid = cr_span_str(run->job->iccid)};
    return smdp_job_ask(run, SOAP_ENABLE_PROFILE, &body, smdp_job_time(run), err);
}

static cr_status enter_undoing(struct smdp_run *run, struct cr_err *err)
{
    const struct soap_body body = {.eid = run->job->eid, .iccid = cr_span_str(run->job->iccid)};
    return smdp_job_ask(run, SOAP_DELETE_PROFILE, &body, long_time(run), err);
}

static cr_status take_undoing(struct smdp_run *run, enum smdp_event *event, struct cr_err *err)
{
    struct smdp_job *j = run->job;
    struct smdp_profile p;
    if (*event == SMDP_EV_OK || smdp_status_is(run->body, "8.2.1", "3.9")) {
        j->clean = true;
        *event = SMDP_EV_OK;
        return CR_OK;
    }
    CR_TRY(profile_of(run, &p, err));
    /* POL1 is part of what was loaded: the Profile is there and stays (SGP.02 3.1.2). */
    if (smdp_status_is(run->body, "8.2.2", "3.8") && p.state == SMDP_LOADING &&
        j->attempts != LOCKED) {
        j->attempts = LOCKED;
        *event = SMDP_EV_LOCKED;
    }
    return CR_OK;
}

const struct smdp_step_ops smdp_download_steps[SMDP_STEPS] = {
    [SMDP_STEP_EIS] = {enter_eis, take_eis, false},
    [SMDP_STEP_CLEANING] = {enter_cleaning, take_cleaning, true},
    [SMDP_STEP_CREATING] = {enter_creating, take_creating, true},
    [SMDP_STEP_CERTIFYING] = {enter_certifying, take_certifying, false},
    [SMDP_STEP_AGREEING] = {enter_agreeing, take_agreeing, false},
    [SMDP_STEP_OPENING] = {enter_opening, take_opening, false},
    [SMDP_STEP_LOADING] = {enter_loading, take_loading, false},
    [SMDP_STEP_PREPARING] = {enter_preparing, take_preparing, false},
    [SMDP_STEP_COMPLETING] = {enter_completing, take_completing, false},
    [SMDP_STEP_ENABLING] = {enter_enabling, NULL, false},
    [SMDP_STEP_UNDOING] = {enter_undoing, take_undoing, true},
};
