/*
 * The commands of a card by name: one table for the shell, its help and completion, and for the
 * names in traces (ETSI TS 102 221, TS 102 222, TS 102 223, 3GPP TS 31.102, GlobalPlatform,
 * SGP.22).
 */
#ifndef CRISP_LAB_COMMANDS_H
#define CRISP_LAB_COMMANDS_H

#include "base/arena.h"
#include "lab/exchange.h"

#define LAB_MAX_WORDS 8     /* of one line */
#define LAB_MAX_LINE  70000 /* bytes of one line */

/* What a shell does itself. */
enum lab_local {
    LAB_SEND = 0,
    LAB_HELP,
    LAB_QUIT,
    LAB_RESET,
    LAB_ATR,
    LAB_USE /* another channel for the commands by name */
};

struct lab_command {
    const char *name;     /* as typed: "read binary"; NULL = only a name for traces */
    const char *standard; /* "READ BINARY" */
    uint8_t cla, ins, p1, p2;
    uint8_t how;       /* how the words become an APDU; enum in commands.c */
    uint8_t local;     /* enum lab_local */
    bool secret;       /* its words hold a PIN: not for a history */
    const char *usage; /* "[OFFSET [LENGTH]]"; NULL = no words */
    const char *help;
};

extern const struct lab_command lab_commands[];
extern const size_t lab_command_count;

/* The row of a command APDU by class, instruction and P1; NULL when it is not known. */
const struct lab_command *lab_command_of(cr_span apdu);
/* A row by the name in the standard, in any case, '-' and '_' as blanks ("read-binary"); NULL. */
const struct lab_command *lab_command_standard(cr_span name);

/* Class byte for a logical channel 0..19. */
uint8_t lab_cla(uint8_t cla, unsigned channel);

struct lab_apdus {
    const cr_span *items;
    size_t count;
};

/* A typed line. It is hex (an APDU of at least four bytes) or a name and its words. *command: the
 * row, NULL for hex. out->count is 0 for what a shell does itself; *words is then what follows the
 * name. channel: where commands by name go. Everything in the arena. CR_MALFORMED, CR_REFUSED with
 * a sentence and what would be right. Empty lines and lines that begin with # give neither. */
cr_status lab_line_parse(cr_span line, const struct lab_session *session, unsigned channel,
                         cr_arena *arena, const struct lab_command **command, cr_span *words,
                         struct lab_apdus *out, struct cr_err *err) CR_MUST_CHECK;

/* The row whose name the line begins with, NULL; *rest = what follows. */
const struct lab_command *lab_line_command(cr_span line, cr_span *rest);

#endif
