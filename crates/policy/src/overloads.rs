//! Functions of one name between which the engine chooses: a role that may call one may call all that its call could reach.

use std::collections::{BTreeMap, BTreeSet};

use transom_query::{
    Catalog, FunctionId,
    catalog::{Function, FunctionParam},
};

use crate::{fault::Fault, model::Model, roles::SERVICE, signature};

/// How many functions a fault names at most.
const SHOWN_MAX: usize = 12;

/// What the engine could choose.
#[derive(Clone, Copy)]
struct Choice<'a> {
    name: &'a str,
    params: &'a [FunctionParam],
    /// What it is here, unless it cannot be called.
    id: Option<FunctionId>,
}

/// A granted function's line and number, and what a call meant for it could reach as well, by its places in the choices.
type Confusion = (u64, FunctionId, Vec<usize>);

/// A call gives the engine a name and arguments, and not the one function that was granted: it is a fault where the engine
/// could run another, which the role may not execute, or tell by failing that there is one.
pub(crate) fn check(model: &Model, catalog: &Catalog, faults: &mut Vec<Fault>) {
    for choices in choices(catalog).values().filter(|choices| choices.len() > 1) {
        let mut confusions: BTreeMap<(u64, u32, Vec<usize>), BTreeSet<&str>> = BTreeMap::new();
        for role in model.roles.names() {
            for (line, function, others) in confused(role, model, catalog, choices) {
                confusions.entry((line, function.0, others)).or_default().insert(role);
            }
        }
        for ((line, function, others), roles) in confusions {
            let others: Vec<Choice> = others.into_iter().map(|at| choices[at]).collect();
            faults.push(fault(line, &catalog[FunctionId(function)], &others, &roles));
        }
    }
}

/// Everything that the engine could choose, by schema and name.
fn choices(catalog: &Catalog) -> BTreeMap<(&str, &str), Vec<Choice<'_>>> {
    let mut choices: BTreeMap<(&str, &str), Vec<Choice>> = BTreeMap::new();
    for (id, function) in catalog.functions() {
        let Some(engine) = &function.engine else { continue };
        let choice = Choice { name: &function.name, params: &function.params, id: Some(id) };
        choices.entry((&engine.schema, &function.name)).or_default().push(choice);
    }
    for rival in catalog.rivals() {
        let choice = Choice { name: &rival.name, params: &rival.params, id: None };
        choices.entry((&rival.schema, &rival.name)).or_default().push(choice);
    }
    choices
}

/// What the role may call of these, each with what it may not call and could reach by it.
fn confused(role: &str, model: &Model, catalog: &Catalog, choices: &[Choice]) -> Vec<Confusion> {
    let grantees = model.roles.of(role);
    if grantees.contains(SERVICE) {
        return Vec::new();
    }
    let granted_on =
        |choice: &Choice| model.privileges.granted_on(grantees.iter().map(|name| &**name), choice.id?);
    let lines: Vec<Option<u64>> = choices.iter().map(granted_on).collect();
    let mut confused = Vec::new();
    for (choice, line) in choices.iter().zip(&lines) {
        let (Some(id), Some(line)) = (choice.id, line) else { continue };
        let reached = |at: &usize| lines[*at].is_none() && reaches(&catalog[id], choices[*at].params);
        let others: Vec<usize> = (0..choices.len()).filter(reached).collect();
        if !others.is_empty() {
            confused.push((*line, id, others));
        }
    }
    confused
}

/// Whether a call meant for the one function could be one of the other, whatever the types: by them the engine chooses.
fn reaches(called: &Function, other: &[FunctionParam]) -> bool {
    by_name(&called.params, other) || by_place(called, other)
}

/// Whether some arguments, given by their names, are enough for both and not too many for either.
fn by_name(one: &[FunctionParam], other: &[FunctionParam]) -> bool {
    let has = |params: &[FunctionParam], name: &str| params.iter().any(|param| *param.name == *name);
    let in_both = |name: &str| !name.is_empty() && has(one, name) && has(other, name);
    one.iter().chain(other).filter(|param| is_required(param)).all(|param| in_both(&param.name))
}

/// Whether a call with one argument that goes without a name could be one of the other: the whole of a body, or a row.
fn by_place(called: &Function, other: &[FunctionParam]) -> bool {
    let ([param], Some(engine), Some(first)) = (&*called.params, &called.engine, other.first()) else {
        return false;
    };
    if other.iter().filter(|param| is_required(param)).count() > 1 {
        return false;
    }
    match engine.of_row {
        // A row is given as one of its own table, and the engine prefers what takes just that.
        Some(_) => shown(param) == shown(first),
        None => param.name.is_empty(),
    }
}

fn shown(param: &FunctionParam) -> Option<&str> {
    param.engine.as_ref().map(|engine| &*engine.shown)
}

fn is_required(param: &FunctionParam) -> bool {
    let takes_any_number = param.engine.as_ref().is_some_and(|engine| engine.variadic);
    param.default.is_none() && !takes_any_number
}

fn fault(line: u64, function: &Function, others: &[Choice], roles: &BTreeSet<&str>) -> Fault {
    let named = |choices: &mut dyn Iterator<Item = &Choice>| {
        let shown = choices
            .take(SHOWN_MAX)
            .map(|choice| format!("'{}'", signature::shown(choice.name, choice.params)));
        shown.collect::<Vec<String>>().join(", ")
    };
    let roles: Vec<&str> = roles.iter().copied().collect();
    let message = format!(
        "function '{}' is granted to {} without {}, which its calls could reach: the engine chooses by the arguments",
        signature::shown(&function.name, &function.params),
        roles.join(", "),
        named(&mut others.iter()),
    );
    let mut not_here = others.iter().filter(|choice| choice.id.is_none()).peekable();
    match not_here.peek() {
        None => Fault::at(line, message).hint("Grant both to the same roles, or rename one"),
        Some(_) => {
            let named = named(&mut not_here);
            Fault::at(line, message)
                .hint(format!("Rename one: {named} cannot be called, so it cannot be granted"))
        }
    }
}
