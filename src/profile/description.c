#include "profile/description.h"

#include "base/text.h"

#include <stdio.h>

#define PATH_TEXT 96

static const char *path_of(const struct profile_description *d, const char *name,
                           char out[PATH_TEXT])
{
    bool both = *d->path && name;
    snprintf(out, PATH_TEXT, "%s%s%s", d->path, both ? "." : "", name ? name : "");
    if (!*out) {
        snprintf(out, PATH_TEXT, "description");
    }
    return out;
}

cr_status profile_description_fail(const struct profile_description *d, const char *name,
                                   const char *fmt, ...)
{
    char path[PATH_TEXT];
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    path_of(d, name, path);
    return cr_err_field(d->err, cr_fail(d->err, CR_MALFORMED, NULL, "%s: %s", path, text), path);
}

cr_status profile_description_at(const struct profile_description *d, const char *name,
                                 cr_status status)
{
    char path[PATH_TEXT];
    if (status == CR_OK || status == CR_RESOURCE) {
        return status;
    }
    path_of(d, name, path);
    return cr_err_field(d->err, cr_err_context(d->err, status, "%s", path), path);
}

#define KNOWN_TEXT 200 /* bytes of names that an advice has room for */

static cr_status unknown_member(const struct profile_description *d, const char *name,
                                const char *const *names)
{
    cr_buf known = {0};
    const char *nearest = NULL;
    unsigned least = CR_TEXT_MEANT;
    for (size_t i = 0; names[i]; i++) {
        nearest = cr_text_nearer(names[i], name, &least) ? names[i] : nearest;
        cr_buf_appendf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    cr_status status = profile_description_fail(d, name, "no such member");
    const char *text = cr_buf_cstr(&known);
    if (text && known.n <= KNOWN_TEXT) {
        status = cr_err_next(d->err, status, "known are %s", text);
    } else {
        status = cr_err_next(d->err, status, "%s%s%s`crisp profile build --members` lists them all",
                             nearest ? "did you mean " : "", nearest ? nearest : "",
                             nearest ? "? " : "");
    }
    cr_buf_free(&known);
    return status;
}

cr_status profile_description_known(const struct profile_description *d, const char *const *names)
{
    const char *name;
    json_t *value;
    if (!json_is_object(d->object)) {
        return profile_description_fail(d, NULL, "not an object");
    }
    json_object_foreach((json_t *)(uintptr_t)d->object, name, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], name) != 0) {
            i++;
        }
        if (!names[i]) {
            return unknown_member(d, name, names);
        }
    }
    return CR_OK;
}

static const json_t *member(const struct profile_description *d, const char *name)
{
    const json_t *value = d->object ? json_object_get(d->object, name) : NULL;
    return json_is_null(value) ? NULL : value;
}

bool profile_description_has(const struct profile_description *d, const char *name)
{
    return member(d, name) != NULL;
}

static cr_status copy_text(const struct profile_description *d, const char *name,
                           const json_t *value, cr_span *out)
{
    if (!json_is_string(value)) {
        return profile_description_fail(d, name, "not a string");
    }
    *out = cr_arena_copy(d->arena, cr_span_of(json_string_value(value), json_string_length(value)));
    return cr_span_present(*out) ? CR_OK : cr_fail_memory(d->err);
}

cr_status profile_description_text(const struct profile_description *d, const char *name,
                                   cr_span *out)
{
    const json_t *value = member(d, name);
    *out = (cr_span){0};
    return value ? copy_text(d, name, value, out) : CR_OK;
}

cr_status profile_description_hex(const struct profile_description *d, const char *name,
                                  cr_span *out)
{
    cr_span text;
    cr_buf bytes = {.secret = true};
    *out = (cr_span){0};
    CR_TRY(profile_description_text(d, name, &text));
    if (!cr_span_present(text)) {
        return CR_OK;
    }
    cr_status status = profile_description_at(d, name, cr_hex_decode(&bytes, text, d->err));
    if (status == CR_OK) {
        *out = cr_arena_copy(d->arena, cr_buf_span(&bytes));
        status = cr_span_present(*out) ? CR_OK : cr_fail_memory(d->err);
    }
    cr_buf_free(&bytes);
    return status;
}

cr_status profile_description_int(const struct profile_description *d, const char *name,
                                  int64_t least, int64_t most, int64_t *out)
{
    const json_t *value = member(d, name);
    if (!value) {
        return CR_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > most) {
        return profile_description_fail(d, name, "not a number from %lld to %lld", (long long)least,
                                        (long long)most);
    }
    *out = json_integer_value(value);
    return CR_OK;
}

cr_status profile_description_bool(const struct profile_description *d, const char *name, bool *out)
{
    const json_t *value = member(d, name);
    if (value && !json_is_boolean(value)) {
        return profile_description_fail(d, name, "neither true nor false");
    }
    *out = value ? json_is_true(value) : *out;
    return CR_OK;
}

cr_status profile_description_array(const struct profile_description *d, const char *name,
                                    const json_t **out)
{
    *out = member(d, name);
    return !*out || json_is_array(*out) ? CR_OK : profile_description_fail(d, name, "not a list");
}

cr_status profile_description_item(const struct profile_description *d, const char *name,
                                   const json_t *array, size_t index, cr_span *out)
{
    char place[PATH_TEXT];
    snprintf(place, sizeof(place), "%s[%zu]", name, index);
    return copy_text(d, place, json_array_get(array, index), out);
}

static cr_status sub(const struct profile_description *d, const char *name, const json_t *value,
                     struct profile_description *out)
{
    char path[PATH_TEXT];
    *out = (struct profile_description){.path = d->path, .arena = d->arena, .err = d->err};
    if (!value) {
        return CR_OK;
    }
    if (!json_is_object(value)) {
        return profile_description_fail(d, name, "not an object");
    }
    out->path = cr_arena_strn(d->arena, cr_span_str(path_of(d, name, path)));
    out->object = value;
    return out->path ? CR_OK : cr_fail_memory(d->err);
}

cr_status profile_description_sub(const struct profile_description *d, const char *name,
                                  struct profile_description *out)
{
    return sub(d, name, member(d, name), out);
}

cr_status profile_description_sub_item(const struct profile_description *d, const char *name,
                                       const json_t *array, size_t index,
                                       struct profile_description *out)
{
    char place[PATH_TEXT];
    snprintf(place, sizeof(place), "%s[%zu]", name, index);
    const json_t *value = json_array_get(array, index);
    return value ? sub(d, place, value, out) : profile_description_fail(d, place, "missing");
}
