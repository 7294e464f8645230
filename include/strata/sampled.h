/* What a sample of the customers shows: a map on which segments lie apart as far as they are apart, and how
 * stable the segments are.  Whatever is told stands for at least STRATA_MIN_CELL customers. */
#ifndef STRATA_SAMPLED_H
#define STRATA_SAMPLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strata/arena.h"
#include "strata/cluster.h"
#include "strata/comm.h"
#include "strata/config.h"
#include "strata/features.h"
#include "strata/status.h"

#define STRATA_SAMPLED_ROWS 4096 /* customers of the sample, at most */
#define STRATA_SAMPLED_SEGMENTS \
    64                        /* the largest segments that are shown; the report shows as many */
#define STRATA_MAP_UNITS 1000 /* of the map, along each axis */
#define STRATA_MAP_LOADINGS 3
#define STRATA_GORGE_BINS 20

/* How one column of the matrix goes with an axis. */
struct strata_map_loading {
    size_t feature;
    int level;          /* as in strata_encoding */
    double correlation; /* of its values and the places on the axis, in the sample */
};

struct strata_map_axis {
    bool discriminant; /* it tells segments apart; else customers inside them */
    double share; /* discriminant: of what tells segments apart on all such axes; else of the variance
                     inside segments */
    const char *name; /* what is higher, and what lower, towards its end */
    struct strata_map_loading loading[STRATA_MAP_LOADINGS]; /* strongest first, each another feature */
    size_t n_loadings;
    double low, high; /* of the map's ends, in standard deviations inside segments from the mean */
};

/* The mean place of ten to nineteen customers of a segment, in units of the map. */
struct strata_map_point {
    uint16_t x, y;
};

struct strata_map_segment {
    size_t segment;
    struct strata_map_point centre;
    struct strata_map_point *point; /* (n) by x, then y */
    size_t n;
};

struct strata_customer_map {
    uint64_t customers; /* of the sample */
    struct strata_map_axis axis[2];
    struct strata_map_segment *segment; /* (n) those with enough customers in the sample, in order */
    size_t n;
    size_t n_left_out; /* segments: too few customers, or beyond the largest */
};

/* How often customers are at once in a segment of one solution and in one of the next larger: in tens,
 * rounded; 0: fewer than ten. */
struct strata_flow {
    size_t n_from, n_to;
    const uint16_t *tens; /* (n_from, n_to) */
};

struct strata_sampled_solution {
    uint32_t k; /* as asked for; the chosen one may have fewer, because empty segments are dropped */
    size_t n;
    bool chosen;
    double *slsa; /* (n) segment level stability: 1 = all from one segment of the next smaller solution, 0 =
                       from all of them alike; NaN for the smallest */
    double *onward; /* (n) the same of where its customers go in the next larger solution */
};

struct strata_gorge {
    uint16_t tens[STRATA_GORGE_BINS]; /* customers by their similarity to the segment, in tens, rounded */
    uint16_t members;                 /* sampled customers of the segment, in tens, rounded */
    double clear; /* the share of them who are more like it than like all others together, of tens; NaN:
                     too few */
    const char *sentence; /* what stability and gorge say, in words */
};

struct strata_stability {
    uint64_t customers;                       /* of the sample */
    struct strata_sampled_solution *solution; /* (n_solutions) by k; none when there is one k only */
    struct strata_flow *flow;                 /* (n_solutions - 1) between neighbours */
    size_t n_solutions;
    struct strata_gorge *gorge; /* (n_gorges) of the chosen segments, in order; none of one segment */
    size_t n_gorges;
};

struct strata_sampled {
    struct strata_customer_map *map;    /* NULL: the customers do not differ in two directions */
    struct strata_stability *stability; /* NULL: one segment, and no other solution */
};

/* Draw the sample and look at it.  Collective: a sum, and an exchange of the sampled rows; everything else is
 * a function of them, the same on all ranks and for any number of ranks.  The result lives in keep.  Does not
 * pass over the values of other rows.  O(s d (d + k)) time for s sampled customers.  Fails alike on all ranks,
 * for lack of memory. */
STRATA_MUST_CHECK strata_status strata_sampled_make(struct strata_comm *comm,
                                                    const struct strata_features *features,
                                                    const struct strata_clustering *clustering,
                                                    struct strata_arena *keep,
                                                    struct strata_sampled *out,
                                                    struct strata_err *err);

/* Bytes that a rank needs for it, with k segments; for `strata check`. */
uint64_t strata_sampled_bytes(size_t k, size_t d);

#endif
