#include "rsp/status.h"

#include <stdio.h>

const struct rsp_code rsp_subject_codes[] = {
    {"1", "Generic"},
    {"1.1", "Function requester"},
    {"1.2", "Function provider"},
    {"1.3", "Protocol"},
    {"1.3.1", "Protocol format"},
    {"1.3.2", "Protocol version"},
    {"1.6", "Function"},
    {"8", "eUICC remote provisioning"},
    {"8.1", "eUICC"},
    {"8.1.1", "EID"},
    {"8.1.2", "EUM certificate"},
    {"8.1.3", "eUICC certificate"},
    {"8.2", "Profile"},
    {"8.2.1", "ICCID"},
    {"8.2.5", "Profile type"},
    {"8.2.6", "Matching ID"},
    {"8.2.7", "Confirmation code"},
    {"8.2.8", "PPR"},
    {"8.2.9", "Profile metadata"},
    {"8.2.10", "Bound profile package"},
    {"8.2.11", "Managing SM-DP+"},
    {"8.2.12", "Profile owner"},
    {"8.2.13", "Enterprise"},
    {"8.2.14", "LPA proxy"},
    {"8.8", "SM-DP+"},
    {"8.8.1", "SM-DP+ address"},
    {"8.8.2", "Security configuration"},
    {"8.8.3", "Specification version number"},
    {"8.8.4", "SM-DP+ certificate"},
    {"8.8.5", "Download order"},
    {"8.8.6", "RPM order"},
    {"8.9", "SM-DS"},
    {"8.9.1", "SM-DS address"},
    {"8.9.2", "Security configuration of the SM-DS"},
    {"8.9.3", "Specification version number of the SM-DS"},
    {"8.9.4", "SM-DS certificate"},
    {"8.9.5", "Event record"},
    {"8.9.6", "ECID"},
    {"8.9.7", "Push service"},
    {"8.10", "RSP operation"},
    {"8.10.1", "TransactionID"},
    {"8.10.2", "RPM script"},
    {"8.10.3", "Device change"},
    {"8.10.4", "Event checking"},
    {"8.10.5", "Device change session id"},
    {"8.10.6", "Push registration"},
    {"8.11", "eSIM CA"},
    {"8.11.1", "CI public key"},
    {"8.12", "LPA"},
    {NULL, NULL},
};

const struct rsp_code rsp_reason_codes[] = {
    {"1.1", "Unknown (access)"},
    {"1.2", "Not allowed"},
    {"2.1", "Invalid"},
    {"2.2", "Mandatory element missing"},
    {"2.3", "Conditional element missing"},
    {"3.1", "Unsupported"},
    {"3.3", "Already in use"},
    {"3.5", "Invalid transition"},
    {"3.7", "Unavailable"},
    {"3.8", "Refused"},
    {"3.9", "Unknown"},
    {"3.10", "Invalid association"},
    {"3.11", "Value has changed"},
    {"3.12", "Invalid match"},
    {"4.2", "Execution error"},
    {"4.3", "Stopped on warning"},
    {"4.8", "Insufficient memory"},
    {"4.10", "Time to live expired"},
    {"5.1", "Inaccessible"},
    {"6.1", "Verification failed"},
    {"6.3", "Expired"},
    {"6.4", "Maximum number of attempts exceeded"},
    {NULL, NULL},
};

static const char *code_name(const struct rsp_code *codes, const char *code)
{
    for (; code && codes->code; codes++) {
        if (strcmp(codes->code, code) == 0) {
            return codes->name;
        }
    }
    return NULL;
}

const char *rsp_subject_name(const char *code)
{
    return code_name(rsp_subject_codes, code);
}

const char *rsp_reason_name(const char *code)
{
    return code_name(rsp_reason_codes, code);
}

/* ---- functionExecutionStatus ---- */

const char *rsp_execution_status_name(enum rsp_execution_status status)
{
    switch (status) {
    case RSP_EXECUTED_SUCCESS:
        return "Executed-Success";
    case RSP_EXECUTED_WITH_WARNING:
        return "Executed-WithWarning";
    case RSP_FAILED:
        return "Failed";
    case RSP_EXPIRED:
        return "Expired";
    }
    return "Failed";
}

static void set_pair(struct rsp_function_status *out, const char *subject, const char *reason)
{
    (void)snprintf(out->subject_code, sizeof(out->subject_code), "%s", subject);
    (void)snprintf(out->reason_code, sizeof(out->reason_code), "%s", reason);
}

static void set_category_pair(struct rsp_function_status *out, cr_status category)
{
    switch (category) {
    case CR_MALFORMED:
        set_pair(out, "1.3.1", "2.1");
        return;
    case CR_RESOURCE:
        set_pair(out, "1.2", "3.7");
        return;
    case CR_OK:
    case CR_REFUSED:
    case CR_INTERNAL:
        break;
    }
    set_pair(out, "8", "4.2");
}

