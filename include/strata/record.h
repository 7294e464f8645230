/* What a finished run's record answers to a request: the one place where replies are made from a strata.v1.Result, for
 * the control channel and for clients that read the run directory. */
#ifndef STRATA_RECORD_H
#define STRATA_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "strata/arena.h"
#include "strata/client.h"
#include "strata/status.h"

struct Strata__V1__Request;
struct Strata__V1__Reply;
struct Strata__V1__Result;
struct Strata__V1__JobStatus;
struct Strata__V1__Manifest;
struct ProtobufCMessageDescriptor;

/* Unpack a message with all its memory in arena; NULL when the bytes are no such message or there is no room.
 * Messages made here are never freed one by one. */
void *strata_unpack(const struct ProtobufCMessageDescriptor *type, const void *bytes,
                    size_t n_bytes, struct strata_arena *arena);

/* Bytes of arena that are surely enough to unpack n_bytes. */
size_t strata_unpack_bytes(size_t n_bytes);

/* Fill reply's code, text and body from the record for segments, segment, personas, persona, evaluation and quality; false
 * for other kinds.
 * The reply borrows from record and request; the rest is in arena. */
bool strata_record_answer(const struct Strata__V1__Result *record,
                          const struct Strata__V1__Request *request, struct strata_arena *arena,
                          struct Strata__V1__Reply *reply);

/* manifest.json of a finished run as its message, in keep.  STRATA_E_NO_INPUT when it is not there, STRATA_E_DATA when it
 * is none.  Some milliseconds. */
STRATA_MUST_CHECK strata_status strata_manifest_read(const char *directory,
                                                     struct strata_arena *keep,
                                                     struct Strata__V1__Manifest **out,
                                                     struct strata_err *err);

/* The status of a run of which only the record is left. */
void strata_record_status_fill(const struct Strata__V1__Result *record,
                               struct Strata__V1__JobStatus *status);

/* Plain views of a packed record. */
STRATA_MUST_CHECK strata_status strata_record_status(const unsigned char *record, size_t n_bytes,
                                                     struct strata_arena *keep,
                                                     struct strata_job_view *job,
                                                     struct strata_err *err);
STRATA_MUST_CHECK strata_status strata_record_segments(const unsigned char *record, size_t n_bytes,
                                                       struct strata_arena *keep,
                                                       struct strata_segments_view *segments,
                                                       struct strata_err *err);
/* The same with everything that is told of each segment. */
STRATA_MUST_CHECK strata_status strata_record_personas(const unsigned char *record, size_t n_bytes,
                                                       struct strata_arena *keep,
                                                       struct strata_segments_view *segments,
                                                       struct strata_err *err);

#endif
