/*
 * Keys of the registry's records in the chip's memory. Not for other folders.
 *
 * Behind the prefix and "g/" a letter and four hex digits of an object's id:
 *   n    next id (no object: 0000)
 *   o    the object
 *   k    a key of a domain; then two hex digits of its version, two of its identifier
 *   c    counters of a key version; then two hex digits of it
 *   d    a data object; then six hex digits of its tag
 *   l    a load file data block
 *   m    the modules of a load file
 *   s    what a chain of scripts keeps over a reset (no object: 0000)
 */
#ifndef CRISP_GP_REGISTRY_KEYS_H
#define CRISP_GP_REGISTRY_KEYS_H

#include "gp/registry.h"

#define GP_RECORD_KEY (UICC_MAX_PREFIX + 16)

cr_span gp_record_key(const struct gp_registry *reg, char out[GP_RECORD_KEY], char sort,
                      uint16_t id, uint32_t more, unsigned digits);

cr_status gp_refuse(struct cr_err *err, uicc_sw sw, const char *cause);

#endif
