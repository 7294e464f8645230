/* The conditions of a-priori segments, checked before a row is read: each is one SQL expression over the features of
 * one customer, true or false, and the same whatever other customers there are. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest_impl.h"
#include "sql_rules.h"

#define KEY "strata key" /* no feature has such a name */
#define BEFORE "SELECT \"" KEY "\", ("

/* As the customer table holds them: numbers and text. */
static const char *type_of(const struct strata_feature *feature, const char *column_type)
{
    const bool number = feature->type == STRATA_NUMERIC || feature->type == STRATA_COUNT;
    if (number) return "DOUBLE";
    return feature->type == STRATA_BINARY && strcmp(column_type, "VARCHAR") != 0 ? "DOUBLE"
                                                                                 : "VARCHAR";
}

static const char *column_type(const struct where_view *view, const char *name)
{
    for (size_t i = 0; i < view->n; i++)
        if (strcasecmp(view->column[i].name, name) == 0) return view->column[i].type;
    return "";
}

STRATA_MUST_CHECK static strata_status make_table(const struct strata_config *config,
                                                  const struct where_view *view,
                                                  struct strata_duck *duck,
                                                  struct strata_arena scratch,
                                                  struct strata_err *err)
{
    struct ingest_text sql = ingest_text_begin(&scratch, (size_t)1 << 18);
    for (size_t f = 0; f < config->n_features; f++) {
        const struct strata_feature *feature = &config->feature[f];
        const char *name = strata_duck_identifier(feature->name, &scratch);
        ingest_text_add(&sql, ", %s %s", name ? name : "",
                        type_of(feature, column_type(view, feature->name)));
    }
    if (sql.full) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check `where`");
    return strata_duck_run(duck, err, "CREATE TABLE customers (\"" KEY "\" VARCHAR%s)", sql.bytes);
}

/* What the expression gives; "" when it cannot be told. */
STRATA_MUST_CHECK static strata_status result_type(struct strata_duck *duck, const char *sql,
                                                   struct strata_arena *keep, const char **type,
                                                   struct strata_err *err)
{
    struct strata_duck_cursor cursor = {0};
    bool more = false;
    size_t length = 0;
    *type = "";
    STRATA_TRY(strata_duck_query(duck, &cursor, err, "DESCRIBE %s", sql));
    const strata_status status = strata_duck_next(&cursor, &more, err);
    if (status == STRATA_OK && more && cursor.n_rows == 2) {
        const char *text = strata_duck_text(&cursor, 1, 1, &length);
        *type = strata_arena_copy(keep, text, length);
    }
    strata_duck_cursor_finish(&cursor);
    return status;
}

STRATA_MUST_CHECK static strata_status check_one(
    const struct strata_config *config, const struct strata_where *where, struct strata_duck *duck,
    struct strata_arena scratch, struct strata_problems *problems, struct strata_err *err)
{
    const struct sql_source source = {"customers", KEY};
    const size_t before = problems->total;
    const char *type = "";
    struct sql_result result;
    struct strata_place place = where->condition_place;
    place.column -= (int)strlen(BEFORE);
    const char *text =
        strata_arena_print(&scratch, BEFORE "%s\n) AS inside FROM customers", where->condition);
    if (!text) return STRATA_FAIL(err, STRATA_E_MEMORY, "no memory to check `where`");
    const struct sql_job job = {.text = text,
                                .place = place,
                                .source = &source,
                                .n_sources = 1,
                                .key = KEY,
                                .has_as_of = config->as_of != NULL};
    STRATA_TRY(sql_check(duck, &job, &scratch, problems, &result, err));
    if (problems->total > before) return STRATA_OK;
    STRATA_TRY(result_type(duck, text, &scratch, &type, err));
    if (type && strcmp(type, "BOOLEAN") == 0) return STRATA_OK;
    strata_problems_add(problems, where->condition_place, STRATA_E_CONFIG,
                        "`where` must be one condition, true or false, as in `spend >= 1000`");
    return STRATA_OK;
}

strata_status where_check(const struct strata_config *config, const struct where_view *view,
                          struct strata_arena scratch, struct strata_problems *problems,
                          struct strata_err *err)
{
    struct strata_duck *duck = NULL;
    const struct strata_duck_options options = {.sealed = true, .threads = 1, .as_of = config->as_of};
    if (config->n_apriori == 0) return STRATA_OK;
    STRATA_TRY(strata_duck_open(&options, &duck, err));
    strata_status status = make_table(config, view, duck, scratch, err);
    for (size_t i = 0; i < config->n_apriori && status == STRATA_OK; i++)
        status = check_one(config, &config->apriori[i], duck, scratch, problems, err);
    strata_duck_close(&duck);
    return status;
}
