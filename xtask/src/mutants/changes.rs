//! The small changes that can be made in a source file, found by parsing it.

use std::ops::Range;

use anyhow::Result;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ExprMatch, ExprUnary, ImplItemFn, ItemFn,
    ItemMod, Pat, ReturnType, Signature, Stmt, Type,
};

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file from the step's folder.
    pub path: String,
    /// The number of the line in which it begins, from 1.
    pub line: usize,
    /// That line, without the white space around it.
    pub text: String,
    /// What is changed, like `< is <=`.
    pub what: String,
    /// What it replaces in the file, in bytes. It is empty where something is put in.
    pub range: Range<usize>,
    /// What stands there with the change.
    pub new: String,
    pub form: Form,
}

/// What a change replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: the function returns before its first statement.
    Return,
    /// Nothing: the arm of a `match` gets a guard that is false.
    Guard,
    Expression,
    Statement,
}

/// All changes of a file, but for those in its tests.
pub fn of(path: &str, text: &str) -> Result<Vec<Change>> {
    let parsed = syn::parse_file(text)?;
    let changes = Vec::new();
    let mut finder = Finder {
        path,
        text,
        changes,
    };
    finder.visit_file(&parsed);
    Ok(finder.changes)
}

struct Finder<'a> {
    path: &'a str,
    text: &'a str,
    changes: Vec<Change>,
}

impl Finder<'_> {
    fn add(&mut self, form: Form, range: Range<usize>, what: String, new: String) {
        let line = self.text[..range.start].matches('\n').count();
        let text = self.text.lines().nth(line).unwrap_or_default().trim();
        self.changes.push(Change {
            path: self.path.to_owned(),
            line: line + 1,
            text: text.to_owned(),
            what,
            range,
            new,
            form,
        });
    }

    /// The expression with a part of it replaced.
    fn replace(&mut self, whole: &impl Spanned, part: &impl Spanned, new: &str) {
        let (whole, part) = (whole.span().byte_range(), part.span().byte_range());
        let text = self.text;
        let old = &text[part.clone()];
        let what = match new {
            "" => format!("no {old}"),
            _ => format!("{old} is {new}"),
        };
        let new = format!(
            "{}{new}{}",
            &text[whole.start..part.start],
            &text[part.end..whole.end]
        );
        self.add(Form::Expression, whole, what, new);
    }

    /// The function returns at once.
    fn function(&mut self, signature: &Signature, block: &Block) {
        let Some(first) = block.stmts.first() else {
            return;
        };
        let here = first.span().byte_range().start;
        for value in values(&signature.output) {
            let what = format!("{} returns {value}", signature.ident);
            self.add(Form::Return, here..here, what, (*value).to_owned());
        }
    }
}

/// Values that a function may return without doing anything. The compiler refuses those that are
/// not of its type.
fn values(output: &ReturnType) -> &'static [&'static str] {
    let ReturnType::Type(_, output) = output else {
        return &["()"];
    };
    let name = match &**output {
        Type::Path(path) => path.path.segments.last().map(|it| it.ident.to_string()),
        _ => None,
    };
    match name.as_deref() {
        Some("bool") => &["true", "false"],
        Some("Option") => &["None", "Some(Default::default())"],
        Some("Result") => &["Ok(Default::default())"],
        Some("u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" | "isize") => &["0", "1"],
        _ => &["Default::default()"],
    }
}

/// What stands in place of an operator.
fn operators(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["<=", ">"],
        BinOp::Gt(_) => &[">=", "<"],
        BinOp::Le(_) => &["<"],
        BinOp::Ge(_) => &[">"],
        BinOp::Add(_) | BinOp::Mul(_) => &["-"],
        BinOp::Sub(_) => &["+"],
        BinOp::Div(_) => &["*"],
        BinOp::Rem(_) => &["/"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::BitAnd(_) => &["|"],
        BinOp::BitOr(_) => &["&"],
        _ => &[],
    }
}

fn has_let(it: &Expr) -> bool {
    match it {
        Expr::Let(_) => true,
        Expr::Binary(it) => has_let(&it.left) || has_let(&it.right),
        _ => false,
    }
}

/// `#[cfg(test)]` and the like.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| {
        let is_cfg = it.path().is_ident("cfg");
        it.path().is_ident("test")
            || is_cfg
                && it
                    .meta
                    .require_list()
                    .is_ok_and(|it| it.tokens.to_string() == "test")
    })
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        if !is_test(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        if !is_test(&it.attrs) {
            self.function(&it.sig, &it.block);
            visit::visit_item_fn(self, it);
        }
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        if !is_test(&it.attrs) {
            self.function(&it.sig, &it.block);
            visit::visit_impl_item_fn(self, it);
        }
    }

    fn visit_stmt(&mut self, it: &'ast Stmt) {
        if let Stmt::Expr(
            Expr::MethodCall(_) | Expr::Call(_) | Expr::Try(_) | Expr::Assign(_),
            Some(_),
        ) = it
        {
            let what = "no statement".to_owned();
            self.add(Form::Statement, it.span().byte_range(), what, String::new());
        }
        visit::visit_stmt(self, it);
    }

    fn visit_expr_binary(&mut self, it: &'ast ExprBinary) {
        // A `let` cannot stand elsewhere than in its chain.
        if !has_let(&it.left) && !has_let(&it.right) {
            for new in operators(&it.op) {
                self.replace(it, &it.op, new);
            }
        }
        visit::visit_expr_binary(self, it);
    }

    fn visit_expr_unary(&mut self, it: &'ast ExprUnary) {
        if !matches!(it.op, syn::UnOp::Deref(_)) {
            self.replace(it, &it.op, "");
        }
        visit::visit_expr_unary(self, it);
    }

    fn visit_expr_match(&mut self, it: &'ast ExprMatch) {
        if it.arms.iter().any(|arm| matches!(arm.pat, Pat::Wild(_))) {
            let arms = it.arms.iter();
            for Arm { pat, .. } in arms.filter(|it| !matches!(it.pat, Pat::Wild(_) | Pat::Guard(_)))
            {
                let range = pat.span().byte_range();
                let what = format!("no arm {}", &self.text[range.clone()]);
                self.add(Form::Guard, range.end..range.end, what, String::new());
            }
        }
        visit::visit_expr_match(self, it);
    }

    fn visit_arm(&mut self, it: &'ast Arm) {
        if let Pat::Guard(it) = &it.pat {
            self.replace(&it.guard, &it.guard, "true");
            self.replace(&it.guard, &it.guard, "false");
        }
        visit::visit_arm(self, it);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const TEXT: &str = "fn a(b: u8) -> bool {\n    c();\n    match b {\n        1 => b + 1 < 3,\n        \
        2 if b == 2 => !true,\n        _ => false,\n    }\n}\n\n#[cfg(test)]\nfn d() {\n    c();\n}\n";

    #[test]
    fn each_kind_of_change_is_found() {
        let changes = of("src/a.rs", TEXT).expect("it parses");
        let told: Vec<_> = changes
            .iter()
            .map(|it| (it.line, it.what.as_str()))
            .collect();
        let expected = [
            (2, "a returns true"),
            (2, "a returns false"),
            (2, "no statement"),
            (4, "no arm 1"),
            (4, "< is <="),
            (4, "< is >"),
            (4, "+ is -"),
            (5, "b == 2 is true"),
            (5, "b == 2 is false"),
            (5, "== is !="),
            (5, "no !"),
        ];
        assert_eq!(told, expected);
    }
}
