//! The anchors that GitHub gives to headings.
//!
//! The rule is github-slugger's: lower case; letters, digits, `_` and `-` stay;
//! a space becomes `-`; everything else goes. A name that is taken gets `-1`,
//! `-2` and so on.

use std::collections::HashMap;

/// Gives out the anchors of one page, from the top down.
#[derive(Default)]
pub struct Slugs {
    taken: HashMap<String, usize>,
}

impl Slugs {
    /// The anchor of the page's next heading, without the `#`.
    pub fn next(&mut self, heading: &str) -> String {
        let plain = slug(heading);
        let mut name = plain.clone();
        while self.taken.contains_key(&name) {
            let times = self.taken.entry(plain.clone()).or_default();
            *times += 1;
            name = format!("{plain}-{times}");
        }
        self.taken.insert(name.clone(), 0);
        name
    }
}

fn slug(heading: &str) -> String {
    heading
        .trim()
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|&c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_goes_and_spaces_stay_apart() {
        assert_eq!(slug("The idea"), "the-idea");
        assert_eq!(slug("`SET` & friends: NX, XX"), "set--friends-nx-xx");
        assert_eq!(slug("1. Make it snake_case!"), "1-make-it-snake_case");
        assert_eq!(slug("Über-Größe…"), "über-größe");
    }

    #[test]
    fn the_same_heading_again_is_numbered() {
        let mut slugs = Slugs::default();
        let names: Vec<_> = ["A", "A", "A-1", "A"].map(|h| slugs.next(h)).into();
        assert_eq!(names, ["a", "a-1", "a-1-1", "a-2"]);
    }
}
