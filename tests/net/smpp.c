/*
 * SMPP 3.4: PDUs against bytes written by hand from the standard, both ends against each other, and
 * against peers that misbehave.
 */
#include "../base/test.h"

#include "base/text.h"
#include "net/smpp_pdu.h"

#include <arpa/inet.h>
#include <smpp34.h>
#include <smpp34_structs.h>

#include <pthread.h>
#include <smpp34_params.h> /* wants the types of the one before */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- PDUs --------------------------------------------------------------------------------------
 */

/* submit_sm of a secured packet: SMPP 3.4 4.4.1, field by field. */
static const char submit[] = "0000003D"
                             "00000004"
                             "00000000"
                             "00000007" /* header */
                             "00"       /* service_type */
                             "01"
                             "01"
                             "3132333400" /* source */
                             "01"
                             "01"
                             "34343132333400" /* destination */
                             "40"
                             "7F"
                             "00" /* esm_class UDHI, protocol_id, priority */
                             "00"
                             "00" /* schedule, validity */
                             "01"
                             "00"
                             "F6"
                             "00" /* receipt wanted, replace, coding, default */
                             "12" /* 18 bytes */
                             "027000000D150000000000000000AABBCCDD";

static void test_pdu(void **state)
{
    (void)state;
    cr_buf bytes = {0}, again = {0};
    struct smpp_pdu pdu;
    bool known;
    assert_int_equal(cr_hex_decode(&bytes, cr_span_str(submit), NULL), CR_OK);
    assert_int_equal(smpp_pdu_length(bytes.p), bytes.n);
    assert_true(smpp_pdu_read(cr_buf_span(&bytes), &pdu, &known));
    assert_int_equal(pdu.sequence, 7);
    assert_string_equal(pdu.message.from, "1234");
    assert_string_equal(pdu.message.to, "441234");
    assert_int_equal(pdu.message.esm_class, SMPP_UDHI);
    assert_int_equal(pdu.message.protocol_id, 0x7F);
    assert_int_equal(pdu.message.data_coding, 0xF6);
    assert_int_equal(pdu.message.text_size, 18);
    assert_int_equal(pdu.message.text[17], 0xDD);
    assert_true(smpp_pdu_write(&pdu, &again));
    assert_true(cr_span_equal(cr_buf_span(&bytes), cr_buf_span(&again)));
    /* Truncated at every byte, and every other length. */
    for (size_t n = 0; n < bytes.n; n++) {
        assert_false(smpp_pdu_read(cr_span_of(bytes.p, n), &pdu, &known));
        uint8_t copy[128];
        memcpy(copy, bytes.p, bytes.n);
        copy[3] = (uint8_t)n;
        assert_false(smpp_pdu_read(cr_span_of(copy, n), &pdu, &known) && n != SMPP_HEADER);
    }
    cr_buf_free(&bytes);
    cr_buf_free(&again);
}

static void test_pdu_limits(void **state)
{
    (void)state;
    static const uint8_t shorter[4] = {0, 0, 0, 15}, longer[4] = {0, 0, 8, 1}, huge[4] = {0xFF};
    assert_int_equal(smpp_pdu_length(shorter), 0);
    assert_int_equal(smpp_pdu_length(longer), 0);
    assert_int_equal(smpp_pdu_length(huge), 0);
    struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM, .sequence = 1};
    cr_buf out = {0};
    pdu.message.text_size = SMPP_MAX_TEXT + 1;
    assert_false(smpp_pdu_write(&pdu, &out));
    pdu.message.text_size = SMPP_MAX_TEXT;
    assert_true(smpp_pdu_write(&pdu, &out));
    bool known;
    struct smpp_pdu back;
    assert_true(smpp_pdu_read(cr_buf_span(&out), &back, &known));
    assert_int_equal(back.message.text_size, SMPP_MAX_TEXT);
    /* A receipt with its optional parameters. */
    cr_buf_reset(&out);
    pdu = (struct smpp_pdu){
        .command = SMPP_DELIVER_SM, .sequence = 1, .id = "abc-1", .message_state = 2};
    pdu.message.esm_class = SMPP_RECEIPT;
    assert_true(smpp_pdu_write(&pdu, &out));
    assert_true(smpp_pdu_read(cr_buf_span(&out), &back, &known));
    assert_string_equal(back.id, "abc-1");
    assert_int_equal(back.message_state, 2);
    /* A command of the standard that is not spoken here. */
    static const uint8_t query[] = {0, 0, 0, 16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9};
    assert_false(smpp_pdu_read(CR_SPAN_ARRAY(query), &back, &known));
    assert_false(known);
    assert_int_equal(back.sequence, 9);
    cr_buf_free(&out);
}

