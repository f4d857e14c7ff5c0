/*
 * What the benchmarks measure with: servers as processes of their own, clocks, latencies, a
 * directory for the time of the run.
 */
#ifndef CRISP_CLI_BENCH_PROCESS_H
#define CRISP_CLI_BENCH_PROCESS_H

#include "base/error.h"

#include <sys/types.h>

#define BENCH_DIR  512 /* bytes of a directory's path */
#define BENCH_PATH 640 /* of a file below it */

/* ---- a server ----------------------------------------------------------------------------------
 */

struct bench_process {
    const char *name; /* "the SM-DP+" */
    pid_t pid;        /* 0 = it does not run */
};

/* Starts this executable with other arguments (argv[0] counts, NULL ends them), in a process that
 * ends with this one, and waits until it has written its port file. What it prints is dropped; its
 * log is appended to a file. */
cr_status bench_process_start(struct bench_process *p, const char *const *argv,
                              const char *port_file, const char *log_file,
                              struct cr_err *err) CR_MUST_CHECK;
/* A port of the file: its member. */
cr_status bench_process_port(const char *port_file, const char *member, uint16_t *out,
                             struct cr_err *err) CR_MUST_CHECK;
/* Ends it in good order and waits for that. */
void bench_process_stop(struct bench_process *p);

/* User and system time that it has used so far, milliseconds. */
double bench_process_cpu_ms(const struct bench_process *p);
double bench_process_rss_mb(const struct bench_process *p);

/* Ports of 127.0.0.1 that nobody listens at now, for servers that have to know each other's. */
cr_status bench_free_ports(uint16_t *ports, size_t count, struct cr_err *err) CR_MUST_CHECK;

/* ---- time --------------------------------------------------------------------------------------
 */

double bench_now_ms(void); /* monotonic */

/* Not locked. What does not fit any more is counted, but has no part in the percentiles. */
struct bench_latencies {
    double *ms;
    size_t count;
};
cr_status bench_latencies_new(struct bench_latencies *l, struct cr_err *err) CR_MUST_CHECK;
void bench_latencies_free(struct bench_latencies *l);
void bench_latencies_add(struct bench_latencies *l, double ms);
/* p from 0 to 1; 0 when there is none. Sorts. */
double bench_latencies_at(struct bench_latencies *l, double p);

/* ---- a directory -------------------------------------------------------------------------------
 */

/* given NULL: a new one, to be removed when the run is over; else that one. */
cr_status bench_dir_open(const char *given, char out[BENCH_DIR], struct cr_err *err) CR_MUST_CHECK;
/* Removes a directory of our own making with all that is in it. */
void bench_dir_remove(const char *dir);

#endif
