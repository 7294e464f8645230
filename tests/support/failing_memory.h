/* Memory that ends: while a test is armed, the Nth request of this thread is refused, be it of an arena or by malloc.
 * malloc's are those of our code, the C library and the small libraries beneath it; those of DuckDB and of the C++
 * runtime are left alone, as theirs are not ours to survive.  Pieces that are taken while armed and not given back are
 * counted.  Under a sanitizer, which has a malloc of its own that finds leaks, only arenas are refused.
 * To be included by one file of a program that is linked with the twins of the libraries (strata/fault.h). */
#ifndef STRATA_TESTS_FAILING_MEMORY_H
#define STRATA_TESTS_FAILING_MEMORY_H

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strata/fault.h"

#ifdef __has_feature /* clang's word for what gcc has a macro for */
#    define MEMORY_IS_SANITIZED \
        (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define MEMORY_IS_SANITIZED 1
#else
#    define MEMORY_IS_SANITIZED 0
#endif
#if MEMORY_IS_SANITIZED
#    define FAILING_MALLOC 0
#else
#    define FAILING_MALLOC 1
#endif

enum memory_kind { MEMORY_ARENA, MEMORY_MALLOC };

enum { RANGES_MAX = 64, LIVE_MAX = 1 << 14 };

static struct {
    struct {
        uintptr_t start, end;
    } range[RANGES_MAX]; /* code whose requests may be refused */
    size_t n_ranges;
    size_t fail_at, n_asked; /* 0: none is refused, all are counted */
    bool hit;
    void *live[LIVE_MAX];
    size_t n_live;
} memory_failing;

static _Thread_local bool memory_is_armed;

#if FAILING_MALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *piece, size_t n);
void __libc_free(void *piece);

static bool may_refuse(const void *caller)
{
    for (size_t i = 0; i < memory_failing.n_ranges; i++)
        if ((uintptr_t)caller >= memory_failing.range[i].start &&
            (uintptr_t)caller < memory_failing.range[i].end)
            return true;
    return false;
}

static bool is_refused(void)
{
    if (++memory_failing.n_asked != memory_failing.fail_at) return false;
    memory_failing.hit = true;
    errno = ENOMEM;
    return true;
}

static void *note_live(void *piece)
{
    if (piece && memory_failing.n_live == LIVE_MAX) abort();
    if (piece) memory_failing.live[memory_failing.n_live++] = piece;
    return piece;
}

static void forget_live(const void *piece)
{
    for (size_t i = memory_failing.n_live; i-- > 0;) {
        if (memory_failing.live[i] != piece) continue;
        memory_failing.live[i] = memory_failing.live[--memory_failing.n_live];
        return;
    }
}

void *malloc(size_t n)
{
    if (!memory_is_armed || !may_refuse(__builtin_return_address(0))) return __libc_malloc(n);
    return is_refused() ? NULL : note_live(__libc_malloc(n));
}

void *calloc(size_t count, size_t n)
{
    if (!memory_is_armed || !may_refuse(__builtin_return_address(0)))
        return __libc_calloc(count, n);
    return is_refused() ? NULL : note_live(__libc_calloc(count, n));
}

void *realloc(void *piece, size_t n)
{
    if (!memory_is_armed || !may_refuse(__builtin_return_address(0)))
        return __libc_realloc(piece, n);
    if (is_refused()) return NULL;
    forget_live(piece);
    return note_live(__libc_realloc(piece, n));
}

void free(void *piece)
{
    if (memory_is_armed && piece) forget_live(piece);
    __libc_free(piece);
}

static int take_ranges(struct dl_phdr_info *object, size_t n_bytes, void *context)
{
    static const char *const fit[] = {"libprotobuf-c", "libyaml", "libjansson",
                                      "libsodium",     "/libc.",  "libxxhash"};
    (void)n_bytes, (void)context;
    bool fits = object->dlpi_name[0] == '\0'; /* the program */
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        fits |= strstr(object->dlpi_name, fit[i]) != NULL;
    for (size_t i = 0; fits && i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_LOAD || !(object->dlpi_phdr[i].p_flags & PF_X))
            continue;
        if (memory_failing.n_ranges == RANGES_MAX) abort();
        const uintptr_t start = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        memory_failing.range[memory_failing.n_ranges].start = start;
        memory_failing.range[memory_failing.n_ranges++].end = start + object->dlpi_phdr[i].p_memsz;
    }
    return 0;
}
#endif

/* From now on the nth request of this kind is refused; 0: none. */
static inline void memory_arm(enum memory_kind kind, size_t nth)
{
    char fault[64] = "";
    if (kind == MEMORY_ARENA && nth)
        (void)snprintf(fault, sizeof fault, "fail@memory.take,count=%zu", nth);
    if (!strata_fault_arm(fault)) abort();
#if FAILING_MALLOC
    if (!memory_failing.n_ranges) (void)dl_iterate_phdr(take_ranges, NULL);
#endif
    memory_failing.fail_at = kind == MEMORY_MALLOC ? nth : 0;
    memory_failing.n_asked = 0;
    memory_failing.n_live = 0;
    memory_failing.hit = false;
    memory_is_armed = true;
}

/* Whether a request was refused since. */
static inline bool memory_disarm(void)
{
    memory_is_armed = false;
    const bool refused = memory_failing.hit || strata_fault_happened() > 0;
    return strata_fault_arm("") && refused;
}

#endif
