/* Directions in which segments are apart: linear discriminant analysis (Fisher, 1936; Rao, 1948).
 *
 * Notation: n sampled customers x of d columns in encoded units, in k segments of n_g customers with means m_g;
 * m the mean of all.  W = 1/n sum (x - m_g)(x - m_g)', the variance inside segments; B = sum n_g/n (m_g - m)(m_g - m)',
 * that between them.
 *
 * A direction a makes a'Ba as large as possible for a'Wa = 1.  With W = LL' and U the rows sqrt(n_g/n) inv(L)(m_g - m),
 * the k x k matrix UU' has the same eigenvalues; from its eigenvector v follows a = inv(L') U'v / sqrt(value).  So the
 * eigenproblem has the size of the segments, not of the columns.
 *
 * Ridge: W gets `ridge` times the mean variance of all columns (that of W + B) on its diagonal.  A column that says
 * which segment a customer is in has no variance inside, and would be the whole of an axis; indicators of a feature
 * add up to a constant, so W alone has no inverse.  The more ridge, the more does the map show distances as k-means
 * sees them, and the less how sharp a border is (regularised discriminant analysis: Friedman, 1989); with half the mean
 * variance a group that a few answers set apart lies far off without hiding the differences of the others.
 *
 * Where there are fewer than two such directions (k <= 2, or one column that differs), the next one is the principal
 * axis of what is left of W: W - (Wa)(Wa)'/a'Wa, found by power iteration, then made uncorrelated with a.  For k = 1
 * that is the principal axes of the sample.
 *
 * Bits: doubles in one order, no library; the sample is the same for any number of ranks. */
#include <math.h>
#include <string.h>

#include "persona/sampled_impl.h"

#define SWEEPS 64          /* of Jacobi; about ten are enough */
#define POWER_ROUNDS 512   /* of the power iteration */
#define NEGLIGIBLE 0x1p-30 /* an eigenvalue below this part of the whole is nothing */

/* --- eigenvectors of a symmetric matrix ------------------------------------------------ */

/* Turn rows and columns p and q so that their element becomes 0. */
static void rotate(size_t n, double *matrix, double *vector, size_t p, size_t q)
{
    const double apq = matrix[p * n + q];
    const double theta = (matrix[q * n + q] - matrix[p * n + p]) / (2 * apq);
    const double root = sqrt(theta * theta + 1);
    const double t = theta >= 0 ? 1 / (theta + root) : -1 / (root - theta);
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t i = 0; i < n; i++) {
        const double a = matrix[i * n + p], b = matrix[i * n + q];
        matrix[i * n + p] = c * a - s * b;
        matrix[i * n + q] = s * a + c * b;
    }
    for (size_t i = 0; i < n; i++) {
        const double a = matrix[p * n + i], b = matrix[q * n + i];
        matrix[p * n + i] = c * a - s * b;
        matrix[q * n + i] = s * a + c * b;
        const double v = vector[p * n + i], w = vector[q * n + i];
        vector[p * n + i] = c * v - s * w;
        vector[q * n + i] = s * v + c * w;
    }
    matrix[p * n + q] = matrix[q * n + p] = 0;
}

static double beside_diagonal(size_t n, const double *matrix)
{
    double sum = 0;
    for (size_t p = 0; p < n; p++)
        for (size_t q = p + 1; q < n; q++) sum += matrix[p * n + q] * matrix[p * n + q];
    return sum;
}

static void swap_rows(size_t n, double *vector, size_t a, size_t b)
{
    for (size_t i = 0; i < n; i++) {
        const double kept = vector[a * n + i];
        vector[a * n + i] = vector[b * n + i];
        vector[b * n + i] = kept;
    }
}

