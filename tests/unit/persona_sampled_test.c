/* What a sample of the customers shows: the same for any ranks, never of fewer than ten, and right where the
 * truth is known. */
#include <criterion/criterion.h>
#include <math.h>

#include "strata/sampled.h"

#include "fit_cases.h"
#include "persona/sampled_impl.h"

/* One look at a crowd's sample on some ranks: rank 0's findings as text and as they are. */
struct look {
    const struct crowd *crowd;
    struct strata_config config;
    const char *label[8];
    char *text[STRATA_MAX_DIMENSIONS]; /* by rank */
    struct strata_arena keep;          /* of rank 0 */
    struct strata_sampled found;       /* in it */
    size_t k;
};

static void print_map(FILE *out, const struct strata_customer_map *map)
{
    (void)fprintf(out, "map %llu %zu\n", (unsigned long long)map->customers, map->n_left_out);
    for (int a = 0; a < 2; a++) {
        const struct strata_map_axis *axis = &map->axis[a];
        (void)fprintf(out, "%s %d %a %a %a", axis->name, axis->discriminant, axis->share, axis->low,
                      axis->high);
        for (size_t i = 0; i < axis->n_loadings; i++)
            (void)fprintf(out, " %zu %a", axis->loading[i].feature, axis->loading[i].correlation);
        (void)fputc('\n', out);
    }
    for (size_t s = 0; s < map->n; s++) {
        const struct strata_map_segment *segment = &map->segment[s];
        (void)fprintf(out, "%zu %u,%u:", segment->segment, segment->centre.x, segment->centre.y);
        for (size_t i = 0; i < segment->n; i++)
            (void)fprintf(out, " %u,%u", segment->point[i].x, segment->point[i].y);
        (void)fputc('\n', out);
    }
}

static void print_stability(FILE *out, const struct strata_stability *stability)
{
    for (size_t i = 0; i < stability->n_solutions; i++) {
        const struct strata_sampled_solution *one = &stability->solution[i];
        (void)fprintf(out, "k %u %d:", one->k, one->chosen);
        for (size_t s = 0; s < one->n; s++)
            (void)fprintf(out, " %a/%a", one->slsa[s], one->onward[s]);
        const struct strata_flow *flow = &stability->flow[i];
        for (size_t c = 0; i + 1 < stability->n_solutions && c < flow->n_from * flow->n_to; c++)
            (void)fprintf(out, " %u", flow->tens[c]);
        (void)fputc('\n', out);
    }
    for (size_t h = 0; h < stability->n_gorges; h++) {
        (void)fprintf(out, "%s %a", stability->gorge[h].sentence, stability->gorge[h].clear);
        for (size_t b = 0; b < STRATA_GORGE_BINS; b++)
            (void)fprintf(out, " %u", stability->gorge[h].tens[b]);
        (void)fputc('\n', out);
    }
}

static char *print_found(const struct strata_sampled *found)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (found->map) print_map(out, found->map);
    if (found->stability) print_stability(out, found->stability);
    (void)fclose(out);
    return text;
}

static void look_on_rank(struct strata_comm *comm, void *context)
{
    struct look *look = context;
    const struct crowd *crowd = look->crowd;
    const size_t d = crowd->d;
    struct strata_arena keep;
    if (!strata_arena_init(&keep, (size_t)1 << 32)) abort();
    float *x = STRATA_NEW(&keep, float, crowd->n *d);
    uint64_t *hash = STRATA_NEW(&keep, uint64_t, crowd->n);
    const char **key = STRATA_NEW(&keep, const char *, crowd->n);
    struct strata_encoding *column = STRATA_NEW(&keep, struct strata_encoding, d);
    struct strata_feature *feature = STRATA_NEW(&keep, struct strata_feature, d);
    size_t mine = 0;
    for (size_t row = 0; row < crowd->n; row++) {
        if (fit_rank_of(crowd, row, comm->size) != comm->rank) continue;
        memcpy(x + mine * d, crowd->x + row * d, d * sizeof *x);
        hash[mine] = crowd->hash[row];
        key[mine++] = crowd->key[row];
    }
    for (size_t j = 0; j < d; j++) {
        column[j] = (struct strata_encoding){.feature = j, .level = STRATA_LEVEL_NUMBER};
        feature[j] = (struct strata_feature){.name = j < 8 && look->label[j] ? look->label[j] : "f"};
    }
    const struct strata_features features = {.recipe = {feature, d, column, d, crowd->exponent},
                                             .rows = {.n = mine,
                                                      .d = d,
                                                      .x = x,
                                                      .key_hash = hash,
                                                      .key = key,
                                                      .n_global = crowd->n,
                                                      .weight_global = crowd->n}};
    struct strata_quality quality = {0};
    struct strata_clustering *clustering = NULL;
    struct strata_sampled found = {0};
    struct strata_err err = {0};
    if (strata_cluster(comm, &look->config, &features, NULL, &keep, &clustering, &quality, &err) ||
        strata_sampled_make(comm, &features, clustering, &keep, &found, &err))
        abort();
    look->text[comm->rank] = print_found(&found);
    strata_comm_barrier(comm);
    if (comm->rank == 0) {
        look->keep = keep;
        look->found = found;
        look->k = clustering->dims.k;
    } else {
        strata_arena_finish(&keep);
    }
}

