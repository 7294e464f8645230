/* A persona's picture: a figure without face, skin or sex, that wears what marks the segment most.  The emblem
 * on its chest and the badges beside it are pictograms of the strongest facts: filled where the segment is above
 * everybody, hollow with a bar where it is below.  Those who live with others stand before others.  An
 * SVG without ids, scripts or links, so that many fit into one page; the same bytes everywhere. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_EMBLEMS 4
#define MOST_BYTES 6000
#define MOST_TITLE 1200 /* bytes at the end of the title */

/* The segment colours of the page, in its order (graphics.js); dark is 0.6 of the colour, light a sixth of it on white. */
static const struct {
    const char *dark, *main, *light;
} hues[STRATA_HUES] = {{"#163449", "#24577a", "#dce4ea"}, {"#65301a", "#a8502c", "#f1e3dd"},
                       {"#234535", "#3b7359", "#e0e9e4"}, {"#492c48", "#7a4a78", "#eae2e9"},
                       {"#4d3d10", "#80651a", "#ebe6da"}, {"#264356", "#3f6f8f", "#e0e8ed"},
                       {"#612936", "#a1455a", "#f0e1e5"}, {"#323e1a", "#54682c", "#e4e7dd"},
                       {"#373659", "#5b5a94", "#e5e5ee"}, {"#41322a", "#6d5446", "#e8e4e1"},
                       {"#134348", "#1f6f78", "#dbe8e9"}, {"#532f56", "#8a4f8f", "#ece3ed"}};

/* Text put together in a fixed room; beyond it nothing is added. */
struct canvas {
    char text[MOST_BYTES];
    size_t n;
    struct strata_arena arena; /* of pieces, by value */
};

static void put(struct canvas *canvas, const char *text)
{
    const size_t n = text ? strlen(text) : 0;
    if (canvas->n + n >= MOST_BYTES) return;
    memcpy(canvas->text + canvas->n, text ? text : "", n);
    canvas->n += n;
    canvas->text[canvas->n] = '\0';
}

#define PUT(canvas, ...)                                         \
    do {                                                         \
        struct strata_arena brief_ = (canvas)->arena;            \
        put((canvas), strata_arena_print(&brief_, __VA_ARGS__)); \
    } while (0)

/* For content; of long texts the beginning, whole characters of UTF-8. */
static void put_escaped(struct canvas *canvas, const char *text)
{
    for (; *text; text++) {
        const bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && canvas->n > MOST_TITLE) return;
        const char one[2] = {*text, '\0'};
        put(canvas, *text == '&'                 ? "&amp;"
                    : *text == '<'               ? "&lt;"
                    : *text == '>'               ? "&gt;"
                    : *text == '"'               ? "&quot;"
                    : (unsigned char)*text < ' ' ? " "
                                                 : one);
    }
}

struct emblem {
    const struct strata_icon *icon;
    const struct strata_fact *fact;
    bool more;
};

/* The strongest facts with pictograms of their own. */
static size_t choose_emblems(const struct strata_teller *teller, struct emblem emblem[MOST_EMBLEMS])
{
    size_t n = 0;
    for (size_t i = 0; i < teller->n_facts && n < MOST_EMBLEMS; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        const struct strata_feature *feature = &teller->plan->config->feature[fact->feature];
        if (!strata_fact_marks(fact) || fact->direction == STRATA_MIDDLE) continue;
        const char *level =
            fact->level >= 0 ? teller->plan->table->column[fact->feature].level[fact->level] : NULL;
        const struct strata_icon *icon =
            strata_icon_find(feature->meaning, level, feature->label, fact->section);
        const bool nominal = teller->plan->as[fact->feature] == STRATA_AS_NOMINAL;
        bool drawn = false;
        for (size_t e = 0; e < n; e++) drawn |= emblem[e].icon == icon;
        if (drawn) continue;
        emblem[n++] = (struct emblem){
            icon, fact, nominal ? fact->direction == STRATA_HIGH : fact->effect > 0.0};
    }
    return n;
}

/* How many more stand behind: of households and families that are larger here. */
static int companions(const struct strata_teller *teller)
{
    int n = 0;
    for (size_t i = 0; i < teller->n_facts; i++) {
        const char *meaning = strata_teller_meaning(teller, &teller->fact[i]);
        if (teller->fact[i].effect < STRATA_NOTICEABLE) continue;
        if (teller->plan->as[teller->fact[i].feature] == STRATA_AS_NOMINAL) continue;
        if (strcmp(meaning, "household_size") == 0 || strcmp(meaning, "children") == 0) return 2;
        if (strcmp(meaning, "married") == 0) n = 1;
    }
    return n;
}

struct figure {
    int x, y, foot; /* the middle of the head, and how far the body reaches below it */
    double scale;
    const char *head, *body, *edge;
};

static void put_figure(struct canvas *canvas, struct figure figure)
{
    PUT(canvas,
        "<g transform=\"translate(%d %d) scale(%.2f)\"><path d=\"M-46 %dV92C-46 44-24 34 0 34s46 10 "
        "46 58V%dz\" fill=\"%s\" stroke=\"%s\" stroke-width=\"4\"/><circle r=\"27\" fill=\"%s\" "
        "stroke=\"%s\" stroke-width=\"4\"/></g>",
        figure.x, figure.y, figure.scale, figure.foot, figure.foot, figure.body, figure.edge,
        figure.head, figure.edge);
}

