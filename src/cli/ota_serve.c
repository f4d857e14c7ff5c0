/*
 * crisp ota serve: a server for the sessions of one security domain (SCP81): an operator's OTA
 * platform for one script.
 */
#include "cli/ota.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/units.h"
#include "net/psk.h"
#include "ota/admin_server.h"

#include <pthread.h>
#include <unistd.h>

#define TICK_MS 50
#define LINGER  20 /* ticks after the end of the session, for a card that repeats its last POST */

struct serve_values {
    struct cli_list apdus;
    const char *listen, *psk, *identity, *path, *target, *port_file;
    bool json, forever;
};

struct serving {
    struct cli *cli;
    const struct serve_values *v;
    cr_buf script;
    cr_buf key; /* secret */
    struct ota_aid target;

    pthread_mutex_t lock; /* of the output and of what follows */
    struct ota_admin_server *session;
    uint8_t eid[OTA_EID]; /* of the session */
    bool given;           /* the script, in this session */
    unsigned ended;       /* sessions that are over */
    bool good;            /* the last result was ok, with each command */
};

/* ---- keys --------------------------------------------------------------------------------------
 */

static size_t find_key(void *ctx, cr_span identity, uint8_t key[PSK_KEY_MAX])
{
    const struct serving *s = ctx;
    if (s->v->identity && !cr_span_equal_nocase(identity, cr_span_str(s->v->identity))) {
        return 0;
    }
    memcpy(key, s->key.p, s->key.n);
    return s->key.n;
}

/* ---- output ------------------------------------------------------------------------------------
 */

static void print(const struct serving *s, const char *what, json_t *object)
{
    struct cli *cli = s->cli;
    if (s->v->json) {
        (void)json_object_set_new(object, "event", json_string(what));
        cli_put_json(cli, object);
    } else {
        cr_buf text = {0};
        cli_ota_print(&text, object, 2);
        (void)fprintf(cli->out, "%s\n%.*s", what, (int)text.n, text.p ? (const char *)text.p : "");
        cr_buf_free(&text);
        json_decref(object);
    }
    (void)fflush(cli->out);
}

static void print_session(const struct serving *s, const struct http_request *request)
{
    json_t *o = json_object();
    cli_json_text(o, "identity", request->psk_identity);
    cli_json_text(o, "from", http_request_header(request, OTA_ADMIN_H_FROM));
    cli_json_text(o, "peer", request->peer);
    print(s, "session", o);
}

/* Each command of the script was answered, and none with an error. */
static bool all_well(cr_span script)
{
    struct ota_reader *reader = NULL;
    struct ota_item item;
    bool good = ota_reader_new(OTA_RESPONSES, false, &reader, NULL) == CR_OK &&
                ota_reader_feed(reader, script, NULL) == CR_OK;
    size_t answers = 0;
    while (good && ota_reader_next(reader, &item, NULL) == OTA_STEP_ITEM) {
        if (item.kind == OTA_ITEM_APDU) {
            uint8_t sw1 = item.value.n >= 2 ? item.value.p[item.value.n - 2] : 0;
            good = sw1 == 0x90 || sw1 == 0x91 || (sw1 >= 0x61 && sw1 <= 0x63);
            answers++;
        } else if (item.kind == OTA_ITEM_BAD_FORMAT || item.kind == OTA_ITEM_CHAINING) {
            good = false;
        }
    }
    ota_reader_free(reader);
    return good && answers > 0;
}

