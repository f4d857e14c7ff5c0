/* What people write for the lab: lines of the shell, faults, recordings. */
#include "fuzz.h"

#include "lab/commands.h"
#include "lab/fault.h"
#include "lab/recording.h"

static void check_line(const struct lab_session *s, cr_span line, unsigned channel)
{
    const struct lab_command *row;
    cr_span words;
    struct lab_apdus apdus;
    struct cr_err err;
    cr_arena arena = {0};
    if (lab_line_parse(line, s, channel, &arena, &row, &words, &apdus, &err) != CR_OK) {
        FUZZ_CHECK(err.cause[0] && apdus.count == 0);
    }
    for (size_t i = 0; i < apdus.count; i++) {
        FUZZ_CHECK(apdus.items[i].n >= 4);
        FUZZ_CHECK(!row || (apdus.items[i].n <= 261 && apdus.items[i].p[1] == row->ins));
        FUZZ_CHECK(!row || lab_channel_of(apdus.items[i].p[0]) == channel);
    }
    cr_arena_free(&arena);
}

static void check_fault(const char *text)
{
    struct lab_faults f = {.count = 0};
    struct cr_err err;
    if (lab_fault_add(&f, text, &err) != CR_OK) {
        FUZZ_CHECK(err.code >= 1 && err.code <= (long)strlen(text) + 1);
        return;
    }
    uint8_t command[] = {0x00, 0xA4, 0, 0};
    for (int i = 0; i < 4; i++) {
        (void)lab_fault_command(&f, command, sizeof(command));
        lab_fault_response(&f, command, sizeof(command));
        (void)lab_fault_nvm(&f, NVM_WRITE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab_session s;
    struct lab_recording recording;
    struct cr_err err;
    cr_arena arena = {0};
    cr_span in = cr_span_of(data, size);
    char *text = cr_arena_strn(&arena, in);
    lab_session_init(&s);
    check_line(&s, in, (unsigned)(size % LAB_CHANNELS));
    if (text) {
        check_fault(text);
    }
    if (lab_recording_read(in, &arena, &recording, &err) == CR_OK) {
        FUZZ_CHECK(recording.memory != NULL);
        nvm_close(recording.memory);
    } else {
        FUZZ_CHECK(err.cause[0]);
    }
    lab_session_free(&s);
    cr_arena_free(&arena);
    return 0;
}