void rsp_status_from_err(const struct cr_err *err, struct rsp_function_status *out)
{
    memset(out, 0, sizeof(*out));
    out->status = RSP_FAILED;
    if (err->subject[0]) {
        set_pair(out, err->subject, err->reason);
    } else {
        set_category_pair(out, err->category);
    }
    /* What broke inside is for the log of the server, not for its peers. */
    bool ours = err->category == CR_RESOURCE || err->category == CR_INTERNAL;
    if (!ours || err->subject[0]) {
        (void)snprintf(out->message, sizeof(out->message), "%s", err->cause);
    }
}

cr_status rsp_status_to_err(const struct rsp_function_status *status, const char *function,
                            struct cr_err *err)
{
    if (status->status == RSP_EXECUTED_SUCCESS || status->status == RSP_EXECUTED_WITH_WARNING) {
        return CR_OK;
    }
    const char *subject = rsp_subject_name(status->subject_code);
    const char *reason = rsp_reason_name(status->reason_code);
    const char *message = status->message;
    if (status->status == RSP_EXPIRED) {
        return cr_refuse(err, status->subject_code, status->reason_code, NULL,
                         "%s: the server says Expired%s%s", function, *message ? ": " : "",
                         message);
    }
    if (!status->subject_code[0]) {
        return cr_refuse(err, "", "", NULL, "%s: the server failed without a status code%s%s",
                         function, *message ? ": " : "", message);
    }
    return cr_refuse(err, status->subject_code, status->reason_code, NULL,
                     "%s: the server answered %s / %s (%s, %s)%s%s", function, status->subject_code,
                     status->reason_code, subject ? subject : "unknown subject",
                     reason ? reason : "unknown reason", *message ? ": " : "", message);
}

/* ---- numbers of the ASN.1 binding ---- */

/* clang-format off */
#define GENERIC_V3                                                                                 \
    X(124, "invalidInputData", "1.3.1", "2.1", true)                                               \
    X(125, "missingInputData", "1.6", "2.2", true)                                                 \
    X(126, "functionProviderBusy", "1.2", "3.7", true)
#define UNDEFINED X(RSP_ERROR_UNDEFINED, "undefinedError", "8", "4.2", false)

#define INITIATE_AUTHENTICATION                                                                    \
    X(1, "invalidDpAddress", "8.8.1", "3.8", false)                                                \
    X(2, "euiccVersionNotSupportedByDp", "8.8.3", "3.1", false)                                    \
    X(3, "ciPKNotSupported", "8.8.2", "3.1", false)                                                \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define AUTHENTICATE_CLIENT                                                                        \
    X(1, "eumCertificateInvalid", "8.1.2", "6.1", false)                                           \
    X(2, "eumCertificateExpired", "8.1.2", "6.3", false)                                           \
    X(3, "euiccCertificateInvalid", "8.1.3", "6.1", false)                                         \
    X(4, "euiccCertificateExpired", "8.1.3", "6.3", false)                                         \
    X(5, "euiccSignatureInvalid", "8.1", "6.1", false)                                             \
    X(6, "matchingIdRefused", "8.2.6", "3.8", false)                                               \
    X(7, "eidMismatch", "8.1.1", "3.8", false)                                                     \
    X(8, "noEligibleProfile", "8.2.5", "4.3", false)                                               \
    X(9, "ciPKUnknown", "8.11.1", "3.9", false)                                                    \
    X(10, "invalidTransactionId", "8.10.1", "3.9", false)                                          \
    X(11, "insufficientMemory", "8.1", "4.8", false)                                               \
    X(12, "ciPKMismatch", "8.11.1", "3.10", true)                                                  \
    X(13, "euiccRspCapabilityHasChanged", "8.1", "3.11", true)                                     \
    X(14, "lpaRspCapabilityHasChanged", "8.12", "3.11", true)                                      \
    X(15, "deviceChangeNotSupported", "8.10.3", "3.1", true)                                       \
    X(16, "deviceChangeNotAllowed", "8.10.3", "1.2", true)                                         \
    X(17, "iccidUnknown", "8.2.1", "3.9", true)                                                    \
    X(18, "downloadOrderExpired", "8.8.5", "4.10", true)                                           \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define AUTHENTICATE_CLIENT_DS                                                                     \
    X(1, "eumCertificateInvalid", "8.1.2", "6.1", false)                                           \
    X(2, "eumCertificateExpired", "8.1.2", "6.3", false)                                           \
    X(3, "euiccCertificateInvalid", "8.1.3", "6.1", false)                                         \
    X(4, "euiccCertificateExpired", "8.1.3", "6.3", false)                                         \
    X(5, "euiccSignatureInvalid", "8.1", "6.1", false)                                             \
    X(6, "eventIdUnknown", "8.9.5", "3.9", false)                                                  \
    X(7, "invalidTransactionId", "8.10.1", "3.9", false)                                           \
    X(8, "ciPKUnknown", "8.11.1", "3.9", true)                                                     \
    X(9, "ciPKMismatch", "8.11.1", "3.10", true)                                                   \
    X(10, "euiccRspCapabilityHasChanged", "8.1", "3.11", true)                                     \
    X(11, "lpaRspCapabilityHasChanged", "8.12", "3.11", true)                                      \
    X(12, "pushServiceNotSupported", "8.9.7", "3.1", true)                                         \
    X(13, "pushServiceRegistrationNotSupported", "8.10.6", "3.8", true)                            \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define GET_BOUND_PROFILE_PACKAGE                                                                  \
    X(1, "euiccSignatureInvalid", "8.1", "6.1", false)                                             \
    X(2, "confirmationCodeMissing", "8.2.7", "2.2", false)                                         \
    X(3, "confirmationCodeRefused", "8.2.7", "3.8", false)                                         \
    X(4, "confirmationCodeRetriesExceeded", "8.2.7", "6.4", false)                                 \
    X(5, "bppRebindingRefused", "8.2", "3.7", false)                                               \
    X(6, "downloadOrderExpired", "8.8.5", "4.10", false)                                           \
    X(95, "invalidTransactionId", "8.10.1", "3.9", false)                                          \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define CANCEL_SESSION                                                                             \
    X(1, "invalidTransactionId", "8.10.1", "3.9", false)                                           \
    X(2, "euiccSignatureInvalid", "8.1", "6.1", false)                                             \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define CONFIRM_DEVICE_CHANGE                                                                      \
    X(1, "invalidTransactionId", "8.10.1", "3.9", true)                                            \
    X(2, "euiccSignatureInvalid", "8.1", "6.1", true)                                              \
    X(3, "confirmationCodeMissing", "8.2.7", "2.2", true)                                          \
    X(4, "confirmationCodeRefused", "8.2.7", "3.8", true)                                          \
    X(5, "confirmationCodeInvalidMatch", "8.2.7", "3.12", true)                                    \
    X(6, "confirmationCodeRetriesExceeded", "8.2.7", "6.4", true)                                  \
    GENERIC_V3                                                                                     \
    UNDEFINED

