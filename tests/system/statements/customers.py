"""The customers of four real data sets, each made from its raw files by SQL of our own: not the job's, and not by Strata.

A binary feature is 0 or 1, everything else as the job has it.  Columns that are only needed on the way may stay.
"""

GROCERY = """
with line as (
  select t.*, p.department, p.brand, t.sales_value::double as paid,
         (t.retail_disc + t.coupon_disc + t.coupon_match_disc)::double as saved
  from read_csv('{data}/transactions.csv') t
  left join read_csv('{data}/products.csv') p on p.product_id = t.product_id),
household as (select household_id, sum(paid) as spend, sum(saved) as saved_all, max(transaction_timestamp) as last_visit
              from line group by all),
visited as (select household_id, count(*) as frequency from (select distinct household_id, basket_id from line) group by all),
went as (select household_id, count(*) as stores from (select distinct household_id, store_id from line) group by all),
browsed as (select household_id, count(department) as departments from (select distinct household_id, department from line) group by all),
part as (select household_id, sum(paid) filter (department = 'GROCERY') as grocery,
                sum(paid) filter (department = 'DRUG GM') as household_goods,
                sum(paid) filter (department in ('FLORAL', 'PRODUCE', 'SALAD BAR')) as produce,
                sum(paid) filter (department similar to '(MEAT|SEAFOOD)(-PCKGD)?') as meat,
                sum(paid) filter (department in ('CHEF SHOPPE', 'DELI', 'PASTRY')) as deli,
                sum(paid) filter (department = 'NUTRITION') as nutrition,
                sum(paid) filter (department in ('FUEL', 'MISCELLANEOUS')) as fuel,
                sum(paid) filter (brand = 'Private') as private_label,
                ifnull(sum(paid) filter (transaction_timestamp::date between '2017-07-03' and '2017-12-31'), 0) as recent_spend,
                ifnull(sum(paid) filter (transaction_timestamp::date between '2017-01-02' and '2017-07-02'), 0) as earlier_spend
         from line group by all),
coupon as (select household_id, count(coupon_upc) as n from read_csv('{data}/coupon_redemptions.csv') group by all),
mailing as (select household_id, count(campaign_id) as n from read_csv('{data}/campaigns.csv') group by all)
select h.household_id as key,
       date '2018-01-01' - last_visit::date as recency, frequency, spend, spend / frequency as basket_size, stores, departments,
       saved_all / nullif(spend + saved_all, 0) as discount_share,
       ifnull(coupon.n, 0) as coupons, ifnull(mailing.n, 0) as campaigns, (ifnull(coupon.n, 0) > 0)::int as redeems,
       {shares}, recent_spend, earlier_spend,
       age, income, household_size, kids_count, household_comp, home_ownership, (marital_status = 'Married')::int as married
from household h join part using (household_id) join visited using (household_id) join went using (household_id)
join browsed using (household_id)
left join coupon using (household_id) left join mailing using (household_id)
left join read_csv('{data}/demographics.csv', all_varchar = true, nullstr = '') d on d.household_id = h.household_id::varchar
"""
SHARES = ["grocery", "household_goods", "produce", "meat", "deli", "nutrition", "fuel", "private_label"]

BANK = """
select client as key, age, (marital = 'married')::int as married,
       if(education = 'unknown', null, education) as education,
       ['overdrawn', '€0-499', '€500-1,999', '€2,000-4,999', '€5,000+'][
         1 + (balance >= 0)::int + (balance >= 500)::int + (balance >= 2000)::int + (balance >= 5000)::int] as balance_band,
       balance, (housing <> 'no')::int as mortgage, (loan <> 'no')::int as personal_loan, campaign as calls,
       (pdays <> -1)::int as known, map {{'success': 1, 'failure': 0}}[poutcome] as agreed_before, ("default" <> 'no')::int as in_default,
       if(job = 'unknown', null, replace(replace(job, 'admin.', 'administration'), 'housemaid', 'domestic work')) as occupation,
       map {{'cellular': 'mobile phone', 'telephone': 'fixed line'}}[contact] as contact,
       (y <> 'no')::int as subscribed
from '{data}/clients.parquet'
"""

TELCO = """
select customerID as key, tenure, MonthlyCharges::double as monthly_charges,
       map {{'Month-to-month': 'month-to-month', 'One year': 'one-year', 'Two year': 'two-year'}}[Contract] as contract,
       map {{'No': 'phone-only', 'DSL': 'DSL', 'Fiber optic': 'fibre'}}[InternetService] as access,
       (PhoneService <> 'No')::int as phone, {yes},
       trim(lower(replace(PaymentMethod, '(automatic)', ''))) as payment, SeniorCitizen as senior, gender
from '{data}/subscribers.parquet'
"""
YES = {"MultipleLines": "several_lines", "OnlineSecurity": "security", "OnlineBackup": "backup", "DeviceProtection": "protection",
       "TechSupport": "support", "StreamingTV": "television", "StreamingMovies": "films", "PaperlessBilling": "paperless",
       "Partner": "partner", "Dependents": "dependants", "Churn": "churned"}

VACATION = """
select r.respondent as key, r.* exclude (respondent), (relationship like 'married' or relationship like 'living%')::int as couple
from '{data}/respondents.parquet' r
"""


def query(job, data):
    """The customers of a job, from the folder that has its raw files."""
    shares = ", ".join(f"ifnull({name}, 0) / nullif(spend, 0) as {name}_share" for name in SHARES)
    yes = ", ".join(f"({column} = 'Yes')::int as {name}" for column, name in YES.items())
    text = {"grocery-households": GROCERY, "bank-marketing": BANK, "telco-churn": TELCO, "vacation-motives": VACATION}[job]
    return text.format(data=data, shares=shares, yes=yes)
