use super::Story;
use crate::domain::evidence::Part;
use crate::domain::incident::Rule;
use crate::health::testing::{World, hours};

#[test]
fn a_list_that_is_cut_is_not_called_a_page_for_people() {
    for (part, who) in [(Part::Assets, "Snyk"), (Part::Repositories, "the Git host"), (Part::Organizations, "Snyk")] {
        let words = "the list ends after 900 of the 1234 items that it states";
        let mut world = World::healthy(3, 2);
        world.fails.insert(part, ("incomplete", words));
        let text = Story::new(world).after(hours(3)).text(Rule::StatusUnknown);
        assert!(text.contains(words) && text.contains(&format!("report it to {who}")), "{part:?}: {text}");
        for wrong in ["login page", "proxy", "api_url"] {
            assert!(!text.contains(wrong), "{part:?}: {text}");
        }
    }
}
