#![allow(clippy::unwrap_used)]

use serde_json::value::RawValue;
use transom_types::DataType;

use super::digest::normal;

/// Two ways to write one value, or values that are not the same.
fn check(data_type: DataType, one: &str, other: &str, same: bool) {
    let normal = |text: &str| normal(&RawValue::from_string(text.to_owned()).unwrap(), data_type);
    assert_eq!(normal(one) == normal(other), same, "{one} {other}: {} {}", normal(one), normal(other));
}

#[test]
fn values_are_compared_by_what_they_mean() {
    check(DataType::Numeric, "1.50", "1.5", true);
    check(DataType::Numeric, "150", "1.5e2", true);
    check(DataType::Numeric, "\"0.10\"", "0.1", true);
    check(DataType::Numeric, "-0.0", "0", true);
    check(DataType::Numeric, "12345678901234567890.1", "12345678901234567890.2", false);
    check(DataType::Timestamp, "\"2023-07-18T06:32:09.812Z\"", "\"2023-07-18T06:32:09.812+00:00\"", true);
    check(DataType::Timestamp, "\"2023-07-18T08:32:09+02:00\"", "\"2023-07-18T06:32:09.000Z\"", true);
    check(DataType::Timestamp, "\"2023-07-18 06:32:09\"", "\"2023-07-18T06:32:09+00:00\"", true);
    check(DataType::Timestamp, "\"2023-07-18T06:32:09Z\"", "\"2023-07-18T06:32:10Z\"", false);
    check(DataType::Time, "\"12:15\"", "\"12:15:00\"", true);
    check(DataType::Json, "{\"a\":1,\"b\":[1.0, \"x\"]}", "{ \"b\": [1,\"x\"], \"a\": 1 }", true);
    check(DataType::Json, "{\"a\":\"1\"}", "{\"a\":1}", false);
    check(DataType::Json, "\"\\u00e9\"", "\"é\"", true);
    check(DataType::Text, "\"1\"", "1", false);
    check(DataType::Text, "null", "\"null\"", false);
    check(DataType::Uuid, "\"AB\"", "\"ab\"", true);
}
