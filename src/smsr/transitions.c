/*
 * What an event in a state may lead to. The engine refuses any other move; the diagram of the
 * documentation and the tests of impossible events are made from the same rows.
 */
#include "smsr/engine.h"

#define K(kind)         SMSR_KIND(SMSR_PROC_##kind)
#define SWITCHES        (K(ENABLE) | K(DISABLE))
#define CARD            (K(CREATE_ISDP) | K(FALLBACK) | K(EMERGENCY) | K(MASTER_DELETE))
#define PLAIN           (K(SEND_DATA) | K(AUDIT) | K(CONNECTIVITY) | K(ADDRESSING))
#define COMMANDS        (CARD | K(DELETE))
#define LASTING         (SWITCHES | COMMANDS) /* may be in doubt */
#define SWITCHING_KINDS (SWITCHES | K(DELETE))

#define S(state) SMSR_STATE_##state
#define E(event) SMSR_EV_##event

/* The command that makes the eUICC switch. */
#define SWITCH_COMMAND(kinds, from)                                                                \
    {kinds, from, E(OK), S(SWITCHING), "executed: the notification is awaited"},                   \
        {kinds, from, E(ERROR), S(FAILED), "the eUICC refused, POL1 for instance"},                \
        {kinds, from, E(UNREACHABLE), S(FAILED), "nothing left"},                                  \
        {kinds, from, E(UNANSWERED), S(SETTLING), "the notification will tell, or an audit"},      \
        {kinds, from, E(CHANGED), S(CONFIRMING), "the notification overtook the answer"},          \
        {kinds, from, E(ROLLED_BACK), S(FAILED), "rolled back"},                                   \
        {kinds, from, E(FELL_BACK), S(FAILED), "fell back by itself"},                             \
        {kinds, from, E(OTHER), S(SETTLING), "another Profile is enabled: audit"},                 \
        {kinds, from, E(DEADLINE), S(EXPIRED), "nothing left for the eUICC"},                      \
    {                                                                                              \
        kinds, from, E(DEADLINE), S(DOUBT), "requester told EXPIRED"                               \
    }

/* A command without a notification. */
#define COMMAND(kinds)                                                                             \
    {kinds, S(SENT), E(OK), S(DONE), "done"},                                                      \
        {kinds, S(SENT), E(ERROR), S(FAILED), "the eUICC refused"},                                \
        {kinds, S(SENT), E(UNREACHABLE), S(FAILED), "nothing left"},                               \
        {kinds, S(SENT), E(UNANSWERED), S(SETTLING), "audit"},                                     \
        {kinds, S(SENT), E(DEADLINE), S(EXPIRED), "nothing left for the eUICC"},                   \
    {                                                                                              \
        kinds, S(SENT), E(DEADLINE), S(DOUBT), "requester told EXPIRED"                            \
    }

/* Nothing is lost before the other SM-SR has the receipt. */
#define GIVES_UP(from)                                                                             \
    {K(CHANGE), from, E(PEER_DONE), S(FAILED), "without a key set"},                               \
        {K(CHANGE), from, E(PEER_REFUSED), S(FAILED), "not taken over"},                           \
        {K(CHANGE), from, E(PEER_SILENT), S(FAILED), "it does not answer"},                        \
        {K(CHANGE), from, E(FELL_BACK), S(FAILED), "the Profile changed"},                         \
        {K(CHANGE), from, E(OTHER), S(FAILED), "the Profile changed"},                             \
    {                                                                                              \
        K(CHANGE), from, E(DEADLINE), S(EXPIRED), "it did not go on in time"                       \
    }

#define CLEARED(event, does)                                                                       \
    {K(CHANGE), S(CLEARING), event, S(FAILED), does},                                              \
    {                                                                                              \
        K(CHANGE), S(CLEARING), event, S(EXPIRED), does                                            \
    }

