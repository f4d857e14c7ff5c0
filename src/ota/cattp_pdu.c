/*
 * CAT_TP: PDUs.
 */
#include "ota/cattp.h"

#define CLAUSE    "TS 102 127 5"
#define SYN_FIXED 5 /* max PDU, max SDU, length of the identification */
#define EAK_ENTRY 2
#define KINDS     (CATTP_SYN | CATTP_ACK | CATTP_EAK | CATTP_RST | CATTP_NUL | CATTP_SEG)

const char *cattp_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        [CATTP_NORMAL] = "normal end",
        [CATTP_ILLEGAL_PARAMETER] = "illegal parameter",
        [CATTP_TEMPORARILY_UNABLE] = "temporarily unable",
        [CATTP_NO_PORT] = "port not available",
        [CATTP_UNEXPECTED_PDU] = "unexpected PDU",
        [CATTP_MAX_RETRIES] = "too many retries",
        [CATTP_WRONG_VERSION] = "version not supported",
    };
    return reason < CR_COUNT(names) ? names[reason] : "reserved";
}

/* Which flags may stand together; a data PDU is an ACK with data. */
static const struct kind {
    uint8_t flags;
    bool data; /* may have some */
} kinds[] = {
    {CATTP_SYN, false},
    {CATTP_SYN | CATTP_ACK, false},
    {CATTP_ACK, true},
    {CATTP_ACK | CATTP_SEG, true},
    {CATTP_ACK | CATTP_EAK, true},
    {CATTP_ACK | CATTP_EAK | CATTP_SEG, true},
    {CATTP_ACK | CATTP_NUL, false},
    {CATTP_RST, false},
    {CATTP_RST | CATTP_ACK, false},
};

static const struct kind *find_kind(uint8_t flags)
{
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        if (kinds[i].flags == (flags & KINDS)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static uint16_t read16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* One's complement of the one's complement sum, the field itself taken as 0. */
static uint16_t checksum(cr_span pdu)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < pdu.n; i += 2) {
        uint32_t low = i + 1 < pdu.n ? pdu.p[i + 1] : 0;
        sum += i == CATTP_CHECKSUM_AT ? 0 : (uint32_t)pdu.p[i] << 8 | low;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static cr_status broken(struct cr_err *err, enum cattp_reason reason, const char *what)
{
    return cr_err_code(err, cr_fail(err, CR_MALFORMED, CLAUSE, "no CAT_TP PDU: %s", what),
                       (long)reason);
}

/* The variable part of the header, of n bytes. */
static cr_status read_variable(const uint8_t *p, size_t n, struct cattp_pdu *out,
                               struct cr_err *err)
{
    if (out->flags & CATTP_SYN) {
        if (n < SYN_FIXED || n != SYN_FIXED + (size_t)p[4] || p[4] > CATTP_ID_MAX) {
            return broken(err, CATTP_ILLEGAL_PARAMETER, "the header length of a SYN is wrong");
        }
        out->max_pdu = read16(p);
        out->max_sdu = read16(p + 2);
        out->identification = cr_span_of(p + SYN_FIXED, p[4]);
        if (out->max_pdu < CATTP_PDU_MIN) {
            return broken(err, CATTP_ILLEGAL_PARAMETER, "the largest PDU of a SYN is too small");
        }
        return CR_OK;
    }
    if (out->flags & CATTP_EAK) {
        if (n == 0 || n % EAK_ENTRY != 0 || n / EAK_ENTRY > CATTP_EAK_MAX) {
            return broken(err, CATTP_ILLEGAL_PARAMETER, "the list of an EAK is empty or too long");
        }
        for (size_t i = 0; i < n; i += EAK_ENTRY) {
            out->out_of_sequence[out->out_count++] = read16(p + i);
        }
        return CR_OK;
    }
    size_t want = out->flags & CATTP_RST ? 1 : 0;
    if (n != want) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "the header length is wrong");
    }
    out->reason = want ? p[0] : 0;
    return CR_OK;
}

