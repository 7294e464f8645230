#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IS_ALL_INTERFACES 2

/* Add a literal address; whether it is one.  IS_ALL_INTERFACES for 0.0.0.0 and ::. */
static int add_literal(struct strata_addresses *out, const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char *text = out->text[out->n];
    bool local = false;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        if (v4.s_addr == INADDR_ANY) return IS_ALL_INTERFACES;
        local = ntohl(v4.s_addr) >> 24 == 127;
        (void)inet_ntop(AF_INET, &v4, text, STRATA_ADDRESS_TEXT); /* there is room */
    } else if (inet_pton(AF_INET6, host, &v6) == 1) {
        char plain[INET6_ADDRSTRLEN] = "";
        if (IN6_IS_ADDR_UNSPECIFIED(&v6)) return IS_ALL_INTERFACES;
        local = IN6_IS_ADDR_LOOPBACK(&v6);
        (void)inet_ntop(AF_INET6, &v6, plain, sizeof plain);
        (void)snprintf(text, STRATA_ADDRESS_TEXT, "[%s]", plain);
    } else {
        return 0;
    }
    out->local = local && (out->n == 0 || out->local);
    out->n++;
    return 1;
}

/* A port as written: 1 to 65534, or 0 for `*`; -1 when it is neither. */
static long read_port(const char *text)
{
    if (strcmp(text, "*") == 0) return 0;
    char *end = NULL;
    const long port = strtol(text, &end, 10);
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && port < 65535 ? port : -1;
}

strata_status strata_addresses_of_endpoint(const char *host_and_port, struct strata_addresses *out,
                                           struct strata_err *err)
{
    char host[STRATA_ADDRESS_TEXT] = "";
    const char *colon = strrchr(host_and_port, ':');
    const size_t length = colon ? (size_t)(colon - host_and_port) : 0;
    const bool brackets = length >= 2 && host_and_port[0] == '[' && host_and_port[length - 1] == ']';
    *out = (struct strata_addresses){.port = colon ? read_port(colon + 1) : -1};
    if (out->port < 0)
        return STRATA_FAIL(
            err, STRATA_E_CONFIG,
            "tcp://%s: the control endpoint needs a port from 1 to 65534, or '*' for any free one",
            host_and_port);
    if (length < sizeof host)
        (void)snprintf(host, sizeof host, "%.*s", (int)(length - (brackets ? 2 : 0)),
                       host_and_port + brackets);
    if (strcmp(host, "localhost") == 0) (void)snprintf(host, sizeof host, "127.0.0.1");
    if (brackets == (strchr(host, ':') != NULL) && add_literal(out, host) == 1) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_CONFIG,
                       "tcp://%s: the control endpoint needs one address of this host, as in "
                       "tcp://127.0.0.1:* or tcp://[::1]:*; control.interface takes the name of a "
                       "network interface",
                       host_and_port);
}

/* Those of one family. */
static void add_family(const struct ifaddrs *all, const char *name, int family,
                       struct strata_addresses *out)
{
    for (const struct ifaddrs *at = all; at && out->n < STRATA_ADDRESSES_MAX; at = at->ifa_next) {
        char text[INET6_ADDRSTRLEN] = "";
        if (strcmp(at->ifa_name, name) != 0 || !at->ifa_addr || !(at->ifa_flags & IFF_UP) ||
            at->ifa_addr->sa_family != family)
            continue;
        struct sockaddr_in6 v6;
        struct sockaddr_in v4;
        if (family == AF_INET6) {
            memcpy(&v6, at->ifa_addr, sizeof v6);
            if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) continue;
            (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text); /* there is room */
        } else {
            memcpy(&v4, at->ifa_addr, sizeof v4);
            (void)inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        }
        (void)add_literal(out, text); /* it was one a moment ago */
    }
}

static strata_status no_interface(const struct ifaddrs *all, const char *name,
                                  struct strata_err *err)
{
    char names[256] = "";
    size_t n = 0;
    for (const struct ifaddrs *at = all; at && n + 32 < sizeof names; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET) continue;
        const int added = snprintf(names + n, sizeof names - n, " %s", at->ifa_name);
        if (added > 0) n += (size_t)added;
    }
    return STRATA_FAIL(err, STRATA_E_UNAVAILABLE,
                       "control.interface: this host has no interface \"%s\" with an address; there "
                       "is:%s",
                       name, names);
}

strata_status strata_addresses_of_interface(const char *name, struct strata_addresses *out,
                                            struct strata_err *err)
{
    *out = (struct strata_addresses){.port = 0};
    const int literal = add_literal(out, name);
    if (literal == IS_ALL_INTERFACES)
        return STRATA_FAIL(
            err, STRATA_E_CONFIG,
            "control.interface: %s means all interfaces, which no client could use as an "
            "address; name one",
            name);
    if (literal) return STRATA_OK;
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return STRATA_FAIL(err, STRATA_E_SYSTEM, "the interfaces of this host cannot be listed: %s",
                           strerror(errno));
    add_family(all, name, AF_INET, out);
    add_family(all, name, AF_INET6, out);
    const strata_status status = out->n > 0 ? STRATA_OK : no_interface(all, name, err);
    freeifaddrs(all);
    return status;
}
