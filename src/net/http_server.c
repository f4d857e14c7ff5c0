#include "net/http_server.h"

#include "net/http_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LISTENERS   16
#define MAX_LOOPS       64
#define MAX_CONNECTIONS 4096
#define BACKLOG         1024
#define IDLE_SECONDS    60
#define HEADER_SECONDS  10

struct http_server {
    struct http_listener listeners[MAX_LISTENERS];
    int sockets[MAX_LISTENERS];
    uint16_t ports[MAX_LISTENERS];
    size_t listener_count;
    struct http_pool *pool;
    struct http_loop *loops[MAX_LOOPS];
    size_t loop_count;
};

const char *http_request_header(const struct http_request *request, const char *name)
{
    return http_fields_find(request->headers, name);
}

static cr_status listen_failed(struct http_server *server, size_t i, int problem,
                               struct cr_err *err)
{
    const struct http_listener *listener = &server->listeners[i];
    cr_status status = cr_fail(err, CR_RESOURCE, NULL, "cannot listen on %s port %u: %s",
                               listener->host, listener->port, strerror(problem));
    if (problem == EADDRINUSE) {
        return cr_err_next(err, status,
                           "another program listens there: end it or choose another port");
    }
    if (problem == EACCES) {
        return cr_err_next(err, status,
                           "ports below 1024 need root or CAP_NET_BIND_SERVICE: choose a port "
                           "from 1024 on");
    }
    if (problem == EADDRNOTAVAIL) {
        return cr_err_next(err, status, "this machine has no such address: bind 0.0.0.0 for all");
    }
    return status;
}

static uint16_t socket_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } address = {0};
    socklen_t n = sizeof(address);
    if (getsockname(fd, &address.any, &n) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static cr_status listener_open(struct http_server *server, size_t i, struct cr_err *err)
{
    const struct http_listener *listener = &server->listeners[i];
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", listener->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int problem = getaddrinfo(listener->host, port, &hints, &found);
    if (problem != 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot listen on %s: %s", listener->host,
                       gai_strerror(problem));
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    /* Accepted sockets inherit TCP_NODELAY. */
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
                 setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 &&
                 bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    problem = errno;
    freeaddrinfo(found);
    if (!bound) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return listen_failed(server, i, problem, err);
    }
    server->sockets[i] = fd;
    server->ports[i] = socket_port(fd);
    return CR_OK;
}

/* Loops that only move bytes have little to do. Where they run handlers every processor gets one,
 * but for the last: commits and the kernel need some time too. */
static unsigned default_loops(const struct http_server *server)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    bool quick = false;
    for (size_t i = 0; i < server->listener_count; i++) {
        quick = quick || server->listeners[i].quick;
    }
    if (!quick || processors < 3) {
        return 1;
    }
    return processors > MAX_LOOPS ? MAX_LOOPS : (unsigned)processors - 1;
}

static cr_status server_open(struct http_server *server, const struct http_server_options *options,
                             struct cr_err *err)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        CR_TRY(listener_open(server, i, err));
    }
    const cr_env *env = options->env ? options->env : cr_env_system();
    CR_TRY(http_pool_new(options->workers, env, &server->pool, err));
    unsigned loops = options->loops ? options->loops : default_loops(server);
    unsigned connections = options->max_connections ? options->max_connections : MAX_CONNECTIONS;
    struct http_loop_options common = {
        .listeners = server->listeners,
        .sockets = server->sockets,
        .count = server->listener_count,
        .pool = server->pool,
        .max_body = options->max_body ? options->max_body : HTTP_MAX_BODY,
        .max_connections = (connections + loops - 1) / loops,
        .idle_seconds = options->idle_seconds ? options->idle_seconds : IDLE_SECONDS,
        .header_seconds = options->header_seconds ? options->header_seconds : HEADER_SECONDS,
        .env = env,
    };
    while (server->loop_count < loops) {
        common.number = (unsigned)server->loop_count;
        CR_TRY(http_loop_start(&common, &server->loops[server->loop_count], err));
        server->loop_count++;
    }
    return CR_OK;
}

cr_status http_server_start(const struct http_server_options *options, struct http_server **out,
                            struct cr_err *err)
{
    if (options->listener_count == 0 || options->listener_count > MAX_LISTENERS ||
        options->loops > MAX_LOOPS) {
        return cr_fail(err, CR_REFUSED, NULL,
                       "a server has 1 to %d listeners and at most %d event loops", MAX_LISTENERS,
                       MAX_LOOPS);
    }
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        return cr_fail_memory(err);
    }
    server->listener_count = options->listener_count;
    for (size_t i = 0; i < server->listener_count; i++) {
        server->sockets[i] = -1;
        server->listeners[i] = options->listeners[i];
        if (!server->listeners[i].host) {
            server->listeners[i].host = "127.0.0.1";
        }
    }
    cr_status status = server_open(server, options, err);
    if (status != CR_OK) {
        http_server_stop(server);
        return status;
    }
    *out = server;
    return CR_OK;
}

uint16_t http_server_port(const struct http_server *server, size_t i)
{
    return i < server->listener_count ? server->ports[i] : 0;
}

void http_server_stop(struct http_server *server)
{
    if (!server) {
        return;
    }
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->sockets[i] >= 0) {
            (void)close(server->sockets[i]);
        }
    }
    for (size_t i = 0; i < server->loop_count; i++) {
        http_loop_ask_stop(server->loops[i]);
    }
    for (size_t i = 0; i < server->loop_count; i++) {
        http_loop_join(server->loops[i]);
    }
    http_pool_free(server->pool);
    for (size_t i = 0; i < server->loop_count; i++) {
        http_loop_free(server->loops[i]);
    }
    free(server);
}
