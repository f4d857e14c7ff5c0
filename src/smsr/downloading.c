/*
 * What an SM-DP does to download a Profile (SGP.02 5.4.3 to 5.4.5, 5.4.11).
 */
#include "asn1/der.h"
#include "smsr/admission.h"
#include "smsr/engine.h"
#include "smsr/handlers.h"

/* ---- CreateISDP --------------------------------------------------------------------------------
 */

static cr_status check_room(struct m2m_call *call, const struct smsr_euicc *euicc,
                            const struct soap_body *request, struct cr_err *err)
{
    struct smsr_profiles all;
    CR_TRY(smsr_profile_list(call->tx, request->eid, call->arena, &all, err));
    for (size_t i = 0; i < all.count; i++) {
        if (cr_span_equal(cr_span_str(all.items[i].iccid), request->iccid)) {
            return cr_refuse(err, "8.2.1", "3.3", "SGP.02 5.4.3", "the ICCID is on it already");
        }
    }
    if (request->required_memory > euicc->remaining_memory ||
        request->required_memory > UINT32_MAX || all.count >= SOAP_MAX_PROFILES) {
        return cr_refuse(err, "8.1", "4.8", "SGP.02 5.4.3",
                         "%lld bytes are wanted, %lld remain, %zu Profiles are there",
                         (long long)request->required_memory, (long long)euicc->remaining_memory,
                         all.count);
    }
    return CR_OK;
}

cr_status smsr_create_isdp(void *ctx, struct m2m_call *call, const struct soap_body *request,
                           struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    uint8_t aid[16];
    bool holds;
    (void)response;
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    CR_TRY(smsr_run_admit(call->tx, &euicc, SMSR_PROC_CREATE_ISDP, &holds, err));
    CR_TRY(check_room(call, &euicc, request, err));
    CR_TRY(smsr_profile_new_aid(call->tx, request->eid, aid, err));
    struct smsr_profile row = {.eid = request->eid,
                               .aid = CR_SPAN_ARRAY(aid),
                               .smdp_id = call->caller->oid,
                               .state = SMSR_IN_CREATION,
                               .allocated_memory = request->required_memory,
                               .free_memory = -1};
    CR_TRY(smsr_text(request->iccid, call->arena, &row.iccid, err));
    CR_TRY(smsr_text(request->mno_id, call->arena, &row.mno_id, err));
    CR_TRY(smsr_profile_put(call->tx, &row, err));
    const struct smsr_procedure what = {.kind = SMSR_PROC_CREATE_ISDP,
                                        .eid = request->eid,
                                        .iccid = row.iccid,
                                        .aid = row.aid,
                                        .more_to_do = request->more_to_do};
    return smsr_procedure_start(sr, call, &what, err);
}

/* ---- SendData ----------------------------------------------------------------------------------
 */

#define TAG_COMMAND 0x22
#define INS_INSTALL 0xE6
#define INS_STORE   0xE2
#define P1_PERSO    0x20

static cr_status bad_data(struct cr_err *err, const char *why)
{
    return cr_err_field(err, cr_refuse(err, "1.6", "2.1", "SGP.02 5.4.4", "%s", why), "Data");
}

static cr_status not_yours(struct cr_err *err, const char *why)
{
    return cr_refuse(err, "8.3.1", "1.2", "SGP.02 5.4.4", "%s", why);
}

/* The caller's Profile behind an AID; *found false = none, or somebody else's. */
static cr_status own_aid(struct smsr *sr, struct m2m_call *call, cr_span eid, cr_span aid,
                         struct smsr_profile *profile, bool *there, bool *own, struct cr_err *err)
{
    struct smsr_claim claim;
    *own = false;
    CR_TRY(smsr_profile_by_aid(call->tx, eid, aid, call->arena, profile, there, err));
    *there = *there && profile->state != SMSR_IN_CREATION;
    if (*there) {
        CR_TRY(smsr_claim_of(sr, call, profile, &claim, err));
        *own = smsr_rights_check(&claim, NULL) == CR_OK;
    }
    return CR_OK;
}

/* INSTALL [for personalization]: empty load file and module, then the AID. */
static bool install_aid(cr_span apdu, cr_span *aid)
{
    if (apdu.n < 8 || apdu.p[2] != P1_PERSO || apdu.p[3] != 0 || apdu.p[5] != 0 || apdu.p[6] != 0 ||
        apdu.p[7] < 5 || apdu.p[7] > 16 || apdu.n < 8 + (size_t)apdu.p[7]) {
        return false;
    }
    *aid = cr_span_sub(apdu, 8, apdu.p[7]);
    return true;
}

