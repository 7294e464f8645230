/* Which instruction sets this processor has, and which one is in force. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "math/nearest/centres.h"

static const char *const word[] = {"scalar", "neon", "avx2", "avx512", "amx"};

const char *strata_isa_word(enum strata_isa isa)
{
    return word[isa];
}

#if defined(__x86_64__)
static const struct strata_kernels *const kernels[] = {
    [STRATA_ISA_SCALAR] = &strata_kernels_scalar, [STRATA_ISA_NEON] = NULL,
    [STRATA_ISA_AVX2] = &strata_kernels_avx2,     [STRATA_ISA_AVX512] = &strata_kernels_avx512,
    [STRATA_ISA_AMX] = &strata_kernels_amx,
};

bool strata_isa_available(enum strata_isa isa)
{
    switch (isa) {
    case STRATA_ISA_SCALAR:
        return true;
    case STRATA_ISA_NEON:
        return false;
    case STRATA_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case STRATA_ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
    case STRATA_ISA_AMX:
        return strata_isa_available(STRATA_ISA_AVX512) && strata_amx_available();
    case STRATA_ISA_COUNT:
        break;
    }
    return false;
}
#else
static const struct strata_kernels *const kernels[] = {
    [STRATA_ISA_SCALAR] = &strata_kernels_scalar,
#    if defined(__aarch64__)
    [STRATA_ISA_NEON] = &strata_kernels_neon,
#    endif
    [STRATA_ISA_COUNT - 1] = NULL,
};

bool strata_isa_available(enum strata_isa isa)
{
    return kernels[isa] != NULL;
}
#endif

const struct strata_kernels *strata_kernels_of(enum strata_isa isa)
{
    return kernels[isa] && strata_isa_available(isa) ? kernels[isa] : &strata_kernels_scalar;
}

static enum strata_isa in_force;

static void choose(void)
{
    const char *wish = getenv("STRATA_ISA");
    for (int isa = STRATA_ISA_SCALAR; isa < STRATA_ISA_COUNT; isa++) {
        if (!strata_isa_available((enum strata_isa)isa)) continue;
        const bool is_wished = wish && strcmp(wish, word[isa]) == 0;
        in_force = (enum strata_isa)isa;
        if (is_wished) return;
    }
}

enum strata_isa strata_isa(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, choose);
    return in_force;
}