static void look_at(struct look *look, int ranks)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_comm_run_threads(ranks, look_on_rank, look, &err), STRATA_OK);
    for (int r = 1; r < ranks; r++) {
        cr_assert_str_eq(look->text[r], look->text[0], "rank %d sees something else", r);
        free(look->text[r]);
    }
}

static void look_finish(struct look *look)
{
    free(look->text[0]);
    strata_arena_finish(&look->keep);
}

/* --- the whole ------------------------------------------------------------------------- */

Test(persona_sampled, is_the_same_on_any_number_of_ranks)
{
    struct crowd crowd = crowd_blobs(5000, 5, 4, 2.0, 3);
    for (int soft = 0; soft < 2; soft++) {
        char *first = NULL;
        const int ranks[] = {1, 3, 5};
        for (size_t i = 0; i < 3; i++) {
            struct look look = {.crowd = &crowd,
                                .config = fit_config(soft ? "gmm-diag" : "kmeans", 2, 5, 2)};
            look_at(&look, ranks[i]);
            cr_assert_eq(look.found.map->customers, STRATA_SAMPLED_ROWS);
            if (!first) first = strdup(look.text[0]);
            cr_assert_str_eq(look.text[0], first, "on %d ranks", ranks[i]);
            look_finish(&look);
        }
        free(first);
    }
    crowd_free(&crowd);
}

/* Blobs 40 apart on the axes, the largest first. */
static struct crowd planted(size_t n, size_t d)
{
    struct crowd crowd = crowd_blobs(n, d, 1, 0.0, 5);
    for (size_t i = 0; i < n; i++) {
        const size_t blob = i % 10 < 4 ? 0 : i % 10 < 7 ? 1 : i % 10 < 9 ? 2 : 3;
        if (blob) crowd.x[i * d + blob - 1] += (float)(40 * 65536);
    }
    return crowd;
}

Test(persona_sampled, segments_far_apart_are_stable_and_have_a_gorge)
{
    struct crowd crowd = planted(3000, 5);
    struct look look = {.crowd = &crowd, .config = fit_config("kmeans", 2, 6, 4)};
    look.label[0] = "spend";
    look_at(&look, 2);
    const struct strata_stability *stability = look.found.stability;
    cr_assert_eq(look.k, 4);
    cr_assert_eq(stability->n_solutions, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct strata_sampled_solution *one = &stability->solution[i];
        cr_assert_eq(one->chosen, one->k == 4);
        for (size_t s = 0; one->k <= 4 && i > 0 && s < one->n; s++)
            cr_assert_eq(one->slsa[s], 1.0, "segment %zu of %u", s, one->k);
    }
    for (size_t h = 0; h < 4; h++) {
        const struct strata_gorge *gorge = &stability->gorge[h];
        cr_assert_eq(gorge->clear, 1.0);
        cr_assert_str_eq(gorge->sentence,
                         "With one segment fewer its customers were in one segment already. Nearly "
                         "all of its customers are clearly its own.");
        for (size_t b = 1; b + 1 < STRATA_GORGE_BINS; b++)
            cr_assert_eq(gorge->tens[b], 0, "somebody is between");
        cr_assert_eq(gorge->tens[0] + gorge->tens[STRATA_GORGE_BINS - 1], 300);
    }
    for (int a = 0; a < 2; a++) cr_assert(look.found.map->axis[a].discriminant);
    look_finish(&look);
    crowd_free(&crowd);
}

