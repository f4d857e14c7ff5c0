/*
 * Administration sessions: the card's end.
 */
#include "ota/admin_agent.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define CLAUSE     "GP Amendment B"
#define MAX_HEADER 4096 /* bytes of a response's header */

enum stage {
    STAGE_NEW,
    STAGE_OPENING, /* channel and handshake are somebody else's */
    STAGE_WAITING, /* a POST is out */
    STAGE_PAUSE,   /* between two tries */
    STAGE_OVER,
    STAGE_FAILED
};

struct ota_agent {
    struct ota_agent_options options;
    char from[OTA_ADMIN_URI + 1];
    char host[OTA_ADMIN_HOST + 1];

    enum stage stage;
    uint16_t retries; /* left */
    bool posted;      /* a POST went out: the next sending of it resumes */
    unsigned scripts;

    /* The POST that is out, or goes out next. */
    char uri[OTA_ADMIN_URI + 1];
    bool has_result;
    enum ota_admin_status status;
    cr_buf result;

    cr_buf out;
    size_t out_at;
    struct http_parser parser;
};

/* Visible characters only: what stands here goes into a line of a header. */
static bool copy_text(char *out, size_t size, cr_span text, bool blanks)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < (blanks ? 0x20 : 0x21) || text.p[i] >= 0x7F) {
            return false;
        }
    }
    return cr_str_copy(out, size, text);
}

cr_status ota_agent_new(const struct ota_agent_options *options, struct ota_agent **out,
                        struct cr_err *err)
{
    struct ota_agent *agent = calloc(1, sizeof(*agent));
    if (!agent) {
        return cr_fail_memory(err);
    }
    agent->options = *options;
    agent->options.host = agent->options.uri = agent->options.agent = (cr_span){0};
    agent->retries = options->retries;
    bool sound = options->host.n > 0 && options->uri.n > 0 && options->uri.p[0] == '/' &&
                 copy_text(agent->host, sizeof(agent->host), options->host, false) &&
                 copy_text(agent->uri, sizeof(agent->uri), options->uri, false) &&
                 !strchr(agent->uri, '#');
    if (options->agent.n > 0) {
        sound = sound && copy_text(agent->from, sizeof(agent->from), options->agent, true);
    } else {
        ota_admin_from_write(options->eid, &options->aid, agent->from);
    }
    if (!sound) {
        free(agent);
        return cr_fail(err, CR_REFUSED, CLAUSE,
                       "host, URI or agent id of the POST parameters cannot be sent");
    }
    if (agent->options.answer_seconds == 0) {
        agent->options.answer_seconds = OTA_AGENT_ANSWER_SECONDS;
    }
    agent->parser.response = true;
    agent->parser.max_header = MAX_HEADER;
    agent->parser.max_body = options->max_script ? options->max_script : OTA_ADMIN_BODY;
    agent->parser.body.secret = agent->result.secret = agent->out.secret = true;
    *out = agent;
    return CR_OK;
}

void ota_agent_free(struct ota_agent *agent)
{
    if (agent) {
        http_parser_free(&agent->parser);
        cr_buf_free(&agent->result);
        cr_buf_free(&agent->out);
        free(agent);
    }
}

cr_span ota_agent_output(const struct ota_agent *agent)
{
    return cr_span_sub(cr_buf_span(&agent->out), agent->out_at, agent->out.n);
}

void ota_agent_sent(struct ota_agent *agent, size_t n)
{
    size_t left = agent->out.n - agent->out_at;
    agent->out_at += n < left ? n : left;
}

bool ota_agent_resumes(const struct ota_agent *agent)
{
    return agent->posted && agent->stage != STAGE_OVER;
}

unsigned ota_agent_scripts(const struct ota_agent *agent)
{
    return agent->scripts;
}

/* ---- steps ---- */

static struct ota_agent_step step(enum ota_agent_action action, uint32_t seconds)
{
    return (struct ota_agent_step){.action = action, .seconds = seconds};
}

/* What the stage asks for when an event means nothing to it. */
static struct ota_agent_step unchanged(const struct ota_agent *agent)
{
    switch (agent->stage) {
    case STAGE_OVER:
        return step(OTA_AGENT_CLOSE, 0);
    case STAGE_FAILED:
        return step(OTA_AGENT_FAILED, 0);
    case STAGE_PAUSE:
        return step(OTA_AGENT_RETRY, 0);
    case STAGE_NEW:
    case STAGE_OPENING:
    case STAGE_WAITING:
        break;
    }
    return step(OTA_AGENT_WAIT, 0);
}

