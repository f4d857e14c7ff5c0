/*
 * The files that a package makes, as a tree in memory: what a card holds after the installation.
 *
 * Built element by element as the interpreter of a chip does it, but going on behind mistakes: each
 * one is reported, and the file in question left out or kept as far as it makes sense. For checker,
 * printer and personaliser; a chip has its own installer over profile/files.h.
 */
#ifndef CRISP_PROFILE_TREE_H
#define CRISP_PROFILE_TREE_H

#include "profile/ef.h"
#include "profile/files.h"
#include "profile/package.h"
#include "profile/rules.h"

#define PROFILE_NO_NODE   SIZE_MAX
#define PROFILE_MAX_FILES 4096 /* files of one package */

struct profile_node {
    char name[32];  /* "ef-imsi"; the file id where no template names it */
    size_t element; /* index of the element that made it */
    const struct profile_template_member *row; /* NULL: generic file management */
    const struct profile_fcp *fcp;             /* NULL: template values only */
    unsigned instance;
    struct profile_file_attributes file;
    enum profile_element_kind naa; /* PROFILE_USIM, PROFILE_ISIM, PROFILE_CSIM of an ADF made by
                                      such an element; else PROFILE_UNKNOWN */
    size_t parent;                 /* PROFILE_NO_NODE for the MF */
    size_t link;                   /* target of a link; PROFILE_NO_NODE */
    bool filled;                   /* the package gave content, or a pattern */
    uint8_t *content;              /* EF that is no link: its bytes after the installation */
    size_t content_size;           /* BER-TLV: bytes in use */
};

struct profile_tree {
    struct profile_node *nodes; /* in the order of creation: parents before children */
    size_t count;
    size_t room;
    size_t mf; /* PROFILE_NO_NODE when there is none */
};

/* Builds the tree in the arena. Broken rules go to the reporter (NULL = to nobody). Fails only for
 * want of memory. */
cr_status profile_tree_build(const struct profile_package *package, cr_arena *arena,
                             const struct profile_reporter *reporter, struct profile_tree *out,
                             struct cr_err *err) CR_MUST_CHECK;

/* Child of a DF by file id, or PROFILE_NO_NODE. */
size_t profile_tree_child(const struct profile_tree *tree, size_t df, uint16_t fid);

/* Node at a path of file ids from the MF (a leading 3F00 is skipped); the empty path is the MF. */
size_t profile_tree_path(const struct profile_tree *tree, cr_span path);

/* ADF with this AID, or PROFILE_NO_NODE. */
size_t profile_tree_aid(const struct profile_tree *tree, cr_span aid);

/* Follows links to the file that has the content. */
const struct profile_node *profile_tree_target(const struct profile_tree *tree,
                                               const struct profile_node *node);

/* Content of an EF, links followed; absent for a DF and a broken link. */
cr_span profile_tree_content(const struct profile_tree *tree, const struct profile_node *node);

/* EF.ARR that the access rule of a file is in: the nearest one on the way up to the MF; or
 * PROFILE_NO_NODE. */
size_t profile_tree_arr(const struct profile_tree *tree, size_t node);

/* The record of EF.ARR with the rule of a file; absent when there is none. */
cr_span profile_tree_rule(const struct profile_tree *tree, size_t node);

/* Place of an EF for profile_ef_text(). */
enum profile_ef_place profile_tree_place(const struct profile_tree *tree, size_t node);

/* Path of a node for people, "MF/ADF.USIM/ef-imsi", cut to size. */
const char *profile_tree_name(const struct profile_tree *tree, size_t node, char *out, size_t size);

/* PIN context of the elements behind element `index`: the first DF or ADF made by the nearest
 * preceding element that makes one (behind PE-IoT: ADF.USIM); PROFILE_NO_NODE when there is none.
 */
size_t profile_tree_pin_context(const struct profile_tree *tree,
                                const struct profile_package *package, size_t index);

#endif
