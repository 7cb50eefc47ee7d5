//! Sums and counts, by group.

use transom_testkit::{Project, Server, embedded_only};

use crate::spec::check;

const SCHEMA: &str = "
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined DATE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), amount INTEGER, day DATE, details JSON);
INSERT INTO customers VALUES (1, 'A', 'Rome', '2020-01-01'), (2, 'B', 'Oslo', '2021-01-01'), (3, 'C', 'Rome', '2022-01-01');
INSERT INTO orders VALUES
  (1, 1, 10, '2026-01-01', '{\"tax\": 1.5}'), (2, 1, 20, '2026-01-02', '{\"tax\": 2}'), (3, 2, 30, '2026-01-01', '{\"tax\": 3}'),
  (4, 2, NULL, '2026-01-02', NULL), (5, 3, 45, '2026-01-01', '{}');
";
const POLICIES: &str = "
GRANT SELECT ON customers, orders TO anon;
CREATE POLICY p ON customers USING (true);
CREATE POLICY p ON orders USING (true);
";

fn serve() -> (Project, Server) {
    let project = Project::of(SCHEMA, POLICIES);
    project.configure("[rest]\naggregates = true");
    let server = project.serve();
    (project, server)
}

#[test]
fn values_are_summed_up_by_group() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /orders?select=amount.sum()
        => 200
        [{"sum":105}]

        GET /orders?select=amount.sum(),amount.avg(),amount.max(),amount.min(),amount.count(),n:count()
        => 200
        [{"sum":105,"avg":26.25,"max":45,"min":10,"count":4,"n":5}]

        GET /orders?select=total:amount.sum(),day&order=day
        => 200
        [{"total":85,"day":"2026-01-01"},{"total":20,"day":"2026-01-02"}]

        GET /orders?select=count(),customer_id&order=customer_id
        => 200
        [{"count":2,"customer_id":1},{"count":2,"customer_id":2},{"count":1,"customer_id":3}]

        GET /orders?select=amount.sum()&day=eq.2026-01-02
        => 200
        [{"sum":20}]

        # The sum of nothing is unknown, the count is zero.
        GET /orders?select=amount.sum(),count()&id=gt.99
        => 200
        [{"sum":null,"count":0}]

        GET /orders?select=day,count()&id=gt.99
        => 200
        []

        GET /orders?select=amount.avg()::int
        => 200
        [{"avg":26}]

        GET /orders?select=details->tax::numeric.sum()
        => 200
        [{"sum":6.5}]

        GET /orders?select=sum:amount::text.max()
        => 200
        [{"sum":"45"}]

        GET /orders?select=amount.median()
        => 400 PGRST100

        # Text has no sum.
        GET /customers?select=name.sum()
        => 400 42883
        "#,
    );
}

#[test]
fn groups_are_chosen_and_ordered() {
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /orders?select=customer_id,amount.sum()&having=amount.sum().gt.30
        => 200
        [{"customer_id":3,"sum":45}]

        GET /orders?select=customer_id,amount.sum()&having=amount.sum().gte.30&order=customer_id.desc
        => 200
        [{"customer_id":3,"sum":45},{"customer_id":2,"sum":30},{"customer_id":1,"sum":30}]

        GET /orders?select=customer_id,n:count()&having=count().eq.1
        => 200
        [{"customer_id":3,"n":1}]

        # What groups are chosen by need not be shown.
        GET /orders?select=customer_id&having=count().eq.1
        => 200
        [{"customer_id":3}]

        GET /orders?select=customer_id,count()&order=customer_id&limit=1&offset=1
        => 200
        Content-Range: 1-1/*
        [{"customer_id":2,"count":2}]

        GET /orders?select=customer_id,count()&order=customer_id&limit=2
        Prefer: count=exact
        => 206
        Content-Range: 0-1/3
        [{"customer_id":1,"count":2},{"customer_id":2,"count":2}]

        # A column that is not grouped has no one value to order by.
        GET /orders?select=customer_id,count()&order=id
        => 400
        "#,
    );
}

#[test]
fn groups_and_embedded_rows_go_together() {
    if embedded_only("a server groups by a column and by nothing that leads out of the group") {
        return;
    }
    let (_project, server) = serve();
    check(
        &server,
        r#"
        GET /orders?select=amount.sum(),customers(name)&order=customers(name)
        => 200
        [{"sum":30,"customers":{"name":"A"}},{"sum":30,"customers":{"name":"B"}},{"sum":45,"customers":{"name":"C"}}]

        GET /customers?select=name,orders(amount.sum())&order=id
        => 200
        [{"name":"A","orders":[{"sum":30}]},{"name":"B","orders":[{"sum":30}]},{"name":"C","orders":[{"sum":45}]}]

        GET /customers?select=name,orders(amount.sum(),day)&orders.order=day&order=id
        => 200
        [{"name":"A","orders":[{"sum":10,"day":"2026-01-01"},{"sum":20,"day":"2026-01-02"}]},
         {"name":"B","orders":[{"sum":30,"day":"2026-01-01"},{"sum":null,"day":"2026-01-02"}]},
         {"name":"C","orders":[{"sum":45,"day":"2026-01-01"}]}]

        GET /customers?select=name,orders(count())&order=id
        => 200
        [{"name":"A","orders":[{"count":2}]},{"name":"B","orders":[{"count":2}]},{"name":"C","orders":[{"count":1}]}]

        # Columns spread from a related row group and are summed up like one's own.
        GET /orders?select=amount.sum(),...customers(city)&order=customers(city)
        => 200
        [{"sum":30,"city":"Oslo"},{"sum":75,"city":"Rome"}]

        GET /orders?select=day,...customers(joined.max(),joined.min())&order=day
        => 200
        [{"day":"2026-01-01","max":"2022-01-01","min":"2020-01-01"},{"day":"2026-01-02","max":"2021-01-01","min":"2020-01-01"}]
        
        # The old form of count().
        GET /customers?select=name,orders(count)&order=id
        => 200
        [{"name":"A","orders":[{"count":2}]},{"name":"B","orders":[{"count":2}]},{"name":"C","orders":[{"count":1}]}]

        GET /orders?select=day,n:count&order=day
        => 200
        [{"day":"2026-01-01","n":3},{"day":"2026-01-02","n":2}]

        GET /customers?select=...orders(amount,amount.sum())
        => 400 TR001 "mixes"
        "#,
    );
}

#[test]
fn aggregates_are_off_unless_allowed() {
    let project = Project::of(SCHEMA, POLICIES);
    let server = project.serve();
    check(
        &server,
        r#"
        GET /orders?select=amount.sum()
        => 400 PGRST123

        GET /orders?select=count()
        => 400 PGRST123

        GET /customers?select=name,orders(count())
        => 400 PGRST123

        # The old form was there before there was anything to allow.
        GET /customers?select=name,orders(count)&id=eq.1
        => 200
        [{"name":"A","orders":[{"count":2}]}]
        "#,
    );
}
