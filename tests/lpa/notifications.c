/* Notifications: order by address, removal only after the acknowledgement (SGP.22 3.5). */
#include "fake.h"

#include "asn1/der.h"
#include "rsp/json_binding.h"

/* A card with a notification list that changes as they are removed. */
struct store {
    struct fake_world w;
    struct entry {
        int64_t seq;
        uint64_t event;
        const char *address;
        bool removed;
    } entries[8];
    size_t count;
    struct card inner;
    bool refuse_removal;
    size_t flood; /* more entries, all alike */
};

static void encode_entry(const struct entry *e, cr_buf *out)
{
    static const uint8_t iccid[] = {0x98, 0x00, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10, 0x32, 0x14};
    struct rsp_notification_metadata m = {.seq_number = e->seq,
                                          .profile_management_operation = e->event,
                                          .notification_address = cr_span_str(e->address),
                                          .iccid = CR_SPAN_ARRAY(iccid)};
    assert_int_equal(asn1_encode(&rsp_notification_metadata_type, &m, 0, out, NULL), CR_OK);
}

static void encode_list(const struct store *s, cr_buf *out)
{
    size_t outer = der_open(out, 0xBF28);
    size_t inner = der_open(out, 0xA0);
    for (size_t i = s->count; i-- > 0;) { /* backwards: the list has no order */
        if (!s->entries[i].removed) {
            encode_entry(&s->entries[i], out);
        }
    }
    for (size_t i = 0; i < s->flood; i++) {
        cr_buf_append(out, "\xBF\x2F\x09\x80\x01\x00\x81\x02\x04\x10\x0C\x00", 12);
    }
    der_close(out, inner);
    der_close(out, outer);
}

static void encode_pending(const struct store *s, int64_t seq, cr_buf *out)
{
    static const uint8_t signature[RSP_SIGNATURE];
    size_t outer = der_open(out, 0xBF2B);
    size_t inner = der_open(out, 0xA0);
    for (size_t i = 0; i < s->count; i++) {
        if (s->entries[i].seq == seq && !s->entries[i].removed) {
            size_t item = der_open(out, 0x30);
            encode_entry(&s->entries[i], out);
            der_put(out, 0x5F37, CR_SPAN_ARRAY(signature));
            der_put(out, 0x30, cr_span_of("\x02\x01\x01", 3));
            der_put(out, 0x30, cr_span_of("\x02\x01\x02", 3));
            der_close(out, item);
        }
    }
    der_close(out, inner);
    der_close(out, outer);
}

static int64_t number_in(const struct store *s, cr_span command)
{
    (void)s;
    struct der_tlv all;
    struct der_tlv search;
    struct der_tlv seq;
    int64_t n = 0;
    assert_int_equal(der_next(&command, DER_STRICT, &all, NULL), CR_OK);
    cr_span body = der_find(all.value, 0xA0, &search) ? search.value : all.value;
    assert_true(der_find(body, 0x80, &seq));
    assert_int_equal(der_integer(seq.value, &n, NULL), CR_OK);
    return n;
}

static cr_status transmit(void *ctx, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    struct store *s = ctx;
    if (apdu.p[1] != 0xE2) {
        return s->inner.transmit(s->inner.ctx, apdu, out, err);
    }
    cr_span command = cr_span_sub(apdu, 5, apdu.p[4]);
    switch (der_peek(command)) {
    case 0xBF28:
        encode_list(s, out);
        break;
    case 0xBF2B:
        encode_pending(s, number_in(s, command), out);
        break;
    case 0xBF30: {
        int64_t seq = number_in(s, command);
        bool found = false;
        for (size_t i = 0; i < s->count && !s->refuse_removal; i++) {
            found |= s->entries[i].seq == seq && !s->entries[i].removed;
            s->entries[i].removed |= s->entries[i].seq == seq;
        }
        uint8_t result = s->refuse_removal ? 127 : found ? 0 : 1;
        cr_buf_append(out, "\xBF\x30\x03\x80\x01", 5);
        cr_buf_append_byte(out, result);
        break;
    }
    default:
        return s->inner.transmit(s->inner.ctx, apdu, out, err);
    }
    cr_buf_append_be(out, 0x9000, 2);
    return CR_OK;
}

static void setup(struct store *s)
{
    memset(s, 0, sizeof(*s));
    fake_world_init(&s->w, PKI_ROLE_DP_AUTH);
    s->inner = s->w.card.card;
    s->w.card.card.ctx = s;
    s->w.card.card.transmit = transmit;
    s->inner.ctx = &s->w.card;
    static const struct entry entries[] = {
        {3, RSP_EVENT_INSTALL, "a.example.com", false},
        {4, RSP_EVENT_LOCAL_ENABLE, "b.example.com", false},
        {5, RSP_EVENT_LOCAL_ENABLE, "A.example.com", false},
        {6, RSP_EVENT_LOCAL_DISABLE, "b.example.com", false},
        {0, RSP_EVENT_LOCAL_DELETE, "a.example.com", false},
    };
    memcpy(s->entries, entries, sizeof(entries));
    s->count = CR_COUNT(entries);
    /* reset and close go to the card below */
    struct cr_err err = {0};
    struct card card = s->w.card.card;
    assert_int_equal(es10_open(&card, NULL, &s->w.lpa.where, &s->w.lpa.card, &err), CR_OK);
    assert_int_equal(es9_new(&s->w.server.transport, &s->w.lpa.where, &s->w.lpa.server, &err),
                     CR_OK);
}

