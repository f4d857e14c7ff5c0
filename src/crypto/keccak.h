/*
 * Inside src/crypto only: the permutation Keccak-f[1600] (FIPS 202 clause 3).
 */
#ifndef CRISP_CRYPTO_KECCAK_H
#define CRISP_CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK_STATE 200 /* bytes */

/* Applies the permutation to the state: lane (x, y) is the 8 bytes at 8 * (x + 5 * y), little
 * endian. Takes the same time for every state. */
void keccak_f1600(uint8_t state[KECCAK_STATE]);

#endif
