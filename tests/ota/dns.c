/*
 * The chip's resolver: the worked query, answers of every shape, forged ones, and the order of
 * asking.
 */
#include "ota/dns.h"

#include "../crypto/vector.h"

#include <stdio.h>

#define NAME  "04736D7372076578616D706C6500"
#define QUERY "12340100000100000000000004736D7372076578616D706C650000010001"
/* Header of an answer (flags, answers), question, and a record that points to the name in it. */
#define HEAD(flags, count) "1234" flags "0001" count "00000000" NAME "00010001"
#define A1                 "C00C00010001000000640004C000020A"
#define A2                 "C00C00010001000000320004C000020B"

static void queries(void **state)
{
    (void)state;
    cr_buf out = {0};
    static const char *const same[] = {"smsr.example", "smsr.example."};
    for (size_t i = 0; i < CR_COUNT(same); i++) {
        cr_buf_reset(&out);
        assert_int_equal(ota_dns_query_write(&out, 0x1234, same[i], OTA_DNS_A, NULL), CR_OK);
        assert_span(cr_buf_span(&out), QUERY);
    }
    cr_buf_reset(&out);
    assert_int_equal(ota_dns_query_write(&out, 1, "a", OTA_DNS_AAAA, NULL), CR_OK);
    assert_span(cr_buf_span(&out), "0001010000010000000000000161"
                                   "00001C0001");
    char label[66];
    memset(label, 'a', 64);
    label[64] = 0;
    char longest[OTA_DNS_NAME_MAX + 3];
    for (size_t i = 0; i < sizeof(longest); i++) {
        longest[i] = i % 64 == 63 ? '.' : 'a';
    }
    longest[OTA_DNS_NAME_MAX] = 0;
    cr_buf_reset(&out);
    assert_int_equal(ota_dns_query_write(&out, 1, longest, OTA_DNS_A, NULL), CR_OK);
    longest[OTA_DNS_NAME_MAX] = 'a';
    longest[OTA_DNS_NAME_MAX + 1] = 0;
    const char *const broken[] = {NULL,  "",    ".",        "a..b", ".a",
                                  "a..", "a b", "\xC3\xA4", label,  longest};
    for (size_t i = 0; i < CR_COUNT(broken); i++) {
        assert_int_equal(ota_dns_query_write(&out, 1, broken[i], OTA_DNS_A, NULL), CR_REFUSED);
    }
    label[63] = 0;
    assert_int_equal(ota_dns_query_write(&out, 1, label, OTA_DNS_A, NULL), CR_OK);
    cr_buf_free(&out);
}

static void answers(void **state)
{
    static const struct {
        const char *message;
        const char *addresses[2];
        uint32_t ttl;
        uint8_t rcode;
        bool truncated;
    } rows[] = {
        {HEAD("8180", "0001") A1, {"C000020A"}, 100, 0, false},
        {HEAD("8180", "0002") A1 A2, {"C000020A", "C000020B"}, 50, 0, false},
        {HEAD("8180", "0000"), {NULL}, 0, 0, false},
        {HEAD("8183", "0000"), {NULL}, 0, 3, false},
        {HEAD("8182", "0001") A1, {NULL}, 0, 2, false},
        /* The name in other letters, in full, with a TTL above the cap and one below zero. */
        {"1234818000010001000000000473"
         "4D7352074558616D706C650000010001"
         "04736D7372076578616D706C650000010001000FFFFF0004C000020A",
         {"C000020A"},
         OTA_DNS_TTL_MAX,
         0,
         false},
        {HEAD("8180", "0001") "C00C00010001FFFFFFFF0004C000020A", {"C000020A"}, 0, 0, false},
        /* Another class, another owner, another type are passed over. */
        {HEAD("8180", "0004") "C00C00010003000000640004C0000201"
                              "016100"
                              "00010001000000640004C0000202"
                              "C00C001000010000006400020161" A1,
         {"C000020A"},
         100,
         0,
         false},
        /* CNAME: smsr.example -> a.example (its tail by a pointer), and its address before it. */
        {HEAD("8180", "0002") "0161C01100010001000000640004C0000203"
                              "C00C000500010000000500040161C011",
         {"C0000203"},
         5,
         0,
         false},
        /* A chain that is a circle ends. */
        {HEAD("8180", "0001") "C00C00050001000000640002C00C", {NULL}, 0, 0, false},
        /* Truncated: what is there is used. */
        {HEAD("8380", "0002") A1, {"C000020A"}, 100, 0, true},
        {HEAD("8380", "0002") A1 "C00C0001", {"C000020A"}, 100, 0, true},
        {HEAD("8380", "0000"), {NULL}, 0, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct ota_dns_answer answer;
        if (ota_dns_answer_read(vector(rows[i].message), 0x1234, "smsr.example", OTA_DNS_A, &answer,
                                NULL) != CR_OK) {
            fail_msg("row %zu", i);
        }
        size_t count = 0;
        for (; count < 2 && rows[i].addresses[count]; count++) {
            assert_true(count < answer.count);
            assert_int_equal(answer.addresses[count].n, 4);
            assert_span(cr_span_of(answer.addresses[count].value, 4), rows[i].addresses[count]);
        }
        assert_int_equal(answer.count, count);
        assert_int_equal(answer.ttl, rows[i].ttl);
        assert_int_equal(answer.rcode, rows[i].rcode);
        assert_int_equal(answer.truncated, rows[i].truncated);
    }
    struct ota_dns_answer answer;
    assert_int_equal(ota_dns_answer_read(vector("123481800001000100000000" NAME "001C0001"
                                                "C00C001C0001000000640010"
                                                "20010DB8000000000000000000000001"),
                                         0x1234, "smsr.example", OTA_DNS_AAAA, &answer, NULL),
                     CR_OK);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.addresses[0].n, 16);
}

