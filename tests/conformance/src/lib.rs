//! One suite for the database port, run on the memory implementation and on every adapter.
//!
//! A [`Factory`] opens an empty database; the suite gives it the schema and rows of [`fixture`] through the port itself,
//! then every case reads, writes and compares. [`suite!`] makes one test of each case.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a case stops at what it did not expect")]
#![allow(missing_docs, reason = "each case is named after what it shows")]

pub mod agreement;
pub mod changes;
pub mod embedding;
mod factory;
pub mod filtering;
pub mod fixture;
pub mod grouping;
pub mod handwritten;
pub mod idempotency;
mod json;
pub mod lifecycle;
pub mod policies;
pub mod reading;
pub mod request;
mod shop;
pub mod units;
pub mod writing;

pub use factory::{Factory, Keep, Opened, Traits};
pub use shop::Shop;

/// One `#[tokio::test]` per case, for a factory.
#[macro_export]
macro_rules! suite {
    ($factory:expr) => {
        $crate::suite! { @cases $factory;
            changes { a_late_committer_and_nothing_missed in_commit_order_with_images only_of_tracked_tables nothing_of_rolled_back_units
                resume_from_any_position receivers_are_told merges_are_inserts_or_updates }
            reading { values_are_shown_by_their_type booleans_as_text order_places_nulls limits_and_offsets totals cursors_page_in_any_order
                missing_tables_and_empty_results }
            filtering { comparisons nulls_are_unknown lists quantifiers patterns truth_values json_paths json_containment json_containment_of_scalars null_and_empty_lists full_text
                times_and_bytes logic }
            embedding { to_one to_many many_to_many one_to_one self_reference nested inner_and_anti filters_order_and_limits
                spread related_order }
            grouping { counts sums_and_means grouped having }
            writing { insert_one insert_many insert_of_no_rows missing_cells_become_null defaults_and_missing_cells generated_keys unique_keys required_columns
                foreign_keys merge ignore merge_by_unique_key updates updates_of_nothing deletes returned_rows_with_embeds
                returned_keys every_type_comes_back nested_insert }
            units { all_or_nothing later_steps_see_earlier_ones expectations rolled_back_on_request
                concurrent_units_are_all_there preconditions preconditions_let_nothing_between concurrent_conflicts_have_one_winner errors_leave_the_database_usable }
            policies { reads_are_guarded inserts_are_checked updates_are_guarded_and_checked deletes_are_guarded
                guards_hold_inside_embeds claims_decide
                they_come_before_constraints judges_rows }
            idempotency { replays_once refuses_another_request scopes_are_apart failed_units_may_try_again }
            lifecycle { the_catalog_is_introspected migrations_apply_once slow_reads_stop_at_their_deadline
                ping_and_close_twice what_was_acknowledged_outlives_a_close }
            handwritten { reading_functions writing_functions descriptions scripts constraints_of_the_schema cascades_are_logged }
        }
    };
    (@cases $factory:expr; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the factory is named in the test's own file")]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::$module::$case(&$factory).await;
            })*
        })*
    };
}
