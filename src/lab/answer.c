#include "lab/answer.h"

#include "asn1/der.h"
#include "base/text.h"

/* What is said of the low byte. */
enum low { LOW_NONE, LOW_BYTES, LOW_TRIES, LOW_PROACTIVE };

static const struct {
    uint16_t sw, mask;
    enum low low;
    const char *text;
} words[] = {
    {0x9000, 0xFFFF, LOW_NONE, "ok"},
    {0x9100, 0xFF00, LOW_PROACTIVE, "ok, a proactive command of %u bytes waits"},
    {0x9200, 0xFF00, LOW_NONE, "ok, data transfer session"},
    {0x9300, 0xFFFF, LOW_NONE, "toolkit busy"},
    {0x6100, 0xFF00, LOW_BYTES, "%u bytes waiting"},
    {0x6200, 0xFFFF, LOW_NONE, "warning"},
    {0x6281, 0xFFFF, LOW_NONE, "part of the data may be damaged"},
    {0x6282, 0xFFFF, LOW_NONE, "end of file, or nothing found"},
    {0x6283, 0xFFFF, LOW_NONE, "the selected file is deactivated"},
    {0x6284, 0xFFFF, LOW_NONE, "the selected file is terminated"},
    {0x62F1, 0xFFFF, LOW_NONE, "more data to be fetched"},
    {0x62F2, 0xFFFF, LOW_NONE, "more data to be fetched, a proactive command waits"},
    {0x62F3, 0xFFFF, LOW_NONE, "response data available"},
    {0x6200, 0xFF00, LOW_NONE, "warning, memory unchanged"},
    {0x63F1, 0xFFFF, LOW_NONE, "more data expected"},
    {0x63F2, 0xFFFF, LOW_NONE, "more data expected, a proactive command waits"},
    {0x63C0, 0xFFF0, LOW_TRIES, "%u tries left"},
    {0x6300, 0xFF00, LOW_NONE, "warning, memory changed"},
    {0x6400, 0xFF00, LOW_NONE, "execution error, memory unchanged"},
    {0x6581, 0xFFFF, LOW_NONE, "memory failure"},
    {0x6500, 0xFF00, LOW_NONE, "execution error, memory changed"},
    {0x6700, 0xFFFF, LOW_NONE, "wrong length"},
    {0x6700, 0xFF00, LOW_NONE, "wrong length"},
    {0x6881, 0xFFFF, LOW_NONE, "logical channel not supported or not open"},
    {0x6882, 0xFFFF, LOW_NONE, "secure messaging not supported"},
    {0x6800, 0xFF00, LOW_NONE, "function of the class not supported"},
    {0x6981, 0xFFFF, LOW_NONE, "command does not fit the file type"},
    {0x6982, 0xFFFF, LOW_NONE, "security status not satisfied"},
    {0x6983, 0xFFFF, LOW_NONE, "PIN blocked"},
    {0x6984, 0xFFFF, LOW_NONE, "PIN disabled or file deactivated"},
    {0x6985, 0xFFFF, LOW_NONE, "conditions of use not satisfied"},
    {0x6986, 0xFFFF, LOW_NONE, "no EF selected"},
    {0x6999, 0xFFFF, LOW_NONE, "application cannot be selected"},
    {0x6A80, 0xFFFF, LOW_NONE, "wrong data"},
    {0x6A81, 0xFFFF, LOW_NONE, "function not supported"},
    {0x6A82, 0xFFFF, LOW_NONE, "file or application not found"},
    {0x6A83, 0xFFFF, LOW_NONE, "record not found"},
    {0x6A84, 0xFFFF, LOW_NONE, "not enough memory"},
    {0x6A86, 0xFFFF, LOW_NONE, "wrong P1 or P2"},
    {0x6A87, 0xFFFF, LOW_NONE, "length does not fit P1 and P2"},
    {0x6A88, 0xFFFF, LOW_NONE, "referenced data not found"},
    {0x6A89, 0xFFFF, LOW_NONE, "file id exists already"},
    {0x6B00, 0xFF00, LOW_NONE, "wrong offset or parameters"},
    {0x6C00, 0xFF00, LOW_BYTES, "wrong Le, %u bytes are there"},
    {0x6D00, 0xFFFF, LOW_NONE, "instruction not known"},
    {0x6E00, 0xFFFF, LOW_NONE, "class not known"},
    {0x6F00, 0xFF00, LOW_NONE, "technical problem"},
    {0x9850, 0xFFFF, LOW_NONE, "INCREASE at its maximum"},
    {0x9862, 0xFFFF, LOW_NONE, "authentication error, wrong MAC"},
    {0x9863, 0xFFFF, LOW_NONE, "security session expired"},
    {0x9864, 0xFFFF, LOW_NONE, "security context not supported"},
    {0x9865, 0xFFFF, LOW_NONE, "key freshness failure"},
    {0x9866, 0xFFFF, LOW_NONE, "no memory space"},
    {0x9867, 0xFFFF, LOW_NONE, "no memory space in EF.MUK"},
};

