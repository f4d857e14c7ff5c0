/*
 * The table of transitions: docs/smsr-states.md is printed from it, and an event that it does not
 * have changes nothing. With --print the text of the documentation comes out.
 */
#include "rig.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

static const char *docs;

static void test_documentation(void **state)
{
    char path[4096];
    cr_buf text = {0}, file = {0};
    (void)state;
    if (!docs) {
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/smsr-states.md", docs);
    smsr_states_markdown(&text);
    assert_int_equal(cr_file_read(path, 1 << 20, &file, NULL), CR_OK);
    if (!cr_span_equal(cr_buf_span(&text), cr_buf_span(&file))) {
        fail_msg("docs/smsr-states.md is out of date: print it with test_smsr_states --print");
    }
    cr_buf_free(&text);
    cr_buf_free(&file);
}

/* Every row has a name for all that it says, stands there once, and ends are ends. */
static void test_rows(void **state)
{
    (void)state;
    for (const struct smsr_transition *t = smsr_transitions; t->from; t++) {
        assert_non_null(smsr_proc_state_name(t->from));
        assert_non_null(smsr_proc_state_name(t->to));
        assert_non_null(smsr_event_name(t->event));
        assert_true(t->kinds != 0 && t->does && t->does[0]);
        assert_false(smsr_proc_ended(t->from));
        for (const struct smsr_transition *u = smsr_transitions; u != t; u++) {
            assert_false((u->kinds & t->kinds) && u->from == t->from && u->event == t->event &&
                         u->to == t->to);
        }
    }
}

/* Every state that is entered can be left, and time ends each: nothing waits for ever. */
static void test_nothing_waits_for_ever(void **state)
{
    (void)state;
    for (const struct smsr_transition *t = smsr_transitions; t->from; t++) {
        for (int kind = 1; kind < SMSR_KINDS; kind++) {
            const struct smsr_procedure p = {.kind = (enum smsr_kind)kind, .state = t->to};
            if ((t->kinds & SMSR_KIND(kind)) && !smsr_proc_ended(t->to)) {
                assert_true(smsr_run_allows(&p, SMSR_EV_DEADLINE));
            }
        }
    }
}

struct impossible {
    struct rig *r;
    int64_t id;
    int kind, state, event;
};

static cr_status set_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct impossible *i = ctx;
    return store_exec(tx, "UPDATE procedure SET kind = ?, state = ? WHERE id = ?",
                      STORE_VALUES(STORE_I(i->kind), STORE_I(i->state), STORE_I(i->id)), NULL, NULL,
                      NULL, err);
}

static cr_status event_work(struct store_tx *tx, void *ctx, struct cr_err *err)
{
    const struct impossible *i = ctx;
    struct smsr_run run;
    struct smsr_procedure after;
    cr_arena arena = {0};
    assert_int_equal(smsr_run_load(i->r->sr, tx, i->id, &arena, &run, err), CR_OK);
    const int64_t revision = run.p.revision;
    run.event = (enum smsr_event)i->event;
    if (!smsr_run_allows(&run.p, run.event)) {
        assert_int_equal(smsr_run_event(&run, err), CR_OK);
        assert_int_equal(smsr_procedure_get(tx, i->id, &arena, &after, err), CR_OK);
        assert_int_equal(after.revision, revision);
        assert_int_equal(after.state, i->state);
    }
    cr_arena_free(&arena);
    return CR_OK;
}

static void test_impossible_events(void **state)
{
    struct rig *r = rig_new(false);
    (void)state;
    (void)rig_do(r, "a", SOAP_ES4, SOAP_ENABLE_PROFILE, 2);
    struct impossible i = {.r = r, .id = rig_euicc(r).procedure};
    for (i.kind = 1; i.kind < SMSR_KINDS; i.kind++) {
        for (i.state = 1; i.state < SMSR_PROC_STATES; i.state++) {
            rig_store(r, set_work, &i);
            for (i.event = 1; i.event < SMSR_EVENTS; i.event++) {
                rig_store(r, event_work, &i);
            }
        }
    }
    rig_free(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documentation),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nothing_waits_for_ever),
        cmocka_unit_test(test_impossible_events),
    };
    docs = argc > 1 ? argv[1] : NULL;
    if (docs && strcmp(docs, "--print") == 0) {
        cr_buf text = {0};
        smsr_states_markdown(&text);
        (void)fwrite(text.p, 1, text.n, stdout);
        cr_buf_free(&text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
