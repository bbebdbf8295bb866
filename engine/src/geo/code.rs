//! Postal codes as people write them, and as the table has them.
//!
//! The table has a code as far as it tells districts apart: five digits of a ZIP+4, the outward part of a British
//! code, the first three characters of a Canadian one. [`Writing`] says for a country what its codes look like;
//! each of its numbers comes from the file.

/// Characters of a code that the table keeps at the most, so that a key fits into 32 bits.
pub(super) const CHARACTERS_MAX: usize = 6;

/// Letters that may stand before the digits of a code: a country's sign, as in `D-10115` or `LV-1010`.
const SIGN_LETTERS_MAX: usize = 3;

/// Digits of a ZIP+4 without its hyphen.
const ZIP_PLUS_4_DIGITS: usize = 9;

/// Digits to the base of 37: none, ten digits, 26 letters.
const KEY_BASE: u32 = 37;

/// The letter A among them.
const KEY_DIGIT_A: u8 = 11;

/// How the codes of a country are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits, maybe behind the country's sign; letters end them (`1012 AB`, `75008 CEDEX 08`).
    Digits,
    /// Five digits, or those and four more.
    Zip,
    /// A letter, a digit and one more character, and three or four behind them.
    LetterDigit,
    /// An outward code of two to four characters, and three more behind it: a digit and two letters.
    British,
}

/// What is known of the codes of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writing {
    pub(super) kind: Kind,
    /// Digits of a whole code.
    pub(super) whole: usize,
    /// Characters of it that the table has; 0 if it has none of the country's codes.
    pub(super) kept: usize,
}

/// A code as the table has it: capital letters and digits, one to six.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    characters: [u8; CHARACTERS_MAX],
    length: usize,
}

impl Code {
    /// These characters; `None` if they are none, too many, or others than letters and digits.
    pub(super) fn of(characters: impl IntoIterator<Item = u8>) -> Option<Self> {
        let mut code = Self { characters: [0; CHARACTERS_MAX], length: 0 };
        for character in characters {
            *code.characters.get_mut(code.length)? = key_digit(character)?;
            code.length += 1;
        }
        (code.length > 0).then_some(code)
    }

    /// A number that sorts as the code does, so that all that begin alike stand together: six digits to the base
    /// of 37, the missing ones 0.
    pub(super) fn key(self) -> u32 {
        self.characters.iter().fold(0, |key, digit| key * KEY_BASE + u32::from(*digit))
    }

    /// Letters before its first digit.
    fn letters(self) -> usize {
        self.characters.iter().take_while(|digit| **digit >= KEY_DIGIT_A).count()
    }

    /// Its first characters.
    fn first(mut self, length: usize) -> Self {
        self.characters[length..].fill(0);
        self.length = length;
        self
    }
}

/// 1 to 36 for a digit or a letter of either case.
fn key_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0' + 1),
        b'A'..=b'Z' => Some(character - b'A' + KEY_DIGIT_A),
        b'a'..=b'z' => Some(character - b'a' + KEY_DIGIT_A),
        _ => None,
    }
}

impl Writing {
    /// The part of a written code that the table has. `None` if no code of the country looks like that.
    pub(super) fn code(self, written: &str) -> Option<Code> {
        match self.kind {
            Kind::Digits | Kind::Zip => self.of_digits(written),
            Kind::LetterDigit => self.of_letter_and_digit(written),
            Kind::British => self.outward(written),
        }
    }

    /// A code that is too short or too long is none: a table program that took `02134` for a number leaves `2134`,
    /// and what that begins with is another part of the country.
    fn of_digits(self, written: &str) -> Option<Code> {
        let sign = plain(written).take_while(u8::is_ascii_alphabetic).count();
        let digits = || plain(written).skip(sign).take_while(u8::is_ascii_digit);
        let count = digits().count();
        let is_zip_plus_4 = self.kind == Kind::Zip && count == ZIP_PLUS_4_DIGITS;
        let is_code = count == self.whole || count == self.kept || is_zip_plus_4;
        (is_code && sign <= SIGN_LETTERS_MAX).then(|| Code::of(digits().take(self.kept))).flatten()
    }

    /// What is a word is none: Toronto does not lie where the codes begin with T.
    fn of_letter_and_digit(self, written: &str) -> Option<Code> {
        let code = Code::of(plain(written).take(self.kept))?;
        (code.letters() == 1).then_some(code)
    }

    /// One or two letters and what follows, without the part that follows a space or, where there is none, without
    /// the digit and two letters at the end.
    fn outward(self, written: &str) -> Option<Code> {
        let written = written.trim();
        let (written, _) = written.split_once([' ', '-']).unwrap_or((written, ""));
        let outward = match written.as_bytes() {
            [outward @ .., digit, one, other]
                if outward.len() >= 2
                    && digit.is_ascii_digit()
                    && one.is_ascii_alphabetic()
                    && other.is_ascii_alphabetic() =>
            {
                outward
            }
            whole => whole,
        };
        let code = Code::of(outward.iter().copied().take(self.kept))?;
        (1..=2).contains(&code.letters()).then_some(code)
    }

    /// The next shorter beginning of a code that may say where it is. Of a British one that is its letters: M1 is a
    /// district and not where M10 to M19 are, and B has nothing to do with BX.
    pub(super) fn shorter(self, code: Code) -> Option<Code> {
        let length = if self.kind == Kind::British { code.letters() } else { code.length - 1 };
        (0 < length && length < code.length).then(|| code.first(length))
    }
}

/// The characters without what is written between them to be read more easily.
fn plain(written: &str) -> impl Iterator<Item = u8> + '_ {
    written.bytes().filter(|byte| !matches!(byte, b' ' | b'-' | b'.'))
}
