#include "base/setting.h"

#include <stdio.h>
#include <string.h>

static void add(char *out, size_t size, const char *between, const char *text)
{
    const size_t n = strlen(out);
    (void)snprintf(out + n, size - n, "%s%s", between, text);
}

void cr_setting_problem(char *out, size_t size, const char *section, const char *name,
                        const struct cr_setting *known, const char *sections)
{
    if (!known) {
        (void)snprintf(out, size, "[%.40s] %.40s: there is no such section; there are %s", section,
                       name, sections);
        return;
    }
    for (const struct cr_setting *s = known; s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            (void)snprintf(out, size, "[%.60s] %s takes %s", section, name, s->takes);
            return;
        }
    }
    (void)snprintf(out, size, "[%.40s] %.40s is no setting; there are", section, name);
    for (const struct cr_setting *s = known; s->name; s++) {
        add(out, size, s == known ? " " : ", ", s->name);
    }
}
