/*
 * Administration sessions: the server's end.
 */
#include "ota/admin_server.h"

#include "asn1/der.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define CLAUSE     "GP Amendment B"
#define NONCE      8  /* bytes */
#define URI_ROOM   40 /* characters that nonce and number add to the path */
#define MAX_NUMBER 999999
#define MAX_DIGITS 6
#define CARD_TAG   0x4C /* EID in a notification */

struct ota_admin_server {
    uint8_t eid[OTA_EID];
    char path[OTA_ADMIN_URI - URI_ROOM + 1];
    size_t max_body;
    const cr_env *env;

    char nonce[2 * NONCE + 1];
    bool begun;      /* a POST has come */
    bool answered;   /* the last one was answered */
    bool ended;      /* by an answer without a URI */
    bool owes;       /* that answer held a script whose result has not come */
    uint32_t last;   /* number of the last POST; the next one has one more */
    uint64_t ticket; /* of the sending of it that is waited with */

    /* The last answer. */
    int status;
    char next[OTA_ADMIN_URI + 1]; /* empty = none */
    char target[OTA_ADMIN_TARGET_TEXT];
    cr_buf body;

    cr_buf notification;
};

cr_status ota_admin_server_new(const struct ota_admin_server_options *options,
                               struct ota_admin_server **out, struct cr_err *err)
{
    size_t n = options->path ? strlen(options->path) : 0;
    if (n == 0 || options->path[0] != '/' || n > OTA_ADMIN_URI - URI_ROOM ||
        strpbrk(options->path, "?# \t\r\n")) {
        return cr_fail(err, CR_REFUSED, CLAUSE,
                       "the path of administration sessions begins with / and has at most %d "
                       "characters, no ? or #",
                       OTA_ADMIN_URI - URI_ROOM);
    }
    struct ota_admin_server *server = calloc(1, sizeof(*server));
    if (!server) {
        return cr_fail_memory(err);
    }
    memcpy(server->eid, options->eid, OTA_EID);
    memcpy(server->path, options->path, n);
    server->max_body = options->max_body ? options->max_body : OTA_ADMIN_BODY;
    server->env = options->env;
    server->body.secret = true; /* key sets travel in scripts */
    *out = server;
    return CR_OK;
}

void ota_admin_server_free(struct ota_admin_server *server)
{
    if (server) {
        cr_buf_free(&server->body);
        cr_buf_free(&server->notification);
        free(server);
    }
}

bool ota_admin_server_waits(const struct ota_admin_server *server)
{
    return server->begun && !server->answered;
}

bool ota_admin_server_owes(const struct ota_admin_server *server)
{
    return server->owes;
}

bool ota_admin_server_idle(const struct ota_admin_server *server)
{
    return !server->begun || (server->answered && server->ended);
}

/* ---- answers ---- */

static void last_answer(const struct ota_admin_server *server, struct ota_admin_answer *out)
{
    struct ota_admin_answer answer = {.status = server->status, .header_count = 1};
    answer.headers[0].name = OTA_ADMIN_H_PROTOCOL;
    answer.headers[0].value = OTA_ADMIN_PROTOCOL;
    if (server->next[0]) {
        answer.headers[answer.header_count].name = OTA_ADMIN_H_NEXT;
        answer.headers[answer.header_count++].value = server->next;
    }
    if (server->target[0]) {
        answer.headers[answer.header_count].name = OTA_ADMIN_H_TARGET;
        answer.headers[answer.header_count++].value = server->target;
    }
    if (server->body.n > 0) {
        answer.content_type = OTA_ADMIN_COMMAND_TYPE;
        answer.body = cr_buf_span(&server->body);
    }
    *out = answer;
}

static cr_status refuse(struct ota_admin_received *out, enum ota_admin_event event, int status,
                        const char *reason)
{
    *out = (struct ota_admin_received){.event = event, .reason = reason};
    out->answer.status = status;
    out->answer.header_count = 1;
    out->answer.headers[0].name = OTA_ADMIN_H_PROTOCOL;
    out->answer.headers[0].value = OTA_ADMIN_PROTOCOL;
    return CR_OK;
}

/* To be told nothing: the session, if there was one, is over for this client. */
static cr_status stranger(struct ota_admin_received *out, const char *reason)
{
    return refuse(out, OTA_ADMIN_STRANGER, 204, reason);
}

static cr_status bad(struct ota_admin_received *out, int status, const char *reason)
{
    return refuse(out, OTA_ADMIN_BAD, status, reason);
}

