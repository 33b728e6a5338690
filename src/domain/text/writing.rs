//! Where characters that take no room belong to the writing: joiners in scripts whose letters change their shape beside
//! each other, and in pictures made of several; selectors of a variant after what has variants; the tags of a flag.
//!
//! A name without them is another name. Elsewhere (above all between letters of ASCII, which never need them) they make two
//! names look alike, or hide a text.

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';
const END_OF_TAGS: char = '\u{e007f}';
const KEY_CAP: char = '\u{20e3}';

/// A flag's tags spell a region (`gbeng`): country and part. Characters.
const LONGEST_REGION: usize = 6;

/// What stands before a character.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    last: Option<char>,
    second_last: Option<char>,
    /// So many tags of a flag follow.
    tags: usize,
}

impl Before {
    /// Whether a character that takes no room belongs here, with `rest` after it.
    pub(super) fn takes(&self, character: char, rest: &str) -> bool {
        let Some(last) = self.last else { return false };
        let next = rest.chars().next();
        match character {
            NON_JOINER => is_joined(last) && next.is_some_and(is_joined),
            JOINER => {
                let picture = if is_selector(last) { self.second_last } else { self.last };
                (is_joined(last) && next.is_some_and(is_joined))
                    || (picture.is_some_and(is_picture) && next.is_some_and(is_picture))
            }
            '\u{fe00}'..='\u{fe0f}' => {
                let is_key = last.is_ascii_digit() || matches!(last, '#' | '*');
                has_variants(last) || (is_key && next == Some(KEY_CAP))
            }
            '\u{e0100}'..='\u{e01ef}' => is_ideograph(last),
            '\u{180b}'..='\u{180d}' | '\u{180f}' => is_mongolian(last),
            '\u{180e}' => is_mongolian(last) && next.is_some_and(is_mongolian),
            _ => self.tags > 0,
        }
    }

    /// A character is there.
    pub(super) fn push(&mut self, character: char, rest: &str) {
        let tags = if character == BLACK_FLAG { tags_of_flag(rest) } else { self.tags.saturating_sub(1) };
        *self = Self { last: Some(character), second_last: self.last, tags };
    }
}

/// How many tags there are, the last one included; none, if they are of no region.
fn tags_of_flag(rest: &str) -> usize {
    let is_tag = |tag: &char| matches!(tag, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let region = rest.chars().take_while(is_tag).take(LONGEST_REGION + 1).count();
    let is_ended = rest.chars().nth(region) == Some(END_OF_TAGS);
    if (3..=LONGEST_REGION).contains(&region) && is_ended { region + 1 } else { 0 }
}

/// Whether it is of a script whose letters change their shape beside each other: Arabic and its kin, the scripts of India
/// and what came of them, Mongolian.
fn is_joined(character: char) -> bool {
    let is_of_script = matches!(character,
        '\u{600}'..='\u{74f}' | '\u{750}'..='\u{77f}' | '\u{7c0}'..='\u{7ff}' | '\u{840}'..='\u{8ff}'
        | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1900}'..='\u{1aaf}'
        | '\u{1b00}'..='\u{1c4f}' | '\u{1cd0}'..='\u{1cff}' | '\u{a800}'..='\u{a8ff}' | '\u{a930}'..='\u{aaff}'
        | '\u{abc0}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{10aff}'
        | '\u{10d00}'..='\u{10d3f}' | '\u{10f30}'..='\u{10fcf}' | '\u{11000}'..='\u{11dff}' | '\u{1e900}'..='\u{1e95f}');
    is_of_script && !super::is_hostile(character)
}

fn is_mongolian(character: char) -> bool {
    matches!(character, '\u{1820}'..='\u{18aa}')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_selector(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}')
}

/// Whether it may be a part of a picture made of several.
fn is_picture(character: char) -> bool {
    matches!(character,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{2460}'..='\u{24ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether a selector after it chooses one of its forms: pictures, signs and ideographs have such; of letters those of a few
/// scripts.
fn has_variants(character: char) -> bool {
    let is_of_script = matches!(character, '\u{1000}'..='\u{109f}' | '\u{a840}'..='\u{a87f}' | '\u{aa60}'..='\u{aa7f}');
    let is_sign = !character.is_ascii() && !character.is_alphanumeric() && !character.is_whitespace();
    is_ideograph(character)
        || is_of_script
        || is_picture(character)
        || (is_sign && !is_mark(character) && !super::is_hostile(character))
}

/// Whether it is drawn over, under or around what stands before it; alone it is nothing.
pub(super) fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}'
        | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{711}'
        | '\u{730}'..='\u{74a}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}