/* Blocks of DGI 3A01 and 3A02: nothing else of ES5. *begins: it is 3A01. */
static bool is_establishment(cr_span apdu, bool *begins)
{
    const bool first = apdu.n >= 7 && apdu.p[2] == 0x09 && apdu.p[3] == 0x00;
    const bool last = apdu.n >= 7 && apdu.p[2] == 0x89 && apdu.p[3] == 0x01;
    *begins = first && apdu.p[5] == 0x3A && apdu.p[6] == 0x01;
    return *begins || (last && apdu.p[5] == 0x3A && apdu.p[6] == 0x02);
}

/* ISD-R executes what arrives under our keys: an SM-DP gets through what establishes keys of its
 * own ISD-P, and nothing that enables, deletes or touches another one. *installed: the commands so
 * far have named that ISD-P. Without it, 3A01 would establish keys of ISD-R itself. */
static cr_status check_for_isdr(struct smsr *sr, struct m2m_call *call, cr_span eid,
                                const struct der_tlv *tlv, bool *installed, struct cr_err *err)
{
    const cr_span apdu = tlv->value;
    struct smsr_profile profile;
    cr_span aid;
    bool there, begins;
    if (tlv->tag != TAG_COMMAND || apdu.n < 5) {
        return not_yours(err, "ISD-R takes commands of the key establishment only");
    }
    if (apdu.p[1] == INS_STORE && is_establishment(apdu, &begins)) {
        return begins && !*installed ? not_yours(err, "key establishment begins with an ISD-P")
                                     : CR_OK;
    }
    if (apdu.p[1] != INS_INSTALL || !install_aid(apdu, &aid)) {
        return not_yours(err, "ISD-R takes commands of the key establishment only");
    }
    CR_TRY(own_aid(sr, call, eid, aid, &profile, &there, installed, err));
    return *installed ? CR_OK : not_yours(err, "the commands name the ISD-P of another");
}

