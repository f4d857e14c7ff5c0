#include "rsp/segment.h"

#include "asn1/der.h"

#define CLAUSE "SGP.22 2.5.5"

enum { CHANNEL, FIRST_87, METADATA, SECOND_87, ELEMENTS, PARTS };

/* What stands where: the list's tag, its elements' tag, how its header travels, and what the eUICC
 * makes of an element. */
static const struct {
    uint32_t tag, element;
    bool header_alone; /* the list's tag and length are a segment of their own */
    bool optional;
    enum rsp_bpp_command command;
    const char *name;
} parts[PARTS] = {
    [CHANNEL] = {0xBF23, 0, false, false, RSP_BPP_INITIALISE_SECURE_CHANNEL,
                 "initialiseSecureChannelRequest"},
    [FIRST_87] = {0xA0, 0x87, false, false, RSP_BPP_CONFIGURE_ISDP, "firstSequenceOf87"},
    [METADATA] = {0xA1, 0x88, true, false, RSP_BPP_STORE_METADATA, "sequenceOf88"},
    [SECOND_87] = {0xA2, 0x87, false, true, RSP_BPP_REPLACE_SESSION_KEYS, "secondSequenceOf87"},
    [ELEMENTS] = {0xA3, 0x86, true, false, RSP_BPP_LOAD_PROFILE_ELEMENTS, "sequenceOf86"},
};

static cr_status fail(struct cr_err *err, const char *field, const char *cause)
{
    cr_status status = cr_fail(err, CR_MALFORMED, CLAUSE, "boundProfilePackage: %s", cause);
    (void)cr_err_field(err, status, field);
    return cr_err_code(err, status, RSP_CANCEL_LOAD_BPP_EXECUTION_ERROR);
}

struct tlv {
    uint32_t tag;
    cr_span all, header, value;
};

/* One TLV of definite length; *in moves behind it. */
static bool take(cr_span *in, struct tlv *out)
{
    size_t header;
    size_t length;
    if (der_header(*in, DER_BER_LENGTHS, &out->tag, &header, &length, NULL) != CR_OK ||
        length > in->n - header) {
        return false;
    }
    out->all = cr_span_sub(*in, 0, header + length);
    out->header = cr_span_sub(*in, 0, header);
    out->value = cr_span_sub(*in, header, length);
    *in = cr_span_sub(*in, header + length, in->n);
    return true;
}

/* Holds a list to its elements; adds its segments to the count. */
static cr_status check_list(size_t part, const struct tlv *list, size_t *count, struct cr_err *err)
{
    cr_span rest = list->value;
    if (rest.n == 0) {
        return fail(err, parts[part].name, "an empty list");
    }
    size_t ahead = parts[part].header_alone ? 0 : list->header.n; /* sent with the first element */
    *count += parts[part].header_alone ? 1 : 0;
    while (rest.n) {
        struct tlv element;
        if (!take(&rest, &element)) {
            return fail(err, parts[part].name, "an element is cut or has no definite length");
        }
        if (element.tag != parts[part].element) {
            return fail(err, parts[part].name, "an element with a tag that does not belong there");
        }
        if (ahead + element.all.n > RSP_MAX_SEGMENT) {
            return fail(err, parts[part].name, "an element is too long for one command");
        }
        ahead = 0;
        (*count)++;
    }
    return CR_OK;
}

cr_status rsp_segmenter_start(struct rsp_segmenter *s, cr_span bpp, struct cr_err *err)
{
    struct rsp_segmenter made = {0};
    struct tlv package;
    if (bpp.n > RSP_MAX_BPP) {
        return fail(err, "boundProfilePackage", "larger than the limit");
    }
    if (!take(&bpp, &package) || package.tag != 0xBF36 || bpp.n) {
        return fail(err, "boundProfilePackage", "not one complete TLV with tag BF36");
    }
    cr_span rest = package.value;
    for (size_t part = 0; part < PARTS; part++) {
        struct tlv tlv;
        if (parts[part].optional && der_peek(rest) != parts[part].tag) {
            continue;
        }
        if (rest.n == 0) {
            return fail(err, parts[part].name, "missing");
        }
        if (!take(&rest, &tlv)) {
            return fail(err, parts[part].name, "cut, or has no definite length");
        }
        if (tlv.tag != parts[part].tag) {
            return fail(err, parts[part].name, "missing, or another tag in its place");
        }
        made.parts[part] = tlv.all;
        if (part != CHANNEL) {
            CR_TRY(check_list(part, &tlv, &made.count, err));
        }
    }
    if (rest.n) {
        return fail(err, "boundProfilePackage", "more behind the last list");
    }
    /* BF36's header and BF23 lie side by side. */
    made.first = cr_span_of(package.all.p, package.header.n + made.parts[CHANNEL].n);
    if (made.first.n > RSP_MAX_SEGMENT) {
        return fail(err, parts[CHANNEL].name, "too long for one command");
    }
    made.count++;
    *s = made;
    return CR_OK;
}

/* Enters the next part that is there; its header waits in head. */
static bool enter_part(struct rsp_segmenter *s)
{
    while (s->part + 1 < PARTS) {
        s->part++;
        cr_span all = s->parts[s->part];
        struct tlv list;
        if (cr_span_present(all) && take(&all, &list)) {
            s->head = list.header;
            s->rest = list.value;
            return true;
        }
    }
    return false;
}

static bool give(struct rsp_segmenter *s, cr_span bytes, struct rsp_segment *out)
{
    out->bytes = bytes;
    out->command = parts[s->part].command;
    out->index = s->index++;
    return true;
}

bool rsp_segmenter_next(struct rsp_segmenter *s, struct rsp_segment *out)
{
    if (s->index == 0) {
        return give(s, s->first, out);
    }
    if (s->rest.n == 0 && !enter_part(s)) {
        return false;
    }
    cr_span head = s->head;
    s->head = (cr_span){0};
    if (head.n && parts[s->part].header_alone) {
        return give(s, head, out);
    }
    struct tlv element;
    if (!take(&s->rest, &element)) {
        return false; /* cannot be: start has seen it */
    }
    size_t n = head.n + element.all.n;
    return give(s, cr_span_of(element.all.p - head.n, n), out);
}
