"""The JSON view is what Protocol Buffers say it is, and the page draws itself, whole and alone.

    report.py VIEW_RECORD

Records of several shapes are made (report_sample.py), turned into JSON and into the page by the
library, and looked at with Google's own json_format and with Chromium.
"""

import glob
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "..", "proto")
REPORT = os.path.join(HERE, "../../../src/results/report")
AXE = os.environ.get("STRATA_AXE_JS") or os.path.join(HERE, "../../../.deps/axe/axe.min.js")

BIN = os.environ.get("STRATA_BIN", "")
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


def check_json(message, text):
    """Parsing our text gives the record back; and it differs from json_format's only in writing zeros too."""
    from google.protobuf import json_format
    again = type(message)()
    json_format.Parse(text, again)
    check(again == message, "the JSON view does not parse to the record")
    check(again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True),
          "the JSON view loses bits")
    theirs = json_format.MessageToDict(message, including_default_value_fields=True)
    ours = json.loads(text)
    check(ours == theirs, "the JSON view differs from json_format's with default values")
    check("NaN" not in text and "Infinity" not in text, "the JSON view has a number that JSON has not")


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
    wanted = (7 if k > 2 else 6 if k > 1 else 3) + 1 + bool(message.stability.gorges) + bool(message.stability.flows)
    check(len(page.charts) >= wanted, f"only {len(page.charts)} charts")
    for chart in page.charts:
        check(chart["shapes"] >= 3, f"nothing is drawn in: {chart['label'][:60]}")
        check(len(chart["label"]) > 20, "a chart has no words for those who cannot see it")
    check(page.count("img") == (2 if k <= 12 else 1) * sum(bool(one.persona.avatar) for one in detailed),
          "a persona has no picture")
    check_told(page, message, detailed, everything)
    for target in page.links:
        check(target in page.ids, f"a link leads nowhere: #{target}")


def check_told(page, message, detailed, everything):
    from persona_sample import texts
    says, evidence = page.count("button", "says"), page.count("span", "evidence")
    check(says == evidence, f"{says} sentences have {evidence} times evidence")
    told = sum(len(texts(one)) if one.HasField("persona") else len(one.statements) for one in detailed)
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
    check("unknown <other> & mixed" in everything, "markup in a text of the record is not shown as text")
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


def check_printed(browser):
    folded = "[...document.querySelectorAll('details.printed')].filter(one => one.open).length"
    before = browser.run(folded)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    check(browser.run(folded) == browser.run("document.querySelectorAll('details.printed').length") > before,
          "what is folded is not printed")
    browser.run("dispatchEvent(new Event('afterprint'))")
    check(browser.run(folded) == before, "what was folded before printing is open after it")


def plain(text):
    """Without line breaks and the marks of Markdown."""
    return re.sub(r"\s+", " ", re.sub(r"\\(.)", r"\1", text))


def check_terminal(message):
    """A finished run of this record, as stratactl and the Markdown view tell it."""
    from persona_sample import texts
    os.makedirs("run", exist_ok=True)
    with open("run/result.pb", "wb") as out:
        out.write(message.SerializeToString(deterministic=True))
    with open("run/manifest.json", "w", encoding="utf-8") as out:
        out.write("{}")
    said = {}
    for name, command in (("terminal", ["stratactl", "--run", "run", "persona"]),
                          ("Markdown", ["strata", "report", "run", "--format", "markdown"])):
        run = subprocess.run([os.path.join(BIN, command[0]), *command[1:]], capture_output=True, text=True, check=False)
        check(run.returncode == 0, f"{name}: {run.stderr}")
        said[name] = plain(run.stdout)
        for segment in message.segments:
            for text in (segment.name, segment.definition, segment.rule.sentence, *texts(segment)):
                check(text[1:] in said[name], f"{name}: \"{text}\" is not told of {segment.name}")
    check("coupons \\<here\\>" in run.stdout, "markup gets into Markdown")
    one = subprocess.run([os.path.join(BIN, "stratactl"), "--run", "run", "persona", "2"], capture_output=True, text=True,
                         check=True).stdout
    check(message.segments[1].name in one and message.segments[0].name not in one, "not the one that was asked for")
    run = subprocess.run([os.path.join(BIN, "strata"), "report", "run", "--format", "pdf"], capture_output=True, check=False)
    check(run.returncode == 64, "an unknown format is not refused")


def check_pages(messages, browser):
    for k, message in messages.items():
        check_drawn(shown(browser, f"{k}.html"), message)
    check_printed(browser)
    narrow = {"width": 390, "height": 844}
    for words, how, looks in (("wide and light", {}, True), ("wide and dark", {"dark": True}, True),
                              ("on a phone", narrow, True), ("on a tablet", {"width": 820, "height": 1180}, False)):
        check_drawn(shown(browser, "5.html", **how), messages[5])
        if looks and os.path.exists(AXE):
            check_accessible(browser, words)
    shown(browser, "5.html")
    check_keyboard(browser)


def main():
    view = sys.argv[1]
    os.makedirs("messages", exist_ok=True)
    protos = [f"strata/v1/{name}.proto" for name in ("model", "quality", "result")]
    subprocess.run(["protoc", f"--proto_path={PROTO}", "--python_out=messages", *protos], check=True)
    sys.path[:0] = [os.path.abspath("messages"), HERE]
    import browser as driver
    import report_sample
    from strata.v1 import result_pb2
    messages = {}
    for k in (1024, 12, 2, 1, 5):
        message = messages[k] = report_sample.sample(result_pb2, k, personas=k != 2)
        if k == 12:
            message.quality.weight.name = "people <in> the household"
            message.quality.weight.total = 6021
        with open(f"{k}.pb", "wb") as out:
            out.write(message.SerializeToString(deterministic=True))
        subprocess.run([view, f"{k}.pb", f"{k}.json"], check=True)
        subprocess.run([view, f"{k}.pb", f"{k}.html"], check=True)
        check_json(message, open(f"{k}.json", encoding="utf-8").read())
        check_source(open(f"{k}.html", encoding="utf-8").read())
    check_terminal(messages[5])
    if not driver.program():
        print("SKIPPED: chromium is not installed; the page's source and JSON were checked")
        return
    browser = driver.Browser()
    try:
        check_pages(messages, browser)
    finally:
        browser.close()
    if not os.path.exists(AXE):
        print("SKIPPED: axe-core is not there (deploy/install-dependencies --tests); all else was checked")


main()
