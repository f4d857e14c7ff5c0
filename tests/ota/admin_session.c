/*
 * Administration sessions: the worked exchange octet for octet, both ends against each other with
 * the link cut at every byte, each POST and each answer that must be refused; once through TLS-PSK.
 */
#include "net/psk.h"
#include "ota/admin_agent.h"
#include "ota/admin_server.h"

#include "../crypto/vector.h"

#include <stdio.h>

#define EID  "89001012012341234012345678901224"
#define PATH "/gsma/adminagent"
#define FROM "//se-id/eid/" EID ";//aa-id/aid/A000000559/1010FFFFFFFF8900000100"
#define S1                                                                                         \
    "AE80224580E60C003F10A0000005591010FFFFFFFF8900000D0010A0000005591010FFFFFFFF8900000E0010A000" \
    "0005591010FFFFFFFF89000010000380C00006C9048102037000000000"
#define R1       "AF8023030090000000"
#define TARGETED "A0000005591010FFFFFFFF8900001000"

static cr_status fixed_random(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    uint8_t *next = ctx;
    (void)err;
    memset(p, ++*next, n);
    return CR_OK;
}

/* ---- an SM-SR of a few lines: hands out its scripts in order, notes the results ---- */

#define MAX_SCRIPTS 8

struct sr {
    struct ota_admin_server *server;
    struct http_parser parser;
    uint8_t random;
    cr_env env;
    cr_span scripts[MAX_SCRIPTS];
    struct ota_aid targets[MAX_SCRIPTS];
    size_t count, next;
    unsigned waits; /* answers "wait" before each script */
    unsigned waited;
    char results[256]; /* status and first byte of each */
    unsigned events[OTA_ADMIN_BAD + 1];
    unsigned restarts, lost;
    const char *reason;
    cr_buf out; /* to the card */
};

static void sr_open(struct sr *sr)
{
    memset(sr, 0, sizeof(*sr));
    sr->env = (cr_env){.ctx = &sr->random, .random = fixed_random};
    struct ota_admin_server_options options = {.path = PATH, .env = &sr->env};
    memcpy(options.eid, vector(EID).p, OTA_EID);
    assert_int_equal(ota_admin_server_new(&options, &sr->server, NULL), CR_OK);
    sr->parser.max_header = 2048;
    sr->parser.max_body = 8192;
}

static void sr_close(struct sr *sr)
{
    ota_admin_server_free(sr->server);
    http_parser_free(&sr->parser);
    cr_buf_free(&sr->out);
}

static void sr_add(struct sr *sr, const char *script, const char *target)
{
    cr_span aid = vector(target);
    sr->scripts[sr->count] = vector(script);
    sr->targets[sr->count].n = (uint8_t)aid.n;
    if (aid.n > 0) {
        memcpy(sr->targets[sr->count].value, aid.p, aid.n);
    }
    sr->count++;
}

static void sr_answer(struct sr *sr, const struct ota_admin_received *received)
{
    struct ota_admin_answer answer = received->answer;
    struct ota_admin_work work = {.kind = OTA_ADMIN_END, .ticket = received->ticket};
    if (received->event < OTA_ADMIN_REPEATED) {
        if (sr->next < sr->count && sr->waited < sr->waits) {
            work.kind = OTA_ADMIN_WAIT;
            sr->waited++;
        } else if (sr->next < sr->count) {
            work.kind = OTA_ADMIN_SCRIPT;
            work.script = sr->scripts[sr->next];
            work.target = sr->targets[sr->next];
            sr->next++;
            sr->waited = 0;
        }
        assert_true(ota_admin_server_waits(sr->server));
        assert_int_equal(ota_admin_server_answer(sr->server, &work, &answer, NULL), CR_OK);
        assert_int_equal(ota_admin_server_owes(sr->server), work.kind == OTA_ADMIN_SCRIPT);
        assert_int_equal(ota_admin_server_idle(sr->server), work.kind == OTA_ADMIN_END);
    }
    assert_int_equal(ota_admin_answer_write(&sr->out, &answer, NULL), CR_OK);
}

static struct ota_admin_received sr_request(struct sr *sr)
{
    struct ota_admin_received received;
    struct ota_admin_post post = {.method = sr->parser.method,
                                  .path = sr->parser.path,
                                  .query = sr->parser.query,
                                  .fields = &sr->parser.fields,
                                  .body = cr_buf_span(&sr->parser.body)};
    assert_int_equal(ota_admin_server_post(sr->server, &post, &received, NULL), CR_OK);
    sr->events[received.event]++;
    sr->reason = received.reason;
    sr->restarts += received.restarted;
    sr->lost += received.lost_script;
    if (received.event == OTA_ADMIN_RESULT) {
        size_t n = strlen(sr->results);
        (void)snprintf(sr->results + n, sizeof(sr->results) - n, "%d:%zu ", received.status,
                       received.script.n);
    }
    return received;
}

/* Bytes of the card. */
static void sr_feed(struct sr *sr, cr_span in)
{
    while (in.n > 0) {
        size_t used = http_parser_feed(&sr->parser, in);
        in = cr_span_sub(in, used, in.n);
        if (sr->parser.state == HTTP_PARSE_DONE) {
            struct ota_admin_received received = sr_request(sr);
            sr_answer(sr, &received);
            http_parser_reset(&sr->parser);
        }
        assert_int_not_equal(sr->parser.state, HTTP_PARSE_FAILED);
    }
}

/* ---- a card of a few lines ---- */

struct card {
    struct ota_agent *agent;
    enum ota_admin_status status; /* of every script */
    char ran[512];                /* targets and sizes of what was run */
    bool silent;                  /* no response script at all */
    size_t response;              /* bytes of a response script; 0 = R1 */
};

static enum ota_admin_status execute(void *ctx, const struct ota_aid *target, cr_span script,
                                     cr_buf *out)
{
    struct card *card = ctx;
    size_t n = strlen(card->ran);
    (void)snprintf(card->ran + n, sizeof(card->ran) - n, "%zu%s ", script.n, target->n ? "t" : "");
    if (card->silent) {
        return card->status;
    }
    if (card->response) {
        uint8_t *at = cr_buf_extend(out, card->response);
        assert_non_null(at);
        memset(at, 'r', card->response);
    } else {
        cr_buf_append_span(out, vector(R1));
    }
    return card->status;
}

