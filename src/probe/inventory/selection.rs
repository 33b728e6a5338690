//! Which assets belong to an integration: by host and workspace of their URL, or by the id of a repository we know.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::facts::{Asset, RemovedAsset};
use crate::domain::names::{RepositoryId, WorkspaceSlug};

/// The assets of one integration.
#[derive(Debug, Clone)]
pub(in crate::probe) struct Selection {
    host: String,
    /// Lower case; `None`: every workspace of the host.
    workspaces: Option<BTreeSet<String>>,
    /// Repositories of the profiles: one that was renamed or transferred keeps its id.
    known: BTreeSet<RepositoryId>,
    /// Addresses elsewhere that stand for one of the integration's own.
    aliased: BTreeSet<String>,
}

impl Selection {
    /// `workspaces` is `None` when some profile names none.
    pub(in crate::probe) fn new(
        host: &str,
        workspaces: Option<BTreeSet<WorkspaceSlug>>,
        known: BTreeSet<RepositoryId>,
    ) -> Self {
        let workspaces =
            workspaces.map(|slugs| slugs.iter().map(|workspace| workspace.as_str().to_lowercase()).collect());
        Self { host: host.to_lowercase(), workspaces, known, aliased: BTreeSet::new() }
    }

    /// Keeps of these aliases (alias to address of an asset) those that bear on the integration, and selects the assets
    /// that they stand for.
    pub(super) fn take_aliases(&mut self, mut aliases: BTreeMap<String, String>) -> BTreeMap<String, String> {
        aliases.retain(|alias, url| self.includes(None, Some(alias)) || self.includes(None, Some(url)));
        self.aliased = aliases.values().cloned().collect();
        aliases
    }

    pub(super) fn has(&self, asset: &Asset) -> bool {
        self.includes(asset.scm_id.as_ref(), asset.url.as_deref())
    }

    pub(super) fn has_removed(&self, asset: &RemovedAsset) -> bool {
        self.includes(asset.scm_id.as_ref(), asset.url.as_deref())
    }

    /// Whether some asset's SCM id is a repository's; `None` when there is nothing to compare.
    pub(super) fn knows_any_id(&self, assets: &[Asset]) -> Option<bool> {
        let mut ids = assets.iter().filter_map(|asset| asset.scm_id.as_ref()).peekable();
        if ids.peek().is_none() || self.known.is_empty() {
            return None;
        }
        Some(ids.any(|id| self.known.contains(id)))
    }

    /// `url` is normalised.
    fn includes(&self, id: Option<&RepositoryId>, url: Option<&str>) -> bool {
        if id.is_some_and(|id| self.known.contains(id)) || url.is_some_and(|url| self.aliased.contains(url)) {
            return true;
        }
        let Some((host, path)) = url.and_then(|url| url.split_once('/')) else { return false };
        let workspace = path.split('/').next().unwrap_or_default();
        host == self.host && self.workspaces.as_ref().is_none_or(|workspaces| workspaces.contains(workspace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_selected_by_host_and_workspace_or_by_a_known_id() {
        let known = BTreeSet::from([RepositoryId::from("1")]);
        let check = |workspaces: Option<&[&str]>, id: Option<&str>, url: Option<&str>, expected| {
            let workspaces = workspaces.map(|slugs| slugs.iter().copied().map(WorkspaceSlug::from).collect());
            let selection = Selection::new("bitbucket.org", workspaces, known.clone());
            assert_eq!(selection.includes(id.map(RepositoryId::from).as_ref(), url), expected, "{id:?} {url:?}");
        };
        let acme: Option<&[&str]> = Some(&["Acme"]);
        check(acme, None, Some("bitbucket.org/acme/payments"), true);
        check(acme, None, Some("bitbucket.org/other/payments"), false);
        check(acme, Some("1"), Some("bitbucket.org/other/payments"), true);
        check(acme, Some("2"), None, false);
        check(acme, None, Some("github.com/acme/payments"), false);
        check(acme, None, Some("bitbucket.org.example.com/acme/payments"), false);
        check(acme, None, None, false);
        check(None, None, Some("bitbucket.org/other/payments"), true);
        check(None, None, Some("github.com/other/payments"), false);
    }

    #[test]
    fn an_asset_with_an_alias_among_ours_is_ours() {
        let acme = Some(BTreeSet::from([WorkspaceSlug::from("acme")]));
        let mut selection = Selection::new("bitbucket.org", acme, BTreeSet::new());
        let aliases = [
            ("bitbucket.org/acme/web", "bitbucket.org/old/web"),
            ("git.example.com/acme/api", "bitbucket.org/acme/api"),
            ("git.example.com/x/y", "github.com/x/y"),
        ];
        let aliases = aliases.map(|(alias, url)| (alias.to_owned(), url.to_owned())).into();
        let kept = selection.take_aliases(aliases);
        assert_eq!(kept.len(), 2, "{kept:?}");
        let check = |url: &str, expected| assert_eq!(selection.includes(None, Some(url)), expected, "{url}");
        check("bitbucket.org/old/web", true);
        check("bitbucket.org/old/other", false);
        check("github.com/x/y", false);
    }
}
