//! Looking at a parsed expression before it ever runs: what it reads, what it may cost, what it must not contain.
//!
//! It is also rewritten where the interpreter is not faithful: `a.b` on something that is no map gives `false` there, so
//! it becomes `a["b"]`, which is an error; and a loop over a map visits the keys in no order, so they are sorted first
//! (the same input has to give the same output, or a relist would write).

use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::{functions, loops::Loops, members::Members};

/// The most nodes of an expression, those that macros add included.
const MOST_NODES: u32 = 2000;
/// The deepest nesting of nodes; a chain of `+` is as deep as it is long.
const DEEPEST: u32 = 64;
/// The names that every expression may use.
pub(super) const VARIABLES: [&str; 4] = ["object", "target", "namespace", "workspace"];

/// An expression that may run.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) root: IdedExpr,
    /// How many levels of nodes it has.
    pub(super) depth: u32,
    /// What it reads of the object.
    pub(super) object: Members,
    /// Whether it reads the target.
    pub(super) reads_target: bool,
    /// What its loops cost.
    pub(super) loops: Loops,
}

/// What has been found so far.
pub(super) struct Checker {
    pub(super) nodes: u32,
    depth: u32,
    object: Members,
    reads_target: bool,
    pub(super) loops: Loops,
    /// The variables of the loop that is being looked at; loops do not nest.
    pub(super) loop_variables: Option<[String; 2]>,
    /// Whether the body of that loop looks at the object.
    pub(super) body_reads_object: bool,
}

/// Checks `parsed` and rewrites it where the interpreter needs that.
pub(super) fn check(parsed: IdedExpr) -> Result<Checked, String> {
    let mut checker = Checker {
        nodes: 0,
        depth: 0,
        object: Members::None,
        reads_target: false,
        loops: Loops::default(),
        loop_variables: None,
        body_reads_object: false,
    };
    let root = checker.expression(parsed, 0)?;
    Ok(Checked {
        root,
        depth: checker.depth,
        object: checker.object,
        reads_target: checker.reads_target,
        loops: checker.loops,
    })
}

// === impl Checker ===

impl Checker {
    pub(super) fn expression(&mut self, expression: IdedExpr, depth: u32) -> Result<IdedExpr, String> {
        self.nodes += 1;
        self.depth = self.depth.max(depth);
        if self.nodes > MOST_NODES || depth > DEEPEST {
            return Err("the expression is too complex".to_owned());
        }
        let IdedExpr { id, expr } = expression;
        let expr = match expr {
            Expr::Literal(literal) => Expr::Literal(literal),
            Expr::Ident(name) => {
                self.variable(&name)?;
                Expr::Ident(name)
            }
            Expr::Select(select) => self.select(select, depth)?,
            Expr::Call(call) => self.call(call, depth)?,
            Expr::Comprehension(comprehension) => self.comprehension(*comprehension, depth)?,
            Expr::List(mut list) => {
                list.elements = self.each(list.elements, depth)?;
                Expr::List(list)
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err("messages are not supported: write a map in braces".to_owned());
                    };
                    entry.key = self.expression(std::mem::take(&mut entry.key), depth + 1)?;
                    entry.value = self.expression(std::mem::take(&mut entry.value), depth + 1)?;
                }
                Expr::Map(map)
            }
            Expr::Struct(_) => return Err("messages are not supported: write a map in braces".to_owned()),
            Expr::Unspecified => return Err("the expression is incomplete".to_owned()),
        };
        Ok(IdedExpr { id, expr })
    }

    fn each(&mut self, expressions: Vec<IdedExpr>, depth: u32) -> Result<Vec<IdedExpr>, String> {
        expressions
            .into_iter()
            .map(|expression| self.expression(expression, depth + 1))
            .collect()
    }

    fn variable(&mut self, name: &str) -> Result<(), String> {
        if self.is_loop_variable(name) {
            return Ok(());
        }
        match name {
            "object" => {
                self.object = Members::All;
                self.body_reads_object = true;
            }
            "target" => self.reads_target = true,
            _ if VARIABLES.contains(&name) => {}
            _ => return Err(format!("{name} is not known; there are {}", VARIABLES.join(", "))),
        }
        Ok(())
    }

    fn is_loop_variable(&self, name: &str) -> bool {
        self.loop_variables
            .as_ref()
            .is_some_and(|names| names.iter().any(|known| known == name))
    }

    /// What `base` is when only its member `member` is read: of the object, that one is noted, not all of it.
    fn base(&mut self, base: IdedExpr, member: Option<&str>, depth: u32) -> Result<IdedExpr, String> {
        let is_object = matches!(&base.expr, Expr::Ident(name) if name == "object");
        let (true, Some(member)) = (is_object, member) else {
            return self.expression(base, depth + 1);
        };
        if member == "status" {
            return Err("object.status is out of sight: what goes down depends on what is wanted alone".to_owned());
        }
        self.body_reads_object = true;
        self.object.note(member);
        Ok(base)
    }

    fn select(&mut self, mut select: SelectExpr, depth: u32) -> Result<Expr, String> {
        let base = self.base(std::mem::take(&mut select.operand), Some(&select.field), depth)?;
        if select.test {
            *select.operand = base;
            return Ok(Expr::Select(select));
        }
        let field = literal(&select.field);
        Ok(Expr::Call(CallExpr {
            func_name: operators::INDEX.to_owned(),
            target: None,
            args: vec![base, field],
        }))
    }

    fn call(&mut self, mut call: CallExpr, depth: u32) -> Result<Expr, String> {
        // The interpreter fails on a missing member where `a[?"b"]` gives what CEL says: none.
        if call.func_name == operators::OPT_SELECT {
            operators::OPT_INDEX.clone_into(&mut call.func_name);
        }
        if matches!(call.func_name.as_str(), operators::INDEX | operators::OPT_INDEX) && call.args.len() == 2 {
            let key = call.args.pop().unwrap_or_default();
            let base = call.args.pop().unwrap_or_default();
            let base = self.base(base, text_of(&key).as_deref(), depth)?;
            call.args = vec![base, self.expression(key, depth + 1)?];
            return Ok(Expr::Call(call));
        }
        if !functions::is_operator(&call.func_name) {
            let namespace = call.target.as_ref().and_then(|target| match &target.expr {
                Expr::Ident(name) => Some(name.as_str()),
                _ => None,
            });
            if namespace.is_some_and(|namespace| functions::is_qualified(namespace, &call.func_name)) {
                call.args = self.each(call.args, depth)?;
                return Ok(Expr::Call(call));
            }
            if !functions::is_known(&call.func_name) {
                return Err(format!("function {} is not known", call.func_name));
            }
        }
        self.loops.over_text |= functions::takes_text_apart(&call.func_name);
        if let Some(target) = call.target.take() {
            call.target = Some(Box::new(self.expression(*target, depth + 1)?));
        }
        call.args = self.each(call.args, depth)?;
        Ok(Expr::Call(call))
    }
}

fn literal(text: &str) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::String(text.into())),
    }
}

fn text_of(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}
