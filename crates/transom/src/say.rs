//! What a command has to say goes to standard output. A reader that stops reading (`| head`) ends the command, quietly.

use std::{fmt, io::Write};

/// Writes; ends the process where nobody listens any more.
pub fn say(text: fmt::Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    if output.write_fmt(text).and_then(|()| output.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Says a line.
macro_rules! say {
    () => { crate::say::say(format_args!("\n")) };
    ($($format:tt)*) => { crate::say::say(format_args!("{}\n", format_args!($($format)*))) };
}

/// Says something without ending the line.
macro_rules! say_on {
    ($($format:tt)*) => { crate::say::say(format_args!($($format)*)) };
}
