/*
 * Segments of short messages: cutting (TS 31.115 4) and putting together.
 */
#include "ota/sms_internal.h"

#include <stdlib.h>

#define HEADER_MAX 9 /* UDHL, packet element, 16-bit concatenation element */

/* ---- cutting ---- */

static size_t single_header(const struct sms_cut *cut)
{
    return cut->packet ? 3 : 0;
}

static size_t segment_header(const struct sms_cut *cut, bool first)
{
    return 1U + (first && cut->packet ? 2 : 0) + (cut->wide ? 6 : 5);
}

size_t sms_segment_count(const struct sms_cut *cut, size_t n)
{
    if (n <= SMS_USER_DATA_MAX - single_header(cut)) {
        return 1;
    }
    size_t room = SMS_USER_DATA_MAX - segment_header(cut, false);
    return 1 + (n - (SMS_USER_DATA_MAX - segment_header(cut, true)) + room - 1) / room;
}

static size_t header_make(const struct sms_cut *cut, unsigned number, unsigned count,
                          uint8_t out[HEADER_MAX])
{
    size_t n = 1;
    if (cut->packet && number == 1) {
        out[n++] = cut->packet;
        out[n++] = 0;
    }
    if (count > 1) {
        out[n++] = cut->wide ? SMS_IEI_CONCAT_16 : SMS_IEI_CONCAT_8;
        out[n++] = cut->wide ? 4 : 3;
        if (cut->wide) {
            out[n++] = (uint8_t)(cut->reference >> 8);
        }
        out[n++] = (uint8_t)cut->reference;
        out[n++] = (uint8_t)count;
        out[n++] = (uint8_t)number;
    }
    out[0] = (uint8_t)(n - 1);
    return n > 1 ? n : 0;
}

cr_status sms_segment(const struct sms_cut *cut, cr_span packet, sms_emit emit, void *ctx,
                      struct cr_err *err)
{
    size_t count = sms_segment_count(cut, packet.n);
    if (count > cut->max_segments || count > SMS_SEGMENTS_MAX) {
        return cr_fail(err, CR_MALFORMED, SMS_CLAUSE,
                       "%zu bytes make %zu short messages, more than %u", packet.n, count,
                       cut->max_segments < SMS_SEGMENTS_MAX ? cut->max_segments : SMS_SEGMENTS_MAX);
    }
    for (unsigned number = 1; number <= count; number++) {
        uint8_t ud[SMS_USER_DATA_MAX];
        size_t header = header_make(cut, number, (unsigned)count, ud);
        size_t room = SMS_USER_DATA_MAX - header;
        size_t n = packet.n < room ? packet.n : room;
        if (n > 0) {
            memcpy(ud + header, packet.p, n);
            packet = cr_span_of(packet.p + n, packet.n - n);
        }
        CR_TRY(emit(ctx, (uint8_t)number, (uint8_t)count, cr_span_of(ud, header + n), err));
    }
    return CR_OK;
}

/* ---- putting together ---- */

struct segment {
    uint8_t *p; /* NULL while it is missing */
    uint8_t n;
};

struct message {
    bool used;
    struct sms_address sender;
    bool wide;
    uint16_t reference;
    uint8_t count, have, packet;
    int64_t since_ms;
    uint64_t order; /* of its first segment */
    size_t bytes;
    struct segment *segments; /* count of them */
};

struct sms_assembler {
    struct sms_assembler_limits limits;
    struct message *messages; /* limits.messages of them */
    size_t bytes;
    uint64_t order;
};

#define LIMIT_MESSAGES ((size_t)8)
#define LIMIT_BYTES    ((size_t)16384)
#define LIMIT_AGE_MS   ((int64_t)300000)

cr_status sms_assembler_new(const struct sms_assembler_limits *limits, struct sms_assembler **out,
                            struct cr_err *err)
{
    struct sms_assembler *a = calloc(1, sizeof *a);
    if (a) {
        if (limits) {
            a->limits = *limits;
        }
        struct sms_assembler_limits *l = &a->limits;
        l->messages = l->messages ? l->messages : LIMIT_MESSAGES;
        l->bytes = l->bytes ? l->bytes : LIMIT_BYTES;
        l->segments = l->segments ? l->segments : SMS_SEGMENTS_MAX;
        l->age_ms = l->age_ms ? l->age_ms : LIMIT_AGE_MS;
        a->messages = calloc(l->messages, sizeof *a->messages);
    }
    if (!a || !a->messages) {
        free(a);
        return cr_fail_memory(err);
    }
    *out = a;
    return CR_OK;
}

static void forget(struct sms_assembler *a, struct message *m)
{
    for (size_t i = 0; i < m->count; i++) {
        cr_wipe(m->segments[i].p, m->segments[i].n);
        free(m->segments[i].p);
    }
    free(m->segments);
    a->bytes -= m->bytes;
    *m = (struct message){0};
}

void sms_assembler_clear(struct sms_assembler *a)
{
    for (size_t i = 0; i < a->limits.messages; i++) {
        if (a->messages[i].used) {
            forget(a, &a->messages[i]);
        }
    }
}

void sms_assembler_free(struct sms_assembler *a)
{
    if (a) {
        sms_assembler_clear(a);
        free(a->messages);
        free(a);
    }
}

size_t sms_assembler_pending(const struct sms_assembler *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->limits.messages; i++) {
        n += a->messages[i].used ? 1 : 0;
    }
    return n;
}

