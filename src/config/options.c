/* Every option of a job file, once.  Unknown keys, suggestions, defaults, ranges, printing and
 * configs/full.yaml come from these tables; the order is the order of printing. */
#include <string.h>

#include "config_impl.h"

#define TEXT_OF(number) #number
#define DIGITS_OF(macro) TEXT_OF(macro)
#define JOB(field) offsetof(struct strata_config, field)
#define SOURCE(field) offsetof(struct strata_source, field)
#define FEATURE(field) offsetof(struct strata_feature, field)
#define APRIORI(field) offsetof(struct strata_where, field)
#define MODEL(field) offsetof(struct strata_model_options, field)
#define OPTIONS(name) .option = (name), .n_options = sizeof(name) / sizeof *(name)

/* --- sources --- */

static const struct option source_options[] = {
    {.key = "name",
     .kind = KIND_IDENTIFIER,
     .required = true,
     .at = SOURCE(name),
     .sample = "orders",
     .help = "The table's name in the customers SQL."},
    {.key = "files",
     .kind = KIND_PATHS,
     .required = true,
     .at = SOURCE(pattern),
     .at_count = SOURCE(n_patterns),
     .at_place = SOURCE(files_place),
     .min = 1,
     .max = 4096,
     .sample = "data/orders/*.csv",
     .help = "One file or pattern, or a list of them; relative ones start from the job file's "
             "folder. A text that begins with * needs quotes."},
    {.key = "format",
     .kind = KIND_WORD,
     .at = SOURCE(format),
     .fallback = "auto",
     .words = &strata_words_format,
     .help = "What the files are; auto looks at their suffix (.parquet .csv .tsv .json .jsonl "
             ".ndjson, also with .gz)."},
    {.key = "key",
     .kind = KIND_TEXT,
     .shown = true,
     .at = SOURCE(key),
     .at_place = SOURCE(key_place),
     .min = 1,
     .max = COLUMN_NAME_MAX,
     .sample = "customer_id",
     .help = "The column that holds the customer's key. Every source but a lookup needs one."},
    {.key = "lookup",
     .kind = KIND_FLAG,
     .at = SOURCE(lookup),
     .fallback = "no",
     .words = &strata_words_flag,
     .help = "A small table without a customer key, such as products: every rank gets all of it."},
    {.key = "columns",
     .kind = KIND_COLUMNS,
     .at = SOURCE(column),
     .at_count = SOURCE(n_columns),
     .max = STRATA_MAX_COLUMNS,
     .sample = "{order_date: date, amount: \"decimal(12,2)\"}",
     .help = "Declared SQL types. Columns of a CSV file that are not named here are text."},
    {.key = "delimiter",
     .kind = KIND_MARK,
     .at = SOURCE(delimiter),
     .min = 1,
     .max = 4,
     .sample = "\";\"",
     .help = "What separates the fields of a CSV file. Left out: looked for."},
    {.key = "quote",
     .kind = KIND_MARK,
     .at = SOURCE(quote),
     .min = 0,
     .max = 1,
     .sample = "'\"'",
     .help = "What encloses fields of a CSV file; \"\" for nothing. Left out: looked for."},
    {.key = "escape",
     .kind = KIND_MARK,
     .at = SOURCE(escape),
     .min = 0,
     .max = 1,
     .sample = "'\"'",
     .help = "What stands before a quote inside a quoted field of a CSV file. Left out: looked for."},
    {.key = "header",
     .kind = KIND_WORD,
     .at = SOURCE(header),
     .fallback = "auto",
     .words = &strata_words_header,
     .help = "Whether a CSV file's first line names the columns; auto looks."},
    {.key = "null",
     .kind = KIND_TEXTS,
     .at = SOURCE(null_text),
     .at_count = SOURCE(n_null_texts),
     .min = 0,
     .max = 32,
     .sample = "[NA, \"?\"]",
     .help = "Texts of a CSV file that mean missing. An empty field always does."},
};

static const struct section source_section = {.where = "a source",
                                              OPTIONS(source_options),
                                              .item_bytes = sizeof(struct strata_source),
                                              .item_place = SOURCE(place)};

/* --- features --- */

