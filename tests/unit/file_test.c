#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strata/file.h"

static char directory[64];
static struct strata_arena arena;

static void setup(void)
{
    (void)snprintf(directory, sizeof directory, "file_test.XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert(strata_arena_init(&arena, 1 << 20));
}

static void teardown(void)
{
    struct strata_err err = {0};
    cr_assert_eq(strata_directory_remove(directory, &err), STRATA_OK);
    cr_assert_neq(access(directory, F_OK), 0);
    strata_arena_finish(&arena);
}

TestSuite(file, .init = setup, .fini = teardown);

static size_t entries(void)
{
    size_t n = 0;
    DIR *list = opendir(directory);
    for (struct dirent *entry; (entry = readdir(list));) n += entry->d_name[0] != '.';
    (void)closedir(list);
    return n;
}

Test(file, what_was_written_is_read_and_nothing_else_remains)
{
    struct strata_err err = {0};
    char *path = strata_path_join(directory, "out", &arena), *bytes = NULL;
    size_t n = 0;
    cr_assert_eq(strata_file_write(path, "old", 3, false, &err), STRATA_OK);
    cr_assert_eq(strata_file_write(path, "newer", 5, true, &err), STRATA_OK);
    cr_assert_eq(strata_file_read(path, 100, &arena, &bytes, &n, &err), STRATA_OK);
    cr_assert_eq(n, 5);
    cr_assert_str_eq(bytes, "newer");
    struct stat facts;
    cr_assert_eq(stat(path, &facts), 0);
    cr_assert_eq(facts.st_mode & 0777, 0600);
    cr_assert_eq(entries(), 1);
}

Test(file, a_failed_write_leaves_the_old_file_and_no_temporary)
{
    struct strata_err err = {0};
    char *path = strata_path_join(directory, "out", &arena);
    cr_assert_eq(strata_directory_make(path, &err),
                 STRATA_OK); /* a directory in the way of the rename */
    char *inside = strata_path_join(path, "x", &arena);
    cr_assert_eq(strata_file_write(inside, "x", 1, false, &err), STRATA_OK);
    cr_assert_eq(strata_file_write(path, "new", 3, false, &err), STRATA_E_IO);
    cr_assert_not_null(strstr(err.text, path));
    cr_assert_eq(entries(), 1);
}

Test(file, missing_large_and_odd_files_are_refused_by_name)
{
    struct strata_err err = {0};
    char *bytes = NULL, *path = strata_path_join(directory, "nothing", &arena);
    size_t n = 0;
    cr_assert_eq(strata_file_read(path, 100, &arena, &bytes, &n, &err), STRATA_E_NO_INPUT);
    cr_assert_not_null(strstr(err.text, "nothing"));
    err = (struct strata_err){0};
    cr_assert_eq(strata_file_write(path, "12345", 5, false, &err), STRATA_OK);
    cr_assert_eq(strata_file_read(path, 4, &arena, &bytes, &n, &err), STRATA_E_DATA);
    err = (struct strata_err){0};
    cr_assert_eq(strata_file_read(directory, 100, &arena, &bytes, &n, &err), STRATA_E_NO_INPUT);
}

Test(file, directories_are_made_with_parents_and_a_file_in_the_way_is_named)
{
    struct strata_err err = {0};
    char *deep = strata_path_join(directory, "a/b/c", &arena);
    cr_assert_eq(strata_directory_make(deep, &err), STRATA_OK);
    cr_assert_eq(strata_directory_make(deep, &err), STRATA_OK);
    char *file = strata_path_join(deep, "f", &arena);
    cr_assert_eq(strata_file_write(file, "", 0, false, &err), STRATA_OK);
    cr_assert_eq(strata_directory_make(strata_path_join(file, "g", &arena), &err), STRATA_E_CREATE);
    cr_assert_not_null(strstr(err.text, "not a directory"));
}

Test(file, removing_a_tree_does_not_follow_links)
{
    struct strata_err err = {0};
    char *kept = strata_path_join(directory, "kept", &arena);
    char *tree = strata_path_join(directory, "tree", &arena);
    cr_assert_eq(strata_directory_make(kept, &err), STRATA_OK);
    cr_assert_eq(strata_directory_make(tree, &err), STRATA_OK);
    cr_assert_eq(symlink("../kept", strata_path_join(tree, "link", &arena)), 0);
    cr_assert_eq(strata_directory_remove(tree, &err), STRATA_OK);
    cr_assert_eq(access(kept, F_OK), 0);
}
