/* Where the channel listens: the addresses of an endpoint or an interface, and the ports that it may take. */
#ifndef STRATA_CONTROL_ADDRESS_H
#define STRATA_CONTROL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "strata/status.h"

#define STRATA_ADDRESSES_MAX 8
#define STRATA_ADDRESS_TEXT 64

struct strata_addresses {
    char text[STRATA_ADDRESSES_MAX][STRATA_ADDRESS_TEXT]; /* "10.0.0.1", "[fd00::1]" */
    size_t n;
    bool local; /* nobody beyond this host can reach them */
    long port;  /* of requests; 0: any */
};

/* Of HOST:PORT, HOST one address or localhost, PORT a number or `*`.  STRATA_E_CONFIG when it is none, or the address of
 * all interfaces, which no client could use. */
STRATA_MUST_CHECK strata_status strata_addresses_of_endpoint(const char *host_and_port,
                                                             struct strata_addresses *out,
                                                             struct strata_err *err);

/* Of a network interface, IPv4 first, without those that hold on one link only; or the address itself.
 * STRATA_E_UNAVAILABLE when this host has no such interface. */
STRATA_MUST_CHECK strata_status strata_addresses_of_interface(const char *name,
                                                              struct strata_addresses *out,
                                                              struct strata_err *err);

#endif
