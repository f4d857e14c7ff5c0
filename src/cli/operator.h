/*
 * crisp operator: what its files share.
 */
#ifndef CRISP_CLI_OPERATOR_H
#define CRISP_CLI_OPERATOR_H

#include "cli/m2m.h"
#include "m2m/messenger.h"

#define OPERATOR_ROLES ((unsigned)(SOAP_OPERATOR | SOAP_M2MSP)) /* who sits at the desk */

extern const struct cli_command cli_operator_es2, cli_operator_es4, cli_operator_es4a;
extern const struct cli_command cli_operator_listen;

/* True for functions that the desk can call. */
bool cli_operator_calls(const struct soap_function *function);
/* Appends the options that a function takes, optional ones in brackets: "--eid EID [--mno-id OID]";
 * nothing for one that the desk does not call. */
void cli_operator_arguments(const struct soap_function *function, cr_buf *out);
/* One handler for all notifications that an SM-DP or SM-SR sends to a desk. */
void cli_operator_notices(m2m_handler handler, struct m2m_row rows[SOAP_FUNCTIONS + 1]);

#endif
