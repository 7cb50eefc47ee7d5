use super::rows::time_text;

#[test]
fn times_are_written_as_iso_8601() {
    let check = |at_ms: i64, expected: &str| assert_eq!(time_text(at_ms), expected);
    check(0, "1970-01-01T00:00:00.000Z");
    check(-1, "1969-12-31T23:59:59.999Z");
    check(951_782_400_000, "2000-02-29T00:00:00.000Z");
    check(1_767_323_045_678, "2026-01-02T03:04:05.678Z");
    check(4_102_444_799_999, "2099-12-31T23:59:59.999Z");
}
