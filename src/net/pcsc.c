#include "net/pcsc.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <winscard.h>

#define MAX_READERS 64
#define TRIES       4 /* at a list of readers that changes while it is read */

struct pcsc {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
    bool connected;
    bool in_transaction;
    char reader[MAX_READERNAME + 1];
};

/* What PC/SC means, for people. The texts follow "reader NAME: " or stand alone. */
static const struct {
    LONG code;
    const char *cause;
    const char *next;
} sentences[] = {
    {SCARD_E_NO_SERVICE, "the PC/SC service does not run",
     "start it: systemctl start pcscd.socket, or pcscd --foreground as root"},
    {SCARD_E_SERVICE_STOPPED, "the PC/SC service has been stopped",
     "start it: systemctl start pcscd.socket, or pcscd --foreground as root"},
    {SCARD_F_COMM_ERROR, "the PC/SC service does not answer", "restart pcscd"},
    {SCARD_E_NO_READERS_AVAILABLE, "no card reader is connected",
     "connect a reader; for a virtual one install vsmartcard-vpcd and restart pcscd"},
    {SCARD_E_UNKNOWN_READER, "the reader is gone",
     "connect it again, or list the readers there are"},
    {SCARD_E_READER_UNAVAILABLE, "the reader is gone",
     "connect it again, or list the readers there are"},
    {SCARD_E_NO_SMARTCARD, "no card is in the reader", "insert a card"},
    {SCARD_W_REMOVED_CARD, "the card was removed", "insert it again and repeat the command"},
    {SCARD_W_UNRESPONSIVE_CARD, "the card does not answer",
     "is it inserted the right way round and clean? Some need another reader"},
    {SCARD_W_UNPOWERED_CARD, "the card has no power", "take it out and insert it again"},
    {SCARD_W_UNSUPPORTED_CARD, "the reader cannot work with this card", "try another reader"},
    {SCARD_W_RESET_CARD, "another program reset the card",
     "end other programs that use cards (ModemManager, a browser, an SSH agent) and repeat"},
    {SCARD_E_SHARING_VIOLATION, "another program is using the card",
     "end other programs that use cards (ModemManager, a browser, an SSH agent) and repeat"},
    {SCARD_E_PROTO_MISMATCH, "the card speaks neither T=0 nor T=1 with this reader",
     "try another reader"},
    {SCARD_E_NOT_TRANSACTED, "the exchange with the card failed",
     "take the card out, insert it again and repeat"},
    {SCARD_E_TIMEOUT, "the card took too long", "take the card out, insert it again and repeat"},
    {SCARD_E_NO_ACCESS, "access to the PC/SC service is denied",
     "run as root, or allow the user in the polkit rules of org.debian.pcsc-lite"},
    {SCARD_W_SECURITY_VIOLATION, "access to the PC/SC service is denied",
     "run as root, or allow the user in the polkit rules of org.debian.pcsc-lite"},
    {SCARD_E_INSUFFICIENT_BUFFER, "the card sent more than an APDU can hold", ""},
    {SCARD_E_INVALID_HANDLE, "the PC/SC service was restarted meanwhile", "repeat the command"},
    {SCARD_E_NO_MEMORY, "the PC/SC service is out of memory", ""},
};

static cr_status explain(LONG code, const char *reader, struct cr_err *err)
{
    cr_status status = CR_OK;
    for (size_t i = 0; i < CR_COUNT(sentences) && status == CR_OK; i++) {
        if (sentences[i].code == code) {
            status = cr_fail(err, CR_RESOURCE, NULL, "%s", sentences[i].cause);
            status = cr_err_next(err, status, "%s", sentences[i].next);
        }
    }
    if (status == CR_OK) {
        /* No sentence of ours: PC/SC's own, with the number for those who look it up. */
        status = cr_fail(err, CR_RESOURCE, NULL, "PC/SC says: %s (0x%08lX)",
                         pcsc_stringify_error(code), (unsigned long)code & 0xFFFFFFFFUL);
    }
    status = cr_err_code(err, status, code);
    return reader ? cr_err_context(err, status, "reader %.120s", reader) : status;
}

static cr_status establish(SCARDCONTEXT *context, struct cr_err *err)
{
    LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, context);
    return code == SCARD_S_SUCCESS ? CR_OK : explain(code, NULL, err);
}

/* Names one behind the other, each with its NUL, an empty one at the end. */
static cr_status list_names(SCARDCONTEXT context, cr_arena *arena, const char **out,
                            struct cr_err *err)
{
    LONG code = SCARD_E_INSUFFICIENT_BUFFER;
    for (int i = 0; i < TRIES && code == SCARD_E_INSUFFICIENT_BUFFER; i++) {
        DWORD n = 0;
        code = SCardListReaders(context, NULL, NULL, &n);
        if (code != SCARD_S_SUCCESS) {
            break;
        }
        char *names = cr_arena_alloc(arena, (size_t)n + 2);
        if (!names) {
            return cr_fail_memory(err);
        }
        code = SCardListReaders(context, NULL, names, &n);
        *out = names;
    }
    return code == SCARD_S_SUCCESS ? CR_OK : explain(code, NULL, err);
}

