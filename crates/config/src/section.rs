//! The table of keys: the `section!` macro turns one declaration into a typed struct, its reading, its showing and its
//! reference, so that none of them can forget a key.

use serde_json::Value as Json;

/// A section of the file.
pub struct Section {
    /// Its dotted path, as in `[server.limits]`.
    pub path: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys, in order.
    pub keys: &'static [Key],
}

/// A key of the file.
pub struct Key {
    /// Its dotted path.
    pub path: &'static str,
    /// Its name within the section.
    pub name: &'static str,
    /// What it is and why its default is what it is.
    pub doc: &'static str,
    /// The default, as TOML; `none` where there is no value.
    pub default: &'static str,
    /// The default in production, where it is another.
    pub production: Option<&'static str>,
    /// Least and greatest value, in the smallest unit.
    pub range: Option<(u64, u64)>,
    /// What a right value is.
    pub expected: fn() -> String,
    /// Its JSON Schema.
    pub schema: fn() -> Json,
    /// How a number in its smallest unit is written.
    pub show_magnitude: fn(u64) -> String,
}

impl Key {
    /// The default in this mode, as TOML.
    pub fn default_in(&self, production: bool) -> &'static str {
        self.production.filter(|_| production).unwrap_or(self.default)
    }

    /// What a right value is, with its bounds.
    pub fn expectation(&self) -> String {
        let expected = (self.expected)();
        match self.range {
            Some((least, greatest)) => {
                let show = self.show_magnitude;
                format!("{expected}, from {} to {}", show(least), show(greatest))
            }
            None => expected,
        }
    }

    /// The environment variable that overrides it.
    pub fn variable(&self) -> String {
        format!("TRANSOM_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}

/// Declares a section: `field: Type = default [, production default] [, within least..=greatest];`.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident at $path:literal { $(
        $(#[doc = $doc:literal])+
        $field:ident : $type:ty = $default:tt $(, production $production:tt)? $(, within $least:literal ..= $greatest:literal)? ;
    )+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl $name {
            pub(crate) const SECTION: $crate::section::Section = $crate::section::Section {
                path: $path,
                about: concat!($($about),+),
                keys: &[ $( $crate::section::Key {
                    path: concat!($path, ".", stringify!($field)),
                    name: stringify!($field),
                    doc: concat!($($doc),+),
                    default: stringify!($default),
                    production: $crate::section::first(&[$( stringify!($production) )?]),
                    range: $crate::section::first_range(&[$( ($least, $greatest) )?]),
                    expected: <$type as $crate::kinds::Setting>::expected,
                    schema: <$type as $crate::kinds::Setting>::schema,
                    show_magnitude: <$type as $crate::kinds::Setting>::show_magnitude,
                }, )+ ],
            };

            /// Every key is read before any is given up.
            pub(crate) fn read(source: &mut $crate::source::Source) -> Option<Self> {
                $( let $field = source.take::<$type>(concat!($path, ".", stringify!($field))); )+
                Some(Self { $( $field: $field?, )+ })
            }

            /// Calls `each` with every key and its value as shown.
            pub(crate) fn show(&self, each: &mut dyn FnMut(&'static str, String)) {
                $( each(
                    concat!($path, ".", stringify!($field)),
                    $crate::kinds::Setting::show(&self.$field),
                ); )+
            }
        }
    };
}

/// The only element, for an optional part of the macro.
pub const fn first(items: &[&'static str]) -> Option<&'static str> {
    if items.is_empty() { None } else { Some(items[0]) }
}

/// The only element, for an optional part of the macro.
pub const fn first_range(items: &[(u64, u64)]) -> Option<(u64, u64)> {
    if items.is_empty() { None } else { Some(items[0]) }
}
