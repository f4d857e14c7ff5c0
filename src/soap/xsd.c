#include "soap/xsd.h"

static const char *base_type(const struct soap_row *row)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_TEXT:
        return "xs:string";
    case SOAP_DIGITS:
        return "rps3:DigitsType";
    case SOAP_OID:
        return "rps3:ObjectIdentifierType";
    case SOAP_VERSION:
        return "rps3:ThreeDigitVersion";
    case SOAP_HEX:
        return "xs:hexBinary";
    case SOAP_EID:
        return "rps3:EIDType";
    case SOAP_UINT:
        return "xs:nonNegativeInteger";
    case SOAP_BOOL:
        return "xs:boolean";
    case SOAP_TIME:
        return "xs:dateTime";
    case SOAP_ENUM:
        return "xs:string";
    case SOAP_COMPLEX:
        return row->type->name;
    case SOAP_RAW:
        return "rps3:SignatureType";
    }
    return "xs:string";
}

static bool is_number(const struct soap_row *row)
{
    return row->kind == SOAP_UINT;
}

/* Limits as facets; false when the bare type says all. */
static bool has_facets(const struct soap_row *row)
{
    switch ((enum soap_kind)row->kind) {
    case SOAP_ENUM:
        return true;
    case SOAP_TEXT:
    case SOAP_DIGITS:
    case SOAP_HEX:
    case SOAP_UINT:
        return row->min || row->max;
    case SOAP_OID:
    case SOAP_VERSION:
    case SOAP_EID:
    case SOAP_BOOL:
    case SOAP_TIME:
    case SOAP_COMPLEX:
    case SOAP_RAW:
        break;
    }
    return false;
}

static void print_facets(const struct soap_row *row, cr_buf *out)
{
    cr_buf_appendf(out, "<xs:simpleType><xs:restriction base=\"%s\">", base_type(row));
    if (row->kind == SOAP_ENUM) {
        for (size_t i = 0; row->names[i]; i++) {
            cr_buf_appendf(out, "<xs:enumeration value=\"%s\"/>", row->names[i]);
        }
    } else if (is_number(row)) {
        cr_buf_appendf(out, "<xs:minInclusive value=\"%u\"/>", row->min);
        if (row->max) {
            cr_buf_appendf(out, "<xs:maxInclusive value=\"%u\"/>", row->max);
        }
    } else {
        if (row->min) {
            cr_buf_appendf(out, "<xs:minLength value=\"%u\"/>", row->min);
        }
        if (row->max) {
            cr_buf_appendf(out, "<xs:maxLength value=\"%u\"/>", row->max);
        }
    }
    cr_buf_append_str(out, "</xs:restriction></xs:simpleType>");
}

static void print_row(const struct soap_row *row, bool optional, cr_buf *out)
{
    bool attribute = row->flags & SOAP_ATTRIBUTE;
    const char *what = attribute ? "attribute" : "element";
    if (row->flags & SOAP_UNVERIFIED) {
        cr_buf_appendf(out, "      <!-- working name: %s -->\n", row->name);
    }
    cr_buf_appendf(out, "      <xs:%s name=\"%s\"", what, row->name);
    if (attribute) {
        cr_buf_append_str(out, optional ? "" : " use=\"required\"");
    } else if (row->flags & SOAP_REPEATED) {
        cr_buf_appendf(out, " minOccurs=\"%d\" maxOccurs=\"unbounded\"", optional ? 0 : 1);
    } else if (optional) {
        cr_buf_append_str(out, " minOccurs=\"0\"");
    }
    if (has_facets(row)) {
        cr_buf_append_byte(out, '>');
        print_facets(row, out);
        cr_buf_appendf(out, "</xs:%s>\n", what);
    } else {
        cr_buf_appendf(out, " type=\"%s%s\"/>\n", row->kind == SOAP_COMPLEX ? "rps3:" : "",
                       base_type(row));
    }
}

static void print_type(const struct soap_type *type, cr_buf *out)
{
    cr_buf_appendf(out, "  <xs:complexType name=\"%s\">\n    <xs:sequence>\n", type->name);
    for (const struct soap_row *row = type->rows; row->name; row++) {
        if (!(row->flags & SOAP_ATTRIBUTE)) {
            print_row(row, row->flags & SOAP_OPTIONAL, out);
        }
    }
    cr_buf_append_str(out, "    </xs:sequence>\n");
    for (const struct soap_row *row = type->rows; row->name; row++) {
        if (row->flags & SOAP_ATTRIBUTE) {
            print_row(row, row->flags & SOAP_OPTIONAL, out);
        }
    }
    cr_buf_append_str(out, "  </xs:complexType>\n");
}

/* A failed answer has its base only, so its elements are optional in the schema. */
static void print_message(const struct soap_function *f, enum soap_message_kind kind, cr_buf *out)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    char name[SOAP_MAX_NAME];
    soap_message_uses(f, kind, uses, &count);
    cr_buf_appendf(out, "  <!-- %s %s -->\n", soap_interface_name(f->interface), f->summary);
    cr_buf_appendf(out, "  <xs:element name=\"%s\">\n    <xs:complexType>\n    <xs:sequence>\n",
                   soap_message_name(name, f, kind));
    for (size_t i = 0; i < count; i++) {
        print_row(&soap_elements[uses[i].element], uses[i].presence != SOAP_M, out);
    }
    cr_buf_append_str(out, "    </xs:sequence>\n    </xs:complexType>\n  </xs:element>\n");
}

void soap_xsd(cr_buf *out)
{
    cr_buf_append_str(
        out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"\n"
             "    xmlns:rps3=\"" SOAP_NS_RPS "\"\n"
             "    targetNamespace=\"" SOAP_NS_RPS "\" elementFormDefault=\"qualified\">\n"
             "  <xs:simpleType name=\"EIDType\"><xs:restriction base=\"xs:hexBinary\">"
             "<xs:length value=\"16\"/><xs:pattern value=\"[0-9]{32}\"/></xs:restriction>"
             "</xs:simpleType>\n"
             "  <xs:simpleType name=\"DigitsType\"><xs:restriction base=\"xs:string\">"
             "<xs:pattern value=\"[0-9]+\"/></xs:restriction></xs:simpleType>\n"
             "  <xs:simpleType name=\"ObjectIdentifierType\"><xs:restriction base=\"xs:string\">"
             "<xs:pattern value=\"(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*))*\"/></xs:restriction>"
             "</xs:simpleType>\n"
             "  <xs:simpleType name=\"ThreeDigitVersion\"><xs:restriction base=\"xs:string\">"
             "<xs:pattern value=\"[0-9]+\\.[0-9]+\\.[0-9]+\"/></xs:restriction></xs:simpleType>\n"
             "  <!-- children of the namespace " SOAP_NS_DSIG " -->\n"
             "  <xs:complexType name=\"SignatureType\"><xs:sequence>"
             "<xs:any namespace=\"##other\" processContents=\"lax\" maxOccurs=\"unbounded\"/>"
             "</xs:sequence></xs:complexType>\n");
    for (size_t i = 0; soap_types[i]; i++) {
        print_type(soap_types[i], out);
    }
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->pattern == SOAP_NOTIFICATION) {
            print_message(f, SOAP_NOTICE, out);
        } else {
            print_message(f, SOAP_REQUEST, out);
            print_message(f, SOAP_RESPONSE, out);
        }
    }
    cr_buf_append_str(out, "</xs:schema>\n");
}
