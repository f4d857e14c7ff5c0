/* The life of a profile: every pair of state and event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smdpp/state.h"

#include <string.h>

/* Rows: states in their order; columns: events in their order. '.' = not allowed, else the state
 * after it: V available, A allocated, L linked, C confirmed, R released, D downloaded, I installed,
 * E enabled, d disabled, x deleted, ! error, U unavailable. */
static const char *const TABLE[SMDPP_STATES] = {
    /* order eid conf c+rel rel bpp att elig post canc exp inst retry fail avail unav en dis del */
    [SMDPP_AVAILABLE] = "AL.............U...", [SMDPP_ALLOCATED] = "..CR..........VU...",
    [SMDPP_LINKED] = "..CR..........VU...",    [SMDPP_CONFIRMED] = "....R.........VU...",
    [SMDPP_RELEASED] = ".....D!!R!!...VU...",  [SMDPP_DOWNLOADED] = ".....D!!D!!ID!.....",
    [SMDPP_INSTALLED] = "................Edx", [SMDPP_ENABLED] = "................Edx",
    [SMDPP_DISABLED] = "................Edx",  [SMDPP_DELETED] = "..............VU...",
    [SMDPP_ERROR] = "..............VU...",     [SMDPP_UNAVAILABLE] = "...................",
};

static const char LETTERS[] = ".VALCRDIEdx!U";

static void every_pair(void **state)
{
    (void)state;
    assert_int_equal(strlen(LETTERS), SMDPP_STATES);
    for (int from = 1; from < SMDPP_STATES; from++) {
        assert_int_equal(strlen(TABLE[from]), SMDPP_EVENTS - 1);
        for (int event = 1; event < SMDPP_EVENTS; event++) {
            enum smdpp_state to = smdpp_state_next((enum smdpp_state)from, (enum smdpp_event)event);
            char expected = TABLE[from][event - 1];
            if (LETTERS[to] != expected) {
                fail_msg("%s + %s gives '%c', not '%c'", smdpp_state_name((enum smdpp_state)from),
                         smdpp_event_name((enum smdpp_event)event), LETTERS[to], expected);
            }
        }
    }
}

static void outside_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(smdpp_state_next(0, SMDPP_EV_RELEASE), 0);
    assert_int_equal(smdpp_state_next(SMDPP_STATES, SMDPP_EV_RELEASE), 0);
    assert_int_equal(smdpp_state_next(SMDPP_RELEASED, 0), 0);
    assert_int_equal(smdpp_state_next(SMDPP_RELEASED, SMDPP_EVENTS), 0);
    assert_null(smdpp_state_name(0));
    assert_null(smdpp_state_name(SMDPP_STATES));
    assert_null(smdpp_event_name(0));
    assert_null(smdpp_event_name(SMDPP_EVENTS));
}

static void names_differ(void **state)
{
    (void)state;
    for (int i = 1; i < SMDPP_STATES; i++) {
        assert_non_null(smdpp_state_name((enum smdpp_state)i));
        for (int j = 1; j < i; j++) {
            assert_string_not_equal(smdpp_state_name((enum smdpp_state)i),
                                    smdpp_state_name((enum smdpp_state)j));
        }
    }
    for (int i = 1; i < SMDPP_EVENTS; i++) {
        assert_non_null(smdpp_event_name((enum smdpp_event)i));
        for (int j = 1; j < i; j++) {
            assert_string_not_equal(smdpp_event_name((enum smdpp_event)i),
                                    smdpp_event_name((enum smdpp_event)j));
        }
    }
}

static void diagram_has_every_move(void **state)
{
    (void)state;
    cr_buf out = {0};
    smdpp_state_diagram(&out);
    const char *text = cr_buf_cstr(&out);
    assert_non_null(text);
    assert_non_null(strstr(text, "stateDiagram-v2"));
    size_t arrows = 0;
    for (const char *at = strstr(text, "-->"); at; at = strstr(at + 3, "-->")) {
        arrows++;
    }
    size_t moves = 1; /* from the start */
    for (int from = 1; from < SMDPP_STATES; from++) {
        for (const char *at = TABLE[from]; *at; at++) {
            moves += *at != '.';
        }
    }
    assert_int_equal(arrows, moves);
    assert_non_null(strstr(text, "Confirmed --> Released : releaseProfile"));
    cr_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(outside_of_the_table),
        cmocka_unit_test(names_differ),
        cmocka_unit_test(diagram_has_every_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
