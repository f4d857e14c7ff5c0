/*
 * The personaliser: one template package, a table of subscriptions, one package for each row.
 *
 * The first row of the table names its columns; profile_personalise_column() lists the known ones.
 * Only elements that a column touches are encoded anew, all others keep their bytes. A column for
 * which the template has no place (msisdn without EF.MSISDN) is refused with the header, before the
 * first package.
 *
 * An empty value keeps what the template has, but iccid, imsi, k and opc (op, topc, top) have to be
 * there in every row when their column is. With an imsi column and no acc column EF.ACC follows the
 * last digit of the IMSI; without impi and impu columns the template's IMSI inside them is replaced
 * by the new one.
 *
 * Errors say row, column number, name of the column and why: "row 17, column 3 (imsi): ...".
 */
#ifndef CRISP_PROFILE_PERSONALISE_H
#define CRISP_PROFILE_PERSONALISE_H

#include "profile/csv.h"
#include "profile/ef.h"
#include "profile/package.h"

/* The columns, with one line of help each; NULL behind the last. kic, kid, kik, psk also with two
 * hex digits of the key version behind them ("kic01"). */
struct profile_personalise_column {
    const char *name;
    const char *help;
};
const struct profile_personalise_column *profile_personalise_column(size_t index);

struct profile_personaliser;

/* Reads the template; its bytes are copied. */
cr_status profile_personaliser_new(cr_span package, struct profile_personaliser **out,
                                   struct cr_err *err) CR_MUST_CHECK;
void profile_personaliser_free(struct profile_personaliser *p);

/* The header row: which columns there are. */
cr_status profile_personaliser_header(struct profile_personaliser *p,
                                      const struct profile_csv_row *row,
                                      struct cr_err *err) CR_MUST_CHECK;

/* What a row became. */
struct profile_personalised {
    char iccid[PROFILE_ICCID_TEXT]; /* of the header, for file names and inventories */
};

/* Appends the package of a row. */
cr_status profile_personaliser_row(struct profile_personaliser *p,
                                   const struct profile_csv_row *row, cr_buf *package,
                                   struct profile_personalised *info,
                                   struct cr_err *err) CR_MUST_CHECK;

#endif
