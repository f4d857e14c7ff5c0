/*
 * Every message of every function: written, valid against the printed schema, read back as the
 * same; and everything that can be wrong with one.
 */
#include "../base/test.h"

#include "fill.h"
#include "soap/xsd.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include <stdio.h>
#include <stdlib.h>

static xmlSchema *schema;

static void ignore(void *ctx, const char *format, ...)
{
    (void)ctx;
    (void)format;
}

static int load_schema(void **state)
{
    (void)state;
    cr_buf xsd = {0};
    soap_xsd(&xsd);
    xmlSchemaParserCtxt *ctx = xmlSchemaNewMemParserCtxt((const char *)xsd.p, (int)xsd.n);
    schema = xmlSchemaParse(ctx);
    xmlSchemaFreeParserCtxt(ctx);
    cr_buf_free(&xsd);
    return schema ? 0 : -1;
}

static int free_schema(void **state)
{
    (void)state;
    xmlSchemaFree(schema);
    xmlCleanupParser();
    return 0;
}

/* The body's element is a document of its own for the validator. */
static bool valid(cr_span envelope)
{
    xmlDoc *doc = xmlReadMemory((const char *)envelope.p, (int)envelope.n, NULL, NULL, 0);
    xmlNode *body = xmlDocGetRootElement(doc)->last;
    xmlDoc *alone = xmlNewDoc((const xmlChar *)"1.0");
    xmlDocSetRootElement(alone, xmlDocCopyNode(body->children, alone, 1));
    xmlSchemaValidCtxt *ctx = xmlSchemaNewValidCtxt(schema);
    if (!getenv("VERBOSE")) {
        xmlSchemaSetValidErrors(ctx, ignore, ignore, NULL);
    }
    int rc = xmlSchemaValidateDoc(ctx, alone);
    xmlSchemaFreeValidCtxt(ctx);
    xmlFreeDoc(alone);
    xmlFreeDoc(doc);
    return rc == 0;
}

static void build(const struct soap_message *m, cr_buf *out)
{
    struct cr_err err = {0};
    if (soap_build(m, NULL, out, &err) != CR_OK) {
        fail_msg("%s: %s", m->function->name, err.cause);
    }
}

static void round_trip(const struct soap_function *f, enum soap_message_kind kind, bool bare)
{
    cr_arena arena = {0};
    struct soap_message m, back;
    struct cr_err err = {0};
    cr_buf first = {0}, second = {0};
    fill_message(&m, f, kind, bare, &arena);
    build(&m, &first);
    if (!valid(cr_buf_span(&first))) {
        fail_msg("%s is not valid: %s", f->name, cr_buf_cstr(&first));
    }
    if (soap_parse(cr_buf_span(&first), &arena, &back, &err) != CR_OK) {
        fail_msg("%s is not read: %s", f->name, err.cause);
    }
    assert_int_equal(back.kind, kind);
    assert_ptr_equal(back.function, f);
    assert_true(cr_span_equal(back.header.message_id, m.header.message_id));
    assert_true(cr_span_equal(back.header.transaction_id, cr_span_str("t")));
    assert_true(cr_span_equal(back.header.context_id, cr_span_str("c")));
    assert_true(cr_span_equal(back.header.from.entity_name, cr_span_str("A & B")));
    assert_int_equal(back.header.reply, m.header.reply);
    build(&back, &second);
    if (!cr_span_equal(cr_buf_span(&first), cr_buf_span(&second))) {
        /* What a third party signed comes back in canonical form: once more is the same. */
        cr_buf third = {0};
        assert_int_equal(soap_parse(cr_buf_span(&second), &arena, &back, &err), CR_OK);
        build(&back, &third);
        assert_true(cr_span_equal(cr_buf_span(&second), cr_buf_span(&third)));
        assert_true(valid(cr_buf_span(&third)));
        assert_non_null(strstr(cr_buf_cstr(&first), "EumSignedInfo"));
        cr_buf_free(&third);
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    cr_arena_free(&arena);
}

static void test_every_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        if (f->pattern == SOAP_NOTIFICATION) {
            round_trip(f, SOAP_NOTICE, false);
            round_trip(f, SOAP_NOTICE, true);
        } else {
            round_trip(f, SOAP_REQUEST, false);
            round_trip(f, SOAP_REQUEST, true);
            round_trip(f, SOAP_RESPONSE, false);
            round_trip(f, SOAP_RESPONSE, true);
        }
    }
}

