//! Amounts as people write them: ISC, bytes, fuel, time.

use sungrid_chain_client::{BILLION, Policy};
use sungrid_primitives::ISC;

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {hint}")]
pub struct NotAnAmount {
    text: String,
    what: &'static str,
    hint: &'static str,
}

/// Planck as ISC: all digits that matter, none that do not.
pub fn isc(planck: u128) -> String {
    let (whole, rest) = (planck / ISC, planck % ISC);
    if rest == 0 {
        return format!("{whole} ISC");
    }
    let digits = format!("{rest:012}");
    format!("{whole}.{} ISC", digits.trim_end_matches('0'))
}

/// Planck as ISC with six decimals, rounded down: for progress, where a figure should not jump in width.
pub fn isc_short(planck: u128) -> String {
    format!("{}.{:06} ISC", planck / ISC, planck % ISC / 1_000_000)
}

/// Reads an amount of ISC, such as `1.5`, with at most 12 decimals; also `… ISC` and `… planck`.
///
/// # Errors
/// [`NotAnAmount`] if it is none, or has more decimals than the token.
pub fn parse_isc(text: &str) -> Result<u128, NotAnAmount> {
    let error = || NotAnAmount {
        text: text.into(),
        what: "an amount of ISC",
        hint: "write it like 1.5 (at most 12 decimals) or 1500000000000planck",
    };
    let amount = text.trim();
    if let Some(planck) = amount.strip_suffix("planck") {
        return digits(planck.trim()).ok_or_else(error);
    }
    let amount = amount.strip_suffix("ISC").unwrap_or(amount).trim();
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    if decimals.is_empty() || decimals.len() > 12 {
        return Err(error());
    }
    let whole = digits(whole).and_then(|n| n.checked_mul(ISC));
    let part = digits(decimals).map(|n| n * 10u128.pow(12 - decimals.len() as u32));
    match (whole, part) {
        (Some(whole), Some(part)) => whole.checked_add(part).ok_or_else(error),
        _ => Err(error()),
    }
}

/// Reads a percentage up to 100 with at most seven decimals, such as `7.5`, as billionths.
///
/// # Errors
/// [`NotAnAmount`] if it is none.
pub fn parse_percent(text: &str) -> Result<u32, NotAnAmount> {
    let error = || NotAnAmount {
        text: text.into(),
        what: "a percentage",
        hint: "write it like 7.5, between 0 and 100",
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.len() > 7 {
        return Err(error());
    }
    let whole = digits(whole).and_then(|n| n.checked_mul(10_000_000));
    let part = digits(decimals).map(|n| n * 10u128.pow(7 - decimals.len() as u32));
    let sum = whole
        .zip(part)
        .and_then(|(whole, part)| whole.checked_add(part));
    sum.and_then(|billionths| u32::try_from(billionths).ok())
        .filter(|billionths| *billionths <= BILLION)
        .ok_or_else(error)
}

/// Reads a verification policy: `optimistic`, `adaptive`, `replicate:K` or `quorum:PERCENT`. The confidence of a
/// quorum is at least the percentage.
///
/// # Errors
/// [`NotAnAmount`] if it is none, or beyond what the chain takes.
pub fn parse_policy(text: &str) -> Result<Policy, NotAnAmount> {
    let policy = match text.trim().split_once(':') {
        None if text.trim() == "optimistic" => Some(Policy::Optimistic),
        None if text.trim() == "adaptive" => Some(Policy::Adaptive),
        Some(("replicate", count)) => digits(count)
            .and_then(|count| u8::try_from(count).ok())
            .map(Policy::Replicate),
        Some(("quorum", percent)) => trust(percent.trim_end_matches('%')).map(Policy::Quorum),
        _ => None,
    };
    policy.filter(Policy::is_valid).ok_or_else(|| NotAnAmount {
        text: text.into(),
        what: "a policy",
        hint: "write optimistic, adaptive, replicate:2 or 3, or quorum:50 to 99.9",
    })
}

/// The trust of a confidence in percent with at most three decimals: `1 / (1 − confidence)`, rounded up.
fn trust(percent: &str) -> Option<u32> {
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
    if decimals.len() > 3 {
        return None;
    }
    let part = digits(decimals)? * 10u128.pow(3 - decimals.len() as u32);
    let confidence = digits(whole)?.checked_mul(1_000)?.checked_add(part)?;
    let doubt = 100_000u128.checked_sub(confidence)?;
    u32::try_from(100_000u128.checked_next_multiple_of(doubt)? / doubt).ok()
}

/// Writes a policy.
pub fn policy(policy: &Policy) -> String {
    match policy {
        Policy::Optimistic => "one result each, open to challenge".into(),
        Policy::Replicate(count) => format!("{count} replicas each"),
        Policy::Adaptive => "one or two replicas each, by trust".into(),
        Policy::Quorum(trust) => {
            let doubt = 100_000u128.div_ceil(u128::from(*trust).max(1));
            let percent = format!("{:06.3}", (100_000 - doubt) as f64 / 1_000.0);
            let percent = percent.trim_end_matches('0').trim_end_matches('.');
            format!("a quorum of {percent} % each")
        }
    }
}

/// Only digits: `parse` alone would take a sign.
fn digits(text: &str) -> Option<u128> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn scaled(
    text: &str,
    units: &[(&str, u128)],
    error: impl Fn() -> NotAnAmount,
) -> Result<u64, NotAnAmount> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    let factor = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
        .map(|(_, factor)| *factor);
    digits(number)
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .and_then(|amount| u64::try_from(amount).ok())
        .ok_or_else(error)
}

