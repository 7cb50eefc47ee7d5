//! Gives rows the form that was asked for. Large ones are read from their file piece by piece, and what is made of them
//! is gathered as they were: it costs no more memory than they do.

use tokio::task;
use transom_ports::{Contents, DbError, Gathering, MEMORY_BYTES_MAX};
use transom_protocols::rest::{self, ReplyForm, Shape, Shaping};
use transom_query::catalog::Returns;
use transom_types::{Code, Problem};

use crate::reply::ReplyBody;

/// So many bytes of rows are looked at at once.
const PIECE_BYTES: usize = 256 * 1024;

/// The body of a reply from a JSON array of so many rows. `returns` is a function's; tables give `None`.
/// Errors: as [`rest::shape`], and [`Code::DiskFull`] or [`Code::Internal`] where a file cannot be used.
pub async fn body(
    form: &ReplyForm,
    returns: Option<Returns>,
    rows: u64,
    json: Contents,
) -> Result<ReplyBody, Problem> {
    if json.is_empty() {
        return Ok(ReplyBody::Empty);
    }
    match (rest::shape(form, returns, rows)?, json) {
        (Shape::Plain, json) => Ok(json.into()),
        (Shape::Nothing, _) => Ok(ReplyBody::Empty),
        (Shape::Made(shaping), Contents::Memory(json)) if json.len() <= MEMORY_BYTES_MAX => {
            Ok(ReplyBody::full(shaping.whole(&json)?))
        }
        // Kept out of the replies that are small.
        (Shape::Made(shaping), json) => Box::pin(Making::new(shaping, json).all()).await.map(Into::into),
    }
}

/// What is made of large contents.
struct Making {
    shaping: Shaping,
    json: Contents,
    at: u64,
    made: Gathering,
}

impl Making {
    fn new(shaping: Shaping, json: Contents) -> Self {
        Self { shaping, json, at: 0, made: Gathering::new() }
    }

    /// Each piece has its own turn where it keeps no task from its own: when nobody waits for it any more, it is the last.
    async fn all(mut self) -> Result<Contents, Problem> {
        while self.at < self.json.len() {
            let piece = task::spawn_blocking(move || self.piece().map(|()| self));
            self = piece.await.map_err(|error| {
                Problem::new(Code::Internal, "The reply could not be made").caused_by(error)
            })??;
        }
        self.shaping.end(self.made.memory())?;
        self.made.finished().await.map_err(DbError::into_problem)
    }

    fn piece(&mut self) -> Result<(), Problem> {
        let piece = self.json.read(self.at, PIECE_BYTES).map_err(DbError::into_problem)?;
        self.at += piece.len() as u64;
        self.shaping.take(&piece, self.made.memory())?;
        match self.made.is_full() {
            true => self.made.store().map_err(DbError::into_problem),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    async fn made(form: &ReplyForm, json: Contents, rows: u64) -> Result<Contents, Problem> {
        match body(form, None, rows, json).await? {
            ReplyBody::Empty => Ok(Contents::default()),
            ReplyBody::Full(bytes) => Ok(bytes.into()),
            ReplyBody::Stored(reading) => Ok(Contents::Stored(reading.stored().clone())),
            ReplyBody::Stream(_) => panic!("it has an end"),
        }
    }

    /// Rows in which what a scan has to know stands at every place of a piece's end.
    fn rows(count: usize) -> String {
        let row = |id: usize| {
            let text = "],{\\\"é".repeat(id % 50);
            format!(r#"{{"id":{id},"text":"{text}","none":null}}"#)
        };
        format!("[{}]", (0..count).map(row).collect::<Vec<_>>().join(", \n "))
    }

    fn stored(json: &str) -> Contents {
        let mut gathering = Gathering::new();
        gathering.extend(json.as_bytes());
        gathering.store().unwrap();
        gathering.finish().unwrap()
    }

    #[tokio::test]
    async fn what_is_made_of_a_file_is_what_is_made_of_memory() {
        let stripped = ReplyForm::Array { strip_nulls: true, vendor: true };
        for form in [ReplyForm::Csv, stripped] {
            let (few, many) = (rows(100), rows(10_000));
            for (json, rows) in [(few, 100), (many, 10_000)] {
                let Shape::Made(shaping) = rest::shape(&form, None, rows).unwrap() else {
                    panic!("{form:?}")
                };
                let expected = shaping.whole(&json.clone().into()).unwrap();
                let large = json.len() > MEMORY_BYTES_MAX;
                for contents in [stored(&json), json.into()] {
                    let contents = made(&form, contents, rows).await.unwrap();
                    assert_eq!(matches!(contents, Contents::Stored(_)), large);
                    assert!(contents.into_bytes().unwrap() == expected, "{form:?} of {rows} rows");
                }
            }
        }
    }

    #[tokio::test]
    async fn the_one_row_may_be_large() {
        let row = format!(r#"{{"text":"{}"}}"#, "x".repeat(3 * MEMORY_BYTES_MAX));
        let object = ReplyForm::Object { strip_nulls: false, vendor: true };
        let contents = made(&object, stored(&format!("[{row}]")), 1).await.unwrap();
        assert!(contents.into_bytes().unwrap() == row);
        let broken = made(&object, stored(&format!("[{row}")), 1).await;
        assert_eq!(broken.unwrap_err().code(), Code::Internal);
        assert!(made(&object, Contents::default(), 0).await.unwrap().is_empty());
    }
}
