/* Strata's side of the bench: one full pass after another with its kernels, or whole fits with its
 * library, on the matrix and the starting rows that everybody gets.
 *
 *   strata pass matrix=FILE n=N d=D k=K start=FILE iterations=I [threads=T] [centres=FILE]
 *   strata fit  matrix=FILE n=N d=D k=K start=FILE iterations=I [threads=T] [centres=FILE]
 *   strata fit  matrix=FILE n=N d=D k=FROM [k_to=TO] [starts=S] [seed=SEED] [seeding=WORD] [race=off] ...
 *   strata fit  ... copies=C              C times the rows, each copy with its own jitter
 *   strata fit  ... run=DIR [interval=S]  logs to DIR/log.jsonl, with checkpoints every S seconds
 *   strata fit  ... hashes=off            ranks do not compare their models
 *
 * fit also runs under mpirun: each rank takes its share of the rows.  Rank 0 prints one JSON
 * line. */
#include <pthread.h>
#include <sys/resource.h>

#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/hash.h"
#include "strata/log.h"
#include "strata/nearest.h"
#include "strata/random.h"

#include "job/job_impl.h"
#include "peer.h"

#define MAX_THREADS 64
#define MAX_TIMES 65536
#define BLOCK 256 /* rows whose labels and sums are taken while they are in cache */
#define KEY_ROOM 12

/* What the command line says. */
struct task {
    const char *matrix, *start, *centres, *seeding, *race, *run, *interval, *hashes;
    struct strata_dims dims;
    size_t n, copies, k_to, starts, seed, iterations, threads;
};

/* --- pass: the kernels alone ----------------------------------------------------------- */

/* One thread's rows and sums. */
struct share {
    const float *x;
    const struct strata_centres *centres;
    struct strata_dims dims;
    size_t n;
    uint16_t *label;
    void *scratch;
    int64_t *count, *sum;
    uint64_t rechecked;
    pthread_t thread;
};

static void *pass_share(void *context)
{
    struct share *share = context;
    memset(share->count, 0, share->dims.k * sizeof *share->count);
    memset(share->sum, 0, share->dims.k * share->dims.d * sizeof *share->sum);
    for (size_t first = 0; first < share->n; first += BLOCK) {
        const size_t n = share->n - first < BLOCK ? share->n - first : BLOCK;
        const float *x = share->x + first * share->dims.d;
        uint16_t *label = share->label + first;
        share->rechecked +=
            strata_centres_look(share->centres, x, n, (struct strata_look){.label = label});
        strata_label_sums_hold(share->dims, strata_isa(), x, NULL, n, label, share->scratch,
                               share->count, share->sum);
    }
    strata_label_sums_spill(share->dims, share->scratch, share->count, share->sum);
    return NULL;
}

static void pass_all(struct share *share, size_t n_threads)
{
    for (size_t t = 1; t < n_threads; t++)
        if (pthread_create(&share[t].thread, NULL, pass_share, &share[t]) != 0)
            peer_fail("no thread");
    (void)pass_share(&share[0]);
    for (size_t t = 1; t < n_threads; t++) (void)pthread_join(share[t].thread, NULL);
}

/* Each centre to the mean of its rows, on the grid. */
static void move_centres(const struct share *share, size_t n_threads, double *centre)
{
    const struct strata_dims dims = share->dims;
    for (size_t c = 0; c < dims.k; c++) {
        int64_t count = 0;
        for (size_t t = 0; t < n_threads; t++) count += share[t].count[c];
        for (size_t j = 0; j < dims.d && count > 0; j++) {
            struct strata_sum sum = {0};
            for (size_t t = 0; t < n_threads; t++) sum.value += share[t].sum[c * dims.d + j];
            centre[c * dims.d + j] = (double)strata_sum_divide(sum, (uint64_t)count);
        }
    }
}

static void share_out(const struct task *task, const float *x, struct share *share)
{
    const struct strata_dims dims = task->dims;
    for (size_t t = 0; t < task->threads; t++) {
        const size_t first = task->n * t / task->threads, end = task->n * (t + 1) / task->threads,
                     scratch = strata_label_sums_scratch(dims);
        share[t] = (struct share){.x = x + first * dims.d,
                                  .dims = dims,
                                  .n = end - first,
                                  .label = peer_room(end - first, sizeof(uint16_t)),
                                  .scratch = peer_room(scratch, 1),
                                  .count = peer_room(dims.k, sizeof(int64_t)),
                                  .sum = peer_room(dims.k * dims.d, sizeof(int64_t))};
        memset(share[t].label, 0, (end - first) * sizeof(uint16_t));
        memset(share[t].scratch, 0, scratch);
    }
}