static void print_result(struct serving *s, const struct ota_admin_received *r)
{
    json_t *o = json_object();
    cli_json_text(o, "status", ota_admin_status_text(r->status));
    if (r->script.n) {
        (void)json_object_set_new(o, "content", cli_ota_content(OTA_RESPONSES, r->script));
    }
    print(s, "result", o);
    s->good = r->status == OTA_ADMIN_OK && all_well(r->script);
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

/* The session of this card; another card's begins anew. */
static cr_status enter(struct serving *s, const struct http_request *request, struct cr_err *err)
{
    struct ota_admin_server_options options = {
        .path = s->v->path, .max_body = OTA_SCRIPT_MAX, .env = s->cli->env};
    const char *from = http_request_header(request, OTA_ADMIN_H_FROM);
    if (!from || !ota_admin_from_eid(from, options.eid)) {
        memset(options.eid, 0, sizeof options.eid); /* a text of its own: whatever it is */
    }
    if (s->session && memcmp(s->eid, options.eid, OTA_EID) == 0) {
        return CR_OK;
    }
    ota_admin_server_free(s->session);
    s->session = NULL;
    s->given = false;
    memcpy(s->eid, options.eid, OTA_EID);
    return ota_admin_server_new(&options, &s->session, err);
}

static cr_status answer(struct serving *s, const struct http_request *request,
                        struct http_response *response, struct cr_err *err)
{
    struct ota_admin_received received;
    struct ota_admin_post post = ota_admin_post_of(request);
    CR_TRY(enter(s, request, err));
    CR_TRY(ota_admin_server_post(s->session, &post, &received, err));
    struct ota_admin_answer out = received.answer;
    if (received.event == OTA_ADMIN_FIRST || received.event == OTA_ADMIN_NOTIFY) {
        s->given = false;
        print_session(s, request);
    } else if (received.event == OTA_ADMIN_RESULT) {
        print_result(s, &received);
    }
    if (received.event < OTA_ADMIN_REPEATED) {
        struct ota_admin_work work = {.kind = s->given ? OTA_ADMIN_END : OTA_ADMIN_SCRIPT,
                                      .ticket = received.ticket,
                                      .script = s->given ? (cr_span){0} : cr_buf_span(&s->script),
                                      .target = s->target};
        s->ended += s->given ? 1 : 0;
        s->given = true;
        CR_TRY(ota_admin_server_answer(s->session, &work, &out, err));
    }
    return ota_admin_answer_http(&out, request, response, err);
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
    struct serving *s = ctx;
    struct cr_err err = {0};
    (void)pthread_mutex_lock(&s->lock);
    if (answer(s, request, response, &err) != CR_OK) {
        response->status = 500;
        cr_log(s->cli->env, CR_LOG_ERROR, "%s", err.cause);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- the command -------------------------------------------------------------------------------
 */

static cr_status take_options(struct serving *s, struct cr_err *err)
{
    struct ota_writer w;
    char *psk;
    CR_TRY(cli_secret(s->cli, "--psk", s->v->psk, &psk, err));
    cr_status status = cr_hex_decode(&s->key, cr_span_str(psk), err);
    cr_wipe(psk, strlen(psk));
    if (status != CR_OK || s->key.n < PSK_KEY_MIN || s->key.n > PSK_KEY_MAX) {
        return cr_fail(err, CR_MALFORMED, NULL, "--psk takes %d to %d bytes in hex", PSK_KEY_MIN,
                       PSK_KEY_MAX);
    }
    if (s->v->target) {
        cr_buf aid = {0};
        status = cr_hex_decode(&aid, cr_span_str(s->v->target), err);
        if (status != CR_OK || aid.n < OTA_AID_MIN || aid.n > OTA_AID_MAX) {
            cr_buf_free(&aid);
            return cr_fail(err, CR_MALFORMED, NULL, "--target takes an AID of 5 to 16 bytes");
        }
        s->target.n = (uint8_t)aid.n;
        memcpy(s->target.value, aid.p, aid.n);
        cr_buf_free(&aid);
    }
    ota_writer_begin(&w, OTA_FORM_INDEFINITE, OTA_COMMANDS, &s->script);
    for (size_t i = 0; i < s->v->apdus.count; i++) {
        cr_buf apdu = {.secret = true};
        status = cr_hex_decode(&apdu, cr_span_str(s->v->apdus.items[i]), err);
        if (status == CR_OK) {
            status = ota_writer_command(&w, cr_buf_span(&apdu), err);
        }
        cr_buf_free(&apdu);
        if (status != CR_OK) {
            return cr_err_context(err, status, "'%s'", s->v->apdus.items[i]);
        }
    }
    return ota_writer_end(&w, err);
}

static cr_status write_port(const char *path, uint16_t port, struct cr_err *err)
{
    cr_buf line = {0};
    cr_buf_appendf(&line, "%u\n", port);
    cr_status status = cr_file_write(path, cr_buf_span(&line), 0644, err);
    cr_buf_free(&line);
    return status;
}

static void wait_for_end(struct serving *s)
{
    unsigned left = LINGER;
    while (!cli_stop && left) {
        (void)usleep(TICK_MS * 1000);
        (void)pthread_mutex_lock(&s->lock);
        left = s->ended && !s->v->forever ? left - 1 : LINGER;
        (void)pthread_mutex_unlock(&s->lock);
    }
}

static cr_status serve(struct serving *s, struct ssl_ctx_st *policy, struct cr_err *err)
{
    struct http_listener listener = {.tls = policy, .handler = handle, .ctx = s};
    const struct http_server_options http = {.listeners = &listener,
                                             .listener_count = 1,
                                             .workers = 1,
                                             .max_body = OTA_SCRIPT_MAX,
                                             .env = s->cli->env};
    struct http_server *server = NULL;
    CR_TRY(cli_host_port(&s->cli->arena, s->v->listen, &listener.host, &listener.port, err));
    cli_catch_signals();
    CR_TRY(http_server_start(&http, &server, err));
    uint16_t port = http_server_port(server, 0);
    (void)fprintf(s->cli->err, "listens on %s:%u%s, by a pre-shared key\n",
                  listener.host ? listener.host : "127.0.0.1", port, s->v->path);
    (void)fflush(s->cli->err);
    cr_status status = s->v->port_file ? write_port(s->v->port_file, port, err) : CR_OK;
    if (status == CR_OK) {
        wait_for_end(s);
    }
    http_server_stop(server);
    return status;
}

static int serve_run(struct cli *cli, const void *values)
{
    struct serving s = {
        .cli = cli, .v = values, .script = {.secret = true}, .key = {.secret = true}};
    struct cr_err err = {0};
    struct ssl_ctx_st *policy = NULL;
    int code;
    (void)pthread_mutex_init(&s.lock, NULL);
    const struct psk_server_options psk = {.find = find_key, .ctx = &s};
    if (take_options(&s, &err) != CR_OK) {
        code = cli_fail_usage(cli, &err);
    } else if (psk_server_new(&psk, &policy, &err) != CR_OK || serve(&s, policy, &err) != CR_OK) {
        code = cli_fail(cli, &err, s.v->json);
    } else {
        code = s.ended && s.good ? CLI_OK : CLI_NEGATIVE;
    }
    psk_server_free(policy);
    ota_admin_server_free(s.session);
    cr_buf_free(&s.script);
    cr_buf_free(&s.key);
    (void)pthread_mutex_destroy(&s.lock);
    return code;
}

#define FIELD(member) .offset = offsetof(struct serve_values, member)

static const struct cli_option arguments[] = {
    {.name = "APDU",
     .kind = CLI_LIST,
     .help = "Commands of the script in hex, in their order.",
     .required = true,
     FIELD(apdus)},
};

static const struct cli_option options[] = {
    {.name = "listen",
     .kind = CLI_STRING,
     .metavar = "HOST:PORT",
     .fallback = "127.0.0.1:8443",
     .help = "Where cards connect; port 0 takes a free one.",
     FIELD(listen)},
    {.name = "psk",
     .kind = CLI_STRING,
     .metavar = "KEY",
     .help = "Key of the card's SCP81 set, in hex. " CLI_SECRET_HELP "from the terminal.",
     .required = true,
     FIELD(psk)},
    {.name = "identity",
     .kind = CLI_STRING,
     .metavar = "TEXT",
     .help = "The one PSK identity that is let in; unless given, everybody who has the key.",
     FIELD(identity)},
    {.name = "path",
     .kind = CLI_STRING,
     .metavar = "PATH",
     .fallback = "/gsma/adminagent",
     .help = "Path of the first request.",
     FIELD(path)},
    {.name = "target",
     .kind = CLI_STRING,
     .metavar = "AID",
     .help = "Application that the script is for, as remote file management; unless given, the "
             "security domain that called.",
     FIELD(target)},
    {.name = "port-file",
     .kind = CLI_STRING,
     .metavar = "FILE",
     .help = "Write the port there.",
     FIELD(port_file)},
    {.name = "forever",
     .kind = CLI_FLAG,
     .help = "Serve one session after the other until it is stopped.",
     FIELD(forever)},
    {.name = "json", .kind = CLI_FLAG, .help = "Print a JSON object a line.", FIELD(json)},
};

const struct cli_command cli_ota_serve = {
    .name = "serve",
    .summary = "serve sessions of a card's security domain over HTTPS",
    .description =
        "An OTA platform for one script: waits for the agent of a security domain (SCP81: TLS with "
        "a pre-shared key), gives it the script, prints what the card answers and ends the "
        "session. What makes a card call is crisp ota trigger.\n\n"
        "Exit status 4 when the card refuses the script or a command of it.",
    .options = options,
    .option_count = CR_COUNT(options),
    .arguments = arguments,
    .argument_count = CR_COUNT(arguments),
    .values_size = sizeof(struct serve_values),
    .run = serve_run,
    .examples = "# an operator changes POL1 of its profile (ES6)\n"
                "crisp ota serve --listen 0.0.0.0:8444 --psk @psk.hex"
                " 80E6200016000010A0000005591010FFFFFFFF8900000F0000000000"
                " 80E28800063A0603810103",
};
