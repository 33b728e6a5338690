use super::*;

fn files(text: &str) -> Vec<SourceFile> {
    vec![SourceFile { path: "snykwatch.yaml".into(), text: text.into() }]
}

fn at(text: &str, what: &str) -> Place {
    let start = text.find(what).unwrap();
    Place { file: 0, start, end: start + what.len() }
}

fn one(text: &str, what: &str) -> String {
    let problem = Problem::error(ProblemKind::UnknownKey, at(text, what), "this is wrong");
    Problems::new(vec![problem], files(text)).render(Style::Plain)
}

#[test]
fn a_long_line_is_shown_where_the_problem_lies() {
    let (x, y) = ("x".repeat(70_000), "y".repeat(70_000));
    let text = format!("a: 1\nsnyk: {{ {x}: 1, wrong: 2, {y}: 3 }}\n{}\n", "z".repeat(300));
    let shown = one(&text, "wrong");
    let line = format!(" 2 │ …{}: 1, wrong: 2, {}…\n", &x[..55], &y[..90]);
    for part in
        ["─[snykwatch.yaml:2:70014]\n", " 1 │ a: 1\n", &line, &format!(" 3 │ {}…\n", "z".repeat(100)), "╰── here"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let mark = shown.lines().find(|line| line.contains("──┬──")).unwrap();
    let column = |line: &str, word: &str| line.split(word).next().unwrap().chars().count();
    assert_eq!(column(mark, "──┬──"), column(&line, "wrong"), "{shown}");
}

#[test]
fn the_mark_stays_on_its_word_whatever_stands_around_it() {
    for (before, after) in [("", ""), ("ä", "ö"), ("\t", "\t"), ("界", "界")] {
        for length in [0, 59, 60, 61, 239, 240, 241, 100_000] {
            let text = format!("{}wrong{}", before.repeat(length), after.repeat(length));
            let excerpt = excerpt::Excerpt::of(String::new(), &text, at(&text, "wrong").start..at(&text, "wrong").end);
            assert_eq!(excerpt.shown(), "wrong", "{before} {length}");
            let rendered = one(&text, "wrong");
            let place = format!(":1:{}]", before.chars().count() * length + 1);
            assert!(rendered.len() < 8_000 && rendered.contains(&place), "{length}: {rendered}");
        }
    }
}

#[test]
fn a_place_that_is_none_is_shown_all_the_same() {
    for text in ["", "\n", "a", "a\r\n\r\nb", "ä"] {
        for (start, end) in [(0, 0), (0, 1), (1, 1), (1, 9), (5, 3), (9, 9)] {
            let problem = Problem::error(ProblemKind::Syntax, Place { file: 0, start, end }, "this is wrong");
            let rendered = Problems::new(vec![problem], files(text)).render(Style::Plain);
            assert!(rendered.contains("this is wrong"), "{text:?} {start} {end}: {rendered}");
        }
    }
}

/// So many warnings on the first lines, then one error for each further line.
fn many(warnings: usize, errors: usize) -> Problems {
    let text = "wrong\n".repeat(warnings + errors);
    let place = |line: usize| Place { file: 0, start: line * 6, end: line * 6 + 5 };
    let warned = (0..warnings).map(|line| Problem::warning(ProblemKind::Unused, place(line), "look at this"));
    let failed =
        (warnings..warnings + errors).map(|line| Problem::error(ProblemKind::Syntax, place(line), "this is wrong"));
    Problems::new(warned.chain(failed).collect(), files(&text))
}

#[test]
fn of_many_problems_some_are_shown_and_all_are_counted() {
    let problems = many(0, 20_000);
    assert_eq!(problems.errors(), 20_000);
    for text in [problems.render(Style::Plain), problems.to_string()] {
        assert_eq!(text.matches("this is wrong").count(), MOST_TOLD);
        assert!(text.contains("19950 more are not shown: there are 20000 errors and 0 warnings in all"), "{text}");
    }
    let all = many(1, MOST_TOLD - 1).render(Style::Plain);
    assert!(!all.contains("not shown"), "{all}");
}

#[test]
fn warnings_never_crowd_out_an_error() {
    let problems = many(MOST_TOLD + 5, 1);
    let text = problems.to_string();
    assert_eq!(text.matches("look at this").count(), MOST_TOLD - 1);
    assert!(text.contains("snykwatch.yaml:56:1: this is wrong\n6 more are not shown"), "{text}");
    let lines: Vec<_> = text.lines().take(MOST_TOLD).collect();
    assert!(lines.is_sorted_by_key(|line| line.split(':').nth(1).unwrap().parse::<usize>().unwrap()), "{text}");
}

#[test]
fn a_message_that_repeats_a_long_name_is_cut_in_its_middle() {
    let name = format!("begin{}end", "ä".repeat(70_000));
    let problem = Problem::error(ProblemKind::UnknownKey, None, format!("unknown key `{name}`")).help(name);
    assert!(problem.message.starts_with("unknown key `beginä") && problem.message.ends_with("äend`"));
    assert!(problem.message.contains("… (68522 characters more) …"), "{}", problem.message);
    assert!(problem.help.unwrap().chars().count() < LONGEST_SENTENCE + 50);
}

#[test]
fn what_controls_turns_or_hides_is_marked_and_the_mark_below_keeps_its_column() {
    let line = "\t\u{1b}[31m\u{202e}\u{200b}\0\u{85}\u{e0041}ü: ";
    let text = format!("a\u{7}: 1\n{line}wrong\u{2028}\nb\u{1b}[2J: 3\n");
    let path = "con\u{1b}[31mf.d/\u{202e}a\nb.yaml";
    let files = vec![SourceFile { path: path.into(), text: text.as_str().into() }];
    let problem = Problem::error(ProblemKind::UnknownKey, at(&text, "wrong"), "unknown key `\u{1b}[31mhi\u{202e}\n`");
    let problem = problem.help("not `\u{200b}`");
    let problems = Problems::new(vec![problem], files);
    let drawn = problems.render(Style::Plain);
    for told in [&drawn, &problems.to_string()] {
        let hostile = told.chars().find(|one| crate::domain::text::is_hostile(*one) && *one != '\n');
        assert_eq!(hostile, None, "{told}");
        assert!(told.contains("unknown key `\u{fffd}[31mhi\u{fffd} `"), "{told}");
        assert!(told.contains("con\u{fffd}[31mf.d/\u{fffd}a\u{fffd}b.yaml:2:15"), "{told}");
    }
    assert!(
        drawn.contains("not `\u{fffd}`") && drawn.contains("a\u{fffd}: 1") && drawn.contains("b\u{fffd}[2J: 3"),
        "{drawn}"
    );
    let column = |line: &str, word: &str| line.split(word).next().unwrap().chars().count();
    let (line, mark) =
        (drawn.lines().find(|line| line.contains("wrong")), drawn.lines().find(|line| line.contains('┬')));
    assert_eq!(column(mark.unwrap(), "──┬──"), column(line.unwrap(), "wrong"), "{drawn}");
}