/* One customer, with those who live with them behind. */
static void put_figures(struct canvas *canvas, size_t hue, int others)
{
    const char *dark = hues[hue].dark, *main = hues[hue].main, *light = hues[hue].light;
    if (others > 0) put_figure(canvas, (struct figure){112, 80, 113, 0.66, main, dark, light});
    if (others > 1) put_figure(canvas, (struct figure){48, 80, 113, 0.66, main, dark, light});
    put_figure(canvas, (struct figure){80, 62, 96, 1.0, dark, main, light});
}

static void put_icon(struct canvas *canvas, const struct emblem *emblem, double x, double y,
                     double scale, const char *colour)
{
    PUT(canvas,
        "<g transform=\"translate(%.1f %.1f) scale(%.2f)\" fill=\"none\" stroke=\"%s\" "
        "stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\"><path d=\"%s\"/>%s"
        "</g>",
        x - 12.0 * scale, y - 12.0 * scale, scale, colour, emblem->icon->path,
        emblem->more ? "" : "<path d=\"M3 21L21 3\"/>");
}

static void put_badge(struct canvas *canvas, size_t hue, const struct emblem *emblem, int x, int y)
{
    PUT(canvas,
        "<circle cx=\"%d\" cy=\"%d\" r=\"19\" fill=\"%s\" stroke=\"%s\" stroke-width=\"%s\"/>", x,
        y, emblem->more ? hues[hue].dark : "#ffffff", emblem->more ? "#ffffff" : hues[hue].main,
        emblem->more ? "2" : "2.5");
    put_icon(canvas, emblem, x, y, 0.95, emblem->more ? "#ffffff" : hues[hue].dark);
}

/* The ground, after what kind of fact is the strongest. */
static void put_ground(struct canvas *canvas, size_t hue, const char *section)
{
    PUT(canvas, "<rect width=\"160\" height=\"160\" rx=\"36\" fill=\"%s\"/>", hues[hue].light);
    PUT(canvas, "<g fill=\"none\" stroke=\"%s\" stroke-opacity=\".28\" stroke-width=\"5\">",
        hues[hue].main);
    if (strcmp(section, "value") == 0 || strcmp(section, "offer") == 0)
        put(canvas, "<circle cx=\"80\" cy=\"62\" r=\"43\"/><circle cx=\"80\" cy=\"62\" r=\"58\"/>");
    else if (strcmp(section, "psychographic") == 0 || strcmp(section, "need") == 0)
        put(canvas, "<path d=\"M0 34q20-20 40 0t40 0 40 0 40 0M0 62q20-20 40 0t40 0 40 0 40 0M0 "
                    "90q20-20 40 0t40 0 40 0 40 0\"/>");
    else if (strcmp(section, "technographic") == 0 || strcmp(section, "channel") == 0)
        put(canvas, "<path d=\"M34 2v156M80 2v156M126 2v156M0 40h160M0 88h160\"/>");
    else if (strcmp(section, "demographic") == 0 || strcmp(section, "geographic") == 0)
        put(canvas, "<path d=\"M0 66l40-36 40 36 40-36 40 36M0 100l40-36 40 36 40-36 40 36\"/>");
    else
        put(canvas, "<path d=\"M4 58L58 4M4 106L106 4M16 144L144 16M60 156L156 60\"/>");
    put(canvas, "</g>");
}

/* "A figure with: spends more; comes less often." */
static const char *describe_picture(struct strata_teller *teller, const struct emblem *emblem,
                                    size_t n)
{
    const struct strata_fact *fact[3];
    for (size_t i = 0; i < n && i < 3; i++) fact[i] = emblem[i].fact;
    return n ? strata_teller_deeds(teller, fact, n)
             : strata_teller_text(teller, strata_message("definition.zero"));
}

void strata_portrait_avatar(struct strata_teller *teller, size_t hue,
                            struct strata_portrait *portrait)
{
    static const int place[MOST_EMBLEMS][2] = {{80, 128}, {133, 27}, {27, 27}, {27, 75}};
    struct emblem emblem[MOST_EMBLEMS];
    const size_t n = choose_emblems(teller, emblem);
    struct canvas canvas = {.n = 0, .arena = *teller->scratch};
    portrait->avatar_text = describe_picture(teller, emblem, n);
    put(&canvas, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 160 160\" role=\"img\">"
                 "<title>");
    put_escaped(&canvas, portrait->avatar_text);
    put(&canvas, "</title>");
    put_ground(&canvas, hue, n ? emblem[0].fact->section : "");
    put_figures(&canvas, hue, companions(teller));
    if (n > 0) put_icon(&canvas, &emblem[0], place[0][0], place[0][1], 1.9, "#ffffff");
    for (size_t i = 1; i < n; i++) put_badge(&canvas, hue, &emblem[i], place[i][0], place[i][1]);
    put(&canvas, "</svg>");
    portrait->avatar = strata_teller_text(teller, canvas.text);
}
