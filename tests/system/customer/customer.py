"""One customer of a finished run: every reason in the assignments recomputed from the model and the matrix, and what
`stratactl customer` says of it, with a server and without."""
import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import BIN, CONFIGS, Checks, must, result, sql  # noqa: E402
from strata_client import Client, pb  # noqa: E402

JOB = CONFIGS / "wholesale.yaml"
MODELS = {"kmeans": [], "gmm-diag": ["model.estimator=gmm-diag", "model.segments=4"]}


def read_model(run):
    return pb.Model.FromString((run / "model.pb").read_bytes())


def terms(model):
    """Centre, scale and offset of each segment and column, from the layout that the estimators' files tell."""
    n = model.k * model.d
    if model.centres:
        return list(model.centres), [1.0] * n, [0.0] * n
    mean, variance = model.params[2 * model.k:2 * model.k + n], model.params[2 * model.k + n:2 * model.k + 2 * n]
    return list(mean), [0.5 / v for v in variance], [-0.5 * math.log(2 * math.pi * v) for v in variance]


def contributions(model, of, x, own, rival):
    centre, scale, offset = of
    sums = [0.0] * len(model.features)
    for j, column in enumerate(model.columns):
        a, b = own * model.d + j, rival * model.d + j
        sums[column.feature] += (scale[b] * (x[j] - centre[b]) ** 2 - scale[a] * (x[j] - centre[a]) ** 2
                                 + offset[a] - offset[b])
    return sums


def check_reasons(checks, run):
    """Names, order, shares and values of all customers."""
    model, raw = read_model(run), {}
    of, names = terms(model), [feature.name for feature in model.features]
    for key, *values in sql(f"select customer::varchar, {', '.join(names[:6])} from "
                            f"read_csv('{CONFIGS / 'wholesale/customers.csv'}')")[1:]:
        raw[key] = values
    matrix = {row[0]: [float(v) / 2.0 ** model.grid_exponent for v in row[1:]]
              for row in sql(f"select * from read_parquet('{run}/features/*.parquet')")[1:]}
    rows = sql("select key, segment, runner_up, reason_1, value_1, share_1, reason_2, value_2, share_2, reason_3, value_3, "
               f"share_3 from read_parquet('{run}/assignments/*.parquet')")[1:]
    n_reasons = 0
    for key, own, rival, *told in rows:
        found = contributions(model, of, matrix[key], int(own) - 1, int(rival) - 1)
        speaks = sum(c for c in found if c > 0)
        best = sorted((f for f in range(len(found)) if found[f] > 0), key=lambda f: (-found[f], f))[:3]
        best = [f for f in best if found[f] >= 0.05 * speaks]
        reasons = [told[i:i + 3] for i in (0, 3, 6) if told[i]]
        n_reasons += len(reasons)
        checks.that(len(reasons) == len(best), f"{key}: {reasons} instead of {len(best)} reasons")
        for (name, value, share), f in zip(reasons, best):
            at = names.index(name)
            checks.that(math.isclose(found[at], found[f], rel_tol=1e-9), f"{key}: {name} is not the strongest")
            checks.that(abs(float(share) - found[at] / speaks) < 0.00051, f"{key}: share of {name}")
            checks.that(float(value) == float(raw[key][at]), f"{key}: {name} is {value}")
    checks.that(len(rows) == 440 and n_reasons > 800, f"{n_reasons} reasons of {len(rows)} customers")


def ctl(run, *words):
    return subprocess.run([str(BIN / "stratactl"), "--run", str(run), *words], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, check=False)


def check_figures(checks, record, customer, key):
    """What is told of a reason is what the record publishes."""
    segments = {segment["id"]: segment for segment in record["segments"]}
    for reason in customer["reasons"]:
        cells = [segments[customer[which]]["cells"][reason["feature"]] for which in ("segment", "runnerUp")]
        shown = not any(cell["hidden"] for cell in cells)
        figures = [reason.get("segmentFigure"), reason.get("rivalFigure")]
        checks.that(figures == ([cell["mean"] for cell in cells] if shown else [None, None]), f"{key}: {reason}")
        checks.that((" on average, " in reason["text"]) == shown, f"{key}: {reason['text']}")


