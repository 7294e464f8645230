"""Personas, rules, the tree and a-priori segments for the sample record: every field is set somewhere, and not
everywhere."""

ALIASES = ["Ada", "Ben", "Cleo", "Dana", "Eli", "Fay", "Gil", "Hana", "Ivo", "Jo", "Kim", "Lou"]


def statement(into, result, segment, feature, text, section):
    """A sentence about a feature with the figures that the cells have."""
    cell, every = segment.cells[feature], result.everybody[feature]
    one = into(text=text, section=section, feature=feature, count=cell.count)
    if cell.HasField("mean"):
        one.statistic, one.value, one.reference = "mean", cell.mean, every.mean
        one.low, one.high = sorted((cell.mean * 0.97, cell.mean * 1.03))
    else:
        one.statistic, one.value, one.reference, one.low, one.high = "share", 0.31, 0.22, 0.27, 0.35
        one.level = 0
    return one


def avatar(number):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" '
            f'fill="hsl({number * 67 % 360} 40% 82%)"/><circle cx="50" cy="42" r="20" fill="#8d5a3b"/>'
            f'<path d="M15 100q5-38 35-38t35 38z" fill="hsl({number * 67 % 360} 35% 42%)"/></svg>')


def fill_persona(result, segment):
    number, k = segment.id, len(result.segments)
    persona = segment.persona
    persona.name = ALIASES[(number - 1) % len(ALIASES)] + ("" if number <= len(ALIASES) else f" {number}")
    persona.title, persona.definition = segment.name, segment.definition
    if number != 2:
        statement(lambda **words: set_fields(persona.age, words), result, segment, 12,
                  "Most are 35 to 44 years old.", "demographic")
        statement(persona.household.add, result, segment, 14, "Two adults with children live in most households.",
                  "demographic")
        statement(persona.household.add, result, segment, 15, "They own their home.", "demographic")
    buys = persona.sections.add(topic=4, title="How they buy")
    for feature in range(0, 9 if number == 1 else 4):
        label = result.features[feature].label
        statement(buys.statements.add, result, segment, feature, f"Their {label} differs from everybody\u2019s.", "behavioural")
    uses = persona.sections.add(topic=5, title="What they use")
    statement(uses.statements.add, result, segment, 11, "They buy fuel here more often.", "technographic")
    statement(persona.needs.add, result, segment, 7, "They look for fresh produce.", "need")
    statement(persona.pains.add, result, segment, 4, "They rarely find a price that they like.", "need")
    for i, (feature, label) in enumerate(((10, "mailings"), (5, "coupons <here>"), (11, "the fuel station"))):
        one = persona.channels.add(feature=feature, label=label, index=150 - 55 * i + number, preferred=i == 0)
        statement(lambda one=one, **words: set_fields(one.evidence, words), result, segment, feature,
                  f"They use {label} more than others do.", "channel")
    offer = persona.offers.add(kind=1, title="Discounts", fit=0.8)
    offer.reason.text = "They buy on offer more than others do."
    statement(offer.reason.because.add, result, segment, 4, "They save more by discounts.", "offer")
    statement(offer.reason.because.add, result, segment, 5, "They redeem more coupons.", "offer")
    liked = persona.affinities.add(feature=14, level=2, label="fresh & organic", preferred=True)
    statement(lambda **words: set_fields(liked.evidence, words), result, segment, 7, "They buy more produce.", "need")
    persona.tone.text = "Plain and quick: they come often."
    statement(persona.tone.because.add, result, segment, 1, "They come often.", "behavioural")
    persona.value.add(text="They bring a large part of all spend.", section="value", statistic="part", feature=2,
                      value=segment.share * 1.2, reference=1, count=segment.size, low=segment.share,
                      high=segment.share * 1.4)
    persona.potential.add(text="At everybody\u2019s average they would spend more.", section="value", statistic="gap",
                          feature=2, value=120000, count=segment.size)
    for feature in (0, 2, 12, 14):
        trait = persona.typical.add(feature=feature, label=result.features[feature].label, text="35-44", count=segment.size)
        if feature >= 12:
            trait.level, trait.share = 2, 0.34
        else:
            trait.number = 3
    persona.avatar, persona.avatar_text = avatar(number), "A drawn person with short dark hair <and> a green jumper"
    for department, title in enumerate(("Marketing", "Product", "Service", "Sales"), 1):
        if department == 3 and number % 2:
            continue
        brief = segment.briefs.add(department=department, title=title)
        for line in range(2):
            item = brief.lines.add(text=f"Speak of fresh food first ({title.lower()}, {'again' if line else 'now'}).")
            statement(item.because.add, result, segment, 7, "They buy more produce.", "need")
    one = segment.attractiveness
    one.size, one.value, one.reach = 100 * k * segment.share, 60 + 37 * number % 150, 90 + 13 * number % 40
    one.score, one.rank, one.value_share = 0.35 + 0.4 * ((number * 7) % k) / k, number, segment.share


