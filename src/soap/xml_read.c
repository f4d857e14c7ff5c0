#include "base/text.h"
#include "soap/xml.h"

#include <libxml/SAX2.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/uri.h>

#include <stdio.h>

/* ---- parsing -----------------------------------------------------------------------------------
 */

struct guard {
    unsigned depth, nodes;
    bool dtd, deep, relative;
};

static void on_internal_subset(void *ctx, const xmlChar *name, const xmlChar *external,
                               const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    xmlParserCtxt *parser = ctx;
    ((struct guard *)parser->_private)->dtd = true;
    xmlStopParser(parser);
}

/* Namespaces that are no absolute URI have no canonical form. */
static bool absolute(const xmlChar *uri)
{
    if (!uri || !uri[0]) {
        return true;
    }
    xmlURI *parsed = xmlParseURI((const char *)uri);
    bool good = parsed && parsed->scheme;
    xmlFreeURI(parsed);
    return good;
}

static void on_start(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **namespace_list, int attributes, int defaulted,
                     const xmlChar **attribute_list)
{
    xmlParserCtxt *parser = ctx;
    struct guard *guard = parser->_private;
    guard->deep |= ++guard->depth > SOAP_MAX_DEPTH || ++guard->nodes > SOAP_MAX_NODES;
    for (int i = 0; i < namespaces; i++) {
        guard->relative |= !absolute(namespace_list[2 * i + 1]);
    }
    if (guard->deep || guard->relative) {
        xmlStopParser(parser);
        return;
    }
    xmlSAX2StartElementNs(ctx, local, prefix, uri, namespaces, namespace_list, attributes,
                          defaulted, attribute_list);
}

static void on_end(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    ((struct guard *)((xmlParserCtxt *)ctx)->_private)->depth--;
    xmlSAX2EndElementNs(ctx, local, prefix, uri);
}

static void on_error(void *ctx, xmlError *error)
{
    (void)ctx;
    (void)error; /* looked at when the parser is done */
}

static cr_status format_error(struct cr_err *err, const char *what)
{
    cr_status status = cr_fail(err, CR_MALFORMED, "SGP.02 annex B", "%s", what);
    if (err) {
        (void)cr_str_copy(err->subject, sizeof err->subject, cr_span_str("1.3.1"));
        (void)cr_str_copy(err->reason, sizeof err->reason, cr_span_str("2.1"));
    }
    return status;
}

cr_status soap_xml_parse(cr_span text, xmlDoc **out, struct cr_err *err)
{
    if (text.n == 0) {
        return format_error(err, "the message is empty");
    }
    if (text.n > SOAP_MAX_MESSAGE) {
        return format_error(err, "the message is too long");
    }
    if (!cr_utf8_valid(text)) {
        return format_error(err, "the message is no UTF-8");
    }
    struct guard guard = {0};
    xmlSAXHandler sax;
    memset(&sax, 0, sizeof sax);
    xmlSAXVersion(&sax, 2);
    sax.internalSubset = on_internal_subset;
    sax.startElementNs = on_start;
    sax.endElementNs = on_end;
    sax.serror = on_error;
    xmlParserCtxt *parser = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
    if (!parser) {
        return cr_fail_memory(err);
    }
    *parser->sax = sax;
    parser->_private = &guard;
    (void)xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOERROR);
    parser->sax->serror = on_error;
    (void)xmlParseChunk(parser, (const char *)text.p, (int)text.n, 1);
    xmlDoc *doc = parser->myDoc;
    bool good =
        parser->wellFormed && parser->nsWellFormed && !guard.dtd && !guard.deep && !guard.relative;
    char what[160];
    (void)snprintf(what, sizeof what, "line %d is no well-formed XML",
                   parser->lastError.line ? parser->lastError.line : 1);
    parser->myDoc = NULL;
    xmlFreeParserCtxt(parser);
    if (!good || !doc || !xmlDocGetRootElement(doc)) {
        xmlFreeDoc(doc);
        return format_error(err, guard.dtd    ? "the message has a document type declaration"
                                 : guard.deep ? "the message has too many elements or too deep ones"
                                 : guard.relative ? "a namespace of the message is no absolute URI"
                                                  : what);
    }
    *out = doc;
    return CR_OK;
}

/* ---- the tree ----------------------------------------------------------------------------------
 */

bool soap_xml_is(const xmlNode *node, const char *ns, const char *name)
{
    if (!node || node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0) {
        return false;
    }
    return !ns || (node->ns && node->ns->href && strcmp((const char *)node->ns->href, ns) == 0);
}

xmlNode *soap_xml_element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

