/* APDUs: opening, chains, GET RESPONSE, Le habits, proactive commands (SGP.22 5.7.2, ISO 7816-4).
 */
#include "fake.h"

#include "lpa/es10.h"

struct bench {
    struct fake_card card;
    struct lpa_where where;
    struct es10 *es10;
    struct es10_options options;
    struct cr_err err;
};

static void setup(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    fake_card_init(&b->card);
}

static cr_status start(struct bench *b)
{
    return es10_open(&b->card.card, &b->options, &b->where, &b->es10, &b->err);
}

static void done(struct bench *b)
{
    es10_free(b->es10);
    fake_card_free(&b->card);
}

static cr_status send(struct bench *b, size_t n, cr_buf *answer)
{
    uint8_t command[70000];
    memset(command, 0x55, sizeof(command));
    command[0] = 0xBF;
    command[1] = 0x7F;
    command[2] = 0x82;
    command[3] = (uint8_t)((n - 5) >> 8);
    command[4] = (uint8_t)(n - 5);
    return es10_store_data(b->es10, "test", cr_span_of(command, n), answer, &b->err);
}

static void test_opening(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    assert_int_equal(b.card.apdu_count, 4);
    assert_true(fake_card_got(&b.card, "8010000003010088"));
    assert_true(fake_card_got(&b.card, "80AA00000AA9088100820101830107"));
    assert_true(fake_card_got(&b.card, "0070000001"));
    assert_true(fake_card_got(&b.card, "01A4040010A0000005591010FFFFFFFF8900000100"));
    assert_int_equal(es10_select_answer(b.es10).n, 0x21);
    es10_free(b.es10);
    b.es10 = NULL;
    assert_true(fake_card_got(&b.card, "0070800100")); /* closed again: open channels hinder */
    assert_int_equal(b.card.channels_open, 0);
    done(&b);
}

static void test_behind_a_modem(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    b.options.behind_modem = true;
    assert_int_equal(start(&b), CR_OK);
    assert_int_equal(b.card.apdu_count, 2); /* the modem did the rest */
    done(&b);
}

static void test_other_aid(void **state)
{
    (void)state;
    static const uint8_t vendor[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x10, 0x10, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0x89, 0x00, 0x05, 0x05, 0x00};
    struct bench b;
    setup(&b);
    memcpy(b.card.aid, vendor, sizeof(vendor));
    assert_int_equal(start(&b), CR_OK); /* known removable cards are tried by themselves */
    assert_true(cr_span_equal(es10_selected_aid(b.es10), CR_SPAN_ARRAY(vendor)));
    done(&b);

    setup(&b);
    b.card.aid_size = 5;
    memcpy(b.card.aid, "\x11\x22\x33\x44\x55", 5);
    assert_int_equal(start(&b), CR_REFUSED);
    assert_int_equal(b.err.code, 0x6A82);
    assert_int_equal(b.where.status_word, 0x6A82);
    assert_non_null(strstr(b.err.next, "--isdr-aid"));
    assert_true(es10_aid_parse(cr_span_str("1122334455"), &b.options.aids[0]));
    b.options.aid_count = 1;
    assert_int_equal(start(&b), CR_OK);
    done(&b);

    struct es10_aid aid;
    assert_false(es10_aid_parse(cr_span_str("11223344"), &aid));
    assert_false(es10_aid_parse(cr_span_str("112233445"), &aid));
    assert_false(es10_aid_parse(cr_span_str("1122334455G0"), &aid));
    assert_false(es10_aid_parse(cr_span_str("A0000005591010FFFFFFFF890000010000"), &aid));
}

static void test_no_channels(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    b.card.no_channels = true;
    assert_int_equal(start(&b), CR_OK); /* on the basic one then */
    assert_true(fake_card_got(&b.card, "00A4040010A0000005591010FFFFFFFF8900000100"));
    done(&b);
}

static void check_chain(const struct bench *b, size_t from, size_t total, size_t block, bool le)
{
    size_t blocks = (total + block - 1) / block;
    assert_int_equal(b->card.apdu_count - from, blocks);
    for (size_t i = 0; i < blocks; i++) {
        cr_span apdu = b->card.apdus[from + i];
        bool last = i + 1 == blocks;
        size_t n = last ? total - i * block : block;
        assert_int_equal(apdu.p[0], 0x81);
        assert_int_equal(apdu.p[1], 0xE2);
        assert_int_equal(apdu.p[2], last ? 0x91 : 0x11);
        assert_int_equal(apdu.p[3], i);
        assert_int_equal(apdu.p[4], n);
        assert_int_equal(apdu.n, 5 + n + (le ? 1 : 0));
    }
}

