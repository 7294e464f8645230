/* What the files of this folder share: records made from what the stages returned, their bytes,
 * and the parts. */
#ifndef STRATA_RESULTS_IMPL_H
#define STRATA_RESULTS_IMPL_H

#include <math.h>

#include "strata/v1/manifest.pb-c.h"
#include "strata/v1/model.pb-c.h"
#include "strata/v1/quality.pb-c.h"
#include "strata/v1/result.pb-c.h"

#include "strata/attempt.h"
#include "strata/duck.h"
#include "strata/results.h"

#define STRATA_FORMAT_VERSION 1u                    /* of every record; readers refuse newer ones */
#define STRATA_RECORD_BYTES_MAX ((size_t)256 << 20) /* of a packed record */
#define STRATA_SCRATCH_BYTES ((size_t)64 << 30)     /* addresses, not memory */

/* Set a field that is alone in the oneof has_<field>, unless the figure does not exist. */
#define PUT_REAL(message, field, tag, figure)                                       \
    do {                                                                            \
        const double figure_ = (figure);                                            \
        if (isfinite(figure_)) {                                                    \
            (message)->field = figure_ == 0 ? 0.0 : figure_; /* no negative zero */ \
            (message)->has_##field##_case = tag;                                    \
        }                                                                           \
    } while (0)
#define PUT_INDEX(message, field, tag, value) \
    do {                                      \
        (message)->field = (uint32_t)(value); \
        (message)->has_##field##_case = tag;  \
    } while (0)

/* Room for records.  Once there is none `full` is set and every further piece is empty, so that a
 * conversion reads straight on and is checked once at its end. */
struct strata_maker {
    struct strata_arena *keep;
    bool full;
};

char *strata_maker_text(struct strata_maker *maker, const char *text); /* a copy; "" for NULL */
double *strata_maker_doubles(struct strata_maker *maker, const double *value, size_t n,
                             size_t *count);

/* (n) initialised messages of one type and the list of pointers to them; *count is n, or 0 when
 * there is no room. */
void *strata_maker_list(struct strata_maker *maker, const ProtobufCMessageDescriptor *type,
                        size_t n, size_t *count);
void *strata_maker_message(struct strata_maker *maker, const ProtobufCMessageDescriptor *type);

/* The records.  Not collective.  Functions of the outcome alone; NULL when there is no room. */
Strata__V1__Model *strata_model_record(const struct strata_outcome *outcome,
                                       struct strata_arena *keep);
Strata__V1__Quality *strata_quality_record(const struct strata_quality *quality,
                                           struct strata_arena *keep);
Strata__V1__Result *strata_result_record(const struct strata_outcome *outcome,
                                         struct strata_arena *keep);

/* The job's features as both the model and the result tell them, into maker. */
Strata__V1__Feature **strata_feature_records(struct strata_maker *maker,
                                             const struct strata_outcome *outcome, size_t *count);

/* One statement; and the place of a level of the table's column in the record's list, SIZE_MAX where it is not there
 * or level is -1. */
void strata_statement_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                           const struct strata_statement *in, Strata__V1__Statement *out);
size_t strata_level_place(const struct strata_outcome *outcome, size_t feature, int level);

/* persona_record.c: a segment's persona, briefs and attractiveness; and by what that was weighed. */
void strata_persona_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         const struct strata_persona *in, Strata__V1__Segment *out);
void strata_attractiveness_fill(struct strata_maker *maker, const struct strata_personas *personas,
                                Strata__V1__Result *out);

/* rules_record.c: rules, the tree, and how sure differences are. */
void strata_effect_fill(const struct strata_profile_cell *in, Strata__V1__ProfileCell *out);
void strata_rule_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                      const struct strata_persona *in, Strata__V1__Segment *out);
void strata_apriori_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         Strata__V1__Result *out);
/* map_record.c: the map of the customers, and how stable the segments are. */
void strata_sampled_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                         Strata__V1__Result *out);
/* records.c: profiles and markers, lists of as many messages. */
Strata__V1__ProfileCell **strata_cell_records(struct strata_maker *maker,
                                              const struct strata_outcome *outcome,
                                              const struct strata_profile_cell *cell, size_t *count);