#define CHECK_EVENT                                                                                \
    X(1, "invalidDsAddress", "8.9.1", "3.8", true)                                                 \
    X(2, "eventCheckingNotSupported", "8.10.4", "3.1", true)                                       \
    X(3, "expiredEcid", "8.9.6", "6.3", true)                                                      \
    X(4, "unknownEcid", "8.9.6", "3.9", true)                                                      \
    GENERIC_V3                                                                                     \
    UNDEFINED

/* The numbers as rows with their pairs ... */
#define X(number_, name_, subject_, reason_, v3_)                                                  \
    {.number = number_, .name = name_, .subject = subject_, .reason = reason_, .v3 = v3_},
#define END {.name = NULL}
static const struct rsp_error_number initiate_authentication_es9[] = {
    INITIATE_AUTHENTICATION
    X(3, "ciPKNotSupported", "8.8.4", "3.7", false) /* no certificate under a known CI */
    END
};
static const struct rsp_error_number initiate_authentication_es11[] = {
    X(1, "invalidDpAddress", "8.9.1", "3.8", false)
    X(2, "euiccVersionNotSupportedByDp", "8.9.3", "3.1", false)
    X(3, "ciPKNotSupported", "8.9.2", "3.1", false)
    X(3, "ciPKNotSupported", "8.9.4", "3.7", false)
    GENERIC_V3
    UNDEFINED
    END
};
static const struct rsp_error_number authenticate_client_es9[] = {
    AUTHENTICATE_CLIENT
    X(8, "noEligibleProfile", "8.2", "1.2", false) /* not released: nothing nearer has a number */
    END
};
static const struct rsp_error_number authenticate_client_es11[] = {AUTHENTICATE_CLIENT_DS END};
static const struct rsp_error_number get_bound_profile_package[] = {GET_BOUND_PROFILE_PACKAGE END};
static const struct rsp_error_number cancel_session[] = {CANCEL_SESSION END};
static const struct rsp_error_number confirm_device_change[] = {CONFIRM_DEVICE_CHANGE END};
static const struct rsp_error_number check_event[] = {CHECK_EVENT END};
#undef X

/* ... and as names of the message types. */
#define X(number_, name_, subject_, reason_, v3_) {number_, name_},
#define END_NAMES {0, NULL}
const struct asn1_name rsp_initiate_authentication_error_names[] = {INITIATE_AUTHENTICATION
                                                                    END_NAMES};
