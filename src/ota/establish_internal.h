/*
 * What the files of key establishment share. Internal to the folder.
 */
#ifndef CRISP_OTA_ESTABLISH_INTERNAL_H
#define CRISP_OTA_ESTABLISH_INTERNAL_H

#include "ota/establish.h"

#define ESTABLISH_CLAUSE "SGP.02 4.1.1.8, 4.1.3.1"

#define TAG_TEMPLATE   0xA6
#define TAG_PUBLIC_KEY 0x7F49
#define TAG_SIGNATURE  0x5F37
#define TAG_RANDOM     0x85
#define TAG_RECEIPT    0x86

/* "A6", "7F49" and the status word; tag 0 = no field. */
cr_status establish_fail(struct cr_err *err, cr_status category, long sw, uint32_t tag,
                         const char *what);

#endif
