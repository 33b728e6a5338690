//! How the Inventory may lie about an asset. A deed names the asset by the slug of its repository.

use chrono::{DateTime, Utc};

use super::{Asset, AssetRemoval, Availability, Group, RemovalReason, World};
use crate::sandbox::ids;

impl World {
    /// Snyk flags so many live assets as archived, whatever Bitbucket and synchronisation do. Gives how many.
    pub fn flag_archived(&mut self, count: usize) -> usize {
        let at = self.now;
        let assets = self.snyk.groups.iter_mut().flat_map(|group| &mut group.assets);
        let live = assets.filter(|asset| asset.removal.is_none() && !asset.archived).take(count);
        live.map(|asset| {
            asset.archived = true;
            asset.updated_at = at;
        })
        .count()
    }

    /// Snyk flags so many live assets as personal, whatever they are. Gives how many.
    pub fn flag_personal(&mut self, count: usize) -> usize {
        let at = self.now;
        let assets = self.snyk.groups.iter_mut().flat_map(|group| &mut group.assets);
        let live = assets.filter(|asset| asset.removal.is_none() && !asset.is_personal).take(count);
        live.map(|asset| {
            asset.is_personal = true;
            asset.updated_at = at;
        })
        .count()
    }

    /// The Inventory has the asset of a repository a second time, listed after it, which synchronisation leaves as it is.
    pub fn double_asset(&mut self, slug: &str) {
        let Some(asset) = self.asset_mut(slug).map(|asset| asset.clone()) else { return };
        let of_it = |group: &&mut Group| group.assets.iter().any(|known| known.id == asset.id);
        if let Some(group) = self.snyk.groups.iter_mut().find(of_it) {
            group.assets.push(Asset { id: ids::uuid(&format!("double of {}", asset.id)), ..asset });
        }
    }

    /// One asset is removed from the Inventory for this reason.
    pub fn remove_asset(&mut self, slug: &str, reason: RemovalReason) {
        let at = self.now;
        if let Some(asset) = self.asset_mut(slug) {
            asset.removal = Some(AssetRemoval { reason, at });
            asset.updated_at = at;
        }
    }

    /// An asset shows no `scm_id` any more.
    pub fn hide_scm_id(&mut self, slug: &str) {
        if let Some(asset) = self.asset_mut(slug) {
            asset.scm_id_shown = Availability::Absent;
        }
    }

    /// Snyk knows a repository under another address, and its own only as an alias of that; no `scm_id` leads there.
    pub fn alias_repository(&mut self, slug: &str, known_as: &str) {
        if let Some(asset) = self.asset_mut(slug) {
            asset.known_as = Some(known_as.to_owned());
            asset.scm_id_shown = Availability::Absent;
        }
    }

    /// An asset shows this as its `last_sync`, whatever synchronisation does.
    pub fn misdate_asset(&mut self, slug: &str, at: DateTime<Utc>) {
        if let Some(asset) = self.asset_mut(slug) {
            asset.misdated = Some(at);
        }
    }
}
