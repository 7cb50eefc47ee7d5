//! Dates, times and moments as text: which texts are one, and what they are in UTC.

const MINUTES_OF_DAY: i64 = 24 * 60;

/// `YYYY-MM-DD`, a day that the calendar has.
pub(crate) fn is_date(text: &str) -> bool {
    date(text).is_some()
}

/// `HH:MM[:SS[.fraction]]`; the day ends with 24:00.
pub(crate) fn is_time(text: &str) -> bool {
    time(text).is_some()
}

/// Reads a date, or a date and time. One with an offset becomes the same moment in UTC; one without stays as it is.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let day = date(text.get(..10)?)?;
    let separator = match text[10..].chars().next() {
        None => return Some(text.to_owned()),
        Some(' ') => ' ',
        Some('T' | 't') => 'T',
        Some(_) => return None,
    };
    let rest = &text[11..];
    if let Some(clock) = rest.strip_suffix(['Z', 'z']) {
        return time(clock).map(|_| format!("{}{separator}{clock}Z", &text[..10]));
    }
    let Some(at) = rest.rfind(['+', '-']) else {
        return time(rest).map(|_| format!("{}{separator}{rest}", &text[..10]));
    };
    let (clock, zone) = rest.split_at(at);
    let minutes = time(clock)? - offset(zone)?;
    let (year, month, day) = civil(day + minutes.div_euclid(MINUTES_OF_DAY));
    if !(0..=9999).contains(&year) {
        return None;
    }
    let (hour, minute) = (minutes.rem_euclid(MINUTES_OF_DAY) / 60, minutes.rem_euclid(60));
    Some(format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}{}Z", &clock[5..]))
}

fn number(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number))
}

/// The day's number, counted from 1970-01-01.
fn date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || !text.is_ascii() || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = number(&text[..4], 0..=9999)?;
    let month = number(&text[5..7], 1..=12)?;
    let day = number(&text[8..], 1..=31)?;
    let found = days(year, month, day);
    (civil(found) == (year, month, day)).then_some(found)
}

/// The minutes since midnight.
fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !clock.is_ascii() || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hour = number(clock.get(..2)?, 0..=24)?;
    let minute = number(clock.get(2..)?.strip_prefix(':')?.get(..2)?, 0..=59)?;
    let second = match &clock[5..] {
        "" => 0,
        rest => number(rest.strip_prefix(':').filter(|second| second.len() == 2)?, 0..=60)?,
    };
    (hour < 24 || minute + second == 0).then_some(hour * 60 + minute)
}

/// `+HH`, `+HHMM` or `+HH:MM`, in minutes.
fn offset(zone: &str) -> Option<i64> {
    let (sign, zone) = (if zone.starts_with('-') { -1 } else { 1 }, zone.get(1..)?);
    let (hours, minutes) = match zone.len() {
        2 => (zone, "00"),
        4 => (zone.get(..2)?, zone.get(2..)?),
        5 => (zone.get(..2)?, zone.get(2..)?.strip_prefix(':')?),
        _ => return None,
    };
    Some(sign * (number(hours, 0..=15)? * 60 + number(minutes, 0..=59)?))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that the leap day ends one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date of a day: (year, month, day).
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(timestamp(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn an_offset_becomes_utc() {
        check("2024-01-31T12:00:00+02:00", Some("2024-01-31T10:00:00Z"));
        check("2024-03-01t00:30:00.125+0200", Some("2024-02-29T22:30:00.125Z"));
        check("2023-12-31 23:15-01", Some("2024-01-01 00:15Z"));
        check("2024-12-31T23:59:60-05:30", Some("2025-01-01T05:29:60Z"));
        check("0000-01-01T00:00:00+01:00", None);
        check("2024-01-31T12:00:00+16:00", None);
        check("2024-01-31T12:00:00+2:000", None);
    }

    #[test]
    fn what_has_no_offset_stays() {
        for text in ["2024-01-31", "2024-01-31 10:00", "2024-01-31T10:00:00.5", "2024-01-31T24:00:00Z"] {
            check(text, Some(text));
        }
        check("2024-01-31t10:00:00z", Some("2024-01-31T10:00:00Z"));
    }

    #[test]
    fn what_the_calendar_does_not_have_is_refused() {
        for text in ["2023-02-29", "2024-04-31", "1900-02-29", "2024-00-10", "2024-1-001", "+024-01-01"] {
            assert!(!is_date(text), "{text}");
            check(text, None);
        }
        assert!(is_date("2000-02-29") && is_date("0000-02-29") && is_date("9999-12-31"));
        for text in ["24:01", "10:60", "1:00", "10:00:61", "10:00:", "10:00.", "10:00:00.x", "é:00", "10", ""]
        {
            assert!(!is_time(text), "{text}");
        }
        check("2024-01-31X10:00", None);
        check("2024-01-3éT10:00", None);
    }

    #[test]
    fn every_day_has_its_number() {
        for day in -720_000..=2_933_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
