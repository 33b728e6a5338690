//! The documents say what the code says, and point at things that exist.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test's helper fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use snykwatch::domain::condition::Condition;
use snykwatch::domain::incident::Rule;
use snykwatch::domain::kinds::Scm;
use snykwatch::domain::permission::{PermissionSet, permissions_of};
use snykwatch::domain::status::Status;

mod documents {
    use super::anchor;

    pub(crate) mod cli;
    pub(crate) mod configuration;
}

/// Set to bring generated pages up to date instead of failing.
const UPDATE: &str = "SNYKWATCH_UPDATE_GENERATED";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Fails when the stored page is not what is made of the code, or renews it.
#[track_caller]
fn check_generated(name: &str, page: &str) {
    if std::env::var_os(UPDATE).is_some() {
        fs::write(root().join(name), page).unwrap();
    }
    let stored = fs::read_to_string(root().join(name)).unwrap_or_default();
    assert!(stored == page, "{name} is out of date: run the tests with {UPDATE}=1");
}

fn pages() -> Vec<PathBuf> {
    let folders = ["", "docs", "docs/apis", "docs/runbooks"].map(|folder| root().join(folder));
    let mut found: Vec<PathBuf> = (folders.iter())
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

#[test]
fn the_configuration_page_is_current() {
    let example = serde_saphyr::from_str(&document("config/snykwatch.example.yaml")).unwrap();
    check_generated("docs/configuration.md", &documents::configuration::page(&snykwatch::config::schema(), &example));
}

#[test]
fn the_commands_page_is_current() {
    check_generated("docs/cli.md", &documents::cli::page());
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the table below a heading, without its head.
fn table<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let section = document.split_once(&format!("{heading}\n")).unwrap().1;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).collect()
}

fn declares(source: &str, function: &str) -> bool {
    let declaration = format!("fn {function}");
    source.match_indices(&declaration).any(|(at, _)| source[at + declaration.len()..].starts_with(['(', '<']))
}

#[test]
fn each_invariant_names_tests_that_exist() {
    let architecture = document("ARCHITECTURE.md");
    let rows = table(&architecture, "## Architecture invariants");
    assert!(rows.len() >= 10, "only {} invariants were found", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let held_by = row.trim_end_matches('|').trim_end().rsplit(" | ").next().unwrap();
        let mut source = String::new();
        for name in quoted(held_by) {
            if name.contains(['/', '.']) {
                let path = root().join(name);
                source = fs::read_to_string(&path).unwrap_or_default();
                if !path.exists() {
                    wrong.push(format!("{name} does not exist"));
                }
            } else if !name.contains(' ') && !declares(&source, name) {
                wrong.push(format!("no test {name} where the row says: {held_by}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let has_heading = || anchors(&fs::read_to_string(&target).unwrap()).any(|heading| heading == anchor);
            if !target.exists() || !(anchor.is_empty() || has_heading()) {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

/// The names under which headings can be linked to.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#').trim()))
}

/// What the usual renderers make of a heading: lower case, hyphens for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The commands of snykwatch that a page shows, in its blocks of shell and in its prose, as words.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        if let Some(block) = part.strip_prefix("sh\n").filter(|_| number % 2 == 1) {
            found.extend(block.lines().map(words));
        } else if number % 2 == 0 {
            found.extend(quoted(part).map(words));
        }
    }
    // What stands before the command is not ours: `sudo` and the environment.
    let is_ours = |word: &String| word != "sudo" && !word.split('-').next().is_some_and(|name| name.contains('='));
    let commands = found.into_iter().map(|words| words.into_iter().skip_while(|word| !is_ours(word)).collect());
    commands.filter(|words: &Vec<String>| words.len() > 1 && words[0] == "snykwatch").collect()
}

/// The words of a line of shell, up to a comment, a pipe or another command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split(['"', '\'']).enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        for word in part.split_whitespace() {
            if word.starts_with(['#', '|', '&', '>', ';']) {
                return words;
            }
            words.push(word.to_owned());
        }
    }
    words
}