Test(persona_sampled, every_point_stands_for_ten_to_nineteen)
{
    struct crowd crowd = planted(730, 3); /* the sample is everybody: 292, 219, 146 and 73 */
    struct look look = {.crowd = &crowd, .config = fit_config("kmeans", 4, 4, 4)};
    look_at(&look, 1);
    const struct strata_customer_map *map = look.found.map;
    const size_t size[] = {292, 219, 146, 73};
    cr_assert_eq(map->n, 4);
    for (size_t s = 0; s < 4; s++) {
        cr_assert_eq(map->segment[s].n, size[s] / 10);
        for (size_t i = 1; i < map->segment[s].n; i++) {
            const struct strata_map_point *one = &map->segment[s].point[i - 1], *next = one + 1;
            cr_assert(one->x < next->x || (one->x == next->x && one->y <= next->y));
        }
    }
    cr_assert_eq(map->n_left_out, 0);
    cr_assert_eq(look.found.stability->n_solutions, 0, "one k tells nothing of others");
    look_finish(&look);
    crowd_free(&crowd);
}

Test(persona_sampled, a_segment_of_few_is_left_out)
{
    struct crowd crowd = planted(600, 4);
    for (size_t i = 0; i < 9; i++) crowd.x[i * 4 + 3] = (float)(200 * 65536);
    struct look look = {.crowd = &crowd, .config = fit_config("kmeans", 5, 5, 8)};
    look_at(&look, 3);
    cr_assert_eq(look.k, 5);
    cr_assert_eq(look.found.map->n, 4);
    cr_assert_eq(look.found.map->n_left_out, 1);
    look_finish(&look);
    crowd_free(&crowd);
}

Test(persona_sampled, an_axis_is_named_by_what_is_higher_along_it)
{
    struct crowd crowd = planted(2000, 4);
    struct look look = {.crowd = &crowd, .config = fit_config("kmeans", 4, 4, 4)};
    const char *label[] = {"spend", "visits", "age", "noise"};
    memcpy(look.label, label, sizeof label);
    look_at(&look, 1);
    for (int a = 0; a < 2; a++) {
        const struct strata_map_axis *axis = &look.found.map->axis[a];
        cr_assert_gt(axis->loading[0].correlation, 0.3);
        cr_assert_eq(strncmp(axis->name, "Higher ", 7), 0, "%s", axis->name);
        cr_assert_null(strstr(axis->name, "noise"), "%s", axis->name);
        for (size_t i = 1; i < axis->n_loadings; i++)
            cr_assert_leq(fabs(axis->loading[i].correlation),
                          fabs(axis->loading[i - 1].correlation));
    }
    look_finish(&look);
    crowd_free(&crowd);
}

Test(persona_sampled, odd_customers_are_no_trouble)
{
    struct crowd alike = crowd_new(500, 3), line = crowd_blobs(500, 1, 3, 5.0, 1);
    struct crowd two = crowd_blobs(40, 2, 2, 9.0, 1), one = crowd_new(1, 2);
    const struct crowd *all[] = {&alike, &line, &two, &one};
    for (size_t i = 0; i < 4; i++)
        for (uint32_t k = 1; k <= 3; k++) {
            if (k > all[i]->n) continue;
            struct look look = {.crowd = all[i], .config = fit_config("kmeans", 1, k, 2)};
            look_at(&look, 2);
            if (i != 2) cr_assert_null(look.found.map, "crowd %zu has one direction", i);
            if (i == 2) cr_assert_not_null(look.found.map, "k = %u", k);
            if (i == 2) cr_assert_eq(look.found.map->axis[1].discriminant, look.k > 2);
            if (k == 1) cr_assert_null(look.found.stability);
            look_finish(&look);
        }
    crowd_free(&alike);
    crowd_free(&line);
    crowd_free(&two);
    crowd_free(&one);
}

/* --- its parts ------------------------------------------------------------------------- */

