#include "lab/recording.h"

#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>

static const char *const event_names[] = {[LAB_POWER_ON] = "power",
                                          [LAB_POWER_OFF] = "power",
                                          [LAB_POWER_RESET] = "reset",
                                          [LAB_EXCHANGE] = "exchange",
                                          [LAB_CUT] = "cut"};

/* ---- writing -----------------------------------------------------------------------------------
 */

cr_status lab_recording_head(const struct lab_head *head, cr_buf *out, struct cr_err *err)
{
    cr_buf atr = {0};
    cr_hex_append(&atr, head->atr);
    const char *hex = cr_buf_cstr(&atr);
    json_t *faults = json_array();
    for (size_t i = 0; i < head->fault_count; i++) {
        (void)json_array_append_new(faults, json_string(head->faults[i]));
    }
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:o}", "crispRecording", LAB_RECORDING_VERSION,
                  "program", head->program, "time", head->time, "eid", head->eid, "atr",
                  hex ? hex : "", "capacity", (json_int_t)head->capacity, "faults", faults);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    cr_buf_free(&atr);
    if (!text) {
        return cr_fail_memory(err);
    }
    cr_buf_append_str(out, text);
    cr_buf_append_byte(out, '\n');
    free(text);
    return CR_OK;
}

void lab_recording_memory(const struct nvm *nvm, cr_buf *out)
{
    cr_span key;
    cr_span value;
    cr_span after = {0};
    while (nvm_next(nvm, cr_span_of("", 0), after, &key, &value)) {
        cr_buf_append_str(out, "{\"key\":\"");
        cr_hex_append(out, key);
        cr_buf_append_str(out, "\",\"value\":\"");
        cr_hex_append(out, value);
        cr_buf_append_str(out, "\"}\n");
        after = key;
    }
}

static void put_hex(cr_buf *out, const char *name, cr_span bytes)
{
    if (bytes.n) {
        cr_buf_appendf(out, ",\"%s\":\"", name);
        cr_hex_append(out, bytes);
        cr_buf_append_byte(out, '"');
    }
}

void lab_recording_event(const struct lab_event *e, cr_buf *out)
{
    cr_buf_appendf(out, "{\"event\":\"%s\"", event_names[e->kind]);
    if (e->kind == LAB_POWER_ON || e->kind == LAB_POWER_OFF) {
        cr_buf_appendf(out, ",\"on\":%s", e->kind == LAB_POWER_ON ? "true" : "false");
    }
    cr_buf_appendf(out, ",\"at\":%lld", (long long)e->at_ms);
    put_hex(out, "command", e->command);
    put_hex(out, "response", e->response);
    put_hex(out, "random", e->random);
    for (size_t i = 0; i < e->clock_count; i++) {
        cr_buf_appendf(out, "%s%lld", i ? "," : ",\"clock\":[", (long long)e->clock[i]);
    }
    cr_buf_append_str(out, e->clock_count ? "]}\n" : "}\n");
}

/* ---- reading -----------------------------------------------------------------------------------
 */

struct reader {
    cr_arena *arena;
    struct lab_recording *out;
    size_t room; /* of events */
    struct cr_err *err;
};

static cr_status bad(struct reader *r, const char *what)
{
    return cr_fail(r->err, CR_MALFORMED, NULL, "%s", what);
}

static cr_status hex_member(struct reader *r, const json_t *json, const char *name, cr_span *out)
{
    const json_t *value = json_object_get(json, name);
    *out = (cr_span){0};
    if (!value) {
        return CR_OK;
    }
    if (!json_is_string(value)) {
        return cr_fail(r->err, CR_MALFORMED, NULL, "\"%s\" is no text", name);
    }
    size_t n = json_string_length(value);
    uint8_t *bytes = cr_arena_alloc(r->arena, n / 2);
    if (!bytes) {
        return cr_fail_memory(r->err);
    }
    if (n % 2 != 0 || !cr_hex_fixed(bytes, n / 2, cr_span_of(json_string_value(value), n))) {
        return cr_fail(r->err, CR_MALFORMED, NULL, "\"%s\" is no hex", name);
    }
    *out = cr_span_of(bytes, n / 2);
    return CR_OK;
}

