//! `/runbooks`: what to do about each incident, for whoever was paged and has only this daemon to ask.
//!
//! The pages of `docs/runbooks` are part of the binary. They are ours, and still rendered without raw HTML; a link from
//! one to another loses its `.md`, so that the same text reads well in a repository, and a link to any other file of the
//! repository is its text alone. Headings can be linked to by the same names as in a repository: the alerts about the
//! daemon itself share one page, and each leads to its section.

use axum::extract::Path;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::problem;

macro_rules! runbooks {
    ($($name:literal),+ $(,)?) => {
        /// Each runbook by the name of its rule, in the order in which causes come before their symptoms; the last is about us.
        const RUNBOOKS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../docs/runbooks/", $name, ".md")))),+];
    };
}

runbooks!(
    "SnykTokenInvalid",
    "SnykTokenExpiring",
    "ObserverRejected",
    "CredentialInvalid",
    "UpstreamUnreachable",
    "PermissionsMissing",
    "CredentialExpiring",
    "RotationUnfinished",
    "DeclaredDateOutdated",
    "NamespaceNotFound",
    "RepositoriesVanished",
    "OrganizationsVanished",
    "OrganizationNotFound",
    "ConnectionFailed",
    "PartiallyConnected",
    "SyncStalled",
    "OrganizationIntegrationMissing",
    "CredentialOutOfStep",
    "TestsStale",
    "TestsUnscheduled",
    "NothingImported",
    "ImportsIncomplete",
    "ProjectsInactive",
    "OrphanedProjects",
    "WebhooksMissing",
    "CatalogNotLinked",
    "NothingToWatch",
    "ApiVersionEnding",
    "StatusUnknown",
    "Baseline",
    "ReceiverFailing",
    "ReceiverTest",
    "daemon",
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
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, with_names(with_local_links(events)).into_iter());
    PreEscaped(html)
}

/// Links lead to what is served here, or elsewhere in the world; of others the text is kept.
fn with_local_links<'a>(events: impl Iterator<Item = Event<'a>>) -> impl Iterator<Item = Event<'a>> {
    // Links are never inside one another.
    let mut is_kept = true;
    events.filter_map(move |event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = served(dest_url);
            is_kept = dest_url.is_some();
            Some(Event::Start(Tag::Link { link_type, dest_url: dest_url?, title, id }))
        }
        Event::End(TagEnd::Link) => is_kept.then_some(Event::End(TagEnd::Link)),
        other => Some(other),
    })
}

/// The address of what is linked to, as it is served; `None` for a file that is not.
fn served(address: CowStr<'_>) -> Option<CowStr<'_>> {
    if address.contains("://") || address.starts_with('#') {
        return Some(address);
    }
    let (file, section) = address.split_once('#').map_or((&*address, None), |(file, section)| (file, Some(section)));
    let name = file.strip_suffix(".md").filter(|name| !name.contains('/'))?;
    let section = section.map_or_else(String::new, |section| format!("#{section}"));
    Some(CowStr::from(format!("/runbooks/{name}{section}")))
}

/// Gives each heading below the title the name that it has in a repository.
fn with_names<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let mut events: Vec<Event<'a>> = events.collect();
    let mut open = None;
    let mut words = String::new();
    let mut names = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if *level > HeadingLevel::H1 => open = Some(place),
            Event::End(TagEnd::Heading(_)) => {
                names.extend(open.take().map(|start| (start, name(&std::mem::take(&mut words)))));
            }
            Event::Text(text) | Event::Code(text) if open.is_some() => words.push_str(text),
            _ => {}
        }
    }
    for (place, name) in names {
        if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(place) {
            *id = Some(CowStr::from(name));
        }
    }
    events
}

/// What the usual renderers make of a heading: lower case, hyphens for spaces, no punctuation.
fn name(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Rule;

    #[test]
    fn every_rule_has_its_runbook_in_order() {
        let names = RUNBOOKS.iter().map(|(name, _)| *name);
        let rules = Rule::ALL.iter().map(|rule| rule.as_str());
        assert!(names.eq(rules.chain(["ReceiverFailing", "ReceiverTest", "daemon"])));
        for (name, text) in RUNBOOKS.iter().filter(|(name, _)| *name != "daemon") {
            assert!(text.starts_with(&format!("# {name}\n")), "{name}");
            let html = markdown(text).into_string();
            assert!(html.contains(&format!("<h1>{name}</h1>")) && !html.contains(".md\""), "{name}");
        }
    }

    #[test]
    fn the_alerts_about_the_daemon_lead_to_their_sections() {
        let rules = include_str!("../../deploy/prometheus/snykwatch.rules.yaml");
        let (_, text) = RUNBOOKS.last().unwrap();
        let html = markdown(text).into_string();
        let mut sections = rules.lines().filter_map(|line| line.split_once("/runbooks/daemon#")).map(|(_, name)| name);
        assert!(sections.clone().count() > 10);
        assert!(sections.all(|name| html.contains(&format!("<h2 id=\"{name}\">"))), "{html}");
        assert!(!html.contains("href=\"../"), "{html}");
    }

    #[test]
    fn headings_have_the_names_they_have_in_a_repository() {
        let html =
            markdown("# Title\n\n## What `it` means, really\n\n[a](daemon.md#down) [b](../storage.md) [c](#here)")
                .into_string();
        assert!(html.contains("<h1>Title</h1>") && html.contains("<h2 id=\"what-it-means-really\">"), "{html}");
        assert!(html.contains("<a href=\"/runbooks/daemon#down\">a</a> b <a href=\"#here\">c</a>"), "{html}");
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
