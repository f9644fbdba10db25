//! Who may have signed a webhook, and what it may then speak of: an app's secret proves what Meta says of the numbers and
//! accounts of that app, and of no other.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use whatsapp::signature::{SignatureError, Verifier};
use whatsapp::webhook::Event;

use crate::config;

/// What the mark of a secret is made of; no webhook is like it.
const MARKED: &[u8] = b"parlance: the mark of an app secret";
/// Characters of a mark.
const MARK: usize = 16;

/// The numbers that are served, and the secrets of their apps, which can be replaced.
pub struct Signers {
    rows: RwLock<Vec<Row>>,
    current: RwLock<Arc<Table>>,
}

/// One number.
struct Row {
    number: Box<str>,
    account: Option<Box<str>>,
    secret: SecretString,
    previous: Option<SecretString>,
}

struct Table {
    /// Of all apps together.
    known: Signer,
    verifier: Verifier,
    signers: Vec<Arc<Signer>>,
}

/// A secret that a webhook can be signed with.
#[derive(Debug, Default)]
pub struct Signer {
    /// It is the secret of some app as it was before a rotation, and of none as it is.
    pub(super) previous: bool,
    /// The mark of the secret.
    pub(super) mark: Box<str>,
    numbers: HashSet<Box<str>>,
    accounts: HashSet<Box<str>>,
}

impl Signers {
    /// The apps of these numbers.
    pub fn new(numbers: &[config::Number]) -> Self {
        Self::over(numbers.iter().map(Row::of).collect())
    }

    fn over(rows: Vec<Row>) -> Self {
        let table = Arc::new(Table::new(&rows));
        Self { rows: RwLock::new(rows), current: RwLock::new(table) }
    }

    /// Serves one more number, or takes what is other of one that is served.
    pub fn serve(&self, number: &config::Number) {
        let new = Row::of(number);
        self.rebuild(|rows| match rows.iter_mut().find(|row| row.number == new.number) {
            Some(row) => *row = new,
            None => rows.push(new),
        });
    }

    /// Serves a number no longer.
    pub fn leave(&self, number: &str) {
        self.rebuild(|rows| rows.retain(|row| &*row.number != number));
    }

    /// Checks the signature over the raw bytes; answers whose it is.
    pub(super) fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<Arc<Signer>, SignatureError> {
        let table = self.current.read().clone();
        let place = table.verifier.verify(header, body)?;
        table.signers.get(place).cloned().ok_or(SignatureError::Mismatch)
    }

    /// The secret of a number's app.
    pub(crate) fn secret(&self, number: &str) -> Option<SecretString> {
        self.rows.read().iter().find(|row| &*row.number == number).map(|row| row.secret.clone())
    }

    /// Whose secret has this mark; `None` if it is nobody's any more.
    pub(super) fn marked(&self, mark: &str) -> Option<Arc<Signer>> {
        self.current.read().signers.iter().find(|signer| !mark.is_empty() && *signer.mark == *mark).cloned()
    }

    /// Puts another secret in the place of a number's.
    pub fn replace(&self, number: &str, secret: &SecretString) {
        self.change(number, |row| row.secret = secret.clone());
    }

    /// Puts another secret in the place of a number's secret before its rotation.
    pub fn replace_previous(&self, number: &str, secret: &SecretString) {
        self.change(number, |row| row.previous = Some(secret.clone()));
    }

    /// Forgets the secret of a number before its rotation.
    pub fn forget_previous(&self, number: &str) {
        self.change(number, |row| row.previous = None);
    }

