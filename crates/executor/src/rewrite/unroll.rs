//! Repeats the body of small loops, so that fuel is looked at once in several turns.
//!
//! ```text
//!                        block
//!   loop                   loop
//!     BODY                   block BODY br 2 end     where a branch to the loop's start is one to the end of this block,
//!   end                      …                       that is to the next copy,
//!                            BODY                    and here as it was
//!                          end
//!                        end
//! ```

use super::{Budget, bodies, code_size};
use std::ops::Range;
use wasm_encoder::{Encode, Instruction as I};
use wasmtime::wasmparser::{
    BinaryReader, BinaryReaderError, BlockType, FunctionBody, Operator, OperatorsReader,
};

/// Largest loop that is repeated, in operators.
const SMALL: usize = 80;

/// Operators that all turns together should have.
const TARGET: usize = 320;

/// Most turns in one.
const TURNS: usize = 8;

/// A loop without loops or calls in it.
struct Loop {
    /// From `loop` to `end`.
    whole: Range<usize>,
    body: Range<usize>,
    /// In one, at most.
    turns: usize,
}

/// A loop that is open.
struct Open {
    start: usize,
    body: usize,
    operators: usize,
    small: bool,
}

/// The module with the bodies of small loops repeated.
///
/// # Errors
///
/// If the module was not validated.
pub(super) fn rewrite(wasm: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut budget = Budget::new(code_size(wasm)?);
    bodies(wasm, |body, _, _| function(wasm, body, &mut budget))
}

fn function(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    budget: &mut Budget,
) -> Result<Option<Vec<u8>>, BinaryReaderError> {
    let loops = find(body)?;
    budget.enter(&body.range());
    let mut out = Vec::new();
    let mut copied = body.range().start;
    for found in loops {
        // A branch, and each entry of a table of them, may take a byte more than it had.
        let added =
            |turns: usize| (turns - 1) * (found.body.len() + 8) + turns * (found.body.len() / 2);
        let Some(turns) = (2..=found.turns)
            .rev()
            .find(|turns| budget.take(added(*turns)))
        else {
            continue;
        };
        out.extend_from_slice(&wasm[copied..found.whole.start]);
        copied = found.whole.end;
        I::Block(wasm_encoder::BlockType::Empty).encode(&mut out);
        I::Loop(wasm_encoder::BlockType::Empty).encode(&mut out);
        for _ in 1..turns {
            I::Block(wasm_encoder::BlockType::Empty).encode(&mut out);
            turn(wasm, &found.body, 2, &mut out)?;
            I::Br(2).encode(&mut out);
            I::End.encode(&mut out);
        }
        turn(wasm, &found.body, 1, &mut out)?;
        I::End.encode(&mut out);
        I::End.encode(&mut out);
    }
    if copied == body.range().start {
        return Ok(None);
    }
    out.extend_from_slice(&wasm[copied..body.range().end]);
    Ok(Some(out))
}

/// The loops of a function that are worth it, in order.
fn find(body: &FunctionBody<'_>) -> Result<Vec<Loop>, BinaryReaderError> {
    let mut found = Vec::new();
    let mut loops: Vec<Open> = Vec::new();
    // Of each open block, whether it is a loop.
    let mut blocks = vec![false];
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let start = reader.original_position();
        let operator = reader.read()?;
        let end = reader.original_position();
        // What is around the innermost loop has a loop in it.
        if let Some(around) = loops.last_mut() {
            around.operators += 1;
            around.small &= !matches!(
                operator,
                Operator::Loop { .. } | Operator::Call { .. } | Operator::CallIndirect { .. }
            );
        }
        match operator {
            Operator::Loop { blockty } => {
                loops.push(Open {
                    start,
                    body: end,
                    operators: 0,
                    small: blockty == BlockType::Empty,
                });
                blocks.push(true);
            }
            Operator::Block { .. } | Operator::If { .. } => blocks.push(false),
            Operator::End => {
                if blocks.pop() == Some(true)
                    && let Some(ended) = loops.pop()
                    && ended.small
                    && ended.operators <= SMALL
                {
                    found.push(Loop {
                        whole: ended.start..end,
                        body: ended.body..start,
                        turns: (TARGET / ended.operators.max(1)).clamp(2, TURNS),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Writes one turn, where there are `added` blocks more around it that a branch to the outside has to pass.
fn turn(
    wasm: &[u8],
    body: &Range<usize>,
    added: u32,
    out: &mut Vec<u8>,
) -> Result<(), BinaryReaderError> {
    let mut reader = OperatorsReader::new(BinaryReader::new(&wasm[body.clone()], body.start));
    let mut depth = 0u32;
    let mut copied = body.start;
    let mut moved = |start: usize, end: usize, out: &mut Vec<u8>, instruction: I<'_>| {
        out.extend_from_slice(&wasm[copied..start]);
        copied = end;
        instruction.encode(out);
    };
    while !reader.eof() {
        let start = reader.original_position();
        let operator = reader.read()?;
        let end = reader.original_position();
        // The loop itself is `depth` out, and its place is taken by a block or the new loop.
        let target = |branch: u32| {
            if branch > depth {
                branch + added
            } else {
                branch
            }
        };
        match operator {
            Operator::Block { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth -= 1,
            Operator::Br { relative_depth } => {
                moved(start, end, out, I::Br(target(relative_depth)));
            }
            Operator::BrIf { relative_depth } => {
                moved(start, end, out, I::BrIf(target(relative_depth)));
            }
            Operator::BrTable { targets } => {
                let default = target(targets.default());
                let targets = targets
                    .targets()
                    .map(|branch| branch.map(target))
                    .collect::<Result<Vec<u32>, _>>()?;
                moved(start, end, out, I::BrTable(targets.into(), default));
            }
            _ => {}
        }
    }
    out.extend_from_slice(&wasm[copied..body.end]);
    Ok(())
}
