//! `CREATE POLICY` and the row-level security switch.

use super::{Command, Name, PolicyText, Statement, cursor::Cursor};
use crate::fault::{Checked, Fault};

pub(super) fn create(cursor: &mut Cursor) -> Checked<Statement> {
    let name = cursor.name()?;
    let within = format!("policy \"{}\"", name.text);
    let policy = rest(cursor, name).map_err(|fault| fault.within(&within))?;
    Ok(Statement::Policy(Box::new(policy)))
}

fn rest(cursor: &mut Cursor, name: Name) -> Checked<PolicyText> {
    cursor.expect("ON")?;
    let table = cursor.object()?;
    let permissive = match cursor.take("AS") {
        true if cursor.take("RESTRICTIVE") => false,
        true if cursor.take("PERMISSIVE") => true,
        true => return Err(cursor.unexpected("PERMISSIVE or RESTRICTIVE")),
        false => true,
    };
    let command = if cursor.take("FOR") { command(cursor)? } else { Command::All };
    let roles = if cursor.take("TO") { cursor.roles()? } else { vec![public(table.line)] };
    let using = if cursor.take("USING") { Some(cursor.expression()?) } else { None };
    let check = if cursor.take("WITH CHECK") { Some(cursor.expression()?) } else { None };
    cursor.finish()?;
    let policy = PolicyText { name, table, permissive, command, roles, using, check };
    clauses_fit(&policy)?;
    Ok(policy)
}

fn public(line: u64) -> Name {
    Name { text: "public".into(), quoted: false, line }
}

fn command(cursor: &mut Cursor) -> Checked<Command> {
    for (word, command) in [
        ("ALL", Command::All),
        ("SELECT", Command::Select),
        ("INSERT", Command::Insert),
        ("UPDATE", Command::Update),
        ("DELETE", Command::Delete),
    ] {
        if cursor.take(word) {
            return Ok(command);
        }
    }
    Err(cursor.unexpected("ALL, SELECT, INSERT, UPDATE or DELETE"))
}

fn clauses_fit(policy: &PolicyText) -> Checked<()> {
    let fault = |message: &str, hint: &str| Err(Fault::at(policy.name.line, message).hint(hint));
    match (policy.command, &policy.using, &policy.check) {
        (Command::Insert, Some(_), _) => {
            fault("INSERT takes no USING: there is no existing row to test", "Write WITH CHECK (…) instead")
        }
        (Command::Select | Command::Delete, _, Some(_)) => fault(
            "SELECT and DELETE take no WITH CHECK: there is no new row to test",
            "Write USING (…) instead",
        ),
        (Command::Insert, None, None) => fault("the condition is missing", "Add WITH CHECK (…)"),
        (_, None, None) => fault("the condition is missing", "Add USING (…)"),
        _ => Ok(()),
    }
}

pub(super) fn security(cursor: &mut Cursor) -> Checked<Statement> {
    let _ = cursor.take("IF EXISTS") || cursor.take("ONLY");
    let table = cursor.object()?;
    if cursor.take("ENABLE ROW LEVEL SECURITY") {
        return Ok(Statement::Security { table, enabled: true });
    }
    if cursor.take("DISABLE ROW LEVEL SECURITY") {
        return Ok(Statement::Security { table, enabled: false });
    }
    // Nobody here is a table's owner, so there is nobody to force or spare.
    if cursor.take("FORCE ROW LEVEL SECURITY") || cursor.take("NO FORCE ROW LEVEL SECURITY") {
        return Ok(Statement::Nothing);
    }
    let fault = cursor.unexpected("ENABLE or DISABLE ROW LEVEL SECURITY");
    Err(fault.hint("Every other change of a table belongs in migrations/*.sql"))
}