/* What another implementation reads of ours, and we of its. */
static void test_stranger(void **state)
{
    (void)state;
    submit_sm_t theirs = {.command_id = SUBMIT_SM, .sequence_number = 9};
    struct smpp_pdu ours = {.command = SMPP_SUBMIT_SM, .sequence = 9}, back;
    uint8_t bytes[SMPP_MAX_PDU];
    int n = 0;
    bool known;
    cr_buf out = {0};
    theirs.source_addr_ton = ours.message.from_ton = 1;
    theirs.dest_addr_npi = ours.message.to_npi = 1;
    theirs.esm_class = ours.message.esm_class = SMPP_UDHI;
    theirs.protocol_id = ours.message.protocol_id = 0x7F;
    theirs.data_coding = ours.message.data_coding = 0xF6;
    theirs.registered_delivery = ours.message.registered_delivery = 1;
    theirs.sm_length = 140;
    ours.message.text_size = 140;
    memset(theirs.short_message, 0x5A, 140);
    memset(ours.message.text, 0x5A, 140);
    (void)snprintf((char *)theirs.source_addr, sizeof theirs.source_addr, "1234");
    (void)snprintf(ours.message.from, sizeof ours.message.from, "1234");
    (void)snprintf((char *)theirs.destination_addr, sizeof theirs.destination_addr, "449876");
    (void)snprintf(ours.message.to, sizeof ours.message.to, "449876");
    assert_int_equal(smpp34_pack2(bytes, sizeof bytes, &n, &theirs), 0);
    assert_true(smpp_pdu_write(&ours, &out));
    assert_true(cr_span_equal(cr_buf_span(&out), cr_span_of(bytes, (size_t)n)));
    assert_true(smpp_pdu_read(cr_span_of(bytes, (size_t)n), &back, &known));
    assert_memory_equal(&back, &ours, sizeof ours);
    /* A receipt with optional parameters, and a bind. */
    deliver_sm_t receipt = {0};
    struct smpp_pdu named = {
        .command = SMPP_DELIVER_SM, .sequence = 3, .id = "abc-1", .message_state = 2};
    cr_buf_reset(&out);
    assert_true(smpp_pdu_write(&named, &out));
    assert_int_equal(smpp34_unpack2(&receipt, out.p, (int)out.n), 0);
    /* Its list has the last one first. */
    assert_int_equal(receipt.tlv->value.val08, 2);
    assert_int_equal(receipt.tlv->next->tag, TLVID_receipted_message_id);
    assert_string_equal((char *)receipt.tlv->next->value.octet, "abc-1");
    destroy_tlv(receipt.tlv);
    bind_transceiver_t bind = {0};
    struct smpp_pdu asked = {
        .command = SMPP_BIND_TRANSCEIVER, .sequence = 1, .system_id = "smsr", .password = "secret"};
    cr_buf_reset(&out);
    assert_true(smpp_pdu_write(&asked, &out));
    assert_int_equal(smpp34_unpack2(&bind, out.p, (int)out.n), 0);
    assert_string_equal((char *)bind.system_id, "smsr");
    assert_string_equal((char *)bind.password, "secret");
    assert_int_equal(bind.interface_version, SMPP_VERSION);
    cr_buf_free(&out);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_true(smpp_same_number("+441234", "441234"));
    assert_true(smpp_same_number("1", "1"));
    assert_false(smpp_same_number("441234", "1234"));
    assert_false(smpp_same_number("", "+"));
}

