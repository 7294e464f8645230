/* Replies made from a finished run's record. */
#include "strata/record.h"

#include <string.h>

#include "strata/v1/control.pb-c.h"

/* --- unpacking into an arena -------------------------------------------------------------------- */

static void *take(void *arena, size_t n_bytes)
{
    return strata_arena_take(arena, 1, 16, n_bytes);
}

static void give(void *arena, void *piece)
{
    (void)arena; /* the arena goes as a whole */
    (void)piece;
}

void *strata_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n_bytes,
                    struct strata_arena *arena)
{
    ProtobufCAllocator allocator = {.alloc = take, .free = give, .allocator_data = arena};
    return protobuf_c_message_unpack(type, &allocator, n_bytes, bytes);
}

/* Two bytes of wire can become an empty message of a repeated field: its struct, its pointer, and the parser's notes
 * about it, whose lists double. */
size_t strata_unpack_bytes(size_t n_bytes)
{
    return ((size_t)1 << 20) + 256 * n_bytes;
}

/* --- replies ------------------------------------------------------------------------------------ */

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text; /* protobuf-c's fields are not const; replies are only packed */
}

static void refuse(Strata__V1__Reply *reply, Strata__V1__Code code, const char *text)
{
    reply->code = code;
    reply->text = literal(text);
}

static bool no_room(Strata__V1__Reply *reply)
{
    refuse(reply, STRATA__V1__CODE__CODE_INTERNAL, "no room for the reply");
    return true;
}

/* By number, or by name where the number is 0. */
static Strata__V1__Segment *find_segment(const Strata__V1__Result *record, uint32_t id,
                                         const char *name, Strata__V1__Reply *reply)
{
    for (size_t i = 0; i < record->n_segments; i++) {
        Strata__V1__Segment *segment = record->segments[i];
        if (id != 0 ? segment->id == id : strcmp(segment->name, name) == 0) return segment;
    }
    refuse(reply, STRATA__V1__CODE__CODE_NOT_FOUND,
           id != 0 ? "no segment has this number" : "no segment has this name");
    return NULL;
}

static bool answer_segments(const Strata__V1__Result *record, struct strata_arena *arena,
                            Strata__V1__Reply *reply)
{
    const size_t n = record->n_segments;
    Strata__V1__SegmentsReply *body = STRATA_NEW(arena, Strata__V1__SegmentsReply, 1);
    Strata__V1__SegmentSummary *summary = STRATA_NEW(arena, Strata__V1__SegmentSummary, n);
    Strata__V1__SegmentSummary **list = STRATA_NEW(arena, Strata__V1__SegmentSummary *, n);
    if (!body || !summary || !list) return no_room(reply);
    strata__v1__segments_reply__init(body);
    for (size_t i = 0; i < n; i++) {
        const Strata__V1__Segment *segment = record->segments[i];
        strata__v1__segment_summary__init(&summary[i]);
        summary[i].id = segment->id;
        summary[i].name = segment->name;
        summary[i].definition = segment->definition;
        summary[i].size = segment->size;
        summary[i].share = segment->share;
        list[i] = &summary[i];
    }
    body->customers = record->customers;
    body->segments = list;
    body->n_segments = n;
    if (record->quality && record->quality->weight) body->weight = record->quality->weight->name;
    reply->body_case = STRATA__V1__REPLY__BODY_SEGMENTS;
    reply->segments = body;
    return true;
}

static bool answer_segment(const Strata__V1__Result *record, const Strata__V1__GetSegment *which,
                           struct strata_arena *arena, Strata__V1__Reply *reply)
{
    Strata__V1__Segment *segment = find_segment(record, which->id, which->name, reply);
    if (!segment) return true;
    Strata__V1__SegmentReply *body = STRATA_NEW(arena, Strata__V1__SegmentReply, 1);
    if (!body) return no_room(reply);
    strata__v1__segment_reply__init(body);
    body->segment = segment;
    body->features = record->features;
    body->n_features = record->n_features;
    body->everybody = record->everybody;
    body->n_everybody = record->n_everybody;
    reply->body_case = STRATA__V1__REPLY__BODY_SEGMENT;
    reply->segment = body;
    return true;
}

/* The persona of a segment: all but its cells. */
static Strata__V1__Segment persona_of(const Strata__V1__Segment *segment)
{
    Strata__V1__Segment persona = *segment;
    persona.cells = NULL;
    persona.n_cells = 0;
    return persona;
}

/* The users' own images of all of them would be more than a reply may hold. */
static Strata__V1__Persona *without_picture(const Strata__V1__Persona *persona,
                                            Strata__V1__Persona *bare)
{
    if (!persona) return NULL;
    *bare = *persona;
    bare->picture = (ProtobufCBinaryData){0};
    return bare;
}

