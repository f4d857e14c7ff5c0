/* The HTTP request parser: pieces of any size give the same requests as the whole at once. */
#include "fuzz.h"

#include "net/http_parse.h"

#define MAX_HEADER 2048
#define MAX_BODY   4096

/* Sums up what came out, so that two ways of feeding can be compared. */
struct outcome {
    size_t requests;
    size_t taken;
    int failure;
    uint64_t digest;
};

static void digest_add(struct outcome *outcome, const void *p, size_t n)
{
    const uint8_t *at = p;
    for (size_t i = 0; i < n; i++) {
        outcome->digest = (outcome->digest ^ at[i]) * 0x100000001B3U;
    }
    outcome->digest = (outcome->digest ^ n) * 0x100000001B3U;
}

static void digest_text(struct outcome *outcome, const char *text)
{
    digest_add(outcome, text ? text : "", text ? strlen(text) : 0);
}

static void request_done(struct outcome *outcome, const struct http_parser *parser)
{
    FUZZ_CHECK(parser->method && parser->method[0] && strlen(parser->method) <= HTTP_MAX_METHOD);
    FUZZ_CHECK(parser->path && (parser->path[0] == '/' || strcmp(parser->path, "*") == 0));
    FUZZ_CHECK(parser->fields.count <= HTTP_MAX_FIELDS && parser->body.n <= MAX_BODY);
    FUZZ_CHECK(!strpbrk(parser->path, " \r\n"));
    digest_text(outcome, parser->method);
    digest_text(outcome, parser->path);
    digest_text(outcome, parser->query);
    for (size_t i = 0; i < parser->fields.count; i++) {
        const struct http_field *field = &parser->fields.items[i];
        FUZZ_CHECK(field->name[0] && !strpbrk(field->name, " \t:\r\n"));
        FUZZ_CHECK(!strpbrk(field->value, "\r\n"));
        FUZZ_CHECK(http_fields_find(&parser->fields, field->name) != NULL);
        digest_text(outcome, field->name);
        digest_text(outcome, field->value);
    }
    digest_add(outcome, parser->body.p ? (const void *)parser->body.p : "", parser->body.n);
    outcome->requests++;
}

static struct outcome feed_all(const uint8_t *data, size_t size, size_t step)
{
    struct http_parser parser = {.max_header = MAX_HEADER, .max_body = MAX_BODY};
    struct outcome outcome = {.digest = 0xCBF29CE484222325U};
    while (outcome.taken < size && parser.state != HTTP_PARSE_FAILED) {
        size_t left = size - outcome.taken;
        size_t part = left < step ? left : step;
        size_t used = http_parser_feed(&parser, cr_span_of(data + outcome.taken, part));
        FUZZ_CHECK(used > 0 && used <= part);
        outcome.taken += used;
        FUZZ_CHECK(parser.head.n <= MAX_HEADER && parser.body.n <= MAX_BODY);
        if (parser.state == HTTP_PARSE_DONE) {
            request_done(&outcome, &parser);
            http_parser_reset(&parser);
            FUZZ_CHECK(http_parser_untouched(&parser));
        } else {
            FUZZ_CHECK(used == part || parser.state == HTTP_PARSE_FAILED);
        }
    }
    if (parser.state == HTTP_PARSE_FAILED) {
        FUZZ_CHECK(parser.failure >= 400 && parser.failure < 600 && parser.problem);
        FUZZ_CHECK(!parser.keep_alive);
    }
    outcome.failure = parser.failure;
    http_parser_free(&parser);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7, 61};
    struct outcome whole = feed_all(data, size, size ? size : 1);
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        struct outcome parts = feed_all(data, size, steps[i]);
        /* A refusal may be noticed within the piece or only with a later byte, and an over-long
         * line counts as whichever limit it meets; what was a request before it is the same. */
        FUZZ_CHECK(parts.requests == whole.requests && parts.digest == whole.digest);
        FUZZ_CHECK((parts.failure != 0) == (whole.failure != 0));
    }
    return 0;
}
