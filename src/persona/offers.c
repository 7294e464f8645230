/* Offers that fit and the tone to make them in: each of the facts that speak for it. */
#include <math.h>
#include <string.h>

#include "persona/portrait_impl.h"

#define MOST_BECAUSE 4
#define MOST_EFFECT 3.0 /* beyond it nothing speaks louder */

/* Which meanings speak for an offer when they are high (or low). */
static const struct {
    enum strata_offer_kind kind;
    const char *meaning;
    int sign;
} votes[] = {
    {STRATA_OFFER_DISCOUNT, "discount", 1},
    {STRATA_OFFER_DISCOUNT, "coupon", 1},
    {STRATA_OFFER_DISCOUNT, "price_sensitivity", 1},
    {STRATA_OFFER_DISCOUNT, "full_price", -1},
    {STRATA_OFFER_LOYALTY, "frequency", 1},
    {STRATA_OFFER_LOYALTY, "spend", 1},
    {STRATA_OFFER_LOYALTY, "tenure", 1},
    {STRATA_OFFER_LOYALTY, "loyalty", 1},
    {STRATA_OFFER_FULL_PRICE, "full_price", 1},
    {STRATA_OFFER_FULL_PRICE, "unit_price", 1},
    {STRATA_OFFER_FULL_PRICE, "discount", -1},
    {STRATA_OFFER_FULL_PRICE, "price_sensitivity", -1},
    {STRATA_OFFER_BUNDLE, "basket_size", 1},
    {STRATA_OFFER_BUNDLE, "quantity", 1},
    {STRATA_OFFER_BUNDLE, "variety", 1},
    {STRATA_OFFER_BUNDLE, "device", 1},
    {STRATA_OFFER_BUNDLE, "software", 1},
    {STRATA_OFFER_WIN_BACK, "recency", 1},
    {STRATA_OFFER_WIN_BACK, "churn", 1},
};

static const char *const offer_keys[STRATA_OFFER_COUNT] = {
    [STRATA_OFFER_DISCOUNT] = "offer.discount",
    [STRATA_OFFER_LOYALTY] = "offer.loyalty",
    [STRATA_OFFER_FULL_PRICE] = "offer.full_price",
    [STRATA_OFFER_BUNDLE] = "offer.bundle",
    [STRATA_OFFER_WIN_BACK] = "offer.win_back"};

static int sign_of(enum strata_offer_kind kind, const char *meaning)
{
    for (size_t i = 0; i < sizeof votes / sizeof votes[0]; i++) {
        if (votes[i].kind == kind && strcmp(votes[i].meaning, meaning) == 0) return votes[i].sign;
    }
    return 0;
}

/* The facts that speak for an offer, strongest first, and how well it fits on the whole; NaN when nothing
 * noticeable does. */
static double find_reasons(const struct strata_teller *teller, enum strata_offer_kind kind,
                           const struct strata_fact *reason[MOST_BECAUSE], size_t *n_reasons)
{
    double sum = 0.0;
    size_t n = 0;
    *n_reasons = 0;
    for (size_t i = 0; i < teller->n_facts; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        const int sign = sign_of(kind, strata_teller_meaning(teller, fact));
        if (sign == 0 || teller->plan->as[fact->feature] == STRATA_AS_NOMINAL) continue;
        const double effect = (double)sign * fact->effect;
        sum += fmax(-MOST_EFFECT, fmin(MOST_EFFECT, effect));
        n++;
        if (effect >= STRATA_NOTICEABLE && *n_reasons < MOST_BECAUSE) reason[(*n_reasons)++] = fact;
    }
    return *n_reasons ? sum / (double)n : STRATA_UNKNOWN;
}

static void consider_offer(struct strata_teller *teller, enum strata_offer_kind kind,
                           struct strata_portrait *portrait)
{
    const struct strata_fact *reason[MOST_BECAUSE];
    size_t n = 0;
    const double fit = find_reasons(teller, kind, reason, &n);
    if (!(fit >= STRATA_NOTICEABLE)) return;
    struct strata_offer offer = {
        .kind = kind, .fit = fit, .title = strata_message_at(offer_keys[kind], "title", NULL)};
    offer.reason.text = strata_teller_deeds(teller, reason, n);
    for (size_t i = 0; i < n; i++)
        strata_teller_add(teller, &offer.reason.because, MOST_BECAUSE,
                          strata_teller_say(teller, reason[i], NULL));
    size_t at = portrait->n_offers++;
    for (; at > 0 && fit > portrait->offer[at - 1].fit; at--)
        portrait->offer[at] = portrait->offer[at - 1];
    portrait->offer[at] = offer;
}

void strata_portrait_offers(struct strata_teller *teller, struct strata_portrait *portrait)
{
    for (int kind = 0; kind < STRATA_OFFER_COUNT; kind++)
        consider_offer(teller, (enum strata_offer_kind)kind, portrait);
}

void strata_portrait_tone(struct strata_teller *teller, struct strata_portrait *portrait)
{
    for (size_t i = 0; i < teller->n_facts && !portrait->tone.text; i++) {
        const struct strata_fact *fact = &teller->fact[i];
        const char *words = strata_teller_words(teller, "tone", fact);
        if (!words) continue;
        const struct strata_slot slot = {"label",
                                         teller->plan->config->feature[fact->feature].label};
        portrait->tone.text = strata_message_fill(words, &slot, 1, teller->keep);
        if (!portrait->tone.text) teller->starved = true;
        strata_teller_add(teller, &portrait->tone.because, 1, strata_teller_say(teller, fact, NULL));
    }
}
