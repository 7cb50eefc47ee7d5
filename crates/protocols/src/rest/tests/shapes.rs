//! Rows that arrive in pieces have the form that they have at once.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde_json::Value as Json;
use transom_query::catalog::Returns;
use transom_types::Problem;

use crate::rest::{BareMedia, ReplyForm, Shape, Shaping, shape};

/// A value as an engine may write it: white space, escapes and more digits than a machine's number has.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-12345678901234567890.12300e+45".to_owned()),
        (0..10_000_000_u64).prop_map(|number| number.to_string()),
        Just(r#""\\x00ff""#.to_owned()),
        Just(r#""\\xno""#.to_owned()),
        Just(r#""\ud83d\u0000\"\/""#.to_owned()),
        Just(r#""],[{\"a\":null}""#.to_owned()),
        "[ -~é\n\r,\"\\\\]{0,12}".prop_map(|text| Json::from(text).to_string()),
        "[a-z]{300}".prop_map(|text| Json::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let member = ("[ab\"\\\\]{0,2}", inner.clone());
        let member = member.prop_map(|(key, value)| format!("{} : {value}", Json::from(key)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(",\n"))),
        ]
    })
}

/// An array of so many rows: of one result as a rule.
fn rows() -> impl Strategy<Value = (u64, String)> {
    let keys = prop::sample::select(vec![
        vec!["id", "a,b", "\"\n\\"],
        vec!["id", "a,b", "\"\n\\"],
        vec!["a,b", "id"],
        vec!["only"],
        vec![],
    ]);
    let row = keys.prop_flat_map(|keys| {
        prop::collection::vec(value(), keys.len()).prop_map(move |values| {
            let members = keys.iter().zip(values);
            let members = members.map(|(key, value)| format!("{}:{value}", Json::from(*key)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })
    });
    let between = prop_oneof![Just(","), Just(", \n "), Just(" , ")];
    (prop::collection::vec(row, 0..6), between)
        .prop_map(|(rows, between)| (rows.len() as u64, format!("[{}]", rows.join(between))))
}

fn forms() -> Vec<ReplyForm> {
    let media = [BareMedia::OctetStream, BareMedia::Plain, BareMedia::Xml];
    let mut forms: Vec<_> = media.map(ReplyForm::Bare).into();
    for strip_nulls in [false, true] {
        forms.push(ReplyForm::Array { strip_nulls, vendor: true });
        forms.push(ReplyForm::Object { strip_nulls, vendor: true });
    }
    forms.push(ReplyForm::Csv);
    forms
}

const RETURNS: [Option<Returns>; 7] = [
    None,
    Some(Returns::Rows),
    Some(Returns::Row),
    Some(Returns::Scalar),
    Some(Returns::Scalars { parts: false }),
    Some(Returns::Scalars { parts: true }),
    Some(Returns::Nothing),
];

fn in_pieces(mut shaping: Shaping, json: &[u8], piece_bytes: usize) -> Result<Bytes, Problem> {
    let mut out = BytesMut::new();
    for piece in json.chunks(piece_bytes) {
        shaping.take(piece, &mut out)?;
    }
    shaping.end(&mut out)?;
    Ok(out.freeze())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn pieces_have_the_form_of_the_whole((rows, json) in rows(), piece_bytes in 1..400_usize) {
        let json = Bytes::from(json);
        for form in &forms() {
            for returns in RETURNS {
                let made = || match shape(form, returns, rows) {
                    Ok(Shape::Made(shaping)) => Some(shaping),
                    _ => None,
                };
                let (Some(at_once), Some(pieces)) = (made(), made()) else { continue };
                let told = |made: Result<Bytes, Problem>| made.map_err(|problem| problem.to_string());
                let (at_once, pieces) = (told(at_once.whole(&json)), told(in_pieces(pieces, &json, piece_bytes)));
                prop_assert_eq!(at_once, pieces, "{:?} {:?} {:?} in {}", form, returns, json, piece_bytes);
            }
        }
    }
}

#[track_caller]
fn check_stripped(json: &str, expected: Option<&str>) {
    for piece_bytes in 1..=json.len() {
        let form = ReplyForm::Array { strip_nulls: true, vendor: true };
        let Ok(Shape::Made(shaping)) = shape(&form, None, 0) else { panic!("it is made") };
        let made = in_pieces(shaping, json.as_bytes(), piece_bytes);
        assert_eq!(made.as_deref().ok(), expected.map(str::as_bytes), "{json} in {piece_bytes}");
    }
}

#[test]
fn elements_end_where_they_do() {
    check_stripped(r#" [ {"a":null} ] "#, Some("[{}]"));
    check_stripped(
        r#"[1,-2.5e+3 ,null,"\\\"]", [[null],{}], "" ]"#,
        Some(r#"[1,-2.5e+3,null,"\\\"]",[[null],{}],""]"#),
    );
    check_stripped("[\n]", Some("[]"));
    for broken in ["[", "{}", "[{}", r#"[{"a":"]}"#, "[1", "[]]", "[],{}", r#"["\"#, "null", " "] {
        check_stripped(broken, None);
    }
}

#[test]
fn a_large_document_is_not_kept_until_it_ends() {
    let object = ReplyForm::Object { strip_nulls: false, vendor: true };
    let json = ReplyForm::Array { strip_nulls: false, vendor: true };
    for (form, returns, begin, written) in [
        (&json, Some(Returns::Scalar), r#"[{"f": {"a":"xx"#, r#"{"a":"xx"#),
        (&object, Some(Returns::Scalars { parts: false }), r#"[{"f":"x"#, r#""x"#),
        (&json, Some(Returns::Row), r#"[{"f":"x"#, r#"{"f":"x"#),
    ] {
        let Ok(Shape::Made(mut shaping)) = shape(form, returns, 1) else { panic!("it is made") };
        let mut out = BytesMut::new();
        shaping.take(begin.as_bytes(), &mut out).unwrap();
        assert_eq!(out, written, "{begin}");
    }
}
