/*
 * Short words for the rows of the tables. Private to src/rsp: only the .c files that hold tables
 * include it. T is the struct that the table describes and is defined anew before each.
 *
 *     #define T struct rsp_other_signed_notification
 *     static const struct asn1_field other_signed_notification[] = {
 *         SEQ(tbs_other_notification, "tbsOtherNotification", 0, 0,
 * rsp_notification_metadata_type), SIGNATURE(euicc_notification_signature,
 * "euiccNotificationSignature"),
 *     };
 *     SEQUENCE_RAW(rsp_other_signed_notification_type, "OtherSignedNotification", 0x30,
 *                  other_signed_notification);
 *     #undef T
 *
 * ..._OPT takes the mark from has_<member>. Tag 0 is the type's own tag.
 */
#ifndef CRISP_RSP_SCHEMA_H
#define CRISP_RSP_SCHEMA_H

#include "asn1/asn1.h"

#define OPT ASN1_OPTIONAL
#define V3  (ASN1_OPTIONAL | ASN1_SINCE_V3)

#define ROW_(m, name_, tag_, kind_, flags_)                                                        \
    .name = name_, .tag = tag_, .kind = kind_, .flags = flags_, .offset = offsetof(T, m)

/* strings: m is a cr_span */
#define STRING_(m, name_, tag_, kind_, flags_, min_, max_)                                         \
    {                                                                                              \
        ROW_(m, name_, tag_, kind_, flags_), .has = ASN1_NO_OFFSET, .min = min_, .max = max_       \
    }
#define OCTETS(m, name_, tag_, flags_, min_, max_)                                                 \
    STRING_(m, name_, tag_, ASN1_OCTETS, flags_, min_, max_)
#define UTF8(m, name_, tag_, flags_, max_) STRING_(m, name_, tag_, ASN1_UTF8, flags_, 0, max_)
#define OID(m, name_, tag_, flags_)        STRING_(m, name_, tag_, ASN1_OID, flags_, 0, 0)
#define TIME(m, name_, tag_, flags_)       STRING_(m, name_, tag_, ASN1_TIME, flags_, 0, 0)
#define RAW(m, name_, tag_, flags_)        STRING_(m, name_, tag_, ASN1_RAW, flags_, 0, 0)

/* strings that occur everywhere */
#define VERSION(m, name_, tag_, flags_)                                                            \
    OCTETS(m, name_, tag_, (flags_) | ASN1_VERSION, RSP_VERSION, RSP_VERSION)
#define TRANSACTION_ID(tag_) OCTETS(transaction_id, "transactionId", tag_, 0, 1, 16)
#define ICCID(m, name_, tag_, flags_)                                                              \
    OCTETS(m, name_, tag_, (flags_) | ASN1_DIGITS_SWAPPED, RSP_ICCID, RSP_ICCID)
#define AID(m, name_, tag_, flags_)  OCTETS(m, name_, tag_, flags_, RSP_MIN_AID, RSP_MAX_AID)
#define OTPK(m, name_, flags_)       OCTETS(m, name_, 0x5F49, flags_, RSP_OTPK, RSP_OTPK)
#define SIGNATURE(m, name_)          OCTETS(m, name_, 0x5F37, 0, RSP_SIGNATURE, RSP_SIGNATURE)
#define PKID(m, name_, tag_, flags_) OCTETS(m, name_, tag_, flags_, 0, RSP_MAX_PKID)

/* numbers and flags */
#define NUMBER_(m, name_, tag_, kind_, flags_, names_)                                             \
    {                                                                                              \
        ROW_(m, name_, tag_, kind_, flags_), .has = ASN1_NO_OFFSET, .names = names_                \
    }