static cr_status list_states(SCARDCONTEXT context, struct pcsc_reader *readers, size_t count,
                             struct cr_err *err)
{
    SCARD_READERSTATE states[MAX_READERS];
    memset(states, 0, sizeof(states));
    for (size_t i = 0; i < count; i++) {
        states[i].szReader = readers[i].name;
        states[i].dwCurrentState = SCARD_STATE_UNAWARE;
    }
    LONG code = SCardGetStatusChange(context, 0, states, (DWORD)count);
    if (code != SCARD_S_SUCCESS && code != SCARD_E_TIMEOUT) {
        return explain(code, NULL, err);
    }
    for (size_t i = 0; i < count; i++) {
        readers[i].card_present = (states[i].dwEventState & SCARD_STATE_PRESENT) != 0;
    }
    return CR_OK;
}

static cr_status list_readers(SCARDCONTEXT context, cr_arena *arena, struct pcsc_reader **out,
                              size_t *count, struct cr_err *err)
{
    const char *names = NULL;
    CR_TRY(list_names(context, arena, &names, err));
    struct pcsc_reader *readers = cr_arena_alloc_array(arena, MAX_READERS, sizeof(*readers));
    if (!readers) {
        return cr_fail_memory(err);
    }
    size_t n = 0;
    for (const char *name = names; *name && n < MAX_READERS; name += strlen(name) + 1) {
        readers[n++].name = name;
    }
    if (n == 0) {
        return explain(SCARD_E_NO_READERS_AVAILABLE, NULL, err);
    }
    CR_TRY(list_states(context, readers, n, err));
    *out = readers;
    *count = n;
    return CR_OK;
}

cr_status pcsc_readers(cr_arena *arena, struct pcsc_reader **out, size_t *count, struct cr_err *err)
{
    SCARDCONTEXT context = 0;
    CR_TRY(establish(&context, err));
    cr_status status = list_readers(context, arena, out, count, err);
    (void)SCardReleaseContext(context);
    return status;
}

static cr_status first_with_card(const struct pcsc_reader *readers, size_t count, const char **out,
                                 struct cr_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (readers[i].card_present) {
            *out = readers[i].name;
            return CR_OK;
        }
    }
    return explain(SCARD_E_NO_SMARTCARD, count == 1 ? readers[0].name : NULL, err);
}