/* ---- both ends ---------------------------------------------------------------------------------
 */

struct rig {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct smpp_server *server;
    struct smpp_client *client;
    /* Server's side. */
    int submitted;
    uint32_t answer;
    struct smpp_message last;
    int delivered;
    uint32_t delivery_status;
    /* Client's side. */
    int ends, ok, lost, throttled, received, receipts, binds, unbinds;
    uint64_t last_ref;
    char last_id[SMPP_MAX_ID + 1];
    uint8_t receipt_state;
    struct smpp_message got;
    bool later; /* answers are given by the test */
    int full;   /* answers that the queue is full */
    uint64_t tickets[4];
};

#define LOCKED(r, what)                                                                            \
    do {                                                                                           \
        (void)pthread_mutex_lock(&(r)->lock);                                                      \
        what;                                                                                      \
        (void)pthread_cond_broadcast(&(r)->moved);                                                 \
        (void)pthread_mutex_unlock(&(r)->lock);                                                    \
    } while (0)

static void wait_for(struct rig *r, const int *count, int value)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&r->lock);
    int rc = 0;
    while (*count < value && rc == 0) {
        rc = pthread_cond_timedwait(&r->moved, &r->lock, &until);
    }
    int reached = *count;
    (void)pthread_mutex_unlock(&r->lock);
    if (reached < value) {
        fail_msg("%d of %d", reached, value);
    }
}

static bool admit(void *ctx, const char *system_id, const char *password)
{
    (void)ctx;
    return strcmp(system_id, "smsr") == 0 && strcmp(password, "secret") == 0;
}

static uint32_t server_submitted(void *ctx, const char *system_id,
                                 const struct smpp_message *message, char id[SMPP_MAX_ID + 1])
{
    struct rig *r = ctx;
    uint32_t answer;
    (void)system_id;
    LOCKED(r, {
        r->last = *message;
        r->submitted++;
        answer = r->answer;
        (void)snprintf(id, SMPP_MAX_ID + 1, "m%d", r->submitted);
    });
    return answer;
}

static void server_delivered(void *ctx, uint64_t ref, uint32_t status)
{
    struct rig *r = ctx;
    LOCKED(r, {
        r->delivered++;
        r->delivery_status = status;
        r->last_ref = ref;
    });
}

static void client_submitted(void *ctx, uint64_t ref, uint32_t status, const char *id)
{
    struct rig *r = ctx;
    LOCKED(r, {
        r->ends++;
        r->ok += status == SMPP_OK;
        r->lost += status == SMPP_LOST;
        r->throttled += status == SMPP_THROTTLED;
        r->last_ref = ref;
        (void)snprintf(r->last_id, sizeof r->last_id, "%s", id);
    });
}

static uint32_t client_received(void *ctx, const struct smpp_message *message)
{
    struct rig *r = ctx;
    LOCKED(r, {
        r->received++;
        r->got = *message;
    });
    return SMPP_OK;
}

static void client_arrived(void *ctx, const struct smpp_message *message, uint64_t ticket)
{
    struct rig *r = ctx;
    LOCKED(r, {
        r->tickets[r->received % 4] = ticket;
        r->received++;
        r->got = *message;
    });
}

static void client_receipt(void *ctx, const struct smpp_receipt *receipt)
{
    struct rig *r = ctx;
    LOCKED(r, {
        r->receipts++;
        r->receipt_state = receipt->state;
        (void)snprintf(r->last_id, sizeof r->last_id, "%s", receipt->id);
    });
}

static void client_bound(void *ctx, bool bound)
{
    struct rig *r = ctx;
    LOCKED(r, bound ? r->binds++ : r->unbinds++);
}

