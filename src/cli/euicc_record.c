#include "cli/euicc_record.h"

#include "cli/euicc_random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static cr_status draw(void *ctx, uint8_t *p, size_t n, struct cr_err *err)
{
    return lab_chip_random(ctx, p, n, err);
}

void cli_record_enter(struct lab_chip *chip)
{
    cli_random_from(draw, chip);
}

void cli_record_leave(void)
{
    cli_random_from(NULL, NULL);
}

/* ---- the file ----------------------------------------------------------------------------------
 */

struct cli_record {
    FILE *file;
    const char *path;
    bool failed;
    int problem; /* errno of the first failure */
    cr_buf line;
};

static void write_out(struct cli_record *r)
{
    if (!cr_buf_ok(&r->line) || fwrite(r->line.p, 1, r->line.n, r->file) != r->line.n ||
        fflush(r->file) != 0) {
        r->problem = r->failed ? r->problem : errno;
        r->failed = true;
    }
    cr_buf_reset(&r->line);
}

cr_status cli_record_open(struct cli *cli, const char *path, struct cli_record **out,
                          struct cr_err *err)
{
    struct cli_record *r = cr_arena_alloc(&cli->arena, sizeof(*r));
    if (!r) {
        return cr_fail_memory(err);
    }
    CR_TRY(cli_random_hook(err));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    r->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!r->file) {
        return cr_fail(err, CR_RESOURCE, NULL, "cannot write %.200s: %s", path, strerror(errno));
    }
    r->path = path;
    r->line.secret = true;
    *out = r;
    return CR_OK;
}

cr_status cli_record_start(struct cli_record *r, struct lab_chip *chip, struct cr_err *err)
{
    CR_TRY(lab_chip_snapshot(chip, "crisp " CRISP_VERSION, &r->line, err));
    write_out(r);
    return CR_OK;
}

void cli_record_event(void *ctx, const struct lab_event *event)
{
    struct cli_record *r = ctx;
    lab_recording_event(event, &r->line);
    write_out(r);
}

cr_status cli_record_close(struct cli_record *r, struct cr_err *err)
{
    if (!r) {
        return CR_OK;
    }
    if (fclose(r->file) != 0 && !r->failed) {
        r->failed = true;
        r->problem = errno;
    }
    cr_buf_free(&r->line);
    return r->failed ? cr_fail(err, CR_RESOURCE, NULL, "%.200s is not complete: %s", r->path,
                               strerror(r->problem))
                     : CR_OK;
}
