/* What the files about one customer share. */
#ifndef STRATA_CUSTOMER_IMPL_H
#define STRATA_CUSTOMER_IMPL_H

#include "strata/v1/control.pb-c.h"

#include "strata/customer.h"
#include "strata/reasons.h"

#include "results_impl.h"

/* A reason as the assignments have it. */
struct strata_kept_reason {
    const char *name;  /* of the feature; NULL: there is none */
    const char *level; /* the customer's own; NULL: a number */
    double number, share;
};

/* A customer as the assignments, or a look at the model, have found it. */
struct strata_found_customer {
    bool any;
    uint32_t segment, runner_up; /* from 1; 0: none */
    double distance, posterior, margin;
    struct strata_kept_reason reason[STRATA_REASONS_MAX]; /* strongest first */
};

/* What is told of a customer; NULL when there is no room, or it is not of this record. */
Strata__V1__CustomerReply *strata_customer_reply(const Strata__V1__Result *record,
                                                 const struct strata_found_customer *found,
                                                 struct strata_arena *arena);

/* customer_reason.c: one reason of a customer whose reply has segment and runner-up, with what the record publishes
 * about the two.  False when there is no room (the maker is full then), or the record does not know the feature. */
bool strata_reason_fill(struct strata_maker *maker, const Strata__V1__Result *record,
                        const Strata__V1__CustomerReply *customer,
                        const struct strata_kept_reason *kept, Strata__V1__Reason *out);

#endif
