/* Plain views of the messages, for programs that do not want to know Protocol Buffers. */
#include "client_impl.h"

#include <math.h>

#include "strata/record.h"

static const struct {
    const char *word;
    bool final;
} state_views[] = {
    [STRATA__V1__JOB_STATE__JOB_STATE_UNSPECIFIED] = {"UNKNOWN", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_PENDING] = {"PENDING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_INGESTING] = {"INGESTING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_ENCODING] = {"ENCODING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_SEEDING] = {"SEEDING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_FITTING] = {"FITTING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_EVALUATING] = {"EVALUATING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_DESCRIBING] = {"DESCRIBING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_WRITING] = {"WRITING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_PAUSED] = {"PAUSED", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_DONE] = {"DONE", true},
    [STRATA__V1__JOB_STATE__JOB_STATE_STOPPING] = {"STOPPING", false},
    [STRATA__V1__JOB_STATE__JOB_STATE_CANCELLED] = {"CANCELLED", true},
    [STRATA__V1__JOB_STATE__JOB_STATE_FAILED] = {"FAILED", true},
};

const char *strata_view_state(Strata__V1__JobState state, bool *final)
{
    const size_t known = sizeof state_views / sizeof *state_views;
    const size_t i = (size_t)state < known ? (size_t)state : 0; /* a newer server's */
    *final = state_views[i].final;
    return state_views[i].word;
}

void strata_view_job(const Strata__V1__JobStatus *status, struct strata_job_view *job)
{
    bool final = false;
    *job = (struct strata_job_view){
        .job = status->job,
        .state = strata_view_state(status->state, &final),
        .elapsed_s = status->elapsed_s,
        .fraction = status->fraction,
        .remaining_s =
            status->has_remaining_s_case == STRATA__V1__JOB_STATUS__HAS_REMAINING_S_REMAINING_S
                ? status->remaining_s
                : -1,
        .remaining_high_s = status->has_remaining_high_s_case ==
                                    STRATA__V1__JOB_STATUS__HAS_REMAINING_HIGH_S_REMAINING_HIGH_S
                                ? status->remaining_high_s
                                : -1,
        .limit_s = status->has_limit_s_case == STRATA__V1__JOB_STATUS__HAS_LIMIT_S_LIMIT_S
                       ? status->limit_s
                       : -1,
        .suffices_known = status->has_allocation_suffices_case ==
                          STRATA__V1__JOB_STATUS__HAS_ALLOCATION_SUFFICES_ALLOCATION_SUFFICES,
        .ranks = status->ranks,
        .features = status->features,
        .candidates_live = status->candidates_live,
        .candidates_total = status->candidates_total,
        .k = status->k,
        .bytes_done = status->bytes_done,
        .bytes_total = status->bytes_total,
        .customers = status->customers,
        .iteration = status->iteration,
        .objective = status->has_objective_case == STRATA__V1__JOB_STATUS__HAS_OBJECTIVE_OBJECTIVE
                         ? status->objective
                         : (double)NAN,
        .message = status->message,
        .ending = status->ending,
    };
    job->suffices = job->suffices_known && status->allocation_suffices;
    job->final = final;
}

bool strata_view_segments(const Strata__V1__SegmentsReply *reply, struct strata_arena *keep,
                          struct strata_segments_view *view)
{
    *view = (struct strata_segments_view){
        .job = "",
        .interim = reply->interim,
        .customers = reply->customers,
        .weight = reply->weight,
        .segment = STRATA_NEW(keep, struct strata_segment_view, reply->n_segments),
        .n_segments = reply->n_segments,
    };
    if (!view->segment) return false;
    for (size_t i = 0; i < reply->n_segments; i++) {
        const Strata__V1__SegmentSummary *summary = reply->segments[i];
        view->segment[i] = (struct strata_segment_view){.id = summary->id,
                                                        .name = summary->name,
                                                        .definition = summary->definition,
                                                        .size = summary->size,
                                                        .share = summary->share};
    }
    return true;
}

bool strata_view_personas(Strata__V1__Segment *const *segments, size_t n, struct strata_arena *keep,
                          struct strata_segments_view *view)
{
    *view = (struct strata_segments_view){.job = "",
                                          .choice = "",
                                          .weight = "",
                                          .segment = STRATA_NEW(keep, struct strata_segment_view, n),
                                          .n_segments = n};
    if (!view->segment) return false;
    for (size_t i = 0; i < n; i++)
        if (!strata_view_persona(segments[i], keep, &view->segment[i])) return false;
    return true;
}

static void view_customer(const Strata__V1__CustomerReply *reply, struct strata_customer_view *view)
{
    const size_t most = sizeof view->reason / sizeof *view->reason;
    *view = (struct strata_customer_view){
        .segment = reply->segment,
        .runner_up = reply->runner_up,
        .name = reply->name,
        .runner_up_name = reply->runner_up_name,
        .margin = reply->margin,
        .sureness = reply->sureness,
        .n_reasons = reply->n_reasons < most ? reply->n_reasons : most, /* a newer server's */
    };
    for (size_t i = 0; i < view->n_reasons; i++)
        view->reason[i] = (struct strata_reason_view){
            reply->reasons[i]->label, reply->reasons[i]->text, reply->reasons[i]->share};
}

