/*
 * What is said about a line of a configuration file that is wrong.
 */
#ifndef CRISP_BASE_SETTING_H
#define CRISP_BASE_SETTING_H

#include <stddef.h>

struct cr_setting {
    const char *name;
    const char *takes; /* "a number from 1 to 20" */
};

/* Says in out, as far as it has room, which of the two is wrong: the name, which is none of the
 * known ones (they are listed), or the value. Values may be secrets and are not shown. known ends
 * with a row without name; NULL: there is no such section, but those that `sections` lists. */
void cr_setting_problem(char *out, size_t size, const char *section, const char *name,
                        const struct cr_setting *known, const char *sections);

#endif