#define GIVES_BACK(from)                                                                           \
    {K(TAKEOVER), from, E(PEER_REFUSED), S(FAILED), "EIS dropped"},                                \
        {K(TAKEOVER), from, E(PEER_SILENT), S(FAILED), "EIS dropped"},                             \
        {K(TAKEOVER), from, E(DEADLINE), S(FAILED), "EIS dropped"},                                \
    {                                                                                              \
        K(TAKEOVER), from, E(HANDOVER), from, "asked once more"                                    \
    }

#define FINISH(from, event, does)                                                                  \
    {K(TAKEOVER), from, event, S(CERTIFYING), does},                                               \
    {                                                                                              \
        K(TAKEOVER), from, event, S(DONE), does                                                    \
    }

#define PAUSES(from)                                                                               \
    {K(TAKEOVER), from, E(UNREACHABLE), S(PAUSED), "a warning; later again"},                      \
        {K(TAKEOVER), from, E(UNANSWERED), S(PAUSED), "a warning; later again"},                   \
    {                                                                                              \
        K(TAKEOVER), from, E(DEADLINE), S(PAUSED), "a warning; later again"                        \
    }

const struct smsr_transition smsr_transitions[] = {
    SWITCH_COMMAND(SWITCHES, S(SENT)),
    SWITCH_COMMAND(K(DELETE), S(DISABLING)),

    {SWITCHING_KINDS, S(SWITCHING), E(CHANGED), S(CONFIRMING), "EIS follows, confirmation"},
    {SWITCHING_KINDS, S(SWITCHING), E(ROLLED_BACK), S(FAILED), "rolled back"},
    {SWITCHING_KINDS, S(SWITCHING), E(FELL_BACK), S(FAILED), "fell back by itself"},
    {SWITCHING_KINDS, S(SWITCHING), E(OTHER), S(SETTLING), "another Profile is enabled: audit"},
    {SWITCHING_KINDS, S(SWITCHING), E(DEADLINE), S(DOUBT), "requester told EXPIRED"},

    {SWITCHES, S(CONFIRMING), E(OK), S(DONE), "final; POL1 deletions taken over"},
    {SWITCHES, S(CONFIRMING), E(OK), S(CLEANING), "final; POL2 deletes"},
    {K(DELETE), S(CONFIRMING), E(OK), S(SENT), "disabled: DELETE"},
    {K(DELETE), S(CONFIRMING), E(OK), S(DONE), "POL1 deleted it already"},
    {SWITCHING_KINDS, S(CONFIRMING), E(ERROR), S(SETTLING), "confirmation refused: audit"},
    {SWITCHING_KINDS, S(CONFIRMING), E(UNREACHABLE), S(CONFIRMING), "it repeats its notification"},
    {SWITCHING_KINDS, S(CONFIRMING), E(UNANSWERED), S(CONFIRMING), "confirmed again, by SMS"},
    {SWITCHING_KINDS, S(CONFIRMING), E(ROLLED_BACK), S(FAILED), "EIS goes back"},
    {SWITCHING_KINDS, S(CONFIRMING), E(FELL_BACK), S(FAILED), "fell back by itself"},
    {SWITCHING_KINDS, S(CONFIRMING), E(OTHER), S(SETTLING), "another Profile is enabled: audit"},
    {SWITCHING_KINDS, S(CONFIRMING), E(DEADLINE), S(DOUBT), "requester told EXPIRED"},

    {SWITCHES, S(CLEANING), E(OK), S(DONE), "deleted"},
    {SWITCHES, S(CLEANING), E(OK), S(EXPIRED), "deleted; requester was told EXPIRED"},
    {SWITCHES, S(CLEANING), E(ERROR), S(DONE), "gone already, or a warning"},
    {SWITCHES, S(CLEANING), E(ERROR), S(EXPIRED), "requester was told EXPIRED"},
    {SWITCHES, S(CLEANING), E(UNREACHABLE), S(DONE), "with a warning"},
    {SWITCHES, S(CLEANING), E(UNREACHABLE), S(EXPIRED), "requester was told EXPIRED"},
    {SWITCHES, S(CLEANING), E(UNANSWERED), S(DONE), "with a warning"},
    {SWITCHES, S(CLEANING), E(UNANSWERED), S(EXPIRED), "requester was told EXPIRED"},
    {SWITCHES, S(CLEANING), E(DEADLINE), S(DONE), "with a warning"},
    {SWITCHES, S(CLEANING), E(DEADLINE), S(EXPIRED), "requester was told EXPIRED"},

    COMMAND(COMMANDS),
    {K(DELETE) | K(MASTER_DELETE), S(SENT), E(ERROR), S(DONE), "gone already: a warning"},
    {K(MASTER_DELETE), S(SENT), E(ERROR), S(SETTLING),
     "gone already, or without a token key: audit"},

    {LASTING, S(SETTLING), E(OK), S(SETTLING), "the list goes on"},
    {LASTING, S(SETTLING), E(OK), S(DONE), "the audit shows that it was done"},
    {LASTING, S(SETTLING), E(OK), S(FAILED), "the audit shows that it was not done"},
    {LASTING, S(SETTLING), E(OK), S(EXPIRED), "EIS follows; requester was told EXPIRED"},
    {LASTING, S(SETTLING), E(OK), S(DOUBT), "no audit; requester was told EXPIRED"},
    {LASTING, S(SETTLING), E(ERROR), S(SETTLING), "later again"},
    {LASTING, S(SETTLING), E(ERROR), S(DOUBT), "requester was told EXPIRED"},
    {LASTING, S(SETTLING), E(UNREACHABLE), S(SETTLING), "later again"},
    {LASTING, S(SETTLING), E(UNREACHABLE), S(DOUBT), "requester was told EXPIRED"},
    {LASTING, S(SETTLING), E(UNANSWERED), S(SETTLING), "later again"},
    {LASTING, S(SETTLING), E(UNANSWERED), S(DOUBT), "requester was told EXPIRED"},
    {LASTING, S(SETTLING), E(AGAIN), S(SETTLING), "audit"},
    {LASTING, S(SETTLING), E(DEADLINE), S(DOUBT), "requester told EXPIRED"},
    {SWITCHING_KINDS, S(SETTLING), E(CHANGED), S(CONFIRMING), "in time: EIS follows, confirmation"},
    {SWITCHING_KINDS, S(SETTLING), E(CHANGED), S(SETTLING), "late: not confirmed"},
    {SWITCHING_KINDS, S(SETTLING), E(ROLLED_BACK), S(FAILED), "rolled back"},
    {SWITCHING_KINDS, S(SETTLING), E(ROLLED_BACK), S(EXPIRED), "requester was told EXPIRED"},
    {SWITCHING_KINDS, S(SETTLING), E(FELL_BACK), S(FAILED), "fell back by itself"},
    {SWITCHING_KINDS, S(SETTLING), E(FELL_BACK), S(EXPIRED), "requester was told EXPIRED"},
    {SWITCHING_KINDS, S(SETTLING), E(OTHER), S(SETTLING), "audit"},

    {LASTING, S(DOUBT), E(OK), S(EXPIRED), "late answer: EIS follows"},
    {SWITCHES, S(DOUBT), E(OK), S(CLEANING), "late answer to the confirmation: POL2 deletes"},
    {SWITCHING_KINDS, S(DOUBT), E(OK), S(DOUBT), "late answer to the switch: it will roll back"},
    {LASTING, S(DOUBT), E(ERROR), S(EXPIRED), "late answer: refused"},
    {SWITCHING_KINDS, S(DOUBT), E(ERROR), S(DOUBT), "confirmation refused"},
    {LASTING, S(DOUBT), E(UNREACHABLE), S(DOUBT), "waits"},
    {LASTING, S(DOUBT), E(UNANSWERED), S(DOUBT), "waits"},
    {SWITCHING_KINDS, S(DOUBT), E(CHANGED), S(DOUBT), "late: not confirmed, it rolls back"},
    {SWITCHING_KINDS, S(DOUBT), E(ROLLED_BACK), S(EXPIRED), "EIS as before"},
    {SWITCHING_KINDS, S(DOUBT), E(FELL_BACK), S(EXPIRED), "EIS follows"},
    {SWITCHING_KINDS, S(DOUBT), E(OTHER), S(DOUBT), "waits"},
    {LASTING, S(DOUBT), E(AUDITED), S(EXPIRED), "settled by AuditEIS"},
    {LASTING, S(DOUBT), E(DEADLINE), S(SETTLING), "long enough waited: audit"},

    {PLAIN, S(SENT), E(OK), S(DONE), "answered"},
    {PLAIN, S(SENT), E(OK), S(SENT), "there is more"},
    {PLAIN, S(SENT), E(OK), S(FAILED), "no such answer"},
    {PLAIN, S(SENT), E(ERROR), S(FAILED), "the eUICC refused"},
    {PLAIN, S(SENT), E(UNREACHABLE), S(FAILED), "nothing left"},
    {PLAIN, S(SENT), E(UNANSWERED), S(FAILED), "no answer"},
    {PLAIN, S(SENT), E(DEADLINE), S(EXPIRED), "requester told EXPIRED"},

    {K(CHANGE), S(OFFERED), E(AUTHENTICATE), S(AUTHENTICATING), "its certificate to the eUICC"},
    GIVES_UP(S(OFFERED)),
    {K(CHANGE), S(AUTHENTICATING), E(OK), S(CHALLENGED), "the challenge goes back"},
    {K(CHANGE), S(AUTHENTICATING), E(OK), S(FAILED), "no challenge in the answer"},
    {K(CHANGE), S(AUTHENTICATING), E(ERROR), S(FAILED), "the eUICC refused the certificate"},
    {K(CHANGE), S(AUTHENTICATING), E(UNREACHABLE), S(FAILED), "nothing left"},
    {K(CHANGE), S(AUTHENTICATING), E(UNANSWERED), S(FAILED), "no answer"},
    GIVES_UP(S(AUTHENTICATING)),
    {K(CHANGE), S(CHALLENGED), E(KEY_SET), S(ESTABLISHING), "its key set to the eUICC"},
    {K(CHANGE), S(CHALLENGED), E(AUTHENTICATE), S(AUTHENTICATING), "once more"},
    GIVES_UP(S(CHALLENGED)),
    {K(CHANGE), S(ESTABLISHING), E(OK), S(ESTABLISHED), "the receipt goes back"},
    {K(CHANGE), S(ESTABLISHING), E(OK), S(CLEARING), "no receipt in the answer"},
    {K(CHANGE), S(ESTABLISHING), E(ERROR), S(FAILED), "the eUICC refused the signature"},
    {K(CHANGE), S(ESTABLISHING), E(UNREACHABLE), S(FAILED), "nothing left"},
    {K(CHANGE), S(ESTABLISHING), E(UNANSWERED), S(CLEARING), "the key set may be there"},
    GIVES_UP(S(ESTABLISHING)),
    {K(CHANGE), S(ESTABLISHING), E(PEER_DONE), S(CLEARING), "the key set may be there"},
    {K(CHANGE), S(ESTABLISHING), E(PEER_REFUSED), S(CLEARING), "the key set may be there"},
    {K(CHANGE), S(ESTABLISHING), E(PEER_SILENT), S(CLEARING), "the key set may be there"},
    {K(CHANGE), S(ESTABLISHING), E(FELL_BACK), S(CLEARING), "the key set may be there"},
    {K(CHANGE), S(ESTABLISHING), E(OTHER), S(CLEARING), "the key set may be there"},
    {K(CHANGE), S(ESTABLISHING), E(DEADLINE), S(CLEARING), "initiator told EXPIRED"},
    {K(CHANGE), S(ESTABLISHED), E(PEER_DONE), S(DONE), "handed over: EIS and keys are deleted"},
    {K(CHANGE), S(ESTABLISHED), E(PEER_REFUSED), S(CLEARING), "not taken over"},
    {K(CHANGE), S(ESTABLISHED), E(PEER_REFUSED), S(DONE), "it says that it has it"},
    {K(CHANGE), S(ESTABLISHED), E(PEER_SILENT), S(ASKING), "asked again"},
    {K(CHANGE), S(ESTABLISHED), E(DEADLINE), S(ASKING), "initiator told EXPIRED; asked again"},
    {K(CHANGE), S(ASKING), E(PEER_DONE), S(DONE), "handed over: EIS and keys are deleted"},
    {K(CHANGE), S(ASKING), E(PEER_DONE), S(EXPIRED), "the same; initiator was told EXPIRED"},
    {K(CHANGE), S(ASKING), E(PEER_REFUSED), S(CLEARING), "not taken over"},
    {K(CHANGE), S(ASKING), E(PEER_REFUSED), S(DONE), "it says that it has it"},
    {K(CHANGE), S(ASKING), E(PEER_REFUSED), S(EXPIRED), "the same; initiator was told EXPIRED"},
    {K(CHANGE), S(ASKING), E(PEER_SILENT), S(ASKING), "later again"},
    {K(CHANGE), S(ASKING), E(DEADLINE), S(ASKING), "asked again"},
    CLEARED(E(OK), "its key set is gone"),
    CLEARED(E(ERROR), "the eUICC refused"),
    CLEARED(E(UNREACHABLE), "its key set may stay"),
    CLEARED(E(UNANSWERED), "its key set may stay"),
    CLEARED(E(DEADLINE), "its key set may stay"),

    {K(TAKEOVER), S(PREPARED), E(HANDOVER), S(AUTHENTICATING), "EIS verified; we show ourselves"},
    {K(TAKEOVER), S(PREPARED), E(PREPARE), S(FAILED), "prepared anew"},
    {K(TAKEOVER), S(PREPARED), E(DEADLINE), S(EXPIRED), "HandoverEUICC did not come"},
    {K(TAKEOVER), S(AUTHENTICATING), E(PEER_DONE), S(ESTABLISHING), "challenged: our key set"},
    {K(TAKEOVER), S(AUTHENTICATING), E(PEER_DONE), S(FAILED), "no challenge"},
    GIVES_BACK(S(AUTHENTICATING)),
    {K(TAKEOVER), S(ESTABLISHING), E(PEER_DONE), S(FINALISING), "receipt matches: it is ours"},
    {K(TAKEOVER), S(ESTABLISHING), E(PEER_DONE), S(FAILED), "receipt wrong: EIS dropped"},
    GIVES_BACK(S(ESTABLISHING)),
    FINISH(S(FINALISING), E(OK), "old keys deleted"),
    FINISH(S(FINALISING), E(ERROR), "a warning: the old keys stay"),
    {K(TAKEOVER), S(FINALISING), E(OK), S(ADDRESSING), "old keys deleted"},
    {K(TAKEOVER), S(FINALISING), E(ERROR), S(ADDRESSING), "a warning: the old keys stay"},
    PAUSES(S(FINALISING)),
    FINISH(S(ADDRESSING), E(OK), "our addresses are there"),
    FINISH(S(ADDRESSING), E(ERROR), "a warning"),
    PAUSES(S(ADDRESSING)),
    {K(TAKEOVER), S(CERTIFYING), E(OK), S(KEYING), "challenged: the SCP81 key set"},
    {K(TAKEOVER), S(CERTIFYING), E(OK), S(DONE), "no challenge: a warning"},
    {K(TAKEOVER), S(CERTIFYING), E(ERROR), S(DONE), "a warning"},
    PAUSES(S(CERTIFYING)),
    {K(TAKEOVER), S(KEYING), E(OK), S(DONE), "done"},
    {K(TAKEOVER), S(KEYING), E(ERROR), S(DONE), "a warning"},
    PAUSES(S(KEYING)),
    {K(TAKEOVER), S(PAUSED), E(DEADLINE), S(PAUSED), "the eUICC is busy"},
    {K(TAKEOVER), S(PAUSED), E(DEADLINE), S(FINALISING), "once more"},
    {K(TAKEOVER), S(PAUSED), E(DEADLINE), S(ADDRESSING), "once more"},
    {K(TAKEOVER), S(PAUSED), E(DEADLINE), S(CERTIFYING), "once more"},
    {K(TAKEOVER), S(PAUSED), E(DEADLINE), S(DONE), "nothing left to do, or handed on"},
    {0, 0, 0, 0, NULL},
};