static void server_start(struct rig *r, uint16_t port)
{
    const struct smpp_server_options options = {.port = port,
                                                .env = cr_env_system(),
                                                .ctx = r,
                                                .admit = admit,
                                                .submitted = server_submitted,
                                                .delivered = server_delivered};
    struct cr_err err = {0};
    if (smpp_server_start(&options, &r->server, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
}

static void client_start(struct rig *r, uint16_t port, const char *password, unsigned per_second)
{
    const struct smpp_client_options options = {.port = port,
                                                .system_id = "smsr",
                                                .password = password,
                                                .answer_seconds = 2,
                                                .per_second = per_second,
                                                .env = cr_env_system(),
                                                .ctx = r,
                                                .submitted = client_submitted,
                                                .received = client_received,
                                                .arrived = r->later ? client_arrived : NULL,
                                                .receipt = client_receipt,
                                                .bound = client_bound};
    struct cr_err err = {0};
    assert_int_equal(smpp_client_start(&options, &r->client, &err), CR_OK);
}

static struct smpp_message message_of(int n);

/* Answers that come later, in another order, and one that comes when its link is over. */
static void test_answered_later(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    r->later = true;
    server_start(r, 0);
    const uint16_t port = smpp_server_port(r->server);
    client_start(r, port, "secret", 0);
    wait_for(r, &r->binds, 1);
    for (int n = 0; n < 3; n++) {
        const struct smpp_message m = message_of(n);
        assert_int_equal(smpp_server_deliver(r->server, "smsr", &m, (uint64_t)n + 70, &err), CR_OK);
    }
    wait_for(r, &r->received, 3); /* none holds up the ones behind it */
    assert_int_equal(r->delivered, 0);
    smpp_client_answer(r->client, r->tickets[2], SMPP_SYSTEM);
    wait_for(r, &r->delivered, 1);
    assert_int_equal(r->last_ref, 72);
    assert_int_equal(r->delivery_status, SMPP_SYSTEM);
    smpp_client_answer(r->client, r->tickets[0], SMPP_OK);
    wait_for(r, &r->delivered, 2);
    assert_int_equal(r->last_ref, 70);
    assert_int_equal(r->delivery_status, SMPP_OK);
    /* The link ends before the second one is answered. */
    smpp_server_stop(r->server);
    wait_for(r, &r->delivered, 3);
    assert_int_equal(r->delivery_status, SMPP_LOST);
    wait_for(r, &r->unbinds, 1);
    server_start(r, port);
    wait_for(r, &r->binds, 2);
    smpp_client_answer(r->client, r->tickets[1], SMPP_OK);
    const struct smpp_message m = message_of(4);
    assert_int_equal(smpp_server_deliver(r->server, "smsr", &m, 80, &err), CR_OK);
    wait_for(r, &r->received, 4);
    assert_int_equal(r->delivered, 3); /* the sequence number is the same, the link is not */
    smpp_client_answer(r->client, r->tickets[3], SMPP_OK);
    wait_for(r, &r->delivered, 4);
    assert_int_equal(r->last_ref, 80);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->moved, NULL);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    smpp_client_stop(r->client);
    smpp_server_stop(r->server);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->moved);
    free(r);
    return 0;
}

static struct smpp_message message_of(int n)
{
    struct smpp_message m = {.from_ton = 1,
                             .from_npi = 1,
                             .to_ton = 1,
                             .to_npi = 1,
                             .esm_class = SMPP_UDHI,
                             .protocol_id = 0x7F,
                             .data_coding = 0xF6,
                             .registered_delivery = 1,
                             .text_size = 140};
    (void)snprintf(m.from, sizeof m.from, "1234");
    (void)snprintf(m.to, sizeof m.to, "44%06d", n);
    memset(m.text, n, m.text_size);
    return m;
}

static void submit_one(struct rig *r, int n)
{
    struct smpp_message m = message_of(n);
    struct cr_err err = {0};
    assert_int_equal(smpp_client_submit(r->client, &m, (uint64_t)n, &err), CR_OK);
}

