/* get_metrics: the same figures for a collector, as OpenMetrics 1.0 text. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "strata/clock.h"
#include "strata/host.h"
#include "strata/json_view.h"
#include "strata/protocol_limits.h"

#include "handlers.h"
#include "history.h"

struct page {
    char *text; /* (STRATA_METRICS_BYTES_MAX) */
    size_t n;
    bool is_full;
};

static void put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *page, const char *format, ...)
{
    const size_t room = STRATA_METRICS_BYTES_MAX - page->n;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(page->text + page->n, room, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= room)
        page->is_full = true;
    else
        page->n += (size_t)n;
}

/* A label's value: backslashes, quotes and ends of lines are escaped. */
static void put_value(struct page *page, const char *value)
{
    put(page, "\"");
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            put(page, "\\n");
        else if (*c == '"' || *c == '\\')
            put(page, "\\%c", *c);
        else
            put(page, "%c", *c);
    }
    put(page, "\"");
}

static void head(struct page *page, const char *name, const char *type, const char *unit,
                 const char *help)
{
    put(page, "# TYPE %s %s\n", name, type);
    if (unit[0]) put(page, "# UNIT %s %s\n", name, unit);
    put(page, "# HELP %s %s\n", name, help);
}

/* --- single figures ----------------------------------------------------------------------------- */

/* NaN: not known, and left out.  The unit is the end of the name. */
struct figure {
    const char *name, *unit, *help;
    bool counts; /* a counter, whose sample ends in _total */
    double value;
};

static void put_figures(struct page *page, const struct figure *figure, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct figure *f = &figure[i];
        if (!isfinite(f->value)) continue;
        head(page, f->name, f->counts ? "counter" : "gauge", f->unit, f->help);
        char value[STRATA_JSON_DOUBLE_BYTES];
        strata_json_double(f->value, value);
        put(page, "%s%s %s\n", f->name, f->counts ? "_total" : "", value);
    }
}

static double if_known(bool known, double value)
{
    return known ? value : (double)NAN;
}

static void put_job(struct page *page, const struct strata_snapshot *now)
{
    const bool forecast = now->remaining_s >= 0;
    const struct figure figures[] = {
        {"strata_job_elapsed_seconds", "seconds", "Since the job began.", false, now->elapsed_s},
        {"strata_job_progress_ratio", "ratio", "Share of the job that is done, roughly.", false,
         now->fraction},
        {"strata_job_remaining_seconds", "seconds", "Time left, as it seems.", false,
         if_known(forecast, now->remaining_s)},
        {"strata_job_remaining_high_seconds", "seconds", "Upper end of the band of the time left.",
         false, if_known(forecast, fmax(now->remaining_high_s, now->remaining_s))},
        {"strata_job_limit_seconds", "seconds", "Until the job must end.", false,
         if_known(now->is_limited, now->limit_s)},
        {"strata_job_ranks", "", "Processes of the job.", false, now->ranks},
        {"strata_job_source_bytes", "bytes", "Read from the sources.", true, (double)now->bytes_done},
        {"strata_job_customers", "", "Customers, once they are counted.", false,
         if_known(now->customers > 0, (double)now->customers)},
        {"strata_job_features", "", "Columns of the matrix, once it is made.", false,
         if_known(now->features > 0, now->features)},
        {"strata_job_iterations", "", "Iterations of the fit.", true, (double)now->iteration},
        {"strata_job_candidates_live", "", "Candidates that still move.", false,
         now->candidates_live},
        {"strata_job_candidates", "", "Candidates in this part of the fit.", false,
         now->candidates_total},
        {"strata_job_segments", "", "Segments of the leading candidate.", false,
         if_known(now->k > 0, now->k)},
        {"strata_job_objective", "", "Of the leading candidate; lower is better.", false,
         if_known(now->k > 0, now->objective)},
        {"strata_job_rank_balance_ratio", "ratio",
         "Time of the slowest rank in an iteration over the mean of all.", false,
         if_known(now->rank_balance > 0, now->rank_balance)},
    };
    put_figures(page, figures, sizeof figures / sizeof *figures);
}

static void put_server(struct page *page, const struct strata_desk *desk)
{
    const double now_s = strata_clock_s();
    const uint64_t memory = strata_host_resident_bytes();
    const struct figure figures[] = {
        {"strata_control_uptime_seconds", "seconds", "Since this server began.", false,
         now_s - desk->hearing.started_s},
        {"strata_control_quiet_seconds", "seconds", "Since the job last told anything.", false,
         strata_silence_s(&desk->hearing, &desk->now, now_s)},
        {"strata_control_events", "", "Events that were published.", true,
         desk->history ? (double)desk->history->last : 0},
        {"strata_control_commands_waiting", "", "Commands that are not answered yet.", false,
         (double)desk->n_waiting},
        {"strata_process_memory_bytes", "bytes", "Memory of the server's process.", false,
         if_known(memory > 0, (double)memory)},
    };
    put_figures(page, figures, sizeof figures / sizeof *figures);
}

/* --- with labels -------------------------------------------------------------------------------- */

static void put_names(struct page *page, const struct strata_snapshot *now)
{
    head(page, "strata_build", "info", "", "The program.");
    put(page, "strata_build_info{version=\"%s\"} 1\n", STRATA_VERSION);
    head(page, "strata_job", "info", "", "The job.");
    put(page, "strata_job_info{job=");
    put_value(page, now->job);
    put(page, "} 1\n");
}

static void put_state(struct page *page, const struct strata_snapshot *now)
{
    head(page, "strata_job_state", "stateset", "", "What the job does.");
    for (int state = 0; state < STRATA_JOB_STATE_COUNT; state++)
        put(page, "strata_job_state{strata_job_state=\"%s\"} %d\n",
            strata_job_state_word((enum strata_job_state)state), state == (int)now->state);
}

static void put_requests(struct page *page, const struct strata_counts *counts)
{
    const ProtobufCEnumDescriptor *codes = &strata__v1__code__descriptor;
    head(page, "strata_control_requests", "counter", "", "Requests that were answered.");
    for (size_t i = 0; i <= STRATA_KINDS_MAX; i++)
        for (unsigned j = 0; j < codes->n_values && j < STRATA_CODES_MAX; j++) {
            if (counts->replies[i][j] == 0) continue;
            put(page, "strata_control_requests_total{request=\"%s\",code=\"%s\"} %llu\n",
                i < strata_n_request_rows ? strata_request_rows[i].name : "unknown",
                codes->values[j].name, (unsigned long long)counts->replies[i][j]);
        }
}

STRATA_HANDLER(strata_handle_metrics)
{
    (void)request;
    Strata__V1__MetricsReply *body = STRATA_NEW(arena, Strata__V1__MetricsReply, 1);
    struct page page = {.text = STRATA_NEW(arena, char, STRATA_METRICS_BYTES_MAX)};
    if (body && page.text) {
        put_names(&page, &desk->now);
        put_state(&page, &desk->now);
        put_job(&page, &desk->now);
        put_server(&page, desk);
        put_requests(&page, &desk->counts);
        put(&page, "# EOF\n");
    }
    if (!body || !page.text || page.is_full) {
        strata_refuse_memory(reply);
        return;
    }
    strata__v1__metrics_reply__init(body);
    body->text = page.text;
    reply->body_case = STRATA__V1__REPLY__BODY_METRICS;
    reply->metrics = body;
}
