#include "strata/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "strata/fault.h"

#define PAGE_BYTES ((size_t)4096) /* in front of the reservation: where its copies share a mark */
#define HUGE_BYTES ((size_t)2 << 20)   /* of a huge page */
#define LARGE_BYTES ((size_t)16 << 20) /* pieces from here on ask for huge pages */
#define GIVE_BYTES ((size_t)4 << 20)   /* used ranges from here on are given back, not zeroed */

bool strata_arena_init(struct strata_arena *arena, size_t capacity_bytes)
{
    *arena = (struct strata_arena){0};
    if (capacity_bytes > SIZE_MAX - PAGE_BYTES) return false;
    unsigned char *base = mmap(NULL, PAGE_BYTES + capacity_bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return false;
    unsigned char *start = base + PAGE_BYTES;
    *arena = (struct strata_arena){.start = start,
                                   .next = start,
                                   .end = start + capacity_bytes,
                                   .touched = (unsigned char **)(void *)base};
    *arena->touched = start;
    return true;
}

void strata_arena_finish(struct strata_arena *arena)
{
    if (arena->touched) /* unmapping our own range cannot fail */
        (void)munmap((void *)arena->touched, PAGE_BYTES + (size_t)(arena->end - arena->start));
    *arena = (struct strata_arena){0};
}

void strata_arena_reset(struct strata_arena *arena)
{
    if (arena->touched) {
        (void)madvise(arena->start, (size_t)(*arena->touched - arena->start), MADV_DONTNEED);
        *arena->touched = arena->start;
    }
    arena->next = arena->start;
}

/* The whole blocks of [from, end): pages or huge pages; n_bytes is 0 when there is none. */
struct range {
    unsigned char *start;
    size_t n_bytes;
};
static struct range whole_blocks(unsigned char *from, unsigned char *end, size_t block)
{
    const size_t head = (size_t)(-(uintptr_t)from & (block - 1)), room = (size_t)(end - from);
    if (head >= room) return (struct range){from, 0};
    return (struct range){from + head, (room - head) & ~(block - 1)};
}

/* Used memory reads as zero again: a little is overwritten, much is given back to the system. */
static void clear(unsigned char *from, unsigned char *end)
{
    const struct range pages = whole_blocks(from, end, PAGE_BYTES);
    if (pages.n_bytes < GIVE_BYTES || madvise(pages.start, pages.n_bytes, MADV_DONTNEED) != 0) {
        memset(from, 0, (size_t)(end - from));
        return;
    }
    memset(from, 0, (size_t)(pages.start - from));
    memset(pages.start + pages.n_bytes, 0, (size_t)(end - pages.start) - pages.n_bytes);
}

/* Only what a scratch copy of this arena has used before must be cleared. */
static void zero(const struct strata_arena *arena, unsigned char *piece, unsigned char *end)
{
    unsigned char *used_end = arena->touched && *arena->touched < end ? *arena->touched : end;
    if (piece < used_end) clear(piece, used_end);
    if (arena->touched && *arena->touched < end) *arena->touched = end;
}

void *strata_arena_take(struct strata_arena *arena, size_t size, size_t alignment, size_t count)
{
    if (size == 0 || count > SIZE_MAX / size) return NULL;
    if (STRATA_FAULT_CALL("memory.take")) return NULL;
    const size_t n_bytes = size * count;
    if (n_bytes >= PAGE_BYTES && alignment < 64) alignment = 64;
    const size_t padding = (size_t)(-(uintptr_t)arena->next & (alignment - 1));
    const size_t room = (size_t)(arena->end - arena->next);
    if (padding > room || n_bytes > room - padding) return NULL;
    unsigned char *piece = arena->next + padding;
    arena->next = piece + n_bytes;
    zero(arena, piece, arena->next);
    if (n_bytes >= LARGE_BYTES) {
        const struct range huge = whole_blocks(piece, arena->next, HUGE_BYTES);
        (void)madvise(huge.start, huge.n_bytes, MADV_HUGEPAGE); /* small pages do as well */
    }
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
