/*
 * Subject and reason codes of SGP.02 and what becomes of an error.
 */
#include "base/text.h"
#include "soap/envelope.h"

#include <stdio.h>

struct code {
    const char *code, *name;
};

/* 8.2.6 to 8.2.8 and 8.8 to 8.12 have no published number: they are changed here and nowhere else.
 */
static const struct code subjects[] = {
    {"1", "Generic"},
    {"1.1", "Function requester"},
    {"1.2", "Function provider"},
    {"1.3", "Protocol"},
    {"1.3.1", "Protocol format"},
    {"1.3.2", "Protocol version"},
    {"1.4", "External resource"},
    {"1.5", "Extension resource"},
    {"1.6", "Function"},
    {"8", "eUICC remote provisioning"},
    {"8.1", "eUICC"},
    {"8.1.1", "EID"},
    {"8.2", "Profile"},
    {"8.2.1", "Profile ICCID"},
    {"8.2.2", "POL1"},
    {"8.2.3", "POL2"},
    {"8.2.5", "Profile type"},
    {"8.2.6", "Subscription address"},
    {"8.2.7", "Fall-Back Attribute"},
    {"8.2.8", "Emergency Profile Attribute"},
    {"8.3", "ISD-P"},
    {"8.3.1", "ISD-P AID"},
    {"8.4", "ISD-R"},
    {"8.5", "Certificates"},
    {"8.5.1", "EUM certificate"},
    {"8.5.2", "ECASD certificate"},
    {"8.5.3", "SM-SR certificate"},
    {"8.5.4", "SM-DP certificate"},
    {"8.6", "EIS"},
    {"8.7", "SM-SR"},
    {"8.8", "SM-DP"},
    {"8.9", "Operator"},
    {"8.10", "M2M SP"},
    {"8.11", "PLMA"},
    {"8.12", "ONC"},
};

static const struct code reasons[] = {
    {"1", "Access error"},
    {"1.1", "Unknown (identification or authentication)"},
    {"1.2", "Not allowed"},
    {"2", "Format error"},
    {"2.1", "Invalid"},
    {"2.2", "Mandatory element missing"},
    {"2.3", "Conditional element missing"},
    {"2.4", "Unsupported format"},
    {"3", "Conditions of use not satisfied"},
    {"3.1", "Unsupported"},
    {"3.3", "Already in use"},
    {"3.4", "Invalid destination"},
    {"3.5", "Invalid transition"},
    {"3.6", "Related objects exist"},
    {"3.7", "Unavailable"},
    {"3.8", "Refused"},
    {"3.9", "Unknown"},
    {"3.10", "Invalid association"},
    {"4", "Processing error"},
    {"4.1", "Incomplete"},
    {"4.2", "Execution error"},
    {"4.3", "Stopped on warning"},
    {"4.4", "Busy"},
    {"4.5", "Operation interrupted"},
    {"4.6", "Already done"},
    {"4.7", "Not present"},
    {"4.8", "Insufficient memory"},
    {"5", "Transport error"},
    {"5.1", "Inaccessible"},
    {"5.2", "Time-out"},
    {"5.3", "Time to live expired"},
    {"5.4", "Delivered without response"},
    {"5.5", "Connection lost"},
    {"6", "Security error"},
    {"6.1", "Verification failed"},
    {"6.2", "Generation failed"},
    {"6.3", "Expired"},
};

static const char *name_in(const struct code *codes, size_t count, cr_span code)
{
    for (size_t i = 0; i < count; i++) {
        if (cr_span_equal(cr_span_str(codes[i].code), code)) {
            return codes[i].name;
        }
    }
    return NULL;
}

const char *soap_subject_name(cr_span code)
{
    return name_in(subjects, CR_COUNT(subjects), code);
}

const char *soap_reason_name(cr_span code)
{
    return name_in(reasons, CR_COUNT(reasons), code);
}

void soap_status_from_err(const struct cr_err *err, cr_arena *arena, struct soap_status *out)
{
    const char *subject = err->subject, *reason = err->reason, *message = err->cause;
    if (!subject[0] || !reason[0]) {
        switch (err->category) {
        case CR_MALFORMED:
            subject = "1.6", reason = "2.1";
            break;
        case CR_RESOURCE:
            subject = "1.2", reason = "4.4";
            break;
        case CR_OK:
        case CR_REFUSED:
        case CR_INTERNAL:
            subject = "1.2", reason = "4.2";
            break;
        }
    }
    if (err->category == CR_RESOURCE || err->category == CR_INTERNAL) {
        message = err->category == CR_RESOURCE ? "try again later" : "internal error";
    }
    bool expired = strcmp(subject, "1.6") == 0 && strcmp(reason, "5.3") == 0;
    *out = (struct soap_status){
        .status = expired ? SOAP_EXPIRED : SOAP_FAILED,
        .has_code = true,
        .code = {.subject = cr_arena_copy(arena, cr_span_str(subject)),
                 .reason = cr_arena_copy(arena, cr_span_str(reason)),
                 .message = cr_arena_copy(arena, cr_span_str(message))},
    };
    if (message[0] == '\0') {
        out->code.message = (cr_span){0};
    }
}

cr_status soap_status_to_err(const struct soap_status *status, const char *function,
                             struct cr_err *err)
{
    if (status->status == SOAP_EXECUTED_SUCCESS || status->status == SOAP_EXECUTED_WITHWARNING) {
        return CR_OK;
    }
    const char *expired = status->status == SOAP_EXPIRED ? " in time" : "";
    if (!status->has_code) {
        return cr_fail(err, CR_REFUSED, NULL, "%s was not done%s, without a reason", function,
                       expired);
    }
    const struct soap_status_code *code = &status->code;
    const char *subject = soap_subject_name(code->subject);
    const char *reason = soap_reason_name(code->reason);
    char about[80] = "", said[160] = "";
    if (code->subject_identifier.n) {
        (void)snprintf(about, sizeof about, " (%.*s)", (int)code->subject_identifier.n,
                       (const char *)code->subject_identifier.p);
    }
    if (code->message.n) {
        (void)snprintf(said, sizeof said, "; it says: %.*s", (int)code->message.n,
                       (const char *)code->message.p);
    }
    cr_status failed = cr_fail(err, CR_REFUSED, NULL, "%s was not done%s: %s%s: %s%s", function,
                               expired, subject ? subject : "unknown subject", about,
                               reason ? reason : "unknown reason", said);
    if (err) {
        cr_text_clean(err->cause);
        (void)cr_str_copy(err->subject, sizeof err->subject, code->subject);
        (void)cr_str_copy(err->reason, sizeof err->reason, code->reason);
    }
    return failed;
}
