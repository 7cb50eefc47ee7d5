//! Requests to what speaks another tongue than our REST.

use std::io::Write;

use crate::{
    data::CATEGORIES,
    load::{Kind, Target},
};

pub fn native_a(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    let id = number % u64::from(target.rows) + 1;
    let _ = write!(request, "GET /products?id=eq.{id} HTTP/1.1\r\nHost: bench\r\n\r\n");
    Kind::Read
}

fn graphql(request: &mut Vec<u8>, query: &str, variables: &str) -> Kind {
    let body = format!("{{\"query\":\"{query}\",\"variables\":{variables}}}");
    let _ = write!(
        request,
        "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Kind::Read
}

pub fn graphile_a(number: u64, request: &mut Vec<u8>, target: &Target) -> Kind {
    let id = number % u64::from(target.rows) + 1;
    let query = "query A($id:BigInt!){productById(id:$id){id categoryId tenant name description price stock createdAt}}";
    graphql(request, query, &format!("{{\"id\":{id}}}"))
}

pub fn graphile_b(number: u64, request: &mut Vec<u8>, _: &Target) -> Kind {
    let category = number % u64::from(CATEGORIES) + 1;
    let query = "query B($c:BigInt!){allProducts(condition:{categoryId:$c},orderBy:PRICE_DESC,first:20)\
                 {nodes{id name price categoryByCategoryId{id name}}}}";
    graphql(request, query, &format!("{{\"c\":{category}}}"))
}