bool strata_view_customers(Strata__V1__CustomerReply *const *reply, size_t n,
                           struct strata_arena *keep, struct strata_answer *answer)
{
    answer->customer = STRATA_NEW(keep, struct strata_customer_view, n);
    if (!answer->customer) return false;
    answer->n_customers = n;
    for (size_t i = 0; i < n; i++) view_customer(reply[i], &answer->customer[i]);
    return true;
}

bool strata_view_assignment(const Strata__V1__AssignReply *reply,
                            struct strata_assignment_view *view)
{
    const size_t n = reply->n_segments;
#define LIST(name) (reply->n_##name == n && n > 0 ? reply->name : NULL)
#define IS_WHOLE(name) (reply->n_##name == 0 || reply->n_##name == n)
    *view = (struct strata_assignment_view){.n_customers = n,
                                            .segment = reply->segments,
                                            .runner_up = LIST(runners_up),
                                            .distance = LIST(distances),
                                            .posterior = LIST(posteriors),
                                            .margin = LIST(margins),
                                            .model_hash = reply->model_hash,
                                            .n_invalid = reply->invalid};
    return IS_WHOLE(runners_up) && IS_WHOLE(distances) && IS_WHOLE(posteriors) && IS_WHOLE(margins);
#undef LIST
#undef IS_WHOLE
}

static enum strata_feature_kind feature_kind(const Strata__V1__Feature *feature)
{
    if (feature->n_levels > 0) return STRATA_FEATURE_WORD;
    return feature->type == STRATA__V1__FEATURE_TYPE__FEATURE_TYPE_BINARY ? STRATA_FEATURE_BINARY
                                                                          : STRATA_FEATURE_NUMBER;
}

bool strata_view_segment(const Strata__V1__SegmentReply *reply, struct strata_arena *keep,
                         struct strata_segments_view *view)
{
    const size_t n = reply->n_features;
    Strata__V1__Segment *segment = reply->segment;
    if (!strata_view_personas(&segment, segment ? 1 : 0, keep, view)) return false;
    view->feature = STRATA_NEW(keep, struct strata_feature_view, n);
    if (!view->feature) return false;
    view->n_features = n;
    for (size_t i = 0; i < n; i++)
        view->feature[i] = (struct strata_feature_view){.name = reply->features[i]->name,
                                                        .kind = feature_kind(reply->features[i]),
                                                        .basis = reply->features[i]->role ==
                                                                 STRATA__V1__ROLE__ROLE_BASIS};
    return true;
}

/* --- records ------------------------------------------------------------------------------------ */

static Strata__V1__Result *record_of(const unsigned char *bytes, size_t n_bytes,
                                     struct strata_arena *keep, struct strata_err *err)
{
    Strata__V1__Result *record =
        strata_unpack(&strata__v1__result__descriptor, bytes, n_bytes, keep);
    /* the status goes to the caller as NULL */
    if (!record)
        (void)STRATA_FAIL(err, STRATA_E_DATA, "the record of %zu bytes is not a strata.v1.Result",
                          n_bytes);
    return record;
}

strata_status strata_record_status(const unsigned char *record, size_t n_bytes,
                                   struct strata_arena *keep, struct strata_job_view *job,
                                   struct strata_err *err)
{
    const Strata__V1__Result *result = record_of(record, n_bytes, keep, err);
    if (!result) return STRATA_E_DATA;
    Strata__V1__JobStatus status;
    strata_record_status_fill(result, &status);
    strata_view_job(&status, job);
    return STRATA_OK;
}

strata_status strata_record_segments(const unsigned char *record, size_t n_bytes,
                                     struct strata_arena *keep,
                                     struct strata_segments_view *segments, struct strata_err *err)
{
    const Strata__V1__Result *result = record_of(record, n_bytes, keep, err);
    if (!result) return STRATA_E_DATA;
    Strata__V1__Request request;
    Strata__V1__Reply reply;
    strata__v1__request__init(&request);
    strata__v1__reply__init(&reply);
    request.body_case = STRATA__V1__REQUEST__BODY_GET_SEGMENTS;
    const bool answered = strata_record_answer(result, &request, keep, &reply);
    if (!answered || reply.code != STRATA__V1__CODE__CODE_OK ||
        !strata_view_segments(reply.segments, keep, segments))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu segments", result->n_segments);
    segments->job = result->job;
    return STRATA_OK;
}

strata_status strata_record_personas(const unsigned char *record, size_t n_bytes,
                                     struct strata_arena *keep,
                                     struct strata_segments_view *segments, struct strata_err *err)
{
    const Strata__V1__Result *result = record_of(record, n_bytes, keep, err);
    if (!result) return STRATA_E_DATA;
    if (!strata_view_personas(result->segments, result->n_segments, keep, segments))
        return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for %zu personas", result->n_segments);
    segments->job = result->job;
    segments->choice = result->choice;
    segments->customers = result->customers;
    if (result->quality && result->quality->weight)
        segments->weight = result->quality->weight->name;
    return STRATA_OK;
}
