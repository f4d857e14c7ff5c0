/*
 * Template and Fcp laid over each other: every field, every refusal with its status; instances;
 * content items; the tree with its links and places.
 */
#include "sample.h"

#include "profile/tree.h"

static const struct profile_template_member *row(unsigned arc, unsigned version, const char *name)
{
    for (size_t i = 0; i < profile_template_count; i++) {
        if (profile_templates[i].arc == arc && profile_templates[i].version == version) {
            return profile_template_member_named(&profile_templates[i], name);
        }
    }
    fail_msg("no template %u.%u", arc, version);
    return NULL;
}

static struct profile_file_attributes good(const struct profile_template_member *r,
                                           const struct profile_fcp *fcp, unsigned instance)
{
    struct cr_err err = {0};
    struct profile_file_attributes file;
    assert_ok(profile_file_resolve(r, fcp, instance, &file, &err));
    return file;
}

static void bad(const struct profile_template_member *r, const struct profile_fcp *fcp,
                const char *field, long code)
{
    struct cr_err err = {0};
    struct profile_file_attributes file;
    assert_int_equal(profile_file_resolve(r, fcp, 0, &file, &err), CR_REFUSED);
    assert_string_equal(err.field, field);
    assert_int_equal(err.code, code);
    assert_non_null(profile_status_name(err.code));
}

#define BYTES(literal) cr_span_of(literal, sizeof(literal) - 1)

