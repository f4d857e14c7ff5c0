#include "base/text.h"
#include "soap/address.h"
#include "soap/xml.h"

#include <stdio.h>

#define NS_SOAP "http://www.w3.org/2003/05/soap-envelope"
#define NS_WSA  "http://www.w3.org/2005/08/addressing"
/* The namespace of the addressing metadata: one implementation puts headers there. */
#define NS_WSA_METADATA "http://www.w3.org/2007/05/addressing/metadata"
#define NS_WSMC         "http://docs.oasis-open.org/ws-rx/wsmc/200702"

/* "What DETAIL rest": causes name what the peer sent, cleaned. */
static cr_status malformed(struct cr_err *err, const char *subject, const char *reason,
                           const char *before, const char *detail, const char *after)
{
    cr_status status =
        cr_fail(err, CR_MALFORMED, "SGP.02 annex B", "%s%s%s", before, detail, after);
    if (err) {
        (void)cr_str_copy(err->subject, sizeof err->subject, cr_span_str(subject));
        (void)cr_str_copy(err->reason, sizeof err->reason, cr_span_str(reason));
        cr_text_clean(err->cause);
    }
    return status;
}

/* ---- header ------------------------------------------------------------------------------------
 */

static xmlNode *wsa_child(const xmlNode *parent, const char *name)
{
    xmlNode *node = soap_xml_child(parent, NS_WSA, name);
    return node ? node : soap_xml_child(parent, NS_WSA_METADATA, name);
}

static cr_span header_text(const xmlNode *header, const char *name, cr_arena *arena)
{
    const xmlNode *node = header ? wsa_child(header, name) : NULL;
    return node ? soap_xml_text(node, SOAP_MAX_URI, arena) : (cr_span){0};
}

/* wsa:From and wsa:ReplyTo hold their URI in an Address. */
static cr_span endpoint_text(const xmlNode *header, const char *name, cr_arena *arena)
{
    const xmlNode *node = header ? wsa_child(header, name) : NULL;
    const xmlNode *address = node ? wsa_child(node, "Address") : NULL;
    return address ? soap_xml_text(address, SOAP_MAX_URI, arena) : (cr_span){0};
}

static void read_reply_to(cr_span text, cr_arena *arena, struct soap_header *out)
{
    soap_address_read(text, arena, &out->reply_to);
    if (!text.p || cr_span_equal(out->reply_to.uri, cr_span_str(SOAP_ANONYMOUS))) {
        out->reply = SOAP_REPLY_HERE;
        out->reply_to = (struct soap_end){0};
    } else if (cr_span_equal(out->reply_to.uri, cr_span_str(SOAP_POLL_ANONYMOUS))) {
        out->reply = SOAP_REPLY_POLL;
        out->poll_address = text;
        out->reply_to = (struct soap_end){0};
    } else {
        out->reply = SOAP_REPLY_CALLBACK;
    }
}

static void read_header(const xmlNode *header, cr_arena *arena, struct soap_header *out)
{
    soap_address_read(endpoint_text(header, "From", arena), arena, &out->from);
    soap_address_read(header_text(header, "To", arena), arena, &out->to);
    soap_message_id_read(header_text(header, "MessageID", arena), arena, out);
    out->action = header_text(header, "Action", arena);
    read_reply_to(endpoint_text(header, "ReplyTo", arena), arena, out);
    out->relates_to = header_text(header, "RelatesTo", arena);
}

/* ---- body --------------------------------------------------------------------------------------
 */

/* "ES3-CreateISDPRequest" to its function and kind. */
static bool function_of(const char *name, struct soap_message *out)
{
    static const struct {
        const char *tail;
        enum soap_message_kind kind;
    } tails[] = {{"Request", SOAP_REQUEST}, {"Response", SOAP_RESPONSE}, {"", SOAP_NOTICE}};
    const char *dash = strchr(name, '-');
    if (!dash) {
        return false;
    }
    enum soap_interface interface =
        soap_interface_from_name(cr_span_of(name, (size_t)(dash - name)));
    cr_span rest = cr_span_str(dash + 1);
    for (size_t i = 0; interface && i < CR_COUNT(tails); i++) {
        size_t tail = strlen(tails[i].tail);
        if (rest.n <= tail || memcmp(rest.p + rest.n - tail, tails[i].tail, tail) != 0) {
            continue;
        }
        const struct soap_function *f =
            soap_function_named(interface, cr_span_sub(rest, 0, rest.n - tail));
        if (f && (f->pattern == SOAP_NOTIFICATION) == (tails[i].kind == SOAP_NOTICE)) {
            out->function = f;
            out->kind = tails[i].kind;
            return true;
        }
    }
    return false;
}

/* Its last segment must name the function of the body: `.../ES3-CreateISDP[Request|Response]`. */
static bool action_fits(const struct soap_message *m)
{
    cr_span action = m->header.action;
    size_t start = action.n;
    while (start && action.p[start - 1] != '/') {
        start--;
    }
    cr_span last = cr_span_sub(action, start, action.n - start);
    const struct soap_function *f = m->function;
    const char *names[] = {f->name, f->alias};
    for (size_t i = 0; i < CR_COUNT(names) && names[i]; i++) {
        static const char *const tails[] = {"", "Request", "Response"};
        for (size_t t = 0; t < CR_COUNT(tails); t++) {
            char want[SOAP_MAX_NAME];
            int n = snprintf(want, sizeof want, "%s-%s%s", soap_interface_name(f->interface),
                             names[i], tails[t]);
            if (n > 0 && cr_span_equal_nocase(last, cr_span_str(want))) {
                return true;
            }
        }
    }
    return false;
}

