/*
 * The template tables: every row of every template, look-up, initial content, access rules.
 */
#include "sample.h"

#include "profile/template.h"

static void check_row(const struct profile_template *t, const struct profile_template_member *row,
                      unsigned member)
{
    enum profile_file_type type = (enum profile_file_type)row->type;
    assert_int_equal(row->member, member);
    assert_ptr_equal(profile_template_member_named(t, row->name), row);
    assert_true(strncmp(row->name, "ef-", 3) == 0 || profile_type_is_df(type));
    assert_in_range(row->arr, 1, PROFILE_ARR_RULES);
    assert_true(row->sfi <= 30);
    if (profile_type_is_df(type)) {
        assert_int_equal(row->size, 0);
        assert_int_equal(row->arr, 14);
        assert_int_equal(row->sfi, 0);
        assert_true(row->fid != 0 || (row->must & PROFILE_MUST_FID));
    } else {
        assert_true(row->fid != 0);
    }
    if (row->fid_last) {
        assert_true(row->fid_last > row->fid && row->fid_last >> 8 == row->fid >> 8);
    }
    if (row->records) {
        assert_true(profile_type_has_records(type));
        assert_true(row->size > 0 || (row->must & PROFILE_MUST_SIZE));
    }
    /* The parent is a DF in the same template, and one that comes before. */
    if (row->parent) {
        const struct profile_template_member *parent = profile_template_member(t, row->parent);
        assert_non_null(parent);
        assert_true(profile_type_is_df((enum profile_file_type)parent->type));
        assert_true(row->parent < row->member);
    }
    if (row->fill != PROFILE_FILL_NONE) {
        assert_true(row->fill_length > 0 && row->pattern);
        assert_true(row->size == 0 || row->fill_length <= row->size);
        if (row->fill == PROFILE_FILL_LITERAL && row->size) {
            assert_int_equal(row->fill_length, row->size);
        }
    }
}

/* File ids and SFIs inside one DF of a template do not meet. */
static void check_pair(const struct profile_template_member *a,
                       const struct profile_template_member *b)
{
    if (a->parent != b->parent) {
        return;
    }
    if (a->fid && b->fid) {
        unsigned a_last = a->fid_last ? a->fid_last : a->fid;
        unsigned b_last = b->fid_last ? b->fid_last : b->fid;
        if (!(a_last < b->fid || b_last < a->fid)) {
            fail_msg("%s and %s share a file id", a->name, b->name);
        }
    }
    if (a->sfi && a->sfi == b->sfi) {
        fail_msg("%s and %s share an SFI", a->name, b->name);
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < profile_template_count; i++) {
        const struct profile_template *t = &profile_templates[i];
        assert_true(profile_kind_has_files((enum profile_element_kind)t->kind));
        assert_null(profile_template_member(t, 1));
        assert_null(profile_template_member(t, 2u + t->count));
        for (unsigned m = 2; m < 2u + t->count; m++) {
            check_row(t, profile_template_member(t, m), m);
            for (unsigned o = 2; o < m; o++) {
                check_pair(profile_template_member(t, o), profile_template_member(t, m));
            }
        }
    }
}

static void test_oids(void **state)
{
    (void)state;
    uint8_t text[PROFILE_TEMPLATE_OID];
    for (size_t i = 0; i < profile_template_count; i++) {
        cr_span oid = profile_template_oid(&profile_templates[i], text);
        assert_ptr_equal(profile_template_by_oid(oid), &profile_templates[i]);
    }
    cr_buf oid = {0};
    sample_hex("67810F0102 0D 04", &oid);
    assert_string_equal(profile_template_by_oid(cr_buf_span(&oid))->name, "DF.5GS v4");
    sample_hex("67810F0102 0D 05", &oid);
    assert_null(profile_template_by_oid(cr_buf_span(&oid)));
    sample_hex("67810F0102 0D 01", &oid);
    assert_null(profile_template_by_oid(cr_buf_span(&oid)));
    sample_hex("67810F0102", &oid);
    assert_null(profile_template_by_oid(cr_buf_span(&oid)));
    assert_null(profile_template_by_oid((cr_span){0}));
    cr_buf_free(&oid);
    assert_string_equal(profile_template_of_kind(PROFILE_DF_5GS)->name, "DF.5GS v4");
    assert_null(profile_template_of_kind(PROFILE_AKA));
}

