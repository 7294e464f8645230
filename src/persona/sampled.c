/* What a sample of the customers shows.  The sample is drawn together; then each rank finds the same. */
#include <inttypes.h>
#include <math.h>

#include "strata/clock.h"
#include "strata/log.h"

#include "persona/sampled_impl.h"

#define SPARE_BYTES ((size_t)1 << 30) /* of addresses, for what travels: keys may be long */

uint64_t strata_sampled_bytes(size_t k, size_t d)
{
    const uint64_t shown = k < STRATA_SAMPLED_SEGMENTS ? k : STRATA_SAMPLED_SEGMENTS;
    const uint64_t scatter = 2 * (uint64_t)d * d + (2 * shown + 8) * d + 2 * shown * shown;
    const uint64_t gorges = (uint64_t)k * (d + 512) + 64 * shown;
    const uint64_t places = (uint64_t)STRATA_SAMPLED_ROWS * 8;
    return strata_customer_sample_bytes(STRATA_SAMPLED_ROWS, d) +
           (scatter + gorges + places) * sizeof(double) + (UINT64_C(1) << 20);
}

static bool look(const struct strata_features *features, const struct strata_clustering *clustering,
                 const struct strata_customer_sample *sample, struct strata_arena scratch,
                 struct strata_arena *keep, struct strata_sampled *out)
{
    const size_t k = clustering->dims.k;
    uint16_t *label = STRATA_NEW(&scratch, uint16_t, sample->n);
    if (!label) return false;
    strata_sample_label(sample, clustering->estimator, clustering->dims, clustering->params, label);
    const struct strata_labelled rows = {.sample = *sample,
                                         .label = label,
                                         .k = k < STRATA_SAMPLED_SEGMENTS ? k
                                                                          : STRATA_SAMPLED_SEGMENTS,
                                         .unit = ldexp(1.0, features->recipe.grid_exponent)};
    if (!strata_map_draw(&rows, &features->recipe, scratch, keep, &out->map)) return false;
    if (out->map) out->map->n_left_out = k - out->map->n;
    return strata_stability_measure(sample, clustering, label, scratch, keep, &out->stability);
}

static strata_status make(struct strata_comm *comm, const struct strata_features *features,
                          const struct strata_clustering *clustering, struct strata_arena *scratch,
                          struct strata_arena *keep, struct strata_sampled *out,
                          struct strata_err *err)
{
    const size_t bytes =
        (size_t)strata_sampled_bytes(clustering->dims.k, clustering->dims.d) + SPARE_BYTES;
    strata_status status = STRATA_OK;
    if (!strata_arena_init(scratch, bytes))
        status =
            STRATA_FAIL(err, STRATA_E_MEMORY,
                        "the system refuses %zu bytes to look at a sample of the customers", bytes);
    STRATA_TRY(strata_comm_agree(comm, status, err));
    struct strata_customer_sample sample;
    STRATA_TRY(strata_customer_sample_draw(comm, &features->rows, STRATA_SAMPLED_ROWS, scratch,
                                           &sample, err));
    if (!look(features, clustering, &sample, *scratch, keep, out))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to look at %zu sampled customers",
                             sample.n);
    return strata_comm_agree(comm, status, err);
}

strata_status strata_sampled_make(struct strata_comm *comm, const struct strata_features *features,
                                  const struct strata_clustering *clustering,
                                  struct strata_arena *keep, struct strata_sampled *out,
                                  struct strata_err *err)
{
    const double begun_s = strata_clock_s();
    struct strata_arena scratch = {0};
    *out = (struct strata_sampled){0};
    const strata_status status = make(comm, features, clustering, &scratch, keep, out, err);
    strata_arena_finish(&scratch);
    if (status == STRATA_OK && comm->rank == 0)
        STRATA_LOG(INFO, "describe.sample", "customers=%" PRIu64 " solutions=%zu seconds=%.4f",
                   out->map ? out->map->customers : 0,
                   out->stability ? out->stability->n_solutions : 0, strata_clock_s() - begun_s);
    return status;
}
