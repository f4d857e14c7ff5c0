/*
 * The list of templates, look-up by OID and by member, initial content, access rules.
 */
#include "profile/template_rows.h"

/* Rows in which an earlier version differs from the latest one. */
static const struct profile_template_member usim_v1[] = {
    {"ef-ust", 8, TR, .fid = 0x6F38, .size = 14, .arr = 2, .sfi = 0x04, .parent = 2,
     .must = CONTENT, .mandatory = true},
};
static const struct profile_template_member df_5gs_v1[] = {
    {"ef-5gs3gppnsc", 5, LF, .fid = 0x4F03, .records = 1, .size = 57, .arr = 5, .sfi = 0x03,
     .parent = 2, PATTERN("\xFF"), .high_update = true},
    {"ef-5gsn3gppnsc", 6, LF, .fid = 0x4F04, .records = 1, .size = 57, .arr = 5, .sfi = 0x04,
     .parent = 2, PATTERN("\xFF"), .high_update = true},
    {"ef-routing-indicator", 12, TR, .fid = 0x4F0A, .size = 4, .arr = 2, .sfi = 0x0A, .parent = 2,
     LITERAL("\xF0\xFF\xFF\xFF")},
};

#define ROWS(table, n) .rows = profile_rows_##table, .count = (n)
#define ALL(table)     ROWS(table, CR_COUNT(profile_rows_##table))
#define OVERRIDES(table, from)                                                                     \
    .overrides = (table) + (from), .override_count = CR_COUNT(table) - (from)

/* clang-format off */
const struct profile_template profile_templates[] = {
    {"MF", 1, 1, PROFILE_MF, PROFILE_BASE_NONE, true, ALL(mf)},
    {"DF.CD", 2, 1, PROFILE_CD, PROFILE_BASE_MF, false, ALL(cd)},
    {"DF.TELECOM", 3, 1, PROFILE_TELECOM, PROFILE_BASE_MF, false, ROWS(telecom, 38)},
    {"DF.TELECOM v2", 3, 2, PROFILE_TELECOM, PROFILE_BASE_MF, false, ALL(telecom)},
    {"DF.TELECOM v3", 3, 3, PROFILE_TELECOM, PROFILE_BASE_MF, false, ALL(telecom)},
    {"ADF.USIM", 4, 1, PROFILE_USIM, PROFILE_BASE_MF, true, ALL(usim), OVERRIDES(usim_v1, 0)},
    {"ADF.USIM v2", 4, 2, PROFILE_USIM, PROFILE_BASE_MF, true, ALL(usim)},
    {"optional USIM", 5, 1, PROFILE_OPT_USIM, PROFILE_BASE_USIM, false, ROWS(opt_usim, 74)},
    {"optional USIM v2", 5, 2, PROFILE_OPT_USIM, PROFILE_BASE_USIM, false, ROWS(opt_usim, 85)},
    {"optional USIM v3", 5, 3, PROFILE_OPT_USIM, PROFILE_BASE_USIM, false, ALL(opt_usim)},
    {"optional USIM v4", 5, 4, PROFILE_OPT_USIM, PROFILE_BASE_USIM, false, ALL(opt_usim)},
    {"DF.PHONEBOOK", 6, 1, PROFILE_PHONEBOOK, PROFILE_BASE_USIM, false, ALL(phonebook)},
    {"DF.GSM-ACCESS", 7, 1, PROFILE_GSM_ACCESS, PROFILE_BASE_USIM, false, ALL(gsm_access)},
    {"ADF.ISIM", 8, 1, PROFILE_ISIM, PROFILE_BASE_MF, true, ALL(isim)},
    {"optional ISIM", 9, 1, PROFILE_OPT_ISIM, PROFILE_BASE_ISIM, false, ROWS(opt_isim, 9)},
    {"optional ISIM v2", 9, 2, PROFILE_OPT_ISIM, PROFILE_BASE_ISIM, false, ALL(opt_isim)},
    {"optional ISIM v3", 9, 3, PROFILE_OPT_ISIM, PROFILE_BASE_ISIM, false, ALL(opt_isim)},
    {"ADF.CSIM", 10, 1, PROFILE_CSIM, PROFILE_BASE_MF, true, ALL(csim)},
    {"ADF.CSIM v2", 10, 2, PROFILE_CSIM, PROFILE_BASE_MF, true, ALL(csim)},
    {"optional CSIM", 11, 1, PROFILE_OPT_CSIM, PROFILE_BASE_CSIM, false, ALL(opt_csim)},
    {"optional CSIM v2", 11, 2, PROFILE_OPT_CSIM, PROFILE_BASE_CSIM, false, ALL(opt_csim)},
    {"DF.EAP", 12, 1, PROFILE_EAP, PROFILE_BASE_NAA, false, ALL(eap)},
    {"DF.5GS", 13, 1, PROFILE_DF_5GS, PROFILE_BASE_USIM, false, ROWS(5gs, 11),
     OVERRIDES(df_5gs_v1, 0)},
    {"DF.5GS v2", 13, 2, PROFILE_DF_5GS, PROFILE_BASE_USIM, false, ROWS(5gs, 13),
     OVERRIDES(df_5gs_v1, 0)},
    {"DF.5GS v3", 13, 3, PROFILE_DF_5GS, PROFILE_BASE_USIM, false, ROWS(5gs, 13),
     OVERRIDES(df_5gs_v1, 2)},
    {"DF.5GS v4", 13, 4, PROFILE_DF_5GS, PROFILE_BASE_USIM, false, ALL(5gs)},
    {"DF.SAIP", 14, 1, PROFILE_DF_SAIP, PROFILE_BASE_USIM, false, ALL(saip)},
    {"DF.SNPN", 15, 1, PROFILE_DF_SNPN, PROFILE_BASE_USIM, false, ALL(snpn)},
    {"DF.SNPN v2", 15, 2, PROFILE_DF_SNPN, PROFILE_BASE_USIM, false, ALL(snpn)},
    {"DF.5G_ProSe", 16, 1, PROFILE_DF_5GPROSE, PROFILE_BASE_USIM, false, ALL(5gprose)},
    {"DF.5G_ProSe v2", 16, 2, PROFILE_DF_5GPROSE, PROFILE_BASE_USIM, false, ALL(5gprose)},
    {"IoT minimal profile", 17, 1, PROFILE_IOT, PROFILE_BASE_NONE, true, ALL(iot)},
    {"optional IoT", 18, 1, PROFILE_OPT_IOT, PROFILE_BASE_USIM, false, ALL(opt_iot)},
};
/* clang-format on */
const size_t profile_template_count = CR_COUNT(profile_templates);

