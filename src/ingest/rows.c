#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct strata_duck_column *field)
{
    return field->type == STRATA_DUCK_TEXT || field->type == STRATA_DUCK_BLOB;
}

size_t rows_size(const struct row_layout *layout, const struct strata_duck_cursor *cursor,
                 size_t first, size_t row)
{
    size_t n = sizeof(uint32_t) + (layout->n_fields + 7) / 8;
    for (size_t i = 0; i < layout->n_fields; i++) {
        if (!strata_duck_is_valid(cursor, first + i, row)) continue;
        if (i == layout->key && layout->key_integer) {
            n += sizeof(int64_t);
        } else if (is_text(&layout->field[i])) {
            size_t length = 0;
            (void)strata_duck_text(cursor, first + i, row, &length); /* only its length counts here */
            n += sizeof(uint32_t) + length;
        } else {
            n += layout->field[i].width_bytes;
        }
    }
    return n;
}

/* -0 becomes 0 and every NaN the same one, so that equal values have equal bytes. */
static void put_double(unsigned char *to, double value)
{
    const double canonical = isnan(value) ? (double)NAN : value + 0.0;
    memcpy(to, &canonical, sizeof canonical);
}

static void put_float(unsigned char *to, float value)
{
    const float canonical = isnan(value) ? (float)NAN : value + 0.0F;
    memcpy(to, &canonical, sizeof canonical);
}

static unsigned char *put_value(unsigned char *to, const struct strata_duck_column *field,
                                const struct strata_duck_cursor *cursor, size_t column, size_t row)
{
    const unsigned char *values = strata_duck_values(cursor, column);
    const size_t width = field->width_bytes;
    if (is_text(field)) {
        size_t length = 0;
        const char *text = strata_duck_text(cursor, column, row, &length);
        const uint32_t n = (uint32_t)length;
        memcpy(to, &n, sizeof n);
        if (n > 0) memcpy(to + sizeof n, text, n);
        return to + sizeof n + n;
    }
    if (field->type == STRATA_DUCK_DOUBLE)
        put_double(to, ((const double *)(const void *)values)[row]);
    else if (field->type == STRATA_DUCK_FLOAT)
        put_float(to, ((const float *)(const void *)values)[row]);
    else
        memcpy(to, values + row * width, width);
    return to + width;
}

static unsigned char *put_integer_key(unsigned char *to, const struct strata_duck_cursor *cursor,
                                      size_t column, size_t row)
{
    char digits[32] = {0}; /* canonical text of a BIGINT: at most 20 characters */
    size_t length = 0;
    const char *text = strata_duck_text(cursor, column, row, &length);
    memcpy(digits, text, length < sizeof digits ? length : sizeof digits - 1);
    const int64_t key = strtoll(digits, NULL, 10);
    memcpy(to, &key, sizeof key);
    return to + sizeof key;
}

void rows_put(const struct row_layout *layout, const struct strata_duck_cursor *cursor,
              size_t first, size_t row, struct row_buckets *buckets, size_t bucket)
{
    unsigned char *start = buckets->bytes + bucket * buckets->capacity + buckets->used[bucket];
    unsigned char *null = start + sizeof(uint32_t);
    unsigned char *to = null + (layout->n_fields + 7) / 8;
    memset(null, 0, (layout->n_fields + 7) / 8);
    for (size_t i = 0; i < layout->n_fields; i++) {
        if (!strata_duck_is_valid(cursor, first + i, row))
            null[i / 8] |= (unsigned char)(1u << (i % 8));
        else if (i == layout->key && layout->key_integer)
            to = put_integer_key(to, cursor, first + i, row);
        else
            to = put_value(to, &layout->field[i], cursor, first + i, row);
    }
    const uint32_t n = (uint32_t)(to - start);
    memcpy(start, &n, sizeof n);
    buckets->used[bucket] += n;
}

void rows_pack(struct row_buckets *buckets, uint64_t *n_bytes)
{
    uint64_t at = 0;
    for (size_t i = 0; i < buckets->n_buckets; i++) {
        n_bytes[i] = buckets->used[i];
        if (at != i * buckets->capacity && n_bytes[i] > 0)
            memmove(buckets->bytes + at, buckets->bytes + i * buckets->capacity, n_bytes[i]);
        at += n_bytes[i];
        buckets->used[i] = 0;
    }
}

static const unsigned char *append_value(const struct strata_duck_column *field, size_t column,
                                         const unsigned char *at,
                                         struct strata_duck_appender *appender)
{
    uint32_t n = (uint32_t)field->width_bytes;
    if (is_text(field)) {
        memcpy(&n, at, sizeof n);
        at += sizeof n;
    }
    strata_duck_append_value(appender, column, at, n);
    return at + n;
}

strata_status rows_append(const struct row_layout *layout, const unsigned char *bytes,
                          uint64_t n_bytes, struct strata_duck_appender *appender,
                          struct strata_err *err)
{
    const unsigned char *end = bytes + n_bytes;
    while (bytes < end) {
        uint32_t n = 0;
        memcpy(&n, bytes, sizeof n);
        const unsigned char *null = bytes + sizeof n;
        const unsigned char *at = null + (layout->n_fields + 7) / 8;
        for (size_t i = 0; i < layout->n_fields; i++) {
            if (((unsigned)null[i / 8] >> (i % 8) & 1u) != 0)
                strata_duck_append_value(appender, i, NULL, 0);
            else
                at = append_value(&layout->field[i], i, at, appender);
        }
        STRATA_REQUIRE(at == bytes + n);
        STRATA_TRY(strata_duck_append_row_end(appender, err));
        bytes = at;
    }
    return STRATA_OK;
}
