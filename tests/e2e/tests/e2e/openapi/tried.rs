//! The published programs that judge the API by its description.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use transom_testkit::{Client, Project, Server, root};

/// How long one role's API is tried by drawn requests.
const TRIAL_SECONDS: &str = "15";
/// What a reply must keep to: no failure of the server, and what the document says of statuses, types, headers, bodies.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// A published program out of `requirements.txt`.
fn published(name: &str) -> PathBuf {
    let program = root().join("target/python-clients/bin").join(name);
    assert!(program.exists(), "{} is not there: `cargo xtask test` installs it", program.display());
    program
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

/// The document that a caller gets, which the validator finds no fault with.
pub fn valid(client: &Client, folder: &Path, name: &str) -> Json {
    valid_at("/rest/v1/", client, folder, name)
}

/// The same at another place.
pub fn valid_at(path: &str, client: &Client, folder: &Path, name: &str) -> Json {
    let file = folder.join(format!("{name}.json"));
    let document = client.get(path).expect(200);
    fs::write(&file, &document.body).unwrap();
    succeeds(Command::new(published("openapi-spec-validator")).arg(&file));
    document.json()
}

/// Draws requests from a document: which are allowed by it, and, unless only those are wanted, which are not.
pub struct Trial<'a> {
    pub server: &'a Server,
    pub project: &'a Project,
    pub token: Option<&'a str>,
    pub allowed_only: bool,
}

impl Trial<'_> {
    /// Every exchange: method, path below the API, status and body.
    pub fn run(&self, document: &Json) -> Vec<(String, String, u16, String)> {
        let (document_file, report) =
            (self.project.dir().join("tried.json"), self.project.dir().join("tried.har"));
        fs::write(&document_file, document.to_string()).unwrap();
        let api = format!("http://{}/rest/v1", self.server.address);
        let mut command = Command::new(published("schemathesis"));
        command.current_dir(self.project.dir()).arg("run").arg(&document_file);
        command.args(["--url", &api, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]);
        command.args(["--max-examples", "5", "--max-time", TRIAL_SECONDS, "--seed", "1", "--no-color"]);
        command.args(["--generation-database", "none", "--suppress-health-check", "all"]);
        command.args(["--warnings", "off", "--report", "har", "--report-har-path"]).arg(&report);
        command.args(["--mode", if self.allowed_only { "positive" } else { "all" }]);
        if self.allowed_only {
            command.args(["--header", "Prefer: return=representation"]);
        }
        if let Some(token) = self.token {
            command.args(["--header", &format!("Authorization: Bearer {}", token.trim())]);
        }
        succeeds(&mut command);
        let report: Json = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
        let exchange = |entry: &Json| {
            let word = |pointer: &str| entry.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
            let path = word("/request/url").split('?').next().unwrap().replace(&api, "");
            let status = entry["response"]["status"].as_u64().unwrap_or_default() as u16;
            let body = word("/response/content/text").to_owned();
            (word("/request/method").to_owned(), path, status, body)
        };
        report["log"]["entries"].as_array().unwrap().iter().map(exchange).collect()
    }
}

/// The same API, but only what is likely to succeed on the example shop: rows that are there, values that its constraints
/// let through, and every write with the rows it made, whose form the document states in words.
pub fn likely(mut document: Json) -> Json {
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for (name, schema) in schemas.iter_mut().filter(|(name, _)| name.contains('.')) {
        schema.as_object_mut().unwrap().remove("examples");
        schema["additionalProperties"] = json!(false);
        let Some(properties) = schema["properties"].as_object_mut() else { continue };
        if name.ends_with(".insert") {
            // The engine counts them.
            properties.remove("id");
        }
        properties.iter_mut().for_each(|(name, property)| likely_value(name, property));
    }
    let parameters = document["components"]["parameters"].as_object_mut().unwrap();
    for (name, parameter) in parameters.iter_mut() {
        let list = |of: &dyn Fn(u32) -> String| json!({"enum": (1..20).map(of).collect::<Vec<_>>()});
        parameter["schema"] = match name.split('.').next_back().unwrap_or_default() {
            "limit" | "offset" => json!({"enum": [0, 1, 7]}),
            "id" | "product_id" | "order_id" | "tag_id" if name.starts_with("filter") => {
                list(&|id| format!("eq.{id}"))
            }
            "product_tags" | "order_lines" if name.starts_with("key") => {
                json!({"type": "array", "enum": (1..20).map(|id| [id, 1]).collect::<Vec<_>>()})
            }
            _ if name.starts_with("key") => json!({"type": "integer", "minimum": 1, "maximum": 20}),
            _ => json!({"enum": ["not.is.null"]}),
        };
        parameter.as_object_mut().unwrap().remove("example");
    }
    let paths = document["paths"].as_object_mut().unwrap();
    paths.remove("/$batch");
    for item in paths.values_mut() {
        let rows = item.pointer("/get/responses/200/content").cloned();
        for (method, operation) in item.as_object_mut().unwrap().iter_mut() {
            if let Some(parameters) = operation.get_mut("parameters").and_then(Json::as_array_mut) {
                parameters.retain(|parameter| {
                    let name = parameter["$ref"].as_str().unwrap_or_default();
                    let name = name.rsplit('/').next().unwrap_or_default();
                    name.is_empty() || name.contains('.') || ["limit", "offset"].contains(&name)
                });
            }
            if let Some(forms) = operation.pointer_mut("/requestBody/content").and_then(Json::as_object_mut) {
                forms.retain(|form, _| form == "application/json");
                forms.values_mut().for_each(|form| drop(form.as_object_mut().unwrap().remove("example")));
            }
            let (Some(rows), "post" | "put" | "patch" | "delete") = (&rows, method.as_str()) else {
                continue;
            };
            let responses = operation["responses"].as_object_mut().unwrap();
            responses.remove("204");
            for status in ["200", "201"] {
                if let Some(response) = responses.get_mut(status) {
                    response["content"] = rows.clone();
                }
            }
        }
    }
    document
}

fn likely_value(name: &str, property: &mut Json) {
    let kind = |schema: &Json| match &schema["type"] {
        Json::Array(kinds) => kinds[0].as_str().unwrap_or_default().to_owned(),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    };
    let refers = property["description"].as_str().is_some_and(|text| text.contains("<fk"));
    if property["type"].is_null() {
        return;
    }
    let (kind, plain) = (kind(property), property["format"].is_null() && property["pattern"].is_null());
    let limits = match (name, &*kind) {
        ("status", _) => json!({"enum": ["pending", "paid", "shipped", "delivered", "cancelled"]}),
        ("email", _) => json!({"pattern": "^[a-z]{1,12}@[a-z]{3,12}$"}),
        (_, "integer") => json!({"minimum": 1, "maximum": if refers { 20 } else { 5 }}),
        (_, "number") => json!({"minimum": 0.5, "maximum": 100}),
        (_, "string") if property["format"] == "time-local" => {
            json!({"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"})
        }
        (_, "string") if plain => json!({"pattern": "^[a-zA-Z0-9é日 ]{1,30}$"}),
        _ => json!({}),
    };
    // A NULL teaches less than a value.
    property["type"] = json!(kind);
    limits.as_object().unwrap().iter().for_each(|(word, value)| property[word] = value.clone());
}
