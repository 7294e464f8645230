/* What this host has to give. */
#ifndef STRATA_HOST_H
#define STRATA_HOST_H

#include <stdint.h>

/* Bytes of memory that all processes of this host may use together: what is built in, or the limit of the control
 * group when that is lower.  A guess of 4 GiB where neither can be read.  Not collective; hosts may differ. */
uint64_t strata_host_memory_bytes(void);

#endif
