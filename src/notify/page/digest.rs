//! The digest of a route: one line for each problem, in the parts of their owners.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::heading::cut;
use super::links;
use super::scene::plain;
use crate::domain::incident::Severity;
use crate::domain::page::Page;
use crate::health::incidents::text::{instant, span};
use crate::notify::situation::Situation;

/// More lines are read by nobody in a message; the status page has them all.
const MOST_LINES: usize = 100;

/// A problem in a digest.
#[derive(Debug, Clone)]
pub(in crate::notify) struct DigestLine {
    pub(in crate::notify) title: String,
    pub(in crate::notify) owners: Vec<String>,
    pub(in crate::notify) news: DigestNews,
}

/// Why it is listed, in the order of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::notify) enum DigestNews {
    /// It opened since the last digest.
    New { severity: Severity, since: DateTime<Utc> },
    /// It ended since the last digest.
    Ended { at: DateTime<Utc> },
    /// A plan ended since the last digest, and not all of it happened.
    Undone { at: DateTime<Utc> },
    /// Nobody acted on it for a long time.
    Standing { since: DateTime<Utc> },
}

/// What is new or ended since `since`, and what stands.
pub(in crate::notify) fn of(lines: &[DigestLine], since: DateTime<Utc>, situation: &Situation<'_>) -> Page {
    let count = |is: fn(&DigestNews) -> bool| lines.iter().filter(|line| is(&line.news)).count();
    let new = count(|news| matches!(news, DigestNews::New { .. }));
    let ended = count(|news| matches!(news, DigestNews::Ended { .. }));
    let standing = count(|news| matches!(news, DigestNews::Standing { .. }));
    let undone = match count(|news| matches!(news, DigestNews::Undone { .. })) {
        0 => String::new(),
        number => format!(", {number} planned and not done"),
    };
    let counts = format!("{new} new, {ended} ended, {standing} standing{undone}");
    let mut members = parts(lines, situation.now);
    let more_members = members.len().saturating_sub(MOST_LINES);
    members.truncate(MOST_LINES);
    let next_step = match (new, standing) {
        (0, 0) if !undone.is_empty() => "Do what was planned, or plan it again.",
        (0, 0) => "No action needed.",
        (_, 0) => "Look at what is new when there is time.",
        _ => "Repair what is standing, or silence it with a reason; look at what is new when there is time.",
    };
    Page {
        title: cut(&format!("Digest: {counts}")),
        summary: format!("Since {}: {counts}.", instant(since)),
        next_step: next_step.to_owned(),
        members,
        more_members,
        links: vec![links::status_page(situation, "")],
        ..Page::default()
    }
}

/// The lines of each owner together; what concerns two of them is in the part of each.
fn parts(lines: &[DigestLine], now: DateTime<Utc>) -> Vec<String> {
    let mut parts: BTreeMap<Option<&str>, Vec<&DigestLine>> = BTreeMap::new();
    for line in lines {
        if line.owners.is_empty() {
            parts.entry(None).or_default().push(line);
        }
        for owner in &line.owners {
            parts.entry(Some(owner)).or_default().push(line);
        }
    }
    let is_split = parts.len() > 1 || parts.keys().any(Option::is_some);
    let of_part = |(owner, mut lines): (Option<&str>, Vec<&DigestLine>)| {
        lines.sort_by_key(|line| line.news);
        let prefix = match owner {
            Some(owner) => format!("{}: ", plain(owner)),
            None if is_split => "no owner: ".to_owned(),
            None => String::new(),
        };
        lines.into_iter().map(|line| format!("{prefix}{}", words(line, now))).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of_part).collect()
}

fn words(line: &DigestLine, now: DateTime<Utc>) -> String {
    let title = plain(&line.title);
    match line.news {
        DigestNews::New { severity, since } => format!("new ({severity}): {title}, since {}", instant(since)),
        DigestNews::Ended { at } => format!("ended: {title}, {}", instant(at)),
        DigestNews::Undone { at } => format!("not done by the end of its plan, {}: {title}", instant(at)),
        DigestNews::Standing { since } => {
            format!("standing for {}: {title}, since {}", span(now - since), instant(since))
        }
    }
}
