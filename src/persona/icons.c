/* Pictograms: lines in a box of 24 by 24, drawn for this purpose.  A feature's is found by its meaning, by the
 * words of its label (the catalogue has them, icon.NAME), or by its section. */
#include <string.h>

#include "persona/portrait_impl.h"

#define DISC "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16"

static const struct strata_icon icons[] = {
    {"house", "M4 12l8-7 8 7M6 11v8h12v-8M10 19v-5h4v5"},
    {"basket", "M4 10h16l-2 9H6zM8 10l4-6 4 6M10 13v3M14 13v3"},
    {"bag", "M6 8h12l1 12H5zM9 11V7a3 3 0 0 1 6 0v4"},
    {"coins", "M5 7a7 3 0 1 0 14 0a7 3 0 1 0-14 0M5 7v10a7 3 0 0 0 14 0V7M5 12a7 3 0 0 0 14 0"},
    {"percent", "M6 18L18 6M7.5 5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M16.5 14a2.5 2.5 0 1 0 0 "
                "5a2.5 2.5 0 1 0 0-5"},
    {"ticket", "M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM14 7v2M14 11v2M14 15v2"},
    {"tag", "M4 12V4h8l8 8-8 8zM8 8v.3"},
    {"clock", DISC "M12 8v4l3 2"},
    {"calendar", "M5 6h14v13H5zM5 10h14M9 4v4M15 4v4"},
    {"repeat", "M5 12a7 7 0 0 1 12-5l2 2M19 4v5h-5M19 12a7 7 0 0 1-12 5l-2-2M5 20v-5h5"},
    {"shapes", "M12 3l4 7H8zM4 14h6v6H4zM17 14a3 3 0 1 0 0 6a3 3 0 1 0 0-6"},
    {"box", "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8"},
    {"seal", "M12 3a6 6 0 1 0 0 12a6 6 0 1 0 0-12M9 14l-2 7 5-3 5 3-2-7"},
    {"return", "M9 5L4 10l5 5M4 10h11a5 5 0 0 1 0 10h-4"},
    {"megaphone", "M4 10v4h3l9 5V5l-9 5zM19 9a4 4 0 0 1 0 6"},
    {"check", DISC "M8 12l3 3 5-6"},
    {"exit", "M13 4H5v16h8M10 12h11M17 8l4 4-4 4"},
    {"store", "M5 11v8h14v-8M4 11l2-6h12l2 6zM10 19v-4h4v4"},
    {"globe", DISC "M4 12h16M12 4c-5 5-5 11 0 16c5-5 5-11 0-16"},
    {"app", "M5 5h5v5H5zM14 5h5v5h-5zM5 14h5v5H5zM14 14h5v5h-5z"},
    {"phone", "M8 3h8v18H8zM11 18h2"},
    {"letter", "M4 6h16v12H4zM4 7l8 6 8-6"},
    {"chat", "M4 5h16v11h-9l-4 4v-4H4z"},
    {"people", "M9 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M3.5 19a5.5 5.5 0 0 1 11 0M16 5.5a2.7 2.7 0 1 1 0 "
               "5.400M17 14a5 5 0 0 1 3.5 5"},
    {"rings", "M9 7a5 5 0 1 0 0 10a5 5 0 1 0 0-10M15 7a5 5 0 1 0 0 10a5 5 0 1 0 0-10"},
    {"hourglass", "M7 4h10M7 20h10M8 4c0 5 8 7 8 11v5M16 4c0 5-8 7-8 11v5"},
    {"wallet", "M4 7h15v12H4zM4 7l12-3v3M19 11h-4a2 2 0 0 0 0 4h4"},
    {"cap", "M2.5 10L12 6l9.5 4L12 14zM6.5 12v4c3 2.5 8 2.5 11 0v-4"},
    {"smile", DISC "M8 14a5 5 0 0 0 8 0M9 9v.6M15 9v.6"},
    {"warning", "M12 4l9 15H3zM12 10v4M12 16.5v.3"},
    {"heart", "M12 20C5 15 3.5 12 3.5 9A4.3 4.3 0 0 1 12 7.5A4.3 4.3 0 0 1 20.5 9c0 3-1.5 6-8.5 "
              "11z"},
    {"star", "M12 4l2.4 5.2 5.6.6-4.2 3.8 1.2 5.600L12 16.4 7 19.200l1.2-5.600L4 "
             "9.800l5.6-.6z"},
    {"pin", "M12 21c-5-6-7-8-7-11a7 7 0 0 1 14 0c0 3-2 5-7 11M12 7.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 "
            "1 0 0-5"},
    {"building", "M6 20V4h12v16M4 20h16M10 8v.3M14 8v.3M10 12v.3M14 12v.3M10 20v-4h4v4"},
    {"laptop", "M6 5h12v10H6zM3 19h18"},
    {"window", "M4 5h16v14H4zM4 9h16M10 12l-2 2 2 2M14 12l2 2-2 2"},
    {"person", "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M4.5 20a7.5 7.5 0 0 1 15 0"},
    {"bars", "M5 20v-6M12 20V5M19 20v-9"},
    {"target", DISC "M12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6"},
    {"leaf", "M6 18C3 10 10 5 20 4c0 10-5 17-14 14M4 21c2-5 5-8 9-10"},
    {"dumbbell", "M4 9v6M7 7v10M17 7v10M20 9v6M7 12h10"},
    {"music", "M9 17V6l10-2v11M6.5 14.500a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M16.5 12.500a2.5 "
              "2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5"},
    {"temple", "M4 9l8-5 8 5zM6 9v8M10 9v8M14 9v8M18 9v8M4 20h16"},
    {"sun", "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.4 "
            "1.400M17 17l1.4 1.400M5.6 18.400l1.4-1.400M17 7l1.4-1.4"},
    {"diamond", "M7 5h10l4 5-9 10L3 10zM3 10h18"},
    {"television", "M4 6h16v11H4zM9 20h6"},
    {"film", "M4 5h16v14H4zM8 5v14M16 5v14M4 12h4M16 12h4"},
    {"shield", "M12 3l7 3v6c0 5-3 7-7 9c-4-2-7-4-7-9V6z"},
    {"cloud", "M7 18a4 4 0 0 1 0-8a5.5 5.5 0 0 1 10.5 1A3.5 3.5 0 0 1 17 18z"},
    {"headset", "M5 14v-2a7 7 0 0 1 14 0v2M4 13h3v5H4zM17 13h3v5h-3zM19 18c0 2-2 3-5 3"},
    {"waves", "M4 10a11 11 0 0 1 16 0M7 13.500a7 7 0 0 1 10 0M10 17a3 3 0 0 1 4 0M12 19.500v.3"},
    {"card", "M4 6h16v12H4zM4 10h16M7 15h3"},
    {"document", "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"},
    {"fork", "M8 3v18M5 3v5a3 3 0 0 0 6 0V3M16 3c-2 2-2 7 0 9v9"},
    {"fish", "M3 12c4-6 11-6 14 0c-3 6-10 6-14 0M17 12l4-4v8zM8 11v.3"},
    {"pump", "M5 20V5h8v15M4 20h10M5 10h8M13 12h3v5a1.5 1.5 0 0 0 3 0V9l-3-3"},
    {"bottle", "M10 3h4v4l2 3v11H8V10l2-3zM8 14h8"},
    {"flake", "M12 3v18M4.2 7.500l15.6 9M19.8 7.500l-15.6 9"},
    {"sofa", "M5 11V8a2 2 0 0 1 2-2h10a2 2 0 0 1 2 2v3M3 12h4v3h10v-3h4v6H3zM6 18v2M18 18v2"},
    {"cross", "M9 4h6v5h5v6h-5v5H9v-5H4V9h5z"},
    {"mountain", "M3 19l6-11 4 6 2-3 6 8z"},
    {"briefcase", "M4 8h16v11H4zM9 8V5h6v3M4 13h16"},
    {"palette", "M12 4a8 8 0 1 0 0 16c2 0 1-3 2-4s6 0 6-4a8 8 0 0 0-8-8M8 10v.3M12 8v.3M16 10v.3"},
    {"list", "M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2"},
};
enum { ICON_COUNT = sizeof icons / sizeof icons[0] };

