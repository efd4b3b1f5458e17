//! Where the arithmetic results of one function go.
//!
//! Every arithmetic result, every local and every block result of a floating-point type is a node. A use
//! gives a node a [`View`]; a move gives the view of the moved to what it was moved from. A result whose
//! views are not all such that its NaNs are the same to them is a point to canonicalise.
//!
//! Locals are followed value by value between merges of control flow and as one node beyond, so
//! that time and memory stay linear whatever the function looks like.

use super::operators::{Class, Shape, View, class};
use crate::rewrite::Signatures;
use wasmtime::wasmparser::{
    BinaryReaderError, BlockType, ContType, FrameKind, FuncType, FunctionBody, ModuleArity,
    Operator, RefType, SubType, ValType,
};

/// The points to canonicalise.
pub(super) struct Analysed {
    /// Number of parameters and locals.
    pub(super) locals: u32,
    /// Behind which byte of the module a result of which shape has to be canonicalised, in order.
    pub(super) points: Vec<(usize, Shape)>,
}

/// A value: a node, or one of the below.
type Value = u32;

/// Its bits are the same everywhere.
const PLAIN: Value = 0;
/// Whole lanes of 32 bits, all zeros or all ones.
const MASK32: Value = 1;
/// The same of 64 bits.
const MASK64: Value = 2;
const FIRST_NODE: Value = 3;

/// End of a list of flows.
const NONE: u32 = u32::MAX;

/// `from` is a value that its owner is made of.
struct From {
    from: Value,
    kept: View,
    next: u32,
}

struct Node {
    view: View,
    /// First of the flows into it.
    flows: u32,
}

struct Frame {
    kind: FrameKind,
    ty: BlockType,
    /// Values below the block and its parameters.
    height: usize,
    /// The node of its single result.
    label: Value,
    /// Whether a branch ends there.
    merges: bool,
    /// Whether what follows cannot be reached.
    dead: bool,
}

struct Local {
    /// [`PLAIN`] if of a type without NaNs.
    node: Value,
    /// Last value set, if since the last merge.
    value: Value,
    since: u32,
    pending: bool,
}

pub(super) struct Flow<'m> {
    signatures: &'m Signatures,
    nodes: Vec<Node>,
    flows: Vec<From>,
    /// Nodes whose views have changed.
    changed: Vec<Value>,
    /// Arithmetic results: node, end of the operator, shape.
    results: Vec<(Value, usize, Shape)>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// Blocks open in code that cannot be reached.
    skipped: u32,
    locals: Vec<Local>,
    /// Locals set since their values last went to their nodes.
    pending: Vec<u32>,
    /// Number of merges so far.
    merge: u32,
}

