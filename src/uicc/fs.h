/*
 * The file system of one profile (ETSI TS 102 221 clause 8, profile package Fcp semantics).
 *
 * Everything is kept as records of the chip's memory under a key prefix that the caller chooses
 * ("p/3/"): deleting the prefix deletes the file system, its PINs and its authentication data.
 * Changes go into the transaction the caller has open; nothing is cached here, so a rollback
 * leaves no trace. The handle is a plain value: copy it, forget it.
 *
 * A file is a number (uicc_file), given out in the order of creation and never used again. Links
 * (profile package linkPath) are files of their own: uicc_fs_attr() shows the target's descriptor,
 * size and proprietary information under the link's FID, SFI and access rule, and content goes to
 * the target.
 *
 * An ADF is a child of the MF. Its FID is the temporary id of the package: uicc_fs_child() and
 * uicc_fs_resolve() find it (installers need that); SELECT by FID does not.
 *
 * Failures carry the status word of TS 102 222 in err->code (6A80 wrong attributes, 6A82 no such
 * parent, 6A84 no room, 6A89 FID exists, 6581 memory).
 */
#ifndef CRISP_UICC_FS_H
#define CRISP_UICC_FS_H

#include "base/buf.h"
#include "base/error.h"
#include "store/nvm.h"
#include "uicc/sw.h"

#define UICC_MAX_PREFIX      32    /* bytes of the key prefix */
#define UICC_MAX_FILES       4000  /* ever created in one file system */
#define UICC_MAX_DEPTH       8     /* DFs from the MF down, both counted */
#define UICC_MAX_FILE_SIZE   65535 /* bytes of TR, LF, CY content */
#define UICC_MAX_BERTLV_SIZE 262144
#define UICC_MAX_RECORD_SIZE 255
#define UICC_MAX_RECORDS     254
#define UICC_MAX_PATTERN     200
#define UICC_MAX_RULE        100 /* bytes of an access rule that a file has itself */
#define UICC_MAX_SFI         30
#define UICC_MIN_AID         5
#define UICC_MAX_AID         16
#define UICC_MAX_PIN_STATUS  16 /* key references of one PIN status template */

#define UICC_FID_MF      0x3F00
#define UICC_FID_CURRENT 0x7FFF /* the ADF of the channel */
#define UICC_FID_ARR_MF  0x2F06
#define UICC_FID_ARR     0x6F06

typedef uint16_t uicc_file; /* 0 = none */

enum uicc_kind {
    UICC_MF = 1,
    UICC_DF,
    UICC_ADF,
    UICC_TRANSPARENT,
    UICC_LINEAR,
    UICC_CYCLIC,
    UICC_BERTLV
};

enum uicc_pattern { UICC_PATTERN_NONE, UICC_PATTERN_FILL, UICC_PATTERN_REPEAT };

struct uicc_file_attr {
    enum uicc_kind kind;
    uint16_t fid; /* MF: 3F00; ADF: temporary id */
    bool not_shareable;
    uint8_t lcsi;       /* life cycle; 0 at creation = 05 activated */
    uint16_t arr_fid;   /* rule: EF.ARR; 0 at creation = implied by the place (2F06 for the MF, */
    uint8_t arr_record; /* ADFs and files below the MF, 6F06 elsewhere). Record 0 = never */
    uint8_t rule_tag;   /* 0 = as above; else the rule is the file's own: 8C compact, AB expanded */
    cr_span rule;
    cr_span aid;        /* ADF: 5..16 bytes */
    cr_span pin_status; /* MF, DF, ADF: key references of the PIN status template, in order */

    /* EFs */
    uint32_t size;        /* TR, LF, CY: all content bytes; BT: reserved bytes */
    uint16_t record_size; /* LF, CY: 1..255; size is a multiple of it */
    uint8_t sfi;          /* 1..30; 0 = none. The default of an absent one is up to the installer */
    uint8_t special;      /* special file information: UICC_SPECIAL_... */
    uint32_t max_size;    /* BT: most bytes of content; 0 = UICC_MAX_BERTLV_SIZE */
    uint8_t file_details; /* BT; 0 at creation = 01 (DER) */
    enum uicc_pattern pattern_kind;
    cr_span pattern; /* 1..200 bytes: initial content, by record for LF and CY */

