#include "net/http_pool.h"

#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORKERS           256
#define WORKERS_PER_PROCESSOR 8 /* most of them wait for a commit that they share */

struct http_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct http_queue queue;
    size_t waiting; /* workers that sleep in pthread_cond_wait() */
    bool stopping;
    const cr_env *env;
    unsigned count;
    pthread_t threads[MAX_WORKERS];
};

void http_thread_block_signals(void)
{
    static const int signals[] = {SIGPIPE, SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                  SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGWINCH};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < CR_COUNT(signals); i++) {
        (void)sigaddset(&set, signals[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void http_queue_push(struct http_queue *queue, struct http_job *job)
{
    job->next = NULL;
    if (queue->last) {
        queue->last->next = job;
    } else {
        queue->first = job;
    }
    queue->last = job;
    queue->count++;
}

struct http_job *http_queue_pop(struct http_queue *queue)
{
    struct http_job *job = queue->first;
    if (job) {
        queue->first = job->next;
        if (!queue->first) {
            queue->last = NULL;
        }
        queue->count--;
        job->next = NULL;
    }
    return job;
}

void http_queue_append(struct http_queue *to, struct http_queue *from)
{
    if (!from->first) {
        return;
    }
    if (to->last) {
        to->last->next = from->first;
    } else {
        to->first = from->first;
    }
    to->last = from->last;
    to->count += from->count;
    *from = (struct http_queue){0};
}

struct http_job *http_job_new(size_t max_body)
{
    struct http_job *job = calloc(1, sizeof(*job));
    if (job) {
        job->parser.max_header = HTTP_MAX_HEADER;
        job->parser.max_body = max_body;
    }
    return job;
}

void http_job_reset(struct http_job *job)
{
    http_parser_reset(&job->parser);
    cr_arena_reset(&job->arena);
    job->arena.secret = false; /* as the handler wanted it for the last request */
    cr_buf_free(&job->response.body);
    cr_buf_reset(&job->head);
    job->response = (struct http_response){0};
    job->request = (struct http_request){0};
    job->connection = NULL;
    job->close = false;
    job->charged = 0;
}

void http_job_free(struct http_job *job)
{
    if (job) {
        http_parser_free(&job->parser);
        cr_arena_free(&job->arena);
        cr_buf_free(&job->response.body);
        cr_buf_free(&job->head);
        free(job);
    }
}

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < CR_COUNT(table); i++) {
        if (table[i].status == status) {
            return table[i].phrase;
        }
    }
    return "Unknown";
}

bool http_answer_has_body(const char *method, int status)
{
    return status != 204 && status != 304 && !(method && strcmp(method, "HEAD") == 0);
}

/* RFC 9110 5.6.7. By hand: strftime() takes its names from the program's locale. */
static void append_date(cr_buf *head, int64_t now_ms)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;
    if (gmtime_r(&now, &tm)) {
        cr_buf_appendf(head, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
                       tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
    }
}

static void append_field(cr_buf *head, const char *name, const char *value)
{
    cr_buf_append_str(head, name);
    cr_buf_append_str(head, ": ");
    cr_buf_append_str(head, value);
    cr_buf_append_str(head, "\r\n");
}

void http_answer_head(cr_buf *head, const struct http_response *response, size_t body_length,
                      bool close, int64_t now_ms)
{
    cr_buf_appendf(head, "HTTP/1.1 %d %s\r\n", response->status, reason_phrase(response->status));
    append_date(head, now_ms);
    if (response->content_type) {
        append_field(head, "Content-Type", response->content_type);
    }
    for (size_t i = 0; i < response->header_count; i++) {
        append_field(head, response->headers[i].name, response->headers[i].value);
    }
    if (response->chunked) {
        cr_buf_append_str(head, "Transfer-Encoding: chunked\r\n");
    } else if (response->status != 204 && response->status != 304) {
        cr_buf_appendf(head, "Content-Length: %zu\r\n", body_length);
    }
    if (close) {
        cr_buf_append_str(head, "Connection: close\r\n");
    }
    cr_buf_append_str(head, "\r\n");
    if (response->chunked) {
        cr_buf_appendf(head, "%zX\r\n", body_length);
    }
}

/* A value with a line break would let whoever fed it to the handler write header fields. */
static bool is_safe(const char *text)
{
    return text && !strpbrk(text, "\r\n");
}

static bool response_is_sound(const struct http_response *response)
{
    if (response->status < 200 || response->status > 599 || !cr_buf_ok(&response->body) ||
        response->header_count > CR_COUNT(response->headers) ||
        (response->content_type && !is_safe(response->content_type))) {
        return false;
    }
    for (size_t i = 0; i < response->header_count; i++) {
        if (!is_safe(response->headers[i].name) || !is_safe(response->headers[i].value)) {
            return false;
        }
    }
    return true;
}

/* A ticket is the job. */
void http_release(struct http_ticket *ticket, bool send)
{
    struct http_job *job = (struct http_job *)ticket;
    job->send = send;
    job->done(job->done_ctx, job);
}

void http_job_again(struct http_job *job)
{
    cr_buf_free(&job->response.body);
    cr_buf_reset(&job->head);
    job->response = (struct http_response){0};
    job->request.ticket = NULL;
}

void http_job_run(struct http_job *job, const cr_env *env)
{
    struct http_response *response = &job->response;
    job->handler(job->handler_ctx, &job->request, response);
    if (response->outcome == HTTP_WORKER && job->request.ticket) {
        return;
    }
    /* One that is held without an answer is asked for it again: no mistake. */
    const bool later = response->outcome == HTTP_HOLD && response->status == 0;
    if (!response_is_sound(response) && !later) {
        cr_log(env, CR_LOG_ERROR, "%s %s from %s: the handler gave no sound answer (status %d)",
               job->request.method, job->request.path, job->peer, response->status);
    }
    if (!response_is_sound(response)) {
        cr_buf_free(&response->body);
        *response = (struct http_response){.outcome = response->outcome, .status = 500};
    }
    job->close = !job->parser.keep_alive || atomic_load(job->stopping);
    size_t length = response->body.n;
    if (!http_answer_has_body(job->request.method, response->status)) {
        cr_buf_free(&response->body);
    }
    response->chunked = response->chunked && response->body.n > 0 && !job->parser.version_1_0;
    if (response->chunked) {
        cr_buf_append_str(&response->body, "\r\n0\r\n\r\n");
    }
    http_answer_head(&job->head, response, length, job->close, cr_now_ms(env));
    job->head.failed = job->head.failed || !cr_buf_ok(&response->body);
}

static void *worker_main(void *arg)
{
    struct http_pool *pool = arg;
    http_thread_block_signals();
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct http_job *job = pool->stopping ? NULL : http_queue_pop(&pool->queue);
        if (job) {
            pthread_mutex_unlock(&pool->lock);
            http_job_run(job, pool->env);
            job->done(job->done_ctx, job);
            pthread_mutex_lock(&pool->lock);
        } else if (pool->stopping) {
            break;
        } else {
            pool->waiting++;
            pthread_cond_wait(&pool->work, &pool->lock);
            pool->waiting--;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

cr_status http_pool_new(unsigned workers, const cr_env *env, struct http_pool **out,
                        struct cr_err *err)
{
    if (workers == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        workers = processors > 0 ? (unsigned)processors * WORKERS_PER_PROCESSOR : 1;
        workers = workers < MAX_WORKERS ? workers : MAX_WORKERS;
    }
    if (workers > MAX_WORKERS) {
        return cr_fail(err, CR_REFUSED, NULL, "%u worker threads are more than the %d allowed",
                       workers, MAX_WORKERS);
    }
    struct http_pool *pool = calloc(1, sizeof(*pool));
    if (!pool) {
        return cr_fail_memory(err);
    }
    pool->env = env;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    while (pool->count < workers) {
        int problem = pthread_create(&pool->threads[pool->count], NULL, worker_main, pool);
        if (problem) {
            http_pool_free(pool);
            return cr_fail(err, CR_RESOURCE, NULL, "cannot start a worker thread: %s",
                           strerror(problem));
        }
        pool->count++;
    }
    *out = pool;
    return CR_OK;
}

void http_pool_submit(struct http_pool *pool, struct http_queue *jobs)
{
    size_t count = jobs->count;
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    http_queue_append(&pool->queue, jobs);
    size_t wake = pool->waiting < count ? pool->waiting : count;
    pthread_mutex_unlock(&pool->lock);
    while (wake-- > 0) {
        pthread_cond_signal(&pool->work);
    }
}

void http_pool_free(struct http_pool *pool)
{
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    for (unsigned i = 0; i < pool->count; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    for (struct http_job *job = http_queue_pop(&pool->queue); job;
         job = http_queue_pop(&pool->queue)) {
        http_job_free(job);
    }
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
