#include "compare.h"

#include "euicc/euicc.h"
#include "profile/tree.h"

static enum uicc_kind kind_of(enum profile_file_type type)
{
    static const enum uicc_kind kinds[] = {
        [PROFILE_TYPE_MF] = UICC_MF,     [PROFILE_TYPE_DF] = UICC_DF,
        [PROFILE_TYPE_ADF] = UICC_ADF,   [PROFILE_TYPE_TR] = UICC_TRANSPARENT,
        [PROFILE_TYPE_LF] = UICC_LINEAR, [PROFILE_TYPE_CY] = UICC_CYCLIC,
        [PROFILE_TYPE_BT] = UICC_BERTLV,
    };
    return kinds[type];
}

struct comparison {
    const struct profile_tree *tree;
    struct uicc_fs fs;
    uicc_file *files; /* of the nodes */
    char name[160];   /* of the node under way */
};

#define SAME(what, got, wanted)                                                                    \
    do {                                                                                           \
        if ((uint64_t)(got) != (uint64_t)(wanted)) {                                               \
            fail_msg("%s: %s is %llx, the package says %llx", c->name, what,                       \
                     (unsigned long long)(got), (unsigned long long)(wanted));                     \
        }                                                                                          \
    } while (0)

static void compare_content(const struct comparison *c, const struct profile_node *node,
                            uicc_file file)
{
    cr_buf scratch = {0};
    cr_span got = uicc_fs_content(&c->fs, file, &scratch);
    cr_span wanted = profile_tree_content(c->tree, node);
    if (!cr_span_equal(got, wanted)) {
        cr_arena arena = {0};
        fail_msg("%s: content is %s, the package says %s", c->name, cr_hex(&arena, got),
                 cr_hex(&arena, wanted));
    }
    cr_buf_free(&scratch);
}

static void compare_node(struct comparison *c, size_t index)
{
    const struct profile_node *node = &c->tree->nodes[index];
    const struct profile_node *target = profile_tree_target(c->tree, node);
    const struct profile_file_attributes *wanted = &node->file;
    struct uicc_file_attr got;
    (void)profile_tree_name(c->tree, index, c->name, sizeof(c->name));
    uicc_file parent = node->parent == PROFILE_NO_NODE ? 0 : c->files[node->parent];
    uicc_file file = parent ? uicc_fs_child(&c->fs, parent, wanted->fid) : uicc_fs_mf(&c->fs);
    if (!file || !uicc_fs_attr(&c->fs, file, &got)) {
        fail_msg("%s is not on the chip", c->name);
    }
    c->files[index] = file;
    SAME("kind", got.kind, kind_of(target->file.type));
    SAME("fid", got.fid, wanted->fid);
    SAME("lcsi", got.lcsi, wanted->lcsi);
    SAME("shareable", !got.not_shareable, target->file.shareable);
    SAME("record of EF.ARR", got.arr_record, wanted->arr_record);
    if (wanted->arr_fid) {
        SAME("EF.ARR", got.arr_fid, wanted->arr_fid);
    } else {
        SAME("EF.ARR", got.arr_fid,
             profile_arr_fid(wanted, node->parent == c->tree->mf || parent == 0));
    }
    SAME("link", got.link ? got.link : 0, node->link == PROFILE_NO_NODE ? 0 : c->files[node->link]);
    if (profile_type_is_df(target->file.type)) {
        assert_true(cr_span_equal(got.pin_status, target->file.pin_status));
        assert_true(cr_span_equal(got.aid, wanted->aid));
        return;
    }
    SAME("sfi", got.sfi, wanted->has_sfi ? wanted->sfi : 0);
    SAME("special information", got.special, target->file.special);
    if (target->file.type != PROFILE_TYPE_BT) {
        SAME("size", got.size, target->file.size);
        SAME("record length", got.record_size, target->file.record_length);
    } else {
        SAME("file details", got.file_details, target->file.file_details);
    }
    compare_content(c, node, file);
}

static void count_files(const struct uicc_fs *fs, uicc_file df, size_t *count)
{
    uint32_t cursor = 0;
    uicc_file child;
    while ((child = uicc_fs_next_child(fs, df, &cursor)) != 0) {
        struct uicc_file_attr attr;
        assert_true(uicc_fs_attr(fs, child, &attr));
        (*count)++;
        if (uicc_kind_is_df(attr.kind) && !attr.link) {
            count_files(fs, child, count);
        }
    }
}

size_t compare_with_package(struct bed *bed, cr_span upp)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_tree tree;
    MUST_OK(profile_package_read(upp, &arena, &package, &err));
    MUST_OK(profile_tree_build(&package, &arena, NULL, &tree, &err));
    struct comparison c = {.tree = &tree};
    char prefix[EUICC_PREFIX];
    MUST(
        uicc_fs_init(&c.fs, euicc_nvm(bed->euicc), euicc_profile_prefix(EUICC_FIRST_ISDP, prefix)));
    c.files = cr_arena_alloc_array(&arena, tree.count, sizeof(uicc_file));
    MUST(c.files);
    for (size_t i = 0; i < tree.count; i++) {
        compare_node(&c, i);
    }
    size_t count = 1;
    count_files(&c.fs, uicc_fs_mf(&c.fs), &count);
    assert_int_equal(count, tree.count); /* and nothing else */
    cr_arena_free(&arena);
    return count;
}
