//! How numbers and token stand with Meta, from inside.

use secrecy::SecretString;

use super::Handle;
use crate::phone::PhoneError;
use crate::standing::NumberStanding;

impl Handle {
    /// How a business number stands with Meta.
    pub fn standing(&self, phone_number_id: &str) -> Result<NumberStanding, PhoneError> {
        let (at, _) = self.number(Some(phone_number_id))?;
        Ok(self.core.standing.of(at))
    }

    /// Changes how a business number stands: deregistered, restricted, on a phone too, or in test. Once it is registered
    /// again, the signature of its public key does not match any more.
    pub fn set_standing(&self, phone_number_id: &str, standing: NumberStanding) -> Result<(), PhoneError> {
        let (at, _) = self.number(Some(phone_number_id))?;
        standing.check().map_err(PhoneError::Invalid)?;
        if standing.registered && !self.core.standing.of(at).registered {
            self.core.keys.mismatch(at);
        }
        self.core.standing.set(at, standing);
        Ok(())
    }

    /// The access token expires: every call is refused with 190 until it is renewed.
    pub fn expire_token(&self) {
        self.core.standing.expire_token();
    }

    /// From now on this token is the right one, and no other.
    pub fn renew_token(&self, token: SecretString) {
        self.core.standing.renew_token(token);
    }
}
