//! Finds the elements of a JSON array that arrives in pieces, each byte looked at once. What is kept of it is the one
//! element whose end is still to come. (`serde_json` reads no array whose pieces are handed to it, and does not tell a
//! text that breaks off from one that is none.)

use std::mem;

use transom_types::Problem;

use super::rows::unreadable;

/// What is done with each element.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Problem>;

/// What of the array has arrived.
#[derive(Debug, Default)]
pub(super) struct Elements {
    place: Place,
    /// The element that has begun, as far as it is there.
    rest: Vec<u8>,
    /// So many bytes of that were looked at: one more than there are where they end before what is escaped.
    looked: usize,
    /// So many objects and arrays are open there.
    depth: u64,
    /// Whether a string is.
    quoted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Between,
    Within,
    After,
}

impl Elements {
    /// Takes one more piece.
    pub(super) fn take(&mut self, piece: &[u8], each: Each<'_>) -> Result<(), Problem> {
        if self.rest.is_empty() {
            let from = self.scan(piece, each)?;
            self.rest.extend_from_slice(&piece[from..]);
            return Ok(());
        }
        let mut rest = mem::take(&mut self.rest);
        rest.extend_from_slice(piece);
        let from = self.scan(&rest, each)?;
        rest.drain(..from);
        self.rest = rest;
        Ok(())
    }

    /// There are no more pieces. Errors: the array does not end.
    pub(super) fn end(&self) -> Result<(), Problem> {
        match self.place {
            Place::After => Ok(()),
            _ => Err(unreadable("it breaks off")),
        }
    }

    /// Finds every element that ends here; where one begins that does not.
    fn scan(&mut self, bytes: &[u8], each: Each<'_>) -> Result<usize, Problem> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match (self.place, byte) {
                (Place::Within, _) => {
                    let Some(end) = self.ending(bytes, at) else { return Ok(at) };
                    each(&bytes[at..end])?;
                    self.place = Place::Between;
                    at = end;
                    continue;
                }
                (_, b' ' | b'\t' | b'\n' | b'\r') | (Place::Between, b',') => {}
                (Place::Before, b'[') => self.place = Place::Between,
                (Place::Between, b']') => self.place = Place::After,
                (Place::Between, _) => {
                    (self.place, self.looked) = (Place::Within, 0);
                    continue;
                }
                _ => return Err(unreadable("it is no array")),
            }
            at += 1;
        }
        Ok(at)
    }

    /// Where the element ends that begins at `start`; `None` where that is still to come.
    fn ending(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let mut at = start + self.looked;
        while let Some(byte) = bytes.get(at) {
            if self.quoted {
                let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else {
                    at = bytes.len();
                    break;
                };
                at += found + 1;
                if bytes[at - 1] == b'\\' {
                    at += 1;
                    continue;
                }
                self.quoted = false;
            } else {
                at += 1;
                match byte {
                    b'"' => self.quoted = true,
                    b'{' | b'[' => self.depth += 1,
                    // A number or a word ends before what follows it.
                    b',' | b']' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 => return Some(at - 1),
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => continue,
                }
            }
            if self.depth == 0 && !self.quoted {
                return Some(at);
            }
        }
        self.looked = at - start;
        None
    }
}