/* Without any one of its mandatory elements a message is neither written nor read. */
static void test_every_missing_element(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (size_t i = 0; i < SOAP_FUNCTIONS; i++) {
        const struct soap_function *f = &soap_functions[i];
        enum soap_message_kind kind = f->pattern == SOAP_NOTIFICATION ? SOAP_NOTICE : SOAP_REQUEST;
        struct soap_use uses[SOAP_MAX_USES];
        size_t count;
        soap_message_uses(f, kind, uses, &count);
        for (size_t u = 0; u < count; u++) {
            const struct soap_row *row = &soap_elements[uses[u].element];
            if (uses[u].presence != SOAP_M) {
                continue;
            }
            cr_arena arena = {0};
            struct soap_message m, back;
            struct cr_err err = {0};
            cr_buf text = {0};
            fill_message(&m, f, kind, true, &arena);
            build(&m, &text);
            char open[128], close[128];
            (void)snprintf(open, sizeof open, "<rps3:%s>", row->name);
            (void)snprintf(close, sizeof close, "</rps3:%s>", row->name);
            char *from = strstr((char *)(uintptr_t)cr_buf_cstr(&text), open);
            assert_non_null(from);
            char *to = strstr(from, close);
            assert_non_null(to);
            to += strlen(close);
            memmove(from, to, strlen(to) + 1);
            text.n = strlen((char *)text.p);
            assert_int_equal(soap_parse(cr_buf_span(&text), &arena, &back, &err), CR_MALFORMED);
            assert_string_equal(err.subject, "1.6");
            assert_string_equal(err.reason, "2.2");
            assert_string_equal(err.field, row->name);
            assert_ptr_equal(back.function, f); /* so that it can be answered */
            /* Writing asks for the same. */
            if (row->has != SOAP_NO_OFFSET) {
                *(bool *)((uint8_t *)&m.body + row->has) = false;
            } else {
                memset((uint8_t *)&m.body + row->offset, 0, soap_row_size(row));
            }
            cr_buf_reset(&text);
            assert_int_equal(soap_build(&m, NULL, &text, &err), CR_REFUSED);
            assert_string_equal(err.field, row->name);
            assert_int_equal(text.n, 0);
            cr_buf_free(&text);
            cr_arena_free(&arena);
            tried++;
        }
    }
    assert_true(tried > 200);
}

/* ---- the examples of the binding, as peers write them ------------------------------------------
 */

#define ENVELOPE(header, body)                                                                     \
    "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "                             \
    "xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" "                                          \
    "xmlns:rps3=\"http://namespaces.gsma.org/esim-messaging/3\"><s:Header>" header                 \
    "</s:Header><s:Body>" body "</s:Body></s:Envelope>"
#define FROM         "<wsa:From><wsa:Address>https://a/rps?EntityId=1.2.3</wsa:Address></wsa:From>"
#define ID           "<wsa:MessageID>//1.2.3/urn:uuid:1?MessageDate=2026-03-02T08:15:00Z</wsa:MessageID>"
#define ACTION(name) "<wsa:Action>http://gsma.com/ES4/ProfileManagement/" name "</wsa:Action>"
#define GET_EIS                                                                                    \
    "<rps3:ES4-GetEISRequest><rps3:FunctionCallIdentifier>A-1</rps3:FunctionCallIdentifier>"       \
    "<rps3:Eid>89001012012341234012345678901224</rps3:Eid></rps3:ES4-GetEISRequest>"

static cr_status parse(const char *text, cr_arena *arena, struct soap_message *m,
                       struct cr_err *err)
{
    *err = (struct cr_err){0};
    return soap_parse(cr_span_str(text), arena, m, err);
}

