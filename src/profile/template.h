/*
 * The file-system templates: what a file of a file-system element is when the element does not say
 * (TCA Interoperable Format, annex on file structures templates; OIDs below 2.23.143.1.2).
 *
 * All tables are constant data. A template of a later version shares the rows of the earlier one:
 * it has more of them, and overrides a few. Always look a row up with profile_template_member().
 */
#ifndef CRISP_PROFILE_TEMPLATE_H
#define CRISP_PROFILE_TEMPLATE_H

#include "profile/elements.h"

enum profile_file_type {
    PROFILE_TYPE_MF,
    PROFILE_TYPE_DF,
    PROFILE_TYPE_ADF,
    PROFILE_TYPE_TR, /* transparent */
    PROFILE_TYPE_LF, /* linear fixed */
    PROFILE_TYPE_CY, /* cyclic */
    PROFILE_TYPE_BT  /* BER-TLV structured */
};

static inline bool profile_type_is_df(enum profile_file_type type)
{
    return type <= PROFILE_TYPE_ADF;
}

static inline bool profile_type_has_records(enum profile_file_type type)
{
    return type == PROFILE_TYPE_LF || type == PROFILE_TYPE_CY;
}

/* "MF", "DF", "ADF", "transparent", "linear fixed", "cyclic", "BER-TLV". */
const char *profile_type_name(enum profile_file_type type);

/* First byte of the file descriptor of a shareable file of this type (78, 41, 42, 46, 79). */
uint8_t profile_type_descriptor(enum profile_file_type type);

/* How initial content comes from a few bytes; for LF and CY always per record. */
enum profile_fill {
    PROFILE_FILL_NONE,    /* nothing given: FF throughout */
    PROFILE_FILL_LITERAL, /* as it is, cut or padded with FF */
    PROFILE_FILL_PATTERN, /* once, then the last byte repeated (fillPattern) */
    PROFILE_FILL_REPEAT   /* repeated as a whole (repeatPattern) */
};

/* What the package has to state because the template cannot know it. */
enum profile_must_give {
    PROFILE_MUST_RECORDS = 1 << 0,    /* number of records (efFileSize with the record length) */
    PROFILE_MUST_SIZE = 1 << 1,       /* size of a TR or BT file, record length of LF and CY */
    PROFILE_MUST_CONTENT = 1 << 2,    /* content items or a pattern */
    PROFILE_MUST_SFI = 1 << 3,        /* shortEFID (may be empty) */
    PROFILE_MUST_PIN_STATUS = 1 << 4, /* pinStatusTemplateDO */
    PROFILE_MUST_AID = 1 << 5,        /* dfName */
    PROFILE_MUST_FID = 1 << 6         /* fileID: temporary, or not fixed by the template */
};

struct profile_template_member {
    const char *name;    /* of the ASN.1 module: "ef-imsi" */
    uint8_t member;      /* context tag number in the element */
    uint8_t type;        /* enum profile_file_type */
    uint16_t fid;        /* 0 = given by the package */
    uint16_t fid_last;   /* end of a range for several instances; 0 = fid alone */
    uint16_t records;    /* LF, CY: default number; 0 = given by the package */
    uint16_t size;       /* LF, CY: bytes of a record; TR, BT: of the file; 0 = package */
    uint8_t arr;         /* record of EF.ARR: 2F06 for the MF, ADFs and files directly below
                            the MF, else 6F06 */
    uint8_t sfi;         /* 0 = none */
    uint8_t parent;      /* member number of its DF in this template; 0 = the base */
    uint8_t fill;        /* enum profile_fill */
    uint8_t fill_length; /* bytes of pattern */
    uint8_t must;        /* enum profile_must_give */
    bool mandatory;      /* member has to be in the element */
    bool high_update;    /* specialFileInformation b8 by default */
    const char *pattern; /* fill_length bytes, not text */
};

/* Where the first DF of a template, or its files when it has none, goes. */
enum profile_base {
    PROFILE_BASE_NONE, /* the template makes the MF */
    PROFILE_BASE_MF,
    PROFILE_BASE_USIM, /* the nearest preceding ADF.USIM (also the one of PE-IoT) */
    PROFILE_BASE_ISIM,
    PROFILE_BASE_CSIM,
    PROFILE_BASE_NAA /* the nearest preceding ADF of any kind */
};

struct profile_template {
    const char *name;        /* "ADF.USIM v2" */
    uint8_t arc;             /* behind 2.23.143.1.2: 4 */
    uint8_t version;         /* next arc: 2; 1 = no such arc */
    uint8_t kind;            /* enum profile_element_kind that uses it */
    uint8_t base;            /* enum profile_base */
    bool created_by_default; /* files whose member is absent, too */
    uint8_t count;           /* rows */
    uint8_t override_count;
    const struct profile_template_member *rows;      /* row i is member 2 + i */
    const struct profile_template_member *overrides; /* replace rows of the same member */
};

/* All of them, in the order of their OIDs. */
extern const struct profile_template profile_templates[];
extern const size_t profile_template_count;

#define PROFILE_TEMPLATE_OID 7 /* most bytes of a template OID's contents */

/* The template with this OID (contents octets); NULL when there is none. */
const struct profile_template *profile_template_by_oid(cr_span oid);

/* OID contents of a template: fills out, returns their span over out. */
cr_span profile_template_oid(const struct profile_template *template,
                             uint8_t out[PROFILE_TEMPLATE_OID]);

/* The latest template for a kind of element: names members when the OID is not known. NULL for
 * elements without files. */
const struct profile_template *profile_template_of_kind(enum profile_element_kind kind);

/* Row of a member (tag number 2...), or NULL. */
const struct profile_template_member *
profile_template_member(const struct profile_template *template, unsigned member);

/* True when the template makes the file by itself, from what it knows, in an element that does not
 * mention it. */
bool profile_template_makes(const struct profile_template *template,
                            const struct profile_template_member *row);

/* Row by name ("ef-imsi"), or NULL. */
const struct profile_template_member *
profile_template_member_named(const struct profile_template *template, const char *name);

/* The kind of application that an AID names (TS 101 220 annex E; 3GPP2): PROFILE_USIM,
 * PROFILE_ISIM, PROFILE_CSIM, or PROFILE_UNKNOWN. */
enum profile_element_kind profile_naa_of_aid(cr_span aid);

/* Initial content of a file: size bytes at out. record_length 0 for files without records. */
void profile_fill(uint8_t *out, size_t size, size_t record_length, enum profile_fill fill,
                  cr_span pattern);

/* The access rules that templates point at: record number (1..14) of EF.ARR -> its content, as
 * TLVs of access mode and security condition. Absent for other numbers. */
#define PROFILE_ARR_RULES 14
cr_span profile_arr_rule(unsigned record);

#endif