/// Reads a number of bytes, such as `64MiB` or `1GB`.
///
/// # Errors
/// [`NotAnAmount`] if it is none.
pub fn parse_bytes(text: &str) -> Result<u64, NotAnAmount> {
    const UNITS: [(&str, u128); 11] = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("K", 1 << 10),
        ("M", 1 << 20),
        ("G", 1 << 30),
    ];
    scaled(text, &UNITS, || NotAnAmount {
        text: text.into(),
        what: "a number of bytes",
        hint: "write it like 64MiB or 1GB",
    })
}

/// Reads an amount of fuel, such as `5G` or `250M`.
///
/// # Errors
/// [`NotAnAmount`] if it is none.
pub fn parse_fuel(text: &str) -> Result<u64, NotAnAmount> {
    const UNITS: [(&str, u128); 5] = [
        ("", 1),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    scaled(text, &UNITS, || NotAnAmount {
        text: text.into(),
        what: "an amount of fuel",
        hint: "write it like 5G (5,000,000,000) or 250M",
    })
}

/// Reads a span of time in seconds, such as `90s`, `30m` or `2h`.
///
/// # Errors
/// [`NotAnAmount`] if it is none.
pub fn parse_seconds(text: &str) -> Result<u64, NotAnAmount> {
    const UNITS: [(&str, u128); 5] = [("", 1), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    scaled(text, &UNITS, || NotAnAmount {
        text: text.into(),
        what: "a span of time",
        hint: "write it like 90s, 30m or 2h",
    })
}

/// Bytes for people.
pub fn bytes(amount: u64) -> String {
    const NAMES: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if amount < 1 << 10 {
        return format!("{amount} B");
    }
    let mut unit = 0;
    while unit + 1 < NAMES.len() && amount >> (10 * (unit + 2)) > 0 {
        unit += 1;
    }
    let tenths = u128::from(amount) * 10 / (1u128 << (10 * (unit + 1)));
    format!("{}.{} {}", tenths / 10, tenths % 10, NAMES[unit])
}

/// Fuel for people.
pub fn fuel(amount: u128) -> String {
    for (unit, name) in [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
    ] {
        if amount >= unit {
            let hundredths = amount / (unit / 100);
            return format!("{}.{:02} {name}fuel", hundredths / 100, hundredths % 100);
        }
    }
    format!("{amount} fuel")
}

/// Seconds for people.
pub fn seconds(amount: u64) -> String {
    match amount {
        0..60 => format!("{amount} s"),
        60..3_600 => format!("{} min {:02} s", amount / 60, amount % 60),
        _ => format!("{} h {:02} min", amount / 3_600, amount % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn isc_is_written_with_the_digits_that_matter() {
        assert_eq!(isc(0), "0 ISC");
        assert_eq!(isc(ISC), "1 ISC");
        assert_eq!(isc(ISC + 500_000_000_000), "1.5 ISC");
        assert_eq!(isc(1), "0.000000000001 ISC");
        assert_eq!(isc_short(ISC + 1_999_999), "1.000001 ISC");
    }

    #[test]
    fn policies_are_read_and_written() {
        for (text, read, written) in [
            (
                "optimistic",
                Policy::Optimistic,
                "one result each, open to challenge",
            ),
            (
                "adaptive",
                Policy::Adaptive,
                "one or two replicas each, by trust",
            ),
            ("replicate:3", Policy::Replicate(3), "3 replicas each"),
            ("quorum:99", Policy::Quorum(100), "a quorum of 99 % each"),
            (
                "quorum:99.9%",
                Policy::Quorum(1_000),
                "a quorum of 99.9 % each",
            ),
            ("quorum:95", Policy::Quorum(20), "a quorum of 95 % each"),
            ("quorum:66", Policy::Quorum(3), "a quorum of 66.666 % each"),
        ] {
            assert_eq!(parse_policy(text), Ok(read), "{text}");
            assert_eq!(policy(&read), written);
        }
        for bad in [
            "",
            "replicate",
            "replicate:1",
            "replicate:4",
            "replicate:-2",
            "quorum:100",
            "quorum:101",
            "quorum:0",
            "quorum:99.91",
            "quorum:9999999999999999999999999999999999999",
            "Adaptive",
        ] {
            assert!(parse_policy(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        assert_eq!(parse_isc("1.5"), Ok(ISC + ISC / 2));
        assert_eq!(parse_isc(" 2 ISC "), Ok(2 * ISC));
        assert_eq!(parse_isc("7planck"), Ok(7));
        assert_eq!(parse_isc("0.000000000001"), Ok(1));
        for bad in [
            "",
            "-1",
            "+1",
            "1.",
            ".5",
            "1.0000000000001",
            "1e3",
            "1,5",
            "ISC",
            "1 2",
            "999999999999999999999999999999999999999",
        ] {
            assert!(parse_isc(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("64 mib"), Ok(64 << 20));
        assert_eq!(parse_bytes("1kB"), Ok(1_000));
        assert_eq!(parse_fuel("5G"), Ok(5_000_000_000));
        assert_eq!(parse_seconds("2h"), Ok(7_200));
        assert_eq!(parse_seconds("90"), Ok(90));
        for bad in ["", "G", "-1", "1.5G", "1Q", "99999999999999999999"] {
            assert!(
                parse_bytes(bad).is_err() && parse_fuel(bad).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn people_get_round_figures() {
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
        assert_eq!(fuel(1_234_567_890), "1.23 Gfuel");
        assert_eq!(fuel(999), "999 fuel");
        assert_eq!(seconds(59), "59 s");
        assert_eq!(seconds(61), "1 min 01 s");
        assert_eq!(seconds(7_260), "2 h 01 min");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(planck in any::<u128>()) {
            prop_assert_eq!(parse_isc(&isc(planck)), Ok(planck));
        }
    }
}
