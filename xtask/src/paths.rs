//! Paths as text: where one leads, whether or not anything is there.

use std::path::{Component, Path, PathBuf};

/// The whole path from the root of the file system, without `.` and `..`.
///
/// Unlike `canonicalize` it asks no file system, so it also tells where a path
/// would lead that does not exist, and leaves symbolic links as they are.
pub fn normal(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut result = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => {
                result.pop();
            }
            Component::CurDir => {}
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_gone() {
        assert_eq!(normal(Path::new("/a/./b/../../c")), Path::new("/c"));
        assert_eq!(normal(Path::new("/../a")), Path::new("/a"));
        assert!(normal(Path::new(".")).is_absolute());
    }
}
