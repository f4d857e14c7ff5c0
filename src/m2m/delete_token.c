#include "m2m/delete_token.h"

#include "base/text.h"
#include "net/http_client.h"

#include <jansson.h>
#include <stdlib.h>

#define CLAUSE       "SGP.02 3.10"
#define TYPE         "Content-Type: application/json"
#define POST_SECONDS 30
#define MAX_ANSWER   4096 /* bytes */

/* ---- the SM-DP's end ---------------------------------------------------------------------------
 */

static bool take_hex(const json_t *object, const char *name, cr_arena *arena, cr_span *out)
{
    const struct soap_row row = {.name = name, .kind = SOAP_HEX};
    const char *text = json_string_value(json_object_get(object, name));
    return text && !soap_row_read(&row, cr_span_str(text), arena, out) && out->n > 0;
}

static cr_status take_request(const json_t *json, cr_arena *arena, struct m2m_delete_request *out,
                              struct cr_err *err)
{
    const json_t *initiator = json_object_get(json, "initiator");
    *out = (struct m2m_delete_request){.iccid = json_string_value(json_object_get(json, "iccid")),
                                       .initiator = json_string_value(initiator)};
    if (!take_hex(json, "eid", arena, &out->eid) || out->eid.n != SOAP_EID_SIZE || !out->iccid ||
        !take_hex(json, "isd-p-aid", arena, &out->aid) ||
        (initiator && !json_is_null(initiator) && !out->initiator)) {
        return cr_fail(err, CR_MALFORMED, CLAUSE,
                       "a request has eid, iccid and isd-p-aid, and maybe initiator");
    }
    return CR_OK;
}

static void put_json(cr_buf *out, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text) {
        cr_buf_append_str(out, text);
        cr_wipe(text, strlen(text));
    }
    free(text);
    json_decref(json);
}

static int put_refusal(cr_status status, const struct cr_err *err, cr_buf *answer)
{
    put_json(answer, json_pack("{s:s, s:s, s:s}", "subject", err->subject, "reason", err->reason,
                               "message", err->cause));
    return status == CR_REFUSED ? 403 : status == CR_MALFORMED ? 400 : 500;
}

int m2m_delete_token_answer(const struct m2m_party *peer, cr_span body, m2m_authorise authorise,
                            void *ctx, cr_buf *answer)
{
    struct m2m_delete_request request;
    struct cr_err err = {0};
    cr_arena arena = {0};
    cr_buf token = {.secret = true}, hex = {.secret = true};
    json_t *json = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    cr_status status = CR_OK;
    if (!peer || !(peer->roles & SOAP_SMSR)) {
        status = cr_refuse(&err, "1.6", "1.2", CLAUSE, "only an SM-SR asks for a Delete Token");
    }
    if (status == CR_OK) {
        status = take_request(json, &arena, &request, &err);
    }
    if (status == CR_OK) {
        status = authorise(ctx, peer, &request, &token, &err);
    }
    if (status == CR_OK) {
        cr_hex_append(&hex, cr_buf_span(&token));
        put_json(answer, json_pack("{s:s%}", "token", hex.p ? (const char *)hex.p : "", hex.n));
    }
    int code = status == CR_OK ? 200 : put_refusal(status, &err, answer);
    cr_buf_free(&token);
    cr_buf_free(&hex);
    cr_arena_free(&arena);
    json_decref(json);
    return code;
}

/* ---- the SM-SR's end ---------------------------------------------------------------------------
 */

static json_t *request_json(const struct m2m_delete_request *request, cr_arena *arena)
{
    const char *eid = cr_hex(arena, request->eid), *aid = cr_hex(arena, request->aid);
    json_t *json = eid && aid ? json_pack("{s:s, s:s, s:s}", "eid", eid, "iccid", request->iccid,
                                          "isd-p-aid", aid)
                              : NULL;
    if (json && request->initiator) {
        json_object_set_new(json, "initiator", json_string(request->initiator));
    }
    return json;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static cr_status take_answer(int status, const json_t *json, cr_buf *token, struct cr_err *err)
{
    if (status == 403) {
        return cr_refuse(err, text_of(json, "subject"), text_of(json, "reason"), CLAUSE,
                         "the SM-DP gives no Delete Token: %.200s", text_of(json, "message"));
    }
    const char *hex = text_of(json, "token");
    if (status != 200 || !hex[0] || strlen(hex) > (size_t)2 * M2M_DELETE_TOKEN_MAX) {
        return cr_fail(err, CR_MALFORMED, CLAUSE, "the SM-DP answers with HTTP status %d%s%.200s",
                       status, text_of(json, "message")[0] ? ": " : " and no token",
                       text_of(json, "message"));
    }
    return cr_hex_decode(token, cr_span_str(hex), err);
}

cr_status m2m_delete_token_ask(const struct m2m_parties *self, const struct m2m_party *smdp,
                               const struct m2m_delete_request *request, cr_buf *token,
                               struct cr_err *err)
{
    static const char *const headers[] = {TYPE, NULL};
    const struct http_client_options options = {.ca_file = smdp->ca ? smdp->ca : self->client_ca,
                                                .client_cert = self->tls_cert,
                                                .client_key = self->tls_key,
                                                .timeout_seconds = POST_SECONDS,
                                                .max_response = MAX_ANSWER,
                                                .allow_plain = true};
    const char *base = m2m_party_url(smdp, SOAP_ES3);
    struct http_client *client = NULL;
    cr_arena arena = {0};
    cr_buf body = {0}, answer = {.secret = true};
    int code = 0;
    if (!base) {
        return cr_fail(err, CR_REFUSED, NULL, "%s has no address", smdp->name);
    }
    size_t n = strlen(base);
    const char *url = cr_arena_printf(&arena, "%.*s" M2M_DELETE_TOKEN_PATH,
                                      (int)(n && base[n - 1] == '/' ? n - 1 : n), base);
    put_json(&body, request_json(request, &arena));
    cr_status status =
        url && body.n ? http_client_new(&options, &client, err) : cr_fail_memory(err);
    if (status == CR_OK) {
        status = http_client_post(client, url, headers, cr_buf_span(&body), &code, &answer, err);
    }
    if (status == CR_OK) {
        json_t *json = json_loadb((const char *)answer.p, answer.n, 0, NULL);
        status = take_answer(code, json, token, err);
        json_decref(json);
    }
    http_client_free(client);
    cr_arena_free(&arena);
    cr_buf_free(&body);
    cr_buf_free(&answer);
    return status;
}
