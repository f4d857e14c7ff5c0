/* Local profile management on cards with different likings (SGP.22 3.2, 3.3, 5.7.15 to 5.7.22). */
#include "fake.h"

#include "asn1/der.h"
#include "lpa/info.h"
#include "lpa/profiles.h"

/* A card with two profiles and habits. */
struct chip {
    struct fake_world w;
    struct card inner;
    struct slot {
        uint8_t iccid[10], aid[16];
        bool enabled, deleted;
        const char *nickname;
    } slots[3];
    size_t count;
    /* habits */
    bool only_aid, only_iccid; /* the other is not found */
    int refresh_result;        /* result of a command with refreshFlag; 0 = fine */
    int no_refresh_result;     /* without */
    unsigned refresh_sw;       /* status word instead of an answer, with refreshFlag */
    bool drops;                /* does it, then 6F00 */
    bool dies;                 /* does it, then the transport fails until reset */
    bool sends_refresh;        /* 91xx with REFRESH UICC reset */
    bool lies;                 /* says ok and does nothing */
    bool no_tag_list;          /* answers a tagList with an error */
    bool dead;
    /* what happened */
    int tries[4]; /* by_aid * 2 + without refresh */
    int calls;
    bool fetched;
};

static struct slot *find(struct chip *c, cr_span id)
{
    for (size_t i = 0; i < c->count; i++) {
        struct slot *s = &c->slots[i];
        if (!s->deleted && (cr_span_equal(id, CR_SPAN_ARRAY(s->iccid)) ||
                            cr_span_equal(id, CR_SPAN_ARRAY(s->aid)))) {
            return s;
        }
    }
    return NULL;
}

static void answer_list(struct chip *c, cr_buf *out)
{
    size_t outer = der_open(out, 0xBF2D);
    size_t inner = der_open(out, 0xA0);
    for (size_t i = 0; i < c->count; i++) {
        const struct slot *s = &c->slots[i];
        if (s->deleted) {
            continue;
        }
        size_t item = der_open(out, 0xE3);
        der_put(out, 0x5A, CR_SPAN_ARRAY(s->iccid));
        der_put(out, 0x4F, CR_SPAN_ARRAY(s->aid));
        der_put_integer(out, 0x9F70, s->enabled);
        if (s->nickname) {
            der_put(out, 0x90, cr_span_str(s->nickname));
        }
        der_close(out, item);
    }
    der_close(out, inner);
    der_close(out, outer);
}

static int judge(struct chip *c, uint32_t tag, struct slot *slot, bool by_aid, bool refresh)
{
    if (!slot || (by_aid ? c->only_iccid : c->only_aid)) {
        return 1;
    }
    if (tag != 0xBF33 && (refresh ? c->refresh_result : c->no_refresh_result)) {
        return refresh ? c->refresh_result : c->no_refresh_result;
    }
    bool as_wanted = tag == 0xBF33 ? slot->enabled : slot->enabled == (tag == 0xBF31);
    if (as_wanted) {
        return 2;
    }
    return 0;
}

static void apply(struct chip *c, uint32_t tag, struct slot *slot)
{
    if (c->lies) {
        return;
    }
    for (size_t i = 0; tag == 0xBF31 && i < c->count; i++) {
        c->slots[i].enabled = false;
    }
    slot->enabled = tag == 0xBF31;
    slot->deleted = tag == 0xBF33;
}

static unsigned change(struct chip *c, cr_span command, cr_buf *out)
{
    struct der_tlv all;
    struct der_tlv choice;
    struct der_tlv id;
    struct der_tlv flag;
    assert_int_equal(der_next(&command, DER_STRICT, &all, NULL), CR_OK);
    cr_span body = der_find(all.value, 0xA0, &choice) ? choice.value : all.value;
    bool by_aid = der_find(body, 0x4F, &id);
    assert_true(by_aid || der_find(body, 0x5A, &id));
    bool refresh = der_find(all.value, 0x81, &flag) && flag.value.p[0] != 0;
    c->tries[by_aid * 2 + !refresh]++;
    c->calls++;
    struct slot *slot = find(c, id.value);
    int result = judge(c, all.tag, slot, by_aid, refresh);
    if (c->refresh_sw && refresh) {
        return c->refresh_sw;
    }
    if (result == 0) {
        apply(c, all.tag, slot);
        if (c->drops) {
            return 0x6F00;
        }
    }
    size_t mark = der_open(out, all.tag);
    der_put_integer(out, 0x80, result);
    der_close(out, mark);
    return result == 0 && refresh && c->sends_refresh ? 0x910B : 0x9000;
}

