/* stratactl assign, explain: new customers in a file, asked about in batches; CSV comes out. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "strata/protocol_limits.h"

#include "stratactl.h"
#include "stratactl_rows.h"
#include "terminal.h"

#define BATCH 1000
#define EXPLAINED 64
#define BATCH_BYTES (STRATA_REQUEST_BYTES_MAX - 4096) /* of values; names of features come on top */
#define COLUMNS_MOST 512
#define BUSY_TRIES 100 /* of a server that has too much to do, each after 100 ms */

/* What becomes of a column of the file. */
struct source {
    size_t place; /* in the file */
    const char *name;
    enum strata_feature_kind kind;
    double *number;    /* (BATCH) */
    const char **text; /* (BATCH) */
};

struct scoring {
    struct strata_session *session;
    enum strata_question question;
    struct strata_rows rows;
    struct source source[COLUMNS_MOST]; /* (n_sources) features */
    size_t n_sources, names_bytes;
    size_t key;                /* the file's first column that is no feature */
    const char *key_name;      /* NULL: there is none */
    const char **keys;         /* (BATCH) */
    const char **segment_name; /* (n_segments) */
    size_t n_segments;
    size_t n, most, n_bytes; /* customers of this batch, as many as fit, their values */
    uint64_t model_hash;     /* of the first answer; 0: none yet */
    uint64_t first_row;      /* of this batch, from 1 */
    uint64_t n_invalid;
};

/* --- the file's columns --------------------------------------------------------------------------- */

static const struct strata_feature_view *feature_of(const struct strata_segments_view *view,
                                                    const char *name)
{
    for (size_t i = 0; i < view->n_features; i++)
        if (strcmp(view->feature[i].name, name) == 0) return &view->feature[i];
    return NULL;
}

static strata_status add_source(struct scoring *scoring, size_t place,
                                const struct strata_feature_view *feature,
                                struct strata_arena *keep, struct strata_err *err)
{
    if (scoring->n_sources == COLUMNS_MOST)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s: more than %d features", scoring->rows.path,
                           COLUMNS_MOST);
    struct source *source = &scoring->source[scoring->n_sources++];
    *source = (struct source){.place = place,
                              .name = feature->name,
                              .kind = feature->kind,
                              .number = STRATA_NEW(keep, double, BATCH),
                              .text = STRATA_NEW(keep, const char *, BATCH)};
    scoring->names_bytes += strlen(feature->name) + 16;
    if (source->number && source->text) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %d customers", BATCH);
}

/* What is not as it might be meant: to standard error, so that the output stays a table. */
static void warn(const struct scoring *scoring, const char *what, const char *name)
{
    struct strata_line line = {.width = 0};
    strata_line_text(&line, name, 200, strata_terminal_of(stderr).utf8);
    (void)fprintf(stderr, "stratactl: %s: %s: %s\n", scoring->rows.path, what, line.text);
}

static strata_status find_sources(struct scoring *scoring, const struct strata_segments_view *view,
                                  struct strata_arena *keep, struct strata_err *err)
{
    const struct strata_duck_cursor *cursor = &scoring->rows.cursor;
    for (size_t i = 0; i < cursor->n_columns; i++) {
        const char *name = cursor->column[i].name;
        const struct strata_feature_view *feature = feature_of(view, name);
        if (feature && feature->basis) {
            STRATA_TRY(add_source(scoring, i, feature, keep, err));
        } else if (!feature && !scoring->key_name) {
            scoring->key = i;
            scoring->key_name = strata_arena_copy(keep, name, strlen(name));
        } else if (!feature) {
            warn(scoring, "a column that is no feature of the job is left out", name);
        }
    }
    if (scoring->n_sources == 0)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s: no column has the name of a feature that the segments are made of",
                           scoring->rows.path);
    for (size_t i = 0; i < view->n_features; i++) {
        bool found = !view->feature[i].basis;
        for (size_t j = 0; j < scoring->n_sources && !found; j++)
            found = strcmp(scoring->source[j].name, view->feature[i].name) == 0;
        if (!found)
            warn(scoring, "no column for a feature, which is missing for all",
                 view->feature[i].name);
    }
    return STRATA_OK;
}

static strata_status learn_names(struct scoring *scoring, struct strata_arena *keep,
                                 struct strata_err *err)
{
    struct strata_answer answer;
    STRATA_TRY(strata_client_question(scoring->session->client, STRATA_ASK_SEGMENTS, NULL, keep,
                                      &answer, err));
    const struct strata_segments_view *view = &answer.segments;
    scoring->segment_name = STRATA_NEW(keep, const char *, view->n_segments);
    if (!scoring->segment_name) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for names");
    scoring->n_segments = view->n_segments;
    for (size_t i = 0; i < view->n_segments; i++) scoring->segment_name[i] = view->segment[i].name;
    return STRATA_OK;
}

/* --- values ------------------------------------------------------------------------------------- */

