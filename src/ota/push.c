/*
 * Push SMS.
 */
#include "ota/push.h"

#define CLAUSE         "TS 102 226"
#define HEADER         5
#define TAG(byte)      ((byte)&0x7F) /* without the comprehension bit */
#define BUFFER_SIZE    0x39
#define IDENTIFICATION 0x36
#define TRANSPORT      0x3C
#define ADDRESS        0x3E
#define UDP_CLIENT     0x01
#define IPV4           0x21
#define IPV6           0x57

static cr_status broken(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_MALFORMED, CLAUSE, "no push command: %s", what);
}

/* Takes one COMPREHENSION-TLV of the front; lengths have one byte here, or 81 and one. */
static bool next_tlv(cr_span *in, uint8_t *tag, cr_span *value)
{
    size_t head = in->n > 1 && in->p[1] == 0x81 ? 3 : 2;
    if (in->n < head || in->p[head - 1] > (head == 2 ? 0x7F : 0xFF)) {
        return false;
    }
    size_t n = in->p[head - 1];
    if (n > in->n - head) {
        return false;
    }
    *tag = TAG(in->p[0]);
    *value = cr_span_of(in->p + head, n);
    *in = cr_span_of(in->p + head + n, in->n - head - n);
    return true;
}

static cr_status read_tlvs(struct ota_push *out, struct cr_err *err)
{
    cr_span in = out->tlvs;
    bool link = out->kind == OTA_PUSH_CATTP;
    bool has_port = false;
    while (in.n > 0) {
        uint8_t tag;
        cr_span v;
        if (!next_tlv(&in, &tag, &v)) {
            return broken(err, "its data are no COMPREHENSION-TLVs");
        }
        if (tag == TRANSPORT && link && !has_port) {
            if (v.n != 3) {
                return broken(err, "tag 3C has 3 bytes");
            }
            has_port = true;
            out->port = (uint16_t)(v.p[1] << 8 | v.p[2]);
        } else if (tag == BUFFER_SIZE && link && out->max_sdu == 0) {
            if (v.n != 2) {
                return broken(err, "tag 39 has 2 bytes");
            }
            out->max_sdu = (uint16_t)(v.p[0] << 8 | v.p[1]);
        } else if (tag == IDENTIFICATION && !cr_span_present(out->identification)) {
            out->identification = v;
        }
    }
    return link && !has_port ? broken(err, "a link needs the destination port (3C)") : CR_OK;
}

cr_status ota_push_read(cr_span apdu, struct ota_push *out, struct cr_err *err)
{
    if (apdu.n < 4 || apdu.p[0] != 0x80 || apdu.p[1] != 0xEC || apdu.p[2] != 1 ||
        apdu.p[3] < OTA_PUSH_CHANNEL || apdu.p[3] > OTA_PUSH_IDENTIFICATION) {
        return broken(err, "the header is another");
    }
    size_t n = apdu.n > HEADER ? apdu.p[4] : 0;
    if (apdu.n > HEADER && apdu.n != HEADER + n && apdu.n != HEADER + n + 1) {
        return broken(err, "Lc does not meet the end");
    }
    struct ota_push push = {.kind = (enum ota_push_kind)apdu.p[3],
                            .tlvs = cr_span_sub(apdu, HEADER, n)};
    if (push.kind == OTA_PUSH_CATTP || push.kind == OTA_PUSH_IDENTIFICATION) {
        CR_TRY(read_tlvs(&push, err));
    }
    *out = push;
    return CR_OK;
}

static void put_tlv(cr_buf *out, uint8_t tag, cr_span value)
{
    cr_buf_append_byte(out, tag);
    cr_buf_append_byte(out, (uint8_t)value.n);
    cr_buf_append_span(out, value);
}

cr_status ota_push_write(cr_buf *out, const struct ota_push *push, struct cr_err *err)
{
    bool link = push->kind == OTA_PUSH_CATTP;
    bool own = link || push->kind == OTA_PUSH_IDENTIFICATION;
    size_t start = out->n;
    if (push->kind < OTA_PUSH_CHANNEL || push->kind > OTA_PUSH_IDENTIFICATION ||
        push->identification.n > 0x7F || push->tlvs.n > 0xFF) {
        return broken(err, "these members do not fit one");
    }
    const uint8_t head[] = {0x80, 0xEC, 1, (uint8_t)push->kind, 0};
    cr_buf_append(out, head, sizeof(head));
    if (!own) {
        cr_buf_append_span(out, push->tlvs);
    }
    if (link) {
        const uint8_t port[] = {0, (uint8_t)(push->port >> 8), (uint8_t)push->port};
        put_tlv(out, TRANSPORT, CR_SPAN_ARRAY(port));
    }
    if (link && push->max_sdu) {
        const uint8_t size[] = {(uint8_t)(push->max_sdu >> 8), (uint8_t)push->max_sdu};
        put_tlv(out, BUFFER_SIZE, CR_SPAN_ARRAY(size));
    }
    if (own && cr_span_present(push->identification)) {
        put_tlv(out, IDENTIFICATION, push->identification);
    }
    if (!cr_buf_ok(out)) {
        return cr_fail_memory(err);
    }
    out->p[start + 4] = (uint8_t)(out->n - start - HEADER);
    return CR_OK;
}

void ota_push_put_address(cr_buf *out, cr_span ip, uint16_t port)
{
    const uint8_t transport[] = {UDP_CLIENT, (uint8_t)(port >> 8), (uint8_t)port};
    put_tlv(out, TRANSPORT, CR_SPAN_ARRAY(transport));
    cr_buf_append_byte(out, ADDRESS);
    cr_buf_append_byte(out, (uint8_t)(ip.n + 1));
    cr_buf_append_byte(out, ip.n == 4 ? IPV4 : IPV6);
    cr_buf_append_span(out, ip);
}