static void test_lenient(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct soap_message m;
    struct cr_err err;
    assert_int_equal(
        parse(ENVELOPE(FROM ID ACTION("ES4-GetEISRequest"), GET_EIS), &arena, &m, &err), CR_OK);
    assert_int_equal(m.function->number, 56);
    /* Another group, another tail, no MessageDate, second '?', spaces, lower case, XML comments. */
    assert_int_equal(
        parse(ENVELOPE("<wsa:From><wsa:Address>https://a/rps ?entityid=1.2.3?UserName=x%20y</"
                       "wsa:Address></wsa:From>"
                       "<wsa:MessageID>//a/b? transactionID=t1 &amp; contextid=c1</wsa:MessageID>"
                       "<wsa:Action>http://gsma.com/ES4/ProfileManagent/ES4-getEIS</wsa:Action>"
                       "<wsa:ReplyTo><wsa:Address>http://www.w3.org/2005/08/addressing/anonymous"
                       "</wsa:Address></wsa:ReplyTo>",
                       "<!-- x --><q:ES4-GetEISRequest "
                       "xmlns:q=\"http://namespaces.gsma.org/esim-messaging/3\">"
                       "<q:Later>1</q:Later><q:Eid> 89001012012341234012345678901224 </q:Eid>"
                       "<q:FunctionCallIdentifier>A&amp;1</q:FunctionCallIdentifier>"
                       "</q:ES4-GetEISRequest>"),
              &arena, &m, &err),
        CR_OK);
    assert_true(cr_span_equal(m.header.from.uri, cr_span_str("https://a/rps")));
    assert_true(cr_span_equal(m.header.from.entity_id, cr_span_str("1.2.3")));
    assert_true(cr_span_equal(m.header.from.user_name, cr_span_str("x y")));
    assert_true(cr_span_equal(m.header.transaction_id, cr_span_str("t1")));
    assert_true(cr_span_equal(m.header.context_id, cr_span_str("c1")));
    assert_true(cr_span_equal(m.body.function_call_identifier, cr_span_str("A&1")));
    assert_int_equal(m.header.reply, SOAP_REPLY_HERE);
    /* The SM-SR's name is spelled in four ways. */
    static const char *const spellings[] = {"Sm-sr-id", "SmSr-id", "Smsr-id", "Smsr-Id"};
    for (size_t i = 0; i < CR_COUNT(spellings); i++) {
        char text[2048];
        (void)snprintf(text, sizeof text,
                       ENVELOPE(FROM ID "<wsa:Action>x/ES2-DisableProfile</wsa:Action>",
                                "<rps3:ES2-DisableProfileRequest>"
                                "<rps3:FunctionCallIdentifier>A</rps3:FunctionCallIdentifier>"
                                "<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"
                                "<rps3:%s>1.2.4</rps3:%s><rps3:Iccid>8900101000000000001"
                                "</rps3:Iccid></rps3:ES2-DisableProfileRequest>"),
                       spellings[i], spellings[i]);
        assert_int_equal(parse(text, &arena, &m, &err), CR_OK);
        assert_true(cr_span_equal(m.body.smsr_id, cr_span_str("1.2.4")));
    }
    cr_arena_free(&arena);
}

static void refused(const char *text, const char *subject, const char *reason)
{
    cr_arena arena = {0};
    struct soap_message m;
    struct cr_err err;
    assert_int_equal(parse(text, &arena, &m, &err), CR_MALFORMED);
    assert_string_equal(err.subject, subject);
    assert_string_equal(err.reason, reason);
    assert_true(err.cause[0] != '\0');
    cr_arena_free(&arena);
}

static void test_refused(void **state)
{
    (void)state;
    const char *good = ENVELOPE(FROM ID ACTION("ES4-GetEISRequest"), GET_EIS);
    cr_arena arena = {0};
    struct soap_message m;
    struct cr_err err;
    assert_int_equal(parse(good, &arena, &m, &err), CR_OK);
    /* Every truncation. */
    for (size_t n = 1; n < strlen(good); n++) {
        assert_int_equal(soap_parse(cr_span_of(good, n), &arena, &m, &err), CR_MALFORMED);
    }
    assert_int_equal(soap_parse((cr_span){0}, &arena, &m, &err), CR_OK);
    assert_int_equal(m.kind, SOAP_EMPTY);
    cr_arena_free(&arena);

    refused("{}", "1.3.1", "2.1");
    refused("<x/>", "1.3.1", "2.1");
    refused("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body/>"
            "</s:Envelope>",
            "1.3.1", "2.1"); /* SOAP 1.1 */
    refused(ENVELOPE(ID ACTION("ES4-GetEISRequest"), GET_EIS), "1.3.1", "2.1");
    refused(ENVELOPE(FROM ACTION("ES4-GetEISRequest"), GET_EIS), "1.3.1", "2.1");
    refused(ENVELOPE(FROM ID, GET_EIS), "1.3.1", "2.1");
    refused(ENVELOPE(FROM ID ACTION("ES4-DeleteProfile"), GET_EIS), "1.3.1", "2.1");
    refused(ENVELOPE(FROM ID ACTION("ES4-GetEISRequest"), GET_EIS GET_EIS), "1.3.1", "2.1");
    refused(ENVELOPE(FROM ID ACTION("ES4-NoRequest"), "<rps3:ES4-NoRequest/>"), "1.6", "3.1");
    refused(ENVELOPE(FROM ID ACTION("ES4-GetEIS"), "<rps3:ES4-GetEIS/>"), "1.6", "3.1");
    refused(ENVELOPE(FROM ID ACTION("ES1-GetEISRequest"), "<rps3:ES1-GetEISRequest/>"), "1.6",
            "3.1");
    refused(ENVELOPE(FROM ID ACTION("ES4-GetEISRequest"),
                     "<o:ES4-GetEISRequest xmlns:o=\"http://namespaces.gsma.org/esim-messaging/1\""
                     "/>"),
            "1.3.2", "3.1");
    /* Values. */
#define EID(text)                                                                                  \
    ENVELOPE(FROM ID ACTION("ES4-GetEISRequest"),                                                  \
             "<rps3:ES4-GetEISRequest><rps3:FunctionCallIdentifier>A</"                            \
             "rps3:FunctionCallIdentifier>" text "</rps3:ES4-GetEISRequest>")
    refused(EID("<rps3:Eid>8900101201234123401234567890122</rps3:Eid>"), "1.6", "2.1");
    refused(EID("<rps3:Eid>8900101201234123401234567890122A</rps3:Eid>"), "1.6", "2.1");
    refused(EID("<rps3:Eid>890010120123412340123456789012</rps3:Eid>"), "1.6", "2.1");
    refused(EID("<rps3:Eid><rps3:x/></rps3:Eid>"), "1.6", "2.1");
    refused(EID("<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"
                "<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"),
            "1.6", "2.1");
    refused(EID("<Eid>89001012012341234012345678901224</Eid>"), "1.6", "2.2");
    refused(EID("<rps3:ValidityPeriod>0</rps3:ValidityPeriod>"
                "<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"),
            "1.6", "2.1");
    refused(EID("<rps3:ValidityPeriod>-5</rps3:ValidityPeriod>"
                "<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"),
            "1.6", "2.1");
    refused(EID("<rps3:ValidityPeriod>99999999999999999999</rps3:ValidityPeriod>"
                "<rps3:Eid>89001012012341234012345678901224</rps3:Eid>"),
            "1.6", "2.1");
}

