/*
 * crisp decode: profile packages.
 */
#include "cli/decode.h"

#include "profile/package_json.h"
#include "profile/show.h"

static bool put_json(struct cli_decoder *d, const struct profile_package *package)
{
    json_t *json = NULL;
    json_t *object = json_object();
    if (profile_package_to_json(package, &json, NULL) != CR_OK) {
        json_decref(object);
        return false;
    }
    cli_json_text(object, "type", "ProfilePackage");
    (void)json_object_set_new(object, "value", json);
    (void)json_array_append_new(d->array, object);
    return true;
}

bool cli_decode_package(struct cli_decoder *d, cr_span bytes)
{
    struct profile_package package;
    struct profile_element first;
    cr_span in = bytes;
    /* Other things have these tags, too: only a header says that a package begins. */
    if (profile_element_next(&in, &d->cli->arena, &first, NULL) != CR_OK ||
        first.kind == PROFILE_UNKNOWN || (first.kind != PROFILE_HEADER && !d->type) ||
        profile_package_read(bytes, &d->cli->arena, &package, NULL) != CR_OK) {
        return false;
    }
    if (d->array) {
        return put_json(d, &package);
    }
    char remark[64];
    (void)snprintf(remark, sizeof(remark), "%zu elements, %zu bytes", package.count, bytes.n);
    size_t start = d->text.n;
    cli_decode_head(d, "ProfilePackage", remark);
    size_t body = d->text.n;
    if (profile_show(&package, 0, &d->text, NULL) != CR_OK) {
        d->text.n = start;
        return false;
    }
    cli_decode_indent(&d->text, body, 2);
    return true;
}
