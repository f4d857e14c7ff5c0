/*
 * The SM-SR at its edges: an SMSC at the other end of SMPP, an eUICC behind it, administration
 * sessions over TLS with pre-shared keys; stopped and started again in between.
 */
#include "world.h"

#include "../net/certs.h"
#include "net/psk.h"
#include "ota/admin_agent.h"
#include "ota/cattp.h"
#include "smsr/service.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define GET     "220580CA006600"
#define LONGEST 1500

/* For threads beside the test's own: its arena is not theirs, nor are its assertions. */
static const uint8_t answer[] = {0xAF, 0x80, 0x23, 0x02, 0x90, 0x00, 0x00, 0x00};
static uint8_t eid_bytes[OTA_EID], isdr_bytes[16];

struct rig {
    char dir[TEST_PATH];
    struct world w; /* the card, and works on the service's core */
    struct m2m_parties parties;
    struct smsr_service *service;
    bool no_https, cattp;
    struct smpp_server *smsc;
    pthread_mutex_t lock;
    size_t ids;
    char last_id[SMPP_MAX_ID + 1];
    struct smpp_message last;
    unsigned scripts;
    size_t cut; /* the first link of the card breaks after so many bytes of the SM-SR, each one
                   after twice, three times .. as many, up to LONGEST; 0 = none breaks */
};

/* ---- the SMSC ---- */

static bool admit(void *ctx, const char *system_id, const char *password)
{
    (void)ctx;
    return strcmp(system_id, "smsr") == 0 && strcmp(password, "secret") == 0;
}

