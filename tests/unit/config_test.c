#include "config_cases.h"

Test(config, what_is_left_out_has_the_defaults_of_the_header)
{
    const struct strata_config *c = job(SHORTEST);
    cr_assert_str_eq(c->job, "j");
    cr_assert_null(c->as_of);
    cr_assert_eq(c->memory_bytes, 0);
    cr_assert_eq(c->reader, STRATA_READER_ALL);
    cr_assert_eq(c->bad_rows, STRATA_BAD_ROWS_FAIL);
    cr_assert_eq(c->key_type, STRATA_KEY_TEXT);
    cr_assert_str_eq(c->key, "id");
    cr_assert_null(c->customers_sql);
    cr_assert(c->control_on);
    cr_assert_str_eq(c->control_endpoint, "ipc");
    cr_assert(!c->keep_features && c->keep_reasons);
    cr_assert_str_eq(c->output, "/jobs/here/runs/j");
    const struct strata_source *t = &c->source[0];
    cr_assert_eq(c->n_sources, 1);
    cr_assert_str_eq(t->pattern[0], "/jobs/here/t.csv");
    cr_assert_eq(t->format, STRATA_FORMAT_CSV);
    cr_assert_eq(t->header, -1);
    cr_assert_not(t->lookup);
    cr_assert(!t->delimiter && !t->quote && !t->escape && t->n_null_texts == 0 && t->n_columns == 0);
    const struct strata_feature *x = &c->feature[0];
    cr_assert_eq(c->n_features, 1);
    cr_assert_str_eq(x->label, "x");
    cr_assert(x->dimension == STRATA_BEHAVIOURAL && x->role == STRATA_ROLE_BASIS);
    cr_assert(x->transform == STRATA_TRANSFORM_NONE && x->missing == STRATA_MISSING_MEAN);
    cr_assert(x->weight == 1 && !x->meaning && !x->unit && x->n_levels == 0);
    const struct strata_model_options *m = &c->model;
    cr_assert_str_eq(m->estimator, "kmeans");
    cr_assert(m->k_from == 2 && m->k_to == 8 && m->starts == 10 && m->seed == 1);
    cr_assert(m->min_share == 0.02 && m->max_iter == 300 && m->tolerance < 0);
    cr_assert(m->centre_shift == 0 && m->seeding == STRATA_SEEDING_SAMPLE && c->threads == 0);
    cr_assert(strata_model_tolerance(m, false) == 0 && strata_model_tolerance(m, true) == 1e-7);
    cr_assert_eq(strata_config_weight(c), SIZE_MAX);
    cr_assert(m->standardise == STRATA_ZSCORE && m->choose == STRATA_CHOOSE_AUTO && !m->start_file);
    for (int i = 0; i < STRATA_DIMENSION_COUNT; i++) cr_assert_eq(m->dimension_weight[i], 1);
}