void strata_jacobi(size_t n, double *matrix, double *value, double *vector)
{
    double diagonal = 0;
    for (size_t i = 0; i < n; i++) {
        diagonal += matrix[i * n + i] * matrix[i * n + i];
        for (size_t j = 0; j < n; j++) vector[i * n + j] = i == j;
    }
    const double enough = 0x1p-100 * (diagonal + beside_diagonal(n, matrix));
    for (int sweep = 0; sweep < SWEEPS && beside_diagonal(n, matrix) > enough; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                if (matrix[p * n + q] < 0 || matrix[p * n + q] > 0) rotate(n, matrix, vector, p, q);
    for (size_t i = 0; i < n; i++) value[i] = matrix[i * n + i];
    for (size_t i = 0; i < n; i++) { /* the largest first, the earlier on ties */
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (value[j] > value[best]) best = j;
        const double kept = value[i];
        value[i] = value[best];
        value[best] = kept;
        swap_rows(n, vector, i, best);
    }
}

/* --- scatter --------------------------------------------------------------------------- */

struct scatter {
    size_t n, d, k;
    double *mean;     /* (d) */
    double *centre;   /* (k, d) means of the segments; without customers, the mean */
    double *count;    /* (k) */
    double *within;   /* (d, d) */
    double *factor;   /* (d, d) lower triangle of the Cholesky factor of within and its ridge */
    double *whitened; /* (k, d) */
    double *gram, *vector; /* (k, k) */
    double *value;         /* (k) */
    double *row;           /* (d) */
    double *next;          /* (d) */
    double *taken;         /* (d) within times the first direction, by that one's variance */
    double total;          /* sum of the variances of all columns */
};

static bool scatter_init(const struct strata_labelled *rows, struct strata_arena *room,
                         struct scatter *s)
{
    const size_t d = rows->sample.d, k = rows->k;
    *s = (struct scatter){.d = d,
                          .k = k,
                          .mean = STRATA_NEW(room, double, d),
                          .centre = STRATA_NEW(room, double, k *d),
                          .count = STRATA_NEW(room, double, k),
                          .within = STRATA_NEW(room, double, d *d),
                          .factor = STRATA_NEW(room, double, d *d),
                          .whitened = STRATA_NEW(room, double, k *d),
                          .gram = STRATA_NEW(room, double, k *k),
                          .vector = STRATA_NEW(room, double, k *k),
                          .value = STRATA_NEW(room, double, k),
                          .row = STRATA_NEW(room, double, d),
                          .next = STRATA_NEW(room, double, d),
                          .taken = STRATA_NEW(room, double, d)};
    return s->taken && s->mean && s->centre && s->count && s->within && s->factor && s->whitened &&
           s->gram && s->vector && s->value && s->row && s->next;
}

/* Exact until the divisions: sums of at most 4,096 whole numbers below 2^24. */
static void find_means(const struct strata_labelled *rows, struct scatter *s)
{
    for (size_t i = 0; i < rows->sample.n; i++) {
        const size_t g = rows->label[i];
        if (g >= s->k) continue;
        const float *x = rows->sample.x + i * s->d;
        s->count[g]++;
        s->n++;
        for (size_t j = 0; j < s->d; j++) {
            s->centre[g * s->d + j] += (double)x[j];
            s->mean[j] += (double)x[j];
        }
    }
    for (size_t j = 0; j < s->d && s->n; j++) s->mean[j] = s->mean[j] / (double)s->n * rows->unit;
    for (size_t g = 0; g < s->k; g++)
        for (size_t j = 0; j < s->d; j++)
            s->centre[g * s->d + j] =
                s->count[g] > 0 ? s->centre[g * s->d + j] / s->count[g] * rows->unit : s->mean[j];
}

/* Both triangles of W, and the total variance. */
static void find_within(const struct strata_labelled *rows, struct scatter *s)
{
    const size_t d = s->d;
    for (size_t i = 0; i < rows->sample.n; i++) {
        const size_t g = rows->label[i];
        if (g >= s->k) continue;
        for (size_t j = 0; j < d; j++)
            s->row[j] = (double)rows->sample.x[i * d + j] * rows->unit - s->centre[g * d + j];
        for (size_t a = 0; a < d; a++)
            for (size_t b = 0; b <= a; b++) s->within[a * d + b] += s->row[a] * s->row[b];
    }
    for (size_t a = 0; a < d; a++) {
        for (size_t b = 0; b <= a; b++) {
            s->within[a * d + b] /= (double)s->n;
            s->within[b * d + a] = s->within[a * d + b];
        }
        s->total += s->within[a * d + a];
        for (size_t g = 0; g < s->k; g++) {
            const double gap = s->centre[g * d + a] - s->mean[a];
            s->total += s->count[g] / (double)s->n * gap * gap;
        }
    }
}

/* False when the matrix has no inverse. */
static bool factorise(struct scatter *s, double ridge)
{
    const size_t d = s->d;
    double *l = s->factor;
    for (size_t a = 0; a < d; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = s->within[a * d + b];
            if (a == b) sum += ridge * s->total / (double)d;
            for (size_t j = 0; j < b; j++) sum -= l[a * d + j] * l[b * d + j];
            if (a == b && !(sum > 0)) return false;
            l[a * d + b] = a == b ? sqrt(sum) : sum / l[b * d + b];
        }
    }
    return true;
}