xmlNode *soap_xml_child(const xmlNode *parent, const char *ns, const char *name)
{
    for (xmlNode *n = soap_xml_element(parent->children); n; n = soap_xml_element(n->next)) {
        if (soap_xml_is(n, ns, name)) {
            return n;
        }
    }
    return NULL;
}

cr_span soap_xml_text(const xmlNode *node, size_t limit, cr_arena *arena)
{
    size_t n = 0;
    for (const xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) {
            n += strlen((const char *)c->content);
        } else if (c->type != XML_COMMENT_NODE && c->type != XML_PI_NODE) {
            return (cr_span){0};
        }
    }
    if (n > limit) {
        return (cr_span){0};
    }
    uint8_t *text = cr_arena_alloc(arena, n);
    if (!text) {
        return (cr_span){0};
    }
    size_t at = 0;
    for (const xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) {
            size_t part = strlen((const char *)c->content);
            memcpy(text + at, c->content, part);
            at += part;
        }
    }
    return cr_span_of(text, n);
}

/* ---- canonical form ----------------------------------------------------------------------------
 */

static int is_below(void *top, xmlNode *node, xmlNode *parent)
{
    /* Namespace nodes come with their element as parent. */
    const xmlNode *n =
        node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE ? parent : node;
    for (; n; n = n->parent) {
        if (n == (const xmlNode *)top) {
            return 1;
        }
    }
    return 0;
}

cr_status soap_xml_canonical(xmlNode *node, bool exclusive, cr_buf *out, struct cr_err *err)
{
    xmlOutputBuffer *sink = xmlAllocOutputBuffer(NULL);
    if (!sink) {
        return cr_fail_memory(err);
    }
    int rc = xmlC14NExecute(node->doc, is_below, node,
                            exclusive ? XML_C14N_EXCLUSIVE_1_0 : XML_C14N_1_0, NULL, 0, sink);
    size_t n = rc < 0 ? 0 : xmlOutputBufferGetSize(sink);
    if (n && n <= SOAP_MAX_RAW) {
        cr_buf_append(out, xmlOutputBufferGetContent(sink), n);
    }
    (void)xmlOutputBufferClose(sink);
    if (n == 0 || n > SOAP_MAX_RAW) {
        return format_error(err, "the signed part is too long or has no canonical form");
    }
    return cr_buf_ok(out) ? CR_OK : cr_fail_memory(err);
}

/* ---- the codec ---------------------------------------------------------------------------------
 */

static cr_status bad_element(const struct soap_row *row, const char *reason, const char *wrong,
                             struct cr_err *err)
{
    cr_status status = cr_fail(err, CR_MALFORMED, "SGP.02 annex A", "%s %s", row->name, wrong);
    if (err) {
        (void)cr_str_copy(err->subject, sizeof err->subject, cr_span_str("1.6"));
        (void)cr_str_copy(err->reason, sizeof err->reason, cr_span_str(reason));
        (void)cr_str_copy(err->field, sizeof err->field, cr_span_str(row->name));
    }
    return status;
}

