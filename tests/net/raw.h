/* A client of bytes for hostile tests: sends what it likes, understands just enough to read
 * answers. */
#ifndef CRISP_TESTS_NET_RAW_H
#define CRISP_TESTS_NET_RAW_H

#include "base/buf.h"

struct raw_answer {
    int status;
    cr_buf head; /* with its end, NUL-terminated */
    cr_buf body;
};

void raw_answer_free(struct raw_answer *answer);

/* To 127.0.0.1; -1 when it is refused. */
int raw_connect(uint16_t port);
/* False when the peer is gone. */
bool raw_send(int fd, const void *p, size_t n);
bool raw_send_text(int fd, const char *text);

/* Reads one answer by its Content-Length (100 Continue is an answer of its own; without_body: the
 * request was HEAD). False when the connection ends before. */
bool raw_read(int fd, struct raw_answer *answer, bool without_body);

/* True when the peer closes (or resets) without sending a byte more. Waits for it. */
bool raw_ends(int fd);

#endif
