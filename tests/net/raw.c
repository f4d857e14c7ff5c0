#include "raw.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void raw_answer_free(struct raw_answer *answer)
{
    cr_buf_free(&answer->head);
    cr_buf_free(&answer->body);
    answer->status = 0;
}

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool raw_send(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool raw_send_text(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

bool raw_read(int fd, struct raw_answer *answer, bool without_body)
{
    raw_answer_free(answer);
    char c;
    do {
        if (recv(fd, &c, 1, 0) != 1) {
            return false;
        }
        cr_buf_append_byte(&answer->head, (uint8_t)c);
    } while (answer->head.n < 4 || memcmp(answer->head.p + answer->head.n - 4, "\r\n\r\n", 4) != 0);
    const char *head = cr_buf_cstr(&answer->head);
    if (!head || strncmp(head, "HTTP/1.1 ", 9) != 0) {
        return false;
    }
    answer->status = (int)strtol(head + 9, NULL, 10);
    const char *length = strcasestr(head, "\r\nContent-Length:");
    size_t n = length && !without_body ? strtoul(length + 17, NULL, 10) : 0;
    while (answer->body.n < n) {
        uint8_t piece[4096];
        size_t want = n - answer->body.n < sizeof(piece) ? n - answer->body.n : sizeof(piece);
        ssize_t got = recv(fd, piece, want, 0);
        if (got <= 0) {
            return false;
        }
        cr_buf_append(&answer->body, piece, (size_t)got);
    }
    return true;
}

bool raw_ends(int fd)
{
    char c;
    return recv(fd, &c, 1, 0) <= 0;
}
