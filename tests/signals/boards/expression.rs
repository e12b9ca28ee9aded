//! What of `PromQL` the board and the alerts use, as far as its words go: metrics with their labels, functions, groups.

/// The words of an expression.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) selectors: Vec<Selector>,
    /// The labels after `by`.
    pub(super) grouped: Vec<String>,
}

/// A metric, and the labels that it is selected by.
#[derive(Debug)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) labels: Vec<String>,
}

const FUNCTIONS: [&str; 7] = ["sum", "min", "max", "rate", "increase", "histogram_quantile", "absent"];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text,
    Number,
    /// What stands in brackets after a metric.
    Range(String),
    Sign(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            let end = rest[1..].find('"').ok_or("a text without an end")?;
            tokens.push(Token::Text);
            end + 2
        } else if first == '[' {
            let end = rest.find(']').ok_or("a range without an end")?;
            tokens.push(Token::Range(rest[1..end].to_owned()));
            end + 1
        } else if first.is_ascii_digit() {
            tokens.push(Token::Number);
            rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')
                .unwrap_or(rest.len())
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest
                .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            let sign = [
                "=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "(", ")", "{", "}", ",", "+", "-", "*", "/",
            ]
            .into_iter()
            .find(|sign| rest.starts_with(sign))
            .ok_or_else(|| format!("what is {first:?}?"))?;
            tokens.push(Token::Sign(sign.to_owned()));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

// === impl Expression ===

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let sign = |at: usize, sign: &str| tokens.get(at) == Some(&Token::Sign(sign.to_owned()));
        let mut found = Self::default();
        let (mut at, mut open) = (0, 0_i32);
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Word(word) if word == "by" => {
                    if !sign(at, "(") {
                        return Err("by what?".to_owned());
                    }
                    at += 1;
                    while let Some(Token::Word(label)) = tokens.get(at) {
                        found.grouped.push(label.clone());
                        at += if sign(at + 1, ",") { 2 } else { 1 };
                    }
                    if !sign(at, ")") {
                        return Err("a group without an end".to_owned());
                    }
                    at += 1;
                }
                Token::Word(word) if FUNCTIONS.contains(&word.as_str()) => {}
                Token::Word(word) if sign(at, "(") => return Err(format!("no function {word}")),
                Token::Word(metric) => {
                    let mut labels = Vec::new();
                    if sign(at, "{") {
                        at += 1;
                        while let (Some(Token::Word(label)), Some(Token::Sign(is)), Some(Token::Text)) =
                            (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2))
                            && ["=", "!=", "=~", "!~"].contains(&is.as_str())
                        {
                            labels.push(label.clone());
                            at += if sign(at + 3, ",") { 4 } else { 3 };
                        }
                        if !sign(at, "}") {
                            return Err(format!("wrong labels of {metric}"));
                        }
                        at += 1;
                    }
                    found.selectors.push(Selector {
                        metric: metric.clone(),
                        labels,
                    });
                }
                Token::Range(range) => {
                    let number = range.trim_end_matches(['s', 'm', 'h', 'd']);
                    if range != "$__rate_interval" && (number.parse::<u32>().is_err() || number == range) {
                        return Err(format!("no range {range}"));
                    }
                }
                Token::Sign(sign) if sign == "(" => open += 1,
                Token::Sign(sign) if sign == ")" => {
                    open -= 1;
                    if open < 0 {
                        return Err("one ) too many".to_owned());
                    }
                }
                Token::Sign(_) | Token::Number => {}
                Token::Text => return Err("a text at a wrong place".to_owned()),
            }
        }
        if open == 0 {
            Ok(found)
        } else {
            Err("one ( too many".to_owned())
        }
    }
}
