/* Administration sessions: bytes of a server at the card's end, bytes of a card at the server's end
 * (the first byte chooses), and the codings around them. */
#include "fuzz.h"

#include "ota/admin_agent.h"
#include "ota/admin_server.h"

static const uint8_t eid[OTA_EID] = {0x89, 0x00, 0x10, 0x12, 0x01, 0x23, 0x41, 0x23,
                                     0x40, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x24};

/* ---- the card ---- */

static enum ota_admin_status execute(void *ctx, const struct ota_aid *target, cr_span script,
                                     cr_buf *out)
{
    unsigned *runs = ctx;
    (*runs)++;
    FUZZ_CHECK(script.n > 0 && script.n <= 512);
    FUZZ_CHECK(target->n == 0 || (target->n >= OTA_AID_MIN && target->n <= OTA_AID_MAX));
    cr_buf_append_span(out, script);
    return script.p[0] & 1 ? OTA_ADMIN_OK : OTA_ADMIN_UNKNOWN_APPLICATION;
}

/* One POST, whole, that our own server's parser takes. */
static void check_output(const struct ota_agent *agent)
{
    struct http_parser parser = {.max_header = 2048, .max_body = 1024};
    cr_span out = ota_agent_output(agent);
    FUZZ_CHECK(out.n > 0);
    FUZZ_CHECK(http_parser_feed(&parser, out) == out.n && parser.state == HTTP_PARSE_DONE);
    http_parser_free(&parser);
}

static void card(cr_span in, size_t step_size)
{
    unsigned runs = 0;
    struct ota_agent *agent = NULL;
    struct ota_agent_options options = {.aid = {.n = 16},
                                        .host = cr_span_str("smsr.example"),
                                        .uri = cr_span_str("/gsma/adminagent"),
                                        .retries = 2,
                                        .retry_seconds = 1,
                                        .max_script = 512,
                                        .execute = execute,
                                        .ctx = &runs};
    FUZZ_CHECK(ota_agent_new(&options, &agent, NULL) == CR_OK);
    struct ota_agent_step step = ota_agent_start(agent);
    unsigned failures = 0; /* since the last answer */
    bool called = false;
    while (step.action != OTA_AGENT_CLOSE) {
        if (step.action == OTA_AGENT_FAILED) {
            if (called || !ota_agent_resumes(agent)) {
                break;
            }
            called = true;
            failures = 0;
            step = ota_agent_called(agent);
            FUZZ_CHECK(step.action == OTA_AGENT_OPEN);
        } else if (step.action == OTA_AGENT_RETRY) {
            FUZZ_CHECK(++failures <= 2 && step.reason);
            step = ota_agent_expired(agent);
        } else if (step.action == OTA_AGENT_OPEN) {
            step = ota_agent_opened(agent);
            check_output(agent);
        } else if (in.n == 0) {
            step = ota_agent_lost(agent);
        } else {
            ota_agent_sent(agent, SIZE_MAX);
            cr_span part = cr_span_sub(in, 0, step_size);
            in = cr_span_sub(in, part.n, in.n);
            step = ota_agent_received(agent, part);
            if (step.action == OTA_AGENT_WAIT && step.seconds) {
                failures = 0;
                check_output(agent);
            }
        }
    }
    FUZZ_CHECK(runs == ota_agent_scripts(agent));
    ota_agent_free(agent);
}

/* ---- the server ---- */

static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    (void)ctx;
    (void)err;
    memset(p, 0x11, n);
    return CR_OK;
}

/* What was given out and not answered can be asked for after a restart. */
static void restart(const struct ota_admin_server_options *options, const char *uri)
{
    struct ota_admin_server *session = NULL;
    const struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT, .script = cr_span_str("script")};
    FUZZ_CHECK(ota_admin_server_new(options, &session, NULL) == CR_OK);
    FUZZ_CHECK(ota_admin_server_restore(session, uri, &work, NULL) == CR_OK);
    FUZZ_CHECK(ota_admin_server_owes(session));
    ota_admin_server_free(session);
}