    uicc_file link; /* EF or DF: content and children are those of this file; 0 = no link */
};

#define UICC_SPECIAL_HIGH_UPDATE 0x80
#define UICC_SPECIAL_DEACTIVATED 0x40 /* readable and updatable while deactivated */

#define UICC_RULE_COMPACT  0x8C
#define UICC_RULE_EXPANDED 0xAB

/* Life cycle status as TS 102 221 11.1.1.4.9 codes it. */
static inline bool uicc_lcsi_deactivated(uint8_t lcsi)
{
    return lcsi == 0x04 || lcsi == 0x06;
}
static inline bool uicc_lcsi_terminated(uint8_t lcsi)
{
    return (lcsi & 0xFC) == 0x0C;
}
static inline bool uicc_kind_is_df(enum uicc_kind kind)
{
    return kind == UICC_MF || kind == UICC_DF || kind == UICC_ADF;
}
static inline bool uicc_kind_has_records(enum uicc_kind kind)
{
    return kind == UICC_LINEAR || kind == UICC_CYCLIC;
}

struct uicc_fs {
    struct nvm *nvm; /* not owned */
    uint8_t prefix_size;
    char prefix[UICC_MAX_PREFIX];
};

/* Names a file system; touches nothing. No prefix may be the beginning of another one: end it with
 * a character that does not occur in it before. False when the prefix is empty or too long. */
bool uicc_fs_init(struct uicc_fs *fs, struct nvm *nvm, cr_span prefix) CR_MUST_CHECK;

/* The MF; 0 when there is no file system under the prefix yet. */
uicc_file uicc_fs_mf(const struct uicc_fs *fs);

/* Creates a file below parent (0 for the MF, which comes first; ADFs: the MF). All content is what
 * the pattern says, FF without one; nothing is stored for it until it is written. Refuses what TS
 * 102 222 refuses: FID, SFI (in its DF) or AID in use, sizes that do not fit, a link to a missing
 * file or of another sort. SFIs in use are refused (6A80, field shortEFID): an installer that
 * derived one from the FID may ask uicc_fs_child_sfi() first. For a link the EF fields except sfi,
 * and pin_status, are ignored, and kind has to be DF for DF links; for links to EFs any EF kind
 * will do. */
cr_status uicc_fs_create(const struct uicc_fs *fs, uicc_file parent,
                         const struct uicc_file_attr *attr, uicc_file *out,
                         struct cr_err *err) CR_MUST_CHECK;

/* Deletes a file, for a DF all that is below it, with PINs and authentication data of the DFs.
 * CR_REFUSED when a link from elsewhere points to it. */
cr_status uicc_fs_delete(const struct uicc_fs *fs, uicc_file file,
                         struct cr_err *err) CR_MUST_CHECK;

/* The attributes; links resolved. Spans are valid until the next change of the file. */
bool uicc_fs_attr(const struct uicc_fs *fs, uicc_file file, struct uicc_file_attr *attr);

uicc_file uicc_fs_parent(const struct uicc_fs *fs, uicc_file file); /* 0 for the MF */

/* Child of a DF by FID, by SFI; 0 = none. Through a DF link: children of the target. */
uicc_file uicc_fs_child(const struct uicc_fs *fs, uicc_file df, uint16_t fid);
uicc_file uicc_fs_child_sfi(const struct uicc_fs *fs, uicc_file df, uint8_t sfi);

/* Children in order of FID: *cursor is 0 before the first; 0 at the end. */
uicc_file uicc_fs_next_child(const struct uicc_fs *fs, uicc_file df, uint32_t *cursor);

/* A path of two-byte FIDs from the MF, without 3F00 (with it is allowed); empty = MF. */
uicc_file uicc_fs_resolve(const struct uicc_fs *fs, cr_span path);