    fn change(&self, number: &str, change: impl FnOnce(&mut Row)) {
        self.rebuild(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| &*row.number == number) {
                change(row);
            }
        });
    }

    fn rebuild(&self, change: impl FnOnce(&mut Vec<Row>)) {
        let mut rows = self.rows.write();
        change(&mut rows);
        *self.current.write() = Arc::new(Table::new(&rows));
    }

    /// Whether the number is served.
    pub(super) fn serves(&self, number: &str) -> bool {
        self.current.read().known.numbers.contains(number)
    }

    /// The number, if only one is served.
    pub(super) fn only(&self) -> Option<Box<str>> {
        let numbers = &self.current.read().known.numbers;
        numbers.iter().next().filter(|_| numbers.len() == 1).cloned()
    }

    /// What of ours the event is about, if whoever signed it has no say in that.
    pub(super) fn foreign(&self, signer: &Signer, event: &Event) -> Option<String> {
        let (number, account) = match event {
            Event::Message(received) => (Some(received.phone_number_id.as_str()), None),
            Event::Status(status) => (Some(status.phone_number_id.as_str()), None),
            Event::Other { phone_number_id: Some(number), .. } => (Some(number.as_str()), None),
            Event::Other { waba_id, .. } => (None, Some(waba_id.as_str())),
            Event::Unreadable { phone_number_id, .. } => (phone_number_id.as_deref(), None),
        };
        let number = number.filter(|number| self.serves(number) && !signer.numbers.contains(*number));
        let known = |id: &str| self.current.read().known.accounts.contains(id);
        let account = account.filter(|id| known(id) && !signer.accounts.contains(*id));
        match (number, account) {
            (Some(number), _) => {
                Some(format!("phone_number_id {number} belongs to another app than the one that signed"))
            }
            (None, Some(account)) => Some(format!("account {account} belongs to another app than the one that signed")),
            (None, None) => None,
        }
    }
}

impl Signer {
    /// Whether the number is of the app that signed.
    pub(super) fn speaks_for_number(&self, number: &str) -> bool {
        self.numbers.contains(number)
    }

    #[cfg(test)]
    pub(super) fn of_numbers(numbers: &[&str]) -> Self {
        Self { numbers: numbers.iter().copied().map(Into::into).collect(), ..Self::default() }
    }

    fn speaks_for(&mut self, row: &Row) {
        self.numbers.insert(row.number.clone());
        self.accounts.extend(row.account.clone());
    }
}

impl Row {
    fn of(number: &config::Number) -> Self {
        Self {
            number: number.phone_number_id.as_str().into(),
            account: number.business_account_id.as_deref().map(Into::into),
            secret: number.app_secret.value.clone(),
            previous: number.app_secret_previous.as_ref().map(|secret| secret.value.clone()),
        }
    }
}

impl Table {
    fn new(rows: &[Row]) -> Self {
        let mut known = Signer::default();
        rows.iter().for_each(|row| known.speaks_for(row));
        let mut signers: Vec<(SecretString, Signer)> = Vec::new();
        let current = rows.iter().map(|row| (&row.secret, false, row));
        let previous = rows.iter().filter_map(|row| Some((row.previous.as_ref()?, true, row)));
        // Current ones first, so that an app's present secret is tried before anybody's past one.
        for (secret, previous, row) in current.chain(previous) {
            let place = signers.iter().position(|(known, _)| known.expose_secret() == secret.expose_secret());
            let place = place.unwrap_or_else(|| {
                signers.push((secret.clone(), Signer { previous, mark: mark(secret), ..Signer::default() }));
                signers.len() - 1
            });
            if let Some((_, signer)) = signers.get_mut(place) {
                signer.speaks_for(row);
            }
        }
        let (secrets, signers): (Vec<_>, Vec<_>) = signers.into_iter().unzip();
        Self { known, verifier: Verifier::new(&secrets), signers: signers.into_iter().map(Arc::new).collect() }
    }
}

/// What tells secrets apart and gives none of them away. Of the empty one, with which nobody can sign, there is none.
fn mark(secret: &SecretString) -> Box<str> {
    if secret.expose_secret().is_empty() {
        return "".into();
    }
    let whole = whatsapp::signature::sign(secret, MARKED);
    let digits = whole.rsplit_once('=').map_or("", |(_, digits)| digits);
    digits.chars().take(MARK).collect()
}

#[cfg(test)]
mod tests {
    use whatsapp::{signature, webhook};

    use super::*;

    fn row(number: &str, account: &str, secret: &str, previous: Option<&str>) -> Row {
        let previous = previous.map(SecretString::from);
        Row { number: number.into(), account: Some(account.into()), secret: secret.into(), previous }
    }

    fn signers() -> Signers {
        let rows = vec![
            row("111", "300", "secret-a", Some("secret-a-before")),
            row("222", "300", "secret-a", None),
            row("333", "400", "secret-b", None),
        ];
        Signers::over(rows)
    }

