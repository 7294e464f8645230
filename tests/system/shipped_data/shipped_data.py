"""The data under configs/ are what configs/README.md says, and the SQL of each job gives the stated customers."""
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))
from runs import CONFIGS, Checks, sql  # noqa: E402

GROCERY = CONFIGS / "grocery-households"
SOURCES = ["transactions", "demographics", "campaigns", "coupon_redemptions", "products"]
VIEWS = {
    "grocery-households": {name: GROCERY / (name + ("-*" if name == "transactions" else "") + ".parquet") for name in SOURCES},
    "online-retail": {"invoice_lines": CONFIGS / "online-retail" / "invoice-lines.parquet"},
}
VIEWS["bank-marketing"] = {"clients": CONFIGS / "bank-marketing" / "clients.parquet"}
VIEWS["telco-churn"] = {"subscribers": CONFIGS / "telco-churn" / "subscribers.parquet"}
VIEWS["grocery-households-mixture"] = VIEWS["grocery-households"]


def one(query):
    return sql(query)[1]


def customers_sql(job):
    text = (CONFIGS / f"{job}.yaml").read_text()
    return textwrap.dedent(re.search(r"^customers: \|\n((?:  .*\n|\n)+)", text, re.M)[1])


def of_view(job, what):
    """`what` over the customers view of a job, computed by DuckDB alone."""
    day = re.search(r"^as_of: (\S+)", (CONFIGS / f"{job}.yaml").read_text(), re.M)
    day = day[1] if day else "1970-01-01"
    views = "".join(f"create view {name} as select * from '{path}';" for name, path in VIEWS[job].items())
    return one(f"{views} create macro as_of() as date '{day}'; create view customers as {customers_sql(job)};"
               f"select {what} from customers")


def grocery(checks):
    data = VIEWS["grocery-households"]
    checks.that(one(f"select count(*), count(distinct household_id), sum(sales_value) from '{data['transactions']}'")
                == ["75000", "2377", "233935.24"], "Complete Journey: transactions")
    counts = {"demographics": "801", "campaigns": "6589", "coupon_redemptions": "2102", "products": "92331"}
    for name, rows in counts.items():
        checks.that(one(f"select count(*) from '{data[name]}'") == [rows], f"Complete Journey: {name}")
    for name in SOURCES:
        parquet = f"select * from '{data[name]}'"
        types = ", ".join(f"{column}::{kind} as {column}" for column, kind, *_ in sql(f"describe {parquet}")[1:])
        text = f"select {types} from read_csv('{GROCERY / name}.csv', all_varchar = true)"
        for a, b in ((parquet, text), (text, parquet)):
            checks.that(one(f"select count(*) from ({a} except all {b})") == ["0"], f"{name}: CSV and Parquet differ")
    groups = one(f"select count(distinct (file_name, row_group_id)) from parquet_metadata('{data['transactions']}')")
    checks.that(groups == ["8"], f"transactions: {groups} row groups")
    for job in ("grocery-households", "grocery-households-mixture"):
        found = of_view(job, "count(*), count(distinct household_id), sum(spend), count(age), max(campaigns) > 0")
        checks.that(found == ["2377", "2377", "233935.24", "801", "true"], f"{job}: customers view is {found}")
    checks.that(customers_sql("grocery-households") == customers_sql("grocery-households-csv"), "the CSV job has other SQL")


def online_retail(checks):
    lines = VIEWS["online-retail"]["invoice_lines"]
    checks.that(one(f"select count(*), count(*) - count(CustomerID) from '{lines}'") == ["541909", "135080"],
                "Online Retail: lines")
    checks.that(one(f"select count(*) from '{lines}' where CustomerID is not null and InvoiceNo not like 'C%' "
                    "and Quantity > 0 and UnitPrice > 0") == ["397884"], "Online Retail: clean lines")
    found = of_view("online-retail", "count(CustomerID), sum(spend) filter (CustomerID is not null)")
    checks.that(found == ["4338", "8911407.904"], f"Online Retail: customers view is {found}")


def wholesale(checks):
    file = CONFIGS / "wholesale" / "customers.csv"
    found = one(f"select count(*), count(distinct customer), sum(Fresh), sum(Milk), sum(Grocery), sum(Frozen), "
                f"sum(Detergents_Paper), sum(Delicassen) from read_csv('{file}')")
    checks.that(found == ["440", "440", "5280131", "2550357", "3498562", "1351650", "1267857", "670943"],
                f"Wholesale: {found}")


def one_table(checks):
    """Bank Marketing and Telco churn: the rows of their originals, and the same customers in the jobs' views."""
    clients, subscribers = CONFIGS / "bank-marketing" / "clients.parquet", CONFIGS / "telco-churn" / "subscribers.parquet"
    found = one(f"select count(*), count(distinct client), sum(balance), count(*) filter (y = 'yes') from '{clients}'")
    checks.that(found == ["45211", "45211", "61589682", "5289"], f"Bank Marketing: {found}")
    found = one("select count(*), count(distinct customerID), sum(MonthlyCharges), sum(TotalCharges), "
                f"count(*) filter (Churn = 'Yes'), count(*) - count(TotalCharges) from '{subscribers}'")
    checks.that(found == ["7043", "7043", "456116.60", "16056168.70", "1869", "11"], f"Telco churn: {found}")
    for job, count in (("bank-marketing", ["45211", "5289"]), ("telco-churn", ["7043", "1869"])):
        yes = "subscribed" if job == "bank-marketing" else "churned"
        found = of_view(job, f"count(*), count(*) filter ({yes})")
        checks.that(found == count, f"{job}: customers view is {found}")
    ignored = (CONFIGS.parent / ".gitignore").read_text().splitlines()
    checks.that("/configs/vacation-motives/" in ignored, "vacation motives may not be shipped, but git would take them")


def size(checks):
    total = sum(path.stat().st_size for path in CONFIGS.rglob("*") if path.is_file())
    checks.that(total < 20e6, f"configs/ has {total} bytes")


def main():
    checks = Checks()
    for part in (grocery, online_retail, wholesale, one_table, size):
        part(checks)
    checks.end()


main()
