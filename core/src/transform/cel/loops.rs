//! The loops of an expression: `map`, `filter`, `all`, `exists` and the like.

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr};

use super::{
    check::{Checker, VARIABLES},
    functions,
};

/// What the loops of an expression cost at most, each term summed over the loops.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loops {
    /// Nodes of the range times nodes of the body: to be multiplied by the bytes that are read.
    pub(super) weight: u64,
    /// The same of loops whose body looks at the whole object, and one for each loop's growing result: to be multiplied
    /// by the bytes that are read and by the items that are visited.
    pub(super) weight_per_item: u64,
    /// Whether a text may be taken apart into items.
    pub(super) over_text: bool,
}

// === impl Checker ===

impl Checker {
    /// Checks a loop and puts the items of its range in order.
    pub(super) fn comprehension(&mut self, mut comprehension: ComprehensionExpr, depth: u32) -> Result<Expr, String> {
        if self.loop_variables.is_some() {
            return Err("a loop inside a loop is not supported: its cost has no small bound".to_owned());
        }
        if comprehension.iter_var2.is_some() {
            return Err("loops over two variables are not supported".to_owned());
        }
        let name = comprehension.iter_var.clone();
        if VARIABLES.contains(&name.as_str()) {
            return Err(format!(
                "{name} cannot be the variable of a loop: it has a meaning already"
            ));
        }
        let before = self.nodes;
        let range = self.expression(comprehension.iter_range, depth + 1)?;
        let range_nodes = self.nodes - before;
        comprehension.iter_range = IdedExpr {
            id: range.id,
            expr: Expr::Call(CallExpr {
                func_name: functions::IN_ORDER.to_owned(),
                target: None,
                args: vec![range],
            }),
        };
        self.loop_variables = Some([name, comprehension.accu_var.clone()]);
        self.body_reads_object = false;
        let before = self.nodes;
        comprehension.accu_init = self.expression(comprehension.accu_init, depth + 1)?;
        comprehension.loop_cond = self.expression(comprehension.loop_cond, depth + 1)?;
        comprehension.loop_step = self.expression(comprehension.loop_step, depth + 1)?;
        comprehension.result = self.expression(comprehension.result, depth + 1)?;
        self.loop_variables = None;
        let body_nodes = self.nodes - before;
        let weight = u64::from(range_nodes) * u64::from(body_nodes);
        self.loops.weight += weight;
        self.loops.weight_per_item += if self.body_reads_object { weight } else { 1 };
        Ok(Expr::Comprehension(Box::new(comprehension)))
    }
}