static void test_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = {255, 120, 1, 100};
    static const size_t totals[] = {6, 120, 240, 241, 254, 255, 256, 510};
    for (size_t i = 0; i < CR_COUNT(sizes); i++) {
        for (size_t j = 0; j < CR_COUNT(totals); j++) {
            if (totals[j] > sizes[i] * ES10_MAX_BLOCKS) {
                continue;
            }
            struct bench b;
            setup(&b);
            b.options.block_size = sizes[i];
            assert_int_equal(start(&b), CR_OK);
            fake_card_says(&b.card, 0xBF7F, NULL, 0x9000);
            size_t from = b.card.apdu_count;
            cr_buf answer = {0};
            assert_int_equal(send(&b, totals[j], &answer), CR_OK);
            check_chain(&b, from, totals[j], sizes[i], false);
            cr_buf_free(&answer);
            done(&b);
        }
    }
}

static void test_too_long(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    fake_card_says(&b.card, 0xBF7F, NULL, 0x9000);
    cr_buf answer = {0};
    assert_int_equal(send(&b, 255 * 256, &answer), CR_OK);
    size_t before = b.card.apdu_count;
    assert_int_equal(send(&b, 255 * 256 + 1, &answer), CR_REFUSED);
    assert_int_equal(b.card.apdu_count, before);
    cr_buf_free(&answer);
    done(&b);
}

static void long_answer(struct bench *b, cr_buf *wanted)
{
    for (int i = 0; i < 1000; i++) {
        cr_buf_append_byte(wanted, (uint8_t)i);
    }
    fake_card_gives(&b->card, 0xBF7F, cr_buf_span(wanted));
}

static void test_get_response(void **state)
{
    (void)state;
    static const struct {
        int accepted;
        enum es10_class option;
        cr_status status;
    } rows[] = {
        {-1, ES10_CLASS_AUTO, CR_OK},       {0x00, ES10_CLASS_AUTO, CR_OK},
        {0x80, ES10_CLASS_AUTO, CR_OK},     {0x80, ES10_CLASS_GP, CR_OK},
        {0x00, ES10_CLASS_STANDARD, CR_OK}, {0x80, ES10_CLASS_STANDARD, CR_REFUSED},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct bench b;
        setup(&b);
        assert_int_equal(start(&b), CR_OK);
        es10_free(b.es10);
        b.options.get_response = rows[i].option;
        assert_int_equal(start(&b), CR_OK);
        b.card.chunk = 200;
        b.card.get_response_class = rows[i].accepted;
        b.card.wrong_le_once = true;
        cr_buf wanted = {0};
        cr_buf answer = {0};
        long_answer(&b, &wanted);
        cr_status status = send(&b, 20, &answer);
        assert_int_equal(status, rows[i].status);
        if (status == CR_OK) {
            assert_true(cr_span_equal(cr_buf_span(&answer), cr_buf_span(&wanted)));
        } else {
            assert_int_equal(answer.n, 0);
        }
        cr_buf_free(&wanted);
        cr_buf_free(&answer);
        done(&b);
    }
}

static void test_le_is_learnt(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    b.card.wants_le = true;
    assert_int_equal(start(&b), CR_OK);
    assert_true(es10_select_answer(b.es10).n > 0);
    fake_card_says(&b.card, 0xBF7F, NULL, 0x9000);
    size_t from = b.card.apdu_count;
    cr_buf answer = {0};
    assert_int_equal(send(&b, 300, &answer), CR_OK);
    check_chain(&b, from, 300, 255, true);
    cr_buf_free(&answer);
    done(&b);

    setup(&b); /* told not to: no second SELECT, and none appended */
    b.card.wants_le = true;
    b.options.le = ES10_LE_NEVER;
    assert_int_equal(start(&b), CR_OK);
    assert_int_equal(es10_select_answer(b.es10).n, 0);
    done(&b);

    setup(&b);
    b.card.refuses_le = true;
    b.options.le = ES10_LE_ALWAYS;
    assert_int_equal(start(&b), CR_REFUSED);
    assert_non_null(strstr(b.err.next, "--le"));
    done(&b);
}