#define NUMBER_OPT_(m, name_, tag_, kind_, flags_, names_)                                         \
    {                                                                                              \
        ROW_(m, name_, tag_, kind_, (flags_) | OPT), .has = offsetof(T, has_##m), .names = names_  \
    }
#define INT(m, name_, tag_, flags_, names_) NUMBER_(m, name_, tag_, ASN1_INTEGER, flags_, names_)
#define INT_OPT(m, name_, tag_, flags_, names_)                                                    \
    NUMBER_OPT_(m, name_, tag_, ASN1_INTEGER, flags_, names_)
#define BITS(m, name_, tag_, flags_, names_) NUMBER_(m, name_, tag_, ASN1_BITS, flags_, names_)
#define BITS_OPT(m, name_, tag_, flags_, names_)                                                   \
    NUMBER_OPT_(m, name_, tag_, ASN1_BITS, flags_, names_)
#define BOOLEAN(m, name_, tag_)  NUMBER_(m, name_, tag_, ASN1_BOOLEAN, 0, NULL)
#define NULL_OPT(m, name_, tag_) NUMBER_(m, name_, tag_, ASN1_NULL, OPT, NULL)
#define NULL_IS(m, name_, tag_)  NUMBER_(m, name_, tag_, ASN1_NULL, 0, NULL)
#define NULL_V3(m, name_, tag_)  NUMBER_(m, name_, tag_, ASN1_NULL, V3, NULL)
#define INT_DEFAULT(m, name_, tag_, flags_, names_, def_)                                          \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_INTEGER, (flags_) | ASN1_DEFAULT), .has = ASN1_NO_OFFSET,        \
                                                                     .names = names_, .def = def_  \
    }
#define BITS_DEFAULT(m, name_, tag_, flags_, names_, def_)                                         \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_BITS, (flags_) | ASN1_DEFAULT), .has = ASN1_NO_OFFSET,           \
                                                                  .names = names_, .def = def_     \
    }

/* structs, choices, lists */
#define SEQ(m, name_, tag_, flags_, type_)                                                         \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_SEQUENCE, flags_), .has = ASN1_NO_OFFSET, .type = &(type_)       \
    }
#define SEQ_OPT(m, name_, tag_, flags_, type_)                                                     \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_SEQUENCE, (flags_) | OPT), .has = offsetof(T, has_##m),          \
                                                             .type = &(type_)                      \
    }
#define CHOICE(m, name_, tag_, flags_, type_)                                                      \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_CHOICE, flags_), .has = ASN1_NO_OFFSET, .type = &(type_)         \
    }
#define LIST(m, name_, tag_, flags_, element_, min_, max_)                                         \
    {                                                                                              \
        ROW_(m, name_, tag_, ASN1_SEQUENCE_OF, flags_), .has = ASN1_NO_OFFSET, .min = min_,        \
                                                        .max = max_, .type = &(element_)           \
    }

/* types */
#define TYPE_(var, name_, tag_, kind_, raw_, rows_)                                                \
    const struct asn1_type var = {.name = name_,                                                   \
                                  .tag = tag_,                                                     \
                                  .kind = kind_,                                                   \
                                  .raw_offset = raw_,                                              \
                                  .field_count = CR_COUNT(rows_),                                  \
                                  .size = sizeof(T),                                               \
                                  .fields = rows_}
#define SEQUENCE(var, name_, tag_, rows_)                                                          \
    TYPE_(var, name_, tag_, ASN1_SEQUENCE, ASN1_NO_OFFSET, rows_)
#define SEQUENCE_RAW(var, name_, tag_, rows_)                                                      \
    TYPE_(var, name_, tag_, ASN1_SEQUENCE, offsetof(T, raw), rows_)
#define CHOICE_OF(var, name_, tag_, rows_)                                                         \
    TYPE_(var, name_, tag_, ASN1_CHOICE, ASN1_NO_OFFSET, rows_)
#define CHOICE_OF_RAW(var, name_, tag_, rows_)                                                     \
    TYPE_(var, name_, tag_, ASN1_CHOICE, offsetof(T, raw), rows_)
/* One row that is not counted: the codec forms addresses from .fields even where there is none. */
#define EMPTY(var, name_, tag_)                                                                    \
    const struct asn1_type var = {.name = name_,                                                   \
                                  .tag = tag_,                                                     \
                                  .kind = ASN1_SEQUENCE,                                           \
                                  .raw_offset = offsetof(struct rsp_empty, raw),                   \
                                  .size = sizeof(struct rsp_empty),                                \
                                  .fields = (const struct asn1_field[]){{.name = NULL}}}
/* a string type of its own: list elements and TLVs of the JSON binding */
#define STRING_TYPE(var, name_, tag_, kind_, flags_, min_, max_)                                   \
    const struct asn1_type var = {.name = name_,                                                   \
                                  .tag = tag_,                                                     \
                                  .kind = kind_,                                                   \
                                  .flags = flags_,                                                 \
                                  .raw_offset = ASN1_NO_OFFSET,                                    \
                                  .size = sizeof(cr_span),                                         \
                                  .min = min_,                                                     \
                                  .max = max_}

#endif
