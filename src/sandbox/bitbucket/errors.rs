//! Bitbucket's refusals, in its words.

use serde_json::json;

use crate::sandbox::answer::Answer;

pub(super) const JSON: &str = "application/json";

/// `{"type":"error","error":{"message":…}}`
pub(super) fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, JSON, json!({ "type": "error", "error": { "message": message } }))
}

/// 401 to Basic: no body, a challenge.
pub(in crate::sandbox) fn basic_refused() -> Answer {
    Answer::empty(401).with_header("www-authenticate", r#"BitbucketCustom realm="bitbucket.org""#)
}

/// 403 for a missing scope; `detail` is an object, whatever the description says.
pub(super) fn scope_missing(required: &str, granted: &[String]) -> Answer {
    let message = "Your credentials lack one or more required privilege scopes.";
    let detail = json!({ "required": [required], "granted": granted });
    Answer::json(403, JSON, json!({ "type": "error", "error": { "message": message, "detail": detail } }))
}

/// 403 because the account may not, whatever its scopes.
pub(super) fn forbidden() -> Answer {
    error(403, "Forbidden")
}

/// 404 for what is not there or not to be seen.
pub(super) fn no_repository(workspace: &str, slug: &str) -> Answer {
    error(
        404,
        &format!(
            "You may not have access to this repository or it no longer exists in this workspace. ({workspace}/{slug})"
        ),
    )
}

/// 404 for a workspace.
pub(super) fn no_workspace(workspace: &str) -> Answer {
    error(404, &format!("No workspace with identifier '{workspace}'."))
}

/// 410 for an endpoint that was taken away.
pub(in crate::sandbox) fn gone() -> Answer {
    let data = json!({ "announcement_url": "https://developer.atlassian.com/cloud/bitbucket/changelog/#CHANGE-2770" });
    Answer::json(
        410,
        JSON,
        json!({
            "type": "error",
            "error": {
                "message": "CHANGE-2770 - Functionality has been deprecated",
                "detail": "This endpoint has been removed.",
                "data": data
            },
            "data": data
        }),
    )
}

/// 405: the sandbox changes nothing through HTTP.
pub(super) fn method_not_allowed() -> Answer {
    error(405, "Method not allowed").with_header("allow", "GET")
}