/* Members that this version does not know would change what is played. */
static cr_status known_members(struct reader *r, json_t *json, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], name) != 0) {
            i++;
        }
        if (!names[i]) {
            return cr_fail(r->err, CR_MALFORMED, NULL, "\"%.40s\" is no member of such a line",
                           name);
        }
    }
    return CR_OK;
}

static const char *text_member(struct reader *r, const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? cr_arena_strn(r->arena, cr_span_str(text)) : "";
}

static cr_status read_faults(struct reader *r, const json_t *list, struct lab_head *head)
{
    size_t count = json_array_size(list);
    const char **faults = cr_arena_alloc_array(r->arena, count + 1, sizeof(*faults));
    if (!faults) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text) {
            return bad(r, "\"faults\" is no list of texts");
        }
        faults[i] = cr_arena_strn(r->arena, cr_span_str(text));
    }
    head->faults = faults;
    head->fault_count = count;
    return CR_OK;
}

static cr_status read_head(struct reader *r, json_t *json)
{
    static const char *const members[] = {"crispRecording", "program", "time", "eid", "atr",
                                          "capacity",       "faults",  NULL};
    struct lab_head *head = &r->out->head;
    const json_t *version = json_object_get(json, "crispRecording");
    const json_t *capacity = json_object_get(json, "capacity");
    if (!json_is_integer(version)) {
        return bad(r, "this is no recording of crisp");
    }
    if (json_integer_value(version) != LAB_RECORDING_VERSION) {
        cr_status status =
            cr_fail(r->err, CR_REFUSED, NULL, "the recording has version %lld, this crisp reads %d",
                    (long long)json_integer_value(version), LAB_RECORDING_VERSION);
        return cr_err_next(r->err, status, "use the crisp that made it");
    }
    CR_TRY(known_members(r, json, members));
    if (!json_is_integer(capacity) || json_integer_value(capacity) < 1 ||
        json_integer_value(capacity) > (json_int_t)1 << 30) {
        return bad(r, "\"capacity\" is no size of a memory");
    }
    head->program = text_member(r, json, "program");
    head->time = text_member(r, json, "time");
    head->eid = text_member(r, json, "eid");
    head->capacity = (size_t)json_integer_value(capacity);
    CR_TRY(hex_member(r, json, "atr", &head->atr));
    CR_TRY(nvm_open(NULL, true, &r->out->memory, r->err));
    nvm_set_capacity(r->out->memory, head->capacity);
    return read_faults(r, json_object_get(json, "faults"), head);
}

static cr_status read_value(struct reader *r, json_t *json)
{
    static const char *const members[] = {"key", "value", NULL};
    cr_span key;
    cr_span value;
    CR_TRY(known_members(r, json, members));
    CR_TRY(hex_member(r, json, "key", &key));
    CR_TRY(hex_member(r, json, "value", &value));
    if (key.n < 1 || key.n > NVM_MAX_KEY || !cr_span_present(value) || r->out->count) {
        return bad(r, "a value of the memory without key, without value, or behind an event");
    }
    return nvm_put(r->out->memory, key, value, r->err);
}

static cr_status read_clock(struct reader *r, const json_t *list, struct lab_event *e)
{
    size_t count = json_array_size(list);
    if (count > LAB_MAX_CLOCK || (list && !json_is_array(list))) {
        return bad(r, "\"clock\" is no list of times");
    }
    int64_t *clock = cr_arena_alloc_array(r->arena, count, sizeof(*clock));
    if (!clock) {
        return cr_fail_memory(r->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!json_is_integer(json_array_get(list, i))) {
            return bad(r, "\"clock\" is no list of times");
        }
        clock[i] = json_integer_value(json_array_get(list, i));
    }
    e->clock = clock;
    e->clock_count = count;
    return CR_OK;
}

