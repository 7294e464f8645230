/* An image that the user gives a segment: SVG, PNG or JPEG, told by its first bytes, to be shown as a picture only,
 * where it can neither run nor load anything. */
#ifndef STRATA_PICTURE_H
#define STRATA_PICTURE_H

#include <stddef.h>

#include "strata/arena.h"
#include "strata/status.h"

#define STRATA_PICTURE_BYTES_MAX ((size_t)256 << 10)

struct strata_picture {
    const char *segment; /* by the name that it has, or would have without the user's; borrowed */
    const unsigned char *bytes; /* (n_bytes) the file as it is */
    size_t n_bytes;
    const char *media_type; /* "image/svg+xml", "image/png", "image/jpeg" */
};

/* What the bytes, behind which there is a NUL, are an image of; NULL when of none of the three.  An SVG is a text whose
 * first element is svg, with no entities of its own.  Pure. */
const char *strata_picture_type(const unsigned char *bytes, size_t n_bytes);

/* Read an image file into keep.  Not collective.  STRATA_E_NO_INPUT when it is not there, STRATA_E_DATA when it is too
 * large or no image of the three kinds. */
STRATA_MUST_CHECK strata_status strata_picture_read(const char *path, struct strata_arena *keep,
                                                    struct strata_picture *out,
                                                    struct strata_err *err);

#endif
