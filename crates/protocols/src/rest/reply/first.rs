//! The value of an object's first member, which may be large and arrives in parts.

use bytes::BytesMut;
use transom_types::Problem;

use super::{elements::Ending, rows::unreadable};

/// What of the object has arrived.
#[derive(Debug, Default)]
pub(super) struct First {
    place: Place,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Opened,
    Key,
    Named,
    Colon,
    Value,
    After,
}

impl First {
    /// Takes one more part, and writes what of it belongs to the value; whether the value ends with it.
    /// Errors: it is no object.
    pub(super) fn take(&mut self, part: &[u8], out: &mut BytesMut) -> Result<bool, Problem> {
        let mut at = 0;
        while let Some(byte) = part.get(at) {
            match (self.place, byte) {
                (Place::Key | Place::Value, _) => {
                    let (length, ended) = self.ending.after(&part[at..]);
                    let value = self.place == Place::Value;
                    if value {
                        out.extend_from_slice(&part[at..at + length]);
                    }
                    at += length;
                    if ended {
                        self.ending = Ending::default();
                        self.place = if value { Place::After } else { Place::Named };
                    }
                    if ended && value {
                        return Ok(true);
                    }
                }
                (Place::After, _) => break,
                (_, b' ' | b'\t' | b'\n' | b'\r') => at += 1,
                (Place::Before, b'{') => {
                    self.place = Place::Opened;
                    at += 1;
                }
                (Place::Opened, b'}') => {
                    self.place = Place::After;
                    at += 1;
                }
                (Place::Opened, b'"') => self.place = Place::Key,
                (Place::Named, b':') => {
                    self.place = Place::Colon;
                    at += 1;
                }
                (Place::Colon, _) => self.place = Place::Value,
                _ => return Err(unreadable("it is no object")),
            }
        }
        Ok(false)
    }
}
