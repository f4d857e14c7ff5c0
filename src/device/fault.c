#include "device/fault.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define ROW(id, name, value, what, fallback) [DEVICE_##id] = {name, value, what, fallback},
const struct device_fault_row device_fault_rows[DEVICE_FAULT_ACTIONS] = {DEVICE_FAULTS(ROW)};

static bool number(const char *text, uint32_t max, uint32_t *out)
{
    if (!cr_is_digits(cr_span_str(text)) || strlen(text) > 9) {
        return false;
    }
    unsigned long v = strtoul(text, NULL, 10);
    *out = (uint32_t)v;
    return v <= max;
}

static bool set_word(struct device_fault *f, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint32_t *where, min, max;
    } numbers[] = {{"at", &f->at, 1, 999999999},
                   {"every", &f->every, 1, 999999999},
                   {"odds", &f->odds, 1, 100},
                   {"times", &f->times, 1, 999999999},
                   {"chip", &f->chip, 0, 999999999}};
    for (size_t i = 0; i < CR_COUNT(numbers); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            f->has_chip = f->has_chip || numbers[i].where == &f->chip;
            return number(value, numbers[i].max, numbers[i].where) &&
                   *numbers[i].where >= numbers[i].min;
        }
    }
    return strcmp(name, "imsi") == 0 && cr_is_digits(cr_span_str(value)) &&
           cr_str_copy(f->imsi, sizeof f->imsi, cr_span_str(value));
}

static bool set_action(struct device_fault *f, const char *name, const char *value)
{
    for (unsigned i = 0; i < DEVICE_FAULT_ACTIONS; i++) {
        const struct device_fault_row *row = &device_fault_rows[i];
        if (strcmp(name, row->name) == 0) {
            f->action = (enum device_fault_action)i;
            f->value = row->fallback;
            return !value || (row->value[0] && number(value, 999999999, &f->value));
        }
    }
    return false;
}

cr_status device_fault_parse(const char *text, struct device_fault *out, struct cr_err *err)
{
    struct device_fault f = {0};
    char copy[200];
    char *save = NULL;
    bool good = cr_str_copy(copy, sizeof copy, cr_span_str(text)), first = true;
    const char *bad = "";
    for (char *word = strtok_r(copy, " \t", &save); good && word;
         word = strtok_r(NULL, " \t", &save)) {
        bad = word;
        char *value = strchr(word, '=');
        if (value) {
            *value++ = '\0';
        }
        good = first ? set_action(&f, word, value) : value && set_word(&f, word, value);
        first = false;
    }
    if (!good || first) {
        return cr_fail(err, CR_REFUSED, NULL, "fault '%.80s': '%.40s' is not understood", text,
                       bad);
    }
    if ((f.at != 0) + (f.every != 0) + (f.odds != 0) > 1) {
        return cr_fail(err, CR_REFUSED, NULL, "fault '%.80s': one of at, every and odds", text);
    }
    *out = f;
    return CR_OK;
}

uint64_t device_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void device_faults_begin(struct device_faults *f, const struct device_fault *script, size_t count,
                         uint32_t chip, uint64_t seed)
{
    *f = (struct device_faults){.script = script,
                                .count = count < DEVICE_MAX_FAULTS ? count : DEVICE_MAX_FAULTS,
                                .chip = chip,
                                .random = seed * 0x2545F4914F6CDD1Du + chip};
    (void)device_random(&f->random);
}

static bool due(struct device_faults *f, const struct device_fault *fault, uint32_t seen)
{
    if (fault->at) {
        return seen == fault->at;
    }
    if (fault->every) {
        return seen % fault->every == 0;
    }
    return !fault->odds || device_random(&f->random) % 100 < fault->odds;
}

bool device_fault_strikes(struct device_faults *f, enum device_fault_action action,
                          const char *imsi, uint32_t *value)
{
    bool strikes = false;
    for (size_t i = 0; i < f->count; i++) {
        const struct device_fault *fault = &f->script[i];
        if (fault->action != action || (fault->has_chip && fault->chip != f->chip) ||
            strncmp(imsi, fault->imsi, strlen(fault->imsi)) != 0) {
            continue;
        }
        uint32_t seen = ++f->state[i].seen;
        if (!strikes && (!fault->times || f->state[i].done < fault->times) && due(f, fault, seen)) {
            f->state[i].done++;
            *value = fault->value;
            strikes = true;
        }
    }
    return strikes;
}
