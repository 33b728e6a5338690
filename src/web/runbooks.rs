//! `/runbooks`: what to do about each incident, for whoever was paged and has only this daemon to ask.
//!
//! The pages of `docs/runbooks` are part of the binary. They are ours, and still rendered without raw HTML; a link from
//! one to another loses its `.md`, so that the same text reads well in a repository.

use axum::extract::Path;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag};

use super::problem;

macro_rules! runbooks {
    ($($name:literal),+ $(,)?) => {
        /// Each runbook by the name of its rule, in the order in which causes come before their symptoms.
        const RUNBOOKS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../docs/runbooks/", $name, ".md")))),+];
    };
}

runbooks!(
    "SnykTokenInvalid",
    "SnykTokenExpiring",
    "CredentialInvalid",
    "UpstreamUnreachable",
    "PermissionsMissing",
    "CredentialExpiring",
    "CredentialExpiryUnknown",
    "DeclaredDateOutdated",
    "WorkspaceNotFound",
    "ConnectionFailed",
    "PartiallyConnected",
    "SyncStalled",
    "OrganizationIntegrationMissing",
    "CredentialOutOfStep",
    "TestsStale",
    "NothingImported",
    "ImportsIncomplete",
    "WebhooksMissing",
    "CatalogNotLinked",
    "ApiVersionEnding",
    "StatusUnknown",
    "Baseline",
    "ReceiverFailing",
    "ReceiverTest",
);

pub(super) async fn index() -> Response {
    page(
        "Runbooks",
        &html! {
            h1 { "Runbooks" }
            ul { @for (name, _) in RUNBOOKS { li { a href={ "/runbooks/" (name) } { (name) } } } }
        },
    )
}

pub(super) async fn runbook(uri: Uri, Path(name): Path<String>) -> Response {
    match RUNBOOKS.iter().find(|(rule, _)| *rule == name) {
        Some((rule, text)) => page(rule, &markdown(text)),
        None => problem::error(&uri, StatusCode::NOT_FOUND, "There is no such runbook; /runbooks lists them."),
    }
}

fn page(title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " - snykwatch" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
            }
            body {
                nav aria-label="More" { a href="/" { "Status page" } " " a href="/runbooks" { "Runbooks" } }
                main.document { (content) }
            }
        }
    };
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

fn markdown(text: &str) -> Markup {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| match event {
        // Nothing here needs HTML of its own: whatever looks like it is text.
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = local(dest_url);
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    PreEscaped(html)
}

/// The address of another runbook as it is served.
fn local(address: CowStr<'_>) -> CowStr<'_> {
    match address.strip_suffix(".md") {
        Some(name) if !name.contains('/') => CowStr::from(format!("/runbooks/{name}")),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Rule;

    #[test]
    fn every_rule_has_its_runbook_in_order() {
        let names = RUNBOOKS.iter().map(|(name, _)| *name);
        let rules = Rule::ALL.iter().map(|rule| rule.as_str());
        assert!(names.eq(rules.chain(["ReceiverFailing", "ReceiverTest"])));
        for (name, text) in RUNBOOKS {
            assert!(text.starts_with(&format!("# {name}\n")), "{name}");
            let html = markdown(text).into_string();
            assert!(html.contains(&format!("<h1>{name}</h1>")) && !html.contains(".md\""), "{name}");
        }
    }

    #[test]
    fn html_is_text_and_links_stay_here() {
        let html = markdown("<script>a</script>\n\n[x](StatusUnknown.md) [y](https://status.snyk.io) b <b>c</b>")
            .into_string();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("href=\"/runbooks/StatusUnknown\"") && html.contains("href=\"https://status.snyk.io\""),
            "{html}"
        );
    }
}