static const struct profile_template *by_arc(unsigned arc, unsigned version)
{
    for (size_t i = 0; i < profile_template_count; i++) {
        if (profile_templates[i].arc == arc && profile_templates[i].version == version) {
            return &profile_templates[i];
        }
    }
    fail_msg("no template %u.%u", arc, version);
    return NULL;
}

static const struct profile_template_member *row_of(unsigned arc, unsigned version,
                                                    const char *name)
{
    const struct profile_template_member *row =
        profile_template_member_named(by_arc(arc, version), name);
    if (!row) {
        fail_msg("%u.%u has no %s", arc, version, name);
    }
    return row;
}

/* What the versions of a template differ in. */
static void test_versions(void **state)
{
    (void)state;
    assert_int_equal(row_of(4, 1, "ef-ust")->size, 14);
    assert_int_equal(row_of(4, 2, "ef-ust")->size, 17);
    assert_int_equal(by_arc(3, 1)->count, 38);
    assert_null(profile_template_member_named(by_arc(3, 1), "df-mcs"));
    assert_int_equal(row_of(3, 2, "df-mcs")->fid, 0x5F3D);
    assert_int_equal(by_arc(5, 1)->count, 74);
    assert_string_equal(profile_template_member(by_arc(5, 1), 75)->name, "ef-ipd");
    assert_null(profile_template_member(by_arc(5, 1), 76));
    assert_string_equal(profile_template_member(by_arc(5, 2), 86)->name, "ef-mudmidconfigdata");
    assert_null(profile_template_member(by_arc(5, 2), 87));
    assert_string_equal(profile_template_member(by_arc(5, 3), 87)->name, "ef-eaka");
    assert_string_equal(profile_template_member(by_arc(9, 1), 10)->name, "ef-uicciari");
    assert_null(profile_template_member(by_arc(9, 1), 11));
    assert_string_equal(profile_template_member(by_arc(9, 2), 15)->name, "ef-mudmidconfigdata");
    /* 5GS: NSC 1 x 57 until v2, then 2 x 62; routing indicator F0FFFFFF until v3 */
    for (unsigned v = 1; v <= 4; v++) {
        assert_int_equal(row_of(13, v, "ef-5gs3gppnsc")->records, v < 3 ? 1 : 2);
        assert_int_equal(row_of(13, v, "ef-5gsn3gppnsc")->size, v < 3 ? 57 : 62);
        const struct profile_template_member *row = row_of(13, v, "ef-routing-indicator");
        assert_memory_equal(row->pattern, v < 4 ? "\xF0\xFF\xFF\xFF" : "\xF0\xFF\x00\x00", 4);
    }
    assert_int_equal(by_arc(13, 1)->count, 11);
    assert_int_equal(by_arc(13, 2)->count, 13);
    assert_int_equal(by_arc(13, 4)->count, 20);
}