static cr_status transmit(void *ctx, cr_span apdu, cr_buf *out, struct cr_err *err)
{
    struct chip *c = ctx;
    if (c->dead) {
        return cr_fail(err, CR_RESOURCE, NULL, "no answer");
    }
    if (apdu.p[1] == 0x12) {
        c->fetched = true;
        cr_buf_append(out, "\xD0\x09\x81\x03\x01\x01\x04\x82\x02\x81\x82\x90\x00", 13);
        return CR_OK;
    }
    if (apdu.p[1] != 0xE2) {
        return c->inner.transmit(c->inner.ctx, apdu, out, err);
    }
    cr_span command = cr_span_sub(apdu, 5, apdu.p[4]);
    unsigned sw = 0x9000;
    switch (der_peek(command)) {
    case 0xBF2D:
        if (c->no_tag_list && command.n > 3) {
            cr_buf_append(out, "\xBF\x2D\x03\x81\x01\x01", 6);
        } else {
            answer_list(c, out);
        }
        break;
    case 0xBF31:
    case 0xBF32:
    case 0xBF33:
        sw = change(c, command, out);
        if (c->dies && sw == 0x9000) {
            c->dead = true;
            return cr_fail(err, CR_RESOURCE, NULL, "no answer");
        }
        break;
    case 0xBF29:
        c->calls++;
        cr_buf_append(out, "\xBF\x29\x03\x80\x01\x00", 6);
        break;
    default:
        return c->inner.transmit(c->inner.ctx, apdu, out, err);
    }
    cr_buf_append_be(out, sw, 2);
    return CR_OK;
}

static cr_status reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct chip *c = ctx;
    c->dead = false;
    return c->inner.reset(c->inner.ctx, atr, err);
}

static void add(struct chip *c, const char *iccid, uint8_t number, bool enabled,
                const char *nickname)
{
    struct slot *s = &c->slots[c->count++];
    assert_true(cr_hex_fixed(s->iccid, 10, cr_span_str(iccid)));
    memcpy(s->aid, c->w.card.aid, 16);
    s->aid[14] = number;
    s->aid[15] = 0;
    s->enabled = enabled;
    s->nickname = nickname;
}

static void setup(struct chip *c)
{
    memset(c, 0, sizeof(*c));
    fake_world_init(&c->w, PKI_ROLE_DP_AUTH);
    c->inner = c->w.card.card;
    struct card card = {.ctx = c, .transmit = transmit, .reset = reset, .close = c->inner.close};
    fake_card_says(&c->w.card, 0xBF28, "BF2802A000", 0x9000);
    add(c, "98001032547698103214", 0x10, false, "work"); /* 20 digits */
    add(c, "981032547698103254F6", 0x11, true, "home");  /* 19 */
    struct cr_err err = {0};
    assert_int_equal(es10_open(&card, NULL, &c->w.lpa.where, &c->w.lpa.card, &err), CR_OK);
}

static void done(struct chip *c)
{
    fake_world_free(&c->w);
}

typedef cr_status verb_fn(struct lpa *lpa, cr_span profile,
                          const struct lpa_change_options *options, cr_arena *arena,
                          struct lpa_change *out, struct cr_err *err);

static cr_status run(struct chip *c, verb_fn *verb, const char *profile, struct lpa_change *out,
                     struct cr_err *err)
{
    return verb(&c->w.lpa, cr_span_str(profile), NULL, &c->w.arena, out, err);
}

