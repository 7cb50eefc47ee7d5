//! Short words for plans.

use transom_query::{
    ColumnId, Expr, Query, QueryId, TableId,
    plan::{Expect, OrderTerm, Output, ParamId, Read, Returning, Step},
};
use transom_types::DataType;

pub fn column(query: u16, column: ColumnId) -> Expr {
    Expr::Column(QueryId(query), column)
}

pub fn output(key: &str, expr: Expr, data_type: DataType) -> Output {
    Output { key: key.into(), expr, data_type }
}

pub fn equals(left: Expr, param: ParamId) -> Expr {
    Expr::eq(left, Expr::Param(param))
}

pub fn ascending(expr: Expr) -> OrderTerm {
    OrderTerm { expr, descending: false, nulls_first: false }
}

pub fn descending(expr: Expr) -> OrderTerm {
    OrderTerm { expr, descending: true, nulls_first: true }
}

pub fn from(query: u16, table: TableId, outputs: Vec<Output>) -> Query {
    Query { outputs, ..Query::table(QueryId(query), table) }
}

pub fn read(query: Query) -> Step {
    Step::Read(Read { query, count: None, count_max: None, cursor: false, expect: Expect::Any })
}

pub fn returning(outputs: Vec<Output>) -> Returning {
    Returning { outputs, capture: Vec::new(), rows: None }
}