/* The POST that was last comes again: as it was answered, or for the answer that it waits for. */
static cr_status again(struct ota_admin_server *server, struct ota_admin_received *out)
{
    *out = (struct ota_admin_received){.event = OTA_ADMIN_REPEATED, .first = server->last == 0};
    if (server->answered) {
        last_answer(server, &out->answer);
    } else {
        out->event = OTA_ADMIN_ASK;
        out->ticket = ++server->ticket;
    }
    return CR_OK;
}

/* ---- POSTs ---- */

/* Types are compared without the blanks that senders like behind the semicolon. */
static bool is_response_type(const char *text)
{
    char bare[sizeof(OTA_ADMIN_RESPONSE_TYPE) + 1];
    size_t n = 0;
    for (; text && *text && n < sizeof(bare); text++) {
        if (*text != ' ' && *text != '\t') {
            bare[n++] = *text;
        }
    }
    return cr_span_equal_nocase(cr_span_of(bare, n), cr_span_str(OTA_ADMIN_RESPONSE_TYPE));
}

/* "s=NONCE&n=NUMBER", octet for octet as it was given out. 0 = it is something else. */
static uint32_t number_of(const struct ota_admin_server *server, const char *query)
{
    size_t n = strlen(server->nonce);
    if (n == 0 || strlen(query) < n + 5 || strncmp(query, "s=", 2) != 0 ||
        !cr_span_equal_ct(cr_span_of(query + 2, n), cr_span_of(server->nonce, n)) ||
        strncmp(query + 2 + n, "&n=", 3) != 0) {
        return 0;
    }
    const char *digits = query + 5 + n;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > MAX_DIGITS || digits[count] != 0 || digits[0] == '0') {
        return 0;
    }
    return (uint32_t)strtoul(digits, NULL, 10);
}

static cr_status new_nonce(struct ota_admin_server *server, struct cr_err *err)
{
    uint8_t nonce[NONCE];
    CR_TRY(cr_random(server->env, nonce, sizeof(nonce), err));
    (void)cr_hex_into(server->nonce, sizeof(server->nonce), CR_SPAN_ARRAY(nonce));
    return CR_OK;
}

/* There is no notification in the query, or it is whole and speaks of this card. */
static bool notification_is_own(const struct ota_admin_server *server, cr_span in)
{
    struct der_tlv e1;
    struct der_tlv eid;
    return in.n == 0 ||
           (der_next(&in, DER_STRICT, &e1, NULL) == CR_OK && der_find(e1.value, CARD_TAG, &eid) &&
            cr_span_equal(eid.value, CR_SPAN_ARRAY(server->eid)));
}

/* The resumed POST has the notification with which the session began; without one there is none in
 * either. */
static bool is_same_first(const struct ota_admin_server *server, cr_span notification)
{
    return cr_span_equal(cr_buf_span(&server->notification), notification);
}

/* A POST to the path of first POSTs. */
static cr_status first_post(struct ota_admin_server *server, const struct ota_admin_post *post,
                            bool resume, struct ota_admin_received *out, struct cr_err *err)
{
    bool notifies = false;
    cr_buf notification = {0};
    if (post->body.n > 0) {
        return bad(out, 400, "the first POST of a session has a body");
    }
    cr_status status = ota_admin_notification_read(post->query, &notification, &notifies, err);
    /* Resumed after later ones it is that of another session: its first sending did not arrive. */
    if (status == CR_OK && resume && server->begun && server->last == 0 &&
        is_same_first(server, cr_buf_span(&notification))) {
        cr_buf_free(&notification);
        return again(server, out);
    }
    if (status == CR_OK && !notification_is_own(server, cr_buf_span(&notification))) {
        status = CR_MALFORMED;
    }
    if (status == CR_OK && post->query && !notifies) {
        return stranger(out, "the URI is none that this session gave out");
    }
    if (status == CR_OK) {
        status = new_nonce(server, err);
    }
    if (status != CR_OK) {
        cr_buf_free(&notification);
        return status == CR_MALFORMED
                   ? stranger(out, "the notification in the URI is broken, or another eUICC's")
                   : status;
    }
    cr_buf_free(&server->notification);
    server->notification = notification;
    *out = (struct ota_admin_received){
        .event = notifies ? OTA_ADMIN_NOTIFY : OTA_ADMIN_FIRST,
        .restarted = !ota_admin_server_idle(server),
        .lost_script = server->owes,
        .ticket = ++server->ticket,
    };
    if (notifies) {
        out->notification = cr_buf_span(&server->notification);
    }
    server->begun = true;
    server->answered = server->ended = server->owes = false;
    server->last = 0;
    return CR_OK;
}