static void test_there_and_back(void **state)
{
    struct rig *r = *state;
    server_start(r, 0);
    client_start(r, smpp_server_port(r->server), "secret", 0);
    wait_for(r, &r->binds, 1);
    submit_one(r, 5);
    wait_for(r, &r->ends, 1);
    assert_int_equal(r->ok, 1);
    assert_int_equal(r->last_ref, 5);
    assert_string_equal(r->last_id, "m1");
    struct smpp_message m = message_of(5);
    assert_memory_equal(&r->last, &m, sizeof m);
    /* The other way. */
    struct cr_err err = {0};
    m = message_of(6);
    assert_int_equal(smpp_server_deliver(r->server, "smsr", &m, 77, &err), CR_OK);
    wait_for(r, &r->delivered, 1);
    assert_int_equal(r->delivery_status, SMPP_OK);
    assert_int_equal(r->last_ref, 77);
    assert_memory_equal(&r->got, &m, sizeof m);
    /* A receipt. */
    const struct smpp_receipt receipt = {.id = "m1", .state = 2};
    assert_int_equal(smpp_server_receipt(r->server, "smsr", &receipt, &m, &err), CR_OK);
    wait_for(r, &r->receipts, 1);
    assert_int_equal(r->receipt_state, 2);
    assert_string_equal(r->last_id, "m1");
    assert_int_equal(r->received, 1);
    /* Nobody is bound under that name. */
    assert_int_equal(smpp_server_deliver(r->server, "other", &m, 78, &err), CR_OK);
    wait_for(r, &r->delivered, 2);
    assert_int_equal(r->delivery_status, SMPP_LOST);
}

/* Many at once: all arrive, in order, in a window. */
static void test_many(void **state)
{
    struct rig *r = *state;
    server_start(r, 0);
    client_start(r, smpp_server_port(r->server), "secret", 0);
    for (int i = 0; i < 2000; i++) {
        submit_one(r, i);
    }
    wait_for(r, &r->ends, 2000);
    assert_int_equal(r->ok, 2000);
    assert_int_equal(r->submitted, 2000);
    assert_string_equal(r->last.to, "44001999");
}

static void test_wrong_password(void **state)
{
    struct rig *r = *state;
    server_start(r, 0);
    client_start(r, smpp_server_port(r->server), "wrong", 0);
    submit_one(r, 1);
    smpp_client_stop(r->client);
    r->client = NULL;
    assert_int_equal(r->binds, 0);
    assert_int_equal(r->submitted, 0);
    assert_int_equal(r->lost, 1); /* told at the end */
}

static void test_throttled(void **state)
{
    struct rig *r = *state;
    r->answer = SMPP_THROTTLED;
    server_start(r, 0);
    client_start(r, smpp_server_port(r->server), "secret", 0);
    submit_one(r, 1);
    wait_for(r, &r->ends, 1);
    assert_int_equal(r->throttled, 1);
    LOCKED(r, r->answer = SMPP_OK);
    submit_one(r, 2);
    wait_for(r, &r->ok, 1); /* after its pause */
}

/* The SMSC goes away and comes back: the client binds again, and what waited goes out. */
static void test_reconnect(void **state)
{
    struct rig *r = *state;
    server_start(r, 0);
    uint16_t port = smpp_server_port(r->server);
    client_start(r, port, "secret", 0);
    wait_for(r, &r->binds, 1);
    smpp_server_stop(r->server);
    r->server = NULL;
    wait_for(r, &r->unbinds, 1);
    submit_one(r, 3);
    server_start(r, port);
    wait_for(r, &r->binds, 2);
    wait_for(r, &r->ok, 1);
    assert_int_equal(r->submitted, 1);
}