cr_status cattp_pdu_read(cr_span datagram, struct cattp_pdu *out, struct cr_err *err)
{
    if (datagram.n < CATTP_HEADER) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "too short");
    }
    struct cattp_pdu pdu = {
        .flags = datagram.p[0],
        .source = read16(datagram.p + 4),
        .destination = read16(datagram.p + 6),
        .sequence = read16(datagram.p + 10),
        .acknowledgement = read16(datagram.p + 12),
        .window = read16(datagram.p + 14),
    };
    size_t header = datagram.p[3];
    size_t data = read16(datagram.p + 8);
    if (datagram.p[0] & CATTP_VERSION) {
        return broken(err, CATTP_WRONG_VERSION, "another version");
    }
    if (header < CATTP_HEADER || header > datagram.n || data != datagram.n - header) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "lengths do not meet the end");
    }
    if (checksum(datagram) != read16(datagram.p + CATTP_CHECKSUM_AT)) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "wrong checksum");
    }
    const struct kind *kind = find_kind(pdu.flags);
    if (!kind || (data > 0 && !kind->data) || ((pdu.flags & CATTP_SEG) && data == 0)) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "flags that exclude each other, or the data");
    }
    CR_TRY(read_variable(datagram.p + CATTP_HEADER, header - CATTP_HEADER, &pdu, err));
    pdu.data = cr_span_of(datagram.p + header, data);
    *out = pdu;
    return CR_OK;
}

static void put_variable(cr_buf *out, const struct cattp_pdu *pdu)
{
    if (pdu->flags & CATTP_SYN) {
        cr_buf_append_be(out, pdu->max_pdu, 2);
        cr_buf_append_be(out, pdu->max_sdu, 2);
        cr_buf_append_byte(out, (uint8_t)pdu->identification.n);
        cr_buf_append_span(out, pdu->identification);
    } else if (pdu->flags & CATTP_EAK) {
        for (size_t i = 0; i < pdu->out_count; i++) {
            cr_buf_append_be(out, pdu->out_of_sequence[i], EAK_ENTRY);
        }
    } else if (pdu->flags & CATTP_RST) {
        cr_buf_append_byte(out, pdu->reason);
    }
}

_Static_assert(CATTP_HEADER + SYN_FIXED + CATTP_ID_MAX <= 255 &&
                   CATTP_HEADER + EAK_ENTRY * CATTP_EAK_MAX <= 255,
               "the length of a header is one byte");

cr_status cattp_pdu_write(cr_buf *out, const struct cattp_pdu *pdu, struct cr_err *err)
{
    const struct kind *kind = find_kind(pdu->flags);
    size_t variable = pdu->flags & CATTP_SYN   ? SYN_FIXED + pdu->identification.n
                      : pdu->flags & CATTP_EAK ? EAK_ENTRY * pdu->out_count
                      : pdu->flags & CATTP_RST ? 1
                                               : 0;
    if (!kind || (pdu->flags & ~KINDS) || (pdu->data.n > 0 && !kind->data) ||
        ((pdu->flags & CATTP_SEG) && pdu->data.n == 0) || pdu->identification.n > CATTP_ID_MAX ||
        pdu->out_count > CATTP_EAK_MAX || ((pdu->flags & CATTP_EAK) && pdu->out_count == 0) ||
        ((pdu->flags & CATTP_SYN) && pdu->max_pdu < CATTP_PDU_MIN) || pdu->data.n > UINT16_MAX) {
        return broken(err, CATTP_ILLEGAL_PARAMETER, "these fields cannot be sent");
    }
    size_t start = out->n;
    const uint8_t head[] = {pdu->flags, 0, 0, (uint8_t)(CATTP_HEADER + variable)};
    const uint16_t words[] = {pdu->source,
                              pdu->destination,
                              (uint16_t)pdu->data.n,
                              pdu->sequence,
                              pdu->acknowledgement,
                              pdu->window,
                              0 /* checksum */};
    cr_buf_append(out, head, sizeof(head));
    for (size_t i = 0; i < CR_COUNT(words); i++) {
        cr_buf_append_be(out, words[i], 2);
    }
    put_variable(out, pdu);
    cr_buf_append_span(out, pdu->data);
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    uint16_t sum = checksum(cr_span_of(out->p + start, out->n - start));
    out->p[start + CATTP_CHECKSUM_AT] = (uint8_t)(sum >> 8);
    out->p[start + CATTP_CHECKSUM_AT + 1] = (uint8_t)sum;
    return CR_OK;
}

cr_status cattp_refuse(cr_buf *out, const struct cattp_pdu *pdu, enum cattp_reason reason,
                       struct cr_err *err)
{
    if (pdu->flags & CATTP_RST) {
        return CR_OK;
    }
    struct cattp_pdu rst = {
        .flags = CATTP_RST | CATTP_ACK,
        .source = pdu->destination,
        .destination = pdu->source,
        /* What the peer expects next, so that it believes it. */
        .sequence = pdu->flags & CATTP_ACK ? (uint16_t)(pdu->acknowledgement + 1) : 0,
        .acknowledgement = pdu->sequence,
        .reason = (uint8_t)reason,
    };
    return cattp_pdu_write(out, &rst, err);
}
