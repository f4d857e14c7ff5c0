/* CAT_TP: datagrams behind a byte of length each, at an end that listens and at one that is open.
 */
#include "fuzz.h"

#include "ota/cattp.h"

struct end {
    struct cattp_link *link;
    int64_t now;
    unsigned opened, closed;
    size_t received;
    bool echo;
};

static void on_transmit(void *ctx, cr_span datagram)
{
    struct cattp_pdu pdu;
    cr_buf again = {0};
    (void)ctx;
    FUZZ_CHECK(datagram.n <= CATTP_PDU_MAX);
    FUZZ_CHECK(cattp_pdu_read(datagram, &pdu, NULL) == CR_OK);
    FUZZ_CHECK(cattp_pdu_write(&again, &pdu, NULL) == CR_OK);
    FUZZ_CHECK(cr_span_equal(cr_buf_span(&again), datagram));
    cr_buf_free(&again);
}

static void on_opened(void *ctx)
{
    struct end *end = ctx;
    end->opened++;
    FUZZ_CHECK(end->opened == 1 && end->closed == 0);
}

static void on_received(void *ctx, cr_span sdu)
{
    struct end *end = ctx;
    FUZZ_CHECK(end->opened == 1 && end->closed == 0 && sdu.n > 0 && sdu.n <= 300);
    end->received += sdu.n;
    if (end->echo) {
        (void)!cattp_send(end->link, sdu, end->now, NULL);
    }
}

static void on_closed(void *ctx, enum cattp_end why, uint8_t reason)
{
    struct end *end = ctx;
    (void)why;
    (void)reason;
    FUZZ_CHECK(++end->closed == 1);
}

/* Puts the right checksum in, so that mutations get behind it. */
static cr_span mend(cr_span in, uint8_t out[256])
{
    uint32_t sum = 0;
    memcpy(out, in.p, in.n);
    if (in.n < CATTP_HEADER) {
        return cr_span_of(out, in.n);
    }
    out[16] = out[17] = 0;
    for (size_t i = 0; i < in.n; i++) {
        sum += (uint32_t)out[i] << (i % 2 ? 0 : 8);
    }
    while (sum >> 16) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    out[16] = (uint8_t)(~sum >> 8);
    out[17] = (uint8_t)~sum;
    return cr_span_of(out, in.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct end end = {0};
    if (size == 0) {
        return 0;
    }
    struct cattp_options options = {
        .source = 0x4001,
        .destination = data[0] & 1 ? 0x2710 : 0,
        .max_pdu = 250,
        .max_sdu = 300,
        .initial = 1,
        .queue_max = 2000,
        .callbacks = {on_transmit, NULL, on_opened, on_received, NULL, on_closed},
        .ctx = &end};
    end.echo = data[0] & 2;
    FUZZ_CHECK(cattp_new(&options, &end.link, NULL) == CR_OK);
    FUZZ_CHECK((data[0] & 1 ? cattp_connect(end.link, 0, NULL) : cattp_listen(end.link, NULL)) ==
               CR_OK);
    for (size_t at = 1; at < size;) {
        size_t n = data[at++];
        n = n < size - at ? n : size - at;
        uint8_t copy[256];
        end.now += data[0] & 4 ? 900 : 1;
        cattp_input(end.link, mend(cr_span_of(data + at, n), copy), end.now);
        if (cattp_deadline(end.link) <= end.now) {
            cattp_tick(end.link, end.now);
        }
        FUZZ_CHECK(cattp_queued(end.link) <= 2000);
        at += n;
    }
    /* Left alone, every link ends. */
    for (unsigned i = 0; i < 100 && cattp_deadline(end.link) != INT64_MAX; i++) {
        end.now = cattp_deadline(end.link);
        cattp_tick(end.link, end.now);
    }
    FUZZ_CHECK(cattp_deadline(end.link) == INT64_MAX);
    cattp_close(end.link, end.now);
    FUZZ_CHECK(end.closed == 1 || cattp_link_state(end.link) == CATTP_CLOSED);
    cattp_free(end.link);
    return 0;
}
