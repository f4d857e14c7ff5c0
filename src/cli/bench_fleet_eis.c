/*
 * The EUM: registers chips, and neighbours that have an EIS and no chip.
 *
 * Each request is a message as it would come by ES1 RegisterEIS, signed, with wrapped keys and a
 * certificate of the ECASD of its own, given to the SM-SR's messenger in this process: the rows are
 * those that the server would have written. Left out is the connection.
 */
#include "cli/bench_fleet.h"
#include "cli/eum_eis.h"
#include "cli/eum_json.h"

#include "pki/gpcert.h"
#include "pki/hierarchy.h"
#include "smsr/smsr.h"

#include <stdlib.h>

#define THREADS 32 /* works that share a commit */

struct fleet_eum {
    struct cli_eum eum;
    struct m2m_parties parties; /* of the SM-SR */
    const struct m2m_party *party;
    const char *operator_oid;
    struct smsr *sr;
    struct gpcert ecasd; /* of the first chip */
    size_t *order;       /* of those to be registered */
    size_t first;
};

/* ---- a neighbour -------------------------------------------------------------------------------
 */

/* The ECASD of another chip: the same key under another EID, signed by the EUM. */
static cr_status give_ecasd(const struct fleet_eum *e, struct soap_eis *eis, cr_arena *arena,
                            struct cr_err *err)
{
    struct soap_certificate *cert = &eis->signed_info.ecasd.keysets.items[0].certificates.items[0];
    struct gpcert_request request = {.subject = eis->signed_info.eid,
                                     .effective = e->ecasd.effective,
                                     .expiry = e->ecasd.expiry,
                                     .curve = e->ecasd.curve,
                                     .point = e->ecasd.point};
    cr_buf tlv = {0};
    cr_status status = gpcert_request_issuer(&request, &e->eum.cert, err);
    if (status == CR_OK) {
        status = gpcert_issue(&request, e->eum.key, e->eum.env, &tlv, err);
    }
    if (status == CR_OK) {
        cert->value = cr_arena_copy(arena, cr_buf_span(&tlv));
        status = cert->value.p ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&tlv);
    return status;
}

/* ---- any ---------------------------------------------------------------------------------------
 */

/* Numbers of the subscriptions, which the EUM was told by the operator. */
static cr_status give_numbers(struct soap_eis *eis, size_t chip, cr_arena *arena,
                              struct cr_err *err)
{
    for (size_t i = 0; i < eis->profiles.count; i++) {
        char text[3][BENCH_ICCID] = {0};
        struct soap_profile_info *p = &eis->profiles.items[i];
        fleet_iccid(chip, i, text[0]);
        fleet_imsi(chip, i, text[1]);
        fleet_msisdn(chip, i, text[2]);
        p->iccid = cr_arena_copy(arena, cr_span_str(text[0]));
        p->has_address = true;
        p->address = (struct soap_subscription_address){
            .imsi = cr_arena_copy(arena, cr_span_str(text[1])),
            .msisdn = cr_arena_copy(arena, cr_span_str(text[2]))};
        if (!p->iccid.p || !p->address.imsi.p || !p->address.msisdn.p) {
            return cr_fail_memory(err);
        }
    }
    return CR_OK;
}

static struct cli_eum_said said_of(const struct fleet_eum *e)
{
    return (struct cli_eum_said){
        .owner = e->operator_oid, .ca_id = e->eum.oid, .eum_certificate = e->eum.cert.raw};
}

static cr_status make_eis(struct fleet *f, struct cli *cli, const struct fleet_eum *e, size_t i,
                          struct soap_eis *out, struct cr_err *err)
{
    const bool is_chip = i < f->chip_count;
    char text[FLEET_EID];
    uint8_t eid[SOAP_EID_SIZE];
    const struct cli_eum_said said = said_of(e);
    CR_TRY(cli_eum_json(cli, f->chips[is_chip ? i : 0].eis, &said, out, err));
    CR_TRY(give_numbers(out, i, &cli->arena, err));
    if (!is_chip) {
        CR_TRY(fleet_eid(i, text, eid, err));
        out->signed_info.eid = cr_arena_copy(&cli->arena, CR_SPAN_ARRAY(eid));
        if (!out->signed_info.eid.p) {
            return cr_fail_memory(err);
        }
        CR_TRY(give_ecasd(e, out, &cli->arena, err));
    }
    return cli_eum_finish(&e->eum, out, &cli->arena, err);
}

static cr_status write_request(const struct fleet_eum *e, cr_arena *arena,
                               struct soap_message *message, cr_buf *out, struct cr_err *err)
{
    struct soap_header *h = &message->header;
    message->body.has_validity_period = true;
    message->body.validity_period = message->function->validity;
    h->from = (struct soap_end){.uri = cr_span_str(e->party->url),
                                .entity_id = cr_span_str(e->party->oid)};
    h->to = (struct soap_end){.uri = cr_span_str(e->parties.address),
                              .entity_id = cr_span_str(e->parties.oid)};
    CR_TRY(soap_new_uuid(e->eum.env, arena, &h->transaction_id, err));
    message->body.function_call_identifier = h->transaction_id;
    CR_TRY(soap_new_message_id(e->eum.env, h->from.entity_id, h->transaction_id, (cr_span){0},
                               arena, &h->message_id, err));
    return soap_build(message, &e->party->dialect, out, err);
}

