//! `GRANT`, `REVOKE` and `CREATE ROLE`.

use sqlparser::tokenizer::Token;

use super::{FunctionName, Name, Objects, Privilege, Statement, cursor::Cursor};
use crate::fault::{Checked, Fault};

/// Options of a role that scripts made for PostgreSQL have; nobody signs in to a role here.
const WITHOUT_EFFECT: [&str; 7] =
    ["NOBYPASSRLS", "LOGIN", "NOLOGIN", "INHERIT", "NOSUPERUSER", "NOCREATEDB", "NOCREATEROLE"];

pub(super) fn create_role(cursor: &mut Cursor) -> Checked<Statement> {
    let _ = cursor.take("IF NOT EXISTS");
    let name = cursor.name()?;
    let _ = cursor.take("WITH");
    let (mut bypass, mut inherits) = (false, true);
    loop {
        if cursor.take("BYPASSRLS") {
            bypass = true;
        } else if cursor.take("NOINHERIT") {
            inherits = false;
        } else if !WITHOUT_EFFECT.iter().any(|option| cursor.take(option)) {
            break;
        }
    }
    cursor
        .finish()
        .map_err(|fault| fault.hint("A role's options with an effect here are BYPASSRLS and NOINHERIT"))?;
    Ok(Statement::Role { name, bypass, inherits })
}

pub(super) fn privileges(cursor: &mut Cursor, grant: bool) -> Checked<Statement> {
    let line = cursor.start;
    if cursor.take("GRANT OPTION FOR") {
        return Err(
            Fault::at(line, "grant options do not exist here").hint("Only this file grants: REVOKE … itself")
        );
    }
    let privileges = cursor.list(privilege)?;
    let towards = if grant { "TO" } else { "FROM" };
    if cursor.take(towards) {
        let members = cursor.roles()?;
        refuse_options(cursor, grant)?;
        let roles = privileges.into_iter().map(role_of).collect::<Checked<_>>()?;
        return Ok(Statement::Membership { grant, roles, members });
    }
    cursor.expect("ON").map_err(|fault| fault.hint("GRANT … ON table TO role, or GRANT role TO role"))?;
    let objects = objects(cursor)?;
    cursor.expect(towards)?;
    let roles = cursor.roles()?;
    refuse_options(cursor, grant)?;
    Ok(Statement::Privileges { grant, privileges, objects, roles })
}

fn privilege(cursor: &mut Cursor) -> Checked<Privilege> {
    let name = cursor.name()?;
    if name.text.eq_ignore_ascii_case("all") {
        cursor.take("PRIVILEGES");
    }
    let mut columns = None;
    if cursor.symbol(&Token::LParen) {
        columns = Some(cursor.list(Cursor::name)?);
        cursor.expect_symbol(&Token::RParen)?;
    }
    Ok(Privilege { name, columns })
}

fn role_of(privilege: Privilege) -> Checked<Name> {
    match privilege.columns {
        None => Ok(privilege.name),
        Some(_) => {
            let message = format!("'{}' has a column list but no ON table", privilege.name.text);
            Err(Fault::at(privilege.name.line, message))
        }
    }
}

fn refuse_options(cursor: &mut Cursor, grant: bool) -> Checked<()> {
    let line = cursor.line();
    if grant && (cursor.take("WITH GRANT OPTION") || cursor.take("WITH ADMIN OPTION")) {
        return Err(Fault::at(line, "grant options do not exist here")
            .hint("Remove WITH … OPTION: only this file grants"));
    }
    if !grant {
        let _ = cursor.take("CASCADE") || cursor.take("RESTRICT");
    }
    Ok(())
}

fn objects(cursor: &mut Cursor) -> Checked<Objects> {
    if cursor.take("ALL TABLES IN SCHEMA") {
        return public_only(cursor, Objects::AllTables);
    }
    if cursor.take("ALL FUNCTIONS IN SCHEMA") || cursor.take("ALL ROUTINES IN SCHEMA") {
        return public_only(cursor, Objects::AllFunctions);
    }
    if cursor.take("ALL SEQUENCES IN SCHEMA") || cursor.take("SCHEMA") {
        return public_only(cursor, Objects::Ignored);
    }
    if cursor.take("SEQUENCE") {
        cursor.list(Cursor::object)?;
        return Ok(Objects::Ignored);
    }
    if cursor.take("FUNCTION") || cursor.take("ROUTINE") {
        return Ok(Objects::Functions(
            cursor.list(|cursor| Ok(FunctionName { name: cursor.object()?, types: cursor.types()? }))?,
        ));
    }
    cursor.take("TABLE");
    Ok(Objects::Tables(cursor.list(Cursor::object)?))
}

fn public_only(cursor: &mut Cursor, objects: Objects) -> Checked<Objects> {
    for schema in cursor.list(Cursor::name)? {
        if !schema.text.eq_ignore_ascii_case("public") {
            let message = format!("schema '{}' does not exist", schema.text);
            return Err(Fault::at(schema.line, message).hint("There is one schema, called public"));
        }
    }
    Ok(objects)
}
