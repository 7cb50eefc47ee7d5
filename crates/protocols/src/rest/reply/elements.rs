//! Finds the elements of a JSON array that arrives in pieces, each byte looked at once. (`serde_json` reads no array whose
//! pieces are handed to it, and does not tell a text that breaks off from one that is none.)

use std::mem;

use transom_types::Problem;

use super::rows::unreadable;

/// What is done with each element; with each part of one where they are not kept together: whether it is the last.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8], bool) -> Result<(), Problem>;

/// What of the array has arrived.
#[derive(Debug)]
pub(super) struct Elements {
    place: Place,
    /// Whether an element is kept until its end is there.
    together: bool,
    /// The element that has begun, as far as it is kept.
    rest: Vec<u8>,
    ending: Ending,
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
    /// `together`: each element is wanted as a whole, and so held in memory.
    pub(super) fn new(together: bool) -> Self {
        Self { place: Place::Before, together, rest: Vec::new(), ending: Ending::default() }
    }

    /// Takes one more piece.
    pub(super) fn take(&mut self, piece: &[u8], each: Each<'_>) -> Result<(), Problem> {
        let mut at = 0;
        while let Some(byte) = piece.get(at) {
            match (self.place, byte) {
                (Place::Within, _) => at += self.within(&piece[at..], each)?,
                (_, b' ' | b'\t' | b'\n' | b'\r') | (Place::Between, b',') => at += 1,
                (Place::Before, b'[') => {
                    self.place = Place::Between;
                    at += 1;
                }
                (Place::Between, b']') => {
                    self.place = Place::After;
                    at += 1;
                }
                (Place::Between, _) => self.place = Place::Within,
                _ => return Err(unreadable("it is no array")),
            }
        }
        Ok(())
    }

    /// How many of these bytes belong to the element that has begun.
    fn within(&mut self, bytes: &[u8], each: Each<'_>) -> Result<usize, Problem> {
        let (length, ended) = self.ending.after(bytes);
        let part = &bytes[..length];
        if ended {
            (self.place, self.ending) = (Place::Between, Ending::default());
        }
        match (self.together && !ended, self.rest.is_empty()) {
            (true, _) => self.rest.extend_from_slice(part),
            (false, true) => each(part, ended)?,
            (false, false) => {
                let mut whole = mem::take(&mut self.rest);
                whole.extend_from_slice(part);
                each(&whole, true)?;
                whole.clear();
                self.rest = whole;
            }
        }
        Ok(length)
    }

    /// There are no more pieces. Errors: the array does not end.
    pub(super) fn end(&self) -> Result<(), Problem> {
        match self.place {
            Place::After => Ok(()),
            _ => Err(unreadable("it breaks off")),
        }
    }
}

/// Where a value ends that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ending {
    /// So many objects and arrays are open.
    depth: u64,
    /// Whether a string is.
    quoted: bool,
    /// Whether the last byte was what stands before one that is escaped.
    escaped: bool,
}

impl Ending {
    /// How many of these bytes belong to the value, and whether it ends with them.
    pub(super) fn after(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = usize::from(mem::take(&mut self.escaped));
        while let Some(byte) = bytes.get(at) {
            if self.quoted {
                let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) else { break };
                at += found + 1;
                if bytes[at - 1] == b'\\' {
                    self.escaped = at == bytes.len();
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
                    b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 => {
                        return (at - 1, true);
                    }
                    b'}' | b']' => self.depth -= 1,
                    _ => continue,
                }
            }
            if self.depth == 0 && !self.quoted {
                return (at, true);
            }
        }
        (bytes.len(), false)
    }
}
