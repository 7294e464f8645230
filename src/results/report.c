/* report.html: the page's frame, its style, the chart library, the record as JSON, and the script
 * that draws it. */
#include <string.h>
#include <strings.h>

#include "strata/file.h"
#include "strata/json_view.h"

#include "results_impl.h"

#define STRATA_REPORT_DETAILED 64 /* segments; report/words.js says the same */

/* Put into the library by strata_embed (src/cmake). */
extern const unsigned char strata_report_html[], strata_report_html_end[];
extern const unsigned char strata_report_css[], strata_report_css_end[];
extern const unsigned char strata_echarts_js[], strata_echarts_js_end[];

/* The parts of the page's script, in the order of the frame. */
#define SCRIPTS(X) \
    X(words)       \
    X(graphics)    \
    X(answer)      \
    X(personas)    \
    X(effort)      \
    X(differences) \
    X(map)         \
    X(rules)       \
    X(certainty)   \
    X(stability)   \
    X(data)        \
    X(page)
#define DECLARE(name) \
    extern const unsigned char strata_report_##name##_js[], strata_report_##name##_js_end[];
SCRIPTS(DECLARE)

struct piece {
    const char *bytes;
    size_t n_bytes;
};

/* What replaces a mark of the frame.  A script or style is left whole only if it does not end its
 * own element. */
struct filling {
    const char *mark;
    struct piece piece;
    bool script;
};

/* Counts bytes while out is NULL, writes them the second time. */
struct page {
    char *out;
    size_t at;
};

static struct piece embedded(const unsigned char *start, const unsigned char *end)
{
    return (struct piece){(const char *)start, (size_t)(end - start)};
}

static void put(struct page *page, struct piece piece)
{
    if (page->out && piece.n_bytes) memcpy(page->out + page->at, piece.bytes, piece.n_bytes);
    page->at += piece.n_bytes;
}

static void put_text(struct page *page, const char *text)
{
    put(page, (struct piece){text, strlen(text)});
}

/* `</script` inside a script becomes `<\/script`, which means the same in its texts and cannot
 * end the element. */
static void put_script(struct page *page, struct piece piece)
{
    static const char end[] = "</script";
    size_t start = 0;
    for (size_t i = 0; i + sizeof end - 1 <= piece.n_bytes; i++) {
        if (piece.bytes[i] != '<' || strncasecmp(piece.bytes + i, end, sizeof end - 1) != 0)
            continue;
        put(page, (struct piece){piece.bytes + start, i - start});
        put_text(page, "<\\/");
        start = i + 2;
    }
    put(page, (struct piece){piece.bytes + start, piece.n_bytes - start});
}

/* Text for people inside an element. */
static char *escaped(const char *text, struct strata_arena *keep)
{
    char *out = STRATA_NEW(keep, char, strlen(text) * 5 + 1);
    struct page page = {.out = out};
    for (const char *at = text; out && *at; at++) {
        if (*at == '&')
            put_text(&page, "&amp;");
        else if (*at == '<')
            put_text(&page, "&lt;");
        else if (*at == '>')
            put_text(&page, "&gt;");
        else
            put(&page, (struct piece){at, 1});
    }
    return out;
}

static void put_page(struct page *page, const struct filling *filling, size_t n_fillings)
{
    struct piece rest = embedded(strata_report_html, strata_report_html_end);
    for (size_t i = 0; i < n_fillings; i++) {
        const char *mark = strstr(rest.bytes, filling[i].mark);
        STRATA_REQUIRE(mark); /* the frame has every mark, in this order */
        const size_t before = (size_t)(mark - rest.bytes);
        put(page, (struct piece){rest.bytes, before});
        if (filling[i].script)
            put_script(page, filling[i].piece);
        else
            put(page, filling[i].piece);
        const size_t used = before + strlen(filling[i].mark);
        rest = (struct piece){rest.bytes + used, rest.n_bytes - used};
    }
    put(page, rest);
}

static strata_status no_room(struct strata_err *err)
{
    return STRATA_FAIL(err, STRATA_E_MEMORY, "no room for the report");
}

/* Beyond the largest segments, which the page shows in detail, a segment is a row of a table. */
static void shorten(Strata__V1__Result *record)
{
    for (size_t i = STRATA_REPORT_DETAILED; i < record->n_segments; i++) {
        Strata__V1__Segment *segment = record->segments[i];
        segment->n_cells = segment->n_markers = segment->n_statements = segment->n_briefs = 0;
        segment->persona = NULL;
        segment->rule = NULL;
        segment->attractiveness = NULL;
    }
}

strata_status strata_report_write(const char *path, const struct strata_blob *result,
                                  struct strata_arena scratch, struct strata_err *err)
{
    ProtobufCMessage *message =
        strata_record_unpack(&strata__v1__result__descriptor, result, &scratch);
    if (message) shorten((Strata__V1__Result *)message);
    if (!message)
        return STRATA_FAIL(err, STRATA_E_DATA,
                           "%s: the record for the report is damaged: run the job again", path);
    struct piece data = {0};
    data.bytes = strata_json_view(message, STRATA_JSON_LINE, &scratch, &data.n_bytes);
    const char *title = escaped(((const Strata__V1__Result *)message)->job, &scratch);
    if (!data.bytes || !title) return no_room(err);
    const struct filling filling[] = {
        {"<!--title-->", {title, strlen(title)}, false},
        {"/*style*/", embedded(strata_report_css, strata_report_css_end), false},
        {"<!--data-->", data, false}, /* its `<` are escapes already */
        {"/*charts*/", embedded(strata_echarts_js, strata_echarts_js_end), true},
#define FILLING(name) \
    {"/*" #name "*/", embedded(strata_report_##name##_js, strata_report_##name##_js_end), true},
        SCRIPTS(FILLING)};
    struct page page = {0};
    put_page(&page, filling, sizeof filling / sizeof filling[0]);
    char *out = STRATA_NEW(&scratch, char, page.at + 1);
    if (!out) return no_room(err);
    page = (struct page){.out = out};
    put_page(&page, filling, sizeof filling / sizeof filling[0]);
    return strata_file_write(path, page.out, page.at, false, err);
}