Strata__V1__Marker **strata_marker_records(struct strata_maker *maker,
                                           const struct strata_outcome *outcome,
                                           const struct strata_marker *marker, size_t n,
                                           const struct strata_profile_cell *cell, size_t *count);
void strata_tree_fill(struct strata_maker *maker, const struct strata_outcome *outcome,
                      Strata__V1__Result *out);

/* Wire bytes of a message in keep, and back; every piece of an unpacked message is in keep. */
STRATA_MUST_CHECK strata_status strata_record_pack(const ProtobufCMessage *message,
                                                   struct strata_arena *keep,
                                                   struct strata_blob *blob, struct strata_err *err);
ProtobufCMessage *strata_record_unpack(const ProtobufCMessageDescriptor *type,
                                       const struct strata_blob *blob, struct strata_arena *keep);

/* Of a model that was read back: model_start.c: how it breaks what the records' own rules promise (anybody may have
 * made the bytes), as the end of a sentence; NULL: it does not.  Its features' words, in the engine's. */
const char *strata_model_fault(const Strata__V1__Model *model);
enum strata_transform strata_feature_transform_of(const Strata__V1__Feature *feature);
enum strata_feature_type strata_feature_type_of(
    const Strata__V1__Feature *feature); /* customer_reason.c */

/* What a seal covers, where it is there, up to NULL; control.json, checkpoints and the log live on and are not
 * sealed.  By path: folders, whose names end in '/', stand where their parts sort. */
extern const char *const strata_sealed_file[];

/* Do something with each file that is meant of a folder of `directory`; its name begins with the folder's,
 * which ends in '/'.  No such folder is no file.  Not collective. */
typedef bool strata_is_meant(const char *name);
typedef strata_status strata_file_act(const struct strata_attempt *attempt, const char *name,
                                      struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_each_file(const struct strata_attempt *attempt,
                                                 const char *directory, const char *folder,
                                                 strata_is_meant *is_meant, strata_file_act *act,
                                                 struct strata_err *err);

/* rejects.parquet, when rows were rejected.  Not collective. */
STRATA_MUST_CHECK strata_status strata_rejects_write(const char *directory,
                                                     const struct strata_quality *quality,
                                                     const char *temporary_dir,
                                                     struct strata_arena scratch,
                                                     struct strata_err *err);

/* The table `part` of duck as a Parquet file of mode 0600, in the order of `order`, with bytes that
 * depend on the rows alone. */
STRATA_MUST_CHECK strata_status strata_parquet_write(struct strata_duck *duck, const char *path,
                                                     const char *order, struct strata_arena scratch,
                                                     struct strata_err *err);

/* Parts of the assignments for n customers: a power of two, at least 4, at most 256. */
#define STRATA_PARTS_MIN 4u
#define STRATA_PARTS_MAX 256u
#define STRATA_ROWS_PER_PART 262144u /* aimed at, between the bounds */
static inline uint32_t strata_part_count(uint64_t n_rows_global)
{
    uint32_t n_parts = STRATA_PARTS_MIN;
    while (n_parts < STRATA_PARTS_MAX && n_rows_global / n_parts > STRATA_ROWS_PER_PART)
        n_parts *= 2;
    return n_parts;
}

/* Write assignments/ and, when the job keeps them, features/.  Collective; see
 * strata_results_write. */
STRATA_MUST_CHECK strata_status strata_parts_write(struct strata_comm *comm, const char *directory,
                                                   const struct strata_outcome *outcome,
                                                   const char *temporary_dir,
                                                   struct strata_err *err);

#endif