static void test_limits(void **state)
{
    struct rig *r = *state;
    struct cr_err err = {0};
    /* No server: the queue fills, and says so. */
    server_start(r, 0);
    uint16_t port = smpp_server_port(r->server);
    smpp_server_stop(r->server);
    r->server = NULL;
    client_start(r, port, "secret", 0);
    struct smpp_message m = message_of(1);
    for (int i = 0; i < SMPP_MAX_QUEUE; i++) {
        assert_int_equal(smpp_client_submit(r->client, &m, 1, &err), CR_OK);
    }
    assert_int_equal(smpp_client_submit(r->client, &m, 1, &err), CR_RESOURCE);
    smpp_client_stop(r->client);
    r->client = NULL;
    assert_int_equal(r->lost, SMPP_MAX_QUEUE);
    struct smpp_client *client;
    const struct smpp_client_options longer = {
        .port = 1, .system_id = "0123456789012345", .password = "x", .env = cr_env_system()};
    assert_int_equal(smpp_client_start(&longer, &client, &err), CR_REFUSED);
    const struct smpp_client_options password = {
        .port = 1, .system_id = "x", .password = "123456789", .env = cr_env_system()};
    assert_int_equal(smpp_client_start(&password, &client, &err), CR_REFUSED);
    struct smpp_server *server;
    const struct smpp_server_options nowhere = {.host = "192.0.2.1", .env = cr_env_system()};
    assert_int_equal(smpp_server_start(&nowhere, &server, &err), CR_RESOURCE);
    const struct smpp_server_options nonsense = {.host = "no address", .env = cr_env_system()};
    assert_int_equal(smpp_server_start(&nonsense, &server, &err), CR_REFUSED);
}

/* ---- hostile peers -----------------------------------------------------------------------------
 */

static int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval limit = {.tv_sec = 60};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends hex, reads one PDU; false = the connection was ended. */
static bool exchange(int fd, const char *hex, struct smpp_pdu *out)
{
    cr_buf bytes = {0};
    uint8_t in[SMPP_MAX_PDU];
    size_t n = 0;
    bool known;
    assert_int_equal(cr_hex_decode(&bytes, cr_span_str(hex), NULL), CR_OK);
    assert_int_equal(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), (ssize_t)bytes.n);
    cr_buf_free(&bytes);
    while (n < SMPP_HEADER || n < smpp_pdu_length(in)) {
        ssize_t got = recv(fd, in + n, 1, 0);
        if (got <= 0) {
            return false;
        }
        n++;
    }
    assert_true(smpp_pdu_read(cr_span_of(in, n), out, &known));
    return true;
}

static void test_hostile_client(void **state)
{
    struct rig *r = *state;
    struct smpp_pdu pdu;
    server_start(r, 0);
    uint16_t port = smpp_server_port(r->server);
    int fd = dial(port);
    /* Before a bind nothing is taken. */
    assert_true(exchange(fd, submit, &pdu));
    assert_int_equal(pdu.command, SMPP_SUBMIT_SM | SMPP_RESPONSE);
    assert_int_equal(pdu.status, SMPP_BIND_FIRST);
    /* Unknown command: generic_nack with its sequence number. */
    assert_true(exchange(fd, "00000010000000030000000000000009", &pdu));
    assert_int_equal(pdu.command, SMPP_GENERIC_NACK);
    assert_int_equal(pdu.sequence, 9);
    /* A body that is not one. */
    assert_true(exchange(fd, "0000001100000004000000000000000A41", &pdu));
    assert_int_equal(pdu.command, SMPP_GENERIC_NACK);
    /* An answer to nothing is dropped, enquire_link is answered. */
    assert_true(exchange(fd,
                         "0000001080000004000000000000000B"
                         "00000010000000150000000000000001",
                         &pdu));
    assert_int_equal(pdu.command, SMPP_ENQUIRE_LINK | SMPP_RESPONSE);
    /* unbind is answered, and ends it. */
    assert_true(exchange(fd, "00000010000000060000000000000002", &pdu));
    assert_int_equal(pdu.command, SMPP_UNBIND | SMPP_RESPONSE);
    uint8_t byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    (void)close(fd);
    /* Lengths that cannot be end it without an answer. */
    static const char *const bad[] = {"0000000F00000004", "FFFFFFFF0000000400000000", "47455420",
                                      "00000000000000000000000000000000"};
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        char hex[64];
        (void)snprintf(hex, sizeof hex, "%s%s", bad[i], "000000000000000000000000");
        fd = dial(port);
        assert_false(exchange(fd, hex, &pdu));
        (void)close(fd);
    }
    assert_int_equal(r->submitted, 0);
    /* It serves on. */
    client_start(r, port, "secret", 0);
    submit_one(r, 1);
    wait_for(r, &r->ok, 1);
}

