/* Parquet files with bytes that depend on the rows alone, and the list of rejected rows as one. */
#include <string.h>

#include "strata/duck.h"
#include "strata/file.h"

#include "results_impl.h"

#define ROW_GROUP_ROWS 122880 /* fixed, so that bytes are */

strata_status strata_parquet_write(struct strata_duck *duck, const char *path, const char *order,
                                   struct strata_arena scratch, struct strata_err *err)
{
    const char *temporary = strata_file_temporary(path, &scratch);
    const char *target = temporary ? strata_duck_literal(temporary, &scratch) : NULL;
    if (!target) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the name of a file");
    STRATA_TRY(strata_file_make(temporary, NULL, 0, true, err)); /* DuckDB keeps its mode */
    const strata_status status =
        strata_duck_run(duck, err,
                        "copy (select * from part order by %s) to %s "
                        "(format parquet, compression zstd, row_group_size %d, use_tmp_file false)",
                        order, target, ROW_GROUP_ROWS);
    if (status != STRATA_OK) {
        strata_file_drop(temporary);
        return status;
    }
    return strata_file_commit(temporary, path, err);
}

static strata_status append_rejects(struct strata_duck *duck, const struct strata_quality *quality,
                                    struct strata_err *err)
{
    struct strata_duck_appender *appender = NULL;
    STRATA_TRY(strata_duck_append_begin(duck, "part", &appender, err));
    strata_status status = STRATA_OK;
    for (size_t i = 0; i < quality->n_rejects && status == STRATA_OK; i++) {
        const struct strata_reject *reject = &quality->reject[i];
        const char *column = reject->column && *reject->column ? reject->column : NULL;
        strata_duck_append_value(appender, 0, reject->source, strlen(reject->source));
        strata_duck_append_value(appender, 1, reject->file, strlen(reject->file));
        strata_duck_append_value(appender, 2, &reject->line, sizeof reject->line);
        strata_duck_append_value(appender, 3, column, column ? strlen(column) : 0);
        strata_duck_append_value(appender, 4, reject->reason, strlen(reject->reason));
        status = strata_duck_append_row_end(appender, err);
    }
    const strata_status ended = strata_duck_append_end(&appender, err);
    return status == STRATA_OK ? ended : status;
}

static strata_status fill_and_write(struct strata_duck *duck, const char *directory,
                                    const struct strata_quality *quality,
                                    struct strata_arena scratch, struct strata_err *err)
{
    const char *path = strata_path_join(directory, "rejects.parquet", &scratch);
    if (!path) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the name of a file");
    STRATA_TRY(strata_duck_run(duck, err,
                               "create table part (source varchar, file varchar, line ubigint, "
                               "\"column\" varchar, reason varchar)"));
    STRATA_TRY(append_rejects(duck, quality, err));
    return strata_parquet_write(duck, path, "all", scratch, err);
}

strata_status strata_rejects_write(const char *directory, const struct strata_quality *quality,
                                   const char *temporary_dir, struct strata_arena scratch,
                                   struct strata_err *err)
{
    struct strata_duck *duck = NULL;
    const struct strata_duck_options options = {.temporary_dir = temporary_dir, .threads = 1};
    if (quality->n_rejects == 0) return STRATA_OK;
    STRATA_TRY(strata_duck_open(&options, &duck, err));
    const strata_status status = fill_and_write(duck, directory, quality, scratch, err);
    strata_duck_close(&duck);
    return status;
}
