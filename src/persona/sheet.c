/* Some features of this rank's customers as a DuckDB table.  Rows come a part at a time, so that memory is bounded
 * whatever the number of customers. */
#include <string.h>

#include "persona/rules_impl.h"
#include "strata/duck.h"

#define VALUES_AT_A_TIME ((size_t)1 << 21)
#define ROWS_AT_A_TIME ((size_t)1 << 17)

static const char *type_of(const struct strata_sheet *sheet, size_t f)
{
    return sheet->plan->table->column[f].kind == STRATA_COLUMN_TEXT ? "VARCHAR" : "DOUBLE";
}

static strata_status make_table(struct strata_sheet *sheet, struct strata_err *err)
{
    struct strata_arena scratch = {0};
    if (!strata_arena_init(&scratch, (size_t)1 << 20))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room to count the customers of rules");
    const char *sql = "";
    for (size_t f = 0; f < sheet->plan->n_features && sql; f++) {
        if (!sheet->used[f]) continue;
        const char *name = strata_duck_identifier(sheet->plan->config->feature[f].name, &scratch);
        sql = name ? strata_arena_print(&scratch, "%s%s %s, ", sql, name, type_of(sheet, f)) : NULL;
    }
    const strata_status status =
        sql ? strata_duck_run(sheet->duck, err,
                              "CREATE TABLE " STRATA_SHEET_TABLE " (%s" STRATA_SHEET_SEGMENT
                              " INTEGER, " STRATA_SHEET_WEIGHT " BIGINT, " STRATA_SHEET_ROW
                              " BIGINT)",
                              sql)
            : STRATA_FAIL(err, STRATA_E_MEMORY, "no room to count the customers of rules");
    strata_arena_finish(&scratch);
    return status;
}

strata_status strata_sheet_open(struct strata_sheet *sheet, struct strata_err *err)
{
    const struct strata_duck_options options = {
        .sealed = true, .threads = 1, .as_of = sheet->plan->config->as_of};
    STRATA_TRY(strata_duck_open(&options, &sheet->duck, err));
    sheet->n_used = 0;
    for (size_t f = 0; f < sheet->plan->n_features; f++) sheet->n_used += sheet->used[f];
    return make_table(sheet, err);
}

void strata_sheet_close(struct strata_sheet *sheet)
{
    strata_duck_close(&sheet->duck);
}

static void put_feature(const struct strata_sheet *sheet, struct strata_duck_appender *appender,
                        size_t at, size_t f, size_t row)
{
    const struct strata_column *column = &sheet->plan->table->column[f];
    if (!column->present[row]) {
        strata_duck_append_value(appender, at, NULL, 0);
    } else if (column->kind == STRATA_COLUMN_TEXT) {
        const char *text = column->level[column->code[row]];
        strata_duck_append_value(appender, at, text, strlen(text));
    } else {
        strata_duck_append_value(appender, at, &column->number[row], sizeof(double));
    }
}

static void put_row(const struct strata_sheet *sheet, struct strata_duck_appender *appender,
                    size_t row)
{
    const struct strata_plan *plan = sheet->plan;
    const int32_t segment = plan->label[row] + 1;
    const int64_t weight = plan->weight ? (int64_t)plan->weight[row] : 1;
    const int64_t number = (int64_t)row;
    size_t at = 0;
    for (size_t f = 0; f < plan->n_features; f++) {
        if (sheet->used[f]) put_feature(sheet, appender, at++, f, row);
    }
    strata_duck_append_value(appender, at, &segment, sizeof segment);
    strata_duck_append_value(appender, at + 1, &weight, sizeof weight);
    strata_duck_append_value(appender, at + 2, &number, sizeof number);
}

strata_status strata_sheet_fill(struct strata_sheet *sheet, size_t *first, struct strata_err *err)
{
    struct strata_duck_appender *appender = NULL;
    const size_t by_values = VALUES_AT_A_TIME / (sheet->n_used + 3);
    const size_t most = by_values < ROWS_AT_A_TIME ? by_values : ROWS_AT_A_TIME;
    const size_t left = sheet->plan->table->n_rows - *first;
    const size_t end = *first + (left < most ? left : most);
    STRATA_TRY(strata_duck_run(sheet->duck, err, "TRUNCATE " STRATA_SHEET_TABLE));
    STRATA_TRY(strata_duck_append_begin(sheet->duck, STRATA_SHEET_TABLE, &appender, err));
    strata_status status = STRATA_OK;
    for (size_t row = *first; row < end && status == STRATA_OK; row++) {
        put_row(sheet, appender, row);
        status = strata_duck_append_row_end(appender, err);
    }
    *first = end;
    const strata_status ended = strata_duck_append_end(&appender, err);
    return status == STRATA_OK ? ended : status;
}