/* 2.23.143.1.2 */
static const uint8_t oid_prefix[] = {0x67, 0x81, 0x0F, 0x01, 0x02};

cr_span profile_template_oid(const struct profile_template *template,
                             uint8_t out[PROFILE_TEMPLATE_OID])
{
    size_t n = sizeof(oid_prefix);
    memcpy(out, oid_prefix, n);
    out[n++] = template->arc;
    if (template->version > 1) {
        out[n++] = template->version;
    }
    return cr_span_of(out, n);
}

const struct profile_template *profile_template_by_oid(cr_span oid)
{
    uint8_t text[PROFILE_TEMPLATE_OID];
    for (size_t i = 0; i < profile_template_count; i++) {
        if (cr_span_equal(oid, profile_template_oid(&profile_templates[i], text))) {
            return &profile_templates[i];
        }
    }
    return NULL;
}

const struct profile_template *profile_template_of_kind(enum profile_element_kind kind)
{
    const struct profile_template *last = NULL;
    for (size_t i = 0; i < profile_template_count; i++) {
        if (profile_templates[i].kind == kind) {
            last = &profile_templates[i];
        }
    }
    return last;
}

const struct profile_template_member *
profile_template_member(const struct profile_template *template, unsigned member)
{
    for (size_t i = 0; i < template->override_count; i++) {
        if (template->overrides[i].member == member) {
            return &template->overrides[i];
        }
    }
    return member >= 2 && member - 2 < template->count ? &template->rows[member - 2] : NULL;
}

bool profile_template_makes(const struct profile_template *template,
                            const struct profile_template_member *row)
{
    unsigned unknowable = PROFILE_MUST_RECORDS | PROFILE_MUST_SIZE | PROFILE_MUST_CONTENT |
                          PROFILE_MUST_AID | PROFILE_MUST_PIN_STATUS | PROFILE_MUST_FID;
    return template->created_by_default && !row->mandatory && !(row->must & unknowable);
}

const struct profile_template_member *
profile_template_member_named(const struct profile_template *template, const char *name)
{
    for (size_t i = 0; i < template->count; i++) {
        if (strcmp(template->rows[i].name, name) == 0) {
            return profile_template_member(template, template->rows[i].member);
        }
    }
    return NULL;
}