/* ADFs in order of creation: first one after `after` (0 = from the start) whose AID begins with
 * aid (empty = any); 0 at the end. */
uicc_file uicc_fs_next_adf(const struct uicc_fs *fs, cr_span aid, uicc_file after);
/* The ADF with exactly this AID. */
uicc_file uicc_fs_adf(const struct uicc_fs *fs, cr_span aid);

/* The content of an EF: TR as is, records one after the other from record 1, BT the TLVs as
 * stored. Points into the memory when it has been written, else into *scratch, which the caller
 * frees; valid until the next change. An absent span when it is no EF or memory is short. */
cr_span uicc_fs_content(const struct uicc_fs *fs, uicc_file file, cr_buf *scratch);

/* Overwrites part of the content of a TR, LF or CY file; may run across records. CR_REFUSED
 * (6A80) beyond the end. For BT: data is a sequence of complete TLVs, each one set as
 * uicc_fs_bertlv_set() does, offset is 0. */
cr_status uicc_fs_write(const struct uicc_fs *fs, uicc_file file, size_t offset, cr_span data,
                        struct cr_err *err) CR_MUST_CHECK;

/* Replaces all content. LF, CY, TR: exactly size bytes. */
cr_status uicc_fs_replace(const struct uicc_fs *fs, uicc_file file, cr_span content,
                          struct cr_err *err) CR_MUST_CHECK;

/* One data object of a BT file by its tag; absent = none. all = tag, length and value. */
cr_span uicc_fs_bertlv_find(const struct uicc_fs *fs, uicc_file file, uint32_t tag);
/* Adds or replaces the object that tlv holds; CR_REFUSED 6A84 over max_size, 6A80 no TLV. */
cr_status uicc_fs_bertlv_set(const struct uicc_fs *fs, uicc_file file, cr_span tlv,
                             struct cr_err *err) CR_MUST_CHECK;
/* Removes it; CR_REFUSED 6A88 when there is none. */
cr_status uicc_fs_bertlv_delete(const struct uicc_fs *fs, uicc_file file, uint32_t tag,
                                struct cr_err *err) CR_MUST_CHECK;

/* Sets the life cycle status. */
cr_status uicc_fs_set_lcsi(const struct uicc_fs *fs, uicc_file file, uint8_t lcsi,
                           struct cr_err *err) CR_MUST_CHECK;

/* Changes the size of an EF (RESIZE FILE): content is kept from the front, new bytes take the
 * pattern. LF, CY: whole records. */
cr_status uicc_fs_resize(const struct uicc_fs *fs, uicc_file file, uint32_t size,
                         struct cr_err *err) CR_MUST_CHECK;

/* The same for a BER-TLV file: reserved and maximum size (0 = UICC_MAX_BERTLV_SIZE). More content
 * than the new maximum is CR_REFUSED (6A84), or goes altogether when empty is set. */
cr_status uicc_fs_bertlv_resize(const struct uicc_fs *fs, uicc_file file, uint32_t size,
                                uint32_t max_size, bool empty, struct cr_err *err) CR_MUST_CHECK;

/* --- the other data of a profile: pin.c and auth.c keep theirs beside the files ----------------
 */

#define UICC_KEY_SIZE (UICC_MAX_PREFIX + 16)
/* Builds the key prefix ‖ sort ‖ four hex digits of a ‖ two hex digits of b (b < 0: none). */
cr_span uicc_fs_key(const struct uicc_fs *fs, char buf[UICC_KEY_SIZE], char sort, uint16_t a,
                    int b);

/* A way down from the MF, as a channel walked it (through links, the links). */
struct uicc_path {
    uint8_t depth; /* DFs in it; 0 = no file system */
    uicc_file df[UICC_MAX_DEPTH];
};

/* The current DF; 0 when there is none. */
static inline uicc_file uicc_path_df(const struct uicc_path *path)
{
    return path->depth ? path->df[path->depth - 1] : 0;
}

/* The path to a DF by its parents. */
bool uicc_fs_path(const struct uicc_fs *fs, uicc_file df, struct uicc_path *path);

#endif