static cr_status read_elements(const xmlNode *element, cr_arena *arena, struct soap_message *out,
                               struct cr_err *err)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    soap_message_uses(out->function, out->kind, uses, &count);
    for (const xmlNode *n = soap_xml_element(element->children); n; n = soap_xml_element(n->next)) {
        for (size_t i = 0; i < count; i++) {
            const struct soap_row *row = &soap_elements[uses[i].element];
            if (soap_xml_row_is(n, row)) {
                CR_TRY(soap_xml_read_row(n, row, arena, &out->body, err));
                break;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct soap_row *row = &soap_elements[uses[i].element];
        if (uses[i].presence == SOAP_M && !soap_row_present(row, &out->body)) {
            return cr_err_field(err, malformed(err, "1.6", "2.2", "", row->name, " is missing"),
                                row->name);
        }
    }
    return CR_OK;
}

static cr_status read_make_connection(const xmlNode *element, cr_arena *arena,
                                      struct soap_message *out, struct cr_err *err)
{
    const xmlNode *address = soap_xml_child(element, NS_WSMC, "Address");
    out->kind = SOAP_MAKE_CONNECTION;
    out->header.poll_address = address ? soap_xml_text(address, SOAP_MAX_URI, arena) : (cr_span){0};
    if (!out->header.poll_address.n) {
        return malformed(err, "1.6", "2.2", "", "wsmc:Address", " is missing");
    }
    return CR_OK;
}

static void read_fault(const xmlNode *fault, cr_arena *arena, struct soap_message *out)
{
    const xmlNode *code = soap_xml_child(fault, NS_SOAP, "Code");
    const xmlNode *value = code ? soap_xml_child(code, NS_SOAP, "Value") : NULL;
    cr_span name = value ? soap_xml_text(value, SOAP_MAX_URI, arena) : (cr_span){0};
    const xmlNode *reason = soap_xml_child(fault, NS_SOAP, "Reason");
    const xmlNode *text = reason ? soap_xml_child(reason, NS_SOAP, "Text") : NULL;
    static const char sender[] = "Sender";
    const size_t n = sizeof sender - 1;
    out->kind = SOAP_FAULT;
    out->fault_of_sender = name.n >= n && memcmp(name.p + name.n - n, sender, n) == 0;
    out->fault_text = text ? soap_xml_text(text, 4096, arena) : (cr_span){0};
}

static cr_status read_body(const xmlNode *body, cr_arena *arena, struct soap_message *out,
                           struct cr_err *err)
{
    const xmlNode *element = soap_xml_element(body->children);
    if (!element) {
        out->kind = SOAP_EMPTY;
        return CR_OK;
    }
    if (soap_xml_element(element->next)) {
        return malformed(err, "1.3.1", "2.1", "the body has more than one element", "", "");
    }
    if (soap_xml_is(element, NS_SOAP, "Fault")) {
        read_fault(element, arena, out);
        return CR_OK;
    }
    if (soap_xml_is(element, NS_WSMC, "MakeConnection")) {
        return read_make_connection(element, arena, out, err);
    }
    const char *ns = element->ns && element->ns->href ? (const char *)element->ns->href : "none";
    if (strcmp(ns, SOAP_NS_RPS) != 0) {
        return malformed(err, "1.3.2", "3.1", "messages of the namespace ", ns,
                         " are not supported");
    }
    if (!function_of((const char *)element->name, out)) {
        return malformed(err, "1.6", "3.1", "there is no function ", (const char *)element->name,
                         "");
    }
    if (out->header.action.p && !action_fits(out)) {
        return malformed(err, "1.3.1", "2.1", "wsa:Action is not the one of ",
                         (const char *)element->name, "");
    }
    return read_elements(element, arena, out, err);
}

/* What an asynchronous exchange cannot do without (annex B). */
static cr_status check_header(const struct soap_message *m, struct cr_err *err)
{
    bool asked = m->kind == SOAP_REQUEST || m->kind == SOAP_NOTICE;
    if (asked && !m->header.message_id.n) {
        return malformed(err, "1.3.1", "2.1", "", "wsa:MessageID", " is missing");
    }
    if (asked && !m->header.action.n) {
        return malformed(err, "1.3.1", "2.1", "", "wsa:Action", " is missing");
    }
    if (asked && !m->header.from.entity_id.n) {
        return malformed(err, "1.3.1", "2.1", "", "EntityId of wsa:From", " is missing");
    }
    return CR_OK;
}

cr_status soap_parse(cr_span text, cr_arena *arena, struct soap_message *out, struct cr_err *err)
{
    *out = (struct soap_message){0};
    if (text.n == 0) {
        out->kind = SOAP_EMPTY;
        return CR_OK;
    }
    xmlDoc *doc = NULL;
    CR_TRY(soap_xml_parse(text, &doc, err));
    const xmlNode *envelope = xmlDocGetRootElement(doc);
    const xmlNode *header = NULL, *body = NULL;
    cr_status status;
    if (soap_xml_is(envelope, NS_SOAP, "Envelope")) {
        header = soap_xml_child(envelope, NS_SOAP, "Header");
        body = soap_xml_child(envelope, NS_SOAP, "Body");
    }
    if (!body) {
        status = malformed(err, "1.3.1", "2.1", "it is no SOAP 1.2 envelope", "", "");
    } else {
        read_header(header, arena, &out->header);
        const xmlNode *pending = header ? soap_xml_child(header, NS_WSMC, "MessagePending") : NULL;
        if (pending) {
            xmlChar *value =
                xmlGetNoNsProp((xmlNode *)(uintptr_t)pending, (const xmlChar *)"pending");
            out->message_pending = value && strcmp((const char *)value, "true") == 0;
            xmlFree(value);
        }
        status = read_body(body, arena, out, err);
        if (status == CR_OK) {
            status = check_header(out, err);
        }
    }
    xmlFreeDoc(doc);
    return status;
}