/* Nothing is expanded, fetched or nested without end. */
static void test_hostile_xml(void **state)
{
    (void)state;
    refused("<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><x>&b;</x>",
            "1.3.1", "2.1");
    refused("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>", "1.3.1", "2.1");
    refused("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>", "1.3.1", "2.1");
    refused("<x>&undefined;</x>", "1.3.1", "2.1");
    refused("<x>\xC3</x>", "1.3.1", "2.1");
    refused("<x xmlns=\"relative\"/>", "1.3.1", "2.1");
    refused("<p:x/>", "1.3.1", "2.1");
    cr_buf deep = {0};
    for (int i = 0; i < 100000; i++) {
        cr_buf_append_str(&deep, "<x>");
    }
    refused(cr_buf_cstr(&deep), "1.3.1", "2.1");
    cr_buf_reset(&deep);
    cr_buf_append_str(&deep, "<x>");
    for (int i = 0; i < 100000; i++) {
        cr_buf_append_str(&deep, "<y/>");
    }
    cr_buf_append_str(&deep, "</x>");
    refused(cr_buf_cstr(&deep), "1.3.1", "2.1");
    cr_buf_reset(&deep);
    cr_buf_append_str(&deep, "<x>");
    for (int i = 0; i < 300000; i++) {
        cr_buf_append_str(&deep, "0123456789");
    }
    cr_buf_append_str(&deep, "</x>");
    refused(cr_buf_cstr(&deep), "1.3.1", "2.1"); /* longer than a message may be */
    cr_buf_free(&deep);
}

