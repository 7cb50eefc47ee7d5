//! `migrations/NNNN_name.sql`: read, compared with what was applied, and applied in order.
//!
//! What was applied is history: a past migration that changed, went missing or came late is refused, and nothing is done.

use std::path::Path;

use sha2::{Digest, Sha256};
use transom_ports::{Database, Migration};
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

/// Reads the files' names and checksums.
/// Errors: names that are not `NNNN_name.sql`, and numbers used twice.
pub fn files(texts: Vec<(String, String)>) -> Result<Vec<File>, Vec<Problem>> {
    let mut files: Vec<File> = Vec::with_capacity(texts.len());
    let mut problems = Vec::new();
    for (path, sql) in texts {
        let stem =
            Path::new(&path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let number =
            stem.split('_').next().filter(|digits| digits.len() >= 4).and_then(|digits| digits.parse().ok());
        let Some(number) = number else {
            problems.push(
                refused(format!("{path}: the name does not begin with a number"))
                    .with_hint("Name it NNNN_name.sql, such as 0002_add_reviews.sql"),
            );
            continue;
        };
        if let Some(twin) = files.iter().find(|file| file.migration.number == number) {
            problems.push(
                refused(format!("{path}: number {number} is {}'s already", twin.path))
                    .with_hint("Give it the next free number"),
            );
            continue;
        }
        let checksum =
            Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let migration = Migration { number, name: stem.into(), checksum: checksum.into() };
        files.push(File { migration, path, sql });
    }
    files.sort_by_key(|file| file.migration.number);
    if problems.is_empty() { Ok(files) } else { Err(problems) }
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
        files(texts.iter().map(|(name, sql)| (format!("migrations/{name}.sql"), sql.to_string())).collect())
            .unwrap()
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

    #[test]
    fn names_and_numbers_are_checked() {
        assert!(files(vec![("migrations/first.sql".into(), String::new())]).is_err());
        assert!(
            files(vec![("m/0001_a.sql".into(), String::new()), ("m/0001_b.sql".into(), String::new())])
                .is_err()
        );
    }
}
