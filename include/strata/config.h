/* The job file as an immutable value: what the user asked for, every default written out, each item with the place
 * where it stands so that later checks can point at it. */
#ifndef STRATA_CONFIG_H
#define STRATA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/problems.h"
#include "strata/status.h"

#define STRATA_MAX_SOURCES 64
#define STRATA_MAX_FILES 65536  /* files of one source after expanding patterns */
#define STRATA_MAX_COLUMNS 2048 /* declared columns of one source */
#define STRATA_MAX_FEATURES 512
#define STRATA_MAX_LEVELS 256    /* levels of one ordinal or nominal feature */
#define STRATA_MAX_SEGMENTS 1024 /* k */
#define STRATA_MAX_THREADS 256
#define STRATA_MAX_STARTS 1000
#define STRATA_MAX_CANDIDATES 4096

enum strata_format { STRATA_FORMAT_PARQUET, STRATA_FORMAT_CSV, STRATA_FORMAT_JSON };
enum strata_key_type { STRATA_KEY_TEXT, STRATA_KEY_INTEGER };
enum strata_reader { STRATA_READER_ALL, STRATA_READER_COORDINATOR };
enum strata_bad_rows { STRATA_BAD_ROWS_FAIL, STRATA_BAD_ROWS_REJECT };

struct strata_source_column {
    const char *name;
    const char *type; /* SQL type as written, e.g. "decimal(12,2)" */
    struct strata_place place;
};

/* One table of the outside world. */
struct strata_source {
    const char *name; /* SQL identifier; the table's name in the customers SQL */
    struct strata_place place;
    const char *const *pattern; /* (n_patterns) as written, made absolute: files or glob patterns */
    size_t n_patterns;
    struct strata_place files_place;
    enum strata_format
        format; /* `format:`, else from the suffix (.parquet .csv .tsv .csv.gz .json .jsonl .ndjson) */
    const char *key; /* column of the customer key; NULL for a lookup source */
    struct strata_place key_place;
    bool lookup; /* small, no customer key, replicated on every rank */
    const struct strata_source_column
        *column; /* (n_columns) declared types; other columns of a CSV are text */
    size_t n_columns;
    const char *delimiter, *quote, *escape; /* CSV dialect; NULL = sniffed once by the coordinator */
    int header;                             /* CSV: 1, 0, or -1 = sniffed */
    const char *const *null_text; /* (n_null_texts) CSV texts that mean missing; "" always does */
    size_t n_null_texts;
};

enum strata_feature_type {
    STRATA_NUMERIC,
    STRATA_COUNT,
    STRATA_ORDINAL,
    STRATA_NOMINAL,
    STRATA_BINARY
};
enum strata_dimension {
    STRATA_DEMOGRAPHIC,
    STRATA_GEOGRAPHIC,
    STRATA_PSYCHOGRAPHIC,
    STRATA_BEHAVIOURAL,
    STRATA_FIRMOGRAPHIC,
    STRATA_TECHNOGRAPHIC,
    STRATA_DIMENSION_COUNT
};
enum strata_role {
    STRATA_ROLE_BASIS,
    STRATA_ROLE_DESCRIPTOR,
    STRATA_ROLE_OUTCOME,
    STRATA_ROLE_SENSITIVE,
    STRATA_ROLE_WEIGHT /* how many customers of the whole one stands for; at most one feature */
};
enum strata_transform { STRATA_TRANSFORM_NONE, STRATA_TRANSFORM_LOG1P, STRATA_TRANSFORM_SQRT };
/* What a missing value of a basis feature becomes: the mean of the present ones (ordinal and binary too), a level of
 * its own (nominal, ordinal: an extra indicator column), or a refusal. */
enum strata_missing { STRATA_MISSING_MEAN, STRATA_MISSING_LEVEL, STRATA_MISSING_FAIL };

