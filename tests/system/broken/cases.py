"""Broken and degenerate inputs, as data.  Keys and texts of customers begin with zq, so that the runner can see that no
message repeats one."""
import dataclasses

USAGE, DATA, NO_INPUT, CREATE, PERMISSION, CONFIG = 64, 65, 66, 73, 77, 78


@dataclasses.dataclass
class Case:
    name: str
    code: object                  # exit code, or a tuple of those that are right
    says: str                     # regular expression that the message must match; for code 0: a note in quality.json
    job: object = None            # text or bytes of the job file; None: there is none
    files: dict = dataclasses.field(default_factory=dict)  # name: text, bytes, or SQL after "sql:" for Parquet
    sets: tuple = ()
    output: str = "out"
    at: str = ""                  # regular expression of line:column, where there is a place in the job file
    quality: str = ""             # for code 0: regular expression that quality.json must match
    leaves: tuple = ()            # for code 0: files that the run directory must have


def table(rows, header="id,x,y"):
    return "\n".join([header] + rows) + "\n"


def customers(n=12, x=lambda i: i * i, y=lambda i: 30 - i):
    return [f"zq{i:02},{x(i)},{y(i)}" for i in range(n)]


GOOD = table(customers())
T = {"t.csv": GOOD}


def job(source="", features="  - {name: x, type: numeric}\n  - {name: y, type: numeric}\n", sql="", top="",
        model="{segments: {from: 2, to: 3}, starts: 2, min_share: 0}", files="t.csv", columns="{x: double, y: double}",
        key="id"):
    """A small job; its lines: 1 job, 2 sources, 3 name, 4 files, 5 key, 6 columns."""
    text = f"job: broken\nsources:\n  - name: t\n    files: {files}\n    key: {key}\n"
    text += f"    columns: {columns}\n" if columns else ""
    text += source
    text += "customers: |\n" + "".join(f"  {line}\n" for line in sql.splitlines()) if sql else ""
    return text + "features:\n" + features + f"model: {model}\n" + top


def sql_case(name, sql, says, code=CONFIG, at="", **more):
    """The SQL begins in line 8, column 3."""
    return Case(name, code, says, job(sql=sql, **more), T, at=at)