Test(config, every_option_arrives_where_it_belongs)
{
    const struct strata_config *c = job(
        "job: all of it\nas_of: 2024-02-29\nmemory: 4GiB\nthreads: 3\nreaders: coordinator\non_bad_rows: reject\n"
        "key_type: integer\nkey: who\n"
        "sources:\n"
        "  - {name: a, files: [x/*.tsv, ../y.csv.gz, /z.csv], key: k, delimiter: \"\\t\", quote: \"'\",\n"
        "     escape: \"\", header: no, null: [NA, null, off], columns: {d: date, m: 'decimal(12,2)'}}\n"
        "  - {name: b, files: b.jsonl, lookup: on}\n"
        "  - {name: c, files: data, format: parquet, key: c}\n"
        "customers: select 1\n"
        "features:\n"
        "  - {name: o, label: Ordered, type: ordinal, dimension: demographic, role: descriptor,\n"
        "     missing: level, weight: 2.5, meaning: age, unit: years, levels: [19-24, 25-34]}\n"
        "  - {name: n, type: count, transform: log1p}\n"
        "model: {estimator: gmm-diag, segments: 4, starts: 3, seed: 18446744073709551615,\n"
        "        min_share: 0, max_iter: 7, tolerance: 1e-3, standardise: range, choose: bic,\n"
        "        centre_shift: 0.25, seeding: parallel,\n"
        "        weights: {demographic: 2, technographic: .5}, start: s.csv}\n"
        "control: {endpoint: \"tcp://10.0.0.1:*\", ports: {from: 7000, to: 7099}, keys: ../k,\n"
        "          required: no}\n"
        "outputs: {features: yes, reasons: no}\noutput: ../../out\n");
    cr_assert_str_eq(c->as_of, "2024-02-29");
    cr_assert_eq(c->memory_bytes, (uint64_t)4 << 30);
    cr_assert_eq(c->reader, STRATA_READER_COORDINATOR);
    cr_assert_eq(c->bad_rows, STRATA_BAD_ROWS_REJECT);
    cr_assert_eq(c->key_type, STRATA_KEY_INTEGER);
    cr_assert_str_eq(c->key, "who");
    const struct strata_source *a = &c->source[0];
    cr_assert_str_eq(a->pattern[0], "/jobs/here/x/*.tsv");
    cr_assert_str_eq(a->pattern[1], "/jobs/y.csv.gz");
    cr_assert_str_eq(a->pattern[2], "/z.csv");
    cr_assert_str_eq(a->delimiter, "\t");
    cr_assert_str_eq(a->quote, "'");
    cr_assert_str_eq(a->escape, "");
    cr_assert_eq(a->header, 0);
    cr_assert_eq(a->n_null_texts, 3);
    cr_assert_str_eq(a->null_text[1], "null");
    cr_assert_str_eq(a->null_text[2], "off");
    cr_assert_eq(a->n_columns, 2);
    cr_assert_str_eq(a->column[1].name, "m");
    cr_assert_str_eq(a->column[1].type, "decimal(12,2)");
    cr_assert(c->source[1].lookup && c->source[1].format == STRATA_FORMAT_JSON);
    cr_assert_eq(c->source[2].format, STRATA_FORMAT_PARQUET);
    const struct strata_feature *o = &c->feature[0];
    cr_assert_str_eq(o->label, "Ordered");
    cr_assert(o->type == STRATA_ORDINAL && o->dimension == STRATA_DEMOGRAPHIC);
    cr_assert(o->role == STRATA_ROLE_DESCRIPTOR && o->missing == STRATA_MISSING_LEVEL);
    cr_assert_eq(o->weight, 2.5);
    cr_assert_str_eq(o->meaning, "age");
    cr_assert_str_eq(o->unit, "years");
    cr_assert_str_eq(o->level[0], "19-24");
    cr_assert_eq(c->feature[1].transform, STRATA_TRANSFORM_LOG1P);
    const struct strata_model_options *m = &c->model;
    cr_assert_str_eq(m->estimator, "gmm-diag");
    cr_assert(m->k_from == 4 && m->k_to == 4 && m->starts == 3 && m->seed == UINT64_MAX);
    cr_assert(m->min_share == 0 && m->max_iter == 7 && m->tolerance == 1e-3);
    cr_assert(strata_model_tolerance(m, false) == 1e-3 && strata_model_tolerance(m, true) == 1e-3);
    cr_assert(m->centre_shift == 0.25 && m->seeding == STRATA_SEEDING_PARALLEL);
    cr_assert_eq(c->threads, 3);
    cr_assert(m->standardise == STRATA_RANGE && m->choose == STRATA_CHOOSE_BIC);
    cr_assert(m->dimension_weight[STRATA_DEMOGRAPHIC] == 2);
    cr_assert(m->dimension_weight[STRATA_TECHNOGRAPHIC] == 0.5);
    cr_assert(m->dimension_weight[STRATA_BEHAVIOURAL] == 1);
    cr_assert_str_eq(m->start_file, "/jobs/here/s.csv");
    cr_assert_str_eq(c->control_endpoint, "tcp://10.0.0.1:*");
    cr_assert(c->control_port_from == 7000 && c->control_port_to == 7099);
    cr_assert_str_eq(c->control_keys, "/jobs/k");
    cr_assert(!c->control_required && !c->control_interface);
    cr_assert(c->keep_features && !c->keep_reasons);
    cr_assert_str_eq(c->output, "/out");
}

Test(config, unquoted_words_are_texts_as_the_user_means_them)
{
    const struct strata_config *c = job(
        "job: 007\nsources: [{name: t, files: t.csv, key: no}]\ncontrol: off\n"
        "features: [{name: x, type: ordinal, levels: [19-24, on, null, 1.0, 2017-01-01, 0x1F]}]\n");
    cr_assert_str_eq(c->job, "007");
    cr_assert_str_eq(c->key, "no");
    cr_assert_not(c->control_on);
    const char *const levels[] = {"19-24", "on", "null", "1.0", "2017-01-01", "0x1F"};
    for (size_t i = 0; i < 6; i++) cr_assert_str_eq(c->feature[0].level[i], levels[i]);
}

