/* Feeds every file of the named files and folders, and one empty input, to a fuzz target.
 * Stands in for libFuzzer's main where libFuzzer is not, so that every build replays the corpus. */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs_run;

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
    free(data);
    (void)fclose(file);
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
    for (int i = 1; i < argc; i++) replay(argv[i]);
    printf("%zu inputs replayed\n", inputs_run + 1);
    return EXIT_SUCCESS;
}
