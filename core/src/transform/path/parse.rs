//! Reading a path.

use std::str::Chars;

use super::{
    Path, Step,
    error::{LONGEST, MOST_STEPS, PathError},
};

/// Reads characters and knows where it is.
struct Reader<'a> {
    rest: Chars<'a>,
    column: usize,
}

/// A word in brackets, and whether it stood in quotation marks.
enum Word {
    Plain(String),
    Quoted(String),
}

// === impl Path ===

impl Path {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let mut reader = Reader {
            rest: text.chars(),
            column: 0,
        };
        let mut steps = vec![reader.first_step()?];
        while let Some(step) = reader.next_step()? {
            if steps.len() == MOST_STEPS {
                return Err(PathError::TooManySteps);
            }
            steps.push(step);
        }
        Ok(Self::new(steps))
    }
}

/// Whether a key may stand without brackets.
pub(super) fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_name)
}

/// Whether a word in brackets may stand without quotation marks.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| is_name(character) || character == '.')
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '/' | '$')
}

// === impl Reader ===

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest.next();
        self.column += usize::from(character.is_some());
        character
    }

    fn first_step(&mut self) -> Result<Step, PathError> {
        if self.peek() != Some('[') {
            return self.name();
        }
        self.take();
        self.bracket()
    }

    fn next_step(&mut self) -> Result<Option<Step>, PathError> {
        match self.take() {
            None => Ok(None),
            Some('.') => self.name().map(Some),
            Some('[') => self.bracket().map(Some),
            Some(character) => Err(PathError::Unexpected {
                character,
                column: self.column,
            }),
        }
    }

    fn name(&mut self) -> Result<Step, PathError> {
        let mut name = String::new();
        while let Some(character) = self.peek().filter(|character| is_name(*character)) {
            name.push(character);
            self.take();
        }
        if name.is_empty() {
            return Err(PathError::NameMissing {
                column: self.column + 1,
            });
        }
        Ok(Step::Key(name.into()))
    }

    /// What stands behind an opening bracket.
    fn bracket(&mut self) -> Result<Step, PathError> {
        let column = self.column;
        let first = self.word(column)?;
        match (self.take(), first) {
            (Some(']'), Word::Quoted(key)) => Ok(Step::Key(key.into())),
            (Some(']'), Word::Plain(text)) => selector(text, column),
            (Some('='), key) => self.conditions(key.into_text(), column),
            (Some(character), _) => Err(PathError::Unexpected {
                character,
                column: self.column,
            }),
            (None, _) => Err(PathError::Unclosed { column }),
        }
    }

    fn conditions(&mut self, first_key: String, column: usize) -> Result<Step, PathError> {
        let mut conditions = Vec::new();
        let mut key = first_key;
        loop {
            if key.is_empty() {
                return Err(PathError::NameMissing { column: column + 1 });
            }
            let value = self.word(column)?.into_text();
            conditions.push((key.into(), value.into()));
            match self.take() {
                Some(']') => return Ok(Step::Where(conditions)),
                Some(',') => key = self.word(column)?.into_text(),
                Some(character) => {
                    return Err(PathError::Unexpected {
                        character,
                        column: self.column,
                    });
                }
                None => return Err(PathError::Unclosed { column }),
            }
            if self.take() != Some('=') {
                return Err(PathError::Unclosed { column });
            }
        }
    }

    /// A word up to one of `]`, `=` and `,`; perhaps in quotation marks.
    fn word(&mut self, opened: usize) -> Result<Word, PathError> {
        if let Some(mark @ ('"' | '\'')) = self.peek() {
            self.take();
            return self.quoted(mark);
        }
        let mut word = String::new();
        loop {
            match self.peek() {
                None => return Err(PathError::Unclosed { column: opened }),
                Some(']' | '=' | ',') => return Ok(Word::Plain(word)),
                Some(character @ ('[' | '"' | '\'')) => {
                    return Err(PathError::Unexpected {
                        character,
                        column: self.column + 1,
                    });
                }
                Some(character) => {
                    word.push(character);
                    self.take();
                }
            }
        }
    }

    fn quoted(&mut self, mark: char) -> Result<Word, PathError> {
        let opened = self.column;
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(PathError::Unclosed { column: opened }),
                Some(character) if character == mark => return Ok(Word::Quoted(text)),
                Some('\\') => text.push(self.take().ok_or(PathError::Unclosed { column: opened })?),
                Some(character) => text.push(character),
            }
        }
    }
}

fn selector(text: String, column: usize) -> Result<Step, PathError> {
    if text == "*" {
        return Ok(Step::Every);
    }
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(index) if all_digits => Ok(Step::Index(index)),
        _ => Err(PathError::Selector { text, column }),
    }
}

// === impl Word ===

impl Word {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Quoted(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_reads_and_prints() {
        let cases = [
            ("spec.replicas", "spec.replicas"),
            ("metadata.annotations[\"a.b/c\"]", "metadata.annotations[\"a.b/c\"]"),
            ("metadata.annotations['a.b/c']", "metadata.annotations[\"a.b/c\"]"),
            ("metadata.annotations.a/c", "metadata.annotations.a/c"),
            ("[\"metadata\"].name", "metadata.name"),
            ("a[\"x\\\"y\\\\\"]", "a[\"x\\\"y\\\\\"]"),
            ("spec.containers[name=web].image", "spec.containers[name=web].image"),
            ("spec.ports[port=80,protocol=TCP]", "spec.ports[port=80,protocol=TCP]"),
            ("spec.x[name=\"a]b\"]", "spec.x[name=\"a]b\"]"),
            ("spec.x[name=]", "spec.x[name=\"\"]"),
            ("spec.x[0][*]", "spec.x[0][*]"),
            ("spec.x[007]", "spec.x[7]"),
        ];
        for (text, printed) in cases {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.to_string(), printed, "{text}");
            assert_eq!(Path::parse(printed).unwrap(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_says_where() {
        let many = vec!["a"; 33].join(".");
        let long = "a".repeat(1025);
        let cases = [
            ("", "empty"),
            (".spec", "missing at column 1"),
            ("spec.", "missing at column 6"),
            ("spec..x", "missing at column 6"),
            ("spec x", "' ' is not expected at column 5"),
            ("spec[", "column 5 is not closed"),
            ("spec[\"a]", "not closed"),
            ("spec[-1]", "none of"),
            ("spec[]", "none of"),
            ("spec[a]", "none of"),
            ("spec[99999999999999999999999]", "none of"),
            ("spec[=x]", "missing"),
            ("spec[a=b,]", "not closed"),
            ("spec[a=b=c]", "'=' is not expected"),
            ("spec[0]x", "'x' is not expected"),
            (&many, "more than 32 steps"),
            (&long, "longer than 1024"),
        ];
        for (text, part) in cases {
            let message = Path::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]\"'.=,*a-c0-9\\\\ ü]{0,40}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path);
            }
        }
    }
}
