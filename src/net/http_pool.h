/*
 * Between the event loops and the handlers: requests as jobs, a pool of worker threads that run
 * them, and the answer as bytes.
 */
#ifndef CRISP_NET_HTTP_POOL_H
#define CRISP_NET_HTTP_POOL_H

#include "net/http_parse.h"
#include "net/http_server.h"

#include <stdatomic.h>

#define HTTP_PEER_TEXT 64 /* "[IPv6%scope]:65535" and room */

struct http_connection;

/* One request on its way. Belongs to the loop, while it runs to a worker. */
struct http_job {
    struct http_job *next;
    struct http_connection *connection; /* for the loop only; NULL once the client went away */
    bool quick;                         /* runs in the loop first */
    bool send;                          /* what http_release() said */
    http_handler handler;
    void *handler_ctx;
    bool close;                  /* the connection ends with this answer */
    const atomic_bool *stopping; /* and so it does when the server stops meanwhile */

    struct http_parser parser;
    cr_arena arena;
    char peer[HTTP_PEER_TEXT];
    struct http_request request;
    struct http_response response;
    cr_buf head;    /* status line and fields of the answer */
    size_t charged; /* bytes of body counted against the loop's budget */

    /* Where the worker, or http_release(), leaves it. */
    void (*done)(void *ctx, struct http_job *job);
    void *done_ctx;
};

struct http_job *http_job_new(size_t max_body);
void http_job_free(struct http_job *job);
void http_job_reset(struct http_job *job);

/* Runs the handler and makes head and body of its answer, unless there is none (HTTP_WORKER). */
void http_job_run(struct http_job *job, const cr_env *env);

/* Throws the answer away, for another run without a ticket. */
void http_job_again(struct http_job *job);

/* Writes status line and header fields into head. body_length is announced unless the status has no
 * body, as the size of the one chunk if the answer is chunked; now_ms dates it. */
void http_answer_head(cr_buf *head, const struct http_response *response, size_t body_length,
                      bool close, int64_t now_ms);

/* True when an answer of this status to this method carries its body. */
bool http_answer_has_body(const char *method, int status);

/* First in, first out. */
struct http_queue {
    struct http_job *first;
    struct http_job *last;
    size_t count;
};

void http_queue_push(struct http_queue *queue, struct http_job *job);
struct http_job *http_queue_pop(struct http_queue *queue);
/* Moves all of from behind the end of to. */
void http_queue_append(struct http_queue *to, struct http_queue *from);

struct http_pool;
cr_status http_pool_new(unsigned workers, const cr_env *env, struct http_pool **out,
                        struct cr_err *err) CR_MUST_CHECK;

/* Gives all of jobs to the workers at once. */
void http_pool_submit(struct http_pool *pool, struct http_queue *jobs);

/* Drops what has not begun, waits for what runs, ends the threads. NULL allowed. */
void http_pool_free(struct http_pool *pool);

/* Keeps the signals of the program away from the calling thread, and SIGPIPE from killing it. */
void http_thread_block_signals(void);

#endif
