/*
 * DER and BER tag-length-value, byte by byte: the reader and the writer below the schema codec.
 *
 * Tags are the tag bytes as one number: 0x30, 0x80, 0xBF38, 0x5F37, 0x9F70. At most three tag bytes
 * (enough for every type of SGP.22, SGP.02 and the profile package) and four length bytes.
 */
#ifndef CRISP_ASN1_DER_H
#define CRISP_ASN1_DER_H

#include "base/buf.h"
#include "base/error.h"

#define DER_MAX_DEPTH 32 /* nesting of constructed values that a reader follows */

struct der_tlv {
    uint32_t tag;
    cr_span value; /* contents */
    cr_span all;   /* tag, length and contents */
};

enum der_rules {
    DER_STRICT = 0,      /* minimal definite lengths only */
    DER_BER_LENGTHS = 1, /* non-minimal and (on constructed tags) indefinite lengths too */
    DER_DEFINITE = 2     /* non-minimal lengths too, indefinite ones not: what chips read */
};

/* True when the tag is a constructed one. */
bool der_constructed(uint32_t tag);

/* Takes one TLV from the front of *in (outputs written and *in moved only on CR_OK). */
cr_status der_next(cr_span *in, enum der_rules rules, struct der_tlv *out,
                   struct cr_err *err) CR_MUST_CHECK;

/* Tag of the TLV at the front, 0 when there is none or its tag is cut. Length and contents are not
 * looked at. Never fails. */
uint32_t der_peek(cr_span in);

/* Reads tag and length only: *header = their bytes, *length = contents. For streams: CR_RESOURCE
 * (without filling err) means more bytes are needed. Indefinite lengths are CR_MALFORMED. */
cr_status der_header(cr_span in, enum der_rules rules, uint32_t *tag, size_t *header,
                     size_t *length, struct cr_err *err) CR_MUST_CHECK;

/* As der_next(), and the tag has to be the given one. */
cr_status der_expect(cr_span *in, enum der_rules rules, uint32_t tag, struct der_tlv *out,
                     struct cr_err *err) CR_MUST_CHECK;

/* First child with this tag among the TLVs of contents; false when absent or malformed. */
bool der_find(cr_span contents, uint32_t tag, struct der_tlv *out);

/* Contents of an INTEGER (two's complement, minimal) of at most 8 bytes. */
cr_status der_integer(cr_span value, int64_t *out, struct cr_err *err) CR_MUST_CHECK;

/* Writing without a buffer. Each gives the number of bytes written; the header gives 0 when the
 * length does not fit four bytes. */
#define DER_HEADER_MAX 8
size_t der_header_write(uint8_t out[DER_HEADER_MAX], uint32_t tag, size_t length);
size_t der_integer_write(uint8_t out[8], int64_t value);

/* Writing. All append to b; failure is sticky in b. */
size_t der_header_size(uint32_t tag, size_t length);
void der_put_header(cr_buf *b, uint32_t tag, size_t length);
void der_put(cr_buf *b, uint32_t tag, cr_span value);
void der_put_integer(cr_buf *b, uint32_t tag, int64_t value);

/* Opens a constructed TLV whose length is not known yet; der_close() with the returned mark inserts
 * the length. Nest as needed, close in reverse order. */
size_t der_open(cr_buf *b, uint32_t tag);
void der_close(cr_buf *b, size_t mark);

/* OBJECT IDENTIFIER: contents octets <-> dotted text. Text buffers need DER_OID_TEXT bytes. */
#define DER_OID_TEXT 128
cr_status der_oid_text(cr_span oid, char out[DER_OID_TEXT], struct cr_err *err) CR_MUST_CHECK;
cr_status der_oid_from_text(cr_buf *out, cr_span text, struct cr_err *err) CR_MUST_CHECK;

#endif
