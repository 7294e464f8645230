"""Names that the user gives stay with their segments from run to run, and pictures are shown in the place of drawn ones.

    names.py
"""
import base64
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, Checks, hashes, must, result, sql, strata  # noqa: E402

DATA = CONFIGS / "wholesale" / "customers.csv"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><script>alert(1)</script><rect width="2" height="1"/></svg>'
FIVE = ["model.segments=5", "model.min_share=0"]
OTHER = ["model.segments=6", "model.min_share=0", "model.seed=7", "model.standardise=range"]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


def job(name, text=""):
    """The wholesale job with more options; relative files start from this folder."""
    body = (CONFIGS / "wholesale.yaml").read_text().replace("wholesale/customers.csv", str(DATA))
    pathlib.Path(f"{name}.yaml").write_text(re.sub(r"output: .*\n", "", body) + text)
    return f"{name}.yaml"


def segments(output):
    return {one["name"]: one for one in result(output)["segments"]}


def shared(before, after):
    """Customers by segment of two runs."""
    rows = sql("select a.segment, b.segment, count(*) from read_parquet('%s/assignments/*.parquet') a join "
               "read_parquet('%s/assignments/*.parquet') b using (key) group by all" % (before, after))[1:]
    return {(int(a), int(b)): int(n) for a, b, n in rows}


def expect_followed(check, before, after, wanted):
    """The wanted names are there, given, and on segments that hold most of those who had them before."""
    old, new, both = segments(before), segments(after), shared(before, after)
    for name in wanted:
        check.that(name in new and new[name]["nameGiven"], f"{after}: {name} stays: {sorted(new)}")
        if name not in new:
            continue
        here = both.get((old[name]["id"], new[name]["id"]), 0)
        check.that(2 * here > int(new[name]["size"]), f"{after}: {name} is the same segment: {here} of {new[name]['size']}")
        check.that("earlier run" in new[name]["nameOrigin"] or "job file" in new[name]["nameOrigin"], f"{after}: {name}: told from where")
    given = {name for name, one in new.items() if one["nameGiven"]}
    check.that(given == set(wanted), f"{after}: nothing else is given: {given}")


def names_stay(check):
    must(job("plain"), "plain", sets=FIVE)
    plain = sorted(segments("plain").values(), key=lambda one: one["id"])
    check.that(not any(one["nameGiven"] or one["nameOrigin"] for one in plain), "no name is given")
    first, second = plain[0]["name"], plain[1]["name"]
    must(job("named", f'names: {{"{first}": Corner cafes, "{second}": "Village shops"}}\n'), "named", sets=FIVE)
    named = segments("named")
    check.that(set(named) == {"Corner cafes", "Village shops"} | {one["name"] for one in plain[2:]}, f"named: {sorted(named)}")
    check.that(first in named["Corner cafes"]["nameOrigin"], "the origin tells the automatic name")

    # Other starts, another scale, other features: the markers may change, the largest segments do not.
    must(job("later", "follows: named\n"), "later", sets=OTHER)
    expect_followed(check, "named", "later", ["Corner cafes", "Village shops"])
    must("later.yaml", "later3", ranks=3, sets=OTHER)
    check.that(hashes("later") == hashes("later3"), "the same bytes on three ranks")
    must(job("third", "follows: later/model.pb\n"), "third", sets=["features.Frozen.role=descriptor", *FIVE])
    expect_followed(check, "later", "third", ["Corner cafes", "Village shops"])
    must(job("started"), "started", sets=["model.start=named", "model.min_share=0"])
    expect_followed(check, "named", "started", ["Corner cafes", "Village shops"])
    must(job("renamed", "follows: named\nnames: {corner cafes: Bistros}\n"), "renamed", sets=FIVE)
    check.that({"Bistros", "Village shops"} <= set(segments("renamed")), "the job file renames by the earlier name")
    check.that("job file" in segments("renamed")["Bistros"]["nameOrigin"], "and says so")
    must(job("few", "follows: named\nnames: {Nobody: No one}\n"), "few", sets=["model.segments=1", "model.min_share=0.03"])
    notes = " ".join(result("few")["quality"]["notes"])
    check.that("`names` these fit no segment: \"Nobody\"" in notes, f"unused names are told: {notes}")
    check.that("\"Corner cafes\", \"Village shops\"" in notes, f"lost names are told: {notes}")
    check.that(set(segments("few")) == {"All customers"}, "all customers are none of them")
    return first, second


