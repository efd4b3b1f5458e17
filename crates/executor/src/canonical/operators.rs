//! What each operator does with the bits of its operands.

use wasmtime::wasmparser::Operator;

/// A set of ways in which a value's bits are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct View(u8);

impl View {
    /// Not at all.
    pub(super) const NONE: Self = Self(0);
    /// As numbers of 32 bits: which NaN it is does not matter.
    pub(super) const F32: Self = Self(1);
    /// As numbers of 64 bits: which NaN it is does not matter.
    pub(super) const F64: Self = Self(2);
    /// As numbers of 32 or of 64 bits, and nothing else.
    pub(super) const NUMBERS: Self = Self(3);
    /// Bit by bit.
    pub(super) const BITS: Self = Self(4);

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// What a view of a result means for the operand that it was made of by an operator that
    /// keeps numbers of the views `kept` whole.
    pub(super) fn through(self, kept: Self) -> Self {
        if self.is_within(kept) {
            self
        } else {
            Self::BITS
        }
    }
}

/// What an arithmetic result is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    F32,
    F64,
    F32x4,
    F64x2,
}

impl Shape {
    /// The view to which all NaNs of this shape are the same.
    pub(super) fn view(self) -> View {
        match self {
            Self::F32 | Self::F32x4 => View::F32,
            Self::F64 | Self::F64x2 => View::F64,
        }
    }
}

/// How an operator without control flow treats its operands.
pub(super) enum Class {
    /// Reads numbers, makes a number: a NaN that comes out has any bits.
    Arithmetic { reads: View, makes: Shape },
    /// Reads numbers, makes something that no NaN's bits can be told from.
    Reads(View),
    /// Compares lanes, makes a mask of whole lanes.
    Mask(View),
    /// Moves numbers of these views, and may flip signs; so do all operands but the last `plain`.
    Moves { kept: View, plain: usize },
    /// `a` with the sign of `b`.
    Copysign,
    /// Moves whole lanes where the mask on top selects whole lanes.
    Bitselect,
    /// Keeps or clears whole lanes where one operand is a mask.
    And,
    /// All else looks at the bits, and makes what is the same everywhere.
    Bits,
}

pub(super) fn class(operator: &Operator<'_>) -> Class {
    use Operator::*;
    let arithmetic = |makes: Shape| Class::Arithmetic {
        reads: makes.view(),
        makes,
    };
    let moves = |kept| Class::Moves { kept, plain: 0 };
    match operator {
        F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max | F32Sqrt | F32Ceil | F32Floor
        | F32Trunc | F32Nearest => arithmetic(Shape::F32),
        F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max | F64Sqrt | F64Ceil | F64Floor
        | F64Trunc | F64Nearest => arithmetic(Shape::F64),
        F32x4Add | F32x4Sub | F32x4Mul | F32x4Div | F32x4Min | F32x4Max | F32x4Sqrt | F32x4Ceil
        | F32x4Floor | F32x4Trunc | F32x4Nearest => arithmetic(Shape::F32x4),
        F64x2Add | F64x2Sub | F64x2Mul | F64x2Div | F64x2Min | F64x2Max | F64x2Sqrt | F64x2Ceil
        | F64x2Floor | F64x2Trunc | F64x2Nearest => arithmetic(Shape::F64x2),
        F32DemoteF64 => Class::Arithmetic {
            reads: View::F64,
            makes: Shape::F32,
        },
        F64PromoteF32 => Class::Arithmetic {
            reads: View::F32,
            makes: Shape::F64,
        },
        F32x4DemoteF64x2Zero => Class::Arithmetic {
            reads: View::F64,
            makes: Shape::F32x4,
        },
        F64x2PromoteLowF32x4 => Class::Arithmetic {
            reads: View::F32,
            makes: Shape::F64x2,
        },

        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge | I32TruncF32S | I32TruncF32U
        | I64TruncF32S | I64TruncF32U | I32TruncSatF32S | I32TruncSatF32U | I64TruncSatF32S
        | I64TruncSatF32U | I32x4TruncSatF32x4S | I32x4TruncSatF32x4U => Class::Reads(View::F32),
        F64Eq
        | F64Ne
        | F64Lt
        | F64Gt
        | F64Le
        | F64Ge
        | I32TruncF64S
        | I32TruncF64U
        | I64TruncF64S
        | I64TruncF64U
        | I32TruncSatF64S
        | I32TruncSatF64U
        | I64TruncSatF64S
        | I64TruncSatF64U
        | I32x4TruncSatF64x2SZero
        | I32x4TruncSatF64x2UZero => Class::Reads(View::F64),
        F32x4Eq | F32x4Ne | F32x4Lt | F32x4Gt | F32x4Le | F32x4Ge => Class::Mask(View::F32),
        F64x2Eq | F64x2Ne | F64x2Lt | F64x2Gt | F64x2Le | F64x2Ge => Class::Mask(View::F64),
        Drop => Class::Reads(View::NONE),

        F32Neg
        | F32Abs
        | F32x4Neg
        | F32x4Abs
        | F32x4PMin
        | F32x4PMax
        | F32x4Splat
        | F32x4ExtractLane { .. }
        | F32x4ReplaceLane { .. } => moves(View::F32),
        F64Neg
        | F64Abs
        | F64x2Neg
        | F64x2Abs
        | F64x2PMin
        | F64x2PMax
        | F64x2Splat
        | F64x2ExtractLane { .. }
        | F64x2ReplaceLane { .. } => moves(View::F64),
        Select | TypedSelect { .. } => Class::Moves {
            kept: View::NUMBERS,
            plain: 1,
        },
        I8x16Shuffle { lanes } => moves(shuffled(lanes)),
        F32Copysign | F64Copysign => Class::Copysign,
        V128Bitselect => Class::Bitselect,
        V128And => Class::And,
        _ => Class::Bits,
    }
}

/// The numbers that a shuffle moves as a whole.
fn shuffled(lanes: &[u8; 16]) -> View {
    let whole = |size: usize| {
        lanes.chunks(size).all(|lane| {
            usize::from(lane[0]).is_multiple_of(size)
                && lane
                    .windows(2)
                    .all(|pair| pair[0].checked_add(1) == Some(pair[1]))
        })
    };
    match (whole(8), whole(4)) {
        (true, _) => View::NUMBERS,
        (_, true) => View::F32,
        _ => View::NONE,
    }
}
