#include "test.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    char file[80];
};

static int setup(void **state)
{
    static struct folder f;
    (void)snprintf(f.path, sizeof(f.path), "/tmp/crisp-test-XXXXXX");
    if (!mkdtemp(f.path)) {
        return -1;
    }
    (void)snprintf(f.file, sizeof(f.file), "%s/file", f.path);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const struct folder *f = *state;
    (void)unlink(f->file);
    return rmdir(f->path); /* also shows that no temporary file was left */
}

static void written_and_read(void **state)
{
    const struct folder *f = *state;
    cr_buf b = {0};
    uint8_t content[10000];
    memset(content, 'x', sizeof(content));
    assert_false(cr_file_exists(f->file));
    assert_int_equal(cr_file_write(f->file, CR_SPAN_ARRAY(content), 0600, NULL), CR_OK);
    assert_true(cr_file_exists(f->file));
    struct stat st;
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    cr_buf_append_str(&b, "before");
    assert_int_equal(cr_file_read(f->file, sizeof(content), &b, NULL), CR_OK);
    assert_int_equal(b.n, 6 + sizeof(content));
    assert_memory_equal(b.p + 6, content, sizeof(content));
    assert_int_equal(cr_file_write(f->file, cr_span_str(""), 0644, NULL), CR_OK);
    cr_buf_reset(&b);
    assert_int_equal(cr_file_read(f->file, 0, &b, NULL), CR_OK);
    assert_int_equal(b.n, 0);
    cr_buf_free(&b);
}

static void read_refuses(void **state)
{
    const struct folder *f = *state;
    cr_buf b = {0};
    struct cr_err err = {0};
    assert_int_equal(cr_file_read(f->file, 10, &b, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, f->file));
    assert_int_equal(cr_file_read(f->path, 10, &b, &err), CR_RESOURCE);
    assert_int_equal(cr_file_write(f->file, cr_span_str("12345"), 0600, NULL), CR_OK);
    assert_int_equal(cr_file_read(f->file, 4, &b, &err), CR_MALFORMED);
    cr_buf_free(&b);
    cr_buf tight = {.limit = 3};
    assert_int_equal(cr_file_read(f->file, 10, &tight, &err), CR_RESOURCE);
    cr_buf_free(&tight);
}

static void write_refuses(void **state)
{
    const struct folder *f = *state;
    struct cr_err err = {0};
    char path[5000];
    (void)snprintf(path, sizeof(path), "%s/none/file", f->path);
    assert_int_equal(cr_file_write(path, cr_span_str("x"), 0600, &err), CR_RESOURCE);
    assert_int_equal(cr_file_write(f->path, cr_span_str("x"), 0600, &err), CR_RESOURCE);

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    assert_int_equal(cr_file_write(path, cr_span_str("x"), 0600, &err), CR_REFUSED);
}

/* What is no regular file stays what it is. */
static void written_into_a_pipe(void **state)
{
    const struct folder *f = *state;
    struct stat st;
    char got[8] = "";
    assert_int_equal(mkfifo(f->file, 0600), 0);
    int fd = open(f->file, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(cr_file_write(f->file, cr_span_str("hello"), 0600, NULL), CR_OK);
    assert_int_equal(read(fd, got, sizeof(got)), 5);
    assert_string_equal(got, "hello");
    (void)close(fd);
    assert_int_equal(stat(f->file, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
}

static void directories(void **state)
{
    const struct folder *f = *state;
    struct cr_err err = {0};
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/a/b", f->path);
    assert_int_equal(cr_dir_make(path, &err), CR_OK);
    assert_int_equal(cr_dir_make(path, &err), CR_OK);
    assert_true(cr_file_exists(path));
    assert_int_equal(rmdir(path), 0);
    (void)snprintf(path, sizeof(path), "%s/a", f->path);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(cr_file_write(f->file, cr_span_str("x"), 0600, NULL), CR_OK);
    assert_int_equal(cr_dir_make(f->file, &err), CR_RESOURCE);
    (void)snprintf(path, sizeof(path), "%s/x", f->file);
    assert_int_equal(cr_dir_make(path, &err), CR_RESOURCE);
    assert_int_equal(cr_dir_make("", &err), CR_REFUSED);
    assert_int_equal(cr_dir_make(NULL, &err), CR_REFUSED);
}

/* What is not there, what is something else, what may not be seen: three different things. */
static void looked_into(void **state)
{
    const struct folder *f = *state;
    struct cr_err err = {0};
    char path[100];
    assert_int_equal(cr_dir_look(f->path, &err), CR_OK);
    (void)snprintf(path, sizeof(path), "%s/none", f->path);
    assert_int_equal(cr_dir_look(path, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "there is no directory"));
    assert_int_equal(cr_file_write(f->file, cr_span_str("x"), 0600, NULL), CR_OK);
    assert_int_equal(cr_dir_look(f->file, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "is no directory"));
    (void)snprintf(path, sizeof(path), "%s/x", f->file);
    assert_int_equal(cr_dir_look(path, &err), CR_RESOURCE);
    assert_non_null(strstr(err.cause, "Not a directory"));
    (void)snprintf(path, sizeof(path), "%s/shut", f->path);
    assert_int_equal(mkdir(path, 0), 0);
    if (geteuid() != 0) { /* root may look everywhere */
        assert_int_equal(cr_dir_look(path, &err), CR_RESOURCE);
        assert_non_null(strstr(err.cause, "Permission denied"));
        assert_true(err.next[0] != 0);
    }
    assert_int_equal(rmdir(path), 0);
}

static void failures_say_why(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *cause;
        bool advice;
    } cases[] = {{EACCES, "writing x: Permission denied", true},
                 {EROFS, "writing x: Read-only file system", true},
                 {ENOENT, "writing x: No such file or directory", false}};
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct cr_err err;
        errno = cases[i].number;
        assert_int_equal(cr_file_fail(&err, "writing", "x"), CR_RESOURCE);
        assert_string_equal(err.cause, cases[i].cause);
        assert_int_equal(err.next[0] != 0, cases[i].advice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(read_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(write_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(written_into_a_pipe, setup, teardown),
        cmocka_unit_test_setup_teardown(directories, setup, teardown),
        cmocka_unit_test_setup_teardown(looked_into, setup, teardown),
        cmocka_unit_test(failures_say_why),
    };
    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