static bool read_number(const char *text, enum strata_feature_kind kind, double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    while (end != text && *end == ' ') end++;
    if (end != text && *end == '\0')
        return kind != STRATA_FEATURE_BINARY || !(*number < 0 || *number > 1);
    if (kind != STRATA_FEATURE_BINARY) return false;
    *number = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
    return *number > 0 || strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0;
}

static strata_status take_value(struct scoring *scoring, struct source *source,
                                struct strata_arena *keep, struct strata_err *err)
{
    bool room = true;
    const char *text = strata_rows_text(&scoring->rows, source->place, keep, &room);
    if (!room) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a value");
    if (text && !text[0]) text = NULL;
    source->text[scoring->n] = text;
    source->number[scoring->n] = (double)NAN;
    scoring->n_bytes += source->kind == STRATA_FEATURE_WORD ? (text ? strlen(text) + 4 : 8) : 8;
    if (!text || source->kind == STRATA_FEATURE_WORD) return STRATA_OK;
    if (read_number(text, source->kind, &source->number[scoring->n])) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_DATA, "%s: column \"%s\": %s",
                       strata_rows_place(&scoring->rows, keep), source->name,
                       source->kind == STRATA_FEATURE_BINARY ? "neither 0 nor 1, true nor false"
                                                             : "not a number");
}

static strata_status take_row(struct scoring *scoring, struct strata_arena *keep,
                              struct strata_err *err)
{
    bool room = true;
    for (size_t i = 0; i < scoring->n_sources; i++)
        STRATA_TRY(take_value(scoring, &scoring->source[i], keep, err));
    const char *key =
        scoring->key_name ? strata_rows_text(&scoring->rows, scoring->key, keep, &room) : NULL;
    scoring->keys[scoring->n] = key ? key : "";
    if (!room) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for a value");
    scoring->n++;
    return STRATA_OK;
}

/* --- output ------------------------------------------------------------------------------------- */

static void print_field(const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        (void)fputs(text, stdout); /* seen at the end, with everything that was printed */
        return;
    }
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"') (void)putchar('"');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void print_head(const struct scoring *scoring)
{
    if (scoring->key_name) {
        print_field(scoring->key_name);
        (void)putchar(',');
    }
    (void)puts("segment,name,runner_up,distance,posterior,margin");
}

static void print_assigned(const struct scoring *scoring,
                           const struct strata_assignment_view *assigned)
{
    for (size_t i = 0; i < assigned->n_customers; i++) {
        const uint32_t segment = assigned->segment[i];
        if (scoring->key_name) {
            print_field(scoring->keys[i]);
            (void)putchar(',');
        }
        (void)printf("%u,", segment);
        print_field(segment >= 1 && segment <= scoring->n_segments
                        ? scoring->segment_name[segment - 1]
                        : "");
        if (assigned->runner_up && assigned->runner_up[i] > 0)
            (void)printf(",%u", assigned->runner_up[i]);
        else
            (void)putchar(',');
        (void)printf(",%.17g,%.17g,%.17g\n", assigned->distance ? assigned->distance[i] : 0,
                     assigned->posterior ? assigned->posterior[i] : 0,
                     assigned->margin ? assigned->margin[i] : 0);
    }
}

static void print_explained(const struct scoring *scoring, const struct strata_answer *answer)
{
    const struct strata_terminal terminal = strata_terminal_of(stdout);
    for (size_t i = 0; i < answer->n_customers; i++) {
        struct strata_line line = {.width = 0};
        char row[48];
        (void)snprintf(row, sizeof row, "Row %" PRIu64, scoring->first_row + i);
        strata_line_code(&line, strata_tint(&terminal, STRATA_TINT_DIM));
        strata_line_text(&line, scoring->key_name ? scoring->key_name : row, 60, terminal.utf8);
        if (scoring->key_name) {
            strata_line_text(&line, " ", 1, true);
            strata_line_text(&line, scoring->keys[i], 60, terminal.utf8);
        }
        strata_line_code(&line, strata_tint(&terminal, STRATA_TINT_NONE));
        (void)printf("%s%s\n", scoring->first_row + i > 1 ? "\n" : "", line.text);
        strata_print_customer(stdout, &terminal, &answer->customer[i]);
    }
}

/* --- batches ------------------------------------------------------------------------------------ */

/* Ask, and again while the server has too much to do. */
static strata_status ask(struct scoring *scoring, const struct strata_ask_batch *batch,
                         struct strata_arena *keep, struct strata_answer *answer,
                         struct strata_err *err)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    strata_status status = STRATA_E_AGAIN;
    struct strata_err why = {0};
    for (int i = 0; i < BUSY_TRIES && status == STRATA_E_AGAIN; i++) {
        if (i > 0) (void)nanosleep(&pause, NULL); /* a signal ends the program */
        why = (struct strata_err){0};
        status = strata_client_score(scoring->session->client, scoring->question, batch, keep,
                                     answer, &why);
    }
    if (status == STRATA_OK) return STRATA_OK;
    if (status != STRATA_E_USAGE) return STRATA_FAIL(err, status, "%s", why.text);
    return STRATA_FAIL(err, STRATA_E_DATA, "%s, rows %" PRIu64 " to %" PRIu64 ", counted from 0: %s",
                       scoring->rows.path, scoring->first_row,
                       scoring->first_row + batch->n_customers - 1, why.text);
}

