/* Feeds every file of the named files and folders, and one empty input, to a fuzz target.
 *     fuzz_NAME [--mutate N] [--seed S] PATH...
 * Then N inputs that a target's own mutator makes of them, the same for the same seed.
 * Stands in for libFuzzer's main where libFuzzer is not, so that every build replays the corpus. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "strata/clock.h"

#include "wire_mutate.h"

#define INPUTS_MAX 4096
#define INPUT_BYTES_MAX ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have these. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
    __attribute__((weak));
void strata_fuzz_tell(void) __attribute__((weak));

static struct {
    uint8_t *data;
    size_t size;
} input[INPUTS_MAX]; /* that are small enough to be changed */
static size_t n_inputs, inputs_run;

static void die(const char *path)
{
    (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size + 1);
    if (!file || !data) die(path);
    if (fread(data, 1, size, file) != size) die(path);
    (void)LLVMFuzzerTestOneInput(data, size);
    inputs_run++;
    (void)fclose(file);
    if (n_inputs < INPUTS_MAX && size > 0 && size <= INPUT_BYTES_MAX / 2) {
        input[n_inputs].data = data;
        input[n_inputs++].size = size;
        return;
    }
    free(data);
}

/* One input and maybe what follows the first byte of another, changed; in memory of its own size. */
static void run_mutated(struct wire_random *random, uint8_t *room)
{
    const size_t which = wire_below(random, n_inputs), other = wire_below(random, n_inputs);
    size_t size = input[which].size;
    memcpy(room, input[which].data, size);
    if (wire_below(random, 8) == 0) {
        memcpy(room + size, input[other].data + 1, input[other].size - 1);
        size += input[other].size - 1;
    }
    size = LLVMFuzzerCustomMutator(room, size, INPUT_BYTES_MAX, (unsigned)wire_draw(random));
    uint8_t *data = malloc(size ? size : 1);
    if (!data) die("memory");
    memcpy(data, room, size);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static void mutate(size_t n, uint64_t seed)
{
    static uint8_t room[INPUT_BYTES_MAX];
    struct wire_random random = {seed};
    const double begin_s = strata_clock_s();
    if (!LLVMFuzzerCustomMutator || n_inputs == 0) {
        (void)fprintf(stderr, "--mutate: the target has no mutator, or there are no inputs\n");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < n; i++) run_mutated(&random, room);
    const double took_s = strata_clock_s() - begin_s;
    printf("%zu mutated inputs in %.1f s, %.0f a second\n", n, took_s, (double)n / took_s);
    if (strata_fuzz_tell) strata_fuzz_tell();
}

static void replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) die(path);
    if (!S_ISDIR(info.st_mode)) {
        replay_file(path, (size_t)info.st_size);
        return;
    }
    struct dirent **entry = NULL;
    const int n = scandir(path, &entry, NULL, alphasort);
    if (n < 0) die(path);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        const int length = snprintf(inner, sizeof inner, "%s/%s", path, entry[i]->d_name);
        if (length < 0 || (size_t)length >= sizeof inner) die(path);
        if (entry[i]->d_name[0] != '.') replay(inner);
        free(entry[i]);
    }
    free(entry);
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    size_t n_mutated = 0;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            n_mutated = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            replay(argv[i]);
    }
    printf("%zu inputs replayed\n", inputs_run + 1);
    if (n_mutated) mutate(n_mutated, seed);
    while (n_inputs > 0) free(input[--n_inputs].data);
    return EXIT_SUCCESS;
}
