//! Source text with everything blanked that is not code of the product.

/// Replaces comments, literals and `#[cfg(test)]` modules by spaces; lines stay where they are.
pub(crate) fn blank(source: &str) -> String {
    blank_test_modules(&blank_text(source))
}

/// Names of the modules declared as `#[cfg(test)] mod name` in `source`.
pub(crate) fn test_modules(source: &str) -> Vec<String> {
    let source = blank_text(source);
    let mut names = Vec::new();
    for (at, _) in source.match_indices("#[cfg(test)]") {
        if let Some((name, _)) = module_after(&source[at + "#[cfg(test)]".len()..]) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The name of the module that `rest` declares first, and where its name ends.
fn module_after(rest: &str) -> Option<(&str, usize)> {
    let mut words = rest.trim_start();
    if let Some(after) = words.strip_prefix("pub") {
        words = after.trim_start();
        if let Some(after) = words.strip_prefix('(') {
            words = after.split_once(')')?.1.trim_start();
        }
    }
    let name = words.strip_prefix("mod ")?.trim_start();
    let length = name.find(|character: char| !(character.is_alphanumeric() || character == '_'))?;
    let end = rest.len() - name.len() + length;
    Some((&name[..length], end))
}

fn blank_text(source: &str) -> String {
    let characters: Vec<char> = source.chars().collect();
    let mut blanked = characters.clone();
    let mut at = 0;
    while at < characters.len() {
        let end = end_of_text(&characters, at);
        for character in &mut blanked[at..end.max(at)] {
            if *character != '\n' {
                *character = ' ';
            }
        }
        at = end.max(at + 1);
    }
    blanked.into_iter().collect()
}

/// Where the comment or literal that begins at `at` ends; `at` when none begins there.
fn end_of_text(characters: &[char], at: usize) -> usize {
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(n, c)| characters.get(at + n) == Some(&c));
    let find = |mut from: usize, done: &dyn Fn(usize) -> bool| {
        while from < characters.len() && !done(from) {
            from += if characters[from] == '\\' { 2 } else { 1 };
        }
        (from + 1).min(characters.len())
    };
    let follows_word = at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
    if starts(at, "//") {
        characters[at..].iter().position(|character| *character == '\n').map_or(characters.len(), |length| at + length)
    } else if starts(at, "/*") {
        end_of_block_comment(characters, at)
    } else if !follows_word && (starts(at, "r\"") || starts(at, "r#") || starts(at, "br\"") || starts(at, "br#")) {
        end_of_raw_string(characters, at).unwrap_or(at)
    } else if characters[at] == '"' {
        find(at + 1, &|end| characters[end] == '"')
    } else if characters[at] == '\'' && (starts(at + 1, "\\") || characters.get(at + 2) == Some(&'\'')) {
        find(at + 1, &|end| characters[end] == '\'')
    } else {
        at
    }
}

fn end_of_block_comment(characters: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut end = at;
    while end + 1 < characters.len() {
        match (characters[end], characters[end + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') if depth == 1 => return end + 2,
            ('*', '/') => depth -= 1,
            _ => {
                end += 1;
                continue;
            }
        }
        end += 2;
    }
    characters.len()
}

/// `None` for a raw identifier such as `r#type`.
fn end_of_raw_string(characters: &[char], at: usize) -> Option<usize> {
    let prefix = at + characters[at..].iter().position(|character| *character == 'r')? + 1;
    let hashes = characters[prefix..].iter().take_while(|character| **character == '#').count();
    if characters.get(prefix + hashes) != Some(&'"') {
        return None;
    }
    let closing =
        |end: usize| characters[end] == '"' && (1..=hashes).all(|number| characters.get(end + number) == Some(&'#'));
    let end = (prefix + hashes + 1..characters.len()).find(|end| closing(*end))?;
    Some(end + hashes + 1)
}

fn blank_test_modules(source: &str) -> String {
    let mut blanked = source.to_owned();
    let mut from = 0;
    while let Some(found) = blanked[from..].find("#[cfg(test)]") {
        let start = from + found;
        from = start + "#[cfg(test)]".len();
        let Some((_, name_end)) = module_after(&blanked[from..]) else { continue };
        let rest = &blanked[from + name_end..];
        if !rest.trim_start().starts_with('{') {
            continue;
        }
        let mut depth = 0_usize;
        let mut length = rest.len();
        for (at, character) in rest.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 1 => {
                    length = at + 1;
                    break;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        let end = from + name_end + length;
        let spaces: String = blanked[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        blanked.replace_range(start..end, &spaces);
        from = start + spaces.len();
    }
    blanked
}
