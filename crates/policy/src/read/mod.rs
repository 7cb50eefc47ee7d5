//! Reads `policies.sql` into statements: what stands there, before any name is looked up.

mod cursor;
mod grant;
mod policy;

use sqlparser::{
    ast,
    dialect::PostgreSqlDialect,
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};

use crate::fault::{Checked, Fault};
use cursor::Cursor;

/// Longest file, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Longest statement, in tokens: bounds the depth of what is parsed from it.
const STATEMENT_TOKENS_MAX: usize = 5_000;

/// A name as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// Its text, without quotes.
    pub text: String,
    /// Whether it stood in double quotes: then its case counts.
    pub quoted: bool,
    /// Where it stands.
    pub line: u64,
}

/// A statement of the file.
#[derive(Debug)]
pub(crate) enum Statement {
    /// `CREATE ROLE`
    Role {
        name: Name,
        bypass: bool,
        inherits: bool,
    },
    /// `GRANT role TO role`, `REVOKE role FROM role`
    Membership {
        grant: bool,
        roles: Vec<Name>,
        members: Vec<Name>,
    },
    /// `GRANT … ON … TO …`, `REVOKE … ON … FROM …`
    Privileges {
        grant: bool,
        privileges: Vec<Privilege>,
        objects: Objects,
        roles: Vec<Name>,
    },
    /// `ALTER TABLE … ENABLE | DISABLE ROW LEVEL SECURITY`
    Security {
        table: Name,
        enabled: bool,
    },
    Policy(Box<PolicyText>),
    /// Accepted, because scripts made for PostgreSQL have it, and without effect here.
    Nothing,
}

/// A privilege and the columns it is restricted to, if any.
#[derive(Debug)]
pub(crate) struct Privilege {
    pub name: Name,
    pub columns: Option<Vec<Name>>,
}

/// What privileges are granted on.
#[derive(Debug)]
pub(crate) enum Objects {
    AllTables,
    Tables(Vec<Name>),
    AllFunctions,
    Functions(Vec<FunctionName>),
    /// Schema usage and sequences: there is nothing to decide.
    Ignored,
}

/// A function, as far as it is told which.
#[derive(Debug)]
pub(crate) struct FunctionName {
    pub name: Name,
    /// The types of its parameters, as words and signs; `None` where only the name is said.
    pub types: Option<Vec<Vec<Token>>>,
}

/// A `CREATE POLICY`, its expressions parsed.
#[derive(Debug)]
pub(crate) struct PolicyText {
    pub name: Name,
    pub table: Name,
    pub permissive: bool,
    pub command: Command,
    pub roles: Vec<Name>,
    pub using: Option<ast::Expr>,
    pub check: Option<ast::Expr>,
}

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    All,
    Select,
    Insert,
    Update,
    Delete,
}

/// Every statement that could be read; faults of the others are added to `faults`.
pub(crate) fn statements(text: &str, faults: &mut Vec<Fault>) -> Vec<Statement> {
    if text.len() > FILE_BYTES_MAX {
        faults.push(Fault::at(1, format!("the file is longer than {} MiB", FILE_BYTES_MAX >> 20)));
        return Vec::new();
    }
    let tokens = match Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => {
            let fault = Fault::at(error.location.line.max(1), error.message);
            faults.push(fault.hint("Close what was opened: a quote, a comment or a dollar quote"));
            return Vec::new();
        }
    };
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut found = Vec::new();
    for tokens in tokens.split(|token| token.token == Token::SemiColon) {
        match statement(tokens) {
            Ok(Some(statement)) => found.push(statement),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    found
}

fn statement(tokens: &[TokenWithSpan]) -> Checked<Option<Statement>> {
    let Some(first) = tokens.first() else { return Ok(None) };
    let line = first.span.start.line;
    if tokens.len() > STATEMENT_TOKENS_MAX {
        let message = format!("the statement has more than {STATEMENT_TOKENS_MAX} tokens");
        return Err(Fault::at(line, message).hint("Split the policy, or move the list into a table"));
    }
    let mut cursor = Cursor::new(tokens, line);
    let statement = dispatch(&mut cursor)?;
    cursor.finish()?;
    Ok(Some(statement))
}

fn dispatch(cursor: &mut Cursor) -> Checked<Statement> {
    if cursor.take("CREATE POLICY") {
        return policy::create(cursor);
    }
    if cursor.take("CREATE ROLE") {
        return grant::create_role(cursor);
    }
    if cursor.take("GRANT") {
        return grant::privileges(cursor, true);
    }
    if cursor.take("REVOKE") {
        return grant::privileges(cursor, false);
    }
    if cursor.take("ALTER TABLE") || cursor.take("ALTER VIEW") {
        return policy::security(cursor);
    }
    if cursor.take("COMMENT ON") {
        cursor.skip_rest();
        return Ok(Statement::Nothing);
    }
    let hint = match () {
        () if cursor.take("DROP POLICY") || cursor.take("ALTER POLICY") => {
            "The file is read as a whole at every start: change or remove the CREATE POLICY itself"
        }
        () if cursor.take("CREATE FUNCTION") || cursor.take("CREATE OR REPLACE FUNCTION") => {
            "Write the condition in the policy itself; named queries stand in queries/*.sql"
        }
        () if cursor.take("CREATE TABLE") || cursor.take("CREATE VIEW") || cursor.take("CREATE INDEX") => {
            "Schema changes belong in migrations/*.sql"
        }
        () => {
            "A policy file holds CREATE POLICY, GRANT, REVOKE, CREATE ROLE and ALTER TABLE … ROW LEVEL SECURITY"
        }
    };
    Err(Fault::at(cursor.start, format!("{} is not a statement of a policy file", cursor.opening()))
        .hint(hint))
}
