/* Exchanges in words: a stream of commands and answers, each behind two bytes of length. */
#include "fuzz.h"

#include "lab/exchange.h"

static cr_span take(cr_span *in)
{
    size_t n = in->n >= 2 ? (size_t)in->p[0] << 8 | in->p[1] : 0;
    cr_span part = cr_span_sub(*in, 2, n);
    *in = cr_span_sub(*in, 2 + part.n, in->n);
    return part;
}

static void check_file(cr_span content)
{
    for (int place = 0; place <= PROFILE_EF_OTHER; place++) {
        uint16_t fid = 0;
        for (size_t cursor = 0; profile_ef_next((enum profile_ef_place)place, &cursor, &fid);) {
            cr_buf text = {0};
            bool told = profile_ef_text((enum profile_ef_place)place, fid, content, 0, &text);
            FUZZ_CHECK(told == (text.n > 0));
            cr_buf_free(&text);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab_session s;
    cr_span in = cr_span_of(data, size);
    check_file(in);
    lab_session_init(&s);
    for (int i = 0; in.n > 0 && i < 64; i++) {
        cr_span command = take(&in);
        cr_span response = take(&in);
        cr_buf line = {0};
        cr_buf words = {0};
        lab_exchange_text(&s, command, response, &line);
        lab_answer_text(&s, command, response, &words);
        FUZZ_CHECK(line.n > 0 && !memchr(line.p, '\n', line.n) && !memchr(line.p, 0x1B, line.n));
        FUZZ_CHECK(words.n == 0 || !memchr(words.p, 0x1B, words.n));
        cr_buf_free(&line);
        cr_buf_free(&words);
    }
    lab_session_free(&s);
    return 0;
}
