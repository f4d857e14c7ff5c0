/*
 * The files of a package against those of the chip: attributes, links, contents, and nothing else.
 */
#ifndef CRISP_TESTS_EUICC_COMPARE_H
#define CRISP_TESTS_EUICC_COMPARE_H

#include "bed.h"

/* Fails the test at the first difference between the tree that profile_tree_build() makes of the
 * package and the file system of the first profile of the chip. Gives the number of files. */
size_t compare_with_package(struct bed *bed, cr_span upp);

#endif
