//! Rights of an account that a look could not count, or counted once. Which repositories it has to administer is known
//! only when the Organizations told what they imported, and a lower count is believed only when a second one agrees. The
//! daemon's next round comes to that by itself; a single pass has to ask again.

use crate::domain::evidence::{Evidence, EvidenceBook};
use crate::domain::facts::PermissionProof;
use crate::domain::fleet::Fleet;
use crate::domain::names::CredentialName;
use crate::domain::permission::Permission;
use crate::domain::state::State;
use crate::domain::work::{ProbeKind, Work, WorkSubject};

use super::FollowUp;

/// The profiles that are to be asked once more for what their account administers.
pub fn rights_to_count(state: &State, fleet: &Fleet) -> Vec<FollowUp> {
    let mut again = Vec::new();
    for (name, watched) in &fleet.integrations {
        for (profile, of) in watched.group.iter().flat_map(|group| &group.profiles) {
            let subject = WorkSubject::Profile(name.clone(), profile.clone());
            let work = Work { kind: ProbeKind::Profile, subject };
            if is_doubted(state, &of.credential) {
                again.push(FollowUp::Confirm(work));
            } else if is_uncounted(&state.evidence, fleet, &of.credential) {
                again.push(FollowUp::Ask(work));
            }
        }
    }
    again
}

/// Whether one count found less than all.
fn is_doubted(state: &State, name: &CredentialName) -> bool {
    let memory = state.credentials.get(name);
    memory.is_some_and(|memory| memory.doubted.contains_key(&Permission::RepositoryAdmin))
}

/// Whether nothing was known to be imported when it was counted, and something is now.
fn is_uncounted(evidence: &EvidenceBook, fleet: &Fleet, name: &CredentialName) -> bool {
    let book = evidence.scm_credentials.get(name);
    let proof = book.and_then(|book| book.permissions.get(&Permission::RepositoryAdmin));
    let uncounted = |proof: &&Evidence<PermissionProof>| proof.value == PermissionProof::Unverifiable;
    let Some(proof) = proof.filter(uncounted) else { return false };
    evidence.organizations.iter().any(|(key, known)| {
        let watched = fleet.integrations.get(&key.integration).and_then(|watched| watched.organizations.as_ref());
        let is_ours = watched.zip(key.organization).is_some_and(|(watched, id)| watched.credential_of(id) == name);
        let imports = known.imports.as_ref().filter(|imports| !imports.value.targets.is_empty());
        is_ours && imports.is_some_and(|imports| imports.observed_at > proof.observed_at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::condition::{Condition, Reason};
    use crate::domain::kinds::Truth;
    use crate::domain::work::Finding;
    use crate::health::testing::{PAT, World, minutes};

    fn prove(world: &mut World, proof: PermissionProof) {
        let name = CredentialName::from(PAT);
        let finding = Finding::Permission(name.clone(), Permission::RepositoryAdmin, proof);
        world.now += minutes(1);
        world.observe(ProbeKind::ScmCredential, WorkSubject::Credential(name), vec![finding]);
        world.evaluate();
    }

    fn again(world: &World) -> Vec<FollowUp> {
        rights_to_count(&world.state, &world.fleet)
    }

    #[test]
    fn what_was_imported_since_is_counted_and_a_lower_count_is_counted_twice() {
        let mut world = World::healthy(3, 2);
        world.main().permissions.insert(Permission::RepositoryAdmin, PermissionProof::Unverifiable);
        world.probe();
        // In the round of the imports themselves.
        assert_eq!(again(&world), []);
        world.organizations.values_mut().for_each(|organization| organization.imports.targets.clear());
        let imports = world.organization(0).imports.clone();
        world.now += minutes(1);
        world.probe();
        assert_eq!(again(&world), [], "nothing is imported");
        world.organization(0).imports = World::healthy(3, 2).organization(0).imports.clone();
        assert_ne!(world.organization(0).imports, imports);
        let finding = {
            let imports = std::sync::Arc::new(world.organization(0).imports.clone());
            Finding::Imports(World::key(Some(0)), imports)
        };
        world.now += minutes(1);
        let subject = WorkSubject::Organization(World::key(Some(0)));
        world.observe(ProbeKind::Organization, subject, vec![finding]);
        assert!(matches!(again(&world).as_slice(), [FollowUp::Ask(work)] if work.kind == ProbeKind::Profile));
        let none_of_three = PermissionProof::Partial { granted: 0, total: 3 };
        prove(&mut world, none_of_three.clone());
        assert!(matches!(again(&world).as_slice(), [FollowUp::Confirm(work)] if work.kind == ProbeKind::Profile));
        prove(&mut world, none_of_three);
        assert_eq!(again(&world), [], "two rounds agree");
        let judged = world.condition(Some(0), Condition::PermissionsGranted);
        assert_eq!(judged, (Truth::False, Reason::AdminRightsMissing));
        // What nothing can count is not asked for again and again.
        prove(&mut world, PermissionProof::Unverifiable);
        assert_eq!(again(&world), []);
    }
}