def check_ctl(checks, run):
    record = result(run)
    names = {segment["id"]: segment["name"] for segment in record["segments"]}
    for key, own, rival in sql(f"select key, segment, runner_up from read_parquet('{run}/assignments/*.parquet') "
                               "order by margin, key limit 5")[1:]:
        customer = json.loads(ctl(run, "--json", "customer", key).stdout)["customer"]
        checks.that((customer["segment"], customer["runnerUp"]) == (int(own), int(rival)), f"{key}: {customer}")
        check_figures(checks, record, customer, key)
        text = ctl(run, "customer", key).stdout
        checks.that(text.startswith(f"{names[int(own)]}\nSegment {own}; ") and names[int(rival)] in text, text)
        checks.that(all(reason["text"].split(";")[0] in text for reason in customer["reasons"]), text)
    for key in ("nobody", "", "1' or '1'='1", "0", "é" * 500):
        done = ctl(run, "customer", key)
        checks.that(done.returncode == 66 and "no customer" in done.stderr and not done.stdout, f"{key}: {done}")
    checks.that(ctl(run, "customer").returncode == 64, "a key is needed")
    checks.that(ctl(run, "customer", "x" * 2000).returncode == 64, "a key has its bounds")


def check_server(checks, run):
    offline = json.loads(ctl(run, "--json", "customer", "7").stdout)["customer"]
    server = subprocess.Popen([str(BIN / "strata"), "serve", str(run)], stderr=subprocess.PIPE, text=True)
    server.stderr.readline()
    online = json.loads(ctl(run, "--json", "customer", "7").stdout)
    checks.that(online["incarnation"] and online["customer"] == offline, f"the same from a server: {online}")
    client = Client(run)
    checks.that(client.ask("get_customer", key="nobody").code == pb.CODE_NOT_FOUND, "unknown")
    checks.that(client.ask("get_customer", key="x" * 2000).code == pb.CODE_BAD_REQUEST, "too long")
    client.close()
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)


def check_log(checks, run):
    """Each look has its line, which tells who and not whom."""
    before = len((run / "log.jsonl").read_text().splitlines())
    check_server(checks, run)
    ctl(run, "customer", "7")
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()[before:]]
    looks = [line for line in lines if line["event"] == "audit.customer"]
    checks.that([look["found"] for look in looks] == ["yes", "yes", "no", "yes"], f"looks: {looks}")
    checks.that(len({looks[i]["key_hash"] for i in (0, 1, 3)}) == 1, "one customer, one hash")
    checks.that(looks[0]["key_hash"] != looks[2]["key_hash"], "another one, another hash")
    checks.that(looks[0]["who"] == f"uid:{os.getuid()}", f"who: {looks[0]}")
    checks.that(looks[1]["who"].startswith(f"localhost:{os.getuid()}:"), f"who asks a server: {looks[1]}")
    checks.that(not any("7" in (line.get("key"), line.get("value")) or "nobody" in str(line) for line in looks), "whom")


def check_keys(checks, run):
    """With keys a look takes an analyst, and the log knows the client by name."""
    keys = run.parent / "keys"
    made = [str(BIN / "strata"), "keygen", str(keys), "--client=ben:analyst", "--client=wall:viewer"]
    subprocess.run(made, stdout=subprocess.DEVNULL, check=True)
    before = len((run / "log.jsonl").read_text().splitlines())
    server = subprocess.Popen([str(BIN / "strata"), "serve", str(run), "--keys", str(keys)], stderr=subprocess.PIPE, text=True)
    server.stderr.readline()
    for client, code in (("ben", 0), ("wall", 77)):
        done = ctl(run, "--keys", str(keys / client), "customer", "7")
        checks.that(done.returncode == code, f"{client}: {done}")
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()[before:]]
    looks = [line["who"] for line in lines if line["event"] == "audit.customer"]
    asked = [(line["client"], line["request"], line["effect"]) for line in lines if line["event"] == "control.audit"]
    checks.that(looks == ["ben"], f"who has looked: {looks}")
    checks.that(asked == [("ben", "get_customer", "seen"), ("wall", "get_customer", "forbidden")], f"asked: {asked}")


def main():
    checks = Checks()
    for estimator, sets in MODELS.items():
        run = pathlib.Path(estimator).absolute()
        must(JOB, run, ranks=2, sets=["outputs.features=true", *sets])
        check_reasons(checks, run)
        check_ctl(checks, run)
    check_log(checks, run)
    check_keys(checks, run)
    shutil.rmtree(run / "assignments")
    done = ctl(run, "customer", "7")
    checks.that(done.returncode == 69 and "run the job again" in done.stderr, f"without assignments: {done}")
    checks.end()


main()
