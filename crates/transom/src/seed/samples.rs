//! Words, names, and values that are hard to handle.

use serde_json::{Value as Json, json};

pub(super) const WORDS: &[&str] = &[
    "light", "strong", "quiet", "warm", "bright", "smooth", "simple", "sturdy", "soft", "clear", "deep", "fresh", "gentle",
    "solid", "plain", "fine", "wide", "narrow", "round", "square", "wood", "steel", "glass", "cotton", "wool", "leather",
    "stone", "paper", "copper", "linen", "ceramic", "bamboo", "made", "built", "woven", "carved", "polished", "folded",
    "washed", "painted", "for", "with", "without", "under", "over", "beside", "and", "or", "in", "on", "every", "any",
    "kitchen", "garden", "desk", "table", "window", "shelf", "door", "floor", "wall", "room", "house", "street", "city",
    "forest", "river", "mountain", "harbour", "morning", "evening", "winter", "summer", "autumn", "spring", "travel",
    "work", "rest", "play", "coffee", "tea", "bread", "fruit", "water", "salt", "honey", "family", "friend", "guest",
    "child", "year", "day", "hour", "care", "time", "colour", "size", "weight", "price", "hand", "eye", "year-round",
    "long-lasting", "café", "naïve", "über", "crème", "piñata", "smörgåsbord", "fjord", "zurück", "garçon", "façade",
];

pub(super) const FIRST: &[&str] = &[
    "Ada", "Alan", "Amina", "Anders", "Ángel", "Bao", "Barbara", "Björn", "Carlos", "Chiara", "Dmitri", "Edsger", "Elif",
    "Emeka", "Fatima", "François", "Grace", "Guðrún", "Hana", "Hedy", "Ines", "Ivan", "Jörg", "Kateryna", "Katherine",
    "Kenji", "Lars", "Leila", "Łukasz", "Margaret", "María", "Min-jun", "Mohammed", "Nadia", "Ngozi", "Noam", "Olga",
    "Øystein", "Priya", "Radia", "Ravi", "Renée", "Siobhán", "Sofia", "Tenzin", "Thuỳ", "Tim", "Ursula", "Vinod", "Wei",
    "Yuki", "Zoë", "Željko", "李娜", "محمد", "נועה", "さくら", "Ελένη", "Анна",
];

pub(super) const LAST: &[&str] = &[
    "Abdi", "Åberg", "Andersson", "Becker", "Bernard", "Castro", "Chen", "Çelik", "D'Angelo", "Dubois", "Eriksen",
    "Fernández", "Fischer", "García", "Goldberg", "Haddad", "Hopper", "Ivanova", "Jensen", "Kaur", "Kim", "Kowalski",
    "Kováč", "Lamarr", "Liskov", "Lovelace", "MacDonald", "Martin", "Moreau", "Müller", "Nakamura", "Nguyễn", "Novák",
    "O'Brien", "Okafor", "Olsen", "Papadopoulos", "Park", "Patel", "Perlman", "Petrov", "Rossi", "Sato", "Schmidt",
    "Silva", "Singh", "Smith", "Sørensen", "Szabó", "Turing", "van den Berg", "Wagner", "Wang", "Yılmaz", "Zhang", "王",
];

/// How many non-empty edge texts there are; text 0 is the empty one.
pub(super) const EDGE_TEXTS: usize = 17;

/// Text that careless code breaks: by place, 0 to [`EDGE_TEXTS`].
pub(super) fn edge_text(at: usize) -> String {
    match at {
        0 => String::new(),
        1 => "🛒 One 👩‍👩‍👧‍👦 family, one 🏴󠁧󠁢󠁳󠁣󠁴󠁿 flag".to_owned(),
        2 => "كرسي خشبي مريح للحديقة".to_owned(),
        3 => "כיסא עץ (נוח) עם English באמצע".to_owned(),
        4 => "e\u{301}galite\u{301} and égalité, decomposed and composed".to_owned(),
        5 => "Z̵̢̛a̶͝l̷̈́g̸o̸ marks upon marks".to_owned(),
        6 => "She said \"it's 5'10\\\" tall\" \\ and left".to_owned(),
        7 => "Robert'); DROP TABLE orders;--".to_owned(),
        8 => "line one\nline two\r\nline three\ttabbed".to_owned(),
        9 => "comma, semicolon; \"quoted\", =1+1".to_owned(),
        10 => "100% of_a\\kind*?".to_owned(),
        11 => "<script>alert('x')</script> & &amp;".to_owned(),
        12 => " leading and trailing spaces ".to_owned(),
        13 => "İstanbul ıssız straße ΣΊΣΥΦΟΣ ǅ".to_owned(),
        14 => "日本語の商品説明、全角スペース\u{3000}と句読点。".to_owned(),
        15 => "(a,b).eq.{c}:d->>e!inner...*".to_owned(),
        16 => "null".to_owned(),
        _ => "a very long text that goes on ".repeat(140),
    }
}

/// JSON documents that careless code breaks.
pub(super) fn edge_json(at: usize) -> Json {
    match at % 8 {
        0 => json!({}),
        1 => json!({ "a": { "b": { "c": { "d": { "e": [[[[{ "f": null }]]]] } } } } }),
        2 => json!({ "": "empty key", "with space": 1, "ключ": "значение", "emoji 🗝️": true, "quote\"": "'" }),
        3 => json!({ "big": i64::MAX, "small": i64::MIN, "tiny": 5e-324, "half": 0.5, "zero": -0.0 }),
        4 => json!({ "none": null, "list": [], "object": {}, "text": "" }),
        5 => json!({ "list": [1, "two", null, false, [3], { "four": 4 }] }),
        6 => json!({ "line\nbreak": "tab\tand \u{1f} control", "path.with.dots": { "->>": 1 } }),
        _ => json!({ "numbers": (0..200).collect::<Vec<_>>() }),
    }
}