/* Every batch is of the same model, or the table would mean nothing. */
static strata_status check_model(struct scoring *scoring, uint64_t hash, struct strata_err *err)
{
    if (scoring->model_hash == 0) scoring->model_hash = hash;
    if (hash == scoring->model_hash) return STRATA_OK;
    return STRATA_FAIL(err, STRATA_E_AGAIN,
                       "another model is served since row %" PRIu64 ": begin again",
                       scoring->first_row);
}

static strata_status flush_batch(struct scoring *scoring, struct strata_arena memory,
                                 struct strata_err *err)
{
    struct strata_ask_column column[COLUMNS_MOST];
    struct strata_answer answer;
    if (scoring->n == 0) return STRATA_OK;
    for (size_t i = 0; i < scoring->n_sources; i++) {
        const struct source *source = &scoring->source[i];
        const bool is_word = source->kind == STRATA_FEATURE_WORD;
        column[i] = (struct strata_ask_column){.feature = source->name,
                                               .number = is_word ? NULL : source->number,
                                               .text = is_word ? source->text : NULL};
    }
    const struct strata_ask_batch batch = {.column = column,
                                           .n_columns = scoring->n_sources,
                                           .n_customers = scoring->n,
                                           .details = true};
    STRATA_TRY(ask(scoring, &batch, &memory, &answer, err));
    STRATA_TRY(check_model(scoring, answer.assignment.model_hash, err));
    if (scoring->session->json) {
        STRATA_TRY(strata_ctl_json(answer.message, memory, err));
    } else if (scoring->question == STRATA_ASK_EXPLAIN) {
        print_explained(scoring, &answer);
    } else {
        print_assigned(scoring, &answer.assignment);
    }
    scoring->n_invalid += answer.assignment.n_invalid;
    scoring->first_row += scoring->n;
    scoring->n = scoring->n_bytes = 0;
    return STRATA_OK;
}

static strata_status score_rows(struct scoring *scoring, struct strata_arena memory,
                                struct strata_err *err)
{
    struct strata_arena values = memory;
    for (bool any = true;;) {
        STRATA_TRY(strata_rows_next(&scoring->rows, &any, err));
        if (!any) break;
        const size_t before = scoring->n_bytes;
        STRATA_TRY(take_row(scoring, &values, err));
        const size_t row_bytes =
            scoring->n_bytes - before; /* the next one may be as large, or twice */
        if (scoring->n < scoring->most &&
            scoring->n_bytes + 2 * row_bytes + scoring->names_bytes < BATCH_BYTES)
            continue;
        STRATA_TRY(flush_batch(scoring, values, err));
        values = memory;
    }
    return flush_batch(scoring, values, err);
}

static strata_status score(struct scoring *scoring, struct strata_arena *keep,
                           struct strata_err *err)
{
    struct strata_answer answer;
    STRATA_TRY(strata_client_question(scoring->session->client, STRATA_ASK_SEGMENT, "1", keep,
                                      &answer, err));
    STRATA_TRY(find_sources(scoring, &answer.segments, keep, err));
    STRATA_TRY(learn_names(scoring, keep, err));
    scoring->keys = STRATA_NEW(keep, const char *, BATCH);
    if (!scoring->keys) return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for keys");
    if (!scoring->session->json && scoring->question == STRATA_ASK_ASSIGN) print_head(scoring);
    return score_rows(scoring, *keep, err);
}

static strata_status score_file(struct strata_session *session, enum strata_question question,
                                const char *command, struct strata_err *err)
{
    static struct scoring scoring;
    struct strata_arena memory = session->memory;
    if (!session->operand)
        return STRATA_FAIL(err, STRATA_E_USAGE,
                           "usage: stratactl (--run DIR | --endpoint E) %s FILE", command);
    scoring = (struct scoring){.session = session,
                               .question = question,
                               .most = question == STRATA_ASK_EXPLAIN ? EXPLAINED : BATCH,
                               .first_row = 1};
    strata_status status = strata_rows_open(session->operand, &memory, &scoring.rows, err);
    if (status == STRATA_OK) status = score(&scoring, &memory, err);
    if (status == STRATA_OK && scoring.n_invalid > 0)
        (void)fprintf(stderr,
                      "stratactl: %s: %" PRIu64
                      " values that do not count (a text that is no level, a number out of range) "
                      "were taken for missing\n",
                      scoring.rows.path, scoring.n_invalid);
    strata_rows_close(&scoring.rows);
    return status;
}

strata_status strata_ctl_assign(struct strata_session *session, struct strata_err *err)
{
    return score_file(session, STRATA_ASK_ASSIGN, "assign", err);
}

strata_status strata_ctl_explain(struct strata_session *session, struct strata_err *err)
{
    return score_file(session, STRATA_ASK_EXPLAIN, "explain", err);
}