static const struct option feature_options[] = {
    {.key = "name",
     .kind = KIND_IDENTIFIER,
     .required = true,
     .at = FEATURE(name),
     .sample = "spend",
     .help = "A column of the customers view."},
    {.key = "label",
     .kind = KIND_TEXT,
     .at = FEATURE(label),
     .min = 1,
     .max = 120,
     .sample = "yearly spend",
     .help = "How people call it. Left out: the name with spaces for _."},
    {.key = "type",
     .kind = KIND_WORD,
     .required = true,
     .at = FEATURE(type),
     .sample = "numeric",
     .words = &strata_words_type,
     .help = "What its values are: ordinal has levels in an order, nominal has levels without one, "
             "binary is yes or no."},
    {.key = "dimension",
     .kind = KIND_WORD,
     .at = FEATURE(dimension),
     .fallback = "behavioural",
     .words = &strata_words_dimension,
     .help = "What it tells about a customer."},
    {.key = "role",
     .kind = KIND_WORD,
     .at = FEATURE(role),
     .fallback = "basis",
     .words = &strata_words_role,
     .help = "basis is clustered on, descriptor is only profiled, outcome is a goal to be "
             "compared, sensitive is audited and never clustered on, weight (of one numeric or "
             "count feature, above 0 for every customer) says how many the customer stands for: "
             "means, shares and the fit are weighted by it."},
    {.key = "transform",
     .kind = KIND_WORD,
     .at = FEATURE(transform),
     .fallback = "none",
     .words = &strata_words_transform,
     .help = "Tames long tails of numeric and count features before they are standardised."},
    {.key = "missing",
     .kind = KIND_WORD,
     .at = FEATURE(missing),
     .fallback = "mean",
     .words = &strata_words_missing,
     .help = "What a missing value of a basis feature becomes: the mean, a level of its own "
             "(ordinal and nominal only), or a refusal."},
    {.key = "weight",
     .kind = KIND_REAL,
     .at = FEATURE(weight),
     .min = 1e-6,
     .max = 1e6,
     .fallback = "1",
     .help = "Multiplies the standardised value. (How many customers one stands for is `role: "
             "weight`.)"},
    {.key = "meaning",
     .kind = KIND_MEANING,
     .at = FEATURE(meaning),
     .sample = "spend",
     .help = "A word that lets names and personas speak plainly."},
    {.key = "unit",
     .kind = KIND_TEXT,
     .at = FEATURE(unit),
     .min = 1,
     .max = 40,
     .sample = "EUR",
     .help = "Shown with values. With share, or share of something as in `share of spend`, values "
             "from 0 to 1 are told as percentages."},
    {.key = "levels",
     .kind = KIND_TEXTS,
     .at = FEATURE(level),
     .at_count = FEATURE(n_levels),
     .min = 1,
     .max = STRATA_MAX_LEVELS,
     .sample = "[low, middle, high]",
     .help = "The levels of an ordinal feature from low to high. Those of a nominal or binary one "
             "may be listed too; of a binary one no comes first, then yes."},
};

static const struct section feature_section = {.where = "a feature",
                                               OPTIONS(feature_options),
                                               .item_bytes = sizeof(struct strata_feature),
                                               .item_place = FEATURE(place)};

/* --- a-priori segments --- */

static const struct option apriori_options[] = {
    {.key = "name",
     .kind = KIND_TEXT,
     .required = true,
     .at = APRIORI(name),
     .min = 1,
     .max = 80,
     .sample = "big spenders",
     .help = "What they are called."},
    {.key = "where",
     .kind = KIND_TEXT,
     .required = true,
     .at = APRIORI(condition),
     .at_place = APRIORI(condition_place),
     .min = 1,
     .max = 4000,
     .sample = "spend >= 1000",
     .help = "SQL over the features, true for those who belong; a binary feature is 0 or 1."},
};

static const struct section apriori_section = {.where = "an a-priori segment",
                                               OPTIONS(apriori_options),
                                               .item_bytes = sizeof(struct strata_where),
                                               .item_place = APRIORI(place)};

/* --- model --- */

static const struct option segments_options[] = {
    {.key = "from",
     .kind = KIND_COUNT,
     .at = MODEL(k_from),
     .min = 1,
     .max = STRATA_MAX_SEGMENTS,
     .fallback = "2",
     .help = "The smallest number of segments that is tried."},
    {.key = "to",
     .kind = KIND_COUNT,
     .at = MODEL(k_to),
     .min = 1,
     .max = STRATA_MAX_SEGMENTS,
     .fallback = "8",
     .help = "The largest."},
};

