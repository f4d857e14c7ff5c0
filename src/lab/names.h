/*
 * Files of a card by name: what the templates of the profile package call them, and paths as people
 * write them ("MF/ADF.USIM/EF.IMSI", "3F00/7F10/6F3A", "A0000000871002/6F07").
 *
 * A place is where a file stands, told without a card: an application (or the MF) and file ids from
 * there. Names come from the template tables (profile/template.h) and from the table of known files
 * (profile/ef.h); a file that neither knows is called by its id.
 */
#ifndef CRISP_LAB_NAMES_H
#define CRISP_LAB_NAMES_H

#include "base/buf.h"
#include "base/error.h"
#include "profile/ef.h"

#define LAB_MAX_PATH  7  /* file ids below the MF or an ADF */
#define LAB_MAX_AID   16 /* bytes */
#define LAB_NAME      40 /* bytes of a name with its NUL */
#define LAB_PATH_TEXT 320

enum lab_base {
    LAB_BASE_MF,
    LAB_BASE_USIM,
    LAB_BASE_ISIM,
    LAB_BASE_CSIM,
    LAB_BASE_OTHER /* an application without files that we know */
};

struct lab_place {
    enum lab_base base;
    uint8_t aid_size; /* 0 below the MF */
    uint8_t depth;    /* 0 = the MF or the ADF itself */
    uint8_t aid[LAB_MAX_AID];
    uint16_t fid[LAB_MAX_PATH];
};

/* The MF. */
struct lab_place lab_place_mf(void);
/* An application by its AID, or the beginning of it; cut to LAB_MAX_AID bytes. */
struct lab_place lab_place_aid(cr_span aid);
/* One step down; false when that is too deep. */
bool lab_place_down(struct lab_place *place, uint16_t fid);
/* One step up; false at the top. Above an ADF is the MF. */
bool lab_place_up(struct lab_place *place);
bool lab_place_equal(const struct lab_place *a, const struct lab_place *b);
/* True when some table knows a file there. */
bool lab_place_known(const struct lab_place *place);

/* "MF", "ADF.USIM", "ISD-R", "DF.TELECOM", "EF.IMSI", "6F99"; an unknown application is its AID.
 * out has LAB_NAME bytes. */
const char *lab_file_name(const struct lab_place *place, char out[LAB_NAME]);
/* "MF/ADF.USIM/EF.IMSI". out has LAB_PATH_TEXT bytes. */
const char *lab_place_text(const struct lab_place *place, char out[LAB_PATH_TEXT]);
/* Where it is for profile_ef_text(). */
enum profile_ef_place lab_ef_place(const struct lab_place *place);

/* A path as people write it. current (NULL = none): what a lone name and 7FFF are seen from.
 * Names are taken in any case, with or without EF. and DF., '-' and '_' do not count. CR_MALFORMED
 * when it is none; CR_REFUSED when nobody knows the name, or several files have it. */
cr_status lab_place_parse(cr_span text, const struct lab_place *current, struct lab_place *out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Names of the files right below a place, for completion: the next after *cursor (0 = from the
 * start); false at the end. */
bool lab_place_next_name(const struct lab_place *df, size_t *cursor, char out[LAB_NAME]);

/* Applications that have a name of their own ("ISD-R"), for completion: row n, NULL at the end. */
const char *lab_application_name(size_t n);

#endif