static void server(cr_span in)
{
    static const cr_env env = {.random = fixed_random};
    struct http_parser parser = {.max_header = 2048, .max_body = 1024};
    struct ota_admin_server *session = NULL;
    struct ota_admin_server_options options = {.path = "/a", .env = &env};
    unsigned given = 0;
    unsigned results = 0;
    memcpy(options.eid, eid, OTA_EID);
    FUZZ_CHECK(ota_admin_server_new(&options, &session, NULL) == CR_OK);
    while (in.n > 0 && parser.state != HTTP_PARSE_FAILED) {
        in = cr_span_sub(in, http_parser_feed(&parser, in), in.n);
        if (parser.state != HTTP_PARSE_DONE) {
            continue;
        }
        struct ota_admin_received received;
        struct ota_admin_post post = {.method = parser.method,
                                      .path = parser.path,
                                      .query = parser.query,
                                      .fields = &parser.fields,
                                      .body = cr_buf_span(&parser.body)};
        FUZZ_CHECK(ota_admin_server_post(session, &post, &received, NULL) == CR_OK);
        results += received.event == OTA_ADMIN_RESULT || received.lost_script;
        FUZZ_CHECK(results <= given);
        struct ota_admin_answer answer = received.answer;
        if (received.event == OTA_ADMIN_REPEATED && ota_admin_server_owes(session) &&
            given % 2 == 0) { /* the script is taken back, and another given */
            received.event = OTA_ADMIN_ASK;
            received.ticket = ota_admin_server_withdraw(session);
            FUZZ_CHECK(ota_admin_server_waits(session));
        }
        if (received.event < OTA_ADMIN_REPEATED) {
            char uri[OTA_ADMIN_URI + 1];
            ota_admin_server_next(session, uri);
            struct ota_admin_work work = {.kind =
                                              given % 5 == 3 ? OTA_ADMIN_WAIT : OTA_ADMIN_SCRIPT,
                                          .ticket = received.ticket,
                                          .script = cr_span_str("script")};
            given++;
            results += work.kind == OTA_ADMIN_WAIT;
            FUZZ_CHECK(ota_admin_server_answer(session, &work, &answer, NULL) == CR_OK);
            if (work.kind == OTA_ADMIN_SCRIPT) {
                restart(&options, uri);
            }
        }
        cr_buf out = {0};
        FUZZ_CHECK(ota_admin_answer_write(&out, &answer, NULL) == CR_OK && out.n > 0);
        cr_buf_free(&out);
        http_parser_reset(&parser);
    }
    http_parser_free(&parser);
    ota_admin_server_free(session);
}

/* ---- codings: what is read can be written, and is read the same ---- */

static void codings(cr_span in)
{
    struct ota_admin_trigger trigger;
    struct ota_admin_trigger second;
    struct ota_psk_identity identity;
    cr_buf out = {0};
    cr_buf again = {0};
    if (ota_admin_trigger_read(in, &trigger, NULL) == CR_OK) {
        FUZZ_CHECK(ota_admin_trigger_write(&out, &trigger, NULL) == CR_OK);
        FUZZ_CHECK(ota_admin_trigger_read(cr_buf_span(&out), &second, NULL) == CR_OK);
        FUZZ_CHECK(ota_admin_trigger_write(&again, &second, NULL) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&out), cr_buf_span(&again)));
    }
    if (ota_psk_identity_read(in, &identity, NULL) == CR_OK) {
        char text[OTA_PSK_IDENTITY_TEXT];
        struct ota_psk_identity same;
        ota_psk_identity_write(&identity, text);
        FUZZ_CHECK(ota_psk_identity_read(cr_span_str(text), &same, NULL) == CR_OK);
        FUZZ_CHECK(same.kvn == identity.kvn && same.aid.n == identity.aid.n);
    }
    cr_buf_free(&out);
    cr_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    cr_span in = cr_span_of(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        card(in, SIZE_MAX);
        card(in, 1);
        card(in, 13);
        break;
    case 1:
        server(in);
        break;
    default:
        codings(in);
        break;
    }
    return 0;
}
