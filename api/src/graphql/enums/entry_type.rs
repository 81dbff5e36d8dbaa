//! What an entry of the activity log says happened.

use async_graphql::Enum;

/// What an entry says happened. Names are a public interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "vitne_projections::activity::EntryType")]
pub(crate) enum EntryType {
    /// A sign-in is under way.
    SignInStarted,
    /// A session was opened.
    SignInSucceeded,
    /// A sign-in was refused.
    SignInFailed,
    /// A sign-in ran out of time.
    SignInExpired,
    /// A sign-in was given up.
    SignInAbandoned,
    /// More proof is being asked for.
    StepUpStarted,
    /// More proof was given.
    StepUpSucceeded,
    /// More proof was refused.
    StepUpFailed,
    /// The time for more proof ran out.
    StepUpExpired,
    /// Giving more proof was given up.
    StepUpAbandoned,
    /// A password reset is under way.
    PasswordResetStarted,
    /// Enough was proved to set a new password.
    PasswordResetProved,
    /// A new password was set after a reset.
    PasswordReset,
    /// A password reset was refused.
    PasswordResetFailed,
    /// A password reset ran out of time.
    PasswordResetExpired,
    /// A password reset was given up.
    PasswordResetAbandoned,
    /// The replacement of a lost authenticator is under way.
    ReplacementStarted,
    /// Enough was proved to enrol a new authenticator.
    ReplacementProved,
    /// A new authenticator took the place of an old one.
    AuthenticatorReplaced,
    /// A replacement was refused.
    ReplacementFailed,
    /// A replacement ran out of time.
    ReplacementExpired,
    /// A replacement was given up.
    ReplacementAbandoned,
    /// A link was sent to prove an address.
    EmailVerificationStarted,
    /// The address was proved.
    EmailVerified,
    /// Proving the address failed.
    EmailVerificationFailed,
    /// The link was not used in time.
    EmailVerificationExpired,
    /// Proving the address was given up.
    EmailVerificationAbandoned,
    /// The account was made.
    AccountRegistered,
    /// Another address is used.
    EmailChanged,
    /// Name, phone or language were changed.
    ProfileChanged,
    /// Something about the account was kept in order.
    AccountUpdated,
    /// The account was erased.
    AccountErased,
    /// The password was changed.
    PasswordChanged,
    /// A new authenticator is being added.
    AuthenticatorEnrolmentStarted,
    /// An authenticator was added.
    AuthenticatorAdded,
    /// An authenticator got another name.
    AuthenticatorRenamed,
    /// An authenticator was removed.
    AuthenticatorRemoved,
    /// An authenticator was suspended.
    AuthenticatorSuspended,
    /// An authenticator was disabled after too many failures.
    AuthenticatorDisabled,
    /// Two-step verification was switched on.
    TwoStepEnabled,
    /// Two-step verification was switched off.
    TwoStepDisabled,
    /// New recovery codes were made.
    RecoveryCodesIssued,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A proof was accepted outside a ceremony.
    ProofAccepted,
    /// A proof was refused outside a ceremony.
    ProofRejected,
    /// Failures in a row reached the number at which the person is told.
    FailureNotice,
    /// Attempts were refused unread.
    Throttled,
    /// Somebody tried to register with the address of this account.
    RegistrationAttempted,
    /// "This wasn't me."
    NotMeReported,
    /// A device was used for the first time.
    DeviceAdded,
    /// A device is trusted for a while.
    DeviceTrusted,
    /// A device is no longer trusted.
    DeviceTrustDropped,
    /// A device got a name.
    DeviceRenamed,
    /// A device was reported lost.
    DeviceReportedLost,
    /// A device was taken off the list.
    DeviceForgotten,
    /// A session was opened outside a ceremony's story.
    SessionStarted,
    /// A session was raised outside a ceremony's story.
    SessionElevated,
    /// A session ended.
    SessionEnded,
    /// An attempt of which only the time is left.
    Attempt,
}
