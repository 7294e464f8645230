"""What holds of every page: it draws itself whole and alone, every sentence shows its evidence, and nobody is shut out."""

import glob
import os
import re
import sys
from html.parser import HTMLParser

HERE = os.path.dirname(os.path.abspath(__file__))
REPORT = os.path.join(HERE, "../../../src/results/report")
AXE = os.environ.get("STRATA_AXE_JS") or os.path.join(HERE, "../../../.deps/axe/axe.min.js")
DETAILED = 64  # segments that the page shows with all that is known of them


def fail(text):
    sys.exit(f"FAILED: {text}")


def check(condition, text):
    if not condition:
        fail(text)


class Page(HTMLParser):
    """What a page holds, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetches, self.ids, self.links, self.texts = [], [], set(), [], []
        self.charts, self.open_charts = [], 0
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.inside = tag
        self.tags.append((tag, values))
        self.ids.add(values.get("id"))
        if values.get("class") == "chart":
            self.charts.append({"label": values.get("aria-label", ""), "shapes": 0})
        if tag in ("path", "rect", "text") and self.charts:
            self.charts[-1]["shapes"] += 1
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = values.get(name)
            if value is not None and not value.startswith("#"):
                self.fetches.append(f"<{tag} {name}={value[:60]}>")
            elif value is not None and name == "href":
                self.links.append(value[1:])

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.texts.append(data)

    def count(self, tag, class_name=None):
        return sum(one == tag and (class_name is None or values.get("class") == class_name)
                   for one, values in self.tags)


def check_source(text):
    page = Page(text)
    check(not page.fetches, f"the page fetches {page.fetches}")
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    check("@import" not in style and "url(" not in style, "the style fetches")
    check(re.search(r"default-src 'none'", text), "the page has no policy that forbids the network")
    check("http-equiv" in text and "connect-src" not in text, "the policy lets the page connect")
    parts = glob.glob(os.path.join(REPORT, "*.js"))
    check(len(parts) > 5, "the page's scripts are not where they are looked for")
    for part in parts:
        own = open(part, encoding="utf-8").read()
        check(own.strip() in text, f"{os.path.basename(part)} is not in the page")
        check(not re.search(r"innerHTML|outerHTML|document\.write|fetch\(|XMLHttpRequest|https?:", own),
              f"{os.path.basename(part)} writes markup or fetches")


def shown(browser, path, **how):
    """The page as the browser has made it, which was silent and asked nobody for anything."""
    browser.show(path, **how)
    page = Page(browser.run("document.documentElement.outerHTML"))
    asked = [url for url in browser.requests if not url.startswith(("data:", "file://"))]
    others = [url for url in browser.requests if url.startswith("file://") and not url.endswith(path)]
    check(not browser.console, f"the browser's console says: {browser.console[:3]}")
    check(not asked and not others, f"the page asks for {(asked + others)[:3]}")
    check(browser.run("document.documentElement.scrollWidth <= innerWidth"), f"the page is wider than its window: {how}")
    return page


def check_drawn(page, message):
    k = len(message.segments)
    everything = "".join(page.texts)
    check(any(tag == "html" and values.get("data-drawn") == "yes" for tag, values in page.tags),
          "the script did not reach its end")
    detailed = message.segments[:DETAILED]
    check(page.count("article", "card") == len(detailed), "a segment has no card")
    check(page.count("h1") == 1, "the page has not exactly one first heading")
    wanted = (5 if k > 1 else 2) + (k > 12) + 1 + bool(message.stability.gorges) + bool(message.stability.flows)
    check(len(page.charts) >= wanted, f"only {len(page.charts)} charts")
    for chart in page.charts:
        check(chart["shapes"] >= 3, f"nothing is drawn in: {chart['label'][:60]}")
        check(len(chart["label"]) > 20, "a chart has no words for those who cannot see it")
    check(page.count("img") == (2 if k <= 12 else 1) * sum(bool(one.persona.avatar) for one in detailed),
          "a persona has no picture")
    check_told(page, message, detailed, everything)
    for target in page.links:
        check(target in page.ids, f"a link leads nowhere: #{target}")


def told_by_bars(segment):
    """Sentences that stand with the bar of what they like, because it says the same."""
    of = lambda one: (one.feature, one.level if one.HasField("level") else None)
    persona = segment.persona
    liked = {of(one) for one in persona.affinities if one.HasField("evidence")}
    same = {one.evidence.text for one in persona.affinities if one.HasField("evidence")}
    sections = [one for section in persona.sections for one in section.statements]
    return sum(of(one) in liked for one in persona.needs) + sum(one.text in same for one in sections)


def check_told(page, message, detailed, everything):
    from persona_sample import texts
    says, evidence = page.count("button", "says"), page.count("span", "evidence")
    check(says == evidence, f"{says} sentences have {evidence} times evidence")
    told = sum(len(texts(one)) - told_by_bars(one) if one.HasField("persona") else len(one.statements) for one in detailed)
    check(says >= told > 0, f"{says} of {told} sentences show their evidence")
    for segment in message.segments:
        check(segment.name in everything and segment.definition in everything, f"{segment.name} is not told")
        for text in texts(segment) if segment.HasField("persona") and segment.id <= DETAILED else ():
            check(text in everything, f"{segment.name}: \"{text}\" is not told")
        if segment.HasField("rule") and segment.id <= DETAILED:
            check(segment.rule.sql in everything and segment.rule.sentence in everything, f"{segment.name} has no rule")
    for one in (*message.stability.gorges, *message.map.axes):
        check((one.sentence if hasattr(one, "sentence") else one.name) in everything, "the sample is not told")
    alone = "nothing is known about how segments keep" in everything
    check(alone == bool(message.stability.gorges and not message.stability.solutions), "whether there are other solutions is not told")
    for feature in message.features:
        label = feature.label[:1].upper() + feature.label[1:]
        check(label in everything, f"the feature {feature.name} is not told")
    for one in message.apriori:
        check(one.name in everything and one.sql in everything, f"the segment of the job file {one.name} is not told")
    check("undefined" not in everything and "[object" not in everything and "NaN" not in everything,
          "a value that is not there shows")
    if message.quality.HasField("weight"):
        check(f"weighted by \u201c{message.quality.weight.name}\u201d" in everything, "the weights are not told")
    check(message.ending in everything, "why the fit ended is not told")


FOCUS = """(() => {
  const one = document.activeElement;
  if (one.tagName === "SUMMARY" && !one.parentElement.open) return ["open"];
  if (!one.classList.contains("says")) return [one.tagName];
  const box = one.nextElementSibling.getBoundingClientRect();
  const seen = getComputedStyle(one.nextElementSibling).display !== "none" && box.width > 50 && box.height > 10 &&
    box.left >= 0 && box.right <= innerWidth;
  return ["says", one.getAttribute("aria-describedby"), seen];
})()"""


def check_keyboard(browser):
    """The Tab key alone leads to every sentence's evidence, which is then seen; Escape puts it away."""
    wanted = set(browser.run("[...document.querySelectorAll('.says')].map(one => one.getAttribute('aria-describedby'))"))
    check(len(wanted) == len(set(wanted)), "two sentences have one evidence")
    found = set()
    browser.press("Tab", times=2)
    for _ in range(4 * len(wanted) + 200):
        focus = browser.run(FOCUS)
        if focus[0] == "BODY":
            break
        if focus[0] == "open":
            browser.press("Enter")
        if focus[0] == "says":
            check(focus[2], "evidence is not seen when its sentence has the focus")
            if not found:
                browser.press("Escape")
                check(not browser.run(FOCUS)[2], "Escape does not put evidence away")
            found.add(focus[1])
        browser.press("Tab")
    check(found == wanted, f"{len(wanted - found)} of {len(wanted)} sentences cannot be reached by keyboard")