const char *smsr_kind_name(enum smsr_kind kind)
{
    static const char *const names[SMSR_KINDS] = {
        [SMSR_PROC_ENABLE] = "EnableProfile",
        [SMSR_PROC_DISABLE] = "DisableProfile",
        [SMSR_PROC_DELETE] = "DeleteProfile",
        [SMSR_PROC_CREATE_ISDP] = "CreateISDP",
        [SMSR_PROC_SEND_DATA] = "SendData",
        [SMSR_PROC_AUDIT] = "AuditEIS",
        [SMSR_PROC_CONNECTIVITY] = "UpdateConnectivityParameters",
        [SMSR_PROC_FALLBACK] = "SetFallBackAttribute",
        [SMSR_PROC_EMERGENCY] = "SetEmergencyProfileAttribute",
        [SMSR_PROC_MASTER_DELETE] = "MasterDelete",
        [SMSR_PROC_ADDRESSING] = "UpdateSMSRAddressingParameters",
        [SMSR_PROC_CHANGE] = "SMSRChange",
        [SMSR_PROC_TAKEOVER] = "HandoverEUICC",
    };
    return kind > 0 && kind < SMSR_KINDS ? names[kind] : NULL;
}

const char *smsr_proc_state_name(enum smsr_proc_state state)
{
    static const char *const names[SMSR_PROC_STATES] = {
        [SMSR_STATE_SENT] = "sent",
        [SMSR_STATE_DISABLING] = "disabling",
        [SMSR_STATE_SWITCHING] = "switching",
        [SMSR_STATE_CONFIRMING] = "confirming",
        [SMSR_STATE_CLEANING] = "cleaning",
        [SMSR_STATE_SETTLING] = "settling",
        [SMSR_STATE_DOUBT] = "doubt",
        [SMSR_STATE_DONE] = "done",
        [SMSR_STATE_FAILED] = "failed",
        [SMSR_STATE_EXPIRED] = "expired",
        [SMSR_STATE_OFFERED] = "offered",
        [SMSR_STATE_CHALLENGED] = "challenged",
        [SMSR_STATE_ESTABLISHED] = "established",
        [SMSR_STATE_ASKING] = "asking",
        [SMSR_STATE_CLEARING] = "clearing",
        [SMSR_STATE_PREPARED] = "prepared",
        [SMSR_STATE_FINALISING] = "finalising",
        [SMSR_STATE_ADDRESSING] = "addressing",
        [SMSR_STATE_CERTIFYING] = "certifying",
        [SMSR_STATE_KEYING] = "keying",
        [SMSR_STATE_PAUSED] = "paused",
        [SMSR_STATE_AUTHENTICATING] = "authenticating",
        [SMSR_STATE_ESTABLISHING] = "establishing",
    };
    return state > 0 && state < SMSR_PROC_STATES ? names[state] : NULL;
}

