//! JSON:API errors, in Snyk's words.

use serde_json::json;

use super::JSON_API;
use crate::sandbox::answer::Answer;
use crate::sandbox::ids;

/// An error document with one error.
pub(in crate::sandbox) fn error(status: u16, code: Option<&str>, title: &str, detail: &str) -> Answer {
    let mut error = json!({
        "id": ids::uuid(&format!("{status} {title} {detail}")),
        "status": status.to_string(),
        "title": title,
        "detail": detail
    });
    if let (Some(code), Some(object)) = (code, error.as_object_mut()) {
        let about = format!("https://docs.snyk.io/scan-with-snyk/error-catalog#{}", code.to_lowercase());
        object.insert("code".to_owned(), code.into());
        object.insert("links".to_owned(), json!({ "about": about }));
        let meta = json!({ "isErrorCatalogError": true, "classification": "ACTIONABLE", "level": "error" });
        object.insert("meta".to_owned(), meta);
    }
    Answer::json(status, JSON_API, json!({ "jsonapi": { "version": "1.0" }, "errors": [error] }))
}

/// 401: missing, unknown, ended, of another region, or under the wrong scheme.
pub(super) fn unauthorized() -> Answer {
    let detail = "Authentication credentials not recognized, or user access is not provisioned";
    error(401, Some("SNYK-0005"), "Authentication error", detail)
}

/// 403: known, and not allowed.
pub(super) fn forbidden(permission: &str) -> Answer {
    let detail = format!("Forbidden: this request needs the permission {permission}");
    error(403, Some("SNYK-OPENAPI-0002"), "Forbidden", &detail)
}

/// 404: not there, or not to be seen.
pub(super) fn not_found() -> Answer {
    error(404, None, "Not Found", "Not found")
}

/// 400 for a query parameter.
pub(super) fn bad_parameter(name: &str, detail: &str) -> Answer {
    with_source(error(400, None, "Bad Request", detail), "parameter", name)
}

/// 400 for something in the body.
pub(super) fn bad_body(pointer: &str, detail: &str) -> Answer {
    with_source(error(400, None, "Bad Request", detail), "pointer", pointer)
}

fn with_source(mut answer: Answer, key: &str, value: &str) -> Answer {
    if let crate::sandbox::answer::Body::Json(body) = &mut answer.body
        && let Some(error) = body.pointer_mut("/errors/0").and_then(|error| error.as_object_mut())
    {
        error.insert("source".to_owned(), json!({ key: value }));
    }
    answer
}