/* ---- naming ---- */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int slot; /* -1 = refused */
    } rows[] = {
        {"89000123456789012341", 0},
        {"8900 0123 4567 8901 2341", 0},
        {"8901234567890123456", 1},
        {"8901234567890123456F", 1},
        {"8901234567890123456f", 1},
        {"A0000005591010FFFFFFFF8900001000", 0},
        {"a0000005591010ffffffff8900001100", 1},
        {"work", 0},
        {"home", 1},
        {"890123456789012345", 2}, /* 18 digits */
        {"890123456789012345FF", 2},
        {"8900012345678901234", -1},
        {"nobody", -1},
        {"", -1},
        {"A0000005591010FFFFFFFF8900009900", -1},
    };
    struct chip c;
    setup(&c);
    add(&c, "981032547698103254FF", 0x12, false, NULL);
    rsp_profile_info_list list = {0};
    assert_int_equal(lpa_profile_list(&c.w.lpa, &c.w.arena, &list, NULL), CR_OK);
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct rsp_profile_info *found = NULL;
        struct cr_err err = {0};
        cr_status status = lpa_profile_find(&list, cr_span_str(rows[i].text), &found, &err);
        if (rows[i].slot < 0) {
            assert_int_equal(status, CR_REFUSED);
            assert_true(err.next[0]);
        } else {
            if (status != CR_OK) {
                fail_msg("%s: %s", rows[i].text, err.cause);
            }
            assert_ptr_equal(found, &list.items[rows[i].slot]);
        }
    }
    done(&c);
}

static void test_ambiguous_nickname(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    c.slots[1].nickname = "work";
    struct lpa_change change;
    struct cr_err err;
    assert_int_equal(run(&c, lpa_profile_enable, "work", &change, &err), CR_REFUSED);
    assert_non_null(strstr(err.cause, "2 profiles"));
    assert_int_equal(c.calls, 0);
    done(&c);
}

static void test_list_of_odd_cards(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    c.no_tag_list = true;
    rsp_profile_info_list list = {0};
    assert_int_equal(lpa_profile_list(&c.w.lpa, &c.w.arena, &list, NULL), CR_OK);
    assert_int_equal(list.count, 2);
    c.slots[1].enabled = false; /* nothing enabled */
    assert_int_equal(lpa_profile_list(&c.w.lpa, &c.w.arena, &list, NULL), CR_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(lpa_profile_class(&list.items[0]), RSP_CLASS_OPERATIONAL); /* absent */
    c.count = 0;
    assert_int_equal(lpa_profile_list(&c.w.lpa, &c.w.arena, &list, NULL), CR_OK);
    assert_int_equal(list.count, 0);
    done(&c);
}

/* ---- ways ---- */

static void plain(struct chip *c)
{
    c->sends_refresh = true;
}
static void no_refresh_sent(struct chip *c)
{
    (void)c;
}
static void only_aid(struct chip *c)
{
    c->only_aid = true;
}
static void busy_with_refresh(struct chip *c)
{
    c->refresh_result = RSP_PROFILE_CAT_BUSY;
}
static void undefined_with_refresh(struct chip *c)
{
    c->refresh_result = RSP_PROFILE_UNDEFINED;
}
static void sw_with_refresh(struct chip *c)
{
    c->refresh_sw = 0x6A80;
}
static void aid_without_refresh(struct chip *c)
{
    c->only_aid = true;
    c->refresh_result = RSP_PROFILE_CAT_BUSY;
}
static void drops(struct chip *c)
{
    c->drops = true;
}
static void dies(struct chip *c)
{
    c->dies = true;
}

static const struct {
    const char *name;
    void (*setup)(struct chip *c);
    bool by_aid, refresh;
    int calls;
    unsigned resets;
} ways[] = {
    {"with REFRESH", plain, false, true, 1, 1},
    {"without REFRESH the LPA resets", no_refresh_sent, false, true, 1, 1},
    {"AID only", only_aid, true, true, 2, 1},
    {"busy with refreshFlag", busy_with_refresh, false, false, 2, 1},
    {"undefined with refreshFlag", undefined_with_refresh, false, false, 2, 1},
    {"status word with refreshFlag", sw_with_refresh, false, false, 2, 1},
    {"AID and no refreshFlag", aid_without_refresh, true, false, 3, 1},
    {"6F00 and done", drops, false, true, 1, 2},
    {"no answer and done", dies, false, true, 1, 2},
};

static void test_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(ways); i++) {
        struct chip c;
        setup(&c);
        ways[i].setup(&c);
        struct lpa_change change;
        struct cr_err err = {0};
        if (run(&c, lpa_profile_enable, "89000123456789012341", &change, &err) != CR_OK) {
            fail_msg("%s: %s", ways[i].name, err.cause);
        }
        assert_true(c.slots[0].enabled);
        assert_false(c.slots[1].enabled);
        assert_true(change.verified);
        assert_false(change.already);
        assert_int_equal(change.by_aid, ways[i].by_aid);
        assert_int_equal(change.refresh, ways[i].refresh);
        assert_int_equal(c.calls, ways[i].calls);
        assert_int_equal(c.w.card.resets, ways[i].resets);
        assert_int_equal(c.fetched, ways[i].setup == plain);
        done(&c);
    }
}

