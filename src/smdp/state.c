#include "smdp/state.h"

struct transition {
    uint8_t from, event, to;
};

static const struct transition STATES[] = {
    {SMDP_AVAILABLE, SMDP_MOVE_RESERVE, SMDP_RESERVED},
    {SMDP_RESERVED, SMDP_MOVE_CREATE, SMDP_CREATED},
    {SMDP_RESERVED, SMDP_MOVE_RELEASE, SMDP_AVAILABLE},
    {SMDP_RESERVED, SMDP_MOVE_FAIL, SMDP_FAILED},
    {SMDP_CREATED, SMDP_MOVE_LOAD, SMDP_LOADING},
    {SMDP_CREATED, SMDP_MOVE_RELEASE, SMDP_AVAILABLE},
    {SMDP_CREATED, SMDP_MOVE_FAIL, SMDP_FAILED},
    {SMDP_LOADING, SMDP_MOVE_INSTALL, SMDP_INSTALLED},
    {SMDP_LOADING, SMDP_MOVE_FAIL, SMDP_FAILED},
    {SMDP_INSTALLED, SMDP_MOVE_DELETE, SMDP_DELETED},
};

static const struct transition STEPS[] = {
    {SMDP_STEP_QUEUED, SMDP_EV_START, SMDP_STEP_EIS},
    {SMDP_STEP_QUEUED, SMDP_EV_LOST, SMDP_STEP_FAILED},

    {SMDP_STEP_EIS, SMDP_EV_OK, SMDP_STEP_CREATING},
    {SMDP_STEP_EIS, SMDP_EV_BESIDE, SMDP_STEP_CLEANING},
    {SMDP_STEP_EIS, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_EIS, SMDP_EV_LOST, SMDP_STEP_FAILED},

    {SMDP_STEP_CLEANING, SMDP_EV_OK, SMDP_STEP_CREATING},
    {SMDP_STEP_CLEANING, SMDP_EV_MORE, SMDP_STEP_CLEANING},
    {SMDP_STEP_CLEANING, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_CLEANING, SMDP_EV_LOST, SMDP_STEP_FAILED},

    {SMDP_STEP_CREATING, SMDP_EV_OK, SMDP_STEP_CERTIFYING},
    {SMDP_STEP_CREATING, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_CREATING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    {SMDP_STEP_CERTIFYING, SMDP_EV_OK, SMDP_STEP_AGREEING},
    {SMDP_STEP_CERTIFYING, SMDP_EV_FAILED, SMDP_STEP_UNDOING},
    {SMDP_STEP_CERTIFYING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    {SMDP_STEP_AGREEING, SMDP_EV_OK, SMDP_STEP_OPENING},
    {SMDP_STEP_AGREEING, SMDP_EV_FAILED, SMDP_STEP_UNDOING},
    {SMDP_STEP_AGREEING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    {SMDP_STEP_OPENING, SMDP_EV_OK, SMDP_STEP_LOADING},
    {SMDP_STEP_OPENING, SMDP_EV_MORE, SMDP_STEP_OPENING},
    {SMDP_STEP_OPENING, SMDP_EV_FAILED, SMDP_STEP_UNDOING},
    {SMDP_STEP_OPENING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    {SMDP_STEP_LOADING, SMDP_EV_OK, SMDP_STEP_COMPLETING},
    {SMDP_STEP_LOADING, SMDP_EV_MORE, SMDP_STEP_LOADING},
    {SMDP_STEP_LOADING, SMDP_EV_BESIDE, SMDP_STEP_PREPARING},
    {SMDP_STEP_LOADING, SMDP_EV_FAILED, SMDP_STEP_UNDOING},
    {SMDP_STEP_LOADING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    /* The Profile is there, with or without a token key. */
    {SMDP_STEP_PREPARING, SMDP_EV_OK, SMDP_STEP_COMPLETING},
    {SMDP_STEP_PREPARING, SMDP_EV_MORE, SMDP_STEP_PREPARING},
    {SMDP_STEP_PREPARING, SMDP_EV_FAILED, SMDP_STEP_COMPLETING},
    {SMDP_STEP_PREPARING, SMDP_EV_LOST, SMDP_STEP_COMPLETING},

    {SMDP_STEP_COMPLETING, SMDP_EV_OK, SMDP_STEP_DONE},
    {SMDP_STEP_COMPLETING, SMDP_EV_BESIDE, SMDP_STEP_ENABLING},
    {SMDP_STEP_COMPLETING, SMDP_EV_FAILED, SMDP_STEP_UNDOING},
    {SMDP_STEP_COMPLETING, SMDP_EV_LOST, SMDP_STEP_UNDOING},

    /* Installed all the same: a warning. */
    {SMDP_STEP_ENABLING, SMDP_EV_OK, SMDP_STEP_DONE},
    {SMDP_STEP_ENABLING, SMDP_EV_FAILED, SMDP_STEP_DONE},
    {SMDP_STEP_ENABLING, SMDP_EV_LOST, SMDP_STEP_DONE},

    {SMDP_STEP_UNDOING, SMDP_EV_OK, SMDP_STEP_FAILED},
    {SMDP_STEP_UNDOING, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_UNDOING, SMDP_EV_LOST, SMDP_STEP_FAILED},
    {SMDP_STEP_UNDOING, SMDP_EV_LOCKED, SMDP_STEP_COMPLETING},

    {SMDP_STEP_RELAYING, SMDP_EV_OK, SMDP_STEP_DONE},
    {SMDP_STEP_RELAYING, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_RELAYING, SMDP_EV_LOST, SMDP_STEP_FAILED},

    {SMDP_STEP_OPERATING, SMDP_EV_OK, SMDP_STEP_DONE},
    {SMDP_STEP_OPERATING, SMDP_EV_MORE, SMDP_STEP_OPERATING},
    {SMDP_STEP_OPERATING, SMDP_EV_FAILED, SMDP_STEP_FAILED},
    {SMDP_STEP_OPERATING, SMDP_EV_LOST, SMDP_STEP_FAILED},
};

static const char *const STATE_NAMES[SMDP_STATES] = {
    [SMDP_AVAILABLE] = "Available", [SMDP_RESERVED] = "Reserved",   [SMDP_CREATED] = "Created",
    [SMDP_LOADING] = "Loading",     [SMDP_INSTALLED] = "Installed", [SMDP_FAILED] = "Failed",
    [SMDP_DELETED] = "Deleted",
};

static const char *const MOVE_NAMES[SMDP_MOVES] = {
    [SMDP_MOVE_RESERVE] = "DownloadProfile",
    [SMDP_MOVE_CREATE] = "ISD-P created",
    [SMDP_MOVE_RELEASE] = "failed, nothing on the chip",
    [SMDP_MOVE_LOAD] = "first segment sent",
    [SMDP_MOVE_INSTALL] = "ProfileDownloadCompleted",
    [SMDP_MOVE_FAIL] = "failed",
    [SMDP_MOVE_DELETE] = "deleted on the chip",
};

static const char *const STEP_NAMES[SMDP_STEPS] = {
    [SMDP_STEP_QUEUED] = "queued",
    [SMDP_STEP_EIS] = "eis",
    [SMDP_STEP_CLEANING] = "cleaning",
    [SMDP_STEP_CREATING] = "creating",
    [SMDP_STEP_CERTIFYING] = "certifying",
    [SMDP_STEP_AGREEING] = "agreeing",
    [SMDP_STEP_OPENING] = "opening",
    [SMDP_STEP_LOADING] = "loading",
    [SMDP_STEP_PREPARING] = "preparing",
    [SMDP_STEP_COMPLETING] = "completing",
    [SMDP_STEP_ENABLING] = "enabling",
    [SMDP_STEP_UNDOING] = "undoing",
    [SMDP_STEP_RELAYING] = "relaying",
    [SMDP_STEP_OPERATING] = "operating",
    [SMDP_STEP_DONE] = "done",
    [SMDP_STEP_FAILED] = "failed",
};

static const char *const EVENT_NAMES[SMDP_EVENTS] = {
    [SMDP_EV_START] = "start",   [SMDP_EV_OK] = "ok",         [SMDP_EV_MORE] = "more",
    [SMDP_EV_BESIDE] = "beside", [SMDP_EV_FAILED] = "failed", [SMDP_EV_LOST] = "lost",
    [SMDP_EV_LOCKED] = "locked",
};

static uint8_t next(const struct transition *table, size_t count, unsigned from, unsigned event)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].from == from && table[i].event == event) {
            return table[i].to;
        }
    }
    return 0;
}

const char *smdp_state_name(enum smdp_state state)
{
    return state > 0 && state < SMDP_STATES ? STATE_NAMES[state] : NULL;
}

const char *smdp_move_name(enum smdp_move move)
{
    return move > 0 && move < SMDP_MOVES ? MOVE_NAMES[move] : NULL;
}

enum smdp_state smdp_state_next(enum smdp_state from, enum smdp_move move)
{
    return (enum smdp_state)next(STATES, CR_COUNT(STATES), from, move);
}

const char *smdp_step_name(enum smdp_step step)
{
    return step > 0 && step < SMDP_STEPS ? STEP_NAMES[step] : NULL;
}

const char *smdp_event_name(enum smdp_event event)
{
    return event > 0 && event < SMDP_EVENTS ? EVENT_NAMES[event] : NULL;
}

enum smdp_step smdp_step_next(enum smdp_step from, enum smdp_event event)
{
    return (enum smdp_step)next(STEPS, CR_COUNT(STEPS), from, event);
}

void smdp_state_diagram(cr_buf *out)
{
    cr_buf_append_str(out, "stateDiagram-v2\n    [*] --> Available : profile imported\n");
    for (size_t i = 0; i < CR_COUNT(STATES); i++) {
        cr_buf_appendf(out, "    %s --> %s : %s\n", STATE_NAMES[STATES[i].from],
                       STATE_NAMES[STATES[i].to], MOVE_NAMES[STATES[i].event]);
    }
}

void smdp_step_diagram(cr_buf *out)
{
    cr_buf_append_str(out, "stateDiagram-v2\n"
                           "    [*] --> queued : DownloadProfile\n"
                           "    [*] --> relaying : another function of ES2\n"
                           "    [*] --> operating : connectivity parameters\n");
    for (size_t i = 0; i < CR_COUNT(STEPS); i++) {
        cr_buf_appendf(out, "    %s --> %s : %s\n", STEP_NAMES[STEPS[i].from],
                       STEP_NAMES[STEPS[i].to], EVENT_NAMES[STEPS[i].event]);
    }
    cr_buf_append_str(out, "    done --> [*]\n    failed --> [*]\n");
}
