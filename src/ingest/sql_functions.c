/* What is allowed in the customers SQL: one table.  A function that is not in it is allowed if
 * DuckDB calls it a consistent scalar function; other aggregates and macros are refused. */
#include <string.h>
#include <strings.h>

#include "sql_impl.h"

#define SPREAD \
    "it adds in floating point, in the order of rows; compute it from sum() and count() of decimal or integer values"
#define TIES \
    "rows that tie make its result depend on their order; use max() or min(), or add its argument to ORDER BY"
#define LISTS \
    "the order of rows is not defined; add ORDER BY with the argument itself inside the call"
#define APPROXIMATE \
    "it is approximate and depends on the order of rows; use count(distinct ...) or quantile_disc()"
#define NOW "it changes from run to run; set `as_of:` in the job file and use as_of()"
#define CHANCE "it changes from run to run; a result must be the same every time"
#define LIBM \
    "its last bits differ between processors; use the feature's `transform`, or decimal arithmetic"
#define OUTSIDE "it depends on the machine or the session, not on the data"
#define HIDDEN "it runs an aggregate by name, which cannot be checked; write the aggregate itself"
#define ROW_ORDER "rows that tie are numbered in no defined order; use rank() or dense_rank()"
#define ROW_NEIGHBOUR \
    "rows that tie have no defined order; it is fine when its argument is in the window's ORDER BY"