#define EIGHT    "6161616161616161"
#define BYTES_60 EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT "61616161"
#define LABEL_61 "3D" BYTES_60 "61"
#define LABEL_62 "3E" BYTES_60 "6161"
#define LABEL_63 "3F" BYTES_60 "616161"
#define LABEL_64 "40" BYTES_60 "61616161"
#define TAIL     "00010001000000640004C0000203"

static void answers_to_somebody_else(void **state)
{
    static const char *const refused[] = {
        "",
        "1234818000010001000000",
        QUERY, /* no answer */
        "1235818000010001000000000"
        "4736D7372076578616D706C650000010001" A1,
        HEAD("8980", "0001") A1,                                           /* another opcode */
        "123481800000000100000000" A1,                                     /* no question */
        "123481800002000100000000" NAME "00010001" NAME "00010001" A1,     /* two */
        "123481800001000100000000" NAME "001C0001" A1,                     /* another type */
        "123481800001000100000000" NAME "00010003" A1,                     /* another class */
        "12348180000100010000000004736D7373076578616D706C650000010001" A1, /* another name */
        "12348180000100010000000004736D7372076578616D706C65" /* cut */,
        "123481800001000100000000C00C00010001" A1, /* points to itself */
        "123481800001000100000000C00E00010001" A1, /* and forwards */
    };
    static const char *const broken[] = {
        HEAD("8180", "0001"),
        HEAD("8180", "0002") A1,
        HEAD("8180", "0001") "C00C00010001000000640004C00002",
        HEAD("8180", "0001") "C00C00010001000000640005C000020A01",
        HEAD("8180", "0001") "C00C000500010000006400030161C0",
        HEAD("8180", "0001") "C00C0005000100000064000401610000",
        HEAD("8180", "0001") "C01E00010001000000640004C000020A", /* points to itself */
        HEAD("8180", "0001") "8001",
        HEAD("8180", "0001") "C00C000100010000006400",
        HEAD("8180", "0001") "C0",
        HEAD("8180", "0001") LABEL_64 "00" TAIL, /* a length of another kind */
        HEAD("8180", "0001") LABEL_63 LABEL_63 LABEL_63 LABEL_62 "00" TAIL, /* 256 bytes */
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(refused) + CR_COUNT(broken); i++) {
        struct ota_dns_answer answer = {.count = 77};
        bool other = i < CR_COUNT(refused);
        const char *text = other ? refused[i] : broken[i - CR_COUNT(refused)];
        cr_status status =
            ota_dns_answer_read(vector(text), 0x1234, "smsr.example", OTA_DNS_A, &answer, NULL);
        if (status != (other ? CR_REFUSED : CR_MALFORMED)) {
            fail_msg("%s: %s", text, cr_status_name(status));
        }
        assert_int_equal(answer.count, 77);
    }
}

/* Chains of CNAMEs: as long as the cap is followed, one more is not; many records, many pointers.
 */
