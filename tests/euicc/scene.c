#include "scene.h"

int scene_set_up(void **state)
{
    struct scene *c = calloc(1, sizeof(*c));
    MUST(c);
    c->server = fake_new(CRYPTO_P256);
    c->bed = bed_new();
    *state = c;
    return 0;
}

int scene_tear_down(void **state)
{
    struct scene *c = *state;
    fake_free(c->server);
    bed_free(c->bed);
    free(c);
    return 0;
}

struct rsp_profile_installation_result scene_load_bytes(struct scene *c, cr_span upp)
{
    struct fake_server *s = c->server;
    s->upp = upp;
    crypto_private_free(s->otsk);
    s->otsk = NULL;
    struct rsp_profile_installation_result result = fake_download(s, c->bed);
    s->upp = (cr_span){0};
    bed_check_consistent(c->bed);
    return result;
}

struct rsp_profile_installation_result scene_load(struct scene *c, json_t *package)
{
    cr_buf upp = {0};
    package_encode(package, &upp);
    struct rsp_profile_installation_result result = scene_load_bytes(c, cr_buf_span(&upp));
    cr_buf_free(&upp);
    return result;
}

const char *scene_answers(struct scene *c, const struct rsp_profile_installation_result *result)
{
    static char text[512];
    struct cr_err err = {0};
    rsp_euicc_response_list list;
    const struct rsp_final_result *final = &result->data.final_result;
    cr_span response = final->which == RSP_INSTALL_SUCCESS ? final->success_result.sima_response
                                                           : final->error_result.sima_response;
    size_t at = 0;
    text[0] = 0;
    MUST_OK(rsp_sima_response_decode(response, &c->bed->arena, &list, &err));
    for (size_t i = 0; i < list.count; i++) {
        for (size_t k = 0; k < list.items[i].pe_status.count; k++) {
            const struct rsp_pe_status *s = &list.items[i].pe_status.items[k];
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? " " : "",
                                   list.items[i].profile_installation_aborted ? "!" : "");
            if (s->has_identification) {
                at += (size_t)snprintf(text + at, sizeof(text) - at, "%d:", (int)s->identification);
            }
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%d", (int)s->status);
            if (s->has_additional_information) {
                at += (size_t)snprintf(text + at, sizeof(text) - at, "/%d",
                                       (int)s->additional_information);
            }
        }
    }
    return text;
}

/* ---- what stays in the memory ------------------------------------------------------------------
 */

static bool begins_with(cr_span key, const char *text)
{
    return cr_span_equal(cr_span_sub(key, 0, strlen(text)), cr_span_str(text));
}

/* All of it but the results, their numbers and the one-time keys. */
static void dump(const struct bed *bed, cr_buf *out)
{
    cr_span key = {0}, value;
    cr_buf_reset(out);
    while (nvm_next(euicc_nvm(bed->euicc), cr_span_str(""), key, &key, &value)) {
        if (begins_with(key, "n/") || begins_with(key, "ot/") || begins_with(key, "seq")) {
            continue;
        }
        cr_buf_append_span(out, key);
        cr_buf_append_byte(out, '=');
        cr_buf_append_span(out, value);
    }
    MUST(cr_buf_ok(out));
}

void scene_refused_bytes(struct scene *c, cr_span upp, int64_t reason, const char *expected)
{
    cr_buf before = {0};
    cr_buf after = {0};
    int64_t wanted = reason ? reason : RSP_INSTALL_PE_PROCESSING_ERROR;
    dump(c->bed, &before);
    struct rsp_profile_installation_result result = scene_load_bytes(c, upp);
    const struct rsp_final_result *final = &result.data.final_result;
    if (final->which != RSP_INSTALL_FAILURE || final->error_result.error_reason != wanted ||
        strcmp(scene_answers(c, &result), expected) != 0) {
        fail_msg("%s (%s) instead of %d, %s", fake_result_text(&result), scene_answers(c, &result),
                 (int)wanted, expected);
    }
    assert_int_equal(final->error_result.bpp_command_id, RSP_BPP_LOAD_PROFILE_ELEMENTS);
    assert_int_equal(bed_profile_count(c->bed), 0);
    dump(c->bed, &after);
    assert_true(cr_span_equal(cr_buf_span(&before), cr_buf_span(&after)));
    cr_buf_free(&before);
    cr_buf_free(&after);
}

void scene_refused(struct scene *c, json_t *package, int64_t reason, const char *expected)
{
    cr_buf upp = {0};
    package_encode(package, &upp);
    scene_refused_bytes(c, cr_buf_span(&upp), reason, expected);
    cr_buf_free(&upp);
}

void scene_installed(struct scene *c, json_t *package, const char *expected)
{
    struct rsp_profile_installation_result result = scene_load(c, package);
    if (result.data.final_result.which != RSP_INSTALL_SUCCESS ||
        strcmp(scene_answers(c, &result), expected) != 0) {
        fail_msg("%s (%s) instead of %s", fake_result_text(&result), scene_answers(c, &result),
                 expected);
    }
    assert_int_equal(bed_delete(c->bed, c->server->metadata.iccid), RSP_PROFILE_OK);
}

/* ---- one change --------------------------------------------------------------------------------
 */

/* jansson reads no bare values: they come in a list of one. A list of objects or of lists is one.
 */
static json_t *value_of(const char *text)
{
    json_t *parsed = package_parse(text);
    json_t *first = json_array_get(parsed, 0);
    bool bare = json_array_size(parsed) == 1 && !json_is_object(first) && !json_is_array(first);
    if (!bare) {
        return parsed;
    }
    json_incref(first);
    json_decref(parsed);
    return first;
}

static json_t *changed(struct scene *c, scene_package make, const struct row *row, const char *text)
{
    json_t *package = make(c->server->metadata.iccid);
    json_t *elements = json_object_get(package, "elements");
    switch (row->change) {
    case SET:
        MUST(json_object_set_new(package_element(package, row->n), row->key, value_of(text)) == 0);
        break;
    case DROP:
        MUST(json_object_del(package_element(package, row->n), row->key) == 0);
        break;
    case INSERT:
        package_insert(package, row->n, row->key, package_parse(text));
        break;
    case REMOVE:
        MUST(json_array_remove(elements, row->n) == 0);
        break;
    case MOVE: {
        json_t *element = json_incref(json_array_get(elements, row->n));
        MUST(json_array_remove(elements, row->n) == 0);
        MUST(json_array_insert_new(elements, (size_t)strtoul(text, NULL, 10), element) == 0);
        break;
    }
    }
    return package;
}

/* The row's change with its element not mandated. */
static json_t *changed_lenient(struct scene *c, scene_package make, const struct row *row)
{
    char text[4096];
    if (row->change != INSERT) {
        json_t *package = changed(c, make, row, row->text);
        package_mandate(package, row->n, false);
        return package;
    }
    const char *word = "'mandated': true, ";
    const char *mandated = strstr(row->text, word);
    MUST(mandated && strlen(row->text) < sizeof(text));
    (void)snprintf(text, sizeof(text), "%.*s%s", (int)(mandated - row->text), row->text,
                   mandated + strlen(word));
    return changed(c, make, row, text);
}

void scene_rows(struct scene *c, scene_package make, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        print_message("%zu: %s %s\n", row->n, row->key ? row->key : "-",
                      row->text ? row->text : "-");
        if (row->answer) {
            scene_refused(c, changed(c, make, row, row->text), row->reason, row->answer);
        }
        if (row->warned) {
            scene_installed(c, changed_lenient(c, make, row), row->warned);
        }
    }
    scene_installed(c, make(c->server->metadata.iccid), "0");
}
