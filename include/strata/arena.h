/* Memory with a written lifetime: an arena is one reserved range of addresses from which pieces are taken in
 * order and given back all at once.  `struct strata_arena *keep` in a signature means that the result outlives
 * the call; `struct strata_arena scratch`, by value, means that nothing does. */
#ifndef STRATA_ARENA_H
#define STRATA_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct strata_arena {
    unsigned char *start; /* first byte of the reservation */
    unsigned char *next;  /* first free byte */
    unsigned char *end;   /* one past the last byte */
    unsigned char **touched; /* one past the last byte ever handed out, by any copy of this arena; NULL:
                                not known, all of it */
};

/* Reserve capacity_bytes of addresses; pages cost memory only once touched.  False when the system refuses. */
__attribute__((warn_unused_result)) bool strata_arena_init(struct strata_arena *arena,
                                                           size_t capacity_bytes);

/* Give everything back to the system.  Accepts a zeroed arena. */
void strata_arena_finish(struct strata_arena *arena);

/* Forget all pieces; keep the reservation, release its pages. */
void strata_arena_reset(struct strata_arena *arena);

/* Zeroed room for count pieces of size bytes, aligned to 64 bytes when large; NULL when there is no room or the
 * product overflows.  Not thread-safe.  Pages never handed out before are zero already and are left alone, so the
 * thread that writes first decides on which memory of the host they lie; large pieces ask for huge pages. */
void *strata_arena_take(struct strata_arena *arena, size_t size, size_t alignment, size_t count);
#define STRATA_NEW(arena, type, count) \
    ((type *)strata_arena_take((arena), sizeof(type), _Alignof(type), (count)))

/* NUL-terminated text in the arena; NULL when there is no room. */
char *strata_arena_copy(struct strata_arena *arena, const char *text, size_t length);
char *strata_arena_print(struct strata_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

size_t strata_arena_used(const struct strata_arena *arena);

#endif