static void test_template_only(void **state)
{
    (void)state;
    struct profile_file_attributes f = good(row(4, 1, "ef-loci"), NULL, 0);
    assert_int_equal(f.type, PROFILE_TYPE_TR);
    assert_int_equal(f.fid, 0x6F7E);
    assert_int_equal(f.size, 11);
    assert_true(f.shareable && f.has_sfi);
    assert_int_equal(f.sfi, 0x0B);
    assert_int_equal(f.arr_fid, 0);
    assert_int_equal(f.arr_record, 5);
    assert_int_equal(f.lcsi, 5);
    assert_int_equal(f.special, PROFILE_SPECIAL_HIGH_UPDATE);
    assert_int_equal(f.fill, PROFILE_FILL_LITERAL);
    assert_int_equal(f.pattern.n, 11);
    f = good(row(4, 1, "ef-sms"), NULL, 0);
    assert_int_equal(f.records, 10);
    assert_int_equal(f.record_length, 176);
    assert_int_equal(f.size, 1760);
    assert_false(f.has_sfi);
    f = good(row(13, 1, "ef-suci-calc-info"), NULL, 0);
    assert_true(f.size_from_content);
    f = good(row(17, 1, "mf"), NULL, 0);
    assert_hex(f.pin_status, "010A");
    bad(row(4, 1, "ef-arr"), NULL, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    bad(row(14, 1, "ef-suci-calc-info-usim"), NULL, "efFileSize", PROFILE_STATUS_INVALID_PARAMETER);
    bad(row(4, 1, "adf-usim"), NULL, "fileID", PROFILE_STATUS_INVALID_PARAMETER);
}

static void test_fcp(void **state)
{
    (void)state;
    struct profile_fcp fcp = {
        .file_descriptor = BYTES("\x02\x21\x00\x20"),
        .file_id = BYTES("\x4F\xAA"),
        .lcsi = BYTES("\x04"),
        .security_attributes_referenced = BYTES("\x2F\x06\x07"),
        .ef_file_size = BYTES("\x40"),
        .short_efid = BYTES("\xF0"),
        .has_proprietary = true,
        .proprietary = {.special_file_info = BYTES("\x40"), .repeat_pattern = BYTES("\x01\x02")}};
    struct profile_file_attributes f = good(row(3, 1, "ef-adn"), &fcp, 0);
    assert_false(f.shareable);
    assert_int_equal(f.fid, 0x4FAA);
    assert_int_equal(f.lcsi, 4);
    assert_int_equal(f.arr_fid, 0x2F06);
    assert_int_equal(f.arr_record, 7);
    assert_int_equal(f.records, 2);
    assert_int_equal(f.record_length, 32);
    assert_int_equal(f.sfi, 0x1E);
    assert_int_equal(f.special, 0x40);
    assert_int_equal(f.fill, PROFILE_FILL_REPEAT);
    assert_hex(f.pattern, "0102");
    /* empty proprietary information: legal, and the DEFAULT of its component counts */
    struct profile_fcp empty = {.has_proprietary = true};
    f = good(row(4, 1, "ef-keys"), &empty, 0);
    assert_int_equal(f.special, 0);
    assert_int_equal(f.fill, PROFILE_FILL_PATTERN);
    assert_hex(f.pattern, "07FF");
    /* absent, empty and stated SFI */
    struct profile_fcp none = {.short_efid = BYTES("")};
    assert_false(good(row(4, 1, "ef-imsi"), &none, 0).has_sfi);
    assert_true(good(row(4, 1, "ef-imsi"), NULL, 0).has_sfi);
    /* one byte of access rule: EF.ARR by the place */
    struct profile_fcp arr = {.security_attributes_referenced = BYTES("\x03")};
    f = good(row(4, 1, "ef-imsi"), &arr, 0);
    assert_int_equal(f.arr_fid, 0);
    assert_int_equal(profile_arr_fid(&f, false), 0x6F06);
    assert_int_equal(profile_arr_fid(&f, true), 0x2F06);
    f.type = PROFILE_TYPE_ADF;
    assert_int_equal(profile_arr_fid(&f, false), 0x2F06);
    f.arr_fid = 0x1234;
    assert_int_equal(profile_arr_fid(&f, false), 0x1234);
    /* further instances take the next id of the range, and not the template's SFI */
    struct profile_fcp size = {.file_descriptor = BYTES("\x42\x21\x00\x02"),
                               .ef_file_size = BYTES("\x14")};
    assert_int_equal(good(row(3, 1, "ef-adn"), &size, 2).fid, 0x4F5A);
    struct cr_err err = {0};
    assert_int_equal(profile_file_resolve(row(3, 1, "ef-adn"), &size, 8, &f, &err), CR_REFUSED);
    /* another size: the default is cut, or the pattern goes on */
    struct profile_fcp larger = {.ef_file_size = BYTES("\x20")};
    f = good(row(4, 1, "ef-loci"), &larger, 0);
    assert_int_equal(f.size, 32);
    assert_int_equal(f.fill, PROFILE_FILL_LITERAL);
}

static void test_gfm(void **state)
{
    (void)state;
    struct profile_fcp fcp = {.file_descriptor = BYTES("\x41\x21"),
                              .file_id = BYTES("\x6F\x45"),
                              .security_attributes_referenced = BYTES("\x01"),
                              .ef_file_size = BYTES("\x01\x00")};
    struct profile_file_attributes f = good(NULL, &fcp, 0);
    assert_int_equal(f.size, 256);
    assert_int_equal(f.sfi, 5); /* lower bits of the file id */
    assert_int_equal(f.fill, PROFILE_FILL_NONE);
    fcp.file_id = BYTES("\x6F\x5F");
    assert_false(good(NULL, &fcp, 0).has_sfi);
    fcp.file_descriptor = BYTES("\x79\x21");
    fcp.has_proprietary = true;
    fcp.proprietary.maximum_file_size = BYTES("\x02\x00");
    f = good(NULL, &fcp, 0);
    assert_int_equal(f.type, PROFILE_TYPE_BT);
    assert_int_equal(f.maximum_size, 512);
    assert_int_equal(f.file_details, 1);
    /* DF, ADF, MF */
    fcp = (struct profile_fcp){.file_descriptor = BYTES("\x78\x21"),
                               .file_id = BYTES("\x5F\x01"),
                               .security_attributes_referenced = BYTES("\x01")};
    assert_int_equal(good(NULL, &fcp, 0).type, PROFILE_TYPE_DF);
    fcp.df_name = BYTES("\xA0\x00\x00\x00\x01");
    assert_int_equal(good(NULL, &fcp, 0).type, PROFILE_TYPE_ADF);
    fcp.df_name = (cr_span){0};
    fcp.file_id = BYTES("\x3F\x00");
    assert_int_equal(good(NULL, &fcp, 0).type, PROFILE_TYPE_MF);
    /* a link has no geometry of its own */
    fcp = (struct profile_fcp){.file_descriptor = BYTES("\x42\x21\x00\x10"),
                               .file_id = BYTES("\x6F\x01"),
                               .security_attributes_referenced = BYTES("\x01"),
                               .link_path = BYTES("\x7F\x10")};
    f = good(NULL, &fcp, 0);
    assert_true(f.is_link);
    assert_int_equal(f.size, 0);
    fcp.link_path = BYTES("");
    bad(NULL, &fcp, "efFileSize", PROFILE_STATUS_BAD_VALUES);
}

static void test_refused(void **state)
{
    (void)state;
    const struct profile_template_member *tr = row(4, 1, "ef-imsi");
    const struct profile_template_member *lf = row(4, 1, "ef-sms");
    const struct profile_fcp nothing = {0};
    bad(NULL, &nothing, "fileDescriptor", PROFILE_STATUS_INVALID_PARAMETER);
    const struct profile_fcp type = {.file_descriptor = BYTES("\x42\x21\x00\x10")};
    bad(tr, &type, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp strange = {.file_descriptor = BYTES("\x43\x21")};
    bad(tr, &strange, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp three = {.file_descriptor = BYTES("\x42\x21\x10")};
    bad(lf, &three, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp zero = {.file_descriptor = BYTES("\x42\x21\x00\x00")};
    bad(lf, &zero, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp long_record = {.file_descriptor = BYTES("\x42\x21\x01\x00")};
    bad(lf, &long_record, "fileDescriptor", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp part = {.ef_file_size = BYTES("\x01\x00")};
    bad(lf, &part, "efFileSize", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp many = {.file_descriptor = BYTES("\x42\x21\x00\x01"),
                                     .ef_file_size = BYTES("\x01\x00")};
    bad(lf, &many, "efFileSize", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp large = {.ef_file_size = BYTES("\x01\x00\x00")};
    bad(tr, &large, "efFileSize", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp huge = {.ef_file_size = BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")};
    bad(tr, &huge, "efFileSize", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp arr = {.security_attributes_referenced = BYTES("\x2F\x06")};
    bad(tr, &arr, "securityAttributesReferenced", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp arr_0 = {.security_attributes_referenced = BYTES("\x00")};
    bad(tr, &arr_0, "securityAttributesReferenced", PROFILE_STATUS_BAD_VALUES);
    const struct profile_fcp no_arr = {.file_descriptor = BYTES("\x41\x21"),
                                       .file_id = BYTES("\x6F\x01")};
    bad(NULL, &no_arr, "securityAttributesReferenced", PROFILE_STATUS_INVALID_PARAMETER);
    static const char *const sfis[] = {"\x31", "\xF8", "\x01"};
    for (size_t i = 0; i < CR_COUNT(sfis); i++) {
        const struct profile_fcp sfi = {.short_efid = cr_span_of(sfis[i], 1)};
        bad(tr, &sfi, "shortEFID", PROFILE_STATUS_BAD_VALUES);
    }
    const struct profile_fcp both = {
        .has_proprietary = true,
        .proprietary = {.fill_pattern = BYTES("\x01"), .repeat_pattern = BYTES("\x01")}};
    bad(tr, &both, "fillPattern", PROFILE_STATUS_INVALID_PARAMETER);
    assert_null(profile_status_name(12));
}

/* ------------------------------------------------------------------ instances, content */

static struct profile_file_item item(int which)
{
    return (struct profile_file_item){.which = which};
}

static void test_instances(void **state)
{
    (void)state;
    struct profile_file_instance i;
    struct profile_file file = {0};
    struct profile_file_item items[6];
    assert_int_equal(profile_file_instances(&file), 1);
    assert_true(profile_file_instance(&file, 0, &i));
    assert_null(i.fcp);
    assert_int_equal(i.count, 0);
    assert_false(profile_file_instance(&file, 1, &i));

    file.items.items = items;
    file.items.count = 1;
    items[0] = item(PROFILE_ITEM_DO_NOT_CREATE);
    assert_int_equal(profile_file_instances(&file), 0);
    assert_false(profile_file_instance(&file, 0, &i));

    /* content without an Fcp, then two instances */
    items[0] = item(PROFILE_ITEM_CONTENT);
    items[1] = item(PROFILE_ITEM_FCP);
    items[2] = item(PROFILE_ITEM_FCP);
    items[3] = item(PROFILE_ITEM_OFFSET);
    items[4] = item(PROFILE_ITEM_CONTENT);
    file.items.count = 5;
    assert_int_equal(profile_file_instances(&file), 3);
    assert_true(profile_file_instance(&file, 0, &i));
    assert_null(i.fcp);
    assert_int_equal(i.count, 1);
    assert_true(profile_file_instance(&file, 1, &i));
    assert_ptr_equal(i.fcp, &items[1].fcp);
    assert_int_equal(i.count, 0);
    assert_true(profile_file_instance(&file, 2, &i));
    assert_ptr_equal(i.fcp, &items[2].fcp);
    assert_ptr_equal(i.items, &items[3]);
    assert_int_equal(i.count, 2);
    assert_int_equal(i.number, 2);
    assert_false(profile_file_instance(&file, 3, &i));
}

static void test_writer(void **state)
{
    (void)state;
    struct cr_err err = {0};
    uint8_t image[9] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xEE};
    struct profile_writer w = {.image = image, .size = 8};
    /* offsets are relative */
    const struct profile_file_item items[] = {
        {.which = PROFILE_ITEM_CONTENT, .fill_file_content = BYTES("\x01\x02")},
        {.which = PROFILE_ITEM_OFFSET, .fill_file_offset = 2},
        {.which = PROFILE_ITEM_CONTENT, .fill_file_content = BYTES("\x03")},
        {.which = PROFILE_ITEM_OFFSET, .fill_file_offset = 0},
        {.which = PROFILE_ITEM_CONTENT, .fill_file_content = BYTES("\x04")},
        {.which = PROFILE_ITEM_OFFSET, .fill_file_offset = 65535},
        {.which = PROFILE_ITEM_CONTENT, .fill_file_content = BYTES("")},
    };
    assert_ok(profile_writer_items(&w, items, CR_COUNT(items), &err));
    assert_hex(CR_SPAN_ARRAY(image), "0102FFFF0304FFFFEE");
    assert_int_equal(profile_items_extent(items, CR_COUNT(items)), 6);
    /* outside */
    w.at = 7;
    assert_int_equal(profile_writer_put(&w, BYTES("\x01\x02"), &err), CR_REFUSED);
    assert_int_equal(err.code, PROFILE_STATUS_BAD_VALUES);
    assert_ok(profile_writer_put(&w, BYTES("\x05"), &err));
    assert_int_equal(profile_writer_put(&w, BYTES("\x06"), &err), CR_REFUSED);
    assert_int_equal(profile_writer_skip(&w, -1, &err), CR_REFUSED);
    assert_int_equal(profile_writer_skip(&w, 65536, &err), CR_REFUSED);
    w.at = SIZE_MAX - 5;
    assert_ok(profile_writer_skip(&w, 65535, &err));
    assert_int_equal(profile_writer_put(&w, BYTES("\x06"), &err), CR_REFUSED);
    assert_int_equal(image[8], 0xEE);
}

/* ------------------------------------------------------------------ the tree */

static size_t at_path(const struct profile_tree *tree, const char *hex)
{
    cr_buf path = {0};
    sample_hex(hex, &path);
    size_t node = profile_tree_path(tree, cr_buf_span(&path));
    cr_buf_free(&path);
    return node;
}

static void content_is(const struct profile_tree *tree, const char *path, const char *hex)
{
    size_t node = at_path(tree, path);
    if (node == PROFILE_NO_NODE) {
        fail_msg("no file %s", path);
    }
    assert_hex(profile_tree_content(tree, &tree->nodes[node]), hex);
}

/* The facts of the generic test profile v7. */
static void test_ts48(void **state)
{
    (void)state;
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_tree tree;
    char name[100];
    sample_ts48(SAMPLE_BER_SUCI, &upp);
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    assert_ok(profile_tree_build(&package, &arena, NULL, &tree, &err));
    content_is(&tree, "2FE2", "98001032547698103214");
    content_is(&tree, "7FD06F07", "080910101032547698");
    content_is(&tree, "7FD06FAD", "80000002");
    content_is(&tree, "7FD06F78", "0001");
    content_is(&tree, "7FD06F38", "9EFFBF1DFF3E0083410310010400403E39");
    content_is(&tree, "7FB06F07", "01001000000000");
    content_is(&tree, "7FD06F46", "0147534D411154455354FFFFFFFFFFFFFF");
    content_is(&tree, "7FB06F02",
               "801D303031303130313233343536373839 40746573742E336770702E636F6DFF");
    content_is(&tree, "7FB06F03",
               "800D746573742E336770702E636F6D FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    size_t links = 0;
    size_t gfm = 0;
    for (size_t i = 0; i < tree.count; i++) {
        links += tree.nodes[i].file.is_link;
        gfm += tree.nodes[i].row == NULL;
        if (tree.nodes[i].file.is_link) {
            assert_non_null(profile_tree_target(&tree, &tree.nodes[i]));
        }
    }
    assert_int_equal(links, 29);
    assert_int_equal(gfm, 58);
    assert_true(tree.count >= 255);
    /* geometry of EF.ARR: MF 15 x 46, USIM 15 x 54, ISIM 4 x 35 */
    static const struct {
        const char *path;
        size_t records, length;
    } arrs[] = {{"2F06", 15, 46}, {"7FD06F06", 15, 54}, {"7FB06F06", 4, 35}};
    for (size_t i = 0; i < CR_COUNT(arrs); i++) {
        const struct profile_node *n = &tree.nodes[at_path(&tree, arrs[i].path)];
        assert_int_equal(n->file.records, arrs[i].records);
        assert_int_equal(n->file.record_length, arrs[i].length);
    }
    /* every record of the MF's begins where it should: offsets are relative; the last is empty */
    const struct profile_node *arr = &tree.nodes[at_path(&tree, "2F06")];
    for (size_t r = 0; r < 15; r++) {
        assert_int_equal(arr->content[r * 46], r < 14 ? 0x80 : 0xFF);
    }
    /* a link shows the content of its target */
    size_t link = at_path(&tree, "7F106F3C");
    assert_true(tree.nodes[link].file.is_link);
    assert_int_equal(profile_tree_content(&tree, &tree.nodes[link]).n, 1760);
    /* contexts of the PIN elements */
    static const struct {
        size_t element;
        const char *path;
    } contexts[] = {{3, ""}, {5, "7F10"}, {9, "7FD0"}, {16, "7FC0"}, {20, "7FB0"}};
    for (size_t i = 0; i < CR_COUNT(contexts); i++) {
        assert_int_equal(profile_tree_pin_context(&tree, &package, contexts[i].element),
                         at_path(&tree, contexts[i].path));
    }
    assert_int_equal(profile_tree_pin_context(&tree, &package, 1), PROFILE_NO_NODE);
    /* names, places, rules */
    size_t imsi = at_path(&tree, "3F007FD06F07");
    assert_string_equal(profile_tree_name(&tree, imsi, name, sizeof(name)), "mf/adf-usim/ef-imsi");
    assert_string_equal(profile_tree_name(&tree, imsi, name, 8), "mf/adf-");
    assert_int_equal(profile_tree_place(&tree, imsi), PROFILE_EF_USIM);
    assert_int_equal(profile_tree_place(&tree, at_path(&tree, "2FE2")), PROFILE_EF_MF);
    assert_int_equal(profile_tree_place(&tree, at_path(&tree, "7F106F3A")), PROFILE_EF_TELECOM);
    assert_int_equal(profile_tree_place(&tree, at_path(&tree, "7FD05FC04F07")), PROFILE_EF_5GS);
    assert_int_equal(profile_tree_place(&tree, tree.mf), PROFILE_EF_OTHER);
    assert_int_equal(profile_tree_arr(&tree, imsi), at_path(&tree, "7FD06F06"));
    cr_buf usim = {0};
    sample_hex("A0000000871002FF49FF0589", &usim);
    assert_int_equal(profile_tree_aid(&tree, cr_buf_span(&usim)), at_path(&tree, "7FD0"));
    assert_int_equal(profile_tree_aid(&tree, BYTES("\x01")), PROFILE_NO_NODE);
    assert_int_equal(at_path(&tree, "7FD06F"), PROFILE_NO_NODE);
    assert_int_equal(at_path(&tree, "7FD06FFF"), PROFILE_NO_NODE);
    cr_buf_free(&usim);
    cr_buf_free(&upp);
    cr_arena_free(&arena);
}

/* More files than a card has: refused, and in good time. */
static void test_too_many(void **state)
{
    (void)state;
    cr_buf upp = {0};
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_tree tree;
    cr_buf one = {0};
    sample_hex("B01C A003 810101 8106 67810F010201 A205 A103 C60101 A400 A500 A600", &upp);
    upp.p[1] = (uint8_t)(upp.n - 2);
    size_t element = der_open(&upp, 0xA1);
    sample_hex("A003 810102", &one);
    cr_buf_append_span(&upp, cr_buf_span(&one));
    size_t commands = der_open(&upp, 0xA1);
    for (unsigned c = 0; c < 3; c++) {
        size_t command = der_open(&upp, 0x30);
        for (unsigned i = 0; i < 2000; i++) {
            sample_hex("620F 82024121 83020000 8B0101 800101", &one);
            one.p[1] = (uint8_t)(one.n - 2);
            one.p[8] = (uint8_t)(0x60 + c);
            one.p[9] = (uint8_t)i;
            cr_buf_append_span(&upp, cr_buf_span(&one));
        }
        der_close(&upp, command);
    }
    der_close(&upp, commands);
    der_close(&upp, element);
    assert_ok(profile_package_read(cr_buf_span(&upp), &arena, &package, &err));
    assert_int_equal(profile_tree_build(&package, &arena, NULL, &tree, &err), CR_RESOURCE);
    cr_buf_free(&one);
    cr_buf_free(&upp);
    cr_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template_only), cmocka_unit_test(test_fcp),
        cmocka_unit_test(test_gfm),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_instances),     cmocka_unit_test(test_writer),
        cmocka_unit_test(test_ts48),          cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
