#include "files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *test_path(const char *dir, const char *name)
{
    static char paths[4][4096];
    static unsigned turn;
    char *out = paths[turn++ % 4];
    (void)snprintf(out, sizeof(paths[0]), "%s/%s", dir, name);
    return out;
}

char *test_dir_new(void)
{
    const char *base = getenv("TMPDIR");
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/crisp-store-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(path) ? strdup(path) : NULL;
}

void test_dir_free(char *dir)
{
    DIR *d = dir ? opendir(dir) : NULL;
    if (d) {
        const struct dirent *e;
        while ((e = readdir(d)) != NULL) {
            (void)unlink(test_path(dir, e->d_name));
        }
        (void)closedir(d);
        (void)rmdir(dir);
    }
    free(dir);
}

int test_in_child(int (*fn)(void *ctx), void *ctx)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(fn(ctx));
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}
