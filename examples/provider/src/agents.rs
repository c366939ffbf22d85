//! What the "model" knows: the three prompts of the `job_search` example, answered by simple rules.
//!
//! A prompt says in its system text which agent it is for (`` the `analyze` agent ``), and carries its data in
//! sections that begin with a line such as `## Posting`. Of everything else the model has one opinion.

use crate::faults::Dice;
use serde_json::{Value, json};

/// A score from which on a posting is called a match.
const MATCH: u64 = 60;

/// What a prompt asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Understood {
    /// What it is about, in a few words: the same question gives the same words, however it is phrased.
    pub(crate) subject: String,
    /// The answer.
    pub(crate) answer: Answer,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Json(Value),
    Prose(String),
}

impl Answer {
    /// The text of the answer; of an object, only the fields that `schema` asks for.
    pub(crate) fn text(self, schema: Option<&Value>) -> String {
        match self {
            Self::Prose(text) => text,
            Self::Json(mut value) => {
                let asked = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
                if let (Some(asked), Some(fields)) = (asked, value.as_object_mut()) {
                    fields.retain(|name, _| asked.contains_key(name));
                }
                value.to_string()
            }
        }
    }
}

pub(crate) fn understand(system: &str, user: &str) -> Understood {
    let both = format!("{system}\n{user}");
    let is_for = |agent: &str| system.contains(&format!("`{agent}` agent"));
    let read = |name| section(&both, name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let known = if is_for("search") {
        section(&both, "Postings").zip(section(&both, "Query")).map(|(postings, query)| Understood {
            subject: format!("search {query}"),
            answer: Answer::Json(search(postings, query)),
        })
    } else {
        read("Posting").zip(read("Candidate")).and_then(|(posting, candidate)| {
            let id = text(&posting, "id");
            if is_for("analyze") {
                let answer = Answer::Json(analyze(&posting, &candidate));
                Some(Understood { subject: format!("analyze {id}"), answer })
            } else if is_for("write_documents") {
                let answer = Answer::Prose(letter(&posting, &candidate));
                Some(Understood { subject: format!("write_documents {id}"), answer })
            } else {
                None
            }
        })
    };
    known.unwrap_or_else(|| Understood {
        subject: format!("{:016x}", Dice::new(0).with(&both).value()),
        answer: Answer::Prose("I can help with a job search: finding, judging and applying.".to_owned()),
    })
}

/// The text below the line `## name`, up to the next such line.
fn section<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut from = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(title) = line.strip_prefix("## ") {
            if let Some(from) = from {
                return Some(text[from..at].trim());
            }
            if title.trim() == name {
                from = Some(at + line.len());
            }
        }
        at += line.len();
    }
    from.map(|from| text[from..].trim())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let items = value.get(key).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The ids of the catalogue's lines (`id | title | skills`) that name a skill of the query.
fn search(postings: &str, query: &str) -> Value {
    let query = query.to_lowercase();
    let words: Vec<&str> =
        query.split(|c: char| !c.is_alphanumeric() && c != '+').filter(|word| !word.is_empty()).collect();
    let fits = |line: &&str| {
        let skills = line.rsplit('|').next().unwrap_or_default().to_lowercase();
        let known = skills.split(',').filter(|skill| words.contains(&skill.trim())).count();
        known >= 2 || (known == 1 && words.contains(&"any"))
    };
    let ids = postings.lines().filter(fits).filter_map(|line| line.split('|').next());
    ids.map(|id| Value::from(id.trim())).collect()
}

fn analyze(posting: &Value, candidate: &Value) -> Value {
    let wanted = list(posting, "skills");
    let skills = list(candidate, "skills");
    let known: Vec<&str> =
        wanted.iter().copied().filter(|skill| skills.iter().any(|s| s.eq_ignore_ascii_case(skill))).collect();
    let mut score = 60 * known.len() as u64 / wanted.len().max(1) as u64;
    let mut reasons = vec![match known.as_slice() {
        [] => format!("none of the skills asked for ({}) is in the profile", wanted.join(", ")),
        known => format!("{} of {} skills: {}", known.len(), wanted.len(), known.join(", ")),
    }];

    let (asked, has) = (text(posting, "seniority"), text(candidate, "seniority"));
    score += match rank(asked).abs_diff(rank(has)) {
        0 => 15,
        1 => 8,
        _ => {
            reasons.push(format!("asks for {asked}, the candidate is {has}"));
            0
        }
    };
    let place = text(posting, "location");
    if (is_true(posting, "remote") && is_true(candidate, "remote"))
        || list(candidate, "locations").contains(&place)
    {
        score += 15;
    } else {
        reasons.push(format!("on site in {place}"));
    }
    let pays = posting.pointer("/salary/max").and_then(Value::as_u64).unwrap_or(0);
    let minimum = candidate.get("min_salary").and_then(Value::as_u64).unwrap_or(0);
    if pays >= minimum {
        score += 10;
    } else {
        reasons.push(format!("pays at most {pays}, the candidate wants {minimum}"));
    }
    let verdict = if score >= MATCH { "match" } else { "no_match" };
    json!({ "score": score, "verdict": verdict, "reasons": reasons })
}

