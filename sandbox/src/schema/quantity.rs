//! Quantities in their canonical form: `1000m` reads back as `1`.

/// The canonical form of `text`; `None` if it is no quantity.
///
/// The suffix keeps its family (binary or decimal, or an exponent), the number is the largest suffix without a fraction.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    if let Some(power) = BINARY.iter().position(|s| *s == suffix) {
        if let Some(binary) = binary(whole, fraction, power) {
            return Some(format!("{sign}{binary}"));
        }
        // A binary quantity below one is shown in thousandths.
        return decimal(whole, fraction, 0).map(|decimal| format!("{sign}{decimal}"));
    }
    let (exponent, scientific) = match DECIMAL.iter().find(|(s, _)| *s == suffix) {
        Some((_, exponent)) => (*exponent, false),
        None => (suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?, true),
    };
    let canonical = if scientific {
        scientific_form(whole, fraction, exponent)?
    } else {
        decimal(whole, fraction, exponent)?
    };
    let sign = if canonical == "0" { "" } else { sign };
    Some(format!("{sign}{canonical}"))
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Digits without a point, and the power of ten that they stand at; zeros at both ends are gone.
fn normal(whole: &str, fraction: &str, exponent: i32) -> Option<(String, i32)> {
    let mut digits = format!("{whole}{fraction}");
    let mut exponent = exponent - i32::try_from(fraction.len()).ok()?;
    while digits.len() > 1 && digits.ends_with('0') {
        digits.pop();
        exponent += 1;
    }
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(("0".to_owned(), 0));
    }
    Some((digits.to_owned(), exponent))
}

fn decimal(whole: &str, fraction: &str, exponent: i32) -> Option<String> {
    let (digits, exponent) = normal(whole, fraction, exponent)?;
    if digits == "0" {
        return Some(digits);
    }
    let power = exponent.div_euclid(3) * 3;
    let power = power.clamp(-9, 18);
    let zeros = usize::try_from(exponent - power).ok()?;
    let suffix = DECIMAL.iter().find(|(_, e)| *e == power)?.0;
    Some(format!("{digits}{}{suffix}", "0".repeat(zeros)))
}

fn scientific_form(whole: &str, fraction: &str, exponent: i32) -> Option<String> {
    let (digits, exponent) = normal(whole, fraction, exponent)?;
    let power = exponent.div_euclid(3) * 3;
    let zeros = usize::try_from(exponent - power).ok()?;
    let digits = format!("{digits}{}", "0".repeat(zeros));
    Some(if power == 0 {
        digits
    } else {
        format!("{digits}e{power}")
    })
}

fn binary(whole: &str, fraction: &str, power: usize) -> Option<String> {
    let places = u32::try_from(fraction.len()).ok()?;
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = number.checked_mul(1024_u128.checked_pow(u32::try_from(power + 1).ok()?)?)?;
    let scale = 10_u128.checked_pow(places)?;
    if scaled % scale != 0 {
        return None;
    }
    let mut bytes = scaled / scale;
    if bytes == 0 {
        return Some("0".to_owned());
    }
    let mut suffix = "";
    for next in BINARY {
        if bytes % 1024 != 0 {
            break;
        }
        bytes /= 1024;
        suffix = next;
    }
    Some(format!("{bytes}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn quantities_have_one_form() {
        let cases = [
            ("1000m", "1"),
            ("1", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("1500m", "1500m"),
            ("2000", "2k"),
            ("1024Mi", "1Gi"),
            ("0.5Gi", "512Mi"),
            ("1500Mi", "1500Mi"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("0m", "0"),
            ("100m", "100m"),
            ("1024Ki", "1Mi"),
            ("128M", "128M"),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_quantities() {
        for text in ["", "x", "1x", "1.2.3", "Mi", "1 Mi"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