def pictures(check, first, second):
    pathlib.Path("a.svg").write_text(SVG)
    pathlib.Path("b.png").write_bytes(PNG)
    must(job("pictures", f'names: {{"{first}": Corner cafes}}\npictures: {{corner cafes: a.svg, "{second}": b.png, X: a.svg}}\n'), "pictures", sets=FIVE)
    found = segments("pictures")
    for name, media, content in (("Corner cafes", "image/svg+xml", SVG.encode()), (second, "image/png", PNG)):
        persona = found[name]["persona"]
        check.that(persona["pictureType"] == media, f"{name}: {persona['pictureType']}")
        check.that(base64.b64decode(persona["picture"]) == content, f"{name}: the bytes of the file")
        check.that(persona["avatar"] and persona["avatarText"], f"{name}: the drawn one and its words stay")
    check.that(sum(bool(one["persona"]["picture"]) for one in found.values()) == 2, "no other has one")
    check.that("\"X\"" in " ".join(result("pictures")["quality"]["notes"]), "a picture of nobody is told")
    page = pathlib.Path("pictures/report.html").read_text()
    check.that("<script>alert(1)" not in page and "base64," in page, "an SVG is nowhere markup of the page")
    fingerprint = [json.loads(pathlib.Path(f"{run}/manifest.json").read_text())["inputFingerprint"]
                   for run in ("plain", "named", "later", "pictures")]
    check.that(fingerprint[0] == fingerprint[1] and len(set(fingerprint)) == 3, f"inputs beside the sources count: {fingerprint}")


def problems(check):
    pathlib.Path("no.png").write_text("<html>")
    pathlib.Path("large.jpg").write_bytes(b"\xff\xd8\xff" + bytes(256 * 1024))
    text = "follows: nowhere\npictures:\n  A: no.png\n  B: large.jpg\n  C: missing.svg\n  a: no.png\n"
    lines = 1 + len(pathlib.Path("plain.yaml").read_text().splitlines())
    done = strata(job("bad", text), None, command="check")
    for line, column, words in ((lines + 5, 3, "in `pictures` twice"),):
        check.that(f"bad.yaml:{line}:{column}: " in done.stderr and words in done.stderr, f"{words}: {done.stderr}")
    done = strata(job("bad", text.replace("  a: no.png\n", "")), None, command="check")
    check.that(done.returncode == 66, f"exit {done.returncode}")
    for line, column, words in ((lines, 10, "nowhere"), (lines + 2, 6, "no.png: is no SVG, PNG or JPEG"),
                                (lines + 3, 6, "large.jpg: larger than"), (lines + 4, 6, "missing.svg")):
        check.that(any(f"bad.yaml:{line}:{column}: " in one and words in one for one in done.stderr.splitlines()),
                   f"{line}:{column} {words}: {done.stderr}")
    pathlib.Path("broken").mkdir()
    pathlib.Path("broken/model.pb").write_bytes(pathlib.Path("named/model.pb").read_bytes()[:-40])
    done = strata(job("bad", "follows: broken\n"), None, command="check")
    check.that(done.returncode == 65 and "follows is" in done.stderr, f"a damaged model: {done.returncode} {done.stderr}")
    done = strata(job("bad"), None, sets=["model.start=broken"], command="check")
    check.that(done.returncode == 65 and "model.start is" in done.stderr, f"to start from: {done.returncode} {done.stderr}")


def main():
    check = Checks()
    first, second = names_stay(check)
    pictures(check, first, second)
    problems(check)
    check.end()


main()