/* --- directions ------------------------------------------------------------------------ */

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Each segment's whitened distance from the mean, and what they have in common. */
static void whiten(struct scatter *s)
{
    const size_t d = s->d, k = s->k;
    for (size_t g = 0; g < k; g++) {
        double *u = s->whitened + g * d;
        const double weight = sqrt(s->count[g] / (double)s->n);
        for (size_t j = 0; j < d; j++) {
            const double gap = weight * (s->centre[g * d + j] - s->mean[j]);
            u[j] = (gap - product(s->factor + j * d, u, j)) / s->factor[j * d + j];
        }
    }
    for (size_t a = 0; a < k; a++)
        for (size_t b = 0; b < k; b++)
            s->gram[a * k + b] = product(s->whitened + a * d, s->whitened + b * d, d);
}

/* The i-th discriminant direction, from the eigenvector. */
static void unwhiten(struct scatter *s, size_t i, double *out)
{
    const size_t d = s->d;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t g = 0; g < s->k; g++) sum += s->vector[i * s->k + g] * s->whitened[g * d + j];
        s->row[j] = sum / sqrt(s->value[i]);
    }
    for (size_t j = d; j-- > 0;) {
        double sum = s->row[j];
        for (size_t a = j + 1; a < d; a++) sum -= s->factor[a * d + j] * out[a];
        out[j] = sum / s->factor[j * d + j];
    }
}

static void find_discriminants(struct scatter *s, struct strata_directions *out)
{
    whiten(s);
    strata_jacobi(s->k, s->gram, s->value, s->vector);
    double whole = 0;
    for (size_t g = 0; g < s->k; g++)
        if (s->value[g] > NEGLIGIBLE * s->value[0]) whole += s->value[g];
    for (size_t i = 0; i < 2 && i + 1 < s->k && s->value[i] > NEGLIGIBLE * s->value[0]; i++) {
        unwhiten(s, i, out->direction + i * s->d);
        out->discriminant[i] = true;
        out->share[i] = s->value[i] / whole;
        out->n = i + 1;
    }
}

/* next = within times direction. */
static void apply(const struct scatter *s, const double *direction, double *next)
{
    for (size_t j = 0; j < s->d; j++) next[j] = product(s->within + j * s->d, direction, s->d);
}

/* Take what one direction tells out of within.  Returns its variance. */
static double deflate(struct scatter *s, const double *direction)
{
    const size_t d = s->d;
    apply(s, direction, s->next);
    const double variance = product(direction, s->next, d);
    if (!(variance > 0)) return 0;
    for (size_t a = 0; a < d; a++)
        for (size_t b = 0; b < d; b++) s->within[a * d + b] -= s->next[a] * s->next[b] / variance;
    return variance;
}

/* The principal axis of within, of length 1; false when nothing is left. */
static bool find_principal(struct scatter *s, double *out)
{
    const size_t d = s->d;
    size_t widest = 0;
    for (size_t j = 1; j < d; j++)
        if (s->within[j * d + j] > s->within[widest * d + widest]) widest = j;
    if (!(s->within[widest * d + widest] > NEGLIGIBLE * s->total)) return false;
    memcpy(out, s->within + widest * d, d * sizeof *out);
    for (int round = 0; round < POWER_ROUNDS; round++) {
        const double length = sqrt(product(out, out, d));
        for (size_t j = 0; j < d; j++) s->row[j] = out[j] / length;
        apply(s, s->row, out);
    }
    memcpy(out, s->row, d * sizeof *out);
    return true;
}

/* Directions inside segments, until there are two. */
static void find_rest(struct scatter *s, struct strata_directions *out)
{
    const size_t d = s->d;
    double whole = 0;
    for (size_t j = 0; j < d; j++) whole += s->within[j * d + j];
    const double first = out->n == 1 ? deflate(s, out->direction) : 0;
    for (size_t j = 0; j < d && first > 0; j++) s->taken[j] = s->next[j] / first;
    while (out->n < 2) {
        double *direction = out->direction + out->n * d;
        if (!find_principal(s, direction)) return;
        const double variance = deflate(s, direction), common = product(direction, s->taken, d);
        for (size_t j = 0; j < d; j++)
            direction[j] = (direction[j] - common * out->direction[j]) / sqrt(variance);
        out->share[out->n++] = variance / whole;
    }
}

bool strata_discriminant_find(const struct strata_labelled *rows, double ridge,
                              struct strata_arena *room, struct strata_directions *out)
{
    struct scatter s;
    *out = (struct strata_directions){.direction = STRATA_NEW(room, double, 2 * rows->sample.d)};
    if (!out->direction || !scatter_init(rows, room, &s)) return false;
    out->mean = s.mean;
    find_means(rows, &s);
    if (s.n == 0) return true;
    find_within(rows, &s);
    if (!(s.total > 0)) return true;
    if (s.k > 1 && factorise(&s, ridge)) find_discriminants(&s, out);
    find_rest(&s, out);
    return true;
}