def set_fields(message, words):
    """What add() does for a repeated field, for a single one."""
    for name, value in words.items():
        setattr(message, name, value)
    return message


def fill_rule(result, segment):
    rule = segment.rule
    for feature, words, low in ((1, "visits a year at least 40", 40), (4, "share of spend saved under 0.2", None)):
        one = rule.conditions.add(feature=feature, sentence=words)
        if low:
            one.low = low
        else:
            one.high = 0.2
    rule.sentence = "visits a year at least 40 and share of spend saved under 0.2"
    rule.sql = '"visits" >= 40 AND "discount_share" < 0.2 -- <all>'
    rule.count, rule.hits = segment.size, round(segment.size * 0.83)
    rule.coverage, rule.precision, rule.lift = 0.83, 0.83, 0.83 / max(segment.share, 1e-3)


def fill_tree(result):
    tree, k = result.tree, min(len(result.segments), 12)
    for i in range(k - 1):  # a comb: one segment leaves at each question
        node = tree.nodes.add(yes=2 * i + 1, no=2 * i + 2, segment=i + 1, count=100, depth=i)
        node.condition.feature, node.condition.low = 1, 40 - i
        node.condition.sentence = f"visits a year at least {40 - i}"
        tree.nodes.add(segment=i + 1, count=result.segments[i].size, hits=result.segments[i].size * 4 // 5, depth=i + 1)
    tree.nodes.add(segment=k, count=result.segments[-1].size, depth=k - 1)  # too few: no hits
    tree.leaves, tree.depth, tree.hits, tree.fidelity = k, k - 1, 2000, 2000 / 2377
    tree.sql = "CASE WHEN \"visits\" >= 40 THEN 1 ELSE 2 END"


def fill_apriori(result):
    one = result.apriori.add(name="Young <families>", sql="age < 35 AND children > 0", size=212, share=0.089)
    one.markers.add(feature=5, effect=0.8)
    for i, segment in enumerate(result.segments):
        cross = one.cross.add(count=20 + i, hidden=i == 1)
        if i != 1:
            cross.share, cross.index = segment.share, 100
    result.apriori.add(name="Nearly nobody", sql="age > 110", hidden=True)


def fill(result):
    """All of it, from the cells on."""
    for segment in result.segments[:70]:
        for cell in segment.cells:
            if cell.HasField("effect"):
                cell.effect_low, cell.effect_high = cell.effect - 0.12, cell.effect + 0.12
                cell.odds_ratio, cell.odds_low, cell.odds_high = 1.6, 1.2, 2.1
        for marker in segment.markers:
            marker.effect_low, marker.effect_high, marker.p = marker.effect - 0.12, marker.effect + 0.12, 0.0004
        fill_persona(result, segment)
        if segment.id != 3:
            fill_rule(result, segment)
    if len(result.segments) > 1:
        fill_tree(result)
    fill_apriori(result)
    result.correction = "holm"
    weights = result.attractiveness_weights
    weights.size, weights.value, weights.growth, weights.reach = 0.3, 0.4, 0, 0.3
    result.value_feature = 2


def texts(segment):
    """Every sentence of a segment that has evidence."""
    persona = segment.persona
    alone = [persona.age] if persona.HasField("age") else []
    alone += [*persona.household, *persona.needs, *persona.pains, *persona.value, *persona.potential]
    alone += [one for section in persona.sections for one in section.statements]
    advice = [one.reason for one in persona.offers] + [line for brief in segment.briefs for line in brief.lines]
    advice += [persona.tone] if persona.HasField("tone") else []
    shown = [one.text for one in alone] + [one.text for one in advice]
    return shown + [one.label[:1].upper() + one.label[1:] for one in (*persona.channels, *persona.affinities)]

