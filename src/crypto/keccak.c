/*
 * Keccak-f[1600]. By hand because TUAK works on the bare permutation with its own layout of the
 * state, and OpenSSL offers SHA-3 and SHAKE only: both fix the padding and hide the state.
 */
#include "crypto/keccak.h"

#include "base/span.h"

#define KECCAK_LANES  25
#define KECCAK_ROUNDS 24

/* Iota, FIPS 202 3.2.5. */
static const uint64_t round_constants[KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
    0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

/* Rho, FIPS 202 3.2.2: offset of lane x + 5 * y. */
static const uint8_t rotations[KECCAK_LANES] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                                25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

static uint64_t rotate_left(uint64_t v, unsigned by)
{
    return by == 0 ? v : v << by | v >> (64 - by);
}

static void theta(uint64_t a[KECCAK_LANES])
{
    uint64_t c[5];
    for (size_t x = 0; x < 5; x++) {
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (size_t x = 0; x < 5; x++) {
        uint64_t d = c[(x + 4) % 5] ^ rotate_left(c[(x + 1) % 5], 1);
        for (size_t y = 0; y < KECCAK_LANES; y += 5) {
            a[x + y] ^= d;
        }
    }
}

static void rho_pi(const uint64_t a[KECCAK_LANES], uint64_t b[KECCAK_LANES])
{
    for (size_t x = 0; x < 5; x++) {
        for (size_t y = 0; y < 5; y++) {
            b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate_left(a[x + 5 * y], rotations[x + 5 * y]);
        }
    }
}

static void chi(const uint64_t b[KECCAK_LANES], uint64_t a[KECCAK_LANES])
{
    for (size_t y = 0; y < KECCAK_LANES; y += 5) {
        for (size_t x = 0; x < 5; x++) {
            a[x + y] = b[x + y] ^ (~b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y]);
        }
    }
}

void keccak_f1600(uint8_t state[KECCAK_STATE])
{
    uint64_t a[KECCAK_LANES] = {0};
    uint64_t b[KECCAK_LANES];
    for (size_t i = 0; i < KECCAK_STATE; i++) {
        a[i / 8] |= (uint64_t)state[i] << (8 * (i % 8));
    }
    for (size_t round = 0; round < KECCAK_ROUNDS; round++) {
        theta(a);
        rho_pi(a, b);
        chi(b, a);
        a[0] ^= round_constants[round];
    }
    for (size_t i = 0; i < KECCAK_STATE; i++) {
        state[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
    }
    cr_wipe(a, sizeof a);
    cr_wipe(b, sizeof b);
}
