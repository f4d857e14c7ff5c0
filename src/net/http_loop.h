/*
 * One event loop of an HTTP server: accepts connections, moves bytes, hands complete requests to
 * the pool and writes what comes back. Everything but the two functions at the end runs on its own
 * thread, so nothing in it is locked but the queue of finished jobs.
 */
#ifndef CRISP_NET_HTTP_LOOP_H
#define CRISP_NET_HTTP_LOOP_H

#include "net/http_pool.h"

#define HTTP_MAX_BODIES    ((size_t)256 << 20) /* bytes of unfinished request bodies of one loop */
#define HTTP_MAX_OUTPUT    ((size_t)256 << 10) /* unsent bytes that stop the next request */
#define HTTP_MIN_BODY_RATE 1024                /* bytes a second, after idle_seconds */
#define HTTP_STOP_SECONDS  10                  /* for requests that have begun */
#define HTTP_LINGER_MS     2000 /* for a refused client to read why before the socket closes */

struct http_loop_options {
    const struct http_listener *listeners; /* live as long as the loop */
    const int *sockets;                    /* listening, one for each listener; not owned */
    size_t count;
    struct http_pool *pool;
    size_t max_body;
    unsigned max_connections;
    unsigned idle_seconds;
    unsigned header_seconds;
    unsigned number; /* of the loop, from 0 */
    const cr_env *env;
};

struct http_loop;
/* Starts the thread. */
cr_status http_loop_start(const struct http_loop_options *options, struct http_loop **out,
                          struct cr_err *err) CR_MUST_CHECK;

/* Asks the loop to end; returns at once. */
void http_loop_ask_stop(struct http_loop *loop);

/* Waits for the thread to end. */
void http_loop_join(struct http_loop *loop);

/* After the join and after the pool is gone, whose workers give finished jobs to the loop. */
void http_loop_free(struct http_loop *loop);

#endif
