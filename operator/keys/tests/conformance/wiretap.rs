//! What the run has shown of itself, to be searched for its secrets at the end.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{Debug, Write as _};
use std::io;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

/// What a log of an operator could hold at its most talkative.
const FILTER: &str = "debug,signet_keys=trace,signet_core=trace";

static SHOWN: Mutex<String> = Mutex::new(String::new());
static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

own!["wiretap":
    a_secret_is_found_in_every_form,
    logs_and_debug_are_recorded,
];

/// Records all that is logged from now on.
pub(crate) fn install() {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_ansi(false)
        .without_time()
        .with_writer(|| Tap)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
}

/// Records what `Debug` shows.
pub(crate) fn show(value: &dyn Debug) {
    let mut shown = SHOWN.lock();
    let _ = writeln!(shown, "{value:?} {value:#?}");
}

/// None of these may be shown, from the beginning of the run to its end.
pub(crate) fn search_for(secrets: &[String]) {
    for secret in secrets {
        assert!(secret.len() >= 6, "{secret:?} is found anywhere");
    }
    SECRETS.lock().extend(secrets.iter().cloned());
}

/// Fails if a secret is in what was recorded.
pub(crate) fn search() {
    let (shown, secrets) = (SHOWN.lock(), SECRETS.lock());
    let nothing = shown.is_empty() && !secrets.is_empty();
    assert!(!nothing, "nothing was recorded");
    let needles = Needles::of(secrets.iter().flat_map(|secret| pieces(secret)));
    if let Some(at) = needles.first_in(&shown) {
        // Secrets of tests are worth nothing; what is around shows where it came from.
        let from = shown.floor_char_boundary(at.saturating_sub(500));
        let to = shown.floor_char_boundary(at + 100);
        panic!("this shows a secret: {}", &shown[from..to]);
    }
}

/// Whether the text shows the secret, or a line of it: as it is, in base64, in hex, or as numbers.
pub(crate) fn shows(text: &str, secret: &str) -> bool {
    pieces(secret).any(|piece| forms(piece).iter().any(|form| text.contains(form)))
}

/// The lines, without those that hold nothing: the frame of PEM, and its last line, which may be a
/// few letters.
fn pieces(secret: &str) -> impl Iterator<Item = &str> {
    let least = if secret.trim().contains('\n') { 16 } else { 1 };
    let pieces = secret.lines().map(str::trim);
    pieces.filter(move |piece| piece.len() >= least && !piece.starts_with("-----"))
}

fn forms(piece: &str) -> [String; 4] {
    use base64::Engine as _;
    let bytes = piece.as_bytes();
    let numbers = format!("{bytes:?}");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        piece.to_owned(),
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes),
        hex,
        numbers.trim_matches(['[', ']']).to_owned(),
    ]
}

/// All forms of all secrets, to go over megabytes once.
struct Needles {
    /// By their first three bytes.
    by_start: HashMap<[u8; 3], Vec<String>>,
}

impl Needles {
    fn of<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let mut by_start = HashMap::<_, Vec<_>>::new();
        for form in pieces.flat_map(forms) {
            let start = *form.as_bytes().first_chunk().unwrap();
            by_start.entry(start).or_default().push(form);
        }
        Self { by_start }
    }

    fn first_in(&self, text: &str) -> Option<usize> {
        let mut may_start = vec![false; 1 << 24];
        for start in self.by_start.keys() {
            may_start[place(start)] = true;
        }
        let text = text.as_bytes();
        let shows_at = |(at, start): &(usize, &[u8; 3])| {
            may_start[place(start)]
                && self.by_start[*start]
                    .iter()
                    .any(|needle| text[*at..].starts_with(needle.as_bytes()))
        };
        let starts = text.array_windows().enumerate();
        starts.into_iter().find(shows_at).map(|(at, _)| at)
    }
}

fn place([a, b, c]: &[u8; 3]) -> usize {
    usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c)
}

/// Where the log goes.
struct Tap;

impl io::Write for Tap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SHOWN.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The search finds each form of a secret, so that finding none means something.
async fn a_secret_is_found_in_every_form() {
    let secret = "s3cr3t-token";
    let needles = Needles::of(pieces(secret));
    for form in forms(secret) {
        let text = format!("Grüße: {form}, and more");
        assert_eq!(needles.first_in(&text), Some(9), "{form}");
        assert!(shows(&text, secret), "{form}");
    }
    assert_eq!(needles.first_in("s3cr3t-toke s3cr3t_token"), None);
    let pem = "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nab==\n-----END KEY-----\n";
    assert_eq!(pieces(pem).collect::<Vec<_>>(), ["MIGHAgEAMBMGByqGSM49"]);
}

/// What is logged and shown is recorded.
async fn logs_and_debug_are_recorded() {
    tracing::debug!(target: "signet_keys", "a line of the log");
    show(&"a shown value");
    let shown = SHOWN.lock();
    assert!(shown.contains("a line of the log"));
    assert!(shown.contains("a shown value"));
}