static struct ota_agent_options agent_options(struct card *card)
{
    struct ota_agent_options options = {
        .aid = {.n = 16},
        .host = cr_span_str("smsr.example"),
        .uri = cr_span_str(PATH),
        .retries = 3,
        .retry_seconds = 1800,
        .execute = execute,
        .ctx = card,
    };
    memcpy(options.eid, vector(EID).p, OTA_EID);
    memcpy(options.aid.value, vector("A0000005591010FFFFFFFF8900000100").p, 16);
    return options;
}

static void card_open(struct card *card)
{
    struct ota_agent_options options = agent_options(card);
    assert_int_equal(ota_agent_new(&options, &card->agent, NULL), CR_OK);
}

static void assert_text(cr_span got, const char *want)
{
    if (!cr_span_equal(got, cr_span_str(want))) {
        fail_msg("got:\n%.*s\nwant:\n%s", (int)got.n, (const char *)got.p, want);
    }
}

/* ---- the worked exchange ---- */

static void the_card_octet_for_octet(void **state)
{
    (void)state;
    struct card card = {0};
    card_open(&card);
    struct ota_agent_step step = ota_agent_start(card.agent);
    assert_int_equal(step.action, OTA_AGENT_OPEN);
    step = ota_agent_opened(card.agent);
    assert_int_equal(step.action, OTA_AGENT_WAIT);
    assert_int_equal(step.seconds, 60);
    assert_text(ota_agent_output(card.agent),
                "POST " PATH " HTTP/1.1\r\nHost: smsr.example\r\n"
                "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
                "X-Admin-From: " FROM "\r\n\r\n");
    ota_agent_sent(card.agent, 10);
    assert_int_equal(memcmp(ota_agent_output(card.agent).p, "/adminagent", 11), 0);
    ota_agent_sent(card.agent, 10000);
    assert_int_equal(ota_agent_output(card.agent).n, 0);
    cr_buf answer = {0};
    cr_buf_append_str(
        &answer, "HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
                 "X-Admin-Next-URI: /gsma/adminagent?s=7f3a&n=1\r\n"
                 "Content-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n4B\r\n");
    cr_buf_append_span(&answer, vector(S1));
    cr_buf_append_str(&answer, "\r\n0\r\n\r\n");
    for (size_t i = 0; i < answer.n; i++) {
        step = ota_agent_received(card.agent, cr_span_of(answer.p + i, 1));
        assert_int_equal(step.action, OTA_AGENT_WAIT);
        assert_int_equal(step.seconds, i + 1 < answer.n ? 0 : 60);
    }
    assert_string_equal(card.ran, "75 ");
    cr_buf want = {0};
    cr_buf_append_str(&want,
                      "POST /gsma/adminagent?s=7f3a&n=1 HTTP/1.1\r\nHost: smsr.example\r\n"
                      "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
                      "X-Admin-From: " FROM "\r\nX-Admin-Script-Status: ok\r\n"
                      "Content-Type: application/vnd.globalplatform.card-content-mgt-response"
                      ";version=1.0\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n");
    cr_buf_append_span(&want, vector(R1));
    cr_buf_append_str(&want, "\r\n0\r\n\r\n");
    assert_true(cr_span_equal(ota_agent_output(card.agent), cr_buf_span(&want)));
    step =
        ota_agent_received(card.agent, cr_span_str("HTTP/1.1 204 No Content\r\nX-Admin-Protocol: "
                                                   "globalplatform-remote-admin/1.0\r\n\r\n"));
    assert_int_equal(step.action, OTA_AGENT_CLOSE);
    assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_CLOSE);
    assert_int_equal(ota_agent_output(card.agent).n, 0);
    assert_int_equal(ota_agent_scripts(card.agent), 1);
    ota_agent_free(card.agent);
    cr_buf_free(&answer);
    cr_buf_free(&want);
}

#define FIRST                                                                                      \
    "POST " PATH " HTTP/1.1\r\nHost: smsr.example\r\n"                                             \
    "x-admin-protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: " FROM "\r\n\r\n"
#define NONCE "0101010101010101"
#define NEXT(n, more)                                                                              \
    "POST " PATH "?s=" NONCE "&n=" n " HTTP/1.1\r\nHost: smsr.example\r\n"                         \
    "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: " FROM "\r\n" more
#define BODY                                                                                       \
    "Content-Type: application/vnd.globalplatform.card-content-mgt-response; version=1.0\r\n"      \
    "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
#define RESULT(n) NEXT(n, "X-Admin-Script-Status: ok\r\n" BODY)
#define RESUME    "X-Admin-Resume: true\r\n"
#define RESUMED_FIRST                                                                              \
    "POST " PATH " HTTP/1.1\r\nHost: a\r\n" RESUME                                                 \
    "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"
#define NOTHING                                                                                    \
    "HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"

static void the_server_octet_for_octet(void **state)
{
    (void)state;
    struct sr sr;
    sr_open(&sr);
    sr_add(&sr, S1, "");
    sr_add(&sr, R1, TARGETED);
    assert_true(ota_admin_server_idle(sr.server));
    sr_feed(&sr, cr_span_str(FIRST));
    cr_buf want = {0};
    cr_buf_append_str(
        &want, "HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
               "X-Admin-Next-URI: " PATH "?s=" NONCE "&n=1\r\n"
               "Content-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
               "Transfer-Encoding: chunked\r\n\r\n4B\r\n");
    cr_buf_append_span(&want, vector(S1));
    cr_buf_append_str(&want, "\r\n0\r\n\r\n");
    assert_true(cr_span_equal(cr_buf_span(&sr.out), cr_buf_span(&want)));
    cr_buf_reset(&sr.out);
    sr_feed(&sr, cr_span_str(RESULT("1")));
    assert_string_equal(sr.results, "0:2 ");
    cr_buf_reset(&want);
    cr_buf_append_str(
        &want, "HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
               "X-Admin-Next-URI: " PATH "?s=" NONCE "&n=2\r\n"
               "X-Admin-Targeted-Application: //aid/A000000559/1010FFFFFFFF8900001000\r\n"
               "Content-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
               "Transfer-Encoding: chunked\r\n\r\n9\r\n");
    cr_buf_append_span(&want, vector(R1));
    cr_buf_append_str(&want, "\r\n0\r\n\r\n");
    assert_true(cr_span_equal(cr_buf_span(&sr.out), cr_buf_span(&want)));
    cr_buf_reset(&sr.out);
    sr_feed(&sr, cr_span_str(NEXT("2", "X-Admin-Script-Status: security-error\r\n\r\n")));
    assert_string_equal(sr.results, "0:2 3:0 ");
    assert_text(cr_buf_span(&sr.out), NOTHING);
    assert_true(ota_admin_server_idle(sr.server));
    cr_buf_free(&want);
    sr_close(&sr);
}