JOB_FILE = [
    Case("job_file_missing", NO_INPUT, r"job\.yaml"),
    Case("job_file_empty", CONFIG, "a job file is a map", ""),
    Case("job_file_not_utf8", CONFIG, "UTF-8", b"job: br\xff\xfeken\n", at="1:8"),
    Case("job_file_with_nul", CONFIG, "NUL", b"job: a\0b\n", at="1:7"),
    Case("job_file_of_another_kind", CONFIG, "UTF-8|YAML|NUL", b"PAR1\x15\x04\x15\xf0\x01\x4c", T),
    Case("yaml_syntax", CONFIG, "not YAML", job() + "output: [a\n", T, at=r"\d+:\d+"),
    Case("yaml_tab", CONFIG, "tab", job() + "\toutput: a\n", T, at="11:1"),
    Case("yaml_billion_laughs", CONFIG, "anchors", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", at="1:4"),
    Case("yaml_too_deep", CONFIG, "deep", "a: " + "[" * 100 + "\n", at=r"1:\d+"),
    Case("unknown_key", CONFIG, 'unknown key "memroy".*"memory"', job(top="memroy: 1GiB\n"), T, at="11:1"),
    Case("unknown_key_inside", CONFIG, 'unknown key "sead".*"seed"', job(model="{sead: 1}"), T, at="10:9"),
    Case("wrong_type", CONFIG, "`starts` must be a whole number.*not a list", job(model="{starts: [1]}"), T, at="10:17"),
    Case("out_of_range", CONFIG, "from 0 to 0.5", job(model="{min_share: 0.7}"), T, at="10:20"),
    Case("key_twice", CONFIG, "twice", job(top="job: again\n"), T, at="11:1"),
    Case("source_twice", CONFIG, "twice", job(source="  - {name: T, files: t.csv, key: id}\n", sql="select 1"), T, at="7:12"),
    Case("feature_twice", CONFIG, "twice", job(features="  - {name: x, type: numeric}\n  - {name: X, type: count}\n"), T,
         at="9:12"),
    Case("many_problems_at_once", CONFIG, r"(?s)memroy.*`type`.*sead",
         "memroy: 1\n" + job(features="  - {name: x}\n", model="{sead: 1}"), T),
    Case("sources_missing", CONFIG, "`sources` is missing", "job: j\nfeatures: [{name: x, type: numeric}]\n", at="1:1"),
    Case("role_missing", CONFIG, "role.*basis", job(features="  - {name: x, type: numeric, role: descriptor}\n"), T, at="8:3"),
    Case("ordinal_without_levels", CONFIG, "levels", job(features="  - {name: x, type: ordinal}\n"), T, at="8:5"),
    Case("unknown_estimator", CONFIG, 'unknown estimator.*"kmeans"', job(model="{estimator: kmeens}"), T, at="10:20"),
    Case("unknown_meaning", CONFIG, '"income"', job(features="  - {name: x, type: numeric, meaning: incom}\n"), T, at="8:39"),
    Case("segments_reversed", CONFIG, "goes from 5 to 3", job(model="{segments: {from: 5, to: 3}}"), T, at="10:19"),
    Case("more_segments_than_customers", (DATA, CONFIG), "only 12 customers", job(model="{segments: 13}"), T),
    Case("weight_negative", CONFIG, "`weight` must be a number", job(features="  - {name: x, type: numeric, weight: -1}\n"), T,
         at="8:38"),
    Case("as_of_no_day", CONFIG, "YYYY-MM-DD", job(top="as_of: 2023-02-30\n"), T, at="11:8"),
    Case("memory_no_size", CONFIG, "4GiB", job(top="memory: plenty\n"), T, at="11:9"),
    Case("endpoint_of_all_addresses", CONFIG, "one address", job(top='control: {endpoint: "tcp://0.0.0.0:*"}\n'), T, at="11:10"),
    Case("endpoint_open_to_the_world", CONFIG, "keys", job(top='control: {endpoint: "tcp://192.0.2.1:*"}\n'), T, at="11:10"),
    Case("lookup_with_key", CONFIG, "lookup", job(source="    lookup: yes\n"), T, at="5:10"),
    Case("two_sources_without_sql", CONFIG, "`customers`", job(source="  - {name: u, files: t.csv, key: id}\n"), T, at="7:5"),
    Case("set_unknown_key", CONFIG, '--set model.sead.*"seed"', job(), T, sets=("model.sead=3",)),
    Case("set_without_value", USAGE, "--set seed", job(), T, sets=("seed",)),
    Case("set_of_no_item", USAGE, "--set features.z.*named", job(), T, sets=("features.z.role=basis",)),
]

SQL = [
    sql_case("sql_syntax", "select id,\n  x from from t", "(?i)syntax", at="9:12"),
    sql_case("sql_unknown_table", "select id, x, y from tt", "(?i)tt", at="8:24"),
    sql_case("sql_unknown_column", "select id, xx as x, y from t", "(?i)xx", at="8:14"),
    sql_case("sql_cyclic", "with a as (select * from b), b as (select * from a)\nselect id, x, y from a", '"b" is not a source', at="8:28"),
    sql_case("sql_circular_view", "with recursive a as (select id, x, y from t union all select id, x, y from a)\n"
             "select id, x, y from a", "(?i)recursive"),
    sql_case("sql_two_statements", "select id, x, y from t; select 1", "(?i)one SELECT|statements"),
    sql_case("sql_no_select", "drop table t", "(?i)one SELECT|select"),
    sql_case("sql_copies_out", "copy t to 'stolen.csv'", "(?i)one SELECT|select"),
    sql_case("sql_reads_another_file", "select id, x, y from read_csv('t.csv')", "(?i)source"),
    sql_case("sql_reads_a_file_by_name", "select id, x, y from 't.csv'", "(?i)source|table"),
    sql_case("sql_key_missing", "select x, y from t", '(?i)"id"'),
    sql_case("sql_feature_missing", "select id, x from t", '(?i)"y"'),
    sql_case("sql_feature_is_text", "select id, 'zqa' as x, y from t", '"x".*cast it'),
    sql_case("sql_feature_is_a_list", "select id, [x] as x, y from t", '(?i)"x"'),
    sql_case("sql_conversion_fails", "select id, cast(id as integer) as x, y from t", "(?i)conver|cast", code=DATA),
    sql_case("sql_more_rows_than_customers", "select id, x, y from t union all select id, x + 1, y from t",
             "(?i)12 customer keys|more than one row", code=DATA),
    sql_case("sql_no_rows", "select id, x, y from t where x > 1e9", "(?i)no customers", code=DATA),
    sql_case("sql_random", "select id, random() as x, y from t", r"random\(?", at="8:14"),
    sql_case("sql_uuid", "select id, x, length(cast(uuid() as varchar)) as y from t", "uuid", at=r"8:\d+"),
    sql_case("sql_now", "select id, epoch(now()) as x, y from t", "now.*as_of", at=r"8:\d+"),
    sql_case("sql_current_date", "select id, year(current_date) as x, y from t", "current_date.*as_of|as_of", at=r"8:\d+"),
    sql_case("sql_avg_of_doubles", "select id, avg(x) as x, max(y) as y from t group by id", "avg", at="8:14"),
    sql_case("sql_stddev", "select id, stddev(x) as x, max(y) as y from t group by id", "stddev", at="8:14"),
    sql_case("sql_first", "select id, first(x) as x, max(y) as y from t group by id", "first", at="8:14"),
    sql_case("sql_any_value", "select id, any_value(x) as x, max(y) as y from t group by id", "any_value", at="8:14"),
    sql_case("sql_mode", "select id, mode(x) as x, max(y) as y from t group by id", "mode", at="8:14"),
    sql_case("sql_logarithm", "select id, ln(x + 1) as x, y from t", "ln.*transform", at="8:14"),
    sql_case("sql_limit_without_order", "select id, x, y from t limit 10", "(?i)limit"),
    sql_case("sql_window_over_everybody", "select id, x, sum(y) over () as y from t", "(?i)window|partition", at=r"8:\d+"),
    sql_case("sql_row_number", "select id, x, row_number() over (partition by id) as y from t", "row_number", at=r"8:\d+"),
    sql_case("sql_subquery_over_everybody", "select id, x, (select count(*) from t) as y from t", "(?i)customer|key"),
    sql_case("sql_group_without_key", "select max(id) as id, x, max(y) as y from t group by x", "(?i)key"),
    sql_case("sql_as_of_without_a_day", "select id, year(as_of()) as x, y from t", "as_of", at=r"8:\d+"),
    sql_case("sql_sample", "select id, x, y from t using sample 5", "(?i)sample"),
]

TRUNCATED = "sql:copy (select 'zq' || i as id, i as x, -i as y from range(5000) r(i)) to '{path}' (format parquet)"

COMMA = '    delimiter: ","\n'

FILES = [
    Case("file_missing", NO_INPUT, r"nothing\.csv", job(files="nothing.csv"), at="4:12"),
    Case("pattern_without_files", NO_INPUT, "no file", job(files='"*.nothing"', source="    format: csv\n"), at="4:12"),
    Case("file_is_a_folder", (NO_INPUT, DATA), "(?i)directory|regular|folder", job(), {"t.csv/inside.txt": "a"}),
    Case("file_is_a_dead_link", NO_INPUT, r"t\.csv", job(), {"t.csv": "link:nowhere.csv"}),
    Case("column_wrong", (DATA, CONFIG), '"z"', job(columns="{x: double, y: double, z: double}"), T, at="6:37"),
    Case("key_column_missing", (DATA, CONFIG), 'no .*"customer".*', job(key="customer"), T, at="5:10"),
    Case("feature_column_missing", (DATA, CONFIG), '"w"', job(features="  - {name: w, type: numeric}\n"), T, at="8:5"),
    Case("parquet_truncated", DATA, "(?i)parquet", job(files="t.parquet", columns=""), {"t.parquet": TRUNCATED + ";cut"}),
    Case("parquet_is_text", DATA, "(?i)parquet", job(files="t.parquet", columns=""), {"t.parquet": GOOD}),
    Case("parquet_empty", (DATA, NO_INPUT), "(?i)parquet|empty", job(files="t.parquet", columns=""), {"t.parquet": b""}),
    Case("csv_of_no_bytes", DATA, "(?i)empty|customers", job(), {"t.csv": ""}),
    Case("csv_with_header_only", DATA, "(?i)no customers|empty", job(), {"t.csv": "id,x,y\n"}),
    Case("csv_text_in_a_number", DATA, r't\.csv:5.*"x"', job(), {"t.csv": table(customers(x=lambda i: "zqmany" if i == 3 else i))}),
    Case("csv_unclosed_quote", DATA, r"t\.csv|quote", job(source='    quote: \'"\'\n'),
         {"t.csv": table(customers(6) + ['"zq77,1,2'] + customers(6))}),
    Case("csv_row_too_long", DATA, r"t\.csv:9", job(source=COMMA), {"t.csv": table(customers(7) + ["zq88,1,2,3,4"] + customers(3))}),
    Case("csv_row_too_short", DATA, r"t\.csv:9", job(source=COMMA), {"t.csv": table(customers(7) + ["zq88,1"] + customers(3))}),
    Case("csv_that_no_dialect_fits", DATA, r"t\.csv|no key column", job(), {"t.csv": table(customers(7) + ["zq88,1,2,3,4"])}),
    Case("csv_not_utf8", DATA, r"(?i)t\.csv.*(unicode|utf)", job(), {"t.csv": GOOD.encode() + b"zq\xff\xfe,1,2\n"}),
    Case("json_malformed", DATA, "(?i)json|t.jsonl", job(files="t.jsonl", columns=""),
         {"t.jsonl": '{"id": "zq1", "x": 1, "y": 2}\n{"id": "zq2", "x": \n'}),
    Case("files_of_two_shapes", DATA, "(?i)column", job(files="[t.csv, u.csv]"),
         {"t.csv": GOOD, "u.csv": table(["zq90,3"], "id,x")}),
    Case("customer_twice", DATA, "(?i)1 customer key|twice|more than one", job(),
         {"t.csv": table(customers() + ["zq03,5,5"])}),
    Case("no_keys_at_all", DATA, "(?i)no customers|key", job(), {"t.csv": table([f",{i},{-i}" for i in range(9)])}),
    Case("keys_are_no_integers", DATA, "(?i)no customers|key|integer", job(top="key_type: integer\n"), T),
    Case("missing_value_refused", DATA, "`missing: fail`",
         job(features="  - {name: x, type: numeric, missing: fail}\n  - {name: y, type: numeric}\n"),
         {"t.csv": table(customers(x=lambda i: "" if i == 4 else i))}),
    Case("only_customer", (DATA, CONFIG), "only 1 customer", job(), {"t.csv": table(customers(1))}),
]

START = "{segments: 2, min_share: 0, start: start.csv}"

STARTS = [
    Case("start_missing", NO_INPUT, r"start\.csv", job(model=START), T),
    Case("start_of_other_customers", DATA, "(?i)customer", job(model=START),
         {"t.csv": GOOD, "start.csv": "id,segment\nzqother,1\nzqstranger,2\n"}),
    Case("start_without_numbers", DATA, r"start\.csv:2.*number", job(model=START),
         {"t.csv": GOOD, "start.csv": "id,segment\nzq01,zqone\n"}),
    Case("start_with_a_customer_twice", DATA, "(?i)same customer|twice", job(model=START),
         {"t.csv": GOOD, "start.csv": "id,segment\nzq01,1\nzq02,2\nzq01,2\n"}),
]

OUTPUTS = [
    Case("output_is_a_file", CREATE, "not a directory", job(), T, output="t.csv"),
    Case("output_under_a_file", CREATE, "(?i)directory", job(), T, output="t.csv/out"),
    Case("output_where_nothing_can_be", (CREATE, PERMISSION), "(?i)/proc", job(), T, output="/proc/strata-out"),
    Case("output_holds_other_files", CREATE, "other files", job(), {"t.csv": GOOD, "out/precious.txt": "keep me"}),
]

KEYED = "key_type: integer\n"
TWO = "  - {name: u, files: u.csv, key: id}\n"

LEGAL = [
    Case("all_rows_equal", 0, "No basis feature varies", job(), {"t.csv": table(customers(x=lambda i: 1, y=lambda i: 2))}),
    Case("constant_column", 0, '"y\\\\?" is constant', job(), {"t.csv": table(customers(y=lambda i: 7))}),
    Case("all_missing_column", 0, '"y\\\\?" is missing for all', job(), {"t.csv": table(customers(y=lambda i: ""))}),
    Case("nan_and_infinity", 0, "", job(), {"t.csv": table(customers(
        x=lambda i: {2: "nan", 5: "inf", 7: "-inf"}.get(i, i)))}, quality=r'(?i)"notFinite": ?"?3'),
    Case("null_keys", 0, "", job(), {"t.csv": table(customers() + [",1,2", ",3,4"])}, quality=r'(?i)"nullKeyRows": ?"?2'),
    Case("some_keys_are_no_integers", 0, "", job(top=KEYED),
         {"t.csv": table([f"{i},{i * i},{-i}" for i in range(12)] + ["zqx,1,2"])}, quality=r'(?i)"invalidKeyRows": ?"?1'),
    Case("bad_rows_rejected", 0, "", job(top="on_bad_rows: reject\n"),
         {"t.csv": table(customers() + ["zq50,zqnone,3", "zq51,1,zqmany"])}, quality=r'(?i)"rejectedRows": ?"?2',
         leaves=("rejects.parquet",)),
    Case("undeclared_level", 0, "levels", job(features="  - {name: x, type: numeric}\n"
                                              "  - {name: g, type: nominal, levels: [a, b]}\n"),
         {"t.csv": table([f"{row},{'abz'[i % 3]}" for i, row in enumerate(customers())], "id,x,y,g")},
         quality=r'(?i)"invalid": ?"?4'),
    Case("orphans", 0, "", job(source=TWO, sql="select id, x, y from t left join (select id, count(*) as n from u group by id)"
                               " using (id)"),
         {"t.csv": GOOD, "u.csv": table(["zq01,1", "zqelse,2", "zqelse,3"], "id,v")}, quality=r'(?i)"orphanKeys": ?"?1'),
    Case("share_that_no_model_has", 0, "limit was waived", job(model="{segments: {from: 2, to: 3}, starts: 2, min_share: 0.5}"),
         {"t.csv": table(customers(x=lambda i: 100 if i == 0 else i % 2, y=lambda i: 100 if i == 0 else i % 2))}),
    Case("fewer_distinct_customers_than_segments", 0, "too little to fill", job(model="{segments: 4, starts: 3, min_share: 0}"),
         {"t.csv": table(customers(x=lambda i: i % 2, y=lambda i: i % 2))}),
    Case("one_segment", 0, "", job(model="{segments: 1, min_share: 0}"), T),
    Case("more_ranks_than_customers", 0, "", job(model="{segments: 2, starts: 2, min_share: 0}"), {"t.csv": table(customers(2))}),
]

CASES = JOB_FILE + SQL + FILES + STARTS + OUTPUTS + LEGAL
