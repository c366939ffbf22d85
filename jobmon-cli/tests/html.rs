//! The HTML report: whatever names events have, the page is the template's.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use html5ever::tendril::TendrilSink;
use jobmon::{
    Answer, CallId, CallRecord, Cost, Event, Fact, Failure, Monitor, Operation, Outcome, PricedAnswer, Scope,
    Score, Search, SpanId, Sqlite, Text, Timestamp, TraceId, Usage, testing,
};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const HOSTILE: [&str; 14] = [
    "</style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></head><body onload=alert(1)>",
    "<!--",
    "]]><![CDATA[",
    "</svg><svg onload=alert(1)>",
    "&lt;script&gt;&#x3c;script>",
    "\u{202e}gnp.exe\u{2066}",
    "\u{0}\u{7}\u{1b}[2J\u{85}\r\n\t",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "</table></div></section></main>",
    "javascript:alert(1)",
    "<base href=//evil.example><meta http-equiv=refresh content=0>",
];

/// One call, and one fact of each kind, with a text wherever a text can stand.
fn events_of(text: &str, at: Timestamp) -> Vec<Event> {
    let own = || Text::from(text.to_owned());
    let mut scope = Scope::default();
    (scope.session, scope.user, scope.feature, scope.strategy) =
        (Some(own()), Some(own()), Some(own()), Some(own()));
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, own(), Operation::Chat, at);
    call.scope = scope.clone();
    call.provider = Some(own());
    call.model = Some(own());
    let mut failure = Failure::new(jobmon::ErrorCategory::Parsing);
    failure.message = Some(own());
    call.failure = Some(failure);
    call.end = jobmon::End::Error;
    let mut answer = Answer::from(Usage::new(1_000, 100));
    answer.model = Some(own());
    call.answers = vec![PricedAnswer::new(answer, 1, Cost::Unpriced)];
    // And one with a price, so that there are bars.
    let mut priced = call.clone();
    priced.id = CallId { trace: TraceId::random(), span: SpanId::random() };
    (priced.provider, priced.model) = (Some(Text::literal("openai")), Some(Text::literal("gpt-4o-mini")));
    priced.answers[0].answer.model = None;
    let fact = || Fact::new(at, None, scope.clone());
    let mut search = Search::new(fact(), own());
    search.results = 3;
    vec![
        Event::Call(Box::new(call)),
        Event::Call(Box::new(priced)),
        Event::Outcome(Outcome::new(fact(), own(), None)),
        Event::Score(Score::new(fact(), own(), 1.0)),
        Event::Search(search),
    ]
}

/// The page about events with these texts, and everything in it.
fn page(folder: &Path, texts: &[String]) -> (String, Page) {
    let db = folder.join("jobmon.db");
    let _ = std::fs::remove_file(&db);
    let builder = Monitor::builder().without_config().exporter(Sqlite::open(&db).unwrap());
    let guard = builder.install_local().unwrap();
    let at = Timestamp::from_date(2025, 3, 4).unwrap();
    texts.iter().flat_map(|text| events_of(text, at)).for_each(testing::submit);
    let delivery = guard.shutdown();
    assert!(delivery.is_complete(), "{delivery}");
    let command = ["report", "--for", "2025-03", "--format", "html", "--output", "report.html"];
    let output =
        Command::new(env!("CARGO_BIN_EXE_jobmon")).current_dir(folder).args(command).output().unwrap();
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(folder.join("report.html")).unwrap();
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(text.clone());
    let mut page = Page::default();
    page.visit(&dom.document);
    (text, page)
}

/// How often each element occurs with each of its attributes.
#[derive(Default)]
struct Page {
    elements: BTreeMap<String, u32>,
    comments: u32,
}

impl Page {
    fn visit(&mut self, node: &Handle) {
        match &node.data {
            NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                let mut names: Vec<_> =
                    attributes.iter().map(|attribute| attribute.name.local.to_string()).collect();
                // Amounts that are rounded have one, and which are depends on what is asked.
                names.retain(|name| name != "title");
                names.sort();
                *self.elements.entry(format!("{} {}", name.local, names.join(" "))).or_default() += 1;
            }
            NodeData::Comment { .. } => self.comments += 1,
            _ => {}
        }
        node.children.borrow().iter().for_each(|child| self.visit(child));
    }
}

#[test]
fn hostile_names_change_nothing_but_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut hostile: Vec<String> = HOSTILE.map(str::to_owned).to_vec();
    hostile.push("<script>".repeat(1_250));
    hostile.push("\u{202e}".repeat(3_000));
    let harmless: Vec<String> = (0..hostile.len()).map(|n| format!("name {n}")).collect();
    let (text, found) = page(folder.path(), &hostile);
    let (_, wanted) = page(folder.path(), &harmless);
    assert_eq!(found.elements, wanted.elements, "elements or attributes that the template has not");
    assert_eq!(found.comments, 0);
    let bad = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(bad), "text that steers or reorders");
    // A name of ten kilobytes is cut.
    assert!(text.lines().all(|line| !line.contains(&"&lt;script&gt;".repeat(40))));
}

#[test]
fn the_page_stands_alone_and_says_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (text, page) = page(folder.path(), &["a".to_owned(), "b".to_owned()]);
    let has = |element: &str| page.elements.keys().any(|key| key.split(' ').next() == Some(element));
    for unwanted in ["script", "link", "img", "iframe", "object", "a", "form", "base"] {
        assert!(!has(unwanted), "{unwanted}");
    }
    for key in page.elements.keys() {
        let attributes = key.split(' ').skip(1);
        for attribute in attributes {
            assert!(
                !attribute.starts_with("on") && !["src", "href", "style", "srcset"].contains(&attribute),
                "{key}"
            );
        }
    }
    for part in [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        "name=\"viewport\"",
        "@media print",
        "prefers-color-scheme: dark",
        "<caption>Costs by feature</caption>",
        "scope=\"row\"",
        "<title id=\"time-title\">Costs by day</title>",
        "<desc id=\"time-description\">31 bars, one for each day, from 2025-03-01 to 2025-03-31",
        "(unattributed)",
        "id=\"unpriced\"",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for fetched in ["url(", "@import", "http://", "https://"] {
        assert!(!text.contains(fetched), "{fetched}");
    }
}
