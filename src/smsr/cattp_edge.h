/*
 * CAT_TP on the network: a UDP socket, and threads for the works of smsr/cattp.h.
 */
#ifndef CRISP_SMSR_CATTP_EDGE_H
#define CRISP_SMSR_CATTP_EDGE_H

#include "smsr/cattp.h"

struct smsr_cattp_edge;
/* host NULL = 127.0.0.1; port 0 = a free one; workers >= 1. */
cr_status smsr_cattp_edge_start(struct smsr *sr, const struct smsr_radio_config *config,
                                const char *host, uint16_t port, unsigned workers,
                                struct smsr_cattp_edge **out, struct cr_err *err) CR_MUST_CHECK;
struct smsr_cattp *smsr_cattp_edge_core(struct smsr_cattp_edge *edge);
uint16_t smsr_cattp_edge_port(const struct smsr_cattp_edge *edge);
/* Links are ended, threads too; the functions of the core may still be called. NULL allowed. */
void smsr_cattp_edge_stop(struct smsr_cattp_edge *edge);
void smsr_cattp_edge_free(struct smsr_cattp_edge *edge); /* NULL allowed */

#endif