/* ---- what a server refuses ---- */

/* Sends first, then post; expects one event and an answer that begins so. */
static void hostile_posts(void **state)
{
    static const struct {
        const char *before[3];
        const char *post;
        enum ota_admin_event event;
        const char *answer;
    } rows[] = {
        {{FIRST}, NEXT("1", "\r\n"), OTA_ADMIN_BAD, "HTTP/1.1 400"},
        {{FIRST}, NEXT("1", "X-Admin-Script-Status: ok\r\n\r\n"), OTA_ADMIN_BAD, "HTTP/1.1 400"},
        {{FIRST}, NEXT("1", BODY), OTA_ADMIN_BAD, "HTTP/1.1 400"},
        {{FIRST}, NEXT("1", "X-Admin-Script-Status: fine\r\n" BODY), OTA_ADMIN_BAD, "HTTP/1.1 400"},
        {{FIRST},
         NEXT("1", "X-Admin-Script-Status: unknown-application\r\n" BODY),
         OTA_ADMIN_BAD,
         "HTTP/1.1 400"},
        {{FIRST},
         NEXT("1", "X-Admin-Script-Status: ok\r\nContent-Length: 2\r\n\r\nab"),
         OTA_ADMIN_BAD,
         "HTTP/1.1 415"},
        {{FIRST},
         NEXT("1", "X-Admin-Script-Status: ok\r\nContent-Type: " OTA_ADMIN_COMMAND_TYPE
                   "\r\nContent-Length: 2\r\n\r\nab"),
         OTA_ADMIN_BAD,
         "HTTP/1.1 415"},
        {{FIRST},
         NEXT("1", "X-Admin-Script-Status: ok\r\nContent-Type: " OTA_ADMIN_RESPONSE_TYPE
                       OTA_ADMIN_RESPONSE_TYPE "\r\nContent-Length: 2\r\n\r\nab"),
         OTA_ADMIN_BAD,
         "HTTP/1.1 415"},
        {{FIRST, RESULT("1")},
         NEXT("1", "X-Admin-Resume: false\r\nX-Admin-Script-Status: ok\r\n" BODY),
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH "?s=&n=1 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{FIRST}, NEXT("2", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        {{FIRST}, NEXT("0", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        {{FIRST}, NEXT("01", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        {{FIRST}, NEXT("1x", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        {{FIRST},
         NEXT("4294967297", "X-Admin-Script-Status: ok\r\n" BODY),
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{FIRST}, NEXT("", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        {{NULL}, NEXT("1", "X-Admin-Script-Status: ok\r\n" BODY), OTA_ADMIN_STRANGER, NOTHING},
        /* Nobody owes anything here: a session that was lost goes on as a new one. */
        {{NULL}, NEXT("1", RESUME "\r\n"), OTA_ADMIN_FIRST, "HTTP/1.1 200"},
        {{NULL},
         NEXT("7", RESUME "X-Admin-Script-Status: ok\r\n" BODY),
         OTA_ADMIN_FIRST,
         "HTTP/1.1 200"},
        {{FIRST, RESULT("1")}, RESULT("1"), OTA_ADMIN_STRANGER, NOTHING},
        {{FIRST, RESULT("1"), RESULT("2")}, NEXT("1", RESUME "\r\n"), OTA_ADMIN_STRANGER, NOTHING},
        /* What was an answer before comes again. */
        {{FIRST, RESULT("1")},
         NEXT("1", RESUME "X-Admin-Script-Status: ok\r\n" BODY),
         OTA_ADMIN_REPEATED,
         "HTTP/1.1 200"},
        {{FIRST, RESULT("1")},
         NEXT("2", RESUME "X-Admin-Script-Status: ok\r\n" BODY),
         OTA_ADMIN_RESULT,
         "HTTP/1.1 200"},
        {{FIRST},
         "POST " PATH " HTTP/1.1\r\nHost: a\r\nX-Admin-Resume: TRUE\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_REPEATED,
         "HTTP/1.1 200"},
        {{FIRST, RESULT("1")},
         "POST " PATH "?s=&n=0 HTTP/1.1\r\nHost: a\r\nX-Admin-Resume: true\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{FIRST},
         "POST " PATH "?s=0101010101010102&n=1 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "GET " PATH " HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_BAD,
         "HTTP/1.1 405"},
        {{NULL}, "POST " PATH " HTTP/1.1\r\nHost: a\r\n\r\n", OTA_ADMIN_BAD, "HTTP/1.1 400"},
        {{NULL},
         "POST " PATH " HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/2.0\r\n\r\n",
         OTA_ADMIN_BAD,
         "HTTP/1.1 400"},
        {{NULL},
         "POST /other HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH "?x=1 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH " HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\nx",
         OTA_ADMIN_BAD,
         "HTTP/1.1 400"},
        {{NULL},
         "POST " PATH " HTTP/1.1\r\nHost: a\r\nX-Admin-From: //se-id/eid/" /* another */
         "89001012012341234012345678901225;//aa-id/aid/A000000559/10\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH "?msg=E1124C1089001012012341234012345678901225 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH "?msg=E100 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        {{NULL},
         "POST " PATH "?msg=E1 HTTP/1.1\r\nHost: a\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n",
         OTA_ADMIN_STRANGER,
         NOTHING},
        /* An agent id of its own, or none, is fine; so is an empty chunked body. */
        {{NULL},
         "POST " PATH " HTTP/1.1\r\nHost: a\r\nX-Admin-From: agent 7\r\n"
         "Transfer-Encoding: chunked\r\n"
         "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n0\r\n\r\n",
         OTA_ADMIN_FIRST,
         "HTTP/1.1 200"},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct sr sr;
        sr_open(&sr);
        for (size_t k = 0; k < 5; k++) {
            sr_add(&sr, S1, "");
        }
        for (size_t k = 0; k < CR_COUNT(rows[i].before) && rows[i].before[k]; k++) {
            sr_feed(&sr, cr_span_str(rows[i].before[k]));
        }
        bool owed = ota_admin_server_owes(sr.server);
        cr_buf before = {0};
        cr_buf_append_span(&before, cr_buf_span(&sr.out));
        cr_buf_reset(&sr.out);
        unsigned events = sr.events[rows[i].event];
        sr_feed(&sr, cr_span_str(rows[i].post));
        if (sr.events[rows[i].event] != events + 1) {
            fail_msg("row %zu: another event (%s)", i, sr.reason ? sr.reason : "no reason");
        }
        assert_true(sr.out.n >= strlen(rows[i].answer));
        assert_memory_equal(sr.out.p, rows[i].answer, strlen(rows[i].answer));
        if (rows[i].event == OTA_ADMIN_REPEATED) { /* octet for octet */
            assert_true(before.n >= sr.out.n);
            assert_memory_equal(before.p + before.n - sr.out.n, sr.out.p, sr.out.n);
        }
        if (rows[i].event >= OTA_ADMIN_REPEATED) { /* and nothing is changed */
            assert_int_equal(ota_admin_server_owes(sr.server), owed);
        }
        if (rows[i].event == OTA_ADMIN_BAD && owed) { /* the right one is still taken */
            sr_feed(&sr, cr_span_str(RESULT("1")));
            assert_string_equal(sr.results, "0:2 ");
        }
        cr_buf_free(&before);
        sr_close(&sr);
    }
}

static void a_session_that_begins_anew(void **state)
{
    (void)state;
    struct sr sr;
    sr_open(&sr);
    sr_add(&sr, S1, "");
    sr_add(&sr, S1, "");
    sr_feed(&sr, cr_span_str(FIRST));
    assert_int_equal(sr.restarts, 0);
    sr_feed(&sr, cr_span_str(FIRST)); /* the card was reset: the script's result is lost */
    assert_int_equal(sr.restarts, 1);
    assert_int_equal(sr.lost, 1);
    sr_feed(&sr, cr_span_str(RESULT("1"))); /* of the old session's nonce */
    assert_int_equal(sr.events[OTA_ADMIN_STRANGER], 1);
    assert_string_equal(sr.results, "");
    sr_close(&sr);
    /* A first POST that is resumed after later ones is of a session whose first sending was lost.
     */
    sr_open(&sr);
    sr_add(&sr, S1, "");
    sr_add(&sr, S1, "");
    sr_add(&sr, S1, "");
    sr_feed(&sr, cr_span_str(FIRST));
    sr_feed(&sr, cr_span_str(RESULT("1")));
    sr_feed(&sr, cr_span_str(RESUMED_FIRST));
    assert_int_equal(sr.events[OTA_ADMIN_FIRST], 2);
    assert_int_equal(sr.lost, 1);
    sr_close(&sr);
    /* So is one with a notification that the session did not begin with. */
    sr_open(&sr);
    sr_add(&sr, S1, "");
    sr_add(&sr, S1, "");
    sr_feed(&sr, cr_span_str(FIRST));
    sr_feed(&sr, cr_span_str("POST " PATH "?msg=e1124c10" EID " HTTP/1.1\r\nHost: a\r\n" RESUME
                             "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"));
    assert_int_equal(sr.events[OTA_ADMIN_NOTIFY], 1);
    assert_int_equal(sr.lost, 1);
    sr_close(&sr);
    /* After an end it is no restart, and the end is repeated on demand. */
    sr_open(&sr);
    sr_feed(&sr, cr_span_str(FIRST));
    sr_feed(&sr, cr_span_str("POST " PATH " HTTP/1.1\r\nHost: a\r\nX-Admin-Resume: true\r\n"
                             "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n"));
    assert_int_equal(sr.events[OTA_ADMIN_REPEATED], 1);
    sr_feed(&sr, cr_span_str(FIRST));
    assert_int_equal(sr.restarts, 0);
    assert_int_equal(sr.events[OTA_ADMIN_FIRST], 2);
    sr_close(&sr);
}

/* What a server knows of a session that another one began: the script and the URI of its result. */
static void a_session_that_is_restored(void **state)
{
    static const char *const uris[] = {
        "",
        PATH,
        PATH "?s=" NONCE,
        PATH "?s=" NONCE "&n=",
        PATH "?s=" NONCE "&n=0",
        PATH "?s=" NONCE "&n=1x",
        PATH "?s=" NONCE "&n=1000000",
        PATH "?s=010101010101010&n=1",
        PATH "?s=010101010101010X&n=1",
        "/other?s=" NONCE "&n=1",
    };
    (void)state;
    struct sr sr;
    struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT, .script = vector(S1)};
    char next[OTA_ADMIN_URI + 1];
    sr_open(&sr);
    ota_admin_server_next(sr.server, next);
    assert_string_equal(next, "");
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        assert_int_equal(ota_admin_server_restore(sr.server, uris[i], &work, NULL), CR_REFUSED);
    }
    work.script.n = 0;
    assert_int_equal(ota_admin_server_restore(sr.server, PATH "?s=" NONCE "&n=3", &work, NULL),
                     CR_REFUSED);
    work.script = vector(S1);
    assert_true(ota_admin_server_idle(sr.server));
    assert_int_equal(ota_admin_server_restore(sr.server, PATH "?s=" NONCE "&n=3", &work, NULL),
                     CR_OK);
    assert_true(ota_admin_server_owes(sr.server) && !ota_admin_server_idle(sr.server));
    assert_int_equal(ota_admin_server_restore(sr.server, PATH "?s=" NONCE "&n=3", &work, NULL),
                     CR_REFUSED);
    /* The POST before it shows that it was not seen; then its result. */
    sr_feed(&sr, cr_span_str(NEXT("2", RESUME "X-Admin-Script-Status: ok\r\n" BODY)));
    assert_int_equal(sr.events[OTA_ADMIN_REPEATED], 1);
    assert_non_null(memmem(sr.out.p, sr.out.n, "s=" NONCE "&n=3\r\n", 24));
    sr_feed(&sr, cr_span_str(NEXT("1", RESUME "\r\n"))); /* that one was before */
    assert_int_equal(sr.events[OTA_ADMIN_STRANGER], 1);
    sr_feed(&sr, cr_span_str(RESULT("3")));
    assert_string_equal(sr.results, "0:2 ");
    sr_close(&sr);
    /* The first POST of all is the one before. */
    sr_open(&sr);
    assert_int_equal(ota_admin_server_restore(sr.server, PATH "?s=" NONCE "&n=1", &work, NULL),
                     CR_OK);
    sr_feed(&sr, cr_span_str(RESUMED_FIRST));
    assert_int_equal(sr.events[OTA_ADMIN_REPEATED], 1);
    sr_close(&sr);
}