static bool name_is(const struct soap_row *row, const char *name)
{
    if (strcmp(name, row->name) == 0) {
        return true;
    }
    for (size_t i = 0; row->aliases && row->aliases[i]; i++) {
        if (strcmp(name, row->aliases[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* EumSignature has been seen in the namespace of XML signatures, or as ds:Signature. */
bool soap_xml_row_is(const xmlNode *node, const struct soap_row *row)
{
    const char *ns = node->ns && node->ns->href ? (const char *)node->ns->href : "";
    const char *name = (const char *)node->name;
    if (row->kind == SOAP_RAW && strcmp(ns, SOAP_NS_DSIG) == 0) {
        return name_is(row, name) || strcmp(name, "Signature") == 0;
    }
    return strcmp(ns, SOAP_NS_RPS) == 0 && name_is(row, name);
}

/* Room for one more element of a list; NULL = out of memory. Lists double. */
static void *list_extend(struct soap_list *list, size_t size, cr_arena *arena)
{
    bool full = list->count == 0 || (list->count >= 4 && (list->count & (list->count - 1)) == 0);
    if (full) {
        size_t room = list->count ? list->count * 2 : 4;
        void *items = cr_arena_alloc_array(arena, room, size);
        if (!items) {
            return NULL;
        }
        if (list->count) {
            memcpy(items, list->items, list->count * size);
        }
        list->items = items;
    }
    return (uint8_t *)list->items + size * list->count++;
}

static cr_status read_value(const xmlNode *node, const struct soap_row *row, cr_arena *arena,
                            void *value, struct cr_err *err)
{
    if (row->kind == SOAP_COMPLEX) {
        return soap_xml_read(node, row->type, arena, value, err);
    }
    if (row->kind == SOAP_RAW) {
        cr_buf raw = {0};
        /* Inclusive: all that a signature of either form may cover stays with the element. */
        cr_status status = soap_xml_canonical((xmlNode *)(uintptr_t)node, false, &raw, err);
        cr_span kept = status == CR_OK ? cr_arena_copy(arena, cr_buf_span(&raw)) : (cr_span){0};
        cr_buf_free(&raw);
        if (status == CR_OK && !kept.p) {
            status = cr_fail_memory(err);
        }
        *(cr_span *)value = kept;
        return status;
    }
    cr_span text = soap_xml_text(node, SOAP_MAX_MESSAGE, arena);
    if (!text.p) {
        return bad_element(row, "2.1", "has elements where a value is due", err);
    }
    const char *wrong = soap_row_read(row, text, arena, value);
    return wrong ? bad_element(row, "2.1", wrong, err) : CR_OK;
}

cr_status soap_xml_read_row(const xmlNode *node, const struct soap_row *row, cr_arena *arena,
                            void *base, struct cr_err *err)
{
    void *value = (uint8_t *)base + row->offset;
    if (row->flags & SOAP_REPEATED) {
        struct soap_list *list = value;
        size_t most = row->kind == SOAP_COMPLEX && row->max ? row->max : SOAP_MAX_REPEATED;
        if (list->count >= most) {
            return bad_element(row, "2.1", "stands there too often", err);
        }
        value = list_extend(list, soap_row_size(row), arena);
        if (!value) {
            return cr_fail_memory(err);
        }
    } else if (soap_row_present(row, base)) {
        return bad_element(row, "2.1", "stands there twice", err);
    }
    CR_TRY(read_value(node, row, arena, value, err));
    if (row->has != SOAP_NO_OFFSET) {
        *(bool *)((uint8_t *)base + row->has) = true;
    }
    return CR_OK;
}

static cr_status read_attribute(const xmlNode *node, const struct soap_row *row, cr_arena *arena,
                                void *base, struct cr_err *err)
{
    const xmlAttr *attr = node->properties;
    while (attr && (attr->ns || strcmp((const char *)attr->name, row->name) != 0)) {
        attr = attr->next;
    }
    if (attr) {
        xmlChar *text = xmlNodeListGetString(node->doc, attr->children, 1);
        cr_span value = cr_span_str(text ? (const char *)text : "");
        const char *wrong = soap_row_read(row, value, arena, (uint8_t *)base + row->offset);
        xmlFree(text);
        return wrong ? bad_element(row, "2.1", wrong, err) : CR_OK;
    }
    /* Seen as a child element instead. */
    for (const xmlNode *n = soap_xml_element(node->children); n; n = soap_xml_element(n->next)) {
        if (soap_xml_row_is(n, row)) {
            return soap_xml_read_row(n, row, arena, base, err);
        }
    }
    return CR_OK;
}

cr_status soap_xml_read(const xmlNode *node, const struct soap_type *type, cr_arena *arena,
                        void *out, struct cr_err *err)
{
    for (const xmlNode *n = soap_xml_element(node->children); n; n = soap_xml_element(n->next)) {
        for (const struct soap_row *row = type->rows; row->name; row++) {
            if (!(row->flags & SOAP_ATTRIBUTE) && soap_xml_row_is(n, row)) {
                CR_TRY(soap_xml_read_row(n, row, arena, out, err));
                break;
            }
        }
    }
    for (const struct soap_row *row = type->rows; row->name; row++) {
        if (row->flags & SOAP_ATTRIBUTE) {
            CR_TRY(read_attribute(node, row, arena, out, err));
        }
        if (!(row->flags & SOAP_OPTIONAL) && !soap_row_present(row, out)) {
            return bad_element(row, "2.2", "is missing", err);
        }
    }
    if (type->raw != SOAP_NO_OFFSET) {
        static const struct soap_row raw_row = {.name = "signed part", .kind = SOAP_RAW};
        CR_TRY(read_value(node, &raw_row, arena, (uint8_t *)out + type->raw, err));
    }
    return CR_OK;
}

cr_status soap_type_read(const struct soap_type *type, cr_span xml, cr_arena *arena, void *out,
                         struct cr_err *err)
{
    xmlDoc *doc = NULL;
    CR_TRY(soap_xml_parse(xml, &doc, err));
    const xmlNode *root = xmlDocGetRootElement(doc);
    cr_status status = root ? soap_xml_read(root, type, arena, out, err)
                            : cr_fail(err, CR_MALFORMED, NULL, "an empty XML text");
    xmlFreeDoc(doc);
    return status;
}
