//! The form of the reply, where the engine has a say in it: the first of what the caller takes that can be made of the
//! rows. What a schema makes of a relation's own rows comes before what can be made of any.

use transom_types::{Code, Problem};

use super::Planner;
use crate::{
    FunctionId, TableId,
    catalog::{Handlers, Returns},
    plan::{Body, BodyKind, Expect, Form, Source, Step},
    request::{self, Action, Item, Media, Select, Shape},
};

/// What the rows of a plan's step are of, as handlers name it.
struct Root {
    schema: Box<str>,
    name: Box<str>,
    /// Whether every column is there, as it is.
    whole: bool,
    /// The column of a function's values.
    value: Option<Box<str>>,
    /// Whether there is one value or row, and not a list of them.
    single: bool,
}

impl Planner<'_> {
    /// Chooses the form of the one step that there is, and what the number of its rows must be for that.
    /// Errors: [`Code::MediaTypeUnacceptable`].
    pub(super) fn choose_form(&mut self, shape: &Shape) -> Result<(), Problem> {
        let Some(root) = self.root(&shape.select).filter(|_| !shape.accepts.is_empty()) else {
            return Ok(());
        };
        let found = shape.accepts.iter().find_map(|media| Some((media, self.made(media, &root)?)));
        let (asked, (kind, media)) = found.ok_or_else(|| unavailable(&shape.accepts))?;
        let account = match asked {
            Media::Plan(account) => Some((**account).clone()),
            _ => None,
        };
        let object = matches!(kind, BodyKind::Json { object: true, .. });
        if account.is_some() {
            self.demand(Expect::Any);
        } else if object
            && shape.expect != request::Expect::AtMost(0)
            && !matches!(shape.action, Action::Put { .. })
        {
            self.demand(Expect::Exactly(1));
        }
        // Objects are joined where they arrive.
        let handled = account.is_some() || !matches!(kind, BodyKind::Json { .. });
        let body = (handled && self.reply.is_some()).then(|| Body {
            rows_of: matches!(&kind, BodyKind::Handled(_) if self.of_own(&kind, &root))
                .then(|| (root.schema.clone(), root.name.clone())),
            kind,
            value: root.value.clone(),
            single: root.single,
        });
        self.form = Form { media: Some(media), body, account, documents: false };
        Ok(())
    }

    /// What can be made for a media type, and what it is then said to be.
    fn made(&self, media: &Media, root: &Root) -> Option<(BodyKind, Media)> {
        let json = |object, strip_nulls| BodyKind::Json { object, strip_nulls };
        match media {
            Media::Object { strip_nulls } => Some((json(true, *strip_nulls), media.clone())),
            Media::Stripped => Some((json(false, true), media.clone())),
            Media::Plan(account) => {
                let inner = Some(&account.of).filter(|of| !matches!(of, Media::Plan(_)))?;
                let (kind, _) = self.made(inner, root).filter(|_| self.options.accounts)?;
                Some((kind, media.clone()))
            }
            other => self.handled(other, root).or_else(|| match other {
                Media::Any | Media::Json => Some((json(false, false), Media::Json)),
                Media::Csv => Some((BodyKind::Csv, Media::Csv)),
                Media::GeoJson => Some((BodyKind::GeoJson, Media::GeoJson)),
                _ => None,
            }),
        }
    }

    fn handled(&self, media: &Media, root: &Root) -> Option<(BodyKind, Media)> {
        let handlers = self.catalog.handlers();
        let own = |name: &str| handlers.own((&root.schema, &root.name), name).filter(|_| root.whole);
        let name = media.name();
        let handler = own("*/*").or_else(|| own(&name)).or_else(|| handlers.any(&name))?;
        Some((BodyKind::Handled(handler.clone()), Media::named(&handler.produces)))
    }

    /// Whether a handler is one of the relation's own rows, and not of any.
    fn of_own(&self, kind: &BodyKind, root: &Root) -> bool {
        let handlers: &Handlers = self.catalog.handlers();
        let BodyKind::Handled(handler) = kind else { return false };
        root.whole
            && ["*/*", &*handler.produces]
                .iter()
                .filter_map(|media| handlers.own((&root.schema, &root.name), media))
                .any(|own| own == handler)
    }

    fn root(&self, select: &Select) -> Option<Root> {
        let whole = matches!(select.items.as_slice(), [] | [Item::All]);
        match self.steps.as_slice() {
            [Step::Read(read)] => match &read.query.source {
                Source::Table(table) | Source::Written(table) => Some(self.table_root(*table, whole)),
                Source::Function(function, _) => Some(self.function_root(*function, whole)),
                Source::Computed(_) | Source::One => None,
            },
            [Step::Insert(insert)] => Some(self.table_root(insert.table, whole)),
            [Step::Update(update)] => Some(self.table_root(update.table, whole)),
            [Step::Delete(delete)] => Some(self.table_root(delete.table, whole)),
            _ => None,
        }
    }

    fn table_root(&self, table: TableId, whole: bool) -> Root {
        let of = &self.catalog[table];
        Root {
            schema: of.schema.clone().unwrap_or_default(),
            name: of.name.clone(),
            whole,
            value: None,
            single: false,
        }
    }

    fn function_root(&self, function: FunctionId, whole: bool) -> Root {
        let of = &self.catalog[function];
        let engine = of.engine.as_deref();
        let name = match engine {
            Some(engine) if !engine.scalar => match engine.rows_of {
                Some(table) => &self.catalog[table].name,
                None => &engine.result,
            },
            _ => &of.name,
        };
        let scalar = engine.is_some_and(|engine| engine.scalar);
        Root {
            schema: engine.map(|engine| engine.schema.clone()).unwrap_or_default(),
            name: name.clone(),
            whole,
            value: of.columns.first().filter(|_| scalar).map(|column| column.name.clone()),
            single: matches!(of.returns, Returns::Row | Returns::Scalar | Returns::Nothing),
        }
    }

    fn demand(&mut self, expect: Expect) {
        match self.steps.first_mut() {
            Some(Step::Read(read)) => read.expect = expect,
            Some(Step::Insert(insert)) => insert.expect = expect,
            Some(Step::Update(update)) => update.expect = expect,
            Some(Step::Delete(delete)) => delete.expect = expect,
            _ => {}
        }
    }
}

#[cold]
fn unavailable(accepts: &[Media]) -> Problem {
    let names: Vec<_> = accepts.iter().map(Media::name).collect();
    let message = format!("None of these media types are available: {}", names.join(", "));
    Problem::new(Code::MediaTypeUnacceptable, message)
}
