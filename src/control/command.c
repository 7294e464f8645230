/* Commands as messages: what is asked of the job, and the reply. */
#include "requests.h"

#include "strata/log.h"

static bool is_within(double value, double least, double most)
{
    return value >= least && value <= most; /* and a number */
}

/* What set asks for; NULL, or what is wrong with it. */
static const char *read_set(const Strata__V1__Set *set, struct strata_command *command)
{
    switch ((int)set->what_case) {
    case STRATA__V1__SET__WHAT_TOLERANCE:
        command->kind = STRATA_COMMAND_TOLERANCE;
        command->value = set->tolerance;
        return is_within(command->value, 0, 0.1) ? NULL : "set: the tolerance is from 0 to 0.1";
    case STRATA__V1__SET__WHAT_MAX_ITER:
        command->kind = STRATA_COMMAND_MAX_ITER;
        command->value = set->max_iter;
        return is_within(command->value, 1, 100000) ? NULL : "set: max_iter is from 1 to 100000";
    case STRATA__V1__SET__WHAT_DROP:
        command->kind = STRATA_COMMAND_DROP;
        command->k = set->drop->k;
        command->start = set->drop->start;
        return command->k > 0 ? NULL : "set: drop names a number of segments";
    case STRATA__V1__SET__WHAT_FREEZE_K:
        command->kind = STRATA_COMMAND_FREEZE;
        command->k = set->freeze_k;
        return command->k > 0 ? NULL : "set: freeze_k is a number of segments";
    case STRATA__V1__SET__WHAT_LOG_LEVEL:
        command->kind = STRATA_COMMAND_LOG_LEVEL;
        command->value = (double)set->log_level - (double)STRATA__V1__LOG_LEVEL__LOG_LEVEL_ERROR;
        return is_within(command->value, STRATA_LOG_ERROR, STRATA_LOG_DEBUG)
                   ? NULL
                   : "set: the log level is error, warn, info or debug";
    default:
        return "set: names nothing that this server can set";
    }
}

const char *strata_command_read(const Strata__V1__Request *request, struct strata_command *command)
{
    command->request_id = request->id;
    switch ((int)request->body_case) {
    case STRATA__V1__REQUEST__BODY_STOP:
        command->kind = STRATA_COMMAND_STOP;
        return NULL;
    case STRATA__V1__REQUEST__BODY_CHECKPOINT:
        command->kind = STRATA_COMMAND_CHECKPOINT;
        return NULL;
    case STRATA__V1__REQUEST__BODY_PAUSE:
        command->kind = STRATA_COMMAND_PAUSE;
        return NULL;
    case STRATA__V1__REQUEST__BODY_RESUME:
        command->kind = STRATA_COMMAND_RESUME;
        return NULL;
    case STRATA__V1__REQUEST__BODY_CANCEL:
        command->kind = STRATA_COMMAND_CANCEL;
        return NULL;
    default:
        return read_set(request->set, command);
    }
}

bool strata_command_fill(Strata__V1__Request__BodyCase kind, uint64_t iteration,
                         struct strata_arena *arena, Strata__V1__Reply *reply)
{
#define FILL(KIND, Type, type)                                         \
    case STRATA__V1__REQUEST__BODY_##KIND:                             \
        reply->type = STRATA_NEW(arena, Strata__V1__##Type##Reply, 1); \
        if (!reply->type) return false;                                \
        strata__v1__##type##_reply__init(reply->type);                 \
        reply->type->iteration = iteration;                            \
        reply->body_case = STRATA__V1__REPLY__BODY_##KIND;             \
        return true
    switch ((int)kind) {
        FILL(STOP, Stop, stop);
        FILL(CHECKPOINT, Checkpoint, checkpoint);
        FILL(PAUSE, Pause, pause);
        FILL(RESUME, Resume, resume);
        FILL(CANCEL, Cancel, cancel);
        FILL(SET, Set, set);
    default:
        return false;
    }
#undef FILL
}
