//! The graders as they stand in their file, which leads from the plain case to
//! the odd one. Test programs know them by name only.

use anyhow::Result;

use crate::graders::FILE;
use crate::steps::{Step, read_text};

/// The file.
pub struct Source {
    /// Its path, like `03-get-set/tests/exercises.rs`.
    path: String,
    text: String,
}

impl Source {
    pub fn read(step: &Step) -> Result<Self> {
        Ok(Source {
            path: format!("{}/{FILE}", step.name),
            text: read_text(&step.dir.join(FILE))?,
        })
    }

    /// Puts graders in the order of the file.
    pub fn sort(&self, graders: &mut [&str]) {
        graders.sort_by_key(|grader| self.find(grader).unwrap_or(self.text.len()));
    }

    /// Where the grader asked, if it failed at that place. The harness may have
    /// failed on its behalf; then it is where the grader begins.
    pub fn place(&self, grader: &str, failed_at: Option<&str>) -> Option<String> {
        let own = failed_at.filter(|place| place.contains(FILE));
        let my = if self.path.starts_with("my/") {
            "my/"
        } else {
            ""
        };
        own.map(|place| format!("{my}{place}")).or_else(|| {
            let before = &self.text[..self.find(grader)?];
            let line = before.matches('\n').count() + 1;
            Some(format!("{}:{line}", self.path))
        })
    }

    fn find(&self, grader: &str) -> Option<usize> {
        self.text.find(&format!("fn {grader}("))
    }
}