/* Rows that public tables get wrong, and one of each sort. */
static void test_known_rows(void **state)
{
    (void)state;
    assert_int_equal(row_of(1, 1, "ef-iccid")->fid, 0x2FE2);
    assert_int_equal(row_of(13, 4, "df-df-5gs")->fid, 0x5FC0);
    assert_int_equal(row_of(14, 1, "df-df-saip")->fid, 0x5FD0);
    assert_int_equal(row_of(5, 1, "ef-ext7")->fid, 0x6FCC);
    assert_int_equal(row_of(3, 1, "ef-mmssmode")->fid, 0x4F22);
    assert_int_equal(row_of(5, 2, "ef-mudmidconfigdata")->fid, 0x6FFE);
    const struct profile_template_member *row = row_of(5, 1, "ef-ici");
    assert_int_equal(row->type, PROFILE_TYPE_CY);
    assert_int_equal(row->records, 20);
    assert_int_equal(row->size, 38);
    assert_int_equal(row->sfi, 0x14);
    assert_true(row->high_update);
    row = row_of(3, 1, "ef-adn");
    assert_int_equal(row->fid, 0x4F58);
    assert_int_equal(row->fid_last, 0x4F5F);
    assert_int_equal(row->parent, 15);
    assert_int_equal(row->must, PROFILE_MUST_RECORDS | PROFILE_MUST_SIZE | PROFILE_MUST_SFI);
    assert_int_equal(row_of(3, 1, "ef-mml")->parent, 33);
    assert_int_equal(row_of(3, 1, "df-mmss")->parent, 2);
    assert_int_equal(row_of(6, 1, "ef-adn")->member, 11);
    assert_int_equal(row_of(17, 1, "ef-imsi")->parent, 8);
    assert_true(row_of(17, 1, "ef-imsi")->mandatory);
    assert_int_equal(row_of(18, 1, "ef-suci-calc-info-usim")->parent, 26);
    assert_int_equal(row_of(11, 1, "ef-jdl")->member, 68);
    assert_int_equal(row_of(8, 1, "ef-arr")->sfi, 6);
}

static void assert_filled(size_t size, size_t record, enum profile_fill fill, const char *pattern,
                          const char *expected)
{
    uint8_t out[64];
    cr_buf bytes = {0};
    sample_hex(pattern, &bytes);
    memset(out, 0xEE, sizeof(out));
    profile_fill(out, size, record, fill, cr_buf_span(&bytes));
    assert_hex(cr_span_of(out, size), expected);
    assert_int_equal(out[size], 0xEE);
    cr_buf_free(&bytes);
}

static void test_fill(void **state)
{
    (void)state;
    assert_filled(5, 0, PROFILE_FILL_NONE, "", "FFFFFFFFFF");
    assert_filled(5, 0, PROFILE_FILL_PATTERN, "07FF", "07FFFFFFFF");
    assert_filled(5, 0, PROFILE_FILL_PATTERN, "0102", "0102020202");
    assert_filled(6, 3, PROFILE_FILL_PATTERN, "00FF", "00FFFF00FFFF"); /* per record */
    assert_filled(1, 0, PROFILE_FILL_PATTERN, "00FF", "00");
    assert_filled(7, 0, PROFILE_FILL_REPEAT, "010203", "01020301020301");
    assert_filled(8, 4, PROFILE_FILL_REPEAT, "010203", "0102030101020301");
    assert_filled(6, 3, PROFILE_FILL_LITERAL, "AB", "ABFFFFABFFFF");
    assert_filled(2, 0, PROFILE_FILL_LITERAL, "010203", "0102");
    assert_filled(0, 0, PROFILE_FILL_PATTERN, "07", "");
    assert_filled(3, 0, PROFILE_FILL_REPEAT, "", "FFFFFF");
}

/* A rule is a list of access mode and condition pairs that fill it. */
static void test_arr_rules(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= PROFILE_ARR_RULES; n++) {
        struct cr_err err = {0};
        cr_span in = profile_arr_rule(n);
        assert_true(in.n > 0);
        while (in.n > 0) {
            struct der_tlv mode;
            struct der_tlv condition;
            assert_ok(der_next(&in, DER_STRICT, &mode, &err));
            assert_true(mode.tag == 0x80 || mode.tag == 0x84);
            assert_int_equal(mode.value.n, 1);
            assert_ok(der_next(&in, DER_STRICT, &condition, &err));
            assert_true(condition.tag == 0x90 || condition.tag == 0x97 || condition.tag == 0xA4);
        }
    }
    assert_hex(profile_arr_rule(1), "8001019000 800102A406830101950108 800158A40683010A950108");
    assert_hex(profile_arr_rule(14), "80015EA40683010A950108");
    assert_hex(profile_arr_rule(11), "8001019000 800118A40683010A950108 8001429700");
    assert_false(cr_span_present(profile_arr_rule(0)));
    assert_false(cr_span_present(profile_arr_rule(15)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_oids),
        cmocka_unit_test(test_versions), cmocka_unit_test(test_known_rows),
        cmocka_unit_test(test_fill),     cmocka_unit_test(test_arr_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
