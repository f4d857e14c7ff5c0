/*
 * The rules that a package has to keep, one row each: what checker and tree builder report.
 */
#ifndef CRISP_PROFILE_RULES_H
#define CRISP_PROFILE_RULES_H

#include "base/span.h"

enum profile_severity {
    PROFILE_WARNING, /* installs, or may install, but is not what it should be */
    PROFILE_ERROR    /* an eUICC refuses it, or the card would not work */
};

enum profile_rule {
    /* encoding */
    PROFILE_RULE_DECODE,
    PROFILE_RULE_UNKNOWN_ELEMENT,
    PROFILE_RULE_UNKNOWN_COMPONENT,
    PROFILE_RULE_NOT_DER,
    /* order and number of elements */
    PROFILE_RULE_HEADER_FIRST,
    PROFILE_RULE_HEADER_ONCE,
    PROFILE_RULE_END_LAST,
    PROFILE_RULE_END_MISSING,
    PROFILE_RULE_MF_ONCE,
    PROFILE_RULE_MF_MISSING,
    PROFILE_RULE_MF_FIRST,
    PROFILE_RULE_IOT_OPTIONS,
    PROFILE_RULE_PUK_ONCE,
    PROFILE_RULE_PUK_PLACE,
    PROFILE_RULE_ELEMENT_ONCE,
    PROFILE_RULE_MULTIPLE_NAA,
    PROFILE_RULE_NAA_MISSING,
    PROFILE_RULE_NAA_ONCE,
    PROFILE_RULE_AKA_MISSING,
    PROFILE_RULE_SD_FIRST,
    PROFILE_RULE_ID_RANGE,
    PROFILE_RULE_ID_UNIQUE,
    /* header */
    PROFILE_RULE_VERSION,
    PROFILE_RULE_HEADER_ICCID,
    PROFILE_RULE_ICCID_MISMATCH,
    PROFILE_RULE_SERVICE_UNLISTED,
    PROFILE_RULE_GFSTE_UNKNOWN,
    PROFILE_RULE_TEMPLATE_UNLISTED,
    /* files */
    PROFILE_RULE_TEMPLATE_UNKNOWN,
    PROFILE_RULE_TEMPLATE_KIND,
    PROFILE_RULE_MEMBER_MISSING,
    PROFILE_RULE_DO_NOT_CREATE,
    PROFILE_RULE_FILE_BAD,
    PROFILE_RULE_MUST_GIVE,
    PROFILE_RULE_MUST_FILL,
    PROFILE_RULE_FORBIDDEN_FIELD,
    PROFILE_RULE_CONTENT,
    PROFILE_RULE_BER_TLV_CONTENT,
    PROFILE_RULE_NO_DF,
    PROFILE_RULE_FID_COLLISION,
    PROFILE_RULE_SFI_COLLISION,
    PROFILE_RULE_PATH_MISSING,
    PROFILE_RULE_GFM_ORDER,
    PROFILE_RULE_LINK_TARGET,
    PROFILE_RULE_LINK_FIELD,
    PROFILE_RULE_ARR_MISSING,
    PROFILE_RULE_ARR_EMPTY,
    PROFILE_RULE_ARR_RULE,
    PROFILE_RULE_ARR_PIN,
    /* PINs */
    PROFILE_RULE_PIN_REFERENCE,
    PROFILE_RULE_PIN_CONTEXT,
    PROFILE_RULE_PIN_DUPLICATE,
    PROFILE_RULE_PIN_VALUE,
    PROFILE_RULE_PIN_RETRIES,
    PROFILE_RULE_PIN_PATH,
    PROFILE_RULE_PUK_MISSING,
    PROFILE_RULE_PIN_STATUS,
    /* authentication */
    PROFILE_RULE_AKA_ALGORITHM,
    PROFILE_RULE_AKA_KEY,
    PROFILE_RULE_AKA_OPC,
    PROFILE_RULE_AKA_SQN,
    PROFILE_RULE_AKA_MAPPING,
    /* security domains, remote management, applications */
    PROFILE_RULE_AID_UNIQUE,
    PROFILE_RULE_SD_STATE,
    PROFILE_RULE_SD_MISSING,
    PROFILE_RULE_KEY_DUPLICATE,
    PROFILE_RULE_KEY_LENGTH,
    PROFILE_RULE_RFM_ADF,
    PROFILE_RULE_TAR_UNIQUE,
    PROFILE_RULE_APPLICATION_EMPTY,
    /* contents that have to agree */
    PROFILE_RULE_IMSI,
    PROFILE_RULE_DIR,
    PROFILE_RULE_SERVICE_TABLE,
    PROFILE_RULES
};

struct profile_rule_row {
    const char *id;     /* "order.header-first", stable */
    const char *clause; /* chapter of the profile package specification, or of a 3GPP document */
    const char *text;   /* the rule, as a sentence */
    enum profile_severity severity;
};

const struct profile_rule_row *profile_rule(enum profile_rule rule);

/* Severity of a broken rule in an element with this `mandated`: unknown components of a mandated
 * element abort the installation. */
enum profile_severity profile_rule_severity(enum profile_rule rule, bool mandated);

/* Where broken rules are reported: element = index in the package; file = name or path of the file,
 * NULL when it is none; what = what is wrong there. Strings live only during the call. */
struct profile_reporter {
    void (*report)(void *ctx, enum profile_rule rule, size_t element, const char *file,
                   const char *what);
    void *ctx;
};

#endif