static void done(struct store *s)
{
    fake_world_free(&s->w);
}

static size_t left(const struct store *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        n += !s->entries[i].removed;
    }
    return n;
}

/* Sequence number of the notification in call i. */
static int64_t sent_number(struct store *s, size_t i)
{
    void *request = NULL;
    assert_true(i < s->w.server.call_count);
    assert_int_equal(rsp_json_parse_request(rsp_function(RSP_ES9_HANDLE_NOTIFICATION),
                                            s->w.server.calls[i].body, &s->w.arena, &request, NULL),
                     CR_OK);
    const struct rsp_handle_notification_request *r = request;
    return rsp_pending_notification_metadata(&r->pending_notification)->seq_number;
}

static void expect_sent(struct store *s, const int64_t *numbers, size_t count)
{
    assert_int_equal(s->w.server.call_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sent_number(s, i), numbers[i]);
    }
}

static cr_status send_numbers(struct store *s, const int64_t *numbers, size_t count,
                              struct lpa_send_result *result, struct cr_err *err)
{
    struct lpa_send_options options = {.seq_numbers = numbers, .seq_count = count};
    return lpa_notification_send(&s->w.lpa, &options, result, err);
}

static void test_list_is_sorted(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    struct lpa_notification_list list = {0};
    assert_int_equal(lpa_notification_list(&s.w.lpa, &s.w.arena, &list, NULL), CR_OK);
    static const int64_t order[] = {0, 3, 4, 5, 6};
    assert_int_equal(list.count, CR_COUNT(order));
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].seq_number, order[i]);
    }
    assert_string_equal(lpa_notification_event_name(list.items[0].event), "delete");
    done(&s);
}

static void test_all_in_order(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    struct lpa_send_options options = {.all = true};
    struct lpa_send_result result;
    assert_int_equal(lpa_notification_send(&s.w.lpa, &options, &result, NULL), CR_OK);
    static const int64_t order[] = {0, 3, 4, 5, 6};
    expect_sent(&s, order, CR_COUNT(order));
    assert_int_equal(result.sent, 5);
    assert_int_equal(left(&s), 0);
    assert_string_equal(s.w.server.calls[2].server, "b.example.com");
    done(&s);
}

static void test_one_and_those_before_it(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    static const int64_t wanted[] = {5};
    struct lpa_send_result result;
    assert_int_equal(send_numbers(&s, wanted, 1, &result, NULL), CR_OK);
    static const int64_t order[] = {0, 3, 5}; /* same address, whatever its case */
    expect_sent(&s, order, CR_COUNT(order));
    assert_int_equal(left(&s), 2);
    done(&s);
}

static void test_number_zero(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    static const int64_t wanted[] = {0};
    struct lpa_send_result result;
    assert_int_equal(send_numbers(&s, wanted, 1, &result, NULL), CR_OK);
    expect_sent(&s, wanted, 1);
    assert_true(s.entries[4].removed);
    done(&s);
}

static void test_unknown_number(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    static const int64_t wanted[] = {99};
    struct lpa_send_result result;
    struct cr_err err;
    assert_int_equal(send_numbers(&s, wanted, 1, &result, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "99"));
    assert_int_equal(s.w.server.call_count, 0);
    done(&s);
}

static void test_next_waits_for_the_one_before(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    s.w.server.refused_host = "a.example.com";
    struct lpa_send_options options = {.all = true};
    struct lpa_send_result result;
    assert_int_equal(lpa_notification_send(&s.w.lpa, &options, &result, NULL), CR_OK);
    static const int64_t order[] = {0, 4, 6}; /* b does not wait for a */
    expect_sent(&s, order, CR_COUNT(order));
    assert_int_equal(result.sent, 2);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.waiting, 2);
    assert_int_equal(result.where.http_status, 500);
    assert_int_equal(left(&s), 3); /* nothing unacknowledged is removed */
    done(&s);
}

static void test_any_2xx_acknowledges(void **state)
{
    (void)state;
    static const int codes[] = {200, 202, 204, 299};
    for (size_t i = 0; i < CR_COUNT(codes); i++) {
        struct store s;
        setup(&s);
        fake_server_says(&s.w.server, RSP_ES9_HANDLE_NOTIFICATION, codes[i], "{}");
        static const int64_t wanted[] = {0};
        struct lpa_send_result result;
        assert_int_equal(send_numbers(&s, wanted, 1, &result, NULL), CR_OK);
        assert_int_equal(result.sent, 1);
        assert_int_equal(left(&s), 4);
        done(&s);
    }
}

