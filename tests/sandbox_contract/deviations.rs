//! Where the descriptions are wrong or silent.

use super::walk::Recorded;

/// One deviation of reality from a description.
pub(crate) struct Deviation {
    /// Its name.
    pub(crate) name: &'static str,
    /// The description it is about.
    pub(crate) description: &'static str,
    /// Why we believe reality and not the description.
    pub(crate) reason: &'static str,
    /// What it changes.
    pub(crate) change: Change,
}

/// What a deviation changes.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// The description's value at this JSON pointer is this JSON text.
    Replace { pointer: &'static str, with: &'static str },
    /// This status comes though it is not described; without an operation, everywhere.
    Status { operation: Option<&'static str>, status: u16 },
    /// This content type comes though it is not described.
    ContentType { operation: &'static str, content_type: &'static str },
    /// This status comes with an empty body though one is described.
    EmptyBody { status: u16 },
}

impl Deviation {
    /// Whether an answer with an undescribed status is a known one.
    pub(crate) fn allows_status(&self, answer: &Recorded) -> bool {
        self.description == answer.description
            && matches!(self.change, Change::Status { operation, status }
                if status == answer.status && operation.is_none_or(|operation| operation == answer.operation))
    }

    /// Whether an answer of an undescribed content type is a known one.
    pub(crate) fn allows_content(&self, answer: &Recorded) -> bool {
        let sent = answer.headers.get("content-type");
        self.description == answer.description
            && match self.change {
                Change::EmptyBody { status } => status == answer.status && answer.text.is_empty(),
                Change::ContentType { operation, content_type } => {
                    operation == answer.operation && sent.is_some_and(|sent| sent.starts_with(content_type))
                }
                Change::Replace { .. } | Change::Status { .. } => false,
            }
    }
}

const fn status(
    description: &'static str,
    operation: Option<&'static str>,
    status: u16,
    name: &'static str,
    reason: &'static str,
) -> Deviation {
    Deviation { name, description, reason, change: Change::Status { operation, status } }
}

const fn replace(
    description: &'static str,
    pointer: &'static str,
    with: &'static str,
    name: &'static str,
    reason: &'static str,
) -> Deviation {
    Deviation { name, description, reason, change: Change::Replace { pointer, with } }
}

/// All of them.
pub(crate) const DEVIATIONS: &[Deviation] = &[
    replace(
        "snyk-rest",
        "/components/schemas/PolymorphicAssetData/properties/type",
        r#"{ "enum": ["container_images", "repositories"] }"#,
        "repository assets",
        "the version of July 2026 adds repositories to the inventory",
    ),
    replace(
        "snyk-rest",
        "/components/schemas/PaginationLinks/properties/next",
        r#"{ "type": ["string", "object"] }"#,
        "relative next",
        "a next link may be relative, absolute or an object",
    ),
    status(
        "snyk-rest",
        Some("get /groups/{group_id}/inventory/assets"),
        404,
        "inventory gone",
        "a beta endpoint may be missing in a region or be withdrawn",
    ),
    replace(
        "snyk-rest",
        "/components/schemas/FilterFieldAttributes/properties/asset_types/items/enum",
        r#"["container_images", "repositories"]"#,
        "repository filters",
        "the version of July 2026 adds repositories to the inventory, and its filters are to say so",
    ),
    status(
        "snyk-rest",
        Some("get /groups/{group_id}/inventory/assets/filters"),
        404,
        "filters gone",
        "an early-access endpoint may be missing in a region or be withdrawn",
    ),
    status("snyk-v1", None, 401, "V1 401", "V1 describes no errors; 401 is in its documentation"),
    status("snyk-v1", None, 403, "V1 403", "V1 describes no errors; 403 is in its documentation"),
    status("snyk-v1", None, 404, "V1 404", "V1 describes no errors; the text of its 404 is in its documentation"),
    replace(
        "snyk-v1",
        "/components/schemas/Integrationsettings/properties/pullRequestAssignment",
        r#"{ "type": "object" }"#,
        "pull request assignment",
        "an object in live answers, not a string",
    ),
    replace(
        "bitbucket-cloud",
        "/components/schemas/error/properties/error/properties/detail",
        r#"{ "type": ["string", "object"] }"#,
        "error detail",
        "scope errors carry an object with required and granted",
    ),
    replace(
        "bitbucket-cloud",
        "/components/schemas/repository/allOf/1/properties/mainbranch",
        r##"{ "nullable": true, "anyOf": [{ "$ref": "#/components/schemas/branch" }] }"##,
        "no main branch",
        "an empty repository has none: null",
    ),
    replace(
        "bitbucket-cloud",
        "/paths/~1repositories~1{workspace}~1{repo_slug}~1src~1{commit}~1{path}/get/responses/200/content/application~1json/schema",
        r#"{ "type": "object", "required": ["type", "path"] }"#,
        "file metadata",
        "format=meta of a file gives one object, the description knows directories only",
    ),
    Deviation {
        name: "file contents",
        description: "bitbucket-cloud",
        reason: "a file comes as it is, the description knows directories only",
        change: Change::ContentType {
            operation: "get /repositories/{workspace}/{repo_slug}/src/{commit}/{path}",
            content_type: "text/plain",
        },
    },
    Deviation {
        name: "empty 401",
        description: "bitbucket-cloud",
        reason: "a refused Basic sign-in has a challenge and no body",
        change: Change::EmptyBody { status: 401 },
    },
    status("bitbucket-cloud", None, 400, "400", "an invalid pagelen or query gives 400 on every list"),
    status("bitbucket-cloud", None, 401, "401", "every operation refuses a bad credential"),
    status("bitbucket-cloud", None, 403, "403", "every operation refuses a missing scope"),
    status("bitbucket-cloud", None, 410, "410", "removed operations answer 410"),
];
