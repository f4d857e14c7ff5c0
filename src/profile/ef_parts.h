/*
 * What the files of the EF codec share. Private to src/profile.
 */
#ifndef CRISP_PROFILE_EF_PARTS_H
#define CRISP_PROFILE_EF_PARTS_H

#include "profile/ef.h"

#define PROFILE_EF_FILL 0x0F /* nibble behind the last digit */

/* Nibbles to digits up to the filler (swapped: low nibble first); false, and out empty, when there
 * is anything but digits and trailing fillers, or size is too small. */
bool profile_ef_digits(cr_span in, bool swapped, char *out, size_t size);

/* Appends "+491234" of a dialling number: type of number, then swapped digits. */
void profile_ef_number(cr_span coded, cr_buf *out);

#endif