static const struct sql_rule rules[] = {
    /* aggregates that do not depend on the order of rows */
    {"count", SQL_FINE, ""},
    {"count_star", SQL_FINE, ""},
    {"count_if", SQL_FINE, ""},
    {"countif", SQL_FINE, ""},
    {"min", SQL_FINE, ""},
    {"max", SQL_FINE, ""},
    {"bool_and", SQL_FINE, ""},
    {"bool_or", SQL_FINE, ""},
    {"bit_and", SQL_FINE, ""},
    {"bit_or", SQL_FINE, ""},
    {"bit_xor", SQL_FINE, ""},
    {"median", SQL_FINE, ""},
    {"quantile", SQL_FINE, ""},
    {"quantile_cont", SQL_FINE, ""},
    {"quantile_disc", SQL_FINE, ""},
    {"mad", SQL_FINE, ""},
    {"histogram", SQL_FINE, ""},
    {"sum_no_overflow", SQL_FINE, ""},
    {"strata_exact_sum", SQL_FINE, ""},
    {"grouping", SQL_FINE, ""},
    {"grouping_id", SQL_FINE, ""},
    {"regr_count", SQL_FINE, ""},
    /* by the type of the argument */
    {"sum", SQL_SUM, ""},
    {"avg", SQL_MEAN,
     "it adds floating-point values in the order of rows; write sum(x) / count(x), or cast to decimal"},
    {"mean", SQL_MEAN,
     "it adds floating-point values in the order of rows; write sum(x) / count(x), or cast to decimal"},
    /* by the order of rows, unless it is said */
    {"list", SQL_ORDERED, LISTS},
    {"array_agg", SQL_ORDERED, LISTS},
    {"string_agg", SQL_ORDERED, LISTS},
    {"group_concat", SQL_ORDERED, LISTS},
    {"listagg", SQL_ORDERED, LISTS},
    {"first", SQL_ORDERED, TIES},
    {"last", SQL_ORDERED, TIES},
    {"any_value", SQL_ORDERED, TIES},
    {"arbitrary", SQL_ORDERED, TIES},
    {"json_group_array", SQL_ORDERED, LISTS},
    /* never */
    {"arg_max", SQL_REFUSED, TIES},
    {"arg_min", SQL_REFUSED, TIES},
    {"argmax", SQL_REFUSED, TIES},
    {"argmin", SQL_REFUSED, TIES},
    {"max_by", SQL_REFUSED, TIES},
    {"min_by", SQL_REFUSED, TIES},
    {"arg_max_null", SQL_REFUSED, TIES},
    {"arg_min_null", SQL_REFUSED, TIES},
    {"mode", SQL_REFUSED,
     "values that are equally frequent make its result depend on the order of rows"},
    {"stddev", SQL_REFUSED, SPREAD},
    {"stddev_pop", SQL_REFUSED, SPREAD},
    {"stddev_samp", SQL_REFUSED, SPREAD},
    {"variance", SQL_REFUSED, SPREAD},
    {"var_pop", SQL_REFUSED, SPREAD},
    {"var_samp", SQL_REFUSED, SPREAD},
    {"corr", SQL_REFUSED, SPREAD},
    {"covar_pop", SQL_REFUSED, SPREAD},
    {"covar_samp", SQL_REFUSED, SPREAD},
    {"regr_avgx", SQL_REFUSED, SPREAD},
    {"regr_avgy", SQL_REFUSED, SPREAD},
    {"regr_intercept", SQL_REFUSED, SPREAD},
    {"regr_r2", SQL_REFUSED, SPREAD},
    {"regr_slope", SQL_REFUSED, SPREAD},
    {"regr_sxx", SQL_REFUSED, SPREAD},
    {"regr_sxy", SQL_REFUSED, SPREAD},
    {"regr_syy", SQL_REFUSED, SPREAD},
    {"kurtosis", SQL_REFUSED, SPREAD},
    {"kurtosis_pop", SQL_REFUSED, SPREAD},
    {"skewness", SQL_REFUSED, SPREAD},
    {"sem", SQL_REFUSED, SPREAD},
    {"entropy", SQL_REFUSED, SPREAD},
    {"favg", SQL_REFUSED, SPREAD},
    {"fsum", SQL_REFUSED, "use sum(), which is exact"},
    {"kahan_sum", SQL_REFUSED, "use sum(), which is exact"},
    {"sumkahan", SQL_REFUSED, "use sum(), which is exact"},
    {"product", SQL_REFUSED, SPREAD},
    {"geomean", SQL_REFUSED, SPREAD},
    {"geometric_mean", SQL_REFUSED, SPREAD},
    {"wavg", SQL_REFUSED, SPREAD},
    {"weighted_avg", SQL_REFUSED, SPREAD},
    {"bitstring_agg", SQL_REFUSED,
     "its length depends on other customers' values; use bit_or(1 << x), or list(distinct x order by x)"},
    {"approx_count_distinct", SQL_REFUSED, APPROXIMATE},
    {"approx_quantile", SQL_REFUSED, APPROXIMATE},
    {"approx_top_k", SQL_REFUSED, APPROXIMATE},
    {"reservoir_quantile", SQL_REFUSED, APPROXIMATE},
    {"now", SQL_REFUSED, NOW},
    {"today", SQL_REFUSED, NOW},
    {"current_date", SQL_REFUSED, NOW},
    {"current_time", SQL_REFUSED, NOW},
    {"current_timestamp", SQL_REFUSED, NOW},
    {"get_current_time", SQL_REFUSED, NOW},
    {"get_current_timestamp", SQL_REFUSED, NOW},
    {"transaction_timestamp", SQL_REFUSED, NOW},
    {"current_localtime", SQL_REFUSED, NOW},
    {"current_localtimestamp", SQL_REFUSED, NOW},
    {"localtime", SQL_REFUSED, NOW},
    {"localtimestamp", SQL_REFUSED, NOW},
    {"random", SQL_REFUSED, CHANCE},
    {"setseed", SQL_REFUSED, CHANCE},
    {"uuid", SQL_REFUSED, CHANCE},
    {"uuidv4", SQL_REFUSED, CHANCE},
    {"uuidv7", SQL_REFUSED, CHANCE},
    {"gen_random_uuid", SQL_REFUSED, CHANCE},
    {"nextval", SQL_REFUSED, CHANCE},
    {"currval", SQL_REFUSED, CHANCE},
    {"txid_current", SQL_REFUSED, CHANCE},
    {"ln", SQL_REFUSED, LIBM},
    {"log", SQL_REFUSED, LIBM},
    {"log2", SQL_REFUSED, LIBM},
    {"log10", SQL_REFUSED, LIBM},
    {"exp", SQL_REFUSED, LIBM},
    {"pow", SQL_REFUSED, LIBM},
    {"power", SQL_REFUSED, LIBM},
    {"^", SQL_REFUSED, LIBM},
    {"**", SQL_REFUSED, LIBM},
    {"cbrt", SQL_REFUSED, LIBM},
    {"gamma", SQL_REFUSED, LIBM},
    {"lgamma", SQL_REFUSED, LIBM},
    {"sin", SQL_REFUSED, LIBM},
    {"cos", SQL_REFUSED, LIBM},
    {"tan", SQL_REFUSED, LIBM},
    {"asin", SQL_REFUSED, LIBM},
    {"acos", SQL_REFUSED, LIBM},
    {"atan", SQL_REFUSED, LIBM},
    {"atan2", SQL_REFUSED, LIBM},
    {"cot", SQL_REFUSED, LIBM},
    {"sinh", SQL_REFUSED, LIBM},
    {"cosh", SQL_REFUSED, LIBM},
    {"tanh", SQL_REFUSED, LIBM},
    {"asinh", SQL_REFUSED, LIBM},
    {"acosh", SQL_REFUSED, LIBM},
    {"atanh", SQL_REFUSED, LIBM},
    {"jaro_similarity", SQL_FINE, ""},
    {"current_setting", SQL_REFUSED, OUTSIDE},
    {"getenv", SQL_REFUSED, OUTSIDE},
    {"version", SQL_REFUSED, OUTSIDE},
    {"vector_type", SQL_REFUSED, OUTSIDE},
    {"stats", SQL_REFUSED, OUTSIDE},
    {"strata_seen", SQL_REFUSED, OUTSIDE},
    {"combine", SQL_REFUSED, HIDDEN},
    {"finalize", SQL_REFUSED, HIDDEN},
    {"list_aggr", SQL_REFUSED, HIDDEN},
    {"list_aggregate", SQL_REFUSED, HIDDEN},
    {"array_aggr", SQL_REFUSED, HIDDEN},
    {"aggregate", SQL_REFUSED, HIDDEN},
    {"array_aggregate", SQL_REFUSED, HIDDEN},
    /* windows */
    {"rank", SQL_FINE, ""},
    {"dense_rank", SQL_FINE, ""},
    {"rank_dense", SQL_FINE, ""},
    {"percent_rank", SQL_FINE, ""},
    {"cume_dist", SQL_FINE, ""},
    {"row_number", SQL_REFUSED, ROW_ORDER},
    {"ntile", SQL_REFUSED, ROW_ORDER},
    {"lag", SQL_ORDERED, ROW_NEIGHBOUR},
    {"lead", SQL_ORDERED, ROW_NEIGHBOUR},
    {"first_value", SQL_ORDERED, ROW_NEIGHBOUR},
    {"last_value", SQL_ORDERED, ROW_NEIGHBOUR},
    {"nth_value", SQL_ORDERED, ROW_NEIGHBOUR},
    {"fill", SQL_REFUSED, ROW_ORDER},
    /* the job's own day, and macros whose bodies are consistent */
    {"as_of", SQL_AS_OF, ""},
    {"nullif", SQL_FINE, ""},
    {"fdiv", SQL_FINE, ""},
    {"fmod", SQL_FINE, ""},
    {"split_part", SQL_FINE, ""},
    {"date_add", SQL_FINE, ""},
    {"round_even", SQL_FINE, ""},
    {"roundbankers", SQL_FINE, ""},
    {"list_append", SQL_FINE, ""},
    {"array_append", SQL_FINE, ""},
    {"list_prepend", SQL_FINE, ""},
    {"array_prepend", SQL_FINE, ""},
    {"list_reverse", SQL_FINE, ""},
    {"array_reverse", SQL_FINE, ""},
    {"list_count", SQL_FINE, ""},
    {"list_min", SQL_FINE, ""},
    {"list_max", SQL_FINE, ""},
    {"list_sum", SQL_FINE, ""},
    {"list_avg", SQL_FINE, ""},
    {"list_first", SQL_FINE, ""},
    {"list_last", SQL_FINE, ""},
    {"list_median", SQL_FINE, ""},
    {"list_bool_and", SQL_FINE, ""},
    {"list_bool_or", SQL_FINE, ""},
    {"array_to_string", SQL_FINE, ""},
    {"map_contains_value", SQL_FINE, ""},
};

struct sql_rule sql_function_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcasecmp(rules[i].name, name) == 0) return rules[i];
    return (struct sql_rule){name, SQL_UNKNOWN, ""};
}

const char *sql_word_advice(const char *name)
{
    static const char *const times[] = {"current_date", "current_time", "current_timestamp",
                                        "localtime", "localtimestamp"};
    static const char *const sessions[] = {"current_user", "session_user",    "user",
                                           "current_role", "current_catalog", "current_schema"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcasecmp(times[i], name) == 0) return NOW;
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++)
        if (strcasecmp(sessions[i], name) == 0) return OUTSIDE;
    return strcasecmp(name, "rowid") == 0 ? "the order of rows is not defined" : NULL;
}