static void test_poll_and_fault(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct soap_message m, back;
    struct cr_err err;
    cr_buf text = {0};
    m = (struct soap_message){
        .kind = SOAP_MAKE_CONNECTION,
        .header = {.to = {.uri = cr_span_str("https://b/es2")},
                   .message_id = cr_span_str("//a/1"),
                   .poll_address = cr_span_str(SOAP_POLL_ANONYMOUS "?id=3f2b")},
    };
    assert_int_equal(soap_build(&m, NULL, &text, &err), CR_OK);
    assert_int_equal(soap_parse(cr_buf_span(&text), &arena, &back, &err), CR_OK);
    assert_int_equal(back.kind, SOAP_MAKE_CONNECTION);
    assert_true(cr_span_equal(back.header.poll_address, m.header.poll_address));

    cr_buf_reset(&text);
    soap_build_fault(true, "wsa:Action <missing>", &text);
    assert_int_equal(soap_parse(cr_buf_span(&text), &arena, &back, &err), CR_OK);
    assert_int_equal(back.kind, SOAP_FAULT);
    assert_true(back.fault_of_sender);
    assert_true(cr_span_equal(back.fault_text, cr_span_str("wsa:Action <missing>")));

    /* A request that wants its answer to be fetched. */
    cr_buf_reset(&text);
    fill_message(&m, soap_function(SOAP_ES2, SOAP_ENABLE_PROFILE), SOAP_REQUEST, true, &arena);
    m.header.reply = SOAP_REPLY_POLL;
    m.header.poll_address = cr_span_str(SOAP_POLL_ANONYMOUS "?id=3f2b");
    build(&m, &text);
    assert_int_equal(soap_parse(cr_buf_span(&text), &arena, &back, &err), CR_OK);
    assert_int_equal(back.header.reply, SOAP_REPLY_POLL);
    assert_true(cr_span_equal(back.header.poll_address, m.header.poll_address));
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

/* A failed answer has its status and nothing else. */
static void test_failed_answer(void **state)
{
    (void)state;
    cr_arena arena = {0};
    struct soap_message m, back;
    struct cr_err err = {0};
    cr_buf text = {0};
    (void)cr_refuse(&err, "8.1.1", "1.1", NULL, "no such EID here");
    m = (struct soap_message){.kind = SOAP_RESPONSE,
                              .function = soap_function(SOAP_ES4, SOAP_GET_EIS)};
    m.body.has_status = true;
    soap_status_from_err(&err, &arena, &m.body.status);
    build(&m, &text);
    assert_true(valid(cr_buf_span(&text)));
    assert_int_equal(soap_parse(cr_buf_span(&text), &arena, &back, &err), CR_OK);
    assert_int_equal(soap_status_to_err(&back.body.status, "GetEIS", &err), CR_REFUSED);
    assert_string_equal(err.subject, "8.1.1");
    assert_string_equal(err.reason, "1.1");
    assert_non_null(strstr(err.cause, "no such EID here"));
    assert_non_null(strstr(err.cause, "EID"));
    (void)cr_refuse(&err, "1.6", "5.3", NULL, "too late");
    soap_status_from_err(&err, &arena, &m.body.status);
    assert_int_equal(m.body.status.status, SOAP_EXPIRED);
    (void)cr_fail(&err, CR_INTERNAL, NULL, "secret detail");
    soap_status_from_err(&err, &arena, &m.body.status);
    assert_true(cr_span_equal(m.body.status.code.message, cr_span_str("internal error")));
    cr_buf_free(&text);
    cr_arena_free(&arena);
}

static void test_action(void **state)
{
    (void)state;
    static const struct {
        enum soap_interface interface;
        enum soap_name name;
        enum soap_message_kind kind;
        const char *action;
    } rows[] = {
        {SOAP_ES3, SOAP_CREATE_ISDP, SOAP_REQUEST,
         "http://gsma.com/ES3/ProfileManagement/ES3-CreateISDP"},
        {SOAP_ES3, SOAP_CREATE_ISDP, SOAP_RESPONSE,
         "http://gsma.com/ES3/ProfileManagementCallBack/ES3-CreateISDP"},
        {SOAP_ES4, SOAP_GET_EIS, SOAP_REQUEST,
         "http://gsma.com/ES4/ProfileManagement/ES4-GetEISRequest"},
        {SOAP_ES4, SOAP_GET_EIS, SOAP_RESPONSE,
         "http://gsma.com/ES4/ProfileManagement/ES4-GetEISResponse"},
        {SOAP_ES1, SOAP_REGISTER_EIS, SOAP_REQUEST,
         "http://gsma.com/ES1/eUICCManagement/ES1-RegisterEISRequest"},
        {SOAP_ES4, SOAP_SMSR_CHANGE, SOAP_REQUEST,
         "http://gsma.com/ES4/eUICCManagement/ES4-SMSRChange"},
        {SOAP_ES4, SOAP_PROFILE_DISABLED, SOAP_NOTICE,
         "http://gsma.com/ES4/PlatformManagementCallBack/ES4-HandleProfileDisabledNotification"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        cr_buf out = {0};
        soap_action(soap_function(rows[i].interface, rows[i].name), rows[i].kind, NULL, &out);
        assert_string_equal(cr_buf_cstr(&out), rows[i].action);
        cr_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message), cmocka_unit_test(test_every_missing_element),
        cmocka_unit_test(test_lenient),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hostile_xml),   cmocka_unit_test(test_poll_and_fault),
        cmocka_unit_test(test_failed_answer), cmocka_unit_test(test_action),
    };
    return cmocka_run_group_tests(tests, load_schema, free_schema);
}
