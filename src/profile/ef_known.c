/*
 * Any known file as text: one table of places, file ids, names and printers (3GPP TS 31.102, TS
 * 31.103, ETSI TS 102 221). Printers append nothing for a content that holds nothing, or is not
 * what it should be.
 */
#include "profile/ef_parts.h"

#include "asn1/der.h"
#include "base/text.h"

struct known {
    enum profile_ef_place place;
    uint16_t fid;
    const char *name;
    void (*text)(cr_span content, cr_buf *out); /* of one record, or of the whole file */
};

static void iccid_show(cr_span c, cr_buf *out)
{
    char text[PROFILE_ICCID_TEXT];
    cr_buf_append_str(out, profile_iccid_text(c, text));
}

static void imsi_show(cr_span c, cr_buf *out)
{
    char text[PROFILE_IMSI_TEXT];
    cr_buf_append_str(out, profile_imsi_text(c, text));
}

static void spn_show(cr_span c, cr_buf *out)
{
    profile_alpha_text(cr_span_sub(c, 1, c.n), out);
}

static void text_tlv_show(cr_span c, cr_buf *out)
{
    cr_span text = profile_text_tlv(c);
    if (cr_utf8_valid(text)) {
        cr_buf_append_span(out, text);
    }
}

static void divide(cr_buf *out, size_t before)
{
    cr_buf_append_str(out, out->n > before ? " " : "");
}

static void plmn_show(cr_span c, cr_buf *out)
{
    char text[PROFILE_PLMN_TEXT];
    size_t before = out->n;
    for (size_t at = 0; at + PROFILE_PLMN <= c.n; at += PROFILE_PLMN) {
        const char *plmn = profile_plmn_text(cr_span_sub(c, at, PROFILE_PLMN), text);
        if (*plmn) {
            divide(out, before);
            cr_buf_append_str(out, plmn);
        }
    }
}

static void plmn_act_show(cr_span c, cr_buf *out)
{
    char text[PROFILE_PLMN_TEXT];
    size_t before = out->n;
    for (size_t at = 0; at + 5 <= c.n; at += 5) {
        cr_span entry = cr_span_sub(c, at, 5);
        if (*profile_plmn_text(entry, text)) {
            divide(out, before);
            profile_plmn_act_text(entry, out);
        }
    }
}

static void acc_show(cr_span c, cr_buf *out)
{
    const char *divider = "classes ";
    for (unsigned i = 0; c.n == PROFILE_ACC && i < 16; i++) {
        if ((c.p[0] << 8 | c.p[1]) >> i & 1) {
            cr_buf_appendf(out, "%s%u", divider, i);
            divider = ",";
        }
    }
}

static void ad_show(cr_span c, cr_buf *out)
{
    static const struct {
        uint8_t mode;
        const char *name;
    } modes[] = {{0x00, "normal operation"},   {0x80, "type approval"},
                 {0x01, "normal, facilities"}, {0x81, "type approval, facilities"},
                 {0x02, "maintenance"},        {0x04, "cell test"}};
    for (size_t i = 0; c.n >= 3 && i < CR_COUNT(modes); i++) {
        if (modes[i].mode == c.p[0]) {
            cr_buf_append_str(out, modes[i].name);
        }
    }
    if (c.n >= 4) {
        cr_buf_appendf(out, ", MNC of %u digits", c.p[3]);
    }
}

static void services_show(cr_span c, const struct profile_ust_service *rows, size_t count,
                          cr_buf *out)
{
    const char *divider = "";
    for (unsigned n = 1; n <= c.n * 8; n++) {
        if (!profile_table_has(c, n)) {
            continue;
        }
        const char *name = "not known";
        for (size_t i = 0; i < count; i++) {
            name = rows[i].number == n ? rows[i].name : name;
        }
        cr_buf_appendf(out, "%s%u %s", divider, n, name);
        divider = "\n";
    }
}

static void ust_show(cr_span c, cr_buf *out)
{
    services_show(c, profile_ust_services, profile_ust_service_count, out);
}

static void ist_show(cr_span c, cr_buf *out)
{
    services_show(c, profile_ist_services, profile_ist_service_count, out);
}