static struct ota_agent_step session_failed(struct ota_agent *agent, const char *reason)
{
    cr_buf_reset(&agent->out);
    agent->out_at = 0;
    struct ota_agent_step next = step(OTA_AGENT_FAILED, 0);
    if (agent->retries > 0) {
        agent->retries--;
        agent->stage = STAGE_PAUSE;
        next = step(OTA_AGENT_RETRY, agent->options.retry_seconds);
    } else {
        agent->stage = STAGE_FAILED;
    }
    next.reason = reason;
    return next;
}

/* ---- sending ---- */

static void put_chunks(cr_buf *out, cr_span body, size_t size)
{
    for (size_t at = 0; at < body.n; at += size) {
        cr_span part = cr_span_sub(body, at, size);
        cr_buf_appendf(out, "%zX\r\n", part.n);
        cr_buf_append_span(out, part);
        cr_buf_append_str(out, "\r\n");
    }
    cr_buf_append_str(out, "0\r\n\r\n");
}

static struct ota_agent_step send_post(struct ota_agent *agent, bool resume)
{
    cr_buf *out = &agent->out;
    cr_buf_reset(out);
    agent->out_at = 0;
    http_parser_reset(&agent->parser);
    cr_buf_appendf(out,
                   "POST %s HTTP/1.1\r\nHost: %s\r\n" OTA_ADMIN_H_PROTOCOL ": " OTA_ADMIN_PROTOCOL
                   "\r\n" OTA_ADMIN_H_FROM ": %s\r\n",
                   agent->uri, agent->host, agent->from);
    if (agent->has_result) {
        cr_buf_appendf(out, OTA_ADMIN_H_STATUS ": %s\r\n", ota_admin_status_text(agent->status));
    }
    if (resume) {
        cr_buf_append_str(out, OTA_ADMIN_H_RESUME ": true\r\n");
    }
    if (agent->result.n > 0) {
        size_t chunk = agent->options.max_chunk ? agent->options.max_chunk : agent->result.n;
        cr_buf_append_str(out, "Content-Type: " OTA_ADMIN_RESPONSE_TYPE
                               "\r\nTransfer-Encoding: chunked\r\n\r\n");
        put_chunks(out, cr_buf_span(&agent->result), chunk);
    } else {
        cr_buf_append_str(out, "\r\n");
    }
    if (!cr_buf_ok(out)) {
        return session_failed(agent, "memory is short");
    }
    agent->posted = true;
    agent->stage = STAGE_WAITING;
    return step(OTA_AGENT_WAIT, agent->options.answer_seconds);
}

/* ---- answers ---- */

static bool is_command_type(const char *text)
{
    /* Of its parameters only the version is known, and blanks may stand before it. */
    static const char type[] = "application/vnd.globalplatform.card-content-mgt;";
    cr_span in = cr_span_str(text);
    if (!cr_span_equal_nocase(cr_span_sub(in, 0, sizeof(type) - 1), cr_span_str(type))) {
        return false;
    }
    const char *rest = text + sizeof(type) - 1;
    rest += strspn(rest, " \t");
    return cr_span_equal_nocase(cr_span_str(rest), cr_span_str("version=1.0"));
}

/* The URI of the next POST; an absolute one loses scheme and host. False: it cannot be used. */
static bool take_uri(struct ota_agent *agent, const char *text)
{
    cr_span uri = cr_span_str(text);
    if (uri.n >= 7 && cr_span_equal_nocase(cr_span_sub(uri, 0, 4), cr_span_str("http"))) {
        const char *host = strstr(text, "://");
        const char *path = host ? strchr(host + 3, '/') : NULL;
        uri = cr_span_str(path);
    }
    char copy[OTA_ADMIN_URI + 1];
    if (uri.n == 0 || uri.p[0] != '/' || !copy_text(copy, sizeof(copy), uri, false) ||
        strchr(copy, '#')) {
        return false;
    }
    memcpy(agent->uri, copy, sizeof(copy));
    return true;
}

static void run_script(struct ota_agent *agent, const struct ota_aid *target)
{
    cr_buf_reset(&agent->result);
    agent->scripts++;
    agent->has_result = true;
    agent->status = agent->options.execute(agent->options.ctx, target,
                                           cr_buf_span(&agent->parser.body), &agent->result);
    if (agent->status == OTA_ADMIN_OK && (!cr_buf_ok(&agent->result) || agent->result.n == 0)) {
        agent->status = OTA_ADMIN_SECURITY_ERROR; /* nothing that could be said */
    }
    if (agent->status != OTA_ADMIN_OK) {
        cr_buf_reset(&agent->result);
    }
}

