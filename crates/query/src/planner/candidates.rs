//! Which of an engine's functions a call means: by its name and the names of its arguments, as PostgREST chooses.

use transom_types::{Code, Likeness, Problem, resembling};

use super::Planner;
use crate::{
    FunctionId,
    catalog::{Function, FunctionParam},
    request::Given,
};

impl Planner<'_> {
    /// The one function that takes these arguments: by their names, or else all of the body without a name.
    pub(super) fn candidate(
        &self,
        name: &str,
        given: &[Box<str>],
        (form, posted): (Given, bool),
    ) -> Result<FunctionId, Problem> {
        let overloads = self.catalog.overloads(name);
        let takes = |id: &&FunctionId| takes(&self.catalog[**id], given, form);
        let mut found: Vec<FunctionId> = overloads.iter().filter(takes).copied().collect();
        if found.is_empty() && posted {
            let whole = |id: &&FunctionId| takes_whole(&self.catalog[**id], form);
            found = overloads.iter().filter(whole).copied().collect();
        }
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(self.no_candidate(name, given, (form, posted))),
            several => Err(self.several(several)),
        }
    }

    fn several(&self, candidates: &[FunctionId]) -> Problem {
        let signature = |id: &FunctionId| {
            let function = &self.catalog[*id];
            let param = |param: &FunctionParam| {
                let shown = param.engine.as_ref().map_or("", |engine| &*engine.shown);
                format!("{} => {shown}", param.name)
            };
            let params: Vec<String> = function.params.iter().map(param).collect();
            format!("{}.{}({})", self.catalog.schema(), function.name, params.join(", "))
        };
        let signatures: Vec<String> = candidates.iter().map(signature).collect();
        let message =
            format!("Could not choose the best candidate function between: {}", signatures.join(", "));
        Problem::new(Code::FunctionAmbiguous, message).with_hint(
            "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
        )
    }

    fn no_candidate(&self, name: &str, given: &[Box<str>], (form, posted): (Given, bool)) -> Problem {
        let function = format!("{}.{name}", self.catalog.schema());
        let names = sorted(given.iter().map(|name| &**name));
        let whole = match form {
            Given::Text => Some("text"),
            Given::Xml => Some("xml"),
            Given::Bytes => Some("bytea"),
            Given::Json | Given::Texts | Given::Table => None,
        };
        let (called, searched) = match (whole, given.is_empty()) {
            (Some(whole), _) => (String::new(), format!(" with a single unnamed {whole} parameter")),
            (None, true) => (" without parameters".to_owned(), " without parameters".to_owned()),
            (None, false) => {
                let plural = if given.len() > 1 { "s" } else { "" };
                (format!("({names})"), format!(" with parameter{plural} {names}"))
            }
        };
        let or_whole = match posted && form == Given::Json {
            true => " or with a single unnamed json/jsonb parameter",
            false => "",
        };
        let message = format!("Could not find the function {function}{called} in the schema cache");
        let details = format!(
            "Searched for the function {function}{searched}{or_whole}, but no matches were found in the schema cache."
        );
        let problem = Problem::new(Code::FunctionMissing, message).with_details(details);
        match self.resembling(name, &names).filter(|_| whole.is_none()) {
            Some(near) => problem.with_hint(format!(
                "Perhaps you meant to call the function {}.{near}",
                self.catalog.schema()
            )),
            None => problem,
        }
    }

    /// The function that may have been meant: another name, or where it is right, other arguments.
    fn resembling(&self, name: &str, names: &str) -> Option<String> {
        let overloads = self.catalog.overloads(name);
        if overloads.is_empty() {
            return resembling(name, self.catalog.function_names(), Likeness::Close).map(str::to_owned);
        }
        let params = |id: &FunctionId| {
            format!("({})", sorted(self.catalog[*id].params.iter().map(|param| &*param.name)))
        };
        let known: Vec<String> = overloads.iter().map(params).collect();
        let near = resembling(&format!("({names})"), known.iter().map(String::as_str), Likeness::Rough)?;
        Some(format!("{name}{near}"))
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.join(", ")
}