static void write_centres(const struct task *task, const double *centre, size_t k)
{
    double *out = peer_room(k * task->dims.d, sizeof *out);
    for (size_t i = 0; i < k * task->dims.d; i++) out[i] = centre[i] / PEER_GRID;
    peer_write_centres(task->centres, out, k * task->dims.d);
    free(out);
}

static int run_pass(const struct task *task)
{
    const struct strata_dims dims = task->dims;
    static struct share share[MAX_THREADS];
    static double time[MAX_TIMES];
    float *x = peer_room(task->n * dims.d, sizeof *x);
    double *centre = peer_room(dims.k * dims.d, sizeof *centre);
    size_t *row = peer_room(dims.k, sizeof *row);
    void *room = peer_room(strata_centres_bytes(dims), 1);
    peer_read_rows(task->matrix, 0, task->n, dims.d, x);
    peer_read_start(task->start, dims.k, row);
    for (size_t i = 0; i < dims.k * dims.d; i++)
        centre[i] = (double)x[row[i / dims.d] % task->n * dims.d + i % dims.d];
    share_out(task, x, share);
    const double start = peer_now();
    for (size_t i = 0; i < task->iterations; i++) {
        const struct strata_centres *ready = strata_centres_make(dims, centre, strata_isa(), room);
        for (size_t t = 0; t < task->threads; t++) share[t].centres = ready;
        pass_all(share, task->threads);
        move_centres(share, task->threads, centre);
        time[i] = peer_now() - start;
    }
    uint64_t rechecked = 0;
    for (size_t t = 0; t < task->threads; t++) rechecked += share[t].rechecked;
    write_centres(task, centre, dims.k);
    const double spent = task->iterations > 2 ? time[task->iterations - 1] - time[1] : 0;
    (void)printf(
        "{\"iterations\": %zu, \"pass_s\": %.9f, \"isa\": \"%s\", \"rechecked\": %.3g}\n",
        task->iterations, task->iterations > 2 ? spent / (double)(task->iterations - 2) : time[0],
        strata_isa_word(strata_isa()), (double)rechecked / (double)(task->n * task->iterations));
    return 0;
}

/* --- fit: the library ------------------------------------------------------------------ */

/* When each reduction of the fit began, and on rank 0 the processor's time of each pass before it; and
 * who keeps its state, on rank 0 of a fit with checkpoints. */
struct times {
    double start, at[MAX_TIMES], pass[MAX_TIMES];
    double cpu_after; /* the last iteration; 0 before there is one */
    size_t n, n_passes;
    struct strata_keeper *keeper;
};

static unsigned note_time(void *context)
{
    struct times *times = context;
    if (times->cpu_after > 0 && times->n_passes < MAX_TIMES)
        times->pass[times->n_passes++] = peer_clock(CLOCK_PROCESS_CPUTIME_ID) - times->cpu_after;
    times->cpu_after = 0;
    if (times->n < MAX_TIMES) times->at[times->n++] = peer_now() - times->start;
    return STRATA_FIT_GO;
}

