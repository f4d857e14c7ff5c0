#include "rsp/json_tree.h"

#include "base/text.h"

struct parser {
    cr_span text;
    size_t at;
    size_t depth;
    cr_arena *arena;
    const char *problem; /* NULL = memory is short */
};

static bool wrong(struct parser *p, const char *problem)
{
    p->problem = problem;
    return false;
}

static int peek(const struct parser *p)
{
    return p->at < p->text.n ? p->text.p[p->at] : -1;
}

static int next_token(struct parser *p)
{
    int c = peek(p);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        p->at++;
        c = peek(p);
    }
    return c;
}

static bool take(struct parser *p, const char *word)
{
    size_t n = strlen(word);
    if (!cr_span_equal(cr_span_sub(p->text, p->at, n), cr_span_of(word, n))) {
        return wrong(p, "a value is expected");
    }
    p->at += n;
    return true;
}

/* ---- strings ---- */

static bool take_hex4(struct parser *p, uint32_t *out)
{
    uint8_t bytes[2];
    if (!cr_hex_fixed(bytes, 2, cr_span_sub(p->text, p->at, 4))) {
        return wrong(p, "an escape is wrong");
    }
    p->at += 4;
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

static void put_utf8(uint8_t **to, uint32_t c)
{
    uint8_t *at = *to;
    if (c < 0x80) {
        *at++ = (uint8_t)c;
    } else if (c < 0x800) {
        *at++ = (uint8_t)(0xC0 | c >> 6);
        *at++ = (uint8_t)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *at++ = (uint8_t)(0xE0 | c >> 12);
        *at++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *at++ = (uint8_t)(0x80 | (c & 0x3F));
    } else {
        *at++ = (uint8_t)(0xF0 | c >> 18);
        *at++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        *at++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *at++ = (uint8_t)(0x80 | (c & 0x3F));
    }
    *to = at;
}

/* Behind "\u". */
static bool take_unicode(struct parser *p, uint8_t **to)
{
    uint32_t c;
    uint32_t low;
    if (!take_hex4(p, &c)) {
        return false;
    }
    if (c >= 0xD800 && c < 0xDC00) {
        if (!cr_span_equal(cr_span_sub(p->text, p->at, 2), cr_span_str("\\u"))) {
            return wrong(p, "half of a surrogate pair");
        }
        p->at += 2;
        if (!take_hex4(p, &low)) {
            return false;
        }
        if (low < 0xDC00 || low > 0xDFFF) {
            return wrong(p, "half of a surrogate pair");
        }
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c < 0xE000) {
        return wrong(p, "half of a surrogate pair");
    }
    if (c == 0) {
        return wrong(p, "a NUL in a string");
    }
    put_utf8(to, c);
    return true;
}

/* Behind a backslash. */
static bool take_escape(struct parser *p, uint8_t **to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    int c = peek(p);
    p->at++;
    if (c == 'u') {
        return take_unicode(p, to);
    }
    const char *found = c > 0 ? strchr(names, c) : NULL;
    if (!found) {
        return wrong(p, "an escape is wrong");
    }
    *(*to)++ = (uint8_t)values[found - names];
    return true;
}

/* An escape never takes less room than what it stands for. */
static bool unescape(struct parser *p, size_t from, size_t end, cr_span *out)
{
    uint8_t *bytes = cr_arena_alloc(p->arena, end - from);
    uint8_t *to = bytes;
    if (!bytes) {
        return wrong(p, NULL);
    }
    p->at = from;
    while (p->at < end) {
        uint8_t c = p->text.p[p->at++];
        if (c != '\\') {
            *to++ = c;
        } else if (!take_escape(p, &to)) {
            return false;
        }
    }
    *out = cr_span_of(bytes, (size_t)(to - bytes));
    return true;
}

/* From behind the first quote to behind the last. */
static bool take_string(struct parser *p, cr_span *out)
{
    size_t from = p->at;
    const uint8_t *text = p->text.p;
    size_t n = p->text.n;
    size_t i = from;
    bool escaped = false;
    uint8_t all = 0;
    for (; i < n && text[i] != '"'; i++) {
        if (text[i] < 0x20) {
            p->at = i;
            return wrong(p, "a control character in a string");
        }
        all |= text[i];
        if (text[i] == '\\') {
            escaped = true;
            i++;
        }
    }
    if (i >= n) {
        p->at = n;
        return wrong(p, "a string does not end");
    }
    if ((all & 0x80) && !cr_utf8_valid(cr_span_of(text + from, i - from))) {
        return wrong(p, "a string is not UTF-8");
    }
    if (!escaped) {
        *out = cr_span_of(text + from, i - from);
    } else if (!unescape(p, from, i, out)) {
        return false;
    }
    p->at = i + 1;
    return true;
}

/* ---- numbers ---- */

static size_t digits(struct parser *p)
{
    size_t n = 0;
    while (peek(p) >= '0' && peek(p) <= '9') {
        p->at++;
        n++;
    }
    return n;
}

static bool take_number(struct parser *p, struct rsp_json *value)
{
    size_t from = p->at;
    bool negative = peek(p) == '-';
    p->at += negative;
    size_t first = p->at;
    size_t n = digits(p);
    if (n == 0 || (n > 1 && p->text.p[first] == '0')) {
        return wrong(p, "a value is expected");
    }
    value->type = RSP_JSON_T_INTEGER;
    if (peek(p) == '.') {
        p->at++;
        value->type = RSP_JSON_T_REAL;
        if (digits(p) == 0) {
            return wrong(p, "a number is wrong");
        }
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->at++;
        value->type = RSP_JSON_T_REAL;
        p->at += peek(p) == '+' || peek(p) == '-';
        if (digits(p) == 0) {
            return wrong(p, "a number is wrong");
        }
    }
    if (value->type == RSP_JSON_T_REAL) {
        return true;
    }
    int64_t v = 0;
    for (size_t i = first; i < p->at; i++) {
        int64_t digit = p->text.p[i] - '0';
        if (v < (INT64_MIN + digit) / 10) { /* counted downwards: INT64_MIN has no positive twin */
            p->at = from;
            return wrong(p, "a number is too large");
        }
        v = v * 10 - digit;
    }
    if (!negative && v == INT64_MIN) {
        p->at = from;
        return wrong(p, "a number is too large");
    }
    value->integer = negative ? v : -v;
    return true;
}

/* ---- values ---- */

static bool take_value(struct parser *p, struct rsp_json *value);

static uint32_t hash_of(cr_span name) /* FNV-1a */
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.n; i++) {
        hash = (hash ^ name.p[i]) * 16777619U;
    }
    return hash;
}

