"""The JSON view is what Protocol Buffers say it is, and the page draws itself, whole and alone.

    report.py VIEW_RECORD

Records of several shapes are made (report_sample.py), turned into JSON and into the page by the
library, and looked at with Google's own json_format and with Chromium.
"""

import json
import os
import re
import subprocess
import sys

from page import (AXE, HERE, check, check_accessible, check_drawn, check_fits, check_keyboard, check_printed, check_source,
                  shown)

PROTO = os.path.join(HERE, "..", "..", "..", "proto")
BIN = os.environ.get("STRATA_BIN", "")


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
        page = shown(browser, f"{k}.html")
        check_drawn(page, message)
        check("unknown <other> & mixed" in "".join(page.texts), "markup in a text of the record is not shown as text")
    check_printed(browser)
    narrow = {"width": 390, "height": 844}
    for words, how, looks in (("wide and light", {}, True), ("wide and dark", {"dark": True}, True),
                              ("on a phone", narrow, True), ("on a tablet", {"width": 820, "height": 1180}, False)):
        check_drawn(shown(browser, "5.html", **how), messages[5])
        check_fits(browser, words)
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