static struct ota_agent_step over(struct ota_agent *agent)
{
    agent->stage = STAGE_OVER;
    cr_buf_reset(&agent->out);
    agent->out_at = 0;
    return step(OTA_AGENT_CLOSE, 0);
}

/* A whole response is there. Nothing of it is executed before all of its header was looked at. */
static struct ota_agent_step take_answer(struct ota_agent *agent)
{
    const struct http_parser *answer = &agent->parser;
    const char *protocol = http_fields_find(&answer->fields, OTA_ADMIN_H_PROTOCOL);
    const char *next = http_fields_find(&answer->fields, OTA_ADMIN_H_NEXT);
    const char *target = http_fields_find(&answer->fields, OTA_ADMIN_H_TARGET);
    struct ota_aid aid = {0};
    if (answer->status != 200 && answer->status != 204) {
        return session_failed(agent, "the server answers with an error status");
    }
    if (!protocol || strcmp(protocol, OTA_ADMIN_PROTOCOL) != 0) {
        return session_failed(agent, "the answer has no X-Admin-Protocol of this version");
    }
    bool script = answer->status == 200;
    if (script && answer->body.n == 0) {
        return session_failed(agent, "the answer has status 200 and no script");
    }
    if (script && !is_command_type(http_fields_find(&answer->fields, "Content-Type"))) {
        return session_failed(agent, "the Content-Type is not that of a command script");
    }
    if (script && target && !ota_admin_target_read(target, &aid)) {
        return session_failed(agent, "X-Admin-Targeted-Application is no application");
    }
    if (next && !take_uri(agent, next)) {
        return session_failed(agent, "X-Admin-Next-URI is no path, or too long");
    }
    agent->has_result = false;
    agent->retries = agent->options.retries;
    cr_buf_reset(&agent->result);
    if (script) {
        run_script(agent, &aid);
    }
    return next ? send_post(agent, false) : over(agent);
}

/* ---- events ---- */

struct ota_agent_step ota_agent_start(struct ota_agent *agent)
{
    if (agent->stage != STAGE_NEW) {
        return unchanged(agent);
    }
    agent->stage = STAGE_OPENING;
    return step(OTA_AGENT_OPEN, 0);
}

struct ota_agent_step ota_agent_opened(struct ota_agent *agent)
{
    return agent->stage == STAGE_OPENING ? send_post(agent, agent->posted) : unchanged(agent);
}

struct ota_agent_step ota_agent_received(struct ota_agent *agent, cr_span clear)
{
    while (agent->stage == STAGE_WAITING && clear.n > 0) {
        size_t used = http_parser_feed(&agent->parser, clear);
        clear = cr_span_sub(clear, used, clear.n);
        if (agent->parser.state == HTTP_PARSE_FAILED) {
            return session_failed(agent, agent->parser.problem);
        }
        if (agent->parser.state != HTTP_PARSE_DONE) {
            return step(OTA_AGENT_WAIT, 0);
        }
        if (clear.n > 0) { /* nobody asked for it */
            return session_failed(agent, "bytes follow the answer");
        }
        return take_answer(agent);
    }
    return unchanged(agent);
}

struct ota_agent_step ota_agent_lost(struct ota_agent *agent)
{
    if (agent->stage == STAGE_OPENING || agent->stage == STAGE_WAITING) {
        return session_failed(agent, "the connection was lost");
    }
    return unchanged(agent);
}

struct ota_agent_step ota_agent_expired(struct ota_agent *agent)
{
    if (agent->stage == STAGE_PAUSE) {
        agent->stage = STAGE_OPENING;
        return step(OTA_AGENT_OPEN, 0);
    }
    if (agent->stage == STAGE_WAITING) {
        return session_failed(agent, "the server does not answer");
    }
    return unchanged(agent);
}

struct ota_agent_step ota_agent_called(struct ota_agent *agent)
{
    if (agent->stage != STAGE_PAUSE && !(agent->stage == STAGE_FAILED && agent->posted)) {
        return unchanged(agent);
    }
    agent->retries = agent->options.retries;
    agent->stage = STAGE_OPENING;
    return step(OTA_AGENT_OPEN, 0);
}