static const struct rsp_json *find(const struct rsp_json *object, cr_span name, uint32_t hash)
{
    for (const struct rsp_json *m = object->first; m; m = m->next) {
        if (m->hash == hash && cr_span_equal(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

/* Name and colon of a member of object. */
static bool take_name(struct parser *p, const struct rsp_json *object, struct rsp_json *member)
{
    if (next_token(p) != '"') {
        return wrong(p, "a name is expected");
    }
    p->at++;
    if (!take_string(p, &member->name)) {
        return false;
    }
    member->hash = hash_of(member->name);
    if (find(object, member->name, member->hash)) {
        return wrong(p, "a member stands twice in an object");
    }
    if (object->count == RSP_JSON_MAX_MEMBERS) {
        return wrong(p, "an object has too many members");
    }
    if (next_token(p) != ':') {
        return wrong(p, "':' is expected");
    }
    p->at++;
    return true;
}

/* Behind the opening bracket, to behind the closing one. */
static bool take_items(struct parser *p, struct rsp_json *list, int close)
{
    struct rsp_json *last = NULL;
    if (next_token(p) == close) {
        p->at++;
        return true;
    }
    for (;;) {
        struct rsp_json *item = cr_arena_alloc(p->arena, sizeof(*item));
        if (!item) {
            return wrong(p, NULL);
        }
        if ((close == '}' && !take_name(p, list, item)) || !take_value(p, item)) {
            return false;
        }
        if (last) {
            last->next = item;
        } else {
            list->first = item;
        }
        last = item;
        list->count++;
        int c = next_token(p);
        if (c != ',' && c != close) {
            return wrong(p, close == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
        }
        p->at++;
        if (c == close) {
            return true;
        }
    }
}

static bool take_list(struct parser *p, struct rsp_json *value, enum rsp_json_type type, int close)
{
    value->type = type;
    if (p->depth == RSP_JSON_MAX_DEPTH) {
        return wrong(p, "too many objects and arrays inside each other");
    }
    p->at++;
    p->depth++;
    bool taken = take_items(p, value, close);
    p->depth--;
    return taken;
}

static bool take_value(struct parser *p, struct rsp_json *value)
{
    switch (next_token(p)) {
    case '{':
        return take_list(p, value, RSP_JSON_T_OBJECT, '}');
    case '[':
        return take_list(p, value, RSP_JSON_T_ARRAY, ']');
    case '"':
        value->type = RSP_JSON_T_STRING;
        p->at++;
        return take_string(p, &value->text);
    case 't':
        value->type = RSP_JSON_T_TRUE;
        return take(p, "true");
    case 'f':
        value->type = RSP_JSON_T_FALSE;
        return take(p, "false");
    case 'n':
        value->type = RSP_JSON_T_NULL;
        return take(p, "null");
    default:
        return take_number(p, value);
    }
}

static cr_status fail(const struct parser *p, struct cr_err *err)
{
    if (!p->problem) {
        return cr_fail_memory(err);
    }
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < p->at && i < p->text.n; i++) {
        column = p->text.p[i] == '\n' ? 1 : column + 1;
        line += p->text.p[i] == '\n';
    }
    return cr_fail(err, CR_MALFORMED, "SGP.22 6.5.2", "no JSON: %s, line %zu column %zu",
                   p->problem, line, column);
}

cr_status rsp_json_parse(cr_span text, cr_arena *arena, const struct rsp_json **out,
                         struct cr_err *err)
{
    struct parser p = {.text = text, .arena = arena};
    struct rsp_json *value = cr_arena_alloc(arena, sizeof(*value));
    if (!value) {
        return cr_fail_memory(err);
    }
    if (!take_value(&p, value)) {
        return fail(&p, err);
    }
    if (next_token(&p) != -1) {
        (void)wrong(&p, "something stands behind the value");
        return fail(&p, err);
    }
    *out = value;
    return CR_OK;
}

const struct rsp_json *rsp_json_member(const struct rsp_json *object, const char *name)
{
    if (!object || object->type != RSP_JSON_T_OBJECT) {
        return NULL;
    }
    cr_span wanted = cr_span_str(name);
    return find(object, wanted, hash_of(wanted));
}

cr_span rsp_json_text(const struct rsp_json *value)
{
    return value && value->type == RSP_JSON_T_STRING ? value->text : (cr_span){0};
}
