//! Which versions of Flow JSON Meta takes at present.

use super::version::Version;

/// What Meta does with a Flow of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Publishes it.
    Publishable,
    /// Does not publish it any more; published ones are still sent and opened.
    Frozen,
    /// Neither sends nor opens it.
    Expired,
}

/// The versions that are known, oldest first. Meta adds and retires some every few months, so whoever checks may bring
/// a list of their own.
#[derive(Clone, Debug)]
pub struct Versions {
    /// Versions of Flow JSON.
    pub flow_json: Vec<(Version, Support)>,
    /// Versions of the data API.
    pub data_api: Vec<Version>,
}

/// Source: Meta's changelog of 2025, and the list of publishable versions of AWS End User Messaging. That 5.0 is frozen
/// stands on no page of Meta's.
impl Default for Versions {
    fn default() -> Self {
        use Support::{Expired, Frozen, Publishable};
        let flow_json = [
            (2, 1, Expired),
            (3, 0, Expired),
            (3, 1, Expired),
            (4, 0, Frozen),
            (5, 0, Frozen),
            (5, 1, Publishable),
            (6, 0, Publishable),
            (6, 1, Publishable),
            (6, 2, Publishable),
            (6, 3, Publishable),
            (7, 0, Publishable),
            (7, 1, Publishable),
            (7, 2, Publishable),
            (7, 3, Publishable),
        ];
        let flow_json = flow_json.map(|(major, minor, support)| (Version::new(major, minor), support)).to_vec();
        Self { flow_json, data_api: vec![Version::new(3, 0), Version::new(4, 0)] }
    }
}

impl Versions {
    /// The newest version that can be published.
    pub fn newest(&self) -> Version {
        let publishable = self.flow_json.iter().filter(|(_, support)| *support == Support::Publishable);
        publishable.map(|(version, _)| *version).max().unwrap_or(Version::new(7, 3))
    }

    /// What Meta does with a version; `None` if it is not listed.
    pub fn support(&self, version: Version) -> Option<Support> {
        self.flow_json.iter().find(|(listed, _)| *listed == version).map(|(_, support)| *support)
    }
}
