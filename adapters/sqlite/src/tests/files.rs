//! What is opened, and what is refused and left as it is.

use std::{fs, path::Path};

use transom_ports::Fault;

use crate::{Options, Sqlite};

fn refused(path: &Path) -> transom_ports::DbError {
    match Sqlite::open(Options::file(path)) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// Refused by name, every byte as it was, and nothing left beside it.
fn check(what: &str, bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("found.db");
    fs::write(&path, bytes).unwrap();
    let error = refused(&path);
    assert_eq!(error.fault, Fault::Damaged, "{what}: {error}");
    assert!(error.message.contains("found.db"), "{what}: {error}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "{what}: untouched");
    let beside: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["found.db"], "{what}: alone");
}

fn sound() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sound.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    drop(connection);
    fs::read(&path).unwrap()
}

#[test]
fn what_is_no_database_is_left_alone() {
    check("a text", b"These are my notes.\n");
    check("a short text", b"x");
    check("an image", &[0x89, b'P', b'N', b'G', 13, 10, 26, 10].repeat(100));
    let mut schema = sound();
    schema[100..120].fill(0xff);
    check("a damaged schema", &schema);
    let mut header = sound();
    header[16..24].fill(0xff);
    check("a damaged header", &header);
}

#[test]
fn what_is_a_database_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/down/new.db");
    drop(Sqlite::open(Options::file(&path)).unwrap());
    assert!(path.exists(), "folders are made");
    let empty = directory.path().join("empty.db");
    fs::write(&empty, b"").unwrap();
    drop(Sqlite::open(Options::file(&empty)).unwrap());
    let there = directory.path().join("there.db");
    fs::write(&there, sound()).unwrap();
    drop(Sqlite::open(Options::file(&there)).unwrap());
}

#[test]
fn a_folder_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = refused(directory.path());
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains(&directory.path().display().to_string()), "{error}");
}
