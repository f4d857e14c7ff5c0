/*
 * Access rules: EF.ARR in expanded format (ETSI TS 102 221 clause 9.3, ISO 7816-4 5.4.3.2).
 */
#ifndef CRISP_UICC_ACCESS_H
#define CRISP_UICC_ACCESS_H

#include "uicc/pin.h"

/* Bits of the access mode byte. EFs: */
#define UICC_AM_READ   0x01
#define UICC_AM_UPDATE 0x02
#define UICC_AM_WRITE  0x04
/* EFs and DFs: */
#define UICC_AM_DEACTIVATE 0x08
#define UICC_AM_ACTIVATE   0x10
#define UICC_AM_TERMINATE  0x20
#define UICC_AM_DELETE     0x40
/* DFs: */
#define UICC_AM_DELETE_CHILD 0x01
#define UICC_AM_CREATE_EF    0x02
#define UICC_AM_CREATE_DF    0x04

/* What somebody wants to do: one bit of the access mode byte, or (mode 0) an instruction that a
 * rule names by its code: 32 INCREASE, D4 RESIZE FILE. The rest of the header is there for rules
 * that name more of it. */
struct uicc_access {
    uint8_t mode;
    uint8_t ins;
    uint8_t cla, p1, p2;
};

/* Whether the key of a rule is verified. */
typedef bool (*uicc_access_key)(const void *ctx, uint8_t reference);

/* Evaluates one rule (the record of EF.ARR, FF padding allowed). No matching rule, anything not
 * understood or malformed = no. */
bool uicc_access_rule(cr_span rule, struct uicc_access access, uicc_access_key key,
                      const void *ctx);

/* Rights that do not come from PINs: what a remote server may do (TS 102 226 access domains). */
struct uicc_rights {
    const void *ctx;
    /* What it has for an instruction on files below this ADF (its AID; absent: outside of ADFs),
     * wherever its selection is. NULL = nothing, not even what a rule allows to everybody. */
    const void *(*grant)(const void *ctx, cr_span adf, uint8_t ins);
    uicc_access_key key; /* which references it is taken to have verified; ctx = the grant */
};

/* As uicc_access_allowed(), by what the caller says of each key. */
bool uicc_access_allowed_by(const struct uicc_fs *fs, uicc_access_key key, const void *ctx,
                            const struct uicc_path *path, const struct uicc_file_attr *attr,
                            struct uicc_access access);

/* Evaluates a rule in compact format (FCP tag 8C): the access mode byte, then a condition for each
 * of its bits. 00 is always; FF is never, and so is a condition that names a security environment:
 * this card has none. Instructions beyond the modes are not covered. */
bool uicc_access_compact(cr_span rule, struct uicc_access access);

/* The rule of a file in expanded format: its own, or the record of the EF.ARR that is looked for
 * from path upwards (see uicc_access_allowed()); absent when there is none, and when its own is a
 * compact one. *scratch is the caller's to free, and holds the bytes. */
cr_span uicc_access_find(const struct uicc_fs *fs, const struct uicc_path *path,
                         const struct uicc_file_attr *attr, cr_buf *scratch);

/* Evaluates the rule of the file: its own, or its record of the EF.ARR that is found from path
 * upwards. path leads to the DF the file is in (for a DF: to the DF itself). */
bool uicc_access_allowed(const struct uicc_fs *fs, const struct uicc_pin_session *session,
                         const struct uicc_path *path, const struct uicc_file_attr *attr,
                         struct uicc_access access);

#endif