static cr_status event_kind(struct reader *r, const json_t *json, const char *name,
                            enum lab_event_kind *kind)
{
    const json_t *on = json_object_get(json, "on");
    if (strcmp(name, "power") == 0) {
        if (!json_is_boolean(on)) {
            return bad(r, "\"on\" is missing");
        }
        *kind = json_is_true(on) ? LAB_POWER_ON : LAB_POWER_OFF;
        return CR_OK;
    }
    for (size_t i = LAB_POWER_RESET; i < CR_COUNT(event_names); i++) {
        if (strcmp(name, event_names[i]) == 0) {
            *kind = (enum lab_event_kind)i;
            return CR_OK;
        }
    }
    return cr_fail(r->err, CR_MALFORMED, NULL, "there is no event '%.20s'", name);
}

static cr_status read_event(struct reader *r, json_t *json, const char *name)
{
    static const char *const members[] = {"event",    "on",     "at",    "command",
                                          "response", "random", "clock", NULL};
    struct lab_event e = {0};
    CR_TRY(known_members(r, json, members));
    CR_TRY(event_kind(r, json, name, &e.kind));
    e.at_ms = json_integer_value(json_object_get(json, "at"));
    CR_TRY(hex_member(r, json, "command", &e.command));
    CR_TRY(hex_member(r, json, "response", &e.response));
    CR_TRY(hex_member(r, json, "random", &e.random));
    CR_TRY(read_clock(r, json_object_get(json, "clock"), &e));
    if (e.kind == LAB_EXCHANGE && e.command.n == 0) {
        return bad(r, "an exchange without its command");
    }
    if (r->out->count == LAB_MAX_EVENTS) {
        return bad(r, "too many events");
    }
    if (r->out->count == r->room) {
        size_t room = r->room ? r->room * 2 : 256;
        struct lab_event *events = cr_arena_alloc_array(r->arena, room, sizeof(*events));
        if (!events) {
            return cr_fail_memory(r->err);
        }
        if (r->out->count) {
            memcpy(events, r->out->events, r->out->count * sizeof(*events));
        }
        r->out->events = events;
        r->room = room;
    }
    r->out->events[r->out->count++] = e;
    return CR_OK;
}

static cr_status read_line(struct reader *r, cr_span line, bool first)
{
    json_error_t problem;
    json_t *json = line.n > LAB_MAX_RECORDING_LINE
                       ? NULL
                       : json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &problem);
    const char *event = json_string_value(json_object_get(json, "event"));
    cr_status status;
    if (!json_is_object(json)) {
        status = bad(r, first ? "this is no recording of crisp" : "no JSON object");
    } else if (first) {
        status = read_head(r, json);
    } else if (event) {
        status = read_event(r, json, event);
    } else {
        status = read_value(r, json);
    }
    json_decref(json);
    return status;
}

cr_status lab_recording_read(cr_span text, cr_arena *arena, struct lab_recording *out,
                             struct cr_err *err)
{
    struct lab_recording recording = {0};
    struct reader r = {.arena = arena, .out = &recording, .err = err};
    cr_status status = CR_OK;
    size_t number = 0;
    while (status == CR_OK && text.n > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        number++;
        if (n > 0) {
            status = read_line(&r, cr_span_sub(text, 0, n), !recording.memory);
        }
        text = cr_span_sub(text, n + 1, text.n);
    }
    if (status == CR_OK && !recording.memory) {
        status = bad(&r, "the recording is empty");
    }
    if (status != CR_OK) {
        nvm_close(recording.memory);
        return number ? cr_err_context(err, status, "line %zu", number) : status;
    }
    *out = recording;
    return CR_OK;
}
