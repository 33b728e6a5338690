//! Files of any shape and size: what is told of them is bounded, and nothing in them makes us fail.

use super::super::load::MAXIMUM_LENGTH;
use super::*;

/// So much is told of one configuration at most: a screen for each problem. Bytes.
const MOST_SAID: usize = 512 * 1024;

/// The configuration of so many integrations.
fn integrations(count: usize) -> serde_json::Value {
    let mut config: serde_json::Value = serde_saphyr::from_str(&small("")).unwrap();
    let one = config["integrations"]["acme"].clone();
    for index in 0..count {
        config["integrations"][format!("acme-{index}")] = one.clone();
    }
    config
}

/// What is said of a file, as people and logs are told it.
fn said(text: &str) -> (usize, String) {
    let files = Files::new(text);
    let problems = files.load().err().unwrap_or_default();
    let (rendered, lines) = (files.plain(&problems.render(Style::Coloured)), files.plain(&problems.to_string()));
    assert!(rendered.len() < MOST_SAID && lines.len() < MOST_SAID, "{} {}", rendered.len(), lines.len());
    (problems.errors(), files.plain(&problems.render(Style::Plain)))
}

#[test]
fn one_typo_in_six_hundred_integrations_on_one_line_is_shown() {
    let mut config = integrations(600);
    let group = config["integrations"]["acme-599"]["group"].as_object_mut().unwrap();
    let profiles = group.remove("profiles").unwrap();
    group.insert("profils".to_owned(), profiles);
    let text = config.to_string();
    assert!(text.len() > usize::from(u16::MAX) && !text.contains('\n'));
    let (errors, said) = said(&text);
    // What is unknown, and what is missing for it.
    assert_eq!(errors, 2, "{said}");
    assert!(said.contains("unknown key `profils`") && said.contains("did you mean `profiles`?"), "{said}");
    assert!(said.contains("\"profils\":{\"main\""), "{said}");
}

#[test]
fn names_and_values_of_any_length_are_refused_in_a_few_lines() {
    for length in [70_000, 300_000] {
        let long = "x".repeat(length);
        let placed = [
            small("").replace("  acme:\n", &format!("  ? {long}\n  :\n")),
            small("").replace("bitbucket-cloud\n", &format!("{long}\n")),
            small("").replace("workspaces: [Acme]", &format!("workspaces: [Acme, {long} {long}")),
            small(&format!("{long}: 1\n")),
            small(&format!("schedule: {{ inventory: {{ cron: \"{long}\" }} }}\n")),
            small(&format!("timezone: {long}\n")),
            small(&format!("server: {{ listen: {long} }}\n")),
            small(&format!("http: {{ ca_file: {long}, proxy: {long} }}\n")),
            small("").replace("[\"sandbox-*\"]", &format!("[\"{}\"]", "*?".repeat(length / 2))),
            small("")
                .replace("exclude:", &format!("webhook_url_pattern: \"{}\", exclude:", "(a*)*".repeat(length / 5))),
            format!("{}snyk: 5", " ".repeat(length)),
            "\n".repeat(length) + "snyk: 5",
            format!("# {long}\nsnyk: {{ a: 5 }} # {long}\n"),
        ];
        for text in placed {
            let (_, said) = said(&text);
            assert!(said.len() < 32_000, "{} of {}", said.len(), &text[..200.min(text.len())]);
        }
    }
}

#[test]
fn mistakes_of_any_number_are_counted() {
    let wrong = |change: fn(&mut serde_json::Value)| {
        let mut config = integrations(200);
        config["integrations"].as_object_mut().unwrap().values_mut().for_each(change);
        said(&format!("{config:#}"))
    };
    let (errors, said_of) = wrong(|one| one["owner"] = 5.into());
    assert_eq!(errors, 201, "{said_of}");
    assert!(said_of.contains("151 more are not shown"), "{said_of}");
    let (errors, _) = wrong(|one| one["group"]["snyk"] = "acme-su".into());
    assert_eq!(errors, 201);
    let (errors, _) = wrong(|one| one["ownr"] = "team".into());
    assert_eq!(errors, 201);
}

#[test]
fn a_large_file_of_wrong_values_is_given_up_and_says_so() {
    let text =
        format!("snyk: {{ {} }}\n", (0..3_000).map(|index| format!("a{index}: 5")).collect::<Vec<_>>().join(", "));
    let (errors, said) = said(&text);
    assert!(errors > super::super::problem::MOST_TOLD && errors < 3_000, "{errors}");
    assert!(said.contains("more values of a wrong shape here than are looked for at once"), "{said}");
    assert!(!said.contains("nothing is watched"), "its meaning is not looked at: {said}");
}