static cr_status check_data(struct smsr *sr, struct m2m_call *call, const struct soap_body *request,
                            bool isdr, struct cr_err *err)
{
    cr_span rest = request->data;
    struct der_tlv tlv;
    bool installed = false;
    while (rest.n) {
        if (der_next(&rest, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return bad_data(err, "it is no sequence of TLVs");
        }
        if (tlv.tag != TAG_COMMAND && (tlv.tag < 0x84 || tlv.tag > 0x88)) {
            return bad_data(err, "a TLV is neither a command (22) nor one of SCP03t (84 to 88)");
        }
        if (isdr) {
            CR_TRY(check_for_isdr(sr, call, request->eid, &tlv, &installed, err));
        }
    }
    return CR_OK;
}

/* A Profile that the caller manages is there: only then it has anything to say to ISD-R. */
static cr_status manages_one(struct smsr *sr, struct m2m_call *call, cr_span eid, bool *out,
                             struct cr_err *err)
{
    struct smsr_profiles all;
    *out = false;
    CR_TRY(smsr_profile_list(call->tx, eid, call->arena, &all, err));
    for (size_t i = 0; i < all.count && !*out; i++) {
        struct smsr_claim claim;
        CR_TRY(smsr_claim_of(sr, call, &all.items[i], &claim, err));
        *out = all.items[i].state != SMSR_IN_CREATION && smsr_rights_check(&claim, NULL) == CR_OK;
    }
    return CR_OK;
}

cr_status smsr_send_data(void *ctx, struct m2m_call *call, const struct soap_body *request,
                         struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    struct smsr_profile profile = {0};
    bool there = true, own;
    (void)response;
    CR_TRY(smsr_admit_euicc(call, request->eid, &euicc, err));
    const bool isdr = cr_span_equal(request->sd_aid, euicc.isdr_aid);
    if (isdr) {
        CR_TRY(manages_one(sr, call, request->eid, &own, err));
    } else {
        CR_TRY(own_aid(sr, call, request->eid, request->sd_aid, &profile, &there, &own, err));
    }
    if (!there) {
        return cr_refuse(err, "8.3.1", "3.9", "SGP.02 5.4.4", "no ISD-P has this AID");
    }
    if (!own) {
        return not_yours(err, "another SM-DP manages it");
    }
    CR_TRY(check_data(sr, call, request, isdr, err));
    const struct smsr_procedure what = {.kind = SMSR_PROC_SEND_DATA,
                                        .eid = request->eid,
                                        .iccid = profile.iccid,
                                        .aid = isdr ? (cr_span){0} : profile.aid,
                                        .data = request->data,
                                        .more_to_do = request->more_to_do};
    return smsr_procedure_start(sr, call, &what, err);
}

/* ---- ProfileDownloadCompleted ------------------------------------------------------------------
 */

static cr_status fill(struct m2m_call *call, const struct soap_body *request,
                      struct smsr_profile *profile, struct cr_err *err)
{
    profile->state = SMSR_DISABLED;
    CR_TRY(smsr_text(request->profile_type, call->arena, &profile->type, err));
    CR_TRY(smsr_text(request->address.imsi, call->arena, &profile->imsi, err));
    CR_TRY(smsr_text(request->address.msisdn, call->arena, &profile->msisdn, err));
    return smsr_pol2_read(&request->pol2, &profile->pol2, err);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || smsr_same(a, b);
}

cr_status smsr_download_completed(void *ctx, struct m2m_call *call, const struct soap_body *request,
                                  struct soap_body *response, struct cr_err *err)
{
    struct smsr *sr = ctx;
    struct smsr_euicc euicc;
    struct smsr_profile before, after;
    (void)response;
    CR_TRY(smsr_admit(sr, call, request, &euicc, &before, err));
    after = before;
    CR_TRY(fill(call, request, &after, err));
    if (before.state == SMSR_DISABLED && same_text(before.type, after.type) &&
        same_text(before.imsi, after.imsi) && same_text(before.msisdn, after.msisdn) &&
        before.pol2 == after.pol2) {
        return CR_OK; /* the answer to the first one was lost */
    }
    if (before.state != SMSR_CREATED) {
        return cr_refuse(err, "8.2.1", "1.2", "SGP.02 5.4.5", "%s is not Created", before.iccid);
    }
    CR_TRY(smsr_profile_put(call->tx, &after, err));
    const struct smsr_news news = {.name = SOAP_PROFILE_DOWNLOADED,
                                   .profile = &after,
                                   .requester = after.mno_id,
                                   .by_smdp = true};
    return smsr_fan_out(sr, call->tx, &news, err);
}

/* ---- UpdateConnectivityParameters --------------------------------------------------------------
 */

#define DGI_PARAMETERS 0x3A07

/* Plain parameters (A0 to A2, with or without their DGI) are wrapped; a command that the SM-DP
 * secured itself is passed on. */
static cr_status make_commands(cr_span in, cr_buf *out, struct cr_err *err)
{
    struct der_tlv tlv;
    if (in.n >= 3 && in.p[0] == DGI_PARAMETERS >> 8 && in.p[1] == (DGI_PARAMETERS & 0xFF)) {
        const size_t header = in.p[2] == 0xFF ? 5 : 3;
        const size_t length = header == 3 ? in.p[2]
                              : in.n >= 5 ? (size_t)in.p[3] << 8 | in.p[4]
                                          : 0;
        if (in.n != header + length) {
            return bad_data(err, "the length of DGI 3A07 is wrong");
        }
        in = cr_span_sub(in, header, length);
    }
    const uint32_t first = der_peek(in);
    const bool plain = first >= 0xA0 && first <= 0xA2;
    for (cr_span rest = in; rest.n;) {
        if (der_next(&rest, DER_BER_LENGTHS, &tlv, NULL) != CR_OK ||
            (plain ? tlv.tag < 0xA0 || tlv.tag > 0xA2
                   : tlv.tag != TAG_COMMAND && (tlv.tag < 0x84 || tlv.tag > 0x88))) {
            return bad_data(err, "neither parameters (A0, A1, A2) nor secured commands");
        }
    }
    if (plain) {
        smsr_es5_parameters(in, out);
    } else {
        cr_buf_append_span(out, in);
    }
    return cr_buf_ok(out) && out->n ? CR_OK : bad_data(err, "it is empty or too long");
}

cr_status smsr_update_connectivity(void *ctx, struct m2m_call *call,
                                   const struct soap_body *request, struct soap_body *response,
                                   struct cr_err *err)
{
    struct smsr_euicc euicc;
    struct smsr_profile profile;
    cr_buf commands = {0};
    (void)response;
    CR_TRY(smsr_admit(ctx, call, request, &euicc, &profile, err));
    CR_TRY(smsr_admit_installed(&profile, err));
    cr_status status = make_commands(request->connectivity_parameters, &commands, err);
    if (status == CR_OK) {
        const struct smsr_procedure what = {.kind = SMSR_PROC_CONNECTIVITY,
                                            .eid = request->eid,
                                            .iccid = profile.iccid,
                                            .aid = profile.aid,
                                            .data = cr_buf_span(&commands)};
        status = smsr_procedure_start(ctx, call, &what, err);
    }
    cr_buf_free(&commands);
    return status;
}