static void note_moment(void *context, const struct strata_fit_moment *moment)
{
    struct times *times = context;
    if (times->keeper)
        strata_keeper_note(times->keeper, moment, times->n, strata_fit_is_last(moment));
    times->cpu_after = peer_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* What a job does on rank 0: a log, and checkpoints if there is an interval. */
static void open_run(const struct task *task, struct strata_arena *keep, struct times *times)
{
    static struct strata_attempt attempt;
    char path[STRATA_ATTEMPT_PATH_MAX];
    struct strata_err err = {0};
    (void)snprintf(path, sizeof path, "%s/log.jsonl", task->run);
    strata_log_init(0, STRATA_LOG_ERROR);
    if (strata_log_open(path, &err) != STRATA_OK) peer_fail(err.text);
    const double interval_s = strtod(task->interval, NULL);
    if (!(interval_s > 0)) return;
    const struct strata_keeper_options options = {.attempt = &attempt,
                                                  .settings = "bench",
                                                  .inputs = "bench",
                                                  .generation = 1,
                                                  .interval_s = interval_s};
    if (strata_attempt_begin(task->run, &attempt, &err) != STRATA_OK ||
        strata_keeper_start(&options, keep, &times->keeper, &err) != STRATA_OK)
        peer_fail(err.text);
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

/* The median time from one reduction to the next, leaving out the first ones. */
static double median_step(const struct times *times)
{
    static double step[MAX_TIMES];
    size_t n = 0;
    for (size_t i = 2; i < times->n; i++) step[n++] = times->at[i] - times->at[i - 1];
    qsort(step, n, sizeof *step, compare);
    return n ? step[n / 2] : 0;
}

/* The median pass in the processor's time, leaving out the first one. */
static double median_pass(struct times *times)
{
    if (times->n_passes < 2) return 0;
    const size_t n = times->n_passes - 1;
    qsort(times->pass + 1, n, sizeof *times->pass, compare);
    return times->pass[1 + n / 2];
}

/* The decimal digits of a row's number. */
static void write_key(size_t row, char key[KEY_ROOM])
{
    char digits[KEY_ROOM];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + row % 10);
        row /= 10;
    } while (row && n < KEY_ROOM - 1);
    for (size_t i = 0; i < n; i++) key[i] = digits[n - 1 - i];
    key[n] = '\0';
}

/* This rank's rows: a contiguous share of copies * n rows; each copy after the first is off by up to
 * a tenth of a unit in each column, so that no two rows are alike. */
