/*
 * Profile metadata (SGP.22 2.4.4, 5.5.3): the StoreMetadata that goes into a Bound Profile Package
 * and is shown to the user, from what an operator writes.
 */
#ifndef CRISP_PROFILE_METADATA_H
#define CRISP_PROFILE_METADATA_H

#include "profile/package.h"
#include "rsp/metadata.h"

#include <jansson.h>

#define PROFILE_ICON_SIDE         64 /* pixels, both ways */
#define PROFILE_MAX_NOTIFICATIONS 16
#define PROFILE_MAX_ADDRESS       253 /* bytes of a host name */

struct profile_notification {
    uint64_t events; /* enum rsp_notification_event */
    cr_span address; /* host name, with :port if any */
};

struct profile_metadata {
    cr_span iccid;                 /* digits as text */
    cr_span service_provider_name; /* UTF-8, at most 32 bytes */
    cr_span profile_name;          /* UTF-8, at most 64 bytes */
    cr_span icon;                  /* a PNG or JPEG file of 64 x 64 pixels, at most 1024 bytes */
    int64_t profile_class;         /* enum rsp_profile_class */
    struct profile_notification notifications[PROFILE_MAX_NOTIFICATIONS];
    size_t notification_count;
    cr_span owner;  /* MCC and MNC as text, "001-01"; needed with policy rules */
    cr_span gid1;   /* bytes, OPTIONAL */
    cr_span gid2;   /* bytes, OPTIONAL */
    uint64_t rules; /* enum rsp_ppr: RSP_PPR1 ... */
};

/* Fills what a package says about itself: ICCID (header), service provider name (EF.SPN), owner
 * (EF.IMSI with the MNC length of EF.AD), class operational. Members it does not know stay empty.
 */
cr_status profile_metadata_of_package(const struct profile_package *package, cr_arena *arena,
                                      struct profile_metadata *out,
                                      struct cr_err *err) CR_MUST_CHECK;

/* Lays a readable description over *metadata:
 *
 *     {"iccid": "89...", "serviceProviderName": "...", "profileName": "...",
 *      "icon": "<base64 of the file>", "profileClass": "operational",
 *      "notifications": [{"events": ["notificationInstall", ...], "address": "smdpp.example"}],
 *      "owner": "001-01", "gid1": "<hex>", "gid2": "<hex>", "policyRules": ["ppr1"]}
 *
 * All members are optional, others are refused by name. Strings are copied into the arena. */
cr_status profile_metadata_from_json(const json_t *json, cr_arena *arena,
                                     struct profile_metadata *metadata,
                                     struct cr_err *err) CR_MUST_CHECK;

/* Appends the BF25 TLV. Refuses, with the clause and the field, what breaks a rule: lengths, UTF-8,
 * icon, policy rules without owner. */
cr_status profile_metadata_encode(const struct profile_metadata *metadata, cr_buf *out,
                                  struct cr_err *err) CR_MUST_CHECK;

/* Kind and size of an icon: *type is RSP_ICON_JPEG or RSP_ICON_PNG. Refused when it is none of the
 * two, not 64 x 64 pixels, or larger than 1024 bytes. */
cr_status profile_icon_check(cr_span icon, int64_t *type, struct cr_err *err) CR_MUST_CHECK;

#endif
