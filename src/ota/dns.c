/*
 * The chip's resolver.
 */
#include "ota/dns.h"

#include "base/text.h"

#define CLAUSE "RFC 1035 4"

#define HEADER       12
#define FLAG_QR      0x80 /* of byte 2 */
#define OPCODE       0x78
#define FLAG_TC      0x02
#define FLAG_RD      0x01
#define RCODE        0x0F /* of byte 3 */
#define RCODE_NAME   3
#define CLASS_IN     1
#define POINTER      0xC0
#define MAX_POINTERS 64 /* jumps of one name: each goes backwards, this bounds the time */
#define WIRE_NAME    255
#define RECORD_FIXED 10 /* type, class, TTL, length */

/* ---- names ---- */

/* Text to labels; 0 = no name. A dot at the end is allowed. */
static size_t name_to_wire(const char *text, uint8_t out[WIRE_NAME])
{
    size_t n = 0;
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '.') {
        length--;
    }
    if (length == 0 || length > OTA_DNS_NAME_MAX) {
        return 0;
    }
    for (size_t at = 0; at <= length;) {
        size_t label = 0;
        while (at + label < length && text[at + label] != '.') {
            unsigned char c = (unsigned char)text[at + label];
            if (c <= 0x20 || c >= 0x7F) {
                return 0;
            }
            label++;
        }
        if (label == 0 || label > OTA_DNS_LABEL_MAX) {
            return 0;
        }
        out[n++] = (uint8_t)label;
        memcpy(out + n, text + at, label);
        n += label;
        at += label + 1;
    }
    out[n++] = 0;
    return n;
}

struct name {
    uint8_t wire[WIRE_NAME]; /* labels without pointers */
    size_t n;
};

/* Reads a name at *at, which goes behind it. Pointers must go backwards (RFC 1035 4.1.4: a prior
 * occurrence), so that there is no circle. */
static bool read_name(cr_span message, size_t *at, struct name *out)
{
    size_t pos = *at;
    size_t jumps = 0;
    out->n = 0;
    for (;;) {
        if (pos >= message.n) {
            return false;
        }
        uint8_t length = message.p[pos];
        if ((length & POINTER) == POINTER) {
            size_t target = pos + 1 < message.n
                                ? (size_t)(length & ~POINTER & 0xFF) << 8 | message.p[pos + 1]
                                : message.n;
            if (target >= pos || ++jumps > MAX_POINTERS) {
                return false;
            }
            *at = jumps == 1 ? pos + 2 : *at;
            pos = target;
            continue;
        }
        if (length & POINTER || out->n + length + 1 > WIRE_NAME || pos + 1 + length > message.n) {
            return false;
        }
        memcpy(out->wire + out->n, message.p + pos, (size_t)length + 1);
        out->n += (size_t)length + 1;
        pos += (size_t)length + 1;
        if (length == 0) {
            *at = jumps == 0 ? pos : *at;
            return true;
        }
    }
}

/* Case does not count (RFC 4343); lengths are below the letters. */
static bool same_name(const struct name *a, const struct name *b)
{
    return cr_span_equal_nocase(cr_span_of(a->wire, a->n), cr_span_of(b->wire, b->n));
}

static bool text_to_name(const char *text, struct name *out)
{
    out->n = text ? name_to_wire(text, out->wire) : 0;
    return out->n > 0;
}

/* ---- messages ---- */

