//! What an entry can say happened, and how each is filed.

use serde::{Deserialize, Serialize};

/// How entries are grouped for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Opening a session.
    SignIn,
    /// Giving more proof in a session.
    StepUp,
    /// Getting back in.
    Recovery,
    /// Passwords, authenticators, codes.
    Credentials,
    /// The account itself.
    Account,
    /// Devices and their trust.
    Device,
    /// Sessions.
    Session,
    /// What Vitne or its owner did against misuse.
    Protection,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::StepUp,
        Self::Recovery,
        Self::Credentials,
        Self::Account,
        Self::Device,
        Self::Session,
        Self::Protection,
    ];
}

/// How much attention an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// Everyday.
    Info,
    /// Worth a look.
    Notice,
    /// Should be looked at.
    Warning,
    /// Must be looked at.
    Alert,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// As intended.
    Success,
    /// Refused.
    Failure,
    /// Not ended yet.
    Pending,
    /// Ended by time or by giving up.
    Unfinished,
}

/// What the owner has said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewState {
    /// Nothing.
    Unreviewed,
    /// "This wasn't me."
    Reported,
}

macro_rules! entry_types {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal: $category:ident, $severity:ident, $outcome:ident, [$($arg:literal),*];)+) => {
        /// What an entry says happened. Names are a public interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum EntryType {
            $($(#[doc = $doc])+ $name,)+
        }

        impl EntryType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The public name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Where it is filed.
            pub const fn category(self) -> Category {
                match self { $(Self::$name => Category::$category),+ }
            }

            /// The least attention it asks for.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),+ }
            }

            /// How it ended.
            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$name => Outcome::$outcome),+ }
            }

            /// The arguments of its message: exactly these are given, and no text may use others.
            pub const fn arguments(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($arg),*]),+ }
            }
        }
    };
}