static cr_status send(const struct fleet_eum *e, cr_arena *arena, cr_span request,
                      struct cr_err *err)
{
    struct soap_message answer;
    cr_buf out = {0};
    int64_t id = 0;
    enum m2m_verdict verdict =
        m2m_receive(smsr_messenger(e->sr), e->party, request, arena, &out, &id);
    cr_status status = verdict == M2M_ANSWER
                           ? soap_parse(cr_buf_span(&out), arena, &answer, err)
                           : cr_fail(err, CR_REFUSED, NULL, "the SM-SR does not take an EIS: %.*s",
                                     (int)(out.n < 200 ? out.n : 200), (const char *)out.p);
    if (status == CR_OK) {
        status = soap_status_to_err(&answer.body.status, "RegisterEIS", err);
    }
    cr_buf_free(&out);
    return status;
}

static cr_status register_one(struct fleet *f, struct cli *cli, size_t at, struct cr_err *err)
{
    const struct fleet_eum *e = f->eum;
    const size_t i = e->order[at - e->first];
    struct soap_message message = {.kind = SOAP_REQUEST,
                                   .function = soap_function(SOAP_ES1, SOAP_REGISTER_EIS),
                                   .body = {.has_eis = true}};
    cr_buf request = {.secret = true};
    CR_TRY(make_eis(f, cli, e, i, &message.body.eis, err));
    cr_status status = write_request(e, &cli->arena, &message, &request, err);
    if (status == CR_OK) {
        status = send(e, &cli->arena, cr_buf_span(&request), err);
    }
    cr_buf_free(&request);
    return status;
}

/* ---- in order ----------------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b)
{
    const uint32_t x = fleet_number(*(const size_t *)a), y = fleet_number(*(const size_t *)b);
    return (x > y) - (x < y);
}

/* In the order of EIDs: neighbouring rows are written together, which saves most of the time. Where
 * they lie is the same in any order. */
static cr_status put_in_order(struct fleet_eum *e, size_t first, size_t end, struct cr_err *err)
{
    e->first = first;
    e->order = calloc(end - first, sizeof *e->order);
    if (!e->order) {
        return cr_fail_memory(err);
    }
    for (size_t i = first; i < end; i++) {
        e->order[i - first] = i;
    }
    qsort(e->order, end - first, sizeof *e->order, by_number);
    return CR_OK;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static cr_status open_eum(struct fleet *f, struct fleet_eum *e, struct cr_err *err)
{
    struct cli *cli = f->cli;
    struct soap_eis first = {0};
    CR_TRY(m2m_parties_load(f->smsr_ini, &e->parties, err));
    e->party = m2m_party_named(&e->parties, "eum");
    const struct m2m_party *owner = m2m_party_named(&e->parties, FLEET_OPERATOR);
    if (!e->party || !owner) {
        return cr_fail(err, CR_INTERNAL, NULL, "the lab has no EUM");
    }
    e->operator_oid = owner->oid;
    e->eum.oid = e->party->oid;
    e->eum.smsr_oid = e->parties.oid;
    e->eum.env = &f->env;
    CR_TRY(m2m_party_transport_key(e->party, e->eum.transport, err));
    CR_TRY(pki_hierarchy_load(f->pki, CRYPTO_P256, "eum", &cli->arena, &e->eum.cert, &e->eum.key,
                              err));
    const struct cli_eum_said said = said_of(e);
    CR_TRY(cli_eum_json(cli, f->chips[0].eis, &said, &first, err));
    CR_TRY(gpcert_decode(first.signed_info.ecasd.keysets.items[0].certificates.items[0].value,
                         &e->ecasd, err));
    const struct smsr_options options = {
        .dir = f->smsr_dir, .parties = &e->parties, .ci_file = f->pki, .env = &f->env};
    return smsr_open(&options, &e->sr, err);
}

cr_status fleet_register(struct fleet *f, size_t count, struct cr_err *err)
{
    struct fleet_eum e = {0};
    if (count <= f->registered) {
        return CR_OK;
    }
    f->eum = &e;
    cr_status status = open_eum(f, &e, err);
    if (status == CR_OK) {
        status = put_in_order(&e, f->registered, count, err);
    }
    if (status == CR_OK) {
        status = fleet_share_out(f, "registering chips", f->registered, count, THREADS,
                                 register_one, err);
    }
    if (status == CR_OK) {
        f->registered = count;
    }
    smsr_close(e.sr);
    free(e.order);
    cr_wipe(e.eum.transport, sizeof e.eum.transport);
    pki_key_free(e.eum.key);
    m2m_parties_free(&e.parties);
    f->eum = NULL;
    return status;
}