Test(persona_sampled, concentration_is_that_of_the_book)
{
    const uint16_t all[] = {0, 7, 0}, alike[] = {4, 4, 4}, quarter[] = {30, 10}, none[] = {0, 0};
    cr_assert_eq(strata_concentration(all, 3, 1), 1.0);
    cr_assert_float_eq(strata_concentration(alike, 3, 1), 0.0, 1e-15);
    cr_assert_float_eq(strata_concentration(quarter, 2, 1), 1 - 0.8112781244591328, 1e-15);
    cr_assert(isnan(strata_concentration(none, 2, 1)));
    cr_assert(isnan(strata_concentration(all + 1, 1, 1)), "one segment is no choice");
    cr_assert_eq(strata_concentration((const uint16_t[]){5, 1, 0, 1}, 2, 2), 1.0, "every second");
}

Test(persona_sampled, jacobi_finds_eigenvectors)
{
    enum { N = 40 };
    static double matrix[N * N], kept[N * N], value[N], vector[N * N];
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++)
            matrix[i * N + j] = matrix[j * N + i] = crowd_normal(7, i, j);
    for (size_t j = 0; j < N; j++)
        matrix[3 * N + j] = matrix[j * N + 3] = 0; /* a zero among them */
    memcpy(kept, matrix, sizeof kept);
    strata_jacobi(N, matrix, value, vector);
    for (size_t a = 0; a < N; a++) {
        if (a) cr_assert_leq(value[a], value[a - 1]);
        for (size_t i = 0; i < N; i++) {
            double image = 0, common = 0;
            for (size_t j = 0; j < N; j++) {
                image += kept[i * N + j] * vector[a * N + j];
                common += vector[i * N + j] * vector[a * N + j];
            }
            cr_assert_float_eq(image, value[a] * vector[a * N + i], 1e-12);
            cr_assert_float_eq(common, i == a, 1e-13);
        }
    }
}

/* Places on the two directions have variance 1 inside segments and nothing in common, also where the
 * second is no discriminant. */
Test(persona_sampled, directions_are_uncorrelated_inside_segments)
{
    for (size_t k = 1; k <= 4; k++) {
        struct crowd crowd = crowd_blobs(4000, 6, k, 1.5, 11);
        for (size_t i = 0; i < crowd.n; i++) crowd.x[i * 6 + 1] += crowd.x[i * 6];
        static uint16_t label[4000];
        for (size_t i = 0; i < crowd.n; i++) label[i] = (uint16_t)(i % k);
        struct strata_arena room;
        cr_assert(strata_arena_init(&room, (size_t)1 << 26));
        const struct strata_labelled rows = {
            .sample = {crowd.n, 6, crowd.x}, .label = label, .k = k, .unit = 0x1p-16};
        struct strata_directions found;
        cr_assert(strata_discriminant_find(&rows, 0.0, &room, &found));
        cr_assert_eq(found.n, 2);
        double sum[4][2] = {{0}}, product[3] = {0};
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < crowd.n; i++) {
                double at[2] = {0};
                for (size_t j = 0; j < 6; j++)
                    for (int a = 0; a < 2; a++)
                        at[a] += found.direction[(size_t)a * 6 + j] *
                                 ((double)crowd.x[i * 6 + j] * 0x1p-16 - found.mean[j]);
                double *mean = sum[i % k];
                const double share = (double)k / (double)crowd.n;
                for (int a = 0; pass == 0 && a < 2; a++) mean[a] += at[a] * share;
                if (pass == 0) continue;
                product[0] += (at[0] - mean[0]) * (at[0] - mean[0]);
                product[1] += (at[1] - mean[1]) * (at[1] - mean[1]);
                product[2] += (at[0] - mean[0]) * (at[1] - mean[1]);
            }
        cr_assert_float_eq(product[0] / 4000, 1.0, 1e-6, "k = %zu", k);
        cr_assert_float_eq(product[1] / 4000, 1.0, 1e-6, "k = %zu", k);
        cr_assert_float_eq(product[2] / 4000, 0.0, 1e-6, "k = %zu", k);
        cr_assert_eq(found.discriminant[1], k > 2);
        strata_arena_finish(&room);
        crowd_free(&crowd);
    }
}