entry_types! {
    /// A sign-in is under way.
    SignInStarted "SIGN_IN_STARTED": SignIn, Info, Pending, ["device"];
    /// A session was opened.
    SignInSucceeded "SIGN_IN_SUCCEEDED": SignIn, Info, Success, ["methods", "device"];
    /// A sign-in was refused.
    SignInFailed "SIGN_IN_FAILED": SignIn, Notice, Failure, ["reason", "device"];
    /// A sign-in ran out of time.
    SignInExpired "SIGN_IN_EXPIRED": SignIn, Info, Unfinished, ["device"];
    /// A sign-in was given up.
    SignInAbandoned "SIGN_IN_ABANDONED": SignIn, Info, Unfinished, ["device"];
    /// More proof is being asked for.
    StepUpStarted "STEP_UP_STARTED": StepUp, Info, Pending, ["purpose", "device"];
    /// More proof was given.
    StepUpSucceeded "STEP_UP_SUCCEEDED": StepUp, Info, Success, ["purpose", "methods", "device"];
    /// More proof was refused.
    StepUpFailed "STEP_UP_FAILED": StepUp, Notice, Failure, ["purpose", "reason", "device"];
    /// The time for more proof ran out.
    StepUpExpired "STEP_UP_EXPIRED": StepUp, Info, Unfinished, ["purpose", "device"];
    /// Giving more proof was given up.
    StepUpAbandoned "STEP_UP_ABANDONED": StepUp, Info, Unfinished, ["purpose", "device"];
    /// A password reset is under way.
    PasswordResetStarted "PASSWORD_RESET_STARTED": Recovery, Notice, Pending, ["device"];
    /// Enough was proved to set a new password.
    PasswordResetProved "PASSWORD_RESET_PROVED": Recovery, Notice, Pending, ["methods", "device"];
    /// A new password was set after a reset.
    PasswordReset "PASSWORD_RESET": Recovery, Warning, Success, ["methods", "device"];
    /// A password reset was refused.
    PasswordResetFailed "PASSWORD_RESET_FAILED": Recovery, Notice, Failure, ["reason", "device"];
    /// A password reset ran out of time.
    PasswordResetExpired "PASSWORD_RESET_EXPIRED": Recovery, Info, Unfinished, ["device"];
    /// A password reset was given up.
    PasswordResetAbandoned "PASSWORD_RESET_ABANDONED": Recovery, Info, Unfinished, ["device"];
    /// The replacement of a lost authenticator is under way.
    ReplacementStarted "REPLACEMENT_STARTED": Recovery, Notice, Pending, ["device"];
    /// Enough was proved to enrol a new authenticator.
    ReplacementProved "REPLACEMENT_PROVED": Recovery, Notice, Pending, ["methods", "device"];
    /// A new authenticator took the place of an old one.
    AuthenticatorReplaced "AUTHENTICATOR_REPLACED": Recovery, Warning, Success, ["label", "device"];
    /// A replacement was refused.
    ReplacementFailed "REPLACEMENT_FAILED": Recovery, Notice, Failure, ["reason", "device"];
    /// A replacement ran out of time.
    ReplacementExpired "REPLACEMENT_EXPIRED": Recovery, Info, Unfinished, ["device"];
    /// A replacement was given up.
    ReplacementAbandoned "REPLACEMENT_ABANDONED": Recovery, Info, Unfinished, ["device"];
    /// A link was sent to prove an address.
    EmailVerificationStarted "EMAIL_VERIFICATION_STARTED": Account, Info, Pending, [];
    /// The address was proved.
    EmailVerified "EMAIL_VERIFIED": Account, Info, Success, [];
    /// Proving the address failed.
    EmailVerificationFailed "EMAIL_VERIFICATION_FAILED": Account, Info, Failure, ["reason"];
    /// The link was not used in time.
    EmailVerificationExpired "EMAIL_VERIFICATION_EXPIRED": Account, Info, Unfinished, [];
    /// Proving the address was given up.
    EmailVerificationAbandoned "EMAIL_VERIFICATION_ABANDONED": Account, Info, Unfinished, [];
    /// The account was made.
    AccountRegistered "ACCOUNT_REGISTERED": Account, Info, Success, ["device"];
    /// Another address is used.
    EmailChanged "EMAIL_CHANGED": Account, Warning, Success, ["device"];
    /// Name, phone or language were changed.
    ProfileChanged "PROFILE_CHANGED": Account, Info, Success, ["device"];
    /// Something about the account was kept in order.
    AccountUpdated "ACCOUNT_UPDATED": Account, Info, Success, [];
    /// The account was erased.
    AccountErased "ACCOUNT_ERASED": Account, Alert, Success, [];
    /// The password was changed.
    PasswordChanged "PASSWORD_CHANGED": Credentials, Warning, Success, ["device"];
    /// A new authenticator is being added.
    AuthenticatorEnrolmentStarted "AUTHENTICATOR_ENROLMENT_STARTED": Credentials, Info, Pending, ["label", "device"];
    /// An authenticator was added.
    AuthenticatorAdded "AUTHENTICATOR_ADDED": Credentials, Warning, Success, ["label", "device"];
    /// An authenticator got another name.
    AuthenticatorRenamed "AUTHENTICATOR_RENAMED": Credentials, Info, Success, ["label"];
    /// An authenticator was removed.
    AuthenticatorRemoved "AUTHENTICATOR_REMOVED": Credentials, Warning, Success, ["cause", "device"];
    /// An authenticator was suspended.
    AuthenticatorSuspended "AUTHENTICATOR_SUSPENDED": Credentials, Warning, Success, ["cause", "device"];
    /// An authenticator was disabled after too many failures.
    AuthenticatorDisabled "AUTHENTICATOR_DISABLED": Protection, Alert, Success, ["count"];
    /// Two-step verification was switched on.
    TwoStepEnabled "TWO_STEP_ENABLED": Credentials, Notice, Success, ["device"];
    /// Two-step verification was switched off.
    TwoStepDisabled "TWO_STEP_DISABLED": Credentials, Warning, Success, ["device"];
    /// New recovery codes were made.
    RecoveryCodesIssued "RECOVERY_CODES_ISSUED": Credentials, Notice, Success, ["count", "device"];
    /// A recovery code was used.
    RecoveryCodeUsed "RECOVERY_CODE_USED": Recovery, Warning, Success, ["count", "device"];
    /// A proof was accepted outside a ceremony.
    ProofAccepted "PROOF_ACCEPTED": Credentials, Info, Success, ["methods", "device"];
    /// A proof was refused outside a ceremony.
    ProofRejected "PROOF_REJECTED": Credentials, Notice, Failure, ["methods", "reason", "device"];
    /// Failures in a row reached the number at which the person is told.
    FailureNotice "FAILURE_NOTICE": Protection, Alert, Failure, ["count"];
    /// Attempts were refused unread.
    Throttled "THROTTLED": Protection, Warning, Failure, ["count"];
    /// Somebody tried to register with the address of this account.
    RegistrationAttempted "REGISTRATION_ATTEMPTED": Protection, Notice, Failure, [];
    /// "This wasn't me."
    NotMeReported "NOT_ME_REPORTED": Protection, Alert, Success, ["device"];
    /// A device was used for the first time.
    DeviceAdded "DEVICE_ADDED": Device, Notice, Success, ["device"];
    /// A device is trusted for a while.
    DeviceTrusted "DEVICE_TRUSTED": Device, Notice, Success, ["device"];
    /// A device is no longer trusted.
    DeviceTrustDropped "DEVICE_TRUST_DROPPED": Device, Notice, Success, ["cause"];
    /// A device got a name.
    DeviceRenamed "DEVICE_RENAMED": Device, Info, Success, ["label"];
    /// A device was reported lost.
    DeviceReportedLost "DEVICE_REPORTED_LOST": Protection, Alert, Success, ["ended", "suspended", "device"];
    /// A device was taken off the list.
    DeviceForgotten "DEVICE_FORGOTTEN": Device, Notice, Success, ["device"];
    /// A session was opened outside a ceremony's story.
    SessionStarted "SESSION_STARTED": Session, Info, Success, ["methods", "device"];
    /// A session was raised outside a ceremony's story.
    SessionElevated "SESSION_ELEVATED": Session, Info, Success, ["purpose", "device"];
    /// A session ended.
    SessionEnded "SESSION_ENDED": Session, Info, Success, ["cause"];
    /// An attempt of which only the time is left.
    Attempt "ATTEMPT": SignIn, Info, Unfinished, [];
}

impl EntryType {
    /// The type of that public name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The key of its message, in every language.
    pub fn message_key(self) -> String {
        format!("activity-{}", self.as_str().to_ascii_lowercase().replace('_', "-"))
    }

    /// The key of its title, in every language.
    pub fn title_key(self) -> String {
        format!("type-{}", self.as_str().to_ascii_lowercase().replace('_', "-"))
    }
}
