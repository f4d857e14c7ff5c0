#include "cli/bench_process.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS 20000
#define LOOK_MS          20
#define MAX_LATENCIES    ((size_t)1 << 20)
#define FIRST_PORT       20000
#define LAST_PORT        32767
#define MAX_OPEN         64 /* directories that are walked at the same time */

/* ---- a server ----------------------------------------------------------------------------------
 */

/* In the child of a program with threads: nothing but system calls. */
static void become(const char *const *argv, const char *log_file)
{
    int null = open("/dev/null", O_RDWR);
    int log = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0) {
        _exit(127);
    }
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* The last line of the log is why. */
static cr_status did_not_start(const struct bench_process *p, const char *log_file,
                               struct cr_err *err)
{
    char line[200] = "", next[200];
    FILE *f = fopen(log_file, "r");
    while (f && fgets(next, sizeof next, f)) {
        (void)cr_str_copy(line, sizeof line, cr_span_str(next));
    }
    if (f) {
        (void)fclose(f);
    }
    line[strcspn(line, "\n")] = 0;
    return cr_fail(err, CR_RESOURCE, NULL, "%s did not start: %s", p->name, line);
}

cr_status bench_process_start(struct bench_process *p, const char *const *argv,
                              const char *port_file, const char *log_file, struct cr_err *err)
{
    (void)unlink(port_file);
    pid_t pid = fork();
    if (pid < 0) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot start a process: %s", strerror(errno));
    }
    if (pid == 0) {
        become(argv, log_file);
    }
    p->pid = pid;
    for (int waited = 0; !cr_file_exists(port_file); waited += LOOK_MS) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            p->pid = 0;
        }
        if (p->pid == 0 || waited > START_TIMEOUT_MS) {
            return did_not_start(p, log_file, err);
        }
        (void)usleep(LOOK_MS * 1000);
    }
    return CR_OK;
}

cr_status bench_process_port(const char *port_file, const char *member, uint16_t *out,
                             struct cr_err *err)
{
    cr_buf content = {0};
    cr_status status = cr_file_read(port_file, 4096, &content, err);
    if (status == CR_OK) {
        json_t *json = json_loadb((const char *)content.p, content.n, 0, NULL);
        *out = (uint16_t)json_integer_value(json_object_get(json, member));
        json_decref(json);
        status = *out ? CR_OK : cr_fail(err, CR_MALFORMED, NULL, "%s names no port", port_file);
    }
    cr_buf_free(&content);
    return status;
}

void bench_process_stop(struct bench_process *p)
{
    if (p->pid > 0) {
        (void)kill(p->pid, SIGTERM);
        (void)waitpid(p->pid, NULL, 0);
        p->pid = 0;
    }
}

double bench_process_cpu_ms(const struct bench_process *p)
{
    char path[64];
    char line[1024] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return 0;
    }
    (void)!fgets(line, sizeof(line), f);
    (void)fclose(f);
    /* Fields 14 and 15 (utime, stime) in ticks; the name in field 2 may have blanks, so from its
     * closing bracket on. */
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 14; field++) {
        at = strchr(at + 1, ' ');
    }
    if (!at) {
        return 0;
    }
    unsigned long user = strtoul(at, &at, 10);
    unsigned long system = strtoul(at, NULL, 10);
    return (double)(user + system) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

double bench_process_rss_mb(const struct bench_process *p)
{
    char path[64];
    char line[256];
    double kb = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtod(line + 6, NULL);
        }
    }
    if (f) {
        (void)fclose(f);
    }
    return kb / 1024;
}

static bool is_free(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good =
        fd >= 0 && bind(fd, (const struct sockaddr *)&address, (socklen_t)sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

/* Below those that the system gives to whoever asks for any: nobody gets one of them before its
 * server starts. Where two runs begin looking differs. */
cr_status bench_free_ports(uint16_t *ports, size_t count, struct cr_err *err)
{
    size_t found = 0;
    const size_t start = (size_t)getpid() * 89 % (LAST_PORT - FIRST_PORT);
    for (size_t i = 0; i < LAST_PORT - FIRST_PORT && found < count; i++) {
        const uint16_t port = (uint16_t)(FIRST_PORT + (start + i) % (LAST_PORT - FIRST_PORT));
        if (is_free(port)) {
            ports[found++] = port;
        }
    }
    return found == count ? CR_OK : cr_fail(err, CR_RESOURCE, NULL, "there are no free ports");
}

/* ---- time --------------------------------------------------------------------------------------
 */

double bench_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

cr_status bench_latencies_new(struct bench_latencies *l, struct cr_err *err)
{
    *l = (struct bench_latencies){.ms = calloc(MAX_LATENCIES, sizeof(double))};
    return l->ms ? CR_OK : cr_fail_memory(err);
}

void bench_latencies_free(struct bench_latencies *l)
{
    free(l->ms);
    *l = (struct bench_latencies){0};
}

void bench_latencies_add(struct bench_latencies *l, double ms)
{
    if (l->count < MAX_LATENCIES) {
        l->ms[l->count++] = ms;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_latencies_at(struct bench_latencies *l, double p)
{
    if (l->count == 0) {
        return 0;
    }
    qsort(l->ms, l->count, sizeof(double), by_value);
    return l->ms[(size_t)(p * (double)(l->count - 1) + 0.5)];
}

/* ---- a directory -------------------------------------------------------------------------------
 */

/* What another run left would be measured with this one. */
static bool is_empty(const char *path)
{
    size_t entries = 0;
    DIR *dir = opendir(path);
    while (dir && readdir(dir)) {
        entries++;
    }
    if (dir) {
        (void)closedir(dir);
    }
    return entries <= 2; /* . and .. */
}

cr_status bench_dir_open(const char *given, char out[BENCH_DIR], struct cr_err *err)
{
    const char *tmp = getenv("TMPDIR");
    int n = given ? snprintf(out, BENCH_DIR, "%s", given)
                  : snprintf(out, BENCH_DIR, "%s/crisp-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (n < 0 || n >= BENCH_DIR) {
        return cr_fail(err, CR_REFUSED, NULL, "the path of the directory is too long");
    }
    if (given) {
        CR_TRY(cr_dir_make(out, err));
        return is_empty(out)
                   ? CR_OK
                   : cr_err_next(err, cr_fail(err, CR_REFUSED, NULL, "%s is not empty", out),
                                 "name a directory that is, or is not there");
    }
    return mkdtemp(out) ? CR_OK
                        : cr_fail(err, CR_RESOURCE, NULL, "cannot make a temporary directory: %s",
                                  strerror(errno));
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

void bench_dir_remove(const char *dir)
{
    (void)nftw(dir, remove_one, MAX_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