static void limits(void **state)
{
    (void)state;
    for (unsigned links = OTA_DNS_CNAMES; links <= OTA_DNS_CNAMES + 1; links++) {
        cr_buf m = {0};
        cr_buf_append_span(&m, vector(HEAD("8180", "0000")));
        m.p[7] = (uint8_t)(links + 1);
        for (unsigned i = 0; i < links; i++) { /* smsr.example, then labels A, B .. */
            const uint8_t owner[] = {1, (uint8_t)('A' + i - 1), 0};
            cr_buf_append_span(&m, i ? CR_SPAN_ARRAY(owner) : vector("C00C"));
            cr_buf_append_span(&m, vector("000500010000006400030100"));
            m.p[m.n - 1] = (uint8_t)('A' + i);
            cr_buf_append_byte(&m, 0);
        }
        const uint8_t last[] = {1, (uint8_t)('A' + links - 1), 0};
        cr_buf_append_span(&m, CR_SPAN_ARRAY(last));
        cr_buf_append_span(&m, vector("00010001000000640004C000020A"));
        struct ota_dns_answer answer;
        assert_int_equal(
            ota_dns_answer_read(cr_buf_span(&m), 0x1234, "smsr.example", OTA_DNS_A, &answer, NULL),
            CR_OK);
        assert_int_equal(answer.count, links == OTA_DNS_CNAMES ? 1 : 0);
        cr_buf_free(&m);
    }
    struct ota_dns_answer longest; /* a name of 255 bytes is one */
    assert_int_equal(
        ota_dns_answer_read(
            vector(HEAD("8180", "0002") LABEL_63 LABEL_63 LABEL_63 LABEL_61 "00" TAIL A1), 0x1234,
            "smsr.example", OTA_DNS_A, &longest, NULL),
        CR_OK);
    assert_int_equal(longest.count, 1);
    cr_buf m = {0};
    cr_buf_append_span(&m, vector(HEAD("8180", "00C8")));
    for (unsigned i = 0; i < 200; i++) {
        cr_buf_append_span(&m, vector(A1));
    }
    struct ota_dns_answer answer;
    assert_int_equal(
        ota_dns_answer_read(cr_buf_span(&m), 0x1234, "smsr.example", OTA_DNS_A, &answer, NULL),
        CR_OK);
    assert_int_equal(answer.count, OTA_DNS_ADDRESSES);
    cr_buf_free(&m);
}

/* ---- asking ---- */

static cr_status counting(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    uint8_t *next = ctx;
    (void)err;
    memset(p, ++*next, n);
    return CR_OK;
}

/* An answer to the query that is out: id and question are its own, the rest is hex. */
static void answer_to(cr_span query, const char *flags_and_count, const char *records, cr_buf *out)
{
    cr_buf_reset(out);
    cr_buf_append_span(out, cr_span_sub(query, 0, 2));
    cr_buf_append_span(out, vector(flags_and_count));
    cr_buf_append_span(out, vector("00000000"));
    cr_buf_append_span(out, cr_span_sub(query, 12, query.n));
    cr_buf_append_span(out, vector(records));
}

/* A script: '.' the timer ends; '1' an address of the kind asked for; '0' there is none of it; 'x'
 * no such name; 'f' server failure; 'j' junk; 'o' the answer before again. The trace has for each
 * query the server and the kind. */
