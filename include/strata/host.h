/* What this host has to give. */
#ifndef STRATA_HOST_H
#define STRATA_HOST_H

#include <stdint.h>

/* Bytes of memory that all processes of this host may use together: what is built in, or the limit of the control
 * group when that is lower.  A guess of 4 GiB where neither can be read.  Not collective; hosts may differ. */
uint64_t strata_host_memory_bytes(void);

/* Bytes of memory that this process holds now; 0 where the system does not say.  Not collective. */
uint64_t strata_host_resident_bytes(void);

#endif