size_t sms_assembler_bytes(const struct sms_assembler *a)
{
    return a->bytes;
}

static void forget_old(struct sms_assembler *a, int64_t now_ms)
{
    for (size_t i = 0; i < a->limits.messages; i++) {
        struct message *m = &a->messages[i];
        if (m->used && now_ms - m->since_ms > a->limits.age_ms) {
            forget(a, m);
        }
    }
}

static struct message *find(struct sms_assembler *a, const struct sms_address *sender,
                            const struct sms_header *h)
{
    for (size_t i = 0; i < a->limits.messages; i++) {
        struct message *m = &a->messages[i];
        if (m->used && m->wide == h->wide && m->reference == h->reference && m->count == h->count &&
            sms_address_same(&m->sender, sender)) {
            return m;
        }
    }
    return NULL;
}

/* The oldest message but one; NULL when there is no other. */
static struct message *oldest(struct sms_assembler *a, const struct message *but)
{
    struct message *found = NULL;
    for (size_t i = 0; i < a->limits.messages; i++) {
        struct message *m = &a->messages[i];
        if (m->used && m != but && (!found || m->order < found->order)) {
            found = m;
        }
    }
    return found;
}

static struct message *begin(struct sms_assembler *a, const struct sms_address *sender,
                             const struct sms_header *h, int64_t now_ms)
{
    struct message *m = NULL;
    for (size_t i = 0; i < a->limits.messages && !m; i++) {
        m = a->messages[i].used ? NULL : &a->messages[i];
    }
    if (!m) {
        m = oldest(a, NULL);
        forget(a, m);
    }
    struct segment *segments = calloc(h->count, sizeof *segments);
    if (!segments) {
        return NULL;
    }
    *m = (struct message){
        .used = true,
        .sender = *sender,
        .wide = h->wide,
        .reference = h->reference,
        .count = h->count,
        .since_ms = now_ms,
        .order = a->order++,
        .segments = segments,
    };
    return m;
}

/* Keeps one segment; false when memory is short. */
static bool keep(struct sms_assembler *a, struct message *m, struct segment *s, cr_span content)
{
    s->p = malloc(content.n + 1);
    if (!s->p) {
        return false;
    }
    if (content.n > 0) {
        memcpy(s->p, content.p, content.n);
    }
    s->n = (uint8_t)content.n;
    m->bytes += content.n;
    a->bytes += content.n;
    m->have++;
    return true;
}

static cr_status deliver(struct sms_assembler *a, struct message *m, uint8_t *packet, cr_buf *whole,
                         struct cr_err *err)
{
    size_t before = whole->n;
    for (size_t i = 0; i < m->count; i++) {
        cr_buf_append(whole, m->segments[i].p, m->segments[i].n);
    }
    *packet = m->packet;
    forget(a, m);
    if (!cr_buf_ok(whole)) {
        whole->n = before;
        return cr_fail_memory(err);
    }
    return CR_OK;
}

static cr_status add_segment(struct sms_assembler *a, const struct sms_address *sender,
                             const struct sms_header *h, cr_span content, int64_t now_ms,
                             enum sms_assembly *result, uint8_t *packet, cr_buf *whole,
                             struct cr_err *err)
{
    forget_old(a, now_ms);
    if (h->count > a->limits.segments || content.n > a->limits.bytes ||
        content.n > SMS_USER_DATA_MAX) {
        *result = SMS_DROPPED;
        return CR_OK;
    }
    struct message *m = find(a, sender, h);
    m = m ? m : begin(a, sender, h, now_ms);
    if (!m) {
        return cr_fail_memory(err);
    }
    struct segment *s = &m->segments[h->number - 1];
    if (s->p) {
        bool same = cr_span_equal(cr_span_of(s->p, s->n), content);
        if (!same) {
            forget(a, m);
        }
        *result = same ? SMS_DUPLICATE : SMS_DROPPED;
        return CR_OK;
    }
    while (a->bytes + content.n > a->limits.bytes) {
        struct message *other = oldest(a, m);
        if (!other) {
            forget(a, m);
            *result = SMS_DROPPED;
            return CR_OK;
        }
        forget(a, other);
    }
    if (!keep(a, m, s, content)) {
        forget(a, m);
        return cr_fail_memory(err);
    }
    m->packet = h->packet ? h->packet : m->packet;
    *result = m->have == m->count ? SMS_ASSEMBLED : SMS_WAITING;
    return *result == SMS_ASSEMBLED ? deliver(a, m, packet, whole, err) : CR_OK;
}

cr_status sms_assembler_add(struct sms_assembler *a, const struct sms_address *sender,
                            bool has_header, cr_span ud, int64_t now_ms, enum sms_assembly *result,
                            uint8_t *packet, cr_buf *whole, struct cr_err *err)
{
    struct sms_header h = {.count = 1, .number = 1};
    cr_span content = ud;
    if (has_header) {
        CR_TRY(sms_header_take(ud, &h, &content, err));
    }
    if (h.count > 1) {
        return add_segment(a, sender, &h, content, now_ms, result, packet, whole, err);
    }
    size_t before = whole->n;
    cr_buf_append_span(whole, content);
    if (!cr_buf_ok(whole)) {
        whole->n = before;
        return cr_fail_memory(err);
    }
    *packet = h.packet;
    *result = SMS_ASSEMBLED;
    return CR_OK;
}
