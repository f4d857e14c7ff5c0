/*
 * A package as text for people: what it is, its elements, its files as a tree, its PINs, keys and
 * applications.
 */
#ifndef CRISP_PROFILE_SHOW_H
#define CRISP_PROFILE_SHOW_H

#include "profile/package.h"

enum profile_show_flag {
    PROFILE_SHOW_CONTENT = 1 << 0, /* contents of files in hex, whole */
    PROFILE_SHOW_SECRETS = 1 << 1  /* keys, PINs and PUKs in clear; otherwise their lengths */
};

/* Appends the text. flags: enum profile_show_flag. */
cr_status profile_show(const struct profile_package *package, unsigned flags, cr_buf *out,
                       struct cr_err *err) CR_MUST_CHECK;

#endif