impl<'m> Flow<'m> {
    /// # Errors
    ///
    /// If the module was not validated.
    pub(super) fn analyse(
        body: &FunctionBody<'_>,
        index: usize,
        signatures: &'m Signatures,
    ) -> Result<Analysed, BinaryReaderError> {
        let mut flow = Self {
            signatures,
            nodes: Vec::new(),
            flows: Vec::new(),
            changed: Vec::new(),
            results: Vec::new(),
            stack: Vec::new(),
            frames: Vec::new(),
            skipped: 0,
            locals: Vec::new(),
            pending: Vec::new(),
            merge: 1,
        };
        let ty = signatures.functions.get(index).copied().unwrap_or(NONE);
        for param in signatures.of_type(ty).map_or(&[][..], FuncType::params) {
            flow.local(*param);
        }
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            (0..count).for_each(|_| flow.local(ty));
        }
        flow.frames.push(Frame {
            kind: FrameKind::Block,
            ty: BlockType::FuncType(ty),
            height: 0,
            label: PLAIN,
            merges: false,
            dead: false,
        });
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let operator = reader.read()?;
            flow.step(&operator, reader.original_position());
        }
        Ok(flow.finish())
    }

    fn finish(mut self) -> Analysed {
        while let Some(value) = self.changed.pop() {
            let Node { view, flows } = self.nodes[(value - FIRST_NODE) as usize];
            let mut next = flows;
            while let Some(flow) = self.flows.get(next as usize) {
                let (from, seen) = (flow.from, view.through(flow.kept));
                next = flow.next;
                self.look(from, seen);
            }
        }
        Analysed {
            locals: self.locals.len() as u32,
            points: self
                .results
                .iter()
                .filter(|(value, _, shape)| {
                    let node = &self.nodes[(value - FIRST_NODE) as usize];
                    !node.view.is_within(shape.view())
                })
                .map(|(_, position, shape)| (*position, *shape))
                .collect(),
        }
    }

    fn node(&mut self) -> Value {
        self.nodes.push(Node {
            view: View::NONE,
            flows: NONE,
        });
        // Nodes are fewer than bytes of a function, which is below 8 MiB, plus its locals.
        self.nodes.len() as Value - 1 + FIRST_NODE
    }

    fn local(&mut self, ty: ValType) {
        let node = self.node_of(ty);
        self.locals.push(Local {
            node,
            value: PLAIN,
            since: 0,
            pending: false,
        });
    }

    fn node_of(&mut self, ty: ValType) -> Value {
        match ty {
            ValType::F32 | ValType::F64 | ValType::V128 => self.node(),
            _ => PLAIN,
        }
    }

    /// Somebody looks at a value.
    fn look(&mut self, value: Value, view: View) {
        let Some(place) = value.checked_sub(FIRST_NODE) else {
            return;
        };
        let node = &mut self.nodes[place as usize];
        if !view.is_within(node.view) {
            node.view = node.view.union(view);
            self.changed.push(value);
        }
    }

    /// `to` is, or may be, `from`, moved by what keeps numbers of the views `kept` whole.
    fn flows(&mut self, from: Value, to: Value, kept: View) {
        if from < FIRST_NODE || from == to {
            return;
        }
        let Some(place) = to.checked_sub(FIRST_NODE) else {
            // Nobody follows the moved any further.
            return self.look(from, View::BITS);
        };
        let node = &mut self.nodes[place as usize];
        self.flows.push(From {
            from,
            kept,
            next: node.flows,
        });
        node.flows = self.flows.len() as u32 - 1;
        if node.view != View::NONE {
            let view = node.view.through(kept);
            self.look(from, view);
        }
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(PLAIN)
    }

    fn dead(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.dead)
    }

    fn step(&mut self, operator: &Operator<'_>, position: usize) {
        use Operator::*;
        if self.dead() {
            match operator {
                Block { .. } | Loop { .. } | If { .. } => self.skipped += 1,
                End if self.skipped > 0 => self.skipped -= 1,
                End => self.end(),
                Else if self.skipped == 0 => self.alternative(),
                _ => {}
            }
            return;
        }
        match operator {
            Block { blockty } => self.begin(FrameKind::Block, *blockty),
            Loop { blockty } => {
                self.settle();
                self.merge += 1;
                self.begin(FrameKind::Loop, *blockty);
            }
            If { blockty } => {
                self.pop();
                self.settle();
                self.begin(FrameKind::If, *blockty);
            }
            Else => self.alternative(),
            End => self.end(),
            Br { relative_depth } => {
                self.branch(*relative_depth);
                self.diverge();
            }
            BrIf { relative_depth } => {
                self.pop();
                self.branch(*relative_depth);
            }
            BrTable { targets } => {
                self.pop();
                let mut depths: Vec<u32> = targets.targets().flatten().collect();
                depths.push(targets.default());
                depths.sort_unstable();
                depths.dedup();
                depths.into_iter().for_each(|depth| self.branch(depth));
                self.diverge();
            }
            Return => {
                // What locals hold is gone then.
                self.jump(self.frames.len() as u32 - 1);
                self.diverge();
            }
            Unreachable => self.diverge(),
            LocalGet { local_index } => {
                let value = match self.locals.get(*local_index as usize) {
                    Some(local) if local.since == self.merge => local.value,
                    Some(local) => local.node,
                    None => PLAIN,
                };
                self.stack.push(value);
            }
            LocalSet { local_index } => {
                let value = self.pop();
                self.set(*local_index, value);
            }
            LocalTee { local_index } => {
                let value = self.pop();
                self.set(*local_index, value);
                self.stack.push(value);
            }
            _ => self.compute(operator, position),
        }
    }

    fn compute(&mut self, operator: &Operator<'_>, position: usize) {
        let (operands, results) = operator.operator_arity(self).unwrap_or_default();
        let start = self.stack.len().saturating_sub(operands as usize);
        let operands: Vec<Value> = self.stack.drain(start..).collect();
        let bits = |flow: &mut Self| {
            operands.iter().for_each(|v| flow.look(*v, View::BITS));
            PLAIN
        };
        let result = match (class(operator), &operands[..]) {
            (Class::Arithmetic { reads, makes }, _) => {
                operands.iter().for_each(|v| self.look(*v, reads));
                let node = self.node();
                self.results.push((node, position, makes));
                node
            }
            (Class::Reads(view), _) => {
                operands.iter().for_each(|v| self.look(*v, view));
                PLAIN
            }
            (Class::Mask(view), _) => {
                operands.iter().for_each(|v| self.look(*v, view));
                if view == View::F32 { MASK32 } else { MASK64 }
            }
            (Class::Moves { kept, plain }, _) => {
                let moved = &operands[..operands.len().saturating_sub(plain)];
                self.moved(moved, kept)
            }
            (Class::Copysign, [number, sign]) => {
                self.look(*sign, View::BITS);
                self.moved(&[*number], View::NUMBERS)
            }
            (Class::Bitselect, [one, other, mask]) => match whole(*mask) {
                Some(kept) => self.moved(&[*one, *other], kept),
                None => bits(self),
            },
            (Class::And, [one, other]) => match (whole(*one), whole(*other)) {
                (Some(kept), None) => self.moved(&[*other], kept),
                (None, Some(kept)) => self.moved(&[*one], kept),
                _ => bits(self),
            },
            _ => bits(self),
        };
        if results == 1 {
            self.stack.push(result);
        } else {
            self.plain(results);
        }
    }

    /// A value that is one of these.
    fn moved(&mut self, from: &[Value], kept: View) -> Value {
        if from.iter().all(|value| *value < FIRST_NODE) {
            return PLAIN;
        }
        let node = self.node();
        from.iter().for_each(|v| self.flows(*v, node, kept));
        node
    }

    fn set(&mut self, index: u32, value: Value) {
        let merge = self.merge;
        if let Some(local) = self.locals.get_mut(index as usize)
            && local.node != PLAIN
        {
            (local.value, local.since) = (value, merge);
            if !std::mem::replace(&mut local.pending, true) {
                self.pending.push(index);
            }
        }
    }

    /// Control may go elsewhere: what locals were set to is what they may be from now on.
    fn settle(&mut self) {
        while let Some(index) = self.pending.pop() {
            let local = &mut self.locals[index as usize];
            local.pending = false;
            let (from, to) = (local.value, local.node);
            self.flows(from, to, View::NUMBERS);
        }
    }

    fn begin(&mut self, kind: FrameKind, ty: BlockType) {
        let (params, _) = self.block_type_arity(ty).unwrap_or_default();
        let label = match self.signatures.result(ty) {
            Some(ty) if kind != FrameKind::Loop => self.node_of(ty),
            _ => PLAIN,
        };
        let height = self.stack.len().saturating_sub(params as usize);
        self.frames.push(Frame {
            kind,
            ty,
            height,
            label,
            merges: kind == FrameKind::If,
            dead: false,
        });
        // Parameters of blocks are rare: they are not followed.
        for value in self.stack.split_off(height) {
            self.look(value, View::BITS);
        }
        self.plain(params);
    }

    fn plain(&mut self, count: u32) {
        self.stack.extend((0..count).map(|_| PLAIN));
    }

    /// Values on top of the stack become those that the frame `depth` out ends, or starts again, with.
    fn arrive(&mut self, depth: u32, count: u32) {
        let label = self.frame(depth).map_or(PLAIN, |frame| frame.label);
        let start = self.stack.len().saturating_sub(count as usize);
        for place in start..self.stack.len() {
            self.flows(self.stack[place], label, View::NUMBERS);
        }
    }

    fn frame(&mut self, depth: u32) -> Option<&mut Frame> {
        let place = self.frames.len().checked_sub(depth as usize + 1)?;
        self.frames.get_mut(place)
    }

    fn branch(&mut self, depth: u32) {
        self.settle();
        self.jump(depth);
    }

    fn jump(&mut self, depth: u32) {
        let Some(frame) = self.frame(depth) else {
            return;
        };
        let (kind, ty) = (frame.kind, frame.ty);
        frame.merges |= kind != FrameKind::Loop;
        let (params, results) = self.block_type_arity(ty).unwrap_or_default();
        let count = if kind == FrameKind::Loop {
            params
        } else {
            results
        };
        self.arrive(depth, count);
    }

    /// Nothing comes behind this.
    fn diverge(&mut self) {
        while let Some(index) = self.pending.pop() {
            self.locals[index as usize].pending = false;
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.dead = true;
            self.stack.truncate(frame.height);
        }
    }

    fn alternative(&mut self) {
        let Some(&Frame {
            ty, height, dead, ..
        }) = self.frames.last()
        else {
            return;
        };
        let (params, results) = self.block_type_arity(ty).unwrap_or_default();
        if !dead {
            self.settle();
            self.arrive(0, results);
        }
        self.merge += 1;
        if let Some(frame) = self.frames.last_mut() {
            frame.dead = false;
        }
        self.stack.truncate(height);
        self.plain(params);
    }

    fn end(&mut self) {
        let Some(&Frame {
            kind,
            ty,
            height,
            label,
            merges,
            dead,
        }) = self.frames.last()
        else {
            return;
        };
        let (_, results) = self.block_type_arity(ty).unwrap_or_default();
        // Nothing but its own code reaches the end of a loop.
        let result = match (kind, results) {
            (FrameKind::Loop, 1) if !dead => self.pop(),
            _ => {
                if !dead {
                    self.arrive(0, results);
                }
                label
            }
        };
        if merges && !dead {
            self.settle();
        }
        if merges || dead {
            self.merge += 1;
        }
        self.frames.pop();
        self.stack.truncate(height);
        if results == 1 {
            self.stack.push(result);
        } else {
            self.plain(results);
        }
    }
}