enum profile_element_kind profile_naa_of_aid(cr_span aid)
{
    static const struct {
        uint8_t code[7]; /* RID and application code */
        enum profile_element_kind kind;
    } known[] = {
        {{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02}, PROFILE_USIM},
        {{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x04}, PROFILE_ISIM},
        {{0xA0, 0x00, 0x00, 0x03, 0x43, 0x10, 0x02}, PROFILE_CSIM},
    };
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        if (cr_span_equal(cr_span_sub(aid, 0, sizeof(known[i].code)),
                          CR_SPAN_ARRAY(known[i].code))) {
            return known[i].kind;
        }
    }
    return PROFILE_UNKNOWN;
}

const char *profile_type_name(enum profile_file_type type)
{
    static const char *const names[] = {
        [PROFILE_TYPE_MF] = "MF",           [PROFILE_TYPE_DF] = "DF",
        [PROFILE_TYPE_ADF] = "ADF",         [PROFILE_TYPE_TR] = "transparent",
        [PROFILE_TYPE_LF] = "linear fixed", [PROFILE_TYPE_CY] = "cyclic",
        [PROFILE_TYPE_BT] = "BER-TLV",
    };
    return names[type];
}

uint8_t profile_type_descriptor(enum profile_file_type type)
{
    static const uint8_t descriptors[] = {
        [PROFILE_TYPE_MF] = 0x78, [PROFILE_TYPE_DF] = 0x78, [PROFILE_TYPE_ADF] = 0x78,
        [PROFILE_TYPE_TR] = 0x41, [PROFILE_TYPE_LF] = 0x42, [PROFILE_TYPE_CY] = 0x46,
        [PROFILE_TYPE_BT] = 0x79,
    };
    return descriptors[type];
}

/* One record, or a whole file without records. */
static void fill_once(uint8_t *out, size_t n, enum profile_fill fill, cr_span pattern)
{
    if (fill == PROFILE_FILL_NONE || pattern.n == 0) {
        memset(out, 0xFF, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i < pattern.n) {
            out[i] = pattern.p[i];
        } else if (fill == PROFILE_FILL_PATTERN) {
            out[i] = pattern.p[pattern.n - 1];
        } else {
            out[i] = fill == PROFILE_FILL_REPEAT ? pattern.p[i % pattern.n] : 0xFF;
        }
    }
}

void profile_fill(uint8_t *out, size_t size, size_t record_length, enum profile_fill fill,
                  cr_span pattern)
{
    size_t step = record_length > 0 ? record_length : size;
    for (size_t at = 0; at < size; at += step) {
        fill_once(out + at, size - at < step ? size - at : step, fill, pattern);
    }
}

#define PIN1     "\xA4\x06\x83\x01\x01\x95\x01\x08"
#define PIN2     "\xA4\x06\x83\x01\x81\x95\x01\x08"
#define ADM1     "\xA4\x06\x83\x01\x0A\x95\x01\x08"
#define ALWAYS   "\x90\x00"
#define NEVER    "\x97\x00"
#define AM(mode) "\x80\x01" mode /* access mode byte */

cr_span profile_arr_rule(unsigned record)
{
#define RULE(n, bytes) [n] = {(bytes), sizeof(bytes) - 1 }
    static const struct {
        const char *bytes;
        size_t n;
    } rules[PROFILE_ARR_RULES + 1] = {
        RULE(1, AM("\x01") ALWAYS AM("\x02") PIN1 AM("\x58") ADM1),
        RULE(2, AM("\x01") PIN1 AM("\x5A") ADM1),
        RULE(3, AM("\x5B") ADM1),
        RULE(4, AM("\x01") ALWAYS AM("\x1A") NEVER AM("\x40") ADM1),
        RULE(5, AM("\x03") PIN1 AM("\x58") ADM1),
        RULE(6, AM("\x11") PIN1 AM("\x4A") ADM1),
        RULE(7, AM("\x03") PIN1 AM("\x58") ADM1 "\x84\x01\x32" PIN1),
        RULE(8, AM("\x01") PIN1 AM("\x02") PIN2 AM("\x58") ADM1),
        RULE(9, AM("\x01") ALWAYS AM("\x1A") PIN1 AM("\x40") ADM1),
        RULE(10, AM("\x01") ALWAYS AM("\x5A") ADM1),
        RULE(11, AM("\x01") ALWAYS AM("\x18") ADM1 AM("\x42") NEVER),
        RULE(12, AM("\x01") PIN1 AM("\x5A") NEVER),
        RULE(13, AM("\x13") PIN1 AM("\x48") ADM1),
        RULE(14, AM("\x5E") ADM1),
    };
    if (record < 1 || record > PROFILE_ARR_RULES) {
        return (cr_span){0};
    }
    return cr_span_of(rules[record].bytes, rules[record].n);
}