/* The script in an answer that did not arrive is given up: another one takes its place. */
static void an_answer_that_is_taken_back(void **state)
{
    (void)state;
    struct sr sr;
    struct ota_admin_answer answer;
    struct ota_admin_work work = {.kind = OTA_ADMIN_SCRIPT, .script = vector(R1)};
    char next[OTA_ADMIN_URI + 1];
    sr_open(&sr);
    sr_add(&sr, S1, "");
    sr_feed(&sr, cr_span_str(FIRST));
    work.ticket = ota_admin_server_withdraw(sr.server);
    assert_true(ota_admin_server_waits(sr.server) && !ota_admin_server_owes(sr.server));
    ota_admin_server_next(sr.server, next);
    assert_string_equal(next, PATH "?s=" NONCE "&n=1");
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_OK);
    assert_span(answer.body, R1);
    sr_feed(&sr, cr_span_str(RESULT("1")));
    assert_string_equal(sr.results, "0:2 ");
    sr_close(&sr);
}

static void notification_and_held_posts(void **state)
{
    (void)state;
    struct sr sr;
    struct ota_admin_answer answer;
    struct ota_admin_work work = {.kind = OTA_ADMIN_WAIT};
    sr_open(&sr);
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_REFUSED);
    static const char notify[] = "POST " PATH "?msg=e1124c10" EID " HTTP/1.1\r\nHost: a\r\n"
                                 "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n";
    assert_int_equal(http_parser_feed(&sr.parser, cr_span_str(notify)), sizeof(notify) - 1);
    struct ota_admin_received received = sr_request(&sr);
    assert_int_equal(received.event, OTA_ADMIN_NOTIFY);
    assert_span(received.notification, "E1124C10" EID);
    assert_true(ota_admin_server_waits(sr.server));
    uint64_t held = received.ticket;
    assert_true(held > 0);
    /* It is held; the card loses patience and resumes: the new POST waits in its place. */
    http_parser_reset(&sr.parser);
    static const char resumed[] =
        "POST " PATH "?msg=e1124c10" EID " HTTP/1.1\r\nHost: a\r\nX-Admin-Resume: true\r\n"
        "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n\r\n";
    (void)http_parser_feed(&sr.parser, cr_span_str(resumed));
    received = sr_request(&sr);
    assert_int_equal(received.event, OTA_ADMIN_ASK);
    assert_int_not_equal(received.ticket, held);
    work.ticket = held;
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_REFUSED);
    work.ticket = received.ticket;
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_OK);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.header_count, 2);
    assert_string_equal(answer.headers[1].value, PATH "?s=" NONCE "&n=1");
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_REFUSED);
    /* After "wait" a POST without a result asks; one with a result is none. */
    http_parser_reset(&sr.parser);
    (void)http_parser_feed(&sr.parser, cr_span_str(RESULT("1")));
    assert_int_equal(sr_request(&sr).event, OTA_ADMIN_BAD);
    http_parser_reset(&sr.parser);
    (void)http_parser_feed(&sr.parser, cr_span_str(NEXT("1", "\r\n")));
    assert_int_equal(sr_request(&sr).event, OTA_ADMIN_ASK);
    /* Scripts that no body holds; then one whose result does not come back. */
    static uint8_t large[OTA_ADMIN_BODY + 1];
    work = (struct ota_admin_work){.kind = OTA_ADMIN_LAST_SCRIPT, .script = CR_SPAN_ARRAY(large)};
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_REFUSED);
    work.script.n = 0;
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_REFUSED);
    work.script.n = OTA_ADMIN_BODY;
    assert_int_equal(ota_admin_server_answer(sr.server, &work, &answer, NULL), CR_OK);
    assert_int_equal(answer.header_count, 1);
    assert_true(ota_admin_server_idle(sr.server) && !ota_admin_server_owes(sr.server));
    sr_close(&sr);
    char longest[OTA_ADMIN_URI - 40 + 2]; /* what a nonce and a number add has room */
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = 0;
    struct ota_admin_server_options edge = {.path = longest};
    struct ota_admin_server *edged = NULL;
    assert_int_equal(ota_admin_server_new(&edge, &edged, NULL), CR_REFUSED);
    longest[sizeof(longest) - 2] = 0;
    assert_int_equal(ota_admin_server_new(&edge, &edged, NULL), CR_OK);
    ota_admin_server_free(edged);
    static const char *const paths[] = {NULL, "", "x", "/a?b", "/a#b", "/a b", "/a\r\nb"};
    for (size_t i = 0; i < CR_COUNT(paths); i++) {
        struct ota_admin_server_options options = {.path = paths[i]};
        struct ota_admin_server *server = NULL;
        assert_int_equal(ota_admin_server_new(&options, &server, NULL), CR_REFUSED);
    }
}

