/* The JSON binding. The first byte chooses the function, its high bit request or answer; the rest
 * is the text. What is read is written, and the written text is read as the same. */
#include "fuzz.h"

#include "rsp/json_binding.h"

static void check_request(const struct rsp_function *f, cr_span text)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    void *request = NULL;
    cr_buf first = {0};
    cr_buf second = {0};
    if (rsp_json_parse_request(f, text, &arena, &request, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0] && (err.category == CR_RESOURCE || err.subject[0]));
    } else {
        FUZZ_CHECK(rsp_json_build_request(f, request, 0, &first, &err) == CR_OK);
        FUZZ_CHECK(rsp_json_parse_request(f, cr_buf_span(&first), &arena, &request, &err) == CR_OK);
        FUZZ_CHECK(rsp_json_build_request(f, request, 0, &second, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&first), cr_buf_span(&second)));
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    cr_arena_free(&arena);
}

static void check_answer(const struct rsp_function *f, cr_span text)
{
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct rsp_function_status status;
    void *response = NULL;
    cr_buf first = {0};
    cr_buf second = {0};
    if (rsp_json_parse_response(f, text, &arena, &response, &status, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0]);
    } else if (response) {
        FUZZ_CHECK(rsp_json_build_response(f, response, &status, 0, &first, &err) == CR_OK);
        FUZZ_CHECK(rsp_json_parse_response(f, cr_buf_span(&first), &arena, &response, &status,
                                           &err) == CR_OK);
        FUZZ_CHECK(rsp_json_build_response(f, response, &status, 0, &second, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&first), cr_buf_span(&second)));
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    cr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t count;
    const struct rsp_function *rows = rsp_function_table(&count);
    const struct rsp_function *f = &rows[(data[0] & 0x7F) % count];
    cr_span text = cr_span_of(data + 1, size - 1);
    (void)rsp_json_hex_flags(text);
    if (data[0] & 0x80) {
        check_answer(f, text);
    } else {
        check_request(f, text);
    }
    return 0;
}