const char *smsr_event_name(enum smsr_event event)
{
    static const char *const names[SMSR_EVENTS] = {
        [SMSR_EV_OK] = "executed",
        [SMSR_EV_ERROR] = "refused",
        [SMSR_EV_UNREACHABLE] = "unreachable",
        [SMSR_EV_UNANSWERED] = "unanswered",
        [SMSR_EV_CHANGED] = "notification changed",
        [SMSR_EV_ROLLED_BACK] = "notification rolled back",
        [SMSR_EV_FELL_BACK] = "notification fell back",
        [SMSR_EV_OTHER] = "notification of another Profile",
        [SMSR_EV_AUDITED] = "audited",
        [SMSR_EV_PREPARE] = "PrepareSMSRChange",
        [SMSR_EV_HANDOVER] = "HandoverEUICC",
        [SMSR_EV_AUTHENTICATE] = "AuthenticateSMSR",
        [SMSR_EV_KEY_SET] = "CreateAdditionalKeySet",
        [SMSR_EV_PEER_DONE] = "other SM-SR: executed",
        [SMSR_EV_PEER_REFUSED] = "other SM-SR: failed",
        [SMSR_EV_PEER_SILENT] = "other SM-SR: no answer",
        [SMSR_EV_DEADLINE] = "deadline",
        [SMSR_EV_AGAIN] = "again",
    };
    return event > 0 && event < SMSR_EVENTS ? names[event] : NULL;
}

