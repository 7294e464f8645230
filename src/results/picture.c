/* Images of the user's own: what they are is told by their bytes, never by their names. */
#include "strata/picture.h"

#include <string.h>

#include "strata/file.h"

static bool begins(const unsigned char *bytes, size_t n_bytes, const char *with, size_t n)
{
    return n_bytes >= n && memcmp(bytes, with, n) == 0;
}

/* Past `open ... close` when the text begins with open; NULL when it is never closed. */
static const char *skip(const char *text, const char *open, const char *close)
{
    if (strncmp(text, open, strlen(open)) != 0) return text;
    const char *end = strstr(text + strlen(open), close);
    return end ? end + strlen(close) : NULL;
}

/* The first element of XML: behind white space, declarations, comments and a document type. */
static const char *first_element(const char *text)
{
    static const char *const blocks[][2] = {{"<?", "?>"}, {"<!--", "-->"}, {"<!DOCTYPE", ">"}};
    for (const char *before = NULL; text && text != before;) {
        before = text;
        text += strspn(text, " \t\r\n");
        for (size_t i = 0; text && i < sizeof blocks / sizeof blocks[0]; i++)
            text = skip(text, blocks[i][0], blocks[i][1]);
    }
    return text;
}

/* The text ends with a NUL that is not part of it. */
static bool is_svg(const char *text, size_t n_bytes)
{
    static const char element[] = "<svg";
    if (strlen(text) != n_bytes) return false;
    if (begins((const unsigned char *)text, n_bytes, "\xef\xbb\xbf", 3)) text += 3;
    const char *first = first_element(text);
    const size_t n = sizeof element - 1;
    return first && strncmp(first, element, n) == 0 && first[n] && strchr(" \t\r\n/>", first[n]);
}

const char *strata_picture_type(const unsigned char *bytes, size_t n_bytes)
{
    if (begins(bytes, n_bytes, "\x89PNG\r\n\x1a\n", 8)) return "image/png";
    if (begins(bytes, n_bytes, "\xff\xd8\xff", 3)) return "image/jpeg";
    return is_svg((const char *)bytes, n_bytes) ? "image/svg+xml" : NULL;
}

strata_status strata_picture_read(const char *path, struct strata_arena *keep,
                                  struct strata_picture *out, struct strata_err *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    STRATA_TRY(strata_file_read(path, STRATA_PICTURE_BYTES_MAX, keep, &bytes, &n_bytes, err));
    const char *type = strata_picture_type((const unsigned char *)bytes, n_bytes);
    if (!type)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s: is no SVG, PNG or JPEG image; give one of these", path);
    *out = (struct strata_picture){
        .bytes = (const unsigned char *)bytes, .n_bytes = n_bytes, .media_type = type};
    return STRATA_OK;
}