Test(config, names_of_people_are_made_from_names_of_columns)
{
    const struct strata_config *c = job("job: j\nsources: [{name: t, files: t.csv, key: id}]\n"
                                        "features: [{name: days_since_visit, type: numeric}]\n");
    cr_assert_str_eq(c->feature[0].label, "days since visit");
}

Test(config, sizes_are_bytes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"auto", 0},           {"512MiB", 536870912},
                 {"4 GiB", 4294967296}, {"64000000000B", 64000000000},
                 {"80MB", 80000000},    {"1024TiB", 1125899906842624},
                 {"2TB", 2000000000000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[300];
        (void)snprintf(text, sizeof text, SHORTEST "memory: %s\n", sizes[i].text);
        cr_assert_eq(job(text)->memory_bytes, sizes[i].bytes, "%s", sizes[i].text);
    }
}

/* Where a word of the SQL stands in the job file, by the rule of the header. */
static void check_sql_places(const char *text, const char *word)
{
    const struct strata_config *c = job(text);
    const char *in_file = strstr(text, word), *in_sql = strstr(c->customers_sql, word);
    cr_assert(in_file && in_sql, "%s", c->customers_sql);
    int line = 1, column = 1, sql_line = 1, sql_column = 1;
    for (const char *at = text; at < in_file; at++) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    for (const char *at = c->customers_sql; at < in_sql; at++) {
        sql_column = *at == '\n' ? 1 : sql_column + 1;
        sql_line += *at == '\n';
    }
    const int offset = sql_line == 1 ? c->sql_place.column - 1 : c->sql_indent;
    cr_assert_eq(c->sql_place.line + sql_line - 1, line, "%s", text);
    cr_assert_eq(offset + sql_column, column, "%s: %d + %d, not %d", text, offset, sql_column,
                 column);
}

Test(config, places_inside_the_sql_are_places_of_the_job_file)
{
    check_sql_places(SHORTEST "customers: |\n  select a,\n         here from t\n", "here");
    check_sql_places(SHORTEST "customers: |\n  here from t\n", "here");
    check_sql_places(
        SHORTEST "customers: |  # a comment\n\n\n        select\n      \n        here\n", "here");
    check_sql_places(SHORTEST "customers: |2+\n     select\n   here\n\n", "here");
    check_sql_places(
        SHORTEST "customers: |-\n      -- a comment\n      select 'x: |'\n        , here\n", "here");
    check_sql_places(SHORTEST "customers: select 1, here\n", "here");
    check_sql_places(SHORTEST "customers: 'select 1, here'\n", "here");
    check_sql_places("# \xC3\xA4\xC3\xB6\xC3\xBC\n" SHORTEST
                     "customers: |\n  select a,\n    here from t\n",
                     "here");
    check_sql_places(
        "# note\r\njob: j\r\nsources: [{name: t, files: t.csv, key: id}]\r\n"
        "features: [{name: x, type: numeric}]\r\ncustomers: |\r\n   select\r\n     here\r\n",
        "here");
}

Test(config, command_line_overrides_the_job_file)
{
    static const char *const set[] = {"model.seed=7",
                                      "model.segments={from: 3, to: 5}",
                                      "sources.T.files=*.parquet",
                                      "features.x.role=outcome",
                                      "features.y.label=a, b: c",
                                      "control.endpoint=ipc",
                                      "job=other",
                                      "model.weights.geographic=3",
                                      "sources.t.null=[]",
                                      "output=/abs/dir"};
    struct parsed *p =
        parse_set("job: j\nsources: [{name: t, files: t.csv, key: id}]\ncontrol: off\n"
                  "features: [{name: x, type: numeric}, {name: y, type: count}]\n",
                  set, sizeof set / sizeof *set);
    cr_assert_eq(p->problems.total, 0, "%s", p->problems.item[0].text);
    const struct strata_config *c = p->config;
    cr_assert(c->model.seed == 7 && c->model.k_from == 3 && c->model.k_to == 5);
    cr_assert_str_eq(c->source[0].pattern[0], "/jobs/here/*.parquet");
    cr_assert_eq(c->source[0].format, STRATA_FORMAT_PARQUET);
    cr_assert_eq(c->feature[0].role, STRATA_ROLE_OUTCOME);
    cr_assert_str_eq(c->feature[1].label, "a, b: c");
    cr_assert(c->control_on);
    cr_assert_str_eq(c->job, "other");
    cr_assert_eq(c->model.dimension_weight[STRATA_GEOGRAPHIC], 3);
    cr_assert_str_eq(c->output, "/abs/dir");
}