/* "Reader A", "Reader B" for a message. */
static void name_all(const struct pcsc_reader *readers, size_t count, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < count && used < size; i++) {
        int n =
            snprintf(out + used, size - used, "%s%zu = %.60s", i ? ", " : "", i, readers[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* By whole name, then by number, then by the beginning of the name. */
static cr_status choose(const struct pcsc_reader *readers, size_t count, const char *wanted,
                        const char **out, struct cr_err *err)
{
    if (!wanted) {
        return first_with_card(readers, count, out, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(readers[i].name, wanted) == 0) {
            *out = readers[i].name;
            return CR_OK;
        }
    }
    if (cr_is_digits(cr_span_str(wanted)) && strlen(wanted) <= 3) {
        size_t number = (size_t)strtoul(wanted, NULL, 10);
        if (number < count) {
            *out = readers[number].name;
            return CR_OK;
        }
    }
    const char *found = NULL;
    for (size_t i = 0; i < count && wanted[0]; i++) {
        if (strncasecmp(readers[i].name, wanted, strlen(wanted)) == 0 &&
            (!found || readers[i].card_present)) {
            found = readers[i].name;
            if (readers[i].card_present) {
                break; /* two slots of one reader: the one with a card */
            }
        }
    }
    if (found) {
        *out = found;
        return CR_OK;
    }
    char all[200];
    name_all(readers, count, all, sizeof(all));
    cr_status status = cr_fail(err, CR_RESOURCE, NULL, "there is no reader \"%.100s\"", wanted);
    return cr_err_next(err, status, "the readers are: %s", all);
}

static void pcsc_close(void *ctx)
{
    struct pcsc *pcsc = ctx;
    if (pcsc->in_transaction) {
        (void)SCardEndTransaction(pcsc->card, SCARD_LEAVE_CARD);
    }
    if (pcsc->connected) {
        /* Reset: open logical channels and PIN states are not left to the next user. */
        (void)SCardDisconnect(pcsc->card, SCARD_RESET_CARD);
    }
    if (pcsc->context) {
        (void)SCardReleaseContext(pcsc->context);
    }
    free(pcsc);
}

static cr_status append_atr(struct pcsc *pcsc, cr_buf *atr, struct cr_err *err)
{
    unsigned char bytes[MAX_ATR_SIZE];
    DWORD n = sizeof(bytes);
    DWORD name_n = 0;
    DWORD state;
    DWORD protocol;
    LONG code = SCardStatus(pcsc->card, NULL, &name_n, &state, &protocol, bytes, &n);
    if (code != SCARD_S_SUCCESS) {
        return explain(code, pcsc->reader, err);
    }
    cr_buf_append(atr, bytes, n);
    return cr_buf_ok(atr) ? CR_OK : cr_fail_memory(err);
}

static cr_status begin_transaction(struct pcsc *pcsc, struct cr_err *err)
{
    LONG code = SCardBeginTransaction(pcsc->card);
    if (code != SCARD_S_SUCCESS) {
        return explain(code, pcsc->reader, err);
    }
    pcsc->in_transaction = true;
    return CR_OK;
}

static cr_status pcsc_reset(void *ctx, cr_buf *atr, struct cr_err *err)
{
    struct pcsc *pcsc = ctx;
    if (pcsc->in_transaction) {
        (void)SCardEndTransaction(pcsc->card, SCARD_LEAVE_CARD);
        pcsc->in_transaction = false;
    }
    LONG code = SCardReconnect(pcsc->card, SCARD_SHARE_EXCLUSIVE, pcsc->protocol,
                               SCARD_UNPOWER_CARD, &pcsc->protocol);
    if (code != SCARD_S_SUCCESS) {
        return explain(code, pcsc->reader, err);
    }
    CR_TRY(begin_transaction(pcsc, err));
    return append_atr(pcsc, atr, err);
}

static cr_status pcsc_transmit(void *ctx, cr_span command, cr_buf *response, struct cr_err *err)
{
    struct pcsc *pcsc = ctx;
    const SCARD_IO_REQUEST *header =
        pcsc->protocol == SCARD_PROTOCOL_T1 ? SCARD_PCI_T1 : SCARD_PCI_T0;
    uint8_t answer[CARD_MAX_RESPONSE];
    DWORD n = sizeof(answer);
    LONG code = SCardTransmit(pcsc->card, header, command.p, (DWORD)command.n, NULL, answer, &n);
    if (code != SCARD_S_SUCCESS) {
        return explain(code, pcsc->reader, err);
    }
    if (n < 2) {
        cr_status status =
            cr_fail(err, CR_RESOURCE, NULL, "reader %.120s: the card's answer has no status word",
                    pcsc->reader);
        return cr_err_next(err, status, "take the card out, insert it again and repeat");
    }
    cr_buf_append(response, answer, n);
    cr_wipe(answer, n);
    return cr_buf_ok(response) ? CR_OK : cr_fail_memory(err);
}

static cr_status connect_card(struct pcsc *pcsc, struct cr_err *err)
{
    LONG code = SCardConnect(pcsc->context, pcsc->reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0,
                             &pcsc->card, &pcsc->protocol);
    if (code == SCARD_E_PROTO_MISMATCH) {
        code = SCardConnect(pcsc->context, pcsc->reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1,
                            &pcsc->card, &pcsc->protocol);
    }
    if (code != SCARD_S_SUCCESS) {
        return explain(code, pcsc->reader, err);
    }
    pcsc->connected = true;
    return begin_transaction(pcsc, err);
}

static cr_status find_and_connect(struct pcsc *pcsc, const char *wanted, struct cr_err *err)
{
    CR_TRY(establish(&pcsc->context, err));
    cr_arena arena = {0};
    struct pcsc_reader *readers = NULL;
    size_t count = 0;
    const char *name = NULL;
    cr_status status = list_readers(pcsc->context, &arena, &readers, &count, err);
    if (status == CR_OK) {
        status = choose(readers, count, wanted, &name, err);
    }
    if (status == CR_OK) {
        (void)snprintf(pcsc->reader, sizeof(pcsc->reader), "%s", name);
        status = connect_card(pcsc, err);
    }
    cr_arena_free(&arena);
    return status;
}

cr_status pcsc_open(const char *reader, struct card *out, struct cr_err *err)
{
    struct pcsc *pcsc = calloc(1, sizeof(*pcsc));
    if (!pcsc) {
        return cr_fail_memory(err);
    }
    cr_status status = find_and_connect(pcsc, reader, err);
    if (status != CR_OK) {
        pcsc_close(pcsc);
        return status;
    }
    *out = (struct card){
        .ctx = pcsc, .transmit = pcsc_transmit, .reset = pcsc_reset, .close = pcsc_close};
    return CR_OK;
}