static const struct {
    const char *word, *icon;
} by_word[] = {
    /* meanings */
    {"age", "hourglass"},
    {"income", "wallet"},
    {"education", "cap"},
    {"occupation", "briefcase"},
    {"married", "rings"},
    {"household_size", "people"},
    {"children", "people"},
    {"homeowner", "house"},
    {"region", "pin"},
    {"city_size", "building"},
    {"distance", "pin"},
    {"climate", "sun"},
    {"satisfaction", "smile"},
    {"complaints", "warning"},
    {"loyalty", "heart"},
    {"price_sensitivity", "tag"},
    {"spend", "coins"},
    {"frequency", "repeat"},
    {"recency", "clock"},
    {"tenure", "calendar"},
    {"basket_size", "basket"},
    {"quantity", "box"},
    {"unit_price", "diamond"},
    {"discount", "percent"},
    {"coupon", "ticket"},
    {"full_price", "tag"},
    {"variety", "shapes"},
    {"private_label", "seal"},
    {"returns", "return"},
    {"campaign", "megaphone"},
    {"response", "check"},
    {"churn", "exit"},
    {"store", "store"},
    {"web", "globe"},
    {"app", "app"},
    {"email", "letter"},
    {"mail", "letter"},
    {"phone", "phone"},
    {"social", "chat"},
    {"employees", "people"},
    {"revenue", "coins"},
    {"industry", "building"},
    {"language", "chat"},
    /* meanings whose label says more */
    {"category", "bag"},
    {"motive", "star"},
    {"interest", "star"},
    {"device", "laptop"},
    {"software", "window"},
    /* sections */
    {"demographic", "person"},
    {"geographic", "pin"},
    {"psychographic", "star"},
    {"firmographic", "building"},
    {"technographic", "laptop"},
    {"channel", "chat"},
    {"offer", "percent"},
    {"value", "coins"},
    {"need", "smile"},
    {"outcome", "target"},
};

