/* Which features mark a segment: those whose difference from everybody else is largest in
 * standard deviations. */
#include <math.h>

#include "persona/persona_impl.h"

void strata_markers_rank(const struct strata_plan *plan, struct strata_persona *persona)
{
    persona->n_markers = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        const struct strata_profile_cell *cell = &persona->cell[f];
        if (strata_is_silent(&plan->config->feature[f])) continue;
        if (cell->hidden || isnan(cell->effect) || cell->effect == 0.0) continue;
        size_t at = persona->n_markers++;
        /* insertion keeps the job's order among equals */
        for (; at > 0 && fabs(persona->marker[at - 1].effect) < fabs(cell->effect); at--) {
            persona->marker[at] = persona->marker[at - 1];
        }
        persona->marker[at] =
            (struct strata_marker){.feature = f, .level = cell->level, .effect = cell->effect};
    }
}
