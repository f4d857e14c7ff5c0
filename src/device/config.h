/*
 * The world around a device by configuration: networks, numbers, who is behind the SMSC, where
 * addresses of channels lead, scripted faults (device/fault.h).
 *
 *     [device]
 *     imei = 3529061100000003          ; 15 or 16 digits; chip N has the serial number + N
 *     smsc = +4799000000               ; service centre that the chip is told
 *     pin = 1234                       ; PIN1 of all chips, tried once; unless given none is
 *     poll = 30                        ; seconds between STATUS commands; 0 = never
 *     access = eutran                  ; gsm, utran, eutran, nr
 *     seed = 1                         ; of everything random in faults and RAND
 *     dns = 192.0.2.53                 ; told to chips that ask for DNS servers
 *     sms-validity = 3600              ; seconds a short message is tried
 *     sms-retry = 5                    ; seconds between two tries
 *     map = 192.0.2.10:8443 127.0.0.1:18443   ; may be repeated; *:8443, * = any address, any port
 *
 *     [network home]
 *     imsi = 00101                     ; prefix of its subscribers; the longest one wins
 *     attach = works                   ; works, refuses, times-out
 *     tries = 0                        ; attempts that are refused before one works
 *     delay-ms = 200                   ; before an attempt is answered
 *     retry-ms = 10000                 ; between two attempts
 *     plmn = 00101                     ; default: the first 5 digits of imsi
 *     area = 1                         ; location or tracking area code
 *     cell = 1
 *
 *     [msisdn]
 *     001010000000001 = +4712345678    ; number of a subscription
 *     001010* = +88010*                ; of many: what follows the prefix follows the number
 *
 *     [keys]
 *     001010000000001 = milenage K OPC ; the network authenticates the subscriber; tuak likewise
 *
 *     [esme smsr]                      ; system id that binds to the SMSC
 *     password = secret
 *     number = +4790001                ; messages to this number go there; with commas several
 *
 *     [faults]
 *     anything = lose-down at=2        ; see device/fault.h
 *
 * Without any [network] every subscriber finds service; with one, a subscriber of no network is
 * refused.
 */
#ifndef CRISP_DEVICE_CONFIG_H
#define CRISP_DEVICE_CONFIG_H

#include "base/arena.h"
#include "base/error.h"
#include "crypto/aka.h"
#include "device/fault.h"
#include "net/smpp.h"

#define DEVICE_MAX_NETWORKS 256
#define DEVICE_MAX_NUMBERS  200000
#define DEVICE_MAX_KEYS     200000
#define DEVICE_MAX_ESMES    16
#define DEVICE_MAX_MAPS     256
#define DEVICE_IMSI         15 /* digits */

enum device_attach { DEVICE_ATTACH_WORKS, DEVICE_ATTACH_REFUSES, DEVICE_ATTACH_TIMES_OUT };

struct device_network {
    const char *name;
    const char *imsi; /* prefix */
    enum device_attach attach;
    unsigned tries; /* refused before one works */
    int64_t delay_ms, retry_ms;
    uint8_t plmn[3]; /* as in the location information */
    bool has_plmn;
    uint16_t area;
    uint32_t cell;
};

struct device_number {
    const char *imsi;   /* or its beginning */
    const char *msisdn; /* or its beginning */
    bool prefix;
};

struct device_key {
    const char *imsi;
    struct aka_params aka;
};

struct device_esme {
    const char *system_id;
    const char *password; /* NULL = any */
    const char *numbers;  /* comma separated */
};

/* An address of a channel: host NULL = any, port 0 = any (in to: as it was). */
struct device_place {
    const char *host;
    uint16_t port;
};
struct device_map {
    struct device_place from, to;
};

struct device_config {
    cr_arena arena; /* holds everything below */
    char imei[17];  /* 15 digits or 16 (IMEISV) */
    const char *smsc;
    uint8_t pin[8]; /* PIN1, FF padded. Secret */
    bool has_pin;
    unsigned poll_seconds;
    uint8_t access; /* access technology (TS 102 223 8.61) */
    uint64_t seed;
    uint8_t dns[4];
    bool has_dns;
    unsigned validity_seconds, retry_seconds;
    struct device_network *networks;
    size_t network_count;
    struct device_number *numbers; /* whole ones first, in order of imsi */
    size_t number_count, whole_numbers;
    struct device_key *keys; /* in order of imsi. Secret: wiped by device_config_free() */
    size_t key_count;
    struct device_esme *esmes;
    size_t esme_count;
    struct device_map *maps;
    size_t map_count;
    struct device_fault *faults;
    size_t fault_count;
};

/* Defaults: service everywhere, nothing fails. */
void device_config_init(struct device_config *out);
/* Reads a file over the defaults. CR_REFUSED names the section and the setting that is wrong. */
cr_status device_config_load(const char *path, struct device_config *out,
                             struct cr_err *err) CR_MUST_CHECK;
/* The same from text; tests. */
cr_status device_config_read(const char *text, struct device_config *out,
                             struct cr_err *err) CR_MUST_CHECK;
/* Adds a fault of the command line. */
cr_status device_config_add_fault(struct device_config *config, const char *text,
                                  struct cr_err *err) CR_MUST_CHECK;
/* Adds "FROM TO", as map. */
cr_status device_config_add_map(struct device_config *config, const char *text,
                                struct cr_err *err) CR_MUST_CHECK;
void device_config_free(struct device_config *config); /* wipes keys */

/* The network of a subscriber: *known is false when networks are configured and none is this
 * one's. NULL with *known: service without a network of its own. */
const struct device_network *device_network_of(const struct device_config *config, const char *imsi,
                                               bool *known);
/* False: a subscription without a number. */
bool device_msisdn_of(const struct device_config *config, const char *imsi,
                      char out[SMPP_MAX_ADDRESS + 1]);
/* NULL: the network does not authenticate. */
const struct device_key *device_key_of(const struct device_config *config, const char *imsi);
/* Whose number this is, NULL. */
const struct device_esme *device_esme_of(const struct device_config *config, const char *number);
/* Where a channel to host and port leads; host as text of an address. */
struct device_place device_place_of(const struct device_config *config, const char *host,
                                    uint16_t port);

#endif
