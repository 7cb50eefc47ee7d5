//! Leaves out the members of objects that are null, at every depth. Elements of arrays stay.

use bytes::{BufMut, BytesMut};

/// Where the scan stands: inside an object or an array, and how many members or elements were written.
struct Level {
    object: bool,
    written: usize,
}

/// Writes a well-formed JSON text without them. One pass, no recursion.
pub(super) fn strip(json: &[u8], out: &mut BytesMut) {
    let mut levels: Vec<Level> = Vec::new();
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => at += 1,
            b'}' | b']' => {
                levels.pop();
                out.put_u8(*byte);
                at += 1;
            }
            _ => at = element(json, at, &mut levels, out),
        }
    }
}

/// Copies a member or element, or opens it when it is an object or array; where the scan goes on.
fn element(json: &[u8], start: usize, levels: &mut Vec<Level>, out: &mut BytesMut) -> usize {
    let mut value = start;
    let mut key = &json[start..start];
    if levels.last().is_some_and(|level| level.object) {
        let key_end = string_end(json, start);
        key = &json[start..key_end];
        value = key_end;
        while json.get(value).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b':') {
            value += 1;
        }
        if json[value..].starts_with(b"null") {
            return value + 4;
        }
    }
    if let Some(level) = levels.last_mut() {
        if level.written > 0 {
            out.put_u8(b',');
        }
        level.written += 1;
    }
    if !key.is_empty() {
        out.extend_from_slice(key);
        out.put_u8(b':');
    }
    match json.get(value) {
        Some(open @ (b'{' | b'[')) => {
            out.put_u8(*open);
            levels.push(Level { object: *open == b'{', written: 0 });
            value + 1
        }
        _ => {
            let end = scalar_end(json, value);
            out.extend_from_slice(&json[value..end]);
            end
        }
    }
}

fn scalar_end(json: &[u8], start: usize) -> usize {
    if json.get(start) == Some(&b'"') {
        return string_end(json, start);
    }
    let end = json[start..]
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace());
    // At least one byte, so that the scan always goes on.
    end.map_or(json.len(), |length| (start + length).max(start + 1))
}

/// The place after a string's closing quote.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match memchr::memchr2(b'"', b'\\', &json[at..]) {
            Some(found) if json[at + found] == b'"' => return at + found + 1,
            Some(found) => at += found + 2,
            None => break,
        }
    }
    json.len()
}
