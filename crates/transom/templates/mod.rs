//! The files that `transom new` writes, by path; the shop's are the example itself.

/// A file of a template: its path in the project and its text.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!($folder, $name)))),+] };
}

/// The example shop.
pub const SHOP: &[File] = files!["../../../examples/shop/":
    "transom.toml",
    "migrations/0001_shop.sql",
    "migrations/0001_shop.postgres.sql",
    "migrations/0002_search.sql",
    "migrations/0002_search.postgres.sql",
    "policies.sql",
    "seed.toml",
    "queries/best_sellers.sql",
    "queries/cancel_stale_orders.sql",
    "queries/my_spending.sql",
    "queries/product_count.sql",
    "queries/restock.sql",
    "README.md",
];

/// One table, and the comments that explain what belongs where.
pub const BLANK: &[File] = files!["blank/":
    "transom.toml",
    "migrations/0001_first.sql",
    "policies.sql",
];
