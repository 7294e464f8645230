/* A sample of the customers that all ranks have, for what is drawn or looked at customer by customer: those
 * with the smallest hashes of their keys, so it is the same whatever the ranks, and each is in it as
 * likely as another. */
#ifndef STRATA_CUSTOMER_SAMPLE_H
#define STRATA_CUSTOMER_SAMPLE_H

#include <stddef.h>

#include "strata/arena.h"
#include "strata/comm.h"
#include "strata/features.h"
#include "strata/status.h"

struct strata_customer_sample {
    size_t n, d;
    const float *x; /* (n, d) encoded, grid integers; by the hash of the key, rising */
};

/* The sample of min(most, customers) rows, in keep; case weights play no part.  Collective: one sum, hardly
 * ever another, and one exchange of the rows that are picked, about 1 in 1,000 more than the sample.  Looks at
 * the hashes of all rows and at the values of those picked.  Same bits for any number of ranks.  Fails alike
 * on all ranks: memory, keys whose hashes are alike. */
STRATA_MUST_CHECK strata_status strata_customer_sample_draw(struct strata_comm *comm,
                                                            const struct strata_rows *rows,
                                                            size_t most, struct strata_arena *keep,
                                                            struct strata_customer_sample *out,
                                                            struct strata_err *err);

/* Bytes of keep for it, as far as keys are short. */
size_t strata_customer_sample_bytes(size_t most, size_t d);

#endif
