//! From the two shapes in which Snyk tells an asset to one, and from two lists to one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::answer::{BodyKind, Failure, FailureClass};
use crate::client::snyk::{InventoryAsset, SearchedAsset};
use crate::domain::facts::{Asset, RemovalReason, RemovedAsset, normalised_url};
use crate::domain::names::RepositoryId;
use crate::probe::assumptions::Assumption;
use crate::probe::round::Round;

/// The source of an asset that Snyk knows from an import or the command line, not from discovery.
pub(super) const SNYK_ITSELF: &str = "snyk";

pub(super) fn from_inventory(asset: InventoryAsset) -> Asset {
    Asset {
        id: asset.id,
        scm_id: asset.scm_id.as_deref().and_then(repository_id),
        url: asset.url.as_deref().and_then(normalised_url),
        sources: Vec::new(),
        last_sync: asset.last_sync,
        created_at: asset.created_at,
        updated_at: asset.updated_at,
        archived: asset.is_archived.unwrap_or(false),
        personal: asset.is_personal.unwrap_or(false),
        application_context: asset.has_application_context,
    }
}

pub(super) fn from_search(asset: SearchedAsset) -> Asset {
    Asset {
        scm_id: None,
        url: url_of(&asset),
        id: asset.id,
        sources: asset.sources,
        last_sync: None,
        created_at: asset.created_at,
        updated_at: asset.updated_at,
        archived: asset.is_archived.unwrap_or(false),
        personal: false,
        application_context: asset.has_application_context,
    }
}

/// `None` for an asset that is not removed after all.
pub(super) fn removed_from_search(asset: SearchedAsset, round: &Round) -> Option<RemovedAsset> {
    if !asset.is_removed && asset.removed_reasons.is_empty() {
        return None;
    }
    let reasons = asset.removed_reasons.iter().map(|reason| {
        let known = removal_reason(&reason.reason);
        round.observe(Assumption::RemovedReasonsAreKnown, known.is_some());
        (known.unwrap_or(RemovalReason::Other), reason.removed_at)
    });
    let reasons = reasons.collect();
    Some(RemovedAsset { scm_id: None, url: url_of(&asset), id: asset.id, reasons })
}

fn url_of(asset: &SearchedAsset) -> Option<String> {
    let urls = [&asset.repository_url, &asset.browse_url];
    urls.into_iter().flatten().find_map(|url| normalised_url(url))
}

fn removal_reason(word: &str) -> Option<RemovalReason> {
    Some(match word {
        "repo-archived" => RemovalReason::RepoArchived,
        "repo-deleted" => RemovalReason::RepoDeleted,
        "org-level-inactive" => RemovalReason::OrgLevelInactive,
        "snyk-project-deleted" => RemovalReason::SnykProjectDeleted,
        "deleted-profile" => RemovalReason::DeletedProfile,
        _ => return None,
    })
}

/// The SCM's id in the form in which we compare it: without braces, lower case.
pub(in crate::probe) fn repository_id(text: &str) -> Option<RepositoryId> {
    let bare = text.trim().trim_start_matches('{').trim_end_matches('}').to_lowercase();
    (!bare.is_empty()).then(|| RepositoryId::new(bare))
}

/// `listed`, completed with what `found` says of the same assets (same id, else same URL), and what only `found` has.
pub(super) fn complete_with(mut listed: Vec<Asset>, found: Vec<Asset>) -> Vec<Asset> {
    let by_id: BTreeMap<String, usize> =
        listed.iter().enumerate().map(|(place, asset)| (asset.id.clone(), place)).collect();
    let by_url: BTreeMap<String, usize> =
        listed.iter().enumerate().filter_map(|(place, asset)| Some((asset.url.clone()?, place))).collect();
    for other in found {
        let place = by_id.get(&other.id).or_else(|| by_url.get(other.url.as_ref()?)).copied();
        match place.and_then(|place| listed.get_mut(place)) {
            Some(asset) => {
                asset.sources = other.sources;
                asset.application_context = asset.application_context.or(other.application_context);
                asset.url = asset.url.take().or(other.url);
                asset.archived |= other.archived;
            }
            None => listed.push(other),
        }
    }
    listed
}

/// `live` without those that `removed`, of the same round, has too: one was removed between the two questions, or the first
/// list is late. Where it has most of them the two exclude each other, and nobody can tell which of them is wrong.
pub(super) fn take_out(live: Vec<Asset>, removed: &[RemovedAsset]) -> Result<Vec<Asset>, Failure> {
    let ids: BTreeSet<&str> = removed.iter().map(|asset| asset.id.as_str()).collect();
    let of = live.len();
    let left: Vec<_> = live.into_iter().filter(|asset| !ids.contains(asset.id.as_str())).collect();
    let both = of - left.len();
    if both * 2 <= of {
        return Ok(left);
    }
    let detail = format!("the list of removed assets holds {both} of the {of} that the list of live ones holds");
    let mut failure = Failure::without_answer(FailureClass::Contradicted, detail);
    failure.body = BodyKind::Json;
    Err(failure)
}

