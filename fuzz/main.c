/*
 * The plain driver: runs a target over every file of the folders given, over their truncations and
 * over mutations. Deterministic, and bounded in inputs, so that it is an ordinary test.
 */
#include "fuzz.h"

#include "base/file.h"

#include <dirent.h>

#define FILE_LIMIT        ((size_t)1 << 20)
#define NAMES_LIMIT       4096 /* files of a folder */
#define TRUNCATIONS_LIMIT 256  /* of a file; spread over its length */
#define PLACES_LIMIT      192  /* bytes of a file that are changed; spread over its length */
#define RANDOM_INPUTS     256  /* of a file: several bytes changed at once */

static size_t inputs;

/* The target gets a block of exactly n bytes, so that a sanitizer sees every read beyond. */
static void run(const uint8_t *p, size_t n)
{
    uint8_t *exact = calloc(n ? n : 1, 1);
    FUZZ_CHECK(exact);
    if (n) {
        memcpy(exact, p, n);
    }
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    inputs++;
}

static size_t step_for(size_t n, size_t limit)
{
    return n / limit + 1;
}

static void run_truncations(cr_span file)
{
    for (size_t n = 0; n < file.n; n += step_for(file.n, TRUNCATIONS_LIMIT)) {
        run(file.p, n);
    }
}

/* Values that mean something in TLVs, text and lengths. */
static void run_changes(uint8_t *copy, size_t n)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0x84, 0xFF, 0x30, '"', '{', '\n'};
    for (size_t at = 0; at < n; at += step_for(n, PLACES_LIMIT)) {
        uint8_t kept = copy[at];
        for (size_t i = 0; i < CR_COUNT(values); i++) {
            copy[at] = values[i];
            run(copy, n);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            copy[at] = (uint8_t)(kept ^ 1U << bit);
            run(copy, n);
        }
        copy[at] = kept;
    }
}

static uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13; /* xorshift: the same sequence in every run */
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void run_random(cr_span file, uint8_t *copy)
{
    uint32_t state = 0x9E3779B9U ^ (uint32_t)file.n;
    for (size_t i = 0; file.n && i < RANDOM_INPUTS; i++) {
        memcpy(copy, file.p, file.n);
        for (uint32_t k = random_next(&state) % 8 + 1; k > 0; k--) {
            copy[random_next(&state) % file.n] = (uint8_t)random_next(&state);
        }
        size_t n = i % 2 ? file.n : random_next(&state) % file.n + 1;
        run(copy, n);
    }
}

static void run_file(const char *path)
{
    cr_buf file = {0};
    struct cr_err err = {0};
    if (cr_file_read(path, FILE_LIMIT, &file, &err) != CR_OK) {
        (void)fprintf(stderr, "%s\n", err.cause);
        exit(1);
    }
    cr_span whole = cr_buf_span(&file);
    uint8_t *copy = malloc(whole.n + 1);
    FUZZ_CHECK(copy);
    if (whole.n) {
        memcpy(copy, whole.p, whole.n);
    }
    run(whole.p, whole.n);
    run_truncations(whole);
    run_changes(copy, whole.n);
    run_random(whole, copy);
    free(copy);
    cr_buf_free(&file);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static size_t run_folder(const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, not_hidden, alphasort);
    if (count < 0) {
        (void)fprintf(stderr, "cannot read the folder %s\n", folder);
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        int n = snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        if (i < NAMES_LIMIT && n > 0 && (size_t)n < sizeof(path)) {
            run_file(path);
        }
        free(names[i]);
    }
    free(names);
    return (size_t)count;
}

int main(int argc, char **argv)
{
    size_t files = 0;
    run(NULL, 0);
    for (int i = 1; i < argc; i++) {
        files += run_folder(argv[i]);
    }
    (void)printf("%zu files, %zu inputs\n", files, inputs);
    return files || argc < 2 ? 0 : 1; /* an empty corpus is a mistake */
}
