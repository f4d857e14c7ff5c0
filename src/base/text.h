/*
 * Bytes as text and back: hex, base64, telephony BCD. All decoding is strict unless said.
 */
#ifndef CRISP_BASE_TEXT_H
#define CRISP_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Appends upper-case hex without separators. */
void cr_hex_append(cr_buf *b, cr_span s);

/* Upper-case hex in the arena; NULL when memory is short. */
char *cr_hex(cr_arena *a, cr_span s) CR_MUST_CHECK;

/* Writes hex with its NUL into out (size >= 2 * s.n + 1); returns out. Cut when size is too small.
 */
char *cr_hex_into(char *out, size_t size, cr_span s);

/* Hex in either case to bytes; spaces, colons and line ends between bytes are skipped.
 * CR_MALFORMED on an odd count of digits or any other character. */
cr_status cr_hex_decode(cr_buf *out, cr_span text, struct cr_err *err) CR_MUST_CHECK;

/* As cr_hex_decode() into an array of exactly n bytes, separators not allowed. */
bool cr_hex_fixed(uint8_t *out, size_t n, cr_span text) CR_MUST_CHECK;

/* Appends standard base64 (RFC 4648 clause 4) with padding, without line breaks. */
void cr_base64_append(cr_buf *b, cr_span s);

/* Standard or URL alphabet, padding optional, white space anywhere is skipped (RFC 4648; peers send
 * all of these). CR_MALFORMED otherwise. */
cr_status cr_base64_decode(cr_buf *out, cr_span text, struct cr_err *err) CR_MUST_CHECK;

/* True when every byte is a valid part of well-formed UTF-8 (no surrogates, no overlong forms). */
bool cr_utf8_valid(cr_span s);

/* Makes a text fit to be shown: control codes (C0, DEL, C1) and bytes that are no UTF-8 become '?'.
 * What peers send must not steer a terminal or forge a line of a log. */
void cr_text_clean(char *text);

/* For "did you mean": true when fewer than *least letters have to be changed, added or left out to
 * make the word of the candidate; *least is that number then. Begin with CR_TEXT_MEANT. Words of
 * more than 32 bytes are near to nothing. */
#define CR_TEXT_MEANT 3
bool cr_text_nearer(const char *candidate, const char *word, unsigned *least);

/* Decimal digits only, at least one. */
bool cr_is_digits(cr_span s);

/* Copies at most size - 1 bytes and terminates; false when it had to be cut. */
bool cr_str_copy(char *out, size_t size, cr_span s);

/* Case-insensitive ASCII comparison. */
bool cr_span_equal_nocase(cr_span a, cr_span b);

#endif
