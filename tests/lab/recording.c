/*
 * The format of recordings: there and back, and what is none.
 */
#include "lab.h"

#include "lab/recording.h"

#define HEAD                                                                                       \
    "{\"crispRecording\":1,\"program\":\"p\",\"time\":\"t\",\"eid\":\"89\",\"atr\":\"3B00\","      \
    "\"capacity\":1000,\"faults\":[]}\n"

static void there_and_back(void **state)
{
    (void)state;
    static const char *const faults[] = {"drop 1", "cut \"after\" 2"};
    static const int64_t clock[] = {-5, 0, 1900000000000};
    struct lab_head head = {.program = "crisp",
                            .time = "2026",
                            .eid = "8904",
                            .atr = hex("3B9F"),
                            .capacity = 4096,
                            .faults = faults,
                            .fault_count = 2};
    const struct lab_event events[] = {
        {.kind = LAB_POWER_ON, .at_ms = 1},
        {.kind = LAB_EXCHANGE,
         .at_ms = 2,
         .command = hex("00A40000"),
         .response = hex("9000"),
         .random = hex("0102"),
         .clock = clock,
         .clock_count = 3},
        {.kind = LAB_EXCHANGE, .at_ms = 3, .command = hex("00A40001")},
        {.kind = LAB_CUT, .at_ms = 4},
        {.kind = LAB_POWER_RESET, .at_ms = 5},
        {.kind = LAB_POWER_OFF, .at_ms = 6},
    };
    struct nvm *nvm = NULL;
    struct cr_err err = {0};
    struct lab_recording r;
    cr_arena arena = {0};
    cr_buf text = {0};
    assert_int_equal(nvm_open(NULL, true, &nvm, &err), CR_OK);
    assert_int_equal(nvm_put(nvm, cr_span_str("a"), cr_span_str("one"), &err), CR_OK);
    assert_int_equal(nvm_put(nvm, cr_span_str("b"), cr_span_of("", 0), &err), CR_OK);
    assert_int_equal(lab_recording_head(&head, &text, &err), CR_OK);
    lab_recording_memory(nvm, &text);
    for (size_t i = 0; i < CR_COUNT(events); i++) {
        lab_recording_event(&events[i], &text);
    }
    if (lab_recording_read(cr_buf_span(&text), &arena, &r, &err) != CR_OK) {
        fail_msg("%s", err.cause);
    }
    assert_string_equal(r.head.eid, "8904");
    assert_true(cr_span_equal(r.head.atr, head.atr));
    assert_int_equal(r.head.capacity, 4096);
    assert_int_equal(r.head.fault_count, 2);
    assert_string_equal(r.head.faults[1], faults[1]);
    assert_true(cr_span_equal(nvm_get(r.memory, cr_span_str("a")), cr_span_str("one")));
    assert_true(cr_span_present(nvm_get(r.memory, cr_span_str("b"))));
    assert_int_equal(nvm_used(r.memory), nvm_used(nvm));
    assert_int_equal(r.count, CR_COUNT(events));
    for (size_t i = 0; i < r.count; i++) {
        assert_int_equal(r.events[i].kind, events[i].kind);
        assert_int_equal(r.events[i].at_ms, events[i].at_ms);
        assert_true(cr_span_equal(r.events[i].command, events[i].command));
        assert_true(cr_span_equal(r.events[i].response, events[i].response));
        assert_true(cr_span_equal(r.events[i].random, events[i].random));
        assert_int_equal(r.events[i].clock_count, events[i].clock_count);
    }
    assert_memory_equal(r.events[1].clock, clock, sizeof(clock));
    nvm_close(r.memory);
    nvm_close(nvm);
    cr_arena_free(&arena);
    cr_buf_free(&text);
}

static void fails(const char *text, cr_status status, const char *says)
{
    struct lab_recording r;
    struct cr_err err = {0};
    cr_arena arena = {0};
    assert_int_equal(lab_recording_read(cr_span_str(text), &arena, &r, &err), status);
    if (!strstr(err.cause, says)) {
        fail_msg("'%s' does not say %s", err.cause, says);
    }
    cr_arena_free(&arena);
}

static void none(void **state)
{
    (void)state;
    fails("", CR_MALFORMED, "empty");
    fails("\n\n", CR_MALFORMED, "empty");
    fails("hello", CR_MALFORMED, "line 1: this is no recording");
    fails("[]", CR_MALFORMED, "no recording");
    fails("{}", CR_MALFORMED, "no recording");
    fails("{\"crispRecording\":\"1\"}", CR_MALFORMED, "no recording");
    fails("{\"crispRecording\":2}", CR_REFUSED, "version 2");
    fails("{\"crispRecording\":1}", CR_MALFORMED, "capacity");
    fails("{\"crispRecording\":1,\"capacity\":0}", CR_MALFORMED, "capacity");
    fails("{\"crispRecording\":1,\"capacity\":9,\"other\":1}", CR_MALFORMED, "\"other\"");
    fails("{\"crispRecording\":1,\"capacity\":9,\"atr\":\"3\"}", CR_MALFORMED, "\"atr\" is no hex");
    fails("{\"crispRecording\":1,\"capacity\":9,\"faults\":[1]}", CR_MALFORMED, "\"faults\"");
    fails(HEAD "x", CR_MALFORMED, "line 2: no JSON object");
    fails(HEAD "{}", CR_MALFORMED, "line 2: a value");
    fails(HEAD "{\"key\":\"61\"}", CR_MALFORMED, "without value");
    fails(HEAD "{\"key\":\"\",\"value\":\"00\"}", CR_MALFORMED, "without key");
    fails(HEAD "{\"key\":\"6\",\"value\":\"00\"}", CR_MALFORMED, "\"key\" is no hex");
    fails(HEAD "{\"key\":6,\"value\":\"00\"}", CR_MALFORMED, "\"key\" is no text");
    fails(HEAD "{\"key\":\"61\",\"value\":\"00\",\"x\":1}", CR_MALFORMED, "\"x\"");
    fails(HEAD "{\"event\":\"dance\"}", CR_MALFORMED, "no event 'dance'");
    fails(HEAD "{\"event\":\"power\"}", CR_MALFORMED, "\"on\" is missing");
    fails(HEAD "{\"event\":\"exchange\"}", CR_MALFORMED, "without its command");
    fails(HEAD "{\"event\":\"exchange\",\"command\":\"0G\"}", CR_MALFORMED,
          "\"command\" is no hex");
    fails(HEAD "{\"event\":\"cut\",\"clock\":5}", CR_MALFORMED, "\"clock\"");
    fails(HEAD "{\"event\":\"cut\",\"clock\":[\"x\"]}", CR_MALFORMED, "\"clock\"");
    fails(HEAD "{\"event\":\"cut\",\"event\":\"cut\"}", CR_MALFORMED, "no JSON object");
    fails(HEAD "{\"event\":\"cut\"}\n{\"key\":\"61\",\"value\":\"00\"}", CR_MALFORMED,
          "line 3: a value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
