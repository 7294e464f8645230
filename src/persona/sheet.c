/* Some features of this rank's customers as a DuckDB table: the columns as they lie. */
#include "persona/rules_impl.h"
#include "strata/duck.h"

static struct strata_duck_view_column view_of(const struct strata_plan *plan, size_t f)
{
    const struct strata_column *column = &plan->table->column[f];
    struct strata_duck_view_column view = {.name = plan->config->feature[f].name,
                                           .type = STRATA_DUCK_DOUBLE,
                                           .value = column->number,
                                           .present = column->present};
    if (column->kind != STRATA_COLUMN_TEXT) return view;
    view.type = STRATA_DUCK_TEXT;
    view.value = column->code;
    view.level = column->level;
    view.n_levels = column->n_levels;
    return view;
}

strata_status strata_sheet_open(struct strata_sheet *sheet, const bool *used,
                                struct strata_arena *scratch, struct strata_err *err)
{
    const struct strata_plan *plan = sheet->plan;
    struct strata_duck_view_column *column =
        STRATA_NEW(scratch, struct strata_duck_view_column, plan->n_features + 3);
    if (!column)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to count the customers of rules");
    size_t n = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        if (used[f]) column[n++] = view_of(plan, f);
    }
    column[n++] = (struct strata_duck_view_column){
        .name = "strata label", .type = STRATA_DUCK_UINT16, .value = plan->label};
    column[n++] = (struct strata_duck_view_column){.name = "strata row", .type = STRATA_DUCK_INT64};
    if (plan->weight)
        column[n++] = (struct strata_duck_view_column){
            .name = "strata weight", .type = STRATA_DUCK_UINT32, .value = plan->weight};
    const struct strata_duck_view view = {
        .name = "customers", .column = column, .n_columns = n, .n_rows = plan->table->n_rows};
    const struct strata_duck_options options = {
        .sealed = true, .threads = strata_pool_threads(plan->pool), .as_of = plan->config->as_of};
    STRATA_TRY(strata_duck_open(&options, &sheet->duck, err));
    return strata_duck_show(sheet->duck, &view, err);
}

void strata_sheet_close(struct strata_sheet *sheet)
{
    strata_duck_close(&sheet->duck);
}