static void test_kept_and_not_removed(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    static const int64_t wanted[] = {0};
    struct lpa_send_options options = {.seq_numbers = wanted, .seq_count = 1, .keep = true};
    struct lpa_send_result result;
    assert_int_equal(lpa_notification_send(&s.w.lpa, &options, &result, NULL), CR_OK);
    assert_int_equal(result.sent, 1);
    assert_int_equal(left(&s), 5);
    s.refuse_removal = true;
    options.keep = false;
    assert_int_equal(lpa_notification_send(&s.w.lpa, &options, &result, NULL), CR_OK);
    assert_int_equal(result.sent, 1);
    assert_int_equal(result.failed, 1); /* it would go out again: said, not hidden */
    done(&s);
}

/* A card that lists without end would keep the LPA busy for hours: each is compared with each. */
static void test_flood(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    struct lpa_notification_list list = {0};
    struct cr_err err = {0};
    s.flood = LPA_MAX_NOTIFICATIONS - s.count;
    assert_int_equal(lpa_notification_list(&s.w.lpa, &s.w.arena, &list, &err), CR_OK);
    assert_int_equal(list.count, LPA_MAX_NOTIFICATIONS);
    s.flood++;
    assert_int_equal(lpa_notification_list(&s.w.lpa, &s.w.arena, &list, &err), CR_MALFORMED);
    assert_non_null(strstr(err.cause, "4097"));
    done(&s);
}

static void test_only_new_ones(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    struct lpa_notification_list before = {0};
    s.entries[3].removed = true; /* 6 is not there yet */
    assert_int_equal(lpa_notification_list(&s.w.lpa, &s.w.arena, &before, NULL), CR_OK);
    s.entries[3].removed = false;
    struct lpa_send_result result;
    assert_int_equal(lpa_notification_send_new(&s.w.lpa, LPA_NOTIFY_OPERATION, &before, NULL, NULL,
                                               &result, NULL),
                     CR_OK);
    static const int64_t order[] = {4, 6};
    expect_sent(&s, order, CR_COUNT(order));
    assert_int_equal(left(&s), 3);
    assert_int_equal(
        lpa_notification_send_new(&s.w.lpa, LPA_NOTIFY_NONE, &before, NULL, NULL, &result, NULL),
        CR_OK);
    assert_int_equal(left(&s), 3);
    assert_int_equal(
        lpa_notification_send_new(&s.w.lpa, LPA_NOTIFY_ALL, &before, NULL, NULL, &result, NULL),
        CR_OK);
    assert_int_equal(left(&s), 0);
    done(&s);
}

static void test_removal(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    struct cr_err err;
    assert_int_equal(lpa_notification_remove(&s.w.lpa, 3, false, &err), CR_OK);
    assert_true(s.entries[0].removed);
    assert_int_equal(lpa_notification_remove(&s.w.lpa, 0, false, &err), CR_REFUSED); /* delete */
    assert_non_null(strstr(err.cause, "operator"));
    assert_non_null(strstr(err.next, "--force"));
    assert_false(s.entries[4].removed);
    assert_int_equal(lpa_notification_remove(&s.w.lpa, 0, true, &err), CR_OK);
    assert_true(s.entries[4].removed);
    assert_int_equal(lpa_notification_remove(&s.w.lpa, 0, true, &err), CR_REFUSED); /* gone */
    assert_int_equal(s.w.server.call_count, 0);
    done(&s);
}

static void test_bad_address(void **state)
{
    (void)state;
    struct store s;
    setup(&s);
    s.entries[4].address = "good@evil.example.com/path";
    static const int64_t wanted[] = {0};
    struct lpa_send_result result;
    assert_int_equal(send_numbers(&s, wanted, 1, &result, NULL), CR_OK);
    assert_int_equal(result.failed, 1);
    assert_int_equal(s.w.server.call_count, 0);
    s.entries[4].address = " a.example.com\n"; /* seen in the field */
    assert_int_equal(send_numbers(&s, wanted, 1, &result, NULL), CR_OK);
    assert_int_equal(result.sent, 1);
    assert_string_equal(s.w.server.calls[0].server, "a.example.com");
    done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_sorted),
        cmocka_unit_test(test_all_in_order),
        cmocka_unit_test(test_one_and_those_before_it),
        cmocka_unit_test(test_number_zero),
        cmocka_unit_test(test_unknown_number),
        cmocka_unit_test(test_next_waits_for_the_one_before),
        cmocka_unit_test(test_any_2xx_acknowledges),
        cmocka_unit_test(test_kept_and_not_removed),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_only_new_ones),
        cmocka_unit_test(test_removal),
        cmocka_unit_test(test_bad_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