struct strata_feature {
    const char *name;  /* column of the customers view */
    const char *label; /* for people; default: name with '_' as ' ' */
    struct strata_place place;
    enum strata_feature_type type;
    enum strata_dimension dimension; /* default behavioural */
    enum strata_role role;           /* default basis */
    enum strata_transform transform;
    enum strata_missing missing;
    double weight;            /* > 0, default 1; multiplies the standardised value */
    const char *meaning;      /* a word of strata_meanings, or NULL */
    const char *unit;         /* shown with values: "EUR", "days", "share of spend"; NULL: none */
    const char *const *level; /* (n_levels) declared levels in order; ordinal must, nominal may */
    size_t n_levels;
};

/* Customers whom the job picks by a condition on features, to be profiled beside the segments. */
#define STRATA_MAX_APRIORI 64
struct strata_where {
    const char *name;
    const char *condition; /* SQL over the features: true for those who belong */
    struct strata_place place, condition_place;
};

enum strata_standardise {
    STRATA_ZSCORE,
    STRATA_RANGE,
    STRATA_RAW
};                   /* model.standardise: zscore | range | none */
enum strata_choice { /* model.choose: how the number of segments is chosen among the eligible ones */
                     STRATA_CHOOSE_AUTO, /* elbow for hard, bic for mixtures */
                     STRATA_CHOOSE_ELBOW,
                     STRATA_CHOOSE_CALINSKI_HARABASZ,
                     STRATA_CHOOSE_SILHOUETTE,
                     STRATA_CHOOSE_BIC
};

enum strata_race_rule { /* model.race: whether starts first meet on a part of many customers */
                        STRATA_RACE_AUTO,
                        STRATA_RACE_OFF
};
enum strata_keep_table { /* checkpoint.table: how long the customer table stays on disk */
                         STRATA_TABLE_UNTIL_DONE,
                         STRATA_TABLE_ALWAYS,
                         STRATA_TABLE_NEVER
};
enum strata_seeding {                         /* model.seeding: how random starts come about */
                      STRATA_SEEDING_SAMPLE,  /* greedy k-means++ on a sample of the customers */
                      STRATA_SEEDING_PARALLEL /* k-means||: a few passes over all of them */
};

struct strata_model_options {
    struct strata_place place;
    const char *estimator; /* default "kmeans"; known words: strata_estimator_find */
    struct strata_place estimator_place;
    uint32_t k_from, k_to; /* segments: 4, or {from: 2, to: 8}; default 2..8 */
    struct strata_place segments_place;
    uint32_t starts;   /* default 10 */
    uint64_t seed;     /* default 1 */
    double min_share;  /* smallest share of customers a segment may have, default 0.02 */
    uint32_t max_iter; /* default 300 */
    double tolerance;  /* relative change of the objective at which a start ends; below 0: auto, see
                          strata_model_tolerance */
    double centre_shift; /* a start ends when no centre moved farther, in encoded units; 0: off */
    enum strata_seeding seeding;
    enum strata_race_rule race;
    enum strata_standardise standardise;
    enum strata_choice choose;
    double dimension_weight[STRATA_DIMENSION_COUNT]; /* model.weights: {behavioural: 2}; default 1 */
    const char *start_file; /* model.start: CSV of customer key and segment number; then k and centres come from it */
    struct strata_place start_place;
};

/* What the job file says of one segment, which it knows by a name. */
#define STRATA_MAX_GIVEN_NAME 100 /* bytes */
#define STRATA_MAX_PICTURES 64
struct strata_segment_setting {
    const char *segment;
    const char *value; /* names: its own name; pictures: the file, absolute */
    struct strata_place place;
};