static struct strata_rows make_rows(const struct task *task, const struct strata_comm *comm)
{
    const size_t d = task->dims.d, all = task->n * task->copies,
                 first = all / (size_t)comm->size * (size_t)comm->rank,
                 end = comm->rank + 1 == comm->size ? all : first + all / (size_t)comm->size,
                 n = end - first;
    float *x = peer_room(n * d, sizeof *x);
    uint64_t *hash = peer_room(n, sizeof *hash);
    char(*text)[KEY_ROOM] = peer_room(n, sizeof *text);
    const char **key = peer_room(n, sizeof *key);
    for (size_t i = first; i < end;) {
        const size_t in_file = i % task->n, left = task->n - in_file,
                     some = left < end - i ? left : end - i;
        peer_read_rows(task->matrix, in_file, some, d, x + (i - first) * d);
        i += some;
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t copy = (first + i) / task->n;
        uint64_t noise = (first + i) * UINT64_C(0x9e3779b97f4a7c15);
        for (size_t j = 0; copy && j < d; j++) {
            noise = (noise ^ noise >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
            x[i * d + j] += (float)((int64_t)(noise >> 51) - 4096);
        }
        write_key(first + i, text[i]);
        key[i] = text[i];
        hash[i] = strata_hash(text[i], strlen(text[i]));
    }
    return (struct strata_rows){
        .n = n, .d = d, .x = x, .key_hash = hash, .key = key, .n_global = all, .weight_global = all};
}

/* The start file as the library reads it: each starting row is a segment of its own. */
static const char *write_start(const struct task *task, const struct strata_comm *comm)
{
    static char path[] = "strata-start.csv";
    if (comm->rank == 0) {
        size_t *row = peer_room(task->dims.k, sizeof *row);
        peer_read_start(task->start, task->dims.k, row);
        FILE *file = fopen(path, "w");
        for (size_t c = 0; file && c < task->dims.k; c++)
            (void)fprintf(file, "%zu,%zu\n", row[c], c);
        if (!file || fclose(file) != 0) peer_fail("no start file");
        free(row);
    }
    return path;
}

static struct strata_config make_config(const struct task *task, const struct strata_comm *comm)
{
    struct strata_config config = {.path = "bench",
                                   .directory = ".",
                                   .threads = (uint32_t)task->threads,
                                   .model = {.estimator = "kmeans",
                                             .k_from = (uint32_t)task->dims.k,
                                             .k_to = (uint32_t)task->k_to,
                                             .starts = (uint32_t)task->starts,
                                             .seed = task->seed,
                                             .max_iter = (uint32_t)task->iterations,
                                             .tolerance = 0}};
    if (strcmp(task->seeding, strata_seeding_word(STRATA_SEEDING_PARALLEL)) == 0)
        config.model.seeding = STRATA_SEEDING_PARALLEL;
    if (strcmp(task->race, "off") == 0) config.model.race = STRATA_RACE_OFF;
    if (task->start) config.model.start_file = write_start(task, comm);
    return config;
}

static void print_by_k(const struct strata_clustering *out)
{
    (void)printf(", \"by_k\": [");
    for (size_t i = 0; i < out->n_k; i++)
        (void)printf("%s{\"k\": %u, \"objective\": %.17g}", i ? ", " : "", out->by_k[i].k,
                     out->by_k[i].objective);
    (void)printf("]");
}

/* The hash of the chosen model's params, which each rank takes once an iteration. */
static double hash_seconds(const struct strata_clustering *out)
{
    enum { TIMES = 4096 };
    const size_t n_bytes = out->estimator->param_count(out->dims) * sizeof(double);
    volatile uint64_t last = 0;
    const double start = peer_clock(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < TIMES; i++) last = strata_hash(out->params, n_bytes);
    (void)last;
    return (peer_clock(CLOCK_PROCESS_CPUTIME_ID) - start) / TIMES;
}

/* What a fit took: seconds, and those of the processor on this rank, in all and in a pass; of all ranks,
 * mean wait and peak. */
struct cost {
    double fit_s, cpu_s, pass_cpu_s, wait_mean_s;
    int64_t peak_bytes;
};

static void print_fit(const struct task *task, const struct strata_comm *comm,
                      const struct strata_clustering *out, const struct times *times,
                      const struct cost *cost)
{
    const struct strata_candidate_result *chosen =
        &out->candidate[out->by_k[out->chosen_k].candidate];
    (void)printf(
        "{\"fit_s\": %.9f, \"first_s\": %.9f, \"step_s\": %.9f, \"iterations\": %u, "
        "\"reductions\": %llu, \"sums\": %llu, \"sum_bytes\": %llu, \"wait_s\": %.9f, "
        "\"wait_mean_s\": %.9f, \"cpu_s\": %.9f, \"pass_cpu_s\": %.9f, \"hash_s\": %.3g, "
        "\"rows\": %zu, \"ranks\": %d, \"threads\": %zu, \"isa\": \"%s\", \"chosen_k\": %u, "
        "\"objective\": %.17g, \"state\": \"%016llx\", \"reason\": %d, \"peak_bytes\": %lld, \"key_bytes\": %zu",
        cost->fit_s, times->n ? times->at[0] : 0, median_step(times), chosen->iterations,
        (unsigned long long)out->iterations_total, (unsigned long long)comm->n_sums,
        (unsigned long long)comm->sum_bytes, comm->wait_s, cost->wait_mean_s, cost->cpu_s,
        cost->pass_cpu_s, hash_seconds(out), task->n * task->copies, comm->size, task->threads,
        strata_isa_word(strata_isa()), out->by_k[out->chosen_k].k, out->objective,
        (unsigned long long)out->state_hash, (int)chosen->reason, (long long)cost->peak_bytes,
        task->n * task->copies * (KEY_ROOM + sizeof(char *) + sizeof(uint64_t)));
    print_by_k(out);
    (void)printf("}\n");
}

static int64_t peak_bytes(void)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    return 1024 * (int64_t)usage.ru_maxrss;
}