    fn signer(signers: &Signers, secret: &str) -> Option<Arc<Signer>> {
        signers.verify(Some(&signature::sign(&secret.into(), b"body")), b"body").ok()
    }

    fn event(account: &str, number: Option<&str>) -> Event {
        let metadata = number.map(|id| format!(r#""metadata":{{"phone_number_id":"{id}"}},"#)).unwrap_or_default();
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{account}","changes":[{{"field":"new_field","value":{{{metadata}"a":1}}}}]}}]}}"#
        );
        webhook::parse(body.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn secret_speaks_for_the_numbers_of_its_app_only() {
        let signers = signers();
        let app_a = signer(&signers, "secret-a").unwrap();
        let app_b = signer(&signers, "secret-b").unwrap();
        assert!(!app_a.previous && signer(&signers, "secret-c").is_none());
        for (number, foreign_to_a) in [("111", false), ("222", false), ("333", true)] {
            assert_eq!(signers.foreign(&app_a, &event("300", Some(number))).is_some(), foreign_to_a, "{number}");
            assert_eq!(signers.foreign(&app_b, &event("300", Some(number))).is_some(), !foreign_to_a, "{number}");
        }
        assert_eq!(signers.foreign(&app_a, &event("300", Some("999"))), None, "nobody's: another matter");
    }

    #[test]
    fn what_names_no_number_goes_by_its_account() {
        let signers = signers();
        let app_a = signer(&signers, "secret-a").unwrap();
        assert_eq!(signers.foreign(&app_a, &event("300", None)), None);
        assert!(signers.foreign(&app_a, &event("400", None)).unwrap().contains("account 400"));
        assert_eq!(signers.foreign(&app_a, &event("999", None)), None);
    }

    #[test]
    fn secret_before_a_rotation_speaks_for_the_number_that_had_it() {
        let signers = signers();
        let before = signer(&signers, "secret-a-before").unwrap();
        assert!(before.previous);
        assert_eq!(signers.foreign(&before, &event("300", Some("111"))), None);
        assert!(signers.foreign(&before, &event("300", Some("222"))).is_some());
    }

    #[test]
    fn mark_finds_whoever_signed_until_the_secret_is_gone() {
        let signers = signers();
        let (app_a, app_b) = (signer(&signers, "secret-a").unwrap(), signer(&signers, "secret-b").unwrap());
        assert!(app_a.mark.len() == MARK && app_a.mark != app_b.mark);
        assert!(signers.marked(&app_a.mark).unwrap().speaks_for_number("222"));
        assert!(!signers.marked(&app_b.mark).unwrap().speaks_for_number("222"));
        signers.replace("333", &"secret-b-new".into());
        assert!(signers.marked(&app_b.mark).is_none() && signers.marked("").is_none());
        signers.replace("333", &"".into());
        assert!(signers.marked("").is_none(), "an empty secret signs nothing");
    }

    #[test]
    fn number_that_comes_or_goes_counts_at_once() {
        let signers = signers();
        let mut number = config::Number::for_tests("444", "secret-d");
        assert!(!signers.serves("444") && signer(&signers, "secret-d").is_none());
        signers.serve(&number);
        assert!(signers.serves("444") && signer(&signers, "secret-d").unwrap().speaks_for_number("444"));
        number.app_secret.value = "secret-e".into();
        number.app_secret_previous = Some(config::Secret { value: "secret-d".into(), ..config::Secret::default() });
        signers.serve(&number);
        assert!(!signer(&signers, "secret-e").unwrap().previous && signer(&signers, "secret-d").unwrap().previous);
        signers.leave("444");
        assert!(!signers.serves("444") && signer(&signers, "secret-d").is_none());
        assert!(signers.serves("111") && signers.only().is_none());
    }

    #[test]
    fn replaced_secret_counts_at_once_and_the_old_one_no_more() {
        let signers = signers();
        signers.replace("333", &"secret-b-new".into());
        assert!(signer(&signers, "secret-b").is_none());
        assert_eq!(signers.foreign(&signer(&signers, "secret-b-new").unwrap(), &event("400", Some("333"))), None);
        signers.replace_previous("333", &"secret-b".into());
        assert!(signer(&signers, "secret-b").unwrap().previous);
    }
}
