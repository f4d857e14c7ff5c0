/*
 * The interpreter of profile packages: whatever comes, it ends with an answer that decodes, and the
 * caller's rollback leaves nothing. A package that goes through without a warning has made the
 * files that the tree of the package has.
 */
#include "fuzz.h"

#include "asn1/der.h"
#include "euicc/installer.h"
#include "profile/tree.h"
#include "uicc/fs.h"

#define PREFIX "p/0010/"

/* ICCID of the header, as the metadata of its download would have it. */
static void iccid_of(cr_span package, uint8_t out[10])
{
    cr_arena arena = {0};
    struct profile_element element;
    memset(out, 0, 10);
    if (profile_element_next(&package, &arena, &element, NULL) == CR_OK &&
        element.kind == PROFILE_HEADER && element.profile_header.iccid.n == 10) {
        for (size_t i = 0; i < 10; i++) {
            uint8_t v = element.profile_header.iccid.p[i];
            out[i] = (uint8_t)(v << 4 | v >> 4);
        }
    }
    cr_arena_free(&arena);
}

static size_t count_files(const struct uicc_fs *fs, uicc_file df)
{
    uint32_t cursor = 0;
    uicc_file child;
    struct uicc_file_attr attr;
    size_t count = 1;
    while ((child = uicc_fs_next_child(fs, df, &cursor)) != 0) {
        FUZZ_CHECK(uicc_fs_attr(fs, child, &attr));
        count += uicc_kind_is_df(attr.kind) && !attr.link ? count_files(fs, child) : 1;
    }
    return count;
}

static void check_answer(cr_span response, bool *warned)
{
    cr_arena arena = {0};
    rsp_euicc_response_list list;
    FUZZ_CHECK(rsp_sima_response_decode(response, &arena, &list, NULL) == CR_OK);
    FUZZ_CHECK(list.count > 0);
    *warned = list.count > 1;
    cr_arena_free(&arena);
}

/* One file: its rule, SFI and content. EF.UST loses the bits of services that the chip lacks. */
static void check_file(const struct uicc_fs *fs, uicc_file file, const struct profile_tree *tree,
                       const struct profile_node *node)
{
    struct uicc_file_attr attr;
    cr_buf scratch = {0};
    FUZZ_CHECK(file && uicc_fs_attr(fs, file, &attr));
    FUZZ_CHECK(attr.arr_record == node->file.arr_record && attr.lcsi == node->file.lcsi);
    FUZZ_CHECK((attr.link != 0) == node->file.is_link);
    if (!uicc_kind_is_df(attr.kind)) {
        cr_span content = uicc_fs_content(fs, file, &scratch);
        FUZZ_CHECK(attr.sfi == (node->file.has_sfi ? node->file.sfi : 0));
        bool bertlv = attr.kind == UICC_BERTLV; /* an object that is there twice is there once */
        FUZZ_CHECK(bertlv || node->file.fid == 0x6F38 ||
                   cr_span_equal(content, profile_tree_content(tree, node)));
    }
    cr_buf_free(&scratch);
}

static void check_files(cr_span package, const struct uicc_fs *fs)
{
    cr_arena arena = {0};
    struct profile_package read;
    struct profile_tree tree;
    FUZZ_CHECK(profile_package_read(package, &arena, &read, NULL) == CR_OK);
    FUZZ_CHECK(profile_tree_build(&read, &arena, NULL, &tree, NULL) == CR_OK);
    FUZZ_CHECK(tree.count == count_files(fs, uicc_fs_mf(fs)));
    uicc_file *files = cr_arena_alloc_array(&arena, tree.count, sizeof(uicc_file));
    FUZZ_CHECK(files);
    for (size_t i = 0; i < tree.count; i++) {
        const struct profile_node *node = &tree.nodes[i];
        files[i] = node->parent == PROFILE_NO_NODE
                       ? uicc_fs_mf(fs)
                       : uicc_fs_child(fs, files[node->parent], node->file.fid);
        check_file(fs, files[i], &tree, node);
    }
    cr_arena_free(&arena);
}

static enum euicc_install_step run(struct euicc_installer *installer, cr_span in)
{
    cr_arena arena = {0};
    enum euicc_install_step step = EUICC_INSTALL_MORE;
    while (step == EUICC_INSTALL_MORE) {
        struct der_tlv tlv;
        if (der_next(&in, DER_BER_LENGTHS, &tlv, NULL) == CR_OK) {
            step = euicc_installer_element(installer, tlv.all, &arena);
        } else {
            step = euicc_installer_abort(installer, RSP_PE_INVALID_REQUEST_FORMAT);
        }
        cr_arena_reset(&arena);
    }
    cr_arena_free(&arena);
    return step == EUICC_INSTALL_DONE && in.n ? EUICC_INSTALL_ABORTED : step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t iccid[10];
    struct nvm *nvm = NULL;
    struct euicc_installer *installer = NULL;
    struct uicc_fs fs;
    bool warned = false;
    cr_span package = cr_span_of(data, size);
    iccid_of(package, iccid);
    struct euicc_installer_options options = {.prefix = cr_span_str(PREFIX),
                                              .iccid = CR_SPAN_ARRAY(iccid)};
    FUZZ_CHECK(nvm_open(NULL, true, &nvm, NULL) == CR_OK);
    nvm_set_capacity(nvm, 256 * 1024);
    FUZZ_CHECK(uicc_fs_init(&fs, nvm, cr_span_str(PREFIX)));
    nvm_begin(nvm);
    options.nvm = nvm;
    FUZZ_CHECK(euicc_installer_new(&options, &installer, NULL) == CR_OK);
    enum euicc_install_step step = run(installer, package);
    check_answer(euicc_installer_response(installer), &warned);
    if (step == EUICC_INSTALL_DONE && !warned) {
        check_files(package, &fs);
    }
    euicc_installer_free(installer);
    nvm_rollback(nvm);
    FUZZ_CHECK(uicc_fs_mf(&fs) == 0 && nvm_used(nvm) == 0);
    nvm_close(nvm);
    return 0;
}