struct strata_config {
    const char *path;      /* as given */
    const char *directory; /* that relative files are relative to */
    const char *job;       /* the job's name */
    struct strata_place job_place;
    const char *as_of; /* "YYYY-MM-DD", or NULL; in SQL: getvariable('as_of') and the macro as_of() */
    uint64_t memory_bytes; /* per rank; 0 = a fair share of the host or its cgroup */
    uint32_t threads;      /* of a rank, in the fit; 0: the host's cores shared among its ranks */
    enum strata_reader reader;     /* readers: all | coordinator */
    enum strata_bad_rows bad_rows; /* on_bad_rows: fail | reject */
    enum strata_key_type key_type; /* key_type: text | integer */
    const char *key; /* the key column of the customers view; default: the first source's key */
    struct strata_place key_place;
    struct strata_source *source;
    size_t n_sources;
    const char *customers_sql; /* NULL: the only source is already one row per customer */
    struct strata_place sql_place; /* place of the SQL's first character; lines of a block scalar follow */
    int sql_indent;                /* columns by which the block scalar's lines are indented */
    struct strata_feature *feature;
    size_t n_features;
    struct strata_place features_place;
    struct strata_where *apriori; /* (n_apriori) */
    size_t n_apriori;
    struct strata_model_options model;
    const char *follows; /* an earlier run, whose given names are carried on; NULL: that of model.start */
    struct strata_place follows_place;
    const struct strata_segment_setting *given_name; /* (n_given_names) */
    size_t n_given_names;
    const struct strata_segment_setting *picture; /* (n_pictures) */
    size_t n_pictures;
    bool control_on;              /* control: off turns the channel off */
    const char *control_endpoint; /* default "ipc": a socket in the run directory; or tcp://127.0.0.1:* */
    const char *control_interface;               /* listen at its addresses instead; NULL: none */
    uint32_t control_port_from, control_port_to; /* of an endpoint with *, or an interface; 0: any */
    const char *control_keys; /* folder made by strata keygen, absolute; NULL: none */
    bool control_required;    /* a job that cannot listen fails */
    struct strata_place control_place;
    const char *output; /* run directory, absolute; default: runs/ and the job's name beside the job file */
    struct strata_place output_place;
    double checkpoint_interval_s; /* from one checkpoint to the next */
    enum strata_keep_table keep_table;
    bool keep_features; /* outputs: {features: true} writes features/part-*.parquet */
    bool keep_reasons; /* outputs: {reasons: false} keeps customers' values out of the assignments */
    const char *text;  /* the job file as read */
    size_t text_bytes;
};

/* Words that let names and personas speak plainly (`meaning`), NULL-terminated. */
extern const char *const strata_meanings[];

const char *strata_feature_type_word(enum strata_feature_type type);
const char *strata_dimension_word(enum strata_dimension dimension);
const char *strata_role_word(enum strata_role role);
const char *strata_seeding_word(enum strata_seeding seeding);

/* The tolerance in force: what the job file says, for any estimator; for auto 0 (hard ones stop when
 * no label moves) or, for a mixture, 1e-7.  Pure. */
double strata_model_tolerance(const struct strata_model_options *model, bool mixture);

/* The index of the feature with the role weight; SIZE_MAX when every customer counts once.  Pure. */
size_t strata_config_weight(const struct strata_config *config);

/* Read and validate a job file; `set` is (n_set) overrides "model.seed=7" applied before validation (place: command
 * line).  Not collective; called on rank 0, whose bytes the others get and parse with strata_config_parse.
 * All problems go to `problems`; *out is usable for further checks only if problems->total is 0 afterwards.
 * Fails (status) only when the file cannot be read or memory ends.  Files of patterns are not touched here. */
STRATA_MUST_CHECK strata_status strata_config_read(const char *path, const char *const *set,
                                                   size_t n_set, struct strata_arena *keep,
                                                   struct strata_config **out,
                                                   struct strata_problems *problems,
                                                   struct strata_err *err);

/* The same from text in memory; path is for messages and relative files. */
STRATA_MUST_CHECK strata_status strata_config_parse(const char *text, size_t n_bytes,
                                                    const char *path, const char *const *set,
                                                    size_t n_set, struct strata_arena *keep,
                                                    struct strata_config **out,
                                                    struct strata_problems *problems,
                                                    struct strata_err *err);

/* The effective job as YAML, every default written out; parsing it gives an equal config. */
STRATA_MUST_CHECK strata_status strata_config_print(const struct strata_config *config,
                                                    struct strata_arena *keep, char **text,
                                                    struct strata_err *err);

/* Every option with its default, range and meaning, as a commented job file: configs/full.yaml. */
STRATA_MUST_CHECK strata_status strata_config_full(struct strata_arena *keep, char **text,
                                                   struct strata_err *err);

#endif
