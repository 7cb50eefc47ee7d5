//! A place in the tokens of one statement, and the small readings every statement is made of.

use sqlparser::{
    ast,
    dialect::PostgreSqlDialect,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan},
};

use super::Name;
use crate::fault::{Checked, Fault};

const DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// A place in the tokens of one statement.
pub(super) struct Cursor {
    parser: Parser<'static>,
    /// The line the statement begins on.
    pub start: u64,
    opening: String,
}

impl Cursor {
    pub fn new(tokens: &[TokenWithSpan], start: u64) -> Self {
        let opening: Vec<String> = tokens.iter().take(2).map(|token| short(&token.token)).collect();
        let parser = Parser::new(&DIALECT).with_tokens_with_locations(tokens.to_vec());
        Self { parser, start, opening: opening.join(" ") }
    }

    /// The statement's first words.
    pub fn opening(&self) -> &str {
        &self.opening
    }

    /// The line of the next token; at the end, of the statement.
    pub fn line(&self) -> u64 {
        match self.parser.peek_token().span.start.line {
            0 => self.start,
            line => line,
        }
    }

    /// Takes these words when all of them come next.
    pub fn take(&mut self, words: &str) -> bool {
        let mut count = 0;
        for (at, wanted) in words.split(' ').enumerate() {
            match self.parser.peek_nth_token(at).token {
                Token::Word(word)
                    if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted) =>
                {
                    count += 1;
                }
                _ => return false,
            }
        }
        for _ in 0..count {
            self.parser.next_token();
        }
        true
    }

    /// Takes these words, or says what stands there instead.
    pub fn expect(&mut self, words: &str) -> Checked<()> {
        if self.take(words) { Ok(()) } else { Err(self.unexpected(words)) }
    }

    /// Takes this symbol when it comes next.
    pub fn symbol(&mut self, symbol: &Token) -> bool {
        self.parser.consume_token(symbol)
    }

    /// Takes this symbol, or says what stands there instead.
    pub fn expect_symbol(&mut self, symbol: &Token) -> Checked<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected(&symbol.to_string())) }
    }

    /// A fault that names what was expected and what was found.
    pub fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.parser.peek_token().token {
            Token::EOF => "the end of the statement".to_owned(),
            token => format!("'{}'", short(&token)),
        };
        Fault::at(self.line(), format!("expected {wanted}, found {found}"))
    }

    /// An identifier.
    pub fn name(&mut self) -> Checked<Name> {
        let line = self.line();
        match self.parser.peek_token().token {
            Token::Word(word) if !word.value.is_empty() => {
                self.parser.next_token();
                Ok(Name { text: word.value, quoted: word.quote_style.is_some(), line })
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// An identifier that may stand behind `public.`.
    pub fn object(&mut self) -> Checked<Name> {
        let name = self.name()?;
        if !self.symbol(&Token::Period) {
            return Ok(name);
        }
        if name.text.eq_ignore_ascii_case("public") {
            return self.name();
        }
        let message = format!("schema '{}' does not exist", name.text);
        Err(Fault::at(name.line, message).hint("There is one schema, called public"))
    }

    /// One or more of something, between commas.
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Checked<T>) -> Checked<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.symbol(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Names of roles.
    pub fn roles(&mut self) -> Checked<Vec<Name>> {
        self.list(|cursor| {
            if matches!(cursor.parser.peek_nth_token(1).token, Token::Word(_)) {
                let _ = cursor.take("ROLE") || cursor.take("GROUP");
            }
            cursor.name()
        })
    }

    /// `( expression )`
    pub fn expression(&mut self) -> Checked<ast::Expr> {
        self.expect_symbol(&Token::LParen)?;
        let line = self.line();
        let expr = self.parser.parse_expr().map_err(|error| parse_fault(&error, line))?;
        self.expect_symbol(&Token::RParen)?;
        Ok(expr)
    }

    /// A parenthesised list of types, if one comes next: the words of each. Lengths and precisions are left out.
    pub fn types(&mut self) -> Checked<Option<Vec<Vec<Token>>>> {
        if !self.symbol(&Token::LParen) {
            return Ok(None);
        }
        let (mut types, mut words, mut depth) = (Vec::new(), Vec::new(), 0u32);
        loop {
            match self.parser.next_token().token {
                Token::EOF => return Err(self.unexpected(")")),
                Token::LParen => depth += 1,
                Token::RParen if depth > 0 => depth -= 1,
                Token::RParen => break,
                Token::Comma if depth == 0 => types.push(std::mem::take(&mut words)),
                token if depth == 0 => words.push(token),
                _ => {}
            }
        }
        if !(types.is_empty() && words.is_empty()) {
            types.push(words);
        }
        Ok(Some(types))
    }

    /// Passes over the rest of the statement.
    pub fn skip_rest(&mut self) {
        while self.parser.next_token().token != Token::EOF {}
    }

    /// Nothing more may come.
    pub fn finish(&mut self) -> Checked<()> {
        match self.parser.peek_token().token {
            Token::EOF => Ok(()),
            _ => Err(self.unexpected("the end of the statement (;)")),
        }
    }
}

fn short(token: &Token) -> String {
    token.to_string().chars().take(40).collect()
}

/// The library puts the place at the end of its message; it belongs at the front of ours.
fn parse_fault(error: &ParserError, line: u64) -> Fault {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => {
            return Fault::at(line, "the expression is nested too deeply")
                .hint("Split it into several policies");
        }
    };
    let (message, place) = text.rsplit_once(" at Line: ").unwrap_or((&text, ""));
    let found = place.split(',').next().and_then(|number| number.trim().parse().ok());
    let message = message.replace("Expected: ", "expected ").replace(", found: ", ", found ");
    Fault::at(found.unwrap_or(line), message)
}
