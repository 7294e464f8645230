/* Images are known by their bytes, and nothing else is taken for one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strata/file.h"
#include "strata/picture.h"

static const char *type_of(const char *bytes, size_t n_bytes)
{
    return strata_picture_type((const unsigned char *)bytes, n_bytes);
}

#define TYPE(text) type_of((text), sizeof(text) - 1)

Test(picture, the_three_kinds_are_known_by_their_first_bytes)
{
    cr_assert_str_eq(TYPE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
    cr_assert_str_eq(TYPE("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg");
    static const char *const svg[] = {
        "<svg/>",
        "<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        "\xef\xbb\xbf<svg>",
        " \n<?xml version=\"1.0\"?>\n<!-- a > b -->\n<!DOCTYPE svg PUBLIC \"x\" \"y\">\n<svg\n>",
    };
    for (size_t i = 0; i < sizeof svg / sizeof svg[0]; i++)
        cr_assert_str_eq(type_of(svg[i], strlen(svg[i])), "image/svg+xml", "%s", svg[i]);
}

Test(picture, nothing_else_is_taken)
{
    static const char *const others[] = {"",
                                         "<",
                                         "<svgs>",
                                         "<html><svg/></html>",
                                         "<!-- <svg>",
                                         "<?xml <svg>",
                                         "GIF89a..",
                                         "\x89PNG\n",
                                         "BM",
                                         "text <svg>",
                                         "\xff\xd8",
                                         "<svg",
                                         "<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_null(type_of(others[i], strlen(others[i])), "%s", others[i]);
    cr_assert_null(TYPE("<svg>\0</svg>"));
}

Test(picture, a_file_is_read_whole_and_a_large_one_is_refused)
{
    struct strata_arena keep;
    struct strata_err err = {0};
    struct strata_picture picture = {0};
    char path[] = "/tmp/strata-picture-XXXXXX";
    const int file = mkstemp(path);
    cr_assert(file >= 0 && close(file) == 0);
    cr_assert(strata_arena_init(&keep, (size_t)1 << 24));
    cr_assert_eq(strata_file_write(path, "<svg/>", 6, false, &err), STRATA_OK);
    cr_assert_eq(strata_picture_read(path, &keep, &picture, &err), STRATA_OK);
    cr_assert_eq(picture.n_bytes, 6);
    cr_assert_eq(memcmp(picture.bytes, "<svg/>", 6), 0);
    char *large = STRATA_NEW(&keep, char, STRATA_PICTURE_BYTES_MAX + 1);
    memset(large, ' ', STRATA_PICTURE_BYTES_MAX + 1);
    memcpy(large, "<svg>", 5);
    cr_assert_eq(strata_file_write(path, large, STRATA_PICTURE_BYTES_MAX, false, &err), STRATA_OK);
    cr_assert_eq(strata_picture_read(path, &keep, &picture, &err), STRATA_OK);
    cr_assert_eq(strata_file_write(path, large, STRATA_PICTURE_BYTES_MAX + 1, false, &err),
                 STRATA_OK);
    cr_assert_eq(strata_picture_read(path, &keep, &picture, &err), STRATA_E_DATA);
    cr_assert_not_null(strstr(err.text, "262144"), "%s", err.text);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(strata_picture_read(path, &keep, &picture, &err), STRATA_E_NO_INPUT);
    strata_arena_finish(&keep);
}
