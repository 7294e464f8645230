/* Where the matrix lies, and how its rows come there: threads encode contiguous shares, in memory in
 * place, else block by block into a buffer that is written to the matrix's file. */
#include "features/features_impl.h"

#define BLOCK_BYTES ((size_t)1 << 20) /* of a thread's buffer: one write */

bool strata_matrix_goes_to_file(const struct strata_matrix_room *room, size_t n_rows, size_t d)
{
    return room && n_rows > 0 && n_rows > room->memory_bytes / (d * sizeof(float));
}

strata_status strata_matrix_reserve(const struct strata_matrix_room *room, size_t n_rows, size_t d,
                                    struct strata_mapping *mapping, struct strata_err *err)
{
    const char *where = NULL;
    if (n_rows > SIZE_MAX / 2 / (d * sizeof(float)))
        return STRATA_FAIL(err, STRATA_E_MEMORY,
                           "a matrix of %zu rows by %zu columns is beyond this machine", n_rows, d);
    const size_t n_directories = sizeof room->directory / sizeof *room->directory;
    return strata_mapping_make(room->directory, n_directories, n_rows * d * sizeof(float), mapping,
                               &where, err);
}

/* One thread's room and result. */
struct encoder {
    double *raw;       /* (n_features): one row */
    uint64_t *clamped; /* (n_features) */
    float *block;      /* (block_rows, d) for a file */
    strata_status status;
    struct strata_err err;
};

struct encode_task {
    const struct encoding *of;
    struct encoder *encoder; /* (n_threads) */
    int n_threads;
    size_t block_rows;
};

static void encode_rows(const struct encoding *of, size_t first, size_t n, float *x,
                        struct encoder *encoder)
{
    const struct strata_recipe *recipe = of->recipe;
    for (size_t row = 0; row < n; row++) {
        for (size_t f = 0; f < recipe->n_features; f++) {
            bool invalid = false; /* counted before */
            if (recipe->feature[f].role == STRATA_ROLE_BASIS)
                encoder->raw[f] = strata_binding_value(&of->binding[f], first + row, &invalid);
        }
        strata_recipe_encode(recipe, encoder->raw, x + row * recipe->d, encoder->clamped);
    }
}

static strata_status write_rows(const struct encoding *of, size_t first, size_t n,
                                struct encoder *encoder)
{
    const size_t row_bytes = of->recipe->d * sizeof(float);
    encode_rows(of, first, n, encoder->block, encoder);
    return strata_mapping_write(of->mapping, first * row_bytes, encoder->block, n * row_bytes,
                                &encoder->err);
}

static void encode_share(void *context, int thread)
{
    const struct encode_task *task = context;
    const struct encoding *of = task->of;
    struct encoder *encoder = &task->encoder[thread];
    const struct strata_share share =
        strata_share_of(of->n_rows, task->block_rows, thread, task->n_threads);
    const size_t end = share.first + share.n;
    for (size_t first = share.first; first < end && encoder->status == STRATA_OK;
         first += task->block_rows) {
        const size_t n = end - first < task->block_rows ? end - first : task->block_rows;
        if (of->x)
            encode_rows(of, first, n, of->x + first * of->recipe->d, encoder);
        else
            encoder->status = write_rows(of, first, n, encoder);
    }
}

/* All threads' room; false when there is none. */
static bool take_encoders(struct encode_task *task, struct strata_arena *room)
{
    const struct encoding *of = task->of;
    const size_t n_features = of->recipe->n_features, n_threads = (size_t)task->n_threads;
    task->encoder = STRATA_NEW(room, struct encoder, n_threads);
    bool taken = task->encoder != NULL;
    for (size_t i = 0; i < n_threads && taken; i++) {
        struct encoder *encoder = &task->encoder[i];
        encoder->raw = strata_arena_take(room, sizeof *encoder->raw, 64, n_features);
        encoder->clamped = strata_arena_take(room, sizeof *encoder->clamped, 64, n_features);
        encoder->block = STRATA_NEW(room, float, of->x ? 1 : task->block_rows * of->recipe->d);
        taken = encoder->raw && encoder->clamped && encoder->block;
    }
    return taken;
}

static strata_status collect(const struct encode_task *task, uint64_t *clamped,
                             struct strata_err *err)
{
    for (int i = 0; i < task->n_threads; i++) {
        const struct encoder *encoder = &task->encoder[i];
        for (size_t f = 0; f < task->of->recipe->n_features; f++) clamped[f] += encoder->clamped[f];
        if (encoder->status != STRATA_OK)
            return STRATA_FAIL(err, encoder->status, "%s", encoder->err.text);
    }
    return STRATA_OK;
}

strata_status strata_matrix_encode(const struct encoding *encoding, int n_threads,
                                   uint64_t *clamped, struct strata_err *err)
{
    const size_t row_bytes = encoding->recipe->d * sizeof(float);
    struct encode_task task = {
        .of = encoding, .n_threads = n_threads, .block_rows = BLOCK_BYTES / row_bytes};
    struct strata_arena room = {0};
    struct strata_pool *pool = NULL;
    const size_t bytes_of_thread = BLOCK_BYTES + sizeof(struct encoder) +
                                   2 * encoding->recipe->n_features * sizeof(double) + 1024;
    strata_status status = STRATA_OK;
    if (!strata_arena_init(&room, (size_t)n_threads * bytes_of_thread + ((size_t)1 << 20)) ||
        !take_encoders(&task, &room))
        status = STRATA_FAIL(err, STRATA_E_MEMORY, "no memory for %d threads that encode rows",
                             n_threads);
    if (status == STRATA_OK) status = strata_pool_start(n_threads, &room, &pool, err);
    if (status == STRATA_OK) {
        strata_pool_run(pool, encode_share, &task);
        status = collect(&task, clamped, err);
    }
    strata_pool_stop(pool);
    strata_arena_finish(&room);
    return status;
}