Test(config, one_feature_may_say_how_many_customers_each_stands_for)
{
    const struct strata_config *c =
        job("job: j\nsources: [{name: t, files: t.csv, key: id}]\nthreads: auto\n"
            "features: [{name: x, type: numeric}, {name: w, type: count, role: weight}]\n");
    cr_assert_eq(strata_config_weight(c), 1);
    cr_assert_eq(c->threads, 0);
    cr_assert_str_eq(strata_role_word(c->feature[1].role), "weight");
}

Test(config, a_thousand_segments_can_be_asked_for)
{
    const struct strata_config *c = job(SHORTEST "model: {segments: 1024, min_share: 0}\n");
    cr_assert(c->model.k_from == 1024 && c->model.k_to == 1024);
}

Test(config, meanings_are_unique_words_and_each_is_accepted)
{
    size_t n = 0;
    for (; strata_meanings[n]; n++) {
        for (size_t i = 0; i < n; i++) cr_assert_str_neq(strata_meanings[i], strata_meanings[n]);
        char text[300];
        (void)snprintf(text, sizeof text,
                       "job: j\nsources: [{name: t, files: t.csv, key: id}]\n"
                       "features: [{name: x, type: numeric, meaning: %s}]\n",
                       strata_meanings[n]);
        cr_assert_str_eq(job(text)->feature[0].meaning, strata_meanings[n]);
    }
    cr_assert_geq(n, 40);
}

Test(config, words_of_enums_are_those_of_the_job_file)
{
    cr_assert_str_eq(strata_feature_type_word(STRATA_ORDINAL), "ordinal");
    cr_assert_str_eq(strata_dimension_word(STRATA_TECHNOGRAPHIC), "technographic");
    cr_assert_str_eq(strata_role_word(STRATA_ROLE_SENSITIVE), "sensitive");
    cr_assert_str_eq(strata_seeding_word(STRATA_SEEDING_PARALLEL), "parallel");
}

Test(config, shipped_jobs_have_no_problems)
{
    static const char *const names[] = {"full",
                                        "grocery-households",
                                        "grocery-households-csv",
                                        "grocery-households-mixture",
                                        "online-retail",
                                        "wholesale",
                                        "bank-marketing",
                                        "telco-churn",
                                        "vacation-motives"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct parsed p = {.config = NULL};
        char path[512];
        (void)snprintf(path, sizeof path, CONFIGS "/%s.yaml", names[i]);
        cr_assert(strata_arena_init(&p.keep, (size_t)1 << 28));
        cr_assert_eq(strata_config_read(path, NULL, 0, &p.keep, &p.config, &p.problems, &p.err),
                     STRATA_OK, "%s", p.err.text);
        cr_assert_eq(p.problems.total, 0, "%s: %s", path, p.problems.item[0].text);
        cr_assert_str_eq(p.config->directory, CONFIGS);
        strata_arena_finish(&p.keep);
    }
}

Test(config, a_file_that_is_not_there_is_no_input)
{
    struct parsed p = {.config = NULL};
    cr_assert(strata_arena_init(&p.keep, (size_t)1 << 24));
    cr_assert_eq(
        strata_config_read("/nowhere/job.yaml", NULL, 0, &p.keep, &p.config, &p.problems, &p.err),
        STRATA_E_NO_INPUT);
    strata_arena_finish(&p.keep);
}

Test(config, lack_of_memory_is_a_status_at_any_size)
{
    static const char text[] =
        SHORTEST "customers: |\n  select 1\nmodel: {weights: {geographic: 2}}\n";
    size_t succeeded = 0;
    for (size_t room = 64; room < 16384; room += 64) {
        struct parsed p = {.config = NULL};
        cr_assert(strata_arena_init(&p.keep, 16384));
        p.keep.end = p.keep.start + room;
        const strata_status status = strata_config_parse(text, strlen(text), "/j/job.yaml", NULL, 0,
                                                         &p.keep, &p.config, &p.problems, &p.err);
        cr_assert(status == STRATA_OK || status == STRATA_E_MEMORY);
        cr_assert(status != STRATA_OK || p.problems.total == 0, "%s", p.problems.item[0].text);
        succeeded += status == STRATA_OK;
        p.keep.end = p.keep.start + 16384;
        strata_arena_finish(&p.keep);
    }
    cr_assert(succeeded > 10 && succeeded < 250);
}
