#include "strata/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

bool strata_arena_init(struct strata_arena *arena, size_t capacity_bytes)
{
    void *start = mmap(NULL, capacity_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        *arena = (struct strata_arena){0};
        return false;
    }
    *arena = (struct strata_arena){
        .start = start, .next = start, .end = (unsigned char *)start + capacity_bytes};
    return true;
}

void strata_arena_finish(struct strata_arena *arena)
{
    if (arena->start)
        (void)munmap(arena->start,
                     (size_t)(arena->end - arena->start)); /* cannot fail on our own range */
    *arena = (struct strata_arena){0};
}

void strata_arena_reset(struct strata_arena *arena)
{
    if (arena->start)
        (void)madvise(arena->start, (size_t)(arena->end - arena->start), MADV_DONTNEED);
    arena->next = arena->start;
}

void *strata_arena_take(struct strata_arena *arena, size_t size, size_t alignment, size_t count)
{
    if (size == 0 || count > SIZE_MAX / size) return NULL;
    const size_t n_bytes = size * count;
    if (n_bytes >= 4096 && alignment < 64) alignment = 64;
    const size_t padding = (size_t)(-(uintptr_t)arena->next & (alignment - 1));
    const size_t room = (size_t)(arena->end - arena->next);
    if (padding > room || n_bytes > room - padding) return NULL;
    unsigned char *piece = arena->next + padding;
    arena->next = piece + n_bytes;
    memset(piece, 0, n_bytes); /* a scratch copy of this arena may have used the range before */
    return piece;
}

char *strata_arena_copy(struct strata_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX) return NULL;
    char *copy = STRATA_NEW(arena, char, length + 1);
    if (copy && length) memcpy(copy, text, length);
    return copy;
}

char *strata_arena_print(struct strata_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return NULL;
    char *text = STRATA_NEW(arena, char, (size_t)length + 1);
    if (!text) return NULL;
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t strata_arena_used(const struct strata_arena *arena)
{
    return (size_t)(arena->next - arena->start);
}