#[test]
fn the_commands_that_are_shown_exist() {
    use clap::Parser as _;
    use clap::error::ErrorKind;
    let (mut wrong, mut parsed) = (Vec::new(), 0);
    for path in pages() {
        for words in commands(&fs::read_to_string(&path).unwrap()) {
            parsed += 1;
            // A placeholder in the place of a value, and an argument left out in a sentence, are no mistakes.
            let is_unknown = |kind| matches!(kind, ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
            if let Err(error) = snykwatch::commands::Arguments::try_parse_from(&words)
                && is_unknown(error.kind())
            {
                wrong.push(format!("{}: {}: {error}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(parsed > 50, "only {parsed} commands were found");
}

#[test]
fn the_metrics_that_are_named_exist() {
    let (reference, rules) = (document("docs/metrics.md"), document("deploy/prometheus/snykwatch.rules.yaml"));
    let is_known = |name: &str| {
        if name.contains(':') {
            rules.contains(&format!("record: {name}\n"))
        } else {
            // The prefix alone, and names with a placeholder behind it, name no metric.
            name.ends_with('_') || reference.contains(&format!("| `{name}` |"))
        }
    };
    let names = regex::Regex::new(r"\b(?:[a-z_]+:)?snykwatch_\w*(?::\w+)?").unwrap();
    let mut unknown = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let wrong = names.find_iter(&text).map(|name| name.as_str()).filter(|name| !is_known(name));
        unknown.extend(wrong.map(|name| format!("{}: {name}", path.display())));
    }
    assert!(unknown.is_empty(), "\n{}", unknown.join("\n"));
}

#[test]
fn the_troubleshooting_page_has_each_word_that_check_says() {
    use snykwatch::client::answer::FailureClass;
    use snykwatch::domain::condition::Reason;
    // These conclude something of a token, and are told as such; `refused` is a defect of ours.
    let concluding = ["unauthorized", "missing_scope", "forbidden", "not_accessible_by_this_authentication", "refused"];
    let layers = FailureClass::LABELS.into_iter().filter(|label| !concluding.contains(label));
    let access = Reason::ALL.iter().map(|reason| reason.as_str());
    let access = access.filter(|reason| {
        ["snyk_", "credential_", "permission_", "workspace_"].iter().any(|start| reason.starts_with(start))
    });
    let page = document("docs/troubleshooting.md");
    let missing: Vec<&str> = layers.chain(access).filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readmes_configuration_can_be_used() {
    let readme = document("README.md");
    let example = readme.split("```yaml\n").find(|block| block.contains("snyk:\n")).unwrap();
    let example = example.split("```").next().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("snykwatch.yaml");
    fs::write(&path, example).unwrap();
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let loaded = snykwatch::config::load(&path, snykwatch::config::Secrets::Skip, now)
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

#[test]
fn the_permissions_page_is_the_permission_table() {
    let page = document("docs/permissions.md");
    let rows = table(&page, "### What the token saved in Snyk needs");
    let [group, organization, pilot] =
        [PermissionSet::group(), PermissionSet::organization(), PermissionSet::pilot_guide()];
    for description in permissions_of(Scm::BitbucketCloud) {
        let row = rows.iter().find(|row| row.starts_with(&format!("| {} |", description.label)));
        let cells: Vec<&str> = row.expect(description.label).trim_matches('|').split('|').map(str::trim).collect();
        let [_, granular, classic, words @ ..] = cells.as_slice() else { panic!("{cells:?}") };
        for (cell, scope) in [(granular, description.granular_scope), (classic, description.classic_scope)] {
            assert_eq!(quoted(cell).next(), scope, "{}", description.label);
        }
        let expected = [&group, &organization, &pilot].map(|set| {
            if set.required.contains(&description.permission) {
                "required"
            } else if set.optional.contains(&description.permission) {
                "shown"
            } else {
                ""
            }
        });
        assert_eq!(words, expected, "{}", description.label);
    }
    assert_eq!(rows.len(), permissions_of(Scm::BitbucketCloud).len());
}

#[test]
fn the_conditions_page_has_each_condition_and_status() {
    let page = document("docs/conditions.md");
    let rows = table(&page, "## The fourteen conditions");
    let named: Vec<&str> = rows.iter().filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    let expected: Vec<&str> = Condition::ALL.iter().map(|condition| condition.as_str()).collect();
    assert_eq!(named, expected);
    for status in Status::ALL {
        assert!(page.contains(&format!("| `{status}` |")), "{status}");
    }
}

#[test]
fn the_conditions_page_has_each_threshold_with_its_default() {
    let page = document("docs/conditions.md");
    let rows = table(&page, "## Thresholds and their reasons");
    let schema = snykwatch::config::schema();
    let settings = schema["$defs"]["ConditionSettings"]["properties"].as_object().unwrap();
    assert_eq!(rows.len(), settings.len());
    for (key, setting) in settings {
        let description = setting["description"].as_str().unwrap();
        let default = description.rsplit_once("Default ").expect(key).1.trim_end_matches('.');
        let start = format!("| `{key}` | `{default}` |");
        assert!(rows.iter().any(|row| row.starts_with(&start)), "no row begins with {start}");
    }
}

#[test]
fn the_templates_page_has_each_name_and_its_example_works() {
    use snykwatch::config::template::{Template, TemplateContext};
    let page = document("docs/templates.md");
    let rows = table(&page, "# Templates");
    let named: Vec<&str> = rows.iter().filter_map(|row| quoted(row).next()).collect();
    let context = TemplateContext::example().unwrap();
    let context = serde_json::to_value(context).unwrap();
    let mut expected: Vec<&str> = context.as_object().unwrap().keys().map(String::as_str).collect();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    let example = page.split("```yaml").nth(1).unwrap().split("```").next().unwrap();
    let example: serde_json::Value = serde_saphyr::from_str(example).unwrap();
    let templates = &example["alerts"]["receivers"]["chat"]["templates"];
    for name in ["title", "text"] {
        Template::compile(templates[name].as_str().unwrap()).unwrap().try_out().unwrap();
    }
}

#[test]
fn the_incidents_page_has_each_rule_in_order() {
    let page = document("docs/incidents.md");
    let rows = table(&page, "# Incidents");
    let named: Vec<&str> = rows.iter().filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    let expected: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(named, expected);
}

#[test]
fn each_rule_has_a_runbook_with_the_same_headings() {
    let headings = [
        "What to do",
        "What it means",
        "How it is detected",
        "What is affected",
        "How to verify",
        "When it resolves",
        "How to tune or silence it",
        "Related",
    ];
    let rules = Rule::ALL.iter().map(|rule| rule.as_str());
    let mut expected: Vec<String> =
        rules.chain(["ReceiverFailing", "ReceiverTest"]).map(|rule| format!("{rule}.md")).collect();
    let mut found: Vec<String> = fs::read_dir(root().join("docs/runbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // The alerts about snykwatch itself share one page.
    expected.push("daemon.md".to_owned());
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    for name in found.iter().filter(|name| *name != "daemon.md") {
        let text = document(&format!("docs/runbooks/{name}"));
        let rule = name.trim_end_matches(".md");
        assert_eq!(text.lines().next(), Some(format!("# {rule}").as_str()));
        let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, headings, "{name}");
        for section in text.split("\n## ").skip(1) {
            assert!(section.lines().skip(1).any(|line| !line.trim().is_empty()), "an empty section in {name}");
        }
        if Rule::ALL.iter().any(|known| known.as_str() == rule) {
            let key = quoted(&text).find_map(|word| word.strip_prefix("alerts.rules.")).expect(rule);
            assert_eq!(key.replace('_', ""), rule.to_lowercase(), "{name}");
        }
    }
}
