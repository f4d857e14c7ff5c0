/*
 * Cards in PC/SC readers (pcscd).
 */
#ifndef CRISP_NET_PCSC_H
#define CRISP_NET_PCSC_H

#include "base/arena.h"
#include "net/card.h"

/* Names of all readers and whether a card is in, in pcscd's order. Arrays in the arena.
 * CR_RESOURCE with advice when pcscd does not run. */
struct pcsc_reader {
    const char *name;
    bool card_present;
};
cr_status pcsc_readers(cr_arena *arena, struct pcsc_reader **out, size_t *count,
                       struct cr_err *err) CR_MUST_CHECK;

/* Connects exclusively with T=0 (T=1 when the card has no T=0). reader NULL = the first with a
 * card; else a reader's name, the beginning of one, or its number. Status words and reader errors
 * come back as sentences, not numbers. */
cr_status pcsc_open(const char *reader, struct card *out, struct cr_err *err) CR_MUST_CHECK;

#endif