/// Snyk's word for the SCM, when every discovered asset that names sources names the same one.
pub(super) fn learned_source(live: &[Asset]) -> Option<String> {
    let sources =
        live.iter().flat_map(|asset| &asset.sources).filter(|source| !source.eq_ignore_ascii_case(SNYK_ITSELF));
    let words: BTreeSet<_> = sources.collect();
    let mut words = words.into_iter();
    match (words.next(), words.next()) {
        (Some(word), None) => Some(word.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(id: &str, url: &str, sources: &[&str]) -> Asset {
        Asset {
            id: id.to_owned(),
            scm_id: None,
            url: normalised_url(url),
            sources: sources.iter().map(|&source| source.to_owned()).collect(),
            last_sync: None,
            created_at: None,
            updated_at: None,
            archived: false,
            personal: false,
            application_context: None,
        }
    }

    #[test]
    fn lists_are_joined_by_id_or_url() {
        let listed =
            vec![asset("1", "https://bitbucket.org/acme/a", &[]), asset("2", "https://bitbucket.org/acme/b", &[])];
        let found = vec![
            asset("1", "https://bitbucket.org/acme/renamed", &["bitbucket"]),
            asset("x2", "git@bitbucket.org:acme/B.git", &["snyk"]),
            asset("3", "https://bitbucket.org/acme/c", &["bitbucket"]),
        ];
        let joined = complete_with(listed, found);
        let shown: Vec<_> = joined
            .iter()
            .map(|asset| format!("{} {} {:?}", asset.id, asset.url.as_deref().unwrap_or("-"), asset.sources))
            .collect();
        assert_eq!(
            shown,
            [
                r#"1 bitbucket.org/acme/a ["bitbucket"]"#,
                r#"2 bitbucket.org/acme/b ["snyk"]"#,
                r#"3 bitbucket.org/acme/c ["bitbucket"]"#,
            ]
        );
    }

    #[test]
    fn what_is_live_and_removed_is_removed_unless_it_is_most() {
        let gone = |id: &usize| RemovedAsset { id: id.to_string(), scm_id: None, url: None, reasons: Vec::new() };
        let check = |live: usize, removed: &[usize], expected: Result<usize, &str>| {
            let live = (0..live).map(|id| asset(&id.to_string(), "https://bitbucket.org/acme/a", &[])).collect();
            let left = take_out(live, &removed.iter().map(gone).collect::<Vec<_>>());
            match (left, expected) {
                (Ok(left), Ok(count)) => {
                    assert_eq!(left.len(), count, "{removed:?}");
                    assert!(left.iter().all(|one| !removed.iter().any(|id| one.id == id.to_string())), "{removed:?}");
                }
                (Err(failure), Err(words)) => {
                    assert_eq!((&failure.class, failure.detail.as_str()), (&FailureClass::Contradicted, words));
                }
                (left, expected) => unreachable!("{removed:?}: {left:?} instead of {expected:?}"),
            }
        };
        check(0, &[], Ok(0));
        check(4, &[7, 8, 9, 10, 11], Ok(4));
        check(4, &[0], Ok(3));
        check(4, &[0, 1], Ok(2));
        check(4, &[0, 1, 2], Err("the list of removed assets holds 3 of the 4 that the list of live ones holds"));
        check(1, &[0], Err("the list of removed assets holds 1 of the 1 that the list of live ones holds"));
    }

    #[test]
    fn a_source_is_learned_only_when_all_agree() {
        let check = |sources: &[&[&str]], expected: Option<&str>| {
            let live: Vec<_> = sources.iter().map(|sources| asset("1", "https://x.example/a/b", sources)).collect();
            assert_eq!(learned_source(&live).as_deref(), expected, "{sources:?}");
        };
        check(&[], None);
        check(&[&["snyk"], &[]], None);
        check(&[&["snyk", "bitbucket"], &["bitbucket"], &["snyk"]], Some("bitbucket"));
        check(&[&["bitbucket"], &["bitbucket-cloud"]], None);
    }

    #[test]
    fn ids_lose_their_braces_and_case() {
        let check = |text, expected: Option<&str>| assert_eq!(repository_id(text), expected.map(RepositoryId::from));
        check("{0B7B-AA}", Some("0b7b-aa"));
        check("0b7b-aa", Some("0b7b-aa"));
        check("{}", None);
    }
}