cr_status ota_dns_query_write(cr_buf *out, uint16_t id, const char *name, uint16_t type,
                              struct cr_err *err)
{
    struct name wire;
    if (!text_to_name(name, &wire)) {
        return cr_fail(err, CR_REFUSED, "RFC 1035 2.3.4", "the host is no name that DNS knows");
    }
    const uint8_t head[] = {FLAG_RD, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    cr_buf_append_be(out, id, 2);
    cr_buf_append(out, head, sizeof(head));
    cr_buf_append(out, wire.wire, wire.n);
    cr_buf_append_be(out, type, 2);
    cr_buf_append_be(out, CLASS_IN, 2);
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

static uint16_t read16(cr_span m, size_t at)
{
    return (uint16_t)(m.p[at] << 8 | m.p[at + 1]);
}

struct record {
    struct name owner;
    uint16_t type, class;
    uint32_t ttl;
    size_t data, length; /* in the message */
};

static bool read_record(cr_span m, size_t *at, struct record *out)
{
    if (!read_name(m, at, &out->owner) || m.n - *at < RECORD_FIXED) {
        return false;
    }
    out->type = read16(m, *at);
    out->class = read16(m, *at + 2);
    out->ttl = (uint32_t)read16(m, *at + 4) << 16 | read16(m, *at + 6);
    out->ttl = out->ttl & 0x80000000U ? 0 : out->ttl; /* RFC 2181 8 */
    out->length = read16(m, *at + 8);
    out->data = *at + RECORD_FIXED;
    if (out->length > m.n - out->data) {
        return false;
    }
    *at = out->data + out->length;
    return true;
}

static cr_status broken(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_MALFORMED, CLAUSE, "the DNS answer is broken: %s", what);
}

static void keep_ttl(struct ota_dns_answer *out, uint32_t ttl)
{
    out->ttl = ttl < out->ttl ? ttl : out->ttl;
}

static void keep_address(struct ota_dns_answer *out, cr_span value, uint32_t ttl)
{
    if (out->count < OTA_DNS_ADDRESSES) {
        struct ota_dns_address *address = &out->addresses[out->count++];
        address->n = (uint8_t)value.n;
        memcpy(address->value, value.p, value.n);
        keep_ttl(out, ttl);
    }
}

/* One walk over the answers for one owner. *alias: a CNAME of it was found, and where it leads. */
static cr_status walk(cr_span m, size_t at, unsigned records, uint16_t type, struct name *owner,
                      bool *alias, struct ota_dns_answer *out, struct cr_err *err)
{
    struct name next = {.n = 0};
    for (unsigned i = 0; i < records; i++) {
        struct record record;
        if (at == m.n && out->truncated) {
            break;
        }
        if (!read_record(m, &at, &record)) {
            if (out->truncated) {
                break;
            }
            return broken(err, "a record is cut");
        }
        if (record.class != CLASS_IN || !same_name(&record.owner, owner)) {
            continue;
        }
        if (record.type == OTA_DNS_CNAME && next.n == 0) {
            size_t data = record.data;
            if (!read_name(m, &data, &next) || data != record.data + record.length) {
                return broken(err, "a CNAME is no name");
            }
            keep_ttl(out, record.ttl);
        } else if (record.type == type) {
            if (record.length != (type == OTA_DNS_A ? 4 : 16)) {
                return broken(err, "an address has another length");
            }
            keep_address(out, cr_span_sub(m, record.data, record.length), record.ttl);
        }
    }
    *alias = next.n > 0;
    if (*alias) {
        *owner = next;
    }
    return CR_OK;
}

cr_status ota_dns_answer_read(cr_span m, uint16_t id, const char *name, uint16_t type,
                              struct ota_dns_answer *out, struct cr_err *err)
{
    struct name asked;
    struct name question;
    size_t at = HEADER;
    if (m.n < HEADER || read16(m, 0) != id || !(m.p[2] & FLAG_QR) || (m.p[2] & OPCODE) ||
        read16(m, 4) != 1 || !text_to_name(name, &asked) || !read_name(m, &at, &question) ||
        m.n - at < 4 || !same_name(&asked, &question) || read16(m, at) != type ||
        read16(m, at + 2) != CLASS_IN) {
        return cr_fail(err, CR_REFUSED, CLAUSE, "a DNS message answers another question");
    }
    at += 4;
    struct ota_dns_answer answer = {
        .rcode = m.p[3] & RCODE, .truncated = m.p[2] & FLAG_TC, .ttl = OTA_DNS_TTL_MAX};
    unsigned records = read16(m, 6);
    if (records > OTA_DNS_RECORDS) {
        records = OTA_DNS_RECORDS;
    }
    if (answer.rcode == 0) {
        /* Records may stand in any order: one walk for each name of the chain. */
        bool alias = true;
        for (unsigned i = 0; i <= OTA_DNS_CNAMES && alias && answer.count == 0; i++) {
            CR_TRY(walk(m, at, records, type, &asked, &alias, &answer, err));
        }
    }
    answer.ttl = answer.count ? answer.ttl : 0;
    *out = answer;
    return CR_OK;
}

/* ---- asking ---- */

static void quiet(struct ota_dns_step *step, enum ota_dns_action action)
{
    *step = (struct ota_dns_step){.action = action};
}

/* A query of the kind and to the server that are up, with an id nobody can know. */
static cr_status ask(struct ota_dns_resolver *r, struct ota_dns_step *step, struct cr_err *err)
{
    uint8_t id[2];
    cr_buf query = {.limit = sizeof(r->query)};
    CR_TRY(cr_random(r->env, id, sizeof(id), err));
    r->id = (uint16_t)(id[0] << 8 | id[1]);
    cr_status status = ota_dns_query_write(&query, r->id, r->name, r->type, err);
    if (status == CR_OK) {
        memcpy(r->query, query.p, query.n);
        r->query_n = query.n;
        *step = (struct ota_dns_step){.action = OTA_DNS_SEND,
                                      .server = r->server,
                                      .datagram = cr_span_of(r->query, r->query_n),
                                      .seconds = OTA_DNS_SECONDS};
    }
    cr_buf_free(&query);
    return status;
}

static cr_status begin(struct ota_dns_resolver *r, uint16_t type, struct ota_dns_step *step,
                       struct cr_err *err)
{
    r->type = type;
    r->tries = 1;
    return ask(r, step, err);
}

static cr_status finish(struct ota_dns_resolver *r, struct ota_dns_step *step)
{
    r->over = true;
    quiet(step, r->count ? OTA_DNS_DONE : OTA_DNS_FAILED);
    return CR_OK;
}

/* This server has said what it knows of this kind of address, or does not answer. */
static cr_status next_question(struct ota_dns_resolver *r, bool silent, struct ota_dns_step *step,
                               struct cr_err *err)
{
    if (!silent && r->type == OTA_DNS_A) {
        return begin(r, OTA_DNS_AAAA, step, err);
    }
    /* With addresses there is nothing to be asked elsewhere. */
    if (r->count > 0 || !silent || r->server + 1 == r->servers) {
        return finish(r, step);
    }
    r->server++;
    return begin(r, OTA_DNS_A, step, err);
}

cr_status ota_dns_start(struct ota_dns_resolver *r, const cr_env *env, const char *name,
                        size_t servers, struct ota_dns_step *step, struct cr_err *err)
{
    struct name wire;
    if (servers == 0 || servers > OTA_DNS_SERVERS || !text_to_name(name, &wire)) {
        return cr_fail(err, CR_REFUSED, CLAUSE,
                       "a lookup has a name that DNS knows and 1 to %d servers", OTA_DNS_SERVERS);
    }
    *r = (struct ota_dns_resolver){.env = env, .servers = servers, .ttl = OTA_DNS_TTL_MAX};
    (void)cr_str_copy(r->name, sizeof(r->name), cr_span_str(name));
    return begin(r, OTA_DNS_A, step, err);
}

static void take(struct ota_dns_resolver *r, const struct ota_dns_answer *answer)
{
    for (size_t i = 0; i < answer->count && r->count < OTA_DNS_ADDRESSES; i++) {
        r->addresses[r->count++] = answer->addresses[i];
    }
    if (answer->count > 0 && answer->ttl < r->ttl) {
        r->ttl = answer->ttl;
    }
}

cr_status ota_dns_input(struct ota_dns_resolver *r, cr_span datagram, struct ota_dns_step *step,
                        struct cr_err *err)
{
    struct ota_dns_answer answer;
    quiet(step, OTA_DNS_WAIT);
    if (r->over || ota_dns_answer_read(datagram, r->id, r->name, r->type, &answer, NULL) != CR_OK) {
        return CR_OK;
    }
    take(r, &answer);
    bool knows = answer.rcode == 0 || answer.rcode == RCODE_NAME;
    if (answer.rcode == RCODE_NAME) {
        return finish(r, step); /* of neither kind (RFC 8020) */
    }
    return next_question(r, !knows, step, err);
}

cr_status ota_dns_expired(struct ota_dns_resolver *r, struct ota_dns_step *step, struct cr_err *err)
{
    quiet(step, OTA_DNS_WAIT);
    if (r->over) {
        return CR_OK;
    }
    if (r->tries < OTA_DNS_TRIES) {
        r->tries++;
        return ask(r, step, err);
    }
    return next_question(r, true, step, err);
}