static bool answer_personas(const Strata__V1__Result *record, struct strata_arena *arena,
                            Strata__V1__Reply *reply)
{
    const size_t n = record->n_segments;
    Strata__V1__PersonasReply *body = STRATA_NEW(arena, Strata__V1__PersonasReply, 1);
    Strata__V1__Segment *persona = STRATA_NEW(arena, Strata__V1__Segment, n);
    Strata__V1__Persona *bare = STRATA_NEW(arena, Strata__V1__Persona, n);
    Strata__V1__Segment **list = STRATA_NEW(arena, Strata__V1__Segment *, n);
    if (!body || !persona || !bare || !list) return no_room(reply);
    strata__v1__personas_reply__init(body);
    for (size_t i = 0; i < n; i++) {
        persona[i] = persona_of(record->segments[i]);
        persona[i].persona = without_picture(persona[i].persona, &bare[i]);
        list[i] = &persona[i];
    }
    body->personas = list;
    body->n_personas = n;
    body->features = record->features;
    body->n_features = record->n_features;
    reply->body_case = STRATA__V1__REPLY__BODY_PERSONAS;
    reply->personas = body;
    return true;
}

static bool answer_persona(const Strata__V1__Result *record, const Strata__V1__GetPersona *which,
                           struct strata_arena *arena, Strata__V1__Reply *reply)
{
    const Strata__V1__Segment *segment = find_segment(record, which->id, which->name, reply);
    if (!segment) return true;
    Strata__V1__PersonaReply *body = STRATA_NEW(arena, Strata__V1__PersonaReply, 1);
    Strata__V1__Segment *persona = STRATA_NEW(arena, Strata__V1__Segment, 1);
    if (!body || !persona) return no_room(reply);
    strata__v1__persona_reply__init(body);
    *persona = persona_of(segment);
    body->persona = persona;
    body->features = record->features;
    body->n_features = record->n_features;
    reply->body_case = STRATA__V1__REPLY__BODY_PERSONA;
    reply->persona = body;
    return true;
}

static bool answer_evaluation(const Strata__V1__Result *record, struct strata_arena *arena,
                              Strata__V1__Reply *reply)
{
    Strata__V1__EvaluationReply *body = STRATA_NEW(arena, Strata__V1__EvaluationReply, 1);
    if (!body) return no_room(reply);
    strata__v1__evaluation_reply__init(body);
    body->evaluation = record->evaluation;
    body->rule = record->rule;
    body->choice = record->choice;
    body->candidates = record->candidates;
    body->n_candidates = record->n_candidates;
    body->by_k = record->by_k;
    body->n_by_k = record->n_by_k;
    body->trace = record->trace;
    body->n_trace = record->n_trace;
    body->ending = record->ending;
    body->stability = record->stability;
    reply->body_case = STRATA__V1__REPLY__BODY_EVALUATION;
    reply->evaluation = body;
    return true;
}

static bool answer_quality(const Strata__V1__Result *record, struct strata_arena *arena,
                           Strata__V1__Reply *reply)
{
    reply->quality = record->quality;
    if (!reply->quality) reply->quality = STRATA_NEW(arena, Strata__V1__Quality, 1);
    if (!reply->quality) return no_room(reply);
    if (!record->quality) strata__v1__quality__init(reply->quality);
    reply->body_case = STRATA__V1__REPLY__BODY_QUALITY;
    return true;
}

bool strata_record_answer(const Strata__V1__Result *record, const Strata__V1__Request *request,
                          struct strata_arena *arena, Strata__V1__Reply *reply)
{
    reply->code = STRATA__V1__CODE__CODE_OK;
    const int kind = (int)request->body_case;
    if (kind == STRATA__V1__REQUEST__BODY_GET_SEGMENTS)
        return answer_segments(record, arena, reply);
    if (kind == STRATA__V1__REQUEST__BODY_GET_SEGMENT)
        return answer_segment(record, request->get_segment, arena, reply);
    if (kind == STRATA__V1__REQUEST__BODY_GET_PERSONAS)
        return answer_personas(record, arena, reply);
    if (kind == STRATA__V1__REQUEST__BODY_GET_PERSONA)
        return answer_persona(record, request->get_persona, arena, reply);
    if (kind == STRATA__V1__REQUEST__BODY_GET_EVALUATION)
        return answer_evaluation(record, arena, reply);
    if (kind == STRATA__V1__REQUEST__BODY_GET_QUALITY) return answer_quality(record, arena, reply);
    return false;
}

void strata_record_status_fill(const Strata__V1__Result *record, Strata__V1__JobStatus *status)
{
    strata__v1__job_status__init(status);
    status->job = record->job;
    status->state = STRATA__V1__JOB_STATE__JOB_STATE_DONE;
    status->fraction = 1;
    status->has_remaining_s_case = STRATA__V1__JOB_STATUS__HAS_REMAINING_S_REMAINING_S;
    status->remaining_s = 0;
    status->customers = record->customers;
    status->features = record->columns;
    status->iteration = record->iterations;
    status->candidates_total = (uint32_t)record->n_candidates;
    status->k = (uint32_t)record->n_segments;
    status->ending = record->ending;
    if (record->has_objective_case == STRATA__V1__RESULT__HAS_OBJECTIVE_OBJECTIVE) {
        status->has_objective_case = STRATA__V1__JOB_STATUS__HAS_OBJECTIVE_OBJECTIVE;
        status->objective = record->objective;
    }
}