static void answers_of_the_http_server(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct http_request request = {.arena = &arena};
    struct http_response response = {.outcome = HTTP_HOLD};
    char next[] = "/next";
    struct ota_admin_answer answer = {
        .status = 200,
        .content_type = OTA_ADMIN_COMMAND_TYPE,
        .headers = {{OTA_ADMIN_H_PROTOCOL, OTA_ADMIN_PROTOCOL}, {OTA_ADMIN_H_NEXT, next}},
        .header_count = 2,
        .body = cr_span_str("script")};
    assert_int_equal(ota_admin_answer_http(&answer, &request, &response, NULL), CR_OK);
    next[1] = 'X'; /* the session goes on */
    assert_int_equal(response.outcome, HTTP_ANSWER);
    assert_int_equal(response.status, 200);
    assert_true(response.chunked && response.body.secret);
    assert_string_equal(response.content_type, OTA_ADMIN_COMMAND_TYPE);
    assert_int_equal(response.header_count, 2);
    assert_string_equal(response.headers[1].value, "/next");
    assert_true(cr_span_equal(cr_buf_span(&response.body), cr_span_str("script")));
    cr_buf_free(&response.body);
    cr_arena_free(&arena);
}

/* ---- what a card refuses ---- */

#define OK_HEAD                                                                                    \
    "HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"                     \
    "Content-Type: application/vnd.globalplatform.card-content-mgt;version=1.0\r\n"
