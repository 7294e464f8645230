/* model.start: centres from a CSV file of centres (start_centres.c), or from a partition that somebody
 * else has made, a CSV file of customer keys and segment numbers: each segment starts at the exact mean
 * of its customers.
 *
 * The file of a partition has two columns with a comma between, and a header or none (a first line whose second
 * field is no integer is one); fields may be quoted.  Segments are any integers, taken in rising
 * order.  Customers that the file does not name take part in the fit all the same; keys that no
 * customer has are counted in a note. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "strata/hash.h"

#include "cluster/start_impl.h"

#define MAX_BYTES (UINT64_C(1) << 32)
#define KEY_ROOM 24 /* an int64 in digits */

struct entry {
    uint64_t hash;
    const char *key; /* NUL-terminated */
    int64_t number;  /* of the segment, as written */
    size_t line;
};

struct start_file {
    const char *path;
    struct entry *entry; /* (n) sorted by (hash, key) once read */
    size_t n;
    int64_t number[STRATA_MAX_SEGMENTS]; /* (k) distinct segment numbers, rising */
    size_t k;
};

/* Rank 0: the file's bytes in the fit's room. */
static strata_status read_bytes(struct strata_fit *fit, const char *path, char **bytes,
                                size_t *n_bytes, struct strata_err *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return STRATA_FAIL(err, STRATA_E_NO_INPUT, "%s: cannot read model.start: %s", path,
                           strerror(errno));
    strata_status status = STRATA_OK;
    struct stat facts;
    if (fstat(fileno(file), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        (uint64_t)facts.st_size > MAX_BYTES) {
        status = STRATA_FAIL(err, STRATA_E_NO_INPUT,
                             "%s: model.start must be a plain file below 4 GiB", path);
        goto done;
    }
    *n_bytes = (size_t)facts.st_size;
    *bytes = STRATA_NEW(&fit->room, char, *n_bytes + 1);
    if (!*bytes) {
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for %zu bytes", path, *n_bytes);
        goto done;
    }
    if (fread(*bytes, 1, *n_bytes, file) != *n_bytes)
        status =
            STRATA_FAIL(err, STRATA_E_IO, "%s: reading stopped before the end of the file", path);
done:
    (void)fclose(file); /* only read from */
    return status;
}

char *strata_start_cut_next(char **at, bool *more)
{
    char *field = *at, *to = field, *from = field;
    bool quoted = *from == '"';
    if (quoted) from++;
    while (*from && (quoted || *from != ',')) {
        if (quoted && *from == '"') {
            if (from[1] != '"') {
                quoted = false;
                from++;
                continue;
            }
            from++;
        }
        *to++ = *from++;
    }
    *more = *from == ',';
    *at = *more ? from + 1 : from;
    *to = '\0';
    return field;
}

char *strata_start_cut_field(char **at)
{
    bool more = false;
    return strata_start_cut_next(at, &more);
}

static bool to_integer(const char *text, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno) return false;
    *number = value;
    return true;
}

/* The key as the table has it: an integer without leading zeros where keys are integers. */
static strata_status canonical_key(struct strata_fit *fit, const struct start_file *file,
                                   size_t line, const char *text, const char **key,
                                   struct strata_err *err)
{
    *key = text;
    if (fit->config->key_type != STRATA_KEY_INTEGER) return STRATA_OK;
    int64_t number = 0;
    char digits[KEY_ROOM];
    if (!to_integer(text, &number))
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s:%zu: the key is no integer, but key_type is integer", file->path,
                           line);
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    *key = strata_arena_copy(&fit->room, digits, (size_t)length);
    return *key ? STRATA_OK
                : STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for its keys", file->path);
}

