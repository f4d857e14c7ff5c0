#include "base/text.h"
#include "soap/address.h"
#include "soap/xml.h"

#define OPEN_ENVELOPE                                                                              \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""                              \
    " xmlns:wsa=\"http://www.w3.org/2005/08/addressing\""                                          \
    " xmlns:rps3=\"" SOAP_NS_RPS "\">"
#define OPEN_POLL                                                                                  \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""                              \
    " xmlns:wsa=\"http://www.w3.org/2005/08/addressing\""                                          \
    " xmlns:wsmc=\"http://docs.oasis-open.org/ws-rx/wsmc/200702\">"
#define MAKE_CONNECTION "http://docs.oasis-open.org/ws-rx/wsmc/200702/MakeConnection"

void soap_action(const struct soap_function *function, enum soap_message_kind kind,
                 const struct soap_dialect *dialect, cr_buf *out)
{
    const char *interface = soap_interface_name(function->interface);
    const char *group = dialect && dialect->group ? dialect->group : function->group;
    /* Answers that are called back, and notifications to an operator or an SM-DP. */
    bool back = kind == SOAP_NOTICE || (kind == SOAP_RESPONSE && function->pattern == SOAP_ASYNC);
    const char *tail =
        function->pattern == SOAP_SYNC ? (kind == SOAP_REQUEST ? "Request" : "Response") : "";
    cr_buf_appendf(out, "http://gsma.com/%s/%s%s/%s-%s%s", interface, group, back ? "CallBack" : "",
                   interface, function->name, tail);
}

static void text_header(cr_buf *out, const char *name, cr_span text)
{
    if (text.p) {
        cr_buf_appendf(out, "<wsa:%s>", name);
        soap_xml_escape(out, text);
        cr_buf_appendf(out, "</wsa:%s>", name);
    }
}

static void end_text(const struct soap_end *end, cr_buf *out)
{
    cr_buf text = {0};
    soap_address_write(end, &text);
    soap_xml_escape(out, cr_buf_span(&text));
    out->failed |= text.failed;
    cr_buf_free(&text);
}

static void write_ends(const struct soap_header *h, cr_buf *out)
{
    if (h->from.uri.p) {
        cr_buf_append_str(out, "<wsa:From><wsa:Address>");
        end_text(&h->from, out);
        cr_buf_append_str(out, "</wsa:Address></wsa:From>");
    }
    if (h->to.uri.p) {
        cr_buf_append_str(out, "<wsa:To>");
        end_text(&h->to, out);
        cr_buf_append_str(out, "</wsa:To>");
    }
    text_header(out, "MessageID", h->message_id);
}

static void write_reply_to(const struct soap_header *h, cr_buf *out)
{
    if (h->reply == SOAP_REPLY_HERE) {
        return;
    }
    cr_buf_append_str(out, "<wsa:ReplyTo><wsa:Address>");
    if (h->reply == SOAP_REPLY_POLL) {
        soap_xml_escape(out, h->poll_address);
    } else {
        end_text(&h->reply_to, out);
    }
    cr_buf_append_str(out, "</wsa:Address></wsa:ReplyTo>");
}

static cr_status write_elements(const struct soap_message *m, cr_buf *out, struct cr_err *err)
{
    struct soap_use uses[SOAP_MAX_USES];
    size_t count;
    char name[SOAP_MAX_NAME];
    /* An answer that failed has its status only; so has one that expired. */
    bool bare = m->kind == SOAP_RESPONSE && m->body.status.status != SOAP_EXECUTED_SUCCESS &&
                m->body.status.status != SOAP_EXECUTED_WITHWARNING;
    soap_message_uses(m->function, m->kind, uses, &count);
    soap_message_name(name, m->function, m->kind);
    cr_buf_appendf(out, "<rps3:%s>", name);
    for (size_t i = 0; i < count; i++) {
        const struct soap_row *row = &soap_elements[uses[i].element];
        if (uses[i].presence == SOAP_M && !bare && !soap_row_present(row, &m->body)) {
            return cr_err_field(
                err,
                cr_fail(err, CR_REFUSED, "SGP.02 annex A", "%s of %s is missing", row->name, name),
                row->name);
        }
        CR_TRY(soap_xml_write_row(row, &m->body, out, err));
    }
    cr_buf_appendf(out, "</rps3:%s>", name);
    return CR_OK;
}

static void write_poll(const struct soap_message *m, cr_buf *out)
{
    cr_buf_append_str(out, OPEN_POLL "<s:Header>");
    write_ends(&m->header, out);
    text_header(out, "Action", cr_span_str(MAKE_CONNECTION));
    cr_buf_append_str(out, "</s:Header><s:Body><wsmc:MakeConnection><wsmc:Address>");
    soap_xml_escape(out, m->header.poll_address);
    cr_buf_append_str(out, "</wsmc:Address></wsmc:MakeConnection></s:Body></s:Envelope>");
}

static cr_status build(const struct soap_message *m, const struct soap_dialect *dialect,
                       cr_buf *out, struct cr_err *err)
{
    cr_buf_append_str(out, OPEN_ENVELOPE "<s:Header>");
    write_ends(&m->header, out);
    cr_buf_append_str(out, "<wsa:Action>");
    soap_action(m->function, m->kind, dialect, out); /* has nothing to escape */
    cr_buf_append_str(out, "</wsa:Action>");
    write_reply_to(&m->header, out);
    text_header(out, "RelatesTo", m->header.relates_to);
    if (m->message_pending) {
        cr_buf_append_str(out, "<wsmc:MessagePending xmlns:wsmc=\"http://docs.oasis-open.org/ws-rx/"
                               "wsmc/200702\" pending=\"true\"/>");
    }
    cr_buf_append_str(out, "</s:Header><s:Body>");
    CR_TRY(write_elements(m, out, err));
    cr_buf_append_str(out, "</s:Body></s:Envelope>");
    return CR_OK;
}

cr_status soap_build(const struct soap_message *message, const struct soap_dialect *dialect,
                     cr_buf *out, struct cr_err *err)
{
    size_t before = out->n;
    cr_status status = CR_OK;
    switch (message->kind) {
    case SOAP_REQUEST:
    case SOAP_RESPONSE:
    case SOAP_NOTICE:
        status = build(message, dialect, out, err);
        break;
    case SOAP_MAKE_CONNECTION:
        write_poll(message, out);
        break;
    case SOAP_FAULT:
        soap_build_fault(message->fault_of_sender, "see the log", out);
        break;
    case SOAP_EMPTY:
        break;
    }
    if (status != CR_OK) {
        out->n = before;
    }
    return status == CR_OK && !cr_buf_ok(out) ? cr_fail_memory(err) : status;
}

void soap_build_fault(bool sender, const char *text, cr_buf *out)
{
    cr_buf_appendf(out,
                   "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body>"
                   "<s:Fault><s:Code><s:Value>s:%s</s:Value></s:Code><s:Reason>"
                   "<s:Text xml:lang=\"en\">",
                   sender ? "Sender" : "Receiver");
    soap_xml_escape(out, cr_span_str(text));
    cr_buf_append_str(out, "</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>");
}
