//! Which names and columns a role is left with.

use insta::assert_snapshot;
use transom_query::catalog::Access;

use crate::support::*;

/// What `role` can see, one line per table.
fn check(text: &str, role: &str) -> String {
    let policies = load(text);
    let grant = grant(&policies, role);
    let catalog = grant.catalog();
    let letters = |access: Access| {
        [(access.select, 's'), (access.insert, 'i'), (access.update, 'u'), (access.delete, 'd')]
            .iter()
            .filter_map(|(held, letter)| held.then_some(*letter))
            .collect::<String>()
    };
    let mut names: Vec<&str> = catalog.table_names().collect();
    names.sort_unstable();
    let mut lines: Vec<String> = names
        .iter()
        .map(|name| {
            let table = &catalog[catalog.table(name).unwrap()];
            let columns = table.columns.iter().filter(|column| column.access.any());
            let columns: Vec<String> =
                columns.map(|column| format!("{}:{}", column.name, letters(column.access))).collect();
            format!("{name} {} [{}]", letters(table.access), columns.join(" "))
        })
        .collect();
    let mut functions: Vec<String> = catalog.function_names().map(|name| format!("{name}()")).collect();
    lines.append(&mut functions);
    if lines.is_empty() { "nothing".into() } else { lines.join("\n") }
}

#[test]
fn nothing_is_granted_by_default() {
    for role in ["anon", "authenticated", "stranger"] {
        assert_eq!(check("", role), "nothing");
    }
    assert_eq!(check("GRANT ALL ON ALL TABLES IN SCHEMA public TO public", "stranger"), "nothing");
}

#[test]
fn the_service_role_has_everything() {
    assert_snapshot!(check("", "service_role"));
}

#[test]
fn whole_tables_and_columns() {
    let text = "GRANT SELECT ON teams TO anon;
        GRANT SELECT (id, name), INSERT (name), UPDATE (name, open) ON TABLE public.teams TO authenticated;
        GRANT ALL PRIVILEGES ON audit TO authenticated;
        GRANT SELECT, DELETE ON members TO PUBLIC;
        GRANT USAGE ON SCHEMA public TO anon;
        GRANT EXECUTE ON FUNCTION report() TO anon;";
    assert_snapshot!(format!(
        "anon\n{}\n\nauthenticated\n{}",
        check(text, "anon"),
        check(text, "authenticated")
    ));
}

#[test]
fn revoke_follows_the_order_of_statements() {
    let all = "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO anon;";
    let revoked =
        "REVOKE ALL ON notes, members, audit FROM anon; REVOKE INSERT, UPDATE, DELETE ON teams FROM anon;
        REVOKE EXECUTE ON FUNCTION report FROM anon;";
    assert_snapshot!(check(&format!("{all}{revoked}"), "anon"));
    let columns = "GRANT SELECT (id, name, plan) ON teams TO anon; REVOKE SELECT (plan) ON teams FROM anon;";
    assert_eq!(check(columns, "anon"), "teams s [id:s name:s]");
    let again = "REVOKE SELECT ON teams FROM anon; GRANT SELECT (id) ON teams TO anon;";
    assert_eq!(check(again, "anon"), "teams s [id:s]");
    assert_snapshot!(faults("GRANT SELECT ON teams TO anon;\nREVOKE SELECT (plan) ON teams FROM anon;"));
}

#[test]
fn roles_inherit_what_they_are_members_of() {
    let text = "CREATE ROLE reader; CREATE ROLE \"Editor\" NOLOGIN; CREATE ROLE chief;
        GRANT reader TO \"Editor\"; GRANT \"Editor\" TO chief;
        GRANT SELECT ON teams TO reader; GRANT UPDATE (name) ON teams TO \"Editor\";";
    assert_eq!(check(text, "reader"), "teams s [id:s name:s plan:s open:s]");
    assert_eq!(check(text, "chief"), "teams su [id:s name:su plan:s open:s]");
    assert_eq!(check(&format!("{text} REVOKE reader FROM \"Editor\";"), "chief"), "teams u [name:u]");
    assert_snapshot!(faults(
        "CREATE ROLE a; CREATE ROLE b; GRANT a TO b; GRANT b TO a; GRANT public TO a; CREATE ROLE a;"
    ));
}

#[test]
fn unknown_roles_keep_their_name_and_share_nothing() {
    let policies = load("GRANT SELECT ON notes TO PUBLIC; CREATE POLICY p ON notes USING (true);");
    assert_eq!(&**grant(&policies, "stranger").role(), "stranger");
    assert!(show(&policies, "stranger", read("notes", &["id"])).starts_with("42501"));
    assert_eq!(show(&policies, "anon", read("notes", &["id"])), "unguarded");
}