/* The POST that the last answer asked for, if it carries what it should. */
static cr_status next_post(struct ota_admin_server *server, const struct ota_admin_post *post,
                           struct ota_admin_received *out)
{
    const char *text = http_fields_find(post->fields, OTA_ADMIN_H_STATUS);
    struct ota_admin_received received = {.event = OTA_ADMIN_ASK};
    if (server->owes) {
        received.event = OTA_ADMIN_RESULT;
        if (!text || !ota_admin_status_read(text, &received.status)) {
            return bad(out, 400, "the result has no X-Admin-Script-Status that is known");
        }
        if ((received.status == OTA_ADMIN_OK) != (post->body.n > 0)) {
            return bad(out, 400, "a response script comes with status ok, and with no other");
        }
    } else if (post->body.n > 0) {
        return bad(out, 400, "the body is the result of no script");
    }
    if (post->body.n > 0) {
        if (!is_response_type(http_fields_find(post->fields, "Content-Type"))) {
            return bad(out, 415, "the Content-Type is not that of a response script");
        }
        received.script = post->body;
    }
    server->last++;
    server->answered = server->owes = false;
    received.ticket = ++server->ticket;
    *out = received;
    return CR_OK;
}

cr_status ota_admin_server_post(struct ota_admin_server *server, const struct ota_admin_post *post,
                                struct ota_admin_received *out, struct cr_err *err)
{
    const char *protocol = http_fields_find(post->fields, OTA_ADMIN_H_PROTOCOL);
    const char *from = http_fields_find(post->fields, OTA_ADMIN_H_FROM);
    const char *resumes = http_fields_find(post->fields, OTA_ADMIN_H_RESUME);
    uint8_t eid[OTA_EID];
    if (strcmp(post->method, "POST") != 0) {
        return bad(out, 405, "administration sessions know POST only");
    }
    if (!protocol || strcmp(protocol, OTA_ADMIN_PROTOCOL) != 0) {
        return bad(out, 400, "X-Admin-Protocol is missing or of another version");
    }
    if (from && ota_admin_from_eid(from, eid) && memcmp(eid, server->eid, OTA_EID) != 0) {
        return stranger(out, "X-Admin-From names another eUICC than the PSK identity");
    }
    if (strcmp(post->path, server->path) != 0) {
        return stranger(out, "nothing is served at this path");
    }
    bool resume = resumes && cr_span_equal_nocase(cr_span_str(resumes), cr_span_str("true"));
    if (!post->query || strncmp(post->query, "s=", 2) != 0) {
        return first_post(server, post, resume, out, err);
    }
    if (resume && !server->begun) { /* of a session that was lost with nothing in it */
        const struct ota_admin_post first = {.method = post->method, .path = post->path};
        return first_post(server, &first, false, out, err);
    }
    uint32_t number = number_of(server, post->query);
    if (number == server->last + 1 && server->answered && !server->ended) {
        return next_post(server, post, out);
    }
    if (number > 0 && number == server->last && resume) {
        return again(server, out);
    }
    return stranger(out, "the URI is used up, or none that this session gave out");
}

/* ---- answering ---- */

void ota_admin_server_next(const struct ota_admin_server *server, char out[OTA_ADMIN_URI + 1])
{
    out[0] = 0;
    if (ota_admin_server_waits(server)) {
        (void)snprintf(out, OTA_ADMIN_URI + 1, "%s?s=%s&n=%u", server->path, server->nonce,
                       (unsigned)server->last + 1);
    }
}

static cr_status put_script(struct ota_admin_server *server, const struct ota_admin_work *work,
                            struct cr_err *err)
{
    cr_buf_reset(&server->body);
    cr_buf_append_span(&server->body, work->script);
    if (!cr_buf_ok(&server->body)) {
        return cr_fail_memory(err);
    }
    server->target[0] = 0;
    if (work->target.n > 0) {
        ota_admin_target_write(&work->target, server->target);
    }
    return CR_OK;
}

cr_status ota_admin_server_answer(struct ota_admin_server *server,
                                  const struct ota_admin_work *work, struct ota_admin_answer *out,
                                  struct cr_err *err)
{
    bool script = work->kind == OTA_ADMIN_SCRIPT || work->kind == OTA_ADMIN_LAST_SCRIPT;
    bool goes_on = work->kind == OTA_ADMIN_SCRIPT || work->kind == OTA_ADMIN_WAIT;
    if (!ota_admin_server_waits(server) || (work->ticket && work->ticket != server->ticket)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "no POST of the eUICC waits for this answer");
    }
    if (script && (work->script.n == 0 || work->script.n > server->max_body)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "a script has 1 to %zu bytes, not %zu",
                       server->max_body, work->script.n);
    }
    if (goes_on && server->last >= MAX_NUMBER) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "the session has had %d POSTs: end it", MAX_NUMBER);
    }
    CR_TRY(put_script(server, work, err));
    ota_admin_server_next(server, server->next);
    if (!goes_on) {
        server->next[0] = 0;
    }
    server->status = script ? 200 : 204;
    server->answered = true;
    server->ended = !goes_on;
    server->owes = work->kind == OTA_ADMIN_SCRIPT;
    last_answer(server, out);
    return CR_OK;
}