def check_accessible(browser, words):
    browser.run(open(AXE, encoding="utf-8").read() + "\n;0")
    found = browser.run("""axe.run(document, {resultTypes: ["violations"]}).then(all => all.violations.map(one =>
        `${one.id}: ${one.help} (${one.nodes.length}, as ${one.nodes[0].target} ${one.nodes[0].failureSummary})`))""")
    check(not found, f"axe finds, {words}: " + "\n".join(found))


BEYOND = """[...document.querySelectorAll(".chart")].flatMap((chart) => {
  const room = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("svg text")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.left < room.left - 2 || box.right > room.right + 2 || box.top < room.top - 2 ||
      box.bottom > room.bottom + 2);
  }).map((one) => one.textContent);
})"""


def check_fits(browser, words):
    beyond = browser.run(BEYOND)
    check(not beyond, f"text leaves its chart, {words}: {beyond[:5]}")


def check_printed(browser):
    folded = "[...document.querySelectorAll('details.printed')].filter(one => one.open).length"
    before = browser.run(folded)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    check(browser.run(folded) == browser.run("document.querySelectorAll('details.printed').length") > before,
          "what is folded is not printed")
    browser.run("dispatchEvent(new Event('afterprint'))")
    check(browser.run(folded) == before, "what was folded before printing is open after it")
