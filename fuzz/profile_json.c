/*
 * Descriptions and packages in JSON: what builds encodes, reads, and comes back from its own JSON
 * byte for byte.
 */
#include "fuzz.h"

#include "profile/build.h"
#include "profile/package_json.h"

static void check_back(cr_span upp)
{
    cr_arena arena = {0};
    cr_buf again = {0};
    struct profile_package package;
    json_t *json = NULL;
    if (profile_package_read(upp, &arena, &package, NULL) == CR_OK) {
        FUZZ_CHECK(profile_package_to_json(&package, &json, NULL) == CR_OK);
        FUZZ_CHECK(profile_package_from_json(json, &arena, &package, NULL) == CR_OK);
        FUZZ_CHECK(profile_package_encode(&package, &again, NULL) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&again), upp));
        json_decref(json);
    }
    cr_buf_free(&again);
    cr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_buf upp = {0};
    struct cr_err err = {0};
    if (profile_build_text(cr_span_of(data, size), &upp, &err) == CR_OK) {
        check_back(cr_buf_span(&upp));
    } else {
        FUZZ_CHECK(err.cause[0] && upp.n == 0);
    }
    cr_buf_free(&upp);
    check_back(cr_span_of(data, size));
    return 0;
}