static void test_chosen_flag(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    c.refresh_result = RSP_PROFILE_CAT_BUSY;
    struct lpa_change change;
    struct cr_err err;
    struct lpa_change_options options = {.refresh = LPA_REFRESH_YES, .notify = LPA_NOTIFY_NONE};
    assert_int_equal(
        lpa_profile_enable(&c.w.lpa, cr_span_str("work"), &options, &c.w.arena, &change, &err),
        CR_REFUSED);
    assert_int_equal(c.tries[1] + c.tries[3], 0);
    assert_true(c.w.lpa.where.has_result);
    assert_int_equal(c.w.lpa.where.result, RSP_PROFILE_CAT_BUSY);
    assert_string_equal(c.w.lpa.where.result_name, "catBusy");
    options.refresh = LPA_REFRESH_NO;
    assert_int_equal(
        lpa_profile_enable(&c.w.lpa, cr_span_str("work"), &options, &c.w.arena, &change, &err),
        CR_OK);
    done(&c);
}

static void test_policy_is_final(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    c.refresh_result = RSP_PROFILE_DISALLOWED_BY_POLICY;
    struct lpa_change change;
    struct cr_err err;
    assert_int_equal(run(&c, lpa_profile_disable, "home", &change, &err), CR_REFUSED);
    assert_int_equal(c.calls, 1); /* no other way is tried */
    assert_non_null(strstr(err.cause, "PPR1"));
    assert_true(c.slots[1].enabled);
    done(&c);
}

static void test_already(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    struct lpa_change change;
    assert_int_equal(run(&c, lpa_profile_enable, "home", &change, NULL), CR_OK);
    assert_true(change.already);
    assert_int_equal(run(&c, lpa_profile_disable, "work", &change, NULL), CR_OK);
    assert_true(change.already);
    assert_int_equal(c.calls, 0);
    done(&c);
}

static void test_a_lie_is_found_out(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    c.lies = true;
    struct lpa_change change;
    struct cr_err err;
    assert_int_equal(run(&c, lpa_profile_enable, "work", &change, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "not enabled"));
    assert_false(change.verified);
    done(&c);
}

static void test_delete(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    struct lpa_change change;
    struct cr_err err;
    assert_int_equal(run(&c, lpa_profile_delete, "home", &change, &err), CR_REFUSED);
    assert_non_null(strstr(err.next, "disable"));
    assert_int_equal(c.calls, 0); /* not even asked */
    assert_int_equal(run(&c, lpa_profile_delete, "work", &change, &err), CR_OK);
    assert_true(c.slots[0].deleted);
    assert_true(change.verified);
    assert_int_equal(c.w.card.resets, 0);
    c.slots[0].deleted = false;
    c.only_aid = true;
    assert_int_equal(run(&c, lpa_profile_delete, "work", &change, &err), CR_OK);
    assert_true(change.by_aid);
    done(&c);
}

static void test_nickname(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    struct lpa_change change;
    struct cr_err err;
    char longest[66];
    memset(longest, 'x', sizeof(longest));
    longest[64] = 0;
    assert_int_equal(lpa_profile_nickname(&c.w.lpa, cr_span_str("work"), cr_span_str(longest),
                                          &c.w.arena, &change, &err),
                     CR_OK);
    longest[64] = 'x';
    longest[65] = 0;
    assert_int_equal(lpa_profile_nickname(&c.w.lpa, cr_span_str("work"), cr_span_str(longest),
                                          &c.w.arena, &change, &err),
                     CR_REFUSED);
    assert_int_equal(lpa_profile_nickname(&c.w.lpa, cr_span_str("work"), cr_span_str("\xC3"),
                                          &c.w.arena, &change, &err),
                     CR_REFUSED);
    assert_int_equal(lpa_profile_nickname(&c.w.lpa, cr_span_str("work"), (cr_span){0}, &c.w.arena,
                                          &change, &err),
                     CR_OK);
    assert_int_equal(c.calls, 2);
    done(&c);
}