/// Where a seniority stands; an unknown one is taken for the middle.
fn rank(seniority: &str) -> usize {
    ["junior", "mid", "senior", "staff", "lead"].iter().position(|name| *name == seniority).unwrap_or(2)
}

fn letter(posting: &Value, candidate: &Value) -> String {
    let wanted = list(posting, "skills");
    let shared: Vec<&str> =
        list(candidate, "skills").into_iter().filter(|skill| wanted.contains(skill)).collect();
    let strengths = if shared.is_empty() { wanted.join(", ") } else { shared.join(", ") };
    let description = text(posting, "description");
    let first = description.split_inclusive(['.', '!', '?']).next().unwrap_or_default().trim();
    format!(
        "Dear hiring team at {company},\n\n\
         your opening for a {title} caught my attention. You write: \"{first}\" That is close to what I have \
         done as {role} for {years} years.\n\n\
         With {strengths} I work every day; {summary}\n\n\
         I would be glad to talk about the first months in the role.\n\n\
         Kind regards\n{name}",
        company = text(posting, "company"),
        title = text(posting, "title"),
        role = text(candidate, "title"),
        years = candidate.get("years").and_then(Value::as_u64).unwrap_or(0),
        summary = text(candidate, "summary"),
        name = text(candidate, "name"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANDIDATE: &str = r#"## Candidate
{"name":"Mara","seniority":"senior","skills":["Rust","Kafka"],"remote":true,"min_salary":70000}"#;

    fn ask(agent: &str, user: &str) -> Understood {
        understand(&format!("You are the `{agent}` agent.\n{CANDIDATE}"), user)
    }

    #[test]
    fn searches_by_skill() {
        let postings = "## Postings\nP-1 | A | Rust, Kafka\nP-2 | B | Java\nP-3 | C | Rust, C++\n";
        let found = ask("search", &format!("{postings}## Query\nRust and Kafka"));
        assert_eq!(found.answer, Answer::Json(json!(["P-1"])));
        assert_eq!(found.subject, "search Rust and Kafka");
        let found = ask("search", &format!("{postings}## Query\nany Rust or Kafka"));
        assert_eq!(found.answer, Answer::Json(json!(["P-1", "P-3"])));
    }

    #[test]
    fn a_fitting_posting_scores_high_and_another_low() {
        let good = r#"{"id":"P-1","skills":["rust","Kafka"],"seniority":"senior","remote":true,"salary":{"max":90000}}"#;
        let answer = ask("analyze", &format!("## Posting\n{good}"));
        assert_eq!(answer.subject, "analyze P-1");
        let Answer::Json(value) = answer.answer else { panic!("no JSON") };
        assert_eq!((&value["score"], &value["verdict"]), (&json!(100), &json!("match")));

        let bad =
            r#"{"id":"P-2","skills":["PHP"],"seniority":"junior","location":"Leipzig","salary":{"max":1}}"#;
        let Answer::Json(value) = ask("analyze", &format!("## Posting\n{bad}")).answer else {
            panic!("no JSON")
        };
        assert_eq!((&value["score"], &value["verdict"]), (&json!(0), &json!("no_match")));
        assert_eq!(value["reasons"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn a_schema_chooses_the_fields() {
        let schema = json!({ "type": "object", "properties": { "score": { "type": "integer" } } });
        let answer = Answer::Json(json!({ "score": 1, "verdict": "match" }));
        assert_eq!(answer.text(Some(&schema)), r#"{"score":1}"#);
    }

    #[test]
    fn writes_a_letter_and_knows_nothing_else() {
        let posting =
            r#"{"id":"P-1","title":"Rustacean","company":"Ferris","description":"We do it. All day."}"#;
        let answer = ask("write_documents", &format!("## Posting\n{posting}")).answer.text(None);
        assert!(answer.starts_with("Dear hiring team at Ferris,"), "{answer}");
        assert!(answer.contains("\"We do it.\""), "{answer}");
        assert!(matches!(understand("", "Hello").answer, Answer::Prose(_)));
        assert!(matches!(ask("analyze", "## Posting\nnot JSON").answer, Answer::Prose(_)));
    }
}
