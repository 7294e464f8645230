"""stratactl assign and explain: the customers of a run come out as the run itself has them, from a server and without one,
from CSV, Parquet and standard input; what is wrong in a file is told by its place, without a value."""
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, Checks, must, sql  # noqa: E402

N = 2500  # several batches
JOB = """
job: kinds
sources: [{name: people, files: people.csv, key: id, header: yes, columns: {spend: double, visits: integer}}]
customers: select id, spend, visits, member, tier, region, city from people
features:
  - {name: spend, type: numeric}
  - {name: visits, type: count}
  - {name: member, type: binary, levels: ['no', 'yes']}
  - {name: tier, type: ordinal, levels: [low, mid, high]}
  - {name: region, type: nominal, levels: [north, south, east]}
  - {name: city, type: nominal, role: descriptor}
model: {segments: 4, starts: 4, seed: 7}
"""


def people():
    """Rows without any chance in them; some values are missing."""
    rows = []
    for i in range(N):
        group = i % 4
        rows.append([f"c{i:05d}", "" if i % 97 == 5 else f"{100 * group + (i * 37 % 101) / 7:.4f}",
                     group * 3 + i % 3, ["no", "yes"][group % 2],
                     "" if i % 89 == 3 else ["low", "mid", "high"][group % 3], ["north", "south", "east"][i % 3],
                     'a "big", city' if i % 5 else "two\nlines"])
    return rows


def write(path, head, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def ctl(*words, code=0, **options):
    done = subprocess.run([str(BIN / "stratactl"), "--run", "run", *words], capture_output=True, text=True, timeout=60,
                          check=False, **options)
    if done.returncode != code:
        sys.exit(f"stratactl {words} ended with {done.returncode}: {done.stderr}")
    return done


def table(text):
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text))}


def check_labels(checks, text, kept):
    rows = table(text)
    checks.that(list(rows) == [row[0] for row in kept], "every customer, in the file's order")
    wrong = sum((rows[key]["segment"], rows[key]["runner_up"], float(rows[key]["distance"]), float(rows[key]["margin"])) !=
                (segment, runner_up, float(distance), float(margin)) for key, segment, runner_up, distance, margin in kept)
    checks.that(wrong == 0, f"as the run has them: {wrong} differ")


def check_errors(checks, head, rows):
    def told(change, name="bad.csv", names=head):
        copy = [list(row) for row in rows[:1500]]
        change(copy)
        write(name, names, copy)
        return ctl("assign", name, code=65).stderr

    def spoil(copy):
        copy[1203][1] = "secret12"
    text = told(spoil)
    line = 2 + 1203 + sum("\n" in row[6] for row in rows[:1203])
    checks.that(f'bad.csv:{line}: column "spend": not a number' in text and "secret" not in text, f"file, line, column: {text}")
    text = told(lambda copy: None, names=["id", *["other" + name for name in head[1:]]])
    checks.that("no column has the name of a feature" in text, text)
    checks.that(ctl("assign", "nowhere.csv", code=66).stderr == "stratactl: nowhere.csv: cannot be read\n", "a missing file")
    write("few.csv", ["id", "region", "colour", "spend"], [["x", "north", "red", "12"], ["y", "moon", "", ""]])
    done = ctl("assign", "few.csv")
    checks.that("visits" in done.stderr and "colour" in done.stderr and len(table(done.stdout)) == 2, f"notes: {done.stderr}")
    checks.that("1 values that do not count" in done.stderr, f"a level that is none: {done.stderr}")


def check_all(checks, head, rows, kept):
    done = ctl("assign", "people.csv")
    check_labels(checks, done.stdout, kept)
    checks.that(done.stderr == "", f"nothing to note: {done.stderr}")
    checks.that(ctl("assign", "people.parquet").stdout == done.stdout, "Parquet gives the same")
    with open("people.csv", encoding="utf-8") as file:
        checks.that(ctl("assign", "-", stdin=file).stdout == done.stdout, "standard input gives the same")
    text = pathlib.Path("people.csv").read_text()
    checks.that(ctl("assign", "-", input=text).stdout == done.stdout, "and so does a pipe")
    lines = [json.loads(line) for line in ctl("--json", "assign", "people.csv").stdout.splitlines()]
    checks.that([len(line["assign"]["segments"]) for line in lines] == [1000, 1000, 500], "batches of a thousand")
    write("three.csv", head, rows[:3])
    text = ctl("explain", "three.csv").stdout
    checks.that(all(f"id {row[0]}" in text for row in rows[:3]) and text.count("Why not ") == 3, f"explain: {text}")
    reply = json.loads(ctl("--json", "explain", "three.csv").stdout)["explain"]
    checks.that([str(c["segment"]) for c in reply["customers"]] == [row[1] for row in kept[:3]], "explain agrees")
    check_errors(checks, head, rows)
    return done.stdout


def main():
    checks = Checks()
    head, rows = ["id", "spend", "visits", "member", "tier", "region", "city"], people()
    write("people.csv", head, rows)
    pathlib.Path("job.yaml").write_text(JOB)
    must("job.yaml", "run")
    sql("copy (select id, spend::double as spend, visits::int as visits, member, tier, region, city "
        "from read_csv('people.csv', all_varchar=true)) to 'people.parquet' (format parquet)")
    kept = sorted(sql("select key, segment, runner_up, distance, margin from 'run/assignments/part-*.parquet' order by key")[1:])
    offline = check_all(checks, head, rows, kept)
    server = subprocess.Popen([str(BIN / "strata"), "serve", "run"], stdout=subprocess.DEVNULL)
    while not os.path.exists("run/control.json"):
        time.sleep(0.02)
    checks.that(check_all(checks, head, rows, kept) == offline, "the same from a server")
    server.send_signal(signal.SIGTERM)
    checks.that(server.wait(timeout=20) == 0, "the server ends in order")
    checks.end()


main()