/// The numbers that a mask keeps whole, if the value is a mask.
fn whole(value: Value) -> Option<View> {
    match value {
        MASK32 => Some(View::F32),
        // A lane of 64 bits is two of 32.
        MASK64 => Some(View::NUMBERS),
        _ => None,
    }
}

impl Signatures {
    /// The single result of a block, if it has just one.
    fn result(&self, ty: BlockType) -> Option<ValType> {
        match ty {
            BlockType::Empty => None,
            BlockType::Type(ty) => Some(ty),
            BlockType::FuncType(ty) => match self.of_type(ty)?.results() {
                [ty] => Some(*ty),
                _ => None,
            },
        }
    }
}

impl ModuleArity for Flow<'_> {
    fn sub_type_at(&self, index: u32) -> Option<&SubType> {
        self.signatures.types.get(index as usize)
    }

    fn tag_type_arity(&self, _: u32) -> Option<(u32, u32)> {
        None
    }

    fn type_index_of_function(&self, index: u32) -> Option<u32> {
        self.signatures.functions.get(index as usize).copied()
    }

    fn func_type_of_cont_type(&self, _: &ContType) -> Option<&FuncType> {
        None
    }

    fn sub_type_of_ref_type(&self, _: &RefType) -> Option<&SubType> {
        None
    }

    fn control_stack_height(&self) -> u32 {
        self.frames.len() as u32
    }

    fn label_block(&self, depth: u32) -> Option<(BlockType, FrameKind)> {
        let place = self.frames.len().checked_sub(depth as usize + 1)?;
        self.frames.get(place).map(|frame| (frame.ty, frame.kind))
    }
}
