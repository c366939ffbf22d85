//! Keys and tokens by how they begin.

/// Beginnings of keys and tokens of well-known services, and how many characters follow in one at least.
const KEYS: &[(&str, usize)] = &[
    // Models: OpenAI, Anthropic, OpenRouter and others; Google; Hugging Face, Groq, xAI, Perplexity, Replicate, Nvidia,
    // Fireworks, Cerebras, Together, Jina, Pinecone, Tavily, LangSmith, Firecrawl, E2B.
    ("sk-", 16),
    ("AIza", 30),
    ("AQ.", 16),
    ("hf_", 24),
    ("gsk_", 24),
    ("xai-", 24),
    ("pplx-", 24),
    ("r8_", 24),
    ("nvapi-", 24),
    ("fw_", 16),
    ("csk-", 24),
    ("tgp_v1_", 24),
    ("jina_", 24),
    ("pcsk_", 24),
    ("tvly-", 16),
    ("lsv2_", 24),
    ("fc-", 30),
    ("e2b_", 30),
    ("pa-", 40),
    // Clouds and where code lives: Google OAuth, AWS, GitHub, GitLab, Databricks, DigitalOcean, Vault, Cloud Foundry.
    ("ya29.", 16),
    ("GOCSPX-", 20),
    ("1//0", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghs_", 16),
    ("ghu_", 16),
    ("ghr_", 16),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("dapi", 32),
    ("dop_v1_", 40),
    ("hvs.", 20),
    ("AGE-SECRET-KEY-1", 40),
    // Packages: npm, PyPI, RubyGems, Docker.
    ("npm_", 30),
    ("pypi-AgE", 40),
    ("rubygems_", 30),
    ("dckr_pat_", 20),
    // Talk and mail: Slack, SendGrid, Mailgun, Brevo, Twilio.
    ("xoxb-", 12),
    ("xoxp-", 12),
    ("xoxa-", 12),
    ("xoxe-", 12),
    ("xoxe.", 12),
    ("xoxs-", 12),
    ("xapp-", 12),
    ("SG.", 30),
    ("key-", 32),
    ("xkeysib-", 40),
    ("SK", 32),
    // Money and shops: Stripe, Square, Shopify.
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 20),
    ("sq0atp-", 20),
    ("sq0csp-", 20),
    ("shpat_", 30),
    ("shpss_", 30),
    ("shpca_", 30),
    ("shppa_", 30),
    // Tools: Grafana, Sentry, Linear, Notion, Figma, Postman, Supabase, PostHog, Atlassian, Facebook.
    ("glsa_", 30),
    ("sntrys_", 30),
    ("lin_api_", 30),
    ("ntn_", 30),
    ("secret_", 40),
    ("figd_", 30),
    ("PMAK-", 40),
    ("sbp_", 30),
    ("phx_", 30),
    ("ATATT3", 40),
    ("EAAC", 60),
    // JSON web tokens.
    ("eyJ", 20),
];

/// For each first byte the second ones with which something in [`KEYS`] begins, as bits: most words are told by these.
const SECOND: [u128; 128] = {
    let mut seconds = [0; 128];
    let mut at = 0;
    while at < KEYS.len() {
        let prefix = KEYS[at].0.as_bytes();
        seconds[prefix[0] as usize] |= 1_u128 << prefix[1];
        at += 1;
    }
    seconds
};

fn may_begin(text: &str) -> bool {
    let [first, second, ..] = *text.as_bytes() else { return false };
    first.is_ascii() && second.is_ascii() && SECOND[usize::from(first)] >> second & 1 == 1
}

/// How a key in PEM form begins.
pub(super) const PEM: &str = "-----BEGIN";

/// The least that follows the beginning of a key in a message of an error; shorter words are words (`sk-learn`, `hf_hub`).
const SHORTEST: usize = 6;

/// How much of a word decides.
const LONGEST: usize = 1_024;

/// The length of the word at the start of a text that begins like a key. Providers quote keys with asterisks, which still
/// shows their ends.
///
/// In the message of an error all that begins like one is taken for it; elsewhere it has to be as long as one, with a
/// digit in it.
pub(super) fn key(text: &str, careful: bool) -> Option<usize> {
    if !may_begin(text) {
        return None;
    }
    let (prefix, least) = KEYS.iter().find(|(prefix, _)| text.starts_with(*prefix))?;
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '+' | '/' | '=' | '~');
    let after = &text[prefix.len()..];
    let near = super::cut(after, LONGEST);
    let end = near.find(|c| !is_part(c)).unwrap_or(near.len());
    let word = after[..end].trim_end_matches(['.', '/', '-']);
    let is_like_one = if careful {
        let is_masked = word.len() >= SHORTEST && word.contains("**");
        is_masked || word.len() >= *least && word.bytes().any(|b| b.is_ascii_digit()) && fits(prefix, word)
    } else {
        let is_rare = !matches!(*prefix, "key-" | "pa-" | "fc-" | "SK" | "secret_" | "1//0");
        word.len() >= if is_rare { SHORTEST } else { *least }
    };
    is_like_one.then(|| {
        let goes_on = if end == LONGEST { after[end..].find(|c| !is_part(c)) } else { Some(0) };
        goes_on.map_or(text.len(), |more| prefix.len() + word.len() + more)
    })
}

/// What else is known of keys that begin so.
fn fits(prefix: &str, word: &str) -> bool {
    let is_hex = || word.bytes().all(|b| b.is_ascii_hexdigit());
    match prefix {
        "AKIA" | "ASIA" => {
            word.len() == 16 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }
        "dapi" => word
            .split('-')
            .next()
            .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())),
        "key-" | "SK" | "fc-" => word.len() == 32 && is_hex(),
        "eyJ" => word.contains('.'),
        "sk-" => !word.contains("..") && !is_slug(word),
        _ => true,
    }
}

/// `learn-model-v2-2024-edition`: short words and numbers.
fn is_slug(word: &str) -> bool {
    word.split(['-', '_', '.']).all(|part| {
        part.len() <= 12
            && (part.bytes().all(|b| b.is_ascii_lowercase())
                || part.len() <= 4 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
    })
}

/// The length of a bot token of Telegram at the start of a text: a number, `:`, and 35 characters.
pub(super) fn bot_token(text: &str) -> Option<usize> {
    let digits = text.bytes().take(12).take_while(u8::is_ascii_digit).count();
    let after = text[digits..].strip_prefix(':').filter(|_| (8..=10).contains(&digits))?;
    let length =
        after.bytes().take(40).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    (length == 35).then_some(digits + 1 + length)
}

/// The length of a private key in PEM form at the start of a text. Without its end, all that follows is one.
pub(super) fn pem(text: &str) -> Option<usize> {
    let after = text.strip_prefix(PEM)?;
    let line = after.split(['\n', '\\']).next().unwrap_or(after);
    if !line.contains("PRIVATE KEY") {
        return None;
    }
    let Some(end) = after.find("-----END") else { return Some(text.len()) };
    let rest = &after[end + "-----END".len()..];
    let close = rest.find("-----").map_or(rest.len(), |at| at + "-----".len());
    Some(PEM.len() + end + "-----END".len() + close)
}