void lab_sw_text(uint16_t sw, cr_buf *out)
{
    for (size_t i = 0; i < CR_COUNT(words); i++) {
        if ((sw & words[i].mask) != words[i].sw) {
            continue;
        }
        unsigned low = words[i].low == LOW_TRIES ? sw & 0x0Fu : sw & 0xFFu;
        const char *number = strstr(words[i].text, "%u");
        if (words[i].low == LOW_BYTES && low == 0) {
            low = 256;
        }
        if (number) {
            cr_buf_append(out, words[i].text, (size_t)(number - words[i].text));
            cr_buf_appendf(out, "%u%s", low, number + 2);
        } else {
            cr_buf_append_str(out, words[i].text);
        }
        return;
    }
    cr_buf_append_str(out, "not known");
}

bool lab_sw_ok(uint16_t sw)
{
    unsigned high = sw >> 8;
    return sw == 0x9000 || high == 0x91 || high == 0x92 || high == 0x61 || high == 0x62 ||
           (high == 0x63 && (sw & 0xF0) != 0xC0);
}

/* ---- file control parameters -------------------------------------------------------------------
 */

static uint32_t number_of(cr_span value)
{
    uint32_t n = 0;
    for (size_t i = 0; i < value.n && i < 4; i++) {
        n = n << 8 | value.p[i];
    }
    return n;
}

static enum lab_file_kind kind_of(uint8_t descriptor)
{
    if ((descriptor & 0x38) == 0x38) {
        return (descriptor & 0x07) == 0x01 ? LAB_BERTLV : LAB_DF;
    }
    switch (descriptor & 0x07) {
    case 0x02:
        return LAB_LINEAR;
    case 0x06:
        return LAB_CYCLIC;
    default:
        return LAB_TRANSPARENT;
    }
}

static void take(struct lab_fcp *f, const struct der_tlv *tlv)
{
    cr_span v = tlv->value;
    switch (tlv->tag) {
    case 0x82:
        if (v.n >= 1) {
            f->kind = kind_of(v.p[0]);
        }
        if (v.n >= 5) {
            f->record_length = (uint16_t)(v.p[2] << 8 | v.p[3]);
            f->records = v.p[4];
        }
        break;
    case 0x83:
        f->has_fid = v.n == 2;
        f->fid = (uint16_t)number_of(v);
        break;
    case 0x84:
        f->aid = v;
        break;
    case 0x80:
        f->has_size = v.n >= 1;
        f->size = number_of(v);
        break;
    case 0x88:
        f->has_sfi = true;
        f->sfi = v.n == 1 ? v.p[0] >> 3 : 0;
        break;
    case 0x8A:
        f->life_cycle = v.n == 1 ? v.p[0] : 0;
        break;
    case 0x8B:
        f->has_rule = v.n == 3 || v.n == 4;
        if (f->has_rule) {
            f->rule_fid = (uint16_t)(v.p[0] << 8 | v.p[1]);
            f->rule_record = v.p[v.n - 1];
        }
        break;
    case 0xC6:
        f->pin_status = v;
        break;
    default:
        break;
    }
}

bool lab_fcp_read(cr_span response, struct lab_fcp *out)
{
    struct der_tlv fcp;
    struct der_tlv tlv;
    *out = (struct lab_fcp){0};
    if (der_peek(response) != 0x62 || der_next(&response, DER_BER_LENGTHS, &fcp, NULL) != CR_OK) {
        return false;
    }
    while (fcp.value.n > 0) {
        if (der_next(&fcp.value, DER_BER_LENGTHS, &tlv, NULL) != CR_OK) {
            return false;
        }
        take(out, &tlv);
    }
    return out->kind != 0;
}

void lab_life_cycle_text(uint8_t status, cr_buf *out)
{
    static const struct {
        uint8_t value, mask;
        const char *text;
    } states[] = {{0x01, 0xFF, "creation"},
                  {0x03, 0xFF, "initialisation"},
                  {0x05, 0xFD, "activated"},
                  {0x04, 0xFD, "deactivated"},
                  {0x0C, 0xFC, "terminated"}};
    for (size_t i = 0; i < CR_COUNT(states); i++) {
        if ((status & states[i].mask) == states[i].value) {
            cr_buf_append_str(out, states[i].text);
            return;
        }
    }
    cr_buf_appendf(out, "life cycle %02X", status);
}

void lab_fcp_text(const struct lab_fcp *f, cr_buf *out)
{
    static const char *const kinds[] = {"?",      "directory", "transparent", "linear fixed",
                                        "cyclic", "BER-TLV"};
    cr_buf_append_str(out, kinds[f->kind]);
    if (f->aid.n) {
        cr_buf_append_str(out, ", AID ");
        cr_hex_append(out, f->aid);
    }
    if (f->kind == LAB_LINEAR || f->kind == LAB_CYCLIC) {
        cr_buf_appendf(out, ", %u record%s of %u bytes", f->records, f->records == 1 ? "" : "s",
                       f->record_length);
    } else if (f->kind != LAB_DF && f->has_size) {
        cr_buf_appendf(out, ", %u byte%s", f->size, f->size == 1 ? "" : "s");
    }
    if (f->has_sfi && f->sfi) {
        cr_buf_appendf(out, ", SFI %02X", f->sfi);
    }
    if (f->has_rule) {
        cr_buf_appendf(out, ", rule %04X/%u", f->rule_fid, f->rule_record);
    }
    cr_buf_append_str(out, ", ");
    lab_life_cycle_text(f->life_cycle, out);
}