bool smsr_proc_ended(enum smsr_proc_state state)
{
    return state == SMSR_STATE_DONE || state == SMSR_STATE_FAILED || state == SMSR_STATE_EXPIRED;
}

/* ---- documentation -----------------------------------------------------------------------------
 */

static const struct {
    enum smsr_kind kind; /* one that stands for all of the group */
    const char *title, *text;
    enum smsr_proc_state starts[2];
} groups[] = {
    {SMSR_PROC_ENABLE,
     "EnableProfile, DisableProfile",
     "The eUICC executes, answers, switches, attaches and sends a notification; what it did is "
     "final\nwhen the SM-SR has confirmed it.",
     {SMSR_STATE_SENT, 0}},
    {SMSR_PROC_DELETE,
     "DeleteProfile, DeleteISDP",
     "An Enabled Profile is disabled first, in the same procedure.",
     {SMSR_STATE_SENT, SMSR_STATE_DISABLING}},
    {SMSR_PROC_CREATE_ISDP,
     "CreateISDP, SetFallBackAttribute, SetEmergencyProfileAttribute",
     "One command; when its answer is lost an audit tells what became of it. Master Delete is the "
     "same,\nand a Profile that is gone already counts as deleted, with a warning.",
     {SMSR_STATE_SENT, 0}},
    {SMSR_PROC_SEND_DATA,
     "SendData, AuditEIS, UpdateConnectivityParameters, UpdateSMSRAddressingParameters",
     "Nothing of it is in the EIS before the eUICC has answered: no doubt to settle.",
     {SMSR_STATE_SENT, 0}},
    {SMSR_PROC_CHANGE,
     "SMSRChange: the SM-SR that hands an eUICC over",
     "The eUICC is locked from the beginning: others get 1.2/4.4. Once the other SM-SR has the "
     "receipt\n(*established*) only its word ends the procedure.",
     {SMSR_STATE_OFFERED, 0}},
    {SMSR_PROC_TAKEOVER,
     "PrepareSMSRChange, HandoverEUICC: the SM-SR that takes an eUICC over",
     "The matching receipt (*establishing* to *finalising*) is the commit point: before it the "
     "eUICC is the\nother SM-SR's, from then on ours, whatever fails.",
     {SMSR_STATE_PREPARED, 0}},
};

