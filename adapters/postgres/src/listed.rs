//! What is shown of rows, one after the other.

use transom_ports::{DbError, Gathering};
use transom_sql::Layout;

/// A JSON array that grows, or lines below a head.
#[derive(Debug, Default)]
pub(crate) struct Listed<'p> {
    gathering: Gathering,
    head: Option<&'p str>,
    between: &'static [u8],
    begun: bool,
}

impl<'p> Listed<'p> {
    /// `between`: what stands between the elements of an array.
    pub(crate) fn new(layout: &'p Layout, between: &'static [u8]) -> Self {
        let (mut gathering, head) = (Gathering::new(), layout.head.as_deref());
        if head.is_none() {
            gathering.extend(b"[");
        }
        Self { gathering, head, between: if head.is_none() { between } else { b"\n" }, begun: false }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.gathering.bytes()
    }

    pub(crate) fn push(&mut self, element: &[u8]) {
        self.begin();
        self.gathering.extend(element);
    }

    /// The same from a task, which goes on when what is large is stored. Errors: as [`Gathering::store`].
    pub(crate) async fn add(&mut self, element: &[u8]) -> Result<(), DbError> {
        self.begin();
        self.gathering.add(element).await
    }

    fn begin(&mut self) {
        match (self.begun, self.head) {
            (true, _) => self.gathering.extend(self.between),
            (false, Some(head)) => {
                self.gathering.extend(head.as_bytes());
                self.gathering.extend(self.between);
            }
            (false, None) => {}
        }
        self.begun = true;
    }

    /// Whether some of it is not in memory any more.
    pub(crate) fn is_stored(&self) -> bool {
        self.gathering.is_stored()
    }

    pub(crate) fn close(mut self) -> Gathering {
        match (self.head, self.begun) {
            (None, _) => self.gathering.extend(b"]"),
            // Without lines there is no head either, but the end of it.
            (Some(_), false) => self.gathering.extend(self.between),
            (Some(_), true) => {}
        }
        self.gathering
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(head: Option<&str>, elements: &[&str]) -> String {
        let layout = Layout { head: head.map(Into::into), ..Layout::default() };
        let mut listed = Listed::new(&layout, b", ");
        elements.iter().for_each(|element| listed.push(element.as_bytes()));
        String::from_utf8_lossy(&listed.close().in_memory()).into_owned()
    }

    #[test]
    fn elements_stand_in_an_array_and_lines_below_their_head() {
        assert_eq!(listed(None, &[]), "[]");
        assert_eq!(listed(None, &["{}", "", "1"]), "[{}, , 1]");
        assert_eq!(listed(Some("a,b"), &[]), "\n");
        assert_eq!(listed(Some("a"), &["", "1"]), "a\n\n1");
        assert_eq!(listed(Some(""), &["", ""]), "\n\n");
    }
}
