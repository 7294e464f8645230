/* SQL is built piece by piece in a buffer of stated room; overflow is seen once, at the end. */
#include <stdarg.h>
#include <stdio.h>

#include "ingest_impl.h"

struct ingest_text ingest_text_begin(struct strata_arena *keep, size_t room)
{
    struct ingest_text text = {.bytes = STRATA_NEW(keep, char, room), .room = room};
    text.full = text.bytes == NULL;
    return text;
}

void ingest_text_add(struct ingest_text *text, const char *format, ...)
{
    if (text->full) return;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text->bytes + text->n, text->room - text->n, format, arguments);
    va_end(arguments);
    text->full = n < 0 || (size_t)n >= text->room - text->n;
    if (!text->full) text->n += (size_t)n;
}
