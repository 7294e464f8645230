/* The ingest over MPI: the customers of any number of ranks are those of one, in value and in
 * order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/ingest_impl.h"
#include "strata/file.h"
#include "strata/hash.h"

enum { ROWS = 3000, CUSTOMERS = 211 };

static const char job[] =
    "job: mpi\n"
    "sources:\n"
    "  - {name: sales, files: sales-*.csv, key: customer, columns: {amount: double, n: integer}}\n"
    "customers: select customer, sum(amount) as spend, sum(n) as n, max(note) as note from sales group by customer\n"
    "features: [{name: spend, type: numeric}, {name: n, type: count}, {name: note, type: nominal}]\n";

static int64_t failures;

static void expect(bool condition, const char *what)
{
    if (condition) return;
    (void)fprintf(stderr, "ingest over MPI: %s\n", what);
    failures++;
}

static void write_file(const char *folder, int part)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/sales-%d.csv", folder, part);
    FILE *file = fopen(path, "w");
    if (!file) abort();
    (void)fprintf(file, "customer,amount,n,note\n");
    for (int i = part; i < ROWS; i += 3)
        (void)fprintf(file, "c%d,%.17g,%d,\"a \"\"note\"\"\n%d\"\n", i * 7 % CUSTOMERS,
                      (i % 3 ? 1e-7 : 1e9) * i / 3.0, i, i * 7 % CUSTOMERS % 5);
    if (fclose(file) != 0) abort();
}

/* The sum of a customer's integers, and how many customers there are. */
static void check_table(const struct strata_table *table)
{
    expect(table->n_rows_global == CUSTOMERS, "number of customers");
    for (size_t row = 0; row < table->n_rows; row++) {
        double n = 0;
        for (int i = 0; i < ROWS; i++)
            if (i * 7 % CUSTOMERS == (int)strtol(table->key[row] + 1, NULL, 10)) n += i;
        expect(table->column[1].number[row] == n, "sum of a customer's integers");
    }
    expect(table->column[2].n_levels == 5, "levels");
}

/* A hash of all rows in order of rank: the same for any number of ranks. */
static uint64_t digest(struct strata_comm *comm, const struct strata_table *table,
                       struct strata_arena *arena)
{
    struct strata_err err = {0};
    unsigned char *all = NULL;
    uint64_t *offset = NULL;
    struct ingest_text text = ingest_text_begin(arena, 1 << 20);
    for (size_t row = 0; row < table->n_rows; row++)
        ingest_text_add(&text, "%s %a %a %u\n", table->key[row], table->column[0].number[row],
                        table->column[1].number[row], table->column[2].code[row]);
    if (strata_comm_gather_blobs(comm, text.bytes, text.n, arena, &all, &offset, &err) != STRATA_OK)
        abort();
    return strata_hash(all, offset[comm->size]);
}

/* The same on this rank alone. */
static uint64_t digest_alone(const struct strata_config *config, const char *folder,
                             struct strata_arena *arena)
{
    struct strata_err err = {0};
    struct strata_comm alone = strata_comm_single();
    struct strata_problems *problems = STRATA_NEW(arena, struct strata_problems, 1);
    struct strata_ingest_plan *plan = NULL;
    struct strata_table *table = NULL;
    struct strata_quality quality = {0};
    expect(strata_ingest_plan(config, 1, arena, &plan, problems, &err) == STRATA_OK &&
               problems->total == 0,
           "plan alone");
    expect(strata_ingest(&alone, config, plan, folder, NULL, arena, &table, &quality, &err) ==
               STRATA_OK,
           err.text);
    return table ? digest(&alone, table, arena) : 0;
}

static void run(struct strata_comm *comm, const char *folder, struct strata_arena *arena)
{
    struct strata_err err = {0};
    struct strata_config *config = NULL;
    struct strata_ingest_plan *plan = NULL;
    struct strata_table *table = NULL;
    struct strata_quality quality = {0};
    struct strata_problems *problems = STRATA_NEW(arena, struct strata_problems, 1);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/job.yaml", folder);
    strata_status rc =
        strata_config_parse(job, sizeof job - 1, path, NULL, 0, arena, &config, problems, &err);
    const struct ingest_limits small = {.unit_bytes = 5000, .round_bytes = 20000};
    if (rc == STRATA_OK && comm->rank == 0)
        rc = ingest_plan_with(config, comm->size, small, arena, &plan, problems, &err);
    if (rc == STRATA_OK) rc = strata_problems_status(problems, &err);
    rc = strata_comm_agree(comm, rc, &err);
    if (rc == STRATA_OK)
        rc = strata_ingest(comm, config, plan, folder, NULL, arena, &table, &quality, &err);
    expect(rc == STRATA_OK, err.text);
    if (rc != STRATA_OK) return;
    check_table(table);
    expect(quality.source[0].rows == ROWS, "rows read");
    uint64_t mine = digest(comm, table, arena);
    if (comm->rank == 0)
        expect(mine == digest_alone(config, folder, arena), "one rank sees other customers");
}

int main(int argc, char **argv)
{
    struct strata_comm world;
    struct strata_err err = {0};
    struct strata_arena arena;
    char folder[64] = "/tmp/strata-mpi-ingest-XXXXXX";
    if (strata_comm_mpi_init(&world, &argc, &argv, &err) != STRATA_OK) return 1;
    if (!strata_arena_init(&arena, (size_t)1 << 32)) abort();
    if (world.rank == 0 && !mkdtemp(folder)) abort();
    for (int part = 0; world.rank == 0 && part < 3; part++) write_file(folder, part);
    strata_comm_broadcast(&world, folder, sizeof folder, 0);
    run(&world, folder, &arena);
    strata_comm_barrier(&world);
    if (world.rank == 0)
        expect(strata_directory_remove(folder, &err) == STRATA_OK, "the folder stays");
    strata_comm_sum(&world, &failures, 1);
    strata_comm_mpi_finish(&world);
    return failures != 0;
}
