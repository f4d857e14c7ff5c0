/*
 * Profile packages: elements one by one, the whole, checker, tree and text over whatever reads;
 * what encodes from its members reads back the same.
 */
#include "fuzz.h"

#include "profile/check.h"
#include "profile/show.h"

/* A copy of its own from the members of an element decodes to what it was made of. */
static void check_members(const struct profile_element *element)
{
    struct profile_element members = *element;
    struct profile_element again;
    cr_arena arena = {0};
    cr_buf first = {0};
    cr_buf second = {0};
    members.raw = (cr_span){0};
    if (profile_element_encode(&members, &first, NULL) == CR_OK) {
        cr_span in = cr_buf_span(&first);
        FUZZ_CHECK(profile_element_next(&in, &arena, &again, NULL) == CR_OK);
        FUZZ_CHECK(in.n == 0 && again.kind == element->kind && !again.has_unknown);
        again.raw = (cr_span){0};
        FUZZ_CHECK(profile_element_encode(&again, &second, NULL) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&first), cr_buf_span(&second)));
    }
    cr_buf_free(&first);
    cr_buf_free(&second);
    cr_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_span in = cr_span_of(data, size);
    cr_arena arena = {0};
    struct cr_err err = {0};
    struct profile_package package;
    struct profile_check_result result;
    if (profile_package_read(in, &arena, &package, &err) == CR_OK) {
        cr_buf out = {0};
        FUZZ_CHECK(profile_package_encode(&package, &out, &err) == CR_OK);
        FUZZ_CHECK(cr_span_equal(cr_buf_span(&out), in));
        cr_buf_reset(&out);
        for (size_t i = 0; i < package.count; i++) {
            check_members(&package.elements[i]);
        }
        (void)!profile_show(&package, PROFILE_SHOW_CONTENT | PROFILE_SHOW_SECRETS, &out, &err);
        cr_buf_free(&out);
    } else {
        FUZZ_CHECK(err.cause[0]);
    }
    cr_arena_reset(&arena);
    (void)!profile_check(in, &arena, NULL, NULL, &result, &err);
    cr_arena_free(&arena);
    return 0;
}