/* Where a number stands, or belongs, among the rising ones. */
static size_t index_of(const struct start_file *file, int64_t number)
{
    size_t low = 0, high = file->k;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (file->number[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static strata_status learn_number(struct start_file *file, int64_t number, size_t line,
                                  struct strata_err *err)
{
    const size_t at = index_of(file, number);
    if (at < file->k && file->number[at] == number) return STRATA_OK;
    if (file->k == STRATA_MAX_SEGMENTS)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s:%zu: more than %d different segments",
                           file->path, line, STRATA_MAX_SEGMENTS);
    for (size_t i = file->k++; i > at; i--) file->number[i] = file->number[i - 1];
    file->number[at] = number;
    return STRATA_OK;
}

static strata_status parse_line(struct strata_fit *fit, struct start_file *file, char *line,
                                size_t number, struct strata_err *err)
{
    char *at = line;
    struct entry entry = {.line = number};
    const char *key = strata_start_cut_field(&at), *segment = strata_start_cut_field(&at);
    if (!to_integer(segment, &entry.number)) {
        if (number == 1) return STRATA_OK; /* the header */
        return STRATA_FAIL(err, STRATA_E_DATA, "%s:%zu: the second field must be a segment number",
                           file->path, number);
    }
    STRATA_TRY(canonical_key(fit, file, number, key, &entry.key, err));
    STRATA_TRY(learn_number(file, entry.number, number, err));
    entry.hash = strata_hash(entry.key, strlen(entry.key));
    file->entry[file->n++] = entry;
    return STRATA_OK;
}

static int compare(const void *a, const void *b)
{
    const struct entry *one = a, *two = b;
    if (one->hash != two->hash) return one->hash < two->hash ? -1 : 1;
    return strcmp(one->key, two->key);
}

static strata_status parse(struct strata_fit *fit, struct start_file *file, char *text,
                           size_t n_bytes, struct strata_err *err)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < n_bytes; i++) n_lines += text[i] == '\n';
    file->entry = STRATA_NEW(&fit->room, struct entry, n_lines);
    if (!file->entry)
        return STRATA_FAIL(err, STRATA_E_MEMORY, "%s: no memory for %zu lines", file->path, n_lines);
    size_t number = 1;
    for (char *line = text; line < text + n_bytes; number++) {
        char *end = memchr(line, '\n', (size_t)(text + n_bytes - line));
        if (!end) end = text + n_bytes;
        *end = '\0';
        if (end > line && end[-1] == '\r') end[-1] = '\0';
        if (*line) STRATA_TRY(parse_line(fit, file, line, number, err));
        line = end + 1;
    }
    if (file->n == 0)
        return STRATA_FAIL(err, STRATA_E_DATA, "%s: model.start holds no customer", file->path);
    qsort(file->entry, file->n, sizeof *file->entry, compare);
    for (size_t i = 1; i < file->n; i++) {
        const struct entry *one = &file->entry[i - 1], *two = &file->entry[i];
        if (compare(one, two) == 0)
            return STRATA_FAIL(err, STRATA_E_DATA, "%s: lines %zu and %zu are of the same customer",
                               file->path, one->line < two->line ? one->line : two->line,
                               one->line < two->line ? two->line : one->line);
    }
    return STRATA_OK;
}

/* What is summed for the centres: counts (k), weights (k) and weighted sums (k, d). */
static size_t sum_count(const struct start_file *file, size_t d)
{
    return file->k * (2 + d);
}

/* Of the labelled rows of this rank. */
static void add_rows(const struct strata_fit *fit, const struct start_file *file,
                     struct strata_sum *sums)
{
    const struct strata_rows *rows = fit->rows;
    struct strata_sum *weight = sums + file->k, *sum = weight + file->k;
    for (size_t row = 0; row < rows->n; row++) {
        const struct entry wanted = {.hash = rows->key_hash[row], .key = rows->key[row]};
        const struct entry *found = bsearch(&wanted, file->entry, file->n, sizeof wanted, compare);
        if (!found) continue;
        const size_t c = index_of(file, found->number);
        const int64_t w = rows->weight ? rows->weight[row] : 1;
        sums[c].value++;
        weight[c].value += w;
        for (size_t j = 0; j < rows->d; j++)
            sum[c * rows->d + j].value += w * (int64_t)rows->x[row * rows->d + j];
    }
}

static strata_status centres_of(struct strata_fit *fit, const struct start_file *file,
                                const struct strata_sum *sums, double *centre,
                                struct strata_err *err)
{
    const struct strata_sum *weight = sums + file->k, *sum = weight + file->k;
    uint64_t matched = 0;
    for (size_t c = 0; c < file->k; c++) {
        const uint64_t count = (uint64_t)sums[c].value;
        matched += count;
        if (count == 0)
            return STRATA_FAIL(err, STRATA_E_DATA,
                               "%s: no customer of this job is in segment %lld of model.start",
                               file->path, (long long)file->number[c]);
        for (size_t j = 0; j < fit->rows->d; j++) {
            const size_t cj = c * fit->rows->d + j;
            centre[cj] = (double)strata_sum_divide(sum[cj], (uint64_t)weight[c].value);
        }
    }
    if (matched < file->n)
        strata_fit_note(
            fit,
            "The start file names %zu keys (of %zu) that are not customers of this job: they were left out.",
            file->n - (size_t)matched, file->n);
    if (matched < fit->rows->n_global)
        strata_fit_note(
            fit,
            "%llu customers are not in the start file: they take part in the fit without a label.",
            (unsigned long long)(fit->rows->n_global - matched));
    return STRATA_OK;
}

