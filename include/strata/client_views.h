/* What a control client is told, as plain structs: for programs that do not want to know Protocol Buffers.  Texts are
 * NUL-terminated UTF-8 and live as long as the arena of the answer; NaN stands for a figure that does not exist. */
#ifndef STRATA_CLIENT_VIEWS_H
#define STRATA_CLIENT_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strata_job_view { /* strata.v1.JobStatus */
    const char *job;
    const char *state; /* "FITTING", ...: the words of strata/board.h; "UNKNOWN" when the server is newer */
    bool final; /* nothing follows this state */
    double elapsed_s, fraction;
    double remaining_s;            /* negative: unknown */
    double remaining_high_s;       /* upper end of the band that it is in; negative: unknown */
    double limit_s;                /* until the job must end; negative: there is no limit */
    bool suffices_known, suffices; /* whether the limit is above the band */
    uint32_t ranks, features, candidates_live, candidates_total, k;
    uint64_t bytes_done, bytes_total, customers, iteration;
    double objective;
    const char *message;
    const char *ending; /* why the chosen candidate ended; empty before */
};

struct strata_candidate_view { /* strata.v1.LiveCandidate */
    uint32_t k, start;         /* start from 1 */
    double objective;          /* NaN before its first iteration */
    uint64_t iterations;
};

/* Something that is told of a segment. */
struct strata_entry_view {
    const char *lead; /* what it is about: "Discounts"; or empty */
    const char *text; /* the sentence; empty where the lead says it all */
    double index;     /* 100 = everybody's average; NaN: none */
    uint64_t count;   /* customers behind it; 0: behind several sentences, which have their own */
};

/* Entries under one title, in reading order. */
struct strata_part_view {
    const char *title;
    struct strata_entry_view *entry; /* (n_entries) */
    size_t n_entries;
};

/* What makes a segment worth an effort: indices, 100 is average; NaN where not known. */
struct strata_effort_view {
    double size, value, growth, reach;
    double score;  /* 0 to 1 */
    uint32_t rank; /* from 1; 0: nothing is known */
};

struct strata_segment_view {
    uint32_t id;                   /* from 1 */
    const char *name, *definition; /* empty in an interim one */
    uint64_t size;
    double share;            /* by weight */
    bool weighted;           /* personas: the share is not that of `size` */
    const char *alias;       /* personas: one word to call it by, or empty */
    const char *name_origin; /* personas: where a name that the user gave is from, or NULL */
    struct strata_effort_view effort; /* personas */
    const char *rule;                 /* personas: what to recognise them by, or NULL */
    double coverage, precision;       /* of the rule */
    struct strata_part_view *part;    /* (n_parts) personas only */
    size_t n_parts;
};

enum strata_feature_kind {
    STRATA_FEATURE_NUMBER, /* numeric, count */
    STRATA_FEATURE_BINARY, /* 0 or 1 */
    STRATA_FEATURE_WORD    /* one of its levels: ordinal, nominal, binary in words */
};

struct strata_feature_view { /* strata.v1.Feature */
    const char *name;        /* column of the customers view */
    enum strata_feature_kind kind;
    bool basis; /* clustered on: scoring needs it */
};

struct strata_segments_view {
    const char *job;
    const char *choice; /* personas of a record: why so many segments; else NULL or empty */
    bool interim;       /* sizes of the leading candidate of a running job */
    uint64_t customers;
    const char *weight; /* feature whose case weights the shares count; empty: there are none */
    struct strata_segment_view *segment; /* (n_segments) */
    size_t n_segments;
    struct strata_feature_view *feature; /* (n_features) of SEGMENT only */
    size_t n_features;
};

/* Why a customer is in the segment and not in the runner-up. */
struct strata_reason_view {
    const char *label, *text; /* the feature; a sentence with the customer's value */
    double share;             /* of all that speaks for the segment, in (0, 1] */
};

struct strata_customer_view {    /* strata.v1.CustomerReply */
    uint32_t segment, runner_up; /* from 1; 0: there is no other segment */
    const char *name, *runner_up_name;
    double margin;        /* 0: on the border, 1: far inside */
    const char *sureness; /* the same in half a sentence */
    struct strata_reason_view reason[3];
    size_t n_reasons;
};

/* Where new customers belong, in the order of asking. */
struct strata_assignment_view { /* strata.v1.AssignReply */
    size_t n_customers;
    const uint32_t *segment; /* (n_customers) from 1 */
    const uint32_t *
        runner_up; /* (n_customers) 0: there is no other segment; NULL: not asked for, as those below */
    const double *distance;  /* (n_customers) from the centre, in encoded units */
    const double *posterior; /* (n_customers) 1 unless the model is a mixture */
    const double *margin;    /* (n_customers) 0: on the border, 1: far inside */
    uint64_t model_hash;     /* of the model that answered; of EXPLAIN too, as the next */
    uint64_t n_invalid; /* values that do not count and were taken for missing, as a text that is no level */
};

struct strata_health_view { /* strata.v1.HealthReply */
    const char *word;       /* "WELL", "SLOW", "FAILED"; "UNKNOWN" when the server is newer */
    const char *text;
    double uptime_s;  /* of the server */
    double quiet_s;   /* since the job last told anything; 0 once it is over */
    uint32_t clients; /* 0: not known */
    uint64_t requests, refused, memory_bytes;
};

struct strata_figure_view {
    const char *label;
    double value;
};

/* The best of all starts with k segments. */
struct strata_choice_view { /* strata.v1.SegmentNumber */
    uint32_t k;
    double objective, score, smallest_share, agreement;
    bool eligible, chosen;
};

struct strata_evaluation_view { /* strata.v1.EvaluationReply */
    const char *choice, *ending;
    struct strata_figure_view *figure; /* (n_figures) those that exist */
    size_t n_figures;
    struct strata_choice_view *by_k; /* (n_by_k) */
    size_t n_by_k;
    const double *trace; /* (n_trace) objective by iteration of the chosen candidate */
    size_t n_trace;
};

struct strata_source_quality_view { /* strata.v1.SourceQuality */
    const char *name;
    uint64_t rows, rejected_rows, null_key_rows, invalid_key_rows, matched_keys, orphan_keys;
};
struct strata_feature_quality_view { /* strata.v1.FeatureQuality */
    const char *name;
    uint64_t present, missing, invalid, clamped;
    const char *constancy; /* "constant", "all missing"; empty when it varies */
};
struct strata_quality_view { /* strata.v1.Quality */
    uint64_t customers;
    struct strata_source_quality_view *source; /* (n_sources) */
    size_t n_sources;
    struct strata_feature_quality_view *feature; /* (n_features) */
    size_t n_features;
    char *const *note; /* (n_notes) */
    size_t n_notes;
    const char *weight; /* feature of the case weights; empty: none */
    double weight_total;
};

struct strata_stage_view {
    const char *stage;
    double seconds;
};
struct strata_file_view {
    const char *path, *sha256;
    uint64_t bytes;
};
struct strata_manifest_view { /* strata.v1.Manifest */
    const char *job, *estimator, *strata_version, *duckdb_version, *compiler, *started, *ended;
    uint64_t seed, reductions, reduced_bytes;
    uint32_t ranks;
    struct strata_stage_view *stage; /* (n_stages) */
    size_t n_stages;
    char *const *command; /* (n_commands) that took effect, in order */
    size_t n_commands;
    struct strata_file_view *file; /* (n_files) */
    size_t n_files;
};

#endif