static void dir_show(cr_span c, cr_buf *out)
{
    struct der_tlv application;
    struct der_tlv tlv;
    if (!der_find(c, 0x61, &application) || !der_find(application.value, 0x4F, &tlv)) {
        return;
    }
    cr_hex_append(out, tlv.value);
    if (der_find(application.value, 0x50, &tlv) && tlv.value.n > 0) {
        cr_buf_append_byte(out, ' ');
        profile_alpha_text(tlv.value, out);
    }
}

static void smsp_show(cr_span c, cr_buf *out)
{
    if (c.n < PROFILE_SMSP_TAIL) {
        return;
    }
    size_t text = c.n - PROFILE_SMSP_TAIL;
    cr_span centre = cr_span_sub(c, text + 13, 12);
    size_t before = out->n;
    profile_alpha_text(cr_span_sub(c, 0, text), out);
    if (!(c.p[text] & 0x02) && centre.n == 12 && centre.p[0] >= 1 && centre.p[0] <= 11) {
        divide(out, before);
        cr_buf_append_str(out, "service centre ");
        profile_ef_number(cr_span_sub(centre, 1, centre.p[0]), out);
    }
}

static void ecc_show(cr_span c, cr_buf *out)
{
    cr_span number = cr_span_sub(c, 0, 3);
    for (size_t i = 0; i < number.n * 2; i++) {
        uint8_t nibble = i % 2 ? number.p[i / 2] >> 4 : number.p[i / 2] & 0x0F;
        if (nibble > 9) {
            break;
        }
        cr_buf_append_byte(out, (uint8_t)('0' + nibble));
    }
    if (c.n > 4 && c.p[3] != 0xFF) {
        cr_buf_append_byte(out, ' ');
        profile_alpha_text(cr_span_sub(c, 3, c.n - 4), out);
    }
}

static void pl_show(cr_span c, cr_buf *out)
{
    for (size_t i = 0; i + 1 < c.n; i += 2) {
        bool letters = c.p[i] >= 'a' && c.p[i] <= 'z' && c.p[i + 1] >= 'a' && c.p[i + 1] <= 'z';
        if (letters) {
            cr_buf_appendf(out, "%s%c%c", i ? " " : "", c.p[i], c.p[i + 1]);
        }
    }
}

/* EF.SUCI_Calc_Info: schemes in order of preference, then the keys of the home network. */
static void suci_show(cr_span c, cr_buf *out)
{
    struct der_tlv list;
    const char *divider = "";
    if (der_peek(c) != 0xA0 || der_next(&c, DER_BER_LENGTHS, &list, NULL) != CR_OK) {
        return;
    }
    for (size_t i = 0; i + 1 < list.value.n; i += 2) {
        uint8_t scheme = list.value.p[i];
        static const char *const names[] = {"null scheme", "profile A", "profile B"};
        cr_buf_appendf(out, "%s%s", divider, scheme < 3 ? names[scheme] : "unknown scheme");
        if (list.value.p[i + 1]) {
            cr_buf_appendf(out, " with key %u", list.value.p[i + 1]);
        }
        divider = ", ";
    }
    if (der_peek(c) != 0xA1 || der_next(&c, DER_BER_LENGTHS, &list, NULL) != CR_OK) {
        return;
    }
    struct der_tlv id;
    struct der_tlv key;
    while (list.value.n > 0 && der_next(&list.value, DER_BER_LENGTHS, &id, NULL) == CR_OK &&
           der_next(&list.value, DER_BER_LENGTHS, &key, NULL) == CR_OK && id.value.n == 1) {
        cr_buf_appendf(out, "\nkey identifier %u: ", id.value.p[0]);
        cr_hex_append(out, key.value);
    }
}

static void routing_show(cr_span c, cr_buf *out)
{
    char text[8];
    if (c.n >= 2 && profile_ef_digits(cr_span_sub(c, 0, 2), true, text, sizeof(text))) {
        cr_buf_append_str(out, text);
    }
}

static void hpplmn_show(cr_span c, cr_buf *out)
{
    if (c.n == 1) {
        cr_buf_appendf(out, "search every %u minutes", c.p[0] * 6u);
    }
}