/* `segments: 4` is {from: 4, to: 4}. */
static bool take_segments(const struct node *node, void *base)
{
    if (node->length < 1 || node->length > 4) return false;
    uint32_t k = 0;
    for (size_t i = 0; i < node->length; i++) {
        if (node->text[i] < '0' || node->text[i] > '9') return false;
        k = 10 * k + (uint32_t)(node->text[i] - '0');
    }
    if (k < 1 || k > STRATA_MAX_SEGMENTS) return false;
    struct strata_model_options *model = base;
    model->k_from = k;
    model->k_to = k;
    return true;
}

static const struct section segments_section = {
    .where = "segments",
    OPTIONS(segments_options),
    .shortcut = "a number from 1 to " DIGITS_OF(STRATA_MAX_SEGMENTS),
    .take_shortcut = take_segments};

#define WEIGHT(word, dimension, text)                                                      \
    {                                                                                      \
        .key = (word), .kind = KIND_REAL,                                                  \
        .at = MODEL(dimension_weight) + sizeof(double) * (size_t)(dimension), .min = 1e-6, \
        .max = 1e6, .fallback = "1", .help = (text)                                        \
    }

static const struct option weights_options[] = {
    WEIGHT("demographic", STRATA_DEMOGRAPHIC, "Age, income, household, ..."),
    WEIGHT("geographic", STRATA_GEOGRAPHIC, "Region, city size, distance, ..."),
    WEIGHT("psychographic", STRATA_PSYCHOGRAPHIC, "Motives, interests, opinions, ..."),
    WEIGHT("behavioural", STRATA_BEHAVIOURAL, "Purchases, channels, responses, ..."),
    WEIGHT("firmographic", STRATA_FIRMOGRAPHIC, "Industry, employees, revenue, ..."),
    WEIGHT("technographic", STRATA_TECHNOGRAPHIC, "Devices, software, ..."),
};

static const struct section weights_section = {.where = "weights", OPTIONS(weights_options)};

static const struct option model_options[] = {
    {.key = "estimator",
     .kind = KIND_TEXT,
     .at = MODEL(estimator),
     .at_place = MODEL(estimator_place),
     .min = 1,
     .max = 40,
     .fallback = "kmeans",
     .help = "The clustering algorithm: kmeans, or gmm-diag for a mixture of Gaussians."},
    {.key = "segments",
     .kind = KIND_SECTION,
     .at_place = MODEL(segments_place),
     .section = &segments_section,
     .help = "How many segments to try: a range, or one number as in `segments: 4`."},
    {.key = "starts",
     .kind = KIND_COUNT,
     .at = MODEL(starts),
     .min = 1,
     .max = STRATA_MAX_STARTS,
     .fallback = "10",
     .help = "Starts for each number of segments; the best one is kept."},
    {.key = "seed",
     .kind = KIND_SEED,
     .at = MODEL(seed),
     .fallback = "1",
     .help = "The same seed gives the same result, byte for byte."},
    {.key = "min_share",
     .kind = KIND_REAL,
     .at = MODEL(min_share),
     .min = 0,
     .max = 0.5,
     .fallback = "0.02",
     .help = "The smallest share of all customers that a segment may have in the chosen result."},
    {.key = "max_iter",
     .kind = KIND_COUNT,
     .at = MODEL(max_iter),
     .min = 1,
     .max = 100000,
     .fallback = "300",
     .help = "Iterations after which a start ends in any case."},
    {.key = "tolerance",
     .kind = KIND_REAL,
     .at = MODEL(tolerance),
     .has_auto = true,
     .min = 0,
     .max = 0.1,
     .fallback = "auto",
     .help = "A start ends when the objective falls by less, relatively. auto is 0 for kmeans, which "
             "goes on until no label moves, and 1e-7 for mixtures."},
    {.key = "centre_shift",
     .kind = KIND_REAL,
     .at = MODEL(centre_shift),
     .min = 0,
     .max = 1e6,
     .fallback = "0",
     .help = "A start also ends when no centre moved farther than this, in units of the encoded "
             "features; 0 is off."},
    {.key = "race",
     .kind = KIND_WORD,
     .at = MODEL(race),
     .fallback = "auto",
     .words = &strata_words_race,
     .help = "With many customers, auto fits all starts to a part of them first, and only the best "
             "to all; off fits every start to all customers."},
    {.key = "seeding",
     .kind = KIND_WORD,
     .at = MODEL(seeding),
     .fallback = "sample",
     .words = &strata_words_seeding,
     .help = "Where starts come from: sample spreads the first centres over a sample of customers, "
             "parallel draws them in a few passes over all customers, for large numbers of "
             "segments."},
    {.key = "standardise",
     .kind = KIND_WORD,
     .at = MODEL(standardise),
     .fallback = "zscore",
     .words = &strata_words_standardise,
     .help = "How basis features are made comparable: mean 0 and deviation 1, range 0 to 1, or as "
             "they are."},
    {.key = "choose",
     .kind = KIND_WORD,
     .at = MODEL(choose),
     .fallback = "auto",
     .words = &strata_words_choose,
     .help = "How the number of segments is chosen; auto is elbow, or bic for mixtures."},
    {.key = "weights",
     .kind = KIND_SECTION,
     .section = &weights_section,
     .help = "Multiplies all features of a dimension."},
    {.key = "start",
     .kind = KIND_PATH,
     .at = MODEL(start_file),
     .at_place = MODEL(start_place),
     .sample = "start.csv",
     .help = "Where to start from, instead of random starts: a CSV file of customer key and segment "
             "number, a CSV file of centres (its header names the basis features), the directory of "
             "an earlier run, or its model.pb; the number of segments is then the file's."},
};

