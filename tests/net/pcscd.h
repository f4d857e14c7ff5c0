/*
 * A PC/SC service with virtual readers for tests: starts pcscd with a configuration and ports of
 * its own when the machine allows it (root, pcscd and vsmartcard-vpcd installed, no pcscd running:
 * it is a singleton), and ends it by its process id.
 */
#ifndef CRISP_TESTS_NET_PCSCD_H
#define CRISP_TESTS_NET_PCSCD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_pcscd {
    pid_t pid;
    int lock;
    uint16_t port; /* of the reader's first slot; the second slot has port + 1 */
    char dir[256];
};

/* True when it runs and both slots are listening. Else false and *why (static) for skip messages.
 */
bool test_pcscd_start(struct test_pcscd *pcscd, const char **why);

/* Ends it and waits for it; a struct that was never started is left alone. */
void test_pcscd_stop(struct test_pcscd *pcscd);

#endif
