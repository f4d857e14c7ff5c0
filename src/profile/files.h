/*
 * What a file of a package really is: template values with the Fcp laid over them, instances of a
 * member, and the bytes that its content items write. Pure functions, used by checker, printer,
 * personaliser and by the installer of the chip.
 *
 * Failures carry in err->code the PEStatus number that fits them (PROFILE_STATUS_...), and in
 * err->field the name of the Fcp field.
 */
#ifndef CRISP_PROFILE_FILES_H
#define CRISP_PROFILE_FILES_H

#include "profile/template.h"

/* status of PEStatus. 6xxx and 9xxx are status words, from 40960 on proprietary. */
enum profile_status {
    PROFILE_STATUS_OK = 0,
    PROFILE_STATUS_PE_NOT_SUPPORTED = 1,
    PROFILE_STATUS_MEMORY_FAILURE = 2,
    PROFILE_STATUS_BAD_VALUES = 3,
    PROFILE_STATUS_NOT_ENOUGH_MEMORY = 4,
    PROFILE_STATUS_INVALID_REQUEST_FORMAT = 5,
    PROFILE_STATUS_INVALID_PARAMETER = 6,
    PROFILE_STATUS_RUNTIME_NOT_SUPPORTED = 7,
    PROFILE_STATUS_LIB_NOT_SUPPORTED = 8,
    PROFILE_STATUS_TEMPLATE_NOT_SUPPORTED = 9,
    PROFILE_STATUS_FEATURE_NOT_SUPPORTED = 10,
    PROFILE_STATUS_PIN_CODE_MISSING = 11,
    PROFILE_STATUS_UNSUPPORTED_PROFILE_VERSION = 31
};

/* "bad-values"; NULL for other numbers. */
const char *profile_status_name(long status);

#define PROFILE_MAX_EF      0xFFFF  /* bytes of a TR, LF or CY file */
#define PROFILE_MAX_BER_TLV 0xFFFFF /* bytes of a BER-TLV file */
#define PROFILE_MAX_RECORDS 254
#define PROFILE_MAX_RECORD  255 /* bytes */
#define PROFILE_FID_MF      0x3F00
#define PROFILE_FID_ARR_MF  0x2F06
#define PROFILE_FID_ARR     0x6F06

/* One file that a member of an element makes. */
struct profile_file_instance {
    unsigned number;                       /* 0 = the first of the member */
    const struct profile_fcp *fcp;         /* NULL = template values only */
    const struct profile_file_item *items; /* its content items, without the Fcp */
    size_t count;
};

/* Number of instances: 0 with doNotCreate, 1 for an empty File. */
size_t profile_file_instances(const struct profile_file *file);

/* Instance n; false when there is none. */
bool profile_file_instance(const struct profile_file *file, size_t n,
                           struct profile_file_instance *out);

/* False when doNotCreate stands beside other items, or where the template does not create the file
 * by itself. */
bool profile_file_may_skip(const struct profile_template *template,
                           const struct profile_template_member *row,
                           const struct profile_file *file);

/* Everything a file is, with defaults applied. */
struct profile_file_attributes {
    enum profile_file_type type;
    bool shareable;
    uint16_t fid;
    cr_span aid;        /* ADF */
    cr_span pin_status; /* MF, DF, ADF: key references; absent for links */
    uint8_t lcsi;
    uint8_t special; /* PROFILE_SPECIAL_... */

    /* 0 = EF.ARR implied by the place of the file, see profile_arr_fid(). */
    uint16_t arr_fid;
    uint8_t arr_record;

    bool has_sfi;
    uint8_t sfi; /* 1..30 */

    /* A link: content, descriptor, size and proprietary information are those of the target, and
     * the members below are not filled. */
    bool is_link;
    cr_span link_path;

    bool size_from_content; /* neither template nor Fcp give a size: as long as the content */
    size_t size;            /* EF: bytes; LF, CY: records * record_length; BT: reserved bytes */
    size_t records;
    size_t record_length; /* 0 = no records */
    enum profile_fill fill;
    cr_span pattern;
    size_t maximum_size;  /* BT: 0 = not limited */
    uint8_t file_details; /* BT */
};

/* The file that row (NULL: created by generic file management) and fcp (NULL: nothing stated, only
 * with a row) describe together; instance counts the files of one member. CR_REFUSED when they do
 * not make a file. The member `aid` of an ADF and `pin_status` may be absent when row is not NULL:
 * that is for profile_check() and the template's `must` to say. */
cr_status profile_file_resolve(const struct profile_template_member *row,
                               const struct profile_fcp *fcp, unsigned instance,
                               struct profile_file_attributes *out,
                               struct cr_err *err) CR_MUST_CHECK;

/* Name of the first field of the Fcp that a file of this type may not have, NULL = all are right.
 * templated: in a template element a DF has no fileDescriptor. */
const char *profile_fcp_forbidden(const struct profile_file_attributes *file,
                                  const struct profile_fcp *fcp, bool templated);

/* Name of the first field that has to be stated and is not: what the template leaves to the
 * package, and (row NULL) the PIN status of a DF of generic file management. fcp may be NULL with a
 * row. */
const char *profile_fcp_missing(const struct profile_template_member *row,
                                const struct profile_file_attributes *file,
                                const struct profile_fcp *fcp);

/* The number of an optional service of EF.UST that decides over the geometry of a template file, 0
 * = none does. EF.5GS3GPPNSC and EF.5GSN3GPPNSC of DF.5GS have two records from version 3 of the
 * template on, but only one without service 136. */
unsigned profile_file_service(const struct profile_template *template,
                              const struct profile_template_member *row,
                              const struct profile_fcp *fcp);
/* What the file is without that service. */
void profile_file_without_service(struct profile_file_attributes *file);

/* File id of the EF.ARR that the access rule of a file refers to. */
uint16_t profile_arr_fid(const struct profile_file_attributes *file, bool parent_is_mf);

/* AID of the application of an IoT minimal profile: A000000087 and the pix of the header. Written
 * to out; absent without iotOptions. */
#define PROFILE_IOT_AID 16
cr_span profile_iot_aid(const struct profile_header *header, uint8_t out[PROFILE_IOT_AID]);

/* A file being filled. size bytes at image hold the initial content already (profile_fill()). */
struct profile_writer {
    uint8_t *image;
    size_t size;
    size_t at; /* current write position */
};

/* fillFileOffset: skips from the current position. Beyond the end is CR_REFUSED only when something
 * is written there. */
cr_status profile_writer_skip(struct profile_writer *w, int64_t offset,
                              struct cr_err *err) CR_MUST_CHECK;
/* fillFileContent. */
cr_status profile_writer_put(struct profile_writer *w, cr_span content,
                             struct cr_err *err) CR_MUST_CHECK;

/* All content items of an instance in turn. */
cr_status profile_writer_items(struct profile_writer *w, const struct profile_file_item *items,
                               size_t count, struct cr_err *err) CR_MUST_CHECK;

/* First position behind everything that the items write. */
size_t profile_items_extent(const struct profile_file_item *items, size_t count);

#endif