#define OK_BODY "Content-Length: 2\r\n\r\nab"

static void hostile_answers(void **state)
{
    static const struct {
        const char *answer;
        enum ota_agent_action action;
        const char *ran;
    } rows[] = {
        {OK_HEAD OK_BODY, OTA_AGENT_CLOSE, "2 "},
        {OK_HEAD "X-Admin-Next-URI: /n\r\n" OK_BODY, OTA_AGENT_WAIT, "2 "},
        {OK_HEAD "X-Admin-Next-URI: https://smsr.example:8443/n?x=1\r\n" OK_BODY, OTA_AGENT_WAIT,
         "2 "},
        {OK_HEAD "X-Admin-Targeted-Application: //aid/A000000559/10\r\n" OK_BODY, OTA_AGENT_CLOSE,
         "2t "},
        {"HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
         "Content-Type: Application/vnd.globalplatform.card-content-mgt; version=1.0\r\n" OK_BODY,
         OTA_AGENT_CLOSE, "2 "},
        {NOTHING, OTA_AGENT_CLOSE, ""},
        {"HTTP/1.1 204 No Content\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
         "X-Admin-Next-URI: /n\r\n\r\n",
         OTA_AGENT_WAIT, ""},
        /* Refused, and nothing is run. */
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 302 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 204 No\r\nX-Admin-Protocol: other/1.0\r\n\r\n", OTA_AGENT_RETRY, ""},
        {OK_HEAD "Content-Length: 0\r\n\r\n", OTA_AGENT_RETRY, ""},
        {OK_HEAD "\r\nab", OTA_AGENT_RETRY, ""}, /* until the connection ends */
        {"HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n" OK_BODY,
         OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
         "Content-Type: text/html\r\n" OK_BODY,
         OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 200 OK\r\nX-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
         "Content-Type: application/vnd.globalplatform.card-content-mgt;version=2.0\r\n" OK_BODY,
         OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Targeted-Application: //aid/A0\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI: n\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI:\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI: https://host\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI: /a b\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI: /a#b\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD "X-Admin-Next-URI: /\xC3\xA4\r\n" OK_BODY, OTA_AGENT_RETRY, ""},
        {OK_HEAD OK_BODY "HTTP/1.1 200 OK\r\n", OTA_AGENT_RETRY, ""},
        {OK_HEAD "Content-Length: 65\r\n\r\n", OTA_AGENT_RETRY, ""}, /* the limit here is 64 */
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n41\r\n", OTA_AGENT_RETRY, ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", OTA_AGENT_RETRY, ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 100 Continue\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/2 200\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"HTTP/1.1 20 OK\r\n\r\n", OTA_AGENT_RETRY, ""},
        {"\x15\x03\x03", OTA_AGENT_RETRY, ""},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct card card = {0};
        struct ota_agent_options options = agent_options(&card);
        options.max_script = 64;
        assert_int_equal(ota_agent_new(&options, &card.agent, NULL), CR_OK);
        (void)ota_agent_start(card.agent);
        (void)ota_agent_opened(card.agent);
        struct ota_agent_step step = ota_agent_received(card.agent, cr_span_str(rows[i].answer));
        if (step.action != rows[i].action) {
            fail_msg("row %zu: action %d, %s", i, step.action, step.reason ? step.reason : "-");
        }
        assert_string_equal(card.ran, rows[i].ran);
        assert_int_equal(step.reason != NULL, step.action == OTA_AGENT_RETRY);
        if (step.action == OTA_AGENT_WAIT) {
            assert_int_equal(memcmp(ota_agent_output(card.agent).p, "POST /n", 7), 0);
        }
        ota_agent_free(card.agent);
    }
}