/* A fixed number in the job file must be the file's; a range must hold it. */
static strata_status check_segments(const struct strata_fit *fit, size_t k, struct strata_err *err)
{
    const struct strata_model_options *model = &fit->config->model;
    const bool untouched = model->k_from == 2 && model->k_to == 8; /* the default */
    if (untouched || (k >= model->k_from && k <= model->k_to)) return STRATA_OK;
    struct strata_problems problems = {0};
    strata_problems_add(&problems, model->segments_place, STRATA_E_CONFIG,
                        "model.start has %zu segments; set model.segments to that, or leave it out",
                        k);
    return strata_problems_status(&problems, err);
}

/* One candidate, from these centres. */
static void start_at(struct strata_fit *fit, size_t k, const double *centre)
{
    fit->from_file = true;
    fit->file_centre = centre;
    fit->k_from = fit->k_to = (uint32_t)k;
    fit->starts = 1;
}

/* The means of a partition.  Collective. */
static strata_status read_partition(struct strata_fit *fit, const char *path, char *bytes,
                                    size_t n_bytes, struct strata_err *err)
{
    struct start_file file = {.path = path};
    struct strata_sum *sums = NULL;
    int64_t *limbs = NULL;
    double *centre = NULL;
    strata_status status = parse(fit, &file, bytes, n_bytes, err);
    if (status == STRATA_OK) status = check_segments(fit, file.k, err);
    if (status == STRATA_OK) {
        const size_t n_sums = sum_count(&file, fit->rows->d);
        sums = STRATA_NEW(&fit->room, struct strata_sum, n_sums);
        limbs = STRATA_NEW(&fit->room, int64_t, n_sums * STRATA_SUM_LIMBS);
        centre = STRATA_NEW(&fit->room, double, file.k * fit->rows->d);
        if (!sums || !limbs || !centre)
            status =
                STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu starting segments", file.k);
    }
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    add_rows(fit, &file, sums);
    strata_sums_reduce(fit->comm, sums, sum_count(&file, fit->rows->d), limbs);
    STRATA_TRY(centres_of(fit, &file, sums, centre,
                          err)); /* the same data on all ranks: all fail or none */
    start_at(fit, file.k, centre);
    return STRATA_OK;
}

strata_status strata_start_given(struct strata_fit *fit, const struct strata_start *start,
                                 struct strata_err *err)
{
    double *centre = NULL;
    strata_status status = check_segments(fit, start->k, err);
    if (status == STRATA_OK) centre = strata_start_centres(fit, start);
    if (status == STRATA_OK && !centre)
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %zu starting centres", start->k);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    start_at(fit, start->k, centre);
    return STRATA_OK;
}

strata_status strata_start_file_read(struct strata_fit *fit, struct strata_err *err)
{
    const struct strata_config *config = fit->config;
    const char *name = config->model.start_file;
    const char *path = name[0] == '/' || !config->directory
                           ? name
                           : strata_arena_print(&fit->room, "%s/%s", config->directory, name);
    char *bytes = NULL;
    size_t n_bytes = 0;
    strata_status status =
        path ? STRATA_OK
             : STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for the path of model.start");
    if (status == STRATA_OK && fit->comm->rank == 0)
        status = read_bytes(fit, path, &bytes, &n_bytes, err);
    STRATA_TRY(strata_comm_agree(fit->comm, status, err));
    STRATA_TRY(strata_comm_broadcast_blob(fit->comm, bytes, n_bytes, 0, &fit->room, &bytes,
                                          &n_bytes, err));
    if (!strata_start_is_centres(fit, bytes, n_bytes))
        return read_partition(fit, path, bytes, n_bytes, err);
    struct strata_start start = {0};
    STRATA_TRY(strata_comm_agree(
        fit->comm, strata_start_centres_parse(fit, path, bytes, n_bytes, &start, err), err));
    return strata_start_given(fit, &start, err);
}