static uint64_t number_at(cr_span c, size_t at, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n && at + i < c.n; i++) {
        v = v << 8 | c.p[at + i];
    }
    return v;
}

static bool all_ff(cr_span c)
{
    for (size_t i = 0; i < c.n; i++) {
        if (c.p[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* "label HEX", with a divider where something stands before it. */
static void field_show(const char *label, cr_span bytes, cr_buf *out, size_t before)
{
    cr_buf_append_str(out, out->n > before ? ", " : "");
    cr_buf_appendf(out, "%s ", label);
    cr_hex_append(out, bytes);
}

static void hex_show(cr_span c, cr_buf *out)
{
    if (!all_ff(c)) {
        cr_hex_append(out, c);
    }
}

static void est_show(cr_span c, cr_buf *out)
{
    static const char *const names[] = {"fixed dialling", "barred dialling", "APN control"};
    const char *divider = "";
    for (unsigned n = 1; n <= c.n * 8; n++) {
        if (profile_table_has(c, n)) {
            cr_buf_appendf(out, "%s%u %s enabled", divider, n,
                           n <= CR_COUNT(names) ? names[n - 1] : "not known");
            divider = "\n";
        }
    }
}

/* ---- where the phone was last ---- */

static void plmn_text(cr_span plmn, cr_buf *out)
{
    char text[PROFILE_PLMN_TEXT];
    const char *shown = profile_plmn_text(plmn, text);
    cr_buf_append_str(out, *shown ? shown : "none");
}

static const char *update_status(uint8_t status)
{
    static const char *const words[] = {"updated", "not updated", "PLMN not allowed",
                                        "location area not allowed"};
    return (status & 7) < CR_COUNT(words) ? words[status & 7] : "reserved status";
}

static void loci_show(cr_span c, cr_buf *out)
{
    if (c.n < 11) {
        return;
    }
    cr_buf_append_str(out, "network ");
    plmn_text(cr_span_sub(c, 4, PROFILE_PLMN), out);
    cr_buf_appendf(out, ", LAC %04X, TMSI %08X, %s", (unsigned)number_at(c, 7, 2),
                   (unsigned)number_at(c, 0, 4), update_status(c.p[10]));
}

static void psloci_show(cr_span c, cr_buf *out)
{
    if (c.n < 14) {
        return;
    }
    cr_buf_append_str(out, "network ");
    plmn_text(cr_span_sub(c, 7, PROFILE_PLMN), out);
    cr_buf_appendf(out, ", LAC %04X, RAC %02X, P-TMSI %08X, %s", (unsigned)number_at(c, 10, 2),
                   c.p[12], (unsigned)number_at(c, 0, 4), update_status(c.p[13]));
}

/* GUTI (12 bytes of a mobile identity), last visited tracking area, status. */
static void epsloci_show(cr_span c, cr_buf *out)
{
    if (c.n < 18) {
        return;
    }
    cr_buf_append_str(out, "tracking area ");
    plmn_text(cr_span_sub(c, 12, PROFILE_PLMN), out);
    cr_buf_appendf(out, " TAC %04X, %s", (unsigned)number_at(c, 15, 2), update_status(c.p[17]));
    if (!all_ff(cr_span_sub(c, 0, 12))) {
        field_show("GUTI", cr_span_sub(c, 0, 12), out, 0);
    }
}

static void loci_5gs_show(cr_span c, cr_buf *out)
{
    if (c.n < 20) {
        return;
    }
    cr_buf_append_str(out, "tracking area ");
    plmn_text(cr_span_sub(c, 13, PROFILE_PLMN), out);
    cr_buf_appendf(out, " TAC %06X, %s", (unsigned)number_at(c, 16, 3), update_status(c.p[19]));
    if (!all_ff(cr_span_sub(c, 0, 13))) {
        field_show("5G-GUTI", cr_span_sub(c, 0, 13), out, 0);
    }
}

/* KSI, CK, IK. */
static void keys_show(cr_span c, cr_buf *out)
{
    if (c.n < 33) {
        return;
    }
    if ((c.p[0] & 7) == 7) {
        cr_buf_append_str(out, "no keys");
        return;
    }
    cr_buf_appendf(out, "key set %u, CK ", c.p[0] & 7u);
    cr_hex_append(out, cr_span_sub(c, 1, 16));
    field_show("IK", cr_span_sub(c, 17, 16), out, 0);
}

static void kc_show(cr_span c, cr_buf *out)
{
    if (c.n < 9) {
        return;
    }
    if ((c.p[8] & 7) == 7) {
        cr_buf_append_str(out, "no key");
        return;
    }
    cr_buf_appendf(out, "key sequence %u", c.p[8] & 7u);
    field_show("Kc", cr_span_sub(c, 0, 8), out, 0);
}

/* ---- texts ---- */

/* Seven bits a character, the coding of network names (TS 24.008 10.5.3.5a). */
static void packed_show(cr_span c, unsigned spare, cr_buf *out)
{
    size_t count = c.n * 8 < spare ? 0 : (c.n * 8 - spare) / 7;
    for (size_t i = 0; i < count; i++) {
        size_t bit = i * 7;
        unsigned v = c.p[bit / 8] >> bit % 8;
        if (bit % 8 > 1 && bit / 8 + 1 < c.n) {
            v |= (unsigned)c.p[bit / 8 + 1] << (8 - bit % 8);
        }
        uint8_t code = (uint8_t)(v & 0x7F);
        profile_alpha_text(cr_span_of(&code, 1), out);
    }
}

static void network_name(cr_span value, cr_buf *out)
{
    if (value.n < 2) {
        return;
    }
    cr_span text = cr_span_sub(value, 1, value.n);
    if ((value.p[0] >> 4 & 7) == 1) { /* UCS2 */
        cr_buf coded = {0};
        cr_buf_append_byte(&coded, 0x80);
        cr_buf_append_span(&coded, text);
        profile_alpha_text(cr_buf_span(&coded), out);
        cr_buf_free(&coded);
    } else {
        packed_show(text, value.p[0] & 7u, out);
    }
}

static void pnn_show(cr_span c, cr_buf *out)
{
    struct der_tlv tlv;
    size_t before = out->n;
    if (der_find(c, 0x43, &tlv)) {
        network_name(tlv.value, out);
    }
    if (der_find(c, 0x45, &tlv)) {
        cr_buf_append_str(out, out->n > before ? ", short " : "short ");
        network_name(tlv.value, out);
    }
}

static void opl_line(cr_span c, size_t area, cr_buf *out)
{
    if (c.n < 4 + 2 * area || all_ff(c)) {
        return;
    }
    int digits = (int)(2 * area);
    plmn_text(c, out);
    cr_buf_appendf(out, ", area %0*X to %0*X: ", digits, (unsigned)number_at(c, 3, area), digits,
                   (unsigned)number_at(c, 3 + area, area));
    uint8_t record = c.p[3 + 2 * area];
    if (record) {
        cr_buf_appendf(out, "EF.PNN record %u", record);
    } else {
        cr_buf_append_str(out, "name from elsewhere");
    }
}

static void opl_show(cr_span c, cr_buf *out)
{
    opl_line(c, 2, out);
}

static void opl5g_show(cr_span c, cr_buf *out)
{
    opl_line(c, 3, out);
}

/* A3 { 80 list of PLMNs }. */
static void spdi_show(cr_span c, cr_buf *out)
{
    struct der_tlv list;
    struct der_tlv plmns;
    if (der_find(c, 0xA3, &list) && der_find(list.value, 0x80, &plmns)) {
        plmn_show(plmns.value, out);
    }
}

/* Status, service centre, then a TPDU. */
static void sms_show(cr_span c, cr_buf *out)
{
    static const struct {
        uint8_t status;
        const char *text;
    } states[] = {{0x01, "received, read"},
                  {0x03, "received, to be read"},
                  {0x05, "sent"},
                  {0x07, "to be sent"},
                  {0x0D, "sent, report requested"},
                  {0x15, "sent, report received"}};
    if (c.n < 2 || !(c.p[0] & 1)) {
        return;
    }
    const char *text = "used";
    for (size_t i = 0; i < CR_COUNT(states); i++) {
        text = states[i].status == c.p[0] ? states[i].text : text;
    }
    cr_buf_append_str(out, text);
    if (c.p[1] >= 1 && c.p[1] <= 11 && c.n > 2u + c.p[1]) {
        cr_buf_append_str(out, ", service centre ");
        profile_ef_number(cr_span_sub(c, 2, c.p[1]), out);
        size_t end = c.n;
        while (end > 2u + c.p[1] && c.p[end - 1] == 0xFF) {
            end--;
        }
        field_show("TPDU", cr_span_sub(c, 2u + c.p[1], end - 2 - c.p[1]), out, 0);
    }
}

static void smss_show(cr_span c, cr_buf *out)
{
    if (c.n >= 2) {
        cr_buf_appendf(out, "last message reference %u, memory %s", c.p[0],
                       c.p[1] & 1 ? "not exceeded" : "exceeded");
    }
}

static void threshold_show(cr_span c, cr_buf *out)
{
    if (c.n >= 3 && !all_ff(cr_span_sub(c, 0, 3))) {
        cr_buf_appendf(out, "%u", (unsigned)number_at(c, 0, 3));
    }
}

static void start_hfn_show(cr_span c, cr_buf *out)
{
    if (c.n >= 6) {
        cr_buf_appendf(out, "CS %06X, PS %06X", (unsigned)number_at(c, 0, 3),
                       (unsigned)number_at(c, 3, 3));
    }
}

/* 80 with an address: type (0 FQDN, 1 IPv4, 2 IPv6) and the address itself. */
static void pcscf_show(cr_span c, cr_buf *out)
{
    struct der_tlv tlv;
    if (der_peek(c) != 0x80 || der_next(&c, DER_BER_LENGTHS, &tlv, NULL) != CR_OK ||
        tlv.value.n < 2) {
        return;
    }
    cr_span address = cr_span_sub(tlv.value, 1, tlv.value.n);
    if (tlv.value.p[0] == 0 && cr_utf8_valid(address)) {
        cr_buf_append_span(out, address);
    } else if (tlv.value.p[0] == 1 && address.n == 4) {
        cr_buf_appendf(out, "%u.%u.%u.%u", address.p[0], address.p[1], address.p[2], address.p[3]);
    } else {
        cr_hex_append(out, address);
    }
}

static void umpc_show(cr_span c, cr_buf *out)
{
    if (c.n >= 3 && !all_ff(c)) {
        cr_buf_appendf(out, "power for %u ms at most, suspension %s, low power %s", c.p[0] * 100u,
                       c.p[2] & 1 ? "offered" : "not offered", c.p[2] & 2 ? "yes" : "no");
    }
}

static void access_identities_show(cr_span c, cr_buf *out)
{
    static const char *const names[] = {"multimedia priority", "mission critical"};
    const char *divider = "";
    for (unsigned i = 0; c.n && i < CR_COUNT(names); i++) {
        if (c.p[0] >> i & 1) {
            cr_buf_appendf(out, "%s%s", divider, names[i]);
            divider = ", ";
        }
    }
}

/* EF.PBR (TS 31.102 4.4.2.1): which files make the phonebook. Types say how their records belong
 * together: one to one, by EF.IAP, shared. */
static void pbr_show(cr_span c, cr_buf *out)
{
    static const char *const files[] = {"ADN", "IAP", "EXT1", "SNE",   "ANR",  "PBC", "GRP",
                                        "AAS", "GAS", "UID",  "EMAIL", "CCP1", "PURI"};
    struct der_tlv type;
    struct der_tlv file;
    size_t before = out->n;
    while (c.n > 0 && c.p[0] >= 0xA8 && c.p[0] <= 0xAA &&
           der_next(&c, DER_BER_LENGTHS, &type, NULL) == CR_OK) {
        cr_buf_appendf(out, "%stype %u:", out->n > before ? "; " : "", (unsigned)type.tag - 0xA7u);
        while (type.value.n > 0 && der_next(&type.value, DER_BER_LENGTHS, &file, NULL) == CR_OK) {
            bool known = file.tag >= 0xC0 && file.tag < 0xC0 + CR_COUNT(files);
            if (file.value.n >= 2) {
                cr_buf_appendf(out, " %s %04X", known ? files[file.tag - 0xC0] : "?",
                               (unsigned)number_at(file.value, 0, 2));
            }
        }
    }
}

/* ---- access rules ---- */

static void pin_name(uint8_t reference, cr_buf *out)
{
    if (reference >= 0x01 && reference <= 0x08) {
        cr_buf_appendf(out, reference == 1 ? "PIN1" : "PIN of application %u", reference);
    } else if (reference >= 0x81 && reference <= 0x88) {
        cr_buf_appendf(out, reference == 0x81 ? "PIN2" : "second PIN of application %u",
                       reference & 0x0Fu);
    } else if (reference == 0x11) {
        cr_buf_append_str(out, "universal PIN");
    } else if (reference >= 0x0A && reference <= 0x0E) {
        cr_buf_appendf(out, "ADM%u", reference - 0x09u);
    } else if (reference >= 0x8A && reference <= 0x8E) {
        cr_buf_appendf(out, "ADM%u", reference - 0x84u);
    } else {
        cr_buf_appendf(out, "key %02X", reference);
    }
}

static bool is_access_mode(uint32_t tag)
{
    return tag >= 0x80 && tag <= 0x8F;
}

static void access_mode(const struct der_tlv *mode, bool df, cr_buf *out)
{
    static const char *const of_ef[] = {"read",     "update",    "write", "deactivate",
                                        "activate", "terminate", "delete"};
    static const char *const of_df[] = {"delete child", "create EF", "create DF", "deactivate",
                                        "activate",     "terminate", "delete"};
    static const struct {
        uint8_t ins;
        const char *name;
    } instructions[] = {{0x32, "increase"}, {0xD4, "resize"}};
    const char *divider = "";
    if (mode->tag == 0x80 && mode->value.n == 1) {
        for (unsigned i = 0; i < CR_COUNT(of_ef); i++) {
            if (mode->value.p[0] >> i & 1) {
                cr_buf_appendf(out, "%s%s", divider, df ? of_df[i] : of_ef[i]);
                divider = ", ";
            }
        }
        return;
    }
    for (size_t i = 0; mode->tag == 0x84 && mode->value.n == 1 && i < CR_COUNT(instructions); i++) {
        if (instructions[i].ins == mode->value.p[0]) {
            cr_buf_append_str(out, instructions[i].name);
            return;
        }
    }
    cr_buf_append_str(out, mode->tag == 0x84 ? "instruction " : "mode ");
    cr_hex_append(out, mode->value);
}

#define RULE_DEPTH 4 /* conditions inside of conditions */

static void condition(const struct der_tlv *c, unsigned depth, cr_buf *out)
{
    struct der_tlv key;
    cr_span rest = c->value;
    if (c->tag == 0x90) {
        cr_buf_append_str(out, "always");
    } else if (c->tag == 0x97) {
        cr_buf_append_str(out, "never");
    } else if (c->tag == 0xA4 && der_find(c->value, 0x83, &key) && key.value.n == 1) {
        pin_name(key.value.p[0], out);
    } else if ((c->tag == 0xA0 || c->tag == 0xA7 || c->tag == 0xAF) && depth < RULE_DEPTH) {
        const char *between = c->tag == 0xA7 ? " and " : " or ";
        const char *divider = "";
        cr_buf_append_str(out, c->tag == 0xAF ? "not (" : "(");
        while (rest.n > 0 && der_next(&rest, DER_BER_LENGTHS, &key, NULL) == CR_OK) {
            cr_buf_append_str(out, divider);
            condition(&key, depth + 1, out);
            divider = between;
        }
        cr_buf_append_str(out, ")");
    } else {
        cr_buf_append_str(out, "condition ");
        cr_hex_append(out, c->all);
    }
}

/* FF or 00 behind the last rule is padding. */
static bool rest_is_rule(cr_span rest)
{
    return rest.n > 0 && rest.p[0] != 0xFF && rest.p[0] != 0x00;
}

void profile_arr_text(cr_span rule, bool df, cr_buf *out)
{
    size_t before = out->n;
    struct der_tlv tlv;
    bool mode = false; /* an access mode stands there, its condition does not yet */
    while (rest_is_rule(rule) && der_next(&rule, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
        if (is_access_mode(tlv.tag)) {
            cr_buf_append_str(out, out->n == before ? "" : mode ? ", " : "; ");
            access_mode(&tlv, df, out);
            mode = true;
        } else {
            cr_buf_append_str(out, mode ? ": " : " or ");
            condition(&tlv, 0, out);
            mode = false;
        }
    }
}

static void arr_show(cr_span c, cr_buf *out)
{
    profile_arr_text(c, false, out);
}

static const struct known known_files[] = {
    {PROFILE_EF_MF, 0x2FE2, "EF.ICCID", iccid_show},
    {PROFILE_EF_MF, 0x2F00, "EF.DIR", dir_show},
    {PROFILE_EF_MF, 0x2F05, "EF.PL", pl_show},
    {PROFILE_EF_MF, 0x2F06, "EF.ARR", arr_show},
    {PROFILE_EF_MF, 0x2F08, "EF.UMPC", umpc_show},
    {PROFILE_EF_USIM, 0x6F05, "EF.LI", pl_show},
    {PROFILE_EF_USIM, 0x6F06, "EF.ARR", arr_show},
    {PROFILE_EF_USIM, 0x6F07, "EF.IMSI", imsi_show},
    {PROFILE_EF_USIM, 0x6F08, "EF.Keys", keys_show},
    {PROFILE_EF_USIM, 0x6F09, "EF.KeysPS", keys_show},
    {PROFILE_EF_USIM, 0x6F31, "EF.HPPLMN", hpplmn_show},
    {PROFILE_EF_USIM, 0x6F38, "EF.UST", ust_show},
    {PROFILE_EF_USIM, 0x6F3B, "EF.FDN", profile_adn_text},
    {PROFILE_EF_USIM, 0x6F3C, "EF.SMS", sms_show},
    {PROFILE_EF_USIM, 0x6F3E, "EF.GID1", hex_show},
    {PROFILE_EF_USIM, 0x6F3F, "EF.GID2", hex_show},
    {PROFILE_EF_USIM, 0x6F40, "EF.MSISDN", profile_adn_text},
    {PROFILE_EF_USIM, 0x6F42, "EF.SMSP", smsp_show},
    {PROFILE_EF_USIM, 0x6F43, "EF.SMSS", smss_show},
    {PROFILE_EF_USIM, 0x6F46, "EF.SPN", spn_show},
    {PROFILE_EF_USIM, 0x6F49, "EF.SDN", profile_adn_text},
    {PROFILE_EF_USIM, 0x6F4D, "EF.BDN", profile_adn_text},
    {PROFILE_EF_USIM, 0x6F56, "EF.EST", est_show},
    {PROFILE_EF_USIM, 0x6F5B, "EF.START-HFN", start_hfn_show},
    {PROFILE_EF_USIM, 0x6F5C, "EF.THRESHOLD", threshold_show},
    {PROFILE_EF_USIM, 0x6F60, "EF.PLMNwAcT", plmn_act_show},
    {PROFILE_EF_USIM, 0x6F61, "EF.OPLMNwAcT", plmn_act_show},
    {PROFILE_EF_USIM, 0x6F62, "EF.HPLMNwAcT", plmn_act_show},
    {PROFILE_EF_USIM, 0x6F73, "EF.PSLOCI", psloci_show},
    {PROFILE_EF_USIM, 0x6F78, "EF.ACC", acc_show},
    {PROFILE_EF_USIM, 0x6F7B, "EF.FPLMN", plmn_show},
    {PROFILE_EF_USIM, 0x6F7E, "EF.LOCI", loci_show},
    {PROFILE_EF_USIM, 0x6FAD, "EF.AD", ad_show},
    {PROFILE_EF_USIM, 0x6FB7, "EF.ECC", ecc_show},
    {PROFILE_EF_USIM, 0x6FC5, "EF.PNN", pnn_show},
    {PROFILE_EF_USIM, 0x6FC6, "EF.OPL", opl_show},
    {PROFILE_EF_USIM, 0x6FC7, "EF.MBDN", profile_adn_text},
    {PROFILE_EF_USIM, 0x6FCD, "EF.SPDI", spdi_show},
    {PROFILE_EF_USIM, 0x6FD9, "EF.EHPLMN", plmn_show},
    {PROFILE_EF_USIM, 0x6FE3, "EF.EPSLOCI", epsloci_show},
    {PROFILE_EF_ISIM, 0x6F02, "EF.IMPI", text_tlv_show},
    {PROFILE_EF_ISIM, 0x6F03, "EF.DOMAIN", text_tlv_show},
    {PROFILE_EF_ISIM, 0x6F04, "EF.IMPU", text_tlv_show},
    {PROFILE_EF_ISIM, 0x6F06, "EF.ARR", arr_show},
    {PROFILE_EF_ISIM, 0x6F07, "EF.IST", ist_show},
    {PROFILE_EF_ISIM, 0x6F09, "EF.P-CSCF", pcscf_show},
    {PROFILE_EF_ISIM, 0x6FAD, "EF.AD", ad_show},
    {PROFILE_EF_TELECOM, 0x6F06, "EF.ARR", arr_show},
    {PROFILE_EF_TELECOM, 0x6F3A, "EF.ADN", profile_adn_text},
    {PROFILE_EF_TELECOM, 0x6F3B, "EF.FDN", profile_adn_text},
    {PROFILE_EF_TELECOM, 0x6F3C, "EF.SMS", sms_show},
    {PROFILE_EF_TELECOM, 0x6F40, "EF.MSISDN", profile_adn_text},
    {PROFILE_EF_TELECOM, 0x6F42, "EF.SMSP", smsp_show},
    {PROFILE_EF_TELECOM, 0x6F49, "EF.SDN", profile_adn_text},
    {PROFILE_EF_GSM_ACCESS, 0x4F20, "EF.Kc", kc_show},
    {PROFILE_EF_GSM_ACCESS, 0x4F52, "EF.KcGPRS", kc_show},
    {PROFILE_EF_PHONEBOOK, 0x4F30, "EF.PBR", pbr_show},
    {PROFILE_EF_5GS, 0x4F01, "EF.5GS3GPPLOCI", loci_5gs_show},
    {PROFILE_EF_5GS, 0x4F02, "EF.5GSN3GPPLOCI", loci_5gs_show},
    {PROFILE_EF_5GS, 0x4F06, "EF.UAC_AIC", access_identities_show},
    {PROFILE_EF_5GS, 0x4F07, "EF.SUCI_Calc_Info", suci_show},
    {PROFILE_EF_5GS, 0x4F08, "EF.OPL5G", opl5g_show},
    {PROFILE_EF_5GS, 0x4F09, "EF.SUPI_NAI", text_tlv_show},
    {PROFILE_EF_5GS, 0x4F0A, "EF.Routing_Indicator", routing_show},
    {PROFILE_EF_SAIP, 0x4F01, "EF.SUCI_Calc_Info_USIM", suci_show},
};

static const struct known *known_file(enum profile_ef_place place, uint16_t fid)
{
    for (size_t i = 0; i < CR_COUNT(known_files); i++) {
        if (known_files[i].place == place && known_files[i].fid == fid) {
            return &known_files[i];
        }
    }
    return NULL;
}

const char *profile_ef_next(enum profile_ef_place place, size_t *cursor, uint16_t *fid)
{
    while (*cursor < CR_COUNT(known_files)) {
        const struct known *file = &known_files[(*cursor)++];
        if (file->place == place) {
            *fid = file->fid;
            return file->name;
        }
    }
    return NULL;
}

const char *profile_ef_name(enum profile_ef_place place, uint16_t fid)
{
    const struct known *file = known_file(place, fid);
    return file ? file->name : NULL;
}

bool profile_ef_text(enum profile_ef_place place, uint16_t fid, cr_span content,
                     size_t record_length, cr_buf *out)
{
    const struct known *file = known_file(place, fid);
    size_t before = out->n;
    if (!file || !file->text) {
        return false;
    }
    size_t step = record_length > 0 ? record_length : content.n;
    for (size_t at = 0; step > 0 && at < content.n; at += step) {
        size_t line = out->n;
        if (line > before) {
            cr_buf_append_byte(out, '\n');
        }
        size_t start = out->n;
        file->text(cr_span_sub(content, at, step), out);
        if (out->n == start && !out->failed) {
            out->n = line; /* an empty record */
        }
    }
    return out->n > before;
}