static void test_memory_reset(void **state)
{
    (void)state;
    struct chip c;
    setup(&c);
    fake_card_says(&c.w.card, 0xBF34, "BF3403800101", 0x9000);
    struct lpa_change change;
    struct cr_err err;
    uint64_t bits = RSP_RESET_DELETE_OPERATIONAL_PROFILES |
                    RSP_RESET_DELETE_FIELD_LOADED_TEST_PROFILES | RSP_RESET_DEFAULT_SMDP_ADDRESS;
    assert_int_equal(lpa_memory_reset(&c.w.lpa, bits, NULL, &c.w.arena, &change, &err), CR_OK);
    assert_true(change.already);
    assert_true(fake_card_got(&c.w.card, "81E2910007BF3404820205E0"));
    fake_card_says(&c.w.card, 0xBF34, "BF3403800100", 0x9000); /* says so, but profiles stay */
    assert_int_equal(lpa_memory_reset(&c.w.lpa, bits, NULL, &c.w.arena, &change, &err),
                     CR_RESOURCE);
    fake_card_says(&c.w.card, 0xBF34, "BF3403800100", 0x9000);
    c.count = 0;
    assert_int_equal(lpa_memory_reset(&c.w.lpa, bits, NULL, &c.w.arena, &change, &err), CR_OK);
    assert_true(change.verified);
    fake_card_says(&c.w.card, 0xBF34, "BF3403800105", 0x9000);
    assert_int_equal(lpa_memory_reset(&c.w.lpa, bits, NULL, &c.w.arena, &change, &err), CR_REFUSED);
    assert_string_equal(c.w.lpa.where.result_name, "catBusy");
    done(&c);
}

/* ---- info ---- */

static void test_info_of_an_old_card(void **state)
{
    (void)state;
    struct fake_world w;
    fake_world_init(&w, PKI_ROLE_DP_AUTH);
    fake_card_says(&w.card, 0xBF3E, "BF3E125A1089049032123451234512345678901235", 0x9000);
    w.options.block_size = 255;
    assert_int_equal(es10_open(&w.card.card, &w.options, &w.lpa.where, &w.lpa.card, NULL), CR_OK);
    struct lpa_info info;
    struct cr_err err;
    assert_int_equal(lpa_info(&w.lpa, &w.arena, &info, &err), CR_OK); /* all else is 6A88 */
    assert_true(info.has_eid);
    assert_true(info.has_select);
    assert_false(info.has_info1 || info.has_info2 || info.has_addresses || info.has_rat);
    fake_card_says(&w.card, 0xBF3C, "BF3C0E8000810A64732E6578616D706C65", 0x9000);
    assert_int_equal(lpa_info(&w.lpa, &w.arena, &info, &err), CR_OK);
    assert_true(info.has_addresses);
    assert_true(cr_span_equal(info.addresses.root_ds_address, cr_span_str("ds.example")));
    assert_false(cr_span_present(info.addresses_raw));
    fake_world_free(&w);
}

/* What an odd card says of its addresses is not left out. */
static void test_info_with_an_odd_answer(void **state)
{
    (void)state;
    struct fake_world w;
    struct lpa_info info;
    struct cr_err err;
    static const char *const odd[] = {"BF3C058003612E62", "BF3C", "04026162"};
    for (size_t i = 0; i < CR_COUNT(odd); i++) {
        fake_world_init(&w, PKI_ROLE_DP_AUTH);
        fake_card_says(&w.card, 0xBF3E, "BF3E125A1089049032123451234512345678901235", 0x9000);
        fake_card_says(&w.card, 0xBF3C, odd[i], 0x9000);
        w.options.block_size = 255;
        assert_int_equal(es10_open(&w.card.card, &w.options, &w.lpa.where, &w.lpa.card, NULL),
                         CR_OK);
        assert_int_equal(lpa_info(&w.lpa, &w.arena, &info, &err), CR_OK);
        assert_false(info.has_addresses);
        assert_true(cr_span_equal(info.addresses_raw, fake_hex(&w.arena, odd[i])));
        assert_non_null(info.addresses_why);
        assert_true(info.addresses_why[0]);
        fake_world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_ambiguous_nickname),
        cmocka_unit_test(test_list_of_odd_cards),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_chosen_flag),
        cmocka_unit_test(test_policy_is_final),
        cmocka_unit_test(test_already),
        cmocka_unit_test(test_a_lie_is_found_out),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_nickname),
        cmocka_unit_test(test_memory_reset),
        cmocka_unit_test(test_info_of_an_old_card),
        cmocka_unit_test(test_info_with_an_odd_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
