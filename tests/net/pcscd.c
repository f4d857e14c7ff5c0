#include "pcscd.h"

#include "certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM    "/usr/sbin/pcscd"
#define DRIVER     "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
#define RUN_DIR    "/run/pcscd"
#define SOCKET     RUN_DIR "/pcscd.comm"
#define WAIT_MS    20
#define LOCK       RUN_DIR "/crisp-test.lock"
#define TRIES      500 /* ten seconds */
#define TURN_TRIES 5000
#define PORT_FROM  36100
#define PORT_TO    38000

static void pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* pcscd itself refuses to start beside another; the socket of a dead one stays and is harmless. */
static bool another_runs(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", SOCKET);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool runs = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return runs;
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return bound;
}

/* Test programs that run at the same time take turns. */
static int take_turn(void)
{
    int fd = open(LOCK, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    for (int i = 0; fd >= 0 && i < TURN_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return fd;
        }
        pause_ms(WAIT_MS);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

static uint16_t free_pair(void)
{
    uint16_t first = (uint16_t)(PORT_FROM + getpid() % 800 * 2);
    for (uint16_t port = first; port < PORT_TO; port = (uint16_t)(port + 2)) {
        if (port_is_free(port) && port_is_free((uint16_t)(port + 1))) {
            return port;
        }
    }
    return 0;
}

static bool write_config(const struct test_pcscd *pcscd)
{
    FILE *out = fopen(test_path(pcscd->dir, "vpcd"), "w");
    if (!out) {
        return false;
    }
    (void)fprintf(out,
                  "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\n"
                  "CHANNELID 0x%X\n",
                  pcscd->port, DRIVER, pcscd->port);
    return fclose(out) == 0;
}

static pid_t spawn(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)setsid();
        (void)execl(PROGRAM, PROGRAM, "--foreground", "-c", dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

bool test_pcscd_start(struct test_pcscd *pcscd, const char **why)
{
    *pcscd = (struct test_pcscd){0};
    *why = NULL;
    if (geteuid() != 0) {
        *why = "only root can start pcscd";
    } else if (access(PROGRAM, X_OK) != 0) {
        *why = "pcscd is not installed";
    } else if (access(DRIVER, R_OK) != 0) {
        *why = "vsmartcard-vpcd is not installed";
    } else if ((mkdir(RUN_DIR, 0755) != 0 && errno != EEXIST) || (pcscd->lock = take_turn()) < 0) {
        *why = RUN_DIR " cannot be used, or other tests keep it busy";
    } else if (another_runs()) {
        *why = "a pcscd runs already";
    } else if ((pcscd->port = free_pair()) == 0) {
        *why = "no port is free for a virtual reader";
    }
    if (*why) {
        test_pcscd_stop(pcscd);
        return false;
    }
    test_dir_make(pcscd->dir);
    pcscd->pid = write_config(pcscd) ? spawn(pcscd->dir) : -1;
    for (int i = 0; i < TRIES && pcscd->pid > 0; i++) {
        int status;
        if (waitpid(pcscd->pid, &status, WNOHANG) == pcscd->pid) {
            pcscd->pid = 0;
        } else if (another_runs() && !port_is_free(pcscd->port) &&
                   !port_is_free((uint16_t)(pcscd->port + 1))) {
            return true;
        } else {
            pause_ms(WAIT_MS);
        }
    }
    test_pcscd_stop(pcscd);
    *why = "pcscd does not start with a virtual reader";
    return false;
}

void test_pcscd_stop(struct test_pcscd *pcscd)
{
    if (pcscd->pid > 0) {
        int status;
        bool ended = false;
        (void)kill(pcscd->pid, SIGTERM);
        for (int i = 0; i < TRIES && !ended; i++) {
            ended = waitpid(pcscd->pid, &status, WNOHANG) == pcscd->pid;
            if (!ended) {
                pause_ms(WAIT_MS);
            }
        }
        if (!ended) {
            (void)kill(pcscd->pid, SIGKILL);
            (void)waitpid(pcscd->pid, &status, 0);
        }
        pcscd->pid = 0;
    }
    if (pcscd->dir[0]) {
        test_dir_remove(pcscd->dir);
        pcscd->dir[0] = 0;
    }
    if (pcscd->lock > 0) {
        (void)close(pcscd->lock);
        pcscd->lock = 0;
    }
}
