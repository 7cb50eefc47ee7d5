//! `migrations/NNNN_name.sql`: read, compared with what was applied, and applied in order.
//! `NNNN_name.ENGINE.sql` is the same migration in the words of one engine.
//!
//! What was applied is history: a past migration that changed, went missing or came late is refused, and nothing is done.

use std::path::Path;

use sha2::{Digest, Sha256};
use transom_ports::{Database, Migration};
use transom_sql::ENGINES;
use transom_types::{Code, Problem};

use crate::faults::Faults;

/// A migration file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its number, name and checksum.
    pub migration: Migration,
    /// Its path, for messages.
    pub path: String,
    /// Its statements.
    pub sql: String,
}

/// A file as its name says.
struct Named {
    number: u32,
    /// Without the engine and the ending.
    name: String,
    /// The one engine it is for.
    engine: Option<String>,
    path: String,
    sql: String,
}

/// The files for one engine, by their names and checksums: `NNNN_name.ENGINE.sql` stands in place of `NNNN_name.sql`.
/// Errors: names of another form, numbers used twice, and numbers without a file for this engine.
pub fn files(texts: Vec<(String, String)>, engine: &str) -> Result<Vec<File>, Vec<Problem>> {
    let mut found: Vec<Named> = Vec::with_capacity(texts.len());
    let mut problems = Vec::new();
    for (path, sql) in texts {
        match named(path, sql, &found) {
            Ok(file) => found.push(file),
            Err(problem) => problems.push(problem),
        }
    }
    found.sort_by(|a, b| (a.number, &a.engine).cmp(&(b.number, &b.engine)));
    let mut files = Vec::with_capacity(found.len());
    for same in found.chunk_by_mut(|a, b| a.number == b.number) {
        // Sorted: the file for every engine is the first.
        let own = same.iter().position(|file| file.engine.as_deref() == Some(engine));
        let general = same.first().filter(|file| file.engine.is_none()).map(|_| 0);
        let Some(at) = own.or(general) else {
            let Named { name, path, .. } = &same[0];
            problems.push(
                refused(format!("{path}: migration {name} has no file for this database"))
                    .with_hint(format!("Write {name}.{engine}.sql, or {name}.sql for every engine")),
            );
            continue;
        };
        files.push(file(&mut same[at]));
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

fn named(path: String, sql: String, others: &[Named]) -> Result<Named, Problem> {
    let stem = Path::new(&path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_default();
    let (name, engine) = match stem.split_once('.') {
        Some((name, engine)) => (name.to_owned(), Some(engine.to_owned())),
        None => (stem, None),
    };
    let digits = name.split('_').next().filter(|digits| digits.len() >= 4);
    let Some(number) = digits.and_then(|digits| digits.parse().ok()) else {
        return Err(refused(format!("{path}: the name does not begin with a number"))
            .with_hint("Name it NNNN_name.sql, such as 0002_add_reviews.sql"));
    };
    if let Some(engine) = engine.as_deref().filter(|engine| !ENGINES.contains(engine)) {
        return Err(refused(format!("{path}: '{engine}' is no engine"))
            .with_hint(format!("Name it {name}.sql, or {name}.ENGINE.sql with {}", ENGINES.join(" or "))));
    }
    let twin =
        others.iter().find(|other| other.number == number && (other.name != name || other.engine == engine));
    if let Some(twin) = twin {
        return Err(refused(format!("{path}: number {number} is {}'s already", twin.path))
            .with_hint("Give it the next free number; a file for one engine has the name of the other"));
    }
    Ok(Named { number, name, engine, path, sql })
}

fn file(named: &mut Named) -> File {
    let (path, sql) = (std::mem::take(&mut named.path), std::mem::take(&mut named.sql));
    let checksum =
        Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let migration =
        Migration { number: named.number, name: named.name.as_str().into(), checksum: checksum.into() };
    File { migration, path, sql }
}

/// The files that are not applied yet.
/// Errors: everything in which the past differs from the files.
pub fn pending<'f>(files: &'f [File], applied: &[Migration]) -> Result<&'f [File], Vec<Problem>> {
    let mut problems = Vec::new();
    for past in applied {
        match files.iter().find(|file| file.migration.number == past.number) {
            None => problems.push(
                refused(format!("migration {} was applied, but its file is missing", past.name))
                    .with_hint(format!("Restore migrations/{}.sql from version control", past.name)),
            ),
            Some(file) if file.migration.checksum != past.checksum => {
                problems.push(
                    refused(format!("{}: the file changed after it was applied", file.path))
                        .with_details(format!(
                            "applied {}, now {}",
                            &past.checksum[..12],
                            &file.migration.checksum[..12]
                        ))
                        .with_hint("Restore the file, and make the change in a new migration"),
                );
            }
            Some(file) if file.migration.name != past.name => {
                problems.push(
                    refused(format!("{}: it was applied as {}", file.path, past.name))
                        .with_hint("Restore the name"),
                );
            }
            Some(_) => {}
        }
    }
    let last = applied.last().map_or(0, |past| past.number);
    for file in files {
        let known = applied.iter().any(|past| past.number == file.migration.number);
        if !known && file.migration.number < last {
            problems.push(
                refused(format!("{}: it comes before {last:04}, which is applied already", file.path))
                    .with_hint("Give it a number after the last applied one"),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(&files[applied.len().min(files.len())..])
}

/// Applies what is pending, in order. Another server that does the same at the same time is no harm: each migration is applied once.
pub async fn up(database: &dyn Database, files: &[File], mut each: impl FnMut(&File)) -> Result<u32, Faults> {
    let mut count = 0;
    loop {
        let applied = database.applied_migrations().await.map_err(|error| error.into_problem())?;
        let Some(next) = pending(files, &applied)?.first() else { return Ok(count) };
        let done = database
            .apply_migration(&next.migration, &next.sql, applied.len() as u32)
            .await
            .map_err(|error| failed(next, error))?;
        if done {
            each(next);
            count += 1;
        }
    }
}

fn failed(file: &File, error: transom_ports::DbError) -> Problem {
    refused(format!("{}: {}", file.path, error.message))
        .with_details("The migration was rolled back; nothing of it remains")
}

fn refused(message: String) -> Problem {
    Problem::new(Code::MigrationRefused, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn applied(files: &[File]) -> Vec<Migration> {
        files.iter().map(|file| file.migration.clone()).collect()
    }

    fn some(texts: &[(&str, &str)]) -> Vec<File> {
        files(named(texts), ENGINES[0]).unwrap()
    }

    fn named(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(name, sql)| (format!("migrations/{name}.sql"), sql.to_string())).collect()
    }

    fn check(files: &[File], past: &[Migration], expected: Result<usize, &str>) {
        match (pending(files, past), expected) {
            (Ok(found), Ok(count)) => assert_eq!(found.len(), count),
            (Err(problems), Err(text)) => {
                let all = problems.iter().map(|problem| problem.message()).collect::<Vec<_>>().join("\n");
                assert!(all.contains(text), "{all:?} lacks {text:?}");
            }
            (found, expected) => panic!("{:?} instead of {expected:?}", found.map(<[File]>::len)),
        }
    }

    #[test]
    fn only_a_past_that_equals_the_files_is_continued() {
        let three = some(&[("0001_a", "A"), ("0002_b", "B"), ("0003_c", "C")]);
        let past = applied(&three[..2]);
        check(&three, &[], Ok(3));
        check(&three, &past, Ok(1));
        check(&three, &applied(&three), Ok(0));
        check(&some(&[("0001_a", "changed"), ("0002_b", "B")]), &past, Err("changed after it was applied"));
        check(&some(&[("0002_b", "B")]), &past, Err("its file is missing"));
        check(&some(&[("0001_renamed", "A"), ("0002_b", "B")]), &past, Err("it was applied as 0001_a"));
        check(&three, &applied(&[three[0].clone(), three[2].clone()]), Err("comes before 0003"));
    }

    /// Which files an engine gets, or what is wrong with them.
    fn check_files(names: &[&str], engine: &str, expected: Result<&[&str], &str>) {
        let texts: Vec<_> = names.iter().map(|name| (*name, "")).collect();
        match (files(named(&texts), engine), expected) {
            (Ok(found), Ok(expected)) => {
                let paths: Vec<_> = found.iter().map(|file| file.path.as_str()).collect();
                let expected: Vec<_> = expected.iter().map(|name| format!("migrations/{name}.sql")).collect();
                assert_eq!(paths, expected);
            }
            (Err(problems), Err(text)) => {
                assert!(problems.iter().any(|problem| problem.message().contains(text)), "{problems:?}");
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn names_and_numbers_are_checked() {
        let [one, other] = ENGINES;
        let own = format!("0001_a.{other}");
        check_files(&["first"], one, Err("does not begin with a number"));
        check_files(&["0001_a", "0001_b"], one, Err("number 1 is migrations/0001_a.sql's already"));
        check_files(&["0001_a", &own.replace("_a", "_b")], one, Err("number 1 is"));
        check_files(&["0001_a.oracle"], one, Err("'oracle' is no engine"));
        check_files(&["0001_a", &own, "0002_b"], one, Ok(&["0001_a", "0002_b"]));
        check_files(&["0001_a", &own, "0002_b"], other, Ok(&[&own, "0002_b"]));
        check_files(&[&own], one, Err("has no file for this database"));
        check_files(&[&own], other, Ok(&[&own]));
    }

    #[test]
    fn a_file_for_one_engine_is_recorded_by_its_name() {
        let texts = vec![(format!("m/0001_a.{}.sql", ENGINES[1]), "A".to_owned())];
        assert_eq!(&*files(texts, ENGINES[1]).unwrap()[0].migration.name, "0001_a");
    }
}
