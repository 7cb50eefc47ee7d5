//! The works, as requests to each server; and the rows they read.

use std::io::Write;

use crate::load::{Kind, Target};

pub const CATEGORIES: u32 = 100;
pub const TENANTS: u32 = 50;

fn get(request: &mut Vec<u8>, target: &Target, path: std::fmt::Arguments) -> Kind {
    let token = target.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
    let _ = write!(request, "GET {path} HTTP/1.1\r\nHost: bench\r\n{}\r\n", token.unwrap_or_default());
    Kind::Read
}

fn post(request: &mut Vec<u8>, path: &str, body: &str) -> Kind {
    let _ = write!(
        request,
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nPrefer: return=representation\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Kind::Write
}

fn event(number: u64) -> String {
    format!(
        r#"{{"product_id":{},"kind":"viewed","amount":{}.5,"note":"nothing to say"}}"#,
        number % 100_000 + 1,
        number % 1000
    )
}

fn row(number: u64, target: &Target) -> u64 {
    number % u64::from(target.rows) + 1
}

pub fn transom_a(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/rest/v1/products?id=eq.{}", row(number, target)))
}

/// A row of the member's tenant: one in fifty.
fn of_tenant(number: u64, target: &Target) -> u64 {
    let first = row(number, target) / u64::from(TENANTS) * u64::from(TENANTS) + 1;
    first.min(u64::from(target.rows) - u64::from(TENANTS) + 1)
}

/// The same rows as [`transom_guarded`], from the table without a condition.
pub fn transom_open(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/rest/v1/products?id=eq.{}", of_tenant(number, target)))
}

pub fn transom_guarded(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/rest/v1/guarded?id=eq.{}", of_tenant(number, target)))
}

/// Looks at every row and finds none.
pub fn transom_dear(_: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/rest/v1/products?select=id&description=ilike.*nowhere*"));
    Kind::Dear
}

pub fn transom_b(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    let category = number % u64::from(CATEGORIES) + 1;
    get(
        request,
        target,
        format_args!(
            "/rest/v1/products?select=id,name,price,category:categories(id,name)&category_id=eq.{category}&order=price.desc&limit=20"
        ),
    )
}

pub fn transom_c(number: u64, request: &mut Vec<u8>, _: &Target) -> Kind {
    post(request, "/rest/v1/events", &event(number))
}

pub fn transom_d(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    if number.is_multiple_of(10) {
        transom_c(number, request, target)
    } else {
        transom_a(number, request, target)
    }
}

pub fn peer_a(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/products/{}", row(number, target)))
}

pub fn peer_b(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    get(request, target, format_args!("/page/{}", number % u64::from(CATEGORIES) + 1))
}

pub fn peer_c(number: u64, request: &mut Vec<u8>, _: &Target) -> Kind {
    post(request, "/events", &event(number))
}

/// The rows, as bodies of bulk inserts: (table, JSON array).
pub fn batches(rows: u32) -> impl Iterator<Item = (&'static str, String)> {
    let categories =
        (1..=CATEGORIES).map(|id| serde_json::json!({ "id": id, "name": format!("Category {id}") }));
    let categories = serde_json::Value::Array(categories.collect()).to_string();
    let products = (0..rows).step_by(5_000).flat_map(move |first| {
        let batch: Vec<_> = (first..rows.min(first + 5_000)).map(|at| product(at + 1)).collect();
        let body = serde_json::Value::Array(batch).to_string();
        [("products", body.clone()), ("guarded", body)]
    });
    std::iter::once(("categories", categories)).chain(products)
}

fn product(id: u32) -> serde_json::Value {
    serde_json::json!({
        "id": id,
        "category_id": id % CATEGORIES + 1,
        "tenant": format!("tenant-{}", id % TENANTS),
        "name": format!("Product {id} of the bench"),
        "description": "Plain and useful; comes in a box of its own, with a leaflet that nobody reads.",
        "price": f64::from(id.wrapping_mul(7919) % 100_000) / 100.0,
        "stock": id % 500,
        "created_at": "2026-01-01T00:00:00Z",
    })
}
