//! The description of the API against a server: it is served, its routes are there, and its examples are what happens.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{SCOPES, Server, lines_of, merchant};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn served() -> (tempfile::TempDir, String, Server, Value) {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    let (status, head, document) = server.ask("GET", "/v1/openapi.json", "", &[], "");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    (data, key, server, document)
}

/// A path with the examples of its parameters in place of their names.
fn filled(document: &Value, path: &str) -> String {
    let parameters = document["components"]["parameters"].as_object().unwrap();
    let named = |name: &str, what: &str| {
        // Two paths have a code of their own kind.
        parameters
            .iter()
            .find(|(key, one)| one["name"] == name && key.to_lowercase().contains(what))
            .unwrap()
            .1
    };
    let Some((before, rest)) = path.split_once('{') else { return path.to_owned() };
    let (name, after) = rest.split_once('}').unwrap();
    let kinds = ["profile", "location", "channel", "sku", "order", "hold"];
    let what = kinds.into_iter().find(|what| path.contains(what)).unwrap();
    let example = &named(name, what)["example"];
    let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    filled(document, &format!("{before}{example}{after}"))
}

#[test]
fn each_path_has_the_methods_that_are_described() {
    let (_data, _key, server, document) = served();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut told: BTreeSet<String> =
            methods.as_object().unwrap().keys().map(|it| it.to_string()).collect();
        if told.contains("get") {
            told.insert("head".to_owned());
        }
        let (status, head, _) = server.ask("OPTIONS", &filled(&document, path), "", &[], "");
        let allow = head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap();
        assert_eq!((status, allow.split(", ").map(str::to_owned).collect()), (405, told), "{path}");
    }
}

/// The examples in the order of a first day, by operation and name.
const DAY: [(&str, &str); 27] = [
    ("putLocation", "warehouse"),
    ("putChannel", "shop"),
    ("putSku", "mug"),
    ("moveStock", "receive"),
    ("moveStock", "adjust"),
    ("moveStock", "set"),
    ("moveStock", "move"),
    ("readAvailability", "mug"),
    ("putSkus", "tea_and_pot"),
    ("moveStockBulk", "tea"),
    ("placeOrder", "mugs"),
    ("placeOrder", "too_many_mugs"),
    ("shipOrder", "one_mug"),
    ("cancelOrder", "the_rest"),
    ("placeOrders", "tea_twice"),
    ("putSkuBulk", "named_bulk"),
    ("placeHold", "cart"),
    ("extendHold", "ten_minutes"),
    ("confirmHold", "paid"),
    ("putRoutingProfile", "near"),
    ("putRoutingProfile", "gifts"),
    ("putChannel", "routed"),
    ("previewOrder", "gift"),
    ("putExposure", "marketplace"),
    ("passFeed", "ten"),
    ("setGrant", "one"),
    ("acknowledgeGrant", "told"),
];

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    operations
}

/// The example of a name of a request, and the media type that it stands under.
fn sent_example<'a>(operation: &'a Value, name: &str) -> (&'a str, &'a Value) {
    let contents = operation["requestBody"]["content"].as_object().unwrap();
    let found = contents.iter().find(|(_, content)| content["examples"].get(name).is_some()).unwrap();
    (found.0, &found.1["examples"][name]["value"])
}

/// The example of a name in one of the contents of a request or an answer.
fn example<'a>(described: &'a Value, name: &str) -> Option<&'a Value> {
    let contents = described["content"].as_object()?;
    contents.values().find_map(|content| content["examples"].get(name)).map(|example| &example["value"])
}

/// The status and the answer that are described under a name.
fn wanted<'a>(operation: &'a Value, name: &str) -> (u16, &'a Value) {
    let responses = operation["responses"].as_object().unwrap().iter();
    let mut found =
        responses.filter_map(|(status, one)| Some((status.parse().unwrap(), example(one, name)?)));
    let wanted = found.next();
    assert_eq!(found.next(), None, "{name} is the answer of two statuses");
    wanted.unwrap_or_else(|| panic!("no answer is called {name}"))
}

/// An answer without the id of its request, and without times that follow the clock: they are others each time.
fn timeless(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.remove("request_id");
        members.remove("expires_at");
    }
    answer
}

#[test]
fn examples_are_what_happens_on_a_first_day() {
    let (_data, key, server, document) = served();
    let operations = operations(&document);
    let mut sent = BTreeSet::new();
    for (id, name) in DAY {
        let (method, path, operation) =
            operations.iter().find(|(_, _, one)| one["operationId"] == id).unwrap();
        let (media, body) = sent_example(operation, name);
        let is_bulk = method == "POST" && path.ends_with("/bulk");
        let text = match body {
            Value::Array(lines) if is_bulk => lines.iter().map(|line| format!("{line}\n")).collect(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let headers = [("idempotency-key", &*format!("{id}-{name}")), ("content-type", media)];
        let (status, _, answer) = server.ask(method, &filled(&document, path), &key, &headers, &text);
        let answer = if is_bulk { Value::Array(lines_of(&answer)) } else { timeless(answer) };
        let (wanted_status, wanted) = wanted(operation, name);
        assert_eq!((status, &answer), (wanted_status, &timeless(wanted.clone())), "{id} {name}");
        sent.insert((id.to_owned(), name.to_owned()));
    }
    let mut told = BTreeSet::new();
    for (_, _, operation) in &operations {
        for content in operation["requestBody"]["content"].as_object().into_iter().flat_map(|it| it.values())
        {
            let names = content["examples"].as_object().unwrap().keys();
            told.extend(
                names.map(|name| (operation["operationId"].as_str().unwrap().to_owned(), name.clone())),
            );
        }
    }
    assert_eq!(sent, told, "every example of a request is sent");
    let path = filled(&document, "/v1/orders/{id}");
    let (status, _, order) = server.ask("GET", &path, &key, &[], "");
    assert_eq!((status, &order["customer"]), (200, &json!({ "name": "Ada", "city": "Berlin" })), "{order}");
}