static const struct section model_section = {.where = "model", OPTIONS(model_options)};

/* --- outputs --- */

static const struct option outputs_options[] = {
    {.key = "features",
     .kind = KIND_FLAG,
     .at = JOB(keep_features),
     .fallback = "no",
     .words = &strata_words_flag,
     .help = "Write the encoded features of every customer to features/part-*.parquet."},
    {.key = "reasons",
     .kind = KIND_FLAG,
     .at = JOB(keep_reasons),
     .fallback = "yes",
     .words = &strata_words_flag,
     .help = "Tell in assignments/ why each customer is in the segment, with up to three of the "
             "customer's own values; no leaves those columns empty, so that nothing about a "
             "customer but the segment is written there."},
};

static const struct section outputs_section = {.where = "outputs", OPTIONS(outputs_options)};

static const struct option checkpoint_options[] = {
    {.key = "interval",
     .kind = KIND_REAL,
     .at = JOB(checkpoint_interval_s),
     .min = 0.01,
     .max = 86400,
     .fallback = "30",
     .help = "Seconds from one checkpoint of the fit to the next; more where writing them would take "
             "over 1 % of the time. A signal USR2 asks for one at once."},
    {.key = "table",
     .kind = KIND_WORD,
     .at = JOB(keep_table),
     .fallback = "until_done",
     .words = &strata_words_keep_table,
     .help =
         "How long the customer table, once read, stays in the run directory, where a restart, or "
         "a run with only `model` changed, finds it and reads no source: until_done, to the end "
         "of the run; always, after it too; never."},
};

static const struct section checkpoint_section = {.where = "checkpoint",
                                                  OPTIONS(checkpoint_options)};

/* --- the job --- */