static int run_fit(const struct task *task, struct strata_comm *comm)
{
    static struct times times;
    struct strata_arena keep = {0};
    if (!strata_arena_init(&keep, (size_t)1 << 34)) peer_fail("no memory");
    struct strata_encoding *column = STRATA_NEW(&keep, struct strata_encoding, task->dims.d);
    struct strata_feature *feature = STRATA_NEW(&keep, struct strata_feature, task->dims.d);
    if (!column || !feature) peer_fail("no memory");
    for (size_t j = 0; j < task->dims.d; j++) column[j].feature = j;
    const struct strata_features features = {.recipe = {.feature = feature,
                                                        .n_features = task->dims.d,
                                                        .column = column,
                                                        .d = task->dims.d,
                                                        .grid_exponent = -16},
                                             .rows = make_rows(task, comm)};
    const struct strata_config config = make_config(task, comm);
    const struct strata_fit_watch watch = {.context = &times,
                                           .command = note_time,
                                           .moment = note_moment,
                                           .unhashed = strcmp(task->hashes, "off") == 0};
    struct strata_quality quality = {0};
    struct strata_clustering *out = NULL;
    struct strata_err err = {0}, unused = {0};
    uint64_t n_checkpoints = 0;
    if (task->run && comm->rank == 0) open_run(task, &keep, &times);
    strata_comm_barrier(comm);
    comm->n_sums = comm->sum_bytes = 0;
    comm->wait_s = 0;
    times.start = peer_now();
    const double cpu_start = peer_clock(CLOCK_PROCESS_CPUTIME_ID);
    const strata_status status =
        strata_cluster(comm, &config, &features, &watch, &keep, &out, &quality, &err);
    (void)strata_keeper_stop(&times.keeper, false, &n_checkpoints, &unused); /* the log says it */
    struct cost cost = {.fit_s = peer_now() - times.start,
                        .cpu_s = peer_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_start,
                        .pass_cpu_s = median_pass(&times)};
    if (status != STRATA_OK) (void)fprintf(stderr, "%s\n", err.text);
    struct strata_comm before = *comm; /* the counters of the fit alone */
    int64_t all[2] = {peak_bytes(), (int64_t)(before.wait_s * 1e9)};
    strata_comm_sum(comm, all, 2);
    cost.peak_bytes = all[0];
    cost.wait_mean_s = 1e-9 * (double)all[1] / comm->size;
    if (status == STRATA_OK && comm->rank == 0) {
        double *centre = peer_room(out->dims.k * out->dims.d, sizeof *centre);
        out->estimator->centres(out->dims, out->params, centre);
        write_centres(task, centre, out->dims.k);
        print_fit(task, &before, out, &times, &cost);
    }
    return status == STRATA_OK ? 0 : strata_status_exit_code(status);
}

/* --- the command line ------------------------------------------------------------------ */

static struct task read_task(int argc, char **argv)
{
    const struct task task = {
        .matrix = peer_text(argc, argv, "matrix", ""),
        .start = peer_text(argc, argv, "start", NULL),
        .centres = peer_text(argc, argv, "centres", NULL),
        .seeding = peer_text(argc, argv, "seeding", "sample"),
        .race = peer_text(argc, argv, "race", "auto"),
        .run = peer_text(argc, argv, "run", NULL),
        .interval = peer_text(argc, argv, "interval", "0"),
        .hashes = peer_text(argc, argv, "hashes", "on"),
        .dims = {.k = peer_number(argc, argv, "k", 0), .d = peer_number(argc, argv, "d", 0)},
        .n = peer_number(argc, argv, "n", 0),
        .copies = peer_number(argc, argv, "copies", 1),
        .k_to = peer_number(argc, argv, "k_to", peer_number(argc, argv, "k", 0)),
        .starts = peer_number(argc, argv, "starts", 1),
        .seed = peer_number(argc, argv, "seed", 1),
        .iterations = peer_number(argc, argv, "iterations", 14),
        .threads = peer_number(argc, argv, "threads", 1)};
    if (!task.n || !task.dims.d || task.dims.d > STRATA_MAX_DIMENSIONS || !task.dims.k ||
        task.k_to < task.dims.k || task.k_to > STRATA_MAX_SEGMENTS || task.k_to > task.n ||
        !task.copies || !task.starts || !task.iterations || task.iterations > MAX_TIMES ||
        !task.threads || task.threads > MAX_THREADS)
        peer_fail("usage: strata pass|fit matrix=FILE n=N d=D k=K [start=FILE] [iterations=I] "
                  "[threads=T] [k_to=K] [starts=S] [seed=S] [copies=C] [centres=FILE]");
    return task;
}

int main(int argc, char **argv)
{
    const struct task task = read_task(argc, argv);
    if (argc > 1 && strcmp(argv[1], "pass") == 0 && task.start) return run_pass(&task);
    struct strata_comm comm = strata_comm_single();
    struct strata_err err = {0};
    const bool launched = strata_comm_launched();
    if (launched && strata_comm_mpi_init(&comm, &argc, &argv, &err) != STRATA_OK)
        peer_fail(err.text);
    const int code = run_fit(&task, &comm);
    if (launched) strata_comm_mpi_finish(&comm);
    return code;
}
