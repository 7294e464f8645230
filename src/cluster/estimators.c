/* The one list of estimators. */
#include <string.h>

#include "strata/estimator.h"

const struct strata_estimator *const strata_estimators[] = {&strata_kmeans, &strata_gmm_diag, NULL};

const struct strata_estimator *strata_estimator_find(const char *name)
{
    for (size_t i = 0; strata_estimators[i]; i++)
        if (strcmp(strata_estimators[i]->name, name) == 0) return strata_estimators[i];
    return NULL;
}