static const struct option job_options[] = {
    {.key = "job",
     .kind = KIND_TEXT,
     .required = true,
     .at = JOB(job),
     .at_place = JOB(job_place),
     .min = 1,
     .max = 100,
     .sample = "my-customers",
     .help = "The job's name."},
    {.key = "as_of",
     .kind = KIND_DATE,
     .at = JOB(as_of),
     .sample = "2024-12-31",
     .help = "The day that stands for today; the SQL has it as as_of()."},
    {.key = "memory",
     .kind = KIND_SIZE,
     .at = JOB(memory_bytes),
     .min = 64.0 * 1048576,
     .max = 1125899906842624.0,
     .fallback = "auto",
     .help = "For each rank; auto is a fair share of the host or its cgroup."},
    {.key = "threads",
     .kind = KIND_COUNT,
     .at = JOB(threads),
     .has_auto = true,
     .min = 1,
     .max = STRATA_MAX_THREADS,
     .fallback = "auto",
     .help = "Threads of each rank in the fit; auto shares the cores that this process may use among "
             "the ranks of its host. The result is the same for any number."},
    {.key = "readers",
     .kind = KIND_WORD,
     .at = JOB(reader),
     .fallback = "all",
     .words = &strata_words_reader,
     .help = "Who reads the files: all ranks, or the coordinator alone where ranks share no file "
             "system."},
    {.key = "on_bad_rows",
     .kind = KIND_WORD,
     .at = JOB(bad_rows),
     .fallback = "fail",
     .words = &strata_words_bad_rows,
     .help = "What rows that do not parse do: fail the job, or go to rejects.parquet."},
    {.key = "key_type",
     .kind = KIND_WORD,
     .at = JOB(key_type),
     .fallback = "text",
     .words = &strata_words_key_type,
     .help = "How keys are compared: as text 007 and 7 differ, as integers they do not."},
    {.key = "key",
     .kind = KIND_TEXT,
     .at = JOB(key),
     .at_place = JOB(key_place),
     .min = 1,
     .max = COLUMN_NAME_MAX,
     .sample = "customer_id",
     .help = "The key column of the customers view. Left out: the first source's key."},
    {.key = "sources",
     .kind = KIND_ITEMS,
     .required = true,
     .at = JOB(source),
     .at_count = JOB(n_sources),
     .max = STRATA_MAX_SOURCES,
     .section = &source_section,
     .help = "The tables of the outside world."},
    {.key = "customers",
     .kind = KIND_SQL,
     .at = JOB(customers_sql),
     .at_place = JOB(sql_place),
     .sample = "select customer_id, sum(amount) as spend from orders group by customer_id",
     .help = "SQL that makes one row per customer from the sources; best as a block after |. Left "
             "out: the only source is that already."},
    {.key = "features",
     .kind = KIND_ITEMS,
     .required = true,
     .at = JOB(feature),
     .at_count = JOB(n_features),
     .at_place = JOB(features_place),
     .max = STRATA_MAX_FEATURES,
     .section = &feature_section,
     .help = "What is looked at, and how."},
    {.key = "apriori",
     .kind = KIND_ITEMS,
     .at = JOB(apriori),
     .at_count = JOB(n_apriori),
     .max = STRATA_MAX_APRIORI,
     .section = &apriori_section,
     .sample = "[{name: big spenders, where: spend >= 1000}]",
     .help = "Customers picked by a condition, to be profiled beside the segments that are found: "
             "`where` is SQL over the features, true for those who belong; a binary feature is 0 or "
             "1."},
    {.key = "model",
     .kind = KIND_SECTION,
     .at = JOB(model),
     .at_place = JOB(model.place),
     .section = &model_section,
     .help = "How segments are found."},
    {.key = "follows",
     .kind = KIND_PATH,
     .at = JOB(follows),
     .at_place = JOB(follows_place),
     .sample = "runs/my-customers-2023",
     .help = "An earlier run, its directory or its model.pb: segments that are still the same keep "
             "the names that you gave them there. Left out: the run that model.start names, if it "
             "names one."},
    {.key = "names",
     .kind = KIND_NAMES,
     .at = JOB(given_name),
     .at_count = JOB(n_given_names),
     .max = STRATA_MAX_SEGMENTS,
     .sample = "{Lapsed big spenders: Sleeping giants}",
     .help = "Your own names of segments: whatever segment would be called the first, or was called "
             "so in the run that this one follows, is called the second. A run that follows this one "
             "carries it on."},
    {.key = "pictures",
     .kind = KIND_PICTURES,
     .at = JOB(picture),
     .at_count = JOB(n_pictures),
     .max = STRATA_MAX_PICTURES,
     .sample = "{Sleeping giants: pictures/giants.svg}",
     .help = "Your own image of a segment, in the place of the drawn one: SVG, PNG or JPEG, at most "
             "256 KiB each. The segment goes by the name that it has, or would have without yours."},
    {.key = "control",
     .kind = KIND_SECTION,
     .at_place = JOB(control_place),
     .section = &strata_section_control,
     .help = "The channel by which clients watch and steer the job; `control: off` for none."},
    {.key = "checkpoint",
     .kind = KIND_SECTION,
     .section = &checkpoint_section,
     .help = "The state of the fit on disk, from which `strata run` goes on after an interruption."},
    {.key = "outputs",
     .kind = KIND_SECTION,
     .section = &outputs_section,
     .help = "What is written beside the usual."},
    {.key = "output",
     .kind = KIND_PATH,
     .at = JOB(output),
     .at_place = JOB(output_place),
     .sample = "runs/my-customers",
     .help = "The run directory, relative to the job file's folder. Left out: runs/ and the job's "
             "name there."},
};

const struct section strata_section_job = {.where = "the job file", OPTIONS(job_options)};