#[test]
fn what_is_too_large_or_too_deep_is_refused() {
    let limit = usize::try_from(MAXIMUM_LENGTH).unwrap();
    let fits = |length: usize| format!("{}{}", small(""), "#".repeat(length - small("").len()));
    assert_eq!(said(&fits(limit)), (0, String::new()));
    let (_, too_large) = said(&fits(limit + 1));
    assert!(too_large.contains("at most 2097152 bytes of configuration are read"), "{too_large}");
    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "a: &a [*a]".to_owned()] {
        let (errors, said) = said(&deep);
        assert_eq!(errors, 1, "{said}");
        assert!(said.contains("this is not YAML"), "{said}");
    }
    let many = format!("permission_sets: {{ a: [{}] }}", "x,".repeat(400_000));
    let (errors, _) = said(&many);
    assert_eq!(errors, 1);
}

#[test]
fn a_hundred_receivers_are_possible_and_no_more() {
    let receivers = |count: usize| {
        let one = |index| format!("    r{index:03}: {{ webhook: {{ url: https://tickets.acme.example }} }}\n");
        small(&format!("alerts:\n  receivers:\n{}", (0..count).map(one).collect::<String>()))
    };
    assert_eq!(said(&receivers(100)), (0, String::new()));
    let (errors, said) = said(&receivers(2_000));
    assert_eq!(errors, 1, "{said}");
    assert!(said.contains("there are 2000 receivers, and 100 are possible"), "{said}");
}

#[test]
fn files_that_are_small_alone_may_be_too_large_together() {
    let files = Files::new(&small(""));
    let comment = "#".repeat(usize::try_from(MAXIMUM_LENGTH).unwrap() / 2);
    files.write("conf.d/a.yaml", &comment);
    assert_eq!(files.problems(), "");
    files.write("conf.d/b.yaml", &comment);
    let problems = files.problems();
    assert!(problems.contains("conf.d/b.yaml") && problems.contains("are in other files already"), "{problems}");
}

#[test]
fn what_is_no_text_is_refused() {
    let files = Files::new("");
    fs::write(files.main(), b"snyk: \xff").unwrap();
    assert!(files.problems().contains("it is no UTF-8 text: see byte 7"), "{}", files.problems());
    fs::remove_file(files.main()).unwrap();
    fs::create_dir(files.main()).unwrap();
    assert!(files.problems().contains("could not read"), "{}", files.problems());
    // Endless, and of no length that it would tell.
    let problems = try_load(Path::new("/dev/zero"), Secrets::Skip, now()).unwrap_err().to_string();
    assert!(problems.contains("bytes of configuration are read"), "{problems}");
}

/// Each of them would be read for ever, or waited for.
#[test]
#[cfg(unix)]
fn what_is_no_ordinary_file_is_refused_wherever_a_file_is_named() {
    let pipe = tempfile::tempdir().unwrap();
    let pipe = pipe.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for odd in [Path::new("/dev/zero"), &pipe] {
        let said = |text: &str, fragment: bool| {
            let files = Files::new(text);
            if fragment {
                fs::create_dir(files.path("conf.d")).unwrap();
                std::os::unix::fs::symlink(odd, files.path("conf.d/a.yaml")).unwrap();
            }
            load(&files.main(), Secrets::Check, now()).unwrap_err().to_string()
        };
        let named = odd.display();
        for text in [
            small("").replace("file: snyk ", &format!("file: {named} ")),
            small(&format!("http: {{ ca_file: {named} }}\n")),
            small(&format!("server: {{ web_config_file: {named} }}\n")),
        ] {
            assert!(said(&text, false).contains(&format!("{named}")), "{text}");
        }
        let fragment = said(&small(""), true);
        assert!(fragment.contains("conf.d/a.yaml: it is a pipe or a device: name an ordinary file"), "{fragment}");
    }
}

#[test]
fn that_we_fail_is_a_problem_of_the_file() {
    let problems = guarded(Path::new("snykwatch.yaml"), || panic!("as scripted")).unwrap_err();
    assert_eq!(problems.errors(), 1);
    assert_eq!(problems.to_string(), "snykwatch failed while it read snykwatch.yaml: this is a fault of snykwatch");
}