/* "PATH?s=NONCE&n=NUMBER": nonce and number. False: it is something else. */
static bool read_uri(const struct ota_admin_server *server, const char *uri, char *nonce,
                     uint32_t *number)
{
    const size_t path = strlen(server->path);
    uint8_t bytes[NONCE];
    if (strncmp(uri, server->path, path) != 0 || strncmp(uri + path, "?s=", 3) != 0 ||
        strlen(uri + path + 3) < (size_t)2 * NONCE ||
        !cr_hex_fixed(bytes, sizeof(bytes), cr_span_of(uri + path + 3, (size_t)2 * NONCE))) {
        return false;
    }
    const char *rest = uri + path + 3 + (size_t)2 * NONCE;
    const char *digits = rest + 3;
    if (strncmp(rest, "&n=", 3) != 0 || !cr_is_digits(cr_span_str(digits)) ||
        strlen(digits) > MAX_DIGITS) {
        return false;
    }
    (void)cr_hex_into(nonce, (size_t)2 * NONCE + 1, CR_SPAN_ARRAY(bytes));
    *number = (uint32_t)strtoul(digits, NULL, 10);
    return *number > 0;
}

cr_status ota_admin_server_restore(struct ota_admin_server *server, const char *uri,
                                   const struct ota_admin_work *given, struct cr_err *err)
{
    uint32_t number;
    if (server->begun || given->script.n == 0 || given->script.n > server->max_body ||
        strlen(uri) > OTA_ADMIN_URI || !read_uri(server, uri, server->nonce, &number)) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "there is no such session to go on with");
    }
    CR_TRY(put_script(server, given, err));
    (void)cr_str_copy(server->next, sizeof(server->next), cr_span_str(uri));
    server->status = 200;
    server->last = number - 1;
    server->begun = server->answered = server->owes = true;
    return CR_OK;
}

uint64_t ota_admin_server_withdraw(struct ota_admin_server *server)
{
    server->answered = server->ended = server->owes = false;
    return ++server->ticket;
}

struct ota_admin_post ota_admin_post_of(const struct http_request *request)
{
    return (struct ota_admin_post){.method = request->method,
                                   .path = request->path,
                                   .query = request->query,
                                   .fields = request->headers,
                                   .body = request->body};
}

cr_status ota_admin_answer_http(const struct ota_admin_answer *answer,
                                const struct http_request *request, struct http_response *out,
                                struct cr_err *err)
{
    struct http_response response = {.status = answer->status,
                                     .content_type = answer->content_type, /* static */
                                     .chunked = true};
    for (; response.header_count < answer->header_count; response.header_count++) {
        size_t i = response.header_count;
        response.headers[i].name = answer->headers[i].name; /* static */
        response.headers[i].value =
            cr_arena_strn(request->arena, cr_span_str(answer->headers[i].value));
        if (!response.headers[i].value) {
            return cr_fail_memory(err);
        }
    }
    response.body.secret = true;
    cr_buf_append_span(&response.body, answer->body);
    if (!cr_buf_ok(&response.body)) {
        return cr_fail_memory(err);
    }
    *out = response;
    return CR_OK;
}

static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 405:
        return "Method Not Allowed";
    case 415:
        return "Unsupported Media Type";
    default:
        return "Bad Request";
    }
}

cr_status ota_admin_answer_write(cr_buf *out, const struct ota_admin_answer *answer,
                                 struct cr_err *err)
{
    cr_buf_appendf(out, "HTTP/1.1 %d %s\r\n", answer->status, phrase(answer->status));
    for (size_t i = 0; i < answer->header_count; i++) {
        cr_buf_appendf(out, "%s: %s\r\n", answer->headers[i].name, answer->headers[i].value);
    }
    if (answer->body.n > 0) {
        cr_buf_appendf(out, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%zX\r\n",
                       answer->content_type, answer->body.n);
        cr_buf_append_span(out, answer->body);
        cr_buf_append_str(out, "\r\n0\r\n\r\n");
    } else {
        cr_buf_append_str(out, answer->status == 204 ? "\r\n" : "Content-Length: 0\r\n\r\n");
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}
