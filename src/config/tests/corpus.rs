//! Hostile and odd files: whatever comes, the answer is a list of problems or a configuration, never a panic.

use proptest::prelude::*;

use super::*;
use crate::config::cron::CronSchedule;
use crate::config::template::{Template, TemplateContext};

/// Pieces of templates, put together in any order.
const PIECES: [&str; 44] = [
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{# ",
    " #}",
    "for a in ",
    "endfor",
    "if ",
    "else",
    "endif",
    "set a = ",
    "with a = ",
    "endwith",
    "filter ",
    "endfilter",
    "members",
    "title",
    "evidence",
    "labels.owner",
    "a",
    "loop.index",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    " * ",
    " + ",
    " ~ ",
    " ** ",
    "-",
    " | map('upper')",
    " | join(a)",
    " | sort",
    " | replace('a', a)",
    " | indent(99999999)",
    " | default(a)",
    "'%99999s'",
    "99999999",
    "\n",
];

#[test]
fn odd_files_are_told_apart() {
    let check = |text: &str, usable: bool| {
        let files = Files::new(text);
        let loaded = files.load();
        assert_eq!(loaded.is_ok(), usable, "{text:?}: {}", files.problems());
    };
    check(&small(""), true);
    check("integrations: {}\n", false);
    // A file that forgot what it is for is told so.
    check("", false);
    check("# nothing but a comment\n", false);
    check("{}", false);
    check("---\n", false);
    check("[]", false);
    check("text", false);
    check("a: b: c", false);
    check(&format!("\u{feff}{}", small("")), true);
    check("timezone: UTC\n---\ntimezone: UTC\n", false);
    check("a: &a [*a]\n", false);
    check("? [complex]\n: 1\n", false);
    check("1: 2\n", false);
    check(&"[".repeat(5000), false);
    check("x: &a [1,1,1,1]\ny: &b [*a,*a,*a,*a]\nz: &c [*b,*b,*b,*b]\n", false);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n]{0,200}") {
        let _ = Files::new(&text).problems();
    }

    #[test]
    fn no_mutation_makes_it_panic(cut in 0usize..400, length in 0usize..20, with in "[:{}\\[\\]\"', a-z\n]{0,5}") {
        let mut text = small("");
        let start = cut.min(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &with);
        let files = Files::new(&text);
        if let Err(problems) = files.load() {
            prop_assert!(problems.errors() > 0);
            let _ = problems.render(Style::Plain);
        }
    }

    #[test]
    fn no_cron_expression_makes_it_panic(text in "[-0-9*/,a-zA-Z#L?W ä]{0,40}", fields in "[-0-9*/,]{1,6}( [-0-9*/,]{1,6}){4}") {
        for text in [text, fields] {
            if let Ok(cron) = CronSchedule::try_new(&text, Tz::Europe__Berlin) {
                let _ = cron.next_after(now());
            }
        }
    }

    #[test]
    fn no_template_makes_it_panic_or_gives_more_than_is_sent(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..24),
        other in "\\PC{0,40}",
        is_expression in any::<bool>(),
    ) {
        let pieces = pieces.concat();
        let texts = [if is_expression { format!("{{{{ {pieces} }}}}") } else { pieces }, other];
        for text in texts {
            let Ok(template) = Template::compile(&text) else { continue };
            let Some(context) = TemplateContext::example() else { continue };
            if let Ok(text) = template.render(&context) {
                prop_assert!(text.len() <= crate::config::template::LONGEST_TEXT);
            }
        }
    }
}