void smsr_states_markdown(cr_buf *out)
{
    cr_buf_append_str(
        out, "# Procedures of the SM-SR\n\n"
             "Printed from the table that the server runs on (`src/smsr/transitions.c`, SGP.02 3). "
             "An event\nthat may lead to several states has one arrow for each. While a procedure "
             "is in *doubt* it still\nholds its eUICC: others get 1.2/4.4, but for AuditEIS.\n");
    for (size_t g = 0; g < CR_COUNT(groups); g++) {
        cr_buf_appendf(out, "\n## %s\n\n%s\n\n```mermaid\nstateDiagram-v2\n", groups[g].title,
                       groups[g].text);
        for (size_t i = 0; i < CR_COUNT(groups[g].starts) && groups[g].starts[i]; i++) {
            cr_buf_appendf(out, "    [*] --> %s\n", smsr_proc_state_name(groups[g].starts[i]));
        }
        for (const struct smsr_transition *t = smsr_transitions; t->from; t++) {
            if (t->kinds & SMSR_KIND(groups[g].kind)) {
                cr_buf_appendf(out, "    %s --> %s : %s (%s)\n", smsr_proc_state_name(t->from),
                               smsr_proc_state_name(t->to), smsr_event_name(t->event), t->does);
            }
        }
        cr_buf_append_str(out, "```\n");
    }
}