static void asking(void **state)
{
    static const struct {
        const char *script;
        size_t servers;
        const char *trace;
        enum ota_dns_action end;
        size_t count;
    } rows[] = {
        {"11", 1, "0A 06 ", OTA_DNS_DONE, 2},
        {"10", 1, "0A 06 ", OTA_DNS_DONE, 1},
        {"01", 2, "0A 06 ", OTA_DNS_DONE, 1},
        {"00", 2, "0A 06 ", OTA_DNS_FAILED, 0},
        {"x", 2, "0A ", OTA_DNS_FAILED, 0},
        {"...11", 2, "0A 0A 0A 1A 16 ", OTA_DNS_DONE, 2},
        {"...", 1, "0A 0A 0A ", OTA_DNS_FAILED, 0},
        {"......", 2, "0A 0A 0A 1A 1A 1A ", OTA_DNS_FAILED, 0},
        {"1...", 2, "0A 06 06 06 ", OTA_DNS_DONE, 1},
        {"0...11", 2, "0A 06 06 06 1A 16 ", OTA_DNS_DONE, 2},
        {"f11", 2, "0A 1A 16 ", OTA_DNS_DONE, 2},
        {"ff", 2, "0A 1A ", OTA_DNS_FAILED, 0},
        {"jj1j1", 1, "0A 06 ", OTA_DNS_DONE, 2},
        {"1oo1", 1, "0A 06 ", OTA_DNS_DONE, 2}, /* the A answer is none to the AAAA query */
        {".o11", 1, "0A 0A 06 ", OTA_DNS_DONE, 2},
    };
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        uint8_t random = 0;
        cr_env env = {.ctx = &random, .random = counting};
        struct ota_dns_resolver r;
        struct ota_dns_step step;
        char trace[128] = "";
        cr_buf m = {0};
        cr_buf before = {0};
        uint8_t query[OTA_DNS_MESSAGE];
        cr_span asked = {0};
        assert_int_equal(ota_dns_start(&r, &env, "smsr.example", rows[i].servers, &step, NULL),
                         CR_OK);
        for (const char *c = rows[i].script;; c++) {
            if (step.action == OTA_DNS_SEND) {
                size_t n = strlen(trace);
                bool is_a = step.datagram.p[step.datagram.n - 3] == OTA_DNS_A;
                (void)snprintf(trace + n, sizeof(trace) - n, "%zu%c ", step.server,
                               is_a ? 'A' : '6');
                assert_int_equal(step.seconds, 5);
                memcpy(query, step.datagram.p, step.datagram.n);
                asked = cr_span_of(query, step.datagram.n);
            }
            if (*c == 0) {
                break;
            }
            bool is_a = asked.p[asked.n - 3] == OTA_DNS_A;
            if (*c == '1') {
                answer_to(asked, "818000010001",
                          is_a ? A1 : "C00C001C000100000064001020010DB8000000000000000000000001",
                          &m);
            } else if (*c == 'o') {
                m.n = 0;
                cr_buf_append_span(&m, cr_buf_span(&before));
            } else if (*c != '.') {
                answer_to(asked,
                          *c == '0'   ? "818000010000"
                          : *c == 'x' ? "818300010000"
                          : *c == 'f' ? "818200010000"
                                      : "010000010000",
                          "", &m);
            }
            cr_status status = *c == '.' ? ota_dns_expired(&r, &step, NULL)
                                         : ota_dns_input(&r, cr_buf_span(&m), &step, NULL);
            assert_int_equal(status, CR_OK);
            cr_buf_reset(&before);
            cr_buf_append_span(&before, cr_buf_span(&m));
        }
        assert_string_equal(trace, rows[i].trace);
        assert_int_equal(step.action, rows[i].end);
        assert_int_equal(r.count, rows[i].count);
        if (r.count > 0) {
            assert_int_equal(r.ttl, 100);
        }
        if (r.count == 2) {
            assert_int_equal(r.addresses[0].n, 4);
            assert_int_equal(r.addresses[1].n, 16);
        }
        /* It is over: nothing wakes it. */
        assert_int_equal(ota_dns_expired(&r, &step, NULL), CR_OK);
        assert_int_equal(step.action, OTA_DNS_WAIT);
        assert_int_equal(ota_dns_input(&r, cr_buf_span(&m), &step, NULL), CR_OK);
        assert_int_equal(step.action, OTA_DNS_WAIT);
        cr_buf_free(&m);
        cr_buf_free(&before);
    }
    struct ota_dns_resolver r;
    struct ota_dns_step step;
    assert_int_equal(ota_dns_start(&r, NULL, "smsr.example", 0, &step, NULL), CR_REFUSED);
    assert_int_equal(ota_dns_start(&r, NULL, "smsr.example", OTA_DNS_SERVERS + 1, &step, NULL),
                     CR_REFUSED);
    assert_int_equal(ota_dns_start(&r, NULL, "a..b", 1, &step, NULL), CR_REFUSED);
    /* As many addresses as are kept, and one of the other kind. */
    uint8_t random = 0;
    cr_env env = {.ctx = &random, .random = counting};
    cr_buf m = {0};
    assert_int_equal(ota_dns_start(&r, &env, "smsr.example", OTA_DNS_SERVERS, &step, NULL), CR_OK);
    answer_to(step.datagram, "818000010008", A1 A1 A1 A1 A1 A1 A1 A1, &m);
    assert_int_equal(ota_dns_input(&r, cr_buf_span(&m), &step, NULL), CR_OK);
    answer_to(step.datagram, "818000010001",
              "C00C001C0001000000640010"
              "20010DB8000000000000000000000001",
              &m);
    assert_int_equal(ota_dns_input(&r, cr_buf_span(&m), &step, NULL), CR_OK);
    assert_int_equal(step.action, OTA_DNS_DONE);
    assert_int_equal(r.count, OTA_DNS_ADDRESSES);
    cr_buf_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_to_somebody_else),
        cmocka_unit_test(limits),
        cmocka_unit_test(asking),
    };
    return cmocka_run_group_tests_name("ota/dns", tests, NULL, vector_teardown);
}