const struct asn1_name rsp_authenticate_client_error_names[] = {AUTHENTICATE_CLIENT END_NAMES};
const struct asn1_name rsp_authenticate_client_ds_error_names[] = {AUTHENTICATE_CLIENT_DS
                                                                   END_NAMES};
const struct asn1_name rsp_get_bound_profile_package_error_names[] = {GET_BOUND_PROFILE_PACKAGE
                                                                      END_NAMES};
const struct asn1_name rsp_cancel_session_es9_error_names[] = {CANCEL_SESSION END_NAMES};
const struct asn1_name rsp_confirm_device_change_error_names[] = {CONFIRM_DEVICE_CHANGE END_NAMES};
const struct asn1_name rsp_check_event_error_names[] = {CHECK_EVENT END_NAMES};
#undef X
/* clang-format on */

const struct rsp_error_number *rsp_error_numbers(enum rsp_error_table table)
{
    static const struct rsp_error_number nothing[] = {END};
    static const struct rsp_error_number *const tables[RSP_ERROR_TABLES] = {
        [RSP_ERRORS_NONE] = nothing,
        [RSP_ERRORS_INITIATE_AUTHENTICATION_ES9] = initiate_authentication_es9,
        [RSP_ERRORS_INITIATE_AUTHENTICATION_ES11] = initiate_authentication_es11,
        [RSP_ERRORS_AUTHENTICATE_CLIENT_ES9] = authenticate_client_es9,
        [RSP_ERRORS_AUTHENTICATE_CLIENT_ES11] = authenticate_client_es11,
        [RSP_ERRORS_GET_BOUND_PROFILE_PACKAGE] = get_bound_profile_package,
        [RSP_ERRORS_CANCEL_SESSION] = cancel_session,
        [RSP_ERRORS_CONFIRM_DEVICE_CHANGE] = confirm_device_change,
        [RSP_ERRORS_CHECK_EVENT] = check_event,
    };
    return (size_t)table < CR_COUNT(tables) ? tables[table] : nothing;
}

int64_t rsp_error_number_of(enum rsp_error_table table, const char *subject, const char *reason,
                            bool peer_v3)
{
    for (const struct rsp_error_number *row = rsp_error_numbers(table); row->name; row++) {
        if ((peer_v3 || !row->v3) && strcmp(row->subject, subject) == 0 &&
            strcmp(row->reason, reason) == 0) {
            return row->number;
        }
    }
    return RSP_ERROR_UNDEFINED;
}

const struct rsp_error_number *rsp_error_row(enum rsp_error_table table, int64_t number)
{
    for (const struct rsp_error_number *row = rsp_error_numbers(table); row->name; row++) {
        if (row->number == number) {
            return row;
        }
    }
    return NULL;
}

/* ---- what the operator is told ---- */

#define CANCEL_ENDS 127 /* undefinedReason; also what an unknown reason counts as */

static const struct {
    int reason;
    const char *subject, *code;
    const char *rpm_subject, *rpm_code; /* NULL = the same */
} cancel_pairs[] = {
    {0, "8.8.5", "3.8", NULL, NULL},       {3, "8.2.8", "1.2", NULL, NULL},
    {4, "8.2.9", "3.11", NULL, NULL},      {5, "8.2.10", "4.2", NULL, NULL},
    {17, "8.2.13", "3.1", NULL, NULL},     {18, "8.2.13", "1.2", NULL, NULL},
    {19, "8.2.13", "3.8", NULL, NULL},     {20, "8.2.13", "3.12", NULL, NULL},
    {21, "8.2.13", "3.8", NULL, NULL},     {22, "8.2.13", "3.8", NULL, NULL},
    {23, "8.2.14", "3.1", "8.8.6", "3.1"}, {24, "8.8.6", "3.8", NULL, NULL},
    {25, "8.2.9", "3.8", NULL, NULL},      {27, "8.8.6", "3.8", NULL, NULL},
    {28, "8.8.6", "2.1", NULL, NULL},      {29, "8.8.6", "4.2", NULL, NULL},
    {30, "8.10.3", "4.3", NULL, NULL},     {CANCEL_ENDS, "8", "4.2", NULL, NULL},
};

bool rsp_cancel_reason_status(int64_t reason, bool rpm, struct rsp_function_status *out)
{
    if (reason == 1 || reason == 2) {
        return false; /* postponed, timeout: the order stands */
    }
    size_t i = 0;
    while (cancel_pairs[i].reason != reason && cancel_pairs[i].reason != CANCEL_ENDS) {
        i++;
    }
    bool other = rpm && cancel_pairs[i].rpm_subject;
    memset(out, 0, sizeof(*out));
    out->status = RSP_FAILED;
    set_pair(out, other ? cancel_pairs[i].rpm_subject : cancel_pairs[i].subject,
             other ? cancel_pairs[i].rpm_code : cancel_pairs[i].code);
    return true;
}
