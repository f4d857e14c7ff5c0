/*
 * Recordings of sessions with a chip: JSON lines, all that is needed to play them again.
 *
 *     {"crispRecording":1,"program":"crisp 0.1.0","time":"...","eid":"...","atr":"...",
 *      "capacity":1572864,"faults":["cut after 12"]}
 *     {"key":"6366670A","value":"..."}             the chip's memory, one line a value
 *     {"event":"power","on":true,"at":3}           also false; "reset" without "on"
 *     {"event":"exchange","at":5,"command":"...","response":"...","random":"...","clock":[...]}
 *     {"event":"cut","at":9}                       the power was cut by a fault
 *
 * Bytes are hex; "at" is milliseconds since the start; "random" and "clock" are what the chip drew
 * from the world while it did the command, in order: given the same again, it answers the same. No
 * member may be unknown but in later versions, which have another number in the first line.
 *
 * A recording holds the chip with its private keys, and every PIN: it is as secret as the chip.
 */
#ifndef CRISP_LAB_RECORDING_H
#define CRISP_LAB_RECORDING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "store/nvm.h"

#define LAB_RECORDING_VERSION  1
#define LAB_MAX_RECORDING      ((size_t)512 << 20) /* bytes of a file */
#define LAB_MAX_RECORDING_LINE ((size_t)8 << 20)   /* bytes of a line */
#define LAB_MAX_EVENTS         4000000
#define LAB_MAX_CLOCK          4096 /* readings of the clock in one exchange */

enum lab_event_kind { LAB_POWER_ON, LAB_POWER_OFF, LAB_POWER_RESET, LAB_EXCHANGE, LAB_CUT };

struct lab_event {
    enum lab_event_kind kind;
    int64_t at_ms;             /* since the start */
    cr_span command, response; /* exchange: as the reader sent and got them */
    cr_span random;            /* drawn meanwhile */
    const int64_t *clock;      /* read meanwhile */
    size_t clock_count;
};

struct lab_head {
    const char *program, *time, *eid;
    cr_span atr;
    size_t capacity;           /* of the chip's memory */
    const char *const *faults; /* texts */
    size_t fault_count;
};

/* Writing: each appends whole lines. */
cr_status lab_recording_head(const struct lab_head *head, cr_buf *out,
                             struct cr_err *err) CR_MUST_CHECK;
void lab_recording_memory(const struct nvm *nvm, cr_buf *out);
void lab_recording_event(const struct lab_event *event, cr_buf *out);

/* Reading. */
struct lab_recording {
    struct lab_head head;
    struct nvm *memory; /* in RAM; owned: nvm_close() */
    struct lab_event *events;
    size_t count;
};

/* Reads a whole file; everything but the memory is in the arena. CR_MALFORMED names the line;
 * CR_REFUSED: made by a newer crisp. */
cr_status lab_recording_read(cr_span text, cr_arena *arena, struct lab_recording *out,
                             struct cr_err *err) CR_MUST_CHECK;

#endif
