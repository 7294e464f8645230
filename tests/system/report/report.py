"""The JSON view is what Protocol Buffers say it is, and the page draws itself, whole and alone.

    report.py VIEW_RECORD

Records of several shapes are made (report_sample.py), turned into JSON and into the page by the
library, and looked at with Google's own json_format and with Chromium.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = os.path.join(HERE, "..", "..", "..", "proto")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
         "--enable-logging=stderr", "--virtual-time-budget=4000", "--window-size=1280,900"]


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
    own = open(os.path.join(HERE, "../../../src/results/report/report.js"), encoding="utf-8").read()
    check(not re.search(r"innerHTML|outerHTML|document\.write|fetch\(|XMLHttpRequest|https?:", own),
          "the page's own script writes markup or fetches")


def chromium(path, *more):
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as profile:
        run = subprocess.run([program, *FLAGS, f"--user-data-dir={profile}", *more, "--dump-dom", "file://" + path],
                             capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    check(not said, f"the browser's console says: {said[:3]}")
    check(run.returncode == 0, f"the browser ended with {run.returncode}")
    return Page(run.stdout)


def check_drawn(page, message):
    k = len(message.segments)
    everything = "".join(page.texts)
    check(any(tag == "html" and values.get("data-drawn") == "yes" for tag, values in page.tags),
          "the script did not reach its end")
    detailed = message.segments[:DETAILED]
    check(page.count("article", "card") == len(detailed), "a segment has no card")
    check(page.count("h1") == 1, "the page has not exactly one first heading")
    check(len(page.charts) >= (5 if k > 1 else 3), f"only {len(page.charts)} charts")
    for chart in page.charts:
        check(chart["shapes"] >= 3, f"nothing is drawn in: {chart['label'][:60]}")
        check(len(chart["label"]) > 20, "a chart has no words for those who cannot see it")
    evidence = page.count("p", "evidence")
    statements = sum(len(segment.statements) for segment in detailed)
    check(evidence == statements, f"{evidence} of {statements} sentences show their evidence")
    check(page.count("summary") >= statements, "evidence cannot be reached by keyboard")
    for segment in message.segments:
        check(segment.name in everything and segment.definition in everything, f"{segment.name} is not told")
    for feature in message.features:
        label = feature.label[:1].upper() + feature.label[1:]
        check(label in everything, f"the feature {feature.name} is not told")
    check("unknown <other> & mixed" in everything, "markup in a text of the record is not shown as text")
    check("undefined" not in everything and "[object" not in everything and "NaN" not in everything,
          "a value that is not there shows")
    if message.quality.HasField("weight"):
        check(f"weighted by \u201c{message.quality.weight.name}\u201d" in everything, "the weights are not told")
    check(message.ending in everything, "why the fit ended is not told")
    for target in page.links:
        check(target in page.ids, f"a link leads nowhere: #{target}")


def main():
    view = sys.argv[1]
    os.makedirs("messages", exist_ok=True)
    protos = [f"strata/v1/{name}.proto" for name in ("model", "quality", "result")]
    subprocess.run(["protoc", f"--proto_path={PROTO}", "--python_out=messages", *protos], check=True)
    sys.path[:0] = [os.path.abspath("messages"), HERE]
    import report_sample
    from strata.v1 import result_pb2
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    for k in (1, 2, 5, 12, 40, 1024):
        message = report_sample.sample(result_pb2, k)
        if k == 12:
            message.quality.weight.name = "people <in> the household"
            message.quality.weight.total = 6021
        with open(f"{k}.pb", "wb") as out:
            out.write(message.SerializeToString(deterministic=True))
        subprocess.run([view, f"{k}.pb", f"{k}.json"], check=True)
        subprocess.run([view, f"{k}.pb", f"{k}.html"], check=True)
        check_json(message, open(f"{k}.json", encoding="utf-8").read())
        check_source(open(f"{k}.html", encoding="utf-8").read())
        if browser:
            check_drawn(chromium(os.path.abspath(f"{k}.html")), message)
    if browser:
        dark = chromium(os.path.abspath("5.html"), "--force-dark-mode", "--window-size=390,800")
        check_drawn(dark, report_sample.sample(result_pb2, 5))
    else:
        print("SKIPPED: chromium is not installed; the page's source and JSON were checked")


main()
