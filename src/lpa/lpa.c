#include "lpa/lpa.h"

static const struct {
    const char *name;
    const char *text;
} stages[LPA_STAGES] = {
    [LPA_STAGE_NONE] = {"none", "nothing yet"},
    [LPA_STAGE_OPEN] = {"open", "opening the eUICC"},
    [LPA_STAGE_IDENTIFY] = {"identify", "asking the eUICC who it is"},
    [LPA_STAGE_CONTACT] = {"contact", "contacting the server"},
    [LPA_STAGE_CHECK_SERVER] = {"check-server", "checking that it is the server meant"},
    [LPA_STAGE_AUTHENTICATE_SERVER] = {"authenticate-server", "the eUICC checks the server"},
    [LPA_STAGE_AUTHENTICATE_CLIENT] = {"authenticate-client", "the server checks the eUICC"},
    [LPA_STAGE_CHECK_PROFILE] = {"check-profile", "checking the profile's policy rules"},
    [LPA_STAGE_CONSENT] = {"consent", "asking for consent"},
    [LPA_STAGE_PREPARE] = {"prepare", "preparing the download"},
    [LPA_STAGE_FETCH] = {"fetch", "fetching the profile"},
    [LPA_STAGE_CHECK_PACKAGE] = {"check-package", "checking the package"},
    [LPA_STAGE_INSTALL] = {"install", "installing the profile"},
    [LPA_STAGE_NOTIFY] = {"notify", "sending notifications"},
    [LPA_STAGE_MANAGE] = {"manage", "managing profiles"},
    [LPA_STAGE_DISCOVER] = {"discover", "asking for waiting profiles"},
};

const char *lpa_stage_name(enum lpa_stage stage)
{
    return stage < LPA_STAGES ? stages[stage].name : "unknown";
}

const char *lpa_stage_text(enum lpa_stage stage)
{
    return stage < LPA_STAGES ? stages[stage].text : "unknown";
}

void lpa_where_enter(struct lpa_where *where, const char *function)
{
    if (where) {
        where->function = function;
        where->status_word = 0;
        where->http_status = 0;
        where->has_result = false;
        where->result = 0;
        where->result_name = NULL;
    }
}

void lpa_where_result(struct lpa_where *where, int64_t result, const char *name)
{
    if (where) {
        where->has_result = true;
        where->result = result;
        where->result_name = name;
    }
}