/// Whether the function takes just these arguments, but for those it has a default for.
fn takes(function: &Function, given: &[Box<str>], form: Given) -> bool {
    let whole = matches!(form, Given::Text | Given::Xml | Given::Bytes);
    if function.params.is_empty() {
        return given.is_empty() && !whole;
    }
    let known = given.iter().all(|name| function.params.iter().any(|param| param.name == *name));
    let there = |param: &FunctionParam| param.default.is_some() || given.contains(&param.name);
    known && function.params.iter().all(there)
}

/// Whether the function's one parameter has no name, and is of the type that this form of a body is.
fn takes_whole(function: &Function, form: Given) -> bool {
    let [param] = function.params.as_slice() else { return false };
    let Some(engine) = param.engine.as_ref().filter(|_| param.name.is_empty()) else { return false };
    match form {
        Given::Json => matches!(&*engine.shown, "json" | "jsonb"),
        Given::Text => &*engine.shown == "text",
        Given::Xml => &*engine.shown == "xml",
        Given::Bytes => &*engine.shown == "bytea",
        Given::Texts | Given::Table => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use transom_types::DataType;

    use super::*;
    use crate::{
        Catalog,
        catalog::{EngineFunction, EngineParam, Returns},
        planner::Options,
        request::Values,
    };

    /// Parameters by name and type; those that end in `?` have a default.
    fn function(name: &str, params: &[(&str, &str)]) -> Function {
        let param = |(name, shown): &(&str, &str)| FunctionParam {
            name: name.trim_end_matches('?').into(),
            data_type: DataType::Any,
            default: name.ends_with('?').then_some(None),
            engine: Some(Box::new(EngineParam { shown: (*shown).into(), ..EngineParam::default() })),
        };
        Function {
            name: name.into(),
            params: params.iter().map(param).collect(),
            columns: Vec::new(),
            read_only: true,
            returns: Returns::Nothing,
            body: Vec::new(),
            executable: true,
            comment: None,
            engine: Some(Box::new(EngineFunction::default())),
        }
    }

    fn check(given: &[&str], form: Given, expected: Result<u32, (Code, &str)>) {
        check_of("f", given, form, expected);
    }

    fn check_of(name: &str, given: &[&str], form: Given, expected: Result<u32, (Code, &str)>) {
        let functions = vec![
            function("f", &[("a", "integer"), ("b", "integer")]),
            function("f", &[("a", "text"), ("b", "text"), ("c?", "text")]),
            function("f", &[("", "json")]),
            function("f", &[("d?", "text")]),
            function("named", &[("data", "json")]),
        ];
        let catalog = Catalog::new(Vec::new(), functions);
        let (values, options) = (Values::default(), Options { native: true, ..Options::default() });
        let planner = Planner::new(&catalog, &values, &options);
        let given: Vec<Box<str>> = given.iter().map(|name| (*name).into()).collect();
        let found = planner.candidate(name, &given, (form, form != Given::Texts));
        match expected {
            Ok(id) => assert_eq!(found.unwrap(), FunctionId(id), "{given:?}"),
            Err((code, hint)) => {
                let problem = found.unwrap_err();
                assert_eq!((problem.code(), problem.hint().unwrap_or_default()), (code, hint), "{given:?}");
            }
        }
    }

    #[test]
    fn arguments_choose_the_function() {
        let ambiguous = "Try renaming the parameters or the function itself in the database so function overloading can be resolved";
        check(&["b", "a"], Given::Texts, Err((Code::FunctionAmbiguous, ambiguous)));
        check(&["a", "b", "c"], Given::Json, Ok(1));
        check(&["d"], Given::Texts, Ok(3));
        check(&[], Given::Texts, Ok(3));
        check(&["x"], Given::Json, Ok(2));
        let near = "Perhaps you meant to call the function public.f(a, b, c)";
        check(&["a", "b", "x"], Given::Texts, Err((Code::FunctionMissing, near)));
        check(&[], Given::Bytes, Ok(3));
        check(&["x"], Given::Table, Err((Code::FunctionMissing, "")));
        // A parameter that has a name takes what has this name, and never all of the body.
        check_of("named", &["data"], Given::Json, Ok(4));
        check_of("named", &["x", "y"], Given::Json, Err((Code::FunctionMissing, "")));
    }
}
