"""What is wrong with the statements of a record: each is a text and the figures it rests on, compared with figures by SQL."""
import re

NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?")
FIELDS = ("value", "reference", "low", "high")
# Words that claim which side of everybody's figure a value is on.
MORE = re.compile(r"\b(more|above|larger|older|longer|higher|wider|further|dearer|better)\b", re.I)
LESS = re.compile(r"\b(less|fewer|below|only|smaller|younger|lower|narrower|closer|cheaper)\b", re.I)


def near(a, b, tolerance=1e-9):
    return a is not None and b is not None and abs(a - b) <= tolerance * max(1e-12, abs(a), abs(b))


def numbers_in(text, names):
    """(number, unit of its last digit, place) of a text, in which labels and levels count as words; and that text."""
    for name in sorted(names, key=len, reverse=True):
        for form in {name, name[:1].upper() + name[1:]}:
            text = re.sub(rf"(?<![\w.,]){re.escape(form)}(?![\w%]|[.,]\d)", "#", text)
    found = []
    for match in NUMBER.finditer(text):
        digits, _, exponent = match[0].replace(",", "").partition("e")
        decimals = len(digits.partition(".")[2])
        found.append((float(match[0].replace(",", "")), 10.0 ** (int(exponent or 0) - decimals), match.start()))
    return found, text


def shows(shown, unit, number, scales):
    """Whether a number of a text is a figure, rounded to its last digit; a share also as a percentage."""
    return any(abs(number * scale - shown) <= 0.5 * unit * (1 + 1e-9) + 1e-12 * abs(number * scale) for scale in scales)


def statements_in(message):
    """Every statement of a message, wherever it is."""
    if message.DESCRIPTOR.name == "Statement":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if field.label == field.LABEL_REPEATED else (value,):
                yield from statements_in(one)


class Teller:
    """Finds what is untrue in the texts of one run."""

    def __init__(self, result, oracle):
        self.result, self.oracle = result, oracle
        self.names = set().union(*(self.names_of(feature) for feature in result.features))

    def names_of(self, feature):
        return {name for name in (feature.label, *feature.levels) if any(c.isdigit() for c in name)}

    def scales(self, statement):
        if statement.statistic in ("share", "size", "part", "growth"):
            return (100.0,)
        if statement.statistic == "index":
            return (1.0, 0.01)
        unit = self.result.features[statement.feature].unit
        return (100.0,) if unit == "share" or unit.startswith("share of ") else (1.0,)

    def complaints(self, segment, statement):
        """What is untrue in a statement of a segment; nothing, one hopes."""
        want = self.oracle.statement(segment, statement)
        if want is None:
            return [f"nothing is known of a {statement.statistic} like this"]
        value, reference, count, low, high = want
        wrong = []
        for name, right in zip(FIELDS, (value, reference, low, high)):
            got = getattr(statement, name)
            scale = max(abs(value), abs(high - low))
            if not statement.HasField(name) or not near(got, right) and abs(got - right) > 1e-9 * scale:
                wrong.append(f"{name} is {got}, by SQL {right}")
        if statement.count != count:
            wrong.append(f"count is {statement.count}, by SQL {count}")
        return wrong + self.text_complaints(statement)

    def text_complaints(self, statement):
        """The figure stands before "against", everybody's after it, and no number is in neither."""
        names = self.names_of(self.result.features[statement.feature]) if statement.HasField("feature") else set()
        found, text = numbers_in(statement.text, names)
        scales = self.scales(statement)
        against = text.find("against") if "against" in text else len(text)
        wrong, told = [], False
        for shown, unit, at in found:
            if statement.statistic in ("size", "part"):
                fits = shows(shown, unit, statement.value, scales) or shows(shown, unit, statement.reference, scales)
                fits = fits or statement.statistic == "size" and shown == statement.count
            elif at < against:
                fits = shows(shown, unit, statement.value, scales)
            else:
                fits = shows(shown, unit, statement.reference, scales)
            told = told or shows(shown, unit, statement.value, scales)
            if not fits:
                wrong.append(f"{shown:g} is not in the record")
        if not told and (statement.text or "").strip():
            wrong.append("the value is not told")
        return wrong + self.side_complaints(statement, text)

    def side_complaints(self, statement, text):
        if statement.statistic in ("size", "part", "gap") or "recently" in text:
            return []
        feature = self.result.features[statement.feature]
        for name in (feature.label, *(feature.levels[statement.level:statement.level + 1] if statement.HasField("level") else ())):
            text = text.replace(name, "#").replace(name[:1].upper() + name[1:], "#")
        if LESS.search(text) and statement.value > statement.reference:
            return ["it claims less, and is more"]
        if MORE.search(text) and not LESS.search(text) and statement.value < statement.reference:
            return ["it claims more, and is less"]
        return []

    def definition_complaints(self, segment):
        """A definition has figures of the segment's statements only."""
        statements = list(segment.statements)
        found, text = numbers_in(segment.definition, self.names)
        against = text.find("against") if "against" in text else len(text)
        for shown, unit, at in found:
            if shown == segment.size:
                continue
            if not any(shows(shown, unit, one.value if at < against else one.reference, self.scales(one))
                       for one in statements if one.HasField("feature")):
                return [f"{shown:g} is in no statement"]
        return []

    def advice_complaints(self, segment):
        """Words without a figure have none."""
        persona = segment.persona
        texts = [one.reason.text for one in persona.offers] + [line.text for brief in segment.briefs for line in brief.lines]
        texts += [persona.tone.text, persona.avatar_text, segment.name, persona.name]
        return [f"a figure in: {text}" for text in texts if numbers_in(text, self.names)[0]]

    def condition_complaints(self, condition):
        """The numbers of a condition's sentence are its bounds."""
        feature = self.result.features[condition.feature]
        bounds = [condition.low] if condition.HasField("low") else []
        bounds += [condition.high] if condition.HasField("high") else []
        scales = (100.0,) if feature.unit == "share" or feature.unit.startswith("share of ") else (1.0,)
        found, _ = numbers_in(condition.sentence, self.names_of(feature))
        wrong = [f"{shown:g} is no bound" for shown, _, _ in found
                 if not any(near(shown, bound * scale, 1e-9) for bound in bounds for scale in scales)]
        if feature.type in (1, 2) and len(found) < len(bounds):
            wrong.append("a bound is not told")
        return wrong
