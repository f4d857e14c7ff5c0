/*
 * Fuzz targets: fuzz/<name>.c defines LLVMFuzzerTestOneInput() and returns 0. It takes any bytes,
 * checks what has to hold for all of them (FUZZ_CHECK), and leaves no memory behind.
 *
 * Built two ways: with fuzz/main.c as an ordinary test that runs over fuzz/corpus/<name>/, its
 * truncations and a fixed set of mutations; or with -Dlibfuzzer=true (clang) as a libFuzzer binary:
 *
 *     CC=clang meson setup build-fuzz -Dlibfuzzer=true -Db_sanitize=address,undefined \
 *         -Db_lundef=false
 *     ninja -C build-fuzz && build-fuzz/fuzz/fuzz_der fuzz/corpus/der
 *
 * A new target is a file, a corpus folder and a row in fuzz/meson.build.
 */
#ifndef CRISP_FUZZ_FUZZ_H
#define CRISP_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Something that must hold for every input does not. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
