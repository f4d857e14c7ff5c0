#include "base/text.h"
#include "soap/xml.h"

/* rps3 is declared on the envelope. A kept element declares what it needs itself. */
#define PREFIX "rps3:"

void soap_xml_escape(cr_buf *out, cr_span text)
{
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '&':
            cr_buf_append_str(out, "&amp;");
            break;
        case '<':
            cr_buf_append_str(out, "&lt;");
            break;
        case '>':
            cr_buf_append_str(out, "&gt;");
            break;
        case '"':
            cr_buf_append_str(out, "&quot;");
            break;
        case '\r':
            cr_buf_append_str(out, "&#13;");
            break;
        case '\t':
        case '\n':
            cr_buf_append_byte(out, text.p[i]);
            break;
        default:
            /* Other control codes cannot stand in XML at all. */
            cr_buf_append_byte(out, text.p[i] < 0x20 ? '?' : text.p[i]);
        }
    }
}

bool soap_row_present(const struct soap_row *row, const void *base)
{
    const uint8_t *value = (const uint8_t *)base + row->offset;
    if (row->flags & SOAP_REPEATED) {
        return ((const struct soap_list *)(const void *)value)->count > 0;
    }
    if (row->has != SOAP_NO_OFFSET) {
        return *(const bool *)((const uint8_t *)base + row->has);
    }
    if (row->kind == SOAP_ENUM) {
        return *(const int *)(const void *)value != 0;
    }
    return ((const cr_span *)(const void *)value)->p != NULL;
}

static cr_status refuse(const struct soap_row *row, const char *wrong, struct cr_err *err)
{
    return cr_err_field(err, cr_fail(err, CR_REFUSED, "SGP.02 annex A", "%s %s", row->name, wrong),
                        row->name);
}

static void write_simple(const struct soap_row *row, const void *value, cr_buf *out)
{
    if (row->kind == SOAP_TEXT) {
        soap_xml_escape(out, *(const cr_span *)value);
    } else {
        soap_row_text(row, value, out);
    }
}

static cr_status check(const struct soap_row *row, const void *value, struct cr_err *err)
{
    const char *wrong = soap_row_check(row, value);
    return wrong ? refuse(row, wrong, err) : CR_OK;
}

static cr_status write_attributes(const struct soap_type *type, const void *base, cr_buf *out,
                                  struct cr_err *err)
{
    for (const struct soap_row *row = type->rows; row->name; row++) {
        if (!(row->flags & SOAP_ATTRIBUTE)) {
            continue;
        }
        if (!soap_row_present(row, base)) {
            return refuse(row, "is missing", err);
        }
        const void *value = (const uint8_t *)base + row->offset;
        CR_TRY(check(row, value, err));
        cr_buf_appendf(out, " %s=\"", row->name);
        write_simple(row, value, out);
        cr_buf_append_byte(out, '"');
    }
    return CR_OK;
}

static cr_status write_children(const struct soap_type *type, const void *base, cr_buf *out,
                                struct cr_err *err)
{
    for (const struct soap_row *row = type->rows; row->name; row++) {
        if (row->flags & SOAP_ATTRIBUTE) {
            continue;
        }
        if (!(row->flags & SOAP_OPTIONAL) && !soap_row_present(row, base)) {
            return refuse(row, "is missing", err);
        }
        CR_TRY(soap_xml_write_row(row, base, out, err));
    }
    return CR_OK;
}

cr_status soap_xml_write_value(const struct soap_row *row, const void *value, cr_buf *out,
                               struct cr_err *err)
{
    if (row->kind == SOAP_COMPLEX && row->type->raw != SOAP_NO_OFFSET) {
        const cr_span *raw = (const void *)((const uint8_t *)value + row->type->raw);
        if (raw->p) {
            cr_buf_append_span(out, *raw);
            return CR_OK;
        }
    }
    if (row->kind == SOAP_RAW) {
        CR_TRY(check(row, value, err));
        cr_buf_append_span(out, *(const cr_span *)value);
        return CR_OK;
    }
    cr_buf_appendf(out, "<" PREFIX "%s", row->name);
    if (row->kind == SOAP_COMPLEX) {
        CR_TRY(write_attributes(row->type, value, out, err));
        cr_buf_append_byte(out, '>');
        CR_TRY(write_children(row->type, value, out, err));
    } else {
        CR_TRY(check(row, value, err));
        cr_buf_append_byte(out, '>');
        write_simple(row, value, out);
    }
    cr_buf_appendf(out, "</" PREFIX "%s>", row->name);
    return CR_OK;
}

cr_status soap_xml_write_row(const struct soap_row *row, const void *base, cr_buf *out,
                             struct cr_err *err)
{
    if (!soap_row_present(row, base)) {
        return CR_OK;
    }
    const uint8_t *value = (const uint8_t *)base + row->offset;
    if (!(row->flags & SOAP_REPEATED)) {
        return soap_xml_write_value(row, value, out, err);
    }
    const struct soap_list *list = (const void *)value;
    size_t size = soap_row_size(row);
    for (size_t i = 0; i < list->count; i++) {
        CR_TRY(soap_xml_write_value(row, (const uint8_t *)list->items + i * size, out, err));
    }
    return CR_OK;
}

cr_status soap_type_write(const struct soap_type *type, const char *name, const void *value,
                          cr_buf *out, struct cr_err *err)
{
    const struct soap_row row = {.name = name, .kind = SOAP_COMPLEX, .type = type};
    const size_t open = sizeof "<" PREFIX - 1 + strlen(name);
    cr_buf element = {.secret = true}; /* key sets before they are wrapped */
    cr_status status = soap_xml_write_value(&row, value, &element, err);
    if (status == CR_OK && !cr_buf_ok(&element)) {
        status = cr_fail_memory(err);
    }
    if (status == CR_OK) {
        cr_buf_appendf(out, "<" PREFIX "%s xmlns:rps3=\"" SOAP_NS_RPS "\"", name);
        cr_buf_append_span(out, cr_span_sub(cr_buf_span(&element), open, element.n));
        cr_buf_append_byte(out, '\n');
        status = cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
    }
    cr_buf_free(&element);
    return status;
}