static uint32_t on_submitted(void *ctx, const char *system_id, const struct smpp_message *message,
                             char id[SMPP_MAX_ID + 1])
{
    struct rig *r = ctx;
    (void)system_id;
    (void)pthread_mutex_lock(&r->lock);
    (void)snprintf(id, SMPP_MAX_ID + 1, "id%zu", ++r->ids);
    memcpy(r->last_id, id, sizeof r->last_id);
    r->last = *message;
    if (r->w.count < W_MESSAGES) {
        r->w.messages[r->w.count++] = *message;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return SMPP_OK;
}

static void on_delivered(void *ctx, uint64_t ref, uint32_t status)
{
    (void)ctx;
    (void)ref;
    (void)status; /* not bound yet: the test delivers again */
}

static size_t count_of(struct rig *r)
{
    (void)pthread_mutex_lock(&r->lock);
    const size_t count = r->w.count;
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

/* As long as it takes: a minute is for a machine that is busy with other things. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        for (int i_ = 0; !(condition); i_++) {                                                     \
            assert_true(i_ < 60000);                                                               \
            (void)usleep(1000);                                                                    \
        }                                                                                          \
    } while (0)

static void card_deliver(struct rig *r, uint8_t status, const char *data)
{
    struct card_out out;
    card_por(&r->w, status, data, &out);
    for (size_t i = 0; i < out.count; i++) {
        assert_int_equal(smpp_server_deliver(r->smsc, "smsr", &out.messages[i], i, NULL), CR_OK);
    }
}

/* ---- the SM-SR ---- */

static void rig_start(struct rig *r)
{
    const struct smsr_service_options options = {
        .core = {.dir = test_path(r->dir, "sr"), .parties = &r->parties, .env = cr_env_system()},
        .radio = &r->w.config,
        .no_https = r->no_https,
        .cattp = r->cattp,
        .workers = 4};
    struct cr_err err = {0};
    if (smsr_service_start(&options, &r->service, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    r->w.sr = smsr_service_core(r->service);
}

static void rig_restart(struct rig *r)
{
    smsr_service_stop(r->service);
    rig_start(r);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct test_ca ca;
    struct cr_err err = {0};
    assert_non_null(r);
    const struct test_leaf leaf = {.cn = "sr", .ip = "127.0.0.1", .without_policy = true};
    const char *ini = "[self]\noid = 1.3.6.1.4.1.9\nrole = smsr\naddress = https://127.0.0.1:1/\n"
                      "tls-cert = sr.pem\ntls-key = sr.key\nclient-ca = ca.pem\n";
    test_dir_make(r->dir);
    test_ca_make(&ca, "Parties CA", NULL);
    test_ca_write(&ca, r->dir, "ca", false);
    test_leaf_write(&leaf, &ca, r->dir, "sr", NULL, false);
    test_ca_free(&ca);
    assert_int_equal(cr_file_write(test_path(r->dir, "p.ini"), cr_span_str(ini), 0600, NULL),
                     CR_OK);
    if (m2m_parties_load(test_path(r->dir, "p.ini"), &r->parties, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    const struct smpp_server_options smsc = {.env = cr_env_system(),
                                             .ctx = r,
                                             .admit = admit,
                                             .submitted = on_submitted,
                                             .delivered = on_delivered};
    assert_int_equal(smpp_server_start(&smsc, &r->smsc, &err), CR_OK);
    char radio[400];
    (void)snprintf(radio, sizeof radio,
                   "[smsc other]\nport = 1\nsystem-id = smsr\npassword = x\nnumber = 4600\n"
                   "prefix = 46\n[smsc one]\nport = %u\nsystem-id = smsr\npassword = secret\n"
                   "number = +" W_SR "\n[radio]\ntries = 4\nrepeat-seconds = 61\n"
                   "trigger-seconds = 119\nresume-seconds = 121\n",
                   smpp_server_port(r->smsc));
    assert_int_equal(cr_file_write(test_path(r->dir, "r.ini"), cr_span_str(radio), 0600, NULL),
                     CR_OK);
    if (smsr_radio_load(test_path(r->dir, "r.ini"), &r->w.config, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_int_equal(r->w.config.tries, 4);
    assert_int_equal(r->w.config.repeat_ms, 61000);
    assert_int_equal(r->w.config.trigger_ms, 119000);
    assert_int_equal(r->w.config.resume_ms, 121000);
    memcpy(eid_bytes, vector(W_EID).p, OTA_EID);
    memcpy(isdr_bytes, vector(W_ISDR).p, 16);
    r->w.kic = r->w.kid = (struct ota_key){.algorithm = OTA_AES, .n = 16, .mac_size = 8};
    r->w.card_counter = 6;
    assert_int_equal(sms_assembler_new(NULL, &r->w.card_in, NULL), CR_OK);
    rig_start(r);
    world_run(&r->w, world_fill);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"smsr.db", "smsr.db-wal", "smsr.db-shm", "seal.key"};
    struct rig *r = *state;
    smsr_service_stop(r->service);
    smpp_server_stop(r->smsc);
    m2m_parties_free(&r->parties);
    smsr_radio_free(&r->w.config);
    sms_assembler_free(r->w.card_in);
    cr_buf_free(&r->w.command);
    for (size_t i = 0; i < CR_COUNT(files); i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "sr/%s", files[i]);
        (void)unlink(test_path(r->dir, name));
    }
    (void)rmdir(test_path(r->dir, "sr"));
    test_dir_remove(r->dir);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    return 0;
}

static void poke(struct rig *r)
{
    m2m_poke(smsr_messenger(r->w.sr));
}

/* ---- SMS ---- */

static void test_sms(void **state)
{
    struct rig *r = *state;
    enum ota_result result;
    const int64_t id = world_audit(&r->w);
    poke(r);
    UNTIL(count_of(r) == 1);
    assert_string_equal(r->last.to, W_NUMBER);
    assert_true(card_take(&r->w, 0, &result));
    rig_restart(r);
    assert_int_equal(world_look(&r->w, id).now.state, SMSR_STATE_SENT);
    /* The answer finds the SM-SR again: delivered as soon as it is bound. */
    for (int i = 0; world_look(&r->w, id).has_script; i++) {
        assert_true(i < 600);
        card_deliver(r, OTA_STATUS_NO_MEMORY, "");
        (void)usleep(100000);
    }
    assert_int_equal(world_look(&r->w, id).now.state, SMSR_STATE_FAILED);
    assert_int_equal(count_of(r), 1);
}

static void test_receipt(void **state)
{
    struct rig *r = *state;
    enum ota_result result;
    const int64_t id = world_audit(&r->w);
    poke(r);
    UNTIL(count_of(r) == 1);
    struct smpp_receipt receipt = {.state = 2};
    (void)pthread_mutex_lock(&r->lock);
    memcpy(receipt.id, r->last_id, sizeof receipt.id);
    const struct smpp_message about = r->last;
    (void)pthread_mutex_unlock(&r->lock);
    /* Delivered: nothing; another's id: nothing; undeliverable: the same again. */
    assert_int_equal(smpp_server_receipt(r->smsc, "smsr", &receipt, &about, NULL), CR_OK);
    struct smpp_receipt strange = {.id = "nobody", .state = 5};
    assert_int_equal(smpp_server_receipt(r->smsc, "smsr", &strange, &about, NULL), CR_OK);
    receipt.state = 5;
    assert_int_equal(smpp_server_receipt(r->smsc, "smsr", &receipt, &about, NULL), CR_OK);
    UNTIL(count_of(r) == 2);
    assert_memory_equal(r->w.messages[1].text, r->w.messages[0].text, r->w.messages[0].text_size);
    assert_true(card_take(&r->w, 1, &result));
    card_deliver(r, OTA_STATUS_NO_MEMORY, "");
    UNTIL(!world_look(&r->w, id).has_script);
}

/* ---- sessions ---- */

static enum ota_admin_status execute(void *ctx, const struct ota_aid *target, cr_span script,
                                     cr_buf *out)
{
    struct rig *r = ctx;
    (void)target;
    if (script.n > 4 && script.p[0] == OTA_TAG_COMMANDS_INDEFINITE) {
        r->scripts++;
    }
    cr_buf_append_span(out, CR_SPAN_ARRAY(answer));
    return OTA_ADMIN_OK;
}

static int dial(const struct rig *r)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(smsr_service_https_port(r->service)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    return fd;
}

static struct psk_engine *engine_of(uint8_t first)
{
    struct ota_psk_identity identity = {.aid = {.n = 16}, .key_id = 1, .kvn = 0x40};
    char text[OTA_PSK_IDENTITY_TEXT];
    uint8_t key[16];
    struct psk_engine *engine = NULL;
    memset(key, 0x77, sizeof key);
    key[0] = first;
    memcpy(identity.eid, eid_bytes, OTA_EID);
    memcpy(identity.aid.value, isdr_bytes, 16);
    ota_psk_identity_write(&identity, text);
    const struct psk_client_options options = {.identity = text, .key = CR_SPAN_ARRAY(key)};
    return psk_client_new(&options, &engine, NULL) == CR_OK ? engine : NULL;
}

static bool flush(struct psk_engine *tls, int fd)
{
    while (psk_engine_output(tls).n > 0) {
        const cr_span out = psk_engine_output(tls);
        const ssize_t n = send(fd, out.p, out.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        psk_engine_sent(tls, (size_t)n);
    }
    return true;
}

/* Reads once; false = the link is gone. *left: bytes until it breaks. */
static bool pull(struct psk_engine *tls, int fd, size_t *left)
{
    uint8_t bytes[4096];
    const size_t most = *left < sizeof bytes ? *left : sizeof bytes;
    const ssize_t n = most ? recv(fd, bytes, most, 0) : 0;
    *left -= n > 0 ? (size_t)n : 0;
    return n > 0 && psk_engine_feed(tls, cr_span_of(bytes, (size_t)n), NULL) == CR_OK;
}

/* One link of the card's session; what the agent says when it is over. */
static struct ota_agent_step one_link(const struct rig *r, struct ota_agent *agent, size_t left)
{
    struct ota_agent_step step = {.action = OTA_AGENT_OPEN};
    const int fd = dial(r);
    struct psk_engine *tls = engine_of(0x77);
    bool opened = false;
    while (tls && (step.action == OTA_AGENT_OPEN || step.action == OTA_AGENT_WAIT)) {
        if (!opened && psk_engine_state(tls) == PSK_OPEN) {
            opened = true;
            step = ota_agent_opened(agent);
        }
        const cr_span out = ota_agent_output(agent);
        if (opened && out.n) {
            if (psk_engine_send(tls, out, NULL) != CR_OK) {
                step = ota_agent_lost(agent);
                break;
            }
            ota_agent_sent(agent, out.n);
        }
        const cr_span in = psk_engine_input(tls);
        if (opened && in.n) {
            step = ota_agent_received(agent, in);
            if (psk_engine_used(tls, in.n, NULL) != CR_OK) {
                step = ota_agent_lost(agent);
            }
        } else if (!flush(tls, fd) || !pull(tls, fd, &left)) {
            step = ota_agent_lost(agent);
        }
    }
    psk_engine_free(tls);
    (void)close(fd);
    return step;
}

/* One administration session of the card; how it ended. */
static enum ota_agent_action session(struct rig *r)
{
    struct ota_agent_options options = {.aid = {.n = 16},
                                        .host = cr_span_str("127.0.0.1"),
                                        .uri = cr_span_str("/gsma/adminagent"),
                                        .retries = r->cut ? 100 : 0,
                                        .execute = execute,
                                        .ctx = r};
    struct ota_agent *agent = NULL;
    size_t cut = r->cut;
    memcpy(options.eid, eid_bytes, OTA_EID);
    memcpy(options.aid.value, isdr_bytes, 16);
    if (ota_agent_new(&options, &agent, NULL) != CR_OK) {
        return OTA_AGENT_FAILED;
    }
    struct ota_agent_step step = ota_agent_start(agent);
    while (step.action == OTA_AGENT_OPEN) {
        step = one_link(r, agent, cut ? cut : SIZE_MAX);
        if (step.action == OTA_AGENT_RETRY) {
            step = ota_agent_expired(agent);
            cut = cut < LONGEST ? cut + r->cut : r->cut;
        }
    }
    ota_agent_free(agent);
    return step.action;
}

static void *session_thread(void *ctx)
{
    struct rig *r = ctx;
    return session(r) == OTA_AGENT_CLOSE ? ctx : NULL;
}

static int64_t send_data(struct rig *r, bool more)
{
    const int64_t id = world_begin(&r->w, &(struct smsr_procedure){.kind = SMSR_PROC_SEND_DATA,
                                                                   .aid = vector(W_ISDP),
                                                                   .data = vector(GET),
                                                                   .more_to_do = more});
    poke(r);
    return id;
}

static void until_done(struct rig *r, int64_t id)
{
    UNTIL(world_look(&r->w, id).now.state == SMSR_STATE_DONE);
}

static void test_session(void **state)
{
    struct rig *r = *state;
    enum ota_result result;
    pthread_t thread;
    void *closed = NULL;
    const int64_t first = send_data(r, true);
    UNTIL(count_of(r) == 1);
    assert_true(card_take(&r->w, 0, &result));
    assert_memory_equal(r->w.command.p, "\x81\x00", 2);
    assert_int_equal(pthread_create(&thread, NULL, session_thread, r), 0);
    until_done(r, first);
    for (int i = 0; i < 5; i++) { /* the session stays, held or not */
        until_done(r, send_data(r, true));
    }
    (void)usleep(2500000); /* longer than a thread waits: held by the loop now */
    until_done(r, send_data(r, true));
    until_done(r, send_data(r, false));
    (void)pthread_join(thread, &closed);
    assert_ptr_equal(closed, r);
    assert_int_equal(r->scripts, 8);
    assert_int_equal(count_of(r), 1); /* one trigger for all of them */
}

static void test_stopped_while_held(void **state)
{
    struct rig *r = *state;
    pthread_t thread;
    r->w.config.channel = SMSR_HTTPS;
    const int64_t first = send_data(r, true);
    assert_int_equal(pthread_create(&thread, NULL, session_thread, r), 0);
    until_done(r, first);
    rig_restart(r);
    (void)pthread_join(thread, NULL);
    /* The next session begins where nothing is owed. */
    const int64_t second = send_data(r, false);
    assert_int_equal(session(r), OTA_AGENT_CLOSE);
    until_done(r, second);
}

/* The links break in the handshake, in an answer, behind one; the SM-SR is told, and is stopped and
 * started in between. */
static void test_broken_links(void **state)
{
    static const size_t cuts[] = {37, 97, 131, 251, 463, 750};
    struct rig *r = *state;
    unsigned scripts = 0;
    r->w.config.channel = SMSR_HTTPS;
    for (size_t i = 0; i < CR_COUNT(cuts); i++) {
        pthread_t thread;
        void *closed = NULL;
        r->cut = cuts[i];
        if (i % 2) {
            rig_restart(r);
        }
        int64_t id = send_data(r, true);
        assert_int_equal(pthread_create(&thread, NULL, session_thread, r), 0);
        for (int k = 0; k < 3; k++, scripts++) {
            until_done(r, id);
            smsr_service_tick(r->service);
            id = send_data(r, k < 2);
        }
        until_done(r, id);
        scripts++;
        (void)pthread_join(thread, &closed);
        assert_ptr_equal(closed, r);
        assert_int_equal(r->scripts, scripts);
    }
}

static void test_wrong_key(void **state)
{
    struct rig *r = *state;
    size_t left = SIZE_MAX;
    (void)send_data(r, false);
    const int fd = dial(r);
    struct psk_engine *tls = engine_of(0x78);
    while (flush(tls, fd) && pull(tls, fd, &left) && psk_engine_state(tls) == PSK_HANDSHAKE) {
    }
    assert_int_not_equal(psk_engine_state(tls), PSK_OPEN);
    psk_engine_free(tls);
    (void)close(fd);
    assert_int_equal(r->scripts, 0);
}

/* A body of chunks without an end: cut at its limit. */
static void test_endless(void **state)
{
    struct rig *r = *state;
    const char *head = "POST /gsma/adminagent HTTP/1.1\r\nHost: x\r\n"
                       "X-Admin-Protocol: globalplatform-remote-admin/1.0\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n";
    char chunk[1040];
    size_t left = SIZE_MAX;
    (void)snprintf(chunk, sizeof chunk, "400\r\n%01024d\r\n", 0);
    const int fd = dial(r);
    struct psk_engine *tls = engine_of(0x77);
    while (psk_engine_state(tls) == PSK_HANDSHAKE) {
        assert_true(flush(tls, fd) && pull(tls, fd, &left));
    }
    assert_int_equal(psk_engine_send(tls, cr_span_str(head), NULL), CR_OK);
    for (int i = 0; i < 2 * OTA_SCRIPT_MAX / 1024; i++) {
        if (psk_engine_send(tls, cr_span_str(chunk), NULL) != CR_OK || !flush(tls, fd)) {
            break;
        }
    }
    while (psk_engine_input(tls).n == 0 && pull(tls, fd, &left)) {
    }
    const cr_span in = psk_engine_input(tls);
    assert_true(in.n == 0 || memcmp(in.p, "HTTP/1.1 413", 12) == 0);
    psk_engine_free(tls);
    (void)close(fd);
}

/* ---- links -------------------------------------------------------------------------------------
 */

/* The card's end of a link over a socket. */
struct dialler {
    struct rig *r;
    struct cattp_link *link;
    int fd;
    unsigned answered;
    bool over;
};

static int64_t clock_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_transmit(void *ctx, cr_span datagram)
{
    const struct dialler *d = ctx;
    (void)!send(d->fd, datagram.p, datagram.n, 0);
}

/* Executes whatever it is. */
static void on_sdu(void *ctx, cr_span sdu)
{
    struct dialler *d = ctx;
    const struct ota_keys keys = {&d->r->w.kic, &d->r->w.kid};
    struct ota_command_header header;
    struct ota_command command;
    struct ota_response_fields fields;
    cr_buf scratch = {.secret = true}, packet = {0};
    assert_int_equal(ota_command_read(OTA_BIP, sdu, &header, NULL), OTA_OK);
    assert_int_equal(ota_command_open(&header, keys, &scratch, &command, NULL), OTA_OK);
    assert_true(command.counter > d->r->w.card_counter);
    d->r->w.card_counter = command.counter;
    ota_response_fields_of(&header, command.counter, &fields);
    assert_int_equal(ota_response_build(&fields, keys, OTA_STATUS_OK, vector("AB0780010123029000"),
                                        &packet, NULL),
                     CR_OK);
    assert_int_equal(cattp_send(d->link, cr_buf_span(&packet), clock_ms(), NULL), CR_OK);
    d->answered++;
    cr_buf_free(&scratch);
    cr_buf_free(&packet);
}

static void on_over(void *ctx, enum cattp_end end, uint8_t reason)
{
    struct dialler *d = ctx;
    (void)end;
    (void)reason;
    d->over = true;
}

static void dialler_open(struct dialler *d, struct rig *r)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(smsr_service_cattp_port(r->service)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *d = (struct dialler){.r = r, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const struct cattp_options options = {
        .source = 0x4001,
        .destination = 10000,
        .identification = CR_SPAN_ARRAY(eid_bytes),
        .callbacks = {.transmit = on_transmit, .received = on_sdu, .closed = on_over},
        .ctx = d};
    assert_int_equal(connect(d->fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(cattp_new(&options, &d->link, NULL), CR_OK);
    assert_int_equal(cattp_connect(d->link, clock_ms(), NULL), CR_OK);
}

static void dialler_step(struct dialler *d)
{
    struct pollfd fd = {.fd = d->fd, .events = POLLIN};
    uint8_t bytes[CATTP_PDU_MAX];
    if (poll(&fd, 1, 5) > 0) {
        const ssize_t n = recv(d->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0) {
            cattp_input(d->link, cr_span_of(bytes, (size_t)n), clock_ms());
        }
    }
    if (clock_ms() >= cattp_deadline(d->link)) {
        cattp_tick(d->link, clock_ms());
    }
}

static void dialler_close(struct dialler *d)
{
    cattp_free(d->link);
    (void)close(d->fd);
}

static cr_status with_cattp(struct world *w, struct store_tx *tx, struct cr_err *err)
{
    (void)w;
    return store_exec(tx, "UPDATE euicc SET cattp = 1", NULL, NULL, NULL, NULL, err);
}

static void test_link(void **state)
{
    struct rig *r = *state;
    struct dialler d;
    enum ota_result result;
    world_run(&r->w, with_cattp);
    r->w.config.channel = SMSR_CATTP;
    r->cattp = r->w.config.cattp = r->no_https = true;
    rig_restart(r);
    assert_int_not_equal(smsr_service_cattp_port(r->service), 0);
    int64_t id = send_data(r, true);
    UNTIL(count_of(r) == 1);
    assert_true(card_take(&r->w, 0, &result)); /* the push SMS */
    dialler_open(&d, r);
    for (unsigned n = 1; n <= 6; n++) { /* one link for all of them */
        while (world_look(&r->w, id).now.state != SMSR_STATE_DONE) {
            dialler_step(&d);
        }
        assert_int_equal(d.answered, n);
        id = n < 6 ? send_data(r, n < 5) : id;
    }
    assert_int_equal(count_of(r), 1);
    smsr_service_stop(r->service); /* it says so to its links */
    while (!d.over) {
        dialler_step(&d);
    }
    dialler_close(&d);
    rig_start(r);
    assert_int_equal(world_look(&r->w, id).now.state, SMSR_STATE_DONE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sms),          TEST(test_receipt),
        TEST(test_session),      TEST(test_stopped_while_held),
        TEST(test_broken_links), TEST(test_wrong_key),
        TEST(test_endless),      TEST(test_link),
    };
    return cmocka_run_group_tests(tests, NULL, vector_teardown);
}
