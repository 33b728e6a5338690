use insta::assert_snapshot;

use super::*;

/// What a template gives for a full trigger, or why it does not work.
fn rendered(text: &str) -> String {
    let Some((_, full)) = sample::notifications().next() else { panic!("there are samples") };
    let template = Template::compile(text);
    let rendered = template.and_then(|template| template.render(&TemplateContext::of(&full)));
    rendered.unwrap_or_else(|problem| problem.to_string())
}

fn tried_out(text: &str) -> String {
    match Template::compile(text).and_then(|template| template.try_out()) {
        Ok(()) => "works".to_owned(),
        Err(problem) => problem.to_string(),
    }
}

#[test]
fn everything_of_a_notification_can_be_used() {
    assert_snapshot!(rendered(r"
{{ kind }} {{ firing }} {{ rule }} {{ subject }} {{ key }} {{ severity | upper }}
{{ title }}
{{ summary }}
{% for claim in evidence %}
- {{ claim.text }} ({{ claim.source }}, {{ claim.observed_at }})
{% endfor %}
{% for sentence in ruled_out %}
not: {{ sentence }}
{% endfor %}
{% if last_change %}
before: {{ last_change }}
{% endif %}
next: {{ next_step }} {{ noticed }}
{{ members | join(', ') }} and {{ more_members }} more, by {{ cause }}
nobody watched from {{ gap.from }} to {{ gap.to }}
{% for link in links %}
{{ link.title }}: {{ link.url }}
{% endfor %}
{{ labels.integration }} {{ labels.credential }} {{ labels.level }} {{ labels.scm }} {{ labels.owner }}
{{ since }} {{ opened_at }} {{ created_at }}
"), @"
    trigger True CredentialInvalid credential/bitbucket-example CredentialInvalid/credential/bitbucket-example/critical CRITICAL
    CredentialInvalid: bitbucket-example
    The PAT is rejected.
    - Bitbucket answered 401. (measured, 1970-01-01T00:00:00Z)
    not: Bitbucket answers others.
    before: The token was renewed.
    next: Make a new API token. Within 5 minutes.
    Payments and 49 more, by CredentialInvalid/credential/bitbucket-example
    nobody watched from 1970-01-01T00:00:00Z to 1970-01-01T01:00:00Z
    Status page: https://snykwatch.example.com/
    example bitbucket-example group bitbucket-cloud platform
    1970-01-01T00:00:00Z 1970-01-01T00:10:00Z 1970-01-01T00:10:00Z
    ");
}

#[test]
fn what_does_not_work_is_found_when_it_is_tried_out() {
    let check = |text: &str| format!("{}\n  {}", text.replace('\n', "⏎"), tried_out(text));
    let found = [
        "{{ title }}",
        "{{ last_change }}",
        "{% if gap %}{{ gap.from }}{% endif %}",
        "{{ titel }}",
        "line\n{{ title }}\n{{ gap.from }}",
        "{{ labels.team }}",
        "{% if title %}",
        "{{ title | shout }}",
        "{% include 'page.txt' %}",
        "{{ 'x' * 100000000 }}",
        "{{ ('x' * 1000) * 1000 }}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% for i in range(3000) %}{{ summary }}{{ summary }}{% endfor %}",
        "{{ '' | indent(1000000000) }}{{ title }}",
        "{% if kind == 'test' %}{{ nothing }}{% endif %}",
    ]
    .map(check);
    assert_snapshot!(found.join("\n"), @"
    {{ title }}
      works
    {{ last_change }}
      works
    {% if gap %}{{ gap.from }}{% endif %}
      works
    {{ titel }}
      line 1 of the template: there is no `titel` (tried with a full `trigger`)
    line⏎{{ title }}⏎{{ gap.from }}
      line 3 of the template: there is no `gap.from` (tried with a bare `trigger`, in which what may be missing is missing)
    {{ labels.team }}
      line 1 of the template: there is no `labels.team` (tried with a full `trigger`)
    {% if title %}
      line 1 of the template: syntax error: unexpected end of input, expected end of block
    {{ title | shout }}
      line 1 of the template: there is no filter `shout` here; there are abs, capitalize, count, e, escape, float, format, indent, int, join, length, lower, replace, round, string, title, trim, upper, attr, bool, d, default, dictsort, first, items, last, lines, list, max, min, reject, rejectattr, reverse, safe, select, selectattr, sort, split, unique, map
    {% include 'page.txt' %}
      line 1 of the template: syntax error: unknown statement include
    {{ 'x' * 100000000 }}
      line 1 of the template: it does too much for one text (tried with a full `trigger`)
    {{ ('x' * 1000) * 1000 }}
      line 1 of the template: the text has 1000000 bytes, at most 65536 are sent (tried with a full `trigger`)
    {% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}
      line 1 of the template: it does too much for one text (tried with a full `trigger`)
    {% for i in range(3000) %}{{ summary }}{{ summary }}{% endfor %}
      line 1 of the template: the text has 120000 bytes, at most 65536 are sent (tried with a full `trigger`)
    {{ '' | indent(1000000000) }}{{ title }}
      line 1 of the template: it does too much for one text (tried with a full `trigger`)
    {% if kind == 'test' %}{{ nothing }}{% endif %}
      line 1 of the template: there is no `nothing` (tried with a full `test`)
    ");
}

#[test]
fn no_template_overflows_the_stack() {
    /// As much as fits.
    fn filled(start: &str, again: &str, end: &str) -> String {
        format!("{start}{}{end}", again.repeat((LONGEST_TEMPLATE - start.len() - end.len()) / again.len()))
    }
    let check = |text: &str| assert_ne!(tried_out(text), "panicked");
    check(&filled("{{ ", "(", ""));
    check(&filled("{{ ", "[", ""));
    check(&filled("{{ ", "-", "1 }}"));
    check(&filled("{{ ", "not ", "1 }}"));
    check(&filled("{{ 1", "+1", " }}"));
    check(&filled("{{ 1", "~1", " }}"));
    check(&filled("{{ 1", "<1", " }}"));
    check(&filled("{{ title", "|e", " }}"));
    check(&filled("{{ labels", ".a", " }}"));
    check(&filled("{{ title", "[0]", " }}"));
    check(&filled("{{ 1", " if 1 else 1", " }}"));
    check(&filled("", "{% if true %}", ""));
    check(&filled("{% if 0 %}", "{%elif 0%}", "{% endif %}"));
    check(&filled("", "{#", ""));
    assert_eq!(
        tried_out(&"x".repeat(LONGEST_TEMPLATE + 1)),
        "line 1 of the template: it has 16385 bytes, at most 16384 are read"
    );
}

#[test]
fn hostile_names_are_text() {
    let Some((_, mut full)) = sample::notifications().next() else { panic!("there are samples") };
    full.page.title = "{{ 7 * 7 }} <!channel> {% for %}".to_owned();
    let text = Template::compile("{{ title }}").unwrap().render(&TemplateContext::of(&full)).unwrap();
    assert_eq!(text, "{{ 7 * 7 }} <!channel> {% for %}");
}

/// What makes more of a little than fuel pays for, each in its own way.
#[test]
fn nothing_is_made_larger_than_it_is_paid_for() {
    let doubled = |step: &str| format!("{{% set a = members %}}{}{{{{ a }}}}", step.repeat(60));
    for (text, why) in [
        ("{{ [1] * 100000000 }}".to_owned(), "`*` needs numbers"),
        ("{{ 100000000 * [1] }}".to_owned(), "`*` needs numbers"),
        ("{{ (1, 2) * 100000000 }}".to_owned(), "`*` needs numbers"),
        ("{% set a = [1] %}{{ (a * 100000000) | length }}".to_owned(), "`*` needs numbers"),
        ("{% set n = 100000000 %}{{ members * n }}".to_owned(), "`*` needs numbers"),
        ("{{ title ~ members * more_members }}".to_owned(), "`*` needs numbers"),
        ("{{ 'a' | replace('a', members * 100000000) }}".to_owned(), "`*` needs numbers"),
        ("{% if title in [1] * 100000000 %}x{% endif %}".to_owned(), "`*` needs numbers"),
        ("{% for x in [1] * 100000000 %}{% endfor %}".to_owned(), "`*` needs numbers"),
        (doubled("{% set a = [a, a] %}"), "a list or map may hold"),
        (doubled("{% set a = (a, a) %}"), "a list or map may hold"),
        (doubled("{% set a = {'x': a, 'y': a} %}"), "a list or map may hold"),
        (doubled("{% set a = a + a %}"), "`+` needs a number or a text"),
        (doubled("{% set a = a | chain(a) %}"), "there is no filter `chain`"),
        (doubled("{% set a = a | zip(a) %}"), "there is no filter `zip`"),
        (doubled("{% set a = a | batch(2, a) %}"), "there is no filter `batch`"),
        (doubled("{% set a = a | slice(2, a) %}"), "there is no filter `slice`"),
        (doubled("{% set a = [[1], [2]] | sum(start=a) %}"), "there is no filter `sum`"),
        (doubled("{% set a = a | map('default', a) %}"), "`map` takes"),
        (doubled("{% set a = a | map(attribute='x', default=a) %}"), "`map` takes"),
        (doubled("{% set a = a | map(*['default', a]) %}"), "a list or map may hold"),
        (doubled("{% set a = namespace(x=a, y=a) %}"), "can be called"),
        (doubled("{% set a = dict(x=a, y=a) %}"), "can be called"),
        ("{% with a = [members, members] %}{{ a }}{% endwith %}".to_owned(), "a list or map may hold"),
        ("{% for x in members if [x, x] %}{% endfor %}".to_owned(), "a list or map may hold"),
        ("{{ members[[title, title]] }}".to_owned(), "a list or map may hold"),
        ("{{ members[:(members * 9) | length] }}".to_owned(), "`*` needs numbers"),
        ("{{ title if members * 9 else title }}".to_owned(), "`*` needs numbers"),
        ("{{ title is eq(members * 9) }}".to_owned(), "`*` needs numbers"),
        ("{% filter indent(members * 9) %}{% endfilter %}".to_owned(), "`*` needs numbers"),
        ("{% set a | replace('a', members * 9) %}{% endset %}".to_owned(), "`*` needs numbers"),
        ("{% autoescape members * 9 %}{% endautoescape %}".to_owned(), "`*` needs numbers"),
        ("{{ debug() }}".to_owned(), "can be called"),
        ("{% do range(9) %}".to_owned(), "`do` is not"),
    ] {
        let told = tried_out(&text);
        assert!(told.starts_with("line 1 of the template: ") && told.contains(why), "{text}: {told}");
    }
}

/// The same signs where they are harmless: what people write.
#[test]
fn what_people_write_is_not_refused() {
    for (text, expected) in [
        ("* {{ title }} + [1] * 100000000", "* CredentialInvalid: bitbucket-example + [1] * 100000000"),
        ("{{ '[1] * 100000000' }}", "[1] * 100000000"),
        ("{{ '-' * 10 }}", "----------"),
        ("{{ 6 * 7 + more_members }} {{ (more_members | int) * 2 }}", "91 98"),
        ("{{ more_members + members | length }}", "50"),
        ("{{ 'in ' + rule }}", "in CredentialInvalid"),
        ("{% if severity in ['critical', 'warning'] %}page{% endif %}", "page"),
        ("{% for a, b in [('x', 1), ('y', -2)] %}{{ a }}{{ b }}{% endfor %}", "x1y-2"),
        ("{{ {'critical': 'P1'}[severity] | default('P4') }}", "P1"),
        ("{{ evidence | map(attribute='text') | join('; ') }}", "Bitbucket answered 401."),
        ("{{ members | map('upper') | join(', ') }}", "PAYMENTS"),
        ("{{ members | sort | reverse | first }}", "Payments"),
        ("{{ evidence | selectattr('source', 'eq', 'measured') | list | length }}", "1"),
        (
            "{% for m in members %}{{ loop.index + 1 }}/{{ loop.length * 2 }}{{ loop.cycle(', ', '; ') }}{% endfor %}",
            "2/2,",
        ),
        ("{% for n in range(3) %}{{ n }}{% endfor %}", "012"),
        (
            "{% set lines %}{{ title }}{% endset %}{{ lines | indent(2) | trim }}",
            "CredentialInvalid: bitbucket-example",
        ),
        ("{{ title[:10] ~ '…' }}", "Credential…"),
        ("{{ '%s (%d)' | format(rule, more_members) }}", "CredentialInvalid (49)"),
    ] {
        assert_eq!(rendered(text), expected, "{text}");
    }
}