/* An SMSC that binds and then never answers: the message is told as lost. */
static void *mute_smsc(void *ctx)
{
    int listener = *(int *)ctx;
    int fd = accept(listener, NULL, NULL);
    uint8_t in[1024];
    /* bind_transceiver_resp to sequence 1 */
    static const uint8_t bound[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    (void)recv(fd, in, sizeof in, 0);
    (void)send(fd, bound, sizeof bound, MSG_NOSIGNAL);
    while (recv(fd, in, sizeof in, 0) > 0) {
    }
    (void)close(fd);
    return NULL;
}

static void test_mute_server(void **state)
{
    struct rig *r = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, mute_smsc, &listener), 0);
    client_start(r, ntohs(address.sin_port), "secret", 0);
    wait_for(r, &r->binds, 1);
    submit_one(r, 1);
    wait_for(r, &r->lost, 1);
    smpp_client_stop(r->client);
    r->client = NULL;
    (void)pthread_join(thread, NULL);
    (void)close(listener);
}

/* Sends more messages than may wait, without looking at the answers before the end. */
#define FLOOD (SMPP_MAX_ARRIVED + 5)

struct flood {
    struct rig *r;
    int listener;
};

static void *flooding_smsc(void *ctx)
{
    struct flood *f = ctx;
    int fd = accept(f->listener, NULL, NULL);
    uint8_t in[1024];
    static const uint8_t bound[] = {0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    (void)recv(fd, in, sizeof in, 0);
    (void)send(fd, bound, sizeof bound, MSG_NOSIGNAL);
    for (uint32_t i = 0; i < FLOOD; i++) {
        const struct smpp_pdu pdu = {
            .command = SMPP_DELIVER_SM, .sequence = 10 + i, .message = message_of(1)};
        cr_buf bytes = {0};
        (void)(smpp_pdu_write(&pdu, &bytes) && send(fd, bytes.p, bytes.n, MSG_NOSIGNAL) > 0);
        cr_buf_free(&bytes);
    }
    while (recv(fd, in, SMPP_HEADER, MSG_WAITALL) == SMPP_HEADER) {
        const size_t rest = smpp_pdu_length(in) - SMPP_HEADER;
        const int full = in[11] == (uint8_t)SMPP_QUEUE_FULL;
        LOCKED(f->r, f->r->full += full);
        if (rest && recv(fd, in, rest, MSG_WAITALL) <= 0) {
            break;
        }
    }
    (void)close(fd);
    return NULL;
}

static void test_too_many_arrive(void **state)
{
    struct rig *r = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    struct flood f = {.r = r, .listener = socket(AF_INET, SOCK_STREAM, 0)};
    pthread_t thread;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(f.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f.listener, 1), 0);
    assert_int_equal(getsockname(f.listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, flooding_smsc, &f), 0);
    r->later = true;
    client_start(r, ntohs(address.sin_port), "secret", 0);
    wait_for(r, &r->received, SMPP_MAX_ARRIVED);
    wait_for(r, &r->full, FLOOD - SMPP_MAX_ARRIVED);
    smpp_client_stop(r->client);
    r->client = NULL;
    (void)pthread_join(thread, NULL);
    (void)close(f.listener);
    assert_int_equal(r->full, FLOOD - SMPP_MAX_ARRIVED);
    assert_int_equal(r->received, SMPP_MAX_ARRIVED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdu),
        cmocka_unit_test(test_pdu_limits),
        cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_numbers),
        TEST(test_there_and_back),
        TEST(test_answered_later),
        TEST(test_too_many_arrive),
        TEST(test_many),
        TEST(test_wrong_password),
        TEST(test_throttled),
        TEST(test_reconnect),
        TEST(test_limits),
        TEST(test_hostile_client),
        TEST(test_mute_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