static void test_status_words(void **state)
{
    (void)state;
    static const unsigned words[] = {0x6985, 0x6A80, 0x6A88, 0x6D00, 0x6982, 0x6F00};
    for (size_t i = 0; i < CR_COUNT(words); i++) {
        struct bench b;
        setup(&b);
        assert_int_equal(start(&b), CR_OK);
        fake_card_says(&b.card, 0xBF7F, NULL, words[i]);
        cr_buf answer = {0};
        assert_int_not_equal(send(&b, 20, &answer), CR_OK);
        assert_int_equal(b.err.code, words[i]);
        assert_int_equal(b.where.status_word, words[i]);
        assert_string_equal(b.where.function, "test");
        assert_true(b.err.next[0]);
        cr_buf_free(&answer);
        done(&b);
    }
}

static void test_empty_answer(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    fake_card_says(&b.card, 0xBF20, NULL, 0x9000);
    struct rsp_euicc_info1 info;
    cr_arena arena = {0};
    assert_int_equal(es10b_get_euicc_info1(b.es10, &arena, &info, &b.err), CR_MALFORMED);
    assert_non_null(strstr(b.err.cause, "GetEUICCInfo1"));
    assert_non_null(strstr(b.err.next, "--le"));
    cr_arena_free(&arena);
    done(&b);
}

static void enable(struct bench *b, cr_status expected)
{
    uint8_t id[] = {0x98, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct rsp_profile_identifier profile = {.which = RSP_PROFILE_BY_ICCID,
                                             .iccid = CR_SPAN_ARRAY(id)};
    fake_card_says(&b->card, 0xBF31, "BF3103800100", 0x9000);
    assert_int_equal(es10c_enable_profile(b->es10, &profile, true, &b->err), expected);
    assert_true(fake_card_got(&b->card, "81E2910014BF3111A00C5A0A980001020304050607088101FF"));
}

static void test_refresh_with_reset(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    b.card.proactive[0] = fake_hex(&b.card.arena, "D009810301010482028182");
    b.card.proactive_count = 1;
    enable(&b, CR_OK);
    assert_true(fake_card_got(&b.card, "801200000B"));
    assert_int_equal(b.card.resets, 1); /* the activation is the answer: no TERMINAL RESPONSE */
    assert_int_equal(es10_refreshes(b.es10), 1);
    for (size_t i = 0; i < b.card.apdu_count; i++) {
        assert_int_not_equal(b.card.apdus[i].p[1], 0x14);
    }
    assert_true(b.card.selected); /* and the ISD-R is selected again */
    done(&b);
}

static void test_refresh_without_reset(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    b.card.proactive[0] = fake_hex(&b.card.arena, "D009810301400082028182"); /* something else */
    b.card.proactive[1] = fake_hex(&b.card.arena, "D009810302010682028182"); /* session reset */
    b.card.proactive_count = 2;
    enable(&b, CR_OK);
    assert_true(fake_card_got(&b.card, "801400000C810301400082028281830130"));
    assert_true(fake_card_got(&b.card, "801400000C810302010682028281830100"));
    assert_int_equal(b.card.resets, 0);
    assert_int_equal(es10_refreshes(b.es10), 1);
    assert_true(b.card.selected);
    done(&b);
}

static void test_proactive_behind_a_modem(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    b.options.behind_modem = true;
    assert_int_equal(start(&b), CR_OK);
    b.card.proactive[0] = fake_hex(&b.card.arena, "D009810301010482028182");
    b.card.proactive_count = 1;
    enable(&b, CR_OK);
    assert_int_equal(b.card.proactive_at, 0); /* not ours to fetch */
    assert_int_equal(b.card.resets, 0);
    done(&b);
}

static void test_unreadable_proactive_command(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_int_equal(start(&b), CR_OK);
    b.card.proactive[0] = fake_hex(&b.card.arena, "D0058102010400");
    b.card.proactive_count = 1;
    enable(&b, CR_OK);
    assert_int_equal(b.card.resets, 1);
    done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_behind_a_modem),
        cmocka_unit_test(test_other_aid),
        cmocka_unit_test(test_no_channels),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_get_response),
        cmocka_unit_test(test_le_is_learnt),
        cmocka_unit_test(test_status_words),
        cmocka_unit_test(test_empty_answer),
        cmocka_unit_test(test_refresh_with_reset),
        cmocka_unit_test(test_refresh_without_reset),
        cmocka_unit_test(test_proactive_behind_a_modem),
        cmocka_unit_test(test_unreadable_proactive_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
