#include "base/error.h"

#include "base/text.h"

#include <stdio.h>

static void text_set(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from ? from : "");
}

CR_PRINTF(6, 0)
static cr_status fail_v(struct cr_err *err, cr_status category, const char *subject,
                        const char *reason, const char *clause, const char *fmt, va_list ap)
{
    if (err) {
        memset(err, 0, sizeof(*err));
        err->category = category;
        text_set(err->subject, sizeof(err->subject), subject);
        text_set(err->reason, sizeof(err->reason), reason);
        text_set(err->clause, sizeof(err->clause), clause);
        (void)vsnprintf(err->cause, sizeof(err->cause), fmt, ap);
        cr_text_clean(err->cause);
    }
    return category;
}

cr_status cr_fail(struct cr_err *err, cr_status category, const char *clause, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cr_status status = fail_v(err, category, NULL, NULL, clause, fmt, ap);
    va_end(ap);
    return status;
}

cr_status cr_refuse(struct cr_err *err, const char *subject, const char *reason, const char *clause,
                    const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cr_status status = fail_v(err, CR_REFUSED, subject, reason, clause, fmt, ap);
    va_end(ap);
    return status;
}

cr_status cr_fail_memory(struct cr_err *err)
{
    return cr_fail(err, CR_RESOURCE, NULL, "out of memory");
}

cr_status cr_err_code(struct cr_err *err, cr_status status, long code)
{
    if (err) {
        err->code = code;
    }
    return status;
}

cr_status cr_err_field(struct cr_err *err, cr_status status, const char *field)
{
    if (err) {
        text_set(err->field, sizeof(err->field), field);
        cr_text_clean(err->field);
    }
    return status;
}

cr_status cr_err_next(struct cr_err *err, cr_status status, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(err->next, sizeof(err->next), fmt, ap);
        va_end(ap);
        cr_text_clean(err->next);
    }
    return status;
}

cr_status cr_err_advise(struct cr_err *err, cr_status status, const char *fmt, ...)
{
    if (err && !err->next[0]) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(err->next, sizeof(err->next), fmt, ap);
        va_end(ap);
        cr_text_clean(err->next);
    }
    return status;
}

cr_status cr_err_context(struct cr_err *err, cr_status status, const char *fmt, ...)
{
    if (err) {
        char prefix[sizeof(err->cause)];
        char cause[sizeof(err->cause)];
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
        va_end(ap);
        memcpy(cause, err->cause, sizeof(cause));
        int n = snprintf(err->cause, sizeof(err->cause), "%s: ", prefix);
        if (n > 0 && (size_t)n < sizeof(err->cause)) {
            text_set(err->cause + n, sizeof(err->cause) - (size_t)n, cause);
        }
        cr_text_clean(err->cause); /* the prefix, and a character that was cut in two */
    }
    return status;
}

const char *cr_status_name(cr_status status)
{
    switch (status) {
    case CR_OK:
        return "ok";
    case CR_REFUSED:
        return "refused";
    case CR_MALFORMED:
        return "malformed";
    case CR_RESOURCE:
        return "resource";
    case CR_INTERNAL:
        return "internal";
    }
    return "unknown";
}