static const struct strata_icon *icon_named(const char *name)
{
    for (size_t i = 0; i < ICON_COUNT; i++) {
        if (strcmp(icons[i].name, name) == 0) return &icons[i];
    }
    return NULL;
}

static const struct strata_icon *icon_of(const char *word)
{
    for (size_t i = 0; i < sizeof by_word / sizeof by_word[0]; i++) {
        if (strcmp(by_word[i].word, word) == 0) return icon_named(by_word[i].icon);
    }
    return NULL;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

/* Whether a word of the text, in lower case, begins with one of the list. */
static bool has_word_of(const char *text, const char *list)
{
    for (const char *at = text; *at; at++) {
        if (!is_letter(*at) || (at > text && is_letter(at[-1]))) continue;
        for (const char *word = list + strspn(list, " "); *word;) {
            const size_t n = strcspn(word, " ");
            size_t same = 0;
            while (same < n && lower(at[same]) == word[same]) same++;
            if (same == n) return true;
            word += n;
            word += strspn(word, " ");
        }
    }
    return false;
}

static const struct strata_icon *icon_by_label(const char *text)
{
    for (size_t i = 0; text && i < ICON_COUNT; i++) {
        const char *list = strata_message_at("icon", icons[i].name, NULL);
        if (list && has_word_of(text, list)) return &icons[i];
    }
    return NULL;
}

/* Whether the label tells more than the meaning. */
static bool is_general(const char *meaning)
{
    return strata_is_liking(meaning) && strcmp(meaning, "private_label") != 0;
}

const struct strata_icon *strata_icon_find(const char *meaning, const char *level,
                                           const char *label, const char *section)
{
    const struct strata_icon *icon = NULL;
    if (meaning && !is_general(meaning)) icon = icon_of(meaning);
    if (!icon) icon = icon_by_label(level);
    if (!icon) icon = icon_by_label(label);
    if (!icon && meaning) icon = icon_of(meaning);
    if (!icon) icon = icon_of(section);
    return icon ? icon : icon_named("bars");
}
