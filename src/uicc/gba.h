/*
 * What an application keeps of the Generic Bootstrapping Architecture: Ks, the files EF.GBABP and
 * EF.GBANL, and the NAF specific keys (3GPP TS 31.102 clauses 4.2.79, 4.2.83 and 7.1.1, TS 31.103
 * alike). auth.c checks the challenge, this derives.
 */
#ifndef CRISP_UICC_GBA_H
#define CRISP_UICC_GBA_H

#include "crypto/gba.h"
#include "uicc/fs.h"

#define UICC_GBA_RAND 16

/* Where the files of the application are; they differ between USIM and ISIM. */
struct uicc_gba {
    const struct uicc_fs *fs;
    uicc_file adf;
    uint16_t fid_gbabp, fid_gbanl;
};

/* True when EF.GBABP is there and takes a RAND: without it nothing can be bootstrapped. */
bool uicc_gba_ready(const struct uicc_gba *gba);

/* A challenge has been answered: keeps Ks = CK || IK with its RAND, and writes RAND to EF.GBABP.
 * The B-TID and the lifetime of what was before are no longer true and go; the terminal writes the
 * new ones. */
uicc_sw uicc_gba_bootstrapped(const struct uicc_gba *gba, const uint8_t rand[UICC_GBA_RAND],
                              cr_span ks);

/* NAF derivation: data = length, NAF_Id, length, IMPI. Derives Ks_ext_NAF (appended to out: DB,
 * length, key) and Ks_int_NAF, which stays, and notes NAF_Id with the B-TID of EF.GBABP in
 * EF.GBANL: in its own record, an empty one, or that of the NAF derived longest ago. 6985 without
 * Ks. */
uicc_sw uicc_gba_derive(const struct uicc_gba *gba, cr_span data, cr_buf *out);

/* Ks_int_NAF of a record of EF.GBANL (from 1), for applications on the card; false = none. */
bool uicc_gba_int_key(const struct uicc_gba *gba, uint8_t record, uint8_t key[GBA_NAF_KEY]);

#endif