/* A body that never ends, in chunks of one byte. */
static void an_endless_body(void **state)
{
    (void)state;
    struct card card = {0};
    card_open(&card);
    (void)ota_agent_start(card.agent);
    (void)ota_agent_opened(card.agent);
    struct ota_agent_step step =
        ota_agent_received(card.agent, cr_span_str(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"));
    size_t chunks = 0;
    while (step.action == OTA_AGENT_WAIT) {
        step = ota_agent_received(card.agent, cr_span_str("1\r\nx\r\n"));
        assert_true(++chunks < 10000);
    }
    assert_int_equal(step.action, OTA_AGENT_RETRY);
    assert_int_equal(chunks, OTA_ADMIN_BODY + 1);
    assert_string_equal(card.ran, "");
    ota_agent_free(card.agent);
}

static void retries(void **state)
{
    (void)state;
    struct card card = {0};
    card_open(&card);
    (void)ota_agent_start(card.agent);
    for (unsigned i = 0; i < 3; i++) { /* three retries */
        struct ota_agent_step step = ota_agent_lost(card.agent);
        assert_int_equal(step.action, OTA_AGENT_RETRY);
        assert_int_equal(step.seconds, 1800);
        assert_int_equal(ota_agent_opened(card.agent).action, OTA_AGENT_RETRY); /* no such event */
        assert_int_equal(ota_agent_expired(card.agent).action, OTA_AGENT_OPEN);
    }
    /* The first POST never went out: no resume. */
    assert_int_equal(ota_agent_opened(card.agent).action, OTA_AGENT_WAIT);
    assert_null(
        memmem(ota_agent_output(card.agent).p, ota_agent_output(card.agent).n, "Resume", 6));
    struct ota_agent_step step = ota_agent_expired(card.agent); /* no answer in time */
    assert_int_equal(step.action, OTA_AGENT_FAILED);
    assert_int_equal(ota_agent_output(card.agent).n, 0);
    assert_int_equal(ota_agent_received(card.agent, cr_span_str(OK_HEAD OK_BODY)).action,
                     OTA_AGENT_FAILED);
    assert_int_equal(ota_agent_expired(card.agent).action, OTA_AGENT_FAILED);
    assert_int_equal(ota_agent_start(card.agent).action, OTA_AGENT_FAILED);
    assert_string_equal(card.ran, "");
    ota_agent_free(card.agent);
    static const struct {
        const char *host, *uri, *agent;
    } rows[] = {
        {"", "/a", NULL},    {"h", "", NULL},       {"h", "a", NULL},    {"h\r\nX: y", "/a", NULL},
        {"h", "/a b", NULL}, {"h", "/a\r\n", NULL}, {"h", "/a#b", NULL}, {"h", "/a", "x\r\nY: z"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct ota_agent_options options = agent_options(&card);
        options.host = cr_span_str(rows[i].host);
        options.uri = cr_span_str(rows[i].uri);
        options.agent = cr_span_str(rows[i].agent);
        assert_int_equal(ota_agent_new(&options, &card.agent, NULL), CR_REFUSED);
    }
}

static bool is_resumed(const struct card *card)
{
    const cr_span out = ota_agent_output(card->agent);
    return out.n && memmem(out.p, out.n, "X-Admin-Resume: true\r\n", 22) != NULL;
}

/* The server asks for the session by another way while the card waits, or after it gave up. */
static void called(void **state)
{
    (void)state;
    struct card card = {0};
    card_open(&card);
    (void)ota_agent_start(card.agent);
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_WAIT); /* it is opening */
    for (unsigned i = 0; i < 4; i++) {
        (void)ota_agent_lost(card.agent);
        (void)ota_agent_expired(card.agent);
    }
    assert_false(ota_agent_resumes(card.agent));
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_FAILED); /* nothing was said */
    ota_agent_free(card.agent);

    card_open(&card);
    (void)ota_agent_start(card.agent);
    (void)ota_agent_opened(card.agent);
    assert_true(ota_agent_resumes(card.agent));
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_WAIT); /* it is open */
    assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_RETRY);
    (void)ota_agent_expired(card.agent);
    assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_RETRY);
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_OPEN);
    for (unsigned i = 0; i < 3; i++) { /* all retries are there again */
        assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_RETRY);
        (void)ota_agent_expired(card.agent);
    }
    assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_FAILED);
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_OPEN);
    assert_int_equal(ota_agent_opened(card.agent).action, OTA_AGENT_WAIT);
    assert_true(is_resumed(&card));
    /* An answer is progress: again all retries, and what was executed is told by each of them. */
    for (unsigned round = 0; round < 3; round++) {
        (void)ota_agent_received(card.agent,
                                 cr_span_str(OK_HEAD "X-Admin-Next-URI: /n\r\n" OK_BODY));
        assert_false(is_resumed(&card));
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ota_agent_lost(card.agent).action, OTA_AGENT_RETRY);
            (void)ota_agent_expired(card.agent);
            (void)ota_agent_opened(card.agent);
            assert_true(is_resumed(&card));
            const cr_span out = ota_agent_output(card.agent);
            assert_non_null(memmem(out.p, out.n, "X-Admin-Script-Status: ok\r\n", 27));
        }
    }
    assert_string_equal(card.ran, "2 2 2 ");
    assert_int_equal(ota_agent_received(card.agent, cr_span_str(NOTHING)).action, OTA_AGENT_CLOSE);
    assert_false(ota_agent_resumes(card.agent));
    assert_int_equal(ota_agent_called(card.agent).action, OTA_AGENT_CLOSE);
    ota_agent_free(card.agent);
}

/* Another agent id, small chunks, a script that was not run. */
static void results_of_all_kinds(void **state)
{
    (void)state;
    struct card card = {.response = 10};
    struct ota_agent_options options = agent_options(&card);
    options.agent = cr_span_str("//agent 7");
    options.max_chunk = 4;
    assert_int_equal(ota_agent_new(&options, &card.agent, NULL), CR_OK);
    (void)ota_agent_start(card.agent);
    (void)ota_agent_opened(card.agent);
    (void)ota_agent_received(card.agent, cr_span_str(OK_HEAD "X-Admin-Next-URI: /n\r\n" OK_BODY));
    assert_text(ota_agent_output(card.agent),
                "POST /n HTTP/1.1\r\nHost: smsr.example\r\n"
                "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: //agent 7\r\n"
                "X-Admin-Script-Status: ok\r\nContent-Type: " OTA_ADMIN_RESPONSE_TYPE
                "\r\nTransfer-Encoding: chunked\r\n\r\n"
                "4\r\nrrrr\r\n4\r\nrrrr\r\n2\r\nrr\r\n0\r\n\r\n");
    /* A wait in between: the next POST has no result. */
    (void)ota_agent_received(
        card.agent, cr_span_str("HTTP/1.1 204 No\r\nX-Admin-Protocol: globalplatform-remote-admin/"
                                "1.0\r\nX-Admin-Next-URI: /w\r\n\r\n"));
    assert_text(ota_agent_output(card.agent),
                "POST /w HTTP/1.1\r\nHost: smsr.example\r\n"
                "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: //agent 7\r\n"
                "\r\n");
    card.status = OTA_ADMIN_UNKNOWN_APPLICATION;
    (void)ota_agent_received(card.agent, cr_span_str(OK_HEAD "X-Admin-Next-URI: /m\r\n" OK_BODY));
    assert_text(ota_agent_output(card.agent),
                "POST /m HTTP/1.1\r\nHost: smsr.example\r\n"
                "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: //agent 7\r\n"
                "X-Admin-Script-Status: unknown-application\r\n\r\n");
    /* "ok" without a response script cannot be said. */
    card.status = OTA_ADMIN_OK;
    card.silent = true;
    (void)ota_agent_received(card.agent, cr_span_str(OK_HEAD "X-Admin-Next-URI: /o\r\n" OK_BODY));
    assert_text(ota_agent_output(card.agent),
                "POST /o HTTP/1.1\r\nHost: smsr.example\r\n"
                "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\nX-Admin-From: //agent 7\r\n"
                "X-Admin-Script-Status: security-error\r\n\r\n");
    ota_agent_free(card.agent);
}

/* ---- both ends, the link cut ---- */

/* Runs a session over links that break after cut bytes each way together, until it is over; returns
 * the bytes that the whole of it has without a cut. */
static size_t run_session(size_t cut, unsigned waits, struct sr *sr, struct card *card)
{
    size_t total = 0;
    size_t on_link = 0;
    sr_open(sr);
    sr->waits = waits;
    sr_add(sr, S1, "");
    sr_add(sr, S1, TARGETED);
    sr_add(sr, R1, "");
    card_open(card);
    struct ota_agent_step step = ota_agent_start(card->agent);
    for (unsigned round = 0; round < 100000; round++) {
        if (step.action == OTA_AGENT_OPEN) {
            step = ota_agent_opened(card->agent);
        } else if (step.action == OTA_AGENT_RETRY) {
            step = ota_agent_expired(card->agent);
        } else if (step.action != OTA_AGENT_WAIT) {
            break;
        } else if (total == cut) { /* once */
            total++;
            on_link = 0;
            http_parser_reset(&sr->parser);
            cr_buf_reset(&sr->out);
            step = ota_agent_lost(card->agent);
        } else if (ota_agent_output(card->agent).n > 0) {
            sr_feed(sr, cr_span_sub(ota_agent_output(card->agent), 0, 1));
            ota_agent_sent(card->agent, 1);
            total++;
        } else {
            assert_true(on_link < sr->out.n);
            uint8_t byte = sr->out.p[on_link++];
            total++;
            step = ota_agent_received(card->agent, cr_span_of(&byte, 1));
        }
    }
    assert_int_equal(step.action, OTA_AGENT_CLOSE);
    assert_string_equal(card->ran, "75 75t 9 ");
    assert_string_equal(sr->results, "0:9 0:9 0:9 ");
    assert_int_equal(sr->events[OTA_ADMIN_FIRST], 1);
    assert_int_equal(sr->events[OTA_ADMIN_STRANGER] + sr->events[OTA_ADMIN_BAD], 0);
    assert_true(ota_admin_server_idle(sr->server));
    ota_agent_free(card->agent);
    sr_close(sr);
    return total;
}

static void no_script_runs_twice(void **state)
{
    (void)state;
    for (unsigned waits = 0; waits < 2; waits++) {
        struct sr sr;
        struct card card = {0};
        size_t whole = run_session(SIZE_MAX, waits, &sr, &card);
        assert_int_equal(sr.events[OTA_ADMIN_REPEATED], 0);
        unsigned repeated = 0;
        for (size_t cut = 0; cut < whole; cut++) {
            card = (struct card){0};
            (void)run_session(cut, waits, &sr, &card);
            repeated += sr.events[OTA_ADMIN_REPEATED];
        }
        assert_true(repeated > 100);
    }
}

/* ---- through TLS-PSK ---- */

static size_t find_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    struct ota_psk_identity who;
    (void)ctx;
    if (ota_psk_identity_read(identity, &who, NULL) != CR_OK || who.kvn != 0x40) {
        return 0;
    }
    memset(key, 0x5A, 16);
    return 16;
}

static void through_tls(void **state)
{
    (void)state;
    struct sr sr;
    struct card card = {0};
    struct ssl_ctx_st *policy = NULL;
    struct psk_engine *client = NULL;
    struct psk_engine *server = NULL;
    uint8_t key[16];
    char text[OTA_PSK_IDENTITY_TEXT];
    struct ota_psk_identity identity = {.aid = {.n = 16}, .key_id = 1, .kvn = 0x40};
    memset(key, 0x5A, sizeof(key));
    ota_psk_identity_write(&identity, text);
    struct psk_server_options server_options = {.find = find_key};
    struct psk_client_options client_options = {
        .identity = text, .key = CR_SPAN_ARRAY(key), .max_fragment = 512};
    assert_int_equal(psk_server_new(&server_options, &policy, NULL), CR_OK);
    assert_int_equal(psk_server_accept(policy, &server, NULL), CR_OK);
    assert_int_equal(psk_client_new(&client_options, &client, NULL), CR_OK);
    sr_open(&sr);
    sr_add(&sr, S1, TARGETED);
    card_open(&card);
    struct ota_agent_step step = ota_agent_start(card.agent);
    for (unsigned round = 0; round < 1000 && step.action != OTA_AGENT_CLOSE; round++) {
        if (step.action == OTA_AGENT_OPEN && psk_engine_state(client) == PSK_OPEN) {
            step = ota_agent_opened(card.agent);
        }
        cr_span out = ota_agent_output(card.agent);
        assert_int_equal(psk_engine_state(client) == PSK_OPEN ? psk_engine_send(client, out, NULL)
                                                              : CR_OK,
                         CR_OK);
        ota_agent_sent(card.agent, out.n);
        assert_int_equal(psk_engine_feed(server, psk_engine_output(client), NULL), CR_OK);
        psk_engine_sent(client, SIZE_MAX);
        cr_span in = psk_engine_input(server);
        sr_feed(&sr, in);
        assert_int_equal(psk_engine_used(server, in.n, NULL), CR_OK);
        if (sr.out.n > 0) {
            assert_int_equal(psk_engine_send(server, cr_buf_span(&sr.out), NULL), CR_OK);
            cr_buf_reset(&sr.out);
        }
        assert_int_equal(psk_engine_feed(client, psk_engine_output(server), NULL), CR_OK);
        psk_engine_sent(server, SIZE_MAX);
        in = psk_engine_input(client);
        if (in.n > 0) {
            step = ota_agent_received(card.agent, in);
            assert_int_equal(psk_engine_used(client, in.n, NULL), CR_OK);
        }
    }
    assert_int_equal(step.action, OTA_AGENT_CLOSE);
    assert_string_equal(card.ran, "75t ");
    assert_string_equal(sr.results, "0:9 ");
    assert_string_equal(psk_engine_identity(server), text);
    ota_agent_free(card.agent);
    sr_close(&sr);
    psk_engine_free(client);
    psk_engine_free(server);
    psk_server_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_card_octet_for_octet),
        cmocka_unit_test(the_server_octet_for_octet),
        cmocka_unit_test(hostile_posts),
        cmocka_unit_test(a_session_that_begins_anew),
        cmocka_unit_test(a_session_that_is_restored),
        cmocka_unit_test(an_answer_that_is_taken_back),
        cmocka_unit_test(notification_and_held_posts),
        cmocka_unit_test(answers_of_the_http_server),
        cmocka_unit_test(hostile_answers),
        cmocka_unit_test(an_endless_body),
        cmocka_unit_test(retries),
        cmocka_unit_test(called),
        cmocka_unit_test(results_of_all_kinds),
        cmocka_unit_test(no_script_runs_twice),
        cmocka_unit_test(through_tls),
    };
    return cmocka_run_group_tests_name("ota/admin_session", tests, NULL, vector_teardown);
}
